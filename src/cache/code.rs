//! One action's code as it is stored. Instructions are eight bytes each, places are differences, and what runs fills
//! in by itself (inline caches) is left out.

use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};

use super::value::{PoolIndex, StoredValue};
use crate::bytecode::{Closure, Code, Handler, Inlined, Instr, Op, verify};
use crate::runtime::info::{ActionId, LoopId, Place, ProgramInfo, Symbol};
use crate::value::Value;

/// Bytes of a stored instruction.
const INSTR_BYTES: usize = 8;

#[derive(Serialize, Deserialize)]
struct StoredCode<'a> {
    #[serde(borrow)]
    instrs: &'a [u8],
    constants: Vec<StoredValue>,
    /// Words since the last place, bytes since its start, length in bytes.
    places: Vec<(u32, i32, u32)>,
    handlers: Vec<Handler>,
    inlined: Vec<Inlined>,
    loop_entries: Vec<(LoopId, u32)>,
    frame_size: u16,
    closures: Vec<Closure>,
    name_lists: Vec<Vec<Symbol>>,
    field_lists: Vec<Vec<u16>>,
    /// How many method calls have an inline cache.
    caches: u16,
}

/// The bytes of an action's code; none if it holds what cannot be stored.
pub(super) fn encode(code: &Code, pool: &PoolIndex) -> Option<Vec<u8>> {
    let Code {
        action: _,
        instrs,
        constants,
        places,
        handlers,
        inlined,
        loop_entries,
        frame_size,
        closures,
        name_lists,
        field_lists,
        caches,
    } = code;
    let instrs: Vec<u8> = instrs.iter().flat_map(|instr| instr_bytes(*instr)).collect();
    let stored = StoredCode {
        instrs: &instrs,
        constants: constants.iter().map(|value| pool.stored(*value)).collect::<Option<_>>()?,
        places: differences(places),
        handlers: handlers.clone(),
        inlined: inlined.clone(),
        loop_entries: loop_entries.clone(),
        frame_size: *frame_size,
        closures: closures.clone(),
        name_lists: name_lists.clone(),
        field_lists: field_lists.clone(),
        caches: u16::try_from(caches.len()).ok()?,
    };
    postcard::to_stdvec(&stored).ok()
}

/// The code in these bytes, if the verifier accepts it.
pub(super) fn decode(bytes: &[u8], action: ActionId, info: &ProgramInfo, pool: &[Value]) -> Option<Code> {
    let (stored, rest) = postcard::take_from_bytes::<StoredCode<'_>>(bytes).ok()?;
    if !rest.is_empty() || !stored.instrs.len().is_multiple_of(INSTR_BYTES) {
        return None;
    }
    let code = Code {
        action,
        instrs: stored.instrs.chunks_exact(INSTR_BYTES).map(instr).collect::<Option<_>>()?,
        constants: stored.constants.iter().map(|value| value.restored(pool)).collect::<Option<_>>()?,
        places: sums(&stored.places)?,
        handlers: stored.handlers,
        inlined: stored.inlined,
        loop_entries: stored.loop_entries,
        frame_size: stored.frame_size,
        closures: stored.closures,
        name_lists: stored.name_lists,
        field_lists: stored.field_lists,
        caches: (0..stored.caches).map(|_| AtomicU64::new(0)).collect(),
    };
    verify(&code, info).is_ok().then_some(code)
}

fn instr_bytes(instr: Instr) -> [u8; INSTR_BYTES] {
    let Instr { op, x, a, b, c } = instr;
    let [[a0, a1], [b0, b1], [c0, c1]] = [a, b, c].map(u16::to_le_bytes);
    [op as u8, x, a0, a1, b0, b1, c0, c1]
}

#[inline]
fn instr(bytes: &[u8]) -> Option<Instr> {
    let &[op, x, a0, a1, b0, b1, c0, c1] = bytes else { return None };
    let word = u16::from_le_bytes;
    Some(Instr { op: Op::from_byte(op)?, x, a: word([a0, a1]), b: word([b0, b1]), c: word([c0, c1]) })
}

fn differences(places: &[(u32, Place)]) -> Vec<(u32, i32, u32)> {
    let mut last = (0, 0);
    let step = |(position, place): &(u32, Place)| {
        let step =
            (position - last.0, place.start.wrapping_sub(last.1).cast_signed(), place.end.wrapping_sub(place.start));
        last = (*position, place.start);
        step
    };
    places.iter().map(step).collect()
}

/// The inverse; none if positions do not ascend or a place ends before it begins.
fn sums(steps: &[(u32, i32, u32)]) -> Option<Vec<(u32, Place)>> {
    let (mut position, mut start) = (0u32, 0u32);
    let mut places = Vec::with_capacity(steps.len());
    for &(words, bytes, length) in steps {
        position = position.checked_add(words)?;
        start = start.checked_add_signed(bytes)?;
        places.push((position, Place { start, end: start.checked_add(length)? }));
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_comes_back() {
        let mut count = 0;
        for op in (0..=u8::MAX).filter_map(Op::from_byte) {
            let before = Instr { op, x: 3, a: 1, b: 0xfffe, c: 0x1234 };
            let after = instr(&instr_bytes(before)).expect("an operation");
            assert_eq!((after.op, after.x, after.a, after.b, after.c), (op, 3, 1, 0xfffe, 0x1234));
            assert_eq!(op as u8, count, "numbers without gaps");
            count += 1;
        }
        assert!(count > 100 && instr(&[255; 8]).is_none() && instr(&[0; 7]).is_none());
    }

    #[test]
    fn places_come_back() {
        let place = |start, end| Place { start, end };
        let places = vec![(0, place(7, 9)), (3, place(2, 2)), (4, place(900, 1000))];
        assert_eq!(sums(&differences(&places)), Some(places));
        assert_eq!(sums(&[(1, -1, 0)]), None);
        assert_eq!(sums(&[(u32::MAX, 0, 0), (1, 0, 0)]), None);
        assert_eq!(sums(&[(0, 5, u32::MAX)]), None);
    }
}
