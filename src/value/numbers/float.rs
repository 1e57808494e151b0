//! Floats as Python has them: their text, the remainder, and the ways to round
//! one to an integer.

use super::integer::Integer;

/// Appends Python's `repr`: the shortest text that reads back as the same
/// float, with an exponent below 10^-4 and from 10^16 up. Of two shortest texts
/// equally near, the even one: `ryu` and Python choose so, the standard library
/// does not (it writes 0.7736892700195313 for Python's ...312).
pub fn write_float(float: f64, out: &mut String) {
    if float.is_nan() {
        out.push_str("nan");
        return;
    }
    if float.is_sign_negative() {
        out.push('-');
    }
    if float.is_infinite() {
        out.push_str("inf");
        return;
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(float.abs());
    if let Some((mantissa, exponent)) = text.split_once('e') {
        write_exponent_form(mantissa, exponent, out);
    } else if let Some(digits) = text.strip_prefix("0.0000") {
        // ryu leaves out the exponent for one power of ten more than Python.
        let (first, rest) = digits.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        out.push_str("e-05");
    } else {
        out.push_str(text);
    }
}

/// With the exponent's sign always, and two digits of it at least.
fn write_exponent_form(mantissa: &str, exponent: &str, out: &mut String) {
    out.push_str(mantissa);
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ("e-", digits),
        None => ("e+", exponent),
    };
    out.push_str(sign);
    if digits.len() < 2 {
        out.push('0');
    }
    out.push_str(digits);
}

/// A float from text: decimal with an optional exponent, or `inf`, `infinity`,
/// `nan` in any case, each with an optional sign. The caller trims.
#[inline]
pub fn parse_float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Python's float `%`: zero, or of the divisor's sign; zero takes that sign
/// too. The caller has refused a zero divisor.
#[inline]
pub fn float_mod(dividend: f64, divisor: f64) -> f64 {
    let remainder = dividend % divisor;
    if remainder == 0.0 {
        0.0_f64.copysign(divisor)
    } else if (divisor < 0.0) != (remainder < 0.0) {
        remainder + divisor
    } else {
        remainder
    }
}

/// The biggest integer not above; `None` for an infinity or a NaN.
#[inline]
pub fn floor(float: f64) -> Option<Integer> {
    Integer::from_f64(float.floor())
}

/// The smallest integer not below; `None` for an infinity or a NaN.
#[inline]
pub fn ceil(float: f64) -> Option<Integer> {
    Integer::from_f64(float.ceil())
}

/// The nearest integer, a half to the even one; `None` for an infinity or a NaN.
#[inline]
pub fn round_half_even(float: f64) -> Option<Integer> {
    Integer::from_f64(float.round_ties_even())
}

/// The integer towards zero, as `int(x)` has it; `None` for an infinity or a NaN.
#[inline]
pub fn truncate(float: f64) -> Option<Integer> {
    Integer::from_f64(float.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(float: f64) -> String {
        let mut out = String::new();
        write_float(float, &mut out);
        out
    }

    /// Bits and the `repr` that Python 3.11 gives them.
    #[test]
    fn text_is_that_of_python() {
        for (bits, expected) in [
            // Two shortest texts equally near.
            (0x3e60_0000_0000_0000, "2.9802322387695312e-08"),
            (0x423d_1c7a_c804_2400, "125031860228.14062"),
            (0x3fe8_c210_0000_0000, "0.7736892700195312"),
            // The others.
            (0x0000_0000_0000_0000, "0.0"),
            (0x8000_0000_0000_0000, "-0.0"),
            (0x3ff0_0000_0000_0000, "1.0"),
            (0xbff0_0000_0000_0000, "-1.0"),
            (0x3fb9_9999_9999_999a, "0.1"),
            (0x3fc9_9999_9999_999a, "0.2"),
            (0x3fd3_3333_3333_3334, "0.30000000000000004"),
            (0x3ff8_0000_0000_0000, "1.5"),
            (0x4059_0000_0000_0000, "100.0"),
            (0x4009_1eb8_51eb_851f, "3.14"),
            (0x4004_0000_0000_0000, "2.5"),
            (0x430c_6bf5_2634_0000, "1000000000000000.0"),
            (0x42dc_1221_8377_de40, "123456789012345.0"),
            (0x4311_8b54_f22a_eb03, "1234567890123456.8"),
            (0x4341_c379_37e0_7fff, "9999999999999998.0"),
            (0x4341_c379_37e0_8000, "1e+16"),
            (0x4345_ee2a_2eb5_a5c4, "1.2345678901234568e+16"),
            (0x4376_3457_85d8_a000, "1e+17"),
            (0x4415_af1d_78b5_8c40, "1e+20"),
            (0x4420_4356_1a88_2930, "1.5e+20"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x4480_f0cf_064d_d592, "1e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x54b2_49ad_2594_c37d, "1e+100"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x0010_0000_0000_0000, "2.2250738585072014e-308"),
            (0x000f_ffff_ffff_ffff, "2.225073858507201e-308"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x0000_0000_0000_0002, "1e-323"),
            (0x3f1a_36e2_eb1c_432d, "0.0001"),
            (0x3ee4_f8b5_88e3_68f1, "1e-05"),
            (0x3f50_624d_d2f1_a9fc, "0.001"),
            (0x3f1a_36e2_eb1c_432d, "0.0001"),
            (0x3f20_2e4b_6ce5_dc68, "0.00012345"),
            (0x3ee4_f8b5_88e3_68f1, "1e-05"),
            (0x3e84_21f5_f40d_8376, "1.5e-07"),
            (0xbe84_21f5_f40d_8376, "-1.5e-07"),
            (0x3ddb_7cdf_d9d7_bdbb, "1e-10"),
            (0x3f18_e757_928e_0c9e, "9.5e-05"),
            (0x3f1a_3637_1ea5_31a8, "9.999e-05"),
            (0x3fbf_9add_3746_f659, "0.1234567890123456"),
            (0x3fd5_5555_5555_5555, "0.3333333333333333"),
            (0x3fe5_5555_5555_5555, "0.6666666666666666"),
            (0x400a_aaaa_aaaa_aaab, "3.3333333333333335"),
            (0x4040_aaaa_aaaa_aaab, "33.333333333333336"),
            (0x4101_7049_2492_4925, "142857.14285714287"),
            (0x4340_0000_0000_0000, "9007199254740992.0"),
            (0x4340_0000_0000_0001, "9007199254740994.0"),
            (0x43e0_0000_0000_0000, "9.223372036854776e+18"),
            (0x43f0_0000_0000_0000, "1.8446744073709552e+19"),
            (0x3d30_0000_0000_0000, "5.684341886080802e-14"),
            (0x3eb0_0000_0000_0000, "9.5367431640625e-07"),
            (0x0010_0000_0000_0000, "2.2250738585072014e-308"),
            (0x4093_4a45_6d5c_faad, "1234.5678"),
            (0x408f_4000_0000_0000, "1000.0"),
            (0x4331_c379_37e0_8000, "5000000000000000.0"),
            (0x4311_7ab6_c44b_8000, "1230000000000000.0"),
            (0x4011_6666_6666_6666, "4.35"),
            (0x3fe2_3d70_a3d7_0a3d, "0.57"),
            (0x3ff3_5c28_f5c2_8f5d, "1.2100000000000002"),
            (0x4278_bcfe_5680_01f8, "1700000000000.123"),
            (0x4278_97bd_9847_b74f, "1690000000123.4568"),
            (0xc341_c379_37e0_8000, "-1e+16"),
            (0xc0fe_240c_9fbe_76c9, "-123456.789"),
            (0x44df_e185_ca57_c517, "6.02214076e+23"),
            (0x390b_860b_de02_3111, "6.62607015e-34"),
            (0x3e7a_d7f2_9abc_af48, "1e-07"),
            (0x4340_0000_0000_0000, "9007199254740992.0"),
            (0x3fe9_9999_9999_9999, "0.7999999999999999"),
            (0x430c_6bf5_2634_0002, "1000000000000000.2"),
            (0x42d6_bcc4_1e8f_ffff, "99999999999999.98"),
            (0x447c_7e83_209e_90b2, "8.41e+21"),
            (0x4450_0000_0000_0000, "1.1805916207174113e+21"),
            (0x7ff0_0000_0000_0000, "inf"),
            (0xfff0_0000_0000_0000, "-inf"),
            (0x7ff8_0000_0000_0000, "nan"),
        ] {
            let float = f64::from_bits(bits);
            assert_eq!(text(float), expected);
            let back = parse_float(expected).expect("a float's own text");
            assert!(back.to_bits() == bits || float.is_nan() && back.is_nan(), "{expected}");
        }
    }

    #[test]
    fn text_is_appended() {
        let mut out = String::from("x = ");
        write_float(1e20, &mut out);
        assert_eq!(out, "x = 1e+20");
    }

    #[test]
    fn parse_accepts_the_forms_of_the_language_alone() {
        for (text, expected) in [
            ("5.", 5.0),
            (".5", 0.5),
            ("+1e3", 1000.0),
            ("1.5E-2", 0.015),
            ("7", 7.0),
            ("INF", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("1e999", f64::INFINITY),
        ] {
            assert_eq!(parse_float(text), Some(expected), "{text}");
        }
        assert!(parse_float("NaN").is_some_and(f64::is_nan));
        for text in ["", ".", "-", "1e", "e5", "1_0", " 1", "0x1", "1.5f", "infin", "1.2.3"] {
            assert_eq!(parse_float(text), None, "{text}");
        }
    }

    /// Dividend, divisor, and what Python 3.11 makes of them, sign of zero included.
    #[test]
    fn remainder_is_that_of_python() {
        for (dividend, divisor, expected) in [
            (5.5, 2.0, 1.5),
            (-5.5, 2.0, 0.5),
            (5.5, -2.0, -0.5),
            (-5.5, -2.0, -1.5),
            (0.0, 3.0, 0.0),
            (-0.0, 3.0, 0.0),
            (0.0, -3.0, -0.0),
            (4.0, 2.0, 0.0),
            (-4.0, 2.0, 0.0),
            (4.0, -2.0, -0.0),
            (5.0, f64::INFINITY, 5.0),
            (-5.0, f64::INFINITY, f64::INFINITY),
            (5.0, f64::NEG_INFINITY, f64::NEG_INFINITY),
            (-1e-20, 3.0, 3.0),
            (1e17, 3.0, 1.0),
            (0.3, 0.1, 0.099_999_999_999_999_98),
        ] {
            let remainder = float_mod(dividend, divisor);
            assert_eq!(remainder.to_bits(), f64::to_bits(expected), "{dividend} % {divisor}");
        }
        assert!(float_mod(f64::INFINITY, 3.0).is_nan());
        assert!(float_mod(f64::NAN, 3.0).is_nan());
    }

    #[test]
    fn rounding_to_integers() {
        let small = |number: i64| Some(Integer::Small(number));
        for (float, down, up, nearest, towards_zero) in [
            (0.5, 0, 1, 0, 0),
            (1.5, 1, 2, 2, 1),
            (2.5, 2, 3, 2, 2),
            (-0.5, -1, 0, 0, 0),
            (-1.5, -2, -1, -2, -1),
            (-2.7, -3, -2, -3, -2),
            (0.499_999_999_999_999_94, 0, 1, 0, 0),
            (7.0, 7, 7, 7, 7),
        ] {
            assert_eq!(floor(float), small(down));
            assert_eq!(ceil(float), small(up));
            assert_eq!(round_half_even(float), small(nearest));
            assert_eq!(truncate(float), small(towards_zero));
        }
        assert_eq!(floor(1e20).map(|n| n.to_string()).as_deref(), Some("100000000000000000000"));
        for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(floor(float), None);
            assert_eq!(ceil(float), None);
            assert_eq!(round_half_even(float), None);
            assert_eq!(truncate(float), None);
        }
    }
}
