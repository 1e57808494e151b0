//! The number part of the `value` room: what integers and floats are and what
//! their operators answer. It is pure: it knows neither the heap nor `Value`,
//! allocates only for integers beyond 256 bits, and never prints or stops a
//! program. A result too big for the language is [`Overflow`]; a zero divisor
//! is the caller's to refuse, with the caller's words.
//!
//! Three sizes of integer: `i64`, [`Wide`] (sign and 256-bit magnitude, where
//! 18-decimal token amounts live) and `BigInt`. [`Integer`] is always held in
//! the smallest that fits, so equality of forms is equality of numbers.

mod float;
mod integer;
mod integer_bits;
mod integer_float;
#[cfg(test)]
mod oracle_tests;
mod wide;
mod wide_bits;
mod wide_division;
mod wide_text;

pub use float::{ceil, float_mod, floor, parse_float, round_half_even, truncate, write_float};
pub use integer::{BITS_MAX, Integer, Overflow, ParseIntegerError};
pub use integer_bits::SHIFT_MAX;
pub use integer_float::cmp_i64_f64;
pub use wide::Wide;
