//! The smallest difference that this machine can resolve, measured on the spot: pairs of processes
//! of this very binary, which differ in nothing.

use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::stats::{median, t_quantile};

use super::job::{Job, JobKind};
use super::outcome::Stop;
use super::parameters::{Overrides, Parameters};
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
const PROCESS_MS: u64 = 150;
const WINDOW_NS: u64 = 5_000_000;
const LIMIT_MS: u64 = 20_000;

/// What pairs of equal processes differ by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resolution {
    /// Pairs that were measured.
    pub pairs: u32,
    /// Standard deviation of the pairs' log-ratios: the noise of one comparison.
    pub pair_deviation: f64,
    /// Difference that so many pairs detect in 80% of trials at 5% false alarms (paired t-test).
    pub smallest: f64,
    /// The same with four times the pairs.
    pub smallest_of_four_times: f64,
    /// How long measuring it took, seconds.
    pub took_s: f64,
}

impl Resolution {
    /// From one log-ratio a pair; none for fewer than three.
    pub fn of(log_ratios: &[f64], took_s: f64) -> Option<Self> {
        let n = log_ratios.len();
        if n < 3 {
            return None;
        }
        let mean = log_ratios.iter().sum::<f64>() / n as f64;
        let squares: f64 = log_ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum();
        let pair_deviation = (squares / (n - 1) as f64).sqrt();
        Some(Self {
            pairs: n as u32,
            pair_deviation,
            smallest: detectable(pair_deviation, n as u32)?,
            smallest_of_four_times: detectable(pair_deviation, 4 * n as u32)?,
            took_s,
        })
    }
}

/// Smallest detectable difference of a paired t-test: (t(0.975) + t(0.8)) s / sqrt(n), as a share.
/// Source: the usual sample-size formula, as in Chow, Shao, Wang, "Sample Size Calculations in
/// Clinical Research", 3.1, solved for the difference.
fn detectable(deviation: f64, pairs: u32) -> Option<f64> {
    // Two-sided 95% and 60% leave 2.5% and 20% in the upper tail.
    let (alarm, power) = (t_quantile(0.95, pairs - 1)?, t_quantile(0.6, pairs - 1)?);
    Some(((alarm + power) * deviation / f64::from(pairs).sqrt()).exp_m1())
}

/// Measures pairs in the order A B B A, so that a drift of the machine cancels. None if `stop` was
/// set before three pairs were there.
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
        process_ms: PROCESS_MS,
        window_ns: WINDOW_NS,
        limit_ms: LIMIT_MS,
        digests: 0,
        tx_per_pass: 2000,
        output_chain: false,
        cache: None,
        added: 0.0,
        open: None,
        workload: loaded.path,
    };
    let mut log_ratios = Vec::new();
    for pair in 0..pairs {
        let (first, second) = (run_job(program, &job, stop), run_job(program, &job, stop));
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            break; // Relaxed: the flag is the whole message
        }
        let (first, second) = (figure(&first)?, figure(&second)?);
        let ratio = (first / second).ln();
        log_ratios.push(if pair % 2 == 0 { ratio } else { -ratio });
    }
    Ok(Resolution::of(&log_ratios, begin.elapsed().as_secs_f64()))
}

/// The process's number: the median of its windows but the first.
fn figure(record: &Record) -> Result<f64, Stop> {
    if let Some(error) = &record.error {
        return Err(Stop { exit: error.exit(), message: error.describe(Duration::from_millis(LIMIT_MS)) });
    }
    let rates: Vec<f64> = record.windows.iter().skip(1).map(|window| window.n as f64 / window.ns as f64).collect();
    median(&rates)
        .filter(|rate| *rate > 0.0)
        .ok_or_else(|| Stop::failed("a process of the noise measurement gave no windows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_noise_hides_more_and_more_pairs_show_more() {
        let ratios = |spread: f64| -> Vec<f64> { [1.0, -1.0, 0.5, -0.5, 0.2, -0.2].map(|x| x * spread).into() };
        let quiet = Resolution::of(&ratios(0.01), 0.0).expect("enough pairs");
        let loud = Resolution::of(&ratios(0.10), 0.0).expect("enough pairs");
        assert!(quiet.smallest < 0.02 && loud.smallest > 0.08, "{quiet:?} {loud:?}");
        assert!(loud.smallest_of_four_times < loud.smallest / 1.9);
        assert_eq!(Resolution::of(&[0.0, 0.1], 0.0), None);
        assert_eq!(Resolution::of(&[0.0; 5], 0.0).map(|r| r.smallest), Some(0.0));
    }

    #[test]
    fn the_formula_gives_the_textbook_value() {
        // n = 10, s = 0.02: (2.2622 + 0.8834) 0.02 / sqrt(10) = 0.019895 in logarithms.
        let smallest = detectable(0.02, 10).expect("degrees of freedom");
        assert!((smallest - 0.019_895_f64.exp_m1()).abs() < 1e-5, "{smallest}");
    }
}
