//! `zx-bench baseline update`, and the gate over its counters.

use std::path::{Path, PathBuf};

use crate::harness::gate::counters::rows;
use crate::harness::gate::session::own_program;
use crate::harness::outcome::{Exit, Stop};
use crate::harness::parameters::{Overrides, Parameters};
use crate::harness::workload::{FOLDER, load, names_in};
use crate::report::counters::{COUNTERS, CounterRow, difference};
use crate::report::records::{RowWriter, read_rows};

use super::{STOP, print};

/// Where the baseline is kept; git keeps it too.
const BASELINE: &str = "reports/baseline";

/// Flags of `baseline`.
#[derive(Debug, clap::Args)]
pub(super) struct BaselineArguments {
    #[command(subcommand)]
    action: BaselineAction,
}

#[derive(Debug, clap::Subcommand)]
enum BaselineAction {
    /// Count again, write reports/baseline, and print what changed.
    Update {
        /// Workloads [default: those of the baseline, or all in `workloads/`].
        workloads: Vec<PathBuf>,
    },
}

pub(super) fn baseline(arguments: &BaselineArguments) -> Result<Exit, Stop> {
    let BaselineAction::Update { workloads } = &arguments.action;
    let path = Path::new(BASELINE).join(COUNTERS);
    let before = if path.exists() { stored(&path)? } else { Vec::new() };
    let mut named = workloads.clone();
    if named.is_empty() {
        named = workloads_of(&before);
    }
    if named.is_empty() {
        named = names_in(Path::new(FOLDER)).into_iter().map(PathBuf::from).collect();
    }
    if named.is_empty() {
        return Err(Stop::usage(format!("there are no workloads in {FOLDER}: name some")));
    }
    let fresh = count_all(&named, &[])?;
    // What was not asked for stays as it is.
    let kept = before.iter().filter(|old| !fresh.iter().any(|new| new.workload == old.workload));
    let mut all: Vec<CounterRow> = kept.chain(&fresh).cloned().collect();
    all.sort_by(|a, b| (&a.workload, &a.mode).cmp(&(&b.workload, &b.mode)));
    let unwritten = |e: String| Stop::failed(format!("cannot write {}: {e}", path.display()));
    std::fs::create_dir_all(BASELINE).map_err(|e| unwritten(e.to_string()))?;
    RowWriter::create(&path).and_then(|mut to| to.write_all(&all)).map_err(|e| unwritten(e.to_string()))?;
    let changes = difference(&before, &all).text();
    let changes = if changes.is_empty() { "nothing changed\n".to_owned() } else { changes };
    print::out(&format!("{changes}{} cells are in {}\n", all.len(), path.display()))?;
    Ok(Exit::Pass)
}

/// `gate --counters`.
pub(super) fn gate(workloads: &[PathBuf], own: &[String]) -> Result<Exit, Stop> {
    let path = Path::new(BASELINE).join(COUNTERS);
    if !path.exists() {
        return Err(Stop::usage(format!("there is no {}: `zx-bench baseline update` makes it", path.display())));
    }
    let mut before = stored(&path)?;
    let mut named = workloads.to_vec();
    if named.is_empty() {
        named = workloads_of(&before);
    }
    let fresh = count_all(&named, own)?;
    before.retain(|old| fresh.iter().any(|new| new.workload == old.workload));
    let found = difference(&before, &fresh);
    let refused = !found.other_work.is_empty() || !found.unmatched.is_empty();
    let (verdict, exit) = match (found.regressions.is_empty(), refused) {
        (false, _) => ("fail", Exit::Regression),
        (true, true) => ("inconclusive", Exit::Unfit),
        (true, false) => ("pass", Exit::Pass),
    };
    if refused {
        print::warn("not everything can be compared: review, then `zx-bench baseline update`");
    }
    print::out(&format!("{}verdict={verdict} counters={} cells\n", found.text(), fresh.len()))?;
    Ok(exit)
}

fn stored(path: &Path) -> Result<Vec<CounterRow>, Stop> {
    let read = read_rows::<CounterRow>(path).map_err(|e| Stop::usage(e.to_string()))?;
    read.warnings.iter().for_each(|warning| print::warn(&warning.to_string()));
    Ok(read.rows)
}

fn workloads_of(rows: &[CounterRow]) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = rows.iter().map(|row| PathBuf::from(&row.workload)).collect();
    names.dedup();
    names
}

fn count_all(named: &[PathBuf], own: &[String]) -> Result<Vec<CounterRow>, Stop> {
    let program = own_program()?;
    let mut all = Vec::new();
    for file in named {
        let workload = load(file)?;
        let overrides = Overrides { own: own.to_vec(), ..Overrides::default() };
        let parameters = Parameters::resolve(&workload, &overrides)?;
        all.extend(rows(&program, &workload, &parameters, &STOP)?);
    }
    Ok(all)
}
