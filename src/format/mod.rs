//! The formatter: the one layout of a program's text. It changes blanks, line breaks inside brackets and empty
//! statements, and nothing else: comments, names and literals stay as they are written, and so does the choice
//! between braces and colon blocks.
//!
//! The room knows tokens and the tree of `syntax`, to prove that the formatted text means the same; it must never
//! give out a text that does not parse to an equal tree.

mod lines;
mod spacing;
mod writer;

use crate::syntax::{Interner, SourceFile, diagnostic, parse, tokens};

/// Columns that a line should not pass.
const WIDTH: usize = 100;
/// A line is broken at most so often: a bound for texts that nothing helps.
const ROUNDS: usize = 50;

/// Why a text was not formatted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// It does not parse; the errors as a user sees them.
    Syntax(String),
    /// The result would not mean the same: a fault of the formatter.
    Changed,
}

/// The formatted text of a program. `name` stands in error texts.
pub fn format(source: &str, name: &str) -> Result<String, FormatError> {
    // Deep trees are compared as text, which recurses.
    stacker::grow(64 << 20, || checked(source, name))
}

fn checked(source: &str, name: &str) -> Result<String, FormatError> {
    let before = shape(source).map_err(|errors| FormatError::Syntax(rendered(source, name, &errors)))?;
    let formatted = layout(source);
    match shape(&formatted) {
        Ok(after) if after == before && comments(source) == comments(&formatted) => Ok(formatted),
        _ => Err(FormatError::Changed),
    }
}

fn rendered(source: &str, name: &str, errors: &[diagnostic::Diagnostic]) -> String {
    let file = SourceFile::new(name, source).into();
    errors.iter().map(|error| diagnostic::render(&file, "error", error, false)).collect::<Vec<_>>().join("\n")
}

fn layout(source: &str) -> String {
    let mut interner = Interner::new();
    let colon_blocks = parse(source, &mut interner).colon_blocks;
    let tokens = tokens(source, &mut interner);
    let mut page = lines::Page::new(source, &tokens, &colon_blocks);
    for _ in 0..ROUNDS {
        if !page.break_long_lines(WIDTH) {
            break;
        }
    }
    page.text()
}

/// The tree without places, as text.
fn shape(source: &str) -> Result<String, Vec<diagnostic::Diagnostic>> {
    let parsed = parse(source, &mut Interner::new());
    if !parsed.diagnostics.is_empty() {
        return Err(parsed.diagnostics);
    }
    let text = format!("{:?}", parsed.program);
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split("Span { start: ");
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.push_str(piece.split_once('}').map_or(piece, |(_, rest)| rest));
    }
    Ok(out)
}

/// The comments of a text, in order, without blanks at their ends.
pub fn comments(source: &str) -> Vec<String> {
    let mut interner = Interner::new();
    let tokens = tokens(source, &mut interner);
    let mut found = Vec::new();
    let mut end = 0;
    for token in &tokens {
        // Nothing between the pieces of an interpolated string is a comment.
        if (token.start as usize) > end {
            found.extend(lines::trivia(&source[end..token.start as usize]).comments.into_iter().map(|each| each.text));
        }
        end = end.max(token.end as usize);
    }
    found
}
