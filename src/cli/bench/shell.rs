//! `zx-bench completions` and `zx-bench man`: what shells and manual readers need of both programs.

use std::fs;
use std::path::PathBuf;

use clap::{Command, CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::cli::script;
use crate::harness::outcome::{Exit, Stop};

use super::{Arguments, print};

/// Flags of `completions`.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArguments {
    /// The shell; its completions go to standard output.
    shell: Shell,
    /// The program to complete.
    #[arg(long, value_enum, default_value_t = Program::ZxBench)]
    program: Program,
}

/// Flags of `man`.
#[derive(Debug, clap::Args)]
pub(super) struct ManArguments {
    /// Where to write the pages: one for zx-run, one for zx-bench and each of its commands.
    #[arg(default_value = "man")]
    folder: PathBuf,
}

/// The two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Program {
    ZxBench,
    ZxRun,
}

impl Program {
    fn command(self) -> Command {
        match self {
            Self::ZxBench => Arguments::command(),
            Self::ZxRun => script::Arguments::command(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ZxBench => "zx-bench",
            Self::ZxRun => "zx-run",
        }
    }
}

pub(super) fn completions(arguments: &CompletionsArguments) -> Result<Exit, Stop> {
    let mut text = Vec::new();
    let program = arguments.program;
    clap_complete::generate(arguments.shell, &mut shown(program), program.name(), &mut text);
    print::out(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Pass)
}

/// A program without its hidden commands, which the generators would offer all the same.
fn shown(program: Program) -> Command {
    let command = program.command();
    let commands = command.get_subcommands().filter(|each| !each.is_hide_set()).cloned();
    Command::new(program.name()).args(command.get_arguments().cloned()).subcommands(commands)
}

pub(super) fn man(arguments: &ManArguments) -> Result<Exit, Stop> {
    let folder = &arguments.folder;
    let cannot = |e: std::io::Error| Stop::failed(format!("cannot write manual pages to {}: {e}", folder.display()));
    fs::create_dir_all(folder).map_err(cannot)?;
    for program in [Program::ZxBench, Program::ZxRun] {
        clap_mangen::generate_to(program.command(), folder).map_err(cannot)?;
    }
    print::out(&format!("the manual pages are in {0}: man -l {0}/zx-bench.1\n", folder.display()))?;
    Ok(Exit::Pass)
}
