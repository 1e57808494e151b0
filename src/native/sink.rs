//! Map literals that are not made. A small literal whose keys the text names is kept as its values; reading it under
//! such a key needs no map. It is made where anything else is done with it, or where somebody else may look. What
//! making it costs is charged where the literal stands all the same.
//!
//! One place holds such a map at a time, so that there is one object for it if it is made after all; and it is never
//! carried to a place that control comes back to, so that its values are those of the literal's only execution.
#![expect(unsafe_code, reason = "compiled code passes addresses of values")]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, StackSlot, StackSlotData, StackSlotKind, Value as Ssa, types};
use cranelift_frontend::Variable;

use super::context::Context;
use super::lower::{Lowerer, trusted};
use super::state::{Kind, Loc};
use crate::bytecode::{Instr, Op};
use crate::runtime::Isolate;
use crate::value::{Tag, Value};

/// Literals of a unit that are not made, at most: `Kind::Sunk` has a bit for each.
const LITERALS_MAX: usize = 8;
/// Keys of such a literal, at most: more would cost gas by their number.
const KEYS_MAX: usize = 3;

/// What making a literal's map needs.
#[derive(Debug)]
pub(super) struct Literal {
    keys: Box<[Value]>,
    /// Which of the values handed over is its first.
    first: usize,
}

/// A literal whose instruction was lowered.
pub(super) struct Sunk {
    position: u32,
    keys: Vec<Value>,
    values: Vec<Held>,
    /// The address of its [`Literal`].
    address: i64,
}

/// A value of a literal.
#[derive(Clone, Copy)]
struct Held {
    kind: Kind,
    word: Variable,
    payload: Variable,
    /// What it always is, if the text says so.
    constant: Option<Value>,
}

/// The literals of a unit that are not made, by their numbers.
#[derive(Default)]
pub(super) struct Sinks {
    /// Where each stands, and the variables of its values.
    known: Vec<(u32, Vec<(Variable, Variable)>)>,
    literals: [Option<Sunk>; LITERALS_MAX],
    slot: Option<StackSlot>,
}

fn numbers(mask: u8) -> impl Iterator<Item = usize> {
    (0..LITERALS_MAX).filter(move |number| mask >> number & 1 != 0)
}

impl Lowerer<'_, '_> {
    /// At the entry: finds the literals.
    pub(super) fn prepare_literals(&mut self) {
        let code = self.plan.code;
        for at in 0..code.instrs.len() as u32 {
            let instr = code.instrs[at as usize];
            let small = instr.op == Op::MakeMap && usize::from(instr.c) <= KEYS_MAX && self.plan.region.has(at);
            if small && self.sinks.known.len() < LITERALS_MAX {
                let mut var = || self.b.declare_var(types::I64);
                let vars = (0..instr.c).map(|_| (var(), var())).collect();
                self.sinks.known.push((at, vars));
            }
        }
    }

    /// Where something goes back to, no literal is unmade: their values are carried no further.
    pub(super) fn drop_literals(&mut self) {
        let vars: Vec<Variable> = self.sinks.known.iter().flat_map(|(_, vars)| vars).flat_map(|v| [v.0, v.1]).collect();
        if vars.is_empty() {
            return;
        }
        let none = self.int_const(0);
        for var in vars {
            self.b.def_var(var, none);
        }
    }

    /// Lowers a map literal without making the map, if it is small and its keys are known.
    pub(super) fn sink(&mut self, at: u32, instr: Instr) -> bool {
        let count = usize::from(instr.c);
        let Some(keys) = self.literal_keys(instr).filter(|_| self.may_write(at)) else { return false };
        let Some(number) = self.sinks.known.iter().position(|(known, _)| *known == at) else { return false };
        let all_vars = self.sinks.known[number].1.clone();
        let left = self.b.ins().load(types::I64, trusted(), self.isolate, Isolate::ALLOC_OFFSET);
        let left = self.b.ins().iadd_imm_s(left, -(Isolate::map_bytes(count) as i64));
        let short = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, left, 0);
        let (out, enough) = (self.way_out(at), self.b.create_block());
        self.b.ins().brif(short, out, &[], enough, &[]);
        self.go_on_in(enough);
        self.b.ins().store(trusted(), left, self.isolate, Isolate::ALLOC_OFFSET);
        let mut values = Vec::with_capacity(count);
        for (index, vars) in all_vars.into_iter().enumerate() {
            let place = Self::register(instr.b) + 2 * index + 1;
            let kind = self.kind(place);
            let (word, payload) = self.words_of(place, kind);
            self.b.def_var(vars.0, word);
            self.b.def_var(vars.1, payload);
            let constant = self.constant_of(payload).filter(|value| Kind::of(value.tag()) == kind);
            values.push(Held { kind, word: vars.0, payload: vars.1, constant });
        }
        let literal = Box::new(Literal { keys: keys.clone().into(), first: number * KEYS_MAX });
        let address = std::ptr::from_ref(&*literal) as i64;
        self.out.literals.push(literal);
        self.sinks.literals[number] = Some(Sunk { position: at, keys, values, address });
        self.note_literal(at);
        let number_word = self.int_const(number as i64);
        self.set(Self::register(instr.a), Kind::Sunk(1 << number), number_word);
        true
    }

    /// The keys of a literal, if they are texts of the program, each another.
    fn literal_keys(&mut self, instr: Instr) -> Option<Vec<Value>> {
        let mut keys: Vec<Value> = Vec::new();
        for index in 0..usize::from(instr.c) {
            let place = Self::register(instr.b) + 2 * index;
            if self.state.locs[place].tag() != Some(Tag::Str) {
                return None;
            }
            let payload = self.payload(place);
            let key = self.constant_of(payload).filter(|key| key.is_str())?;
            if keys.iter().any(|other| other.as_str() == key.as_str()) {
                return None;
            }
            keys.push(key);
        }
        Some(keys)
    }

    /// The value under a key of a map that was not made, if a place holds one and the key is a text.
    pub(super) fn read_sunk(&mut self, to: usize, object: usize, key: Value) -> bool {
        let Loc::Held { kind: Kind::Sunk(mask), .. } = self.state.locs[object] else { return false };
        if !key.is_str() {
            return false;
        }
        let which = self.payload(object);
        let mut found: Option<(Kind, Ssa, Ssa)> = None;
        // What it is in all literals so far, if that is one constant.
        let mut same = None;
        for number in numbers(mask) {
            let Some((kind, word, payload, constant)) = self.sunk_value(number, key) else { continue };
            let is_same = |other: Value| constant.is_some_and(|value| value.raw_eq(other));
            if found.is_some() && same.is_some_and(is_same) {
                continue;
            }
            same = constant.filter(|_| found.is_none());
            found = Some(match found {
                None => (kind, word, payload),
                Some((other_kind, other_word, other_payload)) => {
                    let is_this = self.b.ins().icmp_imm_u(IntCC::Equal, which, number as i64);
                    let word = self.b.ins().select(is_this, word, other_word);
                    let payload = self.b.ins().select(is_this, payload, other_payload);
                    let tag = kind.tag().filter(|tag| other_kind.tag() == Some(*tag));
                    (if kind == other_kind { kind } else { Kind::Any(tag) }, word, payload)
                }
            });
        }
        let Some((kind, word, payload)) = found else { return false };
        match kind {
            Kind::Float => {
                let float = self.b.ins().bitcast(types::F64, MemFlagsData::new(), payload);
                self.set_float(to, float);
            }
            Kind::Any(tag) => self.set_any(to, tag, word, payload),
            kind => self.set(to, kind, payload),
        }
        true
    }

    /// Null if the literal has no such key; nothing if the literal was not lowered, so that no way leads here from it.
    fn sunk_value(&mut self, number: usize, key: Value) -> Option<(Kind, Ssa, Ssa, Option<Value>)> {
        let sunk = self.sinks.literals[number].as_ref()?;
        let Some(index) = sunk.keys.iter().position(|other| other.as_str() == key.as_str()) else {
            return Some((Kind::Null, self.int_const(Value::NULL.word() as i64), self.int_const(0), Some(Value::NULL)));
        };
        let Held { kind, word, payload, constant } = sunk.values[index];
        if let Some(value) = constant {
            let (word, payload) = (self.int_const(value.word() as i64), self.constant_payload(value));
            return Some((kind, word, payload, constant));
        }
        Some((kind, self.b.use_var(word), self.b.use_var(payload), None))
    }

    /// Whether all values of a map that was not made are known to be neither containers nor functions.
    pub(super) fn sunk_is_flat(&self, mask: u8) -> bool {
        let flat = |kind: &Kind| kind.tag().is_some_and(|tag| tag < Tag::List && !is_function(tag));
        numbers(mask)
            .filter_map(|number| self.sinks.literals[number].as_ref())
            .all(|sunk| sunk.values.iter().all(|held| flat(&held.kind)))
    }

    /// Makes the map: gives its address.
    pub(super) fn make_sunk_map(&mut self, place: usize, mask: u8) -> Ssa {
        let which = self.payload(place);
        let slot = *self.sinks.slot.get_or_insert_with(|| {
            let size = LITERALS_MAX * KEYS_MAX * size_of::<Value>();
            self.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, size as u32, 3))
        });
        let handed = self.b.ins().stack_addr(types::I64, slot, 0);
        let mut literal = self.int_const(0);
        let mut candidates = Vec::new();
        for number in numbers(mask) {
            let Some(sunk) = &self.sinks.literals[number] else { continue };
            let (address, values, position) = (sunk.address, sunk.values.clone(), sunk.position);
            for (index, Held { word, payload, .. }) in values.into_iter().enumerate() {
                let (word, payload) = (self.b.use_var(word), self.b.use_var(payload));
                let offset = ((number * KEYS_MAX + index) * size_of::<Value>()) as i32;
                self.b.ins().store(trusted(), word, handed, offset);
                self.b.ins().store(trusted(), payload, handed, offset + Value::PAYLOAD);
            }
            let is_this = self.b.ins().icmp_imm_u(IntCC::Equal, which, number as i64);
            let address = self.int_const(address);
            literal = self.b.ins().select(is_this, address, literal);
            candidates.push((position, is_this));
        }
        let context = self.context;
        let object =
            self.call(make_literal as *const () as usize, &[types::I64; 3], types::I64, &[context, literal, handed]);
        for (position, is_this) in candidates {
            self.note_made(position, is_this, object);
        }
        object
    }

    /// Makes what a place holds, if it is a map that was not made.
    pub(super) fn settle_sunk(&mut self, place: usize) {
        if let Loc::Held { kind: Kind::Sunk(mask), .. } = self.state.locs[place] {
            let object = self.make_sunk_map(place, mask);
            let word = self.int_const(Value::word_of(Tag::Map) as i64);
            self.def_word(place, word);
            self.def_payload(place, object);
            self.state.set(place, Loc::Held { kind: Kind::Any(Some(Tag::Map)), dirty: true });
        }
    }

    /// The same for all places that are live before a position.
    pub(super) fn settle_all_sunk(&mut self, position: u32) {
        for place in 0..self.homes.len() {
            if self.is_live(position, place) {
                self.settle_sunk(place);
            }
        }
    }

    /// `a = b` where `b` holds a map that was not made and is not read any more: it moves.
    pub(super) fn move_sunk(&mut self, next: u32, to: usize, from: usize) -> bool {
        let Loc::Held { kind: kind @ Kind::Sunk(_), .. } = self.state.locs[from] else { return false };
        if to == from || self.is_live(next, from) {
            return false;
        }
        let which = self.payload(from);
        self.state.set(from, Loc::Home);
        self.set(to, kind, which);
        true
    }
}

fn is_function(tag: Tag) -> bool {
    matches!(tag, Tag::Class | Tag::Builtin | Tag::EnumType | Tag::Module | Tag::Unset)
}

/// Makes a literal's map from its values. It is charged for where the literal stands.
extern "C" fn make_literal(context: *mut Context, literal: *const Literal, handed: *const Value) -> u64 {
    // SAFETY: compiled code passes its own context, a literal that its unit owns, and its values, of which the literal
    // says where they stand; nobody else uses the isolate now.
    let (isolate, literal, values) = unsafe {
        let literal = &*literal;
        (&mut *(*context).isolate, literal, std::slice::from_raw_parts(handed.add(literal.first), literal.keys.len()))
    };
    isolate.make_map_of(&literal.keys, values).payload()
}
