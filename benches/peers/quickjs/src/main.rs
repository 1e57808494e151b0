//! QuickJS: a bytecode interpreter of JavaScript. Numbers are doubles; no gas, no rollback.

use std::process::ExitCode;
use std::time::Instant;

use peer_runner::{Failure, Pass, run, start};
use rquickjs::{Context, Function, Object, Runtime};

const TEXT: &str = "
function transfer(from, to, amount) {
    balances[from] = balances[from] - amount;
    balances[to] = balances[to] + amount;
}
function begin(start) { globalThis.balances = {alice: start, bob: 0}; }
function pass(iterations) {
    let done = 0;
    while (done < iterations) {
        transfer('alice', 'bob', 10);
        done = done + 1;
    }
}";

fn main() -> ExitCode {
    run("quickjs", |count| {
        let context = Context::full(&Runtime::new()?)?;
        context.with(|js| js.eval::<(), _>(TEXT))?;
        Ok(move || -> Result<Pass, Failure> {
            context.with(|js| -> Result<Pass, Failure> {
                let function = |name: &str| js.globals().get::<_, Function<'_>>(name);
                function("begin")?.call::<_, ()>((start(count) as f64,))?;
                let pass = function("pass")?;
                let begin = Instant::now();
                pass.call::<_, ()>((count as i32,))?;
                let took = begin.elapsed();
                let balances: Object<'_> = js.globals().get("balances")?;
                let of = |name: &str| balances.get::<_, f64>(name).map(|value| value as i64);
                Ok(Pass { took, alice: of("alice")?, bob: of("bob")? })
            })
        })
    })
}
