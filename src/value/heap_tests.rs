//! Sizes, collection, hashes, constants.

use std::sync::Arc;

use super::numbers::{Integer, Wide};
use super::{
    BoundKind, ConstantPool, ConstantPoolBuilder, ContainerHeader, Entry, FROZEN, Header, Heap, MapData, Space,
    StrObject, Tag, Value,
};

struct Nothing;

#[test]
fn sizes_that_the_tiers_rely_on() {
    assert_eq!(size_of::<Value>(), 16);
    assert_eq!(size_of::<Option<Value>>(), 16);
    assert_eq!(size_of::<Result<Value, Nothing>>(), 16);
    assert_eq!(size_of::<Header>(), 8);
    assert_eq!(size_of::<ContainerHeader>(), 32);
    assert_eq!(size_of::<StrObject>(), 16);
    assert_eq!(size_of::<Entry>(), 48);
    assert!(Tag::Str.is_heap() && Tag::Error.is_heap() && !Tag::Module.is_heap());
}

#[test]
fn heap_and_constants_may_change_threads() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Heap>();
    is_send::<ConstantPool>();
    is_sync::<ConstantPool>();
    let mut heap = Heap::new();
    let text = heap.alloc_str("moved");
    let moved = std::thread::spawn(move || heap.str(text).len()).join();
    assert_eq!(moved.expect("the thread reads it"), 5);
}

/// One object of every kind, all hanging on the result, a cycle among them.
fn one_of_everything(heap: &mut Heap) -> Value {
    let text = heap.alloc_str("text");
    let bytes = heap.alloc_bytes(&[1, 2, 3]);
    let wide = heap.alloc_integer(Integer::from(i128::MAX));
    let big = Integer::from(2_i64).pow(300).expect("below the bound");
    let huge = heap.alloc_integer(big);
    let range = heap.alloc_range(0, 10, 3);
    let inner = heap.alloc_list(vec![text, bytes, wide, huge, range]);
    let cell = heap.alloc_cell(inner);
    let function = heap.alloc_function(1, vec![cell], Value::NULL);
    let bound = heap.alloc_bound(function, BoundKind::Method, 2);
    let entity = heap.alloc_entity(3, vec![bound]);
    let data = heap.alloc_data(4, vec![entity]);
    let error = heap.alloc_error(data, 0, (0, 0, 0), true);
    let map = heap.alloc_map(MapData::new());
    let key = heap.alloc_str("key");
    heap.map_insert_new(map, key, error, 0);
    let outer = heap.alloc_list(vec![map]);
    heap.list_push(inner, outer);
    outer
}

const EVERYTHING: usize = 15;

#[test]
fn marks_through_everything() {
    for poison in [false, true] {
        let mut heap = Heap::new();
        heap.poison = poison;
        let root = one_of_everything(&mut heap);
        one_of_everything(&mut heap);
        assert_eq!(heap.allocated_objects(), 2 * EVERYTHING);
        heap.collect(|marker| marker.value(root));
        assert_eq!(heap.allocated_objects(), EVERYTHING);
        let key = heap.alloc_str("key");
        let map = heap.list(root).items[0];
        let error = heap.map(map).map.get(key).expect("found by another object of the same text");
        let data = heap.error(error).message;
        let entity = heap.record(data).fields[0];
        let bound = heap.record(entity).fields[0];
        let function = heap.bound(bound).receiver;
        let cell = heap.function(function).cells[0];
        let inner = heap.cell(cell).value;
        let items = &heap.list(inner).items;
        assert_eq!(heap.str(items[0]), "text");
        assert_eq!(heap.bytes(items[1]), [1, 2, 3]);
        assert_eq!(*heap.wide(items[2]), Wide::from_i128(i128::MAX));
        assert_eq!(heap.huge(items[3]).bits(), 301);
        assert_eq!(heap.range(items[4]).count(), 4);
        assert!(items[5].raw_eq(root));
        heap.collect(|_| ());
        assert_eq!(heap.allocated_objects(), 0);
        assert_eq!(heap.live_bytes(), 0);
    }
}

#[test]
fn cells_are_used_again() {
    let mut heap = Heap::new();
    let first = heap.alloc_list(vec![Value::TRUE; 4]);
    let big = heap.alloc_list(vec![Value::TRUE; 4000]);
    let map = heap.alloc_map(MapData::with_capacity(4));
    heap.map_insert_new(map, Value::int(1), Value::NULL, 0);
    heap.collect(|_| ());
    heap.current_epoch = 9;
    let mut addresses: Vec<_> = (0..2).map(|_| heap.alloc_list_from(&[Value::NULL])).collect();
    for list in &addresses {
        assert_eq!(heap.list(*list).items.len(), 1);
        assert!(heap.list(*list).items.capacity() <= 16, "large buffers are given back");
        assert_eq!(heap.container(*list).epoch, 9);
        assert_eq!(heap.list(*list).element_epoch(0), 9);
    }
    addresses.sort_by_key(|v| v.payload());
    let mut expected = [first.payload(), big.payload()];
    expected.sort_unstable();
    assert_eq!([addresses[0].payload(), addresses[1].payload()], expected);
    let again = heap.alloc_map(MapData::new());
    assert!(again.raw_eq(map) && heap.map(again).map.is_empty() && heap.map(again).map.next_seq() == 0);
}

#[test]
fn asks_for_collections_in_time() {
    let mut heap = Heap::new();
    let list = heap.alloc_list(Vec::new());
    assert!(!heap.should_collect());
    for _ in 0..200_000 {
        heap.list_push(list, Value::NULL);
    }
    assert!(heap.should_collect(), "a list that grows counts");
    heap.collect(|marker| marker.value(list));
    assert!(!heap.should_collect());
    assert!(heap.live_bytes() > 3_200_000);
    let map = heap.alloc_map(MapData::new());
    for at in 0..100_000 {
        heap.map_insert_new(map, Value::int(at), Value::NULL, 0);
    }
    assert!(heap.should_collect(), "a map that grows counts");
    assert_eq!(heap.collections(), 1);
}

#[test]
fn both_spaces_are_swept() {
    let mut heap = Heap::new();
    let kept = heap.alloc_list(Vec::new());
    let dropped = heap.alloc_list(Vec::new());
    heap.header_mut(kept).space = Space::Ledger;
    heap.header_mut(dropped).space = Space::Ledger;
    heap.collect(|marker| marker.values(&[kept]));
    assert_eq!(heap.allocated_objects(), 1);
    assert_eq!(heap.space(kept), Space::Ledger);
}

#[test]
fn long_chains_need_no_stack() {
    let mut heap = Heap::new();
    let mut chain = Value::NULL;
    for _ in 0..300_000 {
        chain = heap.alloc_list(vec![chain]);
    }
    heap.collect(|marker| marker.value(chain));
    assert_eq!(heap.allocated_objects(), 300_000);
}

#[cfg(any(debug_assertions, feature = "checked"))]
mod stale {
    use super::*;

    fn stale(make: impl FnOnce(&mut Heap) -> Value) -> (Heap, Value) {
        let mut heap = Heap::new();
        heap.poison = true;
        let value = make(&mut heap);
        heap.collect(|_| ());
        (heap, value)
    }

    #[test]
    #[should_panic(expected = "was freed")]
    fn list() {
        let (heap, value) = stale(|heap| heap.alloc_list(Vec::new()));
        let _ = heap.list(value);
    }

    #[test]
    #[should_panic(expected = "was freed")]
    fn text() {
        let (heap, value) = stale(|heap| heap.alloc_str("gone"));
        let _ = heap.str(value);
    }

    #[test]
    #[should_panic(expected = "was freed")]
    fn record() {
        let (heap, value) = stale(|heap| heap.alloc_entity(0, vec![Value::NULL]));
        let _ = heap.record(value);
    }

    #[test]
    #[should_panic(expected = "was freed")]
    fn truth() {
        let (_heap, value) = stale(|heap| heap.alloc_map(MapData::new()));
        value.truthy();
    }

    #[test]
    #[should_panic(expected = "was freed")]
    fn as_a_root() {
        let (mut heap, value) = stale(|heap| heap.alloc_cell(Value::NULL));
        heap.collect(|marker| marker.value(value));
    }

    #[test]
    #[should_panic(expected = "another tag")]
    fn wrong_tag() {
        let mut heap = Heap::new();
        let text = heap.alloc_str("no list");
        let _ = heap.list(text);
    }
}

#[test]
fn equal_text_has_one_hash() {
    let mut heap = Heap::new();
    let mut builder = ConstantPoolBuilder::new();
    let constant = builder.string("häuser");
    assert!(constant.aux() != 0 && builder.string("häuser").raw_eq(constant));
    let whole = heap.alloc_str("häuser");
    let parts = heap.alloc_str_from(&["h", "ä", "user"]);
    let two = heap.concat("hä", "user");
    let (left, right) = (heap.alloc_str("häus"), heap.alloc_str("er"));
    let joined = heap.concat_values(left, right);
    for text in [whole, parts, two, joined] {
        assert_eq!(text.aux(), 0);
        assert_eq!(text.string_hash(), constant.aux());
        assert_eq!(heap.string_hash(text), text.with_hash().aux());
        assert_eq!((text.char_count(), text.is_ascii()), (6, false));
        assert_eq!(text.as_str(), "häuser");
    }
    let empty = heap.alloc_str("");
    assert!(empty.string_hash() != 0 && empty.is_ascii() && empty.as_str().is_empty());
}

#[test]
fn constants_outlive_collections_and_serve_many_threads() {
    let mut builder = ConstantPoolBuilder::new();
    let text = builder.string("shared");
    let wide = builder.integer(Integer::from(i128::MAX));
    let bytes = builder.bytes(b"abc");
    let pool = Arc::new(builder.finish());
    assert_eq!(pool.len(), 3);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let pool = Arc::clone(&pool);
            std::thread::spawn(move || {
                let mut heap = Heap::new();
                let list = heap.alloc_list(vec![text, wide, bytes]);
                heap.collect(|marker| marker.value(list));
                heap.collect(|_| ());
                assert_eq!(heap.header(text).flags & FROZEN, FROZEN);
                let seen = (text.as_str().len(), *heap.wide(wide), bytes.as_bytes().len());
                drop(pool);
                seen
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no thread fails"), (6, Wide::from_i128(i128::MAX), 3));
    }
}
