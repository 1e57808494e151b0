//! Reading and writing places: what is held in machine registers, as what, and what stands in memory.

use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value as Ssa, types};

use super::lower::{Home, Lowerer, trusted};
use super::ranges::{Fact, Range};
use super::state::{Kind, Loc};
use crate::value::{Tag, Value};

impl Lowerer<'_, '_> {
    /// The place of a register.
    pub(super) fn register(register: u16) -> usize {
        usize::from(register)
    }

    /// The place of a global, if it has one.
    pub(super) fn global(&self, index: u32) -> Option<usize> {
        self.places.get(&Home::Global(index)).copied()
    }

    /// The place of a contract field, if it has one.
    pub(super) fn field(&self, index: u16) -> Option<usize> {
        self.places.get(&Home::Field(index)).copied()
    }

    /// What a place holds now, outside.
    pub(super) fn seen(&self, place: usize) -> Option<Value> {
        match self.homes[place] {
            Home::Register(_) if self.hints.contains_key(&place) => self.hints.get(&place),
            // A spliced call's registers lie where others were.
            Home::Register(register) if register >= self.window => None,
            Home::Register(register) => self.plan.seen.get(usize::from(register)),
            Home::Global(global) => self.plan.globals.get(global as usize),
            Home::Field(field) => match self.plan.spliced.filter(|spliced| spliced.field(field).is_some()) {
                Some(spliced) => return spliced.field_now(field, self.plan.instances),
                None => self.plan.fields.get(usize::from(field)),
            },
            Home::Entry(entry) => return self.seen_entry(&self.learnt.wanted[usize::from(entry)]),
        }
        .copied()
    }

    /// The tag of that.
    pub(super) fn guess(&self, place: usize) -> Option<Tag> {
        if self.leaf_results.contains(&place) {
            return Some(Tag::Wide);
        }
        self.seen(place).map(Value::tag).filter(|tag| *tag != Tag::Unset)
    }

    fn address(&mut self, place: usize) -> (Ssa, i32) {
        let (base, index) = match self.homes[place] {
            Home::Register(register) => (self.base, i32::from(register)),
            Home::Global(global) => (self.globals, global as i32),
            Home::Field(field) => match self.spliced_field(field) {
                Some((fields, field)) => (fields, i32::from(field)),
                None => (self.fields, i32::from(field)),
            },
            Home::Entry(entry) => (self.entries[usize::from(entry)], 0),
        };
        self.check_place(place, base);
        (base, index * size_of::<Value>() as i32)
    }

    pub(super) fn def_word(&mut self, place: usize, value: Ssa) {
        let var = *self.vars[place].word.get_or_insert_with(|| self.b.declare_var(types::I64));
        self.b.def_var(var, value);
    }

    pub(super) fn def_payload(&mut self, place: usize, value: Ssa) {
        let var = *self.vars[place].payload.get_or_insert_with(|| self.b.declare_var(types::I64));
        self.b.def_var(var, value);
    }

    fn def_float(&mut self, place: usize, value: Ssa) {
        self.has_floats();
        let var = *self.vars[place].float.get_or_insert_with(|| self.b.declare_var(types::F64));
        self.b.def_var(var, value);
    }

    fn use_word(&mut self, place: usize) -> Ssa {
        if let Some((word, _)) = self.fixed.get(&place) {
            return *word;
        }
        let var = *self.vars[place].word.get_or_insert_with(|| self.b.declare_var(types::I64));
        self.b.use_var(var)
    }

    fn use_payload(&mut self, place: usize) -> Ssa {
        if let Some((_, payload)) = self.fixed.get(&place) {
            return *payload;
        }
        let var = *self.vars[place].payload.get_or_insert_with(|| self.b.declare_var(types::I64));
        self.b.use_var(var)
    }

    fn use_float(&mut self, place: usize) -> Ssa {
        self.has_floats();
        let var = *self.vars[place].float.get_or_insert_with(|| self.b.declare_var(types::F64));
        self.b.use_var(var)
    }

    pub(super) fn load_payload(&mut self, place: usize, kind: Kind) {
        let (base, offset) = self.address(place);
        let offset = offset + Value::PAYLOAD;
        if kind == Kind::Float {
            let value = self.b.ins().load(types::F64, trusted(), base, offset);
            self.def_float(place, value);
        } else {
            let value = self.b.ins().load(types::I64, trusted(), base, offset);
            self.def_payload(place, value);
        }
        self.state.set(place, Loc::Held { kind, dirty: false });
        self.state.set_fact(place, Fact::NONE);
    }

    /// Everything held that is live at a position was written: takes it from its memory again, so that nothing of the
    /// loop is in machine registers over the call before.
    pub(super) fn reload_held(&mut self, position: u32) {
        for place in 0..self.homes.len() {
            let Loc::Held { kind, .. } = self.state.locs[place] else { continue };
            if self.fixed.contains_key(&place) || kind == Kind::Null || !self.is_live(position, place) {
                continue;
            }
            let (base, offset) = self.address(place);
            if kind == Kind::Float {
                let value = self.b.ins().load(types::F64, trusted(), base, offset + Value::PAYLOAD);
                self.def_float(place, value);
                continue;
            }
            if matches!(kind, Kind::Any(_)) {
                let word = self.b.ins().load(types::I64, trusted(), base, offset);
                self.def_word(place, word);
            }
            let payload = self.b.ins().load(types::I64, trusted(), base, offset + Value::PAYLOAD);
            self.def_payload(place, payload);
        }
    }

    /// What a place holds; it is in registers then.
    pub(super) fn kind(&mut self, place: usize) -> Kind {
        self.settle_sunk(place);
        if let Loc::Held { kind, .. } = self.state.locs[place] {
            return kind;
        }
        let (base, offset) = self.address(place);
        let word = self.b.ins().load(types::I64, trusted(), base, offset);
        let payload = self.b.ins().load(types::I64, trusted(), base, offset + Value::PAYLOAD);
        self.def_word(place, word);
        self.def_payload(place, payload);
        let kind = Kind::Any(None);
        self.state.set(place, Loc::Held { kind, dirty: false });
        self.state.set_fact(place, Fact::NONE);
        kind
    }

    /// The place is now known to hold a kind: the word has been looked at.
    pub(super) fn refine(&mut self, place: usize, kind: Kind) {
        let dirty = self.state.locs[place].is_dirty();
        if kind == Kind::Float {
            let bits = self.use_payload(place);
            let float = self.b.ins().bitcast(types::F64, MemFlagsData::new(), bits);
            self.def_float(place, float);
        }
        self.state.set(place, Loc::Held { kind, dirty });
    }

    /// The payload of an integer, boolean or object that a place holds.
    pub(super) fn payload(&mut self, place: usize) -> Ssa {
        self.use_payload(place)
    }

    pub(super) fn float(&mut self, place: usize) -> Ssa {
        self.use_float(place)
    }

    /// The first word of a place that holds any value.
    pub(super) fn word(&mut self, place: usize) -> Ssa {
        self.use_word(place)
    }

    /// Both words of what a place holds.
    pub(super) fn words(&mut self, place: usize) -> (Ssa, Ssa) {
        let kind = self.kind(place);
        self.words_of(place, kind)
    }

    pub(super) fn words_of(&mut self, place: usize, kind: Kind) -> (Ssa, Ssa) {
        match kind {
            Kind::Any(_) => (self.use_word(place), self.use_payload(place)),
            Kind::Float => {
                let float = self.use_float(place);
                let bits = self.b.ins().bitcast(types::I64, MemFlagsData::new(), float);
                (self.int_const(Value::word_of(Tag::Float) as i64), bits)
            }
            Kind::Null => (self.int_const(Value::word_of(Tag::Null) as i64), self.int_const(0)),
            Kind::Sunk(literals) => {
                let object = self.make_sunk_map(place, literals);
                (self.int_const(Value::word_of(Tag::Map) as i64), object)
            }
            Kind::Int | Kind::Bool => {
                let tag = if kind == Kind::Int { Tag::Int } else { Tag::Bool };
                (self.int_const(Value::word_of(tag) as i64), self.use_payload(place))
            }
        }
    }

    pub(super) fn store_home(&mut self, place: usize, kind: Kind) {
        let (word, payload) = self.words_of(place, kind);
        let (base, offset) = self.address(place);
        self.b.ins().store(trusted(), word, base, offset);
        self.b.ins().store(trusted(), payload, base, offset + Value::PAYLOAD);
    }

    /// The words that stand in a place's memory.
    pub(super) fn load_home(&mut self, place: usize) -> (Ssa, Ssa) {
        let (base, offset) = self.address(place);
        let word = self.b.ins().load(types::I64, trusted(), base, offset);
        (word, self.b.ins().load(types::I64, trusted(), base, offset + Value::PAYLOAD))
    }

    pub(super) fn written(&mut self, place: usize, kind: Kind) {
        self.writes += 1;
        self.hints.remove(&place);
        self.leaf_results.remove(&place);
        self.state.set(place, Loc::Held { kind, dirty: true });
        self.state.set_fact(place, Fact::NONE);
    }

    /// Sets a place to an integer, boolean or null.
    pub(super) fn set(&mut self, place: usize, kind: Kind, payload: Ssa) {
        self.def_payload(place, payload);
        self.written(place, kind);
    }

    pub(super) fn set_float(&mut self, place: usize, value: Ssa) {
        self.def_float(place, value);
        self.written(place, Kind::Float);
    }

    /// Sets a place to a value of two words.
    pub(super) fn set_any(&mut self, place: usize, tag: Option<Tag>, word: Ssa, payload: Ssa) {
        self.def_word(place, word);
        self.def_payload(place, payload);
        self.written(place, Kind::Any(tag));
    }

    /// Whether a place is a temporary of which nothing is known but what it holds now, which is something else.
    pub(super) fn is_stale(&self, place: usize) -> bool {
        let known = self.hints.contains_key(&place) || self.leaf_results.contains(&place);
        let fixed = self.plan.info.action(self.plan.code.action).fixed_slots;
        matches!(self.homes[place], Home::Register(register) if register >= fixed) && !known
    }

    /// The place was set to the result of a leaf operation that gives large integers from large ones.
    pub(super) fn expect_wide(&mut self, place: usize) {
        if self.is_stale(place) {
            self.leaf_results.insert(place);
        }
    }

    /// A register will probably hold this.
    pub(super) fn hint(&mut self, place: usize, value: Option<Value>) {
        if let (Home::Register(_), Some(value)) = (self.homes[place], value) {
            self.hints.insert(place, value);
        }
    }

    /// Copies a place.
    pub(super) fn copy(&mut self, to: usize, from: usize) {
        if to == from {
            return;
        }
        let (seen, is_result) = (self.seen(from), self.leaf_results.contains(&from));
        self.copy_words(to, from);
        self.same_value(to, from);
        if is_result {
            self.expect_wide(to);
        } else {
            self.hint(to, seen);
        }
    }

    fn copy_words(&mut self, to: usize, from: usize) {
        match self.kind(from) {
            Kind::Float => {
                let value = self.use_float(from);
                self.set_float(to, value);
            }
            Kind::Any(tag) => {
                let (word, payload) = (self.use_word(from), self.use_payload(from));
                self.set_any(to, tag, word, payload);
            }
            Kind::Null => self.set_constant(to, Value::NULL),
            kind => {
                let value = self.use_payload(from);
                self.set(to, kind, value);
            }
        }
    }

    /// Sets a place to a constant.
    pub(super) fn set_constant(&mut self, place: usize, value: Value) {
        let kind = Kind::of(value.tag());
        if kind == Kind::Float {
            let float = self.b.ins().f64const(value.as_float());
            self.set_float(place, float);
            return;
        }
        let payload = self.constant_payload(value);
        if let Kind::Any(tag) = kind {
            let word = self.int_const(value.word() as i64);
            self.set_any(place, tag, word, payload);
        } else {
            self.set(place, kind, payload);
        }
        if kind == Kind::Int {
            self.bound(place, Range::exactly(value.as_int()));
        }
    }

    /// The payload of a constant.
    pub(super) fn constant_payload(&mut self, value: Value) -> Ssa {
        let payload = self.int_const(value.payload() as i64);
        self.constants.insert(payload, value);
        payload
    }

    /// The constant whose payload this is.
    pub(super) fn constant_of(&self, payload: Ssa) -> Option<Value> {
        self.constants.get(&payload).copied()
    }
}
