//! The resolved tree: every name is a slot, cell, field, global or builtin; every callee that the text fixes
//! is bound; gas blocks and loop ids are assigned. Both lower tiers are made from it: the evaluator walks it,
//! the bytecode compiler reads it. An unresolved tree cannot reach a tier.
//!
//! One action's register window is `[params][locals][iterators, pending values][temporaries]`. The first three
//! parts are the *fixed* slots, the same in every tier, so that a hand-over copies nothing.

use serde::{Deserialize, Serialize};

use crate::runtime::info::{ActionId, ClassId, GlobalId, LoopId, PatternShape, Symbol};
use crate::syntax::ast::Span;
use crate::value::Value;

pub use crate::syntax::ast::{BinaryOp, UnaryOp};

/// A fixed slot of the register window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot(pub u16);

/// An index into [`ActionBody::gas`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasId(pub u32);

/// A gas block: charged whole on entry.
#[derive(Clone, Copy, Debug)]
pub struct GasBlock {
    /// The sum of its nodes' costs. Zero: nothing to charge.
    pub cost: u32,
    /// Where running out is reported.
    pub span: Span,
}

/// The whole resolved program beside its [`crate::runtime::info::ProgramInfo`].
#[derive(Clone, Debug)]
pub struct Tree {
    /// By [`ActionId`]; 0 is the script's top level.
    pub actions: Vec<ActionBody>,
}

/// One action's code.
#[derive(Clone, Debug)]
pub struct ActionBody {
    /// `limit n`: evaluated first, before the entry block is charged.
    pub limit: Option<Expr>,
    /// Defaults of parameters, in order: where the slot (or its cell) is unset, the block assigns it.
    pub defaults: Vec<(Place, Block)>,
    /// The body. With `defer` in it, the body is one [`StmtKind::Deferred`].
    pub body: Block,
    /// Gas blocks.
    pub gas: Vec<GasBlock>,
    /// Number of fixed slots.
    pub fixed_slots: u16,
    /// An upper bound of the temporaries that any tier needs above the fixed slots.
    pub temporaries: u16,
    /// Short, plain, and calls no program code: an upper tier may compile it into its callers.
    pub leaf: bool,
    /// Whether the temporaries have room for the window of any leaf.
    pub room_for_leaves: bool,
}

/// Statements that begin a gas block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Charged on entry.
    pub gas: GasId,
    /// In order.
    pub stmts: Vec<Stmt>,
}

/// A variable that can be read and assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A plain local.
    Local(Slot),
    /// A local captured by an inner action: the slot holds a cell.
    Cell(Slot),
    /// A captured variable of an action around this one: the closure's n-th cell.
    Upvalue(u16),
    /// A global of the file.
    Global(GlobalId),
    /// A state field of the contract instance `this`.
    Field(u16),
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where an error in it is reported.
    pub span: Span,
    /// Whether evaluating it can run program code (a call, so a poll: values held meanwhile must be rooted).
    pub runs_code: bool,
}

/// Kinds of expression. Operands are evaluated left to right.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// An immediate or an object of the constant pool.
    Const(Value),
    /// A plain local that is certainly set.
    Local(Slot),
    /// Any variable that may be unset: reading it then is `Identifier 'x' not found`.
    /// (A local here is one that is not certainly set.)
    Read(Place, Symbol),
    /// A global named like a builtin: the builtin's value until the global has one.
    GlobalOr(GlobalId, Value),
    /// The instance `this` as a value (a handle).
    This,
    /// The function value of a global action that no text assigns.
    Action(ActionId),
    /// `config.key`
    Config(Symbol),
    /// `TX.key`, with the gas block that its cut begins.
    Tx(Symbol, GasId),
    /// The read-only map `TX`, whole.
    TxMap,
    /// `msg.sender`
    MsgSender,
    /// A unary operator.
    Unary(UnaryOp, Box<Expr>),
    /// A binary operator.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a && b`: a boolean. The right side's block.
    And(Box<Expr>, GasId, Box<Expr>),
    /// `a || b`: `a` if true, else `b`.
    Or(Box<Expr>, GasId, Box<Expr>),
    /// `a ?? b`: `b` only if `a` is null.
    Coalesce(Box<Expr>, GasId, Box<Expr>),
    /// `c ? a : b` with a block for each arm.
    Conditional(Box<Expr>, GasId, Box<Expr>, GasId, Box<Expr>),
    /// `[a, b]`; then the cut's block.
    List(Vec<Expr>, GasId),
    /// `{k: v}`: keys and values in order (key, value, key, value ...); then the cut's block.
    Map(Vec<Expr>, GasId),
    /// `"a${b}"`: the texts of the parts, joined; then the cut's block.
    Interpolate(Vec<Expr>, GasId),
    /// `a..b`
    Range(Box<Expr>, Box<Expr>),
    /// `a[i]`; `optional`: null if `a` is null (without evaluating `i`).
    Index {
        /// The container.
        object: Box<Expr>,
        /// The key.
        index: Box<Expr>,
        /// `?.[`
        optional: bool,
    },
    /// `a[low:high]`; then the cut's block.
    Slice {
        /// The list or string.
        object: Box<Expr>,
        /// First index.
        low: Option<Box<Expr>>,
        /// One past the last.
        high: Option<Box<Expr>>,
        /// `?.[`
        optional: bool,
        /// The cut's block.
        gas: GasId,
    },
    /// `a.name` (of anything but `this`); reading a member of null is null anyway.
    Member(Box<Expr>, Symbol),
    /// A closure.
    Lambda(ActionId, Vec<Capture>, GasId),
    /// The value of an entity or data declaration whose methods capture variables. `base`: what it extends, if that
    /// captures variables too; then the cut's block.
    Class(Box<ClassValue>),
    /// A call; then the cut's block.
    Call(Box<Call>),
    /// `print(...)` as an expression: null.
    Print(Vec<Expr>, GasId),
    /// Whether what a slot holds has the shape that a pattern asks for.
    Fits(Slot, PatternShape),
}

/// See [`ExprKind::Class`].
#[derive(Clone, Debug)]
pub struct ClassValue {
    /// The action that stands for the declaration.
    pub action: ActionId,
    /// What its methods and defaults capture: the closure that all of them share.
    pub captures: Vec<Capture>,
    /// What it extends, if that captures variables too.
    pub base: Option<Expr>,
    /// The cut's block.
    pub gas: GasId,
}

/// Where a closure takes a cell from when it is made.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Capture {
    /// The cell in this slot of the making action.
    Slot(Slot),
    /// The making action's own n-th captured cell.
    Upvalue(u16),
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who is called.
    pub callee: Callee,
    /// In order.
    pub args: Vec<Expr>,
    /// Charged after it returns.
    pub gas: GasId,
}

/// Who is called.
#[derive(Clone, Debug)]
pub enum Callee {
    /// A global action that no text assigns.
    Action(ActionId),
    /// An action of the contract that the calling code belongs to, on `this`; where it is overridden, the action of
    /// its name that the instance has.
    Own(ActionId),
    /// An action of a base, on `this`.
    Super(ActionId),
    /// `receiver.name(...)`: contract action, method, or a map's function. `optional`: `?.`
    Method(Expr, Symbol, bool),
    /// Any value: evaluated before the arguments. `optional`: null if the callee is null.
    Value(Expr, bool),
    /// A builtin that nothing shadows.
    Builtin(u32),
    /// A contract, entity or data declaration: makes an instance or value.
    New(ClassId),
    /// `Name{f: v}`: with fields set (by field index, in the order of the arguments), no `init`.
    NewWith(ClassId, Vec<u16>),
    /// `head{f: v}` where only the run knows what the head is; it is evaluated before the fields.
    NewOf(Expr, Vec<Symbol>),
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Where an error in it is reported.
    pub span: Span,
}

/// Kinds of statement.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// A gas block begins here.
    Gas(GasId),
    /// For its effect.
    Expr(Expr),
    /// `fresh`: the value is a new container that nobody else holds (the copy into state is free).
    Assign {
        /// Which variable.
        place: Place,
        /// The value.
        value: Expr,
        /// See above.
        fresh: bool,
    },
    /// `a[i] = v`, `a[i] op= v`: object and index evaluated once, then (for `op`) the element read, then the value.
    AssignIndex {
        /// The container.
        object: Expr,
        /// The key.
        index: Expr,
        /// The operator of a compound assignment and its place.
        op: Option<(BinaryOp, Span)>,
        /// The right side.
        value: Expr,
        /// As in `Assign`; never with `op` unless that makes a new container.
        fresh: bool,
        /// The cut's block (a write may cost by size).
        gas: GasId,
    },
    /// `a.name = v`, `a.name op= v` (of anything but `this`).
    AssignMember {
        /// The object.
        object: Expr,
        /// The member.
        name: Symbol,
        /// As above.
        op: Option<(BinaryOp, Span)>,
        /// The right side.
        value: Expr,
        /// As above.
        fresh: bool,
        /// The cut's block.
        gas: GasId,
    },
    /// `config.key = v`
    SetConfig(Symbol, Expr),
    /// Joined by spaces, then a newline; then the cut's block.
    Print(Vec<Expr>, GasId),
    /// To standard error; then the cut's block.
    Debug(Expr, GasId),
    /// Arms in order; the test of every arm but the first has its own block.
    If(Vec<IfArm>, Option<Block>),
    /// `while`
    While {
        /// Its id.
        id: LoopId,
        /// Charged at each arrival at the header, the failing test included; covers test and body up to a cut.
        header: GasId,
        /// The test.
        test: Expr,
        /// The body's statements (they go on in the header's block).
        body: Vec<Stmt>,
    },
    /// C-style `for` after its init.
    For {
        /// Its id.
        id: LoopId,
        /// As in `While`.
        header: GasId,
        /// Absent: true.
        test: Option<Expr>,
        /// The body.
        body: Vec<Stmt>,
        /// After each iteration, `continue` included.
        step: Block,
    },
    /// `for each`. Slots `iterator`, `+1`, `+2` hold the open iterator.
    ForEach {
        /// Its id.
        id: LoopId,
        /// As in `While`.
        header: GasId,
        /// First of three slots.
        iterator: Slot,
        /// Evaluated once, before.
        iterable: Expr,
        /// The loop variable (value; or index or key if there are two).
        first: Place,
        /// The second variable.
        second: Option<Place>,
        /// The body.
        body: Vec<Stmt>,
    },
    /// Leaves the innermost loop.
    Break,
    /// Goes on with the innermost loop's next iteration.
    Continue,
    /// `fresh` as in `Assign`.
    Return(Option<Expr>, bool),
    /// `throw`
    Throw(Expr),
    /// `try` with `catch` (the caught value's variable, if named).
    TryCatch {
        /// The guarded block.
        body: Block,
        /// The variable.
        variable: Option<Place>,
        /// The handler.
        handler: Block,
    },
    /// `try` with `finally` (a `catch` beside it stands inside `body`).
    /// Slots `pending` (an integer, see [`Completion`]) and `+1` (its value) hold what waits while `finally` runs.
    TryFinally {
        /// The guarded block.
        body: Block,
        /// First of two slots.
        pending: Slot,
        /// Runs in every case but a signal.
        finally: Block,
    },
    /// The whole body of an action (or of the file) with `defer` in it. Slot `list` counts the registered blocks
    /// and their order (a list of integers), `pending` and `+1` as in `TryFinally`. When `body` ends (not by a
    /// signal), the registered blocks run, last first; one that throws or returns replaces what was pending and
    /// the others still run.
    Deferred {
        /// The action's statements.
        body: Block,
        /// The list of registered blocks.
        list: Slot,
        /// First of two slots.
        pending: Slot,
        /// The blocks, by index.
        blocks: Vec<Block>,
    },
    /// Registers block `.1` in list slot `.0`.
    Defer(Slot, u32),
    /// Tells a profile where the program is: see `marks`. Costs no gas.
    Mark(u32),
    /// A modifier before an action's body: a `return` in it ends it.
    Modifier(Block),
    /// A bare block goes on in the gas block around it.
    Block(Vec<Stmt>),
    /// `emit`: name, arguments, names of the arguments (when given by name); then the cut's block.
    Emit(Symbol, Vec<Expr>, Option<Vec<Symbol>>, GasId),
    /// `match` and `pattern`. One that is an expression in the text stands here before the statement that wants its
    /// value, and its arms assign a fixed slot: so a loop in an arm finds everything that goes on in fixed slots.
    Match(Match),
}

/// A `match`: the first arm that applies runs.
#[derive(Clone, Debug)]
pub struct Match {
    /// The value looked at, evaluated before.
    pub subject: Slot,
    /// In order.
    pub arms: Vec<MatchArm>,
    /// Where it is reported that no arm applied; none if one always does.
    pub no_match: Option<Span>,
}

/// One arm of a match.
#[derive(Clone, Debug)]
pub struct MatchArm {
    /// Joined by `|`: the first that matches decides.
    pub patterns: Vec<Alternative>,
    /// `if cond`: its block, and steps that must all hold.
    pub guard: Option<(GasId, Vec<Step>)>,
    /// The arm.
    pub body: Block,
}

/// One pattern of an arm. It matches if all its steps hold. The steps that bind names are its last, so that a pattern
/// that matches in part binds nothing.
#[derive(Clone, Debug)]
pub struct Alternative {
    /// Charged before its first step; none if the block before goes on.
    pub gas: Option<GasId>,
    /// In order.
    pub steps: Vec<Step>,
}

/// A step of a pattern or guard.
#[derive(Clone, Debug)]
pub enum Step {
    /// Always holds.
    Do(Stmt),
    /// Holds if this is true.
    Test(Expr),
}

/// One arm of an `if`.
#[derive(Clone, Debug)]
pub struct IfArm {
    /// Charged before the test, for every arm but the first.
    pub gas: Option<GasId>,
    /// The test.
    pub test: Expr,
    /// The arm.
    pub body: Block,
}

/// What waits while a `finally` runs: the integer in its first pending slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Completion {
    /// Fell out of the block.
    Normal = 0,
    /// `return`; the value is in the second slot.
    Return = 1,
    /// A thrown error; the second slot holds the error object.
    Throw = 2,
    /// `break` of the innermost loop around.
    Break = 3,
    /// `continue` of the innermost loop around.
    Continue = 4,
    /// `return` of a value that is a new container (see `fresh`).
    ReturnFresh = 5,
}
