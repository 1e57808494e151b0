//! The quick half of the commonest operations: two 64-bit integers whose result is one. It needs no isolate and
//! cannot fail; `None` means that the operation itself, which begins with the same code, has to decide.

use crate::value::Value;

macro_rules! checked {
    ($($(#[$doc:meta])* $name:ident, $checked:ident;)*) => {
        $($(#[$doc])*
        #[inline(always)]
        pub fn $name(a: Value, b: Value) -> Option<Value> {
            if !a.both_int(b) {
                return None;
            }
            a.int_payload().$checked(b.int_payload()).map(Value::int)
        })*
    };
}

checked! {
    /// `a + b`
    add, checked_add;
    /// `a - b`
    sub, checked_sub;
    /// `a * b`
    mul, checked_mul;
}

/// `a % b` for a positive `b`.
#[inline(always)]
pub fn modulo(a: Value, b: Value) -> Option<Value> {
    if !a.both_int(b) {
        return None;
    }
    let (x, y) = (a.int_payload(), b.int_payload());
    if y <= 0 {
        return None;
    }
    // A 32-bit division takes half the time.
    let remainder = if ((x | y) as u64) >> 32 == 0 { i64::from(x as u32 % y as u32) } else { x.rem_euclid(y) };
    Some(Value::int(remainder))
}

macro_rules! ordered {
    ($($(#[$doc:meta])* $name:ident, $operator:tt;)*) => {
        $($(#[$doc])*
        #[inline(always)]
        pub fn $name(a: Value, b: Value) -> Option<bool> {
            a.both_int(b).then(|| a.int_payload() $operator b.int_payload())
        })*
    };
}

ordered! {
    /// `a < b`
    less, <;
    /// `a <= b`
    less_equal, <=;
    /// `a > b`
    greater, >;
    /// `a >= b`
    greater_equal, >=;
    /// `a == b`
    equal, ==;
}
