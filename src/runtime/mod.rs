//! The one set of operations and builtins that every tier calls, and the state of one run: errors, events, gas,
//! frames, signals. No tier has an operation of its own; a difference between tiers can only be in control flow.
//!
//! The room may use the ledger and values. It must never know syntax trees, bytecode or which tier is running.

pub mod builtins;
mod call;
pub mod config;
mod fail;
pub mod gas;
mod host;
pub mod info;
mod instance;
mod isolate;
mod kept;
mod layout;
pub mod library;
mod moves;
pub mod names;
pub mod ops;
mod output;
mod poll;
pub mod probe;
pub mod profile;
mod signal;
mod slice;
mod tier;
mod tier_profile;
mod tx;
mod view;
mod visit;

pub use builtins::methods_of;
pub use call::{CallSite, Frame, NO_INSTANCE, Target};
pub use fail::{NO_POSITION, TraceEntry};
pub use host::{HOST_FUNCTIONS, HostFunctions};
pub use isolate::{Isolate, IsolateSettings};
pub use kept::KeptState;
pub use layout::CallLayout;
pub use ops::Leaf;
pub use output::Output;
pub use poll::PollFlags;
pub use signal::{ErrorKind, Interrupt, Signal, Unwind};
pub use tier::{
    Clock, Counter, Decision, Entry, Heat, Meter, Moment, Note, Prepared, Reason, Site, Step, Terms, Tier, TierChange,
    TierName, TierPolicy, WorkClock,
};
pub use tier_profile::{SiteProfile, TierProfile};
pub use tx::TxContext;
pub use visit::Visit;
