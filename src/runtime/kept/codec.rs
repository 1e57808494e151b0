//! Values as bytes that a later run, of a program that may have changed, can read: declarations and fields by name.

use crate::runtime::info::{ClassInfo, ClassKind};
use crate::runtime::isolate::Isolate;
use crate::value::numbers::Integer;
use crate::value::{MapData, Tag, Value};

/// Appends a text: its length in 8 bytes, little-endian, and its bytes.
pub(super) fn put_text(text: &str, out: &mut Vec<u8>) {
    put(text.as_bytes(), out);
}

fn put(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(count as u64).to_le_bytes());
}

/// The bytes of a value of contract state; else what it holds that cannot be kept.
pub(super) fn encode(isolate: &Isolate, value: Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    put_value(isolate, value, &mut out)?;
    Ok(out)
}

fn put_value(isolate: &Isolate, value: Value, out: &mut Vec<u8>) -> Result<(), String> {
    let heap = &isolate.ledger.heap;
    match value.tag() {
        Tag::Unset | Tag::Null => out.push(0),
        Tag::Bool => out.push(if value.as_bool() { 2 } else { 1 }),
        Tag::Int | Tag::Wide | Tag::Huge => {
            out.push(3);
            put_text(&heap.integer(value).to_string(), out);
        }
        Tag::Float => {
            out.push(4);
            out.extend_from_slice(&value.as_float().to_bits().to_le_bytes());
        }
        Tag::Str => {
            out.push(5);
            put_text(heap.str(value), out);
        }
        Tag::Bytes => {
            out.push(6);
            put(heap.bytes(value), out);
        }
        Tag::List => {
            out.push(7);
            let items = &heap.list(value).items;
            put_count(items.len(), out);
            items.iter().try_for_each(|&item| put_value(isolate, item, out))?;
        }
        Tag::Map => {
            out.push(8);
            let map = &heap.map(value).map;
            put_count(map.len(), out);
            for entry in map.iter() {
                put_value(isolate, entry.key, out)?;
                put_value(isolate, entry.value, out)?;
            }
        }
        Tag::Entity | Tag::Data => {
            out.push(if value.tag() == Tag::Data { 10 } else { 9 });
            let record = heap.record(value);
            let class = &isolate.info.classes[record.class as usize];
            put_text(isolate.info.name(class.name), out);
            put_count(class.fields.len(), out);
            for (&name, &field) in class.fields.iter().zip(&record.fields) {
                put_text(isolate.info.name(name), out);
                put_value(isolate, field, out)?;
            }
        }
        Tag::Contract => return Err("a contract instance, which ends with the run".to_owned()),
        _ => return Err("what only this run knows".to_owned()),
    }
    Ok(())
}

/// The value of bytes that [`encode`] made; else what of it this program cannot have.
pub(super) fn decode(isolate: &mut Isolate, mut bytes: &[u8]) -> Result<Value, String> {
    let value = take_value(isolate, &mut bytes)?;
    if bytes.is_empty() { Ok(value) } else { Err("what is no value".to_owned()) }
}

fn no_value() -> String {
    "what is no value".to_owned()
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(no_value)?;
    *bytes = rest;
    Ok(taken)
}

fn take_number(bytes: &mut &[u8]) -> Result<u64, String> {
    let taken = take(bytes, 8)?;
    Ok(u64::from_le_bytes(taken.try_into().map_err(|_| no_value())?))
}

/// A count of things that take a byte each at least.
fn take_count(bytes: &mut &[u8]) -> Result<usize, String> {
    let count = usize::try_from(take_number(bytes)?).map_err(|_| no_value())?;
    if count > bytes.len() { Err(no_value()) } else { Ok(count) }
}

fn take_part<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let count = take_count(bytes)?;
    take(bytes, count)
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, String> {
    std::str::from_utf8(take_part(bytes)?).map_err(|_| no_value())
}

fn take_value(isolate: &mut Isolate, bytes: &mut &[u8]) -> Result<Value, String> {
    Ok(match take(bytes, 1)?[0] {
        0 => Value::NULL,
        1 => Value::FALSE,
        2 => Value::TRUE,
        3 => {
            let integer = Integer::parse_decimal(take_text(bytes)?).map_err(|_| no_value())?;
            isolate.ledger.heap.alloc_integer(integer)
        }
        4 => Value::float(f64::from_bits(take_number(bytes)?)),
        5 => {
            let text = take_text(bytes)?;
            isolate.ledger.heap.alloc_str(text)
        }
        6 => {
            let part = take_part(bytes)?;
            isolate.ledger.heap.alloc_bytes(part)
        }
        7 => {
            let count = take_count(bytes)?;
            let items = (0..count).map(|_| take_value(isolate, bytes)).collect::<Result<_, _>>()?;
            isolate.ledger.heap.alloc_list(items)
        }
        8 => {
            let count = take_count(bytes)?;
            let mut map = MapData::with_capacity(count);
            for _ in 0..count {
                let key = take_value(isolate, bytes)?;
                if !key.is_map_key() {
                    return Err(no_value());
                }
                let value = take_value(isolate, bytes)?;
                map.set(key, value, 0);
            }
            isolate.ledger.heap.alloc_map(map)
        }
        9 => take_record(isolate, Tag::Entity, bytes)?,
        10 => take_record(isolate, Tag::Data, bytes)?,
        _ => return Err(no_value()),
    })
}

fn take_record(isolate: &mut Isolate, tag: Tag, bytes: &mut &[u8]) -> Result<Value, String> {
    let name = take_text(bytes)?;
    let count = take_count(bytes)?;
    let mut fields = Vec::with_capacity(count);
    for _ in 0..count {
        fields.push((take_text(bytes)?, take_value(isolate, bytes)?));
    }
    let info = isolate.info.clone();
    let kind = if tag == Tag::Data { ClassKind::Data } else { ClassKind::Entity };
    let fits = |class: &ClassInfo| {
        let names = class.fields.iter().map(|field| info.name(*field));
        class.kind == kind && info.name(class.name) == name && names.eq(fields.iter().map(|(name, _)| *name))
    };
    let word = if tag == Tag::Data { "data" } else { "entity" };
    let Some(class) = info.classes.iter().position(fits) else {
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        return Err(format!("{word} {name} with the fields {}, which this program does not declare", names.join(", ")));
    };
    if info.classes[class].has_environment {
        return Err(format!("{word} {name}, whose methods capture variables now"));
    }
    let fields = fields.into_iter().map(|(_, value)| value).collect();
    Ok(isolate.ledger.heap.alloc_record(tag, class as u32, fields))
}
