//! Hostile input. Programs made by mutating the cases never panic or hang on their way through lexer, parser,
//! resolver and compiler; those that still compile are run with little gas, and every tier does the same. Texts made to
//! break a tier, and the files of `tests/hostile`, end soon and in an orderly way.
//!
//! `ZX_HOSTILE=20000 cargo test --test hostile -- --nocapture` tries that many mutants; `ZX_HOSTILE_SEED` moves the
//! seed. A failing mutant is printed.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the counts are asked for")]

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{Expected, Observed, cases, observe};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use zx::engine::{Mode, Program};

/// Mutants in an ordinary run of the suite.
const MUTANTS: u64 = 1500;
/// Longer than anything may take, on a machine with other work to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is put into a program.
const SCRAPS: &[&str] = &[
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "${",
    "/*",
    "*/",
    "//",
    "#",
    "\n",
    ";",
    ":",
    ",",
    ".",
    "..",
    "=>",
    "=",
    "==",
    "??",
    "?.",
    "?",
    "**",
    "-",
    "!",
    "\0",
    "\u{7f}",
    "\u{e9}",
    "\u{1f600}",
    "\u{301}",
    "\t",
    "\r\n",
    "0x",
    "1e999",
    "9999999999999999999999999999",
    "\"\"\"",
    "b\"",
    "\\u{110000}",
    "let ",
    "action ",
    "contract C { ",
    "if ",
    "else ",
    "while ",
    "for each ",
    " in ",
    "try { ",
    "catch e { ",
    "finally { ",
    "throw ",
    "return ",
    "break",
    "continue",
    "match x { ",
    "this",
    "super",
    "emit ",
    "require(",
    "defer { ",
    "lambda(",
    "config.jit_threshold = 1\n",
    "null",
    "entity E { ",
    "data ",
    "state ",
    "enum E { A }",
    "module M { ",
    "use \"./x\"",
    "export ",
    "await ",
    "print ",
];

/// A number below `bound`.
fn below(random: &mut ChaCha8Rng, bound: usize) -> usize {
    (random.next_u64() % bound.max(1) as u64) as usize
}

/// A stretch of the text: mostly short.
fn stretch(random: &mut ChaCha8Rng, length: usize) -> std::ops::Range<usize> {
    let start = below(random, length + 1);
    let most = [4, 20, 200][below(random, 3)];
    start..(start + below(random, most)).min(length)
}

/// A text changed in one to four places.
fn mutant(random: &mut ChaCha8Rng, source: &str, other: &str) -> String {
    let mut bytes = source.as_bytes().to_vec();
    for _ in 0..=below(random, 4) {
        let part = stretch(random, bytes.len());
        match below(random, 7) {
            0 if !bytes.is_empty() => {
                let at = below(random, bytes.len());
                bytes[at] ^= 1 << below(random, 8);
            }
            1 => drop(bytes.drain(part)),
            2 => {
                let copy = bytes[part.clone()].to_vec();
                bytes.splice(part.end..part.end, copy);
            }
            3 => {
                let from = stretch(random, other.len());
                bytes.splice(part, other.as_bytes()[from].to_vec());
            }
            4 => {
                let copy = bytes[part.clone()].to_vec();
                let at = below(random, bytes.len() + 1);
                bytes.splice(at..at, copy);
            }
            5 => {
                let scrap = SCRAPS[below(random, SCRAPS.len())].repeat(1 + below(random, 3));
                bytes.splice(part.start..part.start, scrap.into_bytes());
            }
            _ => bytes.truncate(part.end),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether running it twice may differ, wait, or touch the machine.
fn reaches_out(source: &str) -> bool {
    ["file_", "sleep", "input", "<<", "time", "now", "use"].iter().any(|word| source.contains(word))
}

/// What is wrong with how a text is answered, if anything.
fn trouble(source: &str) -> Option<String> {
    let started = Instant::now();
    let compiled = std::panic::catch_unwind(|| Program::compile(source, "mutant.zx").map_err(|errors| errors.rendered));
    let runs = match compiled {
        Err(_) => return Some("the compiler panicked".to_owned()),
        Ok(Err(text)) if text.is_empty() => return Some("refused without a word".to_owned()),
        Ok(compiled) => compiled.is_ok(),
    };
    if runs && !reaches_out(source) {
        let limits = Expected { gas_limit: Some(20_000), alloc_limit: Some(1 << 20), ..Expected::default() };
        let run = |mode: Mode, collect: bool| -> Result<Observed, String> {
            std::panic::catch_unwind(|| observe(source, "mutant.zx", mode, collect, &limits))
                .map_err(|_| format!("{mode:?} panicked"))
        };
        let reference = match run(Mode::Interpreter, false) {
            Ok(observed) => observed,
            Err(problem) => return Some(problem),
        };
        for (mode, collect) in [(Mode::Vm, true), (Mode::Fixed(2), false)] {
            match run(mode, collect) {
                Ok(observed) if observed == reference => {}
                Ok(observed) => return Some(format!("{mode:?} differs:\n  {observed:?}\n  {reference:?}")),
                Err(problem) => return Some(problem),
            }
        }
    }
    (started.elapsed() > PATIENCE).then(|| format!("took {:?}", started.elapsed()))
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn mutants_are_answered_alike_in_every_tier() {
    let cases = cases();
    let (count, seed) = (number("ZX_HOSTILE", MUTANTS), number("ZX_HOSTILE_SEED", 1));
    let (next, ran) = (AtomicU64::new(0), AtomicU64::new(0));
    let problems = Mutex::new(Vec::new());
    let work = || {
        loop {
            // Relaxed: the counters hand out and count work, the mutex publishes the findings.
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count || problems.lock().unwrap().len() >= 5 {
                return;
            }
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(index);
            let (_, source) = &cases[index as usize % cases.len()];
            let (_, other) = &cases[below(&mut random, cases.len())];
            let text = mutant(&mut random, source, other);
            match trouble(&text) {
                None => drop(ran.fetch_add(1, Ordering::Relaxed)),
                Some(problem) => problems.lock().unwrap().push(format!("mutant {index}: {problem}\n{text}\n-----")),
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    println!("{} mutants of {} cases, seed {seed}", ran.into_inner(), cases.len());
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Each construct nested 150 deep works or is refused, 10,000 deep is refused; in every tier alike.
#[test]
fn nesting() {
    let constructs = [
        ("x = ", "(", "1", ")"),
        ("x = ", "[", "1", "]"),
        ("x = ", "{a: ", "1", "}"),
        ("x = ", "-", "1", ""),
        ("x = ", "!", "1", ""),
        ("x = ", "\"${", "1", "}\""),
        ("x = ", "string(", "1", ")"),
        ("x = ", "() => ", "1", ""),
        ("x = ", "1 ? ", "1", " : 2"),
        ("", "if true { ", "", "}"),
        ("", "while true { break; ", "", "}"),
        ("", "for i in 0..2 { ", "", "}"),
        ("", "try { ", "", "} finally { }"),
        ("", "try { throw 1 } catch e { ", "", "}"),
        ("", "defer { ", "", "}"),
        ("", "action f() { ", "", "}"),
        ("", "if false { } else { ", "", "}"),
        ("", "{ ", "", " }"),
    ];
    for (before, open, middle, close) in constructs {
        for depth in [150, 10_000] {
            let text = format!("{before}{}{middle}{}\nprint(1)\n", open.repeat(depth), close.repeat(depth));
            assert_eq!(trouble(&text), None, "{open}");
            assert!(depth < 200 || Program::compile(&text, "deep.zx").is_err(), "{open}");
        }
    }
}

/// A million bytes of one construct take a time that grows with the text, through the whole compiler.
#[test]
fn long_texts() {
    let numbered = |line: &dyn Fn(usize) -> String, count: usize| (0..count).map(line).collect::<String>();
    let texts = [
        numbered(&|n| format!("let x{n} = {n}\n"), 20_000),
        numbered(&|n| format!("const c{n} = {n}\n"), 20_000),
        numbered(&|n| format!("action f{n}(a) {{ return f{n}(a) }}\n"), 10_000),
        numbered(&|n| format!("contract C{n} {{ data a = {n} }}\n"), 5_000),
        format!("contract C {{\n{}}}", numbered(&|n| format!("data f{n} = {n}\n"), 10_000)),
        format!("if false {{\n{}}}", numbered(&|n| format!("print(u{n})\n"), 10_000)),
        numbered(&|_| "config.foo = 1\n".to_owned(), 10_000),
        numbered(&|_| "break\n".to_owned(), 20_000),
        format!("const x = 1\n{}", "x = 2\n".repeat(20_000)),
        format!("let l = [{}]", "1,".repeat(200_000)),
        format!("x = \"{}\"", "${1}".repeat(20_000)),
        format!("if a {{ }}{}", " else if b { }".repeat(20_000)),
        "x = 1;".repeat(50_000),
        format!("x = \"{}\"", "a".repeat(1 << 20)),
        format!("x = {}", "9".repeat(1 << 20)),
        "a ".repeat(1 << 19),
        "\0".repeat(1 << 20),
    ];
    for text in texts {
        let started = Instant::now();
        let _ = Program::compile(&text, "long.zx");
        assert!(started.elapsed() < PATIENCE, "{:?}: {}", started.elapsed(), &text[..40]);
    }
}

/// Programs that ask for far more than their gas pays for end by the gas, not by the machine.
#[test]
fn work_is_paid_for() {
    let shared = "let a = [1]\nlet b = {\"k\": 1}\nfor i in 0..60 { a = [a, a]; b = {\"x\": b, \"y\": b} }\n";
    let contract = "contract C { data s = null; action put(v) { s = v; return 1 } action wrap(v) { s = [v]; return 1 }\n\
        action fail(v) { throw v } action give() { return [s] } }\nlet c = C()\n";
    let wasteful = [
        "print(a)",
        "print(b)",
        "let s = string(a)",
        "let s = \"${b}\"",
        "let s = \"\" + a",
        "throw a",
        "emit E(a)",
        "persist_set(\"k\", a)",
        "print(json_stringify(a))",
        "print(sha256(b))",
        "c.put(a)",
        "c.put(b)",
        "c.wrap(a)",
        "c.wrap({\"k\": a})",
        "c.fail(a)",
        "c.fail([b])",
        "require(false, a)",
        "print(join(a))",
        "print([a] == [b])",
    ];
    for statement in wasteful {
        let text = format!("{shared}{contract}{statement}\n");
        assert_eq!(trouble(&text), None, "{statement}");
    }
    for statement in [
        "let l = [[1] + range(50000)]; let m = [[1] + range(50000)]\nwhile true { let y = l == m }",
        "let s = \"k\" * 1000000\nwhile true { try { hash(1, s) } catch e { } }",
        "print(range(1000000000000))",
        "let l = range(1000000000000) + [1]",
        "let y = [1] == range(1000000000000)",
        "let l = [\"a\" * 100000, \"a\" * 100001]\nwhile true { let y = l == [\"a\" * 100000, 1] }",
    ] {
        assert_eq!(trouble(statement), None, "{statement}");
    }
}

/// The files of `tests/hostile`, bytes that are no text among them, through the program itself.
#[test]
fn files() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut command = assert_cmd::Command::cargo_bin("zx-run").unwrap();
        let command = command.args(["--gas-limit", "200000", "--alloc-limit", "16777216", "--timeout", "15s"]);
        let output = command.arg(&path).env("ZX_CACHE", "off").timeout(PATIENCE * 2).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let name = path.display();
        assert!(matches!(output.status.code(), Some(0..=2 | 65)), "{name}: {:?}\n{told}", output.status);
        assert!(!told.contains("panicked"), "{name}: {told}");
        assert_eq!(output.status.code() == Some(0), told.is_empty(), "{name}: a failure is explained\n{told}");
        seen += 1;
    }
    assert!(seen >= 10, "tests/hostile has {seen} files");
}
