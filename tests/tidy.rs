//! Rules over the sources and documents that no compiler checks: see each test's name.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;

/// From the top to the bottom: a room may import those below it.
const ROOMS: [&str; 17] = [
    "cli", "report", "harness", "stats", "parallel", "engine", "cache", "native", "vm", "bytecode", "eval", "resolve",
    "format", "syntax", "runtime", "ledger", "value",
];

/// Edges that point up, and why they may.
const ALSO: [(&str, &str, &str); 1] = [(
    "harness",
    "report",
    "measured rows are written as the report's records, so that the columns stand in one place",
)];

/// Edges that point down and are forbidden all the same, and why.
const NEVER: [(&str, &[&str], &str); 10] = [
    ("vm", &["eval"], "tiers never import one another"),
    ("native", &["vm", "eval"], "tiers never import one another"),
    ("bytecode", &["eval"], "bytecode is made from the resolved tree, never run"),
    ("report", &["harness", "parallel", "engine"], "a report reads records, it never runs anything"),
    ("stats", &["parallel", "engine"], "pure functions over slices"),
    ("resolve", &["format"], "a program is resolved as it is written"),
    ("syntax", &["runtime", "ledger", "value"], "syntax knows nothing of run time"),
    // The four rooms above the engine see its plain data alone.
    ("cli", BELOW_ENGINE, "nothing above the engine sees a value"),
    ("harness", BELOW_ENGINE, "nothing above the engine sees a value"),
    ("parallel", BELOW_ENGINE, "nothing above the engine sees a value"),
];

const BELOW_ENGINE: &[&str] =
    &["cache", "native", "vm", "bytecode", "eval", "resolve", "syntax", "runtime", "ledger", "value"];

/// Files that may be longer than [`LONGEST`], and why.
const LONG: [(&str, &str); 0] = [];
const LONGEST: usize = 800;

/// Rooms in which `unsafe` may stand.
const UNSAFE: [&str; 3] = ["value", "vm", "native"];

/// Texts that look like paths of a machine and are none, and why.
const NO_MACHINE: [(&str, &str, &str); 1] =
    [("src/report/charts/tests.rs", "/tmp/x.gif", "a chart's name that is refused before anything is opened")];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder with its path from the root, sorted.
fn files(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                walk(&path, found);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
}

/// The Rust files below `src`.
fn sources() -> Vec<(String, String)> {
    let rust = |(name, _): &(String, String)| Path::new(name).extension().is_some_and(|extension| extension == "rs");
    let found: Vec<(String, String)> = files("src").into_iter().filter(rust).collect();
    assert!(found.len() > 50, "the sources were not found");
    found
}

/// The room of a source file: `src/ROOM/...`.
fn room(name: &str) -> Option<&str> {
    let (room, _) = name.strip_prefix("src/")?.split_once('/')?;
    (room != "bin").then_some(room)
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/")
}

#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// The code of a Rust file: comments, strings and characters are blanked, lines stay.
fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = blank_end(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { c } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment, string or character that starts here ends; `at` if none does.
fn blank_end(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    let find = |from: usize, wanted: &dyn Fn(usize) -> bool| (from..chars.len()).find(|&at| wanted(at));
    match chars[at] {
        '/' if next == Some('/') => find(at, &|at| chars[at] == '\n').unwrap_or(chars.len()),
        '/' if next == Some('*') => {
            let (mut depth, mut at) = (1, at + 2);
            while depth > 0 && at < chars.len() {
                let step = match (chars[at], chars.get(at + 1)) {
                    ('/', Some('*')) => 1,
                    ('*', Some('/')) => -1,
                    _ => 0,
                };
                depth += step;
                at += if step == 0 { 1 } else { 2 };
            }
            at
        }
        'r' if !word_before || chars[at - 1] == 'b' => {
            let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
            if chars.get(at + 1 + hashes) != Some(&'"') {
                return at;
            }
            let closes = |at: usize| {
                chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
            };
            find(at + 2 + hashes, &closes).map_or(chars.len(), |at| at + 1 + hashes)
        }
        '"' => {
            let mut at = at + 1;
            while at < chars.len() && chars[at] != '"' {
                at += if chars[at] == '\\' { 2 } else { 1 };
            }
            (at + 1).min(chars.len())
        }
        // A character, not a lifetime.
        '\'' if next == Some('\\') => find(at + 3, &|at| chars[at] == '\'').map_or(chars.len(), |at| at + 1),
        '\'' if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

#[test]
fn the_blanking_keeps_code_alone() {
    let text = "a /* b /* c */ d */ e // f\n\"g \\\" h\" r#\"i \" j\"# '\\'' 'k' &'l str b'm' \"n";
    assert_eq!(code(text).split_whitespace().collect::<Vec<_>>(), ["a", "e", "&'l", "str", "b"]);
}

/// The words of code with what stands directly before each.
fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// Rooms that the code of a file names by `crate::`, or by as many `super::` as lead to the root.
fn imports(name: &str, code: &str) -> BTreeSet<String> {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let squeezed: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut depth = name.matches('/').count();
    if name.ends_with("/mod.rs") {
        depth -= 1;
    }
    let mut found = BTreeSet::new();
    for start in ["crate::".to_owned(), "zx::".to_owned(), "super::".repeat(depth)] {
        let ends_a_path =
            |before: &str| before.ends_with("::") || before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        for (at, _) in squeezed.match_indices(&start).filter(|(at, _)| !ends_a_path(&squeezed[..*at])) {
            let rest = &squeezed[at + start.len()..];
            if let Some(group) = rest.strip_prefix('{') {
                // `use crate::{a::b, c::{d, e}}`: the names at the group's own level.
                let mut level = 0;
                let mut own = String::new();
                for c in group.chars() {
                    match c {
                        '{' => level += 1,
                        '}' if level == 0 => break,
                        '}' => level -= 1,
                        _ if level == 0 => own.push(c),
                        _ => {}
                    }
                }
                found.extend(own.split(',').filter_map(|part| words(part).next().map(str::to_owned)));
            } else {
                found.extend(words(rest).next().map(str::to_owned));
            }
        }
    }
    found.retain(|found| ROOMS.contains(&found.as_str()));
    found
}

#[test]
fn imports_are_found() {
    let found = imports("src/vm/mod.rs", "use crate::{eval::x, value::{self, ledger}};\nfn f() { super::stats::x() }");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["eval", "stats", "value"]);
    let found = imports(
        "src/vm/a/b.rs",
        "use super::eval; use super::super::super::engine;\n#[cfg(test)]\nmod tests { use crate::cli; }",
    );
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["engine"]);
}

#[test]
fn imports_between_rooms_point_down() {
    let place = |room: &str| ROOMS.iter().position(|each| *each == room);
    let mut problems = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| !is_test(name)) {
        let imports = imports(name, &code(text));
        let Some(own) = room(name) else {
            let allowed = |room: &String| name == "src/lib.rs" || room == "cli";
            problems.extend(
                imports
                    .iter()
                    .filter(|room| !allowed(room))
                    .map(|room| format!("{name} imports {room}: a binary calls cli")),
            );
            continue;
        };
        let Some(here) = place(own) else {
            problems.push(format!("{name}: no such room; add it to ROOMS and to ARCHITECTURE.md"));
            continue;
        };
        for other in imports.iter().filter(|other| *other != own) {
            if place(other) < Some(here) && !ALSO.iter().any(|edge| (edge.0, edge.1) == (own, other)) {
                problems.push(format!("{name} imports {other}, which stands above {own}"));
            }
            for (_, _, reason) in NEVER.iter().filter(|edge| edge.0 == own && edge.1.contains(&other.as_str())) {
                problems.push(format!("{name} imports {other}: {reason}"));
            }
        }
    }
    none(&problems);
}

#[test]
fn rooms_say_what_they_are_for() {
    let mut problems = Vec::new();
    for entry in fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap();
        if !entry.is_dir() || name == "bin" {
            continue;
        }
        let text = fs::read_to_string(entry.join("mod.rs")).unwrap_or_default();
        let opening = text.lines().take_while(|line| line.starts_with("//!")).filter(|line| line.len() > 4).count();
        if opening < 2 {
            problems.push(format!("src/{name}/mod.rs opens with {opening} lines of `//!`: say what the room is for, may know, must never do"));
        }
    }
    none(&problems);
}

#[test]
fn files_are_short() {
    let mut problems = Vec::new();
    let written = |(name, _): &(String, String)| !name.ends_with("Cargo.lock"); // those are made by cargo
    for (name, text) in sources().into_iter().chain(files("tests")).chain(files("benches")).filter(written) {
        let (lines, limit) = (text.lines().count(), if name.starts_with("src/bin/") { 80 } else { LONGEST });
        if lines > limit && !LONG.iter().any(|(long, _)| *long == name) {
            problems.push(format!(
                "{name} has {lines} lines, more than {limit}: split it by idea, or add it to LONG with a reason"
            ));
        }
    }
    none(&problems);
}

#[test]
fn unsafe_code_stands_in_the_marked_rooms() {
    let mut problems = Vec::new();
    for (name, text) in sources() {
        let code = code(&text);
        if !words(&code).any(|word| word == "unsafe") {
            continue;
        }
        if !room(&name).is_some_and(|room| UNSAFE.contains(&room)) {
            problems.push(format!("{name} has unsafe code; only {UNSAFE:?} may"));
        }
        // The lint does not know of naked functions: what it would not fire on cannot be expected.
        let code = code.split_whitespace().collect::<String>();
        let marks = ["expect(unsafe_code", "allow(unsafe_code"];
        let marks = if code.contains("unsafe(naked)") { &marks[..] } else { &marks[..1] };
        if !marks.iter().any(|mark| code.contains(mark)) {
            problems.push(format!("{name} has unsafe code and no `expect(unsafe_code, reason = ...)`"));
        }
    }
    none(&problems);
}

#[test]
fn nothing_is_left_for_later() {
    let mut problems = Vec::new();
    for (name, text) in sources() {
        let code = code(&text);
        for left in ["todo!", "unimplemented!", "dbg!", "#[ignore"] {
            if code.contains(left) {
                problems.push(format!("{name} has `{left}`"));
            }
        }
    }
    none(&problems);
}

#[test]
fn no_path_of_a_machine() {
    let roots = ["work", "tmp", "root", "home", "Users"].map(|root| format!("/{root}/"));
    let mut problems = Vec::new();
    for (name, text) in ["src", "docs", "ci", "workloads", "benches", ".ci"].into_iter().flat_map(files) {
        for (line, text) in text.lines().enumerate() {
            let stands_alone =
                |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "_-./*}<>".contains(c));
            let known =
                |at: usize| NO_MACHINE.iter().any(|(file, path, _)| *file == name && text[at..].starts_with(path));
            let found = roots
                .iter()
                .flat_map(|root| text.match_indices(root.as_str()))
                .any(|(at, _)| stands_alone(at) && !known(at));
            if found {
                problems.push(format!("{name}:{}: {}", line + 1, text.trim()));
            }
        }
    }
    none(&problems);
}

const DOCUMENTS: [&str; 8] = [
    "docs/language.md",
    "docs/check.md",
    "README.md",
    "ARCHITECTURE.md",
    "METHODOLOGY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "ci/README.md",
];

/// What a document names: text in backticks and targets of links outside fences, and lines of fenced shell text.
fn named(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut spans, mut commands) = (Vec::new(), Vec::new());
    let mut fence: Option<bool> = None;
    for line in text.lines() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            fence = match fence {
                Some(_) => None,
                None => Some(matches!(info.trim(), "" | "sh" | "bash" | "shell" | "console")),
            };
        } else if let Some(is_shell) = fence {
            if is_shell {
                commands.push(line.trim().trim_start_matches("$ ").to_owned());
            }
        } else {
            let parts = line.split('`').collect::<Vec<_>>();
            spans.extend(parts.iter().skip(1).step_by(2).map(|part| (*part).to_owned()));
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            let own = targets.filter(|target| !target.contains("://") && !target.starts_with(['#', 'm']));
            spans.extend(own.map(|target| format!("./{}", target.split('#').next().unwrap())));
        }
    }
    commands.extend(spans.iter().filter(|span| span.contains(' ')).cloned());
    (spans, commands)
}

/// Whether a word is a path of this project that does not exist.
fn is_missing(word: &str) -> bool {
    let link = word.starts_with("./");
    let word = word.trim_start_matches("./").trim_end_matches(['.', ',', ';', ':']);
    // With a line number, or a pattern: what stands before it.
    let word = word.split(".rs:").next().map_or_else(String::new, |first| {
        if first.len() < word.len() { format!("{first}.rs") } else { first.to_owned() }
    });
    let word = word.split(['*', '{', '<', '$']).next().unwrap();
    let generated =
        ["reports/", "target/", "tests/snapshots/", "zx-bench.toml"].iter().any(|folder| word.starts_with(folder));
    if word.is_empty()
        || generated
        || word.starts_with(['/', '~', '-', '='])
        || word.contains([' ', '(', '"', '|'])
        || word.contains("::")
    {
        return false;
    }
    let first = word.split('/').next().unwrap();
    let top = ["src", "tests", "benches", "ci", ".ci", "workloads", "docs", "examples"];
    let is_document = !word.contains('/') && [".md", ".toml"].iter().any(|end| word.ends_with(end));
    let is_source = [".rs", ".sh", ".zx"].iter().any(|end| word.ends_with(end)) && word.contains('/');
    let is_room = word.contains('/') && ROOMS.contains(&first);
    if !(link || is_document || is_source || is_room || word.contains('/') && top.contains(&first)) {
        return false;
    }
    // A pattern's folder, or the path itself, from the root or from `src`.
    let path = if word.ends_with(['-', '_']) { word.rsplit_once('/').map_or("", |parts| parts.0) } else { word };
    !["", "src", "tests", "ci"].iter().any(|folder| root().join(folder).join(path).exists())
}

#[test]
fn documents_name_paths_that_exist() {
    assert!(is_missing("src/nowhere.rs") && is_missing("./NOTHING.md") && is_missing("docs/none"));
    assert!(
        !is_missing("src/lib.rs")
            && !is_missing("tests/cases/*.zx")
            && !is_missing("tx/s")
            && !is_missing("src/lib.rs:3")
    );
    let mut problems = Vec::new();
    for document in DOCUMENTS {
        let Ok(text) = fs::read_to_string(root().join(document)) else { continue };
        let (spans, commands) = named(&text);
        let words =
            commands.iter().flat_map(|command| command.split_whitespace()).filter(|word| !word.starts_with('.'));
        let missing: BTreeSet<&str> =
            spans.iter().map(String::as_str).chain(words).filter(|word| is_missing(word)).collect();
        problems.extend(missing.iter().map(|word| format!("{document} names {word}, which does not exist")));
    }
    none(&problems);
}

/// What is wrong with a command that a document names.
fn fault(command: &str) -> Option<String> {
    let command = command.split(" #").next().unwrap();
    let mut words =
        command.split_whitespace().skip_while(|word| word.contains('=') && !word.starts_with('-')).peekable();
    let program = words.next()?.rsplit('/').next()?;
    if program != "cargo" {
        return own_fault(program, words);
    }
    let subcommand = words.next().unwrap_or_default();
    if !["run", "test", "build", "bench", "clippy", "fmt", "doc", "install", "check"].contains(&subcommand) {
        return Some(format!("cargo has no `{subcommand}` that this project uses"));
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut binary = "zx-bench";
    while let Some(word) = words.next() {
        if word == "--" {
            return if subcommand == "run" { own_fault(binary, words) } else { None };
        }
        let place = match word {
            "--bin" => "src/bin",
            "--test" => "tests",
            "--bench" => "benches",
            "--example" => "examples",
            "--features" => {
                let feature = words.next().unwrap_or_default();
                if !manifest.contains(&format!("\n{feature} = [")) {
                    return Some(format!("there is no feature `{feature}`"));
                }
                continue;
            }
            _ => continue,
        };
        let name = words.next().unwrap_or_default();
        if matches!(word, "--bin" | "--example") {
            binary = name;
        }
        if !root().join(place).join(format!("{name}.rs")).exists() {
            return Some(format!("there is no {place}/{name}.rs"));
        }
    }
    None
}

/// The same for a command of this project: its subcommand and flags.
fn own_fault<'a>(program: &str, words: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut command = match program {
        "zx-run" => zx::cli::script::Arguments::command(),
        "zx-bench" => zx::cli::bench::Arguments::command(),
        _ => return None,
    };
    command.build();
    let mut words = words.peekable();
    let mut current = &command;
    if command.has_subcommands()
        && let Some(name) = words.next_if(|word| !word.starts_with('-'))
    {
        match command.find_subcommand(name) {
            Some(found) => current = found,
            None => return Some(format!("{program} has no command `{name}`")),
        }
    }
    let flags: Vec<&str> = words.filter_map(|word| word.strip_prefix("--")).collect();
    let unknown = flags.iter().find(|flag| {
        let name = flag.split('=').next().unwrap();
        !name.is_empty()
            && !current.get_arguments().any(|each| each.get_long() == Some(name) || name == "help" || name == "version")
    });
    unknown.map(|flag| format!("{program} has no flag --{flag}"))
}

#[test]
fn documents_name_commands_that_exist() {
    let good = [
        "cargo run --release --bin zx-bench -- run workloads/transfer.zx",
        "cargo test --test matrix -- --nocapture",
        "zx-run --stats file.zx",
        "RUST_BACKTRACE=1 ./target/release/zx-bench list  # all",
    ];
    assert_eq!(good.map(fault), [None, None, None, None]);
    for bad in ["cargo run --bin zx-dance", "cargo test --test none", "zx-run --dance", "zx-bench dance", "cargo dance"]
    {
        assert!(fault(bad).is_some(), "{bad}");
    }
    let mut problems = Vec::new();
    for document in DOCUMENTS {
        let Ok(text) = fs::read_to_string(root().join(document)) else { continue };
        let faults = named(&text).1.into_iter().filter_map(|command| Some((fault(&command)?, command)));
        problems.extend(faults.map(|(fault, command)| format!("{document}: `{command}`: {fault}")));
    }
    none(&problems);
}
