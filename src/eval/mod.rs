//! The evaluator: it walks the resolved tree, and is the reference for what programs mean. Every run starts here.
//!
//! It knows the tree and the runtime's operations, and holds no version of any operation of its own. Values that
//! must survive program code stand in slots (see `Isolate::push`), because a collection may happen at any poll.
//! It never imports a higher tier: hot code is handed over through `Isolate::run_upper`.

mod call;
mod expr;
mod handlers;
mod loops;
mod matching;
mod stmt;

use std::sync::Arc;

use crate::resolve::hir::{ActionBody, GasId, Tree};
use crate::runtime::info::{ActionId, LoopId, Place};
use crate::runtime::{Entry, Isolate, Site, Step, Tier, Unwind};
use crate::syntax::ast::Span;
use crate::value::Value;

/// The evaluator of one program.
#[derive(Debug)]
pub struct Evaluator {
    tree: Arc<Tree>,
}

impl Evaluator {
    /// An evaluator over a resolved program.
    pub fn new(tree: Arc<Tree>) -> Self {
        Self { tree }
    }
}

impl Tier for Evaluator {
    fn run(&self, isolate: &mut Isolate, entry: Entry) -> Result<Value, Unwind> {
        assert!(entry == Entry::Start, "code is handed up, never down");
        let frame = *isolate.frame();
        run_action(&self.tree, isolate, frame.action, frame.base)
    }

    fn place(&self, _action: ActionId, _position: u32) -> Place {
        Place::default()
    }
}

/// The walk of one active action.
struct Walker<'a> {
    tree: &'a Tree,
    isolate: &'a mut Isolate,
    body: &'a ActionBody,
    /// First slot of the window.
    base: usize,
    /// The value of `return`, between the statement and the end of the walk.
    result: Value,
    /// Whether it is a new container.
    fresh: bool,
    /// The loop to go on with in the upper tier, with [`Flow::Resume`].
    resume: LoopId,
}

/// How a statement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Normal,
    Break,
    Continue,
    /// `Walker::result` holds the value.
    Return,
    /// The rest of the action belongs to the upper tier, from the header of `Walker::resume`.
    Resume,
    /// See `Isolate::signal`.
    Unwind,
}

/// Where a span stands, as the runtime keeps it.
fn place(span: Span) -> Place {
    Place { start: span.start, end: span.end }
}

/// Runs the entered topmost frame from its start, in the upper tier if the action is hot.
#[inline(always)]
fn run_action(tree: &Tree, isolate: &mut Isolate, action: ActionId, base: u32) -> Result<Value, Unwind> {
    let counter = &mut isolate.calls[action.0 as usize];
    if counter.count >= counter.ask_at && ask(isolate, Site::Action(action)) {
        return isolate.run_upper(Entry::Start);
    }
    isolate.calls[action.0 as usize].count += 1;
    let body = &tree.actions[action.0 as usize];
    let mut walker =
        Walker { tree, isolate, body, base: base as usize, result: Value::NULL, fresh: false, resume: LoopId(0) };
    walker.run()
}

/// Whether the upper tier takes over here, at a count that asks for it.
#[cold]
#[inline(never)]
fn ask(isolate: &mut Isolate, site: Site) -> bool {
    isolate.ask_policy(Step::ToVm, site)
}

impl Walker<'_> {
    #[inline(always)]
    fn run(&mut self) -> Result<Value, Unwind> {
        self.begin()?;
        let flow = match self.complete_parameters() {
            Flow::Normal => self.statements(&self.body.body.stmts),
            flow => flow,
        };
        match flow {
            Flow::Normal => {
                self.isolate.fresh_result = false;
                Ok(Value::NULL)
            }
            Flow::Return => {
                self.isolate.fresh_result = self.fresh;
                Ok(self.result)
            }
            Flow::Resume => self.isolate.run_upper(Entry::Loop(self.resume)),
            Flow::Unwind => Err(Unwind),
            Flow::Break | Flow::Continue => unreachable!("the resolver refuses a break outside a loop"),
        }
    }

    /// The limit and the entry block.
    fn begin(&mut self) -> Result<(), Unwind> {
        if let Some(limit) = &self.body.limit {
            let value = self.expr(limit)?;
            if self.isolate.set_limit(value).is_err() {
                return self.failed(limit.span);
            }
        }
        self.charge(self.body.body.gas)
    }

    /// Defaults of missing arguments.
    #[inline(always)]
    fn complete_parameters(&mut self) -> Flow {
        for (parameter, default) in &self.body.defaults {
            if self.peek(*parameter).is_unset() {
                match self.block(default) {
                    Flow::Normal => {}
                    flow => return flow,
                }
            }
        }
        Flow::Normal
    }

    /// Charges a gas block.
    #[inline(always)]
    fn charge(&mut self, gas: GasId) -> Result<(), Unwind> {
        let block = &self.body.gas[gas.0 as usize];
        if self.isolate.charge(block.cost).is_err() { self.failed(block.span) } else { Ok(()) }
    }

    /// Gives what unwinds its place.
    #[cold]
    #[inline(never)]
    fn failed<T>(&mut self, span: Span) -> Result<T, Unwind> {
        Err(self.isolate.locate(place(span)))
    }

    /// Puts temporaries back to none: at the start of a handler.
    fn drop_temporaries(&mut self) {
        self.isolate.top = self.base as u32 + u32::from(self.body.fixed_slots);
    }
}
