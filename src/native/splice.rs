//! Contract actions in the middle of their callers' loops. The callee's code is put behind the caller's, its registers
//! where they would be in a frame of its own (its window begins at the arguments, so passing them copies nothing), and
//! the call becomes a jump there; each `return` moves the result and jumps back. What comes of it is code as any other,
//! of which liveness, regions and kinds are found as of any other; only nobody but the lowering ever sees it. `late`
//! says what entering, leaving and an exit inside mean.
//!
//! The instance is the one that the call reaches now; another at run time is a failed guard.

use std::collections::{BTreeSet, VecDeque};

use super::contract::callable;
use super::liveness::{Region, successors};
use crate::bytecode::{Code, Extension, Handler, Instr, Op, Operand};
use crate::ledger::Instance;
use crate::runtime::NO_INSTANCE;
use crate::runtime::info::{ActionId, ProgramInfo, Symbol};
use crate::runtime::names::REQUIRE;
use crate::value::{Tag, Value};

/// Fields of the instances of spliced calls have numbers from here on.
pub(super) const FIELDS_FROM: u16 = 0x8000;
/// Calls within calls, at most.
const DEPTH_MAX: usize = 3;
/// Instructions of a unit with spliced calls, at most.
const LENGTH_MAX: usize = 1_000;
/// Registers of such a unit, at most: they lie in the slots that every frame has above it.
const REGISTERS_ABOVE_MAX: u16 = 256;

/// A position by the calls that lead to it, outermost first, and the position in the innermost code.
pub(super) type Path = Vec<u32>;

/// An instance that spliced calls are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receiver {
    pub(super) id: u32,
    pub(super) class: u32,
}

/// One call whose callee's code stands in the unit.
#[derive(Clone, Debug)]
pub(super) struct SplicedCall {
    /// The spliced call whose code it stands in.
    pub(super) parent: Option<usize>,
    /// Where it stood.
    pub(super) call: u32,
    /// Where its copy stands; the callee's code follows.
    pub(super) start: u32,
    /// Behind the callee's code: what its returns became.
    tail: u32,
    end: u32,
    pub(super) action: ActionId,
    /// Which of the receivers.
    pub(super) receiver: usize,
    /// The callee's first register.
    pub(super) window: u16,
    /// The register for the result.
    pub(super) to: u16,
    pub(super) frame_slots: u32,
    /// What is returned leaves the contract.
    pub(super) leaves: bool,
    /// On whose behalf the caller runs.
    pub(super) context: u32,
    returns: Vec<Returned>,
}

/// A return, which became a move and a jump.
#[derive(Clone, Copy, Debug)]
pub(super) struct Returned {
    /// Where those stand.
    tail: u32,
    /// Where it stood.
    pub(super) at: u32,
    /// What is returned has just been made.
    pub(super) fresh: bool,
}

/// What was spliced into a code.
#[derive(Clone, Debug, Default)]
pub(super) struct Spliced {
    pub(super) calls: Vec<SplicedCall>,
    pub(super) receivers: Vec<Receiver>,
    /// By number from [`FIELDS_FROM`] on: whose field, and which.
    pub(super) fields: Vec<(usize, u16)>,
    /// The contract instance of the unit's frame, or none.
    pub(super) this: u32,
    /// The context that the unit's frame must have.
    pub(super) context: u32,
}

impl Spliced {
    /// The call whose code, or whose return, stands at a position, and the position in the callee's own code.
    pub(super) fn inside(&self, at: u32) -> Option<(usize, u32)> {
        let number = self.calls.iter().position(|call| call.start <= at && at < call.end)?;
        let call = &self.calls[number];
        if at < call.start + 2 {
            // The copy of the call: that stands in the caller.
            return self.inside(call.call);
        }
        let at = if at < call.tail { at } else { call.returns.iter().rev().find(|left| left.tail <= at)?.at };
        Some((number, at - call.start - 2))
    }

    /// The position in the code of the unit's own frame.
    pub(super) fn outside(&self, at: u32) -> u32 {
        match self.inside(at) {
            Some((call, _)) => self.outside(self.calls[call].call),
            None => self.calls.iter().find(|call| call.start <= at && at < call.end).map_or(at, |call| call.call),
        }
    }

    /// The spliced call whose copy stands at a position.
    pub(super) fn entered_at(&self, at: u32) -> Option<usize> {
        self.calls.iter().position(|call| call.start == at)
    }

    /// The spliced call of which a return stands at a position, and that return.
    pub(super) fn left_at(&self, at: u32) -> Option<(usize, Returned)> {
        let left = |call: &SplicedCall| call.returns.iter().find(|left| left.tail == at).copied();
        self.calls.iter().enumerate().find_map(|(number, call)| Some((number, left(call)?)))
    }

    /// The calls that a position stands in, outermost first.
    pub(super) fn around(&self, at: u32) -> Vec<usize> {
        self.inside(at).map_or(Vec::new(), |(call, _)| self.chain(call))
    }

    /// Whose field a number means that is none of the unit's own instance, and which.
    pub(super) fn field(&self, number: u16) -> Option<(usize, u16)> {
        self.fields.get(usize::from(number.checked_sub(FIELDS_FROM)?)).copied()
    }

    /// What that field holds now.
    pub(super) fn field_now(&self, number: u16, instances: &[Instance]) -> Option<Value> {
        let (receiver, field) = self.field(number)?;
        instances.get(self.receivers[receiver].id as usize)?.fields.get(usize::from(field)).copied()
    }

    /// Where a call stood in the code that it is part of, and where its window and the register of its result are in
    /// that code's own window.
    pub(super) fn in_caller(&self, call: usize) -> (u32, u16, u16) {
        let call = &self.calls[call];
        let (position, window) = match call.parent {
            Some(parent) => (self.inside(call.call).map_or(0, |(_, at)| at), self.calls[parent].window),
            None => (call.call, 0),
        };
        (position, call.window - window, call.to - window)
    }

    /// Whether the topmost frame, on `this` and on behalf of `context`, is what the calls were spliced for.
    pub(super) fn fits(&self, this: u32, context: u32, instances: &[Instance]) -> bool {
        let is_there = |receiver: &Receiver| {
            instances.get(receiver.id as usize).is_some_and(|instance| instance.class == receiver.class)
        };
        let has = |(receiver, field): &(usize, u16)| {
            let instance = instances.get(self.receivers[*receiver].id as usize);
            instance.is_some_and(|instance| usize::from(*field) < instance.fields.len())
        };
        this == self.this
            && context == self.context
            && self.receivers.iter().all(is_there)
            && self.fields.iter().all(has)
    }

    /// A call and those around it, outermost first.
    pub(super) fn chain(&self, call: usize) -> Vec<usize> {
        let mut chain: Vec<usize> = std::iter::successors(Some(call), |call| self.calls[*call].parent).collect();
        chain.reverse();
        chain
    }

    /// A position that means the same whatever else is spliced.
    pub(super) fn path(&self, at: u32) -> Path {
        match self.inside(at) {
            Some((call, position)) => {
                let mut path = self.path(self.calls[call].call);
                path.push(position);
                path
            }
            None => vec![self.outside(at)],
        }
    }

    /// The position of a path, if all of its calls are spliced.
    pub(super) fn position(&self, path: &[u32]) -> Option<u32> {
        let (last, calls) = path.split_last()?;
        if calls.is_empty() {
            return Some(*last);
        }
        let call = self.position(calls)?;
        let call = self.calls.iter().find(|spliced| spliced.call == call)?;
        Some(call.start + 2 + last)
    }

    /// The most logical slots, and the most frames, that are entered at once.
    pub(super) fn needs(&self) -> (u32, usize) {
        let chains = (0..self.calls.len()).map(|call| self.chain(call));
        let needs = chains.map(|chain| (chain.iter().map(|call| self.calls[*call].frame_slots).sum(), chain.len()));
        needs.fold((0, 0), |(slots, depth), (more, deeper): (u32, usize)| (slots.max(more), depth.max(deeper)))
    }
}

/// Where a guard leaves.
#[derive(Debug)]
pub(super) struct ExitPoint {
    pub(super) path: Path,
    /// The spliced call whose fault it is, if it is one's.
    pub(super) call: Option<Path>,
    /// It leaves there whatever is guessed.
    pub(super) always: bool,
}

impl ExitPoint {
    pub(super) fn of(code: &Code, spliced: Option<&Spliced>, at: u32) -> Self {
        let Some(spliced) = spliced else { return Self { path: vec![at], call: None, always: false } };
        let path = spliced.path(at);
        if spliced.entered_at(at).is_some() {
            return Self { call: Some(path.clone()), path, always: true };
        }
        let call = spliced.inside(at).map(|(call, _)| spliced.path(spliced.calls[call].call));
        // A requirement that is not met leaves as well.
        let requires = code.instrs[at as usize].op == Op::CallBuiltin;
        let always = call.is_some() && (requires || !may_be_lowered(code, at));
        Self { path, call, always }
    }
}

/// What a call is looked at with.
pub(super) struct Scene<'a> {
    pub(super) info: &'a ProgramInfo,
    pub(super) globals: &'a [Value],
    /// The frame's registers.
    pub(super) seen: &'a [Value],
    pub(super) instances: &'a [Instance],
    /// The frame's instance, or none.
    pub(super) this: u32,
    /// On whose behalf it runs.
    pub(super) context: u32,
    pub(super) code_of: &'a dyn Fn(ActionId) -> &'a Code,
}

/// Splices the calls of a region that can be, but for those declined; none if there is none.
pub(super) fn splice(
    code: &Code,
    region: &Region,
    scene: &Scene<'_>,
    declined: &dyn Fn(&Path) -> bool,
) -> Option<(Code, Spliced)> {
    let names_far_field = |instr: &Instr| match instr.op {
        Op::LoadField | Op::IndexGetField | Op::StoreField => instr.b >= FIELDS_FROM,
        Op::IndexSetField => instr.a >= FIELDS_FROM,
        _ => false,
    };
    if code.instrs.iter().any(names_far_field) {
        return None;
    }
    let mut whole = copied(code);
    whole.loop_entries.clone_from(&code.loop_entries);
    let spliced = Spliced { context: scene.context, this: scene.this, ..Spliced::default() };
    let most = code.frame_size.saturating_add(REGISTERS_ABOVE_MAX);
    let mut splicer = Splicer { whole, spliced, most };
    let mut pending: VecDeque<(u32, Option<usize>)> =
        positions(code, 0).filter(|at| region.has(*at)).map(|at| (at, None)).collect();
    while let Some((at, parent)) = pending.pop_front() {
        if !matches!(splicer.whole.instrs[at as usize].op, Op::CallMethod | Op::CallOwn)
            || declined(&splicer.spliced.path(at))
        {
            continue;
        }
        if let Some(call) = splicer.call(scene, at, parent) {
            let (from, to) = (splicer.spliced.calls[call].start + 2, splicer.spliced.calls[call].tail);
            pending.extend(positions(&splicer.whole, from).take_while(|at| *at < to).map(|at| (at, Some(call))));
        }
    }
    (!splicer.spliced.calls.is_empty()).then_some((splicer.whole, splicer.spliced))
}

fn copied(code: &Code) -> Code {
    let mut whole = Code::of_instructions(code.action, code.instrs.clone(), code.frame_size);
    whole.constants.clone_from(&code.constants);
    whole.handlers.clone_from(&code.handlers);
    whole.closures.clone_from(&code.closures);
    whole
}

/// An action's code with its own code in place of its calls of itself, once; none if that is longer than `most`
/// instructions or needs more than so many registers.
pub(super) fn splice_itself(
    code: &Code,
    region: &Region,
    frame_slots: u32,
    (most, registers): (usize, u16),
) -> Option<(Code, Spliced)> {
    let calls: Vec<u32> =
        positions(code, 0).filter(|at| region.has(*at) && code.instrs[*at as usize].op == Op::Call).collect();
    let spliced = Spliced { context: NO_INSTANCE, this: NO_INSTANCE, ..Spliced::default() };
    let mut splicer = Splicer { whole: copied(code), spliced, most: registers };
    for at in calls {
        let instr = splicer.whole.instrs[at as usize];
        if instr.b.saturating_add(code.frame_size) > registers {
            return None;
        }
        let into = Into { parent: None, action: code.action, receiver: 0, frame_slots, leaves: false };
        splicer.put_in(at, code, &into, NO_INSTANCE)?;
    }
    let fits = splicer.whole.instrs.len() <= most;
    fits.then_some((splicer.whole, splicer.spliced))
}

/// Where the instructions stand, from one on.
fn positions(code: &Code, from: u32) -> impl Iterator<Item = u32> {
    let is_there = |at: &u32| (*at as usize) < code.instrs.len();
    let after = |at: &u32| Some(at + code.instrs[*at as usize].op.words() as u32).filter(is_there);
    let all: Vec<u32> = std::iter::successors(Some(from).filter(is_there), after).collect();
    all.into_iter()
}

/// What is known of a call that is spliced.
struct Into {
    parent: Option<usize>,
    action: ActionId,
    receiver: usize,
    frame_slots: u32,
    leaves: bool,
}

struct Splicer {
    whole: Code,
    spliced: Spliced,
    most: u16,
}

impl Splicer {
    /// Splices one call of a contract's action; gives its number.
    fn call(&mut self, scene: &Scene<'_>, at: u32, parent: Option<usize>) -> Option<usize> {
        let instr = self.whole.instrs[at as usize];
        let (receiver, action) = self.reached(scene, at, instr, parent)?;
        let chain = parent.map_or(Vec::new(), |parent| self.spliced.chain(parent));
        let recursive = chain.iter().any(|call| self.spliced.calls[*call].action == action);
        let code = (scene.code_of)(action);
        let fits = self.whole.instrs.len() + code.instrs.len() <= LENGTH_MAX
            && instr.b.saturating_add(code.frame_size) <= self.most;
        if recursive || chain.len() >= DEPTH_MAX || !fits || !can_stand_inside(code) {
            return None;
        }
        let context = match parent {
            Some(parent) => self.spliced.receivers[self.spliced.calls[parent].receiver].id,
            None => scene.context,
        };
        let leaves = context != receiver.id;
        let receiver = self.receiver(receiver);
        let frame_slots = scene.info.action(action).shape().frame_slots;
        self.put_in(at, code, &Into { parent, action, receiver, frame_slots, leaves }, context)
    }

    /// Puts a callee's code in place of a call; gives the call's number.
    fn put_in(&mut self, at: u32, code: &Code, into: &Into, context: u32) -> Option<usize> {
        let Into { parent, action, receiver, frame_slots, leaves } = *into;
        let instr = self.whole.instrs[at as usize];
        let base = self.whole.constants.len();
        if base + code.constants.len() > usize::from(u16::MAX) {
            return None;
        }
        self.whole.constants.extend_from_slice(&code.constants);
        self.whole.frame_size = self.whole.frame_size.max(instr.b + code.frame_size);
        let start = self.whole.instrs.len() as u32;
        let copy = [instr, self.whole.instrs[at as usize + 1]];
        self.whole.instrs.extend_from_slice(&copy);
        self.whole.instrs[at as usize] = Instr::wide(Op::Jump, 0, start.wrapping_sub(at));
        let moved = Moved { window: instr.b, constants: base as u16, receiver };
        let returns = self.body(code, &moved);
        let tail = self.whole.instrs.len() as u32;
        let returns = self.tail(at, instr.a, &returns);
        let end = self.whole.instrs.len() as u32;
        let around: Vec<Handler> = self.whole.handlers.iter().filter(|h| h.from <= at && at < h.to).copied().collect();
        self.whole.handlers.extend(around.iter().map(|handler| Handler { from: start, to: end, ..*handler }));
        let (window, to) = (instr.b, instr.a);
        self.spliced.calls.push(SplicedCall {
            parent,
            call: at,
            start,
            tail,
            end,
            action,
            receiver,
            window,
            to,
            frame_slots,
            leaves,
            context,
            returns,
        });
        Some(self.spliced.calls.len() - 1)
    }

    /// The callee's code, moved; gives where its returns stand, what they return, and whether that is fresh.
    fn body(&mut self, code: &Code, moved: &Moved) -> Vec<(u32, Option<u16>, bool)> {
        let mut returns = Vec::new();
        for at in positions(code, 0) {
            let mut instr = code.instrs[at as usize];
            let here = self.whole.instrs.len() as u32;
            match instr.op {
                Op::Return => {
                    returns.push((here, Some(instr.a + moved.window), instr.x != 0));
                    instr = Instr::wide(Op::Jump, 0, 0);
                }
                Op::ReturnNull => {
                    returns.push((here, None, false));
                    instr = Instr::wide(Op::Jump, 0, 0);
                }
                _ => self.shift(&mut instr, moved),
            }
            self.whole.instrs.push(instr);
            if instr.op.words() == 2 {
                let mut word = code.instrs[at as usize + 1];
                if instr.op == Op::Slice {
                    word.set_number(word.number() + u32::from(moved.window));
                }
                self.whole.instrs.push(word);
            }
        }
        returns
    }

    /// The result moves, and the caller goes on.
    fn tail(&mut self, call: u32, to: u16, returns: &[(u32, Option<u16>, bool)]) -> Vec<Returned> {
        let mut moved = Vec::new();
        for (at, from, fresh) in returns {
            let here = self.whole.instrs.len() as u32;
            self.whole.instrs[*at as usize].set_number(here.wrapping_sub(*at));
            self.whole.instrs.push(match from {
                Some(from) => Instr::new(Op::Move, to, *from, 0),
                None => Instr::new(Op::LoadNull, to, 0, 0),
            });
            self.whole.instrs.push(Instr::wide(Op::Jump, 0, (call + 2).wrapping_sub(here + 1)));
            moved.push(Returned { tail: here, at: *at, fresh: *fresh });
        }
        moved
    }

    fn shift(&mut self, instr: &mut Instr, moved: &Moved) {
        let shape = instr.op.shape();
        match instr.op {
            Op::LoadField | Op::IndexGetField | Op::StoreField => instr.b = self.field(moved.receiver, instr.b),
            Op::IndexSetField => instr.a = self.field(moved.receiver, instr.a),
            _ => {}
        }
        let Instr { a, b, c, .. } = instr;
        for (operand, kind) in [(a, shape.a), (b, shape.b), (c, shape.c)] {
            match kind {
                Operand::MaybeReg if *operand == u16::MAX => {}
                Operand::Reg
                | Operand::MaybeReg
                | Operand::Run
                | Operand::CalleeRun
                | Operand::PairRun
                | Operand::Two
                | Operand::Three => *operand += moved.window,
                Operand::Const => *operand += moved.constants,
                _ => {}
            }
        }
        if shape.b == Operand::WideConst {
            instr.set_number(instr.number() + u32::from(moved.constants));
        }
    }

    fn field(&mut self, receiver: usize, field: u16) -> u16 {
        let wanted = (receiver, field);
        let known = self.spliced.fields.iter().position(|known| *known == wanted);
        let number = known.unwrap_or_else(|| {
            self.spliced.fields.push(wanted);
            self.spliced.fields.len() - 1
        });
        FIELDS_FROM + number as u16
    }

    fn receiver(&mut self, receiver: Receiver) -> usize {
        let known = self.spliced.receivers.iter().position(|known| *known == receiver);
        known.unwrap_or_else(|| {
            self.spliced.receivers.push(receiver);
            self.spliced.receivers.len() - 1
        })
    }

    /// The instance and action that a call reaches now.
    fn reached(&self, scene: &Scene<'_>, at: u32, instr: Instr, parent: Option<usize>) -> Option<(Receiver, ActionId)> {
        let this = match parent {
            Some(parent) => self.spliced.receivers[self.spliced.calls[parent].receiver].id,
            None => scene.this,
        };
        let own = instr.op == Op::CallOwn;
        let look = Look { code: &self.whole, globals: scene.globals, seen: scene.seen };
        let field = |field: u16| self.field_now(scene, this, field);
        let id = if own { this } else { look.instance(at, instr.b - 1, &field)? };
        if id == NO_INSTANCE {
            return None;
        }
        let class = scene.instances.get(id as usize)?.class;
        let word = self.whole.instrs[at as usize + 1].number();
        let action = if own { Some(ActionId(word)) } else { scene.info.classes[class as usize].action(Symbol(word)) }?;
        let usual = callable(scene.info, class, action, own, u32::from(instr.c));
        usual.then_some((Receiver { id, class }, action))
    }

    fn field_now(&self, scene: &Scene<'_>, this: u32, field: u16) -> Option<Value> {
        if field >= FIELDS_FROM {
            return self.spliced.field_now(field, scene.instances);
        }
        scene.instances.get(this as usize)?.fields.get(usize::from(field)).copied()
    }
}

/// What changes in a callee's instructions.
struct Moved {
    window: u16,
    constants: u16,
    receiver: usize,
}

/// How far before a call its receiver is looked for.
const LOOK_BACK: usize = 64;

/// What registers hold now, or will at a call.
pub(super) struct Look<'a> {
    pub(super) code: &'a Code,
    pub(super) globals: &'a [Value],
    pub(super) seen: &'a [Value],
}

impl Look<'_> {
    /// The contract instance that a register will probably hold at a call: what it holds now, or what the instruction
    /// that sets it before the call gives now.
    pub(super) fn instance(&self, at: u32, register: u16, field: &dyn Fn(u16) -> Option<Value>) -> Option<u32> {
        let sets = |op| matches!(op, Op::LoadGlobal | Op::LoadField | Op::Move | Op::LoadConst);
        let before = (0..at).rev().take(LOOK_BACK).map(|before| self.code.instrs[before as usize]);
        let setter = before.into_iter().find(|instr| sets(instr.op) && instr.a == register);
        let set = setter.and_then(|instr| match instr.op {
            Op::LoadGlobal => self.globals.get(instr.number() as usize).copied(),
            Op::LoadField => field(instr.b),
            Op::Move => self.seen.get(usize::from(instr.b)).copied(),
            _ => None,
        });
        let held = self.seen.get(usize::from(register)).copied();
        let contract = |value: &Value| value.tag() == Tag::Contract;
        set.filter(contract).or(held.filter(contract)).map(Value::id)
    }
}

/// Whether an action's code may stand inside another: it has no loop and no handler, and can end without the machine.
fn can_stand_inside(code: &Code) -> bool {
    let plain = code.handlers.is_empty() && code.closures.is_empty() && code.inlined.is_empty();
    if !plain || code.instrs.iter().any(|instr| matches!(instr.op, Op::LoopHeader | Op::EnterInlined)) {
        return false;
    }
    let mut seen = BTreeSet::new();
    let mut pending = vec![0];
    while let Some(at) = pending.pop() {
        let op = code.instrs[at as usize].op;
        if matches!(op, Op::Return | Op::ReturnNull) {
            return true;
        }
        let calls = matches!(op, Op::CallMethod | Op::CallOwn);
        if (calls || may_be_lowered(code, at)) && seen.insert(at) {
            let (next, target) = successors(code, at);
            pending.extend([next, target].into_iter().flatten());
        }
    }
    false
}

/// Whether an instruction of a spliced action can be lowered; any other leaves.
pub(super) fn may_be_lowered(code: &Code, at: u32) -> bool {
    let op = code.instrs[at as usize].op;
    if op == Op::CallBuiltin {
        return code.instrs[at as usize + 1].number() == REQUIRE;
    }
    let jumps = op.shape().extension == Extension::Jump || op.shape().b == Operand::WideJump;
    let iterates = matches!(op, Op::NextOne | Op::NextTwo | Op::NextDeferred | Op::JumpIfPending);
    (jumps && !iterates)
        || matches!(
            op,
            Op::Gas
                | Op::Move
                | Op::LoadInt
                | Op::LoadConst
                | Op::LoadNull
                | Op::LoadUnset
                | Op::LoadBool
                | Op::CheckSet
                | Op::LoadGlobal
                | Op::LoadGlobalOr
                | Op::LoadField
                | Op::Add
                | Op::Sub
                | Op::Mul
                | Op::Div
                | Op::Mod
                | Op::AddImm
                | Op::SubImm
                | Op::MulImm
                | Op::DivImm
                | Op::ModImm
                | Op::BitAnd
                | Op::BitOr
                | Op::BitXor
                | Op::Less
                | Op::LessEqual
                | Op::Greater
                | Op::GreaterEqual
                | Op::Equal
                | Op::NotEqual
                | Op::Not
                | Op::Truth
                | Op::Negate
                | Op::IndexGet
                | Op::IndexGetConst
                | Op::IndexGetField
                | Op::IndexGetGlobal
                | Op::IndexSet
                | Op::IndexSetField
                | Op::StoreField
                | Op::MakeMap
                | Op::LoadTx
                | Op::LoadSender
        )
}
