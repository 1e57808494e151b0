//! `json_parse` and `json_stringify`: between values and JSON text. Integers of any size stay exact, maps keep
//! their order.

use super::super::gas::TEXT_BYTES_PER_GAS;
use super::super::isolate::Isolate;
use super::super::ops::type_name;
use super::super::signal::Unwind;
use super::Function;
use super::args::Args;
use super::json_text::{Failure, JsonError, JsonReader};
use crate::value::numbers::write_float;
use crate::value::{MAX_DEPTH, Tag, Value};

pub(super) const FUNCTIONS: &[Function] = &[("json_parse", json_parse), ("json_stringify", json_stringify)];

/// Greatest indentation that `json_stringify` takes.
const INDENT_MAX: i64 = 16;

fn json_parse(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let text = isolate.need_text(args, args.first())?;
    let text = isolate.ledger.heap.str(text).to_owned();
    parse_json(isolate, &text, "")
}

/// `json_stringify(v[, indent])`: on one line, or indented by so many spaces a level.
fn json_stringify(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let indent = match args.second().tag() {
        Tag::Null => None,
        _ => match isolate.need_int(args, args.second())? {
            spaces @ 0..=INDENT_MAX => Some(spaces as usize),
            _ => return isolate.fail("json_stringify() needs an indentation of 0 to 16 spaces"),
        },
    };
    let text = stringify_json(isolate, args.first(), indent)?;
    isolate.new_string(&text)
}

/// The value that a JSON text stands for. `origin` says in an error where the text came from: `" in file 'f'"`.
pub(super) fn parse_json(isolate: &mut Isolate, text: &str, origin: &str) -> Result<Value, Unwind> {
    isolate.charge_text(text.len())?;
    match JsonReader::new(text).read(isolate) {
        Ok(value) => Ok(value),
        Err(Failure::Unwind(unwind)) => Err(unwind),
        Err(Failure::Json(JsonError { what, position })) => {
            let before = &text[..text.floor_char_boundary(position)];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
            let message = format!("Invalid JSON{origin} at line {line}, column {column}: {what}");
            isolate.fail(&message)
        }
    }
}

/// The JSON text of a value.
pub(super) fn stringify_json(isolate: &mut Isolate, value: Value, indent: Option<usize>) -> Result<String, Unwind> {
    let mut writer = JsonWriter { out: String::new(), indent, path: Vec::new(), charged: 0 };
    writer.value(isolate, value)?;
    writer.charge(isolate)?;
    Ok(writer.out)
}

struct JsonWriter {
    out: String,
    indent: Option<usize>,
    /// The containers around, to find cycles.
    path: Vec<Value>,
    /// How much of the text has been charged, in units of gas.
    charged: u64,
}

impl JsonWriter {
    fn value(&mut self, isolate: &mut Isolate, value: Value) -> Result<(), Unwind> {
        match value.tag() {
            Tag::Null | Tag::Bool | Tag::Int | Tag::Wide | Tag::Huge => isolate.write_text(value, &mut self.out)?,
            Tag::Float if value.as_float().is_finite() => write_float(value.as_float(), &mut self.out),
            Tag::Float => return isolate.fail("Cannot write an infinite float or nan as JSON"),
            Tag::Str | Tag::Bytes => {
                let text = isolate.display(value)?;
                isolate.check_text_length(self.out.len() + text.len())?;
                self.string(&text);
            }
            Tag::Range => {
                let list = isolate.built_list(value)?;
                self.container(isolate, list)?;
            }
            Tag::List | Tag::Map | Tag::Entity | Tag::Data => self.container(isolate, value)?,
            _ => {
                let message = format!("Cannot write a value of type {} as JSON", type_name(value));
                return isolate.fail(&message);
            }
        }
        Ok(())
    }

    fn container(&mut self, isolate: &mut Isolate, container: Value) -> Result<(), Unwind> {
        if self.path.iter().any(|around| around.raw_eq(container)) {
            return isolate.fail("Cannot write a cyclic value as JSON");
        }
        if self.path.len() >= MAX_DEPTH as usize {
            return isolate.fail("Value is nested too deeply (over 1,000 levels)");
        }
        self.charge(isolate)?;
        let (open, close) = if container.tag() == Tag::List { ('[', ']') } else { ('{', '}') };
        self.out.push(open);
        self.path.push(container);
        let count = match container.tag() {
            Tag::List => self.items(isolate, container)?,
            _ => self.members(isolate, container)?,
        };
        self.path.pop();
        if count > 0 {
            self.new_line();
        }
        self.out.push(close);
        Ok(())
    }

    /// Charges what was written since the last time: containers shared among containers can stand for any length.
    fn charge(&mut self, isolate: &mut Isolate) -> Result<(), Unwind> {
        let due = self.out.len() as u64 / TEXT_BYTES_PER_GAS;
        isolate.charge_large(due - self.charged)?;
        self.charged = due;
        isolate.check_text_length(self.out.len())
    }

    /// Writes a list's elements; gives their number.
    fn items(&mut self, isolate: &mut Isolate, list: Value) -> Result<usize, Unwind> {
        let items = isolate.walked_items(list)?;
        for (index, &item) in items.iter().enumerate() {
            self.begin_item(index);
            self.value(isolate, item)?;
        }
        Ok(items.len())
    }

    /// Writes a map's entries or a record's fields; gives their number.
    fn members(&mut self, isolate: &mut Isolate, container: Value) -> Result<usize, Unwind> {
        isolate.ledger.visit(container, false);
        let members: Vec<(Value, Value)> = if container.is_map() {
            isolate.ledger.heap.map(container).map.iter().map(|entry| (entry.key, entry.value)).collect()
        } else {
            let record = isolate.ledger.heap.record(container);
            let names = isolate.info.classes[record.class as usize].fields.iter();
            let names = names.map(|name| isolate.info.symbol_values[name.0 as usize]);
            names.zip(record.fields.iter().copied()).collect()
        };
        isolate.charge_elements(members.len())?;
        for (index, &(key, value)) in members.iter().enumerate() {
            self.begin_item(index);
            let key = isolate.display(key)?;
            self.string(&key);
            self.out.push_str(": ");
            self.value(isolate, value)?;
        }
        Ok(members.len())
    }

    fn begin_item(&mut self, index: usize) {
        if index > 0 {
            self.out.push_str(if self.indent.is_some() { "," } else { ", " });
        }
        self.new_line();
    }

    /// A line's end and indentation, where there are lines.
    fn new_line(&mut self) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * self.path.len()));
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push_str(&serde_json::Value::from(text).to_string());
    }
}
