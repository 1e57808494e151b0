//! What there is of one loop or action: the unit that is entered, those made before, and what was learnt from their exits.
#![expect(unsafe_code, reason = "units are reached through an atomic pointer")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::background::Pending;
use super::lower::{Home, Lowered};
use super::memory::{Code, Compiled};
use super::report::UnitReport;
use super::splice::{ExitPoint, Path, Spliced};
use crate::bytecode::Op;
use crate::runtime::info::{ActionId, Place as TextPlace};
use crate::runtime::{Isolate, Site};

/// One instruction in so many may be the machine's, or a contract's call, in a loop that is to gain.
const SLOW_SHARE: usize = 8;
/// An epoch that has not begun: the unit is being dropped.
const DROPPING: u64 = u64::MAX;
/// Instructions of an action that gains although it calls nothing.
const LONG_ACTION: usize = 30;

/// One compiled unit.
#[derive(Debug)]
pub(super) struct Unit {
    /// Whose code, and the position at which it begins. Stored code may name one loop twice.
    pub(super) entry: (ActionId, u32),
    pub(super) frame_size: u16,
    pub(super) compiled: Compiled,
    pub(super) lowered: Lowered,
    /// The calls whose code stands in it, and the registers of it all.
    pub(super) spliced: Option<(Spliced, u16)>,
    /// By exit.
    pub(super) exits: Box<[ExitPoint]>,
    /// By exit.
    pub(super) failed: Box<[AtomicU32]>,
    pub(super) misfits: AtomicU32,
    /// It was entered since the last sweep.
    pub(super) used: AtomicBool,
    /// The epoch in which it was dropped; 0 before.
    dropped_at: AtomicU64,
    /// It is called without a frame.
    pub(super) frameless: bool,
    pub(super) instructions: usize,
    /// The instructions that are the machine's.
    pub(super) stepped: Vec<(Op, TextPlace)>,
    pub(super) compile_ns: u64,
    /// Cranelift's form and the machine code as text, if they were asked for.
    pub(super) texts: Option<(String, String)>,
}

/// A unit of which the machine code is missing.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) entry: (ActionId, u32),
    pub(super) lowered: Lowered,
    pub(super) spliced: Option<(Spliced, u16)>,
    /// Of the action's frame; of code without frames, all that it uses.
    pub(super) registers: u16,
    pub(super) exits: Box<[ExitPoint]>,
    pub(super) frameless: bool,
    pub(super) instructions: usize,
    pub(super) stepped: Vec<(Op, TextPlace)>,
    /// Cranelift's form, if it was asked for.
    pub(super) form: Option<String>,
    /// Time spent on it.
    pub(super) ns: u64,
}

/// What is known of one loop or action.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The unit that is entered now, one of `made`; or null.
    pub(super) unit: AtomicPtr<Unit>,
    /// Its code, if a call may go straight into it; or null.
    pub(super) direct: AtomicPtr<u8>,
    /// Its code that needs no frame (see `frameless`); or null.
    pub(super) frameless: AtomicPtr<u8>,
    /// All that were made, until they are dropped and nobody runs them. Whoever changes what is above holds it.
    made: Mutex<Vec<Arc<Unit>>>,
    pub(super) history: Mutex<History>,
}

#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) rounds: u32,
    /// Instructions that nothing is guessed about.
    pub(super) generic: BTreeSet<Path>,
    /// Writes to maps that put keys in.
    pub(super) inserting: BTreeSet<Path>,
    /// Calls that are not spliced.
    pub(super) declined: BTreeSet<Path>,
    pub(super) unspliced: bool,
    pub(super) untyped_entry: bool,
    pub(super) unpromoted: bool,
    pub(super) unhoisted: bool,
    pub(super) unranged: bool,
    pub(super) refused: Option<String>,
    pub(super) exits: u64,
    /// The code that needs no frame was made, or cannot be.
    pub(super) frameless_tried: bool,
    /// Time spent on that, until it is counted with the next unit.
    pub(super) frameless_ns: u64,
    /// A unit that is being made in the background.
    pub(super) pending: Option<Pending>,
}

impl Place {
    /// Whether its code, if there is some, gives integers of 64 bits alone.
    pub(super) fn returns_int(&self) -> bool {
        self.unit().is_some_and(|unit| unit.lowered.returns_int)
    }

    /// The unit that is entered, for those who visit the tier (see `reclaim`), or keep others from freeing it.
    pub(super) fn unit(&self) -> Option<&Unit> {
        // Acquire pairs with `put`: the unit has been written.
        // SAFETY: units are freed only after all visitors have been seen outside.
        unsafe { self.unit.load(Ordering::Acquire).as_ref() }
    }

    /// From now on this unit is entered. Frames of its action that a direct call makes run on an instance with so many
    /// fields.
    pub(super) fn put(&self, unit: Arc<Unit>, fields: usize) -> &Unit {
        let pointer = Arc::as_ptr(&unit).cast_mut();
        let mut made = self.made();
        self.open(&made, &unit, fields);
        made.push(unit);
        // Release pairs with `unit`.
        self.unit.store(pointer, Ordering::Release);
        drop(made);
        // SAFETY: it was just put among those that are made, and it is not dropped yet.
        unsafe { &*pointer }
    }

    /// Lets calls go straight into the unit, if they may, and into the code that needs no frame.
    fn open(&self, made: &[Arc<Unit>], unit: &Unit, fields: usize) {
        let code = |unit: &Unit| unit.compiled.entry() as *mut u8;
        let direct = Some(unit).filter(|unit| unit.takes_any_frame(fields)).map(code);
        let frameless = made.iter().find(|unit| unit.frameless && !unit.is_dropped()).map(|unit| code(unit));
        // Compiled code reads both; the code was made executable before. Release pairs with `frameless_unit`.
        self.direct.store(direct.unwrap_or_default(), Ordering::Release);
        self.frameless.store(frameless.unwrap_or_default(), Ordering::Release);
    }

    /// From now on calls with integers need no frame.
    pub(super) fn put_frameless(&self, unit: Arc<Unit>) {
        let mut made = self.made();
        let entry = unit.compiled.entry() as *mut u8;
        made.push(unit);
        // Release pairs with `frameless_unit`; compiled code reads it as it reads `direct`.
        self.frameless.store(entry, Ordering::Release);
    }

    /// From now on this unit is not entered. Whether it was until now.
    pub(super) fn drop_unit(&self, unit: &Unit) -> bool {
        let made = self.made();
        let is_entered = std::ptr::eq(self.unit.load(Ordering::Relaxed), unit);
        if is_entered {
            self.direct.store(std::ptr::null_mut(), Ordering::Relaxed); // an epoch begins behind it
            self.unit.store(std::ptr::null_mut(), Ordering::Relaxed); // as above
            unit.drop_at(DROPPING);
        }
        drop(made);
        is_entered
    }

    /// The same for code that needs no frame.
    pub(super) fn drop_frameless(&self, unit: &Unit) -> bool {
        let made = self.made();
        let is_called = self.frameless.load(Ordering::Relaxed) as usize == unit.compiled.entry() as usize;
        if is_called {
            self.frameless.store(std::ptr::null_mut(), Ordering::Relaxed); // an epoch begins behind it
            unit.drop_at(DROPPING);
        }
        drop(made);
        is_called
    }

    /// The unit is used: what calls went straight into may be called so again.
    pub(super) fn reopen(&self, unit: &Unit, fields: usize) {
        let made = self.made();
        unit.used.store(true, Ordering::Relaxed); // a hint
        if std::ptr::eq(self.unit.load(Ordering::Relaxed), unit) {
            self.open(&made, unit, fields);
        }
    }

    /// Drops what was not entered since the last sweep; gives that. Of all else, calls come by `reopen` once.
    pub(super) fn sweep(&self) -> Vec<Arc<Unit>> {
        let mut history = self.history();
        let made = self.made();
        self.direct.store(std::ptr::null_mut(), Ordering::Relaxed); // an epoch begins behind it, as for the others
        self.frameless.store(std::ptr::null_mut(), Ordering::Relaxed);
        if self.unit().is_some_and(|unit| unit.used.swap(false, Ordering::Relaxed)) {
            return Vec::new();
        }
        self.unit.store(std::ptr::null_mut(), Ordering::Relaxed);
        history.rounds = history.rounds.saturating_sub(1);
        history.frameless_tried = false;
        let unused: Vec<_> = made.iter().filter(|unit| !unit.is_dropped()).cloned().collect();
        for unit in &unused {
            unit.drop_at(DROPPING);
        }
        unused
    }

    /// Frees the units that were dropped in an epoch up to this one: how many, and their bytes.
    pub(super) fn free(&self, seen: u64) -> (u64, u64) {
        let mut freed = (0, 0);
        self.made().retain(|unit| {
            let dropped_at = unit.dropped_at.load(Ordering::Relaxed); // `seen_by_all` has synchronised with it
            let stays = dropped_at == 0 || dropped_at > seen;
            if !stays {
                freed = (freed.0 + 1, freed.1 + unit.compiled.bytes as u64);
            }
            stays
        });
        freed
    }

    /// The unit that is called without a frame, if there is one.
    pub(super) fn frameless_unit(&self) -> Option<Arc<Unit>> {
        // Acquire pairs with `put_frameless`: the unit is among those made.
        let entry = self.frameless.load(Ordering::Acquire);
        if entry.is_null() { None } else { self.made_at(entry as usize) }
    }

    /// The registers of the action's frame, if it has code that needs none.
    pub(super) fn frameless_registers(&self) -> Option<u16> {
        self.frameless_unit().map(|unit| unit.frame_size)
    }

    /// The unit that is entered, for those who do not run it.
    pub(super) fn entered(&self) -> Option<Arc<Unit>> {
        let made = self.made();
        let entered = self.unit.load(Ordering::Relaxed); // written under the lock
        made.iter().find(|unit| std::ptr::eq(Arc::as_ptr(unit), entered)).cloned()
    }

    /// The unit whose code begins there.
    pub(super) fn made_at(&self, entry: usize) -> Option<Arc<Unit>> {
        self.made().iter().find(|unit| unit.compiled.entry() as usize == entry).cloned()
    }

    fn made(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Unit>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn history(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often its unit was made, and how many of its guards have failed.
    pub(super) fn rounds_and_exits(&self) -> (u32, u64) {
        let history = self.history();
        (history.rounds, history.exits)
    }

    pub(super) fn report(&self, site: Site) -> Option<UnitReport> {
        let frameless = self.frameless_unit();
        let unit = self.entered();
        let history = self.history();
        if history.rounds == 0 && history.refused.is_none() {
            return None;
        }
        Some(UnitReport {
            site,
            rounds: history.rounds,
            refused: history.refused.clone(),
            instructions: unit.as_ref().map_or(0, |unit| unit.instructions),
            stepped: unit.as_ref().map_or_else(Vec::new, |unit| unit.stepped.clone()),
            spliced: unit.as_ref().and_then(|unit| unit.spliced.as_ref()).map_or(0, |(spliced, _)| spliced.calls.len()),
            declined: history.declined.len(),
            direct: unit.as_ref().map_or(0, |unit| unit.lowered.direct),
            frameless: unit.as_ref().map_or(0, |unit| unit.lowered.frameless),
            frameless_bytes: frameless.map_or(0, |unit| unit.compiled.bytes),
            helped: unit.as_ref().map_or(0, |unit| unit.lowered.helped),
            finds: unit.as_ref().map_or(0, |unit| unit.lowered.finds),
            quiet: unit.as_ref().is_some_and(|unit| unit.lowered.quiet),
            generic: history.generic.len(),
            code_bytes: unit.as_ref().map_or(0, |unit| unit.compiled.bytes),
            compile_ns: unit.as_ref().map_or(0, |unit| unit.compile_ns),
            exits: history.exits,
        })
    }
}

impl Draft {
    /// The unit, with code that took so long to make.
    pub(super) fn unit(self, code: Code) -> Unit {
        let failed = self.lowered.exits.iter().map(|_| AtomicU32::new(0)).collect();
        Unit {
            entry: self.entry,
            frame_size: self.registers,
            compiled: code.compiled,
            lowered: self.lowered,
            spliced: self.spliced,
            exits: self.exits,
            failed,
            misfits: AtomicU32::new(0),
            used: AtomicBool::new(true),
            dropped_at: AtomicU64::new(0),
            frameless: self.frameless,
            instructions: self.instructions,
            stepped: self.stepped,
            compile_ns: self.ns + code.ns,
            texts: self.form.zip(code.assembly),
        }
    }
}

impl Unit {
    /// Whether it is likely to be faster than the machine: where much of it is the machine's or enters contracts, it is
    /// not; and entering a short action costs more than it saves, unless it calls on.
    pub(super) fn gains(&self, site: Site) -> bool {
        let slow = self.lowered.stepped.len() + self.lowered.helped as usize;
        match site {
            Site::Loop(_) => slow * SLOW_SHARE <= self.instructions,
            Site::Action(_) => slow == 0 && (self.lowered.direct > 0 || self.instructions >= LONG_ACTION),
        }
    }

    /// After a long stay: what failed before is not what it costs.
    pub(super) fn forgive(&self) {
        self.misfits.store(0, Ordering::Relaxed); // a count, as are the others
        self.failed.iter().for_each(|failed| failed.store(0, Ordering::Relaxed));
    }

    /// Whether it may run in any frame of its action that a direct call made, once the caller may run at all, on an
    /// instance with at least so many fields.
    pub(super) fn takes_any_frame(&self, least: usize) -> bool {
        let Lowered { checks, stored_globals, fields, leaf_slots, .. } = &self.lowered;
        let whole = self.spliced.is_none() && self.entry.1 == 0;
        checks.is_empty() && stored_globals.is_empty() && *fields <= least && *leaf_slots == 0 && whole
    }

    /// It is no longer found since this epoch began.
    pub(super) fn drop_at(&self, epoch: u64) {
        self.dropped_at.store(epoch, Ordering::Relaxed); // see `Place::free`
    }

    fn is_dropped(&self) -> bool {
        self.dropped_at.load(Ordering::Relaxed) != 0 // set under the lock of those made
    }

    /// Registers of its frame.
    pub(super) fn frame_size(&self) -> u16 {
        self.frame_size
    }

    /// Whether the frame is what it was compiled for.
    pub(super) fn fits(&self, isolate: &Isolate) -> bool {
        let frame = isolate.frame();
        // Stored code may run on no instance, or on another's.
        let fields = isolate.ledger.instances.get(frame.this as usize).map_or(0, |instance| instance.fields.len());
        if fields < self.lowered.fields || !self.fits_spliced(isolate) {
            return false;
        }
        let spliced = |field| self.spliced.as_ref()?.0.field_now(field, &isolate.ledger.instances);
        let kinds = self.lowered.checks.iter().all(|(home, word)| {
            let value = match home {
                Home::Register(register) => isolate.slots[frame.base as usize + usize::from(*register)],
                Home::Global(global) => isolate.ledger.globals[*global as usize],
                Home::Field(field) => match spliced(*field) {
                    Some(value) => value,
                    None => isolate.ledger.instances[frame.this as usize].fields[usize::from(*field)],
                },
                Home::Entry(_) => unreachable!("entries are looked up by the code itself"),
            };
            value.word() == *word
        });
        kinds
            && isolate.has_room_for(self.lowered.leaf_slots)
            && (self.lowered.stored_globals.is_empty() || isolate.has_open_globals())
            && self.lowered.stored_globals.iter().all(|global| isolate.ledger.is_logged(*global))
    }
}

impl Unit {
    /// Whether the calls whose code stands in it are what would be called, and may be made.
    pub(super) fn fits_spliced(&self, isolate: &Isolate) -> bool {
        let Some((spliced, _)) = &self.spliced else { return true };
        let frame = isolate.frame();
        let (slots, depth) = spliced.needs();
        spliced.fits(frame.this, frame.context, &isolate.ledger.instances) && isolate.takes_late_calls(depth, slots)
    }
}

impl History {
    /// The next round guesses nothing where guesses failed; in spliced calls that may not be enough.
    pub(super) fn settle(&mut self, point: &ExitPoint, inserts: bool) {
        match &point.call {
            _ if inserts => self.inserting.insert(point.path.clone()),
            Some(call) if point.always || self.generic.contains(&point.path) => self.declined.insert(call.clone()),
            _ => self.generic.insert(point.path.clone()),
        };
    }
}
