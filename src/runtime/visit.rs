//! What an isolate says about the code of a tier that it may hold, so that code which was replaced can be freed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An isolate as a visitor of a tier's code. The tier counts *epochs*; a visitor that has seen an epoch holds nothing
/// that was replaced before it.
#[derive(Debug, Default)]
pub struct Visit {
    /// The number of the tier, which is never 0; 0 before the first visit.
    pub tier: u64,
    /// Activations of the tier's code that are under way: while there are any, it is held.
    pub depth: u32,
    /// The epoch seen last, and the same for others to read.
    seen: u64,
    published: Arc<AtomicU64>,
}

impl Visit {
    /// The first visit of a tier. Gives what the tier looks at from now on, until the isolate is gone.
    pub fn begin(&mut self, tier: u64, epoch: u64) -> Arc<AtomicU64> {
        // What it said to another tier stays said.
        *self = Self { tier, depth: 0, seen: epoch, published: Arc::new(AtomicU64::new(epoch)) };
        self.published.clone()
    }

    /// The isolate holds no code of the tier, which is in this epoch.
    #[inline]
    pub fn rests(&mut self, epoch: u64) {
        if self.seen != epoch {
            self.seen = epoch;
            // Release: whatever was done in the code came before.
            self.published.store(epoch, Ordering::Release);
        }
    }
}
