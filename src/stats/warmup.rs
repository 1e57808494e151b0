//! Whether and where the windows of one process become steady.

use super::changepoint::{change_points, penalty};
use super::outlier::outliers;
use super::robust::median;

/// How a process went, after Barrett et al., "Virtual Machine Warmup Blows Hot and Cold" (OOPSLA
/// 2017).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// No segment differs from the last.
    Flat,
    /// The last segment is the fastest.
    Warmup,
    /// An earlier segment was faster than the last.
    Slowdown,
    /// It still changed in the last part, or there are too few windows to tell.
    NoSteadyState,
}

/// The verdict, and the first window that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warmup {
    /// How the process went.
    pub verdict: Verdict,
    /// Index of the first steady window; the count of windows when there is none.
    pub steady_from: usize,
}

/// What counts as equal, and as enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupOptions {
    /// Segments whose means differ by less than this share of the run's median are equal.
    pub tolerance: f64,
    /// Share of the windows, at the end, that must be one steady stretch. Barrett et al. ask for
    /// the last 500 of 2,000.
    pub steady_share: f64,
    /// Fewer windows than this show nothing.
    pub least_windows: usize,
}

impl Default for WarmupOptions {
    fn default() -> Self {
        Self { tolerance: 0.02, steady_share: 0.25, least_windows: 8 }
    }
}

/// Judges the windows of one process, in time order, in transactions per second (more is faster).
///
/// `last_tier_event` is the index of the window in which the engine last changed tier, if it did:
/// warm-up ends where the change-point search and the engine agree, so the steady windows begin
/// after both. An event within the last `steady_share` that the search does not see changed
/// nothing that can be measured, and is ignored.
pub fn classify_warmup(windows: &[f64], last_tier_event: Option<usize>, options: &WarmupOptions) -> Warmup {
    let count = windows.len();
    let none = Warmup { verdict: Verdict::NoSteadyState, steady_from: count };
    let scale = median(windows).filter(|m| *m > 0.0 && m.is_finite());
    let (Some(scale), true) = (scale, count >= options.least_windows) else {
        return none;
    };
    let (indexes, scaled) = without_outliers(windows, scale);
    let segments = Segment::all(&scaled);
    let Some(final_segment) = segments.last() else {
        return none;
    };
    let equal = options.tolerance.max(final_segment.deviation);
    let differs = |s: &&Segment| (s.mean - final_segment.mean).abs() > equal;

    let steady = segments.iter().rev().take_while(|s| !differs(s)).last();
    let steady_from = steady.map_or(0, |s| if s.begin == 0 { 0 } else { indexes[s.begin] });
    let latest = count - (count as f64 * options.steady_share).ceil() as usize;
    if steady_from > latest {
        return none;
    }
    let after_event = last_tier_event.map(|e| e + 1).filter(|e| *e <= latest).unwrap_or(0);
    let verdict = if segments.iter().any(|s| differs(&s) && s.mean > final_segment.mean) {
        Verdict::Slowdown
    } else if segments.iter().any(|s| differs(&s)) {
        Verdict::Warmup
    } else {
        Verdict::Flat
    };
    Warmup { verdict, steady_from: steady_from.max(after_event) }
}

/// The windows that are no outliers, scaled, with their indexes.
fn without_outliers(windows: &[f64], scale: f64) -> (Vec<usize>, Vec<f64>) {
    let far = outliers(windows);
    let kept = windows.iter().enumerate().filter(|(i, _)| !far[*i]);
    kept.map(|(i, v)| (i, v / scale)).unzip()
}

struct Segment {
    begin: usize,
    mean: f64,
    deviation: f64,
}

impl Segment {
    fn all(values: &[f64]) -> Vec<Self> {
        let mut begins = vec![0];
        begins.extend(change_points(values, penalty(values.len())));
        let ends = begins.iter().skip(1).copied().chain([values.len()]);
        begins.iter().zip(ends).map(|(&begin, end)| Self::of(begin, &values[begin..end])).collect()
    }

    fn of(begin: usize, values: &[f64]) -> Self {
        let n = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        Self { begin, mean, deviation: variance.sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, Normal};

    /// Parts of (windows, tps), with noise of 1%.
    fn run(seed: u64, parts: &[(usize, f64)]) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let noise = Normal::new(1.0, 0.01).expect("finite");
        let each = parts.iter().flat_map(|&(count, tps)| std::iter::repeat_n(tps, count));
        each.map(|tps| tps * noise.sample(&mut random)).collect()
    }

    fn judge(windows: &[f64], event: Option<usize>) -> Warmup {
        classify_warmup(windows, event, &WarmupOptions::default())
    }

    #[test]
    fn verdicts_of_simulated_runs() {
        for seed in 0..50 {
            let flat = judge(&run(seed, &[(200, 1e6)]), None);
            assert_eq!(flat, Warmup { verdict: Verdict::Flat, steady_from: 0 }, "seed {seed}");
            let warm = judge(&run(seed, &[(10, 1e5), (20, 8e5), (170, 1e6)]), None);
            assert_eq!(warm, Warmup { verdict: Verdict::Warmup, steady_from: 30 }, "seed {seed}");
            let slow = judge(&run(seed, &[(50, 1.3e6), (150, 1e6)]), None);
            assert_eq!(slow, Warmup { verdict: Verdict::Slowdown, steady_from: 50 }, "seed {seed}");
            let never = judge(&run(seed, &[(180, 1e6), (20, 1.5e6)]), None);
            assert_eq!(never.verdict, Verdict::NoSteadyState, "seed {seed}");
        }
    }

    #[test]
    fn a_tier_event_moves_the_beginning() {
        let windows = run(3, &[(10, 1e5), (190, 1e6)]);
        assert_eq!(judge(&windows, Some(4)).steady_from, 10);
        assert_eq!(judge(&windows, Some(25)).steady_from, 26);
        assert_eq!(judge(&windows, Some(195)).steady_from, 10, "it changed nothing");
    }

    #[test]
    fn disturbed_windows_do_not_end_the_steady_state() {
        let mut windows = run(4, &[(200, 1e6)]);
        windows[60] = 3e5;
        windows[150] = 5e5;
        windows[195] = 1e5;
        assert_eq!(judge(&windows, None), Warmup { verdict: Verdict::Flat, steady_from: 0 });
    }

    #[test]
    fn one_slow_first_window_is_no_reason_to_doubt() {
        let mut windows = run(5, &[(100, 1e6)]);
        windows[0] = 5e4;
        let judged = judge(&windows, None);
        assert_ne!(judged.verdict, Verdict::NoSteadyState);
        assert!(judged.steady_from <= 2, "{judged:?}");
    }

    #[test]
    fn too_few_windows_show_nothing() {
        let windows = [1.0, 1.0, 1.0];
        assert_eq!(judge(&windows, None), Warmup { verdict: Verdict::NoSteadyState, steady_from: 3 });
        assert_eq!(judge(&[], None), Warmup { verdict: Verdict::NoSteadyState, steady_from: 0 });
    }
}
