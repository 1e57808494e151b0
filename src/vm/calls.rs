//! Calls and returns. A call of an action enters its frame and goes on in its code; the host's stack does not grow.

use std::sync::atomic::Ordering;

use super::cursor::{Cursor, slot_of};
use super::dispatch::Step;
use crate::bytecode::Code;
use crate::runtime::info::{ActionId, ClassId, Symbol};
use crate::runtime::names::REQUIRE;
use crate::runtime::{CallSite, Isolate, NO_INSTANCE, Target, Unwind};
use crate::value::{Tag, Value};

/// An action about to be entered.
#[derive(Clone, Copy)]
struct Callee {
    action: ActionId,
    this: u32,
    closure: Value,
}

/// Where a call goes on.
pub(super) enum Reached<'vm> {
    /// In the code of the frame just entered.
    Frame,
    /// Behind the call: it is done.
    Done(Cursor<'vm>),
}

/// Enters the action; its arguments stand where the current instruction says.
#[inline(always)]
fn enter(isolate: &mut Isolate, code: &Code, at: Cursor<'_>, callee: Callee) -> Result<(), Unwind> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    let position = at.position(code);
    let Callee { action, this, closure } = callee;
    isolate.enter(action, this, closure, base, u32::from(instr.c), CallSite::Position(position))?;
    let depth = isolate.frames.len() - 1;
    isolate.frames[depth].resume = (position, u32::from(instr.a));
    isolate.calls[action.0 as usize].count += 1;
    Ok(())
}

#[inline(always)]
pub(super) fn call(isolate: &mut Isolate, code: &Code, at: Cursor<'_>) -> Result<(), Unwind> {
    let action = ActionId(at.word().number());
    enter(isolate, code, at, Callee { action, this: NO_INSTANCE, closure: Value::UNSET })
}

#[inline(never)]
pub(super) fn call_own(isolate: &mut Isolate, code: &Code, at: Cursor<'_>) -> Result<(), Unwind> {
    let callee = Callee { action: ActionId(at.word().number()), this: isolate.this(), closure: Value::UNSET };
    enter(isolate, code, at, callee)
}

#[inline(never)]
pub(super) fn call_virtual(isolate: &mut Isolate, code: &Code, at: Cursor<'_>) -> Result<(), Unwind> {
    let action = isolate.own_action(ActionId(at.word().number()));
    let callee = Callee { action, this: isolate.this(), closure: Value::UNSET };
    enter(isolate, code, at, callee)
}

#[inline(never)]
pub(super) fn call_method<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Result<Reached<'vm>, Unwind> {
    let receiver = at.get(at.instr().b - 1);
    if receiver.tag() == Tag::Contract
        && let Some(action) = cached(isolate, code, at, receiver.id())
    {
        enter(isolate, code, at, Callee { action, this: receiver.id(), closure: Value::UNSET })?;
        return Ok(Reached::Frame);
    }
    call_method_slow(isolate, code, at, receiver)
}

#[inline(never)]
fn call_method_slow<'vm>(
    isolate: &mut Isolate,
    code: &Code,
    at: Cursor<'vm>,
    receiver: Value,
) -> Result<Reached<'vm>, Unwind> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    let target = isolate.resolve_method(receiver, Symbol(at.word().number()), base, u32::from(instr.c))?;
    if let (Tag::Contract, Target::Action { action, this, .. }) = (receiver.tag(), target) {
        note(isolate, code, at, this, action);
    }
    reach(isolate, code, at, target)
}

#[inline(never)]
pub(super) fn call_value<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Result<Reached<'vm>, Unwind> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    let target = isolate.resolve_call(at.get(instr.b - 1), base, u32::from(instr.c))?;
    reach(isolate, code, at, target)
}

/// As [`enter`], with the receiver, which stands before the arguments, as the first of them.
fn enter_method(isolate: &mut Isolate, code: &Code, at: Cursor<'_>, callee: Callee) -> Result<(), Unwind> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b) - 1;
    let position = at.position(code);
    let Callee { action, this, closure } = callee;
    isolate.enter(action, this, closure, base, u32::from(instr.c) + 1, CallSite::Position(position))?;
    let depth = isolate.frames.len() - 1;
    isolate.frames[depth].resume = (position, u32::from(instr.a));
    isolate.calls[action.0 as usize].count += 1;
    Ok(())
}

fn reach<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>, target: Target) -> Result<Reached<'vm>, Unwind> {
    match target {
        Target::Action { action, this, closure } => {
            enter(isolate, code, at, Callee { action, this, closure })?;
            Ok(Reached::Frame)
        }
        Target::Method { action, this, closure } => {
            enter_method(isolate, code, at, Callee { action, this, closure })?;
            Ok(Reached::Frame)
        }
        Target::Done(value) => Ok(Reached::Done(done(isolate, code, at, value))),
    }
}

/// The result of a call that ran to its end; what it called has moved the top of the stack.
#[inline(always)]
fn done<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>, value: Value) -> Cursor<'vm> {
    isolate.top = isolate.frame().base + u32::from(code.frame_size);
    at.set(at.instr().a, value);
    at.next_but_one()
}

/// The action that this call reached last, if it was for an instance of the same contract.
#[inline(always)]
fn cached(isolate: &Isolate, code: &Code, at: Cursor<'_>, instance: u32) -> Option<ActionId> {
    // Relaxed: the word is the whole message.
    let known = code.caches.get(usize::from(at.word().a))?.load(Ordering::Relaxed);
    let class = isolate.ledger.instances[instance as usize].class;
    ((known >> 32) as u32 == class + 1).then_some(ActionId(known as u32))
}

/// Notes what a call reached; private actions are looked up (and refused) each time.
fn note(isolate: &Isolate, code: &Code, at: Cursor<'_>, instance: u32, action: ActionId) {
    let class = isolate.ledger.instances[instance as usize].class;
    let named = isolate.info.class(ClassId(class)).action(Symbol(at.word().number()));
    if named == Some(action)
        && !isolate.info.action(action).private
        && let Some(cache) = code.caches.get(usize::from(at.word().a))
    {
        // Relaxed: see `cached`.
        cache.store(u64::from(class + 1) << 32 | u64::from(action.0), Ordering::Relaxed);
    }
}

/// A builtin. A requirement that holds is the commonest in contracts by far, and has nothing to do.
#[inline(always)]
pub(super) fn builtin<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    if at.word().number() == REQUIRE && matches!(instr.c, 1 | 2) && at.get(instr.b).raw_eq(Value::TRUE) {
        return Ok(done(isolate, code, at, Value::NULL));
    }
    native(isolate, code, at, Isolate::call_builtin)
}

/// A builtin, or a new instance.
#[inline(always)]
pub(super) fn native<'vm>(
    isolate: &mut Isolate,
    code: &Code,
    at: Cursor<'vm>,
    call: impl FnOnce(&mut Isolate, u32, u32, u32) -> Result<Value, Unwind>,
) -> Step<'vm> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    let value = call(isolate, at.word().number(), base, u32::from(instr.c))?;
    Ok(done(isolate, code, at, value))
}

#[inline(never)]
pub(super) fn new_with<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    let fields = &code.field_lists[usize::from(at.word().a)];
    let value = isolate.instantiate_with(ClassId(at.word().number()), fields, base)?;
    Ok(done(isolate, code, at, value))
}

/// `head{f: v}` of a head that stands before the values.
#[inline(never)]
pub(super) fn new_of<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    let names = &code.name_lists[usize::from(at.word().a)];
    let value = isolate.instantiate_named(at.get(instr.b - 1), names, base)?;
    Ok(done(isolate, code, at, value))
}
