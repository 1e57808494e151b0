//! The command lines: flags, typed, to a validated plan, to a command.
//!
//! This room reads flags, calls the rooms below and prints. It must never compute a result.

pub mod bench;
pub mod script;
