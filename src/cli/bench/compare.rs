//! `zx-bench compare A B`.

use std::path::PathBuf;

use comfy_table::{CellAlignment, Table, presets};

use crate::harness::outcome::{Exit, Stop};
use crate::report::compare::{Comparison, Refusal, compare as side_by_side};
use crate::report::numbers::number;

use super::{Look, Shape, print};

/// Flags of `compare`.
#[derive(Debug, clap::Args)]
pub(super) struct CompareArguments {
    /// A result folder.
    a: PathBuf,
    /// Another one.
    b: PathBuf,
    /// What to compare: `tps`, `tps_first`, `tps_full`, `cpu_ns_per_tx`, `gas_per_tx` or `peak_rss_kib`.
    #[arg(long, default_value = "tps")]
    metric: String,
    /// Compare even if workloads or parameters differ.
    #[arg(long)]
    allow_different: bool,
}

pub(super) fn compare(arguments: &CompareArguments, look: &Look) -> Result<Exit, Stop> {
    let CompareArguments { a, b, metric, allow_different } = arguments;
    let compared = side_by_side(a, b, metric, *allow_different).map_err(|refusal| match refusal {
        Refusal::Unusable(message) => Stop::usage(message),
        Refusal::OtherWork(message) => Stop { exit: Exit::Unfit, message },
    })?;
    compared.warnings.iter().for_each(|warning| print::warn(&warning.to_string()));
    print::out(&text(&compared, look.format))?;
    Ok(Exit::Pass)
}

fn text(compared: &Comparison, format: Shape) -> String {
    let header = ["cell", "A", "B", "B/A", "95% interval", "processes", "verdict"];
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
    let rows = compared.cells.iter().map(|cell| {
        let ratio = cell.a.zip(cell.b).map_or_else(|| "-".to_owned(), |(a, b)| format!("{:.3}", b / a));
        let interval = cell
            .change
            .map_or_else(|| "-".to_owned(), |change| format!("{:.3} to {:.3}", change.low + 1.0, change.high + 1.0));
        let processes = format!("{} and {}", cell.processes.0, cell.processes.1);
        [cell.cell.clone(), shown(cell.a), shown(cell.b), ratio, interval, processes, cell.verdict.clone()]
    });
    match format {
        Shape::Human => {
            let mut table = Table::new();
            table.load_preset(presets::NOTHING).set_header(header);
            for row in rows {
                table.add_row(row);
            }
            for column in 1..5 {
                if let Some(column) = table.column_mut(column) {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
            format!("{} of A and B\n{}\n", compared.metric, table.trim_fmt())
        }
        Shape::Md => {
            let lines: Vec<String> = rows.map(|row| format!("| {} |", row.join(" | "))).collect();
            format!("| {} |\n|{}\n{}\n", header.join(" | "), "---|".repeat(header.len()), lines.join("\n"))
        }
        Shape::Csv => {
            let lines: Vec<String> = rows.map(|row| row.map(|field| field.replace(',', "")).join(",")).collect();
            format!("{}\n{}\n", header.join(","), lines.join("\n"))
        }
        Shape::Json => {
            let cells: Vec<serde_json::Value> = compared
                .cells
                .iter()
                .map(|cell| {
                    serde_json::json!({
                        "cell": cell.cell, "a": cell.a, "b": cell.b, "change": cell.change,
                        "processes_a": cell.processes.0, "processes_b": cell.processes.1, "verdict": cell.verdict,
                    })
                })
                .collect();
            format!("{:#}\n", serde_json::json!({ "metric": compared.metric, "cells": cells }))
        }
    }
}
