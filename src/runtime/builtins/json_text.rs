//! Reading JSON text. An own reader, since `serde_json` would read a token amount beyond 64 bits as a float; string
//! literals go through it.

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use crate::value::numbers::{Integer, parse_float};
use crate::value::{MAX_DEPTH, MapData, Value};

/// What is wrong with a text, and where.
#[derive(Debug)]
pub(super) struct JsonError {
    /// In words.
    pub(super) what: &'static str,
    /// Byte offset.
    pub(super) position: usize,
}

/// Why reading ended.
#[derive(Debug)]
pub(super) enum Failure {
    /// The text's fault.
    Json(JsonError),
    /// Gas or memory ran out.
    Unwind(Unwind),
}

impl From<Unwind> for Failure {
    fn from(unwind: Unwind) -> Self {
        Self::Unwind(unwind)
    }
}

/// A reader and its place.
#[derive(Debug)]
pub(super) struct JsonReader<'t> {
    text: &'t str,
    at: usize,
    depth: u32,
}

impl<'t> JsonReader<'t> {
    /// At the text's beginning.
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Reads the whole text as one value.
    pub(super) fn read(mut self, isolate: &mut Isolate) -> Result<Value, Failure> {
        let value = self.value(isolate)?;
        self.space();
        if self.at < self.text.len() { self.wrong("more text after the value") } else { Ok(value) }
    }

    fn wrong<T>(&self, what: &'static str) -> Result<T, Failure> {
        Err(Failure::Json(JsonError { what, position: self.at }))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Whether the next byte behind white space is this one; then it is taken.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, isolate: &mut Isolate) -> Result<Value, Failure> {
        self.space();
        match self.peek() {
            Some(b'{' | b'[') => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return self.wrong("nested too deeply (over 1,000 levels)");
                }
                let value = if self.take(b'{') { self.object(isolate) } else { self.array(isolate) };
                self.depth -= 1;
                value
            }
            Some(b'"') => {
                let text = self.string()?;
                Ok(isolate.new_string(&text)?)
            }
            Some(b'-' | b'0'..=b'9') => self.number(isolate),
            Some(_) => self.word(),
            None => self.wrong("the text ends where a value should stand"),
        }
    }

    fn word(&mut self) -> Result<Value, Failure> {
        for (word, value) in [("null", Value::NULL), ("true", Value::TRUE), ("false", Value::FALSE)] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.wrong("a value was expected")
    }

    fn array(&mut self, isolate: &mut Isolate) -> Result<Value, Failure> {
        self.take(b'[');
        let mut items = Vec::new();
        if !self.take(b']') {
            loop {
                items.push(self.value(isolate)?);
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return self.wrong("',' or ']' was expected");
                }
            }
        }
        Ok(isolate.new_list(items)?)
    }

    /// After the brace. Of a key that stands twice the later value counts.
    fn object(&mut self, isolate: &mut Isolate) -> Result<Value, Failure> {
        let epoch = isolate.ledger.heap.current_epoch;
        let mut map = MapData::new();
        if !self.take(b'}') {
            loop {
                self.space();
                if self.peek() != Some(b'"') {
                    return self.wrong("a key in double quotes was expected");
                }
                let key = self.string()?;
                if !self.take(b':') {
                    return self.wrong("':' was expected");
                }
                let key = isolate.new_string(&key)?;
                let value = self.value(isolate)?;
                map.set(key, value, epoch);
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return self.wrong("',' or '}' was expected");
                }
            }
        }
        Ok(isolate.new_map(map)?)
    }

    fn string(&mut self) -> Result<String, Failure> {
        let bytes = self.text.as_bytes();
        let mut end = self.at + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return self.wrong("a string does not end"),
            }
        }
        let Ok(text) = serde_json::from_str(&self.text[self.at..=end]) else {
            return self.wrong("a string holds what JSON does not allow");
        };
        self.at = end + 1;
        Ok(text)
    }

    fn number(&mut self, isolate: &mut Isolate) -> Result<Value, Failure> {
        let literal = self.number_literal();
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(literal).is_ok();
        let whole = !literal.contains(['.', 'e', 'E']);
        let value = match (valid, whole) {
            (false, _) => None,
            (true, true) => match Integer::parse_decimal(literal) {
                Ok(integer) => Some(isolate.integer_result(Ok(integer))?),
                Err(_) => return self.wrong("an integer of over 4096 bits"),
            },
            (true, false) => parse_float(literal).map(Value::float),
        };
        match value {
            Some(value) => {
                self.at += literal.len();
                Ok(value)
            }
            None => self.wrong("a malformed number"),
        }
    }

    fn number_literal(&self) -> &'t str {
        let rest = &self.text[self.at..];
        let belongs = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        &rest[..end]
    }
}
