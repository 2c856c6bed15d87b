//! What a client can ask of a node.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{LimitsChange, SearchId, TransferId, Tuning};
use crate::domain::{Link, query::QueryText};

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
    /// Read the state once: [`Reply::Snapshot`](super::Reply::Snapshot).
    Snapshot,
    /// Push snapshots and events to this client from now on: [`Reply::Snapshot`](super::Reply::Snapshot).
    Watch,
    /// Connected peers, by ID: [`Reply::Peers`](super::Reply::Peers).
    Peers(Window),
    /// The routing table, nearest bucket last: [`Reply::Routing`](super::Reply::Routing).
    Routing,
    /// Folders and files that are shared, as they were named: [`Reply::Roots`](super::Reply::Roots).
    Roots,
    /// Shared files, by path: [`Reply::Shares`](super::Reply::Shares).
    Shares(Window),
    /// Share a file or a folder. Paths are absolute: [`Reply::Shared`](super::Reply::Shared).
    Share {
        /// What to share.
        #[serde(with = "super::path_text")]
        path: PathBuf,
        /// Whether to share it again after a restart.
        remember: bool,
    },
    /// Stop sharing a file or folder, or a part of a shared folder: [`Reply::Unshared`](super::Reply::Unshared).
    Unshare {
        /// What not to share any more.
        #[serde(with = "super::path_text")]
        path: PathBuf,
    },
    /// The link of a shared file: [`Reply::Link`](super::Reply::Link).
    Link {
        /// Which file.
        #[serde(with = "super::path_text")]
        path: PathBuf,
        /// Whether the link should tell our addresses.
        with_peers: bool,
    },
    /// Begin a search: [`Reply::Search`](super::Reply::Search), then [`Event::Search`](super::Event::Search) as rows come.
    Search {
        /// What to look for.
        query: QueryText,
        /// Give up waiting for peers after this long, in milliseconds.
        timeout_ms: u64,
        /// Stop at this many distinct contents.
        limit: u32,
    },
    /// Read rows of a search: [`Reply::Results`](super::Reply::Results).
    Results {
        /// Which search.
        search: SearchId,
        /// Only rows that changed after this generation; 0 for all.
        since: u64,
        /// Which of them.
        window: Window,
    },
    /// End a search and forget its rows: [`Reply::Done`](super::Reply::Done).
    CloseSearch {
        /// Which search.
        search: SearchId,
    },
    /// Fetch a file or a collection, or go on with one that was begun: [`Reply::Transfer`](super::Reply::Transfer),
    /// then [`Event::Transfer`](super::Event::Transfer) as it goes.
    Get {
        /// What to fetch.
        link: Link,
        /// A file or an existing folder, absolute; the download folder if absent.
        #[serde(default, with = "super::path_text::option")]
        destination: Option<PathBuf>,
        /// Of a collection only the files at or below these paths within it; all where empty.
        #[serde(default)]
        select: Vec<String>,
    },
    /// Fetch for a reader, in order, and offer it at a URL on this machine while it arrives:
    /// [`Reply::Stream`](super::Reply::Stream).
    Stream {
        /// What to fetch; one file.
        link: Link,
        /// Whether it is for the reader only, and deleted with [`Command::Cancel`].
        temporary: bool,
    },
    /// Transfers, newest first: [`Reply::Transfers`](super::Reply::Transfers).
    Transfers(Window),
    /// Who brings a transfer, and how fast: [`Reply::Sources`](super::Reply::Sources).
    Sources {
        /// Which transfer.
        transfer: TransferId,
    },
    /// Stop a transfer and keep what is there: [`Reply::Done`](super::Reply::Done).
    Pause {
        /// Which transfer.
        transfer: TransferId,
    },
    /// Go on with a transfer that is paused, waits or failed: [`Reply::Done`](super::Reply::Done).
    Resume {
        /// Which transfer.
        transfer: TransferId,
    },
    /// Stop a transfer and delete what is unfinished: [`Reply::Done`](super::Reply::Done).
    Cancel {
        /// Which transfer.
        transfer: TransferId,
    },
    /// Change how a transfer runs: [`Reply::Done`](super::Reply::Done).
    Tune {
        /// Which transfer.
        transfer: TransferId,
        /// What to change.
        change: Tuning,
    },
    /// The limits of this node: [`Reply::Limits`](super::Reply::Limits).
    Limits,
    /// Change limits of this node while it runs: [`Reply::Limits`](super::Reply::Limits).
    SetLimits(LimitsChange),
    /// How another person can join this network: [`Reply::Invite`](super::Reply::Invite).
    Invite,
    /// Connect to the peers of an invitation: [`Reply::Joined`](super::Reply::Joined).
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
    /// Which state of the list this is; compare with [`Generations`](super::Generations).
    pub generation: u64,
    /// The rows.
    pub rows: Vec<T>,
}
