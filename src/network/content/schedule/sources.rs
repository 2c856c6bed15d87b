//! When to look for more peers: when few of them bring anything, or nobody has what is missing.

use std::time::{Duration, Instant};

use super::{
    Action, Schedule,
    peer::{Peer, PeerState},
};

/// With fewer peers than this that bring something, sources run low.
const FEW: usize = 3;
/// Between two looks, while somebody brings something.
const FIND_EVERY: Duration = Duration::from_secs(30);
/// Before the first look when nobody does; doubled at each that finds none, up to the above.
const FIND_SOON: Duration = Duration::from_secs(5);

/// When more peers were looked for.
#[derive(Debug)]
pub(super) struct Sources {
    looked: Instant,
    /// The wait before the next look when nobody brings anything.
    soon: Duration,
}

impl Sources {
    pub(super) fn new(now: Instant) -> Self {
        Self { looked: now, soon: FIND_SOON }
    }

    /// A look found somebody.
    pub(super) fn joined(&mut self) {
        self.soon = FIND_SOON;
    }

    fn due(&self, useful: usize) -> Instant {
        self.looked + if useful == 0 { self.soon } else { FIND_EVERY }
    }
}

impl Schedule {
    /// Looks for more peers, if it is time.
    pub(super) fn find_sources(&mut self) -> Option<Action> {
        let due = self.next_find()?;
        if self.now < due {
            return None;
        }
        if self.useful() == 0 {
            self.sources.soon = (self.sources.soon * 2).min(FIND_EVERY);
        }
        self.sources.looked = self.now;
        Some(Action::FindSources)
    }

    /// When more peers are to be looked for, as things stand.
    pub(super) fn next_find(&self) -> Option<Instant> {
        let useful = self.useful();
        let is_low = useful < FEW || self.spans.pool().has_unheld();
        is_low.then(|| self.sources.due(useful))
    }

    /// How many peers bring something, or would if they were asked.
    fn useful(&self) -> usize {
        let epoch = self.spans.pool().epoch();
        let is_useful = |peer: &Peer| {
            peer.state == PeerState::Serving && (peer.outstanding > 0 || peer.may_be_asked(epoch))
        };
        self.peers.values().filter(|peer| is_useful(peer)).take(FEW).count()
    }
}
