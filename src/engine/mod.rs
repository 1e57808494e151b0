//! The one facade over the language: compile, run, call, execute blocks. It joins the tiers, decides when code
//! moves up, and turns what happens inside into plain data. Nothing above it sees a `Value`.

mod api;
mod block;
mod cached;
mod convert;
mod files;
mod isolate;
mod origin;
mod paced;
mod policy;
mod profile;
mod program;
mod proof;
mod render;
mod session;
pub mod simulation;
mod sources;
mod storage;

pub use api::{
    ActionGas, BlockResult, ConfigValue, Counters, Data, Digest, Failure, FailureKind, Mode, OuterAction, OutputSink,
    PassResult, Problem, Receipt, Region, RunOptions, TierEvent, TxStatus,
};
pub use block::{BlockSettings, GenerateHost, PreparedBlock, RecordedBlock, TimedBlock};
pub use cached::Cache;
pub use files::FileLoader;
pub use isolate::{InterruptHandle, Isolate};
pub use paced::{Arrival, PaceClock, Pacer, WallPace};
pub use profile::{ActionCost, LineCost, ProfileData};
pub use program::{Program, SyntaxErrors};
pub use proof::StateProof;
pub use session::{Inputs, Reply, Session};
pub use sources::{Found, ImportedFile, ModuleLoader, NoModules};
pub use storage::{check_store, inspect_store};

#[doc(hidden)]
pub use crate::bytecode::PlantedBug;
pub use crate::native::{DroppedCosts, ForcedGuards, NativeBug, NativeCounts};

pub use crate::cache::Contents as CacheContents;
pub use crate::ledger::{Accesses, ConflictGraph, Location, StoreError, StoredBlock, TreeSize};
pub use crate::runtime::{Clock, SiteProfile, TierName, TierProfile, WorkClock};

pub use crate::runtime::probe::{Probe, Samples, Sampling, TxSample};
pub use crate::syntax::parses as texts_parsed;

use std::sync::Arc;

/// Which tiers runs of this process may use. `Sync`; one a mode.
#[derive(Debug)]
pub struct Engine {
    mode: Mode,
}

impl Engine {
    /// An engine for a mode.
    pub fn new(mode: Mode) -> Arc<Self> {
        Arc::new(Self { mode })
    }

    /// Its mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }
}
