//! [`Held`]: the spans of what is being fetched that are here already, to be told to others.
//!
//! Invariant: a span that was in the set stays in it, until the whole set is gone.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fixedbitset::FixedBitSet;
use tokio::sync::watch;

use super::layout::SpanNo;

/// Spans that are verified and written, of all there are.
#[derive(Debug)]
pub struct Held {
    set: Mutex<FixedBitSet>,
    count: watch::Sender<u32>,
    total: u32,
}

impl Held {
    /// None of `total` spans.
    #[must_use]
    pub fn new(total: u32) -> Self {
        let set = Mutex::new(FixedBitSet::with_capacity(total as usize));
        Self { set, count: watch::Sender::new(0), total }
    }

    /// Takes in a span.
    pub fn insert(&self, span: SpanNo) {
        let mut set = self.lock();
        if span < self.total && !set.put(span as usize) {
            self.count.send_modify(|count| *count += 1);
        }
    }

    /// Whether a span is here.
    #[must_use]
    pub fn contains(&self, span: SpanNo) -> bool {
        self.lock().contains(span as usize)
    }

    /// Whether every span is here.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        *self.count.borrow() == self.total
    }

    /// The set as it is now.
    #[must_use]
    pub fn snapshot(&self) -> FixedBitSet {
        self.lock().clone()
    }

    /// How many there are, to be watched.
    #[must_use]
    pub fn count(&self) -> watch::Receiver<u32> {
        self.count.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, FixedBitSet> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_count_once_and_none_is_beyond_the_end() {
        let held = Held::new(2);
        for span in [1, 1, 2, 9] {
            held.insert(span);
        }
        assert_eq!((*held.count().borrow(), held.contains(1), held.contains(0)), (1, true, false));
        assert!(!held.is_complete());
        held.insert(0);
        assert!(held.is_complete() && held.snapshot().count_ones(..) == 2);
    }
}
