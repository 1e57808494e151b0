//! Contracts, entities and data: fields, events, modifiers and actions.

use super::action::Flags;
use super::block::Body;
use super::{Parse, Parser};
use crate::syntax::ast::{Action, Contract, Entity, Expr, Field, Ident};
use crate::syntax::token::Kind;
use crate::syntax::words;

impl Parser<'_> {
    pub(super) fn contract(&mut self) -> Parse<Contract> {
        let head = self.pos;
        let start = self.next().span();
        let name = self.name("the name of a contract")?;
        let (mut extends, mut implements) = (None, Vec::new());
        loop {
            if self.eat_word(words::EXTENDS) {
                extends = Some(self.dotted_name()?);
            } else if self.eat_word(words::IMPLEMENTS) {
                implements.append(&mut self.dotted_names()?);
            } else {
                break;
            }
        }
        let mut contract = Contract {
            name,
            extends,
            implements,
            fields: Vec::new(),
            events: Vec::new(),
            modifiers: Vec::new(),
            actions: Vec::new(),
            span: start,
        };
        let body = self.open_body(head)?;
        self.members(&body, |parser| parser.contract_member(&mut contract));
        self.close_body(&body)?;
        contract.span = self.span_from(start);
        Ok(contract)
    }

    /// Runs `member` to the end of the body, recovering from mistakes.
    fn members(&mut self, body: &Body, mut member: impl FnMut(&mut Self) -> Parse<()>) {
        let saved = std::mem::replace(&mut self.context, super::STATEMENT);
        loop {
            while matches!(self.kind(), Kind::Comma | Kind::Semicolon) {
                self.next();
            }
            if self.at_body_end(body) {
                break;
            }
            let start = self.pos;
            self.recover(|parser| {
                member(parser)?;
                if parser.at_statement_end() || parser.kind() == Kind::Comma {
                    return Ok(());
                }
                parser.fail_expected("the end of the member")
            });
            if self.pos == start {
                self.next();
            }
        }
        self.context = saved;
    }

    fn contract_member(&mut self, contract: &mut Contract) -> Parse<()> {
        let head = self.pos;
        let mut flags = Flags::default();
        self.flags(&mut flags);
        if let Some(action) = self.member_action(flags, head)? {
            contract.actions.push(action);
            return Ok(());
        }
        let next = self.ahead(1);
        let named = self.before_name(0);
        match self.keyword(0) {
            Some(words::EVENT) if named => contract.events.push(self.event()?),
            Some(words::MODIFIER) if named => {
                self.next();
                let name = self.name("the name of a modifier")?;
                contract.modifiers.push(self.action_after_name(name, flags, head)?);
            }
            Some(words::STATE) if next.kind == Kind::LBrace => {
                self.next();
                self.state_fields(flags, &mut contract.fields)?;
            }
            Some(
                word @ (words::DATA
                | words::STATE
                | words::STORAGE
                | words::LEDGER
                | words::LET
                | words::CONST
                | words::PERSISTENT),
            ) if named || matches!(word, words::LET | words::CONST) => {
                flags.persistent |= word == words::PERSISTENT;
                self.next();
                let mut field = self.field(flags)?;
                field.constant = word == words::CONST;
                contract.fields.push(field);
            }
            // `persistent x = e`, `private x = e`: the word before was taken as a flag.
            Some(_) | None if self.pos > head && self.kind() == Kind::Name => {
                let field = self.field(flags)?;
                contract.fields.push(field);
            }
            _ => return self.unknown_member(),
        }
        Ok(())
    }

    fn unknown_member<T>(&mut self) -> Parse<T> {
        let message = format!("expected a field, an event, a modifier or an action, found {}", self.found());
        let mut diagnostic = crate::syntax::Diagnostic::new(message, self.token().span());
        if self.kind() == Kind::Name {
            let word = self.text(self.token().span());
            let known = [
                "action",
                "state",
                "data",
                "event",
                "modifier",
                "persistent",
                "storage",
                "private",
                "constructor",
                "function",
                "const",
            ];
            if self.before_name(0)
                && let Some(meant) = crate::syntax::diagnostic::nearest(word, known.into_iter())
            {
                diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
            } else if matches!(self.ahead(1).kind, Kind::Assign | Kind::Colon) {
                diagnostic = diagnostic.help(format!("a field is declared by `state {word} = ...`"));
            } else if self.ahead(1).kind == Kind::LParen {
                diagnostic = diagnostic.help(format!("an action is declared by `action {word}(...)`"));
            }
        }
        self.fail(diagnostic)
    }

    /// `action f(...) { }`, `constructor(...) { }`, if one stands here.
    fn member_action(&mut self, flags: Flags, head: usize) -> Parse<Option<Action>> {
        if self.starts_action(0) {
            return Ok(Some(self.action(flags, head)?));
        }
        if self.keyword(0) == Some(words::CONSTRUCTOR) && matches!(self.ahead(1).kind, Kind::LParen | Kind::LBrace) {
            let span = self.next().span();
            let name = Ident { symbol: words::CONSTRUCTOR, span };
            return Ok(Some(self.action_after_name(name, flags, head)?));
        }
        Ok(None)
    }

    /// `{ a: 1, b: 2 }` after `state`.
    fn state_fields(&mut self, flags: Flags, fields: &mut Vec<Field>) -> Parse<()> {
        let open = self.pos;
        self.next();
        let mut first = true;
        loop {
            while matches!(self.kind(), Kind::Comma | Kind::Semicolon) {
                self.next();
            }
            if self.kind() == Kind::RBrace {
                break;
            }
            if !first && !self.separated() {
                break;
            }
            first = false;
            let name = self.name("the name of a field or `}`")?;
            let given = self.eat(Kind::Colon) || self.eat(Kind::Assign);
            let value = if given { Some(self.expression()?) } else { None };
            fields.push(field(name, value, None, flags));
        }
        self.expect_close(Kind::RBrace, "`,` or `}`", open)?;
        self.block_end = self.pos;
        Ok(())
    }

    /// `x [: T] [= e]`
    fn field(&mut self, flags: Flags) -> Parse<Field> {
        let name = self.name("the name of a field")?;
        let type_name = if self.eat(Kind::Colon) { Some(self.type_name()?) } else { None };
        let given = !self.token().newline && self.eat(Kind::Assign);
        let value = if given { Some(self.expression()?) } else { None };
        Ok(field(name, value, type_name, flags))
    }

    /// `entity` or `data`.
    pub(super) fn entity(&mut self, immutable: bool) -> Parse<Entity> {
        let head = self.pos;
        let start = self.next().span();
        let name = self.name("a name")?;
        let extends = if self.eat_word(words::EXTENDS) { Some(self.dotted_name()?) } else { None };
        let mut entity = Entity { name, immutable, extends, fields: Vec::new(), methods: Vec::new(), span: start };
        let body = self.open_body(head)?;
        self.members(&body, |parser| parser.entity_member(&mut entity));
        self.close_body(&body)?;
        entity.span = self.span_from(start);
        Ok(entity)
    }

    fn entity_member(&mut self, entity: &mut Entity) -> Parse<()> {
        let head = self.pos;
        let mut flags = Flags::default();
        self.flags(&mut flags);
        if let Some(action) = self.member_action(flags, head)? {
            entity.methods.push(action);
            return Ok(());
        }
        let word = self.keyword(0);
        let introduces = matches!(word, Some(words::DATA | words::STATE | words::LET | words::CONST));
        if introduces && self.before_name(0) {
            self.next();
        }
        if self.kind() == Kind::Name && self.ahead(1).kind == Kind::LParen {
            return self.unknown_member();
        }
        let mut field = self.field(flags)?;
        field.constant = introduces && word == Some(words::CONST);
        entity.fields.push(field);
        Ok(())
    }
}

fn field(name: Ident, value: Option<Expr>, type_name: Option<Box<str>>, flags: Flags) -> Field {
    let Flags { private, persistent, .. } = flags;
    Field { name, value, type_name, private, persistent, constant: false }
}
