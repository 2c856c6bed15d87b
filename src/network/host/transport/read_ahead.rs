//! [`ReadAhead`]: reads what a socket has, for a layer above that asks for little at a time.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncWrite};

use super::{MAX_READ, buffer::Buffer};

/// A socket whose reads are large. Writes go through as they are.
#[derive(Debug)]
pub(super) struct ReadAhead<C> {
    socket: C,
    ahead: Buffer,
}

impl<C> ReadAhead<C> {
    pub(super) fn new(socket: C) -> Self {
        Self { socket, ahead: Buffer::default() }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for ReadAhead<C> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.ahead.is_empty() {
            let room = this.ahead.room_to_read(MAX_READ);
            if buf.len() >= room.len() {
                return Pin::new(&mut this.socket).poll_read(cx, buf);
            }
            let read = ready!(Pin::new(&mut this.socket).poll_read(cx, room))?;
            this.ahead.fill(read);
        }
        let wanted = buf.len();
        this.ahead.take(&mut buf);
        Poll::Ready(Ok(wanted - buf.len()))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for ReadAhead<C> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures::{AsyncReadExt, executor::block_on, io::Cursor};

    use super::*;

    #[test]
    fn nothing_is_lost_however_it_is_read() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for step in [1_usize, 2, 4_095, 4_096, 65_537, 200_000] {
            let mut reader = ReadAhead::new(Cursor::new(bytes.clone()));
            let mut read = Vec::new();
            let mut piece = vec![0; step];
            while let count @ 1.. = block_on(reader.read(&mut piece)).expect("memory") {
                read.extend_from_slice(&piece[..count]);
            }
            assert!(read == bytes, "in steps of {step}");
        }
    }
}
