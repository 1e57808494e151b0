//! Expressions. Each is compiled straight into the register that wants it; locals are operands where they stand.
//!
//! A variable's register is written by the last instruction of its new value and by nothing before it: an error on
//! the way leaves the old value for `catch` to see.

use super::builder::{Builder, Reg};
use super::op::NO_REGISTER;
use super::{Closure, Instr, Op};
use crate::resolve::hir::{BinaryOp, ClassValue, Expr, ExprKind, GasId, Place, UnaryOp};
use crate::runtime::info::Symbol;
use crate::syntax::ast::Span;
use crate::value::Value;

/// An integer constant that fits a short operand.
pub(super) fn short(expr: &Expr) -> Option<u16> {
    match &expr.kind {
        ExprKind::Const(value) if value.is_int() => i16::try_from(value.as_int()).ok().map(i16::cast_unsigned),
        _ => None,
    }
}

impl<'a> Builder<'a> {
    /// An operand: a local where it stands, anything else in a new temporary.
    pub(super) fn operand(&mut self, expr: &'a Expr) -> Reg {
        match &expr.kind {
            ExprKind::Local(slot) => self.slot(*slot),
            ExprKind::Read(Place::Local(slot), name) => {
                let register = self.slot(*slot);
                self.at(expr.span);
                self.emit_wide(Op::CheckSet, register, name.0);
                register
            }
            _ => self.in_temporary(expr),
        }
    }

    /// A value in the next temporary.
    pub(super) fn in_temporary(&mut self, expr: &'a Expr) -> Reg {
        let register = self.temporary();
        self.into(expr, register);
        register
    }

    /// Values in consecutive temporaries; gives the first.
    pub(super) fn in_temporaries(&mut self, exprs: &'a [Expr]) -> Reg {
        let base = self.mark();
        for expr in exprs {
            self.in_temporary(expr);
        }
        base
    }

    /// A value into a register; temporaries taken on the way are given back.
    pub(super) fn into(&mut self, expr: &'a Expr, to: Reg) {
        let mark = self.mark();
        self.kind_into(expr, to);
        self.release(mark);
    }

    fn kind_into(&mut self, expr: &'a Expr, to: Reg) {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Const(value) => self.load(*value, to),
            ExprKind::Local(slot) => self.move_to(self.slot(*slot), to),
            ExprKind::Read(place, name) => self.read(*place, *name, span, to),
            ExprKind::GlobalOr(global, builtin) => {
                self.at(span);
                self.emit_wide(Op::LoadGlobalOr, to, global.0);
                let constant = self.constant(*builtin);
                self.word(0, constant);
            }
            ExprKind::This => self.emit(Op::LoadThis, to, 0, 0),
            ExprKind::Action(action) => self.emit_wide(Op::LoadAction, to, action.0),
            ExprKind::Config(key) => self.emit_wide(Op::LoadConfig, to, key.0),
            ExprKind::Tx(key, gas) => {
                self.gas(*gas);
                self.at(span);
                self.emit_wide(Op::LoadTx, to, key.0);
            }
            ExprKind::TxMap => {
                self.at(span);
                self.emit(Op::LoadTxMap, to, 0, 0);
            }
            ExprKind::MsgSender => self.emit(Op::LoadSender, to, 0, 0),
            ExprKind::Unary(op, operand) => self.unary(*op, operand, span, to),
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, span, to),
            ExprKind::And(left, gas, right) => self.and(left, *gas, right, to),
            ExprKind::Or(left, gas, right) => self.or_else(Op::JumpIf, left, *gas, right, to),
            ExprKind::Coalesce(left, gas, right) => self.or_else(Op::JumpIfNotNull, left, *gas, right, to),
            ExprKind::Conditional(test, yes_gas, yes, no_gas, no) => {
                let (other, end) = (self.label(), self.label());
                self.jump_unless(test, other);
                self.gas(*yes_gas);
                self.into(yes, to);
                self.emit_jump(Op::Jump, 0, end);
                self.bind(other);
                self.gas(*no_gas);
                self.into(no, to);
                self.bind(end);
            }
            ExprKind::List(items, gas) => self.collect(Op::MakeList, items, items.len(), *gas, span, to),
            ExprKind::Map(items, gas) => self.collect(Op::MakeMap, items, items.len() / 2, *gas, span, to),
            ExprKind::Interpolate(parts, gas) => self.collect(Op::Interpolate, parts, parts.len(), *gas, span, to),
            ExprKind::Print(values, gas) => {
                self.print(values, *gas, span);
                self.emit(Op::LoadNull, to, 0, 0);
            }
            ExprKind::Range(low, high) => {
                let low = self.operand(low);
                let high = self.operand(high);
                self.at(span);
                self.emit(Op::MakeRange, to, low, high);
            }
            ExprKind::Index { object, index, optional } => self.index(object, index, *optional, span, to),
            ExprKind::Slice { object, low, high, optional, gas } => {
                let bounds = (low.as_deref(), high.as_deref());
                self.slice(object, bounds, *optional, *gas, span, to);
            }
            ExprKind::Member(object, name) => {
                let object = self.operand(object);
                self.at(span);
                self.emit(Op::MemberGet, to, object, 0);
                self.word(0, name.0);
            }
            ExprKind::Lambda(action, captures, gas) => {
                self.at(span);
                let closure = self.closure(Closure { action: *action, captures: captures.clone() });
                self.emit_wide(Op::MakeClosure, to, closure);
                self.gas(*gas);
            }
            ExprKind::Class(class) => {
                let ClassValue { action, captures, base, gas } = &**class;
                let base = base.as_ref().map_or(NO_REGISTER, |base| self.operand(base));
                self.at(span);
                let closure = self.closure(Closure { action: *action, captures: captures.clone() });
                self.emit(Op::MakeClass, to, base, 0);
                self.word(0, closure);
                self.gas(*gas);
            }
            ExprKind::Call(call) => self.call(call, span, to),
            ExprKind::Fits(subject, shape) => self.fits(*subject, *shape, to),
        }
    }

    pub(super) fn move_to(&mut self, from: Reg, to: Reg) {
        if from != to {
            self.emit(Op::Move, to, from, 0);
        }
    }

    fn load(&mut self, value: Value, to: Reg) {
        if value.is_null() {
            self.emit(Op::LoadNull, to, 0, 0);
        } else if value.is_bool() {
            self.emit(Op::LoadBool, to, u16::from(value.as_bool()), 0);
        } else if value.is_int()
            && let Ok(small) = i32::try_from(value.as_int())
        {
            self.emit_wide(Op::LoadInt, to, small.cast_unsigned());
        } else {
            let constant = self.constant(value);
            self.emit_wide(Op::LoadConst, to, constant);
        }
    }

    fn read(&mut self, place: Place, name: Symbol, span: Span, to: Reg) {
        self.at(span);
        match place {
            Place::Local(slot) => {
                let register = self.slot(slot);
                self.emit_wide(Op::CheckSet, register, name.0);
                self.move_to(register, to);
            }
            Place::Cell(slot) => {
                self.emit(Op::LoadCell, to, slot.0, 0);
                self.word(0, name.0);
            }
            Place::Upvalue(index) => {
                self.emit(Op::LoadUpvalue, to, index, 0);
                self.word(0, name.0);
            }
            Place::Global(global) => self.emit_wide(Op::LoadGlobal, to, global.0),
            Place::Field(field) => self.emit(Op::LoadField, to, field, 0),
        }
    }

    fn unary(&mut self, op: UnaryOp, operand: &'a Expr, span: Span, to: Reg) {
        let op = match op {
            UnaryOp::Negate => Op::Negate,
            UnaryOp::Not => Op::Not,
            UnaryOp::BitNot => Op::BitNot,
            UnaryOp::Await | UnaryOp::Spawn => return self.into(operand, to),
        };
        let operand = self.operand(operand);
        self.at(span);
        self.emit(op, to, operand, 0);
    }

    fn binary(&mut self, op: BinaryOp, left: &'a Expr, right: &'a Expr, span: Span, to: Reg) {
        let left = self.operand(left);
        let shortened = short(right).and_then(|short| Some((short_op(op)?, short)));
        let (op, right) = shortened.unwrap_or_else(|| (binary_op(op), self.operand(right)));
        self.at(span);
        self.emit(op, to, left, right);
    }

    fn and(&mut self, left: &'a Expr, gas: GasId, right: &'a Expr, to: Reg) {
        let (other, end) = (self.label(), self.label());
        self.jump_unless(left, other);
        self.gas(gas);
        self.jump_unless(right, other);
        self.emit(Op::LoadBool, to, 1, 0);
        self.emit_jump(Op::Jump, 0, end);
        self.bind(other);
        self.emit(Op::LoadBool, to, 0, 0);
        self.bind(end);
    }

    /// `a || b`, `a ?? b`: the left value if the jump is taken on it.
    fn or_else(&mut self, jump: Op, left: &'a Expr, gas: GasId, right: &'a Expr, to: Reg) {
        // See the room's rule for variables: the right side may read the variable, or fail.
        let safe = !self.is_fixed(to) || matches!(right.kind, ExprKind::Const(_));
        let result = if safe { to } else { self.temporary() };
        let end = self.label();
        self.into(left, result);
        self.emit_jump(jump, result, end);
        self.gas(gas);
        self.into(right, result);
        self.bind(end);
        self.move_to(result, to);
    }

    fn collect(&mut self, op: Op, items: &'a [Expr], count: usize, gas: GasId, span: Span, to: Reg) {
        let base = self.in_temporaries(items);
        self.at(span);
        self.emit(op, to, base, count as u16);
        self.gas(gas);
    }

    /// `print` of values.
    pub(super) fn print(&mut self, values: &'a [Expr], gas: GasId, span: Span) {
        let mark = self.mark();
        let base = self.in_temporaries(values);
        self.at(span);
        self.emit(Op::Print, 0, base, values.len() as u16);
        self.release(mark);
        self.gas(gas);
    }

    fn index(&mut self, object: &'a Expr, index: &'a Expr, optional: bool, span: Span, to: Reg) {
        if optional {
            let object = self.operand(object);
            let (null, end) = (self.label(), self.label());
            self.emit_jump(Op::JumpIfNull, object, null);
            let index = self.operand(index);
            self.at(span);
            self.emit(Op::IndexGet, to, object, index);
            self.emit_jump(Op::Jump, 0, end);
            self.bind(null);
            self.emit(Op::LoadNull, to, 0, 0);
            self.bind(end);
            return;
        }
        if let ExprKind::Read(Place::Field(field), _) = &object.kind
            && !index.runs_code
        {
            let key = self.operand(index);
            self.at(span);
            return self.emit(Op::IndexGetField, to, *field, key);
        }
        if let (ExprKind::Read(Place::Global(global), _), ExprKind::Local(key)) = (&object.kind, &index.kind)
            && let Ok(global) = u16::try_from(global.0)
        {
            self.at(span);
            self.emit(Op::IndexGetGlobal, to, global, self.slot(*key));
            self.at(object.span);
            return self.word(0, u32::from(global));
        }
        let object = self.operand(object);
        if let ExprKind::Const(key) = &index.kind {
            let constant = self.constant(*key);
            if let Ok(constant) = u16::try_from(constant) {
                self.at(span);
                return self.emit(Op::IndexGetConst, to, object, constant);
            }
        }
        let index = self.operand(index);
        self.at(span);
        self.emit(Op::IndexGet, to, object, index);
    }

    fn slice(
        &mut self,
        object: &'a Expr,
        (low, high): (Option<&'a Expr>, Option<&'a Expr>),
        optional: bool,
        gas: GasId,
        span: Span,
        to: Reg,
    ) {
        let (null, end) = (self.label(), self.label());
        let object = self.operand(object);
        if optional {
            self.emit_jump(Op::JumpIfNull, object, null);
        }
        let low = low.map_or(NO_REGISTER, |low| self.operand(low));
        let high = high.map_or(NO_REGISTER, |high| self.operand(high));
        self.at(span);
        self.push(Instr::new(Op::Slice, to, low, high));
        self.word(0, u32::from(object));
        self.gas(gas);
        if optional {
            self.emit_jump(Op::Jump, 0, end);
            self.bind(null);
            self.emit(Op::LoadNull, to, 0, 0);
            self.bind(end);
        }
    }
}

/// The operation on two registers.
pub(super) fn binary_op(op: BinaryOp) -> Op {
    match op {
        BinaryOp::Add => Op::Add,
        BinaryOp::Sub => Op::Sub,
        BinaryOp::Mul => Op::Mul,
        BinaryOp::Div => Op::Div,
        BinaryOp::Mod => Op::Mod,
        BinaryOp::Pow => Op::Pow,
        BinaryOp::Eq => Op::Equal,
        BinaryOp::Ne => Op::NotEqual,
        BinaryOp::Lt => Op::Less,
        BinaryOp::Gt => Op::Greater,
        BinaryOp::Le => Op::LessEqual,
        BinaryOp::Ge => Op::GreaterEqual,
        BinaryOp::In => Op::In,
        BinaryOp::NotIn => Op::NotIn,
        BinaryOp::BitAnd => Op::BitAnd,
        BinaryOp::BitOr => Op::BitOr,
        BinaryOp::BitXor => Op::BitXor,
        BinaryOp::Shl => Op::ShiftLeft,
        BinaryOp::Shr => Op::ShiftRight,
    }
}

/// The operation on a register and a short number.
pub(super) fn short_op(op: BinaryOp) -> Option<Op> {
    match op {
        BinaryOp::Add => Some(Op::AddImm),
        BinaryOp::Sub => Some(Op::SubImm),
        BinaryOp::Mul => Some(Op::MulImm),
        BinaryOp::Div => Some(Op::DivImm),
        BinaryOp::Mod => Some(Op::ModImm),
        _ => None,
    }
}
