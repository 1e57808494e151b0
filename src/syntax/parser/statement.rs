//! Statements: which one starts here, the simple ones, and what to say if none does.

use super::{Failed, Parse, Parser};
use crate::syntax::ast::{BinaryOp, EmitArgs, Expr, ExprKind, Ident, LetTarget, MapKey, Stmt, StmtKind, Symbol};
use crate::syntax::diagnostic::{Diagnostic, nearest};
use crate::syntax::token::{Kind, NONE, Token};
use crate::syntax::words;

impl Parser<'_> {
    /// One statement, without its end.
    pub(super) fn statement(&mut self) -> Parse<Stmt> {
        let start = self.token().span();
        let kind = self.statement_kind()?;
        Ok(Stmt { kind, span: self.span_from(start) })
    }

    fn statement_kind(&mut self) -> Parse<StmtKind> {
        match self.kind() {
            Kind::LBrace => Ok(StmtKind::Block(self.block(self.pos)?)),
            Kind::Minus | Kind::Tilde | Kind::Bang => self.unary_statement(),
            Kind::Reserved | Kind::Name => match self.keyword(0) {
                Some(word) => self.word_statement(word),
                None => self.expression_statement(),
            },
            _ => self.expression_statement(),
        }
    }

    /// The word with a meaning that stands `ahead` places on, in lower case.
    pub(super) fn keyword(&self, ahead: usize) -> Option<Symbol> {
        let symbol = self.ahead(ahead).word()?;
        if (symbol.0 as usize) < words::WORDS.len() {
            return Some(symbol);
        }
        let lower = words::lower(symbol)?;
        let next = self.ahead(ahead + 1).kind;
        let is_name = is_assign(next) || matches!(next, Kind::Dot | Kind::Comma | Kind::Colon);
        (!is_name).then_some(lower)
    }

    /// Whether the next token is a name, or a word used as one, on this line: two names in a row are
    /// never an expression.
    pub(super) fn before_name(&self, ahead: usize) -> bool {
        let next = self.ahead(ahead + 1);
        next.kind == Kind::Name && !next.newline
    }

    /// Whether the next token, on this line, can only start an operand.
    pub(super) fn before_operand(&self) -> bool {
        let next = self.ahead(1);
        !next.newline
            && match next.kind {
                Kind::Name
                | Kind::Int
                | Kind::Float
                | Kind::Str
                | Kind::TripleStr
                | Kind::Bytes
                | Kind::TemplateOpen => true,
                Kind::Reserved => [
                    words::TRUE,
                    words::FALSE,
                    words::NULL,
                    words::THIS,
                    words::SELF,
                    words::AWAIT,
                    words::NOT,
                    words::PRINT,
                ]
                .contains(&Symbol(next.value)),
                _ => false,
            }
    }

    fn word_statement(&mut self, word: Symbol) -> Parse<StmtKind> {
        let next = self.ahead(1);
        let beside = if next.newline { Kind::End } else { next.kind };
        match word {
            words::LET => self.let_statement(false),
            words::CONST => self.let_statement(true),
            words::IF => self.if_statement(),
            words::WHILE => self.while_statement(),
            words::FOR => self.for_statement(),
            words::TRY => self.try_statement(),
            words::RETURN => self.return_statement(),
            words::BREAK => Ok(self.bare(StmtKind::Break)),
            words::CONTINUE => Ok(self.bare(StmtKind::Continue)),
            words::THROW => {
                self.next();
                Ok(StmtKind::Throw(self.expression()?))
            }
            words::PRINT => Ok(StmtKind::Print(self.print_arguments(true)?)),
            words::VERIFY if beside == Kind::LParen || beside == Kind::Bang || self.before_operand() => {
                Ok(StmtKind::Verify(self.print_arguments(true)?))
            }
            words::DEBUG if self.before_operand() || self.before_brackets(words::DEBUG) => {
                self.next();
                Ok(StmtKind::Debug(self.expression()?))
            }
            words::GC if matches!(beside, Kind::Str | Kind::TripleStr | Kind::TemplateOpen) => {
                self.next();
                self.expression()?;
                Ok(StmtKind::Gc)
            }
            words::EMIT if self.before_name(0) => self.emit(),
            words::DEFER if beside == Kind::LBrace || next.kind == Kind::LBrace || beside == Kind::Colon => {
                let head = self.pos;
                self.next();
                Ok(StmtKind::Defer(self.block(head)?))
            }
            words::PATTERN if self.starts_match() => Ok(StmtKind::Pattern(Box::new(self.match_body()?))),
            words::ELSE | words::ELIF | words::CATCH | words::FINALLY => self.stray_clause(word),
            _ => match self.declaration(word) {
                Some(done) => done,
                None => self.expression_statement(),
            },
        }
    }

    fn bare(&mut self, kind: StmtKind) -> StmtKind {
        self.next();
        kind
    }

    fn stray_clause(&mut self, word: Symbol) -> Parse<StmtKind> {
        let before = match word {
            words::ELSE | words::ELIF => "if",
            _ => "try",
        };
        let message = format!("`{}` without `{before}`", self.interner.resolve(word));
        self.fail(Diagnostic::new(message, self.token().span()))
    }

    fn return_statement(&mut self) -> Parse<StmtKind> {
        self.next();
        let bare = self.at_statement_end() || self.kind() == Kind::Comma;
        Ok(StmtKind::Return(if bare { None } else { Some(self.expression()?) }))
    }

    /// `let` or `const`, or a word that means `let` where it stands.
    pub(super) fn let_statement(&mut self, constant: bool) -> Parse<StmtKind> {
        self.next();
        let target = match self.kind() {
            Kind::LBrace => self.map_target()?,
            Kind::LBracket => self.list_target(Kind::RBracket, "`]`")?,
            Kind::LParen => self.list_target(Kind::RParen, "`)`")?,
            _ => LetTarget::Name(self.name("a name")?),
        };
        if self.eat(Kind::Colon) {
            self.type_name()?;
        }
        let ends = self.at_statement_end();
        if let LetTarget::Name(name) = target
            && !ends
            && self.eat(Kind::ShiftLeft)
        {
            return Ok(StmtKind::LetFile(name, self.expression()?));
        }
        let value = if !ends && self.eat(Kind::Assign) { Some(self.expression()?) } else { None };
        if value.is_none() && (constant || !matches!(target, LetTarget::Name(_))) {
            return self.fail_expected("`=` and a value");
        }
        Ok(StmtKind::Let { target, value, constant })
    }

    fn map_target(&mut self) -> Parse<LetTarget> {
        let open = self.pos;
        self.next();
        let mut names = Vec::new();
        while self.kind() != Kind::RBrace {
            let key = self.any_word("a name")?;
            let local = if self.eat(Kind::Colon) { self.name("a name")? } else { key };
            names.push((key, local));
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(Kind::RBrace, "`,` or `}`", open)?;
        Ok(LetTarget::Map(names))
    }

    fn list_target(&mut self, close: Kind, what: &str) -> Parse<LetTarget> {
        let open = self.pos;
        self.next();
        let (mut names, mut rest) = (Vec::new(), None);
        while self.kind() != close {
            if self.eat(Kind::Ellipsis) {
                rest = Some(self.name("a name")?);
                self.eat(Kind::Comma);
                break;
            }
            names.push(self.name("a name")?);
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(close, what, open)?;
        Ok(LetTarget::List(names, rest))
    }

    /// What follows `print` or `verify`, in any of its forms. Where not `listed`, a comma ends it.
    pub(super) fn print_arguments(&mut self, listed: bool) -> Parse<Vec<Expr>> {
        self.next();
        if self.at_statement_end() || !listed && self.kind() == Kind::Comma {
            return Ok(Vec::new());
        }
        if self.kind() == Kind::LParen && !goes_on(self.after_partner(self.pos), listed) {
            return self.arguments();
        }
        let mut values = vec![self.expression()?];
        while listed && self.kind() == Kind::Comma && !self.token().newline {
            self.next();
            values.push(self.expression()?);
        }
        Ok(values)
    }

    fn emit(&mut self) -> Parse<StmtKind> {
        self.next();
        let name = self.name("the name of an event")?;
        let beside = if self.token().newline { Kind::End } else { self.kind() };
        let args = match beside {
            Kind::LParen => EmitArgs::Positional(self.arguments()?),
            Kind::LBrace => EmitArgs::Named(self.map_entries()?),
            _ => EmitArgs::Positional(Vec::new()),
        };
        Ok(StmtKind::Emit(name, args))
    }

    /// A statement that begins with an operator must at least call something.
    fn unary_statement(&mut self) -> Parse<StmtKind> {
        let operator = self.token();
        let expr = self.expression()?;
        let mut inner = &expr;
        while let ExprKind::Unary(_, _, operand) = &inner.kind {
            inner = operand;
        }
        if matches!(inner.kind, ExprKind::Call { .. }) {
            return Ok(StmtKind::Expr(expr));
        }
        let text = self.text(operator.span());
        let diagnostic = Diagnostic::new(format!("a statement cannot begin with `{text}`"), operator.span())
            .help(format!("to go on with the line above, move the `{text}` to its end"));
        self.fail(diagnostic)
    }

    pub(super) fn expression_statement(&mut self) -> Parse<StmtKind> {
        let expr = self.expression()?;
        self.assignment(expr)
    }

    /// What follows an expression at the start of a statement.
    pub(super) fn assignment(&mut self, target: Expr) -> Parse<StmtKind> {
        let token = self.token();
        let newline = token.newline && self.context.newlines;
        if newline || !is_assign(token.kind) {
            return Ok(StmtKind::Expr(target));
        }
        if !is_target(&target) {
            let message = format!("cannot assign to this with `{}`", self.text(token.span()));
            let mut diagnostic = Diagnostic::new(message, target.span);
            diagnostic = diagnostic.help("a name, `a[i]` or `a.b` can be assigned; `==` compares");
            return self.fail(diagnostic);
        }
        self.next();
        let value = self.expression()?;
        Ok(StmtKind::Assign { target, op: compound(token.kind), op_span: token.span(), value })
    }

    /// `{k: v, ...}` with its braces.
    pub(super) fn map_entries(&mut self) -> Parse<Vec<(MapKey, Expr)>> {
        let expr = self.map()?;
        match expr.kind {
            ExprKind::Map(entries) => Ok(entries),
            _ => Err(Failed),
        }
    }

    /// A statement begun at token `start` does not end where it must.
    pub(super) fn unfinished(&mut self, start: usize) -> Parse<Stmt> {
        let span = self.token().span();
        let first = self.tokens[start];
        if self.pos == start + 1 && first.kind == Kind::Name && self.starts_operand() {
            return self.unknown_word(first);
        }
        if self.kind() == Kind::LBrace && first.kind == Kind::Name && !first.is(words::EACH) {
            let word = self.text(first.span()).to_ascii_lowercase();
            let heads = ["while", "for", "if", "elif", "else", "catch", "match"];
            if words::foreign(&word).is_some() || nearest(&word, heads.into_iter()).is_some() {
                return self.unknown_word(first);
            }
        }
        if let Some(diagnostic) = self.foreign_operator() {
            return self.fail(diagnostic);
        }
        let before = self.tokens[self.pos.saturating_sub(1)];
        if self.kind() == Kind::Name && before.kind == Kind::Name && self.text(before.span()) == "new" {
            let diagnostic = Diagnostic::new("`new` is not a word of this language", before.span());
            return self.fail(diagnostic.help(format!("an instance is made by a call: `{}(...)`", self.text(span))));
        }
        let mut diagnostic =
            Diagnostic::new(format!("expected the end of the statement, found {}", self.found()), span);
        let closer = matches!(self.kind(), Kind::RParen | Kind::RBracket);
        if closer && self.token().value == NONE {
            diagnostic = Diagnostic::new(format!("unexpected {}: no such bracket is open here", self.found()), span);
        } else if self.kind() == Kind::Assign {
            diagnostic = diagnostic.help("an assignment is a statement of its own, not a value");
        } else if self.kind() == Kind::ThinArrow {
            diagnostic = diagnostic.help("a lambda is written `(x) => ...`");
        } else if self.kind() == Kind::Equal {
            diagnostic = diagnostic.help("`=` assigns, `==` compares");
        } else if matches!(self.kind(), Kind::Name | Kind::Reserved) {
            diagnostic = diagnostic.help("begin a new line, or write `;` between two statements");
        }
        self.fail(diagnostic)
    }

    fn starts_operand(&self) -> bool {
        let operand = [Kind::Name, Kind::Reserved, Kind::Str, Kind::TemplateOpen, Kind::Int, Kind::Float, Kind::LBrace];
        operand.contains(&self.kind())
    }

    /// A statement begins with a word that nothing explains, and something follows it.
    fn unknown_word<T>(&mut self, first: Token) -> Parse<T> {
        let word = self.text(first.span());
        let lower = word.to_ascii_lowercase();
        if let Some(what) = words::outside(&lower) {
            let message = format!("`{lower}` is not supported: {what} outside this runtime");
            return self.fail(Diagnostic::new(message, first.span()));
        }
        if let Some(advice) = words::foreign(&lower) {
            let message = format!("`{word}` is not a word of this language");
            return self.fail(Diagnostic::new(message, first.span()).help(advice));
        }
        let meant = nearest(word, words::WORDS.iter().copied());
        let mut diagnostic =
            Diagnostic::new(format!("expected a statement, found `{word}` followed by {}", self.found()), first.span());
        if let Some(meant) = meant {
            diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
        } else if self.kind() == Kind::LBrace {
            diagnostic = diagnostic.help("a block of its own starts on a new line");
        } else {
            diagnostic = diagnostic.help(format!("a call is written `{word}(...)`"));
        }
        self.fail(diagnostic)
    }

    /// `debug (...)`, `spawn (...)` and the like with a brace, unless the program has such a name itself.
    pub(super) fn before_brackets(&mut self, word: Symbol) -> bool {
        let next = self.ahead(1);
        if next.newline || !matches!(next.kind, Kind::LParen | Kind::LBrace) {
            return false;
        }
        let declares = self.declares.unwrap_or_else(|| {
            super::looked(2 * self.tokens.len());
            let declared = |word| {
                self.tokens.windows(2).any(|pair| {
                    let before = [words::ACTION, words::FUNCTION, words::LET, words::CONST, words::METHOD];
                    pair[1].is(word) && before.iter().any(|before| pair[0].is(*before))
                })
            };
            [declared(words::DEBUG), declared(words::SPAWN)]
        });
        self.declares = Some(declares);
        !declares[usize::from(word == words::SPAWN)]
    }

    /// Names with commas between them.
    pub(super) fn names(&mut self, what: &str) -> Parse<Vec<Ident>> {
        let mut names = vec![self.name(what)?];
        while self.eat(Kind::Comma) {
            names.push(self.name(what)?);
        }
        Ok(names)
    }
}

/// Whether `print (a)` followed by `token` prints more than `a`.
fn goes_on(token: Token, listed: bool) -> bool {
    match token.kind {
        Kind::Comma => listed && !token.newline,
        Kind::LBracket | Kind::Question | Kind::FatArrow => !token.newline,
        Kind::Dot | Kind::QuestionDot => true,
        _ => {
            (!token.newline || super::expression::continues_line(token))
                && (super::expression::infix(token).is_some() || token.is(words::NOT))
        }
    }
}

fn is_assign(kind: Kind) -> bool {
    kind == Kind::Assign || compound(kind).is_some()
}

/// The operator of a compound assignment.
fn compound(kind: Kind) -> Option<BinaryOp> {
    Some(match kind {
        Kind::PlusAssign => BinaryOp::Add,
        Kind::MinusAssign => BinaryOp::Sub,
        Kind::StarAssign => BinaryOp::Mul,
        Kind::SlashAssign => BinaryOp::Div,
        Kind::PercentAssign => BinaryOp::Mod,
        Kind::PowerAssign => BinaryOp::Pow,
        _ => return None,
    })
}

/// A name, `a[i]`, `a.b`, or a chain of these without `?.`.
fn is_target(mut expr: &Expr) -> bool {
    if !matches!(expr.kind, ExprKind::Name(_) | ExprKind::Index { .. } | ExprKind::Member { .. }) {
        return false;
    }
    loop {
        match &expr.kind {
            ExprKind::Index { optional: true, .. } | ExprKind::Member { optional: true, .. } => {
                return false;
            }
            ExprKind::Index { parts, .. } => expr = &parts.0,
            ExprKind::Member { object, .. } => expr = object,
            _ => return true,
        }
    }
}
