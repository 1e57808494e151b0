//! `zx-bench chart`: from a recorded folder to a picture with its data.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt;

fn chart(at: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("zx-bench").expect("built");
    command.arg("chart").args(arguments).current_dir(at).output().expect("it starts")
}

fn example() -> String {
    format!("{}/reports/example", env!("CARGO_MANIFEST_DIR"))
}

/// The throughput on one thread that the example's summary holds for a mode.
fn recorded_tps(example: &str, mode: &str) -> f64 {
    let mut summary = csv::Reader::from_path(format!("{example}/summary.csv")).expect("the example has one");
    let columns = summary.headers().expect("a first line").clone();
    let column = |name: &str| columns.iter().position(|column| column == name).expect("a column");
    let (modes, threads, tps) = (column("mode"), column("threads"), column("tps"));
    let row = summary.records().flatten().find(|row| &row[modes] == mode && &row[threads] == "1");
    row.and_then(|row| row[tps].parse().ok()).expect("a figure")
}

#[track_caller]
fn said(output: &Output, status: i32, fragments: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}");
    for fragment in fragments {
        assert!(text.contains(fragment), "`{fragment}` is missing in: {text}");
    }
}

#[test]
fn a_recorded_folder_is_drawn() {
    let at = tempfile::tempdir().expect("a folder");
    let example = example();
    let output = chart(at.path(), &[&example, "--y", "speedup", "--title", "A <b> title", "-o", "f.svg"]);
    said(&output, 0, &["f.svg was written, its data to f.csv"]);
    let svg = fs::read_to_string(at.path().join("f.svg")).expect("there");
    let record = fs::read_to_string(format!("{example}/env.json")).expect("the example has one");
    let record: serde_json::Value = serde_json::from_str(&record).expect("it is JSON");
    let revision = record["git_revision"].as_str().expect("it says its revision");
    let commit = format!("commit {}", &revision[..10]);
    for text in ["A &lt;b&gt; title", &commit, "Threads (count)", "vm"] {
        assert!(svg.contains(text), "`{text}` is missing");
    }
    let data = fs::read_to_string(at.path().join("f.csv")).expect("there");
    let vm = data.lines().find(|line| line.starts_with("point,vm,1,")).expect("a point");
    let ratio: f64 = vm.split(',').nth(3).and_then(|field| field.parse().ok()).expect("a number");
    let expected = recorded_tps(&example, "vm") / recorded_tps(&example, "interpreter");
    assert!((ratio - expected).abs() < 1e-9, "{vm}");
    let png = ["--only", "mode=vm,adaptive", "--theme", "dark", "--size", "640x360", "-o", "f.png"];
    said(&chart(at.path(), &[&[&*example], &png[..]].concat()), 0, &[]);
    assert!(fs::read(at.path().join("f.png")).expect("there").starts_with(b"\x89PNG"));
    let data = fs::read_to_string(at.path().join("f.csv")).expect("there");
    assert!(data.contains("adaptive") && !data.contains("interpreter"), "{data}");
}

#[test]
fn what_is_wrong_is_said() {
    let at = tempfile::tempdir().expect("a folder");
    let example = example();
    let ends = |arguments: &[&str], fragments: &[&str]| said(&chart(at.path(), arguments), 2, fragments);
    ends(&["nowhere"], &["nowhere is not a result folder", "zx-bench run"]);
    ends(&[&example, "--y", "speed"], &["tps_first"]);
    ends(&[&example, "--x", "skew"], &["(iterations, seed)"]);
    ends(&[&example, "--only", "mode=native"], &["no cell of these runs"]);
    ends(&[&example, "-o", "f.gif"], &[".svg or .png"]);
    ends(&[&example, "--theme", "blue"], &["light, dark or print"]);
}
