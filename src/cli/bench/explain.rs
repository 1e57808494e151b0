//! `zx-bench explain WORKLOAD`: what the tier policy decided, and when.

use std::path::PathBuf;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

use crate::engine::Mode;
use crate::harness::job::{Job, JobKind};
use crate::harness::mode::{mode_text, parse_mode};
use crate::harness::outcome::{Exit, Stop};
use crate::harness::parameters::{Overrides, Parameters};
use crate::harness::process::run_job;
use crate::harness::protocol::Event;
use crate::harness::workload::load;

use super::{STOP, print};

/// Flags of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArguments {
    /// A .zx file, or the name of one in `workloads/`.
    workload: PathBuf,
    /// The mode to explain.
    #[arg(long, default_value = "adaptive", value_parser = parse_mode)]
    mode: Mode,
    /// A parameter of the workload: its `config.bench_NAME`.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    own: Vec<String>,
}

/// For how long it runs, after the first pass or block.
const RUN_MS: u64 = 300;
const WINDOW_NS: u64 = 10_000_000;
const LIMIT_MS: u64 = 30_000;

pub(super) fn explain(arguments: &ExplainArguments) -> Result<Exit, Stop> {
    let workload = load(&arguments.workload)?;
    let overrides = Overrides { own: arguments.own.clone(), ..Overrides::default() };
    let job = Job {
        kind: JobKind::Measure,
        parameters: Parameters::resolve(&workload, &overrides)?,
        workload_digest: workload.digest,
        form: workload.form.into(),
        transaction: workload.transaction,
        mode: mode_text(arguments.mode),
        executor: "sharded".into(),
        threads: 1,
        process_ms: RUN_MS,
        window_ns: WINDOW_NS,
        limit_ms: LIMIT_MS,
        digests: 0,
        tx_per_pass: 1,
        output_chain: false,
        cache: None,
        added: 0.0,
        dropped: Vec::new(),
        open: None,
        workload: workload.path,
    };
    let program =
        std::env::current_exe().map_err(|e| Stop::failed(format!("cannot find this program's own file: {e}")))?;
    let record = run_job(&program, &job, &STOP);
    if let Some(error) = record.error {
        return Err(Stop { exit: error.exit(), message: error.describe(Duration::from_millis(LIMIT_MS)) });
    }
    if record.events.is_empty() {
        print::out(&format!("{}: no tier decisions in mode {}\n", workload.name, job.mode))?;
    } else {
        print::out(&table(&record.events))?;
    }
    Ok(Exit::Pass)
}

fn table(events: &[Event]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["at", "site", "kind", "iteration", "from", "to", "compile", "code", "speedup", "why"]);
    for event in events {
        table.add_row([
            format!("{:.3} ms", event.at_ns as f64 / 1e6),
            event.site.clone(),
            event.kind.clone(),
            event.iteration.to_string(),
            event.from.clone(),
            event.to.clone(),
            format!("{:.1} us", event.compile_ns as f64 / 1e3),
            format!("{} B", event.code_bytes),
            event.speedup.map_or_else(|| "-".to_owned(), |speedup| format!("{speedup:.2}x")),
            event.reason.clone(),
        ]);
    }
    for column in [0, 3, 6, 7, 8] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{}\n", table.trim_fmt())
}
