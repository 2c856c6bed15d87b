//! [`Slots`]: how many uploads send at the same time, and whose turn it is.
//!
//! [`SlotTable`] decides; this wakes those whose turn has come. A [`Turn`] is given back when it is
//! dropped, so that no way out of a conversation can keep a slot.

mod table;

use std::{
    collections::HashMap,
    future::pending,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use libp2p::PeerId;
use tokio::{
    sync::{oneshot, watch},
    time,
};

pub use table::{
    MAX_FINISHING, MAX_FINISHING_OF_PEER, MAX_REMEMBERED, MAX_SLOTS, Outstayed, QUANTUM,
    QUANTUM_TIME, SlotCounts, SlotTable, Ticket,
};

/// Slots unless told otherwise: enough to fill a line with peers of which some are slow, few enough
/// that each of them gets on.
pub const DEFAULT_SLOTS: usize = 8;

/// How long a peer may take nothing before its conversation counts as standing still.
const PATIENCE: Duration = Duration::from_secs(1);

/// Too many conversations of one peer stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many conversations with this peer stand still")]
pub struct StandsStill;

/// The upload slots of a node.
#[derive(Debug)]
pub struct Slots {
    inner: Mutex<Inner>,
    counts: watch::Sender<SlotCounts>,
}

#[derive(Debug)]
struct Inner {
    table: SlotTable,
    waking: HashMap<Ticket, oneshot::Sender<()>>,
}

impl Default for Slots {
    fn default() -> Self {
        Self::new(DEFAULT_SLOTS)
    }
}

impl Slots {
    /// So many slots, between one and [`MAX_SLOTS`].
    #[must_use]
    pub fn new(slots: usize) -> Self {
        let inner = Inner { table: SlotTable::new(slots), waking: HashMap::new() };
        Self { inner: Mutex::new(inner), counts: watch::Sender::default() }
    }

    /// Sets how many there are, between one and [`MAX_SLOTS`].
    pub fn set(&self, slots: usize) {
        self.change(|inner| inner.table.set(slots));
    }

    /// How many send and wait, to be watched.
    #[must_use]
    pub fn counts(&self) -> watch::Receiver<SlotCounts> {
        self.counts.subscribe()
    }

    /// Asks for a slot for a conversation with a peer.
    #[must_use]
    pub fn ask(&self, peer: PeerId) -> Turn<'_> {
        let (waking, woken) = oneshot::channel();
        let ticket = self.change(|inner| {
            let ticket = inner.table.ask(peer);
            inner.waking.insert(ticket, waking);
            ticket
        });
        Turn { slots: self, ticket, woken: Some(woken) }
    }

    /// Changes the table, then wakes whoever has a slot by that.
    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let result = change(&mut inner);
        while let Some(next) = inner.table.grant(now()) {
            // Whoever is gone has left the table, too.
            inner.waking.remove(&next).map(|waking| waking.send(()));
        }
        let counts = inner.table.counts();
        self.counts.send_if_modified(|old| std::mem::replace(old, counts) != counts);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock of the runtime, which tests may turn.
fn now() -> Instant {
    time::Instant::now().into_std()
}

/// A place in the queue for a slot, and then the slot.
#[derive(Debug)]
pub struct Turn<'a> {
    slots: &'a Slots,
    ticket: Ticket,
    /// Until the slot is granted.
    woken: Option<oneshot::Receiver<()>>,
}

impl Turn<'_> {
    /// Waits for the slot. May be given up and called again.
    pub async fn granted(&mut self) {
        if let Some(woken) = &mut self.woken {
            // The sender goes only with the ticket, which this owns.
            let _ = woken.await;
            self.woken = None;
        }
    }

    /// Whether the slot is granted.
    #[must_use]
    pub fn is_granted(&mut self) -> bool {
        if self.woken.as_mut().is_some_and(|woken| woken.try_recv().is_ok()) {
            self.woken = None;
        }
        self.woken.is_none()
    }

    /// How many are served before; zero for who holds a slot.
    #[must_use]
    pub fn ahead(&self) -> u32 {
        self.slots.lock().table.ahead(self.ticket).unwrap_or(0)
    }

    /// Counts bytes that were sent.
    pub fn sent(&self, bytes: u64) {
        self.slots.lock().table.sent(self.ticket, bytes);
    }

    /// Whether the slot should be given back once `more` bytes are sent, since others are next.
    #[must_use]
    pub fn is_over(&self, more: u64) -> bool {
        self.slots.lock().table.is_over(self.ticket, more, now())
    }

    /// Waits until the quantum of time is over while others wait, and gives the slot to them; for
    /// ever if it may be kept. To be raced with a peer that may not take what it is sent.
    ///
    /// # Errors
    /// When the conversation is to end, since too many of its peer's stand still.
    pub async fn outstayed(&self) -> Result<(), StandsStill> {
        let ends = self.slots.lock().table.ends(self.ticket);
        let Some(ends) = ends else { return pending().await };
        time::sleep_until((time::Instant::now() + PATIENCE).max(ends.into())).await;
        // The sender is borrowed along with the slots.
        let _ = self.slots.counts().wait_for(|counts| counts.waiting > 0).await;
        match self.slots.change(|inner| inner.table.outstay(self.ticket)) {
            Outstayed::Finishes => Ok(()),
            Outstayed::Stays => pending().await,
            Outstayed::IsCutOff => Err(StandsStill),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.slots.change(|inner| {
            inner.waking.remove(&self.ticket);
            inner.table.leave(self.ticket);
        });
    }
}

#[cfg(test)]
mod tests;
