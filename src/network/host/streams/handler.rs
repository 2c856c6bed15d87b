//! One connection's side of raw streams: negotiates what is asked for, hands over what comes.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use libp2p::{
    PeerId, Stream, StreamProtocol,
    core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo},
    swarm::{
        ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
        handler::{
            ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
        },
    },
};
use tokio::sync::{Semaphore, mpsc::error::TrySendError};
use tokio_util::compat::FuturesAsyncReadCompatExt;

use super::{Acceptors, Inbound, NEGOTIATION, OpenError, Reply};

/// A request for a stream on this connection.
#[derive(Debug)]
pub(crate) struct Open {
    pub(super) protocol: StreamProtocol,
    pub(super) reply: Reply,
}

/// What the behaviour tells a connection.
#[derive(Debug)]
pub(crate) enum Order {
    /// Negotiate a stream.
    Open(Open),
    /// The connection is one too many: it may close as soon as nothing runs over it.
    Release,
}

/// Negotiates the streams of one connection.
///
/// A connection is kept, idle or not, until the host releases it, so that an idle network stays a
/// network. A released one closes when its last stream ends, ours or another protocol's.
pub(crate) struct Handler {
    peer: PeerId,
    acceptors: Acceptors,
    /// What the peer may have open here, over all its connections.
    places: Arc<Semaphore>,
    wanted: VecDeque<Open>,
    released: bool,
}

impl Handler {
    pub(super) fn new(peer: PeerId, acceptors: Acceptors, places: Arc<Semaphore>) -> Self {
        Self { peer, acceptors, places, wanted: VecDeque::new(), released: false }
    }

    fn accept(&self, stream: Stream, protocol: &StreamProtocol) {
        let Some((_, acceptor)) = self.acceptors.iter().find(|(name, _)| name == protocol) else {
            return;
        };
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            tracing::debug!(%protocol, peer = %self.peer, "refused a stream: it has too many");
            return;
        };
        let inbound = Inbound { peer: self.peer, stream: stream.compat(), place: place.into() };
        if let Err(TrySendError::Full(_)) = acceptor.try_send(inbound) {
            // Not a warning: a peer could fill the log with them.
            tracing::debug!(%protocol, peer = %self.peer, "refused a stream: too many wait");
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Order;
    type ToBehaviour = Infallible;
    type InboundProtocol = AnyOf;
    type OutboundProtocol = AnyOf;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Reply;

    fn listen_protocol(&self) -> SubstreamProtocol<AnyOf> {
        let names = self.acceptors.iter().map(|(name, _)| name.clone()).collect();
        SubstreamProtocol::new(AnyOf(names), ())
    }

    fn connection_keep_alive(&self) -> bool {
        !self.released
    }

    fn on_behaviour_event(&mut self, order: Order) {
        match order {
            Order::Open(open) => {
                self.released = false;
                self.wanted.push_back(open);
            }
            Order::Release => self.released = true,
        }
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<AnyOf, Reply, Infallible>> {
        // The swarm polls again after every event from the behaviour, so no waker is needed.
        match self.wanted.pop_front() {
            Some(Open { protocol, reply }) => {
                let protocol =
                    SubstreamProtocol::new(AnyOf(vec![protocol]), reply).with_timeout(NEGOTIATION);
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
            }
            None => Poll::Pending,
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<AnyOf, AnyOf, (), Reply>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol),
                ..
            }) => self.accept(stream, &protocol),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: (stream, _),
                info: reply,
            }) => {
                // Nobody waits any more: the stream is dropped, which resets it.
                let _ = reply.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: reply, error }) => {
                let _ = reply.send(Err(match error {
                    StreamUpgradeError::NegotiationFailed => OpenError::Unsupported,
                    StreamUpgradeError::Timeout => OpenError::Broken("it took too long".into()),
                    StreamUpgradeError::Io(error) => OpenError::Broken(error.to_string()),
                    StreamUpgradeError::Apply(never) => match never {},
                }));
            }
            _ => {}
        }
    }
}

/// Negotiates one of several protocols and hands over the bare stream.
#[derive(Debug, Clone)]
pub(crate) struct AnyOf(Vec<StreamProtocol>);

impl UpgradeInfo for AnyOf {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for AnyOf {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

impl OutboundUpgrade<Stream> for AnyOf {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}
