//! Where the machine is: code, next instruction, register window. The only place of the room that goes through raw
//! pointers.
#![expect(unsafe_code, reason = "unchecked access to verified code and to the register window")]

use crate::bytecode::{Code, Instr};
use crate::runtime::Isolate;
use crate::value::Value;

/// A place in running code.
///
/// Invariants: `pc` points to an instruction of `code`, whose jumps, indexes and registers the compiler made in range
/// (debug builds verify them); `base` points to the first of at least `code.frame_size` slots of the isolate's slot
/// array, which never moves and outlives the activation.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'vm> {
    code: &'vm Code,
    pc: *const Instr,
    base: *mut Value,
}

impl<'vm> Cursor<'vm> {
    /// The topmost frame at a position of its code; its window becomes the live part of the stack.
    #[inline(always)]
    pub(super) fn enter(isolate: &mut Isolate, code: &'vm Code, position: u32) -> Self {
        let base = isolate.frame().base;
        let top = base + u32::from(code.frame_size);
        isolate.top = top;
        assert!((top as usize) <= isolate.slots.len(), "`enter` bounds the stack");
        debug_assert!((position as usize) < code.instrs.len());
        // SAFETY: `base` is below the length just checked; `position` is the start of an instruction: 0, a loop entry,
        // or one that was left by a call.
        let (base, pc) = unsafe {
            (isolate.slots.as_mut_ptr().add(base as usize), code.instrs.as_ptr().add(position as usize))
        };
        Self { code, pc, base }
    }

    /// The code.
    #[inline(always)]
    pub(super) fn code(self) -> &'vm Code {
        self.code
    }

    /// Index of the current instruction.
    #[inline(always)]
    pub(super) fn position(self) -> u32 {
        // SAFETY: both point into the same vector.
        unsafe { self.pc.offset_from(self.code.instrs.as_ptr()) as u32 }
    }

    /// The current instruction.
    #[inline(always)]
    pub(super) fn instr(self) -> Instr {
        self.check_position(0);
        // SAFETY: the invariant.
        unsafe { *self.pc }
    }

    /// The word behind the current instruction, which is of a kind that has one.
    #[inline(always)]
    pub(super) fn word(self) -> Instr {
        self.check_position(1);
        // SAFETY: the invariant: a two-word instruction is whole.
        unsafe { *self.pc.add(1) }
    }

    #[inline(always)]
    fn check_position(self, ahead: usize) {
        if cfg!(any(debug_assertions, feature = "checked")) {
            assert!(self.position() as usize + ahead < self.code.instrs.len(), "pc out of range");
        }
    }

    #[inline(always)]
    fn check_register(self, register: u16) {
        if cfg!(any(debug_assertions, feature = "checked")) {
            assert!(register < self.code.frame_size, "register {register} out of range");
        }
    }

    /// Behind a one-word instruction.
    #[inline(always)]
    pub(super) fn next(self) -> Self {
        // SAFETY: code ends in a return, so an instruction that goes on has one behind it.
        Self { pc: unsafe { self.pc.add(1) }, ..self }
    }

    /// Behind a two-word instruction.
    #[inline(always)]
    pub(super) fn next_but_one(self) -> Self {
        // SAFETY: as for `next`.
        Self { pc: unsafe { self.pc.add(2) }, ..self }
    }

    /// At a jump's target.
    #[inline(always)]
    pub(super) fn jump(self, target: u32) -> Self {
        // SAFETY: the invariant: targets are starts of instructions.
        Self { pc: unsafe { self.code.instrs.as_ptr().add(target as usize) }, ..self }
    }

    /// A register.
    #[inline(always)]
    pub(super) fn get(self, register: u16) -> Value {
        self.check_register(register);
        // SAFETY: the invariant.
        unsafe { *self.base.add(register as usize) }
    }

    /// Sets a register.
    #[inline(always)]
    pub(super) fn set(self, register: u16, value: Value) {
        self.check_register(register);
        // SAFETY: the invariant.
        unsafe { *self.base.add(register as usize) = value };
    }

    /// A constant.
    #[inline(always)]
    pub(super) fn constant(self, index: u32) -> Value {
        debug_assert!((index as usize) < self.code.constants.len());
        // SAFETY: the invariant.
        unsafe { *self.code.constants.as_ptr().add(index as usize) }
    }
}

/// The index of a register in the isolate's slot array.
#[inline(always)]
pub(super) fn slot_of(isolate: &Isolate, register: u16) -> u32 {
    isolate.frame().base + u32::from(register)
}
