//! Engines of somebody else: run, compared and gated, and what happens when one breaks the protocol, crashes, hangs or
//! does other work. Most engines are in shell and speak fixed figures.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

const GOOD: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const OTHER: &str = "1111111111111111111111111111111111111111111111111111111111111111";

struct Place {
    folder: TempDir,
}

struct Said(Output);

impl Said {
    #[track_caller]
    fn ends(&self, status: i32, fragments: &[&str]) -> String {
        let all = format!("{}{}", String::from_utf8_lossy(&self.0.stdout), String::from_utf8_lossy(&self.0.stderr));
        assert_eq!(self.0.status.code(), Some(status), "{all}");
        for fragment in fragments {
            assert!(all.contains(fragment), "`{fragment}` is missing in:\n{all}");
        }
        assert!(!all.contains("panicked at"), "{all}");
        all
    }
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        path
    }

    /// A program in shell.
    fn script(&self, name: &str, text: &str) -> String {
        let path = self.file(name, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("allowed");
        path.to_string_lossy().into_owned()
    }

    /// A runner whose windows of 1,000 transactions take so many nanoseconds, a little more or less by its process id.
    fn engine(&self, name: &str, ns: u64, digest: &str) -> String {
        self.script(
            name,
            &format!("{HELLO}\n{}\nns=$(({ns} + $$ % 97 * {ns} / 97000))\n{WINDOWS}\n{BYE}", digest_line(digest)),
        )
    }

    fn bench(&self, arguments: &[&str]) -> Said {
        let mut command = Command::cargo_bin("zx-bench").expect("built");
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        Said(command.env_remove("GITHUB_STEP_SUMMARY").output().expect("it starts"))
    }

    /// A short run of one engine on a workload that it alone understands.
    fn run(&self, command: &str, more: &[&str]) -> Said {
        let engine = format!("vm1={command}");
        let mut arguments = vec!["run", "bank", "--engine", &engine, "--processes", "3", "--threads", "1"];
        arguments.extend(["--max-time", "1s", "--out", "out"]);
        arguments.extend(more);
        self.bench(&arguments)
    }
}

const HELLO: &str = r#"echo '{"type":"hello","protocol":1,"engine":"sh"}'"#;
const BYE: &str = r#"echo '{"type":"bye"}'"#;
const WINDOWS: &str = r#"for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
echo "{\"type\":\"window\",\"n\":1000,\"ns\":$ns,\"at_ns\":$((i * ns))}"; done"#;

fn digest_line(hex: &str) -> String {
    format!(r#"echo '{{"type":"digest","index":0,"hex":"{hex}"}}'"#)
}

/// An example of this package, built by `cargo test` beside this test, or else now.
fn example(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("known");
    let path = this.ancestors().nth(2).expect("deps stands in the profile's folder").join("examples").join(name);
    if !path.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().expect("cargo starts").success());
    }
    assert!(path.exists(), "{} was not built", path.display());
    path
}

fn from_root(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).to_string_lossy().into_owned()
}

#[test]
fn an_engine_of_ones_own_is_run_like_ours() {
    let place = Place::new();
    let vm = place.engine("vm", 1_000_000, GOOD);
    place.run(&vm, &[]).ends(0, &["vm1", "external", "33,000", "yes, 1"]);
    let summary = fs::read_to_string(place.path("out/summary.csv")).expect("there");
    let row = summary.lines().nth(1).expect("a row");
    assert!(row.starts_with("bank,seed=42,vm1,external,1,"), "{row}");
    assert!(place.path("out/charts/tps-threads.svg").exists() && place.path("out/report.html").exists());
    assert!(fs::read_to_string(place.path("out/plan.json")).expect("there").contains("program_blake3"));
    place.run(&vm, &["--smoke", "--param", "x=1"]).ends(0, &["agrees: vm1"]);
    place.run(&vm, &["--plan"]).ends(0, &["vm1, 1 thread, external"]);
}

#[test]
fn the_examples_agree_with_our_own_tiers() {
    let place = Place::new();
    let rust = format!("rust={} {{params}} {{threads}} {{process_ms}}", example("runner").display());
    let workload = from_root("workloads/transfer.zx");
    let mut arguments = vec!["run", &*workload, "--modes", "vm", "--engine", &rust, "--threads", "1,2"];
    arguments.extend(["--quick", "--max-time", "2s", "--param", "iterations=1000", "--no-latency"]);
    let python = format!("python=python3 {} {{params}} {{process_ms}}", from_root("examples/runner.py"));
    place.bench(&arguments).ends(0, &["rust", "external", "vm"]);
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("python3 is not on this machine: its example was not run");
        return;
    }
    arguments[6] = "--threads";
    arguments[7] = "1";
    arguments.extend(["--engine", &python]);
    place.bench(&arguments).ends(0, &["rust", "python", "vm", "yes, "]);
    // Other work is wrong work, even if it is done well.
    let other = python.replace("{params}", "iterations=999");
    *arguments.last_mut().expect("there") = &other;
    place.bench(&arguments).ends(1, &["the interpreter counted 1000 in a pass"]);
    let text = fs::read_to_string(from_root("examples/runner.py")).expect("there");
    let cheat = place.file("cheat.py", &text.replace("+= 10", "+= 11"));
    let cheat = python.replace(&from_root("examples/runner.py"), &cheat.to_string_lossy());
    *arguments.last_mut().expect("there") = &cheat;
    let all = place.bench(&arguments).ends(6, &["WRONG RESULTS: python differs from the interpreter: digest 0"]);
    assert!(all.lines().all(|line| !line.contains("python") || line.contains("WRONG")), "no figure is shown: {all}");
}

#[test]
fn the_embedding_example_runs() {
    let output = Command::new(example("embed")).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for line in
        ["printed: ready", "bob has Int(30)", "refused: Requirement failed: alice has too little", "bob has Int(100)"]
    {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn the_documents_show_the_examples_as_they_are() {
    let document = fs::read_to_string(from_root("docs/protocol.md")).expect("there");
    for name in ["examples/runner.py", "examples/runner.rs"] {
        let text = fs::read_to_string(from_root(name)).expect("there");
        assert!(document.contains(text.trim_end()), "docs/protocol.md shows another {name}");
        assert!(text.lines().count() <= 60, "{name} is meant to be short");
    }
}

#[test]
fn what_breaks_the_protocol_is_told_and_fails() {
    let place = Place::new();
    let digest = digest_line(GOOD);
    let run = |name: &str, text: &str, fragments: &[&str]| {
        let engine = place.script(name, text);
        place.run(&engine, &["--fresh"]).ends(1, fragments);
    };
    run("chatty", "echo welcome to my vm", &["the first run of vm1", "no protocol message", "`welcome to my vm`"]);
    run("mute", "exit 0", &["without a word of the runner protocol"]);
    run("new", r#"echo '{"type":"hello","protocol":2,"engine":"x"}'"#, &["speaks protocol 2"]);
    run("cut", HELLO, &["ended without `bye`"]);
    run("crash", &format!("{HELLO}\necho oh no >&2\nkill -SEGV $$"), &["SIGSEGV", "oh no"]);
    run("panic", &format!("{HELLO}\nexit 101"), &["exit status 101"]);
    run("unproven", &format!("{HELLO}\nns=5\n{WINDOWS}\n{BYE}"), &["gave no digest", "no figure is shown"]);
    run("short", &format!("{HELLO}\n{}\n{BYE}", digest_line("ab")), &["not 64 lower-case hexadecimal digits"]);
    let thread = digest.replace("\"index\"", "\"isolate\":3,\"index\"");
    run("stranger", &format!("{HELLO}\n{thread}\n{BYE}"), &["isolate 3", "1 threads"]);
    run("idle", &format!("{HELLO}\n{digest}\n{BYE}"), &["said 0 windows"]);
    let fail = r#"echo '{"type":"fail","what":"program","message":"the vault is empty"}'"#;
    run("broke", &format!("{HELLO}\n{digest}\n{fail}\n{BYE}"), &["the workload failed", "the vault is empty"]);
}

#[test]
fn an_engine_that_hangs_is_killed_with_all_that_it_started() {
    let place = Place::new();
    let vm = place.script("hang", &format!("{HELLO}\nsleep 600 &\nwait"));
    place.run(&vm, &[]).ends(1, &["did not answer within 6 s and was killed"]);
}

#[test]
fn other_digests_are_wrong_results() {
    let place = Place::new();
    // Each process counts up a file: the third says another digest.
    let changing = place.script(
        "changing",
        &format!(
            "n=$(cat {0} 2>/dev/null || echo 0)\necho $((n + 1)) > {0}\n{HELLO}\nif [ $n -lt 2 ]; then\n{1}\nelse\n{2}\nfi\nns=1000000\n{WINDOWS}\n{BYE}",
            place.path("count").display(),
            digest_line(GOOD),
            digest_line(OTHER)
        ),
    );
    place.run(&changing, &[]).ends(6, &["WRONG RESULTS: vm1, 1 thread, external differs from the reference in pass 0"]);
    // Two engines that name one chain must agree; without a name they need not.
    let named = |name: &str, digest: &str| {
        let hello = HELLO.replace("\"engine\"", "\"chain\":\"balances\",\"engine\"");
        place.script(name, &format!("{hello}\n{}\nns=1000000\n{WINDOWS}\n{BYE}", digest_line(digest)))
    };
    let (one, two) = (named("one", GOOD), named("two", OTHER));
    let second = format!("vm2={two}");
    place.run(&one, &["--fresh", "--engine", &second]).ends(6, &["vm2 differs from vm1: digest 0 of thread 0 differs"]);
    let (three, four) = (place.engine("three", 1_000_000, GOOD), place.engine("four", 1_000_000, OTHER));
    place.run(&three, &["--fresh", "--engine", &format!("vm2={four}")]).ends(0, &["vm1", "vm2"]);
}

#[test]
fn engines_that_are_none_are_usage_errors() {
    let place = Place::new();
    let vm = place.engine("vm", 1_000_000, GOOD);
    let run = |engine: &str| place.bench(&["run", "bank", "--engine", engine, "--smoke"]);
    run("no-such-engine").ends(2, &["NAME=COMMAND"]);
    run("x=no-such-program").ends(2, &["there is no program `no-such-program`"]);
    run(&format!("vm={vm}")).ends(2, &["`vm` is a mode of zx-bench"]);
    run(&format!("x={vm} {{workloda}}")).ends(2, &["did you mean `workload`?"]);
    run("x={program} {workload}").ends(2, &["`gate --base` and `--head`"]);
    place.run(&vm, &["--engine", &format!("vm1={vm}")]).ends(2, &["two engines are named `vm1`"]);
    place.run(&vm, &["--modes", "vm"]).ends(2, &["no workload `bank`"]);
    place.run(&vm, &["--param", "novalue"]).ends(2, &["name=value"]);
}

#[test]
fn a_vm_of_ones_own_is_gated_with_two_lines() {
    let place = Place::new();
    place.engine("old", 1_000_000, GOOD);
    place.engine("new", 1_300_000, GOOD);
    place.engine("same", 1_000_001, GOOD);
    place.engine("wrong", 1_000_001, OTHER);
    let gate = |base: &str, head: &str, more: &[&str]| {
        let (base, head) = (format!("base=./{base} {{workload}}"), format!("head=./{head} {{workload}}"));
        let mut arguments = vec!["gate", "bank", "--engine", &*base, "--engine", &*head, "--floor", "tps=5%"];
        arguments.extend(["--pairs", "8", "--max-pairs", "8"]);
        arguments.extend(more);
        place.bench(&arguments)
    };
    // The control is really measured: on a busy machine it may trip, which is no fault of the engines.
    let or_control = |said: &Said, status: i32, verdict: &str| {
        let all = String::from_utf8_lossy(&said.0.stdout).into_owned();
        assert!(
            all.contains("the control") || (all.contains(verdict) && said.0.status.code() == Some(status)),
            "{all}"
        );
    };
    or_control(&gate("old", "new", &[]), 3, "verdict=fail worst=bank/head/1 -23");
    or_control(&gate("old", "same", &[]), 0, "verdict=pass worst=bank/head/1");
    gate("old", "old", &[]).ends(0, &["verdict=pass worst=none", "not measured"]);
    gate("old", "wrong", &["--same-output"]).ends(6, &["output: fail"]);
    // One command, two programs.
    let one = |more: &[&str]| {
        let mut arguments =
            vec!["gate", "bank", "--engine", "vm1={program} {workload}", "--pairs", "8", "--max-pairs", "8"];
        arguments.extend(more);
        place.bench(&arguments)
    };
    or_control(&one(&["--base", "old", "--head", "new", "--floor", "5%"]), 3, "verdict=fail worst=bank/vm1/1 -23");
    one(&["--base", "old"]).ends(2, &["takes two of them"]);
    one(&["--base", "old", "--head", "nothing-here"]).ends(2, &["there is no program `nothing-here`"]);
    let crash = place.script("crash", &format!("{HELLO}\nkill -SEGV $$"));
    gate("crash", "old", &[]).ends(5, &["the reference run of the base", "SIGSEGV"]);
    gate("old", "crash", &[]).ends(1, &["the reference run of the head", "SIGSEGV"]);
    drop(crash);
    place.bench(&["gate", "--engine", "a=./old", "--engine", "b=./new"]).ends(2, &["name what the engines should run"]);
}
