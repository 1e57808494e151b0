//! What the tests of the command line share: a scratch folder in which a program of this project runs, and what it
//! said.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

/// A scratch folder in which the command runs, so that its messages name files only.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

/// What a run said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A program in shell: gives its path.
    pub(crate) fn script(&self, name: &str, text: &str) -> String {
        let path = self.file(name, format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_string_lossy().into_owned()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("zx-run").unwrap();
        // Tests of the cache ask for one of their own.
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).env("ZX_CACHE", "off");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        said(&mut self.command(arguments))
    }

    /// The harness, without a summary file of the machine that runs the tests.
    pub(crate) fn bench_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("zx-bench").unwrap();
        command.env_remove("GITHUB_STEP_SUMMARY");
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn bench(&self, arguments: &[&str]) -> Said {
        said(&mut self.bench_command(arguments))
    }

    /// A shell command in which `$ZX` is the program.
    pub(crate) fn shell(&self, text: &str) -> Said {
        let program = Command::cargo_bin("zx-run").unwrap().get_program().to_owned();
        let mut command = Command::new("bash");
        said(
            command
                .args(["-c", text])
                .env("ZX", program)
                .env("ZX_CACHE", "off")
                .current_dir(self.folder.path())
                .stdin(Stdio::null()),
        )
    }
}

pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Runs a program of one file.
pub(crate) fn run(source: &str) -> Said {
    let place = Place::new();
    place.file("main.zx", source);
    place.run(&["main.zx"])
}

impl Said {
    #[track_caller]
    pub(crate) fn ends(&self, status: i32, out: &str, err: &[&str]) {
        assert_eq!(self.status, Some(status), "{self:?}");
        assert_eq!(self.out, out, "{self:?}");
        for part in err {
            assert!(self.err.contains(part), "no {part:?} in {self:?}");
        }
        assert!(!self.err.contains("panicked"), "{self:?}");
    }

    /// Ended with the status, and said each fragment somewhere; gives all that it said.
    #[track_caller]
    pub(crate) fn shows(&self, status: i32, fragments: &[&str]) -> String {
        let all = format!("{}{}", self.out, self.err);
        assert_eq!(self.status, Some(status), "{all}");
        for fragment in fragments {
            assert!(all.contains(fragment), "`{fragment}` is missing in:\n{all}");
        }
        assert!(!all.contains("panicked"), "{all}");
        all
    }
}
