//! Notes the compiler's version for the fingerprint of a run, and a fingerprint of the language's own source for the
//! cache of compiled programs: what another source has compiled is not taken for this one's.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The rooms that decide what a program's tables and code are, and what they mean.
const ROOMS: [&str; 8] = ["bytecode", "cache", "engine", "resolve", "runtime", "syntax", "value", "vm"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    if let Ok(output) = Command::new(rustc).arg("--version").output()
        && let Ok(version) = String::from_utf8(output.stdout)
    {
        println!("cargo::rustc-env=ZX_RUSTC={}", version.trim());
    }
    println!("cargo::rustc-env=ZX_SOURCE_FINGERPRINT={:032x}", fingerprint());
}

/// FNV-1a, 128 bits, over names and contents of the rooms' files in order. It keeps honest versions apart; that a file
/// is the user's own is the checksum's business.
fn fingerprint() -> u128 {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for room in ROOMS {
        println!("cargo::rerun-if-changed=src/{room}");
        for file in files(&root.join("src").join(room)) {
            let name = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            let content = std::fs::read(&file).unwrap_or_default();
            for part in [name.as_bytes(), &(content.len() as u64).to_le_bytes(), &content] {
                for byte in part {
                    hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
                }
            }
        }
    }
    hash
}

/// The Rust files below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
