//! Values in and out of an isolate, as owned data.

use super::api::{ConfigValue, Data};
use crate::runtime::Isolate;
use crate::runtime::info::Symbol;
use crate::value::numbers::Integer;
use crate::value::{ConstantPoolBuilder, MapData, Tag, Value};

/// A value of the isolate made from data. Nothing collects meanwhile.
pub(super) fn import(isolate: &mut Isolate, data: &Data) -> Value {
    let heap = &mut isolate.ledger.heap;
    match data {
        Data::Null | Data::Opaque(_) => Value::NULL,
        Data::Bool(value) => Value::bool(*value),
        Data::Int(value) => Value::int(*value),
        Data::Float(value) => Value::float(*value),
        Data::Str(text) => heap.alloc_str(text).with_hash(),
        Data::BigInt(digits) => match Integer::parse_decimal(digits) {
            Ok(integer) => heap.alloc_integer(integer),
            Err(_) => Value::NULL,
        },
        Data::List(items) => {
            let items = items.iter().map(|item| import(isolate, item)).collect();
            isolate.ledger.heap.alloc_list(items)
        }
        Data::Map(entries) => {
            let mut map = MapData::with_capacity(entries.len());
            let epoch = isolate.ledger.heap.current_epoch;
            for (key, value) in entries {
                let key = import(isolate, key);
                let value = import(isolate, value);
                if key.is_map_key() {
                    map.set(key, value, epoch);
                }
            }
            isolate.ledger.heap.alloc_map(map)
        }
    }
}

/// An immutable value made from data, in the pool of a block.
pub(super) fn pooled(pool: &mut ConstantPoolBuilder, data: &Data) -> Value {
    match data {
        Data::Null | Data::Opaque(_) => Value::NULL,
        Data::Bool(value) => Value::bool(*value),
        Data::Int(value) => Value::int(*value),
        Data::Float(value) => Value::float(*value),
        Data::Str(text) => pool.string(text),
        Data::BigInt(digits) => Integer::parse_decimal(digits).map_or(Value::NULL, |integer| pool.integer(integer)),
        Data::List(items) => {
            let items = items.iter().map(|item| pooled(pool, item)).collect();
            pool.list(items)
        }
        Data::Map(entries) => {
            let mut map = MapData::with_capacity(entries.len());
            for (key, value) in entries {
                let (key, value) = (pooled(pool, key), pooled(pool, value));
                if key.is_map_key() {
                    map.set(key, value, 0);
                }
            }
            pool.map(map)
        }
    }
}

/// Data made from a value; an entity or data value becomes a map of its fields; containers nested over 100 deep become text.
pub(super) fn export(isolate: &mut Isolate, value: Value) -> Data {
    export_at(isolate, value, 0)
}

fn export_at(isolate: &mut Isolate, value: Value, depth: u32) -> Data {
    match value.tag() {
        Tag::Unset | Tag::Null => Data::Null,
        Tag::Bool => Data::Bool(value.as_bool()),
        Tag::Int => Data::Int(value.as_int()),
        Tag::Float => Data::Float(value.as_float()),
        Tag::Wide | Tag::Huge => Data::BigInt(isolate.ledger.heap.integer(value).to_string().into()),
        Tag::Str => Data::Str(isolate.ledger.heap.str(value).into()),
        Tag::List | Tag::Range if depth < 100 => {
            let items = isolate.list_items(value);
            Data::List(items.into_iter().map(|item| export_at(isolate, item, depth + 1)).collect())
        }
        Tag::Map if depth < 100 => {
            let entries: Vec<(Value, Value)> =
                isolate.ledger.heap.map(value).map.iter().map(|entry| (entry.key, entry.value)).collect();
            let export_pair = |(key, value)| {
                let key = export_at(isolate, key, depth + 1);
                (key, export_at(isolate, value, depth + 1))
            };
            Data::Map(entries.into_iter().map(export_pair).collect())
        }
        Tag::Entity | Tag::Data if depth < 100 => {
            let info = isolate.info.clone();
            let record = isolate.ledger.heap.record(value);
            let (class, fields) = (&info.classes[record.class as usize], record.fields.clone());
            let export_field = |(name, value): (&Symbol, Value)| {
                (Data::Str(info.name(*name).into()), export_at(isolate, value, depth + 1))
            };
            Data::Map(class.fields.iter().zip(fields).map(export_field).collect())
        }
        _ => Data::Opaque(isolate.display(value).unwrap_or_default().into()),
    }
}

/// A literal of a `config` line.
pub(super) fn config_value(value: Value) -> Option<ConfigValue> {
    match value.tag() {
        Tag::Bool => Some(ConfigValue::Bool(value.as_bool())),
        Tag::Int => Some(ConfigValue::Int(value.as_int())),
        Tag::Float => Some(ConfigValue::Float(value.as_float())),
        Tag::Str => Some(ConfigValue::Str(value.as_str().to_owned())),
        _ => None,
    }
}
