//! Charts as SVG and PNG, each with its data as CSV beside it.
//!
//! A [`Chart`] is data: titles, axes, series. [`records`] makes charts from a result folder,
//! [`render`] draws one at a size in a theme. The drawing code places everything itself, so that
//! labels never overlap, whatever the size: series are labelled beside the plot, never on it.

mod bars;
mod canvas;
mod data;
mod labels;
mod lines;
pub mod records;
mod scale;
mod stages;
mod theme;
mod timeline;

use std::fmt;
use std::path::{Path, PathBuf};

use super::numbers::number;

pub use records::{WorkCharts, charts_by_work, charts_of};
pub use theme::{Theme, slot_of_mode};
pub use timeline::{Timeline, TimelineRow};

/// A chart, ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Stem of the file name: `tps-threads`.
    pub name: String,
    /// First line, bold.
    pub title: String,
    /// Second line: workload and parameters, how to read the intervals.
    pub subtitle: String,
    /// The part of the second line that says how to read it.
    pub note: String,
    /// Last line: machine and commit.
    pub caption: String,
    /// Shown above the caption with a mark, as when machines differ.
    pub warning: Option<String>,
    /// What is drawn.
    pub body: Body,
}

/// The forms of chart.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Points and lines over two axes.
    Lines(Lines),
    /// Horizontal bars.
    Bars(Bars),
    /// What ran when.
    Timeline(Timeline),
}

/// Points and lines over two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// In the order of the legend where labels cannot stand at their line's end.
    pub series: Vec<Series>,
    /// Labelled vertical lines.
    pub marks: Vec<Mark>,
    /// A dashed horizontal line, as the interpreter's 1.
    pub reference: Option<f64>,
    /// What dashed lines mean, shown beside the title of the vertical axis.
    pub dashed: Option<String>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it shows.
    pub label: String,
    /// In which unit.
    pub unit: String,
    /// How values are spread over it.
    pub scale: ScaleKind,
    /// Where ticks stand, when not at round numbers: thread counts.
    pub ticks: Option<Vec<f64>>,
    /// What stands at [`Axis::ticks`] in place of their numbers: percentiles.
    pub names: Vec<String>,
}

impl Axis {
    /// An axis with ticks at round numbers.
    pub fn new(label: &str, unit: &str, scale: ScaleKind) -> Self {
        Self { label: label.to_owned(), unit: unit.to_owned(), scale, ticks: None, names: Vec::new() }
    }

    /// What it shows, with the unit.
    pub fn title(&self) -> String {
        format!("{} ({})", self.label, self.unit)
    }

    /// A value as it stands at the axis.
    pub fn text_of(&self, value: f64) -> String {
        self.name_of(value).map_or_else(|| number(value), str::to_owned)
    }

    fn name_of(&self, value: f64) -> Option<&str> {
        let at = self.ticks.iter().flatten().position(|tick| *tick == value)?;
        self.names.get(at).map(String::as_str)
    }
}

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleKind {
    /// From the least to the greatest value.
    Linear,
    /// From zero.
    FromZero,
    /// By factors; every value must be positive.
    Log,
}

/// A line with its points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its label.
    pub name: String,
    /// Slot of the palette; a mode has the same one in every chart.
    pub colour: usize,
    /// In order of x.
    pub points: Vec<Point>,
    /// What the points are held against, drawn dashed: perfect scaling.
    pub ideal: Vec<(f64, f64)>,
}

/// A measured point, with its interval if it has one.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct Point {
    pub x: f64,
    pub y: f64,
    pub interval: Option<(f64, f64)>,
}

/// A labelled vertical line.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct Mark {
    pub x: f64,
    pub label: String,
    pub colour: usize,
}

/// Horizontal bars from zero, each of one part or stacked.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// The axis along the bars.
    pub value: Axis,
    /// Names of the stacked parts, or empty when a bar has one part in its own colour.
    pub parts: Vec<String>,
    /// From top to bottom.
    pub bars: Vec<Bar>,
    /// A dashed vertical line, as the interpreter's 1.
    pub reference: Option<f64>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct Bar {
    pub label: String,
    pub colour: usize,
    pub parts: Vec<f64>,
    pub interval: Option<(f64, f64)>,
    /// What stands at its end.
    pub text: String,
}

/// Size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self { width: 1600, height: 900 }
    }
}

impl std::str::FromStr for Size {
    type Err = String;

    /// `1600x900`, from 320x240 to 8000x8000.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        match parts {
            Some((width, height)) if (320..=8000).contains(&width) && (240..=8000).contains(&height) => {
                Ok(Self { width, height })
            }
            Some(_) => Err(format!("`{text}`: a chart is 320x240 to 8000x8000 pixels")),
            None => Err(format!("`{text}` is not a size; write it as 1600x900")),
        }
    }
}

/// Why a chart was not made.
#[derive(Debug)]
pub enum ChartError {
    /// The file name ends neither in `.svg` nor in `.png`.
    Extension(PathBuf),
    /// It could not be drawn or written.
    Write {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: String,
    },
}

impl fmt::Display for ChartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(path) => {
                write!(f, "{}: a chart's file ends in .svg or .png", path.display())
            }
            Self::Write { path, cause } => write!(f, "cannot write {}: {cause}", path.display()),
        }
    }
}

impl std::error::Error for ChartError {}

/// For what width of page a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// A screen or a sheet of paper.
    Page,
    /// A telephone held upright.
    Phone,
}

/// A chart as an SVG element of a page, in the light theme; [`dark_rules`] make it a dark one.
/// Title and caption are the page's own.
pub fn inline(chart: &Chart, width: Width) -> Result<String, ChartError> {
    let bare = Chart { title: String::new(), subtitle: String::new(), caption: String::new(), ..chart.clone() };
    let (size, least_unit) = match width {
        Width::Page => (Size { width: 960, height: 480 }, 1.1),
        Width::Phone => (Size { width: 380, height: 400 }, 0.95),
    };
    let failed = |cause| ChartError::Write { path: PathBuf::from(&chart.name), cause };
    let text = canvas::svg_text(&bare, size, Theme::Light, least_unit).map_err(failed)?;
    // A page knows what an svg element is; the name space is for files.
    Ok(text.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1))
}

/// Style rules that show [`inline`] charts on a dark page.
pub fn dark_rules() -> String {
    theme::darkening()
}

/// Draws a chart as SVG or PNG, as the file's extension says, and writes its data as CSV beside it.
pub fn render(chart: &Chart, size: Size, theme: Theme, path: &Path) -> Result<(), ChartError> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    let drawn = match extension.as_deref() {
        Some("svg") => canvas::to_svg(chart, size, theme, path),
        Some("png") => canvas::to_png(chart, size, theme, path),
        _ => return Err(ChartError::Extension(path.to_owned())),
    };
    let failed = |path: &Path, cause| ChartError::Write { path: path.to_owned(), cause };
    drawn.map_err(|cause| failed(path, cause))?;
    let beside = path.with_extension("csv");
    data::write(chart, &beside).map_err(|e| failed(&beside, e.to_string()))
}

#[cfg(test)]
mod tests;
