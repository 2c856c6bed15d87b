//! Fetches what a store is for from everybody who has it, at once.
//!
//! The [`schedule`](super::schedule) decides whom to ask for what; a `conversation` per peer asks,
//! verifies each block as it comes, and hands it to the [`store`](super::store). A peer that sends a
//! provably wrong block is banned with the evidence, and nobody else is: one that is gone or slow
//! rests and may come back.
//!
//! | file | owns |
//! | --- | --- |
//! | `candidates` | who may still be asked |
//! | `engine` | the schedule, shared |
//! | `conversation`, `answer` | one peer: requests out, verified blocks in |
//! | `size` | proving how large a content is, before anything is reserved |

mod answer;
mod candidates;
mod conversation;
mod engine;
mod size;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use libp2p::PeerId;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval},
};

pub use self::size::{ProveError, prove};
use self::{
    candidates::{Candidate, Candidates},
    conversation::Conversation,
    engine::Engine,
};
pub use super::schedule::PeerView;
use super::{
    layout::{Mask, SpanNo},
    limiter::Limiter,
    meter::Meter,
    providers::Providers,
    schedule::Schedule,
    session::SessionError,
    store::{Failed, Store},
};
use crate::domain::{Root, Source};

/// Conversations of one fetch at the same time.
pub const MAX_CONVERSATIONS: usize = 32;
/// Blames that are listed for one fetch.
const MAX_BLAMES: usize = 64;
/// How often time alone makes the schedule think again, and progress is shown.
const TICK: Duration = Duration::from_millis(200);
/// Ticks between two checkpoints where little arrives.
const CHECKPOINT: u32 = 10;

/// What is to be fetched, and how.
#[derive(Debug)]
pub struct Fetch {
    /// To reach providers.
    pub providers: Providers,
    /// What providers are asked about: the content, or the list of the collection.
    pub followed: Root,
    /// Where it goes.
    pub store: Arc<Store>,
    /// What is there already.
    pub here: Vec<(SpanNo, Mask)>,
    /// What is not wanted.
    pub unwanted: Vec<SpanNo>,
    /// Where a reader stands who wants what is next soonest.
    pub reader: watch::Receiver<Option<SpanNo>>,
    /// Limits that every byte has to pass.
    pub limits: Vec<Arc<Limiter>>,
    /// Counts what arrives.
    pub meter: Arc<Meter>,
    /// Where progress is shown.
    pub progress: watch::Sender<Progress>,
    /// Told when more sources are wanted.
    pub hungry: Arc<Notify>,
}

/// How far a fetch is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Bytes that are wanted, once that is certain.
    pub size: Option<u64>,
    /// Bytes of them verified.
    pub done: u64,
    /// Providers known and neither given up nor banned.
    pub sources: u32,
    /// Those that are talked to.
    pub peers: Vec<(PeerId, PeerView)>,
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
    /// It cannot be written here.
    #[error("cannot write it: {0}")]
    Disk(#[from] Failed),
}

/// What became of a conversation.
struct Ended {
    candidate: Candidate,
    result: Result<(), SessionError>,
}

/// A running fetch.
struct Running {
    providers: Providers,
    engine: Arc<Engine>,
    candidates: Candidates,
    conversations: JoinSet<Ended>,
    /// Whom a conversation is with, and whether it brought anything.
    talking: HashMap<PeerId, Arc<AtomicBool>>,
    progress: watch::Sender<Progress>,
    last_reason: Option<String>,
}

impl Fetch {
    /// Fetches everything wanted into the store, from sources as they become known. Ends when it is
    /// there, or when no source is left and none will come.
    ///
    /// # Errors
    /// When no source is left, or the store cannot be written.
    pub async fn run(self, mut sources: mpsc::Receiver<Source>) -> Result<(), FetchError> {
        let Self { providers, followed, store, here, unwanted, mut reader, .. } = self;
        let mut schedule =
            Schedule::new(store.plan().layout.lengths(), rand::random(), Instant::now());
        here.into_iter().for_each(|(span, blocks)| schedule.already_have(span, blocks));
        unwanted.into_iter().for_each(|span| schedule.set_wanted(span, false));
        schedule.set_reader(*reader.borrow_and_update());
        // Those of an earlier run of the same transfer are found anew.
        self.progress.send_modify(|progress| progress.sources = 0);
        let mut failure = store.failure();
        let limits = (self.limits, self.meter);
        let engine = Arc::new(Engine::new(followed, store, schedule, limits, self.hungry));
        let mut running = Running {
            candidates: Candidates::new(providers.own()),
            providers,
            engine: engine.clone(),
            conversations: JoinSet::new(),
            talking: HashMap::new(),
            progress: self.progress,
            last_reason: None,
        };
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut more, mut until_checkpoint) = (true, CHECKPOINT);
        loop {
            running.show();
            if engine.standing().complete {
                return Ok(());
            }
            running.talk_to_more();
            if !more && running.is_over() {
                return Err(running.give_up());
            }
            tokio::select! {
                source = sources.recv(), if more => match source {
                    Some(source) => running.found(source),
                    None => more = false,
                },
                Some(ended) = running.conversations.join_next() => running.ended(ended),
                () = engine.complete.notified() => {}
                Ok(()) = reader.changed() => {
                    let at = *reader.borrow_and_update();
                    engine.act(|schedule, _| schedule.set_reader(at));
                }
                failed = first_failure(&mut failure) => return Err(FetchError::Disk(failed)),
                _ = ticks.tick() => {
                    engine.act(|_, _| {});
                    running.make_place();
                    until_checkpoint -= 1;
                    if until_checkpoint == 0 {
                        until_checkpoint = CHECKPOINT;
                        engine.store.checkpoint().await;
                    }
                }
            }
        }
    }
}

/// Waits for the first failure of a store.
async fn first_failure(failure: &mut watch::Receiver<Option<Failed>>) -> Failed {
    if let Ok(failed) = failure.wait_for(Option::is_some).await
        && let Some(failed) = &*failed
    {
        return failed.clone();
    }
    std::future::pending().await
}

impl Running {
    fn found(&mut self, source: Source) {
        if self.candidates.found(source) {
            self.progress.send_modify(|progress| progress.sources += 1);
        }
    }

    /// Begins conversations as long as there are few.
    fn talk_to_more(&mut self) {
        while self.conversations.len() < MAX_CONVERSATIONS {
            let Some(candidate) = self.candidates.next(Instant::now()) else { return };
            let moved = Arc::new(AtomicBool::new(false));
            self.talking.insert(candidate.peer, moved.clone());
            let (providers, engine) = (self.providers.clone(), self.engine.clone());
            self.conversations.spawn(async move {
                let opened = providers.open(candidate.peer, candidate.addresses.clone()).await;
                let result = match opened {
                    Ok(session) => {
                        Conversation::run(engine, (candidate.peer, session), moved).await
                    }
                    Err(error) => Err(error),
                };
                Ended { candidate, result }
            });
        }
    }

    /// Where there are as many conversations as there may be and somebody waits to be asked, ends
    /// one that brings nothing.
    fn make_place(&self) {
        let now = Instant::now();
        if self.conversations.len() >= MAX_CONVERSATIONS && self.candidates.is_ready(now) {
            self.engine.dismiss_idle(now);
        }
    }

    fn ended(&mut self, ended: Result<Ended, JoinError>) {
        let Ok(Ended { candidate, result }) = ended else {
            tracing::error!("a conversation with a provider failed within");
            return;
        };
        let peer = candidate.peer;
        let moved = self.talking.remove(&peer).is_some_and(|moved| moved.load(Ordering::Relaxed));
        match result {
            Err(SessionError::Lied(evidence)) => {
                tracing::warn!(%peer, %evidence, "a source is banned");
                self.providers.ban(peer, &evidence);
                self.gone(Some(Blame { peer, evidence }));
            }
            Err(error @ SessionError::Banned(_)) => {
                self.last_reason = Some(error.to_string());
                self.gone(None);
            }
            Ok(()) => self.gone(None),
            Err(error) => {
                tracing::debug!(%peer, %error, "a source is lost");
                self.last_reason = Some(error.to_string());
                if !self.candidates.failed(candidate, moved, Instant::now()) {
                    self.gone(None);
                }
            }
        }
    }

    fn gone(&self, blame: Option<Blame>) {
        self.progress.send_modify(|progress| {
            progress.sources = progress.sources.saturating_sub(1);
            if progress.banned.len() < MAX_BLAMES {
                progress.banned.extend(blame);
            }
        });
    }

    /// Whether nobody is talked to and nobody is left.
    fn is_over(&self) -> bool {
        self.conversations.is_empty() && self.candidates.is_empty()
    }

    fn give_up(&self) -> FetchError {
        let banned = &self.progress.borrow().banned;
        match (&self.last_reason, banned.last()) {
            (Some(reason), _) => FetchError::SourcesFailed(reason.clone()),
            (None, Some(blame)) => FetchError::SourcesLied(blame.evidence.clone()),
            (None, None) => FetchError::NoSources,
        }
    }

    /// Shows how far it is, where that changed.
    fn show(&self) {
        let standing = self.engine.standing();
        self.progress.send_if_modified(|progress| {
            let fresh = Progress {
                size: Some(standing.wanted),
                done: standing.done,
                peers: standing.peers,
                ..progress.clone()
            };
            let differs = fresh != *progress;
            *progress = fresh;
            differs
        });
    }
}
