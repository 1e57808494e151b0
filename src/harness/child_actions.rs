//! A child that looks at each kind of transaction: gas and storage writes counted without a clock, then the same blocks
//! again on a fresh ledger with each transaction timed for itself.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::engine::{BlockSettings, Data, Isolate};
use crate::parallel::Shards;

use super::child::{Bench, Halt, Talk};
use super::child_block::{Generator, ready};
use super::protocol::counter;

/// Transactions to look at, about.
const TRANSACTIONS: u64 = 10_000;
/// Logical bytes that a transaction may allocate.
const ALLOC_LIMIT: u64 = 64 << 20;
/// Time between two blocks, as programs see it.
const BLOCK_TIME_MS: i64 = 1000;
/// Readings of the clock that tell its cost.
const CLOCK_READINGS: usize = 10_001;
/// The kind of transactions that have no text under `op`.
const UNNAMED: &str = "transaction";

/// What was seen of one kind.
#[derive(Default)]
struct Kind {
    transactions: u64,
    committed: u64,
    gas: Vec<u64>,
    writes: u64,
    ns: Vec<u64>,
}

/// Does the job.
pub(super) fn work(bench: &Bench<'_>, talk: &mut Talk) -> Result<(), Halt> {
    let parameters = &bench.job.parameters;
    let wanted = (TRANSACTIONS / parameters.block).max(2);
    let count = wanted.min(parameters.blocks.unwrap_or(wanted));
    let mut generator = Generator::new(bench)?;
    let counting = Shards::new(1, &|_| ready(bench, bench.mode, true))?;
    let timing = Shards::new(1, &|_| ready(bench, bench.mode, true))?;
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    let mut settings = BlockSettings {
        gas_limit: parameters.gas_limit,
        alloc_limit: ALLOC_LIMIT,
        seed: parameters.seed,
        work: parameters.work,
        ..BlockSettings::default()
    };
    for number in 0..count {
        settings.block_number = number;
        settings.first_index = number * parameters.block;
        settings.timestamp_ms = (number as i64 + 1) * BLOCK_TIME_MS;
        for block in generator.blocks(1)? {
            for kind in count_block(&counting, &block, &settings) {
                take(&mut kinds, &kind);
            }
            time_block(&timing, &block, &settings, &mut kinds);
        }
        bench.check_time()?;
    }
    let clock_ns = clock_ns();
    for (name, kind) in &mut kinds {
        kind.gas.sort_unstable();
        kind.ns.sort_unstable();
        let gas = |index: usize| kind.gas.get(index).copied().unwrap_or_default() as f64;
        let last = kind.gas.len().saturating_sub(1);
        let median_ns = kind.ns.get(kind.ns.len() / 2).copied().unwrap_or_default();
        for (what, value) in [
            ("transactions", kind.transactions as f64),
            ("committed", kind.committed as f64),
            ("gas_min", gas(0)),
            ("gas_median", f64::midpoint(gas(last / 2), gas(kind.gas.len() / 2))),
            ("gas_max", gas(last)),
            ("writes", kind.writes as f64),
            ("median_ns", median_ns.saturating_sub(clock_ns) as f64),
        ] {
            talk.count(&format!("{}{what}/{name}", counter::OF_KIND), value)?;
        }
    }
    Ok(())
}

/// A transaction as it was counted.
struct Counted {
    kind: String,
    committed: bool,
    gas: u64,
    writes: u64,
}

fn kind_of(transaction: &Data) -> &str {
    transaction.text("op").unwrap_or(UNNAMED)
}

fn count_block(shards: &Shards, block: &[Data], settings: &BlockSettings) -> Vec<Counted> {
    let settings = BlockSettings { keep_receipts: true, ..settings.clone() };
    let one = |isolate: &mut Isolate| {
        let prepared = isolate.prepare(block);
        let recorded = isolate.execute_recorded(&prepared, &settings);
        let each = block.iter().zip(isolate.receipts()).zip(&recorded.accesses);
        let counted =
            |((transaction, receipt), accesses): ((&Data, &crate::engine::Receipt), &crate::engine::Accesses)| {
                Counted {
                    kind: kind_of(transaction).to_owned(),
                    committed: receipt.status == crate::engine::TxStatus::Committed,
                    gas: receipt.gas,
                    writes: accesses.writes.len() as u64,
                }
            };
        each.map(counted).collect::<Vec<_>>()
    };
    shards.each(|_, isolate, _| one(isolate)).into_iter().flatten().collect()
}

fn take(kinds: &mut BTreeMap<String, Kind>, counted: &Counted) {
    let kind = kinds.entry(counted.kind.clone()).or_default();
    kind.transactions += 1;
    kind.committed += u64::from(counted.committed);
    kind.gas.push(counted.gas);
    kind.writes += counted.writes;
}

fn time_block(shards: &Shards, block: &[Data], settings: &BlockSettings, kinds: &mut BTreeMap<String, Kind>) {
    let times = shards.each(|_, isolate, _| {
        let prepared = isolate.prepare(block);
        isolate.execute_timed(&prepared, settings).ns
    });
    for (transaction, ns) in block.iter().zip(times.into_iter().flatten()) {
        kinds.entry(kind_of(transaction).to_owned()).or_default().ns.push(ns);
    }
}

/// What two readings of the clock with nothing between them say: the median.
fn clock_ns() -> u64 {
    let mut readings: Vec<u64> = (0..CLOCK_READINGS)
        .map(|_| {
            let begin = Instant::now();
            begin.elapsed().as_nanos() as u64
        })
        .collect();
    readings.sort_unstable();
    readings[CLOCK_READINGS / 2]
}
