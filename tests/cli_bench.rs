//! The command line of `zx-bench`: bad input, exit statuses, and what is kept when a run ends badly.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

const SCRIPT: &str = r#"// Moves money.
config.bench_iterations = 2000
let balances = {"a": 0, "b": 0}
action transfer(from, to, amount) {
    balances[from] = balances[from] - amount
    balances[to] = balances[to] + amount
}
let i = 0
while i < config.bench_iterations {
    transfer("a", "b", 1)
    i = i + 1
}
require(balances["b"] == config.bench_iterations, "money was lost")
"#;

const BLOCK: &str = r#"// Counts.
contract Counter {
    data counts = {}
    action add(who, n) { counts[who] = (counts[who] ?? 0) + n }
}
let counter = Counter()
action setup(accounts) { counter.add("setup", len(accounts)) }
action generate(rng) { return {"caller": rng.account(), "n": rng.int(1, 5)} }
action transaction(tx) { counter.add(TX.caller, tx["n"]) }
"#;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("zx-bench").expect("built");
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn bench(&self, arguments: &[&str]) -> Said {
        Said(self.command(arguments).output().expect("it starts"))
    }

    /// A short run that writes to `out`.
    fn run(&self, workload: &Path, more: &[&str]) -> Said {
        let workload = workload.to_string_lossy();
        let mut arguments =
            vec!["run", &*workload, "--max-time", "2s", "--processes", "1", "--out", "out", "--threads", "1"];
        arguments.extend(more);
        self.bench(&arguments)
    }
}

struct Said(Output);

impl Said {
    fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    #[track_caller]
    fn ends(&self, status: i32, fragments: &[&str]) -> &Self {
        let all = format!("{}{}", self.stdout(), self.stderr());
        assert_eq!(self.0.status.code(), Some(status), "{all}");
        for fragment in fragments {
            assert!(all.contains(fragment), "`{fragment}` is missing in:\n{all}");
        }
        assert!(!all.contains("panicked"), "{all}");
        self
    }
}

#[test]
fn files_that_are_no_workloads_are_usage_errors() {
    let place = Place::new();
    let run = |name: &str| place.bench(&["run", name, "--smoke"]);
    run("nothing.zx").ends(2, &["error: no workload `nothing.zx`"]);
    place.file("empty.zx", "");
    run("empty.zx").ends(2, &["is empty"]);
    place.file("latin1.zx", b"let caf\xe9 = 1\n");
    run("latin1.zx").ends(2, &["not UTF-8"]);
    place.file("binary.zx", b"\x7fELF\0\0\0");
    run("binary.zx").ends(2, &["binary"]);
    run(".").ends(2, &["is a directory"]);
    place.file("bad.zx", "let x = = 1 @@\n");
    run("bad.zx").ends(2, &["bad.zx"]);
    place.file("plain.zx", "action tranfser(a) { return a }\ntranfser(1)\n");
    run("plain.zx").ends(2, &["no action `transfer`", "did you mean `tranfser`?"]);
    place.file("half.zx", "action transaction(tx) { return 1 }\n");
    run("half.zx").ends(2, &["action generate(rng)"]);
}

#[test]
fn names_in_workloads_are_found_and_near_misses_suggested() {
    let place = Place::new();
    fs::create_dir(place.path("workloads")).expect("made");
    place.file("workloads/transfer.zx", SCRIPT);
    place.bench(&["run", "transfer", "--smoke"]).ends(0, &["agrees: interpreter, 1 thread"]);
    place.bench(&["run", "tranfser", "--smoke"]).ends(2, &["did you mean `workloads/transfer.zx`?"]);
    place.bench(&["list"]).ends(0, &["transfer", "script", "Moves money."]);
    place.bench(&["list", "nowhere"]).ends(2, &["no .zx files"]);
}

#[test]
fn bad_flags_say_what_is_right() {
    let place = Place::new();
    let script = place.file("w.zx", SCRIPT);
    let block = place.file("b.zx", BLOCK);
    place.run(&script, &["--modes", "vm,adpative"]).ends(2, &["unknown mode `adpative`", "did you mean `adaptive`?"]);
    let threads = |n: &str| place.bench(&["run", "w.zx", "--threads", n, "--smoke"]);
    threads("0").ends(2, &["from 1 to 1024"]);
    threads("100000").ends(2, &["from 1 to 1024"]);
    threads("-1").ends(2, &[]);
    place.run(&block, &["--executor", "parallel"]).ends(2, &["does not exist yet"]);
    place.run(&block, &["--executor", "shraded"]).ends(2, &["did you mean `sharded`?"]);
    place.run(&block, &["--skew", "zipf"]).ends(2, &["zipf:THETA"]);
    place.run(&block, &["--accounts", "0"]).ends(2, &["`accounts` is 0"]);
    place.run(&script, &["--accounts", "10"]).ends(2, &["for block workloads"]);
    place.run(&script, &["--param", "iteratoins=5"]).ends(2, &["did you mean `iterations`?"]);
    place.run(&script, &["--param", "iterations=lots"]).ends(2, &["a whole number"]);
    place.bench(&["run", "w.zx", "--processes", "0"]).ends(2, &["from 1 to"]);
    place.bench(&["run", "w.zx", "--max-time", "soon"]).ends(2, &["not a duration"]);
    assert!(!place.path("out").exists(), "nothing was begun");
}

#[test]
fn a_plan_is_printed_and_nothing_is_run() {
    let place = Place::new();
    place.file("w.zx", SCRIPT);
    let said = place.bench(&["run", "w.zx", "--plan", "--modes", "interpreter,vm", "--threads", "1,64"]);
    said.ends(0, &["4 cells, 5 processes each", "oversubscribed", "iterations=2000"]);
    let again = place.bench(&["run", "w.zx", "--plan", "--modes", "interpreter,vm", "--threads", "1,64"]);
    assert_eq!(said.stdout(), again.stdout(), "the order is seeded");
    assert!(!place.path("reports").exists());
}

#[test]
fn a_run_writes_every_record() {
    let place = Place::new();
    let script = place.file("w.zx", SCRIPT);
    place.run(&script, &[]).ends(0, &["interpreter", "vm", "adaptive", "cold start"]);
    for name in ["samples.csv", "summary.csv", "tiers.csv", "env.json", "plan.json"] {
        assert!(place.path("out").join(name).metadata().is_ok_and(|file| file.len() > 50), "{name}");
    }
    let summary = fs::read_to_string(place.path("out/summary.csv")).expect("there");
    assert_eq!(summary.lines().count(), 4, "{summary}");
    assert!(summary.lines().skip(1).all(|row| row.contains(",true,")), "{summary}");
    let first = fs::read(place.path("out/summary.csv")).expect("there");
    place.bench(&["report", "out", "--format", "csv"]).ends(0, &["workload,params,mode"]);
    assert_eq!(first, fs::read(place.path("out/summary.csv")).expect("there"), "reports are made of the records alone");
}

#[test]
fn blocks_agree_on_every_thread() {
    let place = Place::new();
    let block = place.file("b.zx", BLOCK);
    let flags = ["--block", "50", "--accounts", "20", "--threads", "1,2", "--skew", "zipf:0.9"];
    let name = block.to_string_lossy();
    let mut arguments = vec!["run", &*name, "--smoke"];
    arguments.extend(flags);
    place.bench(&arguments).ends(0, &["agrees: vm, 2 threads, sharded", "agrees: interpreter, 1 thread, sequential"]);
}

#[test]
fn reports_latest_points_at_the_last_run() {
    let place = Place::new();
    place.file("w.zx", SCRIPT);
    place.bench(&["run", "w.zx", "--quick", "--max-time", "1s", "--modes", "vm", "--threads", "1"]).ends(0, &[]);
    assert!(place.path("reports/latest/samples.csv").exists());
    place.bench(&["report"]).ends(0, &["vm"]);
}

#[test]
fn a_folder_that_cannot_be_written_ends_before_measuring() {
    let place = Place::new();
    let script = place.file("w.zx", SCRIPT);
    place.file("taken", "a file");
    let name = script.to_string_lossy();
    let begin = Instant::now();
    place.bench(&["run", &name, "--out", "taken/sub"]).ends(2, &["cannot write results to taken/sub", "--out DIR"]);
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_workload_that_fails_half_way_is_a_failed_run() {
    let place = Place::new();
    let script = place.file("w.zx", format!("{SCRIPT}require(false, \"planted\")\n"));
    place.run(&script, &[]).ends(1, &["the workload failed", "planted"]);
    assert!(place.path("out/samples.csv").exists());
}

#[test]
fn a_workload_that_loops_for_ever_is_stopped() {
    let place = Place::new();
    let script = place.file("w.zx", "action transfer() { return 1 }\ntransfer()\nwhile true { }\n");
    let begin = Instant::now();
    place.run(&script, &[]).ends(1, &["did not come to an end within 2 s"]);
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_transaction_that_is_never_called_is_a_usage_error() {
    let place = Place::new();
    let script = place.file("w.zx", "config.bench_iterations = 0\naction transfer() { return 1 }\n");
    place.run(&script, &[]).ends(2, &["is never called"]);
}

#[test]
fn an_invariant_that_fails_is_a_wrong_result() {
    let place = Place::new();
    let block = place.file("b.zx", format!("{BLOCK}action verify() {{ require(false, \"supply changed\") }}\n"));
    place.run(&block, &["--block", "10"]).ends(6, &["WRONG RESULTS", "verify()", "supply changed"]);
    place.bench(&["run", "b.zx", "--smoke", "--block", "10"]).ends(6, &["WRONG RESULTS"]);
}

#[test]
fn megabytes_of_output_neither_block_nor_flood() {
    let place = Place::new();
    let script = place.file(
        "w.zx",
        "action transfer(i) { print(\"x\" * 10000) }\nlet i = 0\nwhile i < 300 {\n    transfer(i)\n    i = i + 1\n}\n",
    );
    let said = place.run(&script, &["--modes", "interpreter"]);
    said.ends(0, &[]);
    assert!(said.0.stdout.len() < 20_000 && !said.stdout().contains("xxxxx"));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let place = Place::new();
    place.file("w.zx", SCRIPT);
    for arguments in [&["list", "."][..], &["run", "w.zx", "--plan"], &["doctor", "--pairs", "0"]] {
        let mut command = place.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let said = Said(child.wait_with_output().expect("it ends"));
        said.ends(0, &[]);
        assert!(!said.stderr().contains("error"), "{}", said.stderr());
    }
}

#[test]
fn ctrl_c_keeps_what_was_measured() {
    let place = Place::new();
    place.file("w.zx", SCRIPT);
    let flags = ["run", "w.zx", "--out", "out", "--max-time", "60s", "--modes", "vm", "--threads", "1"];
    let child = place.command(&flags).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let samples = place.path("out/samples.csv");
    let begin = Instant::now();
    let lines = || fs::read_to_string(&samples).map_or(0, |text| text.lines().count());
    while lines() < 2 && begin.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let interrupted = Instant::now();
    let said = Said(child.wait_with_output().expect("it ends"));
    said.ends(130, &["stopped by Ctrl-C", "vm"]);
    assert!(interrupted.elapsed() < Duration::from_secs(10));
    assert!(lines() >= 2, "rows are kept");
    assert!(place.path("out/summary.csv").exists(), "what was measured is summarised");
}

#[test]
fn explain_and_doctor_answer() {
    let place = Place::new();
    place.file("w.zx", SCRIPT);
    place.bench(&["explain", "w.zx"]).ends(0, &["iteration", "500"]);
    place.bench(&["explain", "w.zx", "--mode", "interpreter"]).ends(0, &["no tier decisions"]);
    place.file("other.zx", SCRIPT);
    let several = ["explain", "w.zx", "other.zx", "--mode", "native", "--dump", "texts"];
    place.bench(&several).ends(0, &["made again", "w ", "other "]);
    assert!(place.path("texts/other/bytecode.txt").exists(), "each has a folder of its own");
    place.bench(&["explain", "w.zx", "--mode", "native", "--dump", "one"]).ends(0, &["native code of", "failed"]);
    let texts = fs::read_dir(place.path("one")).expect("it was made").flatten();
    let names: Vec<_> = texts.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    for kind in [".clif", ".asm", "bytecode.txt"] {
        assert!(names.iter().any(|name| name.ends_with(kind)), "no {kind} in {names:?}");
    }
    place.file("taken", "");
    place.bench(&["explain", "w.zx", "--dump", "taken"]).ends(1, &["cannot write to"]);
    place.bench(&["doctor", "--pairs", "4"]).ends(0, &["cores", "clock_step_ns", "kernel", "smallest difference"]);
    place.bench(&["report", "nowhere"]).ends(2, &["not a folder of results"]);
    place.bench(&["child", "--cell", "{}"]).ends(1, &["the job is not readable"]);
    place.bench(&["dance"]).ends(2, &[]);
    place.bench(&["--version"]).ends(0, &["zx-bench"]);
}
