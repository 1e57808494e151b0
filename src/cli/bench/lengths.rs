//! `zx-bench lengths [WORKLOAD...]`: native code on against off, in runs of so many transactions.

use std::path::PathBuf;

use crate::harness::environment::{Environment, utc_now};
use crate::harness::folder;
use crate::harness::gate::lengths::{LengthRow, measure};
use crate::harness::gate::{FLOOR, MAX_PAIRS, MAX_TIME, MODES, PAIRS, Settings};
use crate::harness::outcome::{Exit, Stop};
use crate::harness::workload;
use crate::report::charts::{Axis, Body, Chart, Lines, Point, ScaleKind, Series, Size, Theme, render};
use crate::report::gate::Design;
use crate::report::numbers::thousands;

use super::{Look, STOP, print};

/// Flags of `lengths`.
#[derive(Debug, clap::Args)]
pub(super) struct LengthsArguments {
    /// .zx files, or names of some in `workloads/`.
    #[arg(required = true)]
    workloads: Vec<PathBuf>,
    /// Transactions of a run, ascending.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,10000,100000,1000000",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    lengths: Vec<u64>,
    /// Pairs of processes a length; two where a run takes seconds.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pairs: u32,
    /// Write results exactly here [default: a new folder in reports/].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn lengths(arguments: &LengthsArguments, look: &Look) -> Result<Exit, Stop> {
    let settings = Settings {
        modes: MODES.to_vec(),
        design: Design::new(PAIRS, MAX_PAIRS, FLOOR),
        max_time: MAX_TIME,
        seed: 42,
        out: arguments.out.clone(),
        quiet: look.quiet,
        verbose: look.verbose,
        argv: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        stop: &STOP,
    };
    let started = utc_now();
    let environment = Environment::now(settings.argv.clone(), None, started.clone());
    let folder = folder::make(settings.out.as_deref(), &started, "lengths", &environment.short_revision())?;
    folder::write_json(&folder, folder::ENV, &environment)?;
    let cannot = |e: &dyn std::fmt::Display| Stop::failed(format!("cannot write to {}: {e}", folder.display()));
    let mut writer = csv::Writer::from_path(folder.join("ratios.csv")).map_err(|e| cannot(&e))?;
    let cells = line("workload", arguments.lengths.iter().map(|length| thousands(*length)));
    print::out(&format!("{cells}|---|{}\n", "---:|".repeat(arguments.lengths.len())))?;
    let mut all = Vec::new();
    for path in &arguments.workloads {
        let workload = workload::load(path)?;
        let Some(rows) = measure(&workload, &arguments.lengths, arguments.pairs, &settings)? else {
            print::note(&format!("{}: how long it runs is no parameter of it", workload.name));
            continue;
        };
        for row in &rows {
            writer.serialize(row).map_err(|e| cannot(&e))?;
        }
        writer.flush().map_err(|e| cannot(&e))?;
        let shown = |row: &LengthRow| row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"));
        print::out(&line(&workload.name, rows.iter().map(shown)))?;
        all.push((workload.name.clone(), rows));
        if STOP.load(std::sync::atomic::Ordering::Relaxed) {
            return Ok(Exit::Interrupted); // Relaxed: the flag is the whole message
        }
    }
    let chart = chart(&all, &environment.short_revision());
    for extension in ["svg", "png"] {
        let path = folder.join("lengths").with_extension(extension);
        render(&chart, Size::default(), Theme::Light, &path).map_err(|e| Stop::failed(e.to_string()))?;
    }
    if !look.quiet {
        print::note(&format!("ratios and chart are in {}", folder.display()));
    }
    Ok(Exit::Pass)
}

/// A row of the table.
fn line(first: &str, cells: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = std::iter::once(first.to_owned()).chain(cells).collect();
    format!("| {} |\n", all.join(" | "))
}

fn chart(all: &[(String, Vec<LengthRow>)], revision: &str) -> Chart {
    let point = |row: &LengthRow| {
        let interval = row.ratio_min.zip(row.ratio_max);
        row.ratio.map(|y| Point { x: row.length as f64, y, interval })
    };
    let series = all.iter().enumerate().map(|(colour, (name, rows))| Series {
        name: name.clone(),
        colour: colour % 6,
        points: rows.iter().filter_map(point).collect(),
        ideal: Vec::new(),
    });
    Chart {
        name: "lengths".to_owned(),
        title: "What native code costs and saves".to_owned(),
        subtitle: "adaptive with native code by adaptive without it; below 1 it gains".to_owned(),
        note: "medians of pairs of fresh processes, smallest and largest".to_owned(),
        caption: format!("revision {revision}"),
        warning: None,
        body: Body::Lines(Lines {
            x: Axis::new("Transactions of a run", "tx", ScaleKind::Log),
            y: Axis::new("Time by the time without", "x", ScaleKind::Log),
            series: series.filter(|series| !series.points.is_empty()).collect(),
            marks: Vec::new(),
            reference: Some(1.0),
            dashed: Some("no difference".to_owned()),
        }),
    }
}
