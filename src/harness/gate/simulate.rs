//! The gate's statistics on invented noise, where the truth is known: how often the intervals hold it, how often the
//! gate raises a false alarm, how often it finds a loss of 5%.

use std::fmt::Write as _;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StudentT};

use crate::report::gate::Verdict;
use crate::report::gate::design::Design;
use crate::report::gate::judge::{confidences, judge_cell};
use crate::report::gate::observe::{Block, CellObservations};
use crate::stats::{block_means, clopper_pearson, hodges_lehmann, mean_interval};

/// Standard deviation of one process's logarithm.
const NOISE: f64 = 0.01;
/// The loss that power is stated for.
const LOSS: f64 = 0.05;
/// Processes of a block: three arms and their mirror.
const SLOTS: usize = 6;
/// What 95% may become.
const LEAST_COVERAGE: f64 = 0.92;
const INDEPENDENT_WITHIN: f64 = 0.015;

/// How processes disturb one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Independent,
    Drift,
    RandomWalk,
    Autocorrelated,
    StronglyAutocorrelated,
    Periodic,
    Spikes,
    HeavyTails,
}

const SCENARIOS: [(Scenario, &str); 8] = [
    (Scenario::Independent, "independent, normal, 1%"),
    (Scenario::Drift, "drift, 0.1% a process"),
    (Scenario::RandomWalk, "random walk, 0.5% a process"),
    (Scenario::Autocorrelated, "autocorrelation 0.5"),
    (Scenario::StronglyAutocorrelated, "autocorrelation 0.9"),
    (Scenario::Periodic, "slow phases, 2%, three processes in six"),
    (Scenario::Spikes, "spikes, 1 in 10 loses 10% to 50%"),
    (Scenario::HeavyTails, "heavy tails, t with 2 degrees"),
];

impl Scenario {
    /// Logarithms of the speed of consecutive processes without any effect.
    fn series(self, count: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
        let tails = StudentT::new(2.0).ok();
        let mut state: f64 = StandardNormal.sample(random);
        (0..count)
            .map(|at| {
                let normal: f64 = StandardNormal.sample(random);
                let mut follow = |share: f64| {
                    state = share * state + (1.0 - share * share).sqrt() * normal;
                    state * NOISE
                };
                match self {
                    Self::Drift => NOISE * normal - 0.001 * at as f64,
                    Self::RandomWalk => {
                        state += normal;
                        state * 0.005
                    }
                    Self::Autocorrelated => follow(0.5),
                    Self::StronglyAutocorrelated => follow(0.9),
                    Self::Periodic => NOISE * normal - if at % 6 < 3 { 0.02 } else { 0.0 },
                    Self::Spikes if random.random_bool(0.1) => NOISE * normal - random.random_range(0.1..0.5),
                    Self::Independent | Self::Spikes => NOISE * normal,
                    Self::HeavyTails => NOISE * tails.map_or(normal, |tails| tails.sample(random)),
                }
            })
            .collect()
    }
}

/// Blocks as a gate measures them, with a true effect on the head.
fn blocks(scenario: Scenario, count: usize, effect: f64, random: &mut ChaCha8Rng) -> Vec<Block> {
    blocks_of(&scenario.series(count * SLOTS, random), effect, random)
}

fn blocks_of(series: &[f64], effect: f64, random: &mut ChaCha8Rng) -> Vec<Block> {
    let one = |(number, logs): (usize, &[f64])| {
        let mut arms = [0, 1, 2]; // base, null, head
        arms.shuffle(random);
        let of = |arm: usize| {
            let at = arms.iter().position(|each| *each == arm).unwrap_or_default();
            [logs[at], logs[SLOTS - 1 - at]]
        };
        let (base, null, head) = (of(0), of(1), of(2));
        Block {
            number: number as u32,
            head: [head[0] - base[0] + effect, head[1] - base[1] + effect],
            null: [null[0] - base[0], null[1] - base[1]],
        }
    };
    series.chunks_exact(SLOTS).enumerate().map(one).collect()
}

/// What one scenario showed, as shares of the experiments.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The scenario in words.
    pub scenario: &'static str,
    /// Coverage of the 95% interval over blocks after 10, 20 and 40 pairs.
    pub coverage: [f64; 3],
    /// Share in which the intervals of all three looks hold the truth.
    pub all_looks: f64,
    /// Coverage after 40 pairs if each pair were taken as independent.
    pub by_pairs: f64,
    /// Coverage of the Hodges-Lehmann interval after 40 pairs.
    pub hodges_lehmann: f64,
    /// Share of gates over equal versions that fail.
    pub false_alarms: f64,
    /// Share of gates over a loss of 5% that fail.
    pub power: f64,
}

/// The table of a simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Experiments a scenario.
    pub experiments: u32,
    /// By scenario.
    pub rows: Vec<Row>,
}

/// Runs so many experiments of every scenario.
pub fn simulate(experiments: u32, seed: u64) -> Table {
    let design = Design::new(10, 40, 0.02);
    let levels = confidences(&design);
    let row = |&(scenario, text): &(Scenario, &'static str)| {
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ (scenario as u64) << 32);
        let mut counts = Counts::default();
        for _ in 0..experiments {
            let found = blocks(scenario, 20, -0.03, &mut random);
            counts.take(&found, -0.03, &levels);
            counts.false_alarms += u32::from(fails(&design, &levels, blocks(scenario, 40, 0.0, &mut random)));
            let loss = (-LOSS).ln_1p();
            counts.found += u32::from(fails(&design, &levels, blocks(scenario, 40, loss, &mut random)));
        }
        counts.row(text, experiments)
    };
    Table { experiments, rows: SCENARIOS.iter().map(row).collect() }
}

/// Losses of throughput that are tried lie below this.
const LOSS_MOST: f64 = 0.5;
/// Gates that a loss is tried on: enough to know 80% to three points.
const GATES: u64 = 200;
/// A loss is detectable if so many of them fail.
pub(super) const POWER: f64 = 0.8;

/// The smallest loss of throughput that gates of a design detect in 80% of trials where processes have independent
/// normal noise of so much in their logarithms, found to 0.1 points. `None` if not even half of it all is detected.
/// The same invented noise is used for every loss, so a larger one is never harder to see.
pub fn smallest_detected(design: &Design, noise: f64) -> Option<f64> {
    let levels = confidences(design);
    let blocks = design.most_pairs() as usize; // enough for the first stage and as many again
    let found = |loss: f64| {
        let failed = (0..GATES).filter(|&gate| {
            let mut random = ChaCha8Rng::seed_from_u64(gate);
            let series = Scenario::Independent.series(blocks * SLOTS, &mut random);
            let series: Vec<f64> = series.into_iter().map(|log| log / NOISE * noise).collect();
            fails(design, &levels, blocks_of(&series, (-loss).ln_1p(), &mut random))
        });
        failed.count() as f64 / GATES as f64
    };
    if found(LOSS_MOST) < POWER {
        return None;
    }
    let (mut low, mut high) = (0.0, LOSS_MOST);
    while high - low > 0.0005 {
        let middle = f64::midpoint(low, high);
        if found(middle) < POWER { low = middle } else { high = middle }
    }
    Some(high)
}

fn fails(design: &Design, levels: &[f64], blocks: Vec<Block>) -> bool {
    let cell = CellObservations { blocks, processes: 1, ..CellObservations::default() };
    judge_cell(design, levels, "simulated", &cell, &[]).verdict == Verdict::Fail
}

#[derive(Default)]
struct Counts {
    covered: [u32; 3],
    all_looks: u32,
    by_pairs: u32,
    hodges_lehmann: u32,
    false_alarms: u32,
    found: u32,
}

impl Counts {
    fn take(&mut self, blocks: &[Block], truth: f64, levels: &[f64]) {
        let pairs: Vec<f64> = blocks.iter().flat_map(|block| block.head).collect();
        let units = block_means(&pairs, 2);
        let holds = |values: &[f64], confidence: f64| {
            mean_interval(values, confidence).is_some_and(|i| i.low <= truth && truth <= i.high)
        };
        let mut all = true;
        for (look, (count, level)) in [5, 10, 20].into_iter().zip(levels).enumerate() {
            self.covered[look] += u32::from(holds(&units[..count], 0.95));
            all &= holds(&units[..count], *level);
        }
        self.all_looks += u32::from(all);
        self.by_pairs += u32::from(holds(&pairs, 0.95));
        let rank = hodges_lehmann(&pairs, 0.95).is_some_and(|i| i.low <= truth && truth <= i.high);
        self.hodges_lehmann += u32::from(rank);
    }

    fn row(&self, scenario: &'static str, experiments: u32) -> Row {
        let share = |count: u32| f64::from(count) / f64::from(experiments.max(1));
        Row {
            scenario,
            coverage: self.covered.map(share),
            all_looks: share(self.all_looks),
            by_pairs: share(self.by_pairs),
            hodges_lehmann: share(self.hodges_lehmann),
            false_alarms: share(self.false_alarms),
            power: share(self.found),
        }
    }
}

impl Table {
    /// What the statistics owe and do not keep.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (row, (scenario, _)) in self.rows.iter().zip(SCENARIOS) {
            for share in row.coverage.into_iter().chain([row.all_looks]) {
                let shown = format!("{}: {:.1}%", row.scenario, share * 100.0);
                if share < LEAST_COVERAGE {
                    faults.push(format!("{shown} is under {:.0}%", LEAST_COVERAGE * 100.0));
                }
                if scenario == Scenario::Independent && (share - 0.95).abs() > INDEPENDENT_WITHIN {
                    faults.push(format!("{shown} is further than 1.5 points from 95%"));
                }
            }
        }
        faults
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| noise | 10 pairs | 20 | 40 | all looks | 40, by pairs | 40, Hodges-Lehmann | false alarms | finds 5% |\n|---|---|---|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let shares = [row.coverage[0], row.coverage[1], row.coverage[2], row.all_looks, row.by_pairs];
            let shares = shares.into_iter().chain([row.hodges_lehmann, row.false_alarms, row.power]);
            let cells: Vec<String> = shares.map(|share| format!("{:.1}%", share * 100.0)).collect();
            let _ = writeln!(text, "| {} | {} |", row.scenario, cells.join(" | ")); // a String takes anything
        }
        let trials = u64::from(self.experiments);
        if let Some(interval) = clopper_pearson(trials * 95 / 100, trials, 0.95) {
            let half = (interval.high - interval.low) / 2.0 * 100.0;
            let _ = writeln!(text, "\n{trials} experiments a row: a share near 95% is known to {half:.1} points.");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fewer experiments than the command makes, so the bounds are those of the command with room for chance.
    #[test]
    fn intervals_hold_in_every_scenario() {
        let table = simulate(600, 1);
        for row in &table.rows {
            assert!(row.coverage.iter().all(|share| *share > 0.90), "{row:?}");
            assert!(row.all_looks > 0.90, "{row:?}");
            assert!(row.false_alarms < 0.02, "{row:?}");
        }
        assert!(table.rows[0].power > 0.9, "{:?}", table.rows[0]);
        assert!((table.rows[0].coverage[2] - 0.95).abs() < 0.03, "{:?}", table.rows[0]);
        assert_eq!(table, simulate(600, 1), "seeded");
        assert_eq!(table.markdown().lines().count(), 2 + SCENARIOS.len() + 2);
    }

    /// With five blocks at least, the interval of a quiet machine ends near its floor, and noise moves the smallest
    /// loss in proportion where there is no floor.
    #[test]
    fn more_noise_hides_more() {
        let at = |noise: f64, floor: f64| smallest_detected(&Design::new(10, 40, floor), noise);
        let (quiet, loud) = (at(0.005, 0.0).expect("seen"), at(0.02, 0.0).expect("seen"));
        assert!((0.003..0.02).contains(&quiet) && (3.0..5.0).contains(&(loud / quiet)), "{quiet} {loud}");
        let floored = at(0.005, 0.02).expect("seen");
        assert!((0.02..0.04).contains(&floored), "nothing below the floor fails a gate: {floored}");
        assert_eq!(at(2.0, 0.0), None);
        assert!(at(0.0, 0.02).is_some_and(|loss| (loss - 0.02).abs() < 0.002));
    }

    #[test]
    fn a_broken_promise_is_told() {
        let mut table = simulate(10, 1);
        table.rows[0].coverage = [0.80, 0.97, 0.95];
        table.rows[0].all_looks = 0.95;
        assert!(table.faults().iter().any(|fault| fault.contains("80.0% is under 92%")));
        assert!(table.faults().iter().any(|fault| fault.contains("97.0% is further")));
    }
}
