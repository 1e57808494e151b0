//! When code moves up. A policy never changes a result: it only chooses the tier that computes it.

use super::api::Mode;
use crate::runtime::info::{ActionId, LoopId};
use crate::runtime::{Decision, TierPolicy};

/// The policy of a mode.
pub(super) fn policy(mode: Mode) -> Box<dyn TierPolicy> {
    match mode {
        Mode::Interpreter => Box::new(Never),
        Mode::Vm => Box::new(Fixed { threshold: Some(0) }),
        Mode::Adaptive => Box::new(Fixed { threshold: None }),
        Mode::Fixed(threshold) => Box::new(Fixed { threshold: Some(threshold) }),
        Mode::Chaos(seed) => Box::new(Chaos { state: seed | 1 }),
    }
}

/// Interpreter-only.
#[derive(Debug)]
struct Never;

impl TierPolicy for Never {
    fn first_ask(&self, _threshold: u64, _enabled: bool) -> u64 {
        u64::MAX
    }

    fn at_back_edge(&mut self, _site: LoopId, _count: u64) -> Decision {
        Decision::AskAt(u64::MAX)
    }

    fn at_call(&mut self, _action: ActionId, _count: u64) -> Decision {
        Decision::AskAt(u64::MAX)
    }
}

/// Exactly at a count: the mode's, or `config.jit_threshold`.
#[derive(Debug)]
struct Fixed {
    threshold: Option<u64>,
}

impl TierPolicy for Fixed {
    fn first_ask(&self, threshold: u64, enabled: bool) -> u64 {
        if enabled { self.threshold.unwrap_or(threshold) } else { u64::MAX }
    }

    fn at_back_edge(&mut self, _site: LoopId, _count: u64) -> Decision {
        Decision::Enter
    }

    fn at_call(&mut self, _action: ActionId, _count: u64) -> Decision {
        Decision::Enter
    }
}

/// At random back-edges and calls: a proof that the moment does not matter.
#[derive(Debug)]
struct Chaos {
    state: u64,
}

impl Chaos {
    fn decide(&mut self, count: u64) -> Decision {
        // xorshift64: any sequence will do, as long as a seed repeats it.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        if self.state.is_multiple_of(6) { Decision::Enter } else { Decision::AskAt(count + 1 + self.state % 3) }
    }
}

impl TierPolicy for Chaos {
    fn first_ask(&self, _threshold: u64, enabled: bool) -> u64 {
        if enabled { 0 } else { u64::MAX }
    }

    fn at_back_edge(&mut self, _site: LoopId, count: u64) -> Decision {
        self.decide(count)
    }

    fn at_call(&mut self, _action: ActionId, count: u64) -> Decision {
        self.decide(count)
    }
}
