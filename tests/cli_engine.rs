//! Engines of somebody else: run, compared and gated, and what happens when one breaks the protocol, crashes, hangs or
//! does other work. Most engines are in shell and speak fixed figures.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod command;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use command::{Place, Said};

const GOOD: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const OTHER: &str = "1111111111111111111111111111111111111111111111111111111111111111";

impl Place {
    /// A runner whose windows of 1,000 transactions take so many nanoseconds, a little more or less by its process id.
    fn engine(&self, name: &str, ns: u64, digest: &str) -> String {
        let text = format!("{HELLO}\n{}\nns=$(({ns} + $$ % 97 * {ns} / 97000))\n{WINDOWS}\n{BYE}", digest_line(digest));
        self.script(name, &text)
    }

    /// A short run of one engine on a workload that it alone understands.
    fn engine_run(&self, command: &str, more: &[&str]) -> Said {
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
    place.engine_run(&vm, &[]).shows(0, &["vm1", "external", "33,000", "yes, 1"]);
    let summary = fs::read_to_string(place.path("out/summary.csv")).expect("there");
    let row = summary.lines().nth(1).expect("a row");
    assert!(row.starts_with("bank,seed=42,vm1,external,1,"), "{row}");
    assert!(place.path("out/charts/tps-threads.svg").exists() && place.path("out/report.html").exists());
    assert!(fs::read_to_string(place.path("out/plan.json")).expect("there").contains("program_blake3"));
    place.engine_run(&vm, &["--smoke", "--param", "x=1"]).shows(0, &["agrees: vm1"]);
    place.engine_run(&vm, &["--plan"]).shows(0, &["vm1, 1 thread, external"]);
}

#[test]
fn the_examples_agree_with_our_own_tiers() {
    let place = Place::new();
    let rust = format!("rust={} {{params}} {{threads}} {{process_ms}}", example("runner").display());
    let workload = from_root("workloads/transfer.zx");
    let mut arguments = vec!["run", &*workload, "--modes", "vm", "--engine", &rust, "--threads", "1,2"];
    arguments.extend(["--quick", "--max-time", "2s", "--param", "iterations=1000", "--no-latency"]);
    let python = format!("python=python3 {} {{params}} {{process_ms}}", from_root("examples/runner.py"));
    place.bench(&arguments).shows(0, &["rust", "external", "vm"]);
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("python3 is not on this machine: its example was not run");
        return;
    }
    arguments[6] = "--threads";
    arguments[7] = "1";
    arguments.extend(["--engine", &python]);
    place.bench(&arguments).shows(0, &["rust", "python", "vm", "yes, "]);
    // Other work is wrong work, even if it is done well.
    let other = python.replace("{params}", "iterations=999");
    *arguments.last_mut().expect("there") = &other;
    place.bench(&arguments).shows(1, &["the interpreter counted 1000 in a pass"]);
    let text = fs::read_to_string(from_root("examples/runner.py")).expect("there");
    let cheat = place.file("cheat.py", text.replace("+= 10", "+= 11"));
    let cheat = python.replace(&from_root("examples/runner.py"), &cheat.to_string_lossy());
    *arguments.last_mut().expect("there") = &cheat;
    let all = place.bench(&arguments).shows(6, &["WRONG RESULTS: python differs from the interpreter: digest 0"]);
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
        place.engine_run(&engine, &["--fresh"]).shows(1, fragments);
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
    place.engine_run(&vm, &[]).shows(1, &["did not answer within 6 s and was killed"]);
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
    place
        .engine_run(&changing, &[])
        .shows(6, &["WRONG RESULTS: vm1, 1 thread, external differs from the reference in pass 0"]);
    // Two engines that name one chain must agree; without a name they need not.
    let named = |name: &str, digest: &str| {
        let hello = HELLO.replace("\"engine\"", "\"chain\":\"balances\",\"engine\"");
        place.script(name, &format!("{hello}\n{}\nns=1000000\n{WINDOWS}\n{BYE}", digest_line(digest)))
    };
    let (one, two) = (named("one", GOOD), named("two", OTHER));
    let second = format!("vm2={two}");
    place
        .engine_run(&one, &["--fresh", "--engine", &second])
        .shows(6, &["vm2 differs from vm1: digest 0 of thread 0 differs"]);
    let (three, four) = (place.engine("three", 1_000_000, GOOD), place.engine("four", 1_000_000, OTHER));
    place.engine_run(&three, &["--fresh", "--engine", &format!("vm2={four}")]).shows(0, &["vm1", "vm2"]);
}

#[test]
fn engines_that_are_none_are_usage_errors() {
    let place = Place::new();
    let vm = place.engine("vm", 1_000_000, GOOD);
    let run = |engine: &str| place.bench(&["run", "bank", "--engine", engine, "--smoke"]);
    run("no-such-engine").shows(2, &["NAME=COMMAND"]);
    run("x=no-such-program").shows(2, &["there is no program `no-such-program`"]);
    run(&format!("vm={vm}")).shows(2, &["`vm` is a mode of zx-bench"]);
    run(&format!("x={vm} {{workloda}}")).shows(2, &["did you mean `workload`?"]);
    run("x={program} {workload}").shows(2, &["`gate --base` and `--head`"]);
    place.engine_run(&vm, &["--engine", &format!("vm1={vm}")]).shows(2, &["two engines are named `vm1`"]);
    place.engine_run(&vm, &["--modes", "vm"]).shows(2, &["no workload `bank`"]);
    place.engine_run(&vm, &["--param", "novalue"]).shows(2, &["name=value"]);
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
        let out = &said.out;
        assert!(out.contains("the control") || (out.contains(verdict) && said.status == Some(status)), "{out}");
    };
    or_control(&gate("old", "new", &[]), 3, "verdict=fail worst=bank/head/1 -23");
    or_control(&gate("old", "same", &[]), 0, "verdict=pass worst=bank/head/1");
    gate("old", "old", &[]).shows(0, &["verdict=pass worst=none", "not measured"]);
    gate("old", "wrong", &["--same-output"]).shows(6, &["output: fail"]);
    // One command, two programs.
    let one = |more: &[&str]| {
        let mut arguments =
            vec!["gate", "bank", "--engine", "vm1={program} {workload}", "--pairs", "8", "--max-pairs", "8"];
        arguments.extend(more);
        place.bench(&arguments)
    };
    or_control(&one(&["--base", "old", "--head", "new", "--floor", "5%"]), 3, "verdict=fail worst=bank/vm1/1 -23");
    one(&["--base", "old"]).shows(2, &["takes two of them"]);
    one(&["--base", "old", "--head", "nothing-here"]).shows(2, &["there is no program `nothing-here`"]);
    let crash = place.script("crash", &format!("{HELLO}\nkill -SEGV $$"));
    gate("crash", "old", &[]).shows(5, &["the reference run of the base", "SIGSEGV"]);
    gate("old", "crash", &[]).shows(1, &["the reference run of the head", "SIGSEGV"]);
    drop(crash);
    place
        .bench(&["gate", "--engine", "a=./old", "--engine", "b=./new"])
        .shows(2, &["name what the engines should run"]);
}
