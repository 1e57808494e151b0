//! Which registers an instruction reads and writes, which are live where, and which instructions a loop consists of.

use std::collections::{BTreeSet, HashMap};

use crate::bytecode::{Code, Extension, Op, Operand};
use crate::resolve::hir::Capture;

/// A set of registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registers {
    words: Vec<u64>,
}

impl Registers {
    fn none(count: u16) -> Self {
        Self { words: vec![0; usize::from(count).div_ceil(64)] }
    }

    pub(super) fn has(&self, register: u16) -> bool {
        self.words[usize::from(register) / 64] >> (register % 64) & 1 != 0
    }

    fn insert(&mut self, register: u16) {
        if let Some(word) = self.words.get_mut(usize::from(register) / 64) {
            *word |= 1 << (register % 64);
        }
    }

    fn remove(&mut self, register: u16) {
        self.words[usize::from(register) / 64] &= !(1 << (register % 64));
    }

    /// Adds the other's; whether anything was new.
    fn join(&mut self, other: &Registers) -> bool {
        let mut grown = false;
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            grown |= *more & !*word != 0;
            *word |= more;
        }
        grown
    }
}

/// Whether operand `a` is a register that the instruction sets, and does not read.
pub(super) fn sets_a(op: Op) -> bool {
    let shape = op.shape();
    shape.a == Operand::Reg
        && !matches!(
            op,
            Op::CheckSet
                | Op::StoreGlobal
                | Op::StoreField
                | Op::StoreCell
                | Op::StoreUpvalue
                | Op::JumpIf
                | Op::JumpIfNot
                | Op::JumpIfNull
                | Op::JumpIfNotNull
                | Op::JumpIfSet
                | Op::LimitGas
                | Op::IndexSet
                | Op::MemberSet
                | Op::NoMatch
                | Op::Return
                | Op::StoreConfig
                | Op::Debug
                | Op::Throw
                | Op::Defer
                | Op::NextDeferred
        )
        && shape.extension != Extension::Jump
}

/// Calls `each` with every register that the instruction may read or change, but for the one that it sets.
pub(super) fn touched(code: &Code, at: u32, mut each: impl FnMut(u16)) {
    let instr = code.instrs[at as usize];
    let shape = instr.op.shape();
    let mut run = |first: u16, count: u32| (0..count).for_each(|index| each(first + index as u16));
    for (field, kind, register) in [(0, shape.a, instr.a), (1, shape.b, instr.b), (2, shape.c, instr.c)] {
        match kind {
            Operand::Reg if field == 0 && sets_a(instr.op) => {}
            Operand::Reg => run(register, 1),
            Operand::MaybeReg if register != u16::MAX => run(register, 1),
            Operand::Two => run(register, 2),
            Operand::Three => run(register, 3),
            Operand::Run => run(register, u32::from(instr.c)),
            Operand::CalleeRun => run(register - 1, u32::from(instr.c) + 1),
            Operand::PairRun => run(register, 2 * u32::from(instr.c)),
            _ => {}
        }
    }
    if instr.op == Op::Slice {
        run(code.instrs[at as usize + 1].number() as u16, 1);
    }
    let closure = match instr.op {
        Op::MakeClosure => Some(instr.number()),
        Op::MakeClass => Some(code.instrs[at as usize + 1].number()),
        _ => None,
    };
    for capture in closure.iter().flat_map(|closure| &code.closures[*closure as usize].captures) {
        if let Capture::Slot(slot) = capture {
            run(slot.0, 1);
        }
    }
}

/// Whether the instruction calls program code whose window begins at its arguments: what stands there is used up.
pub(super) fn uses_up_from(code: &Code, at: u32) -> Option<u16> {
    let instr = code.instrs[at as usize];
    match instr.op.shape().b {
        Operand::CalleeRun => Some(instr.b - 1),
        Operand::Run | Operand::PairRun => Some(instr.b),
        _ => None,
    }
}

/// Where an instruction may go on, besides handlers.
pub(super) fn successors(code: &Code, at: u32) -> (Option<u32>, Option<u32>) {
    let instr = code.instrs[at as usize];
    let next = at + instr.op.words() as u32;
    if instr.op == Op::Jump {
        return (None, Some(instr.target(at)));
    }
    if matches!(instr.op, Op::Return | Op::ReturnNull | Op::Throw | Op::NoMatch) {
        return (None, None);
    }
    let target = match instr.op.shape() {
        shape if shape.b == Operand::WideJump => Some(instr.target(at)),
        shape if shape.extension == Extension::Jump => Some(code.instrs[at as usize + 1].target(at)),
        _ => None,
    };
    (Some(next), target)
}

/// The registers live before each instruction of an action.
#[derive(Debug)]
pub(super) struct Liveness {
    before: Vec<Option<Registers>>,
}

impl Liveness {
    pub(super) fn of(code: &Code) -> Self {
        let starts: Vec<u32> = starts(code);
        let mut before: Vec<Option<Registers>> = vec![None; code.instrs.len()];
        for &at in &starts {
            before[at as usize] = Some(Registers::none(code.frame_size));
        }
        loop {
            let mut grown = false;
            for &at in starts.iter().rev() {
                let mut live = Registers::none(code.frame_size);
                let (next, target) = successors(code, at);
                for successor in [next, target].into_iter().flatten() {
                    if let Some(Some(after)) = before.get(successor as usize) {
                        live.join(after);
                    }
                }
                let instr = code.instrs[at as usize];
                if sets_a(instr.op) {
                    live.remove(instr.a);
                }
                touched(code, at, |register| live.insert(register));
                if let Some(handler) = code.handler(at)
                    && let Some(inside) = &before[handler.target as usize]
                {
                    live.join(inside);
                }
                if let Some(known) = &mut before[at as usize] {
                    grown |= known.join(&live);
                }
            }
            if !grown {
                return Self { before };
            }
        }
    }

    /// Whether a register is live before the instruction at a position.
    pub(super) fn is_live(&self, at: u32, register: u16) -> bool {
        self.before[at as usize].as_ref().is_none_or(|live| live.has(register))
    }
}

fn starts(code: &Code) -> Vec<u32> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < code.instrs.len() {
        starts.push(at as u32);
        at += code.instrs[at].op.words();
    }
    starts
}

/// The instructions of what begins at `entry`, in order: of a loop those on a way from its header back to it, of an
/// action all that can be reached. `more` are the positions at which a basic block begins.
#[derive(Debug)]
pub(super) struct Region {
    inside: Vec<bool>,
    leaders: Vec<bool>,
    /// Leaders in reverse postorder, the entry first.
    pub(super) order: Vec<u32>,
    /// How many instructions there are.
    pub(super) length: usize,
}

impl Region {
    pub(super) fn of(code: &Code, entry: u32, is_loop: bool) -> Self {
        let mut inside = vec![false; code.instrs.len()];
        let mut reached = Vec::new();
        let mut pending = vec![entry];
        while let Some(at) = pending.pop() {
            if std::mem::replace(&mut inside[at as usize], true) {
                continue;
            }
            reached.push(at);
            let (next, target) = successors(code, at);
            pending.extend([next, target].into_iter().flatten());
        }
        if is_loop {
            keep_cycle(code, entry, &reached, &mut inside);
        }
        let mut leaders = vec![false; code.instrs.len()];
        leaders[entry as usize] = true;
        for &at in &reached {
            let (next, target) = successors(code, at);
            if inside[at as usize] && (target.is_some() || next.is_none()) {
                for leader in [next, target].into_iter().flatten() {
                    leaders[leader as usize] = inside[leader as usize];
                }
            }
        }
        let length = inside.iter().filter(|inside| **inside).count();
        let mut region = Self { inside, leaders, order: Vec::new(), length };
        region.order = region.postorder(code, entry);
        region.order.reverse();
        region
    }

    pub(super) fn has(&self, at: u32) -> bool {
        self.inside[at as usize]
    }

    pub(super) fn is_leader(&self, at: u32) -> bool {
        self.leaders[at as usize]
    }

    /// The leaders that follow the block of a leader.
    fn after(&self, code: &Code, leader: u32) -> Vec<u32> {
        let mut at = leader;
        loop {
            let (next, target) = successors(code, at);
            match (next, target) {
                (Some(next), None) if self.has(next) && !self.is_leader(next) => at = next,
                (next, target) => return [next, target].into_iter().flatten().filter(|at| self.has(*at)).collect(),
            }
        }
    }

    /// Leaders that a block goes on at which comes no earlier in the order.
    pub(super) fn back_targets(&self, code: &Code) -> BTreeSet<u32> {
        let places: HashMap<u32, usize> = self.order.iter().enumerate().map(|(at, leader)| (*leader, at)).collect();
        let back = |leader: &u32| {
            let from = places[leader];
            self.after(code, *leader).into_iter().filter(|to| places.get(to).is_some_and(|to| *to <= from)).collect()
        };
        self.order.iter().flat_map(|leader| -> Vec<u32> { back(leader) }).collect()
    }

    fn postorder(&self, code: &Code, entry: u32) -> Vec<u32> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.inside.len()];
        seen[entry as usize] = true;
        let mut pending = vec![(entry, self.after(code, entry))];
        while let Some((leader, rest)) = pending.last_mut() {
            let leader = *leader;
            match rest.pop() {
                Some(next) if !seen[next as usize] => {
                    seen[next as usize] = true;
                    pending.push((next, self.after(code, next)));
                }
                Some(_) => {}
                None => {
                    order.push(leader);
                    pending.pop();
                }
            }
        }
        order
    }
}

/// Leaves inside only what can reach the entry again.
fn keep_cycle(code: &Code, entry: u32, reached: &[u32], inside: &mut [bool]) {
    let mut back: Vec<Vec<u32>> = vec![Vec::new(); inside.len()];
    for &at in reached {
        let (next, target) = successors(code, at);
        for successor in [next, target].into_iter().flatten() {
            back[successor as usize].push(at);
        }
    }
    inside.fill(false);
    let mut pending = vec![entry];
    while let Some(at) = pending.pop() {
        if !std::mem::replace(&mut inside[at as usize], true) {
            pending.extend(&back[at as usize]);
        }
    }
}
