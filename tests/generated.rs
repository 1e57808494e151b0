//! Generated programs: each seed's program in every tier must be observably the interpreter's run, with enough gas
//! and with too little. And planted bugs: one bug at a time is put into the VM's code, and the same comparison must
//! find it.
//!
//! `ZX_GENERATED=5000 cargo test --test generated` tries so many seeds; `ZX_SEED=123` begins there.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the counts of programs and runs are asked for")]

mod common;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use common::generator::program;
use common::hot_calls::hot_calls;
use common::{Expected, Observed, compiled, observe_program};
use zx::engine::{ForcedGuards, Mode, PlantedBug};

/// Seeds that the suite tries.
const SEEDS: u64 = 48;
/// Seeds in which each planted bug must show.
const SEEDS_OF_BUG: u64 = 150;

/// Modes compared with the interpreter, and whether every poll collects.
const MODES: [(Mode, bool); 11] = [
    (Mode::Vm, false),
    (Mode::Vm, true),
    (Mode::Interpreter, true),
    (Mode::Native, false),
    (Mode::Native, true),
    (Mode::Adaptive, false),
    (Mode::Fixed(1), false),
    (Mode::Fixed(2), true),
    (Mode::Fixed(3), false),
    (Mode::Fixed(7), false),
    (Mode::Chaos(0x5eed), false),
];

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn limits(gas: u64) -> Expected {
    Expected { gas_limit: Some(gas), alloc_limit: Some(32 << 20), ..Expected::default() }
}

/// One run; a panic is a finding too.
fn run(source: &str, mode: Mode, collect: bool, gas: u64, bug: Option<PlantedBug>) -> Result<Observed, String> {
    let run = || {
        let program = compiled(source, "generated.zx");
        if let Some(bug) = bug {
            program.plant_bug(bug);
        }
        observe_program(&program, mode, collect, &limits(gas))
    };
    std::panic::catch_unwind(run).map_err(|_| "panicked".to_owned())
}

/// The same in native code, of whose guards one in three fails always.
fn run_forced(source: &str, at: u32) -> Result<Observed, String> {
    let run = || {
        let program = compiled(source, "generated.zx");
        program.force_native_guards(ForcedGuards { every: 3, at });
        observe_program(&program, Mode::Native, false, &limits(GAS))
    };
    std::panic::catch_unwind(run).map_err(|_| "panicked".to_owned())
}

/// What is different in some tier, and how the interpreter's run ended.
fn check(seed: u64, program: fn(u64) -> String) -> (Vec<String>, String) {
    let source = program(seed);
    let mut problems = Vec::new();
    let Ok(reference) = run(&source, Mode::Interpreter, false, GAS, None) else {
        return (vec![format!("seed {seed}: the interpreter panicked\n{source}")], "panic".to_owned());
    };
    let less = reference.gas * 2 / 3;
    let stopped = run(&source, Mode::Interpreter, false, less, None);
    let few = [(Mode::Vm, false), (Mode::Native, false), (Mode::Fixed(1), false), (Mode::Fixed(3), false)];
    let full = MODES.iter().map(|run| (*run, GAS, Ok(reference.clone())));
    for ((mode, collect), gas, wanted) in full.chain(few.iter().map(|run| (*run, less, stopped.clone()))) {
        let observed = run(&source, mode, collect, gas, None);
        if observed != wanted {
            problems.push(format!("seed {seed} {mode:?} collect={collect} gas={gas}:\n  {observed:?}\n  {wanted:?}"));
        }
    }
    for at in 0..3 {
        let observed = run_forced(&source, at);
        if observed.as_ref() != Ok(&reference) {
            problems.push(format!("seed {seed} native, guards {at} of 3:\n  {observed:?}\n  {reference:?}"));
        }
    }
    if !problems.is_empty() {
        problems.push(source);
    }
    (problems, reference.failure.map_or("success".to_owned(), |failure| format!("{:?}", failure.0)))
}

/// Gas of each run: a bound on its time.
const GAS: u64 = 150_000;

#[test]
fn generated_programs_mean_the_same_in_every_tier() {
    check_seeds(program, 4);
}

#[test]
fn hot_contract_calls_mean_the_same_in_every_tier() {
    check_seeds(hot_calls, 8);
}

/// Checks the programs of all seeds, of which one in so many at least must run to its end.
fn check_seeds(program: fn(u64) -> String, one_in: u64) {
    let first = number("ZX_SEED", 1);
    let end = first + number("ZX_GENERATED", SEEDS);
    let next = AtomicU64::new(first);
    let found = Mutex::new((Vec::new(), BTreeMap::<String, u64>::new()));
    let work = || {
        loop {
            // Relaxed: the counter hands out work, the mutex publishes the findings.
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            let (problems, ending) = check(seed, program);
            let mut found = found.lock().unwrap();
            found.0.extend(problems);
            *found.1.entry(ending).or_default() += 1;
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let (problems, endings) = found.into_inner().unwrap();
    println!("seeds {first}..{end}: {endings:?}, {} findings", problems.len());
    assert!(problems.is_empty(), "{} findings:\n{}", problems.len(), problems.join("\n"));
    if end - first >= SEEDS {
        let succeeded = endings.get("success").copied().unwrap_or(0);
        assert!(succeeded * one_in >= end - first, "too few programs run to their end: {endings:?}");
    }
}

#[test]
fn the_comparison_finds_every_planted_bug() {
    for bug in PlantedBug::ALL {
        let shows = |seed: u64| {
            let source = program(seed);
            let reference = run(&source, Mode::Interpreter, false, GAS, None).unwrap();
            let modes = [Mode::Vm, Mode::Fixed(1)];
            modes.into_iter().any(|mode| run(&source, mode, false, GAS, Some(bug)).as_ref() != Ok(&reference))
        };
        let seed = (1..=SEEDS_OF_BUG).find(|seed| shows(*seed));
        println!("{bug:?}: found by seed {seed:?}");
        assert!(seed.is_some(), "{bug:?} shows in none of {SEEDS_OF_BUG} programs");
    }
}
