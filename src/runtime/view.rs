//! `view` and `pure` actions: while one runs, nothing may happen that a failing call would have to undo. Writes look
//! at one number; what a view call finds in its way is decided here, out of line.

use super::info::ActionId;
use super::isolate::Isolate;
use super::signal::Unwind;
use crate::value::{Space, Value};

impl Isolate {
    /// A view action has been called and its checkpoint opened.
    #[cold]
    pub(super) fn begin_view(&mut self) {
        // Inside another one, the outer one's limit holds.
        if self.view_since == 0 || self.view_action().is_none() {
            self.view_since = self.ledger.heap.current_epoch;
        }
    }

    /// The innermost view action that runs.
    fn view_action(&self) -> Option<ActionId> {
        let mut actions = self.frames.iter().rev().map(|frame| frame.action);
        actions.find(|action| self.info.action(*action).view)
    }

    /// Whether a view action runs.
    #[inline]
    pub(super) fn view_runs(&self) -> bool {
        self.view_since != 0 && self.view_action().is_some()
    }

    /// An error if a view action runs: `what` it cannot do.
    #[inline]
    pub(super) fn check_view(&mut self, what: &str) -> Result<(), Unwind> {
        if self.view_since == 0 { Ok(()) } else { self.refuse_in_view(what) }
    }

    /// An error if a view action runs that was called after the container (or cell) had been made.
    #[inline]
    pub(super) fn check_view_of(&mut self, container: Value) -> Result<(), Unwind> {
        if self.view_since == 0 || self.ledger.heap.container(container).epoch >= self.view_since {
            return Ok(());
        }
        let state = self.ledger.heap.space(container) == Space::Ledger;
        self.refuse_in_view(if state { "change contract state" } else { "change what existed before its call" })
    }

    #[cold]
    #[inline(never)]
    fn refuse_in_view(&mut self, what: &str) -> Result<(), Unwind> {
        let Some(action) = self.view_action() else {
            // The view call is over: leaving it does not look back.
            self.view_since = 0;
            return Ok(());
        };
        let message = format!("Action '{}' is view: it cannot {what}", self.action_name(action));
        self.fail(&message)
    }
}
