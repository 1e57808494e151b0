//! From what a process said to the rows of `samples.csv` and `tiers.csv`.

mod open;

pub use open::open_rows;

use crate::report::metrics::{self, unit};
use crate::report::records::{Arm, Params, Phase, SCHEMA, SampleRow, SiteKind, TierRow};
use crate::stats::{WarmupOptions, classify_warmup, median};

use super::job::JobKind;
use super::latency::FLOOR_STEPS;
use super::plan::{Cell, Slot};
use super::process::{Record, TimedWindow};
use super::protocol::{LatencySeries, counter};

/// What the rows of one run have in common.
#[derive(Debug, Clone)]
pub struct RunNames {
    /// Id of the run.
    pub run: String,
    /// Workload name.
    pub workload: String,
    /// Digest of its text.
    pub workload_digest: String,
    /// Everything that changes the work.
    pub params: Params,
}

/// How a process compares with the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// So many blocks or passes were compared and equal.
    Agrees(u64),
    /// Some differ, or `verify()` failed.
    Differs,
    /// It gave nothing to compare.
    Unknown,
}

/// Makes the rows of one process.
#[derive(Debug)]
pub struct RowMaker<'a> {
    names: &'a RunNames,
    cell: &'a Cell,
    slot: &'a Slot,
    rows: Vec<SampleRow>,
}

impl<'a> RowMaker<'a> {
    /// No rows yet.
    pub fn new(names: &'a RunNames, cell: &'a Cell, slot: &'a Slot) -> Self {
        Self { names, cell, slot, rows: Vec::new() }
    }

    /// The last row of a process: with it, its rows are whole.
    pub fn ended(&mut self, record: &Record) {
        let phase = match self.slot.kind {
            JobKind::Cold => Phase::Cold,
            JobKind::Probe => Phase::Probe,
            JobKind::Measure
            | JobKind::Open
            | JobKind::Smoke
            | JobKind::Reference
            | JobKind::Record
            | JobKind::Actions
            | JobKind::Count
            | JobKind::Control => Phase::Steady,
        };
        self.push(phase, metrics::WALL_NS, record.wall_ns as f64, unit::NS);
    }

    /// The process's own figure: the median of its windows behind the first.
    pub fn figure(record: &Record, threads: usize) -> Option<f64> {
        let rates: Vec<f64> = ProcessWindows::of(record, threads).timed.iter().map(|window| window.tps).collect();
        median(&rates)
    }

    /// The rows.
    pub fn into_rows(self) -> Vec<SampleRow> {
        self.rows
    }

    fn row(&self, phase: Phase, metric: &str, value: f64, unit: &str) -> SampleRow {
        SampleRow {
            schema: SCHEMA,
            run: self.names.run.clone(),
            arm: Arm::Single,
            block: Some(self.slot.block),
            slot: Some(self.slot.slot),
            workload: self.names.workload.clone(),
            workload_digest: self.names.workload_digest.clone(),
            params: self.names.params.clone(),
            mode: self.cell.mode.clone(),
            executor: self.cell.executor.into(),
            threads: self.cell.threads as u32,
            process: self.slot.process,
            isolate: None,
            window: None,
            phase,
            at_ns: None,
            metric: metric.into(),
            value: Some(value),
            unit: unit.into(),
        }
    }

    fn push(&mut self, phase: Phase, metric: &str, value: f64, unit: &str) {
        let row = self.row(phase, metric, value, unit);
        self.rows.push(row);
    }

    /// The cold first pass or block, then windows with their phases, then the counters.
    pub fn measured(&mut self, record: &Record, agreement: Agreement) {
        let windows = ProcessWindows::of(record, self.cell.threads);
        if let Some(cold) = windows.cold {
            self.push(Phase::Cold, metrics::TPS, cold, unit::TPS);
        }
        let steady_from = windows.steady_from(record);
        for (ordinal, window) in windows.timed.iter().enumerate() {
            let phase = if ordinal >= steady_from { Phase::Steady } else { Phase::Warmup };
            self.window(ordinal, phase, None, window.at_ns, window.tps);
            for (isolate, tps) in window.shares.iter().enumerate().filter(|_| self.cell.threads > 1) {
                self.window(ordinal, phase, Some(isolate as u32), window.at_ns, *tps);
            }
        }
        self.counters(record, &windows);
        self.agreement(agreement);
        if record.error.is_some() {
            self.failed();
        }
    }

    fn window(&mut self, ordinal: usize, phase: Phase, isolate: Option<u32>, at_ns: Option<u64>, tps: f64) {
        let mut row = self.row(phase, metrics::TPS, tps, unit::TPS);
        row.window = Some(ordinal as u32);
        row.isolate = isolate;
        row.at_ns = at_ns;
        self.rows.push(row);
    }

    fn counters(&mut self, record: &Record, windows: &ProcessWindows) {
        let rows = [
            (counter::PARSE_NS, Phase::Parse, metrics::STAGE_NS, unit::NS),
            (counter::RESOLVE_NS, Phase::Resolve, metrics::STAGE_NS, unit::NS),
            (counter::COMPILE_NS, Phase::Compile, metrics::STAGE_NS, unit::NS),
            (counter::SETUP_NS, Phase::Setup, metrics::STAGE_NS, unit::NS),
            (counter::CPU_NS, Phase::Steady, metrics::CPU_NS, unit::NS),
            (counter::ROOT_NS, Phase::Root, metrics::ROOT_NS, unit::NS),
            (counter::STORE_NS, Phase::Store, metrics::STORE_NS, unit::NS),
            (counter::SIG_NS, Phase::Sig, metrics::SIG_NS, unit::NS),
            (counter::NONCE_NS, Phase::Steady, metrics::NONCE_NS, unit::NS),
            (counter::FEE_NS, Phase::Steady, metrics::FEE_NS, unit::NS),
            (counter::COMMITTED, Phase::Steady, metrics::COMMITTED, unit::TX),
            (counter::REVERTED, Phase::Steady, metrics::REVERTED, unit::TX),
            (counter::OUT_OF_GAS, Phase::Steady, metrics::OUT_OF_GAS, unit::TX),
            (counter::GAS, Phase::Steady, metrics::GAS, unit::GAS),
            (counter::RSS_KIB, Phase::Steady, metrics::RSS_KIB, unit::KIB),
            (counter::NATIVE_BYTES, Phase::Compile, metrics::NATIVE_BYTES, unit::BYTES),
            (counter::NATIVE_COMPILE_NS, Phase::Compile, metrics::NATIVE_COMPILE_NS, unit::NS),
            (counter::NATIVE_EXITS, Phase::Steady, metrics::NATIVE_EXITS, unit::COUNT),
            (counter::NATIVE_RECOMPILED, Phase::Steady, metrics::NATIVE_RECOMPILED, unit::COUNT),
        ];
        for (name, phase, metric, unit) in rows {
            if let Some(value) = record.counter(name) {
                self.push(phase, metric, value, unit);
            }
        }
        let root_ns = record.counter(counter::ROOT_NS).filter(|ns| *ns > 0.0);
        if let (Some(root_ns), Some(committed)) = (root_ns, record.counter(counter::COMMITTED)) {
            let others = [counter::STORE_NS, counter::SIG_NS, counter::NONCE_NS, counter::FEE_NS];
            let others: f64 = others.into_iter().filter_map(|name| record.counter(name)).sum();
            let full_ns = (windows.timed_ns + root_ns + others) / self.cell.threads as f64;
            self.push(Phase::Steady, metrics::TPS_FULL, committed * 1e9 / full_ns, unit::TPS);
        }
    }

    fn agreement(&mut self, agreement: Agreement) {
        match agreement {
            Agreement::Agrees(compared) => {
                self.push(Phase::Steady, metrics::AGREED, 1.0, unit::COUNT);
                self.push(Phase::Steady, metrics::AGREED_BLOCKS, compared as f64, unit::COUNT);
            }
            Agreement::Differs => self.push(Phase::Steady, metrics::AGREED, 0.0, unit::COUNT),
            Agreement::Unknown => {}
        }
    }

    /// Latencies of a probe process; what cannot be resolved has no row.
    pub fn latencies(&mut self, record: &Record) {
        let latencies = &record.latencies;
        let floor = record.counter(counter::CLOCK_STEP_NS).map(|step| step * FLOOR_STEPS as f64);
        let floor_ns = floor.unwrap_or(0.0) as u64;
        let percentiles = [(metrics::P50_NS, 0.5), (metrics::P99_NS, 0.99), (metrics::P999_NS, 0.999)];
        for (metric, quantile) in percentiles {
            if let Some(ns) = latencies.percentile(quantile, floor_ns) {
                self.push(Phase::Probe, metric, ns as f64, unit::NS);
            }
        }
        let batches = [(metrics::BATCH_P50_NS, 0.5), (metrics::BATCH_P99_NS, 0.99)];
        // Leaving out the short ones must not make the others' distribution.
        let short = record.counter(counter::BATCHES_SHORT).unwrap_or(0.0);
        let is_whole = short <= 0.01 * latencies.count(LatencySeries::Batch) as f64;
        for (metric, quantile) in batches.into_iter().filter(|_| is_whole) {
            if let Some(ns) = latencies.batch_percentile(quantile) {
                self.push(Phase::Probe, metric, ns, unit::NS);
            }
        }
        let others = [
            (metrics::LATENCY_FLOOR_NS, floor, unit::NS),
            (metrics::TIMER_BEFORE_NS, record.counter(counter::TIMER_BEFORE_NS), unit::NS),
            (metrics::TIMER_AFTER_NS, record.counter(counter::TIMER_AFTER_NS), unit::NS),
            (metrics::LATENCY_SAMPLES, Some(latencies.count(LatencySeries::Single) as f64), unit::TX),
            (metrics::SAMPLED_ONE_IN, record.counter(counter::ONE_IN), unit::TX),
            (metrics::SAMPLES_LOST, record.counter(counter::SAMPLES_LOST), unit::TX),
            (metrics::BATCH_SIZE, latencies.batch_size().map(|size| size as f64), unit::TX),
        ];
        for (metric, value, unit) in others {
            if let Some(value) = value {
                self.push(Phase::Probe, metric, value, unit);
            }
        }
    }

    /// A cold or probe process whose numbers cannot be used.
    pub fn refused(&mut self, agreement: Agreement) {
        if agreement == Agreement::Differs {
            self.agreement(agreement);
        }
        self.failed();
    }

    /// The row that stands for the numbers a process did not give.
    pub fn failed(&mut self) {
        self.push(Phase::Steady, metrics::FAILED, 1.0, unit::COUNT);
    }

    /// A whole fresh process. `first` is the first part of its run, in nanoseconds, and how many
    /// iterations that is; for the interpreter it comes from a process that did nothing else.
    pub fn cold(&mut self, record: &Record, first: Option<(f64, f64)>) {
        self.push(Phase::Cold, metrics::PROCESS_NS, record.wall_ns as f64, unit::NS);
        let Some((run_ns, (first_ns, iterations))) = record.counter(counter::RUN_NS).zip(first) else { return };
        if first_ns > run_ns {
            return; // two processes, and the whole was faster than its part: says nothing
        }
        self.push(Phase::Cold, metrics::INTERPRETED_NS, first_ns, unit::NS);
        self.push(Phase::Cold, metrics::REST_NS, run_ns - first_ns, unit::NS);
        self.push(Phase::Cold, metrics::INTERPRETED_ITERATIONS, iterations, unit::COUNT);
    }

    /// A whole fresh process that found its program in the cache.
    pub fn second_run(&mut self, wall_ns: u64) {
        self.push(Phase::Cold, metrics::CACHED_PROCESS_NS, wall_ns as f64, unit::NS);
    }

    /// Its tier decisions.
    pub fn tiers(&self, record: &Record) -> Vec<TierRow> {
        let rows = record.events.iter().map(|event| TierRow {
            run: self.names.run.clone(),
            workload: self.names.workload.clone(),
            params: self.names.params.clone(),
            mode: self.cell.mode.clone(),
            threads: self.cell.threads as u32,
            process: self.slot.process,
            isolate: Some(event.isolate),
            at_ns: Some(event.at_ns),
            site: event.site.clone(),
            kind: if event.kind == "action" { SiteKind::Action } else { SiteKind::Loop },
            iteration: Some(event.iteration),
            from: event.from.clone(),
            to: event.to.clone(),
            compile_ns: Some(event.compile_ns),
            code_bytes: Some(event.code_bytes),
            speedup: event.speedup,
            reason: event.reason.clone(),
        });
        rows.collect()
    }
}

/// One window of the whole process: its threads run it at the same time, so their rates add up.
struct WholeWindow {
    at_ns: Option<u64>,
    tps: f64,
    shares: Vec<f64>,
}

struct ProcessWindows {
    cold: Option<f64>,
    timed: Vec<WholeWindow>,
    /// Time of all timed windows, over all threads.
    timed_ns: f64,
}

impl ProcessWindows {
    fn of(record: &Record, threads: usize) -> Self {
        let mut by_isolate: Vec<Vec<&TimedWindow>> = vec![Vec::new(); threads];
        for window in &record.windows {
            if let Some(of_isolate) = by_isolate.get_mut(window.isolate as usize) {
                of_isolate.push(window);
            }
        }
        let rate = |window: &TimedWindow| window.n as f64 * 1e9 / window.ns as f64;
        let count = by_isolate.iter().map(Vec::len).min().unwrap_or(0);
        let mut whole = (0..count).map(|ordinal| {
            let shares: Vec<f64> = by_isolate.iter().map(|windows| rate(windows[ordinal])).collect();
            let at_ns = by_isolate.iter().filter_map(|windows| windows[ordinal].at_ns).max();
            WholeWindow { at_ns, tps: shares.iter().sum(), shares }
        });
        let cold = whole.next().map(|window| window.tps);
        let timed = whole.collect();
        let timed_ns =
            by_isolate.iter().flat_map(|windows| windows.iter().skip(1)).map(|window| window.ns as f64).sum();
        Self { cold, timed, timed_ns }
    }

    /// Ordinal of the first steady window; past the end if there is none.
    fn steady_from(&self, record: &Record) -> usize {
        let rates: Vec<f64> = self.timed.iter().map(|window| window.tps).collect();
        let last_event = record.events.iter().map(|event| event.at_ns).max();
        let in_window = |event: u64| self.timed.iter().position(|window| window.at_ns.is_some_and(|end| end >= event));
        // An event before the end of the first window may well be of the cold pass: nothing to cut.
        let last_event = last_event.and_then(in_window).filter(|window| *window > 0);
        classify_warmup(&rates, last_event, &WarmupOptions::default()).steady_from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(threads: usize, windows: &[(u32, u64, u64)], agreement: Agreement) -> Vec<SampleRow> {
        let names =
            RunNames { run: "r".into(), workload: "w".into(), workload_digest: "d".into(), params: Params::new() };
        let cell = Cell { mode: "vm".into(), executor: "sharded", threads, oversubscribed: false };
        let slot = Slot { block: 0, slot: 0, cell: 0, process: 0, kind: JobKind::Measure };
        let mut record = Record::default();
        for (ordinal, &(isolate, n, ns)) in windows.iter().enumerate() {
            record.windows.push(TimedWindow { isolate, n, ns, at_ns: Some(ordinal as u64 * 1000) });
        }
        let mut maker = RowMaker::new(&names, &cell, &slot);
        maker.measured(&record, agreement);
        maker.into_rows()
    }

    fn tps(rows: &[SampleRow], phase: Phase, isolate: Option<u32>) -> Vec<f64> {
        let of = rows.iter().filter(|r| r.metric == "tps" && r.phase == phase && r.isolate == isolate);
        of.filter_map(|r| r.value).collect()
    }

    #[test]
    fn the_first_window_is_cold_and_the_others_are_judged() {
        let mut windows = vec![(0, 10, 1000)];
        windows.extend([(0, 1000, 1000); 20]);
        let rows = rows_of(1, &windows, Agreement::Agrees(20));
        assert_eq!(tps(&rows, Phase::Cold, None), [1e7]);
        assert_eq!(tps(&rows, Phase::Steady, None), vec![1e9; 20]);
        assert!(rows.iter().any(|r| r.metric == metrics::AGREED_BLOCKS && r.value == Some(20.0)));
    }

    #[test]
    fn the_rates_of_threads_add_up() {
        let windows: Vec<_> = (0..10).flat_map(|_| [(0, 100, 1000), (1, 50, 1000)]).collect();
        let rows = rows_of(2, &windows, Agreement::Unknown);
        assert_eq!(tps(&rows, Phase::Cold, None), [1.5e8]);
        assert!(tps(&rows, Phase::Steady, None).iter().all(|tps| *tps == 1.5e8));
        assert_eq!(tps(&rows, Phase::Steady, Some(1)).len(), 9);
        assert!(rows.iter().all(|r| r.metric != metrics::AGREED));
    }

    #[test]
    fn too_few_windows_are_all_warm_up() {
        let rows = rows_of(1, &[(0, 1, 1), (0, 1, 1), (0, 1, 1)], Agreement::Differs);
        assert_eq!(tps(&rows, Phase::Warmup, None).len(), 2);
        assert!(rows.iter().any(|r| r.metric == metrics::AGREED && r.value == Some(0.0)));
    }

    #[test]
    fn a_process_that_said_nothing_gives_no_figures() {
        assert!(rows_of(1, &[], Agreement::Unknown).is_empty());
    }
}
