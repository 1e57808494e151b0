//! `zx-bench sweep`: one thing varied, everything else equal.

use std::path::{Path, PathBuf};

use crate::engine::Mode;
use crate::harness::outcome::{Exit, Stop};
use crate::report::sweep::{Sweep, SweepRow, by_parameter, by_threshold, verdict, write};
use crate::report::{ResultFolder, join, write_all};

use super::run::{RunArguments, measured, prepare, report_problems, show};
use super::{Look, print};

/// Flags of `sweep`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SweepArguments {
    /// Thresholds: each is a mode fixed:N, measured beside adaptive.
    #[arg(long, value_delimiter = ',', value_name = "N,N,...")]
    threshold: Vec<u64>,
    #[command(flatten)]
    run: RunArguments,
}

pub(super) fn sweep(arguments: &SweepArguments, look: &Look) -> Result<Exit, Stop> {
    let mut arguments = arguments.clone();
    let several = arguments.run.own.iter().position(|text| text.split_once('=').is_some_and(|(_, v)| v.contains(',')));
    if arguments.run.plan {
        return Err(Stop::usage(
            "--plan is for `run`: a sweep over thresholds is `run --modes fixed:1,fixed:10,adaptive`",
        ));
    }
    if arguments.run.has_store() && arguments.threshold.is_empty() {
        return Err(Stop::usage("--store is for `run`: a store belongs to one value of each parameter"));
    }
    if arguments.run.is_open() {
        return Err(Stop::usage("--load open is for `run`: it tries several rates itself (--rate 0.5x,0.8x,1x)"));
    }
    if arguments.run.threads.is_empty() {
        arguments.run.threads = vec![1];
    }
    match (arguments.threshold.is_empty(), several) {
        (false, None) => thresholds(arguments, look),
        (true, Some(at)) => values(arguments.run, at, look),
        (true, None) => Err(Stop::usage(
            "nothing to sweep: --threshold 1,10,100,500 varies the tier threshold, --param NAME=A,B,C a parameter",
        )),
        (false, Some(_)) => {
            Err(Stop::usage("one thing at a time: either --threshold or a --param with several values"))
        }
    }
}

fn thresholds(mut arguments: SweepArguments, look: &Look) -> Result<Exit, Stop> {
    if !arguments.run.modes.is_empty() {
        return Err(Stop::usage("--threshold sets the modes itself (fixed:N and adaptive): leave out --modes"));
    }
    arguments.run.modes = arguments.threshold.iter().map(|&n| Mode::Fixed(n)).chain([Mode::Adaptive]).collect();
    let prepared = prepare(&arguments.run)?;
    let outcome = measured(&prepared, &arguments.run, look)?;
    show(&prepared, &outcome, look)?;
    report_problems(&outcome);
    if let Some(folder) = &outcome.folder {
        let folder = ResultFolder::load(folder).map_err(|e| Stop::failed(e.to_string()))?;
        finish(&folder.path, "threshold", folder.caption(), &by_threshold(&folder.summary()), look)?;
    }
    Ok(outcome.exit)
}

/// One run a value, each in a folder of its own below one folder.
fn values(mut run: RunArguments, at: usize, look: &Look) -> Result<Exit, Stop> {
    let text = run.own[at].clone();
    let Some((name, list)) = text.split_once('=') else { return Err(Stop::usage(format!("--param `{text}`"))) };
    let values: Vec<&str> = list.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
    let (mut rows, mut caption, mut exit) = (Vec::new(), String::new(), Exit::Pass);
    let mut base: Option<PathBuf> = run.out.clone();
    let mut folders: Vec<PathBuf> = Vec::new();
    for value in values {
        run.own[at] = format!("{name}={value}");
        run.out = base.as_ref().map(|base| base.join(file_name(&run.own[at])));
        let prepared = prepare(&run)?;
        if base.is_none() {
            let folder = Path::new(crate::harness::folder::REPORTS).join(format!(
                "sweep-{}-{}-{}",
                prepared.workload.name,
                file_name(name),
                crate::harness::environment::utc_now().replace([':', '-'], "")
            ));
            run.out = Some(folder.join(file_name(&run.own[at])));
            base = Some(folder);
        }
        let outcome = measured(&prepared, &run, look)?;
        exit = exit.max(outcome.exit);
        report_problems(&outcome);
        if let Some(folder) = &outcome.folder {
            let written = write_all(folder).map_err(|e| Stop::failed(e.to_string()))?;
            rows.extend(by_parameter(name, value, &written.summary));
            caption = ResultFolder::load(folder).map_or(caption, |folder| folder.caption());
            folders.push(folder.clone());
        }
        if exit == Exit::Interrupted {
            break;
        }
    }
    if let Some(base) = base.filter(|_| !rows.is_empty()) {
        join(&base, &folders).and_then(|()| write_all(&base)).map_err(|e| Stop::failed(e.to_string()))?;
        finish(&base, name, caption, &rows, look)?;
        if !look.quiet {
            print::note(&format!("the report over all values is {}", base.join("report.html").display()));
        }
    }
    Ok(exit)
}

fn finish(folder: &Path, by: &str, caption: String, rows: &[SweepRow], look: &Look) -> Result<(), Stop> {
    let files = write(folder, &Sweep { by: by.to_owned(), caption }, rows).map_err(|e| Stop::failed(e.to_string()))?;
    print::out(&table(by, rows))?;
    if let Some(verdict) = verdict(rows) {
        print::out(&format!("\n{verdict}\n"))?;
    }
    if !look.quiet {
        print::note(&format!("{} files of the sweep were written to {}", files.len(), folder.display()));
    }
    Ok(())
}

fn table(by: &str, rows: &[SweepRow]) -> String {
    use comfy_table::{CellAlignment, Table, presets};
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([by, "mode", "threads", "TPS (tx/s)", "first pass (tx/s)", "steady after (ms)", "regret"]);
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), crate::report::numbers::number);
    for row in rows {
        table.add_row([
            row.value.clone(),
            row.mode.clone(),
            row.threads.to_string(),
            shown(row.tps),
            shown(row.tps_first),
            shown(row.steady_after_s.map(|s| s * 1e3)),
            row.regret.map_or_else(|| "-".to_owned(), |share| format!("{:.1}%", share * 100.0)),
        ]);
    }
    for column in [0, 2, 3, 4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("\n{}\n", table.trim_fmt())
}

fn file_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '=' | '.' | '_') { c } else { '-' }).collect()
}
