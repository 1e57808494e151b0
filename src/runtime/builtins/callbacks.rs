//! `map`, `filter`, `reduce`: builtins that run program code, as `sort` may. A collection may strike in there, so what they
//! hold lies in `Isolate::held`; and the list may change, so they walk it by index, as a loop does.

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::args::Args;
use super::{Function, Method};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[("map", map), ("filter", filter), ("reduce", reduce)];

pub(super) const METHODS: &[Method] = &[("map", 1, 1, map), ("filter", 1, 1, filter), ("reduce", 1, 2, reduce)];

/// A list and a function, held across the function's calls; partial results lie above `kept`.
struct Walk {
    list: Value,
    function: Value,
    index: usize,
    kept: usize,
}

/// Runs `walk` over the list with the function, both held.
fn walked(
    isolate: &mut Isolate,
    args: &Args,
    walk: fn(&mut Isolate, &Args, Walk) -> Result<Value, Unwind>,
) -> Result<Value, Unwind> {
    let list = isolate.need_list(args, args.first())?;
    let function = args.second();
    let walk_state = Walk { list, function, index: 0, kept: isolate.held.len() + 2 };
    holding(isolate, args, &[list, function], |isolate| walk(isolate, args, walk_state))
}

/// Runs what calls program code with these values held and the stack's top above the arguments, and puts both back.
pub(super) fn holding<R>(
    isolate: &mut Isolate,
    args: &Args,
    values: &[Value],
    run: impl FnOnce(&mut Isolate) -> Result<R, Unwind>,
) -> Result<R, Unwind> {
    let (top, mark) = (isolate.top, isolate.held.len());
    isolate.top = top.max(args.base + args.passed);
    isolate.held.extend_from_slice(values);
    let result = run(isolate);
    isolate.held.truncate(mark);
    isolate.top = top;
    result
}

impl Walk {
    /// The next element, as the list is now.
    fn next(&mut self, isolate: &mut Isolate) -> Result<Option<Value>, Unwind> {
        let length = isolate.length_of(self.list).unwrap_or(0);
        if self.index >= length {
            return Ok(None);
        }
        isolate.poll()?;
        isolate.charge(1)?;
        let item = isolate.item(self.list, self.index);
        self.index += 1;
        Ok(Some(item))
    }

    /// The values put above `kept`, as a new list.
    fn results(&self, isolate: &mut Isolate) -> Result<Value, Unwind> {
        let results = isolate.held[self.kept..].to_vec();
        isolate.new_list(results)
    }
}

fn map(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    walked(isolate, args, |isolate, _, mut walk| {
        while let Some(item) = walk.next(isolate)? {
            let result = isolate.call_function(walk.function, &[item])?;
            isolate.held.push(result);
        }
        walk.results(isolate)
    })
}

fn filter(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    walked(isolate, args, |isolate, _, mut walk| {
        while let Some(item) = walk.next(isolate)? {
            isolate.held.push(item);
            let wanted = isolate.call_function(walk.function, &[item])?.truthy();
            if !wanted {
                isolate.held.pop();
            }
        }
        walk.results(isolate)
    })
}

/// `reduce(l, f[, start])`; without a start the first element is it.
fn reduce(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    walked(isolate, args, |isolate, args, mut walk| {
        let start = if args.count > 2 { Some(args.third()) } else { walk.next(isolate)? };
        let Some(start) = start else {
            return isolate.fail("reduce() of an empty list needs a start value");
        };
        isolate.held.push(start);
        while let Some(item) = walk.next(isolate)? {
            let so_far = isolate.held[walk.kept];
            let result = isolate.call_function(walk.function, &[so_far, item])?;
            isolate.held[walk.kept] = result;
        }
        Ok(isolate.held[walk.kept])
    })
}
