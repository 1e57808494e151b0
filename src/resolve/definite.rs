//! Which plain locals certainly have a value at the place being lowered. Conservative: what is assigned in a branch,
//! loop or `try` counts inside it only. A certain local is read without a test.

use crate::resolve::hir::Slot;

/// The set of slots that certainly have a value, with an undo log.
#[derive(Debug, Default)]
pub(super) struct DefiniteSlots {
    set: Vec<bool>,
    log: Vec<Slot>,
}

/// A state of [`DefiniteSlots`] to return to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(usize);

impl DefiniteSlots {
    /// The slot has a value from here on.
    pub(super) fn add(&mut self, slot: Slot) {
        let index = usize::from(slot.0);
        if index >= self.set.len() {
            self.set.resize(index + 1, false);
        }
        if !self.set[index] {
            self.set[index] = true;
            self.log.push(slot);
        }
    }

    /// Whether the slot certainly has a value.
    pub(super) fn contains(&self, slot: Slot) -> bool {
        self.set.get(usize::from(slot.0)).copied().unwrap_or(false)
    }

    /// The present state.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.log.len())
    }

    /// Forgets what was added since.
    pub(super) fn restore(&mut self, mark: Mark) {
        for slot in self.log.drain(mark.0..) {
            self.set[usize::from(slot.0)] = false;
        }
    }
}
