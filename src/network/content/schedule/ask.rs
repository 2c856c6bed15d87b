//! The next request: which peer, and what of what it has.

use std::ops::Range;

use rand::Rng;

use super::{Action, PeerNo, Schedule, SpanNo, mask, peer::Peer, pool::Has};
use crate::domain::blocks::BLOCK;

/// Among equally rare spans, one of so many per peer that has not everything is taken: who fetch the
/// same thing at the same time should not all ask for the same span, but have something to exchange.
const SPREAD: u32 = 16;
/// The widest such choice: what is fetched should still come roughly in order.
const MAX_SPREAD: u32 = 1_024;

impl Schedule {
    /// Asks the peer that would bring the next request soonest.
    pub(super) fn next_ask(&mut self) -> Option<Action> {
        if self.spans.pool().is_empty() {
            return None;
        }
        loop {
            let peer = self.soonest()?;
            if let Some((span, blocks)) = self.choose(peer) {
                return self.ask(peer, span, blocks);
            }
            let epoch = self.spans.pool().epoch();
            self.peers.get_mut(&peer)?.nothing_at = Some(epoch);
        }
    }

    /// The peer among those that may be asked for more that would be done with it first.
    fn soonest(&self) -> Option<PeerNo> {
        let epoch = self.spans.pool().epoch();
        let time = |peer: &Peer| peer.time_for(u64::from(peer.most_blocks()) * BLOCK);
        let free = self.peers.iter().filter(|(_, peer)| peer.may_be_asked(epoch));
        let timed = free.map(|(number, peer)| (time(peer), *number));
        timed.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, number)| number)
    }

    /// What a peer should be asked for.
    fn choose(&mut self, peer: PeerNo) -> Option<(SpanNo, Range<u8>)> {
        let spread = self.spread();
        let peer = self.peers.get(&peer)?;
        let pool = self.spans.pool();
        let ahead = self.reader.at().and_then(|at| self.spans.next_missing(&peer.has, at));
        let span = ahead
            .or_else(|| pool.next_begun(&peer.has))
            .or_else(|| pool.rarest(&peer.has, spread, |places| self.rng.random_range(places)))?;
        let missing = self.spans.missing(span);
        (missing != 0).then(|| (span, mask::first_run(missing, peer.most_blocks())))
    }

    /// From how many equally rare spans one is taken by chance; 0 asks in order.
    fn spread(&self) -> u32 {
        let partial = self.peers.values().filter(|peer| !matches!(peer.has, Has::All)).count();
        if partial < 2 { 0 } else { (partial as u32).saturating_mul(SPREAD).min(MAX_SPREAD) }
    }
}
