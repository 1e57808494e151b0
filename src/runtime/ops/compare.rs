//! Equality, order and membership.

use std::cmp::Ordering;

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::quick;
use crate::value::{Tag, Value, compare, equals};

macro_rules! order {
    ($(#[$doc:meta])* $name:ident, $holds:expr) => {
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(&mut self, a: Value, b: Value) -> Result<bool, Unwind> {
            if let Some(holds) = quick::$name(a, b) {
                return Ok(holds);
            }
            let holds: fn(Ordering) -> bool = $holds;
            Ok(self.order_slow(a, b)?.is_some_and(holds))
        }
    };
}

impl Isolate {
    order!(
        /// `a < b`
        less, |ordering| ordering == Ordering::Less
    );
    order!(
        /// `a <= b`
        less_equal, |ordering| ordering != Ordering::Greater
    );
    order!(
        /// `a > b`
        greater, |ordering| ordering == Ordering::Greater
    );
    order!(
        /// `a >= b`
        greater_equal, |ordering| ordering != Ordering::Less
    );

    /// None: they are not ordered (NaN, null), so every comparison is false.
    #[inline(never)]
    pub(crate) fn order_slow(&mut self, a: Value, b: Value) -> Result<Option<Ordering>, Unwind> {
        if a.is_null() || b.is_null() {
            return Ok(None);
        }
        let comparable = (a.is_number() && b.is_number()) || (a.is_str() && b.is_str());
        if !comparable {
            return self.mismatch("compare", a, b);
        }
        if a.is_str() {
            let length = self.ledger.heap.str(a).len().min(self.ledger.heap.str(b).len());
            self.charge_text(length)?;
        }
        Ok(compare(&self.ledger.heap, a, b))
    }

    /// `a == b`
    #[inline(always)]
    pub fn equal(&mut self, a: Value, b: Value) -> Result<bool, Unwind> {
        match quick::equal(a, b) {
            Some(equal) => Ok(equal),
            None => self.equal_slow(a, b),
        }
    }

    #[inline(never)]
    fn equal_slow(&mut self, a: Value, b: Value) -> Result<bool, Unwind> {
        if a.raw_eq(b) && !a.is_float() {
            return Ok(true);
        }
        match a.tag() {
            Tag::Str if b.is_str() => {
                let length = self.ledger.heap.str(a).len().min(self.ledger.heap.str(b).len());
                self.charge_text(length)?;
            }
            _ => {}
        }
        self.ledger.about_to_walk(a);
        self.ledger.about_to_walk(b);
        let mut steps = 0;
        let equal = equals(&self.ledger.heap, a, b, &mut steps);
        // A walk over both is charged by what was walked, which is not known before.
        self.charge_elements(steps as usize)?;
        match equal {
            Ok(equal) => Ok(equal),
            Err(_) => self.fail("Value is nested too deeply (over 1,000 levels)"),
        }
    }

    /// Number of elements, entries or characters.
    pub fn length_of(&self, value: Value) -> Option<usize> {
        match value.tag() {
            Tag::List | Tag::Map => Some(self.ledger.size(value)),
            Tag::Str => Some(value.char_count()),
            Tag::Bytes => Some(self.ledger.heap.bytes(value).len()),
            Tag::Range => Some(self.ledger.heap.range(value).count() as usize),
            _ => None,
        }
    }

    /// `x in c`
    #[inline(never)]
    pub fn contains(&mut self, element: Value, container: Value) -> Result<bool, Unwind> {
        match container.tag() {
            Tag::Null => Ok(false),
            Tag::Map => {
                let key = self.map_key(element)?;
                Ok(self.ledger.entry(container, key).is_some())
            }
            Tag::Str => {
                if !element.is_str() {
                    return self.fail("Only a string can be in a string");
                }
                self.charge_text(self.ledger.heap.str(container).len())?;
                Ok(self.ledger.heap.str(container).contains(self.ledger.heap.str(element)))
            }
            Tag::List => {
                let length = self.ledger.size(container);
                self.charge_elements(length)?;
                for index in 0..length {
                    let Some(item) = self.ledger.element(container, index) else { break };
                    if self.equal(element, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Tag::Range => {
                let number = match element.tag() {
                    Tag::Int => element.as_int(),
                    Tag::Float if element.as_float().fract() == 0.0 && element.as_float().abs() < 9e18 => {
                        element.as_float() as i64
                    }
                    _ => return Ok(false),
                };
                let range = self.ledger.heap.range(container);
                let inside = if range.step > 0 {
                    number >= range.start && number < range.end
                } else {
                    number <= range.start && number > range.end
                };
                let distance = i128::from(number) - i128::from(range.start);
                Ok(inside && distance % i128::from(range.step) == 0)
            }
            _ => {
                let message = format!("Cannot look for a value in a value of type {}", super::type_name(container));
                self.fail(&message)
            }
        }
    }
}
