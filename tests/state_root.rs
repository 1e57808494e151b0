//! The state root that is kept up to date equals the one made anew, whatever transactions do; and proofs against it
//! are verified by code that shares nothing with the library but BLAKE3.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;
use zx::engine::{BlockSettings, Data, Engine, Isolate, Mode, OutputSink, Program, RunOptions, StateProof};

const STORE: &str = include_str!("common/store.zx");

const KINDS: [&str; 32] = [
    "set", "raise", "move", "delete", "deep", "deep", "replace", "push", "pop", "put", "insert", "mark", "tag", "add",
    "wrong", "careful", "clear", "make", "use", "shared", "churn", "swap", "forget", "row", "row", "unrow", "rerow",
    "fill", "empty", "refill", "keep", "detach",
];

fn store(mode: Mode, collect_always: bool) -> Isolate {
    let program = Program::compile(STORE, "store.zx").unwrap_or_else(|errors| panic!("{}", errors.rendered));
    let options = RunOptions { output: OutputSink::Capture, seed: Some(42), collect_always, ..RunOptions::default() };
    let mut isolate = Isolate::new(&Engine::new(mode), &program, options);
    assert_eq!(isolate.run().failure, None);
    isolate.seal();
    isolate
}

fn text(text: &str) -> Data {
    Data::Str(text.into())
}

fn tx(what: &str, a: &str, b: &str, n: i64) -> Data {
    let fields = [("do", text(what)), ("a", text(a)), ("b", text(b)), ("n", Data::Int(n))];
    Data::Map(fields.into_iter().map(|(key, value)| (text(key), value)).collect())
}

fn block(isolate: &mut Isolate, number: u64, transactions: &[Data]) {
    let ready = isolate.prepare(transactions);
    let settings = BlockSettings {
        block_number: number,
        first_index: number * 100,
        gas_limit: 20_000,
        ..BlockSettings::default()
    };
    isolate.execute(&ready, &settings);
}

fn any_transaction() -> impl Strategy<Value = Data> {
    let names = ["a", "b", "c"];
    (0..KINDS.len(), 0..names.len(), 0..names.len(), 0_i64..4)
        .prop_map(move |(kind, a, b, n)| tx(KINDS[kind], names[a], names[b], n))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn kept_up_to_date_it_equals_the_rebuilt_root(
        blocks in prop::collection::vec(prop::collection::vec(any_transaction(), 0..25), 1..8),
        collect_always in any::<bool>(),
    ) {
        let mut isolate = store(Mode::Vm, collect_always);
        prop_assert_eq!(isolate.state_root(), isolate.rebuilt_state_root());
        for (number, transactions) in blocks.iter().enumerate() {
            block(&mut isolate, number as u64, transactions);
            prop_assert_eq!(isolate.state_root(), isolate.rebuilt_state_root(), "after block {}", number);
        }
        // A tree made anew of what stands now has as many leaves.
        let kept = isolate.state_tree_size().unwrap().leaves;
        isolate.seal();
        isolate.state_root();
        prop_assert_eq!(isolate.state_tree_size().unwrap().leaves, kept);
    }
}

#[test]
fn its_cost_follows_what_was_touched() {
    let mut isolate = store(Mode::Vm, false);
    let names: Vec<String> = (0..3_000).map(|at| format!("n{at}")).collect();
    let mint: Vec<Data> = names.iter().map(|name| tx("set", name, "", 1)).collect();
    block(&mut isolate, 0, &mint);
    isolate.state_root();
    assert!(isolate.state_tree_size().unwrap().last_changes >= 3_000);
    block(&mut isolate, 100, &[tx("move", "n1", "n2", 0), tx("push", "", "", 7)]);
    let root = isolate.state_root();
    // Two entries; the list's own leaf and its new element.
    assert_eq!(isolate.state_tree_size().unwrap().last_changes, 4);
    assert_eq!(root, isolate.rebuilt_state_root());
    block(&mut isolate, 101, &[tx("wrong", "n1", "", 0)]);
    assert_eq!(isolate.state_root(), root);
    assert_eq!(isolate.state_tree_size().unwrap().last_changes, 0, "a failed transaction touches nothing");
}

/// A verifier of its own, from `docs/state-proofs.md` and BLAKE3 alone: what the proof shows, or an error if
/// it shows nothing.
fn verified(root: [u8; 32], path: &[u8], proof: &StateProof) -> Result<Option<(u64, Vec<u8>)>, &'static str> {
    let hash = |parts: &[&[u8]]| -> [u8; 32] { blake3::hash(&parts.concat()).into() };
    let position = hash(&[path]);
    let end = match &proof.end {
        None => [0; 32],
        Some((at, content)) => hash(&[at, content]),
    };
    let shown = match (&proof.leaf, &proof.end) {
        (Some((number, value)), Some((at, content))) => {
            let length = (path.len() as u64).to_le_bytes();
            if *at != position || *content != hash(&[&length, path, &number.to_le_bytes(), value]) {
                return Err("it does not hold together");
            }
            Some((*number, value.clone()))
        }
        (Some(_), None) => return Err("it does not hold together"),
        (None, Some((at, _))) if *at == position => return Err("it does not hold together"),
        (None, _) => None,
    };
    let mut below = end;
    for (depth, children) in proof.levels.iter().enumerate().rev() {
        let byte = position[depth / 2];
        let nibble = if depth % 2 == 0 { byte >> 4 } else { byte & 15 };
        if children[usize::from(nibble)] != below {
            return Err("it does not hold together");
        }
        below = hash(&[&children.concat()]);
    }
    // A leaf that stands for another place must stand on this one's way.
    let on_the_way = proof.end.as_ref().is_none_or(|(at, _)| {
        (0..proof.levels.len()).all(|depth| {
            let half =
                |position: &[u8; 32]| if depth % 2 == 0 { position[depth / 2] >> 4 } else { position[depth / 2] & 15 };
            half(at) == half(&position)
        })
    });
    if below == root && on_the_way { Ok(shown) } else { Err("it does not lead to the root") }
}

/// Canonical bytes of a small integer: type 3, length, decimal digits.
fn integer(n: i64) -> Vec<u8> {
    let digits = n.to_string();
    [&[3][..], &(digits.len() as u64).to_le_bytes(), digits.as_bytes()].concat()
}

#[test]
fn proofs_of_presence_and_absence_are_verified_by_independent_code() {
    let mut isolate = store(Mode::Vm, false);
    let names: Vec<String> = (0..200).map(|at| format!("n{at}")).collect();
    let mint: Vec<Data> = names.iter().zip(0..).map(|(name, at)| tx("set", name, "", at)).collect();
    block(&mut isolate, 0, &mint);
    block(&mut isolate, 10, &[tx("deep", "a", "b", 5), tx("delete", "n7", "", 0)]);
    let root = isolate.state_root();
    for (name, at) in names.iter().zip(0_i64..) {
        let proof = isolate.prove_state("Store", 0, "numbers", &[text(name)]).unwrap();
        let expected = (at != 7).then(|| (at as u64, integer(at)));
        assert_eq!(verified(root, &proof.path, &proof), Ok(expected), "{name}");
    }
    let proof = isolate.prove_state("Store", 0, "nested", &[text("a"), text("b")]).unwrap();
    assert_eq!(verified(root, &proof.path, &proof), Ok(Some((0, integer(5)))));
    let proof = isolate.prove_state("Store", 0, "list", &[Data::Int(9)]).unwrap();
    assert_eq!(verified(root, &proof.path, &proof), Ok(None));
    assert_eq!(isolate.prove_state("Store", 1, "numbers", &[]), None);
    assert_eq!(isolate.prove_state("Store", 0, "total", &[text("a")]), None);
}

#[test]
fn a_changed_proof_shows_nothing() {
    let mut isolate = store(Mode::Vm, false);
    block(&mut isolate, 0, &[tx("set", "a", "", 1), tx("set", "b", "", 2)]);
    let root = isolate.state_root();
    let proof = isolate.prove_state("Store", 0, "numbers", &[text("a")]).unwrap();
    assert!(verified(root, &proof.path, &proof).is_ok());
    let other = isolate.prove_state("Store", 0, "numbers", &[text("b")]).unwrap();
    let absent = isolate.prove_state("Store", 0, "numbers", &[text("c")]).unwrap();
    let mut forged = proof.clone();
    forged.leaf = Some((0, integer(1_000)));
    assert!(verified(root, &proof.path, &forged).is_err(), "another value");
    forged = StateProof { leaf: None, ..proof.clone() };
    assert!(verified(root, &proof.path, &forged).is_err(), "absence of what is there");
    assert!(verified(root, &other.path, &proof).is_err(), "another place");
    forged = StateProof { leaf: proof.leaf.clone(), end: proof.end, ..absent.clone() };
    assert!(verified(root, &absent.path, &forged).is_err(), "presence of what is not there");
    let mut flipped = proof.clone();
    flipped.levels[0][3][0] ^= 1;
    assert!(verified(root, &proof.path, &flipped).is_err(), "a changed branch");
    assert!(verified([7; 32], &proof.path, &proof).is_err(), "another root");
}
