//! Colours of charts.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// For which surface a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// White background.
    #[default]
    Light,
    /// Near-black background.
    Dark,
    /// White, black text, and a dash pattern a series, so that it survives a grey printer.
    Print,
}

impl std::str::FromStr for Theme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "light" => Ok(Self::Light),
            "dark" => Ok(Self::Dark),
            "print" => Ok(Self::Print),
            _ => Err(format!("`{text}` is not a theme: light, dark or print")),
        }
    }
}

/// The colours of a theme.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    pub(super) background: RGBColor,
    pub(super) text: RGBColor,
    pub(super) muted: RGBColor,
    pub(super) grid: RGBColor,
    pub(super) warning: RGBColor,
    series: [RGBColor; 8],
    pub(super) dashes: bool,
}

/// The palette of Okabe and Ito, "Color Universal Design" (2008), ordered so that the first few
/// differ most. Its yellow cannot be seen on white and is darkened; on a dark background black is
/// white and the blue is lighter.
const ON_LIGHT: [RGBColor; 8] = [
    RGBColor(110, 110, 110),
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(164, 148, 0),
];
const ON_DARK: [RGBColor; 8] = [
    RGBColor(190, 190, 190),
    RGBColor(58, 150, 220),
    RGBColor(232, 112, 20),
    RGBColor(0, 178, 130),
    RGBColor(218, 140, 182),
    RGBColor(240, 175, 30),
    RGBColor(120, 200, 245),
    RGBColor(240, 228, 66),
];

impl Theme {
    pub(super) fn palette(self) -> Palette {
        match self {
            Self::Light => Palette {
                background: RGBColor(255, 255, 255),
                text: RGBColor(30, 33, 38),
                muted: RGBColor(96, 102, 112),
                grid: RGBColor(224, 227, 232),
                warning: RGBColor(176, 60, 0),
                series: ON_LIGHT,
                dashes: false,
            },
            Self::Dark => Palette {
                background: RGBColor(22, 25, 30),
                text: RGBColor(232, 235, 240),
                muted: RGBColor(160, 167, 178),
                grid: RGBColor(52, 58, 67),
                warning: RGBColor(255, 150, 80),
                series: ON_DARK,
                dashes: false,
            },
            Self::Print => Palette {
                background: RGBColor(255, 255, 255),
                text: RGBColor(0, 0, 0),
                muted: RGBColor(60, 60, 60),
                grid: RGBColor(205, 205, 205),
                warning: RGBColor(0, 0, 0),
                series: ON_LIGHT,
                dashes: true,
            },
        }
    }
}

/// Style rules that turn a light chart inside a page into a dark one: colours stand in an SVG as
/// attributes, which any rule overrides.
pub(super) fn darkening() -> String {
    let (light, dark) = (Theme::Light.palette(), Theme::Dark.palette());
    let frame = |p: &Palette| [p.background, p.text, p.muted, p.grid, p.warning];
    let pairs = frame(&light).into_iter().zip(frame(&dark)).chain(light.series.into_iter().zip(dark.series));
    let name = |c: RGBColor| format!("#{:02X}{:02X}{:02X}", c.0, c.1, c.2);
    let mut rules = String::new();
    for (from, to) in pairs {
        let (from, to) = (name(from), name(to));
        let _ = writeln!(rules, "svg [fill=\"{from}\"]{{fill:{to}}}svg [stroke=\"{from}\"]{{stroke:{to}}}");
    }
    rules
}

impl Palette {
    pub(super) fn series(&self, slot: usize) -> RGBColor {
        self.series[slot % self.series.len()]
    }

    /// Lengths of dash and gap, in line widths; none for a solid line.
    pub(super) fn dash(&self, slot: usize) -> Option<&'static [f64]> {
        let patterns: [Option<&[f64]>; 4] = [None, Some(&[5.0, 2.0]), Some(&[2.0, 2.0]), Some(&[7.0, 2.0, 1.5, 2.0])];
        if self.dashes { patterns[slot % patterns.len()] } else { None }
    }
}

/// The palette slot of a mode: the same in every chart.
pub fn slot_of_mode(mode: &str) -> Option<usize> {
    match mode {
        "interpreter" => Some(0),
        "vm" => Some(1),
        "native" => Some(2),
        "adaptive" => Some(3),
        _ => None,
    }
}
