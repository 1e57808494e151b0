//! The arguments of one call, and the checks that builtins share.

use super::super::gas::TEXT_BYTES_MAX;
use super::super::isolate::Isolate;
use super::super::ops::type_name;
use super::super::signal::Unwind;
use crate::value::{Tag, Value};

/// Most arguments that a builtin other than `print`, `min`, `max`, `sum` looks at, a receiver among them.
const KEPT: usize = 4;

/// The arguments of one call. A method's receiver is the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Args {
    /// The builtin's or method's name, for messages.
    pub(super) name: &'static str,
    /// The first few; those not given are null.
    pub(super) values: [Value; KEPT],
    /// How many were given, a receiver among them.
    pub(super) count: usize,
    /// The slot of the first that was passed (not of the receiver).
    pub(super) base: u32,
    /// How many were passed.
    pub(super) passed: u32,
}

impl Args {
    /// The arguments of a builtin function.
    #[inline]
    pub(super) fn of_function(isolate: &Isolate, name: &'static str, base: u32, passed: u32) -> Self {
        let mut values = [Value::NULL; KEPT];
        for (value, slot) in values.iter_mut().zip(&isolate.slots[base as usize..(base + passed) as usize]) {
            *value = *slot;
        }
        Self { name, values, count: passed as usize, base, passed }
    }

    /// The arguments of a method.
    #[inline]
    pub(super) fn of_method(isolate: &Isolate, name: &'static str, receiver: Value, base: u32, passed: u32) -> Self {
        let mut values = [Value::NULL; KEPT];
        values[0] = receiver;
        let slots = &isolate.slots[base as usize..(base + passed) as usize];
        for (value, slot) in values[1..].iter_mut().zip(slots) {
            *value = *slot;
        }
        Self { name, values, count: passed as usize + 1, base, passed }
    }

    /// The first argument: a method's receiver.
    #[inline]
    pub(super) fn first(&self) -> Value {
        self.values[0]
    }

    /// The second argument, or null.
    #[inline]
    pub(super) fn second(&self) -> Value {
        self.values[1]
    }

    /// The third argument, or null.
    #[inline]
    pub(super) fn third(&self) -> Value {
        self.values[2]
    }
}

impl Isolate {
    /// `len() not supported for null`
    #[cold]
    pub(super) fn unsupported<T>(&mut self, args: &Args, value: Value) -> Result<T, Unwind> {
        let message = format!("{}() not supported for {}", args.name, type_name(value));
        self.fail(&message)
    }

    /// `split() needs a string, not null`
    #[cold]
    pub(super) fn needs<T>(&mut self, args: &Args, what: &str, value: Value) -> Result<T, Unwind> {
        let message = format!("{}() needs {what}, not {}", args.name, type_name(value));
        self.fail(&message)
    }

    /// An error unless the value is a list or range.
    #[inline]
    pub(super) fn need_list(&mut self, args: &Args, value: Value) -> Result<Value, Unwind> {
        match value.tag() {
            Tag::List | Tag::Range => Ok(value),
            _ => self.needs(args, "a list", value),
        }
    }

    /// An error unless the value is a list that may be changed. A range is immutable.
    #[inline]
    pub(super) fn need_writable_list(&mut self, args: &Args, value: Value) -> Result<Value, Unwind> {
        match value.tag() {
            Tag::List => self.check_writable(value)?,
            Tag::Range => return self.fail("This list is read-only"),
            _ => return self.needs(args, "a list", value),
        }
        Ok(value)
    }

    /// An error unless the value is a map.
    #[inline]
    pub(super) fn need_map(&mut self, args: &Args, value: Value) -> Result<Value, Unwind> {
        if value.is_map() { Ok(value) } else { self.needs(args, "a map", value) }
    }

    /// An error unless the value is a string.
    #[inline]
    pub(super) fn need_text(&mut self, args: &Args, value: Value) -> Result<Value, Unwind> {
        if value.is_str() { Ok(value) } else { self.needs(args, "a string", value) }
    }

    /// A whole number of 64 bits; a whole float is one.
    #[inline]
    pub(super) fn need_int(&mut self, args: &Args, value: Value) -> Result<i64, Unwind> {
        match value.tag() {
            Tag::Int => Ok(value.as_int()),
            Tag::Float if value.as_float().fract() == 0.0 && value.as_float().abs() < 9e15 => {
                Ok(value.as_float() as i64)
            }
            Tag::Wide | Tag::Huge => {
                let message = format!("{}() needs an integer of at most 64 bits", args.name);
                self.fail(&message)
            }
            _ => self.needs(args, "an integer", value),
        }
    }

    /// The elements of a list or range, the walk over them charged before a range is built.
    pub(super) fn walked_items(&mut self, list: Value) -> Result<Vec<Value>, Unwind> {
        let length = self.length_of(list).unwrap_or(0);
        self.charge_elements(length)?;
        if list.tag() == Tag::Range {
            self.check_range_length(length)?;
        }
        Ok(self.list_items(list))
    }

    /// The element of a list or range; the index is in range.
    #[inline]
    pub(super) fn item(&self, list: Value, index: usize) -> Value {
        match list.tag() {
            Tag::List => self.ledger.element(list, index).unwrap_or(Value::NULL),
            _ => Value::int(self.ledger.heap.range(list).at(index as u64)),
        }
    }

    /// An error if a text about to be made is too long for the host.
    pub(super) fn check_text_length(&mut self, bytes: usize) -> Result<(), Unwind> {
        if bytes > TEXT_BYTES_MAX { self.fail("The text is longer than 1 GiB") } else { Ok(()) }
    }
}
