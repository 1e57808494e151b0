//! The digest chain: the proof that a cell did the reference's work.
//!
//! Link i is BLAKE3(link i-1, digest i), from 32 zero bytes. Two chains that agree at link i agree
//! in every pass or block up to it.

use sha2::{Digest as _, Sha256};

use crate::engine::{BlockResult, Digest};

/// A growing chain.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    link: Digest,
    length: u64,
}

impl Chain {
    /// Adds the digest of the next pass or block and returns its link.
    pub fn push(&mut self, digest: &Digest) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.link).update(digest);
        self.link = *hasher.finalize().as_bytes();
        self.length += 1;
        self.link
    }

    /// Adds what the next pass printed to a chain of output ([`super::protocol::OUTPUT_CHAIN`]): in SHA-256, which
    /// every language has at hand.
    pub fn push_output(&mut self, text: &str) -> Digest {
        self.link = Sha256::new().chain_update(self.link).chain_update(Sha256::digest(text)).finalize().into();
        self.length += 1;
        self.link
    }

    /// Passes or blocks so far.
    pub fn length(&self) -> u64 {
        self.length
    }
}

/// Digest of a block: counts, gas, receipts, output so far, the state root if there is one, and the accounts' numbers
/// and fees where there are any.
pub fn block_digest(result: &BlockResult, output: &Digest, root: Option<&Digest>, accounts: Option<&Digest>) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for number in [result.committed, result.reverted, result.out_of_gas, result.gas] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(&result.receipts).update(output);
    if let Some(root) = root {
        hasher.update(root);
    }
    if let Some(accounts) = accounts {
        hasher.update(b"accounts").update(accounts);
    }
    *hasher.finalize().as_bytes()
}

/// Lower-case hexadecimal.
pub fn hex(digest: &Digest) -> String {
    blake3::Hash::from_bytes(*digest).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_depends_on_all_before_it() {
        let (mut a, mut b) = (Chain::default(), Chain::default());
        assert_eq!(a.push(&[1; 32]), b.push(&[1; 32]));
        assert_ne!(a.push(&[2; 32]), b.push(&[3; 32]));
        assert_ne!(a.push(&[4; 32]), b.push(&[4; 32]));
        assert_eq!(a.length(), 3);
    }

    #[test]
    fn an_output_chain_is_what_other_languages_compute() {
        let mut chain = Chain::default();
        chain.push_output("1\n");
        // Python: s = hashlib.sha256; s(s(bytes(32) + s(b"1\n").digest()).digest() + s(b"").digest()).hexdigest()
        assert_eq!(hex(&chain.push_output("")), "e2e7e311572876f07a1871d3897e39b59ce5410f026d70b121ff6b8193e6c611");
        assert_eq!(chain.length(), 2);
    }

    #[test]
    fn a_block_digest_sees_everything() {
        let block = BlockResult { committed: 3, gas: 10, ..BlockResult::default() };
        let plain = block_digest(&block, &[0; 32], None, None);
        let more_gas = BlockResult { gas: 11, ..block.clone() };
        assert_ne!(plain, block_digest(&more_gas, &[0; 32], None, None));
        assert_ne!(plain, block_digest(&block, &[1; 32], None, None));
        assert_ne!(plain, block_digest(&block, &[0; 32], Some(&[0; 32]), None));
        assert_ne!(plain, block_digest(&block, &[0; 32], None, Some(&[0; 32])));
    }
}
