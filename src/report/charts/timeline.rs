//! A run's time line: a row a site, its time in each tier in the tier's colour, what the tier policy did beside it.

use plotters::prelude::DrawingBackend;

use super::canvas::{Area, At, Canvas, Drawn};
use super::scale::Scale;
use super::theme::slot_of_mode;
use super::{Axis, Body, Chart, ScaleKind};
use crate::report::numbers::{number, thousands};
use crate::report::records::{SiteKind, TierRow};

/// Rows over one axis of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The axis of time.
    pub time: Axis,
    /// From top to bottom.
    pub rows: Vec<TimelineRow>,
}

/// What happened to one site.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineRow {
    /// The site.
    pub label: String,
    /// Its tiers: from when on, and which; the last one to the end.
    pub spans: Vec<(f64, String)>,
    /// What was done, and when.
    pub events: Vec<(f64, String)>,
    /// The end of the run.
    pub end: f64,
}

/// Sites that are shown; more would not be readable.
const ROWS_MOST: usize = 8;
/// Events of a site that are told in words.
const WORDS_MOST: usize = 3;
/// The tiers, lowest first.
const TIERS: [&str; 3] = ["interpreter", "vm", "native"];

/// The time line of one isolate's tier changes, which ended at this time; none without changes.
pub(super) fn timeline(changes: &[&TierRow], end_ns: u64) -> Option<Body> {
    let mut rows: Vec<TimelineRow> = Vec::new();
    let at = |row: &TierRow| Some(row.at_ns? as f64 / 1e6);
    let first = changes.iter().filter_map(|row| at(row)).filter(|ms| *ms > 0.0).reduce(f64::min)?;
    let last = changes.iter().filter_map(|row| at(row)).reduce(f64::max)?;
    let end = (end_ns as f64 / 1e6).max(last * 1.5);
    let start = first / 4.0;
    for change in changes {
        let kind = if change.kind == SiteKind::Loop { "loop" } else { "action" };
        let label = format!("{kind} {}", change.site.rsplit('/').next().unwrap_or(&change.site));
        let index = rows.iter().position(|row| row.label == label).unwrap_or(rows.len());
        if index == ROWS_MOST {
            continue;
        }
        if index == rows.len() {
            let spans = vec![(start, change.from.clone())];
            rows.push(TimelineRow { label, spans, events: Vec::new(), end });
        }
        let ms = at(change)?.max(start);
        rows[index].events.push((ms, words(change)));
        if change.from != change.to {
            rows[index].spans.push((ms, change.to.clone()));
        }
    }
    let time = Axis::new("Time since the first transaction", "ms", ScaleKind::Log);
    (!rows.is_empty()).then_some(Body::Timeline(Timeline { time, rows }))
}

fn words(change: &TierRow) -> String {
    let speedup = change.speedup.map_or_else(String::new, |speedup| format!(", {speedup:.2}x"));
    let after = change.iteration.map_or_else(String::new, |count| format!("{}: ", thousands(count)));
    if change.from == change.to {
        return format!("{after}{}", change.reason);
    }
    let compiling = change.compile_ns.filter(|ns| *ns > 0);
    let compiling = compiling.map_or_else(String::new, |ns| format!(", compiled in {} us", number(ns as f64 / 1e3)));
    format!("{after}to {}{speedup}{compiling} ({})", change.to, change.reason)
}

pub(super) fn draw<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, timeline: &Timeline, area: Area) -> Drawn {
    let u = canvas.unit;
    let mut plot = area;
    plot.top += legend(canvas, area)?;
    plot.bottom -= 40.0 * u;
    let pen = canvas.pen(11.5);
    let widest = timeline.rows.iter().map(|row| canvas.text_width(&row.label, pen)).fold(0.0, f64::max);
    let label_width = widest.min((area.right - area.left) * 0.3);
    plot.left += label_width + 10.0 * u;
    plot.right -= 14.0 * u;
    let times = timeline.rows.iter().flat_map(|row| row.spans.iter().map(|span| span.0).chain([row.end]));
    let scale = Scale::over(&timeline.time, times, 0.0);
    let x_at = |value: f64| plot.left + scale.share(value) * (plot.right - plot.left);
    axis(canvas, &timeline.time, &scale, plot)?;
    let step = ((plot.bottom - plot.top) / timeline.rows.len().max(1) as f64).min(120.0 * u);
    for (index, row) in timeline.rows.iter().enumerate() {
        let top = plot.top + step * index as f64 + 6.0 * u;
        let height = (step * 0.3).min(22.0 * u);
        let label = canvas.cut(&row.label, pen, label_width);
        canvas.text(&label, plot.left - 8.0 * u, top + height / 2.0, At::Right, pen)?;
        let ends = row.spans.iter().skip(1).map(|span| span.0).chain([row.end]);
        for ((from, tier), to) in row.spans.iter().zip(ends) {
            let colour = canvas.palette.series(slot_of_mode(tier).unwrap_or(5));
            canvas.rectangle(Area { left: x_at(*from), top, right: x_at(to), bottom: top + height }, colour)?;
        }
        events(canvas, row, plot, top + height, step - height - 10.0 * u, &x_at)?;
    }
    Ok(())
}

/// A stroke at each event, and its words below, a line each.
fn events<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    row: &TimelineRow,
    plot: Area,
    top: f64,
    room: f64,
    x_at: &dyn Fn(f64) -> f64,
) -> Drawn {
    let u = canvas.unit;
    let pen = canvas.pen(10.5);
    let shown = row.events.len().min(WORDS_MOST).min((room / (14.0 * u)).max(1.0) as usize);
    let line_y = |index: usize| top + 10.0 * u + 14.0 * u * index.min(shown) as f64;
    for (index, (ms, _)) in row.events.iter().enumerate() {
        let (x, y) = (x_at(*ms), line_y(index));
        canvas.line(&[(x, top - 4.0 * u), (x, y.min(top + room))], canvas.palette.text, 0.8, 1.2 * u)?;
    }
    for (index, (ms, text)) in row.events.iter().enumerate().take(shown) {
        let (x, y) = (x_at(*ms), line_y(index));
        let more = row.events.len() - shown;
        let text = if index + 1 == shown && more > 0 { format!("{text}; and {more} more") } else { text.clone() };
        // Beside the stroke where there is room, else before it.
        let width = canvas.text_width(&text, pen);
        let (at, x) =
            if x + 6.0 * u + width <= plot.right { (At::Left, x + 5.0 * u) } else { (At::Right, x - 5.0 * u) };
        let text = canvas.cut(&text, pen, plot.right - plot.left);
        // The strokes of later events end below: not through these words.
        let width = canvas.text_width(&text, pen) + 2.0 * u;
        let left = if at == At::Left { x - u } else { x - width + u };
        let under = Area { left, top: y - 6.5 * u, right: left + width, bottom: y + 6.5 * u };
        canvas.rectangle(under, canvas.palette.background)?;
        canvas.text(&text, x, y, at, pen)?;
    }
    Ok(())
}

fn legend<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, area: Area) -> Result<f64, String> {
    let u = canvas.unit;
    let pen = canvas.pen(11.0);
    let (mut x, y) = (area.left, area.top + 7.0 * u);
    for tier in TIERS {
        let swatch = Area { left: x, top: y - 5.0 * u, right: x + 10.0 * u, bottom: y + 5.0 * u };
        canvas.rectangle(swatch, canvas.palette.series(slot_of_mode(tier).unwrap_or(5)))?;
        canvas.text(tier, x + 15.0 * u, y, At::Left, pen)?;
        x += 34.0 * u + canvas.text_width(tier, pen);
    }
    Ok(y - area.top + 18.0 * u)
}

fn axis<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, time: &Axis, scale: &Scale, plot: Area) -> Drawn {
    let u = canvas.unit;
    let pen = canvas.muted(11.0);
    let mut free = f64::NEG_INFINITY;
    for tick in scale.ticks(time, ((plot.right - plot.left) / (80.0 * u)) as usize) {
        let x = plot.left + scale.share(tick.value) * (plot.right - plot.left);
        let half = canvas.text_width(&tick.text, pen) / 2.0;
        canvas.line(&[(x, plot.top), (x, plot.bottom)], canvas.palette.grid, 1.0, u)?;
        if x - half > free {
            canvas.text(&tick.text, x, plot.bottom + 12.0 * u, At::Middle, pen)?;
            free = x + half + 6.0 * u;
        }
    }
    let middle = f64::midpoint(plot.left, plot.right);
    canvas.text(&time.title(), middle, plot.bottom + 30.0 * u, At::Middle, canvas.pen(11.5))
}

/// A chart of a time line alone.
pub(super) fn chart(body: Body) -> Chart {
    Chart {
        name: "tiers".to_owned(),
        title: "What ran in which tier, and what the policy did".to_owned(),
        subtitle: String::new(),
        note: String::new(),
        caption: String::new(),
        warning: None,
        body,
    }
}
