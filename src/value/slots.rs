//! The register stack's memory.
#![expect(unsafe_code, reason = "zeroed pages must not be touched before use")]

use super::tag::{Tag, Value};

const _: () = assert!(Tag::Unset as u8 == 0);

/// So many unset slots. The memory comes zeroed from the system and is backed only once touched.
pub fn zeroed_slots(count: usize) -> Box<[Value]> {
    // SAFETY: an unset value is all zero bytes: tag `Unset` is 0 (asserted above), `aux` and payload are integers.
    unsafe { Box::<[Value]>::new_zeroed_slice(count).assume_init() }
}
