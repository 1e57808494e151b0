//! The folder of the cache. It is the user's own or it is not used; files appear in it whole, by renaming; nobody
//! waits for anybody. Every failure is a miss.
//!
//! The folder is opened once and looked at through what was opened, so that another folder put in its place
//! afterwards changes nothing.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::file::{self, CONTENT_BYTES_MAX, Identity, Key};

/// The folder below the one that the user names.
const OWN: &str = "zx-run";
const KEY_FILE: &str = "key";
/// How names of files begin that are being written.
const UNFINISHED: &str = ".new-";
/// A file that is still unfinished after so long was left behind by a process that ended.
const ABANDONED: Duration = Duration::from_mins(10);
/// All files together, in bytes: above, the oldest go.
const BYTES_MAX: u64 = 256 << 20;
/// Longest header, and some room.
const FILE_BYTES_MAX: u64 = CONTENT_BYTES_MAX as u64 + 4096;

/// The folder, opened.
#[derive(Debug)]
pub struct Directory {
    folder: PathBuf,
    opened: File,
    user: u32,
    bytes_max: u64,
}

/// What is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Files of programs and profiles.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Above so many the oldest go.
    pub bytes_max: u64,
}

struct Entry {
    path: PathBuf,
    bytes: u64,
    modified: SystemTime,
}

impl Directory {
    /// The folder below `base`, made if it is not there. None if it cannot be used: another's, open to others, a
    /// link, not to be made.
    pub fn open(base: &Path) -> Option<Self> {
        Self::open_with(base, BYTES_MAX)
    }

    /// The same, holding at most so many bytes.
    pub fn open_with(base: &Path, bytes_max: u64) -> Option<Self> {
        let folder = base.join(OWN);
        let opened = open_folder(&folder).or_else(|| {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder).ok()?;
            open_folder(&folder)
        })?;
        let user = own_user()?;
        let about = opened.metadata().ok()?;
        let is_own = about.is_dir() && about.uid() == user && is_private(about.mode());
        is_own.then_some(Self { folder, opened, user, bytes_max })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A name in the folder that was opened, wherever that is by now.
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.opened.as_raw_fd())).join(name)
    }

    /// A file's bytes and where its content begins; none unless it is there, the user's own and good.
    pub fn load(&self, identity: &Identity) -> Option<(Vec<u8>, usize)> {
        let bytes = self.read(&identity.name(), FILE_BYTES_MAX)?;
        let content = file::open(identity, &self.key()?, &bytes)?;
        Some((bytes, content.start))
    }

    /// Puts a file there, and takes away the oldest if there are too many. Gives whether it is there.
    pub fn store(&self, identity: &Identity, content: &[u8]) -> bool {
        let Some(key) = self.key().or_else(|| self.make_key()) else { return false };
        let Some(bytes) = file::seal(identity, &key, content) else { return false };
        let stored = self.write(&identity.name(), &bytes).is_some();
        self.evict();
        stored
    }

    /// What is in it.
    pub fn contents(&self) -> Contents {
        let entries = self.entries();
        let bytes = entries.iter().map(|entry| entry.bytes).sum();
        Contents { files: entries.len() as u64, bytes, bytes_max: self.bytes_max }
    }

    /// Takes everything away, the key included. Gives how many files there were.
    pub fn clear(&self) -> u64 {
        let entries = self.entries();
        let removed = entries.iter().filter(|entry| std::fs::remove_file(&entry.path).is_ok()).count();
        for path in self.names().into_iter().map(|name| self.path(&name)) {
            let _ = std::fs::remove_file(path);
        }
        removed as u64
    }

    fn read(&self, name: &str, bytes_max: u64) -> Option<Vec<u8>> {
        // Not through links, and without waiting for the writer of a pipe.
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(self.path(name)).ok()?;
        let about = file.metadata().ok()?;
        if !about.is_file() || about.uid() != self.user || about.len() > bytes_max {
            return None;
        }
        let mut bytes = Vec::with_capacity(about.len() as usize + 1);
        // It cannot grow past its bound while it is read.
        file.take(bytes_max).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Writes a file beside its place and renames it; readers see the old one, none, or the whole new one.
    fn write(&self, name: &str, bytes: &[u8]) -> Option<()> {
        let unfinished = self.write_unfinished(bytes)?;
        let renamed = std::fs::rename(&unfinished, self.path(name));
        if renamed.is_err() {
            let _ = std::fs::remove_file(&unfinished);
        }
        renamed.ok()
    }

    fn write_unfinished(&self, bytes: &[u8]) -> Option<PathBuf> {
        let path = self.path(&format!("{UNFINISHED}{}-{:016x}", std::process::id(), rand::random::<u64>()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).ok()?;
        if file.write_all(bytes).and_then(|()| file.flush()).is_err() {
            let _ = std::fs::remove_file(&path);
            return None;
        }
        Some(path)
    }

    fn key(&self) -> Option<Key> {
        self.read(KEY_FILE, size_of::<Key>() as u64)?.try_into().ok()
    }

    /// Makes the user's key, unless another process has just done so.
    fn make_key(&self) -> Option<Key> {
        // One that is no key is of no use to anybody.
        if self.path(KEY_FILE).symlink_metadata().is_ok() {
            let _ = std::fs::remove_file(self.path(KEY_FILE));
        }
        let unfinished = self.write_unfinished(&rand::random::<Key>())?;
        // A link fails where there is one: the first wins.
        let _ = std::fs::hard_link(&unfinished, self.path(KEY_FILE));
        let _ = std::fs::remove_file(&unfinished);
        self.key()
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path("")) else { return Vec::new() };
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }

    /// Files of programs and profiles, the oldest first.
    fn entries(&self) -> Vec<Entry> {
        let is_entry = |name: &String| name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let entry = |name: String| {
            let path = self.path(&name);
            let about = path.symlink_metadata().ok()?;
            Some(Entry { path, bytes: about.len(), modified: about.modified().ok()? })
        };
        let mut entries: Vec<Entry> = self.names().into_iter().filter(is_entry).filter_map(entry).collect();
        entries.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        entries
    }

    /// Removes the oldest files until the rest fits, and what ended processes left unfinished.
    fn evict(&self) {
        let entries = self.entries();
        let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in &entries {
            if bytes <= self.bytes_max {
                break;
            }
            if std::fs::remove_file(&entry.path).is_ok() {
                bytes -= entry.bytes;
            }
        }
        for name in self.names().iter().filter(|name| name.starts_with(UNFINISHED)) {
            let path = self.path(name);
            let modified = path.symlink_metadata().and_then(|about| about.modified());
            if modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED)) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// Whether nobody but its owner may do anything with it.
fn is_private(mode: u32) -> bool {
    let others = mode & 0o077;
    others == 0
}

fn open_folder(folder: &Path) -> Option<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_DIRECTORY).open(folder).ok()
}

/// The user that this process acts as.
fn own_user() -> Option<u32> {
    Some(std::fs::metadata("/proc/self").ok()?.uid())
}
