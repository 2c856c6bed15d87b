//! The only words the outside speaks: [`Command`] in; [`Reply`], [`Event`] and [`Snapshot`] out.
//!
//! The terminal, the command line and the control socket all use these types and nothing else,
//! so a screen cannot tell whether its node is in the same process or at the far end of a socket.
//! A command carries an ID and its reply names it. A [`Snapshot`] is small; long lists are read
//! in windows; an event is a hint that something can be read again. So a slow client loses
//! freshness, never facts.

use std::path::PathBuf;

use libp2p_identity::PeerId;
use multiaddr::Multiaddr;
use serde::{Deserialize, Serialize};

use crate::domain::{ContentId, Link, Sha1Hash, Tags, Untrusted, query::QueryText};

/// Names one command of one client; chosen by the client, repeated in the reply.
pub type CommandId = u64;

/// A command with its ID.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Repeated in the reply.
    pub id: CommandId,
    /// What to do.
    pub command: Command,
}

/// What a client can ask of a node. The comment names the reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Read the state once: [`Reply::Snapshot`].
    Snapshot,
    /// Push snapshots and events to this client from now on: [`Reply::Snapshot`].
    Watch,
    /// Connected peers, by ID: [`Reply::Peers`].
    Peers(Window),
    /// The routing table, nearest bucket last: [`Reply::Routing`].
    Routing,
    /// Folders and files that are shared, as they were named: [`Reply::Roots`].
    Roots,
    /// Shared files, by path: [`Reply::Shares`].
    Shares(Window),
    /// Share a file or a folder. Paths are absolute: [`Reply::Shared`].
    Share {
        /// What to share.
        path: PathBuf,
        /// Whether to share it again after a restart.
        remember: bool,
    },
    /// Stop sharing a file or folder, or a part of a shared folder: [`Reply::Unshared`].
    Unshare {
        /// What not to share any more.
        path: PathBuf,
    },
    /// The link of a shared file: [`Reply::Link`].
    Link {
        /// Which file.
        path: PathBuf,
        /// Whether the link should tell our addresses.
        with_peers: bool,
    },
    /// Begin a search: [`Reply::Search`], then [`Event::Search`] as rows come.
    Search {
        /// What to look for.
        query: QueryText,
        /// Give up waiting for peers after this long, in milliseconds.
        timeout_ms: u64,
        /// Stop at this many distinct contents.
        limit: u32,
    },
    /// Read rows of a search: [`Reply::Results`].
    Results {
        /// Which search.
        search: SearchId,
        /// Only rows that changed after this generation; 0 for all.
        since: u64,
        /// Which of them.
        window: Window,
    },
    /// End a search and forget its rows: [`Reply::Done`].
    CloseSearch {
        /// Which search.
        search: SearchId,
    },
    /// Fetch a file: [`Reply::Transfer`], then [`Event::Transfer`] as it goes.
    Get {
        /// What to fetch.
        link: Link,
        /// A file or an existing folder, absolute; the download folder if absent.
        destination: Option<PathBuf>,
    },
    /// Transfers, newest first: [`Reply::Transfers`].
    Transfers(Window),
    /// Stop a transfer and delete what is unfinished: [`Reply::Done`].
    Cancel {
        /// Which transfer.
        transfer: TransferId,
    },
    /// How another person can join this network: [`Reply::Invite`].
    Invite,
    /// Connect to the peers of an invitation: [`Reply::Joined`].
    Join {
        /// `p2pfs-join:…`, or the address of a peer.
        link: String,
    },
}

/// A part of a long list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Rows to pass over.
    pub offset: u64,
    /// Rows to return, at most [`Window::MAX`].
    pub limit: u32,
}

impl Window {
    /// The most rows of one reply.
    pub const MAX: u32 = 1_000;

    /// The first rows of a list.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { offset: 0, limit }
    }

    /// The part of a list that the window shows.
    #[must_use]
    pub fn page<T>(self, rows: impl ExactSizeIterator<Item = T>, generation: u64) -> Page<T> {
        let total = rows.len() as u64;
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let rows = rows.skip(offset).take(self.limit.min(Self::MAX) as usize).collect();
        Page { offset: self.offset, total, generation, rows }
    }
}

/// Some rows of a long list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// Where in the list the rows begin.
    pub offset: u64,
    /// How long the list is.
    pub total: u64,
    /// Which state of the list this is; compare with [`Generations`].
    pub generation: u64,
    /// The rows.
    pub rows: Vec<T>,
}

/// The answer to one command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is done and there is nothing to tell.
    Done,
    /// The state.
    Snapshot(Box<Snapshot>),
    /// Connected peers.
    Peers(Page<PeerRow>),
    /// The routing table.
    Routing(RoutingTable),
    /// What is shared.
    Roots(Vec<RootRow>),
    /// Shared files.
    Shares(Page<ShareRow>),
    /// The path was scanned; hashing and announcing go on behind.
    Shared(RootRow),
    /// The path is no longer served.
    Unshared {
        /// Files that are no longer shared.
        files: u64,
        /// Until when others may still hold records of them, in Unix seconds.
        records_until: u64,
    },
    /// A link, in both forms.
    Link {
        /// The magnet link.
        link: Link,
        /// The short form.
        short: String,
    },
    /// The search has begun.
    Search {
        /// Its name from now on.
        search: SearchId,
    },
    /// Rows of a search.
    Results(Page<ResultRow>),
    /// The transfer has begun, or was there already.
    Transfer {
        /// Its name from now on.
        transfer: TransferId,
    },
    /// Transfers.
    Transfers(Page<TransferRow>),
    /// An invitation, ready to be sent to somebody.
    Invite {
        /// `p2pfs-join:…`
        link: String,
    },
    /// Peers of the invitation that answered.
    Joined {
        /// How many.
        peers: u32,
    },
}

/// Everything a node says to a client.
#[expect(clippy::large_enum_variant, reason = "lives for one hop through a bounded channel")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The answer to a command.
    Reply {
        /// The command's ID.
        id: CommandId,
        /// What came of it.
        result: Result<Reply, Failure>,
    },
    /// Something happened.
    Event(Event),
    /// The state changed.
    Snapshot(Box<Snapshot>),
}

/// Why a command was not done, and what a person can do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind, which decides the exit code.
    pub kind: FailureKind,
    /// What is wrong, naming the thing.
    pub message: String,
    /// The next step, if there is one.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Kinds of failure; the command line gives each its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Something went wrong here: exit code 1.
    Error,
    /// The command makes no sense as it stands: 2.
    Usage,
    /// Nobody has it: 3.
    NotFound,
    /// No peer is connected: 4.
    NoPeers,
    /// Time ran out: 5.
    TimedOut,
    /// What came was not what was asked for: 6.
    Verification,
    /// No room left: 7.
    DiskFull,
    /// A person stopped it: 130.
    Interrupted,
}

/// A hint that something can be read again.
#[expect(clippy::large_enum_variant, reason = "lives for one hop through a bounded channel")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Something a person should know.
    Notice(Notice),
    /// A search made progress; read its rows since the last generation seen.
    Search(SearchRow),
    /// A transfer made progress.
    Transfer(TransferRow),
}

/// Something a person should know, and the next step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// How bad it is.
    pub level: NoticeLevel,
    /// What happened.
    pub text: Untrusted,
    /// What to do next, if anything.
    pub hint: Option<String>,
}

/// How bad a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Something is not as it should be; the node goes on.
    Warning,
    /// Something a person asked for did not happen.
    Error,
}

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
    pub data_dir: PathBuf,
    /// Where downloads go.
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
    /// Running or waiting for a source.
    pub active: u32,
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
    /// The most that is sent; `None` is no limit.
    pub up_limit: Option<u64>,
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
    pub path: PathBuf,
    /// The shared file or folder that it belongs to.
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
    Hashing,
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

/// Names a transfer of a node.
pub type TransferId = u64;

/// A transfer at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransferRow {
    /// Its name.
    pub transfer: TransferId,
    /// What it is called.
    pub name: Untrusted,
    /// The address of the content, if known.
    pub sha1: Option<Sha1Hash>,
    /// Bytes in the file, once they are certain.
    pub size: Option<u64>,
    /// Bytes verified.
    pub done: u64,
    /// Bytes per second.
    pub rate: u64,
    /// Peers that have it and were not dropped.
    pub sources: u32,
    /// Peers dropped for sending what was not asked for.
    pub banned: u32,
    /// The peer it comes from now.
    pub from: Option<PeerId>,
    /// How far it is.
    pub state: TransferState,
    /// Where the file will be, or is.
    pub path: PathBuf,
    /// To fetch it again.
    pub link: Link,
}

/// How far a transfer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// Looking for peers that have it.
    FindingSources,
    /// Asking peers what the content is.
    Describing,
    /// Bytes arrive.
    Fetching,
    /// All bytes are there; the last checks and the move to the final name.
    Finishing,
    /// The file is there and verified.
    Done,
    /// It ended without the file.
    Failed(Failure),
    /// A person stopped it.
    Cancelled,
}

impl TransferState {
    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Done | Self::Failed(_) | Self::Cancelled)
    }
}
