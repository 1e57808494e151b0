//! The cache of compiled programs: what it gives is right or nothing. Files that were damaged, exchanged, half written
//! or made to harm are misses; code that was tampered with under a right checksum may mean something else, but runs in
//! safety and ends. `ZX_CACHE_FUZZ=200000 cargo test --test cache -- --nocapture hostile` tries that many mutants,
//! `ZX_CACHE_SEED` moves the seed; the suite tries few.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the counts are asked for")]

mod command;
mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use command::{Place, Said, said};
use common::{cases, compiled, folder};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tempfile::TempDir;
use zx::cache::{Directory, Identity, Kind};
use zx::engine::{
    Cache, Engine, FileLoader, InterruptHandle, Isolate, Mode, NoModules, OutputSink, Program, RunOptions, SiteProfile,
    TierProfile,
};

const PROGRAM: &str = r#"
contract Bank {
    data accounts = {}
    action pay(who, amount) {
        require(amount > 0, "nothing to pay")
        accounts[who] = (accounts[who] || 0) + amount
        emit Paid(who, amount)
        return accounts[who]
    }
}
let bank = Bank()
let names = ["ada", "bob"]
let total = 0
for each name in names {
    let add = action(n) { total = total + n }
    try { add(bank.pay(name, len(name))) } finally { print("${name} ${total}") }
}
try { bank.pay("eve", 0) } catch (error) { print(error) }
let i = 0
while i < 600 { i = i + 1 }
print(i, 2 ** 200)
"#;

/// A run that ends badly, in a call.
const FAILING: &str = "action inner(x) {\n    return x + nothing\n}\nprint(\"before\")\nprint(inner(1))\n";

fn program() -> Arc<Program> {
    Program::compile(PROGRAM, "main.zx").unwrap()
}

fn cache() -> (TempDir, Cache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path(), true).unwrap();
    (folder, cache)
}

/// The one entry of a folder.
fn entry(folder: &Path) -> PathBuf {
    let is_entry = |path: &PathBuf| path.file_name().unwrap().len() == 40;
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder.join("zx-run")).unwrap().map(|entry| entry.unwrap().path()).filter(is_entry).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

fn output(program: &Arc<Program>) -> String {
    let options = RunOptions { output: OutputSink::Capture, ..RunOptions::default() };
    let mut isolate = Isolate::new(&Engine::new(Mode::Adaptive), program, options);
    let result = isolate.run_once();
    assert!(result.failure.is_none(), "{:?}", result.failure);
    isolate.captured_output().to_owned()
}

/// The bytecode as text, but for the addresses of constants.
fn code_of(program: &Program) -> Vec<String> {
    let line = |line: &str| line.split_once('@').map_or(line, |(line, _)| line).to_owned();
    program.dump_bytecode().lines().map(line).collect()
}

// ---- what makes a hit ----

#[test]
fn a_program_comes_back_with_its_names() {
    let (_folder, cache) = cache();
    let before = program();
    assert!(cache.load(PROGRAM, "main.zx", &NoModules).is_none() && cache.store(&before));
    let after = cache.load(PROGRAM, "main.zx", &NoModules).unwrap();
    assert!(after.is_loaded() && !before.is_loaded() && after.load_ns().is_some());
    assert_eq!(after.action_names(), before.action_names());
    assert_eq!(after.outer_actions(), before.outer_actions());
    assert_eq!(after.source_digest(), before.source_digest());
    assert_eq!(code_of(&after), code_of(&before));
    assert_eq!(output(&after), output(&before));
    assert!(!cache.store(&after), "what was loaded is there already");
    assert!(cache.load(&format!("{PROGRAM} "), "main.zx", &NoModules).is_none(), "another text");
}

#[test]
fn some_programs_are_not_stored() {
    let (_folder, cache) = cache();
    for text in ["config.jit_enabled = true\n", "action f() { config.jit_enabled = 1 < 2 }\nf()\n"] {
        assert!(!cache.store(&Program::compile(text, "main.zx").unwrap()), "{text}");
    }
    let marked = Program::compile_for_profile("print(1)\n", "main.zx", &NoModules).unwrap();
    assert!(!cache.store(&marked), "a profile's marks");
    let counted = Program::compile("action f() { return 1 }\nprint(f())\n", "main.zx").unwrap();
    counted.keep_calls();
    assert!(!cache.store(&counted), "calls kept for counting");
    let quick = Cache::at(tempfile::tempdir().unwrap().path(), false).unwrap();
    assert!(!quick.store(&Program::compile("print(1)\n", "main.zx").unwrap()), "parsed in no time");
    assert_eq!(cache.contents().files, 0);
}

#[test]
fn an_import_that_changes_is_a_miss() {
    let (_folder, cache) = cache();
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let main = "use \"./lib\" as lib\nprint(lib.f())\ntry { use \"./later\" } catch (e) { print(\"no\") }\n";
    fs::write(path("main.zx"), main).unwrap();
    fs::write(path("lib.zx"), "use \"./deep\" as deep\naction f() { return deep.g() }\n").unwrap();
    fs::write(path("deep.zx"), "action g() { return __MODULE__ }\n").unwrap();
    let loader = || FileLoader::new(Some(&path("main.zx")), &[]);
    let compile = || Program::compile_with(main, "main.zx", &loader()).unwrap();
    let loaded = || cache.load(main, "main.zx", &loader());
    let fresh = |why: &str, expected: &str| {
        assert!(loaded().is_none(), "{why}: a miss");
        assert_eq!(output(&compile()), expected, "{why}");
        assert!(cache.store(&compile()));
        assert_eq!(output(&loaded().unwrap()), expected, "{why}: a hit");
    };
    fresh("cold", "deep\nno\n");
    fs::write(path("deep.zx"), "action g() { return 2 }\n").unwrap();
    fresh("a file's text", "2\nno\n");
    fs::write(path("later.zx"), "print(\"later\")\n").unwrap();
    fresh("a file that was not there", "2\nlater\n");
    fs::rename(path("deep.zx"), path("deeper.zx")).unwrap();
    symlink(path("deeper.zx"), path("deep.zx")).unwrap();
    fresh("the name behind a link", "2\nlater\n");
    fs::remove_file(path("later.zx")).unwrap();
    fs::create_dir(path("later.zx")).unwrap();
    fresh("a folder in its place", "2\nno\n");
    fs::copy(path("deeper.zx"), path("same.zx")).unwrap();
    fs::write(path("lib.zx"), "use \"./same\" as deep\naction f() { return deep.g() }\n").unwrap();
    fresh("another file of the same text", "2\nno\n");
    // What runs is what was checked, whatever becomes of the files afterwards.
    let program = loaded().unwrap();
    fs::write(path("same.zx"), "action g() { return 9 }\n").unwrap();
    assert_eq!(output(&program), "2\nno\n");
}

#[test]
fn a_profile_is_kept_and_no_profile_changes_a_result() {
    let (folder, cache) = cache();
    let before = program();
    assert!(cache.store(&before) && cache.profile(&before).is_none());
    let site = |index: u32, step: u8| SiteProfile {
        action: index.is_multiple_of(2),
        index,
        step,
        break_even: Some(u64::from(index)),
        speedup: Some(f64::from(index)),
        compile_ns: 1,
        saved_ns: u64::MAX,
    };
    let hostile = [0, 1, 2, 7, u32::MAX].into_iter().flat_map(|index| [0, 1, 200].map(|step| site(index, step)));
    let mut profile = TierProfile { sites: hostile.collect() };
    profile.sites.push(SiteProfile { speedup: Some(f64::NAN), break_even: None, compile_ns: u64::MAX, ..site(1, 0) });
    profile.sites.extend((0..20_000).map(|index| site(index, 0)));
    assert!(cache.store_profile(&before, &profile));
    let after = cache.load(PROGRAM, "main.zx", &NoModules).unwrap();
    let kept = cache.profile(&after).unwrap();
    assert_eq!(kept.sites.len(), profile.sites.len());
    let right = output(&before);
    for program in [&before, &after] {
        let options = RunOptions { output: OutputSink::Capture, ..RunOptions::default() };
        let mut isolate = Isolate::new(&Engine::new(Mode::Adaptive), program, options);
        isolate.use_tier_profile(&kept);
        assert!(isolate.run_once().failure.is_none());
        assert_eq!(isolate.captured_output(), right);
    }
    assert!(!cache.store_profile(&before, &TierProfile::default()), "nothing learnt");
    // Damaged, it is none.
    for entry in fs::read_dir(folder.path().join("zx-run")).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.file_name().unwrap().len() == 40 {
            let mut bytes = fs::read(&entry).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&entry, bytes).unwrap();
        }
    }
    assert!(cache.profile(&before).is_none());
}

// ---- files that are not as they were written ----

#[test]
fn every_damage_of_a_file_is_a_miss() {
    let (folder, cache) = cache();
    assert!(cache.store(&program()));
    let path = entry(folder.path());
    let good = fs::read(&path).unwrap();
    let is_miss = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        assert!(cache.load(PROGRAM, "main.zx", &NoModules).is_none(), "{what}");
    };
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        is_miss(&bytes, &format!("byte {at} flipped"));
    }
    for length in 0..good.len() {
        is_miss(&good[..length], &format!("cut to {length}"));
    }
    is_miss(&[&good[..], b"x"].concat(), "one byte more");
    let (other_folder, other) = self::cache();
    assert!(other.store(&program()));
    is_miss(&fs::read(entry(other_folder.path())).unwrap(), "a file with another user's key");
    println!("{} flips and {} truncations: misses", good.len(), good.len());
    fs::write(&path, &good).unwrap();
    assert_eq!(output(&cache.load(PROGRAM, "main.zx", &NoModules).unwrap()), output(&program()));
}

#[test]
fn what_is_no_file_of_the_users_own_is_a_miss() {
    let (folder, cache) = cache();
    assert!(cache.store(&program()));
    let path = entry(folder.path());
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert!(cache.load(PROGRAM, "main.zx", &NoModules).is_none(), "a link");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(cache.load(PROGRAM, "main.zx", &NoModules).is_none(), "a folder");
    fs::remove_dir(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(cache.load(PROGRAM, "main.zx", &NoModules).is_none(), "a pipe without a writer");
    fs::remove_file(&path).unwrap();
    fs::hard_link(&elsewhere, &path).unwrap();
    assert!(cache.load(PROGRAM, "main.zx", &NoModules).is_some());
    fs::write(folder.path().join("zx-run/key"), "short").unwrap();
    assert!(cache.load(PROGRAM, "main.zx", &NoModules).is_none(), "a key that is none");
    assert!(cache.store(&program()), "a new key");
    assert!(cache.load(PROGRAM, "main.zx", &NoModules).is_some());
}

#[test]
fn a_folder_that_is_not_the_users_own_is_not_used() {
    let base = tempfile::tempdir().unwrap();
    let own = base.path().join("zx-run");
    let mode = |mode: u32| fs::set_permissions(&own, fs::Permissions::from_mode(mode)).unwrap();
    assert!(Directory::open(base.path()).is_some());
    assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o700);
    for open in [0o755, 0o770, 0o701] {
        mode(open);
        assert!(Directory::open(base.path()).is_none(), "{open:o}");
    }
    mode(0o700);
    // Another user's, where this one may give it away.
    if std::os::unix::fs::chown(&own, Some(1), None).is_ok() {
        assert!(Directory::open(base.path()).is_none(), "another user's");
        std::os::unix::fs::chown(&own, Some(0), None).unwrap();
    }
    fs::rename(&own, base.path().join("moved")).unwrap();
    symlink(base.path().join("moved"), &own).unwrap();
    assert!(Directory::open(base.path()).is_none(), "a link");
    fs::remove_file(&own).unwrap();
    fs::write(&own, "").unwrap();
    assert!(Directory::open(base.path()).is_none(), "a file");
    assert!(Directory::open(Path::new("/proc")).is_none(), "where nothing can be made");
}

#[test]
fn the_oldest_files_go_first() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open_with(base.path(), 4000).unwrap();
    let identity = |number: u8| Identity::new(Kind::Program, [number; 32], 0);
    let age = |number: u8, seconds: u64| {
        let file = fs::File::options().append(true).open(directory.folder().join(identity(number).name())).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    };
    for (number, seconds) in [(1, 300), (2, 500), (3, 100)] {
        assert!(directory.store(&identity(number), &[number; 1000]));
        age(number, seconds);
    }
    assert_eq!(directory.contents().files, 3);
    assert!(directory.store(&identity(4), &[4; 1000]));
    let there = |number: u8| directory.load(&identity(number)).is_some();
    assert_eq!([1, 2, 3, 4].map(there), [true, false, true, true]);
    assert!(directory.store(&identity(5), &[5; 3500]));
    assert_eq!([1, 3, 4, 5].map(there), [false, false, false, true]);
    // What others left unfinished goes when it is old.
    for (name, seconds) in [(".new-1-x", 10), (".new-2-x", 10_000)] {
        let file = fs::File::create(directory.folder().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }
    assert!(directory.store(&identity(6), &[6; 10]));
    assert!(directory.folder().join(".new-1-x").exists() && !directory.folder().join(".new-2-x").exists());
    assert_eq!(directory.clear(), 2);
    assert_eq!(fs::read_dir(directory.folder()).unwrap().count(), 0);
}

// ---- as a user meets it ----

struct Runs {
    place: Place,
}

impl Runs {
    fn new(source: &str) -> Self {
        let place = Place::new();
        place.file("main.zx", source);
        Self { place }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.env("ZX_CACHE", "always").env("ZX_CACHE_DIR", self.place.folder.path().join("cache"));
        command
    }

    #[track_caller]
    fn says(&self, arguments: &[&str], parts: &[&str]) -> Said {
        let said = said(&mut self.command(arguments));
        for part in parts {
            assert!(said.err.contains(part), "no {part:?} in {said:?}");
        }
        said
    }
}

#[test]
fn the_second_run_parses_nothing_and_says_the_same() {
    for source in [PROGRAM, FAILING] {
        let runs = Runs::new(source);
        let plain = said(&mut runs.place.command(&["main.zx"]));
        let stats = ["--stats", "--cache-stats", "main.zx"];
        let first = runs.says(&stats, &["texts parsed        1\n", "cache               miss, stored"]);
        let second = runs.says(&stats, &["texts parsed        0\n", "cache               hit", "load from cache"]);
        let bare = runs.says(&["main.zx"], &[]);
        assert_eq!((plain.status, &plain.out, &plain.err), (bare.status, &bare.out, &bare.err));
        for said in [first, second] {
            assert_eq!((said.status, &said.out), (plain.status, &plain.out));
            assert!(said.err.contains(&plain.err), "{said:?}");
        }
        runs.says(&["--explain", "main.zx"], &["loaded from the cache"]);
        runs.says(&["--no-cache", "--cache-stats", "main.zx"], &["cache               off\n"]);
        runs.says(&["--profile", "--cache-stats", "main.zx"], &["cache               off\n"]);
        let off = said(runs.command(&["--cache-stats", "main.zx"]).env("ZX_CACHE", "off"));
        assert!(off.err.contains("cache               off\n"), "{off:?}");
    }
}

#[test]
fn stats_and_clear_stand_alone() {
    let runs = Runs::new("print(1)\n");
    runs.says(&["main.zx"], &[]);
    assert!(runs.says(&["--cache-stats"], &[]).out.contains("cache files         1\n"));
    assert!(runs.says(&["--cache-clear"], &[]).out.starts_with("1 files removed"));
    assert!(runs.says(&["--cache-stats"], &[]).out.contains("cache files         0\n"));
    // Without `always` a small program leaves nothing.
    let said = said(runs.command(&["--cache-stats", "main.zx"]).env_remove("ZX_CACHE"));
    assert!(said.err.contains("miss, not stored") && said.err.contains("cache files         0\n"), "{said:?}");
}

#[test]
fn a_folder_that_cannot_be_written_changes_nothing() {
    let runs = Runs::new(PROGRAM);
    let plain = said(&mut runs.place.command(&["main.zx"]));
    let own = runs.place.folder.path().join("cache/zx-run");
    let same = |how: &str, command: &mut Command| {
        let said = said(command);
        assert_eq!((said.status, &said.out, &said.err), (plain.status, &plain.out, &plain.err), "{how}");
    };
    same("a base that cannot be", runs.command(&["main.zx"]).env("ZX_CACHE_DIR", "/proc/none"));
    same(
        "an empty name",
        runs.command(&["main.zx"]).env("ZX_CACHE_DIR", "").env("XDG_CACHE_HOME", "relative").env_remove("HOME"),
    );
    // A file that may not grow: every write fails in the middle, as on a full disk.
    let limited = |blocks: &str| {
        let mut command = Command::new("bash");
        let text = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" main.zx");
        let zx = runs.place.command(&[]).get_program().to_owned();
        command.args(["-c", &text]).arg(zx).current_dir(runs.place.folder.path()).stdin(Stdio::null());
        command.env("ZX_CACHE", "always").env("ZX_CACHE_DIR", runs.place.folder.path().join("cache"));
        command
    };
    same("a full disk", &mut limited("1"));
    let left: Vec<String> =
        fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| name == "key"), "nothing half written stays: {left:?}");
    fs::create_dir_all(&own).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o500)).unwrap();
    same("a folder that may only be read", &mut runs.command(&["main.zx"]));
    fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).unwrap();
    same("first", &mut runs.command(&["main.zx"]));
    fs::set_permissions(&own, fs::Permissions::from_mode(0o500)).unwrap();
    same("a hit in it", &mut runs.command(&["main.zx"]));
    fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn fifty_processes_at_once() {
    let runs = Runs::new(PROGRAM);
    let plain = said(&mut runs.place.command(&["main.zx"]));
    let start = |_| runs.command(&["main.zx"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = (0..50).map(start).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), plain.out);
        assert!(output.stderr.is_empty());
    }
    runs.says(&["--cache-stats", "main.zx"], &["cache               hit"]);
    let names = fs::read_dir(runs.place.folder.path().join("cache/zx-run")).unwrap();
    let unfinished = |name: String| name.starts_with('.');
    let names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.len() <= 3 && !names.into_iter().any(unfinished), "a key, a program, perhaps a profile");
}

#[test]
fn killed_while_writing() {
    let mut long = String::new();
    for n in 0..3_000 {
        writeln!(long, "action f{n}(x) {{ return x * {n} + {} }}", n + 1).unwrap();
    }
    let runs = Runs::new(&format!("{long}print(f7(1))\nprint(\"done\")\n"));
    let mut hits = 0;
    for round in 0..12 {
        let mut child = runs.command(&["main.zx"]).stdout(Stdio::piped()).spawn().unwrap();
        // The last words of the program: what follows is the writing.
        let mut out = child.stdout.take().unwrap();
        let mut said_all = Vec::new();
        while !said_all.ends_with(b"done\n") {
            let mut byte = [0];
            std::io::Read::read_exact(&mut out, &mut byte).unwrap();
            said_all.push(byte[0]);
        }
        std::thread::sleep(Duration::from_micros(300 * round * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let said = said(runs.command(&["--cache-stats", "main.zx"]).env_remove("ZX_CACHE"));
        assert_eq!((said.status, said.out.as_str()), (Some(0), "15\ndone\n"));
        hits += u32::from(said.err.contains("cache               hit"));
        if round % 3 == 0 {
            fs::remove_dir_all(runs.place.folder.path().join("cache")).unwrap();
        }
    }
    println!("12 kills, {hits} hits afterwards");
}

// ---- code that was tampered with, under a right checksum ----

/// Ends runs that take too long: a thread for all of them, because each mutant has a run of its own.
struct Watchdog {
    run: Arc<Mutex<Option<(Instant, InterruptHandle)>>>,
}

/// Longer than any mutant may run; with a second for the machine's other work.
const PATIENCE: Duration = Duration::from_millis(300);

impl Watchdog {
    fn start() -> Self {
        let run = Arc::new(Mutex::new(None::<(Instant, InterruptHandle)>));
        let watched = run.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(20));
                if let Some((since, handle)) = &*watched.lock().unwrap()
                    && since.elapsed() > PATIENCE
                {
                    handle.time_out();
                }
            }
        });
        Self { run }
    }

    /// Runs a program with little gas, and gives how it ended.
    fn run(&self, program: &Arc<Program>) -> String {
        let options = RunOptions {
            output: OutputSink::Capture,
            gas_limit: Some(100_000),
            alloc_limit: Some(4 << 20),
            memory_limit: Some(256 << 20),
            seed: Some(42),
            ..RunOptions::default()
        };
        let mut isolate = Isolate::new(&Engine::new(Mode::Adaptive), program, options);
        isolate.keep_events();
        *self.run.lock().unwrap() = Some((Instant::now(), isolate.interrupt_handle()));
        let result = isolate.run();
        *self.run.lock().unwrap() = None;
        isolate.state_root();
        let end = result.failure.map_or_else(|| "ended".to_owned(), |failure| format!("{:?}", failure.kind));
        format!("{end}\n{}", isolate.captured_output())
    }
}

/// A change of a program's bytes.
fn mutate(random: &mut ChaCha8Rng, content: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    let below = |random: &mut ChaCha8Rng, bound: usize| random.next_u64() as usize % bound.max(1);
    let at = below(random, bytes.len());
    match random.next_u32() % 12 {
        0 => bytes[at] = 0,
        1 => bytes[at] = 0xff,
        2 => bytes[at] = [0x7f, 0x80, 1, 0xfe][below(random, 4)],
        3 => bytes.truncate(at),
        4 => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[below(random, other.len())..]);
        }
        5 => {
            let end = (at + 1 + below(random, 16)).min(bytes.len());
            random.fill_bytes(&mut bytes[at..end]);
        }
        // A stretch, such as an instruction or two, from another place.
        6 => {
            let length = 8.min(bytes.len() - at);
            let from = below(random, bytes.len() - length + 1);
            bytes.copy_within(from..from + length, at);
        }
        7 => {
            bytes.remove(at);
        }
        8 => bytes.insert(at, random.next_u32() as u8),
        // Small steps: other registers, other numbers.
        9 => bytes[at] = bytes[at].wrapping_add(1),
        10 => bytes[at] = bytes[at].wrapping_sub(1),
        _ => bytes[at] ^= 1 << (random.next_u32() % 8),
    }
    bytes
}

/// One program of the corpus: its case's name, source, content, and what its mutants may ask for.
struct Subject {
    name: String,
    source: String,
    content: Vec<u8>,
}

impl Subject {
    fn load(&self, content: Vec<u8>) -> Option<Arc<Program>> {
        let loader = FileLoader::new(Some(&folder().join(&self.name)), &[]);
        Program::of_stored(content, &self.source, &self.name, &loader)
    }
}

/// Cases that together use every operation, small first: so that many mutants hit something that runs.
fn subjects() -> Vec<Subject> {
    let subject = |(name, source): (String, String)| {
        let content = compiled(&source, &name).to_stored()?;
        // What waits for input or for long would be told apart from a hang by nobody.
        let calls = |word: &str| source.contains(word);
        let is_fit = content.len() < 20_000 && !calls("sleep(") && !calls("input(");
        is_fit.then_some(Subject { name, source, content })
    };
    let mut all: Vec<Subject> = cases().into_iter().filter_map(subject).collect();
    let own = Subject { name: "main.zx".into(), source: PROGRAM.into(), content: program().to_stored().unwrap() };
    all.insert(0, own);
    all
}

/// Only as a process of its own, which [`hostile_programs_are_refused_or_run_in_safety`] starts: mutants may call
/// any builtin, so its folder is its own, and a crash of it can be told.
#[test]
fn hostile_inner() {
    let Ok(count) = std::env::var("ZX_CACHE_INNER") else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (count, seed) = (count.parse::<u64>().unwrap(), number("ZX_CACHE_SEED").unwrap_or(1));
    std::panic::set_hook(Box::new(|info| println!("PANIC {info}")));
    let subjects = subjects();
    let watchdog = Watchdog::start();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    let mut problems = Vec::new();
    let right: Vec<String> =
        subjects.iter().map(|subject| watchdog.run(&subject.load(subject.content.clone()).unwrap())).collect();
    for index in 0..count {
        let at = random.next_u64() as usize % subjects.len();
        let other = &subjects[random.next_u64() as usize % subjects.len()];
        let subject = &subjects[at];
        let mut content = mutate(&mut random, &subject.content, &other.content);
        if random.next_u32().is_multiple_of(4) && !content.is_empty() {
            content = mutate(&mut random, &content, &other.content);
        }
        // What is being tried, should it end the process.
        fs::write("last", &content).unwrap();
        fs::write("last-of", &subject.name).unwrap();
        let started = Instant::now();
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            subject.load(content.clone()).map(|program| watchdog.run(&program))
        }));
        let end = match tried {
            Ok(None) => "a miss",
            Ok(Some(said)) if said == right[at] => "ran, with the right result",
            Ok(Some(_)) => "ran, meaning something else",
            Err(_) => {
                let kept = format!("panic-{index}");
                fs::write(&kept, &content).unwrap();
                problems.push(format!("{} mutant {index}: panicked; kept as {kept}", subject.name));
                "panicked"
            }
        };
        *watchdog.run.lock().unwrap() = None;
        if started.elapsed() > Duration::from_secs(20) {
            problems.push(format!("{} mutant {index}: took {:?}", subject.name, started.elapsed()));
        }
        *ends.entry(end).or_default() += 1;
    }
    println!("{} programs, {count} mutants of seed {seed}: {ends:?}", subjects.len());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn hostile_programs_are_refused_or_run_in_safety() {
    let count = std::env::var("ZX_CACHE_FUZZ").unwrap_or_else(|_| "2500".to_owned());
    let place = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["hostile_inner", "--exact", "--nocapture"])
        .env("ZX_CACHE_INNER", count)
        .current_dir(place.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{out}");
    if !output.status.success() {
        let kept = place.keep();
        panic!("{}; the mutants are in {}\n{out}\n{err}", output.status, kept.display());
    }
}

/// Mutants that found something once: `tests/stored/NAME.bin` is a change of the case that the file
/// `NAME.case` names.
#[test]
fn corpus() {
    let watchdog = Watchdog::start();
    let files = fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stored")).unwrap();
    let mut tried = 0;
    for path in files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "bin"))
    {
        let name = fs::read_to_string(path.with_extension("case")).unwrap().trim().to_owned();
        let source =
            if name == "main.zx" { PROGRAM.to_owned() } else { fs::read_to_string(folder().join(&name)).unwrap() };
        let subject = Subject { name, source, content: fs::read(&path).unwrap() };
        if let Some(program) = subject.load(subject.content.clone()) {
            watchdog.run(&program);
        }
        tried += 1;
    }
    assert!(tried > 0, "no corpus");
}

/// Every byte of one program to each of a few extremes, each length, and text that is none.
#[test]
fn each_byte_to_its_extremes() {
    let subject = Subject { name: "main.zx".into(), source: PROGRAM.into(), content: program().to_stored().unwrap() };
    let watchdog = Watchdog::start();
    let (mut misses, mut runs) = (0, 0);
    let mut attempt = |content: Vec<u8>| match subject.load(content) {
        None => misses += 1,
        Some(program) => {
            watchdog.run(&program);
            runs += 1;
        }
    };
    for at in 0..subject.content.len() {
        attempt(subject.content[..at].to_vec());
        for value in [0, 0xff] {
            let mut content = subject.content.clone();
            content[at] = value;
            attempt(content);
        }
    }
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for length in 0..300 {
        let mut content = vec![0; length];
        random.fill_bytes(&mut content);
        attempt(content);
    }
    println!("{misses} misses, {runs} runs");
    assert!(misses > 1_000 && runs > 100, "{misses} misses, {runs} runs");
}
