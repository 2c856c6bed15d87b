//! What a node answers, and what it says without being asked.

use serde::{Deserialize, Serialize};

use super::{
    CommandId, Limits, Page, PeerRow, ResultRow, RootRow, RoutingTable, SearchId, SearchRow,
    ShareRow, Snapshot, SourceRow, TransferId, TransferRow,
};
use crate::domain::{Link, Untrusted};

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
    /// Who brings a transfer.
    Sources(Vec<SourceRow>),
    /// A file can be read.
    Stream {
        /// The transfer that brings it, which has begun or was there already; none where this node
        /// shares the file.
        transfer: Option<TransferId>,
        /// Where it can be read on this machine, also while it arrives, with ranges.
        url: String,
        /// What it is called, where that is known.
        name: Option<Untrusted>,
        /// Bytes, where that is known.
        size: Option<u64>,
    },
    /// The limits, as they are now.
    Limits(Limits),
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
