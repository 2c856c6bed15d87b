//! All connections' side of raw streams: finds the connection for a request, or waits for one.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    task::{Context, Poll, Waker},
};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionId, DialError, DialFailure, FromSwarm,
        NetworkBehaviour, NotifyHandler, THandlerInEvent, ToSwarm,
        behaviour::ConnectionEstablished,
        dial_opts::{DialOpts, PeerCondition},
    },
};

use super::{
    Acceptors, INBOUND_PER_PEER, OpenError, PENDING_PER_PEER, Places, Reply,
    handler::{Handler, Open, Order},
};

/// Opens streams to peers, dialling them where needed.
///
/// Invariant: a request is in exactly one place: waiting for its peer to be dialled, queued for
/// the swarm, with a connection's handler, or answered.
pub(crate) struct Behaviour {
    acceptors: Acceptors,
    places: Places,
    connections: HashMap<PeerId, Vec<ConnectionId>>,
    waiting: HashMap<PeerId, Vec<Open>>,
    outgoing: VecDeque<ToSwarm<Infallible, Order>>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(in crate::network::host) fn new(acceptors: Acceptors) -> Self {
        Self {
            acceptors,
            places: Places::new(INBOUND_PER_PEER),
            connections: HashMap::new(),
            waiting: HashMap::new(),
            outgoing: VecDeque::new(),
            waker: None,
        }
    }

    /// Opens a stream, over a connection that is there or over one that is dialled for it, at
    /// the given addresses and those that the other behaviours know.
    pub(in crate::network::host) fn open(
        &mut self,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
        protocol: StreamProtocol,
        reply: Reply,
    ) {
        let open = Open { protocol, reply };
        if let Some(connection) = self.connections.get(&peer).and_then(|all| all.first()) {
            self.outgoing.push_back(notify(peer, *connection, open));
        } else {
            let waiting = self.waiting.entry(peer).or_default();
            if waiting.len() >= PENDING_PER_PEER {
                let _ = open.reply.send(Err(OpenError::Busy));
                return;
            }
            waiting.push(open);
            let opts = DialOpts::peer_id(peer)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .addresses(addresses)
                .extend_addresses_through_behaviour()
                .build();
            self.outgoing.push_back(ToSwarm::Dial { opts });
        }
        self.wake();
    }

    /// Lets the connections to a peer close as soon as nothing runs over them.
    pub(in crate::network::host) fn release(&mut self, peer: PeerId) {
        for connection in self.connections.get(&peer).into_iter().flatten() {
            self.outgoing.push_back(order(peer, *connection, Order::Release));
        }
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn on_established(&mut self, peer: PeerId, connection: ConnectionId) {
        self.connections.entry(peer).or_default().push(connection);
        for open in self.waiting.remove(&peer).unwrap_or_default() {
            self.outgoing.push_back(notify(peer, connection, open));
        }
    }

    fn on_closed(&mut self, peer: PeerId, connection: ConnectionId) {
        if let Some(connections) = self.connections.get_mut(&peer) {
            connections.retain(|id| *id != connection);
            if connections.is_empty() {
                self.connections.remove(&peer);
            }
        }
    }

    fn on_dial_failure(&mut self, peer: PeerId, error: &DialError) {
        // Another dial to this peer is under way or has succeeded: that one will answer.
        if matches!(error, DialError::DialPeerConditionFalse(_)) {
            return;
        }
        for open in self.waiting.remove(&peer).unwrap_or_default() {
            let _ = open.reply.send(Err(OpenError::Unreachable(describe(error))));
        }
    }
}

fn notify(peer_id: PeerId, connection: ConnectionId, event: Open) -> ToSwarm<Infallible, Order> {
    order(peer_id, connection, Order::Open(event))
}

fn order(peer_id: PeerId, connection: ConnectionId, event: Order) -> ToSwarm<Infallible, Order> {
    ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::One(connection), event }
}

/// The reason of a failed dial in a few words.
pub(in crate::network::host) fn describe(error: &DialError) -> String {
    match error {
        DialError::NoAddresses => "no address of it is known".to_owned(),
        DialError::WrongPeerId { obtained, .. } => {
            format!("another peer answers there: {obtained}")
        }
        DialError::LocalPeerId { .. } => "it is this node itself".to_owned(),
        DialError::Transport(attempts) => match attempts.as_slice() {
            [(_, error)] => innermost(error),
            [(address, error), ..] => format!("{address}: {}", innermost(error)),
            [] => "no address of it could be dialled".to_owned(),
        },
        other => other.to_string(),
    }
}

/// The last cause in a chain of errors: what the operating system or the other side said.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(Handler::new(peer, self.acceptors.clone(), self.places.of(peer)))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(Handler::new(peer, self.acceptors.clone(), self.places.of(peer)))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                ..
            }) => self.on_established(peer_id, connection_id),
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                self.on_closed(peer_id, connection_id);
            }
            FromSwarm::DialFailure(DialFailure { peer_id: Some(peer), error, .. }) => {
                self.on_dial_failure(peer, error);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        if let Some(event) = self.outgoing.pop_front() {
            return Poll::Ready(event);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
