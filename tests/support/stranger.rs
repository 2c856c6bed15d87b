//! A peer that speaks our protocols and says what a test tells it to.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use std::{io, ops::Range, sync::Arc};

use multiaddr::Multiaddr;
use p2pfs_tui::{
    domain::{ContentId, Key, Manifest, NetworkName, Query, Root, Sha1Hash, Tags, blocks::BLOCK},
    network::{
        content::{
            self,
            limiter::Limiter,
            meter::Meter,
            serve::{Holdings, Provides, Readable, Uploads},
            slots::Slots,
            tree::{PAIR, Tree},
            wire::{Answer, Holds, MAX_REQUEST, Request, Spans},
        },
        dht::{self, Dht},
        host::{
            ConnectionBounds, Host, HostConfig, Started,
            streams::{ByteStream, Inbound},
        },
        index::{self, Answerer},
        wire,
    },
};
use sha1::{Digest, Sha1};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

/// What a stranger has, and what it does with it. Cheap to clone.
#[derive(Clone)]
pub struct Wares {
    /// What it says it has.
    pub manifests: Vec<Manifest>,
    /// The bytes behind.
    pub content: Arc<Content>,
    /// Whether it turns a bit of the first block of everything it sends.
    pub corrupt: bool,
}

/// Bytes, with what proves them.
pub struct Content {
    data: Vec<u8>,
    pairs: Vec<u8>,
}

/// What a stranger does when it is asked.
pub enum Manner {
    /// Serves as everybody does, at most so many bytes a second.
    Serving(Option<u64>),
    /// Does what a script says.
    Scripted(Arc<Script>),
}

/// What is done about a request.
pub type Script = dyn Fn(&Request, &Wares) -> Reaction + Send + Sync;

/// What is done about a request.
pub enum Reaction {
    /// Sends these bytes.
    Say(Vec<u8>),
    /// Sends them again and again, as long as anybody listens.
    Flood(Vec<u8>),
    /// Sends these bytes and is silent ever after.
    Freeze(Vec<u8>),
}

/// A stranger that runs.
pub struct Stranger {
    pub host: Host,
    pub dht: Dht,
    uploads: Arc<Uploads>,
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

impl Content {
    pub fn new(data: &[u8]) -> Arc<Self> {
        let (tree, mut pairs) = (Tree::new(data.len() as u64), Vec::new());
        if !data.is_empty() {
            tree.subtree(&tree.block_cvs(0, data), &mut pairs);
        }
        Arc::new(Self { data: data.to_vec(), pairs })
    }

    /// The proof of some blocks, and their bytes.
    pub fn proven(&self, blocks: Range<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        for parent in Tree::new(self.data.len() as u64).parents(blocks.clone()) {
            let start = parent.index as usize * PAIR;
            out.extend_from_slice(&self.pairs[start..start + PAIR]);
        }
        let end = (blocks.end * BLOCK).min(self.data.len() as u64);
        out.extend_from_slice(&self.data[(blocks.start * BLOCK) as usize..end as usize]);
        out
    }
}

impl Wares {
    /// What somebody has who has this, and says so.
    pub fn of(manifest: Manifest, data: &[u8]) -> Self {
        Self { manifests: vec![manifest], content: Content::new(data), corrupt: false }
    }

    fn has(&self, root: &Root) -> bool {
        self.manifests.iter().any(|manifest| manifest.content.root == *root)
    }

    /// What an honest peer would send.
    pub fn honest(&self, request: &Request) -> Vec<u8> {
        match request {
            Request::DescribeSha1(_) | Request::DescribeRoot(_) => {
                let has = self.manifests.iter().cloned().map(Answer::Has);
                frames(&has.chain([Answer::End]).collect::<Vec<_>>())
            }
            Request::Follow(root) => frames(&[holds(*root, Spans::All)]),
            Request::Read(read) if read.end <= self.content.data.len() as u64 => {
                let mut answer = frames(&[Answer::Data]);
                answer.extend(self.content.proven(read.start / BLOCK..read.end.div_ceil(BLOCK)));
                answer
            }
            Request::Read(_) => frames(&[Answer::OutOfRange]),
            Request::Cancel(_) => Vec::new(),
        }
    }
}

pub fn holds(root: Root, spans: Spans) -> Answer {
    Answer::Holds(Holds { root, spans })
}

/// Messages as they are sent.
pub fn frames(answers: &[Answer]) -> Vec<u8> {
    answers.iter().flat_map(|answer| wire::frame(answer).unwrap()).collect()
}

impl Stranger {
    /// Starts a stranger that announces every key of its manifests.
    pub async fn start(bootstrap: Multiaddr, wares: Wares) -> Self {
        Self::start_with(bootstrap, wares, Manner::Serving(None)).await
    }

    /// The same, with manners of its own.
    pub async fn start_with(bootstrap: Multiaddr, wares: Wares, manner: Manner) -> Self {
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
        let Started { host, inbound: [questions, mut requests], .. } =
            Host::start(config, protocols).unwrap();
        let dht = dht::libp2p::start(host.clone());
        let wares = Arc::new(wares);
        let limit = if let Manner::Serving(limit) = manner { limit } else { None };
        let (limiter, meter, slots) = (Limiter::new(limit), Meter::default(), Slots::new(64));
        let uploads = Arc::new(Uploads { limiter, meter, slots });
        tokio::spawn(index::serve(questions, wares.clone()));
        match manner {
            Manner::Serving(_) => {
                tokio::spawn(content::serve::serve(requests, wares.clone(), uploads.clone()));
            }
            Manner::Scripted(script) => {
                let (wares, uploads) = (wares.clone(), uploads.clone());
                tokio::spawn(async move {
                    while let Some(Inbound { stream, place, .. }) = requests.recv().await {
                        let conversation =
                            converse(stream, wares.clone(), uploads.clone(), script.clone());
                        tokio::spawn(async move {
                            let _ = conversation.await;
                            drop(place);
                        });
                    }
                });
            }
        }
        host.state().wait_for(|state| state.routing > 0).await.unwrap();
        let keys: Vec<Key> = wares.manifests.iter().flat_map(Manifest::keys).collect();
        for key in keys {
            assert!(dht.announce(key).await.unwrap().answered > 0);
        }
        Self { host, dht, uploads, dir }
    }

    /// Bytes of answers that it sent.
    pub fn sent(&self) -> u64 {
        self.uploads.meter.total()
    }

    /// Changes how fast it serves.
    pub fn set_limit(&self, limit: Option<u64>) {
        self.uploads.limiter.set(limit);
    }
}

/// Does what a script says, request by request.
async fn converse(
    stream: ByteStream,
    wares: Arc<Wares>,
    uploads: Arc<Uploads>,
    script: Arc<Script>,
) -> Result<(), wire::WireError> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    loop {
        let request: Request = wire::read(&mut reader, MAX_REQUEST).await?;
        let (bytes, again, freeze) = match script(&request, &wares) {
            Reaction::Say(bytes) => (bytes, false, false),
            Reaction::Flood(bytes) => (bytes, true, false),
            Reaction::Freeze(bytes) => (bytes, false, true),
        };
        loop {
            writer.write_all(&bytes).await?;
            writer.flush().await?;
            uploads.meter.add(bytes.len());
            if !again {
                break;
            }
        }
        if freeze {
            std::future::pending::<()>().await;
        }
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

    fn open(&self, root: &Root) -> Option<Arc<dyn Readable>> {
        let open = || Arc::new(Open { content: self.content.clone(), corrupt: self.corrupt });
        self.has(root).then(|| open() as Arc<dyn Readable>)
    }

    fn holdings(&self, root: &Root) -> Holdings {
        if self.has(root) { Holdings::All } else { Holdings::Nothing }
    }
}

struct Open {
    content: Arc<Content>,
    corrupt: bool,
}

impl Readable for Open {
    fn size(&self) -> u64 {
        self.content.data.len() as u64
    }

    fn read(&self, blocks: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        let proof = Tree::new(self.size()).proof_len(blocks.clone());
        let start = out.len();
        out.extend(self.content.proven(blocks));
        if self.corrupt {
            out[start + proof + 7] ^= 1;
        }
        Ok(())
    }

    fn found_changed(&self) {}
}
