//! Raw streams to peers, by protocol name: what content and index speak over.
//!
//! Owns who is connected and which stream requests wait for a dial. Unlike `libp2p-stream`, an
//! inbound stream is refused only when a named bound is reached, never because the acceptor was
//! one poll late, and a request for a stream always ends: with the stream or with the reason.

mod behaviour;
mod handler;
mod places;

use std::{sync::Arc, time::Duration};

use libp2p::{PeerId, StreamProtocol};
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::Compat;

pub(super) use behaviour::{Behaviour, describe};
pub use places::Place;
pub(in crate::network) use places::Places;

/// Inbound streams of one protocol that wait to be taken; further ones are refused.
const INBOUND_QUEUE: usize = 256;
/// Streams that one peer may have open here at a time, of all protocols together; further ones
/// are refused, so that no single peer takes the places of all.
const INBOUND_PER_PEER: usize = 24;
/// Requests for streams that wait for one peer to be dialled; further ones fail at once.
const PENDING_PER_PEER: usize = 64;
/// How long negotiating a stream may take.
const NEGOTIATION: Duration = Duration::from_secs(10);

/// A stream to a peer, to be read and written like a socket. Dropping it resets it.
pub type ByteStream = Compat<libp2p::Stream>;

/// A stream that a peer opened to us.
#[derive(Debug)]
pub struct Inbound {
    /// Who opened it; the transport has verified this.
    pub peer: PeerId,
    /// The stream.
    pub stream: ByteStream,
    /// To be kept as long as the stream is.
    pub place: Place,
}

/// Why there is no stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The peer could not be reached.
    #[error("the peer cannot be reached: {0}")]
    Unreachable(String),
    /// The peer does not speak the protocol.
    #[error("the peer does not speak this protocol")]
    Unsupported,
    /// The connection broke while the stream was negotiated, or that took too long.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// Too many streams wait for this peer already.
    #[error("too many requests wait for this peer")]
    Busy,
    /// The host has stopped.
    #[error("the host has stopped")]
    Stopped,
}

/// Where a requested stream goes.
pub(super) type Reply = oneshot::Sender<Result<libp2p::Stream, OpenError>>;

/// The protocols that are accepted and who takes their streams.
pub(super) type Acceptors = Arc<[(StreamProtocol, mpsc::Sender<Inbound>)]>;

/// Makes the acceptors of some protocols and their receiving ends, in the same order.
pub(super) fn acceptors<const N: usize>(
    protocols: [StreamProtocol; N],
) -> (Acceptors, [mpsc::Receiver<Inbound>; N]) {
    let mut senders = Vec::with_capacity(N);
    let receivers = protocols.map(|protocol| {
        let (sender, receiver) = mpsc::channel(INBOUND_QUEUE);
        senders.push((protocol, sender));
        receiver
    });
    (senders.into(), receivers)
}
