//! One action's code.

use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};

use super::Instr;
use crate::resolve::hir::Capture;
use crate::runtime::info::{ActionId, LoopId, Place, Symbol};
use crate::value::Value;

/// Where an error in a range of code goes on. Ranges nest; the innermost comes first in [`Code::handlers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handler {
    /// First position guarded.
    pub from: u32,
    /// One past the last.
    pub to: u32,
    /// Where to go on.
    pub target: u32,
}

/// Code of a leaf action that stands in its caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inlined {
    /// First position of its code.
    pub from: u32,
    /// One past the last.
    pub to: u32,
    /// Whose code it is.
    pub action: ActionId,
    /// Where the call stood.
    pub call: u32,
}

/// A closure to be made: its action, and where its cells come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Closure {
    /// The action.
    pub action: ActionId,
    /// In order.
    pub captures: Vec<Capture>,
}

/// One action's code.
#[derive(Debug)]
pub struct Code {
    /// Whose.
    pub action: ActionId,
    /// Instructions and the words behind some of them.
    pub instrs: Vec<Instr>,
    /// Immediates and values of the program's constant pool.
    pub constants: Vec<Value>,
    /// Places: each holds from its position to the next.
    pub places: Vec<(u32, Place)>,
    /// Innermost first.
    pub handlers: Vec<Handler>,
    /// In order; none inside another.
    pub inlined: Vec<Inlined>,
    /// Where each loop's header stands.
    pub loop_entries: Vec<(LoopId, u32)>,
    /// Fixed slots and temporaries.
    pub frame_size: u16,
    /// Closures that it makes.
    pub closures: Vec<Closure>,
    /// Lists of symbols (names of event arguments).
    pub name_lists: Vec<Vec<Symbol>>,
    /// Lists of field indexes.
    pub field_lists: Vec<Vec<u16>>,
    /// What each method call reached last: class and action, each plus one, or 0. One word, so that threads that
    /// share the code never see half of one.
    pub caches: Vec<AtomicU64>,
}

impl Code {
    /// In a loop's header: it is not the one that every iteration passes, or the loop's number does not fit.
    pub const NO_LOOP: u16 = u16::MAX;

    /// Code without tables.
    pub fn of_instructions(action: ActionId, instrs: Vec<Instr>, frame_size: u16) -> Self {
        Self {
            action,
            instrs,
            constants: Vec::new(),
            places: Vec::new(),
            handlers: Vec::new(),
            inlined: Vec::new(),
            loop_entries: Vec::new(),
            frame_size,
            closures: Vec::new(),
            name_lists: Vec::new(),
            field_lists: Vec::new(),
            caches: Vec::new(),
        }
    }

    /// The place of the instruction at a position.
    pub fn place(&self, position: u32) -> Place {
        let after = self.places.partition_point(|(from, _)| *from <= position);
        after.checked_sub(1).map_or(Place::default(), |at| self.places[at].1)
    }

    /// The handler for an error at a position.
    pub fn handler(&self, position: u32) -> Option<Handler> {
        self.handlers.iter().copied().find(|handler| handler.from <= position && position < handler.to)
    }

    /// The leaf action that the instruction at a position comes from, if it was another's.
    pub fn inlined_at(&self, position: u32) -> Option<Inlined> {
        let after = self.inlined.partition_point(|inlined| inlined.from <= position);
        let inlined = self.inlined[after.checked_sub(1)?];
        (position < inlined.to).then_some(inlined)
    }

    /// Where a loop begins.
    pub fn loop_entry(&self, id: LoopId) -> u32 {
        let entry = self.loop_entries.iter().find(|(entry, _)| *entry == id);
        entry.expect("a loop is entered in the action that it stands in").1
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.instrs.len() * size_of::<Instr>()
            + self.constants.len() * size_of::<Value>()
            + self.places.len() * size_of::<(u32, Place)>()
    }
}
