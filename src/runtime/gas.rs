//! Gas and the allocation budget. Static costs are charged by blocks that the resolver cut; what depends on sizes
//! is charged here, by the same functions in every tier. One table.

use super::isolate::Isolate;
use super::signal::{Signal, Unwind};

/// Logical bytes of a string or bytes beside its content.
pub const STRING_BYTES: u64 = 24;
/// Logical bytes of a list beside its elements.
pub const LIST_BYTES: u64 = 48;
/// Logical bytes of a list's element.
pub const ELEMENT_BYTES: u64 = 16;
/// Logical bytes of a map beside its entries.
pub const MAP_BYTES: u64 = 64;
/// Logical bytes of a map's entry.
pub const ENTRY_BYTES: u64 = 48;
/// Logical bytes of a closure beside its cells, and of each cell.
pub const FUNCTION_BYTES: u64 = 48;
/// Logical bytes of an integer beyond 64 bits (beyond 256: for each further 256 bits again).
pub const WIDE_BYTES: u64 = 48;
/// Logical bytes of a contract instance beside its fields.
pub const INSTANCE_BYTES: u64 = 64;
/// Logical bytes of an entity or data value beside its fields.
pub const RECORD_BYTES: u64 = 64;
/// Bytes of text that one unit of gas copies, compares or hashes.
pub const TEXT_BYTES_PER_GAS: u64 = 32;
/// Elements or entries that one unit of gas copies or walks.
pub const ELEMENTS_PER_GAS: u64 = 4;
/// Greatest length of a text that a program makes, in bytes: the host's memory is not without end.
pub const TEXT_BYTES_MAX: usize = 1 << 30;
/// Greatest logical size of a value that is copied.
pub const COPIED_UNITS_MAX: u64 = 1 << 26;
/// What verifying one signature costs beside the text that is signed.
pub const SIGNATURE_GAS: u64 = 2_000;

impl Isolate {
    /// Charges a gas block (or any known cost).
    #[inline(always)]
    pub fn charge(&mut self, cost: u32) -> Result<(), Unwind> {
        self.gas -= i64::from(cost);
        if self.gas < 0 { self.out_of_gas() } else { Ok(()) }
    }

    /// Charges for walking or copying so many elements.
    #[inline]
    pub fn charge_elements(&mut self, count: usize) -> Result<(), Unwind> {
        self.charge_large(count as u64 / ELEMENTS_PER_GAS)
    }

    /// Charges for working through so many bytes of text.
    #[inline]
    pub fn charge_text(&mut self, bytes: usize) -> Result<(), Unwind> {
        self.charge_large(bytes as u64 / TEXT_BYTES_PER_GAS)
    }

    /// Charges a size-dependent cost.
    #[inline]
    pub fn charge_large(&mut self, cost: u64) -> Result<(), Unwind> {
        self.gas = self.gas.saturating_sub(cost.min(i64::MAX as u64) as i64);
        if self.gas < 0 { self.out_of_gas() } else { Ok(()) }
    }

    /// More elements than the gas left pays for, by one at least: no walk need go further.
    pub(super) fn elements_beyond_gas(&self) -> u64 {
        (self.gas_left().max(0) as u64 + 1).saturating_mul(ELEMENTS_PER_GAS)
    }

    /// More bytes of text than the gas left pays for.
    pub(super) fn text_beyond_gas(&self) -> usize {
        let bytes = (self.gas_left().max(0) as u64 + 1).saturating_mul(TEXT_BYTES_PER_GAS);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Charges the allocation budget.
    #[inline(always)]
    pub fn charge_bytes(&mut self, bytes: u64) -> Result<(), Unwind> {
        self.alloc_left = self.alloc_left.saturating_sub(bytes.min(i64::MAX as u64) as i64);
        if self.alloc_left < 0 { self.out_of_memory() } else { Ok(()) }
    }

    /// The slice or the gas is used up. Whose the gas was is the innermost call whose `limit` was less than what was
    /// left.
    #[cold]
    #[inline(never)]
    fn out_of_gas(&mut self) -> Result<(), Unwind> {
        if self.slice_ended() {
            return Ok(());
        }
        self.gas = 0;
        let limited = self.frames.iter().rposition(|frame| frame.gas_reserve > 0).map(|depth| depth as u32);
        self.signal = Signal::OutOfGas { limited };
        self.signal_site = None;
        Err(Unwind)
    }

    #[cold]
    #[inline(never)]
    fn out_of_memory(&mut self) -> Result<(), Unwind> {
        self.alloc_left = 0;
        self.signal = Signal::OutOfMemory;
        self.signal_site = None;
        Err(Unwind)
    }
}
