//! Statements with a head and blocks: `if while for try`.

use super::{BRACKETS, Parse, Parser};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Ident, IfArm, Stmt, StmtKind, Symbol};
use crate::syntax::diagnostic::Diagnostic;
use crate::syntax::token::Kind;
use crate::syntax::words;

impl Parser<'_> {
    pub(super) fn if_statement(&mut self) -> Parse<StmtKind> {
        let mut arms = vec![self.if_arm()?];
        loop {
            let head = self.pos;
            if self.is_dedent() {
                return Ok(StmtKind::If(arms, None));
            }
            if self.clause(words::ELIF) {
                arms.push(self.if_arm()?);
            } else if self.clause(words::ELSE) {
                self.next();
                if self.is_word(words::IF) && self.same_line(0) {
                    arms.push(self.if_arm()?);
                } else {
                    return Ok(StmtKind::If(arms, Some(self.block(head)?)));
                }
            } else {
                return Ok(StmtKind::If(arms, None));
            }
        }
    }

    /// Whether the clause `word` of a statement starts here.
    fn clause(&self, word: Symbol) -> bool {
        self.is_word(word) || self.token().word().and_then(words::lower) == Some(word)
    }

    /// The keyword, the test and the block.
    fn if_arm(&mut self) -> Parse<IfArm> {
        let head = self.pos;
        self.next();
        let test = self.condition()?;
        self.eat_word(words::THEN);
        Ok(IfArm { test, body: self.block(head)? })
    }

    /// The test of `if` or `while`; an assignment is reported and taken as a comparison.
    fn condition(&mut self) -> Parse<Expr> {
        self.in_head(|parser| {
            let test = parser.expression()?;
            if parser.kind() != Kind::Assign {
                return Ok(test);
            }
            let op = parser.next().span();
            parser.report(Diagnostic::new("`=` in a condition", op).help("`=` assigns; did you mean `==`?"));
            let value = parser.expression()?;
            let span = test.span.to(value.span);
            Ok(Expr { kind: ExprKind::Binary(BinaryOp::Eq, op, Box::new((test, value))), span })
        })
    }

    pub(super) fn while_statement(&mut self) -> Parse<StmtKind> {
        let head = self.pos;
        self.next();
        let test = self.condition()?;
        Ok(StmtKind::While(test, self.block(head)?))
    }

    pub(super) fn for_statement(&mut self) -> Parse<StmtKind> {
        let head = self.pos;
        self.next();
        if self.kind() != Kind::LParen {
            return self.for_each(head, false);
        }
        // `for (let x in e)`, `for (each k, v in e)`: a word, perhaps two, before `in`.
        let skip = 1 + usize::from(self.loop_word(1));
        let second = if self.ahead(skip + 1).kind == Kind::Comma { 2 } else { 0 };
        if self.ahead(skip).kind == Kind::Name && self.is_in(skip + second + 1) {
            return self.for_each(head, true);
        }
        self.for_classic(head)
    }

    fn is_in(&self, ahead: usize) -> bool {
        let token = self.ahead(ahead);
        token.is(words::IN) || token.word().and_then(words::lower) == Some(words::IN)
    }

    /// Whether a word that may stand before the loop variable is `ahead`.
    fn loop_word(&self, ahead: usize) -> bool {
        let word = self.ahead(ahead).word();
        let word = word.and_then(words::lower).or(word);
        [words::EACH, words::LET, words::CONST].iter().any(|known| word == Some(*known))
            && self.ahead(ahead + 1).kind == Kind::Name
    }

    fn for_each(&mut self, head: usize, parenthesised: bool) -> Parse<StmtKind> {
        let open = self.pos;
        if parenthesised {
            self.next();
        }
        if self.loop_word(0) {
            self.next();
        }
        let first = self.name("a loop variable")?;
        let second = if self.eat(Kind::Comma) { Some(self.name("a loop variable")?) } else { None };
        if !self.is_in(0) {
            return self.fail_expected("`in`");
        }
        self.next();
        let iterable = if parenthesised {
            let iterable = self.within(BRACKETS, Self::expression)?;
            self.expect_close(Kind::RParen, "`)`", open)?;
            iterable
        } else {
            self.in_head(Self::expression)?
        };
        Ok(StmtKind::ForEach { first, second, iterable, body: self.block(head)? })
    }

    fn for_classic(&mut self, head: usize) -> Parse<StmtKind> {
        let open = self.pos;
        self.next();
        let (init, test, step) = self.within(BRACKETS, |parser| {
            let init = parser.for_part(Kind::Semicolon)?;
            parser.expect(Kind::Semicolon, "`;`")?;
            let absent = parser.kind() == Kind::Semicolon;
            let test = if absent { None } else { Some(parser.expression()?) };
            parser.expect(Kind::Semicolon, "`;`")?;
            let step = parser.for_part(Kind::RParen)?;
            parser.expect_close(Kind::RParen, "`)`", open)?;
            Ok((init, test, step))
        })?;
        Ok(StmtKind::For { init, test, step, body: self.block(head)? })
    }

    /// The first or last part of a `for` head: a statement, or nothing.
    fn for_part(&mut self, end: Kind) -> Parse<Option<Box<Stmt>>> {
        if self.kind() == end {
            return Ok(None);
        }
        let start = self.token().span();
        let kind = match self.keyword(0) {
            Some(words::LET) => self.let_statement(false)?,
            Some(words::CONST) => self.let_statement(true)?,
            _ => self.expression_statement()?,
        };
        Ok(Some(Box::new(Stmt { kind, span: self.span_from(start) })))
    }

    pub(super) fn try_statement(&mut self) -> Parse<StmtKind> {
        let head = self.pos;
        let keyword = self.next().span();
        let body = self.block(head)?;
        let (mut catch, mut finally) = (None, None);
        let head = self.pos;
        if !self.is_dedent() && self.clause(words::CATCH) {
            self.next();
            let variable = self.catch_variable()?;
            catch = Some((variable, self.block(head)?));
        }
        let head = self.pos;
        if !self.is_dedent() && self.clause(words::FINALLY) {
            self.next();
            finally = Some(self.block(head)?);
        }
        let follows = !self.token().newline && matches!(self.text(self.token().span()), "except" | "rescue" | "ensure");
        if catch.is_none() && finally.is_none() && !follows {
            let diagnostic = Diagnostic::new("`try` needs a `catch` or a `finally`", keyword);
            self.report(diagnostic);
        }
        Ok(StmtKind::Try { body, catch, finally })
    }

    fn catch_variable(&mut self) -> Parse<Option<Ident>> {
        if self.kind() == Kind::Name {
            return Ok(Some(self.ident()));
        }
        let open = self.pos;
        if self.kind() != Kind::LParen {
            return Ok(None);
        }
        self.next();
        if self.eat(Kind::RParen) {
            return Ok(None);
        }
        let name = self.name("the name of the error")?;
        if self.eat(Kind::Colon) {
            self.type_name()?;
        }
        self.expect_close(Kind::RParen, "`)`", open)?;
        Ok(Some(name))
    }
}
