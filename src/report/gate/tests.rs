//! Recorded observations in, verdicts out: nothing here is timed.

use super::observe::condensed;
use super::*;
use crate::report::metrics::{self, unit};
use crate::report::records::{Arm, Params, Phase, SCHEMA, SampleRow};

/// Rows as a gate writes them: blocks of B N H H N B, or its mirror, with a known effect.
pub(crate) struct Recorded {
    rows: Vec<SampleRow>,
    process: u32,
    state: u64,
}

impl Recorded {
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new(), process: 0, state: 88_172_645_463_325_252 }
    }

    pub(crate) fn rows(self) -> Vec<SampleRow> {
        self.rows
    }

    /// Uniform in -1..1; xorshift64.
    fn noise(&mut self) -> f64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn row(&self, arm: Arm, mode: &str, block: u32, slot: u32, metric: &str, value: f64) -> SampleRow {
        SampleRow {
            schema: SCHEMA,
            run: "gate".into(),
            arm,
            block: Some(block),
            slot: Some(slot),
            workload: if arm == Arm::Control { "control".into() } else { "token".into() },
            workload_digest: "d".into(),
            params: Params::new(),
            mode: mode.into(),
            executor: "sequential".into(),
            threads: 1,
            process: self.process,
            isolate: None,
            window: None,
            phase: Phase::Steady,
            at_ns: None,
            metric: metric.into(),
            value: Some(value),
            unit: unit::TPS.into(),
        }
    }

    fn process(&mut self, arm: Arm, mode: &str, block: u32, slot: u32, tps: f64) {
        for window in 0..3 {
            let mut row = self.row(arm, mode, block, slot, metrics::TPS, tps);
            row.window = Some(window);
            self.rows.push(row);
        }
        let agreed = self.row(arm, mode, block, slot, metrics::AGREED, 1.0);
        self.rows.push(agreed);
        self.process += 1;
    }

    /// So many blocks of a cell: head is `head` times the base, null `null` times, with noise of this size.
    pub(crate) fn blocks(&mut self, mode: &str, from: u32, count: u32, head: f64, null: f64, noise: f64) {
        for block in from..from + count {
            let mut order = [(Arm::Base, 1.0), (Arm::Null, null), (Arm::Head, head)];
            order.rotate_left((block % 3) as usize);
            for slot in 0..6 {
                let (arm, factor) = order[if slot < 3 { slot } else { 5 - slot }];
                let tps = 1e6 * factor * (1.0 + noise * self.noise());
                self.process(arm, mode, block, slot as u32, tps);
            }
        }
    }

    pub(crate) fn control(&mut self, from: u32, count: u32, factor: f64) {
        for block in from..from + count {
            for (slot, factor) in [(0, 1.0), (1, factor), (2, factor), (3, 1.0)] {
                let tps = 1e8 * factor * (1.0 + 0.001 * self.noise());
                self.process(Arm::Control, "native", block, slot, tps);
            }
        }
    }

    fn count(&mut self, arm: Arm, metric: &str, value: f64) {
        let row = self.row(arm, "vm", 0, 0, metric, value);
        self.rows.push(row);
        self.process += 1;
    }
}

fn verdict_of(design: &Design, record: impl FnOnce(&mut Recorded)) -> GateVerdict {
    let mut recorded = Recorded::new();
    record(&mut recorded);
    judge(design, &observe(&recorded.rows()))
}

fn design() -> Design {
    Design::new(10, 40, 0.02)
}

/// The canary: a loss of 8% that every pair shows, in both stages, must fail. If this test passes with any other
/// verdict the gate guards nothing.
#[test]
fn a_real_slowdown_fails() {
    let verdict = verdict_of(&design(), |recorded| {
        recorded.blocks("vm", 0, 10, 0.92, 1.0, 0.004);
        recorded.control(0, 10, 1.0);
    });
    assert_eq!(verdict.verdict, Verdict::Fail, "{verdict:?}");
    let cell = verdict.worst().expect("one cell");
    assert_eq!((cell.pairs, cell.decided), (10, true));
    assert!(cell.confirmation.is_some_and(|again| again.high < -0.02));
    let line = show::last_line(&verdict);
    assert!(line.starts_with("verdict=fail worst=token/vm/1 -7.9% [") && line.ends_with("floor=2%"), "{line}");
}

#[test]
fn no_difference_passes_at_the_first_look() {
    let verdict = verdict_of(&design(), |recorded| {
        recorded.blocks("vm", 0, 5, 1.0, 1.0, 0.004);
        recorded.blocks("adaptive", 0, 5, 1.001, 1.0, 0.004);
    });
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:?}");
    assert!(verdict.is_decided() && verdict.mean.is_some_and(|mean| mean.low > -0.01 && mean.high < 0.01));
    assert!(verdict.cells.iter().all(|cell| cell.pairs == 10 && cell.cross_check.is_some()));
}

#[test]
fn a_gain_passes() {
    let verdict = verdict_of(&design(), |recorded| recorded.blocks("vm", 0, 5, 1.5, 1.0, 0.004));
    assert_eq!(verdict.verdict, Verdict::Pass);
    assert!(show::last_line(&verdict).contains("+50."), "{}", show::last_line(&verdict));
}

#[test]
fn a_loss_that_is_not_reproduced_is_inconclusive() {
    let verdict = verdict_of(&design(), |recorded| {
        recorded.blocks("vm", 0, 5, 0.92, 1.0, 0.004);
        recorded.blocks("vm", 5, 5, 1.0, 1.0, 0.004);
    });
    assert_eq!(verdict.verdict, Verdict::Inconclusive);
    assert!(verdict.cells[0].decided && verdict.cells[0].reasons[0].contains("did not reproduce"), "{verdict:?}");
}

#[test]
fn a_loss_waits_for_its_second_stage() {
    let verdict = verdict_of(&design(), |recorded| recorded.blocks("vm", 0, 7, 0.92, 1.0, 0.004));
    assert_eq!((verdict.verdict, verdict.is_decided()), (Verdict::Inconclusive, false));
    assert!(verdict.cells[0].reasons[0].contains("4 of the 10 pairs of the second stage"), "{verdict:?}");
}

#[test]
fn a_wide_interval_asks_for_more_pairs_and_then_gives_up() {
    let noisy = |count| verdict_of(&design(), |recorded| recorded.blocks("vm", 0, count, 0.97, 1.0, 0.06));
    let early = noisy(5);
    assert_eq!((early.verdict, early.is_decided()), (Verdict::Inconclusive, false));
    let late = noisy(20);
    assert_eq!((late.verdict, late.is_decided()), (Verdict::Inconclusive, true), "{late:?}");
    assert_eq!(late.cells[0].pairs, 40);
    let blind = verdict_of(&design(), |recorded| recorded.blocks("vm", 0, 20, 1.0, 1.0, 0.25));
    assert_eq!(blind.verdict, Verdict::Inconclusive, "a machine that sees nothing must not pass: {blind:?}");
}

#[test]
fn a_tripped_null_arm_or_control_decides_nothing() {
    let null = verdict_of(&design(), |recorded| recorded.blocks("vm", 0, 20, 0.9, 0.9, 0.002));
    assert_eq!(null.verdict, Verdict::Inconclusive);
    assert!(null.cells[0].reasons[0].contains("null arm"), "{null:?}");
    assert!(null.cells[0].floor > 0.15, "1.5 times what the null arm shows");
    let control = verdict_of(&design(), |recorded| {
        recorded.blocks("vm", 0, 20, 0.9, 1.0, 0.002);
        recorded.control(0, 20, 0.9);
    });
    assert_eq!(control.verdict, Verdict::Inconclusive);
    assert!(control.cells[0].reasons[0].contains("control"), "{control:?}");
}

#[test]
fn a_noisy_null_arm_raises_the_floor() {
    let verdict = verdict_of(&Design::new(10, 10, 0.001), |recorded| recorded.blocks("vm", 0, 5, 1.0, 1.0, 0.01));
    let cell = &verdict.cells[0];
    let null = cell.null.expect("measured");
    assert!((cell.floor - 1.5 * null.low.abs().max(null.high.abs())).abs() < 1e-12, "{cell:?}");
    assert!(cell.floor > 0.001);
}

#[test]
fn half_a_block_is_left_out() {
    let mut recorded = Recorded::new();
    recorded.blocks("vm", 0, 5, 1.0, 1.0, 0.004);
    let mut rows = recorded.rows();
    rows.truncate(rows.len() - 4);
    let verdict = judge(&design(), &observe(&rows));
    assert_eq!((verdict.verdict, verdict.is_decided()), (Verdict::Inconclusive, false));
    assert!(verdict.cells[0].reasons[0].contains("8 of the 10 pairs"), "{verdict:?}");
}

#[test]
fn processes_without_steady_state_decide_nothing() {
    let mut recorded = Recorded::new();
    recorded.blocks("vm", 0, 5, 1.0, 1.0, 0.004);
    let mut rows = recorded.rows();
    rows.iter_mut().filter(|row| row.metric == metrics::TPS).for_each(|row| row.phase = Phase::Warmup);
    let verdict = judge(&design(), &observe(&rows));
    assert_eq!(verdict.verdict, Verdict::Inconclusive);
    assert!(verdict.cells[0].reasons.iter().any(|why| why.contains("no steady state")), "{verdict:?}");
}

#[test]
fn wrong_results_fail_whatever_the_times_say() {
    let mut recorded = Recorded::new();
    recorded.blocks("vm", 0, 5, 1.0, 1.0, 0.004);
    let mut rows = recorded.rows();
    let one = rows.iter_mut().find(|row| row.metric == metrics::AGREED).expect("there");
    one.value = Some(0.0);
    let verdict = judge(&design(), &observe(&rows));
    assert_eq!(verdict.verdict, Verdict::Fail);
    assert_eq!(verdict.checks[0].kind, CheckKind::Soundness);
}

#[test]
fn gas_and_output_are_reported_and_gated_on_request() {
    let contract = |gas_equal, same_output| {
        let design = Design { gas_equal, same_output, ..design() };
        verdict_of(&design, |recorded| {
            recorded.blocks("vm", 0, 5, 1.0, 1.0, 0.004);
            recorded.count(Arm::Base, metrics::COUNTED_GAS, 1000.0);
            recorded.count(Arm::Head, metrics::COUNTED_GAS, 1100.0);
            recorded.count(Arm::Head, metrics::SAME_OUTPUT, 0.0);
        })
    };
    let open = contract(false, false);
    assert_eq!(open.verdict, Verdict::Pass);
    assert!(show::human(&open).contains("1,000 -> 1,100 (+10.0%)"), "{}", show::human(&open));
    assert!(show::human(&open).contains("output: differs, not gated"));
    assert_eq!(contract(true, false).verdict, Verdict::Fail);
    assert_eq!(contract(false, true).verdict, Verdict::Fail);
}

#[test]
fn a_stored_base_is_compared_without_pairs() {
    let stored = Design { stored_base: true, advisory: true, ..design() };
    let verdict = verdict_of(&stored, |recorded| recorded.blocks("vm", 0, 6, 0.9, 1.0, 0.004));
    assert_eq!((verdict.verdict, verdict.advisory), (Verdict::Fail, true));
    assert!(show::last_line(&verdict).ends_with("advisory=true"));
    let few = verdict_of(&stored, |recorded| recorded.blocks("vm", 0, 1, 0.9, 1.0, 0.004));
    assert_eq!(few.verdict, Verdict::Inconclusive);
}

#[test]
fn nothing_measured_passes_only_with_a_reason() {
    assert_eq!(judge(&design(), &Observations::default()).verdict, Verdict::Inconclusive);
    let equal = Design { unmeasured: Some("base and head are the same binary".into()), ..design() };
    let verdict = judge(&equal, &Observations::default());
    assert_eq!(show::last_line(&verdict), "verdict=pass worst=none floor=2%");
    assert!(show::human(&verdict).contains("not measured: base and head are the same binary"));
}

#[test]
fn texts_for_pull_requests_and_test_reports() {
    let verdict = verdict_of(&design(), |recorded| {
        recorded.blocks("vm", 0, 10, 0.92, 1.0, 0.004);
        recorded.blocks("adaptive", 0, 3, 1.0, 1.0, 0.004);
    });
    let comment = show::markdown(&verdict, "Gate");
    assert!(comment.starts_with("### Gate: FAIL\n") && comment.contains("| token/vm/1 | fail |"), "{comment}");
    let xml = show::junit(&verdict, false);
    assert!(xml.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{xml}");
    assert!(show::junit(&verdict, true).contains("failures=\"2\""));
    assert!(!show::junit(&verdict, true).contains("skipped message"));
}

/// Twelve processes of a block, with so many windows each on two isolates: steady, unsteady, failed, wrong, silent.
fn all_kinds(windows: u32) -> Vec<SampleRow> {
    let mut recorded = Recorded::new();
    recorded.blocks("vm", 0, 2, 0.95, 1.0, 0.01);
    recorded.control(0, 1, 1.01);
    recorded.count(Arm::Base, metrics::COUNTED_GAS, 7.0);
    recorded.count(Arm::Head, metrics::COUNTED_GAS, 8.0);
    recorded.count(Arm::Head, metrics::SAME_OUTPUT, 1.0);
    for (slot, arm) in [Arm::Base, Arm::Null, Arm::Head, Arm::Head, Arm::Null, Arm::Base].into_iter().enumerate() {
        let block = 9 + slot as u32 % 2;
        for isolate in [Some(0), Some(1)] {
            for window in 0..windows {
                let mut row = recorded.row(arm, "fixed:1", block, slot as u32, metrics::TPS, 1e6 + f64::from(window));
                row.phase = if slot == 2 || window < windows / 3 { Phase::Warmup } else { Phase::Steady };
                row.isolate = isolate;
                row.window = Some(window);
                recorded.rows.push(row);
            }
        }
        let agreed = recorded.row(arm, "fixed:1", block, slot as u32, metrics::AGREED, f64::from(u8::from(slot != 3)));
        recorded.rows.push(agreed);
        if slot == 4 {
            let failed = recorded.row(arm, "fixed:1", block, slot as u32, metrics::FAILED, 1.0);
            recorded.rows.push(failed);
        }
        recorded.process += 1;
        // A process that said only how long it lived: its block is not whole.
        let silent = recorded.row(arm, "silent", block, slot as u32, metrics::WALL_NS, 5.0);
        recorded.rows.push(silent);
        recorded.process += 1;
    }
    recorded.rows()
}

#[test]
fn condensed_rows_say_the_same() {
    let rows = all_kinds(30);
    assert_eq!(observe(&condensed(&rows)), observe(&rows));
    // A gate condenses the rows of one process after another.
    let mut one_by_one = Vec::new();
    for process in 0..=rows.iter().map(|row| row.process).max().unwrap_or(0) {
        let own: Vec<SampleRow> = rows.iter().filter(|row| row.process == process).cloned().collect();
        one_by_one.extend(condensed(&own));
    }
    assert_eq!(observe(&one_by_one), observe(&rows));
}

#[test]
fn what_a_gate_keeps_does_not_grow_with_the_windows() {
    assert_eq!(condensed(&all_kinds(30)).len(), condensed(&all_kinds(3000)).len());
}
