//! The node at a glance.

use std::path::PathBuf;

use libp2p_identity::PeerId;
use multiaddr::Multiaddr;
use serde::{Deserialize, Serialize};

/// The node at a glance. Small enough to be sent whenever it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Who this node is; does not change while it runs.
    pub node: NodeInfo,
    /// Addresses it listens on.
    pub listen: Vec<Multiaddr>,
    /// Whether others can reach it, and how we know.
    pub reachability: Reachability,
    /// Connected peers that speak our protocols.
    pub peers: u32,
    /// Peers in the routing table.
    pub routing: u32,
    /// What is shared.
    pub shares: ShareTotals,
    /// What is being fetched.
    pub transfers: TransferTotals,
    /// Bytes per second, over the last few seconds.
    pub rates: Rates,
    /// When each long list last changed.
    pub generations: Generations,
}

/// Who a node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Its identity.
    pub peer_id: PeerId,
    /// The program's version.
    pub version: String,
    /// The network it is in.
    pub network: String,
    /// The overlay it uses.
    pub overlay: String,
    /// Its process.
    pub pid: u32,
    /// When it started, in Unix seconds.
    pub started: u64,
    /// Where its state is.
    #[serde(with = "super::path_text")]
    pub data_dir: PathBuf,
    /// Where downloads go.
    #[serde(with = "super::path_text")]
    pub download_dir: PathBuf,
}

/// Whether others can reach this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reachability {
    /// The verdict.
    pub verdict: Verdict,
    /// How we know, in a few words.
    pub reason: String,
}

/// How far away others can reach this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not known yet.
    Unknown,
    /// From this machine.
    Loopback,
    /// From the local network.
    Lan,
    /// From anywhere: the address is public or was given with `--listen`.
    Public,
}

/// What is shared, and how far hashing and announcing are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareTotals {
    /// Files that are hashed and served.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files found but not hashed yet.
    pub to_hash: u64,
    /// Their bytes that are still to be read.
    pub bytes_to_hash: u64,
    /// Files that could not be read.
    pub failed: u64,
    /// Keys announced since they last had to be.
    pub keys_announced: u64,
    /// Keys that should be announced.
    pub keys: u64,
}

/// Transfers by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferTotals {
    /// Running, or tries again by itself.
    pub active: u32,
    /// Queued behind others.
    #[serde(default)]
    pub queued: u32,
    /// Paused by a person.
    #[serde(default)]
    pub paused: u32,
    /// Finished and verified.
    pub done: u32,
    /// Ended without the file.
    pub failed: u32,
}

/// Rates, in bytes per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// File bytes received.
    pub down: u64,
    /// File bytes sent.
    pub up: u64,
    /// The most that is sent now; `None` is no limit.
    pub up_limit: Option<u64>,
    /// The most that is received now; `None` is no limit.
    #[serde(default)]
    pub down_limit: Option<u64>,
    /// File bytes received since the start.
    pub total_down: u64,
    /// File bytes sent since the start.
    pub total_up: u64,
}

/// A number for each long list that grows whenever the list changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// Connected peers and the routing table.
    pub peers: u64,
    /// Shared files.
    pub shares: u64,
    /// Transfers.
    pub transfers: u64,
}
