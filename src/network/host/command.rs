//! What the host can be told, and what it tells.

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::sync::{mpsc, oneshot};

use super::{addresses::Scope, streams};

/// An order for the swarm task. Every reply goes into a channel that never blocks the task.
#[derive(Debug)]
pub(super) enum Command {
    Open {
        peer: PeerId,
        addresses: Vec<Multiaddr>,
        protocol: StreamProtocol,
        reply: streams::Reply,
    },
    Dial {
        address: Multiaddr,
        reply: oneshot::Sender<Result<PeerId, String>>,
    },
    Peers(oneshot::Sender<Vec<ConnectedPeer>>),
    Routing(oneshot::Sender<Vec<BucketContents>>),
    Kad(KadCommand),
    Stop(oneshot::Sender<()>),
}

/// An order for libp2p's Kademlia. Keys are as they go over the wire.
#[derive(Debug)]
pub(super) enum KadCommand {
    Provide { key: Vec<u8>, reply: oneshot::Sender<Result<QueryTrace, KadError>> },
    StopProviding { key: Vec<u8> },
    Providers { key: Vec<u8>, steps: mpsc::Sender<ProvidersStep> },
    Closest { key: Vec<u8>, reply: oneshot::Sender<Result<ClosestPeers, KadError>> },
    Put { key: Vec<u8>, value: Vec<u8>, reply: oneshot::Sender<Result<QueryTrace, KadError>> },
    Get { key: Vec<u8>, reply: oneshot::Sender<Result<FoundValue, KadError>> },
}

/// What a query of the built-in Kademlia tells of itself: counts, no hops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryTrace {
    /// Requests sent.
    pub requests: u32,
    /// Requests answered.
    pub successes: u32,
    /// Requests failed or timed out.
    pub failures: u32,
    /// How long it took, or has taken so far.
    pub elapsed: Duration,
}

/// A step of a search for providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvidersStep {
    /// More providers; each is being dialled if it was not connected.
    Found(Vec<Provider>),
    /// The last step.
    Finished {
        /// What it took.
        trace: QueryTrace,
        /// Why it ended early, if it did.
        error: Option<KadError>,
    },
}

/// A provider and where it listens, as far as known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Who it is.
    pub peer: PeerId,
    /// Where it listens.
    pub addresses: Vec<Multiaddr>,
}

/// The end of a search for the nodes nearest to a key.
#[derive(Debug, Clone)]
pub struct ClosestPeers {
    /// Nearest first.
    pub peers: Vec<Provider>,
    /// What it took.
    pub trace: QueryTrace,
}

/// The end of a search for a value.
#[derive(Debug, Clone)]
pub struct FoundValue {
    /// The value, if anybody had one. Nobody vouches for it.
    pub value: Option<Vec<u8>>,
    /// What it took.
    pub trace: QueryTrace,
}

/// Why a query did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KadError {
    /// Nobody answered in time.
    #[error("the lookup took too long")]
    TimedOut,
    /// Fewer nodes than asked for took the value.
    #[error("too few nodes took the value")]
    QuorumFailed,
    /// Our own store refused it.
    #[error("the store refused it: {0}")]
    Store(String),
    /// The host has stopped.
    #[error("the host has stopped")]
    Stopped,
}

/// A peer that is connected.
#[derive(Debug, Clone)]
pub struct ConnectedPeer {
    /// Who it is.
    pub peer: PeerId,
    /// The address we talk to.
    pub address: Multiaddr,
    /// Whether it connected to us.
    pub inbound: bool,
    /// What it says it runs. Untrusted.
    pub agent: Option<String>,
    /// Round-trip time.
    pub rtt: Option<Duration>,
    /// Since when.
    pub since: Instant,
}

/// A k-bucket that holds somebody.
#[derive(Debug, Clone)]
pub struct BucketContents {
    /// How many leading bits its identifiers share with ours.
    pub prefix_bits: u32,
    /// The peers.
    pub peers: Vec<TablePeer>,
}

/// A peer in the routing table.
#[derive(Debug, Clone)]
pub struct TablePeer {
    /// Who it is.
    pub peer: PeerId,
    /// Where it listens.
    pub addresses: Vec<Multiaddr>,
    /// Whether it is connected now.
    pub connected: bool,
    /// Round-trip time, if it was measured.
    pub rtt: Option<Duration>,
}

/// The host at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostState {
    /// Addresses it listens on.
    pub listen: Vec<Multiaddr>,
    /// The farthest that one of the announced addresses reaches.
    pub reach: Option<Scope>,
    /// Whether the addresses were given and therefore count as reachable.
    pub explicit: bool,
    /// Connected peers of our network.
    pub peers: usize,
    /// Peers in the routing table.
    pub routing: usize,
    /// Grows when the peers or the table change.
    pub generation: u64,
}

/// What the host has to say without being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostEvent {
    /// A bootstrap node could not be reached; it is tried again while nobody is connected.
    BootstrapFailed {
        /// Which.
        address: Multiaddr,
        /// Why.
        reason: String,
    },
    /// Peers on the local network cannot be looked for.
    MdnsUnavailable {
        /// Why.
        reason: String,
    },
    /// An address is not listened on any more.
    ListenerClosed {
        /// Which.
        addresses: Vec<Multiaddr>,
        /// Why.
        reason: String,
    },
}
