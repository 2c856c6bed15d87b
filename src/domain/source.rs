//! [`Source`]: who can give us a content.

use libp2p_identity::PeerId;
use multiaddr::Multiaddr;
use serde::{Deserialize, Serialize};

/// A provider of a key, as an overlay names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A node that speaks our protocols, and where it was last known to listen.
    Peer {
        /// Who it is.
        id: PeerId,
        /// Where it listens, as far as known; the host may know more.
        addresses: Vec<Multiaddr>,
    },
    /// A file behind HTTP, as the nodes of the prototype serve it.
    Url(String),
}
