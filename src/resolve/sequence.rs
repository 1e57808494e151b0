//! Expressions with a `match` inside. A match runs as a statement, because a loop in one of its arms must find
//! everything that goes on in fixed slots when another tier takes over. So it is moved before the statement that it
//! stands in, and leaves its value in a slot. What the text evaluates before it is moved there too and kept in a slot,
//! so that the order of evaluation stays; `&& || ?? ?:` and `?.` with a match in what may not run become an `if`.
//!
//! Nothing here charges gas for the moving: gas follows the text.

use crate::syntax::ast::{self, MapKey, Part, Span};
use crate::value::Value;

use super::hir::{BinaryOp, Block, Expr, ExprKind, IfArm, Place, Slot, Stmt, StmtKind};
use super::scope::Resolver;

impl<'a> Resolver<'a> {
    /// Whether evaluating the expression runs a `match` of this action's text.
    pub(super) fn has_match(&mut self, expr: &'a ast::Expr) -> bool {
        self.function().has_match && holds_match(expr)
    }

    /// Whether one of them does.
    pub(super) fn any_has_match(&mut self, exprs: &'a [ast::Expr]) -> bool {
        self.function().has_match && exprs.iter().any(holds_match)
    }

    /// How many of them come before the last one that does.
    pub(super) fn before_last_match(&mut self, exprs: impl DoubleEndedIterator<Item = &'a ast::Expr>) -> usize {
        if !self.function().has_match {
            return 0;
        }
        let flags: Vec<bool> = exprs.map(holds_match).collect();
        flags.iter().rposition(|flag| *flag).unwrap_or(0)
    }

    /// Runs `work`; what its expressions put before themselves is given apart.
    pub(super) fn apart<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> (Vec<Stmt>, R) {
        let outer = std::mem::take(&mut self.function().before);
        let result = work(self);
        let before = std::mem::replace(&mut self.function().before, outer);
        (before, result)
    }

    /// Lowers one statement: what its expressions put before themselves goes before it, and the slots that hold their
    /// values are free afterwards.
    pub(super) fn in_sequence(&mut self, out: &mut Vec<Stmt>, lower: impl FnOnce(&mut Self, &mut Vec<Stmt>)) {
        let slots = self.function().slots_in_use();
        let start = out.len();
        let (before, ()) = self.apart(|resolver| lower(resolver, out));
        out.splice(start..start, before);
        self.function().release_to(slots);
    }

    /// A slot that no name means, until the end of the statement.
    pub(super) fn hidden_slot(&mut self) -> Slot {
        self.function().allocate(1)
    }

    /// Adds a statement before the one being lowered.
    pub(super) fn put_before(&mut self, kind: StmtKind, span: Span) {
        self.function().before.push(Stmt { kind, span });
    }

    /// Evaluates the expression lowered last into a slot, before the statement being lowered.
    pub(super) fn put_in_slot(&mut self, value: Expr) -> Slot {
        self.needed(0);
        let (slot, span) = (self.hidden_slot(), value.span);
        self.put_before(StmtKind::Assign { place: Place::Local(slot), value, fresh: false }, span);
        slot
    }

    /// Evaluates the expression lowered last before what follows, if something that follows asks for it (`kept`).
    pub(super) fn keep(&mut self, value: Expr, kept: bool) -> Expr {
        if !kept || matches!(value.kind, ExprKind::Const(_)) {
            return value;
        }
        let span = value.span;
        local(self.put_in_slot(value), span)
    }

    /// The value of one of two expressions, evaluated before the statement being lowered.
    pub(super) fn either(
        &mut self,
        test: Expr,
        span: Span,
        yes: impl FnOnce(&mut Self) -> Expr,
        no: impl FnOnce(&mut Self) -> Expr,
    ) -> Expr {
        let result = self.hidden_slot();
        let body = self.value_block(result, span, yes);
        let other = self.value_block(result, span, no);
        self.put_before(StmtKind::If(vec![IfArm { gas: None, test, body }], Some(other)), span);
        let gas = self.function().gas.cut(span);
        self.put_before(StmtKind::Gas(gas), span);
        local(result, span)
    }

    /// A block that leaves a value in a slot.
    pub(super) fn value_block(&mut self, result: Slot, span: Span, value: impl FnOnce(&mut Self) -> Expr) -> Block {
        let gas = self.function().gas.open(span);
        let mark = self.function().definite.mark();
        let (mut stmts, value) = self.apart(value);
        self.needed(0);
        self.function().definite.restore(mark);
        let kind = StmtKind::Assign { place: Place::Local(result), value, fresh: false };
        stmts.push(Stmt { kind, span });
        Block { gas, stmts }
    }

    /// `a && b`, `a || b`, `a ?? b` with a match in `b`; `a` is lowered.
    pub(super) fn logical_before(
        &mut self,
        op: ast::LogicalOp,
        left: Expr,
        right: &'a ast::Expr,
        span: Span,
    ) -> ExprKind {
        let left = self.keep(left, true);
        let (test, other) = (again(&left), again(&left));
        let right = |resolver: &mut Self| resolver.expr(right);
        let value = match op {
            ast::LogicalOp::And => {
                let truth = |resolver: &mut Self| not(not(right(resolver)));
                self.either(test, span, truth, |_| constant(Value::FALSE, span))
            }
            ast::LogicalOp::Or => self.either(test, span, |_| other, right),
            ast::LogicalOp::Coalesce => self.either(not_null(test), span, |_| other, right),
        };
        value.kind
    }
}

/// Whether evaluating the expression runs a `match` in the same text.
pub(super) fn holds_match(expr: &ast::Expr) -> bool {
    super::with_stack(|| holds_match_inside(expr))
}

fn holds_match_inside(expr: &ast::Expr) -> bool {
    use ast::ExprKind as Kind;
    let any = |exprs: &[ast::Expr]| exprs.iter().any(holds_match);
    let maybe = |expr: &Option<Box<ast::Expr>>| expr.as_deref().is_some_and(holds_match);
    match &expr.kind {
        Kind::Match(_) => true,
        Kind::Interpolated(parts) => parts.iter().any(|part| matches!(part, Part::Expr(value) if holds_match(value))),
        Kind::List(items) | Kind::Print(items) => any(items),
        Kind::Map(entries) => entries.iter().any(|(key, value)| key_holds_match(key) || holds_match(value)),
        Kind::EntityLiteral(head, fields) => holds_match(head) || fields.iter().any(|(_, value)| holds_match(value)),
        Kind::Unary(_, _, value) => holds_match(value),
        Kind::Binary(_, _, sides) | Kind::Logical(_, _, sides) | Kind::Range(sides) => {
            holds_match(&sides.0) || holds_match(&sides.1)
        }
        Kind::Conditional(test, yes, no) => holds_match(test) || holds_match(yes) || holds_match(no),
        Kind::Call { callee, args, .. } => holds_match(callee) || any(args),
        Kind::Index { parts, .. } => holds_match(&parts.0) || holds_match(&parts.1),
        Kind::Slice { object, low, high, .. } => holds_match(object) || maybe(low) || maybe(high),
        Kind::Member { object, .. } => holds_match(object),
        Kind::Lambda(_)
        | Kind::Null
        | Kind::Bool(_)
        | Kind::Int(_)
        | Kind::BigInt(_)
        | Kind::Float(_)
        | Kind::Str(_)
        | Kind::Bytes(_)
        | Kind::Name(_)
        | Kind::This
        | Kind::Super => false,
    }
}

/// Whether evaluating the key of a map literal does.
pub(super) fn key_holds_match(key: &MapKey) -> bool {
    matches!(key, MapKey::Computed(key) if holds_match(key))
}

/// A slot that certainly has a value, read.
pub(super) fn local(slot: Slot, span: Span) -> Expr {
    Expr { kind: ExprKind::Local(slot), span, runs_code: false }
}

pub(super) fn constant(value: Value, span: Span) -> Expr {
    Expr { kind: ExprKind::Const(value), span, runs_code: false }
}

/// Another read of what [`Resolver::keep`] gave.
pub(super) fn again(kept: &Expr) -> Expr {
    match &kept.kind {
        ExprKind::Local(slot) => local(*slot, kept.span),
        ExprKind::Const(value) => constant(*value, kept.span),
        _ => unreachable!("what is kept is a slot or a constant"),
    }
}

pub(super) fn not(value: Expr) -> Expr {
    let (span, runs_code) = (value.span, value.runs_code);
    Expr { kind: ExprKind::Unary(ast::UnaryOp::Not, Box::new(value)), span, runs_code }
}

/// Whether a kept value is not null.
pub(super) fn not_null(kept: Expr) -> Expr {
    let span = kept.span;
    let null = Box::new(constant(Value::NULL, span));
    Expr { kind: ExprKind::Binary(BinaryOp::Ne, Box::new(kept), null), span, runs_code: false }
}
