//! The types that cross the engine's boundary: plain, owned, `Send` data, no interpreter value among them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Which tiers a run may use, and when it moves between them. Never changes a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The evaluator alone.
    Interpreter,
    /// The VM from the first instruction, and nothing above it.
    Vm,
    /// The VM from the first instruction, and native code after one pass of each loop or one call of each action.
    Native,
    /// Starts in the evaluator; hot code moves up (`config.jit_threshold`, 500 by default), and into native code when
    /// it has run in the VM for about the time that compiling it will take.
    Adaptive,
    /// A loop or action enters the VM after exactly this many iterations or calls, and native code after as many more.
    Fixed(u64),
    /// Moves up at random back-edges and calls: for proofs.
    Chaos(u64),
}

impl Mode {
    /// Whether a run begins in the VM.
    pub const fn starts_in_machine(self) -> bool {
        matches!(self, Mode::Vm | Mode::Native)
    }
}

/// A value outside any isolate.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A larger integer in decimal.
    BigInt(Arc<str>),
    /// A float.
    Float(f64),
    /// A string.
    Str(Arc<str>),
    /// A list.
    List(Vec<Data>),
    /// A map, in insertion order; keys are strings, integers or booleans.
    Map(Vec<(Data, Data)>),
    /// Anything else (functions, contracts), by its text.
    Opaque(Arc<str>),
}

impl Data {
    /// The text under a key of a map.
    pub fn text(&self, key: &str) -> Option<&str> {
        let Self::Map(entries) = self else { return None };
        let is_key = |data: &Self| matches!(data, Self::Str(text) if &**text == key);
        entries.iter().rev().find(|(name, _)| is_key(name)).and_then(|(_, value)| match value {
            Self::Str(text) => Some(&**text),
            _ => None,
        })
    }
}

/// Where program output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputSink {
    /// Standard output, buffered.
    Stdout,
    /// Kept in memory, up to a cap, for tests.
    Capture,
    /// Only hashed and counted (BLAKE3), for measuring.
    Digest,
}

/// Settings of one isolate.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Where `print` goes.
    pub output: OutputSink,
    /// Gas for the script as one transaction; none means no limit.
    pub gas_limit: Option<u64>,
    /// Logical bytes a script may allocate.
    pub alloc_limit: Option<u64>,
    /// Live heap bytes (hard cap, not deterministic).
    pub memory_limit: Option<u64>,
    /// Wall time (hard cap, not deterministic).
    pub timeout: Option<std::time::Duration>,
    /// Seed of `random`.
    pub seed: Option<u64>,
    /// The program's arguments.
    pub args: Vec<String>,
    /// Collect at every poll and poison what is freed: for proofs.
    pub collect_always: bool,
    /// Greatest call depth.
    pub depth_limit: u32,
    /// Count the calls of this action (script workloads' transactions).
    pub count_calls_of: Option<String>,
    /// Count the VM's instructions and the gas of each call, in a VM that is slower for it.
    pub count_operations: bool,
    /// `adaptive` stays in the VM: no machine code is made.
    pub below_native: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            output: OutputSink::Stdout,
            gas_limit: None,
            alloc_limit: None,
            memory_limit: None,
            timeout: None,
            seed: None,
            args: Vec::new(),
            collect_always: false,
            depth_limit: 10_000,
            count_calls_of: None,
            count_operations: false,
            below_native: false,
        }
    }
}

/// How a run or call ended badly.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What kind of end.
    pub kind: FailureKind,
    /// The message, as `catch` would see it.
    pub message: String,
    /// `file:line:column`, if known.
    pub place: Option<String>,
    /// The whole diagnostic as a user sees it (no colour).
    pub rendered: String,
}

/// A stretch of a source file. Lines and columns count from 1, columns in characters; the end is the place behind
/// the last character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The file, as named on the command line.
    pub file: String,
    /// Line of the first character.
    pub line: usize,
    /// Its column.
    pub column: usize,
    /// Line of the end.
    pub end_line: usize,
    /// Column of the end.
    pub end_column: usize,
}

/// One mistake that the text shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub region: Region,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub suggestion: Option<String>,
    /// Other places that matter, and why.
    pub notes: Vec<(Region, String)>,
}

/// An action that a file declares outside everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OuterAction {
    /// Its name.
    pub name: String,
    /// Parameters without a default.
    pub required: usize,
}

/// The kinds of bad end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// An uncaught runtime error or thrown value.
    Error,
    /// The gas limit.
    OutOfGas,
    /// The allocation budget.
    OutOfMemory,
    /// Time limit, Ctrl-C or hard memory cap.
    Interrupted,
}

/// A proof of what a pass or block did: BLAKE3 over everything observable.
pub type Digest = [u8; 32];

/// What one whole run of a script did.
#[derive(Clone, Debug, PartialEq)]
pub struct PassResult {
    /// The bad end, if any.
    pub failure: Option<Failure>,
    /// Gas used.
    pub gas: u64,
    /// Logical bytes allocated.
    pub logical_bytes: u64,
    /// Digest of output, failure, events, gas, logical bytes and state root.
    pub digest: Digest,
    /// Calls of the counted action, if one is counted.
    pub counted_calls: u64,
    /// Time in the program itself: not the resetting before it, nor the digest behind it.
    pub execute_ns: u64,
    /// When the program began, on the clock of [`TierEvent::at_ns`].
    pub began_ns: u64,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxStatus {
    /// Its effects stand.
    Committed,
    /// An error left it; its effects are undone.
    Reverted,
    /// Out of gas or of its allocation budget; its effects are undone.
    OutOfGas,
}

/// What one transaction did.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// How it ended.
    pub status: TxStatus,
    /// Gas used.
    pub gas: u64,
    /// The result's canonical bytes or the error's text.
    pub result: Vec<u8>,
    /// Number of events.
    pub events: u32,
}

/// What a block of transactions did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlockResult {
    /// Transactions whose effects stand.
    pub committed: u64,
    /// Transactions undone by an error.
    pub reverted: u64,
    /// Transactions undone for gas or allocation.
    pub out_of_gas: u64,
    /// Gas of all of them.
    pub gas: u64,
    /// BLAKE3 over status, gas, events and return values, in order.
    pub receipts: Digest,
    /// The first transaction (its ordinal in the stream) that failed because it did what none may: changed what is
    /// sealed, or reached outside; with the message.
    pub forbidden: Option<(u64, String)>,
}

/// One decision of the tier policy.
#[derive(Clone, Debug, PartialEq)]
pub struct TierEvent {
    /// Nanoseconds since the isolate was made.
    pub at_ns: u64,
    /// `file:line:column` of the loop or action.
    pub site: String,
    /// `loop` or `action`.
    pub kind: &'static str,
    /// Iterations or calls so far.
    pub iteration: u64,
    /// The tier left.
    pub from: &'static str,
    /// The tier entered.
    pub to: &'static str,
    /// Time spent compiling, nanoseconds.
    pub compile_ns: u64,
    /// Size of the code, bytes.
    pub code_bytes: u64,
    /// Measured speedup, once known.
    pub speedup: Option<f64>,
    /// Why.
    pub reason: String,
}

/// Deterministic and resource counters of an isolate since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Gas used.
    pub gas: u64,
    /// Logical bytes.
    pub logical_bytes: u64,
    /// Objects allocated.
    pub allocations: u64,
    /// Collections.
    pub collections: u64,
    /// Instructions that the VM executed, if they are counted.
    pub vm_operations: Option<u64>,
    /// Bytes of bytecode compiled.
    pub bytecode_bytes: u64,
    /// Live heap bytes.
    pub live_bytes: u64,
    /// Events emitted.
    pub events: u64,
    /// Time spent compiling to bytecode, nanoseconds.
    pub compile_ns: u64,
}

/// The gas of an action's calls in the VM, with all that they called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionGas {
    /// `transfer`, `Token.transfer`; the top level is `(top level)`.
    pub action: String,
    /// Of each call, ascending.
    pub gas: Vec<u64>,
}

/// A value that a workload file assigned to `config.NAME` at its top level as a literal.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigValue {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string.
    Str(String),
}
