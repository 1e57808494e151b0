//! Keys that a map does not have yet, put in without the machine. Compiled code does so where a key turned out to be
//! missing again and again: an entry that is put in may move all others, so that nothing found before is known any more.
#![expect(unsafe_code, reason = "compiled code passes words of values")]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as Ssa, types};

use super::context::{Context, no_entry};
use super::lower::Lowerer;
use super::state::Find;
use crate::value::{Tag, Value};

impl Lowerer<'_, '_> {
    /// Stores a plain value under a key, which may be missing.
    pub(super) fn put_entry(&mut self, at: u32, found: Find, key: (Ssa, Ssa), value: usize) {
        let (word, payload) = self.words(value);
        let (there, missing, join) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let [entry, old_word, old_payload] = [(); 3].map(|()| self.b.append_block_param(join, types::I64));
        let none = self.int_const(no_entry() as i64);
        let is_there = self.b.ins().icmp(IntCC::NotEqual, found.entry, none);
        self.b.ins().brif(is_there, there, &[], missing, &[]);
        self.go_on_in(there);
        let old = self.replaced(at, found.entry);
        self.store_entry(found.map, found.entry, value, self.is_spliced(at));
        self.b.ins().jump(join, &[found.entry.into(), old.0.into(), old.1.into()]);
        self.go_on_in(missing);
        self.store_gas();
        let (context, helper) = (self.context, insert as *const () as usize);
        let args = [context, found.map, key.0, key.1, word, payload];
        let inserted = self.call(helper, &[types::I64; 6], types::I64, &args);
        let (out, done) = (self.way_out(at), self.b.create_block());
        self.b.ins().brif(inserted, done, &[], out, &[]);
        self.go_on_in(done);
        self.reload_gas();
        let (unset, zero) = (self.int_const(Value::UNSET.word() as i64), self.int_const(0));
        self.b.ins().jump(join, &[inserted.into(), unset.into(), zero.into()]);
        self.go_on_in(join);
        self.note_entry(at, found.map, entry, (old_word, old_payload));
        self.state.finds.clear();
        self.state.finds.push(Find { entry, present: true, ..found });
    }

    /// Where the map does not have the key: the machine puts it in, and after some times it is put in here.
    pub(super) fn guard_present(&mut self, at: u32, entry: Ssa) {
        let none = self.int_const(no_entry() as i64);
        let there = self.b.ins().icmp(IntCC::NotEqual, entry, none);
        // An exit of its own: what fails here is no guess about kinds.
        self.last_exit = None;
        self.out.insert_exits.insert(self.out.exits.len() as u32);
        self.guard(there, at);
        self.last_exit = None;
    }
}

/// Puts a plain value under a key that a map does not have: the address of its entry's value, or 0 if that is not paid
/// for.
extern "C" fn insert(context: *mut Context, map: u64, key_word: u64, key: u64, word: u64, payload: u64) -> u64 {
    // SAFETY: compiled code passes its own context, and nobody else uses the isolate now; the words are those of live
    // values, whose tags it has checked.
    let (isolate, map, key, value) = unsafe {
        let map = Value::from_words(Value::word_of(Tag::Map), map);
        let value = Value::from_words(word, payload);
        (&mut *(*context).isolate, map, Value::from_words(key_word, key), value)
    };
    if !isolate.insert_missing(map, key, value) {
        return 0;
    }
    let entries = &isolate.ledger.heap.map(map).map;
    std::ptr::from_ref(&entries.entry(entries.entry_count() as u32 - 1).value) as u64
}
