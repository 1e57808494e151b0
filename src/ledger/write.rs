//! Every write that can be undone, straight in the heap: contract state is written through the view (`view.rs`),
//! which calls these. Each method logs the old value where an open checkpoint needs it, and then
//! writes; what is stored has already been copied or adopted where it must be (see `runtime::ops::store`).

use super::journal::Undo;
use super::{Instance, Ledger};
use crate::value::{FROZEN, Space, Tag, Value};

impl Ledger {
    /// Assigns a global.
    #[inline]
    pub fn set_global(&mut self, index: u32, value: Value) {
        let slot = index as usize;
        let epoch = self.heap.current_epoch;
        if self.global_epochs[slot] < epoch {
            let (old, old_epoch) = (self.globals[slot], self.global_epochs[slot]);
            self.journal.log.push(Undo::Global { index, old, old_epoch });
            self.global_epochs[slot] = epoch;
        }
        self.globals[slot] = value;
    }

    /// Whether a write to a global needs no entry in the journal: it has one, or no checkpoint is open.
    pub fn is_logged(&self, global: u32) -> bool {
        self.global_epochs[global as usize] >= self.heap.current_epoch
    }

    /// Assigns a captured variable.
    #[inline]
    pub fn set_cell(&mut self, cell: Value, value: Value) {
        let epoch = self.heap.current_epoch;
        let object = self.heap.cell_mut(cell);
        if object.written_epoch < epoch && object.head.epoch < epoch {
            let (old, old_epoch) = (object.value, object.written_epoch);
            object.written_epoch = epoch;
            object.value = value;
            self.journal.log.push(Undo::Cell { cell, old, old_epoch });
        } else {
            object.value = value;
        }
    }

    /// Assigns a field of a contract instance. A container that stood there is detached.
    #[inline]
    pub(super) fn write_field(&mut self, instance: u32, index: u32, value: Value) {
        let epoch = self.heap.current_epoch;
        let object = &mut self.instances[instance as usize];
        let old = object.fields[index as usize];
        let old_epoch = object.epochs[index as usize];
        object.fields[index as usize] = value;
        if old_epoch < epoch {
            object.epochs[index as usize] = epoch;
            self.journal.log.push(Undo::Field { instance, index, old, old_epoch });
        }
        if old.tag().is_container() && !old.raw_eq(value) {
            self.detach(old);
        }
    }

    /// Assigns an entity's field by index.
    pub(super) fn write_record_field(&mut self, record: Value, index: u32, value: Value) {
        let epoch = self.heap.current_epoch;
        let object = self.heap.record_mut(record);
        let old = object.fields[index as usize];
        let old_epoch = object.element_epoch(index as usize);
        object.fields[index as usize] = value;
        if old_epoch < epoch && object.head.epoch < epoch {
            object.set_element_epoch(index as usize, epoch);
            self.journal.log.push(Undo::Record { record, index, old, old_epoch });
        }
        self.detach_replaced(record, old, value);
    }

    /// Assigns the value of a map's key, inserting it if absent. The key is a valid, normalised key.
    #[inline]
    pub(super) fn write_entry(&mut self, map: Value, key: Value, value: Value) {
        let found = self.heap.map(map).map.find(key);
        match found {
            Some(index) => self.map_set_at(map, index, value),
            None => self.map_insert(map, key, value),
        }
    }

    /// Assigns the value of the entry at `index`, straight in the heap: only where the header's flags are known to be
    /// clear.
    #[inline]
    pub fn map_set_at(&mut self, map: Value, index: u32, value: Value) {
        let epoch = self.heap.current_epoch;
        let entry = self.heap.map_mut(map).map.entry_mut(index);
        let old = entry.value;
        entry.value = value;
        if entry.epoch < epoch {
            let (seq, old_epoch) = (entry.seq, entry.epoch);
            entry.epoch = epoch;
            self.journal.log.push(Undo::MapSet { map, seq, old, old_epoch });
        }
        if old.tag().is_container() {
            self.detach_replaced(map, old, value);
        }
    }

    /// Logs the value that the entry with this insertion number had, and when that was logged last.
    #[inline]
    pub fn log_entry(&mut self, map: Value, seq: u64, old: Value, old_epoch: u64) {
        self.journal.log.push(Undo::MapSet { map, seq, old, old_epoch });
    }

    /// Puts in a key that is valid and absent, straight in the heap: see `map_set_at`.
    pub fn map_insert(&mut self, map: Value, key: Value, value: Value) {
        let epoch = self.heap.current_epoch;
        let key = if self.heap.space(map) == Space::Ledger { self.heap.owned(key) } else { key };
        let seq = self.heap.map(map).map.next_seq();
        self.heap.map_insert_new(map, key, value, epoch);
        if self.heap.container(map).epoch < epoch {
            self.journal.log.push(Undo::MapInsert { map, seq });
        }
    }

    /// Logs what stands in a field, before it is written where no checkpoint is opened for the write.
    #[cold]
    pub fn log_field(&mut self, instance: u32, index: u32) {
        let old = self.instances[instance as usize].fields[index as usize];
        self.log_late_field(instance, index, old);
    }

    /// Whether writes may be made first and logged when they turn out to need it: nobody reads the log of a call that
    /// succeeds.
    pub fn may_log_late(&self) -> bool {
        !self.journal.is_idle() || self.journal.touched.is_none()
    }

    /// Logs a write to a field after it was made, in the innermost checkpoint: `old` stood there.
    #[cold]
    pub fn log_late_field(&mut self, instance: u32, index: u32, old: Value) {
        let epoch = self.heap.current_epoch;
        let object = &mut self.instances[instance as usize];
        let old_epoch = object.epochs[index as usize];
        if old_epoch < epoch {
            object.epochs[index as usize] = epoch;
            self.journal.log.push(Undo::Field { instance, index, old, old_epoch });
        }
    }

    /// The same of a map's entry, by its insertion number; where `old` is unset, the entry was inserted.
    #[cold]
    pub fn log_late_entry(&mut self, map: Value, seq: u64, old: Value) {
        let epoch = self.heap.current_epoch;
        let logged = self.heap.container(map).epoch < epoch;
        let entries = &mut self.heap.map_mut(map).map;
        let index = entries.position_of_seq(seq);
        let entry = entries.entry_mut(index);
        let old_epoch = entry.epoch;
        entry.epoch = old_epoch.max(epoch);
        if old.is_unset() {
            entry.epoch = epoch;
            if logged {
                self.journal.log.push(Undo::MapInsert { map, seq });
            }
        } else if old_epoch < epoch {
            self.journal.log.push(Undo::MapSet { map, seq, old, old_epoch });
        }
    }

    /// A map was made since the innermost checkpoint should have been opened.
    #[cold]
    pub fn log_late_map(&mut self, map: Value) {
        let epoch = self.heap.current_epoch;
        self.heap.container_mut(map).epoch = epoch;
        let entries = &mut self.heap.map_mut(map).map;
        for index in 0..entries.entry_count() as u32 {
            entries.entry_mut(index).epoch = epoch;
        }
    }

    /// Removes a key; gives its value if it was there.
    pub(super) fn write_removal(&mut self, map: Value, key: Value) -> Option<Value> {
        let index = self.heap.map(map).map.find(key)?;
        Some(self.map_remove_at(map, index))
    }

    fn map_remove_at(&mut self, map: Value, index: u32) -> Value {
        let epoch = self.heap.current_epoch;
        let logged = self.heap.container(map).epoch < epoch;
        let object = self.heap.map_mut(map);
        let entry = object.map.remove_at(index);
        if logged {
            let (seq, old, old_epoch) = (entry.seq, entry.value, entry.epoch);
            self.journal.log.push(Undo::MapRemove { map, seq, key: entry.key, old, old_epoch });
            if self.heap.space(map) == Space::Ledger
                && !self.journal.removed_from.last().is_some_and(|last| last.raw_eq(map))
            {
                self.journal.removed_from.push(map);
            }
        } else if epoch == 0 {
            object.map.compact_if(true);
        }
        self.detach_replaced(map, entry.value, Value::NULL);
        entry.value
    }

    /// Removes every key.
    pub(super) fn write_clear(&mut self, map: Value) {
        let mut at = 0;
        while let Some(index) = self.heap.map(map).map.next_live(at) {
            self.map_remove_at(map, index);
            at = index + 1;
            if self.heap.current_epoch == 0 {
                at = 0;
            }
        }
    }

    /// Assigns a list's element; the index is in range.
    #[inline]
    pub(super) fn write_element(&mut self, list: Value, index: usize, value: Value) {
        let epoch = self.heap.current_epoch;
        let object = self.heap.list_mut(list);
        let old = object.items[index];
        object.items[index] = value;
        if object.head.epoch < epoch {
            let old_epoch = object.element_epoch(index);
            if old_epoch < epoch {
                object.set_element_epoch(index, epoch);
                self.journal.log.push(Undo::ListSet { list, index: index as u32, old, old_epoch });
            }
        }
        if old.tag().is_container() {
            self.detach_replaced(list, old, value);
        }
    }

    /// Appends to a list.
    #[inline]
    pub(super) fn write_push(&mut self, list: Value, value: Value) {
        let epoch = self.heap.current_epoch;
        let object = self.heap.list(list);
        if object.head.epoch < epoch {
            let index = object.items.len() as u32;
            self.journal.log.push(Undo::ListPush { list, index });
        }
        self.heap.list_push(list, value);
    }

    /// Takes the last element.
    pub(super) fn write_pop(&mut self, list: Value) -> Option<Value> {
        let epoch = self.heap.current_epoch;
        let object = self.heap.list_mut(list);
        let old = object.items.pop()?;
        let length = object.items.len();
        if object.head.epoch < epoch {
            let logged_epoch = object.epochs.len() > length;
            if logged_epoch {
                // The element's logged write belongs to the index: undo restores the value, then the older one.
                object.epochs.truncate(length);
            }
            self.journal.log.push(Undo::ListPop { list, index: length as u32, old });
        } else {
            object.epochs.truncate(length);
        }
        self.detach_replaced(list, old, Value::NULL);
        Some(old)
    }

    /// Replaces the whole content: insert, remove, clear, extend. Elements of `items` already belong to the list's
    /// space; those of the old content that are not in it are detached.
    pub(super) fn write_elements(&mut self, list: Value, items: Vec<Value>) {
        let epoch = self.heap.current_epoch;
        let grown = items.len();
        let object = self.heap.list_mut(list);
        let grown = grown.saturating_sub(object.items.len());
        let old = std::mem::replace(&mut object.items, items);
        object.epochs.clear();
        let logged = object.head.epoch < epoch;
        self.heap.note_growth(grown * size_of::<Value>());
        if self.heap.space(list) == Space::Ledger {
            for value in old.iter().copied().filter(|value| value.tag().is_container()) {
                let stays = self.heap.list(list).items.iter().any(|item| item.raw_eq(value));
                if !stays {
                    self.detach(value);
                }
            }
        }
        if logged {
            self.journal.log.push(Undo::ListAll { list, old });
        }
    }

    /// Makes an instance with its fields' starting values.
    pub fn make_instance(&mut self, class: u32, fields: Vec<Value>) -> u32 {
        let id = self.instances.len() as u32;
        let epochs = vec![self.heap.current_epoch; fields.len()];
        let made_by = (self.transaction, self.made_in_transaction);
        self.made_in_transaction += 1;
        let recorded = self.view.is_some();
        self.instances.push(Instance { class, made_by, recorded, environment: Value::NULL, fields, epochs });
        if recorded {
            self.through_view(|view, ledger| view.made_instance(ledger, id));
        }
        id
    }

    /// Notes the instance behind `Name.f()`.
    pub fn set_shared_instance(&mut self, class: u32, instance: u32) {
        if !self.journal.is_idle() {
            self.journal.log.push(Undo::SharedInstance { class });
        }
        if self.view.is_some() {
            self.through_view(|view, ledger| view.made_shared_instance(ledger, class));
        }
        self.shared_instances[class as usize] = Some(instance);
    }

    /// Tells the view of an access to a shared instance that a captured variable holds: by its contract, as others.
    pub fn note_shared_instance(&mut self, class: u32, made: bool) {
        if self.view.is_none() {
            return;
        }
        if made {
            self.through_view(|view, ledger| view.made_shared_instance(ledger, class));
        } else {
            let _: Option<u32> = self.shared_instance(class);
        }
    }

    fn detach_replaced(&mut self, container: Value, old: Value, new: Value) {
        if old.tag().is_container() && !old.raw_eq(new) && self.heap.space(container) == Space::Ledger {
            self.detach(old);
        }
    }

    /// A container leaves its place in contract state: it and all below become ordinary values.
    fn detach(&mut self, value: Value) {
        if self.heap.space(value) != Space::Ledger {
            return;
        }
        self.set_space(value, Space::Isolate);
        if !self.journal.is_idle() {
            self.journal.log.push(Undo::Detached { value });
        }
    }

    /// A container that nobody else holds enters contract state as it is, below the place `owner`; nothing below it is
    /// a container.
    pub fn adopt(&mut self, value: Value, owner: u64) {
        debug_assert!(self.children(value).iter().all(|child| !child.tag().is_container()), "adopts a whole tree");
        self.heap.enter_state(value, owner);
        if !self.journal.is_idle() && self.heap.container(value).epoch < self.heap.current_epoch {
            self.journal.log.push(Undo::Adopted { value });
        }
    }

    /// Makes a container or cell count as made at an earlier epoch: code that is older than the call can reach it now.
    pub fn age(&mut self, object: Value, epoch: u64) {
        let current = self.journal.open.last().map_or(0, |checkpoint| checkpoint.epoch);
        let head = self.heap.container_mut(object);
        let old_epoch = std::mem::replace(&mut head.epoch, epoch);
        if old_epoch < current {
            self.journal.log.push(Undo::Aged { object, old_epoch });
        }
    }

    /// Sets the space of a container and of every container of the other space below it.
    pub(crate) fn set_space(&mut self, value: Value, space: Space) {
        let mut pending = vec![value];
        while let Some(value) = pending.pop() {
            let header = self.heap.header_mut(value);
            if header.space.is_pooled() || header.space == space {
                continue;
            }
            header.space = space;
            let mut add = |child: Value| {
                if child.tag().is_container() {
                    pending.push(child);
                }
            };
            match value.tag() {
                Tag::List => self.heap.list(value).items.iter().copied().for_each(&mut add),
                Tag::Map => self.heap.map(value).map.iter().for_each(|entry| add(entry.value)),
                Tag::Entity | Tag::Data => {
                    self.heap.record(value).fields.iter().copied().for_each(&mut add);
                }
                _ => {}
            }
        }
    }

    /// Freezes a container and every container below it that is not contract state.
    pub fn freeze(&mut self, value: Value) {
        let mut pending = vec![value];
        while let Some(value) = pending.pop() {
            if !value.tag().is_heap() || self.heap.space(value) != Space::Isolate || self.heap.is_frozen(value) {
                continue;
            }
            let children: Vec<Value> = match value.tag() {
                Tag::List => self.heap.list(value).items.clone(),
                Tag::Map => self.heap.map(value).map.iter().map(|entry| entry.value).collect(),
                Tag::Entity | Tag::Data => {
                    let record = self.heap.record(value);
                    pending.push(record.environment);
                    record.fields.clone()
                }
                Tag::Bound => {
                    pending.push(self.heap.bound(value).receiver);
                    continue;
                }
                Tag::Function => {
                    pending.extend_from_slice(&self.heap.function(value).cells);
                    continue;
                }
                Tag::Cell => vec![self.heap.cell(value).value],
                _ => continue,
            };
            self.heap.header_mut(value).flags |= FROZEN;
            pending.extend(children);
        }
    }

    /// Freezes everything that globals reach, contract instances apart, and the variables that contracts capture.
    pub fn seal(&mut self) {
        for index in 0..self.globals.len() {
            self.freeze(self.globals[index]);
        }
        for index in 0..self.instances.len() {
            self.freeze(self.instances[index].environment);
        }
    }

    /// Freezes the variables that the code of instances captures which this transaction made: a later one may not
    /// change what is no state.
    pub fn seal_made(&mut self) {
        for index in (0..self.instances.len()).rev() {
            if self.instances[index].made_by.0 != self.transaction {
                return;
            }
            self.freeze(self.instances[index].environment);
        }
    }

    /// The first global from which a container can be reached, for messages.
    pub fn global_reaching(&self, container: Value) -> Option<u32> {
        let reaches = |&global: &Value| {
            let mut pending = vec![global];
            let mut seen = std::collections::HashSet::new();
            while let Some(value) = pending.pop() {
                if value.raw_eq(container) {
                    return true;
                }
                if !value.tag().is_heap() || !seen.insert(value.payload()) {
                    continue;
                }
                match value.tag() {
                    Tag::List => pending.extend_from_slice(&self.heap.list(value).items),
                    Tag::Map => pending.extend(self.heap.map(value).map.iter().map(|entry| entry.value)),
                    Tag::Function => pending.extend_from_slice(&self.heap.function(value).cells),
                    Tag::Cell => pending.push(self.heap.cell(value).value),
                    Tag::Bound => pending.push(self.heap.bound(value).receiver),
                    Tag::Entity | Tag::Data => {
                        let record = self.heap.record(value);
                        pending.push(record.environment);
                        pending.extend_from_slice(&record.fields);
                    }
                    _ => {}
                }
            }
            false
        };
        self.globals.iter().position(reaches).map(|index| index as u32)
    }
}
