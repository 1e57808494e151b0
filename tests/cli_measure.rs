//! What a run of `zx-bench` leaves behind: latencies, resuming, configuration, sweeps. Nothing here asserts a time.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

/// Transactions of some microseconds, so that the clock resolves them.
const SLOW: &str = r"// Works.
config.bench_iterations = 200
action transfer(n) {
    let sum = 0
    let k = 0
    while k < 200 {
        sum = sum + k * n
        k = k + 1
    }
    return sum
}
let total = 0
let i = 0
while i < config.bench_iterations {
    total = total + transfer(i)
    i = i + 1
}
print(total)
";

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

struct Said {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        place.file("w.zx", SLOW);
        place.file("b.zx", BLOCK);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("zx-bench").expect("built");
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn bench(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Values of a column of a CSV file, by its name.
    fn column(&self, file: &str, name: &str) -> Vec<String> {
        let mut reader = csv::Reader::from_path(self.path(file)).expect("a CSV file");
        let at = reader.headers().expect("a header").iter().position(|column| column == name);
        let at = at.unwrap_or_else(|| panic!("no column {name} in {file}"));
        reader.records().map(|row| row.expect("a row")[at].to_owned()).collect()
    }
}

impl Said {
    #[track_caller]
    fn ends(&self, status: i32, fragments: &[&str]) -> &Self {
        let all = format!("{}{}", self.out, self.err);
        assert_eq!(self.status, Some(status), "{all}");
        for fragment in fragments {
            assert!(all.contains(fragment), "`{fragment}` is missing in:\n{all}");
        }
        assert!(!all.contains("panicked"), "{all}");
        self
    }
}

#[test]
fn latencies_come_from_probe_processes_of_their_own() {
    let place = Place::new();
    let flags = ["--threads", "1,2", "--modes", "interpreter,vm", "--processes", "1", "--max-time", "4s"];
    for (workload, out) in [("w.zx", "script"), ("b.zx", "block")] {
        let run = [&["run", workload, "--out", out][..], &flags].concat();
        place.bench(&run).ends(0, &["p99 (ns)"]);
        let phases = place.column(&format!("{out}/samples.csv"), "phase");
        let metrics = place.column(&format!("{out}/samples.csv"), "metric");
        let of_probes =
            |wanted: &str| phases.iter().zip(&metrics).filter(|(p, m)| *p == "probe" && *m == wanted).count();
        assert_eq!(of_probes("latency_floor_ns"), 4, "a probe a cell");
        assert_eq!(of_probes("timer_before_ns") + of_probes("timer_after_ns"), 8);
        assert!(phases.iter().zip(&metrics).all(|(p, m)| p != "probe" || m != "tps"), "probes give no throughput");
        assert!(place.column(&format!("{out}/summary.csv"), "latency_floor_ns").iter().all(|ns| !ns.is_empty()));
        for name in ["vm", "interpreter"] {
            let executor = if out == "script" { "sharded" } else { "sequential" };
            let log = place.read(&format!("{out}/hdr/{name}-{executor}-1-p0.hlog"));
            assert!(log.contains(&format!("Tag={name},")), "{log}");
        }
    }
    assert!(place.column("script/summary.csv", "p50_ns").iter().all(|ns| !ns.is_empty()), "microseconds are resolved");
    place.bench(&["run", "w.zx", "--plan", "--no-latency"]).ends(0, &[]);
    assert!(!place.bench(&["run", "w.zx", "--plan", "--no-latency"]).out.contains("probe"));
    assert!(place.bench(&["run", "w.zx", "--plan"]).out.contains("probe"));
}
