//! The heap of one isolate: allocation and access. It never collects by itself (see `collect.rs`).
#![expect(unsafe_code, reason = "the heap owns its objects through raw addresses that values carry")]

use std::alloc::{alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ptr::NonNull;

use num_bigint::BigInt;

use super::map::{Entry, MapData};
use super::numbers::{Integer, Wide};
use super::object::{
    BoundKind, BoundObject, BytesObject, CellObject, ContainerHeader, ErrorObject, FunctionObject, Header, HugeObject,
    Kind, ListObject, MapObject, Object, RangeObject, RecordObject, Space, StrObject, WideObject, text_layout,
    text_room,
};
use super::tag::{Tag, Value};

/// Collections are not worth their while below so many bytes allocated since the last.
pub(super) const MIN_BYTES_BETWEEN_COLLECTIONS: usize = 2 << 20;
/// Freed cells of a kind kept for reuse, at most.
const FREE_CELLS_MAX: usize = 1 << 15;
/// A recycled list or map keeps a buffer of up to so many elements.
pub(super) const KEPT_ELEMENTS: usize = 16;

/// Freed objects of the kinds that programs make most, ready for reuse: empty, small buffers kept.
#[derive(Default)]
pub(super) struct FreeCells {
    pub(super) lists: Vec<NonNull<ListObject>>,
    pub(super) maps: Vec<NonNull<MapObject>>,
    pub(super) cells: Vec<NonNull<CellObject>>,
    pub(super) functions: Vec<NonNull<FunctionObject>>,
    pub(super) wides: Vec<NonNull<WideObject>>,
}

/// All objects of one isolate, those of its ledger space included.
pub struct Heap {
    /// The journal epoch that new containers are born in; 0 when no checkpoint is open. Set by the journal.
    pub current_epoch: u64,
    /// The id that the next container takes which enters contract state. Set by the ledger.
    pub next_state_id: u64,
    /// Flags of containers that enter contract state: [`super::RECORDED`] while a view notes accesses, else 0.
    pub state_flags: u8,
    /// Keep freed objects' memory and mark them [`Kind::Freed`], so that a use after a collection panics.
    pub poison: bool,
    pub(super) objects: Vec<NonNull<Header>>,
    /// Poisoned objects, with the kind that they had.
    pub(super) freed: Vec<(NonNull<Header>, Kind)>,
    pub(super) free: FreeCells,
    pub(super) mark_stack: Vec<NonNull<Header>>,
    pub(super) bytes_since: usize,
    pub(super) live_bytes: usize,
    bytes_total: u64,
    pub(super) collections: u64,
    objects_made: u64,
    /// The greater of the live bytes at the last collection and the least worth collecting.
    pub(super) collect_above: usize,
}

// SAFETY: every address in the heap is of an object that the heap owns, and objects hold no thread-bound data; a
// heap that moves to another thread takes all of them along. Values left behind are only numbers, which the room's
// contract forbids to read through.
unsafe impl Send for Heap {}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap")
            .field("objects", &self.objects.len())
            .field("live_bytes", &self.live_bytes())
            .field("current_epoch", &self.current_epoch)
            .finish_non_exhaustive()
    }
}

impl Default for Heap {
    fn default() -> Heap {
        Heap::new()
    }
}

/// Allocates a string or bytes object with `parts` behind one another.
pub(super) fn new_text(
    kind: Kind,
    space: Space,
    parts: &[&[u8]],
    byte_len: usize,
    char_count: usize,
) -> NonNull<StrObject> {
    assert!(u32::try_from(byte_len).is_ok(), "a string of 4 GiB");
    let layout = text_layout(byte_len);
    // SAFETY: the layout holds at least the fixed part, so it is not empty.
    let memory = unsafe { alloc(layout) };
    #[expect(clippy::cast_ptr_alignment, reason = "the layout asks for the alignment of u64")]
    let Some(object) = NonNull::new(memory.cast::<StrObject>()) else { handle_alloc_error(layout) };
    let fixed =
        StrObject { header: Header::new(kind, space), byte_len: byte_len as u32, char_count: char_count as u32 };
    // SAFETY: the memory is fresh, aligned for the fixed part, and holds whole words for `byte_len` bytes behind it, at
    // least one; the copies stay inside, which the assertion checks before each.
    unsafe {
        object.write(fixed);
        let bytes = object.as_ptr().add(1).cast::<u8>();
        let last = text_room(byte_len) - size_of::<u64>();
        bytes.add(last).write_bytes(0, size_of::<u64>());
        let mut at = 0;
        for part in parts {
            assert!(part.len() <= byte_len - at, "parts longer than announced");
            bytes.add(at).copy_from_nonoverlapping(part.as_ptr(), part.len());
            at += part.len();
        }
        assert!(at == byte_len, "parts shorter than announced");
    }
    object
}

/// Frees a string or bytes object.
///
/// # Safety
/// `object` came from [`new_text`] and is not used afterwards.
pub(super) unsafe fn free_text(object: NonNull<StrObject>) {
    // SAFETY: the caller's promise; the layout is the one it was allocated with.
    unsafe {
        let layout = text_layout((*object.as_ptr()).byte_len());
        dealloc(object.as_ptr().cast(), layout);
    }
}

#[inline]
fn count_chars(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// Allocation.
impl Heap {
    /// An empty heap.
    pub fn new() -> Heap {
        Heap {
            current_epoch: 0,
            next_state_id: 0,
            state_flags: 0,
            poison: false,
            objects: Vec::new(),
            freed: Vec::new(),
            free: FreeCells::default(),
            mark_stack: Vec::new(),
            bytes_since: 0,
            live_bytes: 0,
            bytes_total: 0,
            collections: 0,
            objects_made: 0,
            collect_above: MIN_BYTES_BETWEEN_COLLECTIONS,
        }
    }

    #[inline]
    fn push_object(&mut self, object: NonNull<Header>) {
        self.objects_made += 1;
        self.objects.push(object);
    }

    /// How many objects were ever made.
    pub fn objects_made(&self) -> u64 {
        self.objects_made
    }

    #[inline]
    fn account(&mut self, bytes: usize) {
        self.bytes_since += bytes;
        self.bytes_total += bytes as u64;
    }

    /// Tells the heap that an object of it has grown by `bytes` (a list's or map's buffer), so that it asks for
    /// collections in time. [`Heap::list_push`] and [`Heap::map_insert_new`] do it themselves.
    #[inline]
    pub fn note_growth(&mut self, bytes: usize) {
        self.account(bytes);
    }

    #[inline]
    fn register<T: Object>(&mut self, object: T, buffer_bytes: usize) -> Value {
        let object = NonNull::from(Box::leak(Box::new(object)));
        self.adopt(object, size_of::<T>() + buffer_bytes)
    }

    #[inline]
    fn adopt<T: Object>(&mut self, object: NonNull<T>, bytes: usize) -> Value {
        self.push_object(object.cast());
        self.account(bytes);
        Value::object(object, 0)
    }

    #[inline]
    fn container_header(&self, kind: Kind) -> ContainerHeader {
        ContainerHeader::new(kind, Space::Isolate, self.current_epoch)
    }

    fn alloc_text(&mut self, parts: &[&str], byte_len: usize, char_count: usize) -> Value {
        // SAFETY: a slice of `str` and one of byte slices have the same layout: `str` is `[u8]` with an invariant.
        let bytes = unsafe { &*(std::ptr::from_ref(parts) as *const [&[u8]]) };
        let object = new_text(Kind::Str, Space::Isolate, bytes, byte_len, char_count);
        self.adopt(object, size_of::<StrObject>() + byte_len)
    }

    /// A new string.
    pub fn alloc_str(&mut self, text: &str) -> Value {
        self.alloc_text(&[text], text.len(), count_chars(text))
    }

    /// A new string of all parts.
    pub fn alloc_str_from(&mut self, parts: &[&str]) -> Value {
        let byte_len = parts.iter().map(|part| part.len()).sum();
        let char_count = parts.iter().map(|part| count_chars(part)).sum();
        self.alloc_text(parts, byte_len, char_count)
    }

    /// A new string of two parts.
    pub fn concat(&mut self, a: &str, b: &str) -> Value {
        self.alloc_text(&[a, b], a.len() + b.len(), count_chars(a) + count_chars(b))
    }

    /// A new string of two strings, whose character counts are known.
    pub fn concat_values(&mut self, a: Value, b: Value) -> Value {
        let char_count = a.char_count() + b.char_count();
        let (a, b) = (a.as_str(), b.as_str());
        self.alloc_text(&[a, b], a.len() + b.len(), char_count)
    }

    /// New bytes.
    pub fn alloc_bytes(&mut self, bytes: &[u8]) -> Value {
        let object = new_text(Kind::Bytes, Space::Isolate, &[bytes], bytes.len(), bytes.len());
        self.adopt(object.cast::<BytesObject>(), size_of::<StrObject>() + bytes.len())
    }

    /// A new list.
    pub fn alloc_list(&mut self, items: Vec<Value>) -> Value {
        let bytes = size_of::<ListObject>() + items.capacity() * size_of::<Value>();
        let head = self.container_header(Kind::List);
        if let Some(mut object) = self.free.lists.pop() {
            // SAFETY: objects on the free list are initialised and nobody else's.
            let list = unsafe { object.as_mut() };
            list.head = head;
            list.items = items;
            return self.adopt(object, bytes);
        }
        self.register(ListObject { head, items, epochs: Vec::new() }, bytes - size_of::<ListObject>())
    }

    /// A new list of a slice's values, in a recycled buffer if one is at hand: for literals.
    pub fn alloc_list_from(&mut self, items: &[Value]) -> Value {
        let head = self.container_header(Kind::List);
        let Some(mut object) = self.free.lists.pop() else {
            return self.alloc_list(items.to_vec());
        };
        // SAFETY: objects on the free list are initialised and nobody else's.
        let list = unsafe { object.as_mut() };
        list.head = head;
        list.items.extend_from_slice(items);
        let bytes = size_of::<ListObject>() + list.items.capacity() * size_of::<Value>();
        self.adopt(object, bytes)
    }

    /// A new map.
    pub fn alloc_map(&mut self, map: MapData) -> Value {
        let bytes = map.heap_bytes();
        let head = self.container_header(Kind::Map);
        if let Some(mut object) = self.free.maps.pop() {
            // SAFETY: objects on the free list are initialised and nobody else's.
            let cell = unsafe { object.as_mut() };
            cell.head = head;
            cell.map = map;
            return self.adopt(object, size_of::<MapObject>() + bytes);
        }
        self.register(MapObject { head, map }, bytes)
    }

    /// A new, empty map with room for `capacity` entries, in recycled buffers if there are some: for literals.
    pub fn alloc_map_reserved(&mut self, capacity: usize) -> Value {
        let Some(mut object) = self.free.maps.pop() else { return self.alloc_map(MapData::with_capacity(capacity)) };
        let head = self.container_header(Kind::Map);
        // SAFETY: objects on the free list are initialised and nobody else's.
        let cell = unsafe { object.as_mut() };
        cell.head = head;
        cell.map.reserve(capacity);
        let bytes = size_of::<MapObject>() + cell.map.heap_bytes();
        self.adopt(object, bytes)
    }

    /// A new map with the keys and values of `template`, in recycled buffers if there are some: for literals.
    pub fn alloc_map_from(&mut self, template: &MapData) -> Value {
        let value = match self.free.maps.pop() {
            Some(mut object) => {
                let head = self.container_header(Kind::Map);
                // SAFETY: objects on the free list are initialised and nobody else's.
                unsafe { object.as_mut() }.head = head;
                self.adopt(object, size_of::<MapObject>())
            }
            None => self.alloc_map(MapData::new()),
        };
        let epoch = self.current_epoch;
        let map = &mut self.map_mut(value).map;
        map.clone_entries_from(template, epoch);
        let bytes = map.heap_bytes();
        self.account(bytes);
        value
    }

    /// A new wide integer. The number must not fit 64 bits: use [`Heap::alloc_integer`] where that is not known.
    pub fn alloc_wide(&mut self, number: Wide) -> Value {
        let header = Header::new(Kind::Wide, Space::Isolate);
        if let Some(object) = self.free.wides.pop() {
            // SAFETY: objects on the free list are nobody else's; a wide integer has no destructor to skip.
            unsafe { object.write(WideObject { header, number }) };
            return self.adopt(object, size_of::<WideObject>());
        }
        self.register(WideObject { header, number }, 0)
    }

    /// A new huge integer. The number must not fit 256 bits: use [`Heap::alloc_integer`] where that is not known.
    pub fn alloc_huge(&mut self, number: BigInt) -> Value {
        let bytes = (number.bits() / 8) as usize;
        self.register(HugeObject { header: Header::new(Kind::Huge, Space::Isolate), number }, bytes)
    }

    /// An integer of any width.
    #[inline]
    pub fn alloc_integer(&mut self, integer: Integer) -> Value {
        match integer {
            Integer::Small(small) => Value::int(small),
            Integer::Wide(wide) => self.alloc_wide(wide),
            Integer::Huge(huge) => self.alloc_huge(*huge),
        }
    }

    /// The value, or a copy of it that this heap owns if it is an immutable input of a block: what contract state keeps
    /// outlives the block.
    #[inline]
    pub fn owned(&mut self, value: Value) -> Value {
        if value.is_heap() && self.space(value) == Space::Input { self.owned_input(value) } else { value }
    }

    #[inline(never)]
    fn owned_input(&mut self, value: Value) -> Value {
        match value.tag() {
            Tag::Str => {
                let copy = self.alloc_text(&[value.as_str()], value.as_str().len(), value.char_count());
                copy.with_hash()
            }
            Tag::Bytes => self.alloc_bytes(value.as_bytes()),
            Tag::Wide | Tag::Huge => {
                let integer = self.integer(value);
                self.alloc_integer(integer)
            }
            // Containers are copied with what they hold, by `deep_copy`.
            _ => value,
        }
    }

    /// Makes what a container holds its heap's own; it holds no containers.
    pub fn own_elements(&mut self, container: Value) {
        match container.tag() {
            Tag::List => {
                for at in 0..self.list(container).items.len() {
                    let item = self.list(container).items[at];
                    self.list_mut(container).items[at] = self.owned(item);
                }
            }
            Tag::Map => {
                for at in 0..self.map(container).map.entry_count() as u32 {
                    let Entry { key, value, .. } = self.map(container).map.entries()[at as usize];
                    let (key, value) = (self.owned(key), self.owned(value));
                    let entry = self.map_mut(container).map.entry_mut(at);
                    (entry.key, entry.value) = (key, value);
                }
            }
            _ => {
                for at in 0..self.record(container).fields.len() {
                    let field = self.record(container).fields[at];
                    self.record_mut(container).fields[at] = self.owned(field);
                }
            }
        }
    }

    /// A new range; `step` is not 0.
    pub fn alloc_range(&mut self, start: i64, end: i64, step: i64) -> Value {
        debug_assert!(step != 0, "a range with step 0");
        self.register(RangeObject { header: Header::new(Kind::Range, Space::Isolate), start, end, step }, 0)
    }

    /// A new function: an action, its captured cells and the instance inside which it is made, or null.
    pub fn alloc_function(&mut self, action: u32, cells: Vec<Value>, receiver: Value) -> Value {
        let bytes = cells.capacity() * size_of::<Value>();
        let header = Header::new(Kind::Function, Space::Isolate);
        if let Some(mut object) = self.free.functions.pop() {
            // SAFETY: objects on the free list are initialised and nobody else's.
            *unsafe { object.as_mut() } = FunctionObject { header, action, cells, receiver };
            return self.adopt(object, size_of::<FunctionObject>() + bytes);
        }
        self.register(FunctionObject { header, action, cells, receiver }, bytes)
    }

    /// A new bound function.
    pub fn alloc_bound(&mut self, receiver: Value, kind: BoundKind, target: u32) -> Value {
        self.register(BoundObject { header: Header::new(Kind::Bound, Space::Isolate), kind, target, receiver }, 0)
    }

    /// A new captured variable.
    pub fn alloc_cell(&mut self, value: Value) -> Value {
        let head = self.container_header(Kind::Cell);
        let cell = CellObject { head, value, written_epoch: 0 };
        if let Some(object) = self.free.cells.pop() {
            // SAFETY: objects on the free list are nobody else's; a cell has no destructor to skip.
            unsafe { object.write(cell) };
            return self.adopt(object, size_of::<CellObject>());
        }
        self.register(cell, 0)
    }

    /// A new entity instance.
    pub fn alloc_entity(&mut self, class: u32, fields: Vec<Value>) -> Value {
        self.alloc_record(Tag::Entity, class, fields)
    }

    /// A new data instance.
    pub fn alloc_data(&mut self, class: u32, fields: Vec<Value>) -> Value {
        self.alloc_record(Tag::Data, class, fields)
    }

    /// A new entity or data instance, as `tag` says.
    pub fn alloc_record(&mut self, tag: Tag, class: u32, fields: Vec<Value>) -> Value {
        let kind = if tag == Tag::Entity { Kind::Entity } else { Kind::Data };
        let bytes = size_of::<RecordObject>() + fields.capacity() * size_of::<Value>();
        let head = self.container_header(kind);
        let record = RecordObject { head, class, environment: Value::NULL, fields, epochs: Vec::new() };
        let object: NonNull<Header> = NonNull::from(Box::leak(Box::new(record))).cast();
        self.push_object(object);
        self.account(bytes);
        Value::of_header(tag, object, 0)
    }

    /// A new pending error.
    pub fn alloc_error(&mut self, message: Value, kind: u32, span: (u32, u32, u32), thrown: bool) -> Value {
        let header = Header::new(Kind::Error, Space::Isolate);
        self.register(ErrorObject { header, message, kind, span, trace: Vec::new(), thrown }, 0)
    }

    /// Appends to a list, keeping the heap's accounts.
    #[inline]
    pub fn list_push(&mut self, list: Value, item: Value) {
        let items = &mut self.list_mut(list).items;
        let before = items.capacity();
        items.push(item);
        let grown = items.capacity() - before;
        if grown != 0 {
            self.account(grown * size_of::<Value>());
        }
    }

    /// Inserts a key that is known to be absent into a map, keeping the heap's accounts; gives the entry's index.
    #[inline]
    pub fn map_insert_new(&mut self, map: Value, key: Value, value: Value, epoch: u64) -> u32 {
        let map = &mut self.map_mut(map).map;
        let before = map.heap_bytes();
        let at = map.insert_new(key, value, epoch);
        let grown = map.heap_bytes().saturating_sub(before);
        if grown != 0 {
            self.account(grown);
        }
        at
    }
}

macro_rules! accessors {
    ($($get:ident $get_mut:ident $object:ty, $what:literal;)*) => {
        /// Access. Each expects a live value of the right tag (see the room's contract); debug and `checked` builds
        /// verify tag and kind.
        impl Heap { $(
            #[doc = concat!("The ", $what, ".")]
            #[inline(always)]
            pub fn $get(&self, value: Value) -> &$object {
                // SAFETY: live by the room's contract; exclusive references come from `&mut self` only.
                unsafe { value.object_ref() }
            }

            #[doc = concat!("The ", $what, ", to change it.")]
            #[inline(always)]
            pub fn $get_mut(&mut self, value: Value) -> &mut $object {
                // SAFETY: live by the room's contract; `&mut self` keeps other accessors away.
                unsafe { value.object_ptr::<$object>().as_mut() }
            }
        )* }
    };
}
accessors! {
    list list_mut ListObject, "list";
    map map_mut MapObject, "map";
    cell cell_mut CellObject, "captured variable";
    function function_mut FunctionObject, "function";
    error error_mut ErrorObject, "pending error";
}

/// Access to the immutable kinds, headers and records.
impl Heap {
    /// The string's text.
    #[inline(always)]
    pub fn str(&self, value: Value) -> &str {
        // SAFETY: live by the room's contract, and no collection can run during the borrow.
        unsafe { super::object::text_of(value.object_ptr()) }
    }

    /// The bytes of a `bytes` value.
    #[inline(always)]
    pub fn bytes(&self, value: Value) -> &[u8] {
        // SAFETY: as for `str`.
        unsafe { super::object::bytes_of(value.object_ptr::<BytesObject>().cast()) }
    }

    /// The string's hash: never 0.
    #[inline(always)]
    pub fn string_hash(&self, value: Value) -> u32 {
        value.string_hash()
    }

    /// The number of a wide integer.
    #[inline(always)]
    pub fn wide(&self, value: Value) -> &Wide {
        // SAFETY: live by the room's contract; wide integers are never borrowed exclusively.
        unsafe { &value.object_ref::<WideObject>().number }
    }

    /// The number of a huge integer.
    #[inline(always)]
    pub fn huge(&self, value: Value) -> &BigInt {
        // SAFETY: live by the room's contract; huge integers are never borrowed exclusively.
        unsafe { &value.object_ref::<HugeObject>().number }
    }

    /// The integer of any width behind an integer value.
    #[inline]
    pub fn integer(&self, value: Value) -> Integer {
        match value.tag() {
            Tag::Int => Integer::Small(value.as_int()),
            Tag::Wide => Integer::Wide(*self.wide(value)),
            Tag::Huge => Integer::Huge(Box::new(self.huge(value).clone())),
            _ => panic!("{value:?} is no integer"),
        }
    }

    /// The range.
    #[inline(always)]
    pub fn range(&self, value: Value) -> &RangeObject {
        // SAFETY: live by the room's contract; ranges are never borrowed exclusively.
        unsafe { value.object_ref() }
    }

    /// The bound function.
    #[inline(always)]
    pub fn bound(&self, value: Value) -> &BoundObject {
        // SAFETY: live by the room's contract; bound functions are never borrowed exclusively.
        unsafe { value.object_ref() }
    }

    #[inline(always)]
    fn record_ptr(value: Value) -> NonNull<RecordObject> {
        debug_assert!(matches!(value.tag(), Tag::Entity | Tag::Data), "{value:?} is no entity or data");
        let header = value.header_ptr();
        if cfg!(any(debug_assertions, feature = "checked")) {
            let expected = if value.tag() == Tag::Entity { Kind::Entity } else { Kind::Data };
            // SAFETY: live by the room's contract, or poisoned with its memory still there.
            let kind = unsafe { (*header.as_ptr()).kind };
            assert_eq!(kind, expected, "the object behind {value:?} is of another kind, or was freed");
        }
        header.cast()
    }

    /// The entity or data instance.
    #[inline(always)]
    pub fn record(&self, value: Value) -> &RecordObject {
        // SAFETY: live by the room's contract; exclusive references come from `&mut self` only.
        unsafe { Heap::record_ptr(value).as_ref() }
    }

    /// The entity or data instance, to change it.
    #[inline(always)]
    pub fn record_mut(&mut self, value: Value) -> &mut RecordObject {
        // SAFETY: live by the room's contract; `&mut self` keeps other accessors away.
        unsafe { Heap::record_ptr(value).as_mut() }
    }

    /// The header of any heap value.
    #[inline(always)]
    pub fn header(&self, value: Value) -> &Header {
        // SAFETY: live by the room's contract; every object begins with its header.
        unsafe { value.header_ptr().as_ref() }
    }

    /// The header of any heap value of this heap, to change space and flags.
    #[inline(always)]
    pub fn header_mut(&mut self, value: Value) -> &mut Header {
        // SAFETY: as above, and `&mut self` keeps other accessors away.
        unsafe { value.header_ptr().as_mut() }
    }

    /// The container header of a list, map, entity, data instance or cell.
    #[inline(always)]
    pub fn container(&self, value: Value) -> &ContainerHeader {
        debug_assert!(value.tag().is_container() || value.tag() == Tag::Cell, "{value:?} is no container");
        // SAFETY: as above; the objects of these tags begin with a container header.
        unsafe { value.header_ptr().cast().as_ref() }
    }

    /// The container header, to change epoch, owner and id.
    #[inline(always)]
    pub fn container_mut(&mut self, value: Value) -> &mut ContainerHeader {
        debug_assert!(value.tag().is_container() || value.tag() == Tag::Cell, "{value:?} is no container");
        // SAFETY: as above, and `&mut self` keeps other accessors away.
        unsafe { value.header_ptr().cast().as_mut() }
    }

    /// Whether the object is frozen.
    #[inline(always)]
    pub fn is_frozen(&self, value: Value) -> bool {
        self.header(value).is_frozen()
    }

    /// The space of a heap value.
    #[inline(always)]
    pub fn space(&self, value: Value) -> Space {
        self.header(value).space
    }
}

/// Contract state.
impl Heap {
    /// A container enters contract state, below the place `owner`: it takes the next id.
    pub fn enter_state(&mut self, value: Value, owner: u64) {
        let (id, flags) = (self.next_state_id, self.state_flags);
        self.next_state_id += 1;
        let head = self.container_mut(value);
        head.header.space = Space::Ledger;
        head.header.flags |= flags;
        head.id = id;
        head.owner = owner;
    }
}

/// Accounts.
impl Heap {
    /// Bytes held by what was live at the last collection and by what was allocated since.
    pub fn live_bytes(&self) -> usize {
        self.live_bytes + self.bytes_since
    }

    /// Objects allocated and not freed.
    pub fn allocated_objects(&self) -> usize {
        self.objects.len()
    }

    /// All bytes ever allocated.
    pub fn bytes_allocated_total(&self) -> u64 {
        self.bytes_total
    }

    /// How many collections there were.
    pub fn collections(&self) -> u64 {
        self.collections
    }

    /// Whether the next poll should collect: as many bytes were allocated since the last as were live then, and
    /// at least 2 MiB.
    #[inline(always)]
    pub fn should_collect(&self) -> bool {
        self.bytes_since > self.collect_above
    }

    pub(super) fn has_room<T>(list: &[T]) -> bool {
        list.len() < FREE_CELLS_MAX
    }
}
