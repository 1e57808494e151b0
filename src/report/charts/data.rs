//! A chart's data as CSV: what was drawn can be drawn again elsewhere.

use std::path::Path;

use super::{Bars, Body, Chart, Lines, Timeline};

pub(super) fn write(chart: &Chart, path: &Path) -> csv::Result<()> {
    let mut to = csv::Writer::from_path(path)?;
    match &chart.body {
        Body::Lines(lines) => write_lines(lines, &mut to)?,
        Body::Bars(bars) => write_bars(bars, &mut to)?,
        Body::Timeline(timeline) => write_timeline(timeline, &mut to)?,
    }
    to.flush()?;
    Ok(())
}

fn cell(value: Option<f64>) -> String {
    value.filter(|v| v.is_finite()).map(|v| v.to_string()).unwrap_or_default()
}

fn write_lines(lines: &Lines, to: &mut csv::Writer<std::fs::File>) -> csv::Result<()> {
    let (x, y) = (lines.x.title(), lines.y.title());
    to.write_record(["kind", "series", &x, &y, "low", "high"])?;
    let mut row = |kind: &str, name: &str, x: f64, y: Option<f64>, ends: Option<(f64, f64)>| {
        let (low, high) = (cell(ends.map(|e| e.0)), cell(ends.map(|e| e.1)));
        to.write_record([kind, name, &cell(Some(x)), &cell(y), &low, &high])
    };
    for series in &lines.series {
        for p in &series.points {
            row("point", &series.name, p.x, Some(p.y), p.interval)?;
        }
        for &(x, y) in &series.ideal {
            row("ideal", &series.name, x, Some(y), None)?;
        }
    }
    for mark in &lines.marks {
        row("mark", &mark.label, mark.x, None, None)?;
    }
    Ok(())
}

fn write_timeline(timeline: &Timeline, to: &mut csv::Writer<std::fs::File>) -> csv::Result<()> {
    to.write_record(["kind", "site", &timeline.time.title(), "text"])?;
    for row in &timeline.rows {
        for (at, tier) in &row.spans {
            to.write_record(["tier", &row.label, &cell(Some(*at)), tier])?;
        }
        for (at, text) in &row.events {
            to.write_record(["event", &row.label, &cell(Some(*at)), text])?;
        }
    }
    Ok(())
}

fn write_bars(bars: &Bars, to: &mut csv::Writer<std::fs::File>) -> csv::Result<()> {
    let value = bars.value.title();
    to.write_record(["bar", "part", &value, "low", "high", "text"])?;
    for bar in &bars.bars {
        for (i, part) in bar.parts.iter().enumerate() {
            let name = bars.parts.get(i).map_or("", String::as_str);
            let ends = bar.interval;
            let (low, high) = (cell(ends.map(|e| e.0)), cell(ends.map(|e| e.1)));
            to.write_record([&bar.label, name, &cell(Some(*part)), &low, &high, &bar.text])?;
        }
    }
    Ok(())
}
