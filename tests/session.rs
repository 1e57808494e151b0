//! A program given input by input means what it would mean as one text, in every tier: state goes on, names may be
//! declared again, errors end one input only.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use zx::engine::{Engine, Inputs, Mode, NoModules, OutputSink, Reply, RunOptions, Session};

const MODES: [Mode; 9] = [
    Mode::Interpreter,
    Mode::Vm,
    Mode::Native,
    Mode::Adaptive,
    Mode::Fixed(0),
    Mode::Fixed(1),
    Mode::Fixed(2),
    Mode::Fixed(3),
    Mode::Chaos(7),
];

/// Says each input in every mode, collecting at every poll or not; what comes of it must be `expected`: the printed
/// lines, then `= value`, or `! message`, or `syntax: message`.
fn check(inputs: &[(&str, &str)]) {
    for mode in MODES {
        for collect_always in [false, true] {
            let texts = Inputs::default();
            let options =
                RunOptions { output: OutputSink::Capture, seed: Some(1), collect_always, ..RunOptions::default() };
            let mut session = Session::new(&Engine::new(mode), &texts, Box::new(NoModules), options);
            let mut seen = 0;
            for (at, (input, expected)) in inputs.iter().enumerate() {
                let reply = session.input(input);
                let printed = session.captured_output()[seen..].to_owned();
                seen = session.captured_output().len();
                let end = match reply {
                    Reply::Done(Some(value)) => format!("= {value}\n"),
                    Reply::Done(None) => String::new(),
                    Reply::Failed(failure) => format!("! {}\n", failure.message),
                    Reply::Invalid(errors) => format!("syntax: {}\n", errors.problems[0].message),
                };
                let told = printed + &end;
                assert_eq!(told.trim_end(), *expected, "input {at} `{input}`, {mode:?}, collecting {collect_always}");
            }
        }
    }
}

#[test]
fn variables_and_results() {
    check(&[
        ("let x = 20", ""),
        ("x + 1", "= 21"),
        ("x = x * 2; x", "= 40"),
        ("null", ""),
        ("print x, 1", "40 1"),
        ("", ""),
        ("// nothing", ""),
        ("let big = 2 ** 100", ""),
        ("let text = \"a\" + x", ""),
        ("[big, text, {k: x}, 1.5]", "= [1267650600228229401496703205376, a40, {k: 40}, 1.5]"),
        ("match x { 40 => \"forty\", _ => \"other\" }", "= forty"),
        ("let x = \"now a string\"", ""),
        ("x", "= now a string"),
        ("y", "! Identifier 'y' not found"),
        ("let y = 1", ""),
        ("y", "= 1"),
        ("return 5", "= 5"),
        ("let l = [3, 1, 2]", ""),
        ("for each n in sort(l) { print n }", "1\n2\n3"),
        ("l.push(9)", "= [3, 1, 2, 9]"),
        ("let [a, ...b] = l", ""),
        ("a + len(b)", "= 6"),
    ]);
}

#[test]
fn actions_are_called_before_they_are_declared_and_declared_again() {
    check(&[
        ("action outer(n) { return inner(n) + 1 }", ""),
        ("outer(1)", "! Identifier 'inner' not found"),
        ("action inner(n) { return n * 10 }", ""),
        ("outer(1)", "= 11"),
        ("action inner(n) { return n * 100 }", ""),
        ("outer(1)", "= 101"),
        ("let held = inner", ""),
        ("action inner(n) { return 0 }", ""),
        ("held(2) + outer(2)", "= 201"),
        ("let counter = null", ""),
        ("action make() { let n = 0\n return () => { n += 1\n return n } }", ""),
        ("counter = make()", ""),
        ("counter(); counter()", "= 2"),
        ("counter()", "= 3"),
        ("let total = 0", ""),
        ("action add(n) { total += n }", ""),
        ("for i in 0..10 { add(i) }", ""),
        ("total", "= 45"),
        ("action f(n) { return n < 2 ? n : f(n - 1) + f(n - 2) }", ""),
        ("f(15)", "= 610"),
        ("let sum = 0; let i = 0; while i < 700 { sum += f(i % 5); i += 1 }", ""),
        ("sum", "= 980"),
    ]);
}

#[test]
fn contracts_and_their_instances_go_on() {
    check(&[
        (
            "contract Token {\n data balances = {}\n action mint(who, n) { balances[who] = (balances[who] || 0) + n }\n \
             action send(a, b, n) { balances[a] -= n\n mint(b, n)\n require(balances[a] >= 0, \"poor\") }\n}",
            "",
        ),
        ("let t = Token()", ""),
        ("t.mint(\"ann\", 5)", ""),
        ("t.send(\"ann\", \"ben\", 9)", "! Requirement failed: poor"),
        ("t.balances", "= {ann: 5}"),
        ("contract Child extends Token { action mint(who, n) { super.mint(who, n * 2) } }", ""),
        ("let c = Child()", ""),
        ("c.mint(\"ann\", 5); c.send(\"ann\", \"ben\", 3)", ""),
        ("c.balances", "= {ann: 7, ben: 6}"),
        ("t.send(\"ann\", \"ben\", 1); t.balances", "= {ann: 4, ben: 1}"),
        ("action fresh() { return Token() }", ""),
        ("contract Token { data n = 7 }", ""),
        ("fresh().n", "= 7"),
        ("t.balances", "= {ann: 4, ben: 1}"),
        (
            "t.mint(\"cy\", 1); c.mint(\"cy\", 1); [t.balances, c.balances]",
            "= [{ann: 4, ben: 1, cy: 1}, {ann: 7, ben: 6, cy: 2}]",
        ),
        ("let n = 0; while n < 600 { t.send(\"ann\", \"ben\", 0)\n n += 1 }", ""),
        ("[t, Token(), Child]", "= [<contract Token>, <contract Token>, <contract Child>]"),
    ]);
}

#[test]
fn contracts_that_capture_variables_go_on() {
    let make = "action make(x) { contract Q { data n = x; action up() { x += 1; y += x; return [x, n] } }; return Q }";
    check(&[
        ("let y = 0", ""),
        (make, ""),
        ("let Q = make(4); let q = Q()", ""),
        ("q.up(); q.up()", "= [6, 4]"),
        ("Q().up()", "= [7, 6]"),
        ("Q.up(); Q.up(); y", "= 35"),
        ("let y = 100; let make = 0", ""),
        ("Q.up(); y", "= 110"),
        ("contract D extends Q { }", "syntax: there is no contract 'Q' to extend here"),
    ]);
}

#[test]
fn entities_data_enums_and_patterns() {
    check(&[
        ("entity Point { x: int, y: int = 1, action sum() { return this.x + this.y } }", ""),
        ("let p = Point(3)", ""),
        ("p.sum()", "= 4"),
        ("entity Deep extends Point { z: int = 5 }", ""),
        ("Deep(1, 2).z + Deep(1, 2).sum()", "= 8"),
        ("match p { Point(a, b) => a * 10 + b, _ => 0 }", "= 31"),
        ("data Pair { a: int, b: int }", ""),
        ("Pair(1, 2) == Pair(1, 2)", "= true"),
        ("Pair{a: 1, b: 2}", "= Pair { a: 1, b: 2 }"),
        ("enum Color { RED, GREEN = 5, BLUE }", ""),
        ("[Color.RED, Color.BLUE]", "= [0, 6]"),
        ("action name(c) { return match c { Color.RED => \"red\", _ => \"other\" } }", ""),
        ("name(0) + name(5)", "= redother"),
        ("entity Point { x: int }", ""),
        ("[Point(1), p, p.sum()]", "= [Point { x: 1 }, Point { x: 3, y: 1 }, 4]"),
        ("let Point = 5", ""),
        ("Point + p.y", "= 6"),
        ("module M { let hidden = 2\n action twice(n) { return n * hidden } }", ""),
        ("M.twice(21)", "= 42"),
        ("use \"math\"", ""),
        ("use \"math\" as m", ""),
    ]);
}

#[test]
fn errors_end_one_input() {
    check(&[
        ("let log = []", ""),
        ("log.push(1); throw \"stop\"; log.push(2)", "! stop"),
        ("log", "= [1]"),
        ("let a = 1; let b = 1 / 0; let c = 3", "! Division by zero"),
        ("a", "= 1"),
        ("c", "! Identifier 'c' not found"),
        ("let broken = (", "syntax: expected an expression, found the end of the file"),
        ("broken", "! Identifier 'broken' not found"),
        ("const K = 1", ""),
        ("K = 2", "syntax: cannot assign to the constant 'K'"),
        ("action set() { K = 3 }", "syntax: cannot assign to the constant 'K'"),
        ("set()", "! Identifier 'set' not found"),
        ("const K = 4", ""),
        ("K", "= 4"),
        ("let K = 5", ""),
        ("K = 6; K", "= 6"),
        ("defer { print \"end\" } print \"body\"", "body\nend"),
        ("try { throw {code: 1} } catch (e) { log.push(e.code) } finally { log.push(\"f\") }", ""),
        ("log", "= [1, 1, f]"),
        ("action deep(n) { return deep(n + 1) }", ""),
        ("deep(0)", "! Call depth exceeded"),
        ("log.len()", "= 3"),
        ("config.jit_threshold = 5", ""),
        ("config.jit_threshold", "= 5"),
        ("let args = 1; args", "= 1"),
        ("args", "= 1"),
        ("let len = x => 99", ""),
        ("len([])", "= 99"),
    ]);
}

#[test]
fn an_input_goes_on_while_something_is_open() {
    for open in [
        "f(",
        "let x = [1,",
        "action f() {",
        "1 +",
        "x =",
        "print 1,",
        "\"\"\"two",
        "/* note",
        "\"${a",
        "if x:",
        "if x:\n    print 1",
        "x => ",
        "l.map((a) =>",
    ] {
        assert!(Session::is_incomplete(open), "{open}");
    }
    for whole in [
        "",
        "f()",
        "1 + 1",
        "}",
        "f(]",
        "if x { }",
        "if x: print 1",
        "if x:\n    print 1\n",
        "{a: 1}",
        "// note (",
        "a ? b : c",
    ] {
        assert!(!Session::is_incomplete(whole), "{whole}");
    }
}

#[test]
fn places_name_the_input() {
    let texts = Inputs::default();
    let options = RunOptions { output: OutputSink::Capture, ..RunOptions::default() };
    let mut session = Session::new(&Engine::new(Mode::Adaptive), &texts, Box::new(NoModules), options);
    session.input("action f(n) {\n    return n / 0\n}");
    let Reply::Failed(failure) = session.input("let x = 1\nf(x)") else { panic!("a division by zero") };
    assert_eq!(
        failure.rendered,
        "error: Division by zero\n --> <input 1>:2:14\n  |\n2 |     return n / 0\n  |              ^\n  \
         in f, called at <input 2>:2:1\n"
    );
    assert!(session.names().contains(&"f".to_owned()));
    session.input("contract Box { data inside = 1\n action open() { } }\nlet box = Box()");
    assert_eq!(session.members("box"), ["inside", "open"]);
    assert!(session.members("x").contains(&"to_upper".to_owned()));
}

#[test]
fn an_input_that_runs_is_interrupted_and_the_session_goes_on() {
    let texts = Inputs::default();
    let options = RunOptions { output: OutputSink::Capture, ..RunOptions::default() };
    let mut session = Session::new(&Engine::new(Mode::Adaptive), &texts, Box::new(NoModules), options);
    let handle = session.interrupt_handle();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        handle.stop();
    });
    let Reply::Failed(failure) = session.input("let n = 0\nwhile true { n += 1 }") else { panic!("it never ends") };
    stopper.join().unwrap();
    assert_eq!(failure.message, "Interrupted");
    let Reply::Done(Some(text)) = session.input("n > 0") else { panic!("the session goes on") };
    assert_eq!(text, "true");
}
