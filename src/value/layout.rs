//! Where native code finds things in memory: offsets of fields, and those of a vector's parts, which the language
//! does not fix and which are therefore looked at when the process begins to compile.
#![expect(unsafe_code, reason = "a vector is looked at as words, to find which of them is which")]

use std::mem::offset_of;
use std::sync::OnceLock;

use super::heap::Heap;
use super::map::{Entry, MapData};
use super::object::{ContainerHeader, Header, ListObject, MapObject, StrObject};
use super::tag::{Tag, Value};

/// The words of a `Vec`, as byte offsets from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VecLayout {
    /// The address of the elements.
    pub pointer: i32,
    /// How many there are.
    pub length: i32,
    /// How many there is room for.
    pub capacity: i32,
}

impl VecLayout {
    /// The same of a vector that stands at an offset inside something.
    #[must_use]
    pub fn inside(self, at: usize) -> Self {
        let at = at as i32;
        Self { pointer: self.pointer + at, length: self.length + at, capacity: self.capacity + at }
    }
}

/// The layout of a vector of `T`; none if its words cannot be told apart, in which case native code does without.
pub fn vec_layout<T: Clone>(sample: &T) -> Option<VecLayout> {
    const WORDS: usize = size_of::<Vec<u64>>() / size_of::<usize>();
    let mut vector: Vec<T> = Vec::with_capacity(37);
    vector.extend(std::iter::repeat_n(sample.clone(), 5));
    let (address, capacity) = (vector.as_ptr() as usize, vector.capacity());
    // SAFETY: a `Vec` is three words, each initialised: address, capacity, length, in some order.
    let words: [usize; WORDS] = unsafe { std::ptr::from_ref(&vector).cast::<[usize; WORDS]>().read() };
    let at = |wanted: usize| {
        let mut found = words.iter().enumerate().filter(|(_, word)| **word == wanted).map(|(at, _)| at * 8);
        let first = found.next()?;
        found.next().is_none().then_some(first as i32)
    };
    if size_of::<Vec<T>>() != 8 * WORDS || capacity == 5 || address == 5 {
        return None;
    }
    Some(VecLayout { pointer: at(address)?, length: at(5)?, capacity: at(capacity)? })
}

/// Offsets that native code uses.
#[derive(Clone, Copy, Debug)]
pub struct ValueLayout {
    /// In the heap: the current journal epoch.
    pub heap_epoch: usize,
    /// In the heap: bytes allocated since the last collection.
    pub heap_bytes_since: usize,
    /// In the heap: how many of them ask for one.
    pub heap_collect_above: usize,
    /// In any object: the flags byte.
    pub flags: i32,
    /// In a container: its space.
    pub space: i32,
    /// In a map object: the vector of entries.
    pub map_entries: VecLayout,
    /// In a map object: the index, each slot a word with the hash in its low half and the entry in its high half.
    pub map_index: VecLayout,
    /// In a string: its hash, 32 bits; 0 while not computed.
    pub text_hash: i32,
    /// In a string: its length in bytes, 32 bits.
    pub text_length: i32,
    /// In a string: its bytes, at least one word of them, filled up with zeros.
    pub text_bytes: i32,
    /// In an entry: the key.
    pub entry_key: i32,
    /// In an entry: the value.
    pub entry_value: i32,
    /// In an entry: the epoch.
    pub entry_epoch: i32,
    /// In an entry: its insertion number.
    pub entry_seq: i32,
    /// In a list object: the vector of elements.
    pub list_items: VecLayout,
}

impl ValueLayout {
    /// The layout of this build; none if it could not be found out.
    pub fn get() -> Option<&'static ValueLayout> {
        static LAYOUT: OnceLock<Option<ValueLayout>> = OnceLock::new();
        LAYOUT.get_or_init(ValueLayout::look).as_ref()
    }

    fn look() -> Option<ValueLayout> {
        let entry = Entry { key: Value::NULL, value: Value::NULL, epoch: 0, seq: 0 };
        let (entries, values) = (vec_layout(&entry)?, vec_layout(&Value::NULL)?);
        let header = offset_of!(ContainerHeader, header);
        Some(ValueLayout {
            heap_epoch: offset_of!(Heap, current_epoch),
            heap_bytes_since: offset_of!(Heap, bytes_since),
            heap_collect_above: offset_of!(Heap, collect_above),
            flags: (header + offset_of!(Header, flags)) as i32,
            space: (header + offset_of!(Header, space)) as i32,
            map_entries: entries.inside(offset_of!(MapObject, map) + MapData::ENTRIES),
            map_index: MapData::index_layout()?.inside(offset_of!(MapObject, map) + MapData::INDEX),
            text_hash: offset_of!(Header, aux) as i32,
            text_length: offset_of!(StrObject, byte_len) as i32,
            text_bytes: size_of::<StrObject>() as i32,
            entry_key: offset_of!(Entry, key) as i32,
            entry_value: offset_of!(Entry, value) as i32,
            entry_epoch: offset_of!(Entry, epoch) as i32,
            entry_seq: offset_of!(Entry, seq) as i32,
            list_items: values.inside(offset_of!(ListObject, items)),
        })
    }
}

/// What native code does with a value's two words.
impl Value {
    /// The offset of the payload; the first word stands at 0.
    pub const PAYLOAD: i32 = 8;

    /// The first word of an immediate of a tag, or of a container of it.
    pub const fn word_of(tag: Tag) -> u64 {
        tag as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_found_out() {
        let layout = vec_layout(&Value::NULL).expect("this build's vectors can be told apart");
        assert_ne!(layout.pointer, layout.length);
        assert!(ValueLayout::get().is_some());
    }
}
