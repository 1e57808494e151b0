//! Conversions and questions about types.

use super::super::isolate::Isolate;
use super::super::ops::type_name;
use super::super::signal::Unwind;
use super::args::Args;
use super::{Function, Method};
use crate::value::numbers::{Integer, Overflow, ParseIntegerError, parse_float, truncate};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("string", string),
    ("str", string),
    ("len", length),
    ("length", length),
    ("int", int),
    ("float", float),
    ("bool", |_, args| Ok(Value::bool(args.first().truthy()))),
    ("type", capital_type),
    ("typeof", |isolate, args| isolate.new_string(type_name(args.first()))),
    ("is_null", |_, args| Ok(Value::bool(args.first().is_null()))),
];

/// Methods of every value.
pub(super) const METHODS: &[Method] = &[("to_string", 0, 0, string)];

/// `string(v)`
pub(super) fn string(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = args.first();
    if value.is_str() {
        return Ok(value);
    }
    let text = isolate.display(value)?;
    isolate.new_string(&text)
}

/// `len(v)`: elements, entries, characters or bytes.
pub(super) fn length(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    match isolate.length_of(args.first()) {
        Some(length) => Ok(Value::int(length as i64)),
        None => isolate.unsupported(args, args.first()),
    }
}

/// `is_empty()`
#[expect(clippy::unnecessary_wraps, reason = "the shape of a builtin")]
pub(super) fn is_empty(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    Ok(Value::bool(isolate.length_of(args.first()) == Some(0)))
}

/// `int(v)`: floats towards zero; text in decimal, or in hexadecimal behind `0x`.
pub(super) fn int(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = args.first();
    match value.tag() {
        Tag::Int | Tag::Wide | Tag::Huge => Ok(value),
        Tag::Bool => Ok(Value::int(i64::from(value.as_bool()))),
        Tag::Float => match truncate(value.as_float()) {
            Some(integer) => isolate.integer_result(Ok(integer)),
            None => cannot_convert(isolate, value, "integer"),
        },
        Tag::Str => {
            isolate.charge_text(isolate.ledger.heap.str(value).len())?;
            match parse_integer(isolate.ledger.heap.str(value).trim()) {
                Ok(integer) => isolate.integer_result(Ok(integer)),
                Err(ParseIntegerError::Overflow) => isolate.integer_result(Err(Overflow)),
                Err(ParseIntegerError::Invalid) => cannot_convert(isolate, value, "integer"),
            }
        }
        _ => cannot_convert(isolate, value, "integer"),
    }
}

/// An integer's text: an optional sign, then decimal digits or `0x` and hexadecimal ones.
fn parse_integer(text: &str) -> Result<Integer, ParseIntegerError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => {
            let magnitude = Integer::parse_hex_digits(hexadecimal)?;
            Ok(if negative { magnitude.neg() } else { magnitude })
        }
        None => Integer::parse_decimal(text),
    }
}

fn float(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = args.first();
    match value.tag() {
        Tag::Float => Ok(value),
        Tag::Int | Tag::Wide | Tag::Huge => Ok(Value::float(isolate.to_float(value))),
        Tag::Bool => Ok(Value::float(f64::from(u8::from(value.as_bool())))),
        Tag::Str => {
            isolate.charge_text(isolate.ledger.heap.str(value).len())?;
            match parse_float(isolate.ledger.heap.str(value).trim()) {
                Some(float) => Ok(Value::float(float)),
                None => cannot_convert(isolate, value, "float"),
            }
        }
        _ => cannot_convert(isolate, value, "float"),
    }
}

/// Scalars are quoted, containers named by their type: their text may be long.
#[cold]
pub(super) fn cannot_convert(isolate: &mut Isolate, value: Value, target: &str) -> Result<Value, Unwind> {
    let message = match value.tag() {
        Tag::Str | Tag::Float => format!("Cannot convert '{}' to {target}", isolate.display(value)?),
        _ => format!("Cannot convert {} to {target}", type_name(value)),
    };
    isolate.fail(&message)
}

/// `type(v)`: the name of the type with a capital.
fn capital_type(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let name = type_name(args.first());
    let (first, rest) = name.split_at(1);
    let capital = format!("{}{rest}", first.to_ascii_uppercase());
    isolate.new_string(&capital)
}
