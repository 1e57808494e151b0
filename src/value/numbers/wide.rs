//! `Wide`: a sign and a 256-bit magnitude, with the operations that contract
//! code runs most on token amounts. Sign and magnitude rather than two's
//! complement, because amounts are multiplied, divided and printed far more
//! often than they are masked. Division, text and bits are in the `wide_*` files.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Neg;

/// Number of 64-bit limbs in a magnitude.
pub(super) const LIMB_COUNT: usize = 4;

/// A magnitude, least significant limb first.
pub(super) type Limbs = [u64; LIMB_COUNT];

/// An integer whose magnitude is below 2^256. Zero is never negative, so the
/// derived equality and hash are those of the number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wide {
    pub(super) limbs: Limbs,
    pub(super) negative: bool,
}

impl Wide {
    /// The number 0.
    pub const ZERO: Self = Self { limbs: [0; LIMB_COUNT], negative: false };

    /// From a sign and a magnitude, least significant limb first. The sign of
    /// a zero magnitude is dropped.
    #[inline]
    pub const fn from_parts(negative: bool, limbs: [u64; 4]) -> Self {
        let any = limbs[0] | limbs[1] | limbs[2] | limbs[3];
        Self { limbs, negative: negative && any != 0 }
    }

    /// The same number, wider.
    #[inline]
    pub const fn from_i64(number: i64) -> Self {
        Self { limbs: [number.unsigned_abs(), 0, 0, 0], negative: number < 0 }
    }

    /// The same number, wider.
    #[inline]
    pub const fn from_i128(number: i128) -> Self {
        let magnitude = number.unsigned_abs();
        Self { limbs: [magnitude as u64, (magnitude >> 64) as u64, 0, 0], negative: number < 0 }
    }

    /// The number if it fits 64 bits.
    #[inline]
    pub const fn to_i64(self) -> Option<i64> {
        let [low, rest @ ..] = self.limbs;
        if rest[0] | rest[1] | rest[2] != 0 {
            return None;
        }
        if self.negative { 0_i64.checked_sub_unsigned(low) } else { 0_i64.checked_add_unsigned(low) }
    }

    /// The magnitude, least significant limb first.
    #[inline]
    pub const fn limbs(&self) -> &[u64; 4] {
        &self.limbs
    }

    /// Whether the number is below zero.
    #[inline]
    pub const fn is_negative(self) -> bool {
        self.negative
    }

    /// Whether the number is zero.
    #[inline]
    pub const fn is_zero(self) -> bool {
        let limbs = self.limbs;
        limbs[0] | limbs[1] | limbs[2] | limbs[3] == 0
    }

    /// Whether 2 divides the number.
    #[inline]
    pub const fn is_even(self) -> bool {
        self.limbs[0] & 1 == 0
    }

    /// The magnitude with a plus sign.
    #[inline]
    #[must_use]
    pub const fn abs(self) -> Self {
        Self { limbs: self.limbs, negative: false }
    }

    /// The sum, or `None` if its magnitude passes 256 bits.
    #[inline]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.negative == other.negative {
            let (limbs, carry) = add_limbs(&self.limbs, &other.limbs);
            let negative = self.negative;
            (!carry).then_some(Self { limbs, negative })
        } else {
            let (difference, borrow) = sub_limbs(&self.limbs, &other.limbs);
            let limbs = if borrow { negate_limbs(&difference) } else { difference };
            Some(Self::from_parts(self.negative ^ borrow, limbs))
        }
    }

    /// The difference, or `None` if its magnitude passes 256 bits.
    #[inline]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(-other)
    }

    /// The product, or `None` if its magnitude passes 256 bits.
    #[inline]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let [_, _, a2, a3] = self.limbs;
        let [_, _, b2, b3] = other.limbs;
        let limbs = if a2 | a3 | b2 | b3 == 0 {
            mul_halves(&self.limbs, &other.limbs)
        } else {
            mul_limbs(&self.limbs, &other.limbs)?
        };
        Some(Self::from_parts(self.negative ^ other.negative, limbs))
    }
}

impl Neg for Wide {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        Self::from_parts(!self.negative, self.limbs)
    }
}

impl Ord for Wide {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => compare_limbs(&self.limbs, &other.limbs),
            (true, true) => compare_limbs(&other.limbs, &self.limbs),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Wide {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Wide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wide({self})")
    }
}

/// The lower 128 bits.
#[inline]
pub(super) const fn low_half(limbs: &Limbs) -> u128 {
    limbs[0] as u128 | (limbs[1] as u128) << 64
}

/// The upper 128 bits.
#[inline]
pub(super) const fn high_half(limbs: &Limbs) -> u128 {
    limbs[2] as u128 | (limbs[3] as u128) << 64
}

/// Order of two magnitudes.
#[inline]
pub(super) fn compare_limbs(a: &Limbs, b: &Limbs) -> Ordering {
    (high_half(a), low_half(a)).cmp(&(high_half(b), low_half(b)))
}

/// Sum modulo 2^256, and the carry out of it.
#[inline]
pub(super) fn add_limbs(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let (s0, carry) = a[0].carrying_add(b[0], false);
    let (s1, carry) = a[1].carrying_add(b[1], carry);
    let (s2, carry) = a[2].carrying_add(b[2], carry);
    let (s3, carry) = a[3].carrying_add(b[3], carry);
    ([s0, s1, s2, s3], carry)
}

/// Difference modulo 2^256, and the borrow out of it.
#[inline]
pub(super) fn sub_limbs(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let (d0, borrow) = a[0].borrowing_sub(b[0], false);
    let (d1, borrow) = a[1].borrowing_sub(b[1], borrow);
    let (d2, borrow) = a[2].borrowing_sub(b[2], borrow);
    let (d3, borrow) = a[3].borrowing_sub(b[3], borrow);
    ([d0, d1, d2, d3], borrow)
}

/// 2^256 minus the magnitude, modulo 2^256.
#[inline]
pub(super) fn negate_limbs(limbs: &Limbs) -> Limbs {
    sub_limbs(&[0; LIMB_COUNT], limbs).0
}

/// Product of two magnitudes below 2^128: it always fits.
#[inline]
fn mul_halves(a: &Limbs, b: &Limbs) -> Limbs {
    let (p0, carry) = a[0].carrying_mul(b[0], 0);
    let (p1, p2) = a[1].carrying_mul(b[0], carry);
    let (p1, carry) = a[0].carrying_mul_add(b[1], p1, 0);
    let (p2, p3) = a[1].carrying_mul_add(b[1], p2, carry);
    [p0, p1, p2, p3]
}

/// Schoolbook product, or `None` past 256 bits.
fn mul_limbs(a: &Limbs, b: &Limbs) -> Option<Limbs> {
    let mut product = [0_u64; 2 * LIMB_COUNT];
    for (i, &factor) in a.iter().enumerate() {
        let mut carry = 0;
        for (j, &limb) in b.iter().enumerate() {
            (product[i + j], carry) = factor.carrying_mul_add(limb, product[i + j], carry);
        }
        product[i + LIMB_COUNT] = carry;
    }
    let [low @ .., p4, p5, p6, p7] = product;
    (p4 | p5 | p6 | p7 == 0).then_some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_fills_a_heap_cell_of_40_bytes() {
        assert_eq!(size_of::<Wide>(), 40);
    }

    #[test]
    fn there_is_no_negative_zero() {
        let minus = Wide::from_i64(-5);
        let plus = Wide::from_i64(5);
        assert_eq!(minus.checked_add(plus), Some(Wide::ZERO));
        assert_eq!(plus.checked_sub(plus), Some(Wide::ZERO));
        assert_eq!(minus.checked_mul(Wide::ZERO), Some(Wide::ZERO));
        assert_eq!(-Wide::ZERO, Wide::ZERO);
        assert_eq!(minus.floor_mod(plus), Wide::ZERO);
    }

    #[test]
    fn i64_survives_the_round_trip_at_its_edges() {
        for number in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX] {
            assert_eq!(Wide::from_i64(number).to_i64(), Some(number));
        }
        assert_eq!(Wide::from_i128(i128::from(i64::MAX) + 1).to_i64(), None);
        assert_eq!(Wide::from_i128(i128::from(i64::MIN) - 1).to_i64(), None);
    }

    #[test]
    fn overflow_starts_at_exactly_256_bits() {
        let top = Wide::from_parts(false, [u64::MAX; 4]);
        let one = Wide::from_i64(1);
        assert_eq!(top.checked_add(one), None);
        assert_eq!((-top).checked_sub(one), None);
        assert_eq!(top.checked_mul(Wide::from_i64(2)), None);
        assert_eq!(top.checked_mul(-one), Some(-top));
        assert_eq!(top.checked_sub(top), Some(Wide::ZERO));
    }
}
