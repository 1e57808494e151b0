//! Expressions. Operands are lowered in the order of evaluation; each node is charged after its operands.

use crate::runtime::info::{ActionId, ActionInfo, ClassId, Symbol};
use crate::syntax::ast::{self, Ident, LogicalOp, MapKey, Part, Span, UnaryOp};
use crate::syntax::{Diagnostic, THIS};
use crate::value::Value;
use crate::value::numbers::Integer;

use super::cost;
use super::hir::{Block, Callee, Capture, Expr, ExprKind, Stmt, StmtKind};
use super::name::Meaning;
use super::prescan::Scan;
use super::scope::{GlobalKind, Resolver};
use super::sequence::{again, constant, not_null};

/// Temporaries of the operands of one node, lowered one after the other.
#[derive(Debug, Default)]
pub(super) struct Held {
    count: u32,
    peak: u32,
}

impl Held {
    /// One value held from the start.
    pub(super) fn one() -> Held {
        Held { count: 1, peak: 1 }
    }

    /// One more value is held.
    pub(super) fn hold(&mut self) {
        self.count += 1;
        self.peak = self.peak.max(self.count);
    }
}

impl<'a> Resolver<'a> {
    /// Lowers an expression.
    pub(super) fn expr(&mut self, expr: &'a ast::Expr) -> Expr {
        super::with_stack(|| self.lower(expr))
    }

    /// Lowers one more operand of a node.
    pub(super) fn operand(&mut self, expr: &'a ast::Expr, held: &mut Held) -> Expr {
        let operand = self.expr(expr);
        held.peak = held.peak.max(held.count + self.function().need);
        held.count += 1;
        operand
    }

    /// Lowers an operand that something with a `match` may follow: then (`kept`) it is evaluated before.
    pub(super) fn operand_before(&mut self, expr: &'a ast::Expr, held: &mut Held, kept: bool) -> Expr {
        let operand = self.operand(expr, held);
        self.keep(operand, kept)
    }

    /// Lowers operands in order.
    pub(super) fn operands(&mut self, exprs: &'a [ast::Expr], held: &mut Held) -> Vec<Expr> {
        let kept = self.before_last_match(exprs.iter());
        let lowered = exprs.iter().enumerate();
        lowered.map(|(index, expr)| self.operand_before(expr, held, index < kept)).collect()
    }

    /// All operands of a node are lowered: charges the node.
    pub(super) fn node(&mut self, held: &Held) {
        let function = self.function();
        function.need = held.peak.max(held.count) + 1;
        function.gas.charge(cost::EXPRESSION);
    }

    /// A whole expression, whose value nothing beside it waits for.
    pub(super) fn whole(&mut self, expr: &'a ast::Expr) -> Expr {
        let lowered = self.expr(expr);
        self.needed(0);
        lowered
    }

    /// Several expressions whose values are needed together.
    pub(super) fn wholes(&mut self, exprs: &'a [ast::Expr]) -> Vec<Expr> {
        let mut held = Held::default();
        let lowered = self.operands(exprs, &mut held);
        self.needed(held.peak.max(held.count));
        lowered
    }

    fn lower(&mut self, expr: &'a ast::Expr) -> Expr {
        let span = expr.span;
        let mut held = Held::default();
        let (kind, runs_code) = match &expr.kind {
            ast::ExprKind::Null => self.leaf(ExprKind::Const(Value::NULL)),
            ast::ExprKind::Bool(flag) => self.leaf(ExprKind::Const(Value::bool(*flag))),
            ast::ExprKind::Int(number) => self.leaf(ExprKind::Const(Value::int(*number))),
            ast::ExprKind::BigInt(digits) => {
                let value = self.integer(digits, span);
                self.leaf(ExprKind::Const(value))
            }
            ast::ExprKind::Float(number) => self.leaf(ExprKind::Const(Value::float(*number))),
            ast::ExprKind::Str(text) => {
                let value = self.constants.string(text);
                self.leaf(ExprKind::Const(value))
            }
            ast::ExprKind::Bytes(bytes) => {
                let value = self.constants.bytes(bytes);
                self.leaf(ExprKind::Const(value))
            }
            ast::ExprKind::Name(symbol) => {
                let meaning = self.meaning(*symbol);
                let kind = self.read(meaning, *symbol, span);
                self.leaf(kind)
            }
            ast::ExprKind::This => {
                let kind = if self.function().record.is_some() {
                    self.this_of_method(span)
                } else {
                    self.check_this(span);
                    ExprKind::This
                };
                self.leaf(kind)
            }
            ast::ExprKind::Super => {
                let help = "call an action of the contract that this one extends: `super.f()`";
                self.report(Diagnostic::new("`super` is not a value", span).help(help));
                self.leaf(ExprKind::Const(Value::NULL))
            }
            ast::ExprKind::Interpolated(parts) => self.interpolated(parts, span),
            ast::ExprKind::List(items) => {
                let items = self.operands(items, &mut held);
                self.node(&held);
                let runs_code = any_runs_code(&items);
                (ExprKind::List(items, self.function().gas.cut(span)), runs_code)
            }
            ast::ExprKind::Map(entries) => {
                let items = self.entries(entries, &mut held);
                self.node(&held);
                let runs_code = any_runs_code(&items);
                (ExprKind::Map(items, self.function().gas.cut(span)), runs_code)
            }
            ast::ExprKind::EntityLiteral(head, fields) => return self.instance_with(head, fields, span),
            ast::ExprKind::Unary(op, op_span, value) => return self.unary(*op, *op_span, value, span),
            ast::ExprKind::Binary(op, op_span, sides) => {
                let (left, right) = &**sides;
                let kept = self.has_match(right);
                let left = self.operand_before(left, &mut held, kept);
                let right = self.operand(right, &mut held);
                self.node(&held);
                // The result takes the left operand's place, so that a long chain needs no more than a short one.
                self.function().need = held.peak;
                let runs_code = left.runs_code || right.runs_code;
                // An operator's error is shown at the operator.
                let kind = ExprKind::Binary(*op, Box::new(left), Box::new(right));
                return Expr { kind, span: *op_span, runs_code };
            }
            ast::ExprKind::Logical(op, _, sides) => self.logical(*op, &sides.0, &sides.1, span),
            ast::ExprKind::Conditional(test, yes, no) => self.conditional(test, yes, no, span),
            ast::ExprKind::Range(ends) => {
                let (low, high) = &**ends;
                let kept = self.has_match(high);
                let low = self.operand_before(low, &mut held, kept);
                let high = self.operand(high, &mut held);
                self.node(&held);
                let runs_code = low.runs_code || high.runs_code;
                (ExprKind::Range(Box::new(low), Box::new(high)), runs_code)
            }
            ast::ExprKind::Call { callee, args, optional } => return self.call(callee, args, *optional, span),
            ast::ExprKind::Index { parts, optional } => return self.index(&parts.0, &parts.1, *optional, span),
            ast::ExprKind::Slice { object, low, high, optional } => {
                return self.slice(object, [low.as_deref(), high.as_deref()], *optional, span);
            }
            ast::ExprKind::Member { object, name, .. } => return self.member(object, *name, span),
            ast::ExprKind::Lambda(action) => {
                let id = self.new_action();
                let captures = self.action(action, id, self.class(), false);
                self.node(&held);
                (ExprKind::Lambda(id, captures, self.function().gas.cut(span)), false)
            }
            ast::ExprKind::Match(matching) => return self.match_value(matching, span),
            ast::ExprKind::Print(values) => {
                let values = self.operands(values, &mut held);
                self.node(&held);
                let runs_code = any_runs_code(&values);
                (ExprKind::Print(values, self.function().gas.cut(span)), runs_code)
            }
        };
        Expr { kind, span, runs_code }
    }

    /// An expression without operands.
    pub(super) fn leaf(&mut self, kind: ExprKind) -> (ExprKind, bool) {
        self.node(&Held::default());
        (kind, false)
    }

    fn integer(&mut self, digits: &str, span: Span) -> Value {
        if let Ok(integer) = Integer::parse_decimal(digits) {
            return self.constants.integer(integer);
        }
        self.report(Diagnostic::new("this integer is too large: 4096 bits are the limit", span));
        Value::NULL
    }

    fn interpolated(&mut self, parts: &'a [Part], span: Span) -> (ExprKind, bool) {
        let mut held = Held::default();
        let mut pieces = Vec::with_capacity(parts.len());
        let values = parts.iter().filter_map(|part| match part {
            Part::Expr(value) => Some(value),
            Part::Text(_) => None,
        });
        let mut kept = self.before_last_match(values);
        for part in parts {
            pieces.push(match part {
                Part::Text(text) => {
                    held.hold();
                    let value = self.constants.string(text);
                    Expr { kind: ExprKind::Const(value), span, runs_code: false }
                }
                Part::Expr(value) => {
                    let before = kept > 0;
                    kept = kept.saturating_sub(1);
                    self.operand_before(value, &mut held, before)
                }
            });
        }
        self.node(&held);
        let runs_code = any_runs_code(&pieces);
        (ExprKind::Interpolate(pieces, self.function().gas.cut(span)), runs_code)
    }

    /// The keys and values of a map literal, in order.
    fn entries(&mut self, entries: &'a [(MapKey, ast::Expr)], held: &mut Held) -> Vec<Expr> {
        let exprs = entries.iter().flat_map(|(key, value)| {
            let key = if let MapKey::Computed(key) = key { key } else { value };
            [key, value]
        });
        let kept = self.before_last_match(exprs);
        let mut items = Vec::with_capacity(entries.len() * 2);
        for (key, value) in entries {
            let key = self.map_key(key, held);
            items.push(self.keep(key, items.len() < kept));
            items.push(self.operand_before(value, held, items.len() < kept));
        }
        items
    }

    pub(super) fn map_key(&mut self, key: &'a MapKey, held: &mut Held) -> Expr {
        match key {
            MapKey::Name(text, span) => {
                held.hold();
                self.function().gas.charge(cost::EXPRESSION);
                let value = self.constants.string(text);
                Expr { kind: ExprKind::Const(value), span: *span, runs_code: false }
            }
            MapKey::Computed(key) => self.operand(key, held),
        }
    }

    fn unary(&mut self, op: UnaryOp, op_span: Span, value: &'a ast::Expr, span: Span) -> Expr {
        // A minus belongs to the number behind it. The cost stays that of two nodes: gas follows the source.
        let negated = match (op, &value.kind) {
            (UnaryOp::Negate, ast::ExprKind::Int(number)) => number.checked_neg().map(Value::int),
            (UnaryOp::Negate, ast::ExprKind::Float(number)) => Some(Value::float(-number)),
            (UnaryOp::Negate, ast::ExprKind::BigInt(digits)) => Some(self.integer(&format!("-{digits}"), value.span)),
            _ => None,
        };
        if let Some(value) = negated {
            self.function().gas.charge(cost::EXPRESSION);
            let (kind, runs_code) = self.leaf(ExprKind::Const(value));
            return Expr { kind, span, runs_code };
        }
        let mut held = Held::default();
        let operand = self.operand(value, &mut held);
        self.node(&held);
        if matches!(op, UnaryOp::Await | UnaryOp::Spawn) {
            return operand;
        }
        let runs_code = operand.runs_code;
        Expr { kind: ExprKind::Unary(op, Box::new(operand)), span: op_span, runs_code }
    }

    /// `object[index]`
    fn index(&mut self, object: &'a ast::Expr, index: &'a ast::Expr, optional: bool, span: Span) -> Expr {
        let mut held = Held::default();
        let kept = self.has_match(index);
        let object = self.operand_before(object, &mut held, kept);
        if optional && kept {
            let (test, object) = (not_null(again(&object)), object);
            let element = |resolver: &mut Self| {
                let index = resolver.operand(index, &mut held);
                resolver.node(&held);
                let kind = ExprKind::Index { object: Box::new(object), index: Box::new(index), optional: false };
                Expr { kind, span, runs_code: false }
            };
            return self.either(test, span, element, |_| constant(Value::NULL, span));
        }
        let index = self.operand(index, &mut held);
        self.node(&held);
        let runs_code = object.runs_code || index.runs_code;
        let kind = ExprKind::Index { object: Box::new(object), index: Box::new(index), optional };
        Expr { kind, span, runs_code }
    }

    /// `object[low:high]`
    fn slice(&mut self, object: &'a ast::Expr, bounds: [Option<&'a ast::Expr>; 2], optional: bool, span: Span) -> Expr {
        let mut held = Held::default();
        let [low_kept, object_kept] = [bounds[1], bounds[0]].map(|bound| bound.is_some_and(|b| self.has_match(b)));
        let object_kept = object_kept || low_kept;
        let object = self.operand_before(object, &mut held, object_kept);
        let whole = |resolver: &mut Self, object: Expr, mut held: Held, optional: bool| {
            let low = bounds[0].map(|low| Box::new(resolver.operand_before(low, &mut held, low_kept)));
            let high = bounds[1].map(|high| Box::new(resolver.operand(high, &mut held)));
            resolver.node(&held);
            let runs_code =
                object.runs_code || [low.as_ref(), high.as_ref()].iter().flatten().any(|expr| expr.runs_code);
            let gas = resolver.function().gas.cut(span);
            let kind = ExprKind::Slice { object: Box::new(object), low, high, optional, gas };
            Expr { kind, span, runs_code }
        };
        if optional && object_kept {
            let test = not_null(again(&object));
            return self.either(test, span, |r| whole(r, object, held, false), |_| constant(Value::NULL, span));
        }
        whole(self, object, held, optional)
    }

    fn logical(&mut self, op: LogicalOp, left: &'a ast::Expr, right: &'a ast::Expr, span: Span) -> (ExprKind, bool) {
        let mut held = Held::default();
        let left = self.operand(left, &mut held);
        self.function().gas.charge(cost::EXPRESSION);
        if self.has_match(right) {
            return (self.logical_before(op, left, right, span), false);
        }
        let left = Box::new(left);
        let before = self.function().gas.current();
        let gas = self.function().gas.open(right.span);
        let right = Box::new(self.operand(right, &mut held));
        let function = self.function();
        function.gas.resume(before);
        function.need = held.peak;
        let runs_code = left.runs_code || right.runs_code;
        let kind = match op {
            LogicalOp::And => ExprKind::And(left, gas, right),
            LogicalOp::Or => ExprKind::Or(left, gas, right),
            LogicalOp::Coalesce => ExprKind::Coalesce(left, gas, right),
        };
        (kind, runs_code)
    }

    fn conditional(
        &mut self,
        test: &'a ast::Expr,
        yes: &'a ast::Expr,
        no: &'a ast::Expr,
        span: Span,
    ) -> (ExprKind, bool) {
        let mut held = Held::default();
        let test = self.operand(test, &mut held);
        self.function().gas.charge(cost::EXPRESSION);
        if self.has_match(yes) || self.has_match(no) {
            self.needed(0);
            let value = self.either(test, span, |resolver| resolver.expr(yes), |resolver| resolver.expr(no));
            return (value.kind, false);
        }
        let test = Box::new(test);
        let before = self.function().gas.current();
        let yes_gas = self.function().gas.open(yes.span);
        let yes = Box::new(self.operand(yes, &mut held));
        let no_gas = self.function().gas.open(no.span);
        let no = Box::new(self.operand(no, &mut held));
        let function = self.function();
        function.gas.resume(before);
        function.need = held.peak;
        let runs_code = test.runs_code || yes.runs_code || no.runs_code;
        (ExprKind::Conditional(test, yes_gas, yes, no_gas, no), runs_code)
    }

    /// Reports `this` where there is no instance.
    pub(super) fn check_this(&mut self, span: Span) {
        if self.class().is_none() {
            self.report(Diagnostic::new("`this` outside a contract or entity", span));
        }
    }

    /// `object.name`, read.
    fn member(&mut self, object: &'a ast::Expr, name: Ident, span: Span) -> Expr {
        let symbol = Symbol(name.symbol.0);
        let special = match &object.kind {
            ast::ExprKind::This if self.function().record.is_none() => self.own_member(name, span),
            ast::ExprKind::Super => Some(self.super_member(name)),
            ast::ExprKind::Name(head) => match self.meaning(*head) {
                Meaning::Global(_, GlobalKind::Enum(id), _) => Some(self.enum_constant(id, name)),
                Meaning::Config => Some(ExprKind::Config(self.setting(name))),
                Meaning::Tx => {
                    // What is read may be the gas itself: it is charged up to here first.
                    let gas = self.function().gas.cut(span);
                    Some(ExprKind::Tx(symbol, gas))
                }
                Meaning::Msg if self.name(name.symbol) == "sender" => Some(ExprKind::MsgSender),
                Meaning::Msg => Some(ExprKind::Const(Value::NULL)),
                _ => self.module_member(object, name),
            },
            _ => self.module_member(object, name),
        };
        if let Some(kind) = special {
            self.function().gas.charge(cost::EXPRESSION);
            let (kind, runs_code) = self.leaf(kind);
            return Expr { kind, span, runs_code };
        }
        let mut held = Held::default();
        let object = self.operand(object, &mut held);
        self.node(&held);
        let runs_code = object.runs_code;
        Expr { kind: ExprKind::Member(Box::new(object), symbol), span: name.span, runs_code }
    }

    /// `this.name`: a field; none if it is an action, to be bound to the instance.
    fn own_member(&mut self, name: Ident, span: Span) -> Option<ExprKind> {
        let Some(class) = self.class() else {
            self.check_this(span);
            return Some(ExprKind::Const(Value::NULL));
        };
        let info = &self.classes[class.0 as usize];
        let symbol = Symbol(name.symbol.0);
        if let Some(field) = info.field(symbol) {
            return Some(ExprKind::Read(super::hir::Place::Field(field), symbol));
        }
        if info.action(symbol).is_none() {
            self.no_field(class, name);
        }
        None
    }

    /// `super.name`: a field, which is the instance's own.
    fn super_member(&mut self, name: Ident) -> ExprKind {
        let symbol = Symbol(name.symbol.0);
        let base = self.class().and_then(|class| self.classes[class.0 as usize].base);
        if let Some(field) = base.and_then(|base| self.classes[base.0 as usize].field(symbol)) {
            return ExprKind::Read(super::hir::Place::Field(field), symbol);
        }
        if self.super_action(name).is_some() {
            let message = format!("`super.{}` can be called only", self.name(name.symbol));
            self.report(Diagnostic::new(message, name.span));
        }
        ExprKind::Const(Value::NULL)
    }

    /// Reports a field that the contract does not have.
    pub(super) fn no_field(&mut self, class: ClassId, name: Ident) {
        let info = &self.classes[class.0 as usize];
        let text = |symbol: &Symbol| &*self.symbols[symbol.0 as usize];
        let wanted = self.interner.resolve(name.symbol);
        let message = format!("{} {} has no field '{wanted}'", info.kind.word(), text(&info.name));
        let candidates = info.fields.iter().chain(info.actions.iter().map(|(symbol, _)| symbol)).map(text);
        let mut diagnostic = Diagnostic::new(message, name.span);
        if let Some(near) = crate::syntax::diagnostic::nearest(wanted, candidates) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic);
    }

    /// `msg` whole.
    pub(super) fn message_map(&mut self, span: Span) -> ExprKind {
        let key = Expr { kind: ExprKind::Const(self.constants.string("sender")), span, runs_code: false };
        let value = Expr { kind: ExprKind::MsgSender, span, runs_code: false };
        ExprKind::Map(vec![key, value], self.function().gas.cut(span))
    }

    /// Lowers an action (a lambda, a named action, a contract action) as `id`; gives what its closure captures.
    pub(super) fn action(
        &mut self,
        action: &'a ast::Action,
        id: ActionId,
        class: Option<ClassId>,
        is_contract_action: bool,
    ) -> Vec<Capture> {
        self.action_of(action, id, class, None, is_contract_action)
    }

    /// As [`Resolver::action`], also for a method, whose first parameter is `this`.
    pub(super) fn action_of(
        &mut self,
        action: &'a ast::Action,
        id: ActionId,
        class: Option<ClassId>,
        method_of: Option<ClassId>,
        is_contract_action: bool,
    ) -> Vec<Capture> {
        let mut scan = Scan::action(action);
        let modifiers = self.used_modifiers(action, class.filter(|_| is_contract_action), &mut scan);
        let place = action.name.as_ref().map_or(action.span, |name| name.span);
        let hidden = method_of.map(|_| THIS).into_iter();
        let params = action.params.iter().map(|param| Symbol(param.name.symbol.0));
        let has_default = action.params.iter().map(|param| param.default.is_some());
        let info = ActionInfo {
            name: action.name.as_ref().map(|name| Symbol(name.symbol.0)),
            params: hidden.clone().map(|this| Symbol(this.0)).chain(params).collect(),
            has_default: hidden.map(|_| false).chain(has_default).collect(),
            is_contract_action,
            method_of,
            private: action.private,
            view: action.view && is_contract_action,
            external: action.kind == ast::ActionKind::External,
            place: super::place(place),
            ..super::blank_action()
        };
        self.enter(id, class, &action.params, &scan, false, method_of);
        if let Some(class) = class.filter(|_| is_contract_action) {
            self.enter_member(class);
        }
        let entry = self.function().gas.open(action.body.span);
        let limit = action
            .limit
            .as_ref()
            .map(|limit| if super::sequence::holds_match(limit) { self.limit_apart(limit) } else { self.whole(limit) });
        let defaults = self.parameters(&action.params);
        self.function().gas.resume(entry);
        let body = self.function_body_in(entry, &action.body, &modifiers, &action.params);
        self.leave(info, limit, defaults, body)
    }

    /// A limit with a `match` in it is evaluated by a lambda: it comes before the statements that a match could go to.
    fn limit_apart(&mut self, limit: &'a ast::Expr) -> Expr {
        let (id, span) = (self.new_action(), limit.span);
        self.enter(id, self.class(), &[], &Scan::exprs(std::iter::once(limit)), false, None);
        self.function().no_return = true;
        let gas = self.function().gas.open(span);
        let mut stmts = Vec::new();
        self.in_sequence(&mut stmts, |resolver, stmts| {
            let value = resolver.whole(limit);
            stmts.push(Stmt { kind: StmtKind::Return(Some(value), false), span });
        });
        let info = ActionInfo { place: super::place(span), ..super::blank_action() };
        let captures = self.leave(info, None, Vec::new(), Block { gas, stmts });
        let kind = ExprKind::Lambda(id, captures, self.function().gas.cut(span));
        let callee = Callee::Value(Expr { kind, span, runs_code: false }, false);
        let call = self.finish_call(callee, Vec::new(), &Held::one(), span, span);
        self.needed(0);
        call
    }

    fn parameters(&mut self, params: &'a [ast::Param]) -> Vec<(super::hir::Place, Block)> {
        let mut defaults = Vec::new();
        for param in params {
            let Some(default) = &param.default else {
                let place = self.bind(param.name);
                self.settled(place);
                continue;
            };
            let gas = self.function().gas.open(default.span);
            let (mut stmts, value) = self.apart(|resolver| resolver.whole(default));
            let place = self.bind(param.name);
            self.settled(place);
            let kind = StmtKind::Assign { place, value, fresh: false };
            stmts.push(Stmt { kind, span: default.span });
            defaults.push((place, Block { gas, stmts }));
        }
        defaults
    }
}

/// Whether any of them runs program code.
pub(super) fn any_runs_code(exprs: &[Expr]) -> bool {
    exprs.iter().any(|expr| expr.runs_code)
}
