//! Making contract instances: their fields' starting values, initialisers, constructors, and the shared one of a
//! contract. A failing constructor leaves no instance.

use super::info::{ClassId, ClassKind};
use super::isolate::Isolate;
use super::signal::Unwind;
use crate::ledger::place;
use crate::value::Value;

impl Isolate {
    /// The instance behind `Name.f()`, made on first use.
    pub(super) fn shared_instance(&mut self, class: ClassId, free: u32) -> Result<u32, Unwind> {
        if let Some(instance) = self.ledger.shared_instance(class.0) {
            return Ok(instance);
        }
        let top = self.top;
        self.top = free;
        let made = self.instantiate(class, free, 0);
        self.top = top;
        let instance = made?.id();
        self.ledger.set_shared_instance(class.0, instance);
        Ok(instance)
    }

    /// The same for a contract that captures variables: every value of its declaration has a shared instance of its
    /// own, which a cell of the environment holds. `environment` must be held elsewhere.
    #[cold]
    pub(super) fn shared_instance_in(&mut self, class: ClassId, environment: Value, free: u32) -> Result<u32, Unwind> {
        let cell = self.shared_cell(environment);
        self.ledger.note_shared_instance(class.0, false);
        let held = self.ledger.heap.cell(cell).value;
        if held.tag() == crate::value::Tag::Contract {
            return Ok(held.id());
        }
        let top = std::mem::replace(&mut self.top, free);
        let made = self.make_of(class, environment, free, 0);
        self.top = top;
        let made = made?;
        self.ledger.note_shared_instance(class.0, true);
        self.ledger.set_cell(cell, made);
        Ok(made.id())
    }

    /// `Name(args)`: a fresh instance, its initialisers, then its constructor. A failing constructor makes none.
    /// Of an entity or data declaration: a new value.
    pub fn instantiate(&mut self, class: ClassId, base: u32, argc: u32) -> Result<Value, Unwind> {
        self.make_of(class, Value::NULL, base, argc)
    }

    /// [`Isolate::instantiate`] where the declaration's code captures variables: `environment` holds them, else null.
    pub(super) fn make_of(
        &mut self,
        class: ClassId,
        environment: Value,
        base: u32,
        argc: u32,
    ) -> Result<Value, Unwind> {
        if self.info.class(class).kind != ClassKind::Contract {
            return self.make_record(class, environment, super::ops::Given::Positions(argc), base);
        }
        self.check_view("make an instance")?;
        self.ledger.open_checkpoint();
        match self.instantiate_inside(class, environment, base, argc) {
            Ok(value) => {
                self.ledger.commit_checkpoint();
                Ok(value)
            }
            Err(unwind) => {
                self.ledger.roll_back_checkpoint();
                Err(unwind)
            }
        }
    }

    fn instantiate_inside(
        &mut self,
        class: ClassId,
        environment: Value,
        base: u32,
        argc: u32,
    ) -> Result<Value, Unwind> {
        let info = self.info.clone();
        let class_info = info.class(class);
        let instance = self.bare_instance(class, environment, base + argc)?;
        let value = Value::contract(instance);
        let Some(constructor) = class_info.constructor else {
            if argc > 0 {
                let message = format!("Contract {} has no init and takes no arguments", info.name(class_info.name));
                return self.fail(&message);
            }
            return Ok(value);
        };
        let required = info.action(constructor).has_default.iter().any(|has_default| !has_default);
        if argc > 0 || !required {
            self.call_nested(constructor, instance, Value::UNSET, base, argc)?;
        }
        Ok(value)
    }

    /// `Name{f: v}`: an instance with these fields set (values in `slots[base..]`), no constructor.
    pub fn instantiate_with(&mut self, class: ClassId, fields: &[u16], base: u32) -> Result<Value, Unwind> {
        self.make_with(class, Value::NULL, fields, base)
    }

    /// The same with an environment, as in [`Isolate::make_of`].
    pub(super) fn make_with(
        &mut self,
        class: ClassId,
        environment: Value,
        fields: &[u16],
        base: u32,
    ) -> Result<Value, Unwind> {
        if self.info.class(class).kind != ClassKind::Contract {
            return self.make_record(class, environment, super::ops::Given::Fields(fields), base);
        }
        self.check_view("make an instance")?;
        self.ledger.open_checkpoint();
        let result = self.instantiate_with_inside(class, environment, fields, base);
        if result.is_ok() {
            self.ledger.commit_checkpoint();
        } else {
            self.ledger.roll_back_checkpoint();
        }
        result
    }

    fn instantiate_with_inside(
        &mut self,
        class: ClassId,
        environment: Value,
        fields: &[u16],
        base: u32,
    ) -> Result<Value, Unwind> {
        let instance = self.bare_instance(class, environment, base + fields.len() as u32)?;
        for (index, &field) in fields.iter().enumerate() {
            let value = self.slots[base as usize + index];
            let value = self.stored_value(value, place::of_field(instance, u32::from(field)), false)?;
            self.ledger.set_field(instance, u32::from(field), value);
        }
        Ok(Value::contract(instance))
    }

    /// An instance whose fields have their starting values; `free` is the first free slot.
    fn bare_instance(&mut self, class: ClassId, environment: Value, free: u32) -> Result<u32, Unwind> {
        let info = self.info.clone();
        let class_info = info.class(class);
        self.charge_bytes(super::gas::INSTANCE_BYTES + super::gas::ELEMENT_BYTES * class_info.fields.len() as u64)?;
        let next = self.ledger.instances.len() as u32;
        let zeros = class_info.zeros.iter().zip(0..);
        let fields = zeros.map(|(&zero, field)| self.zero_field(zero, place::of_field(next, field))).collect();
        let instance = self.ledger.make_instance(class.0, fields);
        self.top = free;
        if !environment.is_null() {
            self.keep_environment(instance, environment)?;
        }
        for &initialiser in &class_info.initialisers {
            let closure =
                if environment.is_null() { Value::UNSET } else { self.closure_of_instance(instance, initialiser) };
            self.call_nested(initialiser, instance, closure, free, 0)?;
        }
        Ok(instance)
    }

    /// The instance's code captures variables from here on. To a contract around it is outside code: these variables
    /// may not lead to state, and what is put into them later goes in as a copy.
    #[cold]
    fn keep_environment(&mut self, instance: u32, environment: Value) -> Result<(), Unwind> {
        let environment = self.escape(environment, 0)?;
        self.ledger.instances[instance as usize].environment = environment;
        Ok(())
    }

    /// With which captured variables an action of a contract runs on this instance.
    #[cold]
    pub(super) fn closure_of_instance(&self, this: u32, action: super::info::ActionId) -> Value {
        let instance = &self.ledger.instances[this as usize];
        self.surroundings(ClassId(instance.class), instance.environment, action).1
    }

    fn zero_field(&mut self, zero: super::info::FieldZero, owner: u64) -> Value {
        use super::info::FieldZero;
        let value = match zero {
            FieldZero::Null => Value::NULL,
            FieldZero::Int => Value::int(0),
            FieldZero::Float => Value::float(0.0),
            FieldZero::Bool => Value::FALSE,
            FieldZero::Str => self.ledger.heap.alloc_str(""),
            FieldZero::List => self.ledger.heap.alloc_list(Vec::new()),
            FieldZero::Map => self.ledger.heap.alloc_map(crate::value::MapData::new()),
        };
        if value.tag().is_container() {
            self.ledger.adopt(value, owner);
        }
        value
    }
}
