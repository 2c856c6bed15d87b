//! The thread that writes hashes to the index, many in one transaction.

use std::{
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, Sender},
    },
    time::{Duration, Instant},
};

use redb::Database;

use super::{FILES, FileRecord, IndexError, encode};
use crate::application::catalog::SharedFile;

/// The most changes in one transaction, each of which costs a sync of the disk.
const BATCH: usize = 1_000;
/// How long a change may wait for others.
const LINGER: Duration = Duration::from_millis(500);

/// A change to the remembered hashes.
pub(super) enum Write {
    Put(Arc<SharedFile>),
    Forget(PathBuf),
    /// Answered once everything before it is on the disk.
    Flush(Sender<()>),
}

/// Collects changes and writes them in batches until every sender is gone.
pub(super) fn write_behind(
    database: &Database,
    queue: &Receiver<Write>,
    failed: impl Fn(IndexError),
) {
    while let Ok(first) = queue.recv() {
        let until = Instant::now() + LINGER;
        let mut batch = Vec::new();
        let mut flushed = Vec::new();
        let mut next = Some(first);
        while let Some(write) = next.take() {
            match write {
                Write::Flush(done) => flushed.push(done),
                other => batch.push(other),
            }
            if flushed.is_empty() && batch.len() < BATCH {
                let left = until.saturating_duration_since(Instant::now());
                next = queue.recv_timeout(left).ok();
            }
        }
        if let Err(error) = write_batch(database, &batch) {
            failed(error.into());
        }
        for done in flushed {
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
        }
    }
}

fn write_batch(database: &Database, batch: &[Write]) -> Result<(), redb::Error> {
    if batch.is_empty() {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(FILES)?;
        for write in batch {
            match write {
                Write::Put(file) => {
                    let record = FileRecord { stamp: file.stamp, manifest: file.manifest.clone() };
                    table.insert(file.path.as_os_str().as_bytes(), &*encode(&record))?;
                }
                Write::Forget(path) => {
                    table.remove(path.as_os_str().as_bytes())?;
                }
                Write::Flush(_) => {}
            }
        }
    }
    Ok(transaction.commit()?)
}
