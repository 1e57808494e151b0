//! The map against a model that keeps every entry ever inserted in a plain vector.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Heap, MapData, Value};

/// What an undo needs: as the journal would log it.
enum Undo {
    Insert { seq: u64 },
    Remove { seq: u64, key: Value, value: Value },
    Write { key: Value, old: Value },
}

#[derive(Clone)]
struct ModelEntry {
    seq: u64,
    name: String,
    value: i64,
}

fn name_of(key: Value) -> String {
    if key.is_str() { format!("s{}", key.as_str()) } else { format!("{key:?}") }
}

fn check(map: &MapData, model: &[ModelEntry], keys: &[Value]) {
    assert_eq!(map.len(), model.len());
    let order: Vec<_> = map.iter().map(|e| (e.seq, name_of(e.key), e.value.as_int())).collect();
    let expected: Vec<_> = model.iter().map(|e| (e.seq, e.name.clone(), e.value)).collect();
    assert_eq!(order, expected, "order, numbers and values");
    assert!(map.entries().is_sorted_by(|a, b| a.seq < b.seq), "numbers increase, tombstones too");
    for &key in keys {
        let found = map.get(key).map(Value::as_int);
        let name = name_of(key);
        assert_eq!(found, model.iter().find(|e| e.name == name).map(|e| e.value), "{name}");
    }
    let mut at = 0;
    for expected in model {
        at = map.next_live(at).expect("as many as in the model");
        assert_eq!(map.entry(at).seq, expected.seq);
        assert_eq!(map.position_of_seq(expected.seq), at);
        at += 1;
    }
    assert_eq!(map.next_live(at), None);
}

fn undo(map: &mut MapData, log: &mut Vec<Undo>, to: usize) {
    for entry in log.drain(to..).rev() {
        match entry {
            Undo::Insert { seq } => map.remove_inserted(seq),
            Undo::Remove { seq, key, value } => {
                let at = map.restore(seq, key, value, 0);
                assert_eq!(map.entry(at).seq, seq);
            }
            Undo::Write { key, old } => {
                let at = map.find(key).expect("a written key is there");
                map.set_entry_value(at, old);
            }
        }
    }
}

/// Random inserts, writes and removals in checkpoints that are undone, committed or compacted.
fn run(seed: u64, key_count: usize, steps: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut heap = Heap::new();
    let mut keys: Vec<Value> = (0..key_count)
        .map(|at| match at % 3 {
            0 => Value::int(at as i64 - 5),
            _ => heap.alloc_str(&format!("key{at}")),
        })
        .collect();
    keys.extend([Value::TRUE, Value::FALSE, Value::int(1), heap.alloc_str("1"), heap.alloc_str("")]);
    let mut map = MapData::new();
    let mut model: Vec<ModelEntry> = Vec::new();
    let mut log: Vec<Undo> = Vec::new();
    let mut saved = (model.clone(), map.next_seq());
    let mut checkpoint_open = false;
    for step in 0..steps {
        let key = keys[rng.random_range(0..keys.len())];
        // The same text in another object must be the same key.
        let key = if key.is_str() && rng.random() { heap.alloc_str(key.as_str()) } else { key };
        let name = name_of(key);
        let value = step as i64;
        match rng.random_range(0..100) {
            0..50 => {
                if let Some(at) = map.find(key) {
                    let old = map.entry(at).value;
                    log.push(Undo::Write { key, old });
                    map.set_entry_value(at, Value::int(value));
                    let entry = model.iter_mut().find(|e| e.name == name);
                    entry.expect("in both").value = value;
                } else {
                    let seq = map.next_seq();
                    let at = map.insert_new(key, Value::int(value), 0);
                    assert_eq!(map.entry(at).seq, seq);
                    log.push(Undo::Insert { seq });
                    model.push(ModelEntry { seq, name, value });
                }
            }
            50..90 => {
                if let Some(at) = map.find(key) {
                    let old = map.remove_at(at);
                    log.push(Undo::Remove { seq: old.seq, key: old.key, value: old.value });
                    model.retain(|e| e.name != name);
                }
            }
            90..94 => {
                // A compaction inside a checkpoint: restoring must not need the tombstone.
                map.compact_if(true);
            }
            94..97 => {
                if checkpoint_open {
                    undo(&mut map, &mut log, 0);
                    model.clone_from(&saved.0);
                    assert_eq!(map.next_seq(), saved.1, "a rollback uses no number");
                    checkpoint_open = false;
                }
            }
            _ => {
                if checkpoint_open {
                    map.renumber_from(saved.1);
                    let mut next = saved.1;
                    for entry in model.iter_mut().filter(|e| e.seq >= saved.1) {
                        entry.seq = next;
                        next += 1;
                    }
                    assert_eq!(map.next_seq(), next, "a commit uses one number for each entry it leaves");
                }
                log.clear();
                saved = (model.clone(), map.next_seq());
                checkpoint_open = true;
            }
        }
        if key_count < 100 || step % 64 == 0 {
            check(&map, &model, &keys);
        }
    }
    check(&map, &model, &keys);
}

#[test]
fn agrees_with_the_model() {
    for seed in 0..30 {
        run(seed, 6, 400);
        run(seed, 30, 800);
    }
    for seed in 0..3 {
        run(seed, 2_000, 20_000);
    }
}

#[test]
fn different_types_are_different_keys() {
    let mut heap = Heap::new();
    for filler in [0, 100] {
        let mut map = MapData::new();
        for at in 0..filler {
            map.insert_new(Value::int(1000 + at), Value::NULL, 0);
        }
        let keys = [Value::int(1), Value::TRUE, heap.alloc_str("1"), Value::int(0), Value::FALSE, heap.alloc_str("")];
        for (at, key) in keys.into_iter().enumerate() {
            assert!(map.get(key).is_none());
            map.insert_new(key, Value::int(at as i64), 0);
        }
        for (at, key) in keys.into_iter().enumerate() {
            assert_eq!(map.get(key).map(Value::as_int), Some(at as i64));
        }
    }
}

#[test]
fn a_template_gives_its_entries() {
    let mut heap = Heap::new();
    for count in [3, 8, 9, 40] {
        let mut template = MapData::with_capacity(count);
        let keys: Vec<_> = (0..count).map(|at| heap.alloc_str(&format!("k{at}"))).collect();
        for &key in &keys {
            template.insert_new(key, Value::NULL, 0);
        }
        for removed in [false, true] {
            if removed {
                template.remove_at(1);
            }
            heap.current_epoch = 7;
            let value = heap.alloc_map_from(&template);
            let map = &heap.map(value).map;
            assert_eq!(map.len(), template.len());
            for &key in &keys {
                assert_eq!(map.find(key).is_some(), template.find(key).is_some());
            }
            assert!(
                map.iter().zip(0..).all(|(e, at)| e.epoch == 7 && e.seq == at && map.find(e.key) == Some(at as u32))
            );
        }
    }
}

#[test]
fn clear_goes_on_counting() {
    let mut map = MapData::new();
    for at in 0..20 {
        map.set(Value::int(at), Value::NULL, 0);
    }
    map.clear();
    assert!(map.is_empty() && map.get(Value::int(3)).is_none());
    let at = map.insert_new(Value::int(3), Value::NULL, 0);
    assert_eq!(map.entry(at).seq, 20);
}
