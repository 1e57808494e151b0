//! Pools of shared, frozen objects that any isolate may read and none may mark or free: the constants of a program, and
//! the inputs of a block of transactions.
#![expect(unsafe_code, reason = "owns objects through their addresses, and shares them between threads")]

use std::collections::HashMap;
use std::fmt;
use std::ptr::NonNull;

use num_bigint::BigInt;

use super::collect::drop_object;
use super::heap::new_text;
use super::map::MapData;
use super::numbers::{Integer, Wide};
use super::object::{
    BytesObject, ContainerHeader, FROZEN, Header, HugeObject, Kind, ListObject, MapObject, Object, Space, StrObject,
    WideObject,
};
use super::tag::{Tag, Value};

/// Shared objects, kept alive by whoever holds the pool (in an `Arc`). Values that point into it are valid as long
/// as it is; their strings carry the hash.
pub struct ConstantPool {
    objects: Vec<NonNull<Header>>,
}

// SAFETY: the pool owns its objects, and they are immutable once the pool is built: strings have their hash
// computed, so that not even that is written, and what a map notes of its finds is atomic; reading immutable memory
// from several threads is sound.
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

    /// The values of a program's constants, in the order in which they were made; strings with their hash.
    pub fn values(&self) -> Vec<Value> {
        let value = |object: &NonNull<Header>| {
            // SAFETY: the pool owns the object, which begins with its header.
            let tag = match unsafe { (*object.as_ptr()).kind } {
                Kind::Str => Tag::Str,
                Kind::Bytes => Tag::Bytes,
                Kind::Wide => Tag::Wide,
                Kind::Huge => Tag::Huge,
                kind => unreachable!("no program has a constant {kind:?}"),
            };
            Value::of_header(tag, *object, 0).with_hash()
        };
        self.objects.iter().map(value).collect()
    }

    /// Whether it owns none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Its strings.
    pub fn strings(&self) -> impl Iterator<Item = Value> + '_ {
        // SAFETY: the pool's objects are alive as long as it is.
        let strings = self.objects.iter().filter(|object| unsafe { object.as_ref() }.kind == Kind::Str);
        strings.map(|object| Value::object(object.cast::<StrObject>(), 0).with_hash())
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
    space: Space,
    strings: HashMap<Box<str>, Value>,
}

impl Default for ConstantPoolBuilder {
    fn default() -> ConstantPoolBuilder {
        ConstantPoolBuilder::new()
    }
}

impl ConstantPoolBuilder {
    /// An empty builder of a program's constants.
    pub fn new() -> ConstantPoolBuilder {
        ConstantPoolBuilder {
            pool: ConstantPool { objects: Vec::new() },
            space: Space::Shared,
            strings: HashMap::new(),
        }
    }

    /// An empty builder of a block's inputs. Strings that the program has as constants are those: so a constant key
    /// is found in an input map without looking at its text. The program's pool must outlive the new one.
    pub fn inputs(constants: &ConstantPool) -> ConstantPoolBuilder {
        let strings = constants.strings().map(|value| (value.as_str().into(), value)).collect();
        ConstantPoolBuilder { pool: ConstantPool { objects: Vec::new() }, space: Space::Input, strings }
    }

    /// An empty builder of further constants of a program, whose earlier ones are in these pools: they must outlive
    /// the new one. A string that is in one of them is not made again.
    pub fn behind<'p>(pools: impl Iterator<Item = &'p ConstantPool>) -> ConstantPoolBuilder {
        let strings = pools.flat_map(ConstantPool::strings).map(|value| (value.as_str().into(), value)).collect();
        ConstantPoolBuilder { strings, ..ConstantPoolBuilder::new() }
    }

    /// A string constant, its hash in the value.
    pub fn string(&mut self, text: &str) -> Value {
        if let Some(&value) = self.strings.get(text) {
            return value;
        }
        let value = self.string_anew(text);
        self.strings.insert(text.into(), value);
        value
    }

    /// A string constant that is not looked for among those already there: for pools that are restored.
    pub fn string_anew(&mut self, text: &str) -> Value {
        let object = new_text(Kind::Str, self.space, &[text.as_bytes()], text.len(), text.chars().count());
        self.adopt::<StrObject>(object).with_hash()
    }

    /// A bytes constant.
    pub fn bytes(&mut self, bytes: &[u8]) -> Value {
        let object = new_text(Kind::Bytes, self.space, &[bytes], bytes.len(), bytes.len());
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
        self.boxed(WideObject { header: Header::new(Kind::Wide, self.space), number })
    }

    fn huge(&mut self, number: BigInt) -> Value {
        self.boxed(HugeObject { header: Header::new(Kind::Huge, self.space), number })
    }

    /// A list of values of this pool, or immediates.
    pub fn list(&mut self, items: Vec<Value>) -> Value {
        let head = ContainerHeader::new(Kind::List, self.space, 0);
        self.boxed(ListObject { head, items, epochs: Vec::new() })
    }

    /// A map of values of this pool, or immediates.
    pub fn map(&mut self, map: MapData) -> Value {
        let head = ContainerHeader::new(Kind::Map, self.space, 0);
        self.boxed(MapObject { head, map })
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
