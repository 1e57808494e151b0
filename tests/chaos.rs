//! Chaos: every case of `tests/cases` with hand-overs at random back-edges and calls. The moment must not matter.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the counts of cases and runs are asked for")]

mod common;

use common::check_all;
use zx::engine::Mode;

#[test]
fn any_moment_will_do() {
    check_all(&[Mode::Chaos(1), Mode::Chaos(7_919), Mode::Chaos(0x9e37_79b9_7f4a_7c15)], false);
}

#[test]
fn any_moment_will_do_collecting() {
    check_all(&[Mode::Chaos(104_729)], true);
}
