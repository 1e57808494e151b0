//! What a contract call puts where code outside of it can get at it: into globals, captured variables and containers
//! that existed before the call. Nothing there may lead to contract state by reference, not now and not later: a
//! container that holds state goes in as a copy, a function that could reach it is refused, and what goes in as it is
//! counts from then on as older than the call itself.

use std::collections::HashSet;

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use crate::value::{BoundKind, Space, Tag, Value};

/// What a value leads to.
struct Reach {
    /// Containers and captured variables as young as the call, which are to be older.
    young: Vec<Value>,
    /// A container among them is, or holds, contract state.
    state: bool,
    /// A function leads to contract state.
    function: bool,
    /// Slots looked at.
    slots: u64,
}

impl Isolate {
    /// A value ready to be put into a place that was made at journal epoch `place`, before the innermost contract
    /// call; 0 for a global.
    #[inline]
    pub(super) fn escaping_value(&mut self, value: Value, place: u64) -> Result<Value, Unwind> {
        let leads_on = value.tag().is_container() || matches!(value.tag(), Tag::Function | Tag::Bound);
        if !leads_on || self.ledger.heap.current_epoch <= place { Ok(value) } else { self.escape(value, place) }
    }

    /// [`Isolate::escaping_value`] out of line. The walk is charged by what it looks at, a copy by its size.
    #[cold]
    #[inline(never)]
    pub(in crate::runtime) fn escape(&mut self, value: Value, place: u64) -> Result<Value, Unwind> {
        let Some(context) = self.frames.last().map(|frame| frame.context) else { return Ok(value) };
        if context == super::super::call::NO_INSTANCE {
            return Ok(value);
        }
        if self.ledger.is_state(value) {
            return self.copy_for(value, place);
        }
        let reach = self.reach(value, place);
        self.charge_large(reach.slots / super::super::gas::ELEMENTS_PER_GAS)?;
        if reach.function && !self.is_inside(place)? {
            return self.fail("Cannot take a function out of a contract");
        }
        if reach.state {
            return self.copy_for(value, place);
        }
        for object in reach.young {
            self.ledger.age(object, place);
        }
        Ok(value)
    }

    /// A copy that is as old as its place.
    fn copy_for(&mut self, value: Value, place: u64) -> Result<Value, Unwind> {
        let epoch = std::mem::replace(&mut self.ledger.heap.current_epoch, place);
        let copy = self.leave_copy(value, false);
        self.ledger.heap.current_epoch = epoch;
        copy
    }

    /// Everything that a value leads to and that is younger than the place. What is older was looked at when it
    /// became so.
    fn reach(&self, value: Value, place: u64) -> Reach {
        let heap = &self.ledger.heap;
        let youngest_old = self.ledger.journal.epoch_after(place);
        let payable = self.elements_beyond_gas();
        let mut reach = Reach { young: Vec::new(), state: false, function: false, slots: 0 };
        let mut seen = HashSet::new();
        // What is pending, and whether it is reached through a function.
        let mut pending = vec![(value, false)];
        while let Some((value, by_function)) = pending.pop() {
            let tag = value.tag();
            let is_cell = tag == Tag::Cell;
            if tag.is_container() && heap.space(value) == Space::Ledger {
                if by_function {
                    reach.function = true;
                } else {
                    reach.state = true;
                }
                continue;
            }
            let walked = tag.is_container() || is_cell || matches!(tag, Tag::Function | Tag::Bound);
            if !walked || !seen.insert(value.payload()) {
                continue;
            }
            if tag.is_container() || is_cell {
                // What is shared between threads is not changed, nor does it hold state.
                if heap.container(value).epoch < youngest_old || heap.space(value) == Space::Shared {
                    continue;
                }
                reach.young.push(value);
            }
            let before = pending.len();
            match tag {
                Tag::List => pending.extend(heap.list(value).items.iter().map(|&item| (item, by_function))),
                Tag::Map => pending.extend(heap.map(value).map.iter().map(|entry| (entry.value, by_function))),
                Tag::Entity | Tag::Data => {
                    let record = heap.record(value);
                    pending.push((record.environment, true));
                    pending.extend(record.fields.iter().map(|&field| (field, by_function)));
                }
                Tag::Cell => pending.push((heap.cell(value).value, true)),
                Tag::Function => {
                    let function = heap.function(value);
                    reach.function |= !function.receiver.is_null();
                    pending.extend(function.cells.iter().map(|&cell| (cell, true)));
                }
                _ => {
                    let bound = heap.bound(value);
                    if bound.kind != BoundKind::Action {
                        pending.push((bound.receiver, true));
                    }
                }
            }
            reach.slots += (pending.len() - before) as u64 + 1;
            if reach.slots > payable {
                break;
            }
        }
        reach
    }

    /// Whether a place that was made at journal epoch `place` belongs to a call of the same instance that has called
    /// only itself since: what is there has not left the contract.
    fn is_inside(&mut self, place: u64) -> Result<bool, Unwind> {
        let context = self.frame().context;
        let own = self.frames.iter().rev().take_while(|frame| frame.context == context);
        let (mut frames, mut checkpoints) = (0, 0);
        for frame in own {
            frames += 1;
            checkpoints += usize::from(frame.checkpoint);
        }
        self.charge_elements(frames)?;
        Ok(self.ledger.journal.epoch_of_innermost(checkpoints).is_some_and(|first| place >= first))
    }
}
