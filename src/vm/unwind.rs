//! What unwinds: handlers of this code, frames of this activation; and the operations of `try`, `finally`, `defer`.

use super::Vm;
use super::cursor::Cursor;
use super::dispatch::Step;
use super::variables::damaged;
use crate::bytecode::{Code, Inlined};
use crate::resolve::hir::Completion;
use crate::runtime::Isolate;
use crate::value::{Space, Tag, Value};

impl Vm {
    /// Something failed in the topmost frame, at a position of its code: the position in the code of the frame then
    /// topmost where it goes on, or none if it leaves the frame at which this activation began (that frame stays).
    #[cold]
    #[inline(never)]
    pub(super) fn unwind(&self, isolate: &mut Isolate, mut position: u32, depth: usize) -> Option<u32> {
        loop {
            let code = self.code(isolate.frame().action);
            locate(isolate, code, position);
            if isolate.is_catchable()
                && let Some(handler) = code.handler(position)
            {
                return Some(handler.target);
            }
            if isolate.frames.len() == depth {
                return None;
            }
            position = isolate.frame().resume.0;
            isolate.leave_failed();
        }
    }
}

/// Gives what unwinds its place: that of the instruction at a position of the topmost frame's code.
pub(super) fn locate(isolate: &mut Isolate, code: &Code, position: u32) {
    let place = code.place(position);
    match code.inlined_at(position) {
        None => isolate.locate(place),
        Some(Inlined { action, call, .. }) => isolate.locate_inlined(action, call, place),
    };
}

pub(super) fn catch<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    if isolate.error.tag() != Tag::Error {
        return damaged(isolate);
    }
    let value = isolate.caught_value();
    at.set(at.instr().a, value);
    Ok(at.next())
}

pub(super) fn throw<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    isolate.throw(at.get(at.instr().a))
}

fn hold_value(at: Cursor<'_>, code: u16, value: Value) -> Cursor<'_> {
    let pending = at.instr().a;
    at.set(pending, Value::int(i64::from(code)));
    at.set(pending + 1, value);
    at.next()
}

pub(super) fn hold(at: Cursor<'_>) -> Cursor<'_> {
    let instr = at.instr();
    hold_value(at, instr.c, at.get(instr.b))
}

pub(super) fn hold_plain(at: Cursor<'_>) -> Cursor<'_> {
    hold_value(at, at.instr().b, Value::NULL)
}

pub(super) fn hold_error<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Cursor<'vm> {
    let error = std::mem::replace(&mut isolate.error, Value::NULL);
    hold_value(at, Completion::Throw as u16, error)
}

pub(super) fn rethrow<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let pending = at.instr().a;
    if at.get(pending).int_payload() == Completion::Throw as i64 {
        let error = at.get(pending + 1);
        return if error.tag() == Tag::Error { isolate.rethrow(error) } else { damaged(isolate) };
    }
    Ok(at.next())
}

pub(super) fn jump_if_pending(at: Cursor<'_>) -> Cursor<'_> {
    let instr = at.instr();
    let holds = at.get(instr.a).int_payload() == i64::from(instr.b);
    if holds { at.jump(at.word().number()) } else { at.next_but_one() }
}

/// Whether a value is a list that no program can reach.
fn is_own_list(isolate: &Isolate, list: Value) -> bool {
    let header = |list| isolate.ledger.heap.header(list);
    list.is_list() && header(list).space == Space::Isolate && header(list).is_plain()
}

pub(super) fn defer<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    let instr = at.instr();
    let (list, block) = (at.get(instr.a), Value::int(i64::from(instr.b)));
    if list.is_unset() {
        at.set(instr.a, isolate.ledger.heap.alloc_list(vec![block]));
    } else if is_own_list(isolate, list) {
        isolate.ledger.heap.list_push(list, block);
    } else {
        return damaged(isolate);
    }
    Ok(at.next())
}

/// The circle of deferred blocks passes here: so it looks whether the run is to stop.
pub(super) fn next_deferred<'vm>(isolate: &mut Isolate, at: Cursor<'vm>) -> Step<'vm> {
    isolate.check_stop()?;
    let instr = at.instr();
    let list = at.get(instr.b);
    let block = match list {
        list if list.is_unset() => None,
        list if is_own_list(isolate, list) => isolate.ledger.heap.list_mut(list).items.pop(),
        _ => return damaged(isolate),
    };
    Ok(match block {
        Some(block) => {
            at.set(instr.a, block);
            at.next_but_one()
        }
        None => at.jump(at.word().number()),
    })
}
