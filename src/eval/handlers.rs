//! `try`, `finally` and `defer`. What waits while a `finally` or deferred block runs stands in slots, in the codes
//! of [`Completion`], so that the upper tier can take over in the middle of one.

use super::{Flow, Walker};
use crate::resolve::hir::{Block, Completion, Place, Slot};
use crate::syntax::ast::Span;
use crate::value::Value;

const RETURN: i64 = Completion::Return as i64;
const RETURN_FRESH: i64 = Completion::ReturnFresh as i64;
const THROW: i64 = Completion::Throw as i64;
const BREAK: i64 = Completion::Break as i64;
const CONTINUE: i64 = Completion::Continue as i64;

impl<'a> Walker<'a> {
    pub(super) fn try_catch(
        &mut self,
        body: &'a Block,
        variable: Option<Place>,
        handler: &'a Block,
        span: Span,
    ) -> Flow {
        let flow = self.block(body);
        if flow != Flow::Unwind || !self.isolate.is_catchable() {
            return flow;
        }
        self.drop_temporaries();
        let caught = self.isolate.caught_value();
        if let Some(variable) = variable
            && self.assign(variable, caught, false, span).is_err()
        {
            return Flow::Unwind;
        }
        self.block(handler)
    }

    pub(super) fn try_finally(&mut self, body: &'a Block, pending: Slot, finally: &'a Block) -> Flow {
        let flow = self.block(body);
        if !self.suspend(flow, pending) {
            return flow;
        }
        match self.block(finally) {
            Flow::Normal => self.complete(pending),
            flow => flow,
        }
    }

    /// Puts how a block ended into its pending slots; false if nothing may run now.
    fn suspend(&mut self, flow: Flow, pending: Slot) -> bool {
        let (code, value) = match flow {
            Flow::Normal => (Completion::Normal, Value::NULL),
            Flow::Break => (Completion::Break, Value::NULL),
            Flow::Continue => (Completion::Continue, Value::NULL),
            Flow::Return if self.fresh => (Completion::ReturnFresh, self.result),
            Flow::Return => (Completion::Return, self.result),
            Flow::Resume => return false,
            Flow::Unwind => {
                if !self.isolate.is_catchable() {
                    return false;
                }
                self.drop_temporaries();
                (Completion::Throw, std::mem::replace(&mut self.isolate.error, Value::NULL))
            }
        };
        let at = self.base + pending.0 as usize;
        self.isolate.slots[at] = Value::int(code as i64);
        self.isolate.slots[at + 1] = value;
        true
    }

    /// Goes on with what waited.
    fn complete(&mut self, pending: Slot) -> Flow {
        let at = self.base + pending.0 as usize;
        let (code, value) = (self.isolate.slots[at].int_payload(), self.isolate.slots[at + 1]);
        self.isolate.slots[at + 1] = Value::NULL;
        match code {
            RETURN | RETURN_FRESH => {
                self.result = value;
                self.fresh = code == RETURN_FRESH;
                Flow::Return
            }
            THROW => Self::flow(self.isolate.rethrow(value)),
            BREAK => Flow::Break,
            CONTINUE => Flow::Continue,
            _ => Flow::Normal,
        }
    }

    pub(super) fn deferred(&mut self, body: &'a Block, list: Slot, pending: Slot, blocks: &'a [Block]) -> Flow {
        self.isolate.slots[self.base + list.0 as usize] = Value::UNSET;
        let flow = self.block(body);
        if !self.suspend(flow, pending) {
            return flow;
        }
        while let Some(index) = self.next_deferred(list) {
            let flow = self.block(&blocks[index]);
            let replaces = matches!(flow, Flow::Return | Flow::Unwind);
            if flow == Flow::Resume || (replaces && !self.suspend(flow, pending)) {
                return flow;
            }
        }
        self.complete(pending)
    }

    /// Takes the block registered last.
    fn next_deferred(&mut self, list: Slot) -> Option<usize> {
        let registered = self.isolate.slots[self.base + list.0 as usize];
        if registered.is_unset() {
            return None;
        }
        self.isolate.ledger.heap.list_mut(registered).items.pop().map(|index| index.int_payload() as usize)
    }

    pub(super) fn register_deferred(&mut self, list: Slot, index: u32) {
        let at = self.base + list.0 as usize;
        let value = Value::int(i64::from(index));
        let registered = self.isolate.slots[at];
        if registered.is_unset() {
            self.isolate.slots[at] = self.isolate.ledger.heap.alloc_list(vec![value]);
        } else {
            self.isolate.ledger.heap.list_push(registered, value);
        }
    }
}
