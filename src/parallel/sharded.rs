//! One ledger a thread, the same stream on each: the upper bound of what threads can give.

use crate::engine::Failure;

use super::ledgers::{IsolateMaker, ShardError, Shards};
use super::{BlockExecutor, BlockWindow, LedgerReport, LedgerWindow};

/// As many ledgers as threads.
#[derive(Debug)]
pub struct Sharded(Shards);

impl Sharded {
    /// Makes its isolates ready.
    pub fn new(threads: usize, make: &IsolateMaker<'_>) -> Result<Self, ShardError> {
        Shards::new(threads, make).map(Self)
    }
}

impl BlockExecutor for Sharded {
    fn name(&self) -> &'static str {
        "sharded"
    }

    fn run_window(&mut self, window: &BlockWindow) -> Vec<LedgerWindow> {
        self.0.run_window(window)
    }

    fn check(&mut self, action: &str) -> Result<(), Failure> {
        self.0.check(action)
    }

    fn fees_are_conserved(&self) -> bool {
        self.0.fees_are_conserved()
    }

    fn reports(&mut self) -> Vec<LedgerReport> {
        self.0.reports()
    }
}
