//! What a user sees of a mistake: every program in `tests/diagnostics` against the text beside it.
//!
//! `ZX_UPDATE=1 cargo test --test diagnostics` writes the texts anew; read the difference before committing it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

/// The names of the files in the folder that end in `.extension`, without it, sorted.
fn names(extension: &str) -> Vec<String> {
    let entries = fs::read_dir(folder()).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let fitting = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    let mut names: Vec<String> =
        fitting.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What `zx-run` says of a program, and its exit status.
fn said(name: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_zx-run"))
        .arg(format!("{name}.zx"))
        .current_dir(folder())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("zx-run starts");
    let status = output.status.code().map_or("none".to_owned(), |code| code.to_string());
    let errors = String::from_utf8(output.stderr).expect("text");
    format!("{errors}[exit status {status}]\n")
}

#[test]
fn every_mistake_is_told_as_written_beside_it() {
    let update = std::env::var_os("ZX_UPDATE").is_some();
    let programs = names("zx");
    assert!(programs.len() >= 40, "{} programs", programs.len());
    let mut wrong = Vec::new();
    for name in &programs {
        let path = folder().join(format!("{name}.txt"));
        let said = said(name);
        if update {
            fs::write(&path, said).expect("written");
        } else if fs::read_to_string(&path).unwrap_or_default() != said {
            wrong.push(format!("--- {name}.zx says\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "these differ from the texts beside them:\n{}", wrong.join("\n"));
}

/// A text whose program is gone would hide that nothing checks it any more.
#[test]
fn every_text_has_its_program() {
    assert_eq!(names("txt"), names("zx"));
}

/// However a mistake is told, a program with one must not run.
#[test]
fn every_program_fails() {
    for name in names("zx") {
        let said = said(&name);
        assert!(said.starts_with("error"), "{name}: {said}");
        assert!(!said.ends_with("[exit status 0]\n"), "{name}: {said}");
    }
}
