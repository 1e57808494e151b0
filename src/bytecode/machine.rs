//! What the VM and native code need of one another, as interfaces: neither room imports the other.

use super::Code;
use crate::runtime::info::ActionId;
use crate::runtime::{Isolate, Reason, Unwind};
use crate::value::Value;

/// The machine that executes any instruction: what native code does not specialise it has done here.
pub trait Machine {
    /// Executes the one instruction at a position of the topmost frame's code, with every call that it makes. Gives
    /// the position where that frame goes on. What unwinds out of the frame has its place, and the frame stays.
    fn step(&self, isolate: &mut Isolate, position: u32) -> Result<u32, Unwind>;

    /// Runs the topmost frame to its end, from where it stands: `Stay` means at its start. The frame stays.
    fn finish(&self, isolate: &mut Isolate, arrived: Arrived) -> Result<Value, Unwind>;

    /// An action's code.
    fn code_of(&self, action: ActionId) -> &Code;
}

/// Where a frame stands after native code ran in it, or did not.
#[derive(Clone, Copy, Debug)]
pub enum Arrived {
    /// There is no native code for this place: nothing was done.
    Stay,
    /// The frame goes on at this position; everything before it is done.
    At(u32),
    /// The action has ended with this value; `Isolate::fresh_result` is set. The frame stands.
    Returned(Value),
    /// The instruction at this position failed, and the frame has no handler for it.
    Failed(u32),
}

/// The tier above the machine.
pub trait NativeTier: Send + Sync + std::fmt::Debug {
    /// The topmost frame stands at a loop's header or at its action's start, and the policy says to go up: runs
    /// native code from there, compiling it first if there is none. With a reason the move is put on record.
    fn arrive(
        &self,
        isolate: &mut Isolate,
        code: &Code,
        position: u32,
        machine: &dyn Machine,
        reason: Option<Reason>,
    ) -> Arrived;
}
