//! Blocks in braces or after a colon, the ends of statements, and recovery after a mistake.

use super::{Failed, Parse, Parser, STATEMENT};
use crate::syntax::ast::{Block, Span, Stmt, StmtKind};
use crate::syntax::diagnostic::Diagnostic;
use crate::syntax::token::{Kind, NONE};
use crate::syntax::words;

/// How many mistakes are recovered from, reported or not, before the rest of a file is left alone.
const MAX_RECOVERIES: usize = 200;

/// A body that has been opened, and what the parser was doing before.
pub(super) struct Body {
    shape: Shape,
    /// The token that opened it.
    open: usize,
    outer_indent: u32,
    /// The indentation of the line its statement starts on (colon blocks only).
    base: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Braces,
    /// The lines below, indented alike.
    Indented,
    /// One statement on the line of the colon.
    OneLine,
    /// Indented lines whose `{` is missing, which has been reported.
    Assumed,
}

impl Parser<'_> {
    /// The statements of the whole file.
    pub(super) fn file(&mut self) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        loop {
            self.statements(&mut stmts);
            if self.kind() == Kind::End {
                return stmts;
            }
            let message = format!("unexpected {}: no bracket is open here", self.found());
            self.report(Diagnostic::new(message, self.token().span()));
            self.next();
        }
    }

    /// Statements up to a `}` or the end of the present colon block.
    fn statements(&mut self, stmts: &mut Vec<Stmt>) {
        loop {
            while self.eat(Kind::Semicolon) {}
            if self.at_block_end() {
                return;
            }
            let start = self.pos;
            stmts.push(self.recovering(Self::whole_statement));
            if self.pos == start {
                self.next();
            }
        }
    }

    /// Whether the present token cannot belong to the statements of this block.
    pub(super) fn at_block_end(&mut self) -> bool {
        matches!(self.kind(), Kind::RBrace | Kind::End | Kind::TemplateExprClose) || self.is_dedent()
    }

    /// Whether the present token starts a line to the left of the present colon block.
    pub(super) fn is_dedent(&self) -> bool {
        self.indent > 0 && self.token().newline && self.column(self.pos) < self.indent
    }

    /// Runs `parse`; if it fails, skips to where the next statement or member can start.
    fn recovering(&mut self, parse: fn(&mut Self) -> Parse<Stmt>) -> Stmt {
        let start = self.pos;
        let span = self.token().span();
        let done = self.recover(parse);
        done.unwrap_or_else(|| Stmt { kind: StmtKind::Error, span: self.tokens[start.min(self.pos)].span().to(span) })
    }

    /// As [`Self::recovering`], for anything.
    pub(super) fn recover<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Option<T> {
        let start = self.pos;
        let saved = (self.depth, self.operands.len(), self.operators.len(), self.context, self.indent);
        if let Ok(value) = parse(self) {
            return Some(value);
        }
        self.depth = saved.0;
        self.operands.truncate(saved.1);
        self.operators.truncate(saved.2);
        self.context = saved.3;
        self.indent = saved.4;
        self.recoveries += 1;
        if self.recoveries > MAX_RECOVERIES {
            self.give_up();
        }
        self.skip_statement(start);
        None
    }

    /// From the start of a statement that failed at the present token to the start of the next.
    fn skip_statement(&mut self, start: usize) {
        let failed_at = self.pos;
        if self.resume == failed_at && failed_at > start || self.kind() == Kind::End {
            return;
        }
        self.pos = start;
        let mut arrived = false;
        while self.pos < failed_at || !self.at_boundary(start) {
            if self.kind() == Kind::End {
                return;
            }
            if self.pos >= failed_at && !std::mem::replace(&mut arrived, true) {
                self.skipped = (start, self.pos);
            }
            // A statement inside, which failed before, was skipped over these tokens already.
            if self.pos == self.skipped.0 && self.skipped.1 <= failed_at && self.pos < self.skipped.1 {
                self.pos = self.skipped.1;
                continue;
            }
            let token = self.token();
            let opens = matches!(
                token.kind,
                Kind::LParen | Kind::LBracket | Kind::LBrace | Kind::TemplateExprOpen | Kind::TemplateOpen
            );
            if opens && token.value != NONE {
                self.pos = token.value as usize;
            } else if self.pos >= failed_at && matches!(token.kind, Kind::RBrace | Kind::TemplateExprClose) {
                return;
            }
            let block = token.kind == Kind::LBrace && token.value != NONE;
            self.next();
            if block && self.pos > failed_at {
                self.block_end = self.pos;
            }
        }
    }

    fn at_boundary(&self, start: usize) -> bool {
        let token = self.token();
        if matches!(token.kind, Kind::RBrace | Kind::End | Kind::Semicolon | Kind::TemplateExprClose) {
            return true;
        }
        let clause = [words::ELSE, words::ELIF, words::CATCH, words::FINALLY].iter().any(|word| token.is(*word));
        let tail = token.is(words::FROM) && self.ahead(1).kind == Kind::Str
            || token.is(words::WHILE) && !token.newline && self.text(self.tokens[start].span()) == "do";
        !clause && !tail && self.pos > start && (token.newline || self.block_end == self.pos)
    }

    /// Whether a statement may end before the present token.
    pub(super) fn at_statement_end(&self) -> bool {
        let token = self.token();
        token.newline
            || self.block_end == self.pos
            || matches!(token.kind, Kind::Semicolon | Kind::RBrace | Kind::End | Kind::TemplateExprClose)
    }

    /// A statement and its end.
    fn whole_statement(&mut self) -> Parse<Stmt> {
        let start = self.pos;
        let stmt = self.statement()?;
        if self.at_statement_end() {
            return Ok(stmt);
        }
        self.unfinished(start)
    }

    /// A block in braces or after a colon; `head` is the token its statement starts with.
    pub(super) fn block(&mut self, head: usize) -> Parse<Block> {
        let body = self.open_body(head)?;
        let start = self.tokens[body.open].span();
        let mut stmts = Vec::new();
        if body.shape == Shape::OneLine {
            if self.at_statement_end() {
                return self.fail_expected("a statement after `:`");
            }
            stmts.push(self.statement()?);
        } else {
            let context = std::mem::replace(&mut self.context, STATEMENT);
            self.statements(&mut stmts);
            self.context = context;
        }
        self.close_body(&body)?;
        Ok(Block { stmts, span: self.span_from(start) })
    }

    /// Opens the body of a declaration or statement.
    pub(super) fn open_body(&mut self, head: usize) -> Parse<Body> {
        self.enter()?;
        let (open, outer_indent) = (self.pos, self.indent);
        let (shape, base) = if self.eat(Kind::LBrace) {
            self.indent = 0;
            (Shape::Braces, 0)
        } else if self.eat(Kind::Colon) {
            self.colon_shape(head)?
        } else {
            let head_column = self.line_indent(head);
            self.missing_block(head_column)?
        };
        Ok(Body { shape, open, outer_indent, base })
    }

    /// Reports that a `{` is missing. Lines that are indented are the block all the same.
    fn missing_block(&mut self, outer: u32) -> Parse<(Shape, u32)> {
        let message = format!("expected `{{`, found {}", self.found());
        let token = self.token();
        if token.newline && token.kind != Kind::End {
            let end = self.last_end();
            let diagnostic = Diagnostic::new("expected `{` at the end of this line", Span::new(end, end));
            self.report(diagnostic.help("a block is written `{ ... }`, or `:` and lines indented below"));
            let inner = self.column(self.pos);
            if inner <= outer {
                return Err(Failed);
            }
            self.indent = inner;
            return Ok((Shape::Assumed, outer));
        }
        let mut diagnostic = Diagnostic::new(message, token.span());
        if self.kind() == Kind::Assign {
            diagnostic = diagnostic.help("`==` compares, `=` assigns");
        }
        self.fail(diagnostic)
    }

    fn colon_shape(&mut self, head: usize) -> Parse<(Shape, u32)> {
        if !self.token().newline {
            self.indent = u32::MAX;
            return Ok((Shape::OneLine, 0));
        }
        let (outer, inner) = (self.line_indent(head), self.column(self.pos));
        if inner <= outer || self.kind() == Kind::End {
            let message = "expected an indented block after `:`";
            return self.fail(Diagnostic::new(message, self.token().span()));
        }
        self.indent = inner;
        Ok((Shape::Indented, outer))
    }

    /// Whether nothing more stands in this body.
    pub(super) fn at_body_end(&mut self, body: &Body) -> bool {
        body.shape == Shape::OneLine && self.token().newline || self.at_block_end()
    }

    pub(super) fn close_body(&mut self, body: &Body) -> Parse<()> {
        match body.shape {
            Shape::Braces => {
                if self.kind() == Kind::RBrace {
                    self.next();
                } else {
                    return self.missing_brace(body.open);
                }
            }
            Shape::Indented => {
                let lines_up = !self.is_dedent() || self.kind() == Kind::End || self.column(self.pos) <= body.base;
                if !lines_up {
                    let message = "this line is indented like none of the blocks around it";
                    return self.fail(Diagnostic::new(message, self.token().span()));
                }
                let span = self.span_from(self.tokens[body.open].span());
                self.colon_blocks.push(span);
            }
            Shape::OneLine => {}
            Shape::Assumed => {
                if self.kind() == Kind::RBrace && self.token().newline && self.column(self.pos) == body.base {
                    self.next();
                }
            }
        }
        self.indent = body.outer_indent;
        self.depth -= 1;
        self.block_end = self.pos;
        Ok(())
    }

    /// The file, or what stands around, ends before this block does.
    fn missing_brace<T>(&mut self, open: usize) -> Parse<T> {
        let opened = self.tokens[open].span();
        let mut diagnostic = Diagnostic::new("this `{` is not closed", opened).label("opened here");
        let suspect = self.suspect(open);
        if let Some(suspect) = suspect {
            let text = "the `}` may be missing here: the one that closes this is indented less";
            diagnostic = diagnostic.note(self.tokens[suspect].span(), text);
        }
        if self.kind() == Kind::End && !self.unterminated {
            self.forget_behind(suspect.unwrap_or(open));
        }
        self.fail_at_end(diagnostic)
    }

    /// Drops what was reported behind the block that probably lacks its brace: it was read as if it stood inside.
    fn forget_behind(&mut self, open: usize) {
        let outer = self.line_indent(open);
        let behind = (open + 1..self.tokens.len()).find(|index| {
            let token = self.at(*index);
            token.newline && token.kind != Kind::RBrace && self.column(*index) <= outer
        });
        if let Some(behind) = behind {
            let end = self.tokens[behind].start;
            self.diagnostics.retain(|diagnostic| diagnostic.span.start < end);
        }
    }

    /// The first block after `open` whose closing brace starts a line further left than its own line.
    fn suspect(&mut self, open: usize) -> Option<usize> {
        let suspects = self.suspects.take().unwrap_or_else(|| self.find_suspects());
        let found = suspects.get(suspects.partition_point(|suspect| *suspect <= open)).copied();
        self.suspects = Some(suspects);
        found
    }

    /// The blocks whose closing brace starts a line further left than their own line, in the order of their ends, but
    /// for those that begin before one found earlier: no `open` asks for them.
    fn find_suspects(&self) -> Vec<usize> {
        let mut indents = Vec::new();
        let mut found: Vec<usize> = Vec::new();
        let mut line = 0;
        for index in 0..self.tokens.len() {
            let token = self.at(index);
            if token.newline {
                line = self.column(index);
            }
            if token.kind == Kind::LBrace {
                indents.push((index, line));
            } else if token.kind == Kind::RBrace {
                while let Some((partner, indent)) = indents.pop() {
                    if partner == token.value as usize {
                        if token.newline && line < indent && found.last().is_none_or(|last| *last < partner) {
                            found.push(partner);
                        }
                        break;
                    }
                }
            }
        }
        found
    }

    /// The column, from 1, of a token that starts its line; a tab fills up to a multiple of eight.
    fn column(&self, index: usize) -> u32 {
        let (known, column) = self.column_of.get();
        if known == index {
            return column;
        }
        let end = self.tokens[index].start as usize;
        let start = self.source[..end].rfind('\n').map_or(0, |at| at + 1);
        super::looked(end - start);
        let mut column = 0;
        for byte in self.source[start..end].trim_start_matches('\u{feff}').bytes() {
            column = if byte == b'\t' { column / 8 * 8 + 8 } else { column + 1 };
        }
        self.column_of.set((index, column + 1));
        column + 1
    }

    /// The column of the first token on the line of the token at `index`.
    fn line_indent(&self, index: usize) -> u32 {
        let (asked, found) = self.line_of.get();
        let mut first = index;
        while first > 0 && !self.tokens[first].newline {
            super::looked(1);
            first = if first == asked { found } else { first - 1 };
        }
        self.line_of.set((index, first));
        self.column(first)
    }
}
