//! Declarations outside contracts, imports and exports.

use super::action::Flags;
use super::{Parse, Parser};
use crate::syntax::ast::{Expr, Ident, Stmt, StmtKind, Symbol, Use};
use crate::syntax::diagnostic::Diagnostic;
use crate::syntax::token::{Kind, NONE};
use crate::syntax::words;

impl Parser<'_> {
    /// The declaration that `word` starts here; `None` if it is a name.
    pub(super) fn declaration(&mut self, word: Symbol) -> Option<Parse<StmtKind>> {
        let next = self.ahead(1);
        let beside = if next.newline { Kind::End } else { next.kind };
        let named = self.before_name(0);
        let done = match word {
            words::ACTION | words::FUNCTION if self.starts_action(0) => self.named_action(Flags::default(), self.pos),
            words::USE
                if named || matches!(beside, Kind::Str | Kind::TripleStr | Kind::LBrace | Kind::TemplateOpen) =>
            {
                self.next();
                self.import().map(|import| StmtKind::Use(Box::new(import)))
            }
            words::EXPORT if next.word().is_some() && !next.newline || beside == Kind::LBrace => self.export(),
            words::EVENT if named => self.event().map(|(name, _)| StmtKind::Event(name)),
            words::CONTRACT if named => self.contract().map(|contract| StmtKind::Contract(Box::new(contract))),
            words::ENTITY if named => self.entity(false).map(|entity| StmtKind::Entity(Box::new(entity))),
            words::DATA if named && self.declares_data() => {
                self.entity(true).map(|entity| StmtKind::Entity(Box::new(entity)))
            }
            words::ENUM if named => self.enumeration(),
            words::PROTOCOL | words::INTERFACE if named => self.protocol(),
            words::MODULE if named => self.module(),
            words::TYPE_ALIAS if named => self.type_alias(),
            words::STATE | words::STORAGE | words::DATA if named => self.let_statement(false),
            words::PERSISTENT if named => {
                if matches!(self.keyword(1), Some(words::STORAGE | words::STATE | words::DATA | words::LET))
                    && self.before_name(1)
                {
                    self.next();
                }
                self.let_statement(false)
            }
            _ => return self.modified_declaration(),
        };
        Some(done)
    }

    /// `data NAME {`, `data NAME extends`.
    fn declares_data(&self) -> bool {
        self.ahead(2).kind == Kind::LBrace || self.ahead(2).is(words::EXTENDS)
    }

    /// A declaration behind words such as `async` or `external`.
    fn modified_declaration(&mut self) -> Option<Parse<StmtKind>> {
        let (mut flags, mut ahead) = (Flags::default(), 0);
        while let Some(word) = self.keyword(ahead)
            && self.ahead(ahead + 1).word().is_some()
            && self.same_line(ahead + 1)
            && flags.take(word)
        {
            ahead += 1;
        }
        if ahead == 0 {
            return None;
        }
        let head = self.pos;
        if self.starts_action(ahead) {
            self.pos += ahead;
            return Some(self.named_action(flags, head));
        }
        let word = self.keyword(ahead)?;
        let declares = [words::CONTRACT, words::ENTITY, words::DATA, words::STATE, words::STORAGE].contains(&word);
        if (declares && self.before_name(ahead)) || [words::LET, words::CONST].contains(&word) {
            self.pos += ahead;
            return match word {
                words::LET => Some(self.let_statement(false)),
                words::CONST => Some(self.let_statement(true)),
                _ => self.declaration(word),
            };
        }
        None
    }

    fn named_action(&mut self, flags: Flags, head: usize) -> Parse<StmtKind> {
        Ok(StmtKind::Action(Box::new(self.action(flags, head)?)))
    }

    /// From behind the word `use` on.
    fn import(&mut self) -> Parse<Use> {
        let names = if self.kind() == Kind::LBrace {
            let names = self.import_names()?;
            self.expect_word(words::FROM)?;
            Some(names)
        } else {
            None
        };
        if !matches!(self.kind(), Kind::Str | Kind::TripleStr) {
            return self.fail_expected("the path of a module, in quotes");
        }
        let path_span = self.token().span();
        let path = self.string()?;
        let alias = if names.is_none() && self.is_word(words::AS) && self.same_line(0) {
            self.next();
            Some(self.name("a name after `as`")?)
        } else {
            None
        };
        Ok(Use { path, path_span, alias, names })
    }

    fn import_names(&mut self) -> Parse<Vec<(Ident, Ident)>> {
        let open = self.pos;
        self.next();
        let mut names = Vec::new();
        while self.kind() != Kind::RBrace {
            let name = self.any_word("a name")?;
            let local = if self.eat_word(words::AS) { self.name("a name after `as`")? } else { name };
            names.push((name, local));
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(Kind::RBrace, "`,` or `}`", open)?;
        Ok(names)
    }

    fn export(&mut self) -> Parse<StmtKind> {
        self.next();
        if self.keyword(0) == Some(words::USE)
            && !matches!(self.ahead(1).kind, Kind::Comma | Kind::End)
            && self.same_line(1)
        {
            self.next();
            return Ok(StmtKind::ExportUse(Box::new(self.import()?)));
        }
        if self.kind() == Kind::LBrace {
            let open = self.pos;
            self.next();
            let names = self.names("a name")?;
            self.expect_close(Kind::RBrace, "`,` or `}`", open)?;
            return Ok(StmtKind::ExportNames(names));
        }
        let after = self.ahead(1);
        let list = after.newline || matches!(after.kind, Kind::Comma | Kind::Semicolon | Kind::RBrace | Kind::End);
        if self.kind() == Kind::Name && list {
            return Ok(StmtKind::ExportNames(self.names("a name")?));
        }
        let place = self.token().span();
        let declared = self.statement()?;
        if is_declaration(&declared) {
            return Ok(StmtKind::ExportDecl(Box::new(declared)));
        }
        self.fail(Diagnostic::new("expected a declaration or names after `export`", place))
    }

    /// `event E`, `event E(a, b)`, `event E { a: T }`: the name and the names of the parameters.
    pub(super) fn event(&mut self) -> Parse<(Ident, Vec<Ident>)> {
        self.next();
        let name = self.name("the name of an event")?;
        let open = self.pos;
        let close = match self.kind() {
            _ if self.token().newline => return Ok((name, Vec::new())),
            Kind::LParen => Kind::RParen,
            Kind::LBrace => Kind::RBrace,
            _ => return Ok((name, Vec::new())),
        };
        self.next();
        let mut params = Vec::new();
        loop {
            while matches!(self.kind(), Kind::Comma | Kind::Semicolon) {
                self.next();
            }
            if self.kind() == close {
                break;
            }
            if !params.is_empty()
                && !self.token().newline
                && !matches!(self.tokens[self.pos - 1].kind, Kind::Comma | Kind::Semicolon)
            {
                break;
            }
            params.push(self.name("the name of a parameter")?);
            if self.eat(Kind::Colon) {
                self.type_name()?;
            }
        }
        self.expect_close(close, if close == Kind::RParen { "`,` or `)`" } else { "`,` or `}`" }, open)?;
        Ok((name, params))
    }

    fn enumeration(&mut self) -> Parse<StmtKind> {
        let head = self.pos;
        self.next();
        let name = self.name("the name of an enum")?;
        let body = self.open_body(head)?;
        let mut members: Vec<(Ident, Option<Expr>)> = Vec::new();
        loop {
            while matches!(self.kind(), Kind::Comma | Kind::Semicolon) {
                self.next();
            }
            if self.at_body_end(&body) {
                break;
            }
            if !members.is_empty() && !self.separated() {
                return self.fail_expected("`,` or `}`");
            }
            let member = self.any_word("the name of a member")?;
            let value = if self.eat(Kind::Assign) { Some(self.expression()?) } else { None };
            members.push((member, value));
        }
        self.close_body(&body)?;
        Ok(StmtKind::Enum(name, members))
    }

    /// Whether a separator or a newline stands before the present token, or a block ended there.
    pub(super) fn separated(&self) -> bool {
        let before = self.tokens[self.pos.saturating_sub(1)].kind;
        self.token().newline || self.block_end == self.pos || matches!(before, Kind::Comma | Kind::Semicolon)
    }

    fn protocol(&mut self) -> Parse<StmtKind> {
        let head = self.pos;
        self.next();
        let name = self.name("the name of a protocol")?;
        if self.eat_word(words::EXTENDS) {
            self.dotted_names()?;
        }
        let body = self.open_body(head)?;
        let mut signatures = Vec::new();
        loop {
            while matches!(self.kind(), Kind::Comma | Kind::Semicolon) {
                self.next();
            }
            if self.at_body_end(&body) {
                break;
            }
            if !signatures.is_empty() && !self.separated() {
                return self.fail_expected("the end of the signature");
            }
            self.flags(&mut Flags::default());
            if self.starts_action(0) {
                self.next();
                self.flags(&mut Flags::default());
            }
            let action = self.any_word("`action` and a name")?;
            let params = if self.kind() == Kind::LParen { self.params()? } else { Vec::new() };
            while let Some(word) = self.keyword(0)
                && !self.token().newline
                && Flags::default().take(word)
            {
                self.next();
            }
            if self.eat(Kind::ThinArrow) {
                self.type_name()?;
            }
            signatures.push((action, params.len()));
        }
        self.close_body(&body)?;
        Ok(StmtKind::Protocol(name, signatures))
    }

    fn module(&mut self) -> Parse<StmtKind> {
        let head = self.pos;
        self.next();
        let name = self.name("the name of a module")?;
        Ok(StmtKind::Module(name, self.block(head)?))
    }

    fn type_alias(&mut self) -> Parse<StmtKind> {
        self.next();
        let name = self.name("the name of a type")?;
        let open = self.pos;
        self.eat(Kind::Assign);
        if self.kind() != Kind::LBrace {
            if open == self.pos {
                return self.fail_expected("`=` and a type");
            }
            self.type_name()?;
            return Ok(StmtKind::TypeAlias(name));
        }
        let partner = self.token().value;
        if partner == NONE {
            let open = self.pos;
            self.pos = self.tokens.len() - 1;
            self.expect_close(Kind::RBrace, "`}`", open)?;
        }
        self.pos = partner as usize + 1;
        Ok(StmtKind::TypeAlias(name))
    }

    /// Dotted names with commas between them.
    pub(super) fn dotted_names(&mut self) -> Parse<Vec<Expr>> {
        let mut names = vec![self.dotted_name()?];
        while self.eat(Kind::Comma) {
            names.push(self.dotted_name()?);
        }
        Ok(names)
    }
}

fn is_declaration(stmt: &Stmt) -> bool {
    matches!(
        stmt.kind,
        StmtKind::Let { .. }
            | StmtKind::LetFile(..)
            | StmtKind::Action(_)
            | StmtKind::Contract(_)
            | StmtKind::Entity(_)
            | StmtKind::Enum(..)
            | StmtKind::Protocol(..)
            | StmtKind::Module(..)
            | StmtKind::TypeAlias(_)
            | StmtKind::Event(_)
            | StmtKind::Error
    )
}
