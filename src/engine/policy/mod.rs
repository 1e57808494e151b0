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

/// The policy of a mode.
pub(super) fn policy(mode: Mode) -> Box<dyn TierPolicy> {
    match mode {
        Mode::Interpreter => Box::new(Never),
        Mode::Vm => Box::new(Fixed::at(0, None)),
        Mode::Native => Box::new(Fixed::at(0, Some(1))),
        Mode::Adaptive => Box::new(Adaptive::new(Start::Threshold)),
        Mode::Fixed(threshold) => Box::new(Fixed::at(threshold, Some(threshold))),
        Mode::Chaos(seed) => Box::new(Chaos { state: seed | 1, enabled: true, seen: BTreeSet::new() }),
    }
}

/// Into native code when the count has passed this; the count is of this arrival too.
fn native_after(passes: u64, count: u64) -> Decision {
    if count > passes { Decision::Enter(None) } else { Decision::AskAt(passes) }
}

/// What compiling to native code takes, at least, and for each word of bytecode, in nanoseconds; what one iteration or
/// call takes in the VM. Rough, and on the safe side: native code is entered when the VM has spent that time.
const NATIVE_NS: u64 = 300_000;
const NATIVE_WORD_NS: u64 = 12_000;
const PASS_NS: u64 = 60;

/// Into native code when the time spent in the VM has reached what compiling will take.
fn native_when_worth_it(words: u32, count: u64) -> Decision {
    native_after((NATIVE_NS + NATIVE_WORD_NS * u64::from(words)) / PASS_NS, count)
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
}

/// Exactly at a count, for ever: into the VM after so many iterations or calls, into native code after as many more.
#[derive(Debug)]
struct Fixed {
    threshold: u64,
    /// Iterations or calls in the VM before native code.
    native: Option<u64>,
    enabled: bool,
    /// What has moved: a move is recorded once.
    seen: BTreeSet<(Step, Site)>,
}

impl Fixed {
    fn at(threshold: u64, native: Option<u64>) -> Self {
        Self { threshold, native, enabled: true, seen: BTreeSet::new() }
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

    fn ask(&mut self, step: Step, site: Site, _count: u64, _meter: &mut dyn Meter) -> Decision {
        Decision::Enter(self.seen.insert((step, site)).then_some(Reason::Count))
    }

    fn ask_native(&mut self, _site: Site, _words: u32, count: u64) -> Decision {
        native_after(self.native.unwrap_or(u64::MAX), count)
    }

    fn forget(&mut self) {
        self.seen.clear();
    }
}

/// At random back-edges and calls: a proof that the moment does not matter.
#[derive(Debug)]
struct Chaos {
    state: u64,
    enabled: bool,
    /// What has moved: a move is recorded once.
    seen: BTreeSet<(Step, Site)>,
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
        if self.state.is_multiple_of(6) {
            Decision::Enter(self.seen.insert((step, site)).then_some(Reason::Chaos))
        } else {
            Decision::AskAt(count + 1 + self.state % 3)
        }
    }

    fn ask_native(&mut self, site: Site, _words: u32, count: u64) -> Decision {
        self.state = self.state.rotate_left(7) ^ 0x9e37_79b9_7f4a_7c15;
        let _ = site;
        if self.state.is_multiple_of(3) { Decision::Enter(None) } else { Decision::AskAt(count + self.state % 3) }
    }

    /// Samples at random moments, so that slices of gas are cut wherever they can be.
    fn first_slice(&self) -> Option<u64> {
        Some(1 + self.state % 200)
    }

    fn sample(&mut self, _: crate::runtime::TierName, _: Site, _: crate::runtime::Moment, _: bool) -> Option<u64> {
        Some(1 + self.state % 200)
    }

    fn forget(&mut self) {
        self.seen.clear();
    }
}
