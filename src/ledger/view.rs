//! The one view through which code above reaches contract state. An access looks at one flag, in the header of the
//! container or beside the fields of the instance: where it is clear the access goes straight to the heap
//! ([`Direct`], inlined); where it is set, to the view that was put in with [`Ledger::record_through`]. That is the
//! access recorder today; the multi-version memory of a parallel executor is another implementation of the same
//! trait. The bytecode is the same for both.

use std::fmt;

use super::Ledger;
use super::access::Accesses;
use crate::value::{Entry, RECORDED, Tag, Value};

/// Reads and writes of contract state. Containers are live heap values; keys are valid, normalised map keys; what
/// is stored has been copied or adopted where it must be.
pub trait StateView: fmt::Debug + Send {
    /// A field of an instance.
    fn field(&self, ledger: &Ledger, instance: u32, field: u32) -> Value;
    /// The value under a map's key.
    fn entry(&self, ledger: &Ledger, map: Value, key: Value) -> Option<Value>;
    /// A list's element; none behind the end.
    fn element(&self, ledger: &Ledger, list: Value, index: usize) -> Option<Value>;
    /// A field of an entity or data value.
    fn record_field(&self, ledger: &Ledger, record: Value, field: usize) -> Value;
    /// How many entries or elements.
    fn size(&self, ledger: &Ledger, container: Value) -> usize;
    /// The insertion number behind all of a map's keys: where an iteration that begins now ends.
    fn keys_end(&self, ledger: &Ledger, map: Value) -> u64;
    /// The first entry of a map whose insertion number is at least `from`.
    fn next_entry(&self, ledger: &Ledger, map: Value, from: u64) -> Option<Entry>;
    /// The container is about to be read whole, straight from the heap; what its slots hold only if `deep`.
    fn visit(&self, ledger: &Ledger, container: Value, deep: bool);
    /// The instance behind `Name.f()`.
    fn shared_instance(&self, ledger: &Ledger, class: u32) -> Option<u32>;

    /// Assigns a field of an instance.
    fn set_field(&mut self, ledger: &mut Ledger, instance: u32, field: u32, value: Value);
    /// Puts a value under a map's key.
    fn set_entry(&mut self, ledger: &mut Ledger, map: Value, key: Value, value: Value);
    /// Removes a map's key; gives its value.
    fn remove_entry(&mut self, ledger: &mut Ledger, map: Value, key: Value) -> Option<Value>;
    /// Removes all of a map's keys.
    fn clear_entries(&mut self, ledger: &mut Ledger, map: Value);
    /// Assigns a list's element, which is there.
    fn set_element(&mut self, ledger: &mut Ledger, list: Value, index: usize, value: Value);
    /// Appends to a list.
    fn push_element(&mut self, ledger: &mut Ledger, list: Value, value: Value);
    /// Takes a list's last element.
    fn pop_element(&mut self, ledger: &mut Ledger, list: Value) -> Option<Value>;
    /// Gives a list another content.
    fn replace_elements(&mut self, ledger: &mut Ledger, list: Value, items: Vec<Value>);
    /// Assigns a field of an entity or data value.
    fn set_record_field(&mut self, ledger: &mut Ledger, record: Value, field: u32, value: Value);
    /// An instance was made.
    fn made_instance(&mut self, ledger: &mut Ledger, instance: u32);
    /// The instance behind `Name.f()` was made.
    fn made_shared_instance(&mut self, ledger: &mut Ledger, class: u32);

    /// Everything written since the undo log had `log` entries, and there were so many `instances`, was undone.
    fn rolled_back(&mut self, log: usize, instances: usize);
    /// What was read and written since the last call: the end of a transaction.
    fn take_accesses(&mut self) -> Accesses;
}

/// The ordinary view: the ledger's own heap, and nothing is noted.
#[derive(Clone, Copy, Debug)]
pub struct Direct;

impl StateView for Direct {
    #[inline(always)]
    fn field(&self, ledger: &Ledger, instance: u32, field: u32) -> Value {
        ledger.instances[instance as usize].fields[field as usize]
    }

    #[inline(always)]
    fn entry(&self, ledger: &Ledger, map: Value, key: Value) -> Option<Value> {
        ledger.heap.map(map).map.get(key)
    }

    #[inline(always)]
    fn element(&self, ledger: &Ledger, list: Value, index: usize) -> Option<Value> {
        ledger.heap.list(list).items.get(index).copied()
    }

    #[inline(always)]
    fn record_field(&self, ledger: &Ledger, record: Value, field: usize) -> Value {
        ledger.heap.record(record).fields[field]
    }

    #[inline]
    fn size(&self, ledger: &Ledger, container: Value) -> usize {
        match container.tag() {
            Tag::Map => ledger.heap.map(container).map.len(),
            Tag::List => ledger.heap.list(container).items.len(),
            _ => ledger.heap.record(container).fields.len(),
        }
    }

    #[inline(always)]
    fn keys_end(&self, ledger: &Ledger, map: Value) -> u64 {
        ledger.heap.map(map).map.next_seq()
    }

    #[inline(always)]
    fn next_entry(&self, ledger: &Ledger, map: Value, from: u64) -> Option<Entry> {
        let map = &ledger.heap.map(map).map;
        map.next_live(map.position_of_seq(from)).map(|index| *map.entry(index))
    }

    #[inline(always)]
    fn visit(&self, _ledger: &Ledger, _container: Value, _deep: bool) {}

    #[inline(always)]
    fn shared_instance(&self, ledger: &Ledger, class: u32) -> Option<u32> {
        ledger.shared_instances[class as usize]
    }

    #[inline(always)]
    fn set_field(&mut self, ledger: &mut Ledger, instance: u32, field: u32, value: Value) {
        ledger.write_field(instance, field, value);
    }

    #[inline(always)]
    fn set_entry(&mut self, ledger: &mut Ledger, map: Value, key: Value, value: Value) {
        ledger.write_entry(map, key, value);
    }

    #[inline(always)]
    fn remove_entry(&mut self, ledger: &mut Ledger, map: Value, key: Value) -> Option<Value> {
        ledger.write_removal(map, key)
    }

    #[inline(always)]
    fn clear_entries(&mut self, ledger: &mut Ledger, map: Value) {
        ledger.write_clear(map);
    }

    #[inline(always)]
    fn set_element(&mut self, ledger: &mut Ledger, list: Value, index: usize, value: Value) {
        ledger.write_element(list, index, value);
    }

    #[inline(always)]
    fn push_element(&mut self, ledger: &mut Ledger, list: Value, value: Value) {
        ledger.write_push(list, value);
    }

    #[inline(always)]
    fn pop_element(&mut self, ledger: &mut Ledger, list: Value) -> Option<Value> {
        ledger.write_pop(list)
    }

    #[inline(always)]
    fn replace_elements(&mut self, ledger: &mut Ledger, list: Value, items: Vec<Value>) {
        ledger.write_elements(list, items);
    }

    #[inline(always)]
    fn set_record_field(&mut self, ledger: &mut Ledger, record: Value, field: u32, value: Value) {
        ledger.write_record_field(record, field, value);
    }

    #[inline(always)]
    fn made_instance(&mut self, _ledger: &mut Ledger, _instance: u32) {}

    #[inline(always)]
    fn made_shared_instance(&mut self, _ledger: &mut Ledger, _class: u32) {}

    #[inline(always)]
    fn rolled_back(&mut self, _log: usize, _instances: usize) {}

    fn take_accesses(&mut self) -> Accesses {
        Accesses::default()
    }
}

/// Where an access goes: one test of a flag.
macro_rules! reads {
    ($($(#[$doc:meta])* $name:ident, $cold:ident, [$container:ident $(, $arg:ident: $type:ty)*] -> $out:ty;)*) => {
        impl Ledger { $(
            $(#[$doc])*
            #[inline(always)]
            pub fn $name(&self, $container: Value $(, $arg: $type)*) -> $out {
                if self.heap.header($container).is_recorded() {
                    return self.$cold($container $(, $arg)*);
                }
                Direct.$name(self, $container $(, $arg)*)
            }

            #[cold]
            #[inline(never)]
            fn $cold(&self, $container: Value $(, $arg: $type)*) -> $out {
                match &self.view {
                    Some(view) => view.$name(self, $container $(, $arg)*),
                    None => Direct.$name(self, $container $(, $arg)*),
                }
            }
        )* }
    };
}

reads! {
    /// The value under a map's key.
    entry, recorded_entry, [map, key: Value] -> Option<Value>;
    /// A list's element; none behind the end.
    element, recorded_element, [list, index: usize] -> Option<Value>;
    /// A field of an entity or data value.
    record_field, recorded_record_field, [record, field: usize] -> Value;
    /// How many entries, elements or fields.
    size, recorded_size, [container] -> usize;
    /// The insertion number behind all of a map's keys.
    keys_end, recorded_keys_end, [map] -> u64;
    /// The first entry of a map whose insertion number is at least `from`.
    next_entry, recorded_next_entry, [map, from: u64] -> Option<Entry>;
    /// The container is about to be read whole from the heap; what its slots hold only if `deep`.
    visit, recorded_visit, [container, deep: bool] -> ();
}

macro_rules! writes {
    ($($(#[$doc:meta])* $name:ident, $view:ident, [$container:ident $(, $arg:ident: $type:ty)*] $(-> $out:ty)?;)*) => {
        impl Ledger { $(
            $(#[$doc])*
            #[inline]
            pub fn $name(&mut self, $container: Value $(, $arg: $type)*) $(-> $out)? {
                if self.heap.header($container).is_recorded() {
                    return self.through_view(|view, ledger| view.$view(ledger, $container $(, $arg)*));
                }
                Direct.$view(self, $container $(, $arg)*)
            }
        )* }
    };
}

writes! {
    /// Assigns the value of a map's key, inserting it if absent. The key is a valid, normalised key.
    map_set, set_entry, [map, key: Value, value: Value];
    /// Removes a key; gives its value if it was there.
    map_remove, remove_entry, [map, key: Value] -> Option<Value>;
    /// Removes every key.
    map_clear, clear_entries, [map];
    /// Assigns a list's element; the index is in range.
    list_set, set_element, [list, index: usize, value: Value];
    /// Appends to a list.
    list_push, push_element, [list, value: Value];
    /// Takes the last element.
    list_pop, pop_element, [list] -> Option<Value>;
    /// Replaces the whole content: insert, remove, clear, extend. Elements of `items` already belong to the list's
    /// space; those of the old content that are not in it are detached.
    list_replace, replace_elements, [list, items: Vec<Value>];
    /// Assigns an entity's field by index.
    set_record_field, set_record_field, [record, field: u32, value: Value];
}

impl Ledger {
    /// A field of a contract instance.
    #[inline(always)]
    pub fn field(&self, instance: u32, field: u32) -> Value {
        let object = &self.instances[instance as usize];
        if object.recorded { self.recorded_field(instance, field) } else { object.fields[field as usize] }
    }

    #[cold]
    #[inline(never)]
    fn recorded_field(&self, instance: u32, field: u32) -> Value {
        match &self.view {
            Some(view) => view.field(self, instance, field),
            None => Direct.field(self, instance, field),
        }
    }

    /// Assigns a field of a contract instance. A container that stood there is detached.
    #[inline]
    pub fn set_field(&mut self, instance: u32, field: u32, value: Value) {
        if self.instances[instance as usize].recorded {
            return self.through_view(|view, ledger| view.set_field(ledger, instance, field, value));
        }
        self.write_field(instance, field, value);
    }

    /// The instance behind `Name.f()`, if it was made.
    pub fn shared_instance(&self, class: u32) -> Option<u32> {
        match &self.view {
            Some(view) => view.shared_instance(self, class),
            None => self.shared_instances[class as usize],
        }
    }

    /// A value is about to be read whole, with all below, straight from the heap: copying, comparing, printing.
    /// Recorded containers can stand in ordinary ones, so the flag of the outermost does not tell.
    #[inline]
    pub fn about_to_walk(&self, value: Value) {
        if let Some(view) = &self.view
            && value.tag().is_container()
        {
            view.visit(self, value, true);
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn through_view<R>(&mut self, act: impl FnOnce(&mut dyn StateView, &mut Ledger) -> R) -> R {
        let Some(mut view) = self.view.take() else { return act(&mut Direct, self) };
        let result = act(&mut *view, self);
        self.view = Some(view);
        result
    }

    /// From now on, accesses of contract state go through `view`.
    pub fn record_through(&mut self, view: Box<dyn StateView>) {
        self.view = Some(view);
        self.heap.state_flags = RECORDED;
        self.mark_state(true);
    }

    /// Whether accesses of contract state go straight to the heap.
    #[inline]
    pub fn is_direct(&self) -> bool {
        self.view.is_none()
    }

    /// Accesses go straight to the heap again.
    pub fn record_no_more(&mut self) {
        self.view = None;
        self.heap.state_flags = 0;
        self.mark_state(false);
    }

    /// What the view saw since the last call; nothing where accesses go straight to the heap.
    pub fn take_accesses(&mut self) -> Accesses {
        self.view.as_mut().map(|view| view.take_accesses()).unwrap_or_default()
    }

    /// Sets or clears the flag of every instance and state container.
    fn mark_state(&mut self, recorded: bool) {
        let mut pending = vec![self.persisted];
        for instance in &mut self.instances {
            instance.recorded = recorded;
            pending.extend(instance.fields.iter().copied());
        }
        while let Some(value) = pending.pop() {
            if !value.tag().is_container() {
                continue;
            }
            let header = self.heap.header_mut(value);
            header.flags = if recorded { header.flags | RECORDED } else { header.flags & !RECORDED };
            pending.extend(self.children(value));
        }
    }

    /// What stands in the slots of a container.
    pub(super) fn children(&self, container: Value) -> Vec<Value> {
        match container.tag() {
            Tag::Map => self.heap.map(container).map.iter().map(|entry| entry.value).collect(),
            Tag::List => self.heap.list(container).items.clone(),
            _ => self.heap.record(container).fields.clone(),
        }
    }
}
