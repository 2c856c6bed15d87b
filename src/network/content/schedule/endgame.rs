//! Second copies at the end: what is expected last is asked of a peer that has nothing to do.
//!
//! Only when nothing is missing that any peer has, and only when it brings the end nearer: the idle
//! peer takes the last blocks of the request that is expected last, as many as it would bring while
//! the other brings those before. Who brings a block second is cancelled.
//!
//! Never more than two copies of a block.

use std::{ops::Range, time::Duration};

use super::{
    Action, Mask, PeerNo, Schedule, SpanNo, mask,
    peer::{Peer, PeerState, Request},
};
use crate::domain::blocks::BLOCK;

/// After a look that found nothing worthwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A single block is asked for twice if that takes less than this share of what the other needs.
const WORTHWHILE: f64 = 0.5;

impl Schedule {
    /// Asks for something a second time, if that is worthwhile.
    pub(super) fn second_copy(&mut self) -> Option<Action> {
        if self.look_again.is_some_and(|at| self.now < at) {
            return None;
        }
        if let Some((peer, span, blocks)) = self.late_for_reader().or_else(|| self.last()) {
            return self.ask(peer, span, blocks);
        }
        let is_any_asked = self.peers.values().any(|peer| peer.outstanding > 0);
        let is_any_idle = !self.spans.pool().has_held() && self.peers.values().any(is_idle);
        let may_change = is_any_asked && (is_any_idle || self.reader.at().is_some());
        self.look_again = may_change.then(|| self.now + LOOK_EVERY);
        None
    }

    /// What is expected last, and who should bring it too.
    fn last(&self) -> Option<(PeerNo, SpanNo, Range<u8>)> {
        if self.spans.pool().has_held() {
            return None;
        }
        let mut idle: Vec<(f64, PeerNo)> = self
            .peers
            .iter()
            .filter(|(_, peer)| is_idle(peer))
            .map(|(number, peer)| (peer.time_for(BLOCK), *number))
            .collect();
        idle.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut busy: Vec<(f64, PeerNo)> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.outstanding > 0)
            .map(|(number, peer)| (self.seconds_left(peer, peer.outstanding), *number))
            .collect();
        busy.sort_by(|one, other| other.0.total_cmp(&one.0));
        let pairs = idle.iter().flat_map(|free| busy.iter().map(move |late| (free.1, late.1)));
        pairs.into_iter().find_map(|(free, late)| self.help(free, late))
    }

    /// What of a peer's requests an idle one should bring too, from the last one on.
    fn help(&self, free: PeerNo, late: PeerNo) -> Option<(PeerNo, SpanNo, Range<u8>)> {
        let (helper, owner) = (self.peers.get(&free)?, self.peers.get(&late)?);
        let mut before = owner.outstanding;
        for request in owner.requests.values().rev() {
            let once = self.owned_once(request);
            if once != 0 && helper.has.contains(request.span) {
                let left = self.seconds_left(owner, before);
                return share(helper, owner, once, left).map(|blocks| (free, request.span, blocks));
            }
            before -= self.spans.bytes(request.span, request.owned);
        }
        None
    }

    /// Blocks that a request owns alone.
    pub(super) fn owned_once(&self, request: &Request) -> Mask {
        let twice = self.spans.active(request.span).map_or(0, |active| active.twice);
        request.owned & !twice
    }

    /// Seconds until a peer has sent the first so many bytes of what it owes. Silence counts: who
    /// says nothing is not as near the end as his speed of yesterday promises.
    pub(super) fn seconds_left(&self, peer: &Peer, bytes: u64) -> f64 {
        let silent = self.now.saturating_duration_since(peer.last_sign).as_secs_f64();
        peer.estimate.time_to_send(bytes) + silent
    }
}

fn is_idle(peer: &Peer) -> bool {
    peer.state == PeerState::Serving && peer.outstanding == 0
}

/// The last blocks of what another owns alone: as many as are here when the other has brought those
/// before them.
pub(super) fn share(helper: &Peer, owner: &Peer, once: Mask, left: f64) -> Option<Range<u8>> {
    let start = helper.time_for(0);
    let (own, other) = (helper.estimate.time_to_send(BLOCK), owner.estimate.time_to_send(BLOCK));
    let even = ((left - start) / (own + other)).floor();
    let most = f64::from(helper.most_blocks());
    if even >= 1.0 {
        return Some(mask::last_run(once, even.min(most) as u8));
    }
    (start + own < left * WORTHWHILE).then(|| mask::last_run(once, 1))
}

#[cfg(test)]
mod tests {
    use super::super::{Action, tests::Play};

    /// One span is left, and a slow peer was asked for some of it.
    fn last_span() -> (Play, super::super::tests::Asked) {
        let mut play = Play::with_proven_peer(1);
        let asked = play.asks();
        assert_eq!((asked.len(), asked[0].span), (1, 1));
        (play, asked[0].clone())
    }

    #[test]
    fn the_last_blocks_are_asked_for_twice_and_the_loser_is_cancelled() {
        let (mut play, slow) = last_span();
        play.begin(&slow);
        play.full(2);
        let copies = play.asks();
        assert_eq!((copies.len(), copies[0].peer, copies[0].blocks.clone()), (1, 2, 63..64));
        play.pass(1);
        play.full(3);
        let more = play.asks();
        assert_eq!((more[0].peer, more[0].blocks.clone()), (3, 62..63), "never three copies");
        for block in 0..62 {
            assert!(play.block(&slow, block));
        }
        assert!(play.answer(&copies[0], 0) && play.answer(&more[0], 0));
        assert!(play.schedule.is_complete());
        assert_eq!(play.actions(), [Action::Cancel { peer: 1, request: slow.request }]);
        assert!(!play.block(&slow, 62), "a duplicate");
    }

    #[test]
    fn there_are_no_second_copies_before_the_end() {
        let mut play = Play::with_proven_peer(3);
        play.asks();
        play.partial(2, &[1]);
        assert_eq!(play.asks(), [], "others are still missing");
    }

    #[test]
    fn what_would_not_come_sooner_is_not_asked_for_twice() {
        let (mut play, fast) = last_span();
        play.full(2);
        play.asks();
        play.begin(&fast);
        for block in 0..62 {
            play.block(&fast, block);
        }
        // One block of a fast peer is left; a new one is 100 ms away, for all that is known.
        play.full(3);
        assert_eq!(play.asks(), []);
    }

    #[test]
    fn copies_of_one_that_leaves_stay_with_the_other() {
        let (mut play, slow) = last_span();
        play.full(2);
        let copy = play.asks();
        play.schedule.peer_left(1, play.now);
        let again = play.asks();
        let blocks: Vec<_> = again.iter().map(|one| one.blocks.clone()).collect();
        assert!(!blocks.contains(&copy[0].blocks), "{blocks:?}");
        assert!(!play.block(&slow, 0), "it is gone");
        assert!(play.answer(&copy[0], 1));
    }
}
