//! A peer that speaks our protocols and says what a test tells it to.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use std::{io, ops::Range, sync::Arc};

use multiaddr::Multiaddr;
use p2pfs_tui::{
    application::limits::DEFAULT_SLOTS,
    domain::{ContentId, Key, Manifest, NetworkName, Query, Root, Sha1Hash, Tags, blocks::BLOCK},
    network::{
        content::{
            self,
            limiter::Limiter,
            meter::Meter,
            serve::{Holdings, Provides, Readable, Uploads},
            slots::Slots,
            tree::{PAIR, Tree},
        },
        dht::{self, Dht},
        host::{ConnectionBounds, Host, HostConfig, Started},
        index::{self, Answerer},
    },
};
use sha1::{Digest, Sha1};
use tempfile::TempDir;

/// What a stranger has, and what it does with it.
pub struct Wares {
    /// What it says it has.
    pub manifests: Vec<Manifest>,
    /// The bytes behind.
    pub data: Vec<u8>,
    /// Whether it turns a bit of everything it sends.
    pub corrupt: bool,
}

/// A stranger that runs.
pub struct Stranger {
    pub host: Host,
    pub dht: Dht,
    dir: TempDir,
}

/// The true manifest of some bytes.
pub fn manifest(name: &str, data: &[u8]) -> Manifest {
    let content = ContentId {
        sha1: Sha1Hash::from_bytes(Sha1::digest(data).into()),
        root: Root::from_bytes(*blake3::hash(data).as_bytes()),
        size: data.len() as u64,
    };
    Manifest { name: name.into(), content, media_type: None, tags: Tags::default() }
}

impl Stranger {
    /// Starts a stranger that announces every key of its manifests.
    pub async fn start(bootstrap: Multiaddr, wares: Wares) -> Self {
        Self::start_slow(bootstrap, wares, None).await
    }

    /// The same, sending so many bytes a second.
    pub async fn start_slow(bootstrap: Multiaddr, wares: Wares, limit: Option<u64>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let network: NetworkName = "test".parse().unwrap();
        let config = HostConfig {
            data_dir: dir.path().to_owned(),
            network: network.clone(),
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
            bootstrap: vec![bootstrap],
            mdns: false,
            serve_dht: true,
            connections: ConnectionBounds::default(),
            records: Default::default(),
        };
        let protocols = [index::protocol(&network), content::protocol(&network)];
        let Started { host, inbound: [questions, requests], .. } =
            Host::start(config, protocols).unwrap();
        let dht = dht::libp2p::start(host.clone());
        let wares = Arc::new(wares);
        let slots = Slots::new(DEFAULT_SLOTS as usize);
        let limiter = Limiter::new(limit);
        let uploads = Arc::new(Uploads { limiter, meter: Meter::default(), slots });
        tokio::spawn(index::serve(questions, wares.clone()));
        tokio::spawn(content::serve::serve(requests, wares.clone(), uploads));
        host.state().wait_for(|state| state.routing > 0).await.unwrap();
        let keys: Vec<Key> = wares.manifests.iter().flat_map(Manifest::keys).collect();
        for key in keys {
            assert!(dht.announce(key).await.unwrap().answered > 0);
        }
        Self { host, dht, dir }
    }
}

impl Answerer for Wares {
    /// Answers everything with everything.
    fn answer(&self, _: &Query, _: usize) -> (Vec<Manifest>, u64) {
        (self.manifests.clone(), self.manifests.len() as u64)
    }
}

impl Provides for Wares {
    fn describe_sha1(&self, _: &Sha1Hash) -> Vec<Manifest> {
        self.manifests.clone()
    }

    fn describe_root(&self, _: &Root) -> Vec<Manifest> {
        self.manifests.clone()
    }

    fn open(&self, _: &Root) -> Option<Arc<dyn Readable>> {
        let tree = Tree::new(self.data.len() as u64);
        let mut pairs = Vec::new();
        tree.subtree(&tree.block_cvs(0, &self.data), &mut pairs);
        Some(Arc::new(Open { data: self.data.clone(), tree, pairs, corrupt: self.corrupt }))
    }

    fn holdings(&self, _: &Root) -> Holdings {
        Holdings::All
    }
}

struct Open {
    data: Vec<u8>,
    tree: Tree,
    /// The pairs of all parents, in pre-order.
    pairs: Vec<u8>,
    corrupt: bool,
}

impl Readable for Open {
    fn size(&self) -> u64 {
        self.data.len() as u64
    }

    fn read(&self, blocks: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        let bytes = blocks.start * BLOCK..(blocks.end * BLOCK).min(self.size());
        let start = out.len();
        for parent in self.tree.parents(blocks) {
            let at = parent.index as usize * PAIR;
            out.extend_from_slice(&self.pairs[at..at + PAIR]);
        }
        out.extend_from_slice(&self.data[bytes.start as usize..bytes.end as usize]);
        if self.corrupt {
            let middle = start + (out.len() - start) / 2;
            out[middle] ^= 1;
        }
        Ok(())
    }

    fn found_changed(&self) {}
}
