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

/// The digits of 0 to 99.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut value = 0;
    while value < 100 {
        pairs[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    pairs
};

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
    // The type byte and the length come before at most 20 digits and a sign. The whole buffer is appended and its end
    // taken away again: copying so many bytes takes no call.
    const ROOM: usize = 32;
    let mut buffer = [INTEGER; ROOM];
    let magnitude = integer.unsigned_abs();
    let sign = usize::from(integer < 0);
    let length = sign + magnitude.checked_ilog10().unwrap_or(0) as usize + 1;
    buffer[1..HEAD].copy_from_slice(&(length as u64).to_le_bytes());
    let mut rest = magnitude;
    let mut pairs = buffer[HEAD + sign..HEAD + length].rchunks_exact_mut(2);
    for pair in &mut pairs {
        pair.copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    if let [first] = pairs.into_remainder() {
        *first = b'0' + rest as u8;
    }
    if sign == 1 {
        buffer[HEAD] = b'-';
    }
    let end = out.len() + HEAD + length;
    out.extend_from_slice(&buffer);
    out.truncate(end);
}

/// A 256-bit integer in decimal, without an allocation.
fn wide(integer: &Wide, out: &mut Vec<u8>) {
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
        for text in ["9223372036854775808", "-9223372036854775809", "100000000000000000000000000000000000000000"] {
            let integer = Wide::parse_digits(text.starts_with('-'), text.trim_start_matches('-')).expect("fits");
            let mut out = Vec::new();
            wide(&integer, &mut out);
            assert_eq!(out, bytes_of(text));
        }
    }
}
