//! Where native code finds the parts of an isolate.

use std::mem::offset_of;

use super::isolate::Isolate;
use crate::ledger::Ledger;

impl Isolate {
    /// Offset of the gas left.
    pub const GAS_OFFSET: i32 = offset_of!(Isolate, gas) as i32;
    /// Offset of `fresh_result`.
    pub const FRESH_OFFSET: i32 = offset_of!(Isolate, fresh_result) as i32;
    /// Offset of the heap.
    pub const HEAP_OFFSET: usize = offset_of!(Isolate, ledger) + offset_of!(Ledger, heap);

    /// Whether plain reads and writes of state and containers need no question first: nothing is recorded, no view
    /// runs.
    pub fn writes_freely(&self) -> bool {
        self.ledger.is_direct() && !self.view_runs()
    }

    /// Whether globals may be assigned.
    pub fn has_open_globals(&self) -> bool {
        !(self.sealed && self.tx.in_block)
    }

    /// Whether a leaf of so many logical slots may be run inside the topmost frame.
    pub fn has_room_for(&self, frame_slots: u32) -> bool {
        self.frames.len() < self.settings.depth_limit as usize
            && self.stack_slots + frame_slots <= super::isolate::STACK_SLOTS_MAX
    }
}
