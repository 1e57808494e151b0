//! Calls.

use super::{Walker, place, run_action};
use crate::resolve::hir::{Call, Callee, Expr, Tree};
use crate::runtime::info::{ActionId, Symbol};
use crate::runtime::{CallSite, Isolate, NO_INSTANCE, Target, Unwind};
use crate::syntax::ast::Span;
use crate::value::Value;

/// [`run_action`] on more of the host's stack.
#[cold]
#[inline(never)]
fn run_deep(tree: &Tree, isolate: &mut Isolate, action: ActionId, base: u32) -> Result<Value, Unwind> {
    isolate.with_stack(|isolate| run_action(tree, isolate, action, base))
}

impl<'a> Walker<'a> {
    /// A call whose callee the text fixes: a function of its own, because it is the commonest.
    #[inline(never)]
    pub(super) fn call_bound(&mut self, call: &'a Call, action: ActionId, span: Span) -> Result<Value, Unwind> {
        let base = self.isolate.top;
        for arg in &call.args {
            let value = self.operand(arg)?;
            self.isolate.push(value);
        }
        let value = self.call_action(action, NO_INSTANCE, Value::UNSET, base, call.args.len() as u32, span)?;
        self.charge(call.gas)?;
        Ok(value)
    }

    #[inline(never)]
    pub(super) fn call(&mut self, call: &'a Call, span: Span) -> Result<Value, Unwind> {
        let argc = call.args.len() as u32;
        let value = match &call.callee {
            Callee::Action(action) => return self.call_bound(call, *action, span),
            Callee::Own(action) => {
                let base = self.push_all(&call.args)?;
                let this = self.isolate.this();
                let action = self.isolate.own_action(*action);
                self.call_action(action, this, Value::UNSET, base, argc, span)?
            }
            Callee::Super(action) => {
                let base = self.push_all(&call.args)?;
                let this = self.isolate.this();
                self.call_action(*action, this, Value::UNSET, base, argc, span)?
            }
            Callee::Method(receiver, name, optional) => {
                match self.call_method(receiver, *name, *optional, &call.args, span)? {
                    Some(value) => value,
                    None => return Ok(Value::NULL),
                }
            }
            Callee::Value(callee, optional) => match self.call_value(callee, *optional, &call.args, span)? {
                Some(value) => value,
                None => return Ok(Value::NULL),
            },
            Callee::Builtin(builtin) => {
                let base = self.push_all(&call.args)?;
                let result = self.isolate.call_builtin(*builtin, base, argc);
                self.isolate.top = base;
                self.located(result, span)?
            }
            Callee::New(class) => {
                let base = self.push_all(&call.args)?;
                let result = self.isolate.instantiate(*class, base, argc);
                self.isolate.top = base;
                self.located(result, span)?
            }
            Callee::NewWith(class, fields) => {
                let base = self.push_all(&call.args)?;
                let result = self.isolate.instantiate_with(*class, fields, base);
                self.isolate.top = base;
                self.located(result, span)?
            }
            Callee::NewOf(head, names) => {
                let head = self.operand(head)?;
                let slot = self.isolate.push(head);
                let base = self.push_all(&call.args)?;
                let result = self.isolate.instantiate_named(head, names, base);
                self.isolate.top = slot;
                self.located(result, span)?
            }
        };
        self.charge(call.gas)?;
        Ok(value)
    }

    /// None: the receiver of `?.` is null.
    fn call_method(
        &mut self,
        receiver: &'a Expr,
        name: Symbol,
        optional: bool,
        args: &'a [Expr],
        span: Span,
    ) -> Result<Option<Value>, Unwind> {
        let receiver = self.operand(receiver)?;
        if optional && receiver.is_null() {
            return Ok(None);
        }
        let slot = self.isolate.push(receiver);
        let base = self.push_all(args)?;
        let target = self.isolate.resolve_method(receiver, name, base, args.len() as u32);
        self.reach(target, slot, args.len() as u32, span).map(Some)
    }

    /// None: the callee of `?.` is null.
    fn call_value(
        &mut self,
        callee: &'a Expr,
        optional: bool,
        args: &'a [Expr],
        span: Span,
    ) -> Result<Option<Value>, Unwind> {
        let callee = self.operand(callee)?;
        if optional && callee.is_null() {
            return Ok(None);
        }
        let slot = self.isolate.push(callee);
        let base = self.push_all(args)?;
        let target = self.isolate.resolve_call(callee, base, args.len() as u32);
        self.reach(target, slot, args.len() as u32, span).map(Some)
    }

    /// Goes through with a call whose callee stands in `slot` and whose arguments follow it.
    fn reach(&mut self, target: Result<Target, Unwind>, slot: u32, argc: u32, span: Span) -> Result<Value, Unwind> {
        let value = match self.located(target, span)? {
            Target::Action { action, this, closure } => {
                self.call_action(action, this, closure, slot + 1, argc, span)?
            }
            Target::Method { action, this, closure } => {
                self.call_action(action, this, closure, slot, argc + 1, span)?
            }
            Target::Done(value) => value,
        };
        self.isolate.top = slot;
        Ok(value)
    }

    #[inline(always)]
    fn call_action(
        &mut self,
        action: ActionId,
        this: u32,
        closure: Value,
        base: u32,
        argc: u32,
        span: Span,
    ) -> Result<Value, Unwind> {
        if self.isolate.enter(action, this, closure, base, argc, CallSite::Place(place(span))).is_err() {
            return self.failed(span);
        }
        let (tree, isolate) = (self.tree, &mut *self.isolate);
        let result = if isolate.stack_is_low() {
            run_deep(tree, isolate, action, base)
        } else {
            run_action(tree, isolate, action, base)
        };
        match result {
            Ok(value) => {
                let result = self.isolate.leave(value);
                self.located(result, span)
            }
            Err(Unwind) => {
                self.isolate.leave_failed();
                self.failed(span)
            }
        }
    }
}
