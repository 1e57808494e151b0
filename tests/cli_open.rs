//! Open load as a user meets it. Nothing here asserts a time: schedules and what is counted are tested with clocks of
//! their own, beside the code.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod command;

use command::Place;

const BLOCK: &str = r#"// Counts, and refuses every fifth.
contract Counter {
    data counts = {}
    action add(who, n) { counts[who] = (counts[who] ?? 0) + n }
}
let counter = Counter()
action setup(accounts) { counter.add("setup", len(accounts)) }
action generate(rng) { return {"caller": rng.account(), "n": rng.index() % 5} }
action transaction(tx) {
    require(tx["n"] > 0, "nothing to add")
    counter.add(TX.caller, tx["n"])
}
"#;

const SCRIPT: &str = "action transfer(n) { return n }\nfor each n in range(10) { transfer(n) }\n";

/// Column values of the rows of a CSV file.
fn rows(place: &Place, file: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(place.folder.path().join(file)).expect("a CSV file");
    let header = reader.headers().expect("a header").clone();
    let at: Vec<usize> = columns
        .iter()
        .map(|name| header.iter().position(|column| column == *name).unwrap_or_else(|| panic!("no column {name}")))
        .collect();
    reader.records().map(|row| row.expect("a row")).map(|row| at.iter().map(|&i| row[i].to_owned()).collect()).collect()
}

#[test]
fn each_rate_is_a_row_with_its_latencies_proven_like_any_other() {
    let place = Place::new();
    place.file("b.zx", BLOCK);
    let flags =
        ["--modes", "interpreter,vm", "--threads", "1,2", "--processes", "3", "--max-time", "5s", "--block", "100"];
    let open = ["--load", "open", "--rate", "0.3x,0.6x,20k", "--arrivals", "constant", "--out", "o"];
    let run = place.bench(&[&["run", "b.zx"][..], &flags, &open].concat());
    run.shows(0, &["open load", "offered (tx/s)", "keeps up", "tx an arrival"]);
    let summary = rows(&place, "o/summary.csv", &["params", "mode", "threads", "tps", "agreed", "reverted", "warmup"]);
    assert_eq!(summary.len(), 2 * 2 * 3, "modes, threads, rates");
    for row in &summary {
        assert!(row[0].contains("arrivals=constant") && row[0].contains("load=open"), "{row:?}");
        assert!(!row[3].is_empty() && row[4] == "true" && row[6].is_empty(), "{row:?}");
    }
    assert_eq!(summary.iter().filter(|row| row[0].contains("rate=20000")).count(), 4);
    let samples = rows(&place, "o/samples.csv", &["metric", "value", "params", "threads"]);
    let of = |metric: &str| samples.iter().filter(|row| row[0] == metric).collect::<Vec<_>>();
    for metric in ["offered_tps", "served_tps", "closed_tps", "arrival_size", "latency_floor_ns", "queue_p50_ns"] {
        assert_eq!(of(metric).len(), 2 * 2 * 3 * 3, "{metric}: once a cell, rate and process");
    }
    assert_eq!(of("wall_ns").len(), 2 * 2 * 3, "once a process");
    for row in of("offered_tps").iter().filter(|row| row[2].contains("rate=20000")) {
        let offered: f64 = row[1].parse().expect("a number");
        assert!((offered - 20_000.0).abs() < 20.0, "the schedule is the rate's, whatever the machine does: {offered}");
    }
    for name in ["latency-rate.svg", "latency-rate.png", "latency-rate.csv"] {
        assert!(place.folder.path().join("o/charts").join(name).exists(), "{name}");
    }
    for series in ["response", "service", "queue"] {
        let path = place.folder.path().join(format!("o/hdr/vm-sharded-2-p0-{series}.hlog"));
        let log = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for rate in ["0.3x", "0.6x", "20000"] {
            assert!(log.contains(&format!("Tag={rate},")), "{rate} in {log}");
        }
    }
    let page = std::fs::read_to_string(place.folder.path().join("o/report.html")).expect("a page");
    assert!(page.contains("which rate is too much?") && !page.contains("Fastest:"));
    let plan = std::fs::read_to_string(place.folder.path().join("o/plan.json")).expect("a plan");
    assert!(plan.contains("\"0.3x\"") && plan.contains("\"constant\""), "{plan}");
    let json = place.bench(&["report", "o", "--format", "json"]);
    json.shows(0, &["\"response_ns\"", "\"queue_ns\""]);
}

#[test]
fn the_plan_has_open_processes_and_no_others() {
    let place = Place::new();
    place.file("b.zx", BLOCK);
    let plan = place.bench(&["run", "b.zx", "--load", "open", "--plan"]);
    plan.shows(0, &[" open "]);
    assert!(!plan.out.contains("probe") && !plan.out.contains("measure"), "{plan:?}");
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let place = Place::new();
    place.file("b.zx", BLOCK);
    place.file("s.zx", SCRIPT);
    for (arguments, fragment) in [
        (&["run", "s.zx", "--load", "open"][..], "--load open is for block workloads"),
        (&["run", "b.zx", "--rate", "1k"], "are for --load open"),
        (&["run", "b.zx", "--load", "closed", "--arrivals", "poisson"], "are for --load open"),
        (&["run", "b.zx", "--load", "open", "--rate", "quick"], "250k"),
        (&["run", "b.zx", "--load", "open", "--rate", "1k,1000"], "has 1000 twice"),
        (&["run", "b.zx", "--load", "open", "--rate", "10"], "try --block"),
        (&["run", "b.zx", "--load", "open", "--engine", "x=true"], "times itself"),
        (&["sweep", "b.zx", "--load", "open", "--param", "block=1,2"], "is for `run`"),
    ] {
        place.bench(arguments).shows(2, &[fragment]);
    }
}

#[test]
fn blocks_that_are_over_before_the_last_rate_are_said() {
    let place = Place::new();
    place.file("b.zx", BLOCK);
    let flags =
        ["--modes", "vm", "--threads", "1", "--processes", "1", "--blocks", "4", "--max-time", "2s", "--out", "o"];
    let run = place.bench(&[&["run", "b.zx", "--load", "open", "--rate", "0.5x,0.6x"][..], &flags].concat());
    run.shows(1, &["the blocks were over", "--blocks"]);
}
