//! One child process, from spawn to exit: what it said, and how it ended.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::job::Job;
use super::latency::{Latencies, decode};
use super::outcome::Exit;
use super::protocol::{Conversation, Event, Failed, LINE_LIMIT, Message, OpenStep};

/// After the time limit a child has this long to say so itself.
const GRACE: Duration = Duration::from_secs(5);
/// How often to look for Ctrl-C.
const TICK: Duration = Duration::from_millis(50);
/// What is kept of each end of a child's standard error.
const STDERR_KEPT: usize = 2048;
/// Exit status of a panic.
const PANIC_STATUS: i32 = 101;
const PANICKED: &str = "a bug of ours: the process panicked";

/// A window line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "as Message::Window")]
pub struct TimedWindow {
    pub isolate: u32,
    pub n: u64,
    pub ns: u64,
    pub at_ns: Option<u64>,
}

/// A digest line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "as Message::Digest")]
pub struct Link {
    pub isolate: u32,
    pub index: u64,
    pub hex: String,
}

/// Why a child gave no full result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChildError {
    /// It said so.
    Said(Failed, String),
    /// It could not be started, broke the protocol or crashed.
    Broken(String),
    /// It was killed after the time limit.
    Hung(Duration),
    /// It died of a bug of ours.
    Panicked(String),
    /// Ctrl-C.
    Interrupted,
}

impl ChildError {
    /// The exit status it leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Interrupted => Exit::Interrupted,
            Self::Said(Failed::Verify, _) => Exit::Wrong,
            Self::Panicked(_) => Exit::Bug,
            Self::Said(..) | Self::Broken(_) | Self::Hung(_) => Exit::Failed,
        }
    }

    /// What the user reads; `limit` is the time limit that the child was given.
    pub fn describe(&self, limit: Duration) -> String {
        match self {
            Self::Said(Failed::Program, message) => format!("the workload failed:\n{message}"),
            Self::Said(Failed::Verify, message) => format!("WRONG RESULTS: `verify()` failed:\n{message}"),
            Self::Said(Failed::TimeLimit, message) => format!(
                "did not come to an end within {} s (does it loop for ever? a longer --max-time, a smaller workload?):\n{message}",
                limit.as_secs_f64()
            ),
            Self::Said(Failed::Runner, message) | Self::Broken(message) | Self::Panicked(message) => message.clone(),
            Self::Hung(limit) => format!("the process did not answer within {} s and was killed", limit.as_secs_f64()),
            Self::Interrupted => "stopped by Ctrl-C".into(),
        }
    }
}

/// Windows of a process may be so much longer than the process before that is no rounding.
const CLOCK_SLACK: Duration = Duration::from_secs(10);

/// All that a child said.
#[derive(Debug, Default)]
pub struct Record {
    /// Windows, in order.
    pub windows: Vec<TimedWindow>,
    /// Tier decisions.
    pub events: Vec<Event>,
    /// Lines for people, in order.
    pub notes: Vec<String>,
    /// Latencies, in order.
    pub latencies: Latencies,
    /// Rates of open load, in order.
    pub steps: Vec<OpenStep>,
    /// Counters, by name.
    pub counters: BTreeMap<String, f64>,
    /// Links of its chains.
    pub links: Vec<Link>,
    /// What the links are of, if it said so: see [`Message::Hello`].
    pub chain: Option<String>,
    /// From spawn to exit.
    pub wall_ns: u64,
    /// How it went wrong, if it did.
    pub error: Option<ChildError>,
}

impl Record {
    /// A counter.
    pub fn counter(&self, name: &str) -> Option<f64> {
        self.counters.get(name).copied()
    }

    /// What shows that the clock of the windows was set while they were measured, if something does: the figures would
    /// be of no time that has passed.
    fn clock_fault(&self) -> Option<String> {
        let mut isolates: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for window in &self.windows {
            let (spent_ns, last_ns) = isolates.entry(window.isolate).or_default();
            *spent_ns = spent_ns.saturating_add(window.ns);
            let at_ns = window.at_ns.unwrap_or(*last_ns);
            if at_ns < *last_ns {
                return Some(format!(
                    "a window ended at {at_ns} ns, after one that ended at {last_ns} ns: the clock went back while it \
                     measured; time with a monotonic clock"
                ));
            }
            *last_ns = at_ns;
        }
        let most_ns = isolates.values().map(|(spent_ns, _)| *spent_ns).max()?;
        let allowed_ns = self.wall_ns + CLOCK_SLACK.as_nanos() as u64;
        (most_ns > allowed_ns).then(|| {
            let s = |ns: u64| Duration::from_nanos(ns).as_secs_f64();
            format!(
                "its windows took {:.1} s, but the process only {:.1} s: the clock jumped ahead while it measured; time \
                 with a monotonic clock",
                s(most_ns),
                s(self.wall_ns)
            )
        })
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Window { n, ns, isolate, at_ns } => self.windows.push(TimedWindow { isolate, n, ns, at_ns }),
            Message::Event(event) => self.events.push(event),
            Message::Note { text } => self.notes.push(text),
            Message::Counter { name, value } => drop(self.counters.insert(name, value)),
            Message::Digest { index, hex, isolate } => self.links.push(Link { isolate, index, hex }),
            Message::Fail { what, message } => self.error = Some(ChildError::Said(what, message)),
            Message::Sample { ns } => self.latencies.sample(ns),
            Message::Histogram(interval) => {
                if let Err(message) = self.latencies.add(interval) {
                    self.error.get_or_insert(ChildError::Broken(message));
                }
            }
            Message::Step(step) => {
                let readable = [&step.response, &step.service, &step.queue]
                    .into_iter()
                    .try_for_each(|data| decode(data).map(drop));
                match readable {
                    Ok(()) => self.steps.push(step),
                    Err(message) => drop(self.error.get_or_insert(ChildError::Broken(message))),
                }
            }
            Message::Hello { chain, .. } => self.chain = chain,
            Message::Bye => {}
        }
    }
}

/// Runs a job in a fresh process of `program`; `stop` is set by Ctrl-C.
pub fn run_job(program: &Path, job: &Job, stop: &AtomicBool) -> Record {
    let limit = Duration::from_millis(job.limit_ms) + GRACE;
    match serde_json::to_string(job) {
        Ok(text) => {
            let mut command = Command::new(program);
            command.args(["child", "--cell", &text]);
            run_command(command, limit, stop)
        }
        Err(e) => Record { error: Some(ChildError::Broken(e.to_string())), ..Record::default() },
    }
}

/// Runs a runner of somebody else. It has a process group of its own, so that whatever it started ends with it, and
/// its panics are not ours.
pub fn run_foreign(mut command: Command, limit: Duration, stop: &AtomicBool) -> Record {
    command.process_group(0);
    let mut record = run_killed_by(command, limit + GRACE, stop, kill_group);
    if let Some(ChildError::Panicked(said)) = record.error {
        record.error =
            Some(ChildError::Broken(said.replace(PANICKED, "the engine ended with exit status 101 (a panic?)")));
    }
    record
}

/// Runs any runner that speaks the protocol.
pub fn run_command(command: Command, limit: Duration, stop: &AtomicBool) -> Record {
    run_killed_by(command, limit, stop, |child| drop(child.kill())) // it may be gone already
}

fn kill_group(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // Nobody left is as good as killed.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

fn run_killed_by(mut command: Command, limit: Duration, stop: &AtomicBool, kill: fn(&mut Child)) -> Record {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut record = Record::default();
    let begin = Instant::now();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => {
            record.error =
                Some(ChildError::Broken(format!("cannot start {}: {e}", command.get_program().to_string_lossy())));
            return record;
        }
    };
    let (lines, errors) = listen(&mut child);
    let mut talk = Conversation::default();
    let early = converse(&lines, &mut talk, &mut record, begin + limit, limit, stop);
    if early.is_some() {
        kill(&mut child);
    }
    drop(lines);
    let status = child.wait();
    record.wall_ns = begin.elapsed().as_nanos() as u64;
    kill(&mut child); // what it left behind may hold its pipes
    let stderr = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let ended = match status {
        Ok(status) => verdict(status, &talk, &stderr),
        Err(e) => Some(ChildError::Broken(format!("cannot wait for the process: {e}"))),
    };
    let interrupted = stop.load(Ordering::Relaxed).then_some(ChildError::Interrupted);
    // A child that Ctrl-C reached first has nothing of its own to report.
    record.error = match record.error.take() {
        Some(said) => Some(said),
        None => early.or_else(|| ended.map(|error| interrupted.unwrap_or(error))),
    };
    if record.error.is_none() {
        record.error = record.clock_fault().map(ChildError::Broken);
    }
    record
}

/// Threads that read both pipes, so that neither can fill up.
fn listen(child: &mut Child) -> (Receiver<Vec<u8>>, Option<std::thread::JoinHandle<String>>) {
    let (sender, lines) = sync_channel(1024);
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || send_lines(BufReader::new(stdout), &sender));
    }
    let errors = child.stderr.take().map(|stderr| std::thread::spawn(move || ends_of(stderr)));
    (lines, errors)
}

fn send_lines(mut from: impl BufRead, to: &SyncSender<Vec<u8>>) {
    loop {
        let mut line = Vec::new();
        let read = from.by_ref().take(LINE_LIMIT as u64).read_until(b'\n', &mut line);
        let is_end = !matches!(read, Ok(count) if count > 0);
        if is_end || to.send(line.trim_ascii_end().to_vec()).is_err() {
            return;
        }
    }
}

/// The first words, where a panic says what it is, and the last ones.
fn ends_of(mut from: impl Read) -> String {
    let (mut first, mut last) = (Vec::new(), VecDeque::new());
    let mut skipped = 0;
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let free = (STDERR_KEPT - first.len()).min(count);
        first.extend(&buffer[..free]);
        last.extend(&buffer[free..count]);
        let excess = last.len().saturating_sub(STDERR_KEPT);
        skipped += last.drain(..excess).count();
    }
    let last: Vec<u8> = last.into();
    let (first, last) = (String::from_utf8_lossy(&first), String::from_utf8_lossy(&last));
    let gap = if skipped > 0 { format!("\n... {skipped} bytes ...\n") } else { String::new() };
    format!("{first}{gap}{last}").trim().to_owned()
}

/// Takes lines until the child has said all; `Some` is a reason to kill it.
fn converse(
    lines: &Receiver<Vec<u8>>,
    talk: &mut Conversation,
    record: &mut Record,
    deadline: Instant,
    limit: Duration,
    stop: &AtomicBool,
) -> Option<ChildError> {
    loop {
        if stop.load(Ordering::Relaxed) {
            return Some(ChildError::Interrupted);
        }
        if Instant::now() > deadline {
            return Some(ChildError::Hung(limit));
        }
        match lines.recv_timeout(TICK) {
            Ok(line) if line.is_empty() => {}
            Ok(line) => match talk.read(&line) {
                Ok(message) => record.take(message),
                Err(message) => return Some(ChildError::Broken(message)),
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

fn verdict(status: ExitStatus, talk: &Conversation, stderr: &str) -> Option<ChildError> {
    let told = if stderr.is_empty() { String::new() } else { format!("; on standard error:\n{stderr}") };
    if status.code() == Some(PANIC_STATUS) {
        return Some(ChildError::Panicked(format!("{PANICKED}{told}")));
    }
    if let Some(signal) = status.signal() {
        return Some(ChildError::Broken(format!(
            "the process was killed by signal {signal}{}{told}",
            signal_name(signal)
        )));
    }
    if talk.is_finished() {
        return None;
    }
    let silent = if talk.is_greeted() { "without `bye`" } else { "without a word of the runner protocol" };
    Some(ChildError::Broken(format!("the process ended {silent} ({status}){told}")))
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGKILL => " (SIGKILL: out of memory?)",
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGILL => " (SIGILL)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_steps_is_told() {
        let window = |isolate, ns, at_ns| TimedWindow { isolate, n: 1, ns, at_ns };
        let fault = |windows: Vec<TimedWindow>| {
            let record = Record { windows, wall_ns: 2_000_000_000, ..Record::default() };
            record.clock_fault()
        };
        let second = 1_000_000_000;
        assert_eq!(fault(vec![window(0, second, Some(second)), window(1, 5, Some(5)), window(0, 5, None)]), None);
        let back = fault(vec![window(0, 5, Some(90)), window(0, 5, Some(80))]).expect("told");
        assert!(back.contains("ended at 80 ns, after one that ended at 90 ns: the clock went back"), "{back}");
        let ahead = fault(vec![window(0, second, None), window(0, 3600 * second, None)]).expect("told");
        assert!(ahead.contains("its windows took 3601.0 s, but the process only 2.0 s"), "{ahead}");
        assert_eq!(fault(Vec::new()), None);
    }

    fn shell(script: &str, limit_ms: u64) -> Record {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run_command(command, Duration::from_millis(limit_ms), &AtomicBool::new(false))
    }

    const HELLO: &str = r#"echo '{"type":"hello","protocol":1,"engine":"sh"}';"#;
    const WINDOW: &str = r#"echo '{"type":"window","n":10,"ns":100}';"#;
    const BYE: &str = r#"echo '{"type":"bye"}'"#;

    #[test]
    fn a_runner_in_shell_is_understood() {
        let record = shell(&format!("{HELLO} {WINDOW} {WINDOW} {BYE}"), 10_000);
        assert_eq!(record.error, None);
        assert_eq!(record.windows.len(), 2);
        assert!(record.wall_ns > 0);
    }

    #[test]
    fn what_was_said_before_a_crash_is_kept() {
        let record = shell(&format!("{HELLO} {WINDOW} echo oh no >&2; kill -SEGV $$"), 10_000);
        assert_eq!(record.windows.len(), 1);
        let Some(ChildError::Broken(said)) = record.error else { panic!("{:?}", record.error) };
        assert!(said.contains("SIGSEGV") && said.contains("oh no"), "{said}");
    }

    #[test]
    fn silence_garbage_and_half_words_are_told_apart() {
        let said = |script: &str| match shell(script, 10_000).error {
            Some(ChildError::Broken(said)) => said,
            other => panic!("{other:?}"),
        };
        assert!(said("exit 3").contains("without a word"));
        assert!(said("echo what a day").contains("no protocol message"));
        assert!(said(HELLO).contains("without `bye`"));
        assert!(matches!(shell("exit 101", 10_000).error, Some(ChildError::Panicked(_))));
        assert!(said("yes | head -c 3000000").contains("no protocol message"));
    }

    #[test]
    fn a_flood_on_standard_error_does_not_block() {
        let record = shell(&format!("{HELLO} yes | head -c 3000000 >&2; {BYE}"), 20_000);
        assert_eq!(record.error, None);
    }

    #[test]
    fn a_hanging_child_is_killed() {
        let begin = Instant::now();
        let record = shell(&format!("{HELLO} {WINDOW} exec sleep 60"), 300);
        assert!(matches!(record.error, Some(ChildError::Hung(_))));
        assert_eq!(record.windows.len(), 1);
        assert!(begin.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_a_foreign_runner_started_ends_with_it() {
        let mut command = Command::new("sh");
        // The grandchild holds both pipes: without the group's end, reading them would last a minute.
        command.args(["-c", &format!("{HELLO} sleep 60 & wait")]);
        let begin = Instant::now();
        let record = run_killed_by(in_group(command), Duration::from_millis(300), &AtomicBool::new(false), kill_group);
        assert!(matches!(record.error, Some(ChildError::Hung(_))));
        assert!(begin.elapsed() < Duration::from_secs(20));
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{HELLO} exit 101")]);
        let record = run_foreign(command, Duration::from_secs(10), &AtomicBool::new(false));
        let Some(ChildError::Broken(said)) = record.error else { panic!("{:?}", record.error) };
        assert!(said.contains("101") && !said.contains("ours"), "{said}");
    }

    fn in_group(mut command: Command) -> Command {
        command.process_group(0);
        command
    }

    #[test]
    fn ctrl_c_stops_it() {
        let mut command = Command::new("sh");
        command.args(["-c", "exec sleep 60"]);
        let record = run_command(command, Duration::from_mins(1), &AtomicBool::new(true));
        assert_eq!(record.error, Some(ChildError::Interrupted));
    }
}
