//! The child's side of latency probes: which transactions to time in the next window, a histogram
//! a thread, and what is said of them.
//!
//! Windows take turns: in one single transactions are timed, in the next batches, so that no batch
//! has the clock of a single one in it.

use std::io;

use hdrhistogram::Histogram;

use crate::engine::{Samples, Sampling};

use super::child::Talk;
use super::latency::{BATCH_STEPS, empty, encode};
use super::machine;
use super::protocol::{IntervalHistogram, LatencySeries, Message, counter};

/// Time between two sampled transactions of a thread to aim at: the clock is then well under 1% of
/// the work.
const BETWEEN_SAMPLES_NS: f64 = 20_000.0;
/// A batch is planned this much longer than it must be, since speed varies.
const BATCH_MARGIN: f64 = 4.0;
/// Length of the stretches in the interval log.
const INTERVAL_NS: u64 = 250_000_000;
/// Windows without any timing, at the beginning: the cold one, and one to learn the speed from.
const UNTIMED_WINDOWS: u64 = 2;

const SERIES: [LatencySeries; 2] = [LatencySeries::Single, LatencySeries::Batch];
const TIERS: [&str; 2] = ["interpreter", "vm"];

/// What one thread has seen in the present stretch: by series, then by tier.
type Recorder = [[Histogram<u64>; 2]; 2];

fn recorder() -> Recorder {
    std::array::from_fn(|_| std::array::from_fn(|_| empty()))
}

/// Plans sampling and keeps what was sampled.
pub(super) struct Prober {
    threads: Vec<Recorder>,
    step_ns: u64,
    timer_before_ns: f64,
    ns_per_tx: f64,
    one_in_log2: u32,
    batch: u64,
    windows: u64,
    began_ns: u64,
    lost: u64,
    short: u64,
}

impl Prober {
    /// Looks at the clock; nothing is sampled yet.
    pub(super) fn new(threads: usize) -> Self {
        let (step_ns, timer_before_ns) = machine::clock_step_and_overhead_ns();
        Self {
            threads: (0..threads).map(|_| recorder()).collect(),
            step_ns,
            timer_before_ns,
            ns_per_tx: f64::INFINITY,
            one_in_log2: 0,
            batch: 1,
            windows: 0,
            began_ns: 0,
            lost: 0,
            short: 0,
        }
    }

    /// What to time in the next window.
    pub(super) fn sampling(&self) -> Option<Sampling> {
        match self.series()? {
            LatencySeries::Single => Some(Sampling::Singles { one_in_log2: self.one_in_log2 }),
            LatencySeries::Batch => Some(Sampling::Batches { size: self.batch }),
        }
    }

    fn series(&self) -> Option<LatencySeries> {
        let timed = self.windows.checked_sub(UNTIMED_WINDOWS)?;
        Some(SERIES[timed as usize % 2])
    }

    /// A thread's part of the window just run.
    pub(super) fn take(&mut self, thread: usize, samples: &Samples) {
        let Some(series) = self.series() else { return };
        self.lost += samples.lost;
        let recorder = &mut self.threads[thread][series as usize];
        for sample in &samples.taken {
            if series == LatencySeries::Batch && sample.ns < self.step_ns * BATCH_STEPS {
                self.short += 1;
                continue;
            }
            recorder[usize::from(sample.upper)].saturating_record(sample.ns);
        }
    }

    /// The window is over: `transactions` and `ns` are one thread's.
    pub(super) fn end_window(&mut self, talk: &mut Talk, transactions: u64, ns: u64, at_ns: u64) -> io::Result<()> {
        self.windows += 1;
        if self.windows <= UNTIMED_WINDOWS {
            // The faster one: a disturbed window would make batches too short.
            self.ns_per_tx = self.ns_per_tx.min(ns as f64 / transactions.max(1) as f64);
            self.learn(self.ns_per_tx);
            self.began_ns = at_ns;
        }
        if self.windows > UNTIMED_WINDOWS && at_ns >= self.began_ns + INTERVAL_NS {
            self.say_interval(talk, at_ns)?;
        }
        Ok(())
    }

    /// Decides rates once, so that all samples of the process weigh alike.
    fn learn(&mut self, ns_per_tx: f64) {
        let ns_per_tx = ns_per_tx.clamp(1.0, 1e12);
        self.one_in_log2 = (BETWEEN_SAMPLES_NS / ns_per_tx).log2().ceil().clamp(0.0, 31.0) as u32;
        let least = (self.step_ns * BATCH_STEPS) as f64 * BATCH_MARGIN;
        self.batch = (least / ns_per_tx).ceil().max(1.0) as u64;
    }

    fn say_interval(&mut self, talk: &mut Talk, at_ns: u64) -> io::Result<()> {
        for series in SERIES {
            for (tier, tag) in TIERS.into_iter().enumerate() {
                let mut merged = empty();
                for thread in &mut self.threads {
                    let of_thread = &mut thread[series as usize][tier];
                    merged.add(&*of_thread).map_err(|e| io::Error::other(e.to_string()))?;
                    of_thread.reset();
                }
                if merged.is_empty() {
                    continue;
                }
                talk.say(&Message::Histogram(IntervalHistogram {
                    series,
                    tag: tag.into(),
                    at_ns: self.began_ns,
                    length_ns: at_ns.saturating_sub(self.began_ns).max(1),
                    n: if series == LatencySeries::Batch { self.batch } else { 1 },
                    data: encode(&merged).map_err(io::Error::other)?,
                }))?;
            }
        }
        self.began_ns = at_ns;
        Ok(())
    }

    /// The rest, and what the clock was like.
    pub(super) fn finish(&mut self, talk: &mut Talk, at_ns: u64) -> io::Result<()> {
        self.say_interval(talk, at_ns)?;
        let (step_ns, timer_after_ns) = machine::clock_step_and_overhead_ns();
        for (name, value) in [
            (counter::CLOCK_STEP_NS, self.step_ns.max(step_ns) as f64),
            (counter::TIMER_BEFORE_NS, self.timer_before_ns),
            (counter::TIMER_AFTER_NS, timer_after_ns),
            (counter::ONE_IN, 2_f64.powi(self.one_in_log2 as i32)),
            (counter::SAMPLES_LOST, self.lost as f64),
            (counter::BATCHES_SHORT, self.short as f64),
        ] {
            talk.count(name, value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::TxSample;

    #[test]
    fn rates_follow_the_speed() {
        let mut prober = Prober::new(1);
        prober.step_ns = 20;
        prober.learn(66.0);
        assert_eq!((prober.one_in_log2, prober.batch), (9, 122));
        prober.learn(1e6);
        assert_eq!((prober.one_in_log2, prober.batch), (0, 1), "slow transactions are all timed");
        prober.learn(0.0);
        assert!(prober.one_in_log2 <= 31);
    }

    #[test]
    fn windows_take_turns_and_short_batches_are_left_out() {
        let mut prober = Prober::new(2);
        prober.step_ns = 20;
        assert_eq!(prober.sampling(), None);
        prober.windows = UNTIMED_WINDOWS;
        let sample = |ns| Samples { taken: vec![TxSample { ns, upper: true }], lost: 0 };
        assert!(matches!(prober.sampling(), Some(Sampling::Singles { .. })));
        prober.take(1, &sample(50));
        prober.windows += 1;
        assert!(matches!(prober.sampling(), Some(Sampling::Batches { .. })));
        prober.take(0, &sample(1999));
        prober.take(0, &sample(2000));
        let count = |thread: usize, series: usize| prober.threads[thread][series][1].len();
        assert_eq!([count(0, 0), count(1, 0), count(0, 1), prober.short], [0, 1, 1, 1]);
    }
}
