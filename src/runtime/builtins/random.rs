//! `random`. Each draw is a function of the seed, the transaction and the draw's number alone, so that a
//! transaction that runs again draws the same.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::Function;
use super::args::Args;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[("random", random)];

/// Where `random` stands.
#[derive(Debug)]
pub struct RandomState {
    generator: ChaCha8Rng,
    transaction: u64,
}

impl RandomState {
    /// The state before the first draw.
    pub fn new(seed: u64) -> Self {
        Self { generator: ChaCha8Rng::seed_from_u64(seed), transaction: 0 }
    }

    /// A transaction begins, or begins again: its next draw is its first. `ordinal` is 0 outside any.
    pub fn begin_transaction(&mut self, ordinal: u64) {
        self.transaction = ordinal;
        self.generator.set_stream(ordinal);
        self.generator.set_word_pos(0);
    }

    /// The next 64 bits.
    fn draw(&mut self, transaction: u64) -> u64 {
        if self.transaction != transaction {
            self.begin_transaction(transaction);
        }
        self.generator.next_u64()
    }
}

/// `random()` is a float in [0, 1), `random(n)` an integer in [0, n), `random(a, b)` one in [a, b). Each takes one
/// draw.
fn random(isolate: &mut Isolate, args: &Args) -> Result<Value, Unwind> {
    let low = if args.count == 2 { isolate.need_int(args, args.first())? } else { 0 };
    let high = match args.count {
        0 => None,
        1 => Some(isolate.need_int(args, args.first())?),
        _ => Some(isolate.need_int(args, args.second())?),
    };
    if let Some(high) = high
        && high <= low
    {
        let message = format!("random() needs a bound above {low}, not {high}");
        return isolate.fail(&message);
    }
    let bits = isolate.random.draw(isolate.ledger.transaction);
    Ok(match high {
        None => Value::float((bits >> 11) as f64 / (1_u64 << 53) as f64),
        Some(high) => {
            let width = high.abs_diff(low);
            // The upper half of the product is below the width, and uniform up to 2^-64 of it.
            let offset = (u128::from(bits) * u128::from(width)) >> 64;
            Value::int(low.wrapping_add_unsigned(offset as u64))
        }
    })
}
