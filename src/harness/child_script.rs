//! A child's work on a script: passes over the whole program.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::{Digest, Failure, Isolate, Mode, Samples};
use crate::parallel::Shards;

use super::chain::{Chain, hex};
use super::child::{Bench, Halt, Talk, WindowSize, longer, say_digest, say_events};
use super::job::JobKind;
use super::machine;
use super::probe::Prober;
use super::protocol::{Failed, Message, counter};

/// The reference makes as many passes as it may emit links for, or for this long.
const REFERENCE_TIME: Duration = Duration::from_secs(1);

/// Most passes in a window.
const MOST_PASSES: u64 = 1_000_000;

/// Does the job.
pub(super) fn work(bench: &Bench<'_>, talk: &mut Talk) -> Result<(), Halt> {
    match bench.job.kind {
        JobKind::Reference => reference(bench, talk),
        JobKind::Cold => cold(bench, talk),
        JobKind::Open | JobKind::Record | JobKind::Actions | JobKind::Count | JobKind::Control => {
            Err(Halt::Fail(Failed::Runner, "no job for a script".into()))
        }
        JobKind::Smoke => {
            let mut measured = Measured::new(bench, talk)?;
            measured.window(1)?;
            measured.finish()
        }
        JobKind::Measure | JobKind::Probe => {
            let mut measured = Measured::new(bench, talk)?;
            measured.window(1)?;
            let mut size = WindowSize::new(bench.job.window_ns, measured.last_ns, MOST_PASSES);
            while bench.has_time(measured.begin, measured.windows - 1) {
                measured.window(size.get())?;
                size.learn(measured.last_ns);
            }
            measured.finish()
        }
    }
}

/// Interpreter, one thread: the chain, and how many transactions a pass holds.
fn reference(bench: &Bench<'_>, talk: &mut Talk) -> Result<(), Halt> {
    let job = bench.job;
    let make = |_| Ok(bench.isolate(Mode::Interpreter, Some(job.transaction.clone())));
    let shards = Shards::new(1, &make)?;
    let begin = Instant::now();
    let mut chain = Chain::default();
    while chain.length() < job.digests && (chain.length() == 0 || begin.elapsed() < REFERENCE_TIME) {
        let pass = only(shards.each(|_, isolate, _| isolate.run()));
        if let Some(failure) = &pass.failure {
            return Err(Halt::program(failure));
        }
        if chain.length() == 0 {
            talk.count(counter::TX_PER_PASS, pass.counted_calls as f64)?;
        }
        if !job.output_chain {
            say_digest(talk, &mut chain, &pass.digest, 0, job.digests)?;
            continue;
        }
        let link = chain.push_output(&only(shards.each(|_, isolate, _| isolate.captured_output().to_owned())));
        talk.say(&Message::Digest { index: chain.length() - 1, hex: hex(&link), isolate: 0 })?;
    }
    Ok(())
}

/// One pass in a fresh process.
fn cold(bench: &Bench<'_>, talk: &mut Talk) -> Result<(), Halt> {
    let shards = Shards::new(1, &|_| Ok(bench.isolate(bench.mode, None)))?;
    let pass = only(shards.each(|_, isolate, _| isolate.run()));
    if let Some(failure) = &pass.failure {
        return Err(Halt::program(failure));
    }
    talk.count(counter::RUN_NS, pass.execute_ns as f64)?;
    let reports = shards.reports();
    if let Some(event) = reports.iter().flat_map(|report| &report.tier_events).next() {
        talk.count(counter::HANDOVER_NS, event.at_ns.saturating_sub(pass.began_ns) as f64)?;
        talk.count(counter::HANDOVER_ITERATION, event.iteration as f64)?;
    }
    say_digest(talk, &mut Chain::default(), &pass.digest, 0, bench.job.digests)?;
    Ok(())
}

/// One thread's part of a window.
struct Stretch {
    ns: u64,
    cpu_ns: Option<u64>,
    digests: Vec<Digest>,
    gas: u64,
    failure: Option<Failure>,
    samples: Samples,
}

/// A cell under measurement.
struct Measured<'a, 'b> {
    bench: &'a Bench<'b>,
    talk: &'a mut Talk,
    shards: Shards,
    chains: Vec<Chain>,
    made: Vec<Instant>,
    begin: Instant,
    windows: u64,
    /// The slowest thread of the last window.
    last_ns: u64,
    passes: u64,
    gas: u64,
    cpu_ns: Option<u64>,
    prober: Option<Prober>,
}

impl<'a, 'b> Measured<'a, 'b> {
    fn new(bench: &'a Bench<'b>, talk: &'a mut Talk) -> Result<Self, Halt> {
        let threads = bench.job.threads;
        let made = Mutex::new(vec![Instant::now(); threads]);
        let shards = Shards::new(threads, &|index| {
            made.lock().unwrap_or_else(PoisonError::into_inner)[index] = Instant::now();
            Ok(bench.isolate(bench.mode, None))
        })?;
        Ok(Self {
            bench,
            talk,
            shards,
            chains: vec![Chain::default(); threads],
            made: made.into_inner().unwrap_or_else(PoisonError::into_inner),
            begin: Instant::now(),
            windows: 0,
            last_ns: 0,
            passes: 0,
            gas: 0,
            cpu_ns: Some(0),
            prober: (bench.job.kind == JobKind::Probe).then(|| Prober::new(threads)),
        })
    }

    /// So many passes on every thread at once.
    fn window(&mut self, passes: u64) -> Result<(), Halt> {
        let job = self.bench.job;
        let sampling = self.prober.as_ref().and_then(Prober::sampling);
        let seed = job.parameters.seed ^ (self.windows << 8);
        let stretches = self.shards.each(|thread, isolate, barrier| {
            let digests = Vec::with_capacity(passes as usize);
            if job.kind == JobKind::Probe {
                isolate.probe_calls_of(&job.transaction, sampling, seed ^ thread as u64);
            }
            barrier.wait();
            let mut stretch = stretch(isolate, passes, digests, job.added);
            stretch.samples = isolate.take_samples();
            stretch
        });
        let at_ns = self.begin.elapsed().as_nanos() as u64;
        let is_cold = self.windows == 0;
        self.windows += 1;
        self.last_ns = stretches.iter().map(|stretch| stretch.ns).max().unwrap_or(1);
        for (isolate, stretch) in stretches.iter().enumerate() {
            for digest in &stretch.digests {
                say_digest(self.talk, &mut self.chains[isolate], digest, isolate, self.bench.job.digests)?;
            }
            if let Some(failure) = &stretch.failure {
                return Err(Halt::program(failure));
            }
            let done = stretch.digests.len() as u64;
            if let Some(prober) = &mut self.prober {
                prober.take(isolate, &stretch.samples);
            }
            if self.bench.job.kind == JobKind::Measure {
                let n = done * self.bench.job.tx_per_pass;
                self.talk.say(&Message::Window { n, ns: stretch.ns, isolate: isolate as u32, at_ns: Some(at_ns) })?;
            }
            if !is_cold {
                self.passes += done;
                self.gas += stretch.gas;
                self.cpu_ns = self.cpu_ns.zip(stretch.cpu_ns).map(|(a, b)| a + b);
            }
        }
        if let Some(prober) = &mut self.prober {
            prober.end_window(self.talk, passes * job.tx_per_pass, self.last_ns, at_ns)?;
        }
        self.bench.check_time()
    }

    fn finish(mut self) -> Result<(), Halt> {
        if let Some(prober) = &mut self.prober {
            prober.finish(self.talk, self.begin.elapsed().as_nanos() as u64)?;
        }
        let transactions = self.passes * self.bench.job.tx_per_pass;
        self.talk.count(counter::COMMITTED, transactions as f64)?;
        self.talk.count(counter::GAS, self.gas as f64)?;
        if let Some(cpu_ns) = self.cpu_ns {
            self.talk.count(counter::CPU_NS, cpu_ns as f64)?;
        }
        let reports = self.shards.reports();
        let compile_ns: u64 = reports.iter().map(|report| report.counters.compile_ns).max().unwrap_or(0);
        self.talk.count(counter::COMPILE_NS, compile_ns as f64)?;
        for (isolate, report) in reports.iter().enumerate() {
            let before = self.begin.saturating_duration_since(self.made[isolate]).as_nanos() as u64;
            say_events(self.talk, &report.tier_events, isolate, before)?;
        }
        Ok(())
    }
}

/// Passes, timed without the resetting before each and the digest behind it.
fn stretch(isolate: &mut Isolate, passes: u64, mut digests: Vec<Digest>, added: f64) -> Stretch {
    let (mut gas, mut failure) = (0, None);
    let cpu_before = machine::thread_cpu_ns();
    let mut ns = 0;
    for _ in 0..passes {
        let pass = isolate.run();
        ns += pass.execute_ns + longer(pass.execute_ns, added);
        digests.push(pass.digest);
        gas += pass.gas;
        if pass.failure.is_some() {
            failure = pass.failure;
            break;
        }
    }
    let cpu_ns = machine::thread_cpu_ns().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
    Stretch { ns: ns.max(1), cpu_ns, digests, gas, failure, samples: Samples::default() }
}

/// The result of a pool of one thread.
fn only<T>(mut results: Vec<T>) -> T {
    results.pop().expect("a pool of one thread gives one result")
}
