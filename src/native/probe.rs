//! Looking for a text in a map, inline: the index is walked in compiled code, and the keys are compared by identity, or
//! word by word where they are short. What that cannot decide (a map without an index, a text whose hash is not known
//! yet, long texts and other texts with the same hash) is the helper's.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ssa, types};

use super::context::no_entry;
use super::lower::{Lowerer, trusted};
use crate::value::{Entry, MapData, Space, Tag, Value};

/// Where the parts of a map with an index are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) mask: Ssa,
    pub(super) slots: Ssa,
    pub(super) entries: Ssa,
}

/// Bytes of texts that are compared here, at most.
const COMPARED_MAX: i64 = 64;

/// Where looking for a text goes on.
#[derive(Clone, Copy)]
struct Ways {
    /// With the address of an entry whose key is another object with the text's hash.
    other: Block,
    /// The helper looks.
    aside: Block,
    /// With the address of the value, or that of no entry.
    join: Block,
}

impl Lowerer<'_, '_> {
    /// The address of the value under a text, or that of no entry; whether the helper is needed rarely.
    pub(super) fn find_text(&mut self, map: Ssa, word: Ssa, key: Ssa, rarely: bool) -> Ssa {
        let layout = self.plan.layout;
        let (aside, join) = (self.b.create_block(), self.b.create_block());
        let result = self.b.append_block_param(join, types::I64);
        let other = self.b.create_block();
        let entry = self.b.append_block_param(other, types::I64);
        let ways = Ways { other, aside, join };
        let hash = self.text_hash(word, key, aside);
        let probe = match self.probes.get(&map) {
            Some(probe) => *probe,
            None => {
                let first = self.b.create_block();
                let length = self.b.ins().load(types::I64, trusted(), map, layout.map_index.length);
                self.b.ins().brif(length, first, &[], aside, &[]);
                self.go_on_in(first);
                let mask = self.b.ins().iadd_imm_s(length, -1);
                let slots = self.b.ins().load(types::I64, trusted(), map, layout.map_index.pointer);
                let entries = self.b.ins().load(types::I64, trusted(), map, layout.map_entries.pointer);
                Probe { mask, slots, entries }
            }
        };
        self.look_twice(probe, hash, key, ways);
        self.go_on_in(other);
        self.compare_key(entry, key, ways);
        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        let found = self.find_by_helper(map, word, key, rarely);
        self.b.ins().jump(join, &[found.into()]);
        self.go_on_in(join);
        result
    }

    /// The hash of a text: most carry it in their first words; else the text has it, or it is not known.
    fn text_hash(&mut self, word: Ssa, key: Ssa, unknown: Block) -> Ssa {
        let (in_text, known) = (self.b.create_block(), self.b.create_block());
        let hash = self.b.append_block_param(known, types::I64);
        let here = self.b.ins().ushr_imm_u(word, 32);
        self.b.ins().brif(here, known, &[here.into()], in_text, &[]);
        self.b.set_cold_block(in_text);
        self.go_on_in(in_text);
        let kept = self.b.ins().uload32(trusted(), key, self.plan.layout.text_hash);
        self.keep_hash(word, kept);
        self.b.ins().brif(kept, known, &[kept.into()], unknown, &[]);
        self.go_on_in(known);
        hash
    }

    /// The text is an element of a list of the isolate's own, which carries the hash from now on: the next look for it
    /// needs not touch the text.
    fn keep_hash(&mut self, word: Ssa, hash: Ssa) {
        let word = self.b.func.dfg.resolve_aliases(word);
        let Some((list, element)) = self.elements.get(&word).copied() else { return };
        let (own, join) = (self.b.create_block(), self.b.create_block());
        let space = self.b.ins().load(types::I8, trusted(), list, self.plan.layout.space);
        let is_own = self.b.ins().icmp_imm_u(IntCC::Equal, space, Space::Isolate as i64);
        self.b.ins().brif(is_own, own, &[], join, &[]);
        self.b.set_cold_block(own);
        self.b.set_cold_block(join);
        self.go_on_in(own);
        let word = self.b.ins().load(types::I64, trusted(), element, 0);
        let high = self.b.ins().ishl_imm_u(hash, 32);
        let word = self.b.ins().bor(word, high);
        self.b.ins().store(trusted(), word, element, 0);
        self.b.ins().jump(join, &[]);
        self.go_on_in(join);
    }

    /// Looks at the hash's slot and the one behind it, one of which has the key nearly always: which of them cannot be
    /// foretold, so that no branch asks.
    fn look_twice(&mut self, probe: Probe, hash: Ssa, key: Ssa, ways: Ways) {
        let Probe { mask, slots, .. } = probe;
        let start = self.b.ins().band(hash, mask);
        let next = self.b.ins().iadd_imm_s(start, 1);
        let next = self.b.ins().band(next, mask);
        let [first, second] = [start, next].map(|at| {
            let offset = self.b.ins().ishl_imm_u(at, 3);
            let address = self.b.ins().iadd(slots, offset);
            self.b.ins().load(types::I64, trusted(), address, 0)
        });
        // A free slot has no text's hash.
        let wanted = self.b.ins().ireduce(types::I32, hash);
        let there = self.b.ins().ireduce(types::I32, first);
        let is_first = self.b.ins().icmp(IntCC::Equal, there, wanted);
        let slot = self.b.ins().select(is_first, first, second);
        let there = self.b.ins().ireduce(types::I32, slot);
        let same = self.b.ins().icmp(IntCC::Equal, there, wanted);
        let (check, walk) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(same, check, &[], walk, &[]);
        self.go_on_in(check);
        let entry = self.b.ins().ushr_imm_u(slot, 32);
        self.check_key(probe.entries, entry, key, ways);
        self.go_on_in(walk);
        self.walk_index(probe, start, hash, key, ways);
    }

    /// Walks the index from the hash's slot to the key or to a free slot.
    fn walk_index(&mut self, probe: Probe, start: Ssa, hash: Ssa, key: Ssa, ways: Ways) {
        let Probe { mask, slots, entries } = probe;
        let walk = self.b.create_block();
        let at = self.b.append_block_param(walk, types::I64);
        let (taken, check, further) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let none = self.int_const(no_entry() as i64);
        self.b.ins().jump(walk, &[start.into()]);
        self.b.switch_to_block(walk);
        let offset = self.b.ins().ishl_imm_u(at, 3);
        let address = self.b.ins().iadd(slots, offset);
        let slot = self.b.ins().load(types::I64, trusted(), address, 0);
        let entry = self.b.ins().ushr_imm_u(slot, 32);
        let free = self.b.ins().icmp_imm_u(IntCC::Equal, entry, i64::from(MapData::FREE_SLOT));
        self.b.ins().brif(free, ways.join, &[none.into()], taken, &[]);
        self.go_on_in(taken);
        let there = self.b.ins().band_imm_u(slot, i64::from(u32::MAX));
        let same = self.b.ins().icmp(IntCC::Equal, there, hash);
        self.b.ins().brif(same, check, &[], further, &[]);
        self.go_on_in(check);
        self.check_key(entries, entry, key, ways);
        self.go_on_in(further);
        let next = self.b.ins().iadd_imm_s(at, 1);
        let next = self.b.ins().band(next, mask);
        self.b.ins().jump(walk, &[next.into()]);
        self.b.seal_block(walk);
    }

    /// Goes on in `join` with the value's address if the entry's key is this very text.
    fn check_key(&mut self, entries: Ssa, entry: Ssa, key: Ssa, ways: Ways) {
        let layout = self.plan.layout;
        let offset = self.b.ins().imul_imm_s(entry, size_of::<Entry>() as i64);
        let address = self.b.ins().iadd(entries, offset);
        let there = self.b.ins().load(types::I64, trusted(), address, layout.entry_key + Value::PAYLOAD);
        let same = self.b.ins().icmp(IntCC::Equal, there, key);
        let found = self.b.create_block();
        self.b.ins().brif(same, found, &[], ways.other, &[address.into()]);
        self.go_on_in(found);
        let text = self.is_text_at(address);
        let value = self.b.ins().iadd_imm_s(address, i64::from(layout.entry_value));
        self.b.ins().brif(text, ways.join, &[value.into()], ways.aside, &[]);
    }

    /// Whether the key of the entry at an address is a text.
    fn is_text_at(&mut self, entry: Ssa) -> Ssa {
        let tag = self.b.ins().load(types::I8, trusted(), entry, self.plan.layout.entry_key);
        self.b.ins().icmp_imm_u(IntCC::Equal, tag, Value::word_of(Tag::Str) as i64)
    }

    /// Goes on in `join` with the value's address if the key of the entry at an address is the same short text. Texts
    /// are filled up to whole words with zeros, and there is at least one word.
    fn compare_key(&mut self, entry: Ssa, key: Ssa, ways: Ways) {
        let layout = self.plan.layout;
        let (text, word) = (self.b.create_block(), self.b.create_block());
        let at = self.b.append_block_param(word, types::I64);
        let is_text = self.is_text_at(entry);
        self.b.ins().brif(is_text, text, &[], ways.aside, &[]);
        self.go_on_in(text);
        let there = self.b.ins().load(types::I64, trusted(), entry, layout.entry_key + Value::PAYLOAD);
        let (length, other) = (
            self.b.ins().uload32(trusted(), key, layout.text_length),
            self.b.ins().uload32(trusted(), there, layout.text_length),
        );
        let same = self.b.ins().icmp(IntCC::Equal, length, other);
        let short = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, length, COMPARED_MAX);
        let both = self.b.ins().band(same, short);
        let none = self.int_const(0);
        self.b.ins().brif(both, word, &[none.into()], ways.aside, &[]);
        self.b.switch_to_block(word);
        let [one, other] = [key, there].map(|text| {
            let address = self.b.ins().iadd(text, at);
            self.b.ins().load(types::I64, trusted(), address, layout.text_bytes)
        });
        let same = self.b.ins().icmp(IntCC::Equal, one, other);
        let (equal, found) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(same, equal, &[], ways.aside, &[]);
        self.go_on_in(equal);
        let next = self.b.ins().iadd_imm_s(at, 8);
        let more = self.b.ins().icmp(IntCC::UnsignedLessThan, next, length);
        self.b.ins().brif(more, word, &[next.into()], found, &[]);
        self.b.seal_block(word);
        self.go_on_in(found);
        let value = self.b.ins().iadd_imm_s(entry, i64::from(layout.entry_value));
        self.b.ins().jump(ways.join, &[value.into()]);
    }
}
