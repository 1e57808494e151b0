//! `zx-bench doctor`: the machine, what stands in the way of good numbers, and the smallest
//! difference it can resolve.

use serde_json::{Value, json};

use crate::harness::environment::{Environment, utc_now};
use crate::harness::gate::{self, FLOOR};
use crate::harness::machine;
use crate::harness::outcome::{Exit, Stop};
use crate::harness::progress::Neighbours;
use crate::harness::resolution::{PAIRS, PAIRS_MAX, Resolution, measure};

use super::{Look, STOP, Shape, print};

/// Flags of `doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArguments {
    /// Exit with 5 if differences of this size cannot be resolved, as in 2%.
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    require: Option<f64>,
    /// Pairs of processes to measure noise with; each takes half a second. 0: none.
    #[arg(long, default_value_t = PAIRS, value_parser = clap::value_parser!(u32).range(0..=i64::from(PAIRS_MAX)))]
    pairs: u32,
}

/// Not worth a line when nothing is measured.
const LEFT_OUT: [&str; 6] = ["argv", "seed", "after", "code_blake3", "resumed_utc", "finished_utc"];

pub(super) fn doctor(arguments: &DoctorArguments, look: &Look) -> Result<Exit, Stop> {
    if arguments.require.is_some() && arguments.pairs < 4 {
        return Err(Stop::usage("--require needs at least --pairs 4 to measure noise with"));
    }
    let environment = Environment::now(Vec::new(), None, utc_now());
    let jitter = machine::loop_jitter();
    let (resolution, neighbours) = resolve(arguments.pairs)?;
    let mut json = serde_json::to_value(&environment).map_err(|e| Stop::failed(e.to_string()))?;
    if let Some(fields) = json.as_object_mut() {
        fields.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
        fields.insert("loop_jitter".into(), json!(rounded(jitter)));
        fields.insert("resolution".into(), json!(resolution));
    }
    let advice = advice(&environment, resolution.as_ref(), &neighbours);
    if look.format == Shape::Json {
        json["advice"] = json!(advice);
        print::out(&format!("{json:#}\n"))?;
    } else {
        print::out(&text(&json, resolution.as_ref()))?;
        for advice in &advice {
            print::warn(advice);
        }
    }
    verdict(arguments.require, resolution.as_ref())
}

/// Noise, and what the neighbours did while it was measured.
fn resolve(pairs: u32) -> Result<(Option<Resolution>, Vec<String>), Stop> {
    if pairs == 0 {
        return Ok((None, Vec::new()));
    }
    let program =
        std::env::current_exe().map_err(|e| Stop::failed(format!("cannot find this program's own file: {e}")))?;
    let watch = Neighbours::watch();
    let resolution = measure(&program, pairs, &STOP)?;
    Ok((resolution, watch.report(None)))
}

fn advice(environment: &Environment, resolution: Option<&Resolution>, neighbours: &[String]) -> Vec<String> {
    let mut advice = environment.advice();
    advice.extend(neighbours.iter().cloned());
    if let Some(resolution) = resolution {
        if resolution.smallest.is_none_or(|smallest| smallest > 0.05) {
            advice.push(format!(
                "a gate cannot tell losses under {} from noise here: stop what else runs, raise its --max-pairs, or use another machine",
                shown(resolution.smallest)
            ));
        }
        if resolution.unsteady >= resolution.pairs {
            advice.push(format!(
                "{} of {} processes had no steady state: a gate would say nothing",
                resolution.unsteady,
                2 * resolution.pairs
            ));
        }
    }
    advice
}

fn verdict(require: Option<f64>, resolution: Option<&Resolution>) -> Result<Exit, Stop> {
    let Some(require) = require else { return Ok(Exit::Pass) };
    match resolution {
        Some(resolution) if resolution.smallest.is_some_and(|smallest| smallest <= require) => Ok(Exit::Pass),
        Some(resolution) => Err(Stop {
            exit: Exit::Unfit,
            message: format!(
                "the smallest loss that a gate detects here is {}, not {} (from {} pairs of processes): stop what else runs, or use another machine",
                shown(resolution.smallest),
                percent(require),
                resolution.pairs,
            ),
        }),
        None => Err(Stop { exit: Exit::Interrupted, message: "stopped before noise was measured".into() }),
    }
}

fn text(json: &Value, resolution: Option<&Resolution>) -> String {
    let mut text = String::new();
    for (name, value) in json.as_object().into_iter().flatten().filter(|(name, _)| *name != "resolution") {
        match value {
            Value::Object(inner) => {
                inner.iter().for_each(|(key, value)| text += &line(&format!("{name}.{key}"), value));
            }
            value => text += &line(name, value),
        }
    }
    if let Some(resolution) = resolution {
        let said = format!(
            "{} with a gate's --floor tps={:.2}%, {} with the usual {} (what 80% of gates of {} to {} pairs detect; from the noise of {} pairs, measured in {:.1} s)",
            shown(resolution.smallest),
            resolution.floor * 100.0,
            shown(resolution.smallest_at_usual_floor),
            percent(FLOOR),
            gate::PAIRS,
            gate::MAX_PAIRS,
            resolution.pairs,
            resolution.took_s
        );
        text += &line("smallest difference", &Value::String(said));
    }
    text
}

fn line(name: &str, value: &Value) -> String {
    let shown = match value {
        Value::Null => "unknown".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    format!("{name:<24} {shown}\n")
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn shown(loss: Option<f64>) -> String {
    loss.map_or_else(|| "50%".to_owned(), percent)
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// Reads `2%` or `2` as 0.02.
fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim().parse::<f64>().ok();
    let share = number.filter(|n| (0.0..=1000.0).contains(n)).map(|n| n / 100.0);
    share.ok_or_else(|| format!("`{text}` is not a percentage: write 2%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_resolved_is_unfit() {
        let resolution = Resolution::of(&[0.05, -0.04, 0.04, -0.04, -0.02, 0.0], 0, 1.0);
        assert_eq!(verdict(Some(0.5), resolution.as_ref()), Ok(Exit::Pass));
        assert_eq!(verdict(None, None), Ok(Exit::Pass));
        let refused = verdict(Some(0.001), resolution.as_ref()).expect_err("unfit");
        assert_eq!(refused.exit, Exit::Unfit);
        assert!(refused.message.contains("not 0.1%"), "{}", refused.message);
    }

    #[test]
    fn percentages() {
        assert_eq!(parse_percent("2%"), Ok(0.02));
        assert_eq!(parse_percent(" 0.5 "), Ok(0.005));
        assert!(parse_percent("two").is_err() && parse_percent("-1%").is_err());
    }
}
