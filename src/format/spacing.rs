//! What stands between two tokens of a line: a blank or nothing.

use crate::syntax::{Kind, Token, is_contextual};

/// The tokens of a text with what the blanks between them depend on.
pub(super) struct Spacing<'a> {
    source: &'a str,
    tokens: &'a [Token],
    /// By token: what it is where several things look alike.
    roles: Vec<Role>,
}

/// What a token is, beyond its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Plain,
    /// An operator before its operand: `-x`.
    Prefix,
    /// `T?`, `<` and `>` of a type.
    Type,
    /// `? :`
    Ternary,
    /// The colon of a slice.
    Slice,
    /// A brace of a map, a pattern or the fields of an entity.
    Tight,
}

impl<'a> Spacing<'a> {
    pub(super) fn new(source: &'a str, tokens: &'a [Token]) -> Self {
        let mut spacing = Self { source, tokens, roles: vec![Role::Plain; tokens.len()] };
        spacing.find_roles();
        spacing
    }

    /// Whether the brace at this token is one of a map or the like.
    pub(super) fn is_tight_brace(&self, index: usize) -> bool {
        self.roles[index] == Role::Tight
    }

    /// Whether the token belongs to a type.
    pub(super) fn is_of_type(&self, index: usize) -> bool {
        self.roles[index] == Role::Type
    }

    fn text(&self, index: usize) -> &str {
        &self.source[self.tokens[index].start as usize..self.tokens[index].end as usize]
    }

    fn kind(&self, index: usize) -> Kind {
        self.tokens.get(index).map_or(Kind::End, |token| token.kind)
    }

    /// A word that is a name here: after a dot, and as an action's name, every word is.
    fn is_name(&self, index: usize) -> bool {
        let kind = self.kind(index);
        let follows = |before: usize| match self.kind(before) {
            Kind::Dot | Kind::QuestionDot => true,
            _ => matches!(self.text(before), "action" | "function"),
        };
        kind == Kind::Name || kind == Kind::Reserved && index > 0 && follows(index - 1)
    }

    /// A word that stands for a value: `this`, `true`.
    fn is_value_word(&self, index: usize) -> bool {
        self.kind(index) == Kind::Reserved && matches!(self.text(index), "this" | "self" | "true" | "false" | "null")
    }

    /// Whether an operand may end with this token.
    fn ends_operand(&self, index: usize) -> bool {
        match self.kind(index) {
            Kind::Int
            | Kind::Float
            | Kind::Str
            | Kind::TripleStr
            | Kind::Bytes
            | Kind::TemplateClose
            | Kind::RParen
            | Kind::RBracket
            | Kind::RBrace => true,
            _ => self.is_name(index) || self.is_value_word(index),
        }
    }

    /// Whether blanks stand behind the token in the text as written.
    fn blank_after(&self, index: usize) -> bool {
        self.tokens.get(index + 1).is_some_and(|next| next.start > self.tokens[index].end)
    }

    fn find_roles(&mut self) {
        // For each open bracket: its token, and how many `?` wait for their `:`.
        let mut open: Vec<(usize, u32)> = vec![(usize::MAX, 0)];
        for index in 0..self.tokens.len() {
            let role = match self.kind(index) {
                Kind::LBrace if self.is_map_brace(index) => Role::Tight,
                Kind::Minus if index == 0 || !self.ends_operand(index - 1) => Role::Prefix,
                Kind::Minus if is_contextual(self.text(index - 1)) => self.minus_after_keyword(index),
                Kind::Bang | Kind::Tilde => Role::Prefix,
                Kind::Question if self.is_type_question(index) => Role::Type,
                Kind::Question => {
                    if let Some(last) = open.last_mut() {
                        last.1 += 1;
                    }
                    Role::Ternary
                }
                Kind::Colon => self.colon(&mut open),
                Kind::Less if self.roles[index] == Role::Plain => {
                    self.mark_type(index);
                    self.roles[index]
                }
                _ => self.roles[index],
            };
            self.roles[index] = role;
            match self.kind(index) {
                Kind::LParen | Kind::LBracket | Kind::LBrace | Kind::TemplateExprOpen => open.push((index, 0)),
                Kind::RParen | Kind::RBracket | Kind::RBrace | Kind::TemplateExprClose if open.len() > 1 => {
                    if let Some((partner, _)) = open.pop()
                        && self.roles[partner] == Role::Tight
                    {
                        self.roles[index] = Role::Tight;
                    }
                }
                _ => {}
            }
        }
    }

    /// `case -1` or `from - 1`: as it is written.
    fn minus_after_keyword(&self, index: usize) -> Role {
        if self.blank_after(index - 1) && !self.blank_after(index) { Role::Prefix } else { Role::Plain }
    }

    fn colon(&self, open: &mut [(usize, u32)]) -> Role {
        match open.last_mut() {
            Some((_, waiting)) if *waiting > 0 => {
                *waiting -= 1;
                Role::Ternary
            }
            Some((bracket, _)) if *bracket != usize::MAX && self.kind(*bracket) == Kind::LBracket => Role::Slice,
            _ => Role::Plain,
        }
    }

    /// `T?`: nothing follows that could be an operand.
    fn is_type_question(&self, index: usize) -> bool {
        let next = self.kind(index + 1);
        let typed = index > 1 && matches!(self.kind(index - 2), Kind::Colon | Kind::ThinArrow);
        let line_ends = typed && self.tokens.get(index + 1).is_none_or(|token| token.newline);
        matches!(next, Kind::Comma | Kind::RParen | Kind::Assign | Kind::Semicolon | Kind::Greater | Kind::End)
            || line_ends
    }

    /// If this `<` opens the parameters of a type, marks it and all up to its `>`.
    fn mark_type(&mut self, index: usize) {
        let mut head = index;
        while head > 1 && self.is_name(head - 1) && self.kind(head - 2) == Kind::Dot {
            head -= 2;
        }
        let before = head.checked_sub(2).map_or(Kind::End, |before| self.kind(before));
        let as_type = matches!(before, Kind::Colon | Kind::ThinArrow | Kind::LParen | Kind::LBracket);
        if head == 0 || !self.is_name(head - 1) || !as_type {
            return;
        }
        let mut depth = 0;
        let mut at = index;
        loop {
            match self.kind(at) {
                Kind::Less => depth += 1,
                Kind::Greater => depth -= 1,
                Kind::ShiftRight => depth -= 2,
                Kind::Name
                | Kind::Comma
                | Kind::Dot
                | Kind::Question
                | Kind::LBracket
                | Kind::RBracket
                | Kind::LParen
                | Kind::RParen => {}
                _ => return,
            }
            if depth <= 0 {
                break;
            }
            at += 1;
        }
        let next = self.kind(at + 1);
        let ends = self.tokens.get(at + 1).is_none_or(|token| token.newline);
        if ends
            || matches!(
                next,
                Kind::Comma
                    | Kind::RParen
                    | Kind::RBracket
                    | Kind::Assign
                    | Kind::LBrace
                    | Kind::RBrace
                    | Kind::Semicolon
                    | Kind::Question
                    | Kind::End
                    | Kind::LBracket
                    | Kind::FatArrow
            )
        {
            for inner in index..=at {
                if matches!(self.kind(inner), Kind::Less | Kind::Greater | Kind::ShiftRight | Kind::Question) {
                    self.roles[inner] = Role::Type;
                }
            }
        }
    }

    /// Whether the brace opens a map, a pattern or fields, and no block.
    fn is_map_brace(&self, index: usize) -> bool {
        let first = self.kind(index + 1);
        if first == Kind::RBrace {
            return true;
        }
        let key = |ahead: usize| self.kind(index + ahead) == Kind::Colon;
        let keyed = match first {
            Kind::Name | Kind::Reserved | Kind::Str | Kind::TripleStr | Kind::Int | Kind::Float => key(2),
            Kind::Minus => key(3),
            Kind::LBracket | Kind::TemplateOpen => {
                let partner = self.tokens[index + 1].value as usize;
                self.kind(partner.saturating_add(1)) == Kind::Colon
            }
            _ => false,
        };
        let destructures = index > 0 && matches!(self.text(index - 1), "let" | "const" | "use");
        keyed || destructures
    }

    /// Whether a blank stands between the token and the one before it on its line.
    pub(super) fn blank_before(&self, index: usize) -> bool {
        let (before, here) = (index - 1, index);
        if let Some(blank) = self.by_brackets(before, here) {
            return blank;
        }
        let (left, right) = (self.kind(before), self.kind(here));
        let role = self.roles[here];
        match (left, right) {
            (_, Kind::Comma | Kind::Semicolon | Kind::Dot | Kind::QuestionDot)
            | (Kind::Dot | Kind::QuestionDot | Kind::Ellipsis, _) => false,
            (_, Kind::Colon) => role == Role::Ternary,
            (Kind::Colon, _) if self.roles[before] == Role::Slice => false,
            (Kind::DotDot, _) | (_, Kind::DotDot) => self.text(before).ends_with('.') && left != Kind::DotDot,
            _ if self.roles[before] == Role::Prefix => false,
            _ if role == Role::Type => false,
            _ if self.roles[before] == Role::Type => !matches!(left, Kind::Less) && !matches!(right, Kind::LBracket),
            _ => true,
        }
    }

    /// Blanks beside brackets, if there is one.
    fn by_brackets(&self, before: usize, here: usize) -> Option<bool> {
        match (self.kind(before), self.kind(here)) {
            (Kind::LParen | Kind::LBracket, _)
            | (_, Kind::RParen | Kind::RBracket)
            | (Kind::LBrace, Kind::RBrace)
            | (Kind::RParen | Kind::RBracket | Kind::RBrace, Kind::Dot | Kind::QuestionDot | Kind::Comma) => {
                Some(false)
            }
            (Kind::LBrace, _) => Some(!self.is_tight_brace(before)),
            (_, Kind::RBrace) => Some(!self.is_tight_brace(here)),
            (_, Kind::LBrace) => Some(self.before_brace(before, here)),
            (_, Kind::LParen | Kind::LBracket) => self.before_round(before, here),
            _ => None,
        }
    }

    fn before_brace(&self, before: usize, here: usize) -> bool {
        match self.kind(before) {
            // An entity's fields, as they are written.
            Kind::Name if self.is_tight_brace(here) => self.blank_after(before),
            Kind::Dot | Kind::QuestionDot => false,
            _ => self.roles[before] != Role::Prefix,
        }
    }

    fn before_round(&self, before: usize, here: usize) -> Option<bool> {
        let index = self.kind(here) == Kind::LBracket;
        match self.kind(before) {
            // A keyword by its place: as it is written.
            Kind::Name if is_contextual(self.text(before)) => Some(self.blank_after(before)),
            Kind::Name | Kind::QuestionDot | Kind::RParen | Kind::RBracket | Kind::RBrace => Some(false),
            Kind::Reserved if self.is_name(before) || self.is_value_word(before) => Some(false),
            Kind::Reserved if self.text(before) == "print" => Some(index),
            Kind::Reserved => Some(true),
            Kind::Str | Kind::TripleStr | Kind::TemplateClose => Some(!index),
            _ if self.roles[before] == Role::Type => Some(false),
            _ => None,
        }
    }
}
