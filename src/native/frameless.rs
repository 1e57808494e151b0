//! Code of actions that compute with integers and call at most themselves, without frames: arguments and result are in
//! machine registers, and how deep it is stands in one as well.
//!
//! Where such code cannot go on (a guard fails, a slice of gas has ended, the poll has something to do, there is no room
//! for a deeper call) it writes what is live to its window and gives a status, and so does every call on the way out of
//! it, noting the frame that its callee would have had. Whoever made the first call pushes these frames, outermost
//! first, and has the machine run them to their ends.
#![expect(unsafe_code, reason = "compiled code calls back with raw pointers")]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    AbiParam, ExtFuncData, ExternalName, FuncRef, InstBuilder, Signature, UserExternalName, Value as Ssa, types,
};
use cranelift_codegen::isa::CallConv;

use super::calls::leave;
use super::context::{Context, guarded};
use super::direct::Ways;
use super::late::finish;
use super::liveness::Region;
use super::lower::{Lowerer, entry_signature, trusted};
use super::splice::Spliced;
use super::state::{Kind, Loc};
use crate::bytecode::{Code, Extension, Instr, Op};
use crate::runtime::Frame;
use crate::runtime::info::{ActionId, ActionShape};
use crate::value::{Tag, Value};

/// Calls inside one another, at most. Of the host's stack, code that was entered may use what is kept free for it.
const ROOM_MAX: i64 = 500;
/// Instructions and registers of such code, at most: with them a call takes less than a kilobyte of the stack.
pub(super) const LENGTH_MAX: usize = 200;
pub(super) const REGISTERS_MAX: u16 = 32;
/// Parameters, at most.
const PARAMS_MAX: u32 = 8;

/// Parameters of such a function before its arguments.
const ARGUMENTS_FROM: usize = 4;

/// A frame that there was none of, and its window.
pub(super) type Missing = (*const Frame, *const Value);

/// Whether an action can have such code: it calls itself, and nothing in it needs more than integers.
pub(super) fn can_be_frameless(code: &Code, shape: ActionShape, region: &Region) -> bool {
    let small = region.length <= LENGTH_MAX && code.frame_size <= REGISTERS_MAX;
    let plain = shape.plain && (1..=PARAMS_MAX).contains(&shape.params);
    if !small || !plain || !code.handlers.is_empty() || !code.closures.is_empty() {
        return false;
    }
    let mut calls_itself = false;
    for (at, instr) in code.instrs.iter().enumerate().filter(|(at, _)| region.has(*at as u32)) {
        let fits = match instr.op {
            Op::Call => {
                let itself = ActionId(code.instrs[at + 1].number()) == code.action;
                calls_itself |= itself;
                itself && u32::from(instr.c) == shape.params
            }
            op => computes(op),
        };
        if !fits {
            return false;
        }
    }
    calls_itself
}

fn computes(op: Op) -> bool {
    let jumps = op.shape().extension == Extension::Jump
        && !matches!(op, Op::NextOne | Op::NextTwo | Op::NextDeferred | Op::JumpIfPending);
    jumps
        || matches!(
            op,
            Op::Gas
                | Op::Jump
                | Op::JumpIf
                | Op::JumpIfNot
                | Op::Move
                | Op::LoadInt
                | Op::LoadBool
                | Op::LoadConst
                | Op::LoadNull
                | Op::LoadGlobal
                | Op::Add
                | Op::Sub
                | Op::Mul
                | Op::Div
                | Op::Mod
                | Op::AddImm
                | Op::SubImm
                | Op::MulImm
                | Op::DivImm
                | Op::ModImm
                | Op::BitAnd
                | Op::BitOr
                | Op::BitXor
                | Op::Negate
                | Op::Less
                | Op::LessEqual
                | Op::Greater
                | Op::GreaterEqual
                | Op::Equal
                | Op::NotEqual
                | Op::Not
                | Op::Truth
                | Op::Return
                | Op::ReturnNull
                | Op::Throw
        )
}

/// What such code is called as: the context, the window, the gas, how many calls may be inside it, the arguments. It
/// gives what any code gives; the integer is the result.
pub(super) fn signature(call_conv: CallConv, params: u32) -> Signature {
    let mut signature = entry_signature(call_conv);
    signature.params.extend((0..=params).map(|_| AbiParam::new(types::I64)));
    signature
}

/// A call that goes straight into such code.
pub(super) struct FramelessCall {
    action: ActionId,
    /// Of the callee's frame.
    registers: u16,
    args: Vec<Ssa>,
}

impl Lowerer<'_, '_> {
    /// At the entry of such code: parameters are integers in registers.
    pub(super) fn take_arguments(&mut self) {
        let first = self.b.func.layout.entry_block().expect("the block it stands in");
        let params = self.b.block_params(first)[ARGUMENTS_FROM - 1..].to_vec();
        self.b.def_var(self.room, params[0]);
        for (place, value) in params[1..].iter().enumerate() {
            self.set(place, Kind::Int, *value);
        }
    }

    /// Lowers the action's call of itself, in such code.
    pub(super) fn call_itself(&mut self, at: u32, instr: Instr) {
        let Some(args) = self.integers(at, instr) else { return self.leave_counted(at) };
        let depth = self.begin_call(at);
        let room = self.b.use_var(self.room);
        let window = self.b.ins().iadd_imm_s(self.base, i64::from(instr.b) * size_of::<Value>() as i64);
        let (below, gas) = (self.b.ins().iadd_imm_s(room, -1 - depth), self.b.use_var(self.gas));
        let itself = self.itself();
        let called = self.b.ins().call(itself, &[&[self.context, window, gas, below][..], &args].concat());
        let (word, gas) = (self.b.inst_results(called)[0], self.b.inst_results(called)[1]);
        self.forget(at);
        let (out, join) = (self.b.create_block(), self.b.create_block());
        let came = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, gas, 0);
        self.b.ins().brif(came, join, &[], out, &[]);
        self.b.set_cold_block(out);
        self.go_on_in(out);
        self.flush_places(at + 2);
        let inside = self.plan.spliced.and_then(|spliced| Some((spliced, spliced.inside(at)?)));
        let (own, first) = inside.map_or((at, 0), |(spliced, (call, own))| (own, spliced.calls[call].window));
        self.miss((own, instr.a - first), window);
        self.miss_calls(at);
        self.give(word);
        self.go_on_in(join);
        self.b.def_var(self.gas, gas);
        self.set(Self::register(instr.a), Kind::Int, word);
        self.last_exit = None;
    }

    /// Leaves before a call if the poll has something to do or there is no room; counts it. Gives how many calls it
    /// stands in.
    fn begin_call(&mut self, at: u32) -> i64 {
        let depth = self.plan.spliced.map_or(0, |spliced| spliced.around(at).len()) as i64;
        let room = self.b.use_var(self.room);
        let bits = self.b.ins().load(types::I32, trusted(), self.poll_bits, 0);
        let full = self.b.ins().icmp_imm_s(IntCC::SignedLessThanOrEqual, room, depth);
        let called = self.b.ins().icmp_imm_u(IntCC::NotEqual, bits, 0);
        for stops in [called, full] {
            let (out, here) = (self.way_out(at), self.b.create_block());
            self.b.ins().brif(stops, out, &[], here, &[]);
            self.go_on_in(here);
        }
        self.count_call(self.plan.code.action);
        depth
    }

    /// Lowers the beginning of a call of itself whose code stands in place of it.
    pub(super) fn in_itself(&mut self, spliced: &Spliced, at: u32) -> bool {
        self.window = spliced.inside(at).map_or(u16::MAX, |(call, _)| spliced.calls[call].window);
        if spliced.entered_at(at).is_none() {
            return false;
        }
        self.begin_call(at);
        true
    }

    /// In a way out: notes the frame of a call with its position and the register for its result, in its caller's code.
    fn miss(&mut self, (position, to): (u32, u16), window: Ssa) {
        let frame = Box::new(Frame::of_call(self.plan.code.action, position, to));
        let frame = self.frame_address(frame);
        self.call(miss as *const () as usize, &[types::I64; 3], types::I64, &[self.context, frame, window]);
    }

    /// In a way out: notes the frames of the calls whose code a position stands in; gives the position in the innermost
    /// one's own code.
    pub(super) fn miss_calls(&mut self, at: u32) -> u32 {
        let Some(spliced) = self.plan.spliced else { return at };
        for call in spliced.around(at).into_iter().rev() {
            let (position, _, to) = spliced.in_caller(call);
            let window = i64::from(spliced.calls[call].window) * size_of::<Value>() as i64;
            let window = self.b.ins().iadd_imm_s(self.base, window);
            self.miss((position, to), window);
        }
        spliced.inside(at).map_or_else(|| spliced.outside(at), |(_, own)| own)
    }

    /// The arguments of a call, which leaves unless they are integers; none where they never are.
    fn integers(&mut self, at: u32, instr: Instr) -> Option<Vec<Ssa>> {
        let places = instr.b..instr.b + instr.c;
        for place in places.clone().map(Self::register) {
            self.guard_kind(place, Kind::Int, at);
            if self.kind(place) != Kind::Int {
                return None;
            }
        }
        Some(places.map(|place| self.payload(Self::register(place))).collect())
    }

    /// The call of a plain action, if it is to go into such code where there is some.
    pub(super) fn frameless_call(&mut self, at: u32, instr: Instr, action: ActionId) -> Option<FramelessCall> {
        let registers = self.plan.actions[action.0 as usize].frameless_registers()?;
        let integer = |place: u16| match self.state.locs[Self::register(place)] {
            Loc::Held { kind: Kind::Int, .. } => true,
            Loc::Held { kind: Kind::Any(None), .. } | Loc::Home => self.guess(Self::register(place)) == Some(Tag::Int),
            Loc::Held { .. } => false,
        };
        if !(instr.b..instr.b + instr.c).all(integer) {
            return None;
        }
        Some(FramelessCall { action, registers, args: self.integers(at, instr)? })
    }

    /// Calls such code if there is some and nothing is in the way; goes on here if that is not so.
    pub(super) fn call_frameless(&mut self, at: u32, instr: Instr, call: &FramelessCall, ways: &Ways) {
        let FramelessCall { action, registers, args } = call;
        let action = *action;
        self.out.frameless += 1;
        let framed = self.b.create_block();
        let cell = self.int_const(self.plan.actions[action.0 as usize].frameless.as_ptr() as i64);
        let entry = self.b.ins().load(types::I64, trusted(), cell, 0);
        let window = self.b.ins().iadd_imm_s(self.base, i64::from(instr.b) * size_of::<Value>() as i64);
        let known = self.b.ins().icmp_imm_u(IntCC::NotEqual, entry, 0);
        self.require(known, framed);
        let room = self.room_below(window, *registers);
        let enough = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, room, 0);
        self.require(enough, framed);
        let calm = self.is_calm(framed);
        self.require(calm, framed);
        self.count_call(action);
        let gas = self.b.use_var(self.gas);
        let signature = signature(self.call_conv, u32::from(instr.c));
        let signature = self.b.import_signature(signature);
        let args = [&[self.context, window, gas, room][..], args].concat();
        let called = self.b.ins().call_indirect(signature, entry, &args);
        let (word, gas) = (self.b.inst_results(called)[0], self.b.inst_results(called)[1]);
        let (came, out) = (self.b.create_block(), self.b.create_block());
        let is_int = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, gas, 0);
        self.b.ins().brif(is_int, came, &[], out, &[]);
        self.b.set_cold_block(out);
        self.go_on_in(out);
        let frame = self.frame_address(Box::new(Frame::of_call(action, at, instr.a)));
        let position = self.b.ins().iconst(types::I32, i64::from(at));
        let params = [types::I64, types::I32, types::I64, types::I64, types::I64, types::I64];
        let args = [self.context, position, entry, word, frame, window];
        let went = self.call(finish_frameless as *const () as usize, &params, types::I64, &args);
        self.b.ins().jump(ways.aside, &[went.into()]);
        self.go_on_in(came);
        let (to, int) = (Self::register(instr.a), self.int_const(Value::word_of(Tag::Int) as i64));
        self.def_word(to, int);
        self.def_payload(to, word);
        self.b.def_var(self.gas, gas);
        self.b.ins().jump(ways.join, &[]);
        self.go_on_in(framed);
    }

    /// How many calls there may be inside one whose window begins there; negative: not even that.
    fn room_below(&mut self, window: Ssa, registers: u16) -> Ssa {
        let size = usize::from(registers).next_power_of_two() * size_of::<Value>();
        let depth = self.b.ins().load(types::I64, trusted(), self.isolate, self.plan.calls.frames.length);
        let most = std::mem::offset_of!(Context, frames_max) as i32;
        let most = self.b.ins().load(types::I64, trusted(), self.context, most);
        let frames = self.b.ins().isub(most, depth);
        let slots = self.context_word(std::mem::offset_of!(Context, slots_end));
        let bytes = self.b.ins().isub(slots, window);
        let windows = self.b.ins().sshr_imm_u(bytes, i64::from(size.ilog2()));
        let least = self.b.ins().smin(frames, windows);
        let below = self.b.ins().iadd_imm_s(least, -1);
        let most = self.int_const(ROOM_MAX);
        self.b.ins().smin(below, most)
    }

    /// The function that is being made.
    fn itself(&mut self) -> FuncRef {
        if let Some(known) = self.itself {
            return known;
        }
        let signature = self.b.func.signature.clone();
        let signature = self.b.import_signature(signature);
        // The first function of its module: `Compiled::finish` declares no other.
        let name = self.b.func.declare_imported_user_function(UserExternalName::new(0, 0));
        let name = ExternalName::user(name);
        let function = self.b.import_function(ExtFuncData { name, signature, colocated: true, patchable: false });
        *self.itself.insert(function)
    }

    /// The address of a frame that is complete but for its base and context.
    fn frame_address(&mut self, frame: Box<Frame>) -> Ssa {
        let address = self.int_const(std::ptr::from_ref(&*frame) as i64);
        self.out.frames.push(frame);
        address
    }
}

/// A call without a frame leaves: notes the frame.
extern "C" fn miss(context: *mut Context, frame: *const Frame, window: *const Value) -> i64 {
    // SAFETY: compiled code passes its own context, which nobody else uses now.
    unsafe { (*context).missing.push((frame, window)) };
    0
}

/// The outermost call without a frame has left: pushes the frames, and has the machine run them to their ends.
extern "C" fn finish_frameless(
    context: *mut Context,
    position: u32,
    entry: u64,
    word: i64,
    frame: *const Frame,
    window: *const Value,
) -> i64 {
    guarded(context, position, |isolate, machine| {
        // SAFETY: compiled code passes its own context, which nobody else uses now; the tier outlives the activation.
        let (native, missing) = unsafe { (&*(*context).native, &mut (*context).missing) };
        missing.push((frame, window));
        let missing = std::mem::take(missing);
        let top = isolate.top;
        let first = isolate.slots.as_ptr();
        for (frame, window) in missing.iter().rev() {
            // SAFETY: the units that own these frames live as long as the tier, and windows lie in the slots.
            let (frame, base) = unsafe { (**frame, window.offset_from(first) as u32) };
            let context = isolate.frame().context;
            isolate.enter_late(Frame { base, context, ..frame });
        }
        let mut arrived = native.left_frameless(isolate.frame().action, entry as usize, word);
        for (frame, _) in &missing[..missing.len() - 1] {
            // SAFETY: as above.
            arrived = finish(isolate, machine, arrived, unsafe { (**frame).resume });
        }
        let result = machine.finish(isolate, arrived);
        // SAFETY: see `guarded`.
        unsafe { leave(context, isolate, result, position, top) }
    })
}
