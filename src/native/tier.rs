//! The tier: which units there are, when they are made again, and how they are entered.
#![expect(unsafe_code, reason = "compiled code is called")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;

use super::background::Background;
use super::context::{Context, status};
use super::liveness::Liveness;
use super::lower::Lowered;
use super::make::Making;
use super::reclaim::Epochs;
use super::report::{DroppedCosts, ForcedGuards, NativeBug, NativeCounts, UnitReport, UnitText};
use super::unit::{Place, Unit};
use crate::bytecode::{Arrived, Code, Machine, NativeTier, Op};
use crate::runtime::info::{ActionId, LoopId, ProgramInfo};
use crate::runtime::{CallLayout, Isolate, Prepared, Reason, Site};
use crate::value::{Value, ValueLayout};

/// Code of one program at one time, at most.
const CODE_BYTES_MAX: u64 = 16 << 20;
/// Failures of one guard after which its instruction is compiled without guesses.
const EXITS_MAX: u32 = 20;
/// A stay in native code that makes up for a failed guard or entry, in gas.
const LONG_STAY_GAS: i64 = 20_000;
/// Arrivals after which a place asks again for a unit that was not ready.
const ARRIVALS_LATER: u64 = 256;
/// Slots that exist above the frame of a unit that calls code without frames, at least.
const FRAMELESS_SLOTS: u32 = 4_096;
/// How often a unit is made again; the last time without any guess.
pub(super) const ROUNDS_MAX: u32 = 6;

/// Native code of one program, shared by all its isolates.
pub struct Native {
    pub(super) isa: OwnedTargetIsa,
    pub(super) layout: &'static ValueLayout,
    pub(super) calls: &'static CallLayout,
    /// Logical slots of the largest frame.
    pub(super) frame_slots_max: u32,
    pub(super) info: Arc<ProgramInfo>,
    loops: Box<[Place]>,
    pub(super) actions: Box<[Place]>,
    pub(super) builders: Mutex<Builders>,
    /// The thread that makes code, if that is not done by those who wait for it.
    pub(super) background: OnceLock<Background>,
    pub(super) epochs: Epochs,
    pub(super) counts: Counts,
    code_bytes_max: AtomicU64,
    pub(super) bug: OnceLock<NativeBug>,
    pub(super) forced: OnceLock<ForcedGuards>,
    pub(super) dropped: OnceLock<DroppedCosts>,
    pub(super) keeps_texts: AtomicBool,
}

#[derive(Default)]
pub(super) struct Builders {
    pub(super) frontend: FunctionBuilderContext,
    pub(super) context: Option<cranelift_codegen::Context>,
    /// By action: it does not change with what is guessed.
    pub(super) liveness: HashMap<u32, Arc<Liveness>>,
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
pub(super) struct Counts {
    pub(super) units: AtomicU64,
    pub(super) compile_ns: AtomicU64,
    pub(super) code_bytes: AtomicU64,
    entries: AtomicU64,
    exits: AtomicU64,
    pub(super) recompiled: AtomicU64,
    pub(super) refused: AtomicU64,
    /// Units that are no longer found, and those of them that were freed.
    pub(super) dropped_units: AtomicU64,
    pub(super) freed_units: AtomicU64,
    pub(super) freed_bytes: AtomicU64,
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

pub(super) fn add(count: &AtomicU64, more: u64) {
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
            background: OnceLock::new(),
            epochs: Epochs::new(),
            counts: Counts::default(),
            code_bytes_max: AtomicU64::new(CODE_BYTES_MAX),
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

    /// From now on code is made on a thread of its own, and the program goes on in the VM meanwhile.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn make_in_background(&self) -> std::io::Result<()> {
        if self.background.get().is_none() {
            // Whoever else has set it meanwhile does as well.
            let _ = self.background.set(Background::start()?);
        }
        Ok(())
    }

    /// The code that the program may have at one time, in bytes, is this from now on.
    pub fn limit_code(&self, bytes: u64) {
        self.code_bytes_max.store(bytes, Ordering::Relaxed); // a setting
    }

    /// Whether it has less than it may have.
    pub(super) fn has_room(&self) -> bool {
        let counts = self.counts();
        counts.code_bytes - counts.freed_bytes <= self.code_bytes_max.load(Ordering::Relaxed) // a setting
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
            dropped_units: get(&self.counts.dropped_units),
            freed_units: get(&self.counts.freed_units),
            freed_bytes: get(&self.counts.freed_bytes),
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
            let (mut clif, mut assembly) = place.entered()?.texts.clone()?;
            if let Some((form, code)) = place.frameless_unit().and_then(|unit| unit.texts.clone()) {
                clif = format!("{clif}\n; called without a frame:\n{form}");
                assembly = format!("{assembly}\n; called without a frame:\n{code}");
            }
            Some(UnitText { site, clif, assembly })
        };
        self.places().filter_map(text).collect()
    }

    pub(super) fn places(&self) -> impl Iterator<Item = (Site, &Place)> {
        let loops = self.loops.iter().enumerate().map(|(at, place)| (Site::Loop(LoopId(at as u32)), place));
        let actions = self.actions.iter().enumerate().map(|(at, place)| (Site::Action(ActionId(at as u32)), place));
        loops.chain(actions)
    }

    pub(super) fn place(&self, code: &Code, position: u32) -> (Site, &Place) {
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
        self.epochs.arrives(&mut isolate.visit);
        let (site, place) = self.place(code, position);
        let unit = match place.unit() {
            Some(unit) if unit.entry != (code.action, position) => return Arrived::Stay,
            // What goes up again has been looked at when it went up first.
            Some(unit) if reason.is_none() => unit,
            _ => match self.goes_up(isolate, code, position, machine, reason) {
                Making::Made(unit) => unit,
                making => {
                    let counter = isolate.heat.counter(site);
                    let never = matches!(making, Making::Never);
                    counter.ask_at = if never { u64::MAX } else { counter.count + ARRIVALS_LATER };
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
    /// none; or none if it does not pay. All of it goes on record.
    #[cold]
    #[inline(never)]
    fn goes_up(
        &self,
        isolate: &mut Isolate,
        code: &Code,
        position: u32,
        machine: &dyn Machine,
        reason: Option<Reason>,
    ) -> Making<'_> {
        let (site, place) = self.place(code, position);
        let at_ns = isolate.now_ns();
        let (unit, fresh) = match place.unit() {
            Some(unit) => (unit, false),
            None => match self.make(isolate, code, position, place, machine) {
                Making::Made(unit) => (unit, true),
                making => return making,
            },
        };
        let compile_ns = if fresh { unit.compile_ns } else { 0 };
        let prepared = Prepared { compile_ns, code_bytes: unit.compiled.bytes as u64 };
        if isolate.policy.wants_gain() && !unit.gains(site) {
            if fresh {
                isolate.spent_on_native(prepared);
            }
            return Making::Never;
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
        Making::Made(unit)
    }
}

impl Native {
    fn enter(&self, isolate: &mut Isolate, place: &Place, unit: &Unit, machine: &dyn Machine) -> Arrived {
        if !isolate.writes_freely() {
            return Arrived::Stay;
        }
        if !unit.fits(isolate) {
            self.misfit(place, unit);
            return Arrived::Stay;
        }
        if let Some((_, registers)) = &unit.spliced {
            isolate.prepare_late_calls(u32::from(*registers));
        }
        if unit.lowered.frameless > 0 {
            isolate.prepare_late_calls(FRAMELESS_SLOTS);
        }
        if !unit.used.load(Ordering::Relaxed) {
            place.reopen(unit, self.fields_of(unit.entry.0)); // a hint for `sweep`
        }
        let (base, gas) = (isolate.frame().base as usize, isolate.gas_left());
        isolate.visit.depth += 1;
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
        isolate.visit.depth -= 1;
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
    pub(super) fn fields_of(&self, action: ActionId) -> usize {
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
            self.drop_unit(place, unit);
        }
    }

    /// A guard failed in code without frames. If that happens again and again calls have frames.
    #[cold]
    fn exited_frameless(&self, place: &Place, unit: &Unit, exit: u32) {
        add(&self.counts.exits, 1);
        place.history().exits += 1;
        let failed = unit.failed[exit as usize].fetch_add(1, Ordering::Relaxed) + 1; // a count
        if failed >= EXITS_MAX {
            self.drop_frameless(place, unit);
        }
    }

    /// The frame is not what the unit was compiled for.
    #[cold]
    fn misfit(&self, place: &Place, unit: &Unit) {
        let misfits = unit.misfits.fetch_add(1, Ordering::Relaxed) + 1; // a count
        let mut history = place.history();
        if misfits >= EXITS_MAX && history.rounds < ROUNDS_MAX {
            history.untyped_entry = true;
            history.unpromoted = true;
            history.unspliced = true;
            self.drop_unit(place, unit);
        }
    }
}
