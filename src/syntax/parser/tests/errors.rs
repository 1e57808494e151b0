//! What is said about mistakes, and that one mistake is one error.

use super::{errors, parsed};
use crate::syntax::ast::StmtKind;
use crate::syntax::diagnostic::{MAX_DIAGNOSTICS, SourceFile, render};

/// Each text and its errors: the place in brackets, the message, the help.
const TABLE: &[(&str, &[&str])] = &[
    ("let x = = 5", &["[=] expected an expression, found `=` (`==` is written without a blank)"]),
    ("let 3x = 1", &["[3x] a number followed directly by a letter (a name starts with a letter or `_`)"]),
    ("x = 1_000", &["[1_000] a number followed directly by a letter (digits cannot be separated by `_`)"]),
    ("x = 0x", &["[0x] a number followed directly by a letter (hexadecimal digits must follow `0x`)"]),
    ("screen Home { x }", &["[screen] `screen` is not supported: user interfaces are outside this runtime"]),
    ("inject db", &["[inject] `inject` is not supported: dependency injection is outside this runtime"]),
    (
        "acton f(x) { return x }\nf(1)",
        &["[acton] expected a statement, found `acton` followed by `f` (did you mean `action`?)"],
    ),
    ("whlie c { f() }", &["[whlie] expected a statement, found `whlie` followed by `c` (did you mean `while`?)"]),
    (
        "greet \"x\"",
        &["[greet] expected a statement, found `greet` followed by a string (a call is written `greet(...)`)"],
    ),
    (
        "x = a\n- b\n~c",
        &[
            "[-] a statement cannot begin with `-` (to go on with the line above, move the `-` to its end)",
            "[~] a statement cannot begin with `~` (to go on with the line above, move the `~` to its end)",
        ],
    ),
    (
        "let if = 5\naction f(in) { }",
        &[
            "[if] `if` is a reserved word and cannot be a name (choose another name)",
            "[in] `in` is a reserved word and cannot be a name (choose another name)",
        ],
    ),
    ("if x = 5 { f() }", &["[=] `=` in a condition (`=` assigns; did you mean `==`?)"]),
    ("while (a = b) { }", &["[=] expected `)`, found `=` (`=` assigns; did you mean `==`?)"]),
    ("let x == 5", &["[==] expected the end of the statement, found `==` (`=` assigns, `==` compares)"]),
    (
        "a = b = c",
        &["[=] expected the end of the statement, found `=` (an assignment is a statement of its own, not a value)"],
    ),
    ("f(x) = 1", &["[f(x)] cannot assign to this with `=` (a name, `a[i]` or `a.b` can be assigned; `==` compares)"]),
    ("a?.b = 1", &["[a?.b] cannot assign to this with `=` (a name, `a[i]` or `a.b` can be assigned; `==` compares)"]),
    ("f(a, b\nlet y = 2", &["[(] this `(` is not closed"]),
    ("f(a b)\ng()", &["[b] expected `,` or `)`, found `b`"]),
    ("f(\n a b,\n c\n)\ng()", &["[b] expected `,` or `)`, found `b`"]),
    ("x = [1, 2", &["[[] this `[` is not closed"]),
    ("}", &["[}] unexpected `}`: no bracket is open here"]),
    ("f())", &["[)] unexpected `)`: no such bracket is open here"]),
    (
        "f() g()",
        &["[g] expected the end of the statement, found `g` (begin a new line, or write `;` between two statements)"],
    ),
    ("x = \"abc\ny = 1", &["[\"] this string is not closed"]),
    ("x = \"a ${b\ny = 1", &["[\"] this string is not closed"]),
    ("x = 'a", &["['] this string is not closed"]),
    ("action f() { /* abc }", &["[/*] this comment is not closed"]),
    ("x = \"a ${b + } c\"", &["[}] expected an expression, found the end of the interpolation"]),
    ("x = \"a ${b c} d\"", &["[c] expected `}`, found `c`"]),
    ("x = \"\\uD800\"", &["[\\uD800] this escape names no character"]),
    (
        "x = 1 @ 2\ny = \u{201c}a\u{201d}",
        &[
            "[@] unexpected character `@`",
            "[\u{201c}a\u{201d}] unexpected character `\u{201c}` (strings are written with straight quotes: `\"`)",
        ],
    ),
    ("x = größe", &["[öße] unexpected character `ö` (names consist of the letters a to z, digits and `_`)"]),
    ("x = \0\0", &["[\0\0] unexpected control character U+0000"]),
    ("x = print 1", &["[print] `print` needs parentheses inside an expression"]),
    ("x = +1", &["[+] expected an expression, found `+` (there is no unary `+`)"]),
    ("try { }", &["[try] `try` needs a `catch` or a `finally`"]),
    ("else { }", &["[else] `else` without `if`"]),
    ("catch e { }", &["[catch] `catch` without `try`"]),
    ("if a:\nb", &["[b] expected an indented block after `:`"]),
    ("if a:\n    b\n  c", &["[c] this line is indented like none of the blocks around it"]),
    ("const x", &["[] expected `=` and a value, found the end of the file"]),
    ("for x xs { }", &["[xs] expected `in`, found `xs`"]),
    ("export f()", &["[f] expected a declaration or names after `export`"]),
    ("use {a} \"x\"", &["[\"x\"] expected `from`, found a string"]),
    ("match v { 1 = 2, 3 => 4 }", &["[=] expected `=>`, found `=`"]),
    (
        "contract C { foo() { }\n x = 1\n acton g() { }\n action h() { let }\n }",
        &[
            "[foo] expected a field, an event, a modifier or an action, found `foo` (an action is declared by `action foo(...)`)",
            "[x] expected a field, an event, a modifier or an action, found `x` (a field is declared by `state x = ...`)",
            "[acton] expected a field, an event, a modifier or an action, found `acton` (did you mean `action`?)",
            "[}] expected a name, found `}`",
        ],
    ),
    ("while { }", &["[] expected `{`, found the end of the file"]),
];

#[test]
fn table() {
    for (source, expected) in TABLE {
        assert_eq!(errors(source), *expected, "{source}");
    }
}

#[test]
fn numbers_too_large() {
    assert_eq!(errors(&format!("x = {}", "9".repeat(1300))).len(), 1);
    let (parsed, _) = parsed(&format!("x = {}", "9".repeat(1300)));
    assert_eq!(parsed.diagnostics[0].message, "Integer overflow");
}

#[test]
fn a_missing_brace_points_at_its_opening() {
    let source = "action f() {\n  if x {\n    print 1\n}\naction g() { }";
    let (parsed, _) = parsed(source);
    assert_eq!(parsed.diagnostics.len(), 1);
    let text = render(&SourceFile::new("f.zx", source).into(), "error", &parsed.diagnostics[0], false);
    let expected = "error: this `{` is not closed\n --> f.zx:1:12\n  |\n1 | action f() {\n  |            ^ opened here\n\
        note: the `}` may be missing here: the one that closes this is indented less\n --> f.zx:2:8\n  |\n2 |   if x {\n  |        ^\n";
    assert_eq!(text, expected);
}

#[test]
fn a_missing_brace_is_one_error() {
    let source = "contract Bank {\n  state total = 0\n  action add(n) {\n    this.total += n\n  }\n\n\
        let bank = Bank()\nbank.add(5)\nfor each x in [1] {\n  print(x)\n}\n";
    assert_eq!(errors(source), ["[{] this `{` is not closed"]);
    let before = format!("let = 1\n{source}let = 2\n");
    assert_eq!(errors(&before).len(), 2, "{:?}", errors(&before));
}

#[test]
fn nesting_and_height() {
    let deep = format!("x = {}1{}", "(".repeat(300), ")".repeat(300));
    assert_eq!(errors(&deep), ["[(] nested too deeply (at most 200 levels)"]);
    let long = format!("x = 1{}", " + 1".repeat(1500));
    assert_eq!(errors(&long), ["[+] expression too long: split it into several statements"]);
}

#[test]
fn parsing_goes_on_after_a_mistake() {
    let source =
        "let x = \nlet y = 1\naction f() {\n  g(\n  return 1\n}\nif a { let } else { f() }\nlet z = ]\nprint 5";
    let (parsed, _) = parsed(source);
    assert_eq!(parsed.diagnostics.len(), 4, "{:#?}", parsed.diagnostics);
    let stmts = &parsed.program.stmts;
    assert!(matches!(stmts[0].kind, StmtKind::Error));
    assert!(matches!(stmts[1].kind, StmtKind::Let { .. }));
    assert!(matches!(stmts[2].kind, StmtKind::Action(_)));
    assert!(matches!(stmts[3].kind, StmtKind::If(_, Some(_))));
    assert!(matches!(stmts[5].kind, StmtKind::Print(_)));
    assert!(parsed.diagnostics.is_sorted_by_key(|error| error.span.start));
}

#[test]
fn at_most_fifty() {
    assert_eq!(errors(&"let = 1\n".repeat(500)).len(), MAX_DIAGNOSTICS);
    assert_eq!(errors(&"x = @\n".repeat(500)).len(), MAX_DIAGNOSTICS);
}
