//! `config`, `TX`, `msg`, output, events.

use super::cursor::{Cursor, slot_of};
use super::dispatch::Step;
use crate::bytecode::Code;
use crate::runtime::Isolate;
use crate::runtime::info::Symbol;
use crate::value::Value;

pub(super) fn load_config<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Cursor<'vm> {
    let instr = at.instr();
    let value = isolate.get_config(Symbol(instr.number()));
    at.set(instr.a, value);
    at.next()
}

pub(super) fn store_config<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    isolate.set_config(Symbol(instr.number()), at.get(instr.a))?;
    Ok(at.next())
}

pub(super) fn load_tx<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Cursor<'vm> {
    let instr = at.instr();
    let value = isolate.get_tx(Symbol(instr.number()));
    at.set(instr.a, value);
    at.next()
}

pub(super) fn load_tx_map<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let value = isolate.get_tx_map()?;
    at.set(at.instr().a, value);
    Ok(at.next())
}

pub(super) fn load_sender<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Cursor<'vm> {
    let value = isolate.get_sender();
    at.set(at.instr().a, value);
    at.next()
}

pub(super) fn load_action<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Cursor<'vm> {
    let instr = at.instr();
    let value = isolate.ledger.heap.alloc_function(instr.number(), Vec::new(), Value::NULL);
    at.set(instr.a, value);
    at.next()
}

pub(super) fn mark<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Cursor<'vm> {
    isolate.mark(at.instr().number());
    at.next()
}

pub(super) fn print<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    isolate.print(base, u32::from(instr.c))?;
    Ok(at.next())
}

pub(super) fn debug<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    isolate.debug(at.get(at.instr().a))?;
    Ok(at.next())
}

pub(super) fn emit<'vm>(isolate: &mut Isolate, code: &Code, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let base = slot_of(isolate, instr.b);
    let word = at.word();
    let names = code.name_lists.get(usize::from(word.a)).map(Vec::as_slice);
    isolate.emit(Symbol(word.number()), base, u32::from(instr.c), names)?;
    Ok(at.next_but_one())
}
