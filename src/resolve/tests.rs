//! Small sources through the real parser: the tree's text, or the errors.

use std::collections::HashMap;

use super::FileTree;
use super::dump::dump;
use super::hir::Tree;
use crate::runtime::info::{FieldZero, ProgramInfo};
use crate::syntax::{Diagnostic, Interner, parse};

fn resolve(source: &str) -> Result<(Tree, ProgramInfo), Vec<Diagnostic>> {
    let mut interner = Interner::new();
    let parsed = parse(source, &mut interner);
    assert_eq!(parsed.diagnostics, [], "{source}");
    let imports = HashMap::new();
    let file = FileTree { program: &parsed.program, module: "__main__", imports: &imports };
    super::resolve(&[file], &[0], &interner, Vec::new(), source)
}

fn resolved(source: &str) -> (Tree, ProgramInfo) {
    resolve(source).unwrap_or_else(|errors| panic!("{source}\n{errors:#?}"))
}

/// The dump, without the gas unless `gas`.
fn text(source: &str, gas: bool) -> String {
    let (tree, info) = resolved(source);
    let text = dump(&tree, &info);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let (false, Some(start)) = (gas, rest.find('{')) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        rest = &rest[rest.find('}').map_or(rest.len(), |end| end + 1)..];
        if out.ends_with(' ') {
            rest = rest.strip_prefix(' ').unwrap_or(rest);
        }
    }
    out.push_str(rest);
    out.lines().map(str::trim_end).filter(|line| gas || line.trim() != "gas").collect::<Vec<_>>().join("\n")
}

fn check(source: &str, expected: &str) {
    assert_eq!(text(source, false), expected.trim(), "{source}");
}

fn check_gas(source: &str, expected: &str) {
    assert_eq!(text(source, true), expected.trim(), "{source}");
}

fn check_errors(source: &str, expected: &[&str]) {
    let errors = resolve(source).map_or_else(|errors| errors, |_| Vec::new());
    let shown = |error: &Diagnostic| {
        let help = error.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
        format!("{}: {}{help}", error.span.start, error.message)
    };
    assert_eq!(errors.iter().map(shown).collect::<Vec<_>>(), expected, "{source}");
}

#[test]
fn names_of_the_top_level_are_globals() {
    check(
        "if true { let a = 1; b = a }\nfor each x in [b] { print x }\nprint missing",
        "
action 0 <top>() slots=3
  if true
    g1 = 1
    g3 = g1?a
  each#0 g2 in [g3?b] at s0
    print(g2?x)
  print(g4?missing)",
    );
}

#[test]
fn a_let_does_not_see_itself() {
    check(
        "let x = 1\naction f() { print x; let x = x + 1; return x }\naction g() { x = 2 }",
        "
action 0 <top>() slots=0
  g2 = action#1
  g3 = action#2
  g1 = 1
action 1 f() slots=1
  print(g1?x)
  s0 =* (g1?x + 1)
  return s0
action 2 g() slots=0
  g1 = 2",
    );
}

#[test]
fn assignments_without_let() {
    // A local where nothing else is meant; a builtin's name from the assignment on.
    check(
        "action f(c) { if c { y = 1 }; len = len([y]); return len }",
        "
action 0 <top>() slots=0
  g1 = action#1
action 1 f(c) slots=3 unset=[1]
  if s0
    s1 = 1
  s2 = len([s1?y])
  return s2",
    );
}

#[test]
fn closures_capture_cells() {
    check(
        "action f(n) {\n let a = 1\n action g() { return () => { a = a + n + late } }\n let late = 2\n return g }",
        "
action 0 <top>() slots=0
  g1 = action#1
action 1 f(n) slots=4 cells=[0, 1, 3]
  s2 = lambda#2[s1, s0, s3]
  cell s1 = 1
  cell s3 = 2
  return s2
action 2 g() slots=0
  return lambda#3[up0, up1, up2]
action 3 <lambda>() slots=0
  up0 =* ((up0?a + up1?n) + up2?late)",
    );
}

#[test]
fn recursion_of_an_inner_action_goes_through_its_cell() {
    check(
        "action f() { action g(n) { return n ? g(n - 1) : 0 }; return g(3) }",
        "
action 0 <top>() slots=0
  g1 = action#1
action 1 f() slots=1 cells=[0]
  cell s0 = lambda#2[s0]
  return value cell s0?g(3)
action 2 g(n) slots=1
  return (s0 ? value up0?g((s0 - 1)) : 0)",
    );
}

#[test]
fn callees() {
    // One declaration and no assignment binds; two declarations or an assignment do not.
    check(
        "action a() { }\naction b() { }\nb = 1\naction c() { }\naction c() { }\na(); b(); c(); len([]); nothing()",
        "
action 0 <top>() slots=0
  g1 = action#1
  g2 = lambda#2[]
  g3 = lambda#3[]
  g2 = 1
  g3 = lambda#4[]
  action#1()
  value g2?b()
  value g3?c()
  len([])
  value g4?nothing()
action 1 a() slots=0
action 2 b() slots=0
action 3 c() slots=0
action 4 c() slots=0",
    );
    check("let time = time()\nprint time", "action 0 <top>() slots=0\n  g1 = value g1|time()\n  print(g1|time)");
    check(
        "let len = (x) => 1\nprint len(2)",
        "
action 0 <top>() slots=0
  g1 = lambda#1[]
  print(value g1|len(2))
action 1 <lambda>(x) slots=1
  return 1",
    );
}

#[test]
fn contracts() {
    check(
        "contract C {
            data total = 1
            data m: Map
            action init(n) { total = n; this.m[n] = total; this.total += 1 }
            action total() { let m = 2; return total + m }
            action g(a = 1) { let f = () => total() + this.total; total(); return [this, this.init, self.g()] }
        }
        let c = C(4)
        c.total = 3; c.g(c.total); C{total: 5}; C.g()",
        "
action 0 <top>() slots=0
  g1 = class#0
  g2 = new#0(4)
  g2?c.total = 3
  g2?c.g(g2?c.total)
  new#0 with [0](5)
  class#0.g()
action 1 C() slots=0
  f0 = 1
action 2 init(n) slots=1
  f0 = s0
  f1?m[s0] = f0?total
  f0 =* (f0?total + 1)
action 3 total() slots=1
  s0 = 2
  return* (f0?total + s0)
action 4 g(a) slots=2
  default s0
    s0 = 1
  s1 = lambda#5[]
  own#3()
  return* [this, this.init, own#4()]
action 5 <lambda>() slots=0
  return* (own#3() + f0?total)",
    );
    let (_, info) = resolved("contract C { data a: int\n data b: List\n action constructor() { } }");
    let class = &info.classes[0];
    assert_eq!(class.zeros, [FieldZero::Int, FieldZero::List]);
    assert_eq!(class.constructor, Some(class.actions[0].1));
    assert!(info.action(class.actions[0].1).is_contract_action);
    assert!(!info.action(class.initialisers[0]).is_contract_action);
}

#[test]
fn loops_and_definite_assignment() {
    check(
        "action f(xs) {
            let found
            for each k, v in xs { for each w in v { found = w; break } }
            for (let i = 0; i < 3; i += 1) { if i == 1 { continue }; last = i }
            while last { last -= 1 }
            for each z in 1..3 { print z }
            return found }",
        "
action 0 <top>() slots=0
  g1 = action#1
action 1 f(xs) slots=14 unset=[7]
  s1 = null
  each#0 s2, s3 in s0 at s8
    each#1 s4 in s3 at s11
      s1 = s4
      break
  s5 = 0
  for#2 (s5 < 3)
    if (s5 == 1)
      continue
    s7 = s5
  step
    s5 =* (s5 + 1)
  while#3 s7?last
    s7 = (s7?last - 1)
  each#4 s6 in (1..3) at s8
    print(s6)
  return s1",
    );
}

#[test]
fn try_and_defer() {
    check(
        "action f() { defer { print 1 }; try { throw 2 } catch (e) { return e } finally { print 3 }; try { } catch { } }",
        "
action 0 <top>() slots=0
  g1 = action#1
action 1 f() slots=6
  deferred at s1 s2
    defer s1#0
    try at s4
      try
        throw 2
      catch s0
        return s0
    finally
      print(3)
    try
    catch
  defer#0
    print(1)",
    );
}

#[test]
fn destructuring_and_targets() {
    check(
        "action f(m) { let {a, b: c} = m; let [p, ...q] = m[1:]; m.x.y = a; m[0] += [c]; m.n -= p; return {a: q} }",
        "
action 0 <top>() slots=0
  g1 = action#1
action 1 f(m) slots=6
  s5 = s0
  s1 = s5[\"a\"]
  s2 = s5[\"b\"]
  s5 = s0[1:]
  s3 = s5[0]
  s4 =* s5[1:]
  s0.x.y = s1
  s0[0] +=* [s2]
  s0.n -= s3
  return* map(\"a\": s4)",
    );
}

#[test]
fn outermost_names() {
    check(
        "config.jit_threshold = -5\nconfig.bench_x = 7\nprint config.jit_enabled, TX.caller, msg.sender, __MODULE__\nverify true, \"m\"",
        "
action 0 <top>() slots=0
  config.jit_threshold = -5
  config.bench_x = 7
  print(config.jit_enabled, TX.caller, msg.sender, \"__main__\")
  require(true, \"..\")",
    );
    check(
        "action f(config, TX) { config.colour = 1; return TX.a }",
        "action 0 <top>() slots=0\n  g1 = action#1\naction 1 f(config, TX) slots=2\n  s0.colour = 1\n  return s1.a",
    );
    let (_, info) = resolved("config.bench_x = 7\nif true { config.bench_y = 1 }\nconfig.bench_z = len([])");
    assert_eq!(
        info.config.iter().map(|(key, value)| (key.as_str(), value.as_int())).collect::<Vec<_>>(),
        [("bench_x", 7)]
    );
}

#[test]
fn gas_blocks() {
    // One block: entry. A branch without a cut: the block before goes on.
    check_gas(
        "action f(a) { let b = -1; if a { b = 2 } elif b { b = 3 }; return b }",
        "
action 0 <top>() slots=0 {0:2}
  g1 = action#1
action 1 f(a) slots=2 {0:7}
  s1 = -1
  if s0 {1:2}
    s1 = 2
  elif {2:1} s1 {3:2}
    s1 = 3
  return s1",
    );
    // A cut in an arm that goes on: a new block. In an arm that leaves: none.
    check_gas(
        "action f(a) { if a { f(0) }; if a { return f(1) }; a && f(2); return a }",
        "
action 0 <top>() slots=0 {0:2}
  g1 = action#1
action 1 f(a) slots=1 {0:2}
  if s0 {1:4}
    action#1(0){2:0}
  gas {3:7}
  if s0 {4:4}
    return action#1(1){5:0}
  (s0 && {6:3} action#1(2){7:0})
  return s0",
    );
    // A header covers test and body up to a cut; after the loop a new block.
    check_gas(
        "action f(a) { while a { a = a - 1; print a; a = 0 }; return TX.gas_used }",
        "
action 0 <top>() slots=0 {0:2}
  g1 = action#1
action 1 f(a) slots=1 {0:1}
  while#0 {1:8} s0
    s0 = (s0 - 1)
    print(s0) {2:2}
    s0 = 0
  gas {3:1}
  return {4:2} TX.gas_used",
    );
}

#[test]
fn runs_code_marks_calls_of_programs() {
    let (tree, _) = resolved("let a = [len([1]), map([1], x => x)]\nlet b = len([1]) + 1\nlet c = b.x()");
    let runs: Vec<bool> = tree.actions[0]
        .body
        .stmts
        .iter()
        .filter_map(|stmt| match &stmt.kind {
            super::hir::StmtKind::Assign { value, .. } => Some(value.runs_code),
            _ => None,
        })
        .collect();
    assert_eq!(runs, [true, false, true]);
}

#[test]
fn errors() {
    check_errors(
        "const a = 1\na = 2\naction f() { a += 1; let a = 3 }",
        &["12: cannot assign to the constant 'a'", "31: cannot assign to the constant 'a'"],
    );
    check_errors(
        "const a = 1\nif a { let a = 2 }\nif a { const b = 1 } else { const b = 2 }\naction a() { }",
        &["23: 'a' is a constant here", "80: 'a' is a constant here"],
    );
    check_errors("action f() { const k = 1; return () => { k = 2 } }", &["41: cannot assign to the constant 'k'"]);
    check_errors(
        "break\nwhile true { let f = () => { continue }; break }\naction f(a, a) { }",
        &["0: `break` outside a loop", "35: `continue` outside a loop", "67: parameter 'a' is named twice"],
    );
    check_errors(
        "config.jit_treshold = 1\nprint this.x",
        &[
            "7: there is no setting 'config.jit_treshold' (did you mean `config.jit_threshold`?)",
            "30: `this` outside a contract or entity",
        ],
    );
    check_errors(
        "contract C { data total = 1\n const k = 2\n data total = 3\n action f() { k = 1; return this.totl } action f() { } }",
        &[
            "47: field 'total' is declared twice in this contract",
            "71: cannot assign to the constant 'k'",
            "90: contract C has no field 'totl' (did you mean `total`?)",
            "104: action 'f' is declared twice in this contract",
        ],
    );
    check_errors(
        "print config",
        &["6: `config` is not a value (read one of its settings, such as `config.jit_threshold`)"],
    );
}

#[test]
fn a_match_runs_before_the_statement_that_wants_it() {
    check_gas(
        "action f(a, b) { return a + match b { 1 | 2 => a, [x, ...] if x => { while x { } } } }",
        "
action 0 <top>() slots=0 {0:2}
  g1 = action#1
action 1 f(a, b) slots=6 {0:10}
  s3 = s0
  s5 = s1
  match s5
    case
      test (s5 == 1)
    case
      test (s5 == 2)
    then {1:1}
      s4 = s0
    case {2:2}
      test s5 fits ListFrom(1)
      s2 = s5[0]
    guard {3:1}
      test s2
    then {4:1}
      while#0 {5:2} s2
      gas {6:0}
      s4 = null
  gas {7:1}
  return* (s3 + s4)",
    );
}

#[test]
fn mistakes_of_contracts() {
    check_errors(
        "contract A extends B { } contract B extends A { } contract C extends Bas { } contract Base { }
         contract D extends D { }",
        &[
            "44: contract B extends itself",
            "69: there is no contract 'Bas' to extend here (did you mean `Base`?)",
            "123: contract D extends itself",
        ],
    );
    check_errors(
        "protocol P { action a(x); action b() } contract C implements P { private action b() { } action a() { } }
         contract D implements Q { } contract E implements P { action a(x, y) { } }",
        &[
            "61: contract C does not implement P: action 'a' takes 0 of 1 parameter, action 'b' is private",
            "136: there is no protocol 'Q'",
            "164: contract E does not implement P: action 'b' with 0 parameters is missing",
        ],
    );
    check_errors(
        "contract C { modifier only(a) { let b = a } action f() modifier onyl { } action g() modifier only(1, 2) { } }
         action h() modifier only { }",
        &[
            "64: there is no modifier 'onyl' (did you mean `only`?)",
            "93: modifier 'only' takes 1 argument, 2 given",
            "139: modifier 'only' on an action that belongs to no contract",
        ],
    );
    check_errors(
        "contract A { action first() { return super.f() } } contract B extends A { action g() { return super.frst() + super.first } }",
        &[
            "43: contract A extends no other: there is no `super`",
            "100: contract A has no action 'frst' (did you mean `first`?)",
            "115: `super.first` can be called only",
        ],
    );
}

#[test]
fn mistakes_in_patterns() {
    check_errors(
        "contract Circle { data r = 1 }\nmatch 1 { Circel(r) => 1, Circle(a, b) => 2, Circle{q} => 3 }",
        &[
            "41: there is no type 'Circel' to match (did you mean `Circle`?)",
            "57: Circle has 1 field, this pattern names 2",
            "83: contract Circle has no field 'q'",
        ],
    );
    check_errors(
        "const k = 1\nmatch 1 { [x, x] => 1, k => 2, _ => break }",
        &["26: 'x' is bound twice in this pattern", "35: 'k' is a constant here", "48: `break` outside a loop"],
    );
    check_errors(
        "action f() limit match 1 { _ => 2 } { }\ncontract C { data x = match 1 { _ => return 1 } }",
        &["77: `return` outside an action"],
    );
    check_errors("const {a} = {a: 1}\na = 2", &["19: cannot assign to the constant 'a'"]);
}

#[test]
fn deep_and_wide_texts() {
    let chain = format!("print {}1", "1 + ".repeat(900));
    let (tree, _) = resolved(&chain);
    assert!(tree.actions[0].temporaries < 30);
    let nested = format!("let f = {}1{}", "x => (".repeat(90), ")".repeat(90));
    assert_eq!(resolved(&nested).0.actions.len(), 91);
    check_errors(
        &format!("let a = [{}1]", "1, ".repeat(60_000)),
        &["0: this action is too large: it has too many variables or operands"],
    );
}

#[test]
fn mistakes_in_entities_and_enums() {
    check_errors(
        "entity A { x = 1, x = 2 }\nentity B extends Ba { }\ndata D extends A { }\nentity X extends Y { }\nentity Y extends X { }",
        &[
            "18: field 'x' is declared twice in this entity",
            "43: there is no entity 'Ba' to extend",
            "65: data D cannot extend entity A",
            "111: 'Y' extends itself",
        ],
    );
    check_errors(
        "entity A { method show() { return super.show() } }\nentity B extends A { method n() { return super.shwo() } }\nlet a = A{zz: 1}",
        &[
            "40: entity A extends nothing",
            "98: entity A has no method 'shwo' (did you mean `show`?)",
            "119: entity A has no field 'zz'",
        ],
    );
    check_errors(
        "enum E { ONE, ONE, B = f() }\nprint(E.ON)",
        &[
            "14: member 'ONE' is declared twice in this enum",
            "23: the value of a member is a constant: a literal, or earlier members and integers with `+ - * | & << >>`",
            "37: enum E has no member 'ON' (did you mean `ONE`?)",
        ],
    );
}

#[test]
fn nodes_are_small_and_have_a_tag_of_their_own() {
    // The evaluator decides by the tag of each node it comes to. A variant that leaves the tag no room of its own
    // makes every decision take a computation.
    assert_eq!(size_of::<crate::resolve::hir::ExprKind>(), 40);
    assert_eq!(size_of::<crate::resolve::hir::StmtKind>(), 192);
}
