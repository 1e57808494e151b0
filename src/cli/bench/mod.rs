//! `zx-bench`: one file a subcommand.

mod baseline;
mod chart;
mod child;
mod compare;
mod doctor;
mod explain;
mod gas;
mod gate;
mod init;
mod ledger;
mod lengths;
mod list;
mod policy;
mod print;
mod recheck;
mod report;
mod run;
mod settings;
mod shell;
mod simulate;
mod store;
mod sweep;
mod test;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{ColorChoice, Parser, Subcommand, ValueEnum};

use crate::harness::outcome::{Exit, Stop};
use crate::report::Format;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Measures how fast contract code runs: transactions per second of each tier, across threads.
#[derive(Debug, Parser)]
#[command(name = "zx-bench", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure a workload in every mode and thread count.
    Run(Box<run::RunArguments>),
    /// Compare two versions, measured alternately, and give a verdict.
    Gate(Box<gate::GateArguments>),
    /// Show two result folders side by side.
    Compare(compare::CompareArguments),
    /// Show what each action of a workload costs in gas.
    Gas(gas::GasArguments),
    /// Keep the deterministic counters that `gate --counters` compares with.
    Baseline(baseline::BaselineArguments),
    /// Recompute the verdict of a gate's folder from its records.
    Recheck(recheck::RecheckArguments),
    /// Check a file that `run --store` wrote, and show its last block.
    Store(store::StoreArguments),
    /// Measure a workload over thresholds, or over the values of a parameter.
    Sweep(Box<sweep::SweepArguments>),
    /// Show the workloads there are.
    List(list::ListArguments),
    /// Run workloads once, adaptively, and show every tier decision.
    Explain(explain::ExplainArguments),
    /// Show what each part of a transaction costs, by engines that do without one each.
    Ledger(ledger::LedgerArguments),
    /// Compare native code on with native code off, in runs of so many transactions.
    Lengths(lengths::LengthsArguments),
    /// Make summary, charts and page of a result folder again, from its records.
    Report(report::ReportArguments),
    /// Draw one chart of one or more result folders.
    Chart(Box<chart::ChartArguments>),
    /// Run the tests that programs bring along: their actions named `test_*`.
    Test(test::TestArguments),
    /// Show what this machine is, and what stands in the way of good numbers.
    Doctor(doctor::DoctorArguments),
    /// Try the statistics of the gate on simulated noise.
    #[command(hide = true)]
    Simulate(simulate::SimulateArguments),
    /// Write a configuration and a workflow for CI.
    Init(init::InitArguments),
    /// Print completions for a shell.
    Completions(shell::CompletionsArguments),
    /// Write manual pages of both programs.
    Man(shell::ManArguments),
    /// One process of a run: speaks the runner protocol.
    #[command(hide = true)]
    Child(child::ChildArguments),
}

/// How output looks.
#[derive(Debug, clap::Args)]
pub(crate) struct Look {
    /// Form of the results on standard output.
    #[arg(long, global = true, value_enum, default_value_t = Shape::Human)]
    format: Shape,
    /// Colour in the table.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
    /// A file of flags [default: zx-bench.toml, if it is there].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// No progress bar, no notes.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say what each process did.
    #[arg(short, long, global = true)]
    verbose: bool,
}

/// [`Format`], as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    Human,
    Json,
    Csv,
    Md,
}

impl From<Shape> for Format {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Human => Self::Human,
            Shape::Json => Self::Json,
            Shape::Csv => Self::Csv,
            Shape::Md => Self::Markdown,
        }
    }
}

impl Look {
    /// Colour on a terminal, unless told otherwise or `NO_COLOR` is set.
    fn has_colour(&self) -> bool {
        let auto = || std::io::IsTerminal::is_terminal(&std::io::stdout()) && std::env::var_os("NO_COLOR").is_none();
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => auto(),
        }
    }
}

/// Reads the command line and `zx-bench.toml`; does what was asked.
pub fn run_command_line(words: &[OsString]) -> ExitCode {
    match settings::parse(words) {
        Ok(arguments) => main(&arguments),
        Err(Stop { exit, message }) => {
            print::error(&message);
            ExitCode::from(exit.code())
        }
    }
}

/// Does what was asked; prints; gives the exit status.
pub fn main(arguments: &Arguments) -> ExitCode {
    if let Command::Child(child) = &arguments.command {
        return child::child(child);
    }
    if let Err(e) = ctrlc::set_handler(on_ctrl_c) {
        print::warn(&format!("Ctrl-C cannot be caught: {e}"));
    }
    let look = &arguments.look;
    let done = match &arguments.command {
        Command::Run(run) => run::run(run, look),
        Command::Gate(gate) => gate::gate(gate, look),
        Command::Compare(compare) => compare::compare(compare, look),
        Command::Gas(gas) => gas::gas(gas, look),
        Command::Baseline(baseline) => baseline::baseline(baseline),
        Command::Recheck(recheck) => recheck::recheck(recheck, look),
        Command::Store(arguments) => store::store(arguments),
        Command::Sweep(sweep) => sweep::sweep(sweep, look),
        Command::List(list) => list::list(list),
        Command::Explain(explain) => explain::explain(explain),
        Command::Ledger(ledger) => ledger::ledger(ledger, look),
        Command::Lengths(lengths) => lengths::lengths(lengths, look),
        Command::Report(report) => report::report(report, look),
        Command::Chart(chart) => chart::chart(chart, look),
        Command::Test(test) => test::test(test, look),
        Command::Simulate(simulate) => simulate::simulate(simulate),
        Command::Doctor(doctor) => doctor::doctor(doctor, look),
        Command::Init(arguments) => init::init(arguments),
        Command::Completions(arguments) => shell::completions(arguments),
        Command::Man(arguments) => shell::man(arguments),
        Command::Child(_) => Ok(Exit::Pass),
    };
    let exit = done.unwrap_or_else(|Stop { exit, message }| {
        print::error(&message);
        exit
    });
    ExitCode::from(exit.code())
}

/// The first asks the run to stop and sum up; the second does not wait.
fn on_ctrl_c() {
    if STOP.swap(true, Ordering::Relaxed) {
        std::process::exit(i32::from(Exit::Interrupted.code()));
    }
}

/// A panic on any thread ends the process with 101: threads at a barrier would wait for ever.
pub fn exit_on_panic() {
    const PANIC: i32 = 101;
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        show(panic);
        std::process::exit(PANIC);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_are_consistent() {
        Arguments::command().debug_assert();
    }
}
