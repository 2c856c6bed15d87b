//! [`Upload`]: reads what is sent next from the disk, while what was read before goes out.
//!
//! One batch is read ahead: as many of the next requests as fit a span, with their messages, as one
//! row of bytes. Invariant: a file is told to have changed when it could not be read as what it was,
//! and nothing of it is sent then; what is read and what is held to be sent are one span each.

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::{JoinHandle, spawn_blocking};

use super::{Provides, Readable, Shared, sending::append};
use crate::{
    domain::{
        Root,
        blocks::{BLOCK, MAX_FILE, SPAN},
    },
    network::{
        content::{
            tree::Tree,
            wire::{Answer, ReadRequest},
        },
        wire::WireError,
    },
};

/// Contents that one conversation keeps open while it reads.
const MAX_OPEN: usize = 16;
/// How long a content is kept open: what is not shared any more is not served for longer.
const OPEN_TIME: Duration = Duration::from_secs(10);
/// Bytes that an answer takes besides the blocks, at most: a span has 63 parents within and at most
/// 72 above.
pub(super) const OVERHEAD: u64 = 10 << 10;
/// Bytes of a batch.
pub(super) const BATCH: u64 = SPAN + OVERHEAD;
/// Buffers of a batch that are kept for the next conversation that sends.
const MAX_SPARE: usize = 16;

/// Buffers that nobody uses now, with the memory they have.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn take(&self) -> Vec<u8> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| Vec::with_capacity(usize::try_from(BATCH).unwrap_or_default()))
    }

    fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE {
            spare.push(buffer);
        }
    }
}

/// Answers to some reads, ready to be sent.
pub(super) struct Batch {
    bytes: Vec<u8>,
    pub(super) answers: Vec<Prepared>,
    buffers: Arc<Buffers>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    /// Where it is in the batch.
    pub(super) place: Range<usize>,
    /// Of what.
    pub(super) root: Root,
    /// Bytes of the content; none where the answer is that there are none.
    pub(super) length: u64,
}

impl Batch {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.buffers.give_back(std::mem::take(&mut self.bytes));
    }
}

/// The reading of one conversation.
pub(super) struct Upload {
    provides: Arc<dyn Provides>,
    buffers: Arc<Buffers>,
    open: OpenContents,
    job: Option<JoinHandle<Job>>,
}

/// What is open goes with the job that reads from it, and comes back.
type Job = (OpenContents, Result<Batch, WireError>);

impl Upload {
    pub(super) fn new(shared: &Shared) -> Self {
        let (provides, buffers) = (shared.provides.clone(), shared.buffers.clone());
        Self { provides, buffers, open: OpenContents::default(), job: None }
    }

    /// Begins to read the answers to some requests, unless others are being read.
    pub(super) fn begin(&mut self, reads: Vec<ReadRequest>) {
        if self.job.is_some() || reads.is_empty() {
            return;
        }
        let (provides, buffers) = (self.provides.clone(), self.buffers.clone());
        let mut open = std::mem::take(&mut self.open);
        self.job = Some(spawn_blocking(move || {
            let batch = open.prepare(&*provides, buffers, &reads);
            (open, batch)
        }));
    }

    /// Whether answers are being read, or are ready.
    pub(super) fn is_begun(&self) -> bool {
        self.job.is_some()
    }

    /// Waits for the answers that were begun.
    ///
    /// # Errors
    /// When reading them came to no end.
    pub(super) async fn take(&mut self) -> Result<Option<Batch>, WireError> {
        let Some(job) = self.job.take() else { return Ok(None) };
        let (open, batch) = job.await.map_err(io::Error::other)?;
        self.open = open;
        batch.map(Some)
    }

    /// Gives up what was begun.
    pub(super) fn abandon(&mut self) {
        // What is open ends with the job.
        self.job = None;
    }

    /// Whether contents are kept open.
    pub(super) fn is_open(&self) -> bool {
        !self.open.0.is_empty()
    }

    /// Closes what is open.
    pub(super) fn close(&mut self) {
        self.open = OpenContents::default();
    }
}

/// Contents that are open, the last used first.
#[derive(Default)]
struct OpenContents(Vec<(Root, Arc<dyn Readable>, Instant)>);

impl OpenContents {
    fn prepare(
        &mut self,
        provides: &dyn Provides,
        buffers: Arc<Buffers>,
        reads: &[ReadRequest],
    ) -> Result<Batch, WireError> {
        let bytes = buffers.take();
        let mut batch = Batch { bytes, answers: Vec::with_capacity(reads.len()), buffers };
        for read in reads {
            let start = batch.bytes.len();
            let length = self.answer(provides, read, &mut batch.bytes)?;
            let place = start..batch.bytes.len();
            batch.answers.push(Prepared { place, root: read.root, length });
        }
        Ok(batch)
    }

    /// Appends the answer to a read; returns how many bytes of the content are in it.
    fn answer(
        &mut self,
        provides: &dyn Provides,
        read: &ReadRequest,
        bytes: &mut Vec<u8>,
    ) -> Result<u64, WireError> {
        let Some(content) = self.open(provides, &read.root) else {
            append(bytes, &Answer::Missing)?;
            return Ok(0);
        };
        let size = content.size();
        let Some(blocks) = blocks_of(size, read) else {
            append(bytes, &Answer::OutOfRange)?;
            return Ok(0);
        };
        let (start, length) = (bytes.len(), read.end - read.start);
        append(bytes, &Answer::Data)?;
        let data = bytes.len();
        let expected = Tree::new(size).proof_len(blocks.clone()) as u64 + length;
        let problem = match content.read(blocks, bytes) {
            Ok(()) if (bytes.len() - data) as u64 == expected => return Ok(length),
            Ok(()) => None,
            Err(error) => Some(error.kind()),
        };
        if problem != Some(io::ErrorKind::NotFound) {
            content.found_changed();
            self.0.retain(|(root, ..)| *root != read.root);
        }
        bytes.truncate(start);
        append(bytes, &Answer::Missing)?;
        Ok(0)
    }

    fn open(&mut self, provides: &dyn Provides, root: &Root) -> Option<Arc<dyn Readable>> {
        self.0.retain(|(_, _, since)| since.elapsed() < OPEN_TIME);
        let place = self.0.iter().position(|(open, ..)| open == root);
        let entry = match place {
            Some(place) => self.0.remove(place),
            None => {
                self.0.truncate(MAX_OPEN - 1);
                (*root, provides.open(root)?, Instant::now())
            }
        };
        let content = entry.1.clone();
        self.0.insert(0, entry);
        Some(content)
    }
}

/// The blocks of a range, if it lies on blocks within the content and is at most a span.
fn blocks_of(size: u64, read: &ReadRequest) -> Option<Range<u64>> {
    let ReadRequest { start, end, .. } = *read;
    let fits = size <= MAX_FILE
        && start < end
        && end <= size
        && end - start <= SPAN
        && start.is_multiple_of(BLOCK)
        && (end.is_multiple_of(BLOCK) || end == size);
    fits.then(|| start / BLOCK..end.div_ceil(BLOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_off_the_blocks_are_refused() {
        let blocks = |size, start, end| {
            let root = Root::from_bytes([0; 32]);
            blocks_of(size, &ReadRequest { root, start, end })
        };
        assert_eq!(blocks(100, 0, 100), Some(0..1));
        assert_eq!(blocks(3 * SPAN, BLOCK, SPAN + BLOCK), Some(1..65));
        assert_eq!(blocks(SPAN + 5, SPAN, SPAN + 5), Some(64..65));
        for (size, start, end) in [
            (100, 0, 101),
            (100, 1, 100),
            (3 * BLOCK, 0, BLOCK + 1),
            (3 * SPAN, 0, SPAN + BLOCK),
            (0, 0, 0),
            (3 * SPAN, BLOCK, BLOCK),
            (3 * SPAN, BLOCK, 0),
            (u64::MAX, 0, BLOCK),
            (100, u64::MAX - 1, u64::MAX),
        ] {
            assert_eq!(blocks(size, start, end), None, "{size}: {start}..{end}");
        }
    }

    #[test]
    fn what_is_kept_of_buffers_is_bounded() {
        let buffers = Buffers::default();
        let taken: Vec<_> = (0..2 * MAX_SPARE).map(|_| buffers.take()).collect();
        taken.into_iter().for_each(|buffer| buffers.give_back(buffer));
        assert_eq!(buffers.0.lock().expect("no panic").len(), MAX_SPARE);
        assert!(buffers.take().capacity() as u64 >= BATCH);
    }

    #[test]
    fn no_answer_takes_more_besides_its_blocks_than_is_counted() {
        let tree = Tree::new(MAX_FILE);
        let half = tree.blocks() / 2;
        let proof = tree.proof_len(half - 32..half + 32) as u64;
        assert!((100 * 64..OVERHEAD - 64).contains(&proof), "{proof}");
    }
}
