//! `match`: arms in order, each a row of tests that lead to the next.

use super::Op;
use super::builder::{Builder, Label, Reg};
use super::stmt::ends_in_jump;
use crate::resolve::hir::{Alternative, Match, Slot, Step};
use crate::runtime::info::PatternShape;

/// The kinds of [`PatternShape`], as the instruction names them.
const LIST: u8 = 0;
const LIST_FROM: u8 = 1;
const MAP: u8 = 2;
const CLASS: u8 = 3;

/// A shape as an instruction has it: kind and number.
fn packed(shape: PatternShape) -> (u8, u32) {
    match shape {
        PatternShape::List(length) => (LIST, length),
        PatternShape::ListFrom(length) => (LIST_FROM, length),
        PatternShape::Map => (MAP, 0),
        PatternShape::Class(class) => (CLASS, class.0),
    }
}

/// The shape that an instruction's kind and number mean.
pub fn pattern_shape(kind: u8, number: u32) -> PatternShape {
    match kind {
        LIST => PatternShape::List(number),
        LIST_FROM => PatternShape::ListFrom(number),
        MAP => PatternShape::Map,
        _ => PatternShape::Class(crate::runtime::info::ClassId(number)),
    }
}

impl<'a> Builder<'a> {
    pub(super) fn matching(&mut self, matching: &'a Match) {
        let end = self.label();
        for arm in &matching.arms {
            let next = self.label();
            self.alternatives(&arm.patterns, next);
            if let Some((gas, steps)) = &arm.guard {
                self.gas(*gas);
                self.steps(steps, next);
            }
            self.block(&arm.body);
            if !ends_in_jump(&arm.body.stmts) {
                self.emit_jump(Op::Jump, 0, end);
            }
            self.bind(next);
        }
        if let Some(span) = matching.no_match {
            self.at(span);
            self.emit(Op::NoMatch, self.slot(matching.subject), 0, 0);
        }
        self.bind(end);
    }

    /// Falls through if one of them matches.
    fn alternatives(&mut self, patterns: &'a [Alternative], next: Label) {
        let matched = self.label();
        for (index, Alternative { gas, steps }) in patterns.iter().enumerate() {
            if let Some(gas) = gas {
                self.gas(*gas);
            }
            if index + 1 == patterns.len() {
                self.steps(steps, next);
            } else if let [Step::Test(test)] = steps.as_slice() {
                self.jump_when(test, matched);
            } else {
                let other = self.label();
                self.steps(steps, other);
                self.emit_jump(Op::Jump, 0, matched);
                self.bind(other);
            }
        }
        self.bind(matched);
    }

    /// Falls through if all hold.
    fn steps(&mut self, steps: &'a [Step], otherwise: Label) {
        for step in steps {
            match step {
                Step::Do(stmt) => self.statements(std::slice::from_ref(stmt)),
                Step::Test(test) => self.jump_unless(test, otherwise),
            }
        }
    }

    pub(super) fn fits(&mut self, subject: Slot, shape: PatternShape, to: Reg) {
        let (kind, number) = packed(shape);
        self.emit_small(Op::Fits, kind, to, self.slot(subject));
        self.word(0, number);
    }
}
