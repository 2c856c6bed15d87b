//! Peers that are silent, slow down, or refuse everything.
//!
//! A peer that owes something and is silent for a moment loses it at once, but not its connection:
//! what it brings late is welcome. One that stays silent, or gives signs of life but no block, is
//! dropped.

use std::time::{Duration, Instant};

use super::{
    Action, DropReason, PeerNo, RequestNo, Schedule,
    peer::{Peer, PeerState, Standing},
};
use crate::domain::blocks::BLOCK;

/// A peer that owes something is late when it was silent for so long.
const LATE: Duration = Duration::from_secs(2);
/// Or for so many round trips, if that is longer.
const LATE_ROUND_TRIPS: u32 = 8;
/// Or for so many times what one block takes at its rate, if that is longer: it is slow, not silent.
const LATE_BLOCKS: f64 = 2.0;
/// But never longer than this.
const LATEST: Duration = Duration::from_secs(10);
/// A peer that was asked for something and is silent for so long is dropped.
pub const SILENCE: Duration = Duration::from_secs(30);
/// Stalls in a row without a block between them after which a peer is dropped.
pub const MAX_STALLS: u8 = 3;
/// Answers in a row without a block after which a peer is dropped.
pub const MAX_REFUSALS: u8 = 64;
/// Seconds of work beyond which a peer that became slow is relieved of what it did not begin.
const TOO_MUCH: f64 = 8.0;

impl Peer {
    /// How long it may be silent while it owes something.
    fn patience(&self) -> Duration {
        let trips = self.estimate.rtt().map_or(LATE, |rtt| rtt * LATE_ROUND_TRIPS);
        let block = self.estimate.rate().map_or(0.0, |rate| BLOCK as f64 / rate * LATE_BLOCKS);
        let block = Duration::try_from_secs_f64(block).unwrap_or(LATEST);
        LATE.max(trips).max(block).min(LATEST)
    }

    /// When it will have stalled, or been silent for too long, if it goes on saying nothing.
    pub(super) fn next_stall(&self) -> Option<Instant> {
        match self.state {
            _ if self.held_up => None,
            PeerState::Serving if self.outstanding > 0 => Some(self.last_sign + self.patience()),
            PeerState::Stalled if self.live > 0 => Some(self.last_sign + SILENCE),
            _ => None,
        }
    }

    /// Whether it must go.
    fn verdict(&self, now: Instant) -> Option<DropReason> {
        if self.stalls >= MAX_STALLS || self.refusals >= MAX_REFUSALS {
            return Some(DropReason::NoProgress);
        }
        let is_silent = self.state == PeerState::Stalled
            && !self.held_up
            && self.live > 0
            && now.saturating_duration_since(self.last_sign) >= SILENCE;
        is_silent.then_some(DropReason::Silent)
    }
}

impl Schedule {
    /// Takes from peers that are late what they owe, and drops those that are of no use.
    pub(super) fn attend_to_stalls(&mut self) {
        let now = self.now;
        if now < self.attend_at {
            return;
        }
        let is_due = |peer: &Peer| peer.next_stall().is_some_and(|at| at <= now);
        let needs = |peer: &Peer| is_due(peer) || peer.verdict(now).is_some();
        let due = self.peers.iter().filter(|(_, peer)| needs(peer)).map(|(number, _)| *number);
        let due: Vec<PeerNo> = due.collect();
        for number in due {
            self.attend_to(number);
        }
        // Whoever is asked or gives a sign of life later than now has at least this long from then.
        let next = self.peers.values().filter_map(Peer::next_stall).min();
        self.attend_at = next.map_or(now + LATE, |at| at.min(now + LATE));
    }

    fn attend_to(&mut self, number: PeerNo) {
        let Some(peer) = self.peers.get_mut(&number) else { return };
        if peer.state == PeerState::Serving && peer.next_stall().is_some_and(|at| at <= self.now) {
            peer.stalls += 1;
            peer.sent = 0;
            peer.estimate.forget_rate();
            peer.measure();
            self.park(number, PeerState::Stalled);
        }
        let verdict = self.peers.get(&number).and_then(|peer| peer.verdict(self.now));
        if let Some(why) = verdict {
            self.forget(number);
            self.actions.push_back(Action::Drop { peer: number, why });
        }
    }

    /// Relieves a peer that became slow of what it did not begin.
    pub(super) fn shed(&mut self, number: PeerNo) {
        while let Some(request) = self.too_much(number) {
            self.cancel(number, request);
        }
    }

    fn too_much(&self, number: PeerNo) -> Option<RequestNo> {
        let peer = self.peers.get(&number)?;
        peer.estimate.rate().filter(|_| peer.estimate.time_to_send(peer.outstanding) > TOO_MUCH)?;
        let is_waiting = |entry: &(&u64, &super::peer::Request)| {
            entry.1.standing == Standing::Owning && !entry.1.began
        };
        peer.requests.iter().skip(1).rev().find(is_waiting).map(|(request, _)| *request)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Action, DropReason, Ended, PeerState,
        tests::{B, Play, S},
    };
    use super::*;

    fn state(play: &Play, peer: PeerNo) -> Option<PeerState> {
        play.schedule.peer_view(peer).map(|view| view.state)
    }

    #[test]
    fn a_silent_peer_loses_its_blocks_but_may_bring_them_late() {
        let mut play = Play::new(&[3 * B]);
        play.full(1);
        let asked = play.asks();
        assert_eq!(play.schedule.next_wake(), Some(play.now + LATE));
        play.pass(2_000);
        assert_eq!(play.asks(), []);
        assert_eq!(state(&play, 1), Some(PeerState::Stalled));
        assert_eq!(play.schedule.spans.missing(0), 0b111);
        play.pass(5_000);
        assert!(play.block(&asked[0], 0), "late, and welcome");
        assert_eq!(state(&play, 1), Some(PeerState::Serving));
        assert_eq!(play.asks().len(), 1, "it is asked again");
    }

    #[test]
    fn what_others_were_asked_for_meanwhile_is_not_taken_from_them() {
        let mut play = Play::with_proven_peer(2);
        let late = play.asks();
        play.pass(2_000);
        play.actions();
        play.full(2);
        let others = play.asks();
        assert_eq!((others[0].span, others[0].blocks.clone()), (1, 0..1));
        play.begin(&late[0]);
        assert_eq!(play.schedule.peers[&1].requests[&late[0].request].owned, !1);
        assert!(play.block(&late[0], 0), "and yet who brings it first, wins");
        let cancel = Action::Cancel { peer: 2, request: others[0].request };
        assert!(play.actions().contains(&cancel));
        assert!(!play.block(&others[0], 0), "a duplicate");
    }

    #[test]
    fn one_that_stays_silent_is_dropped() {
        let mut play = Play::new(&[3 * B]);
        play.full(1);
        play.asks();
        play.pass(2_000);
        play.actions();
        play.pass(27_999);
        assert!(!play.actions().iter().any(|action| matches!(action, Action::Drop { .. })));
        play.pass(1);
        assert_eq!(play.actions()[0], Action::Drop { peer: 1, why: DropReason::Silent });
        assert_eq!(state(&play, 1), None);
    }

    #[test]
    fn one_that_only_begins_is_dropped_at_its_third_stall() {
        let mut play = Play::new(&[3 * B]);
        play.full(1);
        let asked = play.asks();
        for _ in 0..2 {
            play.begin(&asked[0]);
            play.pass(2_000);
            assert_eq!(play.actions(), []);
        }
        play.begin(&asked[0]);
        play.pass(2_000);
        assert_eq!(play.actions()[0], Action::Drop { peer: 1, why: DropReason::NoProgress });
    }

    #[test]
    fn a_block_between_two_stalls_makes_good() {
        let mut play = Play::new(&[9 * B]);
        play.full(1);
        while !play.schedule.is_complete() {
            let asked = play.asks();
            play.pass(2_500);
            play.actions();
            assert!(play.answer(&asked[0], 0));
        }
    }

    #[test]
    fn one_that_refuses_everything_is_dropped() {
        let mut play = Play::new(&[1; 200]);
        play.full(1);
        let mut dropped = false;
        for _ in 0..200 {
            for one in play.asks() {
                play.schedule.answer_ended(1, one.request, Ended::Cancelled, play.now);
            }
            dropped |= state(&play, 1).is_none();
        }
        assert!(dropped);
    }

    #[test]
    fn what_a_peer_has_not_is_not_asked_of_it_again() {
        let mut play = Play::new(&[B, B]);
        play.full(1);
        let asked = play.asks();
        assert_eq!(asked[0].span, 0);
        play.schedule.answer_ended(1, asked[0].request, Ended::Missing, play.now);
        assert_eq!(play.asks()[0].span, 1);
        play.schedule.peer_has(1, 0, play.now);
        assert_eq!(play.schedule.peers[&1].has.next_of(2), [0, 1]);
    }

    #[test]
    fn one_that_waits_gives_back_without_blame_and_keeps_its_place() {
        let mut play = Play::with_proven_peer(1);
        let asked = play.asks();
        play.schedule.peer_waits(1, 3, play.now);
        assert_eq!(play.actions(), []);
        assert_eq!(state(&play, 1), Some(PeerState::Waiting(3)));
        assert_eq!(play.schedule.spans.missing(1), u64::MAX);
        for _ in 0..100 {
            play.pass(10_000);
            let actions = play.actions();
            assert!(actions.iter().all(|action| *action == Action::FindSources), "{actions:?}");
        }
        play.schedule.peer_waits(1, 0, play.now);
        assert_eq!(state(&play, 1), Some(PeerState::Serving));
        assert_eq!(play.schedule.spans.missing(1), 0);
        assert!(play.answer(&asked[0], 1));
    }

    #[test]
    fn one_that_waits_before_it_was_asked_gets_a_request_to_keep_its_place() {
        let mut play = Play::new(&[S]);
        play.schedule.peer_joined(1, play.now);
        play.schedule.peer_waits(1, 2, play.now);
        play.schedule.peer_has_all(1, play.now);
        let place = play.asks();
        assert_eq!(place.len(), 1);
        assert_eq!(play.schedule.spans.missing(0), u64::MAX, "it owns nothing");
        assert!(play.block(&place[0], 0), "what it brings is taken all the same");
    }

    #[test]
    fn one_that_became_slow_is_relieved_of_what_it_did_not_begin() {
        let mut play = Play::with_proven_peer(9);
        let mut asked = play.asks();
        play.begin(&asked[0]);
        play.block(&asked[0], 0);
        asked.extend(play.asks());
        assert_eq!(asked.len(), 2);
        let mut cancelled = Vec::new();
        for block in 1..40 {
            play.pass(1_500);
            play.block(&asked[0], block);
            cancelled.extend(play.actions());
        }
        assert!(cancelled.contains(&Action::Cancel { peer: 1, request: asked[1].request }));
        assert_eq!(state(&play, 1), Some(PeerState::Serving), "slow, not silent");
    }
}
