//! `zx-bench simulate`: hidden; the tables in METHODOLOGY.md.

use crate::harness::gate::simulate::simulate as run;
use crate::harness::outcome::{Exit, Stop};

use super::{policy, print};

/// Flags of `simulate`.
#[derive(Debug, clap::Args)]
pub(super) struct SimulateArguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Experiments a scenario.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    experiments: u32,
    /// Seed.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

/// What else can be simulated.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// The tier policy over loops of every length, against the best choice for each.
    Policy(policy::PolicyArguments),
    /// The same policy live: fresh runs of a loop of transfers, against the best fixed mode and the simulation.
    Live(policy::LiveArguments),
}

pub(super) fn simulate(arguments: &SimulateArguments) -> Result<Exit, Stop> {
    match &arguments.what {
        Some(What::Policy(arguments)) => return policy::policy(arguments),
        Some(What::Live(arguments)) => return policy::live(arguments),
        None => {}
    }
    let table = run(arguments.experiments, arguments.seed);
    print::out(&table.markdown())?;
    let faults = table.faults();
    if faults.is_empty() {
        return Ok(Exit::Pass);
    }
    Err(Stop { exit: Exit::Unfit, message: format!("the intervals do not hold:\n  {}", faults.join("\n  ")) })
}
