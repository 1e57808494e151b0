//! Globals, fields, cells, captured variables.

use super::cursor::{Cursor, constant};
use super::dispatch::Step;
use crate::bytecode::Code;
use crate::runtime::info::Symbol;
use crate::runtime::{Isolate, Unwind};
use crate::value::Value;

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

#[inline(always)]
pub(super) fn load_field<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Cursor<'vm> {
    let instr = at.instr();
    at.set(instr.a, isolate.field(instr.b));
    at.next()
}

#[inline(always)]
pub(super) fn store_field<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
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
pub(super) fn upvalue_cell(isolate: &Isolate, index: u16) -> Value {
    isolate.ledger.heap.function(isolate.frame().closure).cells[usize::from(index)]
}

pub(super) fn load_upvalue<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let value = isolate.ledger.heap.cell(upvalue_cell(isolate, instr.b)).value;
    if value.is_unset() {
        return not_found(isolate, Symbol(at.word().number()));
    }
    at.set(instr.a, value);
    Ok(at.next_but_one())
}

pub(super) fn store_upvalue<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    isolate.assign_cell(upvalue_cell(isolate, instr.b), at.get(instr.a))?;
    Ok(at.next())
}
