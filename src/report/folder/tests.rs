use super::*;
use crate::report::metrics;
use crate::report::records::{Arm, Params, Phase, SCHEMA, SiteKind};

#[test]
fn captions() {
    let env = serde_json::json!({
        "cpu_model": "AMD EPYC 7B13", "cores": 2,
        "git": {"revision": "0123456789abcdef", "dirty": true},
        "rustc": "rustc 1.95.0 (abc 2026-01-01)",
    });
    assert_eq!(caption(&env), "AMD EPYC 7B13 · 2 cores · commit 0123456789 with local changes · rustc 1.95.0");
    assert_eq!(caption(&serde_json::json!({})), "machine unknown");
}

/// An invented run: four modes, two thread counts, five processes.
pub(in crate::report) fn invented(at: &Path) {
    let mut samples = RowWriter::create(at.join(SAMPLES)).expect("writable");
    let mut tiers = RowWriter::create(at.join(TIERS)).expect("writable");
    for (mode, speed) in [("interpreter", 2e5), ("vm", 9e5), ("native", 1.1e7), ("adaptive", 1.05e7)] {
        for (threads, process) in [1, 2].into_iter().flat_map(|t| (0..5).map(move |p| (t, p))) {
            let row = |phase, metric: &str, value| SampleRow {
                schema: SCHEMA,
                run: "invented".into(),
                arm: Arm::Single,
                block: Some(process),
                slot: None,
                workload: "transfer".into(),
                workload_digest: "0".into(),
                params: Params::from_iter([("iterations", 10_000), ("seed", 42)]),
                mode: mode.into(),
                executor: "sharded".into(),
                threads,
                process,
                isolate: None,
                window: None,
                phase,
                at_ns: None,
                metric: metric.into(),
                value: Some(value),
                unit: String::new(),
            };
            let factor = 1.0 + f64::from((process * 7 + threads * 3) % 5) * 0.01;
            let rate = speed * f64::from(threads).powf(0.9) * factor;
            let windows = (0..150_u32).map(|i| {
                let (phase, share) = if i < 3 && speed > 1e6 { (Phase::Warmup, 0.4) } else { (Phase::Steady, 1.0) };
                let wave = 1.0 + f64::from(i * 37 % 11) * 0.004;
                let at_ns = Some(u64::from(i + 1) * 10_000_000);
                SampleRow { window: Some(i), at_ns, ..row(phase, metrics::TPS, rate * share * wave) }
            });
            samples.write_all(&windows.collect::<Vec<_>>()).expect("written");
            let first = 2.5e6;
            let rest = 1e13 / rate * 0.95 + 2e5;
            let single = [
                row(Phase::Cold, metrics::TPS, 1e13 / (first + rest)),
                row(Phase::Cold, metrics::INTERPRETED_ITERATIONS, 500.0),
                row(Phase::Cold, metrics::INTERPRETED_NS, first),
                row(Phase::Cold, metrics::REST_NS, rest),
                row(Phase::Cold, metrics::PROCESS_NS, first + rest + 3e6),
                row(Phase::Steady, metrics::COMMITTED, rate * 1.5),
                row(Phase::Steady, metrics::REVERTED, 0.0),
                row(Phase::Steady, metrics::AGREED, 1.0),
                row(Phase::Steady, metrics::AGREED_BLOCKS, 20.0),
            ];
            samples.write_all(&single).expect("written");
            if mode == "adaptive" {
                for (to, at_ns) in [("vm", 2_500_000), ("vm", 2_600_000), ("native", 7_000_000)] {
                    let event = TierRow {
                        run: "invented".into(),
                        workload: "transfer".into(),
                        params: Params::from_iter([("iterations", 10_000), ("seed", 42)]),
                        mode: mode.into(),
                        threads,
                        process,
                        isolate: Some(0),
                        at_ns: Some(at_ns),
                        site: "transfer.zx:20:1".into(),
                        kind: SiteKind::Loop,
                        iteration: Some(500),
                        from: "interpreter".into(),
                        to: to.into(),
                        compile_ns: Some(90_000),
                        code_bytes: None,
                        speedup: None,
                        reason: "threshold".into(),
                    };
                    tiers.write(&event).expect("written");
                }
            }
        }
    }
    let env = r#"{"cpu_model": "Invented CPU", "cores": 2, "git_revision": "0123456789ab"}"#;
    std::fs::write(at.join("env.json"), env).expect("written");
}

#[test]
fn a_folder_is_rebuilt_from_its_records() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let preview = std::env::var_os("ZX_CHART_PREVIEW").map(PathBuf::from);
    let at = preview.as_deref().unwrap_or(temporary.path());
    invented(at);
    let written = write_all(at).expect("reported");
    let names: Vec<String> =
        written.files.iter().map(|f| f.file_name().expect("a file").to_string_lossy().into_owned()).collect();
    let expected: Vec<String> = ["tps-threads", "speedup", "warmup", "tiers", "cold-start"]
        .iter()
        .flat_map(|n| ["svg", "png", "csv"].map(|e| format!("{n}.{e}")))
        .chain(["report.html".to_owned()])
        .collect();
    assert_eq!(names[0], SUMMARY);
    assert_eq!(names[1..], expected);
    assert!(written.files.iter().all(|f| f.metadata().expect("there").len() > 100));
    assert_eq!(written.summary.rows.len(), 8);
    assert!(written.summary.warnings.is_empty(), "{:?}", written.summary.warnings);

    // The same records give the same bytes, and what was written is not read.
    let before: Vec<Vec<u8>> = written.files.iter().map(|f| std::fs::read(f).expect("there")).collect();
    std::fs::write(at.join(SUMMARY), "spoilt").expect("written");
    let again = write_all(at).expect("reported again");
    let after: Vec<Vec<u8>> = again.files.iter().map(|f| std::fs::read(f).expect("there")).collect();
    assert!(before == after, "a report is a function of its records");
    if preview.is_some() {
        let text = crate::report::render_table(&written.summary, crate::report::Format::Human, false);
        std::fs::write(at.join("table.txt"), text).expect("written");
    }
}

#[test]
fn a_folder_without_samples_is_an_error() {
    let empty = tempfile::tempdir().expect("a temporary folder");
    let text = write_all(empty.path()).expect_err("no samples").to_string();
    assert!(text.contains("samples.csv"), "{text}");
}

#[test]
fn a_killed_run_is_reported_with_a_warning() {
    let at = tempfile::tempdir().expect("a temporary folder");
    invented(at.path());
    let path = at.path().join(SAMPLES);
    let bytes = std::fs::read(&path).expect("written");
    std::fs::write(&path, &bytes[..bytes.len() - 5]).expect("written");
    std::fs::write(at.path().join("env.json"), "{").expect("written");
    let folder = ResultFolder::load(at.path()).expect("readable");
    let summary = folder.summary();
    assert!(summary.warnings[0].0.contains("cut short"));
    assert!(summary.warnings[1].0.contains("env.json: not JSON"));
    assert_eq!(folder.caption(), "machine unknown: no env.json");
}
