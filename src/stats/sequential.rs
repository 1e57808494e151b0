//! Looking more than once: how much of the error rate each look may spend.
//!
//! Looking at the data at 10, 20 and 40 pairs and stopping at the first difference raises the rate of false alarms far
//! above that of one look. So the error rate is given out in advance (Lan and DeMets, "Discrete sequential boundaries
//! for clinical trials", Biometrika 70, 1983), and each look uses the wider interval that follows from its share:
//! all intervals together hold with the stated confidence (Jennison and Turnbull, "Interim analyses: the repeated
//! confidence interval approach", Journal of the Royal Statistical Society B 51, 1989).

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

/// How the error rate is spent over the share of information seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spending {
    /// Nearly nothing early, nearly everything at the end.
    OBrienFleming,
    /// About evenly: an early look can decide.
    Pocock,
}

impl Spending {
    /// The error rate spent up to a share `t` of the information, 0 to 1: Lan and DeMets (1983).
    pub fn spent(self, alpha: f64, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        if t == 0.0 {
            return 0.0;
        }
        match self {
            Self::OBrienFleming => {
                let normal = Normal::standard();
                // Each side spends half, by its own function.
                let z = normal.inverse_cdf(1.0 - alpha / 4.0);
                4.0 * normal.sf(z / t.sqrt())
            }
            Self::Pocock => alpha * (1.0 + (std::f64::consts::E - 1.0) * t).ln(),
        }
    }
}

/// The confidence of the interval at each look, so that all of them hold together with `1 - alpha`. `looks` are the
/// counts at which one looks, ascending. `None` when they are not, or there is none.
///
/// The levels follow from normal boundaries; an interval of few pairs uses them with Student's t, as Pocock, "Group
/// sequential methods in the design and analysis of clinical trials", Biometrika 64 (1977), section 4, proposes.
pub fn look_confidences(alpha: f64, looks: &[u32], spending: Spending) -> Option<Vec<f64>> {
    let last = f64::from(*looks.last()?);
    let shares: Vec<f64> = looks.iter().map(|&look| f64::from(look) / last).collect();
    let normal = Normal::standard();
    Some(boundaries(alpha, &shares, spending)?.into_iter().map(|z| 1.0 - 2.0 * normal.sf(z)).collect())
}

/// Points of the integration grid, an odd number for Simpson's rule.
const GRID: usize = 601;

/// Symmetric boundaries of |Z| at shares of the information that end with 1: found one after another by numerical
/// integration over the paths that crossed no earlier one (Armitage, McPherson and Rowe, "Repeated significance tests
/// on accumulating data", Journal of the Royal Statistical Society A 132, 1969).
pub fn boundaries(alpha: f64, shares: &[f64], spending: Spending) -> Option<Vec<f64>> {
    let ascends = shares.windows(2).all(|pair| pair[0] < pair[1]);
    let ends_well = shares.first().is_some_and(|share| *share > 0.0) && shares.last() == Some(&1.0);
    if !(alpha > 0.0 && alpha < 1.0 && ascends && ends_well) {
        return None;
    }
    let normal = Normal::standard();
    let mut found = Vec::with_capacity(shares.len());
    let mut density: Option<Density> = None;
    let (mut seen, mut spent) = (0.0, 0.0);
    for &share in shares {
        let due = spending.spent(alpha, share) - spent;
        spent += due;
        let step = (share - seen).sqrt();
        seen = share;
        let edge = match &density {
            None => normal.inverse_cdf(1.0 - due / 2.0) * step,
            Some(before) => bisect(|edge| before.leaves(edge, step) > due),
        };
        found.push(edge / share.sqrt());
        density = Some(Density::within(edge, |at| match &density {
            None => normal.pdf(at / step) / step,
            Some(before) => before.moved_to(at, step),
        }));
    }
    Some(found)
}

/// Where a falling condition stops to hold, between 0 and 10 standard deviations.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Density of the partial sum on paths that are still inside, on a grid from `-edge` to `edge`, with the weights of
/// Simpson's rule folded in.
struct Density {
    edge: f64,
    weighted: Vec<f64>,
}

impl Density {
    fn within(edge: f64, value: impl Fn(f64) -> f64) -> Self {
        let width = 2.0 * edge / (GRID - 1) as f64;
        let weight = |index: usize| match index {
            0 => 1.0,
            index if index == GRID - 1 => 1.0,
            index if index % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let weighted = (0..GRID).map(|index| value(-edge + index as f64 * width) * weight(index) * width / 3.0);
        Self { edge, weighted: weighted.collect() }
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let width = 2.0 * self.edge / (GRID - 1) as f64;
        self.weighted.iter().enumerate().map(move |(index, weighted)| (-self.edge + index as f64 * width, *weighted))
    }

    /// Probability that the next step, a normal one, leads outside `edge`.
    fn leaves(&self, edge: f64, step: f64) -> f64 {
        let normal = Normal::standard();
        let outside = |from: f64| normal.sf((edge - from) / step) + normal.cdf((-edge - from) / step);
        self.points().map(|(from, weighted)| weighted * outside(from)).sum()
    }

    /// Density of the sum after one more step.
    fn moved_to(&self, at: f64, step: f64) -> f64 {
        let normal = Normal::standard();
        self.points().map(|(from, weighted)| weighted * normal.pdf((at - from) / step) / step).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: &[f64], expected: &[f64], within: f64) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < within, "{found} {expected}");
        }
    }

    /// Five equally spaced looks, two-sided 5%: Reboussin, DeMets, Kim and Lan, "Computations for group sequential
    /// boundaries using the Lan-DeMets spending function method", Controlled Clinical Trials 21 (2000).
    #[test]
    fn boundaries_as_in_reboussin_and_others() {
        let shares = [0.2, 0.4, 0.6, 0.8, 1.0];
        let found = boundaries(0.05, &shares, Spending::OBrienFleming).expect("sound");
        near(&found, &[4.8769, 3.3569, 2.6803, 2.2898, 2.0310], 6e-4);
        let found = boundaries(0.05, &shares, Spending::Pocock).expect("sound");
        near(&found, &[2.4380, 2.4268, 2.4101, 2.3966, 2.3859], 6e-4);
    }

    /// Lan and DeMets (1983): both functions spend nothing at the start and everything at the end.
    #[test]
    fn all_is_spent_at_the_end() {
        for spending in [Spending::OBrienFleming, Spending::Pocock] {
            assert_eq!(spending.spent(0.05, 0.0), 0.0);
            assert!((spending.spent(0.05, 1.0) - 0.05).abs() < 1e-9);
            assert!((spending.spent(0.05, 7.0) - 0.05).abs() < 1e-9);
        }
        assert!((Spending::Pocock.spent(0.05, 0.25) - 0.017_868).abs() < 1e-5);
        assert!((Spending::OBrienFleming.spent(0.05, 0.5) - 0.003_051).abs() < 1e-5);
    }

    /// The numbers that the gate uses by default.
    #[test]
    fn looks_at_10_20_and_40_pairs() {
        let found = look_confidences(0.05, &[10, 20, 40], Spending::Pocock).expect("sound");
        near(&found, &[0.98213, 0.98209, 0.97399], 1e-5);
        assert_eq!(look_confidences(0.05, &[10], Spending::Pocock).map(|c| (c[0] * 1e6).round()), Some(950_000.0));
    }

    /// Simulated: the share of random walks that ever leave the boundaries is what was to be spent.
    #[test]
    fn the_whole_error_rate_holds() {
        use rand::SeedableRng;
        use rand_distr::{Distribution, StandardNormal};
        let looks = [10_u32, 20, 40];
        let bounds = boundaries(0.05, &[0.25, 0.5, 1.0], Spending::Pocock).expect("sound");
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let trials = 20_000;
        let crossed = (0..trials).filter(|_| {
            let (mut sum, mut seen) = (0.0_f64, 0);
            looks.iter().zip(&bounds).any(|(&look, bound)| {
                while seen < look {
                    let step: f64 = StandardNormal.sample(&mut random);
                    sum += step;
                    seen += 1;
                }
                (sum / f64::from(look).sqrt()).abs() >= *bound
            })
        });
        let rate = crossed.count() as f64 / f64::from(trials);
        assert!((rate - 0.05).abs() < 0.005, "{rate}");
    }

    #[test]
    fn looks_out_of_order_are_refused() {
        assert_eq!(boundaries(0.05, &[], Spending::Pocock), None);
        assert_eq!(boundaries(0.05, &[0.5, 0.5, 1.0], Spending::Pocock), None);
        assert_eq!(boundaries(0.05, &[0.5], Spending::Pocock), None);
        assert_eq!(boundaries(0.0, &[1.0], Spending::Pocock), None);
        assert_eq!(look_confidences(0.05, &[20, 10], Spending::Pocock), None);
        assert_eq!(look_confidences(0.05, &[], Spending::Pocock), None);
    }
}
