//! A child's work on a block workload: generate, prepare, execute, prove.

pub(super) mod open;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::{Data, Failure, Isolate, Mode};
use crate::parallel::{BlockExecutor, BlockWindow, LedgerWindow, Pacing, Sequential, Sharded, Shards, StageTimes};

use super::chain::{Chain, block_digest};
use super::child::{Bench, Halt, Talk, WindowSize, longer, say_digest, say_events};
use super::job::JobKind;
use super::machine;
use super::probe::Prober;
use super::protocol::{Failed, Message, counter};
use super::replay;
use super::rng::TransactionRng;
use super::trace::{Reader, Writer};
use super::wallet::Wallet;
use open::Paced;

/// The reference executes as many blocks as it may emit links for, or for this long.
const REFERENCE_TIME: Duration = Duration::from_secs(1);

/// Most transactions held for one window.
const MOST_TRANSACTIONS: u64 = 200_000;

/// Does the job.
pub(super) fn work(bench: &Bench<'_>, talk: &mut Talk) -> Result<(), Halt> {
    if bench.job.kind == JobKind::Record {
        return record(bench);
    }
    let mut generator = Generator::new(bench)?;
    let mut measured = Measured::new(bench, talk)?;
    match bench.job.kind {
        JobKind::Reference => {
            let enough = |m: &Measured<'_, '_>| m.blocks >= bench.job.digests || m.begin.elapsed() >= REFERENCE_TIME;
            while measured.blocks == 0 || (!enough(&measured) && measured.blocks_left() > 0) {
                measured.window(generator.blocks(1)?)?;
            }
        }
        JobKind::Smoke => measured.window(generator.blocks(1)?)?,
        JobKind::Cold | JobKind::Record | JobKind::Actions | JobKind::Count | JobKind::Control => {
            return Err(Halt::Fail(Failed::Runner, "no job for a block workload".into()));
        }
        JobKind::Open => {
            let load = bench.job.open.as_ref();
            let load = load.ok_or_else(|| Halt::Fail(Failed::Runner, "no rates for open load".into()))?;
            measured.open(&mut generator, load)?;
        }
        JobKind::Measure | JobKind::Probe => {
            measured.window(generator.blocks(1)?)?;
            let most = (MOST_TRANSACTIONS / bench.job.parameters.block).max(1);
            let mut size = WindowSize::new(bench.job.window_ns, measured.whole_ns, most);
            while bench.has_time(measured.begin, measured.windows - 1) && measured.blocks_left() > 0 {
                let blocks = size.get().min(measured.blocks_left());
                measured.window(generator.blocks(blocks)?)?;
                size.learn(measured.whole_ns);
            }
        }
    }
    measured.finish()
}

/// Top level, `setup(accounts)`, sealed.
pub(super) fn ready(bench: &Bench<'_>, mode: Mode, sealed: bool) -> Result<Isolate, Failure> {
    let mut isolate = bench.isolate(mode, None);
    if let Some(failure) = isolate.run().failure {
        return Err(failure);
    }
    if bench.program.has_action("setup") {
        let accounts = bench.job.parameters.account_names().map(|name| Data::Str(name.into())).collect();
        isolate.call("setup", &[Data::List(accounts)])?;
    }
    if sealed {
        isolate.seal();
    }
    Ok(isolate)
}

/// Writes the stream to a trace, a block at a time.
fn record(bench: &Bench<'_>) -> Result<(), Halt> {
    let cannot = |message: String| Halt::Fail(Failed::Runner, message);
    let parameters = &bench.job.parameters;
    let path = parameters.trace.as_ref().ok_or_else(|| cannot("no trace to write".into()))?;
    let header = replay::header(&bench.workload_name, &bench.job.workload_digest, parameters);
    let mut generator = Generator::generate(bench)?;
    let mut writer = Writer::create(path, &header).map_err(cannot)?;
    for _ in 0..header.blocks {
        for block in generator.blocks(1)? {
            writer.block(&block).map_err(cannot)?;
        }
        bench.check_time()?;
    }
    writer.finish().map_err(cannot)
}

/// Where the blocks come from.
pub(super) enum Generator<'a, 'b> {
    /// `generate(rng)` makes them.
    Generated(Box<Generated<'a, 'b>>),
    /// They were recorded.
    Recorded(Reader),
}

/// Makes transactions, on an engine of its own: the measured one sees none of it.
pub(super) struct Generated<'a, 'b> {
    bench: &'a Bench<'b>,
    shards: Shards,
    draws: Arc<Mutex<TransactionRng>>,
    next: u64,
}

impl<'a, 'b> Generator<'a, 'b> {
    pub(super) fn new(bench: &'a Bench<'b>) -> Result<Self, Halt> {
        match &bench.job.parameters.trace {
            None => Self::generate(bench),
            Some(path) => Reader::open(path).map(Self::Recorded).map_err(|e| Halt::Fail(Failed::Runner, e)),
        }
    }

    fn generate(bench: &'a Bench<'b>) -> Result<Self, Halt> {
        Generated::new(bench).map(|generated| Self::Generated(Box::new(generated)))
    }

    /// The next blocks, in the order of the stream.
    pub(super) fn blocks(&mut self, count: u64) -> Result<Vec<Vec<Data>>, Halt> {
        match self {
            Self::Generated(generated) => generated.blocks(count),
            Self::Recorded(reader) => (0..count)
                .map(|_| match reader.next_block() {
                    Ok(Some(block)) => Ok(block),
                    Ok(None) => Err("the trace is over".to_owned()),
                    Err(message) => Err(message),
                })
                .collect::<Result<_, _>>()
                .map_err(|message| Halt::Fail(Failed::Runner, message)),
        }
    }
}

impl<'a, 'b> Generated<'a, 'b> {
    fn new(bench: &'a Bench<'b>) -> Result<Self, Halt> {
        let shards = Shards::new(1, &|_| ready(bench, Mode::Interpreter, false))?;
        let parameters = &bench.job.parameters;
        let draws = TransactionRng::new(parameters.seed, parameters.accounts, parameters.skew());
        Ok(Self { bench, shards, draws: Arc::new(Mutex::new(draws)), next: 0 })
    }

    fn blocks(&mut self, count: u64) -> Result<Vec<Vec<Data>>, Halt> {
        let block = self.bench.job.parameters.block;
        let first = self.next;
        self.next += count * block;
        let made = self.shards.each(|_, isolate, _| {
            let mut one = |index| {
                self.draws.lock().unwrap_or_else(PoisonError::into_inner).seek(index);
                isolate.generate("generate", self.draws.clone())
            };
            let mut blocks = Vec::with_capacity(count as usize);
            for ordinal in 0..count {
                let from = first + ordinal * block;
                blocks.push((from..from + block).map(&mut one).collect::<Result<Vec<_>, _>>()?);
            }
            Ok::<_, Failure>(blocks)
        });
        let blocks = made.into_iter().next().unwrap_or_else(|| Ok(Vec::new()));
        blocks.map_err(|failure| Halt::program(&failure))
    }
}

/// Totals over all windows but the cold one.
#[derive(Default)]
struct Totals {
    committed: u64,
    reverted: u64,
    out_of_gas: u64,
    gas: u64,
    blocks: u64,
    roots: u64,
    root_ns: u64,
    stages: StageTimes,
    cpu_ns: Option<u64>,
}

/// A cell under measurement.
struct Measured<'a, 'b> {
    bench: &'a Bench<'b>,
    talk: &'a mut Talk,
    executor: Box<dyn BlockExecutor>,
    chains: Vec<Chain>,
    made: Vec<Instant>,
    begin: Instant,
    blocks: u64,
    windows: u64,
    last_ns: u64,
    /// With the stages around execution: signatures take longer than most executions, and a window is as long as all.
    whole_ns: u64,
    /// With the state roots too: what the next block waits for under open load.
    served_ns: u64,
    totals: Totals,
    prober: Option<Prober>,
    wallet: Wallet,
    /// When the next window's transactions are due, under open load.
    pacing: Option<Pacing>,
    /// What the last such window's ledgers gave.
    paced: Vec<Paced>,
}

impl<'a, 'b> Measured<'a, 'b> {
    fn new(bench: &'a Bench<'b>, talk: &'a mut Talk) -> Result<Self, Halt> {
        let job = bench.job;
        let setups = Mutex::new(vec![(Instant::now(), Duration::ZERO); job.threads]);
        let store_failed = Mutex::new(None);
        let make = |index: usize| {
            let begin = Instant::now();
            let mut isolate = ready(bench, bench.mode, true)?;
            if let Some(Err(error)) =
                bench.store_of(index).map(|(path, owner, syncs)| isolate.open_store(&path, &owner, syncs))
            {
                store_failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.to_string());
            }
            setups.lock().unwrap_or_else(PoisonError::into_inner)[index] = (begin, begin.elapsed());
            Ok(isolate)
        };
        let executor: Box<dyn BlockExecutor> = match (job.executor.as_str(), job.threads) {
            ("sequential", 1) => Box::new(Sequential::new(&make)?),
            ("sharded", threads) => Box::new(Sharded::new(threads, &make)?),
            (executor, threads) => {
                return Err(Halt::Fail(Failed::Runner, format!("no executor `{executor}` on {threads} threads")));
            }
        };
        if let Some(message) = store_failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(Halt::Fail(Failed::Runner, message));
        }
        let setups = setups.into_inner().unwrap_or_else(PoisonError::into_inner);
        let slowest = setups.iter().map(|(_, took)| *took).max().unwrap_or_default();
        talk.count(counter::SETUP_NS, slowest.as_nanos() as f64)?;
        Ok(Self {
            bench,
            talk,
            executor,
            chains: vec![Chain::default(); job.threads],
            made: setups.iter().map(|(begin, _)| *begin).collect(),
            begin: Instant::now(),
            blocks: 0,
            windows: 0,
            last_ns: 0,
            whole_ns: 0,
            served_ns: 0,
            totals: Totals { cpu_ns: Some(0), ..Totals::default() },
            prober: (job.kind == JobKind::Probe).then(|| Prober::new(job.threads)),
            wallet: Wallet::new(job.parameters.stages, job.parameters.seed),
            pacing: None,
            paced: Vec::new(),
        })
    }

    fn blocks_left(&self) -> u64 {
        self.bench.job.parameters.blocks.unwrap_or(u64::MAX).saturating_sub(self.blocks)
    }

    fn window(&mut self, blocks: Vec<Vec<Data>>) -> Result<(), Halt> {
        let parameters = &self.bench.job.parameters;
        let count = blocks.len() as u64;
        let wrapped: Result<Vec<_>, _> = blocks.iter().map(|block| self.wallet.wrap(block)).collect();
        let envelopes = wrapped.map_err(|message| Halt::Fail(Failed::Program, message))?;
        let window = BlockWindow {
            first_block: self.blocks,
            first_transaction: self.blocks * parameters.block,
            blocks,
            envelopes,
            stages: parameters.stages,
            gas_limit: parameters.gas_limit,
            seed: parameters.seed,
            work: parameters.work,
            sampling: self.prober.as_ref().and_then(Prober::sampling),
            pacing: self.pacing.clone(),
            thread_cpu_ns: machine::thread_cpu_ns,
        };
        let done = self.executor.run_window(&window);
        let at_ns = self.begin.elapsed().as_nanos() as u64;
        self.bench.check_time()?;
        self.blocks += count;
        self.windows += 1;
        (self.last_ns, self.whole_ns, self.served_ns) = (0, 0, 0);
        for (isolate, ledger) in done.iter().enumerate() {
            self.take(isolate, ledger, at_ns)?;
        }
        if let Some(prober) = &mut self.prober {
            prober.end_window(self.talk, count * parameters.block, self.last_ns, at_ns)?;
        }
        Ok(())
    }

    fn take(&mut self, isolate: usize, ledger: &LedgerWindow, at_ns: u64) -> Result<(), Halt> {
        let (mut n, mut ns, mut around_ns, mut root_ns) = (0, 0, 0, 0);
        for block in &ledger.blocks {
            n += block.result.committed;
            ns += block.execute_ns + longer(block.execute_ns, self.bench.job.added);
            let StageTimes { sig_ns, nonce_ns, fee_ns, store_ns } = block.stages;
            around_ns += sig_ns + nonce_ns + fee_ns + store_ns;
            root_ns += block.root_ns;
            if let Some((ordinal, message)) = &block.result.forbidden {
                return Err(Halt::Fail(Failed::Program, format!("transaction {ordinal} of the stream: {message}")));
            }
            let digest = block_digest(&block.result, &block.output, block.root.as_ref(), block.accounts.as_ref());
            say_digest(self.talk, &mut self.chains[isolate], &digest, isolate, self.bench.job.digests)?;
        }
        if let Some(refused) = &ledger.refused {
            return Err(Halt::Fail(Failed::Runner, format!("a block was refused: {refused}")));
        }
        if let Some(why) = &ledger.store_failed {
            return Err(Halt::Fail(Failed::Runner, why.clone()));
        }
        self.last_ns = self.last_ns.max(ns);
        self.whole_ns = self.whole_ns.max(ns + around_ns);
        self.served_ns = self.served_ns.max(ns + around_ns + root_ns);
        if self.bench.job.kind == JobKind::Measure {
            self.talk.say(&Message::Window { n, ns: ns.max(1), isolate: isolate as u32, at_ns: Some(at_ns) })?;
        }
        if let Some(prober) = &mut self.prober {
            prober.take(isolate, &ledger.samples);
        }
        if self.pacing.is_some() {
            self.paced.push(Paced::of(ledger));
        }
        if self.windows > 1 {
            self.totals.add(ledger);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Halt> {
        if let Some(prober) = &mut self.prober {
            prober.finish(self.talk, self.begin.elapsed().as_nanos() as u64)?;
        }
        if !self.executor.fees_are_conserved() {
            return Err(Halt::Fail(Failed::Verify, "what senders paid is not what the common account has".into()));
        }
        if self.bench.program.has_action("verify") {
            self.executor.check("verify").map_err(|failure| Halt::verify(&failure))?;
            self.talk.count(counter::VERIFIED, 1.0)?;
        }
        for (name, value) in [
            (counter::COMMITTED, self.totals.committed),
            (counter::REVERTED, self.totals.reverted),
            (counter::OUT_OF_GAS, self.totals.out_of_gas),
            (counter::GAS, self.totals.gas),
        ] {
            self.talk.count(name, value as f64)?;
        }
        let StageTimes { sig_ns, nonce_ns, fee_ns, store_ns } = self.totals.stages;
        for (name, ns) in [
            (counter::STORE_NS, store_ns),
            (counter::SIG_NS, sig_ns),
            (counter::NONCE_NS, nonce_ns),
            (counter::FEE_NS, fee_ns),
        ] {
            if ns > 0 {
                self.talk.count(name, ns as f64)?;
            }
        }
        if let Some(root_ns) = self.totals.all_roots_ns() {
            self.talk.count(counter::ROOT_NS, root_ns)?;
        }
        if let Some(cpu_ns) = self.totals.cpu_ns {
            self.talk.count(counter::CPU_NS, cpu_ns as f64)?;
        }
        let reports = self.executor.reports();
        let compile_ns: u64 = reports.iter().map(|report| report.counters.compile_ns).max().unwrap_or(0);
        self.talk.count(counter::COMPILE_NS, compile_ns as f64)?;
        for (isolate, report) in reports.iter().enumerate() {
            let before = self.begin.saturating_duration_since(self.made[isolate]).as_nanos() as u64;
            say_events(self.talk, &report.tier_events, isolate, before)?;
        }
        Ok(())
    }
}

impl Totals {
    /// What the roots of all blocks took; none where there was none.
    fn all_roots_ns(&self) -> Option<f64> {
        (self.roots > 0).then(|| self.root_ns as f64 / self.roots as f64 * self.blocks as f64)
    }

    fn add(&mut self, ledger: &LedgerWindow) {
        for block in &ledger.blocks {
            self.committed += block.result.committed;
            self.reverted += block.result.reverted;
            self.out_of_gas += block.result.out_of_gas;
            self.gas += block.result.gas;
            self.blocks += 1;
            self.roots += u64::from(block.root.is_some());
            self.root_ns += block.root_ns;
            self.stages.sig_ns += block.stages.sig_ns;
            self.stages.nonce_ns += block.stages.nonce_ns;
            self.stages.fee_ns += block.stages.fee_ns;
            self.stages.store_ns += block.stages.store_ns;
        }
        self.cpu_ns = self.cpu_ns.zip(ledger.cpu_ns).map(|(a, b)| a + b);
    }
}
