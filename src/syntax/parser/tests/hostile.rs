//! Texts made to break a parser: it answers each, in linear time and little stack.

use super::{LOOKS_PER_BYTE, looks, parsed};

/// Parses on a small stack, in linear time, and gives the number of errors.
fn survive(what: &str, source: String) -> usize {
    let shape = what.to_owned();
    let run = move || {
        let mut errors = 0;
        let looks = looks(|| errors = parsed(&source).0.diagnostics.len());
        let bound = LOOKS_PER_BYTE * source.len() as u64 + 200;
        assert!(looks <= bound, "{shape}: {looks} looks at {} bytes", source.len());
        errors
    };
    // A sanitizer's frames are several times larger: its script asks for more.
    let wanted = std::env::var("RUST_MIN_STACK").ok().and_then(|bytes| bytes.parse().ok());
    let thread = std::thread::Builder::new().stack_size(wanted.unwrap_or(0).max(1 << 20)).spawn(run);
    let count = thread.ok().and_then(|thread| thread.join().ok());
    count.unwrap_or_else(|| panic!("{what}"))
}

#[test]
fn nesting() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("f(", ")"),
        ("a[", "]"),
        ("{a: ", "}"),
        ("\"${", "}\""),
        ("x => ", ""),
        ("if a { ", "}"),
        ("if a: ", ""),
        ("-", ""),
        ("!", ""),
        ("not ", ""),
        ("await ", ""),
        ("2 ** ", ""),
        ("a ? ", " : b"),
        ("a ? b : ", ""),
        ("action f() { ", "}"),
        ("contract C { action f() { ", "}}"),
        ("match a { b => ", "}"),
        ("match a { [", "] => 1 }"),
        ("let x: [", "]"),
        ("let x: Map<", ">"),
        ("action() { ", "}"),
        ("x => { ", "}"),
        ("P{a: ", "}"),
        ("spawn { ", "}"),
        ("module M { ", "}"),
        ("print(", ")"),
        ("a || (b == ", ")"),
    ] {
        for count in [150, 10_000] {
            let deep = |tail: &str, count: usize| {
                let closing = close.repeat(count);
                format!("x = {}1{}{tail}\ny = 2", open.repeat(count), closing)
            };
            let errors = survive(open, deep("", count));
            assert!(count < 200 || errors > 0, "{open}");
            survive(open, format!("{}1", open.repeat(count)));
            survive(open, open.repeat(count));
            survive(close, close.repeat(count));
        }
    }
}

#[test]
fn depth_is_200() {
    let nested = |count: usize| format!("x = {}1{}", "(".repeat(count), ")".repeat(count));
    assert_eq!(survive("200", nested(200)), 0);
    assert_eq!(survive("201", nested(201)), 1);
    let unary = |count: usize| format!("x = {}1", "-".repeat(count));
    assert_eq!(survive("200", unary(200)), 0);
    assert_eq!(survive("201", unary(201)), 1);
}

#[test]
fn height_is_1000() {
    for link in [" + a", ".b", "(1)", "[0]", " || b", "?.c"] {
        assert_eq!(survive(link, format!("x = a{}", link.repeat(999))), 0, "{link}");
        assert_eq!(survive(link, format!("x = a{}\ny = 1", link.repeat(1000))), 1, "{link}");
        assert_eq!(survive(link, format!("x = a{}", link.repeat(100_000))), 1, "{link}");
    }
    let inner = |count: usize| format!("x = () => {{ return 1{} }}", " + 1".repeat(count));
    assert_eq!((survive("lambda", inner(998)), survive("lambda", inner(999))), (0, 1));
}

#[test]
fn long_and_strange() {
    let megabyte = 1 << 20;
    survive("one name", "a".repeat(megabyte));
    survive("one number", "9".repeat(megabyte));
    survive("one string", format!("x = \"{}", "a".repeat(megabyte)));
    survive("NUL", "\0".repeat(megabyte));
    survive("NUL apart", "a \0 ".repeat(megabyte / 4));
    survive("blanks", format!("if a:\n{}b\n{}", " ".repeat(megabyte), "c\n".repeat(1000)));
    survive("comment", "/*".repeat(megabyte / 2));
    survive("quotes", "\"".repeat(megabyte));
    survive("templates", "\"${\"".repeat(megabyte / 4));
    for bad in ["$ ", "\u{201e}", "` ", "\u{2018}x", "@"] {
        survive(bad, bad.repeat(megabyte / bad.len()));
    }
    survive("arguments", format!("f({})", "a,".repeat(megabyte / 2)));
    survive("else if", format!("if a {{ }} {}", "else if b { } ".repeat(megabyte / 14)));
    survive("colons", "if a: ".repeat(megabyte / 6));
    survive("one-line blocks", "if a: b;".repeat(megabyte / 8));
    survive("mixed brackets", "([{)]}".repeat(megabyte / 6));
    survive("unclosed", "f(a[{b".repeat(megabyte / 6));
    survive("errors", "let = \n".repeat(megabyte / 7));
    survive("errors on one line", "let = ;".repeat(megabyte / 7));
    survive("shifts", format!("x = {}", "a >> ".repeat(megabyte / 5)));
    survive("types", format!("let x: {}", "A<".repeat(megabyte / 2)));
    survive("arrows", "(a) => ".repeat(megabyte / 7));
    survive("debug", "debug (a);".repeat(megabyte / 10));
    survive(
        "steps",
        (0..1400)
            .map(|depth| {
                " ".repeat(depth)
                    + "if a:
"
            })
            .collect(),
    );
    survive("dots", "a.".repeat(megabyte / 2));
    survive("escapes", format!("x = \"{}\"", "\\u{".repeat(megabyte / 3)));
    survive("big numbers", format!("{}\n", "9".repeat(1234)).repeat(850));
}

/// Every prefix of a program, and the program with any one token changed, is answered without panic.
#[test]
fn broken_programs() {
    let source = include_str!("sample.zx");
    for end in (0..source.len()).filter(|end| source.is_char_boundary(*end)) {
        parsed(&source[..end]);
    }
    let words: Vec<&str> = source.split_inclusive(|c: char| !c.is_alphanumeric()).collect();
    for index in 0..words.len() {
        for with in ["", "(", ")", "{", "}", "[", "]", ":", "\n", "\"", "${", "let ", "=> ", ", ", "match ", "= ", "? "]
        {
            let mut changed = words.clone();
            changed[index] = with;
            parsed(&changed.concat());
        }
    }
}
