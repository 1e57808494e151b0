//! The virtual machine: runs bytecode on the same frames, slots and operations as the evaluator. One activation of
//! the dispatch loop runs a frame and every frame it calls, without recursion on the host's stack.
//!
//! The room knows bytecode and the runtime. It has no operation of its own beyond control flow, it is never entered
//! from below except through [`Tier`], and it hands nothing down again.

mod arith;
mod ascend;
mod calls;
mod containers;
mod cursor;
mod dispatch;
mod jumps;
mod surroundings;
mod unwind;
mod variables;
mod watch;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use self::watch::{Grounded, Unwatched, Watch};
use crate::bytecode::{Arrived, Code, NativeTier, PlantedBug, compile};
use crate::resolve::hir::Tree;
use crate::runtime::info::{ActionId, Place, ProgramInfo};
use crate::runtime::{Entry, Isolate, Prepared, Tier, Unwind};
use crate::value::Value;

pub use self::watch::{CountingVm, Tally};

/// Code that has been made before.
pub trait StoredCodes: std::fmt::Debug + Send + Sync {
    /// An action's code, verified.
    fn code(&self, action: ActionId) -> Code;
}

/// Where code comes from.
#[derive(Debug)]
enum Origin {
    /// It is compiled from the resolved tree.
    Tree(Arc<Tree>),
    Stored(Arc<dyn StoredCodes>),
}

/// The code of one program, made action by action when it is first needed; shared by all its isolates.
#[derive(Debug)]
pub struct Vm {
    origin: Origin,
    info: Arc<ProgramInfo>,
    codes: Box<[OnceLock<Code>]>,
    compile_ns: AtomicU64,
    code_bytes: AtomicU64,
    inlines: AtomicBool,
    planted: OnceLock<PlantedBug>,
    native: OnceLock<Arc<dyn NativeTier>>,
}

/// What has been compiled so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// Time spent, nanoseconds.
    pub compile_ns: u64,
    /// Size of the code, bytes.
    pub code_bytes: u64,
}

impl Vm {
    /// A machine for a resolved program, without code yet.
    pub fn new(tree: Arc<Tree>, info: Arc<ProgramInfo>) -> Self {
        Self::of(Origin::Tree(tree), info)
    }

    /// A machine for a program whose code is stored: each action's is taken when it is first called.
    pub fn stored(codes: Arc<dyn StoredCodes>, info: Arc<ProgramInfo>) -> Self {
        Self::of(Origin::Stored(codes), info)
    }

    fn of(origin: Origin, info: Arc<ProgramInfo>) -> Self {
        let codes = info.actions.iter().map(|_| OnceLock::new()).collect();
        Self {
            origin,
            info,
            codes,
            compile_ns: AtomicU64::new(0),
            code_bytes: AtomicU64::new(0),
            inlines: AtomicBool::new(true),
            planted: OnceLock::new(),
            native: OnceLock::new(),
        }
    }

    /// What is compiled from now on keeps every call a call, for who counts or times them.
    pub fn keep_calls(&self) {
        self.inlines.store(false, Ordering::Relaxed); // said before any thread runs
    }

    /// Whether it keeps calls.
    pub fn keeps_calls(&self) -> bool {
        !self.inlines.load(Ordering::Relaxed) // see `keep_calls`
    }

    /// Puts a bug into the code made from now on: for tests that must find it.
    pub fn plant_bug(&self, bug: PlantedBug) {
        self.planted.set(bug).expect("one bug at a time");
    }

    /// What has been compiled so far.
    pub fn compiled(&self) -> Compiled {
        // Relaxed: statistics; nothing is published with them.
        Compiled {
            compile_ns: self.compile_ns.load(Ordering::Relaxed),
            code_bytes: self.code_bytes.load(Ordering::Relaxed),
        }
    }

    /// The code of every action, in order; what is not there yet is compiled.
    pub fn all_codes(&self) -> impl Iterator<Item = &Code> {
        (0..self.codes.len() as u32).map(|action| self.code(ActionId(action)))
    }

    /// The code of every action, as text.
    pub fn disassemble_all(&self) -> String {
        let actions = 0..self.codes.len() as u32;
        actions.map(|action| self.code(ActionId(action)).disassemble(&self.info)).collect()
    }

    /// An action's code.
    #[inline(always)]
    fn code(&self, action: ActionId) -> &Code {
        match self.codes[action.0 as usize].get() {
            Some(code) => code,
            None => self.compile(action),
        }
    }

    #[cold]
    #[inline(never)]
    fn compile(&self, action: ActionId) -> &Code {
        self.codes[action.0 as usize].get_or_init(|| {
            let started = Instant::now();
            let mut code = match &self.origin {
                Origin::Tree(tree) => compile(tree, &self.info, action, self.inlines.load(Ordering::Relaxed)), // see `keep_calls`
                Origin::Stored(codes) => codes.code(action),
            };
            if let Some(bug) = self.planted.get() {
                bug.plant(&mut code);
            }
            // Relaxed: see `compiled`.
            self.compile_ns.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
            self.code_bytes.fetch_add(code.bytes() as u64, Ordering::Relaxed);
            code
        })
    }
}

impl Vm {
    fn run_watched(&self, isolate: &mut Isolate, entry: Entry, watch: &impl Watch) -> Result<Value, Unwind> {
        let action = isolate.frame().action;
        let was = std::mem::replace(&mut isolate.in_upper, true);
        let result = match entry {
            Entry::Start => {
                isolate.calls[action.0 as usize].count += 1;
                self.start(isolate, watch)
            }
            Entry::Loop(id) => {
                let code = self.code(action);
                self.execute(isolate, code, code.loop_entry(id), watch)
            }
        };
        isolate.in_upper = was;
        result
    }

    /// Runs the topmost frame from its start, in native code if that is wanted.
    #[inline]
    fn start<W: Watch>(&self, isolate: &mut Isolate, watch: &W) -> Result<Value, Unwind> {
        let code = self.code(isolate.frame().action);
        if !W::ASCENDS || !isolate.heat.tick_call(code.action) {
            return self.execute(isolate, code, 0, watch);
        }
        isolate.top = isolate.frame().base + u32::from(code.frame_size);
        match self.arrive_at_start(isolate, code) {
            Arrived::Returned(value) => Ok(value),
            arrived => self.go_on(isolate, arrived, watch),
        }
    }

    /// Runs the topmost frame to its end from where native code has left it.
    fn go_on<W: Watch>(&self, isolate: &mut Isolate, arrived: Arrived, watch: &W) -> Result<Value, Unwind> {
        let code = self.code(isolate.frame().action);
        match arrived {
            Arrived::Stay => self.execute(isolate, code, 0, watch),
            Arrived::At(position) => self.execute(isolate, code, position, watch),
            Arrived::Returned(value) => Ok(value),
            Arrived::Failed(position) => match self.unwind(isolate, position, isolate.frames.len()) {
                Some(handler) => self.execute(isolate, code, handler, watch),
                None => Err(Unwind),
            },
        }
    }
}

impl Tier for Vm {
    fn run(&self, isolate: &mut Isolate, entry: Entry) -> Result<Value, Unwind> {
        if isolate.heat.wanted {
            self.run_watched(isolate, entry, &Unwatched)
        } else {
            self.run_watched(isolate, entry, &Grounded)
        }
    }

    fn prepare(&self, action: ActionId) -> Prepared {
        let slot = &self.codes[action.0 as usize];
        if slot.get().is_some() {
            return Prepared::default();
        }
        let started = Instant::now();
        let code = self.code(action);
        Prepared { compile_ns: started.elapsed().as_nanos() as u64, code_bytes: code.bytes() as u64 }
    }

    fn place(&self, action: ActionId, position: u32) -> Place {
        self.code(action).place(position)
    }
}
