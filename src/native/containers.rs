//! Elements of maps and lists.
//!
//! A find gives the address of the value in the entry, or of a null that stands for no entry; so reading needs no
//! branch. A find holds until the machine executes something: reading, checking and updating one entry share it.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as Ssa, types};

use super::checked::leaves_lists_unbounded;
use super::context::{find, make, write_integer};
use super::lower::{Lowerer, trusted};
use super::preserve::Rare;
use super::state::{Find, Kind};
use crate::bytecode::{Instr, Op};
use crate::runtime::Isolate;
use crate::value::{Entry, Tag, Value};

/// What an element is looked for by.
#[derive(Clone, Copy)]
enum Key {
    Place(usize),
    Constant(Value),
}

impl Lowerer<'_, '_> {
    /// Lowers an instruction that reads or writes an element.
    pub(super) fn container(&mut self, at: u32, instr: Instr) -> bool {
        if self.plan.generic.contains(&at) {
            return false;
        }
        let (a, b, c) = (Self::register(instr.a), Self::register(instr.b), Self::register(instr.c));
        match instr.op {
            Op::MakeMap if self.sink(at, instr) => true,
            Op::MakeMap => self.makes(at, instr, Tag::Map),
            Op::MakeList => self.makes(at, instr, Tag::List),
            Op::IndexGet => self.index_get(at, a, b, Key::Place(c)),
            Op::IndexGetConst => {
                let key = self.plan.code.constants[usize::from(instr.c)];
                self.index_get(at, a, b, Key::Constant(key))
            }
            Op::IndexGetField => match self.field(instr.b) {
                Some(field) => self.index_get(at, a, field, Key::Place(c)),
                None => false,
            },
            Op::IndexGetGlobal => match self.global(u32::from(instr.b)) {
                Some(global) => self.index_get(at, a, global, Key::Place(c)),
                None => false,
            },
            Op::IndexSet => self.index_set(at, a, Key::Place(b), c),
            Op::IndexSetField => match self.field(instr.a) {
                Some(field) => self.index_set(at, field, Key::Place(b), c),
                None => false,
            },
            _ => false,
        }
    }

    fn makes(&mut self, at: u32, instr: Instr, tag: Tag) -> bool {
        if self.is_spliced(at) {
            return false;
        }
        self.step_by(at, make as *const () as usize);
        self.take_result(instr, Some(tag));
        true
    }

    fn index_get(&mut self, at: u32, to: usize, object: usize, key: Key) -> bool {
        if let Key::Constant(key) = key
            && self.read_sunk(to, object, key)
        {
            return true;
        }
        let mut tag = self.kind(object).tag().or_else(|| self.guess(object));
        // A temporary held something else before: a text that the program writes is a map's key.
        if let (Kind::Any(None), Key::Constant(key), false) =
            (self.kind(object), key, matches!(tag, Some(Tag::Map | Tag::Entity | Tag::Data)))
            && key.tag() == Tag::Str
        {
            tag = Some(Tag::Map);
        }
        match tag {
            Some(Tag::Map) => {
                let Some((word, payload)) = self.key_words(at, key) else { return false };
                self.guard_kind(object, Kind::Any(Some(Tag::Map)), at);
                if let Some(entry) = self.entry_of(object, payload, false) {
                    self.copy(to, entry);
                    return true;
                }
                self.settle_entries();
                let found = self.find(object, key, (word, payload));
                self.check_entry(found.map, found.entry);
                let word = self.b.ins().load(types::I64, trusted(), found.entry, 0);
                let payload = self.b.ins().load(types::I64, trusted(), found.entry, Value::PAYLOAD);
                let of_entry = |find: &&mut Find| find.entry == found.entry;
                self.state.finds.iter_mut().filter(of_entry).for_each(|find| find.word = Some(word));
                let seen = self.seen_element(object, key);
                self.set_any(to, None, word, payload);
                self.hint(to, seen);
                true
            }
            Some(Tag::List) => self.list_get(at, to, object, key),
            _ => false,
        }
    }

    /// A key's words, if it is a string or an integer.
    fn key_words(&mut self, at: u32, key: Key) -> Option<(Ssa, Ssa)> {
        let place = match key {
            Key::Constant(value) if matches!(value.tag(), Tag::Str | Tag::Int) => {
                let payload = self.constant_payload(value);
                return Some((self.int_const(value.word() as i64), payload));
            }
            Key::Constant(_) => return None,
            Key::Place(place) => place,
        };
        match self.kind(place) {
            Kind::Int | Kind::Any(Some(Tag::Str)) => {}
            Kind::Any(None) => match self.guess(place) {
                Some(tag @ (Tag::Str | Tag::Int)) => self.guard_kind(place, Kind::of(tag), at),
                None if self.is_spliced(at) => self.guard_kind(place, Kind::of(Tag::Str), at),
                _ => return None,
            },
            _ => return None,
        }
        Some(self.words(place))
    }

    fn list_get(&mut self, at: u32, to: usize, list: usize, key: Key) -> bool {
        let Key::Place(index) = key else { return false };
        match self.kind(index) {
            Kind::Int => {}
            Kind::Any(None) => self.guard_kind(index, Kind::Int, at),
            _ => return false,
        }
        self.guard_kind(list, Kind::Any(Some(Tag::List)), at);
        let seen = self.seen(list).filter(|list| list.tag() == Tag::List);
        let seen = seen.and_then(|list| self.plan.heap.list(list).items.first().copied());
        let (list, index) = (self.payload(list), self.payload(index));
        let list = self.b.func.dfg.resolve_aliases(list);
        self.check_object(Tag::List, list);
        let items = self.plan.layout.list_items;
        let parts = self.lists.get(&list).copied();
        let length = match parts {
            Some((length, _)) => length,
            None => self.b.ins().load(types::I64, trusted(), list, items.length),
        };
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, index, length);
        if !leaves_lists_unbounded(self.plan.bug) {
            self.guard(inside, at);
        }
        let first = match parts {
            Some((_, first)) => first,
            None => self.b.ins().load(types::I64, trusted(), list, items.pointer),
        };
        let offset = self.b.ins().ishl_imm_u(index, 4);
        let address = self.b.ins().iadd(first, offset);
        self.check_element(list, address);
        let word = self.b.ins().load(types::I64, trusted(), address, 0);
        let payload = self.b.ins().load(types::I64, trusted(), address, Value::PAYLOAD);
        if parts.is_some() {
            self.elements.insert(word, (list, address));
        }
        self.set_any(to, None, word, payload);
        self.hint(to, seen);
        true
    }

    /// What stands now in the map that a place will probably hold: under the key, or anywhere.
    fn seen_element(&self, map: usize, key: Key) -> Option<Value> {
        let map = &self.plan.heap.map(self.seen(map).filter(|value| value.is_map())?).map;
        match key {
            Key::Constant(key) => map.get(key),
            Key::Place(_) => map.iter().next().map(|entry| entry.value),
        }
    }

    /// The address of the value under a key of a map.
    fn find(&mut self, map_place: usize, key_place: Key, (word, key): (Ssa, Ssa)) -> Find {
        let map = self.payload(map_place);
        let constant = self.constant_of(key);
        let (map, key) = (self.b.func.dfg.resolve_aliases(map), self.b.func.dfg.resolve_aliases(key));
        self.check_object(Tag::Map, map);
        if self.is_text(key_place, constant) {
            self.check_object(Tag::Str, key);
        }
        if let Some(known) = self.state.finds.iter().find(|find| find.map == map && find.key == key) {
            return *known;
        }
        let predicted = self.predict(map_place, constant);
        let entry = match predicted {
            Some((at, constant)) => self.find_predicted(map, (word, key), at, constant),
            None if self.is_text(key_place, constant) => {
                let indexed = |value: Value| value.is_map() && self.plan.heap.map(value).map.is_indexed();
                let rarely = self.seen(map_place).is_none_or(indexed);
                self.find_text(map, word, key, rarely)
            }
            None => self.find_by_helper(map, word, key, false),
        };
        let found = Find { map, key, entry, present: false, word: None, light: false };
        self.state.finds.push(found);
        found
    }

    /// Whether a key is known to be a text.
    fn is_text(&self, key: Key, constant: Option<Value>) -> bool {
        match key {
            Key::Constant(_) => constant.is_some_and(Value::is_str),
            Key::Place(place) => self.state.locs[place].tag() == Some(Tag::Str),
        }
    }

    pub(super) fn find_by_helper(&mut self, map: Ssa, word: Ssa, key: Ssa, rarely: bool) -> Ssa {
        if rarely {
            return self.call_rarely(Rare::Find, &[map, word, key]);
        }
        let context = self.context;
        self.call(find as *const () as usize, &[types::I64; 4], types::I64, &[context, map, word, key])
    }

    /// Where a constant key stands now in the map that a place holds now: it will probably stay there.
    fn predict(&self, map: usize, constant: Option<Value>) -> Option<(u32, Value)> {
        let constant = constant?;
        let map = self.seen(map).filter(|value| value.is_map())?;
        Some((self.plan.heap.map(map).map.find(constant)?, constant))
    }

    fn find_predicted(&mut self, map: Ssa, (word, key): (Ssa, Ssa), at: u32, constant: Value) -> Ssa {
        let layout = self.plan.layout;
        let (maybe, hit, miss, join) =
            (self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
        let result = self.b.append_block_param(join, types::I64);
        let length = self.b.ins().load(types::I64, trusted(), map, layout.map_entries.length);
        let inside = self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, length, i64::from(at));
        self.b.ins().brif(inside, maybe, &[], miss, &[]);
        self.go_on_in(maybe);
        let entries = self.b.ins().load(types::I64, trusted(), map, layout.map_entries.pointer);
        let entry = i64::from(at) * size_of::<Entry>() as i64;
        let offset = entry as i32 + layout.entry_key;
        let there = self.b.ins().load(types::I64, trusted(), entries, offset + Value::PAYLOAD);
        let there_tag = self.b.ins().load(types::I8, trusted(), entries, offset);
        let tag = self.b.ins().icmp_imm_u(IntCC::Equal, there_tag, Value::word_of(constant.tag()) as i64);
        let same = self.b.ins().icmp(IntCC::Equal, there, key);
        let same = self.b.ins().band(same, tag);
        self.b.ins().brif(same, hit, &[], miss, &[]);
        self.go_on_in(hit);
        let address = self.b.ins().iadd_imm_s(entries, entry + i64::from(layout.entry_value));
        self.b.ins().jump(join, &[address.into()]);
        self.b.set_cold_block(miss);
        self.go_on_in(miss);
        let found = self.find_by_helper(map, word, key, true);
        self.b.ins().jump(join, &[found.into()]);
        self.go_on_in(join);
        result
    }

    /// Stores a value that needs no copy under a key that is there; anything else leaves, and is the machine's.
    fn index_set(&mut self, at: u32, object: usize, key: Key, value: usize) -> bool {
        if self.kind(object).tag().or_else(|| self.guess(object)) != Some(Tag::Map) {
            return false;
        }
        let is_wide = self.stores_wide(at, value);
        if !self.may_write(at) || !(is_wide || self.guard_plain(value, at)) {
            return false;
        }
        let Some(words) = self.key_words(at, key) else { return false };
        if is_wide {
            self.guard_plain_or_wide(value, at);
        }
        self.guard_kind(object, Kind::Any(Some(Tag::Map)), at);
        if let Some(entry) = self.entry_of(object, words.1, true) {
            let map = self.payload(object);
            self.note_hoisted(at, map, entry);
            self.copy(entry, value);
            return true;
        }
        self.settle_entries();
        let found = self.find(object, key, words);
        self.check_entry(found.map, found.entry);
        let map = self.payload(object);
        if !self.open.contains(&object) {
            let flags = self.b.ins().load(types::I8, trusted(), map, self.plan.layout.flags);
            let plain = self.b.ins().icmp_imm_u(IntCC::Equal, flags, 0);
            self.guard(plain, at);
        }
        if is_wide {
            self.replace_by_wide(at, map, found, value);
            return true;
        }
        if !found.present && self.plan.inserting.contains(&at) {
            self.put_entry(at, found, words, value);
            return true;
        }
        if !found.present {
            self.guard_present(at, found.entry);
            let same = |find: &&mut Find| find.entry == found.entry;
            self.state.finds.iter_mut().filter(same).for_each(|find| find.present = true);
        }
        let old = self.replaced(at, found.entry);
        self.note_entry(at, map, found.entry, old);
        let light = self.state.finds.iter().any(|find| find.entry == found.entry && find.light);
        self.store_entry(map, found.entry, value, light || self.is_spliced(at));
        self.doubt_entries();
        true
    }

    /// Whether a value to be stored in a map that has its key is probably an integer beyond 64 bits. In spliced calls,
    /// whose writes may have to be logged late, in quiet loops, which may hold entries, and where keys are put in, the
    /// machine stores it.
    fn stores_wide(&mut self, at: u32, value: usize) -> bool {
        let tag = self.kind(value).tag().or_else(|| self.guess(value));
        tag == Some(Tag::Wide) && !self.is_spliced(at) && !self.quiet && !self.plan.inserting.contains(&at)
    }

    /// Leaves unless a place holds a value that needs no copy, or an integer beyond 64 bits.
    fn guard_plain_or_wide(&mut self, value: usize, at: u32) {
        if self.kind(value).tag() == Some(Tag::Wide) {
            return;
        }
        let word = self.word(value);
        let tag = self.b.ins().band_imm_u(word, 0xff);
        let above = self.b.ins().iadd_imm_s(tag, -(Value::word_of(Tag::Null) as i64));
        let most = Value::word_of(Tag::Contract) - Value::word_of(Tag::Null);
        let plain = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, above, most as i64);
        let wide = self.b.ins().icmp_imm_u(IntCC::Equal, tag, Value::word_of(Tag::Wide) as i64);
        let either = self.b.ins().bor(plain, wide);
        self.guard(either, at);
    }

    /// Writes such a value to an entry that is there.
    fn replace_by_wide(&mut self, at: u32, map: Ssa, found: Find, value: usize) {
        if !found.present {
            self.guard_present(at, found.entry);
            let same = |find: &&mut Find| find.entry == found.entry;
            self.state.finds.iter_mut().filter(same).for_each(|find| find.present = true);
        }
        let (word, payload) = self.words(value);
        let (context, helper) = (self.context, write_integer as *const () as usize);
        self.call(helper, &[types::I64; 5], types::I64, &[context, map, found.entry, word, payload]);
        self.doubt_entries();
    }

    /// Whether a place holds a value that needs no copy; it is guessed that it does.
    pub(super) fn guard_plain(&mut self, value: usize, at: u32) -> bool {
        match self.kind(value) {
            Kind::Any(Some(tag)) if !tag.is_plain() => return false,
            Kind::Any(None) => match self.guess(value) {
                Some(tag) if tag.is_plain() && tag != Tag::Unset => self.guard_kind(value, Kind::of(tag), at),
                // What a spliced call's parameter holds is not known, and need not be.
                _ if self.is_spliced(at) => {
                    let word = self.word(value);
                    let tag = self.b.ins().band_imm_u(word, 0xff);
                    let above = self.b.ins().iadd_imm_s(tag, -(Value::word_of(Tag::Null) as i64));
                    let most = Value::word_of(Tag::Contract) - Value::word_of(Tag::Null);
                    let plain = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, above, most as i64);
                    self.guard(plain, at);
                }
                _ => return false,
            },
            _ => {}
        }
        true
    }

    /// Writes to an entry; the journal is asked if it may want the old value, or if that was a container,
    /// which it is not where that `is_light`.
    pub(super) fn store_entry(&mut self, map: Ssa, entry: Ssa, value: usize, is_light: bool) {
        self.check_entry(map, entry);
        let layout = self.plan.layout;
        let (word, payload) = self.words(value);
        let (quick, aside, join) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let epoch = self.b.ins().load(types::I64, trusted(), entry, layout.entry_epoch - layout.entry_value);
        let current = (Isolate::HEAP_OFFSET + layout.heap_epoch) as i32;
        let current = self.b.ins().load(types::I64, trusted(), self.isolate, current);
        let mut quickly = if self.plan.dropped.journal {
            self.b.ins().iconst(types::I8, 1)
        } else {
            self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, epoch, current)
        };
        if !is_light {
            let tag = self.b.ins().load(types::I8, trusted(), entry, 0);
            let light = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, tag, Value::word_of(Tag::List) as i64);
            quickly = self.b.ins().band(quickly, light);
        }
        self.b.ins().brif(quickly, quick, &[], aside, &[]);
        self.go_on_in(quick);
        self.b.ins().store(trusted(), word, entry, 0);
        self.b.ins().store(trusted(), payload, entry, Value::PAYLOAD);
        self.b.ins().jump(join, &[]);
        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        self.call_rarely(Rare::WriteEntry, &[map, entry, word, payload]);
        self.b.ins().jump(join, &[]);
        self.go_on_in(join);
    }
}
