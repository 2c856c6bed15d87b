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

#[cfg(test)]
mod tests {
    use super::super::tests::{B, Play, S};

    fn spans(play: &mut Play) -> Vec<(u32, u32)> {
        let mut spans: Vec<_> = play.asks().iter().map(|one| (one.peer, one.span)).collect();
        spans.sort_unstable();
        spans
    }

    #[test]
    fn the_rarest_is_asked_for_first() {
        let mut play = Play::new(&[B; 4]);
        play.partial(1, &[0, 1, 2]);
        play.partial(2, &[0, 1]);
        play.full(3);
        let asked = spans(&mut play);
        // Only the third has the last one; of the first two's, the one at 2 has one holder less.
        assert!(asked.contains(&(3, 3)) && asked.contains(&(1, 2)), "{asked:?}");
    }

    #[test]
    fn nothing_is_asked_of_a_peer_before_it_says_what_it_has() {
        let mut play = Play::new(&[B; 4]);
        play.schedule.peer_joined(1, play.now);
        assert_eq!(spans(&mut play), []);
        play.schedule.peer_has(1, 2, play.now);
        assert_eq!(spans(&mut play), [(1, 2)]);
        play.schedule.peer_has(1, 2, play.now);
        assert_eq!(spans(&mut play), []);
    }

    #[test]
    fn a_span_that_was_begun_is_finished_first() {
        let mut play = Play::new(&[S; 40]);
        play.schedule.already_have(30, 0b111);
        play.full(1);
        assert_eq!(spans(&mut play), [(1, 30)]);
    }

    #[test]
    fn the_one_that_would_bring_it_first_is_asked() {
        let mut play = Play::with_proven_peer(3);
        // The proven peer has a queue, a new one none; but that one begins small.
        assert_eq!(spans(&mut play), [(1, 1)]);
        play.full(2);
        let asked = play.asks();
        assert_eq!((asked[0].peer, asked[0].span, asked[0].blocks.clone()), (2, 2, 0..1));
    }

    #[test]
    fn partial_peers_are_not_all_asked_for_the_same() {
        let firsts = |seed| {
            let mut play = Play::new(&[B; 400]);
            play.schedule = super::Schedule::new(vec![B; 400], seed, play.now);
            play.full(1);
            for other in 2..6 {
                play.schedule.peer_joined(other, play.now);
            }
            spans(&mut play)[0].1
        };
        let firsts: std::collections::BTreeSet<u32> = (0..20).map(firsts).collect();
        assert!(firsts.len() > 10, "{firsts:?}");
        assert!(firsts.iter().all(|span| *span < 4 * super::SPREAD), "{firsts:?}");
    }
}
