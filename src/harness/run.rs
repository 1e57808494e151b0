//! The parent: the reference first, then the plan's processes one after another.

mod refer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use crate::engine::Program;

use super::actions;
use super::agreement::{Difference, compare};
use super::engines::{Doer, EXECUTOR, ForeignEngine};
use super::environment::{Environment, utc_now};
use super::folder;
use super::hlog;
use super::job::{Job, JobKind};
use super::mode::DEFAULT_THRESHOLD;
use super::outcome::{Exit, Stop};
use super::output::Output;
use super::parameters::{Parameters, Setting, SettingValue};
use super::plan::{Cell, PROBE_SHARE, Plan, Slot};
use super::process::{ChildError, Record, run_job};
use super::progress::{Neighbours, Progress};
use super::protocol::counter;
use super::replay;
use super::rows::{Agreement, RowMaker, RunNames, open_rows};
use super::store;
use super::trace;
use super::workload::{Form, Workload};
use refer::References;

/// What looking at the kinds of transactions may take, however short the run is.
const ACTIONS_LIMIT_MS: u64 = 30_000;

/// Everything decided; nothing started.
#[derive(Debug)]
pub struct Prepared {
    /// The workload.
    pub workload: Workload,
    /// Its parameters.
    pub parameters: Parameters,
    /// Cells and order.
    pub plan: Plan,
    /// Engines of somebody else; a cell names its own in its mode.
    pub engines: Vec<ForeignEngine>,
}

impl Prepared {
    /// The engine of a cell that is not ours.
    fn engine(&self, cell: &Cell) -> Option<&ForeignEngine> {
        self.engines.iter().find(|engine| cell.executor == EXECUTOR && engine.name == cell.mode)
    }
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
    /// Never go on with an unfinished run.
    pub fresh: bool,
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
    let program =
        std::env::current_exe().map_err(|e| Stop::failed(format!("cannot find this program's own file: {e}")))?;
    if let Some(store) = &prepared.parameters.store {
        let ledgers = prepared.plan.cells.iter().map(|cell| cell.threads).max().unwrap_or(1);
        store.check(ledgers, &store::owner(&prepared.workload.digest, &prepared.parameters))?;
    }
    let trace = trace_of(prepared, settings, &program)?;
    let started = utc_now();
    let mut environment = Environment::now(settings.argv.clone(), Some(prepared.plan.seed), started);
    environment.code_blake3 = code_hashes(&prepared.workload.program);
    let output = match prepared.plan.stamp {
        "smoke" => None,
        _ => Some(Output::open(settings.out.as_deref(), settings.fresh, prepared, &mut environment, trace.as_deref())?),
    };
    let mut session = Session::new(prepared, settings, &program, output, &environment.started_utc);
    let neighbours = Neighbours::watch();
    let finished = session.go()?;
    if finished {
        session.look_at_actions()?;
    }
    session.notes.extend(neighbours.report(session.progress.spread()));
    session.notes.extend(environment.advice());
    if let Some(output) = &session.output {
        output.close(&mut environment, finished)?;
        if !finished {
            session.notes.push("the run is not finished: the same command goes on with it".into());
        }
        if settings.out.is_none()
            && let Err(e) = folder::point_latest(&output.folder)
        {
            session.notes.push(format!("reports/latest was not moved: {e}"));
        }
    }
    Ok(session.finish())
}

/// Records the trace that was asked for; the digest of the trace that the run replays.
fn trace_of(prepared: &Prepared, settings: &Settings<'_>, program: &Path) -> Result<Option<String>, Stop> {
    let Prepared { workload, parameters, plan, .. } = prepared;
    let Some(path) = &parameters.trace else { return Ok(None) };
    if parameters.records {
        drop(trace::Writer::create(path, &replay::header("", "", parameters)).map_err(Stop::usage)?);
        let cell = Cell { mode: "interpreter".into(), executor: "sequential", threads: 1, oversubscribed: false };
        let mut job = job_of(prepared, JobKind::Record, &cell, 0);
        let transactions = parameters.blocks.unwrap_or(1) * parameters.block;
        job.limit_ms = plan.limit_ms + transactions; // a millisecond for each
        let record = run_job(program, &job, settings.stop);
        if let Some(error) = record.error {
            drop(std::fs::remove_file(trace::partial_name(path))); // it may not be there
            let said = error.describe(std::time::Duration::from_millis(job.limit_ms));
            let message = format!("{}: recording a trace: {said}", workload.path.display());
            return Err(Stop { exit: error.exit(), message });
        }
    }
    replay::checked(path).map(Some)
}

/// What a process is told; the parts that only a reference can know are left open.
fn job_of(prepared: &Prepared, kind: JobKind, cell: &Cell, tx_per_pass: u64) -> Job {
    let Prepared { workload, parameters, plan, .. } = prepared;
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
        digests: plan.digests,
        tx_per_pass,
        output_chain: false,
        cache: None,
        added: 0.0,
        dropped: Vec::new(),
        explain: None,
        open: plan.open.clone(),
    }
}

/// BLAKE3 of what each tier makes of a program.
fn code_hashes(program: &Program) -> BTreeMap<&'static str, String> {
    let hash = |text: String| blake3::hash(text.as_bytes()).to_hex().to_string();
    BTreeMap::from([("interpreter", hash(program.dump_tree())), ("vm", hash(program.dump_bytecode()))])
}

struct Session<'a> {
    prepared: &'a Prepared,
    settings: &'a Settings<'a>,
    program: &'a Path,
    output: Option<Output>,
    progress: Progress,
    names: RunNames,
    references: References,
    /// Cells that are wrong or failed: they are not run again.
    given_up: Vec<bool>,
    problems: Vec<String>,
    notes: Vec<String>,
    exit: Exit,
    /// Compiled programs for the second runs of cold-start rows.
    cache: Option<tempfile::TempDir>,
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
        let mut notes: Vec<String> = output.as_ref().map_or_else(Vec::new, |output| output.notes.clone());
        notes.extend(prepared.plan.notes.iter().cloned());
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
            references: References::default(),
            cache: None,
            given_up: vec![false; prepared.plan.cells.len()],
            problems: Vec::new(),
            notes,
            progress: Progress::new(&prepared.plan, settings.quiet),
            exit: Exit::Pass,
        }
    }

    /// Runs what the plan has left. False: it was stopped before its end.
    fn go(&mut self) -> Result<bool, Stop> {
        self.progress.say("reference");
        let went = self.refer().and_then(|can_go| if can_go { self.measure() } else { Ok(self.is_going()) });
        self.progress.clear();
        went
    }

    fn measure(&mut self) -> Result<bool, Stop> {
        let prepared = self.prepared;
        for slot in &prepared.plan.order {
            let cell = &prepared.plan.cells[slot.cell];
            self.progress.say(&cell.describe());
            let skip = self.given_up[slot.cell] || self.output.as_ref().is_some_and(|output| output.has(slot));
            if !skip && !self.step(cell, slot)? {
                return Ok(false);
            }
            self.progress.step(slot);
        }
        Ok(self.is_going())
    }

    /// What each kind of transaction costs, in a process that measures no throughput.
    fn look_at_actions(&mut self) -> Result<(), Stop> {
        let is_block = self.prepared.workload.form == Form::Block && self.references.own.is_some();
        let Some(output) = self.output.as_ref().filter(|_| is_block && self.exit == Exit::Pass) else { return Ok(()) };
        let cell = Cell { mode: "vm".into(), executor: "sequential", threads: 1, oversubscribed: false };
        let mut job = self.job(JobKind::Actions, &cell);
        job.limit_ms = job.limit_ms.max(ACTIONS_LIMIT_MS);
        let record = run_job(self.program, &job, self.settings.stop);
        if let Some(error) = &record.error {
            let said = self.describe(error);
            self.notes.push(format!("no table of transactions by kind: {said}"));
            return Ok(());
        }
        actions::write(&output.folder, &self.names, &record)
    }

    fn is_going(&self) -> bool {
        self.exit != Exit::Interrupted
    }

    fn job(&self, kind: JobKind, cell: &Cell) -> Job {
        let mut job = job_of(self.prepared, kind, cell, self.references.own.as_ref().map_or(0, |own| own.tx_per_pass));
        if let Some(reference) = self.references.of(cell).filter(|_| kind != JobKind::Reference) {
            job.digests = reference.links.len() as u64;
        }
        job
    }

    fn doer(&self, cell: &Cell) -> Doer<'a> {
        self.prepared.engine(cell).map_or(Doer::Own(self.program), Doer::Foreign)
    }

    /// One process of the plan. False: stop here.
    fn step(&mut self, cell: &Cell, slot: &Slot) -> Result<bool, Stop> {
        let began = SystemTime::now();
        let record = self.doer(cell).run(&self.job(slot.kind, cell), self.settings.stop);
        let agreement = self.judge(cell, slot, &record);
        let names = self.names.clone();
        let mut maker = RowMaker::new(&names, cell, slot);
        let gave_all = record.error.is_none() && matches!(agreement, Agreement::Agrees(_));
        match slot.kind {
            JobKind::Cold if gave_all => {
                maker.cold(&record, self.first_part(cell, &record));
                if let Some(wall_ns) = self.second_run(cell, &record) {
                    maker.second_run(wall_ns);
                }
            }
            JobKind::Probe if gave_all => {
                maker.latencies(&record);
                if let Some(output) = &self.output {
                    hlog::write(&output.folder, cell, slot, began, &record.latencies)?;
                }
            }
            JobKind::Cold | JobKind::Probe => maker.refused(agreement),
            JobKind::Open => {
                if let Some(output) = self.output.as_ref().filter(|_| gave_all) {
                    hlog::write_open(&output.folder, cell, slot, began, &record.steps)?;
                }
            }
            JobKind::Measure
            | JobKind::Smoke
            | JobKind::Reference
            | JobKind::Record
            | JobKind::Actions
            | JobKind::Count
            | JobKind::Control => {
                maker.measured(&record, agreement);
                if gave_all && !record.latencies.is_empty() {
                    maker.latencies(&record);
                    if let Some(output) = &self.output {
                        hlog::write(&output.folder, cell, slot, began, &record.latencies)?;
                    }
                }
                if let Some(tps) = RowMaker::figure(&record, cell.threads).filter(|_| gave_all) {
                    self.progress.figure(slot, &cell.describe(), tps);
                }
            }
        }
        let open = self.prepared.plan.open.as_ref().filter(|_| slot.kind == JobKind::Open);
        let rows = match open {
            Some(load) => open_rows(&names, load, (cell, slot), &record, agreement),
            None => {
                maker.ended(&record);
                Vec::new()
            }
        };
        let tiers = if slot.kind == JobKind::Measure { maker.tiers(&record) } else { Vec::new() };
        // What Ctrl-C cut short is measured again when the run is gone on with.
        if let Some(output) = self.output.as_mut().filter(|_| record.error != Some(ChildError::Interrupted)) {
            output.write(&[maker.into_rows(), rows].concat(), &tiers)?;
        }
        if self.settings.verbose {
            let how = match (&record.error, agreement) {
                (Some(error), _) => self.describe(error),
                (None, Agreement::Agrees(compared)) => format!("agrees ({compared} compared)"),
                (None, _) => "disagrees".into(),
            };
            let kind = format!("{:?}", slot.kind).to_lowercase();
            self.progress.line(&format!("{:>3}.{:<3} {kind:<8} {}: {how}", slot.block, slot.slot, cell.describe()));
        }
        Ok(record.error != Some(ChildError::Interrupted))
    }

    fn judge(&mut self, cell: &Cell, slot: &Slot, record: &Record) -> Agreement {
        let reference = self.references.of(cell).map_or(&[][..], |reference| &reference.links);
        let compared = compare(reference, &record.links, cell.threads);
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
                    "{}: nothing could be compared with the reference ({}), so no figure is shown",
                    cell.describe(),
                    difference.describe()
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
        if !has_iterations || self.references.own.as_ref().is_none_or(|own| own.tx_per_pass <= DEFAULT_THRESHOLD) {
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

    /// The whole second run of a program whose first has filled the cache, as with `ZX_CACHE=always`: every other
    /// process of the harness runs with the cache off. None unless it came from there and did the same.
    fn second_run(&mut self, cell: &Cell, first: &Record) -> Option<u64> {
        if cell.mode != "adaptive" {
            return None;
        }
        if self.cache.is_none() {
            self.cache = tempfile::tempdir().ok();
        }
        let job = Job { cache: Some(self.cache.as_ref()?.path().to_owned()), ..self.job(JobKind::Cold, cell) };
        let mut second = run_job(self.program, &job, self.settings.stop);
        if second.error.is_none() && second.counter(counter::LOAD_NS).is_none() {
            // The first has only filled it.
            second = run_job(self.program, &job, self.settings.stop);
        }
        second.counter(counter::LOAD_NS).filter(|_| second.error.is_none())?;
        if second.links != first.links {
            self.problem(Exit::Wrong, format!("WRONG RESULTS: {} from the cache differs", cell.describe()));
            return None;
        }
        Some(second.wall_ns)
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
