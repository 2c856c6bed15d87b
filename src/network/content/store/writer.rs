//! The thread that writes what was verified, in the order in which it came.

use std::{collections::btree_map::Entry, io, sync::Arc};

use tokio::sync::{mpsc, watch};

use super::{
    Chunk, Failed, Order, UNSYNCED,
    files::Files,
    hasher::Hasher,
    progress::{Progress, ProgressFile},
};
use crate::{
    domain::blocks::BLOCK,
    network::content::{
        held::Held,
        layout::{Place, full, mask},
    },
};

/// Writes, syncs and writes down, in this order and from one thread only.
#[derive(Debug)]
pub(super) struct Writer {
    files: Arc<Files>,
    /// What is written; durable as of the last checkpoint.
    written: Progress,
    file: ProgressFile,
    held: Arc<Held>,
    hasher: Arc<Hasher>,
    unsynced: u64,
}

impl Writer {
    pub(super) fn new(
        files: Arc<Files>,
        written: Progress,
        file: ProgressFile,
        held: Arc<Held>,
        hasher: Arc<Hasher>,
    ) -> Self {
        Self { files, written, file, held, hasher, unsynced: 0 }
    }

    /// Works until the store is dropped or closed. After the first failure nothing is written any
    /// more: what the disk has of it is not known.
    pub(super) fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        failure: &watch::Sender<Option<Failed>>,
    ) {
        while let Some(order) = orders.blocking_recv() {
            let broken = failure.borrow().clone();
            let result = match (order, broken) {
                (Order::Write(chunk), None) => self.write(chunk),
                (Order::Checkpoint, None) => self.checkpoint(),
                (Order::Complete(reply), None) => {
                    let completed = self.complete();
                    let _ = reply.send(completed.as_ref().map_err(again).copied());
                    // What could not be synced is not tried again at the close: the disk would say
                    // that it can, and have lost it.
                    completed
                }
                (Order::Close(reply), None) => {
                    let closed = self.close();
                    // Whoever hears of the end finds that nothing is taken in any more.
                    orders.close();
                    let _ = reply.send(closed);
                    return;
                }
                (Order::Complete(reply) | Order::Close(reply), Some(Failed(error))) => {
                    let _ = reply.send(Err(again(&error)));
                    Ok(())
                }
                (Order::Write(_) | Order::Checkpoint, Some(_)) => Ok(()),
            };
            if let Err(error) = result {
                tracing::warn!(%error, "a file cannot be written");
                failure.send_replace(Some(Failed(Arc::new(error))));
            }
        }
    }

    fn write(&mut self, chunk: Chunk) -> io::Result<()> {
        let Chunk { span, first, data, proof } = chunk;
        let place = self.files.plan.layout.place(span).ok_or(io::ErrorKind::InvalidInput)?;
        let count = u8::try_from((data.len() as u64).div_ceil(BLOCK)).unwrap_or(u8::MAX);
        let bytes = place.bytes_of(&(first..first.saturating_add(count)));
        if data.is_empty() || bytes.end - bytes.start != data.len() as u64 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if let Some(proof) = proof {
            self.files.keep(place.file, &proof)?;
        }
        self.files.write(place.file, bytes.start, &data)?;
        self.unsynced += data.len() as u64;
        self.note(span, first..first + count, &place);
        self.hasher.landed(place.file, bytes.start, data);
        if self.unsynced >= UNSYNCED {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Takes note of blocks that are written, and tells of a span that became whole.
    fn note(&mut self, span: u32, blocks: std::ops::Range<u8>, place: &Place) {
        let whole = full(place.bytes.end - place.bytes.start);
        match self.written.partial.entry(span) {
            Entry::Occupied(mut entry) => {
                *entry.get_mut() |= mask(&blocks);
                if *entry.get() != whole {
                    return;
                }
                entry.remove();
            }
            Entry::Vacant(_) if mask(&blocks) == whole => {}
            Entry::Vacant(entry) => {
                entry.insert(mask(&blocks));
                return;
            }
        }
        self.written.complete.grow_and_insert(span as usize);
        self.held.insert(span);
    }

    fn checkpoint(&mut self) -> io::Result<()> {
        if self.unsynced == 0 {
            return Ok(());
        }
        self.files.sync()?;
        self.file.write(&self.written)?;
        self.unsynced = 0;
        Ok(())
    }

    fn complete(&mut self) -> io::Result<()> {
        self.files.create_empty()?;
        self.checkpoint()?;
        self.files.sync_names()
    }

    fn close(&mut self) -> io::Result<()> {
        self.checkpoint()?;
        self.hasher.stop();
        self.written.clean = Some(self.files.look()?);
        self.file.write(&self.written)?;
        self.files.close();
        Ok(())
    }
}

/// An error once more, for somebody else.
fn again(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}
