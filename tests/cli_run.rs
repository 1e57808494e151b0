//! The command line of `zx-run`, as a user meets it: exit statuses, what goes to which stream, error texts, bad input.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

mod command;

use command::{Place, run};

const ENDLESS: &str = "print(\"start\")\nlet i = 0\nwhile true { i = i + 1 }\n";

/// Five diagnostics as users see them.
mod snapshots {
    use super::run;

    #[test]
    fn unknown_name() {
        let said = run("let balance = 100
action inner(x) {
    return x + blance
}
action outer(x) {
    return inner(x) * 2
}
print(\"before\")
print(outer(1))
");
        said.ends(1, "before\n", &[]);
        insta::assert_snapshot!(said.err, @r"
        error: Identifier 'blance' not found
         --> main.zx:3:16
          |
        3 |     return x + blance
          |                ^^^^^^
          = help: did you mean `balance`?
          in inner, called at main.zx:6:12
          in outer, called at main.zx:9:7
        ");
    }

    #[test]
    fn arithmetic_on_null() {
        let said = run("let b = {}\naction pay(k) { b[k] = b[k] + 1 }\npay(\"al\")\n");
        said.ends(1, "", &[]);
        insta::assert_snapshot!(said.err, @r"
        error: Type mismatch: cannot add NULL and INTEGER
         --> main.zx:2:29
          |
        2 | action pay(k) { b[k] = b[k] + 1 }
          |                             ^
          = help: a missing key reads null: use `b[k] || 0`
          in pay, called at main.zx:3:1
        ");
    }

    #[test]
    fn unclosed_brace() {
        let said = run("action f() {\n    let x = 1\n    while x < 3 {\n        x = x + 1\n");
        said.ends(65, "", &[]);
        let err: Vec<&str> = said.err.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(err.join("\n"), @r"
        error: this `{` is not closed
         --> main.zx:3:17
          |
        3 |     while x < 3 {
          |                 ^ opened here
        1 syntax error in main.zx
        ");
    }

    #[test]
    fn misspelt_keyword() {
        let said = run("acton f(x) {\n    return x\n}\nprint(f(1))\n");
        said.ends(65, "", &[]);
        insta::assert_snapshot!(said.err, @r"
        error: expected a statement, found `acton` followed by `f`
         --> main.zx:1:1
          |
        1 | acton f(x) {
          | ^^^^^
          = help: did you mean `action`?
        1 syntax error in main.zx
        ");
    }

    #[test]
    fn unknown_method() {
        let said = run("let xs = [1, 2]\nxs.pusj(3)\n");
        said.ends(1, "", &[]);
        insta::assert_snapshot!(said.err, @r"
        error: Method 'pusj' not supported for list
         --> main.zx:2:4
          |
        2 | xs.pusj(3)
          |    ^^^^^^^
          = help: did you mean `push`?
        ");
    }
}

#[test]
fn all_syntax_errors_at_once() {
    let place = Place::new();
    place.file("main.zx", "print(\"never\")\nlet = 3\nprint(1 +)\nlet y = 5 5\n");
    let errors = ["main.zx:2:5", "main.zx:3:10", "main.zx:4:11", "3 syntax errors in main.zx"];
    place.run(&["main.zx"]).ends(65, "", &errors);
    place.run(&["--check", "main.zx"]).ends(65, "", &errors);
    place.file("const.zx", "const k = 1\nk = 2\nbreak\n");
    place.run(&["const.zx"]).ends(65, "", &["const.zx:2:1", "const.zx:3:1", "2 syntax errors"]);
}

#[test]
fn success_and_uncaught_errors() {
    let quiet = run("print(1, \"a\")\nprint 2\n");
    quiet.ends(0, "1 a\n2\n", &[]);
    assert_eq!(quiet.err, "");
    run("throw \"no\"\n").ends(1, "", &["error: no\n", "main.zx:1:1"]);
    run("throw {\"code\": 3}\n").ends(1, "", &["error: {code: 3}\n"]);
    run("print(1)\nrequire(false, \"m\")\n").ends(1, "1\n", &["error: Requirement failed: m\n", "main.zx:2:1"]);
    run("print(1 / 0)\n").ends(1, "", &["error: Division by zero\n"]);
}

#[test]
fn check_runs_nothing() {
    let place = Place::new();
    place.file("main.zx", ENDLESS);
    let said = place.run(&["--check", "main.zx"]);
    said.ends(0, "", &[]);
    assert_eq!(said.err, "");
}

#[test]
fn extras_go_to_standard_error() {
    let place = Place::new();
    place.file(
        "main.zx",
        "contract C { event Moved(a, b)\n action go() { emit Moved(1, \"x\") } }\nC().go()\nprint(\"done\")\n",
    );
    place.run(&["--events", "main.zx"]).ends(0, "done\n", &["event C Moved [1, x]\n"]);
    place.run(&["--stats", "main.zx"]).ends(0, "done\n", &["gas used ", "logical bytes ", "events              1\n"]);
    place.run(&["--no-cache", "--seed", "7", "main.zx"]).ends(0, "done\n", &[]);
    place.file("loop.zx", "let i = 0\nwhile i < 1000 { i = i + 1 }\nprint(i)\n");
    place.run(&["--explain", "loop.zx"]).ends(0, "1000\n", &["loop loop.zx:2:1: interpreter -> vm after 500"]);
}

#[test]
fn what_is_compiled_in_the_background_does_the_same() {
    let place = Place::new();
    place.file(
        "loop.zx",
        "action f(n) { let s = 0; let i = 0; while i < n { s = s + i % 7; i = i + 1 } return s }\nprint(f(2000000))\n",
    );
    let (usual, background) = (place.run(&["loop.zx"]), place.run(&["--background-compile", "loop.zx"]));
    usual.ends(0, "5999995\n", &[]);
    background.ends(0, &usual.out, &[]);
}

#[test]
fn a_seed_repeats_its_numbers() {
    let place = Place::new();
    place.file("main.zx", "for each i in range(20) { print(random(1000000)) }\n");
    let first = place.run(&["--seed", "7", "main.zx"]);
    first.ends(0, &first.out, &[]);
    assert_eq!(place.run(&["--seed", "7", "main.zx"]).out, first.out);
    assert_ne!(place.run(&["--seed", "8", "main.zx"]).out, first.out);
}

#[test]
fn limits() {
    let place = Place::new();
    place.file("main.zx", ENDLESS);
    place.run(&["--gas-limit", "10000", "main.zx"]).ends(1, "start\n", &["error: Out of gas\n", "main.zx:3:"]);
    let started = Instant::now();
    place.run(&["--timeout", "300ms", "main.zx"]).ends(1, "start\n", &["error: Time limit exceeded\n", "main.zx:3:"]);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    place.file("grow.zx", "let xs = []\nwhile true { xs.push(\"abc\" + string(len(xs))) }\n");
    place.run(&["--alloc-limit", "100000", "grow.zx"]).ends(1, "", &["error: Out of memory\n", "grow.zx:2:"]);
    place.run(&["--memory-limit", "16", "grow.zx"]).ends(1, "", &["error: Memory limit exceeded\n"]);
    // Neither can be caught.
    place.file("catch.zx", "try { while true { } } catch (e) { print(e) } finally { print(\"f\") }\n");
    place.run(&["--gas-limit", "1000", "catch.zx"]).ends(1, "", &["Out of gas"]);
    place.run(&["--timeout", "50ms", "catch.zx"]).ends(1, "", &["Time limit exceeded"]);
}

#[test]
fn usage() {
    let place = Place::new();
    place.file("main.zx", "print(1)\n");
    place.run(&[]).ends(2, "", &["<FILE>"]);
    place.run(&["--dance", "main.zx"]).ends(2, "", &["--dance"]);
    place.run(&["--timeout", "soon", "main.zx"]).ends(2, "", &["`soon` is no time"]);
    place.run(&["--gas-limit", "-1", "main.zx"]).ends(2, "", &[]);
    place.run(&["--version"]).ends(0, concat!("zx-run ", env!("CARGO_PKG_VERSION"), "\n"), &[]);
    assert_eq!(place.run(&["--help"]).status, Some(0));
}

#[test]
fn files_that_are_no_programs() {
    let place = Place::new();
    place.run(&["nothing.zx"]).ends(2, "", &["cannot read nothing.zx"]);
    fs::create_dir(place.folder.path().join("folder")).unwrap();
    place.run(&["folder"]).ends(2, "", &["folder is a folder"]);
    place.file("latin.zx", b"print(\"caf\xe9\")\n");
    place.run(&["latin.zx"]).ends(2, "", &["latin.zx is not UTF-8 text (byte 10 "]);
    place.file("binary.zx", b"\x7fELF\x02\x01\x01\0\0\0\xff\xfe");
    place.run(&["binary.zx"]).ends(2, "", &["binary.zx is not UTF-8 text"]);
    place.file("zeros.zx", [0; 300]);
    place.run(&["zeros.zx"]).ends(65, "", &["zeros.zx:1:1", "control character"]);
    for empty in ["", "\n", "// nothing\n", "\n\n;;\n"] {
        place.file("empty.zx", empty);
        let said = place.run(&["empty.zx"]);
        said.ends(0, "", &[]);
        assert_eq!(said.err, "", "{empty:?}");
    }
}

#[test]
fn standard_input_arguments_and_the_first_line() {
    let place = Place::new();
    let mut child = place.command(&["-", "x"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"print(args[0])\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"x\n".as_slice()));
    place.shell("echo 'print(1 / 0)' | \"$ZX\" -").ends(1, "", &["<stdin>:1:"]);
    place.file("main.zx", "#!/usr/bin/env zx-run\nprint(args, len(args))\nprint(__ARGS__ == args)\n");
    place.run(&["main.zx"]).ends(0, "[] 0\ntrue\n", &[]);
    place.run(&["main.zx", "a", "-b", "--stats", "c d"]).ends(0, "[a, -b, --stats, c d] 4\ntrue\n", &[]);
}

#[test]
fn deep_nesting_is_an_error() {
    let place = Place::new();
    let nest = |open: &str, inside: &str, close: &str| open.repeat(10_000) + inside + &close.repeat(10_000) + "\n";
    let texts = [
        ("parentheses", nest("(", "1", ")")),
        ("blocks", nest("if true {\n", "print(1)\n", "}\n")),
        ("lists", format!("let x = {}", nest("[", "1", "]"))),
        ("maps", format!("let x = {}", nest("{a: ", "1", "}"))),
        ("calls", format!("let x = {}", nest("f(", "1", ")"))),
        ("actions", nest("action f() {", "", "}")),
        ("lambdas", format!("let x = {}1\n", "a => ".repeat(10_000))),
        ("signs", format!("let x = {}1\n", "-".repeat(10_000))),
        ("powers", format!("let x = 1{}\n", " ** 1".repeat(10_000))),
        ("choices", format!("let x = {}1\n", "1 ? 1 : ".repeat(10_000))),
        ("interpolations", format!("let x = {}\n", "\"${".repeat(10_000))),
        ("types", format!("let x: {}T{} = 1\n", "L<".repeat(10_000), ">".repeat(10_000))),
        ("comments", "/*".repeat(10_000)),
    ];
    for (name, text) in texts {
        let file = format!("{name}.zx");
        place.file(&file, format!("let before = 1\n{text}"));
        let said = place.run(&[&file]);
        said.ends(65, "", &["syntax error", &file]);
        assert!(said.err.len() < 30_000, "{name}: {} bytes of errors", said.err.len());
    }
    // Long is not deep.
    let mut long = "if false { }".to_owned();
    for _ in 0..10_000 {
        long += " else if false { }";
    }
    let _ = write!(long, "\nlet x = [{}]\nprint(len(x))\n", "1, ".repeat(10_000));
    place.file("long.zx", long);
    place.run(&["long.zx"]).ends(0, "10000\n", &[]);
}

#[test]
fn recursion_past_the_limit() {
    let place = Place::new();
    let bodies = [
        ("action", "action f(n) { return f(n + 1) + 1 }"),
        ("mutual", "action g(n) { return f(n + 1) }\naction f(n) { return g(n) }"),
        ("lambda", "let f = null\nf = n => f(n + 1)"),
        ("callback", "action f(n) { return [n].map(x => f(x + 1)) }"),
        (
            "contract",
            "contract C { action go(n) { return this.go(n + 1) } }\nlet c = C()\naction f(n) { return c.go(n) }",
        ),
        ("handlers", "action f(n) { try { for each i in [1] { f(n + 1) } } finally { n = 0 } }"),
        ("operands", "action f(n) { return 1 + (2 * (3 - (4 + (5 * (6 - f(n + 1)))))) }"),
    ];
    // The interpreter alone, the switch in mid-way, and the VM from the first call.
    let modes = [
        "config.jit_enabled = false",
        "config.jit_threshold = 500",
        "config.jit_threshold = 3",
        "config.jit_threshold = 0",
    ];
    for (name, body) in bodies {
        for mode in modes {
            place.file(
                "main.zx",
                format!("{mode}\n{body}\ntry {{ f(0) }} catch (e) {{ print(e) }}\nprint(\"on\")\nf(0)\n"),
            );
            let said = place.run(&["main.zx"]);
            assert_eq!(said.status, Some(1), "{name} {mode}: {said:?}");
            said.ends(
                1,
                "Call depth exceeded\non\n",
                &["error: Call depth exceeded\n", "in ", "called at main.zx:", "and the calls around it"],
            );
        }
    }
}

#[test]
fn a_closed_pipe_is_quiet() {
    let place = Place::new();
    place.file("big.zx", "let i = 0\nwhile i < 5000000 { print(\"line \" + string(i))\n i = i + 1 }\n");
    let started = Instant::now();
    let said = place.shell("\"$ZX\" big.zx | head -1; echo ${PIPESTATUS[0]}");
    said.ends(0, "line 0\n0\n", &[]);
    assert_eq!(said.err, "");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}: it went on printing", started.elapsed());
}

#[test]
fn control_c() {
    let place = Place::new();
    // The program says when it is under way, so nothing depends on how fast it starts.
    let quick = "i=0; while [ ! -s out ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i+1)); done";
    for source in [
        ENDLESS,
        "action f(n) { return n }\nlet i = 0\nprint(0)\nwhile true { i = f(i) }\n",
        "print(1)\nsleep(60000)\n",
    ] {
        // Standard output is a file, so it is written when the program ends or its buffer is full: fill it.
        let filled = format!("for each k in range(3000) {{ print(\"{}\") }}\n{source}", "-".repeat(80));
        place.file("main.zx", filled);
        fs::remove_file(place.folder.path().join("out")).unwrap_or_default();
        let started = Instant::now();
        let said =
            place.shell(&format!("\"$ZX\" main.zx > out & p=$!; {quick}; sleep 0.1; kill -INT $p; wait $p; exit $?"));
        assert_eq!(said.status, Some(130), "{source}: {said:?}");
        assert!(said.err.contains("Interrupted") && !said.err.contains("panicked"), "{said:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{source}: {:?}", started.elapsed());
    }
}

#[test]
fn the_example_says_where_and_when_it_was_handed_over() {
    let place = Place::new();
    place.file(
        "main.zx",
        r#"config.jit_debug = true
let balances = {"a": 1000000, "b": 0}
action transfer(from, to, amount) {
    balances[from] = balances[from] - amount
    balances[to] = balances[to] + amount
}
let i = 0
while i < 10000 {
    transfer("a", "b", 10)
    i = i + 1
}
print(balances["a"], balances["b"])
"#,
    );
    let said = place.run(&["main.zx"]);
    said.ends(
        0,
        "900000 100000\n",
        &["[jit] loop at main.zx:8:1: after 500 iterations interpreter -> vm, compiled in "],
    );
    let workload = concat!(env!("CARGO_MANIFEST_DIR"), "/workloads/transfer.zx");
    place.run(&[workload]).ends(0, "alice 900000, bob 100000\n", &[]);
}

/// Nobody reads the errors any more: the exit status still tells, and nothing is added to the output.
#[test]
fn closed_standard_error_is_quiet() {
    let place = Place::new();
    let programs = [
        ("debug.zx", "debug 1\nprint(2)\ndebug \"x\"", 0, "2\n"),
        ("fails.zx", "print(1)\nthrow \"no\"", 1, "1\n"),
        ("syntax.zx", "let = 3x", 65, ""),
    ];
    for (name, text, status, out) in programs {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let file = place.file(name, text);
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_zx-run")).arg(file).stderr(writer).output().unwrap();
        assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout).as_ref()), (Some(status), out), "{name}");
    }
}
