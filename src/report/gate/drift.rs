//! The drift of a gate: each block's ratio over the session, beside what base against base shows and the floor.

use std::fs;
use std::path::{Path, PathBuf};

use super::observe::{Block, Observations};
use super::{Design, GateVerdict};
use crate::report::charts::{Axis, Body, Chart, Lines, Point, ScaleKind, Series, Size, Theme, render};

/// Draws it into `charts` of a gate's folder, as SVG and PNG with the data beside them. Nothing is drawn where nothing
/// was paired.
pub fn draw(
    folder: &Path,
    observations: &Observations,
    design: &Design,
    verdict: &GateVerdict,
) -> Result<Vec<PathBuf>, String> {
    let Some(chart) = chart(observations, design, verdict) else { return Ok(Vec::new()) };
    let into = folder.join("charts");
    fs::create_dir_all(&into).map_err(|e| format!("cannot make {}: {e}", into.display()))?;
    let mut files = Vec::new();
    for extension in ["svg", "png"] {
        let file = into.join(format!("{}.{extension}", chart.name));
        render(&chart, Size::default(), Theme::Light, &file).map_err(|e| e.to_string())?;
        files.push(file);
    }
    Ok(files)
}

fn chart(observations: &Observations, design: &Design, verdict: &GateVerdict) -> Option<Chart> {
    let series: Vec<Series> = observations
        .cells
        .iter()
        .filter(|(_, cell)| !cell.blocks.is_empty())
        .enumerate()
        .map(|(colour, (key, cell))| Series {
            name: key.name(),
            colour,
            points: cell.blocks.iter().map(head).collect(),
            ideal: cell.blocks.iter().map(|block| (at(block), percent(block.null))).collect(),
        })
        .collect();
    let blocks = series.iter().flat_map(|series| series.points.iter().map(|point| point.x)).reduce(f64::max)?;
    // At most ten ticks, at whole blocks.
    let step = (blocks / 10.0).ceil().max(1.0);
    let ticks = (1..=(blocks / step) as u32).map(|tick| f64::from(tick) * step).collect();
    let floor = -design.floor * 100.0;
    Some(Chart {
        name: "drift".to_owned(),
        title: "Does the difference stay the same over the session?".to_owned(),
        subtitle: format!("a point a block of two pairs, bars: its two pairs; verdict: {}", verdict.verdict.as_str()),
        note: String::new(),
        caption: String::new(),
        warning: None,
        body: Body::Lines(Lines {
            x: Axis { ticks: Some(ticks), ..Axis::new("Block of the session", "count", ScaleKind::Linear) },
            y: Axis::new("Head against base", "%", ScaleKind::Linear),
            series,
            marks: Vec::new(),
            reference: Some(floor),
            dashed: Some(format!("base against base; level: the floor, {floor:.1}%")),
        }),
    })
}

/// Blocks count from 1, for people.
fn at(block: &Block) -> f64 {
    f64::from(block.number) + 1.0
}

/// The mean of a block's log-ratios as a difference.
fn percent(logs: [f64; 2]) -> f64 {
    f64::midpoint(logs[0], logs[1]).exp_m1() * 100.0
}

fn head(block: &Block) -> Point {
    let [a, b] = block.head.map(|log| log.exp_m1() * 100.0);
    Point { x: at(block), y: percent(block.head), interval: Some((a.min(b), a.max(b))) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Recorded;
    use super::super::{judge, observe};
    use super::*;

    #[test]
    fn every_cell_is_a_line_with_base_against_base_beside_it() {
        let mut rows = Recorded::new();
        rows.blocks("vm", 0, 10, 0.9, 1.0, 0.004);
        rows.blocks("adaptive", 0, 10, 1.0, 1.0, 0.004);
        let (design, found) = (Design::new(10, 40, 0.02), observe(&rows.rows()));
        let verdict = judge(&design, &found);
        let Some(Chart { body: Body::Lines(lines), .. }) = chart(&found, &design, &verdict) else { panic!("lines") };
        assert_eq!(lines.reference, Some(-2.0));
        assert_eq!(lines.series.len(), 2);
        let vm = lines.series.iter().find(|series| series.name.contains("/vm/")).expect("a line");
        assert!(vm.points.iter().all(|point| (point.y + 10.0).abs() < 2.0), "{:?}", vm.points);
        assert!(vm.ideal.len() == vm.points.len() && vm.ideal.iter().all(|(_, y)| y.abs() < 2.0), "{:?}", vm.ideal);
        assert_eq!(vm.points[0].x, 1.0);
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(draw(folder.path(), &found, &design, &verdict).expect("drawn").len(), 2);
        assert!(folder.path().join("charts/drift.csv").exists());
        let nothing = observe(&[]);
        assert_eq!(draw(folder.path(), &nothing, &design, &judge(&design, &nothing)), Ok(Vec::new()));
    }
}
