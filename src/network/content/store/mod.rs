//! [`Store`]: the files of one transfer while they arrive, whole or in pieces, and what is certain of
//! them.
//!
//! It owns two threads. The *writer* puts verified bytes where they belong, the pairs that prove them
//! beside, and every few megabytes makes both durable and then writes down that they are. The
//! *hasher* takes the SHA-1 of each file as its bytes land in order, from memory where it can, and
//! reads back only what came too early. Neither ever sees a byte that was not verified.
//!
//! Invariant: what [`progress`] says is complete was synced before it was said; what [`Held`] says is
//! here was written before it was said. So a crash loses at most [`UNSYNCED`] and what waits in the
//! queue, and nothing that is wrong is ever taken for right.

pub mod disk;
mod files;
mod hasher;
pub mod progress;
mod recover;
mod writer;

use std::{
    collections::BTreeSet,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use tokio::sync::{mpsc, oneshot, watch};

use self::{
    disk::{Disk, FilePath},
    files::Files,
    hasher::Hasher,
    progress::{Progress, ProgressFile},
    writer::Writer,
};
use super::{
    held::Held,
    layout::{Layout, Mask, SpanNo, full},
};
use crate::domain::Sha1Hash;

/// Bytes that are read from a peer, verified and written at a time.
pub const CHUNK: usize = 256 << 10;
/// Chunks that may wait to be written.
const QUEUE: usize = 12;
/// Bytes that may be written before they are made durable.
pub const UNSYNCED: u64 = 4 << 20;

/// What a store is for.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The spans.
    pub layout: Arc<Layout>,
    /// Where each file of the layout is while it arrives.
    pub paths: Vec<FilePath>,
    /// Files of it that are not wanted.
    pub unwanted: BTreeSet<usize>,
    /// The folder of the transfer: what is known of it, and the outboards.
    pub state: Arc<Path>,
}

/// Verified bytes: blocks of one span, in order.
#[derive(Debug)]
pub struct Chunk {
    /// The span.
    pub span: SpanNo,
    /// Its first block that is in here.
    pub first: u8,
    /// The bytes of the blocks; only the last block of a file is short.
    pub data: Vec<u8>,
    /// What proved them, to be kept beside them; once for all chunks that it proves.
    pub proof: Option<Proof>,
}

/// The pairs above some blocks of a file.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The blocks, in the file.
    pub blocks: std::ops::Range<u64>,
    /// The pairs, in pre-order.
    pub pairs: Vec<u8>,
}

/// What to do for the writer.
#[derive(Debug)]
enum Order {
    Write(Chunk),
    Checkpoint,
    /// Everything is there: create what is empty, make all of it durable.
    Complete(oneshot::Sender<io::Result<()>>),
    /// Work ends in good order.
    Close(oneshot::Sender<io::Result<()>>),
}

/// The files of a transfer. Dropping it ends its threads, as a crash would.
#[derive(Debug)]
pub struct Store {
    plan: Plan,
    files: Arc<Files>,
    held: Arc<Held>,
    orders: mpsc::Sender<Order>,
    failure: watch::Receiver<Option<Failed>>,
    digests: watch::Receiver<Vec<Sha1Hash>>,
    hasher: Arc<Hasher>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Why nothing can be written any more.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub Arc<io::Error>);

/// What is here already when a store is opened.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Spans with a block that is here, and which.
    pub here: Vec<(SpanNo, Mask)>,
    /// Bytes that had to be read again to be sure.
    pub verified: u64,
}

impl Store {
    /// Opens the files of a transfer, or begins them. After work that did not end in good order
    /// what was written down is verified again; `checking` hears how many bytes were. Blocks the
    /// thread.
    ///
    /// # Errors
    /// When the disk fails or has no room.
    pub fn open(
        disk: Arc<dyn Disk>,
        plan: Plan,
        checking: &mut dyn FnMut(u64),
    ) -> io::Result<(Self, Recovered)> {
        let spans = plan.layout.spans();
        let files = Arc::new(Files::new(disk, plan.clone()));
        let (mut file, saved) = ProgressFile::open(files.progress()?, spans)?;
        files.make_room(saved.is_some())?;
        let (here, verified) = match saved {
            Some(saved) => recover::recover(&files, saved, checking)?,
            None => (Progress::default(), 0),
        };
        // From here on a crash is a crash, until work ends in good order.
        let begun = Progress { clean: None, ..here };
        file.write(&begun)?;

        let held = Arc::new(Held::new(spans));
        begun.complete.ones().for_each(|span| held.insert(u32::try_from(span).unwrap_or(u32::MAX)));
        let recovered = Recovered { here: here_list(&plan.layout, &begun), verified };
        let (digests_out, digests) = watch::channel(Vec::new());
        let (failure_out, failure) = watch::channel(None);
        let (hasher, hashing) =
            Hasher::start(files.clone(), &begun, digests_out, failure_out.clone())?;
        let (orders, receiver) = mpsc::channel(QUEUE);
        let writer = Writer::new(files.clone(), begun, file, held.clone(), hasher.clone());
        let writing = std::thread::Builder::new()
            .name("write".to_owned())
            .spawn(move || writer.run(receiver, &failure_out))?;
        let threads = Mutex::new(vec![writing, hashing]);
        Ok((Self { plan, files, held, orders, failure, digests, hasher, threads }, recovered))
    }

    /// What it is for.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The spans that are here, to be told to others.
    #[must_use]
    pub fn held(&self) -> &Arc<Held> {
        &self.held
    }

    /// Takes in verified bytes; waits while too many wait to be written.
    ///
    /// # Errors
    /// When nothing can be written any more.
    pub async fn put(&self, chunk: Chunk) -> Result<(), Failed> {
        let sent = self.orders.send(Order::Write(chunk)).await;
        sent.map_err(|_| self.failed())
    }

    /// Whether bytes wait to be written, so that whoever sends them has to wait for us.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.orders.capacity() == 0
    }

    /// Has what was written made durable; to be called every few seconds.
    pub async fn checkpoint(&self) {
        let _ = self.orders.send(Order::Checkpoint).await;
    }

    /// Why nothing can be written any more, to be watched.
    #[must_use]
    pub fn failure(&self) -> watch::Receiver<Option<Failed>> {
        self.failure.clone()
    }

    /// To be called when every wanted span is here: makes everything durable and tells the SHA-1 of
    /// each file, zeros for one that is not wanted. The files are closed then, complete and under the names of the plan.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn complete(&self) -> Result<Vec<Sha1Hash>, Failed> {
        self.order(Order::Complete).await?;
        let mut digests = self.digests.clone();
        let files = self.plan.layout.files().len();
        let done = digests.wait_for(|digests| digests.len() == files).await;
        Ok(done.map_err(|_| self.failed())?.clone())
    }

    /// How many bytes the SHA-1 of what is here still lacks.
    #[must_use]
    pub fn unhashed(&self) -> u64 {
        self.hasher.lag()
    }

    /// Ends work in good order: everything durable, nothing to be verified next time.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn close(&self) -> Result<(), Failed> {
        self.order(Order::Close).await
    }

    /// The proof and the bytes of some blocks of a file, appended to `out`. Blocks the thread.
    ///
    /// # Errors
    /// `NotFound` unless the whole span is here.
    pub fn read(
        &self,
        file: usize,
        blocks: std::ops::Range<u64>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let bytes = self.files.bytes_of(file, &blocks)?;
        let (first, _) = self.plan.layout.span_at(file, bytes.start).ok_or_else(not_here)?;
        let (last, _) = self.plan.layout.span_at(file, bytes.end - 1).ok_or_else(not_here)?;
        if !(first..=last).all(|span| self.held.contains(span)) {
            return Err(not_here());
        }
        self.files.pairs(file, blocks, out)?;
        self.files.append(file, bytes, out)
    }

    /// Bytes of a file, which must be here, without proof. Blocks the thread.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read_bytes(
        &self,
        file: usize,
        bytes: std::ops::Range<u64>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        self.files.append(file, bytes, out)
    }

    async fn order(
        &self,
        order: impl FnOnce(oneshot::Sender<io::Result<()>>) -> Order,
    ) -> Result<(), Failed> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.map_err(|_| self.failed())?;
        let answer = answer.await.map_err(|_| self.failed())?;
        answer.map_err(|error| Failed(Arc::new(error)))
    }

    fn failed(&self) -> Failed {
        let gone = || Failed(Arc::new(io::Error::other("the file is closed")));
        self.failure.borrow().clone().unwrap_or_else(gone)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.hasher.stop();
        // The writer ends with its channel; nobody waits for either here, as this may be a task.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn here_list(layout: &Layout, progress: &Progress) -> Vec<(SpanNo, Mask)> {
    let whole = progress.complete.ones().filter_map(|span| {
        let span = SpanNo::try_from(span).ok()?;
        let bytes = layout.place(span)?.bytes;
        Some((span, full(bytes.end - bytes.start)))
    });
    whole.chain(progress.partial.iter().map(|(span, mask)| (*span, *mask))).collect()
}

fn not_here() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "these bytes are not here yet")
}

#[cfg(test)]
pub(crate) mod tests;
