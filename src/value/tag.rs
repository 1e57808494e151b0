//! The 16-byte value: a tag, 32 spare bits that carry a string's hash, and a 64-bit payload.
#![expect(unsafe_code, reason = "a heap value's payload is the address of its object")]

use std::fmt;
use std::num::NonZeroU64;
use std::ptr::{self, NonNull};

use super::hash::{hash_immediate, hash_text, immediate_seed};
use super::object::{self, Header, ListObject, MapObject, Object, StrObject};

/// What a value is. Everything from `Str` on is a heap object; the order is relied upon by [`Tag::is_heap`].
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it; payloads are told at the constructors")]
pub enum Tag {
    /// A slot without a value yet: never seen by programs. Tags start at 1, so that a value's first word is never 0.
    Unset = 1,
    Null,
    Bool,
    Int,
    Float,
    /// A contract instance's id.
    Contract,
    /// The index of a contract, entity or data declaration.
    Class,
    /// A builtin's id.
    Builtin,
    /// An enum declaration's id.
    EnumType,
    /// A module's id.
    Module,
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
}

impl Tag {
    /// Whether a value of this tag is stored anywhere as it is: no copy, no check.
    #[inline(always)]
    pub const fn is_plain(self) -> bool {
        (self as u8) <= Tag::Contract as u8
    }

    /// Whether values of this tag point to an object.
    #[inline(always)]
    pub const fn is_heap(self) -> bool {
        self as u8 >= Tag::Str as u8
    }

    /// Whether values of this tag are containers that programs can change.
    #[inline(always)]
    pub const fn is_container(self) -> bool {
        matches!(self, Tag::List | Tag::Map | Tag::Entity | Tag::Data)
    }
}

/// A value of the language: 16 bytes, copied freely. Two words of equal strings may differ in `aux` and payload.
///
/// Two whole words, so that the compiler passes and returns a value, and a `Result` of one, in two registers. The
/// first holds the tag in its low byte and `aux` in its high half; it is never 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Value {
    word: NonZeroU64,
    payload: u64,
}

/// The first word of a 64-bit integer: its `aux` is always 0.
const INT_WORD: u64 = Tag::Int as u64;

impl Value {
    /// A slot without a value.
    pub const UNSET: Value = Value::immediate(Tag::Unset, 0);
    /// `null`.
    pub const NULL: Value = Value::immediate(Tag::Null, 0);
    /// `true`.
    pub const TRUE: Value = Value::immediate(Tag::Bool, 1);
    /// `false`.
    pub const FALSE: Value = Value::immediate(Tag::Bool, 0);

    #[inline(always)]
    const fn immediate(tag: Tag, payload: u64) -> Value {
        Value::new(tag, 0, payload)
    }

    #[inline(always)]
    const fn new(tag: Tag, aux: u32, payload: u64) -> Value {
        match NonZeroU64::new(tag as u64 | (aux as u64) << 32) {
            Some(word) => Value { word, payload },
            None => unreachable!(),
        }
    }

    /// An integer that fits 64 bits.
    #[inline(always)]
    pub const fn int(value: i64) -> Value {
        Value::immediate(Tag::Int, value as u64)
    }

    /// A float.
    #[inline(always)]
    pub const fn float(value: f64) -> Value {
        Value::immediate(Tag::Float, value.to_bits())
    }

    /// A boolean.
    #[inline(always)]
    pub const fn bool(value: bool) -> Value {
        Value::immediate(Tag::Bool, value as u64)
    }

    /// A handle of the contract instance `id`.
    #[inline(always)]
    pub const fn contract(id: u32) -> Value {
        Value::immediate(Tag::Contract, id as u64)
    }

    /// The declaration `index` of a contract, entity or data type.
    #[inline(always)]
    pub const fn class(index: u32) -> Value {
        Value::immediate(Tag::Class, index as u64)
    }

    /// The builtin `id` as a function value.
    #[inline(always)]
    pub const fn builtin(id: u32) -> Value {
        Value::immediate(Tag::Builtin, id as u64)
    }

    /// The enum declaration `id`.
    #[inline(always)]
    pub const fn enum_type(id: u32) -> Value {
        Value::immediate(Tag::EnumType, id as u64)
    }

    /// The module `id`.
    #[inline(always)]
    pub const fn module(id: u32) -> Value {
        Value::immediate(Tag::Module, id as u64)
    }

    /// The value of an object, with `aux` as the object's kind wants it (a string's hash, else 0).
    #[inline(always)]
    pub(super) fn object<T: Object>(object: NonNull<T>, aux: u32) -> Value {
        Value::of_header(T::TAG, object.cast(), aux)
    }

    #[inline(always)]
    pub(super) fn of_header(tag: Tag, header: NonNull<Header>, aux: u32) -> Value {
        Value::new(tag, aux, header.as_ptr().expose_provenance() as u64)
    }

    /// The tag.
    #[inline(always)]
    pub const fn tag(self) -> Tag {
        // SAFETY: the low byte of every value's first word is that of a `Tag`: `Value::new` alone makes values.
        unsafe { std::mem::transmute::<u8, Tag>(self.word.get() as u8) }
    }

    /// The 32 bits beside the tag: a string's hash, or 0 if it is not known here.
    #[inline(always)]
    pub const fn aux(self) -> u32 {
        (self.word.get() >> 32) as u32
    }

    /// The first word, for native code.
    #[inline(always)]
    pub const fn word(self) -> u64 {
        self.word.get()
    }

    /// A value from its two words.
    ///
    /// # Safety
    /// They are those of a value.
    #[inline(always)]
    pub const unsafe fn from_words(word: u64, payload: u64) -> Value {
        // SAFETY: the first word of a value is never 0.
        Value { word: unsafe { NonZeroU64::new_unchecked(word) }, payload }
    }

    /// The raw payload, for native code and for identity.
    #[inline(always)]
    pub const fn payload(self) -> u64 {
        self.payload
    }

    /// Whether it is a slot without a value.
    #[inline(always)]
    pub const fn is_unset(self) -> bool {
        matches!(self.tag(), Tag::Unset)
    }

    /// Whether it is `null`.
    #[inline(always)]
    pub const fn is_null(self) -> bool {
        matches!(self.tag(), Tag::Null)
    }

    /// Whether it is an integer of 64 bits (wider ones have tags of their own).
    #[inline(always)]
    pub const fn is_int(self) -> bool {
        self.word.get() == INT_WORD
    }

    /// Whether both are integers of 64 bits: one test for the arithmetic fast path.
    #[inline(always)]
    pub const fn both_int(self, other: Value) -> bool {
        ((self.word.get() ^ INT_WORD) | (other.word.get() ^ INT_WORD)) == 0
    }

    /// Whether it is an integer of any width.
    #[inline(always)]
    pub const fn is_integer(self) -> bool {
        matches!(self.tag(), Tag::Int | Tag::Wide | Tag::Huge)
    }

    /// Whether it is an integer or a float.
    #[inline(always)]
    pub const fn is_number(self) -> bool {
        matches!(self.tag(), Tag::Int | Tag::Float | Tag::Wide | Tag::Huge)
    }

    /// Whether it is a float.
    #[inline(always)]
    pub const fn is_float(self) -> bool {
        matches!(self.tag(), Tag::Float)
    }

    /// Whether it is a boolean.
    #[inline(always)]
    pub const fn is_bool(self) -> bool {
        matches!(self.tag(), Tag::Bool)
    }

    /// Whether it is a string.
    #[inline(always)]
    pub const fn is_str(self) -> bool {
        matches!(self.tag(), Tag::Str)
    }

    /// Whether it is a list.
    #[inline(always)]
    pub const fn is_list(self) -> bool {
        matches!(self.tag(), Tag::List)
    }

    /// Whether it is a map.
    #[inline(always)]
    pub const fn is_map(self) -> bool {
        matches!(self.tag(), Tag::Map)
    }

    /// Whether it points to an object.
    #[inline(always)]
    pub const fn is_heap(self) -> bool {
        self.tag().is_heap()
    }

    /// The integer; the tag is only debug-checked.
    #[inline(always)]
    pub const fn as_int(self) -> i64 {
        debug_assert!(self.is_int());
        self.payload as i64
    }

    /// The payload read as an integer, whatever the tag: for code that has checked two tags at once.
    #[inline(always)]
    pub const fn int_payload(self) -> i64 {
        self.payload as i64
    }

    /// The float; the tag is only debug-checked.
    #[inline(always)]
    pub const fn as_float(self) -> f64 {
        debug_assert!(self.is_float());
        f64::from_bits(self.payload)
    }

    /// The boolean; the tag is only debug-checked.
    #[inline(always)]
    pub const fn as_bool(self) -> bool {
        debug_assert!(self.is_bool());
        self.payload != 0
    }

    /// The id of a contract, class, builtin, enum or module; the tag is only debug-checked.
    #[inline(always)]
    pub const fn id(self) -> u32 {
        debug_assert!(matches!(self.tag(), Tag::Contract | Tag::Class | Tag::Builtin | Tag::EnumType | Tag::Module));
        self.payload as u32
    }

    /// Same tag and same payload: identity, not the language's `==`.
    #[inline(always)]
    pub const fn raw_eq(self, other: Value) -> bool {
        self.word.get() as u8 == other.word.get() as u8 && self.payload == other.payload
    }

    /// Whether a condition takes it as true. False are `null false 0 0.0 "" [] {}`, empty bytes and empty ranges.
    #[inline(always)]
    pub fn truthy(self) -> bool {
        if self.is_bool() { self.payload != 0 } else { self.truthy_other() }
    }

    fn truthy_other(self) -> bool {
        match self.tag() {
            Tag::Unset | Tag::Null => false,
            Tag::Bool | Tag::Int => self.payload != 0,
            Tag::Float => self.as_float() != 0.0,
            Tag::Str => self.str_object().byte_len() != 0,
            Tag::Bytes => !self.as_bytes().is_empty(),
            // SAFETY: a live value by the room's contract.
            Tag::List => unsafe { !self.object_ref::<ListObject>().items.is_empty() },
            // SAFETY: a live value by the room's contract.
            Tag::Map => unsafe { !self.object_ref::<MapObject>().map.is_empty() },
            // SAFETY: a live value by the room's contract.
            Tag::Range => unsafe { self.object_ref::<object::RangeObject>().count() != 0 },
            Tag::Contract
            | Tag::Class
            | Tag::Builtin
            | Tag::EnumType
            | Tag::Module
            | Tag::Wide
            | Tag::Huge
            | Tag::Function
            | Tag::Bound
            | Tag::Cell
            | Tag::Entity
            | Tag::Data
            | Tag::Error => true,
        }
    }

    /// The address of the object.
    #[inline(always)]
    pub(super) fn header_ptr(self) -> NonNull<Header> {
        debug_assert!(self.is_heap(), "{self:?} is no heap object");
        let pointer = ptr::with_exposed_provenance_mut::<Header>(self.payload as usize);
        // SAFETY: a heap tag is only ever paired with the address of an object, which is not null.
        unsafe { NonNull::new_unchecked(pointer) }
    }

    /// The typed address of the object, after the checks that this build makes.
    ///
    /// # Safety
    /// The value is live (see the room's contract).
    #[inline(always)]
    pub(super) unsafe fn object_ptr<T: Object>(self) -> NonNull<T> {
        debug_assert_eq!(self.tag(), T::TAG, "a value of another tag");
        let header = self.header_ptr();
        if cfg!(any(debug_assertions, feature = "checked")) {
            assert_eq!(self.tag(), T::TAG, "a value of another tag");
            // SAFETY: live by the caller's promise, or poisoned, in which case the memory is still there.
            let kind = unsafe { (*header.as_ptr()).kind };
            assert_eq!(kind, T::KIND, "the object behind {self:?} is of another kind, or was freed");
        }
        header.cast()
    }

    /// The object.
    ///
    /// # Safety
    /// The value is live and no exclusive reference to the object exists while the result is used.
    #[inline(always)]
    pub(super) unsafe fn object_ref<'a, T: Object>(self) -> &'a T {
        // SAFETY: live by the caller's promise; objects are initialised before their value is made.
        unsafe { self.object_ptr::<T>().as_ref() }
    }

    /// A string's object.
    #[inline(always)]
    pub(super) fn str_object<'a>(self) -> &'a StrObject {
        // SAFETY: a live value by the room's contract; string objects are never borrowed exclusively.
        unsafe { self.object_ref::<StrObject>() }
    }

    /// The string's text, valid until the next collection at which the string is garbage: the borrow of this
    /// copy of the value does not show that, the room's contract does.
    #[inline(always)]
    pub fn as_str(&self) -> &str {
        // SAFETY: live by the room's contract; the bytes were copied from a `str` and never change.
        unsafe { object::text_of(self.object_ptr::<StrObject>()) }
    }

    /// Whether two strings have the same text.
    #[inline(always)]
    pub(super) fn same_text(self, other: Value) -> bool {
        // SAFETY: both live by the room's contract.
        unsafe { object::same_text(self.object_ptr::<StrObject>(), other.object_ptr::<StrObject>()) }
    }

    /// The bytes of a `bytes` value, under the contract of [`Value::as_str`].
    #[inline(always)]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: live by the room's contract; the bytes never change.
        unsafe { object::bytes_of(self.object_ptr::<object::BytesObject>().cast()) }
    }

    /// The length of a string in characters.
    #[inline(always)]
    pub fn char_count(self) -> usize {
        self.str_object().char_count()
    }

    /// Whether each character of a string is one byte.
    #[inline(always)]
    pub fn is_ascii(self) -> bool {
        let object = self.str_object();
        object.char_count() == object.byte_len()
    }

    /// The string's hash: from the value, else from the object, else computed and kept in the object. Never 0.
    #[inline(always)]
    pub fn string_hash(self) -> u32 {
        debug_assert!(self.is_str());
        if self.aux() != 0 { self.aux() } else { self.string_hash_of_object() }
    }

    #[inline]
    fn string_hash_of_object(self) -> u32 {
        let object = self.str_object();
        let known = object.hash();
        if known != 0 {
            return known;
        }
        let hash = hash_text(self.as_str());
        object.set_hash(hash);
        hash
    }

    /// The string with its hash in `aux`; any other value as it is.
    #[inline(always)]
    #[must_use]
    pub fn with_hash(self) -> Value {
        if self.is_str() { Value::new(Tag::Str, self.string_hash(), self.payload) } else { self }
    }

    /// The hash of a value as a map key: strings, integers of any size and booleans only.
    #[inline]
    pub fn key_hash(self) -> u32 {
        debug_assert!(self.is_map_key(), "{self:?} is no map key");
        if self.is_str() {
            self.string_hash()
        } else if self.is_heap() {
            self.large_hash()
        } else {
            hash_immediate(self.payload, immediate_seed())
        }
    }

    /// The hash of an integer beyond 64 bits.
    pub(super) fn large_hash(self) -> u32 {
        self.with_large(hash_text)
    }

    /// Whether two integers beyond 64 bits are equal: each form is the smallest that fits.
    pub(super) fn same_large(self, other: Value) -> bool {
        self.tag() == other.tag() && self.with_large(|a| other.with_large(|b| a == b))
    }

    fn with_large<R>(self, f: impl FnOnce(&str) -> R) -> R {
        let text = if self.tag() == Tag::Wide {
            // SAFETY: a live value by the room's contract.
            unsafe { self.object_ref::<object::WideObject>().number.to_string() }
        } else {
            // SAFETY: a live value by the room's contract.
            unsafe { self.object_ref::<object::HugeObject>().number.to_string() }
        };
        f(&text)
    }

    /// Whether maps take it as a key.
    #[inline(always)]
    pub const fn is_map_key(self) -> bool {
        matches!(self.tag(), Tag::Str | Tag::Int | Tag::Bool | Tag::Wide | Tag::Huge)
    }
}

impl fmt::Debug for Value {
    /// Never follows the address: it may be stale.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tag() {
            Tag::Unset | Tag::Null => write!(f, "{:?}", self.tag()),
            Tag::Bool => write!(f, "Bool({})", self.payload != 0),
            Tag::Int => write!(f, "Int({})", self.payload as i64),
            Tag::Float => write!(f, "Float({:?})", f64::from_bits(self.payload)),
            Tag::Contract | Tag::Class | Tag::Builtin | Tag::EnumType | Tag::Module => {
                write!(f, "{:?}({})", self.tag(), self.payload)
            }
            _ => write!(f, "{:?}@{:#x}", self.tag(), self.payload),
        }
    }
}
