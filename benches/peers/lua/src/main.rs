//! Lua 5.4 or LuaJIT, as the package says. Integers wrap there (LuaJIT: doubles); no gas, no rollback.

use std::process::ExitCode;
use std::time::Instant;

use mlua::{Function, Lua, Table};
use peer_runner::{Failure, Pass, run, start};

const TEXT: &str = "
function transfer(from, to, amount)
    balances[from] = balances[from] - amount
    balances[to] = balances[to] + amount
end
function pass(iterations)
    local done = 0
    while done < iterations do
        transfer('alice', 'bob', 10)
        done = done + 1
    end
end";

fn main() -> ExitCode {
    run(env!("CARGO_PKG_NAME"), |count| {
        let lua = Lua::new();
        lua.load(TEXT).exec()?;
        let pass: Function = lua.globals().get("pass")?;
        Ok(move || -> Result<Pass, Failure> {
            let balances = lua.create_table_from([("alice", start(count)), ("bob", 0)])?;
            lua.globals().set("balances", balances)?;
            let begin = Instant::now();
            pass.call::<()>(count)?;
            let took = begin.elapsed();
            let balances: Table = lua.globals().get("balances")?;
            Ok(Pass { took, alice: balances.get("alice")?, bob: balances.get("bob")? })
        })
    })
}
