//! The formatter over every program of this project: the same meaning, every comment, and nothing left to do.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::PathBuf;

use zx::engine::Program;
use zx::format::{FormatError, comments, format};

/// The cases, the workloads and the guide's examples.
fn programs() -> Vec<(String, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["tests/cases", "workloads"] {
        for path in fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|extension| extension == "zx") {
                found.push((path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    let guide = fs::read_to_string(root.join("docs/language.md")).unwrap();
    for (index, block) in guide.split("```zexus").skip(1).enumerate() {
        let code = block.split_once('\n').unwrap().1.split("```").next().unwrap();
        found.push((format!("guide {index}"), code.to_owned()));
    }
    found.sort();
    assert!(found.len() > 150, "the programs were not found");
    found
}

/// What a program is made into, without places: names of slots, gas blocks and all.
fn tree(source: &str) -> Option<String> {
    Program::compile(source, "f.zx").ok().map(|program| program.dump_tree())
}

#[test]
fn every_program_keeps_its_meaning_and_its_comments() {
    let mut problems = Vec::new();
    for (name, source) in programs() {
        let formatted = match format(&source, &name) {
            Ok(formatted) => formatted,
            // Cases of syntax errors.
            Err(FormatError::Syntax(_)) if tree(&source).is_none() => continue,
            Err(error) => {
                problems.push(format!("{name}: {error:?}"));
                continue;
            }
        };
        match format(&formatted, &name) {
            Ok(again) if again == formatted => {}
            Ok(again) => {
                let at = again.lines().zip(formatted.lines()).position(|(a, b)| a != b).unwrap_or_default();
                let line = |text: &str| text.lines().nth(at).map(str::to_owned);
                problems.push(format!("{name}:{}: {:?}, then {:?}", at + 1, line(&formatted), line(&again)));
            }
            Err(error) => problems.push(format!("{name}, formatted: {error:?}")),
        }
        if comments(&source) != comments(&formatted) {
            problems.push(format!("{name}: comments differ"));
        }
        if tree(&source) != tree(&formatted) {
            problems.push(format!("{name}: the resolved tree differs"));
        }
        if formatted.lines().any(|line| line.ends_with([' ', '\t'])) && !source.contains("\"\"\"") {
            problems.push(format!("{name}: blanks at the end of a line"));
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[track_caller]
fn becomes(source: &str, expected: &str) {
    let formatted = format(source, "f.zx").unwrap();
    assert_eq!(formatted, expected);
    assert_eq!(format(&formatted, "f.zx").unwrap(), expected, "a second time");
}

#[test]
fn blanks_and_indentation() {
    becomes(
        "let x=1+2*-3;   // sum\nif(x>1){print( x ,[1,2] , {a:1,\"b\":-x} )}\nwhile  !done( ) {\nx-=1\n  /* in */\n\n\n\nx = f ( x )[ 0 ]\n}\n",
        "let x = 1 + 2 * -3  // sum\nif (x > 1) { print(x, [1, 2], {a: 1, \"b\": -x}) }\nwhile !done() {\n    x -= 1\n    /* in */\n\n    x = f(x)[0]\n}\n",
    );
}

#[test]
fn empty_lines_behind_comments_stay() {
    becomes(
        "// head\n\n\nlet x = 1\n\n// more\n\naction throw(x) {\n\n    // in\n\n    f(x)\n\n}\n",
        "// head\n\nlet x = 1\n\n// more\n\naction throw(x) {\n    // in\n\n    f(x)\n}\n",
    );
}

#[test]
fn operators_that_look_alike() {
    becomes(
        "let m : Map<string,List<int>> = {}\nlet o:int? = a ?b:c\nprint(a[1 : 3], a[:2], a?.b, a..b, c ? -1 : - 1, a<b, x=>x*2, 2**-1, not a)\n",
        "let m: Map<string, List<int>> = {}\nlet o: int? = a ? b : c\nprint(a[1:3], a[:2], a?.b, a..b, c ? -1 : -1, a < b, x => x * 2, 2 ** -1, not a)\n",
    );
}

#[test]
fn colon_blocks_stay() {
    becomes(
        "if a:\n  print(1)\n  # inside\n\n  while b:\n     c()\n     // deep\n# outside\nelse:\n  print(2)\nprint(3)\n",
        "if a:\n    print(1)\n    # inside\n\n    while b:\n        c()\n        // deep\n# outside\nelse:\n    print(2)\nprint(3)\n",
    );
}

#[test]
fn lines_that_go_on() {
    becomes(
        "let total = 1 +\n2\nlet s = list\n.map(x => x)\n.filter(x => {\nreturn x\n})\nf(a,\nb)\n",
        "let total = 1 +\n    2\nlet s = list\n    .map(x => x)\n    .filter(x => {\n        return x\n    })\nf(a,\n    b)\n",
    );
}

#[test]
fn long_lines_break_at_their_widest_bracket() {
    let item = "\"a string of some length\"";
    let source = format!("let list = [{item}, {item}, {item}, {item}, {item}]\n");
    let lines = [item; 5].map(|item| format!("    {item}"));
    becomes(&source, &format!("let list = [\n{}\n]\n", lines.join(",\n")));
}

#[test]
fn what_does_not_parse_is_left_alone() {
    assert!(matches!(format("let = 1\n", "f.zx"), Err(FormatError::Syntax(text)) if text.contains("f.zx:1:5")));
    assert_eq!(format("", "f.zx").unwrap(), "");
}
