//! Where integers and floats meet: conversion that is exact or says so, and
//! comparison that never rounds either side.

use super::integer::Integer;
use super::wide::Wide;
use super::wide_bits::{power_of_two, split_whole};
use num_bigint::{BigInt, BigUint};
use std::cmp::Ordering;

/// 2^63, the first float above every `i64`.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// Exact order of an integer and a float; `None` for a NaN.
#[inline]
pub fn cmp_i64_f64(integer: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        None
    } else if float >= TWO_TO_63 {
        Some(Ordering::Less)
    } else if float < -TWO_TO_63 {
        Some(Ordering::Greater)
    } else {
        // In range, so the cast is exact; a tie is up to the fraction.
        let whole = float.trunc();
        let tie = whole.partial_cmp(&float)?;
        Some(integer.cmp(&(whole as i64)).then(tie))
    }
}

impl Integer {
    /// The nearest float, ties to the even one; an infinity beyond the floats.
    #[inline]
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::Small(small) => *small as f64,
            Self::Wide(wide) => wide.to_f64(),
            Self::Huge(big) => {
                let magnitude = nearest_f64(big.magnitude());
                if self.is_negative() { -magnitude } else { magnitude }
            }
        }
    }

    /// The same number as a whole float; `None` for a fraction, an infinity or
    /// a NaN.
    #[inline]
    pub fn from_f64(float: f64) -> Option<Self> {
        if float.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&float) {
            return Some(Self::Small(float as i64));
        }
        if let Some(wide) = Wide::from_f64(float) {
            return Some(wide.into());
        }
        let (mantissa, exponent) = split_whole(float)?;
        let magnitude = BigInt::from(mantissa) << exponent;
        // At most 1024 bits.
        Some(Self::in_bound(if float < 0.0 { -magnitude } else { magnitude }))
    }

    /// Exact order of an integer and a float; `None` for a NaN.
    #[inline]
    pub fn partial_cmp_f64(&self, float: f64) -> Option<Ordering> {
        if let Self::Small(small) = self {
            return cmp_i64_f64(*small, float);
        }
        if float.is_nan() {
            return None;
        }
        // Beyond 64 bits a fraction cannot decide: a float with one is below
        // 2^53. An infinity has no integer, and is beyond them all.
        match Self::from_f64(float.trunc()) {
            Some(whole) => Some(self.cmp(&whole)),
            None if float > 0.0 => Some(Ordering::Less),
            None => Some(Ordering::Greater),
        }
    }

    /// The number to a negative integer power: a float, as the language has it.
    /// The caller has refused a zero base.
    pub fn pow_to_float(&self, exponent: &Self) -> f64 {
        self.to_f64().powf(exponent.to_f64())
    }
}

/// The nearest float to a magnitude of 257 bits or more.
fn nearest_f64(magnitude: &BigUint) -> f64 {
    let dropped = magnitude.bits() - 64;
    if dropped > 1024 - 64 {
        return f64::INFINITY;
    }
    let kept = (magnitude >> dropped).iter_u64_digits().next().unwrap_or(0);
    let exact = magnitude.trailing_zeros().is_none_or(|zeros| zeros >= dropped);
    // A set bit below stands for everything dropped: it breaks ties and cannot
    // make one, 11 bits under the float's last.
    (kept | u64::from(!exact)) as f64 * power_of_two(dropped as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(exponent: u64) -> Integer {
        Integer::Small(2).pow(exponent).expect("within the bound")
    }

    #[test]
    fn comparison_is_exact_at_2_to_53() {
        let edge = 1_i64 << 53;
        let float = edge as f64;
        assert_eq!(cmp_i64_f64(edge, float), Some(Ordering::Equal));
        // As floats these two are equal.
        assert_eq!(cmp_i64_f64(edge + 1, float), Some(Ordering::Greater));
        assert_eq!(cmp_i64_f64(-edge - 1, -float), Some(Ordering::Less));
        assert_eq!(cmp_i64_f64(edge - 1, float), Some(Ordering::Less));
    }

    #[test]
    fn comparison_is_exact_at_2_to_63() {
        assert_eq!(cmp_i64_f64(i64::MAX, TWO_TO_63), Some(Ordering::Less));
        assert_eq!(cmp_i64_f64(i64::MIN, -TWO_TO_63), Some(Ordering::Equal));
        assert_eq!(cmp_i64_f64(i64::MIN, (-TWO_TO_63).next_down()), Some(Ordering::Greater));
        assert_eq!(power(63).partial_cmp_f64(TWO_TO_63), Some(Ordering::Equal));
        assert_eq!(power(63).partial_cmp_f64(TWO_TO_63.next_up()), Some(Ordering::Less));
        assert_eq!(power(63).partial_cmp_f64(TWO_TO_63.next_down()), Some(Ordering::Greater));
    }

    #[test]
    fn fractions_infinities_and_nan() {
        assert_eq!(cmp_i64_f64(3, 3.5), Some(Ordering::Less));
        assert_eq!(cmp_i64_f64(-3, -3.5), Some(Ordering::Greater));
        assert_eq!(cmp_i64_f64(0, -0.0), Some(Ordering::Equal));
        assert_eq!(cmp_i64_f64(0, 5e-324), Some(Ordering::Less));
        let huge = power(4095);
        for integer in [Integer::Small(i64::MAX), power(200), huge] {
            assert_eq!(integer.partial_cmp_f64(f64::INFINITY), Some(Ordering::Less));
            assert_eq!(integer.partial_cmp_f64(f64::NEG_INFINITY), Some(Ordering::Greater));
            assert_eq!(integer.partial_cmp_f64(f64::NAN), None);
        }
        assert_eq!(power(4095).partial_cmp_f64(f64::MAX), Some(Ordering::Greater));
    }

    #[test]
    fn whole_floats_become_the_integer() {
        assert_eq!(Integer::from_f64(-0.0), Some(Integer::Small(0)));
        assert_eq!(Integer::from_f64(-TWO_TO_63), Some(Integer::Small(i64::MIN)));
        assert_eq!(Integer::from_f64(TWO_TO_63), Some(power(63)));
        assert_eq!(Integer::from_f64(2_f64.powi(255)), Some(power(255)));
        assert_eq!(Integer::from_f64(2_f64.powi(256)), Some(power(256)));
        assert_eq!(Integer::from_f64(-2_f64.powi(1023)), Some(power(1023).neg()));
        assert_eq!(Integer::from_f64(f64::MAX).map(|n| n.bits()), Some(1024));
        for float in [0.5, -1e-300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Integer::from_f64(float), None);
        }
    }

    #[test]
    fn nearest_float_breaks_ties_to_even_and_ends_at_infinity() {
        for exponent in [60, 100, 200, 250, 300, 900] {
            let (unit, half) = (power(exponent), power(exponent - 53));
            let float = 2_f64.powi(exponent as i32);
            let tie = unit.add(&half).expect("within the bound");
            let above = tie.add(&Integer::Small(1)).expect("within the bound");
            assert_eq!(tie.to_f64(), float);
            assert_eq!(above.to_f64(), float.next_up());
            let odd_tie = tie.add(&half).and_then(|n| n.add(&half)).expect("in bound");
            assert_eq!(odd_tie.neg().to_f64(), -float.next_up().next_up());
        }
        let top = Integer::from_f64(f64::MAX).expect("whole");
        let half = power(970);
        let below = top.add(&half).and_then(|n| n.sub(&Integer::Small(1)));
        assert_eq!(below.map(|n| n.to_f64()), Ok(f64::MAX));
        assert_eq!(top.add(&half).map(|n| n.to_f64()), Ok(f64::INFINITY));
        assert_eq!(power(1024).neg().to_f64(), f64::NEG_INFINITY);
    }

    #[test]
    fn negative_powers_are_floats() {
        assert_eq!(Integer::Small(10).pow_to_float(&Integer::Small(-2)), 0.01);
        assert_eq!(Integer::Small(-2).pow_to_float(&Integer::Small(-3)), -0.125);
    }
}
