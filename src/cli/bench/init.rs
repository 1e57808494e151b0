//! `zx-bench init`: a configuration with the defaults in it, and a workflow for CI.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::outcome::{Exit, Stop};

use super::{print, settings};

/// Flags of `init`.
#[derive(Debug, clap::Args)]
pub(super) struct InitArguments {
    /// Where to.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Overwrite files that are there.
    #[arg(long)]
    force: bool,
}

/// The workflow's path, from the folder.
const WORKFLOW: &str = ".github/workflows/zx-bench.yml";

const SETTINGS_TEXT: &str = "\
# Settings of zx-bench: the flags of its commands, without the dashes.
# Flags on the command line win. A key at the top is for every command that has the flag;
# a table named like a command is for that command alone.

# modes = [\"interpreter\", \"vm\", \"adaptive\"]
# threads = [1, 2]
# seed = 42

[run]
# processes = 5
# max-time = \"2m\"
# no-latency = false

# Parameters of the workload: its `config.bench_NAME`. Every workload must have them.
# [param]
# iterations = 10000
";

const WORKFLOW_TEXT: &str = "\
# Made by `zx-bench init`. Every workload must do the same work in every tier (status 6 if not),
# and one is measured as a first look. A pull request is gated against its base: both builds are
# measured in turn on this machine, and status 3 is a regression. Machines of a CI service are shared,
# so a gate there is often inconclusive, which passes; --inconclusive fail would not.
name: zx-bench
on:
  pull_request:
  push:
    branches: [main]
jobs:
  measure:
    runs-on: ubuntu-latest
    timeout-minutes: 40
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0 # the gate builds the base from git
      - name: Build
        run: cargo build --release --locked
      - name: Every tier does the same work
        run: |
          for workload in workloads/*.zx; do
            target/release/zx-bench run \"$workload\" --smoke
          done
      - name: What this machine can resolve
        run: target/release/zx-bench doctor
      - name: A first look
        run: target/release/zx-bench run transfer --quick --out reports/ci --format md >> \"$GITHUB_STEP_SUMMARY\"
      - name: No slower than the base
        if: github.event_name == 'pull_request'
        run: target/release/zx-bench gate --base \"origin/${{ github.base_ref }}\" --max-time 8m --out reports/gate
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: zx-bench
          path: |
            reports/ci
            reports/gate
";

pub(super) fn init(arguments: &InitArguments) -> Result<Exit, Stop> {
    let files = [(settings::FILE, SETTINGS_TEXT), (WORKFLOW, WORKFLOW_TEXT)];
    let paths = files.map(|(name, text)| (arguments.folder.join(name), text));
    // All or nothing: a half-written pair would be refused the next time.
    if let Some((path, _)) = paths.iter().find(|(path, _)| path.exists() && !arguments.force) {
        return Err(Stop::usage(format!("{} is there already: --force overwrites it", path.display())));
    }
    for (path, text) in &paths {
        write(path, text)?;
        print::out(&format!("{}\n", path.display()))?;
    }
    Ok(Exit::Pass)
}

fn write(path: &Path, text: &str) -> Result<(), Stop> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(path, text)).map_err(|e| Stop::failed(format!("cannot write {}: {e}", path.display())))
}
