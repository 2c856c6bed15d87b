//! The rows of long lists: peers, shared files, searches and their results.

use std::path::PathBuf;

use libp2p_identity::PeerId;
use multiaddr::Multiaddr;
use serde::{Deserialize, Serialize};

use crate::domain::{ContentId, Link, Tags, Untrusted, query::QueryText};

/// A connected peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerRow {
    /// Who it is.
    pub peer_id: PeerId,
    /// The address we talk to.
    pub address: Multiaddr,
    /// Whether it connected to us.
    pub inbound: bool,
    /// What it says it runs.
    pub agent: Option<Untrusted>,
    /// Round-trip time, in milliseconds.
    pub rtt_ms: Option<u32>,
    /// Since when we are connected, in Unix seconds.
    pub since: u64,
}

/// The routing table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RoutingTable {
    /// Buckets that hold anybody, farthest first.
    pub buckets: Vec<Bucket>,
}

/// Peers whose identifiers share a prefix of the same length with ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// How many leading bits these identifiers share with ours.
    pub prefix_bits: u32,
    /// The peers.
    pub peers: Vec<Contact>,
}

/// A peer in the routing table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Who it is.
    pub peer_id: PeerId,
    /// Where it listens.
    pub addresses: Vec<Multiaddr>,
    /// Whether we are connected to it now.
    pub connected: bool,
    /// Round-trip time, in milliseconds, if it was measured.
    pub rtt_ms: Option<u32>,
}

/// A file or folder that is shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootRow {
    /// As it was given, absolute.
    #[serde(with = "super::path_text")]
    pub path: PathBuf,
    /// Whether it is shared again after a restart.
    pub remembered: bool,
    /// Files found in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A shared file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShareRow {
    /// Where it is.
    #[serde(with = "super::path_text")]
    pub path: PathBuf,
    /// The shared file or folder that it belongs to.
    #[serde(with = "super::path_text")]
    pub root: PathBuf,
    /// Its name, as others see it.
    pub name: Untrusted,
    /// Bytes.
    pub size: u64,
    /// Media type.
    pub media_type: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// What it is, once hashed.
    pub content: Option<ContentId>,
    /// How far it is.
    pub state: ShareState,
}

/// How far a shared file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareState {
    /// Found; waits to be read.
    Waiting,
    /// Being read.
    Hashing {
        /// Bytes read so far, told in coarse steps.
        done: u64,
        /// Bytes of the file.
        size: u64,
    },
    /// Served; some keys are still to be announced.
    Announcing {
        /// Keys announced.
        done: u32,
        /// Keys of this file.
        keys: u32,
    },
    /// Served and announced.
    Announced {
        /// Keys of this file.
        keys: u32,
    },
    /// Cannot be shared, and why.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Names a search of a node.
pub type SearchId = u64;

/// A search at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchRow {
    /// Its name.
    pub search: SearchId,
    /// What was asked.
    pub query: QueryText,
    /// Grows with every row that comes or changes.
    pub generation: u64,
    /// Distinct contents found.
    pub rows: u64,
    /// Messages sent to other nodes to find out who has the words.
    pub dht_requests: u32,
    /// Peers asked for matches.
    pub asked: u32,
    /// Peers that answered.
    pub answered: u32,
    /// For each part of the query, how many peers announced it.
    pub words: Vec<WordRow>,
    /// Whether it is over, and why.
    pub end: Option<SearchEnd>,
}

/// A part of a query and who has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordRow {
    /// The word, or `field:value`.
    pub word: String,
    /// Peers that announced it.
    pub holders: u32,
}

/// Why a search is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// Everybody who could be asked was asked.
    Complete,
    /// The limit was reached.
    Limit,
    /// The time was up.
    TimedOut,
    /// There was nobody to ask.
    NoPeers,
}

/// One content that a search found, from one or several sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultRow {
    /// What it is.
    pub content: ContentId,
    /// Its most attested name.
    pub name: Untrusted,
    /// Media type.
    pub media_type: Option<String>,
    /// Its most attested tags.
    pub tags: ResultTags,
    /// Who has it.
    pub sources: Vec<PeerId>,
    /// Whether another row has the same SHA-1 but another root.
    pub variant: bool,
    /// Whether we share or have fetched it.
    pub have: bool,
    /// To fetch it.
    pub link: Link,
    /// When the row last changed.
    pub generation: u64,
}

/// Tags as a peer tells them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultTags {
    /// Who plays it.
    pub artist: Option<Untrusted>,
    /// What it is called.
    pub title: Option<Untrusted>,
    /// What it was published on.
    pub album: Option<Untrusted>,
    /// How long it plays, in milliseconds.
    pub duration_ms: Option<u64>,
}

impl From<Tags> for ResultTags {
    fn from(tags: Tags) -> Self {
        Self {
            artist: tags.artist.map(Untrusted::new),
            title: tags.title.map(Untrusted::new),
            album: tags.album.map(Untrusted::new),
            duration_ms: tags.duration_ms,
        }
    }
}
