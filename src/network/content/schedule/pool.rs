//! The spans that have missing blocks, in the order in which they are asked for.
//!
//! By rarity: how many peers hold a span. Those that hold everything count for all spans alike and
//! change no order, so only the others are counted, and a peer with everything comes and goes at no
//! cost. From [`COMMON`] holders on a span is not rare, and no more told apart.
//!
//! Invariant: a span in the pool is in exactly one class, that of its holders.

use std::ops::Range;

use super::{SpanNo, bits::BitTree};

/// A span with so many holders or more is common: finer order would cost memory and serve nobody.
pub(super) const COMMON: u16 = 16;

/// How often one is chosen by chance where few are left.
const TRIES: usize = 4;

/// What a peer has.
#[derive(Debug, Clone)]
pub(super) enum Has {
    /// Nothing known yet.
    Nothing,
    /// These spans.
    Some(BitTree),
    /// Everything.
    All,
}

impl Has {
    pub(super) fn contains(&self, span: SpanNo) -> bool {
        match self {
            Self::Nothing => false,
            Self::Some(set) => set.contains(span),
            Self::All => true,
        }
    }

    /// For tests: which of the first so many spans it has.
    #[cfg(test)]
    pub(super) fn next_of(&self, count: u32) -> Vec<SpanNo> {
        (0..count).filter(|span| self.contains(*span)).collect()
    }

    /// The first of some spans that it has, from a place on.
    fn next(&self, among: &BitTree, from: SpanNo) -> Option<SpanNo> {
        match self {
            Self::Nothing => None,
            Self::Some(set) => among.next_common(set, from),
            Self::All => among.next(from),
        }
    }
}

/// What is missing.
#[derive(Debug)]
pub(super) struct Pool {
    missing: BitTree,
    /// Of these, what something of is here or asked for.
    begun: BitTree,
    /// All of these, by the number of holders.
    classes: Vec<BitTree>,
    /// How many peers hold each span, besides those that hold everything.
    holders: Vec<u16>,
    /// How many peers hold everything.
    pub(super) full: u32,
    /// Grows whenever something enters: who found nothing to ask for may look again.
    epoch: u64,
}

impl Pool {
    pub(super) fn new(count: u32) -> Self {
        let mut classes = vec![BitTree::new(count); usize::from(COMMON) + 1];
        classes[0] = BitTree::full(count);
        Self {
            missing: BitTree::full(count),
            begun: BitTree::new(count),
            classes,
            holders: vec![0; count as usize],
            full: 0,
            epoch: 0,
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether something is missing that no peer has.
    pub(super) fn has_unheld(&self) -> bool {
        self.full == 0 && !self.classes[0].is_empty()
    }

    /// Whether something is missing that some peer has.
    pub(super) fn has_held(&self) -> bool {
        let first = usize::from(self.full == 0);
        self.classes[first..].iter().any(|class| !class.is_empty())
    }

    /// The first missing span by number that is had.
    pub(super) fn next(&self, has: &Has, from: SpanNo) -> Option<SpanNo> {
        has.next(&self.missing, from)
    }

    /// The first span that is had and begun: a span that is whole can be offered onward.
    pub(super) fn next_begun(&self, has: &Has) -> Option<SpanNo> {
        has.next(&self.begun, 0)
    }

    /// The rarest span that is had. Among equally rare ones the first, or one by chance of those in
    /// the `spread` places from there on.
    pub(super) fn rarest(
        &self,
        has: &Has,
        spread: u32,
        mut chance: impl FnMut(Range<u32>) -> u32,
    ) -> Option<SpanNo> {
        let held = |class| Some((class, has.next(class, 0)?));
        let (class, first) =
            self.classes.iter().filter(|class| !class.is_empty()).find_map(held)?;
        let end = first.saturating_add(spread).min(self.holders.len() as u32);
        if end <= first + 1 {
            return Some(first);
        }
        // A try may fall behind the last one.
        let tries = (0..TRIES).map(|_| chance(first..end));
        tries.into_iter().find_map(|from| has.next(class, from)).or(Some(first))
    }

    pub(super) fn put(&mut self, span: SpanNo, is_missing: bool, is_begun: bool) {
        let class = self.class(span);
        if is_missing {
            if self.missing.insert(span) {
                self.epoch += 1;
                self.classes[class].insert(span);
            }
        } else if self.missing.remove(span) {
            self.classes[class].remove(span);
        }
        if is_missing && is_begun {
            self.begun.insert(span);
        } else {
            self.begun.remove(span);
        }
    }

    pub(super) fn gained(&mut self, span: SpanNo) {
        self.count(span, 1);
    }

    pub(super) fn forgone(&mut self, span: SpanNo) {
        self.count(span, -1);
    }

    fn count(&mut self, span: SpanNo, change: i16) {
        let before = self.class(span);
        let Some(holders) = self.holders.get_mut(span as usize) else { return };
        *holders = holders.saturating_add_signed(change);
        let after = self.class(span);
        if before != after && self.classes[before].remove(span) {
            self.classes[after].insert(span);
        }
    }

    fn class(&self, span: SpanNo) -> usize {
        usize::from(self.holders.get(span as usize).copied().unwrap_or(0).min(COMMON))
    }

    /// For the check of invariants: how many peers hold a span, besides those with everything.
    pub(super) fn holders(&self, span: SpanNo) -> u16 {
        self.holders[span as usize]
    }

    /// Whether a span is where it should be.
    pub(super) fn check(
        &self,
        span: SpanNo,
        is_missing: bool,
        is_active: bool,
    ) -> Result<(), String> {
        let class = self.class(span);
        let is_right = self.missing.contains(span) == is_missing
            && self.begun.contains(span) == (is_missing && is_active)
            && self
                .classes
                .iter()
                .enumerate()
                .all(|(n, set)| set.contains(span) == (is_missing && n == class));
        if is_right { Ok(()) } else { Err(format!("span {span} is not in its place in the pool")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where nothing is left to chance.
    fn in_order(_: Range<u32>) -> u32 {
        unreachable!("nothing is left to chance")
    }

    fn some(count: u32, spans: &[SpanNo]) -> Has {
        let mut set = BitTree::new(count);
        for span in spans {
            set.insert(*span);
        }
        Has::Some(set)
    }

    #[test]
    fn the_rarest_comes_first_then_the_lowest() {
        let mut pool = Pool::new(6);
        for (span, holders) in [(0, 3), (1, 2), (2, 1), (3, 2), (4, 1)] {
            for _ in 0..holders {
                pool.gained(span);
            }
        }
        let mut order = Vec::new();
        while let Some(span) = pool.rarest(&Has::All, 0, in_order) {
            order.push(span);
            pool.put(span, false, false);
        }
        assert_eq!(order, [5, 2, 4, 1, 3, 0]);
    }

    #[test]
    fn a_peer_is_asked_only_for_what_it_has() {
        let mut pool = Pool::new(6);
        let has = some(6, &[3, 4]);
        pool.gained(3);
        pool.gained(4);
        assert_eq!(pool.rarest(&has, 0, in_order), Some(3));
        let last = |range: Range<u32>| range.end - 1;
        assert_eq!(pool.rarest(&has, 2, last), Some(4));
        assert_eq!(pool.rarest(&has, 9, last), Some(3), "past the last one the first is as good");
        assert_eq!(pool.rarest(&Has::Nothing, 0, in_order), None);
        pool.put(3, false, false);
        pool.put(4, false, false);
        assert_eq!(pool.rarest(&has, 0, in_order), None);
    }

    #[test]
    fn what_nobody_has_is_told() {
        let mut pool = Pool::new(2);
        assert!(pool.has_unheld() && !pool.has_held());
        pool.gained(0);
        assert!(pool.has_unheld() && pool.has_held());
        pool.gained(1);
        assert!(!pool.has_unheld());
        pool.forgone(1);
        pool.full = 1;
        assert!(!pool.has_unheld() && pool.has_held());
    }

    #[test]
    fn many_holders_are_as_good_as_more() {
        let mut pool = Pool::new(2);
        for _ in 0..COMMON {
            pool.gained(0);
        }
        for _ in 0..3 * COMMON {
            pool.gained(1);
        }
        assert_eq!(pool.rarest(&Has::All, 0, in_order), Some(0));
        for _ in 0..3 * COMMON {
            pool.forgone(1);
        }
        assert_eq!(pool.rarest(&Has::All, 0, in_order), Some(1));
        pool.check(0, true, false).expect("invariant");
        pool.check(1, true, false).expect("invariant");
    }
}
