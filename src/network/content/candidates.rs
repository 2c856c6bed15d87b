//! Who may still be asked for a content: those who wait for a turn, and those who are found later.

use std::{
    collections::{HashSet, VecDeque},
    future::{Future, pending},
    time::Duration,
};

use libp2p::{Multiaddr, PeerId};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::fetch::{MAX_SOURCES, Progress};
use crate::domain::Source;

/// How long a provider may take for one answer while others wait; twice that at its next turn,
/// so that a line which is slow for everybody still gets a span through.
const TURN: Duration = Duration::from_secs(10);
/// The most doublings of that.
const MAX_DOUBLINGS: u32 = 6;

/// A provider that may be asked.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) peer: PeerId,
    pub(super) addresses: Vec<Multiaddr>,
    /// How often it had a turn and made way for others.
    pub(super) turns: u32,
}

/// Invariant: a peer waits at most once, and never the node itself.
#[derive(Debug)]
pub(super) struct Candidates {
    sources: mpsc::Receiver<Source>,
    more: bool,
    progress: watch::Sender<Progress>,
    known: HashSet<PeerId>,
    waiting: VecDeque<Candidate>,
}

impl Candidates {
    /// Whoever comes through the channel, but for the node itself; counted in `progress`.
    pub(super) fn new(
        sources: mpsc::Receiver<Source>,
        own: PeerId,
        progress: watch::Sender<Progress>,
    ) -> Self {
        let (known, waiting) = (HashSet::from([own]), VecDeque::new());
        Self { sources, more: true, progress, known, waiting }
    }

    /// Who is to be asked next; `None` when nobody waits and nobody will come.
    pub(super) async fn next(&mut self) -> Option<Candidate> {
        while let Ok(source) = self.sources.try_recv() {
            self.take_in(source);
        }
        while self.waiting.is_empty() {
            let source = self.sources.recv().await?;
            self.take_in(source);
        }
        self.waiting.pop_front()
    }

    /// Puts a provider that had its turn behind those who wait.
    pub(super) fn again(&mut self, candidate: Candidate) {
        self.waiting.push_back(candidate);
    }

    /// Waits for an answer of a provider; `None` when its time is up and somebody else waits.
    pub(super) async fn unless_overtaken<T>(
        &mut self,
        turns: u32,
        answer: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            answer = answer => Some(answer),
            () = self.overtake(TURN * 2_u32.pow(turns.min(MAX_DOUBLINGS))) => None,
        }
    }

    /// Takes in who is found meanwhile; ends when the time is up and somebody waits.
    async fn overtake(&mut self, time: Duration) {
        let end = Instant::now() + time;
        let mut late = false;
        while !late || self.waiting.is_empty() {
            tokio::select! {
                source = self.sources.recv(), if self.more => match source {
                    Some(source) => self.take_in(source),
                    None => self.more = false,
                },
                () = sleep_until(end), if !late => late = true,
                else => pending().await,
            }
        }
    }

    fn take_in(&mut self, source: Source) {
        let Source::Peer { id: peer, addresses } = source else { return };
        if self.known.len() <= MAX_SOURCES && self.known.insert(peer) {
            self.waiting.push_back(Candidate { peer, addresses, turns: 0 });
            self.progress.send_modify(|progress| progress.sources += 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(id: PeerId) -> Source {
        Source::Peer { id, addresses: Vec::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_provider_makes_way_only_for_another() {
        let (sender, receiver) = mpsc::channel(8);
        let (own, slow, other) = (PeerId::random(), PeerId::random(), PeerId::random());
        let mut candidates = Candidates::new(receiver, own, watch::channel(Progress::default()).0);
        for id in [own, slow, slow] {
            sender.send(source(id)).await.expect("room");
        }
        let candidate = candidates.next().await.expect("the slow one");
        assert_eq!((candidate.peer, candidates.progress.borrow().sources), (slow, 1));

        let alone = tokio::time::sleep(TURN * 100);
        assert!(candidates.unless_overtaken(0, alone).await.is_some(), "nobody else is there");
        let begun = Instant::now();
        let answer = tokio::time::sleep(TURN * 100);
        let found = async {
            tokio::time::sleep(TURN / 2).await;
            sender.send(source(other)).await.expect("room");
        };
        assert!(tokio::join!(candidates.unless_overtaken(1, answer), found).0.is_none());
        assert_eq!(begun.elapsed(), TURN * 2);

        candidates.again(candidate);
        drop(sender);
        assert_eq!(candidates.next().await.map(|next| next.peer), Some(other));
        assert_eq!(candidates.next().await.map(|next| next.peer), Some(slow));
        assert!(candidates.next().await.is_none());
    }
}
