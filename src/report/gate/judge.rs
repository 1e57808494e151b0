//! Three verdicts, and when each is given.
//!
//! A cell is looked at after so many pairs as its design says. At a look, the repeated confidence interval of head
//! against base is set beside the effective floor: the user's, or 1.5 times what base against base shows, whichever is
//! larger. The whole interval beyond the floor is a candidate for `fail`, which a second stage of as many fresh pairs
//! must reproduce; the whole interval on this side of the floor is `pass`; anything else needs more pairs, and is
//! `inconclusive` when there are no more to be had. A floor raised to more than twice the user's lets nothing pass.

use serde::Serialize;

use super::super::metrics;
use super::super::numbers::number;
use super::design::{Design, PAIRS_A_BLOCK};
use super::observe::{Block, CellObservations, Observations};
use crate::stats::{
    Interval, Spending, geometric_mean_interval, hodges_lehmann, look_confidences, mean_interval, welch_interval,
};

/// Confidence of intervals that are looked at once.
const CONFIDENCE: f64 = 0.95;
/// A floor that the null arm has raised further than this many times the user's lets nothing pass: a machine that sees
/// nothing must not say that nothing is there.
const FLOOR_RAISED_MOST: f64 = 2.0;
/// A stored base or a fresh head of fewer processes than this gives no verdict.
const LEAST_STORED: usize = 3;

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No loss beyond the floor.
    Pass,
    /// Nothing can be said.
    Inconclusive,
    /// A loss beyond the floor, reproduced.
    Fail,
}

impl Verdict {
    /// As in the last line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// A change as a fraction of the base: -0.02 is 2% less.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "as stats::Interval")]
pub struct Change {
    pub estimate: f64,
    pub low: f64,
    pub high: f64,
}

impl From<Interval> for Change {
    fn from(log: Interval) -> Self {
        Self { estimate: log.estimate.exp_m1(), low: log.low.exp_m1(), high: log.high.exp_m1() }
    }
}

impl Change {
    /// The end that is further from no change.
    fn extent(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }

    /// Wholly further from no change than `floor`, on either side.
    fn is_beyond(self, floor: f64) -> bool {
        self.high < -floor || self.low > floor
    }
}

/// The verdict of one cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellVerdict {
    /// `token/vm/1`.
    pub cell: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether more pairs could change it.
    pub decided: bool,
    /// Pairs that the interval is made of.
    pub pairs: u32,
    /// Head against base, with the repeated confidence interval.
    pub change: Option<Change>,
    /// Hodges-Lehmann over the same pairs, at 95%.
    pub cross_check: Option<Change>,
    /// Base against base, at 95%.
    pub null: Option<Change>,
    /// The effective floor.
    pub floor: f64,
    /// The second stage, if there was one.
    pub confirmation: Option<Change>,
    /// Processes that gave a figure.
    pub processes: u32,
    /// Of these, without steady state.
    pub unsteady: u32,
    /// Why, where it needs saying.
    pub reasons: Vec<String>,
}

/// What else was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Gas of a fixed piece of work.
    Gas,
    /// Output and results of it.
    Output,
    /// VM operations, allocations, bytecode.
    Counters,
    /// The workload's work was not the reference's.
    Soundness,
    /// A process crashed or failed.
    Processes,
}

/// The result of a comparison without noise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What was compared.
    pub kind: CheckKind,
    /// Whether a difference decides the gate.
    pub gated: bool,
    /// Whether there is none.
    pub passed: bool,
    /// What differs, or that nothing does.
    pub detail: String,
}

/// The verdict of a gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateVerdict {
    /// Over all cells and checks.
    pub verdict: Verdict,
    /// It decides nothing.
    pub advisory: bool,
    /// By cell.
    pub cells: Vec<CellVerdict>,
    /// Geometric mean of the cells' changes, at 95%.
    pub mean: Option<Change>,
    /// The control: the fixed loop against itself, at 95%.
    pub control: Option<Change>,
    /// Gas, output, counters, soundness.
    pub checks: Vec<Check>,
    /// The user's floor.
    pub floor: f64,
    /// Why nothing was measured, if so.
    pub unmeasured: Option<String>,
}

impl GateVerdict {
    /// Whether all cells are decided.
    pub fn is_decided(&self) -> bool {
        self.cells.iter().all(|cell| cell.decided)
    }

    /// The cell that says most against the head: by verdict, then by estimate.
    pub fn worst(&self) -> Option<&CellVerdict> {
        let estimate = |cell: &CellVerdict| cell.change.map_or(f64::INFINITY, |change| change.estimate);
        self.cells.iter().min_by(|a, b| b.verdict.cmp(&a.verdict).then(estimate(a).total_cmp(&estimate(b))))
    }
}

/// The confidence of the interval at each look of a design.
pub fn confidences(design: &Design) -> Vec<f64> {
    look_confidences(design.alpha, &design.looks, Spending::Pocock).unwrap_or_default()
}

/// Judges what was observed by the rules that were laid down.
pub fn judge(design: &Design, observations: &Observations) -> GateVerdict {
    let confidences = confidences(design);
    let cells: Vec<CellVerdict> = observations
        .cells
        .iter()
        .map(|(key, cell)| judge_cell(design, &confidences, &key.name(), cell, &observations.control))
        .collect();
    let checks = checks(design, observations);
    let of_cells = cells.iter().map(|cell| cell.verdict).max();
    let of_checks = checks.iter().filter(|check| check.gated && !check.passed).map(|_| Verdict::Fail).max();
    let unmeasured = design.unmeasured.clone();
    let nothing = if unmeasured.is_some() { Verdict::Pass } else { Verdict::Inconclusive };
    let units: Vec<Vec<f64>> = observations.cells.values().map(|cell| units(&cell.blocks, |b| b.head)).collect();
    let units: Vec<&[f64]> = units.iter().map(Vec::as_slice).collect();
    GateVerdict {
        verdict: of_cells.max(of_checks).unwrap_or(nothing),
        advisory: design.advisory,
        cells,
        mean: geometric_mean_interval(&units, CONFIDENCE).map(Change::from),
        control: control_until(&observations.control, u32::MAX),
        checks,
        floor: design.floor,
        unmeasured,
    }
}

/// The unit is the block: see [`crate::stats::block_means`].
fn units(blocks: &[Block], of: impl Fn(&Block) -> [f64; 2]) -> Vec<f64> {
    blocks.iter().map(|block| of(block).iter().sum::<f64>() / f64::from(PAIRS_A_BLOCK)).collect()
}

fn control_until(control: &[(u32, f64)], block: u32) -> Option<Change> {
    let values: Vec<f64> = control.iter().filter(|(number, _)| *number <= block).map(|(_, ratio)| *ratio).collect();
    mean_interval(&values, CONFIDENCE).map(Change::from)
}

/// Some blocks, read at one confidence.
struct Reading {
    change: Change,
    cross_check: Option<Change>,
    null: Change,
    floor: f64,
    /// Why this reading can decide nothing.
    trips: Vec<String>,
}

impl Reading {
    fn of(design: &Design, blocks: &[Block], confidence: f64, control: &[(u32, f64)]) -> Option<Self> {
        let change = Change::from(mean_interval(&units(blocks, |block| block.head), confidence)?);
        let null = Change::from(mean_interval(&units(blocks, |block| block.null), CONFIDENCE)?);
        let pairs: Vec<f64> = blocks.iter().flat_map(|block| block.head).collect();
        let cross_check = hodges_lehmann(&pairs, CONFIDENCE).map(Change::from);
        let floor = design.floor.max(design.null_factor * null.extent());
        let mut trips = Vec::new();
        if null.is_beyond(design.floor) {
            trips.push(format!("the null arm (base against base) shows a difference: {}", percent(null.estimate)));
        }
        let last = blocks.last().map_or(u32::MAX, |block| block.number);
        if let Some(control) = control_until(control, last).filter(|control| control.is_beyond(design.floor)) {
            trips.push(format!("the control (a fixed native loop) shows a difference: {}", percent(control.estimate)));
        }
        let side = |estimate: f64| estimate < -floor;
        if let Some(other) = cross_check.filter(|other| side(other.estimate) != side(change.estimate))
            && (change.high < -floor || change.low > -floor)
        {
            trips.push(format!(
                "mean and Hodges-Lehmann disagree: {} and {}",
                percent(change.estimate),
                percent(other.estimate)
            ));
        }
        Some(Self { change, cross_check, null, floor, trips })
    }

    fn is_loss(&self) -> bool {
        self.change.high < -self.floor
    }
}

/// `-1.2%`.
pub(super) fn percent(fraction: f64) -> String {
    let text = format!("{:+.1}%", fraction * 100.0);
    if text == "-0.0%" { "+0.0%".into() } else { text }
}

/// Judges one cell; `confidences` are those of [`confidences`], which take longer to compute than all the rest.
pub fn judge_cell(
    design: &Design,
    confidences: &[f64],
    name: &str,
    cell: &CellObservations,
    control: &[(u32, f64)],
) -> CellVerdict {
    let mut verdict = CellVerdict {
        cell: name.to_owned(),
        verdict: Verdict::Inconclusive,
        decided: false,
        pairs: 0,
        change: None,
        cross_check: None,
        null: None,
        floor: design.floor,
        confirmation: None,
        processes: cell.processes,
        unsteady: cell.unsteady,
        reasons: Vec::new(),
    };
    if design.stored_base {
        judge_stored(design, cell, &mut verdict);
    } else {
        judge_paired(design, confidences, cell, control, &mut verdict);
    }
    // A noisy figure is no reason to pass nor to fail.
    if cell.unsteady * 2 >= cell.processes && cell.processes > 0 && verdict.verdict != Verdict::Inconclusive {
        verdict.verdict = Verdict::Inconclusive;
        verdict.reasons.push(format!("{} of {} processes had no steady state", cell.unsteady, cell.processes));
    }
    verdict
}

fn judge_paired(
    design: &Design,
    confidences: &[f64],
    cell: &CellObservations,
    control: &[(u32, f64)],
    verdict: &mut CellVerdict,
) {
    for (&look, &confidence) in design.looks.iter().zip(confidences) {
        let count = (look / PAIRS_A_BLOCK) as usize;
        let Some(first) = cell.blocks.get(..count) else {
            let pairs = cell.blocks.len() as u32 * PAIRS_A_BLOCK;
            verdict.reasons.push(format!("it ended after {pairs} of the {look} pairs of the next look"));
            return;
        };
        let Some(reading) = Reading::of(design, first, confidence, control) else {
            verdict.reasons.push(format!("{look} pairs give no interval: at least 4 are needed"));
            continue;
        };
        verdict.take(&reading, look);
        if !reading.trips.is_empty() {
            continue;
        }
        if reading.is_loss() {
            confirm(design, &cell.blocks[count..], count, control, verdict);
            return;
        }
        if reading.floor > FLOOR_RAISED_MOST * design.floor {
            verdict.reasons = vec![format!(
                "the null arm raises the floor to {}: too far to pass by it",
                percent(reading.floor).trim_start_matches('+')
            )];
            continue;
        }
        if reading.change.low > -reading.floor {
            verdict.verdict = Verdict::Pass;
            verdict.decided = true;
            return;
        }
        verdict.reasons = vec![format!("the interval holds the floor after {look} pairs")];
    }
    verdict.decided = true;
}

impl CellVerdict {
    fn take(&mut self, reading: &Reading, pairs: u32) {
        self.pairs = pairs;
        self.change = Some(reading.change);
        self.cross_check = reading.cross_check;
        self.null = Some(reading.null);
        self.floor = reading.floor;
        self.reasons.clone_from(&reading.trips);
    }
}

/// The second stage: as many fresh blocks, looked at once.
fn confirm(design: &Design, fresh: &[Block], count: usize, control: &[(u32, f64)], verdict: &mut CellVerdict) {
    let Some(second) = fresh.get(..count) else {
        verdict.reasons.push(format!(
            "a loss, not yet reproduced: it ended after {} of the {} pairs of the second stage",
            fresh.len() as u32 * PAIRS_A_BLOCK,
            count as u32 * PAIRS_A_BLOCK,
        ));
        return;
    };
    verdict.decided = true;
    let Some(again) = Reading::of(design, second, CONFIDENCE, control) else { return };
    verdict.confirmation = Some(again.change);
    if again.is_loss() && again.trips.is_empty() {
        verdict.verdict = Verdict::Fail;
        return;
    }
    verdict.reasons.push(format!("a loss that the second stage did not reproduce: {}", percent(again.change.estimate)));
    verdict.reasons.extend(again.trips);
}

/// Two groups of processes from different times.
fn judge_stored(design: &Design, cell: &CellObservations, verdict: &mut CellVerdict) {
    let fewest = cell.base.len().min(cell.head.len());
    let due = design.looks.first().copied().unwrap_or_default() as usize;
    verdict.decided = cell.head.len() >= due;
    verdict.pairs = fewest as u32;
    if fewest < LEAST_STORED {
        verdict.reasons.push(format!(
            "{} stored and {} fresh processes: at least {LEAST_STORED} of each are needed",
            cell.base.len(),
            cell.head.len()
        ));
        return;
    }
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
    let Some(interval) = welch_interval(&logs(&cell.base), &logs(&cell.head), CONFIDENCE) else { return };
    let change = Change::from(interval);
    verdict.change = Some(change);
    verdict.reasons.push("nothing is paired: base and head were measured at different times".into());
    if change.high < -design.floor {
        verdict.verdict = Verdict::Fail;
    } else if change.low > -design.floor {
        verdict.verdict = Verdict::Pass;
    } else {
        verdict.reasons.push("the interval holds the floor".into());
    }
}

fn checks(design: &Design, observations: &Observations) -> Vec<Check> {
    let mut checks = Vec::new();
    let unsound = |count: fn(&CellObservations) -> u32, what: &str| {
        let cells = observations.cells.iter().filter(|(_, cell)| count(cell) > 0);
        let said = cells.map(|(key, cell)| format!("{}: {} processes {what}", key.name(), count(cell)));
        said.collect::<Vec<_>>().join("; ")
    };
    for (kind, detail) in [
        (CheckKind::Soundness, unsound(|cell| cell.wrong, "wrong")),
        (CheckKind::Processes, unsound(|cell| cell.failed, "failed")),
    ] {
        if !detail.is_empty() {
            checks.push(Check { kind, gated: true, passed: false, detail });
        }
    }
    if !observations.counted.is_empty() {
        checks.push(check_counted(CheckKind::Gas, design.gas_equal, observations, |metric| {
            metric == metrics::COUNTED_GAS
        }));
        checks.push(check_counted(CheckKind::Counters, false, observations, |metric| metric != metrics::COUNTED_GAS));
    }
    if !observations.same_output.is_empty() {
        let other: Vec<&str> =
            observations.same_output.iter().filter(|(_, same)| !**same).map(|(cell, _)| &**cell).collect();
        let detail = if other.is_empty() { "equal".to_owned() } else { format!("differs in {}", other.join(", ")) };
        checks.push(Check { kind: CheckKind::Output, gated: design.same_output, passed: other.is_empty(), detail });
    }
    checks
}

fn check_counted(kind: CheckKind, gated: bool, observations: &Observations, is_of: impl Fn(&str) -> bool) -> Check {
    let differing: Vec<String> = observations
        .counted
        .iter()
        .filter(|counted| is_of(&counted.metric) && counted.base != counted.head)
        .map(|counted| {
            let (base, head) = (counted.base, counted.head);
            let change = if base > 0.0 { format!(" ({})", percent(head / base - 1.0)) } else { String::new() };
            format!("{} {}: {} -> {}{change}", counted.cell, counted.metric, number(base), number(head))
        })
        .collect();
    let detail = if differing.is_empty() { "equal".to_owned() } else { differing.join("; ") };
    Check { kind, gated, passed: differing.is_empty(), detail }
}
