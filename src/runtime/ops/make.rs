//! Making strings, lists, maps, ranges and closures, with their charges.

use super::super::gas;
use super::super::info::ActionId;
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use crate::value::{MapData, Tag, Value};

/// The longest range that is made a list: 1 GiB of the host's memory.
const RANGE_ELEMENTS_MAX: usize = 1 << 26;

impl Isolate {
    /// A new string, charged by its size.
    pub fn new_string(&mut self, text: &str) -> Result<Value, Unwind> {
        self.charge_text(text.len())?;
        self.charge_bytes(gas::STRING_BYTES + text.len() as u64)?;
        Ok(self.ledger.heap.alloc_str(text))
    }

    /// A new list, charged by its size.
    pub fn new_list(&mut self, items: Vec<Value>) -> Result<Value, Unwind> {
        self.charge_elements(items.len())?;
        self.charge_bytes(gas::LIST_BYTES + gas::ELEMENT_BYTES * items.len() as u64)?;
        Ok(self.ledger.heap.alloc_list(items))
    }

    /// A new map, charged by its size.
    pub fn new_map(&mut self, map: MapData) -> Result<Value, Unwind> {
        self.charge_elements(map.len())?;
        self.charge_bytes(gas::MAP_BYTES + gas::ENTRY_BYTES * map.len() as u64)?;
        Ok(self.ledger.heap.alloc_map(map))
    }

    /// `[a, b]` of the values in `slots[base..base + count]`.
    pub fn make_list(&mut self, base: u32, count: u32) -> Result<Value, Unwind> {
        self.charge_elements(count as usize)?;
        self.charge_bytes(gas::LIST_BYTES + gas::ELEMENT_BYTES * u64::from(count))?;
        let items = &self.slots[base as usize..(base + count) as usize];
        Ok(self.ledger.heap.alloc_list_from(items))
    }

    /// The map of so many keys, each a text and another, that was charged for already.
    pub fn make_map_of(&mut self, keys: &[Value], values: &[Value]) -> Value {
        let heap = &mut self.ledger.heap;
        let epoch = heap.current_epoch;
        let map = heap.alloc_map_reserved(keys.len());
        for (key, value) in keys.iter().zip(values) {
            heap.map_mut(map).map.insert_new(*key, *value, epoch);
        }
        map
    }

    /// Logical bytes of a map of so many entries.
    pub const fn map_bytes(entries: usize) -> u64 {
        gas::MAP_BYTES + gas::ENTRY_BYTES * entries as u64
    }

    /// `{k: v}` of `count` pairs in `slots[base..]`: key, value, key, value.
    pub fn make_map(&mut self, base: u32, count: u32) -> Result<Value, Unwind> {
        self.charge_elements(count as usize)?;
        self.charge_bytes(Self::map_bytes(count as usize))?;
        let epoch = self.ledger.heap.current_epoch;
        let map = self.ledger.heap.alloc_map_reserved(count as usize);
        for index in 0..count {
            let key = self.map_key(self.slots[(base + 2 * index) as usize])?;
            let value = self.slots[(base + 2 * index + 1) as usize];
            self.ledger.heap.map_mut(map).map.set(key, value, epoch);
        }
        Ok(map)
    }

    /// The texts of the values in `slots[base..base + count]`, joined.
    pub fn interpolate(&mut self, base: u32, count: u32) -> Result<Value, Unwind> {
        let mut text = String::new();
        for slot in base..base + count {
            self.write_text(self.slots[slot as usize], &mut text)?;
        }
        self.new_string(&text)
    }

    /// `a..b`
    pub fn make_range(&mut self, low: Value, high: Value) -> Result<Value, Unwind> {
        if !(low.is_int() && high.is_int()) {
            return self.mismatch("make a range of", low, high);
        }
        self.range(low.as_int(), high.as_int(), 1)
    }

    /// `range(start, end, step)`
    pub fn range(&mut self, start: i64, end: i64, step: i64) -> Result<Value, Unwind> {
        if step == 0 {
            return self.fail("range() step must not be 0");
        }
        self.charge_bytes(gas::LIST_BYTES)?;
        Ok(self.ledger.heap.alloc_range(start, end, step))
    }

    /// A closure with these cells; made in contract code it keeps the instance.
    pub fn make_closure(&mut self, action: ActionId, cells: Vec<Value>) -> Result<Value, Unwind> {
        self.charge_bytes(gas::FUNCTION_BYTES + gas::ELEMENT_BYTES * cells.len() as u64)?;
        let this = if self.frames.is_empty() { super::super::NO_INSTANCE } else { self.this() };
        let receiver = if this == super::super::NO_INSTANCE { Value::NULL } else { Value::contract(this) };
        Ok(self.ledger.heap.alloc_function(action.0, cells, receiver))
    }

    /// The elements of a list or range.
    pub fn list_items(&self, value: Value) -> Vec<Value> {
        match value.tag() {
            Tag::List => {
                self.ledger.visit(value, false);
                self.ledger.heap.list(value).items.clone()
            }
            Tag::Range => {
                let range = self.ledger.heap.range(value);
                (0..range.count()).map(|index| Value::int(range.at(index))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The list that a range stands for, built and charged; a list is itself.
    pub fn built_list(&mut self, value: Value) -> Result<Value, Unwind> {
        if value.tag() != Tag::Range {
            return Ok(value);
        }
        let count = self.ledger.heap.range(value).count();
        self.charge_large(count / gas::ELEMENTS_PER_GAS)?;
        self.charge_bytes(gas::LIST_BYTES + gas::ELEMENT_BYTES.saturating_mul(count))?;
        self.check_range_length(count as usize)?;
        let items = self.list_items(value);
        Ok(self.ledger.heap.alloc_list(items))
    }

    /// An error if a list of so many numbers, about to be made of a range, is too long for the host.
    pub(crate) fn check_range_length(&mut self, count: usize) -> Result<(), Unwind> {
        if count > RANGE_ELEMENTS_MAX { self.fail("The range is too long to build a list of it") } else { Ok(()) }
    }
}
