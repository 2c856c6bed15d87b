//! Which keys are to be announced, which are, and what that means for each file. No IO.
//!
//! A hundred thousand files have half a million keys, so little is kept of each: files are numbers
//! in the postings of their keys, and times are whole seconds.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use crate::{
    application::catalog::posting::Posting,
    domain::{ContentId, Key},
};

/// How many of a file's first keys go before the words of all: its SHA-1 and its root.
const URGENT: usize = 2;

/// How far the keys of one file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
        at: Second,
        table: u32,
    },
    /// Nobody took it.
    Failed {
        at: Second,
    },
}

/// Seconds since the first moment that was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Second(u32);

#[derive(Debug)]
struct Entry {
    state: State,
    /// Announced at least once: it counts as announced while it is renewed.
    counted: bool,
    /// The files that have it.
    files: Posting,
}

#[derive(Debug)]
struct File {
    content: ContentId,
    /// How many keys it has.
    keys: u32,
    done: u32,
}

impl File {
    fn progress(&self) -> Progress {
        Progress { content: self.content, done: self.done, keys: self.keys }
    }
}

/// Invariant: a key is in `by_key` while a file has it, in a queue only if its state is `Queued`
/// (or it is gone), and a file's `done` is how many of its keys are `counted`.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Ordered, as a map that grows by doubling would hold twice as much.
    by_key: BTreeMap<Key, Entry>,
    files: HashMap<u32, File>,
    last: u32,
    urgent: VecDeque<Key>,
    rest: VecDeque<Key>,
    began: Option<Instant>,
}

impl Keys {
    /// A file came, with all its keys, each once. Two files may have the same.
    pub(super) fn add(&mut self, content: ContentId, keys: &[Key]) -> Progress {
        let mut number = self.last.wrapping_add(1);
        while self.files.contains_key(&number) {
            number = number.wrapping_add(1);
        }
        self.last = number;
        let mut done = 0;
        for (n, key) in keys.iter().enumerate() {
            let entry = self.by_key.entry(*key).or_insert_with(|| {
                let queue = if n < URGENT { &mut self.urgent } else { &mut self.rest };
                queue.push_back(*key);
                Entry { state: State::Queued, counted: false, files: Posting::default() }
            });
            entry.files.insert(number);
            done += u32::from(entry.counted);
        }
        let file = File { content, keys: count(keys), done };
        let progress = file.progress();
        self.files.insert(number, file);
        progress
    }

    /// A file with these keys went; returns the keys that nothing has any more.
    pub(super) fn remove(&mut self, content: &ContentId, keys: &[Key]) -> Vec<Key> {
        let Some(number) = self.find(content, keys) else { return Vec::new() };
        self.files.remove(&number);
        let mut gone = Vec::new();
        for key in keys {
            let Some(entry) = self.by_key.get_mut(key) else { continue };
            entry.files.remove(number);
            if entry.files.is_empty() {
                self.by_key.remove(key);
                gone.push(*key);
            }
        }
        gone
    }

    /// A file of this content with just these keys; if there are several, any is as good.
    fn find(&self, content: &ContentId, keys: &[Key]) -> Option<u32> {
        let has = |key: &Key, number| {
            self.by_key.get(key).is_some_and(|entry| entry.files.contains(number))
        };
        let is_it = |number: &u32| {
            self.files
                .get(number)
                .is_some_and(|it| it.content == *content && it.keys == count(keys))
                && keys.iter().all(|key| has(key, *number))
        };
        // The first key is the content's own, so few others have it.
        self.by_key.get(keys.first()?)?.files.iter().find(is_it)
    }

    /// The next key to announce, which is then on its way.
    pub(super) fn next(&mut self) -> Option<Key> {
        loop {
            let next = self.urgent.pop_front().or_else(|| self.rest.pop_front());
            let Some(key) = next else {
                // What a large library needed once is not kept.
                self.urgent.shrink_to_fit();
                self.rest.shrink_to_fit();
                return None;
            };
            // What was removed or queued twice is passed over.
            if let Some(entry) = self.by_key.get_mut(&key)
                && entry.state == State::Queued
            {
                entry.state = State::Running;
                return Some(key);
            }
        }
    }

    /// Whether any file still has a key.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.by_key.contains_key(key)
    }

    /// An announcement ended; returns what that means for the files that have the key.
    pub(super) fn ended(
        &mut self,
        key: Key,
        taken: bool,
        table: usize,
        now: Instant,
    ) -> Vec<Progress> {
        let at = self.second(now);
        let Some(entry) = self.by_key.get_mut(&key) else { return Vec::new() };
        // Withdrawn and added again meanwhile: this announcement went with the withdrawal.
        if entry.state != State::Running {
            return Vec::new();
        }
        if !taken {
            entry.state = State::Failed { at };
            return Vec::new();
        }
        entry.state = State::Announced { at, table: u32::try_from(table).unwrap_or(u32::MAX) };
        if std::mem::replace(&mut entry.counted, true) {
            return Vec::new();
        }
        // Copies of one file are mostly equally far: they are told of once.
        let (mut told, mut progress) = (HashSet::new(), Vec::new());
        for number in entry.files.iter() {
            if let Some(file) = self.files.get_mut(&number) {
                file.done += 1;
                if told.insert(file.progress()) {
                    progress.push(file.progress());
                }
            }
        }
        progress
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
        let now = self.second(now);
        let passed = |then: Second, wait: Duration| u64::from(now.0 - then.0) >= wait.as_secs();
        for (key, entry) in &mut self.by_key {
            let due = match entry.state {
                State::Queued | State::Running => false,
                State::Announced { at, table: then } => {
                    passed(at, renew_after) || table > 0 && table >= then as usize * 2
                }
                State::Failed { at } => passed(at, retry_after),
            };
            if due {
                entry.state = State::Queued;
                self.rest.push_back(*key);
            }
        }
    }

    fn second(&mut self, now: Instant) -> Second {
        let began = *self.began.get_or_insert(now);
        let passed = now.saturating_duration_since(began).as_secs();
        Second(u32::try_from(passed).unwrap_or(u32::MAX))
    }
}

fn count(keys: &[Key]) -> u32 {
    u32::try_from(keys.len()).unwrap_or(u32::MAX)
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
        let (one, two) = ([key(1), key(2), key(9)], [key(3), key(4), key(9)]);
        keys.add(content(1), &one);
        keys.add(content(2), &two);
        assert_eq!(drain(&mut keys), [key(1), key(2), key(3), key(4), key(9)]);
        let progress = keys.ended(key(9), true, 5, Instant::now());
        assert_eq!(progress.iter().map(|p| (p.done, p.keys)).collect::<Vec<_>>(), [(1, 3); 2]);
        assert_eq!(keys.remove(&content(1), &one), [key(1), key(2)]);
        assert_eq!(keys.remove(&content(2), &two), [key(3), key(4), key(9)]);
        assert!(keys.by_key.is_empty() && keys.files.is_empty());
    }

    #[test]
    fn a_name_of_a_content_takes_its_own_words_along() {
        let mut keys = Keys::default();
        let (one, two) = ([key(1), key(2), key(5)], [key(1), key(2), key(3), key(4)]);
        for name in [&one[..], &two, &one] {
            keys.add(content(1), name);
        }
        drain(&mut keys);
        let progress = keys.ended(key(1), true, 5, Instant::now());
        assert_eq!(progress.iter().map(|p| (p.done, p.keys)).collect::<Vec<_>>(), [(1, 3), (1, 4)]);
        assert!(keys.remove(&content(2), &two).is_empty(), "nobody has it");
        assert_eq!(keys.remove(&content(1), &two), [key(3), key(4)]);
        assert!(keys.remove(&content(1), &one).is_empty());
        assert_eq!(keys.remove(&content(1), &one), one);
        assert!(keys.remove(&content(1), &one).is_empty());
        assert!(keys.by_key.is_empty() && keys.files.is_empty());
    }

    #[test]
    fn little_is_kept_of_a_key() {
        assert!(std::mem::size_of::<(Key, Entry)>() <= 56);
    }

    #[test]
    fn what_came_back_while_it_was_announced_is_announced_again() {
        let mut keys = Keys::default();
        keys.add(content(1), &[key(1)]);
        assert_eq!(drain(&mut keys), [key(1)]);
        keys.remove(&content(1), &[key(1)]);
        assert!(!keys.has(&key(1)));
        keys.add(content(1), &[key(1)]);
        assert!(keys.ended(key(1), true, 5, Instant::now()).is_empty());
        assert_eq!(drain(&mut keys), [key(1)]);
        assert_eq!(keys.ended(key(1), true, 5, Instant::now()).len(), 1);
    }

    #[test]
    fn what_failed_or_grew_old_or_was_outgrown_is_announced_again() {
        let mut keys = Keys::default();
        let start = Instant::now();
        keys.add(content(1), &[key(1), key(2)]);
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
