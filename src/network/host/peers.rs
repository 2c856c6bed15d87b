//! Who is connected, and what is known of them.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};

use super::{addresses, command::ConnectedPeer};

/// A peer is not let go so soon after it connected: a lookup may be about to use it again.
const GRACE: Duration = Duration::from_secs(10);
/// The longest text kept of what a peer says it runs, in bytes.
const MAX_AGENT: usize = 128;

/// Invariant: a peer is here while it has at least one connection.
#[derive(Debug, Default)]
pub(super) struct Peers {
    all: HashMap<PeerId, Peer>,
}

#[derive(Debug)]
struct Peer {
    connections: Vec<Connection>,
    agent: Option<String>,
    rtt: Option<Duration>,
    since: Instant,
    /// When we last had a use for it.
    used: Instant,
    /// Whether it speaks a protocol of our network; not known before identify.
    ours: Option<bool>,
}

#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    address: Multiaddr,
    inbound: bool,
}

impl Peers {
    pub(super) fn connected(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        address: Multiaddr,
        inbound: bool,
        now: Instant,
    ) {
        let entry = self.all.entry(peer).or_insert_with(|| Peer {
            connections: Vec::new(),
            agent: None,
            rtt: None,
            since: now,
            used: now,
            ours: None,
        });
        let address = addresses::without_peer(address);
        entry.connections.push(Connection { id, address, inbound });
    }

    pub(super) fn closed(&mut self, peer: &PeerId, id: ConnectionId) {
        if let Some(entry) = self.all.get_mut(peer) {
            entry.connections.retain(|connection| connection.id != id);
            if entry.connections.is_empty() {
                self.all.remove(peer);
            }
        }
    }

    pub(super) fn identified(&mut self, peer: &PeerId, mut agent: String, ours: bool) {
        if let Some(entry) = self.all.get_mut(peer) {
            agent.truncate(agent.floor_char_boundary(MAX_AGENT));
            entry.agent = Some(agent);
            entry.ours = Some(ours);
        }
    }

    pub(super) fn measured(&mut self, peer: &PeerId, rtt: Duration) {
        if let Some(entry) = self.all.get_mut(peer) {
            entry.rtt = Some(rtt);
        }
    }

    pub(super) fn used(&mut self, peer: &PeerId, now: Instant) {
        if let Some(entry) = self.all.get_mut(peer) {
            entry.used = now;
        }
    }

    /// The address we talk to a peer at.
    pub(super) fn address(&self, peer: &PeerId) -> Option<&Multiaddr> {
        Some(&self.all.get(peer)?.connections.first()?.address)
    }

    pub(super) fn rtt(&self, peer: &PeerId) -> Option<Duration> {
        self.all.get(peer)?.rtt
    }

    pub(super) fn contains(&self, peer: &PeerId) -> bool {
        self.all.contains_key(peer)
    }

    /// Peers of our network.
    pub(super) fn ours(&self) -> usize {
        self.all.values().filter(|peer| peer.ours == Some(true)).count()
    }

    /// Whom to let go: above `high` peers, those unused for longest, until `low` are left.
    pub(super) fn excess(&self, low: usize, high: usize, now: Instant) -> Vec<PeerId> {
        if self.all.len() <= high {
            return Vec::new();
        }
        let settled = self.all.iter().filter(|(_, peer)| now.duration_since(peer.since) >= GRACE);
        let mut by_use: Vec<_> = settled.map(|(id, peer)| (peer.used, *id)).collect();
        by_use.sort_unstable();
        by_use.into_iter().take(self.all.len() - low).map(|(_, id)| id).collect()
    }

    /// Everybody of our network, in a stable order.
    pub(super) fn list(&self) -> Vec<ConnectedPeer> {
        let ours = self.all.iter().filter(|(_, peer)| peer.ours == Some(true));
        let mut list: Vec<_> = ours
            .filter_map(|(id, peer)| {
                let connection = peer.connections.first()?;
                Some(ConnectedPeer {
                    peer: *id,
                    address: connection.address.clone(),
                    inbound: connection.inbound,
                    agent: peer.agent.clone(),
                    rtt: peer.rtt,
                    since: peer.since,
                })
            })
            .collect();
        list.sort_unstable_by_key(|peer| (peer.since, peer.peer));
        list
    }
}
