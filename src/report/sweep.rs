//! Sweeps: how throughput and warm-up go with a threshold or a parameter, and what the adaptive
//! mode loses against the best fixed choice.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::charts::records::by_span;
use super::charts::{self, Axis, Body, Chart, Lines, Point, ScaleKind, Series, Size, Theme};
use super::folder::ReportError;
use super::numbers::number;
use super::records::{RecordError, SummaryRow};
use super::summary::Summary;

/// The data of a sweep.
pub const SWEEP: &str = "sweep.csv";

/// What was varied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// `threshold`, or the name of a parameter.
    pub by: String,
    /// Machine and commit.
    pub caption: String,
}

/// One measured point: a row of `sweep.csv`. Unknown is an empty cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepRow {
    /// Workload name.
    pub workload: String,
    /// What was varied.
    pub by: String,
    /// The value; for a threshold sweep `adaptive` is one too.
    pub value: String,
    /// Mode of the cell.
    pub mode: String,
    /// Threads of the cell.
    pub threads: u32,
    /// Steady throughput.
    pub tps: Option<f64>,
    /// Its interval.
    pub tps_low: Option<f64>,
    /// Its interval.
    pub tps_high: Option<f64>,
    /// Throughput of the first pass or block of a process.
    pub tps_first: Option<f64>,
    /// Seconds until steady state.
    pub steady_after_s: Option<f64>,
    /// Share of the best fixed choice's steady throughput that is lost; negative where it is beaten.
    pub regret: Option<f64>,
    /// The same for the first pass.
    pub regret_first: Option<f64>,
}

/// The points of a threshold sweep: `fixed:N` by N, then `adaptive`.
pub fn by_threshold(summary: &Summary) -> Vec<SweepRow> {
    let threshold = |row: &SummaryRow| row.mode.strip_prefix("fixed:").and_then(|n| n.parse::<u64>().ok());
    let mut rows: Vec<&SummaryRow> =
        summary.rows.iter().filter(|row| threshold(row).is_some() || row.mode == "adaptive").collect();
    rows.sort_by_key(|row| (row.threads, threshold(row).unwrap_or(u64::MAX)));
    let fixed: Vec<&SummaryRow> = rows.iter().copied().filter(|row| threshold(row).is_some()).collect();
    rows.iter()
        .map(|row| {
            let value = threshold(row).map_or_else(|| "adaptive".to_owned(), |n| n.to_string());
            let peers = || fixed.iter().filter(|peer| peer.threads == row.threads);
            let best = peers().filter_map(|peer| peer.tps).reduce(f64::max);
            let best_first = peers().filter_map(|peer| peer.tps_first).reduce(f64::max);
            let mut point = point("threshold", value, row);
            point.regret = lost(row.tps, best);
            point.regret_first = lost(row.tps_first, best_first);
            point
        })
        .collect()
}

/// The points of a parameter's value.
pub fn by_parameter(name: &str, value: &str, summary: &Summary) -> Vec<SweepRow> {
    summary.rows.iter().map(|row| point(name, value.to_owned(), row)).collect()
}

fn point(by: &str, value: String, row: &SummaryRow) -> SweepRow {
    SweepRow {
        workload: row.workload.clone(),
        by: by.to_owned(),
        value,
        mode: row.mode.clone(),
        threads: row.threads,
        tps: row.tps,
        tps_low: row.tps_low,
        tps_high: row.tps_high,
        tps_first: row.tps_first,
        steady_after_s: row.steady_after_s,
        regret: None,
        regret_first: None,
    }
}

fn lost(own: Option<f64>, best: Option<f64>) -> Option<f64> {
    Some(1.0 - own? / best.filter(|best| *best > 0.0)?)
}

/// Writes `sweep.csv` and the charts; gives the files.
pub fn write(folder: &Path, sweep: &Sweep, rows: &[SweepRow]) -> Result<Vec<PathBuf>, ReportError> {
    let path = folder.join(SWEEP);
    let write_rows = || -> csv::Result<()> {
        let mut to = csv::Writer::from_path(&path)?;
        rows.iter().try_for_each(|row| to.serialize(row))?;
        Ok(to.flush()?)
    };
    write_rows().map_err(|e| RecordError::Io { path: path.clone(), cause: e.into() })?;
    let into = folder.join("charts");
    std::fs::create_dir_all(&into).map_err(|cause| RecordError::Io { path: into.clone(), cause })?;
    let mut files = vec![path];
    for chart in [throughput(sweep, rows), steady_after(sweep, rows)].into_iter().flatten() {
        for extension in ["svg", "png"] {
            let file = into.join(format!("{}.{extension}", chart.name));
            charts::render(&chart, Size::default(), Theme::Light, &file)?;
            files.push(file);
        }
    }
    Ok(files)
}

/// A figure of a row.
type Figure = fn(&SweepRow) -> Option<f64>;

fn throughput(sweep: &Sweep, rows: &[SweepRow]) -> Option<Chart> {
    let is_threshold = sweep.by == "threshold";
    if !is_threshold {
        // The charts of the whole folder have it, a line a mode.
        return None;
    }
    let figures: [(&str, Figure); 2] = [("steady", |row| row.tps), ("first pass", |row| row.tps_first)];
    let series = series(rows, &figures);
    let adaptive = rows.iter().filter(|row| row.value == "adaptive").find_map(|row| row.tps);
    // The steady state can be many times the first pass.
    let kind = by_span(series.iter().flat_map(|line| line.points.iter().map(|point| point.y)));
    let y = Axis::new("Committed transactions per second", "tx/s", kind);
    let mut chart = chart(sweep, rows, "", y, series)?;
    if let (Body::Lines(lines), Some(adaptive)) = (&mut chart.body, adaptive.filter(|_| is_threshold)) {
        lines.reference = Some(adaptive);
        lines.dashed = Some(format!("adaptive, steady: {} tx/s", number(adaptive)));
    }
    Some(chart)
}

fn steady_after(sweep: &Sweep, rows: &[SweepRow]) -> Option<Chart> {
    let figures: [(&str, Figure); 1] = [("until steady", |row| row.steady_after_s.map(|s| s * 1e3))];
    let series = series(rows, &figures);
    chart(sweep, rows, "-steady", Axis::new("Time until steady state", "ms", ScaleKind::FromZero), series)
}

/// A line for each figure, mode (of a parameter sweep) and thread count.
fn series(rows: &[SweepRow], figures: &[(&str, Figure)]) -> Vec<Series> {
    let mut groups: Vec<(String, u32)> = Vec::new();
    let mode = |row: &SweepRow| if row.by == "threshold" { String::new() } else { row.mode.clone() };
    for row in rows {
        let group = (mode(row), row.threads);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let several = groups.len() > 1;
    let mut all = Vec::new();
    for (of_mode, threads) in &groups {
        for (name, figure) in figures {
            let own = rows.iter().filter(|row| mode(row) == *of_mode && row.threads == *threads);
            let mut points: Vec<Point> = own
                .filter_map(|row| Some(Point { x: row.value.parse().ok()?, y: figure(row)?, interval: None }))
                .collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            if points.is_empty() {
                continue;
            }
            let label = if several { format!("{of_mode} {name}, {threads} thr.") } else { (*name).to_owned() };
            all.push(Series { name: label.trim().to_owned(), colour: all.len(), points, ideal: Vec::new() });
        }
    }
    all
}

fn chart(sweep: &Sweep, rows: &[SweepRow], suffix: &str, y: Axis, series: Vec<Series>) -> Option<Chart> {
    let xs: Vec<f64> = series.iter().flat_map(|s| s.points.iter().map(|p| p.x)).collect();
    let (low, high) = (xs.iter().copied().reduce(f64::min)?, xs.iter().copied().reduce(f64::max)?);
    let kind = if low > 0.0 && high / low > 15.0 { ScaleKind::Log } else { ScaleKind::Linear };
    let (label, unit) = match sweep.by.as_str() {
        "threshold" => ("Iterations or calls before code moves up", "count"),
        name => (name, "value"),
    };
    let stem: String = sweep.by.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Some(Chart {
        name: format!("sweep-{stem}{suffix}"),
        title: format!("{} against {}", y.label, sweep.by),
        subtitle: rows.first().map(|row| row.workload.clone()).unwrap_or_default(),
        note: String::new(),
        caption: sweep.caption.clone(),
        warning: None,
        body: Body::Lines(Lines {
            x: Axis::new(label, unit, kind),
            y,
            series,
            marks: Vec::new(),
            reference: None,
            dashed: None,
        }),
    })
}

/// One line on where `adaptive` lies; none without it or without a fixed choice to hold it against.
pub fn verdict(rows: &[SweepRow]) -> Option<String> {
    let adaptive = rows.iter().find(|row| row.value == "adaptive")?;
    let best = |figure: Figure| {
        let fixed = rows.iter().filter(|row| row.value != "adaptive" && row.threads == adaptive.threads);
        fixed.filter_map(|row| Some((row, figure(row)?))).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(row, _)| row)
    };
    let said = |what: &str, regret: Option<f64>, figure: Figure| {
        let (regret, best) = (regret?, best(figure)?);
        let side = if regret >= 0.0 { "below" } else { "above" };
        Some(format!("{what}: {:.1}% {side} the best fixed threshold ({})", regret.abs() * 100.0, best.value))
    };
    let parts = [
        said("steady", adaptive.regret, |row| row.tps),
        said("first pass", adaptive.regret_first, |row| row.tps_first),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("adaptive, {}", parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: &str, tps: f64, first: f64) -> SweepRow {
        SweepRow {
            workload: "w".into(),
            by: "threshold".into(),
            value: value.into(),
            mode: String::new(),
            threads: 1,
            tps: Some(tps),
            tps_low: None,
            tps_high: None,
            tps_first: Some(first),
            steady_after_s: Some(0.01),
            regret: None,
            regret_first: None,
        }
    }

    #[test]
    fn regret_is_held_against_the_best_fixed_choice() {
        assert_eq!(lost(Some(90.0), Some(100.0)).map(|r| (r * 100.0).round()), Some(10.0));
        assert_eq!(lost(Some(90.0), Some(0.0)), None);
        let mut rows = vec![row("1", 80.0, 50.0), row("500", 100.0, 40.0), row("adaptive", 90.0, 55.0)];
        rows[2].regret = lost(rows[2].tps, Some(100.0));
        rows[2].regret_first = lost(rows[2].tps_first, Some(50.0));
        let said = verdict(&rows).expect("a verdict");
        assert!(said.contains("steady: 10.0% below the best fixed threshold (500)"), "{said}");
        assert!(said.contains("first pass: 10.0% above the best fixed threshold (1)"), "{said}");
        assert_eq!(verdict(&rows[..2]), None);
    }

    #[test]
    fn files_are_written_and_texts_have_no_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let sweep = Sweep { by: "threshold".into(), caption: String::new() };
        let rows = [row("1", 80.0, 50.0), row("5000", 100.0, 40.0), row("adaptive", 90.0, 55.0)];
        let files = write(folder.path(), &sweep, &rows).expect("written");
        assert_eq!(files.len(), 5, "{files:?}");
        assert!(files.iter().all(|file| file.metadata().is_ok_and(|meta| meta.len() > 100)));
        let words = [SweepRow { value: "zipf:0.9".into(), ..row("1", 1.0, 1.0) }];
        assert!(throughput(&sweep, &words).is_none());
    }
}
