//! One conversation with one provider, seen from the side that fetches: what is asked before bytes
//! flow. When they do, [`fetch`](super::fetch) takes the stream over.

use std::{io, time::Duration};

use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    time::timeout,
};

use super::{
    tree::{Mismatch, Tree, is_root_of_nothing},
    wire::{Answer, MAX_ANSWER, MAX_MANIFESTS, ReadRequest, Request},
};
use crate::{
    domain::{
        Manifest, Root, Sha1Hash,
        blocks::{self, BLOCK},
    },
    network::{
        host::{
            Host,
            streams::{ByteStream, OpenError, Place},
        },
        wire::{self, WireError},
    },
};

/// How long reaching a provider may take.
const OPEN_TIME: Duration = Duration::from_secs(15);
/// How long a provider may take before the next bytes come.
const SILENCE: Duration = Duration::from_secs(15);
/// Bytes that are read ahead: small answers come many at a time.
const READ_AHEAD: usize = 64 << 10;

/// A stream of requests to a provider. Requests may be sent ahead; answers come in order.
#[derive(Debug)]
pub struct Session {
    stream: BufReader<ByteStream>,
    place: Place,
}

/// Why a provider did not do what was asked. None of these proves bad will, but [`Self::Lied`].
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No stream to it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It sent something that is provably wrong, some time ago.
    #[error("it is banned: {0}")]
    Banned(String),
    /// It broke off or broke the protocol.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// It said nothing for too long: it is stuck, or has others to serve first.
    #[error("it fell silent")]
    Silent,
    /// It does not have the content, or not any more.
    #[error("it does not have this content")]
    Missing,
    /// Its content has no such bytes.
    #[error("its content has another size")]
    OutOfRange,
    /// It sent something that is provably wrong.
    #[error("{0}")]
    Lied(String),
}

impl From<io::Error> for SessionError {
    fn from(error: io::Error) -> Self {
        Self::Wire(error.into())
    }
}

impl Session {
    /// Opens a conversation.
    ///
    /// # Errors
    /// When the provider cannot be reached or does not speak the protocol.
    pub(super) async fn open(
        host: &Host,
        protocol: StreamProtocol,
        (peer, addresses): (PeerId, Vec<Multiaddr>),
        place: Place,
    ) -> Result<Self, SessionError> {
        let late = |_| OpenError::Unreachable("no answer in time".to_owned());
        let open = host.open(peer, addresses, protocol);
        let stream = timeout(OPEN_TIME, open).await.map_err(late)??;
        Ok(Self { stream: BufReader::with_capacity(READ_AHEAD, stream), place })
    }

    /// What the provider has under a SHA-1; manifests that break a bound are left out.
    ///
    /// # Errors
    /// When the provider breaks off.
    pub async fn describe_sha1(&mut self, sha1: Sha1Hash) -> Result<Vec<Manifest>, SessionError> {
        let mut found = self.describe(Request::DescribeSha1(sha1)).await?;
        found.retain(|manifest| manifest.content.sha1 == sha1);
        Ok(found)
    }

    /// What the provider has with a root.
    ///
    /// # Errors
    /// When the provider breaks off.
    pub async fn describe_root(&mut self, root: Root) -> Result<Vec<Manifest>, SessionError> {
        let mut found = self.describe(Request::DescribeRoot(root)).await?;
        found.retain(|manifest| manifest.content.root == root);
        Ok(found)
    }

    async fn describe(&mut self, request: Request) -> Result<Vec<Manifest>, SessionError> {
        self.ask(&request).await?;
        let mut found = Vec::new();
        for _ in 0..=MAX_MANIFESTS {
            match self.answer().await? {
                Answer::Has(manifest) if manifest.check().is_ok() => found.push(manifest),
                Answer::Has(_) => {}
                Answer::End => return Ok(found),
                other => return Err(unexpected(&other)),
            }
        }
        Err(WireError::Malformed("a description without an end".to_owned()).into())
    }

    /// Has the provider prove that the content is of a size, by its last block: a tree of another
    /// size has another one. Returns that block behind its proof.
    ///
    /// # Errors
    /// [`SessionError::Lied`] when the proof is wrong, others when none came.
    pub async fn prove_size(&mut self, root: Root, size: u64) -> Result<Vec<u8>, SessionError> {
        let tree = Tree::new(size);
        let Some(bytes) = blocks::last_block(size) else {
            let lie = || SessionError::Lied("it says that the file is empty".to_owned());
            return is_root_of_nothing(&root).then(Vec::new).ok_or_else(lie);
        };
        let last = bytes.start / BLOCK;
        self.ask(&Request::Read(ReadRequest { root, start: bytes.start, end: bytes.end })).await?;
        loop {
            match self.answer().await? {
                Answer::Data => break,
                Answer::Waits(_) => {}
                Answer::Missing | Answer::Cancelled => return Err(SessionError::Missing),
                Answer::OutOfRange => return Err(SessionError::OutOfRange),
                other => return Err(unexpected(&other)),
            }
        }
        let mut proof = vec![0; tree.proof_len(last..last + 1)];
        self.fill(&mut proof).await?;
        let mut block = vec![0; usize::try_from(bytes.end - bytes.start).unwrap_or(0)];
        self.fill(&mut block).await?;
        let lied = |error: Mismatch| SessionError::Lied(error.to_string());
        let cvs = tree.verify(&root, last..last + 1, &proof).map_err(lied)?;
        let cv = cvs.first().ok_or(SessionError::OutOfRange)?;
        tree.check_block(last, &block, cv).map_err(lied)?;
        proof.extend_from_slice(&block);
        Ok(proof)
    }

    /// The bare stream, to go on in another way.
    pub(super) fn into_parts(self) -> (BufReader<ByteStream>, Place) {
        (self.stream, self.place)
    }

    async fn ask(&mut self, request: &Request) -> Result<(), SessionError> {
        wire::write(&mut self.stream, request).await?;
        Ok(self.stream.flush().await?)
    }

    async fn fill(&mut self, buffer: &mut [u8]) -> Result<(), SessionError> {
        let read = self.stream.read_exact(buffer);
        timeout(SILENCE, read).await.map_err(|_| SessionError::Silent)??;
        Ok(())
    }

    async fn answer(&mut self) -> Result<Answer, SessionError> {
        let message = wire::read(&mut self.stream, MAX_ANSWER);
        Ok(timeout(SILENCE, message).await.map_err(|_| SessionError::Silent)??)
    }
}

/// An answer that was not asked for.
pub(super) fn unexpected(answer: &Answer) -> SessionError {
    let kind = match answer {
        Answer::Has(_) => "has",
        Answer::End => "end",
        Answer::Holds(_) => "holds",
        Answer::Data => "data",
        Answer::Missing => "missing",
        Answer::OutOfRange => "outofrange",
        Answer::Cancelled => "cancelled",
        Answer::Waits(_) => "waits",
    };
    WireError::Malformed(format!("an answer that nobody waits for: {kind}")).into()
}
