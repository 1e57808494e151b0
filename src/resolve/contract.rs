//! Contracts: their shape is announced before anything is lowered, so that every place of the file can bind to it.
//! A contract that extends another has the other's fields at the other's indexes, so that inherited code, which is
//! lowered once, where it stands, finds them there.

use std::collections::HashSet;

use crate::runtime::info::{ActionInfo, ClassId, ClassInfo, ClassKind, FieldZero, Symbol};
use crate::runtime::names;
use crate::syntax::ast::{self, Ident};
use crate::syntax::{Diagnostic, THIS, diagnostic::nearest};
use crate::value::Value;

use super::call::is_fresh;
use super::cost;
use super::expr::Held;
use super::hir::{Block, Callee, ClassValue, Expr, ExprKind, IfArm, Place, Stmt, StmtKind};
use super::name::Meaning;
use super::namespace::NamespaceId;
use super::prescan::Scan;
use super::scope::{GlobalKind, Resolver};
use super::sequence::not;

/// What the resolver keeps of a contract beside its [`ClassInfo`].
#[derive(Clone, Debug)]
pub(super) struct ContractText<'a> {
    /// The declaration.
    pub(super) contract: &'a ast::Contract,
    /// How many actions stand around it.
    pub(super) depth: usize,
    /// By field index: whether it is a constant.
    pub(super) constants: Vec<bool>,
    /// The file and the module that it stands in.
    pub(super) home: (usize, NamespaceId),
    progress: Progress,
}

/// How far a contract's shape is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Its own part.
    Own,
    /// Its base is being looked at.
    Underway,
    /// With what it inherits.
    Whole,
}

/// A contract that a text declares under a name that nothing else there binds.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownContract {
    pub(super) symbol: ast::Symbol,
    pub(super) class: ClassId,
    /// Whether it stands in the text's outermost block, so that the name always means it.
    pub(super) outermost: bool,
    /// Whether its code may capture variables of the actions around it: then the name is a variable like any other.
    pub(super) captures: bool,
}

impl<'a> Resolver<'a> {
    /// Gives the contracts that a text declares their ids; gives those whose name means nothing else there.
    pub(super) fn announce_contracts(&mut self, scan: &Scan<'a>) -> Vec<KnownContract> {
        let mut known = Vec::new();
        for &(contract, outermost) in &scan.contracts {
            let class = self.announce_class(contract);
            let symbol = contract.name.symbol;
            if scan.binds_once(symbol) {
                known.push(KnownContract { symbol, class, outermost, captures: false });
            }
        }
        if self.functions.iter().any(|function| !function.is_top) {
            self.find_capturing(scan, &mut known);
        }
        known
    }

    /// Decides which of the contracts that an action declares may capture variables: those that mention one of the
    /// actions around them, or a contract that does. It looks at names alone, so it may say so of one that captures none.
    fn find_capturing(&mut self, scan: &Scan<'a>, known: &mut [KnownContract]) {
        let mut open: Vec<_> = scan.contracts.iter().map(|(contract, _)| (*contract, mentions(contract))).collect();
        loop {
            let before = open.len();
            open.retain(|(contract, mentions)| {
                let captures = mentions.iter().any(|symbol| self.is_captured(*symbol, known));
                if captures && let Some(class) = self.class_of.get(&contract.span.start).copied() {
                    self.classes[class.0 as usize].has_environment = true;
                    known.iter_mut().filter(|known| known.class == class).for_each(|known| known.captures = true);
                }
                !captures
            });
            if open.len() == before {
                return;
            }
        }
    }

    /// Whether the innermost variable of that name around a contract of the action just entered needs a capture.
    fn is_captured(&self, symbol: ast::Symbol, known: &[KnownContract]) -> bool {
        let here = self.functions.len() - 1;
        let Some((owner, _)) = self.owner(here, symbol) else { return false };
        let contract = if owner == here {
            known.iter().copied().find(|known| known.symbol == symbol)
        } else {
            self.functions[owner].contract(symbol)
        };
        contract.is_none_or(|contract| contract.captures)
    }

    /// Finds the bases of announced contracts, and completes their shapes.
    pub(super) fn complete_contracts(&mut self, scan: &Scan<'a>) {
        for (contract, _) in &scan.contracts {
            if let Some(class) = self.class_of.get(&contract.span.start).copied() {
                self.complete_class(class);
            }
        }
    }

    /// The same for all that have been announced so far: outermost contracts may extend those of any module of their
    /// file.
    pub(super) fn complete_announced(&mut self) {
        for class in 0..self.classes.len() as u32 {
            if self.contract_texts.contains_key(&class) {
                self.complete_class(ClassId(class));
            }
        }
    }

    /// How many of the contracts that this one extends, directly or not, capture variables: their values are made first.
    pub(super) fn capturing_bases(&self, class: ClassId) -> u32 {
        let bases = std::iter::successors(self.classes[class.0 as usize].base, |at| self.classes[at.0 as usize].base);
        bases.filter(|base| self.classes[base.0 as usize].has_environment).count() as u32
    }

    /// What is kept of a contract.
    pub(super) fn text_of(&self, class: ClassId) -> &ContractText<'a> {
        self.contract_texts.get(&class.0).expect("an announced contract has its text")
    }

    fn text_of_mut(&mut self, class: ClassId) -> &mut ContractText<'a> {
        self.contract_texts.get_mut(&class.0).expect("an announced contract has its text")
    }

    /// The action just entered is a contract's own: what stands around the contract is out of its reach.
    pub(super) fn enter_member(&mut self, class: ClassId) {
        let depth = self.text_of(class).depth;
        let captures = self.classes[class.0 as usize].has_environment;
        let function = self.function();
        (function.member_depth, function.record, function.shares_closure) = (Some(depth), None, captures);
    }

    /// Makes a contract known by its own fields and actions.
    fn announce_class(&mut self, contract: &'a ast::Contract) -> ClassId {
        let class = ClassId(self.classes.len() as u32);
        self.class_of.insert(contract.span.start, class);
        let initialiser = self.new_action();
        let mut info = ClassInfo {
            name: Symbol(contract.name.symbol.0),
            kind: ClassKind::Contract,
            base: None,
            defaults: Vec::new(),
            fixed_fields: Vec::new(),
            has_environment: false,
            fields: Vec::new(),
            zeros: Vec::new(),
            private_fields: Vec::new(),
            actions: Vec::new(),
            constructor: None,
            initialiser,
            initialisers: vec![initialiser],
            place: super::place(contract.name.span),
        };
        let mut seen = HashSet::new();
        for field in &contract.fields {
            if !seen.insert(field.name.symbol) {
                self.twice("field", field.name);
            }
            info.fields.push(Symbol(field.name.symbol.0));
            info.zeros.push(zero(field.type_name.as_deref()));
            info.private_fields.push(field.private.then_some(class));
        }
        seen.clear();
        for name in contract.actions.iter().filter_map(|action| action.name.as_ref()) {
            if !seen.insert(name.symbol) {
                self.twice("action", *name);
            }
            let id = self.new_action();
            info.actions.push((Symbol(name.symbol.0), id));
        }
        seen.clear();
        for name in contract.modifiers.iter().filter_map(|modifier| modifier.name.as_ref()) {
            if !seen.insert(name.symbol) {
                self.twice("modifier", *name);
            }
        }
        let named = |text| self.interner.get(text).and_then(|symbol| info.action(Symbol(symbol.0)));
        info.constructor = named("init").or_else(|| named("constructor"));
        let constants = contract.fields.iter().map(|field| field.constant).collect();
        let (depth, home) = (self.functions.len(), (self.file, self.here));
        self.contract_texts.insert(class.0, ContractText { contract, depth, constants, home, progress: Progress::Own });
        self.classes.push(info);
        class
    }

    fn twice(&mut self, what: &str, name: Ident) {
        let message = format!("{what} '{}' is declared twice in this contract", self.name(name.symbol));
        self.report(Diagnostic::new(message, name.span));
    }

    // ---- bases ----

    /// Adds what a contract inherits.
    fn complete_class(&mut self, class: ClassId) {
        if self.text_of(class).progress == Progress::Own {
            super::with_stack(|| self.at_home(class, |resolver| resolver.complete(class)));
        }
    }

    fn complete(&mut self, class: ClassId) {
        let index = class.0 as usize;
        self.text_of_mut(class).progress = Progress::Underway;
        let contract = self.text_of(class).contract;
        if let Some(written) = &contract.extends
            && let Some(base) = self.base_class(written)
        {
            self.complete_class(base);
            if self.text_of(base).progress == Progress::Underway {
                let message = format!("contract {} extends itself", self.name(contract.name.symbol));
                self.report(Diagnostic::new(message, written.span));
            } else {
                self.inherit(class, base);
            }
        }
        self.text_of_mut(class).progress = Progress::Whole;
        if self.classes[index].fields.len() > usize::from(u16::MAX) {
            self.report(Diagnostic::new("this contract has too many fields", contract.name.span));
        }
        for protocol in &contract.implements {
            self.check_protocol(class, protocol);
        }
    }

    /// The contract that `extends` names.
    fn base_class(&mut self, written: &'a ast::Expr) -> Option<ClassId> {
        if let Some(class) = self.class_named(written) {
            return Some(class);
        }
        let ast::ExprKind::Name(symbol) = &written.kind else {
            let message = match &written.kind {
                ast::ExprKind::Member { .. } => "there is no such contract of a module to extend here",
                _ => "`extends` needs the name of a contract",
            };
            self.report(Diagnostic::new(message, written.span));
            return None;
        };
        let name = self.name(*symbol);
        let mut diagnostic = Diagnostic::new(format!("there is no contract '{name}' to extend here"), written.span);
        let known = self.classes.iter().map(|info| &*self.symbols[info.name.0 as usize]);
        if let Some(near) = nearest(name, known.filter(|other| *other != name)) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic);
        None
    }

    /// The contract that an expression certainly means, wherever in its block that is declared.
    pub(super) fn class_named(&self, written: &ast::Expr) -> Option<ClassId> {
        let ast::ExprKind::Name(symbol) = &written.kind else { return self.outermost_contract(written) };
        let around = self.functions.len().checked_sub(1);
        if let Some((owner, _)) = around.and_then(|here| self.owner(here, *symbol)) {
            return self.functions[owner].contract(*symbol).map(|known| known.class);
        }
        self.known_contract(*symbol).or_else(|| self.outermost_contract(written))
    }

    /// A contract takes over what its base has: its own comes first.
    fn inherit(&mut self, class: ClassId, base: ClassId) {
        let (of_base, constants_of_base) =
            (self.classes[base.0 as usize].clone(), self.text_of(base).constants.clone());
        let own_constants = std::mem::replace(&mut self.text_of_mut(class).constants, constants_of_base.clone());
        let info = &mut self.classes[class.0 as usize];
        let own = std::mem::replace(info, of_base.clone());
        let mut constants = constants_of_base;
        for (index, &name) in own.fields.iter().enumerate() {
            if let Some(at) = of_base.field(name).map(usize::from) {
                info.zeros[at] = own.zeros[index];
                info.private_fields[at] = own.private_fields[index];
                constants[at] = own_constants[index];
            } else {
                info.fields.push(name);
                info.zeros.push(own.zeros[index]);
                info.private_fields.push(own.private_fields[index]);
                constants.push(own_constants[index]);
            }
        }
        let replaced = of_base.actions.iter().filter(|(name, _)| own.action(*name).is_some());
        self.overridden.extend(replaced.map(|(_, action)| action.0));
        let inherited = of_base.actions.iter().filter(|(name, _)| own.action(*name).is_none());
        info.actions = own.actions.iter().chain(inherited).copied().collect();
        info.name = own.name;
        info.has_environment = own.has_environment;
        info.initialiser = own.initialiser;
        info.base = Some(base);
        info.constructor = own.constructor.or(of_base.constructor);
        info.initialisers.extend(&own.initialisers);
        info.place = own.place;
        self.text_of_mut(class).constants = constants;
    }

    // ---- protocols ----

    /// `implements P`: every action that the protocol names must be there, to be called with as many arguments.
    fn check_protocol(&mut self, class: ClassId, written: &'a ast::Expr) {
        let (ast::ExprKind::Name(symbol) | ast::ExprKind::Member { name: Ident { symbol, .. }, .. }) = &written.kind
        else {
            return self.report(Diagnostic::new("`implements` needs the name of a protocol", written.span));
        };
        let Some(actions) = self.protocol(written) else {
            let name = self.name(*symbol);
            let mut diagnostic = Diagnostic::new(format!("there is no protocol '{name}'"), written.span);
            let mut known: Vec<&str> = self.protocols().map(|symbol| self.name(symbol)).collect();
            known.sort_unstable();
            if let Some(near) = nearest(name, known.into_iter()) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            return self.report(diagnostic);
        };
        let problems: Vec<String> = actions.iter().filter_map(|wanted| self.unmet(class, wanted)).collect();
        if !problems.is_empty() {
            let own = &*self.symbols[self.classes[class.0 as usize].name.0 as usize];
            let message = format!("contract {own} does not implement {}: {}", self.name(*symbol), problems.join(", "));
            self.report(Diagnostic::new(message, written.span));
        }
    }

    /// What is wrong with a contract's action that a protocol names.
    fn unmet(&self, class: ClassId, (name, params): &(Ident, usize)) -> Option<String> {
        let text = self.name(name.symbol);
        let plural = if *params == 1 { "" } else { "s" };
        let Some(action) = self.action_text(class, name.symbol) else {
            return Some(format!("action '{text}' with {params} parameter{plural} is missing"));
        };
        if action.private {
            return Some(format!("action '{text}' is private"));
        }
        let own = action.params.len();
        (own < *params).then(|| format!("action '{text}' takes {own} of {params} parameter{plural}"))
    }

    /// The text of a contract's action, own or inherited.
    fn action_text(&self, class: ClassId, name: ast::Symbol) -> Option<&'a ast::Action> {
        let mut at = Some(class);
        while let Some(class) = at {
            let named = |action: &&ast::Action| action.name.is_some_and(|own| own.symbol == name);
            if let Some(action) = self.text_of(class).contract.actions.iter().find(named) {
                return Some(action);
            }
            at = self.classes[class.0 as usize].base;
        }
        None
    }

    // ---- lowering ----

    /// Lowers a contract; gives what binds its name. The code of one that captures variables shares one closure, which
    /// each of its instances holds.
    pub(super) fn contract(&mut self, contract: &'a ast::Contract, class: ClassId) -> ExprKind {
        if !self.classes[class.0 as usize].has_environment {
            self.members(contract, class);
            return ExprKind::Const(Value::class(class.0));
        }
        self.enter_declaration();
        self.members(contract, class);
        let (captures, _) = self.leave_declaration();
        let info = &self.classes[class.0 as usize];
        let action = info.initialiser;
        let own = contract.actions.iter().filter(|action| action.name.is_some()).count();
        let own: Vec<_> = info.actions[..own].iter().map(|(_, action)| *action).collect();
        for action in own {
            if let Some((_, info)) = &mut self.actions[action.0 as usize] {
                info.captures = true;
            }
        }
        let base = self.classes[class.0 as usize].base;
        let base = base.filter(|base| self.classes[base.0 as usize].has_environment);
        let base = base.and(contract.extends.as_ref()).map(|base| self.whole(base));
        let gas = self.function().gas.cut(contract.name.span);
        ExprKind::Class(Box::new(ClassValue { action, captures, base, gas }))
    }

    /// Lowers a contract's initialisers and actions.
    fn members(&mut self, contract: &'a ast::Contract, class: ClassId) {
        self.initialiser(contract, class);
        let named = contract.actions.iter().filter(|action| action.name.is_some());
        for (index, action) in named.enumerate() {
            let id = self.classes[class.0 as usize].actions[index].1;
            self.action(action, id, Some(class), true);
        }
        self.check_modifiers(contract);
    }

    /// The synthetic action that assigns the fields their first values, in order.
    fn initialiser(&mut self, contract: &'a ast::Contract, class: ClassId) {
        let info = &self.classes[class.0 as usize];
        let id = info.initialiser;
        let replaces = info.base.is_some();
        let shape = ActionInfo { name: Some(info.name), place: info.place, ..super::blank_action() };
        let scan = Scan::exprs(contract.fields.iter().filter_map(|field| field.value.as_ref()));
        self.enter(id, Some(class), &[], &scan, false, None);
        self.enter_member(class);
        self.function().no_return = true;
        let gas = self.function().gas.open(contract.name.span);
        let mut stmts = Vec::new();
        for field in &contract.fields {
            let index = self.classes[class.0 as usize].field(Symbol(field.name.symbol.0));
            let place = Place::Field(index.expect("the contract has its fields"));
            if field.value.is_none() && !replaces && !field.persistent {
                continue;
            }
            self.in_sequence(&mut stmts, |resolver, stmts| {
                let span = field.name.span;
                if field.persistent {
                    return resolver.kept_field(field, place, replaces, stmts);
                }
                let value = resolver.first_value(field);
                let fresh = is_fresh(&value);
                stmts.push(Stmt { kind: StmtKind::Assign { place, value, fresh }, span });
            });
        }
        self.leave(shape, None, Vec::new(), Block { gas, stmts });
    }

    /// What a field is assigned first; without a value in the text, what the base put there goes.
    fn first_value(&mut self, field: &'a ast::Field) -> Expr {
        let Some(value) = &field.value else {
            return Expr { kind: self.zero_value(field), span: field.name.span, runs_code: false };
        };
        self.function().gas.charge(cost::STATEMENT);
        self.whole(value)
    }

    /// `if !contract.restore(index) { field = value }`: the value that was kept, or the first one.
    fn kept_field(&mut self, field: &'a ast::Field, place: Place, replaces: bool, out: &mut Vec<Stmt>) {
        let span = field.name.span;
        let Place::Field(index) = place else { unreachable!("a contract's field") };
        let builtin = names::builtin_id("contract.restore").expect("the table has it");
        self.function().gas.charge(cost::STATEMENT);
        let args = vec![Expr { kind: ExprKind::Const(Value::int(i64::from(index))), span, runs_code: false }];
        let restored = self.finish_call(Callee::Builtin(builtin), args, &Held::one(), span, span);
        self.needed(0);
        if field.value.is_none() && !replaces {
            return out.push(Stmt { kind: StmtKind::Expr(restored), span });
        }
        let gas = self.function().gas.open(span);
        let (mut stmts, value) = self.apart(|resolver| resolver.first_value(field));
        let fresh = is_fresh(&value);
        stmts.push(Stmt { kind: StmtKind::Assign { place, value, fresh }, span });
        let arm = IfArm { gas: None, test: not(restored), body: Block { gas, stmts } };
        out.push(Stmt { kind: StmtKind::If(vec![arm], None), span });
        out.push(Stmt { kind: StmtKind::Gas(self.function().gas.cut(span)), span });
    }

    /// The starting value of a field by its type, as an expression.
    fn zero_value(&mut self, field: &ast::Field) -> ExprKind {
        let span = field.name.span;
        match zero(field.type_name.as_deref()) {
            FieldZero::Null => ExprKind::Const(Value::NULL),
            FieldZero::Int => ExprKind::Const(Value::int(0)),
            FieldZero::Float => ExprKind::Const(Value::float(0.0)),
            FieldZero::Bool => ExprKind::Const(Value::FALSE),
            FieldZero::Str => ExprKind::Const(self.constants.string("")),
            FieldZero::List => ExprKind::List(Vec::new(), self.function().gas.cut(span)),
            FieldZero::Map => ExprKind::Map(Vec::new(), self.function().gas.cut(span)),
        }
    }
}

impl Resolver<'_> {
    /// The contract of a local name, if that is what the name certainly means here.
    pub(super) fn local_contract(&self, symbol: ast::Symbol) -> Option<Meaning> {
        let (owner, crossed) = self.owner(self.functions.len() - 1, symbol)?;
        let known = self.functions[owner].contract(symbol)?;
        (!known.captures && (known.outermost || crossed)).then_some(Meaning::Class(known.class))
    }

    /// The action of the base of the contract whose code this is.
    pub(super) fn super_action(&mut self, name: Ident) -> Option<crate::runtime::info::ActionId> {
        let Some(class) = self.class() else {
            self.report(Diagnostic::new("`super` outside a contract", name.span));
            return None;
        };
        let info = &self.classes[class.0 as usize];
        let text = |symbol: Symbol| &*self.symbols[symbol.0 as usize];
        let Some(base) = info.base else {
            let message = format!("contract {} extends no other: there is no `super`", text(info.name));
            self.report(Diagnostic::new(message, name.span));
            return None;
        };
        let base = &self.classes[base.0 as usize];
        let wanted = self.name(name.symbol);
        let constructor = base.constructor.filter(|_| matches!(wanted, "init" | "constructor"));
        if let Some(action) = base.action(Symbol(name.symbol.0)).or(constructor) {
            return Some(action);
        }
        let message = format!("contract {} has no action '{wanted}'", text(base.name));
        let mut diagnostic = Diagnostic::new(message, name.span);
        if let Some(near) = nearest(wanted, base.actions.iter().map(|(symbol, _)| text(*symbol))) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic);
        None
    }

    /// The contract that a name in front of `{` means.
    pub(super) fn literal_class(&mut self, head: &ast::Expr) -> Option<ClassId> {
        match self.fixed_meaning(head)? {
            Meaning::Global(_, GlobalKind::Class(class), _) | Meaning::Class(class) => Some(class),
            _ => None,
        }
    }
}

/// The names that a contract's text mentions beside its own fields and the parameters of its actions.
fn mentions(contract: &ast::Contract) -> HashSet<ast::Symbol> {
    let mut found = Scan::mentions(contract.fields.iter().filter_map(|field| field.value.as_ref()));
    for action in contract.actions.iter().chain(&contract.modifiers) {
        let mut inside = Scan::mentions_of_body(action);
        action.params.iter().for_each(|param| {
            inside.remove(&param.name.symbol);
        });
        found.extend(inside);
        found.extend(Scan::mentions(action.params.iter().filter_map(|param| param.default.as_ref())));
    }
    contract.fields.iter().for_each(|field| {
        found.remove(&field.name.symbol);
    });
    found.extend(contract.extends.iter().filter_map(|base| match base.kind {
        ast::ExprKind::Name(symbol) => Some(symbol),
        _ => None,
    }));
    found.remove(&THIS);
    found
}

/// What a field of this type holds at first.
fn zero(type_name: Option<&str>) -> FieldZero {
    let Some(name) = type_name else { return FieldZero::Null };
    match name.to_ascii_lowercase().as_str() {
        "int" | "integer" | "number" | "uint" | "uint256" | "int256" | "u64" | "i64" | "u128" | "u256" => {
            FieldZero::Int
        }
        "float" | "double" | "decimal" => FieldZero::Float,
        "string" | "str" | "text" => FieldZero::Str,
        "bool" | "boolean" => FieldZero::Bool,
        "list" | "array" => FieldZero::List,
        "map" | "dict" => FieldZero::Map,
        _ => FieldZero::Null,
    }
}
