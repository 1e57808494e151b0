//! Parsing takes work in proportion to the text: counted as looks at tokens, so the proof is the same on every machine.

use super::{LOOKS_PER_BYTE, looks, parsed};

/// Eight times the text may take eight times the work, and a tenth more; and never more than the bound for a byte.
fn assert_linear(what: &str, text: impl Fn(usize) -> String) {
    let (small, large) = (text(4_000), text(32_000));
    let count = |text: &str| looks(|| drop(parsed(text)));
    let (few, many) = (count(&small), count(&large));
    assert!(few > 0, "{what}: the parser looked at nothing");
    assert!(many <= few * 9 + 1000, "{what}: {few} looks at {} bytes, {many} at {}", small.len(), large.len());
    assert!(many <= large.len() as u64 * LOOKS_PER_BYTE, "{what}: {many} looks at {} bytes", large.len());
}

#[test]
fn well_formed_texts() {
    for piece in [
        "let x = a + b * c\n",
        "if a { b() } else if c { d() } else { e() }\n",
        "action f(x, y = 1) -> integer { return x + y }\n",
        "contract C { data a = 1\n action f() { this.a += 1 } }\n",
        "entity E { a: integer = 1, action m() { return this.a } }\n",
        "match a { 1 => b, [x, ...y] => c, {k: v} => d, _ => e }\n",
        "let m = {a: [1, 2, {b: 3}], \"c\": (x, y) => x + y}\n",
        "print(\"a ${b + \"${c}\"} d\")\n",
        "if a:\n    if b:\n        c()\n    d()\n",
        "for each k, v in m { try { f(k) } catch (e) { g(e) } finally { h() } }\n",
        "let t: Map<string, List<(A, B)>> = {}\n",
        "let f = ((a, b)) => (a)\n",
        "spawn { f() }\ndebug (a)\n",
    ] {
        assert_linear(piece, |count| piece.repeat(count / 4));
    }
}

/// Brackets inside one another as deep as they may be, again and again, and far deeper.
#[test]
fn nested_texts() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("f(", ")"),
        ("{a: ", "}"),
        ("\"${", "}\""),
        ("x => ", ""),
        ("(x) => ", ""),
        ("((x)) => ", ""),
        ("a ? ", " : b"),
        ("match a { b => ", "}"),
        ("action() { ", "}"),
        ("P{a: ", "}"),
        ("-", ""),
        ("2 ** ", ""),
    ] {
        assert_linear(open, |count| {
            let deep = format!("x = {}1{}\n", open.repeat(60), close.repeat(60));
            deep.repeat(count / 60)
        });
        assert_linear(open, |count| format!("x = {}1{}\n", open.repeat(count), close.repeat(count)));
    }
}

#[test]
fn malformed_texts() {
    for piece in [
        "(",
        "[",
        "{",
        ")",
        "]",
        "}",
        "f(a[{b",
        "([{)]}",
        "let = \n",
        "let = ;",
        "if a: ",
        "if a {\n",
        "(a) => ",
        "A<",
        "match - ",
        "match -1 {",
        "match (a",
        "let x: A<",
        "a.",
        "a ? ",
        "\"${",
        "case ",
        "=> ",
        ": ",
        ", ",
        "use { a, ",
        "data D { a: ",
        "contract C { ",
        "action f(",
        "for (a; ",
        "try { ",
        "catch ",
        "else ",
        "x = (\n",
        "debug (a);",
        "spawn (",
        "print (a",
        "0x ",
        "@ ",
        "// a\n(",
        "a\n- b\n",
        "f(a\n",
        "{ a: 1, b\n",
        "if (a\n",
        "return (",
        "emit A {",
    ] {
        assert_linear(piece, |count| piece.repeat(count));
        assert_linear(piece, |count| format!("action f() {{\n{}\n}}\nlet y = 1\n", piece.repeat(count)));
    }
    // Each level of a nest fails at the same line, behind all that stands in the innermost.
    assert_linear("a line to the left of all blocks but one", |count| {
        let nest: String = (0..180).map(|depth| " ".repeat(2 * depth) + "if a:\n").collect();
        let body = format!("{}b\n", " ".repeat(360)).repeat(count / 90);
        nest + &body + " x\n" + &"y\n".repeat(count)
    });
    assert_linear("a long line with mistakes at its end", |count| "x;".repeat(count) + &"if a b;".repeat(45));
    assert_linear("quotes of another sort", |count| "\u{201e}a ".repeat(count));
    assert_linear("brackets in brackets", |count| {
        let level = "f(() => { x = [1\n} y; ";
        format!("{}{}\nz\n", level.repeat(60), "g();".repeat(count))
    });
    assert_linear("arms", |count| format!("match a {{ {} }}", "[b, c => d, ".repeat(count / 4)));
    assert_linear("steps", |count| {
        // The indentation itself is text: as many lines as its square root.
        let depth = (count as f64).sqrt() as usize;
        (0..depth).map(|depth| " ".repeat(depth) + "if a:\n").collect()
    });
}
