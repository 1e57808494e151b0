//! Hand-written Rust: a hash map from name to balance, overflow checked. No gas, no rollback.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use hashbrown::HashMap;
use peer_runner::{Failure, Pass, run, start};

fn transfer(balances: &mut HashMap<String, i64>, from: &str, to: &str, amount: i64) -> Option<()> {
    let left = balances.get(from)?.checked_sub(amount)?;
    *balances.get_mut(from)? = left;
    let more = balances.get(to)?.checked_add(amount)?;
    *balances.get_mut(to)? = more;
    Some(())
}

fn main() -> ExitCode {
    run("rust", |count| {
        Ok(move || -> Result<Pass, Failure> {
            let mut balances = HashMap::from([("alice".to_owned(), start(count)), ("bob".to_owned(), 0)]);
            let begin = Instant::now();
            for _ in 0..count {
                transfer(&mut balances, black_box("alice"), black_box("bob"), 10).ok_or("a transfer failed")?;
            }
            Ok(Pass { took: begin.elapsed(), alice: balances["alice"], bob: balances["bob"] })
        })
    })
}
