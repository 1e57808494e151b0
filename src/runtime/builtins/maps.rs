//! Maps. Keys, values and entries come in insertion order.

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::args::Args;
use super::convert::{is_empty, length};
use super::text::contains;
use super::{Function, Method};
use crate::value::{MapData, Value};

pub(super) const FUNCTIONS: &[Function] = &[("keys", keys), ("values", values), ("entries", entries)];

pub(super) const METHODS: &[Method] = &[
    ("has", 1, 1, contains),
    ("contains", 1, 1, contains),
    ("get", 1, 2, get),
    ("set", 2, 2, set),
    ("delete", 1, 1, delete),
    ("remove", 1, 1, delete),
    ("keys", 0, 0, keys),
    ("values", 0, 0, values),
    ("entries", 0, 0, entries),
    ("size", 0, 0, length),
    ("len", 0, 0, length),
    ("length", 0, 0, length),
    ("count", 0, 0, length),
    ("clear", 0, 0, clear),
    ("is_empty", 0, 0, is_empty),
    ("merge", 1, 1, merge),
];

fn keys(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let map = isolate.need_map(args, args.first())?;
    isolate.ledger.visit(map, false);
    let keys = isolate.ledger.heap.map(map).map.iter().map(|entry| entry.key).collect();
    isolate.new_list(keys)
}

fn values(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let map = isolate.need_map(args, args.first())?;
    isolate.ledger.visit(map, false);
    let values = isolate.ledger.heap.map(map).map.iter().map(|entry| entry.value).collect();
    isolate.new_list(values)
}

/// A list of `[key, value]` lists.
fn entries(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let map = isolate.need_map(args, args.first())?;
    isolate.ledger.visit(map, false);
    let pairs: Vec<_> = isolate.ledger.heap.map(map).map.iter().map(|entry| vec![entry.key, entry.value]).collect();
    let mut entries = Vec::with_capacity(pairs.len());
    for pair in pairs {
        entries.push(isolate.new_list(pair)?);
    }
    isolate.new_list(entries)
}

/// `m.get(k[, d])`: `d`, or null, where there is no such key.
fn get(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let key = isolate.map_key(args.second())?;
    Ok(isolate.ledger.entry(args.first(), key).unwrap_or(args.third()))
}

/// `m.set(k, v)`: changes the map and gives it.
fn set(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let key = isolate.map_key(args.second())?;
    isolate.map_put(args.first(), key, args.third(), false)?;
    Ok(args.first())
}

/// `m.delete(k)`: whether it was there.
fn delete(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    isolate.check_writable(args.first())?;
    let key = isolate.map_key(args.second())?;
    Ok(Value::bool(isolate.ledger.map_remove(args.first(), key).is_some()))
}

fn clear(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let map = args.first();
    isolate.check_writable(map)?;
    isolate.charge_elements(isolate.ledger.size(map))?;
    isolate.ledger.map_clear(map);
    Ok(map)
}

/// `m.merge(other)`: a new map; the other's values win, a key of both keeps its first place.
fn merge(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let other = isolate.need_map(args, args.second())?;
    let epoch = isolate.ledger.heap.current_epoch;
    isolate.ledger.visit(args.first(), false);
    isolate.ledger.visit(other, false);
    let (left, right) = (&isolate.ledger.heap.map(args.first()).map, &isolate.ledger.heap.map(other).map);
    let walked = left.len() + right.len();
    let mut merged = MapData::with_capacity(walked);
    for entry in left.iter().chain(right.iter()) {
        merged.set(entry.key, entry.value, epoch);
    }
    isolate.charge_elements(walked)?;
    isolate.new_map(merged)
}
