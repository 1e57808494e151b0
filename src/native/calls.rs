//! Calls of known actions, straight into their native code if there is some.
#![expect(unsafe_code, reason = "compiled code is called, and calls back with raw pointers")]

use cranelift_codegen::ir::{InstBuilder, types};

use super::context::{Context, guarded, status};
use super::lower::{Lowerer, trusted};
use super::tier::Native;
use crate::bytecode::{Arrived, Instr, Machine, Op};
use crate::runtime::info::{ActionId, Symbol};
use crate::runtime::{CallSite, Isolate, NO_INSTANCE, Unwind};
use crate::value::{Tag, Value};

impl Lowerer<'_, '_> {
    /// Lowers a call.
    pub(super) fn calls(&mut self, at: u32, instr: Instr) -> bool {
        let helper = match instr.op {
            Op::Call if self.plan.frameless => {
                self.call_itself(at, instr);
                return true;
            }
            Op::Call if self.direct_call(at, instr) => return true,
            Op::Call => call as *const () as usize,
            Op::CallMethod | Op::CallOwn if self.contract_call(at, instr) => return true,
            Op::CallOwn => call_own as *const () as usize,
            Op::CallMethod if !self.plan.generic.contains(&at) => call_method as *const () as usize,
            _ => return false,
        };
        self.out.helped += 1;
        self.step_by(at, helper);
        self.take_result(instr, None);
        true
    }

    /// Sets the register that an instruction sets to the result in the context, whose tag may be known.
    pub(super) fn take_result(&mut self, instr: Instr, tag: Option<Tag>) {
        let (context, result) = (self.context, std::mem::offset_of!(Context, result) as i32);
        let word = self.b.ins().load(types::I64, trusted(), context, result);
        let payload = self.b.ins().load(types::I64, trusted(), context, result + 8);
        self.set_any(Self::register(instr.a), tag, word, payload);
    }
}

/// An action about to be entered.
#[derive(Clone, Copy)]
struct Callee {
    action: ActionId,
    this: u32,
}

/// `Call`: a global action.
pub(super) extern "C" fn call(context: *mut Context, position: u32) -> i64 {
    guarded(context, position, |isolate, machine| {
        let action = ActionId(word_behind(isolate, machine, position));
        // SAFETY: see `guarded`.
        unsafe { enter(context, isolate, machine, position, Callee { action, this: NO_INSTANCE }) }
    })
}

/// `CallOwn`: an action of this contract.
pub(super) extern "C" fn call_own(context: *mut Context, position: u32) -> i64 {
    guarded(context, position, |isolate, machine| {
        let callee = Callee { action: ActionId(word_behind(isolate, machine, position)), this: isolate.this() };
        // SAFETY: see `guarded`.
        unsafe { enter(context, isolate, machine, position, callee) }
    })
}

/// `CallMethod`: of a contract instance, an action that anyone may call. Any other is the machine's.
pub(super) extern "C" fn call_method(context: *mut Context, position: u32) -> i64 {
    guarded(context, position, |isolate, machine| {
        let code = machine.code_of(isolate.frame().action);
        let (instr, word) = (code.instrs[position as usize], code.instrs[position as usize + 1]);
        let receiver = isolate.slots[(isolate.frame().base + u32::from(instr.b)) as usize - 1];
        if receiver.tag() == Tag::Contract {
            let class = isolate.ledger.instances[receiver.id() as usize].class;
            let action = isolate.info.classes[class as usize].action(Symbol(word.number()));
            if let Some(action) = action.filter(|action| !isolate.info.action(*action).private) {
                let callee = Callee { action, this: receiver.id() };
                // SAFETY: see `guarded`.
                return unsafe { enter(context, isolate, machine, position, callee) };
            }
        }
        match machine.step(isolate, position) {
            Ok(next) => {
                let value = isolate.slots[(isolate.frame().base + u32::from(instr.a)) as usize];
                // SAFETY: see `guarded`.
                unsafe { (*context).result = [value.word(), value.payload()] };
                i64::from(next)
            }
            Err(Unwind) => status::word(status::FAILED, 0, position),
        }
    })
}

fn word_behind(isolate: &Isolate, machine: &dyn Machine, position: u32) -> u32 {
    machine.code_of(isolate.frame().action).instrs[position as usize + 1].number()
}

/// Enters the action, runs it to its end, leaves it; its result goes into the context.
///
/// # Safety
/// The context is that of the running code, and `isolate` and `machine` are its.
unsafe fn enter(
    context: *mut Context,
    isolate: &mut Isolate,
    machine: &dyn Machine,
    position: u32,
    callee: Callee,
) -> i64 {
    let failed = status::word(status::FAILED, 0, position);
    let frame = isolate.frame();
    let (caller, base, top) = (frame.action, frame.base, isolate.top);
    let instr = machine.code_of(caller).instrs[position as usize];
    let Callee { action, this } = callee;
    let site = CallSite::Position(position);
    let window = base + u32::from(instr.b);
    if let Err(Unwind) = isolate.enter(action, this, Value::UNSET, window, u32::from(instr.c), site) {
        return failed;
    }
    let depth = isolate.frames.len() - 1;
    isolate.frames[depth].resume = (position, u32::from(instr.a));
    isolate.calls[action.0 as usize].count += 1;
    // SAFETY: the context's tier outlives the activation.
    let native = unsafe { &*(*context).native };
    let arrived = native.call(isolate, action, machine);
    let result = match arrived {
        Arrived::Returned(value) => Ok(value),
        arrived => machine.finish(isolate, arrived),
    };
    // SAFETY: the caller's promise.
    unsafe { leave(context, isolate, result, position, top) }
}

/// Leaves the topmost frame with its result, which goes into the context of its caller's code.
///
/// # Safety
/// As for [`enter`].
pub(super) unsafe fn leave(
    context: *mut Context,
    isolate: &mut Isolate,
    result: Result<Value, Unwind>,
    position: u32,
    top: u32,
) -> i64 {
    let left = match result {
        Ok(value) => isolate.leave(value),
        Err(Unwind) => {
            isolate.leave_failed();
            Err(Unwind)
        }
    };
    isolate.top = top;
    match left {
        Ok(value) => {
            // SAFETY: the caller's promise.
            unsafe { (*context).result = [value.word(), value.payload()] };
            i64::from(position) + 2
        }
        Err(Unwind) => status::word(status::FAILED, 0, position),
    }
}

impl Native {
    /// Runs the topmost frame, just entered, in native code if its action has some.
    fn call(&self, isolate: &mut Isolate, action: ActionId, machine: &dyn Machine) -> Arrived {
        match self.unit_of(action) {
            Some(unit) => {
                isolate.top = isolate.frame().base + u32::from(unit.frame_size());
                isolate.with_stack(|isolate| self.run(isolate, unit, action, machine))
            }
            None => Arrived::Stay,
        }
    }
}
