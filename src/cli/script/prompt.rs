//! `zx-run` at a terminal without a program: a prompt. Inputs go to a [`Session`]; lines that begin with `:` are for
//! the prompt itself.

use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, Helper};

use super::{Arguments, status};
use crate::engine::{Engine, Inputs, InterruptHandle, Mode, OutputSink, Reply, RunOptions, Session};

const HELP: &str = "\
An input is one or more statements; it goes on over lines while a bracket is open. The value of an expression is shown.
:load FILE   run a file as one input
:names       what can be named
:quit        end (so does Ctrl-D)
:reset       forget everything
:stats       gas of the last input, memory of the session
:type EXPR   the type of a value
";

/// The commands of the prompt.
const COMMANDS: [&str; 7] = [":help", ":load", ":names", ":quit", ":reset", ":stats", ":type"];

/// The session, shared with completion.
type Shared<'a> = Rc<RefCell<Session<'a>>>;

/// Knows when an input is whole, and what may stand at the cursor.
struct Assistant<'a> {
    session: Shared<'a>,
}

impl Helper for Assistant<'_> {}
impl Highlighter for Assistant<'_> {}
impl Hinter for Assistant<'_> {
    type Hint = String;
}

impl Validator for Assistant<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        let incomplete = !input.starts_with(':') && Session::is_incomplete(input);
        Ok(if incomplete { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Completer for Assistant<'_> {
    type Candidate = String;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&self.session.borrow(), line, cursor))
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Where the word at the cursor begins, and what it may become.
fn complete(session: &Session<'_>, line: &str, cursor: usize) -> (usize, Vec<String>) {
    let before = &line[..cursor];
    let start = before.trim_end_matches(is_name).len();
    let word = &before[start..];
    let candidates = match before[..start].strip_suffix('.') {
        Some(object) => session.members(&object[object.trim_end_matches(is_name).len()..]),
        None if start == 1 && before.starts_with(':') => COMMANDS.map(|command| command[1..].to_owned()).to_vec(),
        None => session.names(),
    };
    (start, candidates.into_iter().filter(|name| name.starts_with(word)).collect())
}

/// Speaks until the user has done; gives the exit status.
pub(super) fn run(arguments: &Arguments) -> i32 {
    let inputs = Inputs::default();
    let session: Shared<'_> = Rc::new(RefCell::new(fresh(&inputs, arguments)));
    let handle = Arc::new(Mutex::new(session.borrow().interrupt_handle()));
    let stops = handle.clone();
    // At the prompt itself Ctrl-C is a key; this is for an input that runs.
    let _ = ctrlc::set_handler(move || stops.lock().unwrap_or_else(PoisonError::into_inner).stop());
    let mut editor = match Editor::<Assistant<'_>, DefaultHistory>::with_config(Config::builder().build()) {
        Ok(editor) => editor,
        Err(error) => {
            tellln!("error: cannot use the terminal: {error}");
            return status::FAILED;
        }
    };
    editor.set_helper(Some(Assistant { session: session.clone() }));
    let history = history_file();
    if let Some(file) = &history {
        // There is none before the first time.
        let _ = editor.load_history(file);
    }
    show(&format!("zx-run {}. :help tells more, Ctrl-D ends.\n", env!("CARGO_PKG_VERSION")));
    let status = speak(&mut editor, &session, &inputs, arguments, &handle);
    if let Some(file) = &history {
        // A history that cannot be kept is no reason to complain at the end of a session.
        let _ = file.parent().map(std::fs::create_dir_all);
        let _ = editor.save_history(file);
    }
    status
}

fn speak<'a>(
    editor: &mut Editor<Assistant<'a>, DefaultHistory>,
    session: &Shared<'a>,
    inputs: &'a Inputs,
    arguments: &Arguments,
    handle: &Mutex<InterruptHandle>,
) -> i32 {
    loop {
        let line = match editor.readline("> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return status::OK,
            Err(error) => {
                tellln!("error: cannot read the terminal: {error}");
                return status::FAILED;
            }
        };
        if line.trim().is_empty() {
            continue;
        }
        // A history without this line is still of use.
        let _ = editor.add_history_entry(line.as_str());
        match line.strip_prefix(':').map(|command| command.trim().split_once(' ').unwrap_or((command.trim(), ""))) {
            None => input(&mut session.borrow_mut(), arguments.timeout, &line),
            Some(("quit" | "q", _)) => return status::OK,
            Some(("reset", _)) => {
                *session.borrow_mut() = fresh(inputs, arguments);
                *handle.lock().unwrap_or_else(PoisonError::into_inner) = session.borrow().interrupt_handle();
            }
            Some((command, rest)) => run_command(&mut session.borrow_mut(), arguments.timeout, command, rest.trim()),
        }
    }
}

/// Runs an input, at most so long, and shows what became of it.
fn input(session: &mut Session<'_>, timeout: Option<Duration>, text: &str) {
    let Some(limit) = timeout else { return reply(session.input(text)) };
    let (ends, ended) = std::sync::mpsc::channel::<()>();
    let handle = session.interrupt_handle();
    let became = std::thread::scope(|scope| {
        scope.spawn(move || {
            if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                handle.time_out();
            }
        });
        let became = session.input(text);
        drop(ends);
        became
    });
    reply(became);
}

fn run_command(session: &mut Session<'_>, timeout: Option<Duration>, command: &str, rest: &str) {
    match command {
        "help" | "h" => show(HELP),
        "names" => show(&format!("{}\n", session.names().join(" "))),
        "type" => input(session, timeout, &format!("typeof({rest})")),
        "load" => match super::read(std::path::Path::new(rest)) {
            Ok((_, source)) => input(session, timeout, &source),
            Err(message) => tellln!("error: {message}"),
        },
        "stats" => {
            let counters = session.counters();
            show(&format!(
                "gas of the last input {}\nlogical bytes of it   {}\nlive heap bytes       {}\ncollections           {}\n",
                counters.gas, counters.logical_bytes, counters.live_bytes, counters.collections
            ));
        }
        _ => tellln!("error: there is no command :{command}; :help names them"),
    }
}

fn reply(reply: Reply) {
    match reply {
        Reply::Done(None) => {}
        Reply::Done(Some(text)) => show(&format!("{text}\n")),
        Reply::Failed(failure) => tell!("{}", failure.rendered),
        Reply::Invalid(errors) => tell!("{}", errors.rendered),
    }
}

/// Writes to the terminal. If that has gone, reading the next line tells.
fn show(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn fresh<'a>(inputs: &'a Inputs, arguments: &Arguments) -> Session<'a> {
    let options = RunOptions {
        output: OutputSink::Stdout,
        gas_limit: arguments.gas_limit,
        alloc_limit: arguments.alloc_limit,
        memory_limit: arguments.memory_limit.map(|mib| mib << 20),
        seed: arguments.seed,
        ..RunOptions::default()
    };
    Session::new(&Engine::new(Mode::Adaptive), inputs, Box::new(arguments.loader()), options)
}

/// Where the history is kept: `zx-run/history` in the user's folder for state.
fn history_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("zx-run/history"))
}
