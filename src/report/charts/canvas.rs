//! The drawing surface: pixels, colours and measured text over a plotters backend.

use std::path::Path;
use std::sync::Once;

use image::codecs::png::PngEncoder;
use image::{ColorType, ImageEncoder};
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::{Color, DrawingArea, DrawingBackend, IntoDrawingArea, IntoFont, RGBColor};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, TextStyle, register_font};

use super::theme::{Palette, Theme};
use super::{Body, Chart, Size, bars, lines, timeline};

/// PNG is drawn this much larger and averaged down: plotters does not smooth thick lines.
const OVERSAMPLING: u32 = 3;

const FONT: &str = "sans-serif";

/// Below this letters cannot be read; smaller charts get fewer ticks in place of smaller letters.
const LEAST_UNIT: f64 = 0.75;

/// plotters divides sizes by this before it draws; with it a size is the height of the em box.
const PLOTTERS_EM: f64 = 1.24;

static FONTS: Once = Once::new();

/// Why drawing failed, as text: backends have error types of their own.
pub(super) type Drawn = Result<(), String>;

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// Which end of a text its position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Left,
    Middle,
    Right,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) colour: RGBColor,
}

/// A surface with a palette; lengths are pixels, `unit` is one pixel of an 800x450 chart.
pub(super) struct Canvas<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    pub(super) palette: Palette,
    pub(super) unit: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// By how much of its size a text is moved down: the bitmap backend centres the whole line
    /// box, which sits high by this.
    text_drop: f64,
    /// Whether pixels are drawn, by a backend that joins thick lines with miters.
    bitmap: bool,
}

pub(super) fn to_svg(chart: &Chart, size: Size, theme: Theme, path: &Path) -> Drawn {
    // Drawn into memory and written by hand, as PNG is: the backends hide why a file cannot be written.
    let text = svg_text(chart, size, theme, LEAST_UNIT)?;
    std::fs::write(path, text).map_err(|e| e.to_string())
}

/// A chart as SVG, with letters no smaller than `least_unit` says. Lines join round: a miter of a
/// curve that turns back stands out far beyond the value.
pub(super) fn svg_text(chart: &Chart, size: Size, theme: Theme, least_unit: f64) -> Result<String, String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (size.width, size.height)).into_drawing_area();
        draw(chart, &area, size, theme, 1, least_unit)?;
    }
    Ok(text.replacen("<svg ", "<svg stroke-linejoin=\"round\" ", 1))
}

pub(super) fn to_png(chart: &Chart, size: Size, theme: Theme, path: &Path) -> Drawn {
    let large = Size { width: size.width * OVERSAMPLING, height: size.height * OVERSAMPLING };
    let mut pixels = vec![0; large.width as usize * large.height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (large.width, large.height)).into_drawing_area();
        draw(chart, &area, large, theme, OVERSAMPLING, LEAST_UNIT)?;
    }
    let mut small = Vec::with_capacity(pixels.len() / (OVERSAMPLING * OVERSAMPLING) as usize);
    for y in 0..size.height {
        for x in 0..size.width {
            let RGBColor(r, g, b) = average(&pixels, large.width, x, y);
            small.extend([r, g, b]);
        }
    }
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    let encoded = encoder.write_image(&small, size.width, size.height, ColorType::Rgb8);
    encoded.map_err(|e| e.to_string())?;
    std::fs::write(path, bytes).map_err(|e| e.to_string())
}

fn average(pixels: &[u8], width: u32, x: u32, y: u32) -> RGBColor {
    let mut sums = [0_u32; 3];
    for row in 0..OVERSAMPLING {
        let begin = ((y * OVERSAMPLING + row) * width + x * OVERSAMPLING) as usize * 3;
        for pixel in pixels[begin..begin + OVERSAMPLING as usize * 3].chunks_exact(3) {
            for (sum, channel) in sums.iter_mut().zip(pixel) {
                *sum += u32::from(*channel);
            }
        }
    }
    let [r, g, b] = sums.map(|sum| (sum / (OVERSAMPLING * OVERSAMPLING)) as u8);
    RGBColor(r, g, b)
}

fn draw<DB: DrawingBackend>(
    chart: &Chart,
    area: &DrawingArea<DB, Shift>,
    size: Size,
    theme: Theme,
    oversampling: u32,
    least_unit: f64,
) -> Drawn {
    FONTS.call_once(|| {
        for (style, file) in [(FontStyle::Normal, notosans::REGULAR_TTF), (FontStyle::Bold, notosans::BOLD_TTF)] {
            assert!(register_font(FONT, style, file).is_ok(), "notosans holds fonts");
        }
    });
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let palette = theme.palette();
    area.fill(&palette.background).map_err(|e| e.to_string())?;
    let unit = (width / 800.0).min(height / 450.0).max(least_unit * f64::from(oversampling));
    let bitmap = oversampling > 1;
    let text_drop = if bitmap { 0.13 } else { 0.0 };
    let canvas = Canvas { area, palette, unit, width, height, text_drop, bitmap };
    let inner = canvas.frame(chart)?;
    match &chart.body {
        Body::Lines(lines) => lines::draw(&canvas, lines, inner)?,
        Body::Bars(bars) => bars::draw(&canvas, bars, inner)?,
        Body::Timeline(timeline) => timeline::draw(&canvas, timeline, inner)?,
    }
    area.present().map_err(|e| e.to_string())
}

impl<DB: DrawingBackend> Canvas<'_, DB> {
    pub(super) fn pen(&self, size: f64) -> Pen {
        Pen { size: size * self.unit, bold: false, colour: self.palette.text }
    }

    pub(super) fn muted(&self, size: f64) -> Pen {
        Pen { colour: self.palette.muted, ..self.pen(size) }
    }

    /// Title, subtitle and caption; the area left between them.
    fn frame(&self, chart: &Chart) -> Result<Area, String> {
        let u = self.unit;
        let margin = 16.0 * u;
        let (left, right) = (margin, self.width - margin);
        let mut top = margin;
        for (text, pen, step) in
            [(&chart.title, Pen { bold: true, ..self.pen(17.0) }, 23.0), (&chart.subtitle, self.muted(11.5), 16.0)]
        {
            for line in self.wrapped(text, pen, right - left, 2) {
                self.text(&line, left, top + step * u / 2.0, At::Left, pen)?;
                top += step * u;
            }
        }
        let mut bottom = self.height - margin * 0.7;
        let caption = self.muted(10.0);
        let warning = Pen { colour: self.palette.warning, ..caption };
        let mark = chart.warning.as_ref().map(|w| format!("! {w}")).unwrap_or_default();
        for (text, pen) in [(&chart.caption, caption), (&mark, warning)] {
            for line in self.wrapped(text, pen, right - left, 2).iter().rev() {
                self.text(line, left, bottom - 7.0 * u, At::Left, pen)?;
                bottom -= 14.0 * u;
            }
        }
        Ok(Area { left, top: top + 8.0 * u, right, bottom: bottom - 4.0 * u })
    }

    /// Lines of whole words that fit; the last of `most` ends in an ellipsis if more would follow.
    fn wrapped(&self, text: &str, pen: Pen, width: f64, most: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let is_last = lines.len() == most;
            match lines.last_mut() {
                Some(line) if is_last || self.text_width(&format!("{line} {word}"), pen) <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines.iter().map(|line| self.cut(line, pen, width)).collect()
    }

    /// The text, or as much of it as fits, with an ellipsis.
    pub(super) fn cut(&self, text: &str, pen: Pen, width: f64) -> String {
        if self.text_width(text, pen) <= width {
            return text.to_owned();
        }
        let mut kept: String = text.to_owned();
        while kept.pop().is_some() {
            let shown = format!("{}…", kept.trim_end());
            if self.text_width(&shown, pen) <= width {
                return shown;
            }
        }
        String::new()
    }

    pub(super) fn text_width(&self, text: &str, pen: Pen) -> f64 {
        let measured = self.area.estimate_text_size(text, &style(pen, At::Left));
        measured.map_or(0.0, |(width, _)| f64::from(width))
    }

    /// Text whose vertical middle is `y`.
    pub(super) fn text(&self, text: &str, x: f64, y: f64, at: At, pen: Pen) -> Drawn {
        let place = pixel((x, y + pen.size * self.text_drop));
        let text = Text::new(text.to_owned(), place, style(pen, at));
        self.area.draw(&text).map_err(|e| e.to_string())
    }

    pub(super) fn line(&self, points: &[(f64, f64)], colour: RGBColor, alpha: f64, width: f64) -> Drawn {
        let path: Vec<(i32, i32)> = points.iter().map(|p| pixel(*p)).collect();
        let style = colour.mix(alpha).stroke_width(width.round().max(1.0) as u32);
        if self.bitmap && path.len() > 2 && alpha >= 1.0 {
            // Stroke by stroke with a disc at each joint, for the reason that `svg_text` gives.
            let radius = (width / 2.0).floor() as i32;
            for ends in path.windows(2) {
                self.area.draw(&PathElement::new(ends.to_vec(), style)).map_err(|e| e.to_string())?;
                self.area.draw(&Circle::new(ends[1], radius, style.filled())).map_err(|e| e.to_string())?;
            }
            return Ok(());
        }
        self.area.draw(&PathElement::new(path, style)).map_err(|e| e.to_string())
    }

    /// A line in dashes; lengths of dash and gap in turn, in pixels.
    pub(super) fn dashed(
        &self,
        points: &[(f64, f64)],
        colour: RGBColor,
        alpha: f64,
        width: f64,
        pattern: &[f64],
    ) -> Drawn {
        let (mut which, mut left) = (0, pattern[0]);
        for ends in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (ends[0], ends[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            let mut done = 0.0;
            while done < length {
                let step = left.min(length - done);
                if which % 2 == 0 {
                    let at = |d: f64| (x0 + (x1 - x0) * d / length, y0 + (y1 - y0) * d / length);
                    self.line(&[at(done), at(done + step)], colour, alpha, width)?;
                }
                done += step;
                left -= step;
                if left <= 1e-9 {
                    which += 1;
                    left = pattern[which % pattern.len()];
                }
            }
        }
        Ok(())
    }

    pub(super) fn rectangle(&self, area: Area, colour: RGBColor) -> Drawn {
        let corners = [pixel((area.left, area.top)), pixel((area.right, area.bottom))];
        self.area.draw(&Rectangle::new(corners, colour.filled())).map_err(|e| e.to_string())
    }

    /// A point of a series: its shape tells series apart without colour.
    pub(super) fn marker(&self, (x, y): (f64, f64), slot: usize, radius: f64) -> Drawn {
        let colour = self.palette.series(slot);
        let corners: &[(f64, f64)] = match (slot + slot / 8) % 4 {
            0 => {
                let circle = Circle::new(pixel((x, y)), radius.round() as i32, colour.filled());
                return self.area.draw(&circle).map_err(|e| e.to_string());
            }
            1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            2 => &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
            _ => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
        };
        let shape: Vec<_> = corners.iter().map(|(dx, dy)| pixel((x + dx * radius, y + dy * radius))).collect();
        self.area.draw(&Polygon::new(shape, colour.filled())).map_err(|e| e.to_string())
    }
}

fn style(pen: Pen, at: At) -> TextStyle<'static> {
    let weight = if pen.bold { FontStyle::Bold } else { FontStyle::Normal };
    let h = match at {
        At::Left => HPos::Left,
        At::Middle => HPos::Center,
        At::Right => HPos::Right,
    };
    let font = (FONT, pen.size * PLOTTERS_EM, weight).into_font();
    let mut style = TextStyle::from(font).pos(Pos::new(h, VPos::Center));
    style.color = pen.colour.to_backend_color();
    style
}

fn pixel((x, y): (f64, f64)) -> (i32, i32) {
    (x.round() as i32, y.round() as i32)
}
