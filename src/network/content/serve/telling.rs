//! [`Telling`]: says which spans of a content or a collection are here, and which have come since.
//!
//! Who follows is answered at once, and then told as more arrives: the first new span at once, what
//! comes right after it together. What was told is never told again.
//!
//! Invariant: a set that is dropped unfinished is asked for anew, so that nobody waits for spans
//! that will not come.

use std::{
    future::pending,
    sync::{Arc, Weak},
    time::Duration,
};

use fixedbitset::FixedBitSet;
use futures::future::select_all;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{Holdings, Provides};
use crate::{
    domain::Root,
    network::content::{
        held::Held,
        wire::{Holds, MAX_SET, Spans},
    },
};

/// Contents and collections that one stream may follow; a further one takes the place of the oldest.
pub(super) const MAX_FOLLOWED: usize = 4;
/// How often a stream is told of new spans at most.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// What one stream follows.
pub(super) struct Telling {
    provides: Arc<dyn Provides>,
    follows: Vec<Follow>,
    /// Not before this is there anything told again.
    next: Instant,
}

struct Follow {
    root: Root,
    /// Not held on to: that it is gone is the news.
    held: Weak<Held>,
    count: watch::Receiver<u32>,
    told: FixedBitSet,
    has_grown: bool,
    /// It was told that everything is here: there will be no more news.
    has_all: bool,
}

impl Telling {
    pub(super) fn new(provides: Arc<dyn Provides>) -> Self {
        Self { provides, follows: Vec::new(), next: Instant::now() }
    }

    /// Begins to follow; returns what is here now, which is never nothing at all.
    pub(super) fn follow(&mut self, root: Root) -> Vec<Holds> {
        self.follows.retain(|follow| follow.root != root);
        let held = match self.provides.holdings(&root) {
            Holdings::All => return vec![Holds { root, spans: Spans::All }],
            Holdings::Nothing => return vec![Holds { root, spans: Spans::Nothing }],
            Holdings::Growing(held) => held,
        };
        let mut follow = Follow {
            root,
            held: Arc::downgrade(&held),
            count: held.count(),
            told: FixedBitSet::new(),
            has_grown: false,
            has_all: false,
        };
        let mut news = follow.news_of(&held);
        if news.is_empty() {
            news.push(Holds { root, spans: Spans::Some { first: 0, bits: Vec::new() } });
        }
        if !follow.has_all {
            self.follows.push(follow);
            let over = self.follows.len().saturating_sub(MAX_FOLLOWED);
            self.follows.drain(..over);
        }
        news
    }

    /// What has come since it was told, if it is time to tell.
    pub(super) fn news(&mut self, now: Instant) -> Vec<Holds> {
        for follow in &mut self.follows {
            // An error is the end of the set.
            follow.has_grown |= follow.count.has_changed().unwrap_or(true);
        }
        if now < self.next || !self.follows.iter().any(|follow| follow.has_grown) {
            return Vec::new();
        }
        self.next = now + TELL_EVERY;
        let (mut news, mut lost) = (Vec::new(), Vec::new());
        self.follows.retain_mut(|follow| {
            if !std::mem::take(&mut follow.has_grown) {
                return true;
            }
            follow.count.mark_unchanged();
            let Some(held) = follow.held.upgrade() else {
                lost.push(follow.root);
                return false;
            };
            news.extend(follow.news_of(&held));
            !follow.has_all
        });
        news.extend(lost.into_iter().flat_map(|root| self.follow(root)));
        news
    }

    /// Waits until there may be something to tell; for ever where nothing grows. May be given up
    /// and called again.
    pub(super) async fn due(&mut self) {
        if self.follows.is_empty() {
            return pending().await;
        }
        if !self.follows.iter().any(|follow| follow.has_grown) {
            let grown = self.follows.iter_mut().map(|follow| {
                Box::pin(async {
                    // An error is the end of the set, which is news, too.
                    let _ = follow.count.changed().await;
                    follow.has_grown = true;
                })
            });
            select_all(grown).await;
        }
        sleep_until(self.next).await;
    }
}

impl Follow {
    fn news_of(&mut self, held: &Held) -> Vec<Holds> {
        if held.is_complete() {
            self.has_all = true;
            return vec![Holds { root: self.root, spans: Spans::All }];
        }
        let now = held.snapshot();
        let news = windows(now.difference(&self.told));
        let news = news.into_iter().map(|spans| Holds { root: self.root, spans }).collect();
        self.told = now;
        news
    }
}

/// Spans in ascending order, as sets of at most [`MAX_SET`] bytes.
fn windows(spans: impl Iterator<Item = usize>) -> Vec<Spans> {
    let mut windows: Vec<(usize, Vec<u8>)> = Vec::new();
    for span in spans {
        let open = windows.last_mut().filter(|(first, _)| (span - first) / 8 < MAX_SET);
        let Some((first, bits)) = open else {
            windows.push((span, vec![1]));
            continue;
        };
        let place = span - *first;
        bits.resize(place / 8 + 1, 0);
        bits[place / 8] |= 1 << (place % 8);
    }
    // Every span has a number of this size.
    let first = |first| u32::try_from(first).unwrap_or(u32::MAX);
    windows.into_iter().map(|(at, bits)| Spans::Some { first: first(at), bits }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The spans of some sets, each as large as it may be.
    fn spans(windows: &[Spans]) -> Vec<usize> {
        let mut spans = Vec::new();
        for window in windows {
            let Spans::Some { first, bits } = window else { panic!("{window:?}") };
            assert!(bits.len() <= MAX_SET && bits.iter().any(|byte| *byte != 0), "{window:?}");
            let set = (0..8 * bits.len()).filter(|place| bits[place / 8] & 1 << (place % 8) != 0);
            spans.extend(set.map(|place| *first as usize + place));
        }
        spans
    }

    #[test]
    fn a_full_set_takes_as_few_messages_as_it_can() {
        let bits = 8 * MAX_SET;
        assert_eq!(windows(0..bits).len(), 1);
        assert_eq!(windows(0..2 * bits + 1).len(), 3);
        let ends = windows([0, bits - 1, bits, 1 << 28].into_iter());
        assert_eq!(ends.len(), 3);
        assert_eq!(spans(&ends), [0, bits - 1, bits, 1 << 28]);
    }

    proptest! {
        #[test]
        fn every_span_is_in_one_set(set in prop::collection::btree_set(0..200_000_usize, 0..300)) {
            prop_assert!(spans(&windows(set.iter().copied())).into_iter().eq(set));
        }
    }
}
