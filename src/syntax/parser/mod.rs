//! Tokens to tree: recursive descent for statements, an operator stack for expressions.
//!
//! No decision looks back, and none looks ahead further than to the partner of a bracket, which the
//! lexer has paired. A mistake is reported once; the statement that holds it becomes
//! [`StmtKind::Error`](super::ast::StmtKind::Error), and parsing goes on at the next one.

mod action;
mod block;
mod contract;
mod control;
mod declaration;
mod expression;
mod pattern;
mod primary;
mod statement;
#[cfg(test)]
mod tests;
mod types;

use std::cell::Cell;

use self::expression::{Operand, Pending};
use super::ast::{Block, Ident, Span, Symbol};
use super::diagnostic::{Diagnostic, MAX_DIAGNOSTICS};
use super::lexer::lex;
use super::token::{Kind, NONE, Token};
use super::{Interner, Parsed, words};

/// How deep brackets, blocks and unary operators may nest.
const MAX_DEPTH: u32 = 200;
/// How high the tree of one expression may be.
const MAX_HEIGHT: u32 = 1000;

/// The mark of a construct that did not parse; the error has been reported.
struct Failed;

type Parse<T> = Result<T, Failed>;

/// What the place of an expression allows.
#[derive(Clone, Copy)]
struct Context {
    /// A newline ends the statement: not so inside brackets.
    newlines: bool,
    /// `Name {` may be an entity literal: not so in the head of a statement.
    entity: bool,
    /// `x =>` may be a lambda: not so in a guard.
    arrow: bool,
}

const STATEMENT: Context = Context { newlines: true, entity: true, arrow: true };
const BRACKETS: Context = Context { newlines: false, entity: true, arrow: true };

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    pos: usize,
    interner: &'a mut Interner,
    diagnostics: Vec<Diagnostic>,
    context: Context,
    depth: u32,
    /// The operands and operators of all expressions that are open, innermost last.
    operands: Vec<Operand>,
    operators: Vec<Pending>,
    /// The height of the expression parsed last, and of the highest since a lambda's body began.
    height: u32,
    tallest: u32,
    /// The token after the block that was parsed last: a statement may end there.
    block_end: usize,
    /// The indentation that the colon block being parsed asks for; 0 in braces.
    indent: u32,
    /// The token whose column was asked for last, and that column.
    column_of: Cell<(usize, u32)>,
    /// The token whose line was asked for last, and the first token of that line.
    line_of: Cell<(usize, usize)>,
    /// The failed statement that was skipped last: where it began, and the first token reached where it had failed.
    skipped: (usize, usize),
    /// Colon blocks with lines of their own, as they end.
    colon_blocks: Vec<Span>,
    /// How many statements have failed.
    recoveries: usize,
    /// Where a statement starts though a bracket before it is open.
    resume: usize,
    /// What is missing at the end of the file was reported by the lexer.
    unterminated: bool,
    /// Blocks that may lack a brace, by the tokens that open them; found when first asked.
    suspects: Option<Vec<usize>>,
    /// Whether the program declares something called `debug` or `spawn`; found when first asked.
    declares: Option<[bool; 2]>,
}

/// Parses what stands in `source` from byte `start` on.
pub(super) fn parse(source: &str, start: usize, interner: &mut Interner) -> Parsed {
    let lexed = lex(source, start, interner);
    let mut parser = Parser {
        source,
        tokens: lexed.tokens,
        pos: 0,
        interner,
        diagnostics: Vec::new(),
        context: STATEMENT,
        depth: 0,
        operands: Vec::new(),
        operators: Vec::new(),
        height: 0,
        tallest: 0,
        block_end: usize::MAX,
        indent: 0,
        column_of: Cell::new((usize::MAX, 0)),
        line_of: Cell::new((usize::MAX, 0)),
        skipped: (usize::MAX, 0),
        colon_blocks: Vec::new(),
        recoveries: 0,
        resume: usize::MAX,
        unterminated: lexed.unterminated,
        suspects: None,
        declares: None,
    };
    let stmts = parser.file();
    let span = Span::new(start as u32, source.len() as u32);
    let mut diagnostics = lexed.diagnostics;
    diagnostics.append(&mut parser.diagnostics);
    if let Some(from) = lexed.doubtful {
        // From a quote that is missing on, strings and code have changed places.
        diagnostics.retain(|diagnostic| diagnostic.span.start <= from);
    }
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
    diagnostics.truncate(MAX_DIAGNOSTICS);
    Parsed { program: Block { stmts, span }, diagnostics, colon_blocks: parser.colon_blocks }
}

/// Counts looks at tokens and bytes for the proof that parsing is linear; costs nothing outside tests.
#[cfg_attr(not(test), expect(unused_variables, reason = "only tests count"))]
#[inline]
pub(super) fn looked(at: usize) {
    #[cfg(test)]
    tests::LOOKS.with(|looks| looks.set(looks.get() + at as u64));
}

/// Looking at tokens.
impl Parser<'_> {
    fn token(&self) -> Token {
        looked(1);
        self.tokens[self.pos]
    }

    fn kind(&self) -> Kind {
        looked(1);
        self.tokens[self.pos].kind
    }

    /// The token `ahead` places on; the end of the file is never passed.
    fn ahead(&self, ahead: usize) -> Token {
        self.at(self.pos + ahead)
    }

    fn at(&self, index: usize) -> Token {
        looked(1);
        self.tokens.get(index).copied().unwrap_or(self.tokens[self.tokens.len() - 1])
    }

    /// The token after the partner of the bracket at `index`; the end of the file if it has none.
    fn after_partner(&self, index: usize) -> Token {
        match self.at(index).value {
            NONE => self.tokens[self.tokens.len() - 1],
            partner => self.at(partner as usize + 1),
        }
    }

    /// Takes the present token.
    fn next(&mut self) -> Token {
        let token = self.token();
        if self.pos + 1 < self.tokens.len() {
            self.pos += 1;
        }
        token
    }

    fn eat(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.next();
        }
        found
    }

    fn is_word(&self, word: Symbol) -> bool {
        self.token().is(word)
    }

    /// Takes the word if it stands here.
    fn eat_word(&mut self, word: Symbol) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    /// Whether the token `ahead` places on stands on the same line as the one before it.
    fn same_line(&self, ahead: usize) -> bool {
        !self.ahead(ahead).newline
    }

    /// From `start` to the end of the token taken last.
    fn span_from(&self, start: Span) -> Span {
        Span::new(start.start, self.last_end().max(start.end))
    }

    fn last_end(&self) -> u32 {
        self.pos.checked_sub(1).map_or(0, |last| self.tokens[last].end)
    }

    fn text(&self, span: Span) -> &str {
        &self.source[span.start as usize..span.end as usize]
    }
}

/// Expecting tokens, and errors.
impl Parser<'_> {
    fn expect(&mut self, kind: Kind, what: &str) -> Parse<Token> {
        if self.kind() == kind {
            return Ok(self.next());
        }
        self.fail_expected(what)
    }

    fn expect_word(&mut self, word: Symbol) -> Parse<Token> {
        if self.is_word(word) {
            return Ok(self.next());
        }
        let what = format!("`{}`", self.interner.resolve(word));
        self.fail_expected(&what)
    }

    /// The bracket that closes the one at token `open`.
    fn expect_close(&mut self, kind: Kind, what: &str, open: usize) -> Parse<Token> {
        if self.kind() == kind {
            return Ok(self.next());
        }
        if let Some(diagnostic) = self.foreign_operator() {
            return self.fail(diagnostic);
        }
        if self.is_unclosed(open) {
            return self.unclosed(what, open);
        }
        let message = format!("expected {what}, found {}", self.found());
        let mut diagnostic = Diagnostic::new(message, self.token().span());
        looked(self.pos.saturating_sub(open));
        if self.kind() != Kind::Assign && self.tokens[open..self.pos].iter().skip(1).any(|token| token.newline) {
            diagnostic = diagnostic.note(self.tokens[open].span(), "opened here");
        }
        if self.kind() == Kind::Assign {
            diagnostic = diagnostic.help("`=` assigns; did you mean `==`?");
        }
        self.fail(diagnostic)
    }

    /// Whether the bracket at token `open` is never closed, rather than something wrong inside it.
    fn is_unclosed(&self, open: usize) -> bool {
        let token = self.token();
        let bracket = matches!(self.tokens[open].kind, Kind::LParen | Kind::LBracket | Kind::LBrace);
        let keyword = token.newline
            && token.word().is_some_and(|word| {
                let begins =
                    [words::LET, words::CONST, words::RETURN, words::IF, words::WHILE, words::FOR, words::ACTION];
                begins.contains(&word)
            });
        let ends = matches!(token.kind, Kind::RParen | Kind::RBracket | Kind::RBrace | Kind::LBrace | Kind::End);
        bracket && (keyword || self.tokens[open].value == NONE && (token.newline || ends))
    }

    /// Says that the bracket at token `open` is not closed; parsing goes on at the present token.
    fn unclosed<T>(&mut self, what: &str, open: usize) -> Parse<T> {
        let opened = self.tokens[open].span();
        let message = format!("this `{}` is not closed", self.text(opened));
        let mut diagnostic = Diagnostic::new(message, opened).label("opened here");
        if self.kind() != Kind::End {
            diagnostic = diagnostic.note(self.token().span(), format!("expected {what} before this"));
        }
        if self.token().newline {
            self.resume = self.pos;
        }
        self.fail_at_end(diagnostic)
    }

    /// A name: any word that is not reserved.
    fn name(&mut self, what: &str) -> Parse<Ident> {
        if self.kind() == Kind::Name {
            return Ok(self.ident());
        }
        if self.kind() == Kind::Reserved {
            let token = self.token();
            let message = format!("`{}` is a reserved word and cannot be a name", self.text(token.span()));
            return self.fail(Diagnostic::new(message, token.span()).help("choose another name"));
        }
        self.fail_expected(what)
    }

    /// A name where reserved words are names too.
    fn any_word(&mut self, what: &str) -> Parse<Ident> {
        if self.token().word().is_some() {
            return Ok(self.ident());
        }
        self.fail_expected(what)
    }

    /// Takes the present token, which is a word.
    fn ident(&mut self) -> Ident {
        let token = self.next();
        Ident { symbol: Symbol(token.value), span: token.span() }
    }

    fn fail_expected<T>(&mut self, what: &str) -> Parse<T> {
        let (message, span) = (format!("expected {what}, found {}", self.found()), self.token().span());
        self.fail(Diagnostic::new(message, span))
    }

    fn fail<T>(&mut self, diagnostic: Diagnostic) -> Parse<T> {
        self.report(diagnostic);
        Err(Failed)
    }

    /// Reports what is not closed. Where the file has ended, whatever else is open there is no news.
    fn fail_at_end<T>(&mut self, diagnostic: Diagnostic) -> Parse<T> {
        self.report(diagnostic);
        self.unterminated |= self.kind() == Kind::End;
        Err(Failed)
    }

    /// Reports an error, unless the same place has one already or the lexer reported its cause.
    fn report(&mut self, diagnostic: Diagnostic) {
        let at_end = self.kind() == Kind::End
            || diagnostic.span.start as usize >= self.tokens[self.tokens.len() - 1].start as usize;
        let bad = self.kind() == Kind::Bad && diagnostic.span == self.token().span();
        let repeated = self.diagnostics.iter().any(|other| other.span.start == diagnostic.span.start);
        if bad || repeated || at_end && self.unterminated {
            return;
        }
        self.diagnostics.push(diagnostic);
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            self.give_up();
        }
    }

    /// Skips the rest of the file.
    fn give_up(&mut self) {
        self.pos = self.tokens.len() - 1;
        self.unterminated = true;
    }

    /// The present token in words.
    fn found(&self) -> String {
        let token = self.token();
        match token.kind {
            Kind::End => "the end of the file".to_owned(),
            Kind::Str | Kind::TripleStr | Kind::TemplateOpen | Kind::Bytes => "a string".to_owned(),
            Kind::TemplateExprClose => "the end of the interpolation".to_owned(),
            _ => {
                let text = self.text(token.span());
                let short: String = text.chars().take(40).collect();
                if short.len() < text.len() { format!("`{short}...`") } else { format!("`{short}`") }
            }
        }
    }

    /// One level deeper; the caller takes it back by `depth -= 1`, error recovery by itself.
    fn enter(&mut self) -> Parse<()> {
        if self.depth >= MAX_DEPTH {
            let message = format!("nested too deeply (at most {MAX_DEPTH} levels)");
            let span = self.token().span();
            return self.fail(Diagnostic::new(message, span));
        }
        self.depth += 1;
        Ok(())
    }

    /// Runs `parse` with another context.
    fn within<T>(&mut self, context: Context, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        let saved = std::mem::replace(&mut self.context, context);
        let result = parse(self);
        self.context = saved;
        result
    }

    /// In the head of a statement: no entity literals outside brackets.
    fn in_head<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        self.within(Context { entity: false, ..self.context }, parse)
    }
}
