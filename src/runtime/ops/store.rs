//! What happens to a container on its way into a place: state is a tree, so contract state gets a copy (or adopts a
//! new container that nobody else holds), and references to state do not get out.

use super::super::isolate::Isolate;
use super::super::signal::{ErrorKind, Unwind};
use crate::ledger::place;
use crate::value::{CopyError, Space, Tag, Value, deep_copy_into_state};

impl Isolate {
    /// A value ready to be stored in contract state at the place `owner`. `fresh`: a new container, free of charge.
    #[inline]
    pub fn stored_value(&mut self, value: Value, owner: u64, fresh: bool) -> Result<Value, Unwind> {
        if value.tag().is_plain() { Ok(value) } else { self.stored_heap_value(value, owner, fresh) }
    }

    #[inline(never)]
    fn stored_heap_value(&mut self, value: Value, owner: u64, fresh: bool) -> Result<Value, Unwind> {
        match value.tag() {
            Tag::Function | Tag::Bound | Tag::Builtin => self.fail("Cannot store a function in contract state"),
            Tag::Range => {
                let list = self.built_list(value)?;
                self.stored_value(list, owner, true)
            }
            tag if tag.is_container() => {
                if fresh && self.ledger.heap.space(value) == Space::Isolate && !self.holds_container(value) {
                    if self.tx.in_block {
                        self.ledger.heap.own_elements(value);
                    }
                    self.ledger.adopt(value, owner);
                    return Ok(value);
                }
                self.charge_copy(value, fresh)?;
                match deep_copy_into_state(&mut self.ledger.heap, value, owner) {
                    Ok(copy) => Ok(copy),
                    Err(CopyError::Function) => self.fail("Cannot store a function in contract state"),
                    Err(error) => self.fail(super::super::call::copy_error_text(error)),
                }
            }
            _ => Ok(self.ledger.heap.owned(value)),
        }
    }

    /// Assigns a state field of the running instance.
    #[inline]
    pub fn assign_field(&mut self, field: u16, value: Value, fresh: bool) -> Result<(), Unwind> {
        self.check_view("change contract state")?;
        let this = self.this();
        let value = if value.tag().is_plain() {
            value
        } else {
            let standing = self.ledger.field(this, u32::from(field));
            if standing.raw_eq(value) {
                return Ok(());
            }
            self.stored_heap_value(value, place::of_field(this, u32::from(field)), fresh)?
        };
        self.ledger.set_field(this, u32::from(field), value);
        Ok(())
    }

    /// Reads a state field of the running instance.
    #[inline(always)]
    pub fn field(&self, field: u16) -> Value {
        self.ledger.field(self.this(), u32::from(field))
    }

    /// Assigns a global. A reference to contract state goes in as a copy.
    #[inline]
    pub fn assign_global(&mut self, global: u32, value: Value) -> Result<(), Unwind> {
        if self.sealed && self.tx.in_block {
            let name = self.info.name(self.info.globals[global as usize]).to_owned();
            let message = format!("Global '{name}' is read-only in a transaction: keep it in a contract");
            return self.fail_kind(ErrorKind::Forbidden, &message);
        }
        self.check_view("change a global")?;
        let value = self.escaping_value(value, 0)?;
        self.ledger.set_global(global, value);
        Ok(())
    }

    /// Assigns a captured variable. A reference to contract state goes into one of outside code as a copy.
    #[inline]
    pub fn assign_cell(&mut self, cell: Value, value: Value) -> Result<(), Unwind> {
        if self.ledger.heap.container(cell).header.flags != 0 {
            return self.fail_kind(
                ErrorKind::Forbidden,
                "A captured variable is read-only in a transaction: keep it in a contract",
            );
        }
        self.check_view_of(cell)?;
        let value = self.outside_value(cell, value)?;
        self.ledger.set_cell(cell, value);
        Ok(())
    }

    /// A value ready to be put into an ordinary container: a reference to state goes as a copy into one that existed
    /// before the innermost contract call.
    #[inline]
    pub fn outside_value(&mut self, container: Value, value: Value) -> Result<Value, Unwind> {
        self.escaping_value(value, self.ledger.heap.container(container).epoch)
    }

    /// A value ready to be put into this container, wherever it stands; errors if it may not be changed.
    #[inline]
    pub fn element_value(&mut self, container: Value, value: Value, fresh: bool) -> Result<Value, Unwind> {
        let head = &self.ledger.heap.container(container).header;
        if head.flags == 0 && head.space == Space::Isolate && self.view_since == 0 && value.tag().is_plain() {
            return Ok(value);
        }
        self.element_value_slow(container, value, fresh)
    }

    #[inline(never)]
    fn element_value_slow(&mut self, container: Value, value: Value, fresh: bool) -> Result<Value, Unwind> {
        self.check_writable(container)?;
        let head = self.ledger.heap.container(container);
        if head.header.space == Space::Ledger {
            self.stored_value(value, head.id, fresh)
        } else {
            self.outside_value(container, value)
        }
    }

    /// An error unless the container may be changed.
    #[inline]
    pub fn check_writable(&mut self, container: Value) -> Result<(), Unwind> {
        if self.ledger.heap.container(container).header.is_frozen() {
            let global = self.ledger.global_reaching(container);
            let named = global.map_or(String::new(), |global| {
                format!(" of global '{}'", self.info.name(self.info.globals[global as usize]))
            });
            let message = format!(
                "This {}{named} is read-only{}",
                super::type_name(container),
                if self.tx.in_block { " in a transaction: keep what changes in a contract" } else { "" }
            );
            let kind = if self.tx.in_block { ErrorKind::Forbidden } else { ErrorKind::Runtime };
            return self.fail_kind(kind, &message);
        }
        self.check_view_of(container)
    }
}
