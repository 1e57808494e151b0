//! The tables under the charts.

use maud::{Markup, html};

use crate::report::charts::{Bar, Body, Chart, TimelineRow};
use crate::report::numbers::number;
use crate::report::open::without_rate;
use crate::report::records::{Params, SummaryRow};
use crate::report::summary::Summary;
use crate::report::table::{Grid, Mark, cold_grid, summary_grid, warmup_grid};

/// A table with more rows than this is not for reading.
const MOST_ROWS: usize = 60;

/// The tables that belong to a chart.
pub(super) fn under(chart: &Chart, rows: &[&SummaryRow], summary: &Summary) -> Vec<Grid> {
    let of_work = |workload: &str, params: &Params| {
        rows.first().is_some_and(|row| row.workload == workload && row.params == *params)
    };
    let is = |name: &str| chart.name.starts_with(name);
    let own = if is("tps-threads") {
        Some(summary_grid(rows, &summary.rows))
    } else if is("warmup") {
        let tiers: Vec<_> = summary.tiers.iter().filter(|t| of_work(&t.workload, &t.params)).collect();
        warmup_grid(rows, &tiers)
    } else if is("cold-start") {
        let cold: Vec<_> = summary.cold.iter().filter(|c| of_work(&c.workload, &c.params)).collect();
        cold_grid(&cold)
    } else if is("latency-rate") {
        let open: Vec<_> = summary
            .open
            .iter()
            .filter(|p| rows.iter().any(|r| without_rate(&r.params) == p.params && r.workload == p.workload))
            .collect();
        crate::report::open::grid(&open)
    } else {
        points(chart)
    };
    own.into_iter().collect()
}

/// What a chart shows, number by number; none for a curve of very many.
fn points(chart: &Chart) -> Option<Grid> {
    let shown = |value: f64| number(value);
    let ends = |ends: Option<(f64, f64)>| {
        ends.map_or_else(|| "-".to_owned(), |(low, high)| format!("{} to {}", number(low), number(high)))
    };
    let (header, rows) = match &chart.body {
        Body::Lines(lines) => {
            let rows: Vec<Vec<String>> = lines
                .series
                .iter()
                .flat_map(|s| s.points.iter().map(move |p| (s, p)))
                .map(|(s, p)| vec![s.name.clone(), lines.x.text_of(p.x), shown(p.y), ends(p.interval)])
                .collect();
            (vec!["mode".to_owned(), lines.x.title(), lines.y.title(), "95% interval".to_owned()], rows)
        }
        Body::Bars(bars) if !bars.parts.is_empty() => {
            let unit = &bars.value.unit;
            let parts = bars.parts.iter().map(|part| format!("{part} ({unit})"));
            let header =
                std::iter::once("mode".to_owned()).chain(parts).chain([format!("all ({unit})"), String::new()]);
            let row = |bar: &Bar| {
                let parts = bar.parts.iter().map(|part| shown(*part));
                let all = [shown(bar.parts.iter().sum()), "-".to_owned()];
                std::iter::once(bar.label.clone()).chain(parts).chain(all).collect()
            };
            (header.collect(), bars.bars.iter().map(row).collect())
        }
        Body::Bars(bars) => {
            let rows = bars
                .bars
                .iter()
                .map(|bar| vec![bar.label.clone(), shown(bar.parts.iter().sum()), ends(bar.interval)])
                .collect();
            (vec!["mode".to_owned(), bars.value.title(), "95% interval".to_owned()], rows)
        }
        Body::Timeline(timeline) => {
            let told = |row: &TimelineRow| {
                let label = row.label.clone();
                row.events.iter().map(|(at, text)| vec![label.clone(), shown(*at), text.clone()]).collect::<Vec<_>>()
            };
            let rows = timeline.rows.iter().flat_map(told).collect();
            (vec!["site".to_owned(), timeline.time.title(), "what".to_owned()], rows)
        }
    };
    // A column in which nothing stands says nothing.
    let (mut header, mut rows): (Vec<String>, Vec<Vec<String>>) = (header, rows);
    if rows.iter().all(|row| row.last().is_some_and(|cell| cell == "-")) {
        header.pop();
        for row in &mut rows {
            row.pop();
        }
    }
    let rows: Vec<_> = rows.into_iter().map(|row| (row, Mark::Plain)).collect();
    (1..=MOST_ROWS).contains(&rows.len()).then_some(Grid { header, rows, left: 1 })
}

/// A table of text, words on the left and numbers on the right.
pub(super) fn table(grid: &Grid) -> Markup {
    let word = |column: usize| column < grid.left;
    html! {
        div.wide {
            table {
                thead { tr { @for (i, name) in grid.header.iter().enumerate() { th.word[word(i)] { (name) } } } }
                tbody {
                    @for (cells, mark) in &grid.rows {
                        tr.best[*mark == Mark::Best].wrong[*mark == Mark::Wrong] {
                            @for (i, cell) in cells.iter().enumerate() { td.word[word(i)] { (cell) } }
                        }
                    }
                }
            }
        }
    }
}
