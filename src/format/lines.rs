//! Tokens and comments to lines: which line each begins, how far it is indented, and where long lines break.

use std::collections::{BTreeMap, BTreeSet};

use super::spacing::Spacing;
use super::writer::Writer;
use crate::syntax::ast::Span;
use crate::syntax::{Kind, Token};

/// Blanks for each level.
const INDENT: usize = 4;

/// What goes on with the line before, at the start of a line; and asks for more, at the end of one.
const LEADING: [Kind; 18] = [
    Kind::Dot,
    Kind::QuestionDot,
    Kind::Coalesce,
    Kind::Question,
    Kind::Colon,
    Kind::AndAnd,
    Kind::OrOr,
    Kind::Equal,
    Kind::NotEqual,
    Kind::Less,
    Kind::Greater,
    Kind::LessEqual,
    Kind::GreaterEqual,
    Kind::Plus,
    Kind::Star,
    Kind::Slash,
    Kind::Percent,
    Kind::Power,
];

/// What asks for more at the end of a line, beside those.
const TRAILING: [Kind; 17] = [
    Kind::Assign,
    Kind::PlusAssign,
    Kind::MinusAssign,
    Kind::StarAssign,
    Kind::SlashAssign,
    Kind::PercentAssign,
    Kind::PowerAssign,
    Kind::FatArrow,
    Kind::ThinArrow,
    Kind::Minus,
    Kind::Bang,
    Kind::Tilde,
    Kind::Ampersand,
    Kind::Pipe,
    Kind::Caret,
    Kind::ShiftLeft,
    Kind::ShiftRight,
];

/// A comment between two tokens.
pub(super) struct Comment {
    /// Without blanks at its end.
    pub(super) text: String,
    /// Line breaks before it.
    pub(super) breaks: usize,
    /// Its column, as written, from 0.
    pub(super) column: usize,
}

/// What stands between two tokens.
pub(super) struct Trivia {
    pub(super) comments: Vec<Comment>,
    /// Line breaks between the last comment and the token.
    pub(super) breaks: usize,
}

/// Takes the text between two tokens apart.
pub(super) fn trivia(text: &str) -> Trivia {
    let bytes = text.as_bytes();
    let mut found = Trivia { comments: Vec::new(), breaks: 0 };
    let (mut at, mut line) = (0, 0);
    while at < bytes.len() {
        let rest = &text[at..];
        let length = if rest.starts_with('#') || rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else {
            let char = rest.chars().next().map_or(1, char::len_utf8);
            if bytes[at] == b'\n' {
                found.breaks += 1;
                line = at + 1;
            }
            at += char;
            continue;
        };
        let breaks = std::mem::take(&mut found.breaks);
        let column = text[line..at].chars().count();
        found.comments.push(Comment { text: rest[..length].trim_end().to_owned(), breaks, column });
        at += length;
    }
    found
}

fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"*/" => {
                depth -= 1;
                at += 2;
            }
            b"/*" => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    at
}

/// A text on its way to its layout.
pub(super) struct Page<'a> {
    source: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) spacing: Spacing<'a>,
    /// By the start of their colon: where colon blocks with lines of their own end.
    pub(super) colon_blocks: BTreeMap<u32, u32>,
    /// Tokens that begin a line although they did not.
    pub(super) forced: BTreeSet<usize>,
}

/// One line of the result, without its indentation.
pub(super) struct Line {
    pub(super) level: usize,
    pub(super) text: String,
    /// Width of the code alone.
    pub(super) width: usize,
    /// The first token on it, and the one behind its last.
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) blank_before: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(source: &'a str, tokens: &'a [Token], colon_blocks: &[Span]) -> Self {
        Self {
            source,
            tokens,
            spacing: Spacing::new(source, tokens),
            colon_blocks: colon_blocks.iter().map(|span| (span.start, span.end)).collect(),
            forced: BTreeSet::new(),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::with_capacity(self.source.len() + self.source.len() / 8);
        if self.source.starts_with('\u{feff}') {
            out.push('\u{feff}');
        }
        for (index, line) in self.lines().iter().enumerate() {
            if line.blank_before && index > 0 {
                out.push('\n');
            }
            if !line.text.is_empty() {
                out.extend(std::iter::repeat_n(' ', line.level * INDENT));
                out.push_str(&line.text);
            }
            out.push('\n');
        }
        out
    }

    /// Breaks the widest bracket of each line that is too long, one element a line. Whether there was one.
    pub(super) fn break_long_lines(&mut self, width: usize) -> bool {
        let lines = self.lines();
        let before = self.forced.len();
        for line in lines.iter().filter(|line| line.level * INDENT + line.width > width) {
            if let Some((open, close)) = self.widest(line.first, line.end) {
                self.forced.extend(self.elements(open, close));
            }
        }
        self.forced.len() > before
    }

    /// The widest outermost bracket of tokens `first..end` that has its partner there and may be broken.
    fn widest(&self, first: usize, end: usize) -> Option<(usize, usize)> {
        let mut best: Option<(u32, usize, usize)> = None;
        let mut at = first;
        while at < end {
            let token = self.tokens[at];
            let opens = matches!(token.kind, Kind::LParen | Kind::LBracket)
                || token.kind == Kind::LBrace && self.spacing.is_tight_brace(at);
            let partner = token.value as usize;
            if token.kind == Kind::TemplateOpen && partner < end {
                at = partner;
            } else if opens && partner < end && partner > at + 1 {
                let width = self.tokens[partner].start - token.start;
                // A lone operand in parentheses reads no better on a line of its own; its own brackets may.
                if self.has_comma(at, partner) {
                    if best.is_none_or(|(widest, ..)| width > widest) {
                        best = Some((width, at, partner));
                    }
                    at = partner;
                }
            }
            at += 1;
        }
        best.map(|(_, open, close)| (open, close))
    }

    fn has_comma(&self, open: usize, close: usize) -> bool {
        self.elements(open, close).len() > 2
    }

    /// The tokens that begin a line when a bracket is broken: its elements, and its closing bracket.
    fn elements(&self, open: usize, close: usize) -> Vec<usize> {
        let mut found = vec![open + 1];
        let mut at = open + 1;
        while at < close {
            let token = self.tokens[at];
            let opens = matches!(token.kind, Kind::LParen | Kind::LBracket | Kind::LBrace | Kind::TemplateOpen);
            if opens && (token.value as usize) < close {
                at = token.value as usize;
            } else if token.kind == Kind::Comma && at + 1 < close {
                found.push(at + 1);
            }
            at += 1;
        }
        found.push(close);
        found
    }

    /// Lays everything out.
    fn lines(&self) -> Vec<Line> {
        let mut writer = Writer::new(self);
        let mut end = if self.source.starts_with('\u{feff}') { 3 } else { 0 };
        let mut index = 0;
        while index < self.tokens.len() {
            let token = self.tokens[index];
            let trivia = trivia(&self.source[end..token.start as usize]);
            // An interpolated string is one piece: its text stays as it is.
            let last = if token.kind == Kind::TemplateOpen { token.value as usize } else { index };
            writer.step(index, last, &trivia);
            end = self.tokens[last].end as usize;
            index = last + 1;
        }
        writer.lines
    }

    /// The column of a token, as written, from 0.
    pub(super) fn column(&self, index: usize) -> usize {
        let before = &self.source[..self.tokens[index].start as usize];
        before.rfind('\n').map_or(before, |at| &before[at + 1..]).chars().count()
    }

    pub(super) fn kind(&self, index: usize) -> Kind {
        self.tokens[index].kind
    }

    /// Whether a `;` here says nothing: the line or block ends anyway, and the next line does not go on.
    pub(super) fn is_idle_semicolon(&self, index: usize) -> bool {
        if self.kind(index) != Kind::Semicolon {
            return false;
        }
        let Some(next) = self.tokens.get(index + 1) else { return true };
        let ends = next.newline && !self.leads_on(index + 1) || matches!(next.kind, Kind::RBrace | Kind::End);
        let after_statement = index.checked_sub(1).is_some_and(|before| {
            !self.goes_on(before) && !matches!(self.kind(before), Kind::LBrace | Kind::Semicolon | Kind::Colon)
        });
        ends && after_statement && !self.is_in_round(index)
    }

    /// Whether the token stands in the head of a `for`: its bracket is a round one.
    fn is_in_round(&self, index: usize) -> bool {
        let mut depth = 0;
        for token in self.tokens[..index].iter().rev() {
            match token.kind {
                Kind::RParen | Kind::RBracket | Kind::RBrace => depth += 1,
                Kind::LParen | Kind::LBracket | Kind::LBrace if depth > 0 => depth -= 1,
                Kind::LParen => return true,
                Kind::LBrace | Kind::LBracket => return false,
                _ => {}
            }
        }
        false
    }

    /// Whether a token at the start of a line goes on with the line before.
    pub(super) fn leads_on(&self, index: usize) -> bool {
        match self.kind(index) {
            Kind::Reserved => matches!(self.word(index), "and" | "or"),
            kind => LEADING.contains(&kind),
        }
    }

    /// Whether a line that ends with this token goes on.
    pub(super) fn goes_on(&self, index: usize) -> bool {
        match self.kind(index) {
            _ if self.spacing.is_of_type(index) => false,
            Kind::Colon => !self.colon_blocks.contains_key(&self.tokens[index].start),
            Kind::Reserved => matches!(self.word(index), "and" | "or" | "not" | "in"),
            kind => LEADING.contains(&kind) || TRAILING.contains(&kind),
        }
    }

    pub(super) fn text_of(&self, first: usize, last: usize) -> &'a str {
        &self.source[self.tokens[first].start as usize..self.tokens[last].end as usize]
    }

    fn word(&self, index: usize) -> &'a str {
        self.text_of(index, index)
    }
}
