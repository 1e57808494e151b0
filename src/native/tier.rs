//! The tier: which units there are, when they are made again, and how they are entered.
#![expect(unsafe_code, reason = "compiled code is called")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;

use super::context::{Context, status};
use super::frameless::{LENGTH_MAX, REGISTERS_MAX, can_be_frameless};
use super::liveness::{Liveness, Region};
use super::lower::{Lowered, Plan, lower};
use super::memory::Compiled;
use super::report::{DroppedCosts, ForcedGuards, NativeBug, NativeCounts, UnitReport, UnitText};
use super::splice::{ExitPoint, Path, Scene, Spliced, splice, splice_itself};
use super::unit::{History, Made, Place, Unit};
use crate::bytecode::{Arrived, Code, Machine, NativeTier, Op};
use crate::runtime::info::{ActionId, LoopId, ProgramInfo};
use crate::runtime::{CallLayout, Isolate, NO_INSTANCE, Prepared, Reason, Site};
use crate::value::{Value, ValueLayout};

/// Instructions of a unit, at most: what is larger stays in the VM.
const UNIT_MAX: usize = 3_000;
/// Registers of a frame whose code is compiled, at most.
const FRAME_MAX: u16 = 1_000;
/// Host stack that compiling a unit may take.
const COMPILE_STACK: usize = 2 << 20;
/// Code of one program, at most.
const CODE_BYTES_MAX: u64 = 16 << 20;
/// Failures of one guard after which its instruction is compiled without guesses.
const EXITS_MAX: u32 = 20;
/// A stay in native code that makes up for a failed guard or entry, in gas.
const LONG_STAY_GAS: i64 = 20_000;
/// Slots that exist above the frame of a unit that calls code without frames, at least.
const FRAMELESS_SLOTS: u32 = 4_096;
/// How often a unit is made again; the last time without any guess.
const ROUNDS_MAX: u32 = 6;

/// Native code of one program, shared by all its isolates.
pub struct Native {
    isa: OwnedTargetIsa,
    layout: &'static ValueLayout,
    calls: &'static CallLayout,
    /// Logical slots of the largest frame.
    pub(super) frame_slots_max: u32,
    info: Arc<ProgramInfo>,
    loops: Box<[Place]>,
    actions: Box<[Place]>,
    builders: Mutex<Builders>,
    counts: Counts,
    bug: OnceLock<NativeBug>,
    forced: OnceLock<ForcedGuards>,
    dropped: OnceLock<DroppedCosts>,
    keeps_texts: AtomicBool,
}

#[derive(Default)]
struct Builders {
    frontend: FunctionBuilderContext,
    context: Option<cranelift_codegen::Context>,
    /// By action: it does not change with what is guessed.
    liveness: HashMap<u32, Arc<Liveness>>,
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Builders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builders").field("liveness", &self.liveness.len()).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Counts {
    units: AtomicU64,
    compile_ns: AtomicU64,
    code_bytes: AtomicU64,
    entries: AtomicU64,
    exits: AtomicU64,
    recompiled: AtomicU64,
    refused: AtomicU64,
}

/// The machine's description for Cranelift; none where it makes no code for it.
fn host() -> Option<OwnedTargetIsa> {
    static HOST: OnceLock<Option<OwnedTargetIsa>> = OnceLock::new();
    let make = || {
        let mut flags = settings::builder();
        flags.set("opt_level", "speed").ok()?;
        flags.set("is_pic", "false").ok()?;
        let check = if cfg!(debug_assertions) { "true" } else { "false" };
        flags.set("enable_verifier", check).ok()?;
        cranelift_native::builder().ok()?.finish(settings::Flags::new(flags)).ok()
    };
    if !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
        return None;
    }
    HOST.get_or_init(make).clone()
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed); // statistics; nothing is published with them
}

impl Native {
    /// The tier for a program; none on a target that it has no code for.
    pub fn new(info: Arc<ProgramInfo>) -> Option<Self> {
        let places = |count: usize| (0..count).map(|_| Place::default()).collect();
        Some(Self {
            isa: host()?,
            layout: ValueLayout::get()?,
            calls: CallLayout::get()?,
            frame_slots_max: info.actions.iter().map(|action| action.frame_slots).max().unwrap_or(0),
            loops: places(info.loops.len()),
            actions: places(info.actions.len()),
            info,
            builders: Mutex::default(),
            counts: Counts::default(),
            bug: OnceLock::new(),
            forced: OnceLock::new(),
            dropped: OnceLock::new(),
            keeps_texts: AtomicBool::new(false),
        })
    }

    /// Puts a bug into the code made from now on: for tests that must find it.
    pub fn plant_bug(&self, bug: NativeBug) {
        self.bug.set(bug).expect("one bug at a time");
    }

    /// Has guards fail in the code made from now on: for tests.
    pub fn force_guards(&self, forced: ForcedGuards) {
        assert!(forced.at < forced.every, "a remainder is below its divisor");
        self.forced.set(forced).expect("once");
    }

    /// Makes code from now on without some of what it costs: for the ledger of costs alone.
    pub fn drop_costs(&self, costs: DroppedCosts) {
        self.dropped.set(costs).expect("once");
    }

    /// What was done so far.
    pub fn counts(&self) -> NativeCounts {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed); // statistics
        NativeCounts {
            units: get(&self.counts.units),
            compile_ns: get(&self.counts.compile_ns),
            code_bytes: get(&self.counts.code_bytes),
            entries: get(&self.counts.entries),
            exits: get(&self.counts.exits),
            recompiled: get(&self.counts.recompiled),
            refused: get(&self.counts.refused),
        }
    }

    /// Every loop and action that was to be compiled.
    pub fn reports(&self) -> Vec<UnitReport> {
        self.places().filter_map(|(site, place)| place.report(site)).collect()
    }

    /// Keeps the texts of units that are made from now on.
    pub fn keep_texts(&self) {
        self.keeps_texts.store(true, Ordering::Relaxed); // set before anything is compiled
    }

    /// The texts of all units that there are now, as far as they were kept.
    pub fn texts(&self) -> Vec<UnitText> {
        let text = |(site, place): (Site, &Place)| {
            let (mut clif, mut assembly) = place.unit()?.texts.clone()?;
            if let Some((form, code)) = place.frameless_unit().and_then(|unit| unit.texts.clone()) {
                clif = format!("{clif}\n; called without a frame:\n{form}");
                assembly = format!("{assembly}\n; called without a frame:\n{code}");
            }
            Some(UnitText { site, clif, assembly })
        };
        self.places().filter_map(text).collect()
    }

    fn places(&self) -> impl Iterator<Item = (Site, &Place)> {
        let loops = self.loops.iter().enumerate().map(|(at, place)| (Site::Loop(LoopId(at as u32)), place));
        let actions = self.actions.iter().enumerate().map(|(at, place)| (Site::Action(ActionId(at as u32)), place));
        loops.chain(actions)
    }

    fn place(&self, code: &Code, position: u32) -> (Site, &Place) {
        let header = code.instrs[position as usize];
        if header.op == Op::LoopHeader && header.a != Code::NO_LOOP {
            (Site::Loop(LoopId(u32::from(header.a))), &self.loops[usize::from(header.a)])
        } else {
            (Site::Action(code.action), &self.actions[code.action.0 as usize])
        }
    }
}

impl NativeTier for Native {
    fn arrive(
        &self,
        isolate: &mut Isolate,
        code: &Code,
        position: u32,
        machine: &dyn Machine,
        reason: Option<Reason>,
    ) -> Arrived {
        let (site, place) = self.place(code, position);
        let unit = match place.unit() {
            Some(unit) if unit.entry != (code.action, position) => return Arrived::Stay,
            // What goes up again has been looked at when it went up first.
            Some(unit) if reason.is_none() => unit,
            _ => match self.goes_up(isolate, code, position, machine, reason) {
                Some(unit) => unit,
                None => {
                    isolate.heat.counter(site).ask_at = u64::MAX;
                    return Arrived::Stay;
                }
            },
        };
        add(&self.counts.entries, 1);
        self.enter(isolate, place, unit, machine)
    }
}

impl Native {
    /// A place goes up with a reason, or for the first time since its code was dropped: its unit, made if there is
    /// none; or none if it does not pay. Both go on record.
    #[cold]
    #[inline(never)]
    fn goes_up(
        &self,
        isolate: &mut Isolate,
        code: &Code,
        position: u32,
        machine: &dyn Machine,
        reason: Option<Reason>,
    ) -> Option<&Unit> {
        let (site, place) = self.place(code, position);
        let at_ns = isolate.now_ns();
        let (unit, fresh) = match place.unit() {
            Some(unit) => (unit, false),
            None => (self.make(isolate, code, position, place, machine)?, true),
        };
        let compile_ns = if fresh { unit.compile_ns } else { 0 };
        let prepared = Prepared { compile_ns, code_bytes: unit.compiled.bytes as u64 };
        if isolate.policy.wants_gain() && !unit.gains(site) {
            if fresh {
                isolate.spent_on_native(prepared);
            }
            return None;
        }
        match reason {
            Some(reason) => isolate.enters_native(site, at_ns, prepared, code.instrs.len() as u32, reason),
            None => {
                let (rounds, exits) = place.rounds_and_exits();
                if rounds > 1 {
                    isolate.remade_native(site, at_ns, prepared, exits);
                }
            }
        }
        Some(unit)
    }
}

impl Native {
    fn enter(&self, isolate: &mut Isolate, place: &Place, unit: &Unit, machine: &dyn Machine) -> Arrived {
        if !isolate.writes_freely() {
            return Arrived::Stay;
        }
        if !unit.fits(isolate) {
            Self::misfit(place, unit);
            return Arrived::Stay;
        }
        if let Some((_, registers)) = &unit.spliced {
            isolate.prepare_late_calls(u32::from(*registers));
        }
        if unit.lowered.frameless > 0 {
            isolate.prepare_late_calls(FRAMELESS_SLOTS);
        }
        let (base, gas) = (isolate.frame().base as usize, isolate.gas_left());
        let (mut context, word) = isolate.in_native(true, |isolate| {
            let mut context = Context::new(isolate, self, machine);
            let window = std::ptr::from_mut(&mut isolate.slots[base]);
            // SAFETY: the context and the window hold for this call (the slot array never moves, and the machine made
            // the frame's slots exist); the isolate is not used here meanwhile; the unit is held.
            let ended = unsafe { (unit.compiled.entry())(&raw mut context, window, isolate.gas) };
            if ended.gas >= 0 {
                isolate.gas = ended.gas;
                let value = Value::int(ended.word);
                context.result = [value.word(), value.payload()];
                return (context, status::word(status::RETURNED, 0, 0));
            }
            (context, ended.word)
        });
        if gas - isolate.gas_left() >= LONG_STAY_GAS {
            unit.forgive();
        }
        self.left(&mut context, place, unit, word)
    }

    /// What became of the frame, from what the unit's code gave.
    fn left(&self, context: &mut Context, place: &Place, unit: &Unit, word: i64) -> Arrived {
        if let Some(fault) = context.fault.take() {
            std::panic::resume_unwind(fault);
        }
        let at = status::position(word);
        match status::kind(word) {
            status::RETURNED => {
                // SAFETY: compiled code put the words of a value there.
                Arrived::Returned(unsafe { Value::from_words(context.result[0], context.result[1]) })
            }
            status::FAILED => {
                // It failed after a guard did.
                if let Some(exit) = status::exit(word).checked_sub(1) {
                    self.exited(place, unit, exit);
                }
                Arrived::Failed(at)
            }
            status::GUARD => {
                self.exited(place, unit, status::exit(word));
                Arrived::At(at)
            }
            _ => Arrived::At(at),
        }
    }

    /// The same for a frame of an action that was entered straight at `entry`.
    pub(super) fn left_direct(&self, context: &mut Context, action: ActionId, entry: usize, word: i64) -> Arrived {
        let place = &self.actions[action.0 as usize];
        let unit = place.made_at(entry).expect("an entry was that of a unit");
        self.left(context, place, &unit, word)
    }

    /// The same for calls without frames, the outermost of which was entered at `entry`: of the innermost.
    pub(super) fn left_frameless(&self, action: ActionId, entry: usize, word: i64) -> Arrived {
        if status::kind(word) == status::GUARD {
            let place = &self.actions[action.0 as usize];
            let unit = place.made_at(entry).expect("an entry was that of a unit");
            self.exited_frameless(place, &unit, status::exit(word));
        }
        Arrived::At(status::position(word))
    }
}

impl Native {
    /// How many fields the instance has at least that a direct call of the action is on.
    fn fields_of(&self, action: ActionId) -> usize {
        let action = self.info.action(action);
        let class = action.class.filter(|_| action.shape().plain_contract);
        class.map_or(0, |class| self.info.class(class).fields.len())
    }

    /// An action's unit, to be called from another.
    pub(super) fn unit_of(&self, action: ActionId) -> Option<&Unit> {
        self.actions[action.0 as usize].unit()
    }

    /// Runs an action's unit in the topmost frame.
    pub(super) fn run(&self, isolate: &mut Isolate, unit: &Unit, action: ActionId, machine: &dyn Machine) -> Arrived {
        self.enter(isolate, &self.actions[action.0 as usize], unit, machine)
    }
}

impl Native {
    /// A guard failed: the machine goes on. What fails again and again is compiled without the guess.
    #[cold]
    fn exited(&self, place: &Place, unit: &Unit, exit: u32) {
        add(&self.counts.exits, 1);
        let mut history = place.history();
        history.exits += 1;
        let failed = unit.failed[exit as usize].fetch_add(1, Ordering::Relaxed) + 1; // a count
        if failed >= EXITS_MAX && history.rounds < ROUNDS_MAX {
            let Lowered { hoist_exits: hoists, range_exits: ranges, .. } = &unit.lowered;
            if hoists.contains(&exit) {
                history.unhoisted = true;
            } else if ranges.contains(&exit) {
                history.unranged = true;
            }
            // What fails now and then will be next: one more round serves all of them.
            let often = |failed: &AtomicU32| failed.load(Ordering::Relaxed) >= EXITS_MAX / 4;
            for (exit, (point, failed)) in unit.exits.iter().zip(&unit.failed).enumerate() {
                let exit = exit as u32;
                if often(failed) && !hoists.contains(&exit) && !ranges.contains(&exit) {
                    history.settle(point, unit.lowered.insert_exits.contains(&exit));
                }
            }
            place.drop_unit();
        }
    }

    /// A guard failed in code without frames. If that happens again and again calls have frames.
    #[cold]
    fn exited_frameless(&self, place: &Place, unit: &Unit, exit: u32) {
        add(&self.counts.exits, 1);
        place.history().exits += 1;
        let failed = unit.failed[exit as usize].fetch_add(1, Ordering::Relaxed) + 1; // a count
        if failed >= EXITS_MAX {
            // Nothing is published; whoever sees it does without.
            place.frameless.store(std::ptr::null_mut(), Ordering::Release);
        }
    }

    /// The frame is not what the unit was compiled for.
    #[cold]
    fn misfit(place: &Place, unit: &Unit) {
        let misfits = unit.misfits.fetch_add(1, Ordering::Relaxed) + 1; // a count
        let mut history = place.history();
        if misfits >= EXITS_MAX && history.rounds < ROUNDS_MAX {
            history.untyped_entry = true;
            history.unpromoted = true;
            history.unspliced = true;
            place.drop_unit();
        }
    }

    #[cold]
    fn make<'p>(
        &self,
        isolate: &Isolate,
        code: &Code,
        position: u32,
        place: &'p Place,
        machine: &dyn Machine,
    ) -> Option<&'p Unit> {
        let mut builders = self.builders.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have made it meanwhile.
        if let Some(unit) = place.unit() {
            return Some(unit).filter(|unit| unit.entry == (code.action, position));
        }
        let mut history = place.history();
        if history.refused.is_some() {
            return None;
        }
        let started = Instant::now();
        let entry = (code.action, position);
        let mut compile = |history: &History, frameless| {
            let compile = || self.compile(&mut builders, history, isolate, code, position, machine, frameless);
            let made = stacker::maybe_grow(COMPILE_STACK, 4 * COMPILE_STACK, compile)?;
            let compile_ns = started.elapsed().as_nanos() as u64;
            add(&self.counts.code_bytes, made.compiled.bytes as u64);
            Ok::<_, String>(Arc::new(made.unit(entry, compile_ns)))
        };
        if !std::mem::replace(&mut history.frameless_tried, true)
            && let Some(Ok(unit)) = self.is_frameless(isolate, code, position).then(|| compile(&history, true))
        {
            place.put_frameless(unit);
        }
        match compile(&history, false) {
            Ok(unit) => {
                history.rounds += 1;
                add(&self.counts.units, 1);
                add(&self.counts.compile_ns, unit.compile_ns);
                add(&self.counts.recompiled, u64::from(history.rounds > 1));
                Some(place.put(unit, self.fields_of(code.action)))
            }
            Err(reason) => {
                add(&self.counts.refused, 1);
                history.refused = Some(reason);
                None
            }
        }
    }

    /// Whether an action, which is called now with these arguments, is to have code that needs no frame.
    fn is_frameless(&self, isolate: &Isolate, code: &Code, position: u32) -> bool {
        if position != 0 || matches!(self.place(code, position).0, Site::Loop(_)) {
            return false;
        }
        let shape = self.info.action(code.action).shape();
        let base = isolate.frame().base as usize;
        let arguments = &isolate.slots[base..base + shape.params as usize];
        arguments.iter().all(|argument| argument.is_int())
            && can_be_frameless(code, shape, &Region::of(code, position, false))
    }

    #[expect(clippy::too_many_arguments, reason = "what is compiled, for whom, and what is known of it")]
    fn compile(
        &self,
        builders: &mut Builders,
        history: &History,
        isolate: &Isolate,
        code: &Code,
        position: u32,
        machine: &dyn Machine,
        frameless: bool,
    ) -> Result<Made, String> {
        let is_loop = matches!(self.place(code, position).0, Site::Loop(_));
        if code.frame_size > FRAME_MAX {
            return Err(format!("its frame has {} slots, over {FRAME_MAX}", code.frame_size));
        }
        if self.counts().code_bytes > CODE_BYTES_MAX {
            return Err(format!("the program has {} MiB of native code already", CODE_BYTES_MAX >> 20));
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
        let context = builders.context.get_or_insert_with(cranelift_codegen::Context::new);
        let module = Compiled::module(&self.isa);
        let lowered = lower(&plan, &*self.isa, context, &mut builders.frontend);
        let clif = self.keeps_texts.load(Ordering::Relaxed).then(|| context.func.display().to_string()); // a setting
        context.set_disasm(clif.is_some());
        let compiled = Compiled::finish(module, context)?;
        let assembly = context.compiled_code().and_then(|code| code.vcode.clone());
        context.clear();
        let exits = lowered.exits.iter().map(|at| ExitPoint::of(code, spliced, *at)).collect();
        let stepped = lowered.stepped.iter().map(|at| (code.instrs[*at as usize].op, code.place(*at))).collect();
        let (instructions, texts, registers) = (region.length, clif.zip(assembly), code.frame_size);
        let spliced = spliced.filter(|_| !frameless).cloned().map(|spliced| (spliced, registers));
        let registers = if frameless { registers } else { frame_size };
        Ok(Made { compiled, lowered, spliced, registers, exits, instructions, stepped, texts })
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
