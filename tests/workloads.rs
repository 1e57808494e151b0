//! Every workload of the set: the same chain in every tier, its invariant holding, its transactions doing what it says.

use std::path::Path;
use std::sync::{Arc, Mutex};

use zx::engine::{
    BlockResult, BlockSettings, Data, Digest, Engine, Isolate, Mode, OutputSink, Program, Receipt, RunOptions,
};
use zx::harness::parameters::{Overrides, Parameters};
use zx::harness::rng::TransactionRng;
use zx::harness::workload::{self, Form, Workload};

const MODES: [Mode; 5] = [Mode::Vm, Mode::Native, Mode::Fixed(2), Mode::Adaptive, Mode::Chaos(3)];
const BLOCKS: u64 = 4;
const BLOCK: u64 = 150;

/// A workload in smoke size.
struct Case {
    workload: Workload,
    parameters: Parameters,
}

impl Case {
    fn new(name: &str, accounts: u64, own: &[&str]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads").join(name).with_extension("zx");
        let workload = workload::load(&path).unwrap_or_else(|stop| panic!("{}", stop.message));
        let overrides = Overrides {
            accounts: Some(accounts),
            block: Some(BLOCK),
            own: own.iter().map(|&text| text.into()).collect(),
            ..Overrides::default()
        };
        let parameters = Parameters::resolve(&workload, &overrides).unwrap_or_else(|stop| panic!("{}", stop.message));
        Self { workload, parameters }
    }

    fn program(&self) -> &Arc<Program> {
        &self.workload.program
    }

    /// After the top level and `setup`.
    fn ready(&self, mode: Mode) -> Isolate {
        let seed = Some(self.parameters.seed);
        let options = RunOptions { output: OutputSink::Capture, seed, ..RunOptions::default() };
        let mut isolate = Isolate::new(&Engine::new(mode), self.program(), options);
        for setting in &self.parameters.settings {
            isolate.set_config(&setting.key, setting.value.to_config());
        }
        let failure = isolate.run().failure;
        assert!(failure.is_none(), "{}: {failure:?}", self.workload.name);
        if self.program().has_action("setup") {
            let names = self.parameters.account_names().map(|name| Data::Str(name.into())).collect();
            isolate.call("setup", &[Data::List(names)]).unwrap_or_else(|failure| panic!("{}", failure.rendered));
        }
        isolate
    }

    fn stream(&self) -> Vec<Vec<Data>> {
        let mut isolate = self.ready(Mode::Interpreter);
        let Parameters { seed, accounts, .. } = self.parameters;
        let draws = Arc::new(Mutex::new(TransactionRng::new(seed, accounts, self.parameters.skew())));
        let mut one = |index| {
            draws.lock().expect("no panic before").seek(index);
            let made = isolate.generate("generate", draws.clone());
            made.unwrap_or_else(|failure| panic!("{}", failure.rendered))
        };
        (0..BLOCKS).map(|block| (block * BLOCK..(block + 1) * BLOCK).map(&mut one).collect()).collect()
    }

    /// The root before any block, then of each block result, receipts and root; `verify()` passes.
    fn chain(&self, mode: Mode, stream: &[Vec<Data>]) -> (Digest, Vec<(BlockResult, Vec<Receipt>, Digest)>) {
        let mut isolate = self.ready(mode);
        isolate.seal();
        let before = isolate.state_root();
        let mut block = |(number, transactions): (usize, &Vec<Data>)| {
            let prepared = isolate.prepare(transactions);
            let settings = BlockSettings {
                block_number: number as u64,
                first_index: number as u64 * BLOCK,
                timestamp_ms: (number as i64 + 1) * 1000,
                gas_limit: self.parameters.gas_limit,
                keep_receipts: true,
                ..BlockSettings::default()
            };
            let result = isolate.execute(&prepared, &settings);
            (result, isolate.receipts().to_vec(), isolate.state_root())
        };
        let blocks = stream.iter().enumerate().map(&mut block).collect();
        let verified = isolate.call("verify", &[]);
        assert!(verified.is_ok(), "{} in {mode:?}: {verified:?}", self.workload.name);
        (before, blocks)
    }

    /// Runs it in every tier; gives the ends of its transactions: committed, reverted, out of gas.
    #[track_caller]
    fn agrees(&self) -> [u64; 3] {
        let name = &self.workload.name;
        let stream = self.stream();
        let (_, reference) = self.chain(Mode::Interpreter, &stream);
        for mode in MODES {
            let (_, blocks) = self.chain(mode, &stream);
            for (number, (ours, right)) in blocks.iter().zip(&reference).enumerate() {
                assert_eq!(ours.1, right.1, "{name}: receipts of block {number} in {mode:?}");
                assert_eq!(ours.0, right.0, "{name}: result of block {number} in {mode:?}");
                assert_eq!(ours.2, right.2, "{name}: state root of block {number} in {mode:?}");
            }
        }
        let sum = |count: fn(&BlockResult) -> u64| reference.iter().map(|block| count(&block.0)).sum();
        [sum(|block| block.committed), sum(|block| block.reverted), sum(|block| block.out_of_gas)]
    }

    /// Every transaction commits, in every tier.
    #[track_caller]
    fn all_commit(&self) {
        assert_eq!(self.agrees(), [BLOCKS * BLOCK, 0, 0], "{} {}", self.workload.name, self.parameters.canonical);
    }
}

#[test]
fn payments_and_tokens_commit_in_every_tier() {
    for own in [&["decimals=0"], &["decimals=18"]] {
        Case::new("token", 40, own).all_commit();
        Case::new("erc20", 40, own).all_commit();
    }
    for accounts in [2, 10, 100] {
        Case::new("p2p", accounts, &[]).all_commit();
    }
    Case::new("mint", 40, &[]).all_commit();
    Case::new("airdrop", 40, &["batch=20"]).all_commit();
    for own in [&["hot_percent=0"], &["hot_percent=100"]] {
        Case::new("hot-account", 40, own).all_commit();
    }
}

#[test]
fn contracts_of_the_field_commit_in_every_tier() {
    for own in [&["pools=1", "decimals=0"], &["pools=100", "decimals=0"], &["pools=3", "decimals=18"]] {
        Case::new("amm", 40, own).all_commit();
    }
    for own in [&["ids=counter"], &["ids=given"]] {
        Case::new("nft", 40, own).all_commit();
    }
    Case::new("voting", 40, &[]).all_commit();
    Case::new("escrow", 40, &["lag=50"]).all_commit();
    for kind in ["A", "B", "C", "F"] {
        Case::new("kv", 40, &[&format!("workload={kind}")]).all_commit();
    }
}

#[test]
fn chains_of_nothing_and_of_computing_commit_in_every_tier() {
    Case::new("nonce-chain", 3, &[]).all_commit();
    Case::new("do-nothing", 40, &[]).all_commit();
    Case::new("cpu", 10, &["length=30", "hashes=3"]).all_commit();
}

#[test]
fn smallbank_refuses_what_is_not_covered() {
    let [committed, reverted, out_of_gas] = Case::new("smallbank", 100, &[]).agrees();
    assert_eq!((committed + reverted, out_of_gas), (BLOCKS * BLOCK, 0));
    assert!(reverted > 0 && reverted < committed / 10, "an emptied account cannot pay: {reverted} of {committed}");
    // One operation alone: nothing but balances changes nothing.
    let weights = ["amalgamate", "deposit_checking", "send_payment", "transact_savings", "write_check"];
    let own: Vec<String> = weights.iter().map(|name| format!("{name}=0")).collect();
    let case = Case::new("smallbank", 100, &own.iter().map(String::as_str).collect::<Vec<_>>());
    let (before, blocks) = case.chain(Mode::Vm, &case.stream());
    assert!(blocks.iter().all(|(_, _, root)| *root == before));
}

#[test]
fn the_order_book_trades_and_fills_up() {
    let [committed, reverted, out_of_gas] = Case::new("orderbook", 40, &["levels=5"]).agrees();
    assert_eq!((committed + reverted, out_of_gas), (BLOCKS * BLOCK, 0));
    assert!(committed > BLOCKS * BLOCK / 2, "{committed}");
    let case = Case::new("orderbook", 40, &["levels=5"]);
    let (_, blocks) = case.chain(Mode::Vm, &case.stream());
    let trades: u32 = blocks.iter().flat_map(|(_, receipts, _)| receipts).map(|receipt| receipt.events).sum();
    assert!(trades > 100, "{trades} trades");
    assert!(Case::new("orderbook", 40, &["levels=1", "depth=1"]).agrees()[1] > 0, "a full level refuses orders");
}

#[test]
fn escrows_are_released_and_time_out() {
    // Two blocks lie between opening and settling; an escrow lasts one to four.
    let case = Case::new("escrow", 40, &["lag=150"]);
    let (_, blocks) = case.chain(Mode::Interpreter, &case.stream());
    let settled = |flag: u8| {
        let receipts = blocks.iter().flat_map(|(_, receipts, _)| receipts);
        receipts.filter(|receipt| receipt.result == [0, flag]).count()
    };
    let (released, returned) = (settled(2), settled(1)); // null of no work, then true or false
    assert!(released > 10 && returned > 10, "{released} released, {returned} returned");
}

#[test]
fn failing_mixes_fail_in_the_shares_asked_for() {
    let [committed, reverted, out_of_gas] = Case::new("failing", 40, &[]).agrees();
    assert_eq!(committed + reverted + out_of_gas, BLOCKS * BLOCK);
    assert!((80..=160).contains(&reverted), "20% of 600, not {reverted}");
    assert!((12..=55).contains(&out_of_gas), "5% of 600, not {out_of_gas}");
    Case::new("failing", 40, &["insufficient=0", "reverting=0", "out_of_gas=0"]).all_commit();
}

#[test]
fn failing_transactions_leave_nothing_but_their_receipts() {
    let case = Case::new("failing", 40, &["insufficient=30", "reverting=40", "out_of_gas=30"]);
    let stream = case.stream();
    for mode in [Mode::Interpreter].into_iter().chain(MODES) {
        let (before, blocks) = case.chain(mode, &stream);
        for (result, receipts, root) in blocks {
            assert_eq!(root, before, "{mode:?}: a failed transaction changed state");
            assert_eq!(result.committed, 0, "{mode:?}");
            assert!(result.reverted > 0 && result.out_of_gas > 0, "{mode:?}: {result:?}");
            assert!(receipts.iter().all(|receipt| receipt.events == 0 && receipt.gas > 0), "{mode:?}");
        }
    }
}

#[test]
fn each_file_is_a_workload_that_says_what_it_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads");
    let names = workload::names_in(&folder);
    for name in ["airdrop", "amm", "cpu", "do-nothing", "erc20", "escrow", "failing", "fib", "hot-account", "kv"] {
        assert!(names.iter().any(|have| have == name), "{name}");
    }
    for name in &names {
        let workload = workload::load(&folder.join(name).with_extension("zx")).expect("a workload");
        assert!(workload.summary.len() > 20, "{name} has no first comment line");
        if workload.form == Form::Block {
            assert!(workload.program.has_action("verify"), "{name} checks no invariant");
        }
    }
}

#[test]
fn parameters_out_of_range_are_refused_in_words() {
    let refused = |name: &str, own: &str| {
        let case = Case::new(name, 1, &[own]);
        let mut isolate = Isolate::new(&Engine::new(Mode::Interpreter), case.program(), RunOptions::default());
        for setting in &case.parameters.settings {
            isolate.set_config(&setting.key, setting.value.to_config());
        }
        assert!(isolate.run().failure.is_none(), "{name}: it should be `setup` that refuses");
        let accounts = Data::List(vec![Data::Str("acct_0".into())]);
        isolate.call("setup", &[accounts]).expect_err("refused").message
    };
    assert!(refused("p2p", "block=9").contains("at least 2 accounts"));
    assert!(refused("amm", "pools=0").contains("at least 1 pool"));
    assert!(refused("nft", "ids=other").contains("counter or given"));
    assert!(refused("kv", "workload=Z").contains("A, B, C or F"));
    assert!(refused("kv", "length=3").contains("from 40"));
    assert!(refused("failing", "out_of_gas=101").contains("shares of 100"));
    assert!(refused("failing", "reverting=-1").contains("shares of 100"));
    assert!(refused("hot-account", "hot_percent=101").contains("share of 100"));
    assert!(refused("voting", "proposals=0").contains("at least 1 proposal"));
}
