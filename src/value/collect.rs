//! Mark and sweep. Marking uses a stack of its own, no recursion; it stops at the objects of pools.
#![expect(unsafe_code, reason = "walks and frees objects through their addresses")]

use std::fmt;
use std::ptr::NonNull;

use super::heap::MIN_BYTES_BETWEEN_COLLECTIONS;
use super::heap::{Heap, KEPT_ELEMENTS, free_text};
use super::map::{Entry, MapData};
use super::object::{
    BoundObject, CellObject, ErrorObject, FunctionObject, Header, HugeObject, Kind, ListObject, MapObject, RangeObject,
    RecordObject, StrObject, WideObject,
};
use super::tag::Value;

/// Takes the roots of a collection.
pub struct Marker {
    stack: Vec<NonNull<Header>>,
}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marker").field("pending", &self.stack.len()).finish()
    }
}

impl Marker {
    /// Keeps a value and all it reaches.
    #[inline]
    pub fn value(&mut self, value: Value) {
        if !value.is_heap() {
            return;
        }
        let header = value.header_ptr();
        // SAFETY: roots and what live objects hold are live by the room's contract (a poisoned object still has its
        // memory), and a collection has the heap to itself.
        let (kind, space, marked) = unsafe {
            let header = header.as_ptr();
            ((*header).kind, (*header).space, (*header).mark != 0)
        };
        assert!(kind != Kind::Freed, "a root or live object holds {value:?}, which was freed");
        if space.is_pooled() || marked {
            return;
        }
        // SAFETY: as above.
        unsafe { (*header.as_ptr()).mark = 1 };
        if !matches!(kind, Kind::Str | Kind::Bytes | Kind::Wide | Kind::Huge | Kind::Range) {
            self.stack.push(header);
        }
    }

    /// Keeps all values of a slice.
    pub fn values(&mut self, values: &[Value]) {
        for &value in values {
            self.value(value);
        }
    }

    /// Keeps the keys and values of a map that is no object of the heap.
    pub fn map(&mut self, map: &MapData) {
        for entry in map.entries() {
            self.entry(entry);
        }
    }

    fn entry(&mut self, entry: &Entry) {
        self.value(entry.key);
        self.value(entry.value);
    }

    fn drain(&mut self) {
        while let Some(object) = self.stack.pop() {
            // SAFETY: only live objects are pushed; a collection has the heap to itself, and marking changes no
            // more than mark bytes, through the header's address.
            unsafe { self.children(object) };
        }
    }

    /// # Safety
    /// `object` is live and of the kind that its header says.
    unsafe fn children(&mut self, object: NonNull<Header>) {
        // SAFETY: the caller's promise covers each cast: it is to the type of the kind. The references are to the
        // parts behind the header alone, because a cycle writes this header's mark byte meanwhile.
        unsafe {
            match (*object.as_ptr()).kind {
                Kind::List => {
                    let items = &raw const (*object.cast::<ListObject>().as_ptr()).items;
                    self.values(&*items);
                }
                Kind::Map => {
                    let map = &raw const (*object.cast::<MapObject>().as_ptr()).map;
                    self.map(&*map);
                }
                Kind::Function => {
                    let function = object.cast::<FunctionObject>().as_ptr();
                    let cells = &raw const (*function).cells;
                    self.values(&*cells);
                    self.value((*function).receiver);
                }
                Kind::Bound => self.value((*object.cast::<BoundObject>().as_ptr()).receiver),
                Kind::Cell => self.value((*object.cast::<CellObject>().as_ptr()).value),
                Kind::Entity | Kind::Data => {
                    let record = object.cast::<RecordObject>().as_ptr();
                    let fields = &raw const (*record).fields;
                    self.values(&*fields);
                    self.value((*record).environment);
                }
                Kind::Error => self.value((*object.cast::<ErrorObject>().as_ptr()).message),
                Kind::Str | Kind::Bytes | Kind::Wide | Kind::Huge | Kind::Range | Kind::Freed => {}
            }
        }
    }
}

impl Heap {
    /// Frees what `roots` does not reach. Values not reached must not be used afterwards.
    pub fn collect(&mut self, roots: impl FnOnce(&mut Marker)) {
        let mut marker = Marker { stack: std::mem::take(&mut self.mark_stack) };
        roots(&mut marker);
        marker.drain();
        self.mark_stack = marker.stack;
        self.sweep();
        self.collect_above = MIN_BYTES_BETWEEN_COLLECTIONS.max(self.live_bytes);
        self.bytes_since = 0;
        self.collections += 1;
    }

    fn sweep(&mut self) {
        let mut live_bytes = 0;
        let mut objects = std::mem::take(&mut self.objects);
        objects.retain(|&object| {
            // SAFETY: the heap's objects are live until freed here, and nobody holds a reference to one.
            unsafe {
                if (*object.as_ptr()).mark != 0 {
                    (*object.as_ptr()).mark = 0;
                    live_bytes += bytes_of_object(object);
                    true
                } else {
                    self.free_object(object);
                    false
                }
            }
        });
        self.objects = objects;
        self.live_bytes = live_bytes;
    }

    /// # Safety
    /// `object` is the heap's, of the kind that its header says, and nobody uses it afterwards.
    unsafe fn free_object(&mut self, object: NonNull<Header>) {
        // SAFETY: the caller's promise; each cast is to the type of the kind.
        unsafe {
            if self.poison {
                self.freed.push((object, (*object.as_ptr()).kind));
                poison_object(object);
                return;
            }
            match (*object.as_ptr()).kind {
                Kind::List if Heap::has_room(&self.free.lists) => {
                    let mut list = object.cast::<ListObject>();
                    recycle_vec(&mut list.as_mut().items);
                    list.as_mut().epochs = Vec::new();
                    self.free.lists.push(list);
                }
                Kind::Map if Heap::has_room(&self.free.maps) => {
                    let mut map = object.cast::<MapObject>();
                    map.as_mut().map.reset(KEPT_ELEMENTS);
                    self.free.maps.push(map);
                }
                Kind::Cell if Heap::has_room(&self.free.cells) => {
                    self.free.cells.push(object.cast());
                }
                Kind::Wide if Heap::has_room(&self.free.wides) => {
                    self.free.wides.push(object.cast());
                }
                Kind::Function if Heap::has_room(&self.free.functions) => {
                    let mut function = object.cast::<FunctionObject>();
                    function.as_mut().cells = Vec::new();
                    self.free.functions.push(function);
                }
                kind => drop_object(object, kind),
            }
        }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: the heap owns them all, each is in exactly one of these lists, and none is used afterwards. Poisoned
        // objects still have valid, emptied contents of the kind noted beside them.
        unsafe {
            for object in std::mem::take(&mut self.objects) {
                drop_object(object, (*object.as_ptr()).kind);
            }
            for (object, kind) in std::mem::take(&mut self.freed) {
                drop_object(object, kind);
            }
            let free = std::mem::take(&mut self.free);
            free.lists.into_iter().for_each(|object| drop_object(object.cast(), Kind::List));
            free.maps.into_iter().for_each(|object| drop_object(object.cast(), Kind::Map));
            free.cells.into_iter().for_each(|object| drop_object(object.cast(), Kind::Cell));
            free.functions.into_iter().for_each(|object| drop_object(object.cast(), Kind::Function));
            free.wides.into_iter().for_each(|object| drop_object(object.cast(), Kind::Wide));
        }
    }
}

fn recycle_vec(items: &mut Vec<Value>) {
    if items.capacity() > KEPT_ELEMENTS {
        *items = Vec::new();
    } else {
        items.clear();
    }
}

/// Empties a freed object and marks it.
///
/// # Safety
/// `object` is live and of the kind that its header says.
unsafe fn poison_object(object: NonNull<Header>) {
    // SAFETY: the caller's promise; each cast is to the type of the kind.
    unsafe {
        match (*object.as_ptr()).kind {
            Kind::List => {
                let mut list = object.cast::<ListObject>();
                list.as_mut().items = Vec::new();
                list.as_mut().epochs = Vec::new();
            }
            Kind::Map => object.cast::<MapObject>().as_mut().map = MapData::new(),
            Kind::Function => object.cast::<FunctionObject>().as_mut().cells = Vec::new(),
            Kind::Entity | Kind::Data => object.cast::<RecordObject>().as_mut().fields = Vec::new(),
            Kind::Cell => object.cast::<CellObject>().as_mut().value = Value::UNSET,
            Kind::Str | Kind::Bytes => {
                let text = object.cast::<StrObject>().as_ptr();
                text.add(1).cast::<u8>().write_bytes(b'?', (*text).byte_len());
            }
            Kind::Wide | Kind::Huge | Kind::Range | Kind::Bound | Kind::Error | Kind::Freed => {}
        }
        (*object.as_ptr()).kind = Kind::Freed;
    }
}

/// Gives an object's memory back.
///
/// # Safety
/// `object` was allocated as `kind` and is not used afterwards.
pub(super) unsafe fn drop_object(object: NonNull<Header>, kind: Kind) {
    // SAFETY: the caller's promise; all but texts came from a `Box` of the kind's type.
    unsafe {
        match kind {
            Kind::Str | Kind::Bytes => free_text(object.cast()),
            Kind::Wide => drop(Box::from_raw(object.cast::<WideObject>().as_ptr())),
            Kind::Huge => drop(Box::from_raw(object.cast::<HugeObject>().as_ptr())),
            Kind::List => drop(Box::from_raw(object.cast::<ListObject>().as_ptr())),
            Kind::Map => drop(Box::from_raw(object.cast::<MapObject>().as_ptr())),
            Kind::Range => drop(Box::from_raw(object.cast::<RangeObject>().as_ptr())),
            Kind::Function => drop(Box::from_raw(object.cast::<FunctionObject>().as_ptr())),
            Kind::Bound => drop(Box::from_raw(object.cast::<BoundObject>().as_ptr())),
            Kind::Cell => drop(Box::from_raw(object.cast::<CellObject>().as_ptr())),
            Kind::Entity | Kind::Data => {
                drop(Box::from_raw(object.cast::<RecordObject>().as_ptr()));
            }
            Kind::Error => drop(Box::from_raw(object.cast::<ErrorObject>().as_ptr())),
            Kind::Freed => unreachable!("a poisoned object is dropped as the kind it had"),
        }
    }
}

/// The bytes that an object holds, buffers included.
///
/// # Safety
/// `object` is live and of the kind that its header says.
unsafe fn bytes_of_object(object: NonNull<Header>) -> usize {
    // SAFETY: the caller's promise; each cast is to the type of the kind.
    unsafe {
        match (*object.as_ptr()).kind {
            Kind::Str | Kind::Bytes => size_of::<StrObject>() + object.cast::<StrObject>().as_ref().byte_len(),
            Kind::Wide => size_of::<WideObject>(),
            Kind::Huge => size_of::<HugeObject>() + (object.cast::<HugeObject>().as_ref().number.bits() / 8) as usize,
            Kind::List => {
                let list = object.cast::<ListObject>().as_ref();
                size_of::<ListObject>()
                    + list.items.capacity() * size_of::<Value>()
                    + list.epochs.capacity() * size_of::<u64>()
            }
            Kind::Map => size_of::<MapObject>() + object.cast::<MapObject>().as_ref().map.heap_bytes(),
            Kind::Range => size_of::<RangeObject>(),
            Kind::Function => {
                let function = object.cast::<FunctionObject>().as_ref();
                size_of::<FunctionObject>() + function.cells.capacity() * size_of::<Value>()
            }
            Kind::Bound => size_of::<BoundObject>(),
            Kind::Cell => size_of::<CellObject>(),
            Kind::Entity | Kind::Data => {
                let record = object.cast::<RecordObject>().as_ref();
                size_of::<RecordObject>() + record.fields.capacity() * size_of::<Value>()
            }
            Kind::Error => size_of::<ErrorObject>(),
            Kind::Freed => 0,
        }
    }
}
