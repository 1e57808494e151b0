//! Tokens: sixteen bytes each, nothing on the heap.

use super::ast::{Span, Symbol};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name, or a word that is a keyword by its place; `value` is its symbol.
    Name,
    /// A reserved word; `value` is its symbol.
    Reserved,
    Int,
    Float,
    /// `"..."` without interpolation, `'...'`.
    Str,
    /// `"""..."""`, `'''...'''`.
    TripleStr,
    /// `b"..."`.
    Bytes,
    /// The quote that opens a string with interpolation; `value` is the index of its `TemplateClose`.
    TemplateOpen,
    TemplateText,
    /// `${`; like every bracket its `value` is the index of its partner.
    TemplateExprOpen,
    TemplateExprClose,
    TemplateClose,
    LParen,
    RParen,
    LBracket,
    RBracket,
    LBrace,
    RBrace,
    Comma,
    Semicolon,
    Dot,
    DotDot,
    Ellipsis,
    Question,
    QuestionDot,
    Coalesce,
    Colon,
    Assign,
    PlusAssign,
    MinusAssign,
    StarAssign,
    SlashAssign,
    PercentAssign,
    PowerAssign,
    FatArrow,
    ThinArrow,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Power,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessEqual,
    GreaterEqual,
    AndAnd,
    OrOr,
    Bang,
    Tilde,
    Ampersand,
    Pipe,
    Caret,
    ShiftLeft,
    ShiftRight,
    /// Text that is no token; the lexer has reported it.
    Bad,
    End,
}

/// The `value` of a bracket without a partner.
pub(crate) const NONE: u32 = u32::MAX;

/// One token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Whether it is the first token on its line.
    pub(crate) newline: bool,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// A word's symbol, a bracket's partner.
    pub(crate) value: u32,
}

impl Token {
    pub(crate) fn span(self) -> Span {
        Span::new(self.start, self.end)
    }

    /// The symbol, if this is a word, reserved or not.
    pub(crate) fn word(self) -> Option<Symbol> {
        matches!(self.kind, Kind::Name | Kind::Reserved).then_some(Symbol(self.value))
    }

    /// Whether this is the word `symbol`, which must be one of `words`.
    pub(crate) fn is(self, symbol: Symbol) -> bool {
        self.word() == Some(symbol)
    }
}
