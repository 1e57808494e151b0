//! `zx-run`: runs a Zexus program.

use clap::Parser;
use zx::cli::script::{Arguments, main as run};

fn main() {
    std::process::exit(run(&Arguments::parse()));
}
