//! Quiet loops: those in which the machine executes nothing but what has to do with gas and the poll. Nothing but the
//! loop itself then changes maps, globals and fields. So
//!
//! - a header asks for the gas up to the next header at once, and the blocks inside only subtract; where there is less,
//!   the machine goes on and stops exactly where it must;
//! - the poll is looked at once in a stretch of gas: both questions are one compare of the gas with a floor;
//! - calls of inlined leaves are counted in registers;
//! - maps that stand in globals or fields which the loop does not assign are checked once, before it;
//! - entries under constant keys are found once, before the loop, and their values are places like any other: held in
//!   registers over iterations, written at exits. Their addresses are compared with one another, since two names may
//!   mean one map, and are asked for their journal entry before the first write.
//!
//! That a loop is quiet is believed until an instruction needs the machine; then everything is lowered again.

use std::collections::{BTreeSet, HashMap};

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as Ssa, types};
use cranelift_frontend::Variable;

use super::context::no_entry;
use super::liveness::successors;
use super::lower::{Home, Lowerer, Plan, trusted};
use super::preserve::Rare;
use super::probe::Probe;
use super::splice::Spliced;
use super::state::{Kind, Loc};
use crate::bytecode::{Instr, Op};
use crate::runtime::Isolate;
use crate::runtime::info::ActionId;
use crate::value::{Tag, Value};

/// Entries that are looked up before a loop, at most: each is compared with each.
const ENTRIES_MAX: usize = 8;

/// An entry to be looked up before the loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Where the map stands.
    map: Home,
    /// A constant.
    key: Value,
    /// Whether the loop writes to it.
    stored: bool,
}

impl Wanted {
    /// Where its map stands.
    pub(super) fn map(&self) -> Home {
        self.map
    }
}

/// Gas that a quiet loop may take between two looks at the poll.
const UNPOLLED_GAS: i64 = 1 << 14;

/// The most gas that is taken from one header to the next; none if the loop cannot be quiet.
pub(super) fn path_gas(plan: &Plan<'_>) -> Option<i64> {
    let (code, region) = (plan.code, plan.region);
    if code.instrs[plan.entry as usize].op != Op::LoopHeader {
        return None;
    }
    let mut before: HashMap<u32, i64> = HashMap::new();
    let mut most = 0;
    // Every circle leads through a header; so this ends once the longest way has been gone.
    for _ in 0..=region.order.len() {
        let mut grown = false;
        for &leader in &region.order {
            let mut gas = before.get(&leader).copied().unwrap_or(0);
            let mut at = leader;
            let after = loop {
                let instr = code.instrs[at as usize];
                match instr.op {
                    Op::LoopHeader if at != plan.entry && plan.spliced.is_some() => return None,
                    Op::LoopHeader => gas = i64::from(instr.number()),
                    Op::Gas => gas += i64::from(instr.number()),
                    // The entry.
                    Op::IndexSet | Op::IndexSetField if plan.inserting.contains(&at) => gas += 1,
                    _ => {}
                }
                most = most.max(gas);
                match successors(code, at) {
                    (Some(next), None) if region.has(next) && !region.is_leader(next) => at = next,
                    (next, target) => break [next, target],
                }
            };
            for next in after.into_iter().flatten().filter(|next| region.has(*next)) {
                let known = before.entry(next).or_insert(0);
                grown |= gas > *known;
                *known = gas.max(*known);
            }
        }
        if !grown {
            return Some(most).filter(|most| *most < i64::from(i32::MAX));
        }
    }
    None
}

impl Lowerer<'_, '_> {
    /// The loop is not quiet: the next attempt does not believe it.
    #[cold]
    pub(super) fn not_quiet(&mut self) {
        self.learnt.path_gas = None;
        self.learnt.wanted.clear();
        self.learnt.seeds.clear();
        self.quiet = false;
        self.again = true;
    }

    /// Takes gas that the header has asked for.
    pub(super) fn spend(&mut self, cost: u32) {
        let gas = self.b.use_var(self.gas);
        let left = self.b.ins().iadd_imm_s(gas, -i64::from(cost));
        self.b.def_var(self.gas, left);
    }

    /// Before the loop: nothing is known of the poll, and no call has been made.
    pub(super) fn begin_quiet(&mut self) {
        let most = self.int_const(i64::MAX);
        self.b.def_var(self.floor, most);
        let leaves = self
            .plan
            .code
            .instrs
            .iter()
            .enumerate()
            .filter(|(at, instr)| instr.op == Op::EnterInlined && self.plan.region.has(*at as u32));
        let spliced = self.plan.spliced.map_or(&[][..], |spliced| &spliced.calls);
        let called = leaves.map(|(_, instr)| instr.number()).chain(spliced.iter().map(|call| call.action.0));
        for leaf in called.collect::<BTreeSet<_>>() {
            let count = self.b.declare_var(types::I64);
            self.counted.insert(leaf, count);
        }
        self.forget_counts();
    }

    fn forget_counts(&mut self) {
        let zero = self.int_const(0);
        for count in self.counted.values().copied().collect::<Vec<_>>() {
            self.b.def_var(count, zero);
        }
    }

    /// Counts a call in a register.
    pub(super) fn count_quietly(&mut self, count: Variable) {
        let more = self.b.use_var(count);
        let more = self.b.ins().iadd_imm_s(more, 1);
        self.b.def_var(count, more);
    }

    /// Adds to their counters the calls that were made.
    pub(super) fn settle_counts(&mut self) {
        for (leaf, count) in self.counted.clone() {
            let more = self.b.use_var(count);
            self.count_calls(ActionId(leaf), more);
        }
    }

    /// The header: where the gas is above the floor, there is enough for an iteration, and the poll was looked at a
    /// short while ago. Else looks at both. What is not as usual is the machine's.
    pub(super) fn quiet_header(&mut self, at: u32, cost: u32, path_gas: i64) {
        if at != self.plan.entry {
            self.settle_all_sunk(at);
        }
        if self.plan.dropped.gas {
            return;
        }
        let (look, here, join) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let (aside, goes_on) = (self.b.create_block(), self.b.create_block());
        let (gas, floor) = (self.b.use_var(self.gas), self.b.use_var(self.floor));
        let low = self.b.ins().icmp(IntCC::SignedLessThan, gas, floor);
        self.b.ins().brif(low, look, &[], here, &[]);

        self.b.set_cold_block(look);
        self.go_on_in(look);
        let wanted = self.poll_wanted();
        let short = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, gas, path_gas);
        let short = self.b.ins().uextend(types::I32, short);
        let either = self.b.ins().bor(wanted, short);
        self.b.ins().brif(either, aside, &[], goes_on, &[]);
        self.b.set_cold_block(goes_on);
        self.go_on_in(goes_on);
        let lower = self.b.ins().iadd_imm_s(gas, -UNPOLLED_GAS);
        let least = self.int_const(path_gas);
        let floor = self.b.ins().smax(lower, least);
        self.b.def_var(self.floor, floor);
        self.b.ins().jump(here, &[]);

        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        self.flush(at);
        let went = self.call_step_rarely(at);
        self.went_to(went, at + 1);
        self.forget_counts();
        if self.stub(Rare::Step).is_none() {
            self.reload_held(at);
        }
        let most = self.int_const(i64::MAX);
        self.b.def_var(self.floor, most);
        let gas = self.b.use_var(self.gas);
        let short = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, gas, path_gas - i64::from(cost));
        let out = self.way_out(at + 1);
        self.b.ins().brif(short, out, &[], join, &[]);

        self.go_on_in(here);
        self.spend(cost);
        self.b.ins().jump(join, &[]);
        self.go_on_in(join);
    }

    // ---- before the loop ----

    /// Looks up what stays the same over the loop.
    pub(super) fn hoist(&mut self) {
        for place in 0..self.homes.len() {
            let is_fixed = match self.homes[place] {
                Home::Global(global) => !self.assigns(Op::StoreGlobal, global),
                Home::Field(field) => !self.assigns(Op::StoreField, u32::from(field)),
                Home::Register(_) | Home::Entry(_) => false,
            };
            let home = self.learnt.seeds.get(&self.plan.entry).is_some_and(|seed| seed.locs[place] == Loc::Home);
            if let Some(tag @ (Tag::Map | Tag::List | Tag::Contract)) = self.guess(place)
                && is_fixed
                && !home
            {
                self.out.checks.push((self.homes[place], Value::word_of(tag)));
                self.kind(place);
                let words = self.words(place);
                self.fixed.insert(place, words);
                self.state.set(place, Loc::Held { kind: Kind::Any(Some(tag)), dirty: false });
                self.look_inside(place, tag, words.1);
                if tag == Tag::Map && self.is_written_to(place) {
                    let flags = self.b.ins().load(types::I8, trusted(), words.1, self.plan.layout.flags);
                    let plain = self.b.ins().icmp_imm_u(IntCC::Equal, flags, 0);
                    self.guard_hoist(plain);
                    self.open.insert(place);
                }
            }
        }
        for entry in 0..self.learnt.wanted.len() {
            if !self.hoist_entry(entry) {
                return self.not_quiet();
            }
        }
    }

    /// Where the parts are of what the loop does not replace: nothing but the loop itself changes them.
    fn look_inside(&mut self, place: usize, tag: Tag, object: Ssa) {
        let Some(now) = self.seen(place).filter(|value| value.tag() == tag) else { return };
        if tag != Tag::Contract {
            self.check_object(tag, object);
        }
        let layout = self.plan.layout;
        let mut load = |offset: i32| self.b.ins().load(types::I64, trusted(), object, offset);
        match tag {
            Tag::List => {
                let parts = (load(layout.list_items.length), load(layout.list_items.pointer));
                self.lists.insert(object, parts);
            }
            Tag::Map if self.plan.inserting.is_empty() && self.plan.heap.map(now).map.is_indexed() => {
                let length = load(layout.map_index.length);
                let (slots, entries) = (load(layout.map_index.pointer), load(layout.map_entries.pointer));
                let indexed = self.b.ins().icmp_imm_u(IntCC::NotEqual, length, 0);
                self.guard_hoist(indexed);
                let mask = self.b.ins().iadd_imm_s(length, -1);
                self.probes.insert(object, Probe { mask, slots, entries });
            }
            Tag::Contract => {
                let is_receiver = |spliced: &Spliced| spliced.receivers.iter().any(|receiver| receiver.id == now.id());
                if self.plan.spliced.is_some_and(is_receiver) {
                    let same = self.b.ins().icmp_imm_u(IntCC::Equal, object, i64::from(now.id()));
                    self.guard_hoist(same);
                    self.constants.insert(object, now);
                }
            }
            _ => {}
        }
    }

    /// Whether the loop assigns elements of what stands in a field.
    fn is_written_to(&self, place: usize) -> bool {
        let Home::Field(field) = self.homes[place] else { return false };
        let writes = |(at, instr): (usize, &Instr)| {
            instr.op == Op::IndexSetField && instr.a == field && self.plan.region.has(at as u32)
        };
        self.plan.code.instrs.iter().enumerate().any(writes)
    }

    fn assigns(&self, op: Op, number: u32) -> bool {
        // Two numbers may mean one field: those of the same index are believed to.
        let index =
            |field: u16| self.plan.spliced.and_then(|spliced| spliced.field(field)).map_or(field, |(_, index)| index);
        let assigns = |at: &usize| {
            let instr = self.plan.code.instrs[*at];
            let same = match op {
                Op::StoreField => index(instr.b) == index(number as u16),
                _ => instr.number() == number,
            };
            instr.op == op && same && self.plan.region.has(*at as u32)
        };
        (0..self.plan.code.instrs.len()).any(|at| assigns(&at))
    }

    /// Looks up one entry; whether that makes sense.
    fn hoist_entry(&mut self, number: usize) -> bool {
        let Wanted { map, key, stored } = self.learnt.wanted[number];
        let place = self.places[&Home::Entry(number as u16)];
        let Some((_, map)) = self.places.get(&map).and_then(|map| self.fixed.get(map)).copied() else { return false };
        let Some(kind @ (Kind::Int | Kind::Float | Kind::Bool)) = self.guess(place).map(Kind::of) else {
            return false;
        };
        let layout = self.plan.layout;
        let flags = self.b.ins().load(types::I8, trusted(), map, layout.flags);
        let plain = self.b.ins().icmp_imm_u(IntCC::Equal, flags, 0);
        self.guard_hoist(plain);
        let word = self.int_const(key.word() as i64);
        let payload = self.constant_payload(key);
        let entry = self.call_rarely(Rare::Find, &[map, word, payload]);
        let none = self.int_const(no_entry() as i64);
        let there = self.b.ins().icmp(IntCC::NotEqual, entry, none);
        self.guard_hoist(there);
        for other in self.entries.clone() {
            let apart = self.b.ins().icmp(IntCC::NotEqual, entry, other);
            self.guard_hoist(apart);
        }
        let word = self.b.ins().load(types::I64, trusted(), entry, 0);
        let fits = self.b.ins().icmp_imm_u(IntCC::Equal, word, Value::word_of(kind.tag().unwrap_or(Tag::Null)) as i64);
        self.guard_hoist(fits);
        if stored {
            self.log_entry(map, entry, word);
        }
        self.entries.push(entry);
        let seed = self.learnt.seeds.get(&self.plan.entry).map(|seed| seed.locs[place]);
        if seed != Some(Loc::Home) {
            self.load_payload(place, kind);
        }
        true
    }

    /// Leaves at the header, where nothing has happened yet, unless `holds`.
    fn guard_hoist(&mut self, holds: Ssa) {
        let exit = self.out.exits.len() as u32;
        self.guard(holds, self.plan.entry);
        if self.out.exits.len() as u32 > exit {
            self.out.hoist_exits.insert(exit);
        }
    }

    /// Has the journal keep the entry's value, unless it does: the loop writes to it without asking.
    fn log_entry(&mut self, map: Ssa, entry: Ssa, word: Ssa) {
        let layout = self.plan.layout;
        let epoch = self.b.ins().load(types::I64, trusted(), entry, layout.entry_epoch - layout.entry_value);
        let current = (Isolate::HEAP_OFFSET + layout.heap_epoch) as i32;
        let current = self.b.ins().load(types::I64, trusted(), self.isolate, current);
        let logged = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, epoch, current);
        let (aside, join) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(logged, join, &[], aside, &[]);
        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        let payload = self.b.ins().load(types::I64, trusted(), entry, Value::PAYLOAD);
        self.call_rarely(Rare::WriteEntry, &[map, entry, word, payload]);
        self.b.ins().jump(join, &[]);
        self.go_on_in(join);
    }

    // ---- in the loop ----

    /// The place of the entry that an access means, if it was looked up before the loop. If it could have been, the
    /// next attempt does so.
    pub(super) fn entry_of(&mut self, object: usize, key: Ssa, stored: bool) -> Option<usize> {
        // A key that is put in moves entries.
        if !self.quiet || !self.plan.inserting.is_empty() {
            return None;
        }
        let key = self.constant_of(key)?;
        let map = self.payload(object);
        let map = self.fixed.iter().find(|(_, words)| words.1 == map).map(|(place, _)| self.homes[*place])?;
        let known = self.learnt.wanted.iter().position(|wanted| wanted.map == map && wanted.key.raw_eq(key));
        if let Some(number) = known {
            let wanted = &mut self.learnt.wanted[number];
            if stored && !wanted.stored {
                wanted.stored = true;
                self.again = true;
            }
            return self.places.get(&Home::Entry(number as u16)).copied();
        }
        let wanted = Wanted { map, key, stored };
        let kind = self.seen_entry(&wanted).map(|value| Kind::of(value.tag()));
        if matches!(kind, Some(Kind::Int | Kind::Float | Kind::Bool)) && self.learnt.wanted.len() < ENTRIES_MAX {
            self.learnt.wanted.push(wanted);
            self.learnt.seeds.clear();
            self.again = true;
        }
        None
    }

    /// The value of an entry now.
    pub(super) fn seen_entry(&self, wanted: &Wanted) -> Option<Value> {
        let map = self.seen(*self.places.get(&wanted.map)?).filter(|map| map.is_map())?;
        self.plan.heap.map(map).map.get(wanted.key)
    }

    /// Another access may mean an entry that is held in registers: its memory is brought up to date.
    pub(super) fn settle_entries(&mut self) {
        for place in 0..self.homes.len() {
            if let (Home::Entry(_), Loc::Held { kind, dirty: true }) = (self.homes[place], self.state.locs[place]) {
                self.store_home(place, kind);
                self.state.set(place, Loc::Held { kind, dirty: false });
            }
        }
    }

    /// Another access may have written to an entry: what is held of them is no longer known.
    pub(super) fn doubt_entries(&mut self) {
        for place in 0..self.homes.len() {
            if matches!(self.homes[place], Home::Entry(_)) {
                self.state.set(place, Loc::Home);
            }
        }
    }
}
