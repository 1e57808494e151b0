//! Reading and writing elements and members.

use super::super::gas;
use super::super::info::Symbol;
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use crate::value::{BoundKind, Tag, Value};

impl Isolate {
    /// `object[index]`
    #[inline(always)]
    pub fn index_get(&mut self, object: Value, index: Value) -> Result<Value, Unwind> {
        if object.is_map() && (index.is_str() || index.is_int()) {
            return Ok(self.ledger.entry(object, index).unwrap_or(Value::NULL));
        }
        if object.is_list() && index.is_int() {
            // A negative index is far behind any end.
            if let Some(item) = self.ledger.element(object, index.int_payload() as usize) {
                return Ok(item);
            }
        }
        self.index_get_slow(object, index)
    }

    #[inline(never)]
    fn index_get_slow(&mut self, object: Value, index: Value) -> Result<Value, Unwind> {
        match object.tag() {
            Tag::Null => Ok(Value::NULL),
            Tag::Map => {
                let key = self.map_key(index)?;
                Ok(self.ledger.entry(object, key).unwrap_or(Value::NULL))
            }
            Tag::List | Tag::Range | Tag::Str | Tag::Bytes => {
                let length = self.length_of(object).unwrap_or(0);
                let Some(at) = self.position(object, index, length)? else { return Ok(Value::NULL) };
                match object.tag() {
                    Tag::List => Ok(self.ledger.element(object, at).unwrap_or(Value::NULL)),
                    Tag::Range => Ok(Value::int(self.ledger.heap.range(object).at(at as u64))),
                    Tag::Bytes => Ok(Value::int(i64::from(self.ledger.heap.bytes(object)[at]))),
                    _ => self.character(object, at),
                }
            }
            Tag::Contract | Tag::Entity | Tag::Data if index.is_str() => match self.symbol_of(index) {
                Some(symbol) => self.member_get(object, symbol),
                None => Ok(Value::NULL),
            },
            Tag::EnumType if index.is_str() => {
                let symbol = self.symbol_of(index);
                let shape = &self.info.enums[object.id() as usize];
                Ok(symbol.and_then(|symbol| shape.member(symbol)).unwrap_or(Value::NULL))
            }
            _ => {
                let message = format!("A value of type {} cannot be indexed", super::type_name(object));
                self.fail(&message)
            }
        }
    }

    /// The one-character string at a character position.
    pub fn character(&mut self, text: Value, at: usize) -> Result<Value, Unwind> {
        self.charge_bytes(gas::STRING_BYTES + 1)?;
        if !text.is_ascii() {
            // The walk to the character.
            self.charge_text(at)?;
        }
        let content = self.ledger.heap.str(text);
        let piece = if text.is_ascii() {
            &content[at..=at]
        } else {
            let start = content.char_indices().nth(at).map_or(content.len(), |(start, _)| start);
            let length = content[start..].chars().next().map_or(0, char::len_utf8);
            &content[start..start + length]
        };
        let mut buffer = [0; 4];
        let length = piece.len();
        buffer[..length].copy_from_slice(piece.as_bytes());
        let piece = std::str::from_utf8(&buffer[..length]).unwrap_or_default();
        Ok(self.ledger.heap.alloc_str(piece))
    }

    /// An index as a position, counting from the end if negative; none if out of range.
    fn position(&mut self, object: Value, index: Value, length: usize) -> Result<Option<usize>, Unwind> {
        let at = match index.tag() {
            Tag::Int => index.as_int(),
            Tag::Float if index.as_float().fract() == 0.0 && index.as_float().abs() < 9e15 => index.as_float() as i64,
            Tag::Wide | Tag::Huge => return Ok(None),
            _ => {
                let message =
                    format!("A {} index must be an integer, not {}", super::type_name(object), super::type_name(index));
                return self.fail(&message);
            }
        };
        let at = if at < 0 { at + length as i64 } else { at };
        Ok((at >= 0 && at < length as i64).then_some(at as usize))
    }

    /// A value as a map key.
    #[inline]
    pub fn map_key(&mut self, key: Value) -> Result<Value, Unwind> {
        match key.tag() {
            Tag::Str | Tag::Int | Tag::Bool | Tag::Wide | Tag::Huge => Ok(key),
            Tag::Float if key.as_float().fract() == 0.0 => {
                match crate::value::numbers::Integer::from_f64(key.as_float()) {
                    Some(integer) => self.integer_result(Ok(integer)),
                    None => self.bad_key(key),
                }
            }
            _ => self.bad_key(key),
        }
    }

    #[cold]
    fn bad_key(&mut self, key: Value) -> Result<Value, Unwind> {
        let message = format!("Map key must be a string, integer or boolean, not {}", super::type_name(key));
        self.fail(&message)
    }

    /// `object[index] = value`
    #[inline(always)]
    pub fn index_set(&mut self, object: Value, index: Value, value: Value, fresh: bool) -> Result<(), Unwind> {
        if object.is_map() && (index.is_str() || index.is_int()) && value.tag().is_plain() {
            let head = &self.ledger.heap.map(object).head.header;
            if head.flags == 0
                && self.view_since == 0
                && let Some(at) = self.ledger.heap.map(object).map.find(index)
            {
                self.ledger.map_set_at(object, at, value);
                return Ok(());
            }
        }
        self.index_set_slow(object, index, value, fresh)
    }

    #[inline(never)]
    fn index_set_slow(&mut self, object: Value, index: Value, value: Value, fresh: bool) -> Result<(), Unwind> {
        match object.tag() {
            Tag::Map => {
                let key = self.map_key(index)?;
                self.map_put(object, key, value, fresh)
            }
            Tag::List => {
                let length = self.ledger.size(object);
                let Some(at) = self.position(object, index, length)? else {
                    let text = self.display(index)?;
                    let message = format!("List index {text} is out of range (length {length})");
                    return self.fail(&message);
                };
                if value.tag().is_container() && self.ledger.element(object, at).is_some_and(|item| item.raw_eq(value))
                {
                    return self.check_writable(object);
                }
                let value = self.element_value(object, value, fresh)?;
                self.ledger.list_set(object, at, value);
                Ok(())
            }
            Tag::Null => self.fail("Cannot write through null"),
            Tag::Contract => self.fail("Cannot change the state of a contract from outside it"),
            Tag::Entity | Tag::Data if index.is_str() => self.record_set_text(object, index, value, fresh),
            _ => {
                let message = format!("Elements of a value of type {} cannot be assigned", super::type_name(object));
                self.fail(&message)
            }
        }
    }

    /// Puts a value under a valid key, charging a new entry.
    pub fn map_put(&mut self, map: Value, key: Value, value: Value, fresh: bool) -> Result<(), Unwind> {
        match self.ledger.entry(map, key) {
            Some(standing) => {
                if standing.raw_eq(value) && value.tag().is_container() {
                    return self.check_writable(map);
                }
                let value = self.element_value(map, value, fresh)?;
                self.ledger.map_set(map, key, value);
            }
            None => {
                let value = self.element_value(map, value, fresh)?;
                self.charge_large(1)?;
                self.charge_bytes(gas::ENTRY_BYTES)?;
                self.ledger.map_set(map, key, value);
            }
        }
        Ok(())
    }

    /// Puts a plain value under a key that a map does not have, if the gas and the bytes of an entry are there; else
    /// nothing happens. Only where such a map may be written to without a question.
    pub fn insert_missing(&mut self, map: Value, key: Value, value: Value) -> bool {
        if self.gas < 1 || self.alloc_left < gas::ENTRY_BYTES as i64 {
            return false;
        }
        self.gas -= 1;
        self.alloc_left -= gas::ENTRY_BYTES as i64;
        self.ledger.map_insert(map, key, value);
        true
    }

    /// `object.name`
    #[inline]
    pub fn member_get(&mut self, object: Value, name: Symbol) -> Result<Value, Unwind> {
        if object.is_map() {
            let key = self.info.symbol_values[name.0 as usize];
            return Ok(self.ledger.entry(object, key).unwrap_or(Value::NULL));
        }
        self.member_get_slow(object, name)
    }

    #[inline(never)]
    fn member_get_slow(&mut self, object: Value, name: Symbol) -> Result<Value, Unwind> {
        match object.tag() {
            Tag::Null => Ok(Value::NULL),
            Tag::List | Tag::Range | Tag::Str | Tag::Bytes if self.info.name(name) == "length" => {
                Ok(Value::int(self.length_of(object).unwrap_or(0) as i64))
            }
            Tag::Module => self.module_member(object, name),
            Tag::Contract => {
                let instance = &self.ledger.instances[object.id() as usize];
                let class = super::super::info::ClassId(instance.class);
                if let Some(field) = self.info.class(class).field(name) {
                    let value = self.ledger.field(object.id(), u32::from(field));
                    let owner = self.info.class(class).private_fields[field as usize];
                    if owner.is_some() && !self.is_code_of(owner) {
                        let message = format!("Field '{}' is private", self.info.name(name));
                        return self.fail(&message);
                    }
                    return self.leave_copy(value, false);
                }
                if let Some(action) = self.info.class(class).action(name) {
                    self.charge_bytes(gas::FUNCTION_BYTES)?;
                    return Ok(self.ledger.heap.alloc_bound(object, BoundKind::Action, action.0));
                }
                Ok(Value::NULL)
            }
            Tag::Entity | Tag::Data => self.record_get(object, name),
            Tag::EnumType => self.enum_member(object, name),
            _ if self.class_environment(object).is_some() => self.member_of_declaration(object, name),
            _ => {
                let message =
                    format!("A value of type {} has no member '{}'", super::type_name(object), self.info.name(name));
                self.fail(&message)
            }
        }
    }

    /// `Name.x` of a contract, entity or data declaration, outside a call: only instances and values have members.
    #[cold]
    fn member_of_declaration(&mut self, declaration: Value, name: Symbol) -> Result<Value, Unwind> {
        let info = self.info.clone();
        let class = self.class_environment(declaration).map(|(class, _)| info.class(class));
        let (word, own) = class.map_or(("", ""), |class| (class.kind.word(), info.name(class.name)));
        let what = if word == "contract" { "an instance" } else { "a value" };
        let name = info.name(name);
        let message = format!("{word} {own} itself has no member '{name}': make {what}, `{own}(...)`");
        self.fail(&message)
    }

    /// The member of a module; one that has no value yet is an error, as its bare name is.
    #[cold]
    pub fn module_member(&mut self, module: Value, name: Symbol) -> Result<Value, Unwind> {
        use super::super::info::Member;
        match self.info.modules[module.id() as usize].member(name) {
            Some(Member::Value(value)) => Ok(value),
            Some(Member::Action(action)) => Ok(self.ledger.heap.alloc_function(action.0, Vec::new(), Value::NULL)),
            Some(Member::Global(global)) => {
                let value = self.ledger.globals[global.0 as usize];
                if value.is_unset() {
                    let message = format!("Identifier '{}' not found", self.info.name(name));
                    return self.fail(&message);
                }
                Ok(value)
            }
            None => {
                let module = &self.info.modules[module.id() as usize].name;
                let message = format!("Module {module} has no member '{}'", self.info.name(name));
                self.fail(&message)
            }
        }
    }

    /// `object.name = value`
    pub fn member_set(&mut self, object: Value, name: Symbol, value: Value, fresh: bool) -> Result<(), Unwind> {
        match object.tag() {
            Tag::Map => {
                let key = self.info.symbol_values[name.0 as usize];
                self.index_set(object, key, value, fresh)
            }
            Tag::Null => self.fail("Cannot write through null"),
            Tag::Contract => self.fail("Cannot change the state of a contract from outside it"),
            Tag::Entity | Tag::Data => self.record_set(object, name, value, fresh),
            _ => {
                let message = format!(
                    "Member '{}' of a value of type {} cannot be assigned",
                    self.info.name(name),
                    super::type_name(object)
                );
                self.fail(&message)
            }
        }
    }

    /// `object[low:high]`, with null for a bound left out.
    pub fn slice(&mut self, object: Value, low: Value, high: Value) -> Result<Value, Unwind> {
        let Some(length) = self.length_of(object).filter(|_| !object.is_map()) else {
            if object.is_null() {
                return Ok(Value::NULL);
            }
            let message = format!("A value of type {} cannot be sliced", super::type_name(object));
            return self.fail(&message);
        };
        let low = self.slice_bound(low, 0, length)?;
        let high = self.slice_bound(high, length, length)?.max(low);
        match object.tag() {
            Tag::Str => {
                if !object.is_ascii() {
                    // The walk to the slice.
                    self.charge_text(low)?;
                }
                let content = self.ledger.heap.str(object);
                let piece: String = if object.is_ascii() {
                    content[low..high].to_owned()
                } else {
                    content.chars().skip(low).take(high - low).collect()
                };
                self.new_string(&piece)
            }
            Tag::Bytes => {
                let piece = self.ledger.heap.bytes(object)[low..high].to_vec();
                self.charge_bytes(gas::STRING_BYTES + piece.len() as u64)?;
                Ok(self.ledger.heap.alloc_bytes(&piece))
            }
            Tag::List => {
                self.ledger.visit(object, false);
                let items = self.ledger.heap.list(object).items[low..high].to_vec();
                self.new_list(items)
            }
            _ => {
                self.charge_elements(high - low)?;
                self.check_range_length(high - low)?;
                let range = self.ledger.heap.range(object);
                let items = (low..high).map(|index| Value::int(range.at(index as u64))).collect();
                self.new_list(items)
            }
        }
    }

    fn slice_bound(&mut self, bound: Value, default: usize, length: usize) -> Result<usize, Unwind> {
        match bound.tag() {
            Tag::Null => Ok(default),
            Tag::Int => {
                let at = bound.as_int();
                let at = if at < 0 { at.saturating_add(length as i64) } else { at };
                Ok(at.clamp(0, length as i64) as usize)
            }
            Tag::Float if bound.as_float().fract() == 0.0 => {
                self.slice_bound(Value::int(bound.as_float() as i64), default, length)
            }
            Tag::Wide | Tag::Huge => Ok(if self.ledger.heap.integer(bound).is_negative() { 0 } else { length }),
            _ => {
                let message = format!("A slice bound must be an integer, not {}", super::type_name(bound));
                self.fail(&message)
            }
        }
    }
}
