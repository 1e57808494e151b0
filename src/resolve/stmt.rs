//! Statements and blocks.

use std::collections::HashSet;

use crate::runtime::info::{LoopId, LoopInfo, Symbol};
use crate::syntax::Diagnostic;
use crate::syntax::ast::{self, EmitArgs, Ident, LetTarget, MapKey, Span};
use crate::value::Value;

use super::call::is_fresh;
use super::cost;
use super::expr::Held;
use super::hir::{Block, Expr, ExprKind, GasId, IfArm, Stmt, StmtKind};
use super::modifier::UsedModifier;
use super::record::records_of;
use super::scope::{GlobalKind, Resolver};
use super::sequence::{constant, not};

/// A statement without the `export` before it.
pub(super) fn bare(stmt: &ast::Stmt) -> &ast::Stmt {
    match &stmt.kind {
        ast::StmtKind::ExportDecl(inner) => bare(inner),
        _ => stmt,
    }
}

/// The names that a `let` binds.
pub(super) fn targets(target: &LetTarget, mut each: impl FnMut(Ident)) {
    match target {
        LetTarget::Name(name) => each(*name),
        LetTarget::Map(names) => names.iter().for_each(|(_, name)| each(*name)),
        LetTarget::List(names, rest) => names.iter().chain(rest).for_each(|name| each(*name)),
    }
}

/// The names that a declaration binds or declares.
pub(super) fn declared_names(stmt: &ast::Stmt, mut each: impl FnMut(Ident)) {
    match &stmt.kind {
        ast::StmtKind::Let { target, .. } => targets(target, each),
        ast::StmtKind::Action(action) => action.name.into_iter().for_each(each),
        ast::StmtKind::Contract(contract) => each(contract.name),
        ast::StmtKind::Entity(entity) => each(entity.name),
        ast::StmtKind::LetFile(name, _)
        | ast::StmtKind::Enum(name, _)
        | ast::StmtKind::Protocol(name, _)
        | ast::StmtKind::Module(name, _)
        | ast::StmtKind::TypeAlias(name)
        | ast::StmtKind::Event(name) => each(*name),
        _ => {}
    }
}

impl<'a> Resolver<'a> {
    /// An action's body, whose entry block is open; wrapped if it contains a `defer`.
    pub(super) fn function_body_in(
        &mut self,
        gas: GasId,
        block: &'a ast::Block,
        modifiers: &[UsedModifier<'a>],
        params: &'a [ast::Param],
    ) -> Block {
        let mut stmts = Vec::new();
        if self.function().deferred.is_none() {
            self.modifiers(modifiers, params, &mut stmts);
            stmts.append(&mut self.stmts(&block.stmts));
            return Block { gas, stmts };
        }
        let inner = self.function().gas.open(block.span);
        self.modifiers(modifiers, params, &mut stmts);
        let mark = self.function().definite.mark();
        stmts.append(&mut self.stmts(&block.stmts));
        self.function().definite.restore(mark);
        let body = Block { gas: inner, stmts };
        let deferred = self.function().deferred.take().expect("checked above");
        let blocks = deferred.blocks.into_iter().map(|block| block.expect("a deferred block was lowered")).collect();
        let kind = StmtKind::Deferred { body, list: deferred.list, pending: deferred.pending, blocks };
        Block { gas, stmts: vec![Stmt { kind, span: block.span }] }
    }

    /// A block that may not run: begins a gas block.
    pub(super) fn block(&mut self, block: &'a ast::Block) -> Block {
        let gas = self.function().gas.open(block.span);
        let mark = self.function().definite.mark();
        let stmts = self.stmts(&block.stmts);
        self.function().definite.restore(mark);
        Block { gas, stmts }
    }

    /// The statements of a block of the text, declarations first.
    pub(super) fn stmts(&mut self, stmts: &'a [ast::Stmt]) -> Vec<Stmt> {
        self.open_block(stmts);
        self.block_depth += 1;
        let records = records_of(stmts);
        self.announce_records(&records);
        let mut out = Vec::with_capacity(stmts.len());
        let mut hoisted = HashSet::new();
        let mut first: Vec<_> = stmts
            .iter()
            .filter_map(|stmt| Some((stmt, declared(stmt).filter(|name| hoisted.insert(*name))?)))
            .collect();
        // Entities before actions, and in the order in which they were announced: what is extended is there first.
        first.sort_by_key(|(stmt, _)| match &bare(stmt).kind {
            ast::StmtKind::Entity(record) => (0, self.class_of.get(&record.span.start).map_or(0, |class| class.0)),
            ast::StmtKind::Contract(contract) => {
                (1, self.class_of.get(&contract.span.start).map_or(0, |class| self.capturing_bases(*class)))
            }
            _ => (1, 0),
        });
        for (stmt, name) in first {
            self.declaration(bare(stmt), name, &mut out);
        }
        for stmt in stmts {
            // The first declaration of each name has been lowered above.
            if declared(stmt).is_none_or(|name| !hoisted.remove(&name)) {
                self.stmt(stmt, &mut out);
            }
        }
        self.class_scopes.pop();
        self.block_depth -= 1;
        self.close_block();
        out
    }

    /// Whether the current place is the file's outermost block.
    pub(super) fn is_outermost_block(&self) -> bool {
        self.block_depth == 1
    }

    /// Binds a named action, a contract, entity, data or enum.
    fn declaration(&mut self, stmt: &'a ast::Stmt, symbol: ast::Symbol, out: &mut Vec<Stmt>) {
        self.function().gas.charge(cost::STATEMENT + cost::EXPRESSION);
        let (kind, name) = match &stmt.kind {
            ast::StmtKind::Action(action) => {
                let name = Ident { symbol, span: action.name.as_ref().map_or(action.span, |name| name.span) };
                match self.global(symbol) {
                    Some((_, GlobalKind::Action(id))) if self.is_top() => {
                        self.action(action, id, None, false);
                        (ExprKind::Action(id), name)
                    }
                    _ => {
                        let id = self.new_action();
                        let captures = self.action(action, id, self.class(), false);
                        (ExprKind::Lambda(id, captures, self.function().gas.cut(action.span)), name)
                    }
                }
            }
            ast::StmtKind::Contract(contract) => {
                let Some(class) = self.class_of.get(&contract.span.start).copied() else { return };
                (self.contract(contract, class), contract.name)
            }
            ast::StmtKind::Entity(record) => (self.record(record), record.name),
            ast::StmtKind::Enum(name, members) => {
                let id = self.announce_enum(*name, members);
                (ExprKind::Const(Value::enum_type(id)), *name)
            }
            _ => return,
        };
        self.check_not_constant(name, true);
        let place = self.bind(name);
        self.settled(place);
        let value = Expr { kind, span: name.span, runs_code: false };
        out.push(Stmt { kind: StmtKind::Assign { place, value, fresh: false }, span: name.span });
    }

    fn stmt(&mut self, stmt: &'a ast::Stmt, out: &mut Vec<Stmt>) {
        if let Some(symbol) = declared(stmt) {
            return self.declaration(bare(stmt), symbol, out);
        }
        super::with_stack(|| self.in_sequence(out, |resolver, out| resolver.lower_stmt(bare(stmt), out)));
    }

    fn lower_stmt(&mut self, stmt: &'a ast::Stmt, out: &mut Vec<Stmt>) {
        let span = stmt.span;
        self.function().gas.charge(cost::STATEMENT);
        let kind = match &stmt.kind {
            ast::StmtKind::Let { target, value, constant } => {
                return self.let_stmt(target, value.as_ref(), *constant, span, out);
            }
            ast::StmtKind::LetFile(name, path) => return self.let_file(*name, path, span, out),
            ast::StmtKind::Assign { target, op, op_span, value } => {
                return self.assign(target, op.map(|op| (op, *op_span)), value, span, out);
            }
            ast::StmtKind::Expr(ast::Expr { kind: ast::ExprKind::Match(matching), .. })
            | ast::StmtKind::Pattern(matching) => return self.match_statement(matching, span),
            ast::StmtKind::Expr(value) => StmtKind::Expr(self.whole(value)),
            ast::StmtKind::Print(values) => {
                let values = self.wholes(values);
                StmtKind::Print(values, self.function().gas.cut(span))
            }
            ast::StmtKind::Debug(value) => {
                let value = self.whole(value);
                StmtKind::Debug(value, self.function().gas.cut(span))
            }
            ast::StmtKind::Verify(args) => {
                let call = self.call_builtin("require", args, span);
                self.needed(0);
                StmtKind::Expr(call)
            }
            ast::StmtKind::If(arms, other) => return self.if_stmt(arms, other.as_ref(), span, out),
            ast::StmtKind::While(test, body) => self.while_stmt(test, body, span),
            ast::StmtKind::ForEach { first, second, iterable, body } => {
                self.for_each(*first, *second, iterable, body, span)
            }
            ast::StmtKind::For { init, test, step, body } => {
                if let Some(init) = init {
                    self.stmt(init, out);
                }
                self.for_stmt(test.as_ref(), step.as_deref(), body, span)
            }
            ast::StmtKind::Break => self.leave_loop(StmtKind::Break, "break", span),
            ast::StmtKind::Continue => self.leave_loop(StmtKind::Continue, "continue", span),
            ast::StmtKind::Return(value) => {
                if self.function().no_return {
                    self.report(Diagnostic::new("`return` outside an action", span));
                }
                let value = value.as_ref().map(|value| self.whole(value));
                let fresh = value.as_ref().is_some_and(is_fresh);
                StmtKind::Return(value, fresh)
            }
            ast::StmtKind::Throw(value) => StmtKind::Throw(self.whole(value)),
            ast::StmtKind::Try { body, catch, finally } => self.try_stmt(body, catch.as_ref(), finally.as_ref(), span),
            ast::StmtKind::Defer(block) => match self.defer(block) {
                Some(kind) => kind,
                None => return,
            },
            ast::StmtKind::Block(block) => StmtKind::Block(self.stmts(&block.stmts)),
            ast::StmtKind::Emit(name, args) => self.emit(*name, args, span),
            ast::StmtKind::Use(import) | ast::StmtKind::ExportUse(import) => return self.use_stmt(import, span, out),
            ast::StmtKind::Module(name, body) => return self.module_stmt(*name, body, span, out),
            // Without effect: `protocol`, `type_alias`, `event`, `gc`, `export a, b`.
            _ => return,
        };
        let ends_gas = matches!(
            kind,
            StmtKind::While { .. }
                | StmtKind::For { .. }
                | StmtKind::ForEach { .. }
                | StmtKind::TryCatch { .. }
                | StmtKind::TryFinally { .. }
        );
        out.push(Stmt { kind, span });
        if ends_gas {
            out.push(Stmt { kind: StmtKind::Gas(self.function().gas.cut(span)), span });
        }
    }

    fn leave_loop(&mut self, kind: StmtKind, word: &str, span: Span) -> StmtKind {
        if self.function().loops == 0 {
            self.report(Diagnostic::new(format!("`{word}` outside a loop"), span));
        }
        kind
    }

    fn if_stmt(&mut self, arms: &'a [ast::IfArm], other: Option<&'a ast::Block>, span: Span, out: &mut Vec<Stmt>) {
        let mut lowered = Vec::with_capacity(arms.len());
        let mut before = None;
        let mut cut = false;
        let mut rest = None;
        for (index, arm) in arms.iter().enumerate() {
            if index > 0 && self.has_match(&arm.test) {
                rest = Some(self.other_arms(&arms[index..], other, span, &mut cut));
                break;
            }
            let gas = before.map(|_| self.function().gas.open(arm.test.span));
            let cuts = self.function().gas.cuts();
            let test = self.whole(&arm.test);
            if before.is_none() {
                before = Some(self.function().gas.current());
            } else {
                cut |= self.function().gas.cuts() != cuts;
            }
            let body = self.arm(&arm.body, &mut cut);
            lowered.push(IfArm { gas, test, body });
        }
        let other = rest.or_else(|| other.map(|block| self.arm(block, &mut cut)));
        out.push(Stmt { kind: StmtKind::If(lowered, other), span });
        if cut {
            out.push(Stmt { kind: StmtKind::Gas(self.function().gas.cut(span)), span });
        } else if let Some(before) = before {
            self.function().gas.resume(before);
        }
    }

    /// The arms from one on whose test needs statements before it.
    fn other_arms(
        &mut self,
        arms: &'a [ast::IfArm],
        other: Option<&'a ast::Block>,
        span: Span,
        cut: &mut bool,
    ) -> Block {
        let cuts = self.function().gas.cuts();
        let gas = self.function().gas.open(arms[0].test.span);
        let mut stmts = Vec::new();
        self.in_sequence(&mut stmts, |resolver, stmts| resolver.if_stmt(arms, other, span, stmts));
        *cut |= self.function().gas.cuts() != cuts && !never_ends(&stmts);
        Block { gas, stmts }
    }

    /// An arm of an `if`; notes a cut in an arm whose end can be reached.
    fn arm(&mut self, block: &'a ast::Block, cut: &mut bool) -> Block {
        let cuts = self.function().gas.cuts();
        let body = self.block(block);
        *cut |= self.function().gas.cuts() != cuts && !never_ends(&body.stmts);
        body
    }

    fn new_loop(&mut self, span: Span) -> LoopId {
        let action = self.function().id;
        self.loops.push(LoopInfo { action, place: super::place(span) });
        LoopId(self.loops.len() as u32 - 1)
    }

    fn loop_header(&mut self, span: Span) -> GasId {
        let function = self.function();
        let header = function.gas.open(span);
        function.gas.charge(cost::ITERATION);
        function.loops += 1;
        header
    }

    fn while_stmt(&mut self, test: &'a ast::Expr, body: &'a ast::Block, span: Span) -> StmtKind {
        let id = self.new_loop(span);
        let header = self.loop_header(span);
        let (mut first, mut test) = self.apart(|resolver| resolver.whole(test));
        if !first.is_empty() {
            first.push(self.break_unless(test));
            test = constant(Value::TRUE, span);
        }
        let mark = self.function().definite.mark();
        first.extend(self.stmts(&body.stmts));
        self.function().definite.restore(mark);
        self.function().loops -= 1;
        StmtKind::While { id, header, test, body: first }
    }

    /// Leaves the loop if the test does not hold: behind the statements that the test needs before it.
    fn break_unless(&mut self, test: Expr) -> Stmt {
        let span = test.span;
        let before = self.function().gas.current();
        let gas = self.function().gas.open(span);
        self.function().gas.resume(before);
        let body = Block { gas, stmts: vec![Stmt { kind: StmtKind::Break, span }] };
        Stmt { kind: StmtKind::If(vec![IfArm { gas: None, test: not(test), body }], None), span }
    }

    fn for_stmt(
        &mut self,
        test: Option<&'a ast::Expr>,
        step: Option<&'a ast::Stmt>,
        body: &'a ast::Block,
        span: Span,
    ) -> StmtKind {
        let id = self.new_loop(span);
        let header = self.loop_header(span);
        let (mut first, mut test) = self.apart(|resolver| test.map(|test| resolver.whole(test)));
        if let Some(test) = test.take_if(|_| !first.is_empty()) {
            first.push(self.break_unless(test));
        }
        // The step is lowered where it stands in the text; it runs after the body, in a block of its own.
        let after_test = self.function().gas.current();
        let mark = self.function().definite.mark();
        let gas = self.function().gas.open(step.map_or(span, |step| step.span));
        let mut steps = Vec::new();
        let loops = std::mem::take(&mut self.function().loops);
        if let Some(step) = step {
            self.stmt(step, &mut steps);
        }
        self.function().loops = loops;
        self.function().definite.restore(mark);
        self.function().gas.resume(after_test);
        first.extend(self.stmts(&body.stmts));
        self.function().definite.restore(mark);
        self.function().loops -= 1;
        StmtKind::For { id, header, test, body: first, step: Block { gas, stmts: steps } }
    }

    fn for_each(
        &mut self,
        first: Ident,
        second: Option<Ident>,
        iterable: &'a ast::Expr,
        body: &'a ast::Block,
        span: Span,
    ) -> StmtKind {
        let iterable = self.whole(iterable);
        let id = self.new_loop(span);
        let iterator = self.function().allocate(3);
        let header = self.loop_header(span);
        let mark = self.function().definite.mark();
        let first = self.bind(first);
        self.settled(first);
        let second = second.map(|second| {
            let place = self.bind(second);
            self.settled(place);
            place
        });
        let body = self.stmts(&body.stmts);
        self.function().definite.restore(mark);
        self.function().release(3);
        self.function().loops -= 1;
        StmtKind::ForEach { id, header, iterator, iterable, first, second, body }
    }

    fn try_stmt(
        &mut self,
        body: &'a ast::Block,
        catch: Option<&'a (Option<Ident>, ast::Block)>,
        finally: Option<&'a ast::Block>,
        span: Span,
    ) -> StmtKind {
        let Some(finally) = finally else {
            return match catch {
                Some((variable, handler)) => self.try_catch(body, *variable, handler),
                None => StmtKind::Block(self.stmts(&body.stmts)),
            };
        };
        let pending = self.function().allocate(2);
        let body = match catch {
            None => self.block(body),
            Some((variable, handler)) => {
                let gas = self.function().gas.open(body.span);
                let kind = self.try_catch(body, *variable, handler);
                Block { gas, stmts: vec![Stmt { kind, span }] }
            }
        };
        let finally = self.block(finally);
        self.function().release(2);
        StmtKind::TryFinally { body, pending, finally }
    }

    fn try_catch(&mut self, body: &'a ast::Block, variable: Option<Ident>, handler: &'a ast::Block) -> StmtKind {
        let body = self.block(body);
        let mark = self.function().definite.mark();
        let variable = variable.map(|variable| {
            let place = self.bind(variable);
            self.settled(place);
            place
        });
        let handler = self.block(handler);
        self.function().definite.restore(mark);
        StmtKind::TryCatch { body, variable, handler }
    }

    /// `defer { }`: the block is kept with its action and registered here.
    fn defer(&mut self, block: &'a ast::Block) -> Option<StmtKind> {
        let deferred = self.function().deferred.as_mut()?;
        let (list, index) = (deferred.list, deferred.blocks.len());
        deferred.blocks.push(None);
        let before = self.function().gas.current();
        let loops = std::mem::take(&mut self.function().loops);
        let block = self.block(block);
        self.function().loops = loops;
        self.function().gas.resume(before);
        if let Some(deferred) = self.function().deferred.as_mut() {
            deferred.blocks[index] = Some(block);
        }
        Some(StmtKind::Defer(list, index as u32))
    }

    fn emit(&mut self, name: Ident, args: &'a EmitArgs, span: Span) -> StmtKind {
        let (values, names) = match args {
            EmitArgs::Positional(args) => (self.wholes(args), None),
            EmitArgs::Named(entries) => {
                let mut held = Held::default();
                let mut values = Vec::with_capacity(entries.len());
                let mut names = Vec::with_capacity(entries.len());
                let kept = self.before_last_match(entries.iter().map(|(_, value)| value));
                for (index, (key, value)) in entries.iter().enumerate() {
                    names.push(self.argument_name(key));
                    values.push(self.operand_before(value, &mut held, index < kept));
                }
                self.node(&held);
                self.needed(0);
                (values, Some(names))
            }
        };
        StmtKind::Emit(Symbol(name.symbol.0), values, names, self.function().gas.cut(span))
    }

    fn argument_name(&mut self, key: &MapKey) -> Symbol {
        match key {
            MapKey::Name(text, _) | MapKey::Computed(ast::Expr { kind: ast::ExprKind::Str(text), .. }) => {
                self.symbol_of_text(text)
            }
            MapKey::Computed(key) => {
                self.report(Diagnostic::new("an event's arguments are named by plain names", key.span));
                self.symbol_of_text("")
            }
        }
    }
}

/// The name that a hoisted declaration binds.
fn declared(stmt: &ast::Stmt) -> Option<ast::Symbol> {
    match &bare(stmt).kind {
        ast::StmtKind::Action(action) => action.name.as_ref().map(|name| name.symbol),
        ast::StmtKind::Contract(contract) => Some(contract.name.symbol),
        ast::StmtKind::Entity(record) => Some(record.name.symbol),
        ast::StmtKind::Enum(name, _) => Some(name.symbol),
        _ => None,
    }
}

/// Whether the end of these statements certainly cannot be reached.
pub(super) fn never_ends(stmts: &[Stmt]) -> bool {
    match stmts.last().map(|stmt| &stmt.kind) {
        Some(StmtKind::Return(..) | StmtKind::Throw(_) | StmtKind::Break | StmtKind::Continue) => true,
        Some(StmtKind::Block(stmts)) => never_ends(stmts),
        Some(StmtKind::If(arms, Some(other))) => {
            never_ends(&other.stmts) && arms.iter().all(|arm| never_ends(&arm.body.stmts))
        }
        _ => false,
    }
}
