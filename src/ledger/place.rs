//! Ids of state containers and numbers of the places that own them. Both follow from the order of transactions and
//! of what each does, never from a global counter, so every executor gives the same.
//!
//! A container's id is (ordinal of the transaction in which it entered contract state, its running number there),
//! packed into 64 bits. Its owner place is an instance's field, or a slot of the container with the owner's id.

/// How many bits the running number has: a transaction's allocation budget ends far below 2^27 containers.
const NUMBER_BITS: u32 = 27;
/// Set in the number of an instance's field.
const FIELD: u64 = 1 << 63;
/// The id of the map of `persist_*`.
pub const PERSISTED: u64 = FIELD - 1;

/// The id of the first container that enters state in a transaction.
pub const fn first_id(transaction: u64) -> u64 {
    ((transaction << NUMBER_BITS) | 1) & (FIELD - 1)
}

/// The transaction in which a container entered state, and its running number there, from 1.
pub const fn parts(id: u64) -> (u64, u32) {
    (id >> NUMBER_BITS, (id & ((1 << NUMBER_BITS) - 1)) as u32)
}

/// The number of an instance's field as a place.
pub const fn of_field(instance: u32, field: u32) -> u64 {
    FIELD | (instance as u64) << 20 | field as u64
}
