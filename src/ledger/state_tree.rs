//! The state root kept up to date: from what transactions touched since the last root, the leaves that change, and
//! only those. The cost grows with what a block touched, not with the ledger.
//!
//! A container keeps its place from the moment it enters state until it leaves (but for elements of a list that is
//! shifted, which count as having left), so its path key is kept beside its id. First all that left is taken out, by
//! the old paths; then what was touched is put in, as it stands now.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::Ledger;
use super::merkle::{Branch, Change, Digest, Tree};
use super::root::{change, element_step, entry_step, field_path, field_step, own_content};
use super::touched::Touched;
use crate::value::{Tag, Value};

/// Changed leaves are hashed and applied at the latest when there are so many.
const BATCH: usize = 1 << 17;
/// Room for so many notes of what was touched is kept from one root to the next.
const NOTES_KEPT: usize = 1 << 16;

/// Leaves that changed, for a store. Of several changes of one leaf the last stands.
#[derive(Debug, Default)]
pub struct LeafLog {
    /// These are all leaves that there are: what was stored before is void.
    pub all: bool,
    delta: Delta,
}

impl LeafLog {
    /// Path key, and insertion number with content, or none if there is no leaf any more; in the order of changes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<(u64, &[u8])>)> {
        let Delta { bytes, leaves } = &self.delta;
        leaves.iter().map(|(path, leaf)| {
            (&bytes[path.clone()], leaf.as_ref().map(|(number, content)| (*number, &bytes[content.clone()])))
        })
    }

    fn push(&mut self, path: &[u8], leaf: Option<(u64, &[u8])>) {
        let path = self.delta.path(path);
        let leaf = leaf.map(|(number, content)| (number, self.delta.path(content)));
        self.delta.leaves.push((path, leaf));
    }
}

/// A container that has leaves in the tree.
#[derive(Debug)]
struct Known {
    path: Box<[u8]>,
    /// The insertion number of the entry that holds it.
    number: u64,
    /// A list's elements in the tree.
    length: usize,
}

/// The tree, and where containers stand in it.
#[derive(Debug, Default)]
pub struct StateTree {
    tree: Tree,
    known: HashMap<u64, Known, foldhash::fast::RandomState>,
    /// Instances that are in the tree.
    instances: usize,
    /// Leaves that the last update changed, put in or took out.
    last_changes: usize,
}

/// How large a state tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeSize {
    /// Leaves.
    pub leaves: usize,
    /// Bytes that the tree and its tables hold.
    pub bytes: usize,
    /// Leaves that the last update changed.
    pub last_changes: usize,
}

/// What was touched in one container.
#[derive(Debug)]
struct Slots {
    container: Value,
    keys: Vec<Value>,
    indexes: Vec<usize>,
}

impl StateTree {
    /// The root as of the last update.
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// The way to the leaf of a path key.
    pub fn branch(&self, path: &[u8]) -> Branch {
        self.tree.branch(blake3::hash(path).as_bytes())
    }

    /// How large it is.
    pub fn size(&self) -> TreeSize {
        let known: usize = self.known.values().map(|known| known.path.len()).sum();
        let table = self.known.capacity() * (size_of::<u64>() + size_of::<Known>() + 1);
        TreeSize {
            leaves: self.tree.len(),
            bytes: self.tree.memory_bytes() + known + table,
            last_changes: self.last_changes,
        }
    }

    /// Brings the tree up to the ledger's present state.
    pub(super) fn update(&mut self, ledger: &Ledger, touched: &[Touched], log: Option<&mut LeafLog>) {
        self.last_changes = 0;
        let mut update = Update { tree: self, ledger, log, slots: BTreeMap::new(), delta: Delta::default() };
        update.gather(touched);
        for note in touched {
            if let Touched::Left { container } = *note {
                update.take_out(container);
            }
        }
        for note in touched {
            if let Touched::Field { instance, index } = *note {
                update.put_field(instance as usize, index as usize);
            }
        }
        for instance in update.tree.instances..ledger.instances.len() {
            for field in 0..ledger.instances[instance].fields.len() {
                update.put_field(instance, field);
            }
        }
        update.tree.instances = ledger.instances.len();
        update.put_slots();
        update.flush();
    }
}

/// Insertion number, and where the content stands.
type NumberedContent = (u64, Range<usize>);

/// Changed leaves, in the order of the changes: paths and contents stand in one buffer.
#[derive(Debug, Default)]
struct Delta {
    bytes: Vec<u8>,
    leaves: Vec<(Range<usize>, Option<NumberedContent>)>,
}

impl Delta {
    fn path(&mut self, path: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(path);
        start..self.bytes.len()
    }
}

struct Update<'a> {
    tree: &'a mut StateTree,
    ledger: &'a Ledger,
    log: Option<&'a mut LeafLog>,
    slots: BTreeMap<u64, Slots>,
    delta: Delta,
}

impl Update<'_> {
    /// Collects the touched keys and indexes of each container that is in the tree.
    fn gather(&mut self, touched: &[Touched]) {
        for note in touched {
            match *note {
                Touched::Entry { map, number } => {
                    let data = &self.ledger.heap.map(map).map;
                    let at = data.position_of_seq(number) as usize;
                    if let Some(entry) = data.entries().get(at).filter(|e| e.is_live() && e.seq == number) {
                        self.add(map, Some(entry.key), None);
                    }
                }
                Touched::Numbers { map, from } => {
                    let data = &self.ledger.heap.map(map).map;
                    let first = data.position_of_seq(from) as usize;
                    for entry in data.entries()[first..].iter().filter(|entry| entry.is_live()) {
                        self.add(map, Some(entry.key), None);
                    }
                }
                Touched::Key { map, key } => self.add(map, Some(key), None),
                Touched::Slot { container, index } => self.add(container, None, Some(index as usize)),
                Touched::Elements { list } => {
                    for index in 0..self.ledger.heap.list(list).items.len() {
                        self.add(list, None, Some(index));
                    }
                    self.add(list, None, None);
                }
                Touched::Field { .. } | Touched::Left { .. } => {}
            }
        }
    }

    fn add(&mut self, container: Value, key: Option<Value>, index: Option<usize>) {
        let id = self.ledger.heap.container(container).id;
        if self.tree.known.contains_key(&id) {
            let new = || Slots { container, keys: Vec::new(), indexes: Vec::new() };
            let slots = self.slots.entry(id).or_insert_with(new);
            slots.keys.extend(key);
            slots.indexes.extend(index);
        }
    }

    /// Takes out the leaves of a container's place and of all below.
    fn take_out(&mut self, container: Value) {
        let id = self.ledger.heap.container(container).id;
        let Some(known) = self.tree.known.remove(&id) else { return };
        let mut path = known.path.to_vec();
        self.remove(&path);
        let touched = self.slots.remove(&id);
        let length = path.len();
        let ledger = self.ledger;
        if container.tag() == Tag::Map {
            // What the tree has of it: the keys that are there, and those that were touched.
            let keys = ledger.heap.map(container).map.iter().map(|entry| (entry.key, entry.value));
            let gone = touched.iter().flat_map(|slots| &slots.keys).map(|key| (*key, Value::NULL));
            for (key, value) in keys.chain(gone) {
                entry_step(ledger, key, &mut path);
                self.remove(&path);
                path.truncate(length);
                if value.tag().is_container() {
                    self.take_out(value);
                }
            }
            return;
        }
        let children = ledger.children(container);
        for index in 0..children.len().max(known.length) {
            match container.tag() {
                Tag::List => element_step(index, &mut path),
                _ => field_step(index, &mut path),
            }
            self.remove(&path);
            path.truncate(length);
            if let Some(child) = children.get(index).filter(|child| child.tag().is_container()) {
                self.take_out(*child);
            }
        }
    }

    fn put_field(&mut self, instance: usize, field: usize) {
        let mut path = Vec::with_capacity(64);
        let instance = &self.ledger.instances[instance];
        field_path(instance, field, &mut path);
        self.put(&mut path, 0, instance.fields[field]);
    }

    /// Puts in what was touched in containers that kept their places.
    fn put_slots(&mut self) {
        let mut path = Vec::with_capacity(64);
        for (id, slots) in std::mem::take(&mut self.slots) {
            let Some(known) = self.tree.known.get(&id) else { continue };
            path.clear();
            path.extend_from_slice(&known.path);
            match slots.container.tag() {
                Tag::Map => self.put_entries(&mut path, &slots),
                Tag::List => self.put_elements(&mut path, id, slots),
                _ => {
                    let length = path.len();
                    for &index in &slots.indexes {
                        field_step(index, &mut path);
                        self.put(&mut path, 0, self.ledger.heap.record(slots.container).fields[index]);
                        path.truncate(length);
                    }
                }
            }
        }
    }

    fn put_entries(&mut self, path: &mut Vec<u8>, slots: &Slots) {
        let length = path.len();
        let map = &self.ledger.heap.map(slots.container).map;
        for &key in &slots.keys {
            entry_step(self.ledger, key, path);
            match map.find(key) {
                Some(at) => self.put(path, map.entry(at).seq, map.entry(at).value),
                None => self.remove(path),
            }
            path.truncate(length);
        }
    }

    fn put_elements(&mut self, path: &mut Vec<u8>, id: u64, slots: Slots) {
        let items = &self.ledger.heap.list(slots.container).items;
        let Some(known) = self.tree.known.get_mut(&id) else { return };
        let (number, before) = (known.number, std::mem::replace(&mut known.length, items.len()));
        let length = path.len();
        if before != items.len() {
            self.put_own(path, number, slots.container);
        }
        let more = before.min(items.len())..before.max(items.len());
        for index in slots.indexes.into_iter().chain(more) {
            element_step(index, path);
            match items.get(index) {
                Some(&item) => self.put(path, 0, item),
                None => self.remove(path),
            }
            path.truncate(length);
        }
    }

    /// Puts in the leaf of a place, and of all below if what stands there is not in the tree.
    fn put(&mut self, path: &mut Vec<u8>, number: u64, value: Value) {
        self.put_own(path, number, value);
        if !value.tag().is_container() {
            return;
        }
        let ledger = self.ledger;
        let id = ledger.heap.container(value).id;
        if let Some(known) = self.tree.known.get_mut(&id) {
            debug_assert_eq!(*known.path, **path, "a container stands in one place");
            known.number = number;
            return;
        }
        let children = if value.tag() == Tag::Map { Vec::new() } else { ledger.children(value) };
        self.tree.known.insert(id, Known { path: path.as_slice().into(), number, length: children.len() });
        let length = path.len();
        if value.tag() == Tag::Map {
            for entry in ledger.heap.map(value).map.iter() {
                entry_step(ledger, entry.key, path);
                self.put(path, entry.seq, entry.value);
                path.truncate(length);
            }
        }
        for (index, child) in children.into_iter().enumerate() {
            match value.tag() {
                Tag::List => element_step(index, path),
                _ => field_step(index, path),
            }
            self.put(path, 0, child);
            path.truncate(length);
        }
    }

    fn put_own(&mut self, path: &[u8], number: u64, value: Value) {
        let at = self.delta.path(path);
        let start = self.delta.bytes.len();
        own_content(self.ledger, value, &mut self.delta.bytes);
        self.delta.leaves.push((at, Some((number, start..self.delta.bytes.len()))));
        self.flush_if_large();
    }

    fn remove(&mut self, path: &[u8]) {
        let at = self.delta.path(path);
        self.delta.leaves.push((at, None));
        self.flush_if_large();
    }

    fn flush_if_large(&mut self) {
        if self.delta.leaves.len() >= BATCH {
            self.flush();
        }
    }

    /// Hashes what changed so far and applies it.
    fn flush(&mut self) {
        let Delta { bytes, leaves } = &mut self.delta;
        let mut buffer = Vec::with_capacity(256);
        let mut changes: Vec<(Change, u32)> = Vec::with_capacity(leaves.len());
        for (index, (path, leaf)) in (0_u32..).zip(leaves.iter()) {
            let leaf = leaf.as_ref().map(|(number, content)| (*number, &bytes[content.clone()]));
            changes.push((change(&bytes[path.clone()], leaf, &mut buffer), index));
        }
        // Of several changes of one place the last stands.
        changes.sort_unstable_by(|a, b| (&a.0.position, b.1).cmp(&(&b.0.position, a.1)));
        changes.dedup_by(|later, earlier| later.0.position == earlier.0.position);
        if let Some(log) = &mut self.log {
            for (_, index) in &changes {
                let (path, leaf) = &leaves[*index as usize];
                log.push(&bytes[path.clone()], leaf.as_ref().map(|(number, at)| (*number, &bytes[at.clone()])));
            }
        }
        let changes: Vec<Change> = changes.into_iter().map(|(change, _)| change).collect();
        self.tree.last_changes += changes.len();
        self.tree.tree.apply(&changes);
        bytes.clear();
        leaves.clear();
    }
}

impl Ledger {
    /// From now on the state root is kept up to date. The tree is made at the first root.
    pub fn track_root(&mut self) {
        self.tracks_root = true;
        self.drop_tree();
    }

    /// From now on the leaves that change are kept for whoever stores them: all, at the first root.
    pub fn keep_leaves(&mut self) {
        self.kept_leaves = Some(LeafLog::default());
        self.track_root();
    }

    /// The tree is made anew at the next root.
    pub(super) fn drop_tree(&mut self) {
        self.journal.touched = Some(Vec::new());
        self.state_tree = None;
    }

    /// The root of all contract state: 32 zero bytes when there is none. Where it is tracked, what was touched since
    /// the last call is brought in.
    pub fn root(&mut self) -> Digest {
        if !self.tracks_root {
            return super::state_root(self);
        }
        let mut touched = self.journal.touched.take().unwrap_or_default();
        let mut log = self.kept_leaves.take();
        let made = self.state_tree.is_none();
        let mut tree = self.state_tree.take().unwrap_or_default();
        if made && let Some(log) = &mut log {
            *log = LeafLog { all: true, ..LeafLog::default() };
        }
        tree.update(self, if made { &[] } else { &touched }, log.as_mut());
        // The next block's notes take the same room, so no block pays for growing it.
        touched.clear();
        touched.shrink_to(NOTES_KEPT);
        self.journal.touched = Some(touched);
        let root = tree.root();
        debug_assert!(
            tree.size().leaves > 2_000 || root == super::state_root(self),
            "the root that was kept differs from the one made anew"
        );
        self.kept_leaves = log;
        self.state_tree = Some(tree);
        root
    }

    /// The leaves that changed up to the last root, since this was called last. None where they are not kept.
    pub fn take_leaves(&mut self) -> Option<LeafLog> {
        self.kept_leaves.as_mut().map(std::mem::take)
    }

    /// The tree, if there is one.
    pub fn state_tree(&self) -> Option<&StateTree> {
        self.state_tree.as_deref()
    }
}
