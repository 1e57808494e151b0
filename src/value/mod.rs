//! Values and the memory that they live in: the 16-byte [`Value`], the heap objects behind it, the maps that
//! keep insertion order, the non-moving mark-sweep [`Heap`], the shared [`ConstantPool`], and what the language
//! says of values alone: equality, text, order, deep copies.
//!
//! The room may know numbers and nothing else of the project: not bytecode, not frames, not contracts (a contract
//! instance is an id here). It must never collect by itself, never run program code, and never let an address or
//! a hash become observable.
//!
//! # The contract of a `Value`
//! A heap value is an address. Reading through it is sound while the object is alive: from its allocation until
//! the next [`Heap::collect`] at which nothing marks it, or until its heap (its [`ConstantPool`]) is dropped.
//! Allocation never collects, so code may hold a value as long as it runs no program code in between. Builds with
//! debug assertions or the `checked` feature verify the kind of every object that they touch; with
//! [`Heap::poison`] set, a freed object keeps its memory and a kind of its own, so that a slip panics.

mod collect;
mod constants;
mod copy;
mod equality;
mod hash;
mod heap;
#[cfg(test)]
mod heap_tests;
mod layout;
mod map;
#[cfg(test)]
mod map_tests;
pub mod numbers;
mod object;
#[cfg(test)]
mod semantics_tests;
mod slots;
mod tag;
mod text;
mod walk;

pub use collect::Marker;
pub use constants::{ConstantPool, ConstantPoolBuilder};
pub use copy::{
    CopyError, SIZE_UNITS, SizeUnits, bound_is_free, deep_copy, deep_copy_into_state, deep_copy_out, deep_size,
};
pub use equality::{MAX_DEPTH, TooDeep, compare, equals};
pub use hash::hash_text;
pub use heap::Heap;
pub use layout::{ValueLayout, VecLayout, vec_layout};
pub use map::{Entry, MapData};
pub use object::{
    BoundKind, BoundObject, BytesObject, CellObject, ContainerHeader, ErrorObject, FROZEN, FunctionObject, Header,
    HugeObject, Kind, ListObject, MapObject, Object, RECORDED, RangeObject, RecordObject, Space, StrObject, WideObject,
};
pub use slots::SlotArray;
pub use tag::{Tag, Value};
pub use text::{Names, TextError, text};
