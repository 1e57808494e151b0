//! What the policy knows of one step at one site.

use crate::runtime::info::{ActionId, LoopId};
use crate::runtime::{Moment, Site, Step};

/// Where a site stands with a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// Below; what it has cost is being added up.
    Waiting,
    /// Above, and being measured.
    Trial,
    /// Above; it pays, or has not been measured to the end.
    Kept,
    /// Taken back, or to be measured again: below until its count is this.
    Back {
        /// The count.
        until: u64,
    },
    /// Three tries did not pay: below for good.
    GivenUp,
}

/// One step at one site.
#[derive(Clone, Debug)]
pub(super) struct StepState {
    pub(super) state: State,
    /// How often it was entered and measured, or entered again.
    pub(super) tries: u8,
    /// The last look at it in the lower tier.
    mark: Option<Moment>,
    /// Nanoseconds for a unit of gas, and for an iteration or call, in the lower tier: of the last stretches.
    lower: Vec<(f64, f64)>,
    /// Gas of the last stretch.
    pub(super) stretch_gas: u64,
    /// Time seen in the lower tier.
    pub(super) spent_ns: f64,
    /// Time for the same gas in the lower tier by time in the upper, once measured.
    pub(super) speedup: Option<f64>,
    /// Nanoseconds for a unit of gas above, once measured.
    pub(super) upper_rate: Option<f64>,
    /// What compiling was last expected to take.
    pub(super) expected_ns: f64,
    /// What compiling took.
    pub(super) compile_ns: Option<u64>,
    /// Iterations after which compiling would have been repaid, once measured.
    pub(super) break_even: Option<f64>,
    /// Samples in a row that do not fit what was measured, and the least rate among them.
    pub(super) strange: (u8, f64),
    /// Gas used above while it was what ran.
    pub(super) upper_gas: u64,
    /// How often it was seen to have changed.
    pub(super) changes: u8,
    /// Its count when it was last looked at.
    pub(super) count: u64,
}

/// Every step at every site that has been met, found without a search.
#[derive(Debug, Default)]
pub(super) struct Sites {
    /// By step and number.
    loops: [Vec<Option<Box<StepState>>>; Step::COUNT],
    actions: [Vec<Option<Box<StepState>>>; Step::COUNT],
}

impl Sites {
    /// What is known, if it has been met.
    pub(super) fn get(&self, step: Step, site: Site) -> Option<&StepState> {
        let (all, at) = match site {
            Site::Loop(id) => (&self.loops, id.0),
            Site::Action(id) => (&self.actions, id.0),
        };
        all[step as usize].get(at as usize)?.as_deref()
    }

    /// The same, to be changed; it is met now.
    pub(super) fn of(&mut self, step: Step, site: Site) -> &mut StepState {
        let (all, at) = match site {
            Site::Loop(id) => (&mut self.loops[step as usize], id.0 as usize),
            Site::Action(id) => (&mut self.actions[step as usize], id.0 as usize),
        };
        if all.len() <= at {
            all.resize(at + 1, None);
        }
        all[at].get_or_insert_default()
    }

    /// All that have been met.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Step, Site, &StepState)> {
        let of = |step: Step| {
            let loops = self.loops[step as usize].iter().enumerate();
            let loops = loops.filter_map(|(at, state)| Some((Site::Loop(LoopId(at as u32)), state.as_deref()?)));
            let actions = self.actions[step as usize].iter().enumerate();
            let actions =
                actions.filter_map(|(at, state)| Some((Site::Action(ActionId(at as u32)), state.as_deref()?)));
            loops.chain(actions).map(move |(site, state)| (step, site, state))
        };
        of(Step::ToVm).chain(of(Step::ToNative))
    }
}

/// Stretches of the lower tier that are remembered.
const STRETCHES: usize = 3;

impl Default for StepState {
    fn default() -> Self {
        Self {
            state: State::Waiting,
            tries: 0,
            mark: None,
            lower: Vec::new(),
            stretch_gas: 0,
            spent_ns: 0.0,
            speedup: None,
            upper_rate: None,
            expected_ns: 0.0,
            compile_ns: None,
            break_even: None,
            strange: (0, f64::INFINITY),
            upper_gas: 0,
            changes: 0,
            count: 0,
        }
    }
}

impl StepState {
    /// A look at the site in the lower tier.
    pub(super) fn look(&mut self, now: Moment) {
        if let Some(mark) = self.mark
            && now.count > mark.count
            && now.gas > mark.gas
        {
            let (ns, gas) = ((now.at_ns - mark.at_ns) as f64, (now.gas - mark.gas) as f64);
            let count = (now.count - mark.count) as f64;
            if self.spent_ns == 0.0 {
                // What ran before the first look cost as much an iteration.
                self.spent_ns = ns / count * mark.count as f64;
            }
            self.spent_ns += ns;
            self.stretch_gas = now.gas - mark.gas;
            if self.lower.len() == STRETCHES {
                self.lower.remove(0);
            }
            self.lower.push((ns / gas, ns / count));
        }
        self.mark = Some(now);
        self.count = now.count;
    }

    /// What was seen in the lower tier belongs to another time.
    pub(super) fn forget_lower(&mut self) {
        self.mark = None;
        self.lower.clear();
        self.spent_ns = 0.0;
    }

    /// Nanoseconds for a unit of gas in the lower tier: the least of the last stretches, since what disturbs a
    /// machine makes them longer and never shorter.
    pub(super) fn lower_rate(&self) -> Option<f64> {
        self.lower.iter().map(|(rate, _)| *rate).reduce(f64::min)
    }

    /// Nanoseconds for an iteration in the lower tier.
    pub(super) fn lower_ns(&self) -> Option<f64> {
        self.lower.iter().map(|(_, ns)| *ns).reduce(f64::min)
    }
}
