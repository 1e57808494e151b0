//! The walk over tokens and comments that makes lines.

use super::lines::{Line, Page, Trivia};
use crate::syntax::Kind;

/// Something that indents what stands in it.
#[derive(Clone, Copy)]
struct Open {
    /// Level of the lines in it.
    inside: usize,
    /// Level of the line that opened it: its closing bracket stands there.
    line: usize,
    /// Where a colon block ends; a bracket ends at its partner.
    colon_end: Option<u32>,
}

/// What has been written so far.
pub(super) struct Writer<'p, 'a> {
    page: &'p Page<'a>,
    open: Vec<Open>,
    pub(super) lines: Vec<Line>,
    /// The last token written.
    last: Option<usize>,
}

impl<'p, 'a> Writer<'p, 'a> {
    pub(super) fn new(page: &'p Page<'a>) -> Self {
        Self { page, open: Vec::new(), lines: Vec::new(), last: None }
    }

    /// Writes the comments before a token, and the piece from it to token `end`.
    pub(super) fn step(&mut self, index: usize, end: usize, trivia: &Trivia) {
        let token = self.page.tokens[index];
        let is_end = token.kind == Kind::End;
        self.leave_colon_blocks(index, trivia);
        let mut breaks_line = false;
        for (nth, comment) in trivia.comments.iter().enumerate() {
            if comment.breaks == 0 && !self.lines.is_empty() && !breaks_line {
                self.trail(&comment.text);
            } else {
                let level = self.comment_level(index, comment.column);
                self.begin(level, comment.breaks > 1 && (nth > 0 || !self.is_after_opening()), index);
                self.append(&comment.text, false);
            }
            // What follows a comment to the end of the line stands on the next.
            breaks_line = !comment.text.starts_with("/*");
        }
        self.close_colon_blocks(token.start);
        if is_end || self.page.is_idle_semicolon(index) {
            return;
        }
        let newline = token.newline || breaks_line || self.page.forced.contains(&index);
        if newline || self.lines.is_empty() {
            let level = self.level(index);
            // No empty line directly inside a bracket.
            let at_edge = trivia.comments.is_empty() && self.is_after_opening()
                || matches!(token.kind, Kind::RParen | Kind::RBracket | Kind::RBrace);
            self.begin(level, trivia.breaks > 1 && !at_edge, index);
        } else if self.last.is_none() || self.page.spacing.blank_before(index) || !trivia.comments.is_empty() {
            self.append(" ", true);
        }
        self.append(self.page.text_of(index, end), true);
        self.count(index, end);
    }

    /// Brackets and colon blocks that the token opens or closes.
    fn count(&mut self, index: usize, end: usize) {
        let token = self.page.tokens[index];
        let line = self.lines.last().map_or(0, |line| line.level);
        match token.kind {
            Kind::LParen | Kind::LBracket | Kind::LBrace => {
                self.open.push(Open { inside: line + 1, line, colon_end: None });
            }
            Kind::RParen | Kind::RBracket | Kind::RBrace => {
                self.open.pop();
            }
            Kind::Colon => {
                if let Some(&colon_end) = self.page.colon_blocks.get(&token.start) {
                    self.open.push(Open { inside: line + 1, line, colon_end: Some(colon_end) });
                }
            }
            _ => {}
        }
        self.last = Some(end);
        if let Some(line) = self.lines.last_mut() {
            line.end = end + 1;
        }
    }

    /// Before the comments: colon blocks that end here and whose lines are further right than all comments.
    fn leave_colon_blocks(&mut self, index: usize, trivia: &Trivia) {
        if trivia.comments.is_empty() {
            self.close_colon_blocks(self.page.tokens[index].start);
        }
    }

    fn close_colon_blocks(&mut self, start: u32) {
        while self.open.last().is_some_and(|open| open.colon_end.is_some_and(|end| end <= start)) {
            self.open.pop();
        }
    }

    /// A comment on a line of its own stands with what follows, unless it ends the block before: a colon block's
    /// last comments are those further right than what follows.
    fn comment_level(&mut self, index: usize, column: usize) -> usize {
        let token = self.page.tokens[index];
        if token.kind == Kind::End || column <= self.page.column(index) {
            let closes = matches!(token.kind, Kind::RParen | Kind::RBracket | Kind::RBrace);
            if !closes && (column == 0 || token.kind != Kind::End) {
                self.close_colon_blocks(token.start);
            }
        }
        self.open.last().map_or(0, |open| open.inside)
    }

    /// The level of a line that begins with this token.
    fn level(&self, index: usize) -> usize {
        let base = self.open.last().map_or(0, |open| open.inside);
        if matches!(self.page.kind(index), Kind::RParen | Kind::RBracket | Kind::RBrace) {
            return self.open.last().map_or(0, |open| open.line);
        }
        let goes_on = self.last.is_some_and(|last| self.page.goes_on(last));
        base + usize::from(goes_on || self.page.leads_on(index))
    }

    fn is_after_opening(&self) -> bool {
        self.last.is_none_or(|last| matches!(self.page.kind(last), Kind::LParen | Kind::LBracket | Kind::LBrace))
    }

    fn begin(&mut self, level: usize, blank_before: bool, first: usize) {
        let blank_before = blank_before && !self.lines.is_empty();
        self.lines.push(Line { level, text: String::new(), width: 0, first, end: first, blank_before });
    }

    /// A comment behind code.
    fn trail(&mut self, comment: &str) {
        let Some(line) = self.lines.last_mut() else { return };
        if !line.text.is_empty() {
            line.text.push_str(if comment.starts_with("/*") { " " } else { "  " });
        }
        line.text.push_str(comment);
    }

    fn append(&mut self, text: &str, is_code: bool) {
        let Some(line) = self.lines.last_mut() else { return };
        line.text.push_str(text);
        if is_code {
            // Of a text over several lines, the first stands on this one.
            let first = text.split('\n').next().unwrap_or_default();
            line.width += first.chars().count();
        }
    }
}
