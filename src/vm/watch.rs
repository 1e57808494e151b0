//! Counting what the machine executes, in an instantiation of the dispatch loop of its own: the one that is timed
//! contains no trace of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Vm;
use crate::runtime::info::{ActionId, Place};
use crate::runtime::{Entry, Isolate, Prepared, Tier, Unwind};
use crate::value::Value;

/// What the dispatch loop tells before each instruction.
pub(super) trait Watch {
    /// Whether loops and calls may go on in native code.
    const ASCENDS: bool;

    /// An instruction of the topmost frame is about to be executed; whether the loop stops before it.
    fn instruction(&self, isolate: &Isolate, position: impl FnOnce() -> u32) -> bool;
}

/// Nobody: compiles to nothing.
#[derive(Debug)]
pub(super) struct Unwatched;

impl Watch for Unwatched {
    const ASCENDS: bool = true;

    #[inline(always)]
    fn instruction(&self, _isolate: &Isolate, _position: impl FnOnce() -> u32) -> bool {
        false
    }
}

/// Nobody, where no loop or call goes on in native code: nothing is counted for it.
#[derive(Debug)]
pub(super) struct Grounded;

impl Watch for Grounded {
    const ASCENDS: bool = false;

    #[inline(always)]
    fn instruction(&self, _isolate: &Isolate, _position: impl FnOnce() -> u32) -> bool {
        false
    }
}

/// Stops when the frame at this depth is about to execute its second instruction.
#[derive(Debug)]
pub(super) struct OneStep {
    depth: usize,
    begun: Cell<bool>,
    /// Where it stopped.
    pub(super) stopped_at: Cell<u32>,
}

impl OneStep {
    pub(super) fn new(depth: usize) -> Self {
        Self { depth, begun: Cell::new(false), stopped_at: Cell::new(0) }
    }
}

impl Watch for OneStep {
    const ASCENDS: bool = true;

    #[inline(always)]
    fn instruction(&self, isolate: &Isolate, position: impl FnOnce() -> u32) -> bool {
        if isolate.frames.len() != self.depth {
            return false;
        }
        if self.begun.replace(true) {
            self.stopped_at.set(position());
            return true;
        }
        false
    }
}

/// Instructions executed and the gas of each call, of one isolate.
#[derive(Debug, Default)]
pub struct Tally {
    operations: AtomicU64,
    /// Frames at the last instruction.
    depth: AtomicUsize,
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    open: Vec<Open>,
    /// By action index: the gas of each finished call, with all that it called.
    gas: BTreeMap<u32, Vec<u64>>,
}

#[derive(Debug)]
struct Open {
    action: ActionId,
    depth: usize,
    gas_before: u64,
}

impl Tally {
    /// Instructions executed so far.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed) // a count; nothing is published with it
    }

    /// For each action that was called: the gas of its calls, with all that they called, in order of their ends.
    pub fn gas_by_action(&self) -> Vec<(ActionId, Vec<u64>)> {
        self.calls().gas.iter().map(|(action, gas)| (ActionId(*action), gas.clone())).collect()
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frames came or went since the last instruction. Between two calls from one frame that frame executes at least
    /// one instruction, so no call is missed.
    fn depth_changed(&self, isolate: &Isolate) {
        let depth = isolate.frames.len();
        self.depth.store(depth, Ordering::Relaxed); // one thread at a time
        let mut calls = self.calls();
        calls.close(depth, isolate);
        if calls.open.last().is_none_or(|open| open.depth < depth) {
            let open = Open { action: isolate.frame().action, depth, gas_before: isolate.gas_used() };
            calls.open.push(open);
        }
    }

    /// An activation of the loop has ended: so have its frames.
    fn activation_ended(&self, isolate: &Isolate) {
        let below = isolate.frames.len().saturating_sub(1);
        self.depth.store(below, Ordering::Relaxed); // one thread at a time
        self.calls().close(below, isolate);
    }
}

impl Calls {
    /// Ends the calls deeper than `depth`.
    fn close(&mut self, depth: usize, isolate: &Isolate) {
        while let Some(open) = self.open.pop_if(|open| open.depth > depth) {
            let gas = isolate.gas_used().saturating_sub(open.gas_before);
            self.gas.entry(open.action.0).or_default().push(gas);
        }
    }
}

impl Watch for Tally {
    const ASCENDS: bool = false;

    fn instruction(&self, isolate: &Isolate, _position: impl FnOnce() -> u32) -> bool {
        self.operations.fetch_add(1, Ordering::Relaxed); // a count
        if isolate.frames.len() != self.depth.load(Ordering::Relaxed) {
            self.depth_changed(isolate);
        }
        false
    }
}

/// The same machine, counting.
#[derive(Debug)]
pub struct CountingVm {
    vm: Arc<Vm>,
    tally: Arc<Tally>,
}

impl CountingVm {
    /// Counts into `tally`, which belongs to one isolate.
    pub fn new(vm: Arc<Vm>, tally: Arc<Tally>) -> Self {
        Self { vm, tally }
    }
}

impl Tier for CountingVm {
    fn run(&self, isolate: &mut Isolate, entry: Entry) -> Result<Value, Unwind> {
        let result = self.vm.run_watched(isolate, entry, &*self.tally);
        self.tally.activation_ended(isolate);
        result
    }

    fn prepare(&self, action: ActionId) -> Prepared {
        self.vm.prepare(action)
    }

    fn place(&self, action: ActionId, position: u32) -> Place {
        self.vm.place(action, position)
    }
}
