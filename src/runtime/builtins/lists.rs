//! Lists. A range is a list that cannot be changed.

use super::super::gas;
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::args::Args;
use super::convert::{is_empty, length};
use super::text::{contains, index_of, reverse};
use super::{Function, Method};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("range", range),
    ("push", pushed),
    ("append", append),
    ("extend", extend),
    ("first", first),
    ("rest", rest),
    ("last", last),
    ("slice", slice),
    ("join", join),
];

pub(super) const METHODS: &[Method] = &[
    ("push", 1, 1, append),
    ("append", 1, 1, append),
    ("pop", 0, 0, pop),
    ("extend", 1, 1, extend),
    ("insert", 2, 2, insert),
    ("remove", 1, 1, remove),
    ("clear", 0, 0, clear),
    ("contains", 1, 1, contains),
    ("index_of", 1, 1, index_of),
    ("join", 0, 1, join),
    ("reverse", 0, 0, reverse),
    ("slice", 1, 2, slice),
    ("first", 0, 0, first),
    ("last", 0, 0, last),
    ("is_empty", 0, 0, is_empty),
    ("len", 0, 0, length),
    ("length", 0, 0, length),
    ("count", 0, 0, length),
    ("size", 0, 0, length),
];

/// `range(end)`, `range(start, end)`, `range(start, end, step)`
fn range(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let one = isolate.need_int(args, args.first())?;
    if args.count == 1 {
        return isolate.range(0, one, 1);
    }
    let end = isolate.need_int(args, args.second())?;
    let step = if args.count == 3 { isolate.need_int(args, args.third())? } else { 1 };
    isolate.range(one, end, step)
}

/// `push(l, x)`: a new list.
fn pushed(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_list(args, args.first())?;
    if list.tag() == Tag::Range {
        isolate.walked_items(list)?;
    }
    let mut items = Vec::with_capacity(isolate.length_of(list).unwrap_or(0) + 1);
    match list.tag() {
        Tag::List => {
            isolate.ledger.visit(list, false);
            items.extend_from_slice(&isolate.ledger.heap.list(list).items);
        }
        _ => items.extend(isolate.list_items(list)),
    }
    items.push(args.second());
    isolate.new_list(items)
}

/// `append(l, x)`, `l.push(x)`: changes the list and gives it.
fn append(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_writable_list(args, args.first())?;
    append_item(isolate, list, args.second())?;
    Ok(list)
}

#[inline]
fn append_item(isolate: &mut Isolate, list: Value, item: Value) -> Result<(), Unwind> {
    let item = isolate.element_value(list, item, false)?;
    isolate.charge_bytes(gas::ELEMENT_BYTES)?;
    isolate.ledger.list_push(list, item);
    Ok(())
}

/// `extend(l, other)`: appends all of the other's elements.
fn extend(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_writable_list(args, args.first())?;
    let other = isolate.need_list(args, args.second())?;
    for item in isolate.walked_items(other)? {
        append_item(isolate, list, item)?;
    }
    Ok(list)
}

fn pop(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_writable_list(args, args.first())?;
    Ok(isolate.ledger.list_pop(list).unwrap_or(Value::NULL))
}

/// `l.insert(i, x)`: before the element at `i`, at the end if `i` is the length; a negative `i` counts from the end.
fn insert(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_writable_list(args, args.first())?;
    let index = isolate.need_int(args, args.second())?;
    let length = isolate.ledger.size(list) as i64;
    let at = if index < 0 { index.saturating_add(length) } else { index };
    if at < 0 || at > length {
        let message = format!("List index {index} is out of range (length {length})");
        return isolate.fail(&message);
    }
    if at == length {
        append_item(isolate, list, args.third())?;
        return Ok(list);
    }
    isolate.charge_elements(length as usize)?;
    isolate.charge_bytes(gas::ELEMENT_BYTES)?;
    let item = isolate.element_value(list, args.third(), false)?;
    let mut items = isolate.list_items(list);
    items.insert(at as usize, item);
    isolate.ledger.list_replace(list, items);
    Ok(list)
}

/// `l.remove(x)`: takes out the first equal element; whether there was one.
fn remove(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_writable_list(args, args.first())?;
    let Some(at) = find(isolate, list, args.second())? else { return Ok(Value::FALSE) };
    let mut items = isolate.list_items(list);
    if at + 1 == items.len() {
        isolate.ledger.list_pop(list);
    } else {
        items.remove(at);
        isolate.ledger.list_replace(list, items);
    }
    Ok(Value::TRUE)
}

/// The position of the first element that equals `value`; the walk is charged whole.
pub(super) fn find(isolate: &mut Isolate, list: Value, value: Value) -> Result<Option<usize>, Unwind> {
    let length = isolate.length_of(list).unwrap_or(0);
    isolate.charge_elements(length)?;
    for index in 0..length {
        let item = isolate.item(list, index);
        if isolate.equal(item, value)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn clear(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_writable_list(args, args.first())?;
    isolate.charge_elements(isolate.length_of(list).unwrap_or(0))?;
    isolate.ledger.list_replace(list, Vec::new());
    Ok(list)
}

fn first(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_list(args, args.first())?;
    let empty = isolate.length_of(list) == Some(0);
    Ok(if empty { Value::NULL } else { isolate.item(list, 0) })
}

fn last(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_list(args, args.first())?;
    match isolate.length_of(list) {
        Some(length @ 1..) => Ok(isolate.item(list, length - 1)),
        _ => Ok(Value::NULL),
    }
}

/// `rest(l)`: a new list without the first element.
fn rest(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_list(args, args.first())?;
    isolate.slice(list, Value::int(1), Value::NULL)
}

/// `slice(v, low[, high])` of a list, string or bytes.
pub(super) fn slice(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = args.first();
    if !matches!(value.tag(), Tag::List | Tag::Range | Tag::Str | Tag::Bytes) {
        return isolate.unsupported(args, value);
    }
    isolate.slice(value, args.second(), args.third())
}

/// `join(l[, separator])`: the texts of the elements.
fn join(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_list(args, args.first())?;
    let separator = if args.count > 1 { isolate.need_text(args, args.second())? } else { Value::NULL };
    let length = isolate.length_of(list).unwrap_or(0);
    isolate.charge_elements(length)?;
    let mut out = String::new();
    for index in 0..length {
        if index > 0 && separator.is_str() {
            out.push_str(isolate.ledger.heap.str(separator));
        }
        let item = isolate.item(list, index);
        isolate.write_text(item, &mut out)?;
        isolate.check_text_length(out.len())?;
    }
    isolate.new_string(&out)
}
