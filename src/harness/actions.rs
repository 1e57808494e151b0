//! From what a process said of each kind of transaction to the rows of `actions.csv`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::report::actions::{ACTIONS, ActionRow};
use crate::report::records::{RowWriter, SCHEMA};

use super::outcome::Stop;
use super::process::Record;
use super::protocol::counter;
use super::rows::RunNames;

/// Writes the file anew.
pub(super) fn write(folder: &Path, names: &RunNames, record: &Record) -> Result<(), Stop> {
    let path = folder.join(ACTIONS);
    let cannot = |e: &dyn std::fmt::Display| Stop::failed(format!("cannot write {}: {e}", path.display()));
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(cannot(&e)),
        Ok(()) | Err(_) => {}
    }
    let mut writer = RowWriter::create(&path).map_err(|e| cannot(&e))?;
    rows(names, record).iter().try_for_each(|row| writer.write(row)).map_err(|e| cannot(&e))
}

fn rows(names: &RunNames, record: &Record) -> Vec<ActionRow> {
    let mut kinds: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for (name, &value) in &record.counters {
        if let Some((what, kind)) = name.strip_prefix(counter::OF_KIND).and_then(|rest| rest.split_once('/')) {
            kinds.entry(kind).or_default().insert(what, value);
        }
    }
    let row = |(kind, of): (&str, BTreeMap<&str, f64>)| {
        let value = |what: &str| of.get(what).copied().unwrap_or_default();
        let median_ns = of.get("median_ns").copied().filter(|ns| *ns > 0.0);
        ActionRow {
            schema: SCHEMA,
            workload: names.workload.clone(),
            params: names.params.clone(),
            action: kind.to_owned(),
            transactions: value("transactions") as u64,
            committed: value("committed") as u64,
            gas_min: value("gas_min") as u64,
            gas_median: value("gas_median"),
            gas_max: value("gas_max") as u64,
            writes_mean: value("writes") / value("transactions").max(1.0),
            median_ns,
            tps: median_ns.map(|ns| 1e9 / ns),
        }
    };
    kinds.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_a_kind() {
        let params = "a=1".parse().expect("parameters");
        let names = RunNames { run: "r".into(), workload: "w".into(), workload_digest: "d".into(), params };
        let mut record = Record::default();
        let said =
            [("transactions", 4.0), ("committed", 3.0), ("gas_median", 7.5), ("writes", 6.0), ("median_ns", 500.0)];
        for (what, value) in said {
            record.counters.insert(format!("{}{what}/pay/back", counter::OF_KIND), value);
        }
        record.counters.insert(format!("{}median_ns/idle", counter::OF_KIND), 0.0);
        let rows = rows(&names, &record);
        let [idle, pay] = rows.as_slice() else { panic!("two kinds") };
        assert_eq!((pay.action.as_str(), pay.writes_mean, pay.tps), ("pay/back", 1.5, Some(2e6)));
        assert_eq!((idle.median_ns, idle.tps), (None, None), "below the clock's step");
    }
}
