//! Measuring: a workload, a plan, fresh processes in seeded order, records on disk.
//!
//! The unit is a fresh process of this very binary that measures one cell and talks to its parent
//! by the runner protocol ([`protocol`]). The parent ([`run`]) never executes program code itself:
//! it spawns, reads, compares digest chains and writes rows, so a workload that crashes, hangs or
//! floods takes nothing with it. This room must never print a result that was not compared with
//! the reference, and never decides how results look: that is [`crate::report`].

pub mod actions;
pub mod agreement;
pub mod arrivals;
pub mod chain;
pub mod child;
pub mod child_actions;
pub mod child_block;
pub mod child_control;
pub mod child_count;
pub mod child_script;
pub mod engines;
pub mod environment;
pub mod folder;
pub mod gate;
pub mod hlog;
pub mod job;
pub mod latency;
pub mod machine;
pub mod mode;
pub mod outcome;
mod output;
pub mod parameters;
pub mod plan;
pub(crate) mod probe;
pub mod process;
pub mod progress;
pub mod protocol;
pub mod replay;
pub mod resolution;
pub mod resume;
pub mod rng;
pub mod rows;
pub mod run;
pub mod runner;
pub mod store;
pub mod suggest;
pub mod testing;
pub mod trace;
pub mod wallet;
pub mod workload;
