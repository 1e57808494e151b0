//! Expressions: an operator stack, so that only brackets, blocks and the middle of `? :` recurse.
//!
//! Every operand carries the height of its tree, which is limited because later stages and the drop of
//! the tree do recurse.

use super::{MAX_HEIGHT, Parse, Parser};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, LogicalOp, Span, Symbol, UnaryOp};
use crate::syntax::diagnostic::Diagnostic;
use crate::syntax::token::{Kind, Token};
use crate::syntax::words;

/// An expression whose operator is not decided yet.
pub(super) struct Operand {
    expr: Expr,
    height: u32,
}

/// An operator that waits for its right side.
pub(super) struct Pending {
    op: Op,
    span: Span,
    precedence: u8,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Op {
    Binary(BinaryOp),
    Logical(LogicalOp),
    Range,
    Unary(UnaryOp),
    /// The `:` of `? :`; its condition and its middle are operands already.
    Else,
}

const CONDITIONAL: u8 = 0;
const NOT: u8 = 4;
const RELATION: u8 = 6;
const UNARY: u8 = 14;
const POWER: u8 = 15;

/// The operator between two operands that `token` is, with its precedence; `? :` and `not in` apart.
pub(super) fn infix(token: Token) -> Option<(Op, u8)> {
    Some(match token.kind {
        Kind::Coalesce => (Op::Logical(LogicalOp::Coalesce), 1),
        Kind::OrOr => (Op::Logical(LogicalOp::Or), 2),
        Kind::AndAnd => (Op::Logical(LogicalOp::And), 3),
        Kind::Equal => (Op::Binary(BinaryOp::Eq), 5),
        Kind::NotEqual => (Op::Binary(BinaryOp::Ne), 5),
        Kind::Less => (Op::Binary(BinaryOp::Lt), RELATION),
        Kind::Greater => (Op::Binary(BinaryOp::Gt), RELATION),
        Kind::LessEqual => (Op::Binary(BinaryOp::Le), RELATION),
        Kind::GreaterEqual => (Op::Binary(BinaryOp::Ge), RELATION),
        Kind::Pipe => (Op::Binary(BinaryOp::BitOr), 7),
        Kind::Caret => (Op::Binary(BinaryOp::BitXor), 8),
        Kind::Ampersand => (Op::Binary(BinaryOp::BitAnd), 9),
        Kind::ShiftLeft => (Op::Binary(BinaryOp::Shl), 10),
        Kind::ShiftRight => (Op::Binary(BinaryOp::Shr), 10),
        Kind::DotDot => (Op::Range, 11),
        Kind::Plus => (Op::Binary(BinaryOp::Add), 12),
        Kind::Minus => (Op::Binary(BinaryOp::Sub), 12),
        Kind::Star => (Op::Binary(BinaryOp::Mul), 13),
        Kind::Slash => (Op::Binary(BinaryOp::Div), 13),
        Kind::Percent => (Op::Binary(BinaryOp::Mod), 13),
        Kind::Power => (Op::Binary(BinaryOp::Pow), POWER),
        Kind::Reserved => match Symbol(token.value) {
            words::OR => (Op::Logical(LogicalOp::Or), 2),
            words::AND => (Op::Logical(LogicalOp::And), 3),
            words::IN => (Op::Binary(BinaryOp::In), RELATION),
            _ => return None,
        },
        _ => return None,
    })
}

/// Whether a line that starts with `token` goes on with the one before.
pub(super) fn continues_line(token: Token) -> bool {
    match token.kind {
        Kind::Dot
        | Kind::QuestionDot
        | Kind::Coalesce
        | Kind::Question
        | Kind::Colon
        | Kind::AndAnd
        | Kind::OrOr
        | Kind::Equal
        | Kind::NotEqual
        | Kind::Less
        | Kind::Greater
        | Kind::LessEqual
        | Kind::GreaterEqual
        | Kind::Plus
        | Kind::Star
        | Kind::Slash
        | Kind::Percent
        | Kind::Power => true,
        Kind::Reserved => token.is(words::AND) || token.is(words::OR),
        _ => false,
    }
}

impl Parser<'_> {
    /// A whole expression, to the first token that cannot belong to it.
    pub(super) fn expression(&mut self) -> Parse<Expr> {
        let (operands, operators) = (self.operands.len(), self.operators.len());
        loop {
            while let Some((op, precedence)) = self.prefix() {
                self.enter()?;
                let span = self.next().span();
                self.operators.push(Pending { op: Op::Unary(op), span, precedence });
            }
            let expr = self.operand()?;
            // Most expressions are one operand.
            if self.operators.len() == operators && self.ends_expression() {
                self.tallest = self.tallest.max(self.height);
                return Ok(expr);
            }
            self.operands.push(Operand { expr, height: self.height });
            if !self.infix_operator(operators)? {
                break;
            }
        }
        while self.operators.len() > operators {
            self.reduce()?;
        }
        debug_assert_eq!(self.operands.len(), operands + 1);
        let Some(operand) = self.operands.pop() else {
            return self.fail_expected("an expression");
        };
        self.height = operand.height;
        self.tallest = self.tallest.max(operand.height);
        Ok(operand.expr)
    }

    fn prefix(&mut self) -> Option<(UnaryOp, u8)> {
        Some(match self.kind() {
            Kind::Minus => (UnaryOp::Negate, UNARY),
            Kind::Bang => (UnaryOp::Not, UNARY),
            Kind::Tilde => (UnaryOp::BitNot, UNARY),
            Kind::Reserved if self.is_word(words::NOT) => (UnaryOp::Not, NOT),
            Kind::Reserved if self.is_word(words::AWAIT) => (UnaryOp::Await, UNARY),
            Kind::Name
                if self.is_word(words::SPAWN) && (self.before_operand() || self.before_brackets(words::SPAWN)) =>
            {
                (UnaryOp::Spawn, UNARY)
            }
            _ => return None,
        })
    }

    /// Whether the present token certainly ends an expression: a cheap look before [`Self::infix_operator`].
    fn ends_expression(&self) -> bool {
        matches!(
            self.kind(),
            Kind::RParen
                | Kind::RBracket
                | Kind::RBrace
                | Kind::Comma
                | Kind::Semicolon
                | Kind::Colon
                | Kind::Assign
                | Kind::LBrace
        )
    }

    /// Takes the operator after an operand; false if the expression ends there.
    fn infix_operator(&mut self, base: usize) -> Parse<bool> {
        let token = self.token();
        if token.newline && self.context.newlines && !continues_line(token) {
            return Ok(false);
        }
        let (op, precedence) = if let Some(found) = infix(token) {
            found
        } else if token.kind == Kind::Question {
            return self.conditional(base).map(|()| true);
        } else if token.is(words::NOT) && self.ahead(1).is(words::IN) {
            (Op::Binary(BinaryOp::NotIn), RELATION)
        } else {
            return Ok(false);
        };
        let right = op == Op::Binary(BinaryOp::Pow);
        self.reduce_above(base, if right { precedence } else { precedence - 1 })?;
        if right {
            self.enter()?;
        }
        let mut span = self.next().span();
        if op == Op::Binary(BinaryOp::NotIn) {
            span = span.to(self.next().span());
        }
        self.operators.push(Pending { op, span, precedence });
        Ok(true)
    }

    /// `? middle :`, the condition being the operand on top.
    fn conditional(&mut self, base: usize) -> Parse<()> {
        self.reduce_above(base, CONDITIONAL)?;
        self.enter()?;
        let question = self.pos;
        self.next();
        let middle = self.expression()?;
        let height = self.height;
        let span = self.expect_close(Kind::Colon, "`:` of `? :`", question)?.span();
        self.operands.push(Operand { expr: middle, height });
        // The level entered above lasts until the right side is complete.
        self.operators.push(Pending { op: Op::Else, span, precedence: CONDITIONAL });
        Ok(())
    }

    /// Completes the operators above `base` that bind tighter than `precedence`.
    fn reduce_above(&mut self, base: usize, precedence: u8) -> Parse<()> {
        while self.operators.len() > base && self.operators.last().is_some_and(|top| top.precedence > precedence) {
            self.reduce()?;
        }
        Ok(())
    }

    /// Completes the operator on top.
    fn reduce(&mut self) -> Parse<()> {
        let (Some(pending), Some(last)) = (self.operators.pop(), self.operands.pop()) else {
            return self.fail_expected("an expression");
        };
        if matches!(pending.op, Op::Unary(_) | Op::Else | Op::Binary(BinaryOp::Pow)) {
            self.depth -= 1;
        }
        let mut height = last.height;
        let right = last.expr;
        let mut span = pending.span.to(right.span);
        let mut left = |parser: &mut Self| {
            let Some(operand) = parser.operands.pop() else {
                return parser.fail_expected("an expression");
            };
            height = height.max(operand.height);
            span = span.to(operand.expr.span);
            Ok(operand.expr)
        };
        let kind = match pending.op {
            Op::Unary(op) => ExprKind::Unary(op, pending.span, Box::new(right)),
            Op::Binary(op) => ExprKind::Binary(op, pending.span, Box::new((left(self)?, right))),
            Op::Logical(op) => ExprKind::Logical(op, pending.span, Box::new((left(self)?, right))),
            Op::Range => ExprKind::Range(Box::new((left(self)?, right))),
            Op::Else => {
                let middle = Box::new(left(self)?);
                ExprKind::Conditional(Box::new(left(self)?), middle, Box::new(right))
            }
        };
        let height = self.checked_height(height + 1, pending.span)?;
        self.operands.push(Operand { expr: Expr { kind, span }, height });
        Ok(())
    }

    /// Refuses a tree that is too high.
    pub(super) fn checked_height(&mut self, height: u32, span: Span) -> Parse<u32> {
        if height > MAX_HEIGHT {
            let message = "expression too long: split it into several statements";
            return self.fail(Diagnostic::new(message, span));
        }
        Ok(height)
    }

    /// An operand with the calls, indexes and members that follow it. Sets `height`.
    fn operand(&mut self) -> Parse<Expr> {
        let arrow = self.starts_arrow();
        let mut expr = self.primary()?;
        if arrow {
            return Ok(expr);
        }
        loop {
            let token = self.token();
            let height = self.height;
            let newline = token.newline && self.context.newlines;
            let start = expr.span;
            let kind = match token.kind {
                Kind::Dot => {
                    self.next();
                    self.height = 0;
                    ExprKind::Member {
                        object: Box::new(expr),
                        name: self.any_word("a name after `.`")?,
                        optional: false,
                    }
                }
                Kind::QuestionDot => {
                    self.next();
                    self.after_question(expr)?
                }
                Kind::LParen if !newline => {
                    let args = self.arguments()?;
                    ExprKind::Call { callee: Box::new(expr), args, optional: false }
                }
                Kind::LBracket if !newline => self.index(expr, false)?,
                Kind::LBrace if !newline && self.context.entity && is_path(&expr) && self.is_entity_literal() => {
                    ExprKind::EntityLiteral(Box::new(expr), self.entity_fields()?)
                }
                _ => return Ok(expr),
            };
            let height = height.max(self.height) + 1;
            self.height = self.checked_height(height, token.span())?;
            expr = Expr { kind, span: self.span_from(start) };
        }
    }

    /// What follows `?.`
    fn after_question(&mut self, object: Expr) -> Parse<ExprKind> {
        self.height = 0;
        match self.kind() {
            Kind::LParen => {
                let args = self.arguments()?;
                Ok(ExprKind::Call { callee: Box::new(object), args, optional: true })
            }
            Kind::LBracket => self.index(object, true),
            _ => {
                let name = self.any_word("a name, `(` or `[` after `?.`")?;
                Ok(ExprKind::Member { object: Box::new(object), name, optional: true })
            }
        }
    }
}

/// A name or names joined by dots.
fn is_path(mut expr: &Expr) -> bool {
    loop {
        match &expr.kind {
            ExprKind::Name(_) => return true,
            ExprKind::Member { object, optional: false, .. } => expr = object,
            _ => return false,
        }
    }
}
