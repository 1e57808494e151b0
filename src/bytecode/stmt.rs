//! Statements.

use super::Op;
use super::builder::{Around, Builder, Label, Reg};
use super::expr::{binary_op, short, short_op};
use super::unwind::Exit;
use crate::resolve::hir::{BinaryOp, Block, Expr, ExprKind, GasId, IfArm, Place, Slot, Stmt, StmtKind};
use crate::runtime::info::{LoopId, Symbol};
use crate::syntax::ast::Span;

/// What is assigned, in a statement that writes an element or member.
#[derive(Clone, Copy)]
struct Update<'a> {
    op: Option<(BinaryOp, Span)>,
    value: &'a Expr,
    fresh: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn statements(&mut self, stmts: &'a [Stmt]) {
        for stmt in stmts {
            let mark = self.mark();
            self.statement(stmt);
            self.release(mark);
        }
    }

    pub(super) fn block(&mut self, block: &'a Block) {
        self.gas(block.gas);
        self.statements(&block.stmts);
    }

    fn statement(&mut self, stmt: &'a Stmt) {
        let span = stmt.span;
        match &stmt.kind {
            StmtKind::Gas(gas) => self.gas(*gas),
            StmtKind::Expr(expr) => {
                self.operand(expr);
            }
            StmtKind::Assign { place, value, fresh } => self.assign(*place, value, *fresh, span),
            StmtKind::AssignIndex { object, index, op, value, fresh, gas } => {
                let update = Update { op: *op, value, fresh: *fresh };
                self.assign_index(object, index, update, span);
                self.gas(*gas);
            }
            StmtKind::AssignMember { object, name, op, value, fresh, gas } => {
                let update = Update { op: *op, value, fresh: *fresh };
                self.assign_member(object, *name, update, span);
                self.gas(*gas);
            }
            StmtKind::SetConfig(key, value) => {
                let value = self.operand(value);
                self.at(span);
                self.emit_wide(Op::StoreConfig, value, key.0);
            }
            StmtKind::Print(values, gas) => self.print(values, *gas, span),
            StmtKind::Debug(value, gas) => {
                let value = self.operand(value);
                self.at(span);
                self.emit(Op::Debug, value, 0, 0);
                self.gas(*gas);
            }
            StmtKind::If(arms, otherwise) => self.branches(arms, otherwise.as_ref()),
            StmtKind::While { id, header, test, body } => self.while_loop(*id, *header, Some(test), body, None),
            StmtKind::For { id, header, test, body, step } => {
                self.while_loop(*id, *header, test.as_ref(), body, Some(step));
            }
            StmtKind::ForEach { id, header, iterator, iterable, first, second, body } => {
                let mark = self.mark();
                let iterable = self.operand(iterable);
                self.at(span);
                self.emit(Op::Iterate, iterator.0, iterable, 0);
                // The body may hold another loop: its temporaries stand where this one's stood.
                self.release(mark);
                self.for_each(*id, *header, *iterator, (*first, *second), body, span);
            }
            StmtKind::Break => self.leave_loop(true),
            StmtKind::Continue => self.leave_loop(false),
            StmtKind::Return(value, fresh) => self.return_value(value.as_ref(), *fresh),
            StmtKind::Throw(value) => {
                let value = self.operand(value);
                self.at(span);
                self.emit(Op::Throw, value, 0, 0);
            }
            StmtKind::TryCatch { body, variable, handler } => self.try_catch(body, *variable, handler, span),
            StmtKind::TryFinally { body, pending, finally } => self.try_finally(body, *pending, finally),
            StmtKind::Deferred { body, list, pending, blocks } => self.deferred(body, *list, *pending, blocks),
            StmtKind::Defer(list, index) => {
                let index = u16::try_from(*index).expect("65,536 deferred blocks in one action");
                self.emit(Op::Defer, list.0, index, 0);
            }
            StmtKind::Mark(id) => {
                self.emit_wide(Op::Mark, 0, *id);
            }
            StmtKind::Block(stmts) => self.statements(stmts),
            StmtKind::Modifier(block) => {
                let end = self.label();
                self.around.push(Around::Modifier { end });
                self.block(block);
                self.around.pop();
                self.bind(end);
            }
            StmtKind::Match(matching) => self.matching(matching),
            StmtKind::Emit(name, args, names, gas) => {
                let names = self.name_list(names.as_deref());
                let base = self.in_temporaries(args);
                self.at(span);
                self.emit(Op::Emit, 0, base, args.len() as u16);
                self.word(names, name.0);
                self.gas(*gas);
            }
        }
    }

    /// Assigns a variable.
    pub(super) fn assign(&mut self, place: Place, value: &'a Expr, fresh: bool, span: Span) {
        if let Place::Local(slot) = place {
            return self.into(value, self.slot(slot));
        }
        let mark = self.mark();
        let value = self.operand(value);
        self.at(span);
        self.store(place, value, fresh);
        self.release(mark);
    }

    /// Assigns what stands in a register.
    pub(super) fn store(&mut self, place: Place, value: Reg, fresh: bool) {
        match place {
            Place::Local(slot) => self.move_to(value, self.slot(slot)),
            Place::Cell(slot) => self.emit(Op::StoreCell, value, slot.0, 0),
            Place::Upvalue(index) => self.emit(Op::StoreUpvalue, value, index, 0),
            Place::Global(global) => self.emit_wide(Op::StoreGlobal, value, global.0),
            Place::Field(field) => self.emit_flag(Op::StoreField, fresh, value, field, 0),
        }
    }

    fn assign_index(&mut self, object: &'a Expr, index: &'a Expr, update: Update<'a>, span: Span) {
        // A field's container can be looked up late if nothing in between can replace it.
        if let ExprKind::Read(Place::Field(field), _) = &object.kind
            && !index.runs_code
            && !update.value.runs_code
        {
            let key = self.operand(index);
            let value = self.updated(update, span, |builder, old| builder.emit(Op::IndexGetField, old, *field, key));
            self.at(span);
            return self.emit_flag(Op::IndexSetField, update.fresh, *field, key, value);
        }
        let object = self.operand(object);
        let key = self.operand(index);
        let value = self.updated(update, span, |builder, old| builder.emit(Op::IndexGet, old, object, key));
        self.at(span);
        self.emit_flag(Op::IndexSet, update.fresh, object, key, value);
    }

    fn assign_member(&mut self, object: &'a Expr, name: Symbol, update: Update<'a>, span: Span) {
        let object = self.operand(object);
        let value = self.updated(update, span, |builder, old| {
            builder.emit(Op::MemberGet, old, object, 0);
            builder.word(0, name.0);
        });
        self.at(span);
        self.emit_flag(Op::MemberSet, update.fresh, object, value, 0);
        self.word(0, name.0);
    }

    /// The value to be stored; `read` gets the old one for a compound assignment.
    fn updated(&mut self, update: Update<'a>, span: Span, read: impl FnOnce(&mut Self, Reg)) -> Reg {
        let Some((op, op_span)) = update.op else { return self.operand(update.value) };
        let old = self.temporary();
        self.at(span);
        read(self, old);
        let shortened = short(update.value).and_then(|short| Some((short_op(op)?, short)));
        let (op, value) = shortened.unwrap_or_else(|| (binary_op(op), self.operand(update.value)));
        self.at(op_span);
        self.emit(op, old, old, value);
        old
    }

    fn branches(&mut self, arms: &'a [IfArm], otherwise: Option<&'a Block>) {
        let end = self.label();
        for (index, arm) in arms.iter().enumerate() {
            let next = self.label();
            if let Some(gas) = arm.gas {
                self.gas(gas);
            }
            self.jump_unless(&arm.test, next);
            self.block(&arm.body);
            let last = index + 1 == arms.len() && otherwise.is_none();
            if !last && !ends_in_jump(&arm.body.stmts) {
                self.emit_jump(Op::Jump, 0, end);
            }
            self.bind(next);
        }
        if let Some(block) = otherwise {
            self.block(block);
        }
        self.bind(end);
    }

    /// The test stands again at the end, so that an iteration takes one jump; a long one stands once.
    fn while_loop(
        &mut self,
        id: LoopId,
        header: GasId,
        test: Option<&'a Expr>,
        body: &'a [Stmt],
        step: Option<&'a Block>,
    ) {
        let (exit, next) = (self.label(), self.label());
        let entry = self.label_here();
        self.note_loop(id, entry);
        let turned = test.is_some_and(is_short_test);
        self.loop_header(header, (!turned).then_some(id));
        if let Some(test) = test {
            self.jump_unless(test, exit);
        }
        let again = self.label_here();
        self.around.push(Around::Loop { exit, next });
        self.statements(body);
        self.around.pop();
        self.bind(next);
        if let Some(step) = step {
            self.block(step);
        }
        match test {
            Some(test) if is_short_test(test) => {
                self.loop_header(header, Some(id));
                self.jump_when(test, again);
            }
            _ => self.emit_jump(Op::Jump, 0, entry),
        }
        self.bind(exit);
    }

    fn for_each(
        &mut self,
        id: LoopId,
        header: GasId,
        iterator: Slot,
        (first, second): (Place, Option<Place>),
        body: &'a [Stmt],
        span: Span,
    ) {
        let (exit, next) = (self.label(), self.label());
        let entry = self.label_here();
        self.note_loop(id, entry);
        self.loop_header(header, Some(id));
        let mark = self.mark();
        let key = self.register_of(first);
        let value = second.map(|second| self.register_of(second));
        self.at(span);
        match value {
            None => self.emit_branch(Op::NextOne, iterator.0, key, 0, exit),
            Some(value) => self.emit_branch(Op::NextTwo, iterator.0, key, value, exit),
        }
        self.store(first, key, false);
        if let (Some(place), Some(value)) = (second, value) {
            self.store(place, value, false);
        }
        self.release(mark);
        self.around.push(Around::Loop { exit, next });
        self.statements(body);
        self.around.pop();
        self.bind(next);
        self.emit_jump(Op::Jump, 0, entry);
        self.bind(exit);
    }

    /// The register of a local, or a temporary from which the variable is assigned.
    fn register_of(&mut self, place: Place) -> Reg {
        match place {
            Place::Local(slot) => slot.0,
            _ => self.temporary(),
        }
    }

    fn return_value(&mut self, value: Option<&'a Expr>, fresh: bool) {
        if self.inlining.is_some() {
            return self.return_inlined(value);
        }
        let Some(value) = value else {
            return match self.exit_around() {
                Some(Exit::Finally(..)) => {
                    let null = self.temporary();
                    self.emit(Op::LoadNull, null, 0, 0);
                    self.return_register(null, fresh);
                }
                Some(Exit::Modifier(end)) => self.emit_jump(Op::Jump, 0, end),
                None => self.emit(Op::ReturnNull, 0, 0, 0),
            };
        };
        let register = self.operand(value);
        self.return_register(register, fresh);
    }

    /// Where `break` and `continue` go: out of the innermost loop, through the `finally` blocks on the way.
    pub(super) fn leave_loop(&mut self, is_break: bool) {
        match self.around.last() {
            Some(Around::Loop { exit, next }) => {
                let target: Label = if is_break { *exit } else { *next };
                self.emit_jump(Op::Jump, 0, target);
            }
            Some(Around::Finally { pending, entry }) => {
                let (pending, entry) = (*pending, *entry);
                let code = if is_break {
                    crate::resolve::hir::Completion::Break
                } else {
                    crate::resolve::hir::Completion::Continue
                };
                self.emit(Op::HoldPlain, pending.0, code as u16, 0);
                self.emit_jump(Op::Jump, 0, entry);
            }
            Some(Around::Modifier { .. }) | None => unreachable!("the resolver refuses a break outside a loop"),
        }
    }
}

/// Whether a test is worth standing twice: it charges nothing inside and is a comparison or a variable.
fn is_short_test(test: &Expr) -> bool {
    let simple = |expr: &Expr| match &expr.kind {
        ExprKind::Local(_) | ExprKind::Const(_) | ExprKind::Read(..) => true,
        ExprKind::Binary(_, left, right) => {
            let leaf = |expr: &Expr| matches!(expr.kind, ExprKind::Local(_) | ExprKind::Const(_) | ExprKind::Read(..));
            leaf(left) && leaf(right)
        }
        _ => false,
    };
    match &test.kind {
        ExprKind::Binary(_, left, right) => simple(left) && simple(right),
        _ => simple(test),
    }
}

pub(super) fn ends_in_jump(stmts: &[Stmt]) -> bool {
    matches!(
        stmts.last().map(|stmt| &stmt.kind),
        Some(StmtKind::Return(..) | StmtKind::Throw(_) | StmtKind::Break | StmtKind::Continue)
    )
}
