//! The linear verifier: whatever code it accepts, the dispatch loop may run without a check of its own. Every
//! register is in the window, every index in its table, every jump leads to the start of an instruction, cells stay
//! in the slots that hold cells, arguments stand above the variables, and every circle passes a poll. Code that the
//! compiler has just made is held to the same rules in builds that check; stored code always is.
//!
//! What it cannot know is what a register holds when the program runs. The few operations that take a value of a
//! kind that programs never see (a waiting error, an open iterator, a captured variable) therefore look at its tag.

use super::op::{Extension, NO_REGISTER, Operand};
use super::{Code, Instr, Op};
use crate::resolve::hir::Capture;
use crate::runtime::info::{ActionId, ActionInfo, ClassId, ClassInfo, ClassKind, ProgramInfo};
use crate::runtime::names::BUILTINS;
use crate::value::{Tag, Value};

/// What is wrong with an instruction.
type Mistake = &'static str;

/// The position begins an instruction.
const START: u8 = 1;
/// Something jumps there.
const TARGET: u8 = 2;

/// Checks code once, in two passes over it and one over its tables, against what is known of the program, which
/// itself has been checked.
pub fn verify(code: &Code, info: &ProgramInfo) -> Result<(), String> {
    let own = info.actions.get(code.action.0 as usize).ok_or("code of no action")?;
    let mut verifier = Verifier { code, info, own, marks: starts(code)?, cells: vec![false; code.frame_size.into()] };
    verifier.window()?;
    verifier.instructions()?;
    verifier.tables()?;
    verifier.circles()
}

/// Whether a value may stand in code or tables: a constant, or a number of something that exists.
pub fn is_storable(value: Value, info: &ProgramInfo) -> bool {
    let below = |count: usize| (value.id() as usize) < count;
    match value.tag() {
        Tag::Null | Tag::Bool | Tag::Int | Tag::Float | Tag::Str | Tag::Bytes | Tag::Wide | Tag::Huge => true,
        Tag::Class => below(info.classes.len()),
        Tag::Builtin => below(BUILTINS.len()),
        Tag::EnumType => below(info.enums.len()),
        Tag::Module => below(info.modules.len()),
        _ => false,
    }
}

/// Which words begin an instruction.
fn starts(code: &Code) -> Result<Vec<u8>, String> {
    let mut marks = vec![0; code.instrs.len()];
    let mut at = 0;
    while at < code.instrs.len() {
        let op = code.instrs[at].op;
        if op == Op::Word {
            return Err(format!("{at}: a word that belongs to nothing"));
        }
        marks[at] = START;
        if op.words() == 2 && code.instrs.get(at + 1).is_none_or(|word| word.op != Op::Word) {
            return Err(format!("{at}: its word is missing"));
        }
        at += op.words();
    }
    match code.instrs.last().map(|instr| instr.op) {
        Some(Op::ReturnNull) => Ok(marks),
        _ => Err("the end can be run past".to_owned()),
    }
}

struct Verifier<'a> {
    code: &'a Code,
    info: &'a ProgramInfo,
    /// The action whose code it is.
    own: &'a ActionInfo,
    /// By position: [`START`], [`TARGET`].
    marks: Vec<u8>,
    /// By register: whether it holds a cell from entry on.
    cells: Vec<bool>,
}

impl Verifier<'_> {
    fn window(&mut self) -> Result<(), String> {
        let size = self.code.frame_size;
        if size < self.own.fixed_slots || u32::from(size) > self.own.frame_slots {
            return Err(format!("a window of {size} slots"));
        }
        for &slot in &self.own.cells {
            *self.cells.get_mut(usize::from(slot)).ok_or("a cell outside the window")? = true;
        }
        Ok(())
    }

    fn instructions(&mut self) -> Result<(), String> {
        let mut at = 0;
        while at < self.code.instrs.len() {
            let instr = self.code.instrs[at];
            self.instruction(at, instr).map_err(|mistake| format!("{at} {}: {mistake}", instr.op.shape().name))?;
            at += instr.op.words();
        }
        Ok(())
    }

    fn instruction(&mut self, at: usize, instr: Instr) -> Result<(), Mistake> {
        let shape = instr.op.shape();
        let takes_cell = matches!(instr.op, Op::LoadCell | Op::StoreCell | Op::PeekCell);
        self.operand(at, instr, shape.a, instr.a)?;
        if takes_cell {
            good(self.is_cell(instr.b), "no cell")?;
        } else {
            self.operand(at, instr, shape.b, instr.b)?;
        }
        self.operand(at, instr, shape.c, instr.c)?;
        if shape.extension == Extension::None {
            return self.alone(instr);
        }
        let word = self.code.instrs[at + 1];
        match shape.extension {
            Extension::None | Extension::Number => self.with_word(instr, word),
            Extension::Jump => self.target(word.target(at as u32)),
            Extension::Const => {
                good((word.number() as usize) < self.code.constants.len(), "bad constant")?;
                self.global(instr.number())
            }
            Extension::Closure => self.class_closure(word.number() as usize),
        }
    }

    // ---- operands ----

    fn is_cell(&self, register: u16) -> bool {
        self.cells.get(usize::from(register)).copied().unwrap_or(false)
    }

    /// Registers from `first`, none of them a cell.
    fn registers(&self, first: u32, count: u32) -> Result<(), Mistake> {
        let cells = self.cells.get(first as usize..(first + count) as usize).ok_or("a register outside the window")?;
        good(!cells.contains(&true), "a cell as a value")
    }

    /// Registers in which a callee's window may begin: above all variables.
    fn run(&self, first: u32, count: u32) -> Result<(), Mistake> {
        good(first >= u32::from(self.own.fixed_slots), "arguments among the variables")?;
        good(first + count <= u32::from(self.code.frame_size), "arguments outside the window")
    }

    fn operand(&mut self, at: usize, instr: Instr, kind: Operand, field: u16) -> Result<(), Mistake> {
        let (first, count) = (u32::from(field), u32::from(instr.c));
        match kind {
            Operand::None
            | Operand::Imm
            | Operand::Number
            | Operand::WideInt
            | Operand::WideCost
            | Operand::WideNumber => Ok(()),
            Operand::Two => self.registers(first, 2),
            Operand::Three => self.registers(first, 3),
            Operand::MaybeReg if field == NO_REGISTER => Ok(()),
            Operand::Reg | Operand::MaybeReg => self.registers(first, 1),
            Operand::Run => self.run(first, count),
            Operand::PairRun => self.run(first, 2 * count),
            Operand::CalleeRun => self.run(first.checked_sub(1).ok_or("no room for the callee")?, count + 1),
            Operand::Const => good(usize::from(field) < self.code.constants.len(), "bad constant"),
            Operand::WideConst => good((instr.number() as usize) < self.code.constants.len(), "bad constant"),
            Operand::WideClosure => good((instr.number() as usize) < self.code.closures.len(), "bad closure"),
            Operand::WideJump => self.target(instr.target(at as u32)),
        }
    }

    fn target(&mut self, target: u32) -> Result<(), Mistake> {
        let mark = self.marks.get_mut(target as usize).filter(|mark| **mark & START != 0).ok_or("bad target")?;
        *mark |= TARGET;
        Ok(())
    }

    // ---- numbers of the program ----

    fn global(&self, global: u32) -> Result<(), Mistake> {
        good((global as usize) < self.info.globals.len(), "no such global")
    }

    fn symbol(&self, symbol: u32) -> Result<(), Mistake> {
        good((symbol as usize) < self.info.symbols.len(), "no such symbol")
    }

    fn action(&self, action: ActionId) -> Result<&ActionInfo, Mistake> {
        self.info.actions.get(action.0 as usize).ok_or("no such action")
    }

    fn class(&self, class: u32) -> Result<&ClassInfo, Mistake> {
        self.info.classes.get(class as usize).ok_or("no such declaration")
    }

    /// The contract whose code it is.
    fn contract(&self) -> Result<&ClassInfo, Mistake> {
        let class = self.own.class.ok_or("state outside a contract")?;
        self.class(class.0).and_then(|class| good(class.kind == ClassKind::Contract, "no contract").map(|()| class))
    }

    fn field(&self, field: u16) -> Result<(), Mistake> {
        good(usize::from(field) < self.contract()?.fields.len(), "no such field")
    }

    /// An action called on the instance that this code runs on.
    fn own_action(&self, action: ActionId) -> Result<(), Mistake> {
        self.contract()?;
        let (own, other) = (self.own.class, self.action(action)?.class);
        let fits = |own: ClassId, other: ClassId| self.info.is_or_extends(own, other);
        good(own.zip(other).is_some_and(|(own, other)| fits(own, other)), "an action of another contract")
    }

    /// An action called on no instance.
    fn free_action(&self, action: ActionId) -> Result<(), Mistake> {
        good(self.action(action)?.class.is_none(), "an action without its contract")
    }

    // ---- what single operations ask beside ----

    fn alone(&self, instr: Instr) -> Result<(), Mistake> {
        match instr.op {
            Op::LoadThis => self.contract().map(|_| ()),
            Op::LoadAction => self.free_action(ActionId(instr.number())),
            Op::EnterInlined => self.action(ActionId(instr.number())).map(|_| ()),
            Op::LoadGlobal | Op::StoreGlobal => self.global(instr.number()),
            Op::CheckSet | Op::LoadConfig | Op::StoreConfig | Op::LoadTx => self.symbol(instr.number()),
            Op::LoadField | Op::StoreField | Op::IndexGetField => self.field(instr.b),
            Op::IndexSetField => self.field(instr.a),
            Op::MakeClosure => {
                let action = self.code.closures[instr.number() as usize].action;
                good(self.action(action)?.class == self.own.class, "a closure of another contract")
            }
            Op::Mark => good((instr.number() as usize) < self.info.marks.len(), "no such mark"),
            _ => Ok(()),
        }
    }

    fn with_word(&self, instr: Instr, word: Instr) -> Result<(), Mistake> {
        let (number, beside, count) = (word.number(), usize::from(word.a), usize::from(instr.c));
        let names = |list: usize| {
            let names = self.code.name_lists.get(list).ok_or("no such list of names")?;
            good(names.len() == count, "names and arguments differ in number")
        };
        match instr.op {
            Op::LoadCell | Op::LoadUpvalue | Op::MemberGet | Op::MemberSet => self.symbol(number),
            Op::IndexGetGlobal => self.global(instr.b.into()).and_then(|()| self.global(number)),
            Op::Slice => good(number < u32::from(self.code.frame_size), "a register outside the window")
                .and_then(|()| self.registers(number, 1)),
            Op::Fits => good(instr.x <= 3, "no such shape")
                .and_then(|()| if instr.x == 3 { self.class(number).map(|_| ()) } else { Ok(()) }),
            Op::Call => self.free_action(ActionId(number)),
            Op::CallOwn | Op::CallVirtual => self.own_action(ActionId(number)),
            Op::CallMethod => {
                good(word.a == u16::MAX || beside < self.code.caches.len(), "no such cache")?;
                self.symbol(number)
            }
            Op::CallValue => Ok(()),
            Op::CallBuiltin => good((number as usize) < BUILTINS.len(), "no such builtin"),
            Op::New => self.class(number).map(|_| ()),
            Op::NewWith => {
                let fields = self.code.field_lists.get(beside).ok_or("no such list of fields")?;
                good(fields.len() == count, "fields and values differ in number")?;
                let known = self.class(number)?.fields.len();
                good(fields.iter().all(|&field| usize::from(field) < known), "no such field")
            }
            Op::NewOf => names(beside),
            Op::Emit => {
                self.symbol(number)?;
                if word.a == u16::MAX { Ok(()) } else { names(beside) }
            }
            _ => Err("a word that nothing reads"),
        }
    }

    fn class_closure(&self, closure: usize) -> Result<(), Mistake> {
        let closure = self.code.closures.get(closure).ok_or("bad closure")?;
        let action = self.action(closure.action)?;
        let of_contract = |class: ClassId| self.info.class(class).initialiser == closure.action;
        good(action.method_of.is_some() || action.class.is_some_and(of_contract), "no declaration")
    }

    // ---- tables ----

    fn tables(&mut self) -> Result<(), String> {
        let length = self.code.instrs.len() as u32;
        for handler in &self.code.handlers {
            good(handler.from <= handler.to && handler.to <= length, "a handler outside the code")?;
            self.target(handler.target).map_err(|_| format!("bad handler {handler:?}"))?;
        }
        let mut last = 0;
        for inlined in &self.code.inlined {
            self.action(inlined.action)?;
            good(last <= inlined.from && inlined.from <= inlined.to && inlined.to <= length, "a leaf out of order")?;
            good(inlined.call < length, "a leaf called from nowhere")?;
            last = inlined.to;
        }
        for (id, entry) in &self.code.loop_entries {
            good((id.0 as usize) < self.info.loops.len(), "no such loop")?;
            good(self.is_start(*entry, Op::LoopHeader), "a loop that begins without its header")?;
        }
        for closure in &self.code.closures {
            self.action(closure.action)?;
            let held = |capture: &Capture| match capture {
                Capture::Slot(slot) => self.is_cell(slot.0),
                Capture::Upvalue(_) => true,
            };
            good(closure.captures.iter().all(held), "a closure over no cell")?;
        }
        for name in self.code.name_lists.iter().flatten() {
            self.symbol(name.0)?;
        }
        good(self.code.constants.iter().all(|value| is_storable(*value, self.info)), "a constant of no value")?;
        let size = self.info.source.len();
        let in_text = |(_, place): &(u32, crate::runtime::info::Place)| place.end as usize <= size;
        good(self.code.places.iter().all(in_text), "a place outside the text")?;
        Ok(())
    }

    fn is_start(&self, position: u32, op: Op) -> bool {
        let is_op = self.code.instrs.get(position as usize).is_some_and(|instr| instr.op == op);
        is_op && self.marks[position as usize] & START != 0
    }

    // ---- circles ----

    /// Whatever goes back passes a poll: a loop's header, in the jump's own stretch of code or at its target, or
    /// the look at deferred blocks. So code that never ends can be stopped.
    fn circles(&self) -> Result<(), String> {
        let mut polled = false;
        let mut at = 0;
        while at < self.code.instrs.len() {
            let instr = self.code.instrs[at];
            polled = instr.op == Op::LoopHeader || polled && self.marks[at] & TARGET == 0;
            if let Some(target) = jump_target(self.code, at)
                && target as usize <= at
                && !polled
                && !self.polls(target)
            {
                return Err(format!("{at}: a way back without a poll"));
            }
            at += instr.op.words();
        }
        let goes_back = |handler: &&super::Handler| handler.target < handler.to;
        for handler in self.code.handlers.iter().filter(goes_back) {
            let looks = self.is_start(handler.target, Op::HoldError) && self.polls(handler.target + 1);
            good(looks, "a handler that goes back without a poll")?;
        }
        Ok(())
    }

    fn polls(&self, position: u32) -> bool {
        self.is_start(position, Op::LoopHeader) || self.is_start(position, Op::NextDeferred)
    }
}

fn good(holds: bool, mistake: Mistake) -> Result<(), Mistake> {
    if holds { Ok(()) } else { Err(mistake) }
}

/// Where an instruction may jump to.
fn jump_target(code: &Code, at: usize) -> Option<u32> {
    let instr = code.instrs[at];
    if instr.op.shape().b == Operand::WideJump {
        return Some(instr.target(at as u32));
    }
    let has_target = instr.op.shape().extension == Extension::Jump;
    has_target.then(|| code.instrs[at + 1].target(at as u32))
}
