//! The thread that writes hashes to the index, many in one transaction.

use std::{
    os::unix::ffi::OsStrExt,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, Sender},
    },
    time::{Duration, Instant},
};

use redb::Database;

use super::{FILES, IndexError, RecordToWrite, encode};
use crate::application::catalog::SharedFile;

/// The most changes in one transaction, each of which costs a sync of the disk.
const BATCH: usize = 8_192;
/// How long a change may wait for others.
const LINGER: Duration = Duration::from_millis(500);

/// A change to the remembered hashes.
pub(super) enum Write {
    Put(Vec<Arc<SharedFile>>),
    Forget(Vec<Arc<Path>>),
    /// Answered once everything before it is on the disk.
    Flush(Sender<()>),
}

impl Write {
    fn len(&self) -> usize {
        match self {
            Self::Put(files) => files.len(),
            Self::Forget(paths) => paths.len(),
            Self::Flush(_) => 0,
        }
    }
}

/// Collects changes and writes them in batches until every sender is gone.
pub(super) fn write_behind(
    database: &Database,
    queue: &Receiver<Write>,
    failed: impl Fn(IndexError),
) {
    while let Ok(first) = queue.recv() {
        let until = Instant::now() + LINGER;
        let (mut batch, mut size) = (Vec::new(), 0);
        let mut flushed = Vec::new();
        let mut next = Some(first);
        while let Some(write) = next.take() {
            match write {
                Write::Flush(done) => flushed.push(done),
                other => {
                    size += other.len();
                    batch.push(other);
                }
            }
            if flushed.is_empty() && size < BATCH {
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
                Write::Put(files) => {
                    for file in files {
                        let record = RecordToWrite { stamp: &file.stamp, manifest: &file.manifest };
                        table.insert(file.path.as_os_str().as_bytes(), &*encode(&record))?;
                    }
                }
                Write::Forget(paths) => {
                    for path in paths {
                        table.remove(path.as_os_str().as_bytes())?;
                    }
                }
                Write::Flush(_) => {}
            }
        }
    }
    Ok(transaction.commit()?)
}
