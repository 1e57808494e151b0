//! `try`, `finally` and `defer`: guarded ranges of code, and what waits in the pending slots, in the same codes as
//! the evaluator's, so that code may be entered in the middle of any of it.

use super::Op;
use super::builder::{Around, Builder, Label, Reg};
use crate::resolve::hir::{Block, Completion, Place, Slot};
use crate::syntax::ast::Span;

/// Where a `return` goes before it ends the action.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exit {
    /// Through a `finally`: its pending slots and its start.
    Finally(Slot, Label),
    /// Behind the modifier that it ends.
    Modifier(Label),
}

impl<'a> Builder<'a> {
    pub(super) fn try_catch(&mut self, body: &'a Block, variable: Option<Place>, handler: &'a Block, span: Span) {
        let (end, target) = (self.label(), self.label());
        let from = self.label_here();
        self.block(body);
        let to = self.label_here();
        self.guard(from, to, target);
        self.emit_jump(Op::Jump, 0, end);
        self.bind(target);
        let mark = self.mark();
        let caught = match variable {
            Some(Place::Local(slot)) => slot.0,
            _ => self.temporary(),
        };
        self.at(span);
        self.emit(Op::Catch, caught, 0, 0);
        if let Some(variable) = variable {
            self.store(variable, caught, false);
        }
        self.release(mark);
        self.block(handler);
        self.bind(end);
    }

    pub(super) fn try_finally(&mut self, body: &'a Block, pending: Slot, finally: &'a Block) {
        let (entry, target) = (self.label(), self.label());
        self.guarded(body, pending, entry, target);
        self.bind(target);
        self.emit(Op::HoldError, pending.0, 0, 0);
        self.bind(entry);
        self.block(finally);
        self.complete(pending);
    }

    /// A block whose every end but a signal is held in the pending slots.
    fn guarded(&mut self, body: &'a Block, pending: Slot, entry: Label, target: Label) {
        let from = self.label_here();
        self.around.push(Around::Finally { pending, entry });
        self.block(body);
        self.around.pop();
        let to = self.label_here();
        self.guard(from, to, target);
        self.emit(Op::HoldPlain, pending.0, Completion::Normal as u16, 0);
        self.emit_jump(Op::Jump, 0, entry);
    }

    /// Goes on with what waits.
    fn complete(&mut self, pending: Slot) {
        self.emit(Op::Rethrow, pending.0, 0, 0);
        for (code, fresh) in [(Completion::Return, false), (Completion::ReturnFresh, true)] {
            let other = self.unless_pending(pending, code);
            self.return_register(pending.0 + 1, fresh);
            self.bind(other);
        }
        if self.is_in_loop() {
            for (code, is_break) in [(Completion::Break, true), (Completion::Continue, false)] {
                let other = self.unless_pending(pending, code);
                self.leave_loop(is_break);
                self.bind(other);
            }
        }
    }

    fn unless_pending(&mut self, pending: Slot, code: Completion) -> Label {
        let (holds, other) = (self.label(), self.label());
        self.emit_branch(Op::JumpIfPending, pending.0, code as u16, 0, holds);
        self.emit_jump(Op::Jump, 0, other);
        self.bind(holds);
        other
    }

    fn is_in_loop(&self) -> bool {
        self.around.iter().any(|around| matches!(around, Around::Loop { .. }))
    }

    /// Where a `return` here goes first, unless it ends the action at once.
    pub(super) fn exit_around(&self) -> Option<Exit> {
        self.around.iter().rev().find_map(|around| match around {
            Around::Finally { pending, entry } => Some(Exit::Finally(*pending, *entry)),
            Around::Modifier { end } => Some(Exit::Modifier(*end)),
            Around::Loop { .. } => None,
        })
    }

    pub(super) fn return_register(&mut self, value: Reg, fresh: bool) {
        match self.exit_around() {
            Some(Exit::Modifier(end)) => self.emit_jump(Op::Jump, 0, end),
            None => self.emit_flag(Op::Return, fresh, value, 0, 0),
            Some(Exit::Finally(pending, entry)) => {
                let code = if fresh { Completion::ReturnFresh } else { Completion::Return };
                self.emit(Op::Hold, pending.0, value, code as u16);
                self.emit_jump(Op::Jump, 0, entry);
            }
        }
    }

    pub(super) fn deferred(&mut self, body: &'a Block, list: Slot, pending: Slot, blocks: &'a [Block]) {
        let (entry, target, end) = (self.label(), self.label(), self.label());
        self.emit(Op::LoadUnset, list.0, 0, 0);
        self.guarded(body, pending, entry, target);
        self.bind(target);
        self.emit(Op::HoldError, pending.0, 0, 0);
        self.bind(entry);
        let index = self.temporary();
        self.emit_branch(Op::NextDeferred, index, list.0, 0, end);
        let starts: Vec<Label> = blocks.iter().map(|_| self.label()).collect();
        for (number, start) in starts.iter().enumerate() {
            self.select(index, number, *start);
        }
        for (block, start) in blocks.iter().zip(starts) {
            self.bind(start);
            let from = self.label_here();
            self.around.push(Around::Finally { pending, entry });
            self.block(block);
            self.around.pop();
            let to = self.label_here();
            self.guard(from, to, target);
            self.emit_jump(Op::Jump, 0, entry);
        }
        self.bind(end);
        self.complete(pending);
    }

    fn select(&mut self, index: Reg, number: usize, start: Label) {
        if let Ok(short) = i16::try_from(number) {
            return self.emit_branch(Op::JumpIfEqualImm, index, short.cast_unsigned(), 0, start);
        }
        let mark = self.mark();
        let other = self.temporary();
        self.emit_wide(Op::LoadInt, other, number as u32);
        self.emit_branch(Op::JumpIfEqual, index, other, 0, start);
        self.release(mark);
    }
}
