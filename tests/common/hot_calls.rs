//! A seeded generator of programs whose loops do little but call contracts: calls within calls, that fail here and there
//! and are caught or not, over maps whose keys come and go, whose values change their kinds, and which are replaced.

use std::fmt::Write;

/// The program of a seed.
pub(crate) fn hot_calls(seed: u64) -> String {
    let mut writer = Writer { state: seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x1234_5678, text: String::new() };
    writer.whole();
    writer.text
}

struct Writer {
    state: u64,
    text: String,
}

/// What an action may call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Leaf,
    Middle,
    Top,
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

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len() as u64) as usize]
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}");
    }

    fn key(&mut self) -> &'static str {
        self.pick(&["k", "k", "j", "j", "\"a\"", "\"b\"", "\"all\"", "n % 5", "k + \"x\""])
    }

    /// Usually a small number.
    fn number(&mut self) -> String {
        match self.below(8) {
            0 => "n".to_owned(),
            1 => "n % 7 + 1".to_owned(),
            2 => "total".to_owned(),
            3 => "n * 0.5".to_owned(),
            4 => "0 - n".to_owned(),
            _ => format!("{}", self.below(9)),
        }
    }

    /// Holds now and then.
    fn seldom(&mut self) -> String {
        let turn = [4, 9, 23, 40, 71][self.below(5) as usize];
        match self.below(5) {
            0 => format!("n == {}", self.below(90)),
            1 => "n > 75".to_owned(),
            _ => format!("n % {turn} == {}", self.below(turn)),
        }
    }

    fn statement(&mut self, level: Level) {
        let (key, number, name) = (self.key(), self.number(), self.text.len());
        let text = match self.below(if level == Level::Leaf { 17 } else { 22 }) {
            0..4 => format!("sums[{key}] = (sums[{key}] ?? 0) + {number}"),
            4 => format!("sums[{key}] = {number}"),
            5 => format!(
                "let v{name} = sums[{key}] ?? 0\nif v{name} < 0 - 40 {{ return {{\"ok\": false, \"why\": v{name}}} }}"
            ),
            6 => format!("total = total + {number}"),
            7 => format!("total = (total * 3 + {number}) % 1000003"),
            8 => format!("spare[{key}] = sums[{key}]"),
            9 | 10 => format!("require(!({}), \"required\")", self.seldom()),
            11 => {
                let what = self.pick(&["\"thrown\"", "{\"at\": n, \"sum\": sums[k]}", "[n, total]", "sums"]);
                format!("if {} {{ throw {what} }}", self.seldom())
            }
            12 => format!("if {} {{ revert(\"reverted\") }}", self.seldom()),
            13 => {
                let what = self.pick(&["sums.delete(k)", "sums.delete(j)", "sums = {\"a\": n, k: 1}", "spare = sums"]);
                format!("if {} {{ {what} }}", self.seldom())
            }
            14 => {
                let value = self.pick(&["\"text\"", "[n]", "null", "true", "9223372036854775807", "{\"in\": n}"]);
                format!("if {} {{ sums[{key}] = {value} }}", self.seldom())
            }
            15 => format!("if {} {{ emit Moved(k, n) }}", self.seldom()),
            16 => format!(
                "let m{name} = {{\"p\": {number}}}\nm{name}[\"q\"] = n\nif {} {{ throw m{name} }}",
                self.seldom()
            ),
            17 | 18 => {
                format!(
                    "let r{name} = this.leaf({key}, {number})\nif typeof(r{name}) == \"integer\" {{ total = total + r{name} }}"
                )
            }
            19 if level == Level::Top => format!("let r{name} = this.middle({key}, {number})"),
            20 if level == Level::Top => format!("let r{name} = other.middle({key}, {number})\nspare[\"last\"] = n"),
            _ => format!("let r{name} = other.leaf({key}, {number})"),
        };
        self.line(&text);
    }

    fn action(&mut self, head: &str, level: Level) {
        self.line(&format!("action {head} {{"));
        if level != Level::Top {
            self.line("let j = k");
        }
        for _ in 0..=self.below(4) {
            self.statement(level);
        }
        let result = match self.below(9) {
            0 => "n".to_owned(),
            1 => "sums[k]".to_owned(),
            2 => "k".to_owned(),
            3 => "[n]".to_owned(),
            4 => "sums".to_owned(),
            5 => format!("{{\"ok\": n % 3 != 0, \"v\": {}}}", self.number()),
            6 => "{\"ok\": true, \"held\": spare}".to_owned(),
            _ => "{\"ok\": true}".to_owned(),
        };
        self.line(&format!("return {result}\n}}"));
    }

    fn drive(&mut self, name: &str, caught: bool) {
        let (a, b) = (1 + self.below(7), self.below(8));
        let who = self.pick(&["one", "one", "one", "two", "(i % 9 == 8 ? two : one)"]);
        let action = self.pick(&["top", "top", "middle"]);
        let turns = 20 + self.below(90);
        self.line(&format!("action {name}(turns) {{\nlet i = 0\nlet good = 0\nlet bad = 0\nlet last = null"));
        self.line("while i < turns {");
        // The machine works in the loop, or nothing but compiled code does.
        let count = if self.chance(30) { "len(keys)" } else { "5" };
        self.line(&format!("let k = keys[i * {a} % {count}]\nlet j = keys[(i * {b} + 1) % {count}]"));
        if caught {
            self.line("try {");
        }
        let arguments = if action == "top" { "k, j, i" } else { "k, i" };
        self.line(&format!("let r = {who}.{action}({arguments})"));
        self.line("if typeof(r) == \"map\" {\nif r[\"ok\"] { good = good + 1 }\n} else { last = r }");
        if self.chance(30) {
            self.line("marks[\"seen\"] = (marks[\"seen\"] ?? 0) + 1");
        }
        if caught {
            self.line("} catch (e) {\nbad = bad + 1\nlast = e\n}");
        }
        self.line(&format!("i = i + 1\n}}\nprint(good, bad, last, i)\n}}\n{name}({turns})"));
    }

    fn whole(&mut self) {
        self.line("contract Book {");
        self.line("data sums = {\"a\": 5, \"b\": 7, \"all\": 0}\ndata spare = {}\ndata total = 0\ndata other = null");
        self.line("action meet(book) { other = book }");
        if self.chance(50) {
            self.line("action fill() {\nlet i = 0\nwhile i < 12 { sums[\"f\" + string(i)] = i\ni = i + 1 }\n}");
        } else {
            self.line("action fill() { sums[\"f0\"] = 1 }");
        }
        self.action("leaf(k, n)", Level::Leaf);
        self.action("middle(k, n)", Level::Middle);
        self.action("top(k, j, n)", Level::Top);
        self.line("action show() { return [sums, spare, total] }\n}");
        self.line("let one = Book()\nlet two = Book()\none.meet(two)\ntwo.meet(one)\none.fill()\nlet marks = {}");
        let keys = self.pick(&[
            "[\"a\", \"b\", \"a\", \"b\", \"f1\"]",
            "[\"a\", \"b\", \"f0\", \"f1\", \"new\"]",
            "[\"f3\", \"f4\", \"f5\", \"g0\", \"g1\", \"g2\", \"a\"]",
            "[\"a\", \"a\", \"b\", 1, 2]",
            "[\"a\", \"a\", \"a\", \"a\", \"a\"]",
        ]);
        self.line(&format!("let keys = {keys}"));
        self.drive("drive", true);
        if self.chance(60) {
            self.drive("again", true);
        }
        self.line("print(one.show(), two.show(), marks)");
        self.drive("freely", false);
        self.line("print(one.show(), two.show(), marks)");
    }
}
