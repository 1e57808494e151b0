//! The tools of `zx-run` and `zx-bench` for people who write programs, as a user meets them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod command;

use command::Place;
use serde_json::{Value, json};

/// The JSON of each line.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn check_as_json_tells_every_mistake() {
    let place = Place::new();
    place.file("bad.zx", "let x = = 5\nconst k = 1\nprint(k)\nk = 2\nconfig.jit_treshold = 3\n");
    let said = place.run(&["--check", "--format", "json", "bad.zx"]);
    assert_eq!(said.status, Some(65), "{said:?}");
    assert_eq!(said.err, "");
    let found = lines(&said.out);
    assert_eq!(found.len(), 3, "{said:?}");
    assert_eq!(
        found[0],
        json!({
            "file": "bad.zx", "line": 1, "column": 9, "end_line": 1, "end_column": 10, "severity": "error",
            "message": "expected an expression, found `=`", "suggestion": "`==` is written without a blank",
            "notes": [],
        })
    );
    let note = json!({
        "file": "bad.zx", "line": 2, "column": 7, "end_line": 2, "end_column": 8, "message": "declared here",
    });
    assert_eq!((&found[1]["message"], &found[1]["line"]), (&json!("cannot assign to the constant 'k'"), &json!(4)));
    assert_eq!((&found[1]["suggestion"], &found[1]["notes"]), (&Value::Null, &json!([note])));
    assert_eq!(found[2]["suggestion"], json!("did you mean `config.jit_threshold`?"));
}

#[test]
fn check_as_json_of_a_good_program_says_nothing() {
    let place = Place::new();
    place.file("good.zx", "print(1)\n");
    place.run(&["--check", "--format", "json", "good.zx"]).ends(0, "", &[]);
    place.run(&["--check", "--format", "text", "good.zx"]).ends(0, "", &[]);
    place.run(&["--check", "--format", "json", "none.zx"]).ends(2, "", &["cannot read none.zx"]);
    place.run(&["--format", "json", "good.zx"]).ends(2, "", &["--check"]);
}

#[test]
fn columns_of_check_count_characters() {
    let place = Place::new();
    place.file("wide.zx", "let s = \"äöü€😀\" )\n");
    let said = place.run(&["--check", "--format", "json", "wide.zx"]);
    let found = lines(&said.out);
    assert_eq!((&found[0]["column"], &found[0]["end_column"]), (&json!(17), &json!(18)), "{said:?}");
}

#[test]
fn a_program_on_the_command_line() {
    let place = Place::new();
    place.run(&["-e", "print(6 * 7)"]).ends(0, "42\n", &[]);
    place.run(&["-e", "print(args)", "a", "b", "-c"]).ends(0, "[a, b, -c]\n", &[]);
    place.run(&["--eval", "print(nothing)"]).ends(1, "", &["Identifier 'nothing' not found", "<command line>:1:7"]);
    place.run(&["-e", "let = 1"]).ends(65, "", &["1 syntax error in <command line>"]);
    place.run(&["--check", "-e", "print(1)"]).ends(0, "", &[]);
    place.run(&["-e", "while true { }", "--timeout"]).ends(2, "", &["--timeout"]);
    place.run(&["--timeout", "50ms", "-e", "while true { }"]).ends(1, "", &["Time limit exceeded"]);
}

const BUSY: &str = "action work(n) {
    let i = 0
    while i < n { i = i + 1 }
    return i
}
print(work(2000000))
";

#[test]
fn a_profile_as_tables() {
    let place = Place::new();
    place.file("busy.zx", BUSY);
    let said = place.run(&["--profile", "busy.zx"]);
    said.ends(0, "2000000\n", &["ticks of 200 us", "2000001  busy.zx:3", "busy.zx:1  work", "top level"]);
}

#[test]
fn a_profile_as_stacks() {
    let place = Place::new();
    place.file("busy.zx", BUSY);
    let said = place.run(&["--profile=stacks", "--profile-out", "stacks.txt", "busy.zx"]);
    assert_eq!((said.status, said.out.as_str()), (Some(0), "2000000\n"), "{said:?}");
    let written = std::fs::read_to_string(place.folder.path().join("stacks.txt")).unwrap();
    assert_eq!(written, said.err);
    let deepest = written.lines().find(|line| line.starts_with("top level (busy.zx:6);work (busy.zx:3) ")).unwrap();
    assert!(deepest.rsplit(' ').next().unwrap().parse::<u64>().unwrap() > 0);
    // To a file alone: nothing on standard error.
    place.run(&["--profile-out", "stacks.txt", "busy.zx"]).ends(0, "2000000\n", &[]);
    place.run(&["--profile-out", "no/folder", "busy.zx"]).ends(
        1,
        "2000000\n",
        &["cannot write the profile to no/folder"],
    );
    place.run(&["--profile=pie", "busy.zx"]).ends(2, "", &["table, stacks"]);
}

#[test]
fn a_profile_of_a_run_that_fails() {
    let place = Place::new();
    place.file("bad.zx", "action f() { throw \"no\" }\nf()\n");
    place.run(&["--profile", "bad.zx"]).ends(1, "", &["profile:", "error: no", "bad.zx:1  f"]);
}

/// A run of `zx-bench` in the folder.
const TESTED: &str = "contract Counter {
    data n = 0
    action up() { n = n + 1; return n }
}
let counter = Counter()
let shared = []
action test_first() { shared.push(1); require(counter.up() == 1, \"first\") }
action test_alone() { require(counter.up() == 1, \"state of another test\"); require(len(shared) == 0) }
action test_loop() { let i = 0; while i < 700 { i = i + 1 } require(i == 700) }
action helper() { throw \"not a test\" }
";

#[test]
fn tests_of_a_program_pass_alone() {
    let place = Place::new();
    place.file("good.zx", TESTED);
    let said = place.bench(&["test", "--modes", "all", "good.zx"]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""), "{said:?}");
    for part in ["good.zx\n", "pass  test_first", "pass  test_alone", "pass  test_loop", "3 passed, 0 failed in 1 file"]
    {
        assert!(said.out.contains(part), "no {part:?} in {said:?}");
    }
    let said = place.bench(&["test", "--filter", "alone", "good.zx", "--quiet"]);
    assert!(said.status == Some(0) && said.out.starts_with("1 passed, 0 failed in 1 file"), "{said:?}");
}

#[test]
fn tests_of_a_program_that_fail() {
    let place = Place::new();
    place.file(
        "bad.zx",
        "action test_bad() {\n    print(\"a <b>\")\n    require(1 > 2, \"one & two\")\n}\naction test_good() { }\n",
    );
    let said = place.bench(&["test", "bad.zx", "--junit", "out.xml"]);
    assert_eq!(said.status, Some(1), "{said:?}");
    for part in
        ["FAIL  test_bad", "error: Requirement failed: one & two", "--> bad.zx:3:5", "| a <b>", "pass  test_good"]
    {
        assert!(said.out.contains(part), "no {part:?} in {said:?}");
    }
    assert!(said.out.contains("1 passed, 1 failed in 1 file"), "{said:?}");
    let xml = std::fs::read_to_string(place.folder.path().join("out.xml")).unwrap();
    assert!(xml.contains("<failure message=\"Requirement failed: one &amp; two\">error: Requirement"), "{xml}");
    assert!(xml.contains("<system-out>a &lt;b&gt;&#10;</system-out>"), "{xml}");
    assert!(xml.contains("<testsuites tests=\"2\" failures=\"1\""), "{xml}");
    let said = place.bench(&["test", "--timeout", "100ms", "endless.zx"]);
    assert!(said.status == Some(2) && said.err.contains("cannot read endless.zx"), "{said:?}");
    place.file("endless.zx", "action test_endless() { while true { } }\n");
    let said = place.bench(&["test", "--timeout", "100ms", "--modes", "interpreter,vm", "endless.zx"]);
    assert!(said.status == Some(1) && said.out.contains("Time limit exceeded"), "{said:?}");
}

#[test]
fn tests_use_modules_of_an_allowed_folder() {
    let place = Place::new();
    let here = place.file("here", "");
    for folder in ["common", "app"] {
        std::fs::create_dir(here.with_file_name(folder)).unwrap();
    }
    place.file("common/lib.zx", "export action two() { return 2 }\n");
    place.file("app/check.zx", "use { two } from \"../common/lib.zx\"\naction test_two() { require(two() == 2) }\n");
    let refused = place.bench(&["test", "app/check.zx"]);
    assert!(refused.status == Some(1) && refused.out.contains("--allow-path"), "{refused:?}");
    let said = place.bench(&["test", "--allow-path", "common", "app/check.zx"]);
    assert_eq!(said.status, Some(0), "{said:?}");
}

#[test]
fn tests_that_cannot_run() {
    let place = Place::new();
    place.file("none.zx", "print(1)\n");
    let refused = |arguments: &[&str], part: &str| {
        let said = place.bench(arguments);
        assert!(said.status == Some(2) && said.err.contains(part), "{said:?}");
    };
    refused(&["test", "none.zx"], "there is no test: no action whose name begins with `test_`");
    place.file("args.zx", "action test_x(a) { }\n");
    refused(&["test", "args.zx"], "the test test_x has parameters");
    place.file("twice.zx", "action test_x() { }\naction test_x() { }\n");
    refused(&["test", "twice.zx"], "two tests are named test_x");
    place.file("syntax.zx", "let = 1\n");
    refused(&["test", "syntax.zx"], "--> syntax.zx:1:5");
    place.file("good.zx", TESTED);
    refused(&["test", "good.zx", "--filter", "nothing"], "that contains `nothing`");
    refused(&["test", "good.zx", "--format", "json"], "--junit");
    refused(&["test", "good.zx", "--modes", "vmm"], "did you mean");
    refused(&["test"], "<FILES>");
}

#[test]
fn files_are_formatted_in_place() {
    let place = Place::new();
    let path = place.file("a.zx", "let x=1\nif x {print(x)}\n");
    place.file("b.zx", "print(1)\n");
    place.run(&["--fmt", "--check", "a.zx", "b.zx"]).ends(1, "a.zx\n", &[]);
    place.run(&["--fmt", "a.zx", "b.zx"]).ends(0, "", &[]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "let x = 1\nif x { print(x) }\n");
    place.run(&["--fmt", "--check", "a.zx", "b.zx"]).ends(0, "", &[]);
    place.file("bad.zx", "let = 1\n");
    place.run(&["--fmt", "bad.zx", "b.zx"]).ends(65, "", &["--> bad.zx:1:5"]);
    place.run(&["--fmt", "none.zx"]).ends(2, "", &["cannot read none.zx"]);
    place.run(&["--fmt"]).ends(2, "", &["required"]);
    place.shell("echo 'f( 1 )' | \"$ZX\" --fmt -").ends(0, "f(1)\n", &[]);
}

#[test]
fn shells_and_manuals_are_served() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let said = place.bench(&["completions", shell]);
        assert!(said.status == Some(0) && said.out.contains("zx-bench") && said.out.contains("self-test"), "{shell}");
        assert!(
            said.out.contains("gate") && !said.out.contains("simulate"),
            "what is hidden is not completed: {shell}"
        );
    }
    let said = place.bench(&["completions", "bash", "--program", "zx-run"]);
    assert!(said.out.contains("default zx-run\n") && said.out.contains("--profile-out"), "{said:?}");
    let said = place.bench(&["completions", "cmd"]);
    assert!(said.status == Some(2) && said.err.contains("bash"), "{said:?}");
    let said = place.bench(&["man", "pages"]);
    assert!(said.status == Some(0), "{said:?}");
    for page in ["zx-bench.1", "zx-bench-gate.1", "zx-run.1"] {
        let text = std::fs::read_to_string(place.folder.path().join("pages").join(page)).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH OPTIONS") || page == "zx-bench.1", "{page}");
    }
    place.file("file", "");
    let said = place.bench(&["man", "file"]);
    assert!(said.status == Some(1) && said.err.contains("cannot write manual pages to file"), "{said:?}");
}
