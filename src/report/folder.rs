//! A result folder: what is read from it, and what is made of it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::charts::{self, ChartError, Size, Theme};
use super::html;
use super::records::{RecordError, RowWriter, SAMPLES, SUMMARY, SampleRow, TIERS, TierRow, Warning, read_rows};
use super::summary::{Summary, summarise};

/// The records of a folder.
#[derive(Debug, Clone)]
pub struct ResultFolder {
    /// Where it is.
    pub path: PathBuf,
    /// `samples.csv`.
    pub samples: Vec<SampleRow>,
    /// `tiers.csv`, if there is one.
    pub tiers: Option<Vec<TierRow>>,
    /// `env.json`, if there is one that can be read.
    pub env: Option<Value>,
    /// `plan.json`, likewise.
    pub plan: Option<Value>,
    /// What was odd about the files.
    pub warnings: Vec<Warning>,
}

/// What [`write_all`] made.
#[derive(Debug, Clone)]
pub struct Written {
    /// What the terminal table shows, warnings about the files included.
    pub summary: Summary,
    /// The files, in the order they were written.
    pub files: Vec<PathBuf>,
}

/// Why a folder could not be reported.
#[derive(Debug)]
pub enum ReportError {
    /// A record file.
    Records(RecordError),
    /// A chart.
    Chart(ChartError),
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(e) => e.fmt(f),
            Self::Chart(e) => write!(f, "{e}; the records are kept, and `zx-bench report` draws them again"),
        }
    }
}

impl std::error::Error for ReportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Records(e) => Some(e),
            Self::Chart(e) => Some(e),
        }
    }
}

impl From<RecordError> for ReportError {
    fn from(e: RecordError) -> Self {
        Self::Records(e)
    }
}

impl From<ChartError> for ReportError {
    fn from(e: ChartError) -> Self {
        Self::Chart(e)
    }
}

impl ResultFolder {
    /// Reads a folder. Only `samples.csv` must be there.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, RecordError> {
        let path = path.as_ref();
        let samples = read_rows(path.join(SAMPLES))?;
        let mut warnings = samples.warnings;
        let tiers = path.join(TIERS);
        let tiers = if tiers.exists() {
            let read = read_rows(tiers)?;
            warnings.extend(read.warnings);
            Some(read.rows)
        } else {
            None
        };
        let env = read_json(&path.join("env.json"), &mut warnings);
        let plan = read_json(&path.join("plan.json"), &mut warnings);
        Ok(Self { path: path.to_owned(), samples: samples.rows, tiers, env, plan, warnings })
    }

    /// The summary of the records, with the warnings about the files before its own.
    pub fn summary(&self) -> Summary {
        let mut summary = summarise(&self.samples, self.tiers.as_deref());
        summary.warnings.splice(0..0, self.warnings.iter().cloned());
        summary
    }

    /// One line on where the numbers come from: machine, cores, revision.
    pub fn caption(&self) -> String {
        self.env.as_ref().map_or_else(|| "machine unknown: no env.json".to_owned(), caption)
    }
}

/// Writes the records of several folders into one, which can be reported as any: the samples and tier changes of all,
/// the environment of the last.
pub fn join(into: &Path, folders: &[PathBuf]) -> Result<(), ReportError> {
    let mut samples = RowWriter::<SampleRow>::create(into.join(SAMPLES))?;
    let mut tiers = RowWriter::<TierRow>::create(into.join(TIERS))?;
    for folder in folders {
        let read = ResultFolder::load(folder)?;
        samples.write_all(&read.samples)?;
        tiers.write_all(read.tiers.iter().flatten())?;
    }
    if let Some(last) = folders.last() {
        let path = into.join("env.json");
        std::fs::copy(last.join("env.json"), &path).map_err(|cause| RecordError::Io { path, cause })?;
    }
    Ok(())
}

/// Missing is not worth a word; unreadable is.
fn read_json(path: &Path, warnings: &mut Vec<Warning>) -> Option<Value> {
    let text = std::fs::read_to_string(path).ok()?;
    match serde_json::from_str(&text) {
        Ok(value) => Some(value),
        Err(e) => {
            let text = format!("{}: not JSON ({e}); captions do without it", path.display());
            warnings.push(Warning(text));
            None
        }
    }
}

/// The caption of an `env.json`. Keys may be at the top or one object down; the first name of each
/// list is the one to write: `cpu_model cores git_revision git_dirty rustc kernel`.
pub fn caption(env: &Value) -> String {
    let text = |names: &[&str]| {
        let value = names.iter().find_map(|name| look_up(env, name))?;
        match value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    };
    let mut parts = Vec::new();
    parts.extend(text(&["cpu_model", "cpu", "model"]));
    parts.extend(text(&["cores", "cpus"]).map(|n| if n == "1" { "1 core".to_owned() } else { format!("{n} cores") }));
    if let Some(revision) = text(&["git_revision", "git_rev", "revision", "commit", "git"]) {
        let short: String = revision.chars().take(10).collect();
        let dirty = ["git_dirty", "dirty"].iter().find_map(|name| look_up(env, name));
        let mark = if dirty == Some(&Value::Bool(true)) { " with local changes" } else { "" };
        parts.push(format!("commit {short}{mark}"));
    }
    parts.extend(text(&["rustc"]).map(|r| r.split(" (").next().unwrap_or_default().to_owned()));
    if parts.is_empty() { "machine unknown".to_owned() } else { parts.join(" · ") }
}

fn look_up<'a>(env: &'a Value, name: &str) -> Option<&'a Value> {
    let scalar = |v: &&Value| !v.is_object() && !v.is_null();
    let top = env.get(name).filter(scalar);
    top.or_else(|| env.as_object()?.values().find_map(|inner| inner.get(name).filter(scalar)))
}

/// Makes `summary.csv`, `charts/` and `report.html` of a folder's records, replacing earlier ones.
pub fn write_all(path: impl AsRef<Path>) -> Result<Written, ReportError> {
    let folder = ResultFolder::load(path)?;
    let summary = folder.summary();
    let file = folder.path.join(SUMMARY);
    RowWriter::create(&file)?.write_all(&summary.rows)?;
    let mut files = vec![file];
    let into = folder.path.join("charts");
    std::fs::create_dir_all(&into).map_err(|cause| RecordError::Io { path: into.clone(), cause })?;
    for chart in charts::charts_of(&folder, &summary) {
        for extension in ["svg", "png"] {
            let file = into.join(format!("{}.{extension}", chart.name));
            charts::render(&chart, Size::default(), Theme::Light, &file)?;
            files.push(file);
        }
        files.push(into.join(format!("{}.csv", chart.name)));
    }
    let file = folder.path.join(html::PAGE);
    let page = html::page(&folder, &summary)?;
    std::fs::write(&file, page).map_err(|cause| RecordError::Io { path: file.clone(), cause })?;
    files.push(file);
    Ok(Written { summary, files })
}

#[cfg(test)]
pub(super) mod tests;
