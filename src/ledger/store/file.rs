//! One redb file: locked, checked whole before anything is written to it, committed in one step. What its rows mean
//! is the caller's affair, but for the digest of all of them, which every commit writes beside them.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, Instant};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use super::error::StoreError;
use super::overlay::Overlay;
use crate::ledger::merkle::Digest;

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
/// `format`, `owner`, `number`, `root`.
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");
/// The first bytes of every redb file.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
/// What the database may hold in memory of its file.
const CACHE_BYTES: usize = 64 << 20;
/// How long a store that seems to be in use is asked for again.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

/// Key and content.
pub type Row = (Vec<u8>, Vec<u8>);
/// Rows one after another, by key; an error ends them.
pub(super) type RowReader<'a> = dyn Iterator<Item = Row> + 'a;

/// A kind of store.
#[derive(Debug)]
pub(super) struct Kind {
    /// Written into every store, with a version.
    pub(super) format: &'static str,
    /// For messages: `not a ledger store`.
    pub(super) name: &'static str,
    /// The digest of all rows. None if some row cannot be one of this kind.
    pub(super) root: fn(&mut RowReader<'_>) -> Option<Digest>,
}

/// Whose store it is; another's is refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub(super) digest: &'a Digest,
    /// For messages: `another workload, or other parameters of it`.
    pub(super) others: &'static str,
}

/// The last commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// Its number, as given by who committed it.
    pub number: u64,
    /// The digest of all rows: of a ledger, its state root.
    pub root: Digest,
    /// How many rows: of a ledger, leaves of the state tree.
    pub rows: u64,
}

/// An open store: no other process can open it.
#[derive(Debug)]
pub(super) struct StoreFile {
    path: PathBuf,
    database: Database,
}

/// How a file was opened.
struct Opened {
    database: Database,
    overlay: Overlay,
    last: Option<StoredBlock>,
}

impl StoreFile {
    /// Opens a store, or makes one. Everything in it is read and its digest recomputed before a byte is written.
    /// `syncs`: a commit waits until it is on the disk; else it survives the end of the process, but maybe not that
    /// of the machine. The last commit, if there is one, comes along.
    pub(super) fn open(
        path: &Path,
        kind: &Kind,
        owner: Owner<'_>,
        syncs: bool,
    ) -> Result<(StoreFile, Option<StoredBlock>), StoreError> {
        let cannot = |error: &dyn std::fmt::Display| system(path, error);
        let existing = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return StoreFile::make(path, kind, owner, syncs),
            Err(error) => return Err(cannot(&error)),
        };
        lock(path, || existing.try_lock())?;
        let Opened { database, overlay, last } = open_checked(path, existing, kind, Some(owner), syncs)?;
        overlay.accept().map_err(|error| cannot(&error))?;
        Ok((StoreFile { path: path.to_owned(), database }, last))
    }

    /// Whether [`StoreFile::open`] would take this file or make it. Nothing is left behind or changed.
    pub(super) fn check(path: &Path, kind: &Kind, owner: Owner<'_>) -> Result<(), StoreError> {
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => {
                lock(path, || file.try_lock())?;
                open_checked(path, file, kind, Some(owner), false).map(drop)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => temporary(path).map(drop),
            Err(error) => Err(system(path, &error)),
        }
    }

    /// A new store gets its name when it is whole: killed before, there is none.
    fn make(
        path: &Path,
        kind: &Kind,
        owner: Owner<'_>,
        syncs: bool,
    ) -> Result<(StoreFile, Option<StoredBlock>), StoreError> {
        let (file, name) = temporary(path)?.into_parts();
        lock(path, || file.try_lock())?;
        let overlay = Overlay::new(file, syncs).map_err(|error| system(path, &error))?;
        let database = start(path, &overlay)?;
        overlay.accept().map_err(|error| system(path, &error))?;
        describe(&database, kind, owner).map_err(|error| system(path, &error))?;
        name.persist_noclobber(path).map_err(|error| match error.error.kind() {
            ErrorKind::AlreadyExists => StoreError::InUse(path.to_owned()),
            _ => system(path, &error.error),
        })?;
        if syncs {
            File::open(folder_of(path)).and_then(|folder| folder.sync_all()).map_err(|error| system(path, &error))?;
        }
        Ok((StoreFile { path: path.to_owned(), database }, None))
    }

    /// Reads a store whole and recomputes its digest; the file is not changed.
    pub(super) fn inspect(path: &Path, kind: &Kind) -> Result<Option<StoredBlock>, StoreError> {
        let file = File::open(path).map_err(|error| system(path, &error))?;
        lock(path, || file.try_lock_shared())?;
        Ok(open_checked(path, file, kind, None, false)?.last)
    }

    /// All rows, by key.
    pub(super) fn rows(&self) -> Result<Vec<Row>, StoreError> {
        let read = || -> Result<_, redb::Error> {
            let table = self.database.begin_read()?.open_table(ROWS)?;
            let mut rows = Vec::with_capacity(table.len()? as usize);
            for row in table.iter()? {
                let (key, value) = row?;
                rows.push((key.value().to_vec(), value.value().to_vec()));
            }
            Ok(rows)
        };
        read().map_err(|error| system(&self.path, &error))
    }

    /// Commits changed rows (none: the row goes) with the digest of what is then there. `all`: what was there before
    /// is void.
    pub(super) fn commit<'a>(
        &self,
        all: bool,
        changes: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
        number: u64,
        root: &Digest,
    ) -> Result<(), StoreError> {
        let write = || -> Result<(), redb::Error> {
            let mut transaction = self.database.begin_write()?;
            // The commit that counts is always whole, so one that is not is damage, and never mended by going back.
            transaction.set_two_phase_commit(true);
            if all {
                transaction.delete_table(ROWS)?;
            }
            {
                let mut rows = transaction.open_table(ROWS)?;
                for (key, value) in changes {
                    match value {
                        Some(value) => drop(rows.insert(key, value)?),
                        None => drop(rows.remove(key)?),
                    }
                }
                let mut about = transaction.open_table(ABOUT)?;
                about.insert("number", number.to_le_bytes().as_slice())?;
                about.insert("root", root.as_slice())?;
            }
            Ok(transaction.commit()?)
        };
        write().map_err(|error| system(&self.path, &error))
    }
}

/// A file without its name yet, in the folder of `path`.
fn temporary(path: &Path) -> Result<tempfile::NamedTempFile, StoreError> {
    let folder = folder_of(path);
    if !folder.is_dir() {
        let what = format!("there is no folder {}: make it, or name another file", folder.display());
        return Err(StoreError::System(path.to_owned(), what));
    }
    let made =
        tempfile::Builder::new().prefix(".zx-store-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder);
    made.map_err(|error| system(path, &format!("nothing can be written to {}: {}", folder.display(), cause(&error))))
}

/// The folder that a path stands in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Takes the lock. A process that was just started holds its parent's locks until it has become the other program, so
/// one that is held is asked for again for a moment.
fn lock(path: &Path, try_lock: impl Fn() -> Result<(), TryLockError>) -> Result<(), StoreError> {
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_PATIENCE / 20),
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(system(path, &error)),
        }
    }
}

fn system(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::System(path.to_owned(), error.to_string())
}

/// The system's own words, without the path that a library may have put around them.
fn cause(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |code| io::Error::from_raw_os_error(code).to_string())
}

fn describe(database: &Database, kind: &Kind, owner: Owner<'_>) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    {
        let mut about = transaction.open_table(ABOUT)?;
        about.insert("format", kind.format.as_bytes())?;
        about.insert("owner", owner.digest.as_slice())?;
        transaction.open_table(ROWS)?;
    }
    Ok(transaction.commit()?)
}

/// Runs `work`; a panic in it becomes an error and prints nothing. The database can panic over a file that something
/// else has changed: that is the file's fault, not ours.
fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, ()> {
    thread_local! { static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) } }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let other = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                other(panic);
            }
        }));
    });
    QUIET.set(true);
    let done = catch_unwind(AssertUnwindSafe(work)).map_err(drop);
    QUIET.set(false);
    done
}

/// Opens the database; nothing reaches the file.
fn start(path: &Path, overlay: &Overlay) -> Result<Database, StoreError> {
    let damaged = |what: String| StoreError::Damaged(path.to_owned(), what);
    let backend = overlay.clone();
    let opened = quietly(|| {
        Database::builder()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true)
            // At this point it found the last commit damaged, and would go back to the one before.
            .set_repair_callback(|repair| {
                if (0.2..0.5).contains(&repair.progress()) {
                    repair.abort();
                }
            })
            .create_with_backend(backend)
    });
    match opened {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(DatabaseError::RepairAborted)) => Err(damaged("its last commit is not whole".to_owned())),
        Ok(Err(DatabaseError::Storage(redb::StorageError::Io(error)))) if error.kind() == ErrorKind::UnexpectedEof => {
            Err(damaged("it is cut short".to_owned()))
        }
        Ok(Err(error)) => Err(damaged(error.to_string().trim_end_matches('.').to_owned())),
        Err(()) => Err(damaged("its tables are not sound".to_owned())),
    }
}

fn open_checked(
    path: &Path,
    file: File,
    kind: &Kind,
    owner: Option<Owner<'_>>,
    syncs: bool,
) -> Result<Opened, StoreError> {
    let foreign = |what: String| StoreError::Foreign(path.to_owned(), what);
    let mut first = [0; MAGIC.len()];
    match file.read_exact_at(&mut first, 0) {
        Ok(()) if first == *MAGIC => {}
        Ok(()) => return Err(foreign(format!("not a {}", kind.name))),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(foreign(format!("too short to be a {}", kind.name)));
        }
        Err(error) => return Err(system(path, &error)),
    }
    let overlay = Overlay::new(file, syncs).map_err(|error| system(path, &error))?;
    let database = start(path, &overlay)?;
    let damaged = |what: &str| StoreError::Damaged(path.to_owned(), what.to_owned());
    let read = quietly(|| read_about(&database)).map_err(|()| damaged("its tables are not sound"))?;
    let Some(about) = read.map_err(|error| damaged(&error.to_string()))? else {
        return Err(foreign(format!("a database of something else, not a {}", kind.name)));
    };
    if about.format != kind.format.as_bytes() {
        return Err(foreign(format!("a store of another kind or version, not a {}", kind.name)));
    }
    if let Some(owner) = owner
        && about.owner != owner.digest
    {
        return Err(StoreError::Other(path.to_owned(), owner.others.to_owned()));
    }
    let read = quietly(|| read_root(&database, kind)).map_err(|()| damaged("its tables are not sound"))?;
    let (root, rows) = read.map_err(|error| damaged(&error.to_string()))?;
    let last = match about.last {
        None if rows == 0 => None,
        Some((number, stored)) if root == Some(stored) => Some(StoredBlock { number, root: stored, rows }),
        _ => return Err(damaged("what it holds does not give the root that it says")),
    };
    Ok(Opened { database, overlay, last })
}

/// What a store says of itself.
struct About {
    format: Vec<u8>,
    owner: Vec<u8>,
    last: Option<(u64, Digest)>,
}

/// None: another program's database.
fn read_about(database: &Database) -> Result<Option<About>, redb::Error> {
    let transaction = database.begin_read()?;
    let about = match transaction.open_table(ABOUT) {
        Ok(about) => about,
        Err(redb::TableError::TableDoesNotExist(_) | redb::TableError::TableTypeMismatch { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let text =
        |key: &str| -> Result<Option<Vec<u8>>, redb::Error> { Ok(about.get(key)?.map(|value| value.value().to_vec())) };
    let number = text("number")?.and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let last = number.zip(text("root")?.and_then(|bytes| bytes.try_into().ok()));
    let (format, owner) = (text("format")?.unwrap_or_default(), text("owner")?.unwrap_or_default());
    Ok(Some(About { format, owner, last }))
}

/// The digest of all rows, and how many there are.
fn read_root(database: &Database, kind: &Kind) -> Result<(Option<Digest>, u64), redb::Error> {
    let table = database.begin_read()?.open_table(ROWS)?;
    let mut failed = None;
    let mut rows = table.iter()?.map_while(|row| match row {
        Ok((key, value)) => Some((key.value().to_vec(), value.value().to_vec())),
        Err(error) => {
            failed = Some(error);
            None
        }
    });
    let root = (kind.root)(&mut rows);
    drop(rows);
    match failed {
        Some(error) => Err(error.into()),
        None => Ok((root, table.len()?)),
    }
}
