//! `Wide` as bits: length, shifts, two's complement operators, and the way to
//! and from floats, which is a matter of bits too.

use super::wide::{LIMB_COUNT, Limbs, Wide, add_limbs, high_half, low_half, negate_limbs, sub_limbs};

const BITS: u32 = 64 * LIMB_COUNT as u32;
const ONE: Limbs = [1, 0, 0, 0];

impl Wide {
    /// Bits of the magnitude: 0 for zero, at most 256.
    #[inline]
    pub const fn bit_length(self) -> u32 {
        let high = high_half(&self.limbs);
        if high == 0 { 128 - low_half(&self.limbs).leading_zeros() } else { BITS - high.leading_zeros() }
    }

    /// Shifted left, or `None` if a set bit would leave the 256.
    pub fn checked_shl(self, count: u32) -> Option<Self> {
        if self.is_zero() {
            return Some(self);
        }
        if count >= BITS || self.bit_length() + count > BITS {
            return None;
        }
        let (whole, part) = ((count / 64) as usize, count % 64);
        let mut limbs = [0; LIMB_COUNT];
        let mut below = 0;
        for (slot, &limb) in limbs[whole..].iter_mut().zip(&self.limbs) {
            let pair = u128::from(limb) << 64 | u128::from(below);
            *slot = (pair << part >> 64) as u64;
            below = limb;
        }
        Some(Self::from_parts(self.negative, limbs))
    }

    /// Arithmetic shift right: division by 2^count that floors.
    #[must_use]
    pub fn shift_right(self, count: u32) -> Self {
        if !self.negative {
            return Self::from_parts(false, shift_right_limbs(&self.limbs, count));
        }
        // floor(-m / 2^c) is -(floor((m - 1) / 2^c) + 1); m is at least 1.
        let (less, _) = sub_limbs(&self.limbs, &ONE);
        let (limbs, _) = add_limbs(&shift_right_limbs(&less, count), &ONE);
        Self::from_parts(true, limbs)
    }

    /// Bitwise and, as in two's complement without end; `None` past 256 bits
    /// (only -2^256 can be).
    pub fn bit_and(self, other: Self) -> Option<Self> {
        self.bitwise(other, |a, b| a & b)
    }

    /// Bitwise or, as in two's complement without end; `None` past 256 bits.
    pub fn bit_or(self, other: Self) -> Option<Self> {
        self.bitwise(other, |a, b| a | b)
    }

    /// Bitwise exclusive or, as in two's complement without end; `None` past
    /// 256 bits.
    pub fn bit_xor(self, other: Self) -> Option<Self> {
        self.bitwise(other, |a, b| a ^ b)
    }

    #[inline]
    fn bitwise(self, other: Self, operation: impl Fn(u64, u64) -> u64) -> Option<Self> {
        let (a, b) = (self.twos_complement(), other.twos_complement());
        let bits = [operation(a[0], b[0]), operation(a[1], b[1]), operation(a[2], b[2]), operation(a[3], b[3])];
        if operation(self.sign_bits(), other.sign_bits()) == 0 {
            return Some(Self::from_parts(false, bits));
        }
        // All 256 bits clear under a set sign is -2^256.
        (bits != [0; LIMB_COUNT]).then(|| Self::from_parts(true, negate_limbs(&bits)))
    }

    /// The lower 256 bits of the two's complement.
    fn twos_complement(self) -> Limbs {
        if self.negative { negate_limbs(&self.limbs) } else { self.limbs }
    }

    /// Every bit above the 256, as one limb.
    fn sign_bits(self) -> u64 {
        if self.negative { u64::MAX } else { 0 }
    }

    /// The nearest float, ties to the even one.
    #[inline]
    pub fn to_f64(self) -> f64 {
        let magnitude = if high_half(&self.limbs) == 0 {
            low_half(&self.limbs) as f64
        } else {
            let dropped = self.bit_length() - 128;
            let kept = low_half(&shift_right_limbs(&self.limbs, dropped));
            let exact = trailing_zeros(&self.limbs) >= dropped;
            // A set bit below stands for everything dropped: it breaks ties
            // and cannot make one, 75 bits under the float's last.
            (kept | u128::from(!exact)) as f64 * power_of_two(dropped)
        };
        if self.negative { -magnitude } else { magnitude }
    }

    /// The same number as a whole float below 2^256; `None` for any other.
    pub fn from_f64(number: f64) -> Option<Self> {
        let (mantissa, exponent) = split_whole(number)?;
        Self::from_parts(number < 0.0, [mantissa, 0, 0, 0]).checked_shl(exponent)
    }
}

/// `number` is `mantissa * 2^exponent` up to its sign, if it is whole.
pub(super) fn split_whole(number: f64) -> Option<(u64, u32)> {
    if !number.is_finite() || number.fract() != 0.0 {
        return None;
    }
    let magnitude = number.abs();
    if magnitude < 9_007_199_254_740_992.0 {
        return Some((magnitude as u64, 0));
    }
    // From 2^53 up every float is normal and whole.
    let bits = magnitude.to_bits();
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    Some((mantissa, (bits >> 52) as u32 - 1075))
}

/// 2^exponent, for exponents of a normal float.
pub(super) fn power_of_two(exponent: u32) -> f64 {
    debug_assert!(exponent <= 1023, "beyond a float's exponent");
    f64::from_bits(u64::from(exponent + 1023) << 52)
}

fn trailing_zeros(limbs: &Limbs) -> u32 {
    let low = low_half(limbs);
    if low == 0 { 128 + high_half(limbs).trailing_zeros() } else { low.trailing_zeros() }
}

/// Magnitude shifted right by any count.
fn shift_right_limbs(limbs: &Limbs, count: u32) -> Limbs {
    let (whole, part) = ((count / 64) as usize, count % 64);
    let mut shifted = [0; LIMB_COUNT];
    for i in whole..LIMB_COUNT {
        let above = limbs.get(i + 1).copied().unwrap_or(0);
        let pair = u128::from(above) << 64 | u128::from(limbs[i]);
        shifted[i - whole] = (pair >> part) as u64;
    }
    shifted
}
