//! Fetches one content: from one provider until it fails, then from the next.
//!
//! The size is proven before anything is reserved or written, every block before it counts. A
//! provider that sends a provably wrong block is banned with the evidence; one that is merely
//! gone may come back, and one that is slow makes way while others wait for a turn.

use std::{future::Future, io, sync::Arc};

use libp2p::PeerId;
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
};

use super::{
    candidates::{Candidate, Candidates},
    meter::Meter,
    part::PartFile,
    proof::{ProofError, Provable, is_root_of_nothing},
    providers::Providers,
    session::{Session, SessionError},
};
use crate::domain::{Root, Source, blocks};

/// The most providers that are remembered for one content.
pub(super) const MAX_SOURCES: usize = 256;
/// Spans that are asked for ahead of the one that is awaited.
const AHEAD: u64 = 4;
/// How often a provider may be late with nothing to show before it is given up.
const MAX_TURNS: u32 = 3;

/// What is to be fetched and from whom.
#[derive(Debug)]
pub struct Fetch {
    /// To reach providers.
    pub providers: Providers,
    /// The content.
    pub root: Root,
    /// Its size, as a link or a manifest says; nothing is fetched from who knows another. Proven
    /// before it is believed.
    pub size: Option<u64>,
    /// Counts what arrives.
    pub meter: Arc<Meter>,
    /// Where progress is shown.
    pub progress: watch::Sender<Progress>,
}

/// How far a fetch is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes in the file, once proven.
    pub size: Option<u64>,
    /// Bytes verified and written.
    pub done: u64,
    /// Providers known and not banned.
    pub sources: u32,
    /// The provider that is asked now.
    pub from: Option<PeerId>,
    /// Providers that proved themselves wrong.
    pub banned: Vec<Blame>,
}

/// Why a provider is not asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// Who.
    pub peer: PeerId,
    /// What it sent, and what that proves.
    pub evidence: String,
}

/// Why a content could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
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
    /// It cannot be written here.
    #[error("cannot write it: {0}")]
    Disk(#[from] io::Error),
}

/// What became of one provider.
enum Outcome {
    Complete,
    /// It failed without proof of bad will.
    Lost(String),
    /// It is slow or silent.
    Late(String),
    Lied(String),
    /// It says another size than the link, which is somebody else's word.
    OtherSize(u64),
}

#[derive(Debug)]
enum SourceError {
    Lost(String),
    Late(String),
    OtherSize(u64),
    Lied(String),
    Disk(io::Error),
}

impl From<SessionError> for SourceError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Silent => Self::Late(error.to_string()),
            _ => Self::Lost(error.to_string()),
        }
    }
}

impl Fetch {
    /// Fetches the content into a part file, from sources as they become known, until it is
    /// complete or no source is left and none will come.
    ///
    /// # Errors
    /// When no source is left, or the part cannot be written.
    pub async fn run(
        self,
        part: PartFile,
        sources: mpsc::Receiver<Source>,
    ) -> Result<PartFile, FetchError> {
        let mut others = Candidates::new(sources, self.providers.own(), self.progress.clone());
        let (mut last_reason, mut other_size) = (None, None);
        let mut part = Some(part);
        while let Some(mut candidate) = others.next().await {
            let peer = candidate.peer;
            self.progress.send_modify(|progress| progress.from = Some(peer));
            let before = self.progress.borrow().done;
            let outcome = self.fetch_from(&candidate, &mut others, &mut part).await?;
            let moved = self.progress.borrow().done > before;
            match outcome {
                Outcome::Complete => return part.take().ok_or_else(lost_part),
                Outcome::Lost(reason) => {
                    tracing::debug!(%peer, %reason, "a source is lost");
                    last_reason = Some(reason);
                    if moved {
                        others.again(candidate);
                    } else {
                        self.forget(None);
                    }
                }
                Outcome::Late(reason) => {
                    tracing::debug!(%peer, %reason, "a source makes way");
                    last_reason = Some(reason);
                    candidate.turns += u32::from(!moved);
                    if candidate.turns <= MAX_TURNS {
                        others.again(candidate);
                    } else {
                        self.forget(None);
                    }
                }
                Outcome::OtherSize(size) => {
                    other_size = Some(size);
                    self.forget(None);
                }
                Outcome::Lied(evidence) => {
                    tracing::warn!(%peer, %evidence, "a source is banned");
                    self.forget(Some(Blame { peer, evidence }));
                }
            }
        }
        Err(other_size.map_or_else(|| self.give_up(last_reason), FetchError::OtherSize))
    }

    fn forget(&self, blame: Option<Blame>) {
        self.progress.send_modify(|progress| {
            progress.from = None;
            progress.sources = progress.sources.saturating_sub(1);
            progress.banned.extend(blame);
        });
    }

    fn give_up(&self, last_reason: Option<String>) -> FetchError {
        let banned = &self.progress.borrow().banned;
        match (last_reason, banned.last()) {
            (Some(reason), _) => FetchError::SourcesFailed(reason),
            (None, Some(blame)) => FetchError::SourcesLied(blame.evidence.clone()),
            (None, None) => FetchError::NoSources,
        }
    }

    async fn fetch_from(
        &self,
        candidate: &Candidate,
        others: &mut Candidates,
        part: &mut Option<PartFile>,
    ) -> Result<Outcome, FetchError> {
        match self.try_source(candidate, others, part).await {
            Ok(()) => Ok(Outcome::Complete),
            Err(SourceError::Lost(reason)) => Ok(Outcome::Lost(reason)),
            Err(SourceError::Late(reason)) => Ok(Outcome::Late(reason)),
            Err(SourceError::OtherSize(size)) => Ok(Outcome::OtherSize(size)),
            Err(SourceError::Lied(evidence)) => Ok(Outcome::Lied(evidence)),
            Err(SourceError::Disk(error)) => Err(FetchError::Disk(error)),
        }
    }

    async fn try_source(
        &self,
        candidate: &Candidate,
        others: &mut Candidates,
        part: &mut Option<PartFile>,
    ) -> Result<(), SourceError> {
        let Candidate { peer, addresses, turns } = candidate;
        let open = self.providers.open(*peer, addresses.clone());
        let mut session = in_turn(others, *turns, open).await?;
        let proven = self.progress.borrow().size;
        let size = match proven {
            Some(size) => size,
            None => {
                let size = in_turn(others, *turns, self.prove_size(&mut session)).await?;
                if let Some(part) = part.as_ref() {
                    part.reserve(size).map_err(SourceError::Disk)?;
                }
                self.progress.send_modify(|progress| progress.size = Some(size));
                size
            }
        };
        self.fetch_spans(&mut session, size, (others, *turns), part).await
    }

    /// Has the provider prove the last block: a tree of another size has another one.
    ///
    /// It is asked for the size it knows first. A link's size is somebody else's word: a provider
    /// that says another one has not lied, and its bytes would not fit a tree of the wrong size.
    async fn prove_size(&self, session: &mut Session) -> Result<u64, SourceError> {
        let described = session.describe_root(self.root).await?;
        let size = described.first().ok_or(SessionError::Missing)?.content.size;
        if self.size.is_some_and(|expected| expected != size) {
            return Err(SourceError::OtherSize(size));
        }
        let Some(last) = blocks::last_block(size) else {
            let lie = || SourceError::Lied("it says that the file is empty".to_owned());
            return is_root_of_nothing(&self.root).then_some(size).ok_or_else(lie);
        };
        let proof = Provable::new(size, last.clone()).map_err(|error| lied(&error))?;
        session.request(self.root, last).await?;
        let encoded = session.answer(&proof).await?;
        proof.decode(&self.root, &encoded).map_err(|error| lied(&error))?;
        Ok(size)
    }

    async fn fetch_spans(
        &self,
        session: &mut Session,
        size: u64,
        (others, turns): (&mut Candidates, u32),
        part: &mut Option<PartFile>,
    ) -> Result<(), SourceError> {
        let written = part.as_ref().map_or(0, PartFile::written);
        let (first, count) = (written / blocks::SPAN, blocks::span_count(size));
        let mut requested = first;
        for index in first..count {
            while requested < count.min(index + AHEAD) {
                if let Some(bytes) = blocks::span(size, requested) {
                    session.request(self.root, bytes).await?;
                }
                requested += 1;
            }
            let Some(bytes) = blocks::span(size, index) else { break };
            let proof = Provable::new(size, bytes.clone()).map_err(|error| lied(&error))?;
            let encoded = in_turn(others, turns, session.answer(&proof)).await?;
            self.take_in(proof, encoded, part).await?;
            let length = bytes.end - bytes.start;
            self.meter.add(usize::try_from(length).unwrap_or(usize::MAX));
            self.progress.send_modify(|progress| progress.done = bytes.end);
        }
        Ok(())
    }

    /// Verifies a span and appends it, away from the tasks that must not block.
    async fn take_in(
        &self,
        proof: Provable,
        encoded: Vec<u8>,
        part: &mut Option<PartFile>,
    ) -> Result<(), SourceError> {
        let root = self.root;
        let Some(mut file) = part.take() else { return Err(SourceError::Disk(lost_io())) };
        let job = spawn_blocking(move || {
            let result = match proof.decode(&root, &encoded) {
                Ok(blocks) => file.append(&blocks).map_err(SourceError::Disk),
                Err(error) => Err(lied(&error)),
            };
            (file, result)
        });
        let (file, result) = job.await.map_err(|_| SourceError::Disk(lost_io()))?;
        *part = Some(file);
        result
    }
}

/// Waits for a provider as long as it has its turn.
async fn in_turn<T, E: Into<SourceError>>(
    others: &mut Candidates,
    turns: u32,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, SourceError> {
    let slow = || SourceError::Late("it is slower than the others".to_owned());
    others.unless_overtaken(turns, answer).await.ok_or_else(slow)?.map_err(Into::into)
}

fn lied(error: &ProofError) -> SourceError {
    SourceError::Lied(error.to_string())
}

fn lost_io() -> io::Error {
    io::Error::other("the part file was lost while it was being written")
}

fn lost_part() -> FetchError {
    FetchError::Disk(lost_io())
}
