//! Types: read, and but for the name at their head forgotten.

use super::{Parse, Parser};
use crate::syntax::token::Kind;

impl Parser<'_> {
    /// Takes a type. Gives its head name: `Map<K, V>` gives `Map`; `[T]` and `T[]` give `list`.
    pub(super) fn type_name(&mut self) -> Parse<Box<str>> {
        self.enter()?;
        let mut head = self.type_head()?;
        loop {
            let newline = self.token().newline;
            match self.kind() {
                Kind::LBracket if !newline && self.ahead(1).kind == Kind::RBracket => {
                    self.next();
                    self.next();
                    head = "list".into();
                }
                Kind::Question if !newline => {
                    self.next();
                }
                _ => break,
            }
        }
        self.depth -= 1;
        Ok(head)
    }

    fn type_head(&mut self) -> Parse<Box<str>> {
        let open = self.pos;
        match self.kind() {
            Kind::LBracket => {
                self.next();
                self.type_name()?;
                self.expect_close(Kind::RBracket, "`]`", open)?;
                Ok("list".into())
            }
            Kind::LParen => {
                self.next();
                while self.kind() != Kind::RParen {
                    self.type_name()?;
                    if !self.eat(Kind::Comma) {
                        break;
                    }
                }
                self.expect_close(Kind::RParen, "`,` or `)`", open)?;
                if self.eat(Kind::ThinArrow) {
                    self.type_name()?;
                    return Ok("function".into());
                }
                Ok("tuple".into())
            }
            _ => self.named_type(open),
        }
    }

    fn named_type(&mut self, start: usize) -> Parse<Box<str>> {
        self.any_word("a type")?;
        while self.kind() == Kind::Dot && self.ahead(1).word().is_some() {
            self.next();
            self.next();
        }
        let head = self.text(self.span_from(self.tokens[start].span())).into();
        if self.kind() == Kind::Less && !self.token().newline {
            let open = self.pos;
            self.next();
            while !self.at_type_end() {
                self.type_name()?;
                if !self.eat(Kind::Comma) {
                    break;
                }
            }
            if !self.at_type_end() {
                return self.expect_close(Kind::Greater, "`,` or `>`", open).map(|_| head);
            }
            self.take_greater();
        }
        Ok(head)
    }

    fn at_type_end(&self) -> bool {
        matches!(self.kind(), Kind::Greater | Kind::ShiftRight | Kind::GreaterEqual)
    }

    /// Takes one `>`, of `>>` or `>=` only the first half.
    fn take_greater(&mut self) {
        let rest = match self.kind() {
            Kind::ShiftRight => Kind::Greater,
            Kind::GreaterEqual => Kind::Assign,
            _ => {
                self.next();
                return;
            }
        };
        let token = &mut self.tokens[self.pos];
        token.kind = rest;
        token.start += 1;
        token.newline = false;
    }
}
