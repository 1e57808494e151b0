//! What the runtime knows of tiers: an interface, so that a builtin can call back and a lower tier can hand over
//! without the rooms importing one another; and the policy that decides when.

use std::time::Instant;

use super::info::{ActionId, LoopId, Place};
use super::isolate::Isolate;
use super::signal::Unwind;
use super::tier_profile::TierProfile;
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

/// The tiers, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TierName {
    /// The evaluator.
    Interpreter,
    /// Bytecode.
    Vm,
    /// Machine code.
    Native,
}

impl TierName {
    /// As users see it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Interpreter => "interpreter",
            Self::Vm => "vm",
            Self::Native => "native",
        }
    }
}

/// From one tier to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Evaluator to VM.
    ToVm,
    /// VM to native code.
    ToNative,
}

impl Step {
    /// How many there are.
    pub const COUNT: usize = 2;

    /// The tier left.
    pub fn from(self) -> TierName {
        match self {
            Self::ToVm => TierName::Interpreter,
            Self::ToNative => TierName::Vm,
        }
    }

    /// The tier entered.
    pub fn to(self) -> TierName {
        match self {
            Self::ToVm => TierName::Vm,
            Self::ToNative => TierName::Native,
        }
    }
}

/// What moves between tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// A loop, in mid-flight.
    Loop(LoopId),
    /// An action, at a call.
    Action(ActionId),
}

/// Why a tier was changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// The count reached the threshold.
    Count,
    /// A proof run's dice.
    Chaos,
    /// What waiting had cost reached what compiling costs.
    Loss {
        /// Nanoseconds lost by not having moved.
        lost_ns: u64,
    },
    /// A profile of an earlier run said so.
    Profile,
    /// Tried again after it did not pay.
    Retry {
        /// Which try this is, from 2.
        attempt: u8,
    },
    /// Guards of its native code failed too often: made again without them.
    Remade {
        /// Guards of the site that have failed so far, in all isolates.
        exits: u64,
    },
    /// It does not pay: taken back.
    Slower,
    /// It does not pay, for the last time.
    GivenUp,
    /// The same code takes another time for the same gas than when it was measured.
    Changed {
        /// New time by old time.
        ratio: f64,
    },
}

impl Reason {
    /// As users see it, after so many iterations or calls.
    pub fn text(self, count: u64) -> String {
        match self {
            Self::Count => format!("count reached {count}"),
            Self::Chaos => "chaos".to_owned(),
            Self::Loss { lost_ns } => format!("waiting had cost {:.1} us", lost_ns as f64 / 1e3),
            Self::Profile => "a profile of an earlier run".to_owned(),
            Self::Retry { attempt } => format!("try {attempt}"),
            Self::Remade { exits } => format!("made again after {exits} failed guards"),
            Self::Slower => "did not pay: taken back".to_owned(),
            Self::GivenUp => "did not pay three times: given up".to_owned(),
            Self::Changed { ratio } => format!("changed: {ratio:.2}x the time for the same gas"),
        }
    }
}

/// What the policy did about a site, as it is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct TierChange {
    /// On the isolate's clock.
    pub at_ns: u64,
    /// What it is about.
    pub site: Site,
    /// Iterations or calls before.
    pub count: u64,
    /// The tier left.
    pub from: TierName,
    /// The tier entered; the same where something was only seen.
    pub to: TierName,
    /// What compiling took.
    pub prepared: Prepared,
    /// Time for the same gas before the change by that after it, once measured.
    pub speedup: Option<f64>,
    /// Why.
    pub reason: Reason,
}

/// What to do at a back-edge or call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// Go up now. A reason is recorded with the move; none: it is known already.
    Enter(Option<Reason>),
    /// Stay, and ask again when the count has reached this.
    AskAt(u64),
}

/// What the rules of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// `config.jit_threshold`
    pub threshold: u64,
    /// Whether the script or the host set that.
    pub pinned: bool,
    /// `config.jit_enabled`
    pub enabled: bool,
    /// Runs of this isolate before this one.
    pub earlier_runs: u64,
}

/// A point in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The site's iterations or calls.
    pub count: u64,
    /// Gas used by the isolate: the measure of work that is the same in every tier.
    pub gas: u64,
    /// On the isolate's clock.
    pub at_ns: u64,
}

/// Gives the moment, to who needs it: reading a clock costs more than most decisions.
pub trait Meter {
    /// Now.
    fn moment(&mut self) -> Moment;

    /// How long the code is that would be compiled, in words of bytecode, where that is known: what compiling will
    /// cost.
    fn words(&self) -> Option<u32> {
        None
    }
}

/// What the policy found out about a site after a change, to be put on record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Note {
    /// What the last move of a step gained: time for the same gas before, by time after.
    Measured {
        /// Where.
        site: Site,
        /// Of which move.
        step: Step,
        /// Above 1 is faster.
        speedup: f64,
    },
    /// The site stays below the step from its next entry on.
    TakenBack {
        /// Where.
        site: Site,
        /// Of which step.
        step: Step,
        /// Whether for good.
        reason: Reason,
    },
    /// The site's code behaves otherwise than when it was measured.
    Seen {
        /// Where.
        site: Site,
        /// Above which step.
        step: Step,
        /// What.
        reason: Reason,
    },
}

/// Decides when code moves up, and whether it stays there. Never changes a result: whatever it answers, a program
/// does the same. A policy of `N` tiers is asked about each [`Step`] by itself.
pub trait TierPolicy: Send + std::fmt::Debug {
    /// A run begins, or its terms have changed.
    fn begin(&mut self, terms: Terms);

    /// The count at which a site is first asked about under the current terms.
    fn first_ask(&self, step: Step, site: Site) -> u64;

    /// A site's count reached what it asked for. About native code it is first asked at once.
    fn ask(&mut self, step: Step, site: Site, count: u64, meter: &mut dyn Meter) -> Decision;

    /// Whether it may ever enter native code.
    fn wants_native(&self) -> bool {
        true
    }

    /// Whether native code is entered only where it is likely to be faster.
    fn wants_gain(&self) -> bool {
        false
    }

    /// Whether a site that went up without a word goes up again until something else is asked or seen: it need not be
    /// asked about then.
    fn stands(&self) -> bool {
        true
    }

    /// A move that is on record has happened; the meter shows the time after compiling. Gives the gas until the
    /// next sample.
    fn entered(&mut self, step: Step, site: Site, prepared: Prepared, meter: &mut dyn Meter) -> Option<u64> {
        let _ = (step, site, prepared, meter);
        None
    }

    /// So long was spent on compiling what was not entered, or is entered in place of other code.
    fn spent(&mut self, compile_ns: u64) {
        let _ = compile_ns;
    }

    /// The gas until the first sample, if the policy wants any.
    fn first_slice(&self) -> Option<u64> {
        None
    }

    /// A slice has ended, and the poll of this site is the first behind it. `crossed` says that code went down from one
    /// tier to another meanwhile. Gives the gas until the next sample.
    fn sample(&mut self, tier: TierName, site: Site, moment: Moment, crossed: bool) -> Option<u64> {
        let _ = (tier, site, moment, crossed);
        None
    }

    /// What has been found out since the last time.
    fn notes(&mut self) -> Vec<Note> {
        Vec::new()
    }

    /// Forgets what it learnt in earlier runs.
    fn forget(&mut self) {}

    /// What it has learnt, for a later process.
    fn profile(&self) -> TierProfile {
        TierProfile::default()
    }

    /// Takes the hints of an earlier process; they may be wrong, old or hostile.
    fn learn(&mut self, profile: &TierProfile) {
        let _ = profile;
    }
}

/// Where the isolate's time comes from.
pub trait Clock: Send + std::fmt::Debug {
    /// Nanoseconds since the isolate was made. The gas used so far and the tier that runs are for clocks that
    /// compute the time.
    fn now_ns(&mut self, gas: u64, tier: TierName) -> u64;

    /// The time that compiling took: as measured, unless the clock computes it.
    fn compile_ns(&mut self, prepared: Prepared) -> u64 {
        prepared.compile_ns
    }
}

/// The time of the machine.
#[derive(Debug)]
pub(super) struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now_ns(&mut self, _gas: u64, _tier: TierName) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// A clock for tests: time is gas times what a unit of it takes in the tier that runs, so that the same program
/// always takes the same time.
pub struct WorkClock {
    now_ns: f64,
    gas: u64,
    /// Nanoseconds for a unit of gas, in a tier, when so much has been used.
    ns_per_gas: Box<dyn Fn(TierName, u64) -> f64 + Send>,
    /// Nanoseconds for compiling to a byte of code.
    compile_ns_per_byte: f64,
}

impl WorkClock {
    /// From the costs.
    pub fn new(compile_ns_per_byte: f64, ns_per_gas: impl Fn(TierName, u64) -> f64 + Send + 'static) -> Self {
        Self { now_ns: 0.0, gas: 0, ns_per_gas: Box::new(ns_per_gas), compile_ns_per_byte }
    }
}

impl std::fmt::Debug for WorkClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkClock").field("now_ns", &self.now_ns).field("gas", &self.gas).finish_non_exhaustive()
    }
}

impl Clock for WorkClock {
    fn now_ns(&mut self, gas: u64, tier: TierName) -> u64 {
        self.now_ns += gas.saturating_sub(self.gas) as f64 * (self.ns_per_gas)(tier, gas);
        self.gas = gas;
        self.now_ns as u64
    }

    fn compile_ns(&mut self, prepared: Prepared) -> u64 {
        let took = prepared.code_bytes as f64 * self.compile_ns_per_byte;
        self.now_ns += took;
        took as u64
    }
}

/// Counters of what the VM executes, for the tier above it.
#[derive(Debug)]
pub struct Heat {
    /// By loop.
    pub loops: Vec<Counter>,
    /// By action.
    pub calls: Vec<Counter>,
    /// Whether anything is to be counted.
    pub wanted: bool,
}

impl Heat {
    pub(super) fn new(loops: usize, calls: usize) -> Self {
        let counter = Counter { count: 0, ask_at: 0 };
        Self { loops: vec![counter; loops], calls: vec![counter; calls], wanted: true }
    }

    /// Counts an arrival at a loop's header in the VM; whether it is time to ask. `loop_id` may be out of range.
    #[inline(always)]
    pub fn tick_loop(&mut self, loop_id: u16) -> bool {
        self.loops.get_mut(usize::from(loop_id)).is_some_and(Counter::tick)
    }

    /// Counts a call in the VM; whether it is time to ask.
    #[inline(always)]
    pub fn tick_call(&mut self, action: ActionId) -> bool {
        self.calls[action.0 as usize].tick()
    }

    /// Starts anew; while native code is not wanted, nothing asks.
    pub(super) fn rearm(&mut self, enabled: bool) {
        self.wanted = enabled;
        for counter in self.loops.iter_mut().chain(self.calls.iter_mut()) {
            counter.ask_at = if enabled { 0 } else { u64::MAX };
        }
    }

    /// The counter of a site.
    pub fn counter(&mut self, site: Site) -> &mut Counter {
        match site {
            Site::Loop(id) => &mut self.loops[id.0 as usize],
            Site::Action(action) => &mut self.calls[action.0 as usize],
        }
    }

    /// Arrivals of a site in the VM so far.
    pub(super) fn count(&self, site: Site) -> u64 {
        match site {
            Site::Loop(id) => self.loops[id.0 as usize].count,
            Site::Action(action) => self.calls[action.0 as usize].count,
        }
    }
}

impl Counter {
    #[inline(always)]
    fn tick(&mut self) -> bool {
        self.count += 1;
        self.count > self.ask_at
    }
}

/// A hot counter: one loop's iterations or one action's calls, over the whole run.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    /// How many so far.
    pub count: u64,
    /// Ask the policy when `count` reaches this.
    pub ask_at: u64,
}
