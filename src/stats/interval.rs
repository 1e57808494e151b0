//! Confidence intervals over independent numbers: one a process.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// An estimate with the ends of its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate, between the ends.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Student t interval of a mean at `confidence` (0.95). `None` for fewer than two values, or when
/// one is not finite.
pub fn mean_interval(values: &[f64], confidence: f64) -> Option<Interval> {
    let count = values.len();
    if count < 2 || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let n = count as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let standard_error = (squares / (n - 1.0) / n).sqrt();
    let half = t_quantile(confidence, count as u32 - 1)? * standard_error;
    Some(Interval { estimate: mean, low: mean - half, high: mean + half })
}

/// Interval of the mean of logarithms, given back on the scale of the values: the estimate is the
/// geometric mean. For medians of processes, whose spread is a factor rather than a sum. `None`
/// for fewer than two values, or when one is not positive.
pub fn log_mean_interval(values: &[f64], confidence: f64) -> Option<Interval> {
    let logs: Option<Vec<f64>> = values.iter().map(|&v| (v > 0.0 && v.is_finite()).then(|| v.ln())).collect();
    let of_logs = mean_interval(&logs?, confidence)?;
    Some(Interval { estimate: of_logs.estimate.exp(), low: of_logs.low.exp(), high: of_logs.high.exp() })
}

/// Standard deviation of a sample, with n - 1 below. `None` for fewer than two values, or when one is not finite.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// Geometric mean; `None` when empty or when a value is not positive.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() || values.iter().any(|&v| v <= 0.0 || !v.is_finite()) {
        return None;
    }
    Some((values.iter().map(|v| v.ln()).sum::<f64>() / values.len() as f64).exp())
}

/// The two-sided t-quantile: the `t` with `P(|T| <= t) = confidence` for `freedom` degrees of
/// freedom. `None` unless `0 < confidence < 1` and `freedom >= 1`.
///
/// Found by bisection on [`central_probability`], which is exact for whole degrees of freedom.
pub fn t_quantile(confidence: f64, freedom: u32) -> Option<f64> {
    if !(confidence > 0.0 && confidence < 1.0) || freedom == 0 {
        return None;
    }
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    // 60 halvings of pi/2 reach the spacing of f64.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if central_probability(middle, freedom) < confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::from(freedom).sqrt() * f64::midpoint(low, high).tan())
}

/// `P(|T| <= t)` for whole degrees of freedom, with `theta = atan(t / sqrt(freedom))`: the finite
/// series 26.7.3 (odd) and 26.7.4 (even) of Abramowitz and Stegun, "Handbook of Mathematical
/// Functions" (1964).
fn central_probability(theta: f64, freedom: u32) -> f64 {
    let (sin, cos) = theta.sin_cos();
    let odd = freedom % 2 == 1;
    // Odd: cos + 2/3 cos^3 + 2*4/(3*5) cos^5 ...; even: 1 + 1/2 cos^2 + 1*3/(2*4) cos^4 ...
    let first_factor = if odd { 2 } else { 1 };
    let mut term = if odd { cos } else { 1.0 };
    let mut sum = 0.0;
    for i in 0..freedom / 2 {
        sum += term;
        let above = f64::from(first_factor + 2 * i);
        term *= above / (above + 1.0) * cos * cos;
    }
    if odd { FRAC_2_PI * (theta + sin * sum) } else { sin * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table of t(0.975), t(0.95) and t(0.995): NIST/SEMATECH e-Handbook, section 1.3.6.7.2.
    #[test]
    fn quantiles_as_in_tables() {
        let table = [
            (1, 6.314, 12.706, 63.657),
            (2, 2.920, 4.303, 9.925),
            (3, 2.353, 3.182, 5.841),
            (4, 2.132, 2.776, 4.604),
            (5, 2.015, 2.571, 4.032),
            (9, 1.833, 2.262, 3.250),
            (10, 1.812, 2.228, 3.169),
            (29, 1.699, 2.045, 2.756),
            (30, 1.697, 2.042, 2.750),
            (100, 1.660, 1.984, 2.626),
            (1000, 1.646, 1.962, 2.581),
        ];
        for (freedom, t90, t95, t99) in table {
            for (confidence, expected) in [(0.90, t90), (0.95, t95), (0.99, t99)] {
                let t = t_quantile(confidence, freedom).expect("in range");
                // The table has three decimals, and rounds a few of its last ones up.
                assert!((t - expected).abs() < 1.1e-3, "{freedom} {confidence}: {t} {expected}");
            }
        }
    }

    #[test]
    fn out_of_range_is_none() {
        assert_eq!(t_quantile(0.95, 0), None);
        assert_eq!(t_quantile(1.0, 3), None);
        assert_eq!(t_quantile(f64::NAN, 3), None);
        assert_eq!(mean_interval(&[1.0], 0.95), None);
        assert_eq!(mean_interval(&[1.0, f64::NAN], 0.95), None);
        assert_eq!(log_mean_interval(&[1.0, 0.0, 2.0], 0.95), None);
    }

    /// By hand: mean 3, s^2 = 2.5, se = sqrt(0.5), t(0.975, 4) = 2.77645.
    #[test]
    fn interval_of_one_to_five() {
        let i = mean_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).expect("five values");
        assert_eq!(i.estimate, 3.0);
        assert!((i.high - 4.963_243).abs() < 1e-5, "{i:?}");
        assert!((i.low - 1.036_757).abs() < 1e-5, "{i:?}");
    }

    #[test]
    fn logs_give_the_geometric_mean() {
        let i = log_mean_interval(&[10.0, 100.0, 1000.0], 0.95).expect("positive");
        assert!((i.estimate - 100.0).abs() < 1e-9);
        assert!((i.low * i.high - 1e4).abs() < 1e-3, "symmetric as a factor: {i:?}");
        assert!((geometric_mean(&[10.0, 1000.0]).expect("positive") - 100.0).abs() < 1e-9);
    }

    #[test]
    fn equal_values_have_an_interval_of_no_width() {
        let i = log_mean_interval(&[7.0; 5], 0.95).expect("positive");
        assert!((i.low - 7.0).abs() < 1e-9 && (i.high - 7.0).abs() < 1e-9);
    }

    /// Simulated: the interval covers the truth about as often as it says.
    #[test]
    fn covers_at_its_nominal_rate() {
        use rand::SeedableRng;
        use rand_distr::{Distribution, Normal};
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(42);
        let normal = Normal::new(0.0_f64, 0.1).expect("finite");
        let trials = 4000;
        let covered = (0..trials)
            .filter(|_| {
                let values: Vec<f64> = (0..5).map(|_| normal.sample(&mut random).exp()).collect();
                let i = log_mean_interval(&values, 0.95).expect("positive");
                i.low <= 1.0 && 1.0 <= i.high
            })
            .count();
        let rate = covered as f64 / f64::from(trials);
        assert!((rate - 0.95).abs() < 0.012, "{rate}");
    }
}
