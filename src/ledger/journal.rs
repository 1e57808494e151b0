//! The undo log. An entry is logged at its first write since the innermost open checkpoint: each checkpoint takes
//! a fresh epoch, an entry remembers the epoch of its last logged write, and one compare decides. Merging an inner
//! checkpoint keeps its log; when the outermost closes, the log is dropped.

use super::touched::Touched;
use super::{EventMark, Ledger};
use crate::value::{Marker, Space, Value};

/// What a rollback restores. Values here are roots.
#[derive(Debug)]
pub(crate) enum Undo {
    MapSet {
        map: Value,
        seq: u64,
        old: Value,
        old_epoch: u64,
    },
    MapInsert {
        map: Value,
        seq: u64,
    },
    MapRemove {
        map: Value,
        seq: u64,
        key: Value,
        old: Value,
        old_epoch: u64,
    },
    ListSet {
        list: Value,
        index: u32,
        old: Value,
        old_epoch: u64,
    },
    ListPush {
        list: Value,
        index: u32,
    },
    ListPop {
        list: Value,
        index: u32,
        old: Value,
    },
    /// The whole content, before a structural change.
    ListAll {
        list: Value,
        old: Vec<Value>,
    },
    Record {
        record: Value,
        index: u32,
        old: Value,
        old_epoch: u64,
    },
    Cell {
        cell: Value,
        old: Value,
        old_epoch: u64,
    },
    Global {
        index: u32,
        old: Value,
        old_epoch: u64,
    },
    Field {
        instance: u32,
        index: u32,
        old: Value,
        old_epoch: u64,
    },
    /// A container left contract state.
    Detached {
        value: Value,
    },
    /// A container made in this very checkpoint's past was adopted into contract state.
    Adopted {
        value: Value,
    },
    /// A container or cell counts as older than it is.
    Aged {
        object: Value,
        old_epoch: u64,
    },
    SharedInstance {
        class: u32,
    },
}

/// One open contract call.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint {
    pub(crate) epoch: u64,
    pub(crate) log: usize,
    pub(crate) events: EventMark,
    pub(crate) instances: usize,
    pub(crate) made: u32,
    pub(crate) next_state_id: u64,
}

/// The log and its open checkpoints.
#[derive(Debug, Default)]
pub struct Journal {
    pub(crate) log: Vec<Undo>,
    pub(crate) open: Vec<Checkpoint>,
    last_epoch: u64,
    /// State maps from which an entry was removed since the outermost checkpoint opened.
    pub(crate) removed_from: Vec<Value>,
    /// What committed transactions changed since the last state root; none where nobody keeps the root up to date.
    pub(super) touched: Option<Vec<Touched>>,
}

impl Journal {
    /// Whether no contract call is open.
    pub fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// How many contract calls are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The epoch of the first open checkpoint after `epoch`: what is younger did not exist before that checkpoint.
    pub fn epoch_after(&self, epoch: u64) -> u64 {
        let at = self.open.partition_point(|checkpoint| checkpoint.epoch <= epoch);
        self.open.get(at).map_or(u64::MAX, |checkpoint| checkpoint.epoch)
    }

    /// The epoch of the outermost of the innermost `count` checkpoints.
    pub fn epoch_of_innermost(&self, count: usize) -> Option<u64> {
        let at = self.open.len().checked_sub(count)?;
        self.open.get(at).map(|checkpoint| checkpoint.epoch)
    }

    pub(super) fn mark(&self, marker: &mut Marker) {
        for undo in &self.log {
            match undo {
                Undo::MapSet { map, old, .. } => marker.values(&[*map, *old]),
                Undo::MapInsert { map, .. } => marker.value(*map),
                Undo::MapRemove { map, key, old, .. } => marker.values(&[*map, *key, *old]),
                Undo::ListSet { list, old, .. } | Undo::ListPop { list, old, .. } => marker.values(&[*list, *old]),
                Undo::ListPush { list, .. } => marker.value(*list),
                Undo::ListAll { list, old } => {
                    marker.value(*list);
                    marker.values(old);
                }
                Undo::Record { record, old, .. } => marker.values(&[*record, *old]),
                Undo::Cell { cell, old, .. } => marker.values(&[*cell, *old]),
                Undo::Global { old, .. } | Undo::Field { old, .. } => marker.value(*old),
                Undo::Detached { value } | Undo::Adopted { value } => marker.value(*value),
                Undo::Aged { object, .. } => marker.value(*object),
                Undo::SharedInstance { .. } => {}
            }
        }
        marker.values(&self.removed_from);
        self.touched.iter().flatten().for_each(|touched| touched.mark(marker));
    }
}

impl Ledger {
    /// Opens a checkpoint: what follows can be undone.
    #[inline]
    pub fn open_checkpoint(&mut self) {
        self.journal.last_epoch += 1;
        let epoch = self.journal.last_epoch;
        self.heap.current_epoch = epoch;
        self.journal.open.push(Checkpoint {
            epoch,
            log: self.journal.log.len(),
            events: self.events.mark(),
            instances: self.instances.len(),
            made: self.made_in_transaction,
            next_state_id: self.heap.next_state_id,
        });
    }

    /// Closes the innermost checkpoint and keeps its effects.
    #[inline]
    pub fn commit_checkpoint(&mut self) {
        let closed = self.journal.open.pop();
        debug_assert!(closed.is_some());
        if let Some(outer) = self.journal.open.last() {
            self.heap.current_epoch = outer.epoch;
            return;
        }
        self.heap.current_epoch = 0;
        if self.journal.touched.is_some() {
            self.note_touched();
        }
        if !self.journal.removed_from.is_empty() {
            self.renumber();
        }
        self.journal.log.clear();
        self.events.settle();
    }

    /// Undoes everything since the innermost checkpoint, and closes it.
    pub fn roll_back_checkpoint(&mut self) {
        let Some(checkpoint) = self.journal.open.pop() else { return };
        while self.journal.log.len() > checkpoint.log {
            if let Some(undo) = self.journal.log.pop() {
                self.undo(undo);
            }
        }
        self.events.cut(checkpoint.events);
        self.instances.truncate(checkpoint.instances);
        self.made_in_transaction = checkpoint.made;
        self.heap.next_state_id = checkpoint.next_state_id;
        if let Some(view) = &mut self.view {
            view.rolled_back(checkpoint.log, self.instances.len());
        }
        self.heap.current_epoch = self.journal.open.last().map_or(0, |outer| outer.epoch);
        if self.journal.open.is_empty() {
            self.journal.removed_from.clear();
        }
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::MapSet { map, seq, old, old_epoch } => {
                let map = &mut self.heap.map_mut(map).map;
                let index = map.position_of_seq(seq);
                let entry = map.entry_mut(index);
                entry.value = old;
                entry.epoch = old_epoch;
            }
            Undo::MapInsert { map, seq } => self.heap.map_mut(map).map.remove_inserted(seq),
            Undo::MapRemove { map, seq, key, old, old_epoch } => {
                self.heap.map_mut(map).map.restore(seq, key, old, old_epoch);
            }
            Undo::ListSet { list, index, old, old_epoch } => {
                let list = self.heap.list_mut(list);
                list.items[index as usize] = old;
                list.set_element_epoch(index as usize, old_epoch);
            }
            Undo::ListPush { list, .. } => {
                let list = self.heap.list_mut(list);
                list.items.pop();
                let length = list.items.len();
                list.epochs.truncate(length);
            }
            Undo::ListPop { list, old, .. } => self.heap.list_mut(list).items.push(old),
            Undo::ListAll { list, old } => {
                let list = self.heap.list_mut(list);
                list.items = old;
                // Epochs of other elements may stand at these indexes now: forget them, so that each is logged anew.
                list.epochs.clear();
            }
            Undo::Record { record, index, old, old_epoch } => {
                let record = self.heap.record_mut(record);
                record.fields[index as usize] = old;
                record.set_element_epoch(index as usize, old_epoch);
            }
            Undo::Cell { cell, old, old_epoch } => {
                let cell = self.heap.cell_mut(cell);
                cell.value = old;
                cell.written_epoch = old_epoch;
            }
            Undo::Global { index, old, old_epoch } => {
                self.globals[index as usize] = old;
                self.global_epochs[index as usize] = old_epoch;
            }
            Undo::Field { instance, index, old, old_epoch } => {
                let instance = &mut self.instances[instance as usize];
                instance.fields[index as usize] = old;
                instance.epochs[index as usize] = old_epoch;
            }
            Undo::Detached { value } => self.set_space(value, Space::Ledger),
            Undo::Adopted { value } => self.set_space(value, Space::Isolate),
            Undo::Aged { object, old_epoch } => self.heap.container_mut(object).epoch = old_epoch,
            Undo::SharedInstance { class } => self.shared_instances[class as usize] = None,
        }
    }

    /// Insertion numbers depend on what the outermost call leaves, not on what it tried: closes the gaps that
    /// entries leave which were inserted and removed within it.
    fn renumber(&mut self) {
        let mut first_inserted: Vec<(Value, u64)> = Vec::new();
        let removed_from = std::mem::take(&mut self.journal.removed_from);
        for undo in &self.journal.log {
            if let Undo::MapInsert { map, seq } = undo
                && removed_from.iter().any(|other| other.raw_eq(*map))
                && !first_inserted.iter().any(|(other, _)| other.raw_eq(*map))
            {
                first_inserted.push((*map, *seq));
            }
        }
        for (map, seq) in first_inserted {
            self.heap.map_mut(map).map.renumber_from(seq);
            if let Some(touched) = &mut self.journal.touched {
                touched.push(Touched::Numbers { map, from: seq });
            }
        }
    }
}
