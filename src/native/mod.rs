//! Native code: loops and actions that the VM has spent enough time in, as machine code made by Cranelift.
//!
//! A *unit* is the code of one loop (entered at the header that every iteration passes) or of one action. It runs in
//! the topmost frame, on the same slots as every tier. What it does not specialise it has the machine execute, one
//! instruction at a time; a guard that fails leaves before its instruction, and the machine goes on there. So nothing
//! is run twice, and a loop is never refused for what stands in it.
//!
//! The room knows bytecode, the runtime's interfaces and the layout of values. It knows no tree, no other tier and no
//! policy.

mod background;
mod builtins;
mod calls;
mod checked;
mod containers;
mod context;
mod contract;
mod direct;
mod effects;
mod frameless;
mod hoist;
mod inserts;
mod late;
mod liveness;
mod lower;
mod make;
mod memory;
mod ops;
mod places;
mod preserve;
mod probe;
mod ranges;
mod reclaim;
mod report;
mod sink;
mod splice;
mod state;
mod steps;
mod tier;
mod unit;
mod wide;

pub use report::{DroppedCosts, ForcedGuards, NativeBug, NativeCounts, UnitReport, UnitText};
pub use tier::Native;
