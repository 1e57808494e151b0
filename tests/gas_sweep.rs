//! Gas sweep: a run that needs G gas, repeated with limits below G. Every tier must stop at the same block, with the
//! same output, gas, logical bytes and state.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the counts of cases and runs are asked for")]

mod common;

use common::{cases, expected, observe};
use zx::engine::{FailureKind, Mode};

/// Small cases of many kinds: calls, loops in every form, handlers, contracts, big integers, callbacks.
const CASES: [&str; 17] = [
    "closure-capture.zx",
    "contract-events-loop.zx",
    "contract-rollback-fields.zx",
    "defer-order.zx",
    "error-finally-order.zx",
    "gas-limit-nested.zx",
    "handover-break-nested.zx",
    "handover-cfor-continue.zx",
    "handover-contract-loop-rollback.zx",
    "handover-finally-pending-return.zx",
    "handover-foreach-map-deletion.zx",
    "handover-lambda-hot-callback.zx",
    "int-overflow-64.zx",
    "list-higher-order.zx",
    "match-handover-try.zx",
    "match-guard-loops.zx",
    "match-short-circuit.zx",
];

const MODES: [Mode; 4] = [Mode::Vm, Mode::Native, Mode::Fixed(1), Mode::Fixed(3)];

#[test]
fn every_tier_stops_at_the_same_place() {
    let mut runs = 0;
    let mut problems = Vec::new();
    let chosen = cases().into_iter().filter(|(name, _)| CASES.contains(&name.as_str()));
    let chosen: Vec<(String, String)> = chosen.collect();
    for (name, source) in &chosen {
        let mut limits = expected(source);
        limits.gas_limit = None;
        let needed = observe(source, name, Mode::Interpreter, false, &limits).gas;
        assert!(needed > 10, "{name} needs only {needed} gas");
        let fractions = (1..7).map(|part| needed * part / 7);
        for limit in fractions.chain([needed - 1, needed]) {
            limits.gas_limit = Some(limit);
            let reference = observe(source, name, Mode::Interpreter, false, &limits);
            let kind = reference.failure.as_ref().map(|failure| failure.0);
            // Observers of what is left (`TX.gas_remaining`) may take another way under a limit; none of these has one.
            assert_eq!(
                kind == Some(FailureKind::OutOfGas),
                limit < needed,
                "{name} of {needed} with {limit}: {kind:?}"
            );
            for mode in MODES {
                runs += 1;
                let observed = observe(source, name, mode, false, &limits);
                if observed != reference {
                    problems.push(format!("{name} {mode:?} gas {limit} of {needed}:\n  {observed:?}\n  {reference:?}"));
                }
            }
        }
    }
    println!("{} cases, {runs} runs, {} problems", chosen.len(), problems.len());
    assert!(!chosen.is_empty() || std::env::var("ZX_CASE").is_ok(), "no case was found");
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
