//! Deterministic counters: the same in every run, and counting changes no result.

use std::sync::Arc;

use zx::engine::{ActionGas, Engine, Isolate, Mode, OutputSink, Program, RunOptions};

const SOURCE: &str = r#"
contract Counter {
    data total = 0
    action add(n) {
        require(n < 90, "too much")
        total = total + n
        return total
    }
}
let counter = Counter()
action twice(n) { return counter.add(n) + counter.add(n) }
let sum = 0
for each n in range(100) {
    try { sum = sum + twice(n) } catch (e) { sum = sum - 1 }
}
print([3, 1, 2].map(action(x) { return twice(x) }))
print(sum)
"#;

fn isolate(mode: Mode, count_operations: bool) -> Isolate {
    let program = Program::compile(SOURCE, "counters.zx").expect("it parses");
    let options = RunOptions { output: OutputSink::Digest, seed: Some(1), count_operations, ..RunOptions::default() };
    Isolate::new(&Engine::new(mode), &program, options)
}

#[test]
fn counting_changes_no_result() {
    for mode in [Mode::Interpreter, Mode::Vm, Mode::Adaptive, Mode::Fixed(7)] {
        let (mut plain, mut counting) = (isolate(mode, false), isolate(mode, true));
        let (without, with) = (plain.run(), counting.run());
        assert_eq!(without.failure, None);
        assert_eq!(without.digest, with.digest, "{mode:?}");
        assert_eq!(plain.counters().vm_operations, None, "not counted is unknown");
        assert_eq!(plain.gas_by_action(), []);
        assert_eq!(plain.counters().allocations, counting.counters().allocations);
        assert_eq!(counting.counters().vm_operations.is_some(), mode != Mode::Interpreter);
    }
}

#[test]
fn counts_are_the_same_in_every_run() {
    let counts = |mode| {
        let mut isolate = isolate(mode, true);
        isolate.run();
        let counters = isolate.counters();
        (counters.vm_operations, counters.allocations, counters.bytecode_bytes, isolate.gas_by_action())
    };
    for mode in [Mode::Vm, Mode::Fixed(7)] {
        let first = counts(mode);
        assert!(first.0.is_some_and(|operations| operations > 1000), "{first:?}");
        assert_eq!(first, counts(mode));
    }
    let (vm, late) = (counts(Mode::Vm).0, counts(Mode::Fixed(50)).0);
    assert!(late < vm, "what the evaluator runs is not the VM's: {late:?} {vm:?}");
}

#[test]
fn gas_is_counted_for_every_call_that_ends_well_or_badly() {
    let mut isolate = isolate(Mode::Vm, true);
    let pass = isolate.run();
    let actions = isolate.gas_by_action();
    let of = |name: &str| actions.iter().find(|each| each.action == name).map(|each| each.gas.clone()).expect(name);
    assert_eq!(of("twice").len(), 103);
    assert_eq!(of("Counter.add").len(), 90 * 2 + 10 + 6);
    let top = of("(top level)");
    assert_eq!(top.len(), 1);
    assert!(top[0] <= pass.gas && top[0] > pass.gas * 9 / 10, "{top:?} of {}", pass.gas);
    assert!(of("twice")[50] > 2 * of("Counter.add")[0], "a call's gas holds that of what it calls");
    let inner: u64 = of("twice").iter().sum();
    assert!(inner < top[0]);
}

#[test]
fn isolates_of_one_program_count_apart() {
    let program = Program::compile("let n = 0\nwhile n < 10 { n = n + 1 }\n", "w.zx").expect("it parses");
    let engine = Engine::new(Mode::Vm);
    let make = || {
        let options = RunOptions { output: OutputSink::Digest, count_operations: true, ..RunOptions::default() };
        Isolate::new(&engine, &program, options)
    };
    let (mut one, mut other) = (make(), make());
    one.run();
    let once = one.counters().vm_operations;
    one.run();
    other.run();
    assert_eq!(one.counters().vm_operations, once.map(|operations| operations * 2));
    assert_eq!(other.counters().vm_operations, once);
    assert_eq!(Arc::strong_count(&program), 3);
    let gas: Vec<ActionGas> = other.gas_by_action();
    assert_eq!(gas.len(), 1);
}
