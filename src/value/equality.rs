//! `==` and the order of values, as the language defines them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::heap::Heap;
use super::map::MapData;
use super::numbers::cmp_i64_f64;
use super::tag::{Tag, Value};

/// How deep lists, maps and data may nest for comparing, printing and storing.
pub const MAX_DEPTH: u32 = 1_000;
/// Up to so many pairs are searched one by one before a set is made.
const SCANNED_PAIRS: usize = 16;

/// The value is nested over [`MAX_DEPTH`] deep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooDeep;

/// Elements that count as one step of a comparison in bytes of text.
const TEXT_BYTES_PER_STEP: u64 = 8;

/// Whether two values are equal: by value, deep for lists, maps and data; contracts, entities and functions by
/// identity. Two containers in themselves are equal if no walk tells them apart. `steps` grows by the elements that
/// were compared.
#[inline]
pub fn equals(heap: &Heap, a: Value, b: Value, steps: &mut u64) -> Result<bool, TooDeep> {
    if a.both_int(b) {
        return Ok(a.int_payload() == b.int_payload());
    }
    if a.is_str() && b.is_str() {
        return Ok(strings_equal(a, b));
    }
    let mut equality = Equality { heap, pending: Vec::new(), pairs: Vec::new(), seen: BTreeSet::new(), steps: 0 };
    let equal = equality.run(a, b);
    *steps += equality.steps;
    equal
}

/// Whether two strings have the same text: by address, then by length and by the hashes as far as they are known.
#[inline]
fn strings_equal(a: Value, b: Value) -> bool {
    if a.payload() == b.payload() {
        return true;
    }
    if a.aux() != b.aux() && a.aux() != 0 && b.aux() != 0 {
        return false;
    }
    a.as_str() == b.as_str()
}

/// One comparison under way. A pair of containers once met need not be compared again: if it differed, the whole
/// comparison would be over. That also ends cycles. No recursion: it may run at the bottom of a deep stack.
struct Equality<'h> {
    heap: &'h Heap,
    /// Pairs of containers still to be compared, and how deep they stand.
    pending: Vec<(Value, Value, u32)>,
    pairs: Vec<(u64, u64)>,
    seen: BTreeSet<(u64, u64)>,
    steps: u64,
}

impl Equality<'_> {
    fn run(&mut self, a: Value, b: Value) -> Result<bool, TooDeep> {
        if !self.slots(a, b, 0)? {
            return Ok(false);
        }
        while let Some((a, b, depth)) = self.pending.pop() {
            if !self.containers(a, b, depth)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Compares two leaves, or leaves two containers for later: those met in one container of `depth`.
    fn slots(&mut self, a: Value, b: Value, depth: u32) -> Result<bool, TooDeep> {
        self.steps += 1;
        match (a.tag(), b.tag()) {
            (Tag::List, Tag::List) | (Tag::Map, Tag::Map) | (Tag::Data, Tag::Data) => {
                if depth >= MAX_DEPTH {
                    return Err(TooDeep);
                }
                if depth == 0 || self.first_meeting((a.payload(), b.payload())) {
                    self.pending.push((a, b, depth + 1));
                }
                Ok(true)
            }
            (Tag::List | Tag::Range, Tag::List | Tag::Range) => {
                let (equal, steps) = self.ranges(a, b);
                self.steps += steps;
                Ok(equal)
            }
            (Tag::Str, Tag::Str) => {
                // Charged alike whether or not an address or a hash spares the comparison.
                let (left, right) = (a.as_str().len(), b.as_str().len());
                self.steps += if left == right { left as u64 / TEXT_BYTES_PER_STEP } else { 0 };
                Ok(strings_equal(a, b))
            }
            _ => Ok(self.leaves(a, b)),
        }
    }

    fn leaves(&self, a: Value, b: Value) -> bool {
        if a.is_number() && b.is_number() {
            return compare_numbers(self.heap, a, b) == Some(Ordering::Equal);
        }
        if a.tag() != b.tag() {
            return false;
        }
        match a.tag() {
            Tag::Str => strings_equal(a, b),
            Tag::Bytes => a.as_bytes() == b.as_bytes(),
            Tag::Bound => {
                let (a, b) = (self.heap.bound(a), self.heap.bound(b));
                a.kind == b.kind && a.target == b.target && a.receiver.raw_eq(b.receiver)
            }
            // Without captures a function is its action, however often its value was made.
            Tag::Function => {
                a.raw_eq(b) || {
                    let (a, b) = (self.heap.function(a), self.heap.function(b));
                    a.action == b.action && a.cells.is_empty() && b.cells.is_empty() && a.receiver.raw_eq(b.receiver)
                }
            }
            _ => a.raw_eq(b),
        }
    }

    fn containers(&mut self, a: Value, b: Value, depth: u32) -> Result<bool, TooDeep> {
        let heap = self.heap;
        match a.tag() {
            Tag::List => self.slices(&heap.list(a).items, &heap.list(b).items, depth),
            Tag::Map => self.maps(&heap.map(a).map, &heap.map(b).map, depth),
            _ => {
                let (a, b) = (heap.record(a), heap.record(b));
                Ok(a.class == b.class && self.slices(&a.fields, &b.fields, depth)?)
            }
        }
    }

    /// Notes the pair; false if it was met before.
    fn first_meeting(&mut self, pair: (u64, u64)) -> bool {
        if self.pairs.contains(&pair) {
            return false;
        }
        if self.pairs.len() < SCANNED_PAIRS {
            self.pairs.push(pair);
            return true;
        }
        self.seen.insert(pair)
    }

    fn slices(&mut self, a: &[Value], b: &[Value], depth: u32) -> Result<bool, TooDeep> {
        if a.len() != b.len() {
            return Ok(false);
        }
        for (&a, &b) in a.iter().zip(b) {
            if !self.slots(a, b, depth)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn maps(&mut self, a: &MapData, b: &MapData, depth: u32) -> Result<bool, TooDeep> {
        if a.len() != b.len() {
            return Ok(false);
        }
        for entry in a.iter() {
            let Some(other) = b.get(entry.key) else {
                return Ok(false);
            };
            if !self.slots(entry.value, other, depth)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A range and a range or list: a range equals the list of its numbers, which do not nest. With it how many were
    /// compared; two ranges are compared by their ends.
    fn ranges(&self, a: Value, b: Value) -> (bool, u64) {
        let length = |v: Value| match v.tag() {
            Tag::List => self.heap.list(v).items.len() as u64,
            _ => self.heap.range(v).count(),
        };
        let element = |v: Value, at: u64| match v.tag() {
            Tag::List => self.heap.list(v).items[at as usize],
            _ => Value::int(self.heap.range(v).at(at)),
        };
        let count = length(a);
        if count != length(b) {
            return (false, 0);
        }
        if a.tag() == b.tag() {
            let at_ends = [0, count.saturating_sub(1)].into_iter().filter(|_| count > 0);
            return (at_ends.into_iter().all(|at| self.leaves(element(a, at), element(b, at))), 0);
        }
        let same = (0..count).take_while(|&at| self.leaves(element(a, at), element(b, at))).count() as u64;
        (same == count, same)
    }
}

/// The order of two numbers or of two strings (by code point, which is the order of UTF-8 bytes). `None` for any
/// other pair, and where a NaN is one of them.
#[inline]
pub fn compare(heap: &Heap, a: Value, b: Value) -> Option<Ordering> {
    if a.both_int(b) {
        return Some(a.int_payload().cmp(&b.int_payload()));
    }
    if a.is_str() && b.is_str() {
        return Some(a.as_str().cmp(b.as_str()));
    }
    if a.is_number() && b.is_number() { compare_numbers(heap, a, b) } else { None }
}

fn compare_numbers(heap: &Heap, a: Value, b: Value) -> Option<Ordering> {
    match (a.tag(), b.tag()) {
        (Tag::Int, Tag::Int) => Some(a.as_int().cmp(&b.as_int())),
        (Tag::Float, Tag::Float) => a.as_float().partial_cmp(&b.as_float()),
        (Tag::Wide, Tag::Wide) => Some(heap.wide(a).cmp(heap.wide(b))),
        (Tag::Huge, Tag::Huge) => Some(heap.huge(a).cmp(heap.huge(b))),
        (Tag::Int, Tag::Float) => cmp_i64_f64(a.as_int(), b.as_float()),
        (Tag::Float, _) => heap.integer(b).partial_cmp_f64(a.as_float()).map(Ordering::reverse),
        (_, Tag::Float) => heap.integer(a).partial_cmp_f64(b.as_float()),
        _ => Some(heap.integer(a).cmp(&heap.integer(b))),
    }
}
