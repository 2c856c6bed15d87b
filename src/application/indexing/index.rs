//! What is kept from one run to the next: the hashes of files, and the remembered roots.
//!
//! A `redb` database in the data directory. Keys are the bytes of paths; values are a version
//! byte and DAG-CBOR (`docs/reference/stored-formats.md`). Hashes are a cache: a value that cannot be read is
//! a file to be hashed again. They are written in batches behind the caller; roots at once.
//!
//! Invariant: a hash is given out only for the very stamp it was computed under.

mod writer;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Sender},
    },
    thread::JoinHandle,
    time::{SystemTime, UNIX_EPOCH},
};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

use self::writer::{Write, write_behind};
use crate::{
    application::catalog::SharedFile,
    domain::{ContentId, Manifest},
    network::content::hash::Stamp,
};

const FILES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("files");
const ROOTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("roots");
/// The version of every value; others are not read.
const VERSION: u8 = 1;
/// Bytes of the database that are kept in memory; the kernel has the rest.
const CACHE: usize = 4 << 20;
/// Hashes that are looked at together when those that nobody needs are forgotten.
const LOOKS: usize = 1_024;

/// Why the index cannot be opened, or a write to it failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum IndexError {
    /// Another process has it open.
    #[error("another node has it open")]
    InUse,
    /// The disk says no.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The database does.
    #[error(transparent)]
    Database(#[from] redb::Error),
}

/// A remembered hash.
#[derive(Debug, Deserialize)]
struct FileRecord {
    stamp: Stamp,
    manifest: Manifest,
}

/// The same, on its way to the disk.
#[derive(Serialize)]
struct RecordToWrite<'a> {
    stamp: &'a Stamp,
    manifest: &'a Manifest,
}

/// A remembered root.
#[derive(Debug, Serialize, Deserialize)]
struct RootRecord {
    /// What beneath it is not shared: the bytes of paths.
    excluded: Vec<ByteBuf>,
}

/// Remembered roots and what is excluded from each.
pub(super) type RememberedRoots = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// The database, and the thread that writes to it.
#[derive(Debug)]
pub(super) struct Index {
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    database: Arc<Database>,
    writes: Sender<Write>,
    writer: JoinHandle<()>,
}

impl Index {
    /// Opens the index of a data directory. One that is damaged is set aside under the returned
    /// name and a new one begun. `failed` hears of writes that did not succeed.
    ///
    /// # Errors
    /// When another process has it open, or the disk does not allow it.
    pub(super) fn open(
        data_dir: &Path,
        failed: impl Fn(IndexError) + Send + 'static,
    ) -> Result<(Self, Option<PathBuf>), IndexError> {
        let path = data_dir.join("index.redb");
        let (database, aside) = match open_database(&path) {
            Ok(database) => (database, None),
            Err(error) if !is_damage(&error) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the index is damaged");
                let aside = set_aside(&path)?;
                (open_database(&path)?, Some(aside))
            }
        };
        let database = Arc::new(database);
        let (writes, queue) = mpsc::channel();
        let writer = std::thread::Builder::new().name("index".to_owned()).spawn({
            let database = Arc::clone(&database);
            move || write_behind(&database, &queue, failed)
        })?;
        let open = Open { database, writes, writer };
        Ok((Self { open: Mutex::new(Some(open)) }, aside))
    }

    /// The remembered manifest of each file, where it looks as it did then. Blocks the thread.
    pub(super) fn get_all<'a>(
        &self,
        files: impl Iterator<Item = (&'a Path, &'a Stamp)>,
    ) -> Vec<Option<Manifest>> {
        let mut files = files.peekable();
        let mut found = Vec::new();
        let mut read = || -> Result<(), redb::Error> {
            let Some(database) = self.database().filter(|_| files.peek().is_some()) else {
                return Ok(());
            };
            let table = database.begin_read()?.open_table(FILES)?;
            for (path, stamp) in files.by_ref() {
                let value = table.get(path.as_os_str().as_bytes())?;
                let record = value.and_then(|value| decode::<FileRecord>(value.value()));
                let record = record.filter(|record| record.stamp == *stamp);
                found.push(record.map(|record| record.manifest));
            }
            Ok(())
        };
        if let Err(error) = read() {
            tracing::warn!(%error, "cannot read the index");
        }
        let rest = files.count();
        found.resize(found.len() + rest, None);
        found
    }

    /// Remembers hashes, soon.
    pub(super) fn put(&self, files: Vec<Arc<SharedFile>>) {
        if !files.is_empty() {
            self.send(Write::Put(files));
        }
    }

    /// Forgets hashes, soon.
    pub(super) fn forget(&self, paths: Vec<Arc<Path>>) {
        if !paths.is_empty() {
            self.send(Write::Forget(paths));
        }
    }

    /// Waits until everything is written. Blocks the thread.
    pub(super) fn flush(&self) {
        let (done, wait) = mpsc::channel();
        self.send(Write::Flush(done));
        // An error means that the writer is gone, and it writes everything before it goes.
        let _ = wait.recv();
    }

    /// Forgets every hash that `keep` does not want, and names the contents. `shared` sorts out,
    /// of many paths at once, those that need no second look. Blocks the thread.
    pub(super) fn prune(
        &self,
        shared: impl Fn(&mut Vec<PathBuf>),
        mut keep: impl FnMut(&Path, &Stamp) -> bool,
    ) -> Result<Vec<ContentId>, IndexError> {
        let Some(database) = self.database() else { return Ok(Vec::new()) };
        let (mut unwanted, mut contents) = (Vec::new(), Vec::new());
        let mut read = || -> Result<(), redb::Error> {
            let table = database.begin_read()?.open_table(FILES)?;
            let mut keys = table.iter()?;
            loop {
                let next = keys.by_ref().take(LOOKS);
                let path = |row: Result<(redb::AccessGuard<'_, &[u8]>, _), _>| {
                    row.map(|(key, _)| path_of(key.value()))
                };
                let mut paths = next.map(path).collect::<Result<Vec<_>, _>>()?;
                if paths.is_empty() {
                    return Ok(());
                }
                shared(&mut paths);
                for path in paths {
                    let value = table.get(path.as_os_str().as_bytes())?;
                    match value.and_then(|value| decode::<FileRecord>(value.value())) {
                        Some(record) if keep(&path, &record.stamp) => continue,
                        record => contents.extend(record.map(|record| record.manifest.content)),
                    }
                    unwanted.push(path.into());
                }
            }
        };
        read()?;
        self.forget(unwanted);
        Ok(contents)
    }

    /// The remembered roots. Blocks the thread.
    pub(super) fn roots(&self) -> Result<RememberedRoots, IndexError> {
        let Some(database) = self.database() else { return Ok(RememberedRoots::new()) };
        let read = || -> Result<RememberedRoots, redb::Error> {
            let table = database.begin_read()?.open_table(ROOTS)?;
            let mut roots = RememberedRoots::new();
            for row in table.iter()? {
                let (key, value) = row?;
                let excluded = decode_root(value.value()).unwrap_or_default();
                roots.insert(path_of(key.value()), excluded);
            }
            Ok(roots)
        };
        Ok(read()?)
    }

    /// Replaces the remembered roots, on the disk when this returns. Blocks the thread.
    pub(super) fn set_roots(&self, roots: &RememberedRoots) -> Result<(), IndexError> {
        let Some(database) = self.database() else { return Ok(()) };
        let write = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(ROOTS)?;
                table.retain(|key, _| roots.contains_key(&path_of(key)))?;
                for (path, excluded) in roots {
                    let bytes = |path: &PathBuf| ByteBuf::from(path.as_os_str().as_bytes());
                    let record = RootRecord { excluded: excluded.iter().map(bytes).collect() };
                    table.insert(path.as_os_str().as_bytes(), &*encode(&record))?;
                }
            }
            Ok(transaction.commit()?)
        };
        Ok(write()?)
    }

    /// Writes what waits and closes the database; afterwards it seems empty. Blocks the thread.
    pub(super) fn close(&self) {
        let Some(open) = self.lock().take() else { return };
        drop(open.writes);
        if open.writer.join().is_err() {
            tracing::error!("the index writer panicked");
        }
    }

    fn database(&self) -> Option<Arc<Database>> {
        self.lock().as_ref().map(|open| Arc::clone(&open.database))
    }

    fn send(&self, write: Write) {
        if let Some(open) = self.lock().as_ref() {
            // The writer ends only with this sender.
            let _ = open.writes.send(write);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.close();
    }
}

/// Opens or creates a database, checked: a file that was altered would otherwise be trusted.
fn open_database(path: &Path) -> Result<Database, IndexError> {
    let create = || -> Result<Database, redb::Error> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
        let database = builder.create(path).map_err(|error| match error {
            DatabaseError::Storage(redb::StorageError::Io(error)) => redb::Error::Io(error),
            other => other.into(),
        })?;
        let transaction = database.begin_write()?;
        transaction.open_table(FILES)?;
        transaction.open_table(ROOTS)?;
        transaction.commit()?;
        Ok(database)
    };
    create().map_err(|error| match error {
        redb::Error::DatabaseAlreadyOpen => IndexError::InUse,
        redb::Error::Io(error) => IndexError::Io(error),
        other => IndexError::Database(other),
    })
}

/// Whether the database itself is at fault, and not the disk or another process.
fn is_damage(error: &IndexError) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    match error {
        IndexError::InUse => false,
        IndexError::Io(error) => matches!(error.kind(), InvalidData | UnexpectedEof),
        IndexError::Database(_) => true,
    }
}

fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let aside = path.with_file_name(format!("index.redb.damaged-{now}"));
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    // Into memory, of plain data: there is nothing that could fail but the format itself, and an
    // empty value is one that is not read back.
    match serde_ipld_dagcbor::to_vec(value) {
        Ok(body) => bytes.extend(body),
        Err(error) => tracing::error!(%error, "cannot encode a record of the index"),
    }
    bytes
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (&VERSION, body) = bytes.split_first()? else { return None };
    serde_ipld_dagcbor::from_slice(body).ok()
}

/// Reads a remembered root: what beneath it is not shared.
pub(super) fn decode_root(bytes: &[u8]) -> Option<BTreeSet<PathBuf>> {
    let record: RootRecord = decode(bytes)?;
    Some(record.excluded.iter().map(|bytes| path_of(bytes)).collect())
}

/// Reads the manifest of a remembered hash, whatever the file looked like.
pub(super) fn decode_file(bytes: &[u8]) -> Option<Manifest> {
    decode(bytes).map(|record: FileRecord| record.manifest)
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests;
