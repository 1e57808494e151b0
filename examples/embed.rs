//! Embedding the runtime: compile a contract once, run it in isolates, call its actions from Rust.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use zx::engine::{Data, Engine, Isolate, Mode, OutputSink, Program, RunOptions};

const BANK: &str = r#"
contract Bank {
    data balances = {"alice": 100}
    action pay(from, to, amount) {
        require((balances[from] ?? 0) >= amount, from + " has too little")
        balances[from] = balances[from] - amount
        balances[to] = (balances[to] ?? 0) + amount
        return balances[to]
    }
}
let bank = Bank()
action pay(from, to, amount) { return bank.pay(from, to, amount) }
print("ready")
"#;

fn main() -> Result<(), String> {
    // The program is immutable and shared; errors come back as a user would read them.
    let program = Program::compile(BANK, "bank.zx").map_err(|errors| errors.rendered)?;
    // The engine decides which tiers run; no result depends on it.
    let engine = Engine::new(Mode::Adaptive);
    // An isolate is the state of one run, on one thread.
    let options = RunOptions { output: OutputSink::Capture, ..RunOptions::default() };
    let mut isolate = Isolate::new(&engine, &program, options);
    let pass = isolate.run();
    if let Some(failure) = pass.failure {
        return Err(failure.rendered);
    }
    println!("printed: {}", isolate.captured_output().trim_end());
    let pay = |isolate: &mut Isolate, amount| {
        isolate.call("pay", &[Data::Str("alice".into()), Data::Str("bob".into()), Data::Int(amount)])
    };
    let got = pay(&mut isolate, 30).map_err(|failure| failure.rendered)?;
    println!("bob has {got:?}");
    // A call that fails leaves no trace.
    if let Err(failure) = pay(&mut isolate, 1000) {
        println!("refused: {}", failure.message);
    }
    let got = pay(&mut isolate, 70).map_err(|failure| failure.rendered)?;
    println!("bob has {got:?}; gas {}", isolate.counters().gas);
    Ok(())
}
