//! [`TlsStream`]: a socket with a TLS session on it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use rustls::CommonState;

use super::{
    super::MAX_READ,
    records::{Records, broken},
};

/// The most that is encrypted at a time, in bytes: a frame of Yamux.
const MAX_WRITE: usize = 64 << 10;
/// Encrypted bytes that are sent without waiting for more, or for a flush. Less than a record: so
/// only the header of a frame waits for what it announces.
const ENOUGH: usize = 8 << 10;

/// A secured connection.
///
/// Dropping it breaks the connection off, which the peer can tell from an end that was meant.
pub(in crate::network::host::transport) struct TlsStream<C> {
    socket: C,
    records: Records,
    closing: bool,
}

impl<C> TlsStream<C> {
    /// What `rustls` knows about the session.
    pub(super) fn session(&self) -> &CommonState {
        self.records.session()
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> TlsStream<C> {
    /// Agrees with the other side on keys, and on who both are.
    pub(super) async fn handshake(mut socket: C, mut records: Records) -> io::Result<Self> {
        loop {
            let done = records.shake_hands();
            if !records.outgoing.is_empty() {
                socket.write_all(records.outgoing.filled()).await?;
                socket.flush().await?;
                records.outgoing.consume(records.outgoing.len());
            }
            if done.map_err(broken)? {
                return Ok(Self { socket, records, closing: false });
            }
            let read = socket.read(records.incoming.room_to_read(MAX_READ)).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            records.incoming.fill(read);
        }
    }

    /// Sends all that is encrypted.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.records.outgoing.is_empty() {
            let bytes = self.records.outgoing.filled();
            let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.records.outgoing.consume(sent);
        }
        Poll::Ready(Ok(()))
    }

    /// Tells the peer why, if the socket takes it at once.
    fn fail(&mut self, cx: &mut Context<'_>, error: io::Error) -> io::Error {
        let _ = self.poll_send(cx);
        error
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<C> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wanted = buf.len();
        loop {
            if let Err(error) = this.records.read(&mut buf) {
                return Poll::Ready(Err(this.fail(cx, broken(error))));
            }
            if buf.len() < wanted || wanted == 0 || this.records.is_at_end() {
                return Poll::Ready(Ok(wanted - buf.len()));
            }
            let room = this.records.incoming.room_to_read(MAX_READ);
            if room.is_empty() {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            let read = ready!(Pin::new(&mut this.socket).poll_read(cx, room))?;
            if read == 0 {
                // The peer would have said so, had it meant this to be the end.
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            this.records.incoming.fill(read);
        }
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<C> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.records.outgoing.len() >= ENOUGH {
            ready!(this.poll_send(cx))?;
        }
        let taken = buf.len().min(MAX_WRITE);
        if let Err(error) = this.records.write(&buf[..taken]) {
            return Poll::Ready(Err(this.fail(cx, error)));
        }
        if this.records.outgoing.len() >= ENOUGH {
            // What the socket does not take now waits for the next write or flush.
            if let Poll::Ready(Err(error)) = this.poll_send(cx) {
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.closing {
            this.closing = true;
            this.records.close()?;
        }
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.socket).poll_close(cx)
    }
}

#[cfg(test)]
impl<C> TlsStream<C> {
    /// The socket, for a test that wants to write something wrong into it.
    pub(super) fn into_socket(self) -> C {
        self.socket
    }

    /// Begins to encrypt with new keys, and asks the peer for the same.
    pub(super) fn change_keys(&mut self) {
        self.records.change_keys();
    }
}
