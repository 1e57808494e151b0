//! Where a value stands on an axis, and where the ticks are.

use super::{Axis, ScaleKind};
use crate::report::numbers::with_decimals;

/// A range of values and how it is spread.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

/// A tick with its text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) text: String,
}

impl Scale {
    /// The range that holds all values, with a little room; a range of no width is widened.
    pub(super) fn over(axis: &Axis, values: impl Iterator<Item = f64>, room: f64) -> Self {
        let log = axis.scale == ScaleKind::Log;
        let usable = values.filter(|v| v.is_finite() && (!log || *v > 0.0));
        let (mut low, mut high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            (low, high) = (1.0, 10.0);
        }
        if axis.scale == ScaleKind::FromZero {
            low = low.min(0.0);
            high = if high <= low { low + 1.0 } else { high + (high - low) * room };
        } else if log {
            let ratio = if high / low < 1.05 { 2.0 } else { (high / low).powf(room) };
            (low, high) = (low / ratio, high * ratio);
        } else {
            let pad = if high > low { (high - low) * room } else { high.abs().max(1.0) / 2.0 };
            (low, high) = (low - pad, high + pad);
        }
        Self { low, high, log }
    }

    /// 0 at the low end, 1 at the high end.
    pub(super) fn share(&self, value: f64) -> f64 {
        if self.log {
            (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    fn holds(&self, value: f64) -> bool {
        let share = self.share(value);
        (-1e-9..=1.0 + 1e-9).contains(&share)
    }

    /// About `wanted` ticks, at most; the axis's own ones if it has them.
    pub(super) fn ticks(&self, axis: &Axis, wanted: usize) -> Vec<Tick> {
        let wanted = wanted.max(2);
        let values = match &axis.ticks {
            Some(own) => own.clone(),
            None if self.log => self.log_ticks(wanted),
            None => self.linear_ticks(wanted),
        };
        let shown: Vec<f64> = values.into_iter().filter(|v| self.holds(*v)).collect();
        let most = shown.iter().map(|v| decimals_of(*v)).max().unwrap_or(0);
        let text = |v: f64| with_decimals(v, if self.log { decimals_of(v) } else { most });
        let named = |v: f64| axis.name_of(v).map_or_else(|| text(v), str::to_owned);
        shown.iter().map(|&value| Tick { value, text: named(value) }).collect()
    }

    /// Multiples of 1, 2 or 5 times a power of ten.
    fn linear_ticks(&self, wanted: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / wanted as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
        let step = step.into_iter().find(|s| *s >= rough).unwrap_or(power * 10.0);
        let (first, last) = ((self.low / step).ceil() as i64, (self.high / step).floor() as i64);
        (first..=last).map(|i| i as f64 * step).collect()
    }

    /// Powers of ten with 2 and 5 between where there is room; every n-th power where there is not;
    /// round numbers where the range is too narrow for either.
    fn log_ticks(&self, wanted: usize) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let choices: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        for factors in choices {
            let values: Vec<f64> = (first..=last)
                .flat_map(|power| factors.iter().map(move |f| f * 10f64.powi(power)))
                .filter(|v| self.holds(*v))
                .collect();
            if (3..=wanted + 1).contains(&values.len()) {
                return values;
            }
        }
        if self.high / self.low < 10.0 {
            return self.linear_ticks(wanted);
        }
        let stride = ((last - first) as usize / wanted + 1) as i32;
        (first..=last).filter(|p| p % stride == 0).map(|p| 10f64.powi(p)).collect()
    }
}

/// Fewest decimals that show the value.
fn decimals_of(value: f64) -> usize {
    let shown = |d: &usize| {
        let scaled = value * 10f64.powi(*d as i32);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1e-3)
    };
    (0..9).find(shown).unwrap_or(9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(kind: ScaleKind, values: &[f64], wanted: usize) -> Vec<String> {
        let axis = Axis::new("", "", kind);
        let scale = Scale::over(&axis, values.iter().copied(), 0.0);
        scale.ticks(&axis, wanted).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn linear() {
        assert_eq!(texts(ScaleKind::FromZero, &[1_900_000.0], 5), ["0", "500,000", "1,000,000", "1,500,000"]);
        assert_eq!(texts(ScaleKind::FromZero, &[1.0], 4), ["0.0", "0.5", "1.0"]);
        assert_eq!(texts(ScaleKind::FromZero, &[0.0], 2), ["0.0", "0.5", "1.0"]);
    }

    #[test]
    fn logarithmic() {
        assert_eq!(texts(ScaleKind::Log, &[1.0, 1000.0], 5), ["1", "10", "100", "1,000"]);
        assert_eq!(texts(ScaleKind::Log, &[1.0, 100.0], 8), ["1", "2", "5", "10", "20", "50", "100"]);
        assert_eq!(texts(ScaleKind::Log, &[0.1, 10.0], 4), ["0.1", "0.3", "1", "3", "10"]);
        assert_eq!(texts(ScaleKind::Log, &[200.0, 400.0], 4), ["200", "250", "300", "350", "400"]);
        assert_eq!(texts(ScaleKind::Log, &[1.0, 1e9], 4), ["1", "1,000", "1,000,000", "1,000,000,000"]);
    }

    #[test]
    fn one_value_has_a_range() {
        for kind in [ScaleKind::Linear, ScaleKind::Log, ScaleKind::FromZero] {
            let axis = Axis::new("", "", kind);
            let scale = Scale::over(&axis, [5.0].into_iter(), 0.1);
            assert!((0.0..=1.0).contains(&scale.share(5.0)), "{kind:?}");
            assert!(Scale::over(&axis, std::iter::empty(), 0.1).share(5.0).is_finite());
        }
    }
}
