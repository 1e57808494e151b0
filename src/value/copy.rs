//! Deep copies: contract state is a tree, so what goes in and what comes out is copied.

use super::heap::Heap;
use super::map::MapData;
use super::object::{BoundKind, Space};
use super::tag::{Tag, Value};
use super::walk::{Blocked, Path, is_nested, next_slot, set_slot};

/// Why a value cannot be copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyError {
    /// `Cannot store a cyclic value`.
    Cyclic,
    /// Nested over [`super::MAX_DEPTH`] deep.
    TooDeep,
    /// A function where none may go: into state, or out of the contract that made it.
    Function,
}

/// How many logical units a container's copy costs; gas is charged by them in every tier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SizeUnits {
    /// Any value, by itself.
    pub value: u64,
    /// A map entry, beside its key's and value's own.
    pub entry: u64,
    /// So many bytes of a string, bytes or huge integer are one unit more.
    pub bytes_per_unit: u64,
    /// An integer of up to 256 bits, beside the one of the value.
    pub wide: u64,
}

/// The one table of sizes.
pub const SIZE_UNITS: SizeUnits = SizeUnits { value: 1, entry: 1, bytes_per_unit: 16, wide: 1 };

/// Copies lists, maps, entities and data deeply into `space`, as a tree: a container met twice is copied twice.
/// Insertion order is kept; immutable values are shared (an isolate's becomes the ledger's if stored there, the
/// heap is one). A range becomes a list.
///
/// Functions: into [`Space::Ledger`] none may go; elsewhere those made outside of any contract and bound actions
/// are shared, those made inside a contract are refused.
#[inline]
pub fn deep_copy(heap: &mut Heap, value: Value, space: Space) -> Result<Value, CopyError> {
    copy_below(heap, value, space, 0, &mut Vec::new())
}

/// As [`deep_copy`] out of contract state; `functions` gets the functions that the copy shares with the original.
pub fn deep_copy_out(heap: &mut Heap, value: Value, functions: &mut Vec<Value>) -> Result<Value, CopyError> {
    copy_below(heap, value, Space::Isolate, 0, functions)
}

/// As [`deep_copy`] into contract state, below the place `owner`. Containers take their ids in the order in which a
/// walk meets them: the outermost first, then what its slots hold, slot by slot.
pub fn deep_copy_into_state(heap: &mut Heap, value: Value, owner: u64) -> Result<Value, CopyError> {
    copy_below(heap, value, Space::Ledger, owner, &mut Vec::new())
}

#[inline]
fn copy_below(
    heap: &mut Heap,
    value: Value,
    space: Space,
    owner: u64,
    functions: &mut Vec<Value>,
) -> Result<Value, CopyError> {
    if is_copied_as_it_is(value) {
        return Ok(value);
    }
    Copier { heap, space, functions }.tree(value, owner)
}

impl From<Blocked> for CopyError {
    fn from(blocked: Blocked) -> CopyError {
        match blocked {
            Blocked::Cycle => CopyError::Cyclic,
            Blocked::TooDeep => CopyError::TooDeep,
        }
    }
}

/// Immediates, but for builtins, which are functions.
fn is_copied_as_it_is(value: Value) -> bool {
    !value.is_heap() && value.tag() != Tag::Builtin
}

struct Copier<'h> {
    heap: &'h mut Heap,
    space: Space,
    functions: &'h mut Vec<Value>,
}

impl Copier<'_> {
    /// Each container is copied slot by slot as it is, then the slots that need it are replaced.
    fn tree(&mut self, root: Value, owner: u64) -> Result<Value, CopyError> {
        if !is_nested(root) {
            return self.leaf(root, owner);
        }
        let mut path = Path::default();
        let copy = self.shallow(root, owner)?;
        path.enter(root, copy);
        while let Some(step) = path.top() {
            let walked = step.walked;
            let slot = next_slot(self.heap, walked, step.next, |v| !is_copied_as_it_is(v));
            let Some((at, value)) = slot else {
                path.leave();
                continue;
            };
            step.next = at + 1;
            let owner = self.heap.container(walked).id;
            let slot_copy = if is_nested(value) {
                path.check(value)?;
                let slot_copy = self.shallow(value, owner)?;
                path.enter(value, slot_copy);
                slot_copy
            } else {
                self.leaf(value, owner)?
            };
            set_slot(self.heap, walked, at, slot_copy);
        }
        Ok(copy)
    }

    fn leaf(&mut self, value: Value, owner: u64) -> Result<Value, CopyError> {
        match value.tag() {
            Tag::Range => {
                let range = self.heap.range(value);
                let items = (0..range.count()).map(|at| Value::int(range.at(at))).collect();
                let copy = self.heap.alloc_list(items);
                Ok(self.placed(copy, owner))
            }
            Tag::Str | Tag::Bytes | Tag::Wide | Tag::Huge => Ok(self.share(value)),
            Tag::Builtin | Tag::Bound | Tag::Function | Tag::Cell | Tag::Error => {
                check_function(self.heap, value, self.space)?;
                self.functions.push(value);
                Ok(value)
            }
            _ => Ok(value),
        }
    }

    /// An immutable value of the isolate that goes into the ledger becomes the ledger's: the heap is one. An input is
    /// copied.
    fn share(&mut self, value: Value) -> Value {
        if self.space != Space::Ledger {
            return value;
        }
        let owned = self.heap.owned(value);
        if self.heap.space(owned) == Space::Isolate {
            self.heap.header_mut(owned).space = Space::Ledger;
        }
        owned
    }

    fn placed(&mut self, copy: Value, owner: u64) -> Value {
        if self.space == Space::Ledger {
            self.heap.enter_state(copy, owner);
        }
        copy
    }

    /// A copy of the container alone: its slots are the original's.
    fn shallow(&mut self, value: Value, owner: u64) -> Result<Value, CopyError> {
        let copy = match value.tag() {
            Tag::List => {
                let items = self.heap.list(value).items.clone();
                self.heap.alloc_list(items)
            }
            Tag::Map => self.shallow_map(value),
            tag => {
                let record = self.heap.record(value);
                let (class, environment, fields) = (record.class, record.environment, record.fields.clone());
                if !environment.is_null() {
                    check_function(self.heap, environment, self.space)?;
                    self.functions.push(environment);
                }
                let copy = self.heap.alloc_record(tag, class, fields);
                self.heap.record_mut(copy).environment = environment;
                copy
            }
        };
        Ok(self.placed(copy, owner))
    }

    fn shallow_map(&mut self, value: Value) -> Value {
        let mut copy = MapData::new();
        copy.clone_entries_from(&self.heap.map(value).map, self.heap.current_epoch);
        for key in copy.keys_mut().filter(|key| key.is_heap()) {
            *key = self.share(*key);
        }
        self.heap.alloc_map(copy)
    }
}

fn check_function(heap: &Heap, value: Value, space: Space) -> Result<(), CopyError> {
    let free = match value.tag() {
        Tag::Function => heap.function(value).receiver.is_null(),
        Tag::Bound => bound_is_free(heap, value),
        _ => true,
    };
    if space == Space::Ledger || !free { Err(CopyError::Function) } else { Ok(()) }
}

/// Whether a bound function may leave a contract: an action of an instance may, a method of a container would take
/// the container with it.
pub fn bound_is_free(heap: &Heap, value: Value) -> bool {
    let bound = heap.bound(value);
    match bound.kind {
        BoundKind::Action => true,
        BoundKind::Method => !bound.receiver.tag().is_container(),
        BoundKind::Class => heap.function(bound.receiver).receiver.is_null(),
    }
}

/// The logical size that copying a value is charged for: [`SIZE_UNITS`] summed over the tree. Functions count as
/// one value here; whether they may go along is the copy's question. The walk ends above `limit`: containers shared
/// among containers can stand for trees of any size.
pub fn deep_size(heap: &Heap, value: Value, limit: u64) -> Result<u64, CopyError> {
    let mut size = own_size(heap, value);
    let mut path = Path::default();
    if is_nested(value) {
        path.enter(value, value);
    }
    while let Some(step) = path.top() {
        let Some((at, value)) = next_slot(heap, step.walked, step.next, |_| true) else {
            path.leave();
            continue;
        };
        step.next = at + 1;
        size = size.saturating_add(own_size(heap, value));
        if size > limit {
            break;
        }
        if is_nested(value) {
            path.check(value)?;
            path.enter(value, value);
        }
    }
    Ok(size)
}

/// The size of a value without what its slots hold; a map's keys are its own.
fn own_size(heap: &Heap, value: Value) -> u64 {
    let bytes = |count: u64| count / SIZE_UNITS.bytes_per_unit;
    let more = match value.tag() {
        Tag::Str => bytes(value.as_str().len() as u64),
        Tag::Bytes => bytes(value.as_bytes().len() as u64),
        Tag::Wide => SIZE_UNITS.wide,
        Tag::Huge => bytes(heap.huge(value).bits().div_ceil(8)),
        Tag::Range => heap.range(value).count().saturating_mul(SIZE_UNITS.value),
        Tag::Map => {
            let keys = heap.map(value).map.iter().map(|entry| own_size(heap, entry.key));
            keys.map(|key| SIZE_UNITS.entry + key).sum()
        }
        _ => 0,
    };
    more.saturating_add(SIZE_UNITS.value)
}
