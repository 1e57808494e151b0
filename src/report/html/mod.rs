//! The page of a result folder: one file that is made to be read, on a screen, a telephone or paper.
//!
//! The verdict comes first, then each chart under the question it answers with its table, then
//! environment and method. The page loads nothing and runs no script; every text of the records
//! goes through the escaping of `maud`.

mod tables;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::actions;
use super::charts::{Chart, ChartError, Width, charts_by_work, dark_rules, inline};
use super::folder::ResultFolder;
use super::open::{OpenPoint, ladders, sentence, without_rate};
use super::records::{Params, SummaryRow};
use super::summary::Summary;
use super::varied;

/// File name inside a result folder.
pub const PAGE: &str = "report.html";

const STYLE: &str = include_str!("style.css");

/// On a dark screen; paper stays white.
const DARK: &str = ":root { --page: #16191e; --card: #1f242b; --text: #e8ebf0; --muted: #a0a7b2; --rule: #343a43; \
                    --good: #00b282; --bad: #ff9650; --link: #78c8f5; }";

/// The page of a folder's records.
pub fn page(folder: &ResultFolder, summary: &Summary) -> Result<String, ChartError> {
    let works = charts_by_work(folder, summary);
    let mut names: Vec<&str> = works.iter().map(|work| work.workload).collect();
    names.dedup();
    let title = if names.is_empty() { "no results".to_owned() } else { names.join(", ") };
    let several = works.len() > 1;
    let mut sections = Vec::new();
    let all: Vec<&SummaryRow> = summary.rows.iter().collect();
    for chart in &varied::charts(folder, summary) {
        let figure = figure(chart, &all, summary)?;
        sections.push(html! { section { (figure) } });
    }
    for work in &works {
        let rows: Vec<&SummaryRow> = summary
            .rows
            .iter()
            .filter(|r| r.workload == work.workload && without_rate(&r.params) == *work.params)
            .collect();
        let figures: Result<Vec<Markup>, ChartError> =
            work.charts.iter().map(|chart| figure(chart, &rows, summary)).collect();
        let (figures, verdict) = (figures?, verdict(&rows, summary));
        sections.push(html! {
            section {
                @if several { h2 { (work.workload) } }
                @if !work.params.is_empty() { p.quiet { (spaced(work.params)) } }
                (verdict)
                @for figure in &figures { (figure) }
                @if let Some(grid) = actions::grid_of(&folder.path, work.workload, work.params) {
                    h3 { "What does each kind of transaction cost?" }
                    p.quiet { "Gas and storage writes counted in a run that times nothing; times from single transactions in the VM." }
                    (tables::table(&grid))
                }
            }
        });
    }
    let text = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · zx-bench" }
                style { (PreEscaped(STYLE)) (PreEscaped(dark_style())) }
            }
            body {
                header {
                    h1 { (title) }
                    p.quiet { (folder.caption()) @if let Some(at) = began(folder) { " · " (at) } }
                }
                main {
                    @if works.is_empty() {
                        div.verdict.wrong { p { "No results: the records hold no cell." } }
                    }
                    @for section in &sections { (section) }
                }
                (warnings(summary))
                (environment(folder))
                (method(folder))
            }
        }
    };
    Ok(text.into_string())
}

fn dark_style() -> String {
    format!("@media screen and (prefers-color-scheme: dark) {{\n{DARK}\n{}}}\n", dark_rules())
}

fn began(folder: &ResultFolder) -> Option<&str> {
    folder.env.as_ref()?.get("started_utc")?.as_str()
}

fn spaced(params: &Params) -> String {
    params.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

fn verdict(rows: &[&SummaryRow], summary: &Summary) -> Markup {
    let of_rows = |p: &&OpenPoint| rows.iter().any(|r| r.workload == p.workload && without_rate(&r.params) == p.params);
    let points: Vec<&OpenPoint> = summary.open.iter().filter(of_rows).collect();
    let knees: Vec<String> = ladders(&points).iter().map(|(name, ladder)| sentence(name, ladder)).collect();
    let sentences = verdict::sentences(rows, &summary.rows, &knees);
    let wrong = sentences.iter().any(|sentence| sentence.bad);
    html! {
        div.verdict.wrong[wrong] {
            @for sentence in &sentences {
                p.bad[sentence.bad] { (sentence.text) }
            }
        }
    }
}

/// The question a chart answers.
fn question(chart: &Chart) -> &str {
    let questions = [
        ("tps-accounts", "How does throughput go with the number of accounts?"),
        ("tps-skew", "How does throughput go with how unevenly accounts are used?"),
        ("tps-threads", "How much work is done, and how does it grow with threads?"),
        ("speedup", "How much faster is each mode than the interpreter alone?"),
        ("warmup", "How long does a process take to reach its speed?"),
        ("cold-start", "What does a fresh process cost?"),
        ("stages", "What does each stage of a transaction cost?"),
        ("latency-rate", "How long does an answer take, and which rate is too much?"),
        ("latency", "How long does a single transaction take?"),
    ];
    questions.iter().find(|(name, _)| chart.name.starts_with(name)).map_or(&chart.title, |(_, question)| question)
}

fn figure(chart: &Chart, rows: &[&SummaryRow], summary: &Summary) -> Result<Markup, ChartError> {
    let (page, phone) = (inline(chart, Width::Page)?, inline(chart, Width::Phone)?);
    Ok(html! {
        h3 { (question(chart)) }
        p.quiet { (chart.title) @if !chart.note.is_empty() { "; " (chart.note) } }
        figure {
            div.page role="img" aria-label=(chart.title) { (PreEscaped(page)) }
            div.phone role="img" aria-label=(chart.title) { (PreEscaped(phone)) }
        }
        @for grid in tables::under(chart, rows, summary) { (tables::table(&grid)) }
    })
}

fn warnings(summary: &Summary) -> Markup {
    html! {
        @if !summary.warnings.is_empty() {
            h2 { "What to know about these numbers" }
            ul.warnings {
                @for warning in &summary.warnings { li { (with_code(&warning.0)) } }
            }
        }
    }
}

/// Text whose parts between backticks are code.
fn with_code(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd one out is a backtick of the text itself.
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (i, part) in parts.iter().enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn environment(folder: &ResultFolder) -> Markup {
    html! {
        h2 { "Environment" }
        @match &folder.env {
            Some(env) => (facts(env, &[])),
            None => p { "Unknown: the folder has no " code { "env.json" } " that can be read." },
        }
    }
}

fn method(folder: &ResultFolder) -> Markup {
    html! {
        h2 { "Method" }
        p {
            "Each cell (a mode with an executor and a thread count) is measured in fresh processes that take turns with \
             those of the other cells, in a seeded order. A process gives one number, the median of its steady windows; \
             a cell's figure is the geometric mean over its processes, and the 95% interval is over processes, on \
             logarithms. Fewer than three processes, or half of them without a steady state, give no interval. Only \
             committed transactions count, and a cell whose results differ from the reference has no number."
        }
        p {
            "The speedup of a mode is held against the interpreter on the same work, executor and threads. Latencies come \
             from processes of their own; a percentile that the clock cannot resolve, or with too few samples beyond it, \
             is not shown. This page was made of the records in its folder alone; "
            code { "zx-bench report" } " makes it again."
        }
        @if let Some(plan) = &folder.plan { (facts(plan, &["cells", "order"])) }
    }
}

/// Names and values of a JSON object, an object inside it spelt out; nulls are left out.
fn facts(of: &Value, without: &[&str]) -> Markup {
    let mut rows = Vec::new();
    collect("", of, without, &mut rows);
    html! {
        div.wide {
            table.facts {
                tbody {
                    @for (name, value) in &rows { tr { th { (name) } td { (value) } } }
                }
            }
        }
    }
}

fn collect(before: &str, of: &Value, without: &[&str], rows: &mut Vec<(String, String)>) {
    let Some(object) = of.as_object() else { return };
    for (name, value) in object.iter().filter(|(name, _)| !without.contains(&name.as_str())) {
        let name = format!("{before}{}", name.replace('_', " "));
        match value {
            Value::Null => {}
            Value::Object(_) => collect(&format!("{name}: "), value, without, rows),
            Value::Array(items) => rows.push((name, items.iter().map(plain).collect::<Vec<_>>().join(" "))),
            value => rows.push((name, plain(value))),
        }
    }
    rows.retain(|(_, value)| !value.is_empty());
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
