//! Calls of plain actions that have native code, without a helper: compiled code pushes the frame, calls the code, and
//! pops the frame. What is not as usual, before or after, is a helper's.
#![expect(unsafe_code, reason = "compiled code calls back with raw pointers")]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, SigRef, Value as Ssa, types};

use super::calls::{call, leave};
use super::context::{Context, guarded, status};
use super::lower::{Lowerer, entry_signature, trusted};
use super::state::Kind;
use crate::bytecode::Instr;
use crate::runtime::info::ActionId;
use crate::runtime::{CallLayout, Counter, Frame, Isolate};
use crate::value::{Tag, Value};

/// Bytes that a frame is copied by.
const PART: i32 = 16;
const _: () = assert!(size_of::<Frame>().is_multiple_of(16) && align_of::<Frame>() >= 4);

/// Where a call goes on.
pub(super) struct Ways {
    /// The machine or a helper has made it: with where the frame goes on.
    pub(super) aside: Block,
    /// It has returned, with its result in the context.
    boxed: Block,
    /// Behind it.
    pub(super) join: Block,
}

/// What a call changes and puts back.
#[derive(Clone, Copy)]
struct Before {
    depth: Ssa,
    logical: Ssa,
    top: Ssa,
}

impl Lowerer<'_, '_> {
    /// Lowers the call of a plain action with as many arguments as it has parameters.
    pub(super) fn direct_call(&mut self, at: u32, instr: Instr) -> bool {
        let action = ActionId(self.plan.code.instrs[at as usize + 1].number());
        let shape = self.plan.info.action(action).shape();
        if !shape.plain || u32::from(instr.c) != shape.params || self.plan.generic.contains(&at) {
            return false;
        }
        let helper = call as *const () as usize;
        self.call_directly(at, instr, Called { action, on: None, helper });
        true
    }

    /// Lowers a call straight into an action's code, where that can be.
    pub(super) fn call_directly(&mut self, at: u32, instr: Instr, called: Called) {
        let Called { action, on, helper } = called;
        let shape = self.plan.info.action(action).shape();
        self.out.direct += 1;
        let frameless = if on.is_none() { self.frameless_call(at, instr, action) } else { None };
        let gives_int = on.is_none() && self.gives_int(at, action);
        self.flush_for_step(at);
        let fields = std::mem::offset_of!(Context, fields) as i32;
        let context = self.context;
        let fields_were = on.map(|_| self.b.ins().load(types::I64, trusted(), context, fields));
        let (aside, join) = (self.b.create_block(), self.b.create_block());
        let went = self.b.append_block_param(aside, types::I64);
        let ways = Ways { aside, boxed: self.b.create_block(), join };
        if let Some(call) = frameless {
            self.call_frameless(at, instr, &call, &ways);
        }
        let cell = self.plan.actions[action.0 as usize].direct.as_ptr() as i64;
        let cell = self.int_const(cell);
        let entry = self.b.ins().load(types::I64, trusted(), cell, 0);
        let window = self.b.ins().iadd_imm_s(self.base, i64::from(instr.b) * size_of::<Value>() as i64);
        let (fast, slow) = (self.b.create_block(), self.b.create_block());
        let usual = self.is_usual((entry, window), shape.frame_slots, slow);
        match on {
            None => {
                self.b.ins().brif(usual, fast, &[], slow, &[]);
                self.go_on_in(fast);
            }
            Some(on) => self.check_instance(on, usual, fast, slow),
        }
        let on = on.map(|on| self.enter_contract(on));
        let callee = Callee { at, to: instr.a, action, on, entry, window, frame_slots: shape.frame_slots };
        let failed = self.push_and_call(callee, &ways);
        self.b.ins().jump(aside, &[failed.into()]);

        self.b.set_cold_block(slow);
        self.go_on_in(slow);
        let position = self.b.ins().iconst(types::I32, i64::from(at));
        let helped = self.call(helper, &[types::I64, types::I32], types::I64, &[context, position]);
        self.b.ins().jump(aside, &[helped.into()]);

        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        self.went_to(went, at + 2);
        self.b.ins().jump(ways.boxed, &[]);

        self.forget(at);
        self.go_on_in(ways.boxed);
        self.reload_gas();
        self.take_result(instr, None);
        let to = Self::register(instr.a);
        if gives_int {
            self.guard_kind(to, Kind::Int, at + 2);
            self.last_exit = None;
        }
        self.b.ins().jump(ways.join, &[]);
        self.go_on_in(ways.join);
        if let Some(were) = fields_were {
            self.b.ins().store(trusted(), were, context, fields);
        }
    }

    /// Whether what the call of a plain action gives is an integer in all likelihood; if it is something else the code
    /// leaves behind the call.
    fn gives_int(&mut self, at: u32, action: ActionId) -> bool {
        if self.plan.generic.contains(&(at + 2)) {
            return false;
        }
        if action == self.plan.code.action && !self.plan.is_loop {
            self.out.believes_itself = true;
            return self.learnt.returns_int;
        }
        self.plan.actions[action.0 as usize].returns_int()
    }

    pub(super) fn context_word(&mut self, offset: usize) -> Ssa {
        self.b.ins().load(types::I64, trusted().with_readonly(), self.context, offset as i32)
    }

    /// As `Isolate::enter` asks before its commonest case, and whether there is code, and room for it and the frame.
    /// The last of the questions; what does not hold before it is `slow`.
    fn is_usual(&mut self, (entry, window): (Ssa, Ssa), frame_slots: u32, slow: Block) -> Ssa {
        let layout = self.plan.calls;
        let known = self.b.ins().icmp_imm_u(IntCC::NotEqual, entry, 0);
        self.require(known, slow);
        let depth = self.b.ins().load(types::I64, trusted(), self.isolate, layout.frames.length);
        let most = std::mem::offset_of!(Context, frames_max) as i32;
        let most = self.b.ins().load(types::I64, trusted(), self.context, most);
        let shallow = self.b.ins().icmp(IntCC::UnsignedLessThan, depth, most);
        self.require(shallow, slow);
        let used = self.b.ins().load(types::I32, trusted(), self.isolate, layout.high_water);
        let index = self.slot_index(window);
        let end = self.b.ins().iadd_imm_u(index, i64::from(frame_slots));
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThanOrEqual, end, used);
        self.require(inside, slow);
        self.is_calm(slow)
    }

    /// Whether there is stack left, and the poll has nothing to do. The last of the questions; what does not hold before
    /// it is `slow`.
    pub(super) fn is_calm(&mut self, slow: Block) -> Ssa {
        let layout = self.plan.calls;
        let pointer = self.b.ins().get_stack_pointer(types::I64);
        let floor = self.b.ins().load(types::I64, trusted(), self.isolate, layout.stack_floor);
        let high = self.b.ins().icmp(IntCC::UnsignedGreaterThan, pointer, floor);
        self.require(high, slow);
        let bits = self.b.ins().load(types::I32, trusted(), self.poll_bits, 0);
        let calm = self.b.ins().icmp_imm_u(IntCC::Equal, bits, 0);
        self.require(calm, slow);
        let collects = self.collection_wanted();
        self.b.ins().bxor_imm_u(collects, 1)
    }

    /// Goes on here if it holds.
    pub(super) fn require(&mut self, holds: Ssa, otherwise: Block) {
        let here = self.b.create_block();
        self.b.ins().brif(holds, here, &[], otherwise, &[]);
        self.go_on_in(here);
    }

    /// The number of the slot at an address, 32 bits wide.
    fn slot_index(&mut self, window: Ssa) -> Ssa {
        let slots = self.context_word(std::mem::offset_of!(Context, slots));
        let index = self.b.ins().isub(window, slots);
        let index = self.b.ins().ushr_imm_u(index, 4);
        self.b.ins().ireduce(types::I32, index)
    }

    /// Pushes the frame, calls the code, and pops the frame; an integer is then the result, in its register, and the
    /// code goes on in `join`; any other result is in the context, in `boxed`. In the block after it something else
    /// came of it: gives what the helper says.
    fn push_and_call(&mut self, callee: Callee, ways: &Ways) -> Ssa {
        let before = self.push_frame(&callee);
        self.count_call(callee.action);
        let signature = self.entry_reference();
        let (context, gas) = (self.context, self.b.use_var(self.gas));
        let called = self.b.ins().call_indirect(signature, callee.entry, &[context, callee.window, gas]);
        let (word, gas) = (self.b.inst_results(called)[0], self.b.inst_results(called)[1]);
        let is_int = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, gas, 0);
        let (quick, unlike, pop, other) =
            (self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.b.ins().brif(is_int, quick, &[], unlike, &[]);
        self.go_on_in(quick);
        let int = self.int_const(Value::word_of(Tag::Int) as i64);
        if callee.on.is_some() {
            let result = std::mem::offset_of!(Context, result) as i32;
            self.b.ins().store(trusted(), int, context, result);
            self.b.ins().store(trusted(), word, context, result + Value::PAYLOAD);
            self.b.ins().store(trusted(), gas, self.isolate, Isolate::GAS_OFFSET);
            self.b.ins().jump(pop, &[]);
        } else {
            self.pop_frame(before);
            let to = Self::register(callee.to);
            self.def_word(to, int);
            self.def_payload(to, word);
            self.b.def_var(self.gas, gas);
            self.b.ins().jump(ways.join, &[]);
        }
        self.go_on_in(unlike);
        let kind = self.b.ins().ushr_imm_u(word, 60);
        let returned = self.b.ins().icmp_imm_u(IntCC::Equal, kind, status::RETURNED);
        self.b.ins().brif(returned, pop, &[], other, &[]);
        self.go_on_in(pop);
        if let Some(entered) = callee.on {
            self.leave_contract(entered, &callee, before.top, ways.aside);
        }
        self.pop_frame(before);
        self.b.ins().jump(ways.boxed, &[]);
        self.b.set_cold_block(other);
        self.go_on_in(other);
        let position = self.b.ins().iconst(types::I32, i64::from(callee.at));
        let params = [types::I64, types::I32, types::I64, types::I64];
        self.call(finish as *const () as usize, &params, types::I64, &[context, position, callee.entry, word])
    }

    fn push_frame(&mut self, callee: &Callee) -> Before {
        let layout = self.plan.calls;
        let isolate = self.isolate;
        let size = size_of::<Frame>() as i64;
        let depth = self.b.ins().load(types::I64, trusted(), isolate, layout.frames.length);
        let frames = self.b.ins().load(types::I64, trusted(), isolate, layout.frames.pointer);
        let offset = self.b.ins().imul_imm_s(depth, size);
        let frame = self.b.ins().iadd(frames, offset);
        self.copy_frame(callee, frame);
        match callee.on {
            Some(entered) => self.fill_contract_frame(entered, frame),
            None => {
                let above = self.b.ins().load(types::I32, trusted(), frame, CallLayout::FRAME_CONTEXT - size as i32);
                self.b.ins().store(trusted(), above, frame, CallLayout::FRAME_CONTEXT);
            }
        }
        let index = self.slot_index(callee.window);
        self.b.ins().store(trusted(), index, frame, CallLayout::FRAME_BASE);
        let deeper = self.b.ins().iadd_imm_s(depth, 1);
        self.b.ins().store(trusted(), deeper, isolate, layout.frames.length);
        let logical = self.b.ins().load(types::I32, trusted(), isolate, layout.stack_slots);
        let more = self.b.ins().iadd_imm_u(logical, i64::from(callee.frame_slots));
        self.b.ins().store(trusted(), more, isolate, layout.stack_slots);
        let top = self.b.ins().load(types::I32, trusted(), isolate, layout.top);
        let higher = self.b.ins().iadd_imm_u(index, i64::from(callee.frame_slots));
        self.b.ins().store(trusted(), higher, isolate, layout.top);
        Before { depth, logical, top }
    }

    fn pop_frame(&mut self, before: Before) {
        let (layout, isolate) = (self.plan.calls, self.isolate);
        self.b.ins().store(trusted(), before.depth, isolate, layout.frames.length);
        self.b.ins().store(trusted(), before.logical, isolate, layout.stack_slots);
        self.b.ins().store(trusted(), before.top, isolate, layout.top);
    }

    /// Copies what is the same in every frame of this call.
    fn copy_frame(&mut self, callee: &Callee, frame: Ssa) {
        let same = match callee.on {
            Some(_) => Frame {
                undoes: self.plan.bug != Some(super::NativeBug::KeptAfterError),
                ..Frame::of_contract_call(callee.action, callee.at, callee.to)
            },
            None => Frame::of_call(callee.action, callee.at, callee.to),
        };
        let same = Box::new(same);
        let address = self.int_const(std::ptr::from_ref(&*same) as i64);
        self.out.frames.push(same);
        let flags = MemFlagsData::new().with_notrap();
        for part in 0..size_of::<Frame>() as i32 / PART {
            let value = self.b.ins().load(types::I8X16, flags.with_readonly(), address, part * PART);
            self.b.ins().store(flags, value, frame, part * PART);
        }
    }

    /// Counts a call of an action.
    pub(super) fn count_call(&mut self, action: ActionId) {
        if let Some(count) = self.counted.get(&action.0).filter(|_| self.quiet) {
            return self.count_quietly(*count);
        }
        let one = self.int_const(1);
        self.count_calls(action, one);
    }

    /// Counts some calls of an action.
    pub(super) fn count_calls(&mut self, action: ActionId, more: Ssa) {
        let calls = self.context_word(std::mem::offset_of!(Context, calls));
        let offset = action.0 as usize * size_of::<Counter>() + std::mem::offset_of!(Counter, count);
        let count = self.b.ins().load(types::I64, trusted(), calls, offset as i32);
        let count = self.b.ins().iadd(count, more);
        self.b.ins().store(trusted(), count, calls, offset as i32);
    }

    fn entry_reference(&mut self) -> SigRef {
        if let Some(known) = self.signatures.get(&0) {
            return *known;
        }
        let signature = entry_signature(self.call_conv);
        let reference = self.b.import_signature(signature);
        self.signatures.insert(0, reference);
        reference
    }
}

/// What is called, and by what helper where that cannot be done directly.
#[derive(Clone, Copy)]
pub(super) struct Called {
    pub(super) action: ActionId,
    /// The contract instance that it is called on.
    pub(super) on: Option<super::contract::On>,
    pub(super) helper: usize,
}

/// A call to be made.
#[derive(Clone, Copy)]
pub(super) struct Callee {
    pub(super) at: u32,
    to: u16,
    action: ActionId,
    /// The contract instance, for whose action everything is ready but the frame.
    on: Option<super::contract::Entered>,
    entry: Ssa,
    window: Ssa,
    frame_slots: u32,
}

/// The code of a direct call has not returned: the machine runs its frame to the end.
extern "C" fn finish(context: *mut Context, position: u32, entry: u64, word: i64) -> i64 {
    guarded(context, position, |isolate, machine| {
        // SAFETY: compiled code passes its own context, which nobody else uses now; the tier outlives the activation.
        let (native, shared) = unsafe { (&*(*context).native, &mut *context) };
        let action = isolate.frame().action;
        let arrived = native.left_direct(shared, action, entry as usize, word);
        let result = machine.finish(isolate, arrived);
        let caller = isolate.frames[isolate.frames.len() - 2];
        let top = caller.base + u32::from(machine.code_of(caller.action).frame_size);
        // SAFETY: as above.
        unsafe { leave(context, isolate, result, position, top) }
    })
}
