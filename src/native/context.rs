//! What compiled code gets from the machine, what it gives back, and the helpers that it calls.
#![expect(unsafe_code, reason = "compiled code passes raw pointers, each with its contract")]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::frameless::Missing;
use crate::bytecode::{Machine, Op};
use crate::runtime::{Isolate, NO_INSTANCE, PollFlags, Unwind};
use crate::value::{Entry, Space, Tag, Value};

/// How compiled code ended: a kind, the number of the exit, a position.
pub(super) mod status {
    /// The frame goes on at the position.
    pub(in super::super) const LEFT: i64 = 0;
    /// The instruction at the position failed, and no handler of the frame takes it.
    pub(in super::super) const FAILED: i64 = 1;
    /// The action ended with the value in the context.
    pub(in super::super) const RETURNED: i64 = 2;
    /// A guard failed before the instruction at the position.
    pub(in super::super) const GUARD: i64 = 3;
    /// A panic waits in the context.
    pub(in super::super) const FAULT: i64 = 5;

    /// Everything in one word.
    pub(in super::super) const fn word(kind: i64, exit: u32, position: u32) -> i64 {
        kind << 60 | (exit as i64) << 32 | position as i64
    }

    /// The kind.
    pub(in super::super) const fn kind(word: i64) -> i64 {
        word >> 60 & 7
    }

    /// The number of the exit.
    pub(in super::super) const fn exit(word: i64) -> u32 {
        (word >> 32) as u32 & 0xfff_ffff
    }

    /// The position.
    pub(in super::super) const fn position(word: i64) -> u32 {
        word as u32
    }
}

/// What compiled code reaches the world through. It holds for one activation of the tier: no part of it moves while
/// the topmost frame's code runs. The isolate is borrowed for all that time by whoever made the context.
#[repr(C)]
pub(super) struct Context {
    pub(super) isolate: *mut Isolate,
    /// The globals' array, which never grows.
    pub(super) globals: *mut Value,
    /// The poll's flags.
    pub(super) poll_bits: *const u32,
    /// The counters of calls, an array that never grows.
    pub(super) calls: *mut runtime_counter::Counter,
    /// The fields of the frame's contract instance, an array that never grows; or null.
    pub(super) fields: *mut Value,
    /// The slots of all frames, which never move.
    pub(super) slots: *mut Value,
    /// Up to where windows may reach without more slots being made.
    pub(super) slots_end: *const Value,
    /// Frames below which a direct call needs no question about depth, room and size.
    pub(super) frames_max: usize,
    /// The words of a rare call (see `preserve`).
    pub(super) rare: [u64; 5],
    /// A returned value's words.
    pub(super) result: [u64; 2],
    /// The tier; lives as long as the activation.
    pub(super) native: *const super::Native,
    /// The machine; lives as long as the activation.
    machine: *const (dyn Machine + 'static),
    /// A panic that a helper caught.
    pub(super) fault: Option<Box<dyn Any + Send>>,
    /// Calls without frames that have left, innermost first.
    pub(super) missing: Vec<Missing>,
}

mod runtime_counter {
    pub(in super::super) use crate::runtime::Counter;
}

impl Context {
    /// For running in the topmost frame.
    pub(super) fn new(isolate: &mut Isolate, native: &super::Native, machine: &dyn Machine) -> Self {
        let this = isolate.this();
        let fields = if this == NO_INSTANCE {
            std::ptr::null_mut()
        } else {
            isolate.ledger.instances[this as usize].fields.as_mut_ptr()
        };
        let machine: *const (dyn Machine + '_) = machine;
        // SAFETY: only the lifetime changes; the context is dropped before the caller's borrow of the machine ends.
        #[expect(clippy::transmute_ptr_to_ptr, reason = "a cast cannot change the lifetime of a trait object")]
        let machine =
            unsafe { std::mem::transmute::<*const (dyn Machine + '_), *const (dyn Machine + 'static)>(machine) };
        Self {
            globals: isolate.ledger.globals.as_mut_ptr(),
            poll_bits: poll_bits(&isolate.poll_flags),
            calls: isolate.calls.as_mut_ptr(),
            fields,
            slots: isolate.slots.as_mut_ptr(),
            slots_end: isolate.windows_end(),
            frames_max: isolate.plain_depth(native.frame_slots_max),
            isolate: std::ptr::from_mut(isolate),
            rare: [0; 5],
            result: [0; 2],
            native: std::ptr::from_ref(native),
            machine,
            fault: None,
            missing: Vec::new(),
        }
    }
}

fn poll_bits(flags: &PollFlags) -> *const u32 {
    flags.bits.as_ptr()
}

/// Runs `f` and keeps a panic from crossing compiled code.
pub(super) fn guarded(context: *mut Context, position: u32, f: impl FnOnce(&mut Isolate, &dyn Machine) -> i64) -> i64 {
    // SAFETY: compiled code passes the context that it was called with; nobody else uses the isolate while it runs,
    // and the reference ends with this call.
    let (isolate, machine) = unsafe { (&mut *(*context).isolate, &*(*context).machine) };
    match catch_unwind(AssertUnwindSafe(|| f(isolate, machine))) {
        Ok(word) => word,
        Err(fault) => {
            // SAFETY: as above.
            unsafe { (*context).fault = Some(fault) };
            status::word(status::FAULT, 0, position)
        }
    }
}

/// Has the machine execute the instruction at a position: gives the position where the frame goes on, or `FAILED`.
pub(super) extern "C" fn step(context: *mut Context, position: u32) -> i64 {
    guarded(context, position, |isolate, machine| match machine.step(isolate, position) {
        Ok(next) => i64::from(next),
        Err(Unwind) => status::word(status::FAILED, 0, position),
    })
}

/// `MakeMap` and `MakeList`: what was made goes into the context.
pub(super) extern "C" fn make(context: *mut Context, position: u32) -> i64 {
    guarded(context, position, |isolate, machine| {
        let frame = isolate.frame();
        let instr = machine.code_of(frame.action).instrs[position as usize];
        let (first, count) = (frame.base + u32::from(instr.b), u32::from(instr.c));
        let made = match instr.op {
            Op::MakeMap => isolate.make_map(first, count),
            _ => isolate.make_list(first, count),
        };
        match made {
            Ok(value) => {
                // SAFETY: see `guarded`.
                unsafe { (*context).result = [value.word(), value.payload()] };
                i64::from(position) + 1
            }
            Err(Unwind) => status::word(status::FAILED, 0, position),
        }
    })
}

/// What stands for the value of a key that a map does not have.
static NO_ENTRY: Value = Value::NULL;

/// Its address.
pub(super) fn no_entry() -> *const Value {
    &raw const NO_ENTRY
}

/// The address of the value under a key of a map, or [`no_entry`]. The words are those of live values: a map's, and a
/// string's or integer's.
pub(super) extern "C" fn find(context: *mut Context, map: u64, key_word: u64, key: u64) -> *const Value {
    // SAFETY: as in `guarded`; the words are those of values (compiled code has checked their tags).
    let (isolate, map, key) = unsafe {
        (&*(*context).isolate, Value::from_words(Value::word_of(Tag::Map), map), Value::from_words(key_word, key))
    };
    let map = &isolate.ledger.heap.map(map).map;
    map.find(key).map_or(no_entry(), |at| std::ptr::from_ref(&map.entry(at).value))
}

/// Writes a value that needs no copy to the entry of a map whose value has this address.
pub(super) extern "C" fn write_entry(context: *mut Context, map: u64, entry: u64, word: u64, payload: u64) -> u64 {
    // SAFETY: as in `find`.
    let (ledger, map, value) = unsafe {
        let map = Value::from_words(Value::word_of(Tag::Map), map);
        (&mut (*(*context).isolate).ledger, map, Value::from_words(word, payload))
    };
    let at = (entry - std::mem::offset_of!(Entry, value) as u64) as *mut Entry;
    // SAFETY: the address is that of the value of a live map's entry, which nobody else refers to now; the ledger holds
    // maps by their addresses alone.
    let at = unsafe { &mut *at };
    let Entry { value: old, epoch, seq, .. } = *at;
    if old.tag().is_container() {
        let first = std::ptr::from_ref(&ledger.heap.map(map).map.entry(0).value) as u64;
        ledger.map_set_at(map, ((entry - first) / size_of::<Entry>() as u64) as u32, value);
        return 0;
    }
    at.value = value;
    let current = ledger.heap.current_epoch;
    if epoch < current {
        at.epoch = current;
        ledger.log_entry(map, seq, old, epoch);
    }
    0
}

/// As [`write_entry`], of a value that needs no copy or an integer beyond 64 bits: contract state keeps none that
/// belongs to the block.
pub(super) extern "C" fn write_integer(context: *mut Context, map: u64, entry: u64, word: u64, payload: u64) -> u64 {
    // SAFETY: as in `find`.
    let (heap, map_value, value) = unsafe {
        let map = Value::from_words(Value::word_of(Tag::Map), map);
        (&mut (*(*context).isolate).ledger.heap, map, Value::from_words(word, payload))
    };
    let value = if heap.space(map_value) == Space::Ledger { heap.owned(value) } else { value };
    write_entry(context, map, entry, value.word(), value.payload())
}

/// The remainder of floats.
pub(super) extern "C" fn float_mod(a: f64, b: f64) -> f64 {
    crate::value::numbers::float_mod(a, b)
}
