//! Reads a file while it arrives: waits for what is not here yet, and has it fetched next.
//!
//! Invariant: what is read is proven. Under a root that is each block as soon as it is here; a SHA-1
//! alone proves only the whole, so nothing is read before all of it is there.

use std::{
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use tokio::task::spawn_blocking;

use super::transfer::Transfer;
use crate::{
    application::message::{Failure, FailureKind, TransferState},
    domain::Root,
    network::content::store::Store,
};

/// Reads one transfer of one file. Of several readers the last to ask decides what comes next.
#[derive(Debug, Clone)]
pub struct Reader {
    transfer: Arc<Transfer>,
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReaderFile {
    /// Its name. Not to be trusted.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// What its bytes are proven by.
    pub root: Root,
    /// Its media type, if somebody told.
    pub media_type: Option<String>,
}

/// Where bytes come from.
enum From {
    Store(Arc<Store>),
    File(PathBuf),
}

impl Reader {
    pub(super) fn new(transfer: Arc<Transfer>) -> Self {
        Self { transfer }
    }

    /// Waits until it is certain what is read.
    ///
    /// # Errors
    /// When the transfer ends before, or is a collection.
    pub async fn file(&self) -> Result<ReaderFile, Failure> {
        self.source().await?;
        let target = self.transfer.record().target.ok_or_else(gone)?;
        if self.transfer.shown().files.is_some() {
            let message = format!("{} is a folder, and only a file can be read", target.name);
            return Err(Failure::new(FailureKind::Usage, message).hint("fetch it with get"));
        }
        Ok(ReaderFile {
            name: target.name,
            size: target.content.size,
            root: target.content.root,
            media_type: target.media_type,
        })
    }

    /// Waits for the byte at an offset, and returns it with those that follow it here, at most so
    /// many.
    ///
    /// # Errors
    /// When the transfer ends before, or the file cannot be read.
    pub async fn read(&self, offset: u64, at_most: usize) -> Result<Vec<u8>, Failure> {
        loop {
            match self.source().await? {
                From::File(path) => {
                    let target = self.transfer.record().target.ok_or_else(gone)?;
                    return read_file(path, target.content.size, offset, at_most).await;
                }
                From::Store(store) => {
                    if let Some(bytes) = self.read_store(store, offset, at_most).await? {
                        return Ok(bytes);
                    }
                }
            }
        }
    }

    /// Reads from a store once the span is here; `None` when the store was closed meanwhile.
    async fn read_store(
        &self,
        store: Arc<Store>,
        offset: u64,
        at_most: usize,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let layout = store.plan().layout.clone();
        let Some((span, _)) = layout.span_at(0, offset) else { return Ok(Some(Vec::new())) };
        self.transfer.reader.send_if_modified(|at| at.replace(span) != Some(span));
        self.transfer.read.store(true, Ordering::Relaxed);
        let (held, mut count) = (store.held().clone(), store.held().count());
        let mut news = self.transfer.news.subscribe();
        // One that was closed before the news were subscribed to would be waited for in vain.
        if !self.transfer.store().as_ref().is_some_and(|now| Arc::ptr_eq(now, &store)) {
            return Ok(None);
        }
        while !held.contains(span) {
            tokio::select! {
                changed = count.changed() => if changed.is_err() { return Ok(None) },
                _ = news.changed() => return Ok(None),
            }
        }
        let Some(place) = layout.place(span) else { return Ok(Some(Vec::new())) };
        let end = place.bytes.end.min(offset.saturating_add(at_most as u64));
        let read = move || {
            let mut bytes = Vec::new();
            store.read_bytes(0, offset..end, &mut bytes).map(|()| bytes)
        };
        blocking(read).await.map(Some)
    }

    /// Where to read now. Waits while that is not known and may still be.
    async fn source(&self) -> Result<From, Failure> {
        let mut news = self.transfer.news.subscribe();
        loop {
            news.borrow_and_update();
            let state = self.transfer.state();
            if state == TransferState::Done {
                let path = self.transfer.record().path.ok_or_else(gone)?;
                return Ok(From::File(path.0));
            }
            if self.transfer.record().link.root.is_some()
                && let Some(store) = self.transfer.store().clone()
            {
                return Ok(From::Store(store));
            }
            match state {
                TransferState::Failed(why) => return Err(why),
                TransferState::Cancelled => return Err(gone()),
                _ => {}
            }
            news.changed().await.map_err(|_| gone())?;
        }
    }
}

async fn read_file(
    path: PathBuf,
    size: u64,
    offset: u64,
    at_most: usize,
) -> Result<Vec<u8>, Failure> {
    blocking(move || {
        let file = std::fs::File::open(path)?;
        // It has its name, and may have been written to since.
        if file.metadata()?.len() != size {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it was changed"));
        }
        let mut bytes = vec![0; at_most];
        let read = file.read_at(&mut bytes, offset)?;
        bytes.truncate(read);
        Ok(bytes)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(FailureKind::Error, format!("the file cannot be read: {error}"))
    };
    let result = spawn_blocking(read).await.map_err(|error| failed(&error))?;
    result.map_err(|error| failed(&error))
}

fn gone() -> Failure {
    Failure::new(FailureKind::Interrupted, "the transfer was cancelled")
}
