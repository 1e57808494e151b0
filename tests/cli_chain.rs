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
    let quick = ["run", "w.zx", "--quick", "--max-time", "2s", "--threads", "1", "--replay", "t.trace", "--out", "out"];
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
        let run = ["run", "w.zx", "--quick", "--max-time", "1s", "--modes", "vm", "--threads", "1", "--no-latency"];
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
