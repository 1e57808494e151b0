//! One run's state, for the host: run, call, read results.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Engine;
use super::api::{
    ActionGas, ConfigValue, Counters, Data, Digest, Failure, Mode, OutputSink, PassResult, Receipt, RunOptions,
    TierEvent,
};
use super::convert::{export, import};
use super::policy::policy;
use super::program::Program;
use super::render;
use crate::ledger::{TreeSize, encode_value, state_root};
use crate::runtime::config::Setting;
use crate::runtime::info::{ActionId, Place};
use crate::runtime::probe::{Probe, Samples, Sampling};
use crate::runtime::{
    self, CallSite, Clock, Entry, IsolateSettings, NO_INSTANCE, Output, PollFlags, Prepared, Signal, Site, Step, Tier,
    TierProfile, Unwind,
};
use crate::value::{Tag, Value};
use crate::vm::Tally;

/// The state of one run, on one thread at a time.
#[derive(Debug)]
pub struct Isolate {
    pub(super) inner: runtime::Isolate,
    pub(super) program: Arc<Program>,
    pub(super) mode: Mode,
    /// The evaluator, and what stands above it.
    tiers: (Arc<dyn Tier>, Option<Arc<dyn Tier>>),
    counted: Option<ActionId>,
    /// What the VM executed, if that is counted.
    tally: Option<Arc<Tally>>,
    pub(super) receipts: Vec<Receipt>,
    pub(super) gas_of_block: Vec<u64>,
    /// What the last failed transaction did, if none may do it.
    pub(super) forbidden: Option<String>,
    /// Canonical bytes of the current transaction's result.
    pub(super) result_bytes: Vec<u8>,
    /// Canonical bytes of a block's receipts; empty between blocks but for its room.
    pub(super) receipt_log: Vec<u8>,
    /// No receipts are written: see [`Isolate::drop_receipts`].
    pub(super) drops_receipts: bool,
    /// See [`Isolate::drop_root`].
    pub(super) drops_root: bool,
    /// Where blocks are committed, if anywhere.
    pub(super) store: Option<crate::ledger::Store>,
}

/// One isolate's own handle of a tier that all isolates of a program share.
#[derive(Debug)]
struct OwnTier(Arc<dyn Tier>);

impl OwnTier {
    fn shared(tier: Arc<dyn Tier>) -> Arc<dyn Tier> {
        Arc::new(Self(tier))
    }
}

impl Tier for OwnTier {
    fn run(&self, isolate: &mut runtime::Isolate, entry: Entry) -> Result<Value, Unwind> {
        self.0.run(isolate, entry)
    }

    fn prepare(&self, action: ActionId) -> Prepared {
        self.0.prepare(action)
    }

    fn place(&self, action: ActionId, position: u32) -> Place {
        self.0.place(action, position)
    }
}

/// The tiers of an isolate: the evaluator, and what stands above it.
fn tiers(mode: Mode, program: &Program, tally: Option<&Arc<Tally>>) -> (Arc<dyn Tier>, Option<Arc<dyn Tier>>) {
    let upper = (mode != Mode::Interpreter)
        .then(|| OwnTier::shared(tally.map_or_else(|| program.upper(), |tally| program.counting_upper(tally))));
    (OwnTier::shared(program.evaluator.clone()), upper)
}

/// Stops a run from another thread or a signal handler.
#[derive(Clone, Debug)]
pub struct InterruptHandle {
    flags: Arc<PollFlags>,
}

impl InterruptHandle {
    /// The run ends at its next poll.
    pub fn stop(&self) {
        self.flags.raise(PollFlags::HOST);
    }

    /// The run ends at its next poll because its time is up.
    pub fn time_out(&self) {
        self.flags.raise(PollFlags::TIMEOUT);
    }
}

impl Isolate {
    /// A fresh isolate.
    pub fn new(engine: &Arc<Engine>, program: &Arc<Program>, options: RunOptions) -> Self {
        let mode = engine.mode();
        assert!(mode != Mode::Interpreter || !program.is_loaded(), "an interpreter-only run does not use the cache");
        let counted = options.count_calls_of.as_deref().and_then(|name| program.action(name));
        let output = match options.output {
            OutputSink::Stdout => Output::stdout(),
            OutputSink::Capture => Output::Capture(String::new()),
            OutputSink::Digest => Output::Digest(Box::new(blake3::Hasher::new())),
        };
        let settings = IsolateSettings {
            gas_limit: options.gas_limit,
            alloc_limit: options.alloc_limit,
            memory_limit: options.memory_limit,
            depth_limit: options.depth_limit,
            collect_always: options.collect_always,
            seed: options.seed.unwrap_or_else(rand::random),
            args: options.args,
        };
        // Calls clone these: a count of references of its own keeps an isolate out of other threads' cache lines.
        let tally = (options.count_operations && mode != Mode::Interpreter).then(Arc::<Tally>::default);
        let tiers = tiers(mode, program, tally.as_ref());
        let (lower, upper) = tiers.clone();
        let inner = runtime::Isolate::new(
            program.info.clone(),
            lower,
            upper,
            policy(mode, options.below_native),
            output,
            settings,
        );
        if options.collect_always {
            inner.poll_flags.raise(PollFlags::ALWAYS);
        }
        if let Some(limit) = options.timeout {
            let handle = InterruptHandle { flags: inner.poll_flags.clone() };
            // The thread sleeps beside the run and ends with the process.
            std::thread::spawn(move || {
                std::thread::sleep(limit);
                handle.time_out();
            });
        }
        Self {
            inner,
            program: program.clone(),
            mode,
            tiers,
            counted,
            tally,
            receipts: Vec::new(),
            gas_of_block: Vec::new(),
            forbidden: None,
            result_bytes: Vec::new(),
            receipt_log: Vec::new(),
            drops_receipts: false,
            drops_root: false,
            store: None,
        }
    }

    /// Runs the top level on fresh globals, heap and ledger. Counters, feedback and code of earlier passes stay.
    pub fn run(&mut self) -> PassResult {
        let mut pass = self.run_once();
        pass.digest = self.pass_digest(&pass);
        pass
    }

    /// As [`Isolate::run`], without the digest (zero bytes), which takes time in the size of contract state.
    pub fn run_once(&mut self) -> PassResult {
        self.inner.reset();
        self.inner.output.reset();
        let counted_before = self.counted_count();
        let began_ns = self.inner.now_ns();
        let (result, execute_ns) = self.timed_main();
        let failure = result.err().map(|Unwind| render::failure(&self.program, &mut self.inner));
        self.inner.output.flush();
        let gas = self.inner.gas_used();
        let logical_bytes = self.inner.logical_bytes();
        let counted_calls = self.counted_count() - counted_before;
        PassResult { failure, gas, logical_bytes, digest: [0; 32], counted_calls, execute_ns, began_ns }
    }

    fn counted_count(&self) -> u64 {
        self.counted.map_or(0, |action| self.inner.calls[action.0 as usize].count)
    }

    /// Goes on with a program that has grown at its end, and runs the top level of what is new. Output, state and
    /// limits: see [`runtime::Isolate::grow`]. A request to stop that came before counts no more. With a limit of gas or
    /// allocation it is one transaction, which passing the limit undoes.
    pub(super) fn run_grown(&mut self, program: &Arc<Program>, top: ActionId) -> Result<Value, Failure> {
        self.tiers = tiers(self.mode, program, self.tally.as_ref());
        let (lower, upper) = self.tiers.clone();
        self.inner.grow(program.info.clone(), lower, upper);
        self.program = program.clone();
        self.inner.poll_flags.lower(PollFlags::HOST | PollFlags::TIMEOUT);
        self.set_args();
        let is_transaction = self.inner.settings.gas_limit.is_some() || self.inner.settings.alloc_limit.is_some();
        if is_transaction {
            self.inner.ledger.open_checkpoint();
        }
        let site = CallSite::Place(Place::default());
        let entered = self.inner.enter(top, NO_INSTANCE, Value::UNSET, 0, 0, site);
        let result = entered.and_then(|()| self.run_entered());
        let undone = result.is_err() && matches!(self.inner.signal, Signal::OutOfGas { .. } | Signal::OutOfMemory);
        let result = result.map_err(|Unwind| render::failure(&self.program, &mut self.inner));
        match (is_transaction, undone) {
            (true, true) => self.inner.ledger.roll_back_checkpoint(),
            (true, false) => self.inner.ledger.commit_checkpoint(),
            (false, _) => {}
        }
        self.inner.output.flush();
        result
    }

    /// The timed window of a pass. What is not [`Isolate::run_main`] in it is overhead, which `ci/overhead.sh` counts;
    /// for that both stay functions of their own.
    #[inline(never)]
    fn timed_main(&mut self) -> (Result<(), Unwind>, u64) {
        let started = Instant::now();
        let result = self.inner.restore_persisted().and_then(|()| self.run_main());
        (result, started.elapsed().as_nanos() as u64)
    }

    #[inline(never)]
    fn run_main(&mut self) -> Result<(), Unwind> {
        self.set_args();
        let site = CallSite::Place(Place::default());
        self.inner.enter(ActionId(0), NO_INSTANCE, Value::UNSET, 0, 0, site)?;
        self.run_entered().map(|_| ())
    }

    /// `args` and `__ARGS__`, where the program mentions them.
    fn set_args(&mut self) {
        let info = self.program.info.clone();
        for (index, &symbol) in info.globals.iter().enumerate() {
            let unset = self.inner.ledger.globals[index].tag() == Tag::Unset;
            if unset && matches!(info.name(symbol), "args" | "__ARGS__") {
                let texts = self.inner.settings.args.clone();
                let items = texts.iter().map(|text| self.inner.ledger.heap.alloc_str(text)).collect();
                let list = self.inner.ledger.heap.alloc_list(items);
                self.inner.ledger.set_global(index as u32, list);
            }
        }
    }

    /// Whether a call from the host starts in the upper tier.
    fn starts_above(&self, action: ActionId) -> bool {
        self.mode.starts_in_machine() || self.program.is_loaded() || self.inner.stands(Step::ToVm, Site::Action(action))
    }

    /// Runs the entered frame in the tier that it starts in and leaves it.
    fn run_entered(&mut self) -> Result<Value, Unwind> {
        let up = self.starts_above(self.inner.frame().action);
        let tier = self.tiers.1.as_ref().filter(|_| up).unwrap_or(&self.tiers.0);
        match self.inner.run_on(&**tier) {
            Ok(value) => self.inner.leave(value),
            Err(Unwind) => {
                self.inner.leave_failed();
                Err(Unwind)
            }
        }
    }

    /// A digest of everything observable.
    fn pass_digest(&mut self, pass: &PassResult) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.inner.output.digest());
        hasher.update(&self.inner.ledger.events.digest());
        hasher.update(&self.inner.ledger.events.count().to_le_bytes());
        hasher.update(&pass.gas.to_le_bytes());
        hasher.update(&pass.logical_bytes.to_le_bytes());
        hasher.update(&state_root(&self.inner.ledger));
        if let Some(failure) = &pass.failure {
            hasher.update(failure.rendered.as_bytes());
        }
        hasher.finalize().into()
    }

    /// Calls a global action after [`Isolate::run`]; state is kept.
    pub fn call(&mut self, action: &str, args: &[Data]) -> Result<Data, Failure> {
        let values: Vec<Value> = args.iter().map(|data| import(&mut self.inner, data)).collect();
        let value = self.call_values(action, &values);
        match value {
            Ok(value) => Ok(export(&mut self.inner, value)),
            Err(Unwind) => Err(render::failure(&self.program, &mut self.inner)),
        }
    }

    /// Calls a global action with values of this isolate.
    pub(super) fn call_values(&mut self, action: &str, args: &[Value]) -> Result<Value, Unwind> {
        self.inner.restore_limits();
        // Entering polls, and a collection must find the arguments.
        self.inner.held.extend_from_slice(args);
        self.host_frame();
        let result = self.call_inside(action, args);
        self.inner.held.clear();
        self.inner.frames.clear();
        self.inner.stack_slots = 0;
        result
    }

    /// The frame of the host: what it calls is called from the top level.
    pub(super) fn host_frame(&mut self) {
        self.inner.top = 0;
        let site = CallSite::Place(Place::default());
        let entered = self.inner.enter(ActionId(0), NO_INSTANCE, Value::UNSET, 0, 0, site);
        if entered.is_err() {
            // Interrupted: the call that follows will see the same flag.
            self.inner.top = 0;
        }
    }

    fn call_inside(&mut self, action: &str, args: &[Value]) -> Result<Value, Unwind> {
        let Some(action) = self.program.action(action) else {
            let message = format!("Action '{action}' is not defined");
            return self.inner.fail(&message);
        };
        self.call_action(action, args)
    }

    /// Calls an action from the host frame.
    pub(super) fn call_action(&mut self, action: ActionId, args: &[Value]) -> Result<Value, Unwind> {
        let base = self.inner.top;
        for &arg in args {
            self.inner.push(arg);
        }
        let site = CallSite::Place(Place::default());
        // What is sampled on the way in belongs to the tier that is called.
        self.inner.in_upper = self.starts_above(action);
        let entered = self.inner.enter(action, NO_INSTANCE, Value::UNSET, base, args.len() as u32, site);
        self.inner.in_upper = false;
        entered.and_then(|()| self.run_entered())
    }

    /// Sets `config.key` for all runs: the text's own assignments to it are ignored.
    pub fn set_config(&mut self, key: &str, value: ConfigValue) {
        let setting = match value {
            ConfigValue::Bool(value) => Setting::Bool(value),
            ConfigValue::Int(value) => Setting::Int(value),
            ConfigValue::Float(value) => Setting::Float(value),
            ConfigValue::Str(value) => Setting::Str(value),
        };
        self.inner.config.set_override(key, setting);
    }

    /// The root of all contract state. After [`Isolate::seal`] its cost grows with what was touched since the last
    /// call; the first makes the tree.
    pub fn state_root(&mut self) -> Digest {
        self.inner.ledger.root()
    }

    /// The root made anew from the whole state: what [`Isolate::state_root`] must equal.
    pub fn rebuilt_state_root(&self) -> Digest {
        state_root(&self.inner.ledger)
    }

    /// How large the tree of the state root is; none before the first root after [`Isolate::seal`].
    pub fn state_tree_size(&self) -> Option<TreeSize> {
        self.inner.ledger.state_tree().map(crate::ledger::StateTree::size)
    }

    /// BLAKE3 of the output since the last run began.
    pub fn output_digest(&self) -> Digest {
        self.inner.output.digest()
    }

    /// The output since the last run began, where it is captured.
    pub fn captured_output(&self) -> &str {
        self.inner.output.captured()
    }

    /// Keeps events as text from now on.
    pub fn keep_events(&mut self) {
        self.inner.ledger.events.keep_lines();
    }

    /// Events as text: `Contract Name [arguments]`, if kept.
    pub fn events(&self) -> &[String] {
        self.inner.ledger.events.lines().unwrap_or_default()
    }

    /// The gas of each transaction of the last block, with `keep_gas`.
    pub fn gas_of_block(&self) -> &[u64] {
        &self.gas_of_block
    }

    /// Receipts of the last executed block, if kept.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// Adds a value's canonical bytes to the current transaction's result.
    pub(super) fn encode_result(&mut self, value: Value) {
        encode_value(&self.inner.ledger, value, &mut self.result_bytes);
    }

    /// What it runs.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Deterministic and resource counters.
    pub fn counters(&self) -> Counters {
        let heap = &self.inner.ledger.heap;
        let compiled = self.program.vm.compiled();
        Counters {
            gas: self.inner.gas_used(),
            logical_bytes: self.inner.logical_bytes(),
            allocations: heap.objects_made(),
            collections: heap.collections(),
            vm_operations: self.tally.as_ref().map(|tally| tally.operations()),
            bytecode_bytes: compiled.code_bytes,
            live_bytes: heap.live_bytes() as u64,
            events: self.inner.ledger.events.count(),
            compile_ns: compiled.compile_ns,
        }
    }

    /// The gas of every action's calls in the VM, by name, if it is counted.
    pub fn gas_by_action(&self) -> Vec<ActionGas> {
        let mut actions: Vec<ActionGas> = Vec::new();
        for (action, mut gas) in self.tally.iter().flat_map(|tally| tally.gas_by_action()) {
            let name = if action.0 == 0 { "(top level)".to_owned() } else { self.inner.action_name(action) };
            // Actions of one name, such as lambdas, are shown as one.
            match actions.iter_mut().find(|each| each.action == name) {
                Some(each) => each.gas.append(&mut gas),
                None => actions.push(ActionGas { action: name, gas }),
            }
        }
        for each in &mut actions {
            each.gas.sort_unstable();
        }
        actions.sort_by(|a, b| a.action.cmp(&b.action));
        actions
    }

    /// Decisions of the tier policy so far; [`Program::native_report`] tells what became of native code.
    pub fn tier_events(&self) -> Vec<TierEvent> {
        let info = &self.program.info;
        let event = |change: &runtime::TierChange| {
            let (kind, place) = match change.site {
                Site::Loop(id) => ("loop", info.loops[id.0 as usize].place),
                Site::Action(action) => ("action", info.action(action).place),
            };
            TierEvent {
                at_ns: change.at_ns,
                site: self.program.sources.site(place.start),
                kind,
                iteration: change.count,
                from: change.from.text(),
                to: change.to.text(),
                compile_ns: change.prepared.compile_ns,
                code_bytes: change.prepared.code_bytes,
                speedup: change.speedup,
                reason: change.reason.text(change.count),
            }
        };
        self.inner.tier_changes.iter().map(event).collect()
    }

    /// What the tier policy has learnt, for a later process that runs the same program.
    pub fn tier_profile(&self) -> TierProfile {
        self.inner.policy.profile()
    }

    /// Gives the tier policy the hints of an earlier process, before the first run. They can change how fast the
    /// program runs, and nothing else.
    pub fn use_tier_profile(&mut self, profile: &TierProfile) {
        self.inner.policy.learn(profile);
        self.inner.rearm_counters();
    }

    /// Puts another clock in: for tests, whose time must not depend on the machine.
    pub fn set_clock(&mut self, clock: Box<dyn Clock>) {
        self.inner.clock = clock;
    }

    /// Times calls of a global action from now on, for latency probes; without a sampling, no longer.
    pub fn probe_calls_of(&mut self, action: &str, sampling: Option<Sampling>, seed: u64) {
        let action = self.program.action(action);
        self.inner.set_probe(action.zip(sampling.map(|sampling| Probe::new(sampling, seed))));
    }

    /// What the probe saw since the last time; nothing without one.
    pub fn take_samples(&mut self) -> Samples {
        self.inner.probe.as_deref_mut().map(|(_, probe)| probe.take()).unwrap_or_default()
    }

    /// A handle that stops this isolate from elsewhere.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle { flags: self.inner.poll_flags.clone() }
    }

    /// Why output could not be written, if so; a broken pipe means that its reader has gone away.
    pub fn output_failure(&self) -> Option<&std::io::Error> {
        self.inner.output.failure()
    }

    /// Whether something asked this isolate to stop.
    pub fn was_stopped(&self) -> bool {
        // Relaxed: the bits are the message.
        self.inner.poll_flags.bits.load(Ordering::Relaxed) & PollFlags::HOST != 0
    }
}
