//! `zx-bench report DIR`.

use std::path::PathBuf;

use crate::harness::outcome::{Exit, Stop};
use crate::report::{Format, render_table, write_all};

use super::{Look, print};

/// Flags of `report`.
#[derive(Debug, clap::Args)]
pub(super) struct ReportArguments {
    /// A result folder.
    #[arg(default_value = "reports/latest")]
    folder: PathBuf,
}

pub(super) fn report(arguments: &ReportArguments, look: &Look) -> Result<Exit, Stop> {
    let folder = &arguments.folder;
    if !folder.is_dir() {
        return Err(Stop::usage(format!("{} is not a folder of results", folder.display())));
    }
    let written = write_all(folder).map_err(|e| Stop::usage(e.to_string()))?;
    let table = render_table(&written.summary, Format::from(look.format), look.has_colour());
    print::out(&(table.trim_end().to_owned() + "\n"))?;
    if !look.quiet {
        print::note(&format!("{} files were written to {}", written.files.len(), folder.display()));
    }
    Ok(Exit::Pass)
}
