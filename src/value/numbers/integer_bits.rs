//! Shifts and bit operators of `Integer`: two's complement without end, so
//! that `-1` has every bit set.

use super::integer::{BITS_MAX, Integer, Overflow};
use num_bigint::BigInt;

/// The biggest shift count of the language; the caller has refused more.
pub const SHIFT_MAX: u32 = 4096;

impl Integer {
    /// Bits of the magnitude: 0 for zero.
    #[inline]
    pub fn bits(&self) -> u64 {
        match self {
            Self::Small(small) => u64::from(64 - small.unsigned_abs().leading_zeros()),
            Self::Wide(wide) => u64::from(wide.bit_length()),
            Self::Huge(big) => big.bits(),
        }
    }

    /// Shifted left by 0 to [`SHIFT_MAX`].
    #[inline]
    pub fn shl(&self, count: u32) -> Result<Self, Overflow> {
        debug_assert!(count <= SHIFT_MAX, "the caller refuses longer shifts");
        if let Self::Small(small) = self
            && count < 64
            && small << count >> count == *small
        {
            return Ok(Self::Small(small << count));
        }
        if self.is_zero() {
            return Ok(Self::Small(0));
        }
        if self.bits() + u64::from(count) > BITS_MAX {
            return Err(Overflow);
        }
        match self.to_wide().and_then(|wide| wide.checked_shl(count)) {
            Some(wide) => Ok(wide.into()),
            None => Self::from_big(self.to_big() << count),
        }
    }

    /// Arithmetic shift right by 0 to [`SHIFT_MAX`]: it floors.
    #[inline]
    #[must_use]
    pub fn shr(&self, count: u32) -> Self {
        debug_assert!(count <= SHIFT_MAX, "the caller refuses longer shifts");
        match self {
            Self::Small(small) => Self::Small(small >> count.min(63)),
            Self::Wide(wide) => wide.shift_right(count).into(),
            Self::Huge(big) => Self::in_bound(&**big >> count),
        }
    }

    /// Bitwise and.
    #[inline]
    pub fn bit_and(&self, other: &Self) -> Result<Self, Overflow> {
        if let (Self::Small(a), Self::Small(b)) = (self, other) {
            return Ok(Self::Small(a & b));
        }
        self.with_wides(other, super::Wide::bit_and).map_or_else(|| Self::from_big(self.to_big() & other.to_big()), Ok)
    }

    /// Bitwise or.
    #[inline]
    pub fn bit_or(&self, other: &Self) -> Result<Self, Overflow> {
        if let (Self::Small(a), Self::Small(b)) = (self, other) {
            return Ok(Self::Small(a | b));
        }
        self.with_wides(other, super::Wide::bit_or).map_or_else(|| Self::from_big(self.to_big() | other.to_big()), Ok)
    }

    /// Bitwise exclusive or.
    #[inline]
    pub fn bit_xor(&self, other: &Self) -> Result<Self, Overflow> {
        if let (Self::Small(a), Self::Small(b)) = (self, other) {
            return Ok(Self::Small(a ^ b));
        }
        self.with_wides(other, super::Wide::bit_xor).map_or_else(|| Self::from_big(self.to_big() ^ other.to_big()), Ok)
    }

    /// Every bit the other way: `-x - 1`.
    #[inline]
    pub fn bit_not(&self) -> Result<Self, Overflow> {
        match self {
            Self::Small(small) => Ok(Self::Small(!small)),
            Self::Wide(_) => self.neg().sub(&Self::Small(1)),
            Self::Huge(big) => Self::from_big(-&**big - BigInt::from(1)),
        }
    }
}
