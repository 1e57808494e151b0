//! How a command ends.

use std::fmt;

/// The exit statuses of `zx-bench`, the same for every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything as asked.
    Pass,
    /// A run failed.
    Failed,
    /// Usage, or a workload that cannot be read or parsed, or lacks its transaction action.
    Usage,
    /// A performance or counter regression.
    Regression,
    /// No verdict, where one was demanded.
    Inconclusive,
    /// The machine cannot measure what was asked, or the results are not comparable.
    Unfit,
    /// Tiers or executors disagree, or `verify()` fails.
    Wrong,
    /// A bug of ours: a panic, here or in a child.
    Bug,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The process exit status.
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Regression => 3,
            Self::Inconclusive => 4,
            Self::Unfit => 5,
            Self::Wrong => 6,
            Self::Bug => 101,
            Self::Interrupted => 130,
        }
    }
}

/// A reason to stop, with what the user reads. The edge alone prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The exit status it leads to.
    pub exit: Exit,
    /// What happened and what to do, without a leading `error:`.
    pub message: String,
}

impl Stop {
    /// A mistake of the user's: status 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// Something failed while running: status 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Stop {}
