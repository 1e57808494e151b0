//! Making units: what is compiled, with which guesses, when, and where the code comes from.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::background::Pending;
use super::frameless::{LENGTH_MAX, REGISTERS_MAX, can_be_frameless};
use super::liveness::{Liveness, Region};
use super::lower::{Plan, lower};
use super::memory::Code as MachineCode;
use super::splice::{ExitPoint, Path, Scene, Spliced, splice, splice_itself};
use super::tier::{Builders, Native, ROUNDS_MAX, add};
use super::unit::{Draft, History, Place, Unit};
use crate::bytecode::{Code, Machine};
use crate::runtime::info::ProgramInfo;
use crate::runtime::{Isolate, NO_INSTANCE, Site};
use crate::value::Value;

/// Instructions of a unit, at most: what is larger stays in the VM.
const UNIT_MAX: usize = 3_000;
/// Registers of a frame whose code is compiled, at most.
const FRAME_MAX: u16 = 1_000;
/// Host stack that compiling a unit may take.
const COMPILE_STACK: usize = 2 << 20;

/// What came of making a unit.
pub(super) enum Making<'p> {
    /// It can be entered.
    Made(&'p Unit),
    /// It is being made, or there is no room for it now.
    Later,
    /// There will be none here.
    Never,
}

/// What is to be compiled, and where it stands.
#[derive(Clone, Copy)]
struct Order<'a> {
    isolate: &'a Isolate,
    code: &'a Code,
    position: u32,
    machine: &'a dyn Machine,
}

/// A unit, or what waits for one.
enum Built {
    Unit(Arc<Unit>),
    Pending(Box<Pending>),
}

impl Native {
    /// The unit of a place, made now or begun.
    #[cold]
    pub(super) fn make<'p>(
        &self,
        isolate: &Isolate,
        code: &Code,
        position: u32,
        place: &'p Place,
        machine: &dyn Machine,
    ) -> Making<'p> {
        let mut builders = self.builders.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have made it meanwhile.
        if let Some(unit) = place.unit() {
            return if unit.entry == (code.action, position) { Making::Made(unit) } else { Making::Never };
        }
        self.free_dropped();
        if !self.has_room() && !self.make_room() {
            return Making::Later;
        }
        let order = Order { isolate, code, position, machine };
        let mut history = place.history();
        if history.refused.is_some() {
            return Making::Never;
        }
        if let Some(pending) = history.pending.take() {
            let is_this = pending.draft.entry == (code.action, position);
            let Some(code) = is_this.then(|| pending.ready()).flatten() else {
                history.pending = Some(pending);
                return Making::Later;
            };
            let frameless = pending.draft.frameless;
            let unit = self.finish(pending.draft, code);
            if !frameless {
                return self.made(place, &mut history, unit);
            }
            // Where it cannot be called without a frame it has one.
            if let Ok(unit) = unit {
                history.frameless_ns = unit.compile_ns;
                place.put_frameless(unit);
            }
        }
        if !std::mem::replace(&mut history.frameless_tried, true) && self.is_frameless(&order) {
            match self.build(&mut builders, &mut history, &order, true) {
                Ok(Built::Pending(pending)) => {
                    history.pending = Some(*pending);
                    return Making::Later;
                }
                Ok(Built::Unit(unit)) => {
                    history.frameless_ns = unit.compile_ns;
                    place.put_frameless(unit);
                }
                Err(_) => {} // as above
            }
        }
        match self.build(&mut builders, &mut history, &order, false) {
            Ok(Built::Pending(pending)) => {
                history.pending = Some(*pending);
                Making::Later
            }
            Ok(Built::Unit(unit)) => self.made(place, &mut history, Ok(unit)),
            Err(reason) => self.made(place, &mut history, Err(reason)),
        }
    }

    /// A place has a unit, or never will.
    fn made<'p>(&self, place: &'p Place, history: &mut History, unit: Result<Arc<Unit>, String>) -> Making<'p> {
        match unit {
            Ok(unit) => {
                history.rounds += 1;
                add(&self.counts.units, 1);
                add(&self.counts.compile_ns, unit.compile_ns);
                add(&self.counts.recompiled, u64::from(history.rounds > 1));
                let fields = self.fields_of(unit.entry.0);
                Making::Made(place.put(unit, fields))
            }
            Err(reason) => {
                add(&self.counts.refused, 1);
                history.refused = Some(reason);
                Making::Never
            }
        }
    }

    /// Makes a unit, or begins to.
    fn build(
        &self,
        builders: &mut Builders,
        history: &mut History,
        order: &Order<'_>,
        frameless: bool,
    ) -> Result<Built, String> {
        let draft = || self.draft(builders, history, order, frameless);
        let (mut draft, mut context) = stacker::maybe_grow(COMPILE_STACK, 4 * COMPILE_STACK, draft)?;
        if !frameless {
            draft.ns += std::mem::take(&mut history.frameless_ns);
        }
        if let Some(background) = self.background.get() {
            return Ok(Built::Pending(Box::new(background.make(draft, context, &self.isa))));
        }
        let make = || MachineCode::make(&self.isa, &mut context);
        let code = stacker::maybe_grow(COMPILE_STACK, 4 * COMPILE_STACK, make);
        context.clear();
        builders.context = Some(context);
        self.finish(draft, code).map(Built::Unit)
    }

    fn finish(&self, draft: Draft, code: Result<MachineCode, String>) -> Result<Arc<Unit>, String> {
        let unit = draft.unit(code?);
        add(&self.counts.code_bytes, unit.compiled.bytes as u64);
        Ok(Arc::new(unit))
    }

    /// Whether an action, which is called now with these arguments, is to have code that needs no frame.
    fn is_frameless(&self, order: &Order<'_>) -> bool {
        let Order { isolate, code, position, .. } = *order;
        if position != 0 || matches!(self.place(code, position).0, Site::Loop(_)) {
            return false;
        }
        let shape = self.info.action(code.action).shape();
        let base = isolate.frame().base as usize;
        let arguments = &isolate.slots[base..base + shape.params as usize];
        arguments.iter().all(|argument| argument.is_int())
            && can_be_frameless(code, shape, &Region::of(code, position, false))
    }

    /// What a unit consists of, and the function for Cranelift.
    fn draft(
        &self,
        builders: &mut Builders,
        history: &History,
        order: &Order<'_>,
        frameless: bool,
    ) -> Result<(Draft, cranelift_codegen::Context), String> {
        let started = Instant::now();
        let Order { isolate, code, position, machine } = *order;
        let entry = (code.action, position);
        let is_loop = matches!(self.place(code, position).0, Site::Loop(_));
        if code.frame_size > FRAME_MAX {
            return Err(format!("its frame has {} slots, over {FRAME_MAX}", code.frame_size));
        }
        let region = Region::of(code, position, is_loop);
        if !is_loop && code.loop_entries.iter().any(|(_, entry)| region.has(*entry)) {
            return Err("its loops are native code of their own".to_owned());
        }
        if region.length > UNIT_MAX {
            return Err(format!("it has {} instructions, over {UNIT_MAX}", region.length));
        }
        let frame = isolate.frame();
        let base = frame.base as usize;
        let seen = &isolate.slots[base..base + usize::from(code.frame_size)];
        let last = history.rounds + 1 >= ROUNDS_MAX;
        let spliced = if frameless {
            let frame_slots = self.info.action(code.action).frame_slots;
            splice_itself(code, &region, frame_slots, (LENGTH_MAX, REGISTERS_MAX))
        } else if is_loop && !history.unspliced && !last {
            splice_calls(isolate, &self.info, machine, code, &region, seen, history)
        } else {
            None
        };
        let whole = spliced.as_ref().map(|(code, _)| (code, Region::of(code, position, is_loop)));
        let whole = whole.filter(|(_, region)| region.length <= UNIT_MAX);
        let spliced = spliced.as_ref().filter(|_| whole.is_some()).map(|(_, spliced)| spliced);
        let frame_size = code.frame_size;
        let (code, region) = whole.as_ref().map_or((code, &region), |(code, region)| (*code, region));
        let liveness = match spliced {
            Some(_) => Arc::new(Liveness::of(code)),
            None => builders.liveness.entry(code.action.0).or_insert_with(|| Arc::new(Liveness::of(code))).clone(),
        };
        let everything = (0..code.instrs.len() as u32).collect();
        let stands_at = |path: &Path| match spliced {
            Some(spliced) => spliced.position(path),
            None => path.first().copied().filter(|_| path.len() == 1),
        };
        let generic = history.generic.iter().filter_map(stands_at).collect();
        let inserting = history.inserting.iter().filter_map(stands_at).collect();
        let fields = match frame.this {
            NO_INSTANCE => &[][..],
            this => &isolate.ledger.instances[this as usize].fields,
        };
        let plan = Plan {
            code,
            info: &self.info,
            entry: position,
            is_loop,
            region,
            liveness: &liveness,
            layout: self.layout,
            seen,
            globals: &isolate.ledger.globals,
            fields,
            this: frame.this,
            instances: &isolate.ledger.instances,
            heap: &isolate.ledger.heap,
            generic: if last { &everything } else { &generic },
            inserting: &inserting,
            typed_entry: is_loop && !history.untyped_entry && !last,
            hoists: is_loop && !history.untyped_entry && !history.unhoisted && !last,
            ranges: is_loop && !history.unranged && !last,
            promotes: !history.unpromoted && !last,
            bug: self.bug.get().copied(),
            forced: self.forced.get().copied(),
            dropped: self.dropped.get().copied().unwrap_or_default(),
            calls: self.calls,
            actions: &self.actions,
            spliced,
            frameless,
        };
        let mut context = builders.context.take().unwrap_or_else(cranelift_codegen::Context::new);
        let lowered = lower(&plan, &*self.isa, &mut context, &mut builders.frontend);
        let form = self.keeps_texts.load(Ordering::Relaxed).then(|| context.func.display().to_string()); // a setting
        context.set_disasm(form.is_some());
        let exits = lowered.exits.iter().map(|at| ExitPoint::of(code, spliced, *at)).collect();
        let stepped = lowered.stepped.iter().map(|at| (code.instrs[*at as usize].op, code.place(*at))).collect();
        let (instructions, registers) = (region.length, code.frame_size);
        let spliced = spliced.filter(|_| !frameless).cloned().map(|spliced| (spliced, registers));
        let registers = if frameless { registers } else { frame_size };
        let ns = started.elapsed().as_nanos() as u64;
        let draft = Draft { entry, lowered, spliced, registers, exits, frameless, instructions, stepped, form, ns };
        Ok((draft, context))
    }
}

/// The code with those calls of contract actions in a region put into it that can be.
fn splice_calls(
    isolate: &Isolate,
    info: &ProgramInfo,
    machine: &dyn Machine,
    code: &Code,
    region: &Region,
    seen: &[Value],
    history: &History,
) -> Option<(Code, Spliced)> {
    let frame = isolate.frame();
    let scene = Scene {
        info,
        globals: &isolate.ledger.globals,
        seen,
        instances: &isolate.ledger.instances,
        this: frame.this,
        context: frame.context,
        code_of: &|action| machine.code_of(action),
    };
    let declined = |path: &Path| history.declined.contains(path) || history.generic.contains(path);
    splice(code, region, &scene, &declined)
}
