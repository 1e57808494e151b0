//! The grammar for editors keeps step with the lexer.

use std::collections::BTreeSet;

use super::words::{RESERVED, WORDS};
use serde_json::Value;

fn grammar() -> Value {
    serde_json::from_str(include_str!("../../docs/zexus.tmLanguage.json")).expect("the grammar is JSON")
}

/// Calls `each` with every text under a key that holds a regular expression.
fn patterns(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if ["match", "begin", "end", "firstLineMatch"].contains(&key.as_str()) => each(text),
                    _ => patterns(value, each),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| patterns(item, each)),
        _ => {}
    }
}

/// The words of the alternatives `\b(?:a|b)\b` in a part of the grammar.
fn alternatives(part: &Value) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    patterns(part, &mut |pattern| {
        for piece in pattern.split("\\b(?:").skip(1) {
            let list = piece.split(")\\b").next().expect("split gives one");
            words.extend(list.split('|').map(str::to_owned));
        }
    });
    words
}

#[test]
fn every_pattern_is_a_regular_expression() {
    let mut count = 0;
    patterns(&grammar(), &mut |pattern| {
        count += 1;
        fancy_regex::Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    });
    assert!(count > 20, "only {count} patterns were found");
}

#[test]
fn every_include_has_a_target() {
    fn includes(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| match value.as_str() {
                Some(target) if key == "include" => found.push(target.trim_start_matches('#').to_owned()),
                _ => includes(value, found),
            }),
            Value::Array(items) => items.iter().for_each(|item| includes(item, found)),
            _ => {}
        }
    }
    let grammar = grammar();
    let mut found = Vec::new();
    includes(&grammar, &mut found);
    let missing: Vec<&String> =
        found.iter().filter(|name| grammar["repository"].get(name.as_str()).is_none()).collect();
    assert!(found.len() > 10 && missing.is_empty(), "{missing:?}");
}

#[test]
fn its_words_are_the_lexers() {
    let grammar = grammar();
    let words = |range: std::ops::Range<usize>| -> BTreeSet<String> {
        WORDS[range].iter().filter(|word| **word != "_").map(|word| (*word).to_owned()).collect()
    };
    let (reserved, all) = (RESERVED as usize, WORDS.len());
    assert_eq!(alternatives(&grammar["repository"]["reserved"]), words(0..reserved));
    assert_eq!(alternatives(&grammar["repository"]["contextual"]), words(reserved..all));
    let upper: BTreeSet<String> = words(0..all).iter().map(|word| word.to_ascii_uppercase()).collect();
    assert_eq!(alternatives(&grammar["repository"]["upper"]), upper);
}
