//! The regression gate as a user meets it. The two versions are runners in shell that speak the protocol with fixed
//! figures, so every verdict and exit status is reached without measuring anything but the control.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod command;

use std::fs;
use std::process::Command;

use command::{Place, Said, said};

const SCRIPT: &str = r#"// Moves money.
config.bench_iterations = 600
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
print(balances["b"])
"#;

/// A scratch folder with the workload.
fn with_workload() -> Place {
    let place = Place::new();
    place.file("w.zx", SCRIPT);
    place
}

impl Place {
    /// A runner whose windows take so many nanoseconds, with a digest of its own. The spread of 1 in 1,000 comes from
    /// its process id.
    fn runner(&self, name: &str, ns: u64, digest: &str) -> String {
        let text = format!(
            r#"case "$3" in *'"kind":"count"'*) echo '{{"type":"hello","protocol":1,"engine":"sh"}}'
for c in counted_gas counted_transactions allocations bytecode_bytes; do
echo "{{\"type\":\"counter\",\"name\":\"$c\",\"value\":{ns}}}"; done ;;
*) echo '{{"type":"hello","protocol":1,"engine":"sh"}}'
echo '{{"type":"counter","name":"tx_per_pass","value":600}}' ;; esac
echo '{{"type":"digest","index":0,"hex":"{digest}"}}'
ns=$(({ns} + $$ % 97 * {ns} / 97000))
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "{{\"type\":\"window\",\"n\":1000,\"ns\":$ns,\"at_ns\":$((i * ns))}}"; done
echo '{{"type":"bye"}}'"#
        );
        self.script(name, &text)
    }

    /// A gate of few pairs between two runners.
    fn gate(&self, base: &str, head: &str, more: &[&str]) -> Said {
        let mut arguments = vec!["gate", "w.zx", "--base", base, "--head", head, "--modes", "vm", "--pairs", "8"];
        arguments.extend(["--max-pairs", "8", "--floor", "tps=5%"]);
        arguments.extend(more);
        self.bench(&arguments)
    }
}

#[test]
fn a_slower_head_fails_and_the_records_say_so_again() {
    let place = with_workload();
    place.runner("fast", 1_000_000, "aa");
    place.runner("slow", 1_250_000, "aa");
    let summary = place.path("summary.md");
    let mut gate =
        place.bench_command(&["gate", "w.zx", "--base", "fast", "--head", "slow", "--modes", "vm", "--out", "out"]);
    gate.args(["--pairs", "8", "--max-pairs", "8", "--floor", "tps=5%"]).env("GITHUB_STEP_SUMMARY", &summary);
    let said = said(&mut gate);
    let all = said.shows(3, &["verdict=fail worst=w/vm/1 -20.", "second stage", "gas: differs, not gated"]);
    let last = said.out.trim_end().lines().last().map(str::to_owned);
    assert!(last.is_some_and(|line| line.starts_with("verdict=fail")), "{all}");
    for name in ["samples.csv", "plan.json", "env.json", "verdict.json", "verdict.txt", "comment.md", "junit.xml"] {
        assert!(place.path("out").join(name).exists(), "{name}");
    }
    assert!(fs::read_to_string(&summary).expect("there").contains("### zx-bench gate: FAIL"));
    assert!(fs::read_to_string(place.path("out/junit.xml")).expect("there").contains("<failure"));
    let samples = fs::read_to_string(place.path("out/samples.csv")).expect("there");
    for arm in ["base", "head", "null", "control"] {
        assert!(samples.contains(&format!(",out,{arm},")), "{arm}");
    }
    let again = place.bench(&["recheck", "out"]).shows(3, &["verdict=fail"]);
    let line = fs::read_to_string(place.path("out/verdict.txt")).expect("there");
    assert!(again.contains(line.trim_end()), "{again}");
    let touched = samples.replacen(",1000000", ",2000000", 0).replace(",head,", ",base,");
    fs::write(place.path("out/samples.csv"), touched).expect("written");
    place.bench(&["recheck", "out"]).shows(5, &["not the recorded verdict"]);
    place.bench(&["recheck", "."]).shows(2, &["samples.csv"]);
}

#[test]
fn equal_versions_pass_and_noise_is_inconclusive() {
    let place = with_workload();
    place.runner("one", 1_000_000, "aa");
    place.runner("two", 1_000_001, "aa");
    let quiet = place.gate("one", "two", &["--quiet"]);
    // The control is really measured: on a busy machine it may trip, which is no fault of the two versions.
    let all = &quiet.out;
    assert!(all.contains("verdict=pass") || all.contains("the control"), "{all}");
    assert_eq!(quiet.status, Some(0), "{all}");
    place.gate("one", "two", &["--max-time", "1ms"]).shows(0, &["verdict=inconclusive", "the time was over"]);
    place.gate("one", "two", &["--max-time", "1ms", "--inconclusive", "fail"]).shows(4, &["verdict=inconclusive"]);
}

#[test]
fn the_same_binary_passes_unmeasured_unless_asked() {
    let place = with_workload();
    place.runner("one", 1_000_000, "aa");
    place
        .gate("one", "one", &[])
        .shows(0, &["verdict=pass worst=none floor=5%", "not measured: base and head are the same"]);
    let measured = place.gate("one", "one", &["--measure-identical"]);
    measured.shows(0, &["worst=w/vm/1"]);
}

#[test]
fn output_and_gas_are_gated_on_request() {
    let place = with_workload();
    place.runner("one", 1_000_000, "aa");
    place.runner("other", 1_000_001, "bb");
    place.gate("one", "other", &["--gas-equal"]).shows(3, &["gas: fail"]);
    place.gate("one", "other", &["--same-output"]).shows(6, &["output: fail"]);
}

#[test]
fn two_versions_of_a_contract() {
    let place = with_workload();
    place.file(
        "dear.zx",
        SCRIPT
            .replace("balances[to] = balances[to] + amount", "let x = 1 + 1\n    balances[to] = balances[to] + amount"),
    );
    place.file("other.zx", SCRIPT.replace("print(balances", "print(1, balances"));
    let flags = ["--pairs", "4", "--max-pairs", "4", "--modes", "vm", "--max-time", "5s", "--gas-equal"];
    let gate = |old: &str, new: &str, more: &[&str]| {
        let mut arguments = vec!["gate", "--base-workload", old, "--head-workload", new];
        arguments.extend(flags);
        arguments.extend(more);
        place.bench(&arguments)
    };
    gate("w.zx", "w.zx", &[]).shows(0, &["verdict=pass worst=none", "not measured"]);
    gate("w.zx", "dear.zx", &[]).shows(3, &["gas: fail", "counted_gas", "output: pass"]);
    gate("w.zx", "other.zx", &["--same-output"]).shows(6, &["output: fail"]);
    place.file("few.zx", SCRIPT.replace("600", "601"));
    gate("w.zx", "few.zx", &[]).shows(5, &["other parameters"]);
    place.file("block.zx", "action generate(rng) { return {} }\naction transaction(tx) { return 1 }\n");
    gate("w.zx", "block.zx", &[]).shows(5, &["cannot be compared"]);
    place.bench(&["gate", "--base-workload", "w.zx"]).shows(2, &["--head-workload"]);
}

#[test]
fn a_base_that_is_no_base_is_told_clearly() {
    let place = with_workload();
    place.bench(&["gate", "w.zx"]).shows(2, &["nothing to compare with"]);
    place.bench(&["gate", "w.zx", "--base", "no-such-revision"]).shows(2, &["no file, no folder and no revision"]);
    place.runner("one", 1_000_000, "aa");
    place.script("mute", "exit 0");
    place.gate("mute", "one", &[]).shows(5, &["without a word of the runner protocol"]);
    place.script("newer", r#"echo '{"type":"hello","protocol":99,"engine":"x"}'"#);
    place.gate("newer", "one", &[]).shows(5, &["speaks protocol 99"]);
    place.file("plain", "not a program");
    place.gate("plain", "one", &[]).shows(5, &["cannot start"]);
    place.gate("one", "nowhere", &[]).shows(2, &["--head nowhere: there is no such file"]);
    place.gate("one", "one", &["--pairs", "7"]).shows(2, &[]);
    place.bench(&["gate", "w.zx", "--base", "one", "--pairs", "7"]).shows(2, &["must be even"]);
    place.bench(&["gate", "w.zx", "--base", "one", "--floor", "p99=2%"]).shows(2, &["tps=2%"]);
}

#[test]
fn a_base_that_does_not_build_is_not_comparable() {
    let place = with_workload();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@t"]).args(arguments).current_dir(place.folder.path());
        assert!(command.output().expect("git starts").status.success(), "git {arguments:?}");
    };
    git(&["init", "-q"]);
    place.file("Cargo.toml", "this is no manifest\n");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "broken"]);
    let mut gate = place.bench_command(&["gate", "w.zx", "--base", "HEAD", "--quiet"]);
    let said = said(gate.env_remove("CARGO_TARGET_DIR"));
    said.shows(5, &["does not build", "nothing to compare with"]);
    assert!(!place.path("target/gate/source").exists(), "the worktree is removed");
    place.file("w.zx", SCRIPT.replace("print(", "print(2, "));
    let flags = ["--pairs", "4", "--max-pairs", "4", "--modes", "vm", "--max-time", "4s", "--same-output"];
    let mut arguments = vec!["gate", "--base", "HEAD"];
    arguments.extend(flags);
    arguments.extend(["--", "w.zx"]);
    place.bench(&arguments).shows(6, &["output: fail"]);
    place.bench(&["gate", "--base", "HEAD", "--", "gone.zx"]).shows(2, &["is not in revision"]);
}

#[test]
fn counters_are_kept_compared_and_updated() {
    let place = with_workload();
    place.bench(&["gate", "--counters"]).shows(2, &["baseline update"]);
    place.bench(&["baseline", "update", "w.zx"]).shows(0, &["3 cells are in reports/baseline/counters.csv"]);
    place.file("workloads", "");
    let check = |status, fragments: &[&str]| place.bench(&["gate", "--counters", "w.zx"]).shows(status, fragments);
    check(0, &["verdict=pass counters=3 cells"]);
    let path = place.path("reports/baseline/counters.csv");
    let text = fs::read_to_string(&path).expect("there");
    let row = text.lines().find(|line| line.contains(",vm,")).expect("a row").to_owned();
    let fields: Vec<&str> = row.split(',').collect();
    let with = |column: usize, value: String| {
        let mut fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        fields[column] = value;
        fs::write(&path, text.replace(&row, &fields.join(","))).expect("written");
    };
    let number = |column: usize| fields[column].parse::<u64>().expect("a number");
    with(6, (number(6) - 1).to_string());
    check(3, &["gas must be equal", "verdict=fail"]);
    with(7, (number(7) - 1).to_string());
    check(3, &["VM operations"]);
    with(7, (number(7) + 1).to_string());
    check(0, &["changed for the better"]);
    with(8, (number(8) - 1).to_string());
    check(3, &["allocations"]);
    fs::write(&path, &text).expect("written");
    place.file("w.zx", format!("{SCRIPT}\n"));
    check(5, &["the workload's text changed", "verdict=inconclusive"]);
    place.bench(&["baseline", "update", "w.zx"]).shows(0, &["other work"]);
    check(0, &[]);
    fs::write(&path, "a,b\n1,2\n").expect("written");
    check(2, &["not a zx-bench file of this kind"]);
}

#[test]
fn gas_is_shown_and_checked() {
    let place = with_workload();
    let shown = place.bench(&["gas", "w.zx"]).shows(0, &["transfer", "600", "(top level)"]);
    assert!(shown.contains("median"), "{shown}");
    let csv = place.bench(&["gas", "w.zx", "--format", "csv"]);
    csv.shows(0, &["schema,workload,params,action,calls,gas_min"]);
    fs::write(place.path("gas.csv"), &csv.out).expect("written");
    place.bench(&["gas", "w.zx", "--check", "gas.csv"]).shows(0, &[]);
    place.file("w.zx", SCRIPT.replace("+ amount", "+ amount + 0"));
    place.bench(&["gas", "w.zx", "--check", "gas.csv"]).shows(3, &["gas changed", "transfer: 600 calls"]);
    place.bench(&["gas", "w.zx", "--check", "gas.csv", "--param", "iterations=5"]).shows(5, &["other parameters"]);
    place.bench(&["gas", "w.zx", "--check", "none.csv"]).shows(2, &["none.csv"]);
    place.bench(&["gas", "nothing.zx"]).shows(2, &["no workload"]);
}

#[test]
fn folders_are_compared_and_stored_bases_gated() {
    let place = with_workload();
    let run = |out: &str, more: &[&str]| {
        let mut arguments =
            vec!["run", "w.zx", "--modes", "vm", "--threads", "1", "--max-time", "2s", "--processes", "3"];
        arguments.extend(["--out", out]);
        arguments.extend(more);
        place.bench(&arguments).shows(0, &[]);
    };
    run("a", &[]);
    run("b", &[]);
    place.bench(&["compare", "a", "b"]).shows(0, &["w/vm/1", "B/A", "3 and 3"]);
    place.bench(&["compare", "a", "b", "--metric", "gas_per_tx"]).shows(0, &["1.000", "no difference shown"]);
    place.bench(&["compare", "a", "b", "--metric", "speed"]).shows(2, &["no metric `speed`"]);
    place.bench(&["compare", "a", "nowhere"]).shows(2, &["not a folder of results"]);
    run("c", &["--param", "iterations=700"]);
    place.bench(&["compare", "a", "c"]).shows(5, &["other work", "parameters", "--allow-different"]);
    place.bench(&["compare", "a", "c", "--allow-different"]).shows(0, &["other work", "w/vm/1"]);
    let gate = |base: &str| {
        place.bench(&[
            "gate",
            "w.zx",
            "--base",
            base,
            "--modes",
            "vm",
            "--pairs",
            "4",
            "--max-time",
            "2s",
            "--out",
            "g",
        ])
    };
    // The same machine: the verdict counts, and depends on what the machine did in between.
    let same = gate("a");
    let all = same.shows(same.status.filter(|code| [0, 3].contains(code)).unwrap_or(0), &["w/vm/1"]);
    assert!(all.contains("nothing is paired") && !all.contains("advisory"), "{all}");
    gate("c").shows(5, &["other work"]);
    let env = fs::read_to_string(place.path("a/env.json")).expect("there");
    fs::write(place.path("a/env.json"), env.replace("\"kernel\": \"", "\"kernel\": \"other-")).expect("written");
    gate("a").shows(0, &["advisory=true", "another machine"]);
    // A killed run, a folder of another version, a folder of something else.
    let samples = fs::read_to_string(place.path("b/samples.csv")).expect("there");
    fs::write(place.path("b/samples.csv"), &samples[..samples.len() - 9]).expect("written");
    place.bench(&["compare", "a", "b"]).shows(0, &["cut short"]);
    fs::write(place.path("b/samples.csv"), samples.replace("\n1,", "\n7,")).expect("written");
    place.bench(&["compare", "a", "b"]).shows(2, &["schema 7"]);
    fs::write(place.path("b/samples.csv"), "x,y\n1,2\n").expect("written");
    place.bench(&["compare", "a", "b"]).shows(2, &["not a zx-bench file of this kind"]);
    place
        .bench(&["run", "w.zx", "--quick", "--max-time", "1s", "--modes", "vm", "--threads", "1", "--out", "q"])
        .shows(0, &[]);
    gate("q").shows(5, &["--quick"]);
}

#[test]
fn the_gate_tries_itself_on_this_machine() {
    let place = with_workload();
    let gate = |more: &[&str]| {
        let mut arguments = vec!["gate", "--self-test", "w.zx", "--pairs", "4", "--max-pairs", "8"];
        arguments.extend(more);
        place.bench(&arguments)
    };
    // Whatever this machine shows while tests run is right: the series must be whole, and the figures follow from it.
    let said = gate(&["--budget", "12s", "--out", "out"]);
    let status = said.status.filter(|code| [0, 5].contains(code)).unwrap_or(0);
    let all = said.shows(status, &["the same build", "5% more time", "smallest loss detected", "false_alarms="]);
    let series = fs::read_to_string(place.path("out/self-test.csv")).expect("there");
    let rows: Vec<Vec<&str>> = series.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert!(rows.len() >= 10 && rows.len().is_multiple_of(10), "whole blocks: {all}");
    // The order of a block is mirrored, and what was added is in the figures: over all blocks, 10% takes more than none.
    for block in rows.chunks(10) {
        let arms: Vec<&str> = block.iter().map(|row| row[2]).collect();
        assert!(arms.iter().eq(arms.iter().rev()), "{arms:?}");
    }
    let log_of = |arm: &str| -> f64 {
        let of = rows.iter().filter(|row| row[2] == arm);
        of.map(|row| row[4].parse::<f64>().expect("a number").ln()).sum()
    };
    assert!(log_of("base").is_finite() && log_of("plus10").is_finite());
    assert!(fs::read_to_string(place.path("out/self-test.json")).expect("there").contains("\"added\": 0.05"));
    gate(&["--budget", "1s", "--require", "0.5%"]).shows(5, &["longer --budget", "require=0.5%"]);
    gate(&["--base", "x"]).shows(2, &["cannot be used with"]);
    gate(&["--modes", "vm,adaptive"]).shows(2, &["one mode"]);
    place.bench(&["gate", "w.zx", "--require", "5%"]).shows(2, &["--self-test"]);
}
