//! Runtime errors: making them, giving them their place, and what `catch` sees.

use super::call::{CallSite, Frame};
use super::info::{ActionId, Place};
use super::isolate::Isolate;
use super::signal::{ErrorKind, Signal, Unwind};
use crate::value::Value;

/// One call that an error came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// The action called.
    pub action: ActionId,
    /// The action that called it.
    pub caller: ActionId,
    /// Where in the caller's text (byte offset), or [`NO_POSITION`].
    pub position: u32,
}

/// Where something struck.
#[derive(Clone, Debug)]
pub struct Site {
    /// In which action.
    pub action: ActionId,
    /// Where in the text.
    pub place: Place,
    /// The calls around it, innermost first.
    pub trace: Vec<TraceEntry>,
}

/// A call that an operation of the runtime makes, before the tier that asked for the operation has told its place.
pub const NO_POSITION: u32 = u32::MAX;

/// The longest call stack that an error keeps.
const TRACE_MAX: usize = 64;

/// An error whose place is not known yet.
const NO_ACTION: u32 = u32::MAX;

impl Isolate {
    /// Raises a runtime error; the tier gives it its place.
    #[cold]
    #[inline(never)]
    pub fn fail<T>(&mut self, message: &str) -> Result<T, Unwind> {
        self.fail_kind(ErrorKind::Runtime, message)
    }

    /// Raises an error of a kind.
    #[cold]
    #[inline(never)]
    pub fn fail_kind<T>(&mut self, kind: ErrorKind, message: &str) -> Result<T, Unwind> {
        let text = self.ledger.heap.alloc_str(message);
        self.error = self.ledger.heap.alloc_error(text, kind as u32, (NO_ACTION, 0, 0), false);
        self.signal = Signal::Error;
        Err(Unwind)
    }

    /// `throw value`
    #[cold]
    #[inline(never)]
    pub fn throw<T>(&mut self, value: Value) -> Result<T, Unwind> {
        self.error = self.ledger.heap.alloc_error(value, ErrorKind::Thrown as u32, (NO_ACTION, 0, 0), true);
        self.signal = Signal::Error;
        Err(Unwind)
    }

    /// Goes on with an error that a `finally` held back.
    #[cold]
    pub fn rethrow<T>(&mut self, error: Value) -> Result<T, Unwind> {
        self.error = error;
        self.signal = Signal::Error;
        Err(Unwind)
    }

    /// Whether what unwinds may run handlers, `finally` and `defer`.
    #[inline]
    pub fn is_catchable(&self) -> bool {
        self.signal == Signal::Error
    }

    /// Takes the pending error: the value that `catch` binds.
    pub fn caught_value(&mut self) -> Value {
        let error = std::mem::replace(&mut self.error, Value::NULL);
        self.ledger.heap.error(error).message
    }

    /// Gives what unwinds its place, unless it has one: the innermost expression that failed.
    #[cold]
    #[inline(never)]
    pub fn locate(&mut self, place: Place) -> Unwind {
        let action = self.frame().action;
        match self.signal {
            Signal::Error => {
                if self.ledger.heap.error(self.error).span.0 == NO_ACTION {
                    let trace = self.trace();
                    let packed = trace.iter().map(|entry| (entry.action.0, entry.position)).collect();
                    let error = self.ledger.heap.error_mut(self.error);
                    error.span = (action.0, place.start, place.end);
                    error.trace = packed;
                } else {
                    let callers = self.frames.len();
                    let trace = &mut self.ledger.heap.error_mut(self.error).trace;
                    complete(trace.iter_mut().map(|(_, position)| position), callers, place);
                }
            }
            _ => {
                if self.signal_site.is_none() {
                    let trace = self.trace();
                    self.signal_site = Some(Site { action, place, trace });
                } else if let Some(site) = &mut self.signal_site {
                    let callers = self.frames.len();
                    complete(site.trace.iter_mut().map(|entry| &mut entry.position), callers, place);
                }
            }
        }
        Unwind
    }

    /// The same for code of an action that was compiled into the topmost frame's, called at a position of that.
    #[cold]
    pub fn locate_inlined(&mut self, action: ActionId, call: u32, place: Place) -> Unwind {
        let caller = *self.frame();
        self.frames.push(Frame { action, site: CallSite::Position(call), ..caller });
        let unwind = self.locate(place);
        self.frames.pop();
        unwind
    }

    /// The active calls, innermost first.
    pub fn trace(&self) -> Vec<TraceEntry> {
        let mut trace = Vec::new();
        for depth in (1..self.frames.len()).rev() {
            let (frame, caller) = (&self.frames[depth], &self.frames[depth - 1]);
            let position = match frame.site {
                CallSite::Place(place) => place.start,
                CallSite::Runtime => NO_POSITION,
                CallSite::Position(position) => {
                    self.upper.as_ref().map_or(0, |tier| tier.place(caller.action, position).start)
                }
            };
            trace.push(TraceEntry { action: frame.action, caller: caller.action, position });
            if trace.len() == TRACE_MAX {
                break;
            }
        }
        trace
    }

    /// The place of the pending error, once located.
    pub fn error_place(&self) -> Option<(ActionId, Place)> {
        let (action, start, end) = self.ledger.heap.error(self.error).span;
        (action != NO_ACTION).then_some((ActionId(action), Place { start, end }))
    }
}

/// What unwinds has come to the topmost of `callers` frames: if the call that it came from was made by an operation of
/// the runtime, this is where. A call stack that was cut does not tell its depth.
fn complete<'t>(mut positions: impl ExactSizeIterator<Item = &'t mut u32>, callers: usize, place: Place) {
    let length = positions.len();
    if length >= TRACE_MAX || callers > length {
        return;
    }
    // Innermost first: the last entry is the call that the outermost frame made.
    if let Some(position) = positions.nth(length - callers).filter(|position| **position == NO_POSITION) {
        *position = place.start;
    }
}
