//! The language guide tells the truth: every example of `docs/language.md` prints what stands below it, in every tier.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::PathBuf;

use zx::engine::{Engine, Isolate, Mode, OutputSink, Program, RunOptions};

/// One fenced example and what the guide says it prints.
struct Example {
    line: usize,
    fails: bool,
    source: String,
    expected: String,
}

/// The fences of the guide: (line, what follows the back-ticks, text).
fn fences(text: &str) -> Vec<(usize, String, String)> {
    let mut found: Vec<(usize, String, String)> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(info) if !open => {
                found.push((index + 1, info.to_owned(), String::new()));
                open = true;
            }
            Some(_) => open = false,
            None if open => {
                let text = &mut found.last_mut().unwrap().2;
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open, "a fence is not closed");
    found
}

fn examples(text: &str) -> Vec<Example> {
    let fences = fences(text);
    let mut examples = Vec::new();
    for (index, (line, info, source)) in fences.iter().enumerate() {
        if info != "zexus" && info != "zexus fails" {
            continue;
        }
        let expected = match fences.get(index + 1) {
            Some((_, info, text)) if info == "text" => text.clone(),
            _ => panic!("the example in line {line} has no output below it"),
        };
        examples.push(Example { line: *line, fails: info.ends_with("fails"), source: source.clone(), expected });
    }
    examples
}

fn run(example: &Example, mode: Mode) -> (bool, String) {
    let program = Program::compile(&example.source, "guide.zx")
        .unwrap_or_else(|errors| panic!("line {}: {}", example.line, errors.rendered));
    let options = RunOptions { output: OutputSink::Capture, seed: Some(1), ..RunOptions::default() };
    let mut isolate = Isolate::new(&Engine::new(mode), &program, options);
    let failure = isolate.run_once().failure;
    let mut text = isolate.captured_output().to_owned();
    if let Some(failure) = &failure {
        text.push_str(&failure.rendered);
    }
    (failure.is_some(), text)
}

#[test]
fn every_example_of_the_guide_runs() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/language.md");
    let examples = examples(&fs::read_to_string(path).unwrap());
    assert!(examples.len() > 25, "only {} examples were found", examples.len());
    for example in &examples {
        for mode in [Mode::Interpreter, Mode::Vm, Mode::Native, Mode::Adaptive, Mode::Fixed(1), Mode::Fixed(3)] {
            let (failed, text) = run(example, mode);
            assert_eq!(text, example.expected, "line {} of docs/language.md, {mode:?}", example.line);
            assert_eq!(failed, example.fails, "line {} of docs/language.md, {mode:?}", example.line);
        }
    }
}
