//! From bytecode to Cranelift's form. The places of a region (its frame's registers, the globals and contract fields
//! that it names) are held in machine registers as far as their kinds are known, and are written to their memory
//! only where somebody else may look: at exits, and before the machine executes an instruction.
//!
//! Kinds at the beginning of a block are what all ways into it agree on. They are guessed from the ways seen first;
//! if a way back disagrees, the whole is lowered anew with what was learnt, a bounded number of times.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    AbiParam, Block, FuncRef, InstBuilder, MemFlagsData, SigRef, Signature, Type, Value as Ssa, types,
};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};

use super::context::{Context, status};
use super::liveness::{Liveness, Region};
use super::splice::FIELDS_FROM;
use super::state::{Kind, Loc, State};
use super::unit::Place;
use crate::bytecode::{Code, Op};
use crate::ledger::Instance;
use crate::runtime::info::ProgramInfo;
use crate::runtime::{CallLayout, Frame, Isolate};
use crate::value::{Heap, Tag, Value, ValueLayout};

/// How often a region is lowered with better knowledge before nothing is assumed at block boundaries.
const ATTEMPTS: usize = 10;
/// In how many of them integers are believed to have bounds.
const RANGED_ATTEMPTS: usize = 6;
/// Globals of a region that may be held in registers.
const GLOBALS_MAX: usize = 24;

/// What is to be compiled, and what is known of it.
pub(super) struct Plan<'a> {
    pub(super) code: &'a Code,
    pub(super) info: &'a ProgramInfo,
    pub(super) entry: u32,
    pub(super) is_loop: bool,
    pub(super) region: &'a Region,
    pub(super) liveness: &'a Liveness,
    pub(super) layout: &'a ValueLayout,
    /// The frame's registers as they are now: what each will probably hold.
    pub(super) seen: &'a [Value],
    /// The globals as they are now.
    pub(super) globals: &'a [Value],
    /// The fields of the frame's contract instance as they are now.
    pub(super) fields: &'a [Value],
    /// The frame's contract instance, or none.
    pub(super) this: u32,
    /// All contract instances.
    pub(super) instances: &'a [Instance],
    /// The heap that those values live in.
    pub(super) heap: &'a Heap,
    /// Instructions that nothing is guessed about.
    pub(super) generic: &'a BTreeSet<u32>,
    /// Writes to maps that put keys in.
    pub(super) inserting: &'a BTreeSet<u32>,
    /// Whether the entry may ask for kinds.
    pub(super) typed_entry: bool,
    /// Whether anything may be looked up once before the loop.
    pub(super) hoists: bool,
    /// Whether integers may be believed to have bounds.
    pub(super) ranges: bool,
    /// Whether globals may be written late.
    pub(super) promotes: bool,
    /// A bug to be put in, for tests that must find it.
    pub(super) bug: Option<super::NativeBug>,
    /// Guards that fail always, for tests.
    pub(super) forced: Option<super::ForcedGuards>,
    /// What the code is made without.
    pub(super) dropped: super::DroppedCosts,
    /// Where a call finds what it changes.
    pub(super) calls: &'a CallLayout,
    /// What is known of each action.
    pub(super) actions: &'a [Place],
    /// The calls whose code stands in `code`.
    pub(super) spliced: Option<&'a super::splice::Spliced>,
    /// It is to be called without a frame (see `frameless`).
    pub(super) frameless: bool,
}

impl Plan<'_> {
    fn signature(&self, call_conv: CallConv) -> Signature {
        if self.frameless {
            super::frameless::signature(call_conv, self.info.action(self.code.action).shape().params)
        } else {
            entry_signature(call_conv)
        }
    }
}

/// Where a place's memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Home {
    /// A register of the frame.
    Register(u16),
    /// A global.
    Global(u32),
    /// A field of the frame's contract instance.
    Field(u16),
    /// The value of a map's entry, found before the loop (see `hoist`).
    Entry(u16),
}

/// What was made besides the function itself.
#[derive(Debug, Default)]
pub(super) struct Lowered {
    /// The first words that places must have at the entry.
    pub(super) checks: Vec<(Home, u64)>,
    /// The position of each guard's exit.
    pub(super) exits: Vec<u32>,
    /// Of these, those of what was looked up before the loop.
    pub(super) hoist_exits: BTreeSet<u32>,
    /// Of these, those where a map does not have the key that is written to.
    pub(super) insert_exits: BTreeSet<u32>,
    /// Those of bounds that were believed in.
    pub(super) range_exits: BTreeSet<u32>,
    /// Globals that are written without asking the journal: their entries must be logged already.
    pub(super) stored_globals: Vec<u32>,
    /// How many fields the frame's contract instance must have.
    pub(super) fields: usize,
    /// The greatest logical frame of a leaf inside.
    pub(super) leaf_slots: u32,
    /// Where instructions are executed by the machine.
    pub(super) stepped: Vec<u32>,
    /// Calls whose frames are pushed and popped as in the machine.
    pub(super) helped: u32,
    /// Calls straight from code to code.
    pub(super) direct: u32,
    /// Of these, those that need no frame as long as there is such code.
    pub(super) frameless: u32,
    /// The frames of direct calls, which the code copies.
    #[expect(clippy::vec_box, reason = "the code holds their addresses")]
    pub(super) frames: Vec<Box<Frame>>,
    /// What making the literals needs that are not made at once.
    #[expect(clippy::vec_box, reason = "the code holds their addresses")]
    pub(super) literals: Vec<Box<super::sink::Literal>>,
    /// What exits in spliced calls make up for.
    #[expect(clippy::vec_box, reason = "the code holds their addresses")]
    pub(super) lates: Vec<Box<super::late::Late>>,
    /// The action returns integers of 64 bits alone.
    pub(super) returns_int: bool,
    /// It calls itself, which is believed to give such.
    pub(super) believes_itself: bool,
    /// How often it was lowered.
    pub(super) attempts: usize,
    /// Map entries looked up once, before the loop.
    pub(super) finds: usize,
    /// Gas is asked for once an iteration.
    pub(super) quiet: bool,
}

/// The variables of a place.
#[derive(Clone, Copy, Default)]
pub(super) struct Vars {
    pub(super) word: Option<Variable>,
    pub(super) payload: Option<Variable>,
    pub(super) float: Option<Variable>,
}

/// An exit yet to be written.
pub(super) struct Pending {
    block: Block,
    state: State,
    pub(super) position: u32,
    pub(super) kind: i64,
    pub(super) exit: u32,
}

/// A way to a block, in a block of its own.
pub(super) struct Edge {
    target: u32,
    block: Block,
    state: State,
}

/// A basic block of the region.
pub(super) struct Target {
    block: Block,
    edges: Vec<Edge>,
    lowered: Option<State>,
}

pub(super) struct Lowerer<'a, 'f> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) b: FunctionBuilder<'f>,
    pub(super) out: Lowered,
    pub(super) homes: Vec<Home>,
    pub(super) places: BTreeMap<Home, usize>,
    pub(super) vars: Vec<Vars>,
    pub(super) gas: Variable,
    /// In code without frames: how many calls there may be inside this one.
    pub(super) room: Variable,
    /// In such code: the function itself, if it was named.
    pub(super) itself: Option<FuncRef>,
    /// In a quiet loop: the gas below which its header looks closer.
    pub(super) floor: Variable,
    /// In a quiet loop: calls of leaves that their counters do not know of yet.
    pub(super) counted: BTreeMap<u32, Variable>,
    /// The number given to a value last (see `ranges`).
    pub(super) numbers: u32,
    pub(super) context: Ssa,
    pub(super) isolate: Ssa,
    pub(super) base: Ssa,
    pub(super) globals: Ssa,
    pub(super) fields: Ssa,
    pub(super) poll_bits: Ssa,
    pub(super) state: State,
    pub(super) targets: HashMap<u32, Target>,
    pub(super) new_edges: Vec<Edge>,
    pub(super) pending: Vec<Pending>,
    /// The exit made last: its position, and how many writes there had been.
    pub(super) last_exit: Option<(u32, u32, Block)>,
    pub(super) writes: u32,
    pub(super) learnt: &'a mut Learnt,
    pub(super) again: bool,
    /// The machine executes nothing in this loop but what has to do with gas and the poll.
    pub(super) quiet: bool,
    /// By place of a map that the loop does not replace: its words.
    pub(super) fixed: BTreeMap<usize, (Ssa, Ssa)>,
    /// Of these, those that are written to, and may be.
    pub(super) open: BTreeSet<usize>,
    /// By the address of a list that the loop does not replace: how many elements it has, and where they are.
    pub(super) lists: HashMap<Ssa, (Ssa, Ssa)>,
    /// By the address of a map that the loop does not replace: where its parts are.
    pub(super) probes: HashMap<Ssa, super::probe::Probe>,
    /// By first word: of which list's element it is, and where that is.
    pub(super) elements: HashMap<Ssa, (Ssa, Ssa)>,
    /// By number of an entry: its value's address.
    pub(super) entries: Vec<Ssa>,
    pub(super) call_conv: CallConv,
    pub(super) signatures: HashMap<usize, SigRef>,
    /// What the payloads of constants are.
    pub(super) constants: HashMap<Ssa, Value>,
    /// What registers will probably hold, where more is known of that than what they hold now: they were copied from
    /// such a place, or read from such a container.
    pub(super) hints: HashMap<usize, Value>,
    /// Temporaries that hold the result of a leaf operation on integers that may have more than 64 bits.
    pub(super) leaf_results: BTreeSet<usize>,
    /// Map literals that are not made.
    pub(super) sinks: super::sink::Sinks,
    /// What is written in spliced calls.
    pub(super) late: super::late::Sites,
    /// The first register of the spliced call that is being lowered; of none, one that no code has.
    pub(super) window: u16,
    /// Where the code ends with a status, if it does.
    pub(super) end: Option<Block>,
    /// Blocks that something later goes back to.
    back_targets: BTreeSet<u32>,
    /// The block is at its end.
    pub(super) ended: bool,
}

/// Lowers the plan into the context's function.
pub(super) fn lower(
    plan: &Plan<'_>,
    isa: &dyn TargetIsa,
    context: &mut cranelift_codegen::Context,
    builders: &mut FunctionBuilderContext,
) -> Lowered {
    let path_gas = if plan.hoists { super::hoist::path_gas(plan) } else { None };
    let mut learnt = Learnt {
        seeds: HashMap::new(),
        path_gas,
        wanted: Vec::new(),
        ranges: true,
        returns_int: !plan.is_loop,
        floats: false,
    };
    for attempt in 1..=ATTEMPTS + 1 {
        context.clear();
        let call_conv = isa.default_call_conv();
        context.func.signature = plan.signature(call_conv);
        learnt.returns_int &= attempt <= ATTEMPTS;
        let b = FunctionBuilder::new(&mut context.func, builders);
        if attempt > ATTEMPTS {
            // Nothing may be found out that would have it made again.
            learnt.path_gas = None;
            learnt.floats = true;
        }
        learnt.ranges = attempt <= RANGED_ATTEMPTS;
        let mut lowerer = Lowerer::new(plan, b, &mut learnt, call_conv);
        lowerer.region(attempt > ATTEMPTS);
        let again = lowerer.again;
        let Lowerer { mut b, mut out, quiet, entries, .. } = lowerer;
        (out.quiet, out.finds) = (quiet, entries.len());
        b.seal_all_blocks();
        b.finalize(isa.frontend_config());
        if !again {
            (out.attempts, out.returns_int) = (attempt, learnt.returns_int);
            return out;
        }
    }
    unreachable!("without assumptions at block boundaries nothing can disagree")
}

/// What one attempt tells the next.
pub(super) struct Learnt {
    /// By block: what places hold at its beginning, at most.
    pub(super) seeds: HashMap<u32, State>,
    /// The most gas that an iteration takes, while the loop is believed to be quiet.
    pub(super) path_gas: Option<i64>,
    /// Entries to be looked up before the loop.
    pub(super) wanted: Vec<super::hoist::Wanted>,
    /// Integers are believed to have bounds.
    pub(super) ranges: bool,
    /// The action is believed to return integers of 64 bits alone.
    pub(super) returns_int: bool,
    /// There are floats.
    pub(super) floats: bool,
}

/// The signature of `Entry`.
pub(super) fn entry_signature(call_conv: CallConv) -> Signature {
    let mut signature = Signature::new(if cfg!(target_arch = "x86_64") { CallConv::SystemV } else { call_conv });
    signature.params.extend([AbiParam::new(types::I64); 3]);
    signature.returns.extend([AbiParam::new(types::I64); 2]);
    signature
}

pub(super) fn trusted() -> MemFlagsData {
    MemFlagsData::trusted()
}

impl<'a, 'f> Lowerer<'a, 'f> {
    fn new(plan: &'a Plan<'a>, mut b: FunctionBuilder<'f>, learnt: &'a mut Learnt, call_conv: CallConv) -> Self {
        let first = b.create_block();
        b.append_block_params_for_function_params(first);
        b.switch_to_block(first);
        b.seal_block(first);
        let (context, base, gas_now) = (b.block_params(first)[0], b.block_params(first)[1], b.block_params(first)[2]);
        let mut load = |flags, offset: usize| b.ins().load(types::I64, flags, context, offset as i32);
        let isolate = load(trusted().with_readonly(), std::mem::offset_of!(Context, isolate));
        let wanted = if learnt.path_gas.is_some() { learnt.wanted.len() } else { 0 };
        let homes = homes(plan, wanted);
        learnt.seeds.retain(|_, seed| seed.locs.len() == homes.len());
        let names = |home: fn(&Home) -> bool| homes.iter().any(home);
        let (names_globals, names_fields) =
            (names(|home| matches!(home, Home::Global(_))), names(|home| matches!(home, Home::Field(_))));
        let poll_bits = load(trusted().with_readonly(), std::mem::offset_of!(Context, poll_bits));
        let globals =
            if names_globals { load(trusted().with_readonly(), std::mem::offset_of!(Context, globals)) } else { base };
        // Calls of contract actions change it: it is that of whoever is entered.
        let fields = if names_fields { load(trusted(), std::mem::offset_of!(Context, fields)) } else { base };
        let [gas, floor, room] = [(); 3].map(|()| b.declare_var(types::I64));
        b.def_var(gas, gas_now);
        let fields_of = |home: &Home| match home {
            Home::Field(field) if plan.spliced.and_then(|spliced| spliced.field(*field)).is_none() => {
                usize::from(*field) + 1
            }
            _ => 0,
        };
        let out = Lowered { fields: homes.iter().map(fields_of).max().unwrap_or(0), ..Lowered::default() };
        let places = homes.iter().enumerate().map(|(place, home)| (*home, place)).collect();
        let state = State::new(homes.len());
        Self {
            plan,
            b,
            out,
            vars: vec![Vars::default(); homes.len()],
            homes,
            places,
            gas,
            room,
            itself: None,
            floor,
            counted: BTreeMap::new(),
            numbers: 0,
            context,
            isolate,
            base,
            globals,
            fields,
            poll_bits,
            state,
            targets: HashMap::new(),
            new_edges: Vec::new(),
            pending: Vec::new(),
            last_exit: None,
            writes: 0,
            quiet: learnt.path_gas.is_some(),
            learnt,
            again: false,
            fixed: BTreeMap::new(),
            open: BTreeSet::new(),
            lists: HashMap::new(),
            probes: HashMap::new(),
            elements: HashMap::new(),
            entries: Vec::new(),
            call_conv,
            signatures: HashMap::new(),
            constants: HashMap::new(),
            hints: HashMap::new(),
            leaf_results: BTreeSet::new(),
            sinks: super::sink::Sinks::default(),
            late: super::late::Sites::default(),
            window: u16::MAX,
            end: None,
            back_targets: plan.region.back_targets(plan.code),
            ended: false,
        }
    }

    // ---- blocks ----

    fn region(&mut self, assume_nothing: bool) {
        for &leader in &self.plan.region.order {
            let block = self.b.create_block();
            self.targets.insert(leader, Target { block, edges: Vec::new(), lowered: None });
        }
        self.prepare_spliced();
        self.prepare_literals();
        self.enter(assume_nothing);
        for &leader in &self.plan.region.order {
            self.block(leader, assume_nothing);
        }
        self.give_all();
    }

    /// The entry: places whose kinds help are taken into registers; their first words are checked before.
    fn enter(&mut self, assume_nothing: bool) {
        if self.plan.frameless {
            self.take_arguments();
        }
        self.check_window();
        if self.plan.typed_entry && !assume_nothing {
            for place in 0..self.homes.len() {
                let seed = self.learnt.seeds.get(&self.plan.entry).map(|seed| seed.locs[place]);
                let is_entry = matches!(self.homes[place], Home::Entry(_));
                if is_entry || seed == Some(Loc::Home) || !self.is_live(self.plan.entry, place) {
                    continue;
                }
                let word = self.guess(place).map(Kind::of);
                if let Some(kind @ (Kind::Int | Kind::Float | Kind::Bool)) = word {
                    let tag = kind.tag().unwrap_or(Tag::Null);
                    self.out.checks.push((self.homes[place], Value::word_of(tag)));
                    self.load_payload(place, kind);
                    if kind == Kind::Int {
                        self.guess_range(place);
                    }
                }
            }
            self.last_exit = None;
        }
        if self.quiet {
            self.begin_quiet();
            self.hoist();
        }
        let edge = self.edge(self.plan.entry);
        self.b.ins().jump(edge, &[]);
        self.connect();
    }

    fn block(&mut self, leader: u32, assume_nothing: bool) {
        let Some(target) = self.targets.get_mut(&leader) else { return };
        let (block, edges) = (target.block, std::mem::take(&mut target.edges));
        let Some(first) = edges.first() else { return };
        let mut state = first.state.clone();
        edges.iter().skip(1).for_each(|edge| state.join(&edge.state));
        if let Some(seed) = self.learnt.seeds.get(&leader) {
            state.join(seed);
        }
        let goes_back = self.back_targets.contains(&leader);
        if goes_back {
            state.finds.clear();
            state.have_maps_made();
        }
        for edge in edges.iter().skip(1) {
            state.finds.retain_mut(|find| {
                let other = edge.state.finds.iter().find(|other| find.is_same(other));
                find.present &= other.is_some_and(|other| other.present);
                find.light &= other.is_some_and(|other| other.light);
                find.word = find.word.filter(|word| other.is_some_and(|other| other.word == Some(*word)));
                other.is_some()
            });
        }
        for place in 0..state.locs.len() {
            if assume_nothing || !self.is_live(leader, place) {
                state.set(place, Loc::Home);
            }
        }
        if goes_back {
            self.widen(&mut state);
        }
        for edge in edges {
            self.arrive(edge, &state, block);
        }
        if !goes_back {
            // All ways into it are known: what they agree on keeps its name, so that finds are recognised.
            self.b.seal_block(block);
        }
        if let Some(target) = self.targets.get_mut(&leader) {
            target.lowered = Some(state.clone());
        }
        self.b.switch_to_block(block);
        self.state = state;
        self.ended = false;
        self.last_exit = None;
        if goes_back {
            self.drop_literals();
        }
        let mut at = leader;
        loop {
            self.instruction(at);
            if self.ended {
                break;
            }
            at += self.plan.code.instrs[at as usize].op.words() as u32;
            if !self.plan.region.has(at) || self.plan.region.is_leader(at) {
                let edge = self.edge(at);
                self.b.ins().jump(edge, &[]);
                break;
            }
        }
        self.connect();
    }

    /// The way from the current point to a position: a block of its own.
    pub(super) fn edge(&mut self, target: u32) -> Block {
        if !self.plan.region.has(target) && self.is_spliced(target) {
            return self.exit(target);
        }
        let block = self.b.create_block();
        let state = self.state.clone();
        if self.plan.region.has(target) {
            self.new_edges.push(Edge { target, block, state });
        } else {
            self.pending.push(Pending { block, state, position: target, kind: status::LEFT, exit: 0 });
        }
        block
    }

    /// Finishes what branched off the block that has just ended.
    fn connect(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            self.b.switch_to_block(pending.block);
            self.b.set_cold_block(pending.block);
            self.state = pending.state.clone();
            self.flush(pending.position);
            let word = self.way_out_word(&pending);
            self.give(word);
        }
        for edge in std::mem::take(&mut self.new_edges) {
            let Some(target) = self.targets.get_mut(&edge.target) else { unreachable!("a leader inside") };
            let Some(lowered) = target.lowered.clone() else {
                target.edges.push(edge);
                continue;
            };
            let block = target.block;
            let mut joined = lowered.clone();
            joined.join(&edge.state);
            for place in 0..joined.locs.len() {
                if !self.is_live(edge.target, place) {
                    joined.set(place, Loc::Home);
                }
            }
            if joined.locs != lowered.locs || joined.facts != lowered.facts {
                self.again = true;
                self.learnt.seeds.entry(edge.target).and_modify(|seed| seed.join(&joined)).or_insert(joined);
            }
            self.arrive(edge, &lowered, block);
        }
    }

    /// The end of a way: brings places to where the block wants them.
    fn arrive(&mut self, edge: Edge, wanted: &State, block: Block) {
        self.b.switch_to_block(edge.block);
        self.b.seal_block(edge.block);
        self.state = edge.state;
        if !Rc::ptr_eq(&self.state.locs, &wanted.locs) {
            for place in 0..wanted.locs.len() {
                match (self.state.locs[place], wanted.locs[place]) {
                    (Loc::Held { kind, dirty: true }, Loc::Home) if self.is_live(edge.target, place) => {
                        self.store_home(place, kind);
                    }
                    (Loc::Held { kind, .. }, Loc::Held { kind: Kind::Any(_), .. }) if !matches!(kind, Kind::Any(_)) => {
                        let (word, payload) = self.words_of(place, kind);
                        self.def_word(place, word);
                        self.def_payload(place, payload);
                    }
                    _ => {}
                }
            }
        }
        self.b.ins().jump(block, &[]);
    }

    pub(super) fn is_live(&self, position: u32, place: usize) -> bool {
        match self.homes[place] {
            Home::Register(register) => self.plan.liveness.is_live(position, register),
            _ => true,
        }
    }

    // ---- exits ----

    /// Leaves before the instruction at a position unless `holds`.
    pub(super) fn guard(&mut self, holds: Ssa, position: u32) {
        let go_on = self.b.create_block();
        let exit = self.exit(position);
        let holds = if self.is_forced() { self.b.ins().iconst(types::I8, 0) } else { holds };
        self.b.ins().brif(holds, go_on, &[], exit, &[]);
        self.go_on_in(go_on);
    }

    /// Leaves before the instruction at a position if `fails`.
    pub(super) fn guard_not(&mut self, fails: Ssa, position: u32) {
        let go_on = self.b.create_block();
        let exit = self.exit(position);
        let fails = if self.is_forced() { self.b.ins().iconst(types::I8, 1) } else { fails };
        self.b.ins().brif(fails, exit, &[], go_on, &[]);
        self.go_on_in(go_on);
    }

    /// Whether the guard whose exit was asked for last is to fail.
    fn is_forced(&self) -> bool {
        self.plan.forced.is_some_and(|forced| self.out.exits.len() as u32 % forced.every == forced.at)
    }

    pub(super) fn go_on_in(&mut self, block: Block) {
        self.b.switch_to_block(block);
        self.b.seal_block(block);
    }

    pub(super) fn exit(&mut self, position: u32) -> Block {
        if let Some((at, writes, block)) = self.last_exit
            && (at, writes) == (position, self.writes)
        {
            return block;
        }
        let block = self.b.create_block();
        let exit = self.out.exits.len() as u32;
        self.out.exits.push(position);
        self.pending.push(Pending { block, state: self.state.clone(), position, kind: status::GUARD, exit });
        self.last_exit = Some((position, self.writes, block));
        block
    }

    /// A way out: the frame goes on at the position.
    pub(super) fn way_out(&mut self, position: u32) -> Block {
        let block = self.b.create_block();
        self.pending.push(Pending { block, state: self.state.clone(), position, kind: status::LEFT, exit: 0 });
        block
    }

    /// Leaves before the instruction at a position, always.
    pub(super) fn leave(&mut self, position: u32) {
        let edge = self.way_out(position);
        self.b.ins().jump(edge, &[]);
        self.ended = true;
    }

    /// Writes to memory what is newer in registers and may be looked at from a position on; and the gas.
    pub(super) fn flush(&mut self, position: u32) {
        self.flush_places(position);
        self.settle_counts();
        self.store_gas();
    }

    /// Writes to memory what is newer in registers and may be looked at from a position on.
    pub(super) fn flush_places(&mut self, position: u32) {
        let bug = self.plan.bug == Some(super::NativeBug::WrongExitSlot);
        for place in 0..self.homes.len() {
            if let Loc::Held { kind, dirty: true } = self.state.locs[place]
                && self.is_live(position, place)
            {
                if bug && kind == Kind::Int && matches!(self.homes[place], Home::Register(_)) {
                    continue;
                }
                self.store_home(place, kind);
            }
        }
    }

    /// Writes what outlives the frame, but for the gas.
    pub(super) fn flush_outside(&mut self) {
        for place in 0..self.homes.len() {
            if let (Loc::Held { kind, dirty: true }, Home::Global(_) | Home::Entry(_)) =
                (self.state.locs[place], self.homes[place])
            {
                self.store_home(place, kind);
            }
        }
    }

    pub(super) fn store_gas(&mut self) {
        let gas = self.b.use_var(self.gas);
        self.b.ins().store(trusted(), gas, self.isolate, Isolate::GAS_OFFSET);
    }

    pub(super) fn flush_for_step(&mut self, position: u32) {
        if self.quiet {
            self.not_quiet();
        }
        self.settle_all_sunk(position);
        self.flush(position);
        for place in 0..self.homes.len() {
            if let Loc::Held { kind, dirty: true } = self.state.locs[place] {
                let live = self.is_live(position, place);
                self.state.set(place, if live { Loc::Held { kind, dirty: false } } else { Loc::Home });
            }
        }
    }

    // ---- gas ----

    pub(super) fn reload_gas(&mut self) {
        let gas = self.b.ins().load(types::I64, trusted(), self.isolate, Isolate::GAS_OFFSET);
        self.b.def_var(self.gas, gas);
    }

    /// Charges. If that is more than there is, the machine executes the instruction instead: a slice of gas may have
    /// ended, or all of it.
    pub(super) fn charge(&mut self, cost: u32, position: u32) {
        if cost == 0 || self.plan.dropped.gas {
            return;
        }
        if self.quiet {
            // The header has asked for the whole iteration.
            return self.spend(cost);
        }
        if self.plan.frameless || self.is_spliced(position) {
            return self.charge_or_leave(cost, position);
        }
        let (aside, enough, join) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let gas = self.b.use_var(self.gas);
        let left = self.b.ins().iadd_imm_s(gas, -i64::from(cost));
        let short = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, left, 0);
        self.b.ins().brif(short, aside, &[], enough, &[]);
        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        self.step_aside(position, position + 1, join);
        self.go_on_in(enough);
        self.b.def_var(self.gas, left);
        self.b.ins().jump(join, &[]);
        self.go_on_in(join);
        self.last_exit = None;
    }

    // ---- small things ----

    pub(super) fn int_const(&mut self, value: i64) -> Ssa {
        self.b.ins().iconst(types::I64, value)
    }

    /// Calls a helper by its address.
    pub(super) fn call(&mut self, address: usize, params: &[Type], result: Type, args: &[Ssa]) -> Ssa {
        let signature = match self.signatures.get(&address) {
            Some(signature) => *signature,
            None => {
                let mut signature = Signature::new(self.call_conv);
                signature.params.extend(params.iter().map(|param| AbiParam::new(*param)));
                signature.returns.push(AbiParam::new(result));
                let reference = self.b.import_signature(signature);
                self.signatures.insert(address, reference);
                reference
            }
        };
        let address = self.int_const(address as i64);
        let call = self.b.ins().call_indirect(signature, address, args);
        self.b.inst_results(call)[0]
    }
}

/// Registers first, then the globals and fields that the region names, then so many entries.
fn homes(plan: &Plan<'_>, entries: usize) -> Vec<Home> {
    let mut named = BTreeSet::new();
    for (at, instr) in plan.code.instrs.iter().enumerate() {
        if !plan.region.has(at as u32) {
            continue;
        }
        match instr.op {
            Op::LoadGlobal | Op::LoadGlobalOr | Op::StoreGlobal => drop(named.insert(Home::Global(instr.number()))),
            Op::IndexGetGlobal => drop(named.insert(Home::Global(u32::from(instr.b)))),
            Op::LoadField | Op::IndexGetField => drop(named.insert(Home::Field(instr.b))),
            Op::IndexSetField => drop(named.insert(Home::Field(instr.a))),
            Op::StoreField if instr.b >= FIELDS_FROM => drop(named.insert(Home::Field(instr.b))),
            _ => {}
        }
    }
    let registers = (0..plan.code.frame_size).map(Home::Register);
    let entries = (0..entries as u16).map(Home::Entry);
    registers.chain(named.into_iter().take(GLOBALS_MAX)).chain(entries).collect()
}
