//! The matrix: every case of `tests/cases` through every tier, with and without a collection at every poll. All
//! observables must agree: output, error with its place, events, gas, logical bytes, state root; and they must be
//! what the case's comments say. `cargo test --test matrix -- --nocapture` shows how many cases and runs there were;
//! `ZX_CASE=handover` looks at the cases of that name alone.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the counts of cases and runs are asked for")]

mod common;

use common::{check_all, check_arranged, check_cached, check_comments, check_forced, check_profiled};
use zx::engine::Mode;

#[test]
fn interpreter_does_what_the_cases_say() {
    check_comments();
}

#[test]
fn interpreter_collecting() {
    check_all(&[Mode::Interpreter], true);
}

#[test]
fn vm() {
    check_all(&[Mode::Vm], false);
}

#[test]
fn vm_collecting() {
    check_all(&[Mode::Vm], true);
}

#[test]
fn native() {
    check_all(&[Mode::Native], false);
}

#[test]
fn native_collecting() {
    check_all(&[Mode::Native], true);
}

#[test]
fn adaptive() {
    check_all(&[Mode::Adaptive, Mode::Fixed(500)], false);
}

#[test]
fn adaptive_collecting() {
    check_all(&[Mode::Adaptive, Mode::Fixed(500)], true);
}

#[test]
fn early_hand_over() {
    check_all(&[Mode::Fixed(1), Mode::Fixed(2)], false);
}

#[test]
fn early_hand_over_collecting() {
    check_all(&[Mode::Fixed(1), Mode::Fixed(2)], true);
}

#[test]
fn later_hand_over() {
    check_all(&[Mode::Fixed(3), Mode::Fixed(7)], false);
}

#[test]
fn later_hand_over_collecting() {
    check_all(&[Mode::Fixed(3), Mode::Fixed(7)], true);
}

#[test]
fn cached() {
    check_cached(&[Mode::Adaptive, Mode::Vm], false);
}

#[test]
fn cached_collecting() {
    check_cached(&[Mode::Adaptive], true);
}

#[test]
fn profiled() {
    check_profiled(false);
}

#[test]
fn profiled_collecting() {
    check_profiled(true);
}

#[test]
fn guards_that_fail() {
    let exits = check_forced(3, false);
    assert!(exits > 1_000 || std::env::var_os("ZX_CASE").is_some(), "guards were not forced: {exits} exits");
}

#[test]
fn guards_that_fail_collecting() {
    check_forced(2, true);
}

#[test]
fn code_made_in_the_background() {
    let counts = check_arranged("in the background", |program| program.compile_in_background().unwrap(), false);
    assert!(counts.entries > 0 || !has_native() || std::env::var_os("ZX_CASE").is_some(), "{counts:?}");
}

/// Where there is hardly room for code it is dropped, freed and made again all the time.
#[test]
fn code_that_has_no_room() {
    let counts = check_arranged("little room", |program| program.limit_native_code(2_000), false);
    assert!(counts.freed_units > 0 || !has_native() || std::env::var_os("ZX_CASE").is_some(), "{counts:?}");
}

fn has_native() -> bool {
    zx::engine::Program::compile("", "empty.zx").unwrap().native_counts().is_some()
}
