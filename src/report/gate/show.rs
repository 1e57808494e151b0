//! A verdict as people and machines read it.

use std::fmt::Write as _;

use comfy_table::{Table, presets};

use super::judge::{CellVerdict, Change, Check, CheckKind, GateVerdict, Verdict, percent};

/// The last line: `verdict=pass worst=token/vm/1 -0.3% [-1.1,+0.5] floor=2%`.
pub fn last_line(verdict: &GateVerdict) -> String {
    let stamp = if verdict.advisory { " advisory=true" } else { "" };
    let said = verdict.verdict.as_str();
    match verdict.worst().map(|cell| (cell, cell.change)) {
        Some((cell, Some(change))) => {
            format!(
                "verdict={said} worst={} {} floor={}{stamp}",
                cell.cell,
                change_text(change),
                floor_text(cell.floor)
            )
        }
        Some((cell, None)) => {
            format!("verdict={said} worst={} unknown floor={}{stamp}", cell.cell, floor_text(cell.floor))
        }
        None => format!("verdict={said} worst=none floor={}{stamp}", floor_text(verdict.floor)),
    }
}

/// `-0.3% [-1.1,+0.5]`
fn change_text(change: Change) -> String {
    let bare = |fraction: f64| percent(fraction).trim_end_matches('%').to_owned();
    format!("{} [{},{}]", percent(change.estimate), bare(change.low), bare(change.high))
}

/// `2%`, `2.5%`
fn floor_text(floor: f64) -> String {
    let text = format!("{:.1}", floor * 100.0);
    format!("{}%", text.strip_suffix(".0").unwrap_or(&text))
}

fn shown(change: Option<Change>) -> String {
    change.map_or_else(|| "-".to_owned(), change_text)
}

const HEADER: [&str; 8] = ["cell", "verdict", "change of TPS", "pairs", "Hodges-Lehmann", "null arm", "floor", "why"];

fn row(cell: &CellVerdict) -> [String; 8] {
    let mut why = cell.reasons.clone();
    if let Some(again) = cell.confirmation {
        why.insert(0, format!("second stage {}", change_text(again)));
    }
    [
        cell.cell.clone(),
        cell.verdict.as_str().to_owned(),
        shown(cell.change),
        cell.pairs.to_string(),
        shown(cell.cross_check),
        shown(cell.null),
        floor_text(cell.floor),
        why.join("; "),
    ]
}

fn check_name(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::Gas => "gas",
        CheckKind::Output => "output",
        CheckKind::Counters => "counters",
        CheckKind::Soundness => "results",
        CheckKind::Processes => "processes",
    }
}

fn check_verdict(check: &Check) -> &'static str {
    match (check.passed, check.gated) {
        (true, _) => "pass",
        (false, true) => "fail",
        (false, false) => "differs, not gated",
    }
}

/// For a terminal; the last line is [`last_line`].
pub fn human(verdict: &GateVerdict) -> String {
    let mut text = String::new();
    if !verdict.cells.is_empty() {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(HEADER);
        for cell in &verdict.cells {
            table.add_row(row(cell));
        }
        let _ = writeln!(text, "{}", table.trim_fmt()); // a String takes anything
    }
    for line in facts(verdict) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "{}", last_line(verdict));
    text
}

/// What stands beside the cells, a line each.
fn facts(verdict: &GateVerdict) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(mean) = verdict.mean.filter(|_| verdict.cells.len() > 1) {
        facts.push(format!("geometric mean over {} cells: {}", verdict.cells.len(), change_text(mean)));
    }
    if let Some(control) = verdict.control {
        facts.push(format!("control (a fixed native loop): {}", change_text(control)));
    }
    for check in &verdict.checks {
        facts.push(format!("{}: {} ({})", check_name(check.kind), check_verdict(check), check.detail));
    }
    if let Some(why) = &verdict.unmeasured {
        facts.push(format!("not measured: {why}"));
    }
    if verdict.advisory {
        facts.push("advisory: the stored base comes from another machine, so this verdict decides nothing".into());
    }
    facts
}

/// A comment for a pull request.
pub fn markdown(verdict: &GateVerdict, title: &str) -> String {
    let sign = match verdict.verdict {
        Verdict::Pass => "pass",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Fail => "FAIL",
    };
    let mut text = format!("### {title}: {sign}\n\n");
    if !verdict.cells.is_empty() {
        let _ = writeln!(text, "| {} |", HEADER.join(" | "));
        let _ = writeln!(text, "|{}", "---|".repeat(HEADER.len()));
        for cell in &verdict.cells {
            let _ = writeln!(
                text,
                "| {} |",
                row(cell).map(|field| field.replace('|', "\\|").replace('\n', " ")).join(" | ")
            );
        }
        text.push('\n');
    }
    for line in facts(verdict) {
        let _ = writeln!(text, "- {line}");
    }
    let _ = writeln!(text, "\n`{}`", last_line(verdict));
    text
}

/// JUnit XML: a cell or check is a test case. An inconclusive cell is `skipped`, unless the gate fails by it.
pub fn junit(verdict: &GateVerdict, inconclusive_fails: bool) -> String {
    let mut cases = Vec::new();
    for cell in &verdict.cells {
        let message = format!("{}; {}", shown(cell.change), row(cell)[7]);
        cases.push((cell.cell.clone(), cell.verdict, message));
    }
    for check in &verdict.checks {
        let fails = check.gated && !check.passed;
        let said = if fails { Verdict::Fail } else { Verdict::Pass };
        cases.push((check_name(check.kind).to_owned(), said, check.detail.clone()));
    }
    let fails = |said: Verdict| said == Verdict::Fail || (said == Verdict::Inconclusive && inconclusive_fails);
    let failures = cases.iter().filter(|case| fails(case.1)).count();
    let skipped = cases.iter().filter(|case| case.1 == Verdict::Inconclusive && !inconclusive_fails).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuite name=\"zx-bench gate\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">",
        cases.len()
    );
    for (name, said, message) in &cases {
        let (name, message) = (escaped(name), escaped(message));
        let inside = match said {
            said if fails(*said) => format!("<failure message=\"{message}\"/>"),
            Verdict::Inconclusive => format!("<skipped message=\"{message}\"/>"),
            Verdict::Pass | Verdict::Fail => format!("<system-out>{message}</system-out>"),
        };
        let _ = writeln!(text, "  <testcase classname=\"gate\" name=\"{name}\">{inside}</testcase>");
    }
    text.push_str("</testsuite>\n");
    text
}

/// Text as XML takes it; control characters that XML forbids are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
