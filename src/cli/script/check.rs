//! `--check`: what the text of a program shows to be wrong, for people or for tools.

use serde::Serialize;

use super::{CheckFormat, status, syntax_errors};
use crate::engine::{FileLoader, Problem, Program, Region};

/// One diagnostic as `docs/check.md` describes it. Fields may be added, none is taken away.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    severity: &'static str,
    message: &'a str,
    suggestion: Option<&'a str>,
    notes: Vec<Note<'a>>,
}

#[derive(Serialize)]
struct Note<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    message: &'a str,
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// Checks a program; gives the exit status.
pub(super) fn check(name: &str, source: &str, loader: &FileLoader, format: CheckFormat) -> i32 {
    let Err(errors) = Program::compile_with(source, name, loader) else { return status::OK };
    match format {
        CheckFormat::Text => syntax_errors(name, &errors),
        CheckFormat::Json => {
            let lines: Vec<String> = errors.problems.iter().map(line).collect();
            super::say(&(lines.join("\n") + "\n"), status::SYNTAX)
        }
    }
}

fn line(problem: &Problem) -> String {
    let notes = problem.notes.iter().map(|(region, message)| Note { place: place(region), message }).collect();
    let record = Record {
        place: place(&problem.region),
        severity: "error",
        message: &problem.message,
        suggestion: problem.suggestion.as_deref(),
        notes,
    };
    serde_json::to_string(&record).expect("text and numbers always become JSON")
}

fn place(region: &Region) -> Place<'_> {
    let Region { file, line, column, end_line, end_column } = region;
    Place { file, line: *line, column: *column, end_line: *end_line, end_column: *end_column }
}
