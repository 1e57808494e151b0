//! Calls that take no machine register from the code around them. A loop's rare calls would otherwise decide where its
//! values live: whatever is needed behind one would have to be in the few registers that every call preserves, or in
//! memory, in each iteration. Here a stub saves all registers, takes the arguments from the context, and puts the result
//! there; so only the context's address is passed.

use cranelift_codegen::ir::{AbiParam, InstBuilder, Signature, Value as Ssa, types};
use cranelift_codegen::isa::CallConv;

use super::context::{Context, find, step, write_entry};
use super::late::log_field;
use super::lower::{Lowerer, trusted};

/// Under what the stubs' signature is kept: no helper has this address.
const STUB: usize = 1;

/// A helper that may be called so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rare {
    /// The machine executes an instruction.
    Step,
    /// Finds an entry.
    Find,
    /// Writes to an entry.
    WriteEntry,
    /// Has the journal keep a field.
    LogField,
}

impl Rare {
    fn helper(self) -> usize {
        match self {
            Rare::Step => step as *const () as usize,
            Rare::Find => find as *const () as usize,
            Rare::WriteEntry => write_entry as *const () as usize,
            Rare::LogField => log_field as *const () as usize,
        }
    }

    /// Its stub: one that saves the registers of floats as well, or one for code without floats.
    #[cfg(all(target_arch = "x86_64", unix))]
    #[expect(clippy::unnecessary_wraps, reason = "other targets have none")]
    fn stub(self, floats: bool) -> Option<usize> {
        Some(match (self, floats) {
            (Rare::Step, false) => stubs::step as *const () as usize,
            (Rare::Find, false) => stubs::find as *const () as usize,
            (Rare::WriteEntry, false) => stubs::write_entry as *const () as usize,
            (Rare::LogField, false) => stubs::log_field as *const () as usize,
            (Rare::Step, true) => stubs::step_beside_floats as *const () as usize,
            (Rare::Find, true) => stubs::find_beside_floats as *const () as usize,
            (Rare::WriteEntry, true) => stubs::write_entry_beside_floats as *const () as usize,
            (Rare::LogField, true) => stubs::log_field_beside_floats as *const () as usize,
        })
    }

    #[cfg(not(all(target_arch = "x86_64", unix)))]
    fn stub(self, _floats: bool) -> Option<usize> {
        None
    }
}

impl Lowerer<'_, '_> {
    /// Calls a helper, with words behind the context, where that happens rarely.
    pub(super) fn call_rarely(&mut self, helper: Rare, args: &[Ssa]) -> Ssa {
        let context = self.context;
        let Some(stub) = self.stub(helper) else {
            let all: Vec<Ssa> = std::iter::once(context).chain(args.iter().copied()).collect();
            return self.call(helper.helper(), &vec![types::I64; all.len()], types::I64, &all);
        };
        let words = std::mem::offset_of!(Context, rare) as i32;
        for (number, arg) in args.iter().enumerate() {
            self.b.ins().store(trusted(), *arg, context, words + 8 * number as i32);
        }
        let signature = match self.signatures.get(&STUB) {
            Some(signature) => *signature,
            None => {
                let mut signature = Signature::new(CallConv::PreserveAll);
                signature.params.push(AbiParam::new(types::I64));
                let reference = self.b.import_signature(signature);
                self.signatures.insert(STUB, reference);
                reference
            }
        };
        let address = self.int_const(stub as i64);
        self.b.ins().call_indirect(signature, address, &[context]);
        self.b.ins().load(types::I64, trusted(), context, words)
    }

    /// The stub for a helper, where one is used.
    pub(super) fn stub(&self, helper: Rare) -> Option<usize> {
        helper.stub(self.learnt.floats).filter(|_| self.plan.is_loop)
    }

    /// The code has floats: they are in registers that its stubs save.
    pub(super) fn has_floats(&mut self) {
        self.again |= !self.learnt.floats;
        self.learnt.floats = true;
    }
}

#[cfg(all(target_arch = "x86_64", unix))]
#[allow(unsafe_code, reason = "the stubs have no frame that Rust knows of")]
mod stubs {
    use std::arch::naked_asm;
    use std::mem::offset_of;

    use super::super::context::Context;

    /// `fn(context)`: calls the helper with the context and the five words in it; its result replaces the first. Every
    /// register is as before.
    macro_rules! stub {
        ($name:ident, $helper:path, $saves:literal, $loads:literal) => {
            #[unsafe(naked)]
            pub(super) extern "C" fn $name() {
                naked_asm!(
                    "push rbp",
                    "mov rbp, rsp",
                    "push rdi",
                    "push rax",
                    "push rcx",
                    "push rdx",
                    "push rsi",
                    "push r8",
                    "push r9",
                    "push r10",
                    "push r11",
                    "sub rsp, 264",
                    $saves,
                    "mov rsi, [rdi + {words}]",
                    "mov rdx, [rdi + {words} + 8]",
                    "mov rcx, [rdi + {words} + 16]",
                    "mov r8, [rdi + {words} + 24]",
                    "mov r9, [rdi + {words} + 32]",
                    "call {helper}",
                    "mov rdi, [rbp - 8]",
                    "mov [rdi + {words}], rax",
                    $loads,
                    "add rsp, 264",
                    "pop r11",
                    "pop r10",
                    "pop r9",
                    "pop r8",
                    "pop rsi",
                    "pop rdx",
                    "pop rcx",
                    "pop rax",
                    "pop rdi",
                    "pop rbp",
                    "ret",
                    words = const offset_of!(Context, rare),
                    helper = sym $helper,
                )
            }
        };
        ($name:ident, $beside_floats:ident, $helper:path) => {
            stub!($name, $helper, "", "");
            stub!(
                $beside_floats,
                $helper,
                "
                movaps [rsp], xmm0
                movaps [rsp + 16], xmm1
                movaps [rsp + 32], xmm2
                movaps [rsp + 48], xmm3
                movaps [rsp + 64], xmm4
                movaps [rsp + 80], xmm5
                movaps [rsp + 96], xmm6
                movaps [rsp + 112], xmm7
                movaps [rsp + 128], xmm8
                movaps [rsp + 144], xmm9
                movaps [rsp + 160], xmm10
                movaps [rsp + 176], xmm11
                movaps [rsp + 192], xmm12
                movaps [rsp + 208], xmm13
                movaps [rsp + 224], xmm14
                movaps [rsp + 240], xmm15",
                "
                movaps xmm0, [rsp]
                movaps xmm1, [rsp + 16]
                movaps xmm2, [rsp + 32]
                movaps xmm3, [rsp + 48]
                movaps xmm4, [rsp + 64]
                movaps xmm5, [rsp + 80]
                movaps xmm6, [rsp + 96]
                movaps xmm7, [rsp + 112]
                movaps xmm8, [rsp + 128]
                movaps xmm9, [rsp + 144]
                movaps xmm10, [rsp + 160]
                movaps xmm11, [rsp + 176]
                movaps xmm12, [rsp + 192]
                movaps xmm13, [rsp + 208]
                movaps xmm14, [rsp + 224]
                movaps xmm15, [rsp + 240]"
            );
        };
    }

    stub!(step, step_beside_floats, super::super::context::step);
    stub!(find, find_beside_floats, super::super::context::find);
    stub!(write_entry, write_entry_beside_floats, super::super::context::write_entry);
    stub!(log_field, log_field_beside_floats, super::super::late::log_field);
}
