//! `zx-bench gas FILE`: what each action of a workload costs.

use std::path::PathBuf;

use comfy_table::{CellAlignment, Table, presets};

use crate::harness::gate::counters::{count, gas_rows};
use crate::harness::gate::session::own_program;
use crate::harness::outcome::{Exit, Stop};
use crate::harness::parameters::{Overrides, Parameters};
use crate::harness::workload::load;
use crate::report::counters::{GasRow, gas_changes};
use crate::report::numbers::{number, thousands};
use crate::report::records::read_rows;

use super::{Look, STOP, Shape, print};

/// Flags of `gas`.
#[derive(Debug, clap::Args)]
pub(super) struct GasArguments {
    /// A .zx file, or the name of one in `workloads/`.
    file: PathBuf,
    /// Compare with this CSV, as `--format csv` printed it: any change is status 3.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// A parameter of the workload: its `config.bench_NAME`.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    own: Vec<String>,
}

pub(super) fn gas(arguments: &GasArguments, look: &Look) -> Result<Exit, Stop> {
    let before =
        arguments.check.as_ref().map(read_rows::<GasRow>).transpose().map_err(|e| Stop::usage(e.to_string()))?;
    let workload = load(&arguments.file)?;
    let overrides = Overrides { own: arguments.own.clone(), ..Overrides::default() };
    let parameters = Parameters::resolve(&workload, &overrides)?;
    let counts = count(&own_program()?, &workload, &parameters, "vm", &STOP)?;
    let rows = gas_rows(&workload, &parameters, &counts);
    print::out(&text(&rows, look.format)?)?;
    let Some(before) = before else { return Ok(Exit::Pass) };
    before.warnings.iter().for_each(|warning| print::warn(&warning.to_string()));
    if let Some(other) =
        before.rows.iter().find(|old| old.workload == workload.name && old.params != parameters.params())
    {
        let message =
            format!("the gas to check against is of other parameters: {} | {}", other.params, parameters.canonical);
        return Err(Stop { exit: Exit::Unfit, message });
    }
    let changes = gas_changes(&before.rows, &rows);
    if changes.is_empty() {
        return Ok(Exit::Pass);
    }
    Err(Stop { exit: Exit::Regression, message: format!("gas changed:\n  {}", changes.join("\n  ")) })
}

fn text(rows: &[GasRow], format: Shape) -> Result<String, Stop> {
    let failed = |message: String| Stop::failed(message);
    match format {
        Shape::Csv => {
            let mut to = csv::Writer::from_writer(Vec::new());
            rows.iter().try_for_each(|row| to.serialize(row)).map_err(|e| failed(e.to_string()))?;
            let bytes = to.into_inner().map_err(|e| failed(e.to_string()))?;
            String::from_utf8(bytes).map_err(|e| failed(e.to_string()))
        }
        Shape::Json => serde_json::to_string_pretty(rows).map(|text| text + "\n").map_err(|e| failed(e.to_string())),
        Shape::Human | Shape::Md => {
            let mut table = Table::new();
            table.load_preset(if format == Shape::Md { presets::ASCII_MARKDOWN } else { presets::NOTHING });
            table.set_header(["action", "calls", "gas min", "median", "max"]);
            for row in rows {
                let figures =
                    [thousands(row.calls), thousands(row.gas_min), number(row.gas_median), thousands(row.gas_max)];
                table.add_row(std::iter::once(row.action.clone()).chain(figures));
            }
            for column in 1..5 {
                if let Some(column) = table.column_mut(column) {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
            Ok(format!("{}\n", table.trim_fmt()))
        }
    }
}
