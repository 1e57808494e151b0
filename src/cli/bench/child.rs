//! `zx-bench child`: hidden; one process of a run.

use std::process::ExitCode;

/// What the parent says.
#[derive(Debug, clap::Args)]
pub(super) struct ChildArguments {
    /// The job, as JSON.
    #[arg(long)]
    cell: String,
}

pub(super) fn child(arguments: &ChildArguments) -> ExitCode {
    crate::harness::child::child(&arguments.cell)
}
