//! `zx-bench run`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::Mode;
use crate::harness::arrivals::{OpenLoad, Rate, Spacing};
use crate::harness::engines::ForeignEngine;
use crate::harness::mode::parse_mode;
use crate::harness::outcome::{Exit, Stop};
use crate::harness::parameters::{Overrides, Parameters};
use crate::harness::plan::{Plan, Request, parse_duration};
use crate::harness::replay::{self, TraceUse};
use crate::harness::run::{Outcome, Prepared, Settings, run as measure};
use crate::harness::store::StoreKind;
use crate::harness::workload::{self, load_foreign};
use crate::parallel::Signatures;
use crate::report::{Format, render_table, write_all};

use super::{Look, STOP, print};

/// Flags of `run`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RunArguments {
    /// A .zx file, or the name of one in `workloads/`.
    workload: PathBuf,
    /// interpreter, vm, adaptive, fixed:N [default: all but fixed].
    #[arg(long, value_delimiter = ',', value_parser = parse_mode)]
    pub(super) modes: Vec<Mode>,
    /// Thread counts [default: powers of two up to the cores].
    #[arg(long, value_delimiter = ',')]
    pub(super) threads: Vec<u64>,
    /// Measure another program too, as in myvm='./myvm {workload} {params}': see docs/protocol.md. Without --modes,
    /// other programs alone are measured.
    #[arg(long = "engine", value_name = "NAME=COMMAND", value_parser = ForeignEngine::parse)]
    engines: Vec<ForeignEngine>,
    /// sequential or sharded [default: the one that fits].
    #[arg(long)]
    executor: Option<String>,
    /// Accounts of a block workload.
    #[arg(long)]
    accounts: Option<u64>,
    /// Transactions a block.
    #[arg(long)]
    block: Option<u64>,
    /// Most blocks a process.
    #[arg(long)]
    blocks: Option<u64>,
    /// uniform, zipf:THETA or hot:FRACTION:PROBABILITY.
    #[arg(long)]
    skew: Option<String>,
    /// Gas of a transaction.
    #[arg(long)]
    gas_limit: Option<u64>,
    /// A parameter of the workload: its `config.bench_NAME`.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub(super) own: Vec<String>,
    /// Sign transactions, and check every block: none, ed25519, ed25519-batch or secp256k1 [default: none].
    #[arg(long, value_name = "SCHEME")]
    signatures: Option<Signatures>,
    /// Give each transaction its sender's next number, and check it.
    #[arg(long)]
    nonces: bool,
    /// none, or shared: senders pay for gas to one account that all share [default: none].
    #[arg(long, value_enum)]
    fees: Option<Fees>,
    /// Where blocks are committed, with the state root: memory, or redb:PATH (more than one thread: PATH.1, ... too)
    /// [default: memory].
    #[arg(long, value_name = "STORE")]
    store: Option<StoreKind>,
    /// When commits to a store wait for the disk: every, or never (they survive a kill, not a power cut)
    /// [default: every].
    #[arg(long, value_enum, requires = "store")]
    sync: Option<Sync>,
    /// Write the blocks to a trace, and run them from it [default: as many as hold a million transactions].
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    record: Option<PathBuf>,
    /// Run the blocks of a recorded trace, with its parameters.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// closed: each transaction begins when the one before it has ended; open: when it is due, at each --rate in turn
    /// (block workloads) [default: closed].
    #[arg(long, value_enum)]
    load: Option<Load>,
    /// Rates of --load open: transactions a second over all threads, as 250k or 1.5M, or shares of the closed loop, as
    /// 0.8x [default: 0.2x,0.4x,0.6x,0.7x,0.8x,0.9x,1.1x].
    #[arg(long = "rate", value_delimiter = ',', value_name = "RATE,RATE,...")]
    rates: Vec<Rate>,
    /// How far arrivals of --load open are apart: equally, or as independent users come [default: poisson].
    #[arg(long, value_enum)]
    arrivals: Option<Spacing>,
    /// Make native code on a thread of its own, while the program goes on in the VM. Results are the same.
    #[arg(long)]
    background_compile: bool,
    /// Fresh processes a cell [default: 5].
    #[arg(long)]
    processes: Option<u32>,
    /// One process a cell, 15 s in all: a first look.
    #[arg(long)]
    quick: bool,
    /// What the whole run may take, as in 2m [default: 2m].
    #[arg(long, value_parser = parse_duration)]
    max_time: Option<Duration>,
    /// Seed of the order and of everything random [default: 42].
    #[arg(long)]
    seed: Option<u64>,
    /// No latency probes: throughput alone.
    #[arg(long)]
    no_latency: bool,
    /// Print what would be run, in order, and stop.
    #[arg(long)]
    pub(super) plan: bool,
    /// Run each cell once, check its results, time nothing.
    #[arg(long, conflicts_with = "plan")]
    smoke: bool,
    /// Start anew, even if an unfinished run with the same plan is there to go on with.
    #[arg(long)]
    fresh: bool,
    /// Write results exactly here [default: a new folder in reports/].
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

/// When transactions begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Load {
    /// When the one before has ended.
    Closed,
    /// When they are due.
    Open,
}

/// When commits wait for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Sync {
    /// Each of them.
    Every,
    /// None.
    Never,
}

/// Who gets what gas costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Fees {
    /// Nobody: gas costs nothing.
    None,
    /// One account for all.
    Shared,
}

impl RunArguments {
    /// Whether transactions begin when they are due.
    pub(super) fn is_open(&self) -> bool {
        self.load == Some(Load::Open)
    }

    /// The rates of open load; rates without it are a mistake.
    fn open_load(&self) -> Result<Option<OpenLoad>, Stop> {
        if self.is_open() {
            return OpenLoad::new(&self.rates, self.arrivals).map(Some).map_err(Stop::usage);
        }
        match (self.rates.is_empty(), self.arrivals) {
            (true, None) => Ok(None),
            _ => Err(Stop::usage("--rate and --arrivals are for --load open: the closed loop has no rate of its own")),
        }
    }

    /// Whether blocks are to be kept in a file.
    pub(super) fn has_store(&self) -> bool {
        matches!(self.store, Some(StoreKind::Redb(_)))
    }
}

pub(super) fn run(arguments: &RunArguments, look: &Look) -> Result<Exit, Stop> {
    let prepared = prepare(arguments)?;
    if arguments.plan {
        print::out(&plan_text(&prepared))?;
        return Ok(Exit::Pass);
    }
    let outcome = measured(&prepared, arguments, look)?;
    let shown = show(&prepared, &outcome, look);
    report_problems(&outcome);
    shown.map(|()| outcome.exit)
}

/// Runs what was prepared.
pub(super) fn measured(prepared: &Prepared, arguments: &RunArguments, look: &Look) -> Result<Outcome, Stop> {
    let settings = Settings {
        out: arguments.out.clone(),
        quiet: look.quiet,
        verbose: look.verbose,
        argv: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        fresh: arguments.fresh,
        stop: &STOP,
    };
    measure(prepared, &settings)
}

pub(super) fn report_problems(outcome: &Outcome) {
    for problem in &outcome.problems {
        print::error(problem);
    }
}

pub(super) fn prepare(arguments: &RunArguments) -> Result<Prepared, Stop> {
    let engines = found(&arguments.engines)?;
    let is_zexus = arguments.workload.extension().is_none_or(|extension| extension == "zx");
    let can_load = is_zexus && (engines.is_empty() || workload::exists(&arguments.workload));
    let is_ours = engines.is_empty() || !arguments.modes.is_empty() || can_load;
    let workload = if is_ours { workload::load(&arguments.workload)? } else { load_foreign(&arguments.workload)? };
    let overrides = Overrides {
        accounts: arguments.accounts,
        block: arguments.block,
        blocks: arguments.blocks,
        skew: arguments.skew.clone(),
        gas_limit: arguments.gas_limit,
        seed: arguments.seed,
        own: arguments.own.clone(),
        signatures: arguments.signatures,
        nonces: arguments.nonces,
        fees: arguments.fees == Some(Fees::Shared),
        store: arguments.store.clone().unwrap_or_default(),
        no_sync: arguments.sync == Some(Sync::Never),
        background_compile: arguments.background_compile,
    };
    let asked = match (&arguments.record, &arguments.replay) {
        (Some(path), _) => Some(TraceUse::Record(path.clone())),
        (None, Some(path)) => Some(TraceUse::Replay(path.clone())),
        (None, None) => None,
    };
    let has_stages =
        overrides.signatures.is_some() || overrides.nonces || arguments.fees.is_some() || arguments.store.is_some();
    let has_stages = has_stages || overrides.background_compile;
    if !engines.is_empty() && (asked.is_some() || has_stages) {
        return Err(Stop::usage(
            "--record, --replay, --signatures, --nonces, --fees, --store and --background-compile are for the modes of zx-bench itself: an engine named by --engine is told nothing of them",
        ));
    }
    let open = arguments.open_load()?;
    if open.is_some() && !engines.is_empty() {
        return Err(Stop::usage(
            "--load open is for the modes of zx-bench itself: an engine named by --engine times itself, and the runner protocol has no way to tell it when a transaction is due; let the engine pace itself and report its `sample` lines",
        ));
    }
    if open.is_some() && arguments.has_store() {
        return Err(Stop::usage("--store is for the closed loop: under --load open no block is committed to a file"));
    }
    let parameters = match &asked {
        None if !is_ours => Parameters::foreign(&arguments.own, arguments.seed)?,
        None => Parameters::resolve(&workload, &overrides)?,
        Some(asked) => replay::parameters(&workload, &overrides, asked)?,
    };
    let request = Request {
        modes: arguments.modes.clone(),
        engines: engines.iter().map(|engine| engine.name.clone()).collect(),
        threads: arguments.threads.clone(),
        executor: arguments.executor.clone(),
        processes: arguments.processes,
        quick: arguments.quick,
        smoke: arguments.smoke,
        no_latency: arguments.no_latency,
        open,
        max_time: arguments.max_time,
        seed: parameters.seed,
    };
    let plan = Plan::new(workload.form, &request)?;
    plan.check_rates(parameters.block).map_err(Stop::usage)?;
    Ok(Prepared { workload, parameters, plan, engines })
}

/// Finds the programs of engines; no two may have one name.
pub(super) fn found(engines: &[ForeignEngine]) -> Result<Vec<ForeignEngine>, Stop> {
    for (at, engine) in engines.iter().enumerate() {
        if engines[..at].iter().any(|other| other.name == engine.name) {
            return Err(Stop::usage(format!("two engines are named `{}`: give each its own name", engine.name)));
        }
    }
    engines.iter().cloned().map(ForeignEngine::find).collect()
}

/// The table, where the files are, and the notes.
pub(super) fn show(prepared: &Prepared, outcome: &Outcome, look: &Look) -> Result<(), Stop> {
    match &outcome.folder {
        None if outcome.exit == Exit::Pass => {
            let cells: Vec<String> =
                prepared.plan.cells.iter().map(|cell| format!("agrees: {}\n", cell.describe())).collect();
            print::out(&cells.concat())?;
        }
        None => {}
        Some(folder) => {
            let written = write_all(folder).map_err(|e| Stop::failed(e.to_string()))?;
            let table = render_table(&written.summary, Format::from(look.format), look.has_colour());
            if !written.summary.rows.is_empty() {
                print::out(&(table.trim_end().to_owned() + "\n"))?;
            }
            if !look.quiet {
                print::note(&format!("records and charts are in {}", folder.display()));
            }
        }
    }
    if !look.quiet {
        outcome.notes.iter().for_each(|note| print::note(note));
    }
    Ok(())
}

fn plan_text(prepared: &Prepared) -> String {
    let Prepared { workload, parameters, plan, .. } = prepared;
    let mut text = format!(
        "{} ({} form, transaction `{}`), {}\n{} cells, {} processes each, about {:.0} s\n",
        workload.name,
        workload.form.as_str(),
        workload.transaction,
        parameters.canonical,
        plan.cells.len(),
        plan.processes,
        plan.estimate_s,
    );
    for slot in &plan.order {
        let kind = format!("{:?}", slot.kind).to_lowercase();
        let cell = plan.cells[slot.cell].describe();
        let _ = writeln!(text, "{:>4}.{:<3} {kind:<8} {cell}", slot.block, slot.slot); // a String takes anything
    }
    for note in &plan.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}
