//! The linear verifier: every index in range, every jump to the start of an instruction, so that the dispatch loop
//! need not check.

use super::op::{Extension, NO_REGISTER, Operand};
use super::{Code, Instr, Op};

/// Checks code once, in one pass over it and its tables.
pub fn verify(code: &Code) -> Result<(), String> {
    let starts = starts(code)?;
    let mut at = 0;
    while at < code.instrs.len() {
        let instr = code.instrs[at];
        check(code, &starts, at).map_err(|mistake| format!("{at} {}: {mistake}", instr.op.shape().name))?;
        at += instr.op.words();
    }
    for handler in &code.handlers {
        let inside = handler.from <= handler.to && handler.to as usize <= code.instrs.len();
        if !inside || !is_start(&starts, handler.target) {
            return Err(format!("bad handler {handler:?}"));
        }
    }
    for (id, entry) in &code.loop_entries {
        if !is_start(&starts, *entry) {
            return Err(format!("bad entry of {id:?}"));
        }
    }
    match code.instrs.last().map(|instr| instr.op) {
        Some(Op::ReturnNull) => Ok(()),
        _ => Err("the end can be run past".to_owned()),
    }
}

fn is_start(starts: &[bool], target: u32) -> bool {
    starts.get(target as usize).copied().unwrap_or(false)
}

/// Which words begin an instruction.
fn starts(code: &Code) -> Result<Vec<bool>, String> {
    let mut starts = vec![false; code.instrs.len()];
    let mut at = 0;
    while at < code.instrs.len() {
        let op = code.instrs[at].op;
        if op == Op::Word {
            return Err(format!("{at}: a word that belongs to nothing"));
        }
        starts[at] = true;
        if op.words() == 2 && code.instrs.get(at + 1).is_none_or(|word| word.op != Op::Word) {
            return Err(format!("{at}: its word is missing"));
        }
        at += op.words();
    }
    Ok(starts)
}

fn check(code: &Code, starts: &[bool], at: usize) -> Result<(), String> {
    let instr = code.instrs[at];
    let shape = instr.op.shape();
    for (kind, field) in [(shape.a, instr.a), (shape.b, instr.b), (shape.c, instr.c)] {
        operand(code, starts, at as u32, kind, field)?;
    }
    let word = code.instrs.get(at + 1).copied();
    match (shape.extension, word) {
        (Extension::Jump, Some(word)) if !is_start(starts, word.target(at as u32)) => Err("bad target".to_owned()),
        (Extension::Const, Some(word)) if word.number() as usize >= code.constants.len() => {
            Err("bad constant".to_owned())
        }
        (Extension::Closure, Some(word)) if word.number() as usize >= code.closures.len() => {
            Err("bad closure".to_owned())
        }
        (Extension::Number, Some(word)) => tables(code, instr.op, word),
        _ => Ok(()),
    }
}

fn tables(code: &Code, op: Op, word: Instr) -> Result<(), String> {
    let beside = usize::from(word.a);
    let good = match op {
        Op::Slice => word.number() < u32::from(code.frame_size),
        Op::CallMethod => word.a == u16::MAX || beside < code.caches.len(),
        Op::Emit => word.a == u16::MAX || beside < code.name_lists.len(),
        Op::NewOf => beside < code.name_lists.len(),
        Op::NewWith => beside < code.field_lists.len(),
        _ => true,
    };
    if good { Ok(()) } else { Err("bad word".to_owned()) }
}

fn operand(code: &Code, starts: &[bool], at: u32, kind: Operand, field: u16) -> Result<(), String> {
    let instr = code.instrs[at as usize];
    let size = u32::from(code.frame_size);
    let count = u32::from(instr.c);
    let run = |first: u32, count: u32| first + count <= size;
    let first = u32::from(field);
    let good = match kind {
        Operand::None | Operand::Imm | Operand::Number | Operand::WideInt | Operand::WideCost | Operand::WideNumber => {
            true
        }
        Operand::Reg => run(first, 1),
        Operand::Two => run(first, 2),
        Operand::Three => run(first, 3),
        Operand::MaybeReg => field == NO_REGISTER || run(first, 1),
        Operand::Run => run(first, count),
        Operand::PairRun => run(first, 2 * count),
        Operand::CalleeRun => first > 0 && run(first, count),
        Operand::Const => usize::from(field) < code.constants.len(),
        Operand::WideConst => (instr.number() as usize) < code.constants.len(),
        Operand::WideClosure => (instr.number() as usize) < code.closures.len(),
        Operand::WideJump => is_start(starts, instr.target(at)),
    };
    if good { Ok(()) } else { Err(format!("bad operand {kind:?} {field}")) }
}
