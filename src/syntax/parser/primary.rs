//! The operands of expressions: literals, names, lists, maps, strings with interpolation, lambdas.

use super::{BRACKETS, Failed, Parse, Parser};
use crate::syntax::ast::{Expr, ExprKind, Ident, MapKey, Part, Span, Symbol, UnaryOp};
use crate::syntax::diagnostic::Diagnostic;
use crate::syntax::literal;
use crate::syntax::token::{Kind, NONE, Token};
use crate::syntax::words;

impl Parser<'_> {
    /// An operand without what follows it. Sets `height`.
    pub(super) fn primary(&mut self) -> Parse<Expr> {
        let token = self.token();
        self.height = 1;
        let kind = match token.kind {
            Kind::Name => return self.name_or_keyword(token),
            Kind::Int => {
                self.next();
                self.integer(token)?
            }
            Kind::Float => {
                self.next();
                // A float that `parse` refuses does not leave the lexer.
                ExprKind::Float(self.text(token.span()).parse().unwrap_or(f64::NAN))
            }
            Kind::Str | Kind::TripleStr => ExprKind::Str(self.string()?),
            Kind::Bytes => self.bytes()?,
            Kind::TemplateOpen => return self.template(),
            Kind::LParen => return self.parenthesised(),
            Kind::LBracket => return self.list(),
            Kind::LBrace if self.pos > 0 && self.tokens[self.pos - 1].is(words::SPAWN) => {
                return self.spawned_block();
            }
            Kind::LBrace => return self.map(),
            Kind::Reserved => return self.reserved_operand(token),
            _ => return self.no_operand(),
        };
        Ok(Expr { kind, span: token.span() })
    }

    fn no_operand<T>(&mut self) -> Parse<T> {
        if let Some(diagnostic) = self.foreign_operator() {
            return self.fail(diagnostic);
        }
        if self.token().newline && self.kind() == Kind::Reserved && self.pos > 0 {
            let before = self.tokens[self.pos - 1].span();
            let message = format!("expected an expression after `{}`", self.text(before));
            return self.fail(Diagnostic::new(message, before).label("the line ends here"));
        }
        let message = format!("expected an expression, found {}", self.found());
        let mut diagnostic = Diagnostic::new(message, self.token().span());
        if self.kind() == Kind::Plus {
            diagnostic = diagnostic.help("there is no unary `+`");
        } else if self.kind() == Kind::Assign && self.pos > 0 && self.tokens[self.pos - 1].kind == Kind::Assign {
            diagnostic = diagnostic.help("`==` is written without a blank");
        }
        self.fail(diagnostic)
    }

    /// An operator of other languages that ends or begins at the present token, which nothing explains.
    pub(super) fn foreign_operator(&self) -> Option<Diagnostic> {
        const KNOWN: [(&str, &str); 9] = [
            ("===", "`==` compares"),
            ("!==", "`!=` compares"),
            ("&&&", "write `&&`"),
            ("|||", "write `||`"),
            ("<>", "write `!=`"),
            ("=<", "write `<=`"),
            ("++", "write `x += 1`"),
            ("--", "write `x -= 1`"),
            (":=", "`let a = ...` declares a variable, `a = ...` assigns"),
        ];
        let token = self.token();
        for from in [self.pos.saturating_sub(2), self.pos.saturating_sub(1), self.pos] {
            let start = self.tokens[from].start as usize;
            for (operator, advice) in KNOWN {
                let end = start + operator.len();
                // Two minus signs are two operators until nothing follows them.
                let reaches = (token.start as usize) < end || operator == "--" && from + 2 == self.pos;
                if reaches && self.source[start..].starts_with(operator) {
                    let span = Span::new(start as u32, end as u32);
                    return Some(Diagnostic::new(format!("there is no operator `{operator}`"), span).help(advice));
                }
            }
        }
        None
    }

    fn reserved_operand(&mut self, token: Token) -> Parse<Expr> {
        let kind = match Symbol(token.value) {
            words::TRUE => ExprKind::Bool(true),
            words::FALSE => ExprKind::Bool(false),
            words::NULL => ExprKind::Null,
            words::THIS | words::SELF => ExprKind::This,
            words::PRINT => {
                if self.ahead(1).kind != Kind::LParen {
                    let diagnostic = Diagnostic::new("`print` needs parentheses inside an expression", token.span());
                    return self.fail(diagnostic);
                }
                self.next();
                let args = self.arguments()?;
                self.height += 1;
                return Ok(Expr { kind: ExprKind::Print(args), span: self.span_from(token.span()) });
            }
            _ => return self.no_operand(),
        };
        self.next();
        Ok(Expr { kind, span: token.span() })
    }

    fn integer(&mut self, token: Token) -> Parse<ExprKind> {
        if let Some(kind) = literal::integer(self.text(token.span())) {
            return Ok(kind);
        }
        let help = "integers have at most 4096 bits";
        self.fail(Diagnostic::new("Integer overflow", token.span()).help(help))
    }

    /// Takes a string without interpolation.
    pub(super) fn string(&mut self) -> Parse<Box<str>> {
        let token = self.next();
        let margin = if token.kind == Kind::TripleStr { 3 } else { 1 };
        self.decoded(Span::new(token.start + margin, token.end - margin))
    }

    fn decoded(&mut self, span: Span) -> Parse<Box<str>> {
        literal::decode(self.text(span)).or_else(|bad| self.bad_escape(span, bad))
    }

    fn bytes(&mut self) -> Parse<ExprKind> {
        let token = self.next();
        let span = Span::new(token.start + 2, token.end - 1);
        let bytes = literal::decode_bytes(self.text(span)).or_else(|bad| self.bad_escape(span, bad))?;
        Ok(ExprKind::Bytes(bytes))
    }

    fn bad_escape<T>(&mut self, text: Span, (offset, length): literal::BadEscape) -> Parse<T> {
        let start = text.start + offset as u32;
        let span = Span::new(start, start + length as u32);
        self.fail(Diagnostic::new("this escape names no character", span))
    }

    /// A string with `${}`.
    fn template(&mut self) -> Parse<Expr> {
        let open = self.next();
        if open.value == NONE {
            // The lexer has said that the string is not closed.
            return Err(Failed);
        }
        self.enter()?;
        let (mut parts, mut height) = (Vec::new(), 0);
        loop {
            let token = self.next();
            match token.kind {
                Kind::TemplateText => parts.push(Part::Text(self.decoded(token.span())?)),
                Kind::TemplateExprOpen => {
                    let at = self.pos - 1;
                    parts.push(Part::Expr(self.within(BRACKETS, Self::expression)?));
                    height = height.max(self.height);
                    self.expect_close(Kind::TemplateExprClose, "`}`", at)?;
                }
                _ => break,
            }
        }
        self.depth -= 1;
        self.height = height + 1;
        Ok(Expr { kind: ExprKind::Interpolated(parts), span: self.span_from(open.span()) })
    }

    /// Whether `x =>` or `(x) =>` starts here.
    pub(super) fn starts_arrow(&self) -> bool {
        self.context.arrow
            && match self.kind() {
                Kind::Name => self.ahead(1).kind == Kind::FatArrow,
                Kind::LParen => self.after_partner(self.pos).kind == Kind::FatArrow,
                _ => false,
            }
    }

    fn parenthesised(&mut self) -> Parse<Expr> {
        if self.starts_arrow() {
            return self.arrow_lambda();
        }
        let open = self.pos;
        let start = self.next().span();
        self.enter()?;
        let mut expr = self.within(BRACKETS, Self::expression)?;
        self.expect_close(Kind::RParen, "`)`", open)?;
        self.depth -= 1;
        expr.span = self.span_from(start);
        Ok(expr)
    }

    fn list(&mut self) -> Parse<Expr> {
        let start = self.token().span();
        let items = self.bracketed(Kind::RBracket, "`,` or `]`")?;
        self.height += 1;
        Ok(Expr { kind: ExprKind::List(items), span: self.span_from(start) })
    }

    /// `(a, b)` after what is called. Sets `height` to that of the highest argument.
    pub(super) fn arguments(&mut self) -> Parse<Vec<Expr>> {
        self.bracketed(Kind::RParen, "`,` or `)`")
    }

    fn bracketed(&mut self, close: Kind, what: &str) -> Parse<Vec<Expr>> {
        let open = self.pos;
        self.next();
        self.enter()?;
        let saved = std::mem::replace(&mut self.context, BRACKETS);
        // Most have one or two.
        let expected = if self.kind() == close { 0 } else { 2 };
        let (mut items, mut height) = (Vec::with_capacity(expected), 0);
        while self.kind() != close {
            items.push(self.expression()?);
            height = height.max(self.height);
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(close, what, open)?;
        self.context = saved;
        self.depth -= 1;
        self.height = height;
        Ok(items)
    }

    /// `[i]`, `[low:high]` after a container. Sets `height` to that of the highest part.
    pub(super) fn index(&mut self, object: Expr, optional: bool) -> Parse<ExprKind> {
        let open = self.pos;
        self.next();
        self.enter()?;
        let saved = std::mem::replace(&mut self.context, BRACKETS);
        let mut height = 0;
        let low = if self.kind() == Kind::Colon { None } else { Some(self.expression()?) };
        if low.is_some() {
            height = self.height;
        }
        let kind = if self.eat(Kind::Colon) {
            let high = if self.kind() == Kind::RBracket { None } else { Some(Box::new(self.expression()?)) };
            if high.is_some() {
                height = height.max(self.height);
            }
            ExprKind::Slice { object: Box::new(object), low: low.map(Box::new), high, optional }
        } else if let Some(index) = low {
            ExprKind::Index { parts: Box::new((object, index)), optional }
        } else {
            return self.no_operand();
        };
        self.expect_close(Kind::RBracket, "`]`", open)?;
        self.context = saved;
        self.depth -= 1;
        self.height = height;
        Ok(kind)
    }

    /// A map literal. Sets `height`.
    pub(super) fn map(&mut self) -> Parse<Expr> {
        let open = self.pos;
        let start = self.next().span();
        self.enter()?;
        let saved = std::mem::replace(&mut self.context, BRACKETS);
        let (mut entries, mut height) = (Vec::new(), 0);
        while self.kind() != Kind::RBrace {
            let key = self.map_key()?;
            height = height.max(self.height);
            self.expect(Kind::Colon, "`:` after the key")?;
            entries.push((key, self.expression()?));
            height = height.max(self.height);
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(Kind::RBrace, "`,` or `}`", open)?;
        self.context = saved;
        self.depth -= 1;
        self.height = height + 1;
        Ok(Expr { kind: ExprKind::Map(entries), span: self.span_from(start) })
    }

    pub(super) fn map_key(&mut self) -> Parse<MapKey> {
        let token = self.token();
        self.height = 1;
        match token.kind {
            Kind::Reserved if token.is(words::TRUE) || token.is(words::FALSE) => Ok(MapKey::Computed(self.primary()?)),
            Kind::Name | Kind::Reserved => {
                self.next();
                Ok(MapKey::Name(self.text(token.span()).into(), token.span()))
            }
            Kind::Str | Kind::TripleStr => Ok(MapKey::Name(self.string()?, token.span())),
            Kind::Int | Kind::Float | Kind::TemplateOpen => Ok(MapKey::Computed(self.primary()?)),
            Kind::Minus => {
                self.next();
                if !matches!(self.kind(), Kind::Int | Kind::Float) {
                    return self.fail_expected("a number");
                }
                let operand = Box::new(self.primary()?);
                let span = self.span_from(token.span());
                self.height = 2;
                Ok(MapKey::Computed(Expr { kind: ExprKind::Unary(UnaryOp::Negate, token.span(), operand), span }))
            }
            Kind::LBracket => {
                let open = self.pos;
                self.next();
                self.enter()?;
                let key = self.within(BRACKETS, Self::expression)?;
                self.expect_close(Kind::RBracket, "`]`", open)?;
                self.depth -= 1;
                Ok(MapKey::Computed(key))
            }
            _ => self.fail_expected("a key or `}`"),
        }
    }

    /// Whether the `{` here opens a map rather than a block: `}` or a key and `:` follow.
    pub(super) fn is_map(&self) -> bool {
        match self.ahead(1).kind {
            Kind::RBrace => true,
            Kind::Name | Kind::Reserved | Kind::Str | Kind::TripleStr | Kind::Int | Kind::Float => {
                self.ahead(2).kind == Kind::Colon
            }
            Kind::Minus => self.ahead(3).kind == Kind::Colon,
            Kind::LBracket | Kind::TemplateOpen => self.after_partner(self.pos + 1).kind == Kind::Colon,
            _ => false,
        }
    }

    /// Whether the `{` here can open the fields of an entity literal.
    pub(super) fn is_entity_literal(&self) -> bool {
        let first = self.ahead(1).kind;
        let key = matches!(first, Kind::Name | Kind::Reserved | Kind::Str);
        first == Kind::RBrace || key && self.ahead(2).kind == Kind::Colon
    }

    /// `{f: v, ...}` of an entity literal. Sets `height` to that of the highest field.
    pub(super) fn entity_fields(&mut self) -> Parse<Vec<(Ident, Expr)>> {
        let open = self.pos;
        self.next();
        self.enter()?;
        let saved = std::mem::replace(&mut self.context, BRACKETS);
        let (mut fields, mut height) = (Vec::new(), 0);
        while self.kind() != Kind::RBrace {
            let name = self.field_name()?;
            self.expect(Kind::Colon, "`:` after the field")?;
            fields.push((name, self.expression()?));
            height = height.max(self.height);
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(Kind::RBrace, "`,` or `}`", open)?;
        self.context = saved;
        self.depth -= 1;
        self.height = height;
        Ok(fields)
    }

    fn field_name(&mut self) -> Parse<Ident> {
        if self.kind() != Kind::Str {
            return self.any_word("the name of a field or `}`");
        }
        let span = self.token().span();
        let name = self.string()?;
        Ok(Ident { symbol: self.interner.intern(&name), span })
    }

    fn name_or_keyword(&mut self, token: Token) -> Parse<Expr> {
        if self.starts_arrow() {
            return self.arrow_lambda();
        }
        let symbol = Symbol(token.value);
        if (symbol.0 as usize) < 2 * words::WORDS.len() {
            match words::lower(symbol).unwrap_or(symbol) {
                words::ACTION | words::FUNCTION | words::LAMBDA | words::ASYNC if self.starts_lambda() => {
                    return self.keyword_lambda();
                }
                words::MATCH if self.starts_match() => return self.match_expression(),
                words::SUPER if self.ahead(1).kind == Kind::Dot => {
                    self.next();
                    return Ok(Expr { kind: ExprKind::Super, span: token.span() });
                }
                _ => {}
            }
        }
        self.next();
        Ok(Expr { kind: ExprKind::Name(symbol), span: token.span() })
    }
}
