//! `zx-bench list`.

use std::path::{Path, PathBuf};

use comfy_table::{Table, presets};

use crate::harness::outcome::{Exit, Stop};
use crate::harness::workload::{FOLDER, load, names_in};

use super::print;

/// Flags of `list`.
#[derive(Debug, clap::Args)]
pub(super) struct ListArguments {
    /// The folder to look in.
    #[arg(default_value = FOLDER)]
    folder: PathBuf,
}

pub(super) fn list(arguments: &ListArguments) -> Result<Exit, Stop> {
    let names = names_in(&arguments.folder);
    if names.is_empty() {
        return Err(Stop::usage(format!("there are no .zx files in {}", arguments.folder.display())));
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["workload", "form", "transaction", "what it does"]);
    for name in names {
        table.add_row(row(&arguments.folder, &name));
    }
    print::out(&format!("{}\n", table.trim_fmt()))?;
    Ok(Exit::Pass)
}

fn row(folder: &Path, name: &str) -> [String; 4] {
    match load(&folder.join(name).with_extension("zx")) {
        Ok(workload) => [workload.name, workload.form.as_str().into(), workload.transaction, workload.summary],
        Err(stop) => {
            let first = stop.message.lines().next().unwrap_or_default().to_owned();
            [name.into(), "?".into(), String::new(), format!("cannot be used: {first}")]
        }
    }
}
