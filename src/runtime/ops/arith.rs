//! Arithmetic, shifts and bit operators.

use super::super::gas;
use super::super::isolate::Isolate;
use super::super::signal::Unwind;
use super::quick;
use crate::value::numbers::{Integer, Overflow, SHIFT_MAX, float_mod};
use crate::value::{Tag, Value};

/// Greatest length of a repeated string, in characters.
const REPEAT_CHARACTERS_MAX: i64 = 1_000_000;

macro_rules! quick_first {
    ($(#[$doc:meta])* $name:ident, $slow:ident) => {
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
            match quick::$name(a, b) {
                Some(result) => Ok(result),
                None => self.$slow(a, b),
            }
        }
    };
}

impl Isolate {
    quick_first!(
        /// `a + b`
        add, add_slow
    );
    quick_first!(
        /// `a - b`
        sub, sub_slow
    );
    quick_first!(
        /// `a * b`
        mul, mul_slow
    );

    /// `a / b`
    #[inline(always)]
    pub fn div(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        if a.both_int(b) {
            let (x, y) = (a.int_payload(), b.int_payload());
            if y > 0 {
                // `div_euclid` with a positive divisor floors.
                return Ok(Value::int(x.div_euclid(y)));
            }
        }
        self.div_slow(a, b)
    }

    quick_first!(
        /// `a % b`
        modulo, modulo_slow
    );

    #[inline(never)]
    fn add_slow(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        match (a.tag(), b.tag()) {
            (Tag::Float, Tag::Float) => Ok(Value::float(a.as_float() + b.as_float())),
            (Tag::Str, Tag::Str) => {
                let length = self.ledger.heap.str(a).len() + self.ledger.heap.str(b).len();
                self.charge_text(length)?;
                self.charge_bytes(gas::STRING_BYTES + length as u64)?;
                Ok(self.ledger.heap.concat_values(a, b))
            }
            (Tag::Str, _) => {
                let mut text = self.ledger.heap.str(a).to_owned();
                self.write_text(b, &mut text)?;
                self.new_string(&text)
            }
            (_, Tag::Str) => {
                let mut text = self.display(a)?;
                text.push_str(self.ledger.heap.str(b));
                self.new_string(&text)
            }
            (Tag::List | Tag::Range, Tag::List | Tag::Range) => {
                let ranges = [a, b].into_iter().filter(|side| side.tag() == Tag::Range);
                let length = ranges.map(|range| self.length_of(range).unwrap_or(0)).fold(0, usize::saturating_add);
                self.check_range_length(length)?;
                let mut items = self.list_items(a);
                items.extend(self.list_items(b));
                self.new_list(items)
            }
            _ if a.is_number() && b.is_number() => self.arithmetic("add", a, b, |x, y| x + y, Integer::add),
            _ => self.mismatch("add", a, b),
        }
    }

    #[inline(never)]
    fn sub_slow(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        self.arithmetic("subtract", a, b, |x, y| x - y, Integer::sub)
    }

    #[inline(never)]
    fn mul_slow(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        match (a.tag(), b.tag()) {
            (Tag::Str, Tag::Int) => self.repeat(a, b.as_int()),
            (Tag::Int, Tag::Str) => self.repeat(b, a.as_int()),
            _ => self.arithmetic("multiply", a, b, |x, y| x * y, Integer::mul),
        }
    }

    fn repeat(&mut self, text: Value, count: i64) -> Result<Value, Unwind> {
        let count = count.max(0);
        let characters = text.char_count() as i64;
        if characters.saturating_mul(count) > REPEAT_CHARACTERS_MAX {
            return self.fail("Repeated string is longer than 1000000 characters");
        }
        let repeated = self.ledger.heap.str(text).repeat(count as usize);
        self.new_string(&repeated)
    }

    #[inline(never)]
    fn div_slow(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        if !(a.is_number() && b.is_number()) {
            return self.mismatch("divide", a, b);
        }
        if is_zero(b) {
            return self.fail("Division by zero");
        }
        self.arithmetic("divide", a, b, |x, y| x / y, |x, y| Ok(x.floor_div(y)))
    }

    #[inline(never)]
    fn modulo_slow(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        if !(a.is_number() && b.is_number()) {
            return self.mismatch("divide", a, b);
        }
        if is_zero(b) {
            return self.fail("Modulo by zero");
        }
        self.arithmetic("divide", a, b, float_mod, |x, y| Ok(x.floor_mod(y)))
    }

    /// `a ** b`
    #[inline(never)]
    pub fn pow(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        if !(a.is_number() && b.is_number()) {
            return self.mismatch("multiply", a, b);
        }
        if a.is_float() || b.is_float() {
            let (x, y) = (self.to_float(a), self.to_float(b));
            if x == 0.0 && y < 0.0 {
                return self.fail("Division by zero");
            }
            return Ok(Value::float(x.powf(y)));
        }
        let (base, exponent) = (self.ledger.heap.integer(a), self.ledger.heap.integer(b));
        if exponent.is_negative() {
            if base.is_zero() {
                return self.fail("Division by zero");
            }
            return Ok(Value::float(base.pow_to_float(&exponent)));
        }
        let exponent = exponent.to_i64().map_or(u64::MAX, |small| small as u64);
        let result = base.pow(exponent);
        self.integer_result(result)
    }

    /// `-a`
    #[inline(always)]
    pub fn negate(&mut self, a: Value) -> Result<Value, Unwind> {
        if a.is_int()
            && let Some(result) = a.int_payload().checked_neg()
        {
            return Ok(Value::int(result));
        }
        self.negate_slow(a)
    }

    #[inline(never)]
    fn negate_slow(&mut self, a: Value) -> Result<Value, Unwind> {
        if a.is_float() {
            return Ok(Value::float(-a.as_float()));
        }
        if !a.is_integer() {
            let message = format!("Type mismatch: cannot negate {}", super::type_name(a).to_uppercase());
            return self.fail(&message);
        }
        let result = self.ledger.heap.integer(a).neg();
        self.integer_result(Ok(result))
    }

    /// `~a`
    #[inline(never)]
    pub fn bit_not(&mut self, a: Value) -> Result<Value, Unwind> {
        if a.is_int() {
            return Ok(Value::int(!a.as_int()));
        }
        if !a.is_integer() {
            let message = format!("Type mismatch: cannot invert {}", super::type_name(a).to_uppercase());
            return self.fail(&message);
        }
        let result = self.ledger.heap.integer(a).bit_not();
        self.integer_result(result)
    }

    /// `a & b`
    pub fn bit_and(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        if a.both_int(b) {
            return Ok(Value::int(a.as_int() & b.as_int()));
        }
        self.bits(a, b, Integer::bit_and)
    }

    /// `a | b`
    pub fn bit_or(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        if a.both_int(b) {
            return Ok(Value::int(a.as_int() | b.as_int()));
        }
        self.bits(a, b, Integer::bit_or)
    }

    /// `a ^ b`
    pub fn bit_xor(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        if a.both_int(b) {
            return Ok(Value::int(a.as_int() ^ b.as_int()));
        }
        self.bits(a, b, Integer::bit_xor)
    }

    #[inline(never)]
    fn bits(
        &mut self,
        a: Value,
        b: Value,
        operation: fn(&Integer, &Integer) -> Result<Integer, Overflow>,
    ) -> Result<Value, Unwind> {
        if !(a.is_integer() && b.is_integer()) {
            return self.mismatch("combine the bits of", a, b);
        }
        let result = operation(&self.ledger.heap.integer(a), &self.ledger.heap.integer(b));
        self.integer_result(result)
    }

    /// `a << b`
    #[inline(never)]
    pub fn shift_left(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        let count = self.shift_count(a, b)?;
        let result = self.ledger.heap.integer(a).shl(count);
        self.integer_result(result)
    }

    /// `a >> b`
    #[inline(never)]
    pub fn shift_right(&mut self, a: Value, b: Value) -> Result<Value, Unwind> {
        let count = self.shift_count(a, b)?;
        let result = self.ledger.heap.integer(a).shr(count);
        self.integer_result(Ok(result))
    }

    fn shift_count(&mut self, a: Value, b: Value) -> Result<u32, Unwind> {
        if !(a.is_integer() && b.is_integer()) {
            return self.mismatch("shift", a, b);
        }
        match self.ledger.heap.integer(b).to_i64() {
            Some(count @ 0..) if count <= i64::from(SHIFT_MAX) => Ok(count as u32),
            _ => self.fail("Shift count must be from 0 to 4096"),
        }
    }

    /// Integers exactly, or floats when one side is a float.
    #[inline]
    fn arithmetic(
        &mut self,
        verb: &str,
        a: Value,
        b: Value,
        floats: fn(f64, f64) -> f64,
        integers: fn(&Integer, &Integer) -> Result<Integer, Overflow>,
    ) -> Result<Value, Unwind> {
        if a.is_integer() && b.is_integer() {
            let result = integers(&self.ledger.heap.integer(a), &self.ledger.heap.integer(b));
            return self.integer_result(result);
        }
        if !(a.is_number() && b.is_number()) {
            return self.mismatch(verb, a, b);
        }
        let (x, y) = (self.to_float(a), self.to_float(b));
        Ok(Value::float(floats(x, y)))
    }

    /// An integer as a value; beyond 64 bits it is charged.
    pub fn integer_result(&mut self, result: Result<Integer, Overflow>) -> Result<Value, Unwind> {
        match result {
            Ok(Integer::Small(small)) => Ok(Value::int(small)),
            Ok(large) => {
                let cells = large.bits().div_ceil(256).max(1);
                self.charge_large(cells)?;
                self.charge_bytes(gas::WIDE_BYTES * cells)?;
                Ok(self.ledger.heap.alloc_integer(large))
            }
            Err(Overflow) => self.fail("Integer overflow"),
        }
    }

    /// A number as a float.
    pub fn to_float(&self, value: Value) -> f64 {
        match value.tag() {
            Tag::Int => value.as_int() as f64,
            Tag::Float => value.as_float(),
            Tag::Wide | Tag::Huge => self.ledger.heap.integer(value).to_f64(),
            _ => f64::NAN,
        }
    }
}

fn is_zero(value: Value) -> bool {
    match value.tag() {
        Tag::Int => value.as_int() == 0,
        Tag::Float => value.as_float() == 0.0,
        _ => false,
    }
}
