//! Where a run writes: a new folder, or the unfinished one of an earlier run with the same plan.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::report::records::{RecordError, RowWriter, SAMPLES, SampleRow, TIERS, TierRow};

use super::engines::ForeignEngine;
use super::environment::{Environment, Load, utc_now};
use super::folder::{self, ENV, PLAN};
use super::hlog;
use super::outcome::Stop;
use super::plan::Slot;
use super::resume::{self, Done, FolderLock};
use super::run::Prepared;

/// `plan.json`: what the folder's records are of.
#[derive(Serialize)]
struct PlanFile<'a> {
    workload: &'a str,
    workload_file: String,
    workload_digest: &'a str,
    form: &'static str,
    transaction: &'a str,
    params: &'a str,
    blocks: Option<u64>,
    /// The last link of the trace that is replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    binary_blake3: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    engines: &'a [ForeignEngine],
    #[serde(flatten)]
    plan: &'a super::plan::Plan,
}

impl<'a> PlanFile<'a> {
    fn new(prepared: &'a Prepared, environment: &'a Environment, trace: Option<&'a str>) -> Self {
        let workload = &prepared.workload;
        Self {
            workload: &workload.name,
            workload_file: workload.path.display().to_string(),
            workload_digest: &workload.digest,
            form: workload.form.as_str(),
            transaction: &workload.transaction,
            params: &prepared.parameters.canonical,
            blocks: prepared.parameters.blocks,
            trace,
            binary_blake3: environment.binary_blake3.as_deref(),
            engines: &prepared.engines,
            plan: &prepared.plan,
        }
    }
}

/// The record files of a run.
pub(super) struct Output {
    /// The folder.
    pub(super) folder: PathBuf,
    samples: RowWriter<SampleRow>,
    tiers: RowWriter<TierRow>,
    done: Done,
    /// What the user should know.
    pub(super) notes: Vec<String>,
    _lock: FolderLock,
}

impl Output {
    /// Finds or makes the folder and writes what is known before measuring. Unless `fresh`, an
    /// unfinished run with the same plan is gone on with.
    pub(super) fn open(
        out: Option<&Path>,
        fresh: bool,
        prepared: &Prepared,
        environment: &mut Environment,
        trace: Option<&str>,
    ) -> Result<Self, Stop> {
        let plan = folder::json_text(&PlanFile::new(prepared, environment, trace))?;
        // Without the binary's hash nobody knows whether it is the same.
        let may_resume = !fresh && environment.binary_blake3.is_some();
        if may_resume && let Some(output) = Self::go_on(out, &plan, environment)? {
            return Ok(output);
        }
        let (name, revision) = (&prepared.workload.name, environment.short_revision());
        let folder = folder::make(out, &environment.started_utc, name, &revision)?;
        let lock = resume::lock(&folder)?.ok_or_else(|| in_use(&folder))?;
        forget(&folder);
        folder::write_json(&folder, ENV, environment)?;
        fs::write(folder.join(PLAN), &plan).map_err(|e| Stop::failed(format!("cannot write {PLAN}: {e}")))?;
        let samples = RowWriter::create(folder.join(SAMPLES)).map_err(|e| elsewhere(&e))?;
        let tiers = RowWriter::create(folder.join(TIERS)).map_err(|e| elsewhere(&e))?;
        Ok(Self { folder, samples, tiers, done: Done::new(), notes: Vec::new(), _lock: lock })
    }

    fn go_on(out: Option<&Path>, plan: &str, environment: &mut Environment) -> Result<Option<Self>, Stop> {
        let found = match out {
            Some(out) => Some(out.to_owned()).filter(|out| resume::is_unfinished(out, plan)),
            None => resume::find(plan),
        };
        let Some(folder) = found else { return Ok(None) };
        let Some(lock) = resume::lock(&folder)? else {
            // The same run is under way elsewhere: this one is another.
            return if out.is_some() { Err(in_use(&folder)) } else { Ok(None) };
        };
        let resumed = resume::open(&folder)
            .map_err(|e| Stop::usage(format!("cannot go on with {}: {e}; --fresh starts anew", folder.display())))?;
        let before = resume::environment(&folder).unwrap_or_default();
        environment.go_on(&before);
        folder::write_json(&folder, ENV, environment)?;
        drop(fs::remove_file(folder.join("problems.txt"))); // what failed is run again
        let mut notes = vec![format!(
            "going on with the run in {}, begun {}: {} processes are measured already (--fresh starts anew)",
            folder.display(),
            environment.started_utc,
            resumed.done.len()
        )];
        notes.extend(resumed.notes);
        let (samples, tiers, done) = (resumed.samples, resumed.tiers, resumed.done);
        Ok(Some(Self { folder, samples, tiers, done, notes, _lock: lock }))
    }

    /// Whether a process was measured before.
    pub(super) fn has(&self, slot: &Slot) -> bool {
        self.done.contains(&(slot.block, slot.slot))
    }

    /// Tier rows first: a process's samples are what says that it is whole.
    pub(super) fn write(&mut self, samples: &[SampleRow], tiers: &[TierRow]) -> Result<(), Stop> {
        let written = self.tiers.write_all(tiers).and_then(|()| self.samples.write_all(samples));
        written.map_err(|e| Stop::failed(format!("{e}: rows measured so far are kept in {}", self.folder.display())))
    }

    /// Notes the machine after the run, and whether the run came to its end.
    pub(super) fn close(&self, environment: &mut Environment, finished: bool) -> Result<(), Stop> {
        environment.after = Some(Load::now());
        environment.finished_utc = finished.then(utc_now);
        folder::write_json(&self.folder, ENV, environment)
    }
}

fn in_use(folder: &Path) -> Stop {
    Stop::usage(format!("another zx-bench is writing to {}: name another folder with --out DIR", folder.display()))
}

fn elsewhere(e: &RecordError) -> Stop {
    Stop::usage(format!("{e}; name another folder with --out DIR"))
}

/// What an earlier run left that a new one may not write over.
fn forget(folder: &Path) {
    let logs = fs::read_dir(folder.join(hlog::FOLDER)).into_iter().flatten().flatten().map(|entry| entry.path());
    let logs = logs.filter(|path| path.extension().is_some_and(|extension| extension == "hlog"));
    for path in logs.chain([folder.join("problems.txt")]) {
        drop(fs::remove_file(path)); // what stays is overwritten or harmless
    }
}
