//! Sample rows by cell and process: the shape that summaries and charts start from.

use std::collections::BTreeMap;

use super::metrics;
use super::records::{Arm, Params, Phase, SampleRow};
use crate::stats::median;

/// What a cell is: a workload with its parameters in one mode, executor and thread count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the columns of summary.csv, which documents them")]
pub struct CellKey {
    pub workload: String,
    pub params: Params,
    pub executor: String,
    pub threads: u32,
    pub mode: String,
}

/// The processes of a cell, by their ordinal.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// Never pooled: a process is one independent number.
    pub processes: BTreeMap<u32, Process>,
}

/// One window of timed transactions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// `warmup` or `steady`.
    pub phase: Phase,
    /// Its end, since the process's first transaction.
    pub at_ns: Option<u64>,
    /// Committed transactions per second.
    pub tps: f64,
}

/// What one process gave.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// By isolate, `None` being the whole process, then by ordinal.
    windows: BTreeMap<Option<u32>, BTreeMap<u32, Window>>,
    values: BTreeMap<(Phase, String), BTreeMap<Option<u32>, f64>>,
}

/// A process's throughput, and whether it was steady.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throughput {
    /// Median of the windows that count.
    pub tps: f64,
    /// Whether those are its steady windows, or all it has.
    pub steady: bool,
}

/// Sorts rows into cells. Rows of the arms `base`, `null` and `control` belong to a comparison,
/// not to a summary, and are left out. Where a killed and resumed run measured a process twice,
/// the later rows stand.
pub fn cells(samples: &[SampleRow]) -> BTreeMap<CellKey, Cell> {
    let mut cells: BTreeMap<CellKey, Cell> = BTreeMap::new();
    for row in samples.iter().filter(|row| matches!(row.arm, Arm::Single | Arm::Head)) {
        let cell = cells.entry(CellKey::of(row)).or_default();
        cell.processes.entry(row.process).or_default().take(row);
    }
    cells
}

impl CellKey {
    /// The cell that a row belongs to.
    pub fn of(row: &SampleRow) -> Self {
        Self {
            workload: row.workload.clone(),
            params: row.params.clone(),
            executor: row.executor.clone(),
            threads: row.threads,
            mode: row.mode.clone(),
        }
    }

    /// `token/vm/2`, as the verdict line has it.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.workload, self.mode, self.threads)
    }
}

impl Process {
    /// Takes one of the process's rows.
    pub(super) fn take(&mut self, row: &SampleRow) {
        let Some(value) = row.value.filter(|v| v.is_finite()) else {
            return;
        };
        let timed = matches!(row.phase, Phase::Warmup | Phase::Steady);
        if timed && row.metric == metrics::TPS {
            let windows = self.windows.entry(row.isolate).or_default();
            let ordinal = row.window.unwrap_or(windows.len() as u32);
            if ordinal == 0 {
                windows.clear();
            }
            windows.insert(ordinal, Window { phase: row.phase, at_ns: row.at_ns, tps: value });
        } else {
            let values = self.values.entry((row.phase, row.metric.clone())).or_default();
            values.insert(row.isolate, value);
        }
    }

    /// A figure of the process: its own row if it has one, else its isolates' rows together: the
    /// longest of the cold-start times, the sum of everything else.
    pub fn value(&self, phase: Phase, metric: &str) -> Option<f64> {
        let values = self.values.get(&(phase, metric.to_owned()))?;
        if let Some(whole) = values.get(&None) {
            return Some(*whole);
        }
        if phase == Phase::Cold && metric.ends_with("_ns") {
            return values.values().copied().reduce(f64::max);
        }
        Some(values.values().sum())
    }

    /// A figure that is looked for in every phase; the first found, in the order of phases.
    pub fn value_of_any_phase(&self, metric: &str) -> Option<f64> {
        let mut phases = self.values.keys().filter(|(_, name)| name == metric);
        phases.next().and_then(|(phase, _)| self.value(*phase, metric))
    }

    /// The windows of the whole process in time order; without any, those of its isolates.
    pub fn window_series(&self) -> Vec<Vec<Window>> {
        let series = |of: &BTreeMap<u32, Window>| of.values().copied().collect();
        match self.windows.get(&None) {
            Some(whole) => vec![series(whole)],
            None => self.windows.values().map(series).collect(),
        }
    }

    /// The process's number: the median of its steady windows (summed over isolates), or of all
    /// windows when it has no steady state. `None` when it has no windows.
    pub fn throughput(&self) -> Option<Throughput> {
        let series = self.window_series();
        let steady = !series.is_empty() && series.iter().all(|s| s.iter().any(|w| w.phase == Phase::Steady));
        let of = |windows: &Vec<Window>| {
            let counted = windows.iter().filter(|w| !steady || w.phase == Phase::Steady);
            median(&counted.map(|w| w.tps).collect::<Vec<_>>())
        };
        let parts: Option<Vec<f64>> = series.iter().map(of).collect();
        let tps = parts.filter(|parts| !parts.is_empty())?.iter().sum();
        Some(Throughput { tps, steady })
    }

    /// Whether its digests were the reference's; `None` when they were not compared.
    pub fn agreed(&self) -> Option<bool> {
        self.value_of_any_phase(metrics::AGREED).map(|flag| flag == 1.0)
    }

    /// Whether it ended without giving its numbers.
    pub fn failed(&self) -> bool {
        self.value_of_any_phase(metrics::FAILED).is_some_and(|flag| flag != 0.0)
    }
}
