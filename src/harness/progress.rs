//! What a run shows while it runs, and what it noticed about the machine meanwhile.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::environment::Load;
use super::job::JobKind;
use super::machine;
use super::plan::{PROBE_SHARE, Plan, Slot};

/// What a process costs beside its windows, as the bar counts it.
const AROUND_MS: u64 = 40;

/// A bar on a terminal with the time left and the best figure so far; hidden elsewhere.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    process_ms: u64,
    best: Option<(String, f64)>,
    /// Figures of the processes of each cell.
    figures: Vec<Vec<f64>>,
}

impl Progress {
    /// A bar over the plan's processes.
    pub fn new(plan: &Plan, quiet: bool) -> Self {
        let mut progress =
            Self { bar: ProgressBar::hidden(), process_ms: plan.process_ms, best: None, figures: Vec::new() };
        progress.figures.resize(plan.cells.len(), Vec::new());
        if quiet || !std::io::stderr().is_terminal() {
            return progress;
        }
        // In milliseconds of plan, so that short processes do not spoil the time left.
        let bar = ProgressBar::new(plan.order.iter().map(|slot| progress.expected_ms(slot)).sum());
        let style = ProgressStyle::with_template("{bar:24} {percent:>3}%  {eta:>4} left  {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(500));
        progress.bar = bar;
        progress
    }

    fn expected_ms(&self, slot: &Slot) -> u64 {
        AROUND_MS
            + match slot.kind {
                JobKind::Measure | JobKind::Open => self.process_ms,
                JobKind::Probe => self.process_ms / PROBE_SHARE,
                JobKind::Cold
                | JobKind::Smoke
                | JobKind::Reference
                | JobKind::Record
                | JobKind::Actions
                | JobKind::Count
                | JobKind::Control => 0,
            }
    }

    /// What runs now.
    pub fn say(&self, what: &str) {
        let best = self
            .best
            .as_ref()
            .map_or_else(String::new, |(cell, tps)| format!("  (best so far: {cell}, {} tx/s)", thousands(*tps)));
        self.bar.set_message(format!("{what}{best}"));
    }

    /// A process's figure, for the best so far and for the spread.
    pub fn figure(&mut self, slot: &Slot, cell: &str, tps: f64) {
        self.figures[slot.cell].push(tps);
        if self.best.as_ref().is_none_or(|(_, best)| tps > *best) {
            self.best = Some((cell.to_owned(), tps));
        }
    }

    /// A process is over.
    pub fn step(&self, slot: &Slot) {
        self.bar.inc(self.expected_ms(slot));
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        self.bar.suspend(|| tellln!("{text}"));
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// By how much processes of one cell differ at most, as a share.
    pub fn spread(&self) -> Option<f64> {
        let of_cell = |figures: &Vec<f64>| {
            let low = figures.iter().copied().reduce(f64::min).filter(|low| *low > 0.0)?;
            let high = figures.iter().copied().reduce(f64::max)?;
            (figures.len() > 1).then_some(high / low - 1.0)
        };
        self.figures.iter().filter_map(of_cell).reduce(f64::max)
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

/// What else used the machine while we measured.
#[derive(Debug)]
pub struct Neighbours {
    begin: Instant,
    busy_s: Option<f64>,
    own_s: Option<f64>,
    load: Load,
}

/// Others using less than this share of one core are not worth a word.
const CORE_WORTH_A_WORD: f64 = 0.1;
/// The same for time stolen by the hypervisor, as a share of all cores' time.
const STEAL_WORTH_A_WORD: f64 = 0.01;
/// Shorter runs say nothing: the kernel counts in hundredths of a second.
const LEAST_S: f64 = 1.0;

impl Neighbours {
    /// From now on.
    pub fn watch() -> Self {
        Self { begin: Instant::now(), busy_s: machine::busy_s(), own_s: machine::own_s(), load: Load::now() }
    }

    /// What to know, with what to do; `spread` as from [`Progress::spread`].
    pub fn report(&self, spread: Option<f64>) -> Vec<String> {
        let (wall_s, now) = (self.begin.elapsed().as_secs_f64(), Load::now());
        if wall_s < LEAST_S {
            return Vec::new();
        }
        let since = |now: Option<f64>, then: Option<f64>| Some((now? - then?).max(0.0));
        let busy = since(machine::busy_s(), self.busy_s);
        let others = busy.zip(since(machine::own_s(), self.own_s)).map(|(busy, own)| (busy - own) / wall_s);
        let stolen = now.steal_ticks.zip(self.load.steal_ticks).map(|(now, then)| now.saturating_sub(then) as f64);
        let stolen = stolen.map(|ticks| ticks / 100.0 / wall_s / machine::cores() as f64);
        sentences(others, stolen, now.cpu_pressure_10s, spread, machine::cores())
    }
}

fn sentences(
    others: Option<f64>,
    stolen: Option<f64>,
    pressure: Option<f64>,
    spread: Option<f64>,
    cores: usize,
) -> Vec<String> {
    let differ = spread
        .map_or_else(String::new, |spread| format!(": processes of one cell differ by up to {:.0}%", spread * 100.0));
    let mut said = Vec::new();
    if let Some(others) = others.filter(|others| *others >= CORE_WORTH_A_WORD) {
        let waited = pressure.filter(|share| *share >= 1.0);
        let waited =
            waited.map_or_else(String::new, |share| format!(", and work waited for a core {share:.0}% of the time"));
        said.push(format!(
            "other processes used {others:.1} of this machine's {cores} cores while measuring{waited}{differ}; stop them and measure again, or trust no smaller difference"
        ));
    }
    if let Some(stolen) = stolen.filter(|stolen| *stolen >= STEAL_WORTH_A_WORD) {
        said.push(format!(
            "the hypervisor took {:.0}% of the CPU time while measuring{differ}; measure on a machine of your own, or at another hour",
            stolen * 100.0
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_told_with_what_they_cost() {
        let said = sentences(Some(1.25), Some(0.03), Some(12.0), Some(0.081), 2);
        assert!(said[0].contains("1.2 of this machine's 2 cores") || said[0].contains("1.3 of"), "{}", said[0]);
        assert!(said[0].contains("differ by up to 8%") && said[0].contains("12% of the time"), "{}", said[0]);
        assert!(said[1].contains("took 3% of the CPU time"), "{}", said[1]);
        assert!(sentences(Some(0.02), Some(0.001), Some(50.0), Some(0.5), 2).is_empty());
        assert!(sentences(None, None, None, None, 2).is_empty());
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(thousands(15_207_237.4), "15,207,237");
        assert_eq!(thousands(7.0), "7");
    }
}
