//! [`Sender`]: what goes out on one stream, within the limit and the patience.
//!
//! Messages are gathered and written together; data is written from where it lies, in one go where
//! nothing is limited. Invariant: whoever writes here flushes before it waits for anything.

use std::{future::Future, io, pin::pin, time::Duration};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};

use crate::network::{
    content::{limiter::PIECE, serve::Uploads, slots::Turn, wire::Answer},
    wire::{self, WireError},
};

/// How long a peer may take to take [`PIECE`] of what it is sent, besides our own limit.
const PIECE_TIME: Duration = Duration::from_secs(30);
/// Bytes of messages that are gathered before they are written.
const BUFFER: usize = 64 << 10;

/// The sending half of a stream.
pub(super) struct Sender<'a, W> {
    writer: W,
    uploads: &'a Uploads,
    /// Messages that are not written yet.
    messages: Vec<u8>,
    is_flushed: bool,
}

impl<'a, W: AsyncWrite + Unpin> Sender<'a, W> {
    pub(super) fn new(writer: W, uploads: &'a Uploads) -> Self {
        Self { writer, uploads, messages: Vec::new(), is_flushed: true }
    }

    /// Says something; it may be written later.
    ///
    /// # Errors
    /// When the stream breaks, or the peer takes nothing for too long.
    pub(super) async fn say(&mut self, answer: &Answer) -> Result<(), WireError> {
        append(&mut self.messages, answer)?;
        if self.messages.len() >= BUFFER { self.write_messages().await } else { Ok(()) }
    }

    /// Sends data from a slot. If the peer does not take it, the slot goes to others, `put_off` is
    /// called, and the rest goes out without.
    ///
    /// # Errors
    /// When the stream breaks, or the peer takes nothing for too long.
    pub(super) async fn data(
        &mut self,
        mut data: &[u8],
        turn: &Turn<'_>,
        mut put_off: impl FnMut(),
    ) -> Result<(), WireError> {
        if data.is_empty() {
            return Ok(());
        }
        self.write_messages().await?;
        let limiter = &self.uploads.limiter;
        while !data.is_empty() {
            if limiter.limit().is_some() {
                self.flush().await?;
            }
            let (piece, rest) = data.split_at(limiter.piece().min(data.len()));
            limiter.pass(piece.len()).await;
            let mut writing = pin!(self.write(piece));
            tokio::select! {
                biased;
                written = &mut writing => written?,
                outstayed = turn.outstayed() => {
                    outstayed.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
                    put_off();
                    writing.await?;
                }
            }
            data = rest;
        }
        Ok(())
    }

    /// Has everything on its way.
    ///
    /// # Errors
    /// When the stream breaks, or the peer takes nothing for too long.
    pub(super) async fn flush(&mut self) -> Result<(), WireError> {
        self.write_messages().await?;
        if !self.is_flushed {
            in_time(self.writer.flush()).await?;
            self.is_flushed = true;
        }
        Ok(())
    }

    /// Sends what is left, and the end of the stream.
    ///
    /// # Errors
    /// When the stream breaks, or the peer takes nothing for too long.
    pub(super) async fn end(&mut self) -> Result<(), WireError> {
        self.flush().await?;
        in_time(self.writer.shutdown()).await
    }

    async fn write_messages(&mut self) -> Result<(), WireError> {
        if self.messages.is_empty() {
            return Ok(());
        }
        let messages = std::mem::take(&mut self.messages);
        write_all(&mut self.writer, &messages, |_| {}).await?;
        self.is_flushed = false;
        Ok(())
    }

    async fn write(&mut self, data: &[u8]) -> Result<(), WireError> {
        self.is_flushed = false;
        write_all(&mut self.writer, data, |written| self.uploads.meter.add(written)).await
    }
}

/// Appends a message with its length before it.
pub(super) fn append(bytes: &mut Vec<u8>, answer: &Answer) -> Result<(), WireError> {
    bytes.extend_from_slice(&wire::frame(answer)?);
    Ok(())
}

/// Writes with a time for every piece, so that a peer that asks and does not read cannot keep its
/// place, and one that reads slowly can have all.
async fn write_all(
    writer: &mut (impl AsyncWrite + Unpin),
    mut bytes: &[u8],
    written: impl Fn(usize),
) -> Result<(), WireError> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let (mut deadline, mut of_piece) = (Instant::now() + PIECE_TIME, 0);
    while !bytes.is_empty() {
        let count = timeout_at(deadline, writer.write(bytes)).await.map_err(late)??;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::WriteZero).into());
        }
        written(count);
        bytes = &bytes[count..];
        of_piece += count;
        if of_piece >= PIECE {
            (deadline, of_piece) = (Instant::now() + PIECE_TIME, 0);
        }
    }
    Ok(())
}

async fn in_time(write: impl Future<Output = io::Result<()>>) -> Result<(), WireError> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    Ok(timeout(PIECE_TIME, write).await.map_err(late)??)
}
