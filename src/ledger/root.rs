//! The state root: a Merkle tree over everything that contracts keep.
//!
//! A leaf is BLAKE3(path key, insertion number, canonical value). A path key names a place: the instance (ordinal
//! of the transaction that made it, its number there), the field's index, then for each level a map key, list
//! index or field index. A place that holds a container has a leaf of its own (its kind, a list's length, a record's declaration), and one leaf for
//! each place below. The tree has 16 children a node; a leaf's position is BLAKE3 of its path key. This version
//! rebuilds the tree whole; the leaf definition is meant to last.

use super::Ledger;
use super::encode::encode_value;
use crate::value::{Tag, Value};

struct Leaf {
    position: [u8; 32],
    hash: [u8; 32],
}

/// The root of all contract state: 32 zero bytes when there is none.
pub fn state_root(ledger: &Ledger) -> [u8; 32] {
    let mut leaves = Vec::new();
    for instance in &ledger.instances {
        let mut path = Vec::with_capacity(64);
        path.extend_from_slice(&instance.made_by.0.to_le_bytes());
        path.extend_from_slice(&instance.made_by.1.to_le_bytes());
        path.extend_from_slice(&instance.class.to_le_bytes());
        for (index, &value) in instance.fields.iter().enumerate() {
            let length = path.len();
            path.push(b'f');
            path.extend_from_slice(&(index as u32).to_le_bytes());
            add_leaves(ledger, &mut path, 0, value, &mut leaves, 0);
            path.truncate(length);
        }
    }
    leaves.sort_unstable_by_key(|leaf| leaf.position);
    subtree(&leaves, 0)
}

fn add_leaves(ledger: &Ledger, path: &mut Vec<u8>, number: u64, value: Value, leaves: &mut Vec<Leaf>, depth: u32) {
    let mut content = Vec::with_capacity(32);
    match value.tag() {
        Tag::List => {
            content.push(7);
            content.extend_from_slice(&(ledger.heap.list(value).items.len() as u64).to_le_bytes());
        }
        Tag::Map => content.push(8),
        Tag::Entity | Tag::Data => {
            content.push(if value.tag() == Tag::Data { 12 } else { 11 });
            content.extend_from_slice(&ledger.heap.record(value).class.to_le_bytes());
        }
        _ => encode_value(ledger, value, &mut content),
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(path.len() as u64).to_le_bytes());
    hasher.update(path);
    hasher.update(&number.to_le_bytes());
    hasher.update(&content);
    leaves.push(Leaf { position: blake3::hash(path).into(), hash: hasher.finalize().into() });
    if depth > 1_000 {
        return;
    }
    let length = path.len();
    match value.tag() {
        Tag::List => {
            for (index, &item) in ledger.heap.list(value).items.iter().enumerate() {
                path.push(b'i');
                path.extend_from_slice(&(index as u64).to_le_bytes());
                add_leaves(ledger, path, 0, item, leaves, depth + 1);
                path.truncate(length);
            }
        }
        Tag::Map => {
            for entry in ledger.heap.map(value).map.iter() {
                path.push(b'k');
                encode_value(ledger, entry.key, path);
                add_leaves(ledger, path, entry.seq, entry.value, leaves, depth + 1);
                path.truncate(length);
            }
        }
        Tag::Entity | Tag::Data => {
            for (index, &field) in ledger.heap.record(value).fields.iter().enumerate() {
                path.push(b'f');
                path.extend_from_slice(&(index as u32).to_le_bytes());
                add_leaves(ledger, path, 0, field, leaves, depth + 1);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// The hash of the subtree over leaves that share their first `depth` nibbles: a single leaf stands for its whole
/// subtree, with its position so that it cannot be moved.
fn subtree(leaves: &[Leaf], depth: usize) -> [u8; 32] {
    match leaves {
        [] => [0; 32],
        [leaf] => {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&[0]);
            hasher.update(&leaf.position);
            hasher.update(&leaf.hash);
            hasher.finalize().into()
        }
        _ if depth == 64 => unreachable!("two places with one path key"),
        _ => {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&[1]);
            let mut rest = leaves;
            for child in 0..16_u8 {
                let count = rest.iter().take_while(|leaf| nibble(&leaf.position, depth) == child).count();
                let (these, others) = rest.split_at(count);
                if these.is_empty() {
                    hasher.update(&[0; 32]);
                } else {
                    hasher.update(&subtree(these, depth + 1));
                }
                rest = others;
            }
            hasher.finalize().into()
        }
    }
}

fn nibble(position: &[u8; 32], depth: usize) -> u8 {
    let byte = position[depth / 2];
    if depth.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}
