//! Charts of a result folder.

use std::collections::{BTreeMap, BTreeSet};

use super::theme::slot_of_mode;
use super::timeline;
use super::{Axis, Bar, Bars, Body, Chart, Lines, Mark, Point, ScaleKind, Series};
use crate::report::cells::{CellKey, Process, cells};
use crate::report::folder::ResultFolder;
use crate::report::latency;
use crate::report::metrics;
use crate::report::numbers::number;
use crate::report::open::{self, OpenPoint, is_open};
use crate::report::records::{Params, Phase, SummaryRow, TierRow};
use crate::report::summary::{ColdStart, Summary, speedup};
use crate::report::table::second_run;

/// Values that span more than this factor are drawn on a logarithmic axis.
const LOG_FROM: f64 = 15.0;
const INTERVAL_NOTE: &str = "bars: 95% interval over processes";

/// The charts of one workload with its parameters.
#[derive(Debug, Clone)]
pub struct WorkCharts<'a> {
    /// Workload name.
    pub workload: &'a str,
    /// Every parameter that changes the work.
    pub params: &'a Params,
    /// Every chart that the records have data for.
    pub charts: Vec<Chart>,
}

/// Every chart that the records have data for: over the parameters that vary, and one set a workload and its parameters.
pub fn charts_of(folder: &ResultFolder, summary: &Summary) -> Vec<Chart> {
    let of_works = charts_by_work(folder, summary).into_iter().flat_map(|work| work.charts);
    crate::report::varied::charts(folder, summary).into_iter().chain(of_works).collect()
}

/// The same, by workload and parameters.
pub fn charts_by_work<'a>(folder: &ResultFolder, summary: &'a Summary) -> Vec<WorkCharts<'a>> {
    let caption = folder.caption();
    let closed = summary.rows.iter().filter(|r| !is_open(&r.params)).map(|r| (r.workload.as_str(), &r.params));
    let rates = summary.open.iter().map(|p| (p.workload.as_str(), &p.params));
    let works: BTreeSet<(&str, &Params)> = closed.chain(rates).collect();
    let charts_of = |(i, work): (usize, &(&'a str, &'a Params))| {
        let rows: Vec<&SummaryRow> =
            summary.rows.iter().filter(|r| (r.workload.as_str(), &r.params) == *work).collect();
        let cold: Vec<&ColdStart> = summary.cold.iter().filter(|c| (c.workload.as_str(), &c.params) == *work).collect();
        let open: Vec<&OpenPoint> = summary.open.iter().filter(|p| (p.workload.as_str(), &p.params) == *work).collect();
        let bodies = [
            tps_against_threads(&rows),
            speedup_over_interpreter(&rows, &summary.rows),
            warmup_curve(folder, work),
            tier_timeline(folder, work),
            cold_start(&cold),
            stages(folder, &rows),
            latency::chart(&folder.path, &rows),
            open::chart(&open),
        ];
        let finished = |(mut chart, note): Drafted| {
            if works.len() > 1 {
                chart.name = format!("{}-{}-{}", chart.name, file_name(work.0), i + 1);
            }
            let params = if work.1.is_empty() { String::new() } else { format!(" ({})", spaced(work.1)) };
            let after = if note.is_empty() { String::new() } else { format!(" · {note}") };
            chart.subtitle = format!("{}{params}{after}", work.0);
            chart.note = note;
            chart.caption.clone_from(&caption);
            chart
        };
        let charts = bodies.into_iter().flatten().map(finished).collect();
        WorkCharts { workload: work.0, params: work.1, charts }
    };
    works.iter().enumerate().map(charts_of).collect()
}

/// A chart and what its subtitle says after the workload.
type Drafted = (Chart, String);

fn draft(name: &str, title: &str, note: &str, body: Body) -> Drafted {
    let chart = Chart {
        name: name.to_owned(),
        title: title.to_owned(),
        subtitle: String::new(),
        note: String::new(),
        caption: String::new(),
        warning: None,
        body,
    };
    (chart, note.to_owned())
}

fn spaced(params: &Params) -> String {
    params.iter().map(|(k, v)| format!("{k} {v}")).collect::<Vec<_>>().join(", ")
}

fn file_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect()
}

/// Slots for modes that have none of their own come after the four that have.
fn slots<'a>(modes: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let modes: BTreeSet<&str> = modes.collect();
    let mut next = 4..;
    modes.into_iter().filter_map(|mode| Some((mode, slot_of_mode(mode).or_else(|| next.next())?))).collect()
}

/// Series by mode; a mode with two executors at one thread count is told apart by them. Sequential
/// at one thread is the beginning of a parallel series, not a series of its own.
fn series_of<'a>(rows: &[&'a SummaryRow]) -> BTreeMap<String, Vec<&'a SummaryRow>> {
    let split = rows
        .iter()
        .any(|a| rows.iter().any(|b| a.mode == b.mode && a.threads == b.threads && a.executor != b.executor));
    let mut series: BTreeMap<String, Vec<&SummaryRow>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.tps.is_some()) {
        let name = if split { format!("{}, {}", row.mode, row.executor) } else { row.mode.clone() };
        series.entry(name).or_default().push(row);
    }
    for rows in series.values_mut() {
        rows.sort_by_key(|r| r.threads);
    }
    series
}

fn series_slots(series: &BTreeMap<String, Vec<&SummaryRow>>) -> BTreeMap<String, usize> {
    let split = series.keys().any(|name| name.contains(", "));
    if split {
        return series.keys().enumerate().map(|(i, name)| (name.clone(), i)).collect();
    }
    let slots = slots(series.keys().map(String::as_str));
    slots.into_iter().map(|(name, slot)| (name.to_owned(), slot)).collect()
}

fn threads_axis(rows: &[&SummaryRow]) -> Axis {
    let threads: BTreeSet<u32> = rows.iter().map(|r| r.threads).collect();
    let wide = threads.last() > Some(&8);
    let kind = if wide { ScaleKind::Log } else { ScaleKind::Linear };
    let mut axis = Axis::new("Threads", "count", kind);
    axis.ticks = Some(threads.into_iter().map(f64::from).collect());
    axis
}

/// By factors when the values span many of them, else from zero.
pub(in crate::report) fn by_span(values: impl Iterator<Item = f64>) -> ScaleKind {
    let (low, high) =
        values.filter(|v| *v > 0.0).fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    if high / low > LOG_FROM { ScaleKind::Log } else { ScaleKind::FromZero }
}

fn tps_against_threads(rows: &[&SummaryRow]) -> Option<Drafted> {
    let grouped = series_of(rows);
    if grouped.is_empty() {
        return None;
    }
    let slots = series_slots(&grouped);
    let axis = threads_axis(rows);
    let counts = axis.ticks.clone().unwrap_or_default();
    let mut series = Vec::new();
    for (name, rows) in &grouped {
        let points: Vec<Point> = rows
            .iter()
            .filter_map(|r| {
                let interval = r.tps_low.zip(r.tps_high);
                Some(Point { x: f64::from(r.threads), y: r.tps?, interval })
            })
            .collect();
        let one = points.iter().find(|p| p.x == 1.0).map(|p| p.y);
        let ideal = one
            .filter(|_| counts.len() > 1)
            .map_or_else(Vec::new, |one| counts.iter().map(|threads| (*threads, one * threads)).collect());
        series.push(Series { name: name.clone(), colour: slots[name], points, ideal });
    }
    let dashed = series.iter().any(|s| !s.ideal.is_empty());
    let (axis, title) = match counts[..] {
        [threads] if series.len() > 1 => {
            let threads = if threads == 1.0 { "1 thread".to_owned() } else { format!("{threads} threads") };
            (one_beside_another(&mut series, &threads), format!("Throughput on {threads}"))
        }
        _ => (axis, "Throughput against threads".to_owned()),
    };
    let all = series.iter().flat_map(|s| s.points.iter().map(|p| p.y));
    let lines = Lines {
        y: Axis::new("Committed transactions per second", "tx/s", by_span(all)),
        x: axis,
        series,
        marks: Vec::new(),
        reference: None,
        dashed: dashed.then(|| "ideal: one thread × threads".to_owned()),
    };
    Some(draft("tps-threads", &title, INTERVAL_NOTE, Body::Lines(lines)))
}

/// Series of a point each, at one thread count, would stand above one another: they get places of their own, the best
/// first, named at the axis.
fn one_beside_another(series: &mut [Series], threads: &str) -> Axis {
    let value = |series: &Series| series.points.first().map_or(0.0, |point| point.y);
    series.sort_by(|a, b| value(b).total_cmp(&value(a)));
    let mut axis = Axis::new("Mode", threads, ScaleKind::Linear);
    axis.names = series.iter().map(|series| series.name.clone()).collect();
    axis.ticks = Some((1..=series.len()).map(|place| place as f64).collect());
    for (place, series) in series.iter_mut().enumerate() {
        series.points.iter_mut().for_each(|point| point.x = (place + 1) as f64);
    }
    axis
}

fn speedup_over_interpreter(rows: &[&SummaryRow], all: &[SummaryRow]) -> Option<Drafted> {
    let grouped = series_of(rows);
    let slots = series_slots(&grouped);
    let axis = threads_axis(rows);
    let mut series = Vec::new();
    for (name, rows) in grouped.iter().filter(|(_, rows)| rows[0].mode != "interpreter") {
        let point = |row: &&SummaryRow| {
            let (y, interval) = speedup(row, all)?;
            Some(Point { x: f64::from(row.threads), y, interval })
        };
        let points: Vec<Point> = rows.iter().filter_map(point).collect();
        series.push(Series { name: name.clone(), colour: slots[name], points, ideal: Vec::new() });
    }
    series.retain(|s| !s.points.is_empty());
    if series.is_empty() {
        return None;
    }
    let title = "Speedup over the interpreter alone";
    if axis.ticks.as_ref().is_some_and(|t| t.len() == 1) {
        series.sort_by(|a, b| b.points[0].y.total_cmp(&a.points[0].y));
        let bars = series
            .iter()
            .map(|s| Bar {
                label: s.name.clone(),
                colour: s.colour,
                parts: vec![s.points[0].y],
                interval: s.points[0].interval,
                text: format!("{}×", number(s.points[0].y)),
            })
            .collect();
        let value = Axis::new("Speedup, same work and threads", "×", ScaleKind::FromZero);
        let bars = Bars { value, parts: Vec::new(), bars, reference: Some(1.0) };
        let note = format!("{INTERVAL_NOTE}; dashed: the interpreter");
        return Some(draft("speedup", title, &note, Body::Bars(bars)));
    }
    let kind = by_span(series.iter().flat_map(|s| s.points.iter().map(|p| p.y)).chain([1.0]));
    let lines = Lines {
        x: axis,
        y: Axis::new("Speedup, same work and threads", "×", kind),
        series,
        marks: Vec::new(),
        reference: Some(1.0),
        dashed: Some("the interpreter".to_owned()),
    };
    Some(draft("speedup", title, INTERVAL_NOTE, Body::Lines(lines)))
}

/// One process a mode at the fewest threads: the first that has windows.
fn warmup_curve(folder: &ResultFolder, work: &(&str, &Params)) -> Option<Drafted> {
    let cells = cells(&folder.samples);
    let mut chosen: BTreeMap<&str, (&CellKey, u32, &Process)> = BTreeMap::new();
    for (key, cell) in cells.iter().filter(|(k, _)| (k.workload.as_str(), &k.params) == *work) {
        let agreed = cell.processes.values().all(|p| p.agreed() != Some(false));
        let process = cell.processes.iter().find(|(_, p)| !curve(p).is_empty());
        let Some((ordinal, process)) = process.filter(|_| agreed) else {
            continue;
        };
        let fewest = chosen.get(key.mode.as_str()).is_none_or(|(k, _, _)| key.threads < k.threads);
        if fewest {
            chosen.insert(&key.mode, (key, *ordinal, process));
        }
    }
    let slots = slots(chosen.keys().copied());
    let (mut series, mut marks) = (Vec::new(), Vec::new());
    for (mode, (key, ordinal, process)) in &chosen {
        let colour = slots[mode];
        series.push(Series { name: (*mode).to_owned(), colour, points: curve(process), ideal: Vec::new() });
        let events = folder.tiers.iter().flatten().filter(|t| {
            (t.workload.as_str(), &t.params, t.mode.as_str()) == (work.0, work.1, *mode)
                && t.threads == key.threads
                && t.process == *ordinal
        });
        marks.extend(tier_marks(events, mode, colour));
    }
    let xs = || series.iter().flat_map(|s| &s.points).map(|p| p.x).chain(marks.iter().map(|m| m.x));
    let last = xs().fold(0.0, f64::max);
    if last <= 0.0 {
        return None;
    }
    let first = xs().fold(f64::INFINITY, f64::min);
    let log = first > 0.0 && last / first > 30.0;
    let note = if log { "one process a mode; time by factors" } else { "one process a mode" };
    let lines = Lines {
        x: Axis::new("Time since the first transaction", "ms", if log { ScaleKind::Log } else { ScaleKind::FromZero }),
        y: Axis::new(
            "Committed transactions per second, a point a window",
            "tx/s",
            by_span(series.iter().flat_map(|s| s.points.iter().map(|p| p.y))),
        ),
        series,
        marks,
        reference: None,
        dashed: None,
    };
    Some(draft("warmup", "Warm-up, with tier changes marked", note, Body::Lines(lines)))
}

/// The tier changes of one process in mode `adaptive`, the one with the most of them.
fn tier_timeline(folder: &ResultFolder, work: &(&str, &Params)) -> Option<Drafted> {
    let own = |row: &&TierRow| (row.workload.as_str(), &row.params, row.mode.as_str()) == (work.0, work.1, "adaptive");
    let mut processes: BTreeMap<(u32, u32), Vec<&TierRow>> = BTreeMap::new();
    for row in folder.tiers.iter().flatten().filter(own).filter(|row| row.isolate.unwrap_or(0) == 0) {
        processes.entry((row.threads, row.process)).or_default().push(row);
    }
    // Of several with as many the first, at the fewest threads.
    let (&(threads, process), changes) = processes.iter().rev().max_by_key(|(_, changes)| changes.len())?;
    let windows = folder.samples.iter().filter(|row| {
        (row.workload.as_str(), &row.params, row.mode.as_str()) == (work.0, work.1, "adaptive")
            && row.threads == threads
            && row.process == process
    });
    let end_ns = windows.filter_map(|row| row.at_ns).max().unwrap_or(0);
    let chart = timeline::chart(timeline::timeline(changes, end_ns)?);
    Some((
        chart,
        format!("process {process} of mode adaptive at {threads} thread{}", if threads == 1 { "" } else { "s" }),
    ))
}

/// The windows of a process over the milliseconds at which they end, after its first pass.
/// Isolates without a whole-process series are shown by the first of them.
fn curve(process: &Process) -> Vec<Point> {
    let series = process.window_series();
    let windows = series.first().map_or(&[][..], Vec::as_slice);
    let points = windows.iter().filter_map(|w| Some(Point { x: w.at_ns? as f64 / 1e6, y: w.tps, interval: None }));
    // The first pass is a point of its own where its length is known.
    let cold = || {
        let ends =
            process.value(Phase::Cold, metrics::INTERPRETED_NS)? + process.value(Phase::Cold, metrics::REST_NS)?;
        let y = process.value(Phase::Cold, metrics::TPS)?;
        Some(Point { x: ends / 1e6, y, interval: None })
    };
    let mut points: Vec<Point> = points.filter(|p| p.x > 0.0 && p.y > 0.0).collect();
    if let (Some(cold), Some(first)) = (cold(), points.first())
        && cold.x < first.x
    {
        points.insert(0, cold);
    }
    points
}

/// Marks of tier events, those that fall together joined: `adaptive: vm ×3`.
fn tier_marks<'a>(events: impl Iterator<Item = &'a TierRow>, mode: &str, colour: usize) -> Vec<Mark> {
    let moves = events.filter(|e| e.from != e.to);
    let mut at: Vec<(f64, &str)> = moves.filter_map(|e| Some((e.at_ns? as f64 / 1e6, e.to.as_str()))).collect();
    at.retain(|(x, _)| *x > 0.0);
    at.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joined: Vec<(f64, &str, u32)> = Vec::new();
    for (x, to) in at {
        // Nearer than 15% of its time is the same moment on a logarithmic axis.
        match joined.iter_mut().rev().find(|(_, same, _)| *same == to) {
            Some((from, _, count)) if x < *from * 1.15 => *count += 1,
            _ => joined.push((x, to, 1)),
        }
    }
    let label = |to: &str, count: u32| match count {
        1 => format!("{mode} → {to}"),
        _ => format!("{mode} → {to} ×{count}"),
    };
    joined.iter().map(|&(x, to, count)| Mark { x, label: label(to, count), colour }).collect()
}

fn stages(folder: &ResultFolder, rows: &[&SummaryRow]) -> Option<Drafted> {
    let body = super::stages::stage_stack(folder, rows)?;
    let threads = rows.iter().map(|row| row.threads).min()?;
    let note = if threads == 1 { "one thread" } else { "the fewest threads, time of one of them" };
    Some(draft("stages", "What each stage of a transaction costs", note, body))
}

fn cold_start(cold: &[&ColdStart]) -> Option<Drafted> {
    let fewest = cold.iter().map(|c| c.threads).min()?;
    let mut shown: Vec<&ColdStart> = cold.iter().copied().filter(|c| c.threads == fewest).collect();
    let whole = |c: &ColdStart| c.process_ns.or(Some(c.interpreted_ns? + c.rest_ns?));
    shown.retain(|c| whole(c).is_some());
    if shown.is_empty() {
        return None;
    }
    let length = |c: &ColdStart| whole(c).unwrap_or(f64::INFINITY);
    shown.sort_by(|a, b| length(b).total_cmp(&length(a)));
    let iterations = shown.iter().find_map(|c| c.interpreted_iterations);
    let first = iterations.map_or_else(
        || "up to the threshold".to_owned(),
        |n| format!("iterations 1 to {}", crate::report::numbers::thousands(n)),
    );
    let slots = slots(shown.iter().map(|c| c.mode.as_str()));
    let bar = |c: &&ColdStart| {
        let (a, b) = (c.interpreted_ns.unwrap_or(0.0), c.rest_ns.unwrap_or(0.0));
        let around = (length(c) - a - b).max(0.0);
        let tps = c.tps.map_or_else(String::new, |t| format!(", {} tx/s", number(t)));
        Bar {
            label: c.mode.clone(),
            colour: slots[c.mode.as_str()],
            parts: [around, a, b].map(|ns| ns / 1e6).to_vec(),
            interval: None,
            text: format!("{} ms{tps}", number(length(c) / 1e6)),
        }
    };
    // Of a second run only the whole process is known.
    let second = |c: &&ColdStart| {
        let whole = c.cached_process_ns? / 1e6;
        Some(Bar {
            label: second_run(&c.mode),
            colour: slots[c.mode.as_str()],
            parts: vec![whole, 0.0, 0.0],
            interval: None,
            text: format!("{} ms, whole process", number(whole)),
        })
    };
    let bars = shown.iter().flat_map(|c| std::iter::once(bar(c)).chain(second(c)));
    let body = Body::Bars(Bars {
        value: Axis::new("Time", "ms", ScaleKind::FromZero),
        bars: bars.collect(),
        parts: vec!["start, parse and exit".to_owned(), first, "rest of the first pass".to_owned()],
        reference: None,
    });
    let note = "a fresh process, median over processes; tx/s of its first pass";
    Some(draft("cold-start", "Cold start", note, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_at_one_thread_count_stand_beside_one_another() {
        let series = |name: &str, y: f64| Series {
            name: name.to_owned(),
            colour: 0,
            points: vec![Point { x: 1.0, y, interval: None }],
            ideal: Vec::new(),
        };
        let mut all = [series("vm", 5.0), series("luajit", 70.0), series("interpreter", 2.0)];
        let axis = one_beside_another(&mut all, "1 thread");
        assert_eq!(axis.names, ["luajit", "vm", "interpreter"]);
        assert_eq!(axis.title(), "Mode (1 thread)");
        assert_eq!(all.each_ref().map(|series| series.points[0].x), [1.0, 2.0, 3.0]);
        assert_eq!(axis.text_of(2.0), "vm");
    }
}
