//! A reader of what is still arriving: what it needs next comes first.
//!
//! [`Schedule::choose`](super::Schedule) asks for what lies ahead of it in order; here, what is late
//! in the next few spans is asked for a second time before the end.

use std::ops::Range;

use super::{
    Mask, PeerNo, RequestNo, Schedule, SpanNo,
    endgame::share,
    peer::{MAX_AHEAD, MAX_REQUESTS, Peer, PeerState},
};
use crate::domain::blocks::BLOCK;

/// The spans ahead of a reader that are urgent.
const URGENT: u32 = 4;
/// What lies further than this from a reader that jumped is not waited for.
pub(super) const FAR: u32 = 64;
/// Seconds within which a span is not late, whoever could bring it sooner.
const NOT_LATE: f64 = 0.5;

/// Where somebody reads.
#[derive(Debug, Default)]
pub(super) struct Reader {
    at: Option<SpanNo>,
}

impl Reader {
    pub(super) fn at(&self) -> Option<SpanNo> {
        self.at
    }

    /// Moves it; whether it jumped.
    pub(super) fn set(&mut self, at: Option<SpanNo>) -> bool {
        let before = std::mem::replace(&mut self.at, at);
        match (before, at) {
            (Some(before), Some(at)) => !(before..=before.saturating_add(URGENT)).contains(&at),
            _ => at.is_some(),
        }
    }
}

impl Schedule {
    /// What a reader needs soon and would have sooner from another peer.
    pub(super) fn late_for_reader(&self) -> Option<(PeerNo, SpanNo, Range<u8>)> {
        let at = self.reader.at()?;
        (at..at.saturating_add(URGENT)).find_map(|span| {
            let owners = &self.spans.active(span)?.owners;
            owners.iter().find_map(|((owner, request), _)| self.sooner(span, *owner, *request))
        })
    }

    fn sooner(
        &self,
        span: SpanNo,
        late: PeerNo,
        number: RequestNo,
    ) -> Option<(PeerNo, SpanNo, Range<u8>)> {
        let owner = self.peers.get(&late)?;
        let once: Mask = self.owned_once(owner.requests.get(&number)?);
        let before = owner.requests.range(..=number);
        let bytes = before.map(|(_, request)| self.spans.bytes(request.span, request.owned)).sum();
        let left = self.seconds_left(owner, bytes);
        if once == 0 || left < NOT_LATE {
            return None;
        }
        let has_room = |peer: &Peer| {
            peer.state == PeerState::Serving
                && peer.live < MAX_REQUESTS
                && peer.outstanding + BLOCK <= MAX_AHEAD
                && peer.has.contains(span)
        };
        let others = self.peers.iter().filter(|(other, peer)| **other != late && has_room(peer));
        let timed = others.map(|(other, peer)| (peer.time_for(BLOCK), *other, peer));
        let (_, other, helper) = timed.min_by(|one, two| one.0.total_cmp(&two.0))?;
        share(helper, owner, once, left).map(|blocks| (other, span, blocks))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, tests::Play};
    use super::FAR;

    #[test]
    fn what_lies_ahead_of_a_reader_comes_first() {
        let mut play = Play::with_proven_peer(8);
        play.schedule.set_reader(Some(7));
        let mut order = Vec::new();
        for _ in 0..8 {
            for one in play.asks() {
                order.push(one.span);
                play.answer(&one, 1);
            }
        }
        order.dedup();
        assert_eq!(order, [7, 8, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_jump_cancels_what_is_far_and_did_not_begin() {
        let mut play = Play::with_proven_peer(200);
        let first = play.asks();
        play.schedule.set_reader(Some(0));
        assert_eq!(play.actions(), []);
        play.schedule.set_reader(Some(1 + FAR));
        let actions = play.actions();
        assert_eq!(actions[0], Action::Cancel { peer: 1, request: first[0].request });
        assert!(matches!(&actions[1], Action::Ask { span, .. } if *span == 1 + FAR));
    }

    #[test]
    fn what_is_late_for_a_reader_is_asked_for_twice_before_the_end() {
        let mut play = Play::with_proven_peer(20);
        play.schedule.set_reader(Some(1));
        let first = play.asks();
        assert_eq!(first[0].span, 1);
        play.full(2);
        for one in play.asks() {
            play.pass(1);
            play.answer(&one, 0);
        }
        let copies = play.asks();
        assert!(copies.iter().any(|one| one.peer == 2 && one.span == 1), "{copies:?}");
    }
}
