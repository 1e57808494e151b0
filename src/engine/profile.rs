//! Profiles: where a run spent its time, by line, by action and by stack of calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::isolate::Isolate;
use super::program::Program;
use crate::runtime::info::{ActionId, Place};
use crate::runtime::profile::{Entry, NO_MARK, Profile};

/// Time between two ticks.
const TICK: Duration = Duration::from_micros(200);

/// What a line of the source took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineCost {
    /// `file:line`
    pub place: String,
    /// The line.
    pub text: String,
    /// How often the statement on it that ran most often ran: exact.
    pub count: u64,
    /// Ticks in which a statement of this line ran.
    pub own: u64,
    /// Those, and ticks in what it called.
    pub total: u64,
}

/// What an action took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionCost {
    /// Its name; the file's own statements are `top level`.
    pub name: String,
    /// `file:line`
    pub place: String,
    /// How often it was called: exact.
    pub calls: u64,
    /// Ticks in its own statements.
    pub own: u64,
    /// Those, and ticks in what it called.
    pub total: u64,
}

/// Where a run spent its time. A tick falls on the statement that ran when the next one began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileData {
    /// All ticks.
    pub ticks: u64,
    /// Nanoseconds between two ticks.
    pub tick_ns: u64,
    /// Lines that ran, the costliest first.
    pub lines: Vec<LineCost>,
    /// Actions that ran, the costliest first.
    pub actions: Vec<ActionCost>,
    /// Ticks by stack of calls, outermost first: `action (file:line);...`.
    pub stacks: Vec<(String, u64)>,
}

impl Isolate {
    /// Profiles the next run of a program that [`Program::compile_for_profile`] made.
    pub fn start_profile(&mut self) {
        let clock = Arc::new(AtomicU64::new(0));
        let weak = Arc::downgrade(&clock);
        let started = Instant::now();
        // The thread ends when nobody holds the profile any more.
        std::thread::spawn(move || {
            while let Some(clock) = weak.upgrade() {
                // Relaxed: the number is the message. Slept time is measured: a late tick counts for those missed.
                clock.store((started.elapsed().as_nanos() / TICK.as_nanos()) as u64, Ordering::Relaxed);
                drop(clock);
                std::thread::sleep(TICK);
            }
        });
        self.inner.profile = Some(Box::new(Profile::new(clock, self.program.info.marks.len())));
    }

    /// Ends the profile and sums it up.
    pub fn take_profile(&mut self) -> Option<ProfileData> {
        let mut profile = self.inner.profile.take()?;
        profile.attribute();
        let calls: Vec<u64> = self.inner.calls.iter().map(|counter| counter.count).collect();
        let name = |action: u32| match action {
            0 => "top level".to_owned(),
            _ => self.inner.action_name(ActionId(action)),
        };
        Some(Summary { program: &self.program, profile: &profile }.data(&calls, name))
    }
}

/// Ticks of one line or action.
#[derive(Clone, Copy, Default)]
struct Cost {
    count: u64,
    own: u64,
    total: u64,
}

/// A line of the program: where its file begins among the texts, and its number there.
type Line = (u32, usize);

struct Summary<'a> {
    program: &'a Program,
    profile: &'a Profile,
}

impl Summary<'_> {
    fn data(&self, calls: &[u64], name: impl Fn(u32) -> String) -> ProfileData {
        let mut lines: BTreeMap<Line, Cost> = BTreeMap::new();
        let mut actions: BTreeMap<u32, Cost> = BTreeMap::new();
        let mut stacks: BTreeMap<String, u64> = BTreeMap::new();
        for (mark, &count) in self.profile.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let line = lines.entry(self.line(self.program.info.marks[mark].place)).or_default();
            line.count = line.count.max(count);
        }
        for (action, &count) in calls.iter().enumerate().filter(|(_, count)| **count > 0) {
            actions.entry(action as u32).or_default().count = count;
        }
        let mut ticks = 0;
        for (stack, &count) in &self.profile.samples {
            ticks += count;
            let places: Vec<Line> = stack.iter().map(|entry| self.line(self.place(*entry))).collect();
            if let (Some(line), Some(entry)) = (places.last(), stack.last()) {
                lines.entry(*line).or_default().own += count;
                actions.entry(entry.action).or_default().own += count;
            }
            // A recursive action or line counts once in a stack.
            for line in places.iter().collect::<BTreeSet<_>>() {
                lines.entry(*line).or_default().total += count;
            }
            for action in stack.iter().map(|entry| entry.action).collect::<BTreeSet<_>>() {
                actions.entry(action).or_default().total += count;
            }
            let text: Vec<String> =
                stack.iter().zip(&places).map(|(e, line)| self.frame(&name(e.action), *line)).collect();
            *stacks.entry(text.join(";")).or_default() += count;
        }
        ProfileData {
            ticks,
            tick_ns: TICK.as_nanos() as u64,
            lines: costliest(lines).into_iter().map(|(line, cost)| self.line_cost(line, cost)).collect(),
            actions: costliest(actions)
                .into_iter()
                .map(|(action, cost)| self.action_cost(action, name(action), cost))
                .collect(),
            stacks: stacks.into_iter().collect(),
        }
    }

    /// Where an entry of a stack stands: the statement marked last, or the action's head.
    fn place(&self, entry: Entry) -> Place {
        let info = &self.program.info;
        match entry.mark {
            NO_MARK => info.action(ActionId(entry.action)).place,
            mark => info.marks[mark as usize].place,
        }
    }

    fn line(&self, place: Place) -> Line {
        let (file, start) = self.program.sources.file_at(place.start);
        (start, file.line_col(place.start - start).0)
    }

    /// `file:line`
    fn site(&self, (start, line): Line) -> String {
        format!("{}:{line}", self.program.sources.file_at(start).0.name)
    }

    fn frame(&self, name: &str, line: Line) -> String {
        // A semicolon would end the frame.
        format!("{name} ({})", self.site(line).replace(';', ","))
    }

    fn line_cost(&self, line: Line, cost: Cost) -> LineCost {
        let (file, _) = self.program.sources.file_at(line.0);
        let Cost { count, own, total } = cost;
        LineCost { place: self.site(line), text: file.line_text(line.1).trim().to_owned(), count, own, total }
    }

    fn action_cost(&self, action: u32, name: String, cost: Cost) -> ActionCost {
        let line = self.line(self.program.info.action(ActionId(action)).place);
        let Cost { count: calls, own, total } = cost;
        ActionCost { name, place: self.site(line), calls, own, total }
    }
}

/// By own ticks, then all ticks, then how often; what is equal stays in the order of the text.
fn costliest<K: Ord>(costs: BTreeMap<K, Cost>) -> Vec<(K, Cost)> {
    let mut costs: Vec<(K, Cost)> = costs.into_iter().collect();
    costs.sort_by_key(|(_, cost)| std::cmp::Reverse((cost.own, cost.total, cost.count)));
    costs
}
