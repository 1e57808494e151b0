//! Why a store cannot be used, as the user reads it.

use std::fmt;
use std::path::PathBuf;

/// Why a store cannot be used. The file was not changed.
#[derive(Debug)]
pub enum StoreError {
    /// Another process has it open.
    InUse(PathBuf),
    /// It is no store of this project, or one of another format: what is said of it.
    Foreign(PathBuf, String),
    /// It belongs to something else: what it belongs to.
    Other(PathBuf, String),
    /// It is damaged: what is wrong.
    Damaged(PathBuf, String),
    /// The system refused.
    System(PathBuf, String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::InUse(path) => {
                write!(
                    f,
                    "{} is in use by another process: wait until it has ended, or name another file",
                    path.display()
                )
            }
            StoreError::Foreign(path, what) => {
                write!(f, "{} is {what}: it was left as it is; name another file", path.display())
            }
            StoreError::Other(path, what) => {
                write!(f, "{} belongs to {what}: it was left as it is; name another file, or remove it", path.display())
            }
            StoreError::Damaged(path, what) => {
                write!(
                    f,
                    "{} is damaged ({what}): it was left as it is; restore a copy or name another file",
                    path.display()
                )
            }
            StoreError::System(path, what) => write!(f, "cannot use {}: {what}", path.display()),
        }
    }
}

impl std::error::Error for StoreError {}
