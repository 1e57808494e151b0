//! Events: their canonical bytes, written when they are emitted. A rollback cuts off what its call emitted, so nothing
//! waits for the end of a transaction and nothing of an event is held in the heap.

use super::Ledger;
use super::encode::{encode, encode_length, encode_text};
use crate::value::Value;

/// Bytes of finished events are hashed when so many wait: many at once are several times faster than one by one.
const HASHED_AT: usize = 1 << 16;

/// The events of finished calls, folded into a digest, and those of open calls.
#[derive(Debug, Default)]
pub struct EventLog {
    hasher: blake3::Hasher,
    /// Canonical bytes that the hasher has not seen.
    bytes: Vec<u8>,
    count: u64,
    /// How the last event began: contracts emit the same ones over and over.
    beginning: Option<Beginning>,
    /// Events as text, for those who asked to see them.
    lines: Option<Vec<String>>,
}

/// What events of one kind have in common, and its canonical bytes.
#[derive(Debug)]
struct Beginning {
    contract: Option<Value>,
    name: Value,
    arguments: usize,
    bytes: Vec<u8>,
}

impl Beginning {
    #[inline]
    fn is_of(&self, contract: Option<Value>, name: Value, arguments: usize) -> bool {
        let same = match (self.contract, contract) {
            (Some(one), Some(other)) => one.raw_eq(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        same && self.name.raw_eq(name) && self.arguments == arguments
    }
}

/// How far the log reached when a call began.
#[derive(Clone, Copy, Debug)]
pub struct EventMark {
    bytes: usize,
    count: u64,
}

impl EventLog {
    /// How many events have been emitted and not undone.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// BLAKE3 over the canonical bytes of all events. Not while a call is open: its events may still be undone.
    pub fn digest(&mut self) -> [u8; 32] {
        self.hash();
        self.hasher.finalize().into()
    }

    /// Keeps events as text from now on.
    pub fn keep_lines(&mut self) {
        self.lines = Some(Vec::new());
    }

    /// Events as text, if they are kept.
    pub fn lines(&self) -> Option<&[String]> {
        self.lines.as_deref()
    }

    /// Forgets all events; whether text is kept stays.
    pub fn clear(&mut self) {
        self.beginning = None;
        self.hasher.reset();
        self.bytes.clear();
        self.count = 0;
        if let Some(lines) = &mut self.lines {
            lines.clear();
        }
    }

    /// How far the log reaches now.
    #[inline]
    pub fn mark(&self) -> EventMark {
        EventMark { bytes: self.bytes.len(), count: self.count }
    }

    /// Undoes what was emitted since.
    pub fn cut(&mut self, mark: EventMark) {
        self.bytes.truncate(mark.bytes);
        let undone = (self.count - mark.count) as usize;
        self.count = mark.count;
        if let Some(lines) = &mut self.lines {
            lines.truncate(lines.len().saturating_sub(undone));
        }
    }

    /// No call is open: what was emitted stays.
    #[inline]
    pub(super) fn settle(&mut self) {
        if self.bytes.len() >= HASHED_AT {
            self.hash();
        }
    }

    #[inline(never)]
    fn hash(&mut self) {
        self.hasher.update(&self.bytes);
        self.bytes.clear();
    }
}

impl Ledger {
    /// Begins an event with so many arguments, of a contract's name (none: of top-level code). Names are constants of
    /// the program.
    #[inline]
    pub fn begin_event(&mut self, contract: Option<Value>, name: Value, arguments: usize) {
        match &self.events.beginning {
            Some(known) if known.is_of(contract, name, arguments) => {
                self.events.bytes.extend_from_slice(&known.bytes);
            }
            _ => self.begin_other_event(contract, name, arguments),
        }
    }

    #[inline(never)]
    fn begin_other_event(&mut self, contract: Option<Value>, name: Value, arguments: usize) {
        let mut bytes = Vec::new();
        match contract {
            Some(contract) => encode(&self.heap, &self.instances, contract, &mut bytes),
            None => encode_text("", &mut bytes),
        }
        encode(&self.heap, &self.instances, name, &mut bytes);
        encode_length(arguments, &mut bytes);
        self.events.bytes.extend_from_slice(&bytes);
        self.events.beginning = Some(Beginning { contract, name, arguments, bytes });
    }

    /// Adds the next argument of the event that was begun.
    #[inline]
    pub fn add_event_argument(&mut self, value: Value) {
        encode(&self.heap, &self.instances, value, &mut self.events.bytes);
    }

    /// The event that was begun is whole. `line` is its text, where texts are kept.
    #[inline]
    pub fn finish_event(&mut self, line: Option<String>) {
        self.events.count += 1;
        if let (Some(lines), Some(line)) = (&mut self.events.lines, line) {
            lines.push(line);
        }
        if self.journal.is_idle() {
            self.events.settle();
        }
    }
}
