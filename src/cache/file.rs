//! One file of the cache: a header that says what it is of, a checksum with the user's own key over header and
//! content, and the content.

use std::ops::Range;

use crate::resolve::cost::SCHEDULE_VERSION;

/// The layout of files; another number is another file.
const VERSION: u32 = 1;
/// The source that this program was built from, as the build script fingerprints it.
const FINGERPRINT: &str = env!("ZX_SOURCE_FINGERPRINT");
/// No content is longer.
pub(super) const CONTENT_BYTES_MAX: usize = 64 << 20;
const CHECKSUM_BYTES: usize = 32;
/// Identity, length of the content, checksum.
const HEADER_BYTES: usize = Identity::BYTES + 8 + CHECKSUM_BYTES;

/// The key of checksums.
pub type Key = [u8; 32];

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Tables and code.
    Program,
    /// A hint for the tier policy.
    Profile,
}

/// What a file belongs to: it is of no use for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    kind: Kind,
    /// BLAKE3 of the main script.
    source: [u8; 32],
    /// Options that change code.
    options: u32,
}

impl Identity {
    const BYTES: usize = 8 + 4 + 4 + 4 + 32 + 32;

    /// Of a program compiled with these options, by BLAKE3 of its main script.
    pub fn new(kind: Kind, source: [u8; 32], options: u32) -> Self {
        Self { kind, source, options }
    }

    fn bytes(&self) -> [u8; Self::BYTES] {
        let magic = match self.kind {
            Kind::Program => b"ZXPROG\r\n",
            Kind::Profile => b"ZXPROF\r\n",
        };
        let mut bytes = [0; Self::BYTES];
        let parts: [&[u8]; 6] = [
            magic,
            &VERSION.to_le_bytes(),
            &SCHEDULE_VERSION.to_le_bytes(),
            &self.options.to_le_bytes(),
            FINGERPRINT.as_bytes(),
            &self.source,
        ];
        let mut rest = &mut bytes[..];
        for part in parts {
            let (place, behind) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = behind;
        }
        debug_assert!(rest.is_empty());
        bytes
    }

    /// The file's name: what it belongs to, hashed.
    pub fn name(&self) -> String {
        blake3::hash(&self.bytes()).to_hex()[..40].to_owned()
    }
}

/// A whole file; none if the content is too long.
pub fn seal(identity: &Identity, key: &Key, content: &[u8]) -> Option<Vec<u8>> {
    if content.len() > CONTENT_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::with_capacity(HEADER_BYTES + content.len());
    bytes.extend_from_slice(&identity.bytes());
    bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
    let checksum = checksum(key, &bytes, content);
    bytes.extend_from_slice(&checksum);
    bytes.extend_from_slice(content);
    Some(bytes)
}

/// Where the content of a file stands; none unless it is whole, unchanged and of this identity.
pub fn open(identity: &Identity, key: &Key, bytes: &[u8]) -> Option<Range<usize>> {
    let (head, content) = bytes.split_at_checked(HEADER_BYTES)?;
    let (named, found) = head.split_at(HEADER_BYTES - CHECKSUM_BYTES);
    let (own, length) = named.split_at(Identity::BYTES);
    let is_whole = *own == identity.bytes() && *length == (content.len() as u64).to_le_bytes();
    // A hash of BLAKE3 compares in constant time.
    let is_good = is_whole && blake3::Hash::from_slice(found).ok()? == checksum(key, named, content);
    is_good.then_some(HEADER_BYTES..bytes.len())
}

fn checksum(key: &Key, head: &[u8], content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    *blake3::Hasher::new_keyed(key).update(head).update(content).finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = [7; 32];

    #[test]
    fn a_file_opens_as_it_was_sealed_and_no_other_way() {
        let identity = Identity::new(Kind::Program, [1; 32], 0);
        let file = seal(&identity, &KEY, b"content").expect("short");
        assert_eq!(open(&identity, &KEY, &file).map(|range| &file[range]), Some(&b"content"[..]));
        assert!(open(&identity, &[8; 32], &file).is_none(), "another user's key");
        for (kind, source, options) in
            [(Kind::Profile, [1; 32], 0), (Kind::Program, [2; 32], 0), (Kind::Program, [1; 32], 1)]
        {
            let other = Identity::new(kind, source, options);
            assert!(open(&other, &KEY, &file).is_none() && other.name() != identity.name());
        }
        for length in 0..file.len() {
            assert!(open(&identity, &KEY, &file[..length]).is_none(), "cut to {length}");
        }
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut flipped = file.clone();
                flipped[at] ^= 1 << bit;
                assert!(open(&identity, &KEY, &flipped).is_none(), "bit {bit} of byte {at}");
            }
        }
        let longer = [&file[..], &[0]].concat();
        assert!(open(&identity, &KEY, &longer).is_none());
    }

    #[test]
    fn an_empty_and_a_huge_content() {
        let identity = Identity::new(Kind::Profile, [0; 32], 3);
        let file = seal(&identity, &KEY, b"").expect("short");
        assert_eq!(open(&identity, &KEY, &file), Some(HEADER_BYTES..HEADER_BYTES));
        assert!(seal(&identity, &KEY, &vec![0; CONTENT_BYTES_MAX + 1]).is_none());
    }
}
