//! Throughput against each parameter of which a folder has several values: what a sweep leaves.

use std::collections::BTreeSet;

use super::across::{Run, Wanted, chart_across};
use super::charts::Chart;
use super::folder::ResultFolder;
use super::records::SummaryRow;
use super::summary::Summary;

/// One chart a workload and parameter that varies over numbers (of `skew`, over how skewed it is), a line a mode. None
/// where the lines would be too many to tell apart.
pub(super) fn charts(folder: &ResultFolder, summary: &Summary) -> Vec<Chart> {
    let workloads: BTreeSet<&str> = summary.rows.iter().map(|row| row.workload.as_str()).collect();
    let mut charts = Vec::new();
    for (index, workload) in workloads.iter().enumerate() {
        let rows: Vec<SummaryRow> = summary.rows.iter().filter(|row| row.workload == *workload).cloned().collect();
        let varied = varied(&rows);
        let run = Run { name: folder.path.display().to_string(), rows, env: folder.env.clone() };
        for name in varied {
            let title = Some(format!("Throughput against {name}"));
            let wanted = Wanted { x: name, y: "tps".to_owned(), by: "mode".to_owned(), title };
            let Ok(mut chart) = chart_across(std::slice::from_ref(&run), &wanted) else { continue };
            let stem: String = chart.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            chart.name = if workloads.len() > 1 { format!("{stem}-by-{}", index + 1) } else { stem };
            charts.push(chart);
        }
    }
    charts
}

/// Parameters of which there are several values.
fn varied(rows: &[SummaryRow]) -> Vec<String> {
    let names: BTreeSet<&str> = rows.iter().flat_map(|row| row.params.iter().map(|(name, _)| name)).collect();
    let values = |name: &&str| rows.iter().filter_map(|row| row.params.get(name)).collect::<BTreeSet<_>>().len();
    names.into_iter().filter(|name| values(name) > 1).map(str::to_owned).collect()
}
