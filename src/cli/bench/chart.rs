//! `zx-bench chart DIR...`.

use std::path::PathBuf;

use crate::harness::outcome::{Exit, Stop};
use crate::report::across::{FIGURES, Run, Wanted, chart_across, folders_in};
use crate::report::charts::{ChartError, Size, Theme, render};

use super::{Look, print};

/// Flags of `chart`.
#[derive(Debug, clap::Args)]
pub(super) struct ChartArguments {
    /// Result folders, or folders of them as a sweep leaves them.
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// The horizontal axis: threads, threshold, or a parameter such as skew or work.
    #[arg(long, default_value = "threads")]
    x: String,
    /// The vertical axis: tps, `tps_first`, `tps_full`, speedup, p50, p99 or p999.
    #[arg(long, default_value = "tps", value_parser = figure)]
    y: String,
    /// What has a line of its own: mode, executor, threads, workload, run or a parameter.
    #[arg(long, default_value = "mode")]
    by: String,
    /// Only cells of these modes, executors, threads, workloads or parameters.
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = selection)]
    only: Vec<(String, Vec<String>)>,
    /// In place of the title that says what is drawn.
    #[arg(long)]
    title: Option<String>,
    /// Pixels.
    #[arg(long, default_value = "1600x900")]
    size: Size,
    /// light, dark or print.
    #[arg(long, default_value = "light")]
    theme: Theme,
    /// The chart, .svg or .png; its data is written as .csv beside it [default: Y-X.svg].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn figure(text: &str) -> Result<String, String> {
    let names: Vec<&str> = FIGURES.iter().map(|figure| figure.0).collect();
    if names.contains(&text) { Ok(text.to_owned()) } else { Err(format!("use one of {}", names.join(", "))) }
}

fn selection(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, values) = text.split_once('=').ok_or("write it as NAME=VALUE, as in mode=vm,interpreter")?;
    Ok((name.to_owned(), values.split(',').map(str::to_owned).collect()))
}

pub(super) fn chart(arguments: &ChartArguments, look: &Look) -> Result<Exit, Stop> {
    let mut runs = Vec::new();
    for folder in arguments.folders.iter().flat_map(|path| folders_in(path)) {
        runs.push(Run::load(&folder).map_err(Stop::usage)?);
    }
    for (name, values) in &arguments.only {
        for run in &mut runs {
            run.keep(name, values);
        }
        if runs.iter().all(|run| run.rows.is_empty()) {
            return Err(Stop::usage(format!("--only {name}={}: no cell of these runs is so", values.join(","))));
        }
    }
    runs.retain(|run| !run.rows.is_empty());
    let wanted = Wanted {
        x: arguments.x.clone(),
        y: arguments.y.clone(),
        by: arguments.by.clone(),
        title: arguments.title.clone(),
    };
    let chart = chart_across(&runs, &wanted).map_err(Stop::usage)?;
    let path = arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}.svg", chart.name)));
    render(&chart, arguments.size, arguments.theme, &path).map_err(|e| match e {
        ChartError::Extension(_) => Stop::usage(e.to_string()),
        ChartError::Write { .. } => Stop::failed(e.to_string()),
    })?;
    if let Some(warning) = &chart.warning {
        print::warn(warning);
    }
    if !look.quiet {
        let data = path.with_extension("csv");
        print::note(&format!("{} was written, its data to {}", path.display(), data.display()));
    }
    Ok(Exit::Pass)
}
