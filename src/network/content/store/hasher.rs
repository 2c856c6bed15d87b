//! The thread that takes the SHA-1 of every file, in order, while its bytes land.
//!
//! Off the critical path: a chunk that is the next one is hashed from memory; what came too early,
//! or while this was behind, is read back when its turn comes. So of a file that arrives in order
//! no byte is read again.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use sha1::{Digest, Sha1};
use tokio::sync::watch;

use super::{CHUNK, Failed, files::Files, progress::Progress};
use crate::{
    domain::{Sha1Hash, blocks::BLOCK},
    network::content::layout::Mask,
};

/// Chunks in memory that wait to be hashed; further ones are read back from the file.
const WAITING: usize = 8;

/// Hears what landed.
#[derive(Debug)]
pub(super) struct Hasher {
    files: Arc<Files>,
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What is written, of which nothing is known to be hashed.
    written: Progress,
    waiting: VecDeque<Landed>,
    /// The file that is being hashed, and how many of its bytes are.
    at: (usize, u64),
    /// Bytes written, and bytes hashed, of all files.
    totals: (u64, u64),
    stopped: bool,
}

#[derive(Debug)]
struct Landed {
    file: usize,
    offset: u64,
    data: Vec<u8>,
}

/// What to hash next.
enum Next {
    Memory(Vec<u8>),
    File(u64),
    FileIsDone,
    Unwanted,
    Stop,
}

impl Hasher {
    /// Begins to hash what is there and what will land.
    pub(super) fn start(
        files: Arc<Files>,
        written: &Progress,
        digests: watch::Sender<Vec<Sha1Hash>>,
        failure: watch::Sender<Option<Failed>>,
    ) -> io::Result<(Arc<Self>, JoinHandle<()>)> {
        let here: u64 = super::here_list(&files.plan.layout, written)
            .iter()
            .map(|(_, blocks)| u64::from(blocks.count_ones()) * BLOCK)
            .sum();
        let totals = (here, 0);
        let state = Mutex::new(State { written: written.clone(), totals, ..State::default() });
        let hasher = Arc::new(Self { files, state, news: Condvar::new() });
        let running = hasher.clone();
        let thread = std::thread::Builder::new().name("sha1".to_owned()).spawn(move || {
            if let Err(error) = running.run(&digests) {
                tracing::warn!(%error, "a file cannot be read back");
                let failed = Failed(Arc::new(error));
                failure.send_modify(|first| *first = first.take().or(Some(failed)));
            }
        })?;
        Ok((hasher, thread))
    }

    /// Bytes landed in a file.
    pub(super) fn landed(&self, file: usize, offset: u64, data: Vec<u8>) {
        let mut state = self.lock();
        state.note(&self.files, file, offset, data.len() as u64);
        state.totals.0 += data.len() as u64;
        // What lies far ahead would only keep nearer ones out.
        let near = state.at.0 == file && offset < state.at.1 + (WAITING * CHUNK) as u64
            || state.at.0 < file;
        if near && state.waiting.len() < WAITING {
            state.waiting.push_back(Landed { file, offset, data });
        }
        drop(state);
        self.news.notify_one();
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.news.notify_one();
    }

    /// Bytes that landed and are not hashed.
    pub(super) fn lag(&self) -> u64 {
        let (landed, hashed) = self.lock().totals;
        landed.saturating_sub(hashed)
    }

    fn run(&self, digests: &watch::Sender<Vec<Sha1Hash>>) -> io::Result<()> {
        let mut sha1 = Sha1::new();
        let mut buffer = Vec::new();
        while self.lock().at.0 < self.files.plan.layout.files().len() {
            let (file, at) = self.lock().at;
            match self.next() {
                Next::Memory(data) => {
                    sha1.update(&data);
                    self.hashed(data.len() as u64);
                }
                Next::File(end) => {
                    buffer.clear();
                    self.files.append(file, at..end, &mut buffer)?;
                    sha1.update(&buffer);
                    self.hashed(end - at);
                }
                Next::FileIsDone => {
                    let digest = std::mem::take(&mut sha1).finalize();
                    digests.send_modify(|all| all.push(Sha1Hash::from_bytes(digest.into())));
                    self.lock().at = (file + 1, 0);
                }
                Next::Unwanted => {
                    digests.send_modify(|all| all.push(Sha1Hash::from_bytes([0; 20])));
                    self.lock().at = (file + 1, 0);
                }
                Next::Stop => return Ok(()),
            }
        }
        Ok(())
    }

    fn hashed(&self, bytes: u64) {
        let mut state = self.lock();
        state.at.1 += bytes;
        state.totals.1 += bytes;
        // What lies behind is not looked at again.
        let (file, at) = state.at;
        if let Some((span, _)) = self.files.plan.layout.span_at(file, at) {
            while state.written.partial.first_key_value().is_some_and(|(first, _)| *first < span) {
                state.written.partial.pop_first();
            }
        }
    }

    /// Waits for the bytes that are next.
    fn next(&self) -> Next {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Next::Stop;
            }
            let (file, at) = state.at;
            let size = self.files.placed(file).map_or(0, |placed| placed.size);
            if self.files.plan.unwanted.contains(&file) {
                return Next::Unwanted;
            }
            if at == size {
                return Next::FileIsDone;
            }
            state
                .waiting
                .retain(|landed| landed.file > file || landed.file == file && landed.offset >= at);
            let next = |landed: &Landed| landed.file == file && landed.offset == at;
            if let Some(index) = state.waiting.iter().position(next)
                && let Some(landed) = state.waiting.remove(index)
            {
                return Next::Memory(landed.data);
            }
            let end = state.written_from(&self.files, file, at);
            if end > at {
                return Next::File(end);
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes note of bytes of a file that are written: whole blocks of one span.
    fn note(&mut self, files: &Files, file: usize, offset: u64, length: u64) {
        let layout = &files.plan.layout;
        let Some((span, first)) = layout.span_at(file, offset) else { return };
        let count = u8::try_from(length.div_ceil(BLOCK)).unwrap_or(u8::MAX);
        let blocks = crate::network::content::layout::mask(&(first..first.saturating_add(count)));
        *self.written.partial.entry(span).or_default() |= blocks;
    }

    /// How far a file is written without a gap from a byte on; at most a chunk further.
    fn written_from(&self, files: &Files, file: usize, at: u64) -> u64 {
        let layout = &files.plan.layout;
        let size = layout.files()[file].size;
        let limit = size.min(at + CHUNK as u64);
        let mut end = at;
        while end < limit {
            let Some((span, block)) = layout.span_at(file, end) else { break };
            let bit: Mask = 1 << block;
            let here = self.written.complete.contains(span as usize)
                || self.written.partial.get(&span).is_some_and(|mask| mask & bit != 0);
            if !here {
                break;
            }
            end = ((end / BLOCK + 1) * BLOCK).min(size);
        }
        end
    }
}
