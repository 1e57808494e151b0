//! The fingerprint beside every result: `env.json`, and what `zx-bench doctor` prints.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::machine;

/// What a result depends on besides the workload. Unknown is null.
#[derive(Debug, Clone, Serialize)]
pub struct Environment {
    /// Version of this program.
    pub zx_version: &'static str,
    /// Revision of the sources, if git and a repository are there.
    pub git_revision: Option<String>,
    /// Whether tracked files differ from it.
    pub git_dirty: Option<bool>,
    /// The compiler, if the build recorded it.
    pub rustc: Option<&'static str>,
    /// `release` or `debug`.
    pub profile: &'static str,
    /// BLAKE3 of this binary.
    pub binary_blake3: Option<String>,
    /// BLAKE3 of what each tier makes of the workload: the resolved tree, the bytecode.
    pub code_blake3: BTreeMap<&'static str, String>,
    /// Model name of the CPU.
    pub cpu_model: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Frequency governor.
    pub governor: Option<String>,
    /// Least, greatest and present frequency of the first CPU, MHz.
    pub frequency_mhz: Option<[u64; 3]>,
    /// The virtual machine's name; null on bare metal.
    pub hypervisor: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// `linux`, `x86_64`.
    pub os: &'static str,
    /// Architecture.
    pub architecture: &'static str,
    /// Smallest step of the clock seen, nanoseconds.
    pub clock_step_ns: u64,
    /// Cost of reading it, nanoseconds.
    pub clock_overhead_ns: f64,
    /// The machine before the run.
    pub before: Load,
    /// The machine after it.
    pub after: Option<Load>,
    /// The command line.
    pub argv: Vec<String>,
    /// Seed of everything random.
    pub seed: Option<u64>,
    /// When the run began, UTC.
    pub started_utc: String,
    /// When it was gone on with after an interruption, UTC.
    pub resumed_utc: Vec<String>,
    /// When it came to its end; null while it has not.
    pub finished_utc: Option<String>,
}

/// How busy the machine was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Load over the last minute.
    pub load_1m: Option<f64>,
    /// Ticks stolen by the hypervisor since boot.
    pub steal_ticks: Option<u64>,
    /// Share of the last ten seconds in which something waited for a CPU, per cent.
    pub cpu_pressure_10s: Option<f64>,
}

impl Load {
    /// The machine now.
    pub fn now() -> Self {
        Self {
            load_1m: machine::load_1m(),
            steal_ticks: machine::steal_ticks(),
            cpu_pressure_10s: machine::cpu_pressure_10s(),
        }
    }
}

impl Environment {
    /// Looks at the machine.
    pub fn now(argv: Vec<String>, seed: Option<u64>, started_utc: String) -> Self {
        let before = Load::now();
        let (clock_step_ns, clock_overhead_ns) = machine::clock_step_and_overhead_ns();
        Self {
            zx_version: env!("CARGO_PKG_VERSION"),
            git_revision: git(&["rev-parse", "HEAD"]),
            git_dirty: git(&["status", "--porcelain", "--untracked-files=no"]).map(|text| !text.is_empty()),
            rustc: option_env!("ZX_RUSTC"),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
            binary_blake3: binary_blake3(),
            code_blake3: BTreeMap::new(),
            cpu_model: machine::cpu_model(),
            cores: machine::cores(),
            governor: machine::governor(),
            frequency_mhz: machine::frequency_mhz(),
            hypervisor: machine::hypervisor(),
            kernel: machine::kernel(),
            os: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            clock_step_ns,
            clock_overhead_ns,
            before,
            after: None,
            argv,
            seed,
            started_utc,
            resumed_utc: Vec::new(),
            finished_utc: None,
        }
    }

    /// Goes on with what an unfinished run's `env.json` says of its beginning.
    pub fn go_on(&mut self, before: &serde_json::Value) {
        let now = std::mem::take(&mut self.started_utc);
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        self.started_utc = before.get("started_utc").and_then(text).unwrap_or_else(|| now.clone());
        let earlier = before.get("resumed_utc").and_then(|list| list.as_array());
        self.resumed_utc = earlier.into_iter().flatten().filter_map(text).collect();
        self.resumed_utc.push(now);
        let load = before.get("before").and_then(|load| serde_json::from_value(load.clone()).ok());
        self.before = load.unwrap_or(self.before);
    }

    /// What stands in the way of good numbers, each with what to do.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if self.profile == "debug" {
            advice.push("this is a debug build: measure with `cargo run --release`".into());
        }
        if let Some(load) = self.before.load_1m.filter(|load| *load > 0.5 * self.cores as f64) {
            advice.push(format!(
                "the machine was busy before the run began (load {load:.1} on {} cores): wait until it is idle",
                self.cores
            ));
        }
        if self.governor.as_deref().is_some_and(|governor| governor != "performance") {
            advice.push(
                "the CPU's frequency governor is not `performance`: `cpupower frequency-set -g performance`".into(),
            );
        }
        advice
    }

    /// Ten characters of the revision, for names.
    pub fn short_revision(&self) -> String {
        self.git_revision.as_ref().map_or_else(|| "nogit".into(), |revision| revision.chars().take(10).collect())
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn binary_blake3() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    hash_of(&path)
}

fn hash_of(path: &Path) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path).ok()?).ok()?;
    Some(hasher.finalize().to_hex().to_string())
}

/// `2026-11-22T11:48:39Z`, from seconds since 1970.
pub fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a date, after Howard Hinnant, "chrono-compatible low-level date algorithms".
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Now, UTC.
pub fn utc_now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    utc(since.map_or(0, |passed| passed.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(utc(1_795_348_119), "2026-11-22T11:48:39Z");
    }

    #[test]
    fn the_fingerprint_is_json() {
        let env = Environment::now(vec!["zx-bench".into()], Some(42), utc_now());
        let json = serde_json::to_value(&env).expect("JSON");
        assert!(json["cores"].as_u64().is_some_and(|cores| cores > 0));
        assert!(json["binary_blake3"].as_str().is_some_and(|hash| hash.len() == 64));
    }
}
