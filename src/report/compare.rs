//! Two result folders side by side.
//!
//! The processes of two folders are not paired, so the interval is Welch's, on logarithms. It covers the spread between
//! processes of each folder, and nothing that changed on the machine between them.

use std::collections::BTreeMap;
use std::path::Path;

use super::cells::{Cell, CellKey, Process, cells};
use super::folder::ResultFolder;
use super::gate::judge::Change;
use super::metrics;
use super::records::{Arm, Params, Phase, SampleRow, Warning};
use crate::stats::welch_interval;

/// Confidence of the intervals.
const CONFIDENCE: f64 = 0.95;
/// Fewer processes than this on a side give no interval.
const LEAST_PROCESSES: usize = 3;

/// What can be compared: name, whether more is better.
pub const METRICS: [(&str, bool); 6] = [
    (metrics::TPS, true),
    ("tps_first", true),
    (metrics::TPS_FULL, true),
    ("cpu_ns_per_tx", false),
    ("gas_per_tx", false),
    ("peak_rss_kib", false),
];

/// Why two folders are not compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A folder or metric that cannot be used.
    Unusable(String),
    /// Other workloads, parameters or cells.
    OtherWork(String),
}

/// One cell on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// `token/vm/1`.
    pub cell: String,
    /// Geometric mean of A's processes.
    pub a: Option<f64>,
    /// Of B's.
    pub b: Option<f64>,
    /// Processes of A and of B.
    pub processes: (usize, usize),
    /// B against A as a fraction.
    pub change: Option<Change>,
    /// `better`, `worse`, `no difference shown`, or why there is none.
    pub verdict: String,
}

/// What the comparison shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The metric.
    pub metric: String,
    /// By cell.
    pub cells: Vec<Compared>,
    /// What a reader must know.
    pub warnings: Vec<Warning>,
}

/// Compares two folders in a metric. Other work is refused unless `allow_different`; then cells are matched by
/// workload, mode, executor and threads alone.
pub fn compare(a: &Path, b: &Path, metric: &str, allow_different: bool) -> Result<Comparison, Refusal> {
    let (_, more_is_better) = METRICS.iter().find(|(name, _)| *name == metric).ok_or_else(|| {
        let names: Vec<&str> = METRICS.iter().map(|(name, _)| *name).collect();
        Refusal::Unusable(format!("no metric `{metric}` to compare by: use one of {}", names.join(", ")))
    })?;
    let (a, b) = (load(a)?, load(b)?);
    let mut warnings = [a.warnings.clone(), b.warnings.clone()].concat();
    let different = differing_work(&a.samples, &b.samples);
    if !different.is_empty() && !allow_different {
        return Err(Refusal::OtherWork(format!(
            "the folders hold other work, so their figures say nothing about each other:\n  {}\n--allow-different compares them all the same",
            different.join("\n  ")
        )));
    }
    warnings.extend(different.into_iter().map(|text| Warning(format!("other work: {text}"))));
    if a.caption() != b.caption() {
        warnings.push(Warning(format!("other machine or build: {} | {}", a.caption(), b.caption())));
    }
    let strip = |key: &CellKey| (key.workload.clone(), key.mode.clone(), key.executor.clone(), key.threads);
    let (of_a, of_b) = (cells(&a.samples), cells(&b.samples));
    let mut compared = Vec::new();
    for (key, right) in &of_b {
        let left =
            of_a.iter().find(|(other, _)| if allow_different { strip(other) == strip(key) } else { *other == key });
        let Some((_, left)) = left else {
            warnings.push(Warning(format!("{}: only in {}", key.name(), b.path.display())));
            continue;
        };
        compared.push(compare_cell(key, left, right, metric, *more_is_better));
    }
    for key in of_a.keys().filter(|key| !of_b.keys().any(|other| strip(other) == strip(key))) {
        warnings.push(Warning(format!("{}: only in {}", key.name(), a.path.display())));
    }
    if compared.is_empty() {
        return Err(Refusal::OtherWork(format!(
            "{} and {} have no cell in common",
            a.path.display(),
            b.path.display()
        )));
    }
    Ok(Comparison { metric: metric.to_owned(), cells: compared, warnings })
}

fn load(path: &Path) -> Result<ResultFolder, Refusal> {
    if !path.is_dir() {
        return Err(Refusal::Unusable(format!("{} is not a folder of results", path.display())));
    }
    ResultFolder::load(path).map_err(|e| Refusal::Unusable(e.to_string()))
}

/// Digests and parameters that the two folders do not share, by workload.
fn differing_work(a: &[SampleRow], b: &[SampleRow]) -> Vec<String> {
    type Work<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a Params)>>;
    fn work(rows: &[SampleRow]) -> Work<'_> {
        let mut found: Work<'_> = BTreeMap::new();
        for row in rows.iter().filter(|row| matches!(row.arm, Arm::Single | Arm::Head)) {
            let of_workload = found.entry(&row.workload).or_default();
            let this = (row.workload_digest.as_str(), &row.params);
            if !of_workload.contains(&this) {
                of_workload.push(this);
            }
        }
        found
    }
    let (a, b) = (work(a), work(b));
    let mut different = Vec::new();
    for (workload, left) in &a {
        let Some(right) = b.get(workload) else { continue };
        if left.iter().any(|this| right.contains(this)) {
            continue;
        }
        if let (Some(left), Some(right)) = (left.first(), right.first()) {
            different.push(if left.0 == right.0 {
                format!("{workload}: parameters {} | {}", left.1, right.1)
            } else {
                let short = |digest: &str| digest.chars().take(12).collect::<String>();
                format!("{workload}: the text differs (digests {} | {})", short(left.0), short(right.0))
            });
        }
    }
    let shared = a.keys().any(|workload| b.contains_key(workload));
    if !shared && !a.is_empty() && !b.is_empty() {
        let names = |work: &Work<'_>| work.keys().copied().collect::<Vec<_>>().join(", ");
        different.push(format!("workloads {} | {}", names(&a), names(&b)));
    }
    different
}

/// The processes that count: no failure, and the reference's work.
fn figures(cell: &Cell, metric: &str) -> Vec<f64> {
    let all_agree = cell.processes.values().all(|process| process.agreed() != Some(false));
    let counted = cell.processes.values().filter(|process| all_agree && !process.failed());
    counted.filter_map(|process| figure(process, metric)).filter(|value| *value > 0.0).collect()
}

fn figure(process: &Process, metric: &str) -> Option<f64> {
    let per_tx = |name: &str| Some(process.value_of_any_phase(name)? / process.value_of_any_phase(metrics::COMMITTED)?);
    match metric {
        "tps_first" => process.value(Phase::Cold, metrics::TPS),
        "cpu_ns_per_tx" => per_tx(metrics::CPU_NS),
        "gas_per_tx" => per_tx(metrics::GAS),
        "peak_rss_kib" => process.value_of_any_phase(metrics::RSS_KIB),
        metrics::TPS_FULL => process.value(Phase::Steady, metrics::TPS_FULL),
        _ => process.throughput().map(|throughput| throughput.tps),
    }
}

fn compare_cell(key: &CellKey, a: &Cell, b: &Cell, metric: &str, more_is_better: bool) -> Compared {
    let (a, b) = (figures(a, metric), figures(b, metric));
    let mean = crate::stats::interval::geometric_mean;
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
    let is_enough = a.len().min(b.len()) >= LEAST_PROCESSES;
    let change = if is_enough { welch_interval(&logs(&a), &logs(&b), CONFIDENCE).map(Change::from) } else { None };
    let verdict = match change {
        None => {
            format!("no interval: {} and {} processes, at least {LEAST_PROCESSES} of each are needed", a.len(), b.len())
        }
        Some(change) if (change.low > 0.0) == (change.high < 0.0) => "no difference shown".into(),
        Some(change) if (change.low > 0.0) == more_is_better => "better".into(),
        Some(_) => "worse".into(),
    };
    Compared { cell: key.name(), a: mean(&a), b: mean(&b), processes: (a.len(), b.len()), change, verdict }
}
