//! The reference executor: one ledger, transactions one after another.

use crate::engine::Failure;

use super::ledgers::{IsolateMaker, ShardError, Shards};
use super::{BlockExecutor, BlockWindow, LedgerReport, LedgerWindow};

/// One ledger on one thread.
#[derive(Debug)]
pub struct Sequential(Shards);

impl Sequential {
    /// Makes its isolates ready.
    pub fn new(make: &IsolateMaker<'_>) -> Result<Self, ShardError> {
        Shards::new(1, make).map(Self)
    }
}

impl BlockExecutor for Sequential {
    fn name(&self) -> &'static str {
        "sequential"
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
