//! A look over an action's own text before it is lowered: which names it binds, which it assigns, and which the
//! actions inside it mention (a superset of what they capture).

use std::collections::HashSet;

use crate::syntax::THIS;
use crate::syntax::ast::{
    self, ArmBody, EmitArgs, Expr, ExprKind, Ident, LetTarget, MapKey, Part, Pattern, Stmt, StmtKind, Symbol,
};

/// How a name is bound in the scanned text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// `let`, `const`, loop or `catch` variable, or an action that does not stand in the outermost block.
    Plain,
    /// An action, entity, data or enum of the outermost block.
    Action,
    /// A contract of the outermost block.
    Contract,
    /// The same inside a block.
    InnerAction,
}

/// What the look found.
#[derive(Debug, Default)]
pub(super) struct Scan<'a> {
    /// Names the text binds, in order, repeated as often as bound.
    pub(super) bound: Vec<(Symbol, Binding)>,
    /// Names assigned without `let` in the text itself, in order.
    pub(super) assigned: Vec<Symbol>,
    /// Names assigned without `let` in actions inside it.
    pub(super) assigned_inside: HashSet<Symbol>,
    /// Names that actions inside it mention.
    pub(super) mentioned_inside: HashSet<Symbol>,
    /// Contracts declared in the text itself, blocks included, and whether they stand in its outermost block.
    pub(super) contracts: Vec<(&'a ast::Contract, bool)>,
    /// Protocols declared anywhere in the text.
    pub(super) protocols: Vec<(Symbol, &'a [(ast::Ident, usize)])>,
    /// Modules declared in the text itself.
    pub(super) modules: Vec<(Ident, &'a ast::Block)>,
    /// Imports of the text itself, and whether they are exported.
    pub(super) uses: Vec<(&'a ast::Use, bool)>,
    /// Names that the text exports, but for those of exported imports.
    pub(super) exports: Vec<Ident>,
    /// Names that it declares and that are no values: types, protocols, events.
    pub(super) silent: Vec<Symbol>,
    /// Whether the text itself has a `defer`.
    pub(super) has_defer: bool,
    /// Whether the text itself has a `match` or `pattern`.
    pub(super) has_match: bool,
    /// Blocks around the current place, inside the current action.
    blocks: u32,
    /// Actions around the current place.
    depth: u32,
    /// Modules around the current place: their names are not the scanned text's.
    module_depth: u32,
}

impl<'a> Scan<'a> {
    /// Scans an action: defaults of parameters (not their names) and body.
    pub(super) fn action(action: &'a ast::Action) -> Self {
        let mut scan = Scan::default();
        for param in &action.params {
            scan.optional(param.default.as_ref());
        }
        // A limit with a `match` is evaluated by a lambda.
        let apart = u32::from(action.limit.as_ref().is_some_and(super::sequence::holds_match));
        scan.depth += apart;
        scan.optional(action.limit.as_ref());
        scan.depth -= apart;
        for (_, args) in &action.modifiers {
            scan.each(args);
        }
        scan.stmts(&action.body.stmts);
        scan
    }

    /// Scans a list of statements as an action's outermost block.
    pub(super) fn block(block: &'a ast::Block) -> Self {
        let mut scan = Scan::default();
        scan.stmts(&block.stmts);
        scan
    }

    /// Scans expressions alone (field initialisers).
    pub(super) fn exprs(exprs: impl Iterator<Item = &'a Expr>) -> Self {
        let mut scan = Scan::default();
        scan.each(exprs);
        scan
    }

    /// The names that expressions mention, wherever in them.
    pub(super) fn mentions(exprs: impl Iterator<Item = &'a Expr>) -> HashSet<Symbol> {
        let mut scan = Scan { depth: 1, ..Scan::default() };
        scan.each(exprs);
        scan.mentioned_inside
    }

    /// The names that an action mentions or binds, but for its parameters and their defaults.
    pub(super) fn mentions_of_body(action: &'a ast::Action) -> HashSet<Symbol> {
        let mut scan = Scan { depth: 1, ..Scan::default() };
        scan.optional(action.limit.as_ref());
        for (_, args) in &action.modifiers {
            scan.each(args);
        }
        scan.stmts(&action.body.stmts);
        scan.mentioned_inside
    }

    /// Whether the text binds the name once and nothing assigns it.
    pub(super) fn binds_once(&self, symbol: Symbol) -> bool {
        self.bound.iter().filter(|(bound, _)| *bound == symbol).count() == 1
            && !self.assigned.contains(&symbol)
            && !self.assigned_inside.contains(&symbol)
    }

    fn bind(&mut self, symbol: Symbol, binding: Binding) {
        if self.is_own() {
            self.bound.push((symbol, binding));
        } else {
            self.mentioned_inside.insert(symbol);
        }
    }

    /// Whether what stands here belongs to the scanned text, not to an action or module inside it.
    fn is_own(&self) -> bool {
        self.depth == 0 && self.module_depth == 0
    }

    fn inner(&mut self, action: &'a ast::Action) {
        self.depth += 1;
        for param in &action.params {
            self.optional(param.default.as_ref());
        }
        self.optional(action.limit.as_ref());
        for (_, args) in &action.modifiers {
            self.each(args);
        }
        self.stmts(&action.body.stmts);
        self.depth -= 1;
    }

    fn stmts(&mut self, stmts: &'a [Stmt]) {
        for stmt in stmts {
            self.stmt(stmt);
        }
    }

    fn nested(&mut self, block: &'a ast::Block) {
        self.blocks += 1;
        self.stmts(&block.stmts);
        self.blocks -= 1;
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match &stmt.kind {
            StmtKind::Let { target, value, .. } => {
                self.optional(value.as_ref());
                match target {
                    LetTarget::Name(name) => self.bind(name.symbol, Binding::Plain),
                    LetTarget::Map(names) => names.iter().for_each(|(_, name)| self.bind(name.symbol, Binding::Plain)),
                    LetTarget::List(names, rest) => {
                        names.iter().chain(rest).for_each(|name| self.bind(name.symbol, Binding::Plain));
                    }
                }
            }
            StmtKind::LetFile(name, value) => {
                self.expr(value);
                self.bind(name.symbol, Binding::Plain);
            }
            StmtKind::Assign { target, value, .. } => {
                if let ExprKind::Name(symbol) = target.kind {
                    if self.is_own() {
                        self.assigned.push(symbol);
                    } else {
                        self.assigned_inside.insert(symbol);
                    }
                }
                self.expr(target);
                self.expr(value);
            }
            StmtKind::Expr(value) | StmtKind::Debug(value) | StmtKind::Throw(value) => self.expr(value),
            StmtKind::Print(values) | StmtKind::Verify(values) => self.each(values),
            StmtKind::If(arms, other) => {
                for arm in arms {
                    self.expr(&arm.test);
                    self.nested(&arm.body);
                }
                if let Some(block) = other {
                    self.nested(block);
                }
            }
            StmtKind::While(test, body) => {
                self.expr(test);
                self.nested(body);
            }
            StmtKind::ForEach { first, second, iterable, body } => {
                self.expr(iterable);
                for name in std::iter::once(first).chain(second) {
                    self.bind(name.symbol, Binding::Plain);
                }
                self.nested(body);
            }
            StmtKind::For { init, test, step, body } => {
                self.blocks += 1;
                for stmt in init.iter().chain(step) {
                    self.stmt(stmt);
                }
                self.optional(test.as_ref());
                self.blocks -= 1;
                self.nested(body);
            }
            StmtKind::Return(value) => self.optional(value.as_ref()),
            StmtKind::Try { body, catch, finally } => {
                self.nested(body);
                if let Some((name, handler)) = catch {
                    if let Some(name) = name {
                        self.bind(name.symbol, Binding::Plain);
                    }
                    self.nested(handler);
                }
                if let Some(block) = finally {
                    self.nested(block);
                }
            }
            StmtKind::Defer(block) => {
                self.has_defer |= self.depth == 0;
                self.nested(block);
            }
            StmtKind::Block(block) => self.nested(block),
            StmtKind::Pattern(matching) => self.matching(matching),
            StmtKind::Action(action) => {
                if let Some(name) = &action.name {
                    self.bind_hoisted(name.symbol);
                }
                self.inner(action);
            }
            StmtKind::Entity(record) => self.record(record),
            StmtKind::Enum(name, _) => self.bind_hoisted(name.symbol),
            StmtKind::Contract(contract) => self.contract(contract),
            StmtKind::ExportDecl(stmt) => {
                if self.is_own() {
                    let exports = &mut self.exports;
                    super::stmt::declared_names(stmt, |name| exports.push(name));
                }
                self.stmt(stmt);
            }
            StmtKind::ExportNames(names) => {
                if self.is_own() {
                    self.exports.extend(names);
                }
            }
            StmtKind::Use(import) | StmtKind::ExportUse(import) => {
                if self.is_own() {
                    self.uses.push((import, matches!(stmt.kind, StmtKind::ExportUse(_))));
                }
            }
            StmtKind::Module(name, body) => self.module(*name, body),
            StmtKind::Protocol(name, actions) => {
                if self.module_depth == 0 {
                    self.protocols.push((name.symbol, actions));
                }
                if self.is_own() {
                    self.silent.push(name.symbol);
                }
            }
            StmtKind::TypeAlias(name) | StmtKind::Event(name) => {
                if self.is_own() {
                    self.silent.push(name.symbol);
                }
            }
            StmtKind::Emit(_, EmitArgs::Positional(args)) => self.each(args),
            StmtKind::Emit(_, EmitArgs::Named(args)) => self.entries(args),
            // Without names and expressions.
            StmtKind::Gc | StmtKind::Break | StmtKind::Continue | StmtKind::Error => {}
        }
    }

    /// A declaration that is bound from the beginning of its block.
    fn bind_hoisted(&mut self, symbol: Symbol) {
        self.bind(symbol, if self.blocks == 0 { Binding::Action } else { Binding::InnerAction });
    }

    fn record(&mut self, record: &'a ast::Entity) {
        self.bind_hoisted(record.name.symbol);
        self.optional(record.extends.as_ref());
        self.depth += 1;
        self.each(record.fields.iter().filter_map(|field| field.value.as_ref()));
        for method in &record.methods {
            self.inner(method);
        }
        self.depth -= 1;
    }

    /// What its text assigns and mentions may be names of the text around it; what it binds is its own. Its `defer`
    /// belongs to the action around it.
    fn module(&mut self, name: Ident, body: &'a ast::Block) {
        self.bind(name.symbol, Binding::Plain);
        if self.is_own() {
            self.modules.push((name, body));
        }
        self.module_depth += 1;
        self.nested(body);
        self.module_depth -= 1;
    }

    fn contract(&mut self, contract: &'a ast::Contract) {
        let binding = if self.blocks == 0 { Binding::Contract } else { Binding::Plain };
        self.bind(contract.name.symbol, binding);
        if self.is_own() {
            self.contracts.push((contract, self.blocks == 0));
        }
        self.optional(contract.extends.as_ref());
        self.depth += 1;
        self.each(contract.fields.iter().filter_map(|field| field.value.as_ref()));
        for action in contract.actions.iter().chain(&contract.modifiers) {
            self.inner(action);
        }
        self.depth -= 1;
    }

    fn matching(&mut self, matching: &'a ast::Match) {
        self.has_match |= self.depth == 0;
        self.expr(&matching.subject);
        for arm in &matching.arms {
            for pattern in &arm.patterns {
                self.pattern(pattern);
            }
            self.optional(arm.guard.as_ref());
            match &arm.body {
                ArmBody::Expr(value) => self.expr(value),
                ArmBody::Block(block) => self.nested(block),
            }
        }
    }

    fn pattern(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::Wildcard(_) => {}
            Pattern::Bind(name) => self.bind(name.symbol, Binding::Plain),
            Pattern::Value(value) => self.expr(value),
            Pattern::List(items, rest, _) => {
                for item in items {
                    self.pattern(item);
                }
                if let Some(Some(name)) = rest {
                    self.bind(name.symbol, Binding::Plain);
                }
            }
            Pattern::Map(entries, _) => {
                for (key, value) in entries {
                    if let MapKey::Computed(key) = key {
                        self.expr(key);
                    }
                    self.pattern(value);
                }
            }
            Pattern::Type(_, fields, _) => fields.iter().for_each(|(_, value)| self.pattern(value)),
        }
    }

    fn optional(&mut self, expr: Option<&'a Expr>) {
        self.each(expr);
    }

    fn each(&mut self, exprs: impl IntoIterator<Item = &'a Expr>) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn entries(&mut self, entries: &'a [(MapKey, Expr)]) {
        for (key, value) in entries {
            if let MapKey::Computed(key) = key {
                self.expr(key);
            }
            self.expr(value);
        }
    }

    fn expr(&mut self, expr: &'a Expr) {
        super::with_stack(|| self.expr_kind(expr));
    }

    fn expr_kind(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Name(symbol) => {
                if self.depth > 0 {
                    self.mentioned_inside.insert(*symbol);
                }
            }
            ExprKind::Interpolated(parts) => {
                for part in parts {
                    if let Part::Expr(value) = part {
                        self.expr(value);
                    }
                }
            }
            ExprKind::List(items) | ExprKind::Print(items) => self.each(items),
            ExprKind::Map(entries) => self.entries(entries),
            ExprKind::EntityLiteral(head, fields) => {
                self.expr(head);
                self.each(fields.iter().map(|(_, value)| value));
            }
            ExprKind::Unary(_, _, value) => self.expr(value),
            ExprKind::Binary(_, _, sides) | ExprKind::Logical(_, _, sides) | ExprKind::Range(sides) => {
                self.expr(&sides.0);
                self.expr(&sides.1);
            }
            ExprKind::Conditional(test, yes, no) => {
                self.expr(test);
                self.expr(yes);
                self.expr(no);
            }
            ExprKind::Call { callee, args, .. } => {
                self.expr(callee);
                self.each(args);
            }
            ExprKind::Index { parts, .. } => {
                self.expr(&parts.0);
                self.expr(&parts.1);
            }
            ExprKind::Slice { object, low, high, .. } => {
                self.expr(object);
                self.optional(low.as_deref());
                self.optional(high.as_deref());
            }
            ExprKind::Member { object, .. } => self.expr(object),
            ExprKind::Lambda(action) => self.inner(action),
            ExprKind::Match(matching) => self.matching(matching),
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::BigInt(_)
            | ExprKind::Float(_)
            | ExprKind::Str(_)
            | ExprKind::Bytes(_) => {}
            ExprKind::This | ExprKind::Super => {
                if self.depth > 0 {
                    self.mentioned_inside.insert(THIS);
                }
            }
        }
    }
}
