//! The prompt as a user meets it: `zx-run` on a pseudo-terminal.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A `zx-run` without arguments at a terminal of its own.
struct Terminal {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    /// What has been shown since something was typed, and the same without the terminal's escape sequences.
    raw: Vec<u8>,
    text: String,
    /// Whether a line was ended and the input goes on.
    within_input: bool,
}

impl Terminal {
    fn open(home: &std::path::Path) -> Self {
        Self::open_with(home, &[])
    }

    fn open_with(home: &std::path::Path, flags: &[&str]) -> Self {
        let size = nix::pty::Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = nix::pty::openpty(Some(&size), None).unwrap();
        let stdio = || Stdio::from(pair.slave.try_clone().unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_zx-run"))
            .args(flags)
            .env("TERM", "xterm")
            .env("HOME", home)
            .env_remove("XDG_STATE_HOME")
            .current_dir(home)
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .unwrap();
        drop(pair.slave);
        let keys = File::from(pair.master);
        let mut screen = keys.try_clone().unwrap();
        let (send, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // When the other side is closed, reading fails.
            while let Ok(count) = screen.read(&mut buffer) {
                if count == 0 || send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let mut terminal = Self { child, keys, shown, raw: Vec::new(), text: String::new(), within_input: false };
        terminal.wait_for("> ");
        terminal
    }

    /// Waits until the text is shown.
    fn wait_for(&mut self, wanted: &str) {
        self.wait_until(wanted, |text| text.contains(wanted));
    }

    /// Waits for a state of the screen; a minute without anything new means that it never comes.
    fn wait_until(&mut self, wanted: &str, reached: impl Fn(&str) -> bool) {
        while !reached(&self.text) {
            match self.shown.recv_timeout(Duration::from_mins(1)) {
                Ok(bytes) => {
                    self.raw.extend(bytes);
                    self.text = without_escapes(&String::from_utf8_lossy(&self.raw));
                }
                Err(error) => panic!("{error}: `{wanted}` is not shown, but this:\n{}", self.text),
            }
        }
    }

    /// Types something and waits until the text is shown. Begins when there is a prompt, or within an input (`wanted`
    /// was its line's end): what is typed while the program runs may be lost.
    fn type_keys(&mut self, keys: &str, wanted: &str) {
        if !self.within_input {
            self.wait_until("a prompt", |text| text.trim_end().ends_with('>'));
        }
        self.within_input = wanted == "\n";
        self.raw.clear();
        self.text.clear();
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.wait_for(wanted);
    }

    fn end(mut self, keys: &str) -> Option<i32> {
        self.wait_until("a prompt", |text| text.trim_end().ends_with('>'));
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.child.wait().unwrap().code()
    }
}

/// Without `ESC [ ... letter`.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).get(1..).unwrap_or_default());
    }
    out
}

#[test]
fn a_session_at_a_terminal() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("lib.zx"), "action twice(n) { return n * 2 }\nprint \"loaded\"\n").unwrap();
    let mut terminal = Terminal::open(home.path());
    terminal.type_keys("let x = 20\r", "\n\r> ");
    terminal.type_keys("x + 22\r", "\r\n42\r\n");
    terminal.type_keys("action f(n) {\r", "\n");
    terminal.type_keys("return n / 0 }\r", "\n\r> ");
    terminal.type_keys("f(1)\r", "error: Division by zero");
    terminal.wait_for("<input 3>:2:10");
    terminal.type_keys(":load lib.zx\r", "\r\nloaded\r\n");
    terminal.type_keys("twi\t(4)\r", "\r\n8\r\n");
    terminal.type_keys(":type x\r", "\r\ninteger\r\n");
    terminal.type_keys(":nothing\r", "there is no command :nothing");
    terminal.type_keys("let x = \x03", "\n\r> ");
    terminal.type_keys("x\r", "\r\n20\r\n");
    terminal.type_keys(":reset\r", "\n\r> ");
    terminal.type_keys("x\r", "Identifier 'x' not found");
    assert_eq!(terminal.end("\x04"), Some(0));
    let history = std::fs::read_to_string(home.path().join(".local/state/zx-run/history")).unwrap();
    assert!(history.contains("x + 22"), "{history}");
}

/// Limits hold for each input: one that passes a limit is stopped, and the next begins anew.
#[test]
fn limits_hold_for_each_input() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open_with(home.path(), &["--timeout", "300ms"]);
    terminal.type_keys("let n = 1\r", "\n\r> ");
    for _ in 0..2 {
        terminal.type_keys("while true { n = n + 1 }\r", "Time limit exceeded");
    }
    terminal.type_keys("n > 1\r", "\r\ntrue\r\n");
    assert_eq!(terminal.end("\x04"), Some(0));

    let mut terminal = Terminal::open_with(home.path(), &["--gas-limit", "1000"]);
    terminal.type_keys("let n = 1\r", "\n\r> ");
    for _ in 0..2 {
        terminal.type_keys("while true { n = n + 1 }\r", "Out of gas");
    }
    // Each is a transaction of its own: what ran out of gas is undone, what failed otherwise is not.
    terminal.type_keys("n\r", "\r\n1\r\n");
    terminal.type_keys("n = 5; n / 0\r", "Division by zero");
    terminal.type_keys("n\r", "\r\n5\r\n");
    terminal.type_keys("for i in range(10) { n = n + i }\r", "\n\r> ");
    terminal.type_keys("n\r", "\r\n50\r\n");
    assert_eq!(terminal.end("\x04"), Some(0));

    let mut terminal = Terminal::open_with(home.path(), &["--alloc-limit", "100000"]);
    terminal.type_keys("let l = []\r", "\n\r> ");
    terminal.type_keys("while true { l.push([1, 2, 3]) }\r", "Out of memory");
    terminal.type_keys("len(l)\r", "\r\n0\r\n");
    assert_eq!(terminal.end("\x04"), Some(0));
}

#[test]
fn quit_ends_with_success() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(Terminal::open(home.path()).end(":quit\r"), Some(0));
}

#[test]
fn without_a_terminal_a_program_is_needed() {
    let done = Command::new(env!("CARGO_BIN_EXE_zx-run")).stdin(Stdio::null()).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("<FILE>"));
    assert!(done.stdout.is_empty());
}
