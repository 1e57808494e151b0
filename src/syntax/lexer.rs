//! Text to tokens, in one pass over the bytes.
//!
//! Brackets are paired on the way: an opening bracket knows the index of its closing one, so that the
//! parser decides `(a, b) => e` and `print (a) + b` without searching. A string with `${}` becomes a
//! sequence of tokens, the expressions inside it lexed in place. The lexer is a loop, never recursive.

use super::Interner;
use super::ast::Span;
use super::diagnostic::{Diagnostic, MAX_DIAGNOSTICS};
use super::token::{Kind, NONE, Token};
use super::words::RESERVED;

/// The tokens of a file, the last of which is [`Kind::End`].
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// A string or comment runs to the end of the file: what is missing there was reported here.
    pub(super) unterminated: bool,
    /// Where a quote is missing, as far as the text tells: what follows is not what was meant.
    pub(super) doubtful: Option<u32>,
}

/// Lexes a whole file, which begins at byte `start` of `source`.
pub(super) fn lex(source: &str, start: usize, interner: &mut Interner) -> Lexed {
    let mut lexer = Lexer {
        source,
        bytes: source.as_bytes(),
        pos: start,
        newline: true,
        tokens: Vec::with_capacity((source.len() - start) / 4 + 16),
        open: Vec::new(),
        interner,
        diagnostics: Vec::new(),
        unterminated: false,
        unpartnered: (0, ['`'; 2]),
        suspect: None,
    };
    lexer.run();
    let doubtful = lexer.suspect.filter(|_| lexer.unterminated).map(|(span, _)| span.start);
    Lexed { tokens: lexer.tokens, diagnostics: lexer.diagnostics, unterminated: lexer.unterminated, doubtful }
}

/// An open bracket.
struct Open {
    kind: Kind,
    token: usize,
    /// How many `(` and `[` are open since the last `{` or `${`, this one included.
    round: u32,
    square: u32,
    /// For `${`, the token that opened its string.
    template: usize,
}

/// Why the text of a string ended.
#[derive(PartialEq)]
enum Stop {
    Quote,
    Interpolation,
    EndOfFile,
}

struct Lexer<'a> {
    source: &'a str,
    bytes: &'a [u8],
    pos: usize,
    newline: bool,
    tokens: Vec<Token>,
    open: Vec<Open>,
    interner: &'a mut Interner,
    diagnostics: Vec<Diagnostic>,
    unterminated: bool,
    /// Up to this place no such quote of another sort follows.
    unpartnered: (usize, [char; 2]),
    /// The opening quote of the first string that runs over a line's end straight into a word, and the
    /// `${` it stands in: no program is written so.
    suspect: Option<(Span, Option<Span>)>,
}

/// How many characters after a quote of another sort may come before its partner.
const QUOTED_MAX: usize = 500;

/// What blanks and comments begin with.
const BLANK: [bool; 256] = {
    let mut table = [false; 256];
    let starts = b" \t\r\n\x0b\x0c#/";
    let mut index = 0;
    while index < starts.len() {
        table[starts[index] as usize] = true;
        index += 1;
    }
    table
};

/// What may stand in a name.
const NAME_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

impl Lexer<'_> {
    fn run(&mut self) {
        if self.bytes.len() >= NONE as usize {
            self.report(Diagnostic::new("the program is too large: 4 GiB is the limit", Span::default()));
            self.bytes = &[];
            self.pos = 0;
        }
        if self.bytes[self.pos..].starts_with(b"\xef\xbb\xbf") {
            self.pos += 3;
        }
        while self.skip_blanks() {
            self.token();
        }
        if let Some(open) = self.open.iter().find(|open| open.kind == Kind::TemplateExprOpen) {
            let span = self.tokens[open.template].span();
            let brace = self.tokens[open.token].span();
            self.unclosed("this string is not closed", span, Some((brace, "this `${` has no `}`")));
        }
        let end = self.bytes.len();
        self.pos = end;
        self.push(Kind::End, end);
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.pos + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.push_value(kind, start, NONE);
    }

    fn push_value(&mut self, kind: Kind, start: usize, value: u32) {
        let newline = std::mem::replace(&mut self.newline, false);
        self.tokens.push(Token { kind, newline, start: start as u32, end: self.pos as u32, value });
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Reports what is never closed; only the first such error says anything.
    fn unclosed(&mut self, message: &str, span: Span, note: Option<(Span, &str)>) {
        if !std::mem::replace(&mut self.unterminated, true) {
            let mut diagnostic = Diagnostic::new(message, span).label("opened here");
            if let Some((span, text)) = note {
                diagnostic = diagnostic.note(span, text);
            }
            self.report(diagnostic);
        }
    }

    /// Skips blanks and comments; false at the end of the file.
    fn skip_blanks(&mut self) -> bool {
        loop {
            match self.bytes.get(self.pos) {
                None => return false,
                Some(byte) if !BLANK[usize::from(*byte)] => return true,
                Some(b' ' | b'\t' | b'\r' | 0x0b | 0x0c) => self.pos += 1,
                Some(b'\n') => {
                    self.newline = true;
                    self.pos += 1;
                    while self.bytes[self.pos..].first_chunk() == Some(b"    ") {
                        self.pos += 4;
                    }
                }
                Some(b'#') => self.skip_line(),
                Some(b'/') if self.byte(1) == b'/' => self.skip_line(),
                Some(b'/') if self.byte(1) == b'*' => self.skip_block_comment(),
                Some(_) => return true,
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.pos..];
        self.pos += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    fn skip_block_comment(&mut self) {
        let start = self.pos as u32;
        let mut depth = 1_usize;
        self.pos += 2;
        while depth > 0 {
            match self.bytes.get(self.pos) {
                None => {
                    return self.unclosed("this comment is not closed", Span::new(start, start + 2), None);
                }
                Some(b'*') if self.byte(1) == b'/' => {
                    depth -= 1;
                    self.pos += 1;
                }
                Some(b'/') if self.byte(1) == b'*' => {
                    depth += 1;
                    self.pos += 1;
                }
                Some(b'\n') => self.newline = true,
                Some(_) => {}
            }
            self.pos += 1;
        }
    }

    fn token(&mut self) {
        match self.bytes[self.pos] {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            b'0'..=b'9' => self.number(),
            quote @ (b'"' | b'\'') => self.string(quote),
            b'(' => self.open(Kind::LParen),
            b'[' => self.open(Kind::LBracket),
            b'{' => self.open(Kind::LBrace),
            b')' => self.close(Kind::RParen),
            b']' => self.close(Kind::RBracket),
            b'}' => self.close(Kind::RBrace),
            byte => {
                let found = match SINGLE[usize::from(byte)] {
                    Some(kind) if !LENGTHENS[usize::from(self.byte(1))] => Some((kind, 1)),
                    _ => operator(byte, self.byte(1), self.byte(2)),
                };
                match found {
                    Some((kind, length)) => {
                        let start = self.pos;
                        self.pos += length;
                        self.push(kind, start);
                    }
                    None => self.bad(),
                }
            }
        }
    }

    fn word(&mut self) {
        let start = self.pos;
        self.skip_word();
        if self.pos == start + 1 && self.bytes[start] == b'b' && matches!(self.byte(0), b'"' | b'\'') {
            let quote = self.byte(0);
            self.pos += 1;
            self.plain_text(start, quote, Kind::Bytes);
            return;
        }
        let symbol = self.interner.intern_part(self.source, start..self.pos);
        let kind = if symbol.0 < RESERVED { Kind::Reserved } else { Kind::Name };
        self.push_value(kind, start, symbol.0);
    }

    fn skip_word(&mut self) {
        let rest = &self.bytes[self.pos..];
        self.pos += rest.iter().position(|byte| !NAME_BYTE[usize::from(*byte)]).unwrap_or(rest.len());
    }

    fn skip_digits(&mut self) {
        while self.byte(0).is_ascii_digit() {
            self.pos += 1;
        }
    }

    fn number(&mut self) {
        let start = self.pos;
        let mut kind = Kind::Int;
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X') && self.byte(2).is_ascii_hexdigit() {
            self.pos += 2;
            while self.byte(0).is_ascii_hexdigit() {
                self.pos += 1;
            }
        } else {
            self.skip_digits();
            if self.byte(0) == b'.' && self.byte(1) != b'.' && !starts_word(self.byte(1)) {
                kind = Kind::Float;
                self.pos += 1;
                self.skip_digits();
            }
            let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
            if matches!(self.byte(0), b'e' | b'E') && self.byte(1 + sign).is_ascii_digit() {
                kind = Kind::Float;
                self.pos += 1 + sign;
                self.skip_digits();
            }
        }
        self.push(kind, start);
        if starts_word(self.byte(0)) {
            self.number_with_letters(start);
        }
    }

    fn number_with_letters(&mut self, start: usize) {
        let digits = self.pos;
        self.skip_word();
        let span = Span::new(start as u32, self.pos as u32);
        let mut diagnostic = Diagnostic::new("a number followed directly by a letter", span);
        if self.bytes[digits] == b'_' {
            diagnostic = diagnostic.help("digits cannot be separated by `_`");
        } else if matches!(&self.bytes[start..self.pos], b"0x" | b"0X") {
            diagnostic = diagnostic.help("hexadecimal digits must follow `0x`");
        } else {
            diagnostic = diagnostic.help("a name starts with a letter or `_`");
        }
        self.report(diagnostic);
        if let Some(token) = self.tokens.last_mut() {
            token.kind = Kind::Bad;
            token.end = self.pos as u32;
        }
    }

    fn string(&mut self, quote: u8) {
        let start = self.pos;
        if self.byte(1) == quote && self.byte(2) == quote {
            self.pos += 3;
            self.triple_text(start, quote);
        } else if quote == b'\'' {
            self.pos += 1;
            self.plain_text(start, quote, Kind::Str);
        } else {
            self.pos += 1;
            let text = self.pos;
            match self.text(quote, true) {
                Stop::Quote => {
                    self.pos += 1;
                    self.suspect_quote(start);
                    self.push(Kind::Str, start);
                }
                Stop::Interpolation => {
                    let stop = std::mem::replace(&mut self.pos, text);
                    self.push(Kind::TemplateOpen, start);
                    self.pos = stop;
                    self.template_piece(self.tokens.len() - 1, text, &Stop::Interpolation);
                }
                Stop::EndOfFile => self.unclosed_string(start, text),
            }
        }
    }

    fn unclosed_string(&mut self, start: usize, text: usize) {
        let (span, brace) = self.suspect.unwrap_or((Span::new(start as u32, text as u32), None));
        self.unclosed("this string is not closed", span, brace.map(|brace| (brace, "this `${` has no `}`")));
        self.push(Kind::Bad, start);
    }

    /// After the closing quote of a string from `start` on.
    fn suspect_quote(&mut self, start: usize) {
        let odd = self.suspect.is_none() && NAME_BYTE[self.byte(0) as usize];
        if odd && self.bytes[start..self.pos].contains(&b'\n') {
            let inside = self.open.iter().rev().find(|open| open.kind == Kind::TemplateExprOpen);
            self.suspect = Some(match inside {
                Some(open) => (self.tokens[open.template].span(), Some(self.tokens[open.token].span())),
                None => (Span::new(start as u32, start as u32 + 1), None),
            });
        }
    }

    fn plain_text(&mut self, start: usize, quote: u8, kind: Kind) {
        let text = self.pos;
        if self.text(quote, false) == Stop::EndOfFile {
            return self.unclosed_string(start, text);
        }
        self.pos += 1;
        self.suspect_quote(start);
        self.push(kind, start);
    }

    fn triple_text(&mut self, start: usize, quote: u8) {
        let text = self.pos;
        loop {
            if self.text(quote, false) == Stop::EndOfFile {
                return self.unclosed_string(start, text);
            }
            if self.byte(1) == quote && self.byte(2) == quote {
                self.pos += 3;
                return self.push(Kind::TripleStr, start);
            }
            self.pos += 1;
        }
    }

    /// Walks to the closing quote or to `${`.
    fn text(&mut self, quote: u8, interpolates: bool) -> Stop {
        loop {
            let rest = self.bytes.get(self.pos..).unwrap_or_default();
            let Some(plain) = rest.iter().position(|byte| *byte == quote || matches!(byte, b'\\' | b'$')) else {
                self.pos = self.bytes.len();
                return Stop::EndOfFile;
            };
            self.pos += plain;
            match rest[plain] {
                b'\\' => self.pos += 2,
                b'$' if interpolates && self.byte(1) == b'{' => return Stop::Interpolation,
                b'$' => self.pos += 1,
                _ => return Stop::Quote,
            }
        }
    }

    /// One piece of text of an interpolated string, from `start` to the present place, and what ends it.
    fn template_piece(&mut self, template: usize, start: usize, stop: &Stop) {
        if self.pos > start {
            self.push(Kind::TemplateText, start);
        }
        let here = self.pos;
        match stop {
            Stop::Quote => {
                self.pos += 1;
                self.tokens[template].value = self.tokens.len() as u32;
                self.push_value(Kind::TemplateClose, here, template as u32);
            }
            Stop::Interpolation => {
                self.pos += 2;
                let token = self.tokens.len();
                self.push(Kind::TemplateExprOpen, here);
                self.open.push(Open { kind: Kind::TemplateExprOpen, token, round: 0, square: 0, template });
            }
            Stop::EndOfFile => {
                let (span, brace) = self.suspect.unwrap_or((self.tokens[template].span(), None));
                self.unclosed("this string is not closed", span, brace.map(|brace| (brace, "this `${` has no `}`")));
            }
        }
    }

    fn open(&mut self, kind: Kind) {
        let (mut round, mut square) = (0, 0);
        if kind != Kind::LBrace {
            if let Some(last) = self.open.last() {
                (round, square) = (last.round, last.square);
            }
            round += u32::from(kind == Kind::LParen);
            square += u32::from(kind == Kind::LBracket);
        }
        let token = self.tokens.len();
        self.open.push(Open { kind, token, round, square, template: 0 });
        self.pos += 1;
        self.push(kind, self.pos - 1);
    }

    /// A closing bracket: it closes the nearest one of its sort, but `)` and `]` never reach past a `{`.
    fn close(&mut self, kind: Kind) {
        let start = self.pos;
        self.pos += 1;
        let reachable = self.open.last().is_some_and(|last| match kind {
            Kind::RParen => last.round > 0,
            Kind::RBracket => last.square > 0,
            _ => true,
        });
        let mut partner = None;
        while reachable && let Some(open) = self.open.pop() {
            let fits = match open.kind {
                Kind::LParen => kind == Kind::RParen,
                Kind::LBracket => kind == Kind::RBracket,
                _ => kind == Kind::RBrace,
            };
            if fits {
                partner = Some(open);
                break;
            }
        }
        let Some(open) = partner else {
            return self.push(kind, start);
        };
        self.tokens[open.token].value = self.tokens.len() as u32;
        if open.kind == Kind::TemplateExprOpen {
            self.push_value(Kind::TemplateExprClose, start, open.token as u32);
            let text = self.pos;
            let stop = self.text(b'"', true);
            self.template_piece(open.template, text, &stop);
        } else {
            self.push_value(kind, start, open.token as u32);
        }
    }

    /// Characters that are no token, the whole run of them as one error.
    fn bad(&mut self) {
        let start = self.pos;
        let Some(first) = self.source[start..].chars().next() else {
            return;
        };
        self.pos += first.len_utf8();
        for next in self.source[self.pos..].chars() {
            let joins = if first.is_alphabetic() {
                next.is_alphanumeric() || next == '_'
            } else {
                next == first || next.is_control() && first.is_control() && next != '\n'
            };
            if !joins {
                break;
            }
            self.pos += next.len_utf8();
        }
        // A quote of another sort up to its partner is one mistake.
        let partner = match first {
            '\u{201c}' | '\u{201e}' | '\u{201d}' => Some(['\u{201c}', '\u{201d}']),
            '\u{2018}' | '\u{2019}' => Some(['\u{2018}', '\u{2019}']),
            '`' => Some(['`', '`']),
            _ => None,
        };
        if let Some(quotes) = partner.filter(|quotes| self.pos >= self.unpartnered.0 || *quotes != self.unpartnered.1) {
            let line = self.source[self.pos..].chars().take(QUOTED_MAX).take_while(|char| *char != '\n');
            let mut after = self.pos;
            for char in line {
                super::parser::looked(1);
                after += char.len_utf8();
                if quotes.contains(&char) {
                    self.pos = after;
                    after = 0;
                    break;
                }
            }
            if after > 0 {
                self.unpartnered = (after, quotes);
            }
        }
        self.push(Kind::Bad, start);
        let message = if first.is_control() {
            format!("unexpected control character U+{:04X}", first as u32)
        } else {
            let quote = if first == '`' { '\'' } else { '`' };
            format!("unexpected character {quote}{first}{quote}")
        };
        let help = match first {
            '\u{201c}' | '\u{201d}' | '\u{201e}' => Some("strings are written with straight quotes: `\"`"),
            '\u{2018}' | '\u{2019}' => Some("strings are written with straight quotes: `'`"),
            '\u{a0}' | '\u{2003}' | '\u{200b}' | '\u{feff}' => {
                Some("this is an invisible blank: use an ordinary space")
            }
            '`' => Some("strings are written with `\"` or `'`"),
            '\u{2012}'..='\u{2015}' | '\u{2212}' => Some("this is a dash: write `-`"),
            '\u{d7}' => Some("write `*`"),
            '\u{f7}' => Some("write `/`"),
            '\u{2264}' => Some("write `<=`"),
            '\u{2265}' => Some("write `>=`"),
            '\u{2260}' => Some("write `!=`"),
            '\u{ff01}'..='\u{ff5e}' => Some("this is a wide character: write the ordinary one"),
            '$' => Some("names consist of the letters a to z, digits and `_`"),
            _ if first.is_alphabetic() => Some("names consist of the letters a to z, digits and `_`"),
            _ => None,
        };
        let mut diagnostic = Diagnostic::new(message, Span::new(start as u32, self.pos as u32));
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.report(diagnostic);
    }
}

fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// The operators of one byte.
const SINGLE: [Option<Kind>; 256] = {
    let mut table = [None; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match operator(byte as u8, 0, 0) {
            Some((kind, _)) => Some(kind),
            None => None,
        };
        byte += 1;
    }
    table
};

/// What may stand as the second byte of an operator.
const LENGTHENS: [bool; 256] = {
    let mut table = [false; 256];
    let seconds = b"*.=><&|?";
    let mut index = 0;
    while index < seconds.len() {
        table[seconds[index] as usize] = true;
        index += 1;
    }
    table
};

/// The operator that starts with these bytes, and its length.
const fn operator(first: u8, second: u8, third: u8) -> Option<(Kind, usize)> {
    Some(match (first, second, third) {
        (b'*', b'*', b'=') => (Kind::PowerAssign, 3),
        (b'.', b'.', b'.') => (Kind::Ellipsis, 3),
        (b'*', b'*', _) => (Kind::Power, 2),
        (b'.', b'.', _) => (Kind::DotDot, 2),
        (b'+', b'=', _) => (Kind::PlusAssign, 2),
        (b'-', b'=', _) => (Kind::MinusAssign, 2),
        (b'*', b'=', _) => (Kind::StarAssign, 2),
        (b'/', b'=', _) => (Kind::SlashAssign, 2),
        (b'%', b'=', _) => (Kind::PercentAssign, 2),
        (b'=', b'=', _) => (Kind::Equal, 2),
        (b'=', b'>', _) => (Kind::FatArrow, 2),
        (b'-', b'>', _) => (Kind::ThinArrow, 2),
        (b'!', b'=', _) => (Kind::NotEqual, 2),
        (b'<', b'=', _) => (Kind::LessEqual, 2),
        (b'>', b'=', _) => (Kind::GreaterEqual, 2),
        (b'<', b'<', _) => (Kind::ShiftLeft, 2),
        (b'>', b'>', _) => (Kind::ShiftRight, 2),
        (b'&', b'&', _) => (Kind::AndAnd, 2),
        (b'|', b'|', _) => (Kind::OrOr, 2),
        (b'?', b'?', _) => (Kind::Coalesce, 2),
        (b'?', b'.', _) => (Kind::QuestionDot, 2),
        (b',', ..) => (Kind::Comma, 1),
        (b';', ..) => (Kind::Semicolon, 1),
        (b'.', ..) => (Kind::Dot, 1),
        (b'?', ..) => (Kind::Question, 1),
        (b':', ..) => (Kind::Colon, 1),
        (b'=', ..) => (Kind::Assign, 1),
        (b'+', ..) => (Kind::Plus, 1),
        (b'-', ..) => (Kind::Minus, 1),
        (b'*', ..) => (Kind::Star, 1),
        (b'/', ..) => (Kind::Slash, 1),
        (b'%', ..) => (Kind::Percent, 1),
        (b'<', ..) => (Kind::Less, 1),
        (b'>', ..) => (Kind::Greater, 1),
        (b'!', ..) => (Kind::Bang, 1),
        (b'~', ..) => (Kind::Tilde, 1),
        (b'&', ..) => (Kind::Ampersand, 1),
        (b'|', ..) => (Kind::Pipe, 1),
        (b'^', ..) => (Kind::Caret, 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
