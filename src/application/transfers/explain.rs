//! What the errors of a fetch mean to a person, and what to do about them.

use std::path::Path;

use super::{Inner, destination};
use crate::{
    application::message::{Failure, FailureKind},
    domain::Sha1Hash,
    network::content::fetch::{FetchError, ProveError},
};

/// `begun`: some of it is here and verified, so that it is worth waiting for others.
pub(super) fn fetch(inner: &Inner, path: &Path, error: FetchError, begun: bool) -> Failure {
    match error {
        FetchError::NoSources => nobody(inner, 0),
        FetchError::SourcesFailed(reason) => sources_failed(&reason),
        FetchError::SourcesLied(evidence) if begun => sources_failed(&evidence),
        FetchError::SourcesLied(evidence) => sources_lied(&evidence),
        FetchError::Disk(failed) => destination::explain(path, &failed.0),
    }
}

pub(super) fn prove(inner: &Inner, error: ProveError) -> Failure {
    match error {
        ProveError::NoSources => nobody(inner, 0),
        ProveError::SourcesFailed(reason) => sources_failed(&reason),
        ProveError::SourcesLied(evidence) => sources_lied(&evidence),
        ProveError::OtherSize(size) => Failure::new(
            FailureKind::Verification,
            format!("those who have it say it has {size} bytes, and the link says otherwise"),
        )
        .hint("the link is wrong: get it again from who gave it to you, or search by name"),
    }
}

fn sources_failed(reason: &str) -> Failure {
    Failure::new(FailureKind::NotFound, format!("no source is left: {reason}"))
        .hint("its owners may be away: try again later")
}

fn sources_lied(evidence: &str) -> Failure {
    let message = format!("every source sent something else: {evidence}");
    Failure::new(FailureKind::Verification, message)
        .hint("nothing was saved; search again for another source")
}

pub(super) fn nobody(inner: &Inner, failed: usize) -> Failure {
    if inner.parts.host.state().borrow().peers == 0 {
        return Failure::new(FailureKind::NoPeers, "no peer is connected")
            .hint("give one to start from: --bootstrap /ip4/…/tcp/…/p2p/…, or join an invitation");
    }
    let message = match failed {
        0 => "nobody announces this content".to_owned(),
        1 => "the one peer that announced this content is away or has it no more".to_owned(),
        n => format!("all {n} peers that announced this content are away or have it no more"),
    };
    Failure::new(FailureKind::NotFound, message)
        .hint("its owners may be away: try again later, or search for it by name")
}

pub(super) fn wrong_sha1(what: &str, expected: Sha1Hash, got: Sha1Hash) -> Failure {
    let message = format!(
        "{what} matches its BLAKE3 root but its SHA-1 is {got} where {expected} was promised"
    );
    Failure::new(FailureKind::Verification, message)
        .hint("nothing was saved; whoever made this link or announcement is wrong")
}

pub(super) fn broken() -> Failure {
    Failure::new(FailureKind::Error, "the work on this file was interrupted")
}
