//! The routing table: buckets, the peers in them, and connected peers that are in none.

use libp2p_identity::PeerId;

use crate::{
    application::message::{Contact, PeerRow, RoutingTable},
    domain::untrusted::visible,
};

use super::list::{Loaded, Row};

/// What the routing pane knows.
#[derive(Debug, Default)]
pub(crate) struct RoutingPane {
    /// The table as lines.
    pub(crate) list: Loaded<RoutingLine>,
    /// Connected peers, for the detail.
    pub(crate) peers: Vec<PeerRow>,
    table: RoutingTable,
    /// The newest state that the node told of, and the one that was last read.
    known: u64,
    held: Option<u64>,
    reading: bool,
}

/// A line of the routing pane.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RoutingLine {
    /// A bucket begins.
    Bucket {
        /// Leading bits that its peers share with us.
        prefix_bits: u32,
        /// Peers in it.
        peers: usize,
        /// How many of them we are connected to.
        connected: usize,
    },
    /// A peer in the bucket above.
    Contact(Contact),
    /// Connected peers that are in no bucket begin.
    Outside {
        /// How many.
        peers: usize,
    },
    /// A connected peer that is in no bucket.
    Peer(PeerRow),
}

impl Row for RoutingLine {
    type Key = (Option<PeerId>, u32);

    fn key(&self) -> Self::Key {
        match self {
            Self::Bucket { prefix_bits, .. } => (None, *prefix_bits),
            Self::Outside { .. } => (None, u32::MAX),
            Self::Contact(contact) => (Some(contact.peer_id), 0),
            Self::Peer(peer) => (Some(peer.peer_id), 0),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Bucket { .. } | Self::Outside { .. } => String::new(),
            Self::Contact(contact) => {
                let addresses = contact.addresses.iter().map(|a| visible(&a.to_string()));
                format!("{} {}", contact.peer_id, addresses.collect::<Vec<_>>().join(" "))
            }
            Self::Peer(peer) => {
                format!("{} {}", peer.peer_id, visible(&peer.address.to_string()))
            }
        }
    }
}

impl RoutingPane {
    /// The node told of a newer state.
    pub(super) fn heard(&mut self, generation: u64) {
        self.known = self.known.max(generation);
    }

    /// Whether the table should be read now; the answer is taken as a promise to do so.
    pub(super) fn begin_read(&mut self) -> bool {
        let due = !self.reading && self.held != Some(self.known);
        if due {
            (self.reading, self.held) = (true, Some(self.known));
        }
        due
    }

    /// The read could not be sent; it is tried again with whatever happens next.
    pub(super) fn refused(&mut self) {
        (self.reading, self.held) = (false, None);
    }

    /// The read ended, well or not.
    pub(super) fn end_read(&mut self) {
        self.reading = false;
    }

    /// Takes the table.
    pub(super) fn take_table(&mut self, table: RoutingTable, visible: usize) {
        self.table = table;
        self.rebuild(visible);
    }

    /// Takes the connected peers.
    pub(super) fn take_peers(&mut self, peers: Vec<PeerRow>, visible: usize) {
        self.peers = peers;
        self.rebuild(visible);
    }

    /// Whether anything was read yet.
    pub(crate) fn is_read(&self) -> bool {
        self.held.is_some() && !(self.reading && self.list.all().is_empty())
    }

    /// What is known of a peer we are connected to.
    pub(crate) fn peer(&self, id: &PeerId) -> Option<&PeerRow> {
        self.peers.iter().find(|peer| peer.peer_id == *id)
    }

    fn rebuild(&mut self, visible: usize) {
        let mut lines = Vec::new();
        for bucket in &self.table.buckets {
            lines.push(RoutingLine::Bucket {
                prefix_bits: bucket.prefix_bits,
                peers: bucket.peers.len(),
                connected: bucket.peers.iter().filter(|peer| peer.connected).count(),
            });
            lines.extend(bucket.peers.iter().cloned().map(RoutingLine::Contact));
        }
        let inside: std::collections::HashSet<PeerId> =
            self.table.buckets.iter().flat_map(|b| &b.peers).map(|peer| peer.peer_id).collect();
        let outside: Vec<_> =
            self.peers.iter().filter(|peer| !inside.contains(&peer.peer_id)).cloned().collect();
        if !outside.is_empty() {
            lines.push(RoutingLine::Outside { peers: outside.len() });
            lines.extend(outside.into_iter().map(RoutingLine::Peer));
        }
        self.list.replace(lines, visible);
    }
}
