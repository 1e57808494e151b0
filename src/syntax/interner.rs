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
    /// Open addressing.
    slots: Vec<Slot>,
    seed: u64,
}

/// A place of the table.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// A name of up to eight bytes itself, of a longer one its hash.
    key: u64,
    /// Bytes of the name.
    length: u32,
    /// The symbol plus one; 0 is empty.
    symbol: u32,
}

/// Up to so many bytes a name and its length are told from others by [`Slot::key`] alone.
const SHORT: usize = 8;

impl Interner {
    /// An interner that holds the language's own words and nothing else.
    pub fn new() -> Self {
        let mut interner =
            Self { text: String::new(), ends: Vec::new(), slots: vec![Slot::default(); 512], seed: process_seed() };
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
        let key = key(name.as_bytes(), self.seed);
        match self.find(name.as_bytes(), key) {
            Ok(symbol) => symbol,
            Err(slot) => self.add(name, key, slot),
        }
    }

    /// The symbol of what stands at these bytes of a text, which begin and end characters of it.
    #[inline]
    pub(super) fn intern_part(&mut self, text: &str, part: std::ops::Range<usize>) -> Symbol {
        let name = &text.as_bytes()[part.clone()];
        let key = key(name, self.seed);
        match self.find(name, key) {
            Ok(symbol) => symbol,
            Err(slot) => self.add(&text[part], key, slot),
        }
    }

    /// The symbol of `name`, if it was interned.
    pub fn get(&self, name: &str) -> Option<Symbol> {
        self.find(name.as_bytes(), key(name.as_bytes(), self.seed)).ok()
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
    #[inline]
    fn find(&self, name: &[u8], key: u64) -> Result<Symbol, usize> {
        let mask = self.slots.len() - 1;
        let length = name.len() as u32;
        let mut slot = first_slot(key, length, self.seed) & mask;
        loop {
            let entry = self.slots[slot];
            if entry.symbol == 0 {
                return Err(slot);
            }
            if entry.key == key && entry.length == length {
                let symbol = Symbol(entry.symbol - 1);
                if name.len() <= SHORT || self.resolve(symbol).as_bytes() == name {
                    return Ok(symbol);
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    #[cold]
    fn add(&mut self, name: &str, key: u64, slot: usize) -> Symbol {
        let symbol = Symbol(self.ends.len() as u32);
        self.text.push_str(name);
        self.ends.push(self.text.len() as u32);
        self.slots[slot] = Slot { key, length: name.len() as u32, symbol: symbol.0 + 1 };
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        symbol
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let smaller = std::mem::replace(&mut self.slots, vec![Slot::default(); mask + 1]);
        for entry in smaller.into_iter().filter(|entry| entry.symbol != 0) {
            let mut slot = first_slot(entry.key, entry.length, self.seed) & mask;
            while self.slots[slot].symbol != 0 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = entry;
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

/// What tells a name of up to eight bytes from all others of its length; of a longer one a hash, eight bytes a step.
#[inline]
fn key(bytes: &[u8], seed: u64) -> u64 {
    let length = bytes.len();
    if length > SHORT {
        return long_key(bytes, seed);
    }
    // The two halves overlap where the name is shorter.
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    match *bytes {
        [] => 0,
        [only] => u64::from(only),
        [first, .., last] => u64::from(first) | u64::from(bytes[length / 2]) << 8 | u64::from(last) << 16,
    }
}

fn long_key(bytes: &[u8], seed: u64) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    let state = words.iter().fold(seed, |state, word| fold(state ^ u64::from_le_bytes(*word)));
    // It overlaps the word before.
    let last = bytes.last_chunk().map_or(0, |last| u64::from_le_bytes(*last));
    fold(state ^ last)
}

/// Where the search for a name begins, before it is fitted to the table.
#[inline]
fn first_slot(key: u64, length: u32, seed: u64) -> usize {
    fold(key ^ seed ^ u64::from(length).wrapping_mul(0x9e37_79b9_7f4a_7c15)) as usize
}

#[inline]
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
