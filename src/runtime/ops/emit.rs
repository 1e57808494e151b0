//! Events.

use super::super::call::NO_INSTANCE;
use super::super::gas;
use super::super::info::Symbol;
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use crate::value::{MapData, Tag, Value};

impl Isolate {
    /// `emit name(...)`: arguments in `slots[base..base + count]`; given by name, they make one map.
    pub fn emit(&mut self, name: Symbol, base: u32, count: u32, names: Option<&[Symbol]>) -> Result<(), Unwind> {
        self.check_view("emit an event")?;
        let context = self.frame().context;
        let contract = (context != NO_INSTANCE).then(|| {
            let class = self.ledger.instances[context as usize].class;
            self.info.symbol_values[self.info.classes[class as usize].name.0 as usize]
        });
        let name = self.info.symbol_values[name.0 as usize];
        let before = self.ledger.events.mark();
        let written = match names {
            None => self.emit_values(contract, name, base, count).map(|()| None),
            Some(names) => self.emit_named(contract, name, base, names).map(Some),
        };
        let Ok(one) = written else {
            self.ledger.events.cut(before);
            return Err(Unwind);
        };
        let line = self.ledger.events.lines().is_some().then(|| match one {
            None => self.event_line(contract, name, &self.slots[base as usize..(base + count) as usize]),
            Some(map) => self.event_line(contract, name, &[map]),
        });
        self.ledger.finish_event(line);
        Ok(())
    }

    #[inline]
    fn emit_values(&mut self, contract: Option<Value>, name: Value, base: u32, count: u32) -> Result<(), Unwind> {
        self.ledger.begin_event(contract, name, count as usize);
        for slot in base..base + count {
            let mut value = self.slots[slot as usize];
            let tag = value.tag();
            if !(tag.is_plain() || matches!(tag, Tag::Str | Tag::Wide)) {
                value = self.leave_copy(value, false)?;
            }
            self.ledger.add_event_argument(value);
        }
        self.charge_event(count as usize)
    }

    fn emit_named(
        &mut self,
        contract: Option<Value>,
        name: Value,
        base: u32,
        names: &[Symbol],
    ) -> Result<Value, Unwind> {
        let epoch = self.ledger.heap.current_epoch;
        let mut map = MapData::with_capacity(names.len());
        for (slot, symbol) in (base..).zip(names) {
            let value = self.leave_copy(self.slots[slot as usize], false)?;
            map.set(self.info.symbol_values[symbol.0 as usize], value, epoch);
        }
        self.charge_event(names.len())?;
        let map = self.new_map(map)?;
        self.ledger.begin_event(contract, name, 1);
        self.ledger.add_event_argument(map);
        Ok(map)
    }

    /// `Contract Name [arguments]`
    #[cold]
    fn event_line(&self, contract: Option<Value>, name: Value, args: &[Value]) -> String {
        let contract = contract.map_or("-", |contract| self.ledger.heap.str(contract));
        let args: Vec<String> = args.iter().map(|arg| self.text_for_host(*arg)).collect();
        format!("{contract} {} [{}]", self.ledger.heap.str(name), args.join(", "))
    }

    fn charge_event(&mut self, count: usize) -> Result<(), Unwind> {
        self.charge_elements(count)?;
        self.charge_bytes(gas::LIST_BYTES + gas::ELEMENT_BYTES * count as u64)
    }
}
