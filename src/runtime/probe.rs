//! Timing of sampled transactions, in probe processes only: how long single calls of one action take, or how long
//! batches of them do.
//!
//! An isolate without a probe pays nothing on the fast paths of calls. With one, the probed action's shape is no
//! longer plain, so that each of its calls takes the careful way in, where the probe decides whether to time it. A
//! timed call is marked as one that leaves through a checkpoint, and so comes by here on its way out.

use std::time::Instant;

use super::info::ActionId;
use super::isolate::Isolate;
use super::signal::Unwind;
use super::tier::Site;
use crate::value::Value;

/// Most samples kept between two visits of the host; what comes after them is counted as lost.
const SAMPLES_MAX: usize = 1 << 20;

/// Which transactions are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Single ones, chosen at random: one in `2^one_in_log2`.
    Singles {
        /// Binary logarithm of how many there are for each that is timed.
        one_in_log2: u32,
    },
    /// So many at a time, from the beginning of one to the beginning of the next but `size - 1`.
    Batches {
        /// Transactions a batch; at least 1.
        size: u64,
    },
}

/// One measured stretch: a transaction or a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxSample {
    /// How long it took.
    pub ns: u64,
    /// Whether it ran in the upper tier (a batch: began there).
    pub upper: bool,
}

/// What the probe has seen since the host last took it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// In order of their end.
    pub taken: Vec<TxSample>,
    /// How many more there would have been.
    pub lost: u64,
}

impl Samples {
    fn push(&mut self, sample: TxSample) {
        if self.taken.len() < SAMPLES_MAX {
            self.taken.push(sample);
        } else {
            self.lost += 1;
        }
    }
}

/// Chooses and times transactions.
#[derive(Debug)]
pub struct Probe {
    sampling: Sampling,
    state: u64,
    samples: Samples,
    /// Timed calls under way; calls can nest.
    open: Vec<Open>,
    /// Begin of the batch, and the transactions it has.
    batch: Option<(Instant, u64, bool)>,
}

/// A timed call under way.
#[derive(Debug)]
pub struct Open {
    /// Frames below its own.
    depth: usize,
    begin: Instant,
    upper: bool,
    /// Whether its frame would have a checkpoint without the probe.
    checkpoint: bool,
}

impl Probe {
    /// A probe that has seen nothing.
    pub fn new(sampling: Sampling, seed: u64) -> Self {
        Self { sampling, state: seed | 1, samples: Samples::default(), open: Vec::new(), batch: None }
    }

    /// What was seen so far.
    pub fn take(&mut self) -> Samples {
        std::mem::take(&mut self.samples)
    }

    /// A transaction begins. Gives its begin, if it is to be timed.
    pub fn begin(&mut self, upper: impl FnOnce() -> bool) -> Option<(Instant, bool)> {
        match self.sampling {
            Sampling::Singles { one_in_log2 } => {
                // xorshift64: whether a transaction is chosen must not depend on what it does.
                self.state ^= self.state << 13;
                self.state ^= self.state >> 7;
                self.state ^= self.state << 17;
                // The upper bits of the product are the good ones.
                let draw = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
                let chosen = draw & ((1_u64 << one_in_log2.min(31)) - 1) == 0;
                if !chosen {
                    return None;
                }
                let upper = upper();
                Some((Instant::now(), upper))
            }
            Sampling::Batches { size } => {
                self.count_batch(size, upper);
                None
            }
        }
    }

    fn count_batch(&mut self, size: u64, upper: impl FnOnce() -> bool) {
        if let Some((begin, count, began_upper)) = &mut self.batch {
            *count += 1;
            if *count < size {
                return;
            }
            let sample = TxSample { ns: elapsed_ns(*begin), upper: *began_upper };
            self.samples.push(sample);
        }
        let upper = upper();
        self.batch = Some((Instant::now(), 0, upper));
    }

    /// A timed transaction has ended as it should.
    pub fn end(&mut self, (begin, upper): (Instant, bool)) {
        let ns = elapsed_ns(begin);
        self.samples.push(TxSample { ns, upper });
    }

    /// Nothing is under way any more: a batch does not reach over what lies between two passes or blocks.
    pub fn interrupt(&mut self) {
        self.open.clear();
        self.batch = None;
    }
}

fn elapsed_ns(begin: Instant) -> u64 {
    begin.elapsed().as_nanos() as u64
}

impl Isolate {
    /// Times calls of an action from now on, or no longer. Its calls then take the careful way in.
    pub fn set_probe(&mut self, probed: Option<(ActionId, Probe)>) {
        if let Some(before) = self.probe.take() {
            let action = before.0;
            self.shapes[action.0 as usize] = self.info.actions[action.0 as usize].shape();
        }
        if let Some((action, _)) = &probed {
            let shape = &mut self.shapes[action.0 as usize];
            shape.plain = false;
            shape.plain_contract = false;
        }
        self.probe = probed.map(Box::new);
    }

    /// A call of `action` is about to enter: the begin of its time, if it is one to be timed.
    #[cold]
    pub(super) fn probe_entering(&mut self, action: ActionId) -> Option<(Instant, bool)> {
        let (in_upper, moved) = (self.in_upper, &self.tier_changes);
        match self.probe.as_deref_mut() {
            Some((probed, probe)) if *probed == action => {
                probe.begin(|| in_upper || moved.iter().any(|change| change.site == Site::Action(action)))
            }
            _ => None,
        }
    }

    /// The call just entered is a timed one: it must come by on its way out.
    #[cold]
    pub(super) fn probe_entered(&mut self, (begin, upper): (Instant, bool)) {
        let depth = self.frames.len() - 1;
        let frame = &mut self.frames[depth];
        let checkpoint = std::mem::replace(&mut frame.checkpoint, true);
        if let Some((_, probe)) = self.probe.as_deref_mut() {
            probe.open.push(Open { depth, begin, upper, checkpoint });
        }
    }

    /// The topmost frame leaves: if it is a timed one, its frame is as it would have been without.
    fn probe_leaving(&mut self) -> Option<Open> {
        let depth = self.frames.len().checked_sub(1)?;
        let (_, probe) = self.probe.as_deref_mut()?;
        let open = probe.open.pop_if(|open| open.depth == depth)?;
        self.frames[depth].checkpoint = open.checkpoint;
        Some(open)
    }

    /// [`Isolate::leave`] of a frame that may be a timed one.
    #[cold]
    pub(super) fn leave_probed(&mut self, value: Value) -> Result<Value, Unwind> {
        let open = self.probe_leaving();
        let left = if self.frame().checkpoint { self.leave_with_checkpoint(value) } else { self.leave(value) };
        if let (Some(open), Ok(_), Some((_, probe))) = (open, &left, self.probe.as_deref_mut()) {
            probe.end((open.begin, open.upper));
        }
        left
    }

    /// The topmost frame is left by an unwind, which gives no sample.
    pub(super) fn probe_unwinding(&mut self) {
        let _: Option<Open> = self.probe_leaving();
    }
}
