//! The text of values: what `print` and `str` show. Never an address.

use std::fmt::Write;

use super::heap::Heap;
use super::numbers::write_float;
use super::object::BoundKind;
use super::tag::{Tag, Value};
use super::walk::{Blocked, Path, is_nested, next_slot};

/// The names that values only number.
#[expect(clippy::unnecessary_literal_bound, reason = "the defaults are literals, other implementations' names are not")]
pub trait Names {
    /// The name of a contract instance's contract.
    fn contract_name(&self, instance: u32) -> &str;
    /// The name of a contract, entity or data declaration.
    fn class_name(&self, class: u32) -> &str;
    /// The name of an action; `None` for a lambda.
    fn action_name(&self, action: u32) -> Option<&str>;
    /// The name of a field of an entity or data declaration, by its place.
    fn field_name(&self, class: u32, field: usize) -> &str;

    /// What a declaration is called in `<contract Name>`: `contract`, `entity` or `data`.
    fn class_word(&self, _class: u32) -> &'static str {
        "contract"
    }
    /// The name of a builtin, of a bound method's symbol.
    fn builtin_name(&self, _builtin: u32) -> &str {
        "builtin"
    }
    /// The name behind a method symbol.
    fn symbol_name(&self, _symbol: u32) -> &str {
        "method"
    }
    /// The name of an enum.
    fn enum_name(&self, _enum_type: u32) -> &str {
        "enum"
    }
    /// The name of a module.
    fn module_name(&self, _module: u32) -> &str {
        "module"
    }
}

/// Why a value's text was not finished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TextError {
    /// Nested over [`super::MAX_DEPTH`] deep.
    TooDeep,
    /// Longer than allowed. Containers shared among containers can stand for texts of any length.
    TooLong,
}

/// Appends the text of a value, until `out` is longer than `limit` bytes. On an error `out` holds a part of it.
pub fn text(heap: &Heap, value: Value, names: &dyn Names, limit: usize, out: &mut String) -> Result<(), TextError> {
    Printer { heap, names, limit, out }.tree(value)
}

struct Printer<'p> {
    heap: &'p Heap,
    names: &'p dyn Names,
    limit: usize,
    out: &'p mut String,
}

impl Printer<'_> {
    fn tree(&mut self, root: Value) -> Result<(), TextError> {
        let mut path = Path::default();
        self.value(root, &mut path)?;
        while let Some(step) = path.top() {
            self.check_length()?;
            let container = step.walked;
            let Some((at, value)) = next_slot(self.heap, container, step.next, |_| true) else {
                self.close(container);
                path.leave();
                continue;
            };
            if step.next != 0 {
                self.out.push_str(", ");
            }
            step.next = at + 1;
            self.label(container, at);
            self.value(value, &mut path)?;
        }
        Ok(())
    }

    /// Prints a leaf; opens a container and puts it on the path.
    fn value(&mut self, value: Value, path: &mut Path) -> Result<(), TextError> {
        if value.tag() == Tag::Range {
            return self.range(value);
        }
        if !is_nested(value) {
            self.leaf(value);
            return Ok(());
        }
        match path.check(value) {
            Ok(()) => {
                self.open(value);
                path.enter(value, value);
            }
            Err(Blocked::Cycle) => self.out.push_str("..."),
            Err(Blocked::TooDeep) => return Err(TextError::TooDeep),
        }
        Ok(())
    }

    fn check_length(&self) -> Result<(), TextError> {
        if self.out.len() > self.limit { Err(TextError::TooLong) } else { Ok(()) }
    }

    fn open(&mut self, container: Value) {
        match container.tag() {
            Tag::List => self.out.push('['),
            Tag::Map => self.out.push('{'),
            _ => {
                let record = self.heap.record(container);
                self.out.push_str(self.names.class_name(record.class));
                self.out.push_str(if record.fields.is_empty() { " {" } else { " { " });
            }
        }
    }

    fn close(&mut self, container: Value) {
        match container.tag() {
            Tag::List => self.out.push(']'),
            Tag::Map => self.out.push('}'),
            _ if self.heap.record(container).fields.is_empty() => self.out.push('}'),
            _ => self.out.push_str(" }"),
        }
    }

    /// What stands before the value of slot `at`.
    fn label(&mut self, container: Value, at: u32) {
        match container.tag() {
            Tag::List => return,
            Tag::Map => self.leaf(self.heap.map(container).map.entry(at).key),
            _ => {
                let class = self.heap.record(container).class;
                self.out.push_str(self.names.field_name(class, at as usize));
            }
        }
        self.out.push_str(": ");
    }

    fn leaf(&mut self, value: Value) {
        match value.tag() {
            // The last two no program sees, unless its stored code was tampered with.
            Tag::Unset | Tag::Null | Tag::Cell | Tag::Error => self.out.push_str("null"),
            Tag::Bool => self.out.push_str(if value.as_bool() { "true" } else { "false" }),
            Tag::Int => self.display(value.as_int()),
            Tag::Float => write_float(value.as_float(), self.out),
            Tag::Str => self.out.push_str(value.as_str()),
            Tag::Bytes => value.as_bytes().iter().for_each(|byte| self.display(format_args!("{byte:02x}"))),
            Tag::Wide => self.display(self.heap.wide(value)),
            Tag::Huge => self.display(self.heap.huge(value)),
            Tag::Contract => self.angle("contract", self.names.contract_name(value.id())),
            Tag::Class => self.class(value.id()),
            Tag::Builtin => self.angle("action", self.names.builtin_name(value.id())),
            Tag::EnumType => self.angle("enum", self.names.enum_name(value.id())),
            Tag::Module => self.angle("module", self.names.module_name(value.id())),
            Tag::Function => self.action(self.heap.function(value).action),
            Tag::Bound => {
                let bound = self.heap.bound(value);
                match bound.kind {
                    BoundKind::Action => self.action(bound.target),
                    BoundKind::Method => self.angle("action", self.names.symbol_name(bound.target)),
                    BoundKind::Class => self.class(bound.target),
                }
            }
            Tag::List | Tag::Range | Tag::Map | Tag::Entity | Tag::Data => {
                unreachable!("containers are no leaves")
            }
        }
    }

    fn display(&mut self, shown: impl std::fmt::Display) {
        write!(self.out, "{shown}").expect("a String takes all");
    }

    fn angle(&mut self, word: &str, name: &str) {
        self.display(format_args!("<{word} {name}>"));
    }

    fn class(&mut self, class: u32) {
        self.angle(self.names.class_word(class), self.names.class_name(class));
    }

    fn action(&mut self, action: u32) {
        match self.names.action_name(action) {
            Some(name) => self.angle("action", name),
            None => self.out.push_str("<lambda>"),
        }
    }

    fn range(&mut self, value: Value) -> Result<(), TextError> {
        let range = self.heap.range(value);
        self.out.push('[');
        for at in 0..range.count() {
            self.check_length()?;
            if at != 0 {
                self.out.push_str(", ");
            }
            self.display(range.at(at));
        }
        self.out.push(']');
        Ok(())
    }
}
