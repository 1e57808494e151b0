//! Division of `Wide`: it floors, and the remainder takes the sign of the
//! divisor. Three ways through it: both sides below 2^128 (the hardware's and
//! the compiler's division), a divisor of one limb, and Knuth's algorithm D
//! (The Art of Computer Programming, volume 2, section 4.3.1).

use super::wide::{LIMB_COUNT, Limbs, Wide, add_limbs, compare_limbs, high_half, low_half, sub_limbs};
use std::cmp::Ordering;

const ONE: Limbs = [1, 0, 0, 0];

impl Wide {
    /// Quotient rounded towards minus infinity. It always fits. The caller has
    /// refused a zero divisor.
    #[inline]
    #[must_use]
    pub fn floor_div(self, divisor: Self) -> Self {
        let (quotient, remainder) = div_rem_limbs(&self.limbs, &divisor.limbs);
        let negative = self.negative ^ divisor.negative;
        if negative && remainder != [0; LIMB_COUNT] {
            // A remainder means a divisor of at least 2, so one more still fits.
            Self::from_parts(true, add_limbs(&quotient, &ONE).0)
        } else {
            Self::from_parts(negative, quotient)
        }
    }

    /// Remainder of [`Wide::floor_div`]: zero, or of the divisor's sign. The
    /// caller has refused a zero divisor.
    #[inline]
    #[must_use]
    pub fn floor_mod(self, divisor: Self) -> Self {
        let (_, remainder) = div_rem_limbs(&self.limbs, &divisor.limbs);
        if self.negative != divisor.negative && remainder != [0; LIMB_COUNT] {
            Self::from_parts(divisor.negative, sub_limbs(&divisor.limbs, &remainder).0)
        } else {
            Self::from_parts(divisor.negative, remainder)
        }
    }
}

/// Quotient and remainder of magnitudes.
#[inline]
fn div_rem_limbs(dividend: &Limbs, divisor: &Limbs) -> (Limbs, Limbs) {
    debug_assert!(*divisor != [0; LIMB_COUNT], "the caller refuses zero");
    if high_half(dividend) | high_half(divisor) == 0 {
        let (a, b) = (low_half(dividend), low_half(divisor));
        let quotient = a / b;
        (from_half(quotient), from_half(a - quotient * b))
    } else if divisor[1] | divisor[2] | divisor[3] == 0 {
        let (quotient, remainder) = div_rem_limb(dividend, divisor[0]);
        (quotient, [remainder, 0, 0, 0])
    } else if compare_limbs(dividend, divisor) == Ordering::Less {
        ([0; LIMB_COUNT], *dividend)
    } else {
        div_rem_knuth(dividend, divisor)
    }
}

fn from_half(half: u128) -> Limbs {
    [half as u64, (half >> 64) as u64, 0, 0]
}

/// Quotient and remainder by one limb.
pub(super) fn div_rem_limb(dividend: &Limbs, divisor: u64) -> (Limbs, u64) {
    let mut quotient = [0; LIMB_COUNT];
    let mut remainder = 0;
    for i in (0..LIMB_COUNT).rev() {
        if remainder == 0 {
            // Leading limbs: 64-bit division is several times cheaper.
            quotient[i] = dividend[i] / divisor;
            remainder = dividend[i] % divisor;
        } else {
            let part = u128::from(remainder) << 64 | u128::from(dividend[i]);
            let digit = part / u128::from(divisor);
            quotient[i] = digit as u64;
            remainder = (part - digit * u128::from(divisor)) as u64;
        }
    }
    (quotient, remainder)
}

/// Algorithm D: divisor of two limbs or more, dividend not below it.
fn div_rem_knuth(dividend: &Limbs, divisor: &Limbs) -> (Limbs, Limbs) {
    let length = significant_limbs(divisor);
    let shift = divisor[length - 1].leading_zeros();
    // D1, normalise: the divisor's top bit set makes the estimates tight.
    let (scaled, _) = shift_left(divisor, shift);
    let (low, top) = shift_left(dividend, shift);
    let mut rest = [low[0], low[1], low[2], low[3], top];
    let mut quotient = [0; LIMB_COUNT];
    for j in (0..=significant_limbs(dividend) - length).rev() {
        let estimate = estimate_digit(&rest[j..=j + length], &scaled[..length]);
        quotient[j] = subtract_multiple(&mut rest[j..=j + length], &scaled[..length], estimate);
    }
    let mut remainder = [0; LIMB_COUNT];
    for i in 0..length {
        // In u128, so that a shift of 0 needs no case of its own.
        let pair = u128::from(rest[i + 1]) << 64 | u128::from(rest[i]);
        remainder[i] = (pair >> shift) as u64;
    }
    (quotient, remainder)
}

fn significant_limbs(limbs: &Limbs) -> usize {
    limbs.iter().rposition(|&l| l != 0).map_or(0, |i| i + 1)
}

/// The limbs shifted left by less than 64, and the limb shifted out.
fn shift_left(limbs: &Limbs, shift: u32) -> (Limbs, u64) {
    let mut shifted = [0; LIMB_COUNT];
    let mut out = 0;
    for (i, &limb) in limbs.iter().enumerate() {
        let moved = u128::from(limb) << shift;
        shifted[i] = moved as u64 | out;
        out = (moved >> 64) as u64;
    }
    (shifted, out)
}

/// D3: a quotient digit that is right or one too big.
fn estimate_digit(rest: &[u64], divisor: &[u64]) -> u64 {
    let length = divisor.len();
    let top = u128::from(divisor[length - 1]);
    let second = u128::from(divisor[length - 2]);
    let head = u128::from(rest[length]) << 64 | u128::from(rest[length - 1]);
    let mut digit = head / top;
    let mut left = head - digit * top;
    while digit >> 64 != 0 || digit * second > (left << 64 | u128::from(rest[length - 2])) {
        digit -= 1;
        left += top;
        if left >> 64 != 0 {
            break;
        }
    }
    digit as u64
}

/// D4 to D6: takes `digit` times the divisor from `rest`, which is one limb
/// longer; adds it back once if the digit was one too big. Answers the digit.
fn subtract_multiple(rest: &mut [u64], divisor: &[u64], digit: u64) -> u64 {
    let length = divisor.len();
    let mut carry = 0;
    let mut borrow = false;
    for (slot, &limb) in rest.iter_mut().zip(divisor) {
        let product;
        (product, carry) = digit.carrying_mul(limb, carry);
        (*slot, borrow) = slot.borrowing_sub(product, borrow);
    }
    (rest[length], borrow) = rest[length].borrowing_sub(carry, borrow);
    if !borrow {
        return digit;
    }
    let mut carry = false;
    for (slot, &limb) in rest.iter_mut().zip(divisor) {
        (*slot, carry) = slot.carrying_add(limb, carry);
    }
    rest[length] = rest[length].wrapping_add(u64::from(carry));
    digit - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_follow_the_divisor() {
        for (a, b, quotient, remainder) in [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1)] {
            let (a, b) = (Wide::from_i64(a), Wide::from_i64(b));
            assert_eq!(a.floor_div(b), Wide::from_i64(quotient));
            assert_eq!(a.floor_mod(b), Wide::from_i64(remainder));
        }
    }

    /// Hacker's Delight's hard cases, in 64-bit limbs: the add-back step and an
    /// estimate of 2^64.
    #[test]
    fn knuth_corrections_are_taken() {
        let high = 1_u64 << 63;
        for (dividend, divisor) in [
            ([0, 0, high, high - 1], [1, 0, high, 0]),
            ([0, u64::MAX - 1, high, 0], [u64::MAX, high, 0, 0]),
            ([3, 0, high, 0], [1, 0, 1 << 61, 0]),
            ([0, 0, 0, high], [1, 0, 0, high - 1]),
            ([0, 0, high, high - 1], [u64::MAX, u64::MAX, high, 0]),
        ] {
            let (quotient, remainder) = div_rem_limbs(&dividend, &divisor);
            assert_eq!(compare_limbs(&remainder, &divisor), Ordering::Less);
            let product = Wide::from_parts(false, quotient)
                .checked_mul(Wide::from_parts(false, divisor))
                .expect("quotient times divisor is at most the dividend");
            let back = add_limbs(&product.limbs, &remainder);
            assert_eq!(back, (dividend, false));
        }
    }
}
