//! Modifiers. A modifier is lowered into each action that uses it, before the body: it sees the action's parameters
//! and has names of its own beside them; the names of its contract, and those around that, mean what they mean where
//! it is declared. Its `return` ends the modifier alone; its `defer` runs when the action ends.

use std::collections::HashMap;

use crate::runtime::info::ClassId;
use crate::syntax::ast::{self, Ident};
use crate::syntax::{Diagnostic, diagnostic::nearest};
use crate::value::Value;

use super::cost;
use super::hir::{Block, Expr, ExprKind, Stmt, StmtKind};
use super::prescan::{Binding, Scan};
use super::scope::{Local, Resolver};

/// A modifier on an action.
#[derive(Debug)]
pub(super) struct UsedModifier<'a> {
    /// Its declaration.
    modifier: &'a ast::Action,
    /// The contract that declares it.
    owner: ClassId,
    /// Its name where it is used.
    name: Ident,
    /// Its arguments.
    args: &'a [ast::Expr],
    /// What its text binds.
    scan: Scan<'a>,
}

impl<'a> Resolver<'a> {
    /// The modifiers that an action uses, in order. Reports those that do not exist.
    pub(super) fn used_modifiers(
        &mut self,
        action: &'a ast::Action,
        class: Option<ClassId>,
        scan: &mut Scan<'a>,
    ) -> Vec<UsedModifier<'a>> {
        let mut used = Vec::new();
        for (name, args) in &action.modifiers {
            let Some((owner, modifier)) = self.modifier(*name, class) else { continue };
            let of_modifier = Scan::action(modifier);
            // A parameter that a lambda in the modifier mentions stands in a cell.
            scan.mentioned_inside.extend(&of_modifier.mentioned_inside);
            scan.has_defer |= of_modifier.has_defer;
            scan.has_match |= of_modifier.has_match;
            if args.len() > modifier.params.len() {
                let takes = modifier.params.len();
                let plural = if takes == 1 { "" } else { "s" };
                let message = format!(
                    "modifier '{}' takes {takes} argument{plural}, {} given",
                    self.name(name.symbol),
                    args.len()
                );
                self.report(Diagnostic::new(message, name.span));
            }
            used.push(UsedModifier { modifier, owner, name: *name, args, scan: of_modifier });
        }
        used
    }

    /// The modifier of that name, own or inherited, and the contract that declares it.
    fn modifier(&mut self, name: Ident, class: Option<ClassId>) -> Option<(ClassId, &'a ast::Action)> {
        let wanted = self.name(name.symbol);
        if class.is_none() {
            let message = format!("modifier '{wanted}' on an action that belongs to no contract");
            self.report(Diagnostic::new(message, name.span));
            return None;
        }
        let mut known = Vec::new();
        let mut at = class;
        while let Some(class) = at {
            for modifier in &self.text_of(class).contract.modifiers {
                let Some(own) = modifier.name else { continue };
                if own.symbol == name.symbol {
                    return Some((class, modifier));
                }
                known.push(self.name(own.symbol));
            }
            at = self.classes[class.0 as usize].base;
        }
        let mut diagnostic = Diagnostic::new(format!("there is no modifier '{wanted}'"), name.span);
        if let Some(near) = nearest(wanted, known.into_iter()) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic);
        None
    }

    /// Reports what a modifier cannot contain, once where it is declared.
    pub(super) fn check_modifiers(&mut self, contract: &'a ast::Contract) {
        for modifier in &contract.modifiers {
            if let Some((other, _)) = modifier.modifiers.first() {
                self.report(Diagnostic::new("a modifier cannot have modifiers of its own", other.span));
            }
            if let Some(limit) = &modifier.limit {
                self.report(Diagnostic::new("a modifier has no `limit`: put it on the action", limit.span));
            }
            if let Some((inner, _)) = Scan::action(modifier).contracts.first() {
                self.report(Diagnostic::new("a contract cannot be declared in a modifier", inner.name.span));
            }
        }
    }

    /// Lowers the modifiers of an action, whose parameters are bound, as its first statements.
    pub(super) fn modifiers(&mut self, used: &[UsedModifier<'a>], params: &'a [ast::Param], out: &mut Vec<Stmt>) {
        for used in used {
            self.lower_modifier(used, params, out);
        }
    }

    fn lower_modifier(&mut self, used: &UsedModifier<'a>, params: &'a [ast::Param], out: &mut Vec<Stmt>) {
        self.function().gas.charge(cost::STATEMENT);
        let inside = self.at_home(used.owner, |resolver| resolver.modifier_names(used, params));
        for (param, arg) in used.modifier.params.iter().zip(used.args) {
            let place = inside[&param.name.symbol].place();
            self.in_sequence(out, |resolver, out| {
                let value = resolver.whole(arg);
                resolver.settled(place);
                out.push(Stmt { kind: StmtKind::Assign { place, value, fresh: false }, span: arg.span });
            });
        }
        let depth = Some(self.text_of(used.owner).depth);
        let function = self.function();
        let names = std::mem::replace(&mut function.names, inside);
        let class = function.class.replace(used.owner);
        let member_depth = std::mem::replace(&mut function.member_depth, depth);
        let block = self.at_home(used.owner, |resolver| resolver.modifier_block(used));
        let function = self.function();
        (function.names, function.class, function.member_depth) = (names, class, member_depth);
        out.push(Stmt { kind: StmtKind::Modifier(block), span: used.name.span });
        out.push(Stmt { kind: StmtKind::Gas(self.function().gas.cut(used.name.span)), span: used.name.span });
    }

    /// Lowers text of a contract where the outermost names are those of the file that declares it.
    pub(super) fn at_home<R>(&mut self, owner: ClassId, lower: impl FnOnce(&mut Self) -> R) -> R {
        let home = self.text_of(owner).home;
        let before = (self.file, self.here);
        (self.file, self.here) = home;
        let result = lower(self);
        (self.file, self.here) = before;
        result
    }

    /// Defaults of parameters without an argument, then the body.
    fn modifier_block(&mut self, used: &UsedModifier<'a>) -> Block {
        let gas = self.function().gas.open(used.modifier.body.span);
        let mark = self.function().definite.mark();
        let mut stmts = Vec::new();
        for (index, param) in used.modifier.params.iter().enumerate() {
            let (mut before, value) = self.apart(|resolver| match &param.default {
                _ if index < used.args.len() => None,
                Some(default) => Some(resolver.whole(default)),
                None => Some(Expr { kind: ExprKind::Const(Value::NULL), span: used.name.span, runs_code: false }),
            });
            stmts.append(&mut before);
            let place = self.bind(param.name);
            self.settled(place);
            if let Some(value) = value {
                out_assign(&mut stmts, place, value);
            }
        }
        stmts.extend(self.stmts(&used.modifier.body.stmts));
        self.function().definite.restore(mark);
        Block { gas, stmts }
    }

    /// The names that a modifier's text sees: the action's parameters, and its own, in slots of their own.
    fn modifier_names(&mut self, used: &UsedModifier<'a>, params: &'a [ast::Param]) -> HashMap<ast::Symbol, Local> {
        let scan = &used.scan;
        let own = used.modifier.params.iter().map(|param| (param.name.symbol, false));
        let bound = scan
            .bound
            .iter()
            .map(|(symbol, binding)| (*symbol, matches!(binding, Binding::Action | Binding::InnerAction)));
        let function = self.function();
        let mut names: HashMap<ast::Symbol, Local> = params
            .iter()
            .filter_map(|param| function.names.get_key_value(&param.name.symbol))
            .map(|(k, v)| (*k, *v))
            .collect();
        let mut made = HashMap::new();
        for (symbol, visible) in own.chain(bound) {
            let is_param_of_action =
                names.contains_key(&symbol) && !used.modifier.params.iter().any(|p| p.name.symbol == symbol);
            if is_param_of_action {
                continue;
            }
            let local =
                made.entry(symbol).or_insert_with(|| function.own_local(scan.mentioned_inside.contains(&symbol)));
            local.visible |= visible;
        }
        names.extend(made);
        for symbol in &scan.assigned {
            if !names.contains_key(symbol) && !self.is_outer_of_contract(*symbol, used.owner) {
                let visible = !self.is_outermost(*symbol);
                let mut local = self.function().own_local(scan.mentioned_inside.contains(symbol));
                local.visible = visible;
                names.insert(*symbol, local);
            }
        }
        names
    }
}

fn out_assign(stmts: &mut Vec<Stmt>, place: super::hir::Place, value: Expr) {
    let span = value.span;
    stmts.push(Stmt { kind: StmtKind::Assign { place, value, fresh: false }, span });
}
