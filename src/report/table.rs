//! The table at the end of a run, for people and for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::str::FromStr;

use comfy_table::{Cell, CellAlignment, Table};

use super::numbers::{number, thousands};
use super::open::is_open;
use super::records::{Params, SummaryRow, WarmupVerdict};
use super::summary::{ColdStart, Summary, TierGain, speedup};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Aligned columns.
    #[default]
    Human,
    /// Rows, cold starts and warnings as one object.
    Json,
    /// `summary.csv`.
    Csv,
    /// Tables for a pull request or a page.
    Markdown,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            "md" => Ok(Self::Markdown),
            _ => Err(format!("`{text}` is not a format: human, json, csv or md")),
        }
    }
}

/// The summary as text, ending in a line end. Colour is for the human format alone.
pub fn render_table(summary: &Summary, format: Format, colour: bool) -> String {
    match format {
        Format::Human => human(summary, colour),
        Format::Markdown => markdown(summary),
        Format::Json => {
            let text = serde_json::to_string_pretty(summary);
            text.expect("a summary has string keys and finite numbers only") + "\n"
        }
        Format::Csv => csv(&summary.rows),
    }
}

fn csv(rows: &[SummaryRow]) -> String {
    use super::records::Record as _;
    let mut to = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let mut write = || {
        to.write_record(SummaryRow::COLUMNS)?;
        rows.iter().try_for_each(|row| to.serialize(row))
    };
    write().expect("rows of plain fields, into memory");
    let bytes = to.into_inner().expect("a flush into memory");
    String::from_utf8(bytes).expect("fields are text")
}

/// Header and rows of text; a row can be marked as wrong.
pub(super) struct Grid {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<(Vec<String>, Mark)>,
    /// Columns of words stand left, numbers right.
    pub(super) left: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Plain,
    Best,
    Wrong,
}

pub(super) const UNKNOWN: &str = "-";

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), number)
}

fn counted(value: Option<u64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), thousands)
}

/// Rows of one workload: the mode with the best figure first, in it by threads.
fn best_mode_first<'a>(rows: &[&'a SummaryRow]) -> Vec<&'a SummaryRow> {
    let best_of = |mode: &str| {
        let tps = rows.iter().filter(|r| r.mode == mode).filter_map(|r| r.tps);
        tps.fold(f64::NEG_INFINITY, f64::max)
    };
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| {
        let best = best_of(&b.mode).total_cmp(&best_of(&a.mode));
        best.then_with(|| (&a.mode, &a.executor, a.threads).cmp(&(&b.mode, &b.executor, b.threads)))
    });
    rows
}

fn works(summary: &Summary) -> BTreeSet<(&str, &Params)> {
    let rows = summary.rows.iter().filter(|r| !is_open(&r.params)).map(|r| (r.workload.as_str(), &r.params));
    let open = summary.open.iter().map(|p| (p.workload.as_str(), &p.params));
    rows.chain(summary.cold.iter().map(|c| (c.workload.as_str(), &c.params))).chain(open).collect()
}

fn heading((workload, params): (&str, &Params)) -> String {
    let params: Vec<String> = params.iter().map(|(k, v)| format!("{k}={v}")).collect();
    if params.is_empty() { workload.to_owned() } else { format!("{workload}  {}", params.join(" ")) }
}

pub(super) fn summary_grid(rows: &[&SummaryRow], all: &[SummaryRow]) -> Grid {
    let header = [
        "mode",
        "executor",
        "threads",
        "TPS (tx/s)",
        "95% interval (tx/s)",
        "first pass (tx/s)",
        "x interpreter",
        "committed (tx)",
        "reverted (tx)",
    ];
    let mut header = header.map(str::to_owned).to_vec();
    let timed = rows.iter().any(|r| r.latency_floor_ns.is_some());
    if timed {
        header.extend(["p50 (ns)", "p99 (ns)", "p99.9 (ns)"].map(str::to_owned));
    }
    header.push("agreed".to_owned());
    let best = rows.iter().filter_map(|r| r.tps).fold(f64::NEG_INFINITY, f64::max);
    let row = |r: &&SummaryRow| {
        let interval = r.tps_low.zip(r.tps_high);
        let agreed = match (r.agreed, r.agreed_blocks) {
            (Some(true), Some(blocks)) => format!("yes, {}", thousands(blocks)),
            (Some(true), None) => "yes".to_owned(),
            (Some(false), _) => "NO".to_owned(),
            (None, _) => "not compared".to_owned(),
        };
        let mark = if r.agreed == Some(false) {
            Mark::Wrong
        } else if r.tps == Some(best) {
            Mark::Best
        } else {
            Mark::Plain
        };
        let mut cells = vec![
            r.mode.clone(),
            r.executor.clone(),
            r.threads.to_string(),
            shown(r.tps),
            interval.map_or_else(|| UNKNOWN.to_owned(), |(l, h)| format!("{} to {}", number(l), number(h))),
            shown(r.tps_first),
            speedup(r, all).map_or_else(|| UNKNOWN.to_owned(), |(ratio, _)| number(ratio)),
            counted(r.committed),
            counted(r.reverted),
        ];
        cells.extend(timed.then(|| latencies(r)).into_iter().flatten());
        cells.push(agreed);
        (cells, mark)
    };
    Grid { header, rows: best_mode_first(rows).iter().map(row).collect(), left: 2 }
}

/// Percentiles of single transactions. What the clock cannot resolve says so: an empty one is below
/// the floor unless a lower percentile is known, where it lacks samples.
fn latencies(row: &SummaryRow) -> [String; 3] {
    let mut resolved = false;
    [row.p50_ns, row.p99_ns, row.p999_ns].map(|ns| match (ns, row.latency_floor_ns) {
        (Some(ns), _) => {
            resolved = true;
            thousands(ns)
        }
        (None, Some(floor)) if !resolved => format!("< {}", thousands(floor)),
        (None, _) => UNKNOWN.to_owned(),
    })
}

/// What a cold-start row from the cache is called.
pub(super) fn second_run(mode: &str) -> String {
    format!("{mode}, second run with ZX_CACHE=always")
}

/// The example's own table: what a user sees who just runs the program.
pub(super) fn cold_grid(cold: &[&ColdStart]) -> Option<Grid> {
    if cold.is_empty() {
        return None;
    }
    let mut rows = cold.to_vec();
    let rank = |mode: &str| match mode {
        "interpreter" => 0,
        "adaptive" => 1,
        _ => 2,
    };
    rows.sort_by_key(|c| (c.threads, rank(&c.mode), c.mode.clone()));
    let iterations = cold.iter().find_map(|c| c.interpreted_iterations);
    let until = iterations.map_or_else(|| "threshold".to_owned(), thousands);
    let header = vec![
        "cold start".to_owned(),
        "threads".to_owned(),
        "whole process (ms)".to_owned(),
        format!("iterations 1 to {until} (ms)"),
        "rest (ms)".to_owned(),
        "first pass (tx/s)".to_owned(),
    ];
    let ms = |ns: Option<f64>| shown(ns.map(|ns| ns / 1e6));
    let row = |c: &&ColdStart| {
        let cells = vec![
            c.mode.clone(),
            c.threads.to_string(),
            ms(c.process_ns),
            ms(c.interpreted_ns),
            ms(c.rest_ns),
            shown(c.tps),
        ];
        (cells, Mark::Plain)
    };
    let second = |c: &&ColdStart| {
        let mut cells = vec![second_run(&c.mode), c.threads.to_string(), ms(Some(c.cached_process_ns?))];
        cells.resize(header.len(), UNKNOWN.to_owned());
        Some((cells, Mark::Plain))
    };
    let rows = rows.iter().flat_map(|c| std::iter::once(row(c)).chain(second(c))).collect();
    Some(Grid { header, rows, left: 1 })
}

/// How each cell came to its speed: verdict, time, and when compiling had paid.
pub(super) fn warmup_grid(rows: &[&SummaryRow], tiers: &[&TierGain]) -> Option<Grid> {
    if tiers.is_empty() {
        return None;
    }
    let header = ["warm-up", "threads", "verdict", "steady after (ms)", "compiling (us)", "repaid after (tx)"];
    let row = |r: &&SummaryRow| {
        let gain = tiers.iter().find(|gain| gain.mode == r.mode && gain.threads == r.threads);
        let cells = vec![
            r.mode.clone(),
            r.threads.to_string(),
            r.warmup.map_or(UNKNOWN, WarmupVerdict::as_str).to_owned(),
            shown(r.steady_after_s.map(|s| s * 1e3)),
            shown(gain.map(|gain| gain.compile_ns / 1e3)),
            counted(gain.and_then(|gain| gain.repaid_after_tx)),
        ];
        (cells, Mark::Plain)
    };
    Some(Grid {
        header: header.map(str::to_owned).to_vec(),
        rows: best_mode_first(rows).iter().map(row).collect(),
        left: 1,
    })
}

fn grids(summary: &Summary) -> Vec<(String, Vec<Grid>)> {
    let grids_of = |work: &(&str, &Params)| {
        let rows: Vec<_> = summary.rows.iter().filter(|r| (r.workload.as_str(), &r.params) == *work).collect();
        let cold: Vec<_> = summary.cold.iter().filter(|c| (c.workload.as_str(), &c.params) == *work).collect();
        let first = (!rows.is_empty()).then(|| summary_grid(&rows, &summary.rows));
        let tiers: Vec<_> = summary.tiers.iter().filter(|t| (t.workload.as_str(), &t.params) == *work).collect();
        let open: Vec<_> = summary.open.iter().filter(|p| (p.workload.as_str(), &p.params) == *work).collect();
        let grids = first.into_iter().chain(warmup_grid(&rows, &tiers)).chain(cold_grid(&cold));
        grids.chain(super::open::grid(&open)).collect()
    };
    works(summary).iter().map(|work| (heading(*work), grids_of(work))).collect()
}

fn human(summary: &Summary, colour: bool) -> String {
    let paint = |text: &str, code: &str| {
        if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    };
    let mut out = String::new();
    if summary.rows.is_empty() && summary.cold.is_empty() {
        out.push_str("no results\n");
    }
    for (i, (heading, grids)) in grids(summary).iter().enumerate() {
        let gap = if i == 0 { "" } else { "\n" };
        let _ = writeln!(out, "{gap}{}", paint(heading, "1"));
        for grid in grids {
            out.push('\n');
            for (line, mark) in grid.lines() {
                let code = match mark {
                    None => "2",
                    Some(Mark::Best) => "1;32",
                    Some(Mark::Wrong) => "1;31",
                    Some(Mark::Plain) => "0",
                };
                let plain = matches!(mark, Some(Mark::Plain));
                let line = if plain { line } else { paint(&line, code) };
                let _ = writeln!(out, "{line}");
            }
        }
    }
    if !summary.warnings.is_empty() {
        out.push('\n');
    }
    for warning in &summary.warnings {
        let _ = writeln!(out, "{} {warning}", paint("warning:", "33"));
    }
    out
}

impl Grid {
    /// Lines of text, the header first (without a mark).
    fn lines(&self) -> Vec<(String, Option<Mark>)> {
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::NOTHING);
        let cells = |row: &[String]| -> Vec<Cell> {
            let align = |i| {
                if i < self.left { CellAlignment::Left } else { CellAlignment::Right }
            };
            row.iter().enumerate().map(|(i, t)| Cell::new(t).set_alignment(align(i))).collect()
        };
        table.add_row(cells(&self.header));
        for (row, _) in &self.rows {
            table.add_row(cells(row));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let marks = std::iter::once(None).chain(self.rows.iter().map(|(_, mark)| Some(*mark)));
        let lines: Vec<String> = table.lines().map(|l| format!("  {}", l.trim())).collect();
        lines.into_iter().zip(marks).collect()
    }
}

fn markdown(summary: &Summary) -> String {
    let mut out = String::new();
    let escaped = |text: &String| text.replace('|', "\\|");
    for (heading, grids) in grids(summary) {
        let _ = writeln!(out, "### {heading}");
        for grid in grids {
            let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
            out.push('\n');
            out.push_str(&line(grid.header.iter().map(escaped).collect()));
            let rule = |i| if i < grid.left { ":---" } else { "---:" }.to_owned();
            out.push_str(&line((0..grid.header.len()).map(rule).collect()));
            for (row, mark) in &grid.rows {
                let bold = |cell: &String| {
                    if *mark == Mark::Plain { escaped(cell) } else { format!("**{}**", escaped(cell)) }
                };
                out.push_str(&line(row.iter().map(bold).collect()));
            }
        }
        out.push('\n');
    }
    for warning in &summary.warnings {
        let _ = writeln!(out, "> **warning:** {warning}");
    }
    out
}

#[cfg(test)]
mod tests;
