//! Calls. Arguments go into consecutive temporaries; the callee's window begins at the first. A receiver or callee
//! value stands in the register below them.

use super::Op;
use super::builder::{Builder, Label, Reg};
use crate::resolve::hir::{Call, Callee, Expr};
use crate::syntax::ast::Span;

impl<'a> Builder<'a> {
    pub(super) fn call(&mut self, call: &'a Call, span: Span, to: Reg) {
        let (op, number, beside) = match &call.callee {
            Callee::Action(action) if self.may_inline(*action, call.args.len()) => {
                return self.inline(*action, call, span, to);
            }
            Callee::Action(action) => (Op::Call, action.0, 0),
            Callee::Own(action) if self.info.action(*action).overridden => (Op::CallVirtual, action.0, 0),
            Callee::Own(action) | Callee::Super(action) => (Op::CallOwn, action.0, 0),
            Callee::Builtin(builtin) => (Op::CallBuiltin, *builtin, 0),
            Callee::New(class) => (Op::New, class.0, 0),
            Callee::NewWith(class, fields) => (Op::NewWith, class.0, self.field_list(fields)),
            Callee::NewOf(head, names) => {
                let names = self.name_list(Some(names));
                return self.through(head, false, call, (Op::NewOf, 0, names), span, to);
            }
            Callee::Method(receiver, name, optional) => {
                let cache = self.cache();
                return self.through(receiver, *optional, call, (Op::CallMethod, name.0, cache), span, to);
            }
            Callee::Value(callee, optional) => {
                return self.through(callee, *optional, call, (Op::CallValue, 0, 0), span, to);
            }
        };
        let base = self.in_temporaries(&call.args);
        self.finish_call((op, number, beside), base, call, span, to);
    }

    /// A call with a receiver or callee value.
    fn through(
        &mut self,
        callee: &'a Expr,
        optional: bool,
        call: &'a Call,
        operation: (Op, u32, u16),
        span: Span,
        to: Reg,
    ) {
        let register = self.in_temporary(callee);
        let null = optional.then(|| self.null_test(register));
        let base = self.in_temporaries(&call.args);
        self.finish_call(operation, base, call, span, to);
        if let Some(null) = null {
            let end = self.label();
            self.emit_jump(Op::Jump, 0, end);
            self.bind(null);
            self.emit(Op::LoadNull, to, 0, 0);
            self.bind(end);
        }
    }

    fn null_test(&mut self, register: Reg) -> Label {
        let null = self.label();
        self.emit_jump(Op::JumpIfNull, register, null);
        null
    }

    fn finish_call(&mut self, (op, number, beside): (Op, u32, u16), base: Reg, call: &'a Call, span: Span, to: Reg) {
        self.at(span);
        self.emit(op, to, base, call.args.len() as u16);
        self.word(beside, number);
        self.gas(call.gas);
    }
}
