//! The values of literals: integers of any size, escapes in strings.

use std::fmt::Write as _;

use super::ast::ExprKind;

/// Bits an integer may have.
const MAX_BITS: usize = 4096;
/// Decimal digits of 2 to the power [`MAX_BITS`]: fewer always fit.
const MAX_DIGITS: usize = 1234;
/// Limbs of nine decimal digits.
const LIMB: u64 = 1_000_000_000;

/// The value of an integer literal; `None` if it has more than 4,096 bits.
pub(super) fn integer(text: &str) -> Option<ExprKind> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = hexadecimal.map_or((text, 10), |digits| (digits, 16));
    if let Ok(value) = i64::from_str_radix(digits, radix) {
        return Some(ExprKind::Int(value));
    }
    let digits = digits.trim_start_matches('0');
    if radix == 16 {
        return (digits.len() * 4 <= MAX_BITS).then(|| ExprKind::BigInt(hex_to_decimal(digits).into()));
    }
    let fits = digits.len() < MAX_DIGITS || digits.len() == MAX_DIGITS && digits < limit().as_str();
    fits.then(|| ExprKind::BigInt(digits.into()))
}

/// The first integer that is too large, in decimal.
fn limit() -> String {
    hex_to_decimal(&format!("1{}", "0".repeat(MAX_BITS / 4)))
}

/// Quadratic in the length, which the caller bounds at about 1,025 digits.
fn hex_to_decimal(digits: &str) -> String {
    let mut limbs: Vec<u64> = Vec::with_capacity(digits.len() / 7 + 1);
    for digit in digits.bytes() {
        let mut carry = u64::from((digit as char).to_digit(16).unwrap_or(0));
        for limb in &mut limbs {
            let value = *limb * 16 + carry;
            *limb = value % LIMB;
            carry = value / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut text = limbs.pop().unwrap_or(0).to_string();
    for limb in limbs.iter().rev() {
        let _ = write!(text, "{limb:09}");
    }
    text
}

/// An escape that names no character: its byte offset in the text, and its length.
pub(super) type BadEscape = (usize, usize);

/// The text of a string with its escapes decoded.
pub(super) fn decode(raw: &str) -> Result<Box<str>, BadEscape> {
    if !raw.contains('\\') {
        return Ok(raw.into());
    }
    let mut text = String::with_capacity(raw.len());
    unescape(raw, |piece| match piece {
        Piece::Text(piece) => text.push_str(piece),
        Piece::Char(char) => text.push(char),
        Piece::Byte(byte) => text.push(byte as char),
    })?;
    Ok(text.into())
}

/// The bytes of a `b"..."`: `\xNN` is one byte, any other character is its UTF-8.
pub(super) fn decode_bytes(raw: &str) -> Result<Box<[u8]>, BadEscape> {
    let mut bytes = Vec::with_capacity(raw.len());
    unescape(raw, |piece| match piece {
        Piece::Text(piece) => bytes.extend_from_slice(piece.as_bytes()),
        Piece::Char(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        Piece::Byte(byte) => bytes.push(byte),
    })?;
    Ok(bytes.into())
}

enum Piece<'a> {
    Text(&'a str),
    Char(char),
    Byte(u8),
}

fn unescape<'a>(raw: &'a str, mut give: impl FnMut(Piece<'a>)) -> Result<(), BadEscape> {
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        give(Piece::Text(&rest[..at]));
        let offset = raw.len() - rest.len() + at;
        let escape = &rest[at + 1..];
        let Some(letter) = escape.chars().next() else {
            give(Piece::Text("\\"));
            return Ok(());
        };
        let mut used = letter.len_utf8();
        match letter {
            'n' => give(Piece::Char('\n')),
            't' => give(Piece::Char('\t')),
            'r' => give(Piece::Char('\r')),
            '0' => give(Piece::Char('\0')),
            'x' => match fixed_hex(&escape[1..], 2) {
                Some(value) => {
                    give(Piece::Byte(value as u8));
                    used = 3;
                }
                None => give(Piece::Char('x')),
            },
            'u' => match unicode(&escape[1..]) {
                Some((value, length)) => {
                    used = 1 + length;
                    give(Piece::Char(char::from_u32(value).ok_or((offset, 1 + used))?));
                }
                None => give(Piece::Char('u')),
            },
            other => give(Piece::Char(other)),
        }
        rest = &escape[used..];
    }
    give(Piece::Text(rest));
    Ok(())
}

fn fixed_hex(text: &str, length: usize) -> Option<u32> {
    let digits = text.get(..length)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// What follows `\u`: the code point and the length of its text; a surrogate pair is one character.
fn unicode(text: &str) -> Option<(u32, usize)> {
    if let Some(braced) = text.strip_prefix('{') {
        // At most eight digits are looked at, so that no unclosed brace is searched for twice.
        let window = &braced.as_bytes()[..braced.len().min(9)];
        let length = window.iter().position(|byte| *byte == b'}')?;
        return Some((fixed_hex(braced, length)?, length + 2));
    }
    let high = fixed_hex(text, 4)?;
    if (0xd800..0xdc00).contains(&high)
        && let Some(second) = text[4..].strip_prefix("\\u")
        && let Some(low @ 0xdc00..0xe000) = fixed_hex(second, 4)
    {
        return Some((0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 10));
    }
    Some((high, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn big(text: &str) -> ExprKind {
        ExprKind::BigInt(text.into())
    }

    #[test]
    fn integers_of_every_size() {
        assert_eq!(integer("0"), Some(ExprKind::Int(0)));
        assert_eq!(integer("007"), Some(ExprKind::Int(7)));
        assert_eq!(integer("0xfF"), Some(ExprKind::Int(255)));
        assert_eq!(integer("9223372036854775807"), Some(ExprKind::Int(i64::MAX)));
        assert_eq!(integer("9223372036854775808"), Some(big("9223372036854775808")));
        assert_eq!(integer("0009223372036854775808"), Some(big("9223372036854775808")));
        assert_eq!(integer("0xffffffffffffffffffff"), Some(big("1208925819614629174706175")));
        let limit = limit();
        assert_eq!(limit.len(), MAX_DIGITS);
        assert_eq!(integer(&limit), None);
        assert!(integer(&"9".repeat(MAX_DIGITS - 1)).is_some());
        assert_eq!(integer(&"9".repeat(MAX_DIGITS)), None);
        assert!(integer(&format!("0x{}", "f".repeat(1024))).is_some());
        assert_eq!(integer(&format!("0x1{}", "0".repeat(1024))), None);
        assert_eq!(integer(&"9".repeat(1_000_000)), None);
    }

    #[test]
    fn escapes() {
        let table = [
            (r"a\nb\t\r\0", "a\nb\t\r\0"),
            (r#"\\ \" \' \$"#, "\\ \" ' $"),
            (r"\x41\xe9", "A\u{e9}"),
            (r"\u0041\u{1F600}", "A\u{1F600}"),
            (r"\uD83D\uDE00", "\u{1F600}"),
            (r"\q\é\x4", "q\u{e9}x4"),
            (r"\u12 \u{12", "u12 u{12"),
        ];
        for (raw, text) in table {
            assert_eq!(decode(raw).as_deref(), Ok(text), "{raw}");
        }
        assert_eq!(decode(r"ab\uD800c"), Err((2, 6)));
        assert_eq!(decode(r"\u{110000}"), Err((0, 10)));
        assert_eq!(decode_bytes(r"\xff\u0041é").as_deref(), Ok(&[0xff, b'A', 0xc3, 0xa9][..]));
    }
}
