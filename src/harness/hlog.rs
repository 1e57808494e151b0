//! Interval logs, as every `HdrHistogram` reader opens them: one file a probe process and series.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::latency::{Latencies, decode};
use super::outcome::Stop;
use super::plan::{Cell, Slot};
use super::protocol::LatencySeries;

/// The folder of the logs in a result folder.
pub const FOLDER: &str = "hdr";

/// In the header of a log, where readers look for the format.
const FORMAT: &str = "[Histogram log format version 1.3]";

/// Writes the logs of a probe process; nothing if it gave no stretches.
pub fn write(folder: &Path, cell: &Cell, slot: &Slot, began: SystemTime, latencies: &Latencies) -> Result<(), Stop> {
    for series in [LatencySeries::Single, LatencySeries::Batch] {
        if !latencies.intervals.iter().any(|interval| interval.series == series) {
            continue;
        }
        let path = folder.join(FOLDER).join(name(cell, slot, series));
        let text = text(series, began, latencies).map_err(Stop::failed)?;
        let written = fs::create_dir_all(folder.join(FOLDER)).and_then(|()| fs::write(&path, text));
        written.map_err(|e| Stop::failed(format!("cannot write {}: {e}", path.display())))?;
    }
    Ok(())
}

/// `vm-sharded-2-p0.hlog`, `vm-sharded-2-p0-batch.hlog`.
fn name(cell: &Cell, slot: &Slot, series: LatencySeries) -> PathBuf {
    let mode = cell.mode.replace(':', "-");
    let which = if series == LatencySeries::Batch { "-batch" } else { "" };
    format!("{mode}-{}-{}-p{}{which}.hlog", cell.executor, cell.threads, slot.process).into()
}

fn text(series: LatencySeries, began: SystemTime, latencies: &Latencies) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let what = match series {
        LatencySeries::Single => "latency of single transactions".to_owned(),
        LatencySeries::Batch => format!("duration of batches of {} transactions", latencies.batch_size().unwrap_or(1)),
    };
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment(&format!("[Logged with zx-bench: {what}, nanoseconds]")).add_comment(FORMAT);
    builder.with_start_time(began).with_base_time(began);
    let mut log = builder.begin_log_with(&mut bytes, &mut serializer).map_err(|e| e.to_string())?;
    for interval in latencies.intervals.iter().filter(|interval| interval.series == series) {
        let histogram = decode(&interval.data)?;
        let (at, length) = (Duration::from_nanos(interval.at_ns), Duration::from_nanos(interval.length_ns));
        let clean: String = interval.tag.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
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
    fn names_tell_cells_and_series_apart() {
        let cell = Cell { mode: "fixed:100".into(), executor: "sharded", threads: 2, oversubscribed: false };
        let slot = Slot { block: 1, slot: 0, cell: 0, process: 1, kind: crate::harness::job::JobKind::Probe };
        assert_eq!(name(&cell, &slot, LatencySeries::Batch), Path::new("fixed-100-sharded-2-p1-batch.hlog"));
    }
}
