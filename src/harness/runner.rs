//! The runner protocol from the other side: what turns an engine into a runner, in a few lines.
//!
//! Implement [`Runner`] for an engine and hand a maker of it to [`serve`]: that is a program which `zx-bench run` and
//! `zx-bench gate` drive with `--engine`. [`drive`] does the same work in process and gives the messages to a function.
//! Windows, threads, the digest chain and the order of what is said are made here, so that runners cannot differ in
//! them.

use std::io::{self, BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use super::chain::{Chain, hex};
use super::child::WindowSize;
use super::machine;
use super::protocol::{Failed, Message, OUTPUT_CHAIN, PROTOCOL, counter};

/// An engine with a workload loaded, on one thread.
pub trait Runner {
    /// Runs the workload once, on fresh state: one pass. The timed part stands between [`Timer::start`] and
    /// [`Timer::stop`]; what is around it is not counted. An error ends the process and is shown to the user.
    fn pass(&mut self, timer: &mut Timer) -> Result<Pass, String>;
}

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pass {
    /// Transactions that were committed.
    pub transactions: u64,
    /// What it printed, or any other text that proves what it did.
    pub output: String,
}

/// Times the part of a pass that counts; may be started and stopped more than once.
#[derive(Debug, Default)]
pub struct Timer {
    started: Option<Instant>,
    total: Duration,
}

impl Timer {
    /// The timed part begins.
    pub fn start(&mut self) {
        self.started = Some(Instant::now());
    }

    /// It ends.
    pub fn stop(&mut self) {
        if let Some(started) = self.started.take() {
            self.total += started.elapsed();
        }
    }

    fn take_ns(&mut self) -> u64 {
        self.stop();
        (std::mem::take(&mut self.total).as_nanos() as u64).max(1)
    }
}

/// How a runner is driven.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the engine.
    pub engine: String,
    /// Threads, each with a runner of its own.
    pub threads: usize,
    /// For how long windows are made.
    pub time: Duration,
    /// Length of a window to aim at.
    pub window: Duration,
    /// Passes of each thread whose digest is said.
    pub digests: u64,
    /// What the digests are of; [`OUTPUT_CHAIN`] if the output is what the Zexus workload prints.
    pub chain: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            engine: "runner".into(),
            threads: 1,
            time: Duration::from_secs(1),
            window: Duration::from_millis(10),
            digests: 20,
            chain: Some(OUTPUT_CHAIN.into()),
        }
    }
}

/// Most passes in a window.
const MOST_PASSES: u64 = 1_000_000;
/// Windows that are made even if they take longer than the time.
const LEAST_WINDOWS: u64 = 8;

/// Drives runners on their threads and says on standard output what the protocol wants: the whole of a runner's `main`.
pub fn serve<R: Runner>(options: &Options, make: impl Fn(usize) -> Result<R, String> + Sync) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut failed = false;
    let mut lost = None;
    drive(options, make, |message| {
        failed |= matches!(message, Message::Fail { .. });
        let line = serde_json::to_string(&message).map_err(io::Error::from);
        lost = lost.take().or_else(|| line.and_then(|line| writeln!(out, "{line}")).err());
    });
    // A reader that is gone needs no status.
    let done = out.flush();
    if failed || (lost.is_none() && done.is_err()) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Drives runners in this process; `say` gets every message, in order, outside the timed stretches.
pub fn drive<R: Runner>(
    options: &Options,
    make: impl Fn(usize) -> Result<R, String> + Sync,
    mut say: impl FnMut(Message),
) {
    say(Message::Hello { protocol: PROTOCOL, engine: options.engine.clone(), chain: options.chain.clone() });
    let threads = options.threads.max(1);
    let (barrier, begin) = (Barrier::new(threads), Instant::now());
    let (sender, said) = channel();
    let shared = Shared { options, barrier: &barrier, begin, next: AtomicU64::new(0) };
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (sender, make, shared) = (sender.clone(), &make, &shared);
            scope.spawn(move || shared.thread(thread, make, &sender));
        }
        drop(sender);
        let mut committed = 0;
        let mut failure = None;
        for message in said {
            match message {
                Message::Fail { .. } => failure = failure.or(Some(message)),
                Message::Counter { value, .. } => committed += value as u64,
                message => say(message),
            }
        }
        say(Message::Counter { name: counter::COMMITTED.into(), value: committed as f64 });
        if let Some(kib) = machine::peak_rss_kib() {
            say(Message::Counter { name: counter::RSS_KIB.into(), value: kib as f64 });
        }
        failure.into_iter().for_each(&mut say);
    });
    say(Message::Bye);
}

/// What the threads of a process share.
struct Shared<'a> {
    options: &'a Options,
    barrier: &'a Barrier,
    begin: Instant,
    /// See [`Shared::next`].
    next: AtomicU64,
}

impl Shared<'_> {
    fn thread<R: Runner>(&self, thread: usize, make: &impl Fn(usize) -> Result<R, String>, to: &Sender<Message>) {
        let isolate = thread as u32;
        let mut runner = make(thread);
        let mut chain = Chain::default();
        let (mut windows, mut committed) = (0, 0);
        let mut size = WindowSize::new(self.options.window.as_nanos() as u64, 0, MOST_PASSES);
        let mut passes = Some(1);
        while let Some(count) = passes {
            self.barrier.wait();
            // A thread that failed still comes to the barriers, or the others would wait for ever.
            let mut done = Ok((0, 1));
            if let Ok(runner) = &mut runner {
                done = self.window(runner, count, &mut chain, isolate, to);
            } else if let Err(message) = &runner {
                done = Err(message.clone());
            }
            let ended = self.begin.elapsed();
            let failed = done.is_err();
            match done {
                Ok((n, ns)) => {
                    let at_ns = Some(ended.as_nanos() as u64);
                    drop(to.send(Message::Window { n, ns, isolate, at_ns }));
                    if windows == 0 {
                        size = WindowSize::new(self.options.window.as_nanos() as u64, ns, MOST_PASSES);
                    } else {
                        committed += n;
                        size.learn(ns);
                    }
                }
                Err(message) => drop(to.send(Message::Fail { what: Failed::Program, message })),
            }
            windows += 1;
            passes = self.next(thread, failed, windows, ended, size.get());
        }
        drop(to.send(Message::Counter { name: counter::COMMITTED.into(), value: committed as f64 }));
    }

    /// Passes of the next window, the same for all threads: the first proposes, any that failed ends it.
    fn next(&self, thread: usize, failed: bool, windows: u64, ended: Duration, size: u64) -> Option<u64> {
        const END: u64 = 0;
        let time = self.options.time;
        let goes_on = ended < time || (windows <= LEAST_WINDOWS && ended < time * 2) || windows < 2;
        if thread == 0 {
            self.next.store(if goes_on { size } else { END }, Ordering::Relaxed); // the barriers order it
        }
        self.barrier.wait();
        if failed {
            self.next.store(END, Ordering::Relaxed); // likewise
        }
        self.barrier.wait();
        Some(self.next.load(Ordering::Relaxed)).filter(|passes| *passes != END) // likewise
    }

    fn window<R: Runner>(
        &self,
        runner: &mut R,
        passes: u64,
        chain: &mut Chain,
        isolate: u32,
        to: &Sender<Message>,
    ) -> Result<(u64, u64), String> {
        let (mut timer, mut transactions) = (Timer::default(), 0);
        for _ in 0..passes {
            // A thread that panics would leave the others waiting for it.
            let done = catch_unwind(AssertUnwindSafe(|| runner.pass(&mut timer)));
            let pass = done.map_err(|_| "the runner panicked: see its standard error")??;
            timer.stop();
            transactions += pass.transactions;
            if chain.length() < self.options.digests {
                let index = chain.length();
                let link = chain.push_output(&pass.output);
                drop(to.send(Message::Digest { index, hex: hex(&link), isolate }));
            }
        }
        Ok((transactions, timer.take_ns()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::protocol::Conversation;

    /// Counts; fails or panics in the pass that it is told.
    struct Counter {
        pass: u64,
        bad: Option<(u64, bool)>,
    }

    impl Runner for Counter {
        fn pass(&mut self, timer: &mut Timer) -> Result<Pass, String> {
            self.pass += 1;
            if let Some((_, panics)) = self.bad.filter(|(at, _)| *at == self.pass) {
                assert!(!panics, "as told");
                return Err("no money".into());
            }
            timer.start();
            std::thread::sleep(Duration::from_micros(200));
            timer.stop();
            Ok(Pass { transactions: 5, output: "1\n".into() })
        }
    }

    fn driven(threads: usize, bad: Option<(u64, bool)>) -> Vec<Message> {
        let options = Options {
            threads,
            time: Duration::from_millis(20),
            window: Duration::from_millis(1),
            digests: 3,
            ..Options::default()
        };
        let mut said = Vec::new();
        drive(&options, |thread| Ok(Counter { pass: 0, bad: bad.filter(|_| thread == threads - 1) }), |m| said.push(m));
        said
    }

    #[test]
    fn what_is_said_is_the_protocol() {
        let said = driven(2, None);
        let mut talk = Conversation::default();
        for message in &said {
            let line = serde_json::to_vec(message).expect("serializes");
            assert_eq!(talk.read(&line).as_ref(), Ok(message));
        }
        assert!(talk.is_finished());
        let windows = |thread: u32| {
            let of = |m: &&Message| matches!(m, Message::Window { isolate, .. } if *isolate == thread);
            said.iter().filter(of).count()
        };
        assert!(windows(0) >= 2 && windows(0) == windows(1));
        let links: Vec<_> = said.iter().filter(|m| matches!(m, Message::Digest { isolate: 1, .. })).collect();
        assert_eq!(links.len(), 3);
        let transactions: u64 = said.iter().map(|m| if let Message::Window { n, .. } = m { *n } else { 0 }).sum();
        let counted = said.iter().find_map(|m| match m {
            Message::Counter { name, value } if name == counter::COMMITTED => Some(*value),
            _ => None,
        });
        assert_eq!(counted, Some((transactions - 10) as f64), "all but the two cold passes");
    }

    #[test]
    fn a_failure_ends_all_threads() {
        for panics in [false, true] {
            let said = driven(2, Some((3, panics)));
            let failed = said.iter().find_map(|m| match m {
                Message::Fail { message, .. } => Some(message.clone()),
                _ => None,
            });
            assert!(failed.is_some_and(|text| text == "no money" || panics && text.contains("panicked")));
            assert_eq!(said.last(), Some(&Message::Bye));
        }
    }
}
