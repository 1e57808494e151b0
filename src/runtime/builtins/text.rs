//! Strings and bytes, and what lists and strings answer alike.

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::args::Args;
use super::convert::{int, is_empty, length};
use super::lists::{find, slice};
use super::{Function, Method};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("contains", contains),
    ("index_of", index_of),
    ("reverse", reverse),
    ("split", split),
    ("replace", replace),
    ("trim", trim),
    ("upper", upper),
    ("lower", lower),
    ("uppercase", upper),
    ("lowercase", lower),
    ("substring", substring),
    ("starts_with", |isolate, args| compare_end(isolate, args, |text, part| text.starts_with(part))),
    ("ends_with", |isolate, args| compare_end(isolate, args, |text, part| text.ends_with(part))),
];

pub(super) const METHODS: &[Method] = &[
    ("len", 0, 0, length),
    ("length", 0, 0, length),
    ("upper", 0, 0, upper),
    ("lower", 0, 0, lower),
    ("to_upper", 0, 0, upper),
    ("to_lower", 0, 0, lower),
    ("trim", 0, 0, trim),
    ("contains", 1, 1, contains),
    ("starts_with", 1, 1, |isolate, args| compare_end(isolate, args, |text, part| text.starts_with(part))),
    ("ends_with", 1, 1, |isolate, args| compare_end(isolate, args, |text, part| text.ends_with(part))),
    ("index_of", 1, 1, index_of),
    ("slice", 1, 2, slice),
    ("substring", 1, 2, substring),
    ("split", 0, 1, split),
    ("replace", 2, 2, replace),
    ("reverse", 0, 0, reverse),
    ("is_empty", 0, 0, is_empty),
    ("to_int", 0, 0, int),
    ("char_at", 1, 1, |isolate, args| isolate.index_get(args.first(), args.second())),
];

pub(super) const BYTES_METHODS: &[Method] =
    &[("len", 0, 0, length), ("length", 0, 0, length), ("slice", 1, 2, slice), ("is_empty", 0, 0, is_empty)];

/// `contains(c, x)`: an element of a list, a key of a map, a part of a string.
pub(super) fn contains(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    match args.first().tag() {
        Tag::Str => {
            isolate.need_text(args, args.second())?;
        }
        Tag::List | Tag::Range | Tag::Map | Tag::Null => {}
        _ => return isolate.unsupported(args, args.first()),
    }
    Ok(Value::bool(isolate.contains(args.second(), args.first())?))
}

/// The position of an element or of a part (in characters), or -1.
pub(super) fn index_of(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = args.first();
    let at = match value.tag() {
        Tag::List | Tag::Range => find(isolate, value, args.second())?,
        Tag::Str => {
            let part = isolate.need_text(args, args.second())?;
            isolate.charge_text(isolate.ledger.heap.str(value).len())?;
            let text = isolate.ledger.heap.str(value);
            let at = text.find(isolate.ledger.heap.str(part));
            at.map(|at| if value.is_ascii() { at } else { text[..at].chars().count() })
        }
        _ => return isolate.unsupported(args, value),
    };
    Ok(Value::int(at.map_or(-1, |at| at as i64)))
}

/// A new list or string, backwards.
pub(super) fn reverse(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = args.first();
    match value.tag() {
        Tag::List | Tag::Range => {
            let mut items = isolate.walked_items(value)?;
            items.reverse();
            isolate.new_list(items)
        }
        Tag::Str => {
            let backwards: String = isolate.ledger.heap.str(value).chars().rev().collect();
            isolate.new_string(&backwards)
        }
        _ => isolate.unsupported(args, value),
    }
}

/// `split(s[, separator])`: at white space without a separator, into characters with an empty one.
fn split(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = isolate.need_text(args, args.first())?;
    let separator = if args.count > 1 { Some(isolate.need_text(args, args.second())?) } else { None };
    let text = isolate.ledger.heap.str(value).to_owned();
    isolate.charge_text(text.len())?;
    let pieces: Vec<&str> = match separator.as_ref().map(Value::as_str) {
        None => text.split_whitespace().collect(),
        Some("") => text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect(),
        Some(separator) => text.split(separator).collect(),
    };
    let mut items = Vec::with_capacity(pieces.len());
    for piece in pieces {
        items.push(isolate.new_string(piece)?);
    }
    isolate.new_list(items)
}

/// `replace(s, part, by)`: everywhere.
fn replace(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let text = isolate.need_text(args, args.first())?;
    let part = isolate.need_text(args, args.second())?;
    let by = isolate.need_text(args, args.third())?;
    isolate.charge_text(isolate.ledger.heap.str(text).len())?;
    let heap = &isolate.ledger.heap;
    let (text, part, by) = (heap.str(text), heap.str(part), heap.str(by));
    // Counted before it is built: the result may be far longer than what there is.
    let found = text.matches(part).count();
    let bytes = text.len() - found * part.len() + found.saturating_mul(by.len());
    isolate.check_text_length(bytes)?;
    let heap = &isolate.ledger.heap;
    let replaced = heap.str(args.first()).replace(heap.str(args.second()), heap.str(args.third()));
    isolate.new_string(&replaced)
}

/// A string made of the whole of another.
fn mapped(isolate: &mut Isolate, args: &Args, change: fn(&str) -> String) -> Result<Value, Unwind> {
    let text = isolate.need_text(args, args.first())?;
    isolate.charge_text(isolate.ledger.heap.str(text).len())?;
    let changed = change(isolate.ledger.heap.str(text));
    isolate.new_string(&changed)
}

fn trim(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    mapped(isolate, args, |text| text.trim().to_owned())
}

fn upper(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    mapped(isolate, args, str::to_uppercase)
}

fn lower(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    mapped(isolate, args, str::to_lowercase)
}

/// `substring(s, low[, high])`, bounds as in a slice.
fn substring(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    isolate.need_text(args, args.first())?;
    slice(isolate, args)
}

fn compare_end(isolate: &mut Isolate, args: &Args, holds: fn(&str, &str) -> bool) -> Result<Value, Unwind> {
    let text = isolate.need_text(args, args.first())?;
    let part = isolate.need_text(args, args.second())?;
    isolate.charge_text(isolate.ledger.heap.str(part).len())?;
    Ok(Value::bool(holds(isolate.ledger.heap.str(text), isolate.ledger.heap.str(part))))
}
