//! Enums: a member is its plain value, known from the text.

use crate::runtime::info::{EnumInfo, Symbol};
use crate::syntax::Diagnostic;
use crate::syntax::ast::{self, BinaryOp, Ident, UnaryOp};
use crate::syntax::diagnostic::nearest;
use crate::value::Value;
use crate::value::numbers::Integer;

use super::hir::ExprKind;
use super::scope::Resolver;

impl Resolver<'_> {
    /// Makes an enum known; gives its number. Where no value is written, the one after the integer before it, or the
    /// place in the list.
    pub(super) fn announce_enum(&mut self, name: Ident, members: &[(Ident, Option<ast::Expr>)]) -> u32 {
        if let Some(known) = self.enum_of.get(&name.span.start) {
            return *known;
        }
        let mut info = EnumInfo { name: Symbol(name.symbol.0), members: Vec::new() };
        for (at, (member, value)) in members.iter().enumerate() {
            let symbol = Symbol(member.symbol.0);
            if info.member(symbol).is_some() {
                let message = format!("member '{}' is declared twice in this enum", self.name(member.symbol));
                self.report(Diagnostic::new(message, member.span));
            }
            let value = match value {
                Some(value) => self.member_value(value, &info).unwrap_or_else(|| {
                    let message = "the value of a member is a constant: a literal, or earlier members and integers \
                                   with `+ - * | & << >>`";
                    self.report(Diagnostic::new(message, value.span));
                    Value::NULL
                }),
                None => next_value(&info).unwrap_or(Value::int(at as i64)),
            };
            info.members.push((symbol, value));
        }
        let id = self.enums.len() as u32;
        self.enum_of.insert(name.span.start, id);
        self.enums.push(info);
        id
    }

    fn member_value(&mut self, expr: &ast::Expr, info: &EnumInfo) -> Option<Value> {
        match &expr.kind {
            ast::ExprKind::Null => Some(Value::NULL),
            ast::ExprKind::Bool(flag) => Some(Value::bool(*flag)),
            ast::ExprKind::Int(number) => Some(Value::int(*number)),
            ast::ExprKind::Float(number) => Some(Value::float(*number)),
            ast::ExprKind::Str(text) => Some(self.constants.string(text)),
            ast::ExprKind::Bytes(bytes) => Some(self.constants.bytes(bytes)),
            ast::ExprKind::BigInt(digits) => self.big(digits),
            ast::ExprKind::Name(symbol) => info.member(Symbol(symbol.0)),
            ast::ExprKind::Member { object, name, .. } => match &object.kind {
                ast::ExprKind::Name(head) if Symbol(head.0) == info.name => info.member(Symbol(name.symbol.0)),
                _ => None,
            },
            ast::ExprKind::Unary(UnaryOp::Negate, _, inner) => match &inner.kind {
                ast::ExprKind::BigInt(digits) => self.big(&format!("-{digits}")),
                _ => match self.member_value(inner, info)? {
                    value if value.is_int() => value.as_int().checked_neg().map(Value::int),
                    value if value.is_float() => Some(Value::float(-value.as_float())),
                    _ => None,
                },
            },
            ast::ExprKind::Binary(op, _, sides) => {
                let (left, right) = &**sides;
                let (left, right) = (self.member_value(left, info)?, self.member_value(right, info)?);
                if left.both_int(right) { combined(*op, left.as_int(), right.as_int()).map(Value::int) } else { None }
            }
            _ => None,
        }
    }

    fn big(&mut self, digits: &str) -> Option<Value> {
        Integer::parse_decimal(digits).ok().map(|integer| self.constants.integer(integer))
    }

    /// `E.name` of an enum that the text fixes.
    pub(super) fn enum_constant(&mut self, id: u32, name: Ident) -> ExprKind {
        let info = &self.enums[id as usize];
        if let Some(value) = info.member(Symbol(name.symbol.0)) {
            return ExprKind::Const(value);
        }
        let wanted = self.interner.resolve(name.symbol);
        let text = |symbol: &Symbol| &*self.symbols[symbol.0 as usize];
        let message = format!("enum {} has no member '{wanted}'", text(&info.name));
        let mut diagnostic = Diagnostic::new(message, name.span);
        if let Some(near) = nearest(wanted, info.members.iter().map(|(symbol, _)| text(symbol))) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic);
        ExprKind::Const(Value::NULL)
    }
}

/// One more than the last member, if that is an integer of 64 bits that has a next.
fn next_value(info: &EnumInfo) -> Option<Value> {
    let (_, last) = info.members.last()?;
    if last.is_int() { last.as_int().checked_add(1).map(Value::int) } else { None }
}

/// Integers of 64 bits only: flags are made by shifting.
fn combined(op: BinaryOp, left: i64, right: i64) -> Option<i64> {
    match op {
        BinaryOp::Add => left.checked_add(right),
        BinaryOp::Sub => left.checked_sub(right),
        BinaryOp::Mul => left.checked_mul(right),
        BinaryOp::BitAnd => Some(left & right),
        BinaryOp::BitOr => Some(left | right),
        BinaryOp::Shl if (0..63).contains(&right) => left.checked_mul(1 << right),
        BinaryOp::Shr if (0..64).contains(&right) => Some(left >> right),
        _ => None,
    }
}
