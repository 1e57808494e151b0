//! The durable store: killed at any moment it opens at the last committed block, with that block's root; what is
//! damaged, foreign or in use is refused and left as it is. `ZX_KILLS=200` kills more often and prints a table.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the table of kills")]

#[path = "common/load.rs"]
mod load;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use zx::engine::{Isolate, StoreError, check_store, inspect_store};

use load::{OWNER, block, store};

/// The roots of a run that is never killed and keeps nothing.
struct Reference {
    isolate: Isolate,
    roots: Vec<[u8; 32]>,
}

impl Reference {
    fn new() -> Self {
        Self { isolate: store(), roots: Vec::new() }
    }

    fn root(&mut self, number: u64) -> [u8; 32] {
        while self.roots.len() as u64 <= number {
            self.roots.push(block(&mut self.isolate, self.roots.len() as u64));
        }
        self.roots[number as usize]
    }
}

/// A store with so many blocks.
fn written(path: &Path, blocks: u64) {
    let mut isolate = store();
    assert_eq!(isolate.open_store(path, &OWNER, false).unwrap(), None);
    for number in 0..blocks {
        let root = block(&mut isolate, number);
        isolate.commit_block(number, &root).unwrap();
    }
}

#[test]
fn it_holds_the_last_block_and_its_root() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let mut reference = Reference::new();
    for blocks in 1..12 {
        std::fs::remove_file(&path).ok();
        written(&path, blocks);
        let last = inspect_store(&path).unwrap().unwrap();
        assert_eq!((last.number, last.root), (blocks - 1, reference.root(blocks - 1)));
    }
    // A second run over the same file begins anew, and replaces what is there.
    let last = inspect_store(&path).unwrap();
    let mut isolate = store();
    assert_eq!(isolate.open_store(&path, &OWNER, true).unwrap(), last);
    let root = block(&mut isolate, 0);
    isolate.commit_block(0, &root).unwrap();
    drop(isolate);
    let first = inspect_store(&path).unwrap().unwrap();
    assert_eq!((first.number, first.root), (0, reference.root(0)));
}

/// The load, built by `cargo test` beside this test, or else now.
fn load_program() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let path = this.ancestors().nth(2).expect("deps stands in the profile's folder").join("examples/store_load");
    if !path.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--example", "store_load"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().unwrap().success());
    }
    assert!(path.exists(), "{} was not built", path.display());
    path
}

fn start(path: &Path, syncs: bool) -> Child {
    let mut command = Command::new(load_program());
    command.arg(path).arg(if syncs { "every" } else { "never" });
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Kills a load at a moment that nobody chose. Gives when that was and the last block that it said.
fn killed(path: &Path, syncs: bool, from_the_start: bool, wait: Duration) -> (Duration, Option<u64>) {
    let begin = Instant::now();
    let mut child = start(path, syncs);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    if !from_the_start {
        said.read_line(&mut text).unwrap();
    }
    std::thread::sleep(wait);
    child.kill().unwrap();
    let at = begin.elapsed();
    child.wait().unwrap();
    let whole = |line: &String| line.ends_with('\n');
    let mut last = None;
    loop {
        let number = text.trim().strip_prefix("committed ").and_then(|number| number.parse().ok());
        last = number.filter(|_| whole(&text)).or(last);
        text.clear();
        if said.read_line(&mut text).unwrap() == 0 {
            return (at, last);
        }
    }
}

#[test]
fn killed_at_any_moment_it_opens_at_the_last_committed_block() {
    let kills: u64 = std::env::var("ZX_KILLS").map_or(8, |kills| kills.parse().expect("ZX_KILLS is a number"));
    let folder = tempfile::tempdir().unwrap();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(kills);
    let mut reference = Reference::new();
    println!("kill  sync   killed after  blocks said  block in store  root   opened in");
    let mut most = 0;
    for kill in 0..kills {
        let path = folder.path().join(format!("killed-{kill}.redb"));
        // One in four as soon as it has started, the others under way.
        let (syncs, from_the_start) = (kill % 2 == 0, kill % 4 == 3);
        let wait = Duration::from_micros(rng.random_range(0..60_000));
        let (at, said) = killed(&path, syncs, from_the_start, wait);
        let begin = Instant::now();
        let found = if path.exists() {
            inspect_store(&path).unwrap_or_else(|error| panic!("kill {kill}: {error}"))
        } else {
            None
        };
        let opened = begin.elapsed();
        // The next one may have been committed and not yet said.
        let next = said.map_or(0, |said| said + 1);
        let is_last = match (found, said) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(found), said) => Some(found.number) == said || found.number == next,
        };
        assert!(is_last, "kill {kill}: {found:?} in the store, {said:?} said");
        if let Some(found) = found {
            assert_eq!(found.root, reference.root(found.number), "kill {kill} at block {}", found.number);
        }
        let shown = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| (number + 1).to_string());
        println!(
            "{kill:>4}  {:<5}  {:>9.1} ms  {:>11}  {:>14}  {:<5}  {:>6.2} ms",
            if syncs { "every" } else { "never" },
            at.as_secs_f64() * 1e3,
            shown(said),
            shown(found.map(|found| found.number)),
            if found.is_some() { "equal" } else { "-" },
            opened.as_secs_f64() * 1e3,
        );
        // It can be gone on with.
        let mut isolate = store();
        assert_eq!(isolate.open_store(&path, &OWNER, false).unwrap(), found);
        let root = block(&mut isolate, 0);
        isolate.commit_block(0, &root).unwrap();
        most = most.max(found.map_or(0, |found| found.number + 1));
    }
    println!("{kills} kills: each store opened at its last committed block with that block's root; most {most} blocks");
}

/// Opens, checks and inspects a file that must be refused; gives the message.
fn refused(path: &Path, name: &str) -> String {
    let before = std::fs::read(path).unwrap();
    let error = store().open_store(path, &OWNER, false).expect_err(name);
    assert!(check_store(path, &OWNER).is_err(), "{name}");
    assert!(std::fs::read(path).unwrap() == before, "{name}: the file was changed");
    error.to_string()
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    written(&path, 5);
    let whole = std::fs::read(&path).unwrap();
    let flip = |needle: &[u8]| {
        let mut flipped = whole.clone();
        let places = whole.windows(needle.len()).enumerate().filter(|(_, window)| *window == needle);
        let places: Vec<usize> = places.map(|(at, _)| at).collect();
        assert!(!places.is_empty());
        for at in places {
            flipped[at] ^= 4;
        }
        flipped
    };
    for (name, bytes, said) in [
        ("text", b"balances of everybody\n".repeat(400), "not a ledger store"),
        ("short text", b"hello".to_vec(), "too short to be a ledger store"),
        ("nothing", Vec::new(), "too short to be a ledger store"),
        ("zeros", vec![0; 70_000], "not a ledger store"),
        ("cut in half", whole[..whole.len() / 2].to_vec(), "is damaged"),
        ("cut behind the header", whole[..4096].to_vec(), "is damaged"),
        ("cut short", whole[..100].to_vec(), "is damaged"),
        ("a leaf flipped", flip(b"\x01\0\0\0\0\0\0\0"), "is damaged"),
        ("a key flipped", flip(b"n1"), "is damaged"),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let text = refused(&path, name);
        assert!(text.contains(said) && text.contains("it was left as it is"), "{name}: {text}");
        assert!(inspect_store(&path).is_err(), "{name}");
    }
    std::fs::remove_file(&path).unwrap();
    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<u64, u64>::new("other")).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(refused(&path, "a database of something else").contains("something else, not a ledger store"));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(store().open_store(&path, &OWNER, false).is_err());
}

#[test]
fn a_single_flipped_bit_is_found_or_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    written(&path, 4);
    let whole = std::fs::read(&path).unwrap();
    let last = inspect_store(&path).unwrap();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(11);
    // All of the header, some of the rest.
    let rest: Vec<(usize, u8)> = (0..200).map(|_| (rng.random_range(0..whole.len()), rng.random_range(0..8))).collect();
    let header = (0..320).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    let mut found = 0;
    for (at, bit) in header.chain(rest) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << bit;
        std::fs::write(&path, &flipped).unwrap();
        match inspect_store(&path) {
            Ok(read) => assert_eq!(read, last, "bit {bit} of byte {at}: a changed store passes for another"),
            Err(_) => found += 1,
        }
        assert!(std::fs::read(&path).unwrap() == flipped, "the file was changed");
    }
    assert!(found > 500, "only {found} flipped bits were found");
}

#[test]
fn a_second_process_and_another_owner_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let mut child = start(&path, false);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    said.read_line(&mut String::new()).unwrap();
    let second = store().open_store(&path, &OWNER, false);
    let looked = inspect_store(&path);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(matches!(second, Err(StoreError::InUse(_))), "{second:?}");
    assert!(matches!(looked, Err(StoreError::InUse(_))), "{looked:?}");
    assert!(second.unwrap_err().to_string().contains("in use by another process"));
    let before = std::fs::read(&path).unwrap();
    let other = store().open_store(&path, &[8; 32], false);
    assert!(matches!(other, Err(StoreError::Other(..))), "{other:?}");
    assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
    assert!(matches!(inspect_store(&folder.path().join("none")), Err(StoreError::System(..))));
    let missing = store().open_store(&folder.path().join("no/ledger.redb"), &OWNER, false).unwrap_err().to_string();
    assert!(missing.contains("there is no folder"), "{missing}");
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["ledger.redb"], "what was refused leaves nothing behind");
}
