//! Values of the DHT: few, small, and refused when there is no room.

use std::{collections::HashMap, time::Instant};

use libp2p::kad::{
    Record, RecordKey as Key,
    store::{Error, Result},
};

use super::{DEFAULT_TTL, Limits, saved};

/// Invariant: `bytes` is the length of all values together.
#[derive(Debug)]
pub(super) struct Values {
    limits: Limits,
    by_key: HashMap<Key, Record>,
    bytes: usize,
}

impl Values {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, by_key: HashMap::new(), bytes: 0 }
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Record> {
        self.by_key.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.by_key.values()
    }

    pub(super) fn put(&mut self, mut record: Record, now: Instant) -> Result<()> {
        let replaced = self.by_key.get(&record.key).map_or(0, |old| old.value.len());
        let is_new = !self.by_key.contains_key(&record.key);
        let bytes = self.bytes - replaced + record.value.len();
        if (is_new && self.by_key.len() >= self.limits.values) || bytes > self.limits.value_bytes {
            return Err(Error::MaxRecords);
        }
        record.expires = Some(record.expires.unwrap_or(now + DEFAULT_TTL));
        self.bytes = bytes;
        self.by_key.insert(record.key.clone(), record);
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &Key) -> bool {
        let removed = self.by_key.remove(key);
        self.bytes -= removed.as_ref().map_or(0, |record| record.value.len());
        removed.is_some()
    }

    pub(super) fn sweep(&mut self, now: Instant) -> usize {
        let expired: Vec<Key> =
            self.iter().filter(|record| record.is_expired(now)).map(|r| r.key.clone()).collect();
        expired.iter().filter(|key| self.remove(key)).count()
    }

    pub(super) fn save(&self, clock: &saved::Clock) -> Vec<saved::SavedValue> {
        self.iter().map(|record| saved::SavedValue::new(record, clock)).collect()
    }
}
