//! `zx-bench explain WORKLOAD`: what the tier policy decided, and when; what native code consists of. With several
//! workloads, or `--summary`, a line for each: what was compiled, how long that took, how large it is, and how often it
//! was left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

use crate::engine::Mode;
use crate::harness::job::{Explain, Job, JobKind};
use crate::harness::mode::{mode_text, parse_mode};
use crate::harness::outcome::{Exit, Stop};
use crate::harness::parameters::{Overrides, Parameters};
use crate::harness::process::{Record, run_job};
use crate::harness::protocol::{Event, counter};
use crate::harness::workload::{Workload, load};

use super::{STOP, print};

/// Flags of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArguments {
    /// .zx files, or names of those in `workloads/`.
    #[arg(required = true, value_name = "WORKLOAD")]
    workloads: Vec<PathBuf>,
    /// The mode to explain.
    #[arg(long, default_value = "adaptive", value_parser = parse_mode)]
    mode: Mode,
    /// A parameter of the workload: its `config.bench_NAME`.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    own: Vec<String>,
    /// A line for each workload, as if several were given.
    #[arg(long)]
    summary: bool,
    /// Write bytecode, Cranelift's form and machine code of what was compiled into this folder; with several
    /// workloads, into one of its name inside for each.
    #[arg(long, value_name = "DIR")]
    dump: Option<PathBuf>,
}

/// For how long it runs, after the first pass or block.
const RUN_MS: u64 = 300;
const WINDOW_NS: u64 = 10_000_000;
const LIMIT_MS: u64 = 30_000;

pub(super) fn explain(arguments: &ExplainArguments) -> Result<Exit, Stop> {
    let several = arguments.workloads.len() > 1;
    let mut rows = Vec::new();
    for path in &arguments.workloads {
        let workload = load(path)?;
        let dump = arguments.dump.as_deref();
        let dump = dump.map(|folder| if several { folder.join(&workload.name) } else { folder.to_owned() });
        let name = workload.name.clone();
        let record = run(arguments, workload, dump.as_deref())?;
        if several || arguments.summary {
            rows.push(summary_row(name, &record));
        } else {
            show(&name, &arguments.mode, &record)?;
        }
    }
    if !rows.is_empty() {
        print::out(&summary(rows))?;
    }
    Ok(Exit::Pass)
}

fn run(arguments: &ExplainArguments, workload: Workload, dump: Option<&Path>) -> Result<Record, Stop> {
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
        explain: Some(Explain { dump: dump.map(Path::to_owned) }),
        open: None,
        workload: workload.path,
    };
    let program =
        std::env::current_exe().map_err(|e| Stop::failed(format!("cannot find this program's own file: {e}")))?;
    let record = run_job(&program, &job, &STOP);
    match record.error {
        Some(error) => {
            let message = format!("{}: {}", workload.name, error.describe(Duration::from_millis(LIMIT_MS)));
            Err(Stop { exit: error.exit(), message })
        }
        None => Ok(record),
    }
}

fn show(name: &str, mode: &Mode, record: &Record) -> Result<(), Stop> {
    if record.events.is_empty() {
        print::out(&format!("{name}: no tier decisions in mode {}\n", mode_text(*mode)))?;
    } else {
        print::out(&table(&record.events))?;
    }
    for note in &record.notes {
        print::out(&format!("{note}\n"))?;
    }
    Ok(())
}

/// Compiled sites of the VM, their time and bytes; of native code the same, then what was left and made again.
fn summary_row(name: String, record: &Record) -> Vec<String> {
    let to_vm = || record.events.iter().filter(|event| event.to == "vm");
    let vm_ns: u64 = to_vm().map(|event| event.compile_ns).sum();
    let vm_bytes: u64 = to_vm().map(|event| event.code_bytes).sum();
    let native = |name: &str| record.counter(name);
    let count = |name: &str| native(name).map_or_else(|| "-".to_owned(), |value| format!("{value}"));
    vec![
        name,
        to_vm().count().to_string(),
        format!("{:.1} us", vm_ns as f64 / 1e3),
        format!("{vm_bytes} B"),
        count(counter::NATIVE_UNITS),
        native(counter::NATIVE_COMPILE_NS).map_or_else(|| "-".to_owned(), |ns| format!("{:.2} ms", ns / 1e6)),
        native(counter::NATIVE_BYTES).map_or_else(|| "-".to_owned(), |bytes| format!("{bytes} B")),
        count(counter::NATIVE_EXITS),
        count(counter::NATIVE_RECOMPILED),
        count(counter::NATIVE_REFUSED),
    ]
}

fn summary(rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([
        "workload",
        "vm sites",
        "compile",
        "bytecode",
        "native",
        "compile",
        "code",
        "exits",
        "made again",
        "stay in vm",
    ]);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n", table.trim_fmt())
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
