//! Arithmetic and comparisons as values: the runtime's operations on registers and short numbers.

use super::cursor::Cursor;
use super::dispatch::Step;
use crate::runtime::{Isolate, Unwind};
use crate::value::Value;

/// `a = operation(b, c)`
#[inline(always)]
pub(super) fn binary<'vm>(
    isolate: &mut Isolate,
    at: Cursor<'vm>,
    operation: impl FnOnce(&mut Isolate, Value, Value) -> Result<Value, Unwind>,
) -> Step<'vm> {
    let instr = at.instr();
    let value = operation(isolate, at.get(instr.b), at.get(instr.c))?;
    at.set(instr.a, value);
    Ok(at.next())
}

/// `a = operation(b, the number c)`
#[inline(always)]
pub(super) fn short<'vm>(
    isolate: &mut Isolate,
    at: Cursor<'vm>,
    operation: impl FnOnce(&mut Isolate, Value, Value) -> Result<Value, Unwind>,
) -> Step<'vm> {
    let instr = at.instr();
    let value = operation(isolate, at.get(instr.b), Value::int(i64::from(instr.c as i16)))?;
    at.set(instr.a, value);
    Ok(at.next())
}

/// `a = operation(b, c)`, a boolean.
#[inline(always)]
pub(super) fn test<'vm>(
    isolate: &mut Isolate,
    at: Cursor<'vm>,
    operation: impl FnOnce(&mut Isolate, Value, Value) -> Result<bool, Unwind>,
) -> Step<'vm> {
    let instr = at.instr();
    let holds = operation(isolate, at.get(instr.b), at.get(instr.c))?;
    at.set(instr.a, Value::bool(holds));
    Ok(at.next())
}

/// `a = operation(b)`
#[inline(always)]
pub(super) fn unary<'vm>(
    isolate: &mut Isolate,
    at: Cursor<'vm>,
    operation: impl FnOnce(&mut Isolate, Value) -> Result<Value, Unwind>,
) -> Step<'vm> {
    let instr = at.instr();
    let value = operation(isolate, at.get(instr.b))?;
    at.set(instr.a, value);
    Ok(at.next())
}
