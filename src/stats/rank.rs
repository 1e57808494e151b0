//! The Hodges-Lehmann estimate with its Wilcoxon interval: a cross-check that no single far value can move.

use statrs::distribution::{ContinuousCDF, Normal};

use super::Interval;
use super::robust::quantile_of_sorted;

/// Up to so many values the null distribution is computed exactly.
const EXACT_UP_TO: usize = 100;

/// Estimate of the centre of symmetry: the median of all Walsh averages `(x_i + x_j) / 2`, `i <= j`, with the
/// distribution-free interval whose ends are Walsh averages too.
///
/// Hodges and Lehmann, "Estimates of location based on rank tests", Annals of Mathematical Statistics 34 (1963);
/// Tukey's interval as in Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", third edition (2014),
/// section 3.3. The ranks' null distribution is exact up to 100 values, normal beyond.
///
/// `None` where there are too few values for the confidence (fewer than 6 for 0.95), or one is not finite.
pub fn hodges_lehmann(values: &[f64], confidence: f64) -> Option<Interval> {
    if values.iter().any(|value| !value.is_finite()) || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let order = interval_order(values.len(), confidence)?;
    let mut averages = Vec::with_capacity(values.len() * (values.len() + 1) / 2);
    for (i, a) in values.iter().enumerate() {
        averages.extend(values[i..].iter().map(|b| f64::midpoint(*a, *b)));
    }
    averages.sort_unstable_by(f64::total_cmp);
    let low = *averages.get(order - 1)?;
    let high = *averages.get(averages.len() - order)?;
    Some(Interval { estimate: quantile_of_sorted(&averages, 0.5)?, low, high })
}

/// Which Walsh average, counted from 1 at either end, bounds the interval: the largest C with
/// `P(T <= C - 1) <= (1 - confidence) / 2`.
fn interval_order(count: usize, confidence: f64) -> Option<usize> {
    let tail = (1.0 - confidence) / 2.0;
    let order = if count <= EXACT_UP_TO {
        let mut below = 0.0;
        let within = signed_rank_probabilities(count).into_iter().take_while(|probability| {
            below += probability;
            below <= tail
        });
        within.count()
    } else {
        let n = count as f64;
        let deviation = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt();
        let z = Normal::standard().inverse_cdf(1.0 - tail);
        (n * (n + 1.0) / 4.0 - z * deviation).floor() as usize
    };
    (order > 0).then_some(order)
}

/// `P(T = t)` of Wilcoxon's signed-rank statistic for t = 0, 1, ...: each rank is in the sum with probability 1/2.
fn signed_rank_probabilities(count: usize) -> Vec<f64> {
    let mut probabilities = vec![1.0];
    for rank in 1..=count {
        let mut next = vec![0.0; probabilities.len() + rank];
        for (sum, probability) in probabilities.iter().enumerate() {
            next[sum] += probability / 2.0;
            next[sum + rank] += probability / 2.0;
        }
        probabilities = next;
    }
    probabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hamilton depression scale factor IV of nine patients before and after tranquilizers: Hollander and Wolfe,
    /// section 3.1 to 3.3: P(T+ >= 40) = 0.0195 (also R, `wilcox.test(x, y, paired = TRUE)`), estimate -0.46,
    /// interval with confidence 96.1% [-0.786, -0.010].
    #[test]
    fn the_depression_data_of_hollander_and_wolfe() {
        let before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        #[expect(clippy::approx_constant, reason = "a measured value that looks like pi")]
        let after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let change: Vec<f64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let interval = hodges_lehmann(&change, 0.95).expect("nine values");
        for (found, expected) in [(interval.estimate, -0.46), (interval.low, -0.786), (interval.high, -0.010)] {
            assert!((found - expected).abs() < 1e-9, "{interval:?}");
        }
        let tail: f64 = signed_rank_probabilities(9).iter().take(6).sum();
        assert!((tail - 0.019_531_25).abs() < 1e-12, "{tail}");
    }

    /// Critical values of the signed-rank test, two-sided 5%: Wilcoxon and Wilcox, "Some Rapid Approximate
    /// Statistical Procedures" (1964): 0 at n = 6, 8 at n = 10, 25 at n = 15, 52 at n = 20, 137 at n = 30.
    #[test]
    fn critical_values_as_in_tables() {
        for (count, critical) in [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (15, 25), (20, 52), (25, 89), (30, 137)] {
            assert_eq!(interval_order(count, 0.95), Some(critical + 1), "{count}");
        }
    }

    #[test]
    fn exact_and_normal_agree_where_they_meet() {
        let exact = interval_order(EXACT_UP_TO, 0.95).expect("enough") as f64;
        let normal = interval_order(EXACT_UP_TO + 1, 0.95).expect("enough") as f64;
        assert!((normal - exact) / exact < 0.03 && normal >= exact, "{exact} {normal}");
    }

    #[test]
    fn too_few_values_have_no_interval() {
        assert_eq!(hodges_lehmann(&[], 0.95), None);
        assert_eq!(hodges_lehmann(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95), None);
        assert!(hodges_lehmann(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.95).is_some());
        assert_eq!(hodges_lehmann(&[1.0, 2.0, 3.0, 4.0, 5.0, f64::NAN], 0.95), None);
    }

    #[test]
    fn one_wild_value_moves_it_little() {
        let calm: Vec<f64> = (0..20).map(|i| f64::from(i % 5) * 0.01).collect();
        let mut wild = calm.clone();
        wild[3] = 1e6;
        let (calm, wild) = (hodges_lehmann(&calm, 0.95).expect("enough"), hodges_lehmann(&wild, 0.95).expect("enough"));
        assert!((calm.estimate - wild.estimate).abs() < 0.01, "{calm:?} {wild:?}");
    }
}
