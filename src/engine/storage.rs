//! The durable store of an isolate's contract state: one commit a block.

use std::path::Path;

use super::api::Digest;
use super::isolate::Isolate;
use crate::ledger::{StateFile, Store, StoreError, StoredBlock};

impl Isolate {
    /// From now on [`Isolate::commit_block`] keeps contract state in the file at `path`, which is made if it is not
    /// there; to be called before the first state root. `owner` says whose stream of blocks it is. A file that is no
    /// store, is damaged, belongs to another owner or is in use is refused and left as it is. Gives the last block
    /// that it holds, its root recomputed from all that it holds; the first commit replaces the content by this
    /// isolate's. `syncs`: commits wait until they are on the disk.
    pub fn open_store(&mut self, path: &Path, owner: &Digest, syncs: bool) -> Result<Option<StoredBlock>, StoreError> {
        let (store, last) = Store::open(path, owner, syncs)?;
        self.inner.ledger.keep_leaves();
        self.store = Some(store);
        Ok(last)
    }

    /// From now on `persistent` fields and the values of `persist_set` begin with what the state file at `path` holds,
    /// which is made if it is not there; [`Isolate::commit_kept`] puts them back. Refuses as [`Isolate::open_store`].
    pub fn keep_state(&mut self, path: &Path) -> Result<(), StoreError> {
        self.inner.kept = Some(Box::new(crate::runtime::KeptState::new(StateFile::open(path)?)));
        Ok(())
    }

    /// Commits to the state file what is to be kept, as it stands, in one step; on the disk when this returns. Does
    /// nothing without one. The message says what cannot be kept, or why it cannot be written; nothing is then.
    pub fn commit_kept(&mut self) -> Result<(), String> {
        self.inner.commit_kept()
    }

    /// Whether blocks are committed to a store.
    pub fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// Commits the state as of `root`, the last [`Isolate::state_root`]. Does nothing without a store.
    pub fn commit_block(&mut self, number: u64, root: &Digest) -> Result<(), StoreError> {
        self.store.as_ref().map_or(Ok(()), |store| store.commit_block(&mut self.inner.ledger, number, root))
    }
}

/// Reads a store whole and recomputes its root; the file is not changed. None if it holds no block yet.
pub fn inspect_store(path: &Path) -> Result<Option<StoredBlock>, StoreError> {
    Store::inspect(path)
}

/// Whether [`Isolate::open_store`] would take this file or make it. Nothing is left behind or changed.
pub fn check_store(path: &Path, owner: &Digest) -> Result<(), StoreError> {
    Store::check(path, owner)
}
