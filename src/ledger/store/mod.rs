//! Durable stores: a redb file that holds the leaves of the state root, so that what it keeps can be proved by the
//! root it keeps. One commit a block: a process killed at any moment leaves the last committed block. A store is
//! checked whole when it is opened, and one that is refused is left as it is, to the byte.

mod error;
mod file;
mod overlay;
mod state;

use std::path::Path;

pub use error::StoreError;
pub use file::{Row, StoredBlock};
pub use state::StateFile;

use super::Ledger;
use super::merkle::Digest;
use super::root::root_of_leaves;
use file::{Kind, Owner, RowReader, StoreFile};

/// Path key to insertion number (8 bytes, little-endian) and content.
const LEDGER: Kind = Kind { format: "zx ledger 2", name: "ledger store", root: root_of_rows };

const OTHERS: &str = "another workload, another version of it or other parameters";

/// An open store of contract state.
#[derive(Debug)]
pub struct Store(StoreFile);

impl Store {
    /// Opens a store, or makes one, for whoever has this digest. All that it holds is read and its root recomputed.
    /// `syncs`: a commit waits until it is on the disk; else it survives the end of the process, but maybe not that
    /// of the machine. The last committed block, if there is one, comes along.
    pub fn open(path: &Path, owner: &Digest, syncs: bool) -> Result<(Store, Option<StoredBlock>), StoreError> {
        let owner = Owner { digest: owner, others: OTHERS };
        let (file, last) = StoreFile::open(path, &LEDGER, owner, syncs)?;
        Ok((Store(file), last))
    }

    /// Whether [`Store::open`] would take this file or make it. Nothing is left behind or changed.
    pub fn check(path: &Path, owner: &Digest) -> Result<(), StoreError> {
        StoreFile::check(path, &LEDGER, Owner { digest: owner, others: OTHERS })
    }

    /// Reads a store whole and recomputes its root; the file is not changed. None if it holds no block yet.
    pub fn inspect(path: &Path) -> Result<Option<StoredBlock>, StoreError> {
        StoreFile::inspect(path, &LEDGER)
    }

    /// Commits the leaves that changed up to the last [`Ledger::root`], since the last commit, with that root:
    /// everything, at the first commit after [`Ledger::keep_leaves`].
    pub fn commit_block(&self, ledger: &mut Ledger, number: u64, root: &Digest) -> Result<(), StoreError> {
        let changed = ledger.take_leaves().unwrap_or_default();
        let mut row = Vec::new();
        let mut rows: Vec<(&[u8], Option<std::ops::Range<usize>>)> = Vec::new();
        for (path, leaf) in changed.iter() {
            let leaf = leaf.map(|(number, content)| {
                let start = row.len();
                row.extend_from_slice(&number.to_le_bytes());
                row.extend_from_slice(content);
                start..row.len()
            });
            rows.push((path, leaf));
        }
        let changes = rows.into_iter().map(|(path, leaf)| (path, leaf.map(|leaf| &row[leaf])));
        self.0.commit(changed.all, changes, number, root)
    }
}

fn root_of_rows(rows: &mut RowReader<'_>) -> Option<Digest> {
    let mut is_whole = true;
    let leaves = rows.map_while(|(path, row)| {
        let leaf = row.split_first_chunk().map(|(number, content)| (u64::from_le_bytes(*number), content.to_vec()));
        is_whole &= leaf.is_some();
        leaf.map(|(number, content)| (path, number, content))
    });
    let root = root_of_leaves(leaves);
    is_whole.then_some(root)
}
