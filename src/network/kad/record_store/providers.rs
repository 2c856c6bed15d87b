//! Provider records of others, shared fairly between their owners.
//!
//! While there is room, anybody may use it. When it is used up, whoever holds most pays: a
//! newcomer from another group pushes out the heaviest group's records that are farthest from
//! this node; a newcomer from the heaviest group itself is refused, which costs nothing.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Instant,
};

use libp2p::{
    Multiaddr, PeerId,
    kad::{
        KBucketKey, ProviderRecord, RecordKey as Key,
        store::{Error, Result},
    },
};
use rand::seq::SliceRandom;

use super::{DEFAULT_TTL, Limits, MAX_ADDRESSES, saved};
use crate::network::kad::ip_group::IpGroup;

/// Under pressure this share of the heaviest group's records goes at once, so that the search
/// for the farthest is paid for by the adds that follow.
const EVICTED_SHARE: usize = 16;

/// Stands for a holder in the many records it has.
type Slot = u32;

#[derive(Debug)]
struct Entry {
    slot: Slot,
    expires: Instant,
}

/// A peer with at least one record.
#[derive(Debug)]
struct Holder {
    peer: PeerId,
    addresses: Vec<Multiaddr>,
    group: IpGroup,
    records: usize,
}

/// Invariant: `len` is the number of entries, `holders[slot].records` the entries of that slot,
/// and `weights` has each group once, with the sum of its holders' records.
#[derive(Debug)]
pub(super) struct Providers {
    local: KBucketKey<PeerId>,
    limits: Limits,
    by_key: HashMap<Key, Vec<Entry>>,
    slots: HashMap<PeerId, Slot>,
    holders: HashMap<Slot, Holder>,
    groups: HashMap<IpGroup, usize>,
    weights: BTreeSet<(usize, IpGroup)>,
    next_slot: Slot,
    len: usize,
}

impl Providers {
    pub(super) fn new(local: PeerId, limits: Limits) -> Self {
        Self {
            local: KBucketKey::from(local),
            limits,
            by_key: HashMap::new(),
            slots: HashMap::new(),
            holders: HashMap::new(),
            groups: HashMap::new(),
            weights: BTreeSet::new(),
            next_slot: 0,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn addresses(&self, peer: &PeerId) -> &[Multiaddr] {
        let holder = self.slots.get(peer).and_then(|slot| self.holders.get(slot));
        holder.map_or(&[], |holder| holder.addresses.as_slice())
    }

    /// The providers of a key, in random order: an answer has room for twenty, and each should
    /// have its turn.
    pub(super) fn of(&self, key: &Key) -> Vec<ProviderRecord> {
        let entries = self.by_key.get(key).map_or(&[][..], Vec::as_slice);
        let mut records: Vec<_> = entries
            .iter()
            .filter_map(|entry| {
                let holder = self.holders.get(&entry.slot)?;
                Some(ProviderRecord {
                    key: key.clone(),
                    provider: holder.peer,
                    expires: Some(entry.expires),
                    addresses: holder.addresses.clone(),
                })
            })
            .collect();
        records.shuffle(&mut rand::rng());
        records
    }

    pub(super) fn add(&mut self, mut record: ProviderRecord, now: Instant) -> Result<()> {
        record.addresses.truncate(MAX_ADDRESSES);
        let expires = record.expires.unwrap_or(now + DEFAULT_TTL).min(now + 2 * DEFAULT_TTL);
        let group = IpGroup::of(record.provider, &record.addresses);
        if let Some(slot) = self.slots.get(&record.provider).copied() {
            self.update_addresses(slot, &record.addresses, group);
            let entries = self.by_key.get_mut(&record.key);
            let known = entries.and_then(|all| all.iter_mut().find(|entry| entry.slot == slot));
            if let Some(entry) = known {
                entry.expires = expires;
                return Ok(());
            }
        }
        self.make_room(group)?;
        self.make_room_in(&record.key, group)?;
        let slot = self.slot_of(record.provider, record.addresses, group);
        self.by_key.entry(record.key).or_default().push(Entry { slot, expires });
        self.len += 1;
        self.count(slot, true);
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &Key, peer: &PeerId) -> bool {
        let Some(slot) = self.slots.get(peer).copied() else { return false };
        self.remove_entries(key, |entry| entry.slot == slot) > 0
    }

    /// Drops what has expired; returns how many records that were.
    pub(super) fn sweep(&mut self, now: Instant) -> usize {
        let keys: Vec<Key> = self.by_key.keys().cloned().collect();
        keys.iter().map(|key| self.remove_entries(key, |entry| entry.expires <= now)).sum()
    }

    pub(super) fn save(&self, clock: &saved::Clock) -> Vec<saved::SavedProvider> {
        let mut by_slot: HashMap<Slot, Vec<(Vec<u8>, u64)>> = HashMap::new();
        for (key, entries) in &self.by_key {
            for entry in entries {
                let expires = clock.to_unix(entry.expires);
                by_slot.entry(entry.slot).or_default().push((key.to_vec(), expires));
            }
        }
        let saved = by_slot.into_iter().filter_map(|(slot, keys)| {
            let holder = self.holders.get(&slot)?;
            Some(saved::SavedProvider::new(holder.peer, &holder.addresses, keys))
        });
        saved.collect()
    }

    /// Makes room in the whole store for one record of a group.
    fn make_room(&mut self, group: IpGroup) -> Result<()> {
        if self.len < self.limits.provider_records {
            return Ok(());
        }
        let Some((weight, heaviest)) = self.weights.last().copied() else { return Ok(()) };
        if heaviest == group || self.groups.get(&group).is_some_and(|own| *own >= weight) {
            return Err(Error::MaxProvidedKeys);
        }
        let mut candidates: Vec<_> = self
            .by_key
            .iter()
            .filter(|(_, entries)| entries.iter().any(|entry| self.group_of(entry) == heaviest))
            .map(|(key, _)| (KBucketKey::new(key.clone()).distance(&self.local), key.clone()))
            .collect();
        candidates.sort_unstable_by_key(|(distance, _)| std::cmp::Reverse(*distance));
        let enough = (weight / EVICTED_SHARE).max(1);
        let holders = self.holders.iter().filter(|(_, holder)| holder.group == heaviest);
        let slots: HashSet<Slot> = holders.map(|(slot, _)| *slot).collect();
        let mut evicted = 0;
        for (_, key) in candidates {
            if evicted >= enough {
                break;
            }
            evicted += self.remove_entries(&key, |entry| slots.contains(&entry.slot));
        }
        Ok(())
    }

    /// Makes room under one key: the group that holds most of it loses its oldest record.
    fn make_room_in(&mut self, key: &Key, group: IpGroup) -> Result<()> {
        let Some(entries) = self.by_key.get(key) else { return Ok(()) };
        if entries.len() < self.limits.providers_per_key {
            return Ok(());
        }
        let mut counts: HashMap<IpGroup, usize> = HashMap::new();
        for entry in entries {
            *counts.entry(self.group_of(entry)).or_default() += 1;
        }
        let own = counts.get(&group).copied().unwrap_or(0);
        let Some((crowd, most)) = counts.into_iter().max_by_key(|(_, n)| *n) else { return Ok(()) };
        if own >= most && most > 1 {
            return Err(Error::MaxProvidedKeys);
        }
        let of_crowd = entries.iter().filter(|entry| self.group_of(entry) == crowd);
        let Some(oldest) = of_crowd.min_by_key(|entry| entry.expires).map(|e| e.slot) else {
            return Ok(());
        };
        self.remove_entries(key, |entry| entry.slot == oldest);
        Ok(())
    }

    fn group_of(&self, entry: &Entry) -> IpGroup {
        // An entry always has a holder; a group that nobody is in is never the heaviest.
        self.holders.get(&entry.slot).map_or(IpGroup::V4([0; 3]), |holder| holder.group)
    }

    fn remove_entries(&mut self, key: &Key, gone: impl Fn(&Entry) -> bool) -> usize {
        let Some(entries) = self.by_key.get_mut(key) else { return 0 };
        let mut slots = Vec::new();
        entries.retain(|entry| {
            let goes = gone(entry);
            if goes {
                slots.push(entry.slot);
            }
            !goes
        });
        if entries.is_empty() {
            self.by_key.remove(key);
        }
        self.len -= slots.len();
        for slot in &slots {
            self.count(*slot, false);
        }
        slots.len()
    }

    fn slot_of(&mut self, peer: PeerId, addresses: Vec<Multiaddr>, group: IpGroup) -> Slot {
        if let Some(slot) = self.slots.get(&peer) {
            return *slot;
        }
        let slot = self.next_slot;
        self.next_slot = self.next_slot.wrapping_add(1);
        self.slots.insert(peer, slot);
        self.holders.insert(slot, Holder { peer, addresses, group, records: 0 });
        slot
    }

    fn update_addresses(&mut self, slot: Slot, addresses: &[Multiaddr], group: IpGroup) {
        let Some(holder) = self.holders.get_mut(&slot) else { return };
        if addresses.is_empty() {
            return;
        }
        holder.addresses = addresses.to_vec();
        if holder.group != group {
            let (old, records) = (std::mem::replace(&mut holder.group, group), holder.records);
            self.weigh(old, |n| n - records);
            self.weigh(group, |n| n + records);
        }
    }

    /// Counts one record of a holder more or less; a holder without records is forgotten.
    fn count(&mut self, slot: Slot, more: bool) {
        let Some(holder) = self.holders.get_mut(&slot) else { return };
        holder.records = if more { holder.records + 1 } else { holder.records - 1 };
        let (group, peer, empty) = (holder.group, holder.peer, holder.records == 0);
        if empty {
            self.holders.remove(&slot);
            self.slots.remove(&peer);
        }
        self.weigh(group, |n| if more { n + 1 } else { n - 1 });
    }

    fn weigh(&mut self, group: IpGroup, change: impl Fn(usize) -> usize) {
        let old = self.groups.get(&group).copied().unwrap_or(0);
        let new = change(old);
        self.weights.remove(&(old, group));
        if new == 0 {
            self.groups.remove(&group);
        } else {
            self.groups.insert(group, new);
            self.weights.insert((new, group));
        }
    }
}
