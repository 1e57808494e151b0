//! Methods of data values.

use super::super::call::copy_error_text;
use super::super::gas;
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::Method;
use super::args::Args;
use super::json::stringify_json;
use crate::value::{CopyError, Value, deep_copy_out};

pub(super) const METHODS: &[Method] = &[("to_json", 0, 0, to_json), ("clone", 0, 0, clone), ("equals", 1, 1, equals)];

/// `d.toJSON()`: as `json_stringify(d)`.
fn to_json(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let text = stringify_json(isolate, args.first(), None)?;
    isolate.new_string(&text)
}

/// `d.clone()`: a new value, equal to this one, that shares no list, map or other value that can change with it.
fn clone(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    isolate.ledger.visit(args.first(), false);
    let record = isolate.ledger.heap.record(args.first());
    let (class, environment, fields) = (record.class, record.environment, record.fields.clone());
    isolate.charge_elements(fields.len())?;
    isolate.charge_bytes(gas::RECORD_BYTES + gas::ELEMENT_BYTES * fields.len() as u64)?;
    let mut copies = Vec::with_capacity(fields.len());
    for field in fields {
        copies.push(clone_field(isolate, field)?);
    }
    let copy = isolate.ledger.heap.alloc_data(class, copies);
    isolate.ledger.heap.record_mut(copy).environment = environment;
    Ok(copy)
}

fn clone_field(isolate: &mut Isolate, field: Value) -> Result<Value, Unwind> {
    if !field.tag().is_container() {
        return Ok(field);
    }
    isolate.charge_deep(field)?;
    match deep_copy_out(&mut isolate.ledger.heap, field, &mut Vec::new()) {
        Ok(copy) => Ok(copy),
        Err(CopyError::Function) => isolate.fail("Cannot clone a function that was made in a contract"),
        Err(error) => isolate.fail(copy_error_text(error)),
    }
}

/// `d.equals(other)`: as `d == other`.
fn equals(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    isolate.equal(args.first(), args.second()).map(Value::bool)
}
