//! Bytecode: one declarative table of operations, the compiler from the resolved tree, a verifier and a
//! disassembler.
//!
//! The room knows the resolved tree and what the runtime knows of a program. It never runs anything, and it decides
//! nothing that a program could notice: gas is charged where the tree says, and operations are the runtime's.

mod builder;
mod call;
mod code;
mod condition;
mod disassemble;
mod expr;
mod inline;
mod jump_table;
mod machine;
mod matching;
mod op;
mod planted;
mod stmt;
mod unwind;
mod verify;
#[cfg(test)]
mod verify_tests;

pub use builder::compile;
pub use code::{Closure, Code, Handler, Inlined};
pub use machine::{Arrived, Machine, NativeTier};
pub use matching::pattern_shape;
pub use op::{Extension, Instr, Op, Operand, Shape};
pub use planted::PlantedBug;
pub use verify::{is_storable, verify};
