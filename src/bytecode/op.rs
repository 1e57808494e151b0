//! The op table: every operation once, with the kinds of its operands. The enum, the names, the disassembler and
//! the verifier are made from it; the VM's dispatch loop has one arm for each row.

/// What an operand field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Not used.
    None,
    /// A register.
    Reg,
    /// The first of consecutive registers; how many, operand `c` says.
    Run,
    /// As `Run`, with the callee or receiver in the register before the first: one more.
    CalleeRun,
    /// As `Run`, for twice as many.
    PairRun,
    /// The first of two registers.
    Two,
    /// The first of three registers.
    Three,
    /// A register, or `NO_REGISTER`.
    MaybeReg,
    /// A number, signed 16 bits.
    Imm,
    /// A number, unsigned 16 bits.
    Number,
    /// An index of the constant table.
    Const,
    /// `b` and `c` together: a signed number.
    WideInt,
    /// `b` and `c` together: a cost.
    WideCost,
    /// `b` and `c` together: a global, symbol, or other number of the program.
    WideNumber,
    /// `b` and `c` together: an index of the constant table.
    WideConst,
    /// `b` and `c` together: an index of the closure table.
    WideClosure,
    /// `b` and `c` together: the distance to a target.
    WideJump,
}

/// What stands in the word behind an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// There is none.
    None,
    /// The distance from the instruction to a target.
    Jump,
    /// A number of the program (an action, class, builtin, symbol), and perhaps a number beside it.
    Number,
    /// An index of the constant table.
    Const,
    /// An index of the closure table.
    Closure,
}

/// A register field that names no register.
pub(super) const NO_REGISTER: u16 = u16::MAX;

/// The kinds of an operation's operands.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// Operand `a`.
    pub a: Operand,
    /// Operand `b`, or `b` and `c` together.
    pub b: Operand,
    /// Operand `c`.
    pub c: Operand,
    /// The word behind it.
    pub extension: Extension,
}

macro_rules! op_table {
    ($($(#[$doc:meta])* $name:ident: $a:ident $b:ident $c:ident $extension:ident;)*) => {
        /// An operation.
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Op {
            $($(#[$doc])* $name,)*
        }

        const ALL: &[Op] = &[$(Op::$name,)*];

        const SHAPES: &[Shape] = &[
            $(Shape {
                name: stringify!($name),
                a: Operand::$a,
                b: Operand::$b,
                c: Operand::$c,
                extension: Extension::$extension,
            },)*
        ];
    };
}

op_table! {
    /// The word behind another instruction: never run.
    Word: None None None None;

    // Values into registers.
    /// `a = b`
    Move: Reg Reg None None;
    /// `a` = the integer.
    LoadInt: Reg WideInt None None;
    /// `a` = the constant.
    LoadConst: Reg WideConst None None;
    /// `a = null`
    LoadNull: Reg None None None;
    /// `a` = unset.
    LoadUnset: Reg None None None;
    /// `a` = whether `b` is not 0.
    LoadBool: Reg Number None None;
    /// `a` = this instance.
    LoadThis: Reg None None None;
    /// `a` = a function value of the action.
    LoadAction: Reg WideNumber None None;
    /// Fails if `a` is unset; the symbol.
    CheckSet: Reg WideNumber None None;

    // Variables.
    /// `a` = the global.
    LoadGlobal: Reg WideNumber None None;
    /// `a` = the global, or the constant while it has no value.
    LoadGlobalOr: Reg WideNumber None Const;
    /// The global = `a`.
    StoreGlobal: Reg WideNumber None None;
    /// `a` = field `b`.
    LoadField: Reg Number None None;
    /// Field `b` = `a`; `x`: fresh.
    StoreField: Reg Number None None;
    /// `a` = what the cell in `b` holds; the symbol.
    LoadCell: Reg Reg None Number;
    /// The cell in `b` holds `a`.
    StoreCell: Reg Reg None None;
    /// `a` = captured variable `b`; the symbol.
    LoadUpvalue: Reg Number None Number;
    /// Captured variable `b` = `a`.
    StoreUpvalue: Reg Number None None;
    /// `a` = what the variable's cell holds, unset included: for defaults.
    PeekCell: Reg Reg None None;

    // Arithmetic.
    /// `a = b + c`
    Add: Reg Reg Reg None;
    /// `a = b - c`
    Sub: Reg Reg Reg None;
    /// `a = b * c`
    Mul: Reg Reg Reg None;
    /// `a = b / c`
    Div: Reg Reg Reg None;
    /// `a = b % c`
    Mod: Reg Reg Reg None;
    /// `a = b + c`
    AddImm: Reg Reg Imm None;
    /// `a = b - c`
    SubImm: Reg Reg Imm None;
    /// `a = b * c`
    MulImm: Reg Reg Imm None;
    /// `a = b / c`
    DivImm: Reg Reg Imm None;
    /// `a = b % c`
    ModImm: Reg Reg Imm None;
    /// `a = b ** c`
    Pow: Reg Reg Reg None;
    /// `a = b & c`
    BitAnd: Reg Reg Reg None;
    /// `a = b | c`
    BitOr: Reg Reg Reg None;
    /// `a = b ^ c`
    BitXor: Reg Reg Reg None;
    /// `a = b << c`
    ShiftLeft: Reg Reg Reg None;
    /// `a = b >> c`
    ShiftRight: Reg Reg Reg None;
    /// `a = -b`
    Negate: Reg Reg None None;
    /// `a = ~b`
    BitNot: Reg Reg None None;

    // Comparisons as values.
    /// `a = b < c`
    Less: Reg Reg Reg None;
    /// `a = b <= c`
    LessEqual: Reg Reg Reg None;
    /// `a = b > c`
    Greater: Reg Reg Reg None;
    /// `a = b >= c`
    GreaterEqual: Reg Reg Reg None;
    /// `a = b == c`
    Equal: Reg Reg Reg None;
    /// `a = b != c`
    NotEqual: Reg Reg Reg None;
    /// `a = b in c`
    In: Reg Reg Reg None;
    /// `a = b not in c`
    NotIn: Reg Reg Reg None;
    /// `a = !b`
    Not: Reg Reg None None;
    /// `a` = whether `b` is true.
    Truth: Reg Reg None None;

    // Jumps.
    /// Goes on at the target.
    Jump: None WideJump None None;
    /// If `a` is true.
    JumpIf: Reg WideJump None None;
    /// If `a` is not true.
    JumpIfNot: Reg WideJump None None;
    /// If `a` is null.
    JumpIfNull: Reg WideJump None None;
    /// If `a` is not null.
    JumpIfNotNull: Reg WideJump None None;
    /// If `a` is set.
    JumpIfSet: Reg WideJump None None;
    /// If `a < b`.
    JumpIfLess: Reg Reg None Jump;
    /// If not `a < b`.
    JumpIfNotLess: Reg Reg None Jump;
    /// If `a <= b`.
    JumpIfLessEqual: Reg Reg None Jump;
    /// If not `a <= b`.
    JumpIfNotLessEqual: Reg Reg None Jump;
    /// If `a > b`.
    JumpIfGreater: Reg Reg None Jump;
    /// If not `a > b`.
    JumpIfNotGreater: Reg Reg None Jump;
    /// If `a >= b`.
    JumpIfGreaterEqual: Reg Reg None Jump;
    /// If not `a >= b`.
    JumpIfNotGreaterEqual: Reg Reg None Jump;
    /// If `a == b`.
    JumpIfEqual: Reg Reg None Jump;
    /// If not `a == b`.
    JumpIfNotEqual: Reg Reg None Jump;
    /// If `a < b`.
    JumpIfLessImm: Reg Imm None Jump;
    /// If not `a < b`.
    JumpIfNotLessImm: Reg Imm None Jump;
    /// If `a <= b`.
    JumpIfLessEqualImm: Reg Imm None Jump;
    /// If not `a <= b`.
    JumpIfNotLessEqualImm: Reg Imm None Jump;
    /// If `a > b`.
    JumpIfGreaterImm: Reg Imm None Jump;
    /// If not `a > b`.
    JumpIfNotGreaterImm: Reg Imm None Jump;
    /// If `a >= b`.
    JumpIfGreaterEqualImm: Reg Imm None Jump;
    /// If not `a >= b`.
    JumpIfNotGreaterEqualImm: Reg Imm None Jump;
    /// If `a == b`.
    JumpIfEqualImm: Reg Imm None Jump;
    /// If not `a == b`.
    JumpIfNotEqualImm: Reg Imm None Jump;

    // Gas.
    /// Charges a gas block.
    Gas: None WideCost None None;
    /// Tells a profile where the program is.
    Mark: None WideNumber None None;
    /// A loop's header: polls, charges; the loop, or [`super::Code::NO_LOOP`].
    LoopHeader: Number WideCost None None;
    /// `limit a`
    LimitGas: Reg None None None;
    /// The code of a leaf action follows: what a call of it does beside.
    EnterInlined: None WideNumber None None;

    // Containers.
    /// `a = b[c]`
    IndexGet: Reg Reg Reg None;
    /// `a = b[constant c]`
    IndexGetConst: Reg Reg Const None;
    /// `a = (field b)[c]`
    IndexGetField: Reg Number Reg None;
    /// `a = (global b)[c]`; the word has the place of the global.
    IndexGetGlobal: Reg Number Reg Number;
    /// `a[b] = c`; `x`: fresh.
    IndexSet: Reg Reg Reg None;
    /// `(field a)[b] = c`; `x`: fresh.
    IndexSetField: Number Reg Reg None;
    /// `a = b.symbol`
    MemberGet: Reg Reg None Number;
    /// `a.symbol = b`; `x`: fresh.
    MemberSet: Reg Reg None Number;
    /// `a` = the slice of the register in the word, from `b` to `c`.
    Slice: Reg MaybeReg MaybeReg Number;
    /// `a = [b ...]`
    MakeList: Reg Run Number None;
    /// `a = {b ...}`
    MakeMap: Reg PairRun Number None;
    /// `a` = the joined texts.
    Interpolate: Reg Run Number None;
    /// `a = b..c`
    MakeRange: Reg Reg Reg None;
    /// `a` = a closure.
    MakeClosure: Reg WideClosure None None;
    /// `a` = the value of a declaration; `b`: that of its base; the word: an index of the closure table.
    MakeClass: Reg MaybeReg None Closure;
    /// Opens the iterator `a` over `b`.
    Iterate: Three Reg None None;
    /// The next of iterator `a`: its value into `b`, or its key over a map; or goes on at the target.
    NextOne: Three Reg None Jump;
    /// The next of iterator `a`: key into `b`, value into `c`; or goes on at the target.
    NextTwo: Three Reg Reg Jump;

    // Patterns.
    /// `a` = whether `b` has the shape of kind `x` with the word's number.
    Fits: Reg Reg None Number;
    /// Fails: no arm of a `match` applied to `a`.
    NoMatch: Reg None None None;

    // Calls. The result goes to `a`; arguments stand from `b`, `c` of them.
    /// A global action.
    Call: Reg Run Number Number;
    /// An action of this contract.
    CallOwn: Reg Run Number Number;
    /// The instance's action of the name that an action of this contract has.
    CallVirtual: Reg Run Number Number;
    /// The method named by the word's symbol; its inline cache beside it.
    CallMethod: Reg CalleeRun Number Number;
    /// Any value.
    CallValue: Reg CalleeRun Number Number;
    /// A builtin.
    CallBuiltin: Reg Run Number Number;
    /// A new instance.
    New: Reg Run Number Number;
    /// A new instance with fields set; the word: the class, and the field list.
    NewWith: Reg Run Number Number;
    /// A new value of the declaration before the first argument; the word: the list of names beside it.
    NewOf: Reg CalleeRun Number Number;
    /// Ends the action with `a`; `x`: fresh.
    Return: Reg None None None;
    /// Ends the action with null.
    ReturnNull: None None None None;

    // The program's surroundings.
    /// `a = config.key`
    LoadConfig: Reg WideNumber None None;
    /// `config.key = a`
    StoreConfig: Reg WideNumber None None;
    /// `a = TX.key`
    LoadTx: Reg WideNumber None None;
    /// `a = TX`
    LoadTxMap: Reg None None None;
    /// `a = msg.sender`
    LoadSender: Reg None None None;
    /// `print`
    Print: None Run Number None;
    /// `debug a`
    Debug: Reg None None None;
    /// `emit`; the word: the symbol, and the list of names.
    Emit: None Run Number Number;

    // Unwinding.
    /// `throw a`
    Throw: Reg None None None;
    /// `a` = the value of the caught error.
    Catch: Reg None None None;
    /// The pending slots from `a`: the error waits.
    HoldError: Two None None None;
    /// The pending slots from `a`: `b` waits with completion `c`.
    Hold: Two Reg Number None;
    /// The pending slots from `a`: completion `b` without a value.
    HoldPlain: Two Number None None;
    /// If the pending slots from `a` hold a thrown error, it goes on.
    Rethrow: Two None None None;
    /// If the pending slots from `a` hold completion `b`.
    JumpIfPending: Two Number None Jump;
    /// Registers deferred block `b` in list slot `a`.
    Defer: Reg Number None None;
    /// `a` = the deferred block of list slot `b` registered last, or goes on at the target.
    NextDeferred: Reg Reg None Jump;
}

impl Op {
    /// Its operands.
    pub fn shape(self) -> &'static Shape {
        &SHAPES[self as usize]
    }

    /// The operation of a number, if there is one: how stored code is read.
    pub fn from_byte(byte: u8) -> Option<Op> {
        ALL.get(usize::from(byte)).copied()
    }

    /// How many words it takes.
    pub fn words(self) -> usize {
        if self.shape().extension == Extension::None { 1 } else { 2 }
    }
}

/// One word of code.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Instr {
    /// What to do.
    pub op: Op,
    /// A flag or small number.
    pub x: u8,
    /// First operand.
    pub a: u16,
    /// Second operand.
    pub b: u16,
    /// Third operand.
    pub c: u16,
}

const _: () = assert!(size_of::<Instr>() == 8);

impl Instr {
    /// An instruction with three operands.
    pub const fn new(op: Op, a: u16, b: u16, c: u16) -> Self {
        Self { op, x: 0, a, b, c }
    }

    /// An instruction whose `b` and `c` are one number.
    pub const fn wide(op: Op, a: u16, wide: u32) -> Self {
        Self { op, x: 0, a, b: wide as u16, c: (wide >> 16) as u16 }
    }

    /// `b` and `c` as one number.
    #[inline(always)]
    pub const fn number(self) -> u32 {
        self.b as u32 | (self.c as u32) << 16
    }

    /// Where a jump at a position leads, its own or in its word: `b` and `c` are the distance.
    pub const fn target(self, position: u32) -> u32 {
        position.wrapping_add(self.number())
    }

    /// Sets `b` and `c`.
    pub const fn set_number(&mut self, wide: u32) {
        self.b = wide as u16;
        self.c = (wide >> 16) as u16;
    }
}
