//! Seeded draws for `generate(rng)`.
//!
//! What a transaction draws depends on (seed, its ordinal) alone: each transaction has a `ChaCha`
//! stream of its own. So a block can be generated again, in any order, on any machine, and every
//! cell of a run sees the same stream.

use std::fmt;
use std::str::FromStr;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Zipf};

use crate::engine::GenerateHost;

/// How `rng.account()` chooses among the accounts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Skew {
    /// Each account alike.
    Uniform,
    /// The account of rank k with weight 1 / k^theta; `acct_0` is the hottest.
    Zipf(f64),
    /// A share `fraction` of the accounts, the first ones, gets a draw with `probability`.
    Hot {
        /// Share of the accounts, above 0 and at most 1.
        fraction: f64,
        /// Share of the draws, 0 to 1.
        probability: f64,
    },
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Zipf(theta) => write!(f, "zipf:{theta}"),
            Self::Hot { fraction, probability } => write!(f, "hot:{fraction}:{probability}"),
        }
    }
}

impl FromStr for Skew {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let kind = parts.next().unwrap_or_default();
        let numbers: Vec<&str> = parts.collect();
        let number = |what: &str, part: &str| {
            let value = part.parse::<f64>().ok().filter(|v| v.is_finite());
            value.ok_or_else(|| format!("skew `{text}`: {what} `{part}` is not a number"))
        };
        match (kind, numbers.as_slice()) {
            ("uniform", []) => Ok(Self::Uniform),
            ("zipf", [theta]) => match number("THETA", theta)? {
                theta if (0.0..=10.0).contains(&theta) => Ok(Self::Zipf(theta)),
                _ => Err(format!("skew `{text}`: THETA must be from 0 to 10, as in zipf:0.99")),
            },
            ("hot", [fraction, probability]) => {
                let fraction = number("FRACTION", fraction)?;
                let probability = number("PROBABILITY", probability)?;
                if fraction <= 0.0 || fraction > 1.0 || !(0.0..=1.0).contains(&probability) {
                    return Err(format!(
                        "skew `{text}`: FRACTION must be above 0 and at most 1, PROBABILITY from 0 to 1, as in hot:0.01:0.9"
                    ));
                }
                Ok(Self::Hot { fraction, probability })
            }
            _ => Err(format!("skew `{text}` is none of uniform, zipf:THETA, hot:FRACTION:PROBABILITY")),
        }
    }
}

/// The name of an account.
pub fn account_name(ordinal: u64) -> String {
    format!("acct_{ordinal}")
}

/// The draws of one transaction.
#[derive(Debug, Clone)]
pub struct TransactionRng {
    index: u64,
    accounts: u64,
    skew: Skew,
    zipf: Option<Zipf<f64>>,
    draws: ChaCha8Rng,
}

impl TransactionRng {
    /// Draws for transactions of a stream, from transaction 0. `accounts` must be at least 1.
    pub fn new(seed: u64, accounts: u64, skew: Skew) -> Self {
        let zipf = match skew {
            Skew::Zipf(theta) => Zipf::new(accounts as f64, theta).ok(),
            Skew::Uniform | Skew::Hot { .. } => None,
        };
        Self { index: 0, accounts, skew, zipf, draws: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Goes to the start of a transaction's draws.
    pub fn seek(&mut self, index: u64) {
        self.index = index;
        self.draws.set_stream(index);
        self.draws.set_word_pos(0);
    }

    /// Draws the ordinal of an account.
    pub fn account_ordinal(&mut self) -> u64 {
        match (self.skew, &self.zipf) {
            (Skew::Hot { fraction, probability }, _) => {
                let hot = ((self.accounts as f64 * fraction).ceil() as u64).clamp(1, self.accounts);
                let in_hot = self.draws.random::<f64>() < probability;
                if in_hot || hot == self.accounts {
                    self.draws.random_range(0..hot)
                } else {
                    self.draws.random_range(hot..self.accounts)
                }
            }
            (Skew::Zipf(_), Some(zipf)) => {
                let rank = zipf.sample(&mut self.draws);
                (rank as u64).clamp(1, self.accounts) - 1
            }
            (Skew::Uniform | Skew::Zipf(_), _) => self.draws.random_range(0..self.accounts),
        }
    }
}

impl GenerateHost for TransactionRng {
    fn account(&mut self) -> String {
        account_name(self.account_ordinal())
    }

    /// Both ends are included; the ends may come in either order.
    fn int(&mut self, lo: i64, hi: i64) -> i64 {
        self.draws.random_range(lo.min(hi)..=lo.max(hi))
    }

    fn float(&mut self) -> f64 {
        self.draws.random()
    }

    /// The engine asks for lists that have an element.
    fn choice_index(&mut self, len: usize) -> usize {
        self.draws.random_range(0..len.max(1) as u64) as usize
    }

    fn index(&self) -> u64 {
        self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(rng: &mut TransactionRng, index: u64) -> (String, i64, f64) {
        rng.seek(index);
        (rng.account(), rng.int(-5, 5), rng.float())
    }

    #[test]
    fn draws_depend_on_seed_and_ordinal_alone() {
        let mut forward = TransactionRng::new(42, 1000, Skew::Uniform);
        let a: Vec<_> = (0..50).map(|i| first(&mut forward, i)).collect();
        let mut backward = TransactionRng::new(42, 1000, Skew::Uniform);
        let mut b: Vec<_> = (0..50).rev().map(|i| first(&mut backward, i)).collect();
        b.reverse();
        assert_eq!(a, b);
        let mut other = TransactionRng::new(43, 1000, Skew::Uniform);
        assert_ne!(a, (0..50).map(|i| first(&mut other, i)).collect::<Vec<_>>());
        assert_ne!(a[0], a[1]);
    }

    #[test]
    fn skews_draw_what_they_say() {
        let count = |skew: &str| {
            let mut rng = TransactionRng::new(1, 100, skew.parse().expect("a skew"));
            let mut hits = vec![0_u32; 100];
            for index in 0..20_000 {
                rng.seek(index);
                hits[rng.account_ordinal() as usize] += 1;
            }
            hits
        };
        assert!(count("uniform").iter().all(|&n| (120..=290).contains(&n)));
        let zipf = count("zipf:0.99");
        assert!(zipf[0] > 3000 && zipf[0] > zipf[1] && zipf[1] > zipf[9] && zipf[99] > 0);
        let hot = count("hot:0.1:0.9");
        let in_hot: u32 = hot[..10].iter().sum();
        assert!((17_500..=18_500).contains(&in_hot), "{in_hot}");
        assert!(count("hot:1:0").iter().all(|&n| n > 0));
    }

    #[test]
    fn one_account_and_swapped_ends_are_fine() {
        let mut rng = TransactionRng::new(7, 1, Skew::Zipf(0.5));
        assert_eq!(rng.account(), "acct_0");
        assert!((3..=9).contains(&rng.int(9, 3)));
        assert_eq!(rng.choice_index(0), 0);
    }

    #[test]
    fn skew_texts_round_trip_and_bad_ones_say_what_is_right() {
        for text in ["uniform", "zipf:0.99", "hot:0.01:0.9"] {
            assert_eq!(text.parse::<Skew>().expect("parses").to_string(), text);
        }
        for bad in ["", "zipf", "zipf:x", "zipf:-1", "zipf:NaN", "hot:0:1", "hot:0.5", "hot:0.1:2", "unifrom"] {
            assert!(bad.parse::<Skew>().is_err(), "{bad}");
        }
    }
}
