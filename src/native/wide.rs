//! Integers beyond 64 bits, as leaf operations: compiled code passes two values, whatever they are, and gets the result,
//! without anything else being written or forgotten. What a leaf does not do (other types, results beyond 256 bits, gas
//! or bytes that are not there) it leaves undone, and the machine executes the instruction.
#![expect(unsafe_code, reason = "compiled code passes words of values")]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ssa, types};

use super::context::Context;
use super::lower::{Lowerer, trusted};
use super::ops::{Operand, Test};
use crate::bytecode::Op;
use crate::runtime::{Isolate, Leaf};
use crate::value::{Tag, Value};

/// What a leaf says: not done.
const UNDONE: i64 = 0;
/// Done; a comparison does not hold.
const DONE: i64 = 1;
/// Done; a comparison holds.
const HOLDS: i64 = 2;

impl Lowerer<'_, '_> {
    /// Whether a leaf may be worth its call: both operands are integers as far as is known, and one of them was last
    /// seen with more than 64 bits, or 64 bits were not enough before.
    fn takes_leaf(&mut self, at: u32, left: usize, right: Operand) -> bool {
        let left_tag = self.tag_or_guess(left);
        let right_tag = match right {
            Operand::Place(place) => self.tag_or_guess(place),
            Operand::Imm(_) => Some(Tag::Int),
        };
        let integer = |tag: Option<Tag>| tag.is_none_or(|tag| matches!(tag, Tag::Int | Tag::Wide));
        let is_wide = left_tag == Some(Tag::Wide) || right_tag == Some(Tag::Wide) || self.plan.generic.contains(&at);
        // What a temporary held before says nothing beside an integer.
        let left_stale = self.kind(left).tag().is_none() && self.is_stale(left);
        let right_stale = match right {
            Operand::Place(place) => self.kind(place).tag().is_none() && self.is_stale(place),
            Operand::Imm(_) => false,
        };
        let integers = (integer(left_tag) && (integer(right_tag) || right_stale)) || (integer(right_tag) && left_stale);
        let takes = integers && is_wide && !self.plan.frameless;
        // The gas depends on the result, and the machine may have to do it: no loop's header can have asked for that.
        if takes && self.quiet {
            self.not_quiet();
        }
        takes
    }

    fn tag_or_guess(&mut self, place: usize) -> Option<Tag> {
        self.kind(place).tag().or_else(|| self.guess(place))
    }

    fn operand_words(&mut self, operand: Operand) -> (Ssa, Ssa) {
        match operand {
            Operand::Place(place) => self.words(place),
            Operand::Imm(imm) => (self.int_const(Value::word_of(Tag::Int) as i64), self.int_const(imm)),
        }
    }

    /// Lowers arithmetic on integers that may have more than 64 bits, if that is what it may be.
    pub(super) fn wide_arithmetic(&mut self, at: u32, op: Op, to: usize, left: usize, right: Operand) -> bool {
        let leaf = match op {
            Op::Add => Leaf::Add,
            Op::Sub => Leaf::Sub,
            Op::Mul => Leaf::Mul,
            Op::Div => Leaf::Div,
            Op::Mod => Leaf::Mod,
            _ => return false,
        };
        if !self.takes_leaf(at, left, right) {
            return false;
        }
        self.store_gas();
        let done = self.leaf(arithmetic as *const () as usize, leaf as i64, left, right);
        self.reload_gas();
        let join = self.b.create_block();
        let word = self.b.append_block_param(join, types::I64);
        let payload = self.b.append_block_param(join, types::I64);
        self.unless_undone(at, done, |this| {
            this.flush(at);
            let went = this.call_step(at);
            this.went_to(went, at + 1);
            let made = this.load_home(to);
            this.b.ins().jump(join, &[made.0.into(), made.1.into()]);
        });
        let result = std::mem::offset_of!(Context, result) as i32;
        let made = self.b.ins().load(types::I64, trusted(), self.context, result);
        let value = self.b.ins().load(types::I64, trusted(), self.context, result + Value::PAYLOAD);
        self.b.ins().jump(join, &[made.into(), value.into()]);
        self.go_on_in(join);
        self.set_any(to, None, word, payload);
        if !matches!(leaf, Leaf::Div | Leaf::Mod) {
            self.expect_wide(to);
        }
        self.last_exit = None;
        true
    }

    /// Whether a comparison of integers that may have more than 64 bits holds, if that is what it may be.
    pub(super) fn wide_compare(&mut self, at: u32, test: Test, left: usize, right: Operand) -> Option<Ssa> {
        let leaf = match test {
            Test::Less => Leaf::Less,
            Test::LessEqual => Leaf::LessEqual,
            Test::Greater => Leaf::Greater,
            Test::GreaterEqual => Leaf::GreaterEqual,
            Test::Equal => Leaf::Equal,
        };
        if !self.takes_leaf(at, left, right) {
            return None;
        }
        let done = self.leaf(comparison as *const () as usize, leaf as i64, left, right);
        let join = self.b.create_block();
        let holds = self.b.append_block_param(join, types::I8);
        self.unless_undone(at, done, |this| {
            let held = this.compare_by_machine(at);
            this.b.ins().jump(join, &[held.into()]);
        });
        let held = self.b.ins().icmp_imm_s(IntCC::Equal, done, HOLDS);
        self.b.ins().jump(join, &[held.into()]);
        self.go_on_in(join);
        self.last_exit = None;
        Some(holds)
    }

    /// In a cold block: what the machine finds when it executes a comparison, before any negation.
    fn compare_by_machine(&mut self, at: u32) -> Ssa {
        self.flush(at);
        let went = self.call_step(at);
        let instr = self.plan.code.instrs[at as usize];
        let Some((jumps_if, target)) = self.jump_of(at) else {
            self.went_to(went, at + 1);
            let (_, payload) = self.load_home(usize::from(instr.a));
            let held = self.b.ins().icmp_imm_u(IntCC::NotEqual, payload, 0);
            return if instr.op == Op::NotEqual { self.b.ins().bxor_imm_u(held, 1) } else { held };
        };
        let jumped = self.b.ins().icmp_imm_s(IntCC::Equal, went, i64::from(target));
        let fell = self.b.ins().icmp_imm_s(IntCC::Equal, went, i64::from(at + 2));
        let either = self.b.ins().bor(jumped, fell);
        let (here, other) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(either, here, &[], other, &[]);
        self.b.set_cold_block(other);
        self.go_on_in(other);
        self.give(went);
        self.go_on_in(here);
        if jumps_if { jumped } else { self.b.ins().bxor_imm_u(jumped, 1) }
    }

    /// Goes on here where the leaf has done it; `otherwise` is for where it has not. In spliced calls, which the
    /// machine knows nothing of, the code leaves there.
    fn unless_undone(&mut self, at: u32, done: Ssa, otherwise: impl FnOnce(&mut Self)) {
        let is_done = self.b.ins().icmp_imm_s(IntCC::NotEqual, done, UNDONE);
        if self.is_spliced(at) {
            return self.guard(is_done, at);
        }
        let (here, aside): (Block, Block) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(is_done, here, &[], aside, &[]);
        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        otherwise(self);
        self.go_on_in(here);
    }

    fn leaf(&mut self, helper: usize, leaf: i64, left: usize, right: Operand) -> Ssa {
        let (x, y) = (self.words(left), self.operand_words(right));
        let (context, leaf) = (self.context, self.int_const(leaf));
        self.call(helper, &[types::I64; 6], types::I64, &[context, leaf, x.0, x.1, y.0, y.1])
    }
}

/// The isolate and both operands.
///
/// # Safety
/// The words are those of live values, the context that of compiled code that runs now.
unsafe fn operands<'a>(context: *mut Context, x: (u64, u64), y: (u64, u64)) -> (&'a mut Isolate, Value, Value) {
    // SAFETY: as promised; nobody else uses the isolate while a leaf runs.
    unsafe { (&mut *(*context).isolate, Value::from_words(x.0, x.1), Value::from_words(y.0, y.1)) }
}

/// Computes into the context's result.
extern "C" fn arithmetic(context: *mut Context, leaf: u64, xw: u64, xp: u64, yw: u64, yp: u64) -> i64 {
    // SAFETY: compiled code passes its own context and words that it has read from live places.
    let (isolate, x, y) = unsafe { operands(context, (xw, xp), (yw, yp)) };
    let Some(value) = Leaf::ALL.get(leaf as usize).and_then(|leaf| isolate.leaf_arithmetic(*leaf, x, y)) else {
        return UNDONE;
    };
    // SAFETY: as above.
    unsafe { (*context).result = [value.word(), value.payload()] };
    DONE
}

/// Whether a comparison holds.
extern "C" fn comparison(context: *mut Context, leaf: u64, xw: u64, xp: u64, yw: u64, yp: u64) -> i64 {
    // SAFETY: as above.
    let (isolate, x, y) = unsafe { operands(context, (xw, xp), (yw, yp)) };
    match Leaf::ALL.get(leaf as usize).and_then(|leaf| isolate.leaf_comparison(*leaf, x, y)) {
        None => UNDONE,
        Some(false) => DONE,
        Some(true) => HOLDS,
    }
}
