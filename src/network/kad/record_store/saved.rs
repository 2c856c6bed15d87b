//! The store as it is written to disk: DAG-CBOR behind a version byte.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use libp2p::{
    Multiaddr, PeerId,
    kad::{ProviderRecord, Record, RecordKey as Key},
};
use serde::{Deserialize, Serialize};

/// The version of the format.
const VERSION: u8 = 1;

/// The contents of a store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Saved {
    pub(super) providers: Vec<SavedProvider>,
    pub(super) values: Vec<SavedValue>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SavedProvider {
    #[serde(with = "serde_bytes")]
    peer: Vec<u8>,
    addresses: Vec<String>,
    keys: Vec<(serde_bytes::ByteBuf, u64)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SavedValue {
    key: serde_bytes::ByteBuf,
    value: serde_bytes::ByteBuf,
    #[serde(with = "serde_bytes")]
    publisher: Option<Vec<u8>>,
    expires: u64,
}

/// Two clocks read at the same moment, to translate between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) now: Instant,
    pub(super) wall: SystemTime,
}

impl Clock {
    /// A moment of the monotonic clock in Unix seconds.
    pub(super) fn to_unix(self, at: Instant) -> u64 {
        let wall = self.wall + at.saturating_duration_since(self.now);
        wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Unix seconds on the monotonic clock; `None` if that moment has passed.
    fn to_instant(self, unix: u64) -> Option<Instant> {
        let wall = UNIX_EPOCH.checked_add(Duration::from_secs(unix))?;
        let left = wall.duration_since(self.wall).ok().filter(|left| !left.is_zero())?;
        // A clock that was set wrong must not keep a record for years.
        self.now.checked_add(left.min(2 * super::DEFAULT_TTL))
    }
}

impl SavedProvider {
    pub(super) fn new(peer: PeerId, addresses: &[Multiaddr], keys: Vec<(Vec<u8>, u64)>) -> Self {
        Self {
            peer: peer.to_bytes(),
            addresses: addresses.iter().map(ToString::to_string).collect(),
            keys: keys.into_iter().map(|(key, at)| (serde_bytes::ByteBuf::from(key), at)).collect(),
        }
    }
}

impl SavedValue {
    pub(super) fn new(record: &Record, clock: &Clock) -> Self {
        Self {
            key: serde_bytes::ByteBuf::from(record.key.to_vec()),
            value: serde_bytes::ByteBuf::from(record.value.clone()),
            publisher: record.publisher.map(PeerId::to_bytes),
            expires: record.expires.map_or(0, |at| clock.to_unix(at)),
        }
    }
}

impl Saved {
    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        // Plain structs of bytes and numbers: there is nothing that could fail to encode.
        bytes.extend(serde_ipld_dagcbor::to_vec(self).unwrap_or_default());
        bytes
    }

    /// Reads a file; `None` if it is damaged or of another version. What it held is then
    /// announced again by its owners.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, body) = bytes.split_first()?;
        (*version == VERSION).then(|| serde_ipld_dagcbor::from_slice(body).ok()).flatten()
    }

    pub(super) fn provider_records(&self, clock: &Clock) -> impl Iterator<Item = ProviderRecord> {
        self.providers.iter().flat_map(move |saved| {
            let provider = PeerId::from_bytes(&saved.peer).ok();
            let addresses: Vec<Multiaddr> =
                saved.addresses.iter().filter_map(|text| text.parse().ok()).collect();
            saved.keys.iter().filter_map(move |(key, expires)| {
                Some(ProviderRecord {
                    key: Key::from(key.to_vec()),
                    provider: provider?,
                    expires: Some(clock.to_instant(*expires)?),
                    addresses: addresses.clone(),
                })
            })
        })
    }

    pub(super) fn value_records(&self, clock: &Clock) -> impl Iterator<Item = Record> {
        self.values.iter().filter_map(move |saved| {
            let publisher = saved.publisher.as_deref();
            Some(Record {
                key: Key::from(saved.key.to_vec()),
                value: saved.value.to_vec(),
                publisher: publisher.and_then(|bytes| PeerId::from_bytes(bytes).ok()),
                expires: Some(clock.to_instant(saved.expires)?),
            })
        })
    }
}
