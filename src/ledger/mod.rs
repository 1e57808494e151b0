//! Contract state and its history: instances, globals, the undo journal with its checkpoints, canonical encoding
//! and the state root.
//!
//! The room knows values and nothing above: no frames, no gas, no program text. Every change that a failing
//! contract call must undo goes through the methods here; code above never writes into a container, global, cell
//! or field behind their back. Contract state is read and written through one view (`view.rs`).

mod access;
mod encode;
mod events;
mod journal;
mod merkle;
pub mod place;
mod recorder;
mod root;
mod state_tree;
mod store;
mod touched;
mod view;
mod write;

pub use access::{Accesses, ConflictGraph, Location};
pub use encode::encode_value;
pub use events::{EventLog, EventMark};
pub use journal::{Checkpoint, Journal};
pub use merkle::{Branch, Digest};
pub use recorder::Recorder;
pub use root::{proof_path, root_of_leaves, state_root};
pub use state_tree::{LeafLog, StateTree, TreeSize};
pub use store::{Row, StateFile, Store, StoreError, StoredBlock};
pub use view::{Direct, StateView};

use crate::value::{Heap, Space, Value};

/// One contract instance. Values name it by its index, never by its address.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its contract declaration.
    pub class: u32,
    /// The ordinal of the transaction that made it, and its running number there: its address is `Name#T.N`.
    pub made_by: (u64, u32),
    /// Whether accesses of its fields go through the ledger's view.
    pub recorded: bool,
    /// The closure whose variables the contract's code captures, or null. No state: it is fixed when the instance is
    /// made, and a block freezes what it leads to.
    pub environment: Value,
    /// State fields, in the order of the declaration.
    pub fields: Vec<Value>,
    /// The journal epoch of each field's last logged write.
    pub epochs: Vec<u64>,
}

impl Instance {
    /// One without fields, to look at.
    pub(crate) fn sample() -> Self {
        let (fields, epochs) = (Vec::new(), Vec::new());
        Self { class: 0, made_by: (0, 0), recorded: false, environment: Value::NULL, fields, epochs }
    }
}

/// Everything that a checkpoint can restore, and the heap it lives in.
#[derive(Debug)]
pub struct Ledger {
    /// The objects of the isolate and of contract state.
    pub heap: Heap,
    /// Values of the globals.
    pub globals: Vec<Value>,
    pub(crate) global_epochs: Vec<u64>,
    /// All instances ever made and not undone.
    pub instances: Vec<Instance>,
    /// The instance behind `Name.f()`, by contract declaration.
    pub shared_instances: Vec<Option<u32>>,
    /// What was emitted.
    pub events: EventLog,
    /// `persist_*` values for the length of the run: (key, value) in a map of the heap.
    pub persisted: Value,
    /// The undo log.
    pub journal: Journal,
    /// Where accesses of recorded state go; none: straight to the heap.
    pub(crate) view: Option<Box<dyn StateView>>,
    /// The state root kept up to date; none before its first use, or where nobody does.
    state_tree: Option<Box<StateTree>>,
    tracks_root: bool,
    /// Changed leaves, for a store.
    kept_leaves: Option<LeafLog>,
    /// Instances made by the current transaction.
    pub made_in_transaction: u32,
    /// The current transaction's ordinal, 0 outside any.
    pub transaction: u64,
}

impl Ledger {
    /// An empty ledger for a program with so many globals and contract declarations.
    pub fn new(globals: usize, classes: usize) -> Self {
        let mut heap = Heap::new();
        let persisted = heap.alloc_map(crate::value::MapData::new());
        heap.container_mut(persisted).id = place::PERSISTED;
        heap.next_state_id = place::first_id(0);
        Self {
            heap,
            globals: vec![Value::UNSET; globals],
            global_epochs: vec![0; globals],
            instances: Vec::new(),
            shared_instances: vec![None; classes],
            events: EventLog::default(),
            persisted,
            journal: Journal::default(),
            view: None,
            state_tree: None,
            tracks_root: false,
            kept_leaves: None,
            made_in_transaction: 0,
            transaction: 0,
        }
    }

    /// Begins the transaction with this ordinal: ids of what it makes count anew.
    #[inline]
    pub fn begin_transaction(&mut self, ordinal: u64) {
        self.transaction = ordinal;
        self.made_in_transaction = 0;
        // Never below one that was given: a host may run an ordinal twice.
        self.heap.next_state_id = self.heap.next_state_id.max(place::first_id(ordinal));
    }

    /// Makes room for the globals and contract declarations of a program that has grown.
    pub fn grow(&mut self, globals: usize, classes: usize) {
        self.globals.resize(globals, Value::UNSET);
        self.global_epochs.resize(globals, 0);
        self.shared_instances.resize(classes, None);
    }

    /// Marks everything that the ledger keeps alive.
    pub fn mark(&self, marker: &mut crate::value::Marker) {
        marker.values(&self.globals);
        for instance in &self.instances {
            marker.values(&instance.fields);
            marker.value(instance.environment);
        }
        marker.value(self.persisted);
        self.journal.mark(marker);
    }

    /// Whether a value is a container that stands in contract state now.
    #[inline]
    pub fn is_state(&self, value: Value) -> bool {
        value.tag().is_container() && self.heap.space(value) == Space::Ledger
    }
}
