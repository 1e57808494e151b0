//! Open load: a closed loop first, to warm up and to know what the process can do, then one rate after another.
//!
//! Everything of a rate is made before its first arrival is due: its transactions, and when each is due. What lies
//! between two blocks of a rate (state root, receipts) makes the next ones wait, as it would on a chain.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::engine::Arrival;
use crate::parallel::{LedgerWindow, Pacing};
use crate::stats::median;

use super::super::arrivals::{OpenLoad, Rate, batch_of, schedule};
use super::super::child::{Halt, WindowSize};
use super::super::latency::{empty, encode};
use super::super::machine;
use super::super::protocol::{Failed, Message, OpenStep, counter};
use super::{Generator, MOST_TRANSACTIONS, Measured};

/// The closed loop gets one of so many parts of a process's time.
const WARM_UP_PART: u64 = 3;
/// A rate of which a block alone would last longer is refused.
pub(in super::super) const BLOCK_AT_MOST: Duration = Duration::from_secs(2);
/// Overload ends after so many times the time that the rate should take.
const OVERLOAD: f64 = 3.0;

/// What the process does when each transaction begins as soon as the one before it has ended.
struct ClosedLoop {
    /// Transactions a second, of all threads: executed, with the stages around it and the state root of each block.
    tps: f64,
    /// Time for each transaction in which none is executed: it is generated and made ready, its block proven.
    around_ns_per_tx: f64,
}

impl Measured<'_, '_> {
    /// All rates.
    pub(super) fn open(&mut self, generator: &mut Generator<'_, '_>, load: &OpenLoad) -> Result<(), Halt> {
        let process_ns = Duration::from_millis(self.bench.job.process_ms).as_nanos() as u64;
        let closed = self.closed_loop(generator, process_ns / WARM_UP_PART)?;
        let tps = closed.tps;
        let step_ns = process_ns * (WARM_UP_PART - 1) / WARM_UP_PART / load.rates.len() as u64;
        let (step_before, overhead_before) = machine::clock_step_and_overhead_ns();
        for (ordinal, rate) in load.rates.iter().enumerate() {
            self.step(generator, load, (ordinal, *rate), &closed, step_ns)?;
        }
        let (step_after, overhead_after) = machine::clock_step_and_overhead_ns();
        for (name, value) in [
            (counter::CLOSED_TPS, tps),
            (counter::CLOCK_STEP_NS, step_before.max(step_after) as f64),
            (counter::TIMER_BEFORE_NS, overhead_before),
            (counter::TIMER_AFTER_NS, overhead_after),
        ] {
            self.talk.count(name, value)?;
        }
        Ok(())
    }

    fn closed_loop(&mut self, generator: &mut Generator<'_, '_>, ns: u64) -> Result<ClosedLoop, Halt> {
        self.window(generator.blocks(1)?)?;
        let (block, threads) = (self.bench.job.parameters.block, self.bench.job.threads as f64);
        let mut size = WindowSize::new(self.bench.job.window_ns, self.whole_ns, (MOST_TRANSACTIONS / block).max(1));
        let (mut rates, mut transactions, mut executed_ns) = (Vec::new(), 0, 0);
        let begin = Instant::now();
        while rates.len() < 2 || (self.begin.elapsed().as_nanos() as u64) < ns {
            let blocks = self.at_most(size.get(), "before the first rate")?;
            self.window(generator.blocks(blocks)?)?;
            rates.push((blocks * block) as f64 * threads * 1e9 / self.served_ns.max(1) as f64);
            transactions += blocks * block;
            executed_ns += self.last_ns;
            size.learn(self.whole_ns);
        }
        // The later half: the earlier one warms up.
        let tps = median(&rates[rates.len() / 2..]);
        let tps = tps.ok_or_else(|| Halt::Fail(Failed::Runner, "no closed loop".into()))?;
        let around_ns = (begin.elapsed().as_nanos() as u64).saturating_sub(executed_ns);
        Ok(ClosedLoop { tps, around_ns_per_tx: around_ns as f64 / transactions.max(1) as f64 })
    }

    /// So many blocks, or as many as are left.
    fn at_most(&self, wanted: u64, when: &str) -> Result<u64, Halt> {
        match self.blocks_left().min(wanted) {
            0 => Err(Halt::Fail(
                Failed::Runner,
                format!("the blocks were over {when}: allow more with --blocks, or try fewer rates"),
            )),
            blocks => Ok(blocks),
        }
    }

    fn step(
        &mut self,
        generator: &mut Generator<'_, '_>,
        load: &OpenLoad,
        (ordinal, rate): (usize, Rate),
        closed: &ClosedLoop,
        step_ns: u64,
    ) -> Result<(), Halt> {
        let job = self.bench.job;
        let of_thread = rate.per_second(closed.tps) / job.threads as f64;
        let possible = closed.tps / job.threads as f64 * OVERLOAD;
        let wanted = (step_ns as f64 / (1e9 / of_thread.min(possible) + closed.around_ns_per_tx)) as u64;
        let block = job.parameters.block;
        if block as f64 / of_thread > BLOCK_AT_MOST.as_secs_f64() {
            return Err(Halt::Fail(Failed::Runner, too_slow(block, rate, of_thread)));
        }
        let most = (MOST_TRANSACTIONS / block).max(1);
        let blocks = self.at_most(wanted.div_ceil(block).clamp(1, most), &format!("at rate {rate}"))?;
        let (batch, transactions) = (batch_of(of_thread), blocks * block);
        let gap_ns = batch as f64 * 1e9 / of_thread;
        let arrivals = (transactions / batch) as usize;
        let seed = |thread: usize| job.parameters.seed ^ ((ordinal as u64) << 16 | (thread as u64) << 32);
        let due_ns = (0..job.threads).map(|thread| schedule(load.arrivals, gap_ns, arrivals, seed(thread))).collect();
        let blocks = generator.blocks(blocks)?;
        let at_ns = self.begin.elapsed().as_nanos() as u64;
        self.pacing = Some(Pacing { due_ns, batch });
        self.window(blocks)?;
        self.pacing = None;
        let step = Step::of(&std::mem::take(&mut self.paced), gap_ns);
        self.talk.say(&Message::Step(step.said(ordinal, rate, batch, at_ns)?))?;
        Ok(())
    }
}

/// Why a rate is refused.
pub(in super::super) fn too_slow(block: u64, rate: Rate, of_thread: f64) -> String {
    let least = (of_thread * BLOCK_AT_MOST.as_secs_f64()).floor().max(1.0);
    format!(
        "at a rate of {rate} a block of {block} transactions lasts {:.1} s; {} s are the most: try --block {least}",
        block as f64 / of_thread,
        BLOCK_AT_MOST.as_secs()
    )
}

/// What one ledger gave.
#[derive(Debug)]
pub(super) struct Paced {
    arrivals: Vec<Arrival>,
    transactions: u64,
    committed: u64,
}

impl Paced {
    pub(super) fn of(ledger: &LedgerWindow) -> Self {
        let results = || ledger.blocks.iter().map(|block| &block.result);
        Self {
            arrivals: ledger.arrivals.clone(),
            transactions: results().map(|r| r.committed + r.reverted + r.out_of_gas).sum(),
            committed: results().map(|r| r.committed).sum(),
        }
    }
}

/// One rate, all threads together.
#[derive(Debug)]
struct Step {
    offered_tps: f64,
    served_tps: f64,
    transactions: u64,
    committed: u64,
    length_ns: u64,
    response: Histogram<u64>,
    service: Histogram<u64>,
    queue: Histogram<u64>,
}

impl Step {
    /// Rates of threads add up; a thread is served from the beginning of the schedule to its last end, or to the end of
    /// the schedule if that is later.
    fn of(threads: &[Paced], gap_ns: f64) -> Self {
        let mut step = Self {
            offered_tps: 0.0,
            served_tps: 0.0,
            transactions: 0,
            committed: 0,
            length_ns: 0,
            response: empty(),
            service: empty(),
            queue: empty(),
        };
        for thread in threads {
            let Some(last) = thread.arrivals.last() else { continue };
            for arrival in &thread.arrivals {
                step.response.saturating_record(arrival.response_ns());
                step.service.saturating_record(arrival.service_ns());
                step.queue.saturating_record(arrival.queue_ns());
            }
            let due_ns = (last.due_ns as f64).max(gap_ns);
            step.offered_tps += thread.transactions as f64 * 1e9 / due_ns;
            step.served_tps += thread.transactions as f64 * 1e9 / due_ns.max(last.ended_ns as f64);
            step.transactions += thread.transactions;
            step.committed += thread.committed;
            step.length_ns = step.length_ns.max(last.ended_ns);
        }
        step
    }

    fn said(&self, ordinal: usize, rate: Rate, batch: u64, at_ns: u64) -> Result<OpenStep, Halt> {
        let said = |histogram| encode(histogram).map_err(|message| Halt::Fail(Failed::Runner, message));
        Ok(OpenStep {
            ordinal: ordinal as u32,
            rate,
            offered_tps: self.offered_tps,
            served_tps: self.served_tps,
            transactions: self.transactions,
            committed: self.committed,
            batch,
            response: said(&self.response)?,
            service: said(&self.service)?,
            queue: said(&self.queue)?,
            at_ns,
            length_ns: self.length_ns,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(ended_ns: u64) -> Paced {
        let arrival = |n: u64, ended_ns| Arrival { due_ns: n * 1000, began_ns: n * 1000, ended_ns };
        Paced { arrivals: vec![arrival(1, 1400), arrival(2, ended_ns)], transactions: 20, committed: 15 }
    }

    #[test]
    fn a_thread_that_keeps_up_serves_what_is_offered_nearly() {
        let step = Step::of(&[thread(2100)], 1000.0);
        assert_eq!((step.offered_tps, step.transactions, step.committed), (1e7, 20, 15));
        assert!((step.served_tps - 20.0 * 1e9 / 2100.0).abs() < 1.0);
        assert_eq!((step.response.len(), step.response.max() / 10), (2, 40));
    }

    #[test]
    fn threads_add_up_and_a_late_end_lowers_what_is_served() {
        let step = Step::of(&[thread(2100), thread(8000)], 1000.0);
        assert_eq!(step.offered_tps, 2e7);
        assert!((step.served_tps - (20.0 * 1e9 / 2100.0 + 20.0 * 1e9 / 8000.0)).abs() < 1.0);
        assert_eq!(step.response.len(), 4);
    }

    #[test]
    fn a_rate_that_would_take_for_ever_says_which_block_would_do() {
        let said = too_slow(1000, Rate::PerSecond(10.0), 10.0);
        assert!(said.contains("lasts 100.0 s") && said.ends_with("try --block 20"), "{said}");
    }
}
