//! Measures a gate: rounds of mirrored blocks, judged after each, until every cell is decided or the time is over.
//!
//! A block of a cell is six processes: base, null (the base again) and head in a drawn order, and then the mirror of
//! that order. A round is one block of every undecided cell, in drawn order, and one A B B A block of the control.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::super::agreement::{Difference, compare};
use super::super::engines::EXECUTOR;
use super::super::environment::{Environment, Load, utc_now};
use super::super::folder;
use super::super::job::{Job, JobKind};
use super::super::mode::mode_text;
use super::super::outcome::{Exit, Stop};
use super::super::plan::{Cell, Slot};
use super::super::process::{Record, run_job};
use super::super::protocol::counter;
use super::super::rows::{Agreement, RowMaker, RunNames};
use super::super::workload::Form;
use super::counters::{Counts, count};
use super::sides::{Pair, Side};
use super::{Outcome, Settings};
use crate::report::gate::design::PAIRS_A_BLOCK;
use crate::report::gate::observe::{CONTROL, condensed};
use crate::report::gate::{Design, GateVerdict, drift, files, judge, observe};
use crate::report::metrics::{self, unit};
use crate::report::records::{Arm, Params, Phase, RowWriter, SAMPLES, SCHEMA, SampleRow};

/// Links of each side's reference chain.
const DIGESTS: u64 = 20;
/// Shortest and longest time that a process runs windows.
const PROCESS_MS: (u64, u64) = (100, 2000);
/// Starting a process, reading the workload, set-up.
const OVERHEAD_MS: u64 = 60;
/// The control's processes are short: its loop has nothing to warm up.
const CONTROL_MS: u64 = 150;
const WINDOW_NS: u64 = 10_000_000;
const WINDOW_NS_LEAST: u64 = 1_000_000;
const WINDOWS_AIMED: u64 = 50;
/// A process that has not ended its work by then is interrupted.
const LIMIT_MS: u64 = 30_000;

/// How long processes and windows are.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "as in Job")]
pub struct Lengths {
    pub process_ms: u64,
    pub window_ns: u64,
    pub limit_ms: u64,
}

impl Lengths {
    /// So that `processes` of them fit into `time`.
    pub fn fitting(time: Duration, processes: u64) -> Self {
        let each = (time.as_millis() as u64 / processes.max(1)).saturating_sub(OVERHEAD_MS);
        let process_ms = each.clamp(PROCESS_MS.0, PROCESS_MS.1);
        let window_ns = (process_ms * 1_000_000 / WINDOWS_AIMED).clamp(WINDOW_NS_LEAST, WINDOW_NS);
        Self { process_ms, window_ns, limit_ms: LIMIT_MS }
    }
}

/// A side's reference: what its processes must agree with.
#[derive(Debug, Default)]
pub(super) struct Reference {
    pub(super) chain: Vec<String>,
    pub(super) tx_per_pass: u64,
}

/// The job of a process of a side.
pub(super) fn job(kind: JobKind, side: &Side, cell: &Cell, lengths: Lengths, reference: &Reference) -> Job {
    Job {
        kind,
        workload: side.workload.path.clone(),
        workload_digest: side.workload.digest.clone(),
        form: side.workload.form.into(),
        transaction: side.workload.transaction.clone(),
        mode: cell.mode.clone(),
        executor: cell.executor.into(),
        threads: 1,
        parameters: side.parameters.clone(),
        process_ms: lengths.process_ms,
        window_ns: lengths.window_ns,
        limit_ms: lengths.limit_ms,
        digests: if kind == JobKind::Reference { DIGESTS } else { reference.chain.len() as u64 },
        tx_per_pass: reference.tx_per_pass,
        output_chain: false,
        cache: None,
        added: 0.0,
        dropped: Vec::new(),
        explain: None,
        open: None,
    }
}

/// The cell of a mode on one thread.
pub(super) fn cell_of(side: &Side, mode: String) -> Cell {
    if let Some(engine) = &side.engine {
        return Cell { mode: engine.name.clone(), executor: EXECUTOR, threads: 1, oversubscribed: false };
    }
    let executor = match side.workload.form {
        Form::Script => "sharded",
        Form::Block => "sequential",
    };
    Cell { mode, executor, threads: 1, oversubscribed: false }
}

/// Makes a side's reference: the interpreter on one thread.
pub(super) fn refer(side: &Side, what: &str, lengths: Lengths, settings: &Settings<'_>) -> Result<Reference, Stop> {
    let cell = cell_of(side, "interpreter".into());
    let record = side.doer().run(&job(JobKind::Reference, side, &cell, lengths, &Reference::default()), settings.stop);
    if let Some(error) = &record.error {
        let said = error.describe(Duration::from_millis(lengths.limit_ms));
        let program = side.what();
        let exit = if what == "head" || error.exit() == Exit::Interrupted { error.exit() } else { Exit::Unfit };
        return Err(Stop { exit, message: format!("the reference run of the {what} ({program}): {said}") });
    }
    let chain: Vec<String> = record.links.iter().map(|link| link.hex.clone()).collect();
    let tx_per_pass = record.counter(counter::TX_PER_PASS).unwrap_or_default() as u64;
    if chain.is_empty() && side.engine.is_some() {
        let exit = if what == "head" { Exit::Failed } else { Exit::Unfit };
        return Err(Stop {
            exit,
            message: format!("the {what} ({}) said no digest, so nothing proves its work", side.what()),
        });
    }
    let needs_count = side.workload.form == Form::Script && side.engine.is_none();
    if chain.is_empty() || (needs_count && tx_per_pass == 0) {
        let path = side.workload.path.display();
        return Err(Stop::usage(format!("{path}: no transaction was counted in the {what}'s reference run")));
    }
    Ok(Reference { chain, tx_per_pass })
}

/// What a process's record is worth.
pub(super) fn judge_process(record: &Record, reference: &Reference) -> Result<Agreement, (Exit, String)> {
    match compare(&reference.chain, &record.links, 1) {
        Err(Difference::Differs { index, .. }) => {
            Err((Exit::Wrong, format!("WRONG RESULTS: it differs from its reference in pass or block {index}")))
        }
        compared => match (&record.error, compared) {
            (Some(error), _) => Err((error.exit(), error.describe(Duration::from_millis(LIMIT_MS)))),
            (None, Ok(count)) => Ok(Agreement::Agrees(count)),
            (None, Err(_)) => Err((Exit::Failed, "it gave nothing to compare with its reference".into())),
        },
    }
}

/// `plan.json`.
#[derive(Serialize)]
struct PlanFile<'a> {
    gate: &'a Design,
    cells: Vec<String>,
    base: Vec<SideFile>,
    head: Vec<SideFile>,
    lengths: Lengths,
    seed: u64,
    max_time_s: u64,
}

#[derive(Serialize)]
struct SideFile {
    program: String,
    program_blake3: String,
    workload: String,
    workload_digest: String,
    params: String,
}

impl SideFile {
    fn of(side: &Side) -> Result<Self, Stop> {
        Ok(Self {
            program: side.what(),
            program_blake3: side.program_hash()?,
            workload: side.workload.path.display().to_string(),
            workload_digest: side.workload.digest.clone(),
            params: side.parameters.canonical.clone(),
        })
    }
}

/// One cell under measurement.
struct Gated {
    pair: usize,
    cell: Cell,
    name: String,
    decided: bool,
    processes: u32,
}

/// Measures, judges, writes everything.
pub fn gate(pairs: &[Pair], settings: &Settings<'_>) -> Result<Outcome, Stop> {
    let started = utc_now();
    let mut environment = Environment::now(settings.argv.clone(), Some(settings.seed), started.clone());
    let mut cells = Vec::new();
    for (index, pair) in pairs.iter().enumerate() {
        // An engine of somebody else has no modes of ours.
        let modes = if pair.head.engine.is_some() { &settings.modes[..1] } else { &settings.modes };
        for &mode in modes {
            let cell = cell_of(&pair.head, mode_text(mode));
            let name = format!("{}/{}/1", pair.head.workload.name, cell.mode);
            cells.push(Gated { pair: index, cell, name, decided: false, processes: 0 });
        }
    }
    let rounds = u64::from(settings.design.most_pairs() / PAIRS_A_BLOCK);
    let lengths = Lengths::fitting(settings.max_time, rounds * (cells.len() as u64 * 6 + 2));
    let folder = folder::make(settings.out.as_deref(), &started, "gate", &environment.short_revision())?;
    folder::write_json(&folder, "env.json", &environment)?;
    let plan = PlanFile {
        gate: &settings.design,
        cells: cells.iter().map(|cell| cell.name.clone()).collect(),
        base: pairs.iter().map(|pair| SideFile::of(&pair.base)).collect::<Result<_, _>>()?,
        head: pairs.iter().map(|pair| SideFile::of(&pair.head)).collect::<Result<_, _>>()?,
        lengths,
        seed: settings.seed,
        max_time_s: settings.max_time.as_secs(),
    };
    folder::write_json(&folder, "plan.json", &plan)?;
    let output = RowWriter::create(folder.join(SAMPLES)).map_err(|e| Stop::usage(e.to_string()))?;
    let mut session = Session {
        pairs,
        settings,
        lengths,
        run: folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        program: std::env::current_exe()
            .map_err(|e| Stop::failed(format!("cannot find this program's own file: {e}")))?,
        output,
        rows: Vec::new(),
        cells,
        controls: 0,
        problem: None,
        notes: environment.advice(),
    };
    let verdict =
        if settings.design.unmeasured.is_some() { judge(&settings.design, &observe(&[])) } else { session.go()? };
    files::write(&folder, &verdict, &settings.design).map_err(Stop::failed)?;
    drift::draw(&folder, &observe(&session.rows), &settings.design, &verdict).map_err(Stop::failed)?;
    environment.after = Some(Load::now());
    folder::write_json(&folder, "env.json", &environment)?;
    if settings.out.is_none()
        && let Err(e) = folder::point_latest(&folder)
    {
        session.notes.push(format!("reports/latest was not moved: {e}"));
    }
    let (exit, problems) = session.problem.map_or((Exit::Pass, Vec::new()), |(exit, said)| (exit, vec![said]));
    Ok(Outcome { verdict, exit, folder, problems, notes: session.notes })
}

struct Session<'a> {
    pairs: &'a [Pair],
    settings: &'a Settings<'a>,
    lengths: Lengths,
    run: String,
    program: PathBuf,
    output: RowWriter<SampleRow>,
    /// What the verdict is made from, condensed.
    rows: Vec<SampleRow>,
    cells: Vec<Gated>,
    controls: u32,
    problem: Option<(Exit, String)>,
    notes: Vec<String>,
}

impl Session<'_> {
    fn go(&mut self) -> Result<GateVerdict, Stop> {
        let begin = Instant::now();
        let mut references = Vec::new();
        for pair in self.pairs {
            references.push([
                refer(&pair.base, "base", self.lengths, self.settings)?,
                refer(&pair.head, "head", self.lengths, self.settings)?,
            ]);
        }
        self.count(&references)?;
        let mut random = ChaCha8Rng::seed_from_u64(self.settings.seed);
        let most = self.settings.design.most_pairs(); // two stages of so many pairs, two pairs a block
        for round in 0..most {
            let goes_on = self.round(round, &references, &mut random, begin)?;
            let verdict = judge(&self.settings.design, &observe(&self.rows));
            for cell in &mut self.cells {
                cell.decided = verdict.cells.iter().any(|each| each.cell == cell.name && each.decided);
            }
            self.say_progress(round, begin);
            if !goes_on || self.cells.iter().all(|cell| cell.decided) {
                break;
            }
        }
        Ok(judge(&self.settings.design, &observe(&self.rows)))
    }

    fn say_progress(&self, round: u32, begin: Instant) {
        if self.settings.verbose {
            let open = self.cells.iter().filter(|cell| !cell.decided).count();
            let seconds = begin.elapsed().as_secs();
            tellln!("round {}: {open} of {} cells undecided after {seconds} s", round + 1, self.cells.len());
        }
    }

    /// One block of every undecided cell and of the control. False: stop here.
    fn round(
        &mut self,
        round: u32,
        references: &[[Reference; 2]],
        random: &mut ChaCha8Rng,
        begin: Instant,
    ) -> Result<bool, Stop> {
        let mut open: Vec<usize> = (0..self.cells.len()).filter(|&index| !self.cells[index].decided).collect();
        open.shuffle(random);
        for index in open {
            let mut order = vec![Arm::Base, Arm::Null, Arm::Head];
            order.shuffle(random);
            order.extend(order.clone().into_iter().rev());
            for (slot, arm) in order.into_iter().enumerate() {
                if begin.elapsed() > self.settings.max_time {
                    let limit = self.settings.max_time.as_secs();
                    self.notes.push(format!("the time was over (--max-time {limit}s) before every cell was decided"));
                    return Ok(false);
                }
                if !self.process(index, arm, round, slot as u32, references)? {
                    return Ok(false);
                }
            }
        }
        for slot in 0..4 {
            if !self.control(round, slot)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn process(
        &mut self,
        index: usize,
        arm: Arm,
        block: u32,
        slot: u32,
        references: &[[Reference; 2]],
    ) -> Result<bool, Stop> {
        let gated = &mut self.cells[index];
        let (pair, process) = (&self.pairs[gated.pair], gated.processes);
        gated.processes += 1;
        let gated = &self.cells[index];
        let is_head = arm == Arm::Head;
        let side = if is_head { &pair.head } else { &pair.base };
        let reference = &references[gated.pair][usize::from(is_head)];
        let job = job(JobKind::Measure, side, &gated.cell, self.lengths, reference);
        let record = side.doer().run(&job, self.settings.stop);
        let judged = judge_process(&record, reference);
        let names = self.names(side, &pair.head.workload.name);
        let slot = Slot { block, slot, cell: index, process, kind: JobKind::Measure };
        let agreement = match &judged {
            Ok(agreement) => *agreement,
            Err((Exit::Wrong, _)) => Agreement::Differs,
            Err(_) => Agreement::Unknown,
        };
        let mut maker = RowMaker::new(&names, &gated.cell, &slot);
        maker.measured(&record, agreement);
        let rows = maker.into_rows();
        let said = format!("{} ({arm:?} arm, {})", gated.name, side.what());
        self.keep(rows, arm)?;
        let Err((exit, message)) = judged else { return Ok(true) };
        // With a base that cannot be run there is nothing to compare with.
        let exit = if !is_head && exit == Exit::Failed { Exit::Unfit } else { exit };
        self.problem = Some((exit, format!("{said}: {message}")));
        Ok(false)
    }

    fn control(&mut self, block: u32, slot: u32) -> Result<bool, Stop> {
        let side = &self.pairs[0].head;
        let cell = Cell { mode: "native".into(), executor: "sequential", threads: 1, oversubscribed: false };
        let lengths = Lengths { process_ms: CONTROL_MS.min(self.lengths.process_ms), ..self.lengths };
        let job = job(JobKind::Control, side, &cell, lengths, &Reference::default());
        let record = run_job(&self.program, &job, self.settings.stop);
        let names = RunNames {
            run: self.run.clone(),
            workload: CONTROL.into(),
            workload_digest: String::new(),
            params: Params::new(),
        };
        let slot = Slot { block, slot, cell: 0, process: self.controls, kind: JobKind::Control };
        self.controls += 1;
        let mut maker = RowMaker::new(&names, &cell, &slot);
        maker.measured(&record, Agreement::Unknown);
        let rows = maker.into_rows();
        self.keep(rows, Arm::Control)?;
        let Some(error) = &record.error else { return Ok(true) };
        let said = error.describe(Duration::from_millis(lengths.limit_ms));
        self.problem = Some((error.exit(), format!("the control: {said}")));
        Ok(false)
    }

    fn names(&self, side: &Side, workload: &str) -> RunNames {
        RunNames {
            run: self.run.clone(),
            workload: workload.to_owned(),
            workload_digest: side.workload.digest.clone(),
            params: side.parameters.params(),
        }
    }

    fn keep(&mut self, mut rows: Vec<SampleRow>, arm: Arm) -> Result<(), Stop> {
        for row in &mut rows {
            row.arm = arm;
        }
        self.output.write_all(&rows).map_err(|e| Stop::failed(e.to_string()))?;
        self.rows.append(&mut condensed(&rows));
        Ok(())
    }

    /// Gas, output and counters of both sides, without a clock.
    fn count(&mut self, references: &[[Reference; 2]]) -> Result<(), Stop> {
        let mut known: BTreeMap<(PathBuf, String), Counts> = BTreeMap::new();
        for (index, pair) in self.pairs.iter().enumerate() {
            if pair.head.engine.is_some() {
                self.compare_chains(index, &references[index])?;
                continue;
            }
            let mut both = Vec::new();
            for side in [&pair.base, &pair.head] {
                let key = (side.program.clone(), side.workload.digest.clone());
                let counts = match known.get(&key) {
                    Some(counts) => counts.clone(),
                    None => match count(&side.program, &side.workload, &side.parameters, "vm", self.settings.stop) {
                        Ok(counts) => counts,
                        Err(stop) if self.cannot_do_without(&stop) => return Err(stop),
                        Err(stop) => {
                            self.notes.push(format!("gas, output and counters were not compared: {}", stop.message));
                            break;
                        }
                    },
                };
                known.insert(key, counts.clone());
                both.push((side, counts));
            }
            let [(base, of_base), (head, of_head)] = &both[..] else { continue };
            let same = f64::from(u8::from(of_base.seen == of_head.seen));
            for (arm, side, counts, same) in [(Arm::Base, base, of_base, None), (Arm::Head, head, of_head, Some(same))]
            {
                let rows = self.count_rows(index, side, counts, same);
                self.keep(rows, arm)?;
            }
        }
        Ok(())
    }

    /// Of other engines nothing is counted; what their digests are of is their output.
    fn compare_chains(&mut self, index: usize, [base, head]: &[Reference; 2]) -> Result<(), Stop> {
        let same = base.chain.iter().zip(&head.chain).all(|(base, head)| base == head);
        let pair = &self.pairs[index];
        let names = self.names(&pair.head, &pair.head.workload.name);
        let cell = cell_of(&pair.head, String::new());
        let gated = self.cells.iter_mut().find(|cell| cell.pair == index);
        let process = gated.map_or(0, |gated| {
            gated.processes += 1;
            gated.processes - 1
        });
        let row = counted_row(&names, &cell, process, (metrics::SAME_OUTPUT, f64::from(u8::from(same)), unit::COUNT));
        self.keep(vec![row], Arm::Head)
    }

    /// An error that must not become a note: what was asked to be gated cannot be.
    fn cannot_do_without(&self, stop: &Stop) -> bool {
        let gated = self.settings.design.gas_equal || self.settings.design.same_output;
        gated || matches!(stop.exit, Exit::Interrupted | Exit::Wrong | Exit::Bug)
    }

    fn count_rows(&mut self, pair: usize, side: &Side, counts: &Counts, same: Option<f64>) -> Vec<SampleRow> {
        // A process ordinal of its own in the cell that it belongs to, if that is measured too.
        let measured = self.cells.iter_mut().find(|cell| cell.pair == pair && cell.cell.mode == "vm");
        let process = measured.map_or(u32::from(same.is_some()), |cell| {
            cell.processes += 1;
            cell.processes - 1
        });
        let cell = cell_of(side, "vm".into());
        let names = self.names(side, &self.pairs[pair].head.workload.name);
        let values = [
            (metrics::COUNTED_GAS, Some(counts.gas as f64), unit::GAS),
            (metrics::VM_OPERATIONS, counts.vm_operations.map(|count| count as f64), unit::COUNT),
            (metrics::ALLOCATIONS, Some(counts.allocations as f64), unit::COUNT),
            (metrics::BYTECODE_BYTES, Some(counts.bytecode_bytes as f64), unit::BYTES),
            (metrics::SAME_OUTPUT, same, unit::COUNT),
        ];
        let known = values.into_iter().filter_map(|(metric, value, unit)| Some((metric, value?, unit)));
        known.map(|value| counted_row(&names, &cell, process, value)).collect()
    }
}

/// A row of a process that was not timed.
fn counted_row(names: &RunNames, cell: &Cell, process: u32, (metric, value, unit): (&str, f64, &str)) -> SampleRow {
    SampleRow {
        schema: SCHEMA,
        run: names.run.clone(),
        arm: Arm::Base,
        block: None,
        slot: None,
        workload: names.workload.clone(),
        workload_digest: names.workload_digest.clone(),
        params: names.params.clone(),
        mode: cell.mode.clone(),
        executor: cell.executor.into(),
        threads: 1,
        process,
        isolate: None,
        window: None,
        phase: Phase::Steady,
        at_ns: None,
        metric: metric.into(),
        value: Some(value),
        unit: unit.into(),
    }
}

/// This program's own file, for a head that was not named.
pub fn own_program() -> Result<PathBuf, Stop> {
    std::env::current_exe().map_err(|e| Stop::failed(format!("cannot find this program's own file: {e}")))
}

/// Whether a path is a file that can be run as a head.
pub fn head_program(path: Option<&Path>) -> Result<PathBuf, Stop> {
    let Some(path) = path else { return own_program() };
    if !path.is_file() {
        return Err(Stop::usage(format!("--head {}: there is no such file; name a zx-bench binary", path.display())));
    }
    std::path::absolute(path).map_err(|e| Stop::usage(format!("--head {}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_fit_the_time() {
        let long = Lengths::fitting(Duration::from_mins(10), 100);
        assert_eq!((long.process_ms, long.window_ns), (2000, WINDOW_NS));
        let default = Lengths::fitting(Duration::from_mins(10), 20 * 26);
        assert!((900..1200).contains(&default.process_ms), "{default:?}");
        let short = Lengths::fitting(Duration::from_secs(1), 520);
        assert_eq!((short.process_ms, short.window_ns), (100, 2_000_000));
    }
}
