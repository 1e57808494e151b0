//! What `zx-run` says of its cache, and emptying it.

use std::fmt::Write;
use std::time::Duration;

use super::{Arguments, say, status};
use crate::engine::{Cache, Program};

/// How it went with one program.
#[derive(Debug)]
pub(super) enum Use {
    Off,
    Hit,
    /// Not there, or no longer good. How long storing it took, if it is there now.
    Miss(Option<Duration>),
}

/// `--cache-clear`, and `--cache-stats` without a program.
pub(super) fn manage(arguments: &Arguments) -> i32 {
    let Some(cache) = Cache::in_environment() else {
        tellln!("error: there is no folder that can be the cache: set ZX_CACHE_DIR to one of your own");
        return status::FAILED;
    };
    let mut text = String::new();
    if arguments.cache_clear {
        let _ = writeln!(text, "{} files removed from {}", cache.clear(), cache.folder().display());
    }
    if arguments.cache_stats {
        text.push_str(&held(&cache));
    }
    say(&text, status::OK)
}

/// The cache for this run, unless it is off.
pub(super) fn for_run(arguments: &Arguments) -> Option<Cache> {
    // A profile needs marks in the tree.
    if arguments.no_cache || arguments.is_profiled() { None } else { Cache::from_environment() }
}

/// Stores a program after its run, if that is worth it.
pub(super) fn after_run(cache: Option<&Cache>, program: &Program) -> Use {
    match cache {
        None => Use::Off,
        Some(_) if program.is_loaded() => Use::Hit,
        Some(cache) => {
            let started = std::time::Instant::now();
            Use::Miss(cache.store(program).then(|| started.elapsed()))
        }
    }
}

/// `--cache-stats` behind a run.
pub(super) fn show(cache: Option<&Cache>, how: &Use, program: &Program) {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    match how {
        Use::Off => tellln!("cache               off"),
        Use::Hit => {
            let load = Duration::from_nanos(program.load_ns().unwrap_or_default());
            tellln!("cache               hit, loaded in {:.3} ms", millis(load));
        }
        Use::Miss(Some(time)) => tellln!("cache               miss, stored in {:.3} ms", millis(*time)),
        Use::Miss(None) => tellln!("cache               miss, not stored"),
    }
    if let Some(cache) = cache {
        tell!("{}", held(cache));
    }
}

fn held(cache: &Cache) -> String {
    let contents = cache.contents();
    format!(
        "cache folder        {}\ncache files         {}\ncache bytes         {} of at most {}\n",
        cache.folder().display(),
        contents.files,
        contents.bytes,
        contents.bytes_max
    )
}
