//! The bytes of one answer: proof first, then blocks, each verified as soon as it is whole and
//! handed to the store in chunks.

use std::{
    io,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::io::{AsyncRead, AsyncReadExt};

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
    /// is handed over all the same.
    async fn chunk(
        &mut self,
        length: usize,
        reader: &mut (impl AsyncRead + Unpin),
    ) -> Result<(), SessionError> {
        let mut data = vec![0; length];
        let begin = self.block;
        // What is said to be here and then is not, as this is dropped in between, is wanted again.
        let mut unsaved = Unsaved { engine: self.engine, span: self.ask.span, blocks: 0 };
        let result = self.read(&mut data, &mut unsaved.blocks, reader).await;
        let fresh = unsaved.blocks;
        for run in runs(fresh) {
            let bytes = bytes_of(&run, begin, length);
            let whole = bytes == (0..length);
            let data = if whole { std::mem::take(&mut data) } else { data[bytes].to_vec() };
            let proof = self.proof.take();
            let chunk = Chunk { span: self.ask.span, first: run.start, data, proof };
            let busy = self.engine.store.is_busy();
            if busy {
                self.engine.note(|schedule, now| schedule.hold_up(self.peer, true, now));
            }
            let put = self.engine.store.put(chunk).await;
            if busy {
                self.engine.note(|schedule, now| schedule.hold_up(self.peer, false, now));
            }
            put.map_err(|failed| io::Error::other(failed.to_string()))?;
            unsaved.blocks &= !mask(&run);
        }
        result
    }

    async fn read(
        &mut self,
        data: &mut [u8],
        fresh: &mut Mask,
        reader: &mut (impl AsyncRead + Unpin),
    ) -> Result<(), SessionError> {
        let (mut filled, mut verified) = (0, 0);
        while verified < data.len() {
            if filled < data.len() {
                let end = data.len().min(filled + self.engine.at_once());
                let read = reader.read(&mut data[filled..end]).await?;
                if read == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
                filled += read;
                self.pass(read).await;
            }
            loop {
                let end = (verified + BLOCK as usize).min(data.len());
                if end > filled || end == verified {
                    break;
                }
                let number = self.first + u64::from(self.block);
                let cv = self.cvs[usize::from(self.block - self.ask.blocks.start)];
                self.tree
                    .check_block(number, &data[verified..end], &cv)
                    .map_err(|error| SessionError::Lied(error.to_string()))?;
                let (peer, request, block) = (self.peer, self.ask.request, self.block);
                if self.engine.note(|s, now| s.block_arrived(peer, request, block, now)) {
                    *fresh |= 1 << block;
                    self.moved.store(true, Ordering::Relaxed);
                }
                self.block += 1;
                verified = end;
            }
        }
        Ok(())
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

/// Blocks that the schedule takes for here and that are not written yet.
struct Unsaved<'a> {
    engine: &'a Engine,
    span: SpanNo,
    blocks: Mask,
}

impl Drop for Unsaved<'_> {
    fn drop(&mut self) {
        self.engine.lost(self.span, self.blocks);
    }
}

/// Where blocks lie in a chunk of `length` bytes that begins with block `begin`.
fn bytes_of(run: &Range<u8>, begin: u8, length: usize) -> Range<usize> {
    let at = |block: u8| (usize::from(block - begin) * BLOCK as usize).min(length);
    at(run.start)..at(run.end)
}
