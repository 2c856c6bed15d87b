//! Which keys are to be announced, which are, and what that means for each content. No IO.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use crate::domain::{ContentId, Key};

/// How many of a content's first keys go before the words of all: its SHA-1 and its root.
const URGENT: usize = 2;

/// How far the keys of one content are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) content: ContentId,
    pub(super) done: u32,
    pub(super) keys: u32,
}

/// Where a key is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Queued,
    Running,
    /// Announced when the routing table had this many peers.
    Announced {
        at: Instant,
        table: usize,
    },
    /// Nobody took it.
    Failed {
        at: Instant,
    },
}

#[derive(Debug)]
struct Entry {
    state: State,
    /// Announced at least once: it counts as announced while it is renewed.
    counted: bool,
    contents: Vec<ContentId>,
}

#[derive(Debug)]
struct Content {
    keys: Vec<Key>,
    /// How many paths have it.
    files: u32,
    done: u32,
}

/// Invariant: a key is in `by_key` while a content has it, in a queue only if its state is
/// `Queued` (or it is gone), and a content's `done` is how many of its keys are `counted`.
#[derive(Debug, Default)]
pub(super) struct Keys {
    by_key: HashMap<Key, Entry>,
    contents: HashMap<ContentId, Content>,
    urgent: VecDeque<Key>,
    rest: VecDeque<Key>,
}

impl Keys {
    /// A file came; two files with one content share its keys.
    pub(super) fn add(&mut self, content: ContentId, keys: Vec<Key>) -> Progress {
        let known = self.contents.entry(content).or_insert_with(|| Content {
            keys: Vec::new(),
            files: 0,
            done: 0,
        });
        known.files += 1;
        // A second name of the same content may bring words of its own.
        let new: Vec<Key> = keys.iter().filter(|key| !known.keys.contains(key)).copied().collect();
        known.keys.extend(&new);
        for (n, key) in new.into_iter().enumerate() {
            let entry = self.by_key.entry(key).or_insert_with(|| {
                let queue = if n < URGENT { &mut self.urgent } else { &mut self.rest };
                queue.push_back(key);
                Entry { state: State::Queued, counted: false, contents: Vec::new() }
            });
            entry.contents.push(content);
            known.done += u32::from(entry.counted);
        }
        progress(content, known)
    }

    /// A file went; returns the keys that nothing has any more.
    pub(super) fn remove(&mut self, content: &ContentId) -> Vec<Key> {
        let Some(known) = self.contents.get_mut(content) else { return Vec::new() };
        known.files -= 1;
        if known.files > 0 {
            return Vec::new();
        }
        let keys = self.contents.remove(content).map(|known| known.keys).unwrap_or_default();
        let mut gone = Vec::new();
        for key in keys {
            let Some(entry) = self.by_key.get_mut(&key) else { continue };
            entry.contents.retain(|other| other != content);
            if entry.contents.is_empty() {
                self.by_key.remove(&key);
                gone.push(key);
            }
        }
        gone
    }

    /// The next key to announce, which is then on its way.
    pub(super) fn next(&mut self) -> Option<Key> {
        loop {
            let key = self.urgent.pop_front().or_else(|| self.rest.pop_front())?;
            // What was removed or queued twice is passed over.
            if let Some(entry) = self.by_key.get_mut(&key)
                && entry.state == State::Queued
            {
                entry.state = State::Running;
                return Some(key);
            }
        }
    }

    /// Whether any content still has a key.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.by_key.contains_key(key)
    }

    /// An announcement ended; returns what that means for the contents that have the key.
    pub(super) fn ended(
        &mut self,
        key: Key,
        taken: bool,
        table: usize,
        now: Instant,
    ) -> Vec<Progress> {
        let Some(entry) = self.by_key.get_mut(&key) else { return Vec::new() };
        // Withdrawn and added again meanwhile: this announcement went with the withdrawal.
        if entry.state != State::Running {
            return Vec::new();
        }
        if !taken {
            entry.state = State::Failed { at: now };
            return Vec::new();
        }
        entry.state = State::Announced { at: now, table };
        if std::mem::replace(&mut entry.counted, true) {
            return Vec::new();
        }
        let contents = entry.contents.iter();
        contents
            .filter_map(|content| {
                let known = self.contents.get_mut(content)?;
                known.done += 1;
                Some(progress(*content, known))
            })
            .collect()
    }

    /// Queues what is due again: old, failed a while ago, or announced when the network was less
    /// than half of what is known of it now.
    pub(super) fn requeue(
        &mut self,
        now: Instant,
        table: usize,
        renew_after: Duration,
        retry_after: Duration,
    ) {
        for (key, entry) in &mut self.by_key {
            let due = match entry.state {
                State::Queued | State::Running => false,
                State::Announced { at, table: then } => {
                    now.duration_since(at) >= renew_after || table > 0 && table >= then * 2
                }
                State::Failed { at } => now.duration_since(at) >= retry_after,
            };
            if due {
                entry.state = State::Queued;
                self.rest.push_back(*key);
            }
        }
    }
}

fn progress(content: ContentId, known: &Content) -> Progress {
    let keys = u32::try_from(known.keys.len()).unwrap_or(u32::MAX);
    Progress { content, done: known.done, keys }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Root, Sha1Hash};

    const HOUR: Duration = Duration::from_secs(3_600);

    fn content(n: u8) -> ContentId {
        ContentId { sha1: Sha1Hash::from_bytes([n; 20]), root: Root::from_bytes([n; 32]), size: 1 }
    }

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 20])
    }

    fn drain(keys: &mut Keys) -> Vec<Key> {
        std::iter::from_fn(|| keys.next()).collect()
    }

    #[test]
    fn a_shared_word_is_announced_once_and_withdrawn_with_the_last_file() {
        let mut keys = Keys::default();
        keys.add(content(1), vec![key(1), key(2), key(9)]);
        keys.add(content(2), vec![key(3), key(4), key(9)]);
        assert_eq!(drain(&mut keys), [key(1), key(2), key(3), key(4), key(9)]);
        let progress = keys.ended(key(9), true, 5, Instant::now());
        assert_eq!(progress.iter().map(|p| (p.done, p.keys)).collect::<Vec<_>>(), [(1, 3); 2]);
        assert_eq!(keys.remove(&content(1)), [key(1), key(2)]);
        assert_eq!(keys.remove(&content(2)), [key(3), key(4), key(9)]);
        assert!(keys.by_key.is_empty() && keys.contents.is_empty());
    }

    #[test]
    fn two_names_of_one_content_count_as_two() {
        let mut keys = Keys::default();
        keys.add(content(1), vec![key(1), key(2)]);
        assert_eq!(keys.add(content(1), vec![key(1), key(3)]).keys, 3);
        assert!(keys.remove(&content(1)).is_empty());
        assert_eq!(keys.remove(&content(1)).len(), 3);
        assert!(keys.remove(&content(1)).is_empty());
    }

    #[test]
    fn what_came_back_while_it_was_announced_is_announced_again() {
        let mut keys = Keys::default();
        keys.add(content(1), vec![key(1)]);
        assert_eq!(drain(&mut keys), [key(1)]);
        keys.remove(&content(1));
        assert!(!keys.has(&key(1)));
        keys.add(content(1), vec![key(1)]);
        assert!(keys.ended(key(1), true, 5, Instant::now()).is_empty());
        assert_eq!(drain(&mut keys), [key(1)]);
        assert_eq!(keys.ended(key(1), true, 5, Instant::now()).len(), 1);
    }

    #[test]
    fn what_failed_or_grew_old_or_was_outgrown_is_announced_again() {
        let mut keys = Keys::default();
        let start = Instant::now();
        keys.add(content(1), vec![key(1), key(2)]);
        drain(&mut keys);
        keys.ended(key(1), true, 10, start);
        keys.ended(key(2), false, 10, start);
        keys.requeue(start, 19, HOUR, HOUR / 2);
        assert!(drain(&mut keys).is_empty());
        keys.requeue(start, 20, HOUR, HOUR / 2);
        assert_eq!(drain(&mut keys), [key(1)]);
        keys.requeue(start + HOUR / 2, 10, HOUR, HOUR / 2);
        assert_eq!(drain(&mut keys), [key(2)]);
        assert!(keys.ended(key(1), true, 20, start).is_empty(), "counted once");
        keys.requeue(start + HOUR, 20, HOUR, HOUR);
        assert_eq!(drain(&mut keys), [key(1)]);
    }
}
