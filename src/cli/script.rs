//! `zx-run`: a program from a file, from standard input or from the command line, and tools over its text.

mod cache;
mod check;
mod dump;
mod format;
mod profile;
mod prompt;

use std::fmt::Write as _;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};

use crate::engine::{
    Cache, Engine, Failure, FailureKind, FileLoader, Isolate, Mode, OutputSink, Program, RunOptions, SyntaxErrors,
    TierEvent, TierProfile,
};

/// Exit statuses: see the README.
mod status {
    pub(super) const OK: i32 = 0;
    pub(super) const FAILED: i32 = 1;
    pub(super) const USAGE: i32 = 2;
    pub(super) const SYNTAX: i32 = 65;
    pub(super) const INTERRUPTED: i32 = 130;
}

/// How `--check` tells what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// For people, on standard error.
    Text,
    /// For tools: a JSON object a line, on standard output (docs/check.md).
    Json,
}

/// Runs a Zexus program. Hot code is compiled and taken over by itself; no flag is needed for that.
#[derive(Clone, Debug, Parser)]
#[command(name = "zx-run", version, about, max_term_width = 100)]
pub struct Arguments {
    /// The program, or `-` for standard input.
    /// Without one, at a terminal, there is a prompt.
    file: Option<PathBuf>,
    /// Arguments for the program (`args`).
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
    /// Run this text instead of a file; what follows goes to the program.
    #[arg(short = 'e', long = "eval", value_name = "CODE")]
    code: Option<String>,
    /// Another folder that modules may come from, beside the program's own and those below it (may be repeated).
    #[arg(long, value_name = "DIR")]
    allow_path: Vec<PathBuf>,
    /// Only look for syntax errors.
    #[arg(long)]
    check: bool,
    /// Format the files named, in place; with `--check` only name those that would change.
    #[arg(long, conflicts_with_all = ["code", "format"])]
    fmt: bool,
    /// How `--check` tells what it finds.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", requires = "check")]
    format: CheckFormat,
    /// Show gas, memory and time on standard error at the end.
    #[arg(long)]
    stats: bool,
    /// Show what was compiled, where and when, on standard error at the end.
    #[arg(long)]
    explain: bool,
    /// Write bytecode, Cranelift's form and machine code of what was compiled into this folder, for `--explain` in depth.
    #[arg(long, value_name = "DIR")]
    dump: Option<PathBuf>,
    /// Make machine code on a thread of its own, while the program goes on. What it does is the same.
    #[arg(long)]
    background_compile: bool,
    /// Show the emitted events on standard error at the end.
    #[arg(long)]
    events: bool,
    /// Show on standard error where the time went, by line and by action.
    #[arg(long, value_enum, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "table")]
    profile: Option<profile::ProfileForm>,
    /// Write collapsed stacks for flame-graph tools to this file.
    #[arg(long, value_name = "FILE")]
    profile_out: Option<PathBuf>,
    /// Gas that the script, or an input at the prompt, may use as one transaction.
    #[arg(long, value_name = "N")]
    gas_limit: Option<u64>,
    /// Logical bytes that the script may allocate (deterministic).
    #[arg(long, value_name = "BYTES")]
    alloc_limit: Option<u64>,
    /// Live memory in MiB after which the run is stopped (protects the host; not deterministic).
    #[arg(long, value_name = "MIB")]
    memory_limit: Option<u64>,
    /// Time after which the run (at the prompt: an input) is stopped, as `10s`, `500ms` or `2m`.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Seed of `random`; a run with the same seed draws the same numbers.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Keep `persistent` fields and the values of `persist_set` in this file, between runs.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Neither read nor write the cache of compiled programs.
    #[arg(long)]
    no_cache: bool,
    /// Show on standard error what the cache did for this run and what it holds; without a program, only the latter.
    #[arg(long)]
    cache_stats: bool,
    /// Empty the cache of compiled programs, and run nothing.
    #[arg(long, conflicts_with_all = ["file", "code", "no_cache"])]
    cache_clear: bool,
}

/// A time as the flags take it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is no time: write `10s`, `500ms` or `2m`"))?;
    let seconds = match unit {
        "ms" => number / 1_000.0,
        "s" | "" => number,
        "m" => number * 60.0,
        _ => return Err(format!("`{unit}` is no unit of time: use ms, s or m")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("`{text}` is no usable time"))
}

/// Runs the command; gives the exit status.
pub fn main(arguments: &Arguments) -> i32 {
    if arguments.fmt {
        if arguments.file.is_none() {
            return file_required();
        }
        let files = arguments.file.iter().map(PathBuf::as_path).chain(arguments.args.iter().map(Path::new));
        return format::run(files, arguments.check);
    }
    if arguments.file.is_none() && arguments.code.is_none() {
        if arguments.cache_stats || arguments.cache_clear {
            return cache::manage(arguments);
        }
        return without_program(arguments);
    }
    let (name, source) = match arguments.program() {
        Ok(read) => read,
        Err(message) => {
            tellln!("error: {message}");
            return status::USAGE;
        }
    };
    if arguments.check {
        return check::check(&name, &source, &arguments.loader(), arguments.format);
    }
    let cache = cache::for_run(arguments);
    if let Some(program) = cache.as_ref().and_then(|cache| cache.load(&source, &name, &arguments.loader())) {
        return run_and_store(arguments, &program, cache.as_ref());
    }
    let compile = if arguments.is_profiled() { Program::compile_for_profile } else { Program::compile_with };
    let program = match compile(&source, &name, &arguments.loader()) {
        Ok(program) => program,
        Err(errors) => return syntax_errors(&name, &errors),
    };
    run_and_store(arguments, &program, cache.as_ref())
}

/// Runs the program, and stores it when all that it says has been said.
fn run_and_store(arguments: &Arguments, program: &std::sync::Arc<Program>, cache: Option<&Cache>) -> i32 {
    let hint = cache.and_then(|cache| cache.profile(program));
    let mut learnt = TierProfile::default();
    let status = run(arguments, program, hint.as_ref(), &mut learnt);
    if status != status::INTERRUPTED {
        let how = cache::after_run(cache, program);
        if let (Some(cache), None, cache::Use::Hit | cache::Use::Miss(Some(_))) = (cache, &hint, &how) {
            cache.store_profile(program, &learnt);
        }
        if arguments.cache_stats {
            cache::show(cache, &how, program);
        }
    }
    status
}

/// A prompt at a terminal; elsewhere a program is needed.
fn without_program(arguments: &Arguments) -> i32 {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if is_terminal && !arguments.is_about_a_run() {
        return prompt::run(arguments);
    }
    file_required()
}

fn file_required() -> i32 {
    let message = "the following required arguments were not provided:\n  <FILE>";
    // A message that cannot be written leaves the exit status.
    let _ = Arguments::command().error(ErrorKind::MissingRequiredArgument, message).print();
    status::USAGE
}

/// Writes a tool's result to standard output. Gives `status`, unless it cannot be written; a reader that went away
/// has what it wanted.
fn say(text: &str, status: i32) -> i32 {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            tellln!("error: cannot write the output: {error}");
            status::FAILED
        }
        _ => status,
    }
}

/// Shows every syntax error of a file.
fn syntax_errors(name: &str, errors: &SyntaxErrors) -> i32 {
    tell!("{}", errors.rendered);
    let mut files: Vec<&str> = errors.problems.iter().map(|problem| problem.region.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    let place = match files[..] {
        [file] => file.to_owned(),
        [] => name.to_owned(),
        _ => format!("{} files", files.len()),
    };
    tellln!("{} syntax error{} in {place}", errors.count, if errors.count == 1 { "" } else { "s" });
    status::SYNTAX
}

impl Arguments {
    fn is_profiled(&self) -> bool {
        self.profile.is_some() || self.profile_out.is_some()
    }

    /// Whether a flag asks for something that only the run of a whole program has.
    fn is_about_a_run(&self) -> bool {
        let shows = self.stats || self.explain || self.events || self.is_profiled();
        shows || self.dump.is_some() || self.check || self.state.is_some()
    }

    /// The name and text of the program to run.
    fn program(&self) -> Result<(String, String), String> {
        match (&self.code, &self.file) {
            (Some(code), _) => Ok(("<command line>".to_owned(), code.clone())),
            (None, Some(file)) => read(file),
            (None, None) => Err("no program given: name a file, or `-` for standard input".to_owned()),
        }
    }

    /// Where its modules come from.
    fn loader(&self) -> FileLoader {
        let file = self.file.as_deref().filter(|file| self.code.is_none() && *file != Path::new("-"));
        FileLoader::new(file, &self.allow_path)
    }

    /// What the program gets as `args`: with `-e` there is no file, so the first word belongs to them.
    fn program_arguments(&self) -> Vec<String> {
        let first = self.file.iter().filter(|_| self.code.is_some()).map(|file| file.display().to_string());
        first.chain(self.args.iter().cloned()).collect()
    }
}

/// Runs the program with the hints of an earlier run; gives what the tier policy learnt in this one.
fn run(
    arguments: &Arguments,
    program: &std::sync::Arc<Program>,
    hint: Option<&TierProfile>,
    learnt: &mut TierProfile,
) -> i32 {
    let options = RunOptions {
        output: OutputSink::Stdout,
        gas_limit: arguments.gas_limit,
        alloc_limit: arguments.alloc_limit,
        memory_limit: arguments.memory_limit.map(|mib| mib << 20),
        timeout: arguments.timeout,
        seed: arguments.seed,
        args: arguments.program_arguments(),
        ..RunOptions::default()
    };
    let mut isolate = Isolate::new(&Engine::new(Mode::Adaptive), program, options);
    if let Some(error) = arguments.background_compile.then(|| program.compile_in_background().err()).flatten() {
        tellln!("error: --background-compile: {error}");
        return status::FAILED;
    }
    if let Some(hint) = hint {
        isolate.use_tier_profile(hint);
    }
    if arguments.events {
        isolate.keep_events();
    }
    if let Some(Err(error)) = arguments.state.as_deref().map(|path| isolate.keep_state(path)) {
        tellln!("error: --state: {error}");
        return status::USAGE;
    }
    let handle = isolate.interrupt_handle();
    // A second Ctrl-C ends the process at once, in case the first is not seen.
    let mut pressed = false;
    let _ = ctrlc::set_handler(move || {
        if std::mem::replace(&mut pressed, true) {
            std::process::exit(status::INTERRUPTED);
        }
        handle.stop();
    });
    if arguments.is_profiled() {
        isolate.start_profile();
    }
    if arguments.dump.is_some() {
        program.keep_native_texts();
    }
    let started = std::time::Instant::now();
    let result = isolate.run_once();
    let elapsed = started.elapsed();
    let kept = keep(&mut isolate, result.failure.as_ref());
    *learnt = isolate.tier_profile();
    show_extras(arguments, program, &isolate, elapsed);
    let written = profile::show(&mut isolate, arguments.profile, arguments.profile_out.as_deref());
    let written = written.and(dump::write(arguments.dump.as_deref(), program));
    let stopped = result.failure.as_ref().is_none_or(|failure| failure.kind == FailureKind::Interrupted);
    match isolate.output_failure() {
        // The reader went away: the program was stopped for want of one, which is no failure.
        Some(error) if stopped && error.kind() == std::io::ErrorKind::BrokenPipe => return status::OK,
        Some(error) if stopped => {
            tellln!("error: cannot write the output: {error}");
            return status::FAILED;
        }
        _ => {}
    }
    let Some(failure) = result.failure else { return written.and(kept).err().unwrap_or(status::OK) };
    tell!("{}", failure.rendered);
    if failure.kind == FailureKind::Interrupted && failure.message == "Interrupted" {
        status::INTERRUPTED
    } else {
        status::FAILED
    }
}

/// Keeps what stands at the end of a run, an uncaught error included: calls that failed have left no trace. A script that
/// ran out of gas or memory is a transaction that was undone: nothing of it is kept. Else gives the exit status.
fn keep(isolate: &mut Isolate, failure: Option<&Failure>) -> Result<(), i32> {
    match failure.map(|failure| failure.kind) {
        Some(FailureKind::OutOfGas | FailureKind::OutOfMemory) => Ok(()),
        Some(FailureKind::Error | FailureKind::Interrupted) | None => isolate.commit_kept().map_err(|message| {
            tellln!("error: --state: {message}");
            status::FAILED
        }),
    }
}

fn show_extras(arguments: &Arguments, program: &Program, isolate: &Isolate, elapsed: Duration) {
    if arguments.events {
        for event in isolate.events() {
            tellln!("event {event}");
        }
    }
    if arguments.explain {
        if program.is_loaded() {
            tellln!("loaded from the cache: runs in the vm from its first instruction");
        }
        for event in isolate.tier_events() {
            tellln!("{}", explained(&event));
        }
        for line in program.native_report() {
            tellln!("{line}");
        }
    }
    if arguments.stats {
        let counters = isolate.counters();
        let millis = |ns: u64| ns as f64 / 1e6;
        tellln!("gas used            {}", counters.gas);
        tellln!("logical bytes       {}", counters.logical_bytes);
        tellln!("objects allocated   {}", counters.allocations);
        tellln!("collections         {}", counters.collections);
        tellln!("live heap bytes     {}", counters.live_bytes);
        tellln!("events              {}", counters.events);
        tellln!("bytecode bytes      {}", counters.bytecode_bytes);
        tellln!("parse               {:.3} ms", millis(program.parse_ns()));
        tellln!("resolve             {:.3} ms", millis(program.resolve_ns()));
        tellln!("compile             {:.3} ms", millis(counters.compile_ns));
        tellln!("run                 {:.3} ms", elapsed.as_secs_f64() * 1e3);
        tellln!("texts parsed        {}", crate::engine::texts_parsed());
        if let Some(load) = program.load_ns() {
            tellln!("load from cache     {:.3} ms", millis(load));
        }
    }
}

/// A decision of the tier policy, as a line.
fn explained(event: &TierEvent) -> String {
    let TierEvent { kind, site, from, to, iteration, reason, .. } = event;
    let mut text = format!("{kind} {site}: {from} -> {to} after {iteration} ({reason})");
    if event.code_bytes > 0 {
        let _ = write!(text, ", compiled in {:.3} ms, {} bytes", event.compile_ns as f64 / 1e6, event.code_bytes);
    }
    if let Some(speedup) = event.speedup {
        let _ = write!(text, ", measured {speedup:.2}x");
    }
    text
}

/// The program's name and text.
fn read(file: &Path) -> Result<(String, String), String> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot read standard input: {error}"))?;
        return Ok(("<stdin>".to_owned(), text("standard input", bytes)?));
    }
    let name = file.display().to_string();
    if file.is_dir() {
        return Err(format!("{name} is a folder, not a program"));
    }
    let bytes = std::fs::read(file).map_err(|error| format!("cannot read {name}: {error}"))?;
    let source = text(&name, bytes)?;
    Ok((name, source))
}

fn text(name: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("{name} is not UTF-8 text (byte {at} does not belong to any character)")
    })
}
