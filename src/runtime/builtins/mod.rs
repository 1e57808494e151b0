//! The builtin functions and the methods of values, a family a file. Names and their numbers stand in
//! `runtime::names`; here each name finds the code behind it, once, so that a call is an index into a table.
//!
//! A function and the method of the same meaning are the same code: a method's receiver is its first argument.
//! Builtins use the operations of `runtime::ops` and change containers through the ledger only. They must never
//! run program code, and so never collect, except in `callbacks` and `sorting`.

mod args;
mod callbacks;
mod control;
mod convert;
mod hashing;
mod host;
mod json;
mod json_text;
mod library;
mod lists;
mod maps;
mod numbers;
mod random;
mod records;
mod signatures;
mod sorting;
#[cfg(test)]
mod tests;
mod text;

use std::sync::LazyLock;

use super::info::Symbol;
use super::isolate::Isolate;
use super::names::{ANY, BUILTINS, METHODS};
use super::ops::type_name;
use super::signal::Unwind;
use crate::value::{Tag, Value};
use args::Args;
pub use random::RandomState;

/// The code behind a builtin or method.
type Run = fn(&mut Isolate, &Args) -> Result<Value, Unwind>;

/// One builtin function of a family: its name and its code. Its arguments are counted by `names::BUILTINS`.
type Function = (&'static str, Run);

/// One method of a family: its name, its fewest and most arguments (the receiver not among them), its code.
type Method = (&'static str, u16, u16, Run);

const FUNCTIONS: &[&[Function]] = &[
    callbacks::FUNCTIONS,
    control::FUNCTIONS,
    convert::FUNCTIONS,
    hashing::FUNCTIONS,
    host::FUNCTIONS,
    json::FUNCTIONS,
    library::FUNCTIONS,
    lists::FUNCTIONS,
    maps::FUNCTIONS,
    numbers::FUNCTIONS,
    random::FUNCTIONS,
    signatures::FUNCTIONS,
    sorting::FUNCTIONS,
    text::FUNCTIONS,
];

/// What has methods of its own; each value has those of `Any` too.
#[derive(Clone, Copy)]
enum Family {
    List,
    Text,
    Bytes,
    Map,
    Data,
    Any,
}

const FAMILIES: usize = Family::Any as usize + 1;

const FAMILY_METHODS: &[(Family, &[Method])] = &[
    (Family::List, lists::METHODS),
    (Family::List, callbacks::METHODS),
    (Family::List, sorting::METHODS),
    (Family::Text, text::METHODS),
    (Family::Bytes, text::BYTES_METHODS),
    (Family::Map, maps::METHODS),
    (Family::Data, records::METHODS),
    (Family::Any, convert::METHODS),
];

/// By builtin id.
static FUNCTION_TABLE: LazyLock<Vec<Run>> = LazyLock::new(|| {
    let find = |name: &str| FUNCTIONS.iter().copied().flatten().find(|(function, _)| *function == name);
    let run = |name: &str| find(name).unwrap_or_else(|| panic!("no code for the builtin {name}")).1;
    BUILTINS.iter().map(|(name, ..)| run(name)).collect()
});

/// By method id, then by family.
static METHOD_TABLE: LazyLock<Vec<[Option<&Method>; FAMILIES]>> = LazyLock::new(|| {
    let mut table = vec![[None; FAMILIES]; METHODS.len()];
    for (family, methods) in FAMILY_METHODS {
        for method in *methods {
            let id = super::names::method_id(method.0).unwrap_or_else(|| panic!("no method name {}", method.0));
            table[usize::from(id)][*family as usize] = Some(method);
        }
    }
    table
});

impl Isolate {
    /// Calls a builtin function; its arguments stand in `slots[base..base + argc]`.
    pub fn call_builtin(&mut self, id: u32, base: u32, argc: u32) -> Result<Value, Unwind> {
        let (name, least, most) = BUILTINS[id as usize];
        self.check_count(name, (least, most), argc)?;
        let args = Args::of_function(self, name, base, argc);
        FUNCTION_TABLE[id as usize](self, &args)
    }

    /// Calls a method of a value; its arguments stand in `slots[base..base + argc]`.
    pub fn call_method(&mut self, receiver: Value, name: Symbol, base: u32, argc: u32) -> Result<Value, Unwind> {
        if receiver.is_null() {
            let message = format!("Cannot call method '{}' on null", self.info.name(name));
            return self.fail(&message);
        }
        let id = self.info.method_of_symbol.get(name.0 as usize).copied().flatten();
        let Some(&(name, least, most, run)) = id.and_then(|id| find_method(receiver, id)) else {
            let of = match receiver.tag() {
                Tag::Entity | Tag::Data => {
                    let class = self.ledger.heap.record(receiver).class;
                    self.info.name(self.info.classes[class as usize].name)
                }
                _ => type_name(receiver),
            };
            let message = format!("Method '{}' not supported for {of}", self.info.name(name));
            return self.fail(&message);
        };
        self.check_count(name, (least, most), argc)?;
        let args = Args::of_method(self, name, receiver, base, argc);
        run(self, &args)
    }

    /// An error unless so many arguments may be given.
    #[inline]
    fn check_count(&mut self, name: &str, (least, most): (u16, u16), given: u32) -> Result<(), Unwind> {
        if given >= u32::from(least) && (given <= u32::from(most) || most == ANY) {
            return Ok(());
        }
        self.wrong_count(name, (least, most), given)
    }

    #[cold]
    fn wrong_count(&mut self, name: &str, (least, most): (u16, u16), given: u32) -> Result<(), Unwind> {
        let (takes, one) = match most {
            ANY => (format!("at least {least}"), least == 1),
            _ if least == most => (least.to_string(), most == 1),
            _ => (format!("{least} to {most}"), false),
        };
        let plural = if one { "" } else { "s" };
        let message = format!("{name}() takes {takes} argument{plural}, {given} given");
        self.fail(&message)
    }
}

/// The names of the methods that values of a type (as `typeof` says it) have, in both spellings.
pub fn methods_of(type_name: &str) -> impl Iterator<Item = &'static str> {
    let family = match type_name {
        "list" => Family::List,
        "string" => Family::Text,
        "bytes" => Family::Bytes,
        "map" => Family::Map,
        _ => Family::Any,
    };
    let of_type = move |row: &[Option<&Method>; FAMILIES]| row[family as usize].or(row[Family::Any as usize]).is_some();
    let names = METHODS.iter().zip(METHOD_TABLE.iter()).filter(move |(_, row)| of_type(row));
    names.flat_map(|((snake, camel), _)| std::iter::once(*snake).chain(*camel))
}

fn find_method(receiver: Value, id: u16) -> Option<&'static Method> {
    let family = match receiver.tag() {
        Tag::List | Tag::Range => Family::List,
        Tag::Str => Family::Text,
        Tag::Bytes => Family::Bytes,
        Tag::Map => Family::Map,
        Tag::Data => Family::Data,
        _ => Family::Any,
    };
    let row = METHOD_TABLE.get(usize::from(id))?;
    row[family as usize].or(row[Family::Any as usize])
}
