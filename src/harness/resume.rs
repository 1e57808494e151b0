//! Going on with a run that did not come to its end: after Ctrl-C, a kill or a crash.
//!
//! A folder is unfinished while its `env.json` has no `finished_utc`. It is gone on with if its
//! `plan.json` is, to the byte, the one that would be written now: binary, workload, parameters,
//! flags and cores are all in there. Rows of a process count only with their last one,
//! [`metrics::WALL_NS`]; what a process left without it is measured again.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::report::metrics;
use crate::report::records::{Phase, Record, RecordError, RowWriter, SAMPLES, SampleRow, TIERS, TierRow};

use super::folder::{ENV, PLAN, REPORTS};
use super::outcome::Stop;

/// Held while a run writes to a folder.
const LOCK: &str = ".lock";

/// A process of the plan: interleaving block and position in it.
pub type Done = BTreeSet<(u32, u32)>;

/// The right to write to a folder, until dropped or until the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Takes a folder, which must exist; none if another process has it.
pub fn lock(folder: &Path) -> Result<Option<FolderLock>, Stop> {
    let path = folder.join(LOCK);
    let cannot = |e: std::io::Error| Stop::usage(format!("cannot lock {}: {e}", path.display()));
    let file = File::create(&path).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(FolderLock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(cannot(e)),
    }
}

/// The newest unfinished folder in `reports/` with this very plan.
pub fn find(plan: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(REPORTS).ok()?;
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir() && !path.is_symlink());
    let mut folders: Vec<PathBuf> = folders.collect();
    folders.sort();
    folders.into_iter().rev().find(|folder| is_unfinished(folder, plan))
}

/// Whether a folder has an unfinished run with this very plan.
pub fn is_unfinished(folder: &Path, plan: &str) -> bool {
    let same_plan = fs::read_to_string(folder.join(PLAN)).is_ok_and(|text| text == plan);
    same_plan && environment(folder).is_some_and(|env| env.get("finished_utc").is_some_and(Value::is_null))
}

/// What `env.json` has, if it can be read.
pub fn environment(folder: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(folder.join(ENV)).ok()?).ok()
}

/// The record files, open behind the rows that count.
#[derive(Debug)]
pub struct Resumed {
    /// `samples.csv`.
    pub samples: RowWriter<SampleRow>,
    /// `tiers.csv`.
    pub tiers: RowWriter<TierRow>,
    /// Processes that need not run again.
    pub done: Done,
    /// What was dropped.
    pub notes: Vec<String>,
}

/// Opens the record files of an unfinished run.
pub fn open(folder: &Path) -> Result<Resumed, RecordError> {
    let mut notes = Vec::new();
    let (samples, rows) = RowWriter::<SampleRow>::resume(folder.join(SAMPLES))?;
    notes.extend(rows.warnings.iter().map(ToString::to_string));
    let done = complete(&rows.rows);
    let slot_of = |row: &SampleRow| row.block.zip(row.slot);
    let is_done = |row: &SampleRow| slot_of(row).is_some_and(|slot| done.contains(&slot));
    let dropped: BTreeSet<_> = rows.rows.iter().filter(|row| !is_done(row)).map(slot_of).collect();
    if !dropped.is_empty() {
        notes.push(format!("{} half-measured processes are measured again", dropped.len()));
    }
    let samples = keep(samples, folder, SAMPLES, &rows.rows, is_done)?;
    let measured: BTreeSet<(&str, u32, u32)> = rows
        .rows
        .iter()
        .filter(|row| is_done(row) && row.metric == metrics::WALL_NS && row.phase == Phase::Steady)
        .map(|row| (row.mode.as_str(), row.threads, row.process))
        .collect();
    let (tiers, rows) = RowWriter::<TierRow>::resume(folder.join(TIERS))?;
    notes.extend(rows.warnings.iter().map(ToString::to_string));
    let tiers = keep(tiers, folder, TIERS, &rows.rows, |row| {
        measured.contains(&(row.mode.as_str(), row.threads, row.process))
    })?;
    Ok(Resumed { samples, tiers, done, notes })
}

/// Processes with their last row, that neither failed nor differed.
fn complete(rows: &[SampleRow]) -> Done {
    let slots = |wanted: &dyn Fn(&SampleRow) -> bool| -> Done {
        rows.iter().filter(|row| wanted(row)).filter_map(|row| row.block.zip(row.slot)).collect()
    };
    let ended = slots(&|row| row.metric == metrics::WALL_NS);
    let bad = slots(&|row| {
        row.metric == metrics::FAILED || (row.metric == metrics::AGREED && row.value.is_none_or(|agreed| agreed != 1.0))
    });
    ended.difference(&bad).copied().collect()
}

/// Drops rows from a file: a new file takes its place in one step, so a kill here loses nothing.
fn keep<T: Record>(
    writer: RowWriter<T>,
    folder: &Path,
    name: &str,
    rows: &[T],
    wanted: impl Fn(&T) -> bool,
) -> Result<RowWriter<T>, RecordError> {
    let kept: Vec<&T> = rows.iter().filter(|row| wanted(row)).collect();
    if kept.len() == rows.len() {
        return Ok(writer);
    }
    drop(writer);
    let (path, fresh) = (folder.join(name), folder.join(format!("{name}.new")));
    RowWriter::<T>::create(&fresh)?.write_all(kept)?;
    fs::rename(&fresh, &path).map_err(|cause| RecordError::Io { path: path.clone(), cause })?;
    RowWriter::resume(path).map(|(writer, _)| writer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::records::{Arm, Params, SCHEMA, read_rows};

    fn row(slot: u32, metric: &str, value: f64) -> SampleRow {
        SampleRow {
            schema: SCHEMA,
            run: "r".into(),
            arm: Arm::Single,
            block: Some(0),
            slot: Some(slot),
            workload: "w".into(),
            workload_digest: "d".into(),
            params: Params::new(),
            mode: "vm".into(),
            executor: "sharded".into(),
            threads: 1,
            process: slot,
            isolate: None,
            window: None,
            phase: Phase::Steady,
            at_ns: None,
            metric: metric.into(),
            value: Some(value),
            unit: "ns".into(),
        }
    }

    #[test]
    fn whole_processes_stay_and_half_ones_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(SAMPLES);
        let rows = [
            row(0, metrics::TPS, 1.0),
            row(0, metrics::WALL_NS, 1.0),
            row(1, metrics::TPS, 1.0),
            row(2, metrics::FAILED, 1.0),
            row(2, metrics::WALL_NS, 1.0),
            row(3, metrics::AGREED, 0.0),
            row(3, metrics::WALL_NS, 1.0),
        ];
        RowWriter::create(&path).expect("made").write_all(&rows).expect("written");
        let mut text = fs::read(&path).expect("there");
        text.extend_from_slice(b"1,r,-,0,4,w,d");
        fs::write(&path, text).expect("written");
        let mut resumed = open(folder.path()).expect("opened");
        assert_eq!(resumed.done, BTreeSet::from([(0, 0)]));
        assert!(resumed.notes.iter().any(|note| note.contains("cut short")), "{:?}", resumed.notes);
        assert!(resumed.notes.iter().any(|note| note.contains("3 half-measured")), "{:?}", resumed.notes);
        resumed.samples.write(&row(1, metrics::TPS, 2.0)).expect("written");
        let read = read_rows::<SampleRow>(&path).expect("whole");
        assert_eq!(read.warnings, []);
        assert_eq!(read.rows.iter().map(|row| row.slot).collect::<Vec<_>>(), [Some(0), Some(0), Some(1)]);
    }

    #[test]
    fn a_folder_is_locked_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = lock(folder.path()).expect("no error").expect("free");
        assert!(lock(folder.path()).expect("no error").is_none());
        drop(first);
        assert!(lock(folder.path()).expect("no error").is_some());
    }

    #[test]
    fn only_the_same_plan_that_did_not_end_is_gone_on_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        assert!(!is_unfinished(folder.path(), "{}"));
        write(PLAN, "{}");
        assert!(!is_unfinished(folder.path(), "{}"), "no env.json");
        write(ENV, r#"{"finished_utc": null}"#);
        assert!(is_unfinished(folder.path(), "{}"));
        assert!(!is_unfinished(folder.path(), "{ }"), "another plan");
        write(ENV, r#"{"finished_utc": "2026-11-22T11:48:39Z"}"#);
        assert!(!is_unfinished(folder.path(), "{}"));
        write(ENV, "{}");
        assert!(!is_unfinished(folder.path(), "{}"), "of another version");
    }
}
