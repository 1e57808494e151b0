//! `use`, `module M { }`, and the members of modules, which are bound here wherever the text fixes them.

use crate::runtime::info::Symbol;
use crate::syntax::Diagnostic;
use crate::syntax::ast::{self, Ident, Span};
use crate::value::Value;

use super::Import;
use super::cost;
use super::expr::Held;
use super::hir::{Block, Call, Callee, Expr, ExprKind, IfArm, Place, Stmt, StmtKind, UnaryOp};
use super::name::Meaning;
use super::namespace::NamespaceId;
use super::scope::{GlobalKind, Resolver};

impl<'a> Resolver<'a> {
    /// `use`: runs the module if it has not run. Its names are bound already.
    pub(super) fn use_stmt(&mut self, import: &'a ast::Use, span: Span, out: &mut Vec<Stmt>) {
        if !self.is_top() {
            let help = "move it to the top of the file";
            return self.report(Diagnostic::new("`use` stands outside actions", span).help(help));
        }
        match self.import_of(import) {
            Some(Import::File(file)) => self.run_module(*file, span, out),
            Some(Import::Missing(message)) => return self.throw(message, import.path_span, out),
            None => {}
        }
        for name in self.absent(import) {
            let message = format!("'{}' is not exported from {}", self.name(name.symbol), import.path);
            self.throw(&message, name.span, out);
        }
    }

    /// `if (!has_run) { top(); has_run = true }`: a module that failed runs again at its next `use`.
    fn run_module(&mut self, file: usize, span: Span, out: &mut Vec<Stmt>) {
        let (top, has_run) = self.tops[file];
        let expr = |kind| Expr { kind, span, runs_code: false };
        self.function().gas.charge(2 * cost::EXPRESSION);
        let flag = Box::new(expr(ExprKind::GlobalOr(has_run, Value::FALSE)));
        let test = expr(ExprKind::Unary(UnaryOp::Not, flag));
        let gas = self.function().gas.open(span);
        self.function().gas.charge(2 * cost::STATEMENT);
        self.node(&Held::default());
        let call = Call { callee: Callee::Action(top), args: Vec::new(), gas: self.function().gas.cut(span) };
        self.needed(0);
        let call = Expr { kind: ExprKind::Call(Box::new(call)), span, runs_code: true };
        let value = expr(ExprKind::Const(Value::TRUE));
        let place = Place::Global(has_run);
        let stmts = vec![
            Stmt { kind: StmtKind::Expr(call), span },
            Stmt { kind: StmtKind::Assign { place, value, fresh: false }, span },
        ];
        out.push(Stmt { kind: StmtKind::If(vec![IfArm { gas: None, test, body: Block { gas, stmts } }], None), span });
        out.push(Stmt { kind: StmtKind::Gas(self.function().gas.cut(span)), span });
    }

    /// An import that cannot be had fails when the program gets there.
    fn throw(&mut self, message: &str, span: Span, out: &mut Vec<Stmt>) {
        self.node(&Held::default());
        self.needed(0);
        let value = self.constants.string(message);
        let value = Expr { kind: ExprKind::Const(value), span, runs_code: false };
        out.push(Stmt { kind: StmtKind::Throw(value), span });
    }

    /// `module M { }`: its body runs where it stands; its outermost names are its members.
    pub(super) fn module_stmt(&mut self, name: Ident, body: &'a ast::Block, span: Span, out: &mut Vec<Stmt>) {
        let Some(module) = self.module_of.get(&name.span.start).copied().filter(|_| self.is_top()) else {
            let help = "move it to the outermost level of the file";
            return self.report(Diagnostic::new("a module stands outside actions", name.span).help(help));
        };
        self.check_not_constant(name, true);
        let outer = std::mem::replace(&mut self.here, module);
        self.class_scopes.push(self.class_scope(module));
        let stmts = self.stmts(&body.stmts);
        self.class_scopes.pop();
        self.here = outer;
        out.push(Stmt { kind: StmtKind::Block(stmts), span });
        if let Some((global, GlobalKind::Variable)) = self.global(name.symbol) {
            let value = Expr { kind: ExprKind::Const(Value::module(module.0)), span, runs_code: false };
            let kind = StmtKind::Assign { place: Place::Global(global), value, fresh: false };
            out.push(Stmt { kind, span: name.span });
        }
    }

    // ---- members ----

    /// What a name, or a member of a module, means, if the text tells.
    pub(super) fn fixed_meaning(&mut self, expr: &ast::Expr) -> Option<Meaning> {
        match &expr.kind {
            ast::ExprKind::Name(symbol) => Some(self.meaning(*symbol)),
            ast::ExprKind::Member { object, name, .. } => self.member_of_module(object, name.symbol),
            _ => None,
        }
    }

    /// The module that the expression certainly is.
    pub(super) fn fixed_module(&mut self, expr: &ast::Expr) -> Option<NamespaceId> {
        match super::with_stack(|| self.fixed_meaning(expr))? {
            Meaning::Global(_, GlobalKind::Module(module), _) => Some(module),
            _ => None,
        }
    }

    /// What `object.name` means, if `object` is certainly a module that has it.
    pub(super) fn member_of_module(&mut self, object: &ast::Expr, name: ast::Symbol) -> Option<Meaning> {
        let module = self.fixed_module(object)?;
        let entry = self.member_entry(module, name)?;
        Some(Meaning::Global(entry.global, entry.kind, None))
    }

    /// `object.name`, read, if the text fixes it.
    pub(super) fn module_member(&mut self, object: &ast::Expr, name: Ident) -> Option<ExprKind> {
        if let (ast::ExprKind::Member { .. }, Some(Meaning::Global(_, GlobalKind::Enum(id), _))) =
            (&object.kind, self.fixed_meaning(object))
        {
            return Some(self.enum_constant(id, name));
        }
        let meaning = self.member_of_module(object, name.symbol)?;
        Some(self.read(meaning, name.symbol, name.span))
    }

    /// Reports an assignment to a module's member: only the module's own code can assign its names.
    pub(super) fn check_not_member(&mut self, module: NamespaceId, name: Ident) {
        let text = self.symbols[name.symbol.0 as usize].clone();
        let message = match self.member_entry(module, name.symbol) {
            Some(_) => format!("cannot assign to '{text}' of a module from outside it"),
            None => format!("the module has no member '{text}'"),
        };
        let help = "let an action of the module assign it";
        self.report(Diagnostic::new(message, name.span).help(help));
    }

    /// The actions that the main script imports, by the names that it gives them.
    pub(super) fn imported_actions(&self) -> Vec<(Symbol, crate::runtime::info::ActionId)> {
        let Some(Some(main)) = self.file_spaces.first() else { return Vec::new() };
        let names = &self.namespaces[main.0 as usize].names;
        let mut found: Vec<_> = names
            .iter()
            .filter_map(|(symbol, entry)| match entry.kind {
                GlobalKind::Action(action) if entry.imported => Some((Symbol(symbol.0), action)),
                _ => None,
            })
            .collect();
        found.sort_unstable_by_key(|(symbol, _)| *symbol);
        found
    }
}
