//! Entities and data. The shapes of a block's declarations are announced before anything in it is lowered, bases
//! before what extends them. Methods and defaults are actions whose first parameter is `this`; those of a declaration
//! inside an action share one closure, which every value of it carries as its environment.

use crate::runtime::info::{ActionId, ActionInfo, ClassId, ClassInfo, ClassKind, FieldDefault, Symbol};
use crate::syntax::ast::{self, Ident, Span};
use crate::syntax::diagnostic::nearest;
use crate::syntax::{Diagnostic, THIS};
use crate::value::Value;

use super::call::is_fresh;
use super::cost;
use super::expr::Held;
use super::hir::{Block, Callee, ClassValue, Expr, ExprKind, Stmt, StmtKind};
use super::prescan::Scan;
use super::scope::{GlobalKind, Resolver};

/// The entity and data declarations among statements.
pub(super) fn records_of(stmts: &[ast::Stmt]) -> Vec<&ast::Entity> {
    let record = |stmt| match &super::stmt::bare(stmt).kind {
        ast::StmtKind::Entity(entity) => Some(&**entity),
        _ => None,
    };
    stmts.iter().filter_map(record).collect()
}

impl<'a> Resolver<'a> {
    /// Makes the entities and data of one block known by their fields and methods.
    pub(super) fn announce_records(&mut self, records: &[&'a ast::Entity]) {
        self.class_scopes.push(Vec::new());
        let mut visiting = Vec::new();
        for at in 0..records.len() {
            self.announce_record(records, at, &mut visiting);
        }
    }

    /// The same for outermost declarations, but for those that extend a member of a module, and what extends these:
    /// they come with [`Self::announce_rest`], when the modules of the text are known.
    pub(super) fn announce_records_apart(&mut self, records: &[&'a ast::Entity]) {
        self.class_scopes.push(Vec::new());
        let mut visiting = Vec::new();
        for at in 0..records.len() {
            if !waits_for_module(records, at) {
                self.announce_record(records, at, &mut visiting);
            }
        }
    }

    /// The declarations that [`Self::announce_records_apart`] left.
    pub(super) fn announce_rest(&mut self, records: &[&'a ast::Entity]) {
        let mut visiting = Vec::new();
        for at in 0..records.len() {
            self.announce_record(records, at, &mut visiting);
        }
    }

    /// Announces one of a block's declarations, what it extends first.
    fn announce_record(&mut self, records: &[&'a ast::Entity], at: usize, visiting: &mut Vec<usize>) {
        let record = records[at];
        if self.class_of.contains_key(&record.span.start) {
            return;
        }
        visiting.push(at);
        let base = record.extends.as_ref().and_then(|base| self.base(base, records, at, visiting));
        visiting.pop();
        let base = base.filter(|(base, span)| self.may_extend(record, *base, *span)).map(|(base, _)| base);
        let class = self.new_record(record, base);
        if let Some(scope) = self.class_scopes.last_mut() {
            scope.push((record.name.symbol, class));
        }
    }

    /// What `extends` names: a declaration of the same block, or of one around it.
    fn base(
        &mut self,
        base: &'a ast::Expr,
        records: &[&'a ast::Entity],
        at: usize,
        visiting: &mut Vec<usize>,
    ) -> Option<(ClassId, Span)> {
        let ast::ExprKind::Name(symbol) = base.kind else {
            let found = self.imported_class(base);
            if found.is_none() {
                self.report(Diagnostic::new("there is no such entity of a module to extend here", base.span));
            }
            return found.map(|class| (class, base.span));
        };
        // Of several with one name it is the first, which is the one that is bound when the block is entered.
        let beside = records.iter().position(|other| other.name.symbol == symbol);
        if let Some(other) = beside.filter(|other| *other != at) {
            if visiting.contains(&other) {
                let message = format!("'{}' extends itself", self.name(records[at].name.symbol));
                self.report(Diagnostic::new(message, base.span));
                return None;
            }
            super::with_stack(|| self.announce_record(records, other, visiting));
            return self.class_of.get(&records[other].span.start).map(|class| (*class, base.span));
        }
        let scopes = self.class_scopes.iter().rev().flatten();
        let found = scopes.clone().find(|(name, _)| *name == symbol).map(|(_, class)| *class);
        let found = found.or_else(|| self.imported_class(base));
        if found.is_none() {
            let wanted = self.name(symbol);
            let beside = records.iter().map(|other| other.name.symbol);
            let near = nearest(wanted, scopes.map(|(name, _)| *name).chain(beside).map(|name| self.name(name)));
            let mut diagnostic = Diagnostic::new(format!("there is no entity '{wanted}' to extend"), base.span);
            if let Some(near) = near {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            self.report(diagnostic);
        }
        found.map(|class| (class, base.span))
    }

    /// An entity or data declaration that another file exports.
    fn imported_class(&self, base: &ast::Expr) -> Option<ClassId> {
        match self.outermost(base)?.kind {
            GlobalKind::Class(class) => Some(class),
            _ => None,
        }
    }

    /// An entity extends an entity, data extends data.
    fn may_extend(&mut self, record: &ast::Entity, base: ClassId, span: Span) -> bool {
        let kind = kind_of(record);
        let base = &self.classes[base.0 as usize];
        if base.kind == kind {
            return true;
        }
        let base_name = &self.symbols[base.name.0 as usize];
        let own = self.interner.resolve(record.name.symbol);
        let message = format!("{} {own} cannot extend {} {base_name}", kind.word(), base.kind.word());
        self.report(Diagnostic::new(message, span));
        false
    }

    /// The shape: what is inherited first, then what is new.
    fn new_record(&mut self, record: &'a ast::Entity, base: Option<ClassId>) -> ClassId {
        let class = ClassId(self.classes.len() as u32);
        self.class_of.insert(record.span.start, class);
        let initialiser = self.new_action();
        let mut info = self.inherited(record, base, initialiser);
        let mut seen = std::collections::HashSet::new();
        for field in &record.fields {
            if !seen.insert(field.name.symbol) {
                self.declared_twice("field", field.name, kind_of(record));
                continue;
            }
            let default = match &field.value {
                None => FieldDefault::None,
                Some(value) => match self.literal(value) {
                    Some(constant) => FieldDefault::Constant(constant),
                    None => FieldDefault::Action(self.new_action()),
                },
            };
            let fixed = record.immutable || field.constant;
            let symbol = Symbol(field.name.symbol.0);
            match info.field(symbol).map(usize::from) {
                Some(at) => (info.defaults[at], info.fixed_fields[at]) = (default, fixed),
                None => {
                    info.fields.push(symbol);
                    info.defaults.push(default);
                    info.fixed_fields.push(fixed);
                }
            }
        }
        if info.fields.len() > usize::from(u16::MAX) {
            let message = format!("this {} has too many fields", info.kind.word());
            self.report(Diagnostic::new(message, record.name.span));
        }
        seen.clear();
        let mut own = Vec::new();
        for name in record.methods.iter().filter_map(|method| method.name) {
            if !seen.insert(name.symbol) {
                self.declared_twice("method", name, info.kind);
            }
            own.push((Symbol(name.symbol.0), self.new_action()));
        }
        info.actions.retain(|(name, _)| !own.iter().any(|(own, _)| own == name));
        info.actions.splice(0..0, own);
        self.classes.push(info);
        if self.functions.last().is_some_and(|function| !function.is_top) {
            let captures = base.is_some_and(|base| self.holds_environment(base)) || self.may_capture(record);
            self.not_lowered.insert(class.0, captures);
        }
        class
    }

    /// Whether the methods of a declaration mention variables of the actions around it, or what belongs to the contract
    /// around. It looks at names alone, so it may say so of one that captures none.
    fn may_capture(&self, record: &ast::Entity) -> bool {
        let mut mentions = Scan::mentions(record.fields.iter().filter_map(|field| field.value.as_ref()));
        for method in &record.methods {
            mentions.extend(Scan::mentions_of_body(method));
            mentions.extend(Scan::mentions(method.params.iter().filter_map(|param| param.default.as_ref())));
        }
        mentions.remove(&THIS);
        let of_contract = |symbol: &ast::Symbol| {
            let info = self.class().map(|class| &self.classes[class.0 as usize]);
            let name = Symbol(symbol.0);
            info.is_some_and(|info| info.field(name).is_some() || info.action(name).is_some())
        };
        mentions.iter().any(|symbol| self.owner(self.functions.len() - 1, *symbol).is_some() || of_contract(symbol))
    }

    /// Whether values of a class hold captured variables; of one that is lowered later, whether they may.
    fn holds_environment(&self, class: ClassId) -> bool {
        self.classes[class.0 as usize].has_environment || self.not_lowered.get(&class.0) == Some(&true)
    }

    /// The shape of a declaration before its own fields and methods.
    fn inherited(&self, record: &ast::Entity, base: Option<ClassId>, initialiser: ActionId) -> ClassInfo {
        let blank = ClassInfo {
            name: Symbol(record.name.symbol.0),
            kind: kind_of(record),
            base,
            fields: Vec::new(),
            defaults: Vec::new(),
            fixed_fields: Vec::new(),
            has_environment: false,
            zeros: Vec::new(),
            private_fields: Vec::new(),
            actions: Vec::new(),
            constructor: None,
            initialiser,
            initialisers: Vec::new(),
            place: super::place(record.name.span),
        };
        let Some(base) = base.map(|base| &self.classes[base.0 as usize]) else { return blank };
        ClassInfo {
            fields: base.fields.clone(),
            defaults: base.defaults.clone(),
            fixed_fields: base.fixed_fields.clone(),
            actions: base.actions.clone(),
            ..blank
        }
    }

    fn declared_twice(&mut self, what: &str, name: Ident, kind: ClassKind) {
        let message = format!("{what} '{}' is declared twice in this {}", self.name(name.symbol), kind.word());
        self.report(Diagnostic::new(message, name.span));
    }

    /// The value of a plain literal.
    fn literal(&mut self, expr: &ast::Expr) -> Option<Value> {
        match &expr.kind {
            ast::ExprKind::Null => Some(Value::NULL),
            ast::ExprKind::Bool(flag) => Some(Value::bool(*flag)),
            ast::ExprKind::Int(number) => Some(Value::int(*number)),
            ast::ExprKind::Float(number) => Some(Value::float(*number)),
            ast::ExprKind::Str(text) => Some(self.constants.string(text)),
            ast::ExprKind::Unary(ast::UnaryOp::Negate, _, number) => match number.kind {
                ast::ExprKind::Int(number) => number.checked_neg().map(Value::int),
                ast::ExprKind::Float(number) => Some(Value::float(-number)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Lowers a declaration's methods and defaults; gives what binds its name.
    pub(super) fn record(&mut self, record: &'a ast::Entity) -> ExprKind {
        let class = self.class_of[&record.span.start];
        let around = self.class();
        self.enter_declaration();
        self.stand_in(class);
        for field in &record.fields {
            let info = &self.classes[class.0 as usize];
            let at = info.field(Symbol(field.name.symbol.0)).map(usize::from);
            if let (Some(FieldDefault::Action(id)), Some(value)) = (at.map(|at| info.defaults[at]), &field.value)
                && self.actions[id.0 as usize].is_none()
            {
                self.field_default(class, id, field.name, value);
            }
        }
        for (at, method) in record.methods.iter().filter(|method| method.name.is_some()).enumerate() {
            let id = self.classes[class.0 as usize].actions[at].1;
            self.action_of(method, id, around, Some(class), false);
        }
        let (captures, needs_instance) = self.leave_declaration();
        self.not_lowered.remove(&class.0);
        let base = self.classes[class.0 as usize].base;
        let base = base.filter(|base| self.holds_environment(*base));
        if captures.is_empty() && !needs_instance && base.is_none() {
            return ExprKind::Const(Value::class(class.0));
        }
        self.classes[class.0 as usize].has_environment = true;
        let base = base.and(record.extends.as_ref()).map(|base| self.whole(base));
        let action = self.classes[class.0 as usize].initialiser;
        let gas = self.function().gas.cut(record.name.span);
        ExprKind::Class(Box::new(ClassValue { action, captures, base, gas }))
    }

    /// The action that stands for the declaration in a closure.
    fn stand_in(&mut self, class: ClassId) {
        let info = &self.classes[class.0 as usize];
        let (id, name, place) = (info.initialiser, info.name, info.place);
        let shape = method_info(name, class, place);
        self.enter(id, self.class(), &[], &Scan::default(), false, Some(class));
        let gas = self.function().gas.open(Span::new(place.start, place.end));
        self.leave(shape, None, Vec::new(), Block { gas, stmts: Vec::new() });
    }

    /// The action that gives a field its default.
    fn field_default(&mut self, class: ClassId, id: ActionId, name: Ident, value: &'a ast::Expr) {
        let shape = method_info(Symbol(name.symbol.0), class, super::place(name.span));
        let scan = Scan::exprs(std::iter::once(value));
        self.enter(id, self.class(), &[], &scan, false, Some(class));
        let gas = self.function().gas.open(value.span);
        self.function().gas.charge(cost::STATEMENT);
        let span = value.span;
        self.function().no_return = true;
        let mut stmts = Vec::new();
        self.in_sequence(&mut stmts, |resolver, stmts| {
            let value = resolver.whole(value);
            let fresh = is_fresh(&value);
            stmts.push(Stmt { kind: StmtKind::Return(Some(value), fresh), span });
        });
        self.leave(shape, None, Vec::new(), Block { gas, stmts });
    }

    /// `this` of a method, read.
    pub(super) fn this_of_method(&mut self, span: Span) -> ExprKind {
        match self.local(THIS) {
            Some(meaning) => self.read(meaning, THIS, span),
            None => ExprKind::Const(Value::NULL),
        }
    }

    /// `super.name(args)` in a method: the base's method on the same value.
    pub(super) fn base_call(&mut self, class: ClassId, name: Ident, args: &'a [ast::Expr], span: Span) -> Expr {
        let mut held = Held::one();
        self.function().gas.charge(cost::EXPRESSION);
        let this = self.this_of_method(span);
        let mut values = vec![Expr { kind: this, span, runs_code: false }];
        values.extend(self.operands(args, &mut held));
        let action = self.base_method(class, name).unwrap_or(ActionId(0));
        let base = self.classes[class.0 as usize].base;
        if base.is_some_and(|base| self.holds_environment(base)) {
            // The method finds its captured variables by way of the value: it gets a name that no text can have.
            let symbol = self.hidden_method(class, action);
            let callee = Callee::Method(values.remove(0), symbol, false);
            return self.finish_call(callee, values, &held, span, span);
        }
        self.finish_call(Callee::Action(action), values, &held, span, span)
    }

    /// The name under which the values of a class, and of those that extend it, have a method of its base.
    fn hidden_method(&mut self, class: ClassId, action: ActionId) -> Symbol {
        let symbol = self.symbol_of_text(&format!("super {} {}", class.0, action.0));
        let heir = |info: &ClassInfo| {
            let mut base = info.base;
            while base.is_some_and(|base| base != class) {
                base = base.and_then(|base| self.classes[base.0 as usize].base);
            }
            base.is_some()
        };
        let heirs: Vec<usize> = (0..self.classes.len())
            .filter(|&at| {
                (at == class.0 as usize || heir(&self.classes[at])) && self.classes[at].action(symbol).is_none()
            })
            .collect();
        for at in heirs {
            self.classes[at].actions.push((symbol, action));
        }
        symbol
    }

    fn base_method(&mut self, class: ClassId, name: Ident) -> Option<ActionId> {
        let info = &self.classes[class.0 as usize];
        let Some(base) = info.base else {
            let message = format!("{} {} extends nothing", info.kind.word(), self.symbols[info.name.0 as usize]);
            self.report(Diagnostic::new(message, name.span));
            return None;
        };
        let base = &self.classes[base.0 as usize];
        let found = base.action(Symbol(name.symbol.0));
        if found.is_none() {
            let wanted = self.interner.resolve(name.symbol);
            let text = |symbol: &Symbol| &*self.symbols[symbol.0 as usize];
            let message = format!("{} {} has no method '{wanted}'", base.kind.word(), text(&base.name));
            let mut diagnostic = Diagnostic::new(message, name.span);
            if let Some(near) = nearest(wanted, base.actions.iter().map(|(symbol, _)| text(symbol))) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            self.report(diagnostic);
        }
        found
    }
}

/// Whether one of a block's declarations extends a member of a module, directly or not.
fn waits_for_module(records: &[&ast::Entity], at: usize) -> bool {
    let (mut at, mut steps) = (at, 0);
    loop {
        let symbol = match records[at].extends.as_ref().map(|base| &base.kind) {
            Some(ast::ExprKind::Name(symbol)) => *symbol,
            Some(_) => return true,
            None => return false,
        };
        let Some(base) = records.iter().position(|other| other.name.symbol == symbol) else { return false };
        steps += 1;
        if steps > records.len() {
            return false;
        }
        at = base;
    }
}

fn kind_of(record: &ast::Entity) -> ClassKind {
    if record.immutable { ClassKind::Data } else { ClassKind::Entity }
}

/// The shape of an action with `this` as its only parameter.
fn method_info(name: Symbol, class: ClassId, place: crate::runtime::info::Place) -> ActionInfo {
    ActionInfo {
        name: Some(name),
        params: vec![Symbol(THIS.0)],
        has_default: vec![false],
        method_of: Some(class),
        place,
        ..super::blank_action()
    }
}
