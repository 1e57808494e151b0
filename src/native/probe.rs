//! Looking for a text in a map, inline: the index is walked in compiled code, and the keys are compared by identity.
//! What that cannot decide (a map without an index, a text whose hash is not known yet, another object with the same
//! hash) is the helper's.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ssa, types};

use super::context::no_entry;
use super::lower::{Lowerer, trusted};
use crate::value::{Entry, MapData, Tag, Value};

impl Lowerer<'_, '_> {
    /// The address of the value under a text, or that of no entry.
    pub(super) fn find_text(&mut self, map: Ssa, word: Ssa, key: Ssa) -> Ssa {
        let layout = self.plan.layout;
        let (first, aside, join) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let result = self.b.append_block_param(join, types::I64);
        let here = self.b.ins().ushr_imm_u(word, 32);
        let kept = self.b.ins().uload32(trusted(), key, layout.text_hash);
        let is_here = self.b.ins().icmp_imm_u(IntCC::NotEqual, here, 0);
        let hash = self.b.ins().select(is_here, here, kept);
        let length = self.b.ins().load(types::I64, trusted(), map, layout.map_index.length);
        let hashed = self.b.ins().icmp_imm_u(IntCC::NotEqual, hash, 0);
        let indexed = self.b.ins().icmp_imm_u(IntCC::NotEqual, length, 0);
        let both = self.b.ins().band(hashed, indexed);
        self.b.ins().brif(both, first, &[], aside, &[]);
        self.go_on_in(first);
        let mask = self.b.ins().iadd_imm_s(length, -1);
        self.look_twice(map, (hash, mask), key, aside, join);
        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        let found = self.find_by_helper(map, word, key);
        self.b.ins().jump(join, &[found.into()]);
        self.go_on_in(join);
        result
    }

    /// Looks at the hash's slot and the one behind it, one of which has the key nearly always: which of them cannot be
    /// foretold, so that no branch asks.
    fn look_twice(&mut self, map: Ssa, (hash, mask): (Ssa, Ssa), key: Ssa, aside: Block, join: Block) {
        let slots = self.b.ins().load(types::I64, trusted(), map, self.plan.layout.map_index.pointer);
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
        self.check_key(map, entry, key, aside, join);
        self.go_on_in(walk);
        self.walk_index(map, (slots, start), (hash, mask), key, (aside, join));
    }

    /// Walks the index from the hash's slot to the key or to a free slot.
    fn walk_index(
        &mut self,
        map: Ssa,
        (slots, start): (Ssa, Ssa),
        (hash, mask): (Ssa, Ssa),
        key: Ssa,
        (aside, join): (Block, Block),
    ) {
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
        self.b.ins().brif(free, join, &[none.into()], taken, &[]);
        self.go_on_in(taken);
        let there = self.b.ins().band_imm_u(slot, i64::from(u32::MAX));
        let same = self.b.ins().icmp(IntCC::Equal, there, hash);
        self.b.ins().brif(same, check, &[], further, &[]);
        self.go_on_in(check);
        self.check_key(map, entry, key, aside, join);
        self.go_on_in(further);
        let next = self.b.ins().iadd_imm_s(at, 1);
        let next = self.b.ins().band(next, mask);
        self.b.ins().jump(walk, &[next.into()]);
        self.b.seal_block(walk);
    }

    /// Goes on in `join` with the value's address if the entry's key is this very text.
    fn check_key(&mut self, map: Ssa, entry: Ssa, key: Ssa, aside: Block, join: Block) {
        let layout = self.plan.layout;
        let entries = self.b.ins().load(types::I64, trusted(), map, layout.map_entries.pointer);
        let offset = self.b.ins().imul_imm_s(entry, size_of::<Entry>() as i64);
        let address = self.b.ins().iadd(entries, offset);
        let there = self.b.ins().load(types::I64, trusted(), address, layout.entry_key + Value::PAYLOAD);
        let tag = self.b.ins().load(types::I8, trusted(), address, layout.entry_key);
        let text = self.b.ins().icmp_imm_u(IntCC::Equal, tag, Value::word_of(Tag::Str) as i64);
        let same = self.b.ins().icmp(IntCC::Equal, there, key);
        let same = self.b.ins().band(text, same);
        let value = self.b.ins().iadd_imm_s(address, i64::from(layout.entry_value));
        self.b.ins().brif(same, join, &[value.into()], aside, &[]);
    }
}
