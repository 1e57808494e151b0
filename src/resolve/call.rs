//! Calls: who is called is bound here wherever the text fixes it.

use crate::runtime::info::{ActionId, ClassId, Symbol};
use crate::runtime::names;
use crate::syntax::ast::{self, Ident, Span};
use crate::value::Value;

use super::cost;
use super::expr::{Held, any_runs_code};
use super::hir::{BinaryOp, Call, Callee, Expr, ExprKind};
use super::name::Meaning;
use super::scope::{GlobalKind, Resolver};
use super::sequence::{again, constant, not_null};

impl<'a> Resolver<'a> {
    /// `callee(args)`
    pub(super) fn call(&mut self, callee: &'a ast::Expr, args: &'a [ast::Expr], optional: bool, span: Span) -> Expr {
        let mut held = Held::default();
        let (callee, place) = match &callee.kind {
            ast::ExprKind::Name(symbol) => {
                self.function().gas.charge(cost::EXPRESSION);
                (self.named_callee(*symbol, callee.span, optional, &mut held), span)
            }
            ast::ExprKind::Member { object, name, .. }
                if object.kind == ast::ExprKind::Super && self.function().record.is_some() =>
            {
                let class = self.function().record.expect("checked above");
                return self.base_call(class, *name, args, span);
            }
            ast::ExprKind::Member { object, name, optional } => {
                self.function().gas.charge(cost::EXPRESSION);
                let place = Span::new(name.span.start, span.end.max(name.span.end));
                (self.member_callee(object, *name, *optional, &mut held), place)
            }
            _ => (Callee::Value(self.operand(callee, &mut held), optional), span),
        };
        if self.any_has_match(args) {
            return self.call_before(callee, args, held, place, span);
        }
        let args = self.operands(args, &mut held);
        self.finish_call(callee, args, &held, place, span)
    }

    /// A call with a `match` in its arguments: who is called is evaluated before.
    fn call_before(&mut self, callee: Callee, args: &'a [ast::Expr], mut held: Held, place: Span, span: Span) -> Expr {
        let (callee, optional) = match callee {
            Callee::Method(receiver, name, optional) => {
                let receiver = self.keep(receiver, true);
                let test = optional.then(|| not_null(again(&receiver)));
                (Callee::Method(receiver, name, false), test)
            }
            Callee::Value(callee, optional) => {
                let callee = self.keep(callee, true);
                let test = optional.then(|| not_null(again(&callee)));
                (Callee::Value(callee, false), test)
            }
            other => (other, None),
        };
        let whole = |resolver: &mut Self| {
            let args = resolver.operands(args, &mut held);
            resolver.finish_call(callee, args, &held, place, span)
        };
        match optional {
            Some(test) => self.either(test, span, whole, |_| constant(Value::NULL, span)),
            None => whole(self),
        }
    }

    /// The call of a builtin that the language itself writes (`verify`, `let x << path`).
    pub(super) fn call_builtin(&mut self, name: &str, args: &'a [ast::Expr], span: Span) -> Expr {
        let mut held = Held::default();
        let args = self.operands(args, &mut held);
        let builtin = names::builtin_id(name).expect("the table has it");
        self.finish_call(Callee::Builtin(builtin), args, &held, span, span)
    }

    pub(super) fn finish_call(
        &mut self,
        callee: Callee,
        args: Vec<Expr>,
        held: &Held,
        place: Span,
        span: Span,
    ) -> Expr {
        self.node(held);
        let of_callee = match &callee {
            Callee::Builtin(builtin) => names::runs_callback(*builtin),
            _ => true,
        };
        let runs_code = of_callee || any_runs_code(&args);
        let gas = self.function().gas.cut(span);
        Expr { kind: ExprKind::Call(Box::new(Call { callee, args, gas })), span: place, runs_code }
    }

    /// Who `name(...)` calls: a local, an action of the contract, a global, a builtin.
    fn named_callee(&mut self, symbol: ast::Symbol, span: Span, optional: bool, held: &mut Held) -> Callee {
        let meaning = if let Some(local) = self.local(symbol) {
            local
        } else if let Some(action) = self.own_action(symbol) {
            return Callee::Own(action);
        } else {
            self.around_contract(symbol).unwrap_or_else(|| self.global_or_outermost(symbol))
        };
        self.callee_of(meaning, symbol, span, optional, held)
    }

    /// Who is called by a name that means this.
    fn callee_of(
        &mut self,
        meaning: Meaning,
        symbol: ast::Symbol,
        span: Span,
        optional: bool,
        held: &mut Held,
    ) -> Callee {
        match meaning {
            Meaning::Global(_, GlobalKind::Action(action), _) => Callee::Action(action),
            Meaning::Global(global, GlobalKind::Class(class), _) if !self.may_change(global) => Callee::New(class),
            Meaning::Class(class) => Callee::New(class),
            Meaning::Builtin(builtin) | Meaning::Global(_, GlobalKind::Builtin(builtin), _) => Callee::Builtin(builtin),
            _ => {
                *held = Held::one();
                let kind = self.read(meaning, symbol, span);
                Callee::Value(Expr { kind, span, runs_code: false }, optional)
            }
        }
    }

    /// The action of that name of the contract whose code this is.
    fn own_action(&mut self, symbol: ast::Symbol) -> Option<ActionId> {
        let class = self.class()?;
        let action = self.classes[class.0 as usize].action(Symbol(symbol.0));
        if action.is_some() {
            self.note_instance();
        }
        action
    }

    fn member_callee(&mut self, object: &'a ast::Expr, name: Ident, optional: bool, held: &mut Held) -> Callee {
        if matches!(object.kind, ast::ExprKind::Super) {
            self.function().gas.charge(cost::EXPRESSION);
            // Without such an action that has been reported.
            return Callee::Super(self.super_action(name).unwrap_or(ActionId(0)));
        }
        if object.kind == ast::ExprKind::This
            && self.function().record.is_none()
            && let Some(action) = self.own_action(name.symbol)
        {
            self.function().gas.charge(cost::EXPRESSION);
            return Callee::Own(action);
        }
        if let Some(meaning) = self.member_of_module(object, name.symbol) {
            self.function().gas.charge(cost::EXPRESSION);
            return self.callee_of(meaning, name.symbol, name.span, false, held);
        }
        Callee::Method(self.operand(object, held), Symbol(name.symbol.0), optional)
    }

    /// `Name{f: v}`
    pub(super) fn instance_with(&mut self, head: &'a ast::Expr, fields: &'a [(Ident, ast::Expr)], span: Span) -> Expr {
        let mut held = Held::default();
        let class = self.literal_class(head);
        let callee = match class {
            Some(class) => {
                self.function().gas.charge(cost::EXPRESSION);
                let indexes = fields.iter().filter_map(|(name, _)| self.field_index(class, *name)).collect();
                Callee::NewWith(class, indexes)
            }
            None => {
                let kept = fields.iter().any(|(_, value)| self.has_match(value));
                let head = self.operand_before(head, &mut held, kept);
                Callee::NewOf(head, fields.iter().map(|(name, _)| Symbol(name.symbol.0)).collect())
            }
        };
        let kept = self.before_last_match(fields.iter().map(|(_, value)| value));
        let values = fields.iter().enumerate();
        let values = values.map(|(at, (_, value))| self.operand_before(value, &mut held, at < kept)).collect();
        self.finish_call(callee, values, &held, span, span)
    }

    fn field_index(&mut self, class: ClassId, name: Ident) -> Option<u16> {
        let field = self.classes[class.0 as usize].field(Symbol(name.symbol.0));
        if field.is_none() {
            self.no_field(class, name);
        }
        field
    }
}

/// Whether the expression's value is a new container, if it is a container: a literal, `+`, a slice, a range, or a
/// builtin that makes one.
pub(super) fn is_fresh(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::List(..) | ExprKind::Map(..) | ExprKind::Slice { .. } | ExprKind::Range(..) => true,
        ExprKind::Binary(op, ..) => *op == BinaryOp::Add,
        ExprKind::Call(call) => match call.callee {
            Callee::Builtin(builtin) => names::makes_container(builtin),
            Callee::NewWith(..) | Callee::NewOf(..) => true,
            _ => false,
        },
        _ => false,
    }
}
