//! `zx-run --dump DIR`: what was compiled, as text: bytecode, what Cranelift was given, machine code.

use std::path::Path;

use crate::engine::Program;

use super::status;

/// Writes `bytecode.txt`, and a `.clif` and an `.asm` for each loop and action that is native code. Gives the exit status
/// if that does not work.
pub(super) fn write(folder: Option<&Path>, program: &Program) -> Result<(), i32> {
    let Some(folder) = folder else { return Ok(()) };
    write_all(folder, program).map_err(|error| {
        tellln!("error: --dump: cannot write to {}: {error}", folder.display());
        status::FAILED
    })
}

fn write_all(folder: &Path, program: &Program) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("bytecode.txt"), program.dump_bytecode())?;
    for (site, clif, assembly) in program.native_texts() {
        let name = file_name(&site);
        std::fs::write(folder.join(format!("{name}.clif")), clif)?;
        std::fs::write(folder.join(format!("{name}.asm")), assembly)?;
    }
    Ok(())
}

/// `loop dir/main.zx:8:1` as the name of a file.
fn file_name(site: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
    site.chars().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_becomes_one_name() {
        assert_eq!(file_name("loop dir/main.zx:8:1"), "loop-dir-main.zx-8-1");
        assert_eq!(file_name("action <command line>:1:1"), "action--command-line--1-1");
    }
}
