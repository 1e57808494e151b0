//! The one poll, at loop headers and action entries: collection, interrupts, hard limits. Nothing else in the
//! runtime collects.

use std::sync::atomic::{AtomicU32, Ordering};

use super::isolate::Isolate;
use super::signal::{Interrupt, Signal, Unwind};
use super::tier::Site;
use crate::value::Value;

/// Host code may hold so many values above a window that no frame accounts for.
const HIGH_WATER_SLACK: u32 = 256;

/// Why the poll should look closer. One word, so that the fast path is one load.
#[derive(Debug, Default)]
pub struct PollFlags {
    /// Bits below; 0 when there is nothing to do.
    pub bits: AtomicU32,
}

impl PollFlags {
    /// The heap has grown enough.
    pub const COLLECT: u32 = 1;
    /// Ctrl-C or the host.
    pub const HOST: u32 = 2;
    /// The time limit.
    pub const TIMEOUT: u32 = 4;
    /// Proof runs: collect at every poll.
    pub const ALWAYS: u32 = 8;
    /// A slice of gas has ended: the tier policy wants to know where and when.
    pub const SAMPLE: u32 = 16;

    /// Asks for attention at the next poll.
    pub fn raise(&self, bit: u32) {
        // Relaxed: the bit itself is the message; nothing is published with it.
        self.bits.fetch_or(bit, Ordering::Relaxed);
    }

    /// The request has been served.
    pub fn lower(&self, bit: u32) {
        // Relaxed: see `raise`.
        self.bits.fetch_and(!bit, Ordering::Relaxed);
    }
}

impl Isolate {
    /// The fast path of the poll.
    #[inline(always)]
    pub fn poll(&mut self) -> Result<(), Unwind> {
        if self.poll_wanted() { self.poll_slow() } else { Ok(()) }
    }

    /// The poll of a loop's header or an action's entry: the tier policy may look at the clock there.
    #[inline(always)]
    pub fn poll_at(&mut self, site: Site) -> Result<(), Unwind> {
        if self.poll_wanted() { self.poll_slow_at(site) } else { Ok(()) }
    }

    #[cold]
    #[inline(never)]
    fn poll_slow_at(&mut self, site: Site) -> Result<(), Unwind> {
        self.poll_slow()?;
        self.sample_if_due(site);
        Ok(())
    }

    /// Whether the poll has something to do.
    #[inline(always)]
    pub fn poll_wanted(&self) -> bool {
        // Relaxed: see `PollFlags::raise`.
        self.poll_flags.bits.load(Ordering::Relaxed) != 0 || self.ledger.heap.should_collect()
    }

    #[cold]
    #[inline(never)]
    fn poll_slow(&mut self) -> Result<(), Unwind> {
        self.check_stop()?;
        if self.settings.collect_always || self.ledger.heap.should_collect() {
            self.collect();
            if let Some(limit) = self.settings.memory_limit
                && self.ledger.heap.live_bytes() as u64 > limit
            {
                return self.interrupt(Interrupt::Memory);
            }
        }
        Ok(())
    }

    /// Unwinds if something outside asked the run to stop: also between the slices of a long wait.
    pub fn check_stop(&mut self) -> Result<(), Unwind> {
        // Relaxed: see `PollFlags::raise`.
        let bits = self.poll_flags.bits.load(Ordering::Relaxed);
        if bits & PollFlags::HOST != 0 {
            return self.interrupt(Interrupt::Host);
        }
        if bits & PollFlags::TIMEOUT != 0 {
            return self.interrupt(Interrupt::Timeout);
        }
        Ok(())
    }

    fn interrupt(&mut self, who: Interrupt) -> Result<(), Unwind> {
        self.signal = Signal::Interrupt(who);
        Err(Unwind)
    }

    /// Collects now. Only where no Rust code holds a value that is not a root.
    pub fn collect(&mut self) {
        let top = self.top;
        self.clear_above(top);
        let Self { ledger, slots, frames, error, held, tx, config, .. } = self;
        let mut heap = std::mem::take(&mut ledger.heap);
        heap.collect(|marker| {
            marker.values(&slots[..top as usize]);
            for frame in frames.iter() {
                marker.value(frame.closure);
            }
            marker.value(*error);
            marker.values(held);
            tx.mark(marker);
            config.mark(marker);
            ledger.mark(marker);
        });
        ledger.heap = heap;
    }

    /// Forgets values in slots above `from` that an earlier, deeper call left: after a collection they may be freed.
    pub(super) fn clear_above(&mut self, from: u32) {
        let high = (self.high_water + HIGH_WATER_SLACK).min(self.slots.len() as u32).max(from);
        self.slots[from as usize..high as usize].fill(Value::UNSET);
        self.high_water = from;
    }
}
