//! How large a content is, proven before anything is reserved or written.

use std::time::Instant;

use libp2p::PeerId;
use tokio::sync::{Notify, mpsc};

use super::{Blame, candidates::Candidates};
use crate::{
    domain::{Manifest, Root, Source},
    network::content::{providers::Providers, session::SessionError},
};

/// Providers that are asked at the same time.
const PARALLEL: usize = 4;

/// Why no size was proven.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// Nobody was found who says he has it.
    #[error("nobody was found who has it")]
    NoSources,
    /// Everybody who said he has it failed; the last reason is told.
    #[error("no source is left: {0}")]
    SourcesFailed(String),
    /// Everybody who said he has it sent something else; the last evidence is told.
    #[error("every source sent something else: {0}")]
    SourcesLied(String),
    /// Those who have it say that it has another size than the link.
    #[error("it has {0} bytes, and the link says otherwise")]
    OtherSize(u64),
}

/// What providers said.
#[derive(Debug)]
pub struct Proven {
    /// What the provider that proved its size says of it.
    pub manifest: Manifest,
    /// Those who proved themselves wrong.
    pub banned: Vec<Blame>,
}

/// Has somebody prove the size of a content.
///
/// A provider is asked for the size it knows first. The expected one is somebody else's word: a
/// provider that says another has not lied, and its bytes would not fit a tree of the wrong size.
/// `hungry` is told when there is nobody left to ask.
///
/// # Errors
/// When nobody does.
pub async fn prove(
    providers: &Providers,
    root: Root,
    expected: Option<u64>,
    (sources, hungry): (&mut mpsc::Receiver<Source>, &Notify),
) -> Result<Proven, ProveError> {
    let mut candidates = Candidates::new(providers.own());
    let mut banned = Vec::new();
    let (mut last_reason, mut other_size) = (None, None);
    let mut asking = tokio::task::JoinSet::new();
    let mut more = true;
    loop {
        while asking.len() < PARALLEL
            && let Some(candidate) = candidates.next(Instant::now())
        {
            let providers = providers.clone();
            asking.spawn(async move {
                let addresses = candidate.addresses.clone();
                let asked = ask(&providers, candidate.peer, addresses, root, expected).await;
                (candidate, asked)
            });
        }
        if !more && asking.is_empty() && candidates.is_empty() {
            return Err(match (other_size, last_reason, banned.pop()) {
                (Some(size), _, _) => ProveError::OtherSize(size),
                (None, Some(reason), _) => ProveError::SourcesFailed(reason),
                (None, None, Some(Blame { evidence, .. })) => ProveError::SourcesLied(evidence),
                (None, None, None) => ProveError::NoSources,
            });
        }
        if asking.is_empty() && candidates.is_empty() {
            hungry.notify_one();
        }
        tokio::select! {
            source = sources.recv(), if more => match source {
                Some(source) => {
                    candidates.found(source);
                }
                None => more = false,
            },
            Some(Ok((candidate, asked))) = asking.join_next() => match asked {
                Ok(Ok(manifest)) => return Ok(Proven { manifest, banned }),
                Ok(Err(size)) => other_size = Some(size),
                Err(SessionError::Lied(evidence)) => {
                    let peer = candidate.peer;
                    tracing::warn!(%peer, %evidence, "a source is banned");
                    providers.ban(peer, &evidence);
                    banned.push(Blame { peer, evidence });
                }
                Err(error) => {
                    last_reason = Some(error.to_string());
                    candidates.failed(candidate, false, Instant::now());
                }
            },
            // Somebody rests: look again soon.
            () = tokio::time::sleep(super::TICK), if !candidates.is_empty() => {}
        }
    }
}

/// What a provider says of a content whose size it proved, or else the other size that it knows.
async fn ask(
    providers: &Providers,
    peer: PeerId,
    addresses: Vec<libp2p::Multiaddr>,
    root: Root,
    expected: Option<u64>,
) -> Result<Result<Manifest, u64>, SessionError> {
    let mut session = providers.open_to_ask(peer, addresses).await?;
    let described = session.describe_root(root).await?;
    let manifest = described.into_iter().next().ok_or(SessionError::Missing)?;
    let size = manifest.content.size;
    if expected.is_some_and(|expected| expected != size) {
        return Ok(Err(size));
    }
    match session.prove_size(root, size).await {
        Ok(()) => Ok(Ok(manifest)),
        Err(SessionError::Lied(what)) => {
            Err(SessionError::Lied(super::conversation::evidence(&root, &what)))
        }
        Err(error) => Err(error),
    }
}
