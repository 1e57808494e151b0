//! The insertion-ordered map: a vector of entries and, past a handful of them, an open-addressing index of
//! (hash, entry). Keys are strings, integers and booleans.
//!
//! An entry's `seq` is its insertion number: strictly increasing along the vector, so that iterators, which hold
//! numbers, find their place again by a binary search, and undoing a removal puts the entry back where it was.
//! A removed entry leaves a tombstone (key [`Value::UNSET`]) until the map is compacted.

use std::sync::atomic::{AtomicU32, Ordering};

use super::hash::{hash_immediate, immediate_seed};
use super::layout::{VecLayout, vec_layout};
use super::tag::{Tag, Value};

/// Up to so many entries (tombstones included) a map is scanned and has no index.
const SCAN_LIMIT: usize = 8;
/// How many places of entries found last a map with an index keeps.
const HINTS: usize = 8;
/// The `entry` of an index slot that is free.
const FREE: u32 = u32::MAX;
/// Such a slot. No text has its hash, which compiled code relies on.
const NO_SLOT: Slot = Slot { hash: 0, entry: FREE };

/// One key and its value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The key, strings with their hash in `aux`; [`Value::UNSET`] in a tombstone.
    pub key: Value,
    /// The value.
    pub value: Value,
    /// The journal epoch of its last logged write.
    pub epoch: u64,
    /// Its insertion number.
    pub seq: u64,
}

impl Entry {
    /// Whether it holds a key.
    #[inline(always)]
    pub const fn is_live(&self) -> bool {
        !self.key.is_unset()
    }
}

/// One slot of the index.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    entry: u32,
}

/// A map's contents.
#[repr(C)]
#[derive(Debug)]
pub struct MapData {
    entries: Vec<Entry>,
    /// Empty, or a power of two of slots with no tombstones: removal shifts back.
    index: Vec<Slot>,
    /// Where keys were found last, by [`hint_of`]: a transfer reads an entry, checks it and writes it. Only a guess:
    /// the entry's key decides. Atomic because constants are shared between threads.
    hints: [AtomicU32; HINTS],
    live: u32,
    seed: u64,
    next_seq: u64,
}

impl Default for MapData {
    fn default() -> MapData {
        MapData::new()
    }
}

/// Whether two keys are the same key, their hashes known to be equal.
#[inline(always)]
fn same_key(a: Value, b: Value) -> bool {
    a.raw_eq(b) || (a.tag() == Tag::Str && b.tag() == Tag::Str && a.same_text(b))
}

/// Whether an entry's key is the same text as another object.
#[inline(always)]
fn is_text_of(there: Value, key: Value) -> bool {
    key.is_str() && there.is_str() && there.aux() == key.string_hash() && there.same_text(key)
}

/// Which hint a key uses.
#[inline(always)]
fn hint_of(key: Value) -> usize {
    (key.payload().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61) as usize
}

impl MapData {
    /// Where the vector of entries stands, for native code.
    pub(super) const ENTRIES: usize = std::mem::offset_of!(MapData, entries);
    /// Where the index stands, for native code.
    pub(super) const INDEX: usize = std::mem::offset_of!(MapData, index);
    /// The `entry` of an index slot that is free, for native code.
    pub const FREE_SLOT: u32 = FREE;

    /// The parts of the index, whose slots native code reads as one word each: the hash in the low half.
    pub(super) fn index_layout() -> Option<VecLayout> {
        const { assert!(std::mem::offset_of!(Slot, hash) == 0 && std::mem::offset_of!(Slot, entry) == 4) };
        let readable = cfg!(target_endian = "little") && size_of::<Slot>() == 8;
        vec_layout(&NO_SLOT).filter(|_| readable)
    }

    /// An empty map.
    pub fn new() -> MapData {
        MapData {
            entries: Vec::new(),
            index: Vec::new(),
            hints: Default::default(),
            live: 0,
            seed: immediate_seed(),
            next_seq: 0,
        }
    }

    /// An empty map with room for `capacity` entries.
    pub fn with_capacity(capacity: usize) -> MapData {
        let mut map = MapData::new();
        map.reserve(capacity);
        map
    }

    /// Makes room for `more` entries.
    pub fn reserve(&mut self, more: usize) {
        self.entries.reserve(more);
        let total = self.entries.len() + more;
        if total > SCAN_LIMIT && slots_for(total) > self.index.len() {
            self.rebuild_index(slots_for(total));
        }
    }

    /// How many keys it has.
    #[inline(always)]
    pub const fn len(&self) -> usize {
        self.live as usize
    }

    /// Whether it has no keys.
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// How many entries there are, tombstones included: the bound of entry indexes.
    #[inline(always)]
    pub fn entry_count(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has so many entries that there is an index over them.
    pub fn is_indexed(&self) -> bool {
        !self.index.is_empty()
    }

    /// The insertion number that the next new key takes.
    #[inline(always)]
    pub const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// How many bytes it holds outside the object, for the heap's accounts.
    pub fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.index.capacity() * size_of::<Slot>()
    }

    /// The hash of a key.
    #[inline(always)]
    fn hash_of(&self, key: Value) -> u32 {
        if key.is_str() {
            key.string_hash()
        } else if key.is_heap() {
            key.large_hash()
        } else {
            hash_immediate(key.payload(), self.seed)
        }
    }

    /// The index of the key's entry. The hot path of contract code.
    #[inline(always)]
    pub fn find(&self, key: Value) -> Option<u32> {
        debug_assert!(key.is_map_key(), "{key:?} is no map key");
        if self.index.is_empty() {
            let found = self.entries.iter().position(|entry| entry.key.raw_eq(key));
            return if found.is_some() { found.map(|at| at as u32) } else { self.find_anew(key) };
        }
        // Relaxed: a guess, checked against the entry that it names.
        let at = self.hints[hint_of(key)].load(Ordering::Relaxed);
        match self.entries.get(at as usize) {
            Some(entry) if entry.key.raw_eq(key) || is_text_of(entry.key, key) => Some(at),
            _ => self.find_anew(key),
        }
    }

    #[inline(never)]
    fn find_anew(&self, key: Value) -> Option<u32> {
        let found = self.find_by_hash(key);
        if let Some(at) = found {
            // Relaxed: see `find`.
            self.hints[hint_of(key)].store(at, Ordering::Relaxed);
        }
        found
    }

    #[inline(always)]
    fn find_by_hash(&self, key: Value) -> Option<u32> {
        if key.is_str() {
            self.find_text(key)
        } else if key.is_heap() {
            self.find_large(key)
        } else {
            self.find_immediate(key)
        }
    }

    /// An integer beyond 64 bits.
    #[inline(never)]
    fn find_large(&self, key: Value) -> Option<u32> {
        if self.index.is_empty() {
            return self.scan(|entry| entry.key.is_heap() && entry.key.same_large(key));
        }
        self.probe(key.large_hash(), |entry| entry.key.same_large(key))
    }

    #[inline]
    fn find_text(&self, key: Value) -> Option<u32> {
        let hash = key.string_hash();
        if self.index.is_empty() {
            return self.scan(|entry| entry.key.aux() == hash && entry.key.is_str() && same_key(entry.key, key));
        }
        self.probe(hash, |entry| same_key(entry.key, key))
    }

    #[inline]
    fn find_immediate(&self, key: Value) -> Option<u32> {
        if self.index.is_empty() {
            return self.scan(|entry| entry.key.raw_eq(key));
        }
        self.probe(hash_immediate(key.payload(), self.seed), |entry| entry.key.raw_eq(key))
    }

    #[inline(always)]
    fn scan(&self, matches: impl Fn(&Entry) -> bool) -> Option<u32> {
        self.entries.iter().position(matches).map(|at| at as u32)
    }

    #[inline(always)]
    fn probe(&self, hash: u32, matches: impl Fn(&Entry) -> bool) -> Option<u32> {
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.index[at];
            if slot.entry == FREE {
                return None;
            }
            if slot.hash == hash && matches(&self.entries[slot.entry as usize]) {
                return Some(slot.entry);
            }
            at = (at + 1) & mask;
        }
    }

    /// The entry at `index`, which may be a tombstone.
    #[inline(always)]
    pub fn entry(&self, index: u32) -> &Entry {
        &self.entries[index as usize]
    }

    /// The entry at an address, if one that was not removed stands there: for checks.
    pub fn entry_at(&self, address: u64) -> Option<&Entry> {
        let offset = address.checked_sub(self.entries.as_ptr() as u64)?;
        let size = size_of::<Entry>() as u64;
        let entry = self.entries.get(usize::try_from(offset / size).ok()?)?;
        (offset.is_multiple_of(size) && entry.is_live()).then_some(entry)
    }

    /// The entry at `index`, to change its value and epoch. Key and number must stay.
    #[inline(always)]
    pub fn entry_mut(&mut self, index: u32) -> &mut Entry {
        &mut self.entries[index as usize]
    }

    /// Sets the value of the entry at `index`.
    #[inline(always)]
    pub fn set_entry_value(&mut self, index: u32, value: Value) {
        self.entries[index as usize].value = value;
    }

    /// The value of a key.
    #[inline]
    pub fn get(&self, key: Value) -> Option<Value> {
        self.find(key).map(|at| self.entries[at as usize].value)
    }

    /// Inserts or overwrites without a journal; gives the entry's index.
    pub fn set(&mut self, key: Value, value: Value, epoch: u64) -> u32 {
        if let Some(at) = self.find(key) {
            self.set_entry_value(at, value);
            at
        } else {
            self.insert_new(key, value, epoch)
        }
    }

    /// Inserts a key that is known to be absent, with the next insertion number; gives the entry's index.
    pub fn insert_new(&mut self, key: Value, value: Value, epoch: u64) -> u32 {
        debug_assert!(self.find(key).is_none(), "insert_new of a key that is there");
        let seq = self.next_seq;
        self.next_seq += 1;
        self.append(Entry { key: key.with_hash(), value, epoch, seq })
    }

    /// Puts a live entry behind all others and into the index.
    fn append(&mut self, entry: Entry) -> u32 {
        let at = self.entries.len();
        assert!(at < FREE as usize, "a map of 2^32 entries");
        self.entries.push(entry);
        self.live += 1;
        if self.entries.len() > SCAN_LIMIT || !self.index.is_empty() {
            let wanted = slots_for(self.live as usize);
            if wanted > self.index.len() {
                self.rebuild_index(wanted);
            } else {
                self.index_insert(at as u32);
            }
        }
        at as u32
    }

    fn index_insert(&mut self, entry: u32) {
        let hash = self.hash_of(self.entries[entry as usize].key);
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        while self.index[at].entry != FREE {
            at = (at + 1) & mask;
        }
        self.index[at] = Slot { hash, entry };
    }

    /// Takes the entry out of the index, moving back what it had displaced.
    fn index_remove(&mut self, entry: u32) {
        if self.index.is_empty() {
            return;
        }
        let mask = self.index.len() - 1;
        let mut hole = self.hash_of(self.entries[entry as usize].key) as usize & mask;
        while self.index[hole].entry != entry {
            hole = (hole + 1) & mask;
        }
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.index[at];
            if slot.entry == FREE {
                break;
            }
            // The slot may move back to the hole if its home is not between the hole and itself.
            let home = slot.hash as usize & mask;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.index[hole] = slot;
                hole = at;
            }
        }
        self.index[hole] = NO_SLOT;
    }

    fn rebuild_index(&mut self, slots: usize) {
        self.index.clear();
        self.index.resize(slots, NO_SLOT);
        for at in 0..self.entries.len() {
            if self.entries[at].is_live() {
                self.index_insert(at as u32);
            }
        }
    }

    /// Rebuilds the index after entries moved, at the size that suits them.
    fn reindex(&mut self) {
        if self.entries.len() > SCAN_LIMIT {
            self.rebuild_index(slots_for(self.live as usize));
        } else {
            self.index.clear();
        }
    }

    /// Removes the entry at `index`, leaving a tombstone; gives what stood there.
    pub fn remove_at(&mut self, index: u32) -> Entry {
        let old = self.entries[index as usize];
        debug_assert!(old.is_live(), "remove_at of a tombstone");
        self.index_remove(index);
        let entry = &mut self.entries[index as usize];
        entry.key = Value::UNSET;
        entry.value = Value::UNSET;
        self.live -= 1;
        old
    }

    /// Undoes a removal: the entry stands again at its very place, with its number, whether or not its tombstone
    /// is still there. Gives its index.
    pub fn restore(&mut self, seq: u64, key: Value, value: Value, epoch: u64) -> u32 {
        let at = self.position_of_seq(seq);
        let entry = Entry { key: key.with_hash(), value, epoch, seq };
        self.next_seq = self.next_seq.max(seq + 1);
        if at as usize == self.entries.len() {
            return self.append(entry);
        }
        if self.entries[at as usize].seq != seq {
            self.entries.insert(at as usize, entry);
            self.live += 1;
            self.reindex();
            return at;
        }
        debug_assert!(!self.entries[at as usize].is_live(), "restore over a live entry");
        self.entries[at as usize] = entry;
        self.live += 1;
        if !self.index.is_empty() {
            let wanted = slots_for(self.live as usize);
            if wanted > self.index.len() {
                self.rebuild_index(wanted);
            } else {
                self.index_insert(at);
            }
        }
        at
    }

    /// Undoes an insertion. Gives the number back if it was the last one given.
    pub fn remove_inserted(&mut self, seq: u64) {
        let at = self.position_of_seq(seq);
        let found = self.entries.get(at as usize).is_some_and(|entry| entry.seq == seq && entry.is_live());
        assert!(found, "remove_inserted of a number that is not there");
        self.remove_at(at);
        if seq + 1 == self.next_seq {
            self.next_seq = seq;
            self.entries.pop();
        }
    }

    /// Drops tombstones when they outnumber the live entries and the caller allows it: no entry index may be held.
    pub fn compact_if(&mut self, allowed: bool) -> bool {
        let dead = self.entries.len() - self.live as usize;
        let compacts = allowed && dead > SCAN_LIMIT && dead > self.live as usize;
        if compacts {
            self.entries.retain(Entry::is_live);
            self.reindex();
        }
        compacts
    }

    /// Gives the entries from number `first` on consecutive numbers from `first`, dropping the tombstones among
    /// them: what a commit does with the entries that it leaves newly inserted.
    pub fn renumber_from(&mut self, first: u64) {
        let start = self.position_of_seq(first) as usize;
        let mut seq = first;
        let mut kept = start;
        for at in start..self.entries.len() {
            if self.entries[at].is_live() {
                self.entries[kept] = Entry { seq, ..self.entries[at] };
                seq += 1;
                kept += 1;
            }
        }
        let moved = kept != self.entries.len();
        self.entries.truncate(kept);
        self.next_seq = self.next_seq.min(seq.max(first));
        if moved {
            self.reindex();
        }
    }

    /// The first entry index whose number is at least `seq`; the entry count if there is none.
    #[inline]
    pub fn position_of_seq(&self, seq: u64) -> u32 {
        // Without gaps an entry stands at its number's distance from the first.
        if let Some(first) = self.entries.first() {
            let guess = seq.wrapping_sub(first.seq) as usize;
            if self.entries.get(guess).is_some_and(|entry| entry.seq == seq) {
                return guess as u32;
            }
        }
        self.entries.partition_point(|entry| entry.seq < seq) as u32
    }

    /// The first live entry at or after `from`.
    #[inline]
    pub fn next_live(&self, from: u32) -> Option<u32> {
        let tail = self.entries.get(from as usize..)?;
        tail.iter().position(Entry::is_live).map(|at| from + at as u32)
    }

    /// Removes everything; insertion numbers go on.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
        self.live = 0;
    }

    /// Makes it as new, numbers included, keeping small buffers: for the heap's recycled cells.
    pub(super) fn reset(&mut self, kept_entries: usize) {
        self.clear();
        self.next_seq = 0;
        if self.entries.capacity() > kept_entries {
            self.entries = Vec::new();
        }
        if self.index.capacity() > kept_entries * 2 {
            self.index = Vec::new();
        }
    }

    /// The live entries in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_live())
    }

    /// All entries, tombstones too.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The keys of the live entries, to be replaced by equal ones.
    pub fn keys_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.entries.iter_mut().filter(|entry| entry.is_live()).map(|entry| &mut entry.key)
    }

    /// Rewrites the values of the live entries in place.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.entries.iter_mut().filter(|entry| entry.is_live()).map(|entry| &mut entry.value)
    }

    /// Fills an empty map with a template's keys and values, all of `epoch`: literals with constant keys set the
    /// values by index afterwards. Tombstones do not come along; entry `i` is the template's `i`th live one.
    pub fn clone_entries_from(&mut self, template: &MapData, epoch: u64) {
        debug_assert!(self.entries.is_empty(), "clone_entries_from into a map with entries");
        let live = template.iter().zip(0..).map(|(entry, seq)| Entry { epoch, seq, ..*entry });
        self.entries.extend(live);
        self.live = template.live;
        self.next_seq = u64::from(self.live);
        if template.entries.len() == template.live as usize {
            self.index.clone_from(&template.index);
        } else {
            self.reindex();
        }
    }
}

/// The number of slots that hold `entries` at a load of at most three quarters.
fn slots_for(entries: usize) -> usize {
    (entries + entries / 3 + 1).next_power_of_two()
}
