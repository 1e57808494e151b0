//! From rows to blocked pairs of log-ratios.

use std::collections::{BTreeMap, BTreeSet};

use super::super::cells::{CellKey, Process};
use super::super::metrics;
use super::super::records::{Arm, Phase, SampleRow};
use crate::stats::log_ratio;

/// The workload of the control cell's rows.
pub const CONTROL: &str = "control";

/// One complete block: the mean of its two log-ratios for each comparison. Head and null are measured against the
/// same base processes.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Its number in the session, the same for all cells of a round.
    pub number: u32,
    /// Head against base, each pair of the block.
    pub head: [f64; 2],
    /// Base against base, likewise.
    pub null: [f64; 2],
}

/// What a cell's processes gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CellObservations {
    /// Complete blocks, in order.
    pub blocks: Vec<Block>,
    /// Figures of the base arm and the head arm, where nothing is paired.
    pub base: Vec<f64>,
    /// See `base`.
    pub head: Vec<f64>,
    /// Processes that gave a figure.
    pub processes: u32,
    /// Of these, without steady state.
    pub unsteady: u32,
    /// Processes that failed.
    pub failed: u32,
    /// Processes that were compared with their reference and differ.
    pub wrong: u32,
}

/// A number that was counted for a fixed piece of work, in the base and in the head.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// The cell.
    pub cell: String,
    /// The metric.
    pub metric: String,
    /// In the base.
    pub base: f64,
    /// In the head.
    pub head: f64,
}

/// Everything a verdict is made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observations {
    /// By cell.
    pub cells: BTreeMap<CellKey, CellObservations>,
    /// The control: block number, and the block's mean log-ratio.
    pub control: Vec<(u32, f64)>,
    /// Deterministic counters of both arms.
    pub counted: Vec<Counted>,
    /// Whether the head's output was the base's, by cell name.
    pub same_output: BTreeMap<String, bool>,
}

/// One process, as its rows tell it.
struct Seen {
    arm: Arm,
    block: u32,
    slot: u32,
    process: Process,
    is_count: bool,
}

const COUNTED: [&str; 4] =
    [metrics::COUNTED_GAS, metrics::VM_OPERATIONS, metrics::ALLOCATIONS, metrics::BYTECODE_BYTES];

/// The few rows of processes that [`observe`] makes the same of as of all of them: the windows of a process become one
/// with its figure. So what a gate keeps in memory does not grow with the windows that it measures.
pub fn condensed(samples: &[SampleRow]) -> Vec<SampleRow> {
    let mut processes: BTreeMap<(CellKey, u32), Vec<&SampleRow>> = BTreeMap::new();
    for row in samples {
        processes.entry((CellKey::of(row), row.process)).or_default().push(row);
    }
    let mut kept = Vec::new();
    for rows in processes.values() {
        let before = kept.len();
        let mut process = Process::default();
        for row in rows {
            process.take(row);
        }
        if let Some(figure) = process.throughput() {
            let phase = if figure.steady { Phase::Steady } else { Phase::Warmup };
            let one = |row: &&&SampleRow| row.metric == metrics::TPS;
            kept.extend(rows.iter().find(one).map(|row| SampleRow {
                phase,
                isolate: None,
                window: Some(0),
                at_ns: None,
                value: Some(figure.tps),
                ..(**row).clone()
            }));
        }
        let tells = |metric: &str| {
            COUNTED.contains(&metric) || [metrics::SAME_OUTPUT, metrics::FAILED, metrics::AGREED].contains(&metric)
        };
        kept.extend(rows.iter().filter(|row| tells(&row.metric)).map(|row| (*row).clone()));
        if kept.len() == before {
            // It was there, and gave nothing: its block is not whole.
            kept.extend(rows.first().map(|row| (*row).clone()));
        }
    }
    kept
}

/// Sorts the rows of a gate's folder.
pub fn observe(samples: &[SampleRow]) -> Observations {
    let mut seen: BTreeMap<CellKey, BTreeMap<u32, Seen>> = BTreeMap::new();
    for row in samples.iter().filter(|row| row.arm != Arm::Single) {
        let of_cell = seen.entry(CellKey::of(row)).or_default();
        let process = of_cell.entry(row.process).or_insert_with(|| Seen {
            arm: row.arm,
            block: row.block.unwrap_or_default(),
            slot: row.slot.unwrap_or_default(),
            process: Process::default(),
            is_count: false,
        });
        process.is_count |= COUNTED.contains(&row.metric.as_str()) || row.metric == metrics::SAME_OUTPUT;
        process.process.take(row);
    }
    let mut observations = Observations::default();
    for (key, processes) in &seen {
        let is_control = processes.values().all(|seen| seen.arm == Arm::Control);
        let (counts, timed): (Vec<&Seen>, Vec<&Seen>) = processes.values().partition(|seen| seen.is_count);
        if is_control {
            observations.control = control_of(&timed);
            continue;
        }
        observations.take_counts(key, &counts);
        if !timed.is_empty() {
            observations.cells.insert(key.clone(), cell_of(&timed));
        }
    }
    observations
}

impl Observations {
    fn take_counts(&mut self, key: &CellKey, counts: &[&Seen]) {
        let value = |arm: Arm, metric: &str| {
            let of_arm = counts.iter().filter(|seen| seen.arm == arm);
            of_arm.filter_map(|seen| seen.process.value_of_any_phase(metric)).next_back()
        };
        for metric in COUNTED {
            let (base, head) = (value(Arm::Base, metric), value(Arm::Head, metric));
            if let (Some(base), Some(head)) = (base, head) {
                self.counted.push(Counted { cell: key.name(), metric: metric.into(), base, head });
            }
        }
        if let Some(same) = value(Arm::Head, metrics::SAME_OUTPUT) {
            self.same_output.insert(key.name(), same == 1.0);
        }
    }
}

fn cell_of(timed: &[&Seen]) -> CellObservations {
    let mut cell = CellObservations::default();
    let mut blocks: BTreeMap<u32, Vec<(Arm, u32, f64)>> = BTreeMap::new();
    let mut broken = BTreeSet::new();
    for seen in timed {
        cell.failed += u32::from(seen.process.failed());
        cell.wrong += u32::from(seen.process.agreed() == Some(false));
        let is_sound = !seen.process.failed() && seen.process.agreed() != Some(false);
        let Some(figure) = seen.process.throughput().filter(|_| is_sound) else {
            broken.insert(seen.block);
            continue;
        };
        cell.processes += 1;
        cell.unsteady += u32::from(!figure.steady);
        match seen.arm {
            Arm::Base => cell.base.push(figure.tps),
            Arm::Head => cell.head.push(figure.tps),
            Arm::Null | Arm::Control | Arm::Single => {}
        }
        blocks.entry(seen.block).or_default().push((seen.arm, seen.slot, figure.tps));
    }
    let whole = blocks.into_iter().filter(|(number, _)| !broken.contains(number));
    cell.blocks = whole.filter_map(|(number, figures)| block_of(number, figures)).collect();
    cell
}

/// A block is complete when each arm has its two processes; the first of each belongs to the first pair.
fn block_of(number: u32, mut figures: Vec<(Arm, u32, f64)>) -> Option<Block> {
    figures.sort_by_key(|(_, slot, _)| *slot);
    let of = |arm: Arm| {
        let found: Vec<f64> = figures.iter().filter(|figure| figure.0 == arm).map(|figure| figure.2).collect();
        <[f64; 2]>::try_from(found).ok()
    };
    let (base, head, null) = (of(Arm::Base)?, of(Arm::Head)?, of(Arm::Null)?);
    let ratios = |other: [f64; 2]| Some([log_ratio(base[0], other[0])?, log_ratio(base[1], other[1])?]);
    Some(Block { number, head: ratios(head)?, null: ratios(null)? })
}

/// The control's blocks are A B B A of one and the same loop.
fn control_of(timed: &[&Seen]) -> Vec<(u32, f64)> {
    let mut blocks: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
    for seen in timed {
        if let Some(figure) = seen.process.throughput() {
            blocks.entry(seen.block).or_default().push((seen.slot, figure.tps));
        }
    }
    let ratio = |mut figures: Vec<(u32, f64)>| {
        figures.sort_by_key(|(slot, _)| *slot);
        let [a, b, c, d] = <[f64; 4]>::try_from(figures.into_iter().map(|f| f.1).collect::<Vec<_>>()).ok()?;
        Some(f64::midpoint(log_ratio(a, b)?, log_ratio(d, c)?))
    };
    blocks.into_iter().filter_map(|(number, figures)| Some((number, ratio(figures)?))).collect()
}
