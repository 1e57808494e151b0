//! What is known of the places that a piece of code reads and writes, at one point of it.

use std::rc::Rc;

use cranelift_codegen::ir::Value as Ssa;

use super::ranges::{Fact, Range};
use crate::value::Tag;

/// What a value held in registers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An integer of 64 bits.
    Int,
    /// A float.
    Float,
    /// A boolean: 0 or 1.
    Bool,
    /// Null.
    Null,
    /// Both words of a value; its tag, if it is known.
    Any(Option<Tag>),
    /// A map that was not made (see `sink`): of one of these literals, whose number is held.
    Sunk(u8),
}

impl Kind {
    /// The kind of values with a tag.
    pub(super) fn of(tag: Tag) -> Self {
        match tag {
            Tag::Int => Kind::Int,
            Tag::Float => Kind::Float,
            Tag::Bool => Kind::Bool,
            Tag::Null => Kind::Null,
            tag => Kind::Any(Some(tag)),
        }
    }

    /// The tag, if it is known.
    pub(super) fn tag(self) -> Option<Tag> {
        match self {
            Kind::Int => Some(Tag::Int),
            Kind::Float => Some(Tag::Float),
            Kind::Bool => Some(Tag::Bool),
            Kind::Null => Some(Tag::Null),
            Kind::Any(tag) => tag,
            Kind::Sunk(_) => Some(Tag::Map),
        }
    }
}

/// Where the value of a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loc {
    /// In its memory alone.
    Home,
    /// In registers; if not `dirty`, in its memory as well.
    Held {
        /// What it is.
        kind: Kind,
        /// The memory is older.
        dirty: bool,
    },
}

impl Loc {
    /// What covers both.
    pub(super) fn join(self, other: Loc) -> Loc {
        match (self, other) {
            (Loc::Held { kind: a, dirty: x }, Loc::Held { kind: b, dirty: y }) => {
                let kind = match (a, b) {
                    (a, b) if a == b => a,
                    (Kind::Sunk(a), Kind::Sunk(b)) => Kind::Sunk(a | b),
                    (Kind::Sunk(_), any @ Kind::Any(Some(Tag::Map)))
                    | (any @ Kind::Any(Some(Tag::Map)), Kind::Sunk(_)) => any,
                    _ => Kind::Any(None),
                };
                Loc::Held { kind, dirty: x || y }
            }
            _ => Loc::Home,
        }
    }

    /// The tag of what is held, if it is known.
    pub(super) fn tag(self) -> Option<Tag> {
        match self {
            Loc::Home => None,
            Loc::Held { kind, .. } => kind.tag(),
        }
    }

    pub(super) fn is_dirty(self) -> bool {
        matches!(self, Loc::Held { dirty: true, .. })
    }
}

/// A key that was looked for in a map, and the entry found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Find {
    pub(super) map: Ssa,
    pub(super) key: Ssa,
    /// The entry's address; null if there is none, unless `present`.
    pub(super) entry: Ssa,
    pub(super) present: bool,
    /// The first word of the value that was there when it was read last, if it was.
    pub(super) word: Option<Ssa>,
    /// What is there is no container.
    pub(super) light: bool,
}

impl Find {
    /// Whether both are one find, which was made before the ways parted.
    pub(super) fn is_same(&self, other: &Find) -> bool {
        (self.map, self.key, self.entry) == (other.map, other.key, other.entry)
    }
}

/// What is known at one point.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// By place.
    pub(super) locs: Rc<Vec<Loc>>,
    /// By place: of the integer that is held, if it is one.
    pub(super) facts: Rc<Vec<Fact>>,
    /// Finds that still hold.
    pub(super) finds: Vec<Find>,
    /// Writes of spliced calls (see `late`) that may have been made since the outermost of them was entered.
    pub(super) written: u32,
}

impl State {
    pub(super) fn new(places: usize) -> Self {
        let (locs, facts) = (Rc::new(vec![Loc::Home; places]), Rc::new(vec![Fact::NONE; places]));
        Self { locs, facts, finds: Vec::new(), written: 0 }
    }

    pub(super) fn set(&mut self, place: usize, loc: Loc) {
        if self.locs[place] != loc {
            Rc::make_mut(&mut self.locs)[place] = loc;
        }
        if loc == Loc::Home {
            self.set_fact(place, Fact::NONE);
        }
    }

    pub(super) fn set_fact(&mut self, place: usize, fact: Fact) {
        if self.facts[place] != fact {
            Rc::make_mut(&mut self.facts)[place] = fact;
        }
    }

    /// Of a value with this first word is now known that it has a tag: so has the entry that it was read from, which is
    /// there unless that is null.
    pub(super) fn note_tag(&mut self, word: Ssa, tag: Tag) {
        for find in self.finds.iter_mut().filter(|find| find.word == Some(word)) {
            find.light |= tag < Tag::List;
            find.present |= tag != Tag::Null;
        }
    }

    /// No place holds a map that was not made.
    pub(super) fn have_maps_made(&mut self) {
        for place in 0..self.locs.len() {
            if let Loc::Held { kind: Kind::Sunk(_), dirty } = self.locs[place] {
                self.set(place, Loc::Held { kind: Kind::Any(Some(Tag::Map)), dirty });
            }
        }
    }

    /// What covers both, of the places and the writes alone.
    pub(super) fn join(&mut self, other: &State) {
        self.written |= other.written;
        if Rc::ptr_eq(&self.locs, &other.locs) && Rc::ptr_eq(&self.facts, &other.facts) {
            return;
        }
        for place in 0..self.locs.len() {
            let mut fact = self.facts[place].join(other.facts[place]);
            let joined = self.locs[place].join(other.locs[place]);
            if !matches!(joined, Loc::Held { kind: Kind::Int, .. }) {
                fact.range = Range::ANY;
            }
            self.set_fact(place, fact);
            self.set(place, joined);
        }
    }
}
