//! One instruction after the other: those worth it as machine code, all others executed by the machine.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Value as Ssa, types};

use super::context::{Context, status};
use super::liveness::successors;
use super::lower::{Lowerer, trusted};
use super::ranges::Range;
use super::state::{Kind, Loc};
use crate::bytecode::{Instr, Op};
use crate::runtime::Isolate;
use crate::runtime::info::ActionId;
use crate::value::{Tag, Value};

/// The right operand of an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    Place(usize),
    Imm(i64),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
}

impl Test {
    /// What holds of integers if this does not; none where that says nothing of their order.
    pub(super) fn opposite(self) -> Option<Test> {
        match self {
            Test::Less => Some(Test::GreaterEqual),
            Test::LessEqual => Some(Test::Greater),
            Test::Greater => Some(Test::LessEqual),
            Test::GreaterEqual => Some(Test::Less),
            Test::Equal => None,
        }
    }

    fn of_ints(self) -> IntCC {
        match self {
            Test::Less => IntCC::SignedLessThan,
            Test::LessEqual => IntCC::SignedLessThanOrEqual,
            Test::Greater => IntCC::SignedGreaterThan,
            Test::GreaterEqual => IntCC::SignedGreaterThanOrEqual,
            Test::Equal => IntCC::Equal,
        }
    }

    fn of_floats(self) -> FloatCC {
        match self {
            Test::Less => FloatCC::LessThan,
            Test::LessEqual => FloatCC::LessThanOrEqual,
            Test::Greater => FloatCC::GreaterThan,
            Test::GreaterEqual => FloatCC::GreaterThanOrEqual,
            Test::Equal => FloatCC::Equal,
        }
    }
}

/// Two numbers of one kind.
enum Pair {
    Ints(Ssa, Ssa),
    Floats(Ssa, Ssa),
}

impl Lowerer<'_, '_> {
    /// Lowers the instruction at a position.
    pub(super) fn instruction(&mut self, at: u32) {
        let instr = self.plan.code.instrs[at as usize];
        let done = self.in_spliced(at, instr)
            || self.control(at, instr)
            || self.moves(at, instr)
            || self.computes(at, instr)
            || self.container(at, instr)
            || self.builtin(at, instr)
            || self.calls(at, instr);
        if !done {
            self.by_machine(at);
        }
    }

    /// Has the machine execute it.
    pub(super) fn by_machine(&mut self, at: u32) {
        if self.plan.frameless || self.is_spliced(at) {
            return self.leave_counted(at);
        }
        match (self.plan.code.instrs[at as usize].op, successors(self.plan.code, at)) {
            (_, (Some(next), Some(target))) => self.step_branch(at, next, target),
            // What ends the action or only unwinds is the machine's.
            (_, (None, _)) => self.leave(at),
            _ => self.step(at),
        }
    }

    fn is_generic(&self, at: u32) -> bool {
        self.plan.generic.contains(&at)
    }

    fn target(&self, at: u32, instr: Instr) -> u32 {
        if instr.op.words() == 2 { self.plan.code.instrs[at as usize + 1].target(at) } else { instr.target(at) }
    }

    // ---- control ----

    fn control(&mut self, at: u32, instr: Instr) -> bool {
        let a = Self::register(instr.a);
        match instr.op {
            Op::Jump => {
                let edge = self.edge(instr.target(at));
                self.b.ins().jump(edge, &[]);
                self.ended = true;
            }
            Op::JumpIf => return self.jump_if(at, instr, true),
            Op::JumpIfNot => return self.jump_if(at, instr, false),
            Op::JumpIfNull => self.jump_on_tag(at, instr, a, Tag::Null, true),
            Op::JumpIfNotNull => self.jump_on_tag(at, instr, a, Tag::Null, false),
            Op::JumpIfSet => self.jump_on_tag(at, instr, a, Tag::Unset, false),
            Op::Gas => {
                let skipped = self.plan.bug == Some(super::NativeBug::SkippedGas);
                self.charge(if skipped { 0 } else { instr.number() }, at);
            }
            Op::LoopHeader => self.loop_header(at, instr),
            Op::EnterInlined => self.enter_inlined(at, instr),
            Op::Return if self.plan.frameless => self.return_integer(at, a),
            Op::Return if !self.plan.is_loop => self.return_place(at, a, instr.x != 0),
            Op::ReturnNull if !self.plan.frameless && !self.plan.is_loop => {
                let (word, payload) = (self.int_const(Value::NULL.word() as i64), self.int_const(0));
                self.return_words(at, word, payload, false);
            }
            op => {
                let Some((test, when, imm)) = branch_of(op) else { return false };
                let right =
                    if imm { Operand::Imm(i64::from(instr.b as i16)) } else { Operand::Place(Self::register(instr.b)) };
                let Some(holds) = self.compare(at, test, a, right) else { return false };
                let (yes, no) = if when { (self.target(at, instr), at + 2) } else { (at + 2, self.target(at, instr)) };
                self.branch_on(holds, (test, a, right), yes, no);
            }
        }
        true
    }

    fn branch(&mut self, holds: Ssa, yes: u32, no: u32) {
        let (yes, no) = (self.edge(yes), self.edge(no));
        self.b.ins().brif(holds, yes, &[], no, &[]);
        self.ended = true;
    }

    fn branch_always(&mut self, to: u32) {
        let edge = self.edge(to);
        self.b.ins().jump(edge, &[]);
        self.ended = true;
    }

    fn jump_if(&mut self, at: u32, instr: Instr, when: bool) -> bool {
        let a = Self::register(instr.a);
        let (target, next) = (instr.target(at), at + 1);
        let (yes, no) = if when { (target, next) } else { (next, target) };
        let Some(holds) = self.truth(at, a) else { return false };
        match holds {
            Ok(holds) => self.branch(holds, yes, no),
            Err(known) => self.branch_always(if known { yes } else { no }),
        }
        true
    }

    /// Whether a place is true: at run time, or always the same.
    fn truth(&mut self, at: u32, place: usize) -> Option<Result<Ssa, bool>> {
        let kind = self.kind(place);
        let kind = if matches!(kind, Kind::Any(None)) && !self.is_generic(at) {
            // A temporary held something else before: what is asked for its truth is probably a boolean.
            let guess = match self.guess(place).map(Kind::of) {
                Some(Kind::Int) => Kind::Int,
                _ => Kind::Bool,
            };
            self.guard_kind(place, guess, at);
            guess
        } else {
            kind
        };
        match kind {
            Kind::Bool | Kind::Int => {
                let payload = self.payload(place);
                Some(Ok(self.b.ins().icmp_imm_s(IntCC::NotEqual, payload, 0)))
            }
            Kind::Null => Some(Err(false)),
            _ => None,
        }
    }

    fn jump_on_tag(&mut self, at: u32, instr: Instr, place: usize, tag: Tag, when: bool) {
        let (target, next) = (instr.target(at), at + 1);
        let (yes, no) = if when { (target, next) } else { (next, target) };
        match self.kind(place).tag() {
            Some(known) => self.branch_always(if known == tag { yes } else { no }),
            None => {
                let word = self.word(place);
                let kind = self.hints.get(&place).map(|value| Kind::of(value.tag()));
                if let Some(kind @ (Kind::Int | Kind::Float | Kind::Bool)) = kind
                    && tag == Tag::Null
                    && !self.is_generic(at)
                {
                    return self.branch_on_kind(at, place, kind, yes, no);
                }
                let holds = self.b.ins().icmp_imm_s(IntCC::Equal, word, Value::word_of(tag) as i64);
                self.branch(holds, yes, no);
            }
        }
    }

    /// Ends the block with a branch on whether a place holds null, where it probably holds a kind otherwise: that is
    /// asked for first, and known then.
    fn branch_on_kind(&mut self, at: u32, place: usize, kind: Kind, null: u32, other: u32) {
        let (there, not_there) = (self.b.create_block(), self.b.create_block());
        let word = self.word(place);
        let tag = kind.tag().unwrap_or(Tag::Null);
        let holds = self.b.ins().icmp_imm_s(IntCC::Equal, word, Value::word_of(tag) as i64);
        self.b.ins().brif(holds, there, &[], not_there, &[]);
        self.go_on_in(there);
        let before = self.state.clone();
        self.refine(place, kind);
        self.note_tag(word, tag);
        self.branch_always(other);
        self.state = before;
        self.go_on_in(not_there);
        self.last_exit = None;
        let is_null = self.b.ins().icmp_imm_s(IntCC::Equal, word, Value::word_of(Tag::Null) as i64);
        self.guard(is_null, at);
        self.note_tag(word, Tag::Null);
        self.branch_always(null);
    }

    /// Whether the poll has something to do.
    pub(super) fn poll_wanted(&mut self) -> Ssa {
        let bits = self.b.ins().load(types::I32, trusted(), self.poll_bits, 0);
        let collects = self.collection_wanted();
        let collects = self.b.ins().uextend(types::I32, collects);
        self.b.ins().bor(bits, collects)
    }

    /// Whether the heap has grown enough for a collection.
    pub(super) fn collection_wanted(&mut self) -> Ssa {
        let (layout, isolate, heap) = (self.plan.layout, self.isolate, Isolate::HEAP_OFFSET);
        let since = self.b.ins().load(types::I64, trusted(), isolate, (heap + layout.heap_bytes_since) as i32);
        let above = self.b.ins().load(types::I64, trusted(), isolate, (heap + layout.heap_collect_above) as i32);
        self.b.ins().icmp(IntCC::UnsignedGreaterThan, since, above)
    }

    /// If the poll has something to do, the machine executes the whole instruction; else what follows does.
    fn unless_polled(&mut self, at: u32, quick: impl FnOnce(&mut Self)) {
        let wanted = self.poll_wanted();
        let (aside, here, join) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.b.ins().brif(wanted, aside, &[], here, &[]);
        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        self.step_aside(at, at + 1, join);
        self.go_on_in(here);
        quick(self);
        self.b.ins().jump(join, &[]);
        self.go_on_in(join);
    }

    fn loop_header(&mut self, at: u32, instr: Instr) {
        if let Some(path_gas) = self.learnt.path_gas.filter(|_| self.quiet) {
            return self.quiet_header(at, instr.number(), path_gas);
        }
        self.unless_polled(at, |this| this.charge(instr.number(), at));
    }

    fn enter_inlined(&mut self, at: u32, instr: Instr) {
        let leaf = instr.number();
        let slots = self.plan.info.actions[leaf as usize].frame_slots;
        self.out.leaf_slots = self.out.leaf_slots.max(slots);
        if self.quiet {
            // The header polls; a leaf is short.
            return self.count_call(ActionId(leaf));
        }
        self.unless_polled(at, |this| this.count_call(ActionId(leaf)));
    }

    fn return_place(&mut self, at: u32, place: usize, fresh: bool) {
        if self.kind(place) != Kind::Int {
            let (word, payload) = self.words(place);
            return self.return_words(at, word, payload, fresh);
        }
        let payload = self.payload(place);
        self.note_fresh(fresh);
        self.flush_outside();
        let gas = self.b.use_var(self.gas);
        self.b.ins().return_(&[payload, gas]);
        self.ended = true;
    }

    /// In code without frames: gives an integer; anything else leaves.
    fn return_integer(&mut self, at: u32, place: usize) {
        self.guard_kind(place, Kind::Int, at);
        if self.kind(place) != Kind::Int {
            return self.leave_counted(at);
        }
        let (payload, gas) = (self.payload(place), self.b.use_var(self.gas));
        self.b.ins().return_(&[payload, gas]);
        self.ended = true;
    }

    fn return_words(&mut self, at: u32, word: Ssa, payload: Ssa, fresh: bool) {
        self.again |= self.out.believes_itself && self.learnt.returns_int;
        self.learnt.returns_int = false;
        let result = std::mem::offset_of!(Context, result) as i32;
        let context = self.context;
        self.b.ins().store(trusted(), word, context, result);
        self.b.ins().store(trusted(), payload, context, result + 8);
        self.note_fresh(fresh);
        self.flush_outside();
        self.store_gas();
        let word = self.int_const(status::word(status::RETURNED, 0, at));
        self.give(word);
        self.ended = true;
    }

    fn note_fresh(&mut self, fresh: bool) {
        let fresh = self.b.ins().iconst(types::I8, i64::from(fresh));
        self.b.ins().store(trusted(), fresh, self.isolate, Isolate::FRESH_OFFSET);
    }

    // ---- moves ----

    fn moves(&mut self, at: u32, instr: Instr) -> bool {
        let a = Self::register(instr.a);
        match instr.op {
            Op::Move if self.move_sunk(at + 1, a, Self::register(instr.b)) => {}
            Op::Move => self.copy(a, Self::register(instr.b)),
            Op::LoadInt => self.set_constant(a, Value::int(i64::from(instr.number() as i32))),
            Op::LoadConst => self.set_constant(a, self.plan.code.constants[instr.number() as usize]),
            Op::LoadNull => self.set_constant(a, Value::NULL),
            Op::LoadUnset => self.set_constant(a, Value::UNSET),
            Op::LoadBool => self.set_constant(a, Value::bool(instr.b != 0)),
            Op::CheckSet => match self.kind(a).tag() {
                Some(Tag::Unset) => return false,
                Some(_) => {}
                None if self.is_generic(at) => return false,
                None => self.guard_set(a, at),
            },
            // A name that is a builtin's too: the program has set it, or the guard fails.
            Op::LoadGlobal | Op::LoadGlobalOr => {
                let Some(global) = self.global(instr.number()) else { return false };
                if self.is_generic(at) {
                    return false;
                }
                let known = matches!(self.state.locs[global], Loc::Held { .. });
                if self.kind(global).tag() == Some(Tag::Unset) {
                    return false;
                }
                if !known {
                    self.guard_set(global, at);
                }
                self.copy(a, global);
            }
            Op::StoreGlobal => return self.store_global(at, instr),
            Op::LoadField => {
                let Some(field) = self.field(instr.b) else { return false };
                self.copy(a, field);
            }
            _ => return false,
        }
        true
    }

    fn guard_set(&mut self, place: usize, at: u32) {
        let word = self.word(place);
        let set = self.b.ins().icmp_imm_s(IntCC::NotEqual, word, Value::UNSET.word() as i64);
        self.guard(set, at);
    }

    fn store_global(&mut self, at: u32, instr: Instr) -> bool {
        let a = Self::register(instr.a);
        let Some(global) = self.global(instr.number()).filter(|_| self.plan.promotes) else { return false };
        let kind = self.kind(a);
        // A container or function may be contract state or hold some, and is then copied or refused.
        match kind.tag() {
            Some(tag) if tag.is_plain() || tag == Tag::Str => {}
            Some(_) => return false,
            None => {
                let guess = self.guess(a).map_or(Kind::Int, Kind::of);
                if self.is_generic(at) || matches!(guess, Kind::Any(_)) {
                    return false;
                }
                self.guard_kind(a, guess, at);
            }
        }
        self.out.stored_globals.push(instr.number());
        self.copy(global, a);
        true
    }

    // ---- arithmetic and comparisons ----

    fn computes(&mut self, at: u32, instr: Instr) -> bool {
        let (a, b) = (Self::register(instr.a), Self::register(instr.b));
        let place = Operand::Place(Self::register(instr.c));
        let imm = Operand::Imm(i64::from(instr.c as i16));
        match instr.op {
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod => self.arithmetic(at, instr.op, a, b, place),
            Op::AddImm => self.arithmetic(at, Op::Add, a, b, imm),
            Op::SubImm => self.arithmetic(at, Op::Sub, a, b, imm),
            Op::MulImm => self.arithmetic(at, Op::Mul, a, b, imm),
            Op::DivImm => self.arithmetic(at, Op::Div, a, b, imm),
            Op::ModImm => self.arithmetic(at, Op::Mod, a, b, imm),
            Op::BitAnd | Op::BitOr | Op::BitXor => self.bits(at, instr.op, a, b, place),
            Op::Less => self.test(at, Test::Less, a, b, place, false),
            Op::LessEqual => self.test(at, Test::LessEqual, a, b, place, false),
            Op::Greater => self.test(at, Test::Greater, a, b, place, false),
            Op::GreaterEqual => self.test(at, Test::GreaterEqual, a, b, place, false),
            Op::Equal => self.test(at, Test::Equal, a, b, place, false),
            Op::NotEqual => self.test(at, Test::Equal, a, b, place, true),
            Op::Not | Op::Truth => {
                let Some(holds) = self.truth(at, b) else { return false };
                match holds {
                    Ok(mut holds) => {
                        if instr.op == Op::Not {
                            holds = self.b.ins().bxor_imm_u(holds, 1);
                        }
                        self.set_bool(a, holds);
                    }
                    Err(known) => self.set_constant(a, Value::bool(known != (instr.op == Op::Not))),
                }
                true
            }
            Op::Negate => {
                if self.is_generic(at) {
                    return false;
                }
                let kind = self.kind_or_guess(b);
                match kind {
                    Kind::Int => {
                        self.guard_kind(b, Kind::Int, at);
                        let value = self.payload(b);
                        let zero = self.int_const(0);
                        let (value, overflows) = self.b.ins().ssub_overflow(zero, value);
                        self.guard_not(overflows, at);
                        self.set(a, Kind::Int, value);
                        true
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn set_bool(&mut self, place: usize, holds: Ssa) {
        let value = self.b.ins().uextend(types::I64, holds);
        self.set(place, Kind::Bool, value);
    }

    fn kind_or_guess(&mut self, place: usize) -> Kind {
        match self.kind(place) {
            Kind::Any(None) => self.guess(place).map_or(Kind::Int, Kind::of),
            kind => kind,
        }
    }

    /// Leaves unless the place holds the kind.
    pub(super) fn guard_kind(&mut self, place: usize, kind: Kind, at: u32) {
        let now = self.kind(place);
        if now == kind || (now.tag().is_some() && now.tag() == kind.tag()) {
            return;
        }
        let Some(tag) = kind.tag() else { return };
        let word = self.word(place);
        let holds = if tag == Tag::Str {
            let low = self.b.ins().ireduce(types::I8, word);
            self.b.ins().icmp_imm_s(IntCC::Equal, low, Value::word_of(tag) as i64)
        } else {
            self.b.ins().icmp_imm_s(IntCC::Equal, word, Value::word_of(tag) as i64)
        };
        self.guard(holds, at);
        self.refine(place, kind);
        self.note_tag(word, tag);
    }

    /// Of a value with this first word is now known that it has a tag.
    fn note_tag(&mut self, word: Ssa, tag: Tag) {
        let word = self.b.func.dfg.resolve_aliases(word);
        self.state.note_tag(word, tag);
    }

    /// Both operands as numbers of one kind, if they are likely to be. `mixed`: an integer may become a float.
    fn numbers(&mut self, at: u32, left: usize, right: Operand, mixed: bool) -> Option<Pair> {
        if self.is_generic(at) {
            return self.known_numbers(left, right, mixed);
        }
        let (mut x, mut y) = (self.kind(left), self.kind_of(right));
        // What nothing is known of is what it was last; the other operand tells more.
        if matches!(x, Kind::Any(None)) {
            x = self.guess_beside(left, y);
        }
        if let (Operand::Place(place), Kind::Any(None)) = (right, y) {
            y = self.guess_beside(place, x);
        }
        let numbers = |kind| matches!(kind, Kind::Int | Kind::Float);
        if !numbers(x) || !numbers(y) || (x != y && !mixed) {
            return None;
        }
        self.guard_kind(left, x, at);
        if let Operand::Place(place) = right {
            self.guard_kind(place, y, at);
        }
        self.known_numbers(left, right, mixed)
    }

    fn guess_beside(&self, place: usize, other: Kind) -> Kind {
        match self.guess(place).map(Kind::of) {
            Some(kind @ (Kind::Int | Kind::Float)) => kind,
            Some(Kind::Any(Some(Tag::Wide | Tag::Huge))) => Kind::Any(None),
            // A temporary held something else before.
            _ if other == Kind::Float => Kind::Float,
            _ => Kind::Int,
        }
    }

    fn kind_of(&mut self, operand: Operand) -> Kind {
        match operand {
            Operand::Place(place) => self.kind(place),
            Operand::Imm(_) => Kind::Int,
        }
    }

    fn known_numbers(&mut self, left: usize, right: Operand, mixed: bool) -> Option<Pair> {
        let (x, y) = (self.kind(left), self.kind_of(right));
        match (x, y) {
            (Kind::Int, Kind::Int) => {
                let (x, y) = (self.payload(left), self.int_of(right));
                Some(Pair::Ints(x, y))
            }
            (Kind::Float, Kind::Float) => {
                let x = self.float(left);
                let y = self.float_of(right);
                Some(Pair::Floats(x, y))
            }
            (Kind::Int, Kind::Float) | (Kind::Float, Kind::Int) if mixed => {
                let x = self.float_of(Operand::Place(left));
                let y = self.float_of(right);
                Some(Pair::Floats(x, y))
            }
            _ => None,
        }
    }

    fn int_of(&mut self, operand: Operand) -> Ssa {
        match operand {
            Operand::Place(place) => self.payload(place),
            Operand::Imm(imm) => self.int_const(imm),
        }
    }

    fn float_of(&mut self, operand: Operand) -> Ssa {
        match operand {
            Operand::Place(place) if self.kind(place) == Kind::Float => self.float(place),
            Operand::Place(place) => {
                let int = self.payload(place);
                self.b.ins().fcvt_from_sint(types::F64, int)
            }
            Operand::Imm(imm) => self.b.ins().f64const(imm as f64),
        }
    }

    fn arithmetic(&mut self, at: u32, op: Op, to: usize, left: usize, right: Operand) -> bool {
        match self.numbers(at, left, right, true) {
            Some(Pair::Ints(x, y)) if !(self.is_generic(at)) => self.ints(at, op, to, (x, y), (left, right)),
            Some(Pair::Floats(x, y)) => self.floats(at, op, to, x, y, right),
            _ => self.wide_arithmetic(at, op, to, left, right),
        }
    }

    fn ints(&mut self, at: u32, op: Op, to: usize, (x, y): (Ssa, Ssa), (left, right): (usize, Operand)) -> bool {
        let (a, mut b) = (self.range_of(Operand::Place(left)), self.range_of(right));
        let (value, range) = if matches!(op, Op::Div | Op::Mod) {
            if b.high <= 0 {
                return false;
            }
            if b.low <= 0 {
                let positive = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThan, y, 0);
                self.guard(positive, at);
                b.low = 1;
            }
            self.floored(op, (x, y), (a, b))
        } else {
            self.combine(at, op, (x, y), (a, b))
        };
        self.set(to, Kind::Int, value);
        self.bound(to, range);
        true
    }

    fn floats(&mut self, at: u32, op: Op, to: usize, x: Ssa, y: Ssa, right: Operand) -> bool {
        let value = match op {
            Op::Add => self.b.ins().fadd(x, y),
            Op::Sub => self.b.ins().fsub(x, y),
            Op::Mul => self.b.ins().fmul(x, y),
            Op::Div | Op::Mod => {
                match right {
                    Operand::Imm(0) => return false,
                    Operand::Imm(_) => {}
                    Operand::Place(_) => {
                        if self.is_generic(at) {
                            return false;
                        }
                        let zero = self.b.ins().f64const(0.0);
                        let is_zero = self.b.ins().fcmp(FloatCC::Equal, y, zero);
                        self.guard_not(is_zero, at);
                    }
                }
                if op == Op::Div {
                    self.b.ins().fdiv(x, y)
                } else {
                    let helper = super::context::float_mod as *const () as usize;
                    self.call(helper, &[types::F64, types::F64], types::F64, &[x, y])
                }
            }
            _ => return false,
        };
        self.set_float(to, value);
        true
    }

    fn bits(&mut self, at: u32, op: Op, to: usize, left: usize, right: Operand) -> bool {
        let Some(Pair::Ints(x, y)) = self.numbers(at, left, right, false) else { return false };
        let value = match op {
            Op::BitAnd => self.b.ins().band(x, y),
            Op::BitOr => self.b.ins().bor(x, y),
            _ => self.b.ins().bxor(x, y),
        };
        let (a, b) = (self.range_of(Operand::Place(left)), self.range_of(right));
        self.set(to, Kind::Int, value);
        if op == Op::BitAnd && (a.is_never_negative() || b.is_never_negative()) {
            let most = |range: Range| if range.is_never_negative() { range.high } else { i64::MAX };
            self.bound(to, Range::new(0, most(a).min(most(b))));
        }
        true
    }

    fn compare(&mut self, at: u32, test: Test, left: usize, right: Operand) -> Option<Ssa> {
        // An integer and a float are compared exactly, which the shared operation does.
        match self.numbers(at, left, right, false) {
            Some(Pair::Ints(x, y)) => Some(self.b.ins().icmp(test.of_ints(), x, y)),
            Some(Pair::Floats(x, y)) => Some(self.b.ins().fcmp(test.of_floats(), x, y)),
            None => self.wide_compare(at, test, left, right),
        }
    }

    /// Of a comparison that is a branch: whether it jumps where that holds, and where to.
    pub(super) fn jump_of(&self, at: u32) -> Option<(bool, u32)> {
        let instr = self.plan.code.instrs[at as usize];
        branch_of(instr.op).map(|(_, when, _)| (when, self.target(at, instr)))
    }

    fn test(&mut self, at: u32, test: Test, to: usize, left: usize, right: Operand, negated: bool) -> bool {
        let Some(mut holds) = self.compare(at, test, left, right) else { return false };
        if negated {
            holds = self.b.ins().bxor_imm_u(holds, 1);
        }
        self.set_bool(to, holds);
        true
    }
}

/// The comparison that a branch makes: which, whether it jumps when that holds, whether with a number.
fn branch_of(op: Op) -> Option<(Test, bool, bool)> {
    Some(match op {
        Op::JumpIfLess => (Test::Less, true, false),
        Op::JumpIfNotLess => (Test::Less, false, false),
        Op::JumpIfLessEqual => (Test::LessEqual, true, false),
        Op::JumpIfNotLessEqual => (Test::LessEqual, false, false),
        Op::JumpIfGreater => (Test::Greater, true, false),
        Op::JumpIfNotGreater => (Test::Greater, false, false),
        Op::JumpIfGreaterEqual => (Test::GreaterEqual, true, false),
        Op::JumpIfNotGreaterEqual => (Test::GreaterEqual, false, false),
        Op::JumpIfEqual => (Test::Equal, true, false),
        Op::JumpIfNotEqual => (Test::Equal, false, false),
        Op::JumpIfLessImm => (Test::Less, true, true),
        Op::JumpIfNotLessImm => (Test::Less, false, true),
        Op::JumpIfLessEqualImm => (Test::LessEqual, true, true),
        Op::JumpIfNotLessEqualImm => (Test::LessEqual, false, true),
        Op::JumpIfGreaterImm => (Test::Greater, true, true),
        Op::JumpIfNotGreaterImm => (Test::Greater, false, true),
        Op::JumpIfGreaterEqualImm => (Test::GreaterEqual, true, true),
        Op::JumpIfNotGreaterEqualImm => (Test::GreaterEqual, false, true),
        Op::JumpIfEqualImm => (Test::Equal, true, true),
        Op::JumpIfNotEqualImm => (Test::Equal, false, true),
        _ => return None,
    })
}
