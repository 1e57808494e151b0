//! The two sides of a gate: programs and workloads, found, built or taken from git before anything is timed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::engines::{Doer, ForeignEngine};
use super::super::outcome::{Exit, Stop};
use super::super::parameters::Parameters;
use super::super::workload::Workload;

/// One side of one comparison.
#[derive(Debug)]
pub struct Side {
    /// The zx-bench that runs it.
    pub program: PathBuf,
    /// The workload.
    pub workload: Workload,
    /// Its parameters.
    pub parameters: Parameters,
    /// The engine of somebody else that runs it, in place of `program`.
    pub engine: Option<ForeignEngine>,
}

impl Side {
    /// Who runs its processes.
    pub fn doer(&self) -> Doer<'_> {
        self.engine.as_ref().map_or(Doer::Own(&self.program), Doer::Foreign)
    }

    /// What runs it, for messages and records: a path or a command.
    pub fn what(&self) -> String {
        self.engine.as_ref().map_or_else(|| self.program.display().to_string(), |engine| engine.words.join(" "))
    }

    /// BLAKE3 of the program.
    pub fn program_hash(&self) -> Result<String, Stop> {
        match &self.engine {
            Some(engine) => Ok(engine.program_blake3.clone().unwrap_or_default()),
            None => hash(&self.program),
        }
    }

    /// Whether two sides run the same program in the same way.
    fn runs_like(&self, other: &Self) -> Result<bool, Stop> {
        let words = |side: &Self| side.engine.as_ref().map(|engine| engine.words.get(1..).map(<[String]>::to_vec));
        Ok(words(self) == words(other) && self.program_hash()? == other.program_hash()?)
    }
}

/// A workload on both sides.
#[derive(Debug)]
pub struct Pair {
    /// What is compared against.
    pub base: Side,
    /// What is under test.
    pub head: Side,
}

/// What `--base` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Another build.
    Program(PathBuf),
    /// A folder of results.
    Stored(PathBuf),
    /// A revision, by its full name.
    Revision(String),
}

/// Finds out what `--base` names: a file, a folder of results, or a revision.
pub fn base(named: &str) -> Result<Base, Stop> {
    let path = Path::new(named);
    if path.is_dir() {
        return Ok(Base::Stored(path.to_owned()));
    }
    if path.is_file() {
        return std::path::absolute(path).map(Base::Program).map_err(|e| Stop::usage(format!("{named}: {e}")));
    }
    let revision = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{named}^{{commit}}")]);
    revision.map(Base::Revision).ok_or_else(|| {
        Stop::usage(format!(
            "--base `{named}` is no file, no folder and no revision that git knows here: name a zx-bench binary, a folder of results, or a revision such as `HEAD~1` or `main`"
        ))
    })
}

/// BLAKE3 of a file.
pub fn hash(path: &Path) -> Result<String, Stop> {
    let mut hasher = blake3::Hasher::new();
    let read = std::fs::File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
    read.map_err(|e| Stop::usage(format!("cannot read {}: {e}", path.display())))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// A file of a revision, written into `into` under its own name.
pub fn file_of_revision(revision: &str, path: &Path, into: &Path) -> Result<PathBuf, Stop> {
    let object = format!("{revision}:./{}", path.display());
    let output = Command::new("git").args(["show", &object]).stdin(Stdio::null()).output();
    let output = output.map_err(|e| Stop::usage(format!("cannot run git: {e}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Stop::usage(format!("{} is not in revision {revision}: {said}", path.display())));
    }
    let name = path.file_name().ok_or_else(|| Stop::usage(format!("{} names no file", path.display())))?;
    let file = into.join(name);
    std::fs::write(&file, output.stdout).map_err(|e| Stop::failed(format!("cannot write {}: {e}", file.display())))?;
    Ok(file)
}

/// Builds zx-bench of a revision in a worktree of its own, or finds the one built before.
pub fn build_revision(revision: &str, stop: &AtomicBool) -> Result<PathBuf, Stop> {
    let root = git(&["rev-parse", "--show-toplevel"]).ok_or_else(|| Stop::usage("this is no git repository"))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(&root).join("target"), PathBuf::from);
    let place = target.join("gate");
    let built = place.join(revision).join("zx-bench");
    if built.is_file() {
        return Ok(built);
    }
    let source = place.join("source");
    let unfit = |message: String| Stop { exit: Exit::Unfit, message };
    std::fs::create_dir_all(&place).map_err(|e| unfit(format!("cannot make {}: {e}", place.display())))?;
    remove_worktree(&source); // left by a killed run, if there
    let added =
        Command::new("git").args(["worktree", "add", "--detach", "--force"]).arg(&source).arg(revision).output();
    finished(added, stop, &format!("cannot check out revision {revision} into {}", source.display()))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--bin", "zx-bench"]).current_dir(&source).stdin(Stdio::null());
    command.env("CARGO_TARGET_DIR", place.join("build"));
    let made = finished(command.output(), stop, &format!("the base (revision {revision}) does not build"));
    remove_worktree(&source);
    made?;
    let folder = place.join(revision);
    let copied = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::copy(place.join("build").join("release").join("zx-bench"), &built));
    copied.map_err(|e| unfit(format!("the base (revision {revision}) was built, but cannot be kept: {e}")))?;
    Ok(built)
}

fn remove_worktree(source: &Path) {
    // Nothing there is as good as removed.
    drop(Command::new("git").args(["worktree", "remove", "--force"]).arg(source).output());
    drop(std::fs::remove_dir_all(source));
    drop(Command::new("git").args(["worktree", "prune"]).output());
}

fn finished(output: std::io::Result<std::process::Output>, stop: &AtomicBool, what: &str) -> Result<(), Stop> {
    const LINES: usize = 25;
    if stop.load(Ordering::Relaxed) {
        return Err(Stop { exit: Exit::Interrupted, message: "stopped by Ctrl-C".into() });
    }
    let unfit = |message: String| Stop { exit: Exit::Unfit, message };
    let output = output.map_err(|e| unfit(format!("{what}: {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.trim().lines().collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
    Err(unfit(format!("{what}, so there is nothing to compare with:\n{last}")))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

impl Pair {
    /// Whether both sides are the same program on the same work.
    pub fn is_identical(&self) -> Result<bool, Stop> {
        let same_work = self.base.workload.digest == self.head.workload.digest && self.has_equal_parameters();
        Ok(same_work && self.base.runs_like(&self.head)?)
    }

    /// Whether both sides have the same parameters.
    pub fn has_equal_parameters(&self) -> bool {
        self.base.parameters.canonical == self.head.parameters.canonical
    }

    /// Refuses sides that cannot be paired.
    pub fn check(&self) -> Result<(), Stop> {
        let refuse = |message: String| Err(Stop { exit: Exit::Unfit, message });
        if self.base.workload.form != self.head.workload.form {
            return refuse(format!(
                "{} is a {} workload and {} a {} workload: they cannot be compared",
                self.base.workload.path.display(),
                self.base.workload.form.as_str(),
                self.head.workload.path.display(),
                self.head.workload.form.as_str(),
            ));
        }
        if !self.has_equal_parameters() {
            return refuse(format!(
                "base and head have other parameters ({} and {}): give both with --param",
                self.base.parameters.canonical, self.head.parameters.canonical
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("zx-bench");
        std::fs::write(&file, "x").expect("written");
        assert_eq!(base(&file.to_string_lossy()), Ok(Base::Program(file.clone())));
        assert_eq!(base(&folder.path().to_string_lossy()), Ok(Base::Stored(folder.path().to_owned())));
        let stop = base("no-such-thing-at-all").expect_err("refused");
        assert_eq!(stop.exit, Exit::Usage);
        assert!(stop.message.contains("no file, no folder and no revision"));
        assert_eq!(base("--version").expect_err("refused").exit, Exit::Usage);
        assert!(hash(&folder.path().join("none")).is_err());
    }
}
