//! What the records say, in sentences.

use std::fmt::Write as _;

use crate::report::numbers::{number, thousands};
use crate::report::open::is_open;
use crate::report::records::SummaryRow;
use crate::report::summary::speedup;

/// A sentence of the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) text: String,
    /// Whether it says that something is wrong.
    pub(super) bad: bool,
}

/// The verdict on the cells of one workload: agreement, the fastest mode, speedups, scaling.
pub(super) fn sentences(rows: &[&SummaryRow], all: &[SummaryRow], open: &[String]) -> Vec<Sentence> {
    let good = |text| Sentence { text, bad: false };
    let more = [fastest(rows), speedups(rows, all), scaling(rows)];
    // Under open load throughput is what was asked for: no rate of a ladder is faster than another.
    if rows.iter().all(|row| is_open(&row.params)) && !rows.is_empty() {
        return agreement(rows).into_iter().chain(open.iter().map(|text| good(text.clone()))).collect();
    }
    agreement(rows).into_iter().chain(more.into_iter().flatten().map(good)).collect()
}

fn cell(row: &SummaryRow) -> String {
    format!("{} on {}", row.mode, threads(row.threads))
}

fn threads(count: u32) -> String {
    format!("{count} thread{}", if count == 1 { "" } else { "s" })
}

fn agreement(rows: &[&SummaryRow]) -> Vec<Sentence> {
    let of = |agreed| rows.iter().filter(move |r| r.agreed == agreed).map(|r| cell(r)).collect::<Vec<_>>();
    let (right, wrong, unknown) = (of(Some(true)), of(Some(false)), of(None));
    let mut said = Vec::new();
    if !wrong.is_empty() {
        let text = format!(
            "WRONG RESULTS: {} did other work than the reference, so no number of it is shown.",
            wrong.join(", ")
        );
        said.push(Sentence { text, bad: true });
    }
    if !unknown.is_empty() {
        let text = format!("Not compared with the reference, and so without a number: {}.", unknown.join(", "));
        said.push(Sentence { text, bad: true });
    }
    if !right.is_empty() {
        let least = rows.iter().filter(|r| r.agreed == Some(true)).filter_map(|r| r.agreed_blocks).min();
        let over =
            least.map_or_else(String::new, |n| format!(", compared over at least {} digests each", thousands(n)));
        let which = match (right.len(), wrong.is_empty() && unknown.is_empty()) {
            (1, true) => "The one cell".to_owned(),
            (n, true) => format!("All {n} cells"),
            (n, false) => format!("{n} of {} cells", rows.len()),
        };
        said.push(Sentence { text: format!("{which} gave the same results as the reference{over}."), bad: false });
    }
    said
}

fn interval(ends: Option<(f64, f64)>) -> String {
    ends.map_or_else(
        || "no interval".to_owned(),
        |(low, high)| format!("95% interval {} to {}", number(low), number(high)),
    )
}

fn fastest(rows: &[&SummaryRow]) -> Option<String> {
    let best_of = |rows: &[&SummaryRow]| {
        let known = rows.iter().copied().filter(|r| r.tps.is_some());
        known.max_by(|a, b| a.tps.unwrap_or(0.0).total_cmp(&b.tps.unwrap_or(0.0))).cloned()
    };
    let best = best_of(rows)?;
    let ends = best.tps_low.zip(best.tps_high);
    let mut text = format!("Fastest: {} with {} tx/s ({}).", cell(&best), number(best.tps?), interval(ends));
    let others: Vec<&SummaryRow> = rows.iter().copied().filter(|r| r.mode != best.mode).collect();
    if let Some(next) = best_of(&others) {
        let ends = ends.zip(next.tps_low.zip(next.tps_high));
        let apart = match ends {
            Some(((low, _), (_, high))) if low <= high => "; the two intervals overlap, so they are not told apart",
            Some(_) => "",
            None => "; without two intervals they are not told apart",
        };
        let _ = write!(text, " Next comes {} with {} tx/s{apart}.", cell(&next), number(next.tps?));
    }
    Some(text)
}

/// A cell, how many times as fast as the interpreter it is, and the ends of the interval.
type Speedup<'a> = (&'a SummaryRow, f64, Option<(f64, f64)>);

fn speedups(rows: &[&SummaryRow], all: &[SummaryRow]) -> Option<String> {
    let others = || rows.iter().filter(|r| r.mode != "interpreter");
    let fewest = others().filter(|r| speedup(r, all).is_some()).map(|r| r.threads).min()?;
    let mut found: Vec<Speedup<'_>> = others()
        .filter(|r| r.threads == fewest)
        .filter_map(|r| speedup(r, all).map(|(ratio, ends)| (*r, ratio, ends)))
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let part = |(row, ratio, ends): &Speedup<'_>| {
        format!("{} is {} times as fast as the interpreter ({})", row.mode, number(*ratio), interval(*ends))
    };
    let parts: Vec<String> = found.iter().map(part).collect();
    Some(format!("On {} {}.", threads(fewest), parts.join("; ")))
}

/// How the fastest mode goes with threads, where it was measured with one and with more.
fn scaling(rows: &[&SummaryRow]) -> Option<String> {
    let known = || rows.iter().copied().filter(|r| r.tps.is_some_and(|tps| tps > 0.0));
    let best = known().max_by(|a, b| a.tps.unwrap_or(0.0).total_cmp(&b.tps.unwrap_or(0.0)))?;
    let one = known().find(|r| r.threads == 1 && r.mode == best.mode)?;
    (best.threads > 1).then_some(())?;
    let factor = best.tps? / one.tps?;
    Some(format!(
        "With {} {} does {} times the work of one thread, {:.0}% of the ideal.",
        threads(best.threads),
        best.mode,
        number(factor),
        factor / f64::from(best.threads) * 100.0
    ))
}
