//! `verify_signature`: ECDSA over secp256k1 and Ed25519. A signature or key that is malformed verifies nothing and
//! is `false`; an unknown algorithm, or an argument that is neither text nor bytes, is an error.

use ed25519_dalek::pkcs8::DecodePublicKey;
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest, Sha256};

use super::super::gas;
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::Function;
use super::args::Args;
use super::hashing::{bytes_of, named_algorithm};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Function] = &[("verify_signature", verify_signature)];

/// Data, signature, key.
type Verify = fn(&[u8], &[u8], &PublicKey) -> Option<()>;

/// The algorithms; the first is the default.
const ALGORITHMS: &[(&str, Verify)] = &[("ECDSA", ecdsa), ("SECP256K1", ecdsa), ("ED25519", ed25519)];

/// A public key as it was given.
enum PublicKey {
    Raw(Vec<u8>),
    Pem(String),
}

/// `verify_signature(data, signature, public_key[, algorithm])`. Signature and key are bytes or hexadecimal text; a
/// key may also be PEM.
fn verify_signature(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let verify = match args.count {
        3 => ALGORITHMS[0].1,
        _ => named_algorithm(isolate, args, args.values[3], "signature", ALGORITHMS)?,
    };
    let data = bytes_of(isolate, args.first())?;
    let signature = encoded(isolate, args, args.second())?;
    let key = public_key(isolate, args)?;
    isolate.charge_large(gas::SIGNATURE_GAS)?;
    let verified = signature.zip(key).and_then(|(signature, key)| verify(&data, &signature, &key));
    Ok(Value::bool(verified.is_some()))
}

/// Bytes, or the bytes behind hexadecimal text; none if it is no such text.
fn encoded(isolate: &mut Isolate, args: &Args, value: Value) -> Result<Option<Vec<u8>>, Unwind> {
    match value.tag() {
        Tag::Bytes => Ok(Some(bytes_of(isolate, value)?)),
        Tag::Str => {
            isolate.charge_text(isolate.ledger.heap.str(value).len())?;
            Ok(from_hexadecimal(isolate.ledger.heap.str(value).trim()))
        }
        _ => isolate.needs(args, "a string or bytes", value),
    }
}

fn public_key(isolate: &mut Isolate, args: &Args) -> Result<Option<PublicKey>, Unwind> {
    let value = args.third();
    if value.is_str() && isolate.ledger.heap.str(value).trim_start().starts_with("-----BEGIN") {
        isolate.charge_text(isolate.ledger.heap.str(value).len())?;
        return Ok(Some(PublicKey::Pem(isolate.ledger.heap.str(value).trim().to_owned())));
    }
    Ok(encoded(isolate, args, value)?.map(PublicKey::Raw))
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text).as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let byte = |[high, low]: &[u8; 2]| Some(16 * digit(*high)? + digit(*low)?);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

/// ECDSA over secp256k1 of the data's SHA-256. The signature is `r` and `s` in 64 bytes, or DER; a high `s` is as
/// good as a low one, as the standard has it. A raw key is a compressed or uncompressed point.
fn ecdsa(data: &[u8], signature: &[u8], key: &PublicKey) -> Option<()> {
    use k256::ecdsa::{Signature, VerifyingKey};
    let key = match key {
        PublicKey::Raw(bytes) => VerifyingKey::from_sec1_bytes(bytes).ok()?,
        PublicKey::Pem(text) => VerifyingKey::from_public_key_pem(text).ok()?,
    };
    let signature = match signature.len() {
        64 => Signature::from_slice(signature).ok()?,
        _ => Signature::from_der(signature).ok()?,
    };
    let signature = signature.normalize_s().unwrap_or(signature);
    key.verify_prehash(&Sha256::digest(data), &signature).ok()
}

/// Ed25519 of the data itself, as in RFC 8032. Strictly: keys of small order, under which one signature fits many
/// texts, verify nothing. A raw key has 32 bytes, a signature 64.
fn ed25519(data: &[u8], signature: &[u8], key: &PublicKey) -> Option<()> {
    use ed25519_dalek::{Signature, VerifyingKey};
    let key = match key {
        PublicKey::Raw(bytes) => VerifyingKey::from_bytes(bytes.as_slice().try_into().ok()?).ok()?,
        PublicKey::Pem(text) => VerifyingKey::from_public_key_pem(text).ok()?,
    };
    key.verify_strict(data, &Signature::from_slice(signature).ok()?).ok()
}
