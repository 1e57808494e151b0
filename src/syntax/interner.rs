//! Names as small numbers.
//!
//! One table serves all files of a program. The hash is seeded once a process, so that no text can be
//! built to make its names collide; symbols are given in order of first appearance and do not depend
//! on it.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use super::ast::Symbol;
use super::words::WORDS;

/// Maps names to dense [`Symbol`]s and back. A new one already holds the language's own words.
#[derive(Clone)]
pub struct Interner {
    /// The texts of all symbols, end to end.
    text: String,
    /// Where the text of each symbol ends.
    ends: Vec<u32>,
    /// Open addressing: the upper half of the hash, and the symbol plus one; 0 is empty.
    slots: Vec<u64>,
    seed: u64,
}

impl Interner {
    /// An interner that holds the language's own words and nothing else.
    pub fn new() -> Self {
        let mut interner = Self { text: String::new(), ends: Vec::new(), slots: vec![0; 512], seed: process_seed() };
        for word in WORDS {
            interner.intern(word);
        }
        for word in WORDS {
            // `_` has no other spelling; a text no program can write keeps the places in step.
            let upper = if *word == "_" { " _".to_owned() } else { word.to_ascii_uppercase() };
            interner.intern(&upper);
        }
        interner
    }

    /// The symbol of `name`, made if it is new.
    pub fn intern(&mut self, name: &str) -> Symbol {
        let hash = hash(name.as_bytes(), self.seed);
        match self.find(name, hash) {
            Ok(symbol) => symbol,
            Err(slot) => self.add(name, hash, slot),
        }
    }

    /// The symbol of `name`, if it was interned.
    pub fn get(&self, name: &str) -> Option<Symbol> {
        self.find(name, hash(name.as_bytes(), self.seed)).ok()
    }

    /// The text of `symbol`, which must come from this interner or from one it was cloned from.
    pub fn resolve(&self, symbol: Symbol) -> &str {
        let index = symbol.0 as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.text[start..self.ends[index] as usize]
    }

    /// How many symbols there are: they are `Symbol(0)` to `Symbol(len - 1)`.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Never true: the language's own words are always there.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The symbol of `name`, or the empty slot where it belongs.
    fn find(&self, name: &str, hash: u64) -> Result<Symbol, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let entry = self.slots[slot];
            if entry == 0 {
                return Err(slot);
            }
            if entry >> 32 == hash >> 32 {
                let symbol = Symbol(entry as u32 - 1);
                if self.resolve(symbol) == name {
                    return Ok(symbol);
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    fn add(&mut self, name: &str, hash: u64, slot: usize) -> Symbol {
        let symbol = Symbol(self.ends.len() as u32);
        self.text.push_str(name);
        self.ends.push(self.text.len() as u32);
        self.slots[slot] = (hash >> 32) << 32 | u64::from(symbol.0 + 1);
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        symbol
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        self.slots = vec![0; mask + 1];
        for index in 0..self.ends.len() {
            let symbol = Symbol(index as u32);
            let hash = hash(self.resolve(symbol).as_bytes(), self.seed);
            let mut slot = hash as usize & mask;
            while self.slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = (hash >> 32) << 32 | u64::from(symbol.0 + 1);
        }
    }
}

impl Default for Interner {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Interner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = (0..self.ends.len()).map(|index| self.resolve(Symbol(index as u32)));
        f.debug_list().entries(names).finish()
    }
}

fn process_seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| RandomState::new().hash_one(0_u64))
}

/// Folded multiplication, eight bytes a step.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    let mut state = seed ^ (bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word));
    }
    let mut last = 0;
    for &byte in rest {
        last = last << 8 | u64::from(byte);
    }
    fold(fold(state ^ last))
}

fn fold(value: u64) -> u64 {
    let product = u128::from(value) * u128::from(0xa076_1d64_78bd_642f_u64);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_dense_and_stable() {
        let mut interner = Interner::new();
        let first = interner.len();
        for index in 0..5000 {
            assert_eq!(interner.intern(&format!("name{index}")).0 as usize, first + index);
        }
        for index in 0..5000 {
            let name = format!("name{index}");
            assert_eq!(interner.resolve(interner.get(&name).unwrap()), name);
        }
        assert_eq!(interner.get("absent"), None);
        assert_eq!(interner.len(), first + 5000);
        assert!(!interner.is_empty());
    }

    #[test]
    fn words_have_fixed_symbols() {
        let interner = Interner::new();
        assert_eq!(interner.get("let"), Some(super::super::words::LET));
        let upper = interner.get("CONTRACT").unwrap();
        assert_eq!(super::super::words::lower(upper), Some(super::super::words::CONTRACT));
    }
}
