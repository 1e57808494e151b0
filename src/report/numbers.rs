//! Numbers as people read them: thousands separators, three figures where there are no thousands.

/// A whole number with thousands separators: `1,234,567`.
pub fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with thousands separators, and as many decimals as keep three figures.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        v if !v.is_finite() => return value.to_string(),
        v if v >= 99.95 || v == 0.0 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        v => (2.0 - v.log10().floor()).clamp(3.0, 9.0) as usize,
    };
    with_decimals(value, decimals)
}

/// A number with thousands separators and exactly this many decimals.
pub fn with_decimals(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    // Beyond u64 there is nothing left to group for a reader.
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), thousands);
    let is_zero = text.bytes().all(|b| b == b'0' || b == b'.');
    let sign = if value < 0.0 && !is_zero { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_three() {
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (123_456, "123,456"), (9_876_543, "9,876,543")] {
            assert_eq!(thousands(value), text);
        }
    }

    #[test]
    fn three_figures() {
        for (value, text) in [
            (0.0, "0"),
            (0.001_234, "0.00123"),
            (0.5, "0.500"),
            (1.0, "1.00"),
            (9.996, "10.0"),
            (99.96, "100"),
            (1_234_567.8, "1,234,568"),
            (-1234.4, "-1,234"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(with_decimals(-0.001, 1), "0.0");
    }
}
