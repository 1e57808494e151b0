//! What the state root costs by ledger size: for each number of accounts, blocks of 1,000 transfers between accounts
//! drawn at random, the time of the root after each, and the memory of its tree.
//!
//! `cargo run --release --example root_cost -- 1000 100000` (10000000 takes minutes and some 10 GB).
#![expect(clippy::print_stdout, reason = "a program")]

use std::time::Instant;

use rand::{Rng, SeedableRng};
use zx::engine::{BlockSettings, Data, Engine, Isolate, Mode, OutputSink, Program, RunOptions};

const TEXT: &str = r#"
contract Token {
    data balances = {}
    action mint(account) { balances[account] = 1000000 }
    action transfer(from, to, amount) {
        balances[from] = balances[from] - amount
        balances[to] = balances[to] + amount
    }
}
let token = Token()
action setup(count) {
    for each i in range(count) { token.mint("acct_" + string(i)) }
}
action transaction(tx) { token.transfer(tx["from"], tx["to"], 1) }
"#;

const BLOCK: usize = 1_000;
const BLOCKS: u64 = 50;

fn account(number: usize) -> Data {
    Data::Str(format!("acct_{number}").into())
}

fn measure(accounts: usize) {
    let program = Program::compile(TEXT, "root-cost.zx").unwrap_or_else(|errors| panic!("{}", errors.rendered));
    let options = RunOptions { output: OutputSink::Digest, seed: Some(42), ..RunOptions::default() };
    let mut isolate = Isolate::new(&Engine::new(Mode::Vm), &program, options);
    assert_eq!(isolate.run().failure, None);
    isolate.call("setup", &[Data::Int(accounts as i64)]).expect("setup runs");
    isolate.seal();
    let begin = Instant::now();
    isolate.state_root();
    let first = begin.elapsed();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(42);
    let (mut ns, mut changes) = (Vec::new(), 0);
    for block in 0..BLOCKS {
        let mut draw = || account(rng.random_range(0..accounts));
        let transfer = |from, to| Data::Map(vec![(Data::Str("from".into()), from), (Data::Str("to".into()), to)]);
        let transactions: Vec<Data> = (0..BLOCK).map(|_| transfer(draw(), draw())).collect();
        let ready = isolate.prepare(&transactions);
        let settings =
            BlockSettings { block_number: block, first_index: block * BLOCK as u64, ..BlockSettings::default() };
        assert_eq!(isolate.execute(&ready, &settings).committed, BLOCK as u64);
        let begin = Instant::now();
        isolate.state_root();
        let touched = isolate.state_tree_size().expect("sealed").last_changes;
        changes += touched;
        ns.push(begin.elapsed().as_nanos() as f64 / touched as f64);
    }
    ns.sort_by(f64::total_cmp);
    let size = isolate.state_tree_size().expect("sealed");
    println!(
        "{accounts:>10} accounts: {:>6.0} ns a touched place (median of {BLOCKS} blocks; fastest {:.0}), {:.0} places a \
         block, {} bytes an account, first root {:.2} s",
        ns[ns.len() / 2],
        ns[0],
        changes as f64 / BLOCKS as f64,
        size.bytes / accounts,
        first.as_secs_f64()
    );
}

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    for accounts in if sizes.is_empty() { vec![1_000, 100_000] } else { sizes } {
        measure(accounts);
    }
}
