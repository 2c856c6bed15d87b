//! One peer: what it was asked, how much it may be asked ahead.
//!
//! A peer is asked ahead for about twice what is under way between it and us, by its measured rate
//! and round trip. It begins small: one block, four, whole spans. So the first byte comes quickly,
//! and who sends something wrong has wasted little.
//!
//! Invariant: `outstanding` is the bytes of all blocks that its requests own; `live` is how many of
//! its requests are not cancelled.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{Mask, RequestNo, SpanNo, estimate::Estimate, pool::Has};
use crate::domain::blocks::{BLOCK, SPAN};

/// Bytes that one peer is asked for ahead, at most.
pub const MAX_AHEAD: u64 = 8 * 1024 * 1024;
/// Requests to one peer that are not answered yet, at most; those that were cancelled do not count.
pub const MAX_REQUESTS: usize = 256;
/// Cancelled requests of one peer that are remembered, in case it answers them all the same.
pub const MAX_CANCELLED: usize = 256;
/// Bytes asked of a peer that has sent nothing yet.
const FIRST: u64 = BLOCK;
/// Bytes asked of it after its first block.
const SECOND: u64 = 4 * BLOCK;
/// Seconds that one request should take a slow peer, at most. With the next one asked ahead it holds
/// twice that.
const REQUEST_TIME: f64 = 2.0;
/// Asked ahead beyond what is under way, in seconds: for pauses on this machine.
const SLACK: f64 = 0.02;

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It owns what it has not brought.
    Owning,
    /// The peer is late or serves others: it owns nothing, but what it brings is welcome.
    Parked,
    /// It was cancelled; the peer may not know yet.
    Cancelled,
}

/// A request to a peer.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) span: SpanNo,
    /// What it was asked for and has not sent.
    pub(super) coming: Mask,
    /// Of this, what is owned.
    pub(super) owned: Mask,
    pub(super) standing: Standing,
    pub(super) asked_at: Instant,
    /// Nothing was asked before it, nor did it wait for others: it measures the round trip.
    pub(super) alone: bool,
    pub(super) began: bool,
}

/// What a peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerState {
    /// It answers, or was not asked yet.
    Serving,
    /// It serves others first: so many are before us.
    Waiting(u32),
    /// It has been silent for too long.
    Stalled,
}

/// What a screen shows of a peer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeerView {
    /// Bytes per second while it sends; 0 while not measured.
    pub rate: u64,
    /// The round trip, when measured.
    pub rtt: Option<Duration>,
    /// Bytes asked for that it owes.
    pub outstanding: u64,
    /// What it does.
    pub state: PeerState,
}

/// A peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) has: Has,
    pub(super) state: PeerState,
    /// In the order in which they were asked, which is that of the answers.
    pub(super) requests: BTreeMap<RequestNo, Request>,
    pub(super) outstanding: u64,
    pub(super) live: usize,
    pub(super) estimate: Estimate,
    /// Bytes that it sent since it joined or stalled.
    pub(super) sent: u64,
    /// Its last sign of life, or when it was asked after it had nothing to do.
    pub(super) last_sign: Instant,
    /// Stalls since its last block.
    pub(super) stalls: u8,
    /// Answers without a block since its last block.
    pub(super) refusals: u8,
    /// The pool's epoch at which it had nothing that is missing.
    pub(super) nothing_at: Option<u64>,
    /// We do not take what it sends: whatever is late is not its fault.
    pub(super) held_up: bool,
    /// Bytes below which it is asked for more, kept because every poll wants it of every peer.
    target: u64,
}

impl Peer {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            has: Has::Nothing,
            state: PeerState::Serving,
            requests: BTreeMap::new(),
            outstanding: 0,
            live: 0,
            estimate: Estimate::default(),
            sent: 0,
            last_sign: now,
            stalls: 0,
            refusals: 0,
            nothing_at: None,
            held_up: false,
            target: FIRST,
        }
    }

    /// Whether it may be asked for more, if it has something that is missing.
    pub(super) fn may_be_asked(&self, epoch: u64) -> bool {
        if self.nothing_at == Some(epoch) || matches!(self.has, Has::Nothing) {
            return false;
        }
        match self.state {
            PeerState::Serving => self.live < MAX_REQUESTS && self.outstanding < self.target,
            // One request keeps the place in its queue.
            PeerState::Waiting(_) => self.live == 0,
            PeerState::Stalled => false,
        }
    }

    /// Takes over what was measured since.
    pub(super) fn measure(&mut self) {
        self.target = self.measured_target();
    }

    /// Whether what is kept is what was measured.
    pub(super) fn is_measured(&self) -> bool {
        self.target == self.measured_target()
    }

    fn measured_target(&self) -> u64 {
        match self.sent {
            0 => FIRST,
            sent if sent < FIRST + SECOND => SECOND,
            _ => {
                let rtt = self.estimate.rtt().unwrap_or_default().as_secs_f64();
                let rate = self.estimate.rate().unwrap_or_default();
                let under_way = (rate * (2.0 * rtt + SLACK)) as u64;
                // More than half a block short of the bound, or nothing would fit.
                under_way.max(self.part()).min(MAX_AHEAD - BLOCK + 1)
            }
        }
    }

    /// Bytes of one request, at most.
    fn part(&self) -> u64 {
        match self.estimate.rate() {
            Some(rate) => ((rate * REQUEST_TIME) as u64).clamp(BLOCK, SPAN),
            None => SPAN,
        }
    }

    /// Blocks of the next request, at most; at least one.
    pub(super) fn most_blocks(&self) -> u8 {
        let bytes = if self.sent < FIRST + SECOND {
            self.target.saturating_sub(self.outstanding)
        } else {
            self.part().min(MAX_AHEAD.saturating_sub(self.outstanding))
        };
        (bytes / BLOCK).clamp(1, 64) as u8
    }

    /// Seconds until it would have sent so many bytes more, after all that it owes.
    pub(super) fn time_for(&self, bytes: u64) -> f64 {
        self.estimate.time_for(self.outstanding + bytes)
    }

    /// Adds a request that owns these blocks, of so many bytes.
    pub(super) fn add(&mut self, number: RequestNo, request: Request, bytes: u64, now: Instant) {
        if self.live == 0 {
            self.last_sign = now;
        }
        self.live += 1;
        self.outstanding += bytes;
        self.requests.insert(number, request);
    }

    /// Takes a request out.
    pub(super) fn remove(&mut self, number: RequestNo) -> Option<Request> {
        let request = self.requests.remove(&number)?;
        if request.standing != Standing::Cancelled {
            self.less_live();
        }
        Some(request)
    }

    /// One of its requests is over or cancelled.
    pub(super) fn less_live(&mut self) {
        self.live -= 1;
        if self.live == 0 && self.state == PeerState::Stalled {
            // Nothing is left by which it could show that it is back, but to be asked again.
            self.state = PeerState::Serving;
        }
    }

    /// Some bytes are not owed any more.
    pub(super) fn relieve(&mut self, bytes: u64, now: Instant) {
        self.outstanding -= bytes;
        if self.outstanding == 0 {
            self.estimate.idle(now);
            self.measure();
        }
    }

    /// Forgets the oldest cancelled requests beyond what is remembered.
    pub(super) fn forget_cancelled(&mut self) {
        if self.requests.len() - self.live > MAX_CANCELLED {
            let is_cancelled = |entry: &(&u64, &Request)| entry.1.standing == Standing::Cancelled;
            let oldest = self.requests.iter().find(is_cancelled).map(|(number, _)| *number);
            oldest.and_then(|number| self.requests.remove(&number));
        }
    }

    pub(super) fn view(&self) -> PeerView {
        PeerView {
            rate: self.estimate.rate().unwrap_or_default() as u64,
            rtt: self.estimate.rtt(),
            outstanding: self.outstanding,
            state: self.state,
        }
    }
}

#[cfg(test)]
mod tests;
