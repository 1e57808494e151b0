//! Errors as the user sees them: a message, the place in the source with a caret, and what to do.
//!
//! Syntax errors and, through [`render_place`], run-time errors share one look.

use std::fmt::Write as _;
use std::sync::OnceLock;

use unicode_width::UnicodeWidthStr as _;

use super::SourceMap;
use super::ast::Span;

/// At most this many errors are reported for one file.
pub const MAX_DIAGNOSTICS: usize = 50;
/// The most characters of a source line that are shown.
const MAX_SHOWN: usize = 110;
/// How many characters are kept before the caret in a shortened line.
const SHOWN_BEFORE: usize = 50;

/// One error and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, without a final stop.
    pub message: String,
    /// Where.
    pub span: Span,
    /// A few words beside the caret.
    pub label: Option<String>,
    /// Other places that matter, such as where a bracket was opened.
    pub notes: Vec<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without label, notes or help.
    pub fn new(message: impl Into<String>, span: Span) -> Self {
        Self { message: message.into(), span, label: None, notes: Vec::new(), help: None }
    }

    /// With a few words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With another place that matters.
    #[must_use]
    pub fn note(mut self, span: Span, text: impl Into<String>) -> Self {
        self.notes.push((span, text.into()));
        self
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A source text that can tell lines and columns.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The name as shown in errors.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Where each line begins; found when it is first asked for.
    line_starts: OnceLock<Vec<u32>>,
}

impl SourceFile {
    /// Takes the text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), line_starts: OnceLock::new() }
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect()
        })
    }

    /// The line and the column of a byte offset, both from 1. A column counts characters, a tab as one;
    /// an offset past the end counts as the end.
    pub fn line_col(&self, offset: u32) -> (usize, usize) {
        let offset = self.floor(offset);
        let line = self.line_starts().partition_point(|start| *start as usize <= offset).max(1);
        let start = self.line_starts()[line - 1] as usize;
        let text = &self.text[start..offset];
        let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
        (line, text.chars().count() + 1)
    }

    /// The text of a line, counted from 1, without its line end; empty if there is no such line.
    pub fn line_text(&self, line: usize) -> &str {
        let Some(start) = line.checked_sub(1).and_then(|index| self.line_starts().get(index)) else {
            return "";
        };
        let end = self.line_starts().get(line).map_or(self.text.len(), |next| *next as usize - 1);
        let text = &self.text[*start as usize..end];
        let text = text.strip_suffix('\r').unwrap_or(text);
        if line == 1 { text.trim_start_matches('\u{feff}') } else { text }
    }

    /// How many lines there are; at least one.
    pub fn line_count(&self) -> usize {
        self.line_starts().len()
    }

    /// The nearest character boundary at or before `offset`.
    fn floor(&self, offset: u32) -> usize {
        self.text.floor_char_boundary(offset as usize)
    }
}

/// The whole error as text, ending in a newline. `kind` is what stands before the message: `error`.
pub fn render(sources: &SourceMap, kind: &str, diagnostic: &Diagnostic, color: bool) -> String {
    let paint = Paint { color };
    let mut text = format!("{}: {}\n", paint.red(kind), paint.bold(&visible(&diagnostic.message)));
    let (file, local) = sources.local(diagnostic.span);
    text.push_str(&render_place(file, local, diagnostic.label.as_deref(), color));
    for (span, note) in &diagnostic.notes {
        let _ = writeln!(text, "{}: {}", paint.blue("note"), visible(note));
        let (file, local) = sources.local(*span);
        text.push_str(&render_place(file, local, None, color));
    }
    if let Some(help) = &diagnostic.help {
        let (line, _) = file.line_col(local.start);
        let margin = " ".repeat(line.to_string().len());
        let _ = writeln!(text, "{margin} {} {}", paint.blue("="), paint.bold("help:") + " " + &visible(help));
    }
    text
}

/// The `--> file:line:column` line, the source line and the caret, ending in a newline.
pub fn render_place(file: &SourceFile, span: Span, label: Option<&str>, color: bool) -> String {
    let paint = Paint { color };
    let (line, column) = file.line_col(span.start);
    let source = file.line_text(line);
    let length = caret_length(file, span, line, column);
    let (shown, before, carets) = window(source, column - 1, length);
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let bar = paint.blue("|");
    let mut text = format!("{margin}{} {}:{line}:{column}\n{margin} {bar}\n", paint.blue("-->"), visible(&file.name));
    let _ = writeln!(text, "{} {bar} {shown}", paint.blue(&number));
    let caret = "^".repeat(carets);
    let label = label.map_or(String::new(), |label| format!(" {}", visible(label)));
    let _ = writeln!(text, "{margin} {bar} {}{}", " ".repeat(before), paint.red(&(caret + &label)));
    text
}

/// How many characters of the first line the span covers; at least one.
fn caret_length(file: &SourceFile, span: Span, line: usize, column: usize) -> usize {
    let (start, end) = (file.floor(span.start), file.floor(span.end));
    let covered = if end > start { file.text[start..end].chars().take_while(|c| *c != '\n').count() } else { 1 };
    let rest = file.line_text(line).chars().count().saturating_sub(column - 1);
    covered.min(rest).max(1)
}

/// The part of a line around the caret, control characters made visible; with it the shown columns
/// before the caret, and the length of the caret.
fn window(source: &str, column: usize, length: usize) -> (String, usize, usize) {
    let count = source.chars().count();
    let (from, to) = if count <= MAX_SHOWN {
        (0, count)
    } else {
        let from = column.saturating_sub(SHOWN_BEFORE).min(count - MAX_SHOWN);
        (from, from + MAX_SHOWN)
    };
    let mut shown = String::new();
    if from > 0 {
        shown.push_str("...");
    }
    let (mut before, mut carets) = (shown.chars().count(), 0);
    for (index, char) in source.chars().enumerate().skip(from).take(to - from) {
        let piece = visible_char(char);
        let width = piece.width();
        if index < column {
            before += width;
        } else if index < column + length {
            carets += width;
        }
        shown.push_str(&piece);
    }
    if to < count {
        shown.push_str("...");
    }
    (shown, before, carets.max(1))
}

/// A text with its control characters made visible.
fn visible(text: &str) -> String {
    text.chars().map(visible_char).collect()
}

fn visible_char(char: char) -> String {
    match char {
        '\t' => " ".to_owned(),
        '\0'..='\u{1f}' => char::from_u32(0x2400 + char as u32).map_or(String::new(), String::from),
        '\u{7f}' => "\u{2421}".to_owned(),
        // Bidirectional overrides and invisible characters could make a line look like another.
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => {
            format!("\\u{{{:x}}}", char as u32)
        }
        _ => char.to_string(),
    }
}

struct Paint {
    color: bool,
}

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn red(&self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn blue(&self, text: &str) -> String {
        self.with("1;34", text)
    }

    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }
}

/// The candidate that `name` was probably meant to be: the one at the least edit distance (insertion,
/// deletion, change, exchange of neighbours), if that is at most a third of the name's length. Of
/// several the first wins.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    if length > 64 {
        return None;
    }
    let limit = match length {
        0 | 1 => return None,
        2 => 1,
        3..=5 => length / 2,
        _ => length.div_ceil(3),
    };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate == name || candidate.len().abs_diff(name.len()) > limit * 4 {
            continue;
        }
        let distance = edit_distance(name, candidate);
        // Something of the word must remain.
        if distance <= limit && distance < candidate.chars().count() && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Optimal string alignment, without regard to case.
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns() {
        let file = SourceFile::new("f.zx", "ab\r\n\té€x\n");
        assert_eq!(file.line_col(0), (1, 1));
        assert_eq!(file.line_col(4), (2, 1));
        assert_eq!(file.line_col(5), (2, 2));
        assert_eq!(file.line_col(10), (2, 4));
        assert_eq!(file.line_col(999), (3, 1));
        assert_eq!(file.line_text(1), "ab");
        assert_eq!(file.line_text(2), "\té€x");
        assert_eq!((file.line_text(3), file.line_text(4), file.line_count()), ("", "", 3));
        let marked = SourceFile::new("f.zx", "\u{feff}x");
        assert_eq!((marked.line_col(3), marked.line_text(1)), ((1, 1), "x"));
    }

    #[test]
    fn the_look() {
        let file = SourceFile::new("file.zx", "\n\n    let x = = 5\n}");
        let error = Diagnostic::new("expected an expression", Span::new(14, 15))
            .label("here")
            .note(Span::new(18, 19), "closed here")
            .help("leave one out");
        let text = "error: expected an expression\n --> file.zx:3:13\n  |\n3 |     let x = = 5\n  |             ^ here\n\
                    note: closed here\n --> file.zx:4:1\n  |\n4 | }\n  | ^\n  = help: leave one out\n";
        let file = SourceMap::from(file);
        assert_eq!(render(&file, "error", &error, false), text);
        assert!(render(&file, "error", &error, true).contains("\x1b[1;31merror\x1b[0m"));
    }

    #[test]
    fn long_and_strange_lines() {
        let file = SourceFile::new("f", format!("{}\0\x1b!{}", "a".repeat(5000), "b".repeat(5000)));
        let text = render_place(&file, Span::new(5000, 5002), None, false);
        assert!(text.lines().all(|line| line.chars().count() < 130), "{text}");
        assert!(text.contains("...a") && text.contains("b...") && text.contains("\u{2400}\u{241b}!"), "{text}");
        assert!(text.ends_with(" ^^\n"), "{text}");
        // Past the end, and inside a character.
        render_place(&file, Span::new(99_999, 0), None, false);
        render_place(&SourceFile::new("f", "é"), Span::new(1, 1), None, false);
    }

    #[test]
    fn nearest_name() {
        let words = ["while", "action", "balance", "if", "for"];
        let find = |name| nearest(name, words.into_iter());
        assert_eq!(find("whlie"), Some("while"));
        assert_eq!(find("acton"), Some("action"));
        assert_eq!(find("balence"), Some("balance"));
        assert_eq!(find("fi"), Some("if"));
        assert_eq!(find("zebra"), None);
        assert_eq!(find("x"), None);
        assert_eq!(find("while"), None);
    }
}
