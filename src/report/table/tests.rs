use super::*;
use crate::report::records::{WarmupVerdict, Warning};

fn row(mode: &str, threads: u32, tps: f64) -> SummaryRow {
    SummaryRow {
        workload: "transfer".into(),
        params: Params::from_iter([("seed", 42)]),
        mode: mode.into(),
        executor: "sharded".into(),
        threads,
        tps: Some(tps),
        tps_low: Some(tps * 0.99),
        tps_high: Some(tps * 1.01),
        tps_first: Some(tps / 3.0),
        tps_full: None,
        committed: Some(12_345_678),
        reverted: Some(0),
        out_of_gas: None,
        aborted: None,
        p50_ns: None,
        p99_ns: None,
        p999_ns: None,
        latency_floor_ns: None,
        warmup: Some(WarmupVerdict::Flat),
        steady_after_s: Some(0.0),
        processes: 5,
        unsteady: 0,
        cpu_ns_per_tx: None,
        root_ns_per_tx: None,
        store_ns_per_tx: None,
        sig_ns_per_tx: None,
        gas_per_tx: None,
        peak_rss_kib: None,
        agreed: Some(true),
        agreed_blocks: Some(210),
    }
}

fn example() -> Summary {
    let mut wrong = row("native", 1, 0.0);
    (wrong.tps, wrong.tps_low, wrong.tps_high, wrong.tps_first) = (None, None, None, None);
    (wrong.committed, wrong.reverted, wrong.agreed) = (None, None, Some(false));
    let cold = |mode: &str, process: f64, first: f64, rest: f64| ColdStart {
        workload: "transfer".into(),
        params: Params::from_iter([("seed", 42)]),
        mode: mode.into(),
        executor: "sharded".into(),
        threads: 1,
        process_ns: Some(process),
        interpreted_iterations: Some(500),
        interpreted_ns: Some(first),
        rest_ns: Some(rest),
        tps: Some(1e13 / (first + rest)),
        cached_process_ns: None,
    };
    Summary {
        tiers: Vec::new(),
        rows: vec![row("interpreter", 1, 200_000.0), row("vm", 2, 3.9e6), row("vm", 1, 2e6), wrong],
        cold: vec![cold("adaptive", 9.1e6, 2.5e6, 4.75e6), cold("interpreter", 53e6, 2.5e6, 48e6)],
        warnings: vec![Warning("transfer/native/1: results differ: do this".into())],
        open: Vec::new(),
    }
}

#[test]
fn as_a_person_sees_it() {
    let expected = "\
transfer  seed=42

  mode         executor  threads  TPS (tx/s)       95% interval (tx/s)  first pass (tx/s)  x interpreter  committed (tx)  reverted (tx)    agreed
  vm           sharded         1   2,000,000    1,980,000 to 2,020,000            666,667           10.0      12,345,678              0  yes, 210
  vm           sharded         2   3,900,000    3,861,000 to 3,939,000          1,300,000              -      12,345,678              0  yes, 210
  interpreter  sharded         1     200,000        198,000 to 202,000             66,667           1.00      12,345,678              0  yes, 210
  native       sharded         1           -                         -                  -              -               -              -        NO

  cold start   threads  whole process (ms)  iterations 1 to 500 (ms)  rest (ms)  first pass (tx/s)
  interpreter        1                53.0                      2.50       48.0            198,020
  adaptive           1                9.10                      2.50       4.75          1,379,310

warning: transfer/native/1: results differ: do this
";
    let text = render_table(&example(), Format::Human, false);
    let squeezed = |text: &str| -> Vec<Vec<String>> {
        text.lines()
            .map(|l| l.split("  ").map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned).collect())
            .collect()
    };
    assert_eq!(squeezed(&text), squeezed(expected), "{text}");
    let table: Vec<&str> = text.lines().skip(2).take(5).collect();
    assert!(table.iter().all(|l| l.len() == table[0].len()), "aligned:\n{text}");
}

#[test]
fn colour_only_when_asked() {
    assert!(!render_table(&example(), Format::Human, false).contains('\x1b'));
    let painted = render_table(&example(), Format::Human, true);
    let is_red = |l: &&str| l.contains("\x1b[1;31m") && l.contains("native");
    assert_eq!(painted.lines().filter(is_red).count(), 1);
}

#[test]
fn csv_is_the_summary_file() {
    let text = render_table(&example(), Format::Csv, true);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<SummaryRow> = reader.deserialize().map(|r| r.expect("a row")).collect();
    assert_eq!(rows, example().rows);
}

#[test]
fn json_keeps_unknown_apart_from_zero() {
    let text = render_table(&example(), Format::Json, true);
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["rows"][3]["tps"], serde_json::Value::Null);
    assert_eq!(value["rows"][0]["reverted"], 0);
    assert_eq!(value["warnings"][0], "transfer/native/1: results differ: do this");
}

#[test]
fn markdown_has_one_table_line_a_row() {
    let text = render_table(&example(), Format::Markdown, true);
    assert!(text.contains("| **vm** | **sharded** | **2** | **3,900,000** |"), "{text}");
    assert_eq!(text.lines().filter(|l| l.starts_with('|')).count(), 2 + 4 + 2 + 2);
}

#[test]
fn nothing_is_said_to_be_nothing() {
    assert_eq!(render_table(&Summary::default(), Format::Human, false), "no results\n");
}
