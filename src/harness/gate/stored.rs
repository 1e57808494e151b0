//! A gate against a folder of results: its figures, beside fresh ones of the head.
//!
//! Nothing is paired, and nothing says what the machine did in between. The verdict is advisory unless the machine's
//! fingerprint is the same.

use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::super::environment::{Environment, Load, utc_now};
use super::super::folder;
use super::super::job::JobKind;
use super::super::outcome::{Exit, Stop};
use super::super::plan::Slot;
use super::super::process::run_job;
use super::super::rows::{Agreement, RowMaker, RunNames};
use super::session::{Lengths, cell_of, job, judge_process, refer};
use super::sides::Side;
use super::{Outcome, Settings};
use crate::report::cells::CellKey;
use crate::report::folder::ResultFolder;
use crate::report::gate::{Design, files, judge, observe};
use crate::report::records::{Arm, RowWriter, SAMPLES, SampleRow};

/// What a machine is known by.
const FINGERPRINT: [&str; 7] = ["cpu_model", "cores", "governor", "hypervisor", "kernel", "os", "architecture"];

/// Measures the head against a stored folder.
pub fn gate_stored(stored: &Path, heads: &[Side], settings: &Settings<'_>) -> Result<Outcome, Stop> {
    let base = ResultFolder::load(stored).map_err(|e| Stop::usage(e.to_string()))?;
    let stamp = base.plan.as_ref().and_then(|plan| plan.get("stamp")).and_then(Value::as_str);
    if stamp == Some("screen") {
        let message = format!(
            "{} is of a quick run (--quick): one process a cell is no base to gate against; run without --quick",
            stored.display()
        );
        return Err(Stop { exit: Exit::Unfit, message });
    }
    let started = utc_now();
    let mut environment = Environment::now(settings.argv.clone(), Some(settings.seed), started.clone());
    let differing = fingerprint_differences(base.env.as_ref(), &environment)?;
    let design = Design { stored_base: true, advisory: !differing.is_empty(), ..settings.design.clone() };
    let mut cells = Vec::new();
    let mut rows: Vec<SampleRow> = Vec::new();
    for (index, side) in heads.iter().enumerate() {
        for &mode in &settings.modes {
            let cell = cell_of(side, super::super::mode::mode_text(mode));
            let found = rows_of(&base.samples, side, &cell.mode)?;
            if !found.is_empty() {
                rows.extend(found);
                cells.push((index, cell));
            }
        }
    }
    if cells.is_empty() {
        let message = format!("{} holds none of the cells to gate (one thread, modes as asked)", stored.display());
        return Err(Stop { exit: Exit::Unfit, message });
    }
    let folder = folder::make(settings.out.as_deref(), &started, "gate", &environment.short_revision())?;
    folder::write_json(&folder, "env.json", &environment)?;
    let plan = serde_json::json!({ "gate": design, "stored": stored, "fingerprint_differs": differing });
    folder::write_json(&folder, "plan.json", &plan)?;
    let mut output = RowWriter::create(folder.join(SAMPLES)).map_err(|e| Stop::usage(e.to_string()))?;
    output.write_all(&rows).map_err(|e| Stop::failed(e.to_string()))?;
    let processes = design.looks.first().copied().unwrap_or_default();
    let lengths = Lengths::fitting(settings.max_time, u64::from(processes) * cells.len() as u64);
    let run = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut references = Vec::new();
    for side in heads {
        references.push(refer(side, "head", lengths, settings)?);
    }
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut notes = environment.advice();
    if !differing.is_empty() {
        notes.push(format!(
            "the stored base comes from another machine ({}): the verdict is advisory",
            differing.join("; ")
        ));
    }
    let mut problems = Vec::new();
    let mut exit = Exit::Pass;
    'blocks: for block in 0..processes {
        let mut order: Vec<usize> = (0..cells.len()).collect();
        order.shuffle(&mut random);
        for (slot, index) in order.into_iter().enumerate() {
            let (side_index, cell) = &cells[index];
            let (side, reference) = (&heads[*side_index], &references[*side_index]);
            let record = run_job(&side.program, &job(JobKind::Measure, side, cell, lengths, reference), settings.stop);
            let judged = judge_process(&record, reference);
            let names = RunNames {
                run: run.clone(),
                workload: side.workload.name.clone(),
                workload_digest: side.workload.digest.clone(),
                params: side.parameters.params(),
            };
            let slot = Slot { block, slot: slot as u32, cell: index, process: block, kind: JobKind::Measure };
            let mut maker = RowMaker::new(&names, cell, &slot);
            maker.measured(&record, judged.as_ref().map_or(Agreement::Unknown, |agreement| *agreement));
            let mut fresh = maker.into_rows();
            for row in &mut fresh {
                row.arm = Arm::Head;
            }
            output.write_all(&fresh).map_err(|e| Stop::failed(e.to_string()))?;
            rows.append(&mut fresh);
            if let Err((status, message)) = judged {
                exit = status;
                problems.push(format!("{}: {message}", cell.describe()));
                break 'blocks;
            }
        }
    }
    let verdict = judge(&design, &observe(&rows));
    files::write(&folder, &verdict, &design).map_err(Stop::failed)?;
    environment.after = Some(Load::now());
    folder::write_json(&folder, "env.json", &environment)?;
    Ok(Outcome { verdict, exit, folder, problems, notes })
}

/// The stored rows of a cell, as the base arm; refused where the work was another.
fn rows_of(samples: &[SampleRow], side: &Side, mode: &str) -> Result<Vec<SampleRow>, Stop> {
    /// Fresh processes count from 0.
    const STORED_PROCESSES_FROM: u32 = 1_000_000;
    let is_wanted = |row: &&SampleRow| {
        let key = CellKey::of(row);
        matches!(row.arm, Arm::Single | Arm::Head)
            && (key.workload.as_str(), key.mode.as_str(), key.threads) == (&*side.workload.name, mode, 1)
    };
    let mut found: Vec<SampleRow> = samples.iter().filter(is_wanted).cloned().collect();
    for row in &mut found {
        if row.workload_digest != side.workload.digest || row.params != side.parameters.params() {
            let message = format!(
                "the stored {}/{mode} is of other work (its text or its parameters {}): it cannot be compared",
                row.workload, row.params
            );
            return Err(Stop { exit: Exit::Unfit, message });
        }
        row.arm = Arm::Base;
        row.process += STORED_PROCESSES_FROM;
    }
    Ok(found)
}

/// In what the machines differ; no `env.json` differs in everything.
fn fingerprint_differences(stored: Option<&Value>, now: &Environment) -> Result<Vec<String>, Stop> {
    let Some(stored) = stored else { return Ok(vec!["it has no env.json".into()]) };
    let now = serde_json::to_value(now).map_err(|e| Stop::failed(e.to_string()))?;
    let shown =
        |value: Option<&Value>| value.filter(|v| !v.is_null()).map_or_else(|| "unknown".into(), Value::to_string);
    let differs = |key: &&&str| shown(stored.get(**key)) != shown(now.get(**key));
    Ok(FINGERPRINT
        .iter()
        .filter(differs)
        .map(|key| format!("{key} {} | {}", shown(stored.get(*key)), shown(now.get(*key))))
        .collect())
}
