//! Contracts: their shape is announced before anything is lowered, so that every place of the file can bind to it.

use crate::runtime::info::{ActionInfo, ClassId, ClassInfo, ClassKind, FieldZero, Symbol};
use crate::syntax::Diagnostic;
use crate::syntax::ast::{self, Ident};

use super::call::is_fresh;
use super::cost;
use super::hir::{Block, Place, Stmt, StmtKind};
use super::prescan::Scan;
use super::scope::Resolver;

impl<'a> Resolver<'a> {
    /// Makes a contract known by its fields and actions.
    pub(super) fn announce_class(&mut self, contract: &'a ast::Contract) {
        let class = ClassId(self.classes.len() as u32);
        self.class_of.insert(contract.span.start, class);
        if let Some(base) = &contract.extends {
            self.unsupported("`extends`", base.span);
        }
        if let Some(protocol) = contract.implements.first() {
            self.unsupported("`implements`", protocol.span);
        }
        if let Some(modifier) = contract.modifiers.first() {
            self.unsupported("a modifier", modifier.span);
        }
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
            place: super::place(contract.name.span),
        };
        let mut seen = std::collections::HashSet::new();
        for field in &contract.fields {
            if !seen.insert(field.name.symbol) {
                self.twice("field", field.name);
            }
            info.fields.push(Symbol(field.name.symbol.0));
            info.zeros.push(zero(field.type_name.as_deref()));
            info.private_fields.push(field.private);
        }
        if info.fields.len() > usize::from(u16::MAX) {
            self.report(Diagnostic::new("this contract has too many fields", contract.name.span));
        }
        seen.clear();
        for name in contract.actions.iter().filter_map(|action| action.name.as_ref()) {
            if !seen.insert(name.symbol) {
                self.twice("action", *name);
            }
            let id = self.new_action();
            info.actions.push((Symbol(name.symbol.0), id));
        }
        let named = |text| self.interner.get(text).and_then(|symbol| info.action(Symbol(symbol.0)));
        info.constructor = named("init").or_else(|| named("constructor"));
        self.constant_fields.push(contract.fields.iter().map(|field| field.constant).collect());
        self.classes.push(info);
    }

    fn twice(&mut self, what: &str, name: Ident) {
        let message = format!("{what} '{}' is declared twice in this contract", self.name(name.symbol));
        self.report(Diagnostic::new(message, name.span));
    }

    /// Lowers a contract's initialisers and actions.
    pub(super) fn contract(&mut self, contract: &'a ast::Contract, class: ClassId) {
        self.initialiser(contract, class);
        let named = contract.actions.iter().filter(|action| action.name.is_some());
        for (index, action) in named.enumerate() {
            let id = self.classes[class.0 as usize].actions[index].1;
            self.action(action, id, Some(class), true);
        }
    }

    /// The synthetic action that assigns the fields their first values, in order.
    fn initialiser(&mut self, contract: &'a ast::Contract, class: ClassId) {
        let info = &self.classes[class.0 as usize];
        let id = info.initialiser;
        let shape = ActionInfo { name: Some(info.name), place: info.place, ..super::blank_action() };
        let scan = Scan::exprs(contract.fields.iter().filter_map(|field| field.value.as_ref()));
        self.enter(id, Some(class), &[], &scan, false, None);
        let gas = self.function().gas.open(contract.name.span);
        let mut stmts = Vec::new();
        for (index, field) in contract.fields.iter().enumerate() {
            if let Some(value) = &field.value {
                self.function().gas.charge(cost::STATEMENT);
                let value = self.whole(value);
                let fresh = is_fresh(&value);
                let place = Place::Field(index as u16);
                stmts.push(Stmt { kind: StmtKind::Assign { place, value, fresh }, span: field.name.span });
            }
        }
        self.leave(shape, None, Vec::new(), Block { gas, stmts });
    }
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
