//! Recorded traces: the blocks of a stream in a file, so that two builds, or two engines, execute the very same bytes.
//!
//! Layout, all integers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | [`MAGIC`] |
//! | 4 | [`VERSION`] |
//! | 4, then so many | the [`Header`] as JSON |
//! | 32 | link 0: BLAKE3 of the header's bytes |
//! | for each block: 1, 4, so many, 32 | the byte 1; the length of its transactions ([`encode`]); they; link i: BLAKE3(link i-1, transactions) |
//! | 1, 8, 32 | the byte 0; the number of blocks; the last link |
//!
//! Nothing follows. Each link covers all before it, so a changed byte, a lost block or a file that ends too early is
//! found at the block where it happens. Reading and writing hold one block at a time: a trace may be larger than memory.

mod encode;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::{Data, Digest};

/// The first bytes of every trace.
pub const MAGIC: [u8; 8] = *b"ZXTRACE\n";
/// The version of the layout.
pub const VERSION: u32 = 1;

/// Longest header that is believed, bytes.
const HEADER_MOST: u32 = 1 << 20;
const BLOCK: u8 = 1;
const END: u8 = 0;

/// Adds one transaction's bytes: equal transactions have equal bytes.
pub fn encode_transaction(transaction: &Data, out: &mut Vec<u8>) -> Result<(), String> {
    encode::put(transaction, out)
}

/// What a trace was recorded from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name of the workload.
    pub workload: String,
    /// Digest of its text and of all that it imports, hexadecimal.
    pub workload_digest: String,
    /// Everything that changes the stream: `k=v;k=v`, sorted.
    pub params: String,
    /// How many blocks follow.
    pub blocks: u64,
    /// How many transactions each has.
    pub block: u64,
}

fn next_link(link: &Digest, payload: &[u8]) -> Digest {
    *blake3::Hasher::new().update(link).update(payload).finalize().as_bytes()
}

/// Writes a trace beside its name, and gives it the name when it is whole.
#[derive(Debug)]
pub struct Writer {
    to: BufWriter<File>,
    path: PathBuf,
    partial: PathBuf,
    link: Digest,
    blocks: u64,
    header: Header,
}

impl Writer {
    /// Begins the file. An error says what is wrong with which file.
    pub fn create(path: &Path, header: &Header) -> Result<Self, String> {
        let partial = partial_name(path);
        let file = File::create(&partial).map_err(|e| cannot("write", path, &e))?;
        let text = serde_json::to_vec(header).map_err(|e| format!("{}: {e}", path.display()))?;
        let link = *blake3::hash(&text).as_bytes();
        let mut writer =
            Self { to: BufWriter::new(file), path: path.to_owned(), partial, link, blocks: 0, header: header.clone() };
        writer.put(&[&MAGIC, &VERSION.to_le_bytes(), &(text.len() as u32).to_le_bytes(), &text, &link])?;
        Ok(writer)
    }

    /// Adds the next block.
    pub fn block(&mut self, transactions: &[Data]) -> Result<(), String> {
        let payload = encode::block(transactions)?;
        let length = u32::try_from(payload.len()).map_err(|_| format!("block {} has over 4 GiB", self.blocks))?;
        self.link = next_link(&self.link, &payload);
        self.blocks += 1;
        let link = self.link;
        self.put(&[&[BLOCK], &length.to_le_bytes(), &payload, &link])
    }

    /// Ends the file and gives it its name.
    ///
    /// # Panics
    /// If it has not as many blocks as its header says.
    pub fn finish(mut self) -> Result<(), String> {
        assert_eq!(self.blocks, self.header.blocks, "a trace with other blocks than its header says");
        let (blocks, link) = (self.blocks, self.link);
        self.put(&[&[END], &blocks.to_le_bytes(), &link])?;
        let done = self.to.flush().and_then(|()| self.to.get_ref().sync_all());
        done.and_then(|()| std::fs::rename(&self.partial, &self.path)).map_err(|e| cannot("write", &self.path, &e))
    }

    fn put(&mut self, parts: &[&[u8]]) -> Result<(), String> {
        parts.iter().try_for_each(|part| self.to.write_all(part)).map_err(|e| cannot("write", &self.path, &e))
    }
}

/// Where a trace is written until it is whole.
pub fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} the trace {}: {error}", path.display())
}

/// Reads a trace, a block at a time. Every error says which file, where and why.
#[derive(Debug)]
pub struct Reader {
    from: BufReader<File>,
    path: PathBuf,
    header: Header,
    link: Digest,
    next: u64,
    is_over: bool,
}

impl Reader {
    /// Opens a trace and checks its header.
    pub fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let file = File::open(path).map_err(|e| cannot("read", path, &e))?;
        if path.is_dir() {
            return Err(format!("{shown} is a directory, not a trace"));
        }
        let mut from = BufReader::with_capacity(1 << 16, file);
        let magic: Option<[u8; 8]> = bytes(&mut from, path)?;
        if magic != Some(MAGIC) {
            return Err(format!("{shown} is no trace: it does not begin as `zx-bench run --record` writes them"));
        }
        let cut = || format!("the trace {shown} is truncated: it ends in its header");
        let version = u32::from_le_bytes(bytes(&mut from, path)?.ok_or_else(cut)?);
        if version != VERSION {
            return Err(format!(
                "the trace {shown} has version {version} of the layout, this zx-bench reads version {VERSION}: record it anew"
            ));
        }
        let length = u32::from_le_bytes(bytes(&mut from, path)?.ok_or_else(cut)?);
        let damaged = || format!("the trace {shown} is damaged: its header is not what was written");
        if length > HEADER_MOST {
            return Err(damaged());
        }
        let text = sized(&mut from, path, length)?.ok_or_else(cut)?;
        let link: Digest = bytes(&mut from, path)?.ok_or_else(cut)?;
        if link != *blake3::hash(&text).as_bytes() {
            return Err(damaged());
        }
        let header: Header = serde_json::from_slice(&text).map_err(|_| damaged())?;
        Ok(Self { from, path: path.to_owned(), header, link, next: 0, is_over: false })
    }

    /// What the trace was recorded from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next block; none after the last.
    pub fn next_block(&mut self) -> Result<Option<Vec<Data>>, String> {
        if self.is_over {
            return Ok(None);
        }
        match self.part::<1>()? {
            [BLOCK] => self.block().map(Some),
            [END] => self.end().map(|()| None),
            _ => Err(self.damaged("what follows it is neither a block nor the end")),
        }
    }

    fn block(&mut self) -> Result<Vec<Data>, String> {
        let length = u32::from_le_bytes(self.part()?);
        let payload = sized(&mut self.from, &self.path, length)?.ok_or_else(|| self.truncated())?;
        let link: Digest = self.part()?;
        if link != next_link(&self.link, &payload) {
            return Err(self.damaged("its checksum is wrong"));
        }
        let transactions = encode::read_block(&payload).map_err(|why| self.damaged(&why))?;
        if transactions.len() as u64 != self.header.block {
            return Err(self.damaged(&format!(
                "it has {} transactions, the header says {}",
                transactions.len(),
                self.header.block
            )));
        }
        self.link = link;
        self.next += 1;
        Ok(transactions)
    }

    fn end(&mut self) -> Result<(), String> {
        let blocks = u64::from_le_bytes(self.part()?);
        let link: Digest = self.part()?;
        if blocks != self.next || blocks != self.header.blocks || link != self.link {
            return Err(self.damaged("the end does not fit what stands before it"));
        }
        if bytes::<1>(&mut self.from, &self.path)?.is_some() {
            return Err(self.damaged("something stands behind the end"));
        }
        self.is_over = true;
        Ok(())
    }

    fn part<const N: usize>(&mut self) -> Result<[u8; N], String> {
        bytes(&mut self.from, &self.path)?.ok_or_else(|| self.truncated())
    }

    fn truncated(&self) -> String {
        format!(
            "the trace {} is truncated: it ends in block {} of {}",
            self.path.display(),
            self.next,
            self.header.blocks
        )
    }

    fn damaged(&self, why: &str) -> String {
        format!("the trace {} is damaged at block {}: {why}", self.path.display(), self.next)
    }
}

/// Reads a whole trace; gives its header and its last link, which stands for every byte of it.
pub fn check(path: &Path) -> Result<(Header, Digest), String> {
    let mut reader = Reader::open(path)?;
    while reader.next_block()?.is_some() {}
    Ok((reader.header, reader.link))
}

/// So many bytes, or none if the file ends before.
fn bytes<const N: usize>(from: &mut impl Read, path: &Path) -> Result<Option<[u8; N]>, String> {
    let mut out = [0; N];
    match from.read_exact(&mut out) {
        Ok(()) => Ok(Some(out)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(cannot("read", path, &e)),
    }
}

/// As [`bytes`], for a length that may be wrong: memory is taken as the bytes come.
fn sized(from: &mut impl Read, path: &Path, length: u32) -> Result<Option<Vec<u8>>, String> {
    let mut out = Vec::new();
    let read = from.by_ref().take(u64::from(length)).read_to_end(&mut out).map_err(|e| cannot("read", path, &e))?;
    Ok((read == length as usize).then_some(out))
}
