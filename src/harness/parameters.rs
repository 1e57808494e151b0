//! What changes the work: defaults, `config.bench_*` lines of the workload, flags. Flags win.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::{ConfigValue, Program};
use crate::parallel::{Signatures, Stages};
use crate::report::records::Params;

use super::outcome::Stop;
use super::rng::Skew;
use super::store::{StoreChoice, StoreKind};
use super::suggest::did_you_mean;
use super::workload::{Form, Workload};

/// What a user may override. `None`: not given.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--accounts`.
    pub accounts: Option<u64>,
    /// `--block`: transactions a block.
    pub block: Option<u64>,
    /// `--blocks`: most blocks a process.
    pub blocks: Option<u64>,
    /// `--skew`.
    pub skew: Option<String>,
    /// `--gas-limit`, a transaction.
    pub gas_limit: Option<u64>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--param k=v`, in order.
    pub own: Vec<String>,
    /// `--signatures`.
    pub signatures: Option<Signatures>,
    /// `--nonces`.
    pub nonces: bool,
    /// `--fees shared`; none is `--fees none` or nothing.
    pub fees: bool,
    /// `--store`.
    pub store: StoreKind,
    /// `--sync never`: commits to a store do not wait for the disk.
    pub no_sync: bool,
    /// `--background-compile`
    pub background_compile: bool,
}

/// A `config` value that replaces the one in the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The key, as in `bench_decimals`.
    pub key: String,
    /// Its value.
    pub value: SettingValue,
}

/// [`ConfigValue`], in a form that a child process can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "as engine::ConfigValue")]
pub enum SettingValue {
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
}

impl SettingValue {
    /// For the engine.
    pub fn to_config(&self) -> ConfigValue {
        match self {
            Self::Bool(value) => ConfigValue::Bool(*value),
            Self::Int(value) => ConfigValue::Int(*value),
            Self::Float(value) => ConfigValue::Float(*value),
            Self::Str(value) => ConfigValue::Str(value.clone()),
        }
    }
}

/// Everything that changes the work, decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Accounts of a block workload.
    pub accounts: u64,
    /// Transactions a block.
    pub block: u64,
    /// Most blocks a process; none means as many as fit its time.
    pub blocks: Option<u64>,
    /// How accounts are drawn; kept as text, which [`Skew`] reads.
    pub skew: String,
    /// Gas of a transaction.
    pub gas_limit: u64,
    /// Seed of everything random.
    pub seed: u64,
    /// Steps of the harness's own work before each transaction of a block.
    pub work: u32,
    /// Values to set in the engine, over the text's.
    pub settings: Vec<Setting>,
    /// The canonical text: `k=v;k=v`, sorted.
    pub canonical: String,
    /// The stages around execution.
    #[serde(default)]
    pub stages: Stages,
    /// Where blocks are committed, if not in memory alone.
    #[serde(default)]
    pub store: Option<StoreChoice>,
    /// The trace that blocks are read from instead of being generated.
    #[serde(default)]
    pub trace: Option<PathBuf>,
    /// Whether the run writes that trace first.
    #[serde(default)]
    pub records: bool,
    /// Whether native code is made on a thread of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background_compile: bool,
}

/// Keys of the harness itself; every other `bench_` key is the workload's own.
const STANDARD: [&str; 8] = ["accounts", "block", "blocks", "skew", "gas_limit", "seed", "work", "transaction"];
/// Names in the canonical text that are of stages or of the load, not of the stream; no workload has parameters of these
/// names.
const STAGES: [&str; 9] = ["signatures", "nonces", "fees", "store", "sync", "load", "arrivals", "rate", "compile"];
const ACCOUNTS_MAX: u64 = 10_000_000;
const BLOCK_MAX: u64 = 1_000_000;
const BLOCKS_MAX: u64 = 1_000_000;

impl Parameters {
    /// Decides the parameters of a workload.
    pub fn resolve(workload: &Workload, given: &Overrides) -> Result<Self, Stop> {
        resolve(&workload.program, workload.form, given)
            .map_err(|message| Stop::usage(format!("{}: {message}", workload.path.display())))
    }

    /// Parameters that are for other engines alone: whatever was given, as text.
    pub fn foreign(own: &[String], seed: Option<u64>) -> Result<Self, Stop> {
        let seed = seed.unwrap_or(42);
        let mut params = Params::new();
        for text in own {
            let pair = text.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
            let Some((key, value)) =
                pair.filter(|(key, value)| !key.is_empty() && !format!("{key}{value}").contains(';'))
            else {
                return Err(Stop::usage(format!("--param `{text}` is not of the form name=value, without `;`")));
            };
            params.set(key, value);
        }
        params.set("seed", seed);
        Ok(Self {
            accounts: 0,
            block: 0,
            blocks: None,
            skew: Skew::Uniform.to_string(),
            gas_limit: 0,
            seed,
            work: 0,
            settings: Vec::new(),
            stages: Stages::default(),
            store: None,
            trace: None,
            records: false,
            background_compile: false,
            canonical: params.to_string(),
        })
    }

    /// The way accounts are drawn.
    pub fn skew(&self) -> Skew {
        self.skew.parse().unwrap_or(Skew::Uniform)
    }

    /// What decides the stream of transactions, canonical: for a trace.
    pub fn stream_params(&self) -> String {
        let params = self.params();
        params.iter().filter(|(name, _)| !STAGES.contains(name)).collect::<Params>().to_string()
    }

    /// For the `params` column.
    pub fn params(&self) -> Params {
        self.canonical.parse().unwrap_or_default()
    }

    /// The names handed to `setup(accounts)`.
    pub fn account_names(&self) -> impl Iterator<Item = String> {
        (0..self.accounts).map(super::rng::account_name)
    }
}

fn resolve(program: &Program, form: Form, given: &Overrides) -> Result<Parameters, String> {
    if let Some(name) = own_names(program).into_iter().find(|name| STAGES.contains(&name.as_str())) {
        return Err(format!("`config.bench_{name}` is a name of the harness's own: call it something else"));
    }
    let own = own_parameters(program, given)?;
    let find = |name: &str| own.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value);
    let number = |name: &str, flag: Option<u64>, default: Option<u64>, least: u64, most: u64| {
        let value = match (flag, find(name).cloned().or_else(|| from_text(program, name))) {
            (Some(flag), _) => Some(flag),
            (None, Some(text)) => {
                let text = text_of(&text);
                let parsed = text.replace('_', "").parse::<u64>();
                Some(parsed.map_err(|_| format!("`{name}` must be a whole number, not `{text}`"))?)
            }
            (None, None) => default,
        };
        match value {
            Some(value) if value < least || value > most => {
                Err(format!("`{name}` is {value}; it must be from {least} to {most}"))
            }
            value => Ok(value),
        }
    };
    let or_missing = |value: Option<u64>| value.unwrap_or_default();
    let accounts = or_missing(number("accounts", given.accounts, Some(1000), 1, ACCOUNTS_MAX)?);
    let block = or_missing(number("block", given.block, Some(1000), 1, BLOCK_MAX)?);
    let blocks = number("blocks", given.blocks, None, 1, BLOCKS_MAX)?;
    let gas_limit = or_missing(number("gas_limit", given.gas_limit, Some(1_000_000), 1, i64::MAX as u64)?);
    let seed = or_missing(number("seed", given.seed, Some(42), 0, i64::MAX as u64)?);
    let work = or_missing(number("work", None, Some(0), 0, 100_000_000)?) as u32;
    let skew = given.skew.clone().or_else(|| find("skew").or(from_text(program, "skew").as_ref()).map(text_of));
    let skew = skew.unwrap_or_else(|| "uniform".into()).parse::<Skew>()?.to_string();
    let mut parameters = Parameters {
        accounts,
        block,
        blocks,
        skew,
        gas_limit,
        seed,
        work,
        settings: Vec::new(),
        canonical: String::new(),
        stages: Stages { signatures: given.signatures.unwrap_or_default(), nonces: given.nonces, fees: given.fees },
        store: match &given.store {
            StoreKind::Memory => None,
            StoreKind::Redb(path) => Some(StoreChoice { path: path.clone(), syncs: !given.no_sync }),
        },
        trace: None,
        records: false,
        background_compile: given.background_compile,
    };
    parameters.refuse_block_flags(form, given)?;
    parameters.settings = settings(program, &parameters, &own);
    parameters.canonical = canonical(program, form, &parameters, &own).to_string();
    Ok(parameters)
}

impl Parameters {
    /// A flag that would change nothing is a mistake.
    fn refuse_block_flags(&self, form: Form, given: &Overrides) -> Result<(), String> {
        let block_flags = [
            ("--accounts", given.accounts.is_some()),
            ("--block", given.block.is_some()),
            ("--blocks", given.blocks.is_some()),
            ("--skew", given.skew.is_some()),
            ("--param work", self.work > 0),
            ("--signatures", given.signatures.is_some_and(|scheme| scheme != Signatures::None)),
            ("--nonces", given.nonces),
            ("--fees", given.fees),
            ("--store", given.store != StoreKind::Memory),
        ];
        match block_flags.iter().find(|(_, is_given)| *is_given && form == Form::Script) {
            Some((flag, _)) => Err(format!(
                "{flag} is for block workloads (a file with `action transaction(tx)`); this is a script: scale it with --param iterations=N"
            )),
            None => Ok(()),
        }
    }
}

/// Reads `--param k=v`, checked against the keys that the file has.
fn own_parameters(program: &Program, given: &Overrides) -> Result<Vec<(String, SettingValue)>, String> {
    let mut own = Vec::new();
    for text in &given.own {
        let (key, value) = text
            .split_once('=')
            .filter(|(key, _)| !key.trim().is_empty())
            .ok_or_else(|| format!("--param `{text}` is not of the form name=value"))?;
        let key = key.trim().strip_prefix("bench_").unwrap_or(key.trim());
        let value = value.trim();
        let parsed = match from_text(program, key) {
            Some(like) => parse_like(&like, key, value)?,
            None if key != "transaction" && STANDARD.contains(&key) => SettingValue::Str(value.to_owned()),
            None => {
                let names = own_names(program);
                let hint = did_you_mean(key, names.iter().map(String::as_str).chain(STANDARD));
                let has = if names.is_empty() {
                    "no parameters of its own".to_owned()
                } else {
                    format!("the parameters {}", names.join(", "))
                };
                return Err(format!("no parameter `{key}`{hint}: the workload has {has} (`config.bench_NAME = ...`)"));
            }
        };
        own.push((key.to_owned(), parsed));
    }
    Ok(own)
}

/// Names of the file's `bench_` keys that are not the harness's.
pub fn own_names(program: &Program) -> Vec<String> {
    let keys = program.config_keys();
    let own = keys.iter().filter_map(|key| key.strip_prefix("bench_"));
    let mut names: Vec<String> = own.filter(|name| !STANDARD.contains(name)).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

fn from_text(program: &Program, name: &str) -> Option<SettingValue> {
    Some(match program.config(&format!("bench_{name}"))? {
        ConfigValue::Bool(value) => SettingValue::Bool(value),
        ConfigValue::Int(value) => SettingValue::Int(value),
        ConfigValue::Float(value) => SettingValue::Float(value),
        ConfigValue::Str(value) => SettingValue::Str(value),
    })
}

fn parse_like(like: &SettingValue, name: &str, text: &str) -> Result<SettingValue, String> {
    let wrong = |what: &str| format!("--param {name}=`{text}`: the workload's `config.bench_{name}` is {what}");
    match like {
        SettingValue::Bool(_) => text.parse().map(SettingValue::Bool).map_err(|_| wrong("true or false")),
        SettingValue::Int(_) => {
            text.replace('_', "").parse().map(SettingValue::Int).map_err(|_| wrong("a whole number"))
        }
        SettingValue::Float(_) => {
            let value = text.parse::<f64>().ok().filter(|v| v.is_finite());
            value.map(SettingValue::Float).ok_or_else(|| wrong("a number"))
        }
        SettingValue::Str(_) => Ok(SettingValue::Str(text.to_owned())),
    }
}

fn text_of(value: &SettingValue) -> String {
    match value {
        SettingValue::Bool(value) => value.to_string(),
        SettingValue::Int(value) => value.to_string(),
        SettingValue::Float(value) => value.to_string(),
        SettingValue::Str(value) => value.clone(),
    }
}

/// What the engine is told: overridden own keys, and standard keys that the text itself assigns.
fn settings(program: &Program, decided: &Parameters, own: &[(String, SettingValue)]) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut set = |name: &str, value: SettingValue| {
        let key = format!("bench_{name}");
        settings.retain(|setting: &Setting| setting.key != key);
        settings.push(Setting { key, value });
    };
    for (name, value) in own.iter().filter(|(name, _)| !STANDARD.contains(&name.as_str())) {
        set(name, value.clone());
    }
    let standard = [
        ("accounts", Some(decided.accounts)),
        ("block", Some(decided.block)),
        ("blocks", decided.blocks),
        ("gas_limit", Some(decided.gas_limit)),
        ("seed", Some(decided.seed)),
        ("work", Some(u64::from(decided.work))),
    ];
    for (name, value) in standard {
        if let (Some(value), Some(_)) = (value, from_text(program, name)) {
            set(name, SettingValue::Int(value as i64));
        }
    }
    if from_text(program, "skew").is_some() {
        set("skew", SettingValue::Str(decided.skew.clone()));
    }
    settings
}

fn canonical(program: &Program, form: Form, decided: &Parameters, own: &[(String, SettingValue)]) -> Params {
    let mut params = Params::new();
    params.set("seed", decided.seed);
    if form == Form::Block {
        params.set("accounts", decided.accounts).set("block", decided.block).set("skew", &decided.skew);
        params.set("work", decided.work).set("gas_limit", decided.gas_limit);
    }
    // What is switched off is not named: figures of before have the same parameters.
    let Stages { signatures, nonces, fees } = decided.stages;
    if signatures != Signatures::None {
        params.set("signatures", signatures);
    }
    if nonces {
        params.set("nonces", true);
    }
    if fees {
        params.set("fees", "shared");
    }
    if let Some(store) = &decided.store {
        params.set("store", "redb").set("sync", if store.syncs { "every" } else { "never" });
    }
    if decided.background_compile {
        params.set("compile", "background");
    }
    for name in own_names(program) {
        let flag = own.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        if let Some(value) = flag.or_else(|| from_text(program, &name)) {
            params.set(&*name, text_of(&value));
        }
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str =
        "config.bench_decimals = 0\nconfig.bench_accounts = 50\nconfig.bench_share = 0.5\naction transaction(tx) { }\n";

    fn decide(source: &str, given: &Overrides) -> Result<Parameters, String> {
        let Ok(program) = Program::compile(source, "w.zx") else { return Err("syntax".into()) };
        let form = if program.has_action("transaction") { Form::Block } else { Form::Script };
        resolve(&program, form, given)
    }

    #[test]
    fn flags_win_over_the_text_and_the_text_over_defaults() {
        let plain = decide(TOKEN, &Overrides::default()).expect("fine");
        assert_eq!((plain.accounts, plain.block, plain.seed), (50, 1000, 42));
        assert_eq!(
            plain.canonical,
            "accounts=50;block=1000;decimals=0;gas_limit=1000000;seed=42;share=0.5;skew=uniform;work=0"
        );
        let given = Overrides {
            accounts: Some(7),
            own: vec!["decimals=18".into(), "work=100".into(), "decimals=6".into()],
            ..Overrides::default()
        };
        let decided = decide(TOKEN, &given).expect("fine");
        assert_eq!((decided.accounts, decided.work), (7, 100));
        let set = |key: &str| decided.settings.iter().find(|s| s.key == key).map(|s| s.value.clone());
        assert_eq!(set("bench_decimals"), Some(SettingValue::Int(6)));
        assert_eq!(set("bench_accounts"), Some(SettingValue::Int(7)));
        assert!(decided.canonical.contains("decimals=6"));
        let given = Overrides { background_compile: true, ..Overrides::default() };
        let background = decide(TOKEN, &given).expect("fine");
        assert!(background.canonical.contains("compile=background"), "such figures are of another cell");
        assert_eq!(background.stream_params(), plain.stream_params());
    }

    #[test]
    fn mistakes_are_explained() {
        let said = |own: &str| {
            let given = Overrides { own: vec![own.into()], ..Overrides::default() };
            decide(TOKEN, &given).expect_err("refused")
        };
        assert!(said("decimal=3").contains("did you mean `decimals`?"));
        assert!(said("decimals=many").contains("a whole number"));
        assert!(said("decimals").contains("name=value"));
        assert!(said("=3").contains("name=value"));
        assert!(said("accounts=0").contains("from 1 to"));
        assert!(said("transaction=x").contains("no parameter"));
        let given = Overrides { block: Some(0), ..Overrides::default() };
        assert!(decide(TOKEN, &given).expect_err("refused").contains("`block` is 0"));
        let given = Overrides { accounts: Some(3), ..Overrides::default() };
        assert!(decide("action transfer(a) { }\n", &given).expect_err("refused").contains("for block workloads"));
    }
}
