//! Freeing code that was replaced or is not used. Nobody counts who runs what: isolates say now and then that they hold
//! nothing (quiescent-state-based reclamation), which costs them a load and a compare.
//!
//! The tier counts *epochs*. What is dropped can no longer be found; then an epoch begins, and the unit remembers it. An
//! isolate that enters the tier from outside, and so holds no unit, says which epoch it has seen. A unit is freed when all
//! isolates have seen its epoch. One that rests for long delays that; one that is gone does not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::tier::{Native, add};
use super::unit::{Place, Unit};
use crate::runtime::Visit;

/// The epochs of one tier, and who visits it.
#[derive(Debug)]
pub(super) struct Epochs {
    tier: u64,
    now: AtomicU64,
    visitors: Mutex<Vec<Weak<AtomicU64>>>,
}

impl Epochs {
    pub(super) fn new() -> Self {
        static TIERS: AtomicU64 = AtomicU64::new(1);
        let tier = TIERS.fetch_add(1, Ordering::Relaxed); // a number that no other has
        Self { tier, now: AtomicU64::new(1), visitors: Mutex::default() }
    }

    /// An isolate comes in. From outside it holds no unit.
    #[inline]
    pub(super) fn arrives(&self, visit: &mut Visit) {
        if visit.depth > 0 {
            return;
        }
        // Acquire pairs with `begin`: what was dropped before the epoch is not found after this.
        let now = self.now.load(Ordering::Acquire);
        if visit.tier == self.tier {
            visit.rests(now);
        } else {
            self.comes_first(visit, now);
        }
    }

    #[cold]
    #[inline(never)]
    fn comes_first(&self, visit: &mut Visit, now: u64) {
        let published = visit.begin(self.tier, now);
        let mut visitors = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        visitors.retain(|visitor| visitor.strong_count() > 0);
        visitors.push(Arc::downgrade(&published));
    }

    /// Something was dropped: the epoch from which on nobody finds it.
    pub(super) fn begin(&self) -> u64 {
        // Release: it was dropped before. Acquire: so was what others have dropped in the epochs before.
        self.now.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The epoch that every visitor has seen. One that comes first while this looks finds nothing that was dropped before.
    fn seen_by_all(&self) -> u64 {
        let visitors = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now.load(Ordering::Acquire);
        // Acquire pairs with `Visit::rests`: what a visitor did in dropped code is done.
        let seen = visitors.iter().filter_map(Weak::upgrade).map(|seen| seen.load(Ordering::Acquire));
        seen.fold(now, u64::min)
    }
}

impl Native {
    /// Frees what was dropped and is held by nobody.
    pub(super) fn free_dropped(&self) {
        let counts = self.counts();
        if counts.dropped_units == counts.freed_units {
            return;
        }
        let seen = self.epochs.seen_by_all();
        for (_, place) in self.places() {
            let (units, bytes) = place.free(seen);
            add(&self.counts.freed_units, units);
            add(&self.counts.freed_bytes, bytes);
        }
    }

    /// A unit is not entered from now on.
    pub(super) fn drop_unit(&self, place: &Place, unit: &Unit) {
        if place.drop_unit(unit) {
            self.dropped(unit);
        }
    }

    /// A unit is not called without a frame from now on.
    pub(super) fn drop_frameless(&self, place: &Place, unit: &Unit) {
        if place.drop_frameless(unit) {
            self.dropped(unit);
        }
    }

    fn dropped(&self, unit: &Unit) {
        unit.drop_at(self.epochs.begin());
        add(&self.counts.dropped_units, 1);
    }

    /// The program has as much code as it may: drops units that were not entered since this was asked last, and frees
    /// what can be freed. Whether there is room then.
    #[cold]
    pub(super) fn make_room(&self) -> bool {
        for (_, place) in self.places() {
            for unit in place.sweep() {
                self.dropped(&unit);
            }
        }
        self.free_dropped();
        self.has_room()
    }
}
