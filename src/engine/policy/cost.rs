//! What a step to a higher tier costs and gains, as far as this process has seen: the guess for code that has not
//! been compiled yet.

use crate::runtime::Step;

/// What is expected of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::engine) struct StepModel {
    /// Nanoseconds that compiling a site takes, whatever its length.
    pub(in crate::engine) compile_ns: f64,
    /// Nanoseconds more for each word of its code, where its length is known.
    pub(in crate::engine) word_ns: f64,
    /// Time for the same work before by time after.
    pub(in crate::engine) speedup: f64,
}

impl StepModel {
    /// Before anything has been seen: bytecode for a small action takes some 15 us and gains 1.7; machine code takes
    /// 0.3 ms and 12 us for each word of the code that it stands in, and is assumed to gain 16. A guess of at least half the true gain keeps the bound of
    /// twice the best: with the share g of the time that is saved and the share g' that is expected, the ratio at
    /// the worst moment is (1 + g') / (1 + g' - g), and at most 2 if g' >= 2g - 1.
    pub(in crate::engine) fn prior(step: Step) -> Self {
        match step {
            Step::ToVm => Self { compile_ns: 15_000.0, word_ns: 0.0, speedup: 1.7 },
            Step::ToNative => Self { compile_ns: 300_000.0, word_ns: 12_000.0, speedup: 16.0 },
        }
    }

    /// The share of the lower tier's time that the step saves.
    pub(super) fn gain(&self) -> f64 {
        1.0 - 1.0 / self.speedup
    }

    /// What a pass takes of its own time, when so much lay between two of them, in code of this length.
    pub(super) fn own_ns(words: Option<u32>, between_ns: f64) -> f64 {
        words.map_or(between_ns, |words| between_ns.min(f64::from(words) * WORD_NS_MOST))
    }

    /// What compiling code of this length is expected to take, nanoseconds.
    pub(super) fn compiling(&self, words: Option<u32>) -> f64 {
        self.compile_ns + self.word_ns * f64::from(words.unwrap_or(0))
    }

    /// Compiling code of this length took so long: half of the guess.
    pub(super) fn saw_compile(&mut self, words: Option<u32>, ns: u64) {
        let by = f64::midpoint(1.0, ns as f64 / self.compiling(words).max(1.0));
        self.compile_ns *= by;
        self.word_ns *= by;
    }

    /// A site gained this much: half of the guess, and never less than what is worth a try.
    pub(super) fn saw_speedup(&mut self, speedup: f64) {
        self.speedup = f64::midpoint(self.speedup, speedup).clamp(SPEEDUP_LEAST, 100.0);
    }
}

/// The most that the VM takes for a word of code, nanoseconds, with its share of calls and builtins. What lies between
/// two passes beyond that is not the site's own: its loops and calls are sites themselves, builtins stay what they are,
/// and a call that comes once in a second has taken no second.
const WORD_NS_MOST: f64 = 25.0;

/// A step that gains less than this is still tried once it has waited this much longer.
const SPEEDUP_LEAST: f64 = 1.2;

/// The factor on the threshold of sites that have not been met: moved by what sites measured, and only as far as two
/// of them agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Factor {
    /// What the last site's measure would have made of it.
    last: Option<f64>,
    value: f64,
}

/// As far as the factor goes, up and down.
const FACTOR_MOST: f64 = 32.0;
/// A measure this near to 1 is no reason to move.
const FACTOR_DEAD: f64 = 2.0;

impl Default for Factor {
    fn default() -> Self {
        Self { last: None, value: 1.0 }
    }
}

impl Factor {
    /// A site broke even at `break_even` iterations where the threshold was `threshold`.
    pub(super) fn saw(&mut self, break_even: f64, threshold: u64) {
        let wanted = (break_even / threshold.max(1) as f64).clamp(1.0 / FACTOR_MOST, FACTOR_MOST);
        let both = self.last.replace(wanted).map_or([wanted, 1.0], |last| [last, wanted]);
        self.value = if both.iter().all(|wanted| *wanted > FACTOR_DEAD) {
            both[0].min(both[1])
        } else if both.iter().all(|wanted| *wanted < 1.0 / FACTOR_DEAD) {
            both[0].max(both[1])
        } else {
            self.value
        };
    }

    /// A threshold under the factor.
    pub(super) fn of(&self, threshold: u64) -> u64 {
        (threshold as f64 * self.value) as u64
    }
}

/// How much of a run may go into compiling that a count did not ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Budget {
    spent_ns: u64,
}

/// What may be spent in any case.
const BUDGET_FLOOR_NS: u64 = 5_000_000;
/// The share of the run's time that may be spent: one part in this many.
const BUDGET_SHARE: u64 = 4;

impl Budget {
    pub(super) fn spend(&mut self, ns: u64) {
        self.spent_ns += ns;
    }

    /// Whether there is room for so much more at this time of the run.
    pub(super) fn allows(self, more_ns: f64, at_ns: u64) -> bool {
        (self.spent_ns as f64 + more_ns) <= (BUDGET_FLOOR_NS + at_ns / BUDGET_SHARE) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_site_alone_moves_nothing() {
        let mut factor = Factor::default();
        factor.saw(5_000.0, 500);
        assert_eq!(factor.of(500), 500);
        factor.saw(10.0, 500);
        assert_eq!(factor.of(500), 500, "they disagree");
        factor.saw(50.0, 500);
        assert_eq!(factor.of(500), 50, "two agree: the more careful wins");
        factor.saw(600.0, 500);
        assert_eq!(factor.of(500), 50);
        factor.saw(4_000.0, 500);
        factor.saw(f64::INFINITY, 500);
        assert_eq!(factor.of(500), 4_000);
    }

    #[test]
    fn the_budget_grows_with_the_run() {
        let mut budget = Budget::default();
        assert!(budget.allows(5e6, 0));
        budget.spend(5_000_000);
        assert!(!budget.allows(1e6, 0));
        assert!(budget.allows(1e6, 4_000_000));
    }
}
