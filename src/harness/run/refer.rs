//! What every process must agree with: our reference's chain, and those of other engines.

use std::collections::BTreeMap;

use super::super::agreement::compare;
use super::super::engines::{Doer, EXECUTOR, ForeignEngine};
use super::super::job::{Job, JobKind};
use super::super::outcome::{Exit, Stop};
use super::super::plan::Cell;
use super::super::process::Record;
use super::super::protocol::{OUTPUT_CHAIN, counter};
use super::super::workload::Form;
use super::Session;

/// Links that are kept of a chain.
const LINKS_MAX: usize = 10_000;

/// One chain.
#[derive(Debug, Clone, Default)]
pub(super) struct Reference {
    pub(super) links: Vec<String>,
    /// Transactions of one pass, where they were counted.
    pub(super) tx_per_pass: u64,
    /// Who made it.
    by: String,
}

/// All of a run.
#[derive(Debug, Default)]
pub(super) struct References {
    /// The evaluator's, for our own cells.
    pub(super) own: Option<Reference>,
    /// What each other engine's digests are of.
    names: BTreeMap<String, String>,
    /// By what the digests are of.
    named: BTreeMap<String, Reference>,
}

impl References {
    /// What a cell's processes must agree with.
    pub(super) fn of(&self, cell: &Cell) -> Option<&Reference> {
        if cell.executor == EXECUTOR { self.named.get(self.names.get(&cell.mode)?) } else { self.own.as_ref() }
    }
}

impl Session<'_> {
    /// Makes every chain that is needed. False: there is none, the run is over.
    pub(super) fn refer(&mut self) -> Result<bool, Stop> {
        let has_own = self.prepared.plan.cells.iter().any(|cell| cell.executor != EXECUTOR);
        if has_own && !self.refer_own()? {
            return Ok(false);
        }
        let prepared = self.prepared;
        for engine in &prepared.engines {
            self.progress.say(&format!("reference of {}", engine.name));
            if let Err((exit, message)) = self.refer_engine(engine) {
                let cells: Vec<usize> = (0..prepared.plan.cells.len()).collect();
                cells.iter().filter(|&&at| prepared.engine(&prepared.plan.cells[at]) == Some(engine)).for_each(|&at| {
                    self.given_up[at] = true;
                });
                self.problem(exit, message);
            }
            if !self.is_going() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn reference_cell(&self) -> Cell {
        let executor = match self.prepared.workload.form {
            Form::Script => "sharded",
            Form::Block => "sequential",
        };
        Cell { mode: "interpreter".into(), executor, threads: 1, oversubscribed: false }
    }

    fn refer_own(&mut self) -> Result<bool, Stop> {
        let job = self.job(JobKind::Reference, &self.reference_cell());
        let record = Doer::Own(self.program).run(&job, self.settings.stop);
        if let Some(error) = &record.error {
            let exit = error.exit();
            self.problem(exit, format!("the reference run (interpreter, one thread): {}", self.describe(error)));
            return Ok(false);
        }
        let reference = reference(&record, "the interpreter");
        if reference.links.is_empty() {
            self.problem(Exit::Failed, "the reference run gave no digest to compare with".into());
            return Ok(false);
        }
        if self.prepared.workload.form == Form::Script && reference.tx_per_pass == 0 {
            return Err(Stop::usage(format!(
                "{}: `{}` is never called, so there are no transactions to count: call it, or name another action with `config.bench_transaction`",
                self.prepared.workload.path.display(),
                self.prepared.workload.transaction
            )));
        }
        if self.prepared.workload.form == Form::Block && record.counter(counter::VERIFIED).is_none() {
            self.notes.push("the workload has no `action verify()`: only agreement is checked, no invariant".into());
        }
        self.references.own = Some(reference);
        Ok(true)
    }

    /// The first process of another engine: its chain is its reference, unless another made one of the same name.
    fn refer_engine(&mut self, engine: &ForeignEngine) -> Result<(), (Exit, String)> {
        let cell = Cell { mode: engine.name.clone(), executor: EXECUTOR, threads: 1, oversubscribed: false };
        let job = self.job(JobKind::Reference, &cell);
        let record = Doer::Foreign(engine).run(&job, self.settings.stop);
        let what = format!("the first run of {}", engine.name);
        if let Some(error) = &record.error {
            return Err((error.exit(), format!("{what}: {}", self.describe(error))));
        }
        let chain = record.chain.clone().map_or_else(|| format!("of {}", engine.name), |name| format!("named {name}"));
        let is_output = record.chain.as_deref() == Some(OUTPUT_CHAIN);
        if is_output && !self.references.named.contains_key(&chain) && self.can_print() {
            let made = self.output_chain()?;
            self.references.named.insert(chain.clone(), made);
        }
        let mine = reference(&record, &engine.name);
        let right = self.references.named.entry(chain.clone()).or_insert(mine);
        self.references.names.insert(engine.name.clone(), chain);
        check_passes(&record, right).map_err(|message| (Exit::Failed, format!("{what}: {message}")))?;
        match compare(&right.links, &record.links, 1) {
            Ok(_) => Ok(()),
            Err(difference @ super::Difference::Differs { .. }) => Err((
                Exit::Wrong,
                format!("WRONG RESULTS: {} differs from {}: {}", engine.name, right.by, difference.describe()),
            )),
            Err(difference) => Err((
                Exit::Failed,
                format!("{what}: nothing could be compared ({}), so no figure is shown", difference.describe()),
            )),
        }
    }

    /// Whether our own interpreter can say what the workload prints.
    fn can_print(&self) -> bool {
        !self.prepared.workload.is_foreign && self.prepared.workload.form == Form::Script
    }

    /// The chain of what the workload prints, made by our interpreter.
    fn output_chain(&self) -> Result<Reference, (Exit, String)> {
        let job = Job { output_chain: true, ..self.job(JobKind::Reference, &self.reference_cell()) };
        let record = Doer::Own(self.program).run(&job, self.settings.stop);
        match &record.error {
            None => Ok(reference(&record, "the interpreter")),
            Some(error) => {
                Err((error.exit(), format!("the reference run for other engines: {}", self.describe(error))))
            }
        }
    }
}

/// Where the transactions of a pass are known, windows hold whole passes.
fn check_passes(record: &Record, right: &Reference) -> Result<(), String> {
    let each = right.tx_per_pass;
    let odd = record.windows.iter().find(|window| each > 0 && window.n % each != 0);
    odd.map_or(Ok(()), |window| {
        Err(format!(
            "it said a window of {} transactions, but {} counted {each} in a pass, and windows hold whole passes",
            window.n, right.by
        ))
    })
}

fn reference(record: &Record, by: &str) -> Reference {
    // A chain without end would only be memory.
    let links = record.links.iter().filter(|link| link.isolate == 0).take(LINKS_MAX);
    Reference {
        links: links.map(|link| link.hex.clone()).collect(),
        tx_per_pass: record.counter(counter::TX_PER_PASS).unwrap_or_default() as u64,
        by: by.to_owned(),
    }
}
