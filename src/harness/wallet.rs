//! Envelopes for generated transactions, made untimed: keys of accounts, running numbers, signatures.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use k256::ecdsa::signature::Signer as _;

use crate::engine::Data;
use crate::parallel::{Envelope, Signatures, Stages};

use super::trace;

/// What the keys are derived for; part of every key.
const CONTEXT: &str = "zx-bench 2026 account keys";

/// A sender's key and how many transactions it has sent.
#[derive(Debug)]
struct Sender {
    name: Arc<str>,
    key: Key,
    nonce: u64,
}

#[derive(Debug)]
enum Key {
    None,
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Secp256k1(Box<k256::ecdsa::SigningKey>),
}

/// Wraps the transactions of one stream, in order. The same seed gives the same keys and bytes.
#[derive(Debug)]
pub struct Wallet {
    stages: Stages,
    seed: u64,
    senders: HashMap<Arc<str>, Sender, FixedState>,
}

impl Wallet {
    /// Without any sender yet.
    pub fn new(stages: Stages, seed: u64) -> Self {
        Self { stages, seed, senders: HashMap::default() }
    }

    /// The envelopes of the stream's next block; none if no stage needs them. The sender is `tx["caller"]`.
    pub fn wrap(&mut self, block: &[Data]) -> Result<Vec<Envelope>, String> {
        if !self.stages.any() {
            return Ok(Vec::new());
        }
        block.iter().map(|transaction| self.envelope(transaction)).collect()
    }

    fn envelope(&mut self, transaction: &Data) -> Result<Envelope, String> {
        let name = transaction.text("caller").ok_or(
            "a transaction without a sender: with --signatures, --nonces or --fees, `generate` gives each a `caller`",
        )?;
        let (scheme, seed) = (self.stages.signatures, self.seed);
        let name: Arc<str> = name.into();
        let new = || Sender { name: name.clone(), key: Key::of(scheme, seed, &name), nonce: 0 };
        let sender = self.senders.entry(name.clone()).or_insert_with(new);
        let nonce = sender.nonce;
        sender.nonce += 1;
        let mut message = Vec::with_capacity(128);
        message.extend_from_slice(&(sender.name.len() as u32).to_le_bytes());
        message.extend_from_slice(sender.name.as_bytes());
        message.extend_from_slice(&nonce.to_le_bytes());
        trace::encode_transaction(transaction, &mut message)?;
        let (key, signature) = sender.key.sign(&message);
        Ok(Envelope { sender: sender.name.clone(), nonce, message, key, signature })
    }
}

impl Key {
    fn of(scheme: Signatures, seed: u64, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&seed.to_le_bytes()).update(name.as_bytes());
        let secret = *hasher.finalize().as_bytes();
        match scheme {
            Signatures::None => Self::None,
            Signatures::Ed25519 | Signatures::Ed25519Batch => {
                Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&secret)))
            }
            // Not every 32 bytes are a key of this curve; 2^-128 of them are not.
            Signatures::Secp256k1 => match k256::ecdsa::SigningKey::from_slice(&secret) {
                Ok(key) => Self::Secp256k1(Box::new(key)),
                Err(_) => Self::of(scheme, seed.wrapping_add(1), name),
            },
        }
    }

    /// The public key as it stands in an envelope, and the signature.
    fn sign(&self, message: &[u8]) -> ([u8; 33], [u8; 64]) {
        let (mut public, mut signature) = ([0; 33], [0; 64]);
        match self {
            Self::None => {}
            Self::Ed25519(key) => {
                public[..32].copy_from_slice(key.verifying_key().as_bytes());
                signature = key.sign(message).to_bytes();
            }
            Self::Secp256k1(key) => {
                public.copy_from_slice(key.verifying_key().to_encoded_point(true).as_bytes());
                let signed: k256::ecdsa::Signature = key.sign(message);
                signature.copy_from_slice(&signed.to_bytes());
            }
        }
        (public, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::check_signatures;

    fn transaction(caller: &str, n: i64) -> Data {
        let text = |text: &str| Data::Str(text.into());
        Data::Map(vec![(text("caller"), text(caller)), (text("n"), Data::Int(n))])
    }

    #[test]
    fn what_is_wrapped_passes_the_check_and_is_the_same_each_time() {
        let block: Vec<Data> = (0..6).map(|n| transaction(if n % 2 == 0 { "al" } else { "bo" }, n)).collect();
        for signatures in [Signatures::Ed25519, Signatures::Ed25519Batch, Signatures::Secp256k1] {
            let stages = Stages { signatures, nonces: true, fees: false };
            let wrapped = Wallet::new(stages, 42).wrap(&block).expect("wrapped");
            assert_eq!(check_signatures(signatures, &wrapped), Ok(()));
            assert_eq!(wrapped.iter().map(|envelope| envelope.nonce).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
            assert_eq!(wrapped, Wallet::new(stages, 42).wrap(&block).expect("wrapped"));
            assert_ne!(wrapped[0].key, Wallet::new(stages, 43).wrap(&block).expect("wrapped")[0].key);
        }
    }

    #[test]
    fn without_a_sender_there_is_no_envelope() {
        let stages = Stages { nonces: true, ..Stages::default() };
        let said = Wallet::new(stages, 1).wrap(&[Data::Int(1)]).expect_err("refused");
        assert!(said.contains("`caller`"), "{said}");
        assert_eq!(Wallet::new(Stages::default(), 1).wrap(&[Data::Int(1)]), Ok(Vec::new()));
    }
}
