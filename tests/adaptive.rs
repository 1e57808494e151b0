//! The tier policy on real programs with a computed clock: time is gas times what a unit of it takes in the tier that
//! runs. So every decision is the same on every machine, and programs can be given whatever speed a test needs.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;
use std::sync::Arc;

use zx::engine::{Engine, Isolate, Mode, OutputSink, Program, RunOptions, TierEvent, TierName, WorkClock};

/// Compiling, per byte of code.
const COMPILE_NS_PER_BYTE: f64 = 10.0;

fn isolate(source: &str, mode: Mode, ns_per_gas: impl Fn(TierName, u64) -> f64 + Send + 'static) -> Isolate {
    let program = Program::compile(source, "w.zx").unwrap_or_else(|errors| panic!("{}", errors.rendered));
    let options = RunOptions { output: OutputSink::Capture, seed: Some(1), ..RunOptions::default() };
    let mut isolate = Isolate::new(&Engine::new(mode), &program, options);
    isolate.set_clock(Box::new(WorkClock::new(COMPILE_NS_PER_BYTE, ns_per_gas)));
    isolate
}

/// The usual: the VM takes half the time.
fn usual(tier: TierName, _gas: u64) -> f64 {
    match tier {
        TierName::Interpreter => 4.0,
        TierName::Vm => 2.0,
        TierName::Native => 0.2,
    }
}

/// Runs it, holds the output against the interpreter's, gives what the policy did.
fn events(source: &str, mode: Mode, ns_per_gas: impl Fn(TierName, u64) -> f64 + Send + 'static) -> Vec<TierEvent> {
    let mut isolate = isolate(source, mode, ns_per_gas);
    let pass = isolate.run();
    assert_eq!(pass.failure, None);
    let mut reference = self::isolate(source, Mode::Interpreter, usual);
    assert_eq!(reference.run().digest, pass.digest, "a decision changed a result");
    to_the_machine(&isolate)
}

/// What concerns the step into the VM.
fn to_the_machine(isolate: &Isolate) -> Vec<TierEvent> {
    isolate.tier_events().into_iter().filter(|event| event.to != "native" && event.from != "native").collect()
}

/// What concerns the step into native code, of the first site that takes it.
fn to_native(source: &str, ns_per_gas: impl Fn(TierName, u64) -> f64 + Send + 'static) -> Vec<TierEvent> {
    let mut isolate = isolate(source, Mode::Adaptive, ns_per_gas);
    let pass = isolate.run();
    assert_eq!(pass.failure, None);
    let mut reference = self::isolate(source, Mode::Interpreter, usual);
    assert_eq!(reference.run().digest, pass.digest, "a decision changed a result");
    let mut events = isolate.tier_events();
    events.retain(|event| event.to == "native" || event.from == "native");
    let first = events.first().map(|event| event.site.clone());
    events.retain(|event| Some(&event.site) == first.as_ref());
    events
}

fn told(events: &[TierEvent]) -> Vec<String> {
    let one = |e: &TierEvent| {
        let speedup = e.speedup.map_or_else(String::new, |speedup| format!(" {speedup:.1}x"));
        format!("{} {} {}->{}{speedup}: {}", e.kind, e.iteration, e.from, e.to, e.reason)
    };
    events.iter().map(one).collect()
}

fn near(value: Option<f64>, wanted: f64) -> bool {
    value.is_some_and(|value| (value / wanted - 1.0).abs() < 0.1)
}

const LOOP: &str = "let sum = 0\nlet i = 0\nwhile i < 100000 {\n sum = sum + i * i % 7\n i = i + 1\n}\nprint(sum)\n";

#[test]
fn the_first_run_enters_at_exactly_500_and_measures_the_live_loop() {
    let events = events(LOOP, Mode::Adaptive, usual);
    assert_eq!(told(&events), ["loop 500 interpreter->vm 2.0x: count reached 500"]);
    assert!(near(events[0].speedup, 2.0), "{events:?}");
    assert_eq!(events[0].site, "w.zx:3:1");
}

#[test]
fn a_fixed_threshold_stays_exact_and_measures_nothing() {
    let slow = |tier, _| if tier == TierName::Vm { 40.0 } else { 4.0 };
    let events = events(LOOP, Mode::Fixed(7), slow);
    assert_eq!(told(&events), ["loop 7 interpreter->vm: count reached 7"]);
}

#[test]
fn the_script_pins_the_start() {
    let source = format!("config.jit_threshold = 100\n{LOOP}");
    let mut isolate = isolate(&source, Mode::Adaptive, usual);
    for _ in 0..3 {
        assert_eq!(isolate.run().failure, None);
    }
    let events = to_the_machine(&isolate);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].iteration, 100);
    let source = format!("config.jit_threshold = 0\n{LOOP}");
    assert_eq!(told(&self::events(&source, Mode::Adaptive, usual)), ["loop 0 interpreter->vm: count reached 0"]);
}

/// 400 calls of a loop of 1,000: the action itself is never hot.
const CALLS: &str = "
action work(n) {
    let sum = 0
    let i = 0
    while i < n {
        sum = sum + i * i % 7
        i = i + 1
    }
    return sum
}
let total = 0
let round = 0
while round < 400 {
    total = total + work(1000)
    round = round + 1
}
print(total)
";

#[test]
fn what_does_not_pay_is_taken_back_and_tried_three_times_at_most() {
    let slow = |tier, _| if tier == TierName::Interpreter { 4.0 } else { 12.0 };
    let events = events(CALLS, Mode::Adaptive, slow);
    assert_eq!(
        told(&events),
        [
            "loop 500 interpreter->vm 0.3x: count reached 500",
            "loop 500 vm->interpreter 0.3x: did not pay: taken back",
            "loop 4000 interpreter->vm 0.3x: try 2",
            "loop 4000 vm->interpreter 0.3x: did not pay: taken back",
            "loop 256000 interpreter->vm 0.3x: try 3",
            "loop 256000 vm->interpreter 0.3x: did not pay three times: given up",
        ]
    );
}

#[test]
fn what_pays_later_is_kept_then() {
    // At first the VM is slow, as if a cache were cold.
    let warms_up = |tier, gas| match tier {
        TierName::Interpreter => 4.0,
        TierName::Vm | TierName::Native if gas < 300_000 => 12.0,
        TierName::Vm | TierName::Native => 1.0,
    };
    let events = events(CALLS, Mode::Adaptive, warms_up);
    let told = told(&events);
    let last = events.last().unwrap();
    assert!(told[1].contains("taken back"), "{told:#?}");
    assert!(last.to == "vm" && last.reason.starts_with("try "), "{told:#?}");
    assert!(near(last.speedup, 4.0), "{told:#?}");
}

#[test]
fn a_body_that_changes_half_way_is_noticed() {
    let changes = |tier, gas| match tier {
        TierName::Interpreter => 4.0,
        TierName::Vm | TierName::Native if gas > 1_000_000 => 9.0,
        TierName::Vm | TierName::Native => 2.0,
    };
    // Native code would gain nothing here: the step to it is left out.
    let source = CALLS.replace("i * i % 7", "len(string(i))");
    let events = events(&source, Mode::Adaptive, changes);
    let told = told(&events);
    assert_eq!(told[0], "loop 500 interpreter->vm 2.0x: count reached 500");
    assert!(told[1].starts_with("loop 500 vm->vm: changed: 4."), "{told:#?}");
    // It is measured anew below, found not to pay any more, and taken back.
    assert!(told[2].contains("interpreter->vm 0.4x: try 2"), "{told:#?}");
    assert!(told[3].contains("vm->interpreter 0.4x: did not pay"), "{told:#?}");
}

/// Nanoseconds of a unit of gas where native code takes this much, and the tiers below the usual.
fn native_takes(ns: f64) -> impl Fn(TierName, u64) -> f64 + Send + 'static {
    move |tier, gas| if tier == TierName::Native { ns } else { usual(tier, gas) }
}

#[test]
fn native_code_is_entered_when_waiting_has_cost_as_much_as_compiling() {
    let source = LOOP.replace("100000", "1000000");
    let events = to_native(&source, native_takes(0.2));
    let told = told(&events);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("vm->native 10.0x: waiting had cost"), "{told:#?}");
    // What is expected of compiling is 0.3 ms and more for longer code: 2 ns for each of the gas units before.
    assert!((5_000..100_000).contains(&events[0].iteration), "{told:#?}");
}

#[test]
fn native_code_that_does_not_pay_is_taken_back() {
    let source = CALLS.replace("round < 400", "round < 20000");
    let told = told(&to_native(&source, native_takes(5.0)));
    assert_eq!(told.len(), 6, "{told:#?}");
    for (at, event) in told.iter().enumerate() {
        let wanted = ["vm->native 0.4x", "native->vm 0.4x"][at % 2];
        assert!(event.contains(wanted), "{told:#?}");
    }
    assert!(told[2].contains("try 2") && told[5].contains("given up"), "{told:#?}");
}

#[test]
fn native_code_that_becomes_slow_is_taken_back() {
    let becomes = |tier, gas| match tier {
        TierName::Native if gas > 30_000_000 => 4.0,
        _ => usual(tier, gas),
    };
    let source = CALLS.replace("round < 400", "round < 20000");
    let told = told(&to_native(&source, becomes));
    assert!(told[0].contains("vm->native 10.0x: waiting"), "{told:#?}");
    assert!(told[1].contains("native->native") && told[1].contains("changed: "), "{told:#?}");
    assert!(told[2].contains("native->vm"), "{told:#?}");
}

#[test]
fn actions_that_are_called_often_enter_native_code_and_are_measured() {
    let source = "action fib(n) {\n if n < 2 { return n }\n return fib(n - 1) + fib(n - 2)\n}\nprint(fib(27))\n";
    let told = told(&to_native(source, native_takes(0.2)));
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("action ") && told[0].contains("x: waiting had cost"), "{told:#?}");
}

#[test]
fn what_paid_in_an_earlier_process_enters_native_code_at_once() {
    let source = LOOP.replace("100000", "1000000");
    let mut first = isolate(&source, Mode::Adaptive, usual);
    assert_eq!(first.run().failure, None);
    let mut second = isolate(&source, Mode::Adaptive, usual);
    second.use_tier_profile(&first.tier_profile());
    assert_eq!(second.run().failure, None);
    let told = told(&second.tier_events());
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[1].starts_with("loop 1 vm->native") && told[1].contains("a profile"), "{told:#?}");
}

#[test]
fn a_short_loop_enters_the_vm_at_once_when_an_earlier_process_lost_by_waiting() {
    // Compiling is expected to take 15 us: 400 iterations take the interpreter many times that, 9 do not.
    let source = |count: u32| LOOP.replace("100000", &count.to_string());
    let second = |count: u32| {
        let mut first = isolate(&source(count), Mode::Adaptive, |_, _| 40.0);
        assert_eq!(first.run().failure, None);
        let mut second = isolate(&source(count), Mode::Adaptive, usual);
        second.use_tier_profile(&first.tier_profile());
        assert_eq!(second.run().failure, None);
        told(&second.tier_events())
    };
    assert_eq!(second(400), ["loop 0 interpreter->vm: a profile of an earlier run"]);
    assert_eq!(second(9), [""; 0]);
}

#[test]
fn cold_actions_are_not_compiled() {
    let mut source = String::new();
    for index in 0..2_000 {
        let _ = writeln!(source, "action cold{index}(n) {{ return n * {index} + 1 }}");
    }
    source.push_str("let sum = 0\n");
    for index in 0..2_000 {
        let _ = writeln!(source, "sum = sum + cold{index}(3) + cold{index}(4)");
    }
    source.push_str("print(sum)\n");
    let mut isolate = isolate(&source, Mode::Adaptive, usual);
    assert_eq!(isolate.run().failure, None);
    assert_eq!(to_the_machine(&isolate), []);
    assert_eq!(isolate.counters().bytecode_bytes, 0, "something was compiled");
}

#[test]
fn a_short_inner_loop_entered_often_moves_once() {
    let source = "
let sum = 0
let i = 0
while i < 100000 {
    for each j in range(3) { sum = sum + j * i % 5 }
    i = i + 1
}
print(sum)
";
    let events = events(source, Mode::Adaptive, usual);
    let told = told(&events);
    assert_eq!(told, ["loop 500 interpreter->vm 2.0x: count reached 500"], "{told:#?}");
    assert_eq!(events[0].site, "w.zx:5:5", "the inner loop is the hot one");
}

#[test]
fn recursion_without_loops_moves_at_a_call() {
    let source = "action fib(n) {\n if n < 2 { return n }\n return fib(n - 1) + fib(n - 2)\n}\nprint(fib(23))\n";
    let events = events(source, Mode::Adaptive, usual);
    let told = told(&events);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("action 500 interpreter->vm"), "{told:#?}");
    assert!(events[0].speedup.is_some_and(|speedup| speedup > 1.5), "{told:#?}");
}

#[test]
fn later_runs_move_where_two_sites_agree() {
    // Two loops show that compiling is repaid after few iterations; the third never reaches 500 in one run.
    let turn = |name: &str, count: u32| {
        format!(
            "action {name}() {{\n let i = 0\n while i < {count} {{\n  let a = i * 3 % 7 + i * 5 % 11 + i * 7 % 13\n  \
             i = i + 1\n }}\n}}\n{name}()\n"
        )
    };
    let source = [turn("one", 60_000), turn("two", 60_000), turn("three", 200)].concat();
    let cheap = |tier, _| if tier == TierName::Interpreter { 40.0 } else { 10.0 };
    let run = |runs: usize| {
        let mut isolate = isolate(&source, Mode::Adaptive, cheap);
        (0..runs).for_each(|_| assert_eq!(isolate.run().failure, None));
        to_the_machine(&isolate).iter().map(|event| event.iteration).collect::<Vec<_>>()
    };
    assert_eq!(run(1), [500, 500], "the first run knows only the threshold");
    let later = run(2);
    assert_eq!(&later[..2], [500, 500]);
    assert!(later.len() == 3 && later[2] < 250, "{later:?}");
}

#[test]
fn every_decision_is_the_same_again() {
    let run = || told(&events(CALLS, Mode::Adaptive, |tier, gas| usual(tier, gas) + (gas % 977) as f64 / 500.0));
    assert_eq!(run(), run());
}

#[test]
fn gas_shows_no_slices() {
    // What a program can see of its gas, with a limit around calls in a hot loop, and at its end.
    let source = "
action spend(n) limit 400 {
    let i = 0
    while i < n { i = i + 1 }
    return TX.gas_remaining
}
let seen = []
let round = 0
while round < 700 {
    try { seen.push(spend(round % 60)) } catch (e) { seen.push(e.message) }
    if round % 50 == 0 { print(TX.gas_used, TX.gas_remaining, seen[round]) }
    round = round + 1
}
print(seen)
";
    let run = |mode, gas_limit| {
        let program = Program::compile(source, "w.zx").unwrap();
        let options = RunOptions { output: OutputSink::Capture, seed: Some(1), gas_limit, ..RunOptions::default() };
        let mut isolate = Isolate::new(&Engine::new(mode), &Arc::clone(&program), options);
        let pass = isolate.run();
        (pass.failure, pass.gas, isolate.captured_output().to_owned())
    };
    for gas_limit in [None, Some(10_000_000), Some(200_000), Some(77_777), Some(5_000)] {
        let reference = run(Mode::Interpreter, gas_limit);
        for mode in [Mode::Vm, Mode::Adaptive, Mode::Fixed(3), Mode::Chaos(5), Mode::Chaos(77), Mode::Chaos(123)] {
            assert_eq!(run(mode, gas_limit), reference, "{mode:?} {gas_limit:?}");
        }
    }
}

/// Between two calls of `seldom` the program does something else for much longer than it takes to compile it.
#[test]
fn what_is_called_seldom_in_a_long_run_stays_in_the_vm() {
    let source = "
action seldom(n) { if n < 1 { return 0 }
    return seldom(n - 1) + 1 }
let sum = 0
let round = 0
while round < 200 {
    let i = 0
    while i < 5000 { sum = sum + i * i % 7
        i = i + 1 }
    sum = sum + seldom(1)
    round = round + 1
}
print(sum)
";
    let told = told(&to_native(source, native_takes(0.2)));
    assert!(told.iter().any(|event| event.starts_with("loop ")), "{told:#?}");
    assert!(!told.iter().any(|event| event.starts_with("action ")), "{told:#?}");
}

#[test]
fn native_code_that_is_made_again_is_on_record() {
    // The loop is compiled while the sum is an integer; then each round makes it a float, and the guess fails.
    let source = "
let values = [1, 2, 3]
let sum = 0
action add(n) {
    let i = 0
    while i < 20 { sum = sum + values[i % 3]
        i = i + 1 }
}
add(1)
values = [1.5, 2, 3]
let round = 0
while round < 300 { sum = 0
    add(1)
    round = round + 1 }
print(sum)
";
    let mut isolate = isolate(source, Mode::Native, usual);
    assert_eq!(isolate.run().failure, None);
    let again: Vec<TierEvent> =
        isolate.tier_events().into_iter().filter(|event| event.from == "native" && event.to == "native").collect();
    assert!(!again.is_empty(), "{:#?}", told(&isolate.tier_events()));
    assert!(again[0].reason.starts_with("made again after ") && again[0].code_bytes > 0, "{again:#?}");
}
