//! Native code on against off: fresh processes of `adaptive` that make so many transactions, with the tier and without.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::job::{Cost, Job, JobKind};
use super::super::outcome::Stop;
use super::super::parameters::{Overrides, Parameters};
use super::super::process::run_job;
use super::super::protocol::counter;
use super::super::workload::{Form, Workload};
use super::Settings;
use super::session::{Lengths, Reference, cell_of, head_program, job};
use super::sides::Side;
use crate::stats::median;

/// Transactions of a block, unless a run is shorter.
const BLOCK: u64 = 1_000;
/// A process that has not ended its work by then is interrupted.
const LIMIT_MS: u64 = 60_000;
/// Runs of a length are left out if the next one would take longer.
const LONGEST: Duration = Duration::from_secs(20);

/// One length of one workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LengthRow {
    /// The workload.
    pub workload: String,
    /// Transactions, or iterations, of a run.
    pub length: u64,
    /// Pairs that were measured.
    pub pairs: usize,
    /// With native code, nanoseconds a run: the median.
    pub on_ns: Option<f64>,
    /// Without it.
    pub off_ns: Option<f64>,
    /// The median of the pairs' ratios, on by off: above 1 native code loses. Empty where the length was left out.
    pub ratio: Option<f64>,
    /// The smallest and the largest of them.
    pub ratio_min: Option<f64>,
    /// See `ratio_min`.
    pub ratio_max: Option<f64>,
}

/// Measures a workload at each length, in pairs of alternating order; none if its length is no parameter of it.
pub fn measure(
    workload: &Workload,
    lengths: &[u64],
    pairs: u32,
    settings: &Settings<'_>,
) -> Result<Option<Vec<LengthRow>>, Stop> {
    let mut rows = Vec::new();
    let mut last: Option<(u64, Duration)> = None;
    for &length in lengths {
        let Some(side) = side_of(workload, length)? else { return Ok(None) };
        let expected = last.map_or(Duration::ZERO, |(shorter, took)| took.mul_f64(length as f64 / shorter as f64));
        let mut measured = Vec::new();
        if expected <= LONGEST {
            let begin = Instant::now();
            // Long runs are long enough to be steady: fewer of them will do.
            let wanted = if expected > LONGEST / 10 { 2 } else { pairs };
            for pair in 0..wanted {
                let order = if pair % 2 == 0 { [true, false] } else { [false, true] };
                let ns = [run(&side, length, order[0], settings)?, run(&side, length, order[1], settings)?];
                let (Some(first), Some(second)) = (ns[0], ns[1]) else { return Ok(Some(rows)) };
                measured.push(if order[0] { (first, second) } else { (second, first) });
            }
            last = Some((length, begin.elapsed() / (2 * wanted)));
        }
        rows.push(row(workload.name.clone(), length, &measured));
    }
    Ok(Some(rows))
}

fn row(workload: String, length: u64, measured: &[(f64, f64)]) -> LengthRow {
    let of = |one: fn(&(f64, f64)) -> f64| measured.iter().map(one).collect::<Vec<f64>>();
    let ratios = of(|(on, off)| on / off);
    LengthRow {
        workload,
        length,
        pairs: measured.len(),
        on_ns: median(&of(|pair| pair.0)),
        off_ns: median(&of(|pair| pair.1)),
        ratio: median(&ratios),
        ratio_min: ratios.iter().copied().reduce(f64::min),
        ratio_max: ratios.iter().copied().reduce(f64::max),
    }
}

/// The workload with so many transactions a run; none if they are no parameter of it.
fn side_of(workload: &Workload, length: u64) -> Result<Option<Side>, Stop> {
    let block = length.min(BLOCK);
    let overrides = match workload.form {
        Form::Block => Overrides { block: Some(block), blocks: Some(length.div_ceil(block)), ..Overrides::default() },
        Form::Script if workload.program.config("bench_iterations").is_some() => {
            Overrides { own: vec![format!("iterations={length}")], ..Overrides::default() }
        }
        Form::Script => return Ok(None),
    };
    let parameters = Parameters::resolve(workload, &overrides)?;
    Ok(Some(Side { program: head_program(None)?, workload: workload.clone(), parameters, engine: None }))
}

/// Nanoseconds that the transactions of a fresh process took, compiling included; none after Ctrl-C.
fn run(side: &Side, length: u64, native: bool, settings: &Settings<'_>) -> Result<Option<f64>, Stop> {
    let times = Lengths { process_ms: LIMIT_MS, window_ns: 50_000_000, limit_ms: LIMIT_MS };
    let kind = if side.workload.form == Form::Block { JobKind::Measure } else { JobKind::Cold };
    let dropped = if native { Vec::new() } else { vec![Cost::NativeCode] };
    let usual = job(kind, side, &cell_of(side, "adaptive".into()), times, &Reference::default());
    let record = run_job(&side.program, &Job { dropped, ..usual }, settings.stop);
    if settings.stop.load(std::sync::atomic::Ordering::Relaxed) {
        return Ok(None); // Relaxed: the flag is the whole message
    }
    let name = &side.workload.name;
    if let Some(error) = &record.error {
        let said = error.describe(Duration::from_millis(LIMIT_MS));
        return Err(Stop { exit: error.exit(), message: format!("{name} of {length}: {said}") });
    }
    let ns = match kind {
        JobKind::Cold => record.counter(counter::RUN_NS),
        _ => Some(record.windows.iter().map(|window| window.ns as f64).sum()).filter(|ns| *ns > 0.0),
    };
    ns.map(Some).ok_or_else(|| Stop::failed(format!("{name} of {length}: the process gave no time")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_was_left_out_has_no_figures() {
        let found = row("w".into(), 100, &[(20.0, 10.0), (10.0, 10.0), (12.0, 10.0)]);
        assert_eq!((found.ratio, found.ratio_min, found.ratio_max), (Some(1.2), Some(1.0), Some(2.0)));
        assert_eq!((found.on_ns, found.off_ns, found.pairs), (Some(12.0), Some(10.0), 3));
        assert_eq!(row("w".into(), 100, &[]).ratio, None);
    }
}
