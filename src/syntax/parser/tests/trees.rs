//! What texts mean.

use super::{check, parsed, tree};
use crate::syntax::ast::{ExprKind, Part, StmtKind};

#[test]
fn precedence() {
    check(&[
        ("a + b * c - d", "(- (+ a (* b c)) d)"),
        ("x = -2 ** 2", "(= x (- (** 2 2)))"),
        ("x = 2 ** -3 ** 2", "(= x (** 2 (- (** 3 2))))"),
        ("x = -a.b() * c", "(= x (* (- (call a.b)) c))"),
        ("x = not a == b && c", "(= x (&& (! (== a b)) c))"),
        ("x = a == not b == c", "(= x (== a (! (== b c))))"),
        ("x = !a == b", "(= x (== (! a) b))"),
        (
            "x = a ?? b || c && d == e < f | g ^ h & i << j .. k + l * m",
            "(= x (?? a (|| b (&& c (== d (< e (| f (^ g (& h (<< i (.. j (+ k (* l m)))))))))))))",
        ),
        ("x = a * b + c .. d", "(= x (.. (+ (* a b) c) d))"),
        ("x = a ? b : c ? d : e", "(= x (? a b (? c d e)))"),
        ("x = a ? b ? 1 : 2 : 3", "(= x (? a (? b 1 2) 3))"),
        ("x = a or b and c", "(= x (|| a (&& b c)))"),
        ("x = a in b and c not in d", "(= x (&& (in a b) (not-in c d)))"),
        ("x = a - b - c", "(= x (- (- a b) c))"),
        ("x = (a - (b - c))", "(= x (- a (- b c)))"),
        ("x = await f() + 1", "(= x (+ (await (call f)) 1))"),
        ("x = -9223372036854775808", "(= x (- big:9223372036854775808))"),
        ("x = 7 % 2 / 3", "(= x (/ (% 7 2) 3))"),
    ]);
}

#[test]
fn literals_and_operands() {
    check(&[
        (
            "x = [1, 1.5, 5., 1e3, 0x1F, 'a', b\"\\xff\", true, null,]",
            r#"(= x [1 1.5 5.0 1000.0 31 "a" b[255] true null])"#,
        ),
        ("x = 1..5", "(= x (.. 1 5))"),
        ("x = 5.foo()", "(= x (call 5.foo))"),
        ("x = '''a\n'b'''", r#"(= x "a\n'b")"#),
        ("x = \"\"\"${a}\"\"\"", r#"(= x "${a}")"#),
        ("x = 'a${b}'", r#"(= x "a${b}")"#),
        ("x = \"a\\${b}\"", r#"(= x "a${b}")"#),
        (
            "x = {a: 1, 'b c': 2, 3: 4, [k]: 5, if: 6, true: 7, -1: 8,}",
            "(= x {a:1 b c:2 [3]:4 [k]:5 if:6 [true]:7 [(- 1)]:8})",
        ),
        ("x = {}", "(= x {})"),
        ("x = {\n  a: 1,\n  b: [\n1\n,2]\n}", "(= x {a:1 b:[1 2]})"),
        (
            "x = a[1:3] + a[:2] + a[3:] + a[:] + a[i]",
            "(= x (+ (+ (+ (+ (slice a 1 3) (slice a - 2)) (slice a 3 -)) (slice a - -)) (at a i)))",
        ),
        ("x = a?.b?.c()?.[1]?.(2)", "(= x (?call (?at (call a?.b?.c) 1) 2))"),
        ("x = Point{x: 1, y: m.Other{}}", "(= x (new Point x:1 y:(new m.Other)))"),
        ("x = a.if.print", "(= x a.if.print)"),
        ("x = this.a + self.b + super.f()", "(= x (+ (+ this.a this.b) (call super.f)))"),
        ("x = print(1, 2)", "(= x (print! 1 2))"),
    ]);
}

#[test]
fn interpolation() {
    check(&[
        (r#"x = "a ${b + 1} c""#, r#"(= x (text "a " (+ b 1) " c"))"#),
        (r#"x = "${f("in ${g({k: "}"})}")}""#, r#"(= x (text (call f (text "in " (call g {k:"}"})))))"#),
        ("x = \"${a\n+ b}\\n\"", r#"(= x (text (+ a b) "\n"))"#),
        (r#"x = {"a${b}": 1}"#, r#"(= x {[(text "a" b)]:1})"#),
    ]);
    let source = r#"let x = "é${ab}${c}""#;
    let (parsed, _) = parsed(source);
    let StmtKind::Let { value: Some(value), .. } = &parsed.program.stmts[0].kind else { panic!("a let") };
    let ExprKind::Interpolated(parts) = &value.kind else { panic!("an interpolation") };
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Expr(expr) => Some(&source[expr.span.start as usize..expr.span.end as usize]),
            Part::Text(_) => None,
        })
        .collect();
    assert_eq!(texts, ["ab", "c"]);
    assert_eq!(&source[value.span.start as usize..value.span.end as usize], r#""é${ab}${c}""#);
}

#[test]
fn ends_of_statements() {
    check(&[
        ("a = 1\nb = 2; c = 3;;\n;", "(= a 1); (= b 2); (= c 3)"),
        ("if x { return n }", "(if x {(return n)})"),
        ("if x { f() } greet('x')", "(if x {(call f)}); (call greet \"x\")"),
        ("let f = action(x) { g() } h()", "(let f (lambda [x] {(call g)})); (call h)"),
        ("x = a +\n b", "(= x (+ a b))"),
        ("x =\n b", "(= x b)"),
        ("print a,\n b", "(print a b)"),
        ("x = f(\n a\n , b)", "(= x (call f a b))"),
        ("x = a\n .b()\n ?.c\n ?? d", "(= x (?? (call a.b)?.c d))"),
        ("x = a\n ? b\n : c", "(= x (? a b c))"),
        ("x = a\n && b\n || c\n and d\n or e", "(= x (|| (|| (&& a b) (&& c d)) e))"),
        ("x = a\n == b\n != c", "(= x (!= (== a b) c))"),
        ("x = a\n < b\n + c\n * d\n / e\n % f\n ** g", "(= x (< a (+ b (% (/ (* c d) e) (** f g)))))"),
        ("x = a\n(b)", "(= x a); b"),
        ("x = a\n[b]", "(= x a); [b]"),
        ("x = a\n{ f() }", "(= x a); {(call f)}"),
        ("x = a\n!f()", "(= x a); (! (call f))"),
        ("x = a\n-f()", "(= x a); (- (call f))"),
        ("x = a\nnot f()", "(= x a); (! (call f))"),
        ("x = (a\n(b)\n- c)", "(= x (- (call a b) c))"),
        ("return\nx", "(return); x"),
        ("if a { }\nelse { }\nif b { }\nelif c { }", "(if a {} else {}); (if b {} c {})"),
        ("try { }\ncatch e { }\nfinally { }", "(try {} catch e {} finally {})"),
        ("if a\n{\n}\nelse\n{\n}", "(if a {} else {})"),
        ("#!/usr/bin/env zx-run\r\nx = 1\r\ny = 2 // c\r\n/* a /* b */ c */ z = 3", "(= x 1); (= y 2); (= z 3)"),
        ("\u{feff}x = 1", "(= x 1)"),
        ("x = a /* \n */ y = 2", "(= x a); (= y 2)"),
        ("let x: Map<K, V>\nlet y: T?\nlet z: [T] = []\nlet w: a.B[] = 1", "(let x); (let y); (let z []); (let w 1)"),
        ("let x: Map<K, List<V>> = 1\nlet y: List<V>= 2\nlet z: (A, B)", "(let x 1); (let y 2); (let z)"),
    ]);
}

#[test]
fn contextual_keywords() {
    check(&[
        ("let action = 1\naction = action + 1", "(let action 1); (= action (+ action 1))"),
        ("state = state + 1", "(= state (+ state 1))"),
        ("data[k] = v\ndata.x = 1\ndata(1)", "(= (at data k) v); (= data.x 1); (call data 1)"),
        ("action f(from, to, limit, match) { return from }", "(action f [from to limit match] {(return from)})"),
        ("match = 1\nprint(match)\nmatch(1)", "(= match 1); (print match); (call match 1)"),
        ("pattern = debug\ndebug = spawn", "(= pattern debug); (= debug spawn)"),
        (
            "emit = 1\nemit(x)\nuse(x)\nexport = 2\nevent.log()",
            "(= emit 1); (call emit x); (call use x); (= export 2); (call event.log)",
        ),
        ("verify = 1\nverify.x = 2", "(= verify 1); (= verify.x 2)"),
        ("let lambda = 1; async = lambda", "(let lambda 1); (= async lambda)"),
        (
            "action print(x) { }\naction in(x) { }\na.match(1)",
            "(action print [x] {}); (action in [x] {}); (call a.match 1)",
        ),
        ("contract\nfoo", "contract; foo"),
        ("for each in xs { }\nfor each x in xs { }", "(each each in xs {}); (each x in xs {})"),
        (
            "LET x = 1\nPRINT x\nIF x { } ELSE { }\nLET = 2\nLET.x = 3",
            "(let x 1); (print x); (if x {} else {}); (= LET 2); (= LET.x 3)",
        ),
        ("CONTRACT C { STATE x = 1\n ACTION f() { RETURN x } }", "(contract C (x 1) (action f [] {(return x)}))"),
        ("debug x\ndebug(y)\ngc 'now'\ngc()", "(debug x); (debug y); (gc); (call gc)"),
        ("action debug(x) { }\ndebug(y)", "(action debug [x] {}); (call debug y)"),
        (
            "spawn f()\nx = spawn (f())\nspawn { f() }",
            "(spawn (call f)); (= x (spawn (call f))); (spawn (call (lambda [] {(call f)})))",
        ),
        ("default = 1\ncase = 2\nthen = from", "(= default 1); (= case 2); (= then from)"),
    ]);
}

#[test]
fn print_forms() {
    check(&[
        ("print(a, b)", "(print a b)"),
        ("print a, b", "(print a b)"),
        ("print", "(print)"),
        ("print()", "(print)"),
        ("print (a) + b", "(print (+ a b))"),
        ("print (a) + b, c", "(print (+ a b) c)"),
        ("print (a), b", "(print a b)"),
        ("print (a).b", "(print a.b)"),
        ("print (a)[0]", "(print (at a 0))"),
        ("print (a) ? b : c", "(print (? a b c))"),
        ("print (a) not in b", "(print (not-in a b))"),
        ("print(a)\n(b)", "(print a); b"),
        ("print(a)\n[b]", "(print a); [b]"),
        ("print(a)\n-f()", "(print a); (- (call f))"),
        ("print \"x = \" + string(x)", "(print (+ \"x = \" (call string x)))"),
        ("print (x) => x", "(print (lambda [x] {(return x)}))"),
        ("if a { print b } print(c)", "(if a {(print b)}); (print c)"),
        (
            "verify c, \"m\"\nverify(c, \"m\")\nverify (a) && b, \"m\"\nverify !c",
            "(verify c \"m\"); (verify c \"m\"); (verify (&& a b) \"m\"); (verify (! c))",
        ),
    ]);
}

#[test]
fn lambdas_and_parentheses() {
    check(&[
        ("f = (a, b) => a + b", "(= f (lambda [a b] {(return (+ a b))}))"),
        ("f = () => 1", "(= f (lambda [] {(return 1)}))"),
        ("f = x => y => x", "(= f (lambda [x] {(return (lambda [y] {(return x)}))}))"),
        ("f = (a: T, b = 2) => { g() }", "(= f (lambda [a b=2] {(call g)}))"),
        ("f = (a)", "(= f a)"),
        (
            "f = lambda(x): x + 1\ng = lambda(x) { return x }",
            "(= f (lambda [x] {(return (+ x 1))})); (= g (lambda [x] {(return x)}))",
        ),
    ]);
    check(&[
        (
            "f(action(x) { return x }, function() { }, y => 1)",
            "(call f (lambda [x] {(return x)}) (lambda [] {}) (lambda [y] {(return 1)}))",
        ),
        ("f = async action(x) { }\ng = async (x) => 1", "(= f (lambda [x] {})); (= g (lambda [x] {(return 1)}))"),
        ("f = action(x) -> T { }", "(= f (lambda [x] {}))"),
        ("x = action(1) + function(2)", "(= x (+ (call action 1) (call function 2)))"),
        ("x = c ? a => 1 : b => 2", "(= x (? c (lambda [a] {(return 1)}) (lambda [b] {(return 2)})))"),
        ("(action(x) { })(3)", "(call (lambda [x] {}) 3)"),
        (
            "xs.map(x => x * 2).filter((x) => {\n return x\n})",
            "(call (call xs.map (lambda [x] {(return (* x 2))})).filter (lambda [x] {(return x)}))",
        ),
    ]);
}

#[test]
fn control_flow() {
    check(&[
        ("if (a) && (b) { } else if c { } elif d { } else { }", "(if (&& a b) {} c {} d {} else {})"),
        ("if a then { }", "(if a {})"),
        ("while (i < n) { i += 1 }", "(while (< i n) {(+= i 1)})"),
        ("while x { }", "(while x {})"),
        ("while f(Point{x: 1}) { }", "(while (call f (new Point x:1)) {})"),
        ("for x in 1..n { }", "(each x in (.. 1 n) {})"),
        ("for each k, v in m { }", "(each k v in m {})"),
        (
            "for (x in xs) { }\nfor (let x in xs) { }\nfor (each k, v in m) { }",
            "(each x in xs {}); (each x in xs {}); (each k v in m {})",
        ),
        ("for (let i = 0; i < 3; i += 1) { }", "(for (let i 0) (< i 3) (+= i 1) {})"),
        ("for (;;) { break; continue }", "(for - - - {break; continue})"),
        ("try { throw 1 } catch (e) { } finally { }", "(try {(throw 1)} catch e {} finally {})"),
        ("try { } catch { }\ntry { } finally { }", "(try {} catch {}); (try {} finally {})"),
        ("defer { f() }", "(defer {(call f)})"),
        (
            "let {a, b: c} = m\nlet [p, q, ...r] = l\nlet (s, t) = u",
            "(let {a:a b:c} m); (let [p q ...r] l); (let [s t] u)",
        ),
        ("const x: int = 1", "(const x 1)"),
        ("let x << 'f'", "(let-file x \"f\")"),
        ("a.b[c].d **= 2", "(**= (at a.b c).d 2)"),
        ("config.jit_threshold = 5", "(= config.jit_threshold 5)"),
        (
            "state x = 1\ndata y: T = 2\npersistent z = 3\npersistent storage w: T",
            "(let x 1); (let y 2); (let z 3); (let w)",
        ),
    ]);
}

#[test]
fn colon_blocks() {
    check(&[
        ("if a:\n  f()\n  g()\nh()", "(if a {(call f); (call g)}); (call h)"),
        ("if a: f()\nelse: g()\nh()", "(if a {(call f)} else {(call g)}); (call h)"),
        ("if a:\n  if b:\n    f()\nelse:\n  g()", "(if a {(if b {(call f)})} else {(call g)})"),
        ("if a:\n  if b:\n    f()\n  else:\n    g()\nh()", "(if a {(if b {(call f)} else {(call g)})}); (call h)"),
        ("while a:\n\tf()\n        g()", "(while a {(call f); (call g)})"),
        (
            "for each x in xs:\n  if x: continue\n  f(x)\n\n\n# c\ng()",
            "(each x in xs {(if x {continue}); (call f x)}); (call g)",
        ),
        ("action f(x):\n  return x\nf(1)", "(action f [x] {(return x)}); (call f 1)"),
        ("try:\n  f()\ncatch e:\n  g()\nfinally:\n  h()", "(try {(call f)} catch e {(call g)} finally {(call h)})"),
        ("{\n  if a:\n    f()\n}", "{(if a {(call f)})}"),
        (
            "contract C:\n  state x = 1\n  action f():\n    return x\nC()",
            "(contract C (x 1) (action f [] {(return x)})); (call C)",
        ),
        ("if a:\n  x = f(\n1,\n2)\n  g()", "(if a {(= x (call f 1 2)); (call g)})"),
        ("\u{feff}if a:\n f()", "(if a {(call f)})"),
        ("if a { f() }\nelse:\n  g()", "(if a {(call f)} else {(call g)})"),
    ]);
}

#[test]
fn matches() {
    check(&[
        ("x = match v { 1 => a, 'a' | -2 => b\n _ => 0 }", "(= x (match v {1 => a, \"a\" | (- 2) => b, _ => 0}))"),
        (
            "x = match v { Circle(r) => r; [p, ...q] => p, [...] => 0, {k: w, z} => w }",
            "(= x (match v {(Circle of ?r) => r, [?p ...q] => p, [ ...] => 0, {k:?w z:?z} => w}))",
        ),
        (
            "x = match v { n if n => n, E.A => 1, this.x => 2, P{a: 1, b} => 3 }",
            "(= x (match v {?n if n => n, E.A => 1, this.x => 2, (P of a:1 b:?b) => 3}))",
        ),
        (
            "pattern v { case 1 => f(); case n: print n, default => { g() } }",
            "(pattern v {1 => (call f), ?n => {(print n)}, _ => {(call g)}})",
        ),
        (
            "match (v) { 1 => {}, 2 => {a: 1}, 3 => { f() }, 4 => return 5, 5 => x = 6 }",
            "(match v {1 => {}, 2 => {a:1}, 3 => {(call f)}, 4 => {(return 5)}, 5 => {(= x 6)}})",
        ),
        (
            "match v {\n 1:\n  f()\n  g()\n 2: 'b'\n 3:\n  'c'\n}",
            "(match v {1 => {(call f); (call g)}, 2 => \"b\", 3 => \"c\"})",
        ),
        ("print(match v { 1 => a\n 2 => b })", "(print (match v {1 => a, 2 => b}))"),
        ("return match a.b { x => y => x }", "(return (match a.b {?x => (lambda [y] {(return x)})}))"),
    ]);
}

#[test]
fn declarations() {
    check(&[
        (
            "action f { }\naction g() -> T { }\nfunction h(a, b: T = 1) { }",
            "(action f [] {}); (action g [] {}); (action h [a b=1] {})",
        ),
        (
            "async action f() { }\naction async g() { }\ninline native sealed secure action h() { }",
            "(action f [] {}); (action g [] {}); (action h [] {})",
        ),
        ("external action f(a)\nexternal action g(a);\nh()", "(external f [a] {}); (external g [a] {}); (call h)"),
        (
            "action f(a) limit 50 modifier m, n(1) { }\naction g() limit(n) { }",
            "(action f [a] limit 50 modifier m() modifier n(1) {}); (action g [] limit n {})",
        ),
        (
            "entity E extends B { a: T, b = 1\n c\n action m() { this.a } private d: [T] }",
            "(entity E extends B (a:T) (b 1) (c) (private d:list) (action m [] {this.a}))",
        ),
        ("data D { f: T = 1, method m() { } action: T }", "(data D (f:T 1) (action:T) (action m [] {}))"),
        ("enum E { A, B = 5\n C }", "(enum E A B=5 C)"),
        (
            "protocol P { action a(x); action b(x, y) -> T\n c() }\ninterface I { }",
            "(protocol P a/1 b/2 c/0); (protocol I )",
        ),
        ("module M { let x = 1 }", "(module M {(let x 1)})"),
        ("type_alias A = Map<K, V>\ntype_alias B { x: T }", "(type A); (type B)"),
        (
            "use './f.zx'\nuse './f' as m\nuse {a, b as c} from './f'",
            "(use \"./f.zx\"); (use \"./f\" as m); (use \"./f\" {a:a b:c})",
        ),
        (
            "export let x = 1\nexport action f() { }\nexport a, b\nexport use './f' as m\nexport state",
            "(export (let x 1)); (export (action f [] {})); (export a b); (export-use \"./f\" as m); (export state)",
        ),
        (
            "emit Moved(a, b)\nemit Moved {a: 1}\nemit Moved\nevent E(a: T)\nevent F",
            "(emit Moved a b); (emit Moved {a:1}); (emit Moved); (event E); (event F)",
        ),
    ]);
}

#[test]
fn contracts() {
    let source = "contract C extends a.B implements P, Q {
        data x = 1
        state y = [
            2
        ]
        state { a: 1, b: 2 }
        let z = 3; const k = 4
        private data s = 5
        persistent storage w: Map<K, V>
        persistent storage v: T[] = 6
        ledger h;
        event Moved(a, b)
        event Gone { a: T, b: U }
        modifier only_owner { require(TX.caller == this.owner, 'no') }
        constructor(a) { }
        action init(a) { }
        private action f(a, b) limit 50000 modifier only_owner { }
        action view g() { }
        action h() public pure -> T { }
        public payable function state() { emit Moved(1, 2) }
    }";
    let expected = "(contract C extends a.B implements P Q (x 1) (y [2]) (a 1) (b 2) (z 3) (const k 4) (private s 5) \
        (persistent w:Map) (persistent v:list 6) (h) (event Moved [a b]) (event Gone [a b]) \
        (modifier (action only_owner [] {(call require (== TX.caller this.owner) \"no\")})) (action constructor [a] {}) \
        (action init [a] {}) (action f [a b] private limit 50000 modifier only_owner() {}) (action g [] view {}) \
        (action h [] view {}) (action state [] {(emit Moved 1 2)}))";
    assert_eq!(tree(source), expected);
    check(&[(
        "contract C { action constructor(a) { } persistent x = 1 }",
        "(contract C (persistent x 1) (action constructor [a] {}))",
    )]);
}
