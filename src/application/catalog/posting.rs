//! A set of numbers of files: of those that have a term or a key, mostly one, seldom many.

use std::collections::BTreeSet;

use super::Number;

/// A posting up to this long is a list: it is smaller than a tree, and as fast.
const SHORT: usize = 32;

/// A set of files.
#[expect(clippy::box_collection, reason = "half a million are in memory: each is 16 bytes")]
#[derive(Debug, Default)]
pub(in crate::application) enum Posting {
    /// None: a posting that is being made.
    #[default]
    Empty,
    One(Number),
    /// In order.
    Few(Box<Vec<Number>>),
    Many(Box<BTreeSet<Number>>),
}

impl Posting {
    pub(in crate::application) fn insert(&mut self, number: Number) {
        match self {
            Self::Empty => *self = Self::One(number),
            Self::One(one) if *one == number => {}
            Self::One(one) => {
                let both = vec![(*one).min(number), (*one).max(number)];
                *self = Self::Few(Box::new(both));
            }
            Self::Few(few) => {
                if let Err(at) = few.binary_search(&number) {
                    few.insert(at, number);
                }
                if few.len() > SHORT {
                    *self = Self::Many(Box::new(few.drain(..).collect()));
                }
            }
            Self::Many(many) => {
                many.insert(number);
            }
        }
    }

    pub(in crate::application) fn remove(&mut self, number: Number) {
        match self {
            Self::One(one) if *one == number => *self = Self::Empty,
            Self::Empty | Self::One(_) => {}
            Self::Few(few) => {
                if let Ok(at) = few.binary_search(&number) {
                    few.remove(at);
                }
            }
            Self::Many(many) => {
                many.remove(&number);
            }
        }
    }

    pub(in crate::application) fn contains(&self, number: Number) -> bool {
        match self {
            Self::Empty => false,
            Self::One(one) => *one == number,
            Self::Few(few) => few.binary_search(&number).is_ok(),
            Self::Many(many) => many.contains(&number),
        }
    }

    pub(in crate::application) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(_) => 1,
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    pub(in crate::application) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The files, in order.
    pub(in crate::application) fn iter(&self) -> impl Iterator<Item = Number> + '_ {
        let (some, many) = match self {
            Self::Empty => (&[][..], None),
            Self::One(one) => (std::slice::from_ref(one), None),
            Self::Few(few) => (&few[..], None),
            Self::Many(many) => (&[][..], Some(&**many)),
        };
        some.iter().chain(many.into_iter().flatten()).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_posting_is_a_set(steps in prop::collection::vec((0_u32..80, 0_u8..3), 0..300)) {
            let (mut posting, mut model) = (Posting::default(), BTreeSet::new());
            for (number, step) in steps {
                if step > 0 {
                    posting.insert(number);
                    model.insert(number);
                } else {
                    posting.remove(number);
                    model.remove(&number);
                }
                prop_assert_eq!((posting.len(), posting.is_empty()), (model.len(), model.is_empty()));
                prop_assert_eq!(posting.contains(number), model.contains(&number));
                prop_assert!(posting.iter().eq(model.iter().copied()));
            }
        }
    }

    #[test]
    fn a_posting_is_small() {
        assert_eq!(std::mem::size_of::<Posting>(), 16);
    }
}
