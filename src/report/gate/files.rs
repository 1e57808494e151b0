//! The files of a verdict, and the verdict of a folder.

use std::fs;
use std::path::Path;

use super::super::folder::ResultFolder;
use super::super::records::Warning;
use super::{Design, GateVerdict, judge, observe, show};

/// The last line.
pub const LINE: &str = "verdict.txt";
/// All of it.
pub const VERDICT: &str = "verdict.json";
/// The comment for a pull request.
pub const COMMENT: &str = "comment.md";
/// For test reports.
pub const JUNIT: &str = "junit.xml";

/// A verdict made again.
#[derive(Debug, Clone)]
pub struct Rechecked {
    /// The verdict that follows from the records.
    pub verdict: GateVerdict,
    /// The rules it was made by.
    pub design: Design,
    /// The recorded verdict, if it differs in any bit, with what differs first.
    pub differs: Option<String>,
    /// What was odd about the files.
    pub warnings: Vec<Warning>,
}

/// Writes the files of a verdict.
pub fn write(folder: &Path, verdict: &GateVerdict, design: &Design) -> Result<(), String> {
    let files = [
        (LINE, show::last_line(verdict) + "\n"),
        (VERDICT, json(verdict)?),
        (COMMENT, show::markdown(verdict, "zx-bench gate")),
        (JUNIT, show::junit(verdict, design.inconclusive_fails)),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    Ok(())
}

/// Recomputes the verdict of a folder from `samples.csv` and the rules in `plan.json`.
pub fn recheck(path: &Path) -> Result<Rechecked, String> {
    let shown = path.display();
    if !path.is_dir() {
        return Err(format!("{shown} is not a folder of results"));
    }
    let folder = ResultFolder::load(path).map_err(|e| e.to_string())?;
    let plan = folder.plan.as_ref().ok_or_else(|| format!("{shown} has no plan.json that can be read"))?;
    let rules = plan.get("gate").filter(|rules| !rules.is_null());
    let rules = rules.ok_or_else(|| format!("{shown} is not the folder of a gate: its plan.json has no `gate`"))?;
    let design: Design = serde_json::from_value(rules.clone())
        .map_err(|e| format!("{shown}: the rules in plan.json cannot be read ({e}): written by another version?"))?;
    let verdict = judge(&design, &observe(&folder.samples));
    let fresh = json(&verdict)?;
    let recorded = fs::read_to_string(path.join(VERDICT)).ok();
    let differs = recorded.filter(|recorded| *recorded != fresh).map(|recorded| first_difference(&recorded, &fresh));
    Ok(Rechecked { verdict, design, differs, warnings: folder.warnings })
}

fn json(verdict: &GateVerdict) -> Result<String, String> {
    serde_json::to_string_pretty(verdict).map(|text| text + "\n").map_err(|e| e.to_string())
}

fn first_difference(recorded: &str, fresh: &str) -> String {
    let mut lines = recorded.lines().zip(fresh.lines()).enumerate();
    match lines.find(|(_, (recorded, fresh))| recorded != fresh) {
        Some((line, (recorded, fresh))) => format!(
            "line {} of the recorded {VERDICT} does not follow from the records: `{}`, recomputed `{}`",
            line + 1,
            recorded.trim(),
            fresh.trim()
        ),
        None => format!("the recorded {VERDICT} is longer or shorter than what follows from the records"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Recorded;
    use super::*;
    use crate::report::records::{RowWriter, SAMPLES, SampleRow};

    fn recorded(head: f64) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let mut rows = Recorded::new();
        rows.blocks("vm", 0, 10, head, 1.0, 0.004);
        rows.control(0, 10, 1.0);
        let rows = rows.rows();
        RowWriter::<SampleRow>::create(folder.path().join(SAMPLES)).expect("made").write_all(&rows).expect("written");
        let design = Design::new(10, 40, 0.02);
        let plan = serde_json::json!({ "gate": design });
        fs::write(folder.path().join("plan.json"), plan.to_string()).expect("written");
        write(folder.path(), &judge(&design, &observe(&rows)), &design).expect("written");
        folder
    }

    #[test]
    fn a_verdict_is_recomputed_bit_for_bit() {
        let folder = recorded(0.9123);
        let again = recheck(folder.path()).expect("readable");
        assert_eq!(again.differs, None);
        let line = fs::read_to_string(folder.path().join(LINE)).expect("there");
        assert_eq!(line.trim_end(), show::last_line(&again.verdict));
        assert!(line.starts_with("verdict=fail"), "{line}");
    }

    #[test]
    fn a_touched_record_is_noticed() {
        let folder = recorded(0.9123);
        let path = folder.path().join(SAMPLES);
        let text = fs::read_to_string(&path).expect("there");
        let at = text.find(",tps,").expect("a figure") + 5;
        let end = at + text[at..].find(',').expect("a cell");
        fs::write(&path, format!("{}{}{}", &text[..at], "777777.7", &text[end..])).expect("written");
        // One window of three in one process: its median may stay, so touch them all.
        let all = fs::read_to_string(&path).expect("there").replacen(&text[at..end], "777777.7", 3);
        fs::write(&path, all).expect("written");
        assert!(recheck(folder.path()).expect("readable").differs.is_some());
    }

    #[test]
    fn folders_that_are_none_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(recheck(&folder.path().join("no")).expect_err("refused").contains("not a folder"));
        assert!(recheck(folder.path()).is_err());
        let other = recorded(1.0);
        fs::write(other.path().join("plan.json"), "{}").expect("written");
        assert!(recheck(other.path()).expect_err("refused").contains("not the folder of a gate"));
        fs::write(other.path().join("plan.json"), "{\"gate\": {\"looks\": 7}}").expect("written");
        assert!(recheck(other.path()).expect_err("refused").contains("another version"));
    }
}
