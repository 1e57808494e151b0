//! A tree as an s-expression.

use std::fmt::Write as _;

use crate::syntax::Interner;
use crate::syntax::ast::{
    Action, ActionKind, ArmBody, BinaryOp, Block, Contract, EmitArgs, Entity, Expr, ExprKind, Field, Ident, LetTarget,
    LogicalOp, MapKey, Match, Part, Pattern, Stmt, StmtKind, Symbol, UnaryOp, Use,
};

pub(super) struct Printer<'a> {
    pub(super) interner: &'a Interner,
}

impl Printer<'_> {
    pub(super) fn stmts(&self, stmts: &[Stmt]) -> String {
        join(stmts, "; ", |stmt| self.stmt(stmt))
    }

    fn symbol(&self, symbol: Symbol) -> String {
        self.interner.resolve(symbol).to_owned()
    }

    fn id(&self, ident: &Ident) -> String {
        self.symbol(ident.symbol)
    }

    fn ids(&self, idents: &[Ident]) -> String {
        join(idents, " ", |ident| self.id(ident))
    }

    fn block(&self, block: &Block) -> String {
        format!("{{{}}}", self.stmts(&block.stmts))
    }

    fn stmt(&self, stmt: &Stmt) -> String {
        match &stmt.kind {
            StmtKind::Let { target, value, constant } => {
                let word = if *constant { "const" } else { "let" };
                format!("({word} {}{})", self.target(target), self.optional(value.as_ref()))
            }
            StmtKind::LetFile(name, path) => {
                format!("(let-file {} {})", self.id(name), self.expr(path))
            }
            StmtKind::Assign { target, op, value, .. } => {
                let op = op.map_or("", binary);
                format!("({op}= {} {})", self.expr(target), self.expr(value))
            }
            StmtKind::Expr(expr) => self.expr(expr),
            StmtKind::Print(args) => format!("(print{})", self.list(args)),
            StmtKind::Debug(expr) => format!("(debug {})", self.expr(expr)),
            StmtKind::Verify(args) => format!("(verify{})", self.list(args)),
            StmtKind::Gc => "(gc)".to_owned(),
            StmtKind::If(arms, other) => {
                let arms = join(arms, " ", |arm| format!("{} {}", self.expr(&arm.test), self.block(&arm.body)));
                let other = other.as_ref().map_or(String::new(), |block| format!(" else {}", self.block(block)));
                format!("(if {arms}{other})")
            }
            StmtKind::While(test, body) => {
                format!("(while {} {})", self.expr(test), self.block(body))
            }
            StmtKind::ForEach { first, second, iterable, body } => {
                let second = second.as_ref().map_or(String::new(), |name| format!(" {}", self.id(name)));
                format!("(each {}{second} in {} {})", self.id(first), self.expr(iterable), self.block(body))
            }
            StmtKind::For { init, test, step, body } => {
                let part = |stmt: &Option<Box<Stmt>>| stmt.as_ref().map_or("-".to_owned(), |stmt| self.stmt(stmt));
                let test = test.as_ref().map_or("-".to_owned(), |test| self.expr(test));
                format!("(for {} {test} {} {})", part(init), part(step), self.block(body))
            }
            StmtKind::Break => "break".to_owned(),
            StmtKind::Continue => "continue".to_owned(),
            StmtKind::Return(value) => format!("(return{})", self.optional(value.as_ref())),
            StmtKind::Throw(value) => format!("(throw {})", self.expr(value)),
            StmtKind::Try { body, catch, finally } => {
                let catch = catch.as_ref().map_or(String::new(), |(name, block)| {
                    let name = name.as_ref().map_or(String::new(), |name| format!("{} ", self.id(name)));
                    format!(" catch {name}{}", self.block(block))
                });
                let finally = finally.as_ref().map_or(String::new(), |block| format!(" finally {}", self.block(block)));
                format!("(try {}{catch}{finally})", self.block(body))
            }
            StmtKind::Defer(block) => format!("(defer {})", self.block(block)),
            StmtKind::Block(block) => self.block(block),
            StmtKind::Pattern(found) => format!("(pattern {})", self.arms(found)),
            StmtKind::Action(action) => self.action(action),
            StmtKind::Contract(contract) => self.contract(contract),
            StmtKind::Entity(entity) => self.entity(entity),
            StmtKind::Enum(name, members) => {
                let members = join(members, " ", |(name, value)| match value {
                    Some(value) => format!("{}={}", self.id(name), self.expr(value)),
                    None => self.id(name),
                });
                format!("(enum {} {members})", self.id(name))
            }
            StmtKind::Protocol(name, actions) => {
                let actions = join(actions, " ", |(name, count)| format!("{}/{count}", self.id(name)));
                format!("(protocol {} {actions})", self.id(name))
            }
            StmtKind::Module(name, body) => {
                format!("(module {} {})", self.id(name), self.block(body))
            }
            StmtKind::TypeAlias(name) => format!("(type {})", self.id(name)),
            StmtKind::Use(import) => format!("(use {})", self.import(import)),
            StmtKind::ExportDecl(stmt) => format!("(export {})", self.stmt(stmt)),
            StmtKind::ExportNames(names) => format!("(export {})", self.ids(names)),
            StmtKind::ExportUse(import) => format!("(export-use {})", self.import(import)),
            StmtKind::Emit(name, args) => match args {
                EmitArgs::Positional(args) => {
                    format!("(emit {}{})", self.id(name), self.list(args))
                }
                EmitArgs::Named(entries) => {
                    format!("(emit {} {})", self.id(name), self.entries(entries))
                }
            },
            StmtKind::Event(name) => format!("(event {})", self.id(name)),
            StmtKind::Error => "(error)".to_owned(),
        }
    }

    fn import(&self, import: &Use) -> String {
        let alias = import.alias.as_ref().map_or(String::new(), |name| format!(" as {}", self.id(name)));
        let names = import.names.as_ref().map_or(String::new(), |names| {
            format!(" {{{}}}", join(names, " ", |(name, local)| format!("{}:{}", self.id(name), self.id(local))))
        });
        format!("{:?}{alias}{names}", import.path)
    }

    fn target(&self, target: &LetTarget) -> String {
        match target {
            LetTarget::Name(name) => self.id(name),
            LetTarget::Map(names) => {
                format!("{{{}}}", join(names, " ", |(key, local)| format!("{}:{}", self.id(key), self.id(local))))
            }
            LetTarget::List(names, rest) => {
                let rest = rest.as_ref().map_or(String::new(), |rest| format!(" ...{}", self.id(rest)));
                format!("[{}{rest}]", self.ids(names))
            }
        }
    }

    fn action(&self, action: &Action) -> String {
        let word = match action.kind {
            ActionKind::Named => "action",
            ActionKind::Lambda => "lambda",
            ActionKind::External => "external",
        };
        let name = action.name.as_ref().map_or(String::new(), |name| format!(" {}", self.id(name)));
        let params = join(&action.params, " ", |param| match &param.default {
            Some(default) => format!("{}={}", self.id(&param.name), self.expr(default)),
            None => self.id(&param.name),
        });
        let mut words = String::new();
        if action.private {
            words += " private";
        }
        if action.view {
            words += " view";
        }
        if let Some(limit) = &action.limit {
            let _ = write!(words, " limit {}", self.expr(limit));
        }
        for (name, args) in &action.modifiers {
            let _ = write!(words, " modifier {}({})", self.id(name), self.list(args).trim_start());
        }
        format!("({word}{name} [{params}]{words} {})", self.block(&action.body))
    }

    fn field(&self, field: &Field) -> String {
        let mut words = String::new();
        for (set, word) in [(field.private, "private "), (field.persistent, "persistent "), (field.constant, "const ")]
        {
            words += if set { word } else { "" };
        }
        let kind = field.type_name.as_ref().map_or(String::new(), |name| format!(":{name}"));
        format!("({words}{}{kind}{})", self.id(&field.name), self.optional(field.value.as_ref()))
    }

    fn contract(&self, contract: &Contract) -> String {
        let mut text = format!("(contract {}", self.id(&contract.name));
        if let Some(base) = &contract.extends {
            let _ = write!(text, " extends {}", self.expr(base));
        }
        if !contract.implements.is_empty() {
            let _ = write!(text, " implements{}", self.list(&contract.implements));
        }
        for field in &contract.fields {
            let _ = write!(text, " {}", self.field(field));
        }
        for (name, params) in &contract.events {
            let _ = write!(text, " (event {} [{}])", self.id(name), self.ids(params));
        }
        for modifier in &contract.modifiers {
            let _ = write!(text, " (modifier {})", self.action(modifier));
        }
        for action in &contract.actions {
            let _ = write!(text, " {}", self.action(action));
        }
        text + ")"
    }

    fn entity(&self, entity: &Entity) -> String {
        let word = if entity.immutable { "data" } else { "entity" };
        let mut text = format!("({word} {}", self.id(&entity.name));
        if let Some(base) = &entity.extends {
            let _ = write!(text, " extends {}", self.expr(base));
        }
        for field in &entity.fields {
            let _ = write!(text, " {}", self.field(field));
        }
        for action in &entity.methods {
            let _ = write!(text, " {}", self.action(action));
        }
        text + ")"
    }

    fn arms(&self, found: &Match) -> String {
        let arms = join(&found.arms, ", ", |arm| {
            let patterns = join(&arm.patterns, " | ", |pattern| self.pattern(pattern));
            let guard = arm.guard.as_ref().map_or(String::new(), |guard| format!(" if {}", self.expr(guard)));
            let body = match &arm.body {
                ArmBody::Expr(expr) => self.expr(expr),
                ArmBody::Block(block) => self.block(block),
            };
            format!("{patterns}{guard} => {body}")
        });
        format!("{} {{{arms}}}", self.expr(&found.subject))
    }

    fn pattern(&self, pattern: &Pattern) -> String {
        match pattern {
            Pattern::Wildcard(_) => "_".to_owned(),
            Pattern::Bind(name) => format!("?{}", self.id(name)),
            Pattern::Value(value) => self.expr(value),
            Pattern::List(items, rest, _) => {
                let items = join(items, " ", |item| self.pattern(item));
                let rest = rest.as_ref().map_or(String::new(), |rest| {
                    format!(" ...{}", rest.as_ref().map_or(String::new(), |name| self.id(name)))
                });
                format!("[{items}{rest}]")
            }
            Pattern::Map(entries, _) => {
                format!("{{{}}}", join(entries, " ", |(key, item)| format!("{}:{}", self.key(key), self.pattern(item))))
            }
            Pattern::Type(name, fields, _) => {
                let fields = join(fields, " ", |(name, item)| match name {
                    Some(name) => format!("{}:{}", self.id(name), self.pattern(item)),
                    None => self.pattern(item),
                });
                format!("({} of {fields})", self.expr(name))
            }
        }
    }

    fn key(&self, key: &MapKey) -> String {
        match key {
            MapKey::Name(name, _) => name.to_string(),
            MapKey::Computed(expr) => format!("[{}]", self.expr(expr)),
        }
    }

    fn entries(&self, entries: &[(MapKey, Expr)]) -> String {
        format!("{{{}}}", join(entries, " ", |(key, value)| format!("{}:{}", self.key(key), self.expr(value))))
    }

    fn optional(&self, expr: Option<&Expr>) -> String {
        expr.map_or(String::new(), |expr| format!(" {}", self.expr(expr)))
    }

    fn list(&self, exprs: &[Expr]) -> String {
        join(exprs, "", |expr| format!(" {}", self.expr(expr)))
    }

    fn expr(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Null => "null".to_owned(),
            ExprKind::Bool(value) => value.to_string(),
            ExprKind::Int(value) => value.to_string(),
            ExprKind::BigInt(digits) => format!("big:{digits}"),
            ExprKind::Float(value) => format!("{value:?}"),
            ExprKind::Str(text) => format!("{text:?}"),
            ExprKind::Bytes(bytes) => format!("b{bytes:?}"),
            ExprKind::Interpolated(parts) => {
                let parts = join(parts, "", |part| match part {
                    Part::Text(text) => format!(" {text:?}"),
                    Part::Expr(expr) => format!(" {}", self.expr(expr)),
                });
                format!("(text{parts})")
            }
            ExprKind::Name(name) => self.symbol(*name),
            ExprKind::This => "this".to_owned(),
            ExprKind::Super => "super".to_owned(),
            ExprKind::List(items) => format!("[{}]", self.list(items).trim_start()),
            ExprKind::Map(entries) => self.entries(entries),
            ExprKind::EntityLiteral(name, fields) => {
                let fields = join(fields, "", |(name, value)| format!(" {}:{}", self.id(name), self.expr(value)));
                format!("(new {}{fields})", self.expr(name))
            }
            ExprKind::Unary(op, _, operand) => format!("({} {})", unary(*op), self.expr(operand)),
            ExprKind::Binary(op, _, sides) => {
                format!("({} {} {})", binary(*op), self.expr(&sides.0), self.expr(&sides.1))
            }
            ExprKind::Logical(op, _, sides) => {
                let op = match op {
                    LogicalOp::And => "&&",
                    LogicalOp::Or => "||",
                    LogicalOp::Coalesce => "??",
                };
                format!("({op} {} {})", self.expr(&sides.0), self.expr(&sides.1))
            }
            ExprKind::Conditional(test, yes, no) => {
                format!("(? {} {} {})", self.expr(test), self.expr(yes), self.expr(no))
            }
            ExprKind::Range(ends) => format!("(.. {} {})", self.expr(&ends.0), self.expr(&ends.1)),
            ExprKind::Call { callee, args, optional } => {
                format!("({}{}{})", if *optional { "?call " } else { "call " }, self.expr(callee), self.list(args))
            }
            ExprKind::Index { parts, optional } => {
                format!("({} {} {})", if *optional { "?at" } else { "at" }, self.expr(&parts.0), self.expr(&parts.1))
            }
            ExprKind::Slice { object, low, high, optional } => {
                let bound = |bound: &Option<Box<Expr>>| bound.as_ref().map_or("-".to_owned(), |expr| self.expr(expr));
                let word = if *optional { "?slice" } else { "slice" };
                format!("({word} {} {} {})", self.expr(object), bound(low), bound(high))
            }
            ExprKind::Member { object, name, optional } => {
                format!("{}{}{}", self.expr(object), if *optional { "?." } else { "." }, self.id(name))
            }
            ExprKind::Lambda(action) => self.action(action),
            ExprKind::Match(found) => format!("(match {})", self.arms(found)),
            ExprKind::Print(args) => format!("(print!{})", self.list(args)),
        }
    }
}

fn join<T>(items: &[T], separator: &str, text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(separator)
}

fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Negate => "-",
        UnaryOp::Not => "!",
        UnaryOp::BitNot => "~",
        UnaryOp::Await => "await",
        UnaryOp::Spawn => "spawn",
    }
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "**",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Gt => ">",
        BinaryOp::Le => "<=",
        BinaryOp::Ge => ">=",
        BinaryOp::In => "in",
        BinaryOp::NotIn => "not-in",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
    }
}
