//! One isolate a thread, on a pool of exactly that many threads.

use std::sync::{Barrier, Mutex, PoisonError};
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::engine::{BlockResult, BlockSettings, Failure, Isolate, Pacer, PreparedBlock, Probe, Samples, WallPace};

use super::accounts::Accounts;
use super::life::{self, StageTimes};
use super::{BlockOutcome, BlockWindow, LedgerReport, LedgerWindow};

/// Room for the deepest program recursion: the language's own depth limit hits first.
const STACK_BYTES: usize = 256 << 20;

/// Logical bytes that a transaction may allocate.
const ALLOC_LIMIT: u64 = 64 << 20;

/// Time between two blocks, as programs see it.
const BLOCK_TIME_MS: i64 = 1000;

/// Makes the isolate of a thread, ready to be measured.
pub type IsolateMaker<'a> = dyn Fn(usize) -> Result<Isolate, Failure> + Sync + 'a;

/// Isolates, each on its own thread. The pool is built before anything is timed.
///
/// A panic on one thread would leave the others at a barrier for ever: whoever uses this must end
/// the process on panic (the harness's children do).
pub struct Shards {
    pool: ThreadPool,
    isolates: Vec<Mutex<Isolate>>,
    /// Of each isolate's chain.
    accounts: Vec<Mutex<Accounts>>,
}

impl std::fmt::Debug for Shards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shards").field("threads", &self.isolates.len()).finish_non_exhaustive()
    }
}

/// Why shards could not be made.
#[derive(Debug)]
pub enum ShardError {
    /// No threads to be had.
    Threads(String),
    /// The program failed while an isolate was made ready.
    Program(Box<Failure>),
}

impl Shards {
    /// Builds the pool, and each isolate on its own thread.
    pub fn new(threads: usize, make: &IsolateMaker<'_>) -> Result<Self, ShardError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .stack_size(STACK_BYTES)
            .thread_name(|index| format!("shard-{index}"))
            .build()
            .map_err(|e| ShardError::Threads(format!("cannot start {threads} threads: {e}")))?;
        let made = pool.broadcast(|thread| make(thread.index()));
        let isolates = made.into_iter().map(|isolate| isolate.map(Mutex::new));
        let isolates = isolates.collect::<Result<_, _>>().map_err(|failure| ShardError::Program(Box::new(failure)))?;
        let accounts = (0..threads).map(|_| Mutex::default()).collect();
        Ok(Self { pool, isolates, accounts })
    }

    /// Runs `work` on every thread at once, each with its own isolate and a barrier for all.
    pub fn each<T: Send>(&self, work: impl Fn(usize, &mut Isolate, &Barrier) -> T + Sync) -> Vec<T> {
        let barrier = Barrier::new(self.isolates.len());
        self.pool.broadcast(|thread| {
            let isolate = &self.isolates[thread.index()];
            let mut isolate = isolate.lock().unwrap_or_else(PoisonError::into_inner);
            work(thread.index(), &mut isolate, &barrier)
        })
    }

    /// What each isolate knows about itself.
    pub fn reports(&self) -> Vec<LedgerReport> {
        self.each(|_, isolate, _| LedgerReport { counters: isolate.counters(), tier_events: isolate.tier_events() })
    }

    /// A window on every isolate.
    pub(super) fn run_window(&self, window: &BlockWindow) -> Vec<LedgerWindow> {
        let Some(first) = self.isolates.first() else { return Vec::new() };
        let program = first.lock().unwrap_or_else(PoisonError::into_inner).program().clone();
        let prepared: Vec<_> = window.blocks.iter().map(|block| PreparedBlock::new(&program, block)).collect();
        self.each(|thread, isolate, barrier| {
            let mut outcomes = Vec::with_capacity(prepared.len());
            let mut settings = BlockSettings {
                block_number: window.first_block,
                first_index: window.first_transaction,
                gas_limit: window.gas_limit,
                alloc_limit: ALLOC_LIMIT,
                timestamp_ms: 0,
                seed: window.seed,
                work: window.work,
                keep_receipts: false,
                keep_gas: window.stages.fees,
            };
            let mut accounts = self.accounts[thread].lock().unwrap_or_else(PoisonError::into_inner);
            let (mut refused, mut store_failed) = (None, None);
            let mut probe = window.sampling.map(|sampling| {
                let seed = window.seed ^ (window.first_block << 8) ^ thread as u64;
                Probe::new(sampling, seed)
            });
            let due =
                window.pacing.as_ref().and_then(|pacing| Some((pacing.due_ns.get(thread)?.clone(), pacing.batch)));
            barrier.wait();
            let mut pacer = due.map(|(due_ns, batch)| Pacer::new(due_ns, batch, Box::new(WallPace::start())));
            let cpu_before = (window.thread_cpu_ns)();
            for (ordinal, (block, transactions)) in prepared.iter().zip(&window.blocks).enumerate() {
                let envelopes = window.envelopes.get(ordinal).map_or(&[][..], Vec::as_slice);
                let mut times = StageTimes::default();
                let admitted = life::admit(window.stages, &mut accounts, envelopes, window.gas_limit, &mut times);
                if let Err(why) = admitted {
                    refused = Some(why);
                    break;
                }
                settings.timestamp_ms = (settings.block_number as i64 + 1) * BLOCK_TIME_MS;
                let (result, execute_ns) = timed_block(isolate, block, &settings, pacer.as_mut(), probe.as_mut());
                life::settle(
                    window.stages,
                    &mut accounts,
                    envelopes,
                    window.gas_limit,
                    isolate.gas_of_block(),
                    &mut times,
                );
                let digest = (window.stages.nonces || window.stages.fees).then(|| accounts.digest(envelopes));
                let begin = Instant::now();
                let root = isolate.state_root();
                let root_ns = elapsed_ns(begin);
                if isolate.has_store() {
                    let begin = Instant::now();
                    if let Err(error) = isolate.commit_block(settings.block_number, &root) {
                        store_failed = Some(error.to_string());
                        break;
                    }
                    times.store_ns = elapsed_ns(begin);
                }
                outcomes.push(BlockOutcome {
                    execute_ns,
                    result,
                    output: isolate.output_digest(),
                    root: Some(root),
                    root_ns,
                    accounts: digest,
                    stages: times,
                });
                settings.block_number += 1;
                settings.first_index += transactions.len() as u64;
            }
            let cpu_ns = (window.thread_cpu_ns)().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
            let samples = probe.map_or_else(Samples::default, |mut probe| probe.take());
            let arrivals = pacer.map_or_else(Vec::new, Pacer::into_arrivals);
            LedgerWindow { blocks: outcomes, cpu_ns, samples, arrivals, refused, store_failed }
        })
    }

    /// Whether on every ledger the common account has what the senders paid.
    pub(super) fn fees_are_conserved(&self) -> bool {
        self.accounts.iter().all(|accounts| accounts.lock().unwrap_or_else(PoisonError::into_inner).is_conserved())
    }

    /// An action without arguments, on every isolate.
    pub(super) fn check(&self, action: &str) -> Result<(), Failure> {
        let done = self.each(|_, isolate, _| isolate.call(action, &[]).map(drop));
        done.into_iter().collect()
    }
}

/// The timed window of a block. What is not the isolate's in it is overhead, which `ci/overhead.sh` counts; for that it
/// stays a function of its own.
#[inline(never)]
fn timed_block(
    isolate: &mut Isolate,
    block: &PreparedBlock,
    settings: &BlockSettings,
    pacer: Option<&mut Pacer>,
    probe: Option<&mut Probe>,
) -> (BlockResult, u64) {
    let begin = Instant::now();
    let result = match (pacer, probe) {
        (Some(pacer), _) => isolate.execute_paced(block, settings, pacer),
        (None, Some(probe)) => isolate.execute_probed(block, settings, probe),
        (None, None) => isolate.execute(block, settings),
    };
    (result, elapsed_ns(begin))
}

/// Nanoseconds since `begin`, at least 1.
pub(super) fn elapsed_ns(begin: Instant) -> u64 {
    (begin.elapsed().as_nanos() as u64).max(1)
}
