//! Events.

use super::super::call::NO_INSTANCE;
use super::super::gas;
use super::super::info::Symbol;
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use crate::ledger::Event;
use crate::value::{MapData, Value};

impl Isolate {
    /// `emit name(...)`: arguments in `slots[base..base + count]`; given by name, they make one map.
    pub fn emit(&mut self, name: Symbol, base: u32, count: u32, names: Option<&[Symbol]>) -> Result<(), Unwind> {
        self.check_view("emit an event")?;
        let mut args = Vec::with_capacity(count as usize);
        for slot in base..base + count {
            args.push(self.leave_copy(self.slots[slot as usize], false)?);
        }
        self.charge_elements(args.len())?;
        self.charge_bytes(gas::LIST_BYTES + gas::ELEMENT_BYTES * args.len() as u64)?;
        if let Some(names) = names {
            let epoch = self.ledger.heap.current_epoch;
            let mut map = MapData::with_capacity(names.len());
            for (symbol, &value) in names.iter().zip(&args) {
                map.set(self.info.symbol_values[symbol.0 as usize], value, epoch);
            }
            args = vec![self.new_map(map)?];
        }
        let context = self.frame().context;
        let contract = if context == NO_INSTANCE {
            self.ledger.heap.alloc_str("")
        } else {
            let class = self.ledger.instances[context as usize].class;
            self.info.symbol_values[self.info.classes[class as usize].name.0 as usize]
        };
        let name: Value = self.info.symbol_values[name.0 as usize];
        self.ledger.emit(Event { contract, name, args });
        if self.ledger.journal.is_idle() {
            self.fold_events();
        }
        Ok(())
    }
}
