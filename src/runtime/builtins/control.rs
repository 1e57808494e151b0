//! Requirements, reverts, throws, `print`, and what only answers.

use super::super::isolate::Isolate;
use super::super::signal::{ErrorKind, Unwind};
use super::Function;
use super::args::Args;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    ("print", print),
    ("require", require),
    ("revert", revert),
    ("throw", |isolate, args| isolate.throw(args.first())),
    ("is_main", |_, _| Ok(Value::TRUE)),
    ("storage_begin_batch", |_, _| Ok(Value::NULL)),
    ("storage_commit_batch", |isolate, _| super::super::kept::commit_batch(isolate)),
    ("contract.restore", |isolate, args| super::super::kept::restore(isolate, args.first())),
];

fn print(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    isolate.print(args.base, args.passed)?;
    Ok(Value::NULL)
}

fn require(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    if args.first().truthy() {
        return Ok(Value::NULL);
    }
    let text = if args.count > 1 { Some(args.second()) } else { None };
    fail_with(isolate, ErrorKind::Requirement, "Requirement failed", text)
}

fn revert(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let text = if args.count > 0 { Some(args.first()) } else { None };
    fail_with(isolate, ErrorKind::Revert, "Transaction reverted", text)
}

#[cold]
fn fail_with(isolate: &mut Isolate, kind: ErrorKind, what: &str, text: Option<Value>) -> Result<Value, Unwind> {
    match text {
        None => isolate.fail_kind(kind, what),
        Some(text) => {
            let text = isolate.display(text)?;
            isolate.fail_kind(kind, &format!("{what}: {text}"))
        }
    }
}
