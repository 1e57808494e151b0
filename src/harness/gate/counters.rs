//! Counting without a clock: one process a workload and mode.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::job::{Job, JobKind};
use super::super::outcome::{Exit, Stop};
use super::super::parameters::Parameters;
use super::super::process::{ChildError, Record, run_job};
use super::super::protocol::{Failed, counter};
use super::super::workload::Workload;
use crate::report::counters::{CounterRow, GasRow};
use crate::report::records::SCHEMA;

/// The modes whose counters are deterministic.
pub const MODES: [&str; 3] = ["interpreter", "vm", "fixed:500"];
const LIMIT_MS: u64 = 60_000;

/// What a counting process said.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "as the columns of CounterRow")]
pub struct Counts {
    pub gas: u64,
    pub transactions: u64,
    pub vm_operations: Option<u64>,
    pub allocations: u64,
    pub bytecode_bytes: u64,
    /// Digest of output and results.
    pub seen: String,
    /// By action: calls, least, median and greatest gas.
    pub actions: BTreeMap<String, ActionGas>,
}

/// The gas of one action's calls.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "as the columns of GasRow")]
pub struct ActionGas {
    pub calls: u64,
    pub min: u64,
    pub median: f64,
    pub max: u64,
}

/// Counts a workload's fixed work in a mode.
pub fn count(
    program: &Path,
    workload: &Workload,
    parameters: &Parameters,
    mode: &str,
    stop: &AtomicBool,
) -> Result<Counts, Stop> {
    let job = Job {
        kind: JobKind::Count,
        workload: workload.path.clone(),
        workload_digest: workload.digest.clone(),
        form: workload.form.into(),
        transaction: workload.transaction.clone(),
        mode: mode.to_owned(),
        executor: "sequential".into(),
        threads: 1,
        parameters: parameters.clone(),
        process_ms: 0,
        window_ns: 1,
        limit_ms: LIMIT_MS,
        digests: 1,
        tx_per_pass: 0,
        output_chain: false,
        cache: None,
        added: 0.0,
        dropped: Vec::new(),
        explain: None,
        open: None,
    };
    let record = run_job(program, &job, stop);
    if let Some(error) = &record.error {
        let said = error.describe(Duration::from_millis(LIMIT_MS));
        let is_unable = matches!(error, ChildError::Said(Failed::Runner, _));
        let exit = if is_unable { Exit::Unfit } else { error.exit() };
        return Err(Stop { exit, message: format!("{}/{mode}, counting: {said}", workload.name) });
    }
    read(&record).ok_or_else(|| Stop {
        exit: Exit::Unfit,
        message: format!("{} does not count: it is older than this zx-bench", program.display()),
    })
}

fn read(record: &Record) -> Option<Counts> {
    let whole = |name: &str| record.counter(name).map(|value| value as u64);
    let mut actions: BTreeMap<String, ActionGas> = BTreeMap::new();
    for (name, &value) in &record.counters {
        let Some((what, action)) = name.strip_prefix(counter::ACTION_GAS).and_then(|rest| rest.split_once('/')) else {
            continue;
        };
        let of_action = actions.entry(action.to_owned()).or_default();
        match what {
            "calls" => of_action.calls = value as u64,
            "min" => of_action.min = value as u64,
            "median" => of_action.median = value,
            "max" => of_action.max = value as u64,
            _ => {}
        }
    }
    Some(Counts {
        gas: whole(counter::COUNTED_GAS)?,
        transactions: whole(counter::COUNTED_TRANSACTIONS)?,
        vm_operations: whole(counter::VM_OPERATIONS),
        allocations: whole(counter::ALLOCATIONS)?,
        bytecode_bytes: whole(counter::BYTECODE_BYTES)?,
        seen: record.links.first()?.hex.clone(),
        actions,
    })
}

/// The counters of a workload in every mode that is deterministic. The tiers must agree in gas and output.
pub fn rows(
    program: &Path,
    workload: &Workload,
    parameters: &Parameters,
    stop: &AtomicBool,
) -> Result<Vec<CounterRow>, Stop> {
    let mut rows = Vec::new();
    let mut first: Option<Counts> = None;
    for mode in MODES {
        let counts = count(program, workload, parameters, mode, stop)?;
        let right = first.get_or_insert_with(|| counts.clone());
        if (right.gas, &right.seen) != (counts.gas, &counts.seen) {
            let message =
                format!("WRONG RESULTS: {}/{mode} differs from the interpreter in gas or output", workload.name);
            return Err(Stop { exit: Exit::Wrong, message });
        }
        rows.push(CounterRow {
            schema: SCHEMA,
            workload: workload.name.clone(),
            workload_digest: workload.digest.clone(),
            params: parameters.params(),
            mode: mode.to_owned(),
            // The interpreter counts every call of a script's action; a higher tier need not.
            transactions: right.transactions,
            gas: counts.gas,
            vm_operations: counts.vm_operations,
            allocations: counts.allocations,
            bytecode_bytes: counts.bytecode_bytes,
        });
    }
    Ok(rows)
}

/// The gas of every action of a workload, by name.
pub fn gas_rows(workload: &Workload, parameters: &Parameters, counts: &Counts) -> Vec<GasRow> {
    let row = |(action, gas): (&String, &ActionGas)| GasRow {
        schema: SCHEMA,
        workload: workload.name.clone(),
        params: parameters.params(),
        action: action.clone(),
        calls: gas.calls,
        gas_min: gas.min,
        gas_median: gas.median,
        gas_max: gas.max,
    };
    counts.actions.iter().map(row).collect()
}
