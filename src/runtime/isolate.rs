//! The state of one run: one register stack, one heap and ledger, counters. An isolate belongs to one thread at a
//! time and may move between threads.

use std::sync::Arc;

use super::call::Frame;
use super::config::Config;
use super::info::ProgramInfo;
use super::output::Output;
use super::poll::PollFlags;
use super::signal::Signal;
use super::tier::{Counter, Tier, TierPolicy};
use super::tx::TxContext;
use crate::ledger::Ledger;
use crate::value::{SlotArray, Value};

/// Greatest sum of the logical frame sizes of all active calls, in slots: bounds the stack the same way in every
/// tier. 2^22 slots are 64 MiB of address space; only what is touched is backed by memory.
pub(super) const STACK_SLOTS_MAX: u32 = 1 << 22;

/// What no limit means: far more gas or bytes than any run can use.
pub(super) const UNLIMITED: i64 = i64::MAX / 4;

/// Settings that the host gives.
#[derive(Debug)]
pub struct IsolateSettings {
    /// Gas of the whole script.
    pub gas_limit: Option<u64>,
    /// Logical bytes it may allocate.
    pub alloc_limit: Option<u64>,
    /// Live bytes (hard cap).
    pub memory_limit: Option<u64>,
    /// Greatest call depth.
    pub depth_limit: u32,
    /// Collect at every poll and poison what is freed.
    pub collect_always: bool,
    /// Seed of `random`.
    pub seed: u64,
    /// `args`
    pub args: Vec<String>,
}

/// One run's state.
#[derive(Debug)]
pub struct Isolate {
    /// The register stack of all frames; never moves.
    pub slots: SlotArray,
    /// First slot above everything live.
    pub top: u32,
    /// No slot from here on has been used since the last collection.
    pub high_water: u32,
    /// Gas left (of the innermost limit).
    pub gas: i64,
    /// Logical bytes left.
    pub alloc_left: i64,
    /// Active calls; the last one runs.
    pub frames: Vec<Frame>,
    /// Heap, globals, contract state and their journal.
    pub ledger: Ledger,
    /// What unwinds, while something does.
    pub signal: Signal,
    /// The pending error object, while `signal` is `Error`.
    pub error: Value,
    /// Where a signal other than an error struck.
    pub signal_site: Option<super::fail::Site>,
    /// Whether the result just returned is a new container that nobody else holds.
    pub fresh_result: bool,
    /// Requests from outside and from the allocator, served at the poll.
    pub poll_flags: Arc<PollFlags>,
    /// What the runtime knows of the program.
    pub info: Arc<ProgramInfo>,
    /// By action: what calls need of `info`.
    pub shapes: Box<[super::info::ActionShape]>,
    /// `config.*`
    pub config: Config,
    /// Hot counters by loop.
    pub loops: Vec<Counter>,
    /// Hot counters by action.
    pub calls: Vec<Counter>,
    /// Decides when code moves up.
    pub policy: Box<dyn TierPolicy>,
    /// The evaluator.
    pub lower: Arc<dyn Tier>,
    /// The VM, unless this run is interpreter-only.
    pub upper: Option<Arc<dyn Tier>>,
    /// Whether the code that runs now is the upper tier's: what it calls stays there.
    pub in_upper: bool,
    /// The host stack ends here for calls: below it they take a new segment. The greatest address if not known.
    pub(super) stack_floor: usize,
    /// Where `print` goes.
    pub output: Output,
    /// The transaction.
    pub tx: TxContext,
    /// Sum of the logical frame sizes of the active calls.
    pub stack_slots: u32,
    /// Host settings.
    pub settings: IsolateSettings,
    /// Gas at the start of the run or transaction.
    pub gas_start: i64,
    /// `alloc_left` at the start.
    pub alloc_start: i64,
    /// Whether globals and what they reach are read-only (a harness transaction).
    pub sealed: bool,
    /// The journal epoch in which the outermost view call began; 0 if none runs. Stays behind when the call is over.
    pub(super) view_since: u64,
    /// Functions that the host lends to the program.
    pub host: Option<Box<dyn super::host::HostFunctions>>,
    /// Random state.
    pub random: super::builtins::RandomState,
    /// Values that host code holds across program code.
    pub held: Vec<Value>,
    /// BLAKE3 over the canonical bytes of all events folded away so far, but for those in `event_bytes`.
    pub(super) event_hasher: blake3::Hasher,
    /// Canonical bytes of events that wait to be hashed: many at once are several times faster than one by one.
    pub(super) event_bytes: Vec<u8>,
    /// How many events have been emitted and kept.
    pub event_count: u64,
    /// Events as text, for those who asked to see them.
    pub event_log: Option<Vec<String>>,
    /// Times calls of an action, in probe processes.
    pub probe: Option<Box<(super::info::ActionId, super::probe::Probe)>>,
    /// Moves into the upper tier, each site's first.
    pub promoted: Vec<super::tier::Promotion>,
    /// When the isolate was made.
    pub started: std::time::Instant,
    /// What a profile has seen, if there is one.
    pub profile: Option<Box<super::profile::Profile>>,
}

impl Isolate {
    /// A fresh isolate. Tiers and policy come from the engine.
    pub fn new(
        info: Arc<ProgramInfo>,
        lower: Arc<dyn Tier>,
        upper: Option<Arc<dyn Tier>>,
        policy: Box<dyn TierPolicy>,
        output: Output,
        settings: IsolateSettings,
    ) -> Self {
        let ledger = Ledger::new(info.globals.len(), info.classes.len());
        let config = Config::default();
        let first_ask = policy.first_ask(config.jit_threshold, config.jit_enabled);
        let counter = Counter { count: 0, ask_at: first_ask };
        let gas = settings.gas_limit.map_or(UNLIMITED, |limit| limit.min(UNLIMITED as u64) as i64);
        let alloc = settings.alloc_limit.map_or(UNLIMITED, |limit| limit.min(UNLIMITED as u64) as i64);
        let random = super::builtins::RandomState::new(settings.seed);
        let mut isolate = Self {
            slots: SlotArray::with_capacity(STACK_SLOTS_MAX as usize + (1 << 18)),
            top: 0,
            high_water: 0,
            gas,
            alloc_left: alloc,
            frames: Vec::with_capacity(64),
            ledger,
            signal: Signal::Error,
            error: Value::NULL,
            signal_site: None,
            fresh_result: false,
            poll_flags: Arc::new(PollFlags::default()),
            loops: vec![counter; info.loops.len()],
            calls: vec![counter; info.actions.len()],
            shapes: info.actions.iter().map(super::info::ActionInfo::shape).collect(),
            info,
            config,
            policy,
            lower,
            upper,
            in_upper: false,
            stack_floor: usize::MAX,
            output,
            tx: TxContext::default(),
            stack_slots: 0,
            gas_start: gas,
            alloc_start: alloc,
            sealed: false,
            view_since: 0,
            host: None,
            random,
            held: Vec::new(),
            event_hasher: blake3::Hasher::new(),
            event_bytes: Vec::new(),
            event_count: 0,
            event_log: None,
            probe: None,
            promoted: Vec::new(),
            started: std::time::Instant::now(),
            profile: None,
            settings,
        };
        isolate.ledger.heap.poison = isolate.settings.collect_always;
        isolate.slots.ensure(super::call::HOST_SLOTS);
        isolate
    }

    /// Back to the state before the first statement: fresh globals, heap and ledger. Counters, feedback and code
    /// stay.
    pub fn reset(&mut self) {
        self.high_water = self.high_water.max(self.top);
        self.clear_above(0);
        self.top = 0;
        self.frames.clear();
        self.held.clear();
        self.error = Value::NULL;
        self.signal_site = None;
        self.ledger = Ledger::new(self.info.globals.len(), self.info.classes.len());
        self.ledger.heap.poison = self.settings.collect_always;
        self.config.reset_for_run();
        self.restore_limits();
        self.stack_slots = 0;
        self.sealed = false;
        self.view_since = 0;
        self.in_upper = false;
        self.rearm_counters();
        self.random = super::builtins::RandomState::new(self.settings.seed);
        self.tx = TxContext::default();
        self.event_hasher = blake3::Hasher::new();
        self.event_bytes.clear();
        self.event_count = 0;
        if let Some(log) = &mut self.event_log {
            log.clear();
        }
        if let Some((_, probe)) = self.probe.as_deref_mut() {
            probe.interrupt();
        }
    }

    /// Gas used since the run or transaction began.
    pub fn gas_used(&self) -> u64 {
        let reserved: i64 = self.frames.iter().map(|frame| frame.gas_reserve).sum();
        (self.gas_start - self.gas - reserved).max(0) as u64
    }

    /// Logical bytes allocated since the run or transaction began.
    pub fn logical_bytes(&self) -> u64 {
        (self.alloc_start - self.alloc_left).max(0) as u64
    }

    /// The frame that runs.
    #[inline(always)]
    pub fn frame(&self) -> &Frame {
        &self.frames[self.frames.len() - 1]
    }

    /// The contract instance that the running code belongs to ([`super::NO_INSTANCE`] if none).
    #[inline(always)]
    pub fn this(&self) -> u32 {
        self.frame().this
    }

    /// Puts a value on the temporary stack, where a collection finds it; gives its slot.
    #[inline(always)]
    pub fn push(&mut self, value: Value) -> u32 {
        let slot = self.top;
        self.slots[slot as usize] = value;
        self.top = slot + 1;
        slot
    }

    /// The text of a value, as `string(v)` gives it.
    pub fn display(&mut self, value: Value) -> Result<String, super::Unwind> {
        let mut out = String::new();
        self.write_text(value, &mut out)?;
        Ok(out)
    }

    /// Gas and allocation budget of a script, whole again.
    pub fn restore_limits(&mut self) {
        let limit = |limit: Option<u64>| limit.map_or(UNLIMITED, |limit| limit.min(UNLIMITED as u64) as i64);
        self.gas = limit(self.settings.gas_limit);
        self.alloc_left = limit(self.settings.alloc_limit);
        self.gas_start = self.gas;
        self.alloc_start = self.alloc_left;
    }

    /// Starts hot counters and the record of promotions anew.
    pub fn forget_heat(&mut self) {
        for counter in self.loops.iter_mut().chain(self.calls.iter_mut()) {
            counter.count = 0;
        }
        self.promoted.clear();
        self.rearm_counters();
    }

    /// Re-arms every counter after a change of `config.jit_threshold` or `jit_enabled`.
    pub fn rearm_counters(&mut self) {
        let ask_at = self.policy.first_ask(self.config.jit_threshold, self.config.jit_enabled);
        for counter in self.loops.iter_mut().chain(self.calls.iter_mut()) {
            counter.ask_at = ask_at;
        }
    }
}
