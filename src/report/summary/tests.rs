use super::*;
use crate::report::records::{Arm, SCHEMA, SiteKind};

/// Rows of a made-up run.
struct Run(Vec<SampleRow>);

impl Run {
    fn row(&mut self, mode: &str, process: u32, phase: Phase, metric: &str, value: f64) -> &mut SampleRow {
        self.0.push(SampleRow {
            schema: SCHEMA,
            run: "r".into(),
            arm: Arm::Single,
            block: None,
            slot: None,
            workload: "token".into(),
            workload_digest: "d".into(),
            params: Params::new(),
            mode: mode.into(),
            executor: "sequential".into(),
            threads: 1,
            process,
            isolate: None,
            window: None,
            phase,
            at_ns: None,
            metric: metric.into(),
            value: Some(value),
            unit: String::new(),
        });
        self.0.last_mut().expect("just pushed")
    }

    fn windows(&mut self, mode: &str, process: u32, phase: Phase, from: u32, tps: &[f64]) {
        for (i, tps) in tps.iter().enumerate() {
            let row = self.row(mode, process, phase, metrics::TPS, *tps);
            row.window = Some(from + i as u32);
            row.at_ns = Some(u64::from(from + i as u32 + 1) * 10_000_000);
        }
    }

    fn agreed(&mut self, mode: &str, process: u32, flag: f64) {
        self.row(mode, process, Phase::Steady, metrics::AGREED, flag);
    }
}

fn five_of(tps: [f64; 5]) -> Run {
    let mut run = Run(Vec::new());
    for (process, tps) in (0..).zip(tps) {
        run.windows("vm", process, Phase::Warmup, 0, &[tps / 9.0, tps / 2.0]);
        run.windows("vm", process, Phase::Steady, 2, &[tps * 0.9, tps, tps * 1.5]);
        run.row("vm", process, Phase::Cold, metrics::TPS, tps / 10.0);
        run.row("vm", process, Phase::Steady, metrics::COMMITTED, 1000.0);
        run.row("vm", process, Phase::Steady, metrics::CPU_NS, 5e6);
        run.agreed("vm", process, 1.0);
    }
    run
}

#[test]
fn one_number_a_process() {
    let run = five_of([100.0, 100.0, 100.0, 100.0, 100.0 * 2f64.powi(5)]);
    let summary = summarise(&run.0, None);
    let row = &summary.rows[0];
    // Geometric mean of the processes' medians: 100 * 2^(5/5).
    assert!((row.tps.expect("agreed") - 200.0).abs() < 1e-9);
    assert!(row.tps_low < row.tps && row.tps < row.tps_high);
    assert_eq!(row.tps_first, Some(10.0));
    assert_eq!((row.processes, row.unsteady), (5, 0));
    assert_eq!(row.warmup, Some(WarmupVerdict::Warmup));
    assert_eq!(row.steady_after_s, Some(0.02));
    assert_eq!(row.committed, Some(5000));
    assert_eq!(row.cpu_ns_per_tx, Some(5000.0));
    assert_eq!(row.agreed, Some(true));
    // Unknown stays unknown.
    assert_eq!((row.reverted, row.p50_ns, row.tps_full, row.gas_per_tx), (None, None, None, None));
    assert!(summary.warnings.is_empty(), "{:?}", summary.warnings);
}

#[test]
fn two_processes_have_no_interval() {
    let mut run = five_of([100.0; 5]);
    run.0.retain(|r| r.process < 2);
    let summary = summarise(&run.0, None);
    assert!(summary.rows[0].tps.is_some() && summary.rows[0].tps_low.is_none());
    assert_eq!(summary.warnings[0].0, "token/vm/1: 2 processes: no interval; use --processes 5");
}

#[test]
fn a_disagreeing_process_takes_the_numbers_away() {
    let mut run = five_of([100.0; 5]);
    run.agreed("vm", 3, 0.0);
    let summary = summarise(&run.0, None);
    let row = &summary.rows[0];
    assert_eq!((row.agreed, row.tps, row.tps_first, row.committed), (Some(false), None, None, None));
    assert!(summary.warnings[0].0.contains("results differ"));
}

#[test]
fn a_process_that_was_not_compared_is_left_out() {
    let mut run = five_of([100.0, 100.0, 100.0, 100.0, 9e9]);
    run.0.retain(|r| r.process != 4 || r.metric != metrics::AGREED);
    let summary = summarise(&run.0, None);
    assert!((summary.rows[0].tps.expect("four agree") - 100.0).abs() < 1e-9);
    assert_eq!(summary.rows[0].processes, 4);
    assert!(summary.warnings[0].0.contains("not compared"));
}

#[test]
fn half_unsteady_has_no_interval() {
    let mut run = five_of([100.0; 5]);
    for row in run.0.iter_mut().filter(|r| r.process < 3 && r.phase == Phase::Steady) {
        if row.metric == metrics::TPS {
            row.phase = Phase::Warmup;
        }
    }
    let summary = summarise(&run.0, None);
    let row = &summary.rows[0];
    assert_eq!((row.processes, row.unsteady, row.tps_low), (5, 3, None));
    assert_eq!(row.warmup, Some(WarmupVerdict::NoSteadyState));
    assert!(summary.warnings[0].0.contains("no steady state, so there is no interval"));
}

#[test]
fn threads_of_a_process_are_summed() {
    let mut run = Run(Vec::new());
    for isolate in 0..2 {
        run.windows("vm", 0, Phase::Steady, 0, &[90.0, 100.0, 110.0]);
        let end = run.0.len();
        run.0[end - 3..].iter_mut().for_each(|r| r.isolate = Some(isolate));
    }
    run.agreed("vm", 0, 1.0);
    assert!((summarise(&run.0, None).rows[0].tps.expect("agreed") - 200.0).abs() < 1e-9);
}

#[test]
fn arms_of_a_comparison_are_not_summarised() {
    let mut run = five_of([100.0; 5]);
    for arm in [Arm::Base, Arm::Null, Arm::Control] {
        run.0.iter_mut().for_each(|r| r.arm = arm);
        assert!(summarise(&run.0, None).rows.is_empty());
    }
}

#[test]
fn never_promoted_needs_the_tier_events() {
    let mut run = five_of([100.0; 5]);
    run.0.retain(|r| r.phase != Phase::Warmup);
    run.0.iter_mut().for_each(|r| r.mode = "adaptive".into());
    let verdict = |tiers: Option<&[TierRow]>| summarise(&run.0, tiers).rows[0].warmup;
    assert_eq!(verdict(None), Some(WarmupVerdict::Flat));
    assert_eq!(verdict(Some(&[])), Some(WarmupVerdict::NeverPromoted));
    let event = TierRow {
        run: "r".into(),
        workload: "token".into(),
        params: Params::new(),
        mode: "adaptive".into(),
        threads: 1,
        process: 0,
        isolate: None,
        at_ns: Some(1),
        site: "token.zx:1:1".into(),
        kind: SiteKind::Loop,
        iteration: Some(500),
        from: "interpreter".into(),
        to: "vm".into(),
        compile_ns: None,
        code_bytes: None,
        speedup: None,
        reason: "threshold".into(),
    };
    assert_eq!(verdict(Some(&[event])), Some(WarmupVerdict::Flat));
}

#[test]
fn stages_lower_the_full_figure() {
    let mut run = five_of([1e6; 5]);
    for process in 0..5 {
        run.row("vm", process, Phase::Root, metrics::ROOT_NS, 1e6);
    }
    let row = &summarise(&run.0, None).rows[0];
    assert_eq!(row.root_ns_per_tx, Some(1000.0));
    assert!((row.tps_full.expect("root is known") - 5e5).abs() < 1.0);
}

#[test]
fn speedup_is_over_the_same_work() {
    let mut run = five_of([900.0; 5]);
    for process in 0..5 {
        run.windows("interpreter", process, Phase::Steady, 0, &[100.0 + f64::from(process)]);
        run.agreed("interpreter", process, 1.0);
    }
    let rows = summarise(&run.0, None).rows;
    let vm = rows.iter().find(|r| r.mode == "vm").expect("measured");
    let (ratio, ends) = speedup(vm, &rows).expect("both known");
    let (low, high) = ends.expect("both have an interval");
    assert!((ratio - 8.82).abs() < 0.01 && low < ratio && ratio < high);
    assert_eq!(speedup(vm, std::slice::from_ref(vm)), None);
    let other = |executor: &str| SummaryRow { executor: executor.into(), ..vm.clone() };
    assert!(speedup(&other("external"), &rows).is_some(), "an engine of somebody else has none of our executors");
    assert_eq!(speedup(&other("sharded"), &rows), None, "ours are held against the same executor");
}

#[test]
fn cold_start_is_a_median_over_processes() {
    let mut run = five_of([100.0; 5]);
    for (process, ns) in [(0, 5e6), (1, 7e6), (2, 90e6)] {
        run.row("vm", process, Phase::Cold, metrics::PROCESS_NS, ns);
    }
    let cold = summarise(&run.0, None).cold;
    assert_eq!((cold.len(), cold[0].process_ns, cold[0].rest_ns), (1, Some(7e6), None));
}

#[test]
fn compiling_is_repaid_by_what_it_saves() {
    let mut run = five_of([1e6; 5]);
    for process in 0..5 {
        run.row("vm", process, Phase::Compile, metrics::STAGE_NS, 50_000.0);
        run.windows("interpreter", process, Phase::Steady, 0, &[5e5; 4]);
        run.agreed("interpreter", process, 1.0);
    }
    let summary = summarise(&run.0, None);
    // 2,000 ns against 1,000 ns: a transaction saves 1,000 ns of the 50,000.
    assert_eq!(summary.tiers.len(), 1, "the interpreter compiles nothing");
    assert_eq!((summary.tiers[0].mode.as_str(), summary.tiers[0].repaid_after_tx), ("vm", Some(50)));
    let alone: Vec<SampleRow> = run.0.iter().filter(|row| row.mode == "vm").cloned().collect();
    assert_eq!(summarise(&alone, None).tiers[0].repaid_after_tx, None, "nothing to hold it against");
}
