//! What contracts do in almost every call besides computing: requirements, events, `TX.caller`.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, types};

use super::context::{Context, guarded, status};
use super::lower::{Lowerer, trusted};
use super::state::Kind;
use crate::bytecode::{Instr, Op};
use crate::runtime::info::Symbol;
use crate::runtime::names::REQUIRE;
use crate::runtime::{Isolate, Unwind};
use crate::value::{Tag, Value};

impl Lowerer<'_, '_> {
    /// Lowers such an instruction.
    pub(super) fn builtin(&mut self, at: u32, instr: Instr) -> bool {
        if self.plan.generic.contains(&at) {
            return false;
        }
        match instr.op {
            Op::CallBuiltin => self.requirement(at, instr),
            Op::Emit => self.event(at, instr),
            Op::LoadTx if self.plan.info.name(Symbol(instr.number())) == "caller" => self.caller(at, instr),
            // In a contract that nobody's action has called.
            Op::LoadSender if self.is_entered_from_outside(at) => self.caller(at, instr),
            _ => false,
        }
    }

    /// `require(condition, ...)`: true has no effect, and anything else is the machine's.
    fn requirement(&mut self, at: u32, instr: Instr) -> bool {
        let number = self.plan.code.instrs[at as usize + 1].number();
        if number != REQUIRE || !matches!(instr.c, 1 | 2) {
            return false;
        }
        let (to, condition) = (Self::register(instr.a), Self::register(instr.b));
        let kind = self.kind(condition);
        if !matches!(kind, Kind::Bool | Kind::Any(_)) {
            return false;
        }
        let payload = self.payload(condition);
        let mut holds = self.b.ins().icmp_imm_u(IntCC::NotEqual, payload, 0);
        if kind != Kind::Bool {
            let word = self.word(condition);
            let tag = self.b.ins().ireduce(types::I8, word);
            let is_bool = self.b.ins().icmp_imm_u(IntCC::Equal, tag, Value::word_of(Tag::Bool) as i64);
            holds = self.b.ins().band(holds, is_bool);
        }
        if self.is_spliced(at) {
            self.guard(holds, at);
            self.set_constant(to, Value::NULL);
            return true;
        }
        let (aside, join) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(holds, join, &[], aside, &[]);
        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        self.step_aside(at, at + 2, join);
        self.go_on_in(join);
        self.set_constant(to, Value::NULL);
        true
    }

    /// `emit Name(...)`. It changes nothing that the program can see: finds stay.
    fn event(&mut self, at: u32, instr: Instr) -> bool {
        let finds = std::mem::take(&mut self.state.finds);
        let word = self.plan.code.instrs[at as usize + 1];
        if self.plan.code.name_lists.get(usize::from(word.a)).is_some() {
            self.step_by(at, emit_named as *const () as usize);
        } else {
            self.flush_for_step(at);
            let arguments = u32::from(instr.b) | u32::from(instr.c) << 16;
            let [position, name, arguments] =
                [at, word.number(), arguments].map(|word| self.b.ins().iconst(types::I32, i64::from(word)));
            let params = [types::I64, types::I32, types::I32, types::I32];
            let args = [self.context, position, name, arguments];
            let went = self.call(emit as *const () as usize, &params, types::I64, &args);
            self.reload_gas();
            self.went_to(went, at + 2);
            self.forget(at);
        }
        self.state.finds = finds;
        true
    }

    /// `TX.caller`, or `msg.sender` where that is the same, once the host's text of it is there.
    fn caller(&mut self, at: u32, instr: Instr) -> bool {
        let offset = Isolate::CALLER_OFFSET;
        let word = self.b.ins().load(types::I64, trusted(), self.isolate, offset);
        let tag = self.b.ins().ireduce(types::I8, word);
        let is_text = self.b.ins().icmp_imm_u(IntCC::Equal, tag, Value::word_of(Tag::Str) as i64);
        self.guard(is_text, at);
        let payload = self.b.ins().load(types::I64, trusted(), self.isolate, offset + Value::PAYLOAD);
        self.set_any(Self::register(instr.a), Some(Tag::Str), word, payload);
        true
    }
}

/// An event; `arguments` are its first register, and how many there are in the upper half.
extern "C" fn emit(context: *mut Context, position: u32, name: u32, arguments: u32) -> i64 {
    guarded(context, position, |isolate, _| {
        let first = isolate.frame().base + (arguments & 0xffff);
        match isolate.emit(Symbol(name), first, arguments >> 16, None) {
            Ok(()) => i64::from(position) + 2,
            Err(Unwind) => status::word(status::FAILED, 0, position),
        }
    })
}

/// An event whose arguments are given by name.
extern "C" fn emit_named(context: *mut Context, position: u32) -> i64 {
    guarded(context, position, |isolate, machine| {
        let frame = isolate.frame();
        let code = machine.code_of(frame.action);
        let (instr, word) = (code.instrs[position as usize], code.instrs[position as usize + 1]);
        let names = code.name_lists.get(usize::from(word.a)).map(Vec::as_slice);
        let (first, count) = (frame.base + u32::from(instr.b), u32::from(instr.c));
        match isolate.emit(Symbol(word.number()), first, count, names) {
            Ok(()) => i64::from(position) + 2,
            Err(Unwind) => status::word(status::FAILED, 0, position),
        }
    })
}
