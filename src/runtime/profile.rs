//! Where a program spends its time: marks tell where it is, a clock outside ticks, and the first mark after a tick
//! attributes the time to the mark before it, with the calls around.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::call::Frame;
use super::info::ActionId;
use super::isolate::Isolate;

/// The mark of a call in which none has been passed yet.
pub const NO_MARK: u32 = u32::MAX;

/// One active call and the mark that it passed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Whose code runs.
    pub action: u32,
    /// The mark, or [`NO_MARK`].
    pub mark: u32,
}

/// What has been seen so far.
#[derive(Debug)]
pub struct Profile {
    /// Ticks since the run began; another thread counts them.
    clock: Arc<AtomicU64>,
    seen: u64,
    /// As of the mark passed last, outermost first.
    stack: Vec<Entry>,
    /// How often each mark was passed: exact.
    pub counts: Vec<u64>,
    /// Ticks by the stack that they fell on.
    pub samples: BTreeMap<Box<[Entry]>, u64>,
}

impl Profile {
    /// Nothing seen yet, of a program with so many marks.
    pub fn new(clock: Arc<AtomicU64>, marks: usize) -> Self {
        Self { clock, seen: 0, stack: Vec::new(), counts: vec![0; marks], samples: BTreeMap::new() }
    }

    fn arrive(&mut self, frames: &[Frame], mark: u32) {
        self.counts[mark as usize] += 1;
        self.attribute();
        let depth = frames.len();
        self.stack.truncate(depth);
        for frame in &frames[self.stack.len()..] {
            self.stack.push(Entry { action: frame.action.0, mark: NO_MARK });
        }
        self.stack[depth - 1] = Entry { action: frames[depth - 1].action.0, mark };
        // A call without a mark of its own may have taken the place of one that had some.
        for level in (0..depth - 1).rev() {
            let ActionId(action) = frames[level].action;
            if self.stack[level].action == action {
                break;
            }
            self.stack[level] = Entry { action, mark: NO_MARK };
        }
    }

    /// Gives the ticks since the last look to the place before this one.
    pub fn attribute(&mut self) {
        // Relaxed: the number is the message.
        let now = self.clock.load(Ordering::Relaxed);
        if now != self.seen {
            self.take(now);
        }
    }

    #[cold]
    fn take(&mut self, now: u64) {
        let ticks = now - self.seen;
        self.seen = now;
        if !self.stack.is_empty() {
            *self.samples.entry(self.stack.as_slice().into()).or_default() += ticks;
        }
    }
}

impl Isolate {
    /// The program has come to a mark.
    #[inline(never)]
    pub fn mark(&mut self, id: u32) {
        if let Some(profile) = &mut self.profile {
            profile.arrive(&self.frames, id);
        }
    }
}
