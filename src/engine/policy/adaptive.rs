//! The policy that adapts: measured cost against measured gain, for each step to a higher tier at each site.
//!
//! - In the first run a loop or action enters the VM at exactly the threshold. Every other move is made when the time
//!   already lost by waiting equals what compiling costs, which is never worse than twice a perfect guess (the
//!   ski-rental bound: Karlin, Manasse, Rudolph, Sleator, "Competitive Snoopy Caching", Algorithmica 3 (1988)).
//! - Time is set against gas, which is the same in every tier. Below, the clock is read when a site's count has
//!   doubled; above, when a slice of gas ends, each twice as long as the one before.
//! - What does not pay is taken back: later entries stay below, and try again when the count has grown eightfold.
//!   Three tries.

use std::collections::BTreeMap;

use super::cost::{Budget, Factor, StepModel};
use super::site::{Sites, State, StepState};
use crate::runtime::{
    Decision, Meter, Moment, Note, Prepared, Reason, Site, SiteProfile, Step, Terms, TierName, TierPolicy, TierProfile,
};

/// How a loop's first step is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At `config.jit_threshold`; in later runs where two sites have agreed on another number.
    Threshold,
    /// Like any other step, by what waiting has cost: to compare with.
    Free,
}

/// Samples from which the gain of a move is taken.
const TRIAL_SAMPLES: usize = 5;
/// Samples in which code crossed tiers that are passed over; later ones count, for want of better.
const IMPURE_MOST: u32 = 32;
/// What gains less is taken back.
const PAYS: f64 = 0.95;
/// How often a site may try.
const TRIES_MOST: u8 = 3;
/// By what the count grows from one try to the next.
const BACKOFF: u64 = 8;
/// Time for the same gas, by what was measured, from which on code behaves otherwise.
const STRANGE: f64 = 1.5;
/// Samples in a row that must be strange.
const STRANGE_SAMPLES: u8 = 4;
/// Iterations below, after a change, to measure anew.
const REMEASURE: u64 = 512;
/// Looks at a site below until its threshold, each at twice the count of the one before.
const LOOKS_SHARE: u64 = 4;
/// The first look at a site without a threshold.
const LOOK_FIRST: u64 = 4;
/// Iterations that may pass between two looks, while the count is small.
const LOOK_STEP: u64 = 64;
/// Sites that are taken from a profile.
const PROFILE_SITES_MOST: usize = 10_000;
/// Bounds of a slice, in gas: some microseconds, some tens of milliseconds.
const SLICE_LEAST: u64 = 1 << 10;
const SLICE_MOST: u64 = 1 << 24;
/// The first slice of a trial is no longer than this.
const SLICE_TRIAL_MOST: u64 = 1 << 16;

/// A move whose gain is being measured.
#[derive(Debug)]
struct Trial {
    step: Step,
    site: Site,
    /// The site's count at the move.
    count: u64,
    /// Nanoseconds for a unit of gas, sample by sample.
    rates: Vec<f64>,
    impure: u32,
}

/// See the module.
#[derive(Debug)]
pub(in crate::engine) struct Adaptive {
    start: Start,
    /// There is a tier above the VM.
    has_native: bool,
    terms: Terms,
    models: [StepModel; Step::COUNT],
    sites: Sites,
    trial: Option<Trial>,
    /// Of each step, what went up last and was not taken back: what runs above it now, as far as is known.
    current: [Option<Site>; Step::COUNT],
    /// The last sample, and where.
    last: Option<(Moment, TierName)>,
    slice: u64,
    factor: Factor,
    budget: Budget,
    notes: Vec<Note>,
    /// Sites whose move paid in an earlier process.
    known: BTreeMap<(Step, Site), SiteProfile>,
}

impl Adaptive {
    /// A policy that knows nothing yet.
    pub(in crate::engine) fn new(start: Start) -> Self {
        let models = [StepModel::prior(Step::ToVm), StepModel::prior(Step::ToNative)];
        Self {
            start,
            has_native: true,
            terms: Terms { threshold: 500, pinned: false, enabled: true, earlier_runs: 0 },
            models,
            sites: Sites::default(),
            trial: None,
            current: [None; Step::COUNT],
            last: None,
            slice: SLICE_LEAST,
            factor: Factor::default(),
            budget: Budget::default(),
            notes: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// What it expects of a step at first.
    pub(in crate::engine) fn expect(&mut self, step: Step, model: StepModel) {
        self.models[step as usize] = model;
    }

    /// Without native code.
    pub(super) fn below_native(self) -> Self {
        Self { has_native: false, ..self }
    }

    /// The count at which a site takes a step, where a count decides.
    fn threshold(&self, step: Step, site: Site) -> Option<u64> {
        match (step, self.start) {
            _ if self.is_known(step, site) => Some(0),
            (Step::ToVm, Start::Threshold) if self.terms.pinned || self.terms.earlier_runs == 0 => {
                Some(self.terms.threshold)
            }
            (Step::ToVm, Start::Threshold) => Some(self.factor.of(self.terms.threshold)),
            _ => None,
        }
    }

    /// Whether an earlier process says that the step pays here, and the script leaves the start open.
    fn is_known(&self, step: Step, site: Site) -> bool {
        !self.terms.pinned && self.known.contains_key(&(step, site))
    }

    /// The next look at a site that has been looked at.
    fn waiting(&mut self, step: Step, site: Site, meter: &mut dyn Meter) -> Decision {
        let now = meter.moment();
        let threshold = self.threshold(step, site);
        let known = self.is_known(step, site);
        let model = self.models[step as usize];
        let state = self.sites.of(step, site);
        state.look(now);
        state.expected_ns = model.compiling(meter.words());
        if let Some(threshold) = threshold {
            return if now.count >= threshold {
                Decision::Enter(Some(if known { Reason::Profile } else { Reason::Count }))
            } else {
                Decision::AskAt((now.count * 2).max(now.count + 1).min(threshold))
            };
        }
        let Some(between_ns) = state.lower_ns() else { return Decision::AskAt((now.count * 2).max(LOOK_FIRST)) };
        let ns = StepModel::own_ns(meter.words(), between_ns);
        let most = StepModel::own_ns(meter.words(), f64::INFINITY) * now.count as f64;
        state.spent_ns = state.spent_ns.min(most);
        let (lost, needed) = (state.spent_ns * model.gain(), state.expected_ns);
        if lost < needed {
            let left = (needed - lost) / (ns * model.gain()).max(f64::MIN_POSITIVE);
            return Decision::AskAt(now.count + left.clamp(1.0, now.count.max(LOOK_STEP) as f64) as u64);
        }
        if !self.budget.allows(needed, now.at_ns) {
            return Decision::AskAt(now.count.saturating_mul(2));
        }
        // What the step below gains is measured first, undisturbed.
        if self.trial.as_ref().is_some_and(|trial| trial.step < step) {
            return Decision::AskAt(now.count + now.count / 4 + LOOK_STEP);
        }
        Decision::Enter(Some(Reason::Loss { lost_ns: lost as u64 }))
    }

    /// The trial has its samples, the last of them at this count of its site.
    fn conclude(&mut self, trial: &Trial) {
        let Trial { step, site, count, .. } = *trial;
        let threshold = self.terms.threshold;
        let state = self.sites.of(step, site);
        state.state = State::Kept;
        let Some((before, after)) = state.lower_rate().zip(trial.rates.iter().copied().reduce(f64::min)) else {
            return;
        };
        let speedup = before / after.max(f64::MIN_POSITIVE);
        state.speedup = Some(speedup);
        state.upper_rate = Some(after);
        self.notes.push(Note::Measured { site, step, speedup });
        self.models[step as usize].saw_speedup(speedup);
        if let Some((compile_ns, ns)) = state.compile_ns.zip(state.lower_ns()) {
            let saved = ns * (1.0 - 1.0 / speedup);
            let break_even = if saved > 0.0 { compile_ns as f64 / saved } else { f64::INFINITY };
            state.break_even = Some(break_even);
            if step == Step::ToVm {
                self.factor.saw(break_even, threshold);
            }
        }
        if speedup < PAYS {
            let reason = take_back(state, count);
            self.current[step as usize] = None;
            self.notes.push(Note::TakenBack { site, step, reason });
        }
    }

    /// What runs above a step, as far as is known.
    fn running(&mut self, step: Step) -> Option<(Site, &mut StepState)> {
        let site = self.current[step as usize]?;
        Some((site, self.sites.of(step, site)))
    }

    /// A sample outside any trial: whether the code that runs still is what was measured.
    fn watch(&mut self, step: Step, rate: f64, count: u64) {
        let Some(site) = self.current[step as usize] else { return };
        let state = self.sites.of(step, site);
        if state.state != State::Kept {
            return;
        }
        let Some(known) = state.upper_rate else {
            state.upper_rate = Some(rate);
            return;
        };
        if (known / STRANGE..=known * STRANGE).contains(&rate) || state.changes == TRIES_MOST {
            state.strange = (0, f64::INFINITY);
            return;
        }
        // The first began before the change.
        let least = if state.strange.0 == 0 { f64::INFINITY } else { state.strange.1.min(rate) };
        state.strange = (state.strange.0 + 1, least);
        self.slice = self.slice.min(state.stretch_gas.max(SLICE_LEAST) * 4);
        if state.strange.0 < STRANGE_SAMPLES {
            return;
        }
        let ratio = state.strange.1 / known;
        state.strange = (0, f64::INFINITY);
        if (1.0 / STRANGE..=STRANGE).contains(&ratio) {
            return; // only the machine was disturbed, and not all the time
        }
        state.upper_rate = Some(known * ratio);
        if ratio < 1.0 {
            return; // nothing to decide: what is above has become faster still
        }
        state.changes += 1;
        let reason = Reason::Changed { ratio };
        self.notes.push(Note::Seen { site, step, reason });
        let slower_than_below = state.lower_rate().is_some_and(|below| known * ratio * PAYS > below);
        if step == Step::ToNative && slower_than_below {
            let reason = take_back(state, count);
            self.current[step as usize] = None;
            self.notes.push(Note::TakenBack { site, step, reason });
        } else if state.tries < TRIES_MOST {
            // What it would cost below is not known any more: the next entry finds out.
            state.forget_lower();
            state.state = State::Back { until: count + REMEASURE };
            self.current[step as usize] = None;
        }
    }
}

/// The site stays below until its count has grown enough for another try.
fn take_back(state: &mut StepState, count: u64) -> Reason {
    state.forget_lower();
    if state.tries >= TRIES_MOST {
        state.state = State::GivenUp;
        return Reason::GivenUp;
    }
    state.state = State::Back { until: count.max(1).saturating_mul(BACKOFF.pow(u32::from(state.tries))) };
    Reason::Slower
}

impl TierPolicy for Adaptive {
    fn begin(&mut self, terms: Terms) {
        self.terms = terms;
    }

    fn wants_native(&self) -> bool {
        self.has_native
    }

    fn first_ask(&self, step: Step, site: Site) -> u64 {
        if !self.terms.enabled {
            return u64::MAX;
        }
        match self.sites.get(step, site).map_or(State::Waiting, |state| state.state) {
            State::Waiting => self.threshold(step, site).map_or(LOOK_FIRST, |threshold| match threshold {
                0..LOOKS_SHARE => threshold,
                _ => threshold.div_ceil(LOOKS_SHARE),
            }),
            State::Trial | State::Kept | State::Back { .. } => 0,
            State::GivenUp => u64::MAX,
        }
    }

    fn wants_gain(&self) -> bool {
        true
    }

    fn ask(&mut self, step: Step, site: Site, count: u64, meter: &mut dyn Meter) -> Decision {
        // The commonest case: what went up last goes up again.
        if self.current[step as usize] == Some(site) {
            return Decision::Enter(None);
        }
        let state = self.sites.of(step, site);
        match state.state {
            State::Trial | State::Kept => {
                self.current[step as usize] = Some(site);
                Decision::Enter(None)
            }
            State::GivenUp => Decision::AskAt(u64::MAX),
            State::Back { until } => {
                state.look(meter.moment());
                if count >= until {
                    return Decision::Enter(Some(Reason::Retry { attempt: state.tries + 1 }));
                }
                let step = if until - count <= REMEASURE { LOOK_STEP * 2 } else { count.max(1) };
                Decision::AskAt((count + step).min(until))
            }
            State::Waiting => self.waiting(step, site, meter),
        }
    }

    fn spent(&mut self, compile_ns: u64) {
        self.budget.spend(compile_ns);
    }

    fn entered(&mut self, step: Step, site: Site, prepared: Prepared, meter: &mut dyn Meter) -> Option<u64> {
        self.budget.spend(prepared.compile_ns);
        if prepared.compile_ns > 0 {
            self.models[step as usize].saw_compile(meter.words(), prepared.compile_ns);
        }
        if let Some(unfinished) = self.trial.take() {
            let state = self.sites.of(unfinished.step, unfinished.site);
            if state.state == State::Trial {
                state.state = State::Kept;
            }
        }
        let state = self.sites.of(step, site);
        let now = meter.moment();
        state.tries = state.tries.saturating_add(1);
        state.compile_ns = state.compile_ns.filter(|ns| *ns > 0).or(Some(prepared.compile_ns));
        self.slice = state.stretch_gas.clamp(SLICE_LEAST, SLICE_TRIAL_MOST);
        self.last = Some((now, step.to()));
        self.current[step as usize] = Some(site);
        if state.lower_rate().is_some() {
            state.state = State::Trial;
            self.trial = Some(Trial { step, site, count: now.count, rates: Vec::new(), impure: 0 });
        } else {
            state.state = State::Kept;
        }
        Some(self.slice)
    }

    fn sample(&mut self, tier: TierName, site: Site, moment: Moment, crossed: bool) -> Option<u64> {
        let before = self.last.replace((moment, tier));
        let step = match tier {
            TierName::Interpreter => return Some(self.slice),
            TierName::Vm => Step::ToVm,
            TierName::Native => Step::ToNative,
        };
        let Some((before, came_from)) = before.filter(|(before, _)| before.gas < moment.gas) else {
            return Some(self.slice);
        };
        let gas = moment.gas - before.gas;
        let rate = moment.at_ns.saturating_sub(before.at_ns) as f64 / gas as f64;
        let pure = !crossed && came_from == tier;
        if let Some((_, state)) = self.running(step) {
            state.upper_gas += gas;
        }
        let Some(mut trial) = self.trial.take() else {
            self.slice = (self.slice * 2).min(SLICE_MOST);
            let Some((current, state)) = self.running(step) else { return Some(self.slice) };
            // The counts of code above the VM are kept below it.
            let count = if current == site && step == Step::ToVm { moment.count } else { state.count };
            // Stays above that are shorter than a slice are sampled with what is around them. Between the VM and native
            // code that would say nothing.
            if pure || came_from == tier || came_from == TierName::Interpreter {
                self.watch(step, rate, count);
            }
            return Some(self.slice);
        };
        if trial.site == site && trial.step == Step::ToVm {
            trial.count = trial.count.max(moment.count);
        }
        if (!pure || trial.step != step) && trial.impure < IMPURE_MOST {
            // Shorter slices fit into shorter stays above.
            trial.impure += 1;
            self.slice = (self.slice / 2).max(SLICE_LEAST);
        } else {
            trial.rates.push(rate);
            self.slice = (self.slice * 2).min(SLICE_MOST);
        }
        if trial.rates.len() == TRIAL_SAMPLES {
            self.conclude(&trial);
        } else {
            self.trial = Some(trial);
        }
        Some(self.slice)
    }

    fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    fn forget(&mut self) {
        let models = self.models;
        let known = std::mem::take(&mut self.known);
        *self = Self { models, terms: self.terms, known, ..Self::new(self.start) };
    }

    fn profile(&self) -> TierProfile {
        let profiled = |step: Step, site: Site, state: &StepState| {
            // What starts above is not measured against below: what was known of it stands.
            if let (Some(known), None) = (self.known.get(&(step, site)), state.speedup) {
                return *known;
            }
            let (action, index) = match site {
                Site::Loop(id) => (false, id.0),
                Site::Action(id) => (true, id.0),
            };
            let seen = state.lower_rate().zip(state.upper_rate).map_or(0.0, |(below, above)| below - above);
            let seen_ns = seen.max(0.0) * state.upper_gas as f64;
            // What is only expected counts half.
            let gain = state.speedup.map_or(self.models[step as usize].gain() / 2.0, |speedup| 1.0 - 1.0 / speedup);
            SiteProfile {
                action,
                index,
                step: step as u8,
                break_even: state.break_even.filter(|count| count.is_finite()).map(|count| count.ceil() as u64),
                speedup: state.speedup,
                compile_ns: state.compile_ns.unwrap_or(state.expected_ns as u64),
                saved_ns: (seen_ns + state.spent_ns * gain.max(0.0)) as u64,
            }
        };
        let met =
            self.sites.iter().map(|(step, site, state)| (profiled(step, site, state), state.compile_ns.is_some()));
        // Of sites that stayed below, those that should not have.
        let sites = met.filter(|(site, moved)| *moved || site.paid()).map(|(site, _)| site).collect();
        TierProfile { sites }
    }

    fn learn(&mut self, profile: &TierProfile) {
        let paid = profile.sites.iter().take(PROFILE_SITES_MOST).filter(|site| site.paid());
        self.known = paid.filter_map(|site| Some((site.key()?, *site))).collect();
    }
}
