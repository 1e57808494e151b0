//! Elements, members, literals, iterators, closures.

use super::cursor::{Cursor, constant, slot_of};
use super::dispatch::Step;
use super::unwind::locate;
use super::variables::{field, global_not_found, upvalue_cell};
use crate::bytecode::{Closure, Code, pattern_shape};
use crate::resolve::hir::Capture;
use crate::runtime::info::Symbol;
use crate::runtime::ops::Step as Walk;
use crate::runtime::{Isolate, Unwind};
use crate::value::{Tag, Value};

#[inline(always)]
pub(super) fn index_get_const<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let value = isolate.index_get(at.get(instr.b), constant(code, u32::from(instr.c)))?;
    at.set(instr.a, value);
    Ok(at.next())
}

#[inline(always)]
pub(super) fn index_get_field<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let object = field(isolate, instr.b)?;
    let value = isolate.index_get(object, at.get(instr.c))?;
    at.set(instr.a, value);
    Ok(at.next())
}

#[inline(always)]
pub(super) fn index_get_global<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let object = isolate.ledger.globals[usize::from(instr.b)];
    if object.is_unset() {
        return global_of_index_not_found(isolate, code, at);
    }
    let value = isolate.index_get(object, at.get(instr.c))?;
    at.set(instr.a, value);
    Ok(at.next_but_one())
}

/// The missing global is reported where it stands, not where it is indexed.
#[cold]
#[inline(never)]
fn global_of_index_not_found<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Step<'vm> {
    let failed: Step<'vm> = global_not_found(isolate, at.word().number());
    locate(isolate, code, at.position(code) + 1);
    failed
}

#[inline(always)]
pub(super) fn index_set<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    isolate.index_set(at.get(instr.a), at.get(instr.b), at.get(instr.c), instr.x != 0)?;
    Ok(at.next())
}

#[inline(always)]
pub(super) fn index_set_field<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let object = field(isolate, instr.a)?;
    isolate.index_set(object, at.get(instr.b), at.get(instr.c), instr.x != 0)?;
    Ok(at.next())
}

pub(super) fn member_get<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let value = isolate.member_get(at.get(instr.b), Symbol(at.word().number()))?;
    at.set(instr.a, value);
    Ok(at.next_but_one())
}

pub(super) fn member_set<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    isolate.member_set(at.get(instr.a), Symbol(at.word().number()), at.get(instr.b), instr.x != 0)?;
    Ok(at.next_but_one())
}

pub(super) fn slice<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let bound = |register: u16| if register == u16::MAX { Value::NULL } else { at.get(register) };
    let value = isolate.slice(at.get(at.word().number() as u16), bound(instr.b), bound(instr.c))?;
    at.set(instr.a, value);
    Ok(at.next_but_one())
}

/// Something made of the `c` values from `b`.
#[inline(always)]
pub(super) fn collect<'vm>(
    isolate: &mut Isolate,
    at: Cursor<'vm>,
    make: impl FnOnce(&mut Isolate, u32, u32) -> Result<Value, Unwind>,
) -> Step<'vm> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    let value = make(isolate, base, u32::from(instr.c))?;
    at.set(instr.a, value);
    Ok(at.next())
}

#[inline(never)]
pub(super) fn make_closure<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let Closure { action, captures } = &code.closures[instr.number() as usize];
    let cells = captured_cells(isolate, at, captures)?;
    let value = isolate.make_closure(*action, cells)?;
    at.set(instr.a, value);
    Ok(at.next())
}

#[inline(never)]
pub(super) fn make_class<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let Closure { action, captures } = &code.closures[at.word().number() as usize];
    let cells = captured_cells(isolate, at, captures)?;
    let base = (instr.b != u16::MAX).then(|| at.get(instr.b));
    let value = isolate.make_class(*action, cells, base)?;
    at.set(instr.a, value);
    Ok(at.next_but_one())
}

fn captured_cells(isolate: &mut Isolate, at: Cursor<'_>, captures: &[Capture]) -> Result<Vec<Value>, Unwind> {
    let cell = |capture: &Capture| match capture {
        Capture::Slot(slot) => Ok(at.get(slot.0)),
        Capture::Upvalue(index) => upvalue_cell(isolate, *index),
    };
    captures.iter().map(cell).collect()
}

#[inline(never)]
pub(super) fn fits<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Cursor<'vm> {
    let instr = at.instr();
    let shape = pattern_shape(instr.x, at.word().number());
    at.set(instr.a, Value::bool(isolate.fits(at.get(instr.b), shape)));
    at.next_but_one()
}

pub(super) fn iterate<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let iterator = slot_of(isolate, instr.a);
    isolate.iterate(at.get(instr.b), iterator)?;
    Ok(at.next())
}

#[inline(always)]
pub(super) fn next_one<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    match isolate.iterate_next(slot_of(isolate, instr.a))? {
        Walk::End => Ok(at.jump(at.word().number())),
        Walk::Item(key, value) => {
            let over_map = at.get(instr.a).tag() == Tag::Map;
            at.set(instr.b, if over_map { key } else { value });
            Ok(at.next_but_one())
        }
    }
}

#[inline(always)]
pub(super) fn next_two<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    match isolate.iterate_next(slot_of(isolate, instr.a))? {
        Walk::End => Ok(at.jump(at.word().number())),
        Walk::Item(key, value) => {
            at.set(instr.b, key);
            at.set(instr.c, value);
            Ok(at.next_but_one())
        }
    }
}
