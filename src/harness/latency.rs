//! Latencies as a run keeps them: histograms of nanoseconds, merged, and what may be read off them.
//!
//! Two series come from probe processes and are never mixed with one another or with throughput:
//! single transactions, and batches of consecutive ones.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use super::protocol::{IntervalHistogram, LatencySeries};

/// A percentile must be at least so many steps of the clock to be shown.
pub const FLOOR_STEPS: u64 = 10;
/// A batch must last at least so many steps of the clock.
pub const BATCH_STEPS: u64 = 100;
/// So many samples must lie beyond a percentile for it to be shown.
const BEYOND: f64 = 10.0;

/// Longest latency told apart: longer ones count as this long.
const LONGEST_NS: u64 = 60_000_000_000;
/// Significant digits of a histogram.
const DIGITS: u8 = 3;
/// Most stretches of time accepted from one process.
const INTERVALS_MAX: usize = 10_000;

/// An empty histogram of nanoseconds.
pub fn empty() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST_NS, DIGITS).expect("constant bounds that the crate allows")
}

/// A histogram as a line of the protocol carries it.
pub fn encode(histogram: &Histogram<u64>) -> Result<String, String> {
    let mut bytes = Vec::new();
    let done = V2DeflateSerializer::new().serialize(histogram, &mut bytes);
    done.map_err(|e| format!("a histogram cannot be written: {e:?}"))?;
    Ok(STANDARD.encode(bytes))
}

/// The other way.
pub fn decode(text: &str) -> Result<Histogram<u64>, String> {
    let bytes = STANDARD.decode(text).map_err(|e| format!("a histogram that is not base64: {e}"))?;
    let read = Deserializer::new().deserialize(&mut bytes.as_slice());
    read.map_err(|e| format!("a histogram that cannot be read: {e}"))
}

/// All latencies of one process.
#[derive(Debug, Default)]
pub struct Latencies {
    /// Stretches of time, in order.
    pub intervals: Vec<IntervalHistogram>,
    merged: BTreeMap<LatencySeries, Histogram<u64>>,
    /// Transactions a batch.
    batch: Option<u64>,
}

impl Latencies {
    /// Takes a stretch.
    pub(super) fn add(&mut self, interval: IntervalHistogram) -> Result<(), String> {
        if self.intervals.len() >= INTERVALS_MAX {
            return Err(format!("more than {INTERVALS_MAX} histograms: say fewer, longer stretches"));
        }
        let histogram = decode(&interval.data)?;
        if interval.series == LatencySeries::Batch {
            let n = *self.batch.get_or_insert(interval.n.max(1));
            if n != interval.n {
                return Err(format!("batches of {n} and of {} transactions in one process", interval.n));
            }
        }
        let merged = self.merged.entry(interval.series).or_insert_with(empty);
        // Values beyond our bounds, from a runner with others, count as the longest.
        for value in histogram.iter_recorded() {
            merged.saturating_record_n(value.value_iterated_to(), value.count_at_value());
        }
        self.intervals.push(interval);
        Ok(())
    }

    /// Takes one transaction.
    pub(super) fn sample(&mut self, ns: u64) {
        self.merged.entry(LatencySeries::Single).or_insert_with(empty).saturating_record(ns);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.merged.is_empty()
    }

    /// How many values a series has.
    pub fn count(&self, series: LatencySeries) -> u64 {
        self.merged.get(&series).map_or(0, Histogram::len)
    }

    /// Transactions a batch.
    pub fn batch_size(&self) -> Option<u64> {
        self.batch
    }

    /// A percentile of single transactions; none below the floor, or with too few samples beyond it.
    pub fn percentile(&self, quantile: f64, floor_ns: u64) -> Option<u64> {
        let histogram = self.merged.get(&LatencySeries::Single)?;
        let value = at(histogram, quantile)?;
        (value >= floor_ns).then_some(value)
    }

    /// A percentile of batch means, nanoseconds a transaction.
    pub fn batch_percentile(&self, quantile: f64) -> Option<f64> {
        let histogram = self.merged.get(&LatencySeries::Batch)?;
        Some(at(histogram, quantile)? as f64 / self.batch? as f64)
    }
}

/// One series of latencies, read from a line.
#[derive(Debug)]
pub struct Series(Histogram<u64>);

impl Series {
    /// From [`encode`]'s text.
    pub fn read(data: &str) -> Result<Self, String> {
        decode(data).map(Self)
    }

    /// A percentile; none below the floor, or with too few samples beyond it.
    pub fn percentile(&self, quantile: f64, floor_ns: u64) -> Option<u64> {
        at(&self.0, quantile).filter(|ns| *ns >= floor_ns)
    }
}

fn at(histogram: &Histogram<u64>, quantile: f64) -> Option<u64> {
    let beyond = histogram.len() as f64 * (1.0 - quantile);
    // Half a sample of slack: 1 - 0.999 is not quite a thousandth.
    (beyond >= BEYOND - 0.5).then(|| histogram.value_at_quantile(quantile))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(series: LatencySeries, n: u64, values: impl IntoIterator<Item = u64>) -> IntervalHistogram {
        let mut histogram = empty();
        values.into_iter().for_each(|value| histogram.saturating_record(value));
        let data = encode(&histogram).expect("written");
        IntervalHistogram { series, tag: "vm".into(), at_ns: 0, length_ns: 1, n, data }
    }

    #[test]
    fn stretches_merge_and_series_stay_apart() {
        let mut latencies = Latencies::default();
        latencies.add(interval(LatencySeries::Single, 1, (1..=5000).map(|i| i * 10))).expect("taken");
        latencies.add(interval(LatencySeries::Single, 1, (5001..=10_000).map(|i| i * 10))).expect("taken");
        latencies.add(interval(LatencySeries::Batch, 100, [5000; 40])).expect("taken");
        assert_eq!(latencies.count(LatencySeries::Single), 10_000);
        let near = |value: Option<u64>, right: u64| value.is_some_and(|v| v.abs_diff(right) <= right / 500);
        assert!(near(latencies.percentile(0.5, 0), 50_000));
        assert!(near(latencies.percentile(0.99, 0), 99_000));
        assert!(near(latencies.percentile(0.999, 0), 99_900));
        assert!(latencies.batch_percentile(0.5).is_some_and(|ns| (ns - 50.0).abs() < 0.1));
        assert_eq!(latencies.batch_percentile(0.99), None, "40 batches say nothing of the slowest hundredth");
    }

    #[test]
    fn below_the_floor_and_beyond_the_samples_nothing_is_said() {
        let mut latencies = Latencies::default();
        latencies
            .add(interval(LatencySeries::Single, 1, (0..1000).map(|i| if i < 900 { 60 } else { 900 })))
            .expect("ok");
        assert_eq!(latencies.percentile(0.5, 200), None);
        assert!(latencies.percentile(0.99, 200).is_some());
        assert_eq!(latencies.percentile(0.999, 200), None, "one sample lies beyond it");
        assert_eq!(Latencies::default().percentile(0.5, 0), None);
    }

    #[test]
    fn hostile_histograms_are_refused() {
        let mut latencies = Latencies::default();
        let with = |data: &str| IntervalHistogram { data: data.into(), ..interval(LatencySeries::Single, 1, []) };
        assert!(latencies.add(with("***")).expect_err("refused").contains("base64"));
        assert!(latencies.add(with("AAAA")).expect_err("refused").contains("cannot be read"));
        latencies.add(interval(LatencySeries::Batch, 10, [5])).expect("taken");
        assert!(latencies.add(interval(LatencySeries::Batch, 20, [5])).is_err());
        latencies.sample(u64::MAX);
        assert_eq!(latencies.count(LatencySeries::Single), 1);
    }
}
