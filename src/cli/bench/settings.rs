//! `zx-bench.toml`: the flags of the command line, kept in a file.
//!
//! A key is a flag's long name. At the top it is for every command that has the flag; in a table
//! named like a command it is for that command alone. What is given on the command line wins.
//! `[param]` sets workload parameters, one by one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use toml::{Table, Value};

use crate::harness::outcome::Stop;
use crate::harness::suggest::did_you_mean;

use super::Arguments;

/// The file looked for in the working folder.
pub(super) const FILE: &str = "zx-bench.toml";

/// Flags that name the file itself or end the program.
const NOT_IN_FILE: [&str; 3] = ["config", "help", "version"];

/// Reads the command line, and what it leaves open from the file. A mistake in the command line
/// itself ends the program, as `clap` does.
pub(super) fn parse(words: &[OsString]) -> Result<Arguments, Stop> {
    let command = Arguments::command();
    let matches = command.clone().get_matches_from(words);
    let Some((name, of_command)) = matches.subcommand() else { return finish(&matches) };
    let Some(sub) = command.find_subcommand(name).filter(|sub| !sub.is_hide_set()) else { return finish(&matches) };
    let Some((path, table)) = read(&matches)? else { return finish(&matches) };
    let wrong = |message: String| Stop::usage(format!("{}: {message}", path.display()));
    check(&command, &table).map_err(wrong)?;
    let mut extra = Vec::new();
    let own = table.get(name).and_then(Value::as_table);
    let general = table.iter().filter(|(key, _)| own.is_none_or(|own| !own.contains_key(*key)));
    for (key, value) in own.into_iter().flatten().chain(general) {
        let Some(argument) = flag(&command, sub, key) else { continue };
        extra.extend(words_of(argument, key, value, of_command, &matches).map_err(wrong)?);
    }
    // Behind the command's name and before its own words: a later `--param` wins over an earlier.
    let at = words.iter().skip(1).position(|word| word == name).map_or(words.len(), |at| at + 2);
    let all = words[..at].iter().cloned().chain(extra).chain(words[at..].iter().cloned());
    finish(&command.clone().get_matches_from(all))
}

fn finish(matches: &ArgMatches) -> Result<Arguments, Stop> {
    Arguments::from_arg_matches(matches).map_err(|e| Stop::usage(e.to_string()))
}

/// The file that `--config` names, or the one in the working folder, if there is one.
fn read(matches: &ArgMatches) -> Result<Option<(PathBuf, Table)>, Stop> {
    let named = matches.get_one::<PathBuf>("config");
    let path = named.cloned().unwrap_or_else(|| FILE.into());
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => return Ok(None),
        Err(e) => return Err(Stop::usage(format!("cannot read {}: {e}", path.display()))),
    };
    let table = parse_text(&path, &text)?;
    Ok(Some((path, table)))
}

fn parse_text(path: &Path, text: &str) -> Result<Table, Stop> {
    text.parse().map_err(|e: toml::de::Error| Stop::usage(format!("{}: {}", path.display(), e.to_string().trim_end())))
}

/// Every key is known, whatever command runs now.
fn check(command: &Command, table: &Table) -> Result<(), String> {
    let commands: Vec<&Command> = command.get_subcommands().filter(|sub| !sub.is_hide_set()).collect();
    for (key, value) in table {
        let sub = commands.iter().find(|sub| sub.get_name() == key);
        match (sub, value) {
            (Some(sub), Value::Table(of_command)) => {
                if let Some(key) = of_command.keys().find(|key| flag(command, sub, key).is_none()) {
                    let names = names(command, &[*sub]);
                    let hint = did_you_mean(key, names.iter().map(String::as_str));
                    return Err(format!("[{}] has the unknown key `{key}`{hint}", sub.get_name()));
                }
            }
            _ if commands.iter().any(|sub| flag(command, sub, key).is_some()) => {}
            _ => {
                let mut names = names(command, &commands);
                names.extend(commands.iter().map(|sub| sub.get_name().to_owned()));
                let hint = did_you_mean(key, names.iter().map(String::as_str));
                return Err(format!(
                    "unknown key `{key}`{hint}: keys are the flags of `zx-bench run --help` and the like, without the dashes"
                ));
            }
        }
    }
    Ok(())
}

fn names(command: &Command, subs: &[&Command]) -> Vec<String> {
    let all = subs.iter().flat_map(|sub| sub.get_arguments()).chain(command.get_arguments());
    all.filter_map(|argument| argument.get_long())
        .filter(|name| !NOT_IN_FILE.contains(name))
        .map(str::to_owned)
        .collect()
}

/// The argument of a key: of the command itself, or one that all commands have.
fn flag<'a>(command: &'a Command, sub: &'a Command, key: &str) -> Option<&'a clap::Arg> {
    let mut all = sub.get_arguments().chain(command.get_arguments());
    all.find(|argument| argument.get_long() == Some(key) && !NOT_IN_FILE.contains(&key))
}

/// A key as words of the command line; none if the command line has it.
fn words_of(
    argument: &clap::Arg,
    key: &str,
    value: &Value,
    of_command: &ArgMatches,
    all: &ArgMatches,
) -> Result<Vec<OsString>, String> {
    let id = argument.get_id().as_str();
    let repeats = matches!(argument.get_action(), ArgAction::Append);
    let joins = argument.get_value_delimiter().is_some();
    let given = [of_command, all].iter().any(|matches| {
        let known = matches.try_contains_id(id).unwrap_or(false);
        known && matches.value_source(id) == Some(ValueSource::CommandLine)
    });
    if given && (joins || !repeats) {
        return Ok(Vec::new());
    }
    let word = |text: &str| OsString::from(format!("--{key}={text}"));
    let is_switch = matches!(argument.get_action(), ArgAction::SetTrue);
    match value {
        Value::Boolean(on) if is_switch => Ok(if *on { vec![format!("--{key}").into()] } else { Vec::new() }),
        _ if is_switch => Err(format!("`{key}` must be true or false, not {value}")),
        Value::Array(items) if joins => {
            let items: Result<Vec<String>, String> = items.iter().map(|item| scalar(key, item)).collect();
            Ok(vec![word(&items?.join(","))])
        }
        Value::Array(items) if repeats => items.iter().map(|item| scalar(key, item).map(|text| word(&text))).collect(),
        Value::Array(_) => Err(format!("`{key}` takes one value, not a list")),
        Value::Table(pairs) if repeats => {
            pairs.iter().map(|(name, value)| Ok(word(&format!("{name}={}", scalar(name, value)?)))).collect()
        }
        _ => Ok(vec![word(&scalar(key, value)?)]),
    }
}

fn scalar(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(flag) => Ok(flag.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
            Err(format!("`{key}` must be a text, a number, true or false, not {value}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<(), String> {
        let table = parse_text(Path::new("f"), text).map_err(|stop| stop.message)?;
        check(&Arguments::command(), &table)
    }

    #[test]
    fn unknown_keys_are_told_with_the_nearest() {
        assert_eq!(checked("threads = [1, 2]\nquick = true\n[run]\nprocesses = 7\n[param]\niterations = 5\n"), Ok(()));
        assert!(checked("thraeds = 1").expect_err("refused").contains("did you mean `threads`?"));
        assert!(checked("[run]\nprocess = 7").expect_err("refused").contains("did you mean `processes`?"));
        assert!(checked("[rum]\nprocesses = 7").expect_err("refused").contains("did you mean `run`?"));
        assert!(checked("config = 'x'").is_err(), "the file cannot name itself");
        assert!(checked("cell = 'x'").is_err(), "hidden commands have no keys");
        assert!(checked("a = = 1").is_err());
    }
}
