//! Every integer operation against `BigInt`, on seeded values that crowd the
//! edges between the forms.

use super::{BITS_MAX, Integer, Overflow, Wide};
use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer as _;
use num_traits::{ToPrimitive, Zero};

/// Marsaglia's xorshift64: the same values in every run.
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Near a power of two where forms and limbs end, small, or of any length.
    fn value(&mut self) -> BigInt {
        const EDGES: [u32; 12] = [31, 53, 63, 64, 127, 128, 191, 192, 255, 256, 257, 320];
        let magnitude = match self.below(4) {
            0 => BigInt::from(self.below(20)),
            1 => {
                let edge = EDGES[self.below(12) as usize];
                (BigInt::from(1) << edge) + BigInt::from(self.below(7)) - 3
            }
            2 => {
                // Limbs of all ones or zeros drive carries and Knuth's corrections.
                let pattern = |r: &mut Self| match r.below(4) {
                    0 => 0,
                    1 => u64::MAX,
                    2 => 1 << 63,
                    _ => r.next(),
                };
                (0..=self.below(5)).fold(BigInt::zero(), |sum, _| (sum << 64) + pattern(self))
            }
            _ => {
                let length = self.below(300);
                let wide = (0..5).fold(BigInt::zero(), |sum, _| (sum << 64) + self.next());
                wide >> (320 - length)
            }
        };
        if self.below(2) == 0 { magnitude } else { -magnitude }
    }
}

fn int(big: &BigInt) -> Integer {
    Integer::from_big(big.clone()).expect("within the bound")
}

/// The result is the oracle's, in the smallest form, within the bound.
#[track_caller]
fn same(result: Result<Integer, Overflow>, expected: &BigInt, what: &str) {
    let Ok(result) = result else {
        assert!(expected.bits() > BITS_MAX, "{what}: overflow too early");
        return;
    };
    assert_eq!(result.to_big(), *expected, "{what}");
    let smallest = match &result {
        Integer::Small(_) => expected.to_i64().is_some(),
        Integer::Wide(_) => expected.to_i64().is_none() && expected.bits() <= 256,
        Integer::Huge(_) => (257..=BITS_MAX).contains(&expected.bits()),
    };
    assert!(smallest, "{what}: {result:?} is not the smallest form");
}

#[test]
fn arithmetic_and_order() {
    let mut random = Xorshift(0x5eed_0001);
    for _ in 0..20_000 {
        let (a, b) = (random.value(), random.value());
        let (x, y) = (int(&a), int(&b));
        same(x.add(&y), &(&a + &b), &format!("{a} + {b}"));
        same(x.sub(&y), &(&a - &b), &format!("{a} - {b}"));
        same(x.mul(&y), &(&a * &b), &format!("{a} * {b}"));
        same(Ok(x.neg()), &-&a, &format!("-({a})"));
        same(Ok(x.abs()), &BigInt::from(a.magnitude().clone()), &format!("abs {a}"));
        assert_eq!(x.cmp(&y), a.cmp(&b), "{a} <=> {b}");
        assert_eq!(x == y, a == b, "{a} == {b}");
        assert_eq!(x.is_even(), a.is_even(), "{a} is even");
        assert_eq!(x.bits(), a.bits(), "bits of {a}");
        if !b.is_zero() {
            same(Ok(x.floor_div(&y)), &a.div_floor(&b), &format!("{a} / {b}"));
            same(Ok(x.floor_mod(&y)), &a.mod_floor(&b), &format!("{a} % {b}"));
        }
    }
}

/// `with_wides` gives up on an overflow, so `Wide` alone is asked as well.
#[test]
fn wide_overflows_exactly_past_256_bits() {
    let mut random = Xorshift(0x5eed_0002);
    for _ in 0..20_000 {
        let (a, b) = (random.value(), random.value());
        let (Some(x), Some(y)) = (int(&a).to_wide(), int(&b).to_wide()) else {
            continue;
        };
        let check = |result: Option<Wide>, expected: BigInt, what: &str| {
            let fits = expected.bits() <= 256;
            let big = result.map(|wide| Integer::from(wide).to_big());
            assert_eq!(big, fits.then_some(expected), "{a} {what} {b}");
        };
        check(x.checked_add(y), &a + &b, "+");
        check(x.checked_sub(y), &a - &b, "-");
        check(x.checked_mul(y), &a * &b, "*");
        check(x.bit_and(y), &a & &b, "&");
        check(x.bit_or(y), &a | &b, "|");
        check(x.bit_xor(y), &a ^ &b, "^");
        assert_eq!(x.cmp(&y), a.cmp(&b), "{a} <=> {b}");
    }
}

#[test]
fn bits_and_shifts() {
    let mut random = Xorshift(0x5eed_0003);
    for _ in 0..20_000 {
        let (a, b) = (random.value(), random.value());
        let (x, y) = (int(&a), int(&b));
        same(x.bit_and(&y), &(&a & &b), &format!("{a} & {b}"));
        same(x.bit_or(&y), &(&a | &b), &format!("{a} | {b}"));
        same(x.bit_xor(&y), &(&a ^ &b), &format!("{a} ^ {b}"));
        same(x.bit_not(), &!&a, &format!("~({a})"));
        let count = match random.below(8) {
            0 => [0, 63, 64, 128, 255, 256, 4095, 4096][random.below(8) as usize],
            _ => random.below(400) as u32,
        };
        same(x.shl(count), &(&a << count), &format!("{a} << {count}"));
        same(Ok(x.shr(count)), &(&a >> count), &format!("{a} >> {count}"));
    }
}

#[test]
fn powers() {
    let mut random = Xorshift(0x5eed_0004);
    for _ in 0..2_000 {
        let base = random.value();
        let exponent = random.below(40) as u32;
        let what = format!("({base}) ** {exponent}");
        same(int(&base).pow(u64::from(exponent)), &base.pow(exponent), &what);
    }
}

#[test]
fn text_both_ways() {
    let mut random = Xorshift(0x5eed_0005);
    for _ in 0..5_000 {
        let a = random.value();
        let text = a.to_string();
        assert_eq!(int(&a).to_string(), text);
        assert_eq!(Integer::parse_decimal(&text), Ok(int(&a)));
        let hex = a.magnitude().to_str_radix(16);
        let magnitude = BigInt::from_biguint(Sign::Plus, a.magnitude().clone());
        assert_eq!(Integer::parse_hex_digits(&hex), Ok(int(&magnitude)));
    }
}

/// The standard library's decimal parser rounds correctly: it is the oracle.
#[test]
fn nearest_floats_and_back() {
    let mut random = Xorshift(0x5eed_0006);
    for _ in 0..20_000 {
        let a = random.value() << random.below(300);
        let x = int(&a);
        let float: f64 = a.to_string().parse().expect("digits");
        assert_eq!(x.to_f64(), float, "{a}");
        // The exact value of the float, and of its neighbours.
        for near in [float, float.next_up(), float.next_down()] {
            if near.fract() != 0.0 {
                continue;
            }
            let exact = exact_integer(near);
            assert_eq!(x.partial_cmp_f64(near), Some(a.cmp(&exact)), "{a} <=> {near}");
            same(Integer::from_f64(near).ok_or(Overflow), &exact, &format!("{near}"));
        }
    }
}

/// A whole float printed without an exponent is its exact value.
fn exact_integer(float: f64) -> BigInt {
    let digits = format!("{:.0}", float.abs());
    let magnitude = BigUint::parse_bytes(digits.as_bytes(), 10).expect("digits");
    let sign = if float < 0.0 { Sign::Minus } else { Sign::Plus };
    BigInt::from_biguint(sign, magnitude)
}
