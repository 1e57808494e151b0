//! How code ends early. A failing operation leaves what happened in the isolate and returns [`Unwind`], which takes
//! no room in a `Result<Value, Unwind>`.

/// Something unwinds; `Isolate::signal` says what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwind;

/// What unwinds. Only `Error` runs handlers, `finally` and `defer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A thrown value or runtime error: `Isolate::error` holds it.
    Error,
    /// The transaction's gas, or (`limited`) that of the call whose `limit` it passed.
    OutOfGas {
        /// Depth (in frames) of the limited call that it belongs to; none: the transaction's.
        limited: Option<u32>,
    },
    /// The allocation budget.
    OutOfMemory,
    /// A time limit, Ctrl-C or the hard memory cap.
    Interrupt(Interrupt),
    /// The parallel executor: this transaction read what another has yet to write.
    Dependency(u32),
}

/// Who interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// Ctrl-C, or the host's wish.
    Host,
    /// `--timeout`
    Timeout,
    /// `--memory-limit`
    Memory,
}

/// Kinds of runtime error, as kept in the error object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ErrorKind {
    /// A `throw`.
    Thrown = 0,
    /// Everything the runtime raises.
    Runtime = 1,
    /// `require`, `verify`.
    Requirement = 2,
    /// `revert`
    Revert = 3,
    /// A caught limit of an action.
    OutOfGas = 4,
    /// What no transaction of a block may do: change what is sealed, reach outside.
    Forbidden = 5,
}
