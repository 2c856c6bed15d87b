//! What a transfer remembers, the lists of collections, and who is banned.

use std::collections::BTreeSet;

use p2pfs_tui::{
    application::transfers::record::Record,
    domain::{Collection, collection::MAX_DEPTH},
    network::content::{
        bans::{self, MAX_BANS},
        store::progress::read_slot,
    },
};
use serde_json::json;

use super::{assert_shown, stored::NOW, text::assert_manifest, within};

/// What a decoder of lists may hold: serde makes room for 1 MiB of any list that claims to be long.
fn lists(input: &[u8]) -> u64 {
    16 * input.len() as u64 + (2 << 20)
}

/// A slot of the file that says what is durable: as it is after a zero, else with the checksum that
/// it would need, or nothing behind that would ever be tried.
pub fn store_progress(bytes: &[u8]) -> bool {
    let Some((kind, rest)) = bytes.split_first() else { return false };
    let slot = if *kind == 0 { rest.to_vec() } else { sealed(rest) };
    let Some(again) = within(lists(&slot), || read_slot(&slot)) else { return false };
    assert_eq!(read_slot(&again).as_ref(), Some(&again), "what was written is read as it was");
    let mut torn = again;
    torn[40] ^= 1;
    assert_eq!(read_slot(&torn), None, "another bit is another checksum");
    true
}

/// A body with its length and checksum.
pub fn sealed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&length[..], blake3::hash(body).as_bytes(), body].concat()
}

/// A remembered transfer.
pub fn transfer_record(bytes: &[u8]) -> bool {
    let Ok(record) = within(lists(bytes), || Record::decode(bytes)) else { return false };
    record.target.as_ref().inspect(|target| assert_manifest(target));
    let again = Record::decode(&record.encode().expect("encodes")).expect("is read again");
    assert_eq!(again, record);
    true
}

/// The list of a collection, which a peer has made.
pub fn collection(bytes: &[u8]) -> bool {
    let collection = match within(lists(bytes), || Collection::decode(bytes)) {
        Ok(collection) => collection,
        Err(error) => {
            assert_shown(&error.to_string());
            return false;
        }
    };
    let again = Collection::decode(&collection.encode().expect("no longer than it was"));
    assert_eq!(again.as_ref(), Ok(&collection));
    let paths = collection.safe_paths();
    assert_eq!(paths.len(), collection.files().len());
    for path in &paths {
        assert!(path.split('/').count() <= MAX_DEPTH + 1, "{path:?}");
        for part in path.split('/') {
            let special = part.is_empty() || part == "." || part == "..";
            assert!(!special && !part.contains(['\\', '\0', ':']), "{path:?}");
        }
    }
    let folded: BTreeSet<String> = paths.iter().map(|path| path.to_lowercase()).collect();
    assert_eq!(folded.len(), paths.len(), "two files at one place: {paths:?}");
    let into = |a: &str, b: &str| b.strip_prefix(a).is_some_and(|rest| rest.starts_with('/'));
    let mut sorted: Vec<&String> = folded.iter().collect();
    sorted.sort_unstable();
    for path in &sorted {
        let leads = |other: &&&String| into(path, other);
        assert!(!sorted.iter().any(|other| leads(&other)), "{path} is a file and a folder");
    }
    !paths.is_empty()
}

/// The peers that are banned, line by line.
pub fn banned(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let bans = within(lists(text.as_bytes()), || bans::parse(&text, NOW));
    assert!(bans.len() <= MAX_BANS);
    let mut again = String::new();
    for (peer, ban) in &bans {
        assert!(ban.evidence.len() <= 512);
        let line = json!({ "peer": peer, "since": ban.since, "evidence": ban.evidence });
        again += &format!("{line}\n");
    }
    assert_eq!(bans::parse(&again, NOW), bans);
    assert!(bans::parse(&again, u64::MAX).is_empty(), "no ban lasts for ever");
    !bans.is_empty()
}
