//! Actions, lambdas, parameters, and the words around them.

use super::{BRACKETS, Context, Parse, Parser};
use crate::syntax::ast::{Action, ActionKind, Block, Expr, ExprKind, Ident, Param, Span, Stmt, StmtKind, Symbol};
use crate::syntax::diagnostic::Diagnostic;
use crate::syntax::token::Kind;
use crate::syntax::words;

/// What the words before and after an action's name said.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the language, independent of the others")]
pub(super) struct Flags {
    pub(super) private: bool,
    pub(super) view: bool,
    pub(super) external: bool,
    pub(super) persistent: bool,
}

impl Flags {
    /// Takes in a modifier word; false if it is none.
    pub(super) fn take(&mut self, word: Symbol) -> bool {
        match word {
            words::PRIVATE => self.private = true,
            words::VIEW | words::PURE => self.view = true,
            words::EXTERNAL => self.external = true,
            words::PERSISTENT => self.persistent = true,
            words::PUBLIC
            | words::PAYABLE
            | words::ASYNC
            | words::INLINE
            | words::NATIVE
            | words::SEALED
            | words::SECURE => {}
            _ => return false,
        }
        true
    }
}

impl Parser<'_> {
    /// Takes the modifier words that stand before another word.
    pub(super) fn flags(&mut self, flags: &mut Flags) {
        while let Some(word) = self.keyword(0)
            && self.ahead(1).word().is_some()
            && self.same_line(1)
            && flags.take(word)
        {
            self.next();
        }
    }

    /// Whether `action NAME` stands `ahead` places on.
    pub(super) fn starts_action(&self, ahead: usize) -> bool {
        if !matches!(self.keyword(ahead), Some(words::ACTION | words::FUNCTION | words::METHOD)) {
            return false;
        }
        let name = self.ahead(ahead + 1);
        if name.newline || name.word().is_none() {
            return false;
        }
        let operator = [words::IN, words::AND, words::OR, words::NOT].iter().any(|word| name.is(*word));
        !operator || matches!(self.ahead(ahead + 2).kind, Kind::LParen | Kind::LBrace)
    }

    /// An action from its keyword on, the words before it having been taken.
    pub(super) fn action(&mut self, mut flags: Flags, head: usize) -> Parse<Action> {
        self.next();
        self.flags(&mut flags);
        let name = self.any_word("the name of the action")?;
        self.action_after_name(name, flags, head)
    }

    /// An action from behind its name on; `head` is its first token.
    pub(super) fn action_after_name(&mut self, name: Ident, mut flags: Flags, head: usize) -> Parse<Action> {
        let start = self.tokens[head].span();
        let params = if self.kind() == Kind::LParen { self.params()? } else { Vec::new() };
        let (mut limit, mut modifiers) = (None, Vec::new());
        self.attributes(&mut flags, &mut limit, &mut modifiers)?;
        let kind = if flags.external { ActionKind::External } else { ActionKind::Named };
        let body = if flags.external && !matches!(self.kind(), Kind::LBrace | Kind::Colon) {
            Block { stmts: Vec::new(), span: self.span_from(start) }
        } else {
            self.block(head)?
        };
        let Flags { private, view, .. } = flags;
        let span = self.span_from(start);
        Ok(Action { name: Some(name), kind, params, body, private, view, limit, modifiers, span })
    }

    /// Result type, `limit`, `modifier` and visibility, between the parameters and the body.
    fn attributes(
        &mut self,
        flags: &mut Flags,
        limit: &mut Option<Expr>,
        modifiers: &mut Vec<(Ident, Vec<Expr>)>,
    ) -> Parse<()> {
        loop {
            if flags.external && self.token().newline {
                return Ok(());
            }
            if self.eat(Kind::ThinArrow) {
                self.type_name()?;
                continue;
            }
            match self.keyword(0) {
                Some(words::LIMIT) => {
                    self.next();
                    *limit = Some(self.in_head(Self::expression)?);
                }
                Some(words::MODIFIER) => {
                    self.next();
                    loop {
                        let name = self.name("the name of a modifier")?;
                        let args = if self.kind() == Kind::LParen { self.arguments()? } else { Vec::new() };
                        modifiers.push((name, args));
                        if !self.eat(Kind::Comma) {
                            break;
                        }
                    }
                }
                Some(word) if flags.take(word) => {
                    self.next();
                }
                _ => return Ok(()),
            }
        }
    }

    /// `(a, b: T, c = 1)`
    pub(super) fn params(&mut self) -> Parse<Vec<Param>> {
        let open = self.pos;
        self.next();
        self.enter()?;
        let saved = std::mem::replace(&mut self.context, BRACKETS);
        let mut params = Vec::new();
        while self.kind() != Kind::RParen {
            let name = self.name("a parameter")?;
            if self.eat(Kind::Colon) {
                self.type_name()?;
            }
            let default = if self.eat(Kind::Assign) { Some(self.expression()?) } else { None };
            params.push(Param { name, default });
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(Kind::RParen, "`,` or `)`", open)?;
        self.context = saved;
        self.depth -= 1;
        Ok(params)
    }

    /// Whether the present word starts an anonymous action or a `lambda`.
    pub(super) fn starts_lambda(&self) -> bool {
        let mut at = self.pos;
        let lowered = |at: usize| self.at(at).word().map(|word| words::lower(word).unwrap_or(word));
        if lowered(at) == Some(words::ASYNC) {
            at += 1;
            if self.at(at).newline {
                return false;
            }
            if self.at(at).kind == Kind::LParen {
                return self.after_partner(at).kind == Kind::FatArrow;
            }
        }
        let lambda = match lowered(at) {
            Some(words::ACTION | words::FUNCTION) => false,
            Some(words::LAMBDA) => true,
            _ => return false,
        };
        if lowered(at + 1) == Some(words::ASYNC) {
            at += 1;
        }
        let open = self.at(at + 1);
        if open.kind == Kind::LBrace {
            return !open.newline;
        }
        let after = self.after_partner(at + 1);
        open.kind == Kind::LParen
            && match after.kind {
                Kind::LBrace => !after.newline || !self.context.newlines,
                Kind::ThinArrow | Kind::FatArrow => true,
                Kind::Colon => lambda || self.at(self.partner(at + 1) + 2).newline,
                _ => false,
            }
    }

    fn partner(&self, index: usize) -> usize {
        (self.at(index).value as usize).min(self.tokens.len())
    }

    /// `action(x) { }`, `function(x) { }`, `lambda(x) { }`, `lambda(x): e`.
    pub(super) fn keyword_lambda(&mut self) -> Parse<Expr> {
        let head = self.pos;
        let mut flags = Flags::default();
        self.flags(&mut flags);
        if self.kind() == Kind::Name && self.ahead(1).kind == Kind::LParen && self.is_word(words::ASYNC) {
            self.next();
            return self.arrow_lambda();
        }
        let lambda = self.is_word(words::LAMBDA);
        self.next();
        self.eat_word(words::ASYNC);
        let params = if self.kind() == Kind::LParen { self.params_of_lambda()? } else { (Vec::new(), 0) };
        if self.eat(Kind::ThinArrow) {
            self.type_name()?;
        }
        let colon = self.kind() == Kind::Colon && lambda && !self.ahead(1).newline;
        if colon || self.kind() == Kind::FatArrow {
            let brace = !colon && self.ahead(1).kind == Kind::LBrace;
            self.next();
            return if brace { self.block_lambda(params, head) } else { self.expression_lambda(params, head) };
        }
        self.block_lambda(params, head)
    }

    /// `x => e`, `(a, b) => e`, `() => { }`.
    pub(super) fn arrow_lambda(&mut self) -> Parse<Expr> {
        let head = self.pos;
        let params = if self.kind() == Kind::Name {
            (vec![Param { name: self.ident(), default: None }], 0)
        } else {
            self.params_of_lambda()?
        };
        self.expect(Kind::FatArrow, "`=>`")?;
        let map = self.kind() == Kind::LBrace && self.ahead(1).kind == Kind::Str && self.ahead(2).kind == Kind::Colon;
        if map {
            // A block cannot start so: one error, and the map is taken as what was meant.
            let diagnostic = Diagnostic::new("a map as the body of a lambda needs parentheses", self.token().span());
            self.report(diagnostic.help("write `=> ({...})`: without them, `{` opens a block"));
            return self.expression_lambda(params, head);
        }
        if self.kind() == Kind::LBrace { self.block_lambda(params, head) } else { self.expression_lambda(params, head) }
    }

    /// Parameters, and the height of their highest default.
    fn params_of_lambda(&mut self) -> Parse<(Vec<Param>, u32)> {
        let saved = std::mem::replace(&mut self.tallest, 0);
        let params = self.params()?;
        let height = std::mem::replace(&mut self.tallest, saved);
        Ok((params, height))
    }

    fn block_lambda(&mut self, params: (Vec<Param>, u32), head: usize) -> Parse<Expr> {
        let saved = std::mem::replace(&mut self.tallest, 0);
        let body = self.block(head)?;
        let height = std::mem::replace(&mut self.tallest, saved);
        self.lambda(params, body, height, head)
    }

    fn expression_lambda(&mut self, params: (Vec<Param>, u32), head: usize) -> Parse<Expr> {
        self.enter()?;
        let context = Context { arrow: true, ..self.context };
        let value = self.within(context, Self::expression)?;
        self.depth -= 1;
        let (span, height) = (value.span, self.height);
        let stmts = vec![Stmt { kind: StmtKind::Return(Some(value)), span }];
        self.lambda(params, Block { stmts, span }, height, head)
    }

    fn lambda(&mut self, params: (Vec<Param>, u32), body: Block, height: u32, head: usize) -> Parse<Expr> {
        let start = self.tokens[head].span();
        let span = self.span_from(start);
        self.height = self.checked_height(height.max(params.1) + 1, start)?;
        let action = anonymous(params.0, body, span);
        Ok(Expr { kind: ExprKind::Lambda(Box::new(action)), span })
    }

    /// `{ ... }` after `spawn`: an action called at once.
    pub(super) fn spawned_block(&mut self) -> Parse<Expr> {
        let head = self.pos;
        let callee = Box::new(self.block_lambda((Vec::new(), 0), head)?);
        let span = callee.span;
        self.height += 1;
        Ok(Expr { kind: ExprKind::Call { callee, args: Vec::new(), optional: false }, span })
    }
}

fn anonymous(params: Vec<Param>, body: Block, span: Span) -> Action {
    Action {
        name: None,
        kind: ActionKind::Lambda,
        params,
        body,
        private: false,
        view: false,
        limit: None,
        modifiers: Vec::new(),
        span,
    }
}
