//! Lexer, parser, tree and diagnostics.
//!
//! This room knows what a text says, and nothing of run time: no value, no operation and no builtin is
//! named here. It never fails: [`parse`] gives a tree and a list of errors for every text, in linear
//! time and bounded stack (syntax nests at most 200 deep, an expression is at most 1,000 high).

pub mod ast;
pub mod diagnostic;
mod interner;
mod lexer;
mod literal;
mod parser;
mod token;
mod words;

pub use diagnostic::{Diagnostic, SourceFile};
pub use interner::Interner;

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
}

/// Parses one source file. Names go to `interner`, which may already hold those of other files.
pub fn parse(source: &str, interner: &mut Interner) -> Parsed {
    parser::parse(source, interner)
}
