//! `zx-bench ledger [WORKLOAD]`: what each part of a transaction costs.

use std::path::PathBuf;

use comfy_table::{CellAlignment, Table, presets};

use crate::harness::environment::{Environment, utc_now};
use crate::harness::folder;
use crate::harness::gate::costs::{CostLedger, CostRow, measure};
use crate::harness::gate::session::head_program;
use crate::harness::gate::sides::Side;
use crate::harness::gate::{FLOOR, MAX_PAIRS, MAX_TIME, MODES, PAIRS, Settings};
use crate::harness::outcome::{Exit, Stop};
use crate::harness::parameters::{Overrides, Parameters};
use crate::harness::workload;
use crate::report::charts::{Axis, Bar, Bars, Body, Chart, ScaleKind, Size, Theme, render};
use crate::report::gate::Design;
use crate::report::numbers::number;

use super::{Look, STOP, Shape, print};

/// Flags of `ledger`.
#[derive(Debug, clap::Args)]
pub(super) struct LedgerArguments {
    /// A .zx file, or the name of one in `workloads/`.
    #[arg(default_value = "token")]
    workload: PathBuf,
    /// Rounds: in each, one fresh process of every engine.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// For how long a process runs, milliseconds.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(20..=60_000))]
    process_ms: u64,
    /// A parameter of the workload: its `config.bench_NAME`.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    own: Vec<String>,
    /// Seed of the order and of everything random.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Write results exactly here [default: a new folder in reports/].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn ledger(arguments: &LedgerArguments, look: &Look) -> Result<Exit, Stop> {
    let overrides = Overrides { own: arguments.own.clone(), seed: Some(arguments.seed), ..Overrides::default() };
    let workload = workload::load(&arguments.workload)?;
    let parameters = Parameters::resolve(&workload, &overrides)?;
    let name = workload.name.clone();
    let side = Side { program: head_program(None)?, workload, parameters, engine: None };
    let settings = Settings {
        modes: MODES.to_vec(),
        design: Design::new(PAIRS, MAX_PAIRS, FLOOR),
        max_time: MAX_TIME,
        seed: arguments.seed,
        out: arguments.out.clone(),
        quiet: look.quiet,
        verbose: look.verbose,
        argv: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        stop: &STOP,
    };
    let started = utc_now();
    let environment = Environment::now(settings.argv.clone(), Some(settings.seed), started.clone());
    let folder = folder::make(settings.out.as_deref(), &started, "ledger", &environment.short_revision())?;
    folder::write_json(&folder, folder::ENV, &environment)?;
    let found = measure(&side, &folder, arguments.rounds, arguments.process_ms, &settings)?;
    if found.rounds == 0 {
        return Ok(Exit::Interrupted);
    }
    let chart = chart(&found, &name, &environment.short_revision());
    for extension in ["svg", "png"] {
        let path = folder.join("ledger").with_extension(extension);
        render(&chart, Size::default(), Theme::Light, &path).map_err(|e| Stop::failed(e.to_string()))?;
    }
    print::out(&match look.format {
        Shape::Json => folder::json_text(&found)? + "\n",
        Shape::Csv => csv_text(&found)?,
        Shape::Human => table(&found, presets::NOTHING),
        Shape::Md => table(&found, presets::ASCII_MARKDOWN),
    })?;
    if !look.quiet {
        environment.advice().iter().for_each(|note| print::note(note));
        print::note(&format!("records and chart are in {}", folder.display()));
    }
    Ok(if STOP.load(std::sync::atomic::Ordering::Relaxed) { Exit::Interrupted } else { Exit::Pass })
}

fn csv_text(ledger: &CostLedger) -> Result<String, Stop> {
    let failed = |e: &dyn std::fmt::Display| Stop::failed(e.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in ledger.parts.iter().chain(&ledger.wholes) {
        writer.serialize(row).map_err(|e| failed(&e))?;
    }
    let bytes = writer.into_inner().map_err(|e| failed(&e))?;
    String::from_utf8(bytes).map_err(|e| failed(&e))
}

fn table(ledger: &CostLedger, preset: &str) -> String {
    let mut table = Table::new();
    table.load_preset(preset);
    table.set_header(["cost", "ns a transaction", "95% interval", "how"]);
    for CostRow { cost, how, ns, low, high } in ledger.parts.iter().chain(&ledger.wholes) {
        let interval = low.zip(*high).map(|(low, high)| format!("{} to {}", number(low), number(high)));
        let ns = ns.map_or_else(|| "-".to_owned(), number);
        table.add_row([(*cost).to_owned(), ns, interval.unwrap_or_else(|| "-".to_owned()), (*how).to_owned()]);
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{}\n", table.trim_fmt())
}

/// One stacked bar. What came out below zero is noise and has no length; the table shows it.
fn chart(ledger: &CostLedger, workload: &str, revision: &str) -> Chart {
    let parts: Vec<(String, f64)> =
        ledger.parts.iter().map(|row| (row.cost.to_owned(), row.ns.unwrap_or(0.0).max(0.0))).collect();
    let total = ledger.wholes.first().and_then(|row| row.ns).unwrap_or(0.0);
    let bar = Bar {
        label: workload.to_owned(),
        colour: 0,
        parts: parts.iter().map(|(_, ns)| *ns).collect(),
        interval: None,
        text: format!("{} ns in the VM", number(total)),
    };
    Chart {
        name: "ledger".to_owned(),
        title: "What a transaction costs, part by part".to_owned(),
        subtitle: format!("{workload}, one thread, {} rounds of fresh processes", ledger.rounds),
        note: "dispatch is what native code saves; the others are what it takes less without them".to_owned(),
        caption: format!("revision {revision}; medians"),
        warning: None,
        body: Body::Bars(Bars {
            value: Axis::new("Time of a transaction", "ns", ScaleKind::FromZero),
            parts: parts.into_iter().map(|(name, _)| name).collect(),
            bars: vec![bar],
            reference: None,
        }),
    }
}
