//! [`SlotTable`]: which conversations may send now, and which is next.
//!
//! What counts is the peer, not how many conversations it holds: next is the one of the peer with
//! the fewest slots, and among those, of the peer that was served longest ago. Whoever has had its
//! quantum makes way while others wait, and so does at once who holds two slots more than one that
//! waits: a peer that opens many streams gains nothing by it.
//!
//! Pure: the time is a parameter. Invariant: a ticket waits, holds a slot, finishes without one, or
//! is gone; no more hold a slot than there are, unless there were more when they were granted.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

/// Bytes that a conversation may send in a slot while others wait.
pub const QUANTUM: u64 = 16 << 20;
/// How long it may hold the slot while others wait.
pub const QUANTUM_TIME: Duration = Duration::from_secs(10);
/// The most slots that can be set: each holds two spans in memory.
pub const MAX_SLOTS: usize = 64;
/// Conversations that may be in the middle of an answer without a slot, because their peer takes
/// nothing: each holds a span in memory.
pub const MAX_FINISHING: usize = 32;
/// Such conversations that one peer may have; a further one is cut off.
pub const MAX_FINISHING_OF_PEER: usize = 4;
/// Peers of whom it is remembered when they were served. Who is forgotten counts as new.
pub const MAX_REMEMBERED: usize = 1_024;

/// Names a conversation from when it asks for a slot until it is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// How many there are, to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotCounts {
    /// Conversations that send.
    pub active: usize,
    /// Conversations that wait to.
    pub waiting: usize,
}

/// Who holds slots and who waits for one.
#[derive(Debug)]
pub struct SlotTable {
    slots: usize,
    tickets: HashMap<Ticket, Entry>,
    /// When each peer was served last, by the number of the turn.
    served: HashMap<PeerId, u64>,
    tickets_given: u64,
    turns: u64,
}

/// What becomes of a conversation that keeps its slot for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outstayed {
    /// It finishes its answer without a slot.
    Finishes,
    /// It keeps the slot, since too many finish without one already.
    Stays,
    /// It is ended, since its peer has too many of these.
    IsCutOff,
}

#[derive(Debug)]
struct Entry {
    peer: PeerId,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    Holding { since: Instant, sent: u64 },
    Finishing,
}

/// The place in the queue: the lowest is next.
type Rank = (usize, u64, Ticket);

impl SlotTable {
    /// A table of so many slots, between one and [`MAX_SLOTS`].
    #[must_use]
    pub fn new(slots: usize) -> Self {
        let (tickets, served) = (HashMap::new(), HashMap::new());
        let mut table = Self { slots: 1, tickets, served, tickets_given: 0, turns: 0 };
        table.set(slots);
        table
    }

    /// Sets the number of slots, between one and [`MAX_SLOTS`]. Those over it make way at their
    /// next answer.
    pub fn set(&mut self, slots: usize) {
        self.slots = slots.clamp(1, MAX_SLOTS);
    }

    /// A conversation with a peer has something to send.
    pub fn ask(&mut self, peer: PeerId) -> Ticket {
        let ticket = Ticket(self.tickets_given);
        self.tickets_given += 1;
        self.tickets.insert(ticket, Entry { peer, state: State::Waiting });
        ticket
    }

    /// Gives a free slot to whoever is next; `None` when there is no slot or nobody waits.
    pub fn grant(&mut self, now: Instant) -> Option<Ticket> {
        let next = if self.holding() < self.slots { self.next() } else { None };
        let entry = self.tickets.get_mut(&next?)?;
        entry.state = State::Holding { since: now, sent: 0 };
        let peer = entry.peer;
        self.note_served(peer);
        next
    }

    /// A conversation has sent some more bytes.
    pub fn sent(&mut self, ticket: Ticket, bytes: u64) {
        if let Some(Entry { state: State::Holding { sent, .. }, .. }) =
            self.tickets.get_mut(&ticket)
        {
            *sent = sent.saturating_add(bytes);
        }
    }

    /// Whether a conversation should give its slot back before its next answer, or has none. `more`
    /// bytes count as sent already.
    #[must_use]
    pub fn is_over(&self, ticket: Ticket, more: u64, now: Instant) -> bool {
        let Some(Entry { peer, state: State::Holding { since, sent } }) = self.tickets.get(&ticket)
        else {
            return true;
        };
        let Some(next) = self.next().and_then(|next| self.tickets.get(&next)) else {
            return self.holding() > self.slots;
        };
        self.holding() > self.slots
            || sent.saturating_add(more) >= QUANTUM
            || now.saturating_duration_since(*since) >= QUANTUM_TIME
            || self.held_by(peer) > self.held_by(&next.peer) + 1
    }

    /// The end of a conversation's quantum of time.
    #[must_use]
    pub fn ends(&self, ticket: Ticket) -> Option<Instant> {
        match self.tickets.get(&ticket)?.state {
            State::Holding { since, .. } => Some(since + QUANTUM_TIME),
            State::Waiting | State::Finishing => None,
        }
    }

    /// What becomes of a conversation in the middle of an answer, whose peer takes nothing while
    /// others wait.
    pub fn outstay(&mut self, ticket: Ticket) -> Outstayed {
        let Some(Entry { peer, state: State::Holding { .. } }) = self.tickets.get(&ticket) else {
            return Outstayed::Finishes;
        };
        let peer = *peer;
        let finishing = |entry: &&Entry| matches!(entry.state, State::Finishing);
        let finishing = self.tickets.values().filter(finishing);
        if finishing.clone().filter(|entry| entry.peer == peer).count() >= MAX_FINISHING_OF_PEER {
            return Outstayed::IsCutOff;
        }
        if finishing.count() >= MAX_FINISHING {
            return Outstayed::Stays;
        }
        self.tickets.insert(ticket, Entry { peer, state: State::Finishing });
        self.note_served(peer);
        Outstayed::Finishes
    }

    /// A conversation has nothing to send any more, or gives way.
    pub fn leave(&mut self, ticket: Ticket) {
        let Some(entry) = self.tickets.remove(&ticket) else { return };
        if matches!(entry.state, State::Holding { .. }) {
            self.note_served(entry.peer);
        }
    }

    /// How many are served before a conversation that waits; `None` if it does not.
    #[must_use]
    pub fn ahead(&self, ticket: Ticket) -> Option<u32> {
        let ranks = self.ranks();
        let own = ranks.iter().find(|(_, _, one)| *one == ticket)?;
        u32::try_from(ranks.iter().filter(|rank| *rank < own).count()).ok()
    }

    /// How many send and how many wait.
    #[must_use]
    pub fn counts(&self) -> SlotCounts {
        let waiting = |entry: &&Entry| matches!(entry.state, State::Waiting);
        let waiting = self.tickets.values().filter(waiting).count();
        SlotCounts { active: self.tickets.len() - waiting, waiting }
    }

    fn holding(&self) -> usize {
        self.tickets.values().filter(|entry| entry.is_holding()).count()
    }

    fn held_by(&self, peer: &PeerId) -> usize {
        let held = |entry: &&Entry| entry.is_holding() && entry.peer == *peer;
        self.tickets.values().filter(held).count()
    }

    fn next(&self) -> Option<Ticket> {
        self.ranks().into_iter().min().map(|(_, _, ticket)| ticket)
    }

    /// The places of all that wait. The second of a peer ranks as if the first had its slot.
    fn ranks(&self) -> Vec<Rank> {
        let mut counted: HashMap<PeerId, usize> = HashMap::new();
        for entry in self.tickets.values().filter(|entry| entry.is_holding()) {
            *counted.entry(entry.peer).or_default() += 1;
        }
        let waiting = |(_, entry): &(&Ticket, &Entry)| matches!(entry.state, State::Waiting);
        let waiting = self.tickets.iter().filter(waiting);
        let mut waiting: Vec<_> = waiting.map(|(ticket, entry)| (*ticket, entry.peer)).collect();
        waiting.sort_unstable_by_key(|(ticket, _)| *ticket);
        let rank = |(ticket, peer): (Ticket, PeerId)| {
            let count = counted.entry(peer).or_default();
            *count += 1;
            (*count, self.served.get(&peer).copied().unwrap_or(0), ticket)
        };
        waiting.into_iter().map(rank).collect()
    }

    fn note_served(&mut self, peer: PeerId) {
        self.turns += 1;
        self.served.insert(peer, self.turns);
        if self.served.len() > MAX_REMEMBERED {
            let oldest = self.served.iter().min_by_key(|(_, turn)| **turn).map(|(peer, _)| *peer);
            oldest.map(|oldest| self.served.remove(&oldest));
        }
    }
}

impl Entry {
    fn is_holding(&self) -> bool {
        matches!(self.state, State::Holding { .. })
    }
}

#[cfg(test)]
mod tests;
