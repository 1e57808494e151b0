//! Open load: which rates are tried, and when transactions are due.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::report::records::Params;

/// Arrivals of one thread are at least so far apart; more in a second come several at a time.
pub const LEAST_GAP_NS: f64 = 2000.0;
/// Most rates of a ladder.
const RATES_MAX: usize = 64;
/// What is tried when no rate is named.
const LADDER: [f64; 7] = [0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.1];

/// How far arrivals are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// All equally.
    Constant,
    /// As independent users come: gaps are exponentially distributed.
    #[default]
    Poisson,
}

/// Transactions a second, over all threads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rate {
    /// So many.
    PerSecond(f64),
    /// A share of what the same process does in a closed loop.
    Share(f64),
}

impl Rate {
    /// Transactions a second, given those of the closed loop.
    pub fn per_second(self, closed: f64) -> f64 {
        match self {
            Self::PerSecond(rate) => rate,
            Self::Share(share) => share * closed,
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => write!(f, "{rate}"),
            Self::Share(share) => write!(f, "{share}x"),
        }
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a rate: write transactions a second, as 250k or 1.5M, or a share of the closed loop, as 0.8x"
            )
        };
        let (number, scale) = match text.char_indices().last().ok_or_else(wrong)? {
            (at, 'k' | 'K') => (&text[..at], 1e3),
            (at, 'M') => (&text[..at], 1e6),
            (at, 'x') => (&text[..at], 0.0),
            _ => (text, 1.0),
        };
        let number: f64 = number.replace('_', "").parse().map_err(|_| wrong())?;
        let (rate, least, most) = match scale {
            0.0 => (Self::Share(number), 0.001, 100.0),
            scale => (Self::PerSecond(number * scale), 1.0, 1e9),
        };
        let value = if scale == 0.0 { number } else { number * scale };
        if !(least..=most).contains(&value) {
            return Err(format!("`{text}`: a rate is from 1 to 1000M transactions a second, or from 0.001x to 100x"));
        }
        Ok(rate)
    }
}

/// What a run under open load tries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenLoad {
    /// One after another.
    pub rates: Vec<Rate>,
    /// How far arrivals are apart.
    pub arrivals: Spacing,
}

impl OpenLoad {
    /// The rates named, or a ladder from idle to overload.
    pub fn new(rates: &[Rate], arrivals: Option<Spacing>) -> Result<Self, String> {
        let mut rates = rates.to_vec();
        if rates.is_empty() {
            rates.extend(LADDER.map(Rate::Share));
        }
        if rates.len() > RATES_MAX {
            return Err(format!("--rate has {} rates; {RATES_MAX} are the most", rates.len()));
        }
        if let Some(at) = (1..rates.len()).find(|&at| rates[..at].contains(&rates[at])) {
            return Err(format!("--rate has {} twice", rates[at]));
        }
        Ok(Self { rates, arrivals: arrivals.unwrap_or_default() })
    }

    /// The parameters of a rate's rows.
    pub fn params(&self, base: &Params, rate: Rate) -> Params {
        let mut params = base.clone();
        let spacing = match self.arrivals {
            Spacing::Constant => "constant",
            Spacing::Poisson => "poisson",
        };
        params.set("load", "open").set("arrivals", spacing).set("rate", rate);
        params
    }
}

/// How many transactions come together at a rate of one thread.
pub fn batch_of(per_second: f64) -> u64 {
    (per_second * LEAST_GAP_NS / 1e9).ceil().max(1.0) as u64
}

/// When so many arrivals are due, nanoseconds from 0, fixed by the seed. The first gap comes before the first arrival.
pub fn schedule(spacing: Spacing, gap_ns: f64, arrivals: usize, seed: u64) -> Arc<[u64]> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut at_ns = 0.0;
    let next = |_| {
        at_ns += match spacing {
            Spacing::Constant => gap_ns,
            // 1 - u is never 0.
            Spacing::Poisson => -gap_ns * (1.0 - random.random::<f64>()).ln(),
        };
        at_ns as u64
    };
    (0..arrivals).map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_said_alike() {
        for (text, rate) in [
            ("250k", Rate::PerSecond(250_000.0)),
            ("1.5M", Rate::PerSecond(1_500_000.0)),
            ("20_000", Rate::PerSecond(20_000.0)),
            ("0.8x", Rate::Share(0.8)),
        ] {
            let read: Rate = text.parse().expect(text);
            assert_eq!(read, rate);
            assert_eq!(read.to_string().parse::<Rate>(), Ok(rate));
        }
        for bad in ["", "x", "fast", "-3", "0", "NaN", "inf", "1e99", "101x", "0x", "k"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn constant_arrivals_are_equally_far_apart() {
        assert_eq!(*schedule(Spacing::Constant, 2500.0, 4, 1), [2500, 5000, 7500, 10_000]);
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_spread_of_independent_users() {
        const N: usize = 100_000;
        let due = schedule(Spacing::Poisson, 1000.0, N, 7);
        let gaps: Vec<f64> =
            std::iter::once(due[0]).chain(due.windows(2).map(|w| w[1] - w[0])).map(|g| g as f64).collect();
        let mean = gaps.iter().sum::<f64>() / N as f64;
        // An exponential distribution has its mean as deviation; the mean of N gaps errs by 1/sqrt(N) = 0.3%.
        assert!((mean - 1000.0).abs() < 15.0, "{mean}");
        let deviation = (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / N as f64).sqrt();
        assert!((deviation / mean - 1.0).abs() < 0.03, "{deviation}");
        assert_eq!(due, schedule(Spacing::Poisson, 1000.0, N, 7), "the seed decides");
        assert_ne!(due, schedule(Spacing::Poisson, 1000.0, N, 8));
    }

    #[test]
    fn fast_arrivals_come_together() {
        assert_eq!([batch_of(100.0), batch_of(500_000.0), batch_of(500_001.0), batch_of(5e6)], [1, 1, 2, 10]);
    }

    #[test]
    fn ladders() {
        assert_eq!(OpenLoad::new(&[], None).expect("a ladder").rates.len(), 7);
        let twice = OpenLoad::new(&[Rate::Share(0.5), Rate::Share(0.5)], None);
        assert_eq!(twice, Err("--rate has 0.5x twice".into()));
        let load = OpenLoad::new(&[Rate::PerSecond(1e6)], Some(Spacing::Constant)).expect("a load");
        let params = load.params(&Params::new(), load.rates[0]);
        assert_eq!(params.to_string(), "arrivals=constant;load=open;rate=1000000");
    }
}
