//! The command line of block workloads: recorded traces, the stages of a transaction's life, and workloads that break the rules.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

const COUNTS: &str = r#"// Counts.
config.bench_most = 5
contract Counter {
    data counts = {}
    action add(who, n) { counts[who] = (counts[who] ?? 0) + n }
}
let counter = Counter()
let most = config.bench_most
action setup(accounts) { for each who in accounts { counter.add(who, 1) } }
action generate(rng) { return {"caller": rng.account(), "n": rng.int(1, most)} }
action transaction(tx) { counter.add(TX.caller, tx["n"]) }
action verify() { require(counter.counts["acct_0"] > 0, "lost") }
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

    fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).expect("written");
    }

    fn bench(&self, arguments: &[&str]) -> Said {
        let mut command = Command::cargo_bin("zx-bench").expect("built");
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        Said(command.output().expect("it starts"))
    }

    /// A smoke run of `w.zx` on 20 accounts in blocks of 30.
    fn smoke(&self, more: &[&str]) -> Said {
        let mut arguments = vec!["run", "w.zx", "--smoke", "--threads", "1", "--accounts", "20", "--block", "30"];
        arguments.extend(more);
        self.bench(&arguments)
    }
}

struct Said(Output);

impl Said {
    #[track_caller]
    fn ends(&self, status: i32, fragments: &[&str]) -> String {
        let all = String::from_utf8_lossy(&self.0.stdout) + String::from_utf8_lossy(&self.0.stderr);
        assert_eq!(self.0.status.code(), Some(status), "{all}");
        for fragment in fragments {
            assert!(all.contains(fragment), "`{fragment}` is missing in:\n{all}");
        }
        assert!(!all.contains("panicked"), "{all}");
        all.into_owned()
    }
}

#[test]
fn a_recorded_trace_is_replayed_with_its_parameters() {
    let place = Place::new();
    place.file("w.zx", COUNTS);
    place.smoke(&["--record", "t.trace", "--blocks", "3", "--param", "most=9"]).ends(0, &["agrees: vm"]);
    let first = fs::read(place.path("t.trace")).expect("recorded");
    place
        .bench(&["run", "w.zx", "--smoke", "--threads", "1,2", "--replay", "t.trace"])
        .ends(0, &["agrees: vm, 2 threads"]);
    let plan = place.bench(&["run", "w.zx", "--plan", "--replay", "t.trace"]);
    plan.ends(0, &["accounts=20;block=30", "most=9"]);
    place.smoke(&["--record", "t.trace", "--blocks", "3", "--param", "most=9"]).ends(0, &[]);
    assert_eq!(first, fs::read(place.path("t.trace")).expect("recorded"), "the same stream is the same bytes");
    let quick = ["run", "w.zx", "--quick", "--max-time", "6s", "--threads", "1", "--replay", "t.trace", "--out", "out"];
    place.bench(&quick).ends(0, &["vm"]);
    let plan = fs::read_to_string(place.path("out/plan.json")).expect("written");
    assert!(plan.contains("\"trace\": \""), "{plan}");
}

#[test]
fn the_replayed_blocks_are_those_of_the_file() {
    // One byte of a transaction, with every checksum behind it made right again, changes the results.
    let place = Place::new();
    place.file("w.zx", COUNTS);
    place.smoke(&["--record", "a.trace", "--blocks", "1"]).ends(0, &[]);
    place.smoke(&["--record", "b.trace", "--blocks", "1", "--seed", "7"]).ends(0, &[]);
    let digest = |trace: &str, out: &str| {
        let run = ["run", "w.zx", "--quick", "--max-time", "6s", "--modes", "vm", "--threads", "1", "--no-latency"];
        place.bench(&[&run[..], &["--replay", trace, "--out", out]].concat()).ends(0, &[]);
        fs::read_to_string(place.path(out).join("plan.json")).expect("written")
    };
    assert_ne!(digest("a.trace", "a"), digest("b.trace", "b"));
}

#[test]
fn traces_that_do_not_fit_are_refused() {
    let place = Place::new();
    place.file("w.zx", COUNTS);
    place.smoke(&["--record", "t.trace", "--blocks", "2"]).ends(0, &[]);
    place.smoke(&["--replay", "t.trace", "--param", "most=6"]).ends(2, &["recorded with", "asks for most=6"]);
    place.smoke(&["--replay", "t.trace", "--seed", "43"]).ends(2, &["asks for seed=43"]);
    place.smoke(&["--replay", "t.trace", "--blocks", "3"]).ends(2, &["t.trace has 2 blocks"]);
    place.smoke(&["--replay", "t.trace", "--record", "u.trace"]).ends(2, &["cannot be used with"]);
    place.smoke(&["--replay", "none.trace"]).ends(2, &["cannot read the trace none.trace"]);
    place.smoke(&["--replay", "w.zx"]).ends(2, &["w.zx is no trace"]);
    place.smoke(&["--record", "no/such/t.trace"]).ends(2, &["cannot write the trace"]);
    let whole = fs::read(place.path("t.trace")).expect("recorded");
    place.file("t.trace", &whole[..whole.len() - 100]);
    place.smoke(&["--replay", "t.trace"]).ends(2, &["t.trace is truncated"]);
    let mut damaged = whole.clone();
    let at = whole.len() - 200;
    damaged[at] ^= 1;
    place.file("t.trace", &damaged);
    place.smoke(&["--replay", "t.trace"]).ends(2, &["t.trace is damaged at block 1"]);
    let mut newer = whole.clone();
    newer[8] = 9;
    place.file("t.trace", &newer);
    place.smoke(&["--replay", "t.trace"]).ends(2, &["has version 9 of the layout"]);
    place.file("t.trace", &whole);
    place.file("w.zx", COUNTS.replace("rng.int(1,", "rng.int(2,"));
    place.smoke(&["--replay", "t.trace"]).ends(2, &["another version of `w`"]);
    place.file("v.zx", COUNTS.replace("lost", "gone"));
    place.bench(&["run", "v.zx", "--smoke", "--replay", "t.trace"]).ends(2, &["from the workload `w`, this is `v`"]);
    place.file("s.zx", "action transfer() { return 1 }\ntransfer()\n");
    place.bench(&["run", "s.zx", "--smoke", "--record", "s.trace"]).ends(2, &["this is a script"]);
}

#[test]
fn a_recording_that_fails_leaves_no_file() {
    let place = Place::new();
    place.file("w.zx", COUNTS.replace("\"n\": rng.int(1, most)", "\"n\": (x) => x"));
    place.smoke(&["--record", "t.trace", "--blocks", "1"]).ends(1, &["recording a trace", "plain values"]);
    place.file("w.zx", COUNTS.replace("rng.int(1, most)", "rng.int(9, 1)"));
    place.smoke(&["--record", "t.trace", "--blocks", "1"]).ends(1, &["recording a trace", "lo <= hi"]);
    assert!(!place.path("t.trace").exists() && !place.path("t.trace.partial").exists());
}

#[test]
fn every_stage_agrees_and_is_timed_for_itself() {
    let place = Place::new();
    place.file("w.zx", COUNTS);
    for scheme in ["ed25519", "ed25519-batch", "secp256k1"] {
        place.smoke(&["--signatures", scheme]).ends(0, &["agrees: vm"]);
    }
    place.smoke(&["--signatures", "none", "--nonces", "--fees", "shared"]).ends(0, &["agrees: adaptive"]);
    let quick = ["run", "w.zx", "--quick", "--max-time", "20s", "--threads", "1,2", "--modes", "interpreter,vm"];
    let stages = ["--block", "20", "--signatures", "ed25519-batch", "--nonces", "--fees", "shared", "--no-latency"];
    place.bench(&[&quick[..], &stages, &["--out", "out"]].concat()).ends(0, &["vm", "signatures=ed25519-batch"]);
    let samples = fs::read_to_string(place.path("out/samples.csv")).expect("written");
    for metric in [",sig_ns,", ",nonce_ns,", ",fee_ns,", ",root_ns,", ",tps_full,"] {
        assert!(samples.contains(metric), "{metric}");
    }
    let summary = fs::read_to_string(place.path("out/summary.csv")).expect("written");
    let mut rows = csv::Reader::from_reader(summary.as_bytes());
    let column = rows.headers().expect("a header").iter().position(|name| name == "sig_ns_per_tx").expect("there");
    for row in rows.records() {
        let sig_ns: f64 = row.expect("a row")[column].parse().expect("a number");
        assert!(sig_ns > 1000.0, "no signature is checked in {sig_ns} ns");
    }
    let read = |name: &str| fs::read_to_string(place.path("out").join(name)).expect("written");
    let stack = read("charts/stages.svg");
    for part in ["execution", "state root", "signatures", "nonces", "fees"] {
        assert!(stack.contains(part), "{part} is not in the stack");
    }
    assert!(read("report.html").contains("What does each stage of a transaction cost?"));
}

#[test]
fn each_kind_of_transaction_has_its_costs() {
    let place = Place::new();
    let two_kinds = COUNTS
        .replace("return {\"caller\"", "return {\"op\": rng.chance(0.5) ? \"one\" : \"none\", \"caller\"")
        .replace("{ counter.add(TX", "{ if tx[\"op\"] == \"none\" { return 0 }\n counter.add(TX");
    place.file("w.zx", two_kinds);
    let quick = ["run", "w.zx", "--quick", "--max-time", "6s", "--threads", "1", "--modes", "vm", "--no-latency"];
    place.bench(&[&quick[..], &["--block", "50", "--out", "out"]].concat()).ends(0, &[]);
    let actions = fs::read_to_string(place.path("out/actions.csv")).expect("written");
    let mut rows = csv::Reader::from_reader(actions.as_bytes());
    let header = rows.headers().expect("a header").clone();
    let column = |name: &str| header.iter().position(|have| have == name).expect("a column");
    let rows: Vec<_> = rows.records().map(|row| row.expect("a row")).collect();
    let kinds: Vec<&str> = rows.iter().map(|row| &row[column("action")]).collect();
    assert_eq!(kinds, ["none", "one"]);
    let number = |row: usize, name: &str| rows[row][column(name)].parse::<f64>().expect("a number");
    assert_eq!((number(0, "writes_mean"), number(1, "writes_mean")), (0.0, 1.0), "{actions}");
    assert!(number(1, "gas_median") > number(0, "gas_median"), "{actions}");
    assert_eq!(number(0, "transactions") + number(1, "transactions"), 10_000.0);
    assert_eq!(number(1, "transactions"), number(1, "committed"));
    let page = fs::read_to_string(place.path("out/report.html")).expect("written");
    assert!(page.contains("What does each kind of transaction cost?") && page.contains("storage writes"));
}

#[test]
fn what_is_switched_off_leaves_no_rows() {
    let place = Place::new();
    place.file("w.zx", COUNTS);
    let quick = ["run", "w.zx", "--quick", "--max-time", "6s", "--threads", "1", "--modes", "vm", "--no-latency"];
    place.bench(&[&quick[..], &["--fees", "none", "--out", "out"]].concat()).ends(0, &[]);
    let samples = fs::read_to_string(place.path("out/samples.csv")).expect("written");
    for metric in ["sig_ns", "nonce_ns", "fee_ns", "signatures"] {
        assert!(!samples.contains(metric), "{metric}");
    }
}

#[test]
fn stages_that_cannot_be_are_refused() {
    let place = Place::new();
    place.file("w.zx", COUNTS);
    place.smoke(&["--signatures", "rsa"]).ends(2, &["one of none, ed25519"]);
    place.smoke(&["--fees", "some"]).ends(2, &["shared"]);
    place.file("s.zx", "action transfer() { return 1 }\ntransfer()\n");
    place.bench(&["run", "s.zx", "--smoke", "--nonces"]).ends(2, &["--nonces is for block workloads"]);
    place.file("w.zx", COUNTS.replace("\"caller\"", "\"who\""));
    place.smoke(&["--nonces"]).ends(1, &["a transaction without a sender"]);
    place.file("w.zx", COUNTS.replace("bench_most", "bench_fees"));
    place.smoke(&[]).ends(2, &["`config.bench_fees` is a name of the harness's own"]);
}

#[test]
fn a_trace_is_replayed_with_other_stages() {
    let place = Place::new();
    place.file("w.zx", COUNTS);
    place.smoke(&["--record", "t.trace", "--blocks", "2"]).ends(0, &[]);
    let replay = ["run", "w.zx", "--smoke", "--threads", "1", "--replay", "t.trace", "--signatures", "ed25519"];
    place.bench(&[&replay[..], &["--nonces"]].concat()).ends(0, &["agrees: vm"]);
}

#[test]
fn a_transaction_that_breaks_the_rules_ends_the_run() {
    let place = Place::new();
    let ended_with = |line: &str, said: &str| {
        place.file("w.zx", COUNTS.replace("counter.add(TX.caller, tx[\"n\"]) }", &format!("{line} }}")));
        place.smoke(&[]).ends(1, &["the workload failed", "transaction 0 of the stream", said]);
    };
    ended_with("most = most + 1", "Global 'most' is read-only in a transaction");
    ended_with("tx[\"n\"] = 3", "This map is read-only in a transaction");
    ended_with("config.jit_threshold = 3", "config is read-only in a transaction");
    ended_with("return file_read_text(\"w.zx\")", "file_read_text() is not available in a block transaction");
    ended_with("return file_exists(\"w.zx\")", "file_exists() is not available in a block transaction");
    ended_with("return input()", "input() is not available in a block transaction");
    // Caught, it is the program's own affair.
    place.file("w.zx", COUNTS.replace("{ counter.add(TX", "{ try { most = 9 } catch (e) { }\n counter.add(TX"));
    place.smoke(&[]).ends(0, &["agrees: vm"]);
}

#[test]
fn results_that_break_the_invariant_have_no_tps() {
    let place = Place::new();
    place.file("w.zx", COUNTS.replace("counter.counts[\"acct_0\"] > 0", "false"));
    let run =
        ["run", "w.zx", "--max-time", "6s", "--processes", "1", "--threads", "1", "--modes", "vm", "--out", "out"];
    place.bench(&run).ends(6, &["WRONG RESULTS", "verify()", "lost"]);
    let summary = fs::read_to_string(place.path("out/summary.csv")).unwrap_or_default();
    let mut rows = csv::Reader::from_reader(summary.as_bytes());
    let column = rows.headers().expect("a header").iter().position(|name| name == "tps").unwrap_or(0);
    assert!(rows.records().all(|row| row.is_ok_and(|row| row[column].parse::<f64>().is_err())), "{summary}");
}

#[test]
fn parameters_out_of_range_are_usage_errors() {
    let place = Place::new();
    place.file("w.zx", COUNTS);
    let run = |more: &[&str]| place.bench(&[&["run", "w.zx", "--smoke", "--threads", "1"][..], more].concat());
    run(&["--block", "0"]).ends(2, &["`block` is 0; it must be from 1"]);
    run(&["--block=-1"]).ends(2, &["--block"]);
    run(&["--blocks", "0"]).ends(2, &["`blocks` is 0"]);
    run(&["--accounts", "99999999999"]).ends(2, &["`accounts` is 99999999999; it must be from 1 to 10000000"]);
    run(&["--accounts", "nan"]).ends(2, &["--accounts"]);
    run(&["--gas-limit", "0"]).ends(2, &["`gas_limit` is 0"]);
    run(&["--param", "most=nan"]).ends(2, &["a whole number"]);
    run(&["--param", "most=99999999999999999999"]).ends(2, &["a whole number"]);
    run(&["--param", "most=-1"]).ends(1, &["lo <= hi"]);
    run(&["--param", "work=-5"]).ends(2, &["`work` must be a whole number"]);
    run(&["--param", "work=999999999"]).ends(2, &["`work` is 999999999; it must be from 0"]);
    for skew in ["zipf:nan", "zipf:-1", "zipf:inf", "hot:2:1", "hot:0.1:nan", "zipf:1e9"] {
        run(&["--skew", skew]).ends(2, &["skew"]);
    }
}

#[test]
fn blocks_are_kept_in_a_store_and_timed_as_a_stage() {
    let place = Place::new();
    place.file("w.zx", COUNTS);
    place.smoke(&["--store", "redb:l.redb", "--modes", "vm"]).ends(0, &["agrees: vm"]);
    let first = place.bench(&["store", "l.redb"]).ends(0, &["block 0 root ", " leaves 21"]);
    place.smoke(&["--store", "redb:l.redb", "--modes", "interpreter"]).ends(0, &["agrees: interpreter"]);
    assert_eq!(place.bench(&["store", "l.redb"]).ends(0, &[]), first, "another tier keeps another state");
    let quick = ["run", "w.zx", "--quick", "--max-time", "10s", "--threads", "1,2", "--modes", "vm", "--no-latency"];
    let store = ["--accounts", "20", "--block", "30", "--store", "redb:l.redb", "--sync", "never", "--out", "out"];
    place.bench(&[&quick[..], &store].concat()).ends(0, &["store=redb sync=never"]);
    place.bench(&["store", "l.redb.1"]).ends(0, &["block ", " leaves 21"]);
    let summary = fs::read_to_string(place.path("out/summary.csv")).expect("written");
    let mut rows = csv::Reader::from_reader(summary.as_bytes());
    let header = rows.headers().expect("a header").clone();
    let column = |name: &str| header.iter().position(|have| have == name).expect("a column");
    for row in rows.records() {
        let row = row.expect("a row");
        let number = |name: &str| row[column(name)].parse::<f64>().expect("a number");
        assert!(number("store_ns_per_tx") > 100.0, "no commit is that fast: {summary}");
        assert!(number("tps_full") < number("tps"));
    }
    let stack = fs::read_to_string(place.path("out/charts/stages.svg")).expect("drawn");
    assert!(stack.lines().any(|line| line == "store"), "the store is not in the stack");
}

#[test]
fn stores_that_cannot_be_used_are_refused_before_anything_is_measured() {
    let place = Place::new();
    place.file("w.zx", COUNTS);
    place.smoke(&["--store", "redb:no/l.redb"]).ends(2, &["there is no folder no: make it, or name another file"]);
    // Nobody, not even root, makes files there.
    place.smoke(&["--store", "redb:/proc/l.redb"]).ends(2, &["nothing can be written to /proc"]);
    place.smoke(&["--store", "redb"]).ends(2, &["write redb:PATH"]);
    place.smoke(&["--store", "sqlite:l"]).ends(2, &["write memory, or redb:PATH"]);
    place.smoke(&["--sync", "never"]).ends(2, &["--store"]);
    place.smoke(&["--store", "memory"]).ends(0, &["agrees: vm"]);
    place.file("l.redb", "my own notes, and nothing else");
    place.smoke(&["--store", "redb:l.redb"]).ends(2, &["l.redb is not a ledger store: it was left as it is"]);
    assert_eq!(fs::read(place.path("l.redb")).expect("there"), b"my own notes, and nothing else");
    place.bench(&["store", "l.redb"]).ends(2, &["not a ledger store"]);
    place.bench(&["store", "none.redb"]).ends(2, &["No such file"]);
    fs::remove_file(place.path("l.redb")).expect("removed");
    place.smoke(&["--store", "redb:l.redb", "--modes", "vm"]).ends(0, &[]);
    let other = ["run", "w.zx", "--smoke", "--threads", "1", "--accounts", "21", "--store", "redb:l.redb"];
    place.bench(&other).ends(2, &["l.redb belongs to another workload, another version of it or other parameters"]);
    let bytes = fs::read(place.path("l.redb")).expect("there");
    fs::write(place.path("cut.redb"), &bytes[..bytes.len() / 2]).expect("written");
    place.smoke(&["--store", "redb:cut.redb"]).ends(2, &["cut.redb is damaged"]);
    place.bench(&["store", "cut.redb"]).ends(1, &["cut.redb is damaged"]);
    let sweep = ["sweep", "w.zx", "--param", "most=1,2", "--store", "redb:l.redb"];
    place.bench(&sweep).ends(2, &["a store belongs to one value of each parameter"]);
    let open = ["run", "w.zx", "--load", "open", "--rate", "1k", "--store", "redb:l.redb"];
    place.bench(&open).ends(2, &["--store is for the closed loop"]);
    place.file("s.zx", "action transfer() { return 1 }\ntransfer()\n");
    place.bench(&["run", "s.zx", "--smoke", "--store", "redb:s.redb"]).ends(2, &["--store is for block workloads"]);
}

#[test]
fn a_sweep_over_skew_or_accounts_draws_throughput_against_it() {
    let place = Place::new();
    place.file("w.zx", COUNTS);
    let sweep = |param: &str, out: &str| {
        let flags =
            ["sweep", "w.zx", "--processes", "1", "--max-time", "30s", "--no-latency", "--modes", "vm,interpreter"];
        place
            .bench(&[&flags[..], &["--block", "20", "--blocks", "12", "--param", param, "--out", out]].concat())
            .ends(0, &[out]);
        fs::read_to_string(place.path(&format!("{out}/report.html"))).expect("written")
    };
    assert!(sweep("skew=uniform,zipf:0.5,zipf:0.99", "s").contains("How does throughput go with how unevenly"));
    let points = fs::read_to_string(place.path("s/charts/tps-skew.csv")).expect("written");
    for point in ["vm", "interpreter", "0.5", "0.99"] {
        assert!(points.contains(point), "{point}: {points}");
    }
    assert!(sweep("accounts=2,200", "a").contains("How does throughput go with the number of accounts?"));
    let again = place.bench(&["report", "a"]);
    again.ends(0, &["accounts=200"]);
    assert!(place.path("a/charts/tps-accounts.png").exists());
}
