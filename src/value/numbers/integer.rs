//! `Integer`: the language's integer in whichever of three forms fits, and its
//! arithmetic. `i64` first, then 128 bits and `Wide`, then `BigInt`. Bits are
//! in `integer_bits`, floats in `integer_float`.

use super::wide::Wide;
use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer as _;
use std::cmp::Ordering;
use std::fmt;

/// The language's bound on the magnitude of an integer, in bits.
pub const BITS_MAX: u64 = 4096;

/// 2^4096 has 1234 digits.
const DIGITS_MAX: usize = 1234;

/// A result over [`BITS_MAX`] bits: the program's error `Integer overflow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// Why a text is not an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseIntegerError {
    /// Not a sign and decimal digits.
    Invalid,
    /// An integer, but over [`BITS_MAX`] bits.
    Overflow,
}

/// An integer of at most [`BITS_MAX`] bits. Every operation here answers the
/// smallest form that fits, and the derived equality and hash rely on it: make
/// one with `From` or [`Integer::from_big`], not with the bare variants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Integer {
    /// Fits 64 bits.
    Small(i64),
    /// Does not fit 64 bits; magnitude below 2^256.
    Wide(Wide),
    /// Magnitude of 257 bits or more.
    Huge(Box<BigInt>),
}

impl From<i64> for Integer {
    #[inline]
    fn from(number: i64) -> Self {
        Self::Small(number)
    }
}

impl From<i128> for Integer {
    #[inline]
    fn from(number: i128) -> Self {
        match i64::try_from(number) {
            Ok(small) => Self::Small(small),
            Err(_) => Self::Wide(Wide::from_i128(number)),
        }
    }
}

impl From<Wide> for Integer {
    #[inline]
    fn from(wide: Wide) -> Self {
        match wide.to_i64() {
            Some(small) => Self::Small(small),
            None => Self::Wide(wide),
        }
    }
}

impl Integer {
    /// The smallest form of a big integer.
    pub fn from_big(big: BigInt) -> Result<Self, Overflow> {
        match big.bits() {
            0..=256 => {
                let mut limbs = [0; 4];
                for (slot, digit) in limbs.iter_mut().zip(big.iter_u64_digits()) {
                    *slot = digit;
                }
                Ok(Wide::from_parts(big.sign() == Sign::Minus, limbs).into())
            }
            257..=BITS_MAX => Ok(Self::Huge(Box::new(big))),
            _ => Err(Overflow),
        }
    }

    /// The same number as a `BigInt`.
    pub fn to_big(&self) -> BigInt {
        match self {
            Self::Small(small) => BigInt::from(*small),
            Self::Wide(wide) => {
                let halves = wide.limbs().iter().flat_map(|&l| [l as u32, (l >> 32) as u32]);
                let sign = if wide.is_negative() { Sign::Minus } else { Sign::Plus };
                BigInt::from_biguint(sign, BigUint::new(halves.collect()))
            }
            Self::Huge(big) => (**big).clone(),
        }
    }

    /// The number if it fits 64 bits.
    #[inline]
    pub const fn to_i64(&self) -> Option<i64> {
        match self {
            Self::Small(small) => Some(*small),
            Self::Wide(_) | Self::Huge(_) => None,
        }
    }

    /// The number if its magnitude is below 2^256.
    #[inline]
    pub const fn to_wide(&self) -> Option<Wide> {
        match self {
            Self::Small(small) => Some(Wide::from_i64(*small)),
            Self::Wide(wide) => Some(*wide),
            Self::Huge(_) => None,
        }
    }

    /// Whether the number is zero.
    #[inline]
    pub const fn is_zero(&self) -> bool {
        matches!(self, Self::Small(0))
    }

    /// Whether the number is below zero.
    #[inline]
    pub fn is_negative(&self) -> bool {
        match self {
            Self::Small(small) => *small < 0,
            Self::Wide(wide) => wide.is_negative(),
            Self::Huge(big) => big.sign() == Sign::Minus,
        }
    }

    /// Whether 2 divides the number.
    pub fn is_even(&self) -> bool {
        match self {
            Self::Small(small) => small & 1 == 0,
            Self::Wide(wide) => wide.is_even(),
            Self::Huge(big) => big.is_even(),
        }
    }

    /// The sum.
    #[inline]
    pub fn add(&self, other: &Self) -> Result<Self, Overflow> {
        if let (Self::Small(a), Self::Small(b)) = (self, other) {
            return Ok(match a.checked_add(*b) {
                Some(sum) => Self::Small(sum),
                None => (i128::from(*a) + i128::from(*b)).into(),
            });
        }
        self.with_wides(other, Wide::checked_add).map_or_else(|| Self::from_big(self.to_big() + other.to_big()), Ok)
    }

    /// The difference.
    #[inline]
    pub fn sub(&self, other: &Self) -> Result<Self, Overflow> {
        if let (Self::Small(a), Self::Small(b)) = (self, other) {
            return Ok(match a.checked_sub(*b) {
                Some(difference) => Self::Small(difference),
                None => (i128::from(*a) - i128::from(*b)).into(),
            });
        }
        self.with_wides(other, Wide::checked_sub).map_or_else(|| Self::from_big(self.to_big() - other.to_big()), Ok)
    }

    /// The product.
    #[inline]
    pub fn mul(&self, other: &Self) -> Result<Self, Overflow> {
        if let (Self::Small(a), Self::Small(b)) = (self, other) {
            return Ok(match a.checked_mul(*b) {
                Some(product) => Self::Small(product),
                None => (i128::from(*a) * i128::from(*b)).into(),
            });
        }
        self.with_wides(other, Wide::checked_mul).map_or_else(|| Self::from_big(self.to_big() * other.to_big()), Ok)
    }

    /// Quotient rounded towards minus infinity; never an overflow. The caller
    /// has refused a zero divisor.
    #[inline]
    #[must_use]
    pub fn floor_div(&self, divisor: &Self) -> Self {
        debug_assert!(!divisor.is_zero(), "the caller refuses zero");
        if let (Self::Small(a), Self::Small(b)) = (self, divisor)
            && let Some(truncated) = a.checked_div(*b)
        {
            // The remainder by multiplication: no second division.
            let remainder = a - truncated * b;
            let below = remainder != 0 && (remainder ^ b) < 0;
            return Self::Small(truncated - i64::from(below));
        }
        self.with_wides(divisor, |a, b| Some(a.floor_div(b)))
            .unwrap_or_else(|| Self::in_bound(self.to_big().div_floor(&divisor.to_big())))
    }

    /// Remainder of [`Integer::floor_div`]: zero, or of the divisor's sign. The
    /// caller has refused a zero divisor.
    #[inline]
    #[must_use]
    pub fn floor_mod(&self, divisor: &Self) -> Self {
        debug_assert!(!divisor.is_zero(), "the caller refuses zero");
        if let (Self::Small(a), Self::Small(b)) = (self, divisor) {
            // i64::MIN % -1 overflows in hardware; the answer is 0.
            let remainder = a.wrapping_rem(*b);
            let other_sign = remainder != 0 && (remainder ^ b) < 0;
            return Self::Small(if other_sign { remainder + b } else { remainder });
        }
        self.with_wides(divisor, |a, b| Some(a.floor_mod(b)))
            .unwrap_or_else(|| Self::in_bound(self.to_big().mod_floor(&divisor.to_big())))
    }

    /// The number to a power that is not negative; `0 ** 0` is 1. Work is
    /// bounded: a result over the limit is noticed before it is made.
    pub fn pow(&self, exponent: u64) -> Result<Self, Overflow> {
        match self {
            _ if exponent == 0 => return Ok(Self::Small(1)),
            Self::Small(0 | 1) => return Ok(self.clone()),
            Self::Small(-1) => return Ok(Self::Small(if exponent & 1 == 0 { 1 } else { -1 })),
            Self::Small(_) | Self::Wide(_) | Self::Huge(_) => {}
        }
        // The magnitude is at least 2^(bits - 1), its power at least this:
        let bits_less_one = (self.bits() - 1).saturating_mul(exponent);
        if bits_less_one >= BITS_MAX {
            return Err(Overflow);
        }
        self.pow_by_squaring(exponent)
    }

    /// Every partial product divides the result, so none overflows alone.
    fn pow_by_squaring(&self, mut exponent: u64) -> Result<Self, Overflow> {
        let mut square = self.clone();
        let mut result = Self::Small(1);
        loop {
            if exponent & 1 == 1 {
                result = result.mul(&square)?;
            }
            exponent >>= 1;
            if exponent == 0 {
                return Ok(result);
            }
            square = square.mul(&square)?;
        }
    }

    /// The number with the other sign.
    #[inline]
    #[must_use]
    pub fn neg(&self) -> Self {
        match self {
            Self::Small(small) => match small.checked_neg() {
                Some(negated) => Self::Small(negated),
                None => Self::Wide(-Wide::from_i64(*small)),
            },
            // 2^63 becomes i64::MIN, a smaller form.
            Self::Wide(wide) => (-*wide).into(),
            Self::Huge(big) => Self::Huge(Box::new(-&**big)),
        }
    }

    /// The magnitude.
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.is_negative() { self.neg() } else { self.clone() }
    }

    /// From decimal text: an optional sign, then ASCII digits alone. The caller
    /// trims, and takes out separators.
    pub fn parse_decimal(text: &str) -> Result<Self, ParseIntegerError> {
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseIntegerError::Invalid);
        }
        if let Some(wide) = Wide::parse_digits(negative, digits) {
            return Ok(wide.into());
        }
        Self::parse_radix(negative, digits, 10, DIGITS_MAX)
    }

    /// From hexadecimal digits alone, in either case, without the `0x`.
    pub fn parse_hex_digits(digits: &str) -> Result<Self, ParseIntegerError> {
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ParseIntegerError::Invalid);
        }
        Self::parse_radix(false, digits, 16, BITS_MAX as usize / 4)
    }

    /// Digits known to be of the radix. Those over the limit are never read.
    fn parse_radix(negative: bool, digits: &str, radix: u32, digits_max: usize) -> Result<Self, ParseIntegerError> {
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self::Small(0));
        }
        if digits.len() > digits_max {
            return Err(ParseIntegerError::Overflow);
        }
        let magnitude = BigUint::parse_bytes(digits.as_bytes(), radix);
        let magnitude = magnitude.ok_or(ParseIntegerError::Invalid)?;
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        Self::from_big(BigInt::from_biguint(sign, magnitude)).map_err(|Overflow| ParseIntegerError::Overflow)
    }

    /// The operation on `Wide`, where both sides and the result fit.
    #[inline]
    pub(super) fn with_wides(&self, other: &Self, operation: impl FnOnce(Wide, Wide) -> Option<Wide>) -> Option<Self> {
        operation(self.to_wide()?, other.to_wide()?).map(Self::from)
    }

    /// For results that are no bigger than an operand.
    pub(super) fn in_bound(big: BigInt) -> Self {
        Self::from_big(big).expect("the result is no bigger than an operand")
    }
}

impl Ord for Integer {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Small(a), Self::Small(b)) => a.cmp(b),
            (Self::Wide(a), Self::Wide(b)) => a.cmp(b),
            (Self::Huge(a), Self::Huge(b)) => a.cmp(b),
            // Of two forms the wider one has the bigger magnitude.
            (Self::Small(_), _) | (Self::Wide(_), Self::Huge(_)) => sign_order(other).reverse(),
            (Self::Wide(_) | Self::Huge(_), _) => sign_order(self),
        }
    }
}

fn sign_order(wider: &Integer) -> Ordering {
    if wider.is_negative() { Ordering::Less } else { Ordering::Greater }
}

impl PartialOrd for Integer {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small(small) => small.fmt(f),
            Self::Wide(wide) => wide.fmt(f),
            Self::Huge(big) => big.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(text: &str) -> Integer {
        Integer::parse_decimal(text).expect("a decimal integer")
    }

    #[test]
    fn small_edges_grow_and_come_back() {
        let (min, max, one) = (int("-9223372036854775808"), int("9223372036854775807"), int("1"));
        let above = max.add(&one).expect("64 bits");
        assert!(matches!(above, Integer::Wide(_)));
        assert_eq!(above.sub(&one), Ok(max));
        assert_eq!(min.neg(), above);
        assert_eq!(above.neg(), min);
        assert_eq!(min.floor_div(&int("-1")), above);
        assert_eq!(min.floor_mod(&int("-1")), int("0"));
        assert_eq!(min.mul(&int("-1")), Ok(above));
    }

    #[test]
    fn pow_stops_at_4096_bits_and_never_before() {
        let two = int("2");
        assert_eq!(two.pow(4095).map(|n| n.bits()), Ok(4096));
        assert_eq!(two.pow(4096), Err(Overflow));
        assert_eq!(two.pow(u64::MAX), Err(Overflow));
        assert_eq!(int("-3").pow(u64::MAX), Err(Overflow));
        assert_eq!(int("-1").pow(u64::MAX), Ok(int("-1")));
        assert_eq!(int("0").pow(0), Ok(int("1")));
        assert_eq!(int("0").pow(u64::MAX), Ok(int("0")));
        assert_eq!(int("10").pow(18), Ok(int("1000000000000000000")));
        // 3^2584 has 4096 bits, 3^2585 has 4098.
        assert_eq!(int("3").pow(2584).map(|n| n.bits()), Ok(4096));
        assert_eq!(int("3").pow(2585), Err(Overflow));
    }

    #[test]
    fn the_bound_is_on_the_magnitude() {
        let half = int("2").pow(4095).expect("4096 bits");
        assert_eq!(half.add(&half), Err(Overflow));
        let top = half.sub(&int("1")).and_then(|n| n.add(&half)).expect("4096 bits");
        assert_eq!(top.bits(), 4096);
        assert_eq!(top.add(&int("1")), Err(Overflow));
        assert_eq!(top.neg().sub(&int("1")), Err(Overflow));
        assert_eq!(top.bit_not(), Err(Overflow));
        assert_eq!(int(&top.to_string()), top);
    }

    #[test]
    fn text_that_is_not_an_integer() {
        for text in ["", "-", "+", "1.0", "1e5", " 1", "--1", "0x10", "1_000", "٣"] {
            assert_eq!(Integer::parse_decimal(text), Err(ParseIntegerError::Invalid), "{text}");
        }
        let nines = "9".repeat(1300);
        assert_eq!(Integer::parse_decimal(&nines), Err(ParseIntegerError::Overflow));
        assert_eq!(int(&format!("+{}7", "0".repeat(5000))), int("7"));
        assert_eq!(int("-0"), int("0"));
        assert_eq!(Integer::parse_hex_digits("00fF"), Ok(int("255")));
        assert_eq!(Integer::parse_hex_digits("000"), Ok(int("0")));
        let (most, more) = ("f".repeat(1024), "1".repeat(1025));
        assert_eq!(Integer::parse_hex_digits(&most).map(|n| n.bits()), Ok(4096));
        assert_eq!(Integer::parse_hex_digits(&more), Err(ParseIntegerError::Overflow));
        for text in ["", "g", "-1", "0x1"] {
            assert_eq!(Integer::parse_hex_digits(text), Err(ParseIntegerError::Invalid));
        }
    }
}
