//! The smallest difference that this machine can resolve, measured on the spot: pairs of processes of this very
//! binary, which differ in nothing. What they differ by all the same is the noise, and the gate's own rules say what
//! loss they detect through so much of it.

use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::report::gate::Design;
use crate::report::gate::design::PAIRS_A_BLOCK;
use crate::stats::{block_means, standard_deviation};

use super::gate;
use super::gate::self_test::{Figure, LENGTHS, figure};
use super::gate::simulate::smallest_detected;
use super::job::{Job, JobKind};
use super::outcome::Stop;
use super::parameters::{Overrides, Parameters};
use super::plan::Cell;
use super::process::{Record, run_job};
use super::workload;

/// Pairs, unless told otherwise: as many as a gate begins with.
pub const PAIRS: u32 = 10;
/// Most pairs.
pub const PAIRS_MAX: u32 = 200;

/// A short cell: calls, arithmetic and map writes.
const CELL: &str = "\
// Moves money between two accounts.
config.bench_iterations = 2000
let balances = {\"a\": 0, \"b\": 0}
action transfer(from, to, amount) {
    balances[from] = balances[from] - amount
    balances[to] = balances[to] + amount
}
let i = 0
while i < config.bench_iterations {
    transfer(\"a\", \"b\", 1)
    i = i + 1
}
";
const MODE: &str = "vm";
const TX_PER_PASS: u64 = 2000;
/// Floors of a gate that are tried; the usual one is among them. One far below the noise costs power: what looks like
/// a loss at the first look is not seen again in the second stage.
const FLOORS: [f64; 6] = [0.0025, 0.005, 0.01, gate::FLOOR, 0.04, 0.08];

/// What pairs of equal processes differ by, and what a gate can see through it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resolution {
    /// Pairs that were measured.
    pub pairs: u32,
    /// Standard deviation of the means of two pairs each, in logarithms: the gate's unit.
    pub block_deviation: f64,
    /// Smallest loss that 80% of gates of the usual size detect, with the floor that suits this noise best. None if
    /// not even a loss of half is detected.
    pub smallest: Option<f64>,
    /// That floor.
    pub floor: f64,
    /// The smallest loss with the floor that a gate has unless told otherwise.
    pub smallest_at_usual_floor: Option<f64>,
    /// Processes without steady state.
    pub unsteady: u32,
    /// How long measuring it took, seconds.
    pub took_s: f64,
}

impl Resolution {
    /// From one log-ratio a pair; none for fewer than four pairs. The mean of two pairs has as much noise as one
    /// process: each is a difference of two, and there are two of them.
    pub fn of(log_ratios: &[f64], unsteady: u32, took_s: f64) -> Option<Self> {
        let units = block_means(log_ratios, PAIRS_A_BLOCK as usize);
        let block_deviation = standard_deviation(&units)?;
        let at = |floor: f64| smallest_detected(&Design::new(gate::PAIRS, gate::MAX_PAIRS, floor), block_deviation);
        let tried: Vec<(f64, Option<f64>)> = FLOORS.into_iter().map(|floor| (floor, at(floor))).collect();
        let loss = |found: &(f64, Option<f64>)| found.1.unwrap_or(f64::INFINITY);
        let (floor, smallest) = tried.iter().copied().min_by(|a, b| loss(a).total_cmp(&loss(b)))?;
        let usual = tried.iter().find(|(floor, _)| *floor == gate::FLOOR);
        Some(Self {
            pairs: units.len() as u32 * PAIRS_A_BLOCK,
            block_deviation,
            smallest,
            floor,
            smallest_at_usual_floor: usual.and_then(|found| found.1),
            unsteady,
            took_s,
        })
    }
}

/// Measures pairs in the order A B B A, so that a drift of the machine cancels. None if `stop` was
/// set before four pairs were there.
pub fn measure(program: &Path, pairs: u32, stop: &AtomicBool) -> Result<Option<Resolution>, Stop> {
    let begin = Instant::now();
    let folder = tempfile::tempdir().map_err(|e| Stop::failed(format!("cannot make a scratch folder: {e}")))?;
    let path = folder.path().join("pair.zx");
    let written = std::fs::File::create(&path).and_then(|mut file| file.write_all(CELL.as_bytes()));
    written.map_err(|e| Stop::failed(format!("cannot write {}: {e}", path.display())))?;
    let loaded = workload::load(&path)?;
    let job = Job {
        kind: JobKind::Measure,
        parameters: Parameters::resolve(&loaded, &Overrides::default())?,
        workload_digest: loaded.digest,
        form: loaded.form.into(),
        transaction: loaded.transaction,
        mode: MODE.into(),
        executor: "sharded".into(),
        threads: 1,
        process_ms: LENGTHS.process_ms,
        window_ns: LENGTHS.window_ns,
        limit_ms: LENGTHS.limit_ms,
        digests: 0,
        tx_per_pass: TX_PER_PASS,
        output_chain: false,
        cache: None,
        added: 0.0,
        dropped: Vec::new(),
        explain: None,
        open: None,
        workload: loaded.path,
    };
    let cell = Cell { mode: MODE.into(), executor: "sharded", threads: 1, oversubscribed: false };
    let (mut log_ratios, mut unsteady) = (Vec::new(), 0);
    for pair in 0..pairs {
        let (first, second) = (run_job(program, &job, stop), run_job(program, &job, stop));
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            break; // Relaxed: the flag is the whole message
        }
        let (first, second) = (steady(&cell, &first)?, steady(&cell, &second)?);
        unsteady += [first, second].iter().filter(|figure| !figure.is_steady).count() as u32;
        let ratio = (first.tps / second.tps).ln();
        log_ratios.push(if pair % 2 == 0 { ratio } else { -ratio });
    }
    Ok(Resolution::of(&log_ratios, unsteady, begin.elapsed().as_secs_f64()))
}

/// The process's number, as a gate takes it.
fn steady(cell: &Cell, record: &Record) -> Result<Figure, Stop> {
    if let Some(error) = &record.error {
        return Err(Stop { exit: error.exit(), message: error.describe(Duration::from_millis(LENGTHS.limit_ms)) });
    }
    figure(cell, record).ok_or_else(|| Stop::failed("a process of the noise measurement gave no windows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_gates_block_and_the_floor_counts() {
        let ratios: Vec<f64> = [1.0, -1.0, 3.0, -1.0, -2.0, 0.0, 0.0, 0.0].map(|x| x * 0.01).into();
        // Means of two: 0, 0.01, -0.01, 0.
        let found = Resolution::of(&ratios, 1, 0.0).expect("enough pairs");
        assert!((found.block_deviation - (2e-4_f64 / 3.0).sqrt()).abs() < 1e-12, "{found:?}");
        assert_eq!(found.pairs, 8);
        let (smallest, usual) = (found.smallest.expect("seen"), found.smallest_at_usual_floor.expect("seen"));
        assert!(smallest < 0.04 && usual > gate::FLOOR && usual >= smallest && usual < 0.05, "{found:?}");
        let quiet: Vec<f64> = ratios.iter().map(|ratio| ratio / 10.0).collect();
        let quiet = Resolution::of(&quiet, 0, 0.0).expect("enough pairs");
        assert!(quiet.floor < gate::FLOOR && quiet.smallest.is_some_and(|loss| loss < 0.01), "{quiet:?}");
        assert_eq!(Resolution::of(&ratios[..3], 0, 0.0), None, "one whole block has no spread");
    }
}
