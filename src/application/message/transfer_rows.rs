//! Transfers: their rows, who brings them, and what can be changed of them.

use std::path::PathBuf;

use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};

use super::{Failure, Rate};
use crate::domain::{Link, Sha1Hash, Untrusted};

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
    /// Bytes that are wanted, once they are certain.
    pub size: Option<u64>,
    /// Bytes verified.
    pub done: u64,
    /// Bytes per second.
    pub rate: u64,
    /// Peers that have it and were not dropped.
    pub sources: u32,
    /// Peers dropped for sending what was not asked for.
    pub banned: u32,
    /// Peers that are talked to.
    pub talking: u32,
    /// The peer that brings most of it now.
    pub from: Option<PeerId>,
    /// Files in it, of a collection.
    pub files: Option<u32>,
    /// The higher, the sooner; 0 is usual.
    pub priority: i8,
    /// The most that this one may receive, in bytes per second.
    pub limit: Option<u64>,
    /// Bytes of it that were given to others meanwhile.
    pub uploaded: u64,
    /// How far it is.
    pub state: TransferState,
    /// Where the file will be, or is.
    #[serde(with = "super::path_text")]
    pub path: PathBuf,
    /// To fetch it again.
    pub link: Link,
}

/// What to change of a transfer; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuning {
    /// The higher, the sooner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i8>,
    /// Before or behind all others of the same priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<QueuePlace>,
    /// The most that it may receive, in bytes per second; `null` is there, and no limit.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::limits::given"
    )]
    pub limit: Option<Rate>,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueuePlace {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
}

/// Who brings a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRow {
    /// Who.
    pub peer: PeerId,
    /// Bytes per second while it sends; 0 while not measured.
    pub rate: u64,
    /// The round trip, in milliseconds, when measured.
    pub rtt_ms: Option<u32>,
    /// Bytes that it was asked for and owes.
    pub outstanding: u64,
    /// What it does.
    pub state: SourceState,
}

/// What a source does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// It answers.
    Serving,
    /// It serves others first: so many.
    Waiting(u32),
    /// It has been silent for too long.
    Stalled,
    /// It sent something that is provably wrong.
    Banned {
        /// What that was.
        evidence: String,
    },
}

/// How far a transfer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// Others are fetched first.
    Queued,
    /// Looking for peers that have it.
    FindingSources,
    /// Asking peers what the content is.
    Describing,
    /// What is there from before is verified again, as it did not end in good order.
    Checking {
        /// Bytes verified so far.
        verified: u64,
    },
    /// Bytes arrive.
    Fetching,
    /// All bytes are there; the last checks and the move to the final name.
    Finishing,
    /// It cannot go on, and tries again by itself. What is there is kept.
    Waiting {
        /// Why.
        why: Failure,
        /// When it tries again, in Unix seconds.
        retry_at: u64,
    },
    /// A person paused it. What is there is kept.
    Paused,
    /// The file is there and verified.
    Done,
    /// It ended without the file.
    Failed(Failure),
    /// A person stopped it.
    Cancelled,
}

impl TransferState {
    /// Whether something happens now: it is not over, and waits for nothing.
    #[must_use]
    pub const fn moves(&self) -> bool {
        matches!(
            self,
            Self::FindingSources
                | Self::Describing
                | Self::Checking { .. }
                | Self::Fetching
                | Self::Finishing
        )
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Done | Self::Failed(_) | Self::Cancelled)
    }
}
