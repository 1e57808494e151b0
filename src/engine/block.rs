//! Blocks of transactions: each a checkpoint, with its own gas, allocation budget and context.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::api::{BlockResult, Data, Failure, Receipt, TxStatus};
use super::convert::{export, pooled};
use super::isolate::Isolate;
use super::paced::Pacer;
use super::program::Program;
use super::render;
use crate::ledger::{Accesses, ConflictGraph, Ledger, Recorder};
use crate::runtime::info::ActionId;
use crate::runtime::probe::Probe;
use crate::runtime::{ErrorKind, HOST_FUNCTIONS, HostFunctions, Signal, Site, Unwind};
use crate::value::{ConstantPool, ConstantPoolBuilder, MapData, Value};

/// What all transactions of a block share.
#[derive(Clone, Debug)]
pub struct BlockSettings {
    /// `TX.block_number`
    pub block_number: u64,
    /// Ordinal of the block's first transaction in the whole stream, from 0.
    pub first_index: u64,
    /// Gas of each transaction.
    pub gas_limit: u64,
    /// Logical bytes each may allocate.
    pub alloc_limit: u64,
    /// `TX.timestamp`, milliseconds.
    pub timestamp_ms: i64,
    /// Seed of `random`.
    pub seed: u64,
    /// Steps of `x = (x * 31 + 7) % 1000003` before each transaction.
    pub work: u32,
    /// Keep each receipt.
    pub keep_receipts: bool,
    /// Keep the gas of each transaction.
    pub keep_gas: bool,
}

impl Default for BlockSettings {
    fn default() -> Self {
        Self {
            block_number: 0,
            first_index: 0,
            gas_limit: 1_000_000,
            alloc_limit: 64 << 20,
            timestamp_ms: 0,
            seed: 42,
            work: 0,
            keep_receipts: false,
            keep_gas: false,
        }
    }
}

/// Transactions made ready: immutable values that belong to no isolate, so that any number of them may read one block.
#[derive(Clone, Debug)]
pub struct PreparedBlock(Arc<Inputs>);

#[derive(Debug)]
struct Inputs {
    /// Each transaction, and its `caller` (unset if it has none).
    transactions: Vec<(Value, Value)>,
    /// What the values point to, but for strings that the program has as constants.
    _pool: ConstantPool,
    /// Keeps those.
    program: Arc<Program>,
}

impl PreparedBlock {
    /// Makes transactions of a program ready, untimed.
    pub fn new(program: &Arc<Program>, transactions: &[Data]) -> Self {
        let mut pool = ConstantPoolBuilder::inputs(&program.info.constants);
        let transactions = transactions.iter().map(|data| {
            let from = data.text("caller").map_or(Value::UNSET, |name| pool.string(name));
            (pooled(&mut pool, data), from)
        });
        let transactions = transactions.collect();
        Self(Arc::new(Inputs { transactions, _pool: pool.finish(), program: program.clone() }))
    }

    /// How many transactions.
    pub fn len(&self) -> usize {
        self.0.transactions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.transactions.is_empty()
    }
}

/// Draws for `generate(rng)`.
pub trait GenerateHost: Send + std::fmt::Debug {
    /// `rng.account()`
    fn account(&mut self) -> String;
    /// `rng.int(lo, hi)`: both included.
    fn int(&mut self, lo: i64, hi: i64) -> i64;
    /// `rng.float()`: in [0, 1).
    fn float(&mut self) -> f64;
    /// An index below `len`, for `rng.choice(list)`.
    fn choice_index(&mut self, len: usize) -> usize;
    /// `rng.index()`: the transaction's ordinal.
    fn index(&self) -> u64;
}

/// The adapter between the program's `rng` and the host's draws.
#[derive(Debug)]
struct Draws(Arc<Mutex<dyn GenerateHost>>);

const DRAWS: [&str; 6] = ["account", "int", "float", "choice", "chance", "index"];

impl HostFunctions for Draws {
    fn call(&mut self, function: u32, args: &[Value], isolate: &mut crate::runtime::Isolate) -> Result<Value, Unwind> {
        let mut draws: MutexGuard<'_, _> = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ints = |index: usize| args.get(index).filter(|value| value.is_int()).map(|value| value.as_int());
        match DRAWS.get(function as usize) {
            Some(&"account") => {
                let name = draws.account();
                Ok(isolate.ledger.heap.alloc_str(&name))
            }
            Some(&"int") => match (ints(0), ints(1)) {
                (Some(low), Some(high)) if low <= high => Ok(Value::int(draws.int(low, high))),
                _ => isolate.fail("rng.int(lo, hi) takes two integers with lo <= hi"),
            },
            Some(&"float") => Ok(Value::float(draws.float())),
            Some(&"choice") => {
                let items = args.first().map(|list| isolate.list_items(*list)).unwrap_or_default();
                if items.is_empty() {
                    return isolate.fail("rng.choice(list) takes a list that is not empty");
                }
                Ok(items[draws.choice_index(items.len())])
            }
            Some(&"chance") => match args.first() {
                Some(p) if p.is_number() => Ok(Value::bool(draws.float() < isolate.to_float(*p))),
                _ => isolate.fail("rng.chance(p) takes a probability"),
            },
            _ => Ok(Value::int(draws.index() as i64)),
        }
    }
}

/// Sees transactions begin and end. What it costs lies inside the timed block, so measuring uses [`Unwatched`].
trait Watch {
    /// Whether receipts are written and hashed.
    const RECEIPTS: bool = true;
    fn begins(&mut self, upper: impl FnOnce() -> bool);
    fn ended(&mut self, receipt: &Receipt, ledger: &mut Ledger);
}

/// Sees nothing and costs nothing.
struct Unwatched;

impl Watch for Unwatched {
    #[inline(always)]
    fn begins(&mut self, _upper: impl FnOnce() -> bool) {}
    #[inline(always)]
    fn ended(&mut self, _receipt: &Receipt, _ledger: &mut Ledger) {}
}

/// A block without its receipts.
struct Unreceipted;

impl Watch for Unreceipted {
    const RECEIPTS: bool = false;
    #[inline(always)]
    fn begins(&mut self, _upper: impl FnOnce() -> bool) {}
    #[inline(always)]
    fn ended(&mut self, _receipt: &Receipt, _ledger: &mut Ledger) {}
}

/// Times committed transactions for a probe.
struct Watched<'a> {
    probe: &'a mut Probe,
    begun: Option<(Instant, bool)>,
}

impl Watch for Watched<'_> {
    fn begins(&mut self, upper: impl FnOnce() -> bool) {
        self.begun = self.probe.begin(upper);
    }

    fn ended(&mut self, receipt: &Receipt, _ledger: &mut Ledger) {
        if let Some(begun) = self.begun.take().filter(|_| receipt.status == TxStatus::Committed) {
            self.probe.end(begun);
        }
    }
}

impl Watch for Pacer {
    fn begins(&mut self, _upper: impl FnOnce() -> bool) {
        self.begins();
    }

    fn ended(&mut self, _receipt: &Receipt, _ledger: &mut Ledger) {
        self.ended();
    }
}

/// A block with what each of its transactions read and wrote.
#[derive(Clone, Debug, Default)]
pub struct RecordedBlock {
    /// As [`Isolate::execute`] gives it.
    pub result: BlockResult,
    /// Of each transaction, in block order.
    pub accesses: Vec<Accesses>,
    /// Gas of each transaction.
    pub gas: Vec<u64>,
}

impl RecordedBlock {
    /// Which transactions must follow which, chains measured in gas.
    pub fn conflicts(&self) -> ConflictGraph {
        ConflictGraph::of(&self.accesses, &self.gas)
    }
}

impl Watch for RecordedBlock {
    fn begins(&mut self, _upper: impl FnOnce() -> bool) {}

    fn ended(&mut self, receipt: &Receipt, ledger: &mut Ledger) {
        self.accesses.push(ledger.take_accesses());
        self.gas.push(receipt.gas);
    }
}

/// A block with the time of each of its transactions, nanoseconds, in block order.
#[derive(Clone, Debug, Default)]
pub struct TimedBlock {
    /// As [`Isolate::execute`] gives it.
    pub result: BlockResult,
    /// The cost of reading the clock is in each.
    pub ns: Vec<u64>,
    begun: Option<Instant>,
}

impl Watch for TimedBlock {
    fn begins(&mut self, _upper: impl FnOnce() -> bool) {
        self.begun = Some(Instant::now());
    }

    fn ended(&mut self, _receipt: &Receipt, _ledger: &mut Ledger) {
        self.ns.extend(self.begun.take().map(|begun| begun.elapsed().as_nanos() as u64));
    }
}

/// What a receipt's canonical bytes begin with: status, gas, events, length of the result.
#[inline]
fn receipt_head(receipt: &Receipt, result: usize) -> [u8; 21] {
    let mut head = [receipt.status as u8; 21];
    head[1..9].copy_from_slice(&receipt.gas.to_le_bytes());
    head[9..13].copy_from_slice(&receipt.events.to_le_bytes());
    head[13..].copy_from_slice(&(result as u64).to_le_bytes());
    head
}

impl Isolate {
    /// Whether calls of an action go straight to the upper tier.
    fn has_moved_up(&self, action: ActionId) -> bool {
        self.inner.tier_changes.iter().any(|change| change.site == Site::Action(action))
    }

    /// After `setup`: counters start anew, and globals, captured variables and what they reach become read-only in transactions.
    pub fn seal(&mut self) {
        self.inner.ledger.seal();
        if !self.drops_root {
            self.inner.ledger.track_root();
        }
        self.inner.sealed = true;
        self.inner.forget_heat();
    }

    /// Makes transactions ready, untimed; see [`PreparedBlock::new`].
    pub fn prepare(&self, transactions: &[Data]) -> PreparedBlock {
        PreparedBlock::new(&self.program, transactions)
    }

    /// Executes a block, one transaction after another.
    ///
    /// # Panics
    /// If the block was made ready for another program.
    #[inline(never)] // `ci/overhead.sh` sets what is around it against it
    pub fn execute(&mut self, block: &PreparedBlock, settings: &BlockSettings) -> BlockResult {
        if self.drops_receipts {
            return self.execute_unreceipted(block, settings);
        }
        self.execute_watched(block, settings, &mut Unwatched)
    }

    #[cold]
    #[inline(never)]
    fn execute_unreceipted(&mut self, block: &PreparedBlock, settings: &BlockSettings) -> BlockResult {
        self.execute_watched(block, settings, &mut Unreceipted)
    }

    /// From now on [`Isolate::execute`] writes no receipts and gives no digest of them: for a ledger of costs.
    #[doc(hidden)]
    pub fn drop_receipts(&mut self) {
        self.drops_receipts = true;
    }

    /// [`Isolate::seal`] does not keep the state root up to date: it is made from the journal, which an engine without
    /// one does not have.
    #[doc(hidden)]
    pub fn drop_root(&mut self) {
        self.drops_root = true;
    }

    /// As [`Isolate::execute`], with some of its transactions timed.
    pub fn execute_probed(
        &mut self,
        block: &PreparedBlock,
        settings: &BlockSettings,
        probe: &mut Probe,
    ) -> BlockResult {
        probe.interrupt();
        self.execute_watched(block, settings, &mut Watched { probe, begun: None })
    }

    /// As [`Isolate::execute`], each transaction when it is due.
    pub fn execute_paced(&mut self, block: &PreparedBlock, settings: &BlockSettings, pacer: &mut Pacer) -> BlockResult {
        self.execute_watched(block, settings, pacer)
    }

    /// As [`Isolate::execute`], each transaction timed for itself.
    pub fn execute_timed(&mut self, block: &PreparedBlock, settings: &BlockSettings) -> TimedBlock {
        let mut timed = TimedBlock::default();
        timed.result = self.execute_watched(block, settings, &mut timed);
        timed
    }

    /// As [`Isolate::execute`], every access of contract state noted: same results, more time.
    pub fn execute_recorded(&mut self, block: &PreparedBlock, settings: &BlockSettings) -> RecordedBlock {
        let mut recorded = RecordedBlock::default();
        self.inner.ledger.record_through(Box::new(Recorder::default()));
        recorded.result = self.execute_watched(block, settings, &mut recorded);
        self.inner.ledger.record_no_more();
        recorded
    }

    #[inline]
    fn execute_watched<W: Watch>(
        &mut self,
        block: &PreparedBlock,
        settings: &BlockSettings,
        watch: &mut W,
    ) -> BlockResult {
        assert!(Arc::ptr_eq(&self.program, &block.0.program), "a block that was made ready for another program");
        self.receipts.clear();
        self.gas_of_block.clear();
        let mut result = BlockResult::default();
        let Some(action) = self.program.action("transaction") else { return result };
        let work = self.program.action("__work").filter(|_| settings.work > 0);
        self.inner.random = crate::runtime::builtins::RandomState::new(settings.seed);
        self.inner.tx.in_block = true;
        self.inner.tx.timestamp = settings.timestamp_ms as f64;
        self.inner.tx.block_number = settings.block_number as i64;
        self.inner.host_returns();
        let mut log = std::mem::take(&mut self.receipt_log);
        self.host_frame();
        self.inner.note_stack();
        let top = self.inner.top;
        for (offset, &(transaction, caller)) in block.0.transactions.iter().enumerate() {
            let ordinal = settings.first_index + offset as u64;
            watch.begins(|| self.mode.starts_in_machine() || self.has_moved_up(action));
            let receipt = if W::RECEIPTS {
                self.transact::<true>(action, work, transaction, caller, ordinal, settings)
            } else {
                self.transact::<false>(action, work, transaction, caller, ordinal, settings)
            };
            watch.ended(&receipt, &mut self.inner.ledger);
            self.inner.top = top;
            self.inner.frames.truncate(1);
            match receipt.status {
                TxStatus::Committed => result.committed += 1,
                TxStatus::Reverted => {
                    result.reverted += 1;
                    self.note_forbidden(ordinal, &mut result);
                }
                TxStatus::OutOfGas => result.out_of_gas += 1,
            }
            result.gas += receipt.gas;
            if W::RECEIPTS {
                log.extend_from_slice(&receipt_head(&receipt, self.result_bytes.len()));
                log.extend_from_slice(&self.result_bytes);
            }
            if settings.keep_gas {
                self.gas_of_block.push(receipt.gas);
            }
            if settings.keep_receipts {
                self.receipts.push(Receipt { result: self.result_bytes.clone(), ..receipt });
            }
        }
        self.inner.host_leaves();
        self.inner.forget_stack();
        self.inner.frames.clear();
        self.inner.stack_slots = 0;
        self.inner.tx.in_block = false;
        // The block's values end with it.
        self.inner.tx.caller = Value::UNSET;
        if W::RECEIPTS {
            log.extend_from_slice(&self.inner.ledger.events.digest());
            result.receipts = blake3::hash(&log).into();
        }
        log.clear();
        self.receipt_log = log;
        result
    }

    /// Keeps the first failure that is a fault of the workload, not of one transaction.
    #[cold]
    fn note_forbidden(&mut self, ordinal: u64, result: &mut BlockResult) {
        if let Some(message) = self.forbidden.take().filter(|_| result.forbidden.is_none()) {
            result.forbidden = Some((ordinal, message));
        }
    }

    fn transact<const RECEIPTS: bool>(
        &mut self,
        action: ActionId,
        work: Option<ActionId>,
        transaction: Value,
        caller: Value,
        ordinal: u64,
        settings: &BlockSettings,
    ) -> Receipt {
        let inner = &mut self.inner;
        inner.ledger.begin_transaction(ordinal + 1);
        inner.tx.caller = caller;
        inner.begin_gas(settings.gas_limit as i64);
        inner.alloc_left = settings.alloc_limit as i64;
        inner.alloc_start = inner.alloc_left;
        let events_before = inner.ledger.events.count();
        inner.ledger.open_checkpoint();
        self.result_bytes.clear();
        let outcome = match work {
            Some(work) => {
                let args = [Value::int(i64::from(settings.work)), Value::int(ordinal as i64 % 1_000_003)];
                self.call_action(work, &args)
            }
            None => Ok(Value::NULL),
        };
        let outcome = outcome.and_then(|worked| {
            self.encode_result(worked);
            self.call_action(action, &[transaction])
        });
        let gas = self.inner.gas_used();
        let status = match outcome {
            Ok(value) => {
                if RECEIPTS {
                    self.encode_result(value);
                }
                self.inner.commit_transaction();
                TxStatus::Committed
            }
            Err(Unwind) => {
                let status = match self.inner.signal {
                    Signal::OutOfGas { .. } | Signal::OutOfMemory => TxStatus::OutOfGas,
                    _ => TxStatus::Reverted,
                };
                if self.inner.signal == Signal::Error {
                    let error = self.inner.ledger.heap.error(self.inner.error);
                    let message = error.message;
                    let is_forbidden = error.kind == ErrorKind::Forbidden as u32;
                    self.forbidden = is_forbidden.then(|| self.inner.ledger.heap.str(message).to_owned());
                    self.encode_result(message);
                }
                self.inner.error = Value::NULL;
                self.inner.ledger.roll_back_checkpoint();
                status
            }
        };
        Receipt { status, gas, result: Vec::new(), events: (self.inner.ledger.events.count() - events_before) as u32 }
    }

    /// Calls `action(rng)` once with the host's draws.
    pub fn generate(&mut self, action: &str, host: Arc<Mutex<dyn GenerateHost>>) -> Result<Data, Failure> {
        let rng = self.rng_value();
        self.inner.host = Some(Box::new(Draws(host)));
        let result = self.call_values(action, &[rng]);
        self.inner.host = None;
        match result {
            Ok(value) => Ok(export(&mut self.inner, value)),
            Err(Unwind) => Err(render::failure(&self.program, &mut self.inner)),
        }
    }

    /// The map whose functions are the host's draws.
    fn rng_value(&mut self) -> Value {
        let heap = &mut self.inner.ledger.heap;
        let mut map = MapData::with_capacity(DRAWS.len());
        for (index, name) in DRAWS.iter().enumerate() {
            let key = heap.alloc_str(name).with_hash();
            map.set(key, Value::builtin(HOST_FUNCTIONS + index as u32), 0);
        }
        heap.alloc_map(map)
    }
}
