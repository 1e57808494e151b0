//! Leaf actions compiled into their callers. The leaf's window begins at its first argument, as it would in a frame
//! of its own, so its code is what it is elsewhere with other register numbers. What a call does beside stays: the
//! poll, the depth, the gas blocks, and (by [`Inlined`]) the entry in the call stack of an error.

use super::builder::{Builder, Label, Reg};
use super::{Inlined, Op};
use crate::resolve::hir::{Call, Expr, Stmt, StmtKind};
use crate::runtime::info::ActionId;
use crate::syntax::ast::Span;

/// Where a leaf's code is being compiled to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inlining {
    /// The register of its slot 0.
    pub(super) base: Reg,
    /// Where its result goes.
    to: Reg,
    /// What follows the call.
    end: Label,
}

impl<'a> Builder<'a> {
    /// Whether the code of `callee` may stand here instead of a call.
    pub(super) fn may_inline(&self, callee: ActionId, arguments: usize) -> bool {
        self.inlines
            && self.inlining.is_none()
            && self.body.room_for_leaves
            && self.tree.actions[callee.0 as usize].leaf
            && self.info.action(callee).params.len() == arguments
    }

    pub(super) fn inline(&mut self, callee: ActionId, call: &'a Call, span: Span, to: Reg) {
        let mark = self.mark();
        let base = self.in_temporaries(&call.args);
        let leaf = &self.tree.actions[callee.0 as usize];
        while self.mark() < base + leaf.fixed_slots {
            self.temporary();
        }
        self.at(span);
        self.emit_wide(Op::EnterInlined, 0, callee.0);
        let from = self.code.instrs.len() as u32;
        let end = self.label();
        let caller = std::mem::replace(&mut self.body, leaf);
        let around = std::mem::take(&mut self.around);
        self.inlining = Some(Inlining { base, to, end });
        self.gas(leaf.body.gas);
        match leaf.body.stmts.split_last() {
            // The commonest: it ends in its result, and goes on behind the call without a jump.
            Some((Stmt { kind: StmtKind::Return(Some(value), _), .. }, before)) => {
                self.statements(before);
                self.into(value, to);
            }
            _ => {
                self.statements(&leaf.body.stmts);
                self.emit(Op::LoadNull, to, 0, 0);
            }
        }
        self.inlining = None;
        self.body = caller;
        self.around = around;
        let inlined = Inlined { from, to: self.code.instrs.len() as u32, action: callee, call: from - 1 };
        self.code.inlined.push(inlined);
        self.bind(end);
        self.release(mark);
        self.gas(call.gas);
    }

    /// `return` of a leaf: the value into the register that wants it, and on behind the call.
    pub(super) fn return_inlined(&mut self, value: Option<&'a Expr>) {
        let Some(Inlining { to, end, .. }) = self.inlining else { unreachable!("called for leaves only") };
        match value {
            Some(value) => self.into(value, to),
            None => self.emit(Op::LoadNull, to, 0, 0),
        }
        self.emit_jump(Op::Jump, 0, end);
    }
}
