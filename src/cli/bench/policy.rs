//! `zx-bench simulate policy` and `zx-bench simulate live`: what the adaptive tier policy costs against the best
//! choice, computed from measured tier costs, and measured.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::engine::simulation::{LOOK_NS, LoopCosts, Start, bodies, lengths, regret, simulate};
use crate::engine::{ConfigValue, Engine, Isolate, Mode, OutputSink, Program, RunOptions, TierProfile};
use crate::harness::mode::mode_text;
use crate::harness::outcome::{Exit, Stop};
use crate::report::charts::{Axis, Body, Chart, Lines, Point, ScaleKind, Series, Size, Theme, render};
use crate::report::numbers::{number, thousands};
use crate::stats::median;

use super::{STOP, print};

/// Flags of `simulate policy`.
#[derive(Debug, clap::Args)]
pub(super) struct PolicyArguments {
    /// In place of measuring: what an iteration takes in the interpreter and in the VM, and what compiling takes, in
    /// nanoseconds; then the same of native code, if there is any.
    #[arg(long, value_delimiter = ',', num_args = 1, value_name = "NS,NS,NS[,NS,NS]")]
    costs: Vec<f64>,
    /// Also draw what the fixed threshold costs: the file of the chart, .svg or .png.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Flags of `simulate live`.
#[derive(Debug, clap::Args)]
pub(super) struct LiveArguments {
    /// Lengths of the loop.
    #[arg(long, value_delimiter = ',', default_value = "100,501,1000,10000,100000,1000000,10000000")]
    lengths: Vec<u64>,
    /// Runs of each mode at each length.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(3..))]
    runs: u32,
}

/// Loops whose costs are measured: by name, with the number of turns in `config.bench_iterations`.
const BODIES: [(&str, &str); 3] = [
    (
        "an addition",
        "let n = config.bench_iterations\nlet sum = 0\nlet i = 0\nwhile i < n {\n sum = sum + i\n i = i + 1\n}\n",
    ),
    (
        "a transfer",
        "let n = config.bench_iterations
let balances = {\"alice\": 1000000000000, \"bob\": 0}
action transfer(from, to, amount) {
    balances[from] = balances[from] - amount
    balances[to] = balances[to] + amount
}
let i = 0
while i < n {
    transfer(\"alice\", \"bob\", 10)
    i = i + 1
}
",
    ),
    (
        "text and a map",
        "let n = config.bench_iterations\nlet seen = {}\nlet i = 0\nwhile i < n {\n let key = \"k\" + string(i % 10)\n \
         seen[key] = len(key) + i\n i = i + 1\n}\n",
    ),
];

/// Iterations of a loop that is measured.
const MEASURED_LENGTH: u64 = 100_000;
/// The same in native code, whose compiling would hide a shorter one.
const MEASURED_NATIVE: u64 = 5_000_000;
/// How often; the median counts, as it does for the runs that the simulation is held against.
const MEASURED_RUNS: usize = 15;

/// One fresh run: its time and gas, what compiling to each tier took, and what its policy learnt.
struct FreshRun {
    ns: f64,
    gas: u64,
    compile_ns: [f64; 2],
    profile: TierProfile,
}

/// Parses the program anew, so that nothing is compiled yet, and times the run alone.
fn fresh_run(source: &str, mode: Mode, length: u64) -> Result<FreshRun, Stop> {
    run_with_profile(source, mode, length, None)
}

/// The same, with what an earlier run learnt.
fn run_with_profile(source: &str, mode: Mode, length: u64, profile: Option<&TierProfile>) -> Result<FreshRun, Stop> {
    let program: Arc<Program> =
        Program::compile(source, "simulate.zx").map_err(|errors| Stop::failed(errors.rendered))?;
    let options = RunOptions { output: OutputSink::Digest, seed: Some(1), ..RunOptions::default() };
    let mut isolate = Isolate::new(&Engine::new(mode), &program, options);
    isolate.set_config("bench_iterations", ConfigValue::Int(length as i64));
    if let Some(profile) = profile {
        isolate.use_tier_profile(profile);
    }
    let pass = isolate.run_once();
    if let Some(failure) = pass.failure {
        return Err(Stop::failed(failure.rendered));
    }
    let native_ns = program.native_counts().map_or(0, |counts| counts.compile_ns);
    let compile_ns = [isolate.counters().compile_ns as f64, native_ns as f64];
    Ok(FreshRun { ns: pass.execute_ns as f64, gas: pass.gas, compile_ns, profile: isolate.tier_profile() })
}

/// What the tiers of this machine take for a loop.
fn measured(source: &str) -> Result<LoopCosts, Stop> {
    let [below, above, native] = [
        typical(source, Mode::Interpreter, MEASURED_LENGTH)?,
        typical(source, Mode::Vm, MEASURED_LENGTH)?,
        typical(source, Mode::Native, MEASURED_NATIVE)?,
    ];
    let turn = |run: &FreshRun, turns: u64| (run.ns - run.compile_ns.iter().sum::<f64>()) / turns as f64;
    // A target without native code stays in the VM.
    let machine = (native.compile_ns[1] > 0.0).then(|| turn(&native, MEASURED_NATIVE));
    let ns = [Some(turn(&below, MEASURED_LENGTH)), Some(turn(&above, MEASURED_LENGTH)), machine];
    let compile_ns = [above.compile_ns[0], native.compile_ns[1]];
    Ok(LoopCosts { gas: below.gas / MEASURED_LENGTH, ns, compile_ns, look_ns: look_ns() })
}

/// A run with the median times of several.
fn typical(source: &str, mode: Mode, length: u64) -> Result<FreshRun, Stop> {
    let runs = (0..MEASURED_RUNS).map(|_| fresh_run(source, mode, length)).collect::<Result<Vec<_>, _>>()?;
    let middle = |time: &dyn Fn(&FreshRun) -> f64| median(&runs.iter().map(time).collect::<Vec<_>>()).unwrap_or(0.0);
    let (ns, compile_ns) = (middle(&|run| run.ns), [0, 1].map(|step| middle(&|run| run.compile_ns[step])));
    let last = runs.into_iter().next_back().ok_or_else(|| Stop::failed("nothing was measured"))?;
    Ok(FreshRun { ns, compile_ns, ..last })
}

/// What reading the clock takes, and the question around it, nanoseconds.
fn look_ns() -> f64 {
    const READS: u32 = 10_000;
    let started = Instant::now();
    for _ in 0..READS {
        std::hint::black_box(Instant::now());
    }
    started.elapsed().as_nanos() as f64 / f64::from(READS) + LOOK_NS / 2.0
}

pub(super) fn policy(arguments: &PolicyArguments) -> Result<Exit, Stop> {
    let mut text = String::from(
        "| loop | interpreter | vm | native | bytecode | machine code | mean | worst | mean, from 500 | worst, from 500 | \
         worst, 500 taken out |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let mut chosen = given(&arguments.costs)?;
    if let Some(costs) = &chosen {
        text.push_str(&row("the given one", costs));
    } else {
        for (name, source) in BODIES {
            let costs = measured(source)?;
            text.push_str(&row(name, &costs));
            if name == "a transfer" {
                chosen = Some(costs);
            }
        }
    }
    let (slower, gaining): (Vec<_>, Vec<_>) = bodies().into_iter().partition(|costs| costs.ns[1] > costs.ns[0]);
    text.push_str(&summary("invented", &gaining));
    text.push_str(&summary("invented, the VM 0.9 times as fast", &slower));
    print::out(&text)?;
    if let (Some(path), Some(costs)) = (&arguments.output, chosen) {
        draw(&costs, path)?;
    }
    Ok(Exit::Pass)
}

/// A row of the table for many loops.
fn summary(name: &str, invented: &[LoopCosts]) -> String {
    let (mut mean, mut worst, mut without, mut from_500) = (0.0, 0.0f64, 0.0f64, 0.0);
    for costs in invented {
        let regret = regret(costs);
        mean += regret.free_mean / invented.len() as f64;
        from_500 += regret.fixed_mean / invented.len() as f64;
        worst = worst.max(regret.free_worst);
        without = without.max(regret.fixed_worst_without);
    }
    format!("| {} {name} | | | | | | {mean:.2} | {worst:.2} | {from_500:.2} | | {without:.2} |\n", invented.len())
}

/// The costs that the user gives, if any.
fn given(costs: &[f64]) -> Result<Option<LoopCosts>, Stop> {
    if costs.is_empty() {
        return Ok(None);
    }
    if !matches!(costs.len(), 3 | 5) || costs.iter().any(|ns| !ns.is_finite() || *ns <= 0.0) {
        return Err(Stop::usage("--costs takes three or five numbers above zero, as in --costs 92,54,15500"));
    }
    let ns = [Some(costs[0]), Some(costs[1]), costs.get(3).copied()];
    // A unit of gas takes the interpreter some three nanoseconds.
    let gas = (costs[0] / 3.0).ceil() as u64;
    let compile_ns = [costs[2], costs.get(4).copied().unwrap_or(0.0)];
    Ok(Some(LoopCosts { gas, ns, compile_ns, look_ns: LOOK_NS }))
}

fn row(name: &str, costs: &LoopCosts) -> String {
    let regret = regret(costs);
    let machine = costs.ns[2].map_or_else(
        || ["none".to_owned(), String::new()],
        |ns| [format!("{ns:.1} ns"), format!("{:.0} us", costs.compile_ns[1] / 1e3)],
    );
    format!(
        "| {name} | {:.0} ns | {:.0} ns | {} | {:.1} us | {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |\n",
        costs.ns[0].unwrap_or(0.0),
        costs.ns[1].unwrap_or(0.0),
        machine[0],
        costs.compile_ns[0] / 1e3,
        machine[1],
        regret.free_mean,
        regret.free_worst,
        regret.fixed_mean,
        regret.fixed_worst,
        regret.fixed_worst_without,
    )
}

/// Time by the best time over the length: with the first threshold at 500, and with a free one.
fn draw(costs: &LoopCosts, path: &Path) -> Result<(), Stop> {
    let line = |name: &str, colour: usize, ns: &dyn Fn(u64) -> f64| {
        let point = |length: u64| Point { x: length as f64, y: ns(length) / costs.best_ns(length), interval: None };
        let points = lengths(20).map(point).collect();
        Series { name: name.to_owned(), colour, points, ideal: Vec::new() }
    };
    let mut series = vec![
        line("adaptive, from 500", 3, &|length| simulate(costs, length, Start::Threshold).ns),
        line("adaptive, free start", 2, &|length| simulate(costs, length, Start::Free).ns),
        line("interpreter", 0, &|length| length as f64 * costs.ns[0].unwrap_or(0.0)),
        line("vm from the start", 1, &|length| costs.fixed_ns(length, 0)),
    ];
    let mut caption = format!(
        "interpreter {:.0} ns, vm {:.0} ns an iteration, compiling {:.1} us",
        costs.ns[0].unwrap_or(0.0),
        costs.ns[1].unwrap_or(0.0),
        costs.compile_ns[0] / 1e3
    );
    if let Some(ns) = costs.ns[2] {
        let compile_ns: f64 = costs.compile_ns.iter().sum();
        series.push(line("native from the start", 4, &|length| compile_ns + ns * length as f64));
        let _ = write!(caption, "; native {ns:.1} ns, compiling {:.0} us", costs.compile_ns[1] / 1e3);
    }
    let chart = Chart {
        name: "policy".to_owned(),
        title: "What the fixed first threshold costs".to_owned(),
        subtitle: "a loop of transfers, simulated with the tiers' measured costs".to_owned(),
        note: "against the best choice for that length".to_owned(),
        caption,
        warning: None,
        body: Body::Lines(Lines {
            x: Axis::new("Length of the loop", "iterations", ScaleKind::Log),
            y: Axis::new("Time by the best time", "x", ScaleKind::Linear),
            series,
            marks: Vec::new(),
            reference: Some(1.0),
            dashed: Some("the best choice".to_owned()),
        }),
    };
    render(&chart, Size::default(), Theme::Light, path).map_err(|e| Stop::failed(e.to_string()))
}

/// Modes with a fixed choice that `adaptive` is held against; of long loops those that could be best.
fn rivals(length: u64) -> Vec<Mode> {
    let all = [Mode::Native, Mode::Fixed(100), Mode::Fixed(500), Mode::Fixed(5_000), Mode::Vm, Mode::Interpreter];
    if length >= 1_000_000 { all[..2].to_vec() } else { all.to_vec() }
}

pub(super) fn live(arguments: &LiveArguments) -> Result<Exit, Stop> {
    let (_, source) = BODIES[1];
    let costs = measured(source)?;
    print::out(&format!(
        "{:>12} {:>14} {:>14} {:>8} {:>8} {:>14} {:>12} {:>8} {:>14} {:>8}\n",
        "length",
        "adaptive (us)",
        "simulated (us)",
        "ratio",
        "plain",
        "best (us)",
        "mode",
        "ratio",
        "profiled (us)",
        "ratio"
    ))?;
    // What the program does around its loop, and what the first turn takes because nothing is warm, is the same in
    // every mode and no choice of the policy.
    let around = typical(source, Mode::Interpreter, 1)?.ns - costs.ns[0].unwrap_or(0.0);
    for &length in &arguments.lengths {
        if STOP.load(std::sync::atomic::Ordering::Relaxed) {
            return Ok(Exit::Interrupted); // Relaxed: the flag is the message
        }
        let row = row_of(source, length, arguments.runs as usize)?;
        let simulated = around + simulate(&costs, length, Start::Threshold).ns;
        // What the interpreter alone takes by its computed time: how far short runs are from it where no policy acts.
        let plain = around + length as f64 * costs.ns[0].unwrap_or(f64::NAN);
        let plain = row.interpreter_ns.map_or_else(String::new, |ns| format!("{:.3}", ns / plain));
        print::out(&format!(
            "{:>12} {:>14} {:>14} {:>8.3} {plain:>8} {:>14} {:>12} {:>8.3} {:>14} {:>8.3}\n",
            thousands(length),
            number(row.adaptive_ns / 1e3),
            number(simulated / 1e3),
            row.adaptive_ns / simulated,
            number(row.best_ns / 1e3),
            mode_text(row.best),
            row.to_best,
            number(row.profiled_ns / 1e3),
            row.profiled_to_best,
        ))?;
    }
    Ok(Exit::Pass)
}

/// How a length went: medians over the runs, ratios as medians over the rounds.
struct LiveRow {
    adaptive_ns: f64,
    best: Mode,
    best_ns: f64,
    to_best: f64,
    profiled_ns: f64,
    profiled_to_best: f64,
    /// Where it was run.
    interpreter_ns: Option<f64>,
}

/// All modes in turn, so many rounds, each beginning with another mode: what drifts, drifts for all.
fn row_of(source: &str, length: u64, rounds: usize) -> Result<LiveRow, Stop> {
    let learnt = fresh_run(source, Mode::Adaptive, length)?.profile;
    let own = [(Mode::Adaptive, None), (Mode::Adaptive, Some(&learnt))];
    let runs: Vec<_> = own.into_iter().chain(rivals(length).into_iter().map(|mode| (mode, None))).collect();
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); runs.len()];
    for round in 0..rounds {
        for at in 0..runs.len() {
            let at = (at + round) % runs.len();
            let (mode, profile) = runs[at];
            times[at].push(run_with_profile(source, mode, length, profile)?.ns);
        }
    }
    let medians: Vec<f64> = times.iter().map(|times| median(times).unwrap_or(f64::NAN)).collect();
    let best = (own.len()..runs.len()).min_by(|a, b| medians[*a].total_cmp(&medians[*b])).unwrap_or(0);
    let to_best = |at: usize| {
        let pairs = times[at].iter().zip(&times[best]);
        median(&pairs.map(|(own, other)| own / other).collect::<Vec<_>>()).unwrap_or(f64::NAN)
    };
    Ok(LiveRow {
        adaptive_ns: medians[0],
        best: runs[best].0,
        best_ns: medians[best],
        to_best: to_best(0),
        profiled_ns: medians[1],
        profiled_to_best: to_best(1),
        interpreter_ns: runs.iter().position(|(mode, _)| *mode == Mode::Interpreter).map(|at| medians[at]),
    })
}
