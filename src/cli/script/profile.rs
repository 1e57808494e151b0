//! `--profile`: where a run spent its time, as tables for people or as stacks for flame-graph tools.

use std::fmt::Write as _;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};

use super::status;
use crate::engine::{Isolate, ProfileData};

/// How `--profile` shows what it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ProfileForm {
    /// Tables of lines and actions.
    Table,
    /// Collapsed stacks, a line each: `outer (file:line);inner (file:line) TICKS`.
    Stacks,
}

/// So many lines and actions are shown.
const SHOWN: usize = 30;
/// So much of a source line.
const SOURCE: usize = 60;

/// Shows what was asked for; gives an exit status if that fails.
pub(super) fn show(isolate: &mut Isolate, form: Option<ProfileForm>, file: Option<&Path>) -> Result<(), i32> {
    let Some(data) = isolate.take_profile() else { return Ok(()) };
    match form {
        Some(ProfileForm::Table) => tell!("{}", tables(&data)),
        Some(ProfileForm::Stacks) => tell!("{}", stacks(&data)),
        None => {}
    }
    let Some(file) = file else { return Ok(()) };
    std::fs::write(file, stacks(&data)).map_err(|error| {
        tellln!("error: cannot write the profile to {}: {error}", file.display());
        status::FAILED
    })
}

fn stacks(data: &ProfileData) -> String {
    data.stacks.iter().fold(String::new(), |mut text, (stack, ticks)| {
        let _ = writeln!(text, "{stack} {ticks}");
        text
    })
}

fn tables(data: &ProfileData) -> String {
    let mut text = String::new();
    let seconds = data.ticks as f64 * data.tick_ns as f64 / 1e9;
    let _ = writeln!(text, "profile: {} ticks of {} us, {seconds:.3} s", data.ticks, data.tick_ns / 1_000);
    text.push_str(
        "Times and calls are exact. A tick falls on the statement that ran when the next one began: what a statement\n\
         still does after a call has returned counts for the last line called. Profiling slows every statement down.\n\n",
    );
    let share = |ticks: u64| format!("{:.1}%", 100.0 * ticks as f64 / data.ticks.max(1) as f64);
    let mut lines = table(["self", "ticks", "total", "times", "line", "source"]);
    for line in data.lines.iter().take(SHOWN) {
        let source: String = line.text.chars().take(SOURCE).collect();
        lines.add_row([
            share(line.own),
            line.own.to_string(),
            share(line.total),
            line.count.to_string(),
            line.place.clone(),
            source,
        ]);
    }
    finish(&mut text, &lines, data.lines.len(), "lines");
    let mut actions = table(["self", "ticks", "total", "calls", "line", "action"]);
    for action in data.actions.iter().take(SHOWN) {
        let row = [
            share(action.own),
            action.own.to_string(),
            share(action.total),
            action.calls.to_string(),
            action.place.clone(),
            action.name.clone(),
        ];
        actions.add_row(row);
    }
    text.push('\n');
    finish(&mut text, &actions, data.actions.len(), "actions");
    text
}

fn table(header: [&str; 6]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header);
    for column in 0..4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn finish(text: &mut String, table: &Table, all: usize, what: &str) {
    let _ = writeln!(text, "{}", table.trim_fmt());
    if all > SHOWN {
        let _ = writeln!(text, "and {} more {what}", all - SHOWN);
    }
}
