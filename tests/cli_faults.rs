//! What goes wrong around a measurement: full disks, damaged records, records of other versions, versions that crash.
//! Each ends with its status and with what to do; none needs privileges.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod command;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use command::{Place, said};

const SCRIPT: &str = "\
// Counts.
config.bench_iterations = 100
action transfer(n) { return n + 1 }
let i = 0
while i < config.bench_iterations { i = transfer(i) }
print(i)
";

/// A finished run of one cell.
fn measured(place: &Place, out: &str) {
    place.file("w.zx", SCRIPT);
    let flags =
        ["--modes", "vm", "--threads", "1", "--processes", "3", "--max-time", "2s", "--no-latency", "--out", out];
    place.bench(&[&["run", "w.zx"][..], &flags].concat()).shows(0, &[]);
}

#[test]
fn a_disk_that_is_full_ends_the_run_and_keeps_what_was_measured() {
    let place = Place::new();
    place.file("w.zx", SCRIPT);
    let program = Command::cargo_bin("zx-bench").expect("built").get_program().to_owned();
    // Files may have so many KiB: writing more fails, as on a full disk. In a second no machine measures rows for
    // 36 KiB, and a chart is larger.
    for (kib, time, fragments) in [
        (1, "2s", &["cannot write", "env.json"][..]),
        (4, "2s", &["samples.csv", "rows measured so far are kept in o4"]),
        (36, "1s", &["cannot write o36/charts/", "`zx-bench report` draws them again"]),
    ] {
        let out = format!("o{kib}");
        let flags = format!("--modes vm --threads 1 --processes 3 --max-time {time} --no-latency");
        let line = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$ZX\" run w.zx {flags} --out {out}");
        let mut command = Command::new("bash");
        command.args(["-c", &line]).env("ZX", &program).current_dir(place.folder.path()).stdin(Stdio::null());
        said(&mut command).shows(1, fragments);
    }
    assert!(fs::metadata(place.folder.path().join("o4/samples.csv")).unwrap().len() > 0);
    // With room again the same command goes on, and the folder is whole.
    let flags =
        ["--modes", "vm", "--threads", "1", "--processes", "3", "--max-time", "2s", "--no-latency", "--out", "o4"];
    place.bench(&[&["run", "w.zx"][..], &flags].concat()).shows(0, &["yes, "]);
}

#[test]
fn records_that_are_none_are_refused_by_name() {
    let place = Place::new();
    measured(&place, "good");
    let text = fs::read_to_string(place.folder.path().join("good/samples.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let later = rows.lines().flat_map(|line| ["99", &line[line.find(',').unwrap()..], "\n"]).collect::<String>();
    for (name, samples, fragments) in [
        ("later", format!("{header}\n{later}").into_bytes(), &["later/samples.csv", "schema 99", "measure again"][..]),
        ("headless", rows.as_bytes().to_vec(), &["headless/samples.csv", "column `schema` expected"]),
        ("other", b"a,b\n1,2\n".to_vec(), &["other/samples.csv", "not a zx-bench file of this kind"]),
        ("noise", [0xff_u8, 0, 7, 10].repeat(500), &["noise/samples.csv"]),
    ] {
        fs::create_dir(place.folder.path().join(name)).unwrap();
        place.file(&format!("{name}/samples.csv"), samples);
        place.bench(&["report", name]).shows(2, fragments);
        place.bench(&["compare", "good", name]).shows(2, fragments);
    }
    place.bench(&["report", "nowhere"]).shows(2, &["nowhere"]);
}

#[test]
fn rows_cut_off_lose_their_process_and_no_other() {
    let place = Place::new();
    measured(&place, "o");
    let path = place.folder.path().join("o/samples.csv");
    let text = fs::read_to_string(&path).unwrap();
    // Inside the last process's rows, in the middle of a line.
    let agreed = text.rfind(",agreed,").unwrap();
    fs::write(&path, &text[..agreed + 4]).unwrap();
    place.bench(&["report", "o"]).shows(0, &["1 processes were not compared", "2 processes: no interval"]);
}

/// A runner of our own job format with equal figures in every process; in mode adaptive it does something else.
fn runner(place: &Place, name: &str, in_adaptive: &str) {
    let text = format!(
        r#"#!/bin/sh
case "$3" in *'"mode":"adaptive"'*) {in_adaptive} ;; esac
echo '{{"type":"hello","protocol":1,"engine":"sh"}}'
echo '{{"type":"counter","name":"tx_per_pass","value":100}}'
echo '{{"type":"digest","index":0,"hex":"aa"}}'
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "{{\"type\":\"window\",\"n\":1000,\"ns\":1000000,\"at_ns\":$((i * 1000000))}}"; done
echo '{{"type":"bye"}}'
"#
    );
    let path = place.file(name, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_version_that_crashes_in_one_cell_is_told_with_cell_and_signal() {
    let place = Place::new();
    place.file("w.zx", SCRIPT);
    runner(&place, "sound", ":");
    runner(&place, "crashing", "kill -SEGV $$");
    let flags = ["--modes", "vm,adaptive", "--pairs", "4", "--max-pairs", "4", "--out", "g"];
    for (base, head, status) in [("./crashing", "./sound", 5), ("./sound", "./crashing", 1)] {
        let gate = place.bench(&[&["gate", "w.zx", "--base", base, "--head", head][..], &flags].concat());
        gate.shows(status, &["w/adaptive/1", "crashing", "signal 11 (SIGSEGV)", "processes: fail", "verdict=fail"]);
        assert!(!gate.out.contains("processes wrong"), "a crash is no wrong result: {gate:?}");
        place.bench(&["recheck", "g"]).shows(status.min(1), &[]);
    }
}
