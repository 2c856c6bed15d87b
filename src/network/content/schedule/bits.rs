//! A set of small numbers that is searched fast: bits, with a summary above them.
//!
//! Bit i of a level says whether word i of the level below has any bit. The next member from a
//! place on, and the next that two sets share, are found without walking over what is empty.
//!
//! Invariant: a bit above is set exactly when its word below is not zero.

/// Members of one word.
const WIDTH: u32 = 64;

/// A set of numbers below a length that is fixed when it is made.
#[derive(Debug, Clone)]
pub(super) struct BitTree {
    /// From the members themselves up to a level of one word.
    levels: Vec<Vec<u64>>,
    len: u32,
}

impl BitTree {
    /// An empty set of numbers below `len`.
    pub(super) fn new(len: u32) -> Self {
        let mut levels = Vec::new();
        let mut bits = len;
        loop {
            bits = bits.div_ceil(WIDTH).max(1);
            levels.push(vec![0; bits as usize]);
            if bits == 1 {
                return Self { levels, len };
            }
        }
    }

    /// The set of all numbers below `len`.
    pub(super) fn full(len: u32) -> Self {
        let mut set = Self::new(len);
        let mut bits = len;
        for level in &mut set.levels {
            level.fill(u64::MAX);
            if let Some(last) = level.last_mut()
                && !bits.is_multiple_of(WIDTH)
            {
                *last = (1 << (bits % WIDTH)) - 1;
            }
            bits = bits.div_ceil(WIDTH);
        }
        if len == 0 {
            set.levels[0][0] = 0;
        }
        set
    }

    /// Adds a number; whether it is new. What is not below the length stays out.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        if number >= self.len || self.contains(number) {
            return false;
        }
        let mut index = number;
        for level in &mut self.levels {
            let word = &mut level[(index / WIDTH) as usize];
            let had_any = *word != 0;
            *word |= 1 << (index % WIDTH);
            if had_any {
                break;
            }
            index /= WIDTH;
        }
        true
    }

    /// Takes a number out; whether it was in.
    pub(super) fn remove(&mut self, number: u32) -> bool {
        if !self.contains(number) {
            return false;
        }
        let mut index = number;
        for level in &mut self.levels {
            let word = &mut level[(index / WIDTH) as usize];
            *word &= !(1 << (index % WIDTH));
            if *word != 0 {
                break;
            }
            index /= WIDTH;
        }
        true
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        number < self.len
            && self.levels[0][(number / WIDTH) as usize] & (1 << (number % WIDTH)) != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.levels.last().is_none_or(|top| top[0] == 0)
    }

    /// The least member that is not below `from`.
    pub(super) fn next(&self, from: u32) -> Option<u32> {
        self.find(None, self.levels.len() - 1, 0, from)
    }

    /// The least member not below `from` that is in the other set too, which has the same length.
    pub(super) fn next_common(&self, other: &Self, from: u32) -> Option<u32> {
        self.find(Some(other), self.levels.len() - 1, 0, from)
    }

    /// All members, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let mut next = self.next(0);
        std::iter::from_fn(move || {
            let found = next?;
            next = self.next(found + 1);
            Some(found)
        })
    }

    fn find(&self, other: Option<&Self>, level: usize, word: u32, from: u32) -> Option<u32> {
        let mut bits = self.levels[level][word as usize];
        if let Some(other) = other {
            bits &= other.levels[level][word as usize];
        }
        let (base, first) = (word * WIDTH, from >> (level as u32 * WIDTH.ilog2()));
        if first > base {
            bits &= u64::MAX.checked_shl(first - base).unwrap_or(0);
        }
        while bits != 0 {
            let index = base + bits.trailing_zeros();
            if level == 0 {
                return Some(index);
            }
            let found = self.find(other, level - 1, index, from);
            if found.is_some() {
                return found;
            }
            bits &= bits - 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(
            len in 1u32..9_000,
            steps in prop::collection::vec((any::<bool>(), 0u32..9_000), 0..300),
            froms in prop::collection::vec(0u32..9_100, 1..20),
        ) {
            let (mut set, mut model) = (BitTree::new(len), BTreeSet::new());
            for (add, number) in steps {
                if add {
                    prop_assert_eq!(set.insert(number), number < len && model.insert(number));
                } else {
                    prop_assert_eq!(set.remove(number), model.remove(&number));
                }
            }
            for from in froms {
                prop_assert_eq!(set.next(from), model.range(from..).next().copied());
            }
            prop_assert_eq!(set.is_empty(), model.is_empty());
            prop_assert!(set.iter().eq(model.iter().copied()));
        }

        #[test]
        fn what_two_sets_share_is_found(
            len in 1u32..9_000,
            one in prop::collection::btree_set(0u32..9_000, 0..200),
            other in prop::collection::btree_set(0u32..9_000, 0..200),
            shared in prop::collection::btree_set(0u32..9_000, 0..5),
            from in 0u32..9_000,
        ) {
            let made = |numbers: &BTreeSet<u32>| {
                let mut set = BitTree::new(len);
                for number in numbers.union(&shared) {
                    set.insert(*number);
                }
                set
            };
            let both: Vec<u32> = made(&one).iter().filter(|n| made(&other).contains(*n)).collect();
            let expected = both.into_iter().find(|number| *number >= from);
            prop_assert_eq!(made(&one).next_common(&made(&other), from), expected);
        }

        #[test]
        fn a_full_set_has_everything(len in 0u32..9_000) {
            let set = BitTree::full(len);
            prop_assert!(set.iter().eq(0..len));
            prop_assert_eq!(set.next(len), None);
        }
    }
}
