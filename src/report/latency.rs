//! The chart of single transactions' latency, from the interval logs of the probe processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use super::charts::{Axis, Body, Chart, Lines, Point, ScaleKind, Series, slot_of_mode};
use super::records::SummaryRow;

/// The folder of the logs in a result folder.
pub const LOGS: &str = "hdr";

/// What the names of a cell's logs begin with, without the process.
pub fn log_stem(mode: &str, executor: &str, threads: u32) -> String {
    format!("{}-{executor}-{threads}-p", mode.replace(':', "-"))
}

/// So many samples must lie beyond a percentile for it to be shown, as in the table.
const BEYOND: u64 = 10;
/// Series that can be told apart.
const SERIES_MOST: usize = 8;
/// Percentiles by how many samples there are for one beyond: three points for each tenfold.
const STEPS: [u64; 3] = [1, 2, 5];
/// The last tenfold.
const TENFOLDS: u32 = 7;

/// Latency over percentiles, for each cell of a folder's one workload with closed load; nothing if no log says more
/// than that the clock cannot tell.
pub(super) fn chart(folder: &Path, rows: &[&SummaryRow]) -> Option<(Chart, String)> {
    let mut curves: Vec<(&SummaryRow, Vec<Point>)> = rows
        .iter()
        .map(|row| (*row, curve(&merged(folder, row), row.latency_floor_ns.unwrap_or(0))))
        .filter(|(_, points)| !points.is_empty())
        .collect();
    if curves.len() > SERIES_MOST {
        let fewest = curves.iter().map(|(row, _)| row.threads).min();
        curves.retain(|(row, _)| Some(row.threads) == fewest);
        curves.truncate(SERIES_MOST);
    }
    if curves.is_empty() {
        return None;
    }
    let several = curves.iter().any(|(row, _)| row.threads != curves[0].0.threads);
    let mut next = 4..;
    let mut slots: BTreeMap<String, usize> = BTreeMap::new();
    let mut series = Vec::new();
    for (row, points) in curves {
        let name = match (several, row.threads) {
            (false, _) => row.mode.clone(),
            (true, 1) => format!("{}, 1 thread", row.mode),
            (true, threads) => format!("{}, {threads} threads", row.mode),
        };
        // A mode's colour is its own for its first line.
        let taken = |slot: &usize| slots.values().any(|other| other == slot);
        let own = slot_of_mode(&row.mode).filter(|slot| !taken(slot)).or_else(|| next.next())?;
        slots.insert(name.clone(), own);
        series.push(Series { name, colour: own, points, ideal: Vec::new() });
    }
    let floor = rows.iter().filter_map(|row| row.latency_floor_ns).max();
    let note = floor.map_or_else(
        || "sampled single transactions".to_owned(),
        |floor| format!("sampled single transactions; nothing below {floor} ns, which the clock cannot tell"),
    );
    let body = Body::Lines(Lines {
        x: axis(&series),
        y: Axis::new("Latency of a transaction", "ns", ScaleKind::Log),
        series,
        marks: Vec::new(),
        reference: None,
        dashed: None,
    });
    let (name, title) = ("latency".to_owned(), "Latency of single transactions".to_owned());
    let [subtitle, caption] = [String::new(), String::new()];
    Some((Chart { name, title, subtitle, note: String::new(), caption, warning: None, body }, note))
}

/// Percentiles spread by 1 / (1 - q): each tenfold of rarity is as wide as the next.
fn axis(series: &[Series]) -> Axis {
    let last = series.iter().flat_map(|s| &s.points).map(|point| point.x).fold(10.0, f64::max);
    let mut axis = Axis::new("Percentile, by how rare", "share of transactions", ScaleKind::Log);
    let mut ticks = vec![2.0];
    let tens = (1..=TENFOLDS).map(|tens| 10_f64.powi(tens as i32));
    ticks.extend(tens.take_while(|ten| *ten <= last));
    axis.names = ticks.iter().map(|one_in| percentile(*one_in)).collect();
    axis.ticks = Some(ticks);
    axis
}

/// `99.9%` for one in a thousand.
fn percentile(one_in: f64) -> String {
    let nines = one_in.log10().round() as usize;
    let decimals = nines.saturating_sub(2);
    if one_in < 10.0 { "50%".to_owned() } else { format!("{:.decimals$}%", 100.0 - 100.0 / one_in) }
}

/// All samples of a cell. A log that cannot be read adds nothing: the table does not depend on it.
fn merged(folder: &Path, row: &SummaryRow) -> Histogram<u64> {
    let mut all = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("fixed bounds");
    let stem = log_stem(&row.mode, &row.executor, row.threads);
    let is_own = |name: &str| {
        let process = name.strip_prefix(&stem).and_then(|rest| rest.strip_suffix(".hlog"));
        process.is_some_and(|process| process.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let files = fs::read_dir(folder.join(LOGS)).into_iter().flatten().flatten();
    for file in files.filter(|file| file.file_name().to_str().is_some_and(is_own)) {
        let Ok(bytes) = fs::read(file.path()) else { continue };
        for histogram in histograms(&bytes) {
            for value in histogram.iter_recorded() {
                all.saturating_record_n(value.value_iterated_to(), value.count_at_value());
            }
        }
    }
    all
}

fn histograms(log: &[u8]) -> impl Iterator<Item = Histogram<u64>> {
    IntervalLogIterator::new(log).map_while(Result::ok).filter_map(|entry| {
        let LogEntry::Interval(interval) = entry else { return None };
        let bytes = base64::engine::general_purpose::STANDARD.decode(interval.encoded_histogram()).ok()?;
        Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
    })
}

fn curve(histogram: &Histogram<u64>, floor_ns: u64) -> Vec<Point> {
    let rarities = (0..TENFOLDS).flat_map(|tens| STEPS.map(|step| step * 10_u64.pow(tens))).skip(1);
    rarities
        .take_while(|one_in| histogram.len() / one_in >= BEYOND)
        .map(|one_in| (one_in as f64, histogram.value_at_quantile(1.0 - 1.0 / one_in as f64)))
        .filter(|(_, ns)| *ns >= floor_ns)
        .map(|(x, ns)| Point { x, y: ns as f64, interval: None })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::V2DeflateSerializer;
    use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
    use std::time::Duration;

    fn log(folder: &Path, name: &str, values: impl Iterator<Item = u64>) {
        let mut histogram: Histogram<u64> = Histogram::new(3).expect("digits");
        values.for_each(|value| histogram.record(value).expect("in bounds"));
        let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
        let mut log = IntervalLogWriterBuilder::new().begin_log_with(&mut bytes, &mut serializer).expect("begun");
        log.write_histogram(&histogram, Duration::ZERO, Duration::from_secs(1), None).expect("written");
        fs::create_dir_all(folder.join(LOGS)).expect("a folder");
        fs::write(folder.join(LOGS).join(name), bytes).expect("kept");
    }

    fn row(mode: &str, threads: u32) -> SummaryRow {
        let mut row = SummaryRow::default();
        (row.mode, row.executor, row.threads) = (mode.into(), "sharded".into(), threads);
        row.latency_floor_ns = Some(200);
        row
    }

    #[test]
    fn processes_are_merged_and_what_the_clock_cannot_tell_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        log(folder.path(), "vm-sharded-1-p0.hlog", (1..=500).map(|i| i * 2));
        log(folder.path(), "vm-sharded-1-p1.hlog", (501..=1000).map(|i| i * 2));
        log(folder.path(), "vm-sharded-1-p0-batch.hlog", (1..=500).map(|_| 9_000_000));
        log(folder.path(), "fixed-5-sharded-1-p0.hlog", (1..=1000).map(|_| 60));
        let (vm, fixed, absent) = (row("vm", 1), row("fixed:5", 1), row("interpreter", 1));
        let (chart, _) = chart(folder.path(), &[&vm, &fixed, &absent]).expect("a chart");
        let Body::Lines(lines) = &chart.body else { panic!("lines") };
        assert_eq!(lines.series.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["vm"]);
        let points: Vec<(f64, f64)> = lines.series[0].points.iter().map(|p| (p.x, p.y.round())).collect();
        // The median of 2, 4, .. 2,000; one in a hundred has ten beyond it, one in two hundred has not.
        assert_eq!(points.iter().map(|p| p.0).collect::<Vec<_>>(), [2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert!((points[0].1 - 1000.0).abs() <= 2.0 && (points[5].1 - 1980.0).abs() <= 4.0, "{points:?}");
        assert_eq!(lines.x.names, ["50%", "90%", "99%"]);
    }

    #[test]
    fn without_logs_there_is_no_chart() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(chart(folder.path(), &[&row("vm", 1)]).is_none());
        fs::create_dir_all(folder.path().join(LOGS)).expect("a folder");
        fs::write(folder.path().join(LOGS).join("vm-sharded-1-p0.hlog"), "Tag=vm,broken").expect("kept");
        assert!(chart(folder.path(), &[&row("vm", 1)]).is_none(), "a damaged log is no figure");
    }

    #[test]
    fn percentiles_are_named_as_people_write_them() {
        assert_eq!([10.0, 100.0, 1e3, 1e5].map(percentile), ["90%", "99%", "99.9%", "99.999%"]);
    }
}
