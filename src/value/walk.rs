//! The way down into nested containers, without recursion: these walks run at the bottom of whatever stack the
//! tiers have left, so they must not need any.

use super::equality::MAX_DEPTH;
use super::heap::Heap;
use super::tag::{Tag, Value};

/// Why a walk cannot go further down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Blocked {
    /// The container is one of those that the walk is in.
    Cycle,
    /// It would be the one after [`MAX_DEPTH`].
    TooDeep,
}

/// One container that a walk is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The address by which cycles are recognised.
    source: u64,
    /// The container whose slots are visited: the source itself, or its copy under construction.
    pub(super) walked: Value,
    /// The slot from which on nothing was visited yet; 0 before the first visit.
    pub(super) next: u32,
}

/// The containers that a walk is in, outermost first.
#[derive(Debug, Default)]
pub(super) struct Path {
    steps: Vec<Step>,
}

impl Path {
    /// Whether the walk may go into `source`.
    pub(super) fn check(&self, source: Value) -> Result<(), Blocked> {
        if self.steps.iter().any(|step| step.source == source.payload()) {
            return Err(Blocked::Cycle);
        }
        if self.steps.len() >= MAX_DEPTH as usize {
            return Err(Blocked::TooDeep);
        }
        Ok(())
    }

    /// Goes into a container that [`Path::check`] allowed.
    pub(super) fn enter(&mut self, source: Value, walked: Value) {
        self.steps.push(Step { source: source.payload(), walked, next: 0 });
    }

    /// The innermost container.
    pub(super) fn top(&mut self) -> Option<&mut Step> {
        self.steps.last_mut()
    }

    /// Leaves the innermost container.
    pub(super) fn leave(&mut self) {
        self.steps.pop();
    }
}

/// Whether a walk goes into it.
pub(super) const fn is_nested(value: Value) -> bool {
    value.tag().is_container()
}

/// The first slot of a container at or after `from` whose value `wanted` takes: its index and value.
#[inline]
pub(super) fn next_slot(
    heap: &Heap,
    container: Value,
    from: u32,
    wanted: impl Fn(Value) -> bool,
) -> Option<(u32, Value)> {
    if container.tag() == Tag::Map {
        let entries = heap.map(container).map.entries().get(from as usize..)?;
        let at = entries.iter().position(|entry| entry.is_live() && wanted(entry.value))?;
        return Some((from + at as u32, entries[at].value));
    }
    let slots = match container.tag() {
        Tag::List => &heap.list(container).items,
        _ => &heap.record(container).fields,
    };
    let slots = slots.get(from as usize..)?;
    let at = slots.iter().position(|&slot| wanted(slot))?;
    Some((from + at as u32, slots[at]))
}

/// Overwrites a slot that [`next_slot`] gave.
pub(super) fn set_slot(heap: &mut Heap, container: Value, at: u32, value: Value) {
    match container.tag() {
        Tag::Map => heap.map_mut(container).map.set_entry_value(at, value),
        Tag::List => heap.list_mut(container).items[at as usize] = value,
        _ => heap.record_mut(container).fields[at as usize] = value,
    }
}
