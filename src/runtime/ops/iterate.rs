//! Open iterators. An iterator is three slots: what is walked, a cursor, and where it ends. It holds insertion
//! numbers, not indexes, so that changes during the walk (and their undoing) keep its place.

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use crate::value::{Tag, Value};

/// What a step of an iterator gave.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Index or key, and value.
    Item(Value, Value),
    /// No more.
    End,
}

impl Isolate {
    /// Opens an iterator over `value` in `slots[at..at + 3]`.
    pub fn iterate(&mut self, value: Value, at: u32) -> Result<(), Unwind> {
        let (cursor, end) = match value.tag() {
            Tag::List | Tag::Bytes => (Value::int(0), Value::NULL),
            // Both are byte and character positions: (bytes, characters).
            Tag::Str => (Value::int(0), Value::int(0)),
            Tag::Range => {
                (Value::int(0), Value::int(self.ledger.heap.range(value).count().min(i64::MAX as u64) as i64))
            }
            Tag::Map => (Value::int(0), Value::int(self.ledger.keys_end(value) as i64)),
            _ => {
                let message = format!("Cannot iterate over a value of type {}", super::type_name(value));
                return self.fail(&message);
            }
        };
        let at = at as usize;
        self.slots[at] = value;
        self.slots[at + 1] = cursor;
        self.slots[at + 2] = end;
        Ok(())
    }

    /// Takes the next item of the iterator in `slots[at..at + 3]`. For a map the pair is (key, value); otherwise
    /// (index, element).
    #[inline]
    pub fn iterate_next(&mut self, at: u32) -> Result<Step, Unwind> {
        let at = at as usize;
        let subject = self.slots[at];
        let cursor = self.slots[at + 1].int_payload();
        match subject.tag() {
            Tag::Range => {
                let end = self.slots[at + 2].int_payload();
                if cursor >= end {
                    return Ok(Step::End);
                }
                let number = self.ledger.heap.range(subject).at(cursor as u64);
                self.slots[at + 1] = Value::int(cursor + 1);
                Ok(Step::Item(Value::int(cursor), Value::int(number)))
            }
            Tag::List => {
                let Some(item) = self.ledger.element(subject, cursor as usize) else {
                    return Ok(Step::End);
                };
                self.slots[at + 1] = Value::int(cursor + 1);
                Ok(Step::Item(Value::int(cursor), item))
            }
            Tag::Map => {
                let end = self.slots[at + 2].int_payload() as u64;
                let Some(entry) = self.ledger.next_entry(subject, cursor as u64) else { return Ok(Step::End) };
                if entry.seq >= end {
                    return Ok(Step::End);
                }
                let item = Step::Item(entry.key, entry.value);
                self.slots[at + 1] = Value::int(entry.seq as i64 + 1);
                Ok(item)
            }
            Tag::Bytes => {
                let Some(&byte) = self.ledger.heap.bytes(subject).get(cursor as usize) else { return Ok(Step::End) };
                self.slots[at + 1] = Value::int(cursor + 1);
                Ok(Step::Item(Value::int(cursor), Value::int(i64::from(byte))))
            }
            Tag::Str => self.next_character(subject, at, cursor as usize),
            // No open iterator: only stored code that no compiler made comes here.
            _ => Ok(Step::End),
        }
    }

    fn next_character(&mut self, subject: Value, at: usize, byte: usize) -> Result<Step, Unwind> {
        let rest = self.ledger.heap.str(subject).get(byte..);
        let Some(character) = rest.and_then(|rest| rest.chars().next()) else { return Ok(Step::End) };
        let number = self.slots[at + 2].int_payload();
        let mut buffer = [0; 4];
        let text = character.encode_utf8(&mut buffer);
        self.charge_bytes(super::super::gas::STRING_BYTES + 1)?;
        let item = self.ledger.heap.alloc_str(text);
        self.slots[at + 1] = Value::int((byte + character.len_utf8()) as i64);
        self.slots[at + 2] = Value::int(number.wrapping_add(1));
        Ok(Step::Item(Value::int(number), item))
    }
}
