use super::*;
use crate::report::records::Params;

fn row(mode: &str, threads: u32, params: &[(&str, &str)], tps: f64) -> SummaryRow {
    let empty = "w,,vm,sharded,1,,,,,,,,,,,,,,,,1,0,,,,,,,true,20\n";
    let header = <SummaryRow as crate::report::records::Record>::COLUMNS.join(",");
    let text = format!("{header}\n{empty}");
    let read: Result<SummaryRow, _> = csv::Reader::from_reader(text.as_bytes()).deserialize().next().expect("a row");
    let ends = (Some(tps * 0.9), Some(tps * 1.1));
    SummaryRow {
        mode: mode.into(),
        threads,
        params: params.iter().copied().collect::<Params>(),
        tps: Some(tps),
        tps_low: ends.0,
        tps_high: ends.1,
        ..read.expect("every column")
    }
}

fn run(name: &str, cpu: &str, rows: Vec<SummaryRow>) -> Run {
    let env = serde_json::json!({"cpu_model": cpu, "cores": 2, "git_revision": "0123456789ab"});
    Run { name: name.into(), rows, env: Some(env) }
}

fn wanted(x: &str, y: &str) -> Wanted {
    Wanted { x: x.into(), y: y.into(), by: "mode".into(), title: None }
}

fn lines(chart: &Chart) -> Vec<(&str, Vec<(f64, f64)>)> {
    let Body::Lines(lines) = &chart.body else { panic!("lines") };
    let points = |s: &Series| s.points.iter().map(|p| (p.x, p.y)).collect();
    lines.series.iter().map(|s| (s.name.as_str(), points(s))).collect()
}

#[test]
fn runs_join_by_a_parameter_and_other_work_has_its_own_line() {
    let at = |work: &str, threads| {
        vec![row("interpreter", threads, &[("work", work)], 100.0), row("vm", threads, &[("work", work)], 300.0)]
    };
    let runs = [run("a", "X", at("0", 1)), run("b", "X", at("50", 1))];
    let chart = chart_across(&runs, &wanted("work", "speedup")).expect("a chart");
    assert_eq!(lines(&chart), [("interpreter", vec![(0.0, 1.0), (50.0, 1.0)]), ("vm", vec![(0.0, 3.0), (50.0, 3.0)])]);
    assert_eq!(chart.warning, None);
    assert_eq!(chart.caption, "X · 2 cores · commit 0123456789");
    let runs = [run("a", "X", at("0", 1)), run("b", "Y", at("50", 2))];
    let chart = chart_across(&runs, &wanted("work", "tps")).expect("a chart");
    let names: Vec<&str> = lines(&chart).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["interpreter, 1 thr.", "interpreter, 2 thr.", "vm, 1 thr.", "vm, 2 thr."]);
    assert_eq!(chart.warning.as_deref(), Some("The runs are not of one machine: cpu model (X, Y)"));
}

#[test]
fn the_same_cell_of_two_runs_is_two_lines() {
    let rows = || vec![row("vm", 1, &[], 300.0), row("vm", 2, &[], 500.0)];
    let chart = chart_across(&[run("a", "X", rows()), run("b", "X", rows())], &wanted("threads", "tps"));
    let chart = chart.expect("a chart");
    assert_eq!(lines(&chart).iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["vm, a", "vm, b"]);
}

#[test]
fn thresholds_and_skews_are_numbers() {
    let rows = vec![row("fixed:500", 1, &[], 3.0), row("fixed:1", 1, &[], 2.0), row("adaptive", 1, &[], 4.0)];
    let chart = chart_across(&[run("a", "X", rows)], &wanted("threshold", "tps")).expect("a chart");
    assert_eq!(lines(&chart), [("fixed threshold", vec![(1.0, 2.0), (500.0, 3.0)])]);
    assert!(chart.subtitle.contains("1 of 3 cells have no such point"), "{}", chart.subtitle);
    let skewed = |skews: &[&str]| skews.iter().map(|s| row("vm", 1, &[("skew", *s)], 5.0)).collect::<Vec<_>>();
    let chart = chart_across(&[run("a", "X", skewed(&["zipf:0.9", "uniform"]))], &wanted("skew", "tps"));
    assert_eq!(lines(&chart.expect("a chart")), [("vm", vec![(0.0, 5.0), (0.9, 5.0)])]);
    let mixed = chart_across(&[run("a", "X", skewed(&["zipf:0.9", "hot:0.1:0.9"]))], &wanted("skew", "tps"));
    assert!(mixed.expect_err("two scales").contains("not on one scale"));
}

#[test]
fn what_cannot_be_drawn_says_what_can() {
    let runs = [run("a", "X", vec![row("vm", 1, &[("accounts", "10")], 3.0)])];
    let refused = |x: &str, y: &str| chart_across(&runs, &wanted(x, y)).expect_err("refused");
    assert!(refused("work", "tps").contains("use threads, threshold or a parameter (accounts)"));
    assert!(refused("threads", "p99").contains("--no-latency"));
    assert!(refused("threads", "speedup").contains("no interpreter was measured"));
    assert!(refused("threshold", "tps").contains("sweep --threshold"));
    assert!(refused("threads", "speed").contains("tps_first"));
    let by = chart_across(&runs, &Wanted { by: "color".into(), ..wanted("threads", "tps") });
    assert!(by.expect_err("refused").contains("a parameter (accounts)"));
    let many = (0..13).map(|i| row(&format!("fixed:{i}"), 1, &[], 1.0)).collect();
    assert!(chart_across(&[run("a", "X", many)], &wanted("threads", "tps")).expect_err("refused").contains("--only"));
}
