//! Canonical bytes of a value: the same for equal values of the same type, in every executor and on every machine.
//! Used for leaves of the state root, receipts, events and digests.

use super::Ledger;
use crate::value::numbers::Integer;
use crate::value::{Tag, Value};

/// Appends the canonical bytes of `value`: a type byte, then its content; lengths are 8 bytes, little-endian.
/// Containers are written whole, maps in insertion order. Cycles end at depth 1,000.
pub fn encode_value(ledger: &Ledger, value: Value, out: &mut Vec<u8>) {
    encode(ledger, value, 0, out);
}

fn length(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(count as u64).to_le_bytes());
}

fn text(content: &[u8], out: &mut Vec<u8>) {
    length(content.len(), out);
    out.extend_from_slice(content);
}

/// A 64-bit integer in decimal, without an allocation.
fn digits(integer: i64, out: &mut Vec<u8>) {
    let mut buffer = [0; 20];
    let mut at = buffer.len();
    let mut rest = integer.unsigned_abs();
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if integer < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    text(&buffer[at..], out);
}

fn encode(ledger: &Ledger, value: Value, depth: u32, out: &mut Vec<u8>) {
    if depth > 1_000 {
        out.push(0xff);
        return;
    }
    match value.tag() {
        Tag::Unset | Tag::Null => out.push(0),
        Tag::Bool => out.push(if value.as_bool() { 2 } else { 1 }),
        Tag::Int | Tag::Wide | Tag::Huge => {
            out.push(3);
            match ledger.heap.integer(value) {
                Integer::Small(small) => digits(small, out),
                large => text(large.to_string().as_bytes(), out),
            }
        }
        Tag::Float => {
            out.push(4);
            let float = value.as_float();
            let bits = if float.is_nan() { f64::NAN.to_bits() } else { float.to_bits() };
            out.extend_from_slice(&bits.to_le_bytes());
        }
        Tag::Str => {
            out.push(5);
            text(ledger.heap.str(value).as_bytes(), out);
        }
        Tag::Bytes => {
            out.push(6);
            text(ledger.heap.bytes(value), out);
        }
        Tag::List => {
            out.push(7);
            let items = &ledger.heap.list(value).items;
            length(items.len(), out);
            for &item in items {
                encode(ledger, item, depth + 1, out);
            }
        }
        Tag::Range => {
            out.push(7);
            let range = ledger.heap.range(value);
            length(range.count() as usize, out);
            for index in 0..range.count() {
                encode(ledger, Value::int(range.at(index)), depth + 1, out);
            }
        }
        Tag::Map => {
            out.push(8);
            let map = &ledger.heap.map(value).map;
            length(map.len(), out);
            for entry in map.iter() {
                encode(ledger, entry.key, depth + 1, out);
                encode(ledger, entry.value, depth + 1, out);
            }
        }
        Tag::Contract => {
            out.push(9);
            let instance = &ledger.instances[value.id() as usize];
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
            let record = ledger.heap.record(value);
            out.extend_from_slice(&record.class.to_le_bytes());
            for &field in &record.fields {
                encode(ledger, field, depth + 1, out);
            }
        }
        Tag::Function => {
            out.push(13);
            out.extend_from_slice(&ledger.heap.function(value).action.to_le_bytes());
        }
        Tag::Bound => {
            out.push(14);
            out.extend_from_slice(&ledger.heap.bound(value).target.to_le_bytes());
        }
        Tag::Cell | Tag::Error => out.push(15),
    }
}
