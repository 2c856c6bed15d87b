//! The bytes of one answer: proof first, then blocks, each verified as soon as it is whole and
//! handed to the store in chunks.

use std::{
    io,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

use super::{
    conversation::evidence,
    engine::{Ask, Engine},
};
use crate::{
    domain::blocks::BLOCK,
    network::content::{
        layout::{Mask, SpanNo, mask, runs},
        schedule::PeerNo,
        session::SessionError,
        store::{CHUNK, Chunk, Proof},
        tree::{Cv, Mismatch, Tree},
    },
};

/// How long verified blocks wait in memory for the rest of their chunk.
const PAUSE: Duration = Duration::from_millis(200);

/// Takes the answer to a request from the stream.
pub(super) async fn take(
    engine: &Engine,
    (peer, moved): (PeerNo, &AtomicBool),
    ask: &Ask,
    reader: &mut (impl AsyncRead + Unpin),
) -> Result<(), SessionError> {
    let place = engine.layout.place(ask.span).ok_or(SessionError::OutOfRange)?;
    let placed = engine.layout.files()[place.file];
    let (tree, first) = (placed.tree(), place.blocks().start);
    let blocks = first + u64::from(ask.blocks.start)..first + u64::from(ask.blocks.end);
    let mut pairs = vec![0; tree.proof_len(blocks.clone())];
    reader.read_exact(&mut pairs).await?;
    let lied = |error: Mismatch| SessionError::Lied(evidence(&placed.root, &error));
    let cvs = tree.verify(&placed.root, blocks.clone(), &pairs).map_err(lied)?;
    engine.note(|schedule, now| schedule.answer_began(peer, ask.request, now));

    let bytes = place.bytes_of(&ask.blocks);
    let mut left = bytes.end - bytes.start;
    let mut answer = Answer {
        engine,
        peer,
        moved,
        ask,
        tree,
        first,
        cvs: &cvs,
        block: ask.blocks.start,
        proof: Some(Proof { blocks, pairs }),
    };
    while left > 0 {
        let length = left.min(CHUNK as u64);
        answer.chunk(usize::try_from(length).unwrap_or(CHUNK), reader).await.map_err(|error| {
            match error {
                SessionError::Lied(what) => SessionError::Lied(evidence(&placed.root, &what)),
                other => other,
            }
        })?;
        left -= length;
    }
    Ok(())
}

/// An answer that is being read.
struct Answer<'a> {
    engine: &'a Engine,
    peer: PeerNo,
    moved: &'a AtomicBool,
    ask: &'a Ask,
    tree: Tree,
    /// The first block of the span, in its file.
    first: u64,
    cvs: &'a [Cv],
    /// The next block, in its span.
    block: u8,
    proof: Option<Proof>,
}

impl Answer<'_> {
    /// Reads, verifies and hands over the next bytes. What was verified before something went wrong
    /// is handed over all the same, and where nothing more comes for a moment, at once: whoever
    /// stops in the middle of a chunk does not keep it from the store.
    async fn chunk(
        &mut self,
        length: usize,
        reader: &mut (impl AsyncRead + Unpin),
    ) -> Result<(), SessionError> {
        let begin = self.block;
        let mut buffer = Buffer { data: vec![0; length], filled: 0, verified: 0 };
        // What is said to be here and then is not, as this is dropped in between, is wanted again.
        let mut unsaved = Unsaved { engine: self.engine, span: self.ask.span, blocks: 0 };
        loop {
            let result = self.read(&mut buffer, &mut unsaved, reader).await;
            for run in runs(unsaved.blocks) {
                let bytes = bytes_of(&run, begin, length);
                let whole = bytes == (0..length);
                let data = &mut buffer.data;
                let data = if whole { std::mem::take(data) } else { data[bytes].to_vec() };
                self.hand_over(run.start, data).await?;
                unsaved.saved(mask(&run));
            }
            if !matches!(result, Ok(Read::Pause)) {
                return result.map(drop);
            }
        }
    }

    async fn hand_over(&mut self, first: u8, data: Vec<u8>) -> Result<(), SessionError> {
        let chunk = Chunk { span: self.ask.span, first, data, proof: self.proof.take() };
        let busy = self.engine.store.is_busy();
        if busy {
            self.engine.note(|schedule, now| schedule.hold_up(self.peer, true, now));
        }
        let put = self.engine.store.put(chunk).await;
        if busy {
            self.engine.note(|schedule, now| schedule.hold_up(self.peer, false, now));
        }
        put.map_err(|failed| io::Error::other(failed.to_string()).into())
    }

    async fn read(
        &mut self,
        buffer: &mut Buffer,
        unsaved: &mut Unsaved<'_>,
        reader: &mut (impl AsyncRead + Unpin),
    ) -> Result<Read, SessionError> {
        let Buffer { data, filled, verified } = buffer;
        while *verified < data.len() {
            if *filled < data.len() {
                let end = data.len().min(*filled + self.engine.at_once());
                let reading = reader.read(&mut data[*filled..end]);
                let read = if unsaved.blocks == 0 {
                    reading.await?
                } else {
                    let Ok(read) = timeout(PAUSE, reading).await else { return Ok(Read::Pause) };
                    read?
                };
                if read == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
                *filled += read;
                self.pass(read).await;
            }
            loop {
                let end = (*verified + BLOCK as usize).min(data.len());
                if end > *filled || end == *verified {
                    break;
                }
                let number = self.first + u64::from(self.block);
                let cv = self.cvs[usize::from(self.block - self.ask.blocks.start)];
                self.tree
                    .check_block(number, &data[*verified..end], &cv)
                    .map_err(|error| SessionError::Lied(error.to_string()))?;
                if self.engine.block_arrived(self.peer, self.ask, self.block, unsaved.blocks == 0) {
                    unsaved.blocks |= 1 << self.block;
                    self.moved.store(true, Ordering::Relaxed);
                }
                self.block += 1;
                *verified = end;
            }
        }
        Ok(Read::Whole)
    }

    /// Counts bytes, and waits where limits say so.
    async fn pass(&self, bytes: usize) {
        self.engine.meter.add(bytes);
        for limit in self.engine.limits.iter().filter(|limit| limit.limit().is_some()) {
            self.engine.note(|schedule, now| schedule.hold_up(self.peer, true, now));
            limit.pass(bytes).await;
            self.engine.note(|schedule, now| schedule.hold_up(self.peer, false, now));
        }
    }
}

/// A chunk that is being read.
struct Buffer {
    data: Vec<u8>,
    filled: usize,
    verified: usize,
}

/// How reading ended.
enum Read {
    Whole,
    /// Nothing more comes for now, and some of it is verified.
    Pause,
}

/// Blocks that the schedule takes for here and that the store does not have yet.
struct Unsaved<'a> {
    engine: &'a Engine,
    span: SpanNo,
    blocks: Mask,
}

impl Unsaved<'_> {
    fn saved(&mut self, blocks: Mask) {
        self.blocks &= !blocks;
        if self.blocks == 0 {
            self.engine.chunk_ended(self.span, 0);
        }
    }
}

impl Drop for Unsaved<'_> {
    fn drop(&mut self) {
        if self.blocks != 0 {
            self.engine.chunk_ended(self.span, self.blocks);
        }
    }
}

/// Where blocks lie in a chunk of `length` bytes that begins with block `begin`.
fn bytes_of(run: &Range<u8>, begin: u8, length: usize) -> Range<usize> {
    let at = |block: u8| (usize::from(block - begin) * BLOCK as usize).min(length);
    at(run.start)..at(run.end)
}
