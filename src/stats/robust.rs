//! Order statistics.

/// The middle value; for an even count the mean of the two middle ones. `None` when empty.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The `q`-quantile, `q` in 0..=1, linear between order statistics: type 7 of Hyndman and Fan,
/// "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996).
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(&sorted, q)
}

/// [`quantile`] of values that are in ascending order already.
pub fn quantile_of_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = q.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    let share = at - below as f64;
    // The branch keeps exact order statistics exact, and infinities out of `inf - inf`.
    let value = if share == 0.0 { sorted[below] } else { sorted[below] + share * (sorted[above] - sorted[below]) };
    Some(value)
}

/// Median distance from the median, unscaled. Times 1.4826 it estimates the standard deviation of
/// normal data.
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    let distances: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    median(&distances)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(median(&[]), None);
        assert_eq!(median_absolute_deviation(&[]), None);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[5.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn quantiles_as_in_r_type_7() {
        // R: quantile(c(1, 2, 3, 4, 10), c(0, .1, .25, .9, 1))
        let values = [10.0, 4.0, 3.0, 2.0, 1.0];
        let of = |q| quantile(&values, q).expect("not empty");
        assert_eq!(of(0.0), 1.0);
        assert!((of(0.1) - 1.4).abs() < 1e-12);
        assert_eq!(of(0.25), 2.0);
        assert!((of(0.9) - 7.6).abs() < 1e-12);
        assert_eq!(of(1.0), 10.0);
    }

    #[test]
    fn deviation_ignores_a_far_value() {
        assert_eq!(median_absolute_deviation(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]), Some(1.0));
        assert_eq!(median_absolute_deviation(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9e9]), Some(1.0));
    }
}
