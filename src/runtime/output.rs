//! Where `print` goes.

use std::io::{IsTerminal, Write};

/// A sink for program output.
#[derive(Debug)]
pub enum Output {
    /// Standard output: flushed at each line on a terminal, in blocks otherwise.
    Stdout {
        /// What waits.
        buffer: Vec<u8>,
        /// Whether standard output is a terminal.
        terminal: bool,
        /// Why nothing more can be written.
        failure: Option<std::io::Error>,
    },
    /// Kept.
    Capture(String),
    /// Only hashed and counted.
    Digest(Box<blake3::Hasher>),
}

const BLOCK_BYTES: usize = 1 << 16;

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Self::Stdout { buffer: Vec::new(), terminal: std::io::stdout().is_terminal(), failure: None }
    }

    /// Writes one line.
    pub fn line(&mut self, text: &str) {
        match self {
            Self::Stdout { buffer, terminal, .. } => {
                buffer.extend_from_slice(text.as_bytes());
                buffer.push(b'\n');
                if *terminal || buffer.len() >= BLOCK_BYTES {
                    self.flush();
                }
            }
            Self::Capture(kept) => {
                kept.push_str(text);
                kept.push('\n');
            }
            Self::Digest(hasher) => {
                hasher.update(text.as_bytes());
                hasher.update(b"\n");
            }
        }
    }

    /// Hands everything on. A failure is remembered, and the run is asked to stop at its next poll.
    pub fn flush(&mut self) {
        if let Self::Stdout { buffer, failure, .. } = self {
            if failure.is_none() && !buffer.is_empty() {
                let mut out = std::io::stdout().lock();
                *failure = out.write_all(buffer).and_then(|()| out.flush()).err();
            }
            buffer.clear();
        }
    }

    /// Why nothing more can be written; a broken pipe means that the reader went away.
    pub fn failure(&self) -> Option<&std::io::Error> {
        match self {
            Self::Stdout { failure, .. } => failure.as_ref(),
            Self::Capture(_) | Self::Digest(_) => None,
        }
    }

    /// What was captured.
    pub fn captured(&self) -> &str {
        match self {
            Self::Capture(text) => text,
            Self::Stdout { .. } | Self::Digest(_) => "",
        }
    }

    /// BLAKE3 of what was written (zero for standard output).
    pub fn digest(&self) -> [u8; 32] {
        match self {
            Self::Stdout { .. } => [0; 32],
            Self::Capture(text) => blake3::hash(text.as_bytes()).into(),
            Self::Digest(hasher) => hasher.finalize().into(),
        }
    }

    /// Forgets what was written.
    pub fn reset(&mut self) {
        match self {
            Self::Stdout { buffer, .. } => buffer.clear(),
            Self::Capture(text) => text.clear(),
            Self::Digest(hasher) => {
                hasher.reset();
            }
        }
    }
}
