//! Where the machine is: next instruction and register window. The only place of the room that goes through raw
//! pointers. Two words, so that it stays in registers across every handler; what else belongs to the place, the
//! [`Code`], stands in a variable of the dispatch loop.
#![expect(unsafe_code, reason = "unchecked access to verified code and to the register window")]

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::bytecode::{Code, Instr, Op};
use crate::runtime::Isolate;
use crate::value::Value;

/// A place in running code.
///
/// Invariants: `pc` points to an instruction of a [`Code`] that lives as long as `'vm`, whose jumps, indexes and
/// registers the compiler made in range (debug builds verify them); `base` points to the first of at least
/// `frame_size` slots of the isolate's slot array, which never moves and outlives the activation.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'vm> {
    pc: NonNull<Instr>,
    base: *mut Value,
    code: Lifetime<'vm>,
}

#[cfg(not(any(debug_assertions, feature = "checked")))]
type Lifetime<'vm> = PhantomData<&'vm Code>;
/// Builds that check keep the code beside it.
#[cfg(any(debug_assertions, feature = "checked"))]
type Lifetime<'vm> = (PhantomData<&'vm Code>, &'vm Code);

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
        // a handler, or one that was left by a call.
        let (base, pc) = unsafe {
            (isolate.slots.as_mut_ptr().add(base as usize), NonNull::from(code.instrs.get_unchecked(position as usize)))
        };
        #[cfg(not(any(debug_assertions, feature = "checked")))]
        let code = PhantomData;
        #[cfg(any(debug_assertions, feature = "checked"))]
        let code = (PhantomData, code);
        Self { pc, base, code }
    }

    /// Index of the current instruction in the code that it belongs to.
    #[inline(always)]
    pub(super) fn position(self, code: &Code) -> u32 {
        ((self.pc.as_ptr() as usize - code.instrs.as_ptr() as usize) / size_of::<Instr>()) as u32
    }

    /// What the current instruction does. Read by itself: an instruction loaded whole would be taken apart before
    /// every jump, operands that its arm has no use for included.
    #[inline(always)]
    pub(super) fn op(self) -> Op {
        self.check_position(0);
        // SAFETY: the invariant.
        unsafe { (*self.pc.as_ptr()).op }
    }

    /// The current instruction.
    #[inline(always)]
    pub(super) fn instr(self) -> Instr {
        self.check_position(0);
        // SAFETY: the invariant.
        unsafe { *self.pc.as_ptr() }
    }

    /// The word behind the current instruction, which is of a kind that has one.
    #[inline(always)]
    pub(super) fn word(self) -> Instr {
        self.check_position(1);
        // SAFETY: the invariant: a two-word instruction is whole.
        unsafe { *self.pc.as_ptr().add(1) }
    }

    #[inline(always)]
    fn check_position(self, ahead: usize) {
        let _ = ahead;
        #[cfg(any(debug_assertions, feature = "checked"))]
        assert!(self.position(self.code.1) as usize + ahead < self.code.1.instrs.len(), "pc out of range");
    }

    #[inline(always)]
    fn check_register(self, register: u16) {
        let _ = register;
        #[cfg(any(debug_assertions, feature = "checked"))]
        assert!(register < self.code.1.frame_size, "register {register} out of range");
    }

    #[inline(always)]
    fn moved(self, words: isize) -> Self {
        // SAFETY: the invariant: code ends in a return, so an instruction that goes on has one behind it, and jumps
        // lead to instructions.
        Self { pc: unsafe { self.pc.offset(words) }, ..self }
    }

    /// Behind a one-word instruction.
    #[inline(always)]
    pub(super) fn next(self) -> Self {
        self.moved(1)
    }

    /// Behind a two-word instruction.
    #[inline(always)]
    pub(super) fn next_but_one(self) -> Self {
        self.moved(2)
    }

    /// At the target of this jump.
    #[inline(always)]
    pub(super) fn jump(self, distance: u32) -> Self {
        self.moved(distance as i32 as isize)
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
}

/// A constant of the code.
#[inline(always)]
pub(super) fn constant(code: &Code, index: u32) -> Value {
    debug_assert!((index as usize) < code.constants.len());
    // SAFETY: the compiler makes constant indexes in range (debug builds verify them).
    unsafe { *code.constants.get_unchecked(index as usize) }
}

/// The index of a register in the isolate's slot array.
#[inline(always)]
pub(super) fn slot_of(isolate: &Isolate, register: u16) -> u32 {
    isolate.frame().base + u32::from(register)
}
