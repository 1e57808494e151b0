//! Where a series changes its mean or its spread.

use std::f64::consts::TAU;

/// Fewest values in a segment.
pub const LEAST_SEGMENT: usize = 2;

/// Variances below this are taken as this: on values scaled to a median of 1 it is a spread of
/// 0.01%, below which no difference matters. Without it two equal values would be a segment of
/// infinite likelihood.
const LEAST_VARIANCE: f64 = 1e-8;

/// The penalty a change point must earn, on the scale of twice the log-likelihood: 15 ln n, as in
/// Barrett et al. 2017.
pub fn penalty(count: usize) -> f64 {
    15.0 * (count.max(1) as f64).ln()
}

/// Indexes at which a new segment begins, ascending, without 0: the optimal segmentation of the
/// values under a normal model whose mean and variance both change, by PELT (Killick, Fearnhead,
/// Eckley: "Optimal Detection of Changepoints With a Linear Computational Cost", JASA 107, 2012).
///
/// Scale the values to their median first: [`LEAST_SEGMENT`] values a segment at least, and the
/// smallest variance is absolute. Linear in time when changes are spread over the series,
/// quadratic when there are none.
pub fn change_points(values: &[f64], penalty: f64) -> Vec<usize> {
    let count = values.len();
    let sums = Sums::of(values);
    // best[t]: least cost of values[..t]; last[t]: where its last segment begins.
    let mut best = vec![f64::INFINITY; count + 1];
    let mut last = vec![0; count + 1];
    best[0] = -penalty;
    let mut candidates: Vec<Candidate> = vec![Candidate { begin: 0, dropped_from: usize::MAX }];
    for end in LEAST_SEGMENT..=count {
        candidates.retain(|c| c.dropped_from > end);
        for c in candidates.iter().filter(|c| end - c.begin >= LEAST_SEGMENT) {
            let cost = best[c.begin] + sums.cost(c.begin, end) + penalty;
            if cost < best[end] {
                (best[end], last[end]) = (cost, c.begin);
            }
        }
        // A beginning that is beaten by more than the penalty here can never be the best again.
        // With a least segment length that holds only for ends from which `end` itself can begin
        // a segment, so it is dropped that much later.
        for c in candidates.iter_mut().filter(|c| end - c.begin >= LEAST_SEGMENT) {
            if best[c.begin] + sums.cost(c.begin, end) >= best[end] {
                c.dropped_from = c.dropped_from.min(end + LEAST_SEGMENT);
            }
        }
        candidates.push(Candidate { begin: end, dropped_from: usize::MAX });
    }
    walk_back(&last, count)
}

#[derive(Clone, Copy)]
struct Candidate {
    begin: usize,
    dropped_from: usize,
}

fn walk_back(last: &[usize], count: usize) -> Vec<usize> {
    let mut points = Vec::new();
    let mut at = last[count];
    while at > 0 {
        points.push(at);
        at = last[at];
    }
    points.reverse();
    points
}

/// Running sums of values, less their mean so that squares do not cancel, and of their squares.
struct Sums {
    values: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    fn of(values: &[f64]) -> Self {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let mut sums = Self { values: vec![0.0], squares: vec![0.0] };
        let (mut value, mut square) = (0.0, 0.0);
        for v in values {
            value += v - mean;
            square += (v - mean).powi(2);
            sums.values.push(value);
            sums.squares.push(square);
        }
        sums
    }

    /// Minus twice the largest log-likelihood of `values[begin..end]`, the variance being at least
    /// [`LEAST_VARIANCE`]. As a minimum over a model it never grows by splitting, which is what
    /// PELT's pruning needs.
    fn cost(&self, begin: usize, end: usize) -> f64 {
        let n = (end - begin) as f64;
        let mean = (self.values[end] - self.values[begin]) / n;
        let found = ((self.squares[end] - self.squares[begin]) / n - mean * mean).max(0.0);
        let variance = found.max(LEAST_VARIANCE);
        n * ((TAU * variance).ln() + found / variance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, Normal};

    fn series(seed: u64, parts: &[(usize, f64, f64)]) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut values = Vec::new();
        for &(count, mean, deviation) in parts {
            let normal = Normal::new(mean, deviation).expect("finite");
            values.extend((0..count).map(|_| normal.sample(&mut random)));
        }
        values
    }

    /// Every segmentation, without pruning: optimal partitioning (Jackson et al. 2005).
    fn by_exhaustion(values: &[f64], penalty: f64) -> Vec<usize> {
        let sums = Sums::of(values);
        let mut best = vec![f64::INFINITY; values.len() + 1];
        let mut last = vec![0; values.len() + 1];
        best[0] = -penalty;
        for end in LEAST_SEGMENT..=values.len() {
            for begin in 0..=end - LEAST_SEGMENT {
                let cost = best[begin] + sums.cost(begin, end) + penalty;
                if cost < best[end] {
                    (best[end], last[end]) = (cost, begin);
                }
            }
        }
        walk_back(&last, values.len())
    }

    #[test]
    fn short_series_have_no_change() {
        for count in 0..4 {
            assert!(change_points(&[1.0, 9.0, 1.0][..count.min(3)], 0.1).is_empty());
        }
    }

    #[test]
    fn a_step_is_found_where_it_is() {
        let values = series(1, &[(40, 1.0, 0.01), (160, 2.0, 0.01)]);
        assert_eq!(change_points(&values, penalty(values.len())), [40]);
    }

    #[test]
    fn a_change_of_spread_alone_is_found() {
        let values = series(2, &[(100, 1.0, 0.05), (100, 1.0, 0.002)]);
        let points = change_points(&values, penalty(values.len()));
        assert!(points.len() == 1 && points[0].abs_diff(100) <= 3, "{points:?}");
    }

    #[test]
    fn noise_alone_gives_no_change() {
        let false_alarms = (0..200)
            .filter(|&seed| {
                let values = series(seed, &[(200, 1.0, 0.02)]);
                !change_points(&values, penalty(values.len())).is_empty()
            })
            .count();
        assert_eq!(false_alarms, 0);
    }

    #[test]
    fn pruning_loses_nothing() {
        for seed in 0..60 {
            let values = series(seed, &[(7, 1.0, 0.1), (5, 1.3, 0.02), (20, 0.9, 0.1), (3, 2.0, 0.01), (15, 1.0, 0.3)]);
            for penalty in [0.5, 3.0, 10.0, 30.0, penalty(values.len())] {
                assert_eq!(
                    change_points(&values, penalty),
                    by_exhaustion(&values, penalty),
                    "seed {seed} penalty {penalty}"
                );
            }
        }
    }

    #[test]
    fn equal_values_are_one_segment() {
        assert!(change_points(&[1.0; 50], penalty(50)).is_empty());
    }
}
