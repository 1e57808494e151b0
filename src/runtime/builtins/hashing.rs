//! Hashes and hexadecimal text.

use std::fmt::Write;

use blake2::Blake2b512;
use sha2::{Digest, Sha256, Sha512};
use sha3::{Keccak256, Sha3_256};

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::Function;
use super::args::Args;
use crate::value::numbers::{Integer, Overflow, ParseIntegerError};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("hash", hash),
    ("sha256", |isolate, args| digest(isolate, args.first(), digest_of::<Sha256>)),
    ("keccak256", |isolate, args| digest(isolate, args.first(), digest_of::<Keccak256>)),
    ("blake3", |isolate, args| digest(isolate, args.first(), blake3_of)),
    ("crypto.sha512", |isolate, args| digest(isolate, args.first(), digest_of::<Sha512>)),
    ("crypto.sha3_256", |isolate, args| digest(isolate, args.first(), digest_of::<Sha3_256>)),
    ("crypto.blake2b", |isolate, args| digest(isolate, args.first(), digest_of::<Blake2b512>)),
    ("to_hex", to_hex),
    ("from_hex", from_hex),
];

type Hash = fn(&[u8]) -> Vec<u8>;

/// The algorithms that `hash` knows.
const ALGORITHMS: &[(&str, Hash)] = &[
    ("SHA256", digest_of::<Sha256>),
    ("SHA512", digest_of::<Sha512>),
    ("SHA3-256", digest_of::<Sha3_256>),
    ("BLAKE2B", digest_of::<Blake2b512>),
    ("KECCAK256", digest_of::<Keccak256>),
    ("BLAKE3", blake3_of),
];

fn digest_of<D: Digest>(bytes: &[u8]) -> Vec<u8> {
    D::digest(bytes).to_vec()
}

fn blake3_of(bytes: &[u8]) -> Vec<u8> {
    blake3::hash(bytes).as_bytes().to_vec()
}

/// `hash(v[, algorithm])`, by default SHA256.
fn hash(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let algorithm = match args.count {
        1 => ALGORITHMS[0].1,
        _ => named_algorithm(isolate, args, args.second(), "hash", ALGORITHMS)?,
    };
    digest(isolate, args.first(), algorithm)
}

/// The algorithm of that name: in either case, dashes and underscores left out or not (`sha-256`, `SHA3_256`).
pub(super) fn named_algorithm<A: Copy>(
    isolate: &mut Isolate,
    args: &Args,
    name: Value,
    what: &str,
    algorithms: &[(&str, A)],
) -> Result<A, Unwind> {
    let name = isolate.need_text(args, name)?;
    isolate.charge_text(isolate.ledger.heap.str(name).len())?;
    let bare = |name: &str| name.replace(['-', '_'], "").to_ascii_uppercase();
    let wanted = bare(isolate.ledger.heap.str(name));
    if let Some((_, algorithm)) = algorithms.iter().find(|(name, _)| bare(name) == wanted) {
        return Ok(*algorithm);
    }
    let known: Vec<_> = algorithms.iter().map(|(name, _)| *name).collect();
    let message = format!("Unknown {what} algorithm '{}': use one of {}", name.as_str(), known.join(", "));
    isolate.fail(&message)
}

/// The bytes that a value is hashed and signed by: bytes themselves, else the text in UTF-8. Charged for one pass.
pub(super) fn bytes_of(isolate: &mut Isolate, value: Value) -> Result<Vec<u8>, Unwind> {
    let bytes = match value.tag() {
        Tag::Str => isolate.ledger.heap.str(value).as_bytes().to_vec(),
        Tag::Bytes => isolate.ledger.heap.bytes(value).to_vec(),
        _ => isolate.display(value)?.into_bytes(),
    };
    isolate.charge_text(bytes.len())?;
    Ok(bytes)
}

/// The hash, in hexadecimal, of bytes or of a value's text.
fn digest(isolate: &mut Isolate, value: Value, algorithm: Hash) -> Result<Value, Unwind> {
    let digest = algorithm(&bytes_of(isolate, value)?);
    isolate.new_string(&hexadecimal(&digest))
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// `to_hex(v)`: `0xff` for an integer, the bytes of a string or bytes without a prefix.
fn to_hex(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = args.first();
    let text = match value.tag() {
        Tag::Int | Tag::Wide | Tag::Huge => {
            let number = isolate.ledger.heap.integer(value).to_big();
            let sign = if number.sign() == num_bigint::Sign::Minus { "-" } else { "" };
            format!("{sign}0x{:x}", number.magnitude())
        }
        Tag::Str => hexadecimal(isolate.ledger.heap.str(value).as_bytes()),
        Tag::Bytes => hexadecimal(isolate.ledger.heap.bytes(value)),
        _ => return isolate.unsupported(args, value),
    };
    isolate.new_string(&text)
}

/// `from_hex(s)`: the integer, with or without `0x`.
fn from_hex(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = isolate.need_text(args, args.first())?;
    isolate.charge_text(isolate.ledger.heap.str(value).len())?;
    let text = isolate.ledger.heap.str(value).trim();
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
    match Integer::parse_hex_digits(digits) {
        Ok(number) => isolate.integer_result(Ok(if negative { number.neg() } else { number })),
        Err(ParseIntegerError::Overflow) => isolate.integer_result(Err(Overflow)),
        Err(ParseIntegerError::Invalid) => {
            let message = format!("Cannot convert '{}' from hexadecimal", isolate.ledger.heap.str(value));
            isolate.fail(&message)
        }
    }
}
