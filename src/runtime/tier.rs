//! What the runtime knows of tiers: an interface, so that a builtin can call back and a lower tier can hand over
//! without the rooms importing one another; and the policy that decides when.

use super::info::{ActionId, LoopId, Place};
use super::isolate::Isolate;
use super::signal::Unwind;
use crate::value::Value;

/// Where a tier begins in the topmost frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// At the action's first statement.
    Start,
    /// At a loop's header, before its gas is charged: everything else is in the slots.
    Loop(LoopId),
}

/// Something that runs the topmost frame's action to its end. The frame was entered by the caller, who also leaves
/// it. Gives the action's result; `Isolate::fresh_result` says whether it is a new container.
pub trait Tier: Send + Sync + std::fmt::Debug {
    /// Runs the rest of the action.
    fn run(&self, isolate: &mut Isolate, entry: Entry) -> Result<Value, Unwind>;

    /// Makes an action's code ready; says what that took, if it was not ready before.
    fn prepare(&self, action: ActionId) -> Prepared {
        let _ = action;
        Prepared::default()
    }

    /// The source place of a position that this tier left in a frame's call site.
    fn place(&self, action: ActionId, position: u32) -> Place;
}

/// What making code ready took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Nanoseconds; 0 if it was ready.
    pub compile_ns: u64,
    /// Size of the code in bytes.
    pub code_bytes: u64,
}

/// What moved up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// A loop, in mid-flight.
    Loop(LoopId),
    /// An action, at a call.
    Action(ActionId),
}

/// One move into the upper tier: the first of its site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// Nanoseconds since the isolate was made.
    pub at_ns: u64,
    /// What moved.
    pub site: Site,
    /// Iterations or calls before.
    pub count: u64,
    /// What compiling took.
    pub prepared: Prepared,
}

/// What to do at a back-edge or call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go up now.
    Enter,
    /// Stay, and ask again when the count has reached this.
    AskAt(u64),
}

/// Decides when code moves up. Never changes a result.
pub trait TierPolicy: Send + std::fmt::Debug {
    /// The count at which a loop or action is first asked about, under `config.jit_threshold` and `jit_enabled`.
    fn first_ask(&self, threshold: u64, enabled: bool) -> u64;
    /// A loop's iterations reached the count it asked for.
    fn at_back_edge(&mut self, site: LoopId, count: u64) -> Decision;
    /// An action's calls reached the count it asked for.
    fn at_call(&mut self, action: ActionId, count: u64) -> Decision;
}

/// A hot counter: one loop's iterations or one action's calls, over the whole run.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    /// How many so far.
    pub count: u64,
    /// Ask the policy when `count` reaches this.
    pub ask_at: u64,
}

impl Isolate {
    /// Notes that a loop moves into the upper tier; the first time its code is made ready and the move is recorded.
    pub fn note_promotion_of_loop(&mut self, id: LoopId, count: u64) {
        let action = self.info.loops[id.0 as usize].action;
        self.note_promotion(Site::Loop(id), action, count);
    }

    /// The same for an action.
    pub fn note_promotion_of_action(&mut self, action: ActionId, count: u64) {
        self.note_promotion(Site::Action(action), action, count);
    }

    fn note_promotion(&mut self, site: Site, action: ActionId, count: u64) {
        if self.promoted.iter().any(|promotion| promotion.site == site) {
            return;
        }
        let prepared = self.upper.as_ref().map_or_else(Prepared::default, |tier| tier.prepare(action));
        let at_ns = self.started.elapsed().as_nanos() as u64;
        self.promoted.push(Promotion { at_ns, site, count, prepared });
        if self.config.jit_debug {
            let place = match site {
                Site::Loop(id) => self.info.loops[id.0 as usize].place,
                Site::Action(action) => self.info.action(action).place,
            };
            let place = self.info.site(place.start);
            self.output.flush();
            eprintln!(
                "[jit] {} at {place}: after {count} {} interpreter -> vm, compiled in {} us ({} bytes)",
                if matches!(site, Site::Loop(_)) { "loop" } else { "action" },
                if matches!(site, Site::Loop(_)) { "iterations" } else { "calls" },
                prepared.compile_ns / 1_000,
                prepared.code_bytes,
            );
        }
    }
}
