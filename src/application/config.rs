//! What a node needs to know before it starts.

use std::{path::PathBuf, str::FromStr, time::Duration};

use multiaddr::Multiaddr;
use serde::{Deserialize, Serialize};

use super::limits::Settings;
use crate::{domain::NetworkName, network::host::ConnectionBounds};

/// The settings of one node. Every path is absolute.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Identity, index, lock and caches live here; created if missing.
    pub data_dir: PathBuf,
    /// Where finished downloads go; created when the first one needs it.
    pub download_dir: PathBuf,
    /// Which network to join.
    pub network: NetworkName,
    /// Which overlay finds things.
    pub overlay: Overlay,
    /// Addresses to listen on; empty for the defaults (any interface, any port, TCP and QUIC).
    /// An explicit address counts as reachable.
    pub listen: Vec<Multiaddr>,
    /// Nodes to start from, each ending in `/p2p/<id>`.
    pub bootstrap: Vec<Multiaddr>,
    /// Whether to look for peers on the local network.
    pub mdns: bool,
    /// Files and folders to share while this node runs, besides the remembered ones.
    pub shares: Vec<PathBuf>,
    /// Whether remembered shares are served; a one-shot node serves nothing.
    pub serve_remembered: bool,
    /// What is sent, received and left free at most.
    pub limits: Settings,
    /// What happens with what was fetched.
    pub seeding: Seeding,
    /// How many connections are kept; `None` for the defaults.
    pub connections: Option<ConnectionBounds>,
}

/// How long what was fetched is shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Seeding {
    /// Not at all, once it is here: only while it arrives.
    #[default]
    No,
    /// For ever.
    Forever,
    /// Until so many hundredths of its size were given to others.
    Ratio(u32),
    /// For so long.
    For(Duration),
}

/// The overlays that find things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlay {
    /// The Kademlia of libp2p.
    #[default]
    Libp2p,
}

impl Overlay {
    /// The name on the command line and in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Libp2p => "libp2p",
        }
    }
}

/// The text names no overlay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no overlay is called {0:?}; this version has: libp2p")]
pub struct UnknownOverlay(String);

impl FromStr for Overlay {
    type Err = UnknownOverlay;

    fn from_str(text: &str) -> Result<Self, UnknownOverlay> {
        match text {
            "libp2p" => Ok(Self::Libp2p),
            other => Err(UnknownOverlay(other.to_owned())),
        }
    }
}
