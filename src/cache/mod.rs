//! Compiled programs on disk: what a second run needs in order to parse nothing.
//!
//! An entry holds the tables that the runtime knows a program by, constants, and the bytecode of every action, with
//! spans and loop entries; never native code, hashes or addresses. It may hold anything at all when it is read: bytes
//! are checked against a checksum with a key of the user's own, tables and code against their own rules, so that
//! whatever is accepted runs in safety. Anything wrong is a miss, and is not told.
//!
//! The room knows bytecode and the runtime's tables. It never runs, parses or compiles anything, and no failure of it
//! may be an error of the program: `engine` decides when it is used.
//!
//! - `file`: header, checksum; `directory`: the folder, its key, writing, eviction
//! - `program`, `code`, `value`: tables, code and constants as bytes and back; `tables`: the check of the tables

mod code;
mod directory;
mod file;
mod program;
mod tables;
mod value;

pub use directory::{Contents, Directory};
pub use file::{Identity, Key, Kind, open, seal};
pub use program::{StoredProgram, encode_program};
