//! Slices of gas: how the tier policy gets to see the clock in a running loop, in any tier, at no cost an iteration.
//!
//! Every tier charges gas at every header and entry, and looks closer when `Isolate::gas` goes below zero. So a part
//! of the gas is held back; when the rest is used up, the charge puts the held part back and asks for a sample, and
//! the next poll that knows where it stands takes it. What a program sees of its gas never changes.

use super::isolate::Isolate;
use super::poll::PollFlags;
use super::tier::{Moment, Site, Step, TierName};

/// No slices: the policy wants no samples.
const OFF: i64 = i64::MAX;

/// The stretch of gas until the next sample.
#[derive(Debug)]
pub(super) struct Slice {
    /// Gas beyond the slice, which `Isolate::gas` does not show.
    held: i64,
    /// What is left of the slice while none is held back, as under a smaller `limit`; [`OFF`].
    left: i64,
    /// `Isolate::gas` when the slice was last put in force.
    from: i64,
    /// A sample is due.
    due: bool,
    /// Code went from one tier to another since the last sample.
    pub(super) crossed: bool,
}

/// Time between blocks, which is the host's.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// So far, nanoseconds.
    pub(super) ns: u64,
    /// When the host left, if it has not come back.
    since: Option<u64>,
}

impl Default for Slice {
    fn default() -> Self {
        Self { held: 0, left: OFF, from: 0, due: false, crossed: false }
    }
}

impl Isolate {
    /// Gas left, of the innermost limit.
    #[inline(always)]
    pub fn gas_left(&self) -> i64 {
        self.gas + self.slice.held
    }

    /// Gas used since the isolate was made: never goes back.
    pub fn gas_in_all(&self) -> u64 {
        self.gas_before + self.gas_used()
    }

    /// A run or transaction begins, with so much gas.
    pub fn begin_gas(&mut self, limit: i64) {
        self.gas_before += self.gas_used();
        self.change_gas(|isolate| isolate.gas = limit);
        self.gas_start = self.gas_left();
    }

    /// Runs host code that charges gas of its own, not the program's.
    pub fn with_gas_beside<R>(&mut self, gas: i64, run: impl FnOnce(&mut Self) -> R) -> R {
        let own = std::mem::replace(&mut self.gas, gas);
        let slice = std::mem::take(&mut self.slice);
        let result = run(self);
        (self.gas, self.slice) = (own, slice);
        result
    }

    /// What `limit` kept back comes back.
    #[cold]
    #[inline(never)]
    pub(super) fn give_back_reserve(&mut self, reserve: i64) {
        self.change_gas(|isolate| isolate.gas += reserve);
    }

    /// Changes `gas` while it shows all that is left.
    pub(super) fn change_gas(&mut self, change: impl FnOnce(&mut Self)) {
        self.suspend_slice();
        change(self);
        self.resume_slice();
    }

    fn suspend_slice(&mut self) {
        let slice = &mut self.slice;
        if slice.held > 0 {
            slice.left = self.gas.max(0);
            self.gas += slice.held;
            slice.held = 0;
        } else if slice.left != OFF {
            slice.left = (slice.left - (slice.from - self.gas).max(0)).max(0);
        }
    }

    fn resume_slice(&mut self) {
        let slice = &mut self.slice;
        if slice.left == OFF {
            return;
        }
        if slice.left == 0 {
            slice.due = true;
            self.poll_flags.raise(PollFlags::SAMPLE);
        } else if slice.left < self.gas {
            slice.held = self.gas - slice.left;
            self.gas = slice.left;
        }
        slice.from = self.gas;
    }

    /// `gas` is below zero: whether that is only the slice's end.
    pub(super) fn slice_ended(&mut self) -> bool {
        if self.slice.held == 0 {
            return false;
        }
        self.gas += self.slice.held;
        self.slice = Slice { held: 0, left: 0, from: self.gas, due: true, crossed: self.slice.crossed };
        self.poll_flags.raise(PollFlags::SAMPLE);
        self.gas >= 0
    }

    /// A sample after so much gas from now on; none: no samples.
    pub(super) fn set_slice(&mut self, gas: Option<u64>) {
        self.suspend_slice();
        self.slice.left = gas.map_or(OFF, |gas| gas.clamp(1, 1 << 40) as i64);
        self.slice.due = false;
        self.poll_flags.lower(PollFlags::SAMPLE);
        self.resume_slice();
    }

    /// The policy's first slice, if it wants samples and none is under way.
    pub(super) fn arm_slices(&mut self) {
        if self.slice.left == OFF && self.slice.held == 0 {
            let first = self.policy.first_slice();
            self.set_slice(first);
        }
    }

    /// Shows the policy a moment at this site, if its slice has ended.
    pub fn sample_if_due(&mut self, site: Site) {
        if !self.slice.due {
            return;
        }
        self.standing = [None; Step::COUNT];
        let tier = self.tier_name();
        let crossed = std::mem::take(&mut self.slice.crossed);
        let moment = self.moment(site);
        let next = self.policy.sample(tier, site, moment, crossed);
        self.set_slice(next);
        self.record_notes();
    }

    /// Runs a part in native code, or a part of that in the machine again. What is sampled across such a border is of
    /// both.
    pub fn in_native<R>(&mut self, native: bool, run: impl FnOnce(&mut Self) -> R) -> R {
        let was = std::mem::replace(&mut self.in_native, native);
        let result = run(self);
        self.slice.crossed = true;
        self.in_native = was;
        result
    }

    /// The tier that runs now.
    pub fn tier_name(&self) -> TierName {
        match (self.in_upper, self.in_native) {
            (_, true) => TierName::Native,
            (true, false) => TierName::Vm,
            (false, false) => TierName::Interpreter,
        }
    }

    /// Time, gas and count at a site.
    pub(super) fn moment(&mut self, site: Site) -> Moment {
        let (count, gas, tier) = (self.count(site), self.gas_in_all(), self.tier_name());
        Moment { count, gas, at_ns: self.clock.now_ns(gas, tier).saturating_sub(self.idle.ns) }
    }

    /// What the host does from here to [`Isolate::host_returns`] is no time of the program's code.
    pub fn host_leaves(&mut self) {
        self.idle.since = Some(self.now_ns());
    }

    /// The program's code goes on.
    pub fn host_returns(&mut self) {
        if let Some(since) = self.idle.since.take() {
            self.idle.ns += self.now_ns().saturating_sub(since);
        }
    }

    /// Iterations or calls so far.
    pub(super) fn count(&self, site: Site) -> u64 {
        match site {
            Site::Loop(id) => self.loops[id.0 as usize].count,
            Site::Action(action) => self.calls[action.0 as usize].count,
        }
    }
}
