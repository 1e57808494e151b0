//! The operations behind the language's operators and statements: each once, for every tier. Fast paths are
//! inlined into the tiers; the rest is out of line.

mod arith;
mod compare;
mod emit;
mod escape;
mod index;
mod iterate;
mod leaf;
mod make;
mod pattern;
pub mod quick;
mod record;
mod store;
mod write_text;

pub use iterate::Step;
pub use leaf::Leaf;
pub use record::Given;

use super::isolate::Isolate;
use super::signal::Unwind;
use crate::value::{Tag, Value};

/// `typeof(v)`
pub fn type_name(value: Value) -> &'static str {
    match value.tag() {
        Tag::Unset | Tag::Null | Tag::Error | Tag::Cell => "null",
        Tag::Bool => "boolean",
        Tag::Int | Tag::Wide | Tag::Huge => "integer",
        Tag::Float => "float",
        Tag::Str => "string",
        Tag::Bytes => "bytes",
        Tag::List | Tag::Range => "list",
        Tag::Map => "map",
        Tag::Function | Tag::Builtin | Tag::Bound | Tag::Class => "function",
        Tag::Contract => "contract",
        Tag::Entity => "entity",
        Tag::Data => "data",
        Tag::EnumType => "enum",
        Tag::Module => "module",
    }
}

impl Isolate {
    /// `Type mismatch: cannot VERB A and B`
    #[cold]
    #[inline(never)]
    pub(crate) fn mismatch<T>(&mut self, verb: &str, a: Value, b: Value) -> Result<T, Unwind> {
        let message =
            format!("Type mismatch: cannot {verb} {} and {}", type_name(a).to_uppercase(), type_name(b).to_uppercase());
        self.fail(&message)
    }
}
