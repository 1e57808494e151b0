//! The dispatch loop: one arm for each row of the op table.

use super::arith::{binary, short, test, unary};
use super::calls::Reached;
use super::cursor::{Cursor, constant};
use super::jumps::{compare, compare_short, on_value};
use super::watch::Watch;
use super::{Vm, calls, containers, jumps, surroundings, unwind, variables};
use crate::bytecode::{Arrived, Code, Op};
use crate::runtime::info::{ActionId, ClassId};
use crate::runtime::{Isolate, Unwind};
use crate::value::Value;

/// Where an instruction goes on.
pub(super) type Step<'vm> = Result<Cursor<'vm>, Unwind>;

impl Vm {
    /// Runs from a position in the topmost frame until that frame returns or something leaves it.
    pub(super) fn execute<'vm, W: Watch>(
        &'vm self,
        isolate: &mut Isolate,
        mut code: &'vm Code,
        position: u32,
        watch: &W,
    ) -> Result<Value, Unwind> {
        let mut at = Cursor::enter(isolate, code, position);
        let depth = isolate.frames.len();
        loop {
            // An arm that succeeds goes round at once; what fails falls out of the `match`.
            macro_rules! step {
                ($step:expr) => {
                    match $step {
                        Ok(next) => {
                            at = next;
                            continue;
                        }
                        Err(Unwind) => at.position(code),
                    }
                };
            }
            // An arm that cannot fail.
            macro_rules! go {
                ($next:expr) => {{
                    at = $next;
                    continue;
                }};
            }
            // The topmost frame is another one: goes on there.
            macro_rules! switch {
                ($position:expr) => {{
                    code = self.code(isolate.frame().action);
                    at = Cursor::enter(isolate, code, $position);
                }};
            }
            macro_rules! leave {
                ($value:expr, $fresh:expr) => {{
                    let value = $value;
                    isolate.fresh_result = $fresh;
                    if isolate.frames.len() == depth {
                        return Ok(value);
                    }
                    let (position, to) = isolate.frame().resume;
                    match isolate.leave(value) {
                        Ok(value) => {
                            switch!(position);
                            at.set(to as u16, value);
                            at = at.next_but_one();
                            continue;
                        }
                        Err(Unwind) => position,
                    }
                }};
            }
            // A place where native code may go on. An arm that stays or comes back goes round.
            macro_rules! ascend {
                ($position:expr) => {
                    match self.arrive(isolate, code, $position) {
                        Arrived::Stay => continue,
                        Arrived::At(position) => {
                            at = Cursor::enter(isolate, code, position);
                            continue;
                        }
                        Arrived::Returned(value) => leave!(value, isolate.fresh_result),
                        Arrived::Failed(position) => position,
                    }
                };
            }
            macro_rules! enter {
                ($entered:expr) => {
                    match $entered {
                        Ok(()) => {
                            switch!(0);
                            if !W::ASCENDS || !isolate.heat.tick_call(code.action) {
                                continue;
                            }
                            ascend!(0)
                        }
                        Err(Unwind) => at.position(code),
                    }
                };
            }
            macro_rules! reach {
                ($reached:expr) => {
                    match $reached {
                        Ok(Reached::Frame) => {
                            switch!(0);
                            if !W::ASCENDS || !isolate.heat.tick_call(code.action) {
                                continue;
                            }
                            ascend!(0)
                        }
                        Ok(Reached::Done(next)) => {
                            at = next;
                            continue;
                        }
                        Err(Unwind) => at.position(code),
                    }
                };
            }
            // Nothing, unless this instantiation counts or stops.
            if watch.instruction(isolate, || at.position(code)) {
                return Ok(Value::NULL);
            }
            let failed_at = match at.op() {
                Op::Word => unreachable!("a word is no instruction"),
                Op::Move => {
                    at.set(at.instr().a, at.get(at.instr().b));
                    at = at.next();
                    continue;
                }
                Op::LoadInt => {
                    at.set(at.instr().a, Value::int(i64::from(at.instr().number() as i32)));
                    at = at.next();
                    continue;
                }
                Op::LoadConst => {
                    at.set(at.instr().a, constant(code, at.instr().number()));
                    at = at.next();
                    continue;
                }
                Op::LoadNull => {
                    at.set(at.instr().a, Value::NULL);
                    at = at.next();
                    continue;
                }
                Op::LoadUnset => {
                    at.set(at.instr().a, Value::UNSET);
                    at = at.next();
                    continue;
                }
                Op::LoadBool => {
                    at.set(at.instr().a, Value::bool(at.instr().b != 0));
                    at = at.next();
                    continue;
                }
                Op::LoadThis => step!(variables::load_this(isolate, at)),
                Op::LoadAction => go!(surroundings::load_action(isolate, at)),
                Op::CheckSet => step!(variables::check_set(isolate, at)),
                Op::LoadGlobal => step!(variables::load_global(isolate, at)),
                Op::LoadGlobalOr => go!(variables::load_global_or(isolate, code, at)),
                Op::StoreGlobal => step!(variables::store_global(isolate, at)),
                Op::LoadField => step!(variables::load_field(isolate, at)),
                Op::StoreField => step!(variables::store_field(isolate, at)),
                Op::LoadCell => step!(variables::load_cell(isolate, at)),
                Op::StoreCell => step!(variables::store_cell(isolate, at)),
                Op::LoadUpvalue => step!(variables::load_upvalue(isolate, at)),
                Op::StoreUpvalue => step!(variables::store_upvalue(isolate, at)),
                Op::PeekCell => go!(variables::peek_cell(isolate, at)),
                Op::Add => step!(binary(isolate, at, Isolate::add)),
                Op::Sub => step!(binary(isolate, at, Isolate::sub)),
                Op::Mul => step!(binary(isolate, at, Isolate::mul)),
                Op::Div => step!(binary(isolate, at, Isolate::div)),
                Op::Mod => step!(binary(isolate, at, Isolate::modulo)),
                Op::AddImm => step!(short(isolate, at, Isolate::add)),
                Op::SubImm => step!(short(isolate, at, Isolate::sub)),
                Op::MulImm => step!(short(isolate, at, Isolate::mul)),
                Op::DivImm => step!(short(isolate, at, Isolate::div)),
                Op::ModImm => step!(short(isolate, at, Isolate::modulo)),
                Op::Pow => step!(binary(isolate, at, Isolate::pow)),
                Op::BitAnd => step!(binary(isolate, at, Isolate::bit_and)),
                Op::BitOr => step!(binary(isolate, at, Isolate::bit_or)),
                Op::BitXor => step!(binary(isolate, at, Isolate::bit_xor)),
                Op::ShiftLeft => step!(binary(isolate, at, Isolate::shift_left)),
                Op::ShiftRight => step!(binary(isolate, at, Isolate::shift_right)),
                Op::Negate => step!(unary(isolate, at, Isolate::negate)),
                Op::BitNot => step!(unary(isolate, at, Isolate::bit_not)),
                Op::Less => step!(test(isolate, at, Isolate::less)),
                Op::LessEqual => step!(test(isolate, at, Isolate::less_equal)),
                Op::Greater => step!(test(isolate, at, Isolate::greater)),
                Op::GreaterEqual => step!(test(isolate, at, Isolate::greater_equal)),
                Op::Equal => step!(test(isolate, at, Isolate::equal)),
                Op::NotEqual => step!(test(isolate, at, |isolate, a, b| isolate.equal(a, b).map(|equal| !equal))),
                Op::In => step!(test(isolate, at, Isolate::contains)),
                Op::NotIn => step!(test(isolate, at, |isolate, a, b| isolate.contains(a, b).map(|inside| !inside))),
                Op::Not => step!(unary(isolate, at, |_, value| Ok(Value::bool(!value.truthy())))),
                Op::Truth => step!(unary(isolate, at, |_, value| Ok(Value::bool(value.truthy())))),
                Op::Jump => {
                    at = at.jump(at.instr().number());
                    continue;
                }
                Op::JumpIf => go!(on_value(at, Value::truthy)),
                Op::JumpIfNot => go!(on_value(at, |value| !value.truthy())),
                Op::JumpIfNull => go!(on_value(at, Value::is_null)),
                Op::JumpIfNotNull => go!(on_value(at, |value| !value.is_null())),
                Op::JumpIfSet => go!(on_value(at, |value| !value.is_unset())),
                Op::JumpIfLess => step!(compare(isolate, at, true, Isolate::less)),
                Op::JumpIfNotLess => step!(compare(isolate, at, false, Isolate::less)),
                Op::JumpIfLessEqual => step!(compare(isolate, at, true, Isolate::less_equal)),
                Op::JumpIfNotLessEqual => step!(compare(isolate, at, false, Isolate::less_equal)),
                Op::JumpIfGreater => step!(compare(isolate, at, true, Isolate::greater)),
                Op::JumpIfNotGreater => step!(compare(isolate, at, false, Isolate::greater)),
                Op::JumpIfGreaterEqual => step!(compare(isolate, at, true, Isolate::greater_equal)),
                Op::JumpIfNotGreaterEqual => step!(compare(isolate, at, false, Isolate::greater_equal)),
                Op::JumpIfEqual => step!(compare(isolate, at, true, Isolate::equal)),
                Op::JumpIfNotEqual => step!(compare(isolate, at, false, Isolate::equal)),
                Op::JumpIfLessImm => step!(compare_short(isolate, at, true, Isolate::less)),
                Op::JumpIfNotLessImm => step!(compare_short(isolate, at, false, Isolate::less)),
                Op::JumpIfLessEqualImm => step!(compare_short(isolate, at, true, Isolate::less_equal)),
                Op::JumpIfNotLessEqualImm => step!(compare_short(isolate, at, false, Isolate::less_equal)),
                Op::JumpIfGreaterImm => step!(compare_short(isolate, at, true, Isolate::greater)),
                Op::JumpIfNotGreaterImm => step!(compare_short(isolate, at, false, Isolate::greater)),
                Op::JumpIfGreaterEqualImm => step!(compare_short(isolate, at, true, Isolate::greater_equal)),
                Op::JumpIfNotGreaterEqualImm => step!(compare_short(isolate, at, false, Isolate::greater_equal)),
                Op::JumpIfEqualImm => step!(compare_short(isolate, at, true, Isolate::equal)),
                Op::JumpIfNotEqualImm => step!(compare_short(isolate, at, false, Isolate::equal)),
                Op::Gas => step!(jumps::gas(isolate, at)),
                Op::Mark => go!(surroundings::mark(isolate, at)),
                Op::LoopHeader => {
                    if W::ASCENDS && isolate.heat.tick_loop(at.instr().a) {
                        match self.arrive(isolate, code, at.position(code)) {
                            Arrived::Stay => step!(jumps::loop_header(isolate, code, at)),
                            Arrived::At(position) => {
                                at = Cursor::enter(isolate, code, position);
                                continue;
                            }
                            Arrived::Returned(value) => leave!(value, isolate.fresh_result),
                            Arrived::Failed(position) => position,
                        }
                    } else {
                        step!(jumps::loop_header(isolate, code, at))
                    }
                }
                Op::EnterInlined => step!(isolate.enter_inlined(ActionId(at.instr().number())).map(|()| at.next())),
                Op::LimitGas => step!(isolate.set_limit(at.get(at.instr().a)).map(|()| at.next())),
                Op::IndexGet => step!(binary(isolate, at, Isolate::index_get)),
                Op::IndexGetConst => step!(containers::index_get_const(isolate, code, at)),
                Op::IndexGetField => step!(containers::index_get_field(isolate, at)),
                Op::IndexGetGlobal => step!(containers::index_get_global(isolate, code, at)),
                Op::IndexSet => step!(containers::index_set(isolate, at)),
                Op::IndexSetField => step!(containers::index_set_field(isolate, at)),
                Op::MemberGet => step!(containers::member_get(isolate, at)),
                Op::MemberSet => step!(containers::member_set(isolate, at)),
                Op::Slice => step!(containers::slice(isolate, at)),
                Op::MakeList => step!(containers::collect(isolate, at, Isolate::make_list)),
                Op::MakeMap => step!(containers::collect(isolate, at, Isolate::make_map)),
                Op::Interpolate => step!(containers::collect(isolate, at, Isolate::interpolate)),
                Op::MakeRange => step!(binary(isolate, at, Isolate::make_range)),
                Op::MakeClosure => step!(containers::make_closure(isolate, code, at)),
                Op::MakeClass => step!(containers::make_class(isolate, code, at)),
                Op::Iterate => step!(containers::iterate(isolate, at)),
                Op::NextOne => step!(containers::next_one(isolate, at)),
                Op::NextTwo => step!(containers::next_two(isolate, at)),
                Op::Fits => go!(containers::fits(isolate, at)),
                Op::NoMatch => step!(isolate.no_match(at.get(at.instr().a))),
                Op::Call => enter!(calls::call(isolate, code, at)),
                Op::CallOwn => enter!(calls::call_own(isolate, code, at)),
                Op::CallVirtual => enter!(calls::call_virtual(isolate, code, at)),
                Op::CallMethod => reach!(calls::call_method(isolate, code, at)),
                Op::CallValue => reach!(calls::call_value(isolate, code, at)),
                Op::CallBuiltin => step!(calls::builtin(isolate, code, at)),
                Op::New => step!(calls::native(isolate, code, at, |isolate, class, base, argc| {
                    isolate.instantiate(ClassId(class), base, argc)
                })),
                Op::NewWith => step!(calls::new_with(isolate, code, at)),
                Op::NewOf => step!(calls::new_of(isolate, code, at)),
                Op::Return => leave!(at.get(at.instr().a), at.instr().x != 0),
                Op::ReturnNull => leave!(Value::NULL, false),
                Op::LoadConfig => go!(surroundings::load_config(isolate, at)),
                Op::StoreConfig => step!(surroundings::store_config(isolate, at)),
                Op::LoadTx => go!(surroundings::load_tx(isolate, at)),
                Op::LoadTxMap => step!(surroundings::load_tx_map(isolate, at)),
                Op::LoadSender => go!(surroundings::load_sender(isolate, at)),
                Op::Print => step!(surroundings::print(isolate, at)),
                Op::Debug => step!(surroundings::debug(isolate, at)),
                Op::Emit => step!(surroundings::emit(isolate, code, at)),
                Op::Throw => step!(unwind::throw(isolate, at)),
                Op::Catch => step!(unwind::catch(isolate, at)),
                Op::HoldError => go!(unwind::hold_error(isolate, at)),
                Op::Hold => go!(unwind::hold(at)),
                Op::HoldPlain => go!(unwind::hold_plain(at)),
                Op::Rethrow => step!(unwind::rethrow(isolate, at)),
                Op::JumpIfPending => go!(unwind::jump_if_pending(at)),
                Op::Defer => step!(unwind::defer(isolate, at)),
                Op::NextDeferred => step!(unwind::next_deferred(isolate, at)),
            };
            match self.unwind(isolate, failed_at, depth) {
                Some(handler) => {
                    code = self.code(isolate.frame().action);
                    at = Cursor::enter(isolate, code, handler);
                }
                None => return Err(Unwind),
            }
        }
    }
}
