//! `config.*`: the three settings of the tiers, and the `bench_*` names that belong to the harness.

use super::info::Symbol;
use super::isolate::Isolate;
use super::signal::{ErrorKind, Unwind};
use crate::value::{Marker, Tag, Value};

/// A value that the host sets.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string.
    Str(String),
}

/// What a script has set.
#[derive(Debug)]
pub struct Config {
    /// Iterations before a loop is hot.
    pub jit_threshold: u64,
    /// Whether the script or the host set that number.
    pub jit_pinned: bool,
    /// Whether further hand-overs may happen.
    pub jit_enabled: bool,
    /// Whether each tier decision goes to standard error.
    pub jit_debug: bool,
    values: Vec<(String, Value)>,
    /// Set by the host: win over the text's assignments.
    overrides: Vec<(String, Setting)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            jit_threshold: 500,
            jit_pinned: false,
            jit_enabled: true,
            jit_debug: false,
            values: Vec::new(),
            overrides: Vec::new(),
        }
    }
}

impl Config {
    /// Forgets what the script set, keeps what the host set.
    pub fn reset_for_run(&mut self) {
        let overrides = std::mem::take(&mut self.overrides);
        *self = Self { overrides, ..Self::default() };
        for (key, setting) in &self.overrides {
            match (key.as_str(), setting) {
                ("jit_threshold", Setting::Int(value @ 0..)) => {
                    self.jit_threshold = *value as u64;
                    self.jit_pinned = true;
                }
                ("jit_enabled", Setting::Bool(value)) => self.jit_enabled = *value,
                ("jit_debug", Setting::Bool(value)) => self.jit_debug = *value,
                _ => {}
            }
        }
    }

    /// The host sets a key for all runs: assignments of the text are ignored.
    pub fn set_override(&mut self, key: &str, value: Setting) {
        self.overrides.retain(|(name, _)| name != key);
        self.overrides.push((key.to_owned(), value));
    }

    pub(super) fn mark(&self, marker: &mut Marker) {
        for (_, value) in &self.values {
            marker.value(*value);
        }
    }
}

impl Isolate {
    /// `config.key`
    pub fn get_config(&mut self, key: Symbol) -> Value {
        let name = self.info.name(key);
        match name {
            "jit_threshold" => Value::int(self.config.jit_threshold as i64),
            "jit_enabled" => Value::bool(self.config.jit_enabled),
            "jit_debug" => Value::bool(self.config.jit_debug),
            _ => {
                if let Some((_, setting)) = self.config.overrides.iter().find(|(set, _)| set == name) {
                    return match setting {
                        Setting::Bool(value) => Value::bool(*value),
                        Setting::Int(value) => Value::int(*value),
                        Setting::Float(value) => Value::float(*value),
                        Setting::Str(text) => self.ledger.heap.alloc_str(text),
                    };
                }
                let set = self.config.values.iter().find(|(set, _)| set == name);
                set.map_or(Value::NULL, |(_, value)| *value)
            }
        }
    }

    /// `config.key = value`
    pub fn set_config(&mut self, key: Symbol, value: Value) -> Result<(), Unwind> {
        if self.sealed && self.tx.in_block {
            return self.fail_kind(ErrorKind::Forbidden, "config is read-only in a transaction");
        }
        let info = self.info.clone();
        let overridden = self.config.overrides.iter().any(|(set, _)| set == info.name(key));
        match info.name(key) {
            _ if overridden => {}
            "jit_threshold" => {
                if value.tag() != Tag::Int || value.as_int() < 0 {
                    return self.fail("config.jit_threshold must be an integer that is not negative");
                }
                self.config.jit_threshold = value.as_int() as u64;
                self.config.jit_pinned = true;
                self.rearm_counters();
            }
            "jit_enabled" | "jit_debug" if value.tag() != Tag::Bool => {
                let message = format!("config.{} must be true or false", info.name(key));
                return self.fail(&message);
            }
            "jit_enabled" => {
                self.config.jit_enabled = value.as_bool();
                self.rearm_counters();
            }
            "jit_debug" => self.config.jit_debug = value.as_bool(),
            name => {
                self.config.values.retain(|(set, _)| set != name);
                self.config.values.push((name.to_owned(), value));
            }
        }
        Ok(())
    }
}
