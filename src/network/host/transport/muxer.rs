//! [`Yamux`]: many streams over one connection, within bounds.
//!
//! The protocol is that of the `yamux` crate. This module chooses how large a frame is and how much
//! a connection may make us hold, and keeps the connection from being lost when somebody opens more
//! streams than that: ours wait, a peer's are reset.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    future::{Ready, ready},
    io, iter,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::{
    muxing::{StreamMuxer, StreamMuxerEvent},
    upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo},
};
use yamux::{Config, Connection, ConnectionError, DEFAULT_CREDIT, Mode};

/// The most that one frame carries, in bytes: four records of TLS. Smaller ones cost more to send
/// and to take than they carry, larger ones let others wait.
const FRAME: usize = 64 << 10;
/// Streams of one connection that we may have open; further ones wait.
const OUTBOUND_STREAMS: usize = 28;
/// Streams of one connection that a peer may have open; further ones are reset.
const INBOUND_STREAMS: usize = 40;
/// Streams of one connection, those included that were dropped and not cleared away yet. Yamux
/// gives up a connection that has more.
const STREAMS: usize = 80;
/// What one connection may have us hold unread, in bytes. Yamux promises 256 KiB to every stream;
/// what is left, 12 MiB, goes to those that are read as fast as they fill: on a line of 100 ms that
/// is 100 MiB/s for one stream, on shorter ones more.
const RECEIVE_WINDOW: usize = 32 << 20;

const _: () = assert!(OUTBOUND_STREAMS + INBOUND_STREAMS < STREAMS);
const _: () = assert!(STREAMS * DEFAULT_CREDIT as usize + (12 << 20) == RECEIVE_WINDOW);

/// Multiplexes connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Yamux;

/// A multiplexed connection.
pub(super) struct Muxer<C> {
    connection: Connection<C>,
    /// Streams that the peer opened and nobody has taken yet.
    arrived: VecDeque<Stream>,
    inbound: Arc<()>,
    outbound: Arc<()>,
}

/// A stream of a connection.
#[derive(Debug)]
pub(super) struct Stream {
    // Given back before the stream wakes its connection, which may be waiting for a place.
    _place: Arc<()>,
    stream: yamux::Stream,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Muxer<C> {
    fn new(socket: C, mode: Mode) -> Self {
        let mut config = Config::default();
        config
            .set_max_num_streams(STREAMS)
            .set_max_connection_receive_window(Some(RECEIVE_WINDOW))
            .set_split_send_size(FRAME);
        Self {
            connection: Connection::new(socket, config, mode),
            arrived: VecDeque::new(),
            inbound: Arc::default(),
            outbound: Arc::default(),
        }
    }
}

/// How many places are taken; the muxer itself has one reference.
fn taken(places: &Arc<()>) -> usize {
    Arc::strong_count(places) - 1
}

impl<C: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Muxer<C> {
    type Substream = Stream;
    type Error = ConnectionError;

    /// Only takes what [`StreamMuxer::poll`] found, which wakes the task when it finds more.
    fn poll_inbound(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionError>> {
        self.arrived.pop_front().map_or(Poll::Pending, |stream| Poll::Ready(Ok(stream)))
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionError>> {
        if taken(&self.outbound) >= OUTBOUND_STREAMS {
            // A stream that is dropped wakes the task of its connection, which is this one.
            return Poll::Pending;
        }
        let place = self.outbound.clone();
        self.connection.poll_new_outbound(cx).map_ok(|stream| Stream { _place: place, stream })
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        self.connection.poll_close(cx)
    }

    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
        let this = self.get_mut();
        match this.connection.poll_next_inbound(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Err(ConnectionError::Closed)),
            Poll::Ready(Some(stream)) => {
                let stream = Stream { _place: this.inbound.clone(), stream: stream? };
                if taken(&this.inbound) > INBOUND_STREAMS {
                    tracing::debug!(stream = %stream.stream, "reset a stream: the peer has too many");
                } else {
                    this.arrived.push_back(stream);
                }
            }
        }
        // There may be more; others of this task come first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl UpgradeInfo for Yamux {
    type Info = &'static str;
    type InfoIter = iter::Once<&'static str>;

    fn protocol_info(&self) -> Self::InfoIter {
        iter::once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> InboundConnectionUpgrade<C> for Yamux {
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<io::Result<Muxer<C>>>;

    fn upgrade_inbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(Muxer::new(socket, Mode::Server)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> OutboundConnectionUpgrade<C> for Yamux {
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<io::Result<Muxer<C>>>;

    fn upgrade_outbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(Muxer::new(socket, Mode::Client)))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
