//! The one owner of executable memory: a unit's code is freed with it.
#![expect(unsafe_code, reason = "code is called through its address")]

use std::time::Instant;

use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, default_libcall_names};

use super::context::Context;
use crate::value::Value;

/// How compiled code ended.
#[repr(C)]
pub(super) struct Ended {
    /// The integer that the action returned; if `gas` is negative a status (see `status`).
    pub(super) word: i64,
    /// The gas left when an action returned an integer, which memory does not know yet; else negative.
    pub(super) gas: i64,
}

/// What compiled code is called as: the context, the frame's window, the gas. Both words come back in registers.
#[cfg(target_arch = "x86_64")]
pub(super) type Entry = unsafe extern "sysv64" fn(*mut Context, *mut Value, i64) -> Ended;
/// The same.
#[cfg(not(target_arch = "x86_64"))]
pub(super) type Entry = unsafe extern "C" fn(*mut Context, *mut Value, i64) -> Ended;

/// A compiled function and the pages that it stands in, which are executable and no longer writable.
pub(super) struct Compiled {
    module: Option<JITModule>,
    entry: Entry,
    /// Size of the code.
    pub(super) bytes: usize,
}

/// A unit's machine code, made.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) compiled: Compiled,
    /// As text, if it was asked for.
    pub(super) assembly: Option<String>,
    /// Time spent on it.
    pub(super) ns: u64,
}

impl Code {
    /// Compiles the function that the context holds.
    pub(super) fn make(isa: &OwnedTargetIsa, context: &mut cranelift_codegen::Context) -> Result<Self, String> {
        let started = Instant::now();
        let compiled = Compiled::finish(Compiled::module(isa), context)?;
        let assembly = context.compiled_code().and_then(|code| code.vcode.clone());
        Ok(Self { compiled, assembly, ns: started.elapsed().as_nanos() as u64 })
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

// SAFETY: the module is only kept to be freed; its code is immutable and may be run by any thread.
unsafe impl Send for Compiled {}
// SAFETY: as above; nothing of the module is reached through a shared reference.
unsafe impl Sync for Compiled {}

impl Compiled {
    /// A module for one function.
    fn module(isa: &OwnedTargetIsa) -> JITModule {
        JITModule::new(JITBuilder::with_isa(isa.clone(), default_libcall_names()))
    }

    /// Compiles the function that the context holds.
    fn finish(mut module: JITModule, context: &mut cranelift_codegen::Context) -> Result<Self, String> {
        let made = (|| {
            let signature = context.func.signature.clone();
            let id = module.declare_function("unit", Linkage::Local, &signature).map_err(|error| error.to_string())?;
            module.define_function(id, context).map_err(|error| error.to_string())?;
            module.finalize_definitions().map_err(|error| error.to_string())?;
            Ok::<_, String>(id)
        })();
        match made {
            Ok(id) => {
                let bytes = context.compiled_code().map_or(0, |code| code.code_buffer().len());
                let address = module.get_finalized_function(id);
                // SAFETY: the function was made with the signature of `Entry`.
                let entry = unsafe { std::mem::transmute::<*const u8, Entry>(address) };
                Ok(Self { module: Some(module), entry, bytes })
            }
            Err(error) => {
                // SAFETY: nothing of the module was handed out.
                unsafe { module.free_memory() };
                Err(error)
            }
        }
    }

    /// Where the code begins.
    pub(super) fn entry(&self) -> Entry {
        self.entry
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: whoever runs the code holds the unit that owns it.
            unsafe { module.free_memory() };
        }
    }
}
