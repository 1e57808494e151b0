//! The state of one run: one register stack, one heap and ledger, counters. An isolate belongs to one thread at a
//! time and may move between threads.

use std::sync::Arc;

use super::call::Frame;
use super::config::Config;
use super::info::{ActionId, LoopId, ProgramInfo};
use super::output::Output;
use super::poll::PollFlags;
use super::signal::Signal;
use super::slice::{Idle, Slice};
use super::tier::{Clock, Counter, Site, Step, SystemClock, Terms, Tier, TierPolicy};
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
    /// Gas left (of the innermost limit) until the slice ends: see [`Slice`].
    pub gas: i64,
    /// The stretch of gas until the tier policy looks at the clock again.
    pub(super) slice: Slice,
    /// Gas used before the current run or transaction.
    pub(super) gas_before: u64,
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
    /// What the VM counts for the tier above it.
    pub heat: super::tier::Heat,
    /// Time that the tier policy does not see.
    pub(super) idle: Idle,
    /// By step, the site that goes up again unasked: see [`TierPolicy::stands`].
    pub(super) standing: [Option<Site>; Step::COUNT],
    /// Decides when code moves up.
    pub policy: Box<dyn TierPolicy>,
    /// The evaluator.
    pub lower: Arc<dyn Tier>,
    /// The VM, unless this run is interpreter-only.
    pub upper: Option<Arc<dyn Tier>>,
    /// Whether the code that runs now is the upper tier's: what it calls stays there.
    pub in_upper: bool,
    /// Whether native code runs, as part of the upper tier.
    pub in_native: bool,
    /// What native code it may hold.
    pub visit: super::Visit,
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
    /// Times calls of an action, in probe processes.
    pub probe: Option<Box<(super::info::ActionId, super::probe::Probe)>>,
    /// What the tier policy did, in order.
    pub tier_changes: Vec<super::tier::TierChange>,
    /// What the tier policy and its records take the time from.
    pub clock: Box<dyn Clock>,
    /// What is kept between runs, if anything is.
    pub kept: Option<Box<super::kept::KeptState>>,
    /// Runs that began: resets so far.
    pub(super) runs: u64,
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
        let counter = Counter { count: 0, ask_at: u64::MAX };
        let gas = settings.gas_limit.map_or(UNLIMITED, |limit| limit.min(UNLIMITED as u64) as i64);
        let alloc = settings.alloc_limit.map_or(UNLIMITED, |limit| limit.min(UNLIMITED as u64) as i64);
        let random = super::builtins::RandomState::new(settings.seed);
        let mut isolate = Self {
            slots: SlotArray::with_capacity(STACK_SLOTS_MAX as usize + (1 << 18)),
            top: 0,
            high_water: 0,
            gas,
            slice: Slice::default(),
            gas_before: 0,
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
            idle: Idle::default(),
            standing: [None; Step::COUNT],
            heat: super::tier::Heat::new(info.loops.len(), info.actions.len()),
            shapes: info.actions.iter().map(super::info::ActionInfo::shape).collect(),
            info,
            config,
            policy,
            lower,
            upper,
            in_upper: false,
            in_native: false,
            visit: super::Visit::default(),
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
            probe: None,
            tier_changes: Vec::new(),
            clock: Box::new(SystemClock::default()),
            kept: None,
            runs: 0,
            profile: None,
            settings,
        };
        isolate.ledger.heap.poison = isolate.settings.collect_always;
        isolate.slots.ensure(super::call::HOST_SLOTS);
        isolate.rearm_counters();
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
        let mut events = std::mem::take(&mut self.ledger.events);
        events.clear();
        self.ledger = Ledger::new(self.info.globals.len(), self.info.classes.len());
        self.ledger.events = events;
        self.ledger.heap.poison = self.settings.collect_always;
        self.config.reset_for_run();
        self.restore_limits();
        self.stack_slots = 0;
        self.sealed = false;
        self.view_since = 0;
        self.in_upper = false;
        self.in_native = false;
        self.runs += 1;
        self.rearm_counters();
        self.random = super::builtins::RandomState::new(self.settings.seed);
        self.tx = TxContext::default();
        if let Some((_, probe)) = self.probe.as_deref_mut() {
            probe.interrupt();
        }
    }

    /// Goes on with a program that has grown at its end: what was there has the ids that it had. Globals, heap, ledger
    /// and hot counters stay; limits are whole again, and nothing of an earlier run is under way.
    pub fn grow(&mut self, info: Arc<ProgramInfo>, lower: Arc<dyn Tier>, upper: Option<Arc<dyn Tier>>) {
        self.high_water = self.high_water.max(self.top);
        self.clear_above(0);
        self.top = 0;
        self.frames.clear();
        self.held.clear();
        self.error = Value::NULL;
        self.signal_site = None;
        self.stack_slots = 0;
        self.view_since = 0;
        self.in_upper = false;
        self.in_native = false;
        self.restore_limits();
        let cold = Counter { count: 0, ask_at: 0 };
        self.loops.resize(info.loops.len(), cold);
        self.calls.resize(info.actions.len(), cold);
        self.heat.loops.resize(info.loops.len(), cold);
        self.heat.calls.resize(info.actions.len(), cold);
        self.rearm_counters();
        self.shapes = info.actions.iter().map(super::info::ActionInfo::shape).collect();
        self.ledger.grow(info.globals.len(), info.classes.len());
        (self.info, self.lower, self.upper) = (info, lower, upper);
    }

    /// Gas used since the run or transaction began.
    pub fn gas_used(&self) -> u64 {
        let reserved: i64 = self.frames.iter().map(|frame| frame.gas_reserve).sum();
        (self.gas_start - self.gas_left() - reserved).max(0) as u64
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
        self.begin_gas(limit(self.settings.gas_limit));
        self.alloc_left = limit(self.settings.alloc_limit);
        self.alloc_start = self.alloc_left;
    }

    /// Starts hot counters and the record of tier changes anew.
    pub fn forget_heat(&mut self) {
        for counter in self.loops.iter_mut().chain(self.calls.iter_mut()) {
            counter.count = 0;
        }
        self.tier_changes.clear();
        self.policy.forget();
        self.runs = 0;
        for counter in self.heat.loops.iter_mut().chain(self.heat.calls.iter_mut()) {
            counter.count = 0;
        }
        self.rearm_counters();
    }

    /// Re-arms every counter after a change of `config.jit_threshold` or `jit_enabled`.
    pub fn rearm_counters(&mut self) {
        let Config { jit_threshold: threshold, jit_pinned: pinned, jit_enabled: enabled, .. } = self.config;
        self.standing = [None; Step::COUNT];
        // The first reset comes before the first run.
        self.policy.begin(Terms { threshold, pinned, enabled, earlier_runs: self.runs.saturating_sub(1) });
        for (id, counter) in self.loops.iter_mut().enumerate() {
            counter.ask_at = self.policy.first_ask(Step::ToVm, Site::Loop(LoopId(id as u32)));
        }
        for (id, counter) in self.calls.iter_mut().enumerate() {
            counter.ask_at = self.policy.first_ask(Step::ToVm, Site::Action(ActionId(id as u32)));
        }
        self.arm_slices();
        self.heat.rearm(enabled && self.policy.wants_native());
    }
}
