//! Calls and returns. A call of an action enters its frame and goes on in its code; the host's stack does not grow.

use std::sync::atomic::Ordering;

use super::Vm;
use super::cursor::{Cursor, slot_of};
use super::dispatch::Step;
use crate::runtime::info::{ActionId, ClassId, Symbol};
use crate::runtime::{CallSite, Isolate, NO_INSTANCE, Target, Unwind};
use crate::value::{Tag, Value};

/// An action about to be entered.
#[derive(Clone, Copy)]
struct Callee {
    action: ActionId,
    this: u32,
    closure: Value,
}

impl Vm {
    /// Enters the action; its arguments stand where the current instruction says.
    #[inline(always)]
    fn enter<'vm>(&'vm self, isolate: &mut Isolate, at: Cursor<'vm>, callee: Callee) -> Step<'vm> {
        let instr = at.instr();
        let base = slot_of(isolate, instr.b);
        let position = at.position();
        let Callee { action, this, closure } = callee;
        isolate.enter(action, this, closure, base, u32::from(instr.c), CallSite::Position(position))?;
        let depth = isolate.frames.len() - 1;
        isolate.frames[depth].resume = (position, u32::from(instr.a));
        isolate.calls[action.0 as usize].count += 1;
        Ok(Cursor::enter(isolate, self.code(action), 0))
    }

    #[inline(always)]
    pub(super) fn call<'vm>(&'vm self, isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
        let action = ActionId(at.word().number());
        self.enter(isolate, at, Callee { action, this: NO_INSTANCE, closure: Value::UNSET })
    }

    #[inline(never)]
    pub(super) fn call_own<'vm>(&'vm self, isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
        let callee = Callee { action: ActionId(at.word().number()), this: isolate.this(), closure: Value::UNSET };
        self.enter(isolate, at, callee)
    }

    #[inline(never)]
    pub(super) fn call_method<'vm>(&'vm self, isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
        let receiver = at.get(at.instr().b - 1);
        if receiver.tag() == Tag::Contract
            && let Some(action) = cached(isolate, at, receiver.id())
        {
            return self.enter(isolate, at, Callee { action, this: receiver.id(), closure: Value::UNSET });
        }
        self.call_method_slow(isolate, at, receiver)
    }

    #[inline(never)]
    fn call_method_slow<'vm>(&'vm self, isolate: &mut Isolate, at: Cursor<'vm>, receiver: Value) -> Step<'vm> {
        let instr = at.instr();
        let base = slot_of(isolate, instr.b);
        let target = isolate.resolve_method(receiver, Symbol(at.word().number()), base, u32::from(instr.c))?;
        if let (Tag::Contract, Target::Action { action, this, .. }) = (receiver.tag(), target) {
            note(isolate, at, this, action);
        }
        self.reach(isolate, at, target)
    }

    #[inline(never)]
    pub(super) fn call_value<'vm>(&'vm self, isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
        let instr = at.instr();
        let base = slot_of(isolate, instr.b);
        let target = isolate.resolve_call(at.get(instr.b - 1), base, u32::from(instr.c))?;
        self.reach(isolate, at, target)
    }

    #[inline(always)]
    fn reach<'vm>(&'vm self, isolate: &mut Isolate, at: Cursor<'vm>, target: Target) -> Step<'vm> {
        match target {
            Target::Action { action, this, closure } => self.enter(isolate, at, Callee { action, this, closure }),
            Target::Done(value) => Ok(done(isolate, at, value)),
        }
    }

    /// Leaves the topmost frame with its result and goes on behind the call.
    #[inline(always)]
    pub(super) fn return_to_caller<'vm>(&'vm self, isolate: &mut Isolate, value: Value) -> Step<'vm> {
        let (position, to) = isolate.frame().resume;
        let value = isolate.leave(value)?;
        let caller = self.code(isolate.frame().action);
        let at = Cursor::enter(isolate, caller, position);
        at.set(to as u16, value);
        Ok(at.next_but_one())
    }
}

/// The result of a call that ran to its end; what it called has moved the top of the stack.
#[inline(always)]
fn done<'vm>(isolate: &mut Isolate, at: Cursor<'vm>, value: Value) -> Cursor<'vm> {
    isolate.top = isolate.frame().base + u32::from(at.code().frame_size);
    at.set(at.instr().a, value);
    at.next_but_one()
}

/// The action that this call reached last, if it was for an instance of the same contract.
#[inline(always)]
fn cached(isolate: &Isolate, at: Cursor<'_>, instance: u32) -> Option<ActionId> {
    // Relaxed: the word is the whole message.
    let known = at.code().caches.get(usize::from(at.word().a))?.load(Ordering::Relaxed);
    let class = isolate.ledger.instances[instance as usize].class;
    ((known >> 32) as u32 == class + 1).then_some(ActionId(known as u32))
}

/// Notes what a call reached; private actions are looked up (and refused) each time.
fn note(isolate: &Isolate, at: Cursor<'_>, instance: u32, action: ActionId) {
    let info = isolate.info.action(action);
    let class = isolate.ledger.instances[instance as usize].class;
    let own = info.is_contract_action && info.class == Some(ClassId(class)) && !info.private;
    if own && let Some(cache) = at.code().caches.get(usize::from(at.word().a)) {
        // Relaxed: see `cached`.
        cache.store(u64::from(class + 1) << 32 | u64::from(action.0), Ordering::Relaxed);
    }
}

/// A builtin, or a new instance.
#[inline(always)]
pub(super) fn native<'vm>(
    isolate: &mut Isolate,
    at: Cursor<'vm>,
    call: impl FnOnce(&mut Isolate, u32, u32, u32) -> Result<Value, Unwind>,
) -> Step<'vm> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    let value = call(isolate, at.word().number(), base, u32::from(instr.c))?;
    Ok(done(isolate, at, value))
}

#[inline(never)]
pub(super) fn new_with<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    let fields = &at.code().field_lists[usize::from(at.word().a)];
    let value = isolate.instantiate_with(ClassId(at.word().number()), fields, base)?;
    Ok(done(isolate, at, value))
}
