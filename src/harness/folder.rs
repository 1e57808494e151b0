//! The output folder: made and tried before anything is measured.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::outcome::Stop;

/// Where results go unless `--out` says otherwise.
pub const REPORTS: &str = "reports";
/// What was planned.
pub const PLAN: &str = "plan.json";
/// The machine, and whether the run came to its end.
pub const ENV: &str = "env.json";

/// Makes `reports/<utc>-<workload>-<rev>/`, or exactly `out`, and checks that it can be written.
pub fn make(out: Option<&Path>, utc: &str, workload: &str, revision: &str) -> Result<PathBuf, Stop> {
    let path = match out {
        Some(out) => out.to_owned(),
        None => unused(&Path::new(REPORTS).join(format!("{}-{workload}-{revision}", compact(utc)))),
    };
    let tried = fs::create_dir_all(&path).and_then(|()| try_write(&path));
    tried.map_err(|e| {
        Stop::usage(format!("cannot write results to {}: {e}; name another folder with --out DIR", path.display()))
    })?;
    Ok(path)
}

/// Points `reports/latest` at a folder in it. A file system without symbolic links does without.
pub fn point_latest(folder: &Path) -> io::Result<()> {
    let (Some(reports), Some(name)) = (folder.parent(), folder.file_name()) else { return Ok(()) };
    let (latest, fresh) = (reports.join("latest"), reports.join(".latest.new"));
    drop(fs::remove_file(&fresh)); // left by a killed run, if there
    std::os::unix::fs::symlink(name, &fresh)?;
    fs::rename(fresh, latest)
}

/// Writes a JSON file.
pub fn write_json(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), Stop> {
    let path = folder.join(name);
    fs::write(&path, json_text(value)?).map_err(|e| Stop::failed(format!("cannot write {}: {e}", path.display())))
}

/// A value as [`write_json`] writes it.
pub fn json_text(value: &impl Serialize) -> Result<String, Stop> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Stop::failed(e.to_string()))?;
    Ok(text + "\n")
}

fn try_write(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder).map(drop)
}

/// `20261122T114839Z`.
fn compact(utc: &str) -> String {
    utc.chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

/// Two runs in one second must not share a folder.
fn unused(wanted: &Path) -> PathBuf {
    let numbered = (2..1000).map(|n| PathBuf::from(format!("{}-{n}", wanted.display())));
    std::iter::once(wanted.to_owned()).chain(numbered).find(|path| !path.exists()).unwrap_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::outcome::Exit;

    #[test]
    fn latest_moves_on() {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["a", "b"] {
            let folder = make(Some(&root.path().join(name)), "", "", "").expect("made");
            point_latest(&folder).expect("linked");
        }
        let target = fs::read_link(root.path().join("latest")).expect("a link");
        assert_eq!(target, Path::new("b"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_usage_error() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("file");
        fs::write(&file, "x").expect("written");
        let stop = make(Some(&file.join("sub")), "", "", "").expect_err("refused");
        assert_eq!(stop.exit, Exit::Usage);
        assert!(stop.message.contains("--out DIR"));
        assert!(make(Some(&file), "", "", "").is_err());
    }

    #[test]
    fn names() {
        assert_eq!(compact("2026-11-22T11:48:39Z"), "20261122T114839Z");
    }
}
