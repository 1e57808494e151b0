//! `zx-bench simulate`: hidden; the table in METHODOLOGY.md.

use crate::harness::gate::simulate::simulate as run;
use crate::harness::outcome::{Exit, Stop};

use super::print;

/// Flags of `simulate`.
#[derive(Debug, clap::Args)]
pub(super) struct SimulateArguments {
    /// Experiments a scenario.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    experiments: u32,
    /// Seed.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

pub(super) fn simulate(arguments: &SimulateArguments) -> Result<Exit, Stop> {
    let table = run(arguments.experiments, arguments.seed);
    print::out(&table.markdown())?;
    let faults = table.faults();
    if faults.is_empty() {
        return Ok(Exit::Pass);
    }
    Err(Stop { exit: Exit::Unfit, message: format!("the intervals do not hold:\n  {}", faults.join("\n  ")) })
}
