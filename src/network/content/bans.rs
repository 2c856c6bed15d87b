//! [`Bans`]: peers that sent a provably wrong block, with the evidence, also after a restart.
//!
//! Nobody comes in here for being slow, silent or gone. A ban lasts for a month: an identity is
//! free to make, so that a longer memory would cost more than it keeps out.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use libp2p::PeerId;
use serde::{Deserialize, Serialize};

/// The most peers that are remembered; the oldest ban makes room.
pub const MAX_BANS: usize = 1_024;
/// How long a ban lasts.
const LASTS: Duration = Duration::from_secs(30 * 24 * 3_600);
/// The longest evidence that is kept, in bytes.
const MAX_EVIDENCE: usize = 512;
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Why a peer is banned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// Since when, in Unix seconds.
    pub since: u64,
    /// What it sent, and what that proves.
    pub evidence: String,
}

/// Banned peers.
#[derive(Debug, Default)]
pub struct Bans {
    file: Option<PathBuf>,
    peers: Mutex<BTreeMap<PeerId, Ban>>,
}

impl Bans {
    /// Those that a file remembers; they are written there as they come. A file that cannot be
    /// read is as good as none.
    #[must_use]
    pub fn open(file: &Path) -> Self {
        let fits = fs::metadata(file).is_ok_and(|metadata| metadata.len() <= MAX_FILE);
        let text = if fits { fs::read_to_string(file).unwrap_or_default() } else { String::new() };
        Self { file: Some(file.to_owned()), peers: Mutex::new(parse(&text, unix_now())) }
    }

    /// What a peer is banned for, if it is.
    #[must_use]
    pub fn evidence(&self, peer: &PeerId) -> Option<String> {
        self.lock().get(peer).map(|ban| ban.evidence.clone())
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<(PeerId, Ban)> {
        self.lock().iter().map(|(peer, ban)| (*peer, ban.clone())).collect()
    }

    /// Bans a peer.
    pub fn add(&self, peer: PeerId, evidence: &str) {
        let end = evidence.floor_char_boundary(MAX_EVIDENCE);
        let mut peers = self.lock();
        let ban = Ban { since: unix_now(), evidence: evidence[..end].to_owned() };
        peers.entry(peer).or_insert(ban);
        if peers.len() > MAX_BANS
            && let Some(oldest) = peers.iter().min_by_key(|(_, ban)| ban.since).map(|(id, _)| *id)
        {
            peers.remove(&oldest);
        }
        if let Some(file) = &self.file
            && let Err(error) = write(file, &peers)
        {
            tracing::warn!(%error, "bans cannot be written down");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PeerId, Ban>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line for each: `{"peer":…,"since":…,"evidence":…}`.
#[derive(Serialize, Deserialize)]
struct Line {
    peer: PeerId,
    #[serde(flatten)]
    ban: Ban,
}

/// Reads what was written; lines that are none and bans that have passed are left out.
#[doc(hidden)]
#[must_use]
pub fn parse(text: &str, now: u64) -> BTreeMap<PeerId, Ban> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let lasting = lines.filter(|line| line.ban.since.saturating_add(LASTS.as_secs()) > now);
    let short = lasting.filter(|line| line.ban.evidence.len() <= MAX_EVIDENCE);
    short.take(MAX_BANS).map(|line| (line.peer, line.ban)).collect()
}

fn write(file: &Path, peers: &BTreeMap<PeerId, Ban>) -> std::io::Result<()> {
    let mut text = String::new();
    for (peer, ban) in peers {
        text += &serde_json::to_string(&Line { peer: *peer, ban: ban.clone() })?;
        text.push('\n');
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    let temporary = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(temporary.path(), text)?;
    temporary.persist(file).map_err(|error| error.error)?;
    Ok(())
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bans_outlive_a_restart_and_pass_in_time() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let file = folder.path().join("bans");
        let (peer, other) = (PeerId::random(), PeerId::random());
        Bans::open(&file).add(peer, "block 3 has another hash than its proof says");
        let bans = Bans::open(&file);
        assert!(bans.evidence(&peer).is_some_and(|evidence| evidence.contains("block 3")));
        assert_eq!(bans.evidence(&other), None);
        let text = std::fs::read_to_string(&file).expect("there");
        assert_eq!(parse(&text, unix_now() + LASTS.as_secs() + 10), BTreeMap::new());
        assert_eq!(parse(&format!("what?\n{text}"), 0).len(), 1);
    }

    #[test]
    fn there_is_room_for_so_many() {
        let bans = Bans::default();
        let long = "é".repeat(MAX_EVIDENCE);
        for _ in 0..=MAX_BANS {
            bans.add(PeerId::random(), &long);
        }
        assert_eq!(bans.all().len(), MAX_BANS);
        assert!(bans.all().iter().all(|(_, ban)| ban.evidence.len() <= MAX_EVIDENCE));
    }
}
