//! From flags to what will be run, in which order, for how long.

use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::engine::Mode;

use super::arrivals::{OpenLoad, Rate};
use super::child_block::open::{BLOCK_AT_MOST, too_slow};
use super::engines::EXECUTOR;
use super::job::JobKind;
use super::machine;
use super::mode::{DEFAULT_MODES, mode_text};
use super::outcome::Stop;
use super::suggest::did_you_mean;
use super::workload::Form;

/// Latency probes a cell, at most: one in every interleaving block until there are so many.
pub const PROBES: u32 = 3;
/// A probe runs for this share of what a measuring process does.
pub const PROBE_SHARE: u64 = 2;
/// Most threads of a cell.
pub const THREADS_MAX: u64 = 1024;
/// Processes a cell, unless told otherwise.
pub const PROCESSES: u32 = 5;
/// What a whole run may take, unless told otherwise.
pub const MAX_TIME: Duration = Duration::from_mins(2);
/// The same for `--quick`.
pub const MAX_TIME_QUICK: Duration = Duration::from_secs(15);

const PROCESSES_MAX: u32 = 1000;
const PROCESS_MS_MOST: u64 = 2000;
const PROCESS_MS_LEAST: u64 = 100;
/// Starting a process, reading the workload, set-up.
const OVERHEAD_MS: u64 = 40;
const WINDOW_NS: u64 = 10_000_000;
const WINDOW_NS_LEAST: u64 = 1_000_000;
/// Windows that a process should have at least.
const WINDOWS_AIMED: u64 = 50;
/// A process that has not ended its work by then is interrupted.
const LIMIT_MS: u64 = 30_000;
/// Links of the reference chain.
const SCRIPT_DIGESTS: u64 = 20;
const BLOCK_DIGESTS: u64 = 1000;
const BLOCK_DIGESTS_QUICK: u64 = 20;

/// What the user asked for, typed.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Modes; empty means all that exist.
    pub modes: Vec<Mode>,
    /// Names of other engines; with some and no mode, they alone are measured.
    pub engines: Vec<String>,
    /// Thread counts; empty means powers of two up to the cores.
    pub threads: Vec<u64>,
    /// Executor; none means the one that fits.
    pub executor: Option<String>,
    /// Processes a cell.
    pub processes: Option<u32>,
    /// One process a cell, short.
    pub quick: bool,
    /// Each cell once, results checked, nothing timed.
    pub smoke: bool,
    /// Open load, in place of the closed loop.
    pub open: Option<OpenLoad>,
    /// No latency probes.
    pub no_latency: bool,
    /// What the whole run may take.
    pub max_time: Option<Duration>,
    /// Seed of the order.
    pub seed: u64,
}

/// What is measured: one row of the summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// As in the `mode` column.
    pub mode: String,
    /// As in the `executor` column.
    pub executor: &'static str,
    /// Threads.
    pub threads: usize,
    /// More threads than cores.
    pub oversubscribed: bool,
}

impl Cell {
    /// `vm, 2 threads, sharded`.
    pub fn describe(&self) -> String {
        let plural = if self.threads == 1 { "thread" } else { "threads" };
        let over = if self.oversubscribed { ", oversubscribed" } else { "" };
        format!("{}, {} {plural}, {}{over}", self.mode, self.threads, self.executor)
    }
}

/// One fresh process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// Interleaving block: every cell once.
    pub block: u32,
    /// Position in the block.
    pub slot: u32,
    /// Index into the cells.
    pub cell: usize,
    /// Ordinal of the process in its cell.
    pub process: u32,
    /// What it does.
    pub kind: JobKind,
}

/// Everything decided before the first process starts.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// `screen` for a quick run, `smoke`, or `full`.
    pub stamp: &'static str,
    /// What is measured.
    pub cells: Vec<Cell>,
    /// In which order.
    pub order: Vec<Slot>,
    /// Processes a cell.
    pub processes: u32,
    /// For how long a process runs windows, milliseconds.
    pub process_ms: u64,
    /// Length of a window to aim at.
    pub window_ns: u64,
    /// When a process is interrupted, milliseconds.
    pub limit_ms: u64,
    /// Links of the reference chain.
    pub digests: u64,
    /// What the run should take, seconds.
    pub estimate_s: f64,
    /// Seed of the order.
    pub seed: u64,
    /// Rates, under open load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<OpenLoad>,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Plan {
    /// Validates and decides.
    pub fn new(form: Form, request: &Request) -> Result<Self, Stop> {
        Self::on(form, request, machine::cores()).map_err(Stop::usage)
    }

    fn on(form: Form, request: &Request, cores: usize) -> Result<Self, String> {
        let processes = if request.quick || request.smoke { 1 } else { request.processes.unwrap_or(PROCESSES) };
        if processes == 0 || processes > PROCESSES_MAX {
            return Err(format!("--processes {processes}: must be from 1 to {PROCESSES_MAX}; {PROCESSES} is usual"));
        }
        let cells = cells(form, request, cores)?;
        if request.open.is_some() && form == Form::Script {
            return Err("--load open is for block workloads (a file with `action transaction(tx)`): a script calls its transactions itself, so they cannot come from outside; `zx-bench list` shows the forms".into());
        }
        let has_cold = form == Form::Script && !request.smoke;
        let order = order(&cells, processes, has_cold, request);
        let max_time = request.max_time.unwrap_or(if request.quick { MAX_TIME_QUICK } else { MAX_TIME });
        if max_time < Duration::from_secs(1) {
            return Err("--max-time must be at least 1s".into());
        }
        let mut plan = Self {
            stamp: match request {
                Request { smoke: true, .. } => "smoke",
                Request { quick: true, .. } => "screen",
                _ => "full",
            },
            cells,
            order,
            processes,
            process_ms: PROCESS_MS_MOST,
            window_ns: WINDOW_NS,
            limit_ms: 0,
            digests: match form {
                _ if request.smoke => 1,
                Form::Script => SCRIPT_DIGESTS,
                Form::Block if request.quick => BLOCK_DIGESTS_QUICK,
                Form::Block => BLOCK_DIGESTS,
            },
            estimate_s: 0.0,
            seed: request.seed,
            open: request.open.clone(),
            notes: Vec::new(),
        };
        plan.fit(max_time);
        plan.note(request, cores);
        Ok(plan)
    }

    /// Whether a block lasts no longer at any rate than it may.
    pub fn check_rates(&self, block: u64) -> Result<(), String> {
        let least = self.cells.iter().map(|cell| cell.threads).max().unwrap_or(1);
        for rate in self.open.iter().flat_map(|open| &open.rates) {
            let Rate::PerSecond(per_second) = *rate else { continue };
            let of_thread = per_second / least as f64;
            if block as f64 / of_thread > BLOCK_AT_MOST.as_secs_f64() {
                return Err(too_slow(block, *rate, of_thread));
            }
        }
        Ok(())
    }

    /// Windows shrink first; processes are never dropped.
    fn fit(&mut self, max_time: Duration) {
        let max_ms = max_time.as_millis() as u64;
        let measured =
            self.order.iter().filter(|slot| matches!(slot.kind, JobKind::Measure | JobKind::Open)).count() as u64;
        let probes = self.order.iter().filter(|slot| slot.kind == JobKind::Probe).count() as u64;
        let others = self.order.len() as u64 - measured - probes + 1;
        let fixed_ms = 1000 + others * 2 * OVERHEAD_MS + (measured + probes) * OVERHEAD_MS;
        // In halves of a measuring process, if probes take a half.
        let shares = measured * PROBE_SHARE + probes;
        let fitting = max_ms.saturating_sub(fixed_ms) * PROBE_SHARE / shares.max(1);
        self.process_ms = fitting.clamp(PROCESS_MS_LEAST, PROCESS_MS_MOST);
        self.window_ns = (self.process_ms * 1_000_000 / WINDOWS_AIMED).clamp(WINDOW_NS_LEAST, WINDOW_NS);
        self.limit_ms = LIMIT_MS.min(max_ms).max(self.process_ms);
        self.estimate_s = (fixed_ms + shares * self.process_ms / PROBE_SHARE) as f64 / 1000.0;
        if self.stamp == "smoke" {
            self.estimate_s = 0.0;
            return;
        }
        if self.process_ms < PROCESS_MS_MOST {
            self.notes.push(format!(
                "each process runs {} ms instead of {PROCESS_MS_MOST} (windows of {:.1} ms), to fit --max-time {}s",
                self.process_ms,
                self.window_ns as f64 / 1e6,
                max_time.as_secs()
            ));
        }
        if fitting < PROCESS_MS_LEAST {
            self.notes.push(format!(
                "the plan takes about {:.0} s although --max-time is {} s: fewer modes, threads or processes would fit",
                self.estimate_s,
                max_time.as_secs()
            ));
        }
    }

    fn note(&mut self, request: &Request, cores: usize) {
        if request.quick && request.processes.is_some_and(|processes| processes > 1) {
            self.notes.push("--quick runs one process a cell: --processes is not used".into());
        }
        if self.cells.iter().any(|cell| cell.oversubscribed) {
            self.notes.push(format!(
                "more threads than the {cores} cores: those rows are oversubscribed and show no scaling"
            ));
        }
    }
}

fn cells(form: Form, request: &Request, cores: usize) -> Result<Vec<Cell>, String> {
    let mut modes = request.modes.clone();
    if modes.is_empty() && request.engines.is_empty() {
        modes.extend(DEFAULT_MODES);
    }
    let threads = thread_counts(&request.threads, cores)?;
    let mut cells: Vec<Cell> = Vec::new();
    for &threads in &threads {
        let executor = executor(form, request.executor.as_deref(), threads)?;
        for &mode in &modes {
            let cell = Cell { mode: mode_text(mode), executor, threads, oversubscribed: threads > cores };
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        let oversubscribed = threads > cores;
        let external = |name: &String| Cell { mode: name.clone(), executor: EXECUTOR, threads, oversubscribed };
        cells.extend(request.engines.iter().map(external));
    }
    Ok(cells)
}

fn thread_counts(asked: &[u64], cores: usize) -> Result<Vec<usize>, String> {
    if asked.is_empty() {
        return Ok(std::iter::successors(Some(1), |n| Some(n * 2)).take_while(|n| *n <= cores).collect());
    }
    let check = |&threads: &u64| {
        if (1..=THREADS_MAX).contains(&threads) {
            return Ok(threads as usize);
        }
        Err(format!(
            "--threads {threads}: must be from 1 to {THREADS_MAX}; this machine has {cores} cores, so {cores} is the most that can scale"
        ))
    };
    asked.iter().map(check).collect()
}

fn executor(form: Form, asked: Option<&str>, threads: usize) -> Result<&'static str, String> {
    match (asked, form) {
        (None, Form::Script) | (Some("sharded"), _) => Ok("sharded"),
        (None, Form::Block) => Ok(if threads == 1 { "sequential" } else { "sharded" }),
        (Some("sequential"), _) if threads == 1 => Ok("sequential"),
        (Some("sequential"), _) => Err(format!(
            "--executor sequential runs on one thread, not {threads}: use --threads 1, or --executor sharded"
        )),
        (Some("parallel"), _) => {
            Err("--executor parallel (Block-STM) does not exist yet: use sequential or sharded".into())
        }
        (Some(name), _) => Err(format!(
            "unknown executor `{name}`{}: the executors are sequential and sharded",
            did_you_mean(name, ["sequential", "sharded"])
        )),
    }
}

/// Blocks, each with every cell once, for scripts the cold-start processes and in the first blocks
/// latency probes, each block shuffled on its own.
fn order(cells: &[Cell], processes: u32, has_cold: bool, request: &Request) -> Vec<Slot> {
    let mut random = ChaCha8Rng::seed_from_u64(request.seed);
    let mut order = Vec::new();
    for block in 0..processes {
        let kind = match request {
            Request { smoke: true, .. } => JobKind::Smoke,
            Request { open: Some(_), .. } => JobKind::Open,
            _ => JobKind::Measure,
        };
        let mut jobs: Vec<(usize, JobKind)> = (0..cells.len()).map(|cell| (cell, kind)).collect();
        let is_cold = |cell: &Cell| cell.threads == 1 && matches!(cell.mode.as_str(), "interpreter" | "adaptive");
        let cold = cells.iter().enumerate().filter(|(_, cell)| has_cold && is_cold(cell));
        jobs.extend(cold.map(|(index, _)| (index, JobKind::Cold)));
        if block < PROBES && kind == JobKind::Measure && !request.no_latency {
            // An engine of somebody else says latencies whenever it has some.
            let own = (0..cells.len()).filter(|&cell| cells[cell].executor != EXECUTOR);
            jobs.extend(own.map(|cell| (cell, JobKind::Probe)));
        }
        jobs.shuffle(&mut random);
        let slots = jobs.into_iter().enumerate();
        order.extend(slots.map(|(slot, (cell, kind))| Slot { block, slot: slot as u32, cell, process: block, kind }));
    }
    order
}

/// Reads a duration: `90s`, `2m`, `500ms`, `1h`, or seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{text}` is not a duration: write 90s, 2m, 500ms or 1h")),
    };
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is not a duration: write 90s, 2m, 500ms or 1h"))?;
    let seconds = number * scale;
    if seconds > 7.0 * 86_400.0 {
        return Err(format!("`{text}` is more than a week"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(request: &Request) -> Plan {
        Plan::on(Form::Script, request, 2).expect("a plan")
    }

    fn refused(request: &Request) -> String {
        Plan::on(Form::Block, request, 2).expect_err("refused")
    }

    #[test]
    fn the_default_plan_is_every_mode_at_powers_of_two() {
        let plan = plan(&Request::default());
        assert_eq!(plan.cells.len(), 6);
        assert_eq!(plan.order.iter().filter(|s| s.kind == JobKind::Measure).count(), 30);
        assert_eq!(plan.order.iter().filter(|s| s.kind == JobKind::Cold).count(), 10);
        assert_eq!((plan.process_ms, plan.window_ns), (2000, 10_000_000));
        assert_eq!(plan.order.iter().filter(|s| s.kind == JobKind::Probe).count(), 18);
        assert!(plan.estimate_s < 120.0);
    }

    #[test]
    fn every_block_holds_every_cell_and_the_seed_decides_the_order() {
        let one = plan(&Request { seed: 1, ..Request::default() });
        for block in 0..5 {
            let measured = one.order.iter().filter(|s| s.block == block && s.kind == JobKind::Measure);
            let mut cells: Vec<_> = measured.map(|s| s.cell).collect();
            cells.sort_unstable();
            assert_eq!(cells, [0, 1, 2, 3, 4, 5]);
        }
        assert_eq!(one.order, plan(&Request { seed: 1, ..Request::default() }).order);
        assert_ne!(one.order, plan(&Request { seed: 2, ..Request::default() }).order);
    }

    #[test]
    fn windows_shrink_before_processes_do() {
        let short = plan(&Request { max_time: Some(Duration::from_secs(20)), ..Request::default() });
        assert_eq!(short.processes, 5);
        assert!(short.process_ms < 1000 && short.estimate_s <= 20.0, "{short:?}");
        assert!(short.notes.iter().any(|note| note.contains("instead of 2000")));
        let tiny = plan(&Request { max_time: Some(Duration::from_secs(2)), ..Request::default() });
        assert_eq!((tiny.process_ms, tiny.window_ns), (100, 2_000_000));
        assert!(tiny.notes.iter().any(|note| note.contains("although --max-time")));
        let quick = plan(&Request { quick: true, ..Request::default() });
        assert_eq!((quick.processes, quick.stamp), (1, "screen"));
        assert!(quick.estimate_s <= 15.0);
    }

    #[test]
    fn bad_threads_and_executors_say_what_is_right() {
        let threads = |n| refused(&Request { threads: vec![n], ..Request::default() });
        assert!(threads(0).contains("from 1 to 1024"));
        assert!(threads(100_000).contains("this machine has 2 cores"));
        let executor =
            |name: &str, n| refused(&Request { executor: Some(name.into()), threads: vec![n], ..Request::default() });
        assert!(executor("parallel", 1).contains("does not exist yet"));
        assert!(executor("shraded", 1).contains("did you mean `sharded`?"));
        assert!(executor("sequential", 2).contains("one thread"));
        assert!(refused(&Request { processes: Some(0), ..Request::default() }).contains("from 1 to"));
    }

    #[test]
    fn oversubscription_is_allowed_and_marked() {
        let plan = plan(&Request { threads: vec![4], ..Request::default() });
        assert!(plan.cells.iter().all(|cell| cell.oversubscribed));
        assert!(plan.cells[0].describe().ends_with("oversubscribed"));
        assert!(plan.notes.iter().any(|note| note.contains("oversubscribed")));
    }

    #[test]
    fn blocks_are_sequential_on_one_thread() {
        let plan = Plan::on(Form::Block, &Request::default(), 2).expect("a plan");
        assert!(plan.cells.iter().all(|cell| (cell.threads == 1) == (cell.executor == "sequential")));
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("15"), Ok(Duration::from_secs(15)));
        for bad in ["", "m", "2x", "1.2.3s", "-3s", "99999h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
