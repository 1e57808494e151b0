//! The heap objects: what stands behind a value of each heap tag. Each is `repr(C)` and begins with its
//! [`Header`], so that any object can be read as one; native code relies on the offsets.
#![expect(unsafe_code, reason = "strings keep their bytes inline, behind the header")]

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use num_bigint::BigInt;

use super::map::MapData;
use super::numbers::Wide;
use super::tag::{Tag, Value};

/// What an object is; `Freed` marks one that a poisoning heap has swept.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the tags")]
pub enum Kind {
    Str,
    Bytes,
    Wide,
    Huge,
    List,
    Map,
    Range,
    Function,
    Bound,
    Cell,
    Entity,
    Data,
    Error,
    Freed,
}

/// Who frees an object.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Space {
    /// Swept by the heap of its isolate.
    Isolate,
    /// Immutable, kept alive by the [`super::ConstantPool`] of a program; marking stops here.
    Shared,
    /// Immutable too, kept alive by the pool of a block of transactions, which ends before the isolate does. So contract
    /// state never holds one: [`super::Heap::owned`] copies what is stored.
    Input,
    /// Contract state; swept by its heap too, its roots are the ledger's.
    Ledger,
}

impl Space {
    /// Whether objects here belong to a pool, and so to no heap.
    #[inline(always)]
    pub const fn is_pooled(self) -> bool {
        matches!(self, Space::Shared | Space::Input)
    }
}

/// Header flag: the object is not changed any more. Only a flag here; writers test it.
pub const FROZEN: u8 = 1;
/// Header flag: reads and writes go through the multi-version memory of the parallel executor.
pub const RECORDED: u8 = 2;

/// The eight bytes that every object begins with.
#[repr(C)]
#[derive(Debug)]
pub struct Header {
    /// What the object is.
    pub kind: Kind,
    /// Who frees it.
    pub space: Space,
    pub(super) mark: u8,
    /// [`FROZEN`], [`RECORDED`].
    pub flags: u8,
    /// A string's hash, 0 while not computed. Atomic because several threads may read one ledger.
    pub(super) aux: AtomicU32,
}

impl Header {
    pub(super) const fn new(kind: Kind, space: Space) -> Header {
        Header { kind, space, mark: 0, flags: 0, aux: AtomicU32::new(0) }
    }

    /// Whether the object is frozen.
    #[inline(always)]
    pub const fn is_frozen(&self) -> bool {
        self.flags & FROZEN != 0
    }

    /// Whether accesses are recorded by the parallel executor.
    #[inline(always)]
    pub const fn is_recorded(&self) -> bool {
        self.flags & RECORDED != 0
    }

    /// Whether a plain write may go straight to the object.
    #[inline(always)]
    pub const fn is_plain(&self) -> bool {
        self.flags == 0
    }
}

/// The header of what programs can change.
#[repr(C)]
#[derive(Debug)]
pub struct ContainerHeader {
    /// The common part.
    pub header: Header,
    /// The journal epoch at which it was made: changes to what is born after a checkpoint need no log.
    pub epoch: u64,
    /// Its owner place in contract state, as `ledger::place` numbers places; 0 before it entered state. Stale once it left.
    pub owner: u64,
    /// Its deterministic id in the ledger; 0 before it entered state. Stale once it left.
    pub id: u64,
}

impl ContainerHeader {
    pub(super) const fn new(kind: Kind, space: Space, epoch: u64) -> ContainerHeader {
        ContainerHeader { header: Header::new(kind, space), epoch, owner: 0, id: 0 }
    }
}

/// An object type. Implementors are `repr(C)` and begin with [`Header`] (directly or in a [`ContainerHeader`]).
pub trait Object {
    /// The tag of its values.
    const TAG: Tag;
    /// The kind in its header.
    const KIND: Kind;
}

macro_rules! objects {
    ($($object:ty: $name:ident),* $(,)?) => { $(
        impl Object for $object {
            const TAG: Tag = Tag::$name;
            const KIND: Kind = Kind::$name;
        }
    )* };
}
objects! {
    StrObject: Str, BytesObject: Bytes, WideObject: Wide, HugeObject: Huge, ListObject: List, MapObject: Map,
    RangeObject: Range, FunctionObject: Function, BoundObject: Bound, CellObject: Cell, ErrorObject: Error,
}

/// The fixed part of a string; its UTF-8 bytes follow in the same allocation.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct StrObject {
    pub(super) header: Header,
    pub(super) byte_len: u32,
    pub(super) char_count: u32,
}

impl StrObject {
    /// The length in bytes.
    #[inline(always)]
    pub const fn byte_len(&self) -> usize {
        self.byte_len as usize
    }

    /// The length in characters: equal to that in bytes if and only if the text is ASCII.
    #[inline(always)]
    pub const fn char_count(&self) -> usize {
        self.char_count as usize
    }

    /// The hash kept here, or 0.
    #[inline(always)]
    pub(super) fn hash(&self) -> u32 {
        // Relaxed: the hash of immutable bytes is the same whoever computes it, and nothing is published with it.
        self.header.aux.load(Ordering::Relaxed)
    }

    pub(super) fn set_hash(&self, hash: u32) {
        // Relaxed, as above.
        self.header.aux.store(hash, Ordering::Relaxed);
    }
}

/// The fixed part of a `bytes` value, laid out as [`StrObject`] is.
#[repr(C)]
#[derive(Debug)]
pub struct BytesObject {
    pub(super) text: StrObject,
}

/// Bytes that the text of a string or bytes object takes: whole words, at least one, so that it can be read by words.
#[inline]
pub(super) fn text_room(byte_len: usize) -> usize {
    byte_len.max(1).next_multiple_of(size_of::<u64>())
}

/// The layout of a string or bytes object with `byte_len` bytes behind it.
pub(super) fn text_layout(byte_len: usize) -> Layout {
    let size = size_of::<StrObject>() + text_room(byte_len);
    Layout::from_size_align(size, align_of::<u64>()).expect("text is shorter than 4 GiB")
}

/// The bytes behind a string or bytes object.
///
/// # Safety
/// The object is live for `'a`, and `object` was made from the address of its whole allocation.
#[inline(always)]
pub(super) unsafe fn bytes_of<'a>(object: NonNull<StrObject>) -> &'a [u8] {
    // SAFETY: the allocation holds `byte_len` initialised bytes behind the fixed part (see `Heap::alloc_text`), they
    // do not change while the object lives, and the pointer's provenance covers them.
    unsafe {
        let len = (*object.as_ptr()).byte_len as usize;
        std::slice::from_raw_parts(object.as_ptr().add(1).cast::<u8>(), len)
    }
}

/// Whether two string objects have the same text.
///
/// # Safety
/// As for [`bytes_of`], of both.
#[inline(always)]
pub(super) unsafe fn same_text(one: NonNull<StrObject>, other: NonNull<StrObject>) -> bool {
    /// Words that are compared one by one, at most.
    const WORDS_MAX: usize = 4;
    // SAFETY: the caller's promise; behind the fixed part stand whole words, at least one, the last filled up with zeros
    // (see `new_text`), and the fixed part ends where a word may begin.
    unsafe {
        let length = (*one.as_ptr()).byte_len();
        if length != (*other.as_ptr()).byte_len() {
            return false;
        }
        let words = text_room(length) / size_of::<u64>();
        if words > WORDS_MAX {
            return bytes_of(one) == bytes_of(other);
        }
        let (one, other) = (one.as_ptr().add(1).cast::<u64>(), other.as_ptr().add(1).cast::<u64>());
        (0..words).all(|at| one.add(at).read() == other.add(at).read())
    }
}

/// The text behind a string object.
///
/// # Safety
/// As for [`bytes_of`], and the object is a string.
#[inline(always)]
pub(super) unsafe fn text_of<'a>(object: NonNull<StrObject>) -> &'a str {
    // SAFETY: the caller's promise; a string object's bytes are copied from `str`s.
    unsafe { std::str::from_utf8_unchecked(bytes_of(object)) }
}

/// An integer past 64 bits, up to 256.
#[repr(C)]
#[derive(Debug)]
pub struct WideObject {
    pub(super) header: Header,
    /// The number.
    pub number: Wide,
}

/// An integer past 256 bits.
#[repr(C)]
#[derive(Debug)]
pub struct HugeObject {
    pub(super) header: Header,
    /// The number.
    pub number: BigInt,
}

/// A list.
#[repr(C)]
#[derive(Debug)]
pub struct ListObject {
    /// Header, birth epoch, place.
    pub head: ContainerHeader,
    /// The elements.
    pub items: Vec<Value>,
    /// Each element's journal epoch; shorter than `items` where the elements have not been journalled.
    pub epochs: Vec<u64>,
}

/// A map.
#[repr(C)]
#[derive(Debug)]
pub struct MapObject {
    /// Header, birth epoch, place.
    pub head: ContainerHeader,
    /// The entries and their index.
    pub map: MapData,
}

/// `range(a, b, step)` that nobody had to build: equal to the list of its numbers, and prints as it.
#[repr(C)]
#[derive(Debug)]
pub struct RangeObject {
    pub(super) header: Header,
    /// The first number.
    pub start: i64,
    /// Where it ends: excluded.
    pub end: i64,
    /// From one number to the next; never 0.
    pub step: i64,
}

impl RangeObject {
    /// How many numbers it has.
    pub fn count(&self) -> u64 {
        let (start, end, step) = (i128::from(self.start), i128::from(self.end), i128::from(self.step));
        let distance = if step > 0 { end - start } else { start - end };
        if distance <= 0 || step == 0 { 0 } else { ((distance - 1) / step.abs() + 1) as u64 }
    }

    /// The number at `index < count()`.
    pub fn at(&self, index: u64) -> i64 {
        self.start.wrapping_add(self.step.wrapping_mul(index as i64))
    }
}

/// An action or lambda as a value.
#[repr(C)]
#[derive(Debug)]
pub struct FunctionObject {
    pub(super) header: Header,
    /// The action's index.
    pub action: u32,
    /// The captured variables.
    pub cells: Vec<Value>,
    /// The contract instance inside which it was made, or null.
    pub receiver: Value,
}

/// What a bound function's number means.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BoundKind {
    /// An action's index.
    Action,
    /// A method's symbol.
    Method,
    /// An entity or data declaration's index, whose methods capture variables: the receiver is a function with them.
    Class,
}

/// `c.f` as a value: a receiver and what to call on it.
#[repr(C)]
#[derive(Debug)]
pub struct BoundObject {
    pub(super) header: Header,
    /// What `target` means.
    pub kind: BoundKind,
    /// The index of an action or declaration, or a method's symbol.
    pub target: u32,
    /// On what it is called.
    pub receiver: Value,
}

/// A captured variable.
#[repr(C)]
#[derive(Debug)]
pub struct CellObject {
    /// Header, birth epoch, place.
    pub head: ContainerHeader,
    /// What it holds now.
    pub value: Value,
    /// The journal epoch of its last logged write.
    pub written_epoch: u64,
}

/// An entity or data instance: fields in the order of the declaration.
#[repr(C)]
#[derive(Debug)]
pub struct RecordObject {
    /// Header, birth epoch, place.
    pub head: ContainerHeader,
    /// The declaration's index.
    pub class: u32,
    /// A function that holds the variables its methods capture, or null if they capture none.
    pub environment: Value,
    /// The fields' values.
    pub fields: Vec<Value>,
    /// Each field's journal epoch; shorter than `fields` where they have not been journalled.
    pub epochs: Vec<u64>,
}

/// The journal epoch of element `index`: that of its last logged write, at least that of its container's birth.
#[inline(always)]
fn epoch_at(epochs: &[u64], born: u64, index: usize) -> u64 {
    epochs.get(index).copied().unwrap_or(0).max(born)
}

#[inline]
fn set_epoch_at(epochs: &mut Vec<u64>, len: usize, index: usize, epoch: u64) {
    if epochs.len() <= index {
        epochs.resize(len.max(index + 1), 0);
    }
    epochs[index] = epoch;
}

impl ListObject {
    /// The journal epoch of element `index`, at least the list's birth.
    #[inline(always)]
    pub fn element_epoch(&self, index: usize) -> u64 {
        epoch_at(&self.epochs, self.head.epoch, index)
    }

    /// Notes that element `index` was journalled at `epoch`.
    #[inline]
    pub fn set_element_epoch(&mut self, index: usize, epoch: u64) {
        set_epoch_at(&mut self.epochs, self.items.len(), index, epoch);
    }
}

impl RecordObject {
    /// The journal epoch of field `index`, at least the record's birth.
    #[inline(always)]
    pub fn element_epoch(&self, index: usize) -> u64 {
        epoch_at(&self.epochs, self.head.epoch, index)
    }

    /// Notes that field `index` was journalled at `epoch`.
    #[inline]
    pub fn set_element_epoch(&mut self, index: usize, epoch: u64) {
        set_epoch_at(&mut self.epochs, self.fields.len(), index, epoch);
    }
}

/// A thrown error on its way: never seen by programs as such.
#[repr(C)]
#[derive(Debug)]
pub struct ErrorObject {
    pub(super) header: Header,
    /// What `catch` binds.
    pub message: Value,
    /// Which kind of error, as the runtime numbers them.
    pub kind: u32,
    /// Action, start and end of the source span.
    pub span: (u32, u32, u32),
    /// The calls it came through: (action, position).
    pub trace: Vec<(u32, u32)>,
    /// Whether a `throw` statement raised it.
    pub thrown: bool,
}
