//! Windows that a neighbour on the machine disturbed.

use super::robust::{median, quantile_of_sorted};

/// Values on each side that a value is compared with.
const HALF_WINDOW: usize = 12;
/// Deviations below this share of the median are never outliers: quantised timings can have a
/// spread of zero.
const LEAST_DEVIATION: f64 = 0.01;

/// Marks values that lie further from the median of their surroundings than three times the
/// distance between its 10% and 90% quantiles: the filter of Barrett et al., "Virtual Machine
/// Warmup Blows Hot and Cold" (OOPSLA 2017), with 25 values around each in place of 200, since a
/// process has a few hundred windows.
///
/// As there, the beginning is never filtered: slow first windows are warm-up, not outliers.
pub fn outliers(values: &[f64]) -> Vec<bool> {
    let mut marks = vec![false; values.len()];
    let Some(middle) = median(values) else {
        return marks;
    };
    let least = LEAST_DEVIATION * middle.abs();
    for (i, mark) in marks.iter_mut().enumerate() {
        let from = i.saturating_sub(HALF_WINDOW);
        let to = (i + HALF_WINDOW + 1).min(values.len());
        *mark = is_far(values[i], &values[from..to], least);
    }
    for mark in marks.iter_mut().take_while(|mark| **mark) {
        *mark = false;
    }
    marks
}

fn is_far(value: f64, around: &[f64], least: f64) -> bool {
    let mut sorted = around.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let of = |q| quantile_of_sorted(&sorted, q);
    let (Some(low), Some(middle), Some(high)) = (of(0.1), of(0.5), of(0.9)) else {
        return false;
    };
    (value - middle).abs() > (3.0 * (high - low)).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wavy(count: usize) -> Vec<f64> {
        (0..count).map(|i| 100.0 + (i % 5) as f64 * 0.1).collect()
    }

    #[test]
    fn a_lone_spike_is_marked() {
        let mut values = wavy(60);
        values[30] = 40.0;
        let marked: Vec<usize> = outliers(&values).iter().enumerate().filter_map(|(i, &m)| m.then_some(i)).collect();
        assert_eq!(marked, [30]);
    }

    #[test]
    fn a_step_is_not_an_outlier() {
        let mut values = wavy(60);
        values[30..].iter_mut().for_each(|v| *v *= 2.0);
        assert!(outliers(&values).iter().all(|&m| !m));
    }

    #[test]
    fn a_slow_beginning_is_kept() {
        let mut values = wavy(60);
        values[0] = 5.0;
        values[1] = 6.0;
        assert!(outliers(&values).iter().all(|&m| !m));
    }

    #[test]
    fn constant_values_have_none() {
        assert!(outliers(&[3.0; 20]).iter().all(|&m| !m));
        assert!(outliers(&[]).is_empty());
    }
}
