//! What is known of integers beyond that they are integers: between which bounds they lie, and which places hold the
//! same one. So an operation that cannot overflow is not asked whether it did, and a number that is never negative is
//! divided without a thought for its sign.
//!
//! A comparison narrows bounds on both its ways. At the beginning of a block that something goes back to, bounds are
//! widened to one of a few marks, and every way back must keep them; one that does not has the whole lowered again
//! with what was learnt (see `lower`). Bounds at the entry are guessed from the values there, and asked for once,
//! before the loop.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as Ssa};

use super::lower::{Home, Lowerer};
use super::ops::{Operand, Test};
use super::state::{Kind, Loc, State};
use crate::bytecode::Op;

/// What counters and what they run up to are believed to stay below: the product of two of them fits.
const FAR: i64 = 1 << 31;

/// The bounds of an integer, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Range {
    /// Every integer of 64 bits.
    pub(super) const ANY: Range = Range { low: i64::MIN, high: i64::MAX };

    pub(super) fn new(low: i64, high: i64) -> Self {
        Self { low, high }
    }

    /// One number.
    pub(super) fn exactly(number: i64) -> Self {
        Self::new(number, number)
    }

    /// The number, if there is only one.
    pub(super) fn only(self) -> Option<i64> {
        (self.low == self.high).then_some(self.low)
    }

    /// What covers both.
    pub(super) fn join(self, other: Range) -> Range {
        Range::new(self.low.min(other.low), self.high.max(other.high))
    }

    pub(super) fn is_never_negative(self) -> bool {
        self.low >= 0
    }

    /// What covers it with bounds that a loop may keep.
    fn widened(self) -> Range {
        let low = if self.low >= 0 { 0 } else { i64::MIN };
        let high = if self.high <= FAR { FAR } else { i64::MAX };
        Range::new(low, high)
    }

    /// What a sum, difference or product may be, as far as it fits; and whether all of it fits.
    fn of(op: Op, x: Range, y: Range) -> (Range, bool) {
        let (a, b, c, d) = (i128::from(x.low), i128::from(x.high), i128::from(y.low), i128::from(y.high));
        let (low, high) = match op {
            Op::Add => (a + c, b + d),
            Op::Sub => (a - d, b - c),
            _ => {
                let products = [a * c, a * d, b * c, b * d];
                (products.into_iter().fold(i128::MAX, i128::min), products.into_iter().fold(i128::MIN, i128::max))
            }
        };
        let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
        let fits = least <= low && high <= most;
        (Range::new(low.clamp(least, most) as i64, high.clamp(least, most) as i64), fits)
    }

    /// What both are if the comparison holds; nothing is said of what cannot be.
    fn narrowed(test: Test, x: Range, y: Range) -> (Range, Range) {
        let less = |x: Range, y: Range, apart: i64| {
            let (high, low) = (y.high.saturating_sub(apart), x.low.saturating_add(apart));
            (Range::new(x.low, x.high.min(high)), Range::new(y.low.max(low), y.high))
        };
        let swapped = |(y, x): (Range, Range)| (x, y);
        let (left, right) = match test {
            Test::Less => less(x, y, 1),
            Test::LessEqual => less(x, y, 0),
            Test::Greater => swapped(less(y, x, 1)),
            Test::GreaterEqual => swapped(less(y, x, 0)),
            Test::Equal => {
                let both = Range::new(x.low.max(y.low), x.high.min(y.high));
                (both, both)
            }
        };
        let can_be = |range: Range| range.low <= range.high;
        if can_be(left) && can_be(right) { (left, right) } else { (x, y) }
    }
}

/// What is known of the integer that a place holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) range: Range,
    /// Places with one number hold one value; 0 says nothing.
    pub(super) number: u32,
}

impl Fact {
    pub(super) const NONE: Fact = Fact { range: Range::ANY, number: 0 };

    /// What covers both.
    pub(super) fn join(self, other: Fact) -> Fact {
        Fact { range: self.range.join(other.range), number: if self.number == other.number { self.number } else { 0 } }
    }
}

/// What the quotient of a number from 0 to `high` by `divisor` (at least 3, no power of two) is the upper half of its
/// product with, and by how many bits that is then shifted: as few as will do.
///
/// With `m = ceil(2^(64+s) / d)` and `e = m * d - 2^(64+s)`, the error of `x * m / 2^(64+s)` against `x / d` is
/// `x * e / (d * 2^(64+s))`: below `1 / d` where `x * e < 2^(64+s)`, so that rounding down gives the quotient. With
/// `2^s < d < 2^(s+1)`, `e < d` and `x < 2^63` that is so.
fn reciprocal(divisor: i64, high: i64) -> (i64, i64) {
    let (divisor, high) = (u128::from(divisor.unsigned_abs()), u128::from(high.unsigned_abs()));
    let log = divisor.ilog2();
    let multiplier = |shift: u32| (1_u128 << (64 + shift)).div_ceil(divisor);
    let is_exact =
        |shift: &u32| (multiplier(*shift) * divisor - (1_u128 << (64 + shift))) * high < 1_u128 << (64 + shift);
    let shift = (0..log).find(is_exact).unwrap_or(log);
    (multiplier(shift) as u64 as i64, i64::from(shift))
}

impl Lowerer<'_, '_> {
    /// The bounds of the integer that an operand is.
    pub(super) fn range_of(&self, operand: Operand) -> Range {
        match operand {
            Operand::Imm(number) => Range::exactly(number),
            Operand::Place(place) => self.state.facts[place].range,
        }
    }

    /// The place, just written, holds an integer in the range.
    pub(super) fn bound(&mut self, place: usize, range: Range) {
        self.state.set_fact(place, Fact { range, number: 0 });
    }

    /// Both places hold one value.
    pub(super) fn same_value(&mut self, to: usize, from: usize) {
        let mut fact = self.state.facts[from];
        if fact.number == 0 {
            self.numbers += 1;
            fact.number = self.numbers;
            self.state.set_fact(from, fact);
        }
        self.state.set_fact(to, fact);
    }

    /// What is known on the way on which a comparison holds.
    fn narrow(&mut self, test: Test, left: usize, right: Operand) {
        if !self.holds_int(left) || matches!(right, Operand::Place(place) if !self.holds_int(place)) {
            return;
        }
        let (x, y) = Range::narrowed(test, self.range_of(Operand::Place(left)), self.range_of(right));
        self.narrow_to(left, x);
        if let Operand::Place(right) = right {
            self.narrow_to(right, y);
        }
    }

    fn holds_int(&self, place: usize) -> bool {
        matches!(self.state.locs[place], Loc::Held { kind: Kind::Int, .. })
    }

    fn narrow_to(&mut self, place: usize, range: Range) {
        let fact = self.state.facts[place];
        if fact.range == range {
            return;
        }
        self.state.set_fact(place, Fact { range, ..fact });
        for other in 0..self.homes.len() {
            if fact.number != 0 && other != place && self.state.facts[other].number == fact.number {
                self.state.set_fact(other, Fact { range, ..fact });
            }
        }
    }

    /// Ends the block with a comparison of integers or floats.
    pub(super) fn branch_on(&mut self, holds: Ssa, (test, left, right): (Test, usize, Operand), yes: u32, no: u32) {
        let before = self.state.clone();
        self.narrow(test, left, right);
        let yes = self.edge(yes);
        self.state = before;
        if let Some(opposite) = test.opposite() {
            self.narrow(opposite, left, right);
        }
        let no = self.edge(no);
        self.b.ins().brif(holds, yes, &[], no, &[]);
        self.ended = true;
    }

    /// The sum, difference or product of two integers, where it fits; elsewhere the code leaves. With its bounds.
    pub(super) fn combine(&mut self, at: u32, op: Op, (x, y): (Ssa, Ssa), (a, b): (Range, Range)) -> (Ssa, Range) {
        let (range, fits) = Range::of(op, a, b);
        if fits || self.plan.dropped.overflow_checks || self.plan.bug == Some(super::NativeBug::DroppedOverflowCheck) {
            let value = match op {
                Op::Add => self.b.ins().iadd(x, y),
                Op::Sub => self.b.ins().isub(x, y),
                _ => self.b.ins().imul(x, y),
            };
            return (value, range);
        }
        // Where one operand's sign is known, the result lies on that side of the other, or has overflowed.
        let falls = if op == Op::Sub { b.low >= 0 } else { b.high <= 0 };
        let rises = if op == Op::Sub { b.high <= 0 } else { b.low >= 0 };
        let (value, overflows) = match op {
            Op::Add | Op::Sub if falls || rises => {
                let value = if op == Op::Add { self.b.ins().iadd(x, y) } else { self.b.ins().isub(x, y) };
                let wrong = if rises { IntCC::SignedLessThan } else { IntCC::SignedGreaterThan };
                (value, self.b.ins().icmp(wrong, value, x))
            }
            Op::Add if a.low >= 0 || a.high <= 0 => {
                let value = self.b.ins().iadd(x, y);
                let wrong = if a.low >= 0 { IntCC::SignedLessThan } else { IntCC::SignedGreaterThan };
                (value, self.b.ins().icmp(wrong, value, y))
            }
            Op::Add => self.b.ins().sadd_overflow(x, y),
            Op::Sub => self.b.ins().ssub_overflow(x, y),
            _ => self.b.ins().smul_overflow(x, y),
        };
        self.guard_not(overflows, at);
        (value, range)
    }

    /// Quotient or remainder by a positive number, rounded down, and its bounds.
    pub(super) fn floored(&mut self, op: Op, (x, y): (Ssa, Ssa), (a, b): (Range, Range)) -> (Ssa, Range) {
        let range = if op == Op::Mod {
            let below = b.high.max(1) - 1;
            Range::new(0, if a.is_never_negative() { below.min(a.high) } else { below })
        } else {
            Range::new(if a.is_never_negative() { 0 } else { a.low.div_euclid(b.low.max(1)) }, a.high.max(0))
        };
        let value = match b.only() {
            // Shifts and masks round down.
            Some(divisor) if divisor.count_ones() == 1 => match op {
                Op::Mod => self.b.ins().band_imm_s(x, divisor - 1),
                _ => self.b.ins().sshr_imm_u(x, i64::from(divisor.trailing_zeros())),
            },
            Some(divisor) if a.is_never_negative() => {
                let (multiplier, shift) = reciprocal(divisor, a.high);
                let multiplier = self.int_const(multiplier);
                let product = self.b.ins().umulhi(x, multiplier);
                let quotient = self.b.ins().ushr_imm_u(product, shift);
                if op == Op::Mod { self.take_times(x, quotient, divisor, y) } else { quotient }
            }
            _ => self.floored_by_sign(op, x, y, a),
        };
        (value, range)
    }

    /// `x - times * factor`, of which `y` is the factor: next to a power of two, without a second multiplication.
    fn take_times(&mut self, x: Ssa, times: Ssa, factor: i64, y: Ssa) -> Ssa {
        let (above, below) = (factor.wrapping_add(1), factor - 1);
        if above.count_ones() == 1 {
            let more = self.b.ins().ishl_imm_u(times, i64::from(above.trailing_zeros()));
            let rest = self.b.ins().iadd(x, times);
            return self.b.ins().isub(rest, more);
        }
        if below.count_ones() == 1 {
            let less = self.b.ins().ishl_imm_u(times, i64::from(below.trailing_zeros()));
            let rest = self.b.ins().isub(x, times);
            return self.b.ins().isub(rest, less);
        }
        let whole = self.b.ins().imul(times, y);
        self.b.ins().isub(x, whole)
    }

    fn floored_by_sign(&mut self, op: Op, x: Ssa, y: Ssa, a: Range) -> Ssa {
        if a.is_never_negative() {
            return if op == Op::Mod { self.b.ins().urem(x, y) } else { self.b.ins().udiv(x, y) };
        }
        let remainder = self.b.ins().srem(x, y);
        let sign = self.b.ins().sshr_imm_u(remainder, 63);
        if op == Op::Mod {
            let more = self.b.ins().band(sign, y);
            return self.b.ins().iadd(remainder, more);
        }
        let quotient = self.b.ins().sdiv(x, y);
        self.b.ins().iadd(quotient, sign)
    }

    // ---- at the beginning of blocks ----

    /// At the entry: bounds of what a place holds, as its value there has, asked for once.
    pub(super) fn guess_range(&mut self, place: usize) {
        if !self.plan.ranges || !self.learnt.ranges || matches!(self.homes[place], Home::Entry(_)) {
            return;
        }
        let Some(now) = self.seen(place).filter(|value| value.tag() == crate::value::Tag::Int) else { return };
        let mut range = Range::exactly(now.as_int());
        if let Some(seed) = self.learnt.seeds.get(&self.plan.entry)
            && matches!(seed.locs[place], Loc::Held { kind: Kind::Int, .. })
        {
            range = range.join(seed.facts[place].range);
        }
        let range = range.widened();
        if range == Range::ANY {
            return;
        }
        let value = self.payload(place);
        let holds = match range {
            Range { low: 0, high: i64::MAX } => self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, value, 0),
            Range { low: 0, high } => self.b.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, value, high),
            Range { high, .. } => self.b.ins().icmp_imm_s(IntCC::SignedLessThanOrEqual, value, high),
        };
        let exit = self.out.exits.len() as u32;
        self.guard(holds, self.plan.entry);
        if self.out.exits.len() as u32 > exit {
            self.out.range_exits.insert(exit);
        }
        self.bound(place, range);
    }

    /// What holds at the beginning of a block that something goes back to.
    pub(super) fn widen(&self, state: &mut State) {
        for place in 0..state.facts.len() {
            let is_int = matches!(state.locs[place], Loc::Held { kind: Kind::Int, .. });
            let known = is_int && self.learnt.ranges;
            let range = if known { state.facts[place].range.widened() } else { Range::ANY };
            state.set_fact(place, Fact { range, number: 0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotient_is_the_upper_half_of_a_product() {
        let divisors = (3..2000).chain([i64::MAX, i64::MAX - 1, (1 << 62) + 1, (1 << 62) - 1, 1_000_000_007]);
        let mut shifts = std::collections::BTreeSet::new();
        for divisor in divisors.filter(|divisor| divisor.count_ones() > 1) {
            for high in [i64::MAX, 1 << 62, (1 << 62) - 1, 1 << 61, 1 << 40, 1 << 31, divisor] {
                let (multiplier, shift) = reciprocal(divisor, high);
                shifts.insert((divisor, shift));
                let numbers = (0..50).flat_map(|at| {
                    let multiple = (high / divisor / 49).saturating_mul(at).saturating_mul(divisor);
                    [multiple, multiple.saturating_add(divisor - 1), multiple.saturating_add(1), high - at]
                });
                for number in numbers.filter(|number| (0..=high).contains(number)) {
                    let product = u128::from(number as u64) * u128::from(multiplier as u64);
                    let quotient = (product >> 64) as u64 >> shift;
                    assert_eq!(quotient, number as u64 / divisor as u64, "{number} / {divisor}, up to {high}");
                }
            }
        }
        assert!(shifts.contains(&(7, 0)) && shifts.contains(&(7, 1)), "small numbers need no shift");
    }

    #[test]
    fn bounds_cover_what_can_be() {
        let covers = |range: Range, number: i64| range.low <= number && number <= range.high;
        let ranges = [(-3, 5), (0, 7), (-9, -2), (4, 4), (0, 0)].map(|(low, high)| Range::new(low, high));
        for (x, y) in ranges.iter().flat_map(|x| ranges.map(|y| (*x, y))) {
            for (a, b) in (x.low..=x.high).flat_map(|a| (y.low..=y.high).map(move |b| (a, b))) {
                for (op, value) in [(Op::Add, a + b), (Op::Sub, a - b), (Op::Mul, a * b)] {
                    let (range, fits) = Range::of(op, x, y);
                    assert!(fits && covers(range, value), "{a} {op:?} {b}");
                }
                let tests = [
                    (Test::Less, a < b),
                    (Test::LessEqual, a <= b),
                    (Test::Greater, a > b),
                    (Test::GreaterEqual, a >= b),
                    (Test::Equal, a == b),
                ];
                for (test, holds) in tests {
                    let test = if holds { Some(test) } else { test.opposite() };
                    let (left, right) = test.map_or((x, y), |test| Range::narrowed(test, x, y));
                    assert!(covers(left, a) && covers(right, b), "{a} {test:?} {b}");
                }
            }
        }
        let most = Range::exactly(i64::MAX);
        assert_eq!(Range::of(Op::Add, most, Range::new(0, 1)), (most, false));
        assert!(Range::of(Op::Mul, Range::new(0, FAR), Range::new(-FAR, FAR)).1);
        assert!(!Range::of(Op::Sub, Range::new(i64::MIN, 0), Range::exactly(1)).1);
    }
}
