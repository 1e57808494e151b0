//! Blocks of transactions through the engine: receipts, sealing, conservation, and the same state in every tier.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use zx::engine::{
    BlockResult, BlockSettings, Data, Engine, Isolate, Mode, OutputSink, PreparedBlock, Program, Receipt, RunOptions,
    TxStatus,
};

const BANK: &str = r#"
contract Bank {
    data balances = {}
    data supply = 0
    event Paid(from, to, amount)
    action open(who, amount) {
        balances[who] = amount
        supply = supply + amount
    }
    action pay(from, to, amount) {
        balances[to] = (balances[to] ?? 0) + amount
        let left = balances[from] - amount
        balances[from] = left
        emit Paid(from, to, amount)
        require(left >= 0, "not enough")
        return left
    }
    action burn(who) {
        balances[who] = 0
        while true { supply = supply + 1 }
    }
    action check() {
        let sum = 0
        for each who, amount in balances { sum = sum + amount }
        require(sum == supply, "money was made or lost")
        return sum
    }
}
let bank = Bank()
let seen = [0]
let count = 0
entity Mark { n = 0; method up() { this.n += 1 } }
let mark = Mark()
let up = Mark().up
action setup(accounts) { for each who in accounts { bank.open(who, 100) } }
action transaction(tx) {
    if tx["do"] == "pay" { return bank.pay(TX.caller, tx["to"], tx["amount"]) }
    if tx["do"] == "burn" { return bank.burn(TX.caller) }
    if tx["do"] == "count" { count = count + 1 }
    if tx["do"] == "see" { seen.push(1) }
    if tx["do"] == "mark" { mark.up() }
    if tx["do"] == "up" { up() }
    if tx["do"] == "change" { tx["amount"] = 0 }
    if tx["do"] == "deep" { tx["list"].push(4) }
    if tx["do"] == "where" { return [TX.caller, TX.timestamp, TX.block_number, TX.gas_limit] }
    if tx["do"] == "loop" {
        let sum = 0
        let i = 0
        while i < tx["amount"] { sum = sum + i * i % 7
            i = i + 1 }
        return sum
    }
    throw "nothing to do"
}
action verify() { return bank.check() }
"#;

const MODES: [Mode; 5] = [Mode::Interpreter, Mode::Vm, Mode::Native, Mode::Fixed(2), Mode::Adaptive];

fn text(text: &str) -> Data {
    Data::Str(text.into())
}

/// A transaction: who, what, and for pay to whom and how much.
fn transaction(caller: &str, what: &str, to: &str, amount: i64) -> Data {
    let list = Data::List(vec![Data::Int(1), Data::Int(2)]);
    let fields =
        [("caller", text(caller)), ("do", text(what)), ("to", text(to)), ("amount", Data::Int(amount)), ("list", list)];
    Data::Map(fields.into_iter().map(|(key, value)| (text(key), value)).collect())
}

/// A bank with three accounts of 100 each, sealed.
fn bank(mode: Mode) -> Isolate {
    let program = Program::compile(BANK, "bank.zx").unwrap_or_else(|errors| panic!("{}", errors.rendered));
    bank_of(&program, mode)
}

fn bank_of(program: &Arc<Program>, mode: Mode) -> Isolate {
    let options = RunOptions { output: OutputSink::Capture, seed: Some(42), ..RunOptions::default() };
    let mut isolate = Isolate::new(&Engine::new(mode), program, options);
    assert_eq!(isolate.run().failure, None);
    isolate.call("setup", &[Data::List(["al", "bo", "cy"].map(text).to_vec())]).unwrap();
    isolate.seal();
    isolate
}

fn settings() -> BlockSettings {
    BlockSettings { gas_limit: 5_000, keep_receipts: true, ..BlockSettings::default() }
}

fn execute(isolate: &mut Isolate, transactions: &[Data], settings: &BlockSettings) -> (BlockResult, Vec<Receipt>) {
    let block = isolate.prepare(transactions);
    assert_eq!(block.len(), transactions.len());
    let result = isolate.execute(&block, settings);
    (result, isolate.receipts().to_vec())
}

/// The only receipt of one transaction, its result as readable text.
fn one(mode: Mode, what: Data) -> (TxStatus, String) {
    let (_, receipts) = execute(&mut bank(mode), &[what], &settings());
    let [receipt] = receipts.as_slice() else { panic!("{receipts:?}") };
    (receipt.status, String::from_utf8_lossy(&receipt.result).into_owned())
}

#[test]
fn each_end_has_its_receipt_and_leaves_the_right_state() {
    for mode in MODES {
        let mut isolate = bank(mode);
        let before = isolate.state_root();
        let failing =
            [transaction("al", "pay", "bo", 101), transaction("al", "burn", "", 0), transaction("al", "?", "", 0)];
        let (result, receipts) = execute(&mut isolate, &failing, &settings());
        assert_eq!((result.committed, result.reverted, result.out_of_gas), (0, 2, 1), "{mode:?}");
        assert_eq!(isolate.state_root(), before, "{mode:?}: a failed transaction left a trace");
        assert!(
            String::from_utf8_lossy(&receipts[0].result).contains("Requirement failed: not enough"),
            "{receipts:?}"
        );
        assert_eq!(receipts[0].events, 0, "{mode:?}: the event of a reverted transaction stayed");
        assert_eq!((receipts[1].status, receipts[1].events), (TxStatus::OutOfGas, 0), "{mode:?}");
        assert!(receipts[1].gas <= 5_000 && receipts[1].gas > 4_900, "{mode:?}: {}", receipts[1].gas);
        assert!(String::from_utf8_lossy(&receipts[2].result).contains("nothing to do"), "{receipts:?}");
        assert_eq!(result.gas, receipts.iter().map(|receipt| receipt.gas).sum::<u64>());

        let (result, receipts) = execute(&mut isolate, &[transaction("al", "pay", "bo", 100)], &settings());
        assert_eq!((result.committed, receipts[0].status, receipts[0].events), (1, TxStatus::Committed, 1), "{mode:?}");
        assert_ne!(isolate.state_root(), before);
        assert_eq!(isolate.call("verify", &[]), Ok(Data::Int(300)), "{mode:?}");
    }
}

#[test]
fn sealed_globals_are_named() {
    for mode in MODES {
        let (status, message) = one(mode, transaction("al", "count", "", 0));
        assert!(status == TxStatus::Reverted && message.contains("count"), "{mode:?}: {status:?} {message:?}");
        let (status, message) = one(mode, transaction("al", "see", "", 0));
        let told = message.contains("This list of global 'seen' is read-only in a transaction");
        assert!(status == TxStatus::Reverted && told, "{mode:?}: {status:?} {message:?}");
        for (what, global) in [("mark", "mark"), ("up", "up")] {
            let (status, message) = one(mode, transaction("al", what, "", 0));
            let told = message.contains(&format!("This entity of global '{global}' is read-only in a transaction"));
            assert!(status == TxStatus::Reverted && told, "{mode:?}: {status:?} {message:?}");
        }
    }
}

#[test]
fn a_transactions_input_is_frozen() {
    for mode in MODES {
        for what in ["change", "deep"] {
            let (status, message) = one(mode, transaction("al", what, "", 0));
            assert!(
                status == TxStatus::Reverted && message.contains("read-only"),
                "{mode:?} {what}: {status:?} {message:?}"
            );
        }
    }
}

#[test]
fn the_context_is_the_blocks() {
    for mode in MODES {
        let settings = BlockSettings { block_number: 7, timestamp_ms: 1_234_567, ..settings() };
        let (_, receipts) = execute(&mut bank(mode), &[transaction("bo", "where", "", 0)], &settings);
        assert_eq!(receipts[0].status, TxStatus::Committed, "{mode:?}");
        let here = bank_result(&settings, "bo");
        assert_eq!(receipts[0].result, here, "{mode:?}");
        let later = BlockSettings { timestamp_ms: 1_234_568, ..settings.clone() };
        assert_ne!(receipts[0].result, bank_result(&later, "bo"), "the timestamp is not in the result");
        assert_ne!(receipts[0].result, bank_result(&settings, "cy"), "the caller is not in the result");
    }
}

/// What the interpreter gives for `where`.
fn bank_result(settings: &BlockSettings, caller: &str) -> Vec<u8> {
    let (_, receipts) = execute(&mut bank(Mode::Interpreter), &[transaction(caller, "where", "", 0)], settings);
    assert!(String::from_utf8_lossy(&receipts[0].result).contains(caller));
    receipts[0].result.clone()
}

/// A stream in which every third transaction fails in one way or another.
fn stream(first: i64) -> Vec<Data> {
    let names = ["al", "bo", "cy"];
    let pick = |at: i64| names[at as usize % names.len()];
    let each = |at: i64| match at % 9 {
        2 => transaction(pick(at), "burn", "", 0),
        5 => transaction(pick(at), "pay", pick(at + 1), 1_000_000),
        7 => transaction(pick(at), "loop", "", at % 40),
        8 => transaction(pick(at), "change", "", 0),
        _ => transaction(pick(at / 2), "pay", pick(at + 1), at % 17),
    };
    (first..first + 60).map(each).collect()
}

#[test]
fn every_tier_builds_the_same_chain() {
    let chain = |mode, work| -> Vec<(BlockResult, Vec<Receipt>, [u8; 32])> {
        let mut isolate = bank(mode);
        let mut block = |number: u64| {
            let settings = BlockSettings { block_number: number, first_index: number * 60, work, ..settings() };
            let (result, receipts) = execute(&mut isolate, &stream(number as i64 * 60), &settings);
            (result, receipts, isolate.state_root())
        };
        let blocks = (0..5).map(&mut block).collect();
        assert_eq!(isolate.call("verify", &[]), Ok(Data::Int(300)), "{mode:?}");
        blocks
    };
    for work in [0, 25] {
        let reference = chain(Mode::Interpreter, work);
        let all = |count: fn(&BlockResult) -> u64| reference.iter().map(|block| count(&block.0)).sum::<u64>();
        let ends = [all(|block| block.committed), all(|block| block.reverted), all(|block| block.out_of_gas)];
        assert!(ends.iter().all(|&count| count > 10), "a kind of end is missing: {ends:?}");
        for mode in [Mode::Vm, Mode::Native, Mode::Fixed(2), Mode::Adaptive, Mode::Chaos(3)] {
            for (number, (ours, theirs)) in chain(mode, work).iter().zip(&reference).enumerate() {
                assert_eq!(ours.1, theirs.1, "{mode:?} block {number} work {work}: receipts");
                assert_eq!(ours.0, theirs.0, "{mode:?} block {number} work {work}: result");
                assert_eq!(ours.2, theirs.2, "{mode:?} block {number} work {work}: state root");
            }
        }
    }
}

#[test]
fn the_root_depends_on_state_alone() {
    // The same payments in one block and in two.
    let payments = [transaction("al", "pay", "bo", 5), transaction("bo", "pay", "cy", 7)];
    let mut together = bank(Mode::Interpreter);
    execute(&mut together, &payments, &settings());
    let mut apart = bank(Mode::Interpreter);
    execute(&mut apart, &payments[..1], &settings());
    execute(&mut apart, &payments[1..], &BlockSettings { block_number: 1, first_index: 1, ..settings() });
    assert_eq!(together.state_root(), apart.state_root());
}

/// Keeps what transactions bring in every place where contract state can keep it.
const KEEPER: &str = r#"
contract Box {
    data owner = ""
    data names = []
    data seen = {}
    data notes = {}
    data deep = {}
    action keep(tx) {
        owner = tx["caller"]
        names.push(tx["name"])
        names.extend(tx["tags"])
        names.insert(0, tx["big"])
        seen[tx["name"]] = true
        seen[tx["big"]] = tx["huge"]
        notes["last"] = [tx["name"], tx["big"]]
        notes[tx["name"]] = {[tx["name"]]: tx["name"]}
        notes["tags"] = tx["tags"]
        notes["whole"] = tx
        deep[tx["name"]] = {"in": {[tx["name"]]: [tx["tags"]]}}
        persist_set(tx["name"], tx["name"])
        return tx["name"]
    }
    action all() { return [owner, names, seen, notes, deep] }
}
let box = null
action setup(accounts) { box = Box() }
action transaction(tx) {
    if tx["fail"] { config.bench_last = tx["name"] }
    return box.keep(tx)
}
action verify() { return [box.all(), persist_get("n-0"), persist_get("n-2")] }
"#;

#[test]
fn state_keeps_copies_of_inputs_that_outlive_their_block() {
    let program = Program::compile(KEEPER, "keeper.zx").unwrap_or_else(|errors| panic!("{}", errors.rendered));
    let input = |n: usize| {
        let pair = |key: &str, value: Data| (text(key), value);
        Data::Map(vec![
            pair("caller", text(&format!("caller-{n}"))),
            pair("name", text(&format!("n-{n}"))),
            pair("tags", Data::List(vec![text(&format!("tag-{n}")), Data::List(vec![text(&format!("inner-{n}"))])])),
            pair("big", Data::BigInt(format!("1{n}0000000000000000000000").as_str().into())),
            pair("huge", Data::BigInt(format!("{n}7{}", "0".repeat(100)).as_str().into())),
            pair("fail", Data::Bool(n == 1)),
        ])
    };
    let mut all = Vec::new();
    for mode in MODES {
        for collect_always in [false, true] {
            let options =
                RunOptions { output: OutputSink::Capture, seed: Some(42), collect_always, ..RunOptions::default() };
            let mut isolate = Isolate::new(&Engine::new(mode), &program, options);
            assert_eq!(isolate.run().failure, None);
            isolate.call("setup", &[Data::List(Vec::new())]).unwrap();
            isolate.seal();
            for n in 0..3 {
                let (result, receipts) = execute(
                    &mut isolate,
                    &[input(n)],
                    &BlockSettings { keep_receipts: true, ..BlockSettings::default() },
                );
                assert_eq!(result.committed, usize::from(n != 1) as u64, "{mode:?}: {receipts:?}");
                if n == 1 {
                    let message = String::from_utf8_lossy(&receipts[0].result).into_owned();
                    assert!(message.contains("config is read-only in a transaction"), "{message}");
                }
            }
            // The blocks are gone: what state has is its own.
            let kept = isolate.call("verify", &[]).unwrap();
            let shown = format!("{kept:?}");
            for part in ["caller-2", "n-0", "tag-2", "inner-0", "120000000000000000000000", "27000"] {
                assert!(shown.contains(part), "{mode:?}: {part} is not in {shown}");
            }
            all.push((kept, isolate.state_root()));
        }
    }
    assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
}

const CAPTURING: &str = r#"
action counter(n) {
    contract Counter { action up() { n = n + 1; return n } action get() { return n } }
    return Counter
}
let Shared = counter(0)
let early = Shared()
contract Keeper {
    data kept = null
    action keep(c) { kept = c }
    action up() { return kept.up() }
    action get() { return kept.get() }
}
let keeper = Keeper()
action setup(accounts) { }
action transaction(tx) {
    if tx["do"] == "early" { return early.up() }
    if tx["do"] == "make" {
        let c = counter(tx["amount"])()
        keeper.keep(c)
        return [c.up(), c.up()]
    }
    if tx["do"] == "late" { return keeper.up() }
    if tx["do"] == "shared" { return Shared.get() }
    return [early.get(), keeper.get()]
}
"#;

/// What contracts capture is no state: a transaction may change what it has made itself, and nothing else.
#[test]
fn variables_that_contracts_capture_are_read_only_after_their_transaction() {
    let program = Program::compile(CAPTURING, "capturing.zx").unwrap_or_else(|errors| panic!("{}", errors.rendered));
    let mut all = Vec::new();
    for mode in MODES {
        let mut isolate = bank_of(&program, mode);
        let steps = ["early", "make", "late", "shared", "shared", "get"].map(|what| transaction("al", what, "", 5));
        let (result, receipts) = execute(&mut isolate, &steps, &settings());
        for refused in [0, 2] {
            let message = String::from_utf8_lossy(&receipts[refused].result).into_owned();
            assert!(message.contains("read-only in a transaction"), "{mode:?} {refused}: {message}");
        }
        assert_eq!((result.committed, result.reverted), (4, 2), "{mode:?}");
        assert_eq!(isolate.call("transaction", &[transaction("al", "get", "", 0)]), {
            Ok(Data::List(vec![Data::Int(0), Data::Int(7)]))
        });
        all.push((receipts, isolate.state_root()));
    }
    assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
}

#[test]
fn one_block_serves_several_isolates_on_their_threads() {
    let program = Program::compile(BANK, "bank.zx").unwrap_or_else(|errors| panic!("{}", errors.rendered));
    let block = PreparedBlock::new(&program, &[transaction("al", "pay", "bo", 10), transaction("bo", "pay", "cy", 5)]);
    assert_eq!(block.len(), 2);
    let mut isolates: Vec<_> = MODES.iter().map(|mode| bank_of(&program, *mode)).collect();
    let done: Vec<_> = std::thread::scope(|scope| {
        let run = |isolate: &mut Isolate| isolate.execute(&block, &settings());
        let threads: Vec<_> = isolates.iter_mut().map(|isolate| scope.spawn(move || run(isolate))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(done.iter().all(|result| result.receipts == done[0].receipts && result.committed == 2), "{done:?}");
    drop(block);
    for isolate in &mut isolates {
        assert_eq!(isolate.call("verify", &[]), Ok(Data::Int(300)));
    }
}

/// For the ledger of costs: what is executed is the same, and nothing tells of it.
#[test]
fn a_block_without_receipts_leaves_the_same_state() {
    for mode in MODES {
        let (mut usual, mut without) = (bank(mode), bank(mode));
        without.drop_receipts();
        let pay = [transaction("al", "pay", "bo", 5), transaction("bo", "pay", "cy", 500)];
        let settings = BlockSettings { gas_limit: 5_000, ..BlockSettings::default() };
        let block = usual.prepare(&pay);
        let expected = usual.execute(&block, &settings);
        let bare = PreparedBlock::new(without.program(), &pay);
        let found = without.execute(&bare, &settings);
        let counts = |result: &BlockResult| (result.committed, result.reverted, result.gas);
        assert_eq!(counts(&found), counts(&expected));
        assert_eq!(without.state_root(), usual.state_root());
        assert_eq!(found.receipts, [0; 32]);
        assert_ne!(found.receipts, expected.receipts);
    }
}

const VAULT: &str = r#"
contract Vault {
    data held = {}
    data unit = 1000000000000000000
    event Moved(from, to, amount)
    action open(who) { held[who] = 1000 * unit }
    action move(from, to, whole) {
        let amount = whole * unit
        let had = held[from] ?? 0
        held[from] = had - amount
        held[to] = (held[to] ?? 0) + amount
        emit Moved(from, to, amount)
        require(had >= amount, "not enough")
        return amount
    }
    action keep(who, amount) {
        let had = held[who]
        held[who] = amount
        held[who] = had - had + amount
        held[who] = amount
        emit Moved(who, who, had)
        return had
    }
    action sum() {
        let all = 0
        for each who, amount in held { all = all + amount }
        return all
    }
}
let vault = Vault()
action setup(accounts) { for each who in accounts { vault.open(who) } }
action sum() { return vault.sum() }
action transaction(tx) {
    if tx["do"] == "keep" { return vault.keep(TX.caller, tx["amount"]) }
    return vault.move(TX.caller, tx["to"], tx["amount"])
}
"#;

/// Names come in as other objects than the map's keys, short and long; amounts have more than 64 bits, and what state
/// keeps of a block's own outlives it.
#[test]
fn names_and_large_amounts_from_outside_mean_the_same_in_every_tier() {
    let program = Program::compile(VAULT, "vault.zx").unwrap_or_else(|errors| panic!("{}", errors.rendered));
    let lengths = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 80];
    let ends = ["", "a", "b"];
    let mut names: Vec<String> =
        lengths.iter().flat_map(|length| ends.map(|end| format!("{}{end}", "x".repeat(*length)))).collect();
    names.extend(["ä", "äö", "xxxxxxxä"].map(str::to_owned));
    names.sort();
    names.dedup();
    let mut all = Vec::new();
    for mode in MODES {
        let options = RunOptions { output: OutputSink::Capture, seed: Some(42), ..RunOptions::default() };
        let mut isolate = Isolate::new(&Engine::new(mode), &program, options);
        assert_eq!(isolate.run().failure, None);
        let accounts = names.iter().map(|name| text(name)).collect();
        isolate.call("setup", &[Data::List(accounts)]).unwrap();
        isolate.seal();
        let mut seen = Vec::new();
        for number in 0..30 {
            let steps: Vec<Data> = (0..names.len())
                .map(|at| {
                    let other = &names[(at * 7 + number) % names.len()];
                    let keeps = number % 5 == 3 && at % 4 == 0;
                    let amount = match (keeps, at % 8) {
                        (true, 0) => Data::BigInt(format!("{}000000000000000000", 1_000 + at + number).into()),
                        (true, _) => Data::Int(5 + at as i64),
                        (false, 5) => Data::Int(2_000_000),
                        _ => Data::Int((at * 13 + number) as i64 % 40),
                    };
                    let what = if keeps { "keep" } else { "move" };
                    let fields =
                        [("caller", text(&names[at])), ("do", text(what)), ("to", text(other)), ("amount", amount)];
                    Data::Map(fields.into_iter().map(|(key, value)| (text(key), value)).collect())
                })
                .collect();
            let settings = BlockSettings { block_number: number as u64, gas_limit: 5_000, ..settings() };
            let (result, receipts) = execute(&mut isolate, &steps, &settings);
            assert!(result.committed > 0 && result.reverted > 0, "{mode:?}: {result:?}");
            let sum = isolate.call("sum", &[]).unwrap();
            seen.push((result.receipts, result.gas, receipts, sum, isolate.state_root()));
        }
        assert_eq!(isolate.state_root(), isolate.rebuilt_state_root());
        all.push(seen);
    }
    for seen in &all {
        for (number, (one, first)) in seen.iter().zip(&all[0]).enumerate() {
            assert!(one == first, "block {number}: {one:?}\n{first:?}");
        }
    }
}
