//! The edge: standard output and standard error.

use std::io::{ErrorKind, Write};

use crate::harness::outcome::Stop;

/// Writes results. A reader that has gone away ends the program quietly.
pub(super) fn out(text: &str) -> Result<(), Stop> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Stop::failed(format!("cannot write to standard output: {e}"))),
    }
}

/// An error, as a user sees it.
pub(super) fn error(message: &str) {
    say("error", message);
}

/// Something to know.
pub(super) fn note(message: &str) {
    say("note", message);
}

/// Something to do.
pub(super) fn warn(message: &str) {
    say("warning", message);
}

fn say(kind: &str, message: &str) {
    // Nobody is left to be told that nobody is left.
    drop(writeln!(std::io::stderr().lock(), "{kind}: {message}"));
}
