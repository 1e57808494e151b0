//! `zx-run --dump DIR`: what was compiled, as text: bytecode, what Cranelift was given, machine code.

use std::path::Path;

use crate::engine::Program;

use super::status;

/// As [`Program::write_texts`]. Gives the exit status if that does not work.
pub(super) fn write(folder: Option<&Path>, program: &Program) -> Result<(), i32> {
    let Some(folder) = folder else { return Ok(()) };
    program.write_texts(folder).map_err(|error| {
        tellln!("error: --dump: cannot write to {}: {error}", folder.display());
        status::FAILED
    })
}
