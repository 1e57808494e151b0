//! Profiles: marks change nothing that a program does, and what they count is exact and the same in every tier.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the shared runner tells its counts")]

mod common;

use common::{Expected, cases, expected, folder};
use zx::engine::{
    Engine, FileLoader, Isolate, LineCost, Mode, OutputSink, PassResult, ProfileData, Program, RunOptions,
};

/// Everything but the time.
type Run = (String, Option<String>, u64, u64, [u8; 32]);

fn run(source: &str, name: &str, mode: Mode, marked: bool, expected: &Expected) -> (Run, Option<ProfileData>) {
    let compile = if marked { Program::compile_for_profile } else { Program::compile_with };
    let loader = FileLoader::new(Some(&folder().join(name)), &[]);
    let program = compile(source, name, &loader).unwrap_or_else(|errors| panic!("{}", errors.rendered));
    let options = RunOptions {
        output: OutputSink::Capture,
        gas_limit: expected.gas_limit,
        alloc_limit: expected.alloc_limit,
        seed: Some(42),
        ..RunOptions::default()
    };
    let mut isolate = Isolate::new(&Engine::new(mode), &program, options);
    if marked {
        isolate.start_profile();
    }
    let PassResult { failure, gas, logical_bytes, digest, .. } = isolate.run();
    let run =
        (isolate.captured_output().to_owned(), failure.map(|failure| failure.rendered), gas, logical_bytes, digest);
    (run, isolate.take_profile())
}

/// The exact part of a profile.
fn counts(data: &ProfileData) -> Vec<String> {
    let count = |line: &LineCost| format!("{} {}", line.place, line.count);
    let mut counts: Vec<String> = data.lines.iter().map(count).collect();
    counts.extend(data.actions.iter().map(|action| format!("{} {} {}", action.place, action.name, action.calls)));
    counts.sort();
    counts
}

#[test]
fn a_profile_changes_nothing_and_counts_alike_in_every_tier() {
    let mut problems = Vec::new();
    let cases = cases();
    assert!(std::env::var_os("ZX_CASE").is_some() || cases.len() > 100, "the cases were not found");
    for (name, source) in cases {
        let expected = expected(&source);
        let (plain, _) = run(&source, &name, Mode::Interpreter, false, &expected);
        let (first, data) = run(&source, &name, Mode::Interpreter, true, &expected);
        if plain != first {
            problems.push(format!("{name}: differs with marks:\n  {plain:?}\n  {first:?}"));
        }
        let exact = counts(&data.unwrap());
        for mode in [Mode::Vm, Mode::Fixed(3)] {
            let (other, data) = run(&source, &name, mode, true, &expected);
            let other_counts = counts(&data.unwrap());
            if other != first || other_counts != exact {
                problems.push(format!("{name} {mode:?}:\n  {first:?}\n  {other:?}\n  {exact:?}\n  {other_counts:?}"));
            }
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

const NESTED: &str = "action outer(n) {
    let sum = 0
    for each i in range(n) {
        if i % 2 == 0 { continue }
        sum = sum + inner(i)
    }
    return sum
}
action inner(i) {
    let k = 0
    while k < 300 { k = k + 1 }
    return k
}
let total = 0
for (let r = 0; r < 600; r = r + 1) { total = total + outer(20) }
print(total)
";

#[test]
fn counts_are_exact_and_ticks_add_up() {
    let (_, data) = run(NESTED, "nested.zx", Mode::Adaptive, true, &Expected::default());
    let data = data.unwrap();
    let line = |number: usize| data.lines.iter().find(|line| line.place == format!("nested.zx:{number}")).unwrap();
    assert_eq!(line(2).count, 600);
    assert_eq!(line(3).count, 600 * 21, "arrivals at the header");
    assert_eq!(line(5).count, 6000);
    assert_eq!(line(11).count, 6000 * 301);
    assert_eq!((line(11).text.as_str(), line(16).count), ("while k < 300 { k = k + 1 }", 1));
    let action = |name: &str| data.actions.iter().find(|action| action.name == name).unwrap();
    assert_eq!((action("inner").calls, action("outer").calls, action("top level").calls), (6000, 600, 1));
    assert!(data.ticks > 0, "{data:?}");
    assert_eq!(data.lines.iter().map(|line| line.own).sum::<u64>(), data.ticks);
    assert_eq!(data.actions.iter().map(|action| action.own).sum::<u64>(), data.ticks);
    assert_eq!(data.stacks.iter().map(|(_, ticks)| ticks).sum::<u64>(), data.ticks);
    assert_eq!(action("top level").total, data.ticks);
    // Nearly all of the work is in the inner loop.
    assert!(action("inner").own * 2 > data.ticks, "{data:?}");
    assert!(action("outer").total >= action("inner").total, "{data:?}");
    let deepest = "top level (nested.zx:15);outer (nested.zx:5);inner (nested.zx:11)";
    assert!(data.stacks.iter().any(|(stack, _)| stack == deepest), "{:?}", data.stacks);
}

const MATCHES: &str = "action kind(n) {
    let word = \"a \" + match n % 3 { 0 => \"fizz\", 1 => match n { 1 => \"one\", _ => \"many\" }, _ => \"no\" } + \"!\"
    let long = match n {
        0 => \"zero\",
        _ => string(n),
    }
    let [first, second] = [word, long]
    return first + second
}
let out = \"\"
for (let i = 0; i < 30; i = i + 1) { out = out + kind(i) }
print(len(out))
";

#[test]
fn a_statement_counts_its_line_once_however_it_is_lowered() {
    let (_, data) = run(MATCHES, "matches.zx", Mode::Adaptive, true, &Expected::default());
    let data = data.unwrap();
    let count =
        |number: usize| data.lines.iter().find(|line| line.place == format!("matches.zx:{number}")).unwrap().count;
    let counts: Vec<u64> = (2..=8).map(|line| if line == 6 { 0 } else { count(line) }).collect();
    assert_eq!(counts, [30, 30, 1, 29, 0, 30, 30]);
}
