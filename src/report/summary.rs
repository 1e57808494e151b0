//! From sample rows to one row a cell.
//!
//! One number a process; the interval is over processes alone. A process
//! that was not compared with the reference gives no number, and one that disagrees takes the
//! whole cell's numbers away.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::cells::{Cell, CellKey, Process, cells};
use super::metrics;
use super::open::{OpenPoint, is_open, point};
use super::records::{Params, Phase, SampleRow, SummaryRow, TierRow, WarmupVerdict, Warning};
use crate::stats::interval::geometric_mean;
use crate::stats::{Interval, log_mean_interval, median};

/// Confidence of every interval shown.
pub const CONFIDENCE: f64 = 0.95;
/// Fewer processes than this give no interval.
pub const LEAST_PROCESSES: usize = 3;

/// All that tables and charts show about a folder, apart from the warm-up curve.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// One row a cell, by workload, parameters, executor, threads and mode.
    pub rows: Vec<SummaryRow>,
    /// The first pass of a fresh process, one row a cell that has one.
    pub cold: Vec<ColdStart>,
    /// What the tiers cost and brought, one row a cell that compiled something.
    pub tiers: Vec<TierGain>,
    /// Rates of open load, one row a cell and rate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenPoint>,
    /// What a reader must know, each with what to do about it.
    #[serde(serialize_with = "as_texts")]
    pub warnings: Vec<Warning>,
}

fn as_texts<S: serde::Serializer>(warnings: &[Warning], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(warnings.iter().map(|w| &w.0))
}

/// A fresh process, from spawn to exit: medians over processes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColdStart {
    /// Workload name.
    pub workload: String,
    /// Every parameter that changes the work.
    pub params: Params,
    /// Mode of the cell.
    pub mode: String,
    /// Executor of the cell.
    pub executor: String,
    /// Threads of the process.
    pub threads: u32,
    /// The whole process.
    pub process_ns: Option<f64>,
    /// How many iterations `interpreted_ns` covers.
    pub interpreted_iterations: Option<u64>,
    /// The iterations up to the threshold.
    pub interpreted_ns: Option<f64>,
    /// The rest of the first pass.
    pub rest_ns: Option<f64>,
    /// Transactions per second of the first pass.
    pub tps: Option<f64>,
    /// The whole process again, from the cache.
    pub cached_process_ns: Option<f64>,
}

/// What compiling cost a cell, and after how many transactions it was worth it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TierGain {
    /// Workload name.
    pub workload: String,
    /// Every parameter that changes the work.
    pub params: Params,
    /// Mode of the cell.
    pub mode: String,
    /// Threads of the process.
    pub threads: u32,
    /// Time spent compiling, median over processes.
    pub compile_ns: f64,
    /// Transactions until the time that they save over the interpreter equals `compile_ns`; none
    /// where they save nothing, or where the interpreter was not measured.
    pub repaid_after_tx: Option<u64>,
}

/// Compiling is paid once a process; each transaction of each thread then saves the difference of
/// the steady figures.
fn tier_gain(row: &SummaryRow, cell: &Cell, rows: &[SummaryRow]) -> Option<TierGain> {
    let all: Vec<&Process> = cell.processes.values().collect();
    let compile_ns = median_of(&all, Phase::Compile, metrics::STAGE_NS).filter(|ns| *ns > 0.0)?;
    let repaid = || {
        let (ratio, _) = speedup(row, rows)?;
        let own_ns = 1e9 / row.tps.filter(|tps| *tps > 0.0)?;
        let saved_ns = own_ns * (ratio - 1.0);
        // Rates come out of logarithms: a hair above a whole number is that number.
        (saved_ns > 0.0).then(|| (compile_ns / saved_ns * (1.0 - 1e-9)).ceil() as u64)
    };
    Some(TierGain {
        workload: row.workload.clone(),
        params: row.params.clone(),
        mode: row.mode.clone(),
        threads: row.threads,
        compile_ns,
        repaid_after_tx: repaid(),
    })
}

/// Builds the summary. `tiers` is `None` when the folder has no `tiers.csv`: then nothing is said
/// about promotion.
pub fn summarise(samples: &[SampleRow], tiers: Option<&[TierRow]>) -> Summary {
    let promoted: Option<BTreeSet<_>> =
        tiers.map(|rows| rows.iter().map(|r| (r.workload.as_str(), &r.params, r.mode.as_str(), r.threads)).collect());
    let mut summary = Summary::default();
    let cells = cells(samples);
    for (key, cell) in &cells {
        let (mut row, warnings) = summarise_cell(key, cell);
        let tells_tiers = !is_open(&key.params);
        let may_be_promoted = tells_tiers && (key.mode == "adaptive" || key.mode.starts_with("fixed"));
        if let (Some(promoted), Some(WarmupVerdict::Flat), true) = (&promoted, row.warmup, may_be_promoted)
            && !promoted.contains(&(&key.workload, &key.params, &key.mode, key.threads))
        {
            row.warmup = Some(WarmupVerdict::NeverPromoted);
            summary.warnings.push(Warning(format!(
                "{}: nothing was promoted: the figure is the interpreter's; raise \
                 config.bench_iterations or lower the threshold",
                key.name()
            )));
        }
        summary.rows.push(row);
        summary.warnings.extend(warnings);
        summary.cold.extend(cold_start(key, cell));
        summary.open.extend(point(key, cell));
    }
    // One row a cell, in the order of the cells.
    let gains = summary.rows.iter().zip(cells.values());
    summary.tiers = gains.filter_map(|(row, cell)| tier_gain(row, cell, &summary.rows)).collect();
    summary
}

fn summarise_cell(key: &CellKey, cell: &Cell) -> (SummaryRow, Vec<Warning>) {
    let all: Vec<&Process> = cell.processes.values().collect();
    let agreements: Vec<bool> = all.iter().filter_map(|p| p.agreed()).collect();
    let agreed = (!agreements.is_empty()).then(|| agreements.iter().all(|a| *a));
    let may_show = agreed != Some(false);
    let counted: Vec<&Process> = all
        .iter()
        .copied()
        .filter(|p| may_show && !p.failed() && p.agreed() == Some(true))
        .filter(|p| p.throughput().is_some())
        .collect();
    let figures: Vec<_> = counted.iter().filter_map(|p| p.throughput()).collect();
    let tps: Vec<f64> = figures.iter().map(|f| f.tps).collect();
    let unsteady = figures.iter().filter(|f| !f.steady).count();
    let interval = if unsteady * 2 >= figures.len() { None } else { interval_of(&tps) };

    let total = |metric: &str| {
        let values = counted.iter().filter_map(|p| p.value_of_any_phase(metric));
        values.reduce(|a, b| a + b).map(|sum| sum as u64)
    };
    let per_tx = |metric: &str| {
        let ratio = |p: &&Process| {
            let committed = p.value_of_any_phase(metrics::COMMITTED).filter(|n| *n > 0.0)?;
            Some(p.value_of_any_phase(metric)? / committed)
        };
        median(&counted.iter().filter_map(ratio).collect::<Vec<_>>())
    };
    let of_probes = |metric: &str| {
        let probes = all.iter().filter(|p| may_show && !p.failed());
        let probes = probes.filter(|p| p.value(Phase::Probe, metrics::LATENCY_FLOOR_NS).is_some());
        let values: Vec<Option<f64>> = probes.map(|p| p.value(Phase::Probe, metric)).collect();
        let known: Vec<f64> = values.iter().copied().flatten().collect();
        // Where most probes could not resolve it, the others are the slow ones: no median of them.
        median(&known).filter(|_| known.len() * 2 > values.len()).map(|v| v.round() as u64)
    };
    let estimate = geometric_mean(&tps);
    // Under open load the closed loop before it was the warm-up.
    let is_closed = !is_open(&key.params);
    let root_ns_per_tx = per_tx(metrics::ROOT_NS);
    let store_ns_per_tx = per_tx(metrics::STORE_NS);
    let sig_ns_per_tx = per_tx(metrics::SIG_NS);
    let stages = [root_ns_per_tx, store_ns_per_tx, sig_ns_per_tx];
    let row = SummaryRow {
        workload: key.workload.clone(),
        params: key.params.clone(),
        mode: key.mode.clone(),
        executor: key.executor.clone(),
        threads: key.threads,
        tps: estimate,
        tps_low: interval.map(|i| i.low),
        tps_high: interval.map(|i| i.high),
        tps_first: if may_show { median_of(&all, Phase::Cold, metrics::TPS) } else { None },
        tps_full: median_of(&counted, Phase::Steady, metrics::TPS_FULL)
            .or_else(|| estimate.and_then(|tps| with_stages(tps, &stages))),
        committed: total(metrics::COMMITTED),
        reverted: total(metrics::REVERTED),
        out_of_gas: total(metrics::OUT_OF_GAS),
        aborted: total(metrics::ABORTED),
        p50_ns: of_probes(metrics::P50_NS),
        p99_ns: of_probes(metrics::P99_NS),
        p999_ns: of_probes(metrics::P999_NS),
        latency_floor_ns: of_probes(metrics::LATENCY_FLOOR_NS),
        warmup: most_common(counted.iter().filter_map(|p| verdict_of(p))).filter(|_| is_closed),
        steady_after_s: median(&counted.iter().filter_map(|p| steady_after_s(p)).collect::<Vec<_>>())
            .filter(|_| is_closed),
        processes: counted.len() as u32,
        unsteady: unsteady as u32,
        cpu_ns_per_tx: per_tx(metrics::CPU_NS),
        root_ns_per_tx,
        store_ns_per_tx,
        sig_ns_per_tx,
        gas_per_tx: per_tx(metrics::GAS),
        peak_rss_kib: all
            .iter()
            .filter_map(|p| p.value_of_any_phase(metrics::RSS_KIB))
            .reduce(f64::max)
            .map(|kib| kib as u64),
        agreed,
        agreed_blocks: all
            .iter()
            .filter_map(|p| p.value_of_any_phase(metrics::AGREED_BLOCKS))
            .reduce(f64::min)
            .map(|blocks| blocks as u64),
    };
    let warnings = warnings_of(key, &all, &row);
    (row, warnings)
}

/// The interval over processes; none for fewer than [`LEAST_PROCESSES`].
fn interval_of(tps: &[f64]) -> Option<Interval> {
    if tps.len() < LEAST_PROCESSES { None } else { log_mean_interval(tps, CONFIDENCE) }
}

/// Throughput when each transaction also pays for the stages outside execution, one after the
/// other; none when no such stage was measured.
fn with_stages(tps: f64, stage_ns_per_tx: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = stage_ns_per_tx.iter().copied().flatten().collect();
    (!known.is_empty()).then(|| 1e9 / (1e9 / tps + known.iter().sum::<f64>()))
}

fn median_of(processes: &[&Process], phase: Phase, metric: &str) -> Option<f64> {
    let whole = processes.iter().filter(|p| !p.failed());
    median(&whole.filter_map(|p| p.value(phase, metric)).collect::<Vec<_>>())
}

/// The verdict the phases of a process's windows say: the harness judged them with
/// [`crate::stats::classify_warmup`] and wrote the outcome as `warmup` and `steady`.
fn verdict_of(process: &Process) -> Option<WarmupVerdict> {
    if !process.throughput()?.steady {
        return Some(WarmupVerdict::NoSteadyState);
    }
    let windows = process.window_series().concat();
    let of = |phase| {
        let tps = windows.iter().filter(|w| w.phase == phase).map(|w| w.tps);
        median(&tps.collect::<Vec<_>>())
    };
    Some(match (of(Phase::Warmup), of(Phase::Steady)) {
        (Some(before), Some(after)) if before > after => WarmupVerdict::Slowdown,
        (Some(_), _) => WarmupVerdict::Warmup,
        (None, _) => WarmupVerdict::Flat,
    })
}

/// Seconds until the last warm-up window ended; 0 when there was none, unknown when unsteady.
fn steady_after_s(process: &Process) -> Option<f64> {
    if !process.throughput()?.steady {
        return None;
    }
    let windows = process.window_series().concat();
    let warmup = windows.iter().filter(|w| w.phase == Phase::Warmup);
    let ends: Option<Vec<u64>> = warmup.map(|w| w.at_ns).collect();
    Some(ends?.into_iter().max().unwrap_or(0) as f64 / 1e9)
}

/// The verdict of most; between equals the worse one.
fn most_common(verdicts: impl Iterator<Item = WarmupVerdict>) -> Option<WarmupVerdict> {
    let mut counts = BTreeMap::new();
    for verdict in verdicts {
        *counts.entry(verdict).or_insert(0) += 1;
    }
    counts.into_iter().max_by_key(|(verdict, count)| (*count, *verdict)).map(|(verdict, _)| verdict)
}

fn warnings_of(key: &CellKey, all: &[&Process], row: &SummaryRow) -> Vec<Warning> {
    let name = key.name();
    let mut warnings = Vec::new();
    let mut warn = |text: String| warnings.push(Warning(format!("{name}: {text}")));
    if row.agreed == Some(false) {
        warn(
            "results differ from the reference, so no number is shown: \
              `zx-bench explain` shows the first difference; please report it"
                .to_owned(),
        );
        return warnings;
    }
    let failed = all.iter().filter(|p| p.failed()).count();
    if failed > 0 {
        warn(format!("{failed} of {} processes failed: run the workload with zx-run to see why", all.len()));
    }
    let uncompared = all.iter().filter(|p| !p.failed() && p.throughput().is_some() && p.agreed().is_none()).count();
    if uncompared > 0 {
        warn(format!(
            "{uncompared} processes were not compared with the reference (a killed run?) and are \
             left out: resume the run"
        ));
    }
    if row.unsteady > 0 {
        let interval = if row.unsteady * 2 >= row.processes { ", so there is no interval" } else { "" };
        warn(format!(
            "{} of {} processes had no steady state{interval}: raise --max-time, or see \
             `zx-bench doctor` for what disturbs this machine",
            row.unsteady, row.processes
        ));
    }
    if row.processes > 0 && (row.processes as usize) < LEAST_PROCESSES {
        warn(format!(
            "{} process{}: no interval; use --processes 5",
            row.processes,
            if row.processes == 1 { "" } else { "es" }
        ));
    }
    warnings
}

fn cold_start(key: &CellKey, cell: &Cell) -> Option<ColdStart> {
    let all: Vec<&Process> = cell.processes.values().collect();
    if all.iter().any(|p| p.agreed() == Some(false)) {
        return None;
    }
    let of = |metric| median_of(&all, Phase::Cold, metric);
    let cold = ColdStart {
        workload: key.workload.clone(),
        params: key.params.clone(),
        mode: key.mode.clone(),
        executor: key.executor.clone(),
        threads: key.threads,
        process_ns: of(metrics::PROCESS_NS),
        interpreted_iterations: of(metrics::INTERPRETED_ITERATIONS).map(|n| n as u64),
        interpreted_ns: of(metrics::INTERPRETED_NS),
        rest_ns: of(metrics::REST_NS),
        tps: of(metrics::TPS),
        cached_process_ns: of(metrics::CACHED_PROCESS_NS),
    };
    // The first pass's TPS alone is a column of the summary; the table is for the times.
    let timed = [cold.process_ns, cold.interpreted_ns, cold.rest_ns];
    timed.iter().any(Option::is_some).then_some(cold)
}

/// The executor of engines that are not ours.
const EXTERNAL: &str = "external";

/// Speed of a row over the interpreter's on the same work, threads and executor (an engine of somebody else has none of
/// ours), with an interval where both have one. The processes are not paired, so the half-widths add as squares, in logarithms.
pub fn speedup(row: &SummaryRow, rows: &[SummaryRow]) -> Option<(f64, Option<(f64, f64)>)> {
    let base = rows.iter().find(|r| {
        r.mode == "interpreter"
            && r.workload == row.workload
            && r.params == row.params
            && r.threads == row.threads
            && (r.executor == row.executor || row.executor == EXTERNAL)
    })?;
    let (tps, base_tps) = (row.tps?, base.tps.filter(|t| *t > 0.0)?);
    let ratio = tps / base_tps;
    let half = |r: &SummaryRow| Some((r.tps_high? / r.tps_low.filter(|l| *l > 0.0)?).ln() / 2.0);
    let ends = half(row).zip(half(base)).map(|(a, b)| {
        let factor = a.hypot(b).exp();
        (ratio / factor, ratio * factor)
    });
    Some((ratio, ends))
}

#[cfg(test)]
mod tests;
