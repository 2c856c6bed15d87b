//! What the host remembers between runs: the peers it knew, and the records it holds for others.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use libp2p::{Multiaddr, PeerId};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::command::Provider;
use crate::network::kad::record_store::Saved;

/// How many peers are remembered.
pub(super) const MAX_PEERS: usize = 64;
/// Ports that may be drawn: neither well-known ones nor those that systems lend to clients.
const PORTS: std::ops::Range<u16> = 10_000..32_000;
/// The largest file that is read back, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// The files of a data directory that the host owns.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    peers: PathBuf,
    records: PathBuf,
    port: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct KnownPeer {
    peer: PeerId,
    addresses: Vec<Multiaddr>,
}

impl Memory {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self {
            peers: data_dir.join("peers.json"),
            records: data_dir.join("records.cbor"),
            port: data_dir.join("port"),
        }
    }

    /// The peers of last time. A damaged file counts as none: it is written anew.
    pub(super) fn peers(&self) -> Vec<Provider> {
        read(&self.peers).map(|bytes| decode_peers(&bytes)).unwrap_or_default()
    }

    pub(super) fn save_peers(&self, peers: Vec<Provider>) -> io::Result<()> {
        let known: Vec<_> = peers
            .into_iter()
            .take(MAX_PEERS)
            .map(|p| KnownPeer { peer: p.peer, addresses: p.addresses })
            .collect();
        write(&self.peers, &serde_json::to_vec_pretty(&known)?)
    }

    /// The port this node listens on unless told otherwise: drawn once, so that the invitations
    /// and the memory of others outlive a restart. `None` if it can neither be read nor kept.
    pub(super) fn port(&self) -> Option<u16> {
        let kept = read(&self.port)
            .and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim().parse().ok());
        if let Some(port) = kept.filter(|port| PORTS.contains(port)) {
            return Some(port);
        }
        let drawn = rand::rng().random_range(PORTS);
        write(&self.port, drawn.to_string().as_bytes()).ok().map(|()| drawn)
    }

    /// The records of last time. A damaged file counts as none: owners announce again.
    pub(super) fn records(&self) -> Option<Saved> {
        Saved::from_bytes(&read(&self.records)?)
    }

    pub(super) fn save_records(&self, saved: &Saved) -> io::Result<()> {
        write(&self.records, &saved.to_bytes())
    }
}

/// Reads the file of known peers; nobody is known by a damaged one.
pub fn decode_peers(bytes: &[u8]) -> Vec<Provider> {
    let known: Vec<KnownPeer> = serde_json::from_slice(bytes).unwrap_or_default();
    let providers = known.into_iter().map(|k| Provider { peer: k.peer, addresses: k.addresses });
    providers.take(MAX_PEERS).collect()
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let size = fs::metadata(path).ok()?.len();
    if size > MAX_FILE { None } else { fs::read(path).ok() }
}

/// Writes aside and moves, so that a crash leaves the old file or the new one.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_drawn_once() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let port = Memory::new(dir.path()).port().expect("drawn");
        assert_eq!(Memory::new(dir.path()).port(), Some(port));
        fs::write(dir.path().join("port"), b"80").expect("damaged");
        assert!(PORTS.contains(&Memory::new(dir.path()).port().expect("drawn again")));
    }

    #[test]
    fn peers_are_remembered_and_damage_is_survived() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let memory = Memory::new(dir.path());
        assert!(memory.peers().is_empty() && memory.records().is_none());
        let addresses = vec!["/ip4/127.0.0.1/tcp/1".parse().expect("address")];
        let known = Provider { peer: PeerId::random(), addresses };
        memory.save_peers(vec![known.clone()]).expect("saved");
        assert_eq!(memory.peers(), vec![known]);
        fs::write(dir.path().join("peers.json"), b"{").expect("damaged");
        fs::write(dir.path().join("records.cbor"), b"\x01{").expect("damaged");
        assert!(memory.peers().is_empty() && memory.records().is_none());
    }
}
