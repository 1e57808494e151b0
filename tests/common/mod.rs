//! What the tests over `tests/cases` share: expectations from comments, one observed run, and the comparison of
//! every case in some modes with the interpreter.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod generator;
pub(crate) mod hot_calls;

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use zx::engine::{
    Cache, Engine, FailureKind, FileLoader, ForcedGuards, Isolate, Mode, NativeCounts, OutputSink, Program, RunOptions,
    SiteProfile, TierProfile,
};

/// What a case's comments expect.
#[derive(Default)]
pub(crate) struct Expected {
    pub(crate) output: String,
    pub(crate) error: Option<String>,
    /// The line, or `file.zx:line` of an imported file.
    pub(crate) line: Option<String>,
    pub(crate) kind: Option<FailureKind>,
    pub(crate) events: Vec<String>,
    pub(crate) gas_limit: Option<u64>,
    pub(crate) alloc_limit: Option<u64>,
}

pub(crate) fn expected(source: &str) -> Expected {
    let mut expected = Expected::default();
    for line in source.lines().map(str::trim_start) {
        if let Some(text) = line.strip_prefix("//=") {
            expected.output.push_str(text.strip_prefix(' ').unwrap_or(text));
            expected.output.push('\n');
        } else if let Some(text) = line.strip_prefix("//!") {
            expected.error = Some(text.trim().to_owned());
            expected.kind = Some(FailureKind::Error);
        } else if let Some(text) = line.strip_prefix("//@") {
            expected.line = Some(text.trim().to_owned());
        } else if let Some(text) = line.strip_prefix("//^") {
            expected.kind = Some(match text.trim() {
                "outofgas" => FailureKind::OutOfGas,
                "outofmemory" => FailureKind::OutOfMemory,
                other => panic!("unknown end {other}"),
            });
        } else if let Some(text) = line.strip_prefix("//~ event ") {
            expected.events.push(text.trim().to_owned());
        } else if line.starts_with("//~") {
            panic!("`{line}`: an event is expected as `//~ event Contract Name [arguments]`");
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
pub(crate) struct Observed {
    pub(crate) output: String,
    pub(crate) failure: Option<(FailureKind, String, String)>,
    pub(crate) events: Vec<String>,
    pub(crate) gas: u64,
    pub(crate) logical_bytes: u64,
    pub(crate) root: [u8; 32],
}

/// `name` is the path of the case in `tests/cases`: what it imports stands beside it.
pub(crate) fn observe(source: &str, name: &str, mode: Mode, collect_always: bool, expected: &Expected) -> Observed {
    observe_program(&compiled(source, name), mode, collect_always, expected)
}

pub(crate) fn compiled(source: &str, name: &str) -> Arc<Program> {
    let loader = FileLoader::new(Some(&folder().join(name)), &[]);
    let program = Program::compile_with(source, name, &loader);
    program.unwrap_or_else(|errors| panic!("{name}: {}\n{source}", errors.rendered))
}

pub(crate) fn observe_program(
    program: &Arc<Program>,
    mode: Mode,
    collect_always: bool,
    expected: &Expected,
) -> Observed {
    observe_isolate(&mut isolate(program, mode, collect_always, expected))
}

fn isolate(program: &Arc<Program>, mode: Mode, collect_always: bool, expected: &Expected) -> Isolate {
    let options = RunOptions {
        output: OutputSink::Capture,
        gas_limit: expected.gas_limit,
        alloc_limit: expected.alloc_limit,
        seed: Some(42),
        collect_always,
        ..RunOptions::default()
    };
    Isolate::new(&Engine::new(mode), program, options)
}

fn observe_isolate(isolate: &mut Isolate) -> Observed {
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

/// Where the cases stand.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Every `NAME.zx` of `tests/cases`, and every `modules/NAME/main.zx`: its path there and its text.
pub(crate) fn cases() -> Vec<(String, String)> {
    let entries = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let single = entries(folder()).filter(|path| path.extension().is_some_and(|extension| extension == "zx"));
    let of_files = entries(folder().join("modules")).map(|path| path.join("main.zx"));
    let only = std::env::var("ZX_CASE").ok();
    let mut cases: Vec<(String, String)> = single
        .chain(of_files)
        .map(|path| {
            let name = path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
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
        if let Some(line) = &expected.line
            && !rendered.lines().any(|shown| is_at(shown, line, name))
        {
            let _ = write!(problem, "error not at line {line}: {rendered}; ");
        }
    }
    if !expected.events.is_empty() && observed.events != expected.events {
        let _ = write!(problem, "events {:?}, expected {:?}; ", observed.events, expected.events);
    }
    (!problem.is_empty()).then_some(problem)
}

/// Whether a line of an error's text shows this place: a line of the case, perhaps with a column that is not looked
/// at, or `file.zx:line` in a file beside it.
fn is_at(shown: &str, place: &str, name: &str) -> bool {
    let Some((_, site)) = shown.split_once("--> ") else { return false };
    let site = site.rsplit_once(':').map_or(site, |(site, _)| site);
    match place.split_once(".zx:") {
        Some(_) => site.rsplit('/').next() == Some(place),
        None => site == format!("{name}:{}", place.split(':').next().unwrap_or(place)),
    }
}

/// What the interpreter does with a case, and what is wrong with that.
struct Reference {
    name: String,
    source: String,
    expected: Expected,
    observed: Result<Observed, String>,
}

/// Every case run once by the interpreter; the tests of a binary share it.
fn references() -> &'static [Reference] {
    static REFERENCES: OnceLock<Vec<Reference>> = OnceLock::new();
    REFERENCES.get_or_init(|| {
        let reference = |(name, source): (String, String)| {
            let expected = expected(&source);
            let observed = guarded(&source, &name, Mode::Interpreter, false, &expected);
            Reference { name, source, expected, observed }
        };
        let references: Vec<Reference> = cases().into_iter().map(reference).collect();
        assert!(!references.is_empty(), "no case in tests/cases (ZX_CASE names a part of a file's name)");
        references
    })
}

/// A run whose panic is a problem with a name, not the end of the test.
fn guarded(source: &str, name: &str, mode: Mode, collect: bool, expected: &Expected) -> Result<Observed, String> {
    std::panic::catch_unwind(|| observe(source, name, mode, collect, expected))
        .map_err(|_| format!("{name} {mode:?} collect={collect}: panicked"))
}

/// The interpreter does what the comments of every case say.
pub(crate) fn check_comments() {
    let problem = |reference: &Reference| match &reference.observed {
        Ok(observed) => against_comments(&reference.name, observed, &reference.expected)
            .map(|problem| format!("{}: {problem}", reference.name)),
        Err(problem) => Some(problem.clone()),
    };
    report("the comments", references().len(), references().iter().filter_map(problem).collect());
}

/// Every case in these modes is observably the interpreter's run. Two threads, because a machine has as many.
pub(crate) fn check_all(modes: &[Mode], collect_always: bool) {
    let references = references();
    let (next, runs) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let problems = Mutex::new(Vec::new());
    let work = || {
        // Relaxed: the counters hand out and count work, the mutex publishes the findings.
        while let Some(reference) = references.get(next.fetch_add(1, Ordering::Relaxed)) {
            for &mode in modes {
                runs.fetch_add(1, Ordering::Relaxed);
                if let Some(problem) = difference(reference, mode, collect_always) {
                    problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let title = format!("{modes:?}, collect={collect_always}");
    report(&title, runs.into_inner(), problems.into_inner().unwrap_or_else(PoisonError::into_inner));
}

/// Every case through the cache in these modes: first with a cold one, then from it, with a parser that panics. Both
/// runs are observably the interpreter's.
pub(crate) fn check_cached(modes: &[Mode], collect: bool) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path(), true).unwrap();
    let (mut problems, mut runs, mut refused) = (Vec::new(), 0, 0);
    for Reference { name, source, expected, observed } in references() {
        let Ok(observed) = observed else { continue };
        let mut compare = |title: &str, program: &Arc<Program>, mode: Mode| {
            runs += 1;
            let run = || observe_program(program, mode, collect, expected);
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
                Ok(ours) if ours == *observed => {}
                Ok(ours) => problems.push(format!("{name} {title} {mode:?}: {ours:?}\n  {observed:?}")),
                Err(_) => problems.push(format!("{name} {title} {mode:?}: panicked")),
            }
        };
        let loader = FileLoader::new(Some(&self::folder().join(name)), &[]);
        let load = || {
            zx::syntax::poison_parser(true);
            let program = cache.load(source, name, &loader);
            zx::syntax::poison_parser(false);
            program
        };
        assert!(load().is_none(), "{name}: the cache is cold");
        let program = compiled(source, name);
        compare("cold", &program, modes[0]);
        if !cache.store(&program) {
            assert!(source.contains("jit_enabled"), "{name} is not stored");
            refused += 1;
            continue;
        }
        let before = zx::syntax::parses();
        for &mode in modes {
            let program = load().unwrap_or_else(|| panic!("{name}: stored and not loaded"));
            zx::syntax::poison_parser(true);
            compare("warm", &program, mode);
            zx::syntax::poison_parser(false);
        }
        assert_eq!(zx::syntax::parses(), before, "{name}: a hit parses nothing");
    }
    assert!(refused <= references().len() / 50 || refused < 3, "{refused} cases are not stored");
    report(&format!("cached {modes:?}, collect={collect}, {refused} not stored"), runs, problems);
}

/// Every case with hints of what pays: those of its own earlier run, those of another case, and invented ones.
pub(crate) fn check_profiled(collect: bool) {
    let (mut problems, mut runs) = (Vec::new(), 0);
    let mut of_another = TierProfile::default();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for Reference { name, source, expected, observed } in references() {
        let Ok(observed) = observed else { continue };
        let program = compiled(source, name);
        let run = |profile: &TierProfile| {
            let run = || {
                let mut isolate = isolate(&program, Mode::Adaptive, collect, expected);
                isolate.use_tier_profile(profile);
                (observe_isolate(&mut isolate), isolate.tier_profile())
            };
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok()
        };
        let own = run(&TierProfile::default()).map_or_else(TierProfile::default, |(_, learnt)| learnt);
        for (title, profile) in [("own", &own), ("another's", &of_another), ("invented", &invented(&mut random))] {
            runs += 1;
            match run(profile) {
                Some((ours, _)) if ours == *observed => {}
                Some((ours, _)) => problems.push(format!("{name}, {title} profile: {ours:?}\n  {observed:?}")),
                None => problems.push(format!("{name}, {title} profile: panicked")),
            }
        }
        of_another = own;
    }
    report(&format!("profiled, collect={collect}"), runs, problems);
}

/// Loops and actions of small numbers, which most programs have, and now and then one that is nowhere; some paid.
fn invented(random: &mut ChaCha8Rng) -> TierProfile {
    let site = |random: &mut ChaCha8Rng| SiteProfile {
        action: random.random(),
        index: if random.random_ratio(1, 20) { random.random() } else { random.random_range(0..12) },
        step: random.random_range(0..3),
        break_even: random.random_bool(0.5).then(|| random.random_range(0..1_000)),
        speedup: random.random_bool(0.7).then(|| f64::from_bits(random.random())),
        compile_ns: random.random_range(0..2),
        saved_ns: random.random_range(0..4),
    };
    TierProfile { sites: (0..random.random_range(0..40)).map(|_| site(random)).collect() }
}

/// Every case in native code, a part of whose guards fail each time: all parts in turn. Gives how often native code was
/// left.
pub(crate) fn check_forced(parts: u32, collect: bool) -> u64 {
    let arrange = |at| move |program: &Program| program.force_native_guards(ForcedGuards { every: parts, at });
    let counts = (0..parts).map(|at| check_arranged(&format!("guards {at} of {parts}"), arrange(at), collect));
    counts.map(|counts| counts.exits).sum()
}

/// Every case in native code, with something arranged before. Gives the sums of what native code did.
pub(crate) fn check_arranged(title: &str, arrange: impl Fn(&Program), collect: bool) -> NativeCounts {
    let (mut problems, mut runs, mut all) = (Vec::new(), 0, NativeCounts::default());
    for Reference { name, source, expected, observed } in references() {
        let Ok(observed) = observed else { continue };
        runs += 1;
        let program = compiled(source, name);
        arrange(&program);
        let run = || observe_program(&program, Mode::Native, collect, expected);
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
            Ok(ours) if ours == *observed => {}
            Ok(ours) => problems.push(format!("{name}, {title}: {ours:?}\n  {observed:?}")),
            Err(_) => problems.push(format!("{name}, {title}: panicked")),
        }
        let counts = program.native_counts().unwrap_or_default();
        all.units += counts.units;
        all.entries += counts.entries;
        all.exits += counts.exits;
        all.freed_units += counts.freed_units;
    }
    report(&format!("{title}, collect={collect}, {all:?}"), runs, problems);
    all
}

fn difference(reference: &Reference, mode: Mode, collect: bool) -> Option<String> {
    let Reference { name, source, expected, observed } = reference;
    let observed = observed.as_ref().ok()?;
    match guarded(source, name, mode, collect, expected) {
        Ok(ours) if ours == *observed => None,
        Ok(ours) => Some(format!(
            "{name} {mode:?} collect={collect}: differs from the interpreter:\n  {ours:?}\n  {observed:?}"
        )),
        Err(problem) => Some(problem),
    }
}

fn report(title: &str, runs: usize, mut problems: Vec<String>) {
    println!("{title}: {} cases, {runs} runs, {} problems", references().len(), problems.len());
    problems.sort();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
