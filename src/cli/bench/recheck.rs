//! `zx-bench recheck DIR`: the verdict again, from the records alone.

use std::path::PathBuf;

use crate::harness::gate::exit_of;
use crate::harness::outcome::{Exit, Stop};
use crate::report::gate::files;

use super::gate::show_verdict;
use super::{Look, print};

/// Flags of `recheck`.
#[derive(Debug, clap::Args)]
pub(super) struct RecheckArguments {
    /// The folder of a gate.
    folder: PathBuf,
}

pub(super) fn recheck(arguments: &RecheckArguments, look: &Look) -> Result<Exit, Stop> {
    let again = files::recheck(&arguments.folder).map_err(Stop::usage)?;
    again.warnings.iter().for_each(|warning| print::warn(&warning.to_string()));
    show_verdict(&again.verdict, look)?;
    if let Some(differs) = again.differs {
        return Err(Stop { exit: Exit::Unfit, message: format!("not the recorded verdict: {differs}") });
    }
    Ok(exit_of(&again.verdict, again.design.inconclusive_fails))
}
