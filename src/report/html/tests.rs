use super::*;
use crate::report::folder::tests::invented;
use crate::report::records::{SAMPLES, TIERS};

fn page_of(at: &std::path::Path) -> String {
    let folder = ResultFolder::load(at).expect("readable");
    page(&folder, &folder.summary()).expect("drawn")
}

fn replace_in(at: &std::path::Path, name: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(at.join(name)).expect("there");
    std::fs::write(at.join(name), text.replace(from, to)).expect("written");
}

/// Every element is closed, in order; what is between `<` and `>` is a tag.
fn assert_well_formed(page: &str) {
    const VOID: [&str; 2] = ["meta", "!DOCTYPE"];
    let mut open: Vec<&str> = Vec::new();
    let (before, rest) = page.split_once("<style>").expect("a style");
    let (_, after) = rest.split_once("</style>").expect("an end of the style");
    for text in [before, after] {
        for part in text.split('<').skip(1) {
            let (tag, shown) = part.split_once('>').expect("a tag has an end");
            assert!(!shown.contains('>'), "a bare `>` in {shown}");
            assert!(tag.matches('"').count().is_multiple_of(2), "a quote too many in <{tag}>");
            let name = tag.split([' ', '\n']).next().unwrap_or_default();
            if let Some(name) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "before {shown}");
            } else if !tag.ends_with('/') && !VOID.contains(&name) {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

#[test]
fn the_page_says_what_the_records_say() {
    let at = tempfile::tempdir().expect("a folder");
    invented(at.path());
    let folder = ResultFolder::load(at.path()).expect("readable");
    let summary = folder.summary();
    let page = page(&folder, &summary).expect("drawn");
    assert_well_formed(&page);
    let best = summary.rows.iter().filter_map(|row| row.tps).fold(0.0, f64::max);
    let best = crate::report::numbers::number(best);
    for text in [
        "All 8 cells gave the same results as the reference, compared over at least 20 digests each.",
        &format!("Fastest: native on 2 threads with {best} tx/s (95% interval "),
        "On 1 thread native is 55.0 times as fast as the interpreter (95% interval ",
        "How long does a process take to reach its speed?",
        "Invented CPU · 2 cores · commit 0123456789",
        "iterations 10000, seed 42",
    ] {
        assert!(page.contains(text), "`{text}` is missing");
    }
    // Five charts, drawn for two widths each.
    assert_eq!(page.matches("<svg ").count(), 10);
    assert_eq!(page.matches("<h3>").count(), 5);
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let at = tempfile::tempdir().expect("a folder");
    invented(at.path());
    let page = page_of(at.path());
    for text in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", "<iframe"] {
        assert!(!page.contains(text), "`{text}` is in the page");
    }
}

#[test]
fn hostile_names_are_text() {
    let at = tempfile::tempdir().expect("a folder");
    invented(at.path());
    let hostile = "<script>alert('&')</script>";
    for name in [SAMPLES, TIERS] {
        replace_in(at.path(), name, "transfer,", &format!("{hostile},"));
        replace_in(at.path(), name, "adaptive", "<img onerror=x>");
    }
    replace_in(at.path(), "env.json", "Invented CPU", "</style><b>CPU");
    let page = page_of(at.path());
    assert_well_formed(&page);
    assert!(page.contains("&lt;script&gt;alert('&amp;')&lt;/script&gt;"), "the name is shown");
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>"));
}

#[test]
fn wrong_results_come_first_and_have_no_number() {
    let at = tempfile::tempdir().expect("a folder");
    invented(at.path());
    let folder = ResultFolder::load(at.path()).expect("readable");
    let mut samples = folder.samples.clone();
    let wrong = samples.iter_mut().find(|row| row.mode == "native" && row.metric == "agreed").expect("a row");
    wrong.value = Some(0.0);
    let folder = ResultFolder { samples, ..folder };
    let page = page(&folder, &folder.summary()).expect("drawn");
    let verdict = page.split_once("<div class=\"verdict wrong\">").expect("a verdict that warns").1;
    assert!(verdict.starts_with("<p class=\"bad\">WRONG RESULTS: native on 1 thread did other work"), "{verdict:.200}");
    assert!(page.contains("7 of 8 cells gave the same results"));
}

#[test]
fn records_without_cells_make_a_page() {
    let at = tempfile::tempdir().expect("a folder");
    let folder = ResultFolder {
        path: at.path().to_owned(),
        samples: Vec::new(),
        tiers: None,
        env: None,
        plan: None,
        warnings: Vec::new(),
    };
    let page = page(&folder, &folder.summary()).expect("a page");
    assert_well_formed(&page);
    assert!(page.contains("No results") && page.contains("machine unknown"));
}

#[test]
fn backticks_are_code() {
    assert_eq!(with_code("see `a<b` here").into_string(), "see <code>a&lt;b</code> here");
    assert_eq!(with_code("one ` alone").into_string(), "one ` alone");
}
