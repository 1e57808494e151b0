//! Open load: what became of each rate, and where the knee is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::cells::{Cell, CellKey, Process};
use super::charts::{Axis, Body, Chart, Lines, Mark, Point, ScaleKind, Series, slot_of_mode};
use super::metrics;
use super::numbers::{number, thousands};
use super::records::{Params, Phase};
use super::table::{Grid, Mark as RowMark, UNKNOWN};
use crate::stats::median;

/// A process keeps up if so much of what was due had an answer in the time of the schedule.
pub const KEEPS_UP: f64 = 0.95;

/// One rate of a cell: medians over processes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenPoint {
    /// Workload name.
    pub workload: String,
    /// Every parameter that changes the work, but for the rate.
    pub params: Params,
    /// The rate as it was asked for.
    pub rate: String,
    /// Mode of the cell.
    pub mode: String,
    /// Executor of the cell.
    pub executor: String,
    /// Threads of the cell.
    pub threads: u32,
    /// Transactions a second that were due.
    pub offered_tps: f64,
    /// Transactions a second that had an answer, from the beginning to the end of the schedule or to the last answer.
    pub served_tps: f64,
    /// From when an arrival was due to its end: the 50th, 99th and 99.9th percentile.
    pub response_ns: [Option<u64>; 3],
    /// From its begin to its end.
    pub service_ns: [Option<u64>; 3],
    /// From when it was due to its begin.
    pub queue_ns: [Option<u64>; 3],
    /// Transactions an arrival: the unit of the latencies.
    pub arrival_size: u64,
    /// Below this the clock does not resolve a latency.
    pub floor_ns: Option<u64>,
}

impl OpenPoint {
    /// Whether what was due was served.
    pub fn keeps_up(&self) -> bool {
        self.served_tps >= KEEPS_UP * self.offered_tps
    }
}

/// Whether rows with these parameters are of open load.
pub fn is_open(params: &Params) -> bool {
    params.get("load") == Some("open")
}

/// Parameters without the rate, for open load; all rates of a ladder have these in common.
pub fn without_rate(params: &Params) -> Params {
    params.iter().filter(|(name, _)| !(is_open(params) && *name == "rate")).collect()
}

/// The point of a cell; none if it is not of open load, or if no process has agreed results.
pub(super) fn point(key: &CellKey, cell: &Cell) -> Option<OpenPoint> {
    let all: Vec<&Process> = cell.processes.values().collect();
    if !is_open(&key.params) || all.iter().any(|p| p.agreed() == Some(false)) {
        return None;
    }
    let counted: Vec<&Process> = all.into_iter().filter(|p| !p.failed() && p.agreed() == Some(true)).collect();
    let of = |metric: &str| median(&counted.iter().filter_map(|p| p.value(Phase::Probe, metric)).collect::<Vec<_>>());
    // Where most processes could not tell, the others are the slow ones.
    let told = |metric: &str| {
        let known = counted.iter().filter(|p| p.value(Phase::Probe, metric).is_some()).count();
        of(metric).filter(|_| known * 2 > counted.len()).map(|ns| ns.round() as u64)
    };
    Some(OpenPoint {
        workload: key.workload.clone(),
        params: without_rate(&key.params),
        rate: key.params.get("rate")?.to_owned(),
        mode: key.mode.clone(),
        executor: key.executor.clone(),
        threads: key.threads,
        offered_tps: of(metrics::OFFERED_TPS)?,
        served_tps: of(metrics::SERVED_TPS)?,
        response_ns: [metrics::P50_NS, metrics::P99_NS, metrics::P999_NS].map(told),
        service_ns: [metrics::SERVICE_P50_NS, metrics::SERVICE_P99_NS, metrics::SERVICE_P999_NS].map(told),
        queue_ns: [metrics::QUEUE_P50_NS, metrics::QUEUE_P99_NS, metrics::QUEUE_P999_NS].map(told),
        arrival_size: of(metrics::ARRIVAL_SIZE).map_or(1, |size| size as u64),
        floor_ns: of(metrics::LATENCY_FLOOR_NS).map(|ns| ns as u64),
    })
}

/// The ladders: the points of each mode, executor and thread count, by rate.
pub fn ladders<'a>(points: &[&'a OpenPoint]) -> Vec<(String, Vec<&'a OpenPoint>)> {
    let mut ladders: BTreeMap<(&str, u32, &str), Vec<&OpenPoint>> = BTreeMap::new();
    for point in points {
        ladders.entry((&point.mode, point.threads, &point.executor)).or_default().push(point);
    }
    let several = ladders.keys().map(|(_, threads, executor)| (threads, executor)).collect::<BTreeSet<_>>().len() > 1;
    let named = ladders.into_iter().map(|((mode, threads, executor), mut points)| {
        points.sort_by(|a, b| a.offered_tps.total_cmp(&b.offered_tps));
        let name = if several { format!("{mode}, {threads} thr., {executor}") } else { mode.to_owned() };
        (name, points)
    });
    named.collect()
}

/// The knee of a ladder: its greatest rate that is served, and below which all are. None if not even the first is.
pub fn knee<'a>(ladder: &[&'a OpenPoint]) -> Option<&'a OpenPoint> {
    ladder.iter().take_while(|point| point.keeps_up()).last().copied()
}

/// What a ladder says, in a sentence.
pub fn sentence(name: &str, ladder: &[&OpenPoint]) -> String {
    let ms = |ns: Option<u64>| ns.map_or_else(|| "unknown".to_owned(), |ns| format!("{} us", number(ns as f64 / 1e3)));
    match knee(ladder) {
        None => format!("{name}: not even the least rate tried was served, so the knee lies below."),
        Some(point) => {
            let beyond = if ladder.last().is_some_and(|last| last.offered_tps > point.offered_tps) {
                "the greatest rate tried that is served"
            } else {
                "the greatest rate tried, so the knee lies at or beyond it"
            };
            format!(
                "{name}: {} tx/s is {beyond}; half of the answers there come within {}, 99% within {}.",
                number(point.offered_tps),
                ms(point.response_ns[0]),
                ms(point.response_ns[1])
            )
        }
    }
}

/// All rates of one workload, as a table.
pub(super) fn grid(points: &[&OpenPoint]) -> Option<Grid> {
    let header = [
        "open load",
        "executor",
        "threads",
        "rate",
        "offered (tx/s)",
        "served (tx/s)",
        "keeps up",
        "p50 (ns)",
        "p99 (ns)",
        "p99.9 (ns)",
        "p99 service (ns)",
        "p99 queue (ns)",
        "tx an arrival",
    ];
    let shown = |ns: Option<u64>| ns.map_or_else(|| UNKNOWN.to_owned(), thousands);
    let row = |point: &OpenPoint| {
        vec![
            point.mode.clone(),
            point.executor.clone(),
            point.threads.to_string(),
            point.rate.clone(),
            number(point.offered_tps),
            number(point.served_tps),
            if point.keeps_up() { "yes" } else { "NO" }.to_owned(),
            shown(point.response_ns[0]),
            shown(point.response_ns[1]),
            shown(point.response_ns[2]),
            shown(point.service_ns[1]),
            shown(point.queue_ns[1]),
            thousands(point.arrival_size),
        ]
    };
    let mut rows = Vec::new();
    for (_, ladder) in ladders(points) {
        let best = knee(&ladder);
        let mark = |point: &OpenPoint| if best == Some(point) { RowMark::Best } else { RowMark::Plain };
        rows.extend(ladder.iter().map(|point| (row(point), mark(point))));
    }
    (!rows.is_empty()).then(|| Grid { header: header.map(str::to_owned).to_vec(), rows, left: 2 })
}

/// Response times against the offered rate, with each knee marked.
pub(super) fn chart(points: &[&OpenPoint]) -> Option<(Chart, String)> {
    let (mut series, mut marks, mut next) = (Vec::new(), Vec::new(), 4..);
    for (name, ladder) in ladders(points) {
        let own = slot_of_mode(&name).or_else(|| next.next())?;
        let us = |quantile: usize| {
            ladder
                .iter()
                .filter_map(move |p| Some((p.offered_tps, p.response_ns[quantile].filter(|ns| *ns > 0)? as f64 / 1e3)))
        };
        let points: Vec<Point> = us(1).map(|(x, y)| Point { x, y, interval: None }).collect();
        if points.is_empty() {
            continue;
        }
        if let Some(point) = knee(&ladder) {
            marks.push(Mark { x: point.offered_tps, label: format!("{name}: knee"), colour: own });
        }
        series.push(Series { name, colour: own, points, ideal: us(0).collect() });
    }
    if series.is_empty() {
        return None;
    }
    let xs = || series.iter().flat_map(|s: &Series| s.points.iter().map(|p| p.x));
    let (low, high) = (xs().fold(f64::INFINITY, f64::min), xs().fold(0.0, f64::max));
    let kind = if high / low > 15.0 { ScaleKind::Log } else { ScaleKind::FromZero };
    let lines = Lines {
        x: Axis::new("Transactions due", "tx/s", kind),
        y: Axis::new("Response time from when it was due, 99th percentile", "us", ScaleKind::Log),
        series,
        marks,
        reference: None,
        dashed: Some("median".to_owned()),
    };
    let chart = Chart {
        name: "latency-rate".to_owned(),
        title: "Response time against offered load".to_owned(),
        subtitle: String::new(),
        note: String::new(),
        caption: String::new(),
        warning: None,
        body: Body::Lines(lines),
    };
    Some((chart, "open load; median over processes; knee: the greatest rate served".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mode: &str, offered: f64, served: f64) -> OpenPoint {
        OpenPoint {
            workload: "w".into(),
            params: Params::new(),
            rate: offered.to_string(),
            mode: mode.into(),
            executor: "sequential".into(),
            threads: 1,
            offered_tps: offered,
            served_tps: served,
            response_ns: [Some(1000), Some(9000), None],
            service_ns: [Some(900), Some(1000), None],
            queue_ns: [Some(0), Some(8000), None],
            arrival_size: 1,
            floor_ns: Some(200),
        }
    }

    #[test]
    fn the_knee_is_the_last_rate_before_the_first_that_is_not_served() {
        let points = [at("vm", 300.0, 150.0), at("vm", 100.0, 100.0), at("vm", 200.0, 191.0), at("vm", 400.0, 399.0)];
        let points: Vec<&OpenPoint> = points.iter().collect();
        let [(name, ladder)] = &ladders(&points)[..] else { panic!("one ladder") };
        assert_eq!(name, "vm");
        assert_eq!(knee(ladder).map(|p| p.offered_tps), Some(200.0), "400 is beyond a rate that was not served");
        assert!(sentence(name, ladder).contains("200 tx/s is the greatest rate tried that is served"));
        assert!(sentence(name, &ladder[..1]).contains("at or beyond"));
        assert!(sentence(name, &ladder[2..3]).contains("lies below"));
    }

    #[test]
    fn modes_have_ladders_of_their_own_in_table_and_chart() {
        let points = [at("vm", 100.0, 100.0), at("interpreter", 50.0, 50.0), at("vm", 200.0, 100.0)];
        let points: Vec<&OpenPoint> = points.iter().collect();
        let grid = grid(&points).expect("a table");
        assert_eq!(grid.rows.len(), 3);
        assert!(grid.rows.iter().filter(|(_, mark)| *mark == RowMark::Best).count() == 2);
        let (chart, _) = chart(&points).expect("a chart");
        let Body::Lines(lines) = chart.body else { panic!("lines") };
        assert_eq!((lines.series.len(), lines.marks.len()), (2, 2));
        assert_eq!(lines.series[1].points.len(), 2);
    }

    #[test]
    fn rates_alone_tell_rows_of_a_ladder_apart() {
        let open: Params = [("load", "open"), ("rate", "0.8x"), ("seed", "1")].into_iter().collect();
        assert_eq!(without_rate(&open).to_string(), "load=open;seed=1");
        let closed: Params = [("rate", "9")].into_iter().collect();
        assert_eq!(without_rate(&closed), closed, "a parameter of a workload that is called so stays");
    }
}
