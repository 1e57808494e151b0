//! Calls: who is called, entering and leaving a frame, and the checkpoint that a contract call is. Arguments stand
//! in consecutive slots; the callee's window begins at the first, so that passing them copies nothing.

use super::info::{ActionId, ClassId, ClassKind, Place, Symbol};
use super::isolate::{Isolate, STACK_SLOTS_MAX};
use super::signal::{ErrorKind, Signal, Unwind};
use super::tier::{Entry, Site, Tier};
use crate::value::{BoundKind, CopyError, Tag, Value, bound_is_free, deep_copy_out, deep_size};

/// Slots above a frame that host code may use: arguments of a callback, of a constructor.
pub(super) const HOST_SLOTS: usize = 512;

/// No contract instance.
pub const NO_INSTANCE: u32 = u32::MAX;

/// Host stack kept free for one action's evaluation, syntax nested as deep as it may be.
const STACK_RED_ZONE: usize = if cfg!(debug_assertions) { 4 << 20 } else { 1 << 20 };
/// Host stack added when less is left.
const STACK_SEGMENT: usize = 4 * STACK_RED_ZONE;

/// Where a call stands in its caller's text.
#[derive(Clone, Copy, Debug)]
pub enum CallSite {
    /// Known.
    Place(Place),
    /// A position that the upper tier can translate.
    Position(u32),
    /// In an operation of the runtime; the tier whose code asked for that knows its place.
    Runtime,
}

/// One active call.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Whose code runs.
    pub action: ActionId,
    /// First slot of its window.
    pub base: u32,
    /// The contract instance whose state bare names mean, or [`NO_INSTANCE`].
    pub this: u32,
    /// The instance on whose behalf it runs (`this`, or its caller's).
    pub context: u32,
    /// The function object, or unset.
    pub closure: Value,
    /// Gas kept back by `limit`.
    pub gas_reserve: i64,
    /// Where the call stands.
    pub site: CallSite,
    /// A checkpoint is open for it.
    pub checkpoint: bool,
    /// An error that leaves it undoes it (a contract call, not merely a limited action).
    pub undoes: bool,
    /// Its result leaves the contract: containers are copied.
    pub leaves: bool,
    /// For the tier that runs the caller: where to go on, and where to put the result.
    pub resume: (u32, u32),
}

/// Who a call turned out to reach.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// An action to enter.
    Action {
        /// Which.
        action: ActionId,
        /// On which instance.
        this: u32,
        /// With which captured variables.
        closure: Value,
    },
    /// A method to enter: its window begins at the receiver, in the slot before the arguments.
    Method {
        /// Which.
        action: ActionId,
        /// In which instance's code it was declared.
        this: u32,
        /// With which captured variables.
        closure: Value,
    },
    /// It has been done: a builtin or method, with its result.
    Done(Value),
}

impl Isolate {
    /// Runs `f` with enough host stack for one action's evaluation, so that the logical depth limit is always hit
    /// first.
    #[inline(always)]
    pub fn with_stack<R>(&mut self, f: impl FnOnce(&mut Isolate) -> R) -> R {
        if self.stack_is_low() { self.with_more_stack(f) } else { f(self) }
    }

    /// Whether a call may not go on on this stack, as far as is known.
    #[inline(always)]
    pub fn stack_is_low(&self) -> bool {
        psm::stack_pointer() as usize <= self.stack_floor
    }

    /// Finds out once where this thread's stack ends, for calls from the host that follow on the same thread.
    pub fn note_stack(&mut self) {
        if !self.find_stack_floor() {
            self.forget_stack();
        }
    }

    /// What [`Isolate::note_stack`] found holds no longer: the next call may come from another thread.
    pub fn forget_stack(&mut self) {
        self.stack_floor = usize::MAX;
    }

    /// Where this thread's stack ends is not known, or near.
    #[cold]
    #[inline(never)]
    fn with_more_stack<R>(&mut self, f: impl FnOnce(&mut Isolate) -> R) -> R {
        let was = self.stack_floor;
        let result = if self.find_stack_floor() {
            f(self)
        } else {
            stacker::grow(STACK_SEGMENT, || {
                self.find_stack_floor();
                f(self)
            })
        };
        self.stack_floor = was;
        result
    }

    /// Notes how far the stack pointer may go down; whether it has not gone there yet.
    fn find_stack_floor(&mut self) -> bool {
        let left = stacker::remaining_stack().unwrap_or(0).saturating_sub(STACK_RED_ZONE);
        self.stack_floor = psm::stack_pointer() as usize - left;
        left > 0
    }

    /// Enters an action: checks the number of arguments and the depth, completes the arguments, makes cells, opens
    /// the checkpoint of a contract call. The arguments stand in `slots[base..base + argc]`.
    #[inline(always)]
    pub fn enter(
        &mut self,
        action: ActionId,
        this: u32,
        closure: Value,
        base: u32,
        argc: u32,
        site: CallSite,
    ) -> Result<(), Unwind> {
        let shape = self.shapes[action.0 as usize];
        let super::info::ActionShape { params, fixed_slots, frame_slots, .. } = shape;
        let caller_context = self.caller_context();
        let contract = shape.plain_contract;
        // The commonest calls: nothing to complete, to copy, to poll for, or to make room for.
        let cheap = (shape.plain || (contract && (caller_context == NO_INSTANCE || caller_context == this)))
            && argc == params
            && !self.poll_wanted()
            && base + frame_slots <= self.high_water
            && self.stack_slots + frame_slots <= STACK_SLOTS_MAX
            && self.frames.len() < self.settings.depth_limit as usize;
        if !cheap {
            return self.enter_with_care(action, this, closure, base, argc, site);
        }
        let context = if this == NO_INSTANCE { caller_context } else { this };
        if contract {
            self.ledger.open_checkpoint();
        }
        self.stack_slots += frame_slots;
        self.top = base + fixed_slots;
        let (checkpoint, undoes, leaves) = (contract, contract, contract && caller_context != this);
        let (gas_reserve, resume) = (0, (0, 0));
        self.frames.push(Frame {
            action,
            base,
            this,
            context,
            closure,
            gas_reserve,
            site,
            checkpoint,
            undoes,
            leaves,
            resume,
        });
        Ok(())
    }

    /// The instance on whose behalf the topmost frame runs.
    #[inline(always)]
    fn caller_context(&self) -> u32 {
        self.frames.last().map_or(NO_INSTANCE, |frame| frame.context)
    }

    /// [`Isolate::enter`] in full.
    #[inline(never)]
    fn enter_with_care(
        &mut self,
        action: ActionId,
        this: u32,
        closure: Value,
        base: u32,
        argc: u32,
        site: CallSite,
    ) -> Result<(), Unwind> {
        self.top = base + argc;
        self.poll_at(Site::Action(action))?;
        // In probe processes alone; the probed action is the only one that comes here for its sake.
        let timed = if self.probe.is_some() { self.probe_entering(action) } else { None };
        let super::info::ActionShape { params, fixed_slots, frame_slots, plain, .. } = self.shapes[action.0 as usize];
        if self.frames.len() >= self.settings.depth_limit as usize || self.stack_slots + frame_slots > STACK_SLOTS_MAX {
            return self.fail("Call depth exceeded");
        }
        self.slots.ensure((base + frame_slots) as usize + HOST_SLOTS);
        if argc != params || !plain {
            self.complete_arguments(action, base, argc)?;
        }
        let caller_context = self.caller_context();
        let (mut checkpoint, mut undoes, mut leaves) = (false, false, false);
        let mut closure = closure;
        if !plain {
            if self.info.action(action).captures {
                closure = self.closure_of_instance(this, action);
            }
            (checkpoint, undoes, leaves) = self.enter_special(action, this, base, caller_context, argc)?;
        }
        self.stack_slots += frame_slots;
        self.top = base + fixed_slots;
        self.high_water = self.high_water.max(base + frame_slots);
        self.frames.push(Frame {
            action,
            base,
            this,
            context: if this == NO_INSTANCE { caller_context } else { this },
            closure,
            gas_reserve: 0,
            site,
            checkpoint,
            undoes,
            leaves,
            resume: (0, 0),
        });
        if !plain {
            self.prepare_window(action, base)?;
        }
        if let Some(timed) = timed {
            self.probe_entered(timed);
        }
        Ok(())
    }

    /// What entering an action does that has been compiled into its caller: the poll, the bounds of the stack, the
    /// count.
    #[inline(always)]
    pub fn enter_inlined(&mut self, action: ActionId) -> Result<(), Unwind> {
        self.poll_at(Site::Action(action))?;
        let frame_slots = self.shapes[action.0 as usize].frame_slots;
        if self.frames.len() >= self.settings.depth_limit as usize || self.stack_slots + frame_slots > STACK_SLOTS_MAX {
            return self.fail("Call depth exceeded");
        }
        self.calls[action.0 as usize].count += 1;
        Ok(())
    }

    /// Missing arguments become null, or unset where there is a default; too many are an error.
    #[inline(never)]
    fn complete_arguments(&mut self, action: ActionId, base: u32, argc: u32) -> Result<(), Unwind> {
        let info = &self.info.actions[action.0 as usize];
        let params = info.params.len() as u32;
        // Of a method neither the text nor the message counts `this`.
        let hidden = u32::from(info.method_of.is_some());
        if info.external {
            let message = format!("External action '{}' is not available", self.action_name(action));
            return self.fail(&message);
        }
        if argc > params {
            let message = format!(
                "Action '{}' takes {} argument{}, {} given",
                self.action_name(action),
                params - hidden,
                if params - hidden == 1 { "" } else { "s" },
                argc - hidden
            );
            return self.fail(&message);
        }
        for index in argc..params {
            let missing = if info.has_default[index as usize] { Value::UNSET } else { Value::NULL };
            self.slots[(base + index) as usize] = missing;
        }
        Ok(())
    }

    /// What contract calls and limited actions need beside: copies of arguments, the checkpoint. Gives the frame's
    /// flags: whether it has a checkpoint, whether an error undoes it, whether its result leaves a contract.
    #[inline]
    fn enter_special(
        &mut self,
        action: ActionId,
        this: u32,
        base: u32,
        caller_context: u32,
        argc: u32,
    ) -> Result<(bool, bool, bool), Unwind> {
        let info = &self.info.actions[action.0 as usize];
        let (contract, limited, view) = (info.is_contract_action, info.has_limit, info.view);
        let leaves = contract && caller_context != this;
        if leaves && caller_context != NO_INSTANCE {
            for slot in base..base + argc {
                self.slots[slot as usize] = self.leave_copy(self.slots[slot as usize], false)?;
            }
        }
        if contract || limited {
            self.ledger.open_checkpoint();
        }
        if view {
            self.begin_view();
        }
        Ok((contract || limited, contract, leaves))
    }

    /// Unset slots and cells of a window that needs them.
    fn prepare_window(&mut self, action: ActionId, base: u32) -> Result<(), Unwind> {
        let info = &self.info.actions[action.0 as usize];
        if info.unset.is_empty() && info.cells.is_empty() {
            return Ok(());
        }
        let params = info.params.len() as u32;
        for &slot in &info.unset {
            if u32::from(slot) >= params {
                self.slots[(base + u32::from(slot)) as usize] = Value::UNSET;
            }
        }
        let cells = info.cells.len();
        for index in 0..cells {
            let slot = u32::from(self.info.actions[action.0 as usize].cells[index]);
            let value = if slot < params { self.slots[(base + slot) as usize] } else { Value::UNSET };
            let cell = self.ledger.heap.alloc_cell(value);
            self.slots[(base + slot) as usize] = cell;
        }
        if cells > 0
            && let Err(unwind) = self.charge_bytes(super::gas::FUNCTION_BYTES * cells as u64)
        {
            self.leave_failed();
            return Err(unwind);
        }
        Ok(())
    }

    /// Leaves the topmost frame with its result.
    #[inline(always)]
    pub fn leave(&mut self, value: Value) -> Result<Value, Unwind> {
        let frame = self.frame();
        if frame.checkpoint {
            return self.leave_checkpoint(value);
        }
        let (action, base) = (frame.action, frame.base);
        self.frames.pop();
        self.stack_slots -= self.shapes[action.0 as usize].frame_slots;
        self.top = base;
        Ok(value)
    }

    #[inline(never)]
    fn leave_checkpoint(&mut self, value: Value) -> Result<Value, Unwind> {
        if self.probe.is_some() { self.leave_probed(value) } else { self.leave_with_checkpoint(value) }
    }

    #[inline]
    pub(super) fn leave_with_checkpoint(&mut self, value: Value) -> Result<Value, Unwind> {
        let frame = self.frame();
        let (action, base, gas_reserve, leaves) = (frame.action, frame.base, frame.gas_reserve, frame.leaves);
        let fresh = self.fresh_result;
        let value = if leaves && !value.tag().is_plain() {
            match self.leave_copy(value, fresh) {
                Ok(value) => value,
                Err(unwind) => {
                    self.leave_failed();
                    return Err(unwind);
                }
            }
        } else {
            value
        };
        self.frames.pop();
        self.stack_slots -= self.shapes[action.0 as usize].frame_slots;
        self.top = base;
        if gas_reserve > 0 {
            self.give_back_reserve(gas_reserve);
        }
        self.ledger.commit_checkpoint();
        Ok(value)
    }

    /// Commits a transaction's checkpoint, which the host opened.
    pub fn commit_transaction(&mut self) {
        self.ledger.seal_made();
        self.ledger.commit_checkpoint();
    }

    /// Leaves the topmost frame because something unwinds through it: undoes a contract call.
    #[cold]
    #[inline(never)]
    pub fn leave_failed(&mut self) {
        if self.probe.is_some() {
            self.probe_unwinding();
        }
        let frame = *self.frame();
        let depth = self.frames.len() as u32 - 1;
        if self.signal == Signal::Error && frame.leaves {
            self.copy_thrown();
        }
        self.frames.pop();
        self.stack_slots -= self.shapes[frame.action.0 as usize].frame_slots;
        self.top = frame.base;
        self.give_back_reserve(frame.gas_reserve);
        if frame.checkpoint {
            if frame.undoes || self.signal != Signal::Error {
                self.ledger.roll_back_checkpoint();
            } else {
                self.ledger.commit_checkpoint();
            }
        }
        if self.signal == (Signal::OutOfGas { limited: Some(depth) }) {
            let site = self.signal_site.take();
            let _: Result<(), Unwind> = self.fail_kind(ErrorKind::OutOfGas, "Out of gas");
            if let Some(site) = site {
                let error = self.ledger.heap.error_mut(self.error);
                error.span = (site.action.0, site.place.start, site.place.end);
                error.trace = site.trace.iter().map(|entry| (entry.action.0, entry.position)).collect();
            }
        }
    }

    /// A thrown value that leaves a contract call is a copy, made before the call is undone.
    fn copy_thrown(&mut self) {
        let thrown = self.ledger.heap.error(self.error).message;
        // What may not leave has become the error instead.
        if let Ok(copy) = self.leave_copy(thrown, false) {
            self.ledger.heap.error_mut(self.error).message = copy;
        }
    }

    /// A value on its way out of a contract: containers are copied (a `fresh` one as it is, free of charge),
    /// lambdas may not leave.
    pub fn leave_copy(&mut self, value: Value, fresh: bool) -> Result<Value, Unwind> {
        match value.tag() {
            Tag::Function => {
                let receiver = self.ledger.heap.function(value).receiver;
                if receiver.is_null() {
                    self.escape(value, 0)
                } else {
                    self.fail("Cannot take a function out of a contract")
                }
            }
            Tag::Bound if !bound_is_free(&self.ledger.heap, value) => {
                self.fail("Cannot take a function out of a contract")
            }
            Tag::Bound => self.escape(value, 0),
            tag if tag.is_container() => {
                if fresh && !self.holds_container(value) {
                    return Ok(value);
                }
                self.charge_copy(value, fresh)?;
                let mut functions = Vec::new();
                match deep_copy_out(&mut self.ledger.heap, value, &mut functions) {
                    Ok(copy) => {
                        for function in functions {
                            self.escape(function, 0)?;
                        }
                        Ok(copy)
                    }
                    Err(CopyError::Function) => self.fail("Cannot take a function out of a contract"),
                    Err(error) => self.fail(copy_error_text(error)),
                }
            }
            _ => Ok(value),
        }
    }

    /// Whether a container holds another container or a function: only then can a fresh one share anything.
    pub(super) fn holds_container(&self, value: Value) -> bool {
        let shares = |value: Value| {
            let function = matches!(value.tag(), Tag::Function | Tag::Bound | Tag::Builtin);
            value.tag().is_container() || function || value.tag() == Tag::Range
        };
        match value.tag() {
            Tag::List => self.ledger.heap.list(value).items.iter().copied().any(shares),
            Tag::Map => self.ledger.heap.map(value).map.iter().any(|entry| shares(entry.value)),
            _ => true,
        }
    }

    /// Charges the copy of a container. One that its expression has just made is not charged again, but what it
    /// holds is: that may have been there before.
    pub(super) fn charge_copy(&mut self, value: Value, fresh: bool) -> Result<(), Unwind> {
        if !fresh {
            return self.charge_deep(value);
        }
        let held: Vec<Value> = match value.tag() {
            Tag::List => self.ledger.heap.list(value).items.clone(),
            Tag::Map => self.ledger.heap.map(value).map.iter().map(|entry| entry.value).collect(),
            Tag::Entity | Tag::Data => self.ledger.heap.record(value).fields.clone(),
            _ => Vec::new(),
        };
        for container in held.into_iter().filter(|held| held.tag().is_container()) {
            self.charge_deep(container)?;
        }
        Ok(())
    }

    /// Charges a stored or leaving container for its deep size.
    pub fn charge_deep(&mut self, value: Value) -> Result<(), Unwind> {
        use super::gas::{COPIED_UNITS_MAX, ELEMENT_BYTES, ELEMENTS_PER_GAS};
        let payable = self.elements_beyond_gas().min(self.alloc_left.max(0) as u64 / ELEMENT_BYTES + 1);
        self.ledger.about_to_walk(value);
        match deep_size(&self.ledger.heap, value, payable.min(COPIED_UNITS_MAX)) {
            Ok(units) => {
                self.charge_large(units / ELEMENTS_PER_GAS)?;
                self.charge_bytes(units.saturating_mul(ELEMENT_BYTES))?;
                if units > COPIED_UNITS_MAX { self.fail("The value is too large to copy (over 1 GiB)") } else { Ok(()) }
            }
            Err(CopyError::Function) => self.fail("Cannot store a function in contract state"),
            Err(error) => self.fail(copy_error_text(error)),
        }
    }

    /// Finds who `callee(...)` reaches; builtins are done at once. Arguments stand in `slots[base..base + argc]`.
    pub fn resolve_call(&mut self, callee: Value, base: u32, argc: u32) -> Result<Target, Unwind> {
        match callee.tag() {
            Tag::Function => {
                let function = self.ledger.heap.function(callee);
                let this = if function.receiver.is_null() { NO_INSTANCE } else { function.receiver.id() };
                Ok(Target::Action { action: ActionId(function.action), this, closure: callee })
            }
            Tag::Builtin if callee.id() >= super::HOST_FUNCTIONS => {
                Ok(Target::Done(self.call_host(callee.id(), base, argc)?))
            }
            Tag::Builtin => Ok(Target::Done(self.call_builtin(callee.id(), base, argc)?)),
            Tag::Class => Ok(Target::Done(self.instantiate(ClassId(callee.id()), base, argc)?)),
            Tag::Bound => {
                let bound = self.ledger.heap.bound(callee);
                let (kind, target, receiver) = (bound.kind, bound.target, bound.receiver);
                match kind {
                    BoundKind::Action => {
                        Ok(Target::Action { action: ActionId(target), this: receiver.id(), closure: Value::UNSET })
                    }
                    BoundKind::Method => {
                        // The receiver takes the place of the callee, before the arguments.
                        self.slots[base as usize - 1] = receiver;
                        self.resolve_method(receiver, Symbol(target), base, argc)
                    }
                    BoundKind::Class => Ok(Target::Done(self.make_of(ClassId(target), receiver, base, argc)?)),
                }
            }
            Tag::Null => self.fail("Cannot call null"),
            _ => {
                let message = format!("A value of type {} cannot be called", super::ops::type_name(callee));
                self.fail(&message)
            }
        }
    }

    /// Finds who `receiver.name(...)` reaches; methods of values are done at once. The receiver (or what it was
    /// found in) stands in the slot before the arguments.
    pub fn resolve_method(&mut self, receiver: Value, name: Symbol, base: u32, argc: u32) -> Result<Target, Unwind> {
        match receiver.tag() {
            Tag::Contract => self.contract_action(receiver.id(), name, base, argc),
            Tag::Entity | Tag::Data => self.record_method(receiver, name, base, argc),
            Tag::Class if self.info.class(ClassId(receiver.id())).kind == ClassKind::Contract => {
                let instance = self.shared_instance(ClassId(receiver.id()), base + argc)?;
                self.contract_action(instance, name, base, argc)
            }
            Tag::Module => self.resolve_member(receiver, name, base, argc),
            Tag::Bound => self.resolve_of_declaration(receiver, name, base, argc),
            Tag::Map => {
                let key = self.info.symbol_values[name.0 as usize];
                match self.ledger.entry(receiver, key) {
                    Some(value) if is_callable(value) => self.resolve_call(value, base, argc),
                    _ => Ok(Target::Done(self.call_method(receiver, name, base, argc)?)),
                }
            }
            _ => Ok(Target::Done(self.call_method(receiver, name, base, argc)?)),
        }
    }

    /// Who `Name.name(...)` reaches where `Name` is a contract that captures variables: an action of its shared instance.
    #[cold]
    fn resolve_of_declaration(&mut self, value: Value, name: Symbol, base: u32, argc: u32) -> Result<Target, Unwind> {
        match self.class_environment(value) {
            Some((class, environment)) if self.info.class(class).kind == ClassKind::Contract => {
                let instance = self.shared_instance_in(class, environment, base + argc)?;
                self.contract_action(instance, name, base, argc)
            }
            _ => Ok(Target::Done(self.call_method(value, name, base, argc)?)),
        }
    }

    /// Who `module.name(...)` reaches. A function value made for the call alone would be in no root.
    #[cold]
    fn resolve_member(&mut self, module: Value, name: Symbol, base: u32, argc: u32) -> Result<Target, Unwind> {
        if let Some(super::info::Member::Action(action)) = self.info.modules[module.id() as usize].member(name) {
            return Ok(Target::Action { action, this: NO_INSTANCE, closure: Value::UNSET });
        }
        let callee = self.module_member(module, name)?;
        self.resolve_call(callee, base, argc)
    }

    #[inline]
    fn contract_action(&mut self, instance: u32, name: Symbol, base: u32, argc: u32) -> Result<Target, Unwind> {
        let class = ClassId(self.ledger.instances[instance as usize].class);
        if let Some(action) = self.info.class(class).action(name) {
            if self.info.action(action).private && !self.is_code_of(self.info.action(action).class) {
                let message = format!(
                    "Action '{}' of contract {} is private",
                    self.info.name(name),
                    self.info.name(self.info.class(class).name)
                );
                return self.fail(&message);
            }
            return Ok(Target::Action { action, this: instance, closure: Value::UNSET });
        }
        if let Some(field) = self.info.class(class).field(name) {
            let value = self.ledger.field(instance, u32::from(field));
            if is_callable(value) {
                return self.resolve_call(value, base, argc);
            }
        }
        if self.info.name(name) == "toString" || self.info.name(name) == "to_string" {
            return Ok(Target::Done(self.call_method(Value::contract(instance), name, base, argc)?));
        }
        let class_name = self.info.name(self.info.class(class).name).to_owned();
        let message = format!("Action '{}' not found in contract {class_name}", self.info.name(name));
        self.fail(&message)
    }

    /// Whether the running code is a contract's, or that of one which extends it: such code may use what is private.
    pub(super) fn is_code_of(&self, owner: Option<ClassId>) -> bool {
        match (self.info.action(self.frame().action).class, owner) {
            (Some(class), Some(owner)) => self.info.is_or_extends(class, owner),
            _ => false,
        }
    }

    /// The action that a call by bare name reaches on `this`: the instance's own of that name.
    #[inline]
    pub fn own_action(&self, action: ActionId) -> ActionId {
        if self.shapes[action.0 as usize].overridden { self.overriding_action(action) } else { action }
    }

    #[inline(never)]
    fn overriding_action(&self, action: ActionId) -> ActionId {
        let class = ClassId(self.ledger.instances[self.this() as usize].class);
        let name = self.info.action(action).name;
        name.and_then(|name| self.info.class(class).action(name)).unwrap_or(action)
    }

    /// Calls an action from Rust code, in the tier that runs now; arguments stand at `base`.
    pub fn call_nested(
        &mut self,
        action: ActionId,
        this: u32,
        closure: Value,
        base: u32,
        argc: u32,
    ) -> Result<Value, Unwind> {
        self.enter(action, this, closure, base, argc, CallSite::Runtime)?;
        match self.run_frame(Entry::Start) {
            Ok(value) => self.leave(value),
            Err(unwind) => {
                self.locate(self.info.action(action).place);
                self.leave_failed();
                Err(unwind)
            }
        }
    }

    /// Calls a function value with arguments that are held nowhere else: a callback.
    pub fn call_function(&mut self, function: Value, arguments: &[Value]) -> Result<Value, Unwind> {
        // The callee stands before its arguments, as in any call.
        let slot = self.push(function);
        let base = slot + 1;
        for &argument in arguments {
            self.push(argument);
        }
        let argc = arguments.len() as u32;
        let result = match self.resolve_call(function, base, argc) {
            Ok(Target::Action { action, this, closure }) => self.call_nested(action, this, closure, base, argc),
            Ok(Target::Method { action, this, closure }) => self.call_nested(action, this, closure, slot, argc + 1),
            Ok(Target::Done(value)) => Ok(value),
            Err(unwind) => Err(unwind),
        };
        self.top = slot;
        result
    }

    /// Runs the topmost frame in the tier that runs now.
    pub fn run_frame(&mut self, entry: Entry) -> Result<Value, Unwind> {
        let tier = match &self.upper {
            Some(upper) if self.in_upper => upper.clone(),
            _ => self.lower.clone(),
        };
        // The host may have moved this isolate to another thread since it last ran. What runs around this, if anything
        // does, knows its own stack.
        let floor = std::mem::replace(&mut self.stack_floor, usize::MAX);
        let result = self.with_stack(|isolate| tier.run(isolate, entry));
        self.stack_floor = floor;
        result
    }

    /// Runs the topmost frame from its start in a tier, for the host.
    pub fn run_on(&mut self, tier: &dyn Tier) -> Result<Value, Unwind> {
        self.with_stack(|isolate| tier.run(isolate, Entry::Start))
    }

    /// Runs the rest of the topmost frame in the upper tier, from the lower one.
    pub fn run_upper(&mut self, entry: Entry) -> Result<Value, Unwind> {
        let Some(upper) = self.upper.clone() else {
            unreachable!("the policy enters the upper tier only where there is one")
        };
        let was = std::mem::replace(&mut self.in_upper, true);
        let result = self.with_stack(|isolate| upper.run(isolate, entry));
        self.slice.crossed = true;
        self.in_upper = was;
        result
    }

    /// `limit n`: the call may use at most `n` of what is left.
    pub fn set_limit(&mut self, limit: Value) -> Result<(), Unwind> {
        if !limit.is_int() || limit.as_int() < 0 {
            return self.fail("limit must be an integer that is not negative");
        }
        self.change_gas(|isolate| {
            let reserve = (isolate.gas - limit.as_int()).max(0);
            let depth = isolate.frames.len() - 1;
            isolate.frames[depth].gas_reserve = reserve;
            isolate.gas -= reserve;
        });
        Ok(())
    }

    /// The name of an action as traces and messages show it.
    pub fn action_name(&self, action: ActionId) -> String {
        let info = self.info.action(action);
        let own = info.name.map_or("lambda", |name| self.info.name(name));
        match info.class {
            Some(class) if info.is_contract_action => {
                format!("{}.{own}", self.info.name(self.info.class(class).name))
            }
            _ => match info.method_of {
                Some(class) => format!("{}.{own}", self.info.name(self.info.class(class).name)),
                None => own.to_owned(),
            },
        }
    }
}

/// Whether a value can stand before `(...)`.
pub(super) fn is_callable(value: Value) -> bool {
    matches!(value.tag(), Tag::Function | Tag::Bound | Tag::Builtin | Tag::Class)
}

pub(super) fn copy_error_text(error: CopyError) -> &'static str {
    match error {
        CopyError::Cyclic => "Cannot store a cyclic value",
        CopyError::TooDeep => "Value is nested too deeply (over 1,000 levels)",
        CopyError::Function => "Cannot store a function in contract state",
    }
}
