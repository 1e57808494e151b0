//! Canonical bytes of a value: the same for equal values of the same type, in every executor and on every machine.
//! Used for leaves of the state root, receipts, events and digests.

use super::{Instance, Ledger};
use crate::value::numbers::Wide;
use crate::value::{Heap, Tag, Value};

/// Appends the canonical bytes of `value`: a type byte, then its content; lengths are 8 bytes, little-endian.
/// Containers are written whole, maps in insertion order. Cycles end at depth 1,000.
pub fn encode_value(ledger: &Ledger, value: Value, out: &mut Vec<u8>) {
    encode(&ledger.heap, &ledger.instances, value, out);
}

/// As [`encode_value`], from what it needs of the ledger.
#[inline]
pub(super) fn encode(heap: &Heap, instances: &[Instance], value: Value, out: &mut Vec<u8>) {
    match value.tag() {
        Tag::Str => text(STRING, heap.str(value).as_bytes(), out),
        Tag::Int => digits(value.as_int(), out),
        Tag::Wide => wide(heap.wide(value), out),
        _ => encode_at(heap, instances, value, 0, out),
    }
}

/// Appends a string that is no value.
pub(super) fn encode_text(content: &str, out: &mut Vec<u8>) {
    text(STRING, content.as_bytes(), out);
}

/// Appends how many follow.
pub(super) fn encode_length(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(count as u64).to_le_bytes());
}

const INTEGER: u8 = 3;
const STRING: u8 = 5;
/// Bytes of a type and a length.
const HEAD: usize = 9;
/// Room for an integer of two times 64 bits: its head, a sign, 39 digits, and what is taken away again.
const INTEGER_ROOM: usize = HEAD + 1 + 39 + 8;

/// The powers of ten that 64 bits hold.
static POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut at = 1;
    while at < 20 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// How many decimal digits a number has; 0 has one.
#[inline]
fn count_digits(number: u64) -> usize {
    let number = number | 1;
    let bits = (64 - number.leading_zeros()) as usize;
    // 1233 / 4096 is just above the logarithm of 2.
    let least = (bits * 1233) >> 12;
    least + usize::from(number >= POWERS[least])
}

/// The eight digits of a number below 10^8, the first in the lowest byte: halves, then quarters, then digits side by
/// side.
#[inline]
fn eight_digits(number: u64) -> u64 {
    let halves = (number / 10_000) | (number % 10_000) << 32;
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let quarters = hundreds | (halves - 100 * hundreds) << 16;
    let tens = ((quarters * 103) >> 10) & 0x000f_000f_000f_000f;
    (tens | (quarters - 10 * tens) << 8) | 0x3030_3030_3030_3030
}

/// Appends the last digits, eight at most, of a number below 10^8.
#[inline]
fn last_digits(number: u64, count: usize, out: &mut Vec<u8>) {
    let word = eight_digits(number) >> (8 * (8 - count));
    let end = out.len() + count;
    // A whole word is appended and its end taken away again: that takes no call.
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(end);
}

/// Appends the digits of a number, which are so many.
#[inline]
fn put_digits(number: u64, count: usize, out: &mut Vec<u8>) {
    if count <= 8 {
        return last_digits(number, count, out);
    }
    let (above, low) = (number / EIGHT, number % EIGHT);
    if count <= 16 {
        last_digits(above, count - 8, out);
    } else {
        last_digits(above / EIGHT, count - 16, out);
        last_digits(above % EIGHT, 8, out);
    }
    last_digits(low, 8, out);
}

/// 10^8
const EIGHT: u64 = 100_000_000;

/// Appends what an integer with so many digits begins with: the type byte, the length, and the sign.
#[inline]
fn integer_head(negative: bool, count: usize, out: &mut Vec<u8>) {
    out.reserve(INTEGER_ROOM);
    out.push(INTEGER);
    out.extend_from_slice(&((count + usize::from(negative)) as u64).to_le_bytes());
    if negative {
        out.push(b'-');
    }
}

/// A type byte, the length, the content.
#[inline]
fn text(kind: u8, content: &[u8], out: &mut Vec<u8>) {
    let mut head = [kind; HEAD];
    head[1..].copy_from_slice(&(content.len() as u64).to_le_bytes());
    out.reserve(head.len() + content.len());
    out.extend_from_slice(&head);
    out.extend_from_slice(content);
}

/// A 64-bit integer in decimal, without an allocation.
fn digits(integer: i64, out: &mut Vec<u8>) {
    let magnitude = integer.unsigned_abs();
    let count = count_digits(magnitude);
    integer_head(integer < 0, count, out);
    put_digits(magnitude, count, out);
}

/// A 256-bit integer in decimal, without an allocation.
fn wide(integer: &Wide, out: &mut Vec<u8>) {
    /// Digits that always fit 64 bits, and the power of ten behind them.
    const LOW: usize = 19;
    const CHUNK: u64 = 10_u64.pow(LOW as u32);
    let [low, high, above @ ..] = *integer.limbs();
    // So the quotient has 64 bits.
    if above != [0; 2] || high >= CHUNK {
        return wider(integer, out);
    }
    let first = ((u128::from(high) << 64 | u128::from(low)) / u128::from(CHUNK)) as u64;
    let last = low.wrapping_sub(first.wrapping_mul(CHUNK));
    if first == 0 {
        let count = count_digits(last);
        integer_head(integer.is_negative(), count, out);
        return put_digits(last, count, out);
    }
    let count = count_digits(first);
    integer_head(integer.is_negative(), count + LOW, out);
    put_digits(first, count, out);
    put_digits(last, LOW, out);
}

/// The same of one that is larger.
#[inline(never)]
fn wider(integer: &Wide, out: &mut Vec<u8>) {
    let digits = integer.digits();
    let digits = digits.as_bytes();
    let sign = usize::from(integer.is_negative());
    let mut head = [INTEGER; HEAD + 1];
    head[1..HEAD].copy_from_slice(&((digits.len() + sign) as u64).to_le_bytes());
    head[HEAD] = b'-';
    out.extend_from_slice(&head[..HEAD + sign]);
    out.extend_from_slice(digits);
}

fn encode_at(heap: &Heap, instances: &[Instance], value: Value, depth: u32, out: &mut Vec<u8>) {
    if depth > 1_000 {
        out.push(0xff);
        return;
    }
    match value.tag() {
        Tag::Unset | Tag::Null => out.push(0),
        Tag::Bool => out.push(if value.as_bool() { 2 } else { 1 }),
        Tag::Int => digits(value.as_int(), out),
        Tag::Wide => wide(heap.wide(value), out),
        Tag::Huge => text(INTEGER, heap.integer(value).to_string().as_bytes(), out),
        Tag::Float => {
            out.push(4);
            let float = value.as_float();
            let bits = if float.is_nan() { f64::NAN.to_bits() } else { float.to_bits() };
            out.extend_from_slice(&bits.to_le_bytes());
        }
        Tag::Str => text(STRING, heap.str(value).as_bytes(), out),
        Tag::Bytes => text(6, heap.bytes(value), out),
        Tag::List => {
            out.push(7);
            let items = &heap.list(value).items;
            encode_length(items.len(), out);
            for &item in items {
                encode_at(heap, instances, item, depth + 1, out);
            }
        }
        Tag::Range => {
            out.push(7);
            let range = heap.range(value);
            encode_length(range.count() as usize, out);
            for index in 0..range.count() {
                encode_at(heap, instances, Value::int(range.at(index)), depth + 1, out);
            }
        }
        Tag::Map => {
            out.push(8);
            let map = &heap.map(value).map;
            encode_length(map.len(), out);
            for entry in map.iter() {
                encode_at(heap, instances, entry.key, depth + 1, out);
                encode_at(heap, instances, entry.value, depth + 1, out);
            }
        }
        Tag::Contract => {
            out.push(9);
            let instance = &instances[value.id() as usize];
            out.extend_from_slice(&instance.class.to_le_bytes());
            out.extend_from_slice(&instance.made_by.0.to_le_bytes());
            out.extend_from_slice(&instance.made_by.1.to_le_bytes());
        }
        Tag::Class | Tag::Builtin | Tag::EnumType | Tag::Module => {
            out.push(10);
            out.push(value.tag() as u8);
            out.extend_from_slice(&value.id().to_le_bytes());
        }
        Tag::Entity | Tag::Data => {
            out.push(if value.tag() == Tag::Data { 12 } else { 11 });
            let record = heap.record(value);
            out.extend_from_slice(&record.class.to_le_bytes());
            for &field in &record.fields {
                encode_at(heap, instances, field, depth + 1, out);
            }
        }
        Tag::Function => {
            out.push(13);
            out.extend_from_slice(&heap.function(value).action.to_le_bytes());
        }
        Tag::Bound => {
            out.push(14);
            out.extend_from_slice(&heap.bound(value).target.to_le_bytes());
        }
        Tag::Cell | Tag::Error => out.push(15),
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::*;

    fn bytes_of(text: &str) -> Vec<u8> {
        let mut bytes = vec![INTEGER];
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn integers_are_their_decimal_text() {
        let powers = (0..19).map(|exponent| 10_i64.pow(exponent));
        let near = powers.flat_map(|power| [power - 1, power, power + 1, power.saturating_mul(7)]);
        let both = near.chain([0, i64::MAX]).flat_map(|integer| [integer, -integer]);
        for integer in both.chain([i64::MIN]) {
            let mut out = vec![0xee];
            digits(integer, &mut out);
            assert_eq!(out[1..], bytes_of(&integer.to_string()), "{integer}");
        }
    }

    #[test]
    fn wide_integers_are_their_decimal_text() {
        let borders = [64, 127, 128, 255].map(|bits| BigInt::from(1) << bits);
        let powers = [19, 20, 37, 38, 39, 57, 58, 76].map(|exponent| BigInt::from(10).pow(exponent));
        let near =
            borders.iter().chain(&powers).flat_map(|number| [number - 1, number.clone(), number + 1, number * 7]);
        let near = near.filter(|number| number.bits() <= 256);
        let texts = near.flat_map(|number| [number.to_string(), format!("-{number}")]);
        let few = ["9223372036854775808", "-9223372036854775809", "100000000000000000000000000000000000000000"];
        for text in texts.chain(few.map(str::to_owned)) {
            let text = text.as_str();
            let integer = Wide::parse_digits(text.starts_with('-'), text.trim_start_matches('-')).expect("fits");
            let mut out = Vec::new();
            wide(&integer, &mut out);
            assert_eq!(out, bytes_of(text));
        }
    }
}
