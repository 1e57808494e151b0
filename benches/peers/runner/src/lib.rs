//! The runner protocol (docs/protocol.md) for engines on one thread: `peer PARAMS THREADS PROCESS_MS`.
//!
//! A pass starts from two accounts, moves 10 from alice to bob `iterations` times, and prints both balances as
//! `workloads/transfer.zx` does. `zx-bench` compares that text with the interpreter's.

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

pub type Failure = Box<dyn Error>;

/// What one pass gave: the time of the transfers alone, and the balances after them.
pub struct Pass {
    pub took: Duration,
    pub alice: i64,
    pub bob: i64,
}

/// What alice has at first.
pub fn start(count: i64) -> i64 {
    (10 * count).max(1_000_000)
}

/// Makes windows of passes until the time is over, and says them. `make` gets the transfers of a pass.
pub fn run<P: FnMut() -> Result<Pass, Failure>>(
    engine: &str,
    make: impl FnOnce(i64) -> Result<P, Failure>,
) -> ExitCode {
    println!(r#"{{"type":"hello","protocol":1,"engine":"{engine}","chain":"output"}}"#);
    let done = measure(make);
    if let Err(e) = &done {
        let text = e.to_string().replace('\\', "/").replace('"', "'").replace(char::is_control, " ");
        println!(r#"{{"type":"fail","what":"runner","message":"{text}"}}"#);
    }
    println!(r#"{{"type":"bye"}}"#);
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure<P: FnMut() -> Result<Pass, Failure>>(make: impl FnOnce(i64) -> Result<P, Failure>) -> Result<(), Failure> {
    const WINDOW_NS: u64 = 10_000_000;
    const DIGESTS: u64 = 20;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [params, threads, process_ms] = &words[..] else { return Err("usage: peer PARAMS THREADS PROCESS_MS".into()) };
    if threads != "1" {
        return Err("this engine runs on one thread: --threads 1".into());
    }
    let count = params.split(';').find_map(|pair| pair.strip_prefix("iterations=")).unwrap_or("10000").parse()?;
    let time = Duration::from_millis(process_ms.parse()?);
    let mut pass = make(count)?;
    let (begin, mut windows, mut passes, mut said) = (Instant::now(), 0, 1, 0);
    let mut link = [0; 32];
    // The first window is the cold one; then at least eight.
    while begin.elapsed() < time || windows < 9 {
        let mut ns = 0;
        for _ in 0..passes {
            let Pass { took, alice, bob } = pass()?;
            ns += took.as_nanos() as u64;
            if said < DIGESTS {
                let text = Sha256::digest(format!("alice {alice}, bob {bob}\n"));
                link = Sha256::new().chain_update(link).chain_update(text).finalize().into();
                let hex: String = link.iter().map(|byte: &u8| format!("{byte:02x}")).collect();
                println!(r#"{{"type":"digest","index":{said},"hex":"{hex}"}}"#);
                said += 1;
            }
        }
        let (n, ns, at_ns) = (passes * count as u64, ns.max(1), begin.elapsed().as_nanos());
        println!(r#"{{"type":"window","n":{n},"ns":{ns},"at_ns":{at_ns}}}"#);
        if windows == 0 || !(WINDOW_NS / 2..WINDOW_NS * 2).contains(&ns) {
            passes = WINDOW_NS.div_ceil((ns / passes).max(1)).max(1);
        }
        windows += 1;
    }
    Ok(())
}
