//! Expressions.

use super::{Flow, Walker, place};
use crate::resolve::hir::{BinaryOp, Callee, Capture, ClassValue, Expr, ExprKind, GasId, Place, Slot, UnaryOp};
use crate::runtime::Unwind;
use crate::runtime::info::{ActionId, Symbol};
use crate::runtime::ops::quick;
use crate::syntax::ast::Span;
use crate::value::Value;

impl<'a> Walker<'a> {
    /// An operand: the commonest kinds without a call.
    #[inline(always)]
    pub(super) fn operand(&mut self, expr: &'a Expr) -> Result<Value, Unwind> {
        match &expr.kind {
            ExprKind::Local(slot) => Ok(self.isolate.slots[self.base + slot.0 as usize]),
            ExprKind::Const(value) => Ok(*value),
            _ => self.expr(expr),
        }
    }

    /// Evaluates an expression. Each kind is a function of its own, called in the last position, so that this one
    /// needs no stack frame and the walk as a whole little of it.
    pub(super) fn expr(&mut self, expr: &'a Expr) -> Result<Value, Unwind> {
        match &expr.kind {
            ExprKind::Const(value) => Ok(*value),
            ExprKind::Local(slot) => Ok(self.isolate.slots[self.base + slot.0 as usize]),
            ExprKind::Binary(op, left, right) => match self.quick_binary(*op, left, right) {
                Some(value) => Ok(value),
                None => self.binary(expr),
            },
            ExprKind::Read(..) => self.read(expr),
            ExprKind::Call(call) => match &call.callee {
                Callee::Action(action) => self.call_bound(call, *action, expr.span),
                _ => self.call(call, expr.span),
            },
            ExprKind::Index { .. } => self.index(expr),
            ExprKind::And(..) | ExprKind::Or(..) | ExprKind::Coalesce(..) => self.logical(expr),
            _ => self.rare(expr),
        }
    }

    #[inline(never)]
    fn rare(&mut self, expr: &'a Expr) -> Result<Value, Unwind> {
        match &expr.kind {
            ExprKind::Conditional(test, then_gas, then, else_gas, otherwise) => {
                let (gas, arm) = if self.test(test)? { (then_gas, then) } else { (else_gas, otherwise) };
                self.charge(*gas)?;
                self.expr(arm)
            }
            ExprKind::Unary(op, operand) => self.unary(*op, operand, expr.span),
            ExprKind::Member(object, name) => {
                let object = self.operand(object)?;
                let result = self.isolate.member_get(object, *name);
                self.located(result, expr.span)
            }
            ExprKind::List(..) | ExprKind::Map(..) | ExprKind::Interpolate(..) | ExprKind::Print(..) => {
                self.collected(expr)
            }
            ExprKind::Lambda(action, captures, gas) => self.lambda(*action, captures, *gas, expr.span),
            ExprKind::Class(class) => {
                let ClassValue { action, captures, base, gas } = &**class;
                let base = base.as_ref().map(|base| self.expr(base)).transpose()?;
                let cells = captures.iter().map(|capture| self.captured(*capture)).collect();
                let result = self.isolate.make_class(*action, cells, base);
                let value = self.located(result, expr.span)?;
                self.charge(*gas)?;
                Ok(value)
            }
            ExprKind::GlobalOr(global, builtin) => {
                let value = self.isolate.ledger.globals[global.0 as usize];
                Ok(if value.is_unset() { *builtin } else { value })
            }
            ExprKind::This => Ok(Value::contract(self.isolate.this())),
            ExprKind::Action(action) => Ok(self.isolate.ledger.heap.alloc_function(action.0, Vec::new(), Value::NULL)),
            ExprKind::Config(key) => Ok(self.isolate.get_config(*key)),
            ExprKind::Tx(key, gas) => {
                self.charge(*gas)?;
                Ok(self.isolate.get_tx(*key))
            }
            ExprKind::TxMap => {
                let result = self.isolate.get_tx_map();
                self.located(result, expr.span)
            }
            ExprKind::MsgSender => Ok(self.isolate.get_sender()),
            ExprKind::Fits(subject, shape) => {
                let value = self.isolate.slots[self.base + subject.0 as usize];
                Ok(Value::bool(self.isolate.fits(value, *shape)))
            }
            ExprKind::Range(low, high) => {
                let (low, high) = self.pair(low, high)?;
                let result = self.isolate.make_range(low, high);
                self.located(result, expr.span)
            }
            ExprKind::Slice { object, low, high, optional, gas } => {
                self.slice([Some(object), low.as_deref(), high.as_deref()], *optional, *gas, expr.span)
            }
            _ => unreachable!("handled by `expr`"),
        }
    }

    /// Gives a failed operation its place.
    #[inline(always)]
    pub(super) fn located<T>(&mut self, result: Result<T, Unwind>, span: Span) -> Result<T, Unwind> {
        match result {
            Ok(value) => Ok(value),
            Err(Unwind) => self.failed(span),
        }
    }

    /// Two operands, left to right; the first survives program code in the second.
    #[inline(always)]
    pub(super) fn pair(&mut self, left: &'a Expr, right: &'a Expr) -> Result<(Value, Value), Unwind> {
        let a = self.operand(left)?;
        if right.runs_code && a.is_heap() {
            let slot = self.isolate.push(a);
            let b = self.expr(right)?;
            self.isolate.top = slot;
            return Ok((a, b));
        }
        let b = self.operand(right)?;
        Ok((a, b))
    }

    /// Two operands that need no walk, if the right one and then the left one are such.
    #[inline(always)]
    fn at_hand(&self, left: &Expr, right: &Expr) -> Option<(Value, Value)> {
        let local = |slot: Slot| self.isolate.slots[self.base + slot.0 as usize];
        match (&left.kind, &right.kind) {
            (ExprKind::Local(left), ExprKind::Const(right)) => Some((local(*left), *right)),
            (ExprKind::Local(left), ExprKind::Local(right)) => Some((local(*left), local(*right))),
            _ => None,
        }
    }

    /// A binary operator on 64-bit integers at hand: it calls nothing, so what contains it needs no stack frame.
    #[inline(always)]
    fn quick_binary(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Value> {
        let (a, b) = self.at_hand(left, right)?;
        match op {
            BinaryOp::Add => quick::add(a, b),
            BinaryOp::Sub => quick::sub(a, b),
            BinaryOp::Mul => quick::mul(a, b),
            BinaryOp::Mod => quick::modulo(a, b),
            _ => None,
        }
    }

    /// The same for a condition.
    #[inline(always)]
    fn quick_test(&self, expr: &Expr) -> Option<bool> {
        let ExprKind::Binary(op, left, right) = &expr.kind else { return None };
        let (a, b) = self.at_hand(left, right)?;
        match op {
            BinaryOp::Lt => quick::less(a, b),
            BinaryOp::Le => quick::less_equal(a, b),
            BinaryOp::Gt => quick::greater(a, b),
            BinaryOp::Ge => quick::greater_equal(a, b),
            BinaryOp::Eq => quick::equal(a, b),
            _ => None,
        }
    }

    #[inline(never)]
    fn binary(&mut self, expr: &'a Expr) -> Result<Value, Unwind> {
        let ExprKind::Binary(op, left, right) = &expr.kind else { unreachable!("called for binary operators only") };
        let (a, b) = self.pair(left, right)?;
        let result = match op {
            BinaryOp::Add => self.isolate.add(a, b),
            BinaryOp::Sub => self.isolate.sub(a, b),
            BinaryOp::Mul => self.isolate.mul(a, b),
            BinaryOp::Mod => self.isolate.modulo(a, b),
            op => self.operate(*op, a, b),
        };
        self.located(result, expr.span)
    }

    /// Any binary operator on two values; the place of a failure is not given yet.
    #[inline(never)]
    pub(super) fn operate(&mut self, op: BinaryOp, a: Value, b: Value) -> Result<Value, Unwind> {
        let isolate = &mut *self.isolate;
        match op {
            BinaryOp::Add => isolate.add(a, b),
            BinaryOp::Sub => isolate.sub(a, b),
            BinaryOp::Mul => isolate.mul(a, b),
            BinaryOp::Div => isolate.div(a, b),
            BinaryOp::Mod => isolate.modulo(a, b),
            BinaryOp::Pow => isolate.pow(a, b),
            BinaryOp::Eq => isolate.equal(a, b).map(Value::bool),
            BinaryOp::Ne => isolate.equal(a, b).map(|equal| Value::bool(!equal)),
            BinaryOp::Lt => isolate.less(a, b).map(Value::bool),
            BinaryOp::Gt => isolate.greater(a, b).map(Value::bool),
            BinaryOp::Le => isolate.less_equal(a, b).map(Value::bool),
            BinaryOp::Ge => isolate.greater_equal(a, b).map(Value::bool),
            BinaryOp::In => isolate.contains(a, b).map(Value::bool),
            BinaryOp::NotIn => isolate.contains(a, b).map(|inside| Value::bool(!inside)),
            BinaryOp::BitAnd => isolate.bit_and(a, b),
            BinaryOp::BitOr => isolate.bit_or(a, b),
            BinaryOp::BitXor => isolate.bit_xor(a, b),
            BinaryOp::Shl => isolate.shift_left(a, b),
            BinaryOp::Shr => isolate.shift_right(a, b),
        }
    }

    /// A condition, without making a boolean value where a comparison decides.
    #[inline(always)]
    pub(super) fn test(&mut self, expr: &'a Expr) -> Result<bool, Unwind> {
        match self.quick_test(expr) {
            Some(holds) => Ok(holds),
            None => self.full_test(expr),
        }
    }

    #[inline(never)]
    fn full_test(&mut self, expr: &'a Expr) -> Result<bool, Unwind> {
        if let ExprKind::Binary(op, left, right) = &expr.kind {
            let ordered = matches!(op, BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::Eq);
            if ordered {
                let (a, b) = self.pair(left, right)?;
                let result = match op {
                    BinaryOp::Lt => self.isolate.less(a, b),
                    BinaryOp::Le => self.isolate.less_equal(a, b),
                    BinaryOp::Gt => self.isolate.greater(a, b),
                    BinaryOp::Ge => self.isolate.greater_equal(a, b),
                    _ => self.isolate.equal(a, b),
                };
                return self.located(result, expr.span);
            }
        }
        Ok(self.operand(expr)?.truthy())
    }

    #[inline(never)]
    fn logical(&mut self, expr: &'a Expr) -> Result<Value, Unwind> {
        match &expr.kind {
            ExprKind::And(left, gas, right) => {
                if !self.test(left)? {
                    return Ok(Value::FALSE);
                }
                self.charge(*gas)?;
                Ok(Value::bool(self.test(right)?))
            }
            ExprKind::Or(left, gas, right) => {
                let value = self.operand(left)?;
                if value.truthy() {
                    return Ok(value);
                }
                self.charge(*gas)?;
                self.operand(right)
            }
            ExprKind::Coalesce(left, gas, right) => {
                let value = self.operand(left)?;
                if !value.is_null() {
                    return Ok(value);
                }
                self.charge(*gas)?;
                self.operand(right)
            }
            _ => unreachable!("called for logical operators only"),
        }
    }

    #[inline(never)]
    fn unary(&mut self, op: UnaryOp, operand: &'a Expr, span: Span) -> Result<Value, Unwind> {
        if op == UnaryOp::Not {
            return Ok(Value::bool(!self.test(operand)?));
        }
        let value = self.operand(operand)?;
        let result = match op {
            UnaryOp::Negate => self.isolate.negate(value),
            UnaryOp::BitNot => self.isolate.bit_not(value),
            UnaryOp::Not | UnaryOp::Await | UnaryOp::Spawn => Ok(value),
        };
        self.located(result, span)
    }

    #[inline(never)]
    fn index(&mut self, expr: &'a Expr) -> Result<Value, Unwind> {
        let ExprKind::Index { object, index, optional } = &expr.kind else { unreachable!("called for indexes only") };
        if *optional {
            let object = self.operand(object)?;
            if object.is_null() {
                return Ok(Value::NULL);
            }
            let slot = self.isolate.push(object);
            let index = self.expr(index)?;
            self.isolate.top = slot;
            let result = self.isolate.index_get(object, index);
            return self.located(result, expr.span);
        }
        let (object, index) = self.pair(object, index)?;
        let result = self.isolate.index_get(object, index);
        self.located(result, expr.span)
    }

    #[inline(never)]
    fn slice(&mut self, parts: [Option<&'a Expr>; 3], optional: bool, gas: GasId, span: Span) -> Result<Value, Unwind> {
        let base = self.isolate.top;
        for (at, part) in parts.into_iter().enumerate() {
            let value = match part {
                Some(part) => self.expr(part)?,
                None => Value::NULL,
            };
            if at == 0 && optional && value.is_null() {
                return Ok(Value::NULL);
            }
            self.isolate.push(value);
        }
        let [object, low, high] = [0, 1, 2].map(|at| self.isolate.slots[base as usize + at]);
        self.isolate.top = base;
        let result = self.isolate.slice(object, low, high);
        let value = self.located(result, span)?;
        self.charge(gas)?;
        Ok(value)
    }

    /// Evaluates expressions into consecutive temporaries; gives the first.
    pub(super) fn push_all(&mut self, exprs: &'a [Expr]) -> Result<u32, Unwind> {
        let base = self.isolate.top;
        for expr in exprs {
            let value = self.operand(expr)?;
            self.isolate.push(value);
        }
        Ok(base)
    }

    /// Literals and `print`: everything that takes a run of temporaries.
    #[inline(never)]
    fn collected(&mut self, expr: &'a Expr) -> Result<Value, Unwind> {
        let (parts, gas) = match &expr.kind {
            ExprKind::List(parts, gas)
            | ExprKind::Map(parts, gas)
            | ExprKind::Interpolate(parts, gas)
            | ExprKind::Print(parts, gas) => (parts, *gas),
            _ => unreachable!("called for literals and print only"),
        };
        let base = self.push_all(parts)?;
        let count = parts.len() as u32;
        let result = match &expr.kind {
            ExprKind::List(..) => self.isolate.make_list(base, count),
            ExprKind::Map(..) => self.isolate.make_map(base, count / 2),
            ExprKind::Interpolate(..) => self.isolate.interpolate(base, count),
            _ => self.isolate.print(base, count).map(|()| Value::NULL),
        };
        let value = self.located(result, expr.span)?;
        self.isolate.top = base;
        self.charge(gas)?;
        Ok(value)
    }

    #[inline(never)]
    fn lambda(&mut self, action: ActionId, captures: &[Capture], gas: GasId, span: Span) -> Result<Value, Unwind> {
        let cells = captures.iter().map(|capture| self.captured(*capture)).collect();
        let result = self.isolate.make_closure(action, cells);
        let value = self.located(result, span)?;
        self.charge(gas)?;
        Ok(value)
    }

    fn captured(&self, capture: Capture) -> Value {
        match capture {
            Capture::Slot(slot) => self.isolate.slots[self.base + slot.0 as usize],
            Capture::Upvalue(index) => self.upvalue_cell(index),
        }
    }

    fn upvalue_cell(&self, index: u16) -> Value {
        let closure = self.isolate.frame().closure;
        self.isolate.ledger.heap.function(closure).cells[index as usize]
    }

    /// The value of a variable, unset included.
    #[inline(always)]
    pub(super) fn peek(&self, variable: Place) -> Value {
        match variable {
            Place::Local(slot) => self.isolate.slots[self.base + slot.0 as usize],
            Place::Global(global) => self.isolate.ledger.globals[global.0 as usize],
            Place::Field(field) => self.isolate.field(field),
            Place::Cell(slot) => {
                let cell = self.isolate.slots[self.base + slot.0 as usize];
                self.isolate.ledger.heap.cell(cell).value
            }
            Place::Upvalue(index) => self.isolate.ledger.heap.cell(self.upvalue_cell(index)).value,
        }
    }

    #[inline(never)]
    fn read(&mut self, expr: &'a Expr) -> Result<Value, Unwind> {
        let ExprKind::Read(variable, name) = &expr.kind else { unreachable!("called for variables only") };
        let value = self.peek(*variable);
        if value.is_unset() { self.not_found(*name, expr.span) } else { Ok(value) }
    }

    #[cold]
    fn not_found(&mut self, name: Symbol, span: Span) -> Result<Value, Unwind> {
        let message = format!("Identifier '{}' not found", self.isolate.info.name(name));
        let _: Result<(), Unwind> = self.isolate.fail(&message);
        Err(self.isolate.locate(place(span)))
    }

    /// Assigns a variable.
    #[inline]
    pub(super) fn assign(&mut self, variable: Place, value: Value, fresh: bool, span: Span) -> Result<(), Unwind> {
        let result = match variable {
            Place::Local(slot) => {
                self.isolate.slots[self.base + slot.0 as usize] = value;
                return Ok(());
            }
            Place::Global(global) => self.isolate.assign_global(global.0, value),
            Place::Field(field) => self.isolate.assign_field(field, value, fresh),
            Place::Cell(slot) => {
                let cell = self.isolate.slots[self.base + slot.0 as usize];
                self.isolate.assign_cell(cell, value)
            }
            Place::Upvalue(index) => {
                let cell = self.upvalue_cell(index);
                self.isolate.assign_cell(cell, value)
            }
        };
        self.located(result, span)
    }

    /// The flow of a statement that is one fallible step.
    #[inline(always)]
    pub(super) fn flow(result: Result<(), Unwind>) -> Flow {
        match result {
            Ok(()) => Flow::Normal,
            Err(Unwind) => Flow::Unwind,
        }
    }
}
