//! `zx-bench gate`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::Mode;
use crate::harness::engines::ForeignEngine;
use crate::harness::environment::{Environment, utc_now};
use crate::harness::folder;
use crate::harness::gate::self_test::{self, SelfTest};
use crate::harness::gate::session::{gate as measure, head_program};
use crate::harness::gate::sides::{Base, Pair, Side, base, build_revision, file_of_revision};
use crate::harness::gate::stored::gate_stored;
use crate::harness::gate::{
    MAX_PAIRS, MAX_TIME, MODES, Outcome, PAIRS, Settings, WORKLOADS, exit_of, parse_floor, parse_percent,
};
use crate::harness::mode::{mode_text, parse_mode};
use crate::harness::outcome::{Exit, Stop};
use crate::harness::parameters::{Overrides, Parameters};
use crate::harness::plan::parse_duration;
use crate::harness::progress::Neighbours;
use crate::harness::workload;
use crate::report::gate::{Design, GateVerdict, show};

use super::run::found;
use super::{Look, STOP, Shape, baseline, print};

/// Flags of `gate`.
#[derive(Debug, clap::Args)]
pub(super) struct GateArguments {
    /// .zx files, or names of some in `workloads/` [default: transfer token].
    workloads: Vec<PathBuf>,
    /// What to compare against: another zx-bench, a git revision, or a folder of results.
    #[arg(long, value_name = "BINARY|REV|DIR")]
    base: Option<String>,
    /// The zx-bench under test [default: this one].
    #[arg(long, value_name = "BINARY")]
    head: Option<PathBuf>,
    /// Two versions of a contract: the one compared against.
    #[arg(long, value_name = "FILE", requires = "head_workload", conflicts_with = "base")]
    base_workload: Option<PathBuf>,
    /// Two versions of a contract: the one under test.
    #[arg(long, value_name = "FILE", requires = "base_workload")]
    head_workload: Option<PathBuf>,
    /// Contracts to compare with their own versions in the revision that --base names.
    #[arg(last = true, value_name = "CONTRACT")]
    contracts: Vec<PathBuf>,
    /// Another engine: twice, for the base and the head, as in base='./old {workload}' head='./new {workload}'; or
    /// once with {program}, which --base and --head fill in. See docs/protocol.md.
    #[arg(long = "engine", value_name = "NAME=COMMAND", value_parser = ForeignEngine::parse,
        conflicts_with_all = ["base_workload", "modes", "counters", "gas_equal"])]
    engines: Vec<ForeignEngine>,
    /// vm, adaptive, interpreter, fixed:N [default: vm,adaptive].
    #[arg(long, value_delimiter = ',', value_parser = parse_mode)]
    modes: Vec<Mode>,
    /// Pairs of processes at the first look.
    #[arg(long, default_value_t = PAIRS)]
    pairs: u32,
    /// Pairs at the last look.
    #[arg(long, default_value_t = MAX_PAIRS)]
    max_pairs: u32,
    /// Losses below this are of no interest, as in tps=2%.
    #[arg(long, value_parser = parse_floor, default_value = "tps=2%")]
    floor: f64,
    /// What the gate may take [default: 10m].
    #[arg(long, value_parser = parse_duration)]
    max_time: Option<Duration>,
    /// Measure even if base and head are the same.
    #[arg(long)]
    measure_identical: bool,
    /// A difference of gas is a regression (status 3).
    #[arg(long)]
    gas_equal: bool,
    /// A difference of output is a wrong result (status 6).
    #[arg(long)]
    same_output: bool,
    /// What an inconclusive gate does.
    #[arg(long, value_enum, default_value_t = OnInconclusive::Pass)]
    inconclusive: OnInconclusive,
    /// Compare the deterministic counters with reports/baseline alone; measures nothing.
    #[arg(long, conflicts_with_all = ["base", "base_workload"])]
    counters: bool,
    /// Try the gate itself on this machine: equal builds, and processes made 5% and 10% longer.
    #[arg(long, conflicts_with_all = ["base", "head", "base_workload", "counters", "engines"])]
    self_test: bool,
    /// What the self-test may take [default: 10m].
    #[arg(long, value_parser = parse_duration, requires = "self_test")]
    budget: Option<Duration>,
    /// The self-test ends with 5 if a loss of this size is not detected in 80% of gates, as in 5%.
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent, requires = "self_test")]
    require: Option<f64>,
    /// A parameter of the workload: its `config.bench_NAME`.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    own: Vec<String>,
    /// Seed of the order and of everything random [default: 42].
    #[arg(long)]
    seed: Option<u64>,
    /// Write results exactly here [default: a new folder in reports/].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// `--inconclusive`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnInconclusive {
    /// Status 0.
    Pass,
    /// Status 4.
    Fail,
}

pub(super) fn gate(arguments: &GateArguments, look: &Look) -> Result<Exit, Stop> {
    if arguments.counters {
        return baseline::gate(&arguments.workloads, &arguments.own);
    }
    let design = design(arguments)?;
    if arguments.self_test {
        return self_test(arguments, &design, look);
    }
    if !arguments.engines.is_empty() {
        let pairs = engine_pairs(arguments)?;
        let unmeasured = unmeasured(arguments, &pairs)?;
        let outcome = measure(&pairs, &settings(arguments, Design { unmeasured, ..design.clone() }, look))?;
        return finish(&outcome, design.inconclusive_fails, look);
    }
    // Files taken from git live as long as the gate.
    let taken = tempfile::tempdir().map_err(|e| Stop::failed(format!("cannot make a temporary folder: {e}")))?;
    let outcome = match arguments.base.as_deref().map(base).transpose()? {
        Some(Base::Stored(folder)) if arguments.contracts.is_empty() => {
            let heads = heads(arguments)?;
            gate_stored(&folder, &heads, &settings(arguments, design.clone(), look))?
        }
        Some(Base::Stored(folder)) => {
            return Err(Stop::usage(format!(
                "contracts behind `--` are taken from a git revision; {} is a folder",
                folder.display()
            )));
        }
        named => {
            let pairs = pairs(arguments, named, taken.path(), look)?;
            let mut design = design.clone();
            design.unmeasured = unmeasured(arguments, &pairs)?;
            measure(&pairs, &settings(arguments, design, look))?
        }
    };
    let ended = finish(&outcome, design.inconclusive_fails, look)?;
    Ok(ended)
}

/// Measures a series, forms gates from it, says how good they are.
fn self_test(arguments: &GateArguments, design: &Design, look: &Look) -> Result<Exit, Stop> {
    let file = match &arguments.workloads[..] {
        [] => PathBuf::from(WORKLOADS[0]),
        [file] => file.clone(),
        _ => return Err(Stop::usage("--self-test tries one workload: name one")),
    };
    let mode = match arguments.modes[..] {
        [] => MODES[0],
        [mode] => mode,
        _ => return Err(Stop::usage("--self-test tries one mode: name one with --modes")),
    };
    let side = side(head_program(None)?, &file, arguments)?;
    let settings =
        Settings { max_time: arguments.budget.unwrap_or(MAX_TIME), ..settings(arguments, design.clone(), look) };
    let started = utc_now();
    let environment = Environment::now(settings.argv.clone(), Some(settings.seed), started.clone());
    let folder = folder::make(settings.out.as_deref(), &started, "self-test", &environment.short_revision())?;
    folder::write_json(&folder, folder::ENV, &environment)?;
    let watch = Neighbours::watch();
    let series = self_test::measure(&side, mode_text(mode), &folder, &settings)?;
    let found = SelfTest::of(&series, design);
    self_test::write(&folder, &found)?;
    if !look.quiet {
        watch.report(None).iter().chain(&environment.advice()).for_each(|note| print::note(note));
        print::note(&format!("series and result are in {}", folder.display()));
    }
    let faults = found.faults(arguments.require);
    let last = found.last_line(arguments.require) + "\n";
    print::out(&match look.format {
        Shape::Json => serde_json::to_string_pretty(&found).map_err(|e| Stop::failed(e.to_string()))? + "\n",
        Shape::Csv => last,
        Shape::Human | Shape::Md => format!("{}\n{last}", found.text()),
    })?;
    if STOP.load(Ordering::Relaxed) {
        return Ok(Exit::Interrupted);
    }
    for fault in &faults {
        print::error(fault);
    }
    Ok(if faults.is_empty() { Exit::Pass } else { Exit::Unfit })
}

fn design(arguments: &GateArguments) -> Result<Design, Stop> {
    const PAIRS_MAX: u32 = 1000;
    let GateArguments { pairs, max_pairs, .. } = arguments;
    if *pairs < 4 || pairs % 2 == 1 || max_pairs % 2 == 1 || max_pairs < pairs || *max_pairs > PAIRS_MAX {
        return Err(Stop::usage(format!(
            "--pairs {pairs} --max-pairs {max_pairs}: both must be even (pairs come two a block, A B B A), from 4 to {PAIRS_MAX}, and --max-pairs not below --pairs"
        )));
    }
    Ok(Design {
        gas_equal: arguments.gas_equal,
        same_output: arguments.same_output,
        inconclusive_fails: arguments.inconclusive == OnInconclusive::Fail,
        ..Design::new(*pairs, *max_pairs, arguments.floor)
    })
}

fn settings(arguments: &GateArguments, design: Design, look: &Look) -> Settings<'static> {
    Settings {
        modes: if arguments.modes.is_empty() { MODES.to_vec() } else { arguments.modes.clone() },
        design,
        max_time: arguments.max_time.unwrap_or(MAX_TIME),
        seed: arguments.seed.unwrap_or(42),
        out: arguments.out.clone(),
        quiet: look.quiet,
        verbose: look.verbose,
        argv: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        stop: &STOP,
    }
}

fn side(program: PathBuf, file: &Path, arguments: &GateArguments) -> Result<Side, Stop> {
    let overrides = Overrides { own: arguments.own.clone(), seed: arguments.seed, ..Overrides::default() };
    let workload = workload::load(file)?;
    let parameters = Parameters::resolve(&workload, &overrides)?;
    Ok(Side { program, workload, parameters, engine: None })
}

/// Two engines of somebody else on each workload.
fn engine_pairs(arguments: &GateArguments) -> Result<Vec<Pair>, Stop> {
    let [base, head] = engines_of(arguments)?;
    if arguments.workloads.is_empty() {
        return Err(Stop::usage("name what the engines should run: zx-bench gate WORKLOAD --engine ... --engine ..."));
    }
    let side = |engine: &ForeignEngine, file: &PathBuf| {
        // A Zexus workload has its parameters checked; anything else is the engines' own affair.
        let is_zexus = file.extension().is_none_or(|extension| extension == "zx") && workload::exists(file);
        if is_zexus {
            return side(PathBuf::new(), file, arguments).map(|side| Side { engine: Some(engine.clone()), ..side });
        }
        let parameters = Parameters::foreign(&arguments.own, arguments.seed)?;
        let workload = workload::load_foreign(file)?;
        Ok(Side { program: PathBuf::new(), workload, parameters, engine: Some(engine.clone()) })
    };
    let pair = |file: &PathBuf| Ok(Pair { base: side(&base, file)?, head: side(&head, file)? });
    arguments.workloads.iter().map(pair).collect()
}

fn engines_of(arguments: &GateArguments) -> Result<[ForeignEngine; 2], Stop> {
    match (&arguments.engines[..], &arguments.base, &arguments.head) {
        ([base, head], None, None) => {
            let mut found = found(&[base.clone(), head.clone()])?.into_iter();
            found.next().zip(found.next()).map(Into::into).ok_or_else(|| Stop::usage("two engines are needed"))
        }
        ([engine], Some(base), Some(head)) if engine.takes_program() => {
            let in_place = |path: &Path| {
                // A file here needs no `./`; anything else is looked up on the path.
                let file = std::path::absolute(path).ok().filter(|_| path.is_file());
                engine.with_program(file.as_deref().unwrap_or(path)).find()
            };
            Ok([in_place(Path::new(base))?, in_place(head)?])
        }
        _ => Err(Stop::usage(
            "a gate between other engines takes two of them, --engine base='./old {workload}' --engine head='./new {workload}', or one with {program} in its command, --base PROGRAM and --head PROGRAM",
        )),
    }
}

fn named_workloads(arguments: &GateArguments) -> Vec<PathBuf> {
    if arguments.workloads.is_empty() { WORKLOADS.map(PathBuf::from).to_vec() } else { arguments.workloads.clone() }
}

fn heads(arguments: &GateArguments) -> Result<Vec<Side>, Stop> {
    let program = head_program(arguments.head.as_deref())?;
    named_workloads(arguments).iter().map(|file| side(program.clone(), file, arguments)).collect()
}

/// Both sides of everything to be measured.
fn pairs(arguments: &GateArguments, named: Option<Base>, taken: &Path, look: &Look) -> Result<Vec<Pair>, Stop> {
    let head = head_program(arguments.head.as_deref())?;
    let mut pairs = Vec::new();
    match (named, &arguments.base_workload, &arguments.head_workload) {
        (None, Some(old), Some(new)) => {
            let base = side(head.clone(), old, arguments)?;
            pairs.push(Pair { base, head: side(head, new, arguments)? });
        }
        (Some(Base::Revision(revision)), ..) if !arguments.contracts.is_empty() => {
            for contract in &arguments.contracts {
                let old = file_of_revision(&revision, contract, taken)?;
                let base = side(head.clone(), &old, arguments)?;
                pairs.push(Pair { base, head: side(head.clone(), contract, arguments)? });
            }
        }
        (Some(_), ..) if !arguments.contracts.is_empty() => {
            return Err(Stop::usage("contracts behind `--` are taken from git: --base must name a revision"));
        }
        (Some(named), ..) => {
            let program = match named {
                Base::Revision(revision) => {
                    if !look.quiet {
                        print::note(&format!("building the base, revision {revision}"));
                    }
                    build_revision(&revision, &STOP)?
                }
                Base::Program(path) | Base::Stored(path) => path,
            };
            for file in named_workloads(arguments) {
                let base = side(program.clone(), &file, arguments)?;
                pairs.push(Pair { base, head: side(head.clone(), &file, arguments)? });
            }
        }
        (None, ..) => {
            return Err(Stop::usage(
                "nothing to compare with: --base BINARY|REV|DIR, or --base-workload and --head-workload, or --counters",
            ));
        }
    }
    pairs.iter().try_for_each(Pair::check)?;
    Ok(pairs)
}

/// Why nothing needs to be measured, if so.
fn unmeasured(arguments: &GateArguments, pairs: &[Pair]) -> Result<Option<String>, Stop> {
    if arguments.measure_identical {
        return Ok(None);
    }
    for pair in pairs {
        if !pair.is_identical()? {
            return Ok(None);
        }
    }
    Ok(Some("base and head are the same binary on the same workloads (--measure-identical measures them)".into()))
}

/// Prints, appends, and gives the exit status.
fn finish(outcome: &Outcome, inconclusive_fails: bool, look: &Look) -> Result<Exit, Stop> {
    for problem in &outcome.problems {
        print::error(problem);
    }
    if !look.quiet {
        outcome.notes.iter().for_each(|note| print::note(note));
        print::note(&format!("records and verdict are in {}", outcome.folder.display()));
    }
    show_verdict(&outcome.verdict, look)?;
    Ok(outcome.exit.max(exit_of(&outcome.verdict, inconclusive_fails)))
}

/// The verdict in the form that was asked for, and for GitHub, if it listens.
pub(super) fn show_verdict(verdict: &GateVerdict, look: &Look) -> Result<(), Stop> {
    let line = show::last_line(verdict) + "\n";
    let text = match look.format {
        Shape::Human => show::human(verdict),
        Shape::Md => show::markdown(verdict, "zx-bench gate") + "\n" + &line,
        Shape::Json => serde_json::to_string_pretty(verdict).map_err(|e| Stop::failed(e.to_string()))? + "\n",
        Shape::Csv => line,
    };
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") {
        let comment = show::markdown(verdict, "zx-bench gate") + "\n";
        let appended = OpenOptions::new().create(true).append(true).open(&path);
        if let Err(e) = appended.and_then(|mut file| file.write_all(comment.as_bytes())) {
            print::warn(&format!("cannot append to $GITHUB_STEP_SUMMARY ({}): {e}", path.to_string_lossy()));
        }
    }
    print::out(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::gate::FLOOR;

    #[test]
    fn defaults_are_those_of_the_documents() {
        assert_eq!((PAIRS, MAX_PAIRS, FLOOR), (10, 40, 0.02));
        assert_eq!(MODES.map(mode_text), ["vm", "adaptive"]);
    }
}
