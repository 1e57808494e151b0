//! The text of values, and `print`.

use super::super::gas;
use super::super::info::ProgramInfo;
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use crate::ledger::Instance;
use crate::value::{Names, Tag, TextError, Value, text};

struct ProgramNames<'a> {
    info: &'a ProgramInfo,
    instances: &'a [Instance],
}

impl Names for ProgramNames<'_> {
    fn contract_name(&self, instance: u32) -> &str {
        self.class_name(self.instances[instance as usize].class)
    }

    fn class_name(&self, class: u32) -> &str {
        self.info.name(self.info.classes[class as usize].name)
    }

    fn action_name(&self, action: u32) -> Option<&str> {
        self.info.actions[action as usize].name.map(|name| self.info.name(name))
    }

    fn field_name(&self, class: u32, field: usize) -> &str {
        self.info.name(self.info.classes[class as usize].fields[field])
    }

    fn class_word(&self, class: u32) -> &'static str {
        self.info.classes[class as usize].kind.word()
    }

    fn enum_name(&self, enum_type: u32) -> &str {
        self.info.name(self.info.enums[enum_type as usize].name)
    }

    fn builtin_name(&self, builtin: u32) -> &str {
        super::super::names::BUILTINS[builtin as usize].0
    }

    fn module_name(&self, module: u32) -> &str {
        &self.info.modules[module as usize].name
    }

    fn symbol_name(&self, symbol: u32) -> &str {
        &self.info.symbols[symbol as usize]
    }
}

impl Isolate {
    /// Appends the text of a value, charging by its length.
    pub fn write_text(&mut self, value: Value, out: &mut String) -> Result<(), Unwind> {
        let before = out.len();
        match value.tag() {
            Tag::Str => out.push_str(self.ledger.heap.str(value)),
            Tag::Int => {
                use std::fmt::Write;
                let _ = write!(out, "{}", value.as_int());
            }
            _ => {
                self.ledger.about_to_walk(value);
                let names = ProgramNames { info: &self.info, instances: &self.ledger.instances };
                let limit = before.saturating_add(self.text_beyond_gas().min(gas::TEXT_BYTES_MAX));
                match text(&self.ledger.heap, value, &names, limit, out) {
                    Ok(()) => {}
                    Err(TextError::TooDeep) => return self.fail("Value is nested too deeply (over 1,000 levels)"),
                    Err(TextError::TooLong) => {
                        self.charge_text(out.len() - before)?;
                        return self.fail("The text is longer than 1 GiB");
                    }
                }
            }
        }
        self.charge_text(out.len() - before)
    }

    /// The text of a value, at nobody's expense; `...` where it is nested too deeply or too long.
    pub(super) fn text_for_host(&self, value: Value) -> String {
        let mut out = String::new();
        let names = ProgramNames { info: &self.info, instances: &self.ledger.instances };
        match text(&self.ledger.heap, value, &names, gas::TEXT_BYTES_MAX, &mut out) {
            Ok(()) => out,
            Err(_) => "...".to_owned(),
        }
    }

    /// `print` of the values in `slots[base..base + count]`.
    pub fn print(&mut self, base: u32, count: u32) -> Result<(), Unwind> {
        let mut line = String::new();
        for slot in base..base + count {
            if slot > base {
                line.push(' ');
            }
            self.write_text(self.slots[slot as usize], &mut line)?;
        }
        self.output.line(&line);
        if self.output.failure().is_some() {
            self.poll_flags.raise(super::super::PollFlags::HOST);
        }
        Ok(())
    }

    /// `debug e`: to standard error.
    pub fn debug(&mut self, value: Value) -> Result<(), Unwind> {
        let text = self.display(value)?;
        self.output.flush();
        tellln!("{text}");
        Ok(())
    }
}
