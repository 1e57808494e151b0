//! What committed transactions changed since the last state root: the journal's keys, kept when the log is dropped.

use super::Ledger;
use super::journal::Undo;
use crate::value::{Marker, Value};

/// Past so many notes the tree is made anew at the next root: nobody asks for roots.
const NOTES_MAX: usize = 1 << 22;

/// A place that may hold another value now. Values here are roots.
#[derive(Clone, Copy, Debug)]
pub(super) enum Touched {
    /// The entry with this insertion number, if there is one.
    Entry { map: Value, number: u64 },
    /// All entries from this insertion number on: they were given new numbers.
    Numbers { map: Value, from: u64 },
    /// An entry with this key was there.
    Key { map: Value, key: Value },
    /// A list's element or a record's field.
    Slot { container: Value, index: u32 },
    /// Any element of the list.
    Elements { list: Value },
    /// An instance's field.
    Field { instance: u32, index: u32 },
    /// The container does not stand where it stood.
    Left { container: Value },
}

impl Touched {
    pub(super) fn mark(&self, marker: &mut Marker) {
        match *self {
            Touched::Entry { map, .. } | Touched::Numbers { map, .. } => marker.value(map),
            Touched::Key { map, key } => marker.values(&[map, key]),
            Touched::Slot { container, .. } | Touched::Left { container } => marker.value(container),
            Touched::Elements { list } => marker.value(list),
            Touched::Field { .. } => {}
        }
    }
}

/// Notes what a log's entries changed, and containers that they replaced.
fn note(undo: &Undo, touched: &mut Vec<Touched>) {
    let mut left = None;
    match undo {
        Undo::MapSet { map, seq, old, .. } => {
            touched.push(Touched::Entry { map: *map, number: *seq });
            left = Some(*old);
        }
        Undo::MapInsert { map, seq } => touched.push(Touched::Entry { map: *map, number: *seq }),
        Undo::MapRemove { map, key, old, .. } => {
            touched.push(Touched::Key { map: *map, key: *key });
            left = Some(*old);
        }
        Undo::ListSet { list: container, index, old, .. }
        | Undo::ListPop { list: container, index, old }
        | Undo::Record { record: container, index, old, .. } => {
            touched.push(Touched::Slot { container: *container, index: *index });
            left = Some(*old);
        }
        Undo::ListPush { list, index } => touched.push(Touched::Slot { container: *list, index: *index }),
        Undo::ListAll { list, old } => {
            touched.push(Touched::Elements { list: *list });
            let containers = old.iter().copied().filter(|old| old.tag().is_container());
            touched.extend(containers.map(|container| Touched::Left { container }));
        }
        Undo::Field { instance, index, old, .. } => {
            touched.push(Touched::Field { instance: *instance, index: *index });
            left = Some(*old);
        }
        Undo::Cell { .. }
        | Undo::Global { .. }
        | Undo::Detached { .. }
        | Undo::Adopted { .. }
        | Undo::Aged { .. }
        | Undo::SharedInstance { .. } => {}
    }
    if let Some(container) = left.filter(|old| old.tag().is_container()) {
        touched.push(Touched::Left { container });
    }
}

impl Ledger {
    /// The outermost checkpoint closes: keeps the keys of its log for the state tree.
    #[inline(never)]
    pub(super) fn note_touched(&mut self) {
        let Some(touched) = &mut self.journal.touched else { return };
        touched.reserve(self.journal.log.len());
        for undo in &self.journal.log {
            match undo {
                // The commonest write of all.
                Undo::MapSet { map, seq, old, .. } if !old.tag().is_container() => {
                    touched.push(Touched::Entry { map: *map, number: *seq });
                }
                _ => note(undo, touched),
            }
        }
        if touched.len() > NOTES_MAX {
            self.drop_tree();
        }
    }
}
