//! When code moves up. A policy never changes a result: it only chooses the tier that computes it.

mod adaptive;
mod cost;
mod site;

use std::collections::BTreeSet;

use super::api::Mode;
use crate::runtime::{Decision, Meter, Reason, Site, Step, Terms, TierPolicy};

pub use adaptive::Start;

pub(super) use adaptive::Adaptive;
pub(super) use cost::StepModel;

/// The policy of a mode; `below_native` keeps `adaptive` in the VM.
pub(super) fn policy(mode: Mode, below_native: bool) -> Box<dyn TierPolicy> {
    match mode {
        Mode::Adaptive if below_native => Box::new(Adaptive::new(Start::Threshold).below_native()),
        Mode::Interpreter => Box::new(Never),
        Mode::Vm => Box::new(Fixed::at(0, None)),
        Mode::Native => Box::new(Fixed::at(0, Some(1))),
        Mode::Adaptive => Box::new(Adaptive::new(Start::Threshold)),
        Mode::Fixed(threshold) => Box::new(Fixed::at(threshold, Some(threshold))),
        Mode::Chaos(seed) => Box::new(Chaos { state: seed | 1, enabled: true, moved: Moved::default() }),
    }
}

/// Interpreter-only.
#[derive(Debug)]
struct Never;

impl TierPolicy for Never {
    fn begin(&mut self, _terms: Terms) {}

    fn first_ask(&self, _step: Step, _site: Site) -> u64 {
        u64::MAX
    }

    fn ask(&mut self, _step: Step, _site: Site, _count: u64, _meter: &mut dyn Meter) -> Decision {
        Decision::AskAt(u64::MAX)
    }

    fn wants_native(&self) -> bool {
        false
    }
}

/// What has moved: a move is recorded once.
#[derive(Debug, Default)]
struct Moved {
    all: BTreeSet<(Step, Site)>,
    /// Of each step, the last: the commonest to move again.
    last: [Option<Site>; Step::COUNT],
}

impl Moved {
    /// Whether this is its first move.
    fn first(&mut self, step: Step, site: Site) -> bool {
        let last = &mut self.last[step as usize];
        *last != Some(site) && {
            *last = Some(site);
            self.all.insert((step, site))
        }
    }
}

/// Exactly at a count, for ever: into the VM after so many iterations or calls, into native code after as many more.
#[derive(Debug)]
struct Fixed {
    threshold: u64,
    /// Iterations or calls in the VM before native code.
    native: Option<u64>,
    enabled: bool,
    moved: Moved,
}

impl Fixed {
    fn at(threshold: u64, native: Option<u64>) -> Self {
        Self { threshold, native, enabled: true, moved: Moved::default() }
    }
}

impl TierPolicy for Fixed {
    fn begin(&mut self, terms: Terms) {
        self.enabled = terms.enabled;
    }

    fn first_ask(&self, step: Step, _site: Site) -> u64 {
        match step {
            _ if !self.enabled => u64::MAX,
            Step::ToVm => self.threshold,
            Step::ToNative => self.threshold.saturating_mul(2),
        }
    }

    fn ask(&mut self, step: Step, site: Site, count: u64, _meter: &mut dyn Meter) -> Decision {
        match (step, self.native.unwrap_or(u64::MAX)) {
            // The count is of this arrival too.
            (Step::ToNative, passes) if count <= passes => Decision::AskAt(passes),
            _ => Decision::Enter(self.moved.first(step, site).then_some(Reason::Count)),
        }
    }

    fn wants_native(&self) -> bool {
        self.native.is_some()
    }

    fn forget(&mut self) {
        self.moved = Moved::default();
    }
}

/// At random back-edges and calls: a proof that the moment does not matter.
#[derive(Debug)]
struct Chaos {
    state: u64,
    enabled: bool,
    moved: Moved,
}

impl TierPolicy for Chaos {
    fn begin(&mut self, terms: Terms) {
        self.enabled = terms.enabled;
    }

    fn first_ask(&self, _step: Step, _site: Site) -> u64 {
        if self.enabled { 0 } else { u64::MAX }
    }

    fn ask(&mut self, step: Step, site: Site, count: u64, _meter: &mut dyn Meter) -> Decision {
        // xorshift64: any sequence will do, as long as a seed repeats it.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let dice = if step == Step::ToVm { 6 } else { 3 };
        if self.state.is_multiple_of(dice) {
            Decision::Enter(self.moved.first(step, site).then_some(Reason::Chaos))
        } else {
            Decision::AskAt(count + 1 + self.state % 3)
        }
    }

    fn stands(&self) -> bool {
        false
    }

    /// Samples at random moments, so that slices of gas are cut wherever they can be.
    fn first_slice(&self) -> Option<u64> {
        Some(1 + self.state % 200)
    }

    fn sample(&mut self, _: crate::runtime::TierName, _: Site, _: crate::runtime::Moment, _: bool) -> Option<u64> {
        Some(1 + self.state % 200)
    }

    fn forget(&mut self) {
        self.moved = Moved::default();
    }
}
