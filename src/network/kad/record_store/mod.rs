//! What this node holds for others in the DHT, and which keys it announces itself.
//!
//! The stock store of libp2p stops at 1,024 keys, foreign ones counted, and then refuses our own.
//! This one keeps our own announcements apart and without bound (they are as many as we share),
//! shares its room for foreign records fairly between owners ([`IpGroup`](super::ip_group)), and
//! can be saved and restored. It performs no IO and never awaits.

mod providers;
mod saved;
mod values;

use std::{
    borrow::Cow,
    collections::HashSet,
    time::{Duration, Instant, SystemTime},
};

use libp2p::kad::{
    ProviderRecord, Record, RecordKey as Key,
    store::{Error, RecordStore, Result},
};
use libp2p::{Multiaddr, PeerId};

use providers::Providers;
pub use saved::Saved;
use values::Values;

/// The bounds of a store.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Provider records of others, over all keys.
    pub provider_records: usize,
    /// Provider records of one key.
    pub providers_per_key: usize,
    /// Values, and the bytes of all together.
    pub values: usize,
    /// Bytes of all values together.
    pub value_bytes: usize,
}

impl Default for Limits {
    /// Room for three nodes alone to hold 5,000 files between them several times over; about
    /// 80 MB when full.
    fn default() -> Self {
        Self {
            provider_records: 400_000,
            providers_per_key: 128,
            values: 4_096,
            value_bytes: 16 << 20,
        }
    }
}

/// The longest key that is held for others, in bytes.
const MAX_KEY: usize = 64;
/// The largest value that is held, in bytes.
const MAX_VALUE: usize = 64 << 10;
/// Addresses kept of one provider.
const MAX_ADDRESSES: usize = 8;

/// A bounded store of DHT records.
#[derive(Debug)]
pub struct BoundedStore {
    local: PeerId,
    own: HashSet<Key>,
    providers: Providers,
    values: Values,
    changed: bool,
}

impl BoundedStore {
    /// An empty store of the node `local`.
    #[must_use]
    pub fn new(local: PeerId, limits: Limits) -> Self {
        Self {
            local,
            own: HashSet::new(),
            providers: Providers::new(local, limits),
            values: Values::new(limits),
            changed: false,
        }
    }

    /// How many keys this node announces itself.
    #[must_use]
    pub fn own_keys(&self) -> usize {
        self.own.len()
    }

    /// How many provider records are held for others.
    #[must_use]
    pub fn provider_records(&self) -> usize {
        self.providers.len()
    }

    /// Where a provider that we hold records of said it listens.
    #[must_use]
    pub fn addresses(&self, peer: &PeerId) -> &[Multiaddr] {
        self.providers.addresses(peer)
    }

    /// Drops what has expired. The stock store does this only for keys that are asked for.
    pub fn sweep(&mut self, now: Instant) {
        let dropped = self.providers.sweep(now) + self.values.sweep(now);
        self.changed |= dropped > 0;
    }

    /// Everything held for others, if it changed since the last call. Times become wall-clock
    /// times, so that they mean something after a restart.
    pub fn save_if_changed(&mut self, now: Instant, wall: SystemTime) -> Option<Saved> {
        std::mem::take(&mut self.changed).then(|| {
            let clock = saved::Clock { now, wall };
            Saved { providers: self.providers.save(&clock), values: self.values.save(&clock) }
        })
    }

    /// Takes over what an earlier run held; what has expired since or is over a bound is left.
    pub fn restore(&mut self, saved: Saved, now: Instant, wall: SystemTime) {
        let clock = saved::Clock { now, wall };
        let others = saved
            .provider_records(&clock)
            .filter(|record| record.provider != self.local && record.key.as_ref().len() <= MAX_KEY);
        for record in others {
            let _ = self.providers.add(record, now);
        }
        for record in saved.value_records(&clock).filter(is_small) {
            let _ = self.values.put(record, now);
        }
    }
}

impl RecordStore for BoundedStore {
    type RecordsIter<'a> = Box<dyn Iterator<Item = Cow<'a, Record>> + 'a>;
    type ProvidedIter<'a> = Box<dyn Iterator<Item = Cow<'a, ProviderRecord>> + 'a>;

    fn get(&self, key: &Key) -> Option<Cow<'_, Record>> {
        self.values.get(key).map(Cow::Borrowed)
    }

    fn put(&mut self, record: Record) -> Result<()> {
        if !is_small(&record) {
            return Err(Error::ValueTooLarge);
        }
        self.changed = true;
        self.values.put(record, Instant::now())
    }

    fn remove(&mut self, key: &Key) {
        self.changed |= self.values.remove(key);
    }

    fn records(&self) -> Self::RecordsIter<'_> {
        Box::new(self.values.iter().map(Cow::Borrowed))
    }

    fn add_provider(&mut self, record: ProviderRecord) -> Result<()> {
        if record.provider == self.local {
            self.own.insert(record.key);
            return Ok(());
        }
        if record.key.as_ref().len() > MAX_KEY {
            return Err(Error::ValueTooLarge);
        }
        self.changed = true;
        self.providers.add(record, Instant::now())
    }

    fn providers(&self, key: &Key) -> Vec<ProviderRecord> {
        let own = self.own.contains(key).then(|| own_record(key, self.local));
        own.into_iter().chain(self.providers.of(key)).collect()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        Box::new(self.own.iter().map(|key| Cow::Owned(own_record(key, self.local))))
    }

    fn remove_provider(&mut self, key: &Key, peer: &PeerId) {
        if *peer == self.local {
            self.own.remove(key);
        } else {
            self.changed |= self.providers.remove(key, peer);
        }
    }
}

/// Whether a value may be held, as far as its own size goes.
fn is_small(record: &Record) -> bool {
    record.value.len() <= MAX_VALUE && record.key.as_ref().len() <= MAX_KEY
}

/// Our own announcement; kad fills in our addresses of the moment.
fn own_record(key: &Key, local: PeerId) -> ProviderRecord {
    ProviderRecord { key: key.clone(), provider: local, expires: None, addresses: Vec::new() }
}

/// What a record without an expiry gets.
const DEFAULT_TTL: Duration = Duration::from_secs(24 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> Key {
        Key::new(&n.to_be_bytes())
    }

    fn record(n: u32, provider: PeerId, address: &str) -> ProviderRecord {
        ProviderRecord {
            key: key(n),
            provider,
            expires: Some(Instant::now() + DEFAULT_TTL),
            addresses: vec![address.parse().expect("address")],
        }
    }

    fn small() -> (BoundedStore, PeerId) {
        let local = PeerId::random();
        let limits = Limits { provider_records: 1_000, providers_per_key: 10, ..Limits::default() };
        (BoundedStore::new(local, limits), local)
    }

    #[test]
    fn own_announcements_are_never_refused() {
        let (mut store, local) = small();
        for n in 0..60_000 {
            let own = ProviderRecord { provider: local, ..record(n, local, "/ip4/1.2.3.4/tcp/1") };
            store.add_provider(own).expect("ours");
        }
        assert_eq!((store.own_keys(), store.provided().count()), (60_000, 60_000));
        assert_eq!(store.providers(&key(7))[0].provider, local);
        store.remove_provider(&key(7), &local);
        assert!(store.providers(&key(7)).is_empty());
    }

    #[test]
    fn a_flood_takes_room_from_the_flooder() {
        let (mut store, _) = small();
        let honest: Vec<PeerId> = (0..5).map(|_| PeerId::random()).collect();
        for (n, peer) in honest.iter().enumerate() {
            for k in 0..20 {
                let address = format!("/ip4/9.9.{n}.1/tcp/1");
                store.add_provider(record(k, *peer, &address)).expect("room");
            }
        }
        let flooders: Vec<PeerId> = (0..50).map(|_| PeerId::random()).collect();
        for n in 0..100_000_u32 {
            let flooder = flooders[n as usize % 50];
            let address = format!("/ip4/6.6.6.{}/tcp/1", n % 50);
            let _ = store.add_provider(record(1_000 + n, flooder, &address));
        }
        assert_eq!(store.provider_records(), 1_000);
        for k in 0..20 {
            assert_eq!(store.providers(&key(k)).len(), honest.len());
        }
        // A newcomer still finds room, and the flooder pays for it.
        let newcomer = PeerId::random();
        store.add_provider(record(5_000_000, newcomer, "/ip4/5.5.5.5/tcp/1")).expect("room");
        assert_eq!(store.providers(&key(5_000_000)).len(), 1);
        assert_eq!(store.providers(&key(3)).len(), honest.len());
    }

    #[test]
    fn a_crowded_key_keeps_a_mix_of_owners() {
        let (mut store, _) = small();
        for n in 0..200 {
            let address = format!("/ip4/6.6.6.{}/tcp/1", n % 250);
            let _ = store.add_provider(record(1, PeerId::random(), &address));
        }
        let other = PeerId::random();
        store.add_provider(record(1, other, "/ip4/7.7.7.7/tcp/1")).expect("another owner");
        let providers = store.providers(&key(1));
        assert!(providers.len() <= 10);
        assert!(providers.iter().any(|p| p.provider == other));
    }

    #[test]
    fn what_was_held_survives_a_restart_until_it_expires() {
        let (mut store, local) = small();
        let peer = PeerId::random();
        store.add_provider(record(1, peer, "/ip4/9.8.7.6/tcp/1")).expect("room");
        store.put(Record::new(key(2), b"value".to_vec())).expect("room");
        let (now, wall) = (Instant::now(), SystemTime::now());
        let saved = store.save_if_changed(now, wall).expect("changed");
        assert!(store.save_if_changed(now, wall).is_none());
        let bytes = saved.to_bytes();

        let mut later = BoundedStore::new(local, Limits::default());
        later.restore(Saved::from_bytes(&bytes).expect("ours"), now, wall);
        assert_eq!(later.providers(&key(1))[0].provider, peer);
        assert_eq!(later.addresses(&peer).len(), 1);
        assert_eq!(later.get(&key(2)).expect("held").value, b"value");

        let mut too_late = BoundedStore::new(local, Limits::default());
        let tomorrow = wall + DEFAULT_TTL + Duration::from_secs(1);
        too_late.restore(Saved::from_bytes(&bytes).expect("ours"), now, tomorrow);
        assert!(too_late.providers(&key(1)).is_empty() && too_late.get(&key(2)).is_none());
        assert!(Saved::from_bytes(&bytes[1..]).is_none());
    }

    #[test]
    fn what_is_over_a_bound_is_not_restored() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let clock = saved::Clock { now, wall };
        let (mut store, local) = small();
        let long = Key::new(&[0; MAX_KEY + 1]);
        let values = [
            Record::new(long.clone(), vec![1]),
            Record::new(key(1), vec![0; MAX_VALUE + 1]),
            Record::new(key(2), vec![1]),
        ]
        .map(|value| Record { expires: Some(now + DEFAULT_TTL), ..value });
        let values = values.iter().map(|value| saved::SavedValue::new(value, &clock)).collect();
        let expires = clock.to_unix(now + DEFAULT_TTL);
        let keys = vec![(long.to_vec(), expires), (key(1).to_vec(), expires)];
        let providers = [PeerId::random(), local]
            .map(|peer| saved::SavedProvider::new(peer, &[], keys.clone()))
            .into();
        store.restore(Saved { providers, values }, now, wall);
        assert_eq!((store.provider_records(), store.records().count()), (1, 1));
    }

    #[test]
    fn expired_records_are_swept() {
        let (mut store, _) = small();
        store.add_provider(record(1, PeerId::random(), "/ip4/9.8.7.6/tcp/1")).expect("room");
        store.sweep(Instant::now() + DEFAULT_TTL + Duration::from_secs(1));
        assert_eq!(store.provider_records(), 0);
    }

    #[test]
    fn oversized_records_are_refused() {
        let (mut store, _) = small();
        let long = Key::new(&[0; MAX_KEY + 1]);
        let record = ProviderRecord { key: long, ..record(1, PeerId::random(), "/tcp/1") };
        assert!(store.add_provider(record).is_err());
        assert!(store.put(Record::new(key(1), vec![0; MAX_VALUE + 1])).is_err());
    }
}
