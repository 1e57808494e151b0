//! The other end of the runner protocol: a fresh process that does one job.
//!
//! It reads and compiles the workload, does the work of [`super::child_script`] or
//! [`super::child_block`], and speaks on standard output. Program output is hashed, never written.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::{
    Cache, Digest, DroppedCosts, Engine, Failure, FailureKind, InterruptHandle, Isolate, Mode, OutputSink, Program,
    RunOptions, TierEvent,
};
use crate::parallel::ShardError;

use super::chain::Chain;
use super::job::{Cost, FormName, Job, JobKind};
use super::machine;
use super::mode::parse_mode;
use super::protocol::{Event, Failed, Message, OUTPUT_CHAIN, PROTOCOL, counter};
use super::store;
use super::{chain, child_actions, child_block, child_control, child_count, child_script, workload};

/// Between flushes, so that the reader is not woken in every window.
const FLUSH_EVERY: Duration = Duration::from_millis(200);

/// How often the watchdog looks again once its time has come.
const WATCHDOG_STEP: Duration = Duration::from_millis(20);

/// Why a child ends early.
pub(super) enum Halt {
    /// Said to the parent as a `fail` line.
    Fail(Failed, String),
    /// The parent is gone.
    Gone,
}

impl From<io::Error> for Halt {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<ShardError> for Halt {
    fn from(error: ShardError) -> Self {
        match error {
            ShardError::Threads(message) => Self::Fail(Failed::Runner, message),
            ShardError::Program(failure) => Self::program(&failure),
        }
    }
}

impl Halt {
    /// The program failed.
    pub(super) fn program(failure: &Failure) -> Self {
        let what = if failure.kind == FailureKind::Interrupted { Failed::TimeLimit } else { Failed::Program };
        let text = if failure.rendered.is_empty() { &failure.message } else { &failure.rendered };
        Self::Fail(what, text.trim_end().to_owned())
    }

    /// `verify()` failed.
    pub(super) fn verify(failure: &Failure) -> Self {
        match Self::program(failure) {
            Self::Fail(Failed::Program, message) => Self::Fail(Failed::Verify, message),
            other => other,
        }
    }
}

/// Does a job; the exit status says only whether a `fail` line was said.
pub fn child(job: &str) -> ExitCode {
    let mut talk = Talk::new();
    let done = serde_json::from_str::<Job>(job)
        .map_err(|e| Halt::Fail(Failed::Runner, format!("the job is not readable: {e}")))
        .and_then(|job| {
            let chain = job.output_chain.then(|| OUTPUT_CHAIN.to_owned());
            talk.say(&Message::Hello { protocol: PROTOCOL, engine: "zx".into(), chain })?;
            work(&job, &mut talk)
        });
    let done = done.and_then(|()| Ok(talk.say_rss()?));
    let (code, last) = match done {
        Ok(()) => (ExitCode::SUCCESS, None),
        Err(Halt::Fail(what, message)) => (ExitCode::FAILURE, Some(Message::Fail { what, message })),
        Err(Halt::Gone) => return ExitCode::SUCCESS,
    };
    let closing = last.map_or(Ok(()), |fail| talk.say(&fail)).and_then(|()| talk.say(&Message::Bye));
    match closing.and_then(|()| talk.flush()) {
        Ok(()) | Err(_) => code,
    }
}

fn work(job: &Job, talk: &mut Talk) -> Result<(), Halt> {
    if job.kind == JobKind::Control {
        return child_control::work(job, talk);
    }
    let runner = |message: String| Halt::Fail(Failed::Runner, message);
    let mode = parse_mode(&job.mode).map_err(runner)?;
    let cache = job.cache.as_deref().and_then(|folder| Cache::at(folder, true));
    let loaded = workload::load_through(&job.workload, cache.as_ref()).map_err(|stop| runner(stop.message))?;
    if loaded.digest != job.workload_digest {
        return Err(runner(format!("{} was changed while the run was under way", job.workload.display())));
    }
    talk.count(counter::PARSE_NS, loaded.program.parse_ns() as f64)?;
    talk.count(counter::RESOLVE_NS, loaded.program.resolve_ns() as f64)?;
    if let Some(load_ns) = loaded.program.load_ns() {
        talk.count(counter::LOAD_NS, load_ns as f64)?;
    }
    if job.parameters.background_compile {
        loaded.program.compile_in_background().map_err(|error| runner(format!("no thread to compile on: {error}")))?;
    }
    if matches!(job.kind, JobKind::Count | JobKind::Probe) {
        loaded.program.keep_calls();
    }
    if !job.dropped.is_empty() {
        let whole = job.kind == JobKind::Cold && job.dropped == [Cost::NativeCode];
        if (job.kind != JobKind::Measure && !whole) || cache.is_some() {
            return Err(runner("costs are dropped in measurements without a cache alone".into()));
        }
        let has = |cost: Cost| job.dropped.contains(&cost);
        let (gas, overflow_checks, journal) = (has(Cost::Gas), has(Cost::OverflowChecks), has(Cost::Journal));
        loaded.program.drop_native_costs(DroppedCosts { gas, overflow_checks, journal });
    }
    let dump = job.explain.as_ref().and_then(|explain| explain.dump.as_deref());
    if dump.is_some() {
        loaded.program.keep_native_texts();
    }
    let watchdog = Watchdog::start(Duration::from_millis(job.limit_ms));
    let bench = Bench { job, mode, program: loaded.program, workload_name: loaded.name, watchdog };
    let done = match job.form {
        _ if job.kind == JobKind::Count => child_count::work(&bench, talk),
        FormName::Block if job.kind == JobKind::Actions => child_actions::work(&bench, talk),
        FormName::Script => child_script::work(&bench, talk),
        FormName::Block => child_block::work(&bench, talk),
    };
    let done = done.and_then(|()| say_native(&bench, dump, talk));
    if let (Some(cache), Ok(())) = (&cache, &done) {
        cache.store(&bench.program);
    }
    match done {
        // Whatever went wrong after the time limit went wrong because of it.
        Err(Halt::Fail(Failed::Program, message)) if bench.watchdog.has_fired() => {
            Err(Halt::Fail(Failed::TimeLimit, message))
        }
        done => done,
    }
}

/// Says what native code there was, if any was made or refused.
fn say_native(bench: &Bench<'_>, dump: Option<&Path>, talk: &mut Talk) -> Result<(), Halt> {
    if let Some(counts) = bench.program.native_counts().filter(|counts| counts.units + counts.refused > 0) {
        for (name, value) in [
            (counter::NATIVE_UNITS, counts.units),
            (counter::NATIVE_COMPILE_NS, counts.compile_ns),
            (counter::NATIVE_BYTES, counts.code_bytes),
            (counter::NATIVE_EXITS, counts.exits),
            (counter::NATIVE_RECOMPILED, counts.recompiled),
            (counter::NATIVE_REFUSED, counts.refused),
        ] {
            talk.count(name, value as f64)?;
        }
    }
    if bench.job.explain.is_some() {
        for text in bench.program.native_report() {
            talk.say(&Message::Note { text })?;
        }
    }
    let Some(folder) = dump else { return Ok(()) };
    let failed = |error| Halt::Fail(Failed::Runner, format!("--dump: cannot write to {}: {error}", folder.display()));
    bench.program.write_texts(folder).map_err(failed)
}

/// What a job's work needs.
pub(super) struct Bench<'a> {
    pub(super) job: &'a Job,
    pub(super) mode: Mode,
    pub(super) program: Arc<Program>,
    pub(super) workload_name: String,
    pub(super) watchdog: Watchdog,
}

impl Bench<'_> {
    /// A fresh isolate, which the watchdog can stop.
    pub(super) fn isolate(&self, mode: Mode, count_calls_of: Option<String>) -> Isolate {
        let options = RunOptions {
            output: if self.job.output_chain { OutputSink::Capture } else { OutputSink::Digest },
            seed: Some(self.job.parameters.seed),
            count_calls_of,
            count_operations: self.job.kind == JobKind::Count,
            below_native: self.job.dropped.contains(&Cost::NativeCode),
            ..RunOptions::default()
        };
        let mut isolate = Isolate::new(&Engine::new(mode), &self.program, options);
        for setting in &self.job.parameters.settings {
            isolate.set_config(&setting.key, setting.value.to_config());
        }
        if self.job.dropped.contains(&Cost::Receipt) {
            isolate.drop_receipts();
        }
        if self.job.dropped.contains(&Cost::Journal) {
            isolate.drop_root();
        }
        self.watchdog.guard(isolate.interrupt_handle());
        isolate
    }

    /// Where the blocks of a ledger go, if they go anywhere: path, owner, whether commits wait for the disk.
    pub(super) fn store_of(&self, ledger: usize) -> Option<(PathBuf, Digest, bool)> {
        let store = self.job.parameters.store.as_ref()?;
        let writes = matches!(self.job.kind, JobKind::Measure | JobKind::Smoke);
        let owner = store::owner(&self.job.workload_digest, &self.job.parameters);
        writes.then(|| (store.of_ledger(ledger), owner, store.syncs))
    }

    /// Whether windows should go on.
    pub(super) fn has_time(&self, begin: Instant, windows: u64) -> bool {
        const LEAST_WINDOWS: u64 = 8;
        const PROBE_WINDOWS: u64 = 3;
        let (passed, budget) = (begin.elapsed(), Duration::from_millis(self.job.process_ms));
        // A probe without a window of each series would be in vain.
        let needed = if self.job.kind == JobKind::Probe { PROBE_WINDOWS } else { 1 };
        passed < budget || (windows < LEAST_WINDOWS && passed < budget * 2) || windows < needed
    }

    /// An error, if the time limit was hit.
    pub(super) fn check_time(&self) -> Result<(), Halt> {
        if !self.watchdog.has_fired() {
            return Ok(());
        }
        Err(Halt::Fail(Failed::TimeLimit, "stopped by the time limit".into()))
    }
}

/// Makes a timed stretch longer by a share of itself; the time that really went by.
pub(super) fn longer(ns: u64, added: f64) -> u64 {
    if added <= 0.0 {
        return 0;
    }
    let (begin, wanted) = (Instant::now(), Duration::from_nanos((ns as f64 * added) as u64));
    while begin.elapsed() < wanted {
        std::hint::spin_loop();
    }
    begin.elapsed().as_nanos() as u64
}

/// Says the next links of a chain, as far as the reference goes.
pub(super) fn say_digest(
    talk: &mut Talk,
    chain: &mut Chain,
    digest: &crate::engine::Digest,
    isolate: usize,
    most: u64,
) -> io::Result<()> {
    let index = chain.length();
    let link = chain.push(digest);
    if index >= most {
        return Ok(());
    }
    talk.say(&Message::Digest { index, hex: chain::hex(&link), isolate: isolate as u32 })
}

/// Says tier decisions; `made_before_ns` is from the making of the isolate to the first transaction.
pub(super) fn say_events(talk: &mut Talk, events: &[TierEvent], isolate: usize, made_before_ns: u64) -> io::Result<()> {
    const MOST: usize = 10_000;
    for event in events.iter().take(MOST) {
        talk.say(&Message::Event(Event {
            at_ns: event.at_ns.saturating_sub(made_before_ns),
            site: event.site.clone(),
            kind: event.kind.into(),
            iteration: event.iteration,
            from: event.from.into(),
            to: event.to.into(),
            compile_ns: event.compile_ns,
            code_bytes: event.code_bytes,
            speedup: event.speedup,
            reason: event.reason.clone(),
            isolate: isolate as u32,
        }))?;
    }
    Ok(())
}

/// How many passes or blocks the next window holds, to be about as long as it should be.
#[derive(Debug)]
pub(super) struct WindowSize {
    target_ns: u64,
    size: u64,
    most: u64,
}

impl WindowSize {
    /// From the first pass or block.
    pub(super) fn new(target_ns: u64, first_ns: u64, most: u64) -> Self {
        let mut size = Self { target_ns, size: 1, most };
        size.learn(first_ns);
        size
    }

    /// The size now.
    pub(super) fn get(&self) -> u64 {
        self.size
    }

    /// Looks at the last window; a size that is about right stays.
    pub(super) fn learn(&mut self, ns: u64) {
        let is_right = ns >= self.target_ns / 2 && ns <= self.target_ns.saturating_mul(2);
        if is_right {
            return;
        }
        let each = (ns / self.size.max(1)).max(1);
        self.size = self.target_ns.div_ceil(each).clamp(1, self.most);
    }
}

/// Standard output, as protocol lines.
pub(super) struct Talk {
    to: BufWriter<StdoutLock<'static>>,
    flushed: Instant,
}

impl Talk {
    fn new() -> Self {
        Self { to: BufWriter::with_capacity(1 << 16, io::stdout().lock()), flushed: Instant::now() }
    }

    /// Says one line. Never called inside a timed stretch.
    pub(super) fn say(&mut self, message: &Message) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, message)?;
        self.to.write_all(b"\n")?;
        if self.flushed.elapsed() > FLUSH_EVERY {
            self.flush()?;
        }
        Ok(())
    }

    /// Says a counter.
    pub(super) fn count(&mut self, name: &str, value: f64) -> io::Result<()> {
        self.say(&Message::Counter { name: name.into(), value })
    }

    fn say_rss(&mut self) -> io::Result<()> {
        machine::peak_rss_kib().map_or(Ok(()), |kib| self.count(counter::RSS_KIB, kib as f64))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed = Instant::now();
        self.to.flush()
    }
}

/// Interrupts every isolate once the time limit has passed.
pub(super) struct Watchdog {
    guarded: Arc<Mutex<Vec<InterruptHandle>>>,
    fired: Arc<AtomicBool>,
}

impl Watchdog {
    fn start(limit: Duration) -> Self {
        let guarded: Arc<Mutex<Vec<InterruptHandle>>> = Arc::default();
        let fired = Arc::new(AtomicBool::new(false));
        let (watched, flag) = (Arc::clone(&guarded), Arc::clone(&fired));
        std::thread::spawn(move || {
            std::thread::sleep(limit);
            flag.store(true, Ordering::Release); // pairs with the load in `has_fired`
            loop {
                for handle in watched.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    handle.time_out();
                }
                std::thread::sleep(WATCHDOG_STEP);
            }
        });
        Self { guarded, fired }
    }

    fn guard(&self, handle: InterruptHandle) {
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    pub(super) fn has_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire) // pairs with the store in `start`
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_made_longer_by_what_is_asked() {
        assert_eq!(longer(1_000_000_000, 0.0), 0);
        assert!((50_000..).contains(&longer(1_000_000, 0.05)));
    }

    #[test]
    fn windows_come_to_their_length_and_stay() {
        let mut size = WindowSize::new(10_000_000, 100_000, 1_000_000);
        assert_eq!(size.get(), 100);
        size.learn(7_000_000);
        assert_eq!(size.get(), 100, "about right: unchanged");
        size.learn(1_000_000); // ten times faster now
        assert_eq!(size.get(), 1000);
        assert_eq!(WindowSize::new(10_000_000, 5_000_000_000, 9).get(), 1);
        assert_eq!(WindowSize::new(10_000_000, 0, 9).get(), 9);
    }
}
