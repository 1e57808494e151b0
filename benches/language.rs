//! Micro-benchmarks of the language, one for each part that a change can slow down. `cargo bench --bench language`
//! measures; `cargo test` runs each once in smoke size, so that none can rot.
#![expect(missing_docs, reason = "criterion's macros make public functions")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use zx::bytecode;
use zx::engine::{Data, Engine, Isolate, Mode, OutputSink, Program, RunOptions};
use zx::resolve::{FileTree, resolve};
use zx::runtime::info::ActionId;
use zx::syntax::{Interner, parse};
use zx::value::{Heap, MapData, Value};

/// A text of the usual mix: contracts, actions, loops, maps, strings. About 700 bytes a part.
fn source(parts: usize) -> String {
    let mut text = String::new();
    for part in 0..parts {
        let _ = write!(
            text,
            r#"
// Part {part}.
contract Token{part} {{
    data balances = {{}}
    data supply = 0
    event Moved(from, to, amount)
    action mint(account, amount) {{
        require(amount > 0, "nothing to mint")
        balances[account] = (balances[account] ?? 0) + amount
        supply = supply + amount
    }}
    action move(from, to, amount) {{
        let left = balances[from] ?? 0
        require(left >= amount, "insufficient balance")
        balances[from] = left - amount
        balances[to] = (balances[to] ?? 0) + amount
        emit Moved(from, to, amount)
        return left
    }}
}}
action sum{part}(items, start = 0) {{
    let total = start
    for each item in items {{
        if item % 3 == 0 {{ continue }}
        try {{ total = total + item * 2 }} catch (e) {{ print("bad: ${{e}}") }}
    }}
    return total
}}
"#
        );
    }
    text
}

/// How much of each workload: whole when measured, little when tested.
fn size(measured: usize) -> usize {
    if std::env::args().any(|argument| argument == "--bench") { measured } else { measured.div_ceil(100) }
}

fn front_end(criterion: &mut Criterion) {
    let text = source(size(200));
    let mut group = criterion.benchmark_group("front end");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parse", |bencher| bencher.iter(|| parse(black_box(&text), &mut Interner::new())));

    let mut interner = Interner::new();
    let parsed = parse(&text, &mut interner);
    assert!(parsed.diagnostics.is_empty(), "the text has errors");
    let imports = std::collections::HashMap::new();
    let files = [FileTree { program: &parsed.program, module: "__main__", imports: &imports }];
    let resolve = || resolve(black_box(&files), &[0], &interner, Vec::new(), &text);
    group.bench_function("resolve", |bencher| bencher.iter(|| resolve().is_ok()));

    let Ok((tree, info)) = resolve() else { panic!("resolves") };
    group.bench_function("compile", |bencher| {
        let ids = || (0..info.actions.len() as u32).map(ActionId);
        bencher.iter(|| ids().map(|id| bytecode::compile(&tree, &info, id, true).bytes()).sum::<usize>());
    });
    group.finish();
}

/// Programs whose `run(n)` does something n times.
const LOOP: &str =
    "action run(n) { let sum = 0\nlet i = 0\nwhile i < n { sum = sum + i * i % 7\ni = i + 1 }\nreturn sum }";
const CALL: &str =
    "action one(a, b) { return a + b }\naction run(n) { let i = 0\nwhile i < n { i = one(i, 1) }\nreturn i }";
const MAP: &str = "let m = {\"al\": 0, \"bo\": 0}\naction run(n) { let i = 0\nwhile i < n { m[\"al\"] = m[\"al\"] + 1\ni = i + 1 }\nreturn i }";

fn program(source: &str) -> Arc<Program> {
    match Program::compile(source, "bench.zx") {
        Ok(program) => program,
        Err(errors) => panic!("{}", errors.rendered),
    }
}

fn isolate(source: &str, mode: Mode) -> Isolate {
    let options = RunOptions { output: OutputSink::Digest, seed: Some(1), ..RunOptions::default() };
    let mut isolate = Isolate::new(&Engine::new(mode), &program(source), options);
    assert_eq!(isolate.run().failure, None);
    isolate
}

/// An integer loop, calls and a map's read and write, in each tier: one element is one turn of the loop.
fn execution(criterion: &mut Criterion) {
    let turns = size(100_000);
    for (name, source) in [("dispatch", LOOP), ("call", CALL), ("map read and write", MAP)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(turns as u64));
        for (tier, mode) in [("vm", Mode::Vm), ("interpreter", Mode::Interpreter)] {
            let mut isolate = isolate(source, mode);
            let arguments = [Data::Int(turns as i64)];
            assert!(isolate.call("run", &arguments).is_ok(), "{name} in {tier}");
            group.bench_function(tier, |bencher| bencher.iter(|| isolate.call("run", &arguments)));
        }
        group.finish();
    }
}

fn map_find(criterion: &mut Criterion) {
    let accounts = size(10_000);
    let mut heap = Heap::new();
    let mut map = MapData::with_capacity(accounts);
    let keys: Vec<Value> = (0..accounts).map(|at| heap.alloc_str(&format!("acct_{at}")).with_hash()).collect();
    for &key in &keys {
        map.set(key, Value::int(1), 0);
    }
    let mut group = criterion.benchmark_group("map");
    group.throughput(Throughput::Elements(accounts as u64));
    group.bench_function("find", |bencher| {
        bencher.iter(|| keys.iter().filter(|key| map.find(**key).is_some()).count());
    });
    group.finish();
}

/// A fresh program and isolate whose loop moves up at its second turn: compiling and entering, with little else.
fn hand_over(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hand-over");
    for (name, mode) in [("without", Mode::Interpreter), ("with", Mode::Fixed(2))] {
        let engine = Engine::new(mode);
        let fresh = || {
            let options = RunOptions { output: OutputSink::Digest, seed: Some(1), ..RunOptions::default() };
            Isolate::new(&engine, &program("let i = 0\nwhile i < 4 { i = i + 1 }"), options)
        };
        group.bench_function(name, |bencher| bencher.iter_batched_ref(fresh, Isolate::run, BatchSize::SmallInput));
    }
    group.finish();
}

criterion_group!(language, front_end, execution, map_find, hand_over);
criterion_main!(language);
