//! Horizontal bars from zero, plain or stacked.

use plotters::prelude::DrawingBackend;

use super::canvas::{Area, At, Canvas, Drawn};
use super::scale::Scale;
use super::{Bar, Bars};

/// Palette slots of stacked parts: grey for what is not the subject, then two that differ most.
const PART_SLOTS: [usize; 6] = [0, 5, 1, 3, 4, 2];

pub(super) fn draw<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, bars: &Bars, area: Area) -> Drawn {
    let u = canvas.unit;
    let mut plot = area;
    plot.top += legend(canvas, bars, area)?;
    plot.bottom -= 40.0 * u;
    let widest = |text: fn(&Bar) -> &str, size: f64| {
        let width = |bar| canvas.text_width(text(bar), canvas.pen(size));
        bars.bars.iter().map(width).fold(0.0, f64::max)
    };
    let label_width = widest(|b| &b.label, 11.5).min((area.right - area.left) * 0.3);
    plot.left += label_width + 10.0 * u;
    plot.right -= widest(|b| &b.text, 11.0).min((area.right - area.left) * 0.4) + 14.0 * u;

    let lengths = bars.bars.iter().map(|b| b.parts.iter().sum::<f64>());
    let ends = bars.bars.iter().filter_map(|b| b.interval.map(|i| i.1));
    let scale = Scale::over(&bars.value, lengths.chain(ends).chain(bars.reference), 0.02);
    let x_at = |value: f64| plot.left + scale.share(value) * (plot.right - plot.left);
    axis(canvas, bars, &scale, plot)?;

    let step = ((plot.bottom - plot.top) / bars.bars.len().max(1) as f64).min(64.0 * u);
    let first = plot.top + ((plot.bottom - plot.top) - step * bars.bars.len() as f64) / 2.0;
    let size = (step / u * 0.7).clamp(6.0, 11.5);
    for (i, bar) in bars.bars.iter().enumerate() {
        let y = first + step * (i as f64 + 0.5);
        let pen = canvas.pen(size);
        let label = canvas.cut(&bar.label, pen, label_width);
        canvas.text(&label, plot.left - 8.0 * u, y, At::Right, pen)?;
        let end = draw_bar(canvas, bars, bar, y, step * 0.32, &x_at)?;
        canvas.text(&bar.text, end + 8.0 * u, y, At::Left, canvas.pen(size.min(11.0)))?;
    }
    if let Some(value) = bars.reference {
        let line = [(x_at(value), plot.top), (x_at(value), plot.bottom)];
        canvas.dashed(&line, canvas.palette.text, 0.8, 1.2 * u, &[5.0 * u, 4.0 * u])?;
    }
    canvas.line(&[(plot.left, plot.top), (plot.left, plot.bottom)], canvas.palette.muted, 1.0, u)
}

/// Draws one bar with its interval; the x at which its text may begin.
fn draw_bar<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    bars: &Bars,
    bar: &Bar,
    y: f64,
    half: f64,
    x_at: &dyn Fn(f64) -> f64,
) -> Result<f64, String> {
    let u = canvas.unit;
    let mut from = 0.0;
    for (i, part) in bar.parts.iter().enumerate() {
        let slot = if bars.parts.is_empty() { bar.colour } else { PART_SLOTS[i % PART_SLOTS.len()] };
        let area = Area { left: x_at(from), top: y - half, right: x_at(from + part), bottom: y + half };
        canvas.rectangle(area, canvas.palette.series(slot))?;
        from += part;
    }
    let mut end = x_at(from);
    if let Some((low, high)) = bar.interval {
        let text = canvas.palette.text;
        canvas.line(&[(x_at(low), y), (x_at(high), y)], text, 1.0, 1.3 * u)?;
        for x in [x_at(low), x_at(high)] {
            canvas.line(&[(x, y - 4.0 * u), (x, y + 4.0 * u)], text, 1.0, 1.3 * u)?;
        }
        end = end.max(x_at(high));
    }
    Ok(end)
}

/// Names of stacked parts, in rows above the plot; the height they take.
fn legend<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, bars: &Bars, area: Area) -> Result<f64, String> {
    let u = canvas.unit;
    if bars.parts.is_empty() {
        return Ok(4.0 * u);
    }
    let pen = canvas.pen(11.0);
    let (mut x, mut y) = (area.left, area.top + 7.0 * u);
    for (i, name) in bars.parts.iter().enumerate() {
        let width = 16.0 * u + canvas.text_width(name, pen);
        if x > area.left && x + width > area.right {
            (x, y) = (area.left, y + 17.0 * u);
        }
        let swatch = Area { left: x, top: y - 5.0 * u, right: x + 10.0 * u, bottom: y + 5.0 * u };
        canvas.rectangle(swatch, canvas.palette.series(PART_SLOTS[i % PART_SLOTS.len()]))?;
        canvas.text(name, x + 15.0 * u, y, At::Left, pen)?;
        x += width + 18.0 * u;
    }
    Ok(y - area.top + 18.0 * u)
}

fn axis<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, bars: &Bars, scale: &Scale, plot: Area) -> Drawn {
    let u = canvas.unit;
    let pen = canvas.muted(11.0);
    let wanted = ((plot.right - plot.left) / (80.0 * u)) as usize;
    let mut free = f64::NEG_INFINITY;
    for tick in scale.ticks(&bars.value, wanted) {
        let x = plot.left + scale.share(tick.value) * (plot.right - plot.left);
        let half = canvas.text_width(&tick.text, pen) / 2.0;
        canvas.line(&[(x, plot.top), (x, plot.bottom)], canvas.palette.grid, 1.0, u)?;
        if x - half > free {
            canvas.text(&tick.text, x, plot.bottom + 12.0 * u, At::Middle, pen)?;
            free = x + half + 6.0 * u;
        }
    }
    let middle = f64::midpoint(plot.left, plot.right);
    canvas.text(&bars.value.title(), middle, plot.bottom + 30.0 * u, At::Middle, canvas.pen(11.5))
}
