//! Tests that a program brings along: its actions named `test_*`, each in a fresh isolate, in one or more modes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::engine::{Digest, Engine, Failure, FailureKind, Isolate, Mode, OutputSink, Program, RunOptions};

use super::mode::mode_text;

/// What the name of a test begins with.
pub const PREFIX: &str = "test_";

/// How tests are run.
#[derive(Clone, Debug)]
pub struct TestSettings {
    /// Each test runs in all of them; there is at least one.
    pub modes: Vec<Mode>,
    /// Time for the top level and the test together.
    pub timeout: Option<Duration>,
    /// Seed of `random`.
    pub seed: u64,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In every mode alike.
    Passed,
    /// In every mode alike.
    Failed {
        /// The message alone.
        message: String,
        /// As a user sees it.
        rendered: String,
    },
    /// Two modes did not do the same: a fault of the runtime.
    Differs {
        /// What differs, and how.
        what: String,
    },
    /// Ctrl-C.
    Interrupted,
}

/// One test that has been run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOutcome {
    /// Its action.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What it printed, the top level's lines included, in the first mode.
    pub output: String,
    /// All its runs together.
    pub elapsed: Duration,
}

/// Everything that must not depend on the mode.
#[derive(PartialEq)]
struct Observed {
    failure: Option<Failure>,
    output: String,
    events: Vec<String>,
    gas: u64,
    logical_bytes: u64,
    root: Digest,
}

/// Runs one test.
pub fn run_test(program: &Arc<Program>, name: &str, settings: &TestSettings, stop: &'static AtomicBool) -> TestOutcome {
    let started = Instant::now();
    let mut first: Option<(Mode, Observed)> = None;
    let mut verdict = None;
    for &mode in &settings.modes {
        let observed = observe(program, name, mode, settings, stop);
        // Relaxed: the flag is the message.
        if stop.load(Ordering::Relaxed) {
            verdict = Some(Verdict::Interrupted);
            break;
        }
        match &first {
            None => first = Some((mode, observed)),
            Some((known, reference)) => {
                if let Some(what) = difference((*known, reference), (mode, &observed)) {
                    verdict = Some(Verdict::Differs { what });
                    break;
                }
            }
        }
    }
    let (failure, output) = first.map_or((None, String::new()), |(_, first)| (first.failure, first.output));
    let verdict = verdict.unwrap_or(match failure {
        None => Verdict::Passed,
        Some(Failure { message, rendered, .. }) => Verdict::Failed { message, rendered },
    });
    TestOutcome { name: name.to_owned(), verdict, output, elapsed: started.elapsed() }
}

/// The top level, then the test, on state of their own.
fn observe(
    program: &Arc<Program>,
    name: &str,
    mode: Mode,
    settings: &TestSettings,
    stop: &'static AtomicBool,
) -> Observed {
    let options = RunOptions {
        output: OutputSink::Capture,
        seed: Some(settings.seed),
        timeout: settings.timeout,
        ..RunOptions::default()
    };
    let mut isolate = Isolate::new(&Engine::new(mode), program, options);
    isolate.keep_events();
    let (done, watcher) = watch(&isolate, stop);
    let failure = match isolate.run_once().failure {
        Some(failure) => Some(failure),
        None => isolate.call(name, &[]).err(),
    };
    done.store(true, Ordering::Relaxed);
    watcher.thread().unpark();
    // A watcher that panicked has nothing to say.
    drop(watcher.join());
    let counters = isolate.counters();
    Observed {
        failure,
        output: isolate.captured_output().to_owned(),
        events: isolate.events().to_vec(),
        gas: counters.gas,
        logical_bytes: counters.logical_bytes,
        root: isolate.state_root(),
    }
}

/// Passes a Ctrl-C on to the isolate until the run is done.
fn watch(isolate: &Isolate, stop: &'static AtomicBool) -> (Arc<AtomicBool>, std::thread::JoinHandle<()>) {
    const LOOK: Duration = Duration::from_millis(20);
    let done = Arc::new(AtomicBool::new(false));
    let (handle, ended) = (isolate.interrupt_handle(), done.clone());
    let watcher = std::thread::spawn(move || {
        // Relaxed: the flags are the messages.
        while !ended.load(Ordering::Relaxed) {
            if stop.load(Ordering::Relaxed) {
                return handle.stop();
            }
            std::thread::park_timeout(LOOK);
        }
    });
    (done, watcher)
}

/// What two modes did differently, if anything that counts. A run that a limit of the host ended may stop anywhere.
fn difference((known, a): (Mode, &Observed), (mode, b): (Mode, &Observed)) -> Option<String> {
    let by_host =
        |observed: &Observed| observed.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Interrupted);
    if a == b || by_host(a) && by_host(b) {
        return None;
    }
    let end =
        |observed: &Observed| observed.failure.as_ref().map_or("passed".to_owned(), |failure| failure.rendered.clone());
    let (what, left, right) = if a.failure != b.failure {
        ("the end", end(a), end(b))
    } else if a.output != b.output {
        ("the output", a.output.clone(), b.output.clone())
    } else if a.events != b.events {
        ("the events", a.events.join("\n"), b.events.join("\n"))
    } else if a.gas != b.gas {
        ("the gas used", a.gas.to_string(), b.gas.to_string())
    } else if a.logical_bytes != b.logical_bytes {
        ("the logical bytes", a.logical_bytes.to_string(), b.logical_bytes.to_string())
    } else {
        ("the state", "one state root".to_owned(), "another".to_owned())
    };
    Some(format!("{what} differs between the modes\n{}: {left}\n{}: {right}", mode_text(known), mode_text(mode)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(gas: u64, end: Option<FailureKind>) -> Observed {
        let failure = end.map(|kind| Failure { kind, message: "m".into(), place: None, rendered: format!("at {gas}") });
        Observed { failure, output: String::new(), events: Vec::new(), gas, logical_bytes: 0, root: [0; 32] }
    }

    fn between(a: &Observed, b: &Observed) -> Option<String> {
        difference((Mode::Interpreter, a), (Mode::Vm, b))
    }

    #[test]
    fn what_differs_is_told() {
        assert_eq!(between(&observed(5, None), &observed(5, None)), None);
        let told = between(&observed(5, None), &observed(6, None)).expect("gas differs");
        assert_eq!(told, "the gas used differs between the modes\ninterpreter: 5\nvm: 6");
        let told = between(&observed(5, None), &observed(5, Some(FailureKind::Error))).expect("the end differs");
        assert!(told.contains("interpreter: passed\nvm: at 5"), "{told}");
        // A time limit strikes where it strikes.
        let late = |gas| observed(gas, Some(FailureKind::Interrupted));
        assert_eq!(between(&late(5), &late(6)), None);
        assert!(between(&late(5), &observed(5, None)).is_some());
    }
}
