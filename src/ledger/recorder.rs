//! A view that notes what is read and written, and then does as [`Direct`] does.

use std::cell::RefCell;
use std::collections::HashMap;

use super::Ledger;
use super::access::{Accesses, Location};
use super::encode::encode_value;
use super::view::{Direct, StateView};
use crate::value::{Entry, Tag, Value};

/// How a place was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Write,
    /// A key came or went, unseen.
    Note,
}

/// Notes accesses from one [`StateView::take_accesses`] to the next.
#[derive(Debug, Default)]
pub struct Recorder {
    reads: RefCell<std::collections::BTreeSet<Location>>,
    /// Changes in their order, each with the length of the undo log before it.
    changes: Vec<(usize, Change, Location)>,
    /// The fields of instances made, with the instance's index.
    made: Vec<(u32, Location)>,
    /// How often each place stands in `changes` as written: what was written before is no read of the outside.
    written: HashMap<Location, u32>,
}

fn field_of(ledger: &Ledger, instance: u32, field: u32) -> Location {
    Location::Field { instance: ledger.instances[instance as usize].made_by, field }
}

fn entry_of(ledger: &Ledger, map: Value, key: Value) -> Location {
    let mut bytes = Vec::with_capacity(24);
    encode_value(ledger, key, &mut bytes);
    Location::Entry { container: ledger.heap.container(map).id, key: bytes.into() }
}

fn element_of(ledger: &Ledger, container: Value, index: usize) -> Location {
    Location::Element { container: ledger.heap.container(container).id, index: index as u64 }
}

fn shape_of(ledger: &Ledger, container: Value) -> Location {
    Location::Shape { container: ledger.heap.container(container).id }
}

impl Recorder {
    fn read(&self, location: Location) {
        if !self.written.contains_key(&location) {
            self.reads.borrow_mut().insert(location);
        }
    }

    fn change(&mut self, ledger: &Ledger, change: Change, location: Location) {
        if change == Change::Write {
            *self.written.entry(location.clone()).or_default() += 1;
        }
        self.changes.push((ledger.journal.log.len(), change, location));
    }

    fn write(&mut self, ledger: &Ledger, location: Location) {
        self.change(ledger, Change::Write, location);
    }

    fn visit_slots(&self, ledger: &Ledger, container: Value) {
        self.read(shape_of(ledger, container));
        match container.tag() {
            Tag::Map => {
                for entry in ledger.heap.map(container).map.iter() {
                    self.read(entry_of(ledger, container, entry.key));
                }
            }
            _ => (0..Direct.size(ledger, container)).for_each(|at| self.read(element_of(ledger, container, at))),
        }
    }
}

impl StateView for Recorder {
    fn field(&self, ledger: &Ledger, instance: u32, field: u32) -> Value {
        self.read(field_of(ledger, instance, field));
        Direct.field(ledger, instance, field)
    }

    fn entry(&self, ledger: &Ledger, map: Value, key: Value) -> Option<Value> {
        self.read(entry_of(ledger, map, key));
        Direct.entry(ledger, map, key)
    }

    fn element(&self, ledger: &Ledger, list: Value, index: usize) -> Option<Value> {
        let element = Direct.element(ledger, list, index);
        self.read(if element.is_some() { element_of(ledger, list, index) } else { shape_of(ledger, list) });
        element
    }

    fn record_field(&self, ledger: &Ledger, record: Value, field: usize) -> Value {
        self.read(element_of(ledger, record, field));
        Direct.record_field(ledger, record, field)
    }

    fn size(&self, ledger: &Ledger, container: Value) -> usize {
        self.read(shape_of(ledger, container));
        Direct.size(ledger, container)
    }

    fn keys_end(&self, ledger: &Ledger, map: Value) -> u64 {
        self.read(shape_of(ledger, map));
        Direct.keys_end(ledger, map)
    }

    fn next_entry(&self, ledger: &Ledger, map: Value, from: u64) -> Option<Entry> {
        let entry = Direct.next_entry(ledger, map, from);
        if let Some(entry) = &entry {
            self.read(entry_of(ledger, map, entry.key));
        }
        entry
    }

    fn visit(&self, ledger: &Ledger, container: Value, deep: bool) {
        let mut pending = vec![container];
        let mut seen = std::collections::HashSet::new();
        while let Some(container) = pending.pop() {
            // Ordinary lists and maps can hold themselves.
            if !seen.insert(container.payload()) {
                continue;
            }
            if ledger.heap.header(container).is_recorded() {
                self.visit_slots(ledger, container);
            }
            if deep {
                pending.extend(ledger.children(container).into_iter().filter(|child| child.tag().is_container()));
            }
        }
    }

    fn shared_instance(&self, ledger: &Ledger, class: u32) -> Option<u32> {
        self.read(Location::Shared { class });
        Direct.shared_instance(ledger, class)
    }

    fn set_field(&mut self, ledger: &mut Ledger, instance: u32, field: u32, value: Value) {
        self.write(ledger, field_of(ledger, instance, field));
        Direct.set_field(ledger, instance, field, value);
    }

    fn set_entry(&mut self, ledger: &mut Ledger, map: Value, key: Value, value: Value) {
        if ledger.heap.map(map).map.find(key).is_none() {
            self.change(ledger, Change::Note, shape_of(ledger, map));
        }
        self.write(ledger, entry_of(ledger, map, key));
        Direct.set_entry(ledger, map, key, value);
    }

    fn remove_entry(&mut self, ledger: &mut Ledger, map: Value, key: Value) -> Option<Value> {
        let entry = entry_of(ledger, map, key);
        self.read(entry.clone());
        if ledger.heap.map(map).map.find(key).is_some() {
            self.change(ledger, Change::Note, shape_of(ledger, map));
            self.write(ledger, entry);
        }
        Direct.remove_entry(ledger, map, key)
    }

    fn clear_entries(&mut self, ledger: &mut Ledger, map: Value) {
        self.read(shape_of(ledger, map));
        self.change(ledger, Change::Note, shape_of(ledger, map));
        let keys: Vec<Value> = ledger.heap.map(map).map.iter().map(|entry| entry.key).collect();
        for key in keys {
            self.write(ledger, entry_of(ledger, map, key));
        }
        Direct.clear_entries(ledger, map);
    }

    fn set_element(&mut self, ledger: &mut Ledger, list: Value, index: usize, value: Value) {
        self.write(ledger, element_of(ledger, list, index));
        Direct.set_element(ledger, list, index, value);
    }

    fn push_element(&mut self, ledger: &mut Ledger, list: Value, value: Value) {
        self.read(shape_of(ledger, list));
        self.write(ledger, shape_of(ledger, list));
        self.write(ledger, element_of(ledger, list, Direct.size(ledger, list)));
        Direct.push_element(ledger, list, value);
    }

    fn pop_element(&mut self, ledger: &mut Ledger, list: Value) -> Option<Value> {
        self.read(shape_of(ledger, list));
        if let Some(last) = Direct.size(ledger, list).checked_sub(1) {
            self.read(element_of(ledger, list, last));
            self.write(ledger, shape_of(ledger, list));
            self.write(ledger, element_of(ledger, list, last));
        }
        Direct.pop_element(ledger, list)
    }

    fn replace_elements(&mut self, ledger: &mut Ledger, list: Value, items: Vec<Value>) {
        self.read(shape_of(ledger, list));
        self.write(ledger, shape_of(ledger, list));
        for index in 0..items.len().max(Direct.size(ledger, list)) {
            self.write(ledger, element_of(ledger, list, index));
        }
        Direct.replace_elements(ledger, list, items);
    }

    fn set_record_field(&mut self, ledger: &mut Ledger, record: Value, field: u32, value: Value) {
        self.write(ledger, element_of(ledger, record, field as usize));
        Direct.set_record_field(ledger, record, field, value);
    }

    fn made_instance(&mut self, ledger: &mut Ledger, instance: u32) {
        for field in 0..ledger.instances[instance as usize].fields.len() {
            self.made.push((instance, field_of(ledger, instance, field as u32)));
        }
    }

    fn made_shared_instance(&mut self, ledger: &mut Ledger, class: u32) {
        self.write(ledger, Location::Shared { class });
    }

    fn rolled_back(&mut self, log: usize, instances: usize) {
        // The length of the log tells: what was written behind the checkpoint was noted at this length or above. A
        // write from before it that needed no log can stand at this very length too. The place has an earlier note
        // then, which stays, or its container was made in this transaction, and nobody else asks for it.
        while let Some((_, change, location)) = self.changes.pop_if(|(at, ..)| *at >= log) {
            if change == Change::Write
                && let Some(count) = self.written.get_mut(&location)
            {
                *count -= 1;
                if *count == 0 {
                    self.written.remove(&location);
                }
            }
        }
        self.made.retain(|(instance, _)| (*instance as usize) < instances);
    }

    fn take_accesses(&mut self) -> Accesses {
        let mut accesses = Accesses { reads: self.reads.take(), ..Accesses::default() };
        self.written.clear();
        accesses.writes.extend(self.made.drain(..).map(|(_, location)| location));
        for (_, change, location) in self.changes.drain(..) {
            let set = if change == Change::Write { &mut accesses.writes } else { &mut accesses.notes };
            set.insert(location);
        }
        accesses
    }
}
