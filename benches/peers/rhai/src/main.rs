//! Rhai: a tree walker in Rust. A function sees no global variable, so the map is bound to it as `this`.

use std::process::ExitCode;
use std::time::Instant;

use peer_runner::{Failure, Pass, run, start};
use rhai::{Dynamic, Engine, Map, Scope};

const TEXT: &str = "
fn transfer(from, to, amount) {
    this[from] -= amount;
    this[to] += amount;
}
let done = 0;
while done < iterations {
    balances.transfer(\"alice\", \"bob\", 10);
    done += 1;
}";

fn main() -> ExitCode {
    run("rhai", |count| {
        let engine = Engine::new();
        let tree = engine.compile(TEXT)?;
        Ok(move || -> Result<Pass, Failure> {
            let balances =
                Map::from([("alice".into(), Dynamic::from(start(count))), ("bob".into(), Dynamic::from(0_i64))]);
            let mut scope = Scope::new();
            scope.push("balances", balances).push("iterations", count);
            let begin = Instant::now();
            engine.run_ast_with_scope(&mut scope, &tree)?;
            let took = begin.elapsed();
            let balances = scope.get_value::<Map>("balances").ok_or("no balances")?;
            let of = |name: &str| balances.get(name).and_then(|value| value.as_int().ok()).ok_or("no balance");
            Ok(Pass { took, alice: of("alice")?, bob: of("bob")? })
        })
    })
}
