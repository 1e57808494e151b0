//! Bugs put into code on purpose, so that tests can show that a comparison of the tiers finds them. Nothing else asks
//! for them. Code stays good for the verifier: what changes is what it means.

use super::{Code, Instr, Op};
use crate::resolve::hir::Completion;
use crate::value::{Tag, Value};

/// A bug to be planted in each action's code, once where it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// A gas block is not charged.
    SkippedGas,
    /// A hand-over arrives behind the loop's header, which is then not charged.
    EntryBehindHeader,
    /// A loop or branch compares with `<=` for `<`.
    CompareOffByOne,
    /// The operands of a subtraction are taken from each other's registers.
    SwappedOperands,
    /// An update is written to another global: lost.
    LostUpdate,
    /// Integers beyond 64 bits are cut to 64, as if an overflow were not noticed.
    NarrowedInteger,
    /// A `try` guards nothing.
    EmptyHandler,
    /// A `break`, `continue` or `return` that waits for its `finally` is forgotten.
    ForgottenCompletion,
    /// A new container is charged as if it were copied, or the other way round.
    WrongFreshness,
    /// An error is reported a byte too late.
    WrongPlace,
}

impl PlantedBug {
    /// All.
    pub const ALL: [PlantedBug; 10] = [
        PlantedBug::SkippedGas,
        PlantedBug::EntryBehindHeader,
        PlantedBug::CompareOffByOne,
        PlantedBug::SwappedOperands,
        PlantedBug::LostUpdate,
        PlantedBug::NarrowedInteger,
        PlantedBug::EmptyHandler,
        PlantedBug::ForgottenCompletion,
        PlantedBug::WrongFreshness,
        PlantedBug::WrongPlace,
    ];

    /// Changes the code.
    pub fn plant(self, code: &mut Code) {
        match self {
            PlantedBug::SkippedGas => {
                change(code, |instr| {
                    let fits = instr.op == Op::Gas;
                    if fits {
                        instr.set_number(0);
                    }
                    fits
                });
            }
            PlantedBug::EntryBehindHeader => code.loop_entries.iter_mut().for_each(|(_, entry)| *entry += 1),
            PlantedBug::CompareOffByOne => change(code, off_by_one),
            PlantedBug::SwappedOperands => change(code, |instr| {
                let fits = instr.op == Op::Sub;
                if fits {
                    std::mem::swap(&mut instr.b, &mut instr.c);
                }
                fits
            }),
            PlantedBug::LostUpdate => change(code, |instr| {
                let fits = instr.op == Op::StoreGlobal && instr.number() > 0;
                if fits {
                    instr.set_number(instr.number() - 1);
                }
                fits
            }),
            PlantedBug::NarrowedInteger => {
                for constant in &mut code.constants {
                    if matches!(constant.tag(), Tag::Wide | Tag::Huge) {
                        *constant = Value::int(i64::MAX);
                    }
                }
            }
            PlantedBug::EmptyHandler => code.handlers.iter_mut().take(1).for_each(|handler| handler.to = handler.from),
            PlantedBug::ForgottenCompletion => change(code, forget_completion),
            PlantedBug::WrongFreshness => change(code, |instr| {
                let fits = matches!(instr.op, Op::StoreField | Op::IndexSet | Op::IndexSetField | Op::Return);
                if fits {
                    instr.x ^= 1;
                }
                fits
            }),
            PlantedBug::WrongPlace => code.places.iter_mut().for_each(|(_, place)| place.start += 1),
        }
    }
}

/// Offers each instruction until one takes the change.
fn change(code: &mut Code, offer: impl FnMut(&mut Instr) -> bool) {
    let _ = code.instrs.iter_mut().any(offer);
}

fn off_by_one(instr: &mut Instr) -> bool {
    let op = match instr.op {
        Op::JumpIfLess => Op::JumpIfLessEqual,
        Op::JumpIfNotLess => Op::JumpIfNotLessEqual,
        Op::JumpIfLessImm => Op::JumpIfLessEqualImm,
        Op::JumpIfNotLessImm => Op::JumpIfNotLessEqualImm,
        Op::Less => Op::LessEqual,
        _ => return false,
    };
    instr.op = op;
    true
}

fn forget_completion(instr: &mut Instr) -> bool {
    let waits = match instr.op {
        Op::HoldPlain => &mut instr.b,
        Op::Hold => &mut instr.c,
        _ => return false,
    };
    let fits = *waits != Completion::Normal as u16;
    *waits = Completion::Normal as u16;
    fits
}
