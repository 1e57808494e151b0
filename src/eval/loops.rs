//! Loops, and the moment at which the upper tier takes over: at a header, before its gas is charged, with
//! everything that goes on in slots.

use super::{Flow, Walker, ask};
use crate::resolve::hir::{Block, Expr, GasId, Place, Slot, Stmt};
use crate::runtime::info::LoopId;
use crate::runtime::ops::Step;
use crate::runtime::{Site, Unwind};
use crate::syntax::ast::Span;
use crate::value::{Tag, Value};

/// The variables of a `for each`.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    pub(super) first: Place,
    pub(super) second: Option<Place>,
    pub(super) span: Span,
}

impl<'a> Walker<'a> {
    /// Arrives at a loop's header: `Some` ends the walk of the loop.
    #[inline(always)]
    fn arrive(&mut self, id: LoopId, header: GasId) -> Option<Flow> {
        let counter = &self.isolate.loops[id.0 as usize];
        if counter.count >= counter.ask_at && ask(self.isolate, Site::Loop(id)) {
            self.resume = id;
            return Some(Flow::Resume);
        }
        if self.isolate.poll_at(Site::Loop(id)).is_err() {
            let span = self.body.gas[header.0 as usize].span;
            let _: Result<(), Unwind> = self.failed(span);
            return Some(Flow::Unwind);
        }
        if self.charge(header).is_err() { Some(Flow::Unwind) } else { None }
    }

    #[inline(never)]
    pub(super) fn while_loop(&mut self, id: LoopId, header: GasId, test: &'a Expr, body: &'a [Stmt]) -> Flow {
        loop {
            if let Some(flow) = self.arrive(id, header) {
                return flow;
            }
            match self.test(test) {
                Ok(true) => {}
                Ok(false) => return Flow::Normal,
                Err(Unwind) => return Flow::Unwind,
            }
            self.isolate.loops[id.0 as usize].count += 1;
            match self.statements(body) {
                Flow::Normal | Flow::Continue => {}
                Flow::Break => return Flow::Normal,
                flow => return flow,
            }
        }
    }

    pub(super) fn for_loop(
        &mut self,
        id: LoopId,
        header: GasId,
        test: Option<&'a Expr>,
        body: &'a [Stmt],
        step: &'a Block,
    ) -> Flow {
        loop {
            if let Some(flow) = self.arrive(id, header) {
                return flow;
            }
            match test.map_or(Ok(true), |test| self.test(test)) {
                Ok(true) => {}
                Ok(false) => return Flow::Normal,
                Err(Unwind) => return Flow::Unwind,
            }
            self.isolate.loops[id.0 as usize].count += 1;
            match self.statements(body) {
                Flow::Normal | Flow::Continue => {}
                Flow::Break => return Flow::Normal,
                flow => return flow,
            }
            match self.block(step) {
                Flow::Normal => {}
                flow => return flow,
            }
        }
    }

    pub(super) fn for_each(
        &mut self,
        id: LoopId,
        header: GasId,
        iterator: Slot,
        iterable: &'a Expr,
        walk: Walk,
        body: &'a [Stmt],
    ) -> Flow {
        let at = (self.base + iterator.0 as usize) as u32;
        let opened = self.expr(iterable).and_then(|value| {
            let result = self.isolate.iterate(value, at);
            self.located(result, walk.span)
        });
        if opened.is_err() {
            return Flow::Unwind;
        }
        loop {
            if let Some(flow) = self.arrive(id, header) {
                return flow;
            }
            let step = self.isolate.iterate_next(at);
            let bound = match self.located(step, walk.span) {
                Ok(Step::Item(key, value)) => self.bind(walk, at, key, value),
                Ok(Step::End) => return Flow::Normal,
                Err(Unwind) => return Flow::Unwind,
            };
            if bound.is_err() {
                return Flow::Unwind;
            }
            self.isolate.loops[id.0 as usize].count += 1;
            match self.statements(body) {
                Flow::Normal | Flow::Continue => {}
                Flow::Break => return Flow::Normal,
                flow => return flow,
            }
        }
    }

    /// Assigns the loop variables: one over a map gets the key, over anything else the element.
    fn bind(&mut self, walk: Walk, at: u32, key: Value, value: Value) -> Result<(), Unwind> {
        match walk.second {
            Some(second) => {
                self.assign(walk.first, key, false, walk.span)?;
                self.assign(second, value, false, walk.span)
            }
            None => {
                let over_map = self.isolate.slots[at as usize].tag() == Tag::Map;
                self.assign(walk.first, if over_map { key } else { value }, false, walk.span)
            }
        }
    }
}
