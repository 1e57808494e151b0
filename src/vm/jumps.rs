//! Jumps, gas, loop headers.

use super::cursor::Cursor;
use super::dispatch::Step;
use crate::bytecode::Code;
use crate::runtime::{Isolate, Site, Unwind};
use crate::value::Value;

/// The poll of a header that has something to do: tells which loop it is.
#[cold]
#[inline(never)]
fn poll_in_loop(isolate: &mut Isolate, code: &Code, at: Cursor<'_>) -> Result<(), Unwind> {
    let position = at.position(code);
    let id = code.loop_entries.iter().find(|(_, entry)| *entry == position).map(|(id, _)| *id);
    // A loop of an action that stands in its caller's code is the caller's.
    isolate.poll_at(id.map_or(Site::Action(code.action), Site::Loop))
}

/// If the register `a` is as asked.
#[inline(always)]
pub(super) fn on_value(at: Cursor<'_>, test: impl FnOnce(Value) -> bool) -> Cursor<'_> {
    let instr = at.instr();
    if test(at.get(instr.a)) { at.jump(instr.number()) } else { at.next() }
}

/// If the comparison of registers `a` and `b` gives `when`.
#[inline(always)]
pub(super) fn compare<'vm>(
    isolate: &mut Isolate,
    at: Cursor<'vm>,
    when: bool,
    operation: impl FnOnce(&mut Isolate, Value, Value) -> Result<bool, Unwind>,
) -> Step<'vm> {
    let instr = at.instr();
    let holds = operation(isolate, at.get(instr.a), at.get(instr.b))?;
    Ok(if holds == when { at.jump(at.word().number()) } else { at.next_but_one() })
}

/// If the comparison of register `a` with the number `b` gives `when`.
#[inline(always)]
pub(super) fn compare_short<'vm>(
    isolate: &mut Isolate,
    at: Cursor<'vm>,
    when: bool,
    operation: impl FnOnce(&mut Isolate, Value, Value) -> Result<bool, Unwind>,
) -> Step<'vm> {
    let instr = at.instr();
    let holds = operation(isolate, at.get(instr.a), Value::int(i64::from(instr.b as i16)))?;
    Ok(if holds == when { at.jump(at.word().number()) } else { at.next_but_one() })
}

/// Charges a gas block.
#[inline(always)]
pub(super) fn gas<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    isolate.charge(at.instr().number())?;
    Ok(at.next())
}

/// Polls and charges.
#[inline(always)]
pub(super) fn loop_header<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Step<'vm> {
    if isolate.poll_wanted() {
        poll_in_loop(isolate, code, at)?;
    }
    isolate.charge(at.instr().number())?;
    Ok(at.next())
}
