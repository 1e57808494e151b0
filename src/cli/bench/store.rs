//! `zx-bench store FILE`: what a durable store holds, checked.

use std::path::PathBuf;

use crate::engine::{StoreError, inspect_store};
use crate::harness::chain::hex;
use crate::harness::outcome::{Exit, Stop};

use super::print;

/// Flags of `store`.
#[derive(Debug, clap::Args)]
pub(super) struct StoreArguments {
    /// The file.
    file: PathBuf,
}

/// Recomputes the root from all that the file holds. The file is not changed.
pub(super) fn store(arguments: &StoreArguments) -> Result<Exit, Stop> {
    let last = inspect_store(&arguments.file).map_err(|error| match error {
        StoreError::Damaged(..) => Stop::failed(error.to_string()),
        _ => Stop::usage(error.to_string()),
    })?;
    print::out(&match last {
        None => "no block\n".to_owned(),
        Some(block) => format!("block {} root {} leaves {}\n", block.number, hex(&block.root), block.rows),
    })?;
    Ok(Exit::Pass)
}
