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
