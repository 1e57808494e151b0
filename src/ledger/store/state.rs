//! A store of single values for `zx-run --state`: rows of bytes under keys of bytes, all held in memory, committed
//! together.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::StoreError;
use super::file::{Kind, Owner, Row, RowReader, StoreFile};
use crate::ledger::merkle::Digest;

const STATE: Kind = Kind { format: "zx state 2", name: "state file", root: root_of_rows };
/// A state file is whoever's names it: the program may change between runs.
const NOBODY: Digest = [0; 32];

/// An open state file.
#[derive(Debug)]
pub struct StateFile {
    file: StoreFile,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    commits: u64,
}

impl StateFile {
    /// Opens a state file, or makes one; everything in it is checked before. Commits wait until they are on the disk.
    pub fn open(path: &Path) -> Result<StateFile, StoreError> {
        let owner = Owner { digest: &NOBODY, others: "something else" };
        let (file, last) = StoreFile::open(path, &STATE, owner, true)?;
        let rows = file.rows()?.into_iter().collect();
        Ok(StateFile { file, rows, commits: last.map_or(0, |last| last.number) })
    }

    /// What is kept under a key.
    pub fn row(&self, key: &[u8]) -> Option<&[u8]> {
        self.rows.get(key).map(Vec::as_slice)
    }

    /// All rows whose keys begin so, in the order of the keys.
    pub fn rows_from<'a>(&'a self, beginning: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let from = self.rows.range(beginning.to_vec()..);
        from.take_while(move |(key, _)| key.starts_with(beginning)).map(|(key, row)| (key.as_slice(), row.as_slice()))
    }

    /// Puts rows in, in one commit; where nothing changes there is none. Other rows stay.
    pub fn commit(&mut self, rows: Vec<Row>) -> Result<(), StoreError> {
        let changed: Vec<_> = rows.into_iter().filter(|(key, row)| self.rows.get(key) != Some(row)).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let changes = changed.iter().map(|(key, row)| (key.as_slice(), Some(row.as_slice())));
        let mut after = self.rows.clone();
        after.extend(changed.iter().cloned());
        self.file.commit(false, changes, self.commits + 1, &root(after.iter()))?;
        self.rows = after;
        self.commits += 1;
        Ok(())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as every kind of store")]
fn root_of_rows(rows: &mut RowReader<'_>) -> Option<Digest> {
    Some(root(rows))
}

/// BLAKE3 of all rows, by key.
fn root<T: AsRef<[u8]>>(rows: impl Iterator<Item = (T, T)>) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for (key, row) in rows {
        for part in [key.as_ref(), row.as_ref()] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
    }
    hasher.finalize().into()
}
