//! How good the gate is on the machine at hand: one long interleaved series of same-build processes and of processes
//! made 5% and 10% longer, and gates formed from it as if each were a gate of its own.
//!
//! [`measure`] makes the series, [`SelfTest::of`] is a pure function of it. Gates take the series' blocks one after
//! another, each as many as it needs to decide, so no two share a process and rates have the exact binomial interval.
//! The control is left out: a gate with it raises fewer alarms, not more.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::super::engines::Doer;
use super::super::folder;
use super::super::job::{Job, JobKind};
use super::super::outcome::{Exit, Stop};
use super::super::plan::{Cell, Slot};
use super::super::process::Record;
use super::super::rows::{Agreement, RowMaker, RunNames};
use super::Settings;
use super::session::{Lengths, cell_of, job, judge_process, refer};
use super::sides::Side;
use super::simulate::POWER;
use crate::report::cells::{Throughput, cells};
use crate::report::gate::design::PAIRS_A_BLOCK;
use crate::report::gate::judge::{confidences, judge_cell};
use crate::report::gate::observe::{Block, CellObservations};
use crate::report::gate::{Design, Verdict};
use crate::stats::clopper_pearson;

/// Time that is added to each head, as a share: none, and what power is stated for.
pub const ADDED: [f64; 3] = [0.0, 0.05, 0.10];
/// Confidence of the intervals of rates.
const CONFIDENCE: f64 = 0.95;
/// Changes that are tried, as losses of throughput.
const STEP: f64 = 0.005;
const STEPS: u32 = 100;
/// A process of the series.
pub(in crate::harness) const LENGTHS: Lengths = Lengths { process_ms: 150, window_ns: 3_000_000, limit_ms: 30_000 };
/// Base, null, and a head for each of [`ADDED`].
const ARMS: usize = 5;

/// What one process gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// Transactions per second.
    pub tps: f64,
    /// Whether it had a steady state.
    pub is_steady: bool,
}

/// One block of the series: two processes of each arm (base, null, heads), in mirrored order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesBlock(pub [[Figure; 2]; ARMS]);

impl SeriesBlock {
    /// As a gate sees it, with one of the heads, made slower by a factor in logarithms.
    fn block(&self, number: usize, head: usize, shift: f64) -> Block {
        let logs = |arm: usize| self.0[arm].map(|figure| figure.tps.ln());
        let (base, null, head) = (logs(0), logs(1), logs(2 + head));
        Block {
            number: number as u32,
            head: [head[0] - base[0] + shift, head[1] - base[1] + shift],
            null: [null[0] - base[0], null[1] - base[1]],
        }
    }

    fn unsteady(&self, head: usize) -> u32 {
        [0, 1, 2 + head].iter().flat_map(|&arm| self.0[arm]).filter(|figure| !figure.is_steady).count() as u32
    }
}

/// A rate and its exact 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "as stats::Interval")]
pub struct Rate {
    pub estimate: f64,
    pub low: f64,
    pub high: f64,
}

/// Gates against one kind of head.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// Time added to the head, as a share.
    pub added: f64,
    /// Gates that came to a decision.
    pub gates: u64,
    /// Of these, `fail`.
    pub failed: u64,
    /// Of these, `inconclusive`.
    pub inconclusive: u64,
    /// Share that failed; none if there were no gates.
    pub rate: Option<Rate>,
}

/// The smallest loss of throughput that the gate detects.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Smallest {
    /// Least loss that 80% of gates detect, as a fraction.
    pub loss: f64,
    /// Least loss whose rate may be 80%.
    pub low: f64,
    /// Least loss whose rate is surely 80%; none if none is.
    pub high: Option<f64>,
}

/// What the series showed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SelfTest {
    /// Blocks measured.
    pub blocks: usize,
    /// By [`ADDED`].
    pub trials: Vec<Trial>,
    /// None if not even a loss of 50% is detected in 80% of gates.
    pub smallest: Option<Smallest>,
    /// The largest share of false alarms that the gate allows itself.
    pub nominal: f64,
}

impl SelfTest {
    /// Forms gates from a series.
    pub fn of(series: &[SeriesBlock], design: &Design) -> Self {
        let levels = confidences(design);
        let trial = |(head, &added): (usize, &f64)| {
            let verdicts = gates(series, head, 0.0, design, &levels);
            let count = |verdict: Verdict| verdicts.iter().filter(|each| **each == verdict).count() as u64;
            let (gates, failed) = (verdicts.len() as u64, count(Verdict::Fail));
            Trial { added, gates, failed, inconclusive: count(Verdict::Inconclusive), rate: rate(failed, gates) }
        };
        Self {
            blocks: series.len(),
            trials: ADDED.iter().enumerate().map(trial).collect(),
            smallest: smallest(series, design, &levels),
            nominal: design.alpha,
        }
    }

    /// What is wrong, if `require` is the loss that must be detectable.
    pub fn faults(&self, require: Option<f64>) -> Vec<String> {
        let mut faults = Vec::new();
        let alarms = self.trials.first().and_then(|trial| trial.rate);
        match alarms {
            None => {
                faults.push("no gate came to a decision: give it a longer --budget, or --pairs 4 --max-pairs 8".into());
            }
            Some(rate) if rate.low > self.nominal => faults.push(format!(
                "the gate raises false alarms: {} of gates between equal builds, at least {}, and {} are allowed",
                percent(rate.estimate),
                percent(rate.low),
                percent(self.nominal)
            )),
            Some(_) => {}
        }
        let Some(smallest) = self.smallest else {
            if alarms.is_some() {
                faults.push("not even a loss of 50% is detected in 80% of gates: this machine is too noisy now".into());
            }
            return faults;
        };
        for trial in &self.trials {
            let loss = loss_of(trial.added);
            if let Some(rate) = trial.rate.filter(|rate| loss >= smallest.loss && rate.high < POWER) {
                faults.push(format!(
                    "a loss of {} should be detected, but processes really made so slow were in {} of gates",
                    percent(loss),
                    percent(rate.estimate)
                ));
            }
        }
        if let Some(require) = require.filter(|require| smallest.loss > *require) {
            faults.push(format!(
                "the smallest loss detected in 80% of gates is {}, not {}: stop what else runs, or raise --max-pairs",
                percent(smallest.loss),
                percent(require)
            ));
        }
        faults
    }

    /// The table.
    pub fn text(&self) -> String {
        let mut text = format!("{} blocks of {} processes\n\n", self.blocks, 2 * ARMS);
        text += "head               gates  fail  rate     95% interval       inconclusive\n";
        for trial in &self.trials {
            let name = match trial.added {
                0.0 => "the same build".to_owned(),
                added => format!("{:.0}% more time", added * 100.0),
            };
            let (rate, interval) = trial.rate.map_or_else(
                || ("-".to_owned(), "-".to_owned()),
                |rate| (percent(rate.estimate), format!("{} to {}", percent(rate.low), percent(rate.high))),
            );
            let Trial { gates, failed, inconclusive, .. } = trial;
            // A String takes anything.
            let _ =
                writeln!(text, "{name:<17}  {gates:>5}  {failed:>4}  {rate:<7}  {interval:<17}  {inconclusive:>12}");
        }
        let smallest = self.smallest.map_or_else(
            || "none up to 50%".to_owned(),
            |smallest| {
                let high = smallest.high.map_or_else(|| "unknown".to_owned(), percent);
                format!("{} (95% interval {} to {high})", percent(smallest.loss), percent(smallest.low))
            },
        );
        let _ = writeln!(text, "\nsmallest loss detected in 80% of gates: {smallest}"); // likewise
        text
    }

    /// The line for machines.
    pub fn last_line(&self, require: Option<f64>) -> String {
        let verdict = if self.faults(require).is_empty() { "pass" } else { "fail" };
        let number = |share: f64| format!("{:.1}", share * 100.0);
        let of = |at: usize| {
            self.trials.get(at).and_then(|trial| trial.rate).map_or_else(
                || "unknown".to_owned(),
                |rate| format!("{}% [{},{}]", number(rate.estimate), number(rate.low), number(rate.high)),
            )
        };
        let smallest = self.smallest.map_or_else(
            || "unknown".to_owned(),
            |found| {
                let high = found.high.map_or_else(|| "unknown".to_owned(), number);
                format!("{}% [{},{high}]", number(found.loss), number(found.low))
            },
        );
        let require = require.map_or_else(String::new, |require| format!(" require={}%", number(require)));
        format!(
            "verdict={verdict} false_alarms={} power_5={} power_10={} smallest={smallest}{require}",
            of(0),
            of(1),
            of(2)
        )
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// Throughput that is lost when so much time is added.
fn loss_of(added: f64) -> f64 {
    added / (1.0 + added)
}

fn rate(hits: u64, trials: u64) -> Option<Rate> {
    let interval = clopper_pearson(hits, trials, CONFIDENCE)?;
    Some(Rate { estimate: interval.estimate, low: interval.low, high: interval.high })
}

/// Gates over consecutive blocks, each from where the last one had decided; one that the series' end cuts short says
/// nothing.
fn gates(series: &[SeriesBlock], head: usize, shift: f64, design: &Design, levels: &[f64]) -> Vec<Verdict> {
    let mut ends: Vec<usize> = design.looks.iter().map(|look| (look / PAIRS_A_BLOCK) as usize).collect();
    // A second stage takes as many blocks again.
    ends.extend(ends.clone().iter().map(|end| end * 2));
    ends.sort_unstable();
    ends.dedup();
    let (mut verdicts, mut from) = (Vec::new(), 0);
    let decide = |from: usize| {
        ends.iter().filter(|end| from + **end <= series.len()).find_map(|&end| {
            let part = &series[from..from + end];
            let cell = CellObservations {
                blocks: part.iter().enumerate().map(|(number, each)| each.block(number, head, shift)).collect(),
                processes: end as u32 * 6,
                unsteady: part.iter().map(|each| each.unsteady(head)).sum(),
                ..CellObservations::default()
            };
            let judged = judge_cell(design, levels, "self-test", &cell, &[]);
            judged.decided.then_some((judged.verdict, end))
        })
    };
    while let Some((verdict, end)) = decide(from) {
        verdicts.push(verdict);
        from += end;
    }
    verdicts
}

/// Losses are tried on the same-build head: a factor on throughput is a shift of its logarithm.
fn smallest(series: &[SeriesBlock], design: &Design, levels: &[f64]) -> Option<Smallest> {
    let tried: Vec<(f64, Rate)> = (1..=STEPS)
        .filter_map(|step| {
            let loss = f64::from(step) * STEP;
            let verdicts = gates(series, 0, (-loss).ln_1p(), design, levels);
            let failed = verdicts.iter().filter(|verdict| **verdict == Verdict::Fail).count();
            Some((loss, rate(failed as u64, verdicts.len() as u64)?))
        })
        .collect();
    // From the least loss on, every larger one is detected too.
    let least = |of: fn(&Rate) -> f64| {
        let beyond = tried.iter().rposition(|(_, rate)| of(rate) < POWER).map_or(0, |at| at + 1);
        tried.get(beyond).map(|(loss, _)| *loss)
    };
    let loss = least(|rate| rate.estimate)?;
    Some(Smallest { loss, low: least(|rate| rate.high)?, high: least(|rate| rate.low) })
}

/// A row of `self-test.csv`.
#[derive(Serialize)]
struct Row {
    block: usize,
    slot: usize,
    arm: &'static str,
    added: f64,
    tps: f64,
    steady: bool,
}

/// Measures a series for as long as the settings say, and writes it to `folder`. What was measured before Ctrl-C is
/// kept and judged.
pub fn measure(side: &Side, mode: String, folder: &Path, settings: &Settings<'_>) -> Result<Vec<SeriesBlock>, Stop> {
    let cell = cell_of(side, mode);
    let begin = Instant::now();
    let reference = refer(side, "head", LENGTHS, settings)?;
    let path = folder.join("self-test.csv");
    let cannot = |e: csv::Error| Stop::failed(format!("cannot write {}: {e}", path.display()));
    let mut rows = csv::Writer::from_path(&path).map_err(cannot)?;
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut series = Vec::new();
    while begin.elapsed() < settings.max_time {
        let mut order: Vec<usize> = (0..ARMS).collect();
        order.shuffle(&mut random);
        order.extend(order.clone().into_iter().rev());
        let mut figures: [Vec<Figure>; ARMS] = Default::default();
        for (slot, arm) in order.into_iter().enumerate() {
            let added = arm.checked_sub(2).map_or(0.0, |head| ADDED[head]);
            let job = Job { added, ..job(JobKind::Measure, side, &cell, LENGTHS, &reference) };
            let record = Doer::Own(&side.program).run(&job, settings.stop);
            if let Err((exit, said)) = judge_process(&record, &reference) {
                if exit == Exit::Interrupted {
                    return Ok(series);
                }
                return Err(Stop { exit, message: format!("{}: {said}", cell.describe()) });
            }
            let figure = figure(&cell, &record).ok_or_else(|| Stop::failed("a process gave no windows"))?;
            figures[arm].push(figure);
            let arm = ["base", "null", "same", "plus5", "plus10"][arm];
            let row = Row { block: series.len(), slot, arm, added, tps: figure.tps, steady: figure.is_steady };
            rows.serialize(row).map_err(cannot)?;
        }
        rows.flush().map_err(|e| cannot(e.into()))?;
        let whole = figures.map(<[Figure; 2]>::try_from);
        let [Ok(base), Ok(null), Ok(same), Ok(plus5), Ok(plus10)] = whole else { continue };
        series.push(SeriesBlock([base, null, same, plus5, plus10]));
        if settings.verbose {
            tellln!("block {} after {} s", series.len(), begin.elapsed().as_secs());
        }
    }
    Ok(series)
}

/// The figure that a gate would take of a process.
pub(in crate::harness) fn figure(cell: &Cell, record: &Record) -> Option<Figure> {
    let names = RunNames {
        run: String::new(),
        workload: String::new(),
        workload_digest: String::new(),
        params: crate::report::records::Params::new(),
    };
    let slot = Slot { block: 0, slot: 0, cell: 0, process: 0, kind: JobKind::Measure };
    let mut maker = RowMaker::new(&names, cell, &slot);
    maker.measured(record, Agreement::Unknown);
    let found = cells(&maker.into_rows());
    let Throughput { tps, steady } =
        found.into_values().flat_map(|cell| cell.processes.into_values()).find_map(|process| process.throughput())?;
    (tps > 0.0).then_some(Figure { tps, is_steady: steady })
}

/// Writes the result beside the series.
pub fn write(folder: &Path, found: &SelfTest) -> Result<(), Stop> {
    folder::write_json(folder, "self-test.json", found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, StandardNormal};

    /// A series whose processes have so much noise, and whose heads lose what was added, times a factor.
    fn series(blocks: usize, noise: f64, factor: f64, same: f64) -> Vec<SeriesBlock> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut figure = |loss: f64| {
            let normal: f64 = StandardNormal.sample(&mut random);
            Figure { tps: 1e6 * (noise * normal - loss).exp(), is_steady: true }
        };
        let mut block = || {
            SeriesBlock(
                [0.0, 0.0, same, factor * 1.05_f64.ln(), factor * 1.1_f64.ln()]
                    .map(|loss| [figure(loss), figure(loss)]),
            )
        };
        (0..blocks).map(|_| block()).collect()
    }

    fn tested(noise: f64, factor: f64, same: f64) -> SelfTest {
        SelfTest::of(&series(600, noise, factor, same), &Design::new(10, 40, 0.02))
    }

    #[test]
    fn a_quiet_machine_passes_and_finds_five_percent() {
        let found = tested(0.005, 1.0, 0.0);
        assert_eq!(found.faults(Some(0.05)), Vec::<String>::new(), "{found:?}");
        let [same, five, ten] = &found.trials[..] else { panic!("three") };
        assert!(same.gates > 50 && same.failed == 0, "{same:?}");
        assert!(five.rate.is_some_and(|rate| rate.low > 0.8), "{five:?}");
        assert_eq!(ten.failed, ten.gates);
        let smallest = found.smallest.expect("one");
        assert!(
            smallest.low <= smallest.loss && smallest.high.is_some_and(|high| high >= smallest.loss),
            "{smallest:?}"
        );
        assert!((0.02..0.05).contains(&smallest.loss), "beyond the floor, below 5%: {smallest:?}");
        assert!(found.last_line(Some(0.05)).starts_with("verdict=pass false_alarms=0.0% [0.0,"));
        assert!(found.text().contains("smallest loss detected in 80% of gates"));
    }

    #[test]
    fn a_noisy_machine_is_unfit_for_what_is_required() {
        let found = tested(0.05, 1.0, 0.0);
        let faults = found.faults(Some(0.05));
        assert!(faults.iter().any(|fault| fault.contains("not 5.0%") || fault.contains("too noisy")), "{faults:?}");
        assert!(found.last_line(Some(0.05)).starts_with("verdict=fail"));
    }

    #[test]
    fn false_alarms_are_found_out() {
        // The head is slower although nothing was added: every gate fails, and that is told.
        let faults = tested(0.005, 1.0, 0.06).faults(None);
        assert!(faults.iter().any(|fault| fault.contains("false alarms")), "{faults:?}");
    }

    #[test]
    fn a_loss_that_does_not_arrive_is_found_out() {
        // 5% and 10% were asked for and nothing came: the stated smallest change is not detected.
        let faults = tested(0.005, 0.0, 0.0).faults(None);
        assert!(faults.iter().any(|fault| fault.contains("really made so slow")), "{faults:?}");
    }

    #[test]
    fn gates_share_no_process_and_a_short_series_says_nothing() {
        let design = Design::new(10, 40, 0.02);
        let levels = confidences(&design);
        let all = series(100, 0.002, 1.0, 0.0);
        // Each needs five blocks to pass, ten to fail twice.
        assert_eq!(gates(&all, 0, 0.0, &design, &levels).len(), 20);
        assert_eq!(gates(&all, 2, 0.0, &design, &levels).len(), 10);
        let short = SelfTest::of(&all[..4], &design);
        assert_eq!((short.trials[0].rate, short.smallest), (None, None));
        assert!(short.faults(None)[0].contains("longer --budget"));
        assert!(short.last_line(None).contains("smallest=unknown"));
    }
}
