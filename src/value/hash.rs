//! The hashes of map keys. One random seed a process: a program cannot aim at it, and nothing it can observe
//! depends on it, because maps keep insertion order.

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use foldhash::quality::RandomState;

/// What is drawn once a process.
struct Seed {
    text: RandomState,
    immediate: u64,
}

fn seed() -> &'static Seed {
    static SEED: OnceLock<Seed> = OnceLock::new();
    SEED.get_or_init(|| {
        let text = RandomState::default();
        let immediate = text.hash_one(0x5eed_u64);
        Seed { text, immediate }
    })
}

/// The hash of a string's bytes: never 0, which stands for "not yet computed".
pub fn hash_text(text: &str) -> u32 {
    let mut hasher = seed().text.build_hasher();
    hasher.write(text.as_bytes());
    let hash = hasher.finish();
    ((hash ^ (hash >> 32)) as u32).max(1)
}

/// The process's seed for integer and boolean keys; maps keep a copy beside their index.
pub(super) fn immediate_seed() -> u64 {
    seed().immediate
}

/// The hash of an integer's or boolean's payload: a folded 128-bit product, as foldhash and wyhash do.
#[inline(always)]
pub(super) fn hash_immediate(payload: u64, seed: u64) -> u32 {
    let product = u128::from(payload ^ seed) * u128::from(0x9e37_79b9_7f4a_7c15_u64);
    let folded = (product as u64) ^ ((product >> 64) as u64);
    (folded ^ (folded >> 32)) as u32
}
