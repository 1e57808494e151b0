//! Lexer, parser, tree and diagnostics.
//!
//! This room knows what a text says, and nothing of run time: no value, no operation and no builtin is
//! named here. It never fails: [`parse`] gives a tree and a list of errors for every text, in linear
//! time and bounded stack (syntax nests at most 200 deep, an expression is at most 1,000 high).

pub mod ast;
pub mod diagnostic;
#[cfg(test)]
mod grammar_tests;
mod interner;
mod lexer;
mod literal;
mod parser;
mod source_map;
mod token;
mod words;

pub use diagnostic::{Diagnostic, SourceFile};
pub use interner::Interner;
pub use source_map::SourceMap;

/// The symbol of `this`, which no program can bind: the resolver's name for the value that a method is called on.
pub const THIS: ast::Symbol = words::THIS;

/// What a text parsed to.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The statements of the file. Where `diagnostics` is not empty, parts of it stand for text that
    /// did not parse, and the program must not run.
    pub program: ast::Block,
    /// The errors, in the order of their places; at most 50.
    pub diagnostics: Vec<Diagnostic>,
    /// Where the colon blocks with lines of their own stand, from the colon to the last token.
    pub colon_blocks: Vec<ast::Span>,
}

pub(crate) use token::{Kind, Token};

/// The tokens of a source file; the last is [`Kind::End`].
pub(crate) fn tokens(source: &str, interner: &mut Interner) -> Vec<Token> {
    lexer::lex(source, 0, interner).tokens
}

/// Whether a name is a keyword where its construct follows, and a name anywhere else.
pub(crate) fn is_contextual(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let known = words::WORDS.iter().position(|word| *word == lower);
    (name == lower || name == name.to_ascii_uppercase()) && known.is_some_and(|at| at >= words::RESERVED as usize)
}

/// Parses one source file. Names go to `interner`, which may already hold those of other files.
pub fn parse(source: &str, interner: &mut Interner) -> Parsed {
    note_parse();
    parser::parse(source, 0, interner)
}

thread_local! {
    static PARSES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    static POISONED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn note_parse() {
    assert!(!POISONED.get(), "this thread's parser is poisoned");
    PARSES.set(PARSES.get() + 1);
}

/// How many texts this thread has parsed.
pub fn parses() -> u64 {
    PARSES.get()
}

/// Makes each parse of this thread panic, or no longer: a proof that something parses nothing.
#[doc(hidden)]
pub fn poison_parser(poisoned: bool) {
    POISONED.set(poisoned);
}

/// Parses the file that begins at byte `start` of `text` and ends with it. Before it stands what earlier files of
/// the program said, ending in a newline; spans are offsets of the whole.
pub fn parse_at(text: &str, start: usize, interner: &mut Interner) -> Parsed {
    debug_assert!(start == 0 || text.as_bytes()[start - 1] == b'\n');
    note_parse();
    parser::parse(text, start, interner)
}

/// Whether a text that is being typed lacks its end: a string, comment or bracket is open, an operator or comma lacks
/// what follows, or the lines of a colon block may go on (an empty line ends them).
pub fn is_incomplete(text: &str) -> bool {
    let lexed = lexer::lex(text, 0, &mut Interner::new());
    let tokens = &lexed.tokens[..lexed.tokens.len() - 1];
    let unpaired =
        |kinds: [Kind; 3]| tokens.iter().any(|token| kinds.contains(&token.kind) && token.value == token::NONE);
    if unpaired([Kind::RParen, Kind::RBracket, Kind::RBrace]) {
        return false;
    }
    if lexed.unterminated || unpaired([Kind::LParen, Kind::LBracket, Kind::LBrace]) {
        return true;
    }
    let mut depth = 0_usize;
    let mut has_colon_block = false;
    for pair in tokens.windows(2) {
        match pair[0].kind {
            Kind::LParen | Kind::LBracket | Kind::LBrace => depth += 1,
            Kind::RParen | Kind::RBracket | Kind::RBrace => depth -= 1,
            Kind::Colon => has_colon_block |= depth == 0 && pair[1].newline,
            _ => {}
        }
    }
    tokens.last().is_some_and(|last| wants_more(last.kind)) || has_colon_block && !text.ends_with('\n')
}

/// Whether nothing ends with this token.
fn wants_more(kind: Kind) -> bool {
    use Kind::{
        Ampersand, AndAnd, Assign, Bang, Caret, Coalesce, Colon, Comma, Dot, DotDot, Equal, FatArrow, Greater,
        GreaterEqual, Less, LessEqual, Minus, MinusAssign, NotEqual, OrOr, Percent, PercentAssign, Pipe, Plus,
        PlusAssign, Power, PowerAssign, Question, QuestionDot, ShiftLeft, ShiftRight, Slash, SlashAssign, Star,
        StarAssign, Tilde,
    };
    matches!(
        kind,
        Ampersand
            | AndAnd
            | Assign
            | Bang
            | Caret
            | Coalesce
            | Colon
            | Comma
            | Dot
            | DotDot
            | Equal
            | FatArrow
            | Greater
            | GreaterEqual
            | Less
            | LessEqual
            | Minus
            | MinusAssign
            | NotEqual
            | OrOr
            | Percent
            | PercentAssign
            | Pipe
            | Plus
            | PlusAssign
            | Power
            | PowerAssign
            | Question
            | QuestionDot
            | ShiftLeft
            | ShiftRight
            | Slash
            | SlashAssign
            | Star
            | StarAssign
            | Tilde
    )
}
