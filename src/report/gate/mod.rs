//! The verdict of a regression gate, from its records alone.
//!
//! [`design`] is what was decided before the first process, [`observe`] turns rows into blocked pairs, [`judge`] gives
//! the verdicts, [`show`] the texts that people and machines read. The program that measures calls the same functions
//! after each round to learn whether it must go on, so a verdict can be recomputed from the folder bit for bit.

pub mod design;
pub mod drift;
pub mod files;
pub mod judge;
pub mod observe;
pub mod show;

#[cfg(test)]
pub(crate) mod tests;

pub use design::Design;
pub use judge::{CellVerdict, Check, CheckKind, GateVerdict, Verdict, judge};
pub use observe::{Observations, observe};
