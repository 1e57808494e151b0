//! The register stack: its memory is reserved once and never moves; slots come into being as the stack first
//! reaches them.

use super::tag::Value;

/// A stack of slots that grows up to a fixed capacity and never moves.
#[derive(Debug)]
pub struct SlotArray {
    slots: Vec<Value>,
}

impl SlotArray {
    /// Room for so many slots, none of them in use yet. The memory is only reserved.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { slots: Vec::with_capacity(capacity) }
    }

    /// Makes the slots below `count` exist, unset at first.
    #[inline]
    pub fn ensure(&mut self, count: usize) {
        if self.slots.len() < count {
            self.grow(count);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, count: usize) {
        let count = (count + 1_024).min(self.slots.capacity());
        self.slots.resize(count.max(self.slots.len()), Value::UNSET);
    }
}

impl std::ops::Deref for SlotArray {
    type Target = [Value];

    #[inline(always)]
    fn deref(&self) -> &[Value] {
        &self.slots
    }
}

impl std::ops::DerefMut for SlotArray {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [Value] {
        &mut self.slots
    }
}
