//! `--fmt`: the one layout of programs.

use std::path::Path;

use super::{read, say, status};
use crate::format::{FormatError, format};

/// Formats files in place, or standard input to standard output; with `check` only names those that would change.
/// Gives the exit status: the worst of all files.
pub(super) fn run<'a>(files: impl Iterator<Item = &'a Path>, check: bool) -> i32 {
    files.map(|file| one(file, check)).max().unwrap_or(status::OK)
}

fn one(file: &Path, check: bool) -> i32 {
    let (name, source) = match read(file) {
        Ok(read) => read,
        Err(message) => {
            tellln!("error: {message}");
            return status::USAGE;
        }
    };
    let formatted = match format(&source, &name) {
        Ok(formatted) => formatted,
        Err(FormatError::Syntax(errors)) => {
            tell!("{errors}");
            return status::SYNTAX;
        }
        Err(FormatError::Changed) => {
            tellln!(
                "error: {name} is left alone: formatted, it would not mean the same, which is a bug of the formatter"
            );
            return status::FAILED;
        }
    };
    match (check, file == Path::new("-")) {
        (true, _) | (false, false) if formatted == source => status::OK,
        (true, _) => say(&format!("{name}\n"), status::FAILED),
        (false, true) => say(&formatted, status::OK),
        (false, false) => match std::fs::write(file, formatted) {
            Ok(()) => status::OK,
            Err(error) => {
                tellln!("error: cannot write {name}: {error}");
                status::FAILED
            }
        },
    }
}
