//! Going up: where a loop or call goes on in native code, and what native code has the machine do.

use std::sync::Arc;

use super::Vm;
use super::watch::{OneStep, Unwatched};
use crate::bytecode::{Arrived, Code, Machine, NativeTier, Op};
use crate::runtime::info::{ActionId, LoopId};
use crate::runtime::{Decision, Isolate, Site, Step, Unwind};
use crate::value::Value;

impl Vm {
    /// Joins the tier above. Once, before anything runs.
    pub fn join(&self, native: Arc<dyn NativeTier>) {
        let joined = self.native.set(native);
        debug_assert!(joined.is_ok(), "one tier above");
    }

    /// The topmost frame stands at a loop's header or at its start, and its counter says to ask.
    #[cold]
    #[inline(never)]
    pub(super) fn arrive(&self, isolate: &mut Isolate, code: &Code, position: u32) -> Arrived {
        let header = code.instrs[position as usize];
        let site = if header.op == Op::LoopHeader && header.a != Code::NO_LOOP {
            Site::Loop(LoopId(u32::from(header.a)))
        } else {
            Site::Action(code.action)
        };
        let Some(native) = self.native.get() else {
            isolate.heat.counter(site).ask_at = u64::MAX;
            return Arrived::Stay;
        };
        let decision = if isolate.stands(Step::ToNative, site) {
            Decision::Enter(None)
        } else {
            isolate.ask_native(site, code.instrs.len() as u32)
        };
        match decision {
            Decision::AskAt(_) => Arrived::Stay,
            Decision::Enter(reason) => {
                let arrived = native.arrive(isolate, code, position, self, reason);
                back_at_header(isolate, code, arrived)
            }
        }
    }

    /// As [`Vm::arrive`], of the topmost frame's start; nothing is asked about an action that has gone up for good.
    #[inline]
    pub(super) fn arrive_at_start(&self, isolate: &mut Isolate, code: &Code) -> Arrived {
        match self.native.get() {
            Some(native) if isolate.stands(Step::ToNative, Site::Action(code.action)) => {
                match native.arrive(isolate, code, 0, self, None) {
                    Arrived::Returned(value) => Arrived::Returned(value),
                    arrived => back_at_header(isolate, code, arrived),
                }
            }
            _ => self.arrive(isolate, code, 0),
        }
    }
}

/// A header that native code came back to has been counted and asked about: it is executed here.
#[cold]
#[inline(never)]
fn back_at_header(isolate: &mut Isolate, code: &Code, arrived: Arrived) -> Arrived {
    match arrived {
        Arrived::At(position) if code.instrs[position as usize].op == Op::LoopHeader => {
            match pass_header(isolate, code, position) {
                Ok(()) => Arrived::At(position + 1),
                Err(Unwind) => Arrived::Failed(position),
            }
        }
        arrived => arrived,
    }
}

/// Executes a loop's header.
fn pass_header(isolate: &mut Isolate, code: &Code, position: u32) -> Result<(), Unwind> {
    let id = code.loop_entries.iter().find(|(_, entry)| *entry == position).map(|(id, _)| *id);
    let site = id.map_or(Site::Action(code.action), Site::Loop);
    isolate.poll_at(site)?;
    isolate.charge(code.instrs[position as usize].number())
}

impl Machine for Vm {
    fn step(&self, isolate: &mut Isolate, position: u32) -> Result<u32, Unwind> {
        let code = self.code(isolate.frame().action);
        if code.instrs[position as usize].op == Op::LoopHeader {
            pass_header(isolate, code, position)?;
            return Ok(position + 1);
        }
        let watch = OneStep::new(isolate.frames.len());
        isolate.with_stack(|isolate| self.execute(isolate, code, position, &watch))?;
        Ok(watch.stopped_at.get())
    }

    fn finish(&self, isolate: &mut Isolate, arrived: Arrived) -> Result<Value, Unwind> {
        let run = |isolate: &mut Isolate| match arrived {
            Arrived::Stay => self.start(isolate, &Unwatched),
            arrived => self.go_on(isolate, arrived, &Unwatched),
        };
        isolate.with_stack(|isolate| isolate.in_native(false, run))
    }

    fn code_of(&self, action: ActionId) -> &Code {
        self.code(action)
    }
}
