//! A seeded generator of programs. Each ends: loops have fixed bounds, recursion counts down, actions call only
//! actions declared before them, and the runs have gas limits anyway. The same seed gives the same text.

use std::fmt::Write;

/// Integers at the edges: of 64 bits, of 256 bits, and small ones.
const INTEGERS: [&str; 22] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "10",
    "-1",
    "-2",
    "-7",
    "9223372036854775807",
    "9223372036854775806",
    "-9223372036854775807",
    "(-9223372036854775807 - 1)",
    "4611686018427387904",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775809",
    "(2 ** 255 - 1)",
    "(-(2 ** 255))",
    "(2 ** 256 + 1)",
    "1000000000000000000",
    "(2 ** 1000)",
];

/// Floats, the odd ones too.
const FLOATS: [&str; 9] =
    ["0.5", "-0.0", "1.0", "2.5", "1e300", "(1e308 * 10)", "(1e308 * 10 - 1e308 * 10)", "-3.25", "9007199254740993.0"];

const STRINGS: [&str; 6] = ["\"\"", "\"a\"", "\"k\"", "\"éx\"", "\"0\"", "\"long text\""];

/// Names that may be used at a place, by what they usually hold.
#[derive(Clone, Default)]
struct Scope {
    numbers: Vec<String>,
    lists: Vec<String>,
    maps: Vec<String>,
    any: Vec<String>,
    /// Actions that may be called, with their number of parameters.
    actions: Vec<(String, usize)>,
    /// Contract instances that may be called.
    instances: Vec<String>,
    /// Loops around.
    loops: u32,
    in_action: bool,
    in_contract: bool,
    /// `try` blocks around.
    guards: u32,
}

/// One program being written.
struct Writer {
    state: u64,
    text: String,
    indent: usize,
    names: u32,
    /// Statements that may still be written.
    left: u32,
}

/// The program of a seed.
pub(crate) fn program(seed: u64) -> String {
    let mut writer = Writer { state: seed ^ 0x9e37_79b9_7f4a_7c15, text: String::new(), indent: 0, names: 0, left: 0 };
    writer.whole();
    writer.text
}

impl Writer {
    /// `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn name_of(&mut self, from: &[String]) -> String {
        if from.is_empty() { "1".to_owned() } else { from[self.below(from.len())].clone() }
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{:width$}{text}", "", width = self.indent * 4);
    }

    fn open(&mut self, head: &str) {
        self.line(&format!("{head} {{"));
        self.indent += 1;
    }

    fn close(&mut self) {
        self.indent -= 1;
        self.line("}");
    }

    // ---- the whole ----

    fn whole(&mut self) {
        let mut scope = Scope {
            numbers: vec!["n1".to_owned(), "n2".to_owned()],
            lists: vec!["l1".to_owned(), "l2".to_owned()],
            maps: vec!["m1".to_owned()],
            any: vec!["x1".to_owned()],
            ..Scope::default()
        };
        let (a, b, x) = (self.pick(&INTEGERS), self.pick(&INTEGERS), self.pick(&FLOATS));
        self.line(&format!("let n1 = {a}\nlet n2 = {b}\nlet x1 = {x}"));
        self.line("let l1 = [1, 2, 3]\nlet l2 = [\"a\", [5, 6], null]\nlet m1 = {a: 1, b: [2, 3], c: {d: 4}}");
        self.line("let fs = []");
        for _ in 0..=self.below(3) {
            self.action(&mut scope);
        }
        if self.chance(70) {
            self.contract(&mut scope);
        }
        self.left = 22;
        for _ in 0..5 {
            self.statement(&scope, 3);
            if self.chance(30) {
                self.line("print(n1, n2, x1)");
            }
        }
        self.open("for each f in fs");
        self.line("try { print(f(1)) } catch (e) { print(e) }");
        self.close();
        self.line("print(n1, n2, x1, l1, l2, m1)");
        for instance in scope.instances.clone() {
            self.line(&format!("print({instance}.total, {instance}.held, {instance}.row)"));
        }
    }

    fn action(&mut self, outer: &mut Scope) {
        let name = self.fresh("act");
        let params = 1 + self.below(3);
        let names: Vec<String> = (0..params).map(|index| format!("p{index}")).collect();
        let mut heads = names.clone();
        if params > 1 && self.chance(30) {
            let default = self.number(&Scope { numbers: vec!["p0".to_owned()], ..Scope::default() }, 1);
            heads[params - 1] = format!("{} = {default}", names[params - 1]);
        }
        self.open(&format!("action {name}({})", heads.join(", ")));
        let mut scope = outer.clone();
        scope.in_action = true;
        scope.any.push("p0".to_owned());
        scope.numbers.extend(names[1..].iter().cloned());
        scope.numbers.push("v".to_owned());
        scope.lists.push("own".to_owned());
        if self.chance(25) {
            self.open("defer");
            self.line("n2 = n2 ?? 0");
            self.line("l1.push(\"deferred\")");
            self.close();
        }
        self.line("let v = p0\nlet own = [p0, 2]");
        self.left = 10;
        for _ in 0..3 {
            self.statement(&scope, 2);
        }
        if self.chance(40) {
            // Recursion that counts down, by its own argument.
            let rest = ", 1".repeat(params - 1);
            self.line(&format!("if typeof(p0) == \"integer\" && p0 > 0 && p0 < 6 {{ v = {name}(p0 - 1{rest}) }}"));
        }
        let result = self.any(&scope, 2);
        self.line(&format!("return {result}"));
        self.close();
        outer.actions.push((name, params));
    }

    fn contract(&mut self, outer: &mut Scope) {
        let name = self.fresh("Store");
        self.open(&format!("contract {name}"));
        self.line("data total = 5\n    data held = {a: 1, b: {c: [1]}}\n    state row = [1, [2]]");
        let mut scope = Scope {
            numbers: ["total", "k", "this.total"].map(str::to_owned).to_vec(),
            lists: ["row", "this.row"].map(str::to_owned).to_vec(),
            maps: vec!["held".to_owned()],
            any: vec!["k".to_owned()],
            actions: outer.actions.clone(),
            in_action: true,
            in_contract: true,
            ..Scope::default()
        };
        self.open("action step(k)");
        self.left = 9;
        self.line("total += 1");
        for _ in 0..3 {
            self.statement(&scope, 2);
        }
        let guard = self.test(&scope, 1);
        self.line(&format!("require({guard}, \"step\")"));
        self.line("emit Stepped(k, total)");
        let result = self.any(&scope, 1);
        self.line(&format!("return {result}"));
        self.close();
        self.open("action cross(other, k)");
        self.left = 7;
        scope.any.push("r".to_owned());
        self.line("held[\"x\"] = k\n        let r = other.step(k)");
        self.statement(&scope, 2);
        self.statement(&scope, 2);
        self.line("if total > 9 { revert(\"cross\") }");
        self.line("return r");
        self.close();
        self.close();
        for _ in 0..2 {
            let instance = self.fresh("store");
            self.line(&format!("let {instance} = {name}()"));
            outer.instances.push(instance);
        }
    }

    // ---- expressions ----

    /// Usually a number.
    fn number(&mut self, scope: &Scope, depth: u32) -> String {
        if depth == 0 || self.chance(25) {
            return match self.below(10) {
                0..=4 if !scope.numbers.is_empty() => self.name_of(&scope.numbers),
                9 => self.pick(&FLOATS).to_owned(),
                _ => self.pick(&INTEGERS).to_owned(),
            };
        }
        let (a, b) = (self.number(scope, depth - 1), self.number(scope, depth - 1));
        match self.below(15) {
            0..=5 => {
                let op = self.pick(&["+", "-", "*", "+", "-", "%", "/"]);
                format!("({a} {op} {b})")
            }
            6 => {
                let op = self.pick(&["&", "|", "^", "+"]);
                format!("({a} {op} {b})")
            }
            7 => format!("(-{a})"),
            8 => format!("len({})", self.list(scope, 1)),
            9 => {
                let list = self.name_of(&scope.lists);
                format!("({list}[{}] ?? {b})", self.pick(&["0", "-1", "1", "9"]))
            }
            10 => {
                let test = self.test(scope, depth - 1);
                format!("({test} ? {a} : {b})")
            }
            11 => {
                let subject = self.any(scope, 1);
                let n = self.fresh("q");
                format!("match ({subject}) {{ 1 | 2 => {a}, [{n}, ...] => {n}, {n} if {n} == {b} => {n}, _ => {b} }}")
            }
            12 => self.call(scope, a),
            13 => format!("({a} || {b})"),
            _ => format!("({a} ?? {b})"),
        }
    }

    fn call(&mut self, scope: &Scope, argument: String) -> String {
        if scope.actions.is_empty() || scope.loops > 1 {
            return argument;
        }
        let (name, params) = scope.actions[self.below(scope.actions.len())].clone();
        let mut arguments = vec![argument];
        for _ in 1..params {
            arguments.push(self.any(scope, 0));
        }
        arguments.truncate(params);
        format!("{name}({})", arguments.join(", "))
    }

    fn list(&mut self, scope: &Scope, depth: u32) -> String {
        match self.below(6) {
            0 => {
                let (a, b) = (self.any(scope, 0), self.any(scope, 0));
                format!("[{a}, {b}]")
            }
            1 if depth > 0 => format!("{}[{}:]", self.name_of(&scope.lists), self.below(3)),
            2 if depth > 0 => format!("({} + [{}])", self.name_of(&scope.lists), self.any(scope, 0)),
            3 => format!("map({}, w => [w])", self.name_of(&scope.lists)),
            _ => self.name_of(&scope.lists),
        }
    }

    /// Anything.
    fn any(&mut self, scope: &Scope, depth: u32) -> String {
        match self.below(10) {
            0 => self.pick(&STRINGS).to_owned(),
            1 if !scope.any.is_empty() => self.name_of(&scope.any),
            2 => self.list(scope, depth),
            3 if depth > 0 => {
                let value = self.any(scope, depth - 1);
                format!("{{a: {value}, z: 1}}")
            }
            4 if depth > 0 => format!("\"<${{{}}}>\"", self.name_of(&scope.numbers)),
            5 if !scope.maps.is_empty() => {
                format!("{}.{}", self.name_of(&scope.maps), self.pick(&["a", "b", "c", "x"]))
            }
            6 => self.pick(&["null", "true", "false", "0.0", "-0.0"]).to_owned(),
            _ => self.number(scope, depth),
        }
    }

    fn test(&mut self, scope: &Scope, depth: u32) -> String {
        let (a, b) = (self.number(scope, depth), self.number(scope, depth));
        match self.below(8) {
            0 => format!("{a} == {b}"),
            1 => format!("{a} != {b}"),
            2 => {
                let list = self.name_of(&scope.lists);
                format!("{a} in {list}")
            }
            3 if depth > 0 => {
                let (left, right) = (self.test(scope, depth - 1), self.test(scope, depth - 1));
                let op = self.pick(&["&&", "||"]);
                format!("({left} {op} {right})")
            }
            4 if depth > 0 => format!("!({})", self.test(scope, depth - 1)),
            _ => {
                let op = self.pick(&["<", ">", "<=", ">="]);
                format!("{a} {op} {b}")
            }
        }
    }

    // ---- statements ----

    fn block(&mut self, scope: &Scope, depth: u32) {
        let count = 1 + self.below(3);
        for _ in 0..count {
            self.statement(scope, depth);
        }
    }

    fn statement(&mut self, scope: &Scope, depth: u32) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        if depth == 0 {
            return self.simple(scope);
        }
        match self.below(16) {
            3 | 4 => self.branch(scope, depth - 1),
            5..=9 if scope.loops < 3 => self.any_loop(scope, depth - 1),
            10 | 11 => self.guarded(scope, depth - 1),
            12 => self.matching(scope, depth - 1),
            13 => self.closure(scope),
            14 => self.contract_call(scope),
            _ => self.simple(scope),
        }
    }

    fn simple(&mut self, scope: &Scope) {
        let text = match self.below(13) {
            0 | 1 => {
                let value = self.number(scope, 2);
                format!("{} = {value}", self.name_of(&scope.numbers))
            }
            2 => {
                let value = self.number(scope, 1);
                let op = self.pick(&["+=", "-=", "*=", "+="]);
                format!("{} {op} {value}", self.name_of(&scope.numbers))
            }
            3 => {
                let value = self.any(scope, 1);
                format!("{}.push({value})", self.name_of(&scope.lists))
            }
            4 => {
                let value = self.any(scope, 1);
                format!("{}[{}] = {value}", self.name_of(&scope.lists), self.pick(&["0", "-1", "1", "7"]))
            }
            5 => {
                let value = self.any(scope, 1);
                let map = self.name_of(&scope.maps);
                format!("{map}[{}] = {value}", self.pick(&["\"a\"", "\"x\"", "3", "\"b\""]))
            }
            6 => format!("{}.delete(\"{}\")", self.name_of(&scope.maps), self.pick(&["a", "x", "b"])),
            7 if scope.loops > 0 => {
                let test = self.test(scope, 1);
                format!("if {test} {{ {} }}", self.pick(&["break", "continue"]))
            }
            8 if scope.in_action => {
                let (test, value) = (self.test(scope, 1), self.any(scope, 1));
                format!("if {test} {{ return {value} }}")
            }
            9 => {
                let (test, value) = (self.test(scope, 1), self.any(scope, 1));
                format!("if {test} {{ throw {value} }}")
            }
            10 => {
                let list = self.name_of(&scope.lists);
                let (first, second, rest) = (self.fresh("d"), self.fresh("d"), self.fresh("d"));
                format!("let [{first}, {second}, ...{rest}] = {list}; print({first}, {rest})")
            }
            11 if scope.in_contract => {
                let test = self.test(scope, 1);
                format!("require({test}, \"inside\")")
            }
            _ => {
                let value = self.any(scope, 1);
                format!("print({value})")
            }
        };
        // An error that nothing catches ends the program: most are caught, or little else would run.
        if scope.guards == 0 && self.chance(85) && !text.contains("break") && !text.contains("continue") {
            return self.line(&format!("try {{ {text} }} catch (e) {{ print(e) }}"));
        }
        self.line(&text);
    }

    fn branch(&mut self, scope: &Scope, depth: u32) {
        let test = self.test(scope, 2);
        self.open(&format!("if {test}"));
        self.block(scope, depth);
        if self.chance(50) {
            self.indent -= 1;
            let test = self.test(scope, 1);
            self.open(&format!("}} elif {test}"));
            self.block(scope, depth);
        }
        if self.chance(50) {
            self.indent -= 1;
            self.open("} else");
            self.block(scope, depth);
        }
        self.close();
    }

    fn any_loop(&mut self, scope: &Scope, depth: u32) {
        let mut inner = scope.clone();
        inner.loops += 1;
        let name = self.fresh("i");
        let bound = 2 + self.below(7);
        match self.below(6) {
            0 => {
                self.line(&format!("let {name} = 0"));
                self.open(&format!("while {name} < {bound}"));
                self.line(&format!("{name} += 1"));
                inner.any.push(name);
            }
            1 => {
                self.open(&format!("for (let {name} = 0; {name} < {bound}; {name} += 1)"));
                inner.any.push(name);
            }
            2 => {
                let from = self.below(3);
                self.open(&format!("for {name} in {from}..{bound}"));
                inner.numbers.push(name);
            }
            3 => {
                // Elements appended meanwhile are seen: at most so many.
                let list = self.name_of(&scope.lists);
                let count = self.fresh("c");
                self.line(&format!("let {count} = 0"));
                self.open(&format!("for each {name} in {list}"));
                self.line(&format!("{count} += 1\n{:w$}if {count} > 12 {{ break }}", "", w = self.indent * 4));
                inner.any.push(name);
            }
            4 if !scope.maps.is_empty() => {
                let map = self.name_of(&scope.maps);
                let key = self.fresh("k");
                self.open(&format!("for each {key}, {name} in {map}"));
                if self.chance(50) {
                    self.line(&format!("{map}.delete({key})"));
                }
                if self.chance(30) {
                    self.line(&format!("{map}[{key}] = {name}"));
                }
                inner.any.push(name);
            }
            _ => {
                // The type of a variable changes at one iteration.
                let at = self.below(bound);
                let (variable, other) = (self.name_of(&scope.numbers), self.any(scope, 0));
                self.open(&format!("for {name} in 0..{bound}"));
                self.line(&format!("if {name} == {at} {{ {variable} = {other} }}"));
                inner.numbers.push(name);
            }
        }
        self.block(&inner, depth);
        self.close();
    }

    fn guarded(&mut self, scope: &Scope, depth: u32) {
        let mut inner = scope.clone();
        inner.guards += 1;
        self.open("try");
        self.block(&inner, depth);
        let catches = self.chance(70);
        if catches {
            self.indent -= 1;
            self.open("} catch (e)");
            self.line("print(\"caught\", e)");
            if self.chance(30) {
                self.block(scope, depth);
            }
        }
        if !catches || self.chance(50) {
            self.indent -= 1;
            self.open("} finally");
            self.line("print(\"finally\")");
            self.block(scope, depth);
        }
        self.close();
    }

    fn matching(&mut self, scope: &Scope, depth: u32) {
        let subject = self.any(scope, 1);
        let mut inner = scope.clone();
        let bound = self.fresh("b");
        let head = match self.below(3) {
            0 => format!("match ({subject})"),
            1 => {
                let (left, right) = (self.number(scope, 1), self.name_of(&scope.numbers));
                format!("{right} = {left} + 1 * match ({subject})")
            }
            _ => format!("pattern ({subject})"),
        };
        self.open(&head);
        let (b, test) = (self.number(scope, 1), self.test(scope, 1));
        self.line(&format!("0 | 1 | null => {b}"));
        self.line(&format!("[{bound}, ...] if {test} => {bound}"));
        inner.any.push(bound.clone());
        self.open(&format!("{{a: {bound}}} =>"));
        self.block(&inner, depth);
        self.close();
        self.open(&format!("{bound} =>"));
        self.block(&inner, depth);
        self.close();
        self.close();
    }

    fn closure(&mut self, scope: &Scope) {
        let mut inner = scope.clone();
        inner.in_action = true;
        inner.loops = 0;
        inner.numbers.push("w".to_owned());
        let value = self.number(&Scope { actions: Vec::new(), ..inner.clone() }, 2);
        if self.chance(50) {
            let changed = self.name_of(&scope.numbers);
            self.line(&format!("if len(fs) < 6 {{ fs.push(w => {{ {changed} += 1; return {value} }}) }}"));
        } else {
            self.line(&format!("if len(fs) < 6 {{ fs.push(w => {value}) }}"));
        }
    }

    fn contract_call(&mut self, scope: &Scope) {
        if scope.instances.len() < 2 || scope.loops > 1 {
            return self.simple(scope);
        }
        let (a, b) = (self.name_of(&scope.instances), self.name_of(&scope.instances));
        let argument = self.any(scope, 1);
        let call =
            if self.chance(60) { format!("{a}.step({argument})") } else { format!("{a}.cross({b}, {argument})") };
        self.line(&format!("try {{ print({call}) }} catch (e) {{ print(\"failed\", e) }}"));
    }
}
