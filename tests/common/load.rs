//! The load that the tests of the durable store kill: blocks of random transactions over one contract. Block N is the
//! same in every run, so a run that is never killed gives the root that a killed one must have.

use rand::{Rng, SeedableRng};
use zx::engine::{BlockSettings, Data, Engine, Isolate, Mode, OutputSink, Program, RunOptions};

const STORE: &str = include_str!("store.zx");
const KINDS: [&str; 16] = [
    "set", "raise", "delete", "deep", "replace", "push", "pop", "insert", "tag", "wrong", "make", "churn", "swap",
    "forget", "detach", "clear",
];
/// Whose stores these are.
pub(crate) const OWNER: [u8; 32] = [7; 32];

/// An isolate after set-up, sealed, without a store.
pub(crate) fn store() -> Isolate {
    let program = Program::compile(STORE, "store.zx").unwrap_or_else(|errors| panic!("{}", errors.rendered));
    let options = RunOptions { output: OutputSink::Digest, seed: Some(42), ..RunOptions::default() };
    let mut isolate = Isolate::new(&Engine::new(Mode::Vm), &program, options);
    assert_eq!(isolate.run().failure, None);
    isolate.seal();
    isolate
}

/// Executes a block and gives the root after it.
pub(crate) fn block(isolate: &mut Isolate, number: u64) -> [u8; 32] {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(number);
    let text = |text: String| Data::Str(text.into());
    let mut one = || {
        let what = KINDS[rng.random_range(0..KINDS.len())].to_owned();
        let mut name = || format!("n{}", rng.random_range(0..40));
        let (a, b) = (name(), name());
        let fields = [("do", text(what)), ("a", text(a)), ("b", text(b)), ("n", Data::Int(rng.random_range(0..9)))];
        Data::Map(fields.into_iter().map(|(key, value)| (text(key.to_owned()), value)).collect())
    };
    let transactions: Vec<Data> = (0..40).map(|_| one()).collect();
    let ready = isolate.prepare(&transactions);
    let settings = BlockSettings { block_number: number, first_index: number * 40, ..BlockSettings::default() };
    isolate.execute(&ready, &settings);
    isolate.state_root()
}
