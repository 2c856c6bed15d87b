//! Which transfers run. Pure.

use crate::application::message::TransferId;

/// A transfer that wants to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: TransferId,
    /// The higher, the sooner.
    pub(super) priority: i8,
    /// Among those of one priority, the lower, the sooner.
    pub(super) order: i64,
    /// A reader waits for it: it never waits for others.
    pub(super) read: bool,
}

/// Those of the entries that run where so many may, besides those that are read.
pub(super) fn to_run(mut entries: Vec<Entry>, places: u32) -> Vec<TransferId> {
    entries.sort_by_key(|entry| (std::cmp::Reverse(entry.priority), entry.order, entry.id));
    let mut left = places;
    let has_place = |entry: &Entry| {
        let place = entry.read || left > 0;
        left = left.saturating_sub(u32::from(!entry.read && place));
        place
    };
    entries.iter().copied().filter(has_place).map(|entry| entry.id).collect()
}

/// The order that puts a transfer before or behind all others.
pub(super) fn beyond(others: impl Iterator<Item = i64>, first: bool) -> i64 {
    let edge = if first { others.min() } else { others.max() };
    edge.map_or(0, |edge| if first { edge.saturating_sub(1) } else { edge.saturating_add(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: TransferId, priority: i8, order: i64) -> Entry {
        Entry { id, priority, order, read: false }
    }

    #[test]
    fn the_most_important_run_and_then_the_oldest() {
        let entries = vec![entry(1, 0, 1), entry(2, 0, 2), entry(3, 5, 3), entry(4, -1, 0)];
        assert_eq!(to_run(entries.clone(), 2), [3, 1]);
        assert_eq!(to_run(entries.clone(), 9), [3, 1, 2, 4]);
        assert!(to_run(entries, 0).is_empty());
    }

    #[test]
    fn what_is_read_takes_no_place() {
        let read = Entry { read: true, ..entry(9, -5, 9) };
        assert_eq!(to_run(vec![entry(1, 0, 1), entry(2, 0, 2), read], 1), [1, 9]);
    }

    #[test]
    fn first_is_before_the_first_and_last_behind_the_last() {
        assert_eq!(beyond([3, 7].into_iter(), true), 2);
        assert_eq!(beyond([3, 7].into_iter(), false), 8);
        assert_eq!(beyond(std::iter::empty(), true), 0);
    }
}
