//! `zx-bench doctor`.

use serde_json::Value;

use crate::harness::environment::{Environment, utc_now};
use crate::harness::outcome::{Exit, Stop};

use super::{Look, Shape, print};

/// Not worth a line when nothing is measured.
const LEFT_OUT: [&str; 3] = ["argv", "seed", "after"];

pub(super) fn doctor(look: &Look) -> Result<Exit, Stop> {
    let environment = Environment::now(Vec::new(), None, utc_now());
    let json = serde_json::to_value(&environment).map_err(|e| Stop::failed(e.to_string()))?;
    if look.format == Shape::Json {
        print::out(&format!("{json:#}\n"))?;
        return Ok(Exit::Pass);
    }
    let mut text = String::new();
    let fields = json.as_object().into_iter().flatten();
    for (name, value) in fields.filter(|(name, _)| !LEFT_OUT.contains(&name.as_str())) {
        match value {
            Value::Object(inner) => {
                inner.iter().for_each(|(key, value)| text += &line(&format!("{name}.{key}"), value));
            }
            value => text += &line(name, value),
        }
    }
    print::out(&text)?;
    environment.advice().iter().for_each(|advice| print::warn(advice));
    Ok(Exit::Pass)
}

fn line(name: &str, value: &Value) -> String {
    let shown = match value {
        Value::Null => "unknown".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    format!("{name:<24} {shown}\n")
}
