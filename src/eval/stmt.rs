//! Statements.

use super::{Flow, Walker};
use crate::resolve::hir::{BinaryOp, Block, Expr, IfArm, Place, Stmt, StmtKind};
use crate::runtime::Unwind;
use crate::runtime::info::Symbol;
use crate::syntax::ast::Span;
use crate::value::Value;

impl<'a> Walker<'a> {
    /// Runs statements until one does not end normally.
    #[inline]
    pub(super) fn statements(&mut self, stmts: &'a [Stmt]) -> Flow {
        for stmt in stmts {
            let flow = self.statement(stmt);
            if flow != Flow::Normal {
                return flow;
            }
        }
        Flow::Normal
    }

    /// Charges a block's gas and runs it.
    pub(super) fn block(&mut self, block: &'a Block) -> Flow {
        if self.charge(block.gas).is_err() {
            return Flow::Unwind;
        }
        self.statements(&block.stmts)
    }

    #[inline(always)]
    fn statement(&mut self, stmt: &'a Stmt) -> Flow {
        match &stmt.kind {
            StmtKind::Gas(gas) => Self::flow(self.charge(*gas)),
            StmtKind::Expr(expr) => Self::flow(self.expr(expr).map(|_| ())),
            StmtKind::Assign { place: Place::Local(slot), value, .. } => match self.expr(value) {
                Ok(value) => {
                    self.isolate.slots[self.base + slot.0 as usize] = value;
                    Flow::Normal
                }
                Err(Unwind) => Flow::Unwind,
            },
            StmtKind::Assign { place, value, fresh } => {
                let result = self.expr(value).and_then(|value| self.assign(*place, value, *fresh, stmt.span));
                Self::flow(result)
            }
            StmtKind::AssignIndex { object, index, op, value, fresh, gas } => {
                let result = self.assign_index(object, index, *op, value, *fresh, stmt.span);
                Self::flow(result.and_then(|()| self.charge(*gas)))
            }
            StmtKind::AssignMember { object, name, op, value, fresh, gas } => {
                let result = self.assign_member(object, *name, *op, value, *fresh, stmt.span);
                Self::flow(result.and_then(|()| self.charge(*gas)))
            }
            StmtKind::If(arms, otherwise) => self.branch(arms, otherwise.as_ref()),
            StmtKind::While { id, header, test, body } => self.while_loop(*id, *header, test, body),
            StmtKind::Return(value, fresh) => self.return_value(value.as_ref(), *fresh),
            StmtKind::Break => Flow::Break,
            StmtKind::Continue => Flow::Continue,
            StmtKind::Block(stmts) => self.statements(stmts),
            StmtKind::Print(exprs, gas) => {
                let result = self.print(exprs, stmt.span);
                Self::flow(result.and_then(|()| self.charge(*gas)))
            }
            _ => self.rare_statement(stmt),
        }
    }

    #[inline(never)]
    fn rare_statement(&mut self, stmt: &'a Stmt) -> Flow {
        match &stmt.kind {
            StmtKind::For { id, header, test, body, step } => self.for_loop(*id, *header, test.as_ref(), body, step),
            StmtKind::ForEach { id, header, iterator, iterable, first, second, body } => {
                let walk = super::loops::Walk { first: *first, second: *second, span: stmt.span };
                self.for_each(*id, *header, *iterator, iterable, walk, body)
            }
            StmtKind::TryCatch { body, variable, handler } => self.try_catch(body, *variable, handler, stmt.span),
            StmtKind::TryFinally { body, pending, finally } => self.try_finally(body, *pending, finally),
            StmtKind::Deferred { body, list, pending, blocks } => self.deferred(body, *list, *pending, blocks),
            StmtKind::Defer(list, index) => {
                self.register_deferred(*list, *index);
                Flow::Normal
            }
            StmtKind::Mark(id) => {
                self.isolate.mark(*id);
                Flow::Normal
            }
            StmtKind::Match(matching) => self.matching(matching),
            StmtKind::SetConfig(key, value) => {
                let result = self.expr(value).and_then(|value| {
                    let result = self.isolate.set_config(*key, value);
                    self.located(result, stmt.span)
                });
                Self::flow(result)
            }
            StmtKind::Debug(expr, gas) => {
                let result = self.expr(expr).and_then(|value| {
                    let result = self.isolate.debug(value);
                    self.located(result, stmt.span)
                });
                Self::flow(result.and_then(|()| self.charge(*gas)))
            }
            StmtKind::Modifier(block) => match self.block(block) {
                Flow::Return => {
                    self.result = Value::NULL;
                    Flow::Normal
                }
                flow => flow,
            },
            StmtKind::Throw(expr) => match self.expr(expr) {
                Ok(value) => {
                    let result: Result<(), Unwind> = self.isolate.throw(value);
                    Self::flow(self.located(result, stmt.span))
                }
                Err(Unwind) => Flow::Unwind,
            },
            StmtKind::Emit(name, args, names, gas) => {
                let result = self.push_all(args).and_then(|base| {
                    let result = self.isolate.emit(*name, base, args.len() as u32, names.as_deref());
                    self.isolate.top = base;
                    self.located(result, stmt.span)
                });
                Self::flow(result.and_then(|()| self.charge(*gas)))
            }
            _ => unreachable!("handled by `statement`"),
        }
    }

    fn return_value(&mut self, value: Option<&'a Expr>, fresh: bool) -> Flow {
        self.fresh = fresh;
        self.result = match value {
            None => Value::NULL,
            Some(expr) => match self.operand(expr) {
                Ok(value) => value,
                Err(Unwind) => return Flow::Unwind,
            },
        };
        Flow::Return
    }

    #[inline(always)]
    fn branch(&mut self, arms: &'a [IfArm], otherwise: Option<&'a Block>) -> Flow {
        for arm in arms {
            if let Some(gas) = arm.gas
                && self.charge(gas).is_err()
            {
                return Flow::Unwind;
            }
            match self.test(&arm.test) {
                Ok(true) => return self.arm(&arm.body),
                Ok(false) => {}
                Err(Unwind) => return Flow::Unwind,
            }
        }
        otherwise.map_or(Flow::Normal, |block| self.block(block))
    }

    /// A block that is often one `return`, which needs no walk over statements.
    #[inline(always)]
    fn arm(&mut self, block: &'a Block) -> Flow {
        if self.charge(block.gas).is_err() {
            return Flow::Unwind;
        }
        if let [Stmt { kind: StmtKind::Return(value, fresh), .. }] = &*block.stmts {
            return self.return_value(value.as_ref(), *fresh);
        }
        self.statements(&block.stmts)
    }

    fn print(&mut self, exprs: &'a [Expr], span: Span) -> Result<(), Unwind> {
        let base = self.push_all(exprs)?;
        let result = self.isolate.print(base, exprs.len() as u32);
        self.isolate.top = base;
        self.located(result, span)
    }

    #[inline]
    fn assign_index(
        &mut self,
        object: &'a Expr,
        index: &'a Expr,
        op: Option<(BinaryOp, Span)>,
        value: &'a Expr,
        fresh: bool,
        span: Span,
    ) -> Result<(), Unwind> {
        let top = self.isolate.top;
        let object = self.operand(object)?;
        if index.runs_code || value.runs_code {
            self.isolate.push(object);
        }
        let index = self.operand(index)?;
        if value.runs_code {
            self.isolate.push(index);
        }
        let value = match op {
            None => self.operand(value)?,
            Some((op, op_span)) => {
                let element = self.isolate.index_get(object, index);
                let element = self.located(element, span)?;
                self.combine(op, element, value, op_span)?
            }
        };
        self.isolate.top = top;
        let result = self.isolate.index_set(object, index, value, fresh);
        self.located(result, span)
    }

    fn assign_member(
        &mut self,
        object: &'a Expr,
        name: Symbol,
        op: Option<(BinaryOp, Span)>,
        value: &'a Expr,
        fresh: bool,
        span: Span,
    ) -> Result<(), Unwind> {
        let top = self.isolate.top;
        let object = self.operand(object)?;
        self.isolate.push(object);
        let value = match op {
            None => self.operand(value)?,
            Some((op, op_span)) => {
                let element = self.isolate.member_get(object, name);
                let element = self.located(element, span)?;
                self.combine(op, element, value, op_span)?
            }
        };
        self.isolate.top = top;
        let result = self.isolate.member_set(object, name, value, fresh);
        self.located(result, span)
    }

    /// `element op value` of a compound assignment.
    fn combine(&mut self, op: BinaryOp, element: Value, value: &'a Expr, span: Span) -> Result<Value, Unwind> {
        let slot = self.isolate.push(element);
        let value = self.operand(value)?;
        self.isolate.top = slot;
        let result = self.operate(op, element, value);
        self.located(result, span)
    }
}
