//! Where a run keeps its blocks: `--store redb:PATH`.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::engine::{Digest, check_store};

use super::outcome::Stop;
use super::parameters::Parameters;
use super::suggest::did_you_mean;

/// What `--store` names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StoreKind {
    /// Nowhere but in memory.
    #[default]
    Memory,
    /// In a redb file.
    Redb(PathBuf),
}

impl FromStr for StoreKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("memory", "") => Ok(Self::Memory),
            ("redb", path) if !path.is_empty() => Ok(Self::Redb(path.into())),
            ("redb", _) => Err("redb keeps blocks in a file: write redb:PATH".into()),
            (name, _) => {
                let hint = did_you_mean(name, ["memory", "redb"]);
                Err(format!("store `{text}`{hint}: write memory, or redb:PATH"))
            }
        }
    }
}

/// A durable store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreChoice {
    /// The file of the first ledger.
    pub path: PathBuf,
    /// Whether each commit waits until it is on the disk.
    pub syncs: bool,
}

impl StoreChoice {
    /// The file of one ledger of a process: the path itself, `PATH.1`, `PATH.2`, ...
    pub fn of_ledger(&self, index: usize) -> PathBuf {
        if index == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{index}"));
        name.into()
    }

    /// Refuses what cannot be used, before anything is measured.
    pub fn check(&self, ledgers: usize, owner: &Digest) -> Result<(), Stop> {
        (0..ledgers.max(1))
            .try_for_each(|index| check_store(&self.of_ledger(index), owner))
            .map_err(|error| Stop::usage(format!("--store: {error}")))
    }
}

/// Whose blocks they are: a workload's, with everything that decides its stream.
pub fn owner(workload_digest: &str, parameters: &Parameters) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(workload_digest.as_bytes()).update(b";").update(parameters.stream_params().as_bytes());
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_and_mistakes_explained() {
        assert_eq!("memory".parse(), Ok(StoreKind::Memory));
        assert_eq!("redb:a/b:c.redb".parse(), Ok(StoreKind::Redb("a/b:c.redb".into())));
        let refused = |text: &str| text.parse::<StoreKind>().expect_err("refused");
        assert!(refused("redb").contains("redb:PATH"));
        assert!(refused("redb:").contains("redb:PATH"));
        assert!(refused("rebd:x").contains("did you mean `redb`?"));
        assert!(refused("ledger.redb").contains("redb:PATH"));
    }

    #[test]
    fn every_ledger_has_a_file_of_its_own() {
        let store = StoreChoice { path: "l.redb".into(), syncs: true };
        assert_eq!(
            [0, 1, 2].map(|index| store.of_ledger(index)),
            ["l.redb", "l.redb.1", "l.redb.2"].map(PathBuf::from)
        );
    }
}
