//! The block scheduler: whom to ask for what, and when to think again.
//!
//! It owns the decisions of a fetch from many peers at once, and nothing else: no socket, no disk,
//! no clock. What happens is told to it, with the time; [`Schedule::poll`] says what to do. The same
//! inputs and seed give the same actions.
//!
//! The policy: rarest spans first, among equally rare ones in order (so that one full source gives
//! the file from front to back); the peer that would bring it soonest is asked; each peer is asked
//! ahead for what its bandwidth and delay need; at the end, what is expected last is asked for twice;
//! a peer that is silent loses its blocks within seconds.
//!
//! | file | owns |
//! | --- | --- |
//! | `spans` | which blocks are here, asked for, missing |
//! | `pool` | what is missing, in the order in which it is asked for |
//! | `peer`, `estimate` | how much a peer may be asked ahead |
//! | `requests` | what is asked of whom: claimed, settled, given back |
//! | `ask` | the next request |
//! | `endgame`, `reader` | second copies: at the end, and before a reader |
//! | `stall`, `sources` | peers that are silent; when to look for others |
//!
//! Invariant: **a wanted block is in exactly one of missing, asked (by one or two peers), here.** A
//! request that is parked (its peer is late, or serves others first) or cancelled owns nothing. All
//! of it is written down in [`Schedule::check`].

mod ask;
mod bits;
mod check;
mod endgame;
mod estimate;
mod mask;
mod peer;
mod pool;
mod reader;
mod requests;
mod sources;
mod spans;
mod stall;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    time::Instant,
};

use rand::{SeedableRng, rngs::StdRng};

use self::{bits::BitTree, peer::Peer, pool::Has, reader::Reader, sources::Sources, spans::Spans};
pub use self::{
    peer::{MAX_AHEAD, MAX_CANCELLED, MAX_REQUESTS, PeerState, PeerView},
    stall::{MAX_REFUSALS, MAX_STALLS, SILENCE},
};

/// A span's number within what is fetched: a content, or all files of a collection in a row.
pub type SpanNo = u32;
/// Blocks of one span, bit i = block i. A span has 1 to 64 blocks.
pub type Mask = u64;
/// A peer, as the caller numbers it; never reused.
pub type PeerNo = u32;
/// A request, numbered by the scheduler in the order of asking; never reused.
pub type RequestNo = u64;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Ask for consecutive blocks of one span.
    Ask {
        /// Whom.
        peer: PeerNo,
        /// The number of this request.
        request: RequestNo,
        /// Of which span.
        span: SpanNo,
        /// Which blocks.
        blocks: Range<u8>,
    },
    /// A request is not needed any more. The peer may still answer it: what is not here by then is
    /// taken, the rest are duplicates.
    Cancel {
        /// Who was asked.
        peer: PeerNo,
        /// The request.
        request: RequestNo,
    },
    /// Close the conversation. The scheduler has forgotten the peer already.
    Drop {
        /// With whom.
        peer: PeerNo,
        /// Why.
        why: DropReason,
    },
    /// Sources run low: look for more.
    FindSources,
}

/// Why a conversation is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// It gave no sign of life for [`SILENCE`] while it was asked for something.
    Silent,
    /// It gives signs of life, but no block: it stalled or refused too often in a row.
    NoProgress,
}

/// Why an answer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was answered in full.
    Complete,
    /// The peer has not what was asked for.
    Missing,
    /// It was cancelled, by us or by the peer.
    Cancelled,
}

/// A fetch from many peers.
#[derive(Debug)]
pub struct Schedule {
    spans: Spans,
    peers: BTreeMap<PeerNo, Peer>,
    next_request: RequestNo,
    /// Decided, but not told yet.
    actions: VecDeque<Action>,
    reader: Reader,
    sources: Sources,
    /// Nobody stalls before.
    attend_at: Instant,
    /// When a look for second copies may be worthwhile again, after one that found none.
    look_again: Option<Instant>,
    rng: StdRng,
    /// The latest time that was told, for inputs that come without one.
    now: Instant,
}

impl Schedule {
    /// Begins a fetch of spans of these lengths, each 1 to [`SPAN`](crate::domain::blocks::SPAN)
    /// bytes. The seed is for what is left to chance. It is taken that sources were just looked for.
    #[must_use]
    pub fn new(lengths: Vec<u32>, seed: u64, now: Instant) -> Self {
        Self {
            spans: Spans::new(lengths),
            peers: BTreeMap::new(),
            next_request: 0,
            actions: VecDeque::new(),
            reader: Reader::default(),
            sources: Sources::new(now),
            attend_at: now,
            look_again: None,
            rng: StdRng::seed_from_u64(seed),
            now,
        }
    }

    /// These blocks are here, from an earlier time or from elsewhere.
    pub fn already_have(&mut self, span: SpanNo, blocks: Mask) {
        let asked = self.spans.active(span).map_or(0, |active| active.asked & blocks);
        for block in 0..64 {
            if asked & mask::bit(block) != 0 {
                self.settle(span, mask::bit(block));
            }
        }
        self.spans.keep(span, blocks);
    }

    /// Blocks that arrived could not be kept, or were found damaged: they are wanted again.
    pub fn lost(&mut self, span: SpanNo, blocks: Mask) {
        self.spans.lose(span, blocks);
    }

    /// Says whether a span is wanted; all are until then. What is under way of a span that is not
    /// is cancelled.
    pub fn set_wanted(&mut self, span: SpanNo, wanted: bool) {
        if self.spans.set_wanted(span, wanted) && !wanted {
            self.cancel_all_of(span);
        }
    }

    /// A reader stands at this span: what lies ahead of it comes first, in order, and what is late
    /// there is asked for twice. `None`: nobody reads.
    pub fn set_reader(&mut self, at: Option<SpanNo>) {
        if self.reader.set(at) {
            self.cancel_far_from_reader();
        }
        self.look_again = None;
    }

    /// A peer joined; what it has is not known yet.
    pub fn peer_joined(&mut self, peer: PeerNo, now: Instant) {
        self.at(now);
        self.peers.entry(peer).or_insert_with(|| Peer::new(now));
        self.sources.joined();
    }

    /// A peer has everything.
    pub fn peer_has_all(&mut self, peer: PeerNo, now: Instant) {
        self.at(now);
        self.set_has(peer, Has::All);
    }

    /// A peer has one more span, the whole of it.
    pub fn peer_has(&mut self, peer: PeerNo, span: SpanNo, now: Instant) {
        self.at(now);
        let Some(known) = self.peers.get_mut(&peer) else { return };
        if matches!(known.has, Has::Nothing) {
            known.has = Has::Some(BitTree::new(self.spans.count()));
        }
        if let Has::Some(set) = &mut known.has
            && set.insert(span)
        {
            self.spans.gained(span);
            known.nothing_at = None;
            self.look_again = None;
        }
    }

    /// A peer left. What it was asked for and did not bring goes back.
    pub fn peer_left(&mut self, peer: PeerNo, now: Instant) {
        self.at(now);
        self.forget(peer);
    }

    /// A peer tells that it serves `ahead` others before us; 0: it serves us. What it was asked for
    /// goes back without blame; its requests keep their place.
    pub fn peer_waits(&mut self, peer: PeerNo, ahead: u32, now: Instant) {
        self.at(now);
        if ahead == 0 {
            self.revive(peer);
        } else {
            self.park(peer, PeerState::Waiting(ahead));
        }
        if let Some(known) = self.peers.get_mut(&peer) {
            known.last_sign = self.now;
        }
    }

    /// We do not take what a peer sends, because of a limit of ours or a slow disk, until we do
    /// again: meanwhile its silence is our doing.
    pub fn hold_up(&mut self, peer: PeerNo, held_up: bool, now: Instant) {
        self.at(now);
        if let Some(known) = self.peers.get_mut(&peer) {
            known.held_up = held_up;
            known.last_sign = self.now;
        }
    }

    /// The proof of a request came and is right: the first sign of life for it.
    pub fn answer_began(&mut self, peer: PeerNo, request: RequestNo, now: Instant) {
        self.at(now);
        self.begin(peer, request);
    }

    /// A verified block came. Whether it is news; else it is a duplicate, or not wanted, and is to
    /// be dropped.
    pub fn block_arrived(
        &mut self,
        peer: PeerNo,
        request: RequestNo,
        block: u8,
        now: Instant,
    ) -> bool {
        self.at(now);
        self.take(peer, request, mask::bit(block))
    }

    /// An answer is over: it was answered in full, or refused. What did not come goes back.
    pub fn answer_ended(&mut self, peer: PeerNo, request: RequestNo, why: Ended, now: Instant) {
        self.at(now);
        self.end(peer, request, why);
    }

    /// What to do next. To be called until there is nothing more after every input, and at
    /// [`next_wake`](Self::next_wake).
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        self.at(now);
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if self.is_complete() {
            self.cancel_everything();
            return self.actions.pop_front();
        }
        self.attend_to_stalls();
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        self.next_ask().or_else(|| self.second_copy()).or_else(|| self.find_sources())
    }

    /// When to poll again, if nothing happens before; later than the last poll that said nothing.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        if self.is_complete() {
            return None;
        }
        let stall = self.peers.values().filter_map(Peer::next_stall).min();
        [stall, self.look_again, self.next_find()].into_iter().flatten().min()
    }

    /// Whether everything wanted is here.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.spans.is_done()
    }

    /// The blocks of a span that are here.
    #[must_use]
    pub fn have(&self, span: SpanNo) -> Mask {
        self.spans.have(span)
    }

    /// Bytes that are wanted and here.
    #[must_use]
    pub fn bytes_done(&self) -> u64 {
        self.spans.bytes_done()
    }

    /// Bytes that are wanted.
    #[must_use]
    pub fn bytes_wanted(&self) -> u64 {
        self.spans.bytes_wanted()
    }

    /// A peer as a screen shows it.
    #[must_use]
    pub fn peer_view(&self, peer: PeerNo) -> Option<PeerView> {
        self.peers.get(&peer).map(Peer::view)
    }

    /// Time never goes back, even if two clocks that tell it disagree a little.
    fn at(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn set_has(&mut self, peer: PeerNo, has: Has) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        match std::mem::replace(&mut known.has, has) {
            Has::Nothing => {}
            Has::Some(set) => set.iter().for_each(|span| self.spans.forgone(span)),
            Has::All => self.spans.count_full(-1),
        }
        match &known.has {
            Has::Nothing => {}
            Has::Some(set) => set.iter().for_each(|span| self.spans.gained(span)),
            Has::All => self.spans.count_full(1),
        }
        known.nothing_at = None;
        self.look_again = None;
    }
}
