//! `match` and `pattern`: arms become tests and bindings on hidden slots.
//!
//! A pattern first tests, then binds: names get their values when the whole pattern has matched, before the guard. So
//! a pattern that matches in part, or an alternative before the one that matches, leaves no name changed. A guard that
//! fails leaves its arm's names bound, as any statement that has run.

use crate::runtime::info::{ClassId, PatternShape, Symbol};
use crate::syntax::ast::{self, ArmBody, Ident, MapKey, Pattern, Span};
use crate::syntax::{Diagnostic, diagnostic::nearest};
use crate::value::Value;

use super::cost;
use super::expr::Held;
use super::hir::{
    Alternative, BinaryOp, Block, Expr, ExprKind, GasId, Match, MatchArm, Place, Slot, Step, Stmt, StmtKind,
};
use super::scope::Resolver;
use super::sequence::{constant, local};
use super::stmt::never_ends;

/// The key of an element that a pattern looks at.
#[derive(Clone, Copy)]
enum Key {
    Constant(Value),
    Slot(Slot),
    Member(Symbol),
}

/// What a pattern looks at: a slot, or an element or member of what stands in it.
#[derive(Clone, Copy)]
struct Part {
    slot: Slot,
    key: Option<Key>,
}

impl Part {
    fn whole(slot: Slot) -> Part {
        Part { slot, key: None }
    }

    fn element(slot: Slot, key: Key) -> Part {
        Part { slot, key: Some(key) }
    }

    fn read(self, span: Span) -> Expr {
        let object = local(self.slot, span);
        let index = match self.key {
            None => return object,
            Some(Key::Member(name)) => {
                return Expr { kind: ExprKind::Member(Box::new(object), name), span, runs_code: false };
            }
            Some(Key::Constant(key)) => constant(key, span),
            Some(Key::Slot(key)) => local(key, span),
        };
        let kind = ExprKind::Index { object: Box::new(object), index: Box::new(index), optional: false };
        Expr { kind, span, runs_code: false }
    }
}

/// A name that a pattern binds.
#[derive(Clone, Copy)]
struct Bound {
    name: Ident,
    part: Part,
    /// For the rest of a list: how many elements come before it.
    rest: Option<usize>,
}

/// A pattern being lowered.
#[derive(Default)]
struct Lowering {
    steps: Vec<Step>,
    bound: Vec<Bound>,
}

impl Lowering {
    fn assign(&mut self, slot: Slot, value: Expr) {
        let span = value.span;
        let kind = StmtKind::Assign { place: Place::Local(slot), value, fresh: false };
        self.steps.push(Step::Do(Stmt { kind, span }));
    }

    fn fits(&mut self, slot: Slot, shape: PatternShape, span: Span) {
        self.steps.push(Step::Test(Expr { kind: ExprKind::Fits(slot, shape), span, runs_code: false }));
    }
}

impl<'a> Resolver<'a> {
    /// A match whose value is wanted: it runs before the statement being lowered.
    pub(super) fn match_value(&mut self, matching: &'a ast::Match, span: Span) -> Expr {
        self.function().gas.charge(cost::EXPRESSION);
        let result = self.hidden_slot();
        self.matching(matching, Some(result), span);
        local(result, span)
    }

    /// A match for its effect, put before the statement being lowered, which is itself.
    pub(super) fn match_statement(&mut self, matching: &'a ast::Match, span: Span) {
        self.matching(matching, None, span);
    }

    fn matching(&mut self, matching: &'a ast::Match, result: Option<Slot>, span: Span) {
        let value = self.expr(&matching.subject);
        let subject = self.put_in_slot(value);
        let before = self.function().gas.current();
        let mut cut = false;
        let mut arms = Vec::with_capacity(matching.arms.len());
        for (index, arm) in matching.arms.iter().enumerate() {
            let gas = (index > 0).then(|| self.function().gas.open(arm.span));
            let mark = self.function().definite.mark();
            let slots = self.function().slots_in_use();
            let cuts = self.function().gas.cuts();
            let patterns = self.alternatives(&arm.patterns, subject, gas);
            let guard = arm.guard.as_ref().map(|guard| self.guard(guard));
            cut |= self.function().gas.cuts() != cuts;
            let cuts = self.function().gas.cuts();
            let body = self.arm_body(&arm.body, result, arm.span);
            cut |= self.function().gas.cuts() != cuts && !never_ends(&body.stmts);
            self.function().release_to(slots);
            self.function().definite.restore(mark);
            arms.push(MatchArm { patterns, guard, body });
        }
        let certain = |arm: &ast::MatchArm| {
            let whole = |pattern: &Pattern| matches!(pattern, Pattern::Wildcard(_) | Pattern::Bind(_));
            arm.guard.is_none() && arm.patterns.iter().any(whole)
        };
        let no_match = (!matching.arms.iter().any(certain)).then_some(matching.subject.span);
        self.put_before(StmtKind::Match(Match { subject, arms, no_match }), span);
        if cut {
            let gas = self.function().gas.cut(span);
            self.put_before(StmtKind::Gas(gas), span);
        } else {
            self.function().gas.resume(before);
        }
    }

    fn alternatives(&mut self, patterns: &'a [Pattern], subject: Slot, mut gas: Option<GasId>) -> Vec<Alternative> {
        let mut lowered = Vec::with_capacity(patterns.len());
        let mut always: Option<Vec<Place>> = None;
        for (index, pattern) in patterns.iter().enumerate() {
            let cuts = self.function().gas.cuts();
            let (steps, places) = self.alternative(pattern, subject);
            let common = |place: &Place| always.as_ref().is_none_or(|always| always.contains(place));
            always = Some(places.iter().copied().filter(common).collect());
            lowered.push(Alternative { gas: gas.take(), steps });
            // What a cut charged need not have been reached: the next alternative has a block of its own.
            if self.function().gas.cuts() != cuts && index + 1 < patterns.len() {
                gas = Some(self.function().gas.open(pattern_span(&patterns[index + 1])));
            }
        }
        for place in always.into_iter().flatten() {
            self.settled(place);
        }
        lowered
    }

    /// The steps of one pattern, and what it binds.
    fn alternative(&mut self, pattern: &'a Pattern, subject: Slot) -> (Vec<Step>, Vec<Place>) {
        let mut lowering = Lowering::default();
        self.pattern(pattern, Part::whole(subject), &mut lowering);
        let Lowering { mut steps, bound } = lowering;
        let mut places = Vec::with_capacity(bound.len());
        for (index, Bound { name, part, rest }) in bound.iter().copied().enumerate() {
            if bound[..index].iter().any(|other| other.name.symbol == name.symbol) {
                let message = format!("'{}' is bound twice in this pattern", self.name(name.symbol));
                self.report(Diagnostic::new(message, name.span));
            }
            let value = match rest {
                None => part.read(name.span),
                Some(from) => self.rest_of(part.slot, from, name.span),
            };
            let place = self.bind(name);
            places.push(place);
            let kind = StmtKind::Assign { place, value, fresh: rest.is_some() };
            steps.push(Step::Do(Stmt { kind, span: name.span }));
        }
        (steps, places)
    }

    fn guard(&mut self, guard: &'a ast::Expr) -> (GasId, Vec<Step>) {
        let gas = self.function().gas.open(guard.span);
        let (before, test) = self.apart(|resolver| resolver.whole(guard));
        let mut steps: Vec<Step> = before.into_iter().map(Step::Do).collect();
        steps.push(Step::Test(test));
        (gas, steps)
    }

    fn arm_body(&mut self, body: &'a ArmBody, result: Option<Slot>, span: Span) -> Block {
        match (body, result) {
            (ArmBody::Expr(value), Some(result)) => {
                self.value_block(result, value.span, |resolver| resolver.expr(value))
            }
            (ArmBody::Expr(value), None) => {
                let gas = self.function().gas.open(value.span);
                let (mut stmts, value) = self.apart(|resolver| resolver.whole(value));
                let span = value.span;
                stmts.push(Stmt { kind: StmtKind::Expr(value), span });
                Block { gas, stmts }
            }
            (ArmBody::Block(block), result) => {
                let mut block = self.block(block);
                if let Some(result) = result.filter(|_| !never_ends(&block.stmts)) {
                    let value = constant(Value::NULL, span);
                    let kind = StmtKind::Assign { place: Place::Local(result), value, fresh: false };
                    block.stmts.push(Stmt { kind, span });
                }
                block
            }
        }
    }

    fn pattern(&mut self, pattern: &'a Pattern, part: Part, to: &mut Lowering) {
        super::with_stack(|| self.pattern_kind(pattern, part, to));
    }

    fn pattern_kind(&mut self, pattern: &'a Pattern, part: Part, to: &mut Lowering) {
        self.function().gas.charge(cost::EXPRESSION);
        match pattern {
            Pattern::Wildcard(_) => {}
            Pattern::Bind(name) => to.bound.push(Bound { name: *name, part, rest: None }),
            Pattern::Value(value) => self.value_pattern(value, part, to),
            Pattern::List(items, rest, span) => {
                let slot = self.part_slot(part, *span, to);
                let length = items.len() as u32;
                let shape = if rest.is_some() { PatternShape::ListFrom(length) } else { PatternShape::List(length) };
                to.fits(slot, shape, *span);
                for (index, item) in items.iter().enumerate() {
                    self.pattern(item, Part::element(slot, Key::Constant(Value::int(index as i64))), to);
                }
                if let Some(Some(name)) = rest {
                    to.bound.push(Bound { name: *name, part: Part::whole(slot), rest: Some(items.len()) });
                }
            }
            Pattern::Map(entries, span) => {
                let slot = self.part_slot(part, *span, to);
                to.fits(slot, PatternShape::Map, *span);
                for (key, value) in entries {
                    self.entry_pattern(slot, key, value, to);
                }
            }
            Pattern::Type(head, fields, span) => self.type_pattern(head, fields, *span, part, to),
        }
    }

    /// What the pattern looks inside of, in a slot.
    fn part_slot(&mut self, part: Part, span: Span, to: &mut Lowering) -> Slot {
        if part.key.is_none() {
            return part.slot;
        }
        let slot = self.hidden_slot();
        to.assign(slot, part.read(span));
        slot
    }

    /// `part == value`
    fn value_pattern(&mut self, value: &'a ast::Expr, part: Part, to: &mut Lowering) {
        let span = value.span;
        let mut held = Held::one();
        let mut left = part.read(span);
        if self.has_match(value) {
            let slot = self.hidden_slot();
            to.assign(slot, left);
            left = local(slot, span);
        }
        let (before, value) = self.apart(|resolver| resolver.operand(value, &mut held));
        to.steps.extend(before.into_iter().map(Step::Do));
        self.node(&held);
        self.needed(0);
        let runs_code = value.runs_code;
        let kind = ExprKind::Binary(BinaryOp::Eq, Box::new(left), Box::new(value));
        to.steps.push(Step::Test(Expr { kind, span, runs_code }));
    }

    /// One named key of a map: it must be there, and its value must match.
    fn entry_pattern(&mut self, map: Slot, key: &'a MapKey, value: &'a Pattern, to: &mut Lowering) {
        let (before, key) = self.apart(|resolver| {
            let mut held = Held::default();
            resolver.map_key(key, &mut held)
        });
        self.needed(1);
        to.steps.extend(before.into_iter().map(Step::Do));
        let span = key.span;
        let key = if let ExprKind::Const(key) = key.kind {
            Key::Constant(key)
        } else {
            let slot = self.hidden_slot();
            to.assign(slot, key);
            Key::Slot(slot)
        };
        let wanted = match key {
            Key::Slot(slot) => local(slot, span),
            Key::Constant(key) => constant(key, span),
            Key::Member(_) => unreachable!("a map has keys"),
        };
        let kind = ExprKind::Binary(BinaryOp::In, Box::new(wanted), Box::new(local(map, span)));
        to.steps.push(Step::Test(Expr { kind, span, runs_code: false }));
        self.pattern(value, Part::element(map, key), to);
    }

    /// `Circle(r)`, `Circle{r: x}`
    fn type_pattern(
        &mut self,
        head: &'a ast::Expr,
        fields: &'a [(Option<Ident>, Pattern)],
        span: Span,
        part: Part,
        to: &mut Lowering,
    ) {
        let slot = self.part_slot(part, span, to);
        let class = self.pattern_class(head);
        if let Some(class) = class {
            to.fits(slot, PatternShape::Class(class), span);
            self.check_field_count(class, fields, span);
        }
        for (index, (name, pattern)) in fields.iter().enumerate() {
            let field = class.and_then(|class| self.pattern_field(class, *name, index));
            // A mistake has been reported; the rest is checked all the same.
            let key = field.map_or(Key::Constant(Value::NULL), Key::Member);
            self.pattern(pattern, Part::element(slot, key), to);
        }
    }

    fn check_field_count(&mut self, class: ClassId, fields: &[(Option<Ident>, Pattern)], span: Span) {
        let info = &self.classes[class.0 as usize];
        let by_position = fields.iter().filter(|(name, _)| name.is_none()).count();
        if by_position > info.fields.len() {
            let (has, name) = (info.fields.len(), &self.symbols[info.name.0 as usize]);
            let plural = if has == 1 { "" } else { "s" };
            let message = format!("{name} has {has} field{plural}, this pattern names {by_position}");
            self.report(Diagnostic::new(message, span));
        }
    }

    fn pattern_field(&mut self, class: ClassId, name: Option<Ident>, index: usize) -> Option<Symbol> {
        let info = &self.classes[class.0 as usize];
        let Some(name) = name else { return info.fields.get(index).copied() };
        let symbol = Symbol(name.symbol.0);
        if info.field(symbol).is_none() {
            self.no_field(class, name);
            return None;
        }
        Some(symbol)
    }

    /// The class that a pattern names.
    fn pattern_class(&mut self, head: &'a ast::Expr) -> Option<ClassId> {
        if let Some(class) = self.literal_class(head) {
            return Some(class);
        }
        let ast::ExprKind::Name(symbol) = &head.kind else {
            self.report(Diagnostic::new("there is no such type of a module to match", head.span));
            return None;
        };
        if let Some(class) = self.class_named(head) {
            return Some(class);
        }
        // One that is declared in a block around.
        let around = self.class_scopes.iter().rev().flatten().find(|(name, _)| name == symbol);
        if let Some((_, class)) = around {
            return Some(*class);
        }
        let wanted = self.name(*symbol);
        let names = self.classes.iter().map(|class| &*self.symbols[class.name.0 as usize]);
        let near = nearest(wanted, names);
        let mut diagnostic = Diagnostic::new(format!("there is no type '{wanted}' to match"), head.span);
        if let Some(near) = near {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic);
        None
    }
}

fn pattern_span(pattern: &Pattern) -> Span {
    match pattern {
        Pattern::Wildcard(span) | Pattern::List(_, _, span) | Pattern::Map(_, span) | Pattern::Type(_, _, span) => {
            *span
        }
        Pattern::Bind(name) => name.span,
        Pattern::Value(value) => value.span,
    }
}
