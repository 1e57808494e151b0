//! Interval logs, as every `HdrHistogram` reader opens them: one file a probe process and series.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::latency::{Latencies, decode};
use super::outcome::Stop;
use super::plan::{Cell, Slot};
use super::protocol::{LatencySeries, OpenStep};
use crate::report::latency::{LOGS, log_stem};

/// The folder of the logs in a result folder.
pub const FOLDER: &str = LOGS;

/// In the header of a log, where readers look for the format.
const FORMAT: &str = "[Histogram log format version 1.3]";

/// Writes the logs of a probe process; nothing if it gave no stretches.
pub fn write(folder: &Path, cell: &Cell, slot: &Slot, began: SystemTime, latencies: &Latencies) -> Result<(), Stop> {
    for series in [LatencySeries::Single, LatencySeries::Batch] {
        if !latencies.intervals.iter().any(|interval| interval.series == series) {
            continue;
        }
        let text = text(series, began, latencies).map_err(Stop::failed)?;
        keep(folder, &name(cell, slot, series), &text)?;
    }
    Ok(())
}

fn keep(folder: &Path, name: &Path, text: &[u8]) -> Result<(), Stop> {
    let path = folder.join(FOLDER).join(name);
    let written = fs::create_dir_all(folder.join(FOLDER)).and_then(|()| fs::write(&path, text));
    written.map_err(|e| Stop::failed(format!("cannot write {}: {e}", path.display())))
}

/// `vm-sharded-2-p0.hlog`, `vm-sharded-2-p0-batch.hlog`.
fn name(cell: &Cell, slot: &Slot, series: LatencySeries) -> PathBuf {
    let which = if series == LatencySeries::Batch { "-batch" } else { "" };
    format!("{}{}{which}.hlog", log_stem(&cell.mode, cell.executor, cell.threads as u32), slot.process).into()
}

fn text(series: LatencySeries, began: SystemTime, latencies: &Latencies) -> Result<Vec<u8>, String> {
    let what = match series {
        LatencySeries::Single => "latency of single transactions".to_owned(),
        LatencySeries::Batch => format!("duration of batches of {} transactions", latencies.batch_size().unwrap_or(1)),
    };
    let intervals = latencies.intervals.iter().filter(|interval| interval.series == series);
    let lines = intervals.map(|interval| Line {
        tag: &interval.tag,
        at_ns: interval.at_ns,
        length_ns: interval.length_ns,
        data: &interval.data,
    });
    log_of(&what, began, lines)
}

/// Which histogram of a rate.
type Pick = fn(&OpenStep) -> &str;

/// Writes the logs of a process under open load: response, service and queue time, a line a rate, tagged by it.
pub fn write_open(folder: &Path, cell: &Cell, slot: &Slot, began: SystemTime, steps: &[OpenStep]) -> Result<(), Stop> {
    if steps.is_empty() {
        return Ok(());
    }
    let series: [(&str, &str, Pick); 3] = [
        ("response", "response time, from when an arrival was due to its end", |step| &step.response),
        ("service", "service time, from its begin to its end", |step| &step.service),
        ("queue", "queue time, from when it was due to its begin", |step| &step.queue),
    ];
    for (name, what, data) in series {
        let lines: Vec<(String, &OpenStep)> = steps.iter().map(|step| (step.rate.to_string(), step)).collect();
        let lines = lines.iter().map(|(tag, step)| Line {
            tag,
            at_ns: step.at_ns,
            length_ns: step.length_ns,
            data: data(step),
        });
        let text = log_of(&format!("open load: {what}"), began, lines).map_err(Stop::failed)?;
        let name = format!("{}{}-{name}.hlog", log_stem(&cell.mode, cell.executor, cell.threads as u32), slot.process);
        keep(folder, Path::new(&name), &text)?;
    }
    Ok(())
}

/// One interval of a log.
struct Line<'a> {
    tag: &'a str,
    at_ns: u64,
    length_ns: u64,
    /// As in the protocol.
    data: &'a str,
}

fn log_of<'a>(what: &str, began: SystemTime, lines: impl Iterator<Item = Line<'a>>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment(&format!("[Logged with zx-bench: {what}, nanoseconds]")).add_comment(FORMAT);
    builder.with_start_time(began).with_base_time(began);
    let mut log = builder.begin_log_with(&mut bytes, &mut serializer).map_err(|e| e.to_string())?;
    for line in lines {
        let histogram = decode(line.data)?;
        let (at, length) = (Duration::from_nanos(line.at_ns), Duration::from_nanos(line.length_ns));
        let clean: String = line.tag.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).collect();
        log.write_histogram(&histogram, at, length, Tag::new(&clean)).map_err(|e| e.to_string())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::latency::{empty, encode};
    use crate::harness::protocol::IntervalHistogram;
    use base64::Engine as _;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn a_log_is_read_back_by_the_crates_reader() {
        let mut latencies = Latencies::default();
        for (tag, value) in [("interpreter", 900), ("vm", 300)] {
            let mut histogram = empty();
            histogram.record_n(value, 7).expect("in bounds");
            let data = encode(&histogram).expect("written");
            let interval = IntervalHistogram {
                series: LatencySeries::Single,
                tag: tag.into(),
                at_ns: 2_000_000,
                length_ns: 250_000_000,
                n: 1,
                data,
            };
            latencies.add(interval).expect("taken");
        }
        let bytes = text(LatencySeries::Single, SystemTime::now(), &latencies).expect("written");
        assert!(bytes.starts_with(b"#[Logged with zx-bench"));
        let mut found = Vec::new();
        for entry in IntervalLogIterator::new(&bytes) {
            if let LogEntry::Interval(interval) = entry.expect("a line that can be read") {
                let tag = interval.tag().map(|tag| tag.as_str().to_owned());
                let raw =
                    base64::engine::general_purpose::STANDARD.decode(interval.encoded_histogram()).expect("base64");
                let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut raw.as_slice()).expect("V2");
                found.push((tag, histogram.len(), histogram.value_at_quantile(0.5)));
                assert_eq!(interval.start_timestamp(), Duration::from_millis(2));
            }
        }
        assert_eq!(found, [(Some("interpreter".into()), 7, 900), (Some("vm".into()), 7, 300)]);
    }

    #[test]
    fn open_load_has_a_log_a_series_with_a_line_a_rate() {
        let mut histogram = empty();
        histogram.record_n(5_000, 3).expect("in bounds");
        let data = encode(&histogram).expect("written");
        let step = |ordinal: u32, rate: &str| OpenStep {
            ordinal,
            rate: rate.parse().expect("a rate"),
            offered_tps: 1e5,
            served_tps: 1e5,
            transactions: 3,
            committed: 3,
            batch: 1,
            response: data.clone(),
            service: data.clone(),
            queue: data.clone(),
            at_ns: u64::from(ordinal) * 1_000_000,
            length_ns: 500_000,
        };
        let folder = tempfile::tempdir().expect("a folder");
        let cell = Cell { mode: "vm".into(), executor: "sequential", threads: 1, oversubscribed: false };
        let slot = Slot { block: 0, slot: 0, cell: 0, process: 2, kind: crate::harness::job::JobKind::Open };
        write_open(folder.path(), &cell, &slot, SystemTime::now(), &[step(0, "0.5x"), step(1, "20k")]).expect("kept");
        for name in ["response", "service", "queue"] {
            let path = folder.path().join(FOLDER).join(format!("vm-sequential-1-p2-{name}.hlog"));
            let bytes = fs::read(&path).expect(name);
            let mut found = Vec::new();
            for entry in IntervalLogIterator::new(&bytes) {
                if let LogEntry::Interval(interval) = entry.expect("a line that can be read") {
                    found.push((interval.tag().map(|tag| tag.as_str().to_owned()), interval.start_timestamp()));
                }
            }
            let at = |ms: u64| Duration::from_millis(ms);
            assert_eq!(found, [(Some("0.5x".into()), at(0)), (Some("20000".into()), at(1))]);
        }
    }

    #[test]
    fn names_tell_cells_and_series_apart() {
        let cell = Cell { mode: "fixed:100".into(), executor: "sharded", threads: 2, oversubscribed: false };
        let slot = Slot { block: 1, slot: 0, cell: 0, process: 1, kind: crate::harness::job::JobKind::Probe };
        assert_eq!(name(&cell, &slot, LatencySeries::Batch), Path::new("fixed-100-sharded-2-p1-batch.hlog"));
    }
}
