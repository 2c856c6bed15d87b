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
        let is_due = |peer: &Peer| peer.next_stall().is_some_and(|at| at <= now);
        let needs = |peer: &Peer| is_due(peer) || peer.verdict(now).is_some();
        let due = self.peers.iter().filter(|(_, peer)| needs(peer)).map(|(number, _)| *number);
        let due: Vec<PeerNo> = due.collect();
        for number in due {
            self.attend_to(number);
        }
    }

    fn attend_to(&mut self, number: PeerNo) {
        let Some(peer) = self.peers.get_mut(&number) else { return };
        if peer.state == PeerState::Serving && peer.next_stall().is_some_and(|at| at <= self.now) {
            peer.stalls += 1;
            peer.sent = 0;
            peer.estimate.forget_rate();
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
