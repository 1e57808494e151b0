//! Builtins and methods by table: a call written as JSON values, and the text of its result or error. Program code
//! does not run here: where a callback is needed, a builtin is one.

use std::sync::Arc;

use super::super::info::{ActionId, Place, ProgramInfo, Symbol};
use super::super::names::{BUILTINS, METHODS, builtin_id, method_id};
use super::super::{
    Decision, Entry, Isolate, IsolateSettings, Meter, Output, PollFlags, Site, Step, Terms, Tier, TierPolicy, Unwind,
};
use super::json::parse_json;
use crate::value::{ConstantPoolBuilder, FROZEN, Tag, Value};

#[derive(Debug)]
struct NoTier;

impl Tier for NoTier {
    fn run(&self, isolate: &mut Isolate, _: Entry) -> Result<Value, Unwind> {
        isolate.fail("there is no program")
    }

    fn place(&self, _: ActionId, _: u32) -> Place {
        Place::default()
    }
}

#[derive(Debug)]
struct Stay;

impl TierPolicy for Stay {
    fn begin(&mut self, _: Terms) {}
    fn first_ask(&self, _: Step, _: Site) -> u64 {
        u64::MAX
    }
    fn ask(&mut self, _: Step, _: Site, _: u64, _: &mut dyn Meter) -> Decision {
        Decision::AskAt(u64::MAX)
    }
}

/// Symbols are the method names in both spellings, and `nonsense`.
fn isolate() -> Isolate {
    let names = METHODS.iter().flat_map(|(snake, camel)| std::iter::once(*snake).chain(*camel));
    let symbols: Vec<Box<str>> = names.chain(["nonsense"]).map(Box::from).collect();
    let mut constants = ConstantPoolBuilder::new();
    let info = ProgramInfo {
        files: Vec::new(),
        modules: Vec::new(),
        imported_actions: Vec::new(),
        source: String::new(),
        symbol_values: symbols.iter().map(|symbol| constants.string(symbol)).collect(),
        method_of_symbol: symbols.iter().map(|symbol| method_id(symbol)).collect(),
        symbols,
        constants: constants.finish(),
        actions: Vec::new(),
        classes: Vec::new(),
        enums: Vec::new(),
        globals: Vec::new(),
        loops: Vec::new(),
        config: Vec::new(),
        marks: Vec::new(),
    };
    let settings = IsolateSettings {
        gas_limit: None,
        alloc_limit: None,
        memory_limit: None,
        depth_limit: 100,
        collect_always: true,
        seed: 7,
        args: Vec::new(),
    };
    let output = Output::Capture(String::new());
    let isolate = Isolate::new(Arc::new(info), Arc::new(NoTier), None, Box::new(Stay), output, settings);
    isolate.poll_flags.raise(PollFlags::ALWAYS);
    isolate
}

/// Arguments as a JSON list; the string `@name` stands for a builtin, `@range` for `range(3)`.
fn place(isolate: &mut Isolate, arguments: &str) -> (u32, u32) {
    let list = parse_json(isolate, arguments, "").expect("the test's arguments are JSON");
    let base = isolate.top;
    for mut value in isolate.list_items(list) {
        if value.is_str()
            && let Some(name) = isolate.ledger.heap.str(value).strip_prefix('@')
        {
            value = match name {
                "range" => isolate.range(0, 3, 1).expect("a range"),
                _ => Value::builtin(builtin_id(name).expect("a builtin's name")),
            };
        }
        isolate.push(value);
    }
    (base, isolate.top - base)
}

/// The text of a result, strings in containers too; of an error behind `! `.
fn outcome(isolate: &mut Isolate, result: Result<Value, Unwind>) -> String {
    if let Ok(value) = result {
        return isolate.display(value).expect("a result has a text");
    }
    let message = isolate.caught_value();
    format!("! {}", isolate.display(message).expect("an error has a text"))
}

fn function(name: &str, arguments: &str) -> String {
    let mut isolate = isolate();
    call(&mut isolate, name, arguments)
}

fn call(isolate: &mut Isolate, name: &str, arguments: &str) -> String {
    let (base, count) = place(isolate, arguments);
    let result = isolate.call_builtin(builtin_id(name).expect("a builtin's name"), base, count);
    isolate.top = base;
    outcome(isolate, result)
}

fn invoke(isolate: &mut Isolate, receiver: Value, name: &str, arguments: &str) -> Result<Value, Unwind> {
    let (base, count) = place(isolate, arguments);
    let symbol = isolate.info.symbols.iter().position(|symbol| **symbol == *name).expect("a symbol");
    let result = isolate.call_method(receiver, Symbol(symbol as u32), base, count);
    isolate.top = base;
    result
}

/// The method's result, and the receiver afterwards if that is something else.
fn method(receiver: &str, name: &str, arguments: &str) -> String {
    let mut isolate = isolate();
    let (base, _) = place(&mut isolate, &format!("[{receiver}]"));
    let receiver = isolate.slots[base as usize];
    let result = invoke(&mut isolate, receiver, name, arguments);
    if let Ok(value) = result {
        assert!(value.raw_eq(receiver) || !value.tag().is_container() || !isolate.ledger.is_state(value));
    }
    let before = outcome(&mut isolate, result);
    let after = isolate.display(receiver).expect("a receiver has a text");
    if before == after || !receiver.tag().is_container() { before } else { format!("{before} / {after}") }
}

#[track_caller]
fn check_functions(cases: &[(&str, &str, &str)]) {
    for (name, arguments, expected) in cases {
        assert_eq!(function(name, arguments), *expected, "{name}({arguments})");
    }
}

#[track_caller]
fn check_methods(cases: &[(&str, &str, &str, &str)]) {
    for (receiver, name, arguments, expected) in cases {
        assert_eq!(method(receiver, name, arguments), *expected, "{receiver}.{name}({arguments})");
    }
}

#[test]
fn every_name_has_code() {
    assert_eq!(super::FUNCTION_TABLE.len(), BUILTINS.len());
    for (id, row) in super::METHOD_TABLE.iter().enumerate() {
        assert!(row.iter().any(Option::is_some), "the method {} belongs to no type", METHODS[id].0);
    }
    let named: usize = super::FUNCTIONS.iter().map(|functions| functions.len()).sum();
    assert_eq!(named, BUILTINS.len(), "a function stands twice, or in no table");
}

#[test]
fn conversions() {
    check_functions(&[
        ("int", r#"["abc"]"#, "! Cannot convert 'abc' to integer"),
        ("int", r#"[" -12 "]"#, "-12"),
        ("int", r#"["+0x1F"]"#, "31"),
        ("int", r#"["9300000000000000000000"]"#, "9300000000000000000000"),
        ("int", r#"["1.5"]"#, "! Cannot convert '1.5' to integer"),
        ("int", "[-2.9]", "-2"),
        ("int", "[true]", "1"),
        ("int", "[null]", "! Cannot convert null to integer"),
        ("int", "[[1]]", "! Cannot convert list to integer"),
        ("float", r#"["x"]"#, "! Cannot convert 'x' to float"),
        ("float", r#"[" 1e3 "]"#, "1000.0"),
        ("float", "[3]", "3.0"),
        ("string", r#"[[1, "a", true, null]]"#, "[1, a, true, null]"),
        ("str", "[1.0]", "1.0"),
        ("bool", "[[]]", "false"),
        ("bool", r#"["0"]"#, "true"),
        ("type", "[1]", "Integer"),
        ("type", "[null]", "Null"),
        ("typeof", "[1]", "integer"),
        ("typeof", r#"["@range"]"#, "list"),
        ("typeof", r#"["@len"]"#, "function"),
        ("is_null", "[null]", "true"),
        ("len", r#"["aé"]"#, "2"),
        ("len", r#"[{"a": 1}]"#, "1"),
        ("len", r#"["@range"]"#, "3"),
        ("len", "[null]", "! len() not supported for null"),
    ]);
}

#[test]
fn argument_counts() {
    check_functions(&[
        ("len", "[1, 2]", "! len() takes 1 argument, 2 given"),
        ("is_main", "[1]", "! is_main() takes 0 arguments, 1 given"),
        ("round", "[1, 2, 3]", "! round() takes 1 to 2 arguments, 3 given"),
        ("min", "[]", "! min() takes at least 1 argument, 0 given"),
    ]);
    assert_eq!(method("[1]", "push", "[]"), "! push() takes 1 argument, 0 given / [1]");
}

#[test]
fn numbers() {
    check_functions(&[
        ("abs", "[-9223372036854775808]", "9223372036854775808"),
        ("abs", "[-1.5]", "1.5"),
        ("floor", "[-1.5]", "-2"),
        ("ceil", "[1.2]", "2"),
        ("round", "[2.5]", "2"),
        ("round", "[3.5]", "4"),
        ("round", "[2.675, 2]", "2.67"),
        ("round", "[1234.5, -2]", "1200.0"),
        ("round", "[7, 1]", "7"),
        ("floor", "[1e400]", "! Cannot convert 'inf' to integer"),
        ("sqrt", "[16]", "4.0"),
        ("sqrt", "[-1]", "! Cannot take the square root of a negative number"),
        ("pow", "[2, 100]", "1267650600228229401496703205376"),
        ("sum", "[[1, 2.5]]", "3.5"),
        ("sum", "[1, 2, 3, 4, 5, 6]", "21"),
        ("sum", "[[]]", "0"),
        ("sum", r#"[[1, "a"]]"#, "! Type mismatch: cannot add INTEGER and STRING"),
        ("min", "[3, 1.0, 2]", "1.0"),
        ("max", r#"[["b", "a"]]"#, "b"),
        ("max", "[[]]", "! max() of an empty list"),
        ("max", r#"[1, "a"]"#, "! Type mismatch: cannot compare INTEGER and STRING"),
        ("min", "[1, null]", "! Type mismatch: cannot compare INTEGER and NULL"),
        ("range", "[3]", "[0, 1, 2]"),
        ("range", "[5, 0, -2]", "[5, 3, 1]"),
        ("range", "[1, 2, 0]", "! range() step must not be 0"),
        ("range", r#"["a"]"#, "! range() needs an integer, not string"),
    ]);
}

#[test]
fn list_functions() {
    check_functions(&[
        ("push", "[[1], 2]", "[1, 2]"),
        ("push", r#"["@range", 9]"#, "[0, 1, 2, 9]"),
        ("append", "[[1], 2]", "[1, 2]"),
        ("append", r#"["@range", 9]"#, "! This list is read-only"),
        ("append", "[null, 9]", "! append() needs a list, not null"),
        ("extend", r#"[[1], "@range"]"#, "[1, 0, 1, 2]"),
        ("first", "[[]]", "null"),
        ("last", r#"["@range"]"#, "2"),
        ("rest", "[[1, 2, 3]]", "[2, 3]"),
        ("rest", "[[]]", "[]"),
        ("slice", "[[1, 2, 3], -2]", "[2, 3]"),
        ("slice", r#"["añb", 1, 2]"#, "ñ"),
        ("sort", "[[3, 1.5, 2]]", "[1.5, 2, 3]"),
        ("sort", r#"[["b", "a"]]"#, "[a, b]"),
        ("sort", r#"[[1, "a"]]"#, "! Type mismatch: cannot compare INTEGER and STRING"),
        ("sort", "[[1, 1.0, true]]", "! Type mismatch: cannot compare INTEGER and BOOLEAN"),
        ("reverse", "[[1, 2]]", "[2, 1]"),
        ("reverse", r#"["aé"]"#, "éa"),
        ("join", r#"[[1, "a", null], "-"]"#, "1-a-null"),
        ("contains", "[[1, [2]], [2.0]]", "true"),
        ("contains", r#"["@range", 2]"#, "true"),
        ("index_of", "[[1, 2], 3]", "-1"),
    ]);
}

#[test]
fn list_methods() {
    check_methods(&[
        ("[1]", "push", "[2]", "[1, 2]"),
        ("[1, 2]", "pop", "[]", "2 / [1]"),
        ("[]", "pop", "[]", "null / []"),
        ("[1, 3]", "insert", "[1, 2]", "[1, 2, 3]"),
        ("[1, 3]", "insert", "[-1, 2]", "[1, 2, 3]"),
        ("[1, 2]", "insert", "[2, 3]", "[1, 2, 3]"),
        ("[1]", "insert", "[3, 2]", "! List index 3 is out of range (length 1) / [1]"),
        ("[1, 2, 1]", "remove", "[1]", "true / [2, 1]"),
        ("[1, 2]", "remove", "[2]", "true / [1]"),
        ("[1]", "remove", "[5]", "false / [1]"),
        ("[1]", "clear", "[]", "[]"),
        ("[2, 1]", "sort", "[]", "[1, 2] / [2, 1]"),
        ("[2, 1]", "reverse", "[]", "[1, 2] / [2, 1]"),
        ("[[1]]", "index_of", "[[1]]", "0 / [[1]]"),
        ("[[1]]", "indexOf", "[[1]]", "0 / [[1]]"),
        ("[]", "isEmpty", "[]", "true / []"),
        ("[1]", "toString", "[]", "[1]"),
        ("[1]", "nonsense", "[]", "! Method 'nonsense' not supported for list / [1]"),
        ("[1]", "upper", "[]", "! Method 'upper' not supported for list / [1]"),
        ("null", "push", "[1]", "! Cannot call method 'push' on null"),
        (r#""@range""#, "push", "[1]", "! This list is read-only"),
        (r#""@range""#, "last", "[]", "2"),
        ("5", "toString", "[]", "5"),
        ("5", "push", "[1]", "! Method 'push' not supported for integer"),
    ]);
}

#[test]
fn map_methods() {
    check_methods(&[
        (r#"{"a": 1}"#, "has", r#"["a"]"#, "true / {a: 1}"),
        (r#"{"a": 1}"#, "get", r#"["b"]"#, "null / {a: 1}"),
        (r#"{"a": 1}"#, "get", r#"["b", 5]"#, "5 / {a: 1}"),
        (r#"{"b": 1}"#, "set", r#"["a", 2]"#, "{b: 1, a: 2}"),
        (r#"{"b": 1}"#, "set", "[2.0, 3]", "{b: 1, 2: 3}"),
        (r#"{"b": 1}"#, "set", "[[], 3]", "! Map key must be a string, integer or boolean, not list / {b: 1}"),
        (r#"{"b": 1, "a": 2}"#, "delete", r#"["b"]"#, "true / {a: 2}"),
        (r#"{"b": 1}"#, "remove", r#"["c"]"#, "false / {b: 1}"),
        (r#"{"b": 1, "a": 2}"#, "keys", "[]", "[b, a] / {b: 1, a: 2}"),
        (r#"{"b": 1, "a": 2}"#, "values", "[]", "[1, 2] / {b: 1, a: 2}"),
        (r#"{"b": 1}"#, "entries", "[]", "[[b, 1]] / {b: 1}"),
        (r#"{"a": 1, "b": 2}"#, "merge", r#"[{"c": 3, "a": 9}]"#, "{a: 9, b: 2, c: 3} / {a: 1, b: 2}"),
        (r#"{"a": 1, "b": 2}"#, "clear", "[]", "{}"),
        (r#"{"a": 1}"#, "size", "[]", "1 / {a: 1}"),
    ]);
}

#[test]
fn texts() {
    check_functions(&[
        ("split", r#"["a,b,", ","]"#, "[a, b, ]"),
        ("split", r#"[" a  b "]"#, "[a, b]"),
        ("split", r#"["aé", ""]"#, "[a, é]"),
        ("split", "[5]", "! split() needs a string, not integer"),
        ("replace", r#"["aXbX", "X", "--"]"#, "a--b--"),
        ("trim", r#"["  a "]"#, "a"),
        ("upper", r#"["aé"]"#, "AÉ"),
        ("lowercase", r#"["AB"]"#, "ab"),
        ("substring", r#"["hello", 1, 3]"#, "el"),
        ("substring", r#"["hello", 3]"#, "lo"),
        ("starts_with", r#"["hello", "he"]"#, "true"),
        ("ends_with", r#"["hello", "he"]"#, "false"),
        ("index_of", r#"["éab", "b"]"#, "2"),
        ("contains", r#"["hello", "ll"]"#, "true"),
    ]);
    check_methods(&[
        (r#""abc""#, "charAt", "[1]", "b"),
        (r#""abc""#, "char_at", "[9]", "null"),
        (r#"" 42""#, "to_int", "[]", "42"),
        (r#""abc""#, "slice", "[1]", "bc"),
        (r#""abc""#, "toUpper", "[]", "ABC"),
        (r#""a""#, "keys", "[]", "! Method 'keys' not supported for string"),
    ]);
    let long = format!(r#"["{}", "", "{}"]"#, "a".repeat(40_000), "b".repeat(40_000));
    assert_eq!(function("replace", &long), "! The text is longer than 1 GiB");
}

#[test]
fn hashes() {
    check_functions(&[
        ("sha256", r#"["abc"]"#, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("hash", r#"["abc", "SHA256"]"#, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("hash", r#"["", "keccak256"]"#, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        ("hash", r#"["", "SHA3-256"]"#, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
        ("blake3", r#"[""]"#, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (
            "hash",
            r#"["", "MD5"]"#,
            "! Unknown hash algorithm 'MD5': use one of SHA256, SHA512, SHA3-256, BLAKE2B, KECCAK256, BLAKE3",
        ),
        ("to_hex", "[255]", "0xff"),
        ("to_hex", "[-18446744073709551616]", "-0x10000000000000000"),
        ("to_hex", r#"["ab"]"#, "6162"),
        ("from_hex", r#"["0xFF"]"#, "255"),
        ("from_hex", r#"["xyz"]"#, "! Cannot convert 'xyz' from hexadecimal"),
    ]);
    assert_eq!(function("hash", r#"["", "SHA512"]"#).len(), 128);
    assert!(function("hash", r#"["", "BLAKE2B"]"#).starts_with("786a02f742015903c6c6fd852552d272"));
}

#[test]
fn json() {
    check_functions(&[
        ("json_parse", r#"["{\"b\": 1, \"a\": [1.5, true, null, \"x\\u00e9\"]}"]"#, "{b: 1, a: [1.5, true, null, xé]}"),
        ("json_parse", r#"["123456789012345678901234567890"]"#, "123456789012345678901234567890"),
        ("json_parse", r#"[" 1 2"]"#, "! Invalid JSON at line 1, column 4: more text after the value"),
        ("json_parse", r#"["[1,"]"#, "! Invalid JSON at line 1, column 4: the text ends where a value should stand"),
        ("json_parse", r#"["\n[01]"]"#, "! Invalid JSON at line 2, column 2: a malformed number"),
        ("json_parse", r#"["\"a"]"#, "! Invalid JSON at line 1, column 1: a string does not end"),
        ("json_parse", r#"["\"a\\"]"#, "! Invalid JSON at line 1, column 1: a string does not end"),
        ("json_stringify", r#"[{"a": [1, 2.0, "q\"é"], "b": {}}]"#, r#"{"a": [1, 2.0, "q\"é"], "b": {}}"#),
        ("json_stringify", r#"[{"a": [1], "b": []}, 2]"#, "{\n  \"a\": [\n    1\n  ],\n  \"b\": []\n}"),
        ("json_stringify", r#"["@range"]"#, "[0, 1, 2]"),
        ("json_stringify", r#"["@len"]"#, "! Cannot write a value of type function as JSON"),
        ("json_stringify", "[1e999]", "! Cannot write an infinite float or nan as JSON"),
    ]);
    let deep = |depth: usize| format!(r#"["{}{}"]"#, "[".repeat(depth), "]".repeat(depth));
    assert_eq!(function("json_parse", &deep(1000)).len(), 2000);
    assert!(function("json_parse", &deep(1001)).ends_with("nested too deeply (over 1,000 levels)"));
    let mut isolate = isolate();
    let list = isolate.new_list(Vec::new()).expect("a list");
    isolate.ledger.list_push(list, list);
    let result = super::json::stringify_json(&mut isolate, list, None);
    assert!(result.is_err());
}

#[test]
fn callbacks() {
    check_functions(&[
        ("map", r#"[[1, 2], "@string"]"#, "[1, 2]"),
        ("map", r#"["@range", "@float"]"#, "[0.0, 1.0, 2.0]"),
        ("map", r#"["@range", "@range"]"#, "! A value of type list cannot be called"),
        ("map", r#"["@range", "@to_hex"]"#, "[0x0, 0x1, 0x2]"),
        ("filter", r#"[[0, 1, null, "a"], "@bool"]"#, "[1, a]"),
        ("reduce", r#"[[1, 5, 3], "@max"]"#, "5"),
        ("reduce", r#"[[1, 5, 3], "@max", 9]"#, "9"),
        ("reduce", r#"[["b"], "@push", ["a"]]"#, "[a, b]"),
        ("reduce", r#"[[], "@max"]"#, "! reduce() of an empty list needs a start value"),
        ("map", "[[1], 5]", "! A value of type integer cannot be called"),
        ("map", r#"[null, "@len"]"#, "! map() needs a list, not null"),
    ]);
    check_methods(&[("[1, 2]", "map", r#"["@string"]"#, "[1, 2]"), ("[1, 2]", "reduce", r#"["@min"]"#, "1 / [1, 2]")]);
    let mut isolate = isolate();
    call(&mut isolate, "map", r#"[[1, []], "@float"]"#);
    assert!(isolate.held.is_empty(), "an error leaves nothing held");
}

#[test]
fn control() {
    check_functions(&[
        ("require", "[true]", "null"),
        ("require", r#"[0, "m"]"#, "! Requirement failed: m"),
        ("require", "[0]", "! Requirement failed"),
        ("revert", r#"["m"]"#, "! Transaction reverted: m"),
        ("revert", "[]", "! Transaction reverted"),
        ("throw", "[[1]]", "! [1]"),
        ("is_main", "[]", "true"),
        ("verify_signature", "[1, 2, 3]", "! verify_signature() needs a string or bytes, not integer"),
        ("storage_begin_batch", "[]", "null"),
    ]);
    let mut isolate = isolate();
    call(&mut isolate, "print", r#"[1, "a", null]"#);
    assert_eq!(isolate.output.captured(), "1 a null\n");
}

#[test]
fn persisted_values_are_copies_and_undone() {
    let mut isolate = isolate();
    assert_eq!(call(&mut isolate, "persist_set", r#"["k", [1]]"#), "null");
    let (base, count) = place(&mut isolate, r#"["k"]"#);
    let id = builtin_id("persist_get").expect("a builtin");
    let copy = isolate.call_builtin(id, base, count).expect("a value");
    assert!(!isolate.ledger.is_state(copy));
    isolate.ledger.list_push(copy, Value::int(2));
    assert_eq!(call(&mut isolate, "persist_get", r#"["k"]"#), "[1]");
    isolate.ledger.open_checkpoint();
    call(&mut isolate, "persist_set", r#"["k", 5]"#);
    call(&mut isolate, "persist_set", r#"["new", 5]"#);
    isolate.ledger.roll_back_checkpoint();
    assert_eq!(call(&mut isolate, "persist_get", r#"["k"]"#), "[1]");
    assert_eq!(call(&mut isolate, "persist_get", r#"["new", "none"]"#), "none");
    assert!(call(&mut isolate, "persist_set", r#"["f", "@len"]"#).contains("Cannot store a function"));
}

#[test]
fn state_takes_copies_and_gives_references() {
    let mut isolate = isolate();
    let list = isolate.new_list(Vec::new()).expect("a list");
    isolate.ledger.adopt(list, crate::ledger::place::of_field(0, 0));
    let inner = isolate.new_list(vec![Value::int(1)]).expect("a list");
    let base = isolate.push(list);
    isolate.push(inner);
    let append = builtin_id("append").expect("a builtin");
    isolate.call_builtin(append, base, 2).expect("state can be changed");
    let stored = isolate.ledger.heap.list(list).items[0];
    assert!(!stored.raw_eq(inner) && isolate.ledger.is_state(stored));
    let reverse = builtin_id("reverse").expect("a builtin");
    let reversed = isolate.call_builtin(reverse, base, 1).expect("a list");
    assert!(!isolate.ledger.is_state(reversed));
    assert!(isolate.ledger.heap.list(reversed).items[0].raw_eq(stored));
    let popped = invoke(&mut isolate, list, "pop", "[]").expect("an element");
    assert!(popped.raw_eq(stored) && !isolate.ledger.is_state(popped));
}

#[test]
fn frozen_containers_are_not_changed() {
    let changes = [
        ("[1]", "push", "[1]"),
        ("[1]", "pop", "[]"),
        ("[1]", "insert", "[0, 1]"),
        ("[1]", "remove", "[1]"),
        ("[1]", "clear", "[]"),
        ("[1]", "extend", "[[]]"),
        (r#"{"a": 1}"#, "set", r#"["a", 2]"#),
        (r#"{"a": 1}"#, "delete", r#"["b"]"#),
        (r#"{"a": 1}"#, "clear", "[]"),
    ];
    for (receiver, name, arguments) in changes {
        let mut isolate = isolate();
        let receiver = parse_json(&mut isolate, receiver, "").expect("JSON");
        isolate.ledger.heap.header_mut(receiver).flags |= FROZEN;
        let result = invoke(&mut isolate, receiver, name, arguments);
        let text = outcome(&mut isolate, result);
        assert!(text.ends_with("is read-only"), "{name}: {text}");
    }
}

#[test]
fn random_depends_on_seed_transaction_and_draw() {
    let mut isolate = isolate();
    let draw = |isolate: &mut Isolate| call(isolate, "random", "[1000000]");
    let first = [draw(&mut isolate), draw(&mut isolate)];
    isolate.tx.in_block = true;
    isolate.ledger.transaction = 3;
    let third = [draw(&mut isolate), draw(&mut isolate)];
    isolate.ledger.transaction = 4;
    assert_ne!(draw(&mut isolate), third[0]);
    isolate.ledger.transaction = 3;
    isolate.random.begin_transaction(3);
    assert_eq!([draw(&mut isolate), draw(&mut isolate)], third);
    assert_ne!(first, third);
    let float: f64 = call(&mut isolate, "random", "[]").parse().expect("a float");
    assert!((0.0..1.0).contains(&float));
    for _ in 0..100 {
        let die: i64 = call(&mut isolate, "random", "[-1, 2]").parse().expect("an integer");
        assert!((-1..2).contains(&die));
    }
    assert_eq!(call(&mut isolate, "random", "[0]"), "! random() needs a bound above 0, not 0");
}

#[test]
fn the_outside_is_closed_in_blocks() {
    let mut isolate = isolate();
    isolate.tx.in_block = true;
    isolate.tx.timestamp = 1500.5;
    assert_eq!(call(&mut isolate, "time_now", "[]"), "1500.5");
    for (name, arguments) in [("sleep", "[1]"), ("input", "[]"), ("file_exists", r#"["x"]"#)] {
        let expected = format!("! {name}() is not available in a block transaction");
        assert_eq!(call(&mut isolate, name, arguments), expected);
    }
}

#[test]
fn files() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("a.json").display().to_string().replace('\\', "/");
    let mut isolate = isolate();
    assert_eq!(call(&mut isolate, "file_exists", &format!(r#"["{path}"]"#)), "false");
    let missing = call(&mut isolate, "file_read_text", &format!(r#"["{path}"]"#));
    assert!(missing.starts_with(&format!("! Cannot read file '{path}': ")), "{missing}");
    assert_eq!(call(&mut isolate, "file_write_json", &format!(r#"["{path}", {{"a": [1]}}]"#)), "true");
    assert_eq!(call(&mut isolate, "file_read_text", &format!(r#"["{path}"]"#)), r#"{"a": [1]}"#);
    assert_eq!(call(&mut isolate, "file_read_json", &format!(r#"["{path}"]"#)), "{a: [1]}");
}

#[test]
fn size_dependent_work_is_charged() {
    let mut isolate = isolate();
    isolate.gas = 100;
    let (base, _) = place(&mut isolate, "[1000000]");
    let range = isolate.call_builtin(builtin_id("range").expect("a builtin"), base, 1).expect("a range");
    assert_eq!(range.tag(), Tag::Range);
    let base = isolate.push(range);
    for name in ["sort", "sum", "reverse", "join"] {
        isolate.gas = 100;
        let id = builtin_id(name).expect("a builtin");
        assert!(isolate.call_builtin(id, base, 1).is_err(), "{name} of a long range is free");
    }
}
