//! `Wide` to and from decimal text, 19 digits (the most a limb holds) at a time.

use super::wide::{LIMB_COUNT, Limbs, Wide};
use super::wide_division::div_rem_limb;
use std::fmt;

/// Digits that always fit a limb.
const CHUNK_DIGITS: usize = 19;
/// 10^19, the biggest power of ten below 2^64.
const CHUNK: u64 = 10_000_000_000_000_000_000;
/// 2^256 has 78 digits: five chunks hold them.
const TEXT_BYTES: usize = 5 * CHUNK_DIGITS;

impl Wide {
    /// From decimal digits alone (no sign, no separators). `None` if there is
    /// no digit, anything but digits, or more than 256 bits.
    pub fn parse_digits(negative: bool, digits: &str) -> Option<Self> {
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mut limbs = [0; LIMB_COUNT];
        for chunk in digits.as_bytes().chunks(CHUNK_DIGITS) {
            let (scale, addend) = chunk
                .iter()
                .fold((1_u64, 0_u64), |(scale, sum), &byte| (scale * 10, sum * 10 + u64::from(byte - b'0')));
            limbs = mul_add_limb(&limbs, scale, addend)?;
        }
        Some(Self::from_parts(negative, limbs))
    }
}

/// `limbs * factor + addend`, or `None` past 256 bits.
fn mul_add_limb(limbs: &Limbs, factor: u64, addend: u64) -> Option<Limbs> {
    let mut result = [0; LIMB_COUNT];
    let mut carry = addend;
    for (slot, &limb) in result.iter_mut().zip(limbs) {
        (*slot, carry) = limb.carrying_mul(factor, carry);
    }
    (carry == 0).then_some(result)
}

/// The decimal digits of a number without its sign.
#[derive(Debug)]
pub struct WideDigits {
    text: [u8; TEXT_BYTES],
    start: usize,
}

impl WideDigits {
    /// ASCII, at least one.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[self.start..]
    }
}

impl Wide {
    /// The digits of the magnitude.
    pub fn digits(&self) -> WideDigits {
        let mut text = [b'0'; TEXT_BYTES];
        let mut chunk_end = TEXT_BYTES;
        let mut start = TEXT_BYTES - 1;
        let mut rest = self.limbs;
        while rest != [0; LIMB_COUNT] {
            let mut chunk;
            (rest, chunk) = div_rem_limb(&rest, CHUNK);
            // Zeros inside a chunk are there already; those in front of the
            // top one are left out with `start`.
            let mut position = chunk_end;
            while chunk >= 10 {
                position -= 2;
                let pair = (chunk % 100) as u8;
                text[position] = b'0' + pair / 10;
                text[position + 1] = b'0' + pair % 10;
                chunk /= 100;
            }
            if chunk != 0 {
                position -= 1;
                text[position] = b'0' + chunk as u8;
            }
            start = position;
            chunk_end -= CHUNK_DIGITS;
        }
        WideDigits { text, start }
    }
}

impl fmt::Display for Wide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let digits = std::str::from_utf8(digits.as_bytes()).map_err(|_| fmt::Error)?;
        f.pad_integral(!self.negative, "", digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_round_amounts_keeps_inner_zeros() {
        let amount = "1000000000000000000000000000000000000000";
        for text in ["0", "7", "1000000000000000000", "10000000000000000000", amount] {
            let wide = Wide::parse_digits(false, text).expect("below 2^256");
            assert_eq!(wide.to_string(), text);
        }
        let minus = Wide::parse_digits(true, amount).expect("below 2^256");
        assert_eq!(minus.to_string(), format!("-{amount}"));
    }

    #[test]
    fn parse_refuses_what_is_not_digits_or_too_big() {
        let top = Wide::from_parts(false, [u64::MAX; 4]).to_string();
        assert!(top.ends_with("639935"));
        assert!(Wide::parse_digits(false, &top).is_some());
        let above = format!("{}6", &top[..top.len() - 1]);
        for text in ["", "-1", "1_000", "1 ", "0x1", &above] {
            assert_eq!(Wide::parse_digits(false, text), None, "{text}");
        }
    }
}
