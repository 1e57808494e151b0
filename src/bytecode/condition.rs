//! Conditions: comparisons jump without making a boolean.

use super::Op;
use super::builder::{Builder, Label};
use super::expr::short;
use super::jump_table::{compare_jump, compare_jump_short};
use crate::resolve::hir::{Expr, ExprKind, UnaryOp};

impl<'a> Builder<'a> {
    /// Goes on at `target` if the condition is not true.
    pub(super) fn jump_unless(&mut self, test: &'a Expr, target: Label) {
        self.condition(test, false, target);
    }

    /// Goes on at `target` if the condition is true.
    pub(super) fn jump_when(&mut self, test: &'a Expr, target: Label) {
        self.condition(test, true, target);
    }

    fn condition(&mut self, test: &'a Expr, when: bool, target: Label) {
        let mark = self.mark();
        match &test.kind {
            ExprKind::Unary(UnaryOp::Not, inner) => self.condition(inner, !when, target),
            ExprKind::And(left, gas, right) if when => {
                let end = self.label();
                self.condition(left, false, end);
                self.gas(*gas);
                self.condition(right, true, target);
                self.bind(end);
            }
            ExprKind::And(left, gas, right) => {
                self.condition(left, false, target);
                self.gas(*gas);
                self.condition(right, false, target);
            }
            ExprKind::Or(left, gas, right) if when => {
                self.condition(left, true, target);
                self.gas(*gas);
                self.condition(right, true, target);
            }
            ExprKind::Or(left, gas, right) => {
                let end = self.label();
                self.condition(left, true, end);
                self.gas(*gas);
                self.condition(right, false, target);
                self.bind(end);
            }
            ExprKind::Binary(op, left, right) if compare_jump(*op, when).is_some() => {
                let left = self.operand(left);
                let short = short(right).and_then(|short| Some((compare_jump_short(*op, when)?, short)));
                let (op, right) = match (short, compare_jump(*op, when)) {
                    (Some(found), _) => found,
                    (None, Some(op)) => (op, self.operand(right)),
                    (None, None) => unreachable!("guarded above"),
                };
                self.at(test.span);
                self.emit_branch(op, left, right, 0, target);
            }
            _ => {
                let value = self.operand(test);
                self.at(test.span);
                self.emit_jump(if when { Op::JumpIf } else { Op::JumpIfNot }, value, target);
            }
        }
        self.release(mark);
    }
}
