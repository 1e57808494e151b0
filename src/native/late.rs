//! Spliced contract calls as they run (see `splice`): no frame is pushed, no checkpoint is opened, nothing is logged for
//! them. What that takes is kept ready instead: each write notes the value that it replaces in machine registers. An exit
//! in the middle of such calls makes up for it: it pushes their frames, opens their checkpoints, and logs what was written
//! in each, in order, as if that had been done at the time; then the machine runs them to their ends. A call that returns
//! in compiled code needs none of it.
//!
//! What outer checkpoints want to know is logged at once, as for any write of compiled code.
#![expect(unsafe_code, reason = "compiled code calls back with raw pointers")]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, StackSlot, StackSlotData, StackSlotKind, Value as Ssa, types};
use cranelift_frontend::Variable;

use super::context::{Context, guarded, status};
use super::lower::{Home, Lowerer, Pending, trusted};
use super::preserve::Rare;
use super::splice::{Returned, Spliced, SplicedCall, may_be_lowered};
use super::state::{Kind, Loc};
use crate::bytecode::{Arrived, Instr, Machine, Op};
use crate::ledger::Instance;
use crate::runtime::{Frame, Isolate, NO_INSTANCE, Unwind};
use crate::value::{Entry, Tag, Value};

/// Writes in spliced calls of a unit, at most: `State::written` has a bit for each.
const SITES_MAX: usize = 32;
/// Words that a write leaves for an exit.
const RECORD_WORDS: usize = 4;
const RECORD_BYTES: usize = RECORD_WORDS * 8;

/// What an exit in spliced calls has to make up for.
#[derive(Debug)]
pub(super) struct Late {
    /// Outermost first.
    calls: Box<[LateCall]>,
    /// What may have been written, in order.
    writes: Box<[LateWrite]>,
    /// Where the innermost call goes on, in its own code.
    position: u32,
    /// How the unit ends, but for its position.
    kind: i64,
    exit: u32,
}

#[derive(Debug)]
struct LateCall {
    /// Complete but for its base.
    frame: Frame,
    /// Where its window begins in that of the unit's frame.
    window: u32,
}

#[derive(Debug)]
struct LateWrite {
    /// In which of the calls.
    call: usize,
    /// Which of the records handed over tells of it.
    record: usize,
    /// The field, if it was one.
    field: Option<(u32, u16)>,
}

/// What a write leaves: the map and the entry's number, or something that is not 0; the value that stood there. The map
/// is 0 if nothing was written. Until an exit, the entry's address stands for its number where entries do not move.
type Record = [u64; RECORD_WORDS];

/// The writes of spliced calls, in the order of their execution.
#[derive(Default)]
pub(super) struct Sites {
    positions: Vec<u32>,
    vars: Vec<[Variable; RECORD_WORDS]>,
    slot: Option<StackSlot>,
    /// By receiver: the address of its fields.
    fields: Vec<Ssa>,
}

impl Lowerer<'_, '_> {
    /// At the entry: finds the receivers' fields, and the writes.
    pub(super) fn prepare_spliced(&mut self) {
        let Some(spliced) = self.plan.spliced else { return };
        for receiver in &spliced.receivers {
            let pointer = self.plan.calls.instance_fields.pointer;
            let instance = self.instance_of(receiver.id);
            let fields = self.b.ins().load(types::I64, trusted(), instance, pointer);
            self.late.fields.push(fields);
        }
        let code = self.plan.code;
        for &leader in &self.plan.region.order {
            let mut at = leader;
            loop {
                let op = code.instrs[at as usize].op;
                let writes = matches!(op, Op::IndexSet | Op::IndexSetField | Op::StoreField | Op::MakeMap);
                if writes && spliced.inside(at).is_some() && self.late.positions.len() < SITES_MAX {
                    self.late.positions.push(at);
                    let vars = [(); RECORD_WORDS].map(|()| self.b.declare_var(types::I64));
                    self.late.vars.push(vars);
                }
                at += op.words() as u32;
                let ends = op == Op::Jump || !self.plan.region.has(at) || self.plan.region.is_leader(at);
                if ends {
                    break;
                }
            }
        }
    }

    fn instance_of(&mut self, id: u32) -> Ssa {
        let first = self.b.ins().load(types::I64, trusted(), self.isolate, self.plan.calls.instances.pointer);
        self.b.ins().iadd_imm_s(first, i64::from(id) * size_of::<Instance>() as i64)
    }

    /// Where a field stands that is none of the unit's own instance.
    pub(super) fn spliced_field(&self, number: u16) -> Option<(Ssa, u16)> {
        let (receiver, field) = self.plan.spliced?.field(number)?;
        Some((self.late.fields[receiver], field))
    }

    /// Whether an instruction is a spliced call's.
    pub(super) fn is_spliced(&self, at: u32) -> bool {
        self.plan.spliced.is_some_and(|spliced| spliced.inside(at).is_some())
    }

    /// Whether an instruction is one of a spliced call that no contract's action makes.
    pub(super) fn is_entered_from_outside(&self, at: u32) -> bool {
        let inside = |spliced: &Spliced| spliced.inside(at).map(|(call, _)| spliced.calls[call].context == NO_INSTANCE);
        self.plan.spliced.and_then(inside) == Some(true)
    }

    // ---- entering and leaving ----

    /// Lowers what is something else in spliced code.
    pub(super) fn in_spliced(&mut self, at: u32, instr: Instr) -> bool {
        let Some(spliced) = self.plan.spliced else { return false };
        if self.plan.frameless {
            return self.in_itself(spliced, at);
        }
        self.window = spliced.inside(at).map_or(u16::MAX, |(call, _)| spliced.calls[call].window);
        if let Some(call) = spliced.entered_at(at) {
            self.enter_spliced(spliced, call, at, instr);
        } else if let Some((call, left)) = spliced.left_at(at) {
            self.leave_spliced(&spliced.calls[call], left, at, instr);
        } else if spliced.inside(at).is_none() {
            return false;
        } else if instr.op == Op::StoreField {
            if !self.store_field(spliced, at, instr) {
                self.leave_counted(at);
            }
        } else if !may_be_lowered(self.plan.code, at) {
            self.leave_counted(at);
        } else {
            return false;
        }
        true
    }

    /// Leaves before an instruction, always; what leaves again and again is not spliced.
    pub(super) fn leave_counted(&mut self, at: u32) {
        let exit = self.exit(at);
        self.b.ins().jump(exit, &[]);
        self.ended = true;
    }

    /// The instance must be the one seen; arguments go in as they are.
    fn enter_spliced(&mut self, spliced: &Spliced, number: usize, at: u32, instr: Instr) {
        let call = &spliced.calls[number];
        if instr.op == Op::CallMethod {
            let receiver = Self::register(instr.b - 1);
            self.guard_kind(receiver, Kind::Any(Some(Tag::Contract)), at);
            let there = self.payload(receiver);
            let wanted = spliced.receivers[call.receiver].id;
            let there = self.b.func.dfg.resolve_aliases(there);
            if self.constant_of(there).is_none_or(|known| known.id() != wanted) {
                let same = self.b.ins().icmp_imm_u(IntCC::Equal, there, i64::from(wanted));
                self.guard(same, at);
            }
        }
        if call.leaves && call.context != NO_INSTANCE {
            // One contract calls another: containers go in as copies.
            for argument in 0..instr.c {
                if !self.guard_flat(Self::register(instr.b + argument), at) {
                    return self.leave_counted(at);
                }
            }
        }
        self.count_call(call.action);
        if call.parent.is_none() {
            self.state.written = 0;
            // All words, so that none is carried from one iteration to the next.
            let none = self.int_const(0);
            for var in self.late.vars.concat() {
                self.b.def_var(var, none);
            }
        }
    }

    /// A place must hold something that is copied nowhere: no container, no function. False: it never does.
    fn guard_flat(&mut self, place: usize, at: u32) -> bool {
        match self.kind(place) {
            Kind::Any(None) => {
                let word = self.word(place);
                let tag = self.b.ins().ireduce(types::I8, word);
                let flat = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, tag, Value::word_of(Tag::List) as i64);
                self.guard(flat, at);
                true
            }
            kind => kind.tag().is_some_and(|tag| tag < Tag::List),
        }
    }

    /// The result moves to the caller's register, unless it must be copied on its way.
    fn leave_spliced(&mut self, call: &SplicedCall, left: Returned, at: u32, instr: Instr) {
        let (to, from) = (Self::register(instr.a), Self::register(instr.b));
        if instr.op == Op::LoadNull {
            self.set_constant(to, Value::NULL);
        } else {
            let stays = match self.state.locs[from] {
                Loc::Held { kind: Kind::Sunk(literals), .. } => left.fresh && self.sunk_is_flat(literals),
                _ => call.leaves && !self.plan.generic.contains(&left.at) && self.guard_flat(from, at),
            };
            if call.leaves && !stays {
                return self.leave_counted(at);
            }
            if !self.move_sunk(at + 1, to, from) {
                self.copy(to, from);
            }
        }
        if call.parent.is_none() {
            self.state.written = 0;
        }
    }

    /// Charges; if that is more than there is, the machine does.
    pub(super) fn charge_or_leave(&mut self, cost: u32, at: u32) {
        let gas = self.b.use_var(self.gas);
        let left = self.b.ins().iadd_imm_s(gas, -i64::from(cost));
        let short = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, left, 0);
        let (out, enough) = (self.way_out(at), self.b.create_block());
        self.b.ins().brif(short, out, &[], enough, &[]);
        self.go_on_in(enough);
        self.b.def_var(self.gas, left);
    }

    // ---- writes ----

    fn site(&self, at: u32) -> Option<usize> {
        self.late.positions.iter().position(|site| *site == at)
    }

    /// Whether a write at a position can be made up for, or need not be.
    pub(super) fn may_write(&self, at: u32) -> bool {
        !self.is_spliced(at) || self.site(at).is_some()
    }

    fn note(&mut self, site: usize, record: [Ssa; RECORD_WORDS]) {
        self.writes += 1;
        if self.plan.dropped.journal {
            return;
        }
        for (var, value) in self.late.vars[site].into_iter().zip(record) {
            self.b.def_var(var, value);
        }
        self.state.written |= 1 << site;
    }

    /// In a spliced call: an entry is written, in which another value stood.
    pub(super) fn note_entry(&mut self, at: u32, map: Ssa, entry: Ssa, old: (Ssa, Ssa)) {
        let Some(site) = self.site(at) else { return };
        let which = if self.entries_stay() { entry } else { self.seq_of(entry) };
        self.note(site, [map, which, old.0, old.1]);
    }

    /// Whether entries stay where they are while spliced calls run: an exit can find out their numbers.
    fn entries_stay(&self) -> bool {
        self.plan.inserting.is_empty()
    }

    fn seq_of(&mut self, entry: Ssa) -> Ssa {
        let seq = self.plan.layout.entry_seq - self.plan.layout.entry_value;
        self.b.ins().load(types::I64, trusted(), entry, seq)
    }

    /// The words of a write's record, for an exit.
    fn record_of(&mut self, site: usize) -> [Ssa; RECORD_WORDS] {
        let mut record = self.late.vars[site].map(|var| self.b.use_var(var));
        let op = self.plan.code.instrs[self.late.positions[site] as usize].op;
        if matches!(op, Op::IndexSet | Op::IndexSetField) && self.entries_stay() {
            // Where nothing was written, the map is 0, and any address will do.
            let wrote = self.b.ins().icmp_imm_u(IntCC::NotEqual, record[0], 0);
            let nowhere = self.int_const(no_entry_at_all());
            let entry = self.b.ins().select(wrote, record[1], nowhere);
            record[1] = self.seq_of(entry);
        }
        record
    }

    /// The value that an entry has, if an exit may need it; a container is the machine's to replace then.
    pub(super) fn replaced(&mut self, at: u32, entry: Ssa) -> (Ssa, Ssa) {
        if self.site(at).is_none() {
            let none = self.int_const(0);
            return (none, none);
        }
        let word = self.b.ins().load(types::I64, trusted(), entry, 0);
        let payload = self.b.ins().load(types::I64, trusted(), entry, Value::PAYLOAD);
        if self.state.finds.iter().any(|find| find.entry == entry && find.light) {
            return (word, payload);
        }
        let tag = self.b.ins().ireduce(types::I8, word);
        let light = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, tag, Value::word_of(Tag::List) as i64);
        self.guard(light, at);
        (word, payload)
    }

    /// The same of an entry that was looked up before the loop.
    pub(super) fn note_hoisted(&mut self, at: u32, map: Ssa, place: usize) {
        if let (Home::Entry(number), true) = (self.homes[place], self.site(at).is_some()) {
            let old = self.words(place);
            self.note_entry(at, map, self.entries[usize::from(number)], old);
        }
    }

    /// A literal of a spliced call may be made from now on.
    pub(super) fn note_literal(&mut self, at: u32) {
        if let Some(site) = self.site(at) {
            self.state.written |= 1 << site;
        }
    }

    /// A map was made; if `is_this`, it is that of a literal.
    pub(super) fn note_made(&mut self, literal: u32, is_this: Ssa, object: Ssa) {
        if let Some(site) = self.site(literal) {
            let none = self.int_const(0);
            let object = self.b.ins().select(is_this, object, none);
            self.b.def_var(self.late.vars[site][0], object);
        }
    }

    /// A field of a spliced call's instance gets a plain value.
    fn store_field(&mut self, spliced: &Spliced, at: u32, instr: Instr) -> bool {
        let value = Self::register(instr.a);
        let (Some(place), Some((receiver, field))) = (self.field(instr.b), spliced.field(instr.b)) else {
            return false;
        };
        let Some(site) = self.site(at).filter(|_| !self.plan.generic.contains(&at)) else { return false };
        if !self.guard_plain(value, at) {
            return false;
        }
        let id = spliced.receivers[receiver].id;
        let (word, payload) = self.words(place);
        let tag = self.b.ins().ireduce(types::I8, word);
        let light = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, tag, Value::word_of(Tag::List) as i64);
        self.guard(light, at);
        self.log_field(id, field);
        let is_field = self.int_const(1);
        self.note(site, [is_field, is_field, word, payload]);
        self.copy(place, value);
        let Loc::Held { kind, .. } = self.state.locs[place] else { return false };
        self.store_home(place, kind);
        self.state.set(place, Loc::Held { kind, dirty: false });
        if let Some(own) = self.field(field).filter(|_| id == spliced.this) {
            self.state.set(own, Loc::Home);
        }
        true
    }

    /// Has the journal keep a field's value, unless it does.
    fn log_field(&mut self, id: u32, field: u16) {
        if self.plan.dropped.journal {
            return;
        }
        let instance = self.instance_of(id);
        let epochs = self.b.ins().load(types::I64, trusted(), instance, self.plan.calls.instance_epochs.pointer);
        let epoch = self.b.ins().load(types::I64, trusted(), epochs, i32::from(field) * 8);
        let current = (Isolate::HEAP_OFFSET + self.plan.layout.heap_epoch) as i32;
        let current = self.b.ins().load(types::I64, trusted(), self.isolate, current);
        let logged = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, epoch, current);
        let (aside, join) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(logged, join, &[], aside, &[]);
        self.b.set_cold_block(aside);
        self.go_on_in(aside);
        let (id, field) = (self.int_const(i64::from(id)), self.int_const(i64::from(field)));
        self.call_rarely(Rare::LogField, &[id, field]);
        self.b.ins().jump(join, &[]);
        self.go_on_in(join);
    }

    // ---- exits ----

    /// What a way out gives; everything is written. In spliced calls the machine runs them to their ends before.
    pub(super) fn way_out_word(&mut self, pending: &Pending) -> Ssa {
        let (at, kind, exit) = (pending.position, pending.kind, pending.exit);
        if self.plan.frameless {
            let at = self.miss_calls(at);
            return self.int_const(status::word(kind, exit, at));
        }
        let spliced = self.plan.spliced.filter(|spliced| spliced.inside(at).is_some());
        let Some(spliced) = spliced else {
            let at = self.plan.spliced.map_or(at, |spliced| spliced.outside(at));
            return self.int_const(status::word(kind, exit, at));
        };
        let late = Box::new(self.made_up(spliced, at, kind, exit));
        let size = (SITES_MAX * RECORD_BYTES) as u32;
        let make = || StackSlotData::new(StackSlotKind::ExplicitSlot, size, 3);
        let slot = match self.late.slot {
            Some(slot) => slot,
            None => self.b.create_sized_stack_slot(make()),
        };
        self.late.slot = Some(slot);
        let records = self.b.ins().stack_addr(types::I64, slot, 0);
        for write in &late.writes {
            for (word, value) in self.record_of(write.record).into_iter().enumerate() {
                self.b.ins().store(trusted(), value, records, (write.record * RECORD_BYTES + word * 8) as i32);
            }
        }
        let address = self.int_const(std::ptr::from_ref(&*late) as i64);
        self.out.lates.push(late);
        let context = self.context;
        self.call(leave_late as *const () as usize, &[types::I64; 3], types::I64, &[context, address, records])
    }

    /// What an exit at a position makes up for.
    fn made_up(&self, spliced: &Spliced, at: u32, kind: i64, exit: u32) -> Late {
        let chain = spliced.around(at);
        let position = spliced.inside(at).map_or(0, |(_, position)| position);
        let call = |call: &usize| {
            let (position, _, to) = spliced.in_caller(*call);
            let call = &spliced.calls[*call];
            let this = spliced.receivers[call.receiver].id;
            let undoes = self.plan.bug != Some(super::NativeBug::KeptAfterError);
            let same = Frame::of_contract_call(call.action, position, to);
            let frame = Frame { this, context: this, leaves: call.leaves, undoes, ..same };
            LateCall { frame, window: u32::from(call.window) }
        };
        let write = |record: usize| {
            let at = self.late.positions[record];
            let around = spliced.around(at);
            let call = around.iter().zip(&chain).take_while(|(one, other)| one == other).count().checked_sub(1)?;
            let instr = self.plan.code.instrs[at as usize];
            let field = (instr.op == Op::StoreField).then(|| spliced.field(instr.b)).flatten();
            let field = field.map(|(receiver, field)| (spliced.receivers[receiver].id, field));
            Some(LateWrite { call, record, field })
        };
        let written = self.state.written;
        let lost = self.plan.bug == Some(super::NativeBug::LostUndo);
        let records = (0..self.late.positions.len()).filter(|record| written >> record & 1 != 0 && !lost);
        Late {
            calls: chain.iter().map(call).collect(),
            writes: records.filter_map(write).collect(),
            position,
            kind,
            exit,
        }
    }
}

/// The address of the value in an entry that is in no map.
fn no_entry_at_all() -> i64 {
    static NOWHERE: Entry = Entry { key: Value::UNSET, value: Value::NULL, epoch: 0, seq: 0 };
    &raw const NOWHERE.value as i64
}

/// Has the journal keep a field's value before it is written.
pub(super) extern "C" fn log_field(context: *mut Context, id: u64, field: u64) -> u64 {
    // SAFETY: compiled code passes its own context, and the isolate is not used by anybody else now.
    unsafe { (*(*context).isolate).ledger.log_field(id as u32, field as u32) };
    0
}

/// Enters the calls that compiled code is in the middle of, and has the machine run them to their ends.
extern "C" fn leave_late(context: *mut Context, late: *const Late, records: *const Record) -> i64 {
    // SAFETY: the unit that runs owns what it passes.
    let late = unsafe { &*late };
    let outermost = late.calls.first().map_or(0, |call| call.frame.resume.0);
    guarded(context, outermost, |isolate, machine| {
        let base = isolate.frame().base;
        for (number, call) in late.calls.iter().enumerate() {
            isolate.enter_late(Frame { base: base + call.window, ..call.frame });
            for write in late.writes.iter().filter(|write| write.call == number) {
                // SAFETY: compiled code has filled in the record of each of these writes.
                let record = unsafe { *records.add(write.record) };
                log_late(isolate, write, record);
            }
        }
        let mut arrived = Arrived::At(late.position);
        for call in late.calls.iter().rev() {
            arrived = finish(isolate, machine, arrived, call.frame.resume);
        }
        match arrived {
            Arrived::At(position) => status::word(late.kind, late.exit, position),
            _ => status::word(status::FAILED, if late.kind == status::GUARD { late.exit + 1 } else { 0 }, outermost),
        }
    })
}

/// Logs a write where the call that it was made in has its checkpoint now.
fn log_late(isolate: &mut Isolate, write: &LateWrite, [map, seq, word, payload]: Record) {
    if map == 0 {
        return;
    }
    if let Some((instance, field)) = write.field {
        // SAFETY: these are the words of the value that the field had.
        let old = unsafe { Value::from_words(word, payload) };
        return isolate.ledger.log_late_field(instance, u32::from(field), old);
    }
    // SAFETY: the address is that of a live map.
    let map = unsafe { Value::from_words(Value::word_of(Tag::Map), map) };
    if word == 0 {
        return isolate.ledger.log_late_map(map);
    }
    // SAFETY: as for a field.
    let old = unsafe { Value::from_words(word, payload) };
    isolate.ledger.log_late_entry(map, seq, old);
}

/// Runs the topmost frame to its end and leaves it: where its caller goes on.
pub(super) fn finish(
    isolate: &mut Isolate,
    machine: &dyn Machine,
    arrived: Arrived,
    (position, to): (u32, u32),
) -> Arrived {
    let left = match machine.finish(isolate, arrived) {
        Ok(value) => isolate.leave(value),
        Err(Unwind) => {
            isolate.leave_failed();
            Err(Unwind)
        }
    };
    let (base, action) = (isolate.frame().base, isolate.frame().action);
    isolate.top = base + u32::from(machine.code_of(action).frame_size);
    match left {
        Ok(value) => {
            isolate.slots[(base + to) as usize] = value;
            Arrived::At(position + 2)
        }
        Err(Unwind) => Arrived::Failed(position),
    }
}
