//! Deterministic counters of fixed pieces of work, and what changed between two sets of them.
//!
//! Gas must be equal. VM operations, allocations and bytecode may fall, and must not rise.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::numbers::thousands;
use super::records::{Params, Record};

/// Where the counters of a baseline stand.
pub const COUNTERS: &str = "counters.csv";

/// What one cell's fixed work came to. Unknown is an empty cell: the interpreter executes no VM operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are the documentation")]
pub struct CounterRow {
    pub schema: u32,
    pub workload: String,
    pub workload_digest: String,
    pub params: Params,
    pub mode: String,
    pub transactions: u64,
    pub gas: u64,
    pub vm_operations: Option<u64>,
    pub allocations: u64,
    pub bytecode_bytes: u64,
}

impl Record for CounterRow {
    const COLUMNS: &'static [&'static str] = &[
        "schema",
        "workload",
        "workload_digest",
        "params",
        "mode",
        "transactions",
        "gas",
        "vm_operations",
        "allocations",
        "bytecode_bytes",
    ];
    fn schema(&self) -> Option<u32> {
        Some(self.schema)
    }
}

/// The gas of one action's calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are the documentation")]
pub struct GasRow {
    pub schema: u32,
    pub workload: String,
    pub params: Params,
    pub action: String,
    pub calls: u64,
    pub gas_min: u64,
    pub gas_median: f64,
    pub gas_max: u64,
}

impl Record for GasRow {
    const COLUMNS: &'static [&'static str] =
        &["schema", "workload", "params", "action", "calls", "gas_min", "gas_median", "gas_max"];
    fn schema(&self) -> Option<u32> {
        Some(self.schema)
    }
}

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Forbidden changes, a line each.
    pub regressions: Vec<String>,
    /// Allowed changes.
    pub improvements: Vec<String>,
    /// Cells whose text or parameters are not the ones counted before.
    pub other_work: Vec<String>,
    /// Cells of one side alone.
    pub unmatched: Vec<String>,
}

impl Difference {
    /// Whether nothing differs at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of it, for review; empty if there is none.
    pub fn text(&self) -> String {
        let parts = [
            ("changed for the worse", &self.regressions),
            ("changed for the better", &self.improvements),
            ("other work", &self.other_work),
            ("on one side alone", &self.unmatched),
        ];
        let mut text = String::new();
        for (title, lines) in parts.iter().filter(|(_, lines)| !lines.is_empty()) {
            let _ = writeln!(text, "{title}:"); // a String takes anything
            for line in *lines {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }
}

/// Compares counters; cells are matched by workload and mode.
pub fn difference(base: &[CounterRow], head: &[CounterRow]) -> Difference {
    let mut difference = Difference::default();
    for new in head {
        let name = format!("{}/{}", new.workload, new.mode);
        match base.iter().find(|old| (&old.workload, &old.mode) == (&new.workload, &new.mode)) {
            None => difference.unmatched.push(format!("{name}: not in the base")),
            Some(old) if old.workload_digest != new.workload_digest => {
                difference.other_work.push(format!("{name}: the workload's text changed"));
            }
            Some(old) if old.params != new.params => {
                difference.other_work.push(format!("{name}: parameters {} -> {}", old.params, new.params));
            }
            Some(old) => difference.compare(&name, old, new),
        }
    }
    for old in base {
        if !head.iter().any(|new| (&old.workload, &old.mode) == (&new.workload, &new.mode)) {
            difference.unmatched.push(format!("{}/{}: only in the base", old.workload, old.mode));
        }
    }
    difference
}

impl Difference {
    fn compare(&mut self, name: &str, old: &CounterRow, new: &CounterRow) {
        if (old.transactions, old.gas) != (new.transactions, new.gas) {
            self.regressions.push(format!("{name}: gas must be equal: {}", change(old.gas, new.gas)));
        }
        let counters = [
            ("VM operations", old.vm_operations, new.vm_operations),
            ("allocations", Some(old.allocations), Some(new.allocations)),
            ("bytecode bytes", Some(old.bytecode_bytes), Some(new.bytecode_bytes)),
        ];
        for (what, old, new) in counters {
            match (old, new) {
                (Some(old), Some(new)) if new > old => {
                    self.regressions.push(format!("{name}: {what} {}", change(old, new)));
                }
                (Some(old), Some(new)) if new < old => {
                    self.improvements.push(format!("{name}: {what} {}", change(old, new)));
                }
                (Some(_), None) => self.regressions.push(format!("{name}: {what} are no longer counted")),
                _ => {}
            }
        }
    }
}

fn change(old: u64, new: u64) -> String {
    let share = if old == 0 { String::new() } else { format!(" ({:+.2}%)", (new as f64 / old as f64 - 1.0) * 100.0) };
    format!("{} -> {}{share}", thousands(old), thousands(new))
}

/// Compares the gas of actions; any difference is a change.
pub fn gas_changes(base: &[GasRow], head: &[GasRow]) -> Vec<String> {
    let mut changes = Vec::new();
    let figures = |row: &GasRow| format!("{} calls, {}/{}/{}", row.calls, row.gas_min, row.gas_median, row.gas_max);
    for new in head {
        match base.iter().find(|old| (&old.workload, &old.action) == (&new.workload, &new.action)) {
            None => changes.push(format!("{}: new: {}", new.action, figures(new))),
            Some(old) if figures(old) != figures(new) => {
                changes.push(format!("{}: {} -> {}", new.action, figures(old), figures(new)));
            }
            Some(_) => {}
        }
    }
    for old in base {
        if !head.iter().any(|new| (&old.workload, &old.action) == (&new.workload, &new.action)) {
            changes.push(format!("{}: no longer called: {}", old.action, figures(old)));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::records::SCHEMA;

    fn row(mode: &str, gas: u64, vm_operations: Option<u64>) -> CounterRow {
        CounterRow {
            schema: SCHEMA,
            workload: "w".into(),
            workload_digest: "d".into(),
            params: Params::new(),
            mode: mode.into(),
            transactions: 1,
            gas,
            vm_operations,
            allocations: 10,
            bytecode_bytes: 10,
        }
    }

    #[test]
    fn gas_must_be_equal_and_the_rest_must_not_rise() {
        let base = [row("vm", 100, Some(1000)), row("interpreter", 100, None)];
        assert!(difference(&base, &base).is_empty());
        let up = difference(&base, &[row("vm", 100, Some(1001)), row("interpreter", 100, None)]);
        assert_eq!(up.regressions, ["w/vm: VM operations 1,000 -> 1,001 (+0.10%)"]);
        let down = difference(&base, &[row("vm", 100, Some(999)), row("interpreter", 100, None)]);
        assert!(down.regressions.is_empty() && down.improvements.len() == 1);
        let gas = difference(&base, &[row("vm", 99, Some(1000)), row("interpreter", 100, None)]);
        assert_eq!(gas.regressions, ["w/vm: gas must be equal: 100 -> 99 (-1.00%)"]);
        let blind = difference(&base, &[row("vm", 100, None), row("interpreter", 100, None)]);
        assert_eq!(blind.regressions.len(), 1);
    }

    #[test]
    fn other_work_is_not_compared() {
        let base = [row("vm", 100, Some(1000))];
        let other = CounterRow { workload_digest: "e".into(), gas: 7, ..row("vm", 100, Some(1000)) };
        let found = difference(&base, &[other, row("fixed:500", 1, Some(1))]);
        assert_eq!((found.regressions.len(), found.other_work.len(), found.unmatched.len()), (0, 1, 1));
        assert_eq!(difference(&base, &[]).unmatched, ["w/vm: only in the base"]);
        assert!(found.text().contains("other work:\n  w/vm: the workload's text changed"));
    }

    #[test]
    fn any_change_of_an_actions_gas_is_told() {
        let gas = |action: &str, max| GasRow {
            schema: SCHEMA,
            workload: "w".into(),
            params: Params::new(),
            action: action.into(),
            calls: 2,
            gas_min: 1,
            gas_median: 1.5,
            gas_max: max,
        };
        assert!(gas_changes(&[gas("a", 2)], &[gas("a", 2)]).is_empty());
        let changes = gas_changes(&[gas("a", 2), gas("b", 2)], &[gas("a", 3), gas("c", 2)]);
        assert_eq!(changes[0], "a: 2 calls, 1/1.5/2 -> 2 calls, 1/1.5/3");
        assert!(changes[1].starts_with("c: new") && changes[2].starts_with("b: no longer called"));
    }
}
