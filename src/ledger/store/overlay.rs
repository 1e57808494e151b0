//! A file that is only read until its content has been found sound: what the database writes while it opens (it
//! mends what a killed process left) stays in memory, and reaches the file when the store is accepted. So a file
//! that is refused is left as it was, to the byte.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

const PAGE: u64 = 4096;

/// What is not in the file yet.
#[derive(Debug)]
struct Pending {
    length: u64,
    /// Up to here the file's own bytes count; behind it, what no page holds is zero.
    visible: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// None once the store was accepted.
    pending: Option<Pending>,
    syncs: bool,
}

/// The database's way to the file. Clones are the same file.
#[derive(Clone, Debug)]
pub(super) struct Overlay(Arc<Mutex<State>>);

fn page_in_file(file: &File, visible: u64, page: u64) -> Result<Box<[u8]>> {
    let mut bytes = vec![0; PAGE as usize].into_boxed_slice();
    let count = visible.saturating_sub(page * PAGE).min(PAGE) as usize;
    file.read_exact_at(&mut bytes[..count], page * PAGE)?;
    Ok(bytes)
}

/// The parts of a stretch, by page: page, offset in it, range of the stretch.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let (page, from) = (at / PAGE, (at % PAGE) as usize);
        let range = done..length.min(done + PAGE as usize - from);
        done = range.end;
        (!range.is_empty()).then_some((page, from, range))
    })
}

impl State {
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let Some(pending) = &self.pending else { return self.file.read_exact_at(out, offset) };
        let end = offset.checked_add(out.len() as u64);
        if end.is_none_or(|end| end > pending.length) {
            return Err(Error::from(ErrorKind::UnexpectedEof));
        }
        for (page, from, range) in parts(offset, out.len()) {
            let count = range.len();
            match pending.pages.get(&page) {
                Some(bytes) => out[range].copy_from_slice(&bytes[from..from + count]),
                None => {
                    let bytes = page_in_file(&self.file, pending.visible, page)?;
                    out[range].copy_from_slice(&bytes[from..from + count]);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<()> {
        let Some(pending) = &mut self.pending else { return self.file.write_all_at(data, offset) };
        for (page, from, range) in parts(offset, data.len()) {
            if !pending.pages.contains_key(&page) {
                pending.pages.insert(page, page_in_file(&self.file, pending.visible, page)?);
            }
            if let Some(bytes) = pending.pages.get_mut(&page) {
                bytes[from..from + range.len()].copy_from_slice(&data[range]);
            }
        }
        pending.length = pending.length.max(offset + data.len() as u64);
        Ok(())
    }

    fn set_len(&mut self, length: u64) -> Result<()> {
        let Some(pending) = &mut self.pending else { return self.file.set_len(length) };
        if length < pending.length {
            pending.visible = pending.visible.min(length);
            pending.pages.retain(|page, _| page * PAGE < length);
            if let Some(bytes) = pending.pages.get_mut(&(length / PAGE)) {
                bytes[(length % PAGE) as usize..].fill(0);
            }
        }
        pending.length = length;
        Ok(())
    }

    /// The first page, with the header that says which commit counts, goes last: killed in between, the file still
    /// is what it was, for what the database mends lies where nothing that counts does.
    fn accept(&mut self) -> Result<()> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        if pending.visible < pending.length {
            // What was cut off must not come back.
            self.file.set_len(pending.visible)?;
        }
        self.file.set_len(pending.length)?;
        for (&page, bytes) in pending.pages.iter().rev() {
            if page == 0 && self.syncs {
                self.file.sync_data()?;
            }
            let count = pending.length.saturating_sub(page * PAGE).min(PAGE) as usize;
            self.file.write_all_at(&bytes[..count], page * PAGE)?;
        }
        if self.syncs { self.file.sync_data() } else { Ok(()) }
    }
}

impl Overlay {
    /// Over a file that this process has locked. `syncs`: each commit waits for the disk.
    pub(super) fn new(file: File, syncs: bool) -> Result<Overlay> {
        let length = file.metadata()?.len();
        let pending = Some(Pending { length, visible: length, pages: BTreeMap::new() });
        Ok(Overlay(Arc::new(Mutex::new(State { file, pending, syncs }))))
    }

    /// The content was found sound: from now on writes go to the file, those that waited first.
    pub(super) fn accept(&self) -> Result<()> {
        self.state().accept()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> Result<u64> {
        let state = self.state();
        match &state.pending {
            Some(pending) => Ok(pending.length),
            None => Ok(state.file.metadata()?.len()),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.state().read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.state().set_len(len)
    }

    fn sync_data(&self) -> Result<()> {
        let state = self.state();
        if state.syncs && state.pending.is_none() { state.file.sync_data() } else { Ok(()) }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.state().write(offset, data)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// What the database may do to its storage.
    #[derive(Clone, Debug)]
    enum Act {
        Write(u64, Vec<u8>),
        Length(u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (0_u64..20_000, prop::collection::vec(any::<u8>(), 1..6000)).prop_map(|(at, data)| Act::Write(at, data)),
            (0_u64..24_000).prop_map(Act::Length),
        ]
    }

    proptest! {
        #[test]
        fn it_reads_as_a_file_would_and_writes_nothing_before_it_is_accepted(
            before in prop::collection::vec(any::<u8>(), 0..12_000), acts in prop::collection::vec(act(), 0..12)
        ) {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(&before).expect("written");
            let overlay = Overlay::new(file.try_clone().expect("a clone"), false).expect("made");
            let mut model = before.clone();
            for act in acts {
                match act {
                    Act::Write(at, data) => {
                        let end = at as usize + data.len();
                        model.resize(model.len().max(end), 0);
                        model[at as usize..end].copy_from_slice(&data);
                        overlay.set_len(model.len() as u64).expect("grown");
                        overlay.write(at, &data).expect("written");
                    }
                    Act::Length(length) => {
                        model.resize(length as usize, 0);
                        overlay.set_len(length).expect("set");
                    }
                }
                let mut read = vec![0; model.len()];
                overlay.read(0, &mut read).expect("read");
                prop_assert!(read == model);
                prop_assert!(overlay.read(1, &mut read).is_err() || read.is_empty(), "behind the end");
            }
            let whole = |file: &File| {
                let mut bytes = vec![0; file.metadata().expect("there").len() as usize];
                file.read_exact_at(&mut bytes, 0).expect("read");
                bytes
            };
            prop_assert!(whole(&file) == before, "written too early");
            overlay.accept().expect("accepted");
            prop_assert!(whole(&file) == model);
        }
    }
}
