//! `zx-bench test FILE...`: the tests that programs bring along.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::cli::script::duration;
use crate::engine::{FileLoader, Mode, Program};
use crate::harness::mode::parse_mode;
use crate::harness::outcome::{Exit, Stop};
use crate::harness::testing::{PREFIX, TestOutcome, TestSettings, Verdict, run_test};
use crate::report::{JunitCase, JunitSuite, junit};

use super::{Look, STOP, Shape, print};

/// Flags of `test`.
#[derive(Debug, clap::Args)]
pub(super) struct TestArguments {
    /// Programs with actions named `test_*`. Each test gets a fresh state: the top level runs, then the action; it
    /// fails if an error leaves either.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Another folder that modules may come from, beside each program's own and those below it (may be repeated).
    #[arg(long, value_name = "DIR")]
    allow_path: Vec<PathBuf>,
    /// Run only tests whose name contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Run each test in these modes, or in `all`; it fails too if they do not do the same.
    #[arg(long, value_name = "MODE,...", default_value = "adaptive", value_parser = parse_modes)]
    modes: Modes,
    /// Write the results to this file as XML for CI servers, in `JUnit`'s form.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Time for one test in one mode, as `10s`.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Seed of `random`.
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
}

/// The modes of `--modes`.
#[derive(Clone, Debug)]
struct Modes(Vec<Mode>);

/// What `--modes all` means.
const ALL: [Mode; 4] = [Mode::Interpreter, Mode::Vm, Mode::Adaptive, Mode::Fixed(1)];

fn parse_modes(text: &str) -> Result<Modes, String> {
    if text == "all" {
        return Ok(Modes(ALL.to_vec()));
    }
    text.split(',').map(parse_mode).collect::<Result<_, _>>().map(Modes)
}

/// One file and its tests.
struct Suite {
    name: String,
    program: Arc<Program>,
    tests: Vec<String>,
}

pub(super) fn test(arguments: &TestArguments, look: &Look) -> Result<Exit, Stop> {
    if look.format != Shape::Human {
        return Err(Stop::usage("`test` prints text only; for programs that read results there is --junit FILE"));
    }
    let suites = arguments.files.iter().map(|file| load(file, arguments)).collect::<Result<Vec<_>, _>>()?;
    if suites.iter().all(|suite| suite.tests.is_empty()) {
        let filter = arguments.filter.as_ref().map_or(String::new(), |filter| format!(" that contains `{filter}`"));
        return Err(Stop::usage(format!("there is no test: no action whose name begins with `{PREFIX}`{filter}")));
    }
    let settings = TestSettings { modes: arguments.modes.0.clone(), timeout: arguments.timeout, seed: arguments.seed };
    let started = Instant::now();
    let mut results = Vec::new();
    for suite in &suites {
        results.push((suite.name.clone(), run(suite, &settings, look.quiet)?));
    }
    if let Some(file) = &arguments.junit {
        write_junit(file, &results)?;
    }
    sum_up(&results, started.elapsed())
}

fn load(file: &Path, arguments: &TestArguments) -> Result<Suite, Stop> {
    let name = file.display().to_string();
    let source = std::fs::read_to_string(file).map_err(|error| Stop::usage(format!("cannot read {name}: {error}")))?;
    let loader = FileLoader::new(Some(file), &arguments.allow_path);
    let program = Program::compile_with(&source, &name, &loader).map_err(|errors| {
        let rendered = errors.rendered.trim_start_matches("error: ").trim_end();
        Stop::usage(rendered.to_owned())
    })?;
    let mut tests = Vec::new();
    for action in program.outer_actions().iter().filter(|action| action.name.starts_with(PREFIX)) {
        if action.required > 0 {
            return Err(Stop::usage(format!(
                "{name}: the test {} has parameters, and nobody gives it arguments",
                action.name
            )));
        }
        if tests.contains(&action.name) {
            return Err(Stop::usage(format!("{name}: two tests are named {}", action.name)));
        }
        tests.push(action.name.clone());
    }
    if let Some(filter) = &arguments.filter {
        tests.retain(|test| test.contains(filter));
    }
    Ok(Suite { name, program, tests })
}

/// Runs the tests of a file and tells each as it ends.
fn run(suite: &Suite, settings: &TestSettings, quiet: bool) -> Result<Vec<TestOutcome>, Stop> {
    let mut outcomes = Vec::new();
    if !quiet && !suite.tests.is_empty() {
        print::out(&format!("{}\n", suite.name))?;
    }
    for test in &suite.tests {
        // Relaxed: the flag is the message.
        if STOP.load(Ordering::Relaxed) {
            break;
        }
        let outcome = run_test(&suite.program, test, settings, &STOP);
        let text = tell(&suite.name, &outcome, quiet);
        print::out(&text)?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// A line for a test; for one that failed also why, and what it printed.
fn tell(file: &str, outcome: &TestOutcome, quiet: bool) -> String {
    let millis = outcome.elapsed.as_secs_f64() * 1e3;
    let what = match &outcome.verdict {
        Verdict::Passed if quiet => return String::new(),
        Verdict::Passed => return format!("  pass  {}  {millis:.1} ms\n", outcome.name),
        Verdict::Interrupted => return format!("  stopped  {}\n", outcome.name),
        Verdict::Failed { rendered, .. } => rendered,
        Verdict::Differs { what } => what,
    };
    let place = if quiet { format!("{file}: ") } else { String::new() };
    let mut text = format!("  FAIL  {place}{}  {millis:.1} ms\n", outcome.name);
    for line in what.lines() {
        let _ = writeln!(text, "    {line}");
    }
    if !outcome.output.is_empty() {
        text.push_str("    it printed:\n");
        for line in outcome.output.lines() {
            let _ = writeln!(text, "    | {line}");
        }
    }
    text
}

fn sum_up(results: &[(String, Vec<TestOutcome>)], elapsed: Duration) -> Result<Exit, Stop> {
    let all = || results.iter().flat_map(|(_, outcomes)| outcomes);
    let count = |wanted: fn(&Verdict) -> bool| all().filter(|outcome| wanted(&outcome.verdict)).count();
    let passed = count(|verdict| *verdict == Verdict::Passed);
    let differ = count(|verdict| matches!(verdict, Verdict::Differs { .. }));
    let failed = count(|verdict| matches!(verdict, Verdict::Failed { .. })) + differ;
    let files = results.iter().filter(|(_, outcomes)| !outcomes.is_empty()).count();
    let plural = if files == 1 { "" } else { "s" };
    let stopped = STOP.load(Ordering::Relaxed);
    let note = if stopped { ", stopped by Ctrl-C" } else { "" };
    let seconds = elapsed.as_secs_f64();
    print::out(&format!("{passed} passed, {failed} failed in {files} file{plural}, {seconds:.2} s{note}\n"))?;
    Ok(match (stopped, differ, failed) {
        (true, ..) => Exit::Interrupted,
        (_, 1.., _) => Exit::Wrong,
        (_, _, 1..) => Exit::Failed,
        _ => Exit::Pass,
    })
}

fn write_junit(file: &Path, results: &[(String, Vec<TestOutcome>)]) -> Result<(), Stop> {
    let case = |outcome: &TestOutcome| JunitCase {
        name: outcome.name.clone(),
        seconds: outcome.elapsed.as_secs_f64(),
        failure: match &outcome.verdict {
            Verdict::Passed => None,
            Verdict::Failed { message, rendered } => Some((message.clone(), rendered.clone())),
            Verdict::Differs { what } => Some(("the modes do not do the same".to_owned(), what.clone())),
            Verdict::Interrupted => Some(("stopped by Ctrl-C".to_owned(), String::new())),
        },
        output: outcome.output.clone(),
    };
    let suites: Vec<JunitSuite> = results
        .iter()
        .map(|(name, outcomes)| JunitSuite { name: name.clone(), cases: outcomes.iter().map(case).collect() })
        .collect();
    std::fs::write(file, junit(&suites))
        .map_err(|error| Stop::failed(format!("cannot write {}: {error}", file.display())))
}
