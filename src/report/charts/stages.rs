//! What each stage of a transaction's life costs, stacked.

use super::{Axis, Bar, Bars, Body, ScaleKind};
use crate::report::cells::{CellKey, cells};
use crate::report::folder::ResultFolder;
use crate::report::metrics;
use crate::report::numbers::number;
use crate::report::records::SummaryRow;
use crate::stats::median;

/// The stages in the order of the stack: execution first, then what comes on top of it.
const STAGES: [(&str, &str); 5] = [
    ("state root", metrics::ROOT_NS),
    ("store", metrics::STORE_NS),
    ("signatures", metrics::SIG_NS),
    ("nonces", metrics::NONCE_NS),
    ("fees", metrics::FEE_NS),
];

/// One bar a cell at the fewest threads: nanoseconds a committed transaction on one thread. None where no stage but
/// execution was measured.
pub(super) fn stage_stack(folder: &ResultFolder, rows: &[&SummaryRow]) -> Option<Body> {
    let fewest = rows.iter().map(|row| row.threads).min()?;
    let cells = cells(&folder.samples);
    let mut stacks: Vec<(&SummaryRow, f64, Vec<Option<f64>>)> = Vec::new();
    for row in rows.iter().filter(|row| row.threads == fewest) {
        let Some(tps) = row.tps.filter(|tps| *tps > 0.0) else { continue };
        let key = CellKey {
            workload: row.workload.clone(),
            params: row.params.clone(),
            executor: row.executor.clone(),
            threads: row.threads,
            mode: row.mode.clone(),
        };
        let per_tx = |metric: &str| {
            let of_process = |process: &crate::report::cells::Process| {
                let committed = process.value_of_any_phase(metrics::COMMITTED).filter(|n| *n > 0.0)?;
                Some(process.value_of_any_phase(metric)? / committed)
            };
            let values = cells.get(&key)?.processes.values().filter_map(of_process);
            median(&values.collect::<Vec<_>>())
        };
        let stages = STAGES.iter().map(|(_, metric)| per_tx(metric)).collect();
        stacks.push((*row, f64::from(row.threads) * 1e9 / tps, stages));
    }
    let shown: Vec<usize> =
        (0..STAGES.len()).filter(|stage| stacks.iter().any(|(_, _, parts)| parts[*stage].is_some())).collect();
    if shown.is_empty() {
        return None;
    }
    let total = |(_, execution, parts): &(_, f64, Vec<Option<f64>>)| execution + parts.iter().flatten().sum::<f64>();
    stacks.sort_by(|a, b| total(a).total_cmp(&total(b)));
    let bars = stacks.iter().map(|stack| {
        let all = total(stack);
        let parts = shown.iter().map(|stage| stack.2[*stage].unwrap_or(0.0));
        Bar {
            label: stack.0.mode.clone(),
            colour: 0,
            parts: std::iter::once(stack.1).chain(parts).collect(),
            interval: None,
            text: format!("{} ns: {} tx/s a thread", number(all), number(1e9 / all)),
        }
    });
    let bars = bars.collect();
    let names = shown.iter().map(|stage| STAGES[*stage].0.to_owned());
    let parts = std::iter::once("execution".to_owned()).chain(names).collect();
    let value = Axis::new("Time of a committed transaction", "ns", ScaleKind::FromZero);
    Some(Body::Bars(Bars { value, parts, bars, reference: None }))
}
