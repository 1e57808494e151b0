//! `sort`: a new list, stable. By the elements themselves, by a key of theirs, or by a function, which is program
//! code: what is sorted then lies in `Isolate::held`.

use std::cmp::Ordering;

use super::super::info::Symbol;
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::args::Args;
use super::callbacks::holding;
use super::{Function, Method};
use crate::value::{Tag, Value, compare};

pub(super) const FUNCTIONS: &[Function] = &[("sort", sort)];

pub(super) const METHODS: &[Method] = &[("sort", 0, 2, sort)];

/// `sort(l)`, `sort(l, descending)`, `sort(l, key[, descending])`, `sort(l, goes_before)`. Without a function all
/// numbers (NaN last) or all strings. A function gets two elements and says whether the first goes before the second:
/// by a boolean, or by a number below 0.
fn sort(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let list = isolate.need_list(args, args.first())?;
    let items = isolate.walked_items(list)?;
    let order = args.second();
    if args.count > 2 && !(order.is_str() && args.third().tag() == Tag::Bool) {
        return isolate.fail("sort() takes a key and a boolean behind the list");
    }
    let sorted = match order.tag() {
        Tag::Null => by_keys(isolate, &items, &items, false)?,
        Tag::Bool => by_keys(isolate, &items, &items, order.as_bool())?,
        Tag::Str => {
            let keys = member_of_each(isolate, &items, order)?;
            by_keys(isolate, &items, &keys, args.third().truthy())?
        }
        Tag::Function | Tag::Builtin | Tag::Bound => {
            let held: Vec<Value> = items.iter().copied().chain([order]).collect();
            holding(isolate, args, &held, |isolate| by_function(isolate, items, order))?
        }
        _ => return isolate.needs(args, "a function, a key or a boolean", order),
    };
    isolate.new_list(sorted)
}

/// What each element has under the key.
fn member_of_each(isolate: &mut Isolate, items: &[Value], key: Value) -> Result<Vec<Value>, Unwind> {
    let text = isolate.ledger.heap.str(key).to_owned();
    let symbol = isolate.info.symbols.iter().position(|symbol| **symbol == *text);
    let mut keys = Vec::with_capacity(items.len());
    for &item in items {
        keys.push(match symbol {
            Some(symbol) if !item.is_map() => isolate.member_get(item, Symbol(symbol as u32))?,
            _ => isolate.index_get(item, key)?,
        });
    }
    Ok(keys)
}

/// The items in the order of their keys.
fn by_keys(isolate: &mut Isolate, items: &[Value], keys: &[Value], descending: bool) -> Result<Vec<Value>, Unwind> {
    check_comparable(isolate, keys)?;
    charge_sort(isolate, keys)?;
    let heap = &isolate.ledger.heap;
    let mut places: Vec<usize> = (0..items.len()).collect();
    places.sort_by(|&a, &b| match compare(heap, keys[a], keys[b]) {
        Some(order) if descending => order.reverse(),
        Some(order) => order,
        None => is_nan(keys[a]).cmp(&is_nan(keys[b])),
    });
    Ok(places.into_iter().map(|place| items[place]).collect())
}

/// A merge sort from the bottom up: the order of the function's calls is part of what a program means.
fn by_function(isolate: &mut Isolate, mut items: Vec<Value>, function: Value) -> Result<Vec<Value>, Unwind> {
    let mut width = 1;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for run in items.chunks(2 * width) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let (Some((&first, after_first)), Some((&second, after_second))) =
                (left.split_first(), right.split_first())
            {
                // Asked the other way round, a tie leaves the first where it is.
                if goes_first(isolate, function, second, first)? {
                    merged.push(second);
                    right = after_second;
                } else {
                    merged.push(first);
                    left = after_first;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        items = merged;
        width *= 2;
    }
    Ok(items)
}

/// Whether the function puts `a` before `b`.
fn goes_first(isolate: &mut Isolate, function: Value, a: Value, b: Value) -> Result<bool, Unwind> {
    isolate.poll()?;
    isolate.charge(1)?;
    let answer = isolate.call_function(function, &[a, b])?;
    if answer.tag() == Tag::Bool {
        return Ok(answer.as_bool());
    }
    if !answer.is_number() {
        let message = format!(
            "sort() needs its function to give a boolean or a number, not {}",
            super::super::ops::type_name(answer)
        );
        return isolate.fail(&message);
    }
    isolate.less(answer, Value::int(0))
}

/// The comparison error for the first element that cannot stand beside the first.
fn check_comparable(isolate: &mut Isolate, items: &[Value]) -> Result<(), Unwind> {
    let Some((&first, others)) = items.split_first() else { return Ok(()) };
    for &other in others {
        let comparable = (first.is_number() && other.is_number()) || (first.is_str() && other.is_str());
        if !comparable {
            return isolate.mismatch("compare", first, other);
        }
    }
    Ok(())
}

/// n log n comparisons, and the text of strings as often as each is compared.
fn charge_sort(isolate: &mut Isolate, items: &[Value]) -> Result<(), Unwind> {
    let rounds = items.len().checked_ilog2().unwrap_or(0) as usize;
    isolate.charge_elements(items.len() * rounds)?;
    if items.first().is_some_and(|item| item.is_str()) {
        let bytes: usize = items.iter().map(|&item| isolate.ledger.heap.str(item).len()).sum();
        isolate.charge_text(bytes * rounds)?;
    }
    Ok(())
}

fn is_nan(value: Value) -> bool {
    value.is_float() && value.as_float().is_nan()
}

/// Whether `candidate` goes before `best`; an error unless both are numbers or both strings.
pub(super) fn goes_before(
    isolate: &mut Isolate,
    candidate: Value,
    best: Value,
    wanted: Ordering,
) -> Result<bool, Unwind> {
    if candidate.is_null() || best.is_null() {
        return isolate.mismatch("compare", best, candidate);
    }
    Ok(isolate.order_slow(best, candidate)? == Some(wanted.reverse()))
}
