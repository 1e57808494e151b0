//! `zx-bench`: parse the flags, call the library, give the exit status.

use std::process::ExitCode;

use zx::cli::bench::{exit_on_panic, run_command_line};

fn main() -> ExitCode {
    exit_on_panic();
    run_command_line(&std::env::args_os().collect::<Vec<_>>())
}
