//! Who may still be asked for a content: those who wait for their turn, those who rest after they
//! failed, and those who will not be asked again.
//!
//! Pure. Invariant: a peer is in one place at a time, and never the node itself.

use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId};

use crate::domain::Source;

/// The most providers that are remembered for one fetch.
pub(super) const MAX_SOURCES: usize = 512;
/// How often a provider may fail with nothing to show before it is given up.
const MAX_FAILURES: u32 = 4;
/// How long a provider rests after its first failure; twice that after the next.
const REST: Duration = Duration::from_secs(2);

/// A provider that may be asked.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) peer: PeerId,
    pub(super) addresses: Vec<Multiaddr>,
    failures: u32,
}

/// Those who are not asked at the moment.
#[derive(Debug)]
pub(super) struct Candidates {
    known: HashSet<PeerId>,
    waiting: VecDeque<Candidate>,
    resting: Vec<(Instant, Candidate)>,
}

impl Candidates {
    /// Nobody yet. The node itself is never one.
    pub(super) fn new(own: PeerId) -> Self {
        Self { known: HashSet::from([own]), waiting: VecDeque::new(), resting: Vec::new() }
    }

    /// Somebody was found; whether that is news.
    pub(super) fn found(&mut self, source: Source) -> bool {
        let Source::Peer { id: peer, addresses } = source else { return false };
        let new = self.known.len() <= MAX_SOURCES && self.known.insert(peer);
        if new {
            self.waiting.push_back(Candidate { peer, addresses, failures: 0 });
        }
        new
    }

    /// Who is to be asked next.
    pub(super) fn next(&mut self, now: Instant) -> Option<Candidate> {
        if let Some(candidate) = self.waiting.pop_front() {
            return Some(candidate);
        }
        let rested = self.resting.iter().position(|(until, _)| *until <= now)?;
        Some(self.resting.swap_remove(rested).1)
    }

    /// Whether somebody could be asked now.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        !self.waiting.is_empty() || self.resting.iter().any(|(until, _)| *until <= now)
    }

    /// A provider failed; `moved` if it brought anything. `false` when it is given up.
    pub(super) fn failed(&mut self, mut candidate: Candidate, moved: bool, now: Instant) -> bool {
        candidate.failures = if moved { 1 } else { candidate.failures + 1 };
        let again = candidate.failures < MAX_FAILURES;
        if again {
            let until = now + REST * 2_u32.pow(candidate.failures - 1);
            self.resting.push((until, candidate));
        } else {
            // Who announces himself again later may be asked again.
            self.known.remove(&candidate.peer);
        }
        again
    }

    /// Whether there is nobody left who could be asked, now or later.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.resting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_rests_ever_longer_and_is_given_up_at_last() {
        let (own, other) = (PeerId::random(), PeerId::random());
        let mut candidates = Candidates::new(own);
        let source = |id| Source::Peer { id, addresses: Vec::new() };
        assert!(!candidates.found(source(own)));
        assert!(candidates.found(source(other)) && !candidates.found(source(other)));
        let mut now = Instant::now();
        let mut rests = Vec::new();
        loop {
            let candidate = candidates.next(now).expect("its turn");
            if !candidates.failed(candidate, false, now) {
                break;
            }
            let began = now;
            while candidates.next(now).is_none() {
                now += Duration::from_millis(500);
            }
            rests.push((now - began).as_secs());
            let candidate =
                Candidate { peer: other, addresses: vec![], failures: rests.len() as u32 };
            candidates.waiting.push_back(candidate);
        }
        assert_eq!(rests, [2, 4, 8]);
        assert!(candidates.is_empty() && candidates.found(source(other)), "it may come back");
    }

    #[test]
    fn who_brought_something_begins_anew() {
        let mut candidates = Candidates::new(PeerId::random());
        candidates.found(Source::Peer { id: PeerId::random(), addresses: Vec::new() });
        let mut now = Instant::now();
        for _ in 0..20 {
            let candidate = candidates.next(now).expect("its turn");
            assert!(candidates.failed(candidate, true, now));
            now += REST;
        }
    }
}
