//! The gas schedule of program text: what one node of the source costs, whatever tier runs it. Work whose size the
//! text does not show (copies, hashes, big integers, storage) is charged by the shared operations instead.

/// The version of this table: part of the key of every cached program.
pub const SCHEDULE_VERSION: u32 = 1;

/// Any expression node.
pub(super) const EXPRESSION: u32 = 1;

/// Any statement.
pub(super) const STATEMENT: u32 = 1;

/// One arrival at a loop's header, the test apart.
pub(super) const ITERATION: u32 = 1;
