//! `match` and `pattern`: arms, their patterns, guards and bodies.

use super::block::Body;
use super::{Context, Parse, Parser, STATEMENT};
use crate::syntax::ast::{
    ArmBody, Block, Expr, ExprKind, Ident, MapKey, Match, MatchArm, Pattern, Stmt, StmtKind, Symbol, UnaryOp,
};
use crate::syntax::token::{Kind, NONE, Token};
use crate::syntax::words;

impl Parser<'_> {
    /// Whether the present word, `match` or `pattern`, is a keyword here.
    pub(super) fn starts_match(&self) -> bool {
        let next = self.ahead(1);
        let bracket = matches!(next.kind, Kind::LParen | Kind::LBracket | Kind::LBrace);
        self.before_operand()
            || bracket && !next.newline && self.after_partner(self.pos + 1).kind == Kind::LBrace
            || self.before_sign()
    }

    /// Whether a signed operand follows on this line. `!` and `~` join nothing, so only an operand begins with them; a
    /// `-` could subtract from a variable `match`, so arms must follow too, where they can be nothing else.
    fn before_sign(&self) -> bool {
        let next = self.ahead(1);
        !next.newline
            && match next.kind {
                Kind::Bang | Kind::Tilde => true,
                Kind::Minus => self.context.entity && self.before_arms(),
                _ => false,
            }
    }

    /// Whether the `-` after the present word begins an expression with arms behind it on this line: a `{` directly after
    /// an operand. What stands in brackets is passed over; the search ends at another `match`, so that all searches
    /// together pass each token once.
    fn before_arms(&self) -> bool {
        let mut at = self.pos + 2;
        loop {
            let token = self.at(at);
            let ends = [words::MATCH, words::PATTERN].iter().any(|word| token.is(*word));
            if token.newline || ends {
                return false;
            }
            match token.kind {
                Kind::LBrace => return ends_operand(self.at(at - 1)),
                Kind::LParen | Kind::LBracket | Kind::TemplateOpen if token.value != NONE => at = token.value as usize,
                Kind::Comma | Kind::Semicolon | Kind::Assign | Kind::FatArrow | Kind::Colon | Kind::End => {
                    return false;
                }
                Kind::RParen | Kind::RBracket | Kind::RBrace | Kind::TemplateExprClose => return false,
                _ => {}
            }
            at += 1;
        }
    }

    pub(super) fn match_expression(&mut self) -> Parse<Expr> {
        let start = self.token().span();
        let saved = std::mem::replace(&mut self.tallest, 0);
        let found = self.match_body()?;
        let height = std::mem::replace(&mut self.tallest, saved);
        self.height = self.checked_height(height + 1, start)?;
        Ok(Expr { kind: ExprKind::Match(Box::new(found)), span: self.span_from(start) })
    }

    /// From the keyword to the end of the arms.
    pub(super) fn match_body(&mut self) -> Parse<Match> {
        let head = self.pos;
        self.next();
        let subject = self.in_head(Self::expression)?;
        let body = self.open_body(head)?;
        let saved = std::mem::replace(&mut self.context, STATEMENT);
        let arms = self.arms(&body);
        self.context = saved;
        self.close_body(&body)?;
        Ok(Match { subject, arms })
    }

    fn arms(&mut self, body: &Body) -> Vec<MatchArm> {
        let mut arms = Vec::new();
        loop {
            while matches!(self.kind(), Kind::Comma | Kind::Semicolon) {
                self.next();
            }
            if self.at_body_end(body) {
                return arms;
            }
            let start = self.pos;
            arms.extend(self.recover(Self::whole_arm));
            if self.pos == start {
                self.next();
            }
        }
    }

    fn whole_arm(&mut self) -> Parse<MatchArm> {
        let arm = self.arm()?;
        if self.at_statement_end() || self.kind() == Kind::Comma {
            return Ok(arm);
        }
        self.fail_expected("the end of the arm")
    }

    fn arm(&mut self) -> Parse<MatchArm> {
        let head = self.pos;
        let start = self.token().span();
        let named = matches!(self.ahead(1).kind, Kind::FatArrow | Kind::Colon | Kind::Pipe | Kind::Dot | Kind::LBrace)
            || self.ahead(1).is(words::IF);
        if self.keyword(0) == Some(words::CASE) && !named {
            self.next();
        }
        let default = self.is_word(words::DEFAULT) && matches!(self.ahead(1).kind, Kind::FatArrow | Kind::Colon);
        let mut patterns = Vec::new();
        if default {
            patterns.push(Pattern::Wildcard(self.next().span()));
        } else {
            patterns.push(self.pattern()?);
            while self.eat(Kind::Pipe) {
                patterns.push(self.pattern()?);
            }
        }
        let guard = if self.eat_word(words::IF) {
            let context = Context { newlines: true, entity: false, arrow: false };
            Some(self.within(context, Self::expression)?)
        } else {
            None
        };
        if !matches!(self.kind(), Kind::FatArrow | Kind::Colon) {
            return self.fail_expected("`=>`");
        }
        let body = self.arm_body(head)?;
        Ok(MatchArm { patterns, guard, body, span: self.span_from(start) })
    }

    /// From the `=>` or `:` on.
    fn arm_body(&mut self, head: usize) -> Parse<ArmBody> {
        if self.kind() == Kind::Colon && self.ahead(1).newline {
            let mut block = self.block(head)?;
            // A single value on lines of its own is still a value.
            return Ok(match block.stmts.pop() {
                Some(Stmt { kind: StmtKind::Expr(value), .. }) if block.stmts.is_empty() => ArmBody::Expr(value),
                Some(last) => {
                    block.stmts.push(last);
                    ArmBody::Block(block)
                }
                None => ArmBody::Block(block),
            });
        }
        self.next();
        if self.kind() == Kind::LBrace && !self.is_map() {
            return Ok(ArmBody::Block(self.block(self.pos)?));
        }
        let start = self.token().span();
        let kind = self.arm_statement()?;
        if let StmtKind::Expr(value) = kind {
            return Ok(ArmBody::Expr(value));
        }
        let span = self.span_from(start);
        Ok(ArmBody::Block(Block { stmts: vec![Stmt { kind, span }], span }))
    }

    /// A simple statement or an expression; a comma ends it.
    fn arm_statement(&mut self) -> Parse<StmtKind> {
        let symbol = self.keyword(0);
        match symbol {
            Some(words::PRINT) => Ok(StmtKind::Print(self.print_arguments(false)?)),
            Some(words::VERIFY) if self.ahead(1).kind == Kind::LParen || self.before_operand() => {
                Ok(StmtKind::Verify(self.print_arguments(false)?))
            }
            Some(
                words::RETURN
                | words::BREAK
                | words::CONTINUE
                | words::THROW
                | words::LET
                | words::CONST
                | words::EMIT
                | words::DEBUG
                | words::GC
                | words::IF
                | words::WHILE
                | words::FOR
                | words::TRY,
            ) => Ok(self.statement()?.kind),
            _ => self.expression_statement(),
        }
    }

    fn pattern(&mut self) -> Parse<Pattern> {
        self.enter()?;
        let token = self.token();
        let pattern = match token.kind {
            Kind::LBracket => self.list_pattern()?,
            Kind::LBrace => self.map_pattern()?,
            Kind::Minus => {
                self.next();
                if !matches!(self.kind(), Kind::Int | Kind::Float) {
                    return self.fail_expected("a number");
                }
                let operand = Box::new(self.primary()?);
                let span = self.span_from(token.span());
                Pattern::Value(Expr { kind: ExprKind::Unary(UnaryOp::Negate, token.span(), operand), span })
            }
            Kind::Int | Kind::Float | Kind::Str | Kind::TripleStr | Kind::Bytes | Kind::TemplateOpen => {
                Pattern::Value(self.primary()?)
            }
            Kind::Reserved if [words::TRUE, words::FALSE, words::NULL].iter().any(|word| token.is(*word)) => {
                Pattern::Value(self.primary()?)
            }
            Kind::Reserved if token.is(words::THIS) || token.is(words::SELF) => Pattern::Value(self.dotted_name()?),
            Kind::Name => self.name_pattern()?,
            _ => return self.fail_expected("a pattern"),
        };
        self.depth -= 1;
        Ok(pattern)
    }

    /// A name, a dotted name, or a type with what it holds.
    fn name_pattern(&mut self) -> Parse<Pattern> {
        let token = self.token();
        if token.is(words::UNDERSCORE) {
            self.next();
            return Ok(Pattern::Wildcard(token.span()));
        }
        let name = self.dotted_name()?;
        let close = match self.kind() {
            Kind::LParen => Kind::RParen,
            Kind::LBrace => Kind::RBrace,
            _ if matches!(name.kind, ExprKind::Name(_)) => {
                return Ok(Pattern::Bind(Ident { symbol: Symbol(token.value), span: token.span() }));
            }
            _ => return Ok(Pattern::Value(name)),
        };
        let open = self.pos;
        self.next();
        let mut fields = Vec::new();
        while self.kind() != close {
            let field = if close == Kind::RBrace { Some(self.any_word("the name of a field")?) } else { None };
            let pattern = match field {
                Some(field) if !self.eat(Kind::Colon) => Pattern::Bind(field),
                _ => self.pattern()?,
            };
            fields.push((field, pattern));
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(close, if close == Kind::RParen { "`,` or `)`" } else { "`,` or `}`" }, open)?;
        let span = self.span_from(name.span);
        Ok(Pattern::Type(name, fields, span))
    }

    /// `A`, `a.B`, `this.x`.
    pub(super) fn dotted_name(&mut self) -> Parse<Expr> {
        let start = self.token().span();
        let kind = if self.kind() == Kind::Reserved && (self.is_word(words::THIS) || self.is_word(words::SELF)) {
            self.next();
            ExprKind::This
        } else {
            ExprKind::Name(self.name("a name")?.symbol)
        };
        let mut expr = Expr { kind, span: start };
        let mut height = 1;
        while self.eat(Kind::Dot) {
            let name = self.any_word("a name after `.`")?;
            let kind = ExprKind::Member { object: Box::new(expr), name, optional: false };
            expr = Expr { kind, span: self.span_from(start) };
            height = self.checked_height(height + 1, name.span)?;
        }
        self.tallest = self.tallest.max(height);
        Ok(expr)
    }

    fn list_pattern(&mut self) -> Parse<Pattern> {
        let open = self.pos;
        let start = self.next().span();
        let (mut items, mut rest) = (Vec::new(), None);
        while self.kind() != Kind::RBracket {
            if self.eat(Kind::Ellipsis) {
                rest = Some(if self.kind() == Kind::Name { Some(self.ident()) } else { None });
                self.eat(Kind::Comma);
                break;
            }
            items.push(self.pattern()?);
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(Kind::RBracket, "`,` or `]`", open)?;
        Ok(Pattern::List(items, rest, self.span_from(start)))
    }

    fn map_pattern(&mut self) -> Parse<Pattern> {
        let open = self.pos;
        let start = self.next().span();
        let mut entries = Vec::new();
        while self.kind() != Kind::RBrace {
            let token = self.token();
            let key = self.map_key()?;
            let pattern = if self.eat(Kind::Colon) {
                self.pattern()?
            } else if token.kind == Kind::Name && matches!(key, MapKey::Name(..)) {
                Pattern::Bind(Ident { symbol: Symbol(token.value), span: token.span() })
            } else {
                return self.fail_expected("`:` after the key");
            };
            entries.push((key, pattern));
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(Kind::RBrace, "`,` or `}`", open)?;
        Ok(Pattern::Map(entries, self.span_from(start)))
    }
}

/// Whether an operand may end with this token.
fn ends_operand(token: Token) -> bool {
    let closes = matches!(token.kind, Kind::RParen | Kind::RBracket | Kind::TemplateClose);
    let literal = matches!(token.kind, Kind::Int | Kind::Float | Kind::Str | Kind::TripleStr | Kind::Bytes);
    let word = [words::TRUE, words::FALSE, words::NULL, words::THIS, words::SELF].iter().any(|word| token.is(*word));
    closes || literal || word || token.kind == Kind::Name
}
