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

/// (block, slot) of the rows that end a process, in file order.
fn ended(place: &Place, file: &str) -> Vec<(String, String)> {
    let (blocks, slots) = (place.column(file, "block"), place.column(file, "slot"));
    let rows = blocks.into_iter().zip(slots).zip(place.column(file, "metric"));
    rows.filter(|(_, metric)| metric == "wall_ns").map(|(slot, _)| slot).collect()
}

/// Starts a run, stops it by a signal once some processes are measured, tears its last line, and
/// goes on with it.
fn stopped_and_gone_on_with(signal: &str, out: &[&str]) {
    let place = Place::new();
    let flags = ["run", "w.zx", "--threads", "1", "--modes", "vm,interpreter", "--processes", "4", "--max-time", "6s"];
    let run = [&flags[..], out].concat();
    let mut child = place.command(&run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let folder = || -> Option<PathBuf> {
        let made = fs::read_dir(place.path("reports")).into_iter().flatten().flatten().map(|entry| entry.path());
        made.chain([place.path("out")]).find(|path| path.join("samples.csv").exists())
    };
    let text = || folder().and_then(|folder| fs::read_to_string(folder.join("samples.csv")).ok()).unwrap_or_default();
    let measured = |text: &str| text.lines().filter(|line| line.contains(",wall_ns,")).count();
    let begin = std::time::Instant::now();
    while measured(&text()) < 3 && begin.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    child.wait().expect("it ends");
    let before = text();
    assert!(measured(&before) >= 3, "{before}");
    let folder = folder().expect("a folder");
    fs::write(folder.join("samples.csv"), format!("{before}1,half a li")).expect("written");

    place.bench(&run).ends(0, &["going on with the run", "cut short", "vm"]);
    let plan: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("plan.json")).expect("there")).expect("JSON");
    let planned = plan["order"].as_array().expect("a list").len();
    let samples = folder.join("samples.csv");
    let all = ended(&place, samples.to_str().expect("UTF-8"));
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (planned, planned), "each process once");
    let after = text();
    let kept = before.lines().filter(|line| line.contains(",wall_ns,"));
    kept.for_each(|line| assert!(after.contains(line), "measured before, and gone: {line}"));

    let fresh = [&run[..], &["--fresh", "--smoke"]].concat();
    assert!(!place.bench(&fresh).err.contains("going on"));
    let env = fs::read_to_string(folder.join("env.json")).expect("there");
    let env: serde_json::Value = serde_json::from_str(&env).expect("JSON");
    assert_eq!(env["resumed_utc"].as_array().map(Vec::len), Some(1), "{env}");
    assert!(env["finished_utc"].is_string() && env["after"].is_object(), "{env}");
    assert!(env["code_blake3"]["vm"].is_string() && env["code_blake3"]["interpreter"].is_string(), "{env}");
}

#[test]
fn a_run_stopped_by_ctrl_c_is_gone_on_with() {
    stopped_and_gone_on_with("-INT", &["--out", "out"]);
}

#[test]
fn a_killed_run_is_gone_on_with() {
    stopped_and_gone_on_with("-KILL", &[]);
}

#[test]
fn settings_come_from_the_file_and_flags_win() {
    let place = Place::new();
    place.file("zx-bench.toml", "threads = [1]\n[run]\nprocesses = 7\nno-latency = true\n[param]\niterations = 50\n");
    place.bench(&["run", "w.zx", "--plan"]).ends(0, &["iterations=50", "3 cells, 7 processes each"]);
    let said = place.bench(&["run", "w.zx", "--plan", "--processes", "2", "--param", "iterations=60"]);
    said.ends(0, &["iterations=60", "3 cells, 2 processes each"]);
    place.file("other.toml", "[run]\nprocesess = 7\n");
    place
        .bench(&["run", "w.zx", "--plan", "--config", "other.toml"])
        .ends(2, &["other.toml", "did you mean `processes`?"]);
    place.bench(&["run", "w.zx", "--plan", "--config", "none.toml"]).ends(2, &["cannot read none.toml"]);
    place.file("zx-bench.toml", "max-time = [1, 2]\n");
    place.bench(&["run", "w.zx", "--plan"]).ends(2, &["`max-time` takes one value"]);
}

#[test]
fn init_writes_once_and_what_it_writes_is_read() {
    let place = Place::new();
    place.bench(&["init"]).ends(0, &["zx-bench.toml", ".github/workflows/zx-bench.yml"]);
    place.bench(&["run", "w.zx", "--plan"]).ends(0, &["5 processes each"]);
    place.file("zx-bench.toml", "quick = true\n");
    place.bench(&["init"]).ends(2, &["is there already", "--force"]);
    assert_eq!(place.read("zx-bench.toml"), "quick = true\n");
    place.bench(&["init", "--force"]).ends(0, &[]);
    assert!(place.read("zx-bench.toml").contains("[run]"));
    // Every key that stands there commented out is a real one.
    let live: String = place
        .read("zx-bench.toml")
        .lines()
        .map(|line| {
            let text = line.trim_start_matches("# ");
            let is_setting = text.contains(" = ") && !text.contains("config.") || text == "[param]";
            if is_setting { format!("{text}\n") } else { format!("{line}\n") }
        })
        .collect();
    place.file("zx-bench.toml", &live);
    place.bench(&["run", "w.zx", "--plan"]).ends(0, &["6 cells, 5 processes each", "iterations=10000"]);
}

#[test]
fn sweeps_hold_adaptive_against_fixed_thresholds() {
    let place = Place::new();
    let flags = ["sweep", "w.zx", "--processes", "1", "--max-time", "2s", "--no-latency"];
    place
        .bench(&[&flags[..], &["--threshold", "1,50", "--out", "t"]].concat())
        .ends(0, &["threshold", "regret", "adaptive, "]);
    assert_eq!(place.column("t/sweep.csv", "value"), ["1", "50", "adaptive"]);
    assert!(place.column("t/sweep.csv", "regret").iter().all(|share| !share.is_empty()));
    assert!(place.path("t/charts/sweep-threshold.svg").exists());
    let values = [&flags[..], &["--param", "iterations=20,40", "--modes", "vm", "--out", "p"]].concat();
    place.bench(&values).ends(0, &["iterations"]);
    assert_eq!(place.column("p/sweep.csv", "value"), ["20", "40"]);
    assert!(place.path("p/iterations=40/summary.csv").exists());
    assert!(place.path("p/charts/tps-iterations.png").exists());
    let page = std::fs::read_to_string(place.path("p/report.html")).expect("written");
    assert!(page.contains("Throughput against iterations"));
    place.bench(&flags).ends(2, &["nothing to sweep"]);
    place.bench(&[&flags[..], &["--threshold", "1", "--modes", "vm"]].concat()).ends(2, &["sets the modes itself"]);
}

#[test]
fn doctor_says_what_it_can_resolve() {
    let place = Place::new();
    let said = place.bench(&["doctor", "--pairs", "4", "--format", "json"]);
    said.ends(0, &[]);
    let json: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(json["resolution"]["pairs"], 4);
    // A machine that is busy enough resolves nothing, and says so.
    let smallest = &json["resolution"]["smallest"];
    let nothing = smallest.is_null() && said.out.contains("a gate cannot tell losses under");
    assert!(nothing || smallest.as_f64().is_some_and(|share| share >= 0.0), "{json}");
    assert!(json["advice"].is_array() && json["loop_jitter"].is_number(), "{json}");
    place.bench(&["doctor", "--pairs", "4", "--require", "0%"]).ends(5, &["not 0.0%", "stop what else runs"]);
    place.bench(&["doctor", "--pairs", "3", "--require", "2%"]).ends(2, &["at least --pairs 4"]);
    place.bench(&["doctor", "--require", "soon"]).ends(2, &["not a percentage"]);
}

#[test]
fn a_ledger_shows_parts_and_marks_engines_that_are_not_whole() {
    let place = Place::new();
    let words = ["ledger", "b.zx", "--rounds", "1", "--process-ms", "20", "--out", "costs"];
    place.bench(&words).ends(0, &["dispatch", "gas", "journal", "overflow checks", "receipt", "native code"]);
    let (dropped, agreed) =
        (place.column("costs/cost-samples.csv", "dropped"), place.column("costs/cost-samples.csv", "agreed"));
    assert_eq!(dropped.len(), 7);
    for (dropped, agreed) in dropped.iter().zip(&agreed) {
        assert_eq!(dropped.is_empty(), !agreed.is_empty(), "an engine without {dropped} is no engine: {agreed}");
    }
    for file in ["costs/ledger.svg", "costs/ledger.png", "costs/ledger.csv", "costs/costs.csv", "costs/env.json"] {
        assert!(place.path(file).is_file(), "{file}");
    }
    // Nothing but the ledger makes such engines.
    place.bench(&["run", "b.zx", "--drop", "gas"]).ends(2, &[]);
    place.bench(&["ledger", "nowhere"]).ends(2, &["nowhere"]);
}

#[test]
fn lengths_compare_native_code_with_none() {
    let place = Place::new();
    let words = ["lengths", "b.zx", "w.zx", "--lengths", "10,200", "--pairs", "2", "--out", "ratios"];
    place.bench(&words).ends(0, &["| workload | 10 | 200 |", "| b |", "| w |"]);
    let ratios = place.column("ratios/ratios.csv", "ratio");
    assert_eq!(ratios.len(), 4);
    assert!(ratios.iter().all(|ratio| ratio.parse::<f64>().is_ok_and(|ratio| ratio > 0.0)), "{ratios:?}");
    assert!(place.path("ratios/lengths.svg").is_file() && place.path("ratios/lengths.png").is_file());
}
