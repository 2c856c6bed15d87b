//! Why a command ended, and its exit code.

use std::io;

use crate::application::message::{Failure, FailureKind};

/// What a command comes to.
pub(super) type Outcome = Result<(), Stop>;

/// Why a command stops before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something failed; it is told on stderr.
    Failed(Failure),
    /// Something failed and was told already.
    Told(FailureKind),
    /// Whoever reads our output has read enough.
    ReaderLeft,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The exit code of the contract.
pub(super) const fn code(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Error => 1,
        FailureKind::Usage => 2,
        FailureKind::NotFound => 3,
        FailureKind::NoPeers => 4,
        FailureKind::TimedOut => 5,
        FailureKind::Verification => 6,
        FailureKind::DiskFull => 7,
        FailureKind::Interrupted => 130,
    }
}

/// A failure of the system at something of ours.
pub(super) fn io_failure(what: &str, error: &io::Error) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureKind::DiskFull,
        _ => FailureKind::Error,
    };
    Failure::new(kind, format!("{what}: {error}"))
}

/// A reply that does not belong to its command: node and client disagree about the messages.
pub(super) fn unexpected(what: &str) -> Failure {
    Failure::new(FailureKind::Error, format!("the node answered {what} with something else"))
        .hint("stop the node and start it again with this program")
}
