//! The regression gate: two versions measured alternately, and a verdict.
//!
//! [`sides`] finds or builds the two versions, [`session`] measures them, [`counters`] counts without timing,
//! [`stored`] measures against a folder, [`self_test`] tries the gate on this machine, [`costs`] measures
//! what parts of a transaction cost, [`lengths`] what native code costs and saves in short and long runs, [`simulate`] tries the statistics on invented noise. Verdicts are made by
//! [`crate::report::gate`] from the records alone. This room must never time a base that is being built.

pub mod costs;
pub mod counters;
pub mod lengths;
pub mod self_test;
pub mod session;
pub mod sides;
pub mod simulate;
pub mod stored;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::engine::Mode;
use crate::report::gate::{CheckKind, Design, GateVerdict, Verdict};

use super::outcome::Exit;

/// Pairs at the first look, unless told otherwise.
pub const PAIRS: u32 = 10;
/// Pairs at the last look.
pub const MAX_PAIRS: u32 = 40;
/// What a gate may take.
pub const MAX_TIME: Duration = Duration::from_mins(10);
/// Losses below this are of no interest.
pub const FLOOR: f64 = 0.02;
/// What is gated when nothing is named.
pub const WORKLOADS: [&str; 2] = ["transfer", "token"];
/// In which modes.
pub const MODES: [Mode; 2] = [Mode::Vm, Mode::Adaptive];

/// What a gate measures with.
#[derive(Debug)]
pub struct Settings<'a> {
    /// Modes of the cells.
    pub modes: Vec<Mode>,
    /// The rules.
    pub design: Design,
    /// What it may take.
    pub max_time: Duration,
    /// Seed of the order.
    pub seed: u64,
    /// Write here instead of a new folder in `reports/`.
    pub out: Option<PathBuf>,
    /// No progress.
    pub quiet: bool,
    /// Say each process.
    pub verbose: bool,
    /// The command line, for `env.json`.
    pub argv: Vec<String>,
    /// Set by Ctrl-C.
    pub stop: &'a AtomicBool,
}

/// How a gate ended.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: GateVerdict,
    /// A reason to end otherwise than by the verdict.
    pub exit: Exit,
    /// Where the records are.
    pub folder: PathBuf,
    /// What went wrong.
    pub problems: Vec<String>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// The exit status that a verdict leads to.
pub fn exit_of(verdict: &GateVerdict, inconclusive_fails: bool) -> Exit {
    let failed =
        |kind: CheckKind| verdict.checks.iter().any(|check| check.kind == kind && check.gated && !check.passed);
    if verdict.advisory {
        return Exit::Pass;
    }
    if failed(CheckKind::Output) || failed(CheckKind::Soundness) {
        return Exit::Wrong;
    }
    if failed(CheckKind::Processes) {
        return Exit::Failed;
    }
    match verdict.verdict {
        Verdict::Fail => Exit::Regression,
        Verdict::Inconclusive if inconclusive_fails => Exit::Inconclusive,
        Verdict::Pass | Verdict::Inconclusive => Exit::Pass,
    }
}

/// Reads `tps=2%` or `2%`.
pub fn parse_floor(text: &str) -> Result<f64, String> {
    let (metric, value) = text.split_once('=').unwrap_or(("tps", text));
    if metric != "tps" {
        return Err(format!("`{metric}` has no floor: the gate decides by tps, as in --floor tps=2%"));
    }
    parse_percent(value)
}

/// Reads `5%` as 0.05.
pub fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    let fits = number.filter(|number| (0.1..=50.0).contains(number));
    fits.map(|number| number / 100.0).ok_or_else(|| format!("`{text}` is not a share from 0.1% to 50%, as in 2%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors() {
        assert_eq!(parse_floor("tps=2%"), Ok(0.02));
        assert_eq!(parse_floor("1.5%"), Ok(0.015));
        assert!(parse_floor("p99=2%").expect_err("refused").contains("tps=2%"));
        for bad in ["", "tps=", "tps=0%", "90%", "-2%", "x%"] {
            assert!(parse_floor(bad).is_err(), "{bad}");
        }
    }
}
