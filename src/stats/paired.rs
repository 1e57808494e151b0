//! Comparing two versions: logarithms of ratios, blocked pairs, independent groups, means over cells.
//!
//! Everything here is on the logarithmic scale: a log-ratio of 0 means no difference, and `exp(x) - 1` is the
//! difference as a fraction. [`super::mean_interval`] of log-ratios is the paired t interval.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Interval;

/// `ln(head / base)`. `None` unless both are positive and finite.
pub fn log_ratio(base: f64, head: f64) -> Option<f64> {
    let is_usable = |value: f64| value > 0.0 && value.is_finite();
    (is_usable(base) && is_usable(head)).then(|| (head / base).ln())
}

/// Means of consecutive groups of `size` values; an incomplete group at the end is left out.
///
/// An ABBA block gives two log-ratios in mirrored order. Their mean is free of a linear drift, and since each
/// block's orientation is drawn on its own, the means of different blocks are uncorrelated whatever the noise does
/// over time (Fisher, "The Design of Experiments", 1935: randomisation justifies the analysis of the units that were
/// randomised). So the block is the unit of the t interval.
pub fn block_means(values: &[f64], size: usize) -> Vec<f64> {
    if size == 0 {
        return Vec::new();
    }
    values.chunks_exact(size).map(|block| block.iter().sum::<f64>() / size as f64).collect()
}

/// Interval of the difference of two means of independent groups, `b - a`, whose variances may differ: Welch, "The
/// generalization of Student's problem when several different population variances are involved", Biometrika 34
/// (1947). `None` for fewer than two values in a group, or when one is not finite.
pub fn welch_interval(a: &[f64], b: &[f64], confidence: f64) -> Option<Interval> {
    let (a, b) = (Moments::of(a)?, Moments::of(b)?);
    let estimate = b.mean - a.mean;
    let freedom = welch_satterthwaite(&[(a.error_squared(), a.count - 1.0), (b.error_squared(), b.count - 1.0)]);
    around(estimate, a.error_squared() + b.error_squared(), freedom, confidence)
}

/// Interval of the mean of several independent estimates, each given as the values it is the mean of: on logarithms,
/// the geometric mean over cells. Degrees of freedom after Satterthwaite, "An approximate distribution of estimates
/// of variance components", Biometrics Bulletin 2 (1946). `None` when there is no cell, or one has fewer than two
/// values.
pub fn geometric_mean_interval(cells: &[&[f64]], confidence: f64) -> Option<Interval> {
    let moments: Vec<Moments> = cells.iter().map(|values| Moments::of(values)).collect::<Option<_>>()?;
    if moments.is_empty() {
        return None;
    }
    let count = moments.len() as f64;
    let estimate = moments.iter().map(|cell| cell.mean).sum::<f64>() / count;
    let parts: Vec<(f64, f64)> =
        moments.iter().map(|cell| (cell.error_squared() / count.powi(2), cell.count - 1.0)).collect();
    around(estimate, parts.iter().map(|part| part.0).sum(), welch_satterthwaite(&parts), confidence)
}

struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Option<Self> {
        if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self { count, mean, variance: squares / (count - 1.0) })
    }

    fn error_squared(&self) -> f64 {
        self.variance / self.count
    }
}

/// Effective degrees of freedom of a sum of squared errors, each with its own; `None` when all are zero.
fn welch_satterthwaite(parts: &[(f64, f64)]) -> Option<f64> {
    let total: f64 = parts.iter().map(|part| part.0).sum();
    let below: f64 = parts.iter().map(|(error, freedom)| error.powi(2) / freedom).sum();
    (below > 0.0).then(|| total.powi(2) / below)
}

fn around(estimate: f64, error_squared: f64, freedom: Option<f64>, confidence: f64) -> Option<Interval> {
    let half = match freedom {
        // Values without any spread: an interval without width.
        None => 0.0,
        Some(freedom) => t_quantile_of_real_freedom(confidence, freedom)? * error_squared.sqrt(),
    };
    Some(Interval { estimate, low: estimate - half, high: estimate + half })
}

/// As [`super::t_quantile`], for degrees of freedom that are no whole number.
fn t_quantile_of_real_freedom(confidence: f64, freedom: f64) -> Option<f64> {
    if !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let (mut low, mut high) = (0.0_f64, std::f64::consts::FRAC_PI_2);
    let wanted = f64::midpoint(1.0, confidence);
    // Bisection over the angle, as the whole-number version does.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if student.cdf(middle.tan()) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::midpoint(low, high).tan())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{mean_interval, t_quantile};

    /// Student, "The probable error of a mean", Biometrika 6 (1908): hours of sleep gained under two drugs by ten
    /// patients, the data set `sleep` of R.
    const SLEEP_1: [f64; 10] = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    const SLEEP_2: [f64; 10] = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

    fn near(interval: Interval, estimate: f64, low: f64, high: f64, within: f64) {
        for (found, expected) in [(interval.estimate, estimate), (interval.low, low), (interval.high, high)] {
            assert!((found - expected).abs() < within, "{interval:?}, expected {expected}");
        }
    }

    /// R: `t.test(sleep2, sleep1, paired = TRUE)` gives 1.58 [0.7001142, 2.4598858].
    #[test]
    fn the_paired_interval_of_students_sleep_data() {
        let ratios: Vec<f64> =
            SLEEP_1.iter().zip(SLEEP_2).map(|(a, b)| log_ratio(a.exp(), b.exp()).expect("positive")).collect();
        near(mean_interval(&ratios, 0.95).expect("ten pairs"), 1.58, 0.700_114_2, 2.459_885_8, 1e-6);
    }

    /// R: `t.test(sleep2, sleep1)` gives 1.58 [-0.2054832, 3.3654832] with 17.776 degrees of freedom.
    #[test]
    fn the_welch_interval_of_students_sleep_data() {
        let interval = welch_interval(&SLEEP_1, &SLEEP_2, 0.95).expect("two groups");
        near(interval, 1.58, -0.205_483_2, 3.365_483_2, 1e-5);
    }

    #[test]
    fn both_t_quantiles_agree() {
        for freedom in [1_u32, 2, 5, 9, 30] {
            let whole = t_quantile(0.95, freedom).expect("in range");
            let real = t_quantile_of_real_freedom(0.95, f64::from(freedom)).expect("in range");
            assert!((whole - real).abs() < 1e-6 * whole, "{freedom}: {whole} {real}");
        }
    }

    /// By hand: means 1 and 3, squared errors 1/3 each; their mean is 2 with squared error (1/3 + 1/3) / 4, and two
    /// equal parts of 2 degrees of freedom make 4.
    #[test]
    fn the_mean_over_cells() {
        let interval = geometric_mean_interval(&[&[0.0, 1.0, 2.0], &[2.0, 3.0, 4.0]], 0.95).expect("two cells");
        let half = 2.776_445 * (1.0_f64 / 6.0).sqrt();
        near(interval, 2.0, 2.0 - half, 2.0 + half, 1e-5);
        let one = geometric_mean_interval(&[&[1.0, 2.0, 3.0, 4.0, 5.0]], 0.95).expect("one cell");
        near(one, 3.0, 1.036_757, 4.963_243, 1e-5);
    }

    #[test]
    fn what_cannot_be_known_is_none() {
        assert_eq!(log_ratio(0.0, 1.0), None);
        assert_eq!(log_ratio(1.0, -1.0), None);
        assert_eq!(log_ratio(f64::INFINITY, 1.0), None);
        assert_eq!(welch_interval(&[1.0], &[1.0, 2.0], 0.95), None);
        assert_eq!(welch_interval(&[1.0, f64::NAN], &[1.0, 2.0], 0.95), None);
        assert_eq!(geometric_mean_interval(&[], 0.95), None);
        assert_eq!(geometric_mean_interval(&[&[1.0]], 0.95), None);
        assert_eq!(block_means(&[1.0, 3.0, 5.0], 2), [2.0]);
        assert!(block_means(&[1.0], 0).is_empty());
        let flat = welch_interval(&[1.0, 1.0], &[2.0, 2.0], 0.95).expect("no spread");
        near(flat, 1.0, 1.0, 1.0, 1e-12);
    }
}
