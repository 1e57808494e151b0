//! The ledger of costs: what a transaction takes, and how much less in engines that do without one thing each.
//!
//! [`measure`] runs fresh processes of all arms in turn, [`CostLedger::of`] is a pure function of what they gave. Arms
//! that do without something compute something else: they are never compared with a reference, and no command but
//! `ledger` makes them.

use std::path::Path;
use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::super::engines::Doer;
use super::super::job::{Cost, Job, JobKind};
use super::super::outcome::Stop;
use super::super::workload::Form;
use super::Settings;
use super::self_test::figure;
use super::session::{Lengths, cell_of, job, judge_process, refer};
use super::sides::Side;
use crate::stats::{mean_interval, median};

/// Confidence of the intervals.
const CONFIDENCE: f64 = 0.95;
/// A process that has not ended its work by then is interrupted.
const LIMIT_MS: u64 = 30_000;
/// Windows of a process.
const WINDOW_NS: u64 = 5_000_000;
/// The records, and the table.
const SAMPLES: &str = "cost-samples.csv";
const COSTS: &str = "costs.csv";

/// An engine of the series.
#[derive(Debug, Clone, Copy)]
struct Arm {
    name: &'static str,
    mode: &'static str,
    dropped: &'static [Cost],
}

/// The whole engine in the VM and in native code, then native code without one thing each, then without all of them.
const ARMS: [Arm; 7] = [
    Arm { name: "vm", mode: "vm", dropped: &[] },
    Arm { name: "native", mode: "native", dropped: &[] },
    Arm { name: "overflow checks", mode: "native", dropped: &[Cost::OverflowChecks] },
    Arm { name: "gas", mode: "native", dropped: &[Cost::Gas] },
    Arm { name: "journal", mode: "native", dropped: &[Cost::Journal] },
    Arm { name: "receipt", mode: "native", dropped: &[Cost::Receipt] },
    Arm { name: "all", mode: "native", dropped: &[Cost::OverflowChecks, Cost::Gas, Cost::Journal, Cost::Receipt] },
];
const VM: usize = 0;
const NATIVE: usize = 1;
const ALL: usize = ARMS.len() - 1;
const RECEIPT: usize = ALL - 1;

/// One process, as it stands in the records.
#[derive(Debug, Clone, Serialize)]
struct Sample {
    round: u32,
    slot: usize,
    arm: &'static str,
    mode: &'static str,
    /// What the engine did without; empty for a real one.
    dropped: String,
    /// Passes or blocks that equal the reference; none for an engine that does without something.
    agreed: Option<u64>,
    ns_per_tx: f64,
    steady: bool,
}

/// What one part of a transaction costs, nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostRow {
    /// Its name.
    pub cost: &'static str,
    /// How it was had.
    pub how: &'static str,
    /// Median over the rounds; none if no round was whole.
    pub ns: Option<f64>,
    /// 95% interval of the mean over the rounds; none for a remainder, or for fewer than three rounds.
    pub low: Option<f64>,
    /// See `low`.
    pub high: Option<f64>,
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostLedger {
    /// From the first part of a stacked bar to the last; together what the VM takes.
    pub parts: Vec<CostRow>,
    /// The whole in the VM and in native code, and native code without everything that can be dropped.
    pub wholes: Vec<CostRow>,
    /// Rounds in which every arm gave a figure.
    pub rounds: usize,
}

impl CostLedger {
    /// From rounds of nanoseconds a transaction, one an arm; an arm that does not apply has none in any of them.
    fn of(rounds: &[Vec<Option<f64>>]) -> Self {
        let over = |of: &dyn Fn(&[Option<f64>]) -> Option<f64>| -> Vec<f64> {
            rounds.iter().filter_map(|round| of(round)).collect()
        };
        let row = |cost, how, values: &[f64]| {
            let interval = mean_interval(values, CONFIDENCE).filter(|_| values.len() > 2);
            let (low, high) = (interval.map(|found| found.low), interval.map(|found| found.high));
            CostRow { cost, how, ns: median(values), low, high }
        };
        let less = |more: usize, arm: usize| over(&|round| Some(round[more]? - round[arm]?));
        let dropped: Vec<CostRow> = (NATIVE + 1..ALL)
            .map(|arm| row(ARMS[arm].name, "dropped", &less(NATIVE, arm)))
            .filter(|row| row.ns.is_some())
            .collect();
        let native = row("native code", "measured", &over(&|round| round[NATIVE]));
        let known: f64 = dropped.iter().filter_map(|row| row.ns).sum();
        let rest = native.ns.map(|ns| ns - known);
        let rest = CostRow { cost: "finds, arithmetic, calls", how: "remainder", ns: rest, low: None, high: None };
        let dispatch = row("dispatch", "VM less native code", &less(VM, NATIVE));
        let wholes = vec![
            row("VM", "measured", &over(&|round| round[VM])),
            native,
            row("native code without all of them", "dropped", &over(&|round| round[ALL])),
        ];
        let parts = std::iter::once(rest).chain(dropped).chain([dispatch]).collect();
        Self { parts, wholes, rounds: rounds.len() }
    }
}

/// Measures so many rounds of processes of `process_ms`, and writes records and table to `folder`. What was measured
/// before Ctrl-C is kept.
pub fn measure(
    side: &Side,
    folder: &Path,
    rounds: u32,
    process_ms: u64,
    settings: &Settings<'_>,
) -> Result<CostLedger, Stop> {
    let lengths = Lengths { process_ms, window_ns: WINDOW_NS, limit_ms: LIMIT_MS };
    let reference = refer(side, "head", lengths, settings)?;
    let path = folder.join(SAMPLES);
    let cannot = |e: csv::Error| Stop::failed(format!("cannot write {}: {e}", path.display()));
    let mut writer = csv::Writer::from_path(&path).map_err(cannot)?;
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut whole = Vec::new();
    'rounds: for round in 0..rounds {
        let mut order: Vec<usize> = (0..ARMS.len()).collect();
        order.retain(|arm| *arm != RECEIPT || side.workload.form == Form::Block);
        order.shuffle(&mut random);
        let mut figures = vec![None; ARMS.len()];
        for (slot, arm) in order.into_iter().enumerate() {
            let Arm { name, mode, dropped } = ARMS[arm];
            let cell = cell_of(side, mode.to_owned());
            let usual = job(JobKind::Measure, side, &cell, lengths, &reference);
            let record = Doer::Own(&side.program).run(&Job { dropped: dropped.to_vec(), ..usual }, settings.stop);
            if settings.stop.load(std::sync::atomic::Ordering::Relaxed) {
                break 'rounds; // Relaxed: the flag is the whole message
            }
            if dropped.is_empty() {
                judge_process(&record, &reference)
                    .map_err(|(exit, said)| Stop { exit, message: format!("{name}: {said}") })?;
            } else if let Some(error) = &record.error {
                let said = error.describe(Duration::from_millis(LIMIT_MS));
                return Err(Stop { exit: error.exit(), message: format!("without {name}: {said}") });
            }
            let figure = figure(&cell, &record).ok_or_else(|| Stop::failed("a process gave no windows"))?;
            let ns_per_tx = 1e9 / figure.tps;
            figures[arm] = Some(ns_per_tx);
            let agreed = dropped.is_empty().then_some(record.links.len() as u64);
            let dropped = dropped.iter().map(|cost| format!("{cost:?}")).collect::<Vec<_>>().join("+");
            let steady = figure.is_steady;
            writer
                .serialize(Sample { round, slot, arm: name, mode, dropped, agreed, ns_per_tx, steady })
                .map_err(cannot)?;
        }
        writer.flush().map_err(|e| cannot(e.into()))?;
        whole.push(figures);
    }
    let ledger = CostLedger::of(&whole);
    write(folder, &ledger)?;
    Ok(ledger)
}

fn write(folder: &Path, ledger: &CostLedger) -> Result<(), Stop> {
    let path = folder.join(COSTS);
    let cannot = |e: csv::Error| Stop::failed(format!("cannot write {}: {e}", path.display()));
    let mut writer = csv::Writer::from_path(&path).map_err(cannot)?;
    for row in ledger.parts.iter().chain(&ledger.wholes) {
        writer.serialize(row).map_err(cannot)?;
    }
    writer.flush().map_err(|e| cannot(e.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_whole_and_what_was_not_measured_is_left_out() {
        let round = |shift: f64| {
            let arms = [50.0, 10.0, 9.0, 8.0, 7.0];
            let mut round: Vec<_> = arms.map(|ns| Some(ns + shift)).into();
            round.extend([None, Some(4.5 + shift)]);
            round
        };
        let ledger = CostLedger::of(&[round(0.0), round(1.0), round(-1.0)]);
        let found: Vec<_> = ledger.parts.iter().map(|row| (row.cost, row.ns)).collect();
        let wanted = [("overflow checks", 1.0), ("gas", 2.0), ("journal", 3.0), ("dispatch", 40.0)];
        assert_eq!(found[0], ("finds, arithmetic, calls", Some(4.0)));
        assert_eq!(found[1..], wanted.map(|(cost, ns)| (cost, Some(ns))));
        assert_eq!(ledger.parts.iter().filter_map(|row| row.ns).sum::<f64>(), ledger.wholes[0].ns.expect("measured"));
        assert_eq!(ledger.parts[1].low, Some(1.0), "paired: what shifts a whole round is no spread");
        assert_eq!(CostLedger::of(&[]).parts[0].ns, None);
    }
}
