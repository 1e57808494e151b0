//! What `zx-run --state` keeps between runs: fields declared `persistent`, by the contract's name, the instance's
//! ordinal among those of that name and the field's name; and the values of `persist_set`, by key.
//!
//! A persistent field's initialiser stands behind a call of the builtin `contract.restore`, which gives the field its
//! kept value, if there is one, and says so; and it notes the field, so that it is kept later.

mod codec;

use std::collections::HashMap;

use super::info::{ClassId, Symbol};
use super::isolate::Isolate;
use super::signal::Unwind;
use crate::ledger::{Row, StateFile, place};
use crate::value::Value;

/// First byte of the keys of fields, and of `persist_set`.
const FIELD: u8 = b'f';
const VALUE: u8 = b'v';

/// The open state file of a run, and what belongs into it.
#[derive(Debug)]
pub struct KeptState {
    file: StateFile,
    /// Persistent fields of the instances made: (instance, class, field). An instance that was undone stays here
    /// until the next one has its number.
    fields: Vec<(u32, u32, u16)>,
    /// By contract name: the instance that was looked at last, and its ordinal among those of the name.
    last: HashMap<Symbol, (u32, u32)>,
}

impl KeptState {
    /// Nothing of a run yet.
    pub fn new(file: StateFile) -> Self {
        Self { file, fields: Vec::new(), last: HashMap::new() }
    }
}

fn field_key(contract: &str, ordinal: u32, field: &str) -> Vec<u8> {
    let mut key = vec![FIELD];
    codec::put_text(contract, &mut key);
    key.extend_from_slice(&ordinal.to_be_bytes());
    codec::put_text(field, &mut key);
    key
}

/// `contract.restore(field)`: gives a field of `this` its kept value. Whether there was one.
pub(super) fn restore(isolate: &mut Isolate, field: Value) -> Result<Value, Unwind> {
    let Some(mut kept) = isolate.kept.take() else { return Ok(Value::FALSE) };
    let restored = isolate.restore_field(&mut kept, field.as_int() as u16);
    isolate.kept = Some(kept);
    restored.map(Value::bool)
}

/// `storage_commit_batch()`: what is kept so far is on the disk when this returns; inside a contract call, which may
/// still be undone, nothing happens before the end of the run.
pub(super) fn commit_batch(isolate: &mut Isolate) -> Result<Value, Unwind> {
    if isolate.ledger.journal.is_idle()
        && let Err(message) = isolate.commit_kept()
    {
        return isolate.fail(&message);
    }
    Ok(Value::NULL)
}

impl Isolate {
    /// A new run begins: puts what `persist_set` kept in its place.
    pub fn restore_persisted(&mut self) -> Result<(), Unwind> {
        let Some(mut kept) = self.kept.take() else { return Ok(()) };
        kept.fields.clear();
        kept.last.clear();
        let mut restored = Ok(());
        for (key, row) in kept.file.rows_from(&[VALUE]) {
            restored = restored.and_then(|()| self.restore_value(&key[1..], row));
        }
        self.kept = Some(kept);
        restored
    }

    fn restore_value(&mut self, key: &[u8], row: &[u8]) -> Result<(), Unwind> {
        let key = codec::decode(self, key);
        let value = codec::decode(self, row);
        match key.and_then(|key| Ok((key, value?))) {
            Ok((key, value)) => {
                let value = self.stored_value(value, place::PERSISTED, true)?;
                let persisted = self.ledger.persisted;
                self.ledger.map_set(persisted, key, value);
                Ok(())
            }
            Err(what) => self.fail(&format!("Cannot restore a value of persist_set: it holds {what}")),
        }
    }

    fn restore_field(&mut self, kept: &mut KeptState, field: u16) -> Result<bool, Unwind> {
        let this = self.this();
        let class = self.ledger.instances[this as usize].class;
        kept.fields.retain(|&(instance, of, at)| (instance, at) != (this, field) && (instance != this || of == class));
        kept.fields.push((this, class, field));
        let ordinal = self.ordinal(kept, this);
        let info = self.info.clone();
        let (contract, name) = self.names_of(class, field);
        let Some(row) = kept.file.row(&field_key(&contract, ordinal, &name)) else { return Ok(false) };
        drop(info);
        match codec::decode(self, row) {
            Ok(value) => self.assign_field(field, value, true).map(|()| true),
            Err(what) => self.fail(&format!("Cannot restore '{name}' of contract {contract}: it holds {what}")),
        }
    }

    fn names_of(&self, class: u32, field: u16) -> (String, String) {
        let class = self.info.class(ClassId(class));
        (self.info.name(class.name).to_owned(), self.info.name(class.fields[usize::from(field)]).to_owned())
    }

    /// An instance's ordinal among those whose contract has the same name.
    fn ordinal(&self, kept: &mut KeptState, this: u32) -> u32 {
        let name_of = |class: u32| self.info.class(ClassId(class)).name;
        let instances = &self.ledger.instances;
        let name = name_of(instances[this as usize].class);
        // What was looked at last may have been undone since.
        let known = kept.last.get(&name).copied();
        let known = known.filter(|(at, _)| *at <= this && name_of(instances[*at as usize].class) == name);
        let (from, before) = known.unwrap_or((0, 0));
        let between = &instances[from as usize..this as usize];
        let ordinal = before + between.iter().filter(|instance| name_of(instance.class) == name).count() as u32;
        kept.last.insert(name, (this, ordinal));
        ordinal
    }

    /// Commits what is to be kept as it stands. Does nothing without a state file.
    pub fn commit_kept(&mut self) -> Result<(), String> {
        let Some(mut kept) = self.kept.take() else { return Ok(()) };
        let done = self.rows_to_keep(&mut kept).and_then(|rows| kept.file.commit(rows).map_err(|e| e.to_string()));
        self.kept = Some(kept);
        done
    }

    fn rows_to_keep(&self, kept: &mut KeptState) -> Result<Vec<Row>, String> {
        let mut rows = Vec::new();
        let instances = &self.ledger.instances;
        kept.fields.retain(|&(instance, class, _)| instances.get(instance as usize).is_some_and(|i| i.class == class));
        kept.fields.sort_unstable();
        kept.last.clear();
        for &(instance, class, field) in &kept.fields.clone() {
            let ordinal = self.ordinal(kept, instance);
            let (contract, name) = self.names_of(class, field);
            let value = instances[instance as usize].fields[usize::from(field)];
            let row = codec::encode(self, value)
                .map_err(|what| format!("cannot keep '{name}' of contract {contract}: it holds {what}"))?;
            rows.push((field_key(&contract, ordinal, &name), row));
        }
        kept.last.clear();
        for entry in self.ledger.heap.map(self.ledger.persisted).map.iter() {
            let row = codec::encode(self, entry.value)
                .map_err(|what| format!("cannot keep a value of persist_set: it holds {what}"))?;
            let mut key = vec![VALUE];
            key.extend(codec::encode(self, entry.key)?);
            rows.push((key, row));
        }
        Ok(rows)
    }
}
