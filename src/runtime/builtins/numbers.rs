//! Numbers.

use std::cmp::Ordering;

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::Function;
use super::args::Args;
use super::convert::cannot_convert;
use super::sorting::goes_before;
use crate::value::numbers::{Integer, Overflow, ceil, floor, parse_float, round_half_even, truncate};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("sum", sum),
    ("min", |isolate, args| extreme(isolate, args, Ordering::Less)),
    ("max", |isolate, args| extreme(isolate, args, Ordering::Greater)),
    ("abs", abs),
    ("floor", |isolate, args| to_integer(isolate, args, floor)),
    ("ceil", |isolate, args| to_integer(isolate, args, ceil)),
    ("round", round),
    ("sqrt", sqrt),
    ("pow", |isolate, args| isolate.pow(args.first(), args.second())),
];

/// What `sum`, `min` and `max` look at: the arguments, or the elements of the only one.
fn operands(isolate: &mut Isolate, args: &Args) -> Result<Vec<Value>, Unwind> {
    if args.count == 1 && matches!(args.first().tag(), Tag::List | Tag::Range) {
        return isolate.walked_items(args.first());
    }
    isolate.charge_elements(args.count)?;
    let slots = args.base as usize..(args.base + args.passed) as usize;
    Ok(isolate.slots[slots].to_vec())
}

fn sum(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let mut total = Value::int(0);
    for item in operands(isolate, args)? {
        if !item.is_number() {
            return isolate.mismatch("add", total, item);
        }
        total = isolate.add(total, item)?;
    }
    Ok(total)
}

/// `min` or `max`: of equal ones the first.
fn extreme(isolate: &mut Isolate, args: &Args, wanted: Ordering) -> Result<Value, Unwind> {
    let items = operands(isolate, args)?;
    let Some((&first, others)) = items.split_first() else {
        let message = format!("{}() of an empty list", args.name);
        return isolate.fail(&message);
    };
    if !(first.is_number() || first.is_str()) {
        return isolate.unsupported(args, first);
    }
    let mut best = first;
    for &item in others {
        if goes_before(isolate, item, best, wanted)? {
            best = item;
        }
    }
    Ok(best)
}

fn abs(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = args.first();
    match value.tag() {
        Tag::Float => Ok(Value::float(value.as_float().abs())),
        Tag::Int | Tag::Wide | Tag::Huge => {
            let magnitude = isolate.ledger.heap.integer(value).abs();
            isolate.integer_result(Ok(magnitude))
        }
        _ => isolate.needs(args, "a number", value),
    }
}

/// A number rounded to an integer in some way.
fn to_integer(isolate: &mut Isolate, args: &Args, way: fn(f64) -> Option<Integer>) -> Result<Value, Unwind> {
    let value = args.first();
    match value.tag() {
        Tag::Int | Tag::Wide | Tag::Huge => Ok(value),
        Tag::Float => match way(value.as_float()) {
            Some(integer) => isolate.integer_result(Ok(integer)),
            None => cannot_convert(isolate, value, "integer"),
        },
        _ => isolate.needs(args, "a number", value),
    }
}

/// `round(x)` to an integer. `round(x, digits)` to a float, but an integer stays one. A half goes to the even
/// neighbour.
fn round(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    if args.count == 1 {
        return to_integer(isolate, args, round_half_even);
    }
    let value = args.first();
    let digits = if value.is_number() {
        isolate.need_int(args, args.second())?
    } else {
        return isolate.needs(args, "a number", value);
    };
    if !value.is_integer() {
        return Ok(Value::float(round_digits(value.as_float(), digits)));
    }
    if digits >= 0 {
        return Ok(value);
    }
    let rounded = round_tens(&isolate.ledger.heap.integer(value), digits.unsigned_abs(), false);
    isolate.integer_result(rounded)
}

/// Rounds the float's exact decimal value, as Python does: text formatting is exact, multiplying is not.
fn round_digits(float: f64, digits: i64) -> f64 {
    /// Every float is a whole multiple of 10^-323 in its shortest text.
    const DIGITS_MAX: i64 = 323;
    if !float.is_finite() || digits > DIGITS_MAX {
        return float;
    }
    if digits >= 0 {
        let text = format!("{float:.*}", digits as usize);
        return parse_float(&text).unwrap_or(float);
    }
    let has_fraction = float.fract() != 0.0;
    let whole = truncate(float.abs()).unwrap_or(Integer::Small(0));
    let rounded = round_tens(&whole, digits.unsigned_abs(), has_fraction);
    rounded.map_or(float, |rounded| rounded.to_f64()).copysign(float)
}

/// The nearest multiple of 10^`tens` to a whole number, to which something below 1 may be added; a half goes to the
/// even multiple.
fn round_tens(whole: &Integer, tens: u64, has_fraction: bool) -> Result<Integer, Overflow> {
    /// No number of the language is half of 10^1300.
    const TENS_MAX: u64 = 1300;
    if tens >= TENS_MAX {
        return Ok(Integer::Small(0));
    }
    // A divisor too long for the language's integers is more than twice as long as the number.
    let Ok(unit) = Integer::Small(10).pow(tens) else { return Ok(Integer::Small(0)) };
    let (quotient, remainder) = (whole.floor_div(&unit), whole.floor_mod(&unit));
    let side = remainder.cmp(&unit.sub(&remainder)?);
    let is_odd = !quotient.floor_mod(&Integer::Small(2)).is_zero();
    let up = match side {
        Ordering::Greater => true,
        Ordering::Equal => has_fraction || is_odd,
        Ordering::Less => false,
    };
    let quotient = if up { quotient.add(&Integer::Small(1))? } else { quotient };
    quotient.mul(&unit)
}

fn sqrt(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    if !args.first().is_number() {
        return isolate.needs(args, "a number", args.first());
    }
    let float = isolate.to_float(args.first());
    if float < 0.0 {
        return isolate.fail("Cannot take the square root of a negative number");
    }
    Ok(Value::float(float.sqrt()))
}
