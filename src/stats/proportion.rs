//! Intervals of rates: so many of so many.

use statrs::distribution::{Beta, ContinuousCDF, Normal};

use super::Interval;

/// The exact interval of a binomial proportion: Clopper and Pearson, "The use of confidence or fiducial limits
/// illustrated in the case of the binomial", Biometrika 26 (1934), by quantiles of the beta distribution. It holds at
/// least its confidence for every true rate. `None` when there were no trials, or more successes than trials.
pub fn clopper_pearson(successes: u64, trials: u64, confidence: f64) -> Option<Interval> {
    let estimate = rate(successes, trials, confidence)?;
    let tail = (1.0 - confidence) / 2.0;
    let (hits, misses) = (successes as f64, (trials - successes) as f64);
    let low = if successes == 0 { 0.0 } else { beta_quantile(tail, hits, misses + 1.0)? };
    let high = if successes == trials { 1.0 } else { beta_quantile(1.0 - tail, hits + 1.0, misses)? };
    Some(Interval { estimate, low, high })
}

/// The score interval: Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
/// American Statistical Association 22 (1927). Shorter, and right on average. `None` as for [`clopper_pearson`].
pub fn wilson(successes: u64, trials: u64, confidence: f64) -> Option<Interval> {
    let estimate = rate(successes, trials, confidence)?;
    let n = trials as f64;
    let z = Normal::standard().inverse_cdf(f64::midpoint(1.0, confidence));
    let scale = 1.0 + z * z / n;
    let centre = (estimate + z * z / (2.0 * n)) / scale;
    let half = z / scale * (estimate * (1.0 - estimate) / n + z * z / (4.0 * n * n)).sqrt();
    Some(Interval { estimate, low: (centre - half).max(0.0), high: (centre + half).min(1.0) })
}

fn rate(successes: u64, trials: u64, confidence: f64) -> Option<f64> {
    let is_sound = trials > 0 && successes <= trials && confidence > 0.0 && confidence < 1.0;
    is_sound.then(|| successes as f64 / trials as f64)
}

/// Bisection on the distribution function, which is accurate where a closed inverse is not.
fn beta_quantile(probability: f64, a: f64, b: f64) -> Option<f64> {
    let beta = Beta::new(a, b).ok()?;
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if beta.cdf(middle) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::midpoint(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
    /// table I: methods 5 (Clopper-Pearson) and 3 (Wilson).
    #[test]
    fn intervals_as_in_newcombes_table() {
        let table = [
            (81, 263, (0.2527, 0.3676), (0.2553, 0.3662)),
            (15, 148, (0.0578, 0.1617), (0.0624, 0.1605)),
            (0, 20, (0.0, 0.1684), (0.0, 0.1611)),
            (1, 29, (0.0009, 0.1776), (0.0061, 0.1718)),
        ];
        for (successes, trials, exact, score) in table {
            let found = [clopper_pearson(successes, trials, 0.95), wilson(successes, trials, 0.95)];
            for (found, (low, high)) in found.into_iter().zip([exact, score]) {
                let found = found.expect("sound");
                assert!((found.low - low).abs() < 6e-5 && (found.high - high).abs() < 6e-5, "{successes}: {found:?}");
            }
        }
    }

    #[test]
    fn all_of_all_mirrors_none_of_all() {
        let none = clopper_pearson(0, 20, 0.95).expect("sound");
        let all = clopper_pearson(20, 20, 0.95).expect("sound");
        assert!((none.high - (1.0 - all.low)).abs() < 1e-9 && all.high == 1.0);
    }

    #[test]
    fn no_trials_no_rate() {
        assert_eq!(clopper_pearson(0, 0, 0.95), None);
        assert_eq!(clopper_pearson(3, 2, 0.95), None);
        assert_eq!(wilson(0, 0, 0.95), None);
        assert_eq!(wilson(1, 2, 1.0), None);
    }
}
