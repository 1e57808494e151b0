//! What the `checked` build asks before compiled code touches memory: that a slot is one of the frame's, a field one of
//! an instance's, an object alive and of the kind that its tag says, an entry or element one of its container's. Any
//! other build makes code without these questions, which are calls.
#![expect(unsafe_code, reason = "compiled code passes words of values")]

use cranelift_codegen::ir::{InstBuilder, Value as Ssa, types};

use super::context::{Context, no_entry};
use super::lower::{Home, Lowerer};
use crate::value::{Entry, Tag, Value};

/// Whether this build asks.
const CHECKED: bool = cfg!(feature = "checked");

impl Lowerer<'_, '_> {
    /// The window: all registers that the code names are slots.
    pub(super) fn check_window(&mut self) {
        if CHECKED && !self.plan.frameless {
            for register in self.plan.code.frame_size.checked_sub(1).into_iter().flat_map(|last| [0, last]) {
                let slot = self.b.ins().iadd_imm_s(self.base, i64::from(register) * size_of::<Value>() as i64);
                let context = self.context;
                self.call(check_slot as *const () as usize, &[types::I64; 2], types::I64, &[context, slot]);
            }
        }
    }

    /// A place is read or written.
    pub(super) fn check_place(&mut self, place: usize, fields: Ssa) {
        if !CHECKED {
            return;
        }
        match self.homes[place] {
            Home::Register(register) => {
                assert!(register < self.plan.code.frame_size, "register {register} is outside its frame");
            }
            Home::Global(global) => assert!((global as usize) < self.plan.globals.len(), "no global {global}"),
            Home::Field(number) => {
                let index = self.plan.spliced.and_then(|spliced| spliced.field(number)).map_or(number, |field| field.1);
                let index = self.int_const(i64::from(index));
                let args = [self.context, fields, index];
                self.call(check_field as *const () as usize, &[types::I64; 3], types::I64, &args);
            }
            Home::Entry(number) => {
                let map = self.learnt.wanted[usize::from(number)].map();
                let words = self.places.get(&map).and_then(|map| self.fixed.get(map)).copied();
                let (_, map) = words.expect("an entry's map is held");
                self.check_entry(map, self.entries[usize::from(number)]);
            }
        }
    }

    /// An object of a list, map or text is looked into.
    pub(super) fn check_object(&mut self, tag: Tag, object: Ssa) {
        if CHECKED {
            let word = self.int_const(Value::word_of(tag) as i64);
            let args = [self.context, word, object];
            self.call(check_object as *const () as usize, &[types::I64; 3], types::I64, &args);
        }
    }

    /// The value of an entry is read or written; it may be that of no entry, which nobody writes to.
    pub(super) fn check_entry(&mut self, map: Ssa, entry: Ssa) {
        if CHECKED {
            let args = [self.context, map, entry];
            self.call(check_entry as *const () as usize, &[types::I64; 3], types::I64, &args);
        }
    }

    /// An element of a list is read.
    pub(super) fn check_element(&mut self, list: Ssa, element: Ssa) {
        if CHECKED {
            let args = [self.context, list, element];
            self.call(check_element as *const () as usize, &[types::I64; 3], types::I64, &args);
        }
    }
}

/// The bug that these checks are to find was planted.
#[cfg(feature = "checked")]
pub(super) fn leaves_lists_unbounded(bug: Option<super::NativeBug>) -> bool {
    bug == Some(super::NativeBug::DroppedBoundsCheck)
}

/// No other build has it.
#[cfg(not(feature = "checked"))]
pub(super) fn leaves_lists_unbounded(_bug: Option<super::NativeBug>) -> bool {
    false
}

/// Whether an address is that of an element of a slice.
fn is_of<T>(slice: &[T], address: u64) -> bool {
    let range = slice.as_ptr_range();
    let (start, end) = (range.start as u64, range.end as u64);
    (start..end).contains(&address) && (address - start).is_multiple_of(size_of::<T>() as u64)
}

// These end the process where something is wrong: no panic may cross compiled code, and nothing can be saved.

extern "C" fn check_slot(context: *mut Context, slot: u64) -> u64 {
    // SAFETY: compiled code passes its own context, and nobody else uses the isolate now. The same in all of these.
    let isolate = unsafe { &*(*context).isolate };
    assert!(is_of(&isolate.slots, slot), "{slot:#x} is no slot");
    0
}

extern "C" fn check_field(context: *mut Context, fields: u64, index: u64) -> u64 {
    // SAFETY: as above.
    let isolate = unsafe { &*(*context).isolate };
    let mut instances = isolate.ledger.instances.iter();
    let instance = instances.find(|instance| instance.fields.as_ptr() as u64 == fields);
    let instance = instance.expect("the fields are an instance's");
    assert!(index < instance.fields.len() as u64, "no field {index}");
    0
}

extern "C" fn check_object(context: *mut Context, word: u64, object: u64) -> u64 {
    // SAFETY: as above; the words are those of a value, and its object is there even if it was freed, since builds that
    // ask keep such memory.
    let (isolate, value) = unsafe { (&*(*context).isolate, Value::from_words(word, object)) };
    let heap = &isolate.ledger.heap;
    match value.tag() {
        Tag::List => assert!(heap.list(value).items.len() < usize::MAX / 16, "a list of no length"),
        Tag::Map => assert!(heap.map(value).map.entry_count() < usize::MAX / 16, "a map of no length"),
        Tag::Str => assert!(heap.str(value).len() < usize::MAX / 16, "a text of no length"),
        tag => panic!("compiled code looks into {tag:?}"),
    }
    0
}

extern "C" fn check_entry(context: *mut Context, map: u64, entry: u64) -> u64 {
    if entry == no_entry() as u64 {
        return 0;
    }
    check_object(context, Value::word_of(Tag::Map), map);
    // SAFETY: as above.
    let (isolate, map) = unsafe { (&*(*context).isolate, Value::from_words(Value::word_of(Tag::Map), map)) };
    let at = entry - std::mem::offset_of!(Entry, value) as u64;
    assert!(isolate.ledger.heap.map(map).map.entry_at(at).is_some(), "{entry:#x} is in no entry of the map");
    0
}

extern "C" fn check_element(context: *mut Context, list: u64, element: u64) -> u64 {
    // SAFETY: as above.
    let (isolate, list) = unsafe { (&*(*context).isolate, Value::from_words(Value::word_of(Tag::List), list)) };
    assert!(is_of(&isolate.ledger.heap.list(list).items, element), "{element:#x} is no element of the list");
    0
}
