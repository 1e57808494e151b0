//! `zx-bench`: parse the flags, call the library, give the exit status.

use std::process::ExitCode;

use clap::Parser;
use zx::cli::bench::{Arguments, exit_on_panic, main as bench};

fn main() -> ExitCode {
    exit_on_panic();
    bench(&Arguments::parse())
}
