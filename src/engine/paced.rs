//! Open load: transactions begin when they are due, not when the one before them has ended.
//!
//! All begins are fixed before the first transaction and never moved: one that finds the program busy waits, and its
//! wait is part of its response time. A schedule that waited for slow answers would leave out just the slow ones
//! (coordinated omission).

use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time since the beginning of a schedule.
pub trait PaceClock: Send + std::fmt::Debug {
    /// Nanoseconds; never less than before.
    fn now_ns(&mut self) -> u64;
    /// Comes back at this time, or at once if it is over.
    fn wait_until_ns(&mut self, at_ns: u64);
}

/// The machine's monotonic clock, which no change of the date moves.
#[derive(Debug)]
pub struct WallPace(Instant);

impl WallPace {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl PaceClock for WallPace {
    fn now_ns(&mut self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }

    fn wait_until_ns(&mut self, at_ns: u64) {
        /// Sleeping ends late; the last part of a wait is spent looking at the clock.
        const WATCHED: Duration = Duration::from_millis(1);
        let at = Duration::from_nanos(at_ns);
        let left = at.saturating_sub(self.0.elapsed());
        if left > WATCHED * 2 {
            std::thread::sleep(left.saturating_sub(WATCHED));
        }
        while self.0.elapsed() < at {
            std::hint::spin_loop();
        }
    }
}

/// One arrival: a transaction, or as many as come together. All times are since the beginning of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When it was due.
    pub due_ns: u64,
    /// When the first of its transactions began.
    pub began_ns: u64,
    /// When the last of them had its receipt.
    pub ended_ns: u64,
}

impl Arrival {
    /// From when it was due to its end: what a user waits.
    pub fn response_ns(&self) -> u64 {
        self.ended_ns.saturating_sub(self.due_ns)
    }

    /// From its begin to its end.
    pub fn service_ns(&self) -> u64 {
        self.ended_ns.saturating_sub(self.began_ns)
    }

    /// From when it was due to its begin.
    pub fn queue_ns(&self) -> u64 {
        self.began_ns.saturating_sub(self.due_ns)
    }
}

/// Lets transactions begin when they are due, and notes what became of them.
#[derive(Debug)]
pub struct Pacer {
    due_ns: Arc<[u64]>,
    /// Transactions an arrival.
    batch: u64,
    clock: Box<dyn PaceClock>,
    /// Transactions that have begun.
    begun: u64,
    began_ns: u64,
    arrivals: Vec<Arrival>,
}

impl Pacer {
    /// A schedule of arrivals of `batch` transactions each, in order of time. What comes after the last arrival begins
    /// with it.
    pub fn new(due_ns: Arc<[u64]>, batch: u64, clock: Box<dyn PaceClock>) -> Self {
        let arrivals = Vec::with_capacity(due_ns.len());
        Self { due_ns, batch: batch.max(1), clock, begun: 0, began_ns: 0, arrivals }
    }

    /// The arrivals whose last transaction has ended.
    pub fn into_arrivals(self) -> Vec<Arrival> {
        self.arrivals
    }

    /// Before a transaction.
    pub(super) fn begins(&mut self) {
        let (arrival, within) = (self.begun / self.batch, self.begun % self.batch);
        self.begun += 1;
        if within == 0
            && let Some(&due_ns) = self.due_ns.get(arrival as usize)
        {
            self.clock.wait_until_ns(due_ns);
            self.began_ns = self.clock.now_ns();
        }
    }

    /// After it, whatever its status: who asked for it has an answer.
    pub(super) fn ended(&mut self) {
        if !self.begun.is_multiple_of(self.batch) {
            return;
        }
        let arrival = (self.begun / self.batch - 1) as usize;
        if let Some(&due_ns) = self.due_ns.get(arrival) {
            let ended_ns = self.clock.now_ns();
            self.arrivals.push(Arrival { due_ns, began_ns: self.began_ns, ended_ns });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Stands still unless it is moved or waited for.
    #[derive(Debug, Clone)]
    struct Told(Arc<AtomicU64>);

    impl PaceClock for Told {
        fn now_ns(&mut self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn wait_until_ns(&mut self, at_ns: u64) {
            self.0.fetch_max(at_ns, Ordering::Relaxed);
        }
    }

    /// Runs transactions of these lengths by a schedule.
    fn run(due_ns: &[u64], batch: u64, lengths_ns: &[u64]) -> Vec<Arrival> {
        let clock = Told(Arc::default());
        let mut pacer = Pacer::new(due_ns.into(), batch, Box::new(clock.clone()));
        for length in lengths_ns {
            pacer.begins();
            clock.0.fetch_add(*length, Ordering::Relaxed);
            pacer.ended();
        }
        pacer.into_arrivals()
    }

    #[test]
    fn one_slow_transaction_makes_those_behind_it_wait() {
        let arrivals = run(&[0, 100, 200, 300], 1, &[10, 250, 10, 10]);
        let of = |part: fn(&Arrival) -> u64| arrivals.iter().map(part).collect::<Vec<_>>();
        assert_eq!(of(Arrival::service_ns), [10, 250, 10, 10]);
        assert_eq!(of(Arrival::queue_ns), [0, 0, 150, 60]);
        assert_eq!(of(Arrival::response_ns), [10, 250, 160, 70], "the wait counts: nothing is left out");
    }

    #[test]
    fn the_schedule_is_never_moved() {
        let arrivals = run(&[0, 10, 20, 30, 1000], 1, &[500, 1, 1, 1, 1]);
        assert_eq!(arrivals.iter().map(|a| a.due_ns).collect::<Vec<_>>(), [0, 10, 20, 30, 1000]);
        assert_eq!(arrivals[3].response_ns(), 473);
        assert_eq!(arrivals[4].queue_ns(), 0, "the backlog is worked off by then");
    }

    #[test]
    fn a_batch_is_one_arrival_and_ends_with_its_last_transaction() {
        let arrivals = run(&[0, 100], 3, &[10, 20, 30, 1, 1, 1, 7]);
        assert_eq!(arrivals.len(), 2, "what is behind the schedule has no time of its own");
        assert_eq!((arrivals[0].service_ns(), arrivals[0].response_ns()), (60, 60));
        assert_eq!((arrivals[1].began_ns, arrivals[1].response_ns()), (100, 3));
    }

    #[test]
    fn a_clock_that_steps_back_gives_no_time_rather_than_centuries() {
        let clock = Told(Arc::default());
        let mut pacer = Pacer::new([100].as_slice().into(), 1, Box::new(clock.clone()));
        pacer.begins();
        clock.0.store(40, Ordering::Relaxed);
        pacer.ended();
        let [arrival] = pacer.into_arrivals()[..] else { panic!("one arrival") };
        assert_eq!((arrival.response_ns(), arrival.service_ns(), arrival.queue_ns()), (0, 0, 0));
    }

    #[test]
    fn an_arrival_cut_short_is_not_told() {
        assert_eq!(run(&[0, 100], 2, &[5, 5, 5]).len(), 1);
    }
}
