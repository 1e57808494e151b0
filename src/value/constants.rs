//! Constants: shared, frozen objects that any isolate may read and none may mark or free.
#![expect(unsafe_code, reason = "owns objects through their addresses, and shares them between threads")]

use std::collections::HashMap;
use std::fmt;
use std::ptr::NonNull;

use num_bigint::BigInt;

use super::collect::drop_object;
use super::heap::new_text;
use super::numbers::{Integer, Wide};
use super::object::{BytesObject, FROZEN, Header, HugeObject, Kind, Object, Space, StrObject, WideObject};
use super::tag::Value;

/// Shared objects, kept alive by whoever holds the pool (in an `Arc`). Values that point into it are valid as long
/// as it is; their strings carry the hash.
pub struct ConstantPool {
    objects: Vec<NonNull<Header>>,
}

// SAFETY: the pool owns its objects, and they are immutable once the pool is built: strings have their hash
// computed, so that not even that is written; reading immutable memory from several threads is sound.
unsafe impl Send for ConstantPool {}
// SAFETY: as above; a shared pool offers no access at all.
unsafe impl Sync for ConstantPool {}

impl fmt::Debug for ConstantPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConstantPool").field("objects", &self.objects.len()).finish()
    }
}

impl ConstantPool {
    /// How many objects it owns.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether it owns none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

impl Drop for ConstantPool {
    fn drop(&mut self) {
        for object in self.objects.drain(..) {
            // SAFETY: the pool owns it, and its values must not outlive the pool; the kind is the one it was made as.
            unsafe { drop_object(object, (*object.as_ptr()).kind) };
        }
    }
}

/// Collects constants, equal strings once, and becomes a [`ConstantPool`].
#[derive(Debug)]
pub struct ConstantPoolBuilder {
    pool: ConstantPool,
    strings: HashMap<Box<str>, Value>,
}

impl Default for ConstantPoolBuilder {
    fn default() -> ConstantPoolBuilder {
        ConstantPoolBuilder::new()
    }
}

impl ConstantPoolBuilder {
    /// An empty builder.
    pub fn new() -> ConstantPoolBuilder {
        ConstantPoolBuilder { pool: ConstantPool { objects: Vec::new() }, strings: HashMap::new() }
    }

    /// A string constant, its hash in the value.
    pub fn string(&mut self, text: &str) -> Value {
        if let Some(&value) = self.strings.get(text) {
            return value;
        }
        let object = new_text(Kind::Str, Space::Shared, &[text.as_bytes()], text.len(), text.chars().count());
        let value = self.adopt::<StrObject>(object).with_hash();
        self.strings.insert(text.into(), value);
        value
    }

    /// A bytes constant.
    pub fn bytes(&mut self, bytes: &[u8]) -> Value {
        let object = new_text(Kind::Bytes, Space::Shared, &[bytes], bytes.len(), bytes.len());
        self.adopt::<BytesObject>(object.cast())
    }

    /// An integer constant of any width.
    pub fn integer(&mut self, integer: Integer) -> Value {
        match integer {
            Integer::Small(small) => Value::int(small),
            Integer::Wide(number) => self.wide(number),
            Integer::Huge(number) => self.huge(*number),
        }
    }

    fn wide(&mut self, number: Wide) -> Value {
        self.boxed(WideObject { header: Header::new(Kind::Wide, Space::Shared), number })
    }

    fn huge(&mut self, number: BigInt) -> Value {
        self.boxed(HugeObject { header: Header::new(Kind::Huge, Space::Shared), number })
    }

    fn boxed<T: Object>(&mut self, object: T) -> Value {
        self.adopt(NonNull::from(Box::leak(Box::new(object))))
    }

    fn adopt<T: Object>(&mut self, object: NonNull<T>) -> Value {
        let mut header: NonNull<Header> = object.cast();
        // SAFETY: the object is initialised, begins with its header, and nobody else has it yet.
        unsafe { header.as_mut().flags |= FROZEN };
        self.pool.objects.push(header);
        Value::object(object, 0)
    }

    /// The finished pool. Values given before stay valid while it lives.
    pub fn finish(self) -> ConstantPool {
        self.pool
    }
}
