//! What each kind of transaction of a block workload costs: `actions.csv`, for who writes contracts.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::numbers::{number, thousands};
use super::records::{Params, Record, read_rows};
use super::table::{Grid, Mark};

/// The file in a result folder.
pub const ACTIONS: &str = "actions.csv";

/// One kind of transaction: the text that its `op` has, or `transaction`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionRow {
    /// Version of the columns.
    pub schema: u32,
    /// Workload name.
    pub workload: String,
    /// Every parameter that changes the work.
    pub params: Params,
    /// Its name.
    pub action: String,
    /// How many were looked at.
    pub transactions: u64,
    /// How many of them were committed.
    pub committed: u64,
    /// Least gas.
    pub gas_min: u64,
    /// Median gas.
    pub gas_median: f64,
    /// Greatest gas.
    pub gas_max: u64,
    /// Places in contract state that one leaves with another value, on average.
    pub writes_mean: f64,
    /// Median time of one in the VM, the clock's own cost taken off; empty below the clock's step.
    pub median_ns: Option<f64>,
    /// Transactions a second at that time.
    pub tps: Option<f64>,
}

impl Record for ActionRow {
    const COLUMNS: &'static [&'static str] = &[
        "schema",
        "workload",
        "params",
        "action",
        "transactions",
        "committed",
        "gas_min",
        "gas_median",
        "gas_max",
        "writes_mean",
        "median_ns",
        "tps",
    ];
    fn schema(&self) -> Option<u32> {
        Some(self.schema)
    }
}

/// The table of a folder; none if it has no such file, or one that cannot be read.
pub(super) fn grid_of(folder: &Path, workload: &str, params: &Params) -> Option<Grid> {
    let rows = read_rows::<ActionRow>(folder.join(ACTIONS)).ok()?.rows;
    let of_work = |row: &&ActionRow| row.workload == workload && row.params == *params;
    let rows: Vec<_> = rows.iter().filter(of_work).map(|row| (cells(row), Mark::Plain)).collect();
    let header = [
        "transaction",
        "seen",
        "committed",
        "gas min",
        "gas median",
        "gas max",
        "storage writes",
        "median (ns)",
        "TPS (tx/s)",
    ];
    (!rows.is_empty()).then(|| Grid { header: header.map(str::to_owned).to_vec(), rows, left: 1 })
}

fn cells(row: &ActionRow) -> Vec<String> {
    let known = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
    vec![
        row.action.clone(),
        thousands(row.transactions),
        thousands(row.committed),
        thousands(row.gas_min),
        number(row.gas_median),
        thousands(row.gas_max),
        number(row.writes_mean),
        known(row.median_ns),
        known(row.tps),
    ]
}
