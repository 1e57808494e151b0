//! What the compiler keeps of the action it compiles: code so far, labels, temporaries, what surrounds the place.

use std::sync::atomic::AtomicU64;

use super::inline::Inlining;
use super::op::{Extension, Operand};
use super::{Closure, Code, Handler, Instr, Op};
use crate::resolve::hir::{ActionBody, GasId, Place as Variable, Slot, Tree};
use crate::runtime::info::{ActionId, LoopId, Place, ProgramInfo, Symbol};
use crate::syntax::ast::Span;
use crate::value::Value;

/// A register of the frame's window.
pub(super) type Reg = u16;

/// A place in the code that may not be known yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label(u32);

/// A construct around the current place that `break`, `continue` and `return` have to do with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Around {
    /// A loop.
    Loop {
        /// Where `break` goes.
        exit: Label,
        /// Where `continue` goes.
        next: Label,
    },
    /// A guarded block: leaving it goes through its `finally`.
    Finally {
        /// The pending slots.
        pending: Slot,
        /// Where the `finally` block begins.
        entry: Label,
    },
    /// A modifier: a `return` ends it.
    Modifier {
        /// What comes behind it.
        end: Label,
    },
}

#[derive(Debug)]
pub(super) struct Builder<'a> {
    pub(super) tree: &'a Tree,
    pub(super) info: &'a ProgramInfo,
    /// What is being compiled: the action, or a leaf in it.
    pub(super) body: &'a ActionBody,
    /// Whether leaves may be compiled into their callers.
    pub(super) inlines: bool,
    /// The leaf's window.
    pub(super) inlining: Option<Inlining>,
    pub(super) code: Code,
    labels: Vec<u32>,
    jumps: Vec<usize>,
    ranges: Vec<(Label, Label, Label)>,
    loops: Vec<(LoopId, Label)>,
    place: Place,
    next: Reg,
    most: Reg,
    pub(super) around: Vec<Around>,
}

/// Compiles one action; `inlines`: leaf actions into it, too.
pub fn compile(tree: &Tree, info: &ProgramInfo, action: ActionId, inlines: bool) -> Code {
    let mut builder = Builder::new(tree, info, action, inlines);
    builder.action();
    let code = builder.finish();
    if cfg!(any(debug_assertions, feature = "checked"))
        && let Err(mistake) = super::verify(&code, info)
    {
        panic!("bad code: {mistake}\n{}", code.disassemble(info));
    }
    code
}

impl<'a> Builder<'a> {
    fn new(tree: &'a Tree, info: &'a ProgramInfo, action: ActionId, inlines: bool) -> Self {
        let body = &tree.actions[action.0 as usize];
        let code = Code::of_instructions(action, Vec::new(), body.fixed_slots);
        Self {
            tree,
            info,
            body,
            inlines,
            inlining: None,
            code,
            labels: Vec::new(),
            jumps: Vec::new(),
            ranges: Vec::new(),
            loops: Vec::new(),
            place: Place::default(),
            next: body.fixed_slots,
            most: body.fixed_slots,
            around: Vec::new(),
        }
    }

    /// Limit, entry block, defaults, body.
    fn action(&mut self) {
        let body = self.body;
        if let Some(limit) = &body.limit {
            let mark = self.mark();
            let value = self.operand(limit);
            self.at(limit.span);
            self.emit(Op::LimitGas, value, 0, 0);
            self.release(mark);
        }
        self.gas(body.body.gas);
        for (variable, default) in &body.defaults {
            let given = self.label();
            self.skip_if_given(*variable, given);
            self.block(default);
            self.bind(given);
        }
        self.statements(&body.body.stmts);
        self.emit(Op::ReturnNull, 0, 0, 0);
    }

    fn skip_if_given(&mut self, variable: Variable, given: Label) {
        let mark = self.mark();
        let register = match variable {
            Variable::Cell(slot) => {
                let value = self.temporary();
                self.emit(Op::PeekCell, value, slot.0, 0);
                value
            }
            Variable::Local(slot) => slot.0,
            _ => unreachable!("a parameter is a local or a cell"),
        };
        self.emit_jump(Op::JumpIfSet, register, given);
        self.release(mark);
    }

    fn finish(mut self) -> Code {
        for &at in &self.jumps {
            let label = self.code.instrs[at].number();
            let target = self.labels[label as usize];
            assert!(target != u32::MAX, "a label without a place");
            // From the instruction, which stands before its word.
            let from = if self.code.instrs[at].op == Op::Word { at - 1 } else { at } as u32;
            self.code.instrs[at].set_number(target.wrapping_sub(from));
        }
        let position = |label: Label| self.labels[label.0 as usize];
        self.code.handlers = self
            .ranges
            .iter()
            .map(|(from, to, target)| Handler { from: position(*from), to: position(*to), target: position(*target) })
            .collect();
        self.code.loop_entries = self.loops.iter().map(|(id, label)| (*id, position(*label))).collect();
        let bound = u32::from(self.body.fixed_slots) + u32::from(self.body.temporaries);
        assert!(u32::from(self.most) <= bound, "more temporaries than the resolver counted");
        self.code.frame_size = self.most;
        self.code
    }

    // ---- registers ----

    /// Takes the next temporary.
    pub(super) fn temporary(&mut self) -> Reg {
        let register = self.next;
        self.next = self.next.checked_add(1).expect("the resolver bounds the window");
        self.most = self.most.max(self.next);
        register
    }

    /// The temporaries in use.
    pub(super) fn mark(&self) -> Reg {
        self.next
    }

    /// Gives back all temporaries taken since the mark.
    pub(super) fn release(&mut self, mark: Reg) {
        self.next = mark;
    }

    /// Whether a register belongs to a variable.
    pub(super) fn is_fixed(&self, register: Reg) -> bool {
        match self.inlining {
            None => register < self.body.fixed_slots,
            Some(inlining) => register < inlining.base + self.body.fixed_slots,
        }
    }

    /// The register of a fixed slot.
    pub(super) fn slot(&self, slot: Slot) -> Reg {
        self.inlining.map_or(slot.0, |inlining| inlining.base + slot.0)
    }

    // ---- code ----

    /// Instructions from here on are reported at this span.
    pub(super) fn at(&mut self, span: Span) {
        self.place = Place { start: span.start, end: span.end };
    }

    pub(super) fn push(&mut self, instr: Instr) -> usize {
        let at = self.code.instrs.len();
        if self.code.places.last().is_none_or(|(_, place)| *place != self.place) {
            self.code.places.push((at as u32, self.place));
        }
        self.code.instrs.push(instr);
        at
    }

    pub(super) fn emit(&mut self, op: Op, a: u16, b: u16, c: u16) {
        self.push(Instr::new(op, a, b, c));
    }

    /// An instruction with a flag.
    pub(super) fn emit_flag(&mut self, op: Op, flag: bool, a: u16, b: u16, c: u16) {
        self.push(Instr { op, x: u8::from(flag), a, b, c });
    }

    /// An instruction with a small number beside its operands.
    pub(super) fn emit_small(&mut self, op: Op, small: u8, a: u16, b: u16) {
        self.push(Instr { op, x: small, a, b, c: 0 });
    }

    pub(super) fn emit_wide(&mut self, op: Op, a: u16, number: u32) {
        self.push(Instr::wide(op, a, number));
    }

    /// The word behind the last instruction.
    pub(super) fn word(&mut self, beside: u16, number: u32) {
        self.push(Instr::wide(Op::Word, beside, number));
    }

    /// A jump whose target is in its own word, or (by its shape) in the word behind it.
    pub(super) fn emit_jump(&mut self, op: Op, a: u16, target: Label) {
        debug_assert_eq!(op.shape().b, Operand::WideJump);
        let at = self.push(Instr::wide(op, a, target.0));
        self.jumps.push(at);
    }

    /// A jump with three operands and its target in the word behind it.
    pub(super) fn emit_branch(&mut self, op: Op, a: u16, b: u16, c: u16, target: Label) {
        debug_assert_eq!(op.shape().extension, Extension::Jump);
        self.emit(op, a, b, c);
        let at = self.push(Instr::wide(Op::Word, 0, target.0));
        self.jumps.push(at);
    }

    pub(super) fn label(&mut self) -> Label {
        self.labels.push(u32::MAX);
        Label(self.labels.len() as u32 - 1)
    }

    /// The label stands here.
    pub(super) fn bind(&mut self, label: Label) {
        self.labels[label.0 as usize] = self.code.instrs.len() as u32;
    }

    pub(super) fn label_here(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }

    /// Charges a gas block, if it costs anything.
    pub(super) fn gas(&mut self, gas: GasId) {
        let block = self.body.gas[gas.0 as usize];
        if block.cost > 0 {
            self.at(block.span);
            self.emit_wide(Op::Gas, 0, block.cost);
        }
    }

    /// A loop's header; `id` where every iteration passes it.
    pub(super) fn loop_header(&mut self, gas: GasId, id: Option<LoopId>) {
        let block = self.body.gas[gas.0 as usize];
        self.at(block.span);
        let site = id.map_or(Code::NO_LOOP, |id| u16::try_from(id.0).unwrap_or(Code::NO_LOOP));
        self.emit_wide(Op::LoopHeader, site, block.cost);
    }

    pub(super) fn note_loop(&mut self, id: LoopId, header: Label) {
        self.loops.push((id, header));
    }

    /// Errors from `from` to `to` go on at `target`. Inner ranges come before those around them.
    pub(super) fn guard(&mut self, from: Label, to: Label, target: Label) {
        self.ranges.push((from, to, target));
    }

    // ---- tables ----

    pub(super) fn constant(&mut self, value: Value) -> u32 {
        let same = |known: &Value| known.raw_eq(value) && known.aux() == value.aux();
        if let Some(at) = self.code.constants.iter().take(256).position(same) {
            return at as u32;
        }
        self.code.constants.push(value);
        self.code.constants.len() as u32 - 1
    }

    pub(super) fn closure(&mut self, closure: Closure) -> u32 {
        self.code.closures.push(closure);
        self.code.closures.len() as u32 - 1
    }

    /// An inline cache; `u16::MAX` if there are too many.
    pub(super) fn cache(&mut self) -> u16 {
        let at = self.code.caches.len();
        if at >= usize::from(u16::MAX) {
            return u16::MAX;
        }
        self.code.caches.push(AtomicU64::new(0));
        at as u16
    }

    pub(super) fn name_list(&mut self, names: Option<&[Symbol]>) -> u16 {
        let Some(names) = names else { return u16::MAX };
        let at = self.code.name_lists.iter().position(|list| list == names).unwrap_or_else(|| {
            self.code.name_lists.push(names.to_vec());
            self.code.name_lists.len() - 1
        });
        assert!(at < usize::from(u16::MAX), "65,535 different lists of argument names in one action");
        at as u16
    }

    pub(super) fn field_list(&mut self, fields: &[u16]) -> u16 {
        let at = self.code.field_lists.iter().position(|list| list == fields).unwrap_or_else(|| {
            self.code.field_lists.push(fields.to_vec());
            self.code.field_lists.len() - 1
        });
        assert!(at < usize::from(u16::MAX), "65,535 different lists of fields in one action");
        at as u16
    }
}
