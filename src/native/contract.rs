//! Direct calls of contract actions: the instance and its class are asked for, the checkpoint is opened before and
//! closed behind the call, and a result that leaves the contract as it is needs no helper. What is not as usual is a
//! helper's, as for any direct call.
#![expect(unsafe_code, reason = "compiled code calls back with raw pointers")]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ssa, types};

use super::calls::{call_method, call_own, leave};
use super::context::{Context, guarded};
use super::direct::{Called, Callee};
use super::lower::{Lowerer, trusted};
use super::splice::Look;
use super::state::Kind;
use crate::bytecode::{Instr, Op};
use crate::ledger::Instance;
use crate::runtime::info::{ActionId, ClassId, ProgramInfo, Symbol};
use crate::runtime::{CallLayout, Frame, NO_INSTANCE};
use crate::value::{Tag, Value};

/// The contract instance that a call is on, and the class that it is to be of.
#[derive(Clone, Copy)]
pub(super) struct On {
    /// Its number, 64 bits wide.
    this: Ssa,
    class: u32,
}

/// An instance whose action is about to be called, with an open checkpoint.
#[derive(Clone, Copy)]
pub(super) struct Entered {
    /// Its number, 32 bits wide.
    this: Ssa,
    /// The caller runs on behalf of another or none: what is returned leaves the contract.
    leaves: Ssa,
}

impl Lowerer<'_, '_> {
    /// Lowers the call of an action of a contract instance that is probably of the class of the one seen now.
    pub(super) fn contract_call(&mut self, at: u32, instr: Instr) -> bool {
        if self.plan.generic.contains(&at) {
            return false;
        }
        let word = self.plan.code.instrs[at as usize + 1].number();
        let own = instr.op == Op::CallOwn;
        let Some(seen) = (if own { Some(self.plan.this) } else { self.seen_receiver(at, instr.b - 1) }) else {
            return false;
        };
        let Some(class) = self.plan.instances.get(seen as usize).map(|instance| instance.class) else { return false };
        let info = self.plan.info;
        let action = if own { Some(ActionId(word)) } else { info.classes[class as usize].action(Symbol(word)) };
        let usual = |action: &ActionId| callable(info, class, *action, own, u32::from(instr.c));
        let Some(action) = action.filter(usual) else { return false };
        let (this, helper) = if own {
            (self.this_instance(), call_own as *const () as usize)
        } else {
            let receiver = Self::register(instr.b - 1);
            self.guard_kind(receiver, Kind::Any(Some(Tag::Contract)), at);
            (self.payload(receiver), call_method as *const () as usize)
        };
        self.call_directly(at, instr, Called { action, on: Some(On { this, class }), helper });
        true
    }

    fn seen_receiver(&self, at: u32, register: u16) -> Option<u32> {
        let plan = self.plan;
        let look = Look { code: plan.code, globals: plan.globals, seen: plan.seen };
        look.instance(at, register, &|field| plan.fields.get(usize::from(field)).copied())
    }

    /// The number of the topmost frame's instance.
    fn this_instance(&mut self) -> Ssa {
        let frame = self.topmost_frame();
        let this = self.b.ins().load(types::I32, trusted(), frame, CallLayout::FRAME_THIS);
        self.b.ins().uextend(types::I64, this)
    }

    fn topmost_frame(&mut self) -> Ssa {
        let frames = self.plan.calls.frames;
        let depth = self.b.ins().load(types::I64, trusted(), self.isolate, frames.length);
        let first = self.b.ins().load(types::I64, trusted(), self.isolate, frames.pointer);
        let size = size_of::<Frame>() as i64;
        let behind = self.b.ins().imul_imm_s(depth, size);
        let behind = self.b.ins().iadd(first, behind);
        self.b.ins().iadd_imm_s(behind, -size)
    }

    fn instance(&mut self, this: Ssa) -> Ssa {
        let first = self.b.ins().load(types::I64, trusted(), self.isolate, self.plan.calls.instances.pointer);
        let offset = self.b.ins().imul_imm_s(this, size_of::<Instance>() as i64);
        self.b.ins().iadd(first, offset)
    }

    /// Goes on in `fast` if the call is `usual` and its instance of the class, and if no contract but that instance's
    /// own calls: arguments are copied otherwise.
    pub(super) fn check_instance(&mut self, on: On, usual: Ssa, fast: Block, slow: Block) {
        let exists = self.b.create_block();
        let instances = self.plan.calls.instances;
        let count = self.b.ins().load(types::I64, trusted(), self.isolate, instances.length);
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, on.this, count);
        let usual = self.b.ins().band(usual, inside);
        self.b.ins().brif(usual, exists, &[], slow, &[]);
        self.go_on_in(exists);
        let instance = self.instance(on.this);
        let class = self.b.ins().load(types::I32, trusted(), instance, CallLayout::INSTANCE_CLASS);
        let same = self.b.ins().icmp_imm_u(IntCC::Equal, class, i64::from(on.class));
        let context = self.caller_context();
        let this = self.b.ins().ireduce(types::I32, on.this);
        let none = self.b.ins().icmp_imm_u(IntCC::Equal, context, i64::from(NO_INSTANCE));
        let own = self.b.ins().icmp(IntCC::Equal, context, this);
        let either = self.b.ins().bor(none, own);
        let both = self.b.ins().band(same, either);
        self.b.ins().brif(both, fast, &[], slow, &[]);
        self.go_on_in(fast);
    }

    fn caller_context(&mut self) -> Ssa {
        let caller = self.topmost_frame();
        self.b.ins().load(types::I32, trusted(), caller, CallLayout::FRAME_CONTEXT)
    }

    /// Opens the checkpoint and shows the callee its fields.
    pub(super) fn enter_contract(&mut self, on: On) -> Entered {
        let instance = self.instance(on.this);
        let pointer = self.plan.calls.instance_fields.pointer;
        let fields = self.b.ins().load(types::I64, trusted(), instance, pointer);
        let (context, at) = (self.context, std::mem::offset_of!(Context, fields) as i32);
        self.b.ins().store(trusted(), fields, context, at);
        let this = self.b.ins().ireduce(types::I32, on.this);
        let caller = self.caller_context();
        let leaves = self.b.ins().icmp(IntCC::NotEqual, caller, this);
        self.call(open_checkpoint as *const () as usize, &[types::I64], types::I64, &[context]);
        Entered { this, leaves }
    }

    /// Fills in what differs from call to call.
    pub(super) fn fill_contract_frame(&mut self, entered: Entered, frame: Ssa) {
        self.b.ins().store(trusted(), entered.this, frame, CallLayout::FRAME_THIS);
        self.b.ins().store(trusted(), entered.this, frame, CallLayout::FRAME_CONTEXT);
        self.b.ins().store(trusted(), entered.leaves, frame, CallLayout::FRAME_LEAVES);
    }

    /// The action has returned: closes the checkpoint if the result leaves as it is, and goes on here; else a helper
    /// leaves the frame, with a status for `aside`.
    pub(super) fn leave_contract(&mut self, entered: Entered, callee: &Callee, top: Ssa, aside: Block) {
        let (close, copies) = (self.b.create_block(), self.b.create_block());
        let context = self.context;
        let result = std::mem::offset_of!(Context, result) as i32;
        let tag = self.b.ins().load(types::I8, trusted(), context, result);
        // Texts, bytes and integers beyond 64 bits never change.
        let copied = self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, tag, Value::word_of(Tag::List) as i64);
        let copied = self.b.ins().band(copied, entered.leaves);
        self.b.ins().brif(copied, copies, &[], close, &[]);
        self.go_on_in(copies);
        let position = self.b.ins().iconst(types::I32, i64::from(callee.at));
        let params = [types::I64, types::I32, types::I32];
        let left = self.call(left_contract as *const () as usize, &params, types::I64, &[context, position, top]);
        self.b.ins().jump(aside, &[left.into()]);
        self.go_on_in(close);
        self.call(close_checkpoint as *const () as usize, &[types::I64], types::I64, &[context]);
    }
}

/// Whether a call of an instance's action with so many arguments is one that compiled code can make: nothing is to be
/// completed, limited, looked at or refused.
pub(super) fn callable(info: &ProgramInfo, class: u32, action: ActionId, own: bool, arguments: u32) -> bool {
    let (known, shape) = (info.action(action), info.action(action).shape());
    let declared = known.class.is_some_and(|of| info.is_or_extends(ClassId(class), of));
    (own || !known.private) && shape.plain_contract && arguments == shape.params && declared
}

extern "C" fn open_checkpoint(context: *mut Context) -> i64 {
    // SAFETY: compiled code passes its own context, and the isolate is not used by anybody else now.
    unsafe { (*(*context).isolate).ledger.open_checkpoint() };
    0
}

/// The frame of the call is still the topmost; closing the checkpoint does not look at it.
extern "C" fn close_checkpoint(context: *mut Context) -> i64 {
    // SAFETY: as in `open_checkpoint`.
    unsafe { (*(*context).isolate).ledger.commit_checkpoint() };
    0
}

/// A contract's action has returned something that is copied on its way out.
extern "C" fn left_contract(context: *mut Context, position: u32, top: u32) -> i64 {
    guarded(context, position, |isolate, _| {
        // SAFETY: see `guarded`; the result's words are those of a value.
        unsafe {
            let [word, payload] = (*context).result;
            leave(context, isolate, Ok(Value::from_words(word, payload)), position, top)
        }
    })
}
