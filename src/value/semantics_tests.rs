//! Equality, order, text, copies.

use std::cmp::Ordering;

use super::numbers::Integer;
use super::{
    BoundKind, CopyError, Heap, MAX_DEPTH, MapData, Names, Space, TextError, TooDeep, Value, compare, deep_copy,
    deep_size, equals, text,
};

struct TestNames;

#[expect(clippy::unnecessary_literal_bound, reason = "the names are constant in this test alone")]
impl Names for TestNames {
    fn contract_name(&self, _instance: u32) -> &str {
        "Token"
    }
    fn class_name(&self, _class: u32) -> &str {
        "User"
    }
    fn action_name(&self, action: u32) -> Option<&str> {
        (action == 1).then_some("f")
    }
    fn field_name(&self, _class: u32, field: usize) -> &str {
        ["name", "age"][field]
    }
}

fn equal(heap: &Heap, a: Value, b: Value) -> Result<bool, TooDeep> {
    equals(heap, a, b, &mut 0)
}

fn shown(heap: &Heap, value: Value) -> Result<String, TextError> {
    let mut out = String::new();
    text(heap, value, &TestNames, usize::MAX, &mut out).map(|()| out)
}

fn map_of(heap: &mut Heap, entries: &[(Value, Value)]) -> Value {
    let map = heap.alloc_map(MapData::new());
    for &(key, value) in entries {
        heap.map_insert_new(map, key, value, 0);
    }
    map
}

fn power(exponent: u64) -> Integer {
    Integer::from(2_i64).pow(exponent).expect("below the bound")
}

/// `[[[...]]]`, `depth` lists.
fn nested(heap: &mut Heap, depth: u32) -> Value {
    (0..depth).fold(Value::NULL, |inner, _| {
        if inner.is_null() { heap.alloc_list(Vec::new()) } else { heap.alloc_list(vec![inner]) }
    })
}

fn cyclic(heap: &mut Heap) -> Value {
    let list = heap.alloc_list(vec![Value::int(1)]);
    heap.list_push(list, list);
    list
}

#[test]
fn texts() {
    let mut heap = Heap::new();
    let (a, key, x) = (heap.alloc_str("a"), heap.alloc_str("b"), heap.alloc_str("x"));
    let list = heap.alloc_list(vec![Value::int(1), a, Value::TRUE, Value::NULL]);
    let inner = heap.alloc_list(vec![x]);
    let map = map_of(&mut heap, &[(a, Value::int(1)), (key, inner)]);
    let empty_map = map_of(&mut heap, &[]);
    let name = heap.alloc_str("Al");
    let user = heap.alloc_entity(0, vec![name, Value::int(3)]);
    let data = heap.alloc_data(0, vec![name, Value::float(0.5)]);
    let cases = [
        (list, "[1, a, true, null]"),
        (map, "{a: 1, b: [x]}"),
        (empty_map, "{}"),
        (user, "User { name: Al, age: 3 }"),
        (data, "User { name: Al, age: 0.5 }"),
        (Value::contract(3), "<contract Token>"),
        (heap.alloc_function(1, vec![], Value::NULL), "<action f>"),
        (heap.alloc_function(2, vec![], Value::NULL), "<lambda>"),
        (heap.alloc_bound(Value::contract(0), BoundKind::Action, 1), "<action f>"),
        (cyclic(&mut heap), "[1, ...]"),
        (heap.alloc_integer(power(64)), "18446744073709551616"),
        (heap.alloc_integer(Integer::from(i128::MIN)), "-170141183460469231731687303715884105728"),
        (Value::int(i64::MIN), "-9223372036854775808"),
        (heap.alloc_bytes(&[0, 0xab]), "00ab"),
        (Value::float(1.0), "1.0"),
        (Value::float(1e20), "1e+20"),
        (heap.alloc_range(5, 0, -2), "[5, 3, 1]"),
        (heap.alloc_range(5, 0, 2), "[]"),
        (Value::FALSE, "false"),
    ];
    for (value, expected) in cases {
        assert_eq!(shown(&heap, value).as_deref(), Ok(expected));
    }
    let huge = heap.alloc_integer(power(300));
    assert_eq!(shown(&heap, huge), Ok(power(300).to_big().to_string()));
    let twice = heap.alloc_list(vec![inner, inner]);
    assert_eq!(shown(&heap, twice).as_deref(), Ok("[[x], [x]]"), "met twice is no cycle");
}

#[test]
fn truth() {
    let mut heap = Heap::new();
    let falses = [
        Value::NULL,
        Value::FALSE,
        Value::int(0),
        Value::float(0.0),
        Value::float(-0.0),
        heap.alloc_str(""),
        heap.alloc_list(vec![]),
        heap.alloc_map(MapData::new()),
        heap.alloc_range(3, 3, 1),
    ];
    assert!(falses.iter().all(|v| !v.truthy()), "{falses:?}");
    let trues = [
        Value::TRUE,
        Value::int(-1),
        Value::float(f64::NAN),
        heap.alloc_str("0"),
        heap.alloc_list(vec![Value::NULL]),
        map_of(&mut heap, &[(Value::int(0), Value::NULL)]),
        Value::contract(0),
        Value::class(0),
        heap.alloc_integer(power(70)),
        heap.alloc_entity(0, vec![]),
    ];
    assert!(trues.iter().all(|v| v.truthy()), "{trues:?}");
}

/// One row a class of equal values: within a row all are equal, between rows none.
fn equality_table(heap: &mut Heap) -> Vec<Vec<Value>> {
    let (a, a2, b) = (heap.alloc_str("a"), heap.alloc_str("a").with_hash(), heap.alloc_str("b"));
    let ints = |heap: &mut Heap| heap.alloc_list(vec![Value::int(0), Value::int(1)]);
    let floats = heap.alloc_list(vec![Value::float(0.0), Value::float(1.0)]);
    let two_maps = [[(a, Value::int(1)), (b, Value::int(2))], [(b, Value::float(2.0)), (a2, Value::int(1))]];
    let deep = |heap: &mut Heap| {
        let inner = ints(heap);
        let map = map_of(heap, &[(Value::int(1), inner)]);
        heap.alloc_data(0, vec![map])
    };
    let two_cells = heap.alloc_cell(Value::NULL);
    vec![
        vec![Value::NULL],
        vec![Value::TRUE],
        vec![Value::int(1), Value::float(1.0)],
        vec![Value::int(i64::MAX)],
        vec![Value::float(9_223_372_036_854_775_808.0), heap.alloc_integer(power(63)), heap.alloc_integer(power(63))],
        vec![heap.alloc_integer(power(300)), heap.alloc_integer(power(300)), Value::float(2f64.powi(300))],
        vec![a, a2],
        vec![b],
        vec![heap.alloc_str("1")],
        vec![heap.alloc_bytes(b"a"), heap.alloc_bytes(b"a")],
        vec![ints(heap), ints(heap), floats, heap.alloc_range(0, 2, 1), heap.alloc_range(0, 2, 1)],
        vec![heap.alloc_list(vec![]), heap.alloc_range(0, 0, 1)],
        vec![map_of(heap, &two_maps[0]), map_of(heap, &two_maps[1])],
        vec![map_of(heap, &[])],
        vec![deep(heap), deep(heap)],
        vec![heap.alloc_data(1, vec![])],
        vec![heap.alloc_entity(0, vec![])],
        vec![heap.alloc_entity(0, vec![])],
        vec![Value::contract(1)],
        vec![Value::class(1)],
        vec![heap.alloc_function(1, vec![], Value::NULL), heap.alloc_function(1, vec![], Value::NULL)],
        vec![heap.alloc_function(1, vec![two_cells], Value::NULL)],
        vec![heap.alloc_function(1, vec![two_cells], Value::NULL)],
        vec![
            heap.alloc_bound(Value::contract(1), BoundKind::Action, 1),
            heap.alloc_bound(Value::contract(1), BoundKind::Action, 1),
        ],
        vec![heap.alloc_bound(Value::contract(2), BoundKind::Action, 1)],
        vec![cyclic(heap), cyclic(heap)],
    ]
}

#[test]
fn equality() {
    let mut heap = Heap::new();
    let table = equality_table(&mut heap);
    for (i, row) in table.iter().enumerate() {
        for (j, other) in table.iter().enumerate() {
            for &a in row {
                for &b in other {
                    assert_eq!(equal(&heap, a, b), Ok(i == j), "{a:?} of row {i} with {b:?} of row {j}");
                }
            }
        }
    }
    let nan = Value::float(f64::NAN);
    assert_eq!(equal(&heap, nan, nan), Ok(false));
    let list = heap.alloc_list(vec![nan]);
    assert_eq!(equal(&heap, list, list), Ok(false), "by value, whoever holds it");
}

#[test]
fn shared_structure_is_compared_once() {
    let mut heap = Heap::new();
    let mut doubling = || (0..200).fold(Value::int(1), |inner, _| heap.alloc_list(vec![inner, inner]));
    let (a, b) = (doubling(), doubling());
    assert_eq!(equal(&heap, a, b), Ok(true));
}

#[test]
fn order() {
    let mut heap = Heap::new();
    let (a, b, ae) = (heap.alloc_str("a"), heap.alloc_str("ab"), heap.alloc_str("ä"));
    let (wide, huge) = (heap.alloc_integer(power(64)), heap.alloc_integer(power(300)));
    let ascending = [Value::float(f64::NEG_INFINITY), Value::int(-1), Value::float(-0.5), Value::int(3), wide, huge];
    for (i, &x) in ascending.iter().enumerate() {
        for (j, &y) in ascending.iter().enumerate() {
            assert_eq!(compare(&heap, x, y), Some(i.cmp(&j)));
        }
    }
    assert_eq!(compare(&heap, a, b), Some(Ordering::Less));
    assert_eq!(compare(&heap, ae, b), Some(Ordering::Greater));
    assert_eq!(compare(&heap, Value::float(f64::NAN), Value::int(1)), None);
    assert_eq!(compare(&heap, a, Value::int(1)), None);
    assert_eq!(compare(&heap, Value::TRUE, Value::TRUE), None);
}

#[test]
fn nesting_has_one_limit() {
    let mut heap = Heap::new();
    let (at_limit, again) = (nested(&mut heap, MAX_DEPTH), nested(&mut heap, MAX_DEPTH));
    assert_eq!(equal(&heap, at_limit, again), Ok(true));
    assert!(shown(&heap, at_limit).is_ok());
    assert!(deep_copy(&mut heap, at_limit, Space::Ledger).is_ok());
    assert_eq!(deep_size(&heap, at_limit, u64::MAX), Ok(u64::from(MAX_DEPTH)));
    let (deeper, again) = (nested(&mut heap, MAX_DEPTH + 1), nested(&mut heap, MAX_DEPTH + 1));
    assert_eq!(equal(&heap, deeper, again), Err(TooDeep));
    assert_eq!(shown(&heap, deeper), Err(TextError::TooDeep));
    assert_eq!(deep_copy(&mut heap, deeper, Space::Ledger).err(), Some(CopyError::TooDeep));
    assert_eq!(deep_size(&heap, deeper, u64::MAX), Err(CopyError::TooDeep));
}

#[test]
fn copies_are_trees() {
    let mut heap = Heap::new();
    let text = heap.alloc_str("a text of more than sixteen bytes");
    let inner = heap.alloc_list(vec![text]);
    let user = heap.alloc_entity(5, vec![inner, Value::int(1)]);
    let range = heap.alloc_range(0, 3, 1);
    let map = map_of(&mut heap, &[(text, inner), (Value::int(2), inner), (Value::int(1), user), (Value::TRUE, range)]);
    let gone = heap.map(map).map.find(Value::int(2)).expect("inserted");
    heap.map_mut(map).map.remove_at(gone);
    heap.current_epoch = 4;
    let copy = deep_copy(&mut heap, map, Space::Ledger).expect("a tree");
    assert_eq!(heap.space(copy), Space::Ledger);
    assert_eq!(heap.space(text), Space::Ledger, "an immutable value is shared and becomes the ledger's");
    assert_eq!(heap.space(inner), Space::Isolate);
    let entries = heap.map(copy).map.entries();
    assert_eq!(entries.len(), 3, "no tombstones");
    assert!(entries[0].key.raw_eq(text) && entries[1].key.raw_eq(Value::int(1)), "order is kept");
    let (first, record) = (entries[0].value, entries[1].value);
    let second = heap.record(record).fields[0];
    assert!(!first.raw_eq(inner) && !second.raw_eq(first), "shared containers are copied twice");
    assert_eq!((heap.record(record).class, heap.container(record).epoch), (5, 4));
    assert_eq!(heap.space(second), Space::Ledger);
    assert!(entries[2].value.is_list(), "a range becomes a list");
    assert_eq!(shown(&heap, copy), shown(&heap, map));
    // map 1, three entries at 1, key text 1 + 2, keys 1 and true, two lists of the text, user 1 + 1, range 1 + 3.
    assert_eq!(deep_size(&heap, map, u64::MAX), Ok(1 + 3 + 3 + 2 + 2 * 4 + 2 + 4));
    assert_eq!(deep_size(&heap, Value::int(5), u64::MAX), Ok(1));
    let out = deep_copy(&mut heap, copy, Space::Isolate).expect("a tree");
    assert_eq!((heap.space(out), heap.space(text)), (Space::Isolate, Space::Ledger));
}

#[test]
fn copies_refuse_cycles_and_functions() {
    let mut heap = Heap::new();
    let list = cyclic(&mut heap);
    assert_eq!(deep_copy(&mut heap, list, Space::Ledger).err(), Some(CopyError::Cyclic));
    assert_eq!(deep_size(&heap, list, u64::MAX), Err(CopyError::Cyclic));
    let outside = heap.alloc_function(1, vec![], Value::NULL);
    let inside = heap.alloc_function(1, vec![], Value::contract(1));
    let bound = heap.alloc_bound(Value::contract(1), BoundKind::Action, 1);
    for (function, may_leave) in [(outside, true), (inside, false), (bound, true), (Value::builtin(3), true)] {
        let list = heap.alloc_list(vec![function]);
        for value in [function, list] {
            assert_eq!(deep_copy(&mut heap, value, Space::Ledger).err(), Some(CopyError::Function));
            assert_eq!(deep_copy(&mut heap, value, Space::Isolate).is_ok(), may_leave);
        }
    }
    let handle = deep_copy(&mut heap, Value::contract(1), Space::Ledger).expect("a handle is stored as such");
    assert!(handle.raw_eq(Value::contract(1)));
}
