//! The syntax tree: what the text says, before any name has a meaning.
//!
//! Every node carries the span of its text. Names are interned [`Symbol`]s. The tree covers the whole
//! grammar; which constructs the later stages accept is decided in `resolve`.

/// A half-open range of byte offsets in one source file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` to `end`.
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// An interned name: an index into [`super::Interner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(pub u32);

/// A name where it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The interned name.
    pub symbol: Symbol,
    /// Where it stands.
    pub span: Span,
}

/// An expression and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// One piece of an interpolated string.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Literal text, escapes already decoded.
    Text(Box<str>),
    /// `${expression}`.
    Expr(Expr),
}

/// The key of a map literal's entry.
#[derive(Clone, Debug, PartialEq)]
pub enum MapKey {
    /// `k:` or `"k":`.
    Name(Box<str>, Span),
    /// `3:`, `true:` (a literal expression) or `[expr]:`.
    Computed(Expr),
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// An integer that fits 64 bits (unsigned text; a minus is a unary operator).
    Int(i64),
    /// A larger integer: its decimal digits (hexadecimal already converted).
    BigInt(Box<str>),
    /// A float.
    Float(f64),
    /// A string without interpolation, escapes decoded.
    Str(Box<str>),
    /// A string with at least one `${}`.
    Interpolated(Vec<Part>),
    /// `b"..."`
    Bytes(Box<[u8]>),
    /// A name.
    Name(Symbol),
    /// `this` or `self`.
    This,
    /// `super`, only as the object of a member.
    Super,
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{k: v}`
    Map(Vec<(MapKey, Expr)>),
    /// `Name{f: v}` (also `m.Name{...}`).
    EntityLiteral(Box<Expr>, Vec<(Ident, Expr)>),
    /// `-a !a ~a not a await a spawn a`; `op_span` is the operator's own place.
    Unary(UnaryOp, Span, Box<Expr>),
    /// `a op b`; the span is the operator's own place.
    Binary(BinaryOp, Span, Box<(Expr, Expr)>),
    /// `a && b`, `a || b`, `a ?? b`.
    Logical(LogicalOp, Span, Box<(Expr, Expr)>),
    /// `c ? a : b`
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `a..b`
    Range(Box<(Expr, Expr)>),
    /// `f(x)`, `f?.(x)`; a method call is a call whose callee is a [`ExprKind::Member`].
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// The arguments, in order.
        args: Vec<Expr>,
        /// `a?.(x)`: null if the callee is null.
        optional: bool,
    },
    /// `a[i]`, `a?.[i]`
    Index {
        /// The container, and the index or key.
        parts: Box<(Expr, Expr)>,
        /// `?.[`
        optional: bool,
    },
    /// `a[low:high]`
    Slice {
        /// The list or string.
        object: Box<Expr>,
        /// First index.
        low: Option<Box<Expr>>,
        /// One past the last index.
        high: Option<Box<Expr>>,
        /// `?.[`
        optional: bool,
    },
    /// `a.name`, `a?.name`
    Member {
        /// The object.
        object: Box<Expr>,
        /// The member (any word is allowed here).
        name: Ident,
        /// `?.`
        optional: bool,
    },
    /// A lambda or an anonymous action.
    Lambda(Box<Action>),
    /// `match v { ... }` as an expression.
    Match(Box<Match>),
    /// `print(a, b)` where an expression is expected.
    Print(Vec<Expr>),
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `!`, `not`
    Not,
    /// `~`
    BitNot,
    /// `await` (no effect)
    Await,
    /// `spawn` (runs at once)
    Spawn,
}

/// Binary operators that evaluate both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `**`
    Pow,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `>`
    Gt,
    /// `<=`
    Le,
    /// `>=`
    Ge,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `&`
    BitAnd,
    /// `|`
    BitOr,
    /// `^`
    BitXor,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
}

/// Operators that may leave their right side unevaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogicalOp {
    /// `&&`, `and`
    And,
    /// `||`, `or`
    Or,
    /// `??`
    Coalesce,
}

/// A braced (or colon) block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// Its statements.
    pub stmts: Vec<Stmt>,
    /// From the opening to the closing brace.
    pub span: Span,
}

/// A statement and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Where it stands.
    pub span: Span,
}

/// The left side of a `let`.
#[derive(Clone, Debug, PartialEq)]
pub enum LetTarget {
    /// `let x`
    Name(Ident),
    /// `let {a, b: c}`: (key, local name).
    Map(Vec<(Ident, Ident)>),
    /// `let [p, q, ...rest]`, `let (a, b)`.
    List(Vec<Ident>, Option<Ident>),
}

/// One arm of an `if`.
#[derive(Clone, Debug, PartialEq)]
pub struct IfArm {
    /// The test.
    pub test: Expr,
    /// What runs if it holds.
    pub body: Block,
}

/// What follows `emit NAME`.
#[derive(Clone, Debug, PartialEq)]
pub enum EmitArgs {
    /// `emit Moved`, `emit Moved(a, b)`.
    Positional(Vec<Expr>),
    /// `emit Moved {a: 1}`.
    Named(Vec<(MapKey, Expr)>),
}

/// The kinds of statement.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `let`, `const`, and top-level `state`, `data`, `persistent`.
    Let {
        /// What is bound.
        target: LetTarget,
        /// The value; null if absent.
        value: Option<Expr>,
        /// `const`
        constant: bool,
    },
    /// `let x << "path"`
    LetFile(Ident, Expr),
    /// `target = value`, `target op= value`.
    Assign {
        /// A name, index or member expression.
        target: Expr,
        /// The operator of a compound assignment.
        op: Option<BinaryOp>,
        /// The operator's own place.
        op_span: Span,
        /// The right side.
        value: Expr,
    },
    /// An expression for its effect.
    Expr(Expr),
    /// `print ...` in any of its forms.
    Print(Vec<Expr>),
    /// `debug e`
    Debug(Expr),
    /// `verify c, "m"` (the arguments).
    Verify(Vec<Expr>),
    /// `gc "..."`: accepted, without effect.
    Gc,
    /// `if`, with all its `elif` arms in order.
    If(Vec<IfArm>, Option<Block>),
    /// `while`
    While(Expr, Block),
    /// `for each x in e`, `for each k, v in e`.
    ForEach {
        /// The first loop variable.
        first: Ident,
        /// The second, if two are named.
        second: Option<Ident>,
        /// What is walked.
        iterable: Expr,
        /// The body.
        body: Block,
    },
    /// `for (init; test; step)`
    For {
        /// Runs once, before.
        init: Option<Box<Stmt>>,
        /// Absent means true.
        test: Option<Expr>,
        /// Runs after each iteration, `continue` included.
        step: Option<Box<Stmt>>,
        /// The body.
        body: Block,
    },
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `return e`
    Return(Option<Expr>),
    /// `throw e`
    Throw(Expr),
    /// `try`
    Try {
        /// The guarded block.
        body: Block,
        /// `catch`, with its variable.
        catch: Option<(Option<Ident>, Block)>,
        /// `finally`
        finally: Option<Block>,
    },
    /// `defer { }`
    Defer(Block),
    /// A bare block.
    Block(Block),
    /// `pattern v { ... }`, the statement form of `match`.
    Pattern(Box<Match>),
    /// A named action.
    Action(Box<Action>),
    /// `contract`
    Contract(Box<Contract>),
    /// `entity`, `data` (the second is immutable and compared by value).
    Entity(Box<Entity>),
    /// `enum`: members with their explicit values.
    Enum(Ident, Vec<(Ident, Option<Expr>)>),
    /// `protocol`, `interface`: the actions they name, with their parameter counts.
    Protocol(Ident, Vec<(Ident, usize)>),
    /// `module M { }`
    Module(Ident, Block),
    /// `type_alias A = B`, `type_alias A { }`: kept for tools.
    TypeAlias(Ident),
    /// `use ...`
    Use(Box<Use>),
    /// `export` before a declaration.
    ExportDecl(Box<Stmt>),
    /// `export a, b`
    ExportNames(Vec<Ident>),
    /// `export use ...`
    ExportUse(Box<Use>),
    /// `emit`
    Emit(Ident, EmitArgs),
    /// `event E(...)` outside a contract: declares, without effect.
    Event(Ident),
    /// Left where a statement did not parse, so that the rest can be checked.
    Error,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// Its default.
    pub default: Option<Expr>,
}

/// What kind of callable an [`Action`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// `action f` or `function f`.
    Named,
    /// `lambda`, `=>`, anonymous `action` or `function`.
    Lambda,
    /// `external action f`: may be declared, not called.
    External,
}

/// An action, lambda or method.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Its name, unless anonymous.
    pub name: Option<Ident>,
    /// Which kind.
    pub kind: ActionKind,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its body; an expression lambda holds one `return`.
    pub body: Block,
    /// `private`
    pub private: bool,
    /// `view` or `pure`
    pub view: bool,
    /// `limit n`
    pub limit: Option<Expr>,
    /// `modifier a`, `modifier a(x)`, by name and arguments, in order.
    pub modifiers: Vec<(Ident, Vec<Expr>)>,
    /// Head and body.
    pub span: Span,
}

/// A state field of a contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Ident,
    /// Its initialiser.
    pub value: Option<Expr>,
    /// The head name of its type, if one is written (`Map<K,V>` gives `Map`, `[T]` and `T[]` give `list`).
    pub type_name: Option<Box<str>>,
    /// `private`
    pub private: bool,
    /// `persistent`
    pub persistent: bool,
    /// `const`
    pub constant: bool,
}

/// A contract declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// Its name.
    pub name: Ident,
    /// `extends A` (a dotted name).
    pub extends: Option<Expr>,
    /// `implements P, Q`
    pub implements: Vec<Expr>,
    /// State fields, in order.
    pub fields: Vec<Field>,
    /// Declared events: name and parameter names.
    pub events: Vec<(Ident, Vec<Ident>)>,
    /// `modifier m(x) { }`
    pub modifiers: Vec<Action>,
    /// Actions; `constructor` is kept under that name.
    pub actions: Vec<Action>,
    /// The whole declaration.
    pub span: Span,
}

/// An `entity` or `data` declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// Its name.
    pub name: Ident,
    /// `data` rather than `entity`.
    pub immutable: bool,
    /// `extends A`
    pub extends: Option<Expr>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Its methods.
    pub methods: Vec<Action>,
    /// The whole declaration.
    pub span: Span,
}

/// `match` or `pattern`.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The value looked at.
    pub subject: Expr,
    /// The arms, in order.
    pub arms: Vec<MatchArm>,
}

/// One arm of a match.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchArm {
    /// Alternatives joined by `|`.
    pub patterns: Vec<Pattern>,
    /// `if cond`
    pub guard: Option<Expr>,
    /// What it gives.
    pub body: ArmBody,
    /// The whole arm.
    pub span: Span,
}

/// The right side of an arm.
#[derive(Clone, Debug, PartialEq)]
pub enum ArmBody {
    /// A value.
    Expr(Expr),
    /// A block (value null) or one simple statement.
    Block(Block),
}

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// `_`
    Wildcard(Span),
    /// A bare name binds.
    Bind(Ident),
    /// A literal or dotted name, compared with `==`.
    Value(Expr),
    /// `[x, y]`, `[x, ...rest]` (the rest may be unnamed).
    List(Vec<Pattern>, Option<Option<Ident>>, Span),
    /// `{k: v}`, `{k}`.
    Map(Vec<(MapKey, Pattern)>, Span),
    /// `Circle(r)`, `Circle{r: x}` gives names too.
    Type(Expr, Vec<(Option<Ident>, Pattern)>, Span),
}

/// An import.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The path or the built-in module's name.
    pub path: Box<str>,
    /// Where the path stands.
    pub path_span: Span,
    /// `as m`
    pub alias: Option<Ident>,
    /// `{a, b as c}`: (exported name, local name); absent means all.
    pub names: Option<Vec<(Ident, Ident)>>,
}
