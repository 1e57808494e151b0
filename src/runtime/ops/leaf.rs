//! Operations on integers of up to 256 bits that neither fail nor unwind: what they do not do is left to the operators,
//! which say why.

use std::cmp::Ordering;

use super::super::gas;
use super::super::isolate::Isolate;
use crate::value::numbers::Wide;
use crate::value::{Heap, Tag, Value};

/// Which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Leaf {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
    /// `a / b`
    Div,
    /// `a % b`
    Mod,
    /// `a < b`
    Less,
    /// `a <= b`
    LessEqual,
    /// `a > b`
    Greater,
    /// `a >= b`
    GreaterEqual,
    /// `a == b`
    Equal,
}

impl Leaf {
    /// By number.
    pub const ALL: [Leaf; 10] = [
        Leaf::Add,
        Leaf::Sub,
        Leaf::Mul,
        Leaf::Div,
        Leaf::Mod,
        Leaf::Less,
        Leaf::LessEqual,
        Leaf::Greater,
        Leaf::GreaterEqual,
        Leaf::Equal,
    ];
}

/// An integer of at most 256 bits.
#[inline]
fn wide_of(heap: &Heap, value: Value) -> Option<Wide> {
    match value.tag() {
        Tag::Int => Some(Wide::from_i64(value.as_int())),
        Tag::Wide => Some(*heap.wide(value)),
        _ => None,
    }
}

impl Isolate {
    /// The result of an operator, with what it costs. None, with nothing changed: not two integers of at most 256 bits,
    /// a result beyond that, a divisor of zero, or too little gas or too few bytes left.
    pub fn leaf_arithmetic(&mut self, leaf: Leaf, a: Value, b: Value) -> Option<Value> {
        let heap = &mut self.ledger.heap;
        let (x, y) = (wide_of(heap, a)?, wide_of(heap, b)?);
        let result = match leaf {
            Leaf::Add => x.checked_add(y)?,
            Leaf::Sub => x.checked_sub(y)?,
            Leaf::Mul => x.checked_mul(y)?,
            Leaf::Div | Leaf::Mod if y.is_zero() => return None,
            Leaf::Div => x.floor_div(y),
            Leaf::Mod => x.floor_mod(y),
            _ => return None,
        };
        if let Some(small) = result.to_i64() {
            return Some(Value::int(small));
        }
        let (gas, bytes) = (self.gas - 1, self.alloc_left - gas::WIDE_BYTES as i64);
        if gas < 0 || bytes < 0 {
            return None;
        }
        (self.gas, self.alloc_left) = (gas, bytes);
        Some(heap.alloc_wide(result))
    }

    /// Whether a comparison holds. None: not two integers of at most 256 bits.
    pub fn leaf_comparison(&self, leaf: Leaf, a: Value, b: Value) -> Option<bool> {
        let heap = &self.ledger.heap;
        let order = wide_of(heap, a)?.cmp(&wide_of(heap, b)?);
        match leaf {
            Leaf::Less => Some(order == Ordering::Less),
            Leaf::LessEqual => Some(order != Ordering::Greater),
            Leaf::Greater => Some(order == Ordering::Greater),
            Leaf::GreaterEqual => Some(order != Ordering::Less),
            Leaf::Equal => Some(order == Ordering::Equal),
            _ => None,
        }
    }
}
