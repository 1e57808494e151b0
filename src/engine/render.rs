//! Failures as users see them: message, place, source line with a caret, call stack, suggestion.

use std::fmt::Write;

use super::api::{Failure, FailureKind};
use super::program::Program;
use crate::runtime::info::{ActionId, ClassKind, Place, ProgramInfo};
use crate::runtime::{Interrupt, Isolate, NO_POSITION, Signal};
use crate::syntax::ast::Span;
use crate::syntax::{Diagnostic, diagnostic};

/// Describes what ended a run.
pub(super) fn failure(program: &Program, isolate: &mut Isolate) -> Failure {
    let (kind, message) = match isolate.signal {
        Signal::Error => (FailureKind::Error, error_message(isolate)),
        Signal::OutOfGas { .. } => (FailureKind::OutOfGas, "Out of gas".to_owned()),
        Signal::OutOfMemory => (FailureKind::OutOfMemory, "Out of memory".to_owned()),
        Signal::Interrupt(Interrupt::Timeout) => (FailureKind::Interrupted, "Time limit exceeded".to_owned()),
        Signal::Interrupt(Interrupt::Memory) => (FailureKind::Interrupted, "Memory limit exceeded".to_owned()),
        Signal::Interrupt(Interrupt::Host) => (FailureKind::Interrupted, "Interrupted".to_owned()),
        Signal::Dependency(_) => (FailureKind::Interrupted, "Waiting for another transaction".to_owned()),
    };
    let (place, trace) = site(isolate);
    let text = place.map(|(_, place)| program.sources.site(place.start));
    let rendered = render(program, isolate, &message, place, &trace);
    Failure { kind, message, place: text, rendered }
}

/// The longest text of a thrown value that is shown, in bytes.
const SHOWN_BYTES_MAX: i64 = 1 << 20;

fn error_message(isolate: &mut Isolate) -> String {
    let value = isolate.ledger.heap.error(isolate.error).message;
    // Showing a value is the host's work: it costs the program nothing.
    let (signal, error) = (isolate.signal, isolate.error);
    let gas = SHOWN_BYTES_MAX / crate::runtime::gas::TEXT_BYTES_PER_GAS as i64;
    let text = isolate.with_gas_beside(gas, |isolate| isolate.display(value));
    (isolate.signal, isolate.error) = (signal, error);
    text.unwrap_or_else(|_| "(a value too large or too deeply nested to show)".to_owned())
}

/// The calls around a failure, innermost first: the action called, and the byte offset of the call.
type Trace = Vec<(ActionId, u32)>;

/// Where it struck, and the calls around it: (action called, byte offset of the call).
fn site(isolate: &Isolate) -> (Option<(ActionId, Place)>, Trace) {
    if isolate.signal == Signal::Error {
        let trace = &isolate.ledger.heap.error(isolate.error).trace;
        return (isolate.error_place(), trace.iter().map(|&(action, position)| (ActionId(action), position)).collect());
    }
    match &isolate.signal_site {
        Some(site) => {
            (Some((site.action, site.place)), site.trace.iter().map(|entry| (entry.action, entry.position)).collect())
        }
        None => (None, Vec::new()),
    }
}

fn render(
    program: &Program,
    isolate: &Isolate,
    message: &str,
    place: Option<(ActionId, Place)>,
    trace: &[(ActionId, u32)],
) -> String {
    let mut out = match place {
        Some((action, place)) => {
            let diagnostic = Diagnostic::new(message, Span::new(place.start, place.end));
            let diagnostic = match suggestion(program, isolate, message, action) {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            };
            diagnostic::render(&program.sources, "error", &diagnostic, false)
        }
        None => format!("error: {message}\n"),
    };
    for (shown, (action, position)) in trace.iter().enumerate() {
        if shown == 16 {
            out.push_str("  ... and the calls around it\n");
            break;
        }
        let name = isolate.action_name(*action);
        let _ = match *position {
            NO_POSITION => writeln!(out, "  in {name}"),
            position => writeln!(out, "  in {name}, called at {}", program.sources.site(position)),
        };
    }
    out
}

/// Fields and methods of the entities and data of that name, or the members of the enums.
fn members_of<'a>(info: &'a ProgramInfo, name: &str) -> Vec<&'a str> {
    let records =
        info.classes.iter().filter(|class| class.kind != ClassKind::Contract && info.name(class.name) == name);
    let members = records.flat_map(|class| class.fields.iter().chain(class.actions.iter().map(|(symbol, _)| symbol)));
    let enums = info.enums.iter().filter(|each| info.name(each.name) == name);
    let values = enums.flat_map(|each| each.members.iter().map(|(symbol, _)| symbol));
    members.chain(values).map(|&symbol| info.name(symbol)).collect()
}

/// The nesting of syntax is bounded by this, so no action stands in more.
const ACTIONS_AROUND_MAX: usize = 256;

/// What a name in the action may mean before the globals: its variables and those of the actions around it, innermost
/// first, then fields and actions of its contract.
fn names_in_scope(info: &ProgramInfo, action: ActionId) -> Vec<&str> {
    let around = |action: &ActionId| info.action(*action).around;
    let actions = std::iter::successors(Some(action), around).take(ACTIONS_AROUND_MAX);
    let variables = actions.flat_map(|action| &info.action(action).names);
    let class = info.action(action).class.map(|class| info.class(class));
    let members =
        class.into_iter().flat_map(|class| class.fields.iter().chain(class.actions.iter().map(|(name, _)| name)));
    // No text can have the names that the runtime makes up for itself.
    let written = |name: &&str| name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    variables.chain(members).map(|&symbol| info.name(symbol)).filter(written).filter(|name| *name != "this").collect()
}

fn suggestion(program: &Program, isolate: &Isolate, message: &str, action: ActionId) -> Option<String> {
    let info = &program.info;
    if message.contains("NULL") && message.starts_with("Type mismatch") {
        return Some("a missing key reads null: use `b[k] || 0`".to_owned());
    }
    let quoted = message.split('\'').nth(1)?;
    let nearest = |candidates: Vec<&str>| -> Option<String> {
        diagnostic::nearest(quoted, candidates.into_iter()).map(|name| format!("did you mean `{name}`?"))
    };
    if message.starts_with("Identifier") {
        match quoted {
            "None" | "nil" | "undefined" | "Null" => return Some("the absence of a value is `null`".to_owned()),
            "True" | "False" => return Some(format!("did you mean `{}`?", quoted.to_lowercase())),
            _ => {}
        }
        let globals = info.globals.iter().map(|&symbol| info.name(symbol));
        let builtins = crate::runtime::names::BUILTINS.iter().map(|builtin| builtin.0);
        return nearest(names_in_scope(info, action).into_iter().chain(globals).chain(builtins).collect());
    }
    if let Some((head, "field" | "member")) =
        message.split_once(" has no ").map(|(head, rest)| (head, rest.split(' ').next().unwrap_or_default()))
    {
        let name = head.rsplit(' ').next()?;
        let is_builtin = matches!(name, "string" | "bytes" | "list");
        return nearest(if is_builtin { vec!["length"] } else { members_of(info, name) });
    }
    if message.starts_with("Method") {
        let class = message.rsplit(' ').next().map(|name| members_of(info, name)).filter(|members| !members.is_empty());
        if let Some(members) = class {
            return nearest(members);
        }
        return nearest(crate::runtime::methods_of(message.rsplit(' ').next()?).collect());
    }
    if message.starts_with("Action") && message.contains("not found in contract") {
        let class = message.rsplit(' ').next()?;
        let class = info.classes.iter().find(|each| info.name(each.name) == class)?;
        return nearest(class.actions.iter().map(|(symbol, _)| isolate.info.name(*symbol)).collect());
    }
    None
}
