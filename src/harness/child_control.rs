//! A fixed native loop: what the machine does to code that no version changes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::child::{Halt, Talk, WindowSize};
use super::job::Job;
use super::protocol::Message;

/// Words of memory that the loop walks over: more than the first cache, as programs need.
const WORDS: usize = 1 << 14;
/// Steps of one unit of work.
const STEPS: u64 = 10_000;
/// Units in a window at most.
const MOST_UNITS: u64 = 1_000_000;

/// Windows of units, for as long as a measured process runs.
pub(super) fn work(job: &Job, talk: &mut Talk) -> Result<(), Halt> {
    let mut memory: Vec<u64> = (0..WORDS as u64).collect();
    let mut state = job.parameters.seed | 1;
    let begin = Instant::now();
    let mut timed = |units: u64| {
        let start = Instant::now();
        for _ in 0..units {
            state = unit(black_box(&mut memory), state);
        }
        (start.elapsed().as_nanos() as u64).max(1)
    };
    let first = timed(1);
    talk.say(&Message::Window { n: 1, ns: first, isolate: 0, at_ns: Some(begin.elapsed().as_nanos() as u64) })?;
    let mut size = WindowSize::new(job.window_ns, first, MOST_UNITS);
    while begin.elapsed() < Duration::from_millis(job.process_ms) {
        let units = size.get();
        let ns = timed(units);
        talk.say(&Message::Window { n: units, ns, isolate: 0, at_ns: Some(begin.elapsed().as_nanos() as u64) })?;
        size.learn(ns);
    }
    black_box(state);
    Ok(())
}

/// Reads and writes at pseudo-random places: xorshift64 (Marsaglia, "Xorshift RNGs", 2003).
fn unit(memory: &mut [u64], mut state: u64) -> u64 {
    for _ in 0..STEPS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let at = state as usize % WORDS;
        memory[at] = memory[at].wrapping_add(state);
        state ^= memory[(at + 1) % WORDS] & 1;
    }
    state | 1
}
