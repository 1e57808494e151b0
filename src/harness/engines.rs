//! Engines that are not ours: any program that speaks the runner protocol, started by a command.
//!
//! `--engine NAME='cmd {workload} {params}'` is read here, its placeholders are filled in, and what such a runner
//! said is checked for what our own runners do by construction. How it is run, read and killed is [`super::process`].

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Serialize;

use super::job::{Job, JobKind};
use super::mode::parse_mode;
use super::outcome::Stop;
use super::process::{Record, run_foreign, run_job};
use super::protocol::counter;
use super::suggest::did_you_mean;

/// The `executor` column of such an engine's rows.
pub const EXECUTOR: &str = "external";

/// What may stand in braces in a command.
const PLACEHOLDERS: [&str; 8] =
    ["program", "workload", "params", "threads", "seed", "process_ms", "window_ns", "digests"];

/// An engine that is started by a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignEngine {
    /// Its name: what the `mode` column says.
    pub name: String,
    /// The command's words, with their placeholders.
    pub words: Vec<String>,
    /// BLAKE3 of the file that the first word names, once it was found.
    pub program_blake3: Option<String>,
}

impl ForeignEngine {
    /// Reads `NAME=command`; the command is split into words as a shell does, but no shell runs it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "as in --engine myvm='./myvm {workload} {params}'";
        let (name, command) =
            text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`: NAME=COMMAND, {EXAMPLE}"))?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 40 || !name.chars().all(is_plain) {
            return Err(format!("the name `{name}` must be of letters, digits, `-`, `_` and `.`, {EXAMPLE}"));
        }
        if parse_mode(name).is_ok() || name == "native" {
            return Err(format!("`{name}` is a mode of zx-bench: give the engine another name, {EXAMPLE}"));
        }
        let words = shlex::split(command).ok_or_else(|| format!("a quote is not closed in `{command}`"))?;
        if words.is_empty() {
            return Err(format!("`{name}` has no command, {EXAMPLE}"));
        }
        words.iter().try_for_each(|word| check_placeholders(word))?;
        Ok(Self { name: name.to_owned(), words, program_blake3: None })
    }

    /// Whether the command leaves the program to `--base` and `--head`.
    pub fn takes_program(&self) -> bool {
        self.words.iter().any(|word| word.contains("{program}"))
    }

    /// The engine with its program in place.
    #[must_use]
    pub fn with_program(&self, program: &Path) -> Self {
        let program = program.to_string_lossy();
        let words = self.words.iter().map(|word| word.replace("{program}", &program)).collect();
        Self { name: self.name.clone(), words, program_blake3: None }
    }

    /// Finds the program, so that a misspelt name is told before anything is measured.
    pub fn find(mut self) -> Result<Self, Stop> {
        if self.takes_program() {
            return Err(Stop::usage(format!(
                "--engine {}: {{program}} stands for what `gate --base` and `--head` name; write the program itself",
                self.name
            )));
        }
        let first = self.words.first().map_or("", String::as_str);
        let path = which(first).ok_or_else(|| {
            Stop::usage(format!("--engine {}: there is no program `{first}` here or on the path", self.name))
        })?;
        self.program_blake3 = super::gate::sides::hash(&path).ok();
        Ok(self)
    }

    /// The command of a job.
    fn command(&self, job: &Job) -> Command {
        let fill = |word: &String| {
            let values = [
                ("{workload}", job.workload.to_string_lossy().into_owned()),
                ("{params}", job.parameters.canonical.clone()),
                ("{threads}", job.threads.to_string()),
                ("{seed}", job.parameters.seed.to_string()),
                ("{process_ms}", job.process_ms.to_string()),
                ("{window_ns}", job.window_ns.to_string()),
                ("{digests}", job.digests.to_string()),
            ];
            // Found places only: a value that looks like a placeholder is not filled in again.
            let mut filled = String::new();
            let mut rest = word.as_str();
            while let Some(at) = rest.find('{') {
                filled.push_str(&rest[..at]);
                rest = &rest[at..];
                let found = values.iter().find(|(name, _)| rest.starts_with(name));
                let (taken, value) = found.map_or((1, "{"), |(name, value)| (name.len(), value));
                filled.push_str(value);
                rest = &rest[taken..];
            }
            filled + rest
        };
        let mut words = self.words.iter().map(fill);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        command
    }
}

fn check_placeholders(word: &str) -> Result<(), String> {
    let names = word.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    let is_name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    for name in names.filter(is_name) {
        if !PLACEHOLDERS.contains(&name) {
            let known = PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(" ");
            return Err(format!(
                "there is no `{{{name}}}`{}: a command may hold {known}",
                did_you_mean(name, PLACEHOLDERS)
            ));
        }
    }
    Ok(())
}

/// The file that a command's first word names, as the system looks it up.
fn which(word: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| path.is_file();
    if word.contains('/') {
        return Some(PathBuf::from(word)).filter(is_program);
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(word)).find(is_program)
}

/// Who does a job: a zx-bench, or another engine.
#[derive(Debug, Clone, Copy)]
pub enum Doer<'a> {
    /// This program's `child` command, or another build's.
    Own(&'a Path),
    /// An engine of somebody else.
    Foreign(&'a ForeignEngine),
}

impl Doer<'_> {
    /// Runs a job in a fresh process.
    pub fn run(self, job: &Job, stop: &AtomicBool) -> Record {
        match self {
            Self::Own(program) => run_job(program, job, stop),
            Self::Foreign(engine) => {
                let mut record = run_foreign(engine.command(job), Duration::from_millis(job.limit_ms), stop);
                count_committed(&mut record);
                if record.error.is_none() {
                    record.error = check(&record, job).err().map(super::process::ChildError::Broken);
                }
                record
            }
        }
    }
}

/// Transactions over all windows but the cold ones, where the runner did not say them itself.
fn count_committed(record: &mut Record) {
    let mut is_cold = std::collections::BTreeSet::new();
    let timed: Vec<u64> =
        record.windows.iter().filter(|window| !is_cold.insert(window.isolate)).map(|window| window.n).collect();
    if !timed.is_empty() {
        record.counters.entry(counter::COMMITTED.to_owned()).or_insert(timed.iter().sum::<u64>() as f64);
    }
}

/// What a runner that speaks the protocol can still get wrong.
fn check(record: &Record, job: &Job) -> Result<(), String> {
    let threads = job.threads as u32;
    let strange = |isolate: u32| {
        format!("the runner speaks of isolate {isolate}, but was given {threads} threads: they count from 0")
    };
    if let Some(window) = record.windows.iter().find(|window| window.isolate >= threads) {
        return Err(strange(window.isolate));
    }
    if let Some(link) = record.links.iter().find(|link| link.isolate >= threads) {
        return Err(strange(link.isolate));
    }
    let is_digest =
        |hex: &str| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if let Some(link) = record.links.iter().find(|link| !is_digest(&link.hex)) {
        return Err(format!(
            "digest {} of isolate {} is not 64 lower-case hexadecimal digits: `{}`",
            link.index, link.isolate, link.hex
        ));
    }
    let count = |isolate: u32| record.windows.iter().filter(|window| window.isolate == isolate).count();
    let first = count(0);
    if let Some(other) = (1..threads).find(|isolate| count(*isolate) != first) {
        return Err(format!(
            "isolate 0 said {first} windows and isolate {other} {}: all must say equally many",
            count(other)
        ));
    }
    let is_timed = matches!(job.kind, JobKind::Measure);
    if is_timed && first < 2 {
        return Err(format!(
            "the runner said {first} windows: the first is the cold one, and at least one more must follow"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::job::FormName;
    use crate::harness::parameters::Parameters;
    use crate::harness::process::{Link, TimedWindow};

    fn job() -> Job {
        Job {
            kind: JobKind::Measure,
            workload: "a dir/w.zx".into(),
            workload_digest: String::new(),
            form: FormName::Script,
            transaction: "transfer".into(),
            mode: "x".into(),
            executor: EXECUTOR.into(),
            threads: 2,
            parameters: Parameters::foreign(&["n={threads}".into()], Some(7)).expect("fine"),
            process_ms: 500,
            window_ns: 10,
            limit_ms: 1000,
            digests: 20,
            tx_per_pass: 0,
            output_chain: false,
            cache: None,
            added: 0.0,
            dropped: Vec::new(),
            explain: None,
            open: None,
        }
    }

    #[test]
    fn placeholders_are_filled_once_and_words_stay_words() {
        let engine =
            ForeignEngine::parse("my-vm='a b' {workload} --p={params} {threads}x{seed} {process_ms} {x").expect("fine");
        let command = engine.command(&job());
        assert_eq!(command.get_program(), "a b");
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(words, ["a dir/w.zx", "--p=n={threads};seed=7", "2x7", "500", "{x"]);
    }

    #[test]
    fn bad_engines_are_explained() {
        let said = |text: &str| ForeignEngine::parse(text).expect_err("refused");
        assert!(said("./vm").contains("no `=`"));
        assert!(said("=./vm").contains("the name ``"));
        assert!(said("a b=./vm").contains("the name `a b`"));
        assert!(said("vm=./vm").contains("is a mode of zx-bench"));
        assert!(said("fixed:3=./vm").contains("the name"));
        assert!(said("x=").contains("no command"));
        assert!(said("x='./vm").contains("quote"));
        assert!(said("x=./vm {workloads}").contains("did you mean `workload`?"));
        let lost = ForeignEngine::parse("x=no-such-program-at-all").expect("fine").find().expect_err("refused");
        assert!(lost.message.contains("no program `no-such-program-at-all`"));
        let template = ForeignEngine::parse("x={program} {workload}").expect("fine");
        assert!(template.takes_program() && template.clone().find().is_err());
        assert!(template.with_program(Path::new("/bin/sh")).find().is_ok_and(|engine| engine.program_blake3.is_some()));
    }

    #[test]
    fn what_a_runner_gets_wrong_is_told() {
        let window = |isolate| TimedWindow { isolate, n: 1, ns: 1, at_ns: None };
        let link = |isolate, hex: &str| Link { isolate, index: 0, hex: hex.into() };
        let good = "0".repeat(64);
        let record = |windows: &[u32], links: Vec<Link>| Record {
            windows: windows.iter().map(|isolate| window(*isolate)).collect(),
            links,
            ..Record::default()
        };
        assert_eq!(check(&record(&[0, 1, 0, 1], vec![link(0, &good)]), &job()), Ok(()));
        let said = |windows: &[u32], links| check(&record(windows, links), &job()).expect_err("refused");
        assert!(said(&[0, 2], Vec::new()).contains("isolate 2"));
        assert!(said(&[0, 1, 0], Vec::new()).contains("equally many"));
        assert!(said(&[0, 1], Vec::new()).contains("at least one more"));
        assert!(said(&[], Vec::new()).contains("said 0 windows"));
        assert!(said(&[0, 1, 0, 1], vec![link(0, "AB")]).contains("hexadecimal"));
        assert!(said(&[0, 1, 0, 1], vec![link(5, &good)]).contains("isolate 5"));
    }
}
