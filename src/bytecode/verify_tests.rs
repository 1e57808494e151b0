//! The verifier takes all that the compiler makes, and refuses each way of harm.

use std::collections::HashMap;

use super::{Code, Handler, Instr, Op, compile, verify};
use crate::resolve::hir::{Capture, Slot};
use crate::resolve::{FileTree, Tree, resolve};
use crate::runtime::info::{ActionId, LoopId, Place, ProgramInfo, SourceText};
use crate::syntax::{Interner, parse};
use crate::value::Value;

const SOURCE: &str = r#"
contract Bank {
    data total = 0
    data owners = {}
    action pay(who, amount) {
        total = total + amount
        owners[who] = total
        emit Paid { who: who, amount: amount }
        return this
    }
    action twice(who) {
        pay(who, 1)
        return pay(who, 2)
    }
}
contract Other { action nothing() { return 1 } }
entity Point {
    x: int = 1
    action sum(y) { return this.x + y }
}
action count(limit) {
    let n = 0
    let add = action(k) { n = n + k
        return n
    }
    while n < limit { add(1) }
    for each k, v in {"a": 1} { print(k, v) }
    try { require(n > 2, "few") } catch (error) { print(error) } finally { print("end") }
    return n
}
action later(x) {
    defer { print("later") }
    return x
}
let bank = Bank()
bank.pay("a", 12345678901)
let p = Point{x: 3}
print(count(5), len("text"), p.sum(2), later(3))
"#;

struct Made {
    tree: Tree,
    info: ProgramInfo,
}

fn made() -> Made {
    let mut interner = Interner::new();
    let parsed = parse(SOURCE, &mut interner);
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    let imports = HashMap::new();
    let files = [FileTree { program: &parsed.program, module: "__main__", imports: &imports }];
    let texts = vec![SourceText { start: 0, name: "main.zx".into() }];
    let (tree, info) = resolve(&files, &[0], &interner, texts, SOURCE).unwrap_or_else(|errors| panic!("{errors:?}"));
    Made { tree, info }
}

impl Made {
    fn codes(&self) -> impl Iterator<Item = Code> {
        (0..self.info.actions.len() as u32).map(|action| compile(&self.tree, &self.info, ActionId(action), true))
    }

    /// Each code in which `change` finds something to change is refused afterwards; there is one.
    #[track_caller]
    fn refuses(&self, what: &str, change: impl Fn(&ProgramInfo, &mut Code) -> bool) {
        let mut changed = 0;
        for mut code in self.codes() {
            if change(&self.info, &mut code) {
                changed += 1;
                let text = code.action.0;
                assert!(verify(&code, &self.info).is_err(), "{what}: accepted in action {text}");
            }
        }
        assert!(changed > 0, "{what}: nothing to change");
    }
}

/// The position of the first instruction of an operation.
fn find(code: &Code, wanted: Op) -> Option<usize> {
    let mut at = 0;
    while at < code.instrs.len() {
        if code.instrs[at].op == wanted {
            return Some(at);
        }
        at += code.instrs[at].op.words();
    }
    None
}

/// Changes the first instruction of an operation.
fn first(wanted: Op, change: impl Fn(&mut Instr, u16)) -> impl Fn(&ProgramInfo, &mut Code) -> bool {
    move |_, code| {
        let size = code.frame_size;
        let found = find(code, wanted);
        found.is_some_and(|at| {
            change(&mut code.instrs[at], size);
            true
        })
    }
}

/// Changes the word behind the first instruction of an operation.
fn word(wanted: Op, number: u32) -> impl Fn(&ProgramInfo, &mut Code) -> bool {
    move |_, code| {
        let found = find(code, wanted);
        found.is_some_and(|at| {
            code.instrs[at + 1].set_number(number);
            true
        })
    }
}

const FAR: u32 = 1 << 20;

#[test]
fn what_is_compiled_is_accepted() {
    let made = made();
    for code in made.codes() {
        verify(&code, &made.info).unwrap_or_else(|mistake| panic!("action {}: {mistake}", code.action.0));
    }
}

#[test]
fn registers_outside_the_window() {
    let made = made();
    for op in [Op::LoadInt, Op::LoadConst, Op::LoadGlobal, Op::Add, Op::Return, Op::LoadThis, Op::New] {
        made.refuses(&format!("{op:?}"), first(op, |instr, size| instr.a = size));
    }
    made.refuses("the second operand", first(Op::Add, |instr, size| instr.b = size));
    made.refuses("an iterator of three", first(Op::Iterate, |instr, size| instr.a = size - 2));
    made.refuses("pending slots of two", first(Op::HoldPlain, |instr, size| instr.a = size - 1));
    made.refuses("more arguments than room", first(Op::CallBuiltin, |instr, size| instr.c = size + 1));
    made.refuses("a callee below the first register", first(Op::CallMethod, |instr, _| instr.b = 0));
    made.refuses("a window smaller than its variables", |info, code| {
        let fixed = info.actions[code.action.0 as usize].fixed_slots;
        code.frame_size = fixed.saturating_sub(1);
        fixed > 0
    });
    made.refuses("a window larger than its frame", |_, code| {
        code.frame_size = u16::MAX;
        true
    });
}

#[test]
fn arguments_and_cells_keep_their_places() {
    let made = made();
    made.refuses("arguments among the variables", |info, code| {
        let fixed = info.actions[code.action.0 as usize].fixed_slots;
        find(code, Op::CallValue).is_some_and(|at| {
            code.instrs[at].b = 1;
            fixed > 1
        })
    });
    let cell_of = |info: &ProgramInfo, code: &Code| info.actions[code.action.0 as usize].cells.first().copied();
    made.refuses("a cell as a value", |info, code| {
        let (Some(cell), Some(at)) = (cell_of(info, code), find(code, Op::Return)) else { return false };
        code.instrs[at].a = cell;
        true
    });
    made.refuses("a cell overwritten", |info, code| {
        let (Some(cell), Some(at)) = (cell_of(info, code), find(code, Op::LoadInt)) else { return false };
        code.instrs[at].a = cell;
        true
    });
    made.refuses("a value as a cell", first(Op::LoadCell, |instr, size| instr.b = size - 1));
    made.refuses("a closure over a value", |_, code| {
        let size = code.frame_size;
        let capture = code.closures.iter_mut().flat_map(|closure| &mut closure.captures).next();
        capture.is_some_and(|capture| {
            *capture = Capture::Slot(Slot(size - 1));
            true
        })
    });
}

#[test]
fn jumps_lead_to_instructions_and_circles_poll() {
    let made = made();
    made.refuses("a jump behind the end", first(Op::Jump, |instr, _| instr.set_number(FAR)));
    made.refuses("a jump into a word", |_, code| {
        let (Some(from), Some(call)) = (find(code, Op::Jump), find(code, Op::CallBuiltin)) else { return false };
        code.instrs[from].set_number((call as u32 + 1).wrapping_sub(from as u32));
        true
    });
    made.refuses("a jump to itself", first(Op::Jump, |instr, _| instr.set_number(0)));
    made.refuses("a loop without its poll", |_, code| {
        let mut found = false;
        for instr in code.instrs.iter_mut().filter(|instr| instr.op == Op::LoopHeader) {
            instr.op = Op::Gas;
            found = true;
        }
        code.loop_entries.clear();
        found
    });
    made.refuses("a loop entered behind its header", |_, code| {
        for (_, entry) in &mut code.loop_entries {
            *entry += 1;
        }
        !code.loop_entries.is_empty()
    });
    made.refuses("a loop of no program", |_, code| {
        for (id, _) in &mut code.loop_entries {
            *id = LoopId(FAR);
        }
        !code.loop_entries.is_empty()
    });
    made.refuses("a handler behind the end", |_, code| {
        for handler in &mut code.handlers {
            handler.target = FAR;
        }
        !code.handlers.is_empty()
    });
    made.refuses("a handler of itself", |_, code| {
        code.handlers.push(Handler { from: 0, to: 1, target: 0 });
        true
    });
    made.refuses("an open end", |_, code| code.instrs.pop().is_some());
    made.refuses("a word alone", |_, code| {
        code.instrs.insert(0, Instr::new(Op::Word, 0, 0, 0));
        true
    });
    made.refuses("a word missing", |_, code| {
        find(code, Op::CallBuiltin).is_some_and(|at| {
            code.instrs.remove(at + 1);
            true
        })
    });
}

#[test]
fn numbers_of_the_program_exist() {
    let made = made();
    for op in [Op::Call, Op::CallOwn, Op::CallBuiltin, Op::CallMethod, Op::New, Op::NewWith, Op::Emit, Op::LoadCell] {
        made.refuses(&format!("{op:?}"), word(op, FAR));
    }
    for op in [Op::LoadGlobal, Op::StoreGlobal, Op::LoadConst, Op::MakeClosure] {
        made.refuses(&format!("{op:?}"), first(op, |instr, _| instr.set_number(FAR)));
    }
    made.refuses("a field that is not there", first(Op::LoadField, |instr, _| instr.b = 999));
    made.refuses("state outside a contract", |info, code| {
        let outside = info.actions[code.action.0 as usize].class.is_none();
        let at = find(code, Op::LoadInt).filter(|_| outside);
        at.is_some_and(|at| {
            code.instrs[at] = Instr::new(Op::LoadField, code.instrs[at].a, 0, 0);
            true
        })
    });
    let other =
        made.info.actions.iter().position(|action| action.name.is_some_and(|name| made.info.name(name) == "nothing"));
    made.refuses("another contract's action", word(Op::CallOwn, other.unwrap_or(0) as u32));
    made.refuses("a contract's action without it", word(Op::Call, other.unwrap_or(0) as u32));
    made.refuses("fewer values than fields", first(Op::NewWith, |instr, _| instr.c = 0));
    made.refuses("fewer values than names", first(Op::Emit, |instr, _| instr.c = 1));
    made.refuses("a constant of no value", |_, code| {
        code.constants.fill(Value::UNSET);
        !code.constants.is_empty()
    });
    made.refuses("a handle as a constant", |_, code| {
        code.constants.fill(Value::contract(0));
        !code.constants.is_empty()
    });
    made.refuses("a place outside the text", |_, code| {
        code.places.push((0, Place { start: 0, end: FAR }));
        true
    });
    made.refuses("code of no action", |_, code| {
        code.action = ActionId(FAR);
        true
    });
}
