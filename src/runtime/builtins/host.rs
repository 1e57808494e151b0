//! The world outside: time, files, input, and values that outlive a call. In a block transaction time is the
//! transaction's and the rest is refused, since every node must find the same.

use std::io::{BufRead, Read, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::super::gas::{self, TEXT_BYTES_MAX};
use super::super::isolate::Isolate;
use super::super::output::Output;
use super::super::signal::{ErrorKind, Unwind};
use super::Function;
use super::args::Args;
use super::json::{parse_json, stringify_json};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    ("time", time),
    ("time_now", time),
    ("now", time),
    ("timestamp", time),
    ("sleep", sleep),
    ("input", input),
    ("file_read_text", file_read_text),
    ("file_write_text", file_write_text),
    ("file_exists", file_exists),
    ("file_read_json", file_read_json),
    ("file_write_json", file_write_json),
    ("persist_get", persist_get),
    ("persist_set", persist_set),
];

/// How long `sleep` sleeps before it looks whether the host wants to stop.
const SLEEP_SLICE: Duration = Duration::from_millis(50);

/// Milliseconds since 1970, with a fraction.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a builtin")]
fn time(isolate: &mut Isolate, _: &Args) -> Result<Value, Unwind> {
    if isolate.tx.in_block {
        return Ok(Value::float(isolate.tx.timestamp));
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Value::float(since.as_secs_f64() * 1000.0))
}

/// An error in a block transaction.
fn outside_blocks(isolate: &mut Isolate, args: &Args) -> Result<(), Unwind> {
    if isolate.tx.in_block {
        let message = format!("{}() is not available in a block transaction", args.name);
        return isolate.fail_kind(ErrorKind::Forbidden, &message);
    }
    Ok(())
}

/// `sleep(ms)`; ends early when the host wants to stop, which the next poll serves.
fn sleep(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    outside_blocks(isolate, args)?;
    if !args.first().is_number() {
        return isolate.needs(args, "a number", args.first());
    }
    let milliseconds = isolate.to_float(args.first());
    let Ok(length) = Duration::try_from_secs_f64(milliseconds / 1000.0) else {
        return isolate.fail("sleep() needs a number of milliseconds that is not negative");
    };
    isolate.output.flush();
    let started = Instant::now();
    while let Some(left) = length.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
        isolate.check_stop()?;
        std::thread::sleep(left.min(SLEEP_SLICE));
    }
    Ok(Value::NULL)
}

/// `input([prompt])`: one line of standard input without its end; null at the end of the input.
fn input(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    outside_blocks(isolate, args)?;
    if args.count > 0 {
        let prompt = isolate.display(args.first())?;
        write_prompt(&mut isolate.output, &prompt);
    }
    isolate.output.flush();
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) => Ok(Value::NULL),
        Ok(_) => {
            let line = line.strip_suffix('\n').unwrap_or(&line);
            isolate.new_string(line.strip_suffix('\r').unwrap_or(line))
        }
        Err(error) => isolate.fail(&format!("Cannot read the input: {error}")),
    }
}

fn write_prompt(output: &mut Output, prompt: &str) {
    match output {
        Output::Stdout { buffer, .. } => {
            let _ = buffer.write_all(prompt.as_bytes());
        }
        Output::Capture(kept) => kept.push_str(prompt),
        Output::Digest(hasher) => {
            hasher.update(prompt.as_bytes());
        }
    }
}

fn path(isolate: &mut Isolate, args: &Args) -> Result<String, Unwind> {
    outside_blocks(isolate, args)?;
    let path = isolate.need_text(args, args.first())?;
    Ok(isolate.ledger.heap.str(path).to_owned())
}

/// A file's text; what is longer than a text may be (`/dev/zero` never ends) is refused.
fn read_file(isolate: &mut Isolate, path: &str) -> Result<String, Unwind> {
    let mut text = String::new();
    let opened = std::fs::File::open(path);
    match opened.and_then(|file| file.take(TEXT_BYTES_MAX as u64 + 1).read_to_string(&mut text)) {
        Ok(length) if length > TEXT_BYTES_MAX => {
            isolate.fail(&format!("Cannot read file '{path}': it is longer than 1 GiB"))
        }
        Ok(_) => Ok(text),
        Err(error) => isolate.fail(&format!("Cannot read file '{path}': {error}")),
    }
}

fn write_file(isolate: &mut Isolate, args: &Args, text: &str) -> Result<Value, Unwind> {
    let path = path(isolate, args)?;
    match std::fs::write(&path, text) {
        Ok(()) => Ok(Value::TRUE),
        Err(error) => isolate.fail(&format!("Cannot write file '{path}': {error}")),
    }
}

fn file_read_text(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let path = path(isolate, args)?;
    let text = read_file(isolate, &path)?;
    isolate.new_string(&text)
}

fn file_write_text(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    outside_blocks(isolate, args)?;
    let text = isolate.display(args.second())?;
    write_file(isolate, args, &text)
}

fn file_exists(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let path = path(isolate, args)?;
    Ok(Value::bool(std::path::Path::new(&path).exists()))
}

fn file_read_json(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let path = path(isolate, args)?;
    let text = read_file(isolate, &path)?;
    parse_json(isolate, &text, &format!(" in file '{path}'"))
}

fn file_write_json(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    outside_blocks(isolate, args)?;
    let text = stringify_json(isolate, args.second(), None)?;
    write_file(isolate, args, &text)
}

/// `persist_get(k[, default])`: a copy of what was stored.
fn persist_get(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let key = isolate.map_key(args.first())?;
    match isolate.ledger.entry(isolate.ledger.persisted, key) {
        Some(value) => isolate.leave_copy(value, false),
        None => Ok(args.second()),
    }
}

/// `persist_set(k, v)`: stores a copy, undone with the contract call that did it; gives null.
fn persist_set(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    isolate.check_view("store a value")?;
    let key = isolate.map_key(args.first())?;
    let value = isolate.stored_value(args.second(), crate::ledger::place::PERSISTED, false)?;
    let persisted = isolate.ledger.persisted;
    if isolate.ledger.entry(persisted, key).is_none() {
        isolate.charge_large(1)?;
        isolate.charge_bytes(gas::ENTRY_BYTES)?;
    }
    let key = isolate.ledger.heap.owned(key);
    isolate.ledger.map_set(persisted, key, value);
    Ok(Value::NULL)
}
