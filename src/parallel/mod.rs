//! Block executors: one stream of blocks, one or many ledgers.
//!
//! [`Sequential`] is the reference: one ledger, transactions one after another. [`Sharded`] gives
//! each thread a ledger of its own and the same whole stream, so that each thread's chain must
//! equal the reference's: the upper bound of what threads can give. An optimistic parallel
//! executor over one ledger will be a third. This room may know the engine's facade alone; it must
//! never generate transactions, decide how long to run or write results.

mod accounts;
mod envelope;
mod ledgers;
mod life;
mod sequential;
mod sharded;

use std::sync::Arc;

use crate::engine::{Arrival, BlockResult, Counters, Data, Digest, Failure, Samples, Sampling, TierEvent};

pub use accounts::Accounts;
pub use envelope::{Envelope, Refused, Signatures, check_signatures};
pub use ledgers::{IsolateMaker, ShardError, Shards};
pub use life::{StageTimes, Stages};
pub use sequential::Sequential;
pub use sharded::Sharded;

/// A timed stretch of blocks: what every ledger executes.
#[derive(Debug)]
pub struct BlockWindow {
    /// Number of the first block.
    pub first_block: u64,
    /// Transactions of each block.
    pub blocks: Vec<Vec<Data>>,
    /// Their envelopes, block by block; empty blocks where no stage needs any.
    pub envelopes: Vec<Vec<Envelope>>,
    /// Which stages there are beside execution.
    pub stages: Stages,
    /// Transactions before this window.
    pub first_transaction: u64,
    /// Gas of a transaction.
    pub gas_limit: u64,
    /// Seed of the language's `random`.
    pub seed: u64,
    /// Steps of work before each transaction.
    pub work: u32,
    /// Which transactions to time, in latency probes.
    pub sampling: Option<Sampling>,
    /// When transactions begin; none: each when the one before it has ended.
    pub pacing: Option<Pacing>,
    /// Reads the calling thread's CPU time, nanoseconds.
    pub thread_cpu_ns: fn() -> Option<u64>,
}

/// When the transactions of a window are due.
#[derive(Debug, Clone)]
pub struct Pacing {
    /// For each ledger: nanoseconds from the beginning of the window, for each arrival.
    pub due_ns: Vec<Arc<[u64]>>,
    /// Transactions an arrival.
    pub batch: u64,
}

/// What one ledger did with one block.
#[derive(Debug, Clone)]
pub struct BlockOutcome {
    /// Execution, journal, receipts and commit.
    pub execute_ns: u64,
    /// Counts, gas and the digest of the receipts.
    pub result: BlockResult,
    /// Digest of the output so far.
    pub output: Digest,
    /// State root.
    pub root: Option<Digest>,
    /// Time of the state root.
    pub root_ns: u64,
    /// Digest of the accounts' numbers and fees, where there are any.
    pub accounts: Option<Digest>,
    /// Times of the stages around execution.
    pub stages: StageTimes,
}

/// What one ledger did in one window.
#[derive(Debug, Clone)]
pub struct LedgerWindow {
    /// Its blocks, in order.
    pub blocks: Vec<BlockOutcome>,
    /// CPU time over them, state roots and commits to a store included.
    pub cpu_ns: Option<u64>,
    /// Timed transactions; none without a sampling.
    pub samples: Samples,
    /// What became of each arrival; none without a pacing.
    pub arrivals: Vec<Arrival>,
    /// Why the block behind the last one was refused, and nothing after it executed.
    pub refused: Option<Refused>,
    /// Why the block behind the last one could not be committed to the store, and nothing after it executed.
    pub store_failed: Option<String>,
}

/// What an isolate knows about itself at the end.
#[derive(Debug, Clone)]
pub struct LedgerReport {
    /// Counters.
    pub counters: Counters,
    /// Tier decisions.
    pub tier_events: Vec<TierEvent>,
}

/// Executes windows of blocks.
pub trait BlockExecutor {
    /// As in the `executor` column.
    fn name(&self) -> &'static str;
    /// Executes a window on every ledger; element i is ledger i. Inputs are prepared before the
    /// clock starts, and all ledgers start together.
    fn run_window(&mut self, window: &BlockWindow) -> Vec<LedgerWindow>;
    /// Calls an action without arguments on every ledger, untimed: `verify()`.
    fn check(&mut self, action: &str) -> Result<(), Failure>;
    /// Whether no fee was lost on any ledger.
    fn fees_are_conserved(&self) -> bool;
    /// What each isolate knows about itself.
    fn reports(&mut self) -> Vec<LedgerReport>;
}
