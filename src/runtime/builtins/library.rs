//! Functions of the built-in modules that are not builtins by themselves. Their names have a dot, so no program can
//! say them.

use std::cmp::Ordering;

use sha2::{Digest, Sha256};
use sha3::Keccak256;

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::Function;
use super::args::Args;
use super::hashing::hexadecimal;
use super::sorting::goes_before;
use crate::value::numbers::Integer;
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("module.is_main", |_, _| Ok(Value::FALSE)),
    ("math.trunc", trunc),
    ("math.sign", sign),
    ("math.clamp", clamp),
    ("math.gcd", |isolate, args| common(isolate, args, num_integer::Integer::gcd)),
    ("math.lcm", |isolate, args| common(isolate, args, num_integer::Integer::lcm)),
    ("math.factorial", factorial),
    ("math.cbrt", |isolate, args| float(isolate, args, libm::cbrt)),
    ("math.hypot", |isolate, args| float_pair(isolate, args, libm::hypot)),
    ("math.exp", |isolate, args| float(isolate, args, libm::exp)),
    ("math.log", log),
    ("math.log2", |isolate, args| logarithm(isolate, args, libm::log2)),
    ("math.log10", |isolate, args| logarithm(isolate, args, libm::log10)),
    ("math.sin", |isolate, args| float(isolate, args, libm::sin)),
    ("math.cos", |isolate, args| float(isolate, args, libm::cos)),
    ("math.tan", |isolate, args| float(isolate, args, libm::tan)),
    ("math.asin", |isolate, args| float(isolate, args, libm::asin)),
    ("math.acos", |isolate, args| float(isolate, args, libm::acos)),
    ("math.atan", |isolate, args| float(isolate, args, libm::atan)),
    ("math.atan2", |isolate, args| float_pair(isolate, args, libm::atan2)),
    ("math.degrees", |isolate, args| float(isolate, args, |x| x * (180.0 / std::f64::consts::PI))),
    ("math.radians", |isolate, args| float(isolate, args, |x| x * (std::f64::consts::PI / 180.0))),
    ("crypto.calculate_merkle_root", |isolate, args| merkle_root(isolate, args, hash_of::<Keccak256>)),
    ("blockchain.create_address", create_address),
    ("blockchain.validate_address", validate_address),
    ("blockchain.calculate_merkle_root", |isolate, args| merkle_root(isolate, args, hash_of::<Sha256>)),
    ("blockchain.hash_block", hash_block),
    ("blockchain.validate_proof_of_work", validate_proof_of_work),
];

// ---- math ----

fn number(isolate: &mut Isolate, args: &Args, value: Value) -> Result<f64, Unwind> {
    if value.is_number() { Ok(isolate.to_float(value)) } else { isolate.needs(args, "a number", value) }
}

fn float(isolate: &mut Isolate, args: &Args, f: fn(f64) -> f64) -> Result<Value, Unwind> {
    Ok(Value::float(f(number(isolate, args, args.first())?)))
}

fn float_pair(isolate: &mut Isolate, args: &Args, f: fn(f64, f64) -> f64) -> Result<Value, Unwind> {
    let first = number(isolate, args, args.first())?;
    Ok(Value::float(f(first, number(isolate, args, args.second())?)))
}

fn logarithm(isolate: &mut Isolate, args: &Args, f: fn(f64) -> f64) -> Result<Value, Unwind> {
    let x = positive(isolate, args, args.first())?;
    Ok(Value::float(f(x)))
}

fn positive(isolate: &mut Isolate, args: &Args, value: Value) -> Result<f64, Unwind> {
    let x = number(isolate, args, value)?;
    if x <= 0.0 {
        return isolate.fail("Cannot take the logarithm of a number that is not positive");
    }
    Ok(x)
}

/// `log(x)`, natural; `log(x, base)`.
fn log(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let x = positive(isolate, args, args.first())?;
    if args.count == 1 {
        return Ok(Value::float(libm::log(x)));
    }
    let base = positive(isolate, args, args.second())?;
    if base == 1.0 {
        return isolate.fail("Division by zero");
    }
    Ok(Value::float(libm::log(x) / libm::log(base)))
}

/// Toward zero.
fn trunc(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = args.first();
    match value.tag() {
        Tag::Int | Tag::Wide | Tag::Huge => Ok(value),
        Tag::Float => match Integer::from_f64(value.as_float().trunc()) {
            Some(integer) => isolate.integer_result(Ok(integer)),
            None => super::convert::cannot_convert(isolate, value, "integer"),
        },
        _ => isolate.needs(args, "a number", value),
    }
}

/// -1, 0 or 1.
fn sign(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let value = args.first();
    if !value.is_number() {
        return isolate.needs(args, "a number", value);
    }
    let zero = Value::int(0);
    let below = goes_before(isolate, value, zero, Ordering::Less)?;
    let above = goes_before(isolate, value, zero, Ordering::Greater)?;
    Ok(Value::int(i64::from(above) - i64::from(below)))
}

/// `clamp(x, low, high)`
fn clamp(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let (value, low, high) = (args.first(), args.second(), args.third());
    for value in [value, low, high] {
        number(isolate, args, value)?;
    }
    if goes_before(isolate, high, low, Ordering::Less)? {
        return isolate.fail("clamp() needs a low bound that is not above the high one");
    }
    if goes_before(isolate, value, low, Ordering::Less)? {
        return Ok(low);
    }
    Ok(if goes_before(isolate, high, value, Ordering::Less)? { high } else { value })
}

/// Two integers and what they have in common.
fn common(
    isolate: &mut Isolate,
    args: &Args,
    f: fn(&num_bigint::BigInt, &num_bigint::BigInt) -> num_bigint::BigInt,
) -> Result<Value, Unwind> {
    for value in [args.first(), args.second()] {
        if !matches!(value.tag(), Tag::Int | Tag::Wide | Tag::Huge) {
            return isolate.needs(args, "an integer", value);
        }
    }
    let heap = &isolate.ledger.heap;
    let (a, b) = (heap.integer(args.first()).to_big(), heap.integer(args.second()).to_big());
    isolate.charge_large(LARGE_WORK)?;
    isolate.integer_result(Integer::from_big(f(&a, &b)))
}

/// What an operation on integers of any size costs beside its node.
const LARGE_WORK: u64 = 16;

fn factorial(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let n = isolate.need_int(args, args.first())?;
    if n < 0 {
        return isolate.fail("Cannot take the factorial of a negative number");
    }
    let mut product = Integer::Small(1);
    for factor in 2..=n {
        isolate.charge_large(1)?;
        product = match product.mul(&Integer::Small(factor)) {
            Ok(product) => product,
            // Beyond 4096 bits: no later factor makes it smaller.
            Err(overflow) => return isolate.integer_result(Err(overflow)),
        };
    }
    isolate.integer_result(Ok(product))
}

// ---- crypto and blockchain ----

fn hash_of<D: Digest>(bytes: &[u8]) -> Vec<u8> {
    D::digest(bytes).to_vec()
}

/// Pairs of texts are joined and hashed until one is left; an odd one is paired with itself. The root of no text is
/// the hash of the empty one.
fn merkle_root(isolate: &mut Isolate, args: &Args, hash: fn(&[u8]) -> Vec<u8>) -> Result<Value, Unwind> {
    let list = isolate.need_list(args, args.first())?;
    let mut level = Vec::new();
    for item in isolate.walked_items(list)? {
        level.push(isolate.display(item)?);
    }
    if level.is_empty() {
        return isolate.new_string(&hexadecimal(&hash(b"")));
    }
    while level.len() > 1 {
        let mut parents = Vec::with_capacity(level.len().div_ceil(2));
        for pair in level.chunks(2) {
            let joined = format!("{}{}", pair[0], pair.last().unwrap_or(&pair[0]));
            isolate.charge_text(joined.len())?;
            parents.push(hexadecimal(&hash(joined.as_bytes())));
        }
        level = parents;
    }
    isolate.new_string(&level[0])
}

fn text(isolate: &mut Isolate, args: &Args, value: Value) -> Result<String, Unwind> {
    let text = isolate.need_text(args, value)?;
    isolate.charge_text(isolate.ledger.heap.str(text).len())?;
    Ok(isolate.ledger.heap.str(text).to_owned())
}

/// The prefix of an address, given as the second argument.
fn prefix(isolate: &mut Isolate, args: &Args) -> Result<String, Unwind> {
    if args.count > 1 { text(isolate, args, args.second()) } else { Ok("0x".to_owned()) }
}

/// `create_address(public_key[, prefix])`: the last 20 bytes of its Keccak-256.
fn create_address(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let key = text(isolate, args, args.first())?;
    let prefix = prefix(isolate, args)?;
    let digest = hexadecimal(&hash_of::<Keccak256>(key.as_bytes()));
    isolate.new_string(&format!("{prefix}{}", &digest[digest.len() - 40..]))
}

/// `validate_address(address[, prefix])`: the prefix, then 40 hexadecimal digits.
fn validate_address(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let address = text(isolate, args, args.first())?;
    let prefix = prefix(isolate, args)?;
    let digits = address.strip_prefix(&prefix);
    let valid = digits.is_some_and(|digits| digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    Ok(Value::bool(valid))
}

/// `hash_block(block)`: SHA-256 of the texts of its index, timestamp, data, previous hash and nonce.
fn hash_block(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let block = isolate.need_map(args, args.first())?;
    let mut joined = String::new();
    for (field, missing) in [("index", "0"), ("timestamp", "0"), ("data", ""), ("previous_hash", ""), ("nonce", "0")] {
        let key = isolate.ledger.heap.alloc_str(field);
        match isolate.ledger.entry(block, key) {
            Some(value) => isolate.write_text(value, &mut joined)?,
            None => joined.push_str(missing),
        }
    }
    isolate.new_string(&hexadecimal(&hash_of::<Sha256>(joined.as_bytes())))
}

/// `validate_proof_of_work(data, nonce, hash[, difficulty])`: the hash is that of data and nonce, and begins with so
/// many zeros (4).
fn validate_proof_of_work(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let data = text(isolate, args, args.first())?;
    let nonce = isolate.need_int(args, args.second())?;
    let given = text(isolate, args, args.third())?;
    let difficulty = if args.count > 3 { isolate.need_int(args, args.values[3])? } else { 4 };
    let digest = hexadecimal(&hash_of::<Sha256>(format!("{data}{nonce}").as_bytes()));
    let zeros = digest.bytes().take_while(|byte| *byte == b'0').count() as i64;
    Ok(Value::bool(digest == given && zeros >= difficulty))
}
