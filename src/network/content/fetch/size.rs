//! How large a content is, proven before anything is reserved or written.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::timeout,
};

use super::{
    Blame, MAX_CONVERSATIONS,
    candidates::{Candidate, Candidates},
};
use crate::{
    domain::{Manifest, Root, Source},
    network::content::{providers::Providers, session::SessionError},
};

/// Providers that are asked at the same time, besides those who take longer than [`HURRY`].
const PARALLEL: usize = 4;
/// How long a provider may take before others are asked besides it: it may have others to serve
/// first, or say so without end.
const HURRY: Duration = Duration::from_secs(3);
/// How long it may take at all.
const ASK_TIME: Duration = Duration::from_secs(60);

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

/// A question to everybody who may have a content.
struct Inquiry<'a> {
    providers: &'a Providers,
    root: Root,
    expected: Option<u64>,
    candidates: Candidates,
    asking: JoinSet<(Candidate, Asked)>,
    /// Who is being asked, and since when.
    since: HashMap<PeerId, Instant>,
    last_reason: Option<String>,
    other_size: Option<u64>,
}

/// A content whose size is proven.
#[derive(Debug)]
pub struct Proven {
    /// What the provider that proved it says of it.
    pub manifest: Manifest,
    /// Its last block behind the proof, as the provider sent them.
    pub last_block: Vec<u8>,
}

/// A content whose size a provider proved, or else the other size that it knows.
type Asked = Result<Result<Proven, u64>, SessionError>;

/// Has somebody prove the size of a content; returns what he says of it. Those who prove themselves
/// wrong are added to `banned`, whatever comes of it.
///
/// A provider is asked for the size it knows first. The expected one is somebody else's word: a
/// provider that says another has not lied, and its bytes would not fit a tree of the wrong size.
/// `hungry` is told when there is nobody left to ask.
///
/// # Errors
/// When nobody does.
pub async fn prove(
    providers: &Providers,
    (root, expected): (Root, Option<u64>),
    (sources, hungry): (&mut mpsc::Receiver<Source>, &Notify),
    banned: &mut Vec<Blame>,
) -> Result<Proven, ProveError> {
    let mut inquiry = Inquiry {
        providers,
        root,
        expected,
        candidates: Candidates::new(providers.own()),
        asking: JoinSet::new(),
        since: HashMap::new(),
        last_reason: None,
        other_size: None,
    };
    let mut more = true;
    loop {
        inquiry.ask_more(Instant::now());
        if inquiry.is_over() {
            if !more {
                return Err(inquiry.give_up(banned));
            }
            hungry.notify_one();
        }
        tokio::select! {
            source = sources.recv(), if more => match source {
                Some(source) => {
                    inquiry.candidates.found(source);
                }
                None => more = false,
            },
            Some(Ok((candidate, asked))) = inquiry.asking.join_next() => {
                if let Some(proven) = inquiry.heard(candidate, asked, banned) {
                    return Ok(proven);
                }
            }
            // Somebody rests, or waits for somebody who takes long: look again soon.
            () = tokio::time::sleep(super::TICK), if !inquiry.candidates.is_empty() => {}
        }
    }
}

impl Inquiry<'_> {
    fn ask_more(&mut self, now: Instant) {
        let is_fresh = |since: &&Instant| now.saturating_duration_since(**since) < HURRY;
        let mut fresh = self.since.values().filter(is_fresh).count();
        while fresh < PARALLEL
            && self.asking.len() < MAX_CONVERSATIONS
            && let Some(candidate) = self.candidates.next(now)
        {
            fresh += 1;
            self.since.insert(candidate.peer, now);
            let (providers, root, expected) = (self.providers.clone(), self.root, self.expected);
            self.asking.spawn(async move {
                let addresses = candidate.addresses.clone();
                let asked = ask(&providers, candidate.peer, addresses, root, expected);
                let asked = timeout(ASK_TIME, asked).await;
                (candidate, asked.unwrap_or(Err(SessionError::Silent)))
            });
        }
    }

    /// Takes in what a provider said; what it proved, if it did.
    fn heard(
        &mut self,
        candidate: Candidate,
        asked: Asked,
        banned: &mut Vec<Blame>,
    ) -> Option<Proven> {
        let peer = candidate.peer;
        self.since.remove(&peer);
        match asked {
            Ok(Ok(proven)) => return Some(proven),
            Ok(Err(size)) => self.other_size = Some(size),
            Err(SessionError::Lied(evidence)) => {
                tracing::warn!(%peer, %evidence, "a source is banned");
                self.providers.ban(peer, &evidence);
                banned.push(Blame { peer, evidence });
            }
            Err(error) => {
                self.last_reason = Some(error.to_string());
                self.candidates.failed(candidate, false, Instant::now());
            }
        }
        None
    }

    /// Whether nobody is asked and nobody is left.
    fn is_over(&self) -> bool {
        self.asking.is_empty() && self.candidates.is_empty()
    }

    fn give_up(&mut self, banned: &[Blame]) -> ProveError {
        match (self.other_size, self.last_reason.take(), banned.last()) {
            (Some(size), _, _) => ProveError::OtherSize(size),
            (None, Some(reason), _) => ProveError::SourcesFailed(reason),
            (None, None, Some(blame)) => ProveError::SourcesLied(blame.evidence.clone()),
            (None, None, None) => ProveError::NoSources,
        }
    }
}

async fn ask(
    providers: &Providers,
    peer: PeerId,
    addresses: Vec<libp2p::Multiaddr>,
    root: Root,
    expected: Option<u64>,
) -> Asked {
    let mut session = providers.open_to_ask(peer, addresses).await?;
    let described = session.describe_root(root).await?;
    let manifest = described.into_iter().next().ok_or(SessionError::Missing)?;
    let size = manifest.content.size;
    if expected.is_some_and(|expected| expected != size) {
        return Ok(Err(size));
    }
    match session.prove_size(root, size).await {
        Ok(last_block) => Ok(Ok(Proven { manifest, last_block })),
        Err(SessionError::Lied(what)) => {
            Err(SessionError::Lied(super::conversation::evidence(&root, &what)))
        }
        Err(error) => Err(error),
    }
}
