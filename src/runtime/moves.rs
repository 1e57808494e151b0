//! Moves between tiers: the policy is asked, what it decides and finds out is put on record.

use std::cmp::Ordering;

use super::call::Frame;
use super::info::ActionId;
use super::isolate::Isolate;
use super::tier::{
    Clock, Counter, Decision, Meter, Moment, Note, Prepared, Reason, Site, Step, TierChange, TierName, TierPolicy,
};

/// The parts of an isolate that a moment is read from.
struct Reading<'a> {
    clock: &'a mut dyn Clock,
    frames: &'a [Frame],
    gas_before: u64,
    gas_spent: i64,
    idle_ns: u64,
    tier: TierName,
    count: u64,
    words: Option<u32>,
}

impl Meter for Reading<'_> {
    fn moment(&mut self) -> Moment {
        let reserved: i64 = self.frames.iter().map(|frame| frame.gas_reserve).sum();
        let gas = self.gas_before + (self.gas_spent - reserved).max(0) as u64;
        let at_ns = self.clock.now_ns(gas, self.tier).saturating_sub(self.idle_ns);
        Moment { count: self.count, gas, at_ns }
    }

    fn words(&self) -> Option<u32> {
        self.words
    }
}

impl Isolate {
    /// Whether a site goes up without asking.
    #[inline(always)]
    pub fn stands(&self, step: Step, site: Site) -> bool {
        self.standing[step as usize] == Some(site)
    }

    /// A site goes up as it did before.
    fn goes_up_again(&mut self, step: Step, site: Site) {
        if self.policy.stands() {
            self.standing[step as usize] = Some(site);
        }
    }

    /// Asks the policy about a site whose count has reached what it asked for: whether to go up now.
    pub fn ask_policy(&mut self, step: Step, site: Site) -> bool {
        if self.stands(step, site) {
            return true;
        }
        let count = self.count(site);
        match self.with_policy(step, site, None, |policy, meter| policy.ask(step, site, count, meter)) {
            Decision::Enter(None) => {
                self.goes_up_again(step, site);
                true
            }
            Decision::Enter(Some(reason)) => {
                let at_ns = self.now_ns();
                let prepared = match &self.upper {
                    Some(upper) => upper.prepare(self.action_of(site)),
                    None => Prepared::default(),
                };
                self.record_move(step, site, at_ns, prepared, None, reason);
                true
            }
            Decision::AskAt(at) => {
                self.counter(site).ask_at = at;
                false
            }
        }
    }

    /// Asks the policy whether a site that runs in the VM is to go on in native code; `words`: the length of the code
    /// that it stands in.
    pub fn ask_native(&mut self, site: Site, words: u32) -> Decision {
        let (step, count) = (Step::ToNative, self.heat.count(site));
        let decision = self.with_policy(step, site, Some(words), |policy, meter| policy.ask(step, site, count, meter));
        match decision {
            Decision::AskAt(at) => self.heat.counter(site).ask_at = at,
            Decision::Enter(None) => self.goes_up_again(step, site),
            Decision::Enter(Some(_)) => {}
        }
        decision
    }

    /// A site goes on in native code, made ready since `at_ns`, for a reason that is to be on record.
    pub fn enters_native(&mut self, site: Site, at_ns: u64, prepared: Prepared, words: u32, reason: Reason) {
        self.record_move(Step::ToNative, site, at_ns, prepared, Some(words), reason);
    }

    /// Native code of a site was made that is not entered.
    pub fn spent_on_native(&mut self, prepared: Prepared) -> u64 {
        let compile_ns = self.clock.compile_ns(prepared);
        self.policy.spent(compile_ns);
        compile_ns
    }

    /// Native code of a site was made again since `at_ns`, after so many of its guards have failed.
    pub fn remade_native(&mut self, site: Site, at_ns: u64, mut prepared: Prepared, exits: u64) {
        prepared.compile_ns = self.spent_on_native(prepared);
        let (count, tier, reason) = (self.heat.count(site), TierName::Native, Reason::Remade { exits });
        let change = TierChange { at_ns, site, count, from: tier, to: tier, prepared, speedup: None, reason };
        self.show_change(&change);
        self.tier_changes.push(change);
    }

    /// The counter of a site below the VM.
    fn counter(&mut self, site: Site) -> &mut Counter {
        match site {
            Site::Loop(id) => &mut self.loops[id.0 as usize],
            Site::Action(action) => &mut self.calls[action.0 as usize],
        }
    }

    /// Iterations or calls below a step.
    fn count_below(&self, step: Step, site: Site) -> u64 {
        match step {
            Step::ToVm => self.count(site),
            Step::ToNative => self.heat.count(site),
        }
    }

    fn with_policy<R>(
        &mut self,
        step: Step,
        site: Site,
        words: Option<u32>,
        run: impl FnOnce(&mut dyn TierPolicy, &mut dyn Meter) -> R,
    ) -> R {
        let mut reading = Reading {
            gas_before: self.gas_before,
            gas_spent: self.gas_start - self.gas_left(),
            idle_ns: self.idle.ns,
            tier: self.tier_name(),
            count: self.count_below(step, site),
            words,
            clock: &mut *self.clock,
            frames: &self.frames,
        };
        run(&mut *self.policy, &mut reading)
    }

    /// A site moves up, its code is ready: puts the move on record.
    fn record_move(
        &mut self,
        step: Step,
        site: Site,
        at_ns: u64,
        mut prepared: Prepared,
        words: Option<u32>,
        reason: Reason,
    ) {
        self.standing[step as usize] = None;
        let count = self.count_below(step, site);
        prepared.compile_ns = self.clock.compile_ns(prepared);
        let next = self.with_policy(step, site, words, |policy, meter| policy.entered(step, site, prepared, meter));
        if next.is_some() {
            self.set_slice(next);
        }
        let change =
            TierChange { at_ns, site, count, from: step.from(), to: step.to(), prepared, speedup: None, reason };
        self.show_change(&change);
        self.tier_changes.push(change);
        self.record_notes();
    }

    /// The action that a site stands in, or is.
    pub fn action_of(&self, site: Site) -> ActionId {
        match site {
            Site::Loop(id) => self.info.loops[id.0 as usize].action,
            Site::Action(action) => action,
        }
    }

    /// Nanoseconds on the isolate's clock.
    pub fn now_ns(&mut self) -> u64 {
        let (gas, tier) = (self.gas_in_all(), self.tier_name());
        self.clock.now_ns(gas, tier)
    }

    /// Puts on record what the policy has found out.
    #[cold]
    pub(super) fn record_notes(&mut self) {
        for note in self.policy.notes() {
            match note {
                Note::Measured { site, step, speedup } => self.record_speedup(site, step, speedup),
                Note::TakenBack { site, step, reason } => self.record_seen(site, step, step.from(), reason),
                Note::Seen { site, step, reason } => self.record_seen(site, step, step.to(), reason),
            }
        }
    }

    fn record_speedup(&mut self, site: Site, step: Step, speedup: f64) {
        let last = |change: &&mut TierChange| change.site == site && change.to == step.to();
        if let Some(change) = self.tier_changes.iter_mut().rev().find(last) {
            change.speedup = Some(speedup);
            if self.config.jit_debug {
                let what = self.site_text(site);
                self.say(&format!("{what}: measured {speedup:.2}x {}", step.from().text()));
            }
        }
    }

    /// Something was found out about a site above a step: from its next entry on it runs in `to`.
    fn record_seen(&mut self, site: Site, step: Step, to: TierName, reason: Reason) {
        let (at_ns, count, from) = (self.now_ns(), self.count_below(step, site), step.to());
        let last = |change: &&TierChange| change.site == site && change.to == from;
        let speedup = self.tier_changes.iter().rev().find(last).and_then(|seen| seen.speedup);
        let speedup = speedup.filter(|_| from != to);
        let prepared = Prepared::default();
        let change = TierChange { at_ns, site, count, from, to, prepared, speedup, reason };
        self.show_change(&change);
        self.tier_changes.push(change);
    }

    /// `config.jit_debug`
    fn show_change(&mut self, change: &TierChange) {
        if !self.config.jit_debug {
            return;
        }
        let (what, TierChange { count, prepared, from, to, .. }) = (self.site_text(change.site), change);
        let unit = if matches!(change.site, Site::Loop(_)) { "iterations" } else { "calls" };
        let why = match change.reason {
            Reason::Count => String::new(),
            reason => format!(" ({})", reason.text(*count)),
        };
        let text = match to.cmp(from) {
            Ordering::Greater => {
                let (compile_us, bytes) = (prepared.compile_ns / 1_000, prepared.code_bytes);
                format!(
                    "{what}: after {count} {unit} {} -> {}{why}, compiled in {compile_us} us ({bytes} bytes)",
                    from.text(),
                    to.text()
                )
            }
            Ordering::Less => format!("{what}: {} -> {}{why}", from.text(), to.text()),
            Ordering::Equal => format!("{what}: in {}{why}", to.text()),
        };
        self.say(&text);
    }

    fn site_text(&self, site: Site) -> String {
        let (kind, place) = match site {
            Site::Loop(id) => ("loop", self.info.loops[id.0 as usize].place),
            Site::Action(action) => ("action", self.info.action(action).place),
        };
        format!("{kind} at {}", self.info.site(place.start))
    }

    fn say(&mut self, text: &str) {
        self.output.flush();
        tellln!("[jit] {text}");
    }
}
