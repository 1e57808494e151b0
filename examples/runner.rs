//! A runner: the transfers of `workloads/transfer.zx` in Rust, for
//! `zx-bench run transfer --engine rust='target/debug/examples/runner {params} {threads} {process_ms}'`.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use zx::harness::runner::{Options, Pass, Runner, Timer, serve};

struct Transfers {
    count: u64,
}

impl Runner for Transfers {
    fn pass(&mut self, timer: &mut Timer) -> Result<Pass, String> {
        let start = (self.count as i64 * 10).max(1_000_000);
        let mut balances = HashMap::from([("alice", start), ("bob", 0)]);
        timer.start();
        for _ in 0..self.count {
            *balances.get_mut("alice").ok_or("no alice")? -= 10;
            *balances.get_mut("bob").ok_or("no bob")? += 10;
        }
        timer.stop();
        // What the workload prints: equal text is equal work.
        let output = format!("alice {}, bob {}\n", balances["alice"], balances["bob"]);
        Ok(Pass { transactions: self.count, output })
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let parameter = |name: &str| word(1).split(';').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let count = parameter("iterations").and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let options = Options {
        engine: "rust".into(),
        threads: word(2).parse().unwrap_or(1),
        time: Duration::from_millis(word(3).parse().unwrap_or(1000)),
        ..Options::default()
    };
    serve(&options, |_| Ok(Transfers { count }))
}
