//! The parent: the reference first, then the plan's processes one after another.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::report::records::{RowWriter, SAMPLES, SampleRow, TIERS, TierRow};

use super::agreement::{Difference, compare};
use super::environment::{Environment, Load, utc_now};
use super::folder;
use super::hlog;
use super::job::{Job, JobKind};
use super::mode::DEFAULT_THRESHOLD;
use super::outcome::{Exit, Stop};
use super::parameters::{Parameters, Setting, SettingValue};
use super::plan::{Cell, PROBE_SHARE, Plan, Slot};
use super::process::{ChildError, Record, run_job};
use super::protocol::counter;
use super::rows::{Agreement, RowMaker, RunNames};
use super::workload::{Form, Workload};

/// Everything decided; nothing started.
#[derive(Debug)]
pub struct Prepared {
    /// The workload.
    pub workload: Workload,
    /// Its parameters.
    pub parameters: Parameters,
    /// Cells and order.
    pub plan: Plan,
}

/// How to run it.
#[derive(Debug)]
pub struct Settings<'a> {
    /// Write here instead of a new folder in `reports/`.
    pub out: Option<PathBuf>,
    /// No progress bar.
    pub quiet: bool,
    /// Say each process.
    pub verbose: bool,
    /// The command line, for `env.json`.
    pub argv: Vec<String>,
    /// Set by Ctrl-C.
    pub stop: &'a AtomicBool,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit status.
    pub exit: Exit,
    /// Where the records are; none for a smoke run.
    pub folder: Option<PathBuf>,
    /// What went wrong, a message each.
    pub problems: Vec<String>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Measures.
pub fn run(prepared: &Prepared, settings: &Settings<'_>) -> Result<Outcome, Stop> {
    let started = utc_now();
    let mut environment = Environment::now(settings.argv.clone(), Some(prepared.plan.seed), started.clone());
    let is_smoke = prepared.plan.stamp == "smoke";
    let output = if is_smoke {
        None
    } else {
        let folder =
            folder::make(settings.out.as_deref(), &started, &prepared.workload.name, &environment.short_revision())?;
        folder::write_json(&folder, "env.json", &environment)?;
        folder::write_json(&folder, "plan.json", &PlanFile::new(prepared, &environment))?;
        Some(Output::new(folder)?)
    };
    let program =
        std::env::current_exe().map_err(|e| Stop::failed(format!("cannot find this program's own file: {e}")))?;
    let mut session = Session::new(prepared, settings, &program, output, &started);
    session.go()?;
    let mut outcome = session.finish();
    outcome.notes.extend(environment.advice());
    if let Some(folder) = &outcome.folder {
        environment.after = Some(Load::now());
        folder::write_json(folder, "env.json", &environment)?;
        if settings.out.is_none()
            && let Err(e) = folder::point_latest(folder)
        {
            outcome.notes.push(format!("reports/latest was not moved: {e}"));
        }
    }
    Ok(outcome)
}

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
    binary_blake3: Option<&'a str>,
    #[serde(flatten)]
    plan: &'a Plan,
}

impl<'a> PlanFile<'a> {
    fn new(prepared: &'a Prepared, environment: &'a Environment) -> Self {
        let workload = &prepared.workload;
        Self {
            workload: &workload.name,
            workload_file: workload.path.display().to_string(),
            workload_digest: &workload.digest,
            form: workload.form.as_str(),
            transaction: &workload.transaction,
            params: &prepared.parameters.canonical,
            blocks: prepared.parameters.blocks,
            binary_blake3: environment.binary_blake3.as_deref(),
            plan: &prepared.plan,
        }
    }
}

/// The record files of a run.
struct Output {
    folder: PathBuf,
    samples: RowWriter<SampleRow>,
    tiers: RowWriter<TierRow>,
}

impl Output {
    fn new(folder: PathBuf) -> Result<Self, Stop> {
        let usage =
            |e: crate::report::records::RecordError| Stop::usage(format!("{e}; name another folder with --out DIR"));
        let samples = RowWriter::create(folder.join(SAMPLES)).map_err(usage)?;
        let tiers = RowWriter::create(folder.join(TIERS)).map_err(usage)?;
        Ok(Self { folder, samples, tiers })
    }

    fn write(&mut self, samples: &[SampleRow], tiers: &[TierRow]) -> Result<(), Stop> {
        let written = self.samples.write_all(samples).and_then(|()| self.tiers.write_all(tiers));
        written.map_err(|e| Stop::failed(format!("{e}: rows measured so far are kept in {}", self.folder.display())))
    }
}

struct Session<'a> {
    prepared: &'a Prepared,
    settings: &'a Settings<'a>,
    program: &'a Path,
    output: Option<Output>,
    names: RunNames,
    reference: Vec<String>,
    tx_per_pass: u64,
    /// Cells that are wrong or failed: they are not run again.
    given_up: Vec<bool>,
    problems: Vec<String>,
    notes: Vec<String>,
    exit: Exit,
}

impl<'a> Session<'a> {
    fn new(
        prepared: &'a Prepared,
        settings: &'a Settings<'a>,
        program: &'a Path,
        output: Option<Output>,
        started: &str,
    ) -> Self {
        let folder = output.as_ref().and_then(|output| output.folder.file_name());
        Self {
            prepared,
            settings,
            program,
            names: RunNames {
                run: folder.map_or_else(|| started.to_owned(), |name| name.to_string_lossy().into_owned()),
                workload: prepared.workload.name.clone(),
                workload_digest: prepared.workload.digest.clone(),
                params: prepared.parameters.params(),
            },
            output,
            reference: Vec::new(),
            tx_per_pass: 0,
            given_up: vec![false; prepared.plan.cells.len()],
            problems: Vec::new(),
            notes: prepared.plan.notes.clone(),
            exit: Exit::Pass,
        }
    }

    fn go(&mut self) -> Result<(), Stop> {
        let bar = progress(self.prepared.plan.order.len() as u64, self.settings.quiet);
        bar.set_message("reference");
        if !self.refer()? {
            bar.finish_and_clear();
            return Ok(());
        }
        for slot in &self.prepared.plan.order {
            let cell = &self.prepared.plan.cells[slot.cell];
            bar.set_message(cell.describe());
            let goes_on = self.given_up[slot.cell] || self.step(cell, slot, &bar)?;
            if !goes_on {
                break;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn job(&self, kind: JobKind, cell: &Cell) -> Job {
        let Prepared { workload, parameters, plan } = self.prepared;
        Job {
            kind,
            workload: workload.path.clone(),
            workload_digest: workload.digest.clone(),
            form: workload.form.into(),
            transaction: workload.transaction.clone(),
            mode: cell.mode.clone(),
            executor: cell.executor.into(),
            threads: cell.threads,
            parameters: parameters.clone(),
            process_ms: if kind == JobKind::Probe { plan.process_ms / PROBE_SHARE } else { plan.process_ms },
            window_ns: plan.window_ns,
            limit_ms: plan.limit_ms,
            digests: if kind == JobKind::Reference { plan.digests } else { self.reference.len() as u64 },
            tx_per_pass: self.tx_per_pass,
        }
    }

    /// The chain that all others must equal. False: there is none, the run is over.
    fn refer(&mut self) -> Result<bool, Stop> {
        let executor = match self.prepared.workload.form {
            Form::Script => "sharded",
            Form::Block => "sequential",
        };
        let cell = Cell { mode: "interpreter".into(), executor, threads: 1, oversubscribed: false };
        let record = run_job(self.program, &self.job(JobKind::Reference, &cell), self.settings.stop);
        if let Some(error) = &record.error {
            let exit = error.exit();
            self.problem(exit, format!("the reference run (interpreter, one thread): {}", self.describe(error)));
            return Ok(false);
        }
        self.reference = record.links.iter().map(|link| link.hex.clone()).collect();
        self.tx_per_pass = record.counter(counter::TX_PER_PASS).unwrap_or_default() as u64;
        if self.reference.is_empty() {
            self.problem(Exit::Failed, "the reference run gave no digest to compare with".into());
            return Ok(false);
        }
        if self.prepared.workload.form == Form::Script && self.tx_per_pass == 0 {
            return Err(Stop::usage(format!(
                "{}: `{}` is never called, so there are no transactions to count: call it, or name another action with `config.bench_transaction`",
                self.prepared.workload.path.display(),
                self.prepared.workload.transaction
            )));
        }
        if self.prepared.workload.form == Form::Block && record.counter(counter::VERIFIED).is_none() {
            self.notes.push("the workload has no `action verify()`: only agreement is checked, no invariant".into());
        }
        Ok(true)
    }

    /// One process of the plan. False: stop here.
    fn step(&mut self, cell: &Cell, slot: &Slot, bar: &ProgressBar) -> Result<bool, Stop> {
        let began = SystemTime::now();
        let record = run_job(self.program, &self.job(slot.kind, cell), self.settings.stop);
        let agreement = self.judge(cell, slot, &record);
        let names = self.names.clone();
        let mut maker = RowMaker::new(&names, cell, slot);
        let gave_all = record.error.is_none() && matches!(agreement, Agreement::Agrees(_));
        match slot.kind {
            JobKind::Cold if gave_all => maker.cold(&record, self.first_part(cell, &record)),
            JobKind::Probe if gave_all => {
                maker.latencies(&record);
                if let Some(output) = &self.output {
                    hlog::write(&output.folder, cell, slot, began, &record.latencies)?;
                }
            }
            JobKind::Cold | JobKind::Probe => maker.refused(agreement),
            JobKind::Measure | JobKind::Smoke | JobKind::Reference | JobKind::Count | JobKind::Control => {
                maker.measured(&record, agreement);
            }
        }
        let tiers = if slot.kind == JobKind::Measure { maker.tiers(&record) } else { Vec::new() };
        if let Some(output) = &mut self.output {
            output.write(&maker.into_rows(), &tiers)?;
        }
        if self.settings.verbose {
            let how = match (&record.error, agreement) {
                (Some(error), _) => self.describe(error),
                (None, Agreement::Agrees(compared)) => format!("agrees ({compared} compared)"),
                (None, _) => "disagrees".into(),
            };
            bar.suspend(|| eprintln!("{:>3}.{} {} {:?}: {how}", slot.block, slot.slot, cell.describe(), slot.kind));
        }
        Ok(record.error != Some(ChildError::Interrupted))
    }

    fn judge(&mut self, cell: &Cell, slot: &Slot, record: &Record) -> Agreement {
        let compared = compare(&self.reference, &record.links, cell.threads);
        let unit = match self.prepared.workload.form {
            Form::Script => "pass",
            Form::Block => "block",
        };
        if let Err(Difference::Differs { isolate, index }) = compared {
            let message = format!(
                "WRONG RESULTS: {} differs from the reference in {unit} {index} (thread {isolate})",
                cell.describe()
            );
            self.give_up(slot.cell, Exit::Wrong, message);
            return Agreement::Differs;
        }
        if let Some(error) = &record.error {
            let (exit, said) = (error.exit(), self.describe(error));
            self.give_up(slot.cell, exit, format!("{}: {said}", cell.describe()));
            return if exit == Exit::Wrong { Agreement::Differs } else { Agreement::Unknown };
        }
        match compared {
            Ok(count) => Agreement::Agrees(count),
            Err(difference) => {
                let message = format!(
                    "{}: nothing could be compared with the reference ({difference:?}), so no figure is shown",
                    cell.describe()
                );
                self.give_up(slot.cell, Exit::Failed, message);
                Agreement::Unknown
            }
        }
    }

    /// The time of the first iterations, and how many they are. The tiers that hand over say it
    /// themselves; for the interpreter a second fresh process runs just so many.
    fn first_part(&self, cell: &Cell, record: &Record) -> Option<(f64, f64)> {
        if cell.mode != "interpreter" {
            return record.counter(counter::HANDOVER_NS).zip(record.counter(counter::HANDOVER_ITERATION));
        }
        let has_iterations = self.prepared.workload.program.config("bench_iterations").is_some();
        if !has_iterations || self.tx_per_pass <= DEFAULT_THRESHOLD {
            return None;
        }
        let mut job = self.job(JobKind::Cold, cell);
        job.parameters.settings.retain(|setting| setting.key != "bench_iterations");
        job.parameters
            .settings
            .push(Setting { key: "bench_iterations".into(), value: SettingValue::Int(DEFAULT_THRESHOLD as i64) });
        let short = run_job(self.program, &job, self.settings.stop);
        let run_ns = short.counter(counter::RUN_NS).filter(|_| short.error.is_none())?;
        Some((run_ns, DEFAULT_THRESHOLD as f64))
    }

    fn give_up(&mut self, cell: usize, exit: Exit, message: String) {
        self.given_up[cell] = true;
        self.problem(exit, message);
    }

    fn problem(&mut self, exit: Exit, message: String) {
        self.exit = worse(self.exit, exit);
        self.problems.push(message);
    }

    fn describe(&self, error: &ChildError) -> String {
        error.describe(std::time::Duration::from_millis(self.prepared.plan.limit_ms))
    }

    fn finish(mut self) -> Outcome {
        if let Some(output) = self.output.as_ref().filter(|_| !self.problems.is_empty()) {
            let path = output.folder.join("problems.txt");
            if let Err(e) = std::fs::write(&path, self.problems.join("\n\n") + "\n") {
                self.notes.push(format!("cannot write {}: {e}", path.display()));
            }
        }
        Outcome {
            exit: self.exit,
            folder: self.output.map(|output| output.folder),
            problems: self.problems,
            notes: self.notes,
        }
    }
}

/// Ctrl-C over wrong results over failures.
fn worse(a: Exit, b: Exit) -> Exit {
    a.max(b)
}

fn progress(steps: u64, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_status_wins() {
        assert_eq!(worse(Exit::Failed, Exit::Wrong), Exit::Wrong);
        assert_eq!(worse(Exit::Wrong, Exit::Pass), Exit::Wrong);
        assert_eq!(worse(Exit::Wrong, Exit::Interrupted), Exit::Interrupted);
    }
}
