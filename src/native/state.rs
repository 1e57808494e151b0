//! What is known of the places that a piece of code reads and writes, at one point of it.

use std::rc::Rc;

use cranelift_codegen::ir::Value as Ssa;

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
                Loc::Held { kind: if a == b { a } else { Kind::Any(None) }, dirty: x || y }
            }
            _ => Loc::Home,
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
    /// Finds that still hold.
    pub(super) finds: Vec<Find>,
}

impl State {
    pub(super) fn new(places: usize) -> Self {
        Self { locs: Rc::new(vec![Loc::Home; places]), finds: Vec::new() }
    }

    pub(super) fn set(&mut self, place: usize, loc: Loc) {
        if self.locs[place] != loc {
            Rc::make_mut(&mut self.locs)[place] = loc;
        }
    }

    /// What covers both, of the places alone.
    pub(super) fn join(&mut self, other: &State) {
        if Rc::ptr_eq(&self.locs, &other.locs) {
            return;
        }
        for place in 0..self.locs.len() {
            let joined = self.locs[place].join(other.locs[place]);
            self.set(place, joined);
        }
    }
}
