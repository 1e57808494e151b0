//! What the tier tells about itself, and what tests do to it.

use crate::bytecode::Op;
use crate::runtime::Site;
use crate::runtime::info::Place;

/// A bug to be put into native code, so that tests can show that a comparison of the tiers finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeBug {
    /// An overflow goes unnoticed.
    DroppedOverflowCheck,
    /// An exit forgets registers that hold integers.
    WrongExitSlot,
    /// A find is believed after something else was executed.
    StaleFind,
    /// Gas blocks are not charged.
    SkippedGas,
    /// What a contract call did before it failed stays.
    KeptAfterError,
    /// An exit in a spliced call forgets what the call has written.
    LostUndo,
    /// A list is read behind its end: in the build that finds it by asking, and would read what is there in any other.
    #[cfg(feature = "checked")]
    DroppedBoundsCheck,
}

impl NativeBug {
    /// All that a comparison finds.
    pub const ALL: [NativeBug; 6] = [
        NativeBug::DroppedOverflowCheck,
        NativeBug::WrongExitSlot,
        NativeBug::StaleFind,
        NativeBug::SkippedGas,
        NativeBug::KeptAfterError,
        NativeBug::LostUndo,
    ];
}

/// What code is made without, so that a ledger of costs can tell what each takes. Such code computes something else: a
/// failing call may leave a trace, an overflow wraps, and nobody pays. It is made for a measurement alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DroppedCosts {
    /// Gas is neither charged nor asked for, and quiet loops do not look at the poll, which is one question with it.
    pub gas: bool,
    /// Integers wrap.
    pub overflow_checks: bool,
    /// Compiled code keeps nothing of what it overwrites, and does not ask whether it has to.
    pub journal: bool,
}

/// Guards that fail whatever they find: of each unit those whose number has this remainder. What is computed is the
/// same, which tests show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForcedGuards {
    /// The divisor, at least 1.
    pub every: u32,
    /// The remainder, below the divisor.
    pub at: u32,
}

/// What the tier has done so far, over all isolates of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NativeCounts {
    /// Units made, those made again included.
    pub units: u64,
    /// Time spent making them, nanoseconds.
    pub compile_ns: u64,
    /// Machine code, bytes.
    pub code_bytes: u64,
    /// Entries into native code.
    pub entries: u64,
    /// Guards that failed.
    pub exits: u64,
    /// Units made again because of them.
    pub recompiled: u64,
    /// Loops and actions that stay in the VM.
    pub refused: u64,
    /// Units that are no longer entered: they were made again, or not used.
    pub dropped_units: u64,
    /// Of these, those that were freed, and their bytes.
    pub freed_units: u64,
    /// Machine code that was freed, of `code_bytes`.
    pub freed_bytes: u64,
}

/// One unit, for people.
#[derive(Clone, Debug)]
pub struct UnitReport {
    /// The loop or action.
    pub site: Site,
    /// How often it was made.
    pub rounds: u32,
    /// Why there is none, or nothing.
    pub refused: Option<String>,
    /// Bytecode instructions in it.
    pub instructions: usize,
    /// Of these, executed by the machine, and where they stand in the text.
    pub stepped: Vec<(Op, Place)>,
    /// Calls of contract actions that are part of it, without frames of their own.
    pub spliced: usize,
    /// Such calls that no longer are, as guards in them failed again and again.
    pub declined: usize,
    /// Calls straight from native code to native code.
    pub direct: u32,
    /// Of these, those that need no frame.
    pub frameless: u32,
    /// The action's own code for such calls, bytes.
    pub frameless_bytes: usize,
    /// Calls whose frames are pushed and popped as in the machine.
    pub helped: u32,
    /// Map entries looked up once, before the loop.
    pub finds: usize,
    /// Gas is asked for once an iteration.
    pub quiet: bool,
    /// Places where guesses failed again and again: nothing is guessed there.
    pub generic: usize,
    /// Machine code, bytes.
    pub code_bytes: usize,
    /// Making it took so long, nanoseconds.
    pub compile_ns: u64,
    /// Guards that failed.
    pub exits: u64,
}

/// A unit's texts, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitText {
    /// The loop or action.
    pub site: Site,
    /// What was given to Cranelift.
    pub clif: String,
    /// What came of it.
    pub assembly: String,
}
