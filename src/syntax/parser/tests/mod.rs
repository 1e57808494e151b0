//! Tests of the parser, by table: a text, and its tree as an s-expression.

mod errors;
mod hostile;
mod linear;
mod printer;
mod trees;

use self::printer::Printer;
use crate::syntax::{Interner, Parsed, parse};

thread_local! {
    /// How often this thread's parsers have looked at a token, or at a byte of a line's indentation.
    pub(super) static LOOKS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// At most this many looks for each byte of a text, whatever it holds; most take under 5.
const LOOKS_PER_BYTE: u64 = 16;

/// How often `parse` looks at tokens and bytes.
fn looks(parse: impl FnOnce()) -> u64 {
    let before = LOOKS.get();
    parse();
    LOOKS.get() - before
}

fn parsed(source: &str) -> (Parsed, Interner) {
    let mut interner = Interner::new();
    let parsed = parse(source, &mut interner);
    (parsed, interner)
}

/// The messages of the errors, each with its place and help.
fn errors(source: &str) -> Vec<String> {
    let (parsed, _) = parsed(source);
    let text = |span: crate::syntax::ast::Span| &source[span.start as usize..(span.end as usize).min(source.len())];
    parsed
        .diagnostics
        .iter()
        .map(|error| {
            let help = error.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
            format!("[{}] {}{help}", text(error.span), error.message)
        })
        .collect()
}

/// The tree of a text without errors.
fn tree(source: &str) -> String {
    let (parsed, interner) = parsed(source);
    assert!(parsed.diagnostics.is_empty(), "{source}\n{:#?}", parsed.diagnostics);
    Printer { interner: &interner }.stmts(&parsed.program.stmts)
}

fn check(table: &[(&str, &str)]) {
    for (source, expected) in table {
        assert_eq!(tree(source), *expected, "{source}");
    }
}
