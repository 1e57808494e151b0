//! A child that counts: a fixed piece of work, its gas, VM operations, allocations and bytecode, nothing timed.

use crate::engine::{BlockSettings, Isolate, TxStatus};
use crate::parallel::Shards;

use super::chain::hex;
use super::child::{Bench, Halt, Talk};
use super::child_block::{Generator, ready};
use super::job::FormName;
use super::protocol::{Message, counter};

/// Blocks of a block workload that are counted.
const BLOCKS: u64 = 2;
/// Logical bytes that a transaction may allocate.
const ALLOC_LIMIT: u64 = 64 << 20;
/// Time between two blocks, as programs see it.
const BLOCK_TIME_MS: i64 = 1000;

/// What the work came to.
#[derive(Default)]
struct Work {
    gas: u64,
    transactions: u64,
    /// Digest of what a user of the program sees: output and results, but neither gas nor receipts that hold it.
    seen: blake3::Hasher,
}

/// Does the job.
pub(super) fn work(bench: &Bench<'_>, talk: &mut Talk) -> Result<(), Halt> {
    let job = bench.job;
    let shards = match job.form {
        FormName::Script => Shards::new(1, &|_| Ok(bench.isolate(bench.mode, Some(job.transaction.clone()))))?,
        FormName::Block => Shards::new(1, &|_| ready(bench, bench.mode, true))?,
    };
    let mut work = Work::default();
    match job.form {
        FormName::Script => one_pass(&shards, &mut work)?,
        FormName::Block => blocks(bench, &shards, &mut work)?,
    }
    let reports = shards.each(|_, isolate, _| (isolate.counters(), isolate.gas_by_action()));
    for (counters, actions) in reports {
        talk.count(counter::ALLOCATIONS, counters.allocations as f64)?;
        talk.count(counter::BYTECODE_BYTES, counters.bytecode_bytes as f64)?;
        if let Some(operations) = counters.vm_operations {
            talk.count(counter::VM_OPERATIONS, operations as f64)?;
        }
        for action in actions {
            let count = action.gas.len();
            let of = |index: usize| action.gas.get(index).copied().unwrap_or_default() as f64;
            let middle = f64::midpoint(of((count - 1) / 2), of(count / 2));
            for (what, value) in [("calls", count as f64), ("min", of(0)), ("median", middle), ("max", of(count - 1))] {
                talk.count(&format!("{}{what}/{}", counter::ACTION_GAS, action.action), value)?;
            }
        }
    }
    talk.count(counter::COUNTED_GAS, work.gas as f64)?;
    talk.count(counter::COUNTED_TRANSACTIONS, work.transactions as f64)?;
    let digest = work.seen.finalize();
    talk.say(&Message::Digest { index: 0, hex: hex(digest.as_bytes()), isolate: 0 })?;
    Ok(())
}

fn one_pass(shards: &Shards, work: &mut Work) -> Result<(), Halt> {
    let passes = shards.each(|_, isolate, _| (isolate.run(), isolate.output_digest()));
    for (pass, output) in passes {
        if let Some(failure) = &pass.failure {
            return Err(Halt::program(failure));
        }
        work.gas += pass.gas;
        work.transactions += pass.counted_calls;
        work.seen.update(&output);
    }
    Ok(())
}

fn blocks(bench: &Bench<'_>, shards: &Shards, work: &mut Work) -> Result<(), Halt> {
    let parameters = &bench.job.parameters;
    let mut generator = Generator::new(bench)?;
    let mut settings = BlockSettings {
        gas_limit: parameters.gas_limit,
        alloc_limit: ALLOC_LIMIT,
        seed: parameters.seed,
        work: parameters.work,
        keep_receipts: true,
        ..BlockSettings::default()
    };
    for block in 0..BLOCKS.min(parameters.blocks.unwrap_or(BLOCKS)) {
        settings.block_number = block;
        settings.first_index = block * parameters.block;
        settings.timestamp_ms = (block as i64 + 1) * BLOCK_TIME_MS;
        let transactions = generator.blocks(1)?;
        let done = shards.each(|_, isolate: &mut Isolate, _| {
            let prepared = isolate.prepare(&transactions[0]);
            let result = isolate.execute(&prepared, &settings);
            (result, isolate.receipts().to_vec(), isolate.output_digest())
        });
        for (result, receipts, output) in done {
            work.gas += result.gas;
            work.transactions += result.committed;
            for receipt in receipts {
                let status = match receipt.status {
                    TxStatus::Committed => 0_u8,
                    TxStatus::Reverted => 1,
                    TxStatus::OutOfGas => 2,
                };
                work.seen.update(&[status]).update(&(receipt.result.len() as u64).to_le_bytes());
                work.seen.update(&receipt.result).update(&receipt.events.to_le_bytes());
            }
            work.seen.update(&output);
        }
        bench.check_time()?;
    }
    if bench.program.has_action("verify") {
        let checked = shards.each(|_, isolate, _| isolate.call("verify", &[]).map(drop));
        checked.into_iter().collect::<Result<(), _>>().map_err(|failure| Halt::verify(&failure))?;
    }
    Ok(())
}
