//! Everything a reader of results sees: CSV records, summaries, tables, charts.
//!
//! This room reads records only; it never runs anything. It may know the columns of the result
//! files and the pure functions of [`crate::stats`]; it must never know an engine, a clock or a
//! process. All it shows follows from `samples.csv`, `tiers.csv` and the logs in `hdr/` (with
//! `env.json` and `plan.json` for captions), so that a result folder can be reported again at any time.
//!
//! Read in this order: [`records`] (the files), [`metrics`] (what the rows mean), [`cells`] (rows
//! by cell and process), [`summary`], [`table`], [`charts`], [`html`].

pub mod across;
pub mod actions;
pub mod cells;
pub mod charts;
pub mod compare;
pub mod counters;
pub mod folder;
pub mod gate;
pub mod html;
mod junit;
pub mod latency;
pub mod metrics;
pub mod numbers;
pub mod open;
pub mod records;
pub mod summary;
pub mod sweep;
pub mod table;
mod varied;

pub use folder::{ReportError, ResultFolder, Written, join, write_all};
pub use junit::{JunitCase, JunitSuite, junit};
pub use records::{Params, RowWriter, SCHEMA, SampleRow, SummaryRow, TierRow, Warning, read_rows};
pub use summary::{ColdStart, Summary, summarise};
pub use table::{Format, render_table};
