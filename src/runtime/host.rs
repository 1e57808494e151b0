//! Functions that the host lends to a program for one call: the draws behind `rng` in `generate(rng)`.

use super::isolate::Isolate;
use super::signal::Unwind;
use crate::value::Value;

/// Builtin ids from here on are the host's functions.
pub const HOST_FUNCTIONS: u32 = 1 << 16;

/// The host's functions.
pub trait HostFunctions: Send + std::fmt::Debug {
    /// Calls the function of that number.
    fn call(&mut self, function: u32, args: &[Value], isolate: &mut Isolate) -> Result<Value, Unwind>;
}

impl Isolate {
    /// Calls a function that the host lends.
    pub(super) fn call_host(&mut self, id: u32, base: u32, argc: u32) -> Result<Value, Unwind> {
        let Some(mut host) = self.host.take() else {
            return self.fail("This function belongs to generate(rng) and cannot be called later");
        };
        let args: Vec<Value> = self.slots[base as usize..(base + argc) as usize].to_vec();
        let result = host.call(id - HOST_FUNCTIONS, &args, self);
        self.host = Some(host);
        result
    }
}
