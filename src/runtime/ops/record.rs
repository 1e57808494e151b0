//! Entities and data: making them, their fields and methods. A record may stand in contract state, so that its
//! fields are written through the journal and stored values are copied, as with lists and maps.

use super::super::call::{NO_INSTANCE, Target};
use super::super::gas;
use super::super::info::{ActionId, ClassId, ClassKind, FieldDefault, Symbol};
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use crate::value::{BoundKind, Tag, Value};

/// How a new record's values are given; they stand in consecutive slots.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// `E(a, b)`: so many, in the order of the fields.
    Positions(u32),
    /// `E{f: a}`: for these fields.
    Fields(&'a [u16]),
}

impl Given<'_> {
    fn count(self) -> u32 {
        match self {
            Given::Positions(count) => count,
            Given::Fields(fields) => fields.len() as u32,
        }
    }

    fn field(self, index: u32) -> usize {
        match self {
            Given::Positions(_) => index as usize,
            Given::Fields(fields) => usize::from(fields[index as usize]),
        }
    }
}

impl Isolate {
    /// A new entity or data value. Fields that are not given take their defaults, evaluated in order, else null.
    /// `environment` holds what the methods capture, or is null.
    pub fn make_record(
        &mut self,
        class: ClassId,
        environment: Value,
        given: Given<'_>,
        base: u32,
    ) -> Result<Value, Unwind> {
        let info = self.info.clone();
        let class_info = info.class(class);
        let count = class_info.fields.len();
        if given.count() as usize > count && matches!(given, Given::Positions(_)) {
            let (word, name) = (class_info.kind.word(), info.name(class_info.name));
            let plural = if count == 1 { "" } else { "s" };
            let message = format!("{word} {name} has {count} field{plural}, {} values given", given.count());
            return self.fail(&message);
        }
        self.charge_elements(count)?;
        self.charge_bytes(gas::RECORD_BYTES + gas::ELEMENT_BYTES * count as u64)?;
        let mut fields = vec![Value::NULL; count];
        let mut is_given = vec![false; count];
        for index in 0..given.count() {
            let field = given.field(index);
            fields[field] = self.slots[(base + index) as usize];
            is_given[field] = true;
        }
        let tag = if class_info.kind == ClassKind::Data { Tag::Data } else { Tag::Entity };
        let record = self.ledger.heap.alloc_record(tag, class.0, fields);
        self.ledger.heap.record_mut(record).environment = environment;
        self.top = base + given.count();
        let slot = self.push(record);
        for (field, default) in class_info.defaults.iter().enumerate().filter(|(field, _)| !is_given[*field]) {
            let value = match *default {
                FieldDefault::None => continue,
                FieldDefault::Constant(value) => {
                    self.charge(1)?;
                    value
                }
                FieldDefault::Action(action) => {
                    self.slots[slot as usize] = record;
                    let (this, closure) = self.surroundings(class, environment, action);
                    self.call_nested(action, this, closure, slot, 1)?
                }
            };
            self.ledger.set_record_field(record, field as u32, value);
        }
        Ok(record)
    }

    /// In which instance and with which captured variables a method or default of a record of `class` runs, or an
    /// action of a contract. A declaration's environment ends with that of its base, if that has one.
    pub(in crate::runtime) fn surroundings(
        &self,
        class: ClassId,
        environment: Value,
        action: ActionId,
    ) -> (u32, Value) {
        let action = self.info.action(action);
        let declared_by = action.method_of.or(action.class);
        let (mut class, mut environment) = (class, environment);
        while declared_by != Some(class)
            && let Some(base) = self.info.class(class).base
        {
            let held = self.info.class(base).has_environment && environment.tag() == Tag::Function;
            let last = held.then(|| self.ledger.heap.function(environment).cells.last().copied()).flatten();
            environment = last.unwrap_or(Value::NULL);
            class = base;
        }
        if environment.tag() != Tag::Function {
            return (NO_INSTANCE, Value::UNSET);
        }
        let receiver = self.ledger.heap.function(environment).receiver;
        (if receiver.is_null() { NO_INSTANCE } else { receiver.id() }, environment)
    }

    /// The environment of a declaration whose value is this, and whether it is a value of that declaration.
    pub fn class_environment(&self, value: Value) -> Option<(ClassId, Value)> {
        match value.tag() {
            Tag::Class => Some((ClassId(value.id()), Value::NULL)),
            Tag::Bound if self.ledger.heap.bound(value).kind == BoundKind::Class => {
                let bound = self.ledger.heap.bound(value);
                Some((ClassId(bound.target), bound.receiver))
            }
            _ => None,
        }
    }

    /// The value of the declaration that `action` stands for, whose methods capture these cells. `base`: what it extends, if
    /// that captures variables too.
    pub fn make_class(
        &mut self,
        action: ActionId,
        mut cells: Vec<Value>,
        base: Option<Value>,
    ) -> Result<Value, Unwind> {
        let stands_for = self.info.action(action);
        let Some(class) = stands_for.method_of.or(stands_for.class) else {
            unreachable!("the action stands for a declaration")
        };
        let is_contract = self.info.class(class).kind == ClassKind::Contract;
        if is_contract {
            // Where the instance behind `Name.f()` will stand: see `shared_cell`.
            self.charge_bytes(gas::FUNCTION_BYTES)?;
            cells.push(self.ledger.heap.alloc_cell(Value::NULL));
        }
        if let Some(base) = base {
            let expected = self.info.class(class).base;
            match self.class_environment(base) {
                Some((found, environment)) if Some(found) == expected => cells.push(environment),
                _ => {
                    let expected = expected.map(|base| self.info.name(self.info.class(base).name).to_owned());
                    let message = format!("'{}' is not what it was declared as", expected.unwrap_or_default());
                    return self.fail(&message);
                }
            }
        }
        let environment = self.make_closure(action, cells)?;
        if is_contract {
            // A contract's code runs on its own instances alone, wherever the contract was declared.
            self.ledger.heap.function_mut(environment).receiver = Value::NULL;
        }
        self.charge_bytes(gas::FUNCTION_BYTES)?;
        Ok(self.ledger.heap.alloc_bound(environment, BoundKind::Class, class.0))
    }

    /// The cell of a contract's environment that holds its shared instance, or null: the last, since what may follow is
    /// the environment of its base.
    pub(in crate::runtime) fn shared_cell(&self, environment: Value) -> Value {
        let cells = &self.ledger.heap.function(environment).cells;
        let cell = cells.iter().rev().find(|cell| cell.tag() == Tag::Cell);
        cell.copied().expect("a contract's environment is made with it")
    }

    /// `head{f: v}` with the declaration known only now; the values stand in `slots[base..]`.
    pub fn instantiate_named(&mut self, head: Value, names: &[Symbol], base: u32) -> Result<Value, Unwind> {
        let Some((class, environment)) = self.class_environment(head) else {
            let message = format!("A value of type {} cannot be made with fields", super::type_name(head));
            return self.fail(&message);
        };
        let mut fields = Vec::with_capacity(names.len());
        for &name in names {
            match self.info.class(class).field(name) {
                Some(field) => fields.push(field),
                None => return self.no_field(class, name),
            }
        }
        match self.info.class(class).kind {
            ClassKind::Contract => self.make_with(class, environment, &fields, base),
            ClassKind::Entity | ClassKind::Data => self.make_record(class, environment, Given::Fields(&fields), base),
        }
    }

    /// `entity User has no field 'nmae'`; the report adds the nearest one.
    #[cold]
    fn no_field<T>(&mut self, class: ClassId, name: Symbol) -> Result<T, Unwind> {
        let info = self.info.clone();
        let class = info.class(class);
        let message = format!("{} {} has no field '{}'", class.kind.word(), info.name(class.name), info.name(name));
        self.fail(&message)
    }

    fn record_class(&self, record: Value) -> ClassId {
        ClassId(self.ledger.heap.record(record).class)
    }

    /// `record.name`: a field, a method bound to the record, or null.
    pub(super) fn record_get(&mut self, record: Value, name: Symbol) -> Result<Value, Unwind> {
        let class = self.info.class(self.record_class(record));
        if let Some(field) = class.field(name) {
            return Ok(self.ledger.record_field(record, usize::from(field)));
        }
        if class.action(name).is_none() {
            return Ok(Value::NULL);
        }
        self.charge_bytes(gas::FUNCTION_BYTES)?;
        Ok(self.ledger.heap.alloc_bound(record, BoundKind::Method, name.0))
    }

    /// `record.name = value`
    pub(super) fn record_set(&mut self, record: Value, name: Symbol, value: Value, fresh: bool) -> Result<(), Unwind> {
        let class = self.record_class(record);
        let Some(field) = self.info.class(class).field(name) else { return self.no_field(class, name) };
        if self.info.class(class).fixed_fields[usize::from(field)] {
            return self.fixed_field(class, name);
        }
        if value.tag().is_container() && self.ledger.record_field(record, usize::from(field)).raw_eq(value) {
            return self.check_writable(record);
        }
        let value = self.element_value(record, value, fresh)?;
        self.ledger.set_record_field(record, u32::from(field), value);
        Ok(())
    }

    /// `record["name"] = value`
    pub(super) fn record_set_text(
        &mut self,
        record: Value,
        name: Value,
        value: Value,
        fresh: bool,
    ) -> Result<(), Unwind> {
        if let Some(symbol) = self.symbol_of(name) {
            return self.record_set(record, symbol, value, fresh);
        }
        let class = self.info.class(self.record_class(record));
        let (word, class) = (class.kind.word(), self.info.name(class.name));
        let message = format!("{word} {class} has no field '{}'", self.ledger.heap.str(name));
        self.fail(&message)
    }

    #[cold]
    fn fixed_field(&mut self, class: ClassId, name: Symbol) -> Result<(), Unwind> {
        let info = self.info.clone();
        let class = info.class(class);
        let (word, class_name, name) = (class.kind.word(), info.name(class.name), info.name(name));
        let message = if class.kind == ClassKind::Data {
            format!("Field '{name}' of data {class_name} cannot be reassigned: make a new {class_name}")
        } else {
            format!("Field '{name}' of {word} {class_name} is a constant")
        };
        self.fail(&message)
    }

    /// Finds who `record.name(...)` reaches: a method, else a function in a field, else what every value has. The
    /// record stands in the slot before the arguments, where a method's window begins.
    pub(crate) fn record_method(
        &mut self,
        record: Value,
        name: Symbol,
        base: u32,
        argc: u32,
    ) -> Result<Target, Unwind> {
        let class_id = self.record_class(record);
        let class = self.info.class(class_id);
        if let Some(action) = class.action(name) {
            let environment = self.ledger.heap.record(record).environment;
            let (this, closure) = self.surroundings(class_id, environment, action);
            return Ok(Target::Method { action, this, closure });
        }
        if let Some(field) = class.field(name) {
            let value = self.ledger.record_field(record, usize::from(field));
            if super::super::call::is_callable(value) {
                return self.resolve_call(value, base, argc);
            }
        }
        Ok(Target::Done(self.call_method(record, name, base, argc)?))
    }

    /// A member of an enum.
    pub(super) fn enum_member(&mut self, enum_type: Value, name: Symbol) -> Result<Value, Unwind> {
        let info = self.info.clone();
        let shape = &info.enums[enum_type.id() as usize];
        if let Some(value) = shape.member(name) {
            return Ok(value);
        }
        let message = format!("enum {} has no member '{}'", info.name(shape.name), info.name(name));
        self.fail(&message)
    }

    /// The name behind a text used as an index of something with members.
    pub(super) fn symbol_of(&self, text: Value) -> Option<Symbol> {
        let text = self.ledger.heap.str(text);
        self.info.symbols.iter().position(|symbol| **symbol == *text).map(|symbol| Symbol(symbol as u32))
    }
}
