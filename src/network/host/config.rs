//! What the host needs to know before it starts.

use std::path::PathBuf;

use libp2p::Multiaddr;

use crate::{domain::NetworkName, network::kad::record_store};

/// The host's section of the settings.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Identity, remembered peers and records live here; must exist.
    pub data_dir: PathBuf,
    /// Part of every protocol's name.
    pub network: NetworkName,
    /// Addresses to listen on; empty for any interface and any port, TCP and QUIC.
    /// An explicit address counts as reachable.
    pub listen: Vec<Multiaddr>,
    /// Nodes to start from; tried again for as long as nobody is connected.
    pub bootstrap: Vec<Multiaddr>,
    /// Whether to look for peers on the local network.
    pub mdns: bool,
    /// Whether to answer others' lookups. A node for a single command does not: it would be gone
    /// before the tables of others notice.
    pub serve_dht: bool,
    /// How many connections are kept.
    pub connections: ConnectionBounds,
    /// How much is held for others.
    pub records: record_store::Limits,
}

/// How many connections are kept.
///
/// Above `high` connected peers, those unused for longest are let go until `low` are left.
/// Connections beyond `max` are refused.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionBounds {
    /// Peers that are left after letting go.
    pub low: usize,
    /// Peers above which some are let go.
    pub high: usize,
    /// Established connections above which new ones are refused.
    pub max: u32,
}

impl Default for ConnectionBounds {
    fn default() -> Self {
        Self { low: 96, high: 160, max: 512 }
    }
}
