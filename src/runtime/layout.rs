//! Where native code finds the parts of an isolate.

use std::mem::offset_of;
use std::sync::OnceLock;

use super::call::{CallSite, Frame, HOST_SLOTS, NO_INSTANCE};
use super::info::{ActionId, ActionShape};
use super::isolate::{Isolate, IsolateSettings, STACK_SLOTS_MAX};
use crate::ledger::{Instance, Ledger};
use crate::value::{Value, VecLayout, vec_layout};

/// Where native code finds what a call changes: offsets in an isolate.
#[derive(Clone, Copy, Debug)]
pub struct CallLayout {
    /// The frames.
    pub frames: VecLayout,
    /// `top`
    pub top: i32,
    /// `high_water`
    pub high_water: i32,
    /// `stack_slots`
    pub stack_slots: i32,
    /// The greatest depth.
    pub depth_limit: i32,
    /// Where the host stack is low.
    pub stack_floor: i32,
    /// The probe: null if there is none.
    pub probe: i32,
    /// The contract instances.
    pub instances: VecLayout,
    /// In an instance: its fields.
    pub instance_fields: VecLayout,
    /// In an instance: the epochs of its fields.
    pub instance_epochs: VecLayout,
}

impl CallLayout {
    /// Greatest `stack_slots`.
    pub const STACK_SLOTS_MAX: u32 = STACK_SLOTS_MAX;
    /// Where a frame has its base.
    pub const FRAME_BASE: i32 = offset_of!(Frame, base) as i32;
    /// Where a frame has its context.
    pub const FRAME_CONTEXT: i32 = offset_of!(Frame, context) as i32;
    /// Where a frame has its contract instance.
    pub const FRAME_THIS: i32 = offset_of!(Frame, this) as i32;
    /// Where a frame notes that its result leaves the contract.
    pub const FRAME_LEAVES: i32 = offset_of!(Frame, leaves) as i32;
    /// Where an instance has the number of its class.
    pub const INSTANCE_CLASS: i32 = offset_of!(Instance, class) as i32;

    /// The layout of this build; none if it could not be found out.
    pub fn get() -> Option<&'static CallLayout> {
        static LAYOUT: OnceLock<Option<CallLayout>> = OnceLock::new();
        LAYOUT.get_or_init(CallLayout::look).as_ref()
    }

    fn look() -> Option<CallLayout> {
        let frame = Frame::of_call(ActionId(0), 0, 0);
        let ledger = offset_of!(Isolate, ledger);
        Some(CallLayout {
            frames: vec_layout(&frame)?.inside(offset_of!(Isolate, frames)),
            instances: vec_layout(&Instance::sample())?.inside(ledger + offset_of!(Ledger, instances)),
            instance_fields: vec_layout(&Value::NULL)?.inside(offset_of!(Instance, fields)),
            instance_epochs: vec_layout(&0_u64)?.inside(offset_of!(Instance, epochs)),
            top: offset_of!(Isolate, top) as i32,
            high_water: offset_of!(Isolate, high_water) as i32,
            stack_slots: offset_of!(Isolate, stack_slots) as i32,
            depth_limit: (offset_of!(Isolate, settings) + offset_of!(IsolateSettings, depth_limit)) as i32,
            stack_floor: offset_of!(Isolate, stack_floor) as i32,
            probe: offset_of!(Isolate, probe) as i32,
        })
    }
}

impl Frame {
    /// The frame of a plain action called at a position, whose result goes into register `to`; base and context are
    /// still to be set.
    pub fn of_call(action: ActionId, position: u32, to: u16) -> Self {
        Frame {
            action,
            base: 0,
            this: NO_INSTANCE,
            context: NO_INSTANCE,
            closure: Value::UNSET,
            gas_reserve: 0,
            site: CallSite::Position(position),
            checkpoint: false,
            undoes: false,
            leaves: false,
            resume: (position, u32::from(to)),
        }
    }

    /// The same of a contract's action; instance, context and whether its result leaves are still to be set as well.
    pub fn of_contract_call(action: ActionId, position: u32, to: u16) -> Self {
        Frame { checkpoint: true, undoes: true, ..Self::of_call(action, position, to) }
    }
}

impl Isolate {
    /// Offset of the gas left.
    pub const GAS_OFFSET: i32 = offset_of!(Isolate, gas) as i32;
    /// Offset of the logical bytes left.
    pub const ALLOC_OFFSET: i32 = offset_of!(Isolate, alloc_left) as i32;
    /// Offset of `fresh_result`.
    pub const FRESH_OFFSET: i32 = offset_of!(Isolate, fresh_result) as i32;
    /// Offset of `TX.caller`: unset until the program first asks, where the host says nothing.
    pub const CALLER_OFFSET: i32 = (offset_of!(Isolate, tx) + offset_of!(super::tx::TxContext, caller)) as i32;
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

    /// Whether compiled code may run contract calls, so many inside one another and of so many logical slots, inside the
    /// topmost frame, and enter them only where it leaves in the middle.
    pub fn takes_late_calls(&self, depth: usize, frame_slots: u32) -> bool {
        self.frames.len() + depth <= self.settings.depth_limit as usize
            && self.stack_slots + frame_slots <= STACK_SLOTS_MAX
            && self.probe.is_none()
            && self.ledger.may_log_late()
    }

    /// Makes slots exist for such calls in the topmost frame, which with them has so many.
    pub fn prepare_late_calls(&mut self, slots: u32) {
        let top = self.frame().base + slots;
        self.slots.ensure(top as usize + HOST_SLOTS);
    }

    /// Where the slots end that exist for windows.
    pub fn windows_end(&self) -> *const Value {
        let count = self.slots.len().saturating_sub(HOST_SLOTS);
        self.slots[count..].as_ptr()
    }

    /// Enters an action whose code has already begun: its frame is complete, its registers stand.
    pub fn enter_late(&mut self, frame: Frame) {
        let ActionShape { fixed_slots, frame_slots, .. } = self.shapes[frame.action.0 as usize];
        self.slots.ensure((frame.base + frame_slots) as usize + HOST_SLOTS);
        if frame.checkpoint {
            self.ledger.open_checkpoint();
        }
        self.stack_slots += frame_slots;
        self.top = frame.base + fixed_slots;
        self.high_water = self.high_water.max(frame.base + frame_slots);
        self.frames.push(frame);
    }

    /// As many frames as there may be before the call of an action of at most so many logical slots needs a look at the
    /// depth, at the room for frames, or at the probe.
    pub fn plain_depth(&self, frame_slots: u32) -> usize {
        if self.probe.is_some() {
            return 0;
        }
        let more = (STACK_SLOTS_MAX.saturating_sub(self.stack_slots) / frame_slots.max(1)) as usize;
        (self.frames.len() + more).min(self.settings.depth_limit as usize).min(self.frames.capacity())
    }

    /// Whether a leaf of so many logical slots may be run inside the topmost frame.
    pub fn has_room_for(&self, frame_slots: u32) -> bool {
        self.frames.len() < self.settings.depth_limit as usize && self.stack_slots + frame_slots <= STACK_SLOTS_MAX
    }
}
