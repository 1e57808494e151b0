//! Bindings and assignments.

use crate::runtime::info::Symbol;
use crate::syntax::Diagnostic;
use crate::syntax::ast::{self, Ident, LetTarget, Span};
use crate::value::Value;

use super::call::is_fresh;
use super::cost;
use super::expr::Held;
use super::hir::{BinaryOp, Expr, ExprKind, Place, Slot, Stmt, StmtKind};
use super::name::Meaning;
use super::scope::Resolver;
use super::sequence::{again, constant, local};

impl<'a> Resolver<'a> {
    /// `let`, `const`: the value first, so that it does not see the names.
    pub(super) fn let_stmt(
        &mut self,
        target: &'a LetTarget,
        value: Option<&'a ast::Expr>,
        constant: bool,
        span: Span,
        out: &mut Vec<Stmt>,
    ) {
        let value = match value {
            Some(value) => self.whole(value),
            None => Expr { kind: ExprKind::Const(Value::NULL), span, runs_code: false },
        };
        match target {
            LetTarget::Name(name) => {
                let fresh = is_fresh(&value);
                let place = self.bind_new(*name, constant);
                out.push(Stmt { kind: StmtKind::Assign { place, value, fresh }, span });
            }
            LetTarget::Map(names) => {
                let hidden = self.hidden(value, span, out);
                for (key, name) in names {
                    let key_value = self.constants.string(self.name(key.symbol));
                    self.element(hidden, key_value, *name, constant, out);
                }
                self.function().release(1);
            }
            LetTarget::List(names, rest) => {
                let hidden = self.hidden(value, span, out);
                for (index, name) in names.iter().enumerate() {
                    self.element(hidden, Value::int(index as i64), *name, constant, out);
                }
                if let Some(name) = rest {
                    let value = self.rest_of(hidden, names.len(), name.span);
                    let place = self.bind_new(*name, constant);
                    out.push(Stmt { kind: StmtKind::Assign { place, value, fresh: true }, span: name.span });
                }
                self.function().release(1);
            }
        }
    }

    /// What a list in a slot holds from an index on.
    pub(super) fn rest_of(&mut self, list: Slot, from: usize, span: Span) -> Expr {
        self.function().gas.charge(cost::EXPRESSION);
        let kind = ExprKind::Slice {
            object: Box::new(local(list, span)),
            low: Some(Box::new(constant(Value::int(from as i64), span))),
            high: None,
            optional: false,
            gas: self.function().gas.cut(span),
        };
        Expr { kind, span, runs_code: false }
    }

    /// Keeps the value of a destructuring `let` in a slot of its own.
    fn hidden(&mut self, value: Expr, span: Span, out: &mut Vec<Stmt>) -> Slot {
        let slot = self.function().allocate(1);
        out.push(Stmt { kind: StmtKind::Assign { place: Place::Local(slot), value, fresh: false }, span });
        slot
    }

    /// One name of a destructuring `let`.
    fn element(&mut self, hidden: Slot, key: Value, name: Ident, is_constant: bool, out: &mut Vec<Stmt>) {
        self.function().gas.charge(cost::EXPRESSION);
        let span = name.span;
        let index = Box::new(constant(key, span));
        let kind = ExprKind::Index { object: Box::new(local(hidden, span)), index, optional: false };
        let place = self.bind_new(name, is_constant);
        let value = Expr { kind, span, runs_code: false };
        out.push(Stmt { kind: StmtKind::Assign { place, value, fresh: false }, span });
    }

    fn bind_new(&mut self, name: Ident, constant: bool) -> Place {
        let place = self.bind(name);
        if constant {
            self.declare_constant(name);
        }
        self.settled(place);
        place
    }

    /// `let x << path`
    pub(super) fn let_file(&mut self, name: Ident, path: &'a ast::Expr, span: Span, out: &mut Vec<Stmt>) {
        let value = self.call_builtin("file_read_text", std::slice::from_ref(path), span);
        self.needed(0);
        let place = self.bind_new(name, false);
        out.push(Stmt { kind: StmtKind::Assign { place, value, fresh: false }, span });
    }

    /// `target = value`, `target op= value`
    pub(super) fn assign(
        &mut self,
        target: &'a ast::Expr,
        op: Option<(BinaryOp, Span)>,
        value: &'a ast::Expr,
        span: Span,
        out: &mut Vec<Stmt>,
    ) {
        match &target.kind {
            ast::ExprKind::Name(symbol) => {
                let name = Ident { symbol: *symbol, span: target.span };
                let old = op.map(|op| {
                    let meaning = self.meaning(*symbol);
                    let kind = self.read(meaning, *symbol, target.span);
                    (op, self.old(kind, target.span))
                });
                let value = self.updated(old, value);
                let place = self.assigned(name);
                self.settled(place);
                let fresh = is_fresh(&value);
                out.push(Stmt { kind: StmtKind::Assign { place, value, fresh }, span });
            }
            ast::ExprKind::Member { object, name, .. } => self.assign_member(object, *name, op, value, span, out),
            ast::ExprKind::Index { parts, .. } => {
                let (object, index) = &**parts;
                let mut held = Held::default();
                let later = self.has_match(value);
                let kept = later || self.has_match(index);
                let object = self.operand_before(object, &mut held, kept);
                let index = self.operand_before(index, &mut held, later);
                let (value, fresh, op) = if let Some((op, op_span)) = op.filter(|_| later) {
                    let (object, index) = (Box::new(again(&object)), Box::new(again(&index)));
                    let kind = ExprKind::Index { object, index, optional: false };
                    let (value, fresh) = self.stored_before(Expr { kind, span, runs_code: false }, op, op_span, value);
                    (value, fresh, None)
                } else {
                    let (value, fresh) = self.stored(op, value, &mut held);
                    (value, fresh, op)
                };
                let gas = self.function().gas.cut(span);
                out.push(Stmt { kind: StmtKind::AssignIndex { object, index, op, value, fresh, gas }, span });
            }
            _ => self.report(Diagnostic::new("only a name, an element or a member can be assigned", target.span)),
        }
    }

    fn assign_member(
        &mut self,
        object: &'a ast::Expr,
        name: Ident,
        op: Option<(BinaryOp, Span)>,
        value: &'a ast::Expr,
        span: Span,
        out: &mut Vec<Stmt>,
    ) {
        match &object.kind {
            ast::ExprKind::This if self.function().record.is_none() => {
                let Some(class) = self.class() else {
                    return self.check_this(object.span);
                };
                let symbol = Symbol(name.symbol.0);
                let Some(field) = self.classes[class.0 as usize].field(symbol) else {
                    return self.no_field(class, name);
                };
                self.check_field_write(field, name.span);
                let place = Place::Field(field);
                let old = op.map(|op| (op, self.old(ExprKind::Read(place, symbol), name.span)));
                let value = self.updated(old, value);
                let fresh = is_fresh(&value);
                out.push(Stmt { kind: StmtKind::Assign { place, value, fresh }, span });
                return;
            }
            ast::ExprKind::Name(head) => match self.meaning(*head) {
                Meaning::Config => {
                    let key = self.setting(name);
                    let old = op.map(|op| (op, self.old(ExprKind::Config(key), name.span)));
                    let value = self.updated(old, value);
                    self.record_setting(name, op.is_some(), &value);
                    out.push(Stmt { kind: StmtKind::SetConfig(key, value), span });
                    return;
                }
                // Both are read-only maps: the write fails when the program gets there, after its right side.
                Meaning::Tx | Meaning::Msg => {
                    let mut held = Held::one();
                    let object = self.old(ExprKind::TxMap, object.span);
                    let later = self.has_match(value);
                    let object = self.keep(object, later);
                    return self.write_member(object, name, op, value, &mut held, span, out);
                }
                _ => {}
            },
            _ => {}
        }
        if let Some(module) = self.fixed_module(object) {
            self.check_not_member(module, name);
        }
        let mut held = Held::default();
        let later = self.has_match(value);
        let object = self.operand_before(object, &mut held, later);
        self.write_member(object, name, op, value, &mut held, span, out);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one statement")]
    fn write_member(
        &mut self,
        object: Expr,
        name: Ident,
        op: Option<(BinaryOp, Span)>,
        value: &'a ast::Expr,
        held: &mut Held,
        span: Span,
        out: &mut Vec<Stmt>,
    ) {
        let name = Symbol(name.symbol.0);
        let later = op.filter(|_| self.has_match(value));
        let (value, fresh, op) = if let Some((op, op_span)) = later {
            let kind = ExprKind::Member(Box::new(again(&object)), name);
            let (value, fresh) = self.stored_before(Expr { kind, span, runs_code: false }, op, op_span, value);
            (value, fresh, None)
        } else {
            let (value, fresh) = self.stored(op, value, held);
            (value, fresh, op)
        };
        let gas = self.function().gas.cut(span);
        out.push(Stmt { kind: StmtKind::AssignMember { object, name, op, value, fresh, gas }, span });
    }

    /// The right side of an assignment to an element or member, and whether it is fresh.
    fn stored(&mut self, op: Option<(BinaryOp, Span)>, value: &'a ast::Expr, held: &mut Held) -> (Expr, bool) {
        if op.is_some() {
            held.hold();
        }
        let value = self.operand(value, held);
        self.node(held);
        self.needed(0);
        let fresh = match op {
            Some((op, _)) => op == BinaryOp::Add,
            None => is_fresh(&value),
        };
        (value, fresh)
    }

    /// As `stored`, for a compound assignment whose right side has a `match`: the element (or member) `old` is read
    /// before it.
    fn stored_before(&mut self, old: Expr, op: BinaryOp, op_span: Span, value: &'a ast::Expr) -> (Expr, bool) {
        let value = self.updated(Some(((op, op_span), old)), value);
        (value, op == BinaryOp::Add)
    }

    /// The variable of a compound assignment, read.
    fn old(&mut self, kind: ExprKind, span: Span) -> Expr {
        self.function().gas.charge(cost::EXPRESSION);
        Expr { kind, span, runs_code: false }
    }

    /// The right side of an assignment to a variable.
    fn updated(&mut self, old: Option<((BinaryOp, Span), Expr)>, value: &'a ast::Expr) -> Expr {
        let Some(((op, span), old)) = old else { return self.whole(value) };
        let mut held = Held::default();
        held.hold();
        let later = self.has_match(value);
        let old = self.keep(old, later);
        let value = self.operand(value, &mut held);
        self.node(&held);
        self.needed(0);
        let runs_code = value.runs_code;
        Expr { kind: ExprKind::Binary(op, Box::new(old), Box::new(value)), span, runs_code }
    }

    /// Settings of the outermost block with a literal value are known before the program runs.
    fn record_setting(&mut self, name: Ident, compound: bool, value: &Expr) {
        if let (true, false, ExprKind::Const(value)) = (self.is_outermost_block(), compound, &value.kind) {
            let key = self.name(name.symbol).to_owned();
            self.config.push((key, *value));
        }
    }
}
