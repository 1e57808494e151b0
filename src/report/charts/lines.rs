//! Points and lines over two axes, labelled beside the plot.

use plotters::prelude::DrawingBackend;

use super::canvas::{Area, At, Canvas, Drawn};
use super::labels::{rows, spread};
use super::scale::{Scale, Tick};
use super::{Lines, Mark, Series};

/// More points than this are a curve: drawn without markers.
const MOST_MARKERS: usize = 40;
/// Rows of labels above the plot.
const MARK_ROWS: usize = 4;

/// Where values are on the surface.
struct Plot {
    area: Area,
    x: Scale,
    y: Scale,
}

impl Plot {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x_at(x), self.y_at(y))
    }

    fn x_at(&self, x: f64) -> f64 {
        self.area.left + self.x.share(x) * (self.area.right - self.area.left)
    }

    fn y_at(&self, y: f64) -> f64 {
        let share = self.y.share(y).clamp(0.0, 1.0);
        self.area.bottom - share * (self.area.bottom - self.area.top)
    }
}

pub(super) fn draw<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, lines: &Lines, area: Area) -> Drawn {
    let u = canvas.unit;
    let (x, y) = scales(lines);
    let mut plot = Plot { area, x, y };
    plot.area.bottom -= 40.0 * u;
    let label_width = series_label_width(canvas, lines, area);
    plot.area.right -= label_width + 44.0 * u;
    plot.area.top += 22.0 * u;
    let y_wanted = ((plot.area.bottom - plot.area.top) / (38.0 * u)) as usize;
    let y_ticks = plot.y.ticks(&lines.y, y_wanted);
    let widest =
        |ticks: &[Tick]| ticks.iter().map(|t| canvas.text_width(&t.text, canvas.muted(11.0))).fold(0.0, f64::max);
    plot.area.left += widest(&y_ticks) + 8.0 * u;

    let marks = MarkLabels::place(canvas, lines, &plot, area.right);
    header(canvas, lines, area, marks.note().as_ref())?;
    plot.area.top += marks.rows as f64 * 15.0 * u;
    axes(canvas, lines, &plot, area, &y_ticks)?;
    marks.draw(canvas, &plot)?;
    if let Some(value) = lines.reference {
        let y = plot.y_at(value);
        let ends = [(plot.area.left, y), (plot.area.right, y)];
        canvas.dashed(&ends, canvas.palette.muted, 1.0, u, &[5.0 * u, 4.0 * u])?;
    }
    for series in &lines.series {
        draw_series(canvas, series, &plot)?;
    }
    series_labels(canvas, lines, &plot, label_width)
}

fn scales(lines: &Lines) -> (Scale, Scale) {
    let points = || lines.series.iter().flat_map(|s| s.points.iter());
    let ideal = || lines.series.iter().flat_map(|s| s.ideal.iter());
    let xs = points().map(|p| p.x).chain(ideal().map(|p| p.0)).chain(lines.marks.iter().map(|m| m.x));
    let ends = points().filter_map(|p| p.interval).flat_map(|(low, high)| [low, high]);
    let ys = points().map(|p| p.y).chain(ideal().map(|p| p.1)).chain(ends).chain(lines.reference);
    (Scale::over(&lines.x, xs, 0.03), Scale::over(&lines.y, ys, 0.05))
}

/// The title of the vertical axis, horizontal so that it can be read, and what dashes mean.
fn header<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, lines: &Lines, area: Area, note: Option<&String>) -> Drawn {
    let u = canvas.unit;
    let y = area.top + 7.0 * u;
    let pen = canvas.pen(11.5);
    let title = canvas.cut(&lines.y.title(), pen, area.right - area.left);
    canvas.text(&title, area.left, y, At::Left, pen)?;
    let Some(text) = lines.dashed.as_ref().or(note) else {
        return Ok(());
    };
    let free = area.right - area.left - canvas.text_width(&title, pen) - 60.0 * u;
    let text = canvas.cut(text, canvas.muted(11.0), free);
    if text.is_empty() {
        return Ok(());
    }
    let width = canvas.text_width(&text, canvas.muted(11.0));
    canvas.text(&text, area.right, y, At::Right, canvas.muted(11.0))?;
    if lines.dashed.is_none() {
        return Ok(());
    }
    let ends = [(area.right - width - 32.0 * u, y), (area.right - width - 6.0 * u, y)];
    canvas.dashed(&ends, canvas.palette.muted, 1.0, 1.2 * u, &[5.0 * u, 4.0 * u])
}

fn axes<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    lines: &Lines,
    plot: &Plot,
    outer: Area,
    y_ticks: &[Tick],
) -> Drawn {
    let u = canvas.unit;
    let Area { left, top, right, bottom } = plot.area;
    let (grid, pen) = (canvas.palette.grid, canvas.muted(11.0));
    for tick in y_ticks {
        let y = plot.y_at(tick.value);
        canvas.line(&[(left, y), (right, y)], grid, 1.0, u)?;
        canvas.text(&tick.text, left - 7.0 * u, y, At::Right, pen)?;
    }
    let wanted = ((right - left) / (80.0 * u)) as usize;
    // From the right, since the last thread count matters more than the one before it.
    let mut free = f64::INFINITY;
    for tick in plot.x.ticks(&lines.x, wanted).iter().rev() {
        let x = plot.x_at(tick.value);
        let half = canvas.text_width(&tick.text, pen) / 2.0;
        canvas.line(&[(x, bottom), (x, bottom + 4.0 * u)], canvas.palette.muted, 1.0, u)?;
        if x + half < free && x - half >= outer.left {
            canvas.text(&tick.text, x, bottom + 13.0 * u, At::Middle, pen)?;
            free = x - half - 6.0 * u;
        }
    }
    canvas.line(&[(left, bottom), (right, bottom)], canvas.palette.muted, 1.0, u)?;
    canvas.line(&[(left, top), (left, bottom)], grid, 1.0, u)?;
    let middle = f64::midpoint(left, right);
    canvas.text(&lines.x.title(), middle, bottom + 31.0 * u, At::Middle, canvas.pen(11.5))
}

fn draw_series<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, series: &Series, plot: &Plot) -> Drawn {
    let u = canvas.unit;
    let colour = canvas.palette.series(series.colour);
    let ideal: Vec<_> = series.ideal.iter().map(|&(x, y)| plot.at(x, y)).collect();
    canvas.dashed(&ideal, colour, 0.6, 1.2 * u, &[5.0 * u, 4.0 * u])?;
    for point in &series.points {
        let Some((low, high)) = point.interval else {
            continue;
        };
        let (x, low, high) = (plot.x_at(point.x), plot.y_at(low), plot.y_at(high));
        canvas.line(&[(x, low), (x, high)], colour, 1.0, 1.5 * u)?;
        for y in [low, high] {
            canvas.line(&[(x - 4.0 * u, y), (x + 4.0 * u, y)], colour, 1.0, 1.5 * u)?;
        }
    }
    let points: Vec<_> = series.points.iter().map(|p| plot.at(p.x, p.y)).collect();
    let curve = points.len() > MOST_MARKERS;
    let width = if curve { 1.5 * u } else { 2.2 * u };
    stroke(canvas, &points, series.colour, width)?;
    if !curve {
        for point in points {
            canvas.marker(point, series.colour, 3.8 * u)?;
        }
    }
    Ok(())
}

fn stroke<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, points: &[(f64, f64)], slot: usize, width: f64) -> Drawn {
    let colour = canvas.palette.series(slot);
    match canvas.palette.dash(slot) {
        Some(pattern) => {
            let pattern: Vec<f64> = pattern.iter().map(|length| length * width).collect();
            canvas.dashed(points, colour, 1.0, width, &pattern)
        }
        None => canvas.line(points, colour, 1.0, width),
    }
}

/// Width of the widest label, at most 30% of the chart.
fn series_label_width<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, lines: &Lines, area: Area) -> f64 {
    let width = |s: &Series| canvas.text_width(&s.name, canvas.pen(11.5));
    lines.series.iter().map(width).fold(0.0, f64::max).min((area.right - area.left) * 0.3)
}

/// Each label beside its line's end, moved apart where lines end close together.
fn series_labels<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, lines: &Lines, plot: &Plot, width: f64) -> Drawn {
    let u = canvas.unit;
    let drawn: Vec<(&Series, (f64, f64))> =
        lines.series.iter().filter_map(|s| s.points.last().map(|p| (s, plot.at(p.x, p.y)))).collect();
    let wanted: Vec<f64> = drawn.iter().map(|(_, end)| end.1).collect();
    let (top, bottom) = (plot.area.top, plot.area.bottom - 4.0 * u);
    let placed = spread(&wanted, 16.0 * u, top, bottom);
    // Squeezed labels get smaller letters rather than touch.
    let room = (bottom - top) / drawn.len().max(1) as f64;
    let size = (room / u * 0.8).clamp(6.0, 11.5);
    let right = plot.area.right;
    for ((series, end), y) in drawn.iter().zip(placed) {
        let colour = canvas.palette.series(series.colour);
        let bend = right + 16.0 * u;
        // A line that ends further left has its label, but no leader through the plot.
        if end.0 > right - 60.0 * u {
            let from = (end.0 + 6.0 * u, end.1);
            canvas.line(&[from, (right.max(from.0), end.1), (bend, y)], colour, 0.55, u)?;
        }
        stroke(canvas, &[(bend, y), (bend + 20.0 * u, y)], series.colour, 2.2 * u)?;
        canvas.marker((bend + 10.0 * u, y), series.colour, 3.4 * u)?;
        let pen = canvas.pen(size);
        let name = canvas.cut(&series.name, pen, width);
        canvas.text(&name, bend + 26.0 * u, y, At::Left, pen)?;
    }
    Ok(())
}

/// Marks with their labels' rows and texts.
struct MarkLabels<'a> {
    placed: Vec<(&'a Mark, Option<usize>, String)>,
    rows: usize,
}

impl<'a> MarkLabels<'a> {
    fn place<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, lines: &'a Lines, plot: &Plot, right: f64) -> Self {
        let u = canvas.unit;
        let pen = canvas.pen(10.0);
        let text = |mark: &Mark| canvas.cut(&mark.label, pen, right - plot.x_at(mark.x) - 4.0 * u);
        let texts: Vec<String> = lines.marks.iter().map(text).collect();
        let extent = |(mark, text): (&Mark, &String)| {
            let x = plot.x_at(mark.x);
            (x, x + 4.0 * u + canvas.text_width(text, pen))
        };
        let extents: Vec<(f64, f64)> = lines.marks.iter().zip(&texts).map(extent).collect();
        let rows = rows(&extents, 6.0 * u, MARK_ROWS);
        let used = rows.iter().flatten().max().map_or(0, |row| row + 1);
        let marks = lines.marks.iter().zip(rows).zip(texts);
        Self { placed: marks.map(|((mark, row), text)| (mark, row, text)).collect(), rows: used }
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, plot: &Plot) -> Drawn {
        let u = canvas.unit;
        for (mark, row, text) in &self.placed {
            let colour = canvas.palette.series(mark.colour);
            let x = plot.x_at(mark.x);
            // Row 0 is nearest to the plot.
            let y = row.map(|row| plot.area.top - (row as f64 + 0.6) * 15.0 * u);
            let top = y.map_or(plot.area.top, |y| y - 5.0 * u);
            canvas.dashed(&[(x, top), (x, plot.area.bottom)], colour, 0.9, u, &[2.0 * u, 2.0 * u])?;
            if let Some(y) = y {
                canvas.text(text, x + 4.0 * u, y, At::Left, canvas.pen(10.0))?;
            }
        }
        Ok(())
    }

    /// A word on the marks that have no label.
    fn note(&self) -> Option<String> {
        let unlabelled = self.placed.iter().filter(|(_, row, _)| row.is_none()).count();
        (unlabelled > 0).then(|| format!("{unlabelled} marks without a label: see the data"))
    }
}
