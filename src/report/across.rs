//! One chart of several result folders: a figure against threads, skew, threshold or a parameter.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::charts::{Axis, Body, Chart, Lines, Point, ScaleKind, Series, slot_of_mode};
use super::folder::{ResultFolder, caption};
use super::records::{SAMPLES, SUMMARY, SummaryRow, read_rows};
use super::summary::speedup;

/// More series than this cannot be told apart.
pub const MOST_SERIES: usize = 12;
/// Values that span more than this factor are drawn on a logarithmic axis.
const LOG_FROM: f64 = 15.0;

/// A run as a chart needs it.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its folder's name.
    pub name: String,
    /// One row a cell.
    pub rows: Vec<SummaryRow>,
    /// `env.json`, if there is one that can be read.
    pub env: Option<Value>,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// `threads`, `threshold`, or the name of a parameter.
    pub x: String,
    /// One of [`FIGURES`].
    pub y: String,
    /// What has a line of its own: `mode`, `executor`, `threads`, `workload`, `run` or a parameter.
    pub by: String,
    /// In place of the title that says what is drawn.
    pub title: Option<String>,
}

/// A figure that can be drawn: its name, what it is, its unit.
type Figure = (&'static str, &'static str, &'static str);

/// The figures that can be drawn.
pub const FIGURES: [Figure; 7] = [
    ("tps", "Committed transactions per second", "tx/s"),
    ("tps_first", "Transactions per second of the first pass", "tx/s"),
    ("tps_full", "Transactions per second with root, store and signatures", "tx/s"),
    ("speedup", "Speedup over the interpreter", "×"),
    ("p50", "Latency, median", "ns"),
    ("p99", "Latency, 99th percentile", "ns"),
    ("p999", "Latency, 99.9th percentile", "ns"),
];

impl Run {
    /// Reads a folder: its samples, or the summary alone where that is all that was kept.
    pub fn load(path: &Path) -> Result<Self, String> {
        let name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
        if path.join(SAMPLES).exists() {
            let folder = ResultFolder::load(path).map_err(|e| e.to_string())?;
            return Ok(Self { name, rows: folder.summary().rows, env: folder.env });
        }
        if !path.join(SUMMARY).exists() {
            return Err(format!(
                "{} is not a result folder: it has neither {SAMPLES} nor {SUMMARY}; `zx-bench run` makes one",
                path.display()
            ));
        }
        let rows = read_rows(path.join(SUMMARY)).map_err(|e| e.to_string())?.rows;
        let env = std::fs::read_to_string(path.join("env.json")).ok();
        Ok(Self { name, rows, env: env.and_then(|text| serde_json::from_str(&text).ok()) })
    }

    /// Keeps the cells that have one of the values there: `mode`, `threads`, a parameter and so on.
    pub fn keep(&mut self, name: &str, values: &[String]) {
        let run = self.name.clone();
        self.rows.retain(|row| values.contains(&dimension(row, &run, name)));
    }
}

/// The result folders that a path stands for: itself, or those inside it, as a sweep leaves them.
pub fn folders_in(path: &Path) -> Vec<PathBuf> {
    let is_result = |path: &Path| path.join(SAMPLES).exists() || path.join(SUMMARY).exists();
    if is_result(path) {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let mut inside: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_result(path)).collect();
    inside.sort();
    if inside.is_empty() { vec![path.to_owned()] } else { inside }
}

/// A cell's point, and what tells its line from others.
struct Placed<'a> {
    row: &'a SummaryRow,
    run: &'a Run,
    point: Point,
}

/// The chart, or why there is none and what could be drawn instead.
pub fn chart_across(runs: &[Run], wanted: &Wanted) -> Result<Chart, String> {
    let names: Vec<&str> = FIGURES.iter().map(|f| f.0).collect();
    let figure = FIGURES.iter().find(|f| f.0 == wanted.y);
    let figure =
        figure.ok_or_else(|| format!("`{}` is not a figure that can be drawn: {}", wanted.y, names.join(", ")))?;
    known_dimension(runs, &wanted.by)?;
    let mut placed = Vec::new();
    let (mut on_axis, mut cells) = (0, 0);
    for run in runs {
        for row in &run.rows {
            cells += 1;
            let Some(x) = position(row, &wanted.x) else { continue };
            on_axis += 1;
            let Some((y, interval)) = value(row, &run.rows, &wanted.y) else { continue };
            placed.push(Placed { row, run, point: Point { x, y, interval } });
        }
    }
    if on_axis == 0 {
        return Err(no_axis(runs, &wanted.x));
    }
    if placed.is_empty() {
        return Err(no_figure(&wanted.y, on_axis));
    }
    let series = series_of(&placed, wanted)?;
    let axis = x_axis(&placed, wanted)?;
    let y_kind = kind(placed.iter().map(|p| p.point.y), ScaleKind::FromZero);
    let title = wanted.title.clone().unwrap_or_else(|| format!("{} against {}", figure.1, wanted.x));
    let works: BTreeSet<&str> = placed.iter().map(|p| p.row.workload.as_str()).collect();
    let mut note = vec![works.into_iter().collect::<Vec<_>>().join(", ")];
    if placed.iter().any(|p| p.point.interval.is_some()) {
        note.push("bars: 95% interval over processes".to_owned());
    }
    if placed.len() < cells {
        note.push(format!("{} of {cells} cells have no such point", cells - placed.len()));
    }
    let is_speedup = wanted.y == "speedup";
    Ok(Chart {
        name: format!("{}-{}", wanted.y, wanted.x),
        title,
        subtitle: note.join(" · "),
        note: note[1..].join("; "),
        caption: captions(runs),
        warning: differences(runs),
        body: Body::Lines(Lines {
            x: axis,
            y: Axis::new(figure.1, figure.2, y_kind),
            series,
            marks: Vec::new(),
            reference: is_speedup.then_some(1.0),
            dashed: is_speedup.then(|| "the interpreter".to_owned()),
        }),
    })
}

/// Where a row stands on the axis.
fn position(row: &SummaryRow, x: &str) -> Option<f64> {
    match x {
        "threads" => Some(f64::from(row.threads)),
        "threshold" => row.mode.strip_prefix("fixed:")?.parse().ok(),
        "skew" => match row.params.get("skew")? {
            "uniform" => Some(0.0),
            skew => skew.strip_prefix("zipf:").or_else(|| skew.rsplit_once(':').map(|(_, p)| p))?.parse().ok(),
        },
        name => row.params.get(name)?.parse().ok(),
    }
    .filter(|x: &f64| x.is_finite())
}

fn value(row: &SummaryRow, rows: &[SummaryRow], y: &str) -> Option<(f64, Option<(f64, f64)>)> {
    let plain = |value: Option<f64>| value.map(|value| (value, None));
    let ns = |value: Option<u64>| plain(value.map(|ns| ns as f64));
    match y {
        "tps" => row.tps.map(|tps| (tps, row.tps_low.zip(row.tps_high))),
        "tps_first" => plain(row.tps_first),
        "tps_full" => plain(row.tps_full),
        "speedup" => speedup(row, rows),
        "p50" => ns(row.p50_ns),
        "p99" => ns(row.p99_ns),
        _ => ns(row.p999_ns),
    }
}

/// What a row is in one respect.
fn dimension(row: &SummaryRow, run: &str, name: &str) -> String {
    match name {
        "mode" => row.mode.clone(),
        "executor" => row.executor.clone(),
        "threads" => row.threads.to_string(),
        "workload" => row.workload.clone(),
        "run" => run.to_owned(),
        name => row.params.get(name).unwrap_or("-").to_owned(),
    }
}

fn parameters(runs: &[Run]) -> BTreeSet<&str> {
    runs.iter().flat_map(|run| &run.rows).flat_map(|row| row.params.iter().map(|(name, _)| name)).collect()
}

fn known_dimension(runs: &[Run], by: &str) -> Result<(), String> {
    let parameters = parameters(runs);
    if ["mode", "executor", "threads", "workload", "run"].contains(&by) || parameters.contains(by) {
        return Ok(());
    }
    let there: Vec<&str> = parameters.into_iter().collect();
    Err(format!(
        "--by {by}: these runs have no such thing; use mode, executor, threads, workload, run or a parameter ({})",
        there.join(", ")
    ))
}

/// Lines by what was asked for and by all else in which the cells differ: a line never joins
/// points of different work. The executor and the run come in only where a line would otherwise
/// have two points at one place.
fn series_of(placed: &[Placed<'_>], wanted: &Wanted) -> Result<Vec<Series>, String> {
    let is_threshold = wanted.x == "threshold";
    let own = |name: &&str| *name != wanted.x && *name != wanted.by && !(is_threshold && *name == "mode");
    let varies =
        |name: &&str| placed.iter().map(|p| dimension(p.row, &p.run.name, name)).collect::<BTreeSet<_>>().len() > 1;
    let parameters: BTreeSet<&str> = placed.iter().flat_map(|p| p.row.params.iter().map(|(name, _)| name)).collect();
    let all = ["workload", "mode", "threads"].into_iter().chain(parameters);
    let mut names: Vec<&str> = Vec::new();
    if !(is_threshold && wanted.by == "mode") {
        names.push(&wanted.by);
    }
    names.extend(all.filter(own).filter(varies));
    for more in ["executor", "run"] {
        if clashes(placed, &names) && !names.contains(&more) && varies(&more) {
            names.push(more);
        }
    }
    let mut groups: BTreeMap<Vec<String>, Vec<Point>> = BTreeMap::new();
    for p in placed {
        groups.entry(label_of(p, &names)).or_default().push(p.point);
    }
    if groups.len() > MOST_SERIES {
        return Err(format!(
            "that would be {} lines, which nobody can tell apart (at most {MOST_SERIES}): they differ in {}; \
             narrow them with --only, as in --only mode=vm",
            groups.len(),
            names.join(", ")
        ));
    }
    let mut free = 4..;
    let mut colours: Vec<usize> = Vec::new();
    for label in groups.keys() {
        let fixed = label.first().and_then(|name| slot_of_mode(name)).filter(|slot| !colours.contains(slot));
        colours.push(fixed.or_else(|| free.find(|slot| !colours.contains(slot))).unwrap_or(0));
    }
    let line = |((label, mut points), colour): ((Vec<String>, Vec<Point>), usize)| {
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        let named = label.iter().zip(&names).map(|(value, name)| spoken(name, value)).collect::<Vec<_>>();
        let name = if named.is_empty() { "fixed threshold".to_owned() } else { named.join(", ") };
        Series { name, colour, points, ideal: Vec::new() }
    };
    Ok(groups.into_iter().zip(colours).map(line).collect())
}

fn label_of(placed: &Placed<'_>, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| dimension(placed.row, &placed.run.name, name)).collect()
}

fn clashes(placed: &[Placed<'_>], names: &[&str]) -> bool {
    let mut seen = BTreeSet::new();
    placed.iter().any(|p| !seen.insert((label_of(p, names), p.point.x.to_bits())))
}

fn spoken(name: &str, value: &str) -> String {
    match name {
        "mode" | "executor" | "workload" | "run" => value.to_owned(),
        "threads" => format!("{value} thr."),
        name => format!("{name} {value}"),
    }
}

fn x_axis(placed: &[Placed<'_>], wanted: &Wanted) -> Result<Axis, String> {
    let ticks: BTreeSet<u64> = placed.iter().map(|p| p.point.x.to_bits()).collect();
    let ticks: Vec<f64> = ticks.into_iter().map(f64::from_bits).collect();
    let kind = if wanted.x == "threads" && ticks.iter().all(|x| *x <= 8.0) {
        ScaleKind::Linear
    } else {
        kind(ticks.iter().copied(), ScaleKind::Linear)
    };
    let (label, unit) = match wanted.x.as_str() {
        "threads" => ("Threads", "count"),
        "threshold" => ("Iterations or calls before code moves up", "count"),
        "skew" => skew_label(placed)?,
        "work" => ("Extra work a transaction", "iterations"),
        name => (name, "value"),
    };
    let mut axis = Axis::new(label, unit, kind);
    // Measured values as ticks, where they are few.
    axis.ticks = (ticks.len() <= 8).then_some(ticks);
    Ok(axis)
}

fn skew_label(placed: &[Placed<'_>]) -> Result<(&'static str, &'static str), String> {
    let form =
        |p: &Placed<'_>| p.row.params.get("skew").and_then(|s| s.split_once(':')).map(|(form, _)| form.to_owned());
    let forms: BTreeSet<String> = placed.iter().filter_map(form).collect();
    match forms.into_iter().collect::<Vec<_>>().as_slice() {
        [_, _, ..] => Err("--x skew: zipf and hot are not on one scale; narrow the runs with --only skew=VALUE".into()),
        [form] if form == "hot" => Ok(("Skew, 0 is uniform", "probability of a hot account")),
        _ => Ok(("Skew, 0 is uniform", "theta of zipf")),
    }
}

/// By factors when the values span many of them and are all positive.
fn kind(values: impl Iterator<Item = f64>, else_kind: ScaleKind) -> ScaleKind {
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    if low > 0.0 && high / low > LOG_FROM { ScaleKind::Log } else { else_kind }
}

fn no_axis(runs: &[Run], x: &str) -> String {
    let there: Vec<&str> = parameters(runs).into_iter().collect();
    match x {
        "threshold" => {
            "--x threshold: no cell has a mode fixed:N; `zx-bench sweep --threshold 1,10,100` measures them".into()
        }
        x => format!(
            "--x {x}: no cell of these runs has a number there; use threads, threshold or a parameter ({})",
            there.join(", ")
        ),
    }
}

fn no_figure(y: &str, cells: usize) -> String {
    let why = match y {
        "p50" | "p99" | "p999" => {
            "no latency was resolved: run without --no-latency, longer, or with more work a transaction"
        }
        "speedup" => "no interpreter was measured beside them: run with --modes interpreter and the others",
        "tps_full" => "no stage outside execution was measured",
        _ => "none agreed with the reference, or none was measured whole",
    };
    format!("--y {y}: none of the {cells} cells has this figure: {why}")
}

/// Machine and commit of each run, each once.
fn captions(runs: &[Run]) -> String {
    let of = |run: &Run| run.env.as_ref().map_or_else(|| format!("{}: machine unknown", run.name), caption);
    let mut texts: Vec<String> = Vec::new();
    for text in runs.iter().map(of) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let more = texts.len().saturating_sub(3);
    texts.truncate(3);
    let rest = if more > 0 { format!(" | and {more} more") } else { String::new() };
    texts.join(" | ") + &rest
}

/// In what the machines differ; none when they do not.
fn differences(runs: &[Run]) -> Option<String> {
    let text = |run: &Run, name: &str| match run.env.as_ref().and_then(|env| env.get(name)) {
        None | Some(Value::Null) => "unknown".to_owned(),
        Some(value) => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    };
    let differ = |name: &str| {
        let values: BTreeSet<String> = runs.iter().map(|run| text(run, name)).collect();
        (values.len() > 1)
            .then(|| format!("{} ({})", name.replace('_', " "), values.into_iter().collect::<Vec<_>>().join(", ")))
    };
    let found: Vec<String> =
        ["cpu_model", "cores", "kernel", "governor", "profile"].into_iter().filter_map(differ).collect();
    (!found.is_empty()).then(|| format!("The runs are not of one machine: {}", found.join("; ")))
}

#[cfg(test)]
mod tests;
