//! What is read back from the disk, and the tags of files that may come from anybody.

use std::{
    io::Write,
    path::Path,
    time::{Duration, Instant, UNIX_EPOCH},
};

use libp2p::{PeerId, kad::store::RecordStore};
use p2pfs_tui::{
    application::indexing::fuzzing,
    domain::{ContentId, Manifest, Root, Sha1Hash},
    network::{
        host::decode_peers,
        kad::record_store::{BoundedStore, Limits, Saved},
    },
};

use super::{text::assert_manifest, within};

/// The moment of every restart, in Unix seconds; samples expire an hour later.
pub const NOW: u64 = 1_700_000_000;
/// Bounds small enough to be reached.
const LIMITS: Limits =
    Limits { provider_records: 8, providers_per_key: 3, values: 4, value_bytes: 256 };

/// What a decoder of lists may hold: serde makes room for 1 MiB of any list that claims to be
/// long, and the deepest has four in each other.
fn lists(input: &[u8]) -> u64 {
    16 * input.len() as u64 + (4 << 20)
}

/// The records that are held for others.
pub fn records(bytes: &[u8]) -> bool {
    let Some(saved) = within(lists(bytes), || Saved::from_bytes(bytes)) else { return false };
    let again = saved.to_bytes();
    assert_eq!(Saved::from_bytes(&again).expect("what was written can be read").to_bytes(), again);
    let (now, wall) = (Instant::now(), UNIX_EPOCH + Duration::from_secs(NOW));
    let local = PeerId::from_bytes(&[0, 1, 7]).expect("an identity of one byte");
    let mut store = BoundedStore::new(local, LIMITS);
    store.restore(saved, now, wall);
    assert!(store.provider_records() <= LIMITS.provider_records && store.own_keys() == 0);
    assert!(store.records().count() <= LIMITS.values);
    assert!(store.records().all(|record| record.key.as_ref().len() <= 64));
    assert!(store.records().map(|record| record.value.len()).sum::<usize>() <= LIMITS.value_bytes);
    let held = store.provider_records() + store.records().count();
    store.sweep(now + Duration::from_secs(3 * 24 * 3_600));
    assert_eq!(store.provider_records() + store.records().count(), 0, "nothing is held for days");
    held > 0
}

/// The peers of last time.
pub fn peers(bytes: &[u8]) -> bool {
    let peers = within(lists(bytes) + 64 * bytes.len() as u64, || decode_peers(bytes));
    assert!(peers.len() <= 64);
    !peers.is_empty()
}

/// A remembered hash.
pub fn file(bytes: &[u8]) -> bool {
    let manifest = within(super::twice(bytes), || fuzzing::decode_file(bytes));
    manifest.inspect(assert_manifest).is_some()
}

/// What is excluded from a remembered root.
pub fn root(bytes: &[u8]) -> bool {
    within(lists(bytes), || fuzzing::decode_root(bytes)).is_some()
}

/// A shared file, after a byte that says what it is called; accepted if it has a tag.
pub fn tags(bytes: &[u8]) -> bool {
    const ENDINGS: [&str; 12] =
        ["", "mp3", "flac", "ogg", "opus", "m4a", "wav", "aiff", "ape", "wv", "mpc", "aac"];
    let Some((kind, content)) = bytes.split_first() else { return false };
    let mut file = tempfile::tempfile().expect("temporary file");
    file.write_all(content).expect("written");
    let name = format!("a.{}", ENDINGS[usize::from(*kind) % ENDINGS.len()]);
    // No bound is asserted here: the parser reserves what an MP4 claims, 100 MB in one finding,
    // without touching it, and copes with a refusal. The fuzzer watches the memory really used.
    let (media_type, tags) = fuzzing::read_tags(&file, Path::new(&name));
    let said = [&tags.artist, &tags.title, &tags.album].into_iter().flatten();
    for text in said.clone() {
        assert!(!text.is_empty() && text.trim() == text, "{text:?}");
    }
    let accepted = said.count() > 0;
    let content = ContentId {
        sha1: Sha1Hash::from_bytes([1; 20]),
        root: Root::from_bytes([2; 32]),
        size: bytes.len() as u64,
    };
    let manifest = Manifest { name, content, media_type, tags };
    assert_eq!(manifest.check(), Ok(()), "what is read can be published");
    accepted
}
