//! The resolved tree as text, for tests and for `--explain`: one line a statement, gas blocks as `{id:cost}`.

use std::fmt::{Display, Write as _};

use crate::runtime::info::{ActionId, ProgramInfo, Symbol};
use crate::runtime::names;
use crate::value::{Tag, Value};

use super::hir::{
    ActionBody, BinaryOp, Block, Call, Callee, Capture, ClassValue, Expr, ExprKind, GasId, Match, Place, Slot, Step,
    Stmt, StmtKind, Tree, UnaryOp,
};

/// Every action of the program.
pub fn dump(tree: &Tree, info: &ProgramInfo) -> String {
    let mut text = String::new();
    for index in 0..tree.actions.len() {
        text.push_str(&dump_action(tree, info, ActionId(index as u32)));
    }
    text
}

/// One action.
pub fn dump_action(tree: &Tree, info: &ProgramInfo, action: ActionId) -> String {
    let body = &tree.actions[action.0 as usize];
    let shape = info.action(action);
    let mut dumper = Dumper { info, body, out: String::new(), depth: 0 };
    let name = shape.name.map_or("<lambda>", |name| info.name(name));
    let name = if action.0 == 0 { "<top>" } else { name };
    let params = shape.params.iter().map(|param| info.name(*param)).collect::<Vec<_>>().join(", ");
    let mut head = format!("action {} {name}({params}) slots={}", action.0, shape.fixed_slots);
    if !shape.cells.is_empty() {
        let _ = write!(head, " cells={:?}", shape.cells);
    }
    if !shape.unset.is_empty() {
        let _ = write!(head, " unset={:?}", shape.unset);
    }
    dumper.line(format!("{head} {}", dumper.gas(body.body.gas)));
    dumper.depth += 1;
    if let Some(limit) = &body.limit {
        dumper.line(format!("limit {}", dumper.expr(limit)));
    }
    for (place, block) in &body.defaults {
        dumper.block(&format!("default {}", show_place(*place)), block);
    }
    dumper.stmts(&body.body.stmts);
    dumper.out
}

struct Dumper<'a> {
    info: &'a ProgramInfo,
    body: &'a ActionBody,
    out: String,
    depth: usize,
}

impl Dumper<'_> {
    fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.out, "{:indent$}{text}", "", indent = self.depth * 2);
    }

    fn gas(&self, id: GasId) -> String {
        match self.body.gas.get(id.0 as usize) {
            Some(block) => format!("{{{}:{}}}", id.0, block.cost),
            None => format!("{{{}:missing}}", id.0),
        }
    }

    fn name(&self, symbol: Symbol) -> &str {
        self.info.name(symbol)
    }

    fn block(&mut self, head: &str, block: &Block) {
        self.line(format!("{head} {}", self.gas(block.gas)));
        self.nested(&block.stmts);
    }

    fn nested(&mut self, stmts: &[Stmt]) {
        self.depth += 1;
        self.stmts(stmts);
        self.depth -= 1;
    }

    fn stmts(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            self.stmt(&stmt.kind);
        }
    }

    fn stmt(&mut self, kind: &StmtKind) {
        match kind {
            StmtKind::Gas(gas) => self.line(format!("gas {}", self.gas(*gas))),
            StmtKind::Expr(value) => self.line(self.expr(value)),
            StmtKind::Assign { place, value, fresh } => {
                self.line(format!("{} ={} {}", show_place(*place), fresh_mark(*fresh), self.expr(value)));
            }
            StmtKind::AssignIndex { object, index, op, value, fresh, gas } => {
                let op = op.map_or("", |(op, _)| binary(op));
                let target = format!("{}[{}]", self.expr(object), self.expr(index));
                let value = self.expr(value);
                self.line(format!("{target} {op}={} {value} {}", fresh_mark(*fresh), self.gas(*gas)));
            }
            StmtKind::AssignMember { object, name, op, value, fresh, gas } => {
                let op = op.map_or("", |(op, _)| binary(op));
                let target = format!("{}.{}", self.expr(object), self.name(*name));
                let value = self.expr(value);
                self.line(format!("{target} {op}={} {value} {}", fresh_mark(*fresh), self.gas(*gas)));
            }
            StmtKind::SetConfig(key, value) => self.line(format!("config.{} = {}", self.name(*key), self.expr(value))),
            StmtKind::Print(values, gas) => self.line(format!("print({}) {}", self.list(values), self.gas(*gas))),
            StmtKind::Debug(value, gas) => self.line(format!("debug({}) {}", self.expr(value), self.gas(*gas))),
            StmtKind::If(arms, other) => {
                for (index, arm) in arms.iter().enumerate() {
                    let word = if index == 0 { "if" } else { "elif" };
                    let gas = arm.gas.map_or(String::new(), |gas| self.gas(gas) + " ");
                    self.block(&format!("{word} {gas}{}", self.expr(&arm.test)), &arm.body);
                }
                if let Some(other) = other {
                    self.block("else", other);
                }
            }
            StmtKind::While { id, header, test, body } => {
                self.line(format!("while#{} {} {}", id.0, self.gas(*header), self.expr(test)));
                self.nested(body);
            }
            StmtKind::For { id, header, test, body, step } => {
                let test = test.as_ref().map_or(String::from("true"), |test| self.expr(test));
                self.line(format!("for#{} {} {test}", id.0, self.gas(*header)));
                self.nested(body);
                self.block("step", step);
            }
            StmtKind::ForEach { id, header, iterator, iterable, first, second, body } => {
                let second = second.map_or(String::new(), |second| format!(", {}", show_place(second)));
                let names = format!("{}{second}", show_place(*first));
                let iterable = self.expr(iterable);
                self.line(format!("each#{} {} {names} in {iterable} at {}", id.0, self.gas(*header), slot(*iterator)));
                self.nested(body);
            }
            StmtKind::Break => self.line("break"),
            StmtKind::Continue => self.line("continue"),
            StmtKind::Return(None, _) => self.line("return"),
            StmtKind::Return(Some(value), fresh) => {
                self.line(format!("return{} {}", fresh_mark(*fresh), self.expr(value)));
            }
            StmtKind::Throw(value) => self.line(format!("throw {}", self.expr(value))),
            StmtKind::TryCatch { body, variable, handler } => {
                self.block("try", body);
                let variable = variable.map_or(String::new(), |place| format!(" {}", show_place(place)));
                self.block(&format!("catch{variable}"), handler);
            }
            StmtKind::TryFinally { body, pending, finally } => {
                self.block(&format!("try at {}", slot(*pending)), body);
                self.block("finally", finally);
            }
            StmtKind::Deferred { body, list, pending, blocks } => {
                self.block(&format!("deferred at {} {}", slot(*list), slot(*pending)), body);
                for (index, block) in blocks.iter().enumerate() {
                    self.block(&format!("defer#{index}"), block);
                }
            }
            StmtKind::Defer(list, index) => self.line(format!("defer {}#{index}", slot(*list))),
            StmtKind::Mark(id) => self.line(format!("mark {id}")),
            StmtKind::Modifier(block) => self.block("modifier", block),
            StmtKind::Block(stmts) => {
                self.line("block");
                self.nested(stmts);
            }
            StmtKind::Emit(name, values, names, gas) => {
                let names = names.as_ref().map_or(String::new(), |names| {
                    let names: Vec<&str> = names.iter().map(|name| self.name(*name)).collect();
                    format!(" by {}", names.join(", "))
                });
                let values = self.list(values);
                self.line(format!("emit {}({values}){names} {}", self.name(*name), self.gas(*gas)));
            }
            StmtKind::Match(matching) => self.matching(matching),
        }
    }

    fn matching(&mut self, matching: &Match) {
        let otherwise = if matching.no_match.is_some() { "" } else { " certainly" };
        self.line(format!("match {}{otherwise}", slot(matching.subject)));
        self.depth += 1;
        for arm in &matching.arms {
            for alternative in &arm.patterns {
                let gas = alternative.gas.map_or(String::new(), |gas| " ".to_owned() + &self.gas(gas));
                self.line(format!("case{gas}"));
                self.steps(&alternative.steps);
            }
            if let Some((gas, steps)) = &arm.guard {
                self.line(format!("guard {}", self.gas(*gas)));
                self.steps(steps);
            }
            self.block("then", &arm.body);
        }
        self.depth -= 1;
    }

    fn steps(&mut self, steps: &[Step]) {
        self.depth += 1;
        for step in steps {
            match step {
                Step::Do(stmt) => self.stmt(&stmt.kind),
                Step::Test(test) => self.line(format!("test {}", self.expr(test))),
            }
        }
        self.depth -= 1;
    }

    fn list(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(", ")
    }

    fn expr(&self, expr: &Expr) -> String {
        super::with_stack(|| self.expr_kind(&expr.kind))
    }

    fn expr_kind(&self, kind: &ExprKind) -> String {
        match kind {
            ExprKind::Const(value) => self.value(*value),
            ExprKind::Local(local) => slot(*local),
            ExprKind::Read(place, name) => format!("{}?{}", show_place(*place), self.name(*name)),
            ExprKind::GlobalOr(global, builtin) => format!("g{}|{}", global.0, self.value(*builtin)),
            ExprKind::This => "this".to_owned(),
            ExprKind::Action(action) => format!("action#{}", action.0),
            ExprKind::Config(key) => format!("config.{}", self.name(*key)),
            ExprKind::Tx(key, gas) => format!("{} TX.{}", self.gas(*gas), self.name(*key)),
            ExprKind::TxMap => "TX".to_owned(),
            ExprKind::MsgSender => "msg.sender".to_owned(),
            ExprKind::Unary(op, value) => format!("({}{})", unary(*op), self.expr(value)),
            ExprKind::Binary(op, left, right) => {
                format!("({} {} {})", self.expr(left), binary(*op), self.expr(right))
            }
            ExprKind::And(left, gas, right) => self.logical("&&", left, *gas, right),
            ExprKind::Or(left, gas, right) => self.logical("||", left, *gas, right),
            ExprKind::Coalesce(left, gas, right) => self.logical("??", left, *gas, right),
            ExprKind::Conditional(test, yes_gas, yes, no_gas, no) => {
                let (yes_gas, no_gas) = (self.gas(*yes_gas), self.gas(*no_gas));
                format!("({} ? {yes_gas} {} : {no_gas} {})", self.expr(test), self.expr(yes), self.expr(no))
            }
            ExprKind::List(items, gas) => format!("[{}]{}", self.list(items), self.gas(*gas)),
            ExprKind::Map(items, gas) => {
                let pairs = items.chunks(2).map(|pair| pair.iter().map(|item| self.expr(item)).collect::<Vec<_>>());
                let pairs = pairs.map(|pair| pair.join(": ")).collect::<Vec<_>>().join(", ");
                format!("map({pairs}){}", self.gas(*gas))
            }
            ExprKind::Interpolate(parts, gas) => format!("text({}){}", self.list(parts), self.gas(*gas)),
            ExprKind::Range(low, high) => format!("({}..{})", self.expr(low), self.expr(high)),
            ExprKind::Index { object, index, optional } => {
                format!("{}{}[{}]", self.expr(object), question(*optional), self.expr(index))
            }
            ExprKind::Slice { object, low, high, optional, gas } => {
                let bound = |bound: &Option<Box<Expr>>| bound.as_ref().map_or(String::new(), |bound| self.expr(bound));
                let (low, high) = (bound(low), bound(high));
                format!("{}{}[{low}:{high}]{}", self.expr(object), question(*optional), self.gas(*gas))
            }
            ExprKind::Member(object, name) => format!("{}.{}", self.expr(object), self.name(*name)),
            ExprKind::Class(class) => {
                let ClassValue { action, captures, base, gas } = &**class;
                let base = base.as_ref().map_or(String::new(), |base| format!(" extends {}", self.expr(base)));
                format!("declaration#{}{base} of {} cells {}", action.0, captures.len(), self.gas(*gas))
            }
            ExprKind::Lambda(action, captures, gas) => {
                let captures: Vec<String> = captures.iter().map(|capture| show_capture(*capture)).collect();
                format!("lambda#{}[{}]{}", action.0, captures.join(", "), self.gas(*gas))
            }
            ExprKind::Call(call) => self.call(call),
            ExprKind::Print(values, gas) => format!("print({}){}", self.list(values), self.gas(*gas)),
            ExprKind::Fits(subject, shape) => format!("{} fits {shape:?}", slot(*subject)),
        }
    }

    fn logical(&self, op: &str, left: &Expr, gas: GasId, right: &Expr) -> String {
        format!("({} {op} {} {})", self.expr(left), self.gas(gas), self.expr(right))
    }

    fn call(&self, call: &Call) -> String {
        let callee = match &call.callee {
            Callee::Action(action) => format!("action#{}", action.0),
            Callee::Own(action) => format!("own#{}", action.0),
            Callee::Super(action) => format!("super#{}", action.0),
            Callee::Method(receiver, name, optional) => {
                format!("{}{}.{}", self.expr(receiver), question(*optional), self.name(*name))
            }
            Callee::Value(value, optional) => format!("value {}{}", self.expr(value), question(*optional)),
            Callee::Builtin(builtin) => builtin_name(*builtin).to_owned(),
            Callee::New(class) => format!("new#{}", class.0),
            Callee::NewOf(head, names) => {
                let names: Vec<&str> = names.iter().map(|name| self.name(*name)).collect();
                format!("new {} with {}", self.expr(head), names.join(", "))
            }
            Callee::NewWith(class, fields) => format!("new#{} with {fields:?}", class.0),
        };
        format!("{callee}({}){}", self.list(&call.args), self.gas(call.gas))
    }

    fn value(&self, value: Value) -> String {
        match value.tag() {
            Tag::Null => "null".to_owned(),
            Tag::Bool => value.as_bool().to_string(),
            Tag::Int => value.as_int().to_string(),
            Tag::Float => format!("{:?}", value.as_float()),
            Tag::Class => format!("class#{}", value.id()),
            Tag::Builtin => builtin_name(value.id()).to_owned(),
            Tag::Str => {
                // A string constant that is also a name is shown by it; others need a heap to be read.
                let symbol = self.info.symbol_values.iter().position(|name| name.raw_eq(value));
                symbol.map_or("\"..\"".to_owned(), |symbol| format!("{:?}", self.info.symbols[symbol]))
            }
            other => format!("<{other:?}>"),
        }
    }
}

fn builtin_name(builtin: u32) -> &'static str {
    names::BUILTINS.get(builtin as usize).map_or("<no builtin>", |(name, ..)| name)
}

fn slot(slot: Slot) -> String {
    format!("s{}", slot.0)
}

fn question(optional: bool) -> &'static str {
    if optional { "?" } else { "" }
}

fn fresh_mark(fresh: bool) -> &'static str {
    if fresh { "*" } else { "" }
}

fn show_place(place: Place) -> String {
    match place {
        Place::Local(local) => slot(local),
        Place::Cell(cell) => format!("cell {}", slot(cell)),
        Place::Upvalue(index) => format!("up{index}"),
        Place::Global(global) => format!("g{}", global.0),
        Place::Field(field) => format!("f{field}"),
    }
}

fn show_capture(capture: Capture) -> String {
    match capture {
        Capture::Slot(cell) => slot(cell),
        Capture::Upvalue(index) => format!("up{index}"),
    }
}

fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Negate => "-",
        UnaryOp::Not => "!",
        UnaryOp::BitNot => "~",
        UnaryOp::Await => "await ",
        UnaryOp::Spawn => "spawn ",
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
        BinaryOp::NotIn => "not in",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
    }
}
