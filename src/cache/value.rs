//! Values and constants as they are stored: no address, no hash.

use std::collections::HashMap;

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use crate::value::numbers::Integer;
use crate::value::{ConstantPool, ConstantPoolBuilder, Tag, Value};

/// A value of a table: an immediate, or a constant by its place in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum StoredValue {
    Null,
    Bool(bool),
    Int(i64),
    /// By its bits.
    Float(u64),
    Class(u32),
    Builtin(u32),
    EnumType(u32),
    Module(u32),
    Constant(u32),
}

/// An object of the constant pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum StoredConstant<'a> {
    Str(#[serde(borrow)] &'a str),
    Bytes(#[serde(borrow)] &'a [u8]),
    /// An integer beyond 64 bits: two's complement, the lowest byte first.
    Integer(Vec<u8>),
}

/// Where each constant stands in the pool.
#[derive(Debug)]
pub(super) struct PoolIndex {
    places: HashMap<u64, u32>,
}

impl PoolIndex {
    pub(super) fn new(values: &[Value]) -> Self {
        let places = values.iter().enumerate().map(|(at, value)| (value.payload(), at as u32)).collect();
        Self { places }
    }

    /// A value as it is stored; none if it is of a kind that no table may hold.
    pub(super) fn stored(&self, value: Value) -> Option<StoredValue> {
        Some(match value.tag() {
            Tag::Null => StoredValue::Null,
            Tag::Bool => StoredValue::Bool(value.as_bool()),
            Tag::Int => StoredValue::Int(value.as_int()),
            Tag::Float => StoredValue::Float(value.as_float().to_bits()),
            Tag::Class => StoredValue::Class(value.id()),
            Tag::Builtin => StoredValue::Builtin(value.id()),
            Tag::EnumType => StoredValue::EnumType(value.id()),
            Tag::Module => StoredValue::Module(value.id()),
            Tag::Str | Tag::Bytes | Tag::Wide | Tag::Huge => StoredValue::Constant(*self.places.get(&value.payload())?),
            _ => return None,
        })
    }
}

impl StoredValue {
    /// The value, with the restored pool's constants.
    pub(super) fn restored(self, pool: &[Value]) -> Option<Value> {
        Some(match self {
            Self::Null => Value::NULL,
            Self::Bool(value) => Value::bool(value),
            Self::Int(value) => Value::int(value),
            Self::Float(bits) => Value::float(f64::from_bits(bits)),
            Self::Class(id) => Value::class(id),
            Self::Builtin(id) => Value::builtin(id),
            Self::EnumType(id) => Value::enum_type(id),
            Self::Module(id) => Value::module(id),
            Self::Constant(at) => *pool.get(at as usize)?,
        })
    }
}

/// The constants of a pool whose values these are.
pub(super) fn store_pool(values: &[Value]) -> Option<Vec<StoredConstant<'_>>> {
    values.iter().map(stored_constant).collect()
}

fn stored_constant(value: &Value) -> Option<StoredConstant<'_>> {
    Some(match value.tag() {
        Tag::Str => StoredConstant::Str(value.as_str()),
        Tag::Bytes => StoredConstant::Bytes(value.as_bytes()),
        Tag::Wide | Tag::Huge => StoredConstant::Integer(big(*value).to_signed_bytes_le()),
        _ => return None,
    })
}

/// An integer constant beyond 64 bits.
fn big(value: Value) -> BigInt {
    crate::value::Heap::new().integer(value).to_big()
}

/// The pool of the stored constants, and its values in order.
pub(super) fn restore_pool(constants: &[StoredConstant<'_>]) -> Option<(ConstantPool, Vec<Value>)> {
    let mut builder = ConstantPoolBuilder::new();
    let mut values = Vec::with_capacity(constants.len());
    for constant in constants {
        let value = match constant {
            StoredConstant::Str(text) => builder.string_anew(text),
            StoredConstant::Bytes(bytes) => builder.bytes(bytes),
            StoredConstant::Integer(bytes) => {
                let integer = Integer::from_big(BigInt::from_signed_bytes_le(bytes)).ok()?;
                // A small one would be an immediate, and not of the pool.
                if integer.to_i64().is_some() {
                    return None;
                }
                builder.integer(integer)
            }
        };
        values.push(value);
    }
    Some((builder.finish(), values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_come_back_as_they_were() {
        let mut builder = ConstantPoolBuilder::new();
        let mut values = vec![builder.string("a\u{e9}"), builder.bytes(&[0, 255]), builder.string("")];
        for digits in ["9223372036854775808", "-9223372036854775809", &"9".repeat(70), &"8".repeat(300)] {
            values.push(builder.integer(Integer::parse_decimal(digits).expect("digits")));
        }
        let pool = builder.finish();
        assert_eq!(pool.values().len(), values.len());
        let stored = store_pool(&values).expect("constants");
        let (restored, again) = restore_pool(&stored).expect("constants");
        assert_eq!(restored.len(), pool.len());
        assert_eq!(store_pool(&again).expect("constants"), stored);
        let index = PoolIndex::new(&values);
        for (at, value) in values.iter().enumerate() {
            assert_eq!(index.stored(*value), Some(StoredValue::Constant(at as u32)));
        }
        assert_eq!(index.stored(Value::UNSET), None);
        assert!(StoredValue::Constant(7).restored(&again).is_none());
        assert!(restore_pool(&[StoredConstant::Integer(vec![1])]).is_none(), "a small integer in the pool");
    }
}
