//! The matrix: every case of `tests/cases` through every tier, with and without a collection at every poll. All
//! observables must agree: output, error with its place, events, gas, logical bytes, state root; and they must be
//! what the case's comments say.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use zx::engine::{Engine, FailureKind, Isolate, Mode, OutputSink, Program, RunOptions};

/// What a case's comments expect.
#[derive(Default)]
struct Expected {
    output: String,
    error: Option<String>,
    line: Option<usize>,
    kind: Option<FailureKind>,
    events: Vec<String>,
    gas_limit: Option<u64>,
    alloc_limit: Option<u64>,
}

fn expected(source: &str) -> Expected {
    let mut expected = Expected::default();
    for line in source.lines().map(str::trim_start) {
        if let Some(text) = line.strip_prefix("//=") {
            expected.output.push_str(text.strip_prefix(' ').unwrap_or(text));
            expected.output.push('\n');
        } else if let Some(text) = line.strip_prefix("//!") {
            expected.error = Some(text.trim().to_owned());
            expected.kind = Some(FailureKind::Error);
        } else if let Some(text) = line.strip_prefix("//@") {
            expected.line = text.trim().split(':').next().unwrap().parse().ok();
        } else if let Some(text) = line.strip_prefix("//^") {
            expected.kind = Some(match text.trim() {
                "outofgas" => FailureKind::OutOfGas,
                "outofmemory" => FailureKind::OutOfMemory,
                other => panic!("unknown end {other}"),
            });
        } else if let Some(text) = line.strip_prefix("//~ event ") {
            expected.events.push(text.trim().to_owned());
        } else if let Some(text) = line.strip_prefix("//%") {
            let mut words = text.split_whitespace();
            let (key, value) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
            match key {
                "gas-limit" => expected.gas_limit = Some(value),
                "alloc-limit" => expected.alloc_limit = Some(value),
                other => panic!("unknown option {other}"),
            }
        }
    }
    expected
}

/// Everything observable of one run.
#[derive(Clone, Debug, PartialEq)]
struct Observed {
    output: String,
    failure: Option<(FailureKind, String, String)>,
    events: Vec<String>,
    gas: u64,
    logical_bytes: u64,
    root: [u8; 32],
}

fn observe(source: &str, name: &str, mode: Mode, collect_always: bool, expected: &Expected) -> Observed {
    let program = Program::compile(source, name).unwrap_or_else(|errors| panic!("{name}: {}", errors.rendered));
    let engine = Engine::new(mode);
    let options = RunOptions {
        output: OutputSink::Capture,
        gas_limit: expected.gas_limit,
        alloc_limit: expected.alloc_limit,
        seed: Some(42),
        collect_always,
        ..RunOptions::default()
    };
    let mut isolate = Isolate::new(&engine, &program, options);
    isolate.keep_events();
    let result = isolate.run();
    Observed {
        output: isolate.captured_output().to_owned(),
        failure: result.failure.map(|failure| (failure.kind, failure.message, failure.rendered)),
        events: isolate.events().to_vec(),
        gas: result.gas,
        logical_bytes: result.logical_bytes,
        root: isolate.state_root(),
    }
}

fn cases() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let only = std::env::var("ZX_CASE").ok();
    let mut cases: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "zx"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .filter(|(name, _)| only.as_ref().is_none_or(|only| name.contains(only.as_str())))
        .collect();
    cases.sort();
    cases
}

/// The first difference between what a run did and what the comments say.
fn against_comments(name: &str, observed: &Observed, expected: &Expected) -> Option<String> {
    let mut problem = String::new();
    if observed.output != expected.output {
        let (ours, theirs): (Vec<_>, Vec<_>) = (observed.output.lines().collect(), expected.output.lines().collect());
        let at = (0..ours.len().max(theirs.len())).find(|&at| ours.get(at) != theirs.get(at));
        let at = at.unwrap_or(0);
        let _ = write!(problem, "output line {}: {:?}, expected {:?}; ", at + 1, ours.get(at), theirs.get(at));
    }
    let kind = observed.failure.as_ref().map(|failure| failure.0);
    if kind != expected.kind {
        let _ = write!(problem, "ended with {:?}, expected {:?}; ", observed.failure, expected.kind);
    } else if let (Some(message), Some((_, ours, rendered))) = (&expected.error, &observed.failure) {
        if ours != message {
            let _ = write!(problem, "error {ours:?}, expected {message:?}; ");
        }
        if let Some(line) = expected.line
            && !rendered.contains(&format!("{name}:{line}:"))
        {
            let _ = write!(problem, "error not at line {line}: {rendered}; ");
        }
    }
    if !expected.events.is_empty() && observed.events != expected.events {
        let _ = write!(problem, "events {:?}, expected {:?}; ", observed.events, expected.events);
    }
    (!problem.is_empty()).then_some(problem)
}

fn check_all(modes: &[Mode], collect: &[bool]) {
    let cases = Arc::new(cases());
    assert!(!cases.is_empty());
    let next = std::sync::atomic::AtomicUsize::new(0);
    let problems = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((name, source)) = cases.get(at) else { break };
                    let found = check_case(name, source, modes, collect);
                    problems.lock().unwrap().extend(found);
                }
            });
        }
    });
    let mut problems = problems.into_inner().unwrap();
    problems.sort();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

fn check_case(name: &str, source: &str, modes: &[Mode], collect: &[bool]) -> Vec<String> {
    let mut problems = Vec::new();
    let expected = expected(source);
    let run = |mode, collect_always| {
        std::panic::catch_unwind(|| observe(source, name, mode, collect_always, &expected))
            .map_err(|_| format!("{name} {mode:?} collect={collect_always}: panicked"))
    };
    let reference = match run(Mode::Interpreter, false) {
        Ok(reference) => reference,
        Err(problem) => return vec![problem],
    };
    if let Some(problem) = against_comments(name, &reference, &expected) {
        problems.push(format!("{name}: {problem}"));
    }
    for &mode in modes {
        for &collect_always in collect {
            match run(mode, collect_always) {
                Ok(observed) if observed == reference => {}
                Ok(observed) => problems.push(format!(
                    "{name} {mode:?} collect={collect_always}: differs from the interpreter:\n  {observed:?}\n  {reference:?}"
                )),
                Err(problem) => problems.push(problem),
            }
        }
    }
    problems
}

#[test]
fn interpreter_does_what_the_cases_say() {
    check_all(&[Mode::Interpreter], &[true]);
}

#[test]
fn tiers_agree() {
    let modes = [
        Mode::Vm,
        Mode::Adaptive,
        Mode::Fixed(1),
        Mode::Fixed(2),
        Mode::Fixed(3),
        Mode::Fixed(7),
        Mode::Fixed(500),
    ];
    check_all(&modes, &[false, true]);
}
