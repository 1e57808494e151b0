//! What `match` asks of values.

use super::super::info::{ClassId, PatternShape};
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use crate::value::{Tag, Value};

/// How many characters of a value's text an error shows.
const SHOWN: usize = 60;

impl Isolate {
    /// Whether a value has the shape that a pattern asks for.
    pub fn fits(&self, value: Value, shape: PatternShape) -> bool {
        let length = || match value.tag() {
            Tag::List | Tag::Range => self.length_of(value),
            _ => None,
        };
        match shape {
            PatternShape::List(wanted) => length() == Some(wanted as usize),
            PatternShape::ListFrom(least) => length().is_some_and(|length| length >= least as usize),
            PatternShape::Map => value.is_map(),
            PatternShape::Class(wanted) => {
                let classes = std::iter::successors(self.class_of(value), |class| self.info.class(*class).base);
                classes.into_iter().any(|class| class == wanted)
            }
        }
    }

    /// The class of an instance.
    fn class_of(&self, value: Value) -> Option<ClassId> {
        match value.tag() {
            Tag::Contract => Some(ClassId(self.ledger.instances[value.id() as usize].class)),
            Tag::Entity | Tag::Data => Some(ClassId(self.ledger.heap.record(value).class)),
            _ => None,
        }
    }

    /// No arm of a `match` applied to this value.
    #[cold]
    pub fn no_match<T>(&mut self, value: Value) -> Result<T, Unwind> {
        let text = self.display(value)?;
        let shown: String = text.chars().take(SHOWN).collect();
        let dots = if shown.len() < text.len() { "..." } else { "" };
        self.fail(&format!("No pattern matches {shown}{dots}"))
    }
}
