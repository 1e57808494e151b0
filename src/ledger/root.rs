//! The state root: a Merkle tree over everything that contracts keep.
//!
//! A leaf is BLAKE3(path key, insertion number, canonical value). A path key names a place: the instance (ordinal
//! of the transaction that made it, its number there), the field's index, then for each level a map key, list
//! index or field index. A place that holds a container has a leaf of its own (its kind, a list's length, a record's
//! declaration), and one leaf for each place below. The tree has 16 children a node (`merkle.rs`); a leaf's position
//! is BLAKE3 of its path key. Here stands the definition, and the root made of the whole state by it, which
//! `state_tree.rs` must equal.

use super::encode::encode_value;
use super::merkle::{Change, Digest, Tree};
use super::{Instance, Ledger};
use crate::value::{Tag, Value};

/// The path key of an instance's field.
pub(super) fn field_path(instance: &Instance, field: usize, path: &mut Vec<u8>) {
    path.clear();
    path.extend_from_slice(&instance.made_by.0.to_le_bytes());
    path.extend_from_slice(&instance.made_by.1.to_le_bytes());
    path.extend_from_slice(&instance.class.to_le_bytes());
    field_step(field, path);
}

/// Goes on to a record's (or instance's) field.
pub(super) fn field_step(field: usize, path: &mut Vec<u8>) {
    path.push(b'f');
    path.extend_from_slice(&(field as u32).to_le_bytes());
}

/// Goes on to a list's element.
pub(super) fn element_step(index: usize, path: &mut Vec<u8>) {
    path.push(b'i');
    path.extend_from_slice(&(index as u64).to_le_bytes());
}

/// Goes on to a map's entry.
pub(super) fn entry_step(ledger: &Ledger, key: Value, path: &mut Vec<u8>) {
    path.push(b'k');
    encode_value(ledger, key, path);
}

/// What the leaf of a place says of the value there: a container's own part, anything else whole.
pub(super) fn own_content(ledger: &Ledger, value: Value, content: &mut Vec<u8>) {
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
        _ => encode_value(ledger, value, content),
    }
}

/// The change that puts a leaf at a path, or takes it away.
pub(super) fn change(path: &[u8], leaf: Option<(u64, &[u8])>, buffer: &mut Vec<u8>) -> Change {
    let content = leaf.map(|(number, content)| {
        buffer.clear();
        buffer.extend_from_slice(&(path.len() as u64).to_le_bytes());
        buffer.extend_from_slice(path);
        buffer.extend_from_slice(&number.to_le_bytes());
        buffer.extend_from_slice(content);
        blake3::hash(buffer).into()
    });
    Change { position: blake3::hash(path).into(), content }
}

/// The root of the leaves (path key, insertion number, content), in any order.
pub fn root_of_leaves<T: AsRef<[u8]>>(leaves: impl Iterator<Item = (T, u64, T)>) -> Digest {
    let mut buffer = Vec::new();
    let mut changes: Vec<Change> = leaves
        .map(|(path, number, content)| change(path.as_ref(), Some((number, content.as_ref())), &mut buffer))
        .collect();
    changes.sort_unstable_by_key(|change| change.position);
    let mut tree = Tree::default();
    tree.apply(&changes);
    tree.root()
}

/// The root of all contract state, made of the whole of it: 32 zero bytes when there is none.
pub fn state_root(ledger: &Ledger) -> Digest {
    let mut leaves = Vec::new();
    let mut path = Vec::with_capacity(64);
    for instance in &ledger.instances {
        for (index, &value) in instance.fields.iter().enumerate() {
            field_path(instance, index, &mut path);
            add_leaves(ledger, &mut path, 0, value, &mut leaves, 0);
        }
    }
    root_of_leaves(leaves.iter().map(|(path, number, content)| (path.as_slice(), *number, content.as_slice())))
}

/// Insertion number and content of a leaf.
type PlainPart = (u64, Vec<u8>);
type PlainLeaf = (Vec<u8>, u64, Vec<u8>);

fn add_leaves(ledger: &Ledger, path: &mut Vec<u8>, number: u64, value: Value, leaves: &mut Vec<PlainLeaf>, depth: u32) {
    let mut content = Vec::with_capacity(32);
    own_content(ledger, value, &mut content);
    leaves.push((path.clone(), number, content));
    if depth > 1_000 {
        return;
    }
    let length = path.len();
    let mut below = |path: &mut Vec<u8>, number, value| {
        add_leaves(ledger, path, number, value, leaves, depth + 1);
        path.truncate(length);
    };
    match value.tag() {
        Tag::List => {
            for (index, &item) in ledger.heap.list(value).items.iter().enumerate() {
                element_step(index, path);
                below(path, 0, item);
            }
        }
        Tag::Map => {
            for entry in ledger.heap.map(value).map.iter() {
                entry_step(ledger, entry.key, path);
                below(path, entry.seq, entry.value);
            }
        }
        Tag::Entity | Tag::Data => {
            for (index, &field) in ledger.heap.record(value).fields.iter().enumerate() {
                field_step(index, path);
                below(path, 0, field);
            }
        }
        _ => {}
    }
}

/// The path key of the place that `steps` lead to below an instance's field, and what its leaf says, if it has one:
/// insertion number and content. None if a step leads through something that is no container.
pub fn proof_path(
    ledger: &Ledger,
    instance: usize,
    field: usize,
    steps: &[Value],
) -> Option<(Vec<u8>, Option<PlainPart>)> {
    let instance = &ledger.instances[instance];
    let mut path = Vec::new();
    field_path(instance, field, &mut path);
    let mut standing = Some((0, instance.fields[field]));
    for &step in steps {
        let (_, container) = standing?;
        let index = || step.is_int().then(|| usize::try_from(step.as_int()).ok()).flatten();
        standing = match container.tag() {
            Tag::Map if step.is_map_key() => {
                entry_step(ledger, step, &mut path);
                let map = &ledger.heap.map(container).map;
                map.find(step).map(|at| (map.entry(at).seq, map.entry(at).value))
            }
            Tag::List => {
                element_step(index()?, &mut path);
                ledger.heap.list(container).items.get(index()?).map(|item| (0, *item))
            }
            Tag::Entity | Tag::Data => {
                field_step(index()?, &mut path);
                ledger.heap.record(container).fields.get(index()?).map(|item| (0, *item))
            }
            _ => return None,
        };
    }
    let leaf = standing.map(|(number, value)| {
        let mut content = Vec::new();
        own_content(ledger, value, &mut content);
        (number, content)
    });
    Some((path, leaf))
}
