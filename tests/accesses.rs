//! What transactions read and write, as the recording view notes it: exact sets for plain cases, the same in every
//! tier, and enough for what they are for: transactions that do not touch each other's places can change places.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use rand::{Rng, SeedableRng};
use zx::engine::{
    Accesses, BlockSettings, Data, Engine, Isolate, Location, Mode, OutputSink, Program, RecordedBlock, RunOptions,
};

const STORE: &str = include_str!("common/store.zx");

const KINDS: [&str; 39] = [
    "set",
    "raise",
    "move",
    "delete",
    "count",
    "sum",
    "show",
    "deep",
    "look",
    "replace",
    "push",
    "pop",
    "at",
    "put",
    "insert",
    "mark",
    "tag",
    "marks",
    "add",
    "wrong",
    "careful",
    "clear",
    "make",
    "use",
    "read",
    "shared",
    "persist",
    "persisted",
    "churn",
    "swap",
    "forget",
    "row",
    "unrow",
    "rerow",
    "fill",
    "empty",
    "refill",
    "keep",
    "detach",
];

fn store(mode: Mode) -> Isolate {
    let program = Program::compile(STORE, "store.zx").unwrap_or_else(|errors| panic!("{}", errors.rendered));
    let options = RunOptions { output: OutputSink::Capture, seed: Some(42), ..RunOptions::default() };
    let mut isolate = Isolate::new(&Engine::new(mode), &program, options);
    assert_eq!(isolate.run().failure, None);
    isolate.seal();
    isolate
}

fn tx(what: &str, a: &str, b: &str, n: i64) -> Data {
    let text = |text: &str| Data::Str(text.into());
    let fields = [("do", text(what)), ("a", text(a)), ("b", text(b)), ("n", Data::Int(n))];
    Data::Map(fields.into_iter().map(|(key, value)| (text(key), value)).collect())
}

type Receipts = Vec<(u8, u64, Vec<u8>)>;

fn record(mode: Mode, transactions: &[Data]) -> (RecordedBlock, Receipts, [u8; 32]) {
    let mut isolate = store(mode);
    let block = isolate.prepare(transactions);
    let settings = BlockSettings { keep_receipts: true, ..BlockSettings::default() };
    let recorded = isolate.execute_recorded(&block, &settings);
    let receipts = isolate.receipts().iter().map(|r| (r.status as u8, r.gas, r.result.clone())).collect();
    (recorded, receipts, isolate.state_root())
}

fn accesses(transactions: &[Data]) -> Vec<Accesses> {
    record(Mode::Interpreter, transactions).0.accesses
}

fn entries(set: &BTreeSet<Location>) -> usize {
    set.iter().filter(|location| matches!(location, Location::Entry { .. })).count()
}

fn shapes(set: &BTreeSet<Location>) -> usize {
    set.iter().filter(|location| matches!(location, Location::Shape { .. })).count()
}

#[test]
fn a_transfer_reads_and_writes_two_entries() {
    let all = accesses(&[tx("set", "a", "", 50), tx("set", "b", "", 1), tx("move", "a", "b", 5)]);
    assert_eq!((entries(&all[2].reads), entries(&all[2].writes)), (2, 2));
    assert!(all[2].notes.is_empty() && shapes(&all[2].reads) == 0);
    assert_eq!(all[2].reads.iter().filter(|location| matches!(location, Location::Field { .. })).count(), 1);
}

#[test]
fn what_was_undone_is_no_write_but_was_read() {
    let all = accesses(&[tx("wrong", "a", "", 0), tx("careful", "a", "", 0)]);
    assert!(all[0].writes.is_empty() && all[0].notes.is_empty(), "{:?}", all[0]);
    assert_eq!(entries(&all[0].reads), 1);
    // The caller that caught the error wrote one field.
    assert_eq!((entries(&all[1].writes), all[1].writes.len()), (0, 1), "{:?}", all[1]);
}

#[test]
fn mints_do_not_conflict_and_a_count_follows_them() {
    let block = [tx("set", "a", "", 1), tx("set", "b", "", 2), tx("count", "", "", 0), tx("set", "c", "", 3)];
    let (recorded, ..) = record(Mode::Interpreter, &block);
    let graph = recorded.conflicts();
    assert_eq!(graph.edges, [(0, 2), (1, 2)]);
    assert_eq!((graph.critical_transactions, graph.dependent_transactions), (2, 1));
    assert_eq!(graph.total_cost, recorded.result.gas);
}

#[test]
fn who_makes_an_instance_comes_before_who_uses_it() {
    let block = [tx("make", "a", "", 0), tx("use", "a", "", 5), tx("read", "a", "", 0), tx("read", "b", "", 0)];
    let graph = record(Mode::Interpreter, &block).0.conflicts();
    assert_eq!(graph.edges, [(0, 1), (0, 2), (1, 2)]);
}

fn random_block(seed: u64, count: usize) -> Vec<Data> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let names = ["a", "b", "c", "d", "e"];
    let mut one = || {
        let mut name = || names[rng.random_range(0..names.len())];
        let (a, b) = (name(), name());
        tx(KINDS[rng.random_range(0..KINDS.len())], a, b, rng.random_range(0..4))
    };
    (0..count).map(|_| one()).collect()
}

#[test]
fn every_tier_sees_the_same_accesses_and_recording_changes_nothing() {
    for seed in 0..8 {
        let block = random_block(seed, 60);
        let (reference, receipts, root) = record(Mode::Interpreter, &block);
        for mode in [Mode::Vm, Mode::Native, Mode::Fixed(2)] {
            let (recorded, ours, our_root) = record(mode, &block);
            assert_eq!(recorded.accesses, reference.accesses, "{mode:?} seed {seed}");
            assert_eq!((ours, our_root), (receipts.clone(), root), "{mode:?} seed {seed}");
        }
        let mut plain = store(Mode::Vm);
        let ready = plain.prepare(&block);
        let result = plain.execute(&ready, &BlockSettings::default());
        assert_eq!((result, plain.state_root()), (reference.result, root), "seed {seed}: not recorded");
    }
}

#[test]
fn transactions_that_touch_nothing_in_common_can_change_places() {
    let mut swaps = 0;
    for seed in 100..112 {
        let block = random_block(seed, 40);
        let (recorded, receipts, root) = record(Mode::Vm, &block);
        for at in 0..block.len() - 1 {
            let (first, second) = (&recorded.accesses[at], &recorded.accesses[at + 1]);
            let changed = |access: &Accesses| access.writes.union(&access.notes).cloned().collect::<BTreeSet<_>>();
            let (by_first, by_second) = (changed(first), changed(second));
            let apart = by_first.is_disjoint(&by_second)
                && by_first.is_disjoint(&second.reads)
                && by_second.is_disjoint(&first.reads);
            // An instance's address is made of its transaction's ordinal.
            let makes =
                |data: &Data| format!("{data:?}").contains("\"make\"") || format!("{data:?}").contains("\"shared\"");
            if !apart || makes(&block[at]) || makes(&block[at + 1]) {
                continue;
            }
            swaps += 1;
            let mut swapped = block.clone();
            swapped.swap(at, at + 1);
            let (_, mut theirs, their_root) = record(Mode::Vm, &swapped);
            theirs.swap(at, at + 1);
            assert_eq!((&theirs, their_root), (&receipts, root), "seed {seed}: {at} and the next of {block:?}");
        }
    }
    assert!(swaps > 100, "only {swaps} pairs were apart");
}

#[test]
fn entries_are_named_by_their_key() {
    let all = accesses(&[tx("set", "a", "", 1), tx("set", "b", "", 1), tx("set", "a", "", 2)]);
    assert_eq!(entries(&all[0].writes), 1);
    assert!(all[0].writes.is_disjoint(&all[1].writes));
    assert!(all[0].writes.is_subset(&all[2].writes));
    let keys: Vec<_> = all[0].writes.iter().collect();
    let [Location::Entry { key, .. }] = keys.as_slice() else { panic!("{keys:?}") };
    assert_eq!(key.last().unwrap(), &b'a');
}
