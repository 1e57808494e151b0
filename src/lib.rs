//! zx-run and zx-bench: the tiered Zexus runtime, and the laboratory that measures it.
//!
//! The rooms import downwards only, in this order: `cli`, `report`, `harness`, `stats`, `parallel`, `engine`, `cache`, `native`, `vm`,
//! `bytecode`, `eval`, `resolve`, `format`, `syntax`, `runtime`, `ledger`, `value`. ARCHITECTURE.md has the map.

/// Writes to standard error. If nobody reads that any more there is nobody to tell, so it cannot fail.
macro_rules! tell {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _: std::io::Result<()> = write!(std::io::stderr().lock(), $($text)*);
    }};
}

/// The same, with the end of the line.
macro_rules! tellln {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _: std::io::Result<()> = writeln!(std::io::stderr().lock(), $($text)*);
    }};
}

pub mod bytecode;
pub mod cache;
pub mod cli;
pub mod engine;
pub mod eval;
pub mod format;
pub mod harness;
pub mod ledger;
pub mod native;
pub mod parallel;
pub mod report;
pub mod resolve;
pub mod runtime;
pub mod stats;
pub mod syntax;
pub mod value;
pub mod vm;
