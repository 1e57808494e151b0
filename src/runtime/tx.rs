//! The transaction that code runs in: `TX` and `msg`.

use super::call::NO_INSTANCE;
use super::info::Symbol;
use super::isolate::Isolate;
use super::signal::Unwind;
use crate::value::{MapData, Marker, Value};

/// What the host says of the current transaction. Defaults are those of a script run by hand.
#[derive(Debug)]
pub struct TxContext {
    /// `TX.caller`; unset means "system".
    pub caller: Value,
    /// `TX.value`
    pub value: Value,
    /// `TX.timestamp`, milliseconds.
    pub timestamp: f64,
    /// `TX.block_number`
    pub block_number: i64,
    /// Whether this is a transaction of a harness block.
    pub in_block: bool,
}

impl Default for TxContext {
    fn default() -> Self {
        Self { caller: Value::UNSET, value: Value::int(0), timestamp: 0.0, block_number: 0, in_block: false }
    }
}

impl TxContext {
    pub(super) fn mark(&self, marker: &mut Marker) {
        marker.value(self.caller);
        marker.value(self.value);
    }
}

const KEYS: [&str; 8] =
    ["caller", "value", "timestamp", "block_number", "block_hash", "gas_limit", "gas_used", "gas_remaining"];

impl Isolate {
    fn tx_caller(&mut self) -> Value {
        if self.tx.caller.is_unset() {
            self.tx.caller = self.ledger.heap.alloc_str("system");
        }
        self.tx.caller
    }

    /// The value of a key of [`KEYS`]; null for any other.
    fn tx_value(&mut self, key: Option<usize>) -> Value {
        let limited = self.gas_start < super::isolate::UNLIMITED;
        match key.map_or("", |index| KEYS[index]) {
            "caller" => self.tx_caller(),
            "value" => self.tx.value,
            "timestamp" => Value::float(self.tx.timestamp),
            "block_number" => Value::int(self.tx.block_number),
            "block_hash" => {
                let number = self.tx.block_number.to_le_bytes();
                let hash = blake3::hash(&number).to_hex();
                self.ledger.heap.alloc_str(&hash)
            }
            "gas_limit" if limited => Value::int(self.gas_start),
            "gas_used" => Value::int(self.gas_used() as i64),
            "gas_remaining" if limited => Value::int(self.gas_left()),
            _ => Value::NULL,
        }
    }

    /// `TX.key`
    pub fn get_tx(&mut self, key: Symbol) -> Value {
        let name = self.info.name(key);
        let index = KEYS.iter().position(|known| *known == name);
        self.tx_value(index)
    }

    /// `TX` as a read-only map.
    pub fn get_tx_map(&mut self) -> Result<Value, Unwind> {
        self.charge_bytes(super::gas::MAP_BYTES + super::gas::ENTRY_BYTES * KEYS.len() as u64)?;
        let epoch = self.ledger.heap.current_epoch;
        let mut map = MapData::with_capacity(KEYS.len());
        for (index, key) in KEYS.into_iter().enumerate() {
            let value = self.tx_value(Some(index));
            let key = self.ledger.heap.alloc_str(key);
            map.set(key, value, epoch);
        }
        let map = self.ledger.heap.alloc_map(map);
        self.ledger.heap.header_mut(map).flags |= crate::value::FROZEN;
        Ok(map)
    }

    /// `msg.sender`: who called the innermost contract action.
    pub fn get_sender(&mut self) -> Value {
        let depth = self.frames.iter().rposition(|frame| frame.this != NO_INSTANCE && frame.undoes);
        let caller = match depth {
            Some(depth) if depth > 0 => self.frames[depth - 1].context,
            _ => NO_INSTANCE,
        };
        if caller == NO_INSTANCE {
            return self.tx_caller();
        }
        let text = self.instance_address(caller);
        self.ledger.heap.alloc_str(&text)
    }

    /// An instance's address, `Name#T.N`.
    pub fn instance_address(&self, instance: u32) -> String {
        let instance = &self.ledger.instances[instance as usize];
        let name = self.info.name(self.info.classes[instance.class as usize].name);
        format!("{name}#{}.{}", instance.made_by.0, instance.made_by.1)
    }
}
