//! What goes around a transaction on a chain: its sender, its number, and a signature over both and the content.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use k256::ecdsa::signature::Verifier as _;
use serde::{Deserialize, Serialize};

/// How transactions are signed, and how a block's signatures are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signatures {
    /// Not at all.
    #[default]
    None,
    /// Ed25519, one after another.
    Ed25519,
    /// Ed25519, all of a block in one equation: cheaper, and it does not say which is wrong.
    Ed25519Batch,
    /// ECDSA over secp256k1 with SHA-256, one after another.
    Secp256k1,
}

/// Names as a user writes them.
const NAMES: [(&str, Signatures); 4] = [
    ("none", Signatures::None),
    ("ed25519", Signatures::Ed25519),
    ("ed25519-batch", Signatures::Ed25519Batch),
    ("secp256k1", Signatures::Secp256k1),
];

impl fmt::Display for Signatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, scheme)| scheme == self).map_or("none", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Signatures {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(name, _)| *name == text).map(|(_, scheme)| *scheme);
        found.ok_or_else(|| format!("signatures `{text}`: one of none, ed25519, ed25519-batch, secp256k1"))
    }
}

/// A transaction's envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Who sends it.
    pub sender: Arc<str>,
    /// How many transactions of this sender come before it.
    pub nonce: u64,
    /// What is signed: sender, number and content.
    pub message: Vec<u8>,
    /// The public key as it comes with a transaction: 32 bytes (Ed25519) or 33 (SEC 1, compressed); the rest is 0.
    pub key: [u8; 33],
    /// The signature: 64 bytes in either scheme.
    pub signature: [u8; 64],
}

/// Why a block is refused as a whole, as a chain refuses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which transaction of the block, where known.
    pub transaction: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.transaction {
            Some(ordinal) => write!(f, "transaction {ordinal}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Checks every signature of a block: keys are read from their bytes, as they come over a network.
pub fn check_signatures(scheme: Signatures, block: &[Envelope]) -> Result<(), Refused> {
    let one_by_one = |is_right: fn(&Envelope) -> bool| match block.iter().position(|envelope| !is_right(envelope)) {
        Some(at) => Err(invalid(&block[at], at)),
        None => Ok(()),
    };
    match scheme {
        Signatures::None => Ok(()),
        Signatures::Ed25519 => one_by_one(ed25519_is_right),
        Signatures::Ed25519Batch if ed25519_batch(block) => Ok(()),
        // One by one finds which; if none is found the batch alone decides.
        Signatures::Ed25519Batch => one_by_one(ed25519_is_right)
            .and(Err(Refused { transaction: None, reason: "the batch of signatures is not valid".into() })),
        Signatures::Secp256k1 => one_by_one(secp256k1_is_right),
    }
}

fn invalid(envelope: &Envelope, at: usize) -> Refused {
    Refused { transaction: Some(at), reason: format!("the signature of {} is not valid", envelope.sender) }
}

fn ed25519_key(envelope: &Envelope) -> Option<ed25519_dalek::VerifyingKey> {
    let bytes = envelope.key.first_chunk::<32>()?;
    ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()
}

fn ed25519_is_right(envelope: &Envelope) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(&envelope.signature);
    ed25519_key(envelope).is_some_and(|key| key.verify_strict(&envelope.message, &signature).is_ok())
}

fn ed25519_batch(block: &[Envelope]) -> bool {
    let Some(keys) = block.iter().map(ed25519_key).collect::<Option<Vec<_>>>() else { return false };
    let messages: Vec<&[u8]> = block.iter().map(|envelope| envelope.message.as_slice()).collect();
    let signatures: Vec<_> =
        block.iter().map(|envelope| ed25519_dalek::Signature::from_bytes(&envelope.signature)).collect();
    ed25519_dalek::verify_batch(&messages, &signatures, &keys).is_ok()
}

fn secp256k1_is_right(envelope: &Envelope) -> bool {
    let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(&envelope.key);
    let signature = k256::ecdsa::Signature::from_slice(&envelope.signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(&envelope.message, &signature).is_ok())
}
