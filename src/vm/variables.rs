//! Globals, fields, cells, captured variables.

use super::cursor::{Cursor, constant};
use super::dispatch::Step;
use crate::bytecode::Code;
use crate::runtime::info::Symbol;
use crate::runtime::{Isolate, NO_INSTANCE, Unwind};
use crate::value::{Tag, Value};

/// Reading a variable without a value.
#[cold]
#[inline(never)]
pub(super) fn not_found<T>(isolate: &mut Isolate, name: Symbol) -> Result<T, Unwind> {
    let message = format!("Identifier '{}' not found", isolate.info.name(name));
    isolate.fail(&message)
}

#[cold]
#[inline(never)]
pub(super) fn global_not_found<T>(isolate: &mut Isolate, global: u32) -> Result<T, Unwind> {
    let name = isolate.info.globals[global as usize];
    not_found(isolate, name)
}

#[inline(always)]
pub(super) fn check_set<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    if at.get(instr.a).is_unset() {
        return not_found(isolate, Symbol(instr.number()));
    }
    Ok(at.next())
}

#[inline(always)]
pub(super) fn load_global<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let value = isolate.ledger.globals[instr.number() as usize];
    if value.is_unset() {
        return global_not_found(isolate, instr.number());
    }
    at.set(instr.a, value);
    Ok(at.next())
}

#[inline(always)]
pub(super) fn load_global_or<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Cursor<'vm> {
    let instr = at.instr();
    let value = isolate.ledger.globals[instr.number() as usize];
    at.set(instr.a, if value.is_unset() { constant(code, at.word().number()) } else { value });
    at.next_but_one()
}

#[inline(always)]
pub(super) fn store_global<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    isolate.assign_global(instr.number(), at.get(instr.a))?;
    Ok(at.next())
}

/// Stored code can pass the verifier and still mean what no compiler makes: it meets a value of a kind that it does
/// not expect, or runs on no instance.
#[cold]
#[inline(never)]
pub(super) fn damaged<T>(isolate: &mut Isolate) -> Result<T, Unwind> {
    isolate.fail("The cached program is damaged: run with --no-cache, or clear the cache")
}

#[inline(always)]
pub(super) fn load_this<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let this = isolate.this();
    if this == NO_INSTANCE {
        return damaged(isolate);
    }
    at.set(at.instr().a, Value::contract(this));
    Ok(at.next())
}

/// Whether the running instance has the field.
#[inline(always)]
fn has_field(isolate: &Isolate, index: u16) -> bool {
    let instance = isolate.ledger.instances.get(isolate.this() as usize);
    instance.is_some_and(|instance| usize::from(index) < instance.fields.len())
}

/// A field of the running instance.
#[inline(always)]
pub(super) fn field(isolate: &mut Isolate, index: u16) -> Result<Value, Unwind> {
    if has_field(isolate, index) { Ok(isolate.field(index)) } else { damaged(isolate) }
}

#[inline(always)]
pub(super) fn load_field<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let value = field(isolate, instr.b)?;
    at.set(instr.a, value);
    Ok(at.next())
}

#[inline(always)]
pub(super) fn store_field<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    // A look at whether it is there, no read: the field's value is not what the transaction depends on.
    if !has_field(isolate, instr.b) {
        return damaged(isolate);
    }
    isolate.assign_field(instr.b, at.get(instr.a), instr.x != 0)?;
    Ok(at.next())
}

pub(super) fn load_cell<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let value = isolate.ledger.heap.cell(at.get(instr.b)).value;
    if value.is_unset() {
        return not_found(isolate, Symbol(at.word().number()));
    }
    at.set(instr.a, value);
    Ok(at.next_but_one())
}

pub(super) fn peek_cell<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Cursor<'vm> {
    let instr = at.instr();
    at.set(instr.a, isolate.ledger.heap.cell(at.get(instr.b)).value);
    at.next()
}

pub(super) fn store_cell<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    isolate.assign_cell(at.get(instr.b), at.get(instr.a))?;
    Ok(at.next())
}

/// The running closure's n-th cell.
#[inline(always)]
pub(super) fn upvalue_cell(isolate: &mut Isolate, index: u16) -> Result<Value, Unwind> {
    let closure = isolate.frame().closure;
    if closure.tag() == Tag::Function
        && let Some(&cell) = isolate.ledger.heap.function(closure).cells.get(usize::from(index))
        && cell.tag() == Tag::Cell
    {
        return Ok(cell);
    }
    damaged(isolate)
}

pub(super) fn load_upvalue<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let cell = upvalue_cell(isolate, instr.b)?;
    let value = isolate.ledger.heap.cell(cell).value;
    if value.is_unset() {
        return not_found(isolate, Symbol(at.word().number()));
    }
    at.set(instr.a, value);
    Ok(at.next_but_one())
}

pub(super) fn store_upvalue<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let cell = upvalue_cell(isolate, instr.b)?;
    isolate.assign_cell(cell, at.get(instr.a))?;
    Ok(at.next())
}
