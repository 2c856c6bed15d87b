//! One conversation with one provider, seen from the side that fetches.

use std::{io, ops::Range, time::Duration};

use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    proof::Provable,
    wire::{Description, MAX_ANSWER, MAX_MANIFESTS, ReadAnswer, ReadRequest, Request},
};
use crate::{
    domain::{Manifest, Root, Sha1Hash},
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

/// A stream of requests to a provider. Requests may be sent ahead; answers come in order.
#[derive(Debug)]
pub struct Session {
    stream: ByteStream,
    _place: Place,
}

/// Why a provider did not do what was asked. None of these proves bad will.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No stream to it.
    #[error(transparent)]
    Open(#[from] OpenError),
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
        Ok(Self { stream, _place: place })
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
        wire::write(&mut self.stream, &request).await?;
        self.stream.flush().await?;
        let mut found = Vec::new();
        for _ in 0..=MAX_MANIFESTS {
            match self.message().await? {
                Description::Has(manifest) if manifest.check().is_ok() => found.push(manifest),
                Description::Has(_) => {}
                Description::End => return Ok(found),
            }
        }
        Err(WireError::Malformed("a description without an end".to_owned()).into())
    }

    /// Asks for bytes; the answer is taken with [`Session::answer`].
    ///
    /// # Errors
    /// When the provider has broken off.
    pub async fn request(&mut self, root: Root, bytes: Range<u64>) -> Result<(), SessionError> {
        let read = ReadRequest { root, start: bytes.start, end: bytes.end };
        wire::write(&mut self.stream, &Request::Read(read)).await?;
        Ok(self.stream.flush().await?)
    }

    /// Takes the answer to the oldest request: bytes with their proofs, not checked yet.
    ///
    /// # Errors
    /// When the provider does not have the bytes, breaks off or falls silent.
    pub async fn answer(&mut self, part: &Provable) -> Result<Vec<u8>, SessionError> {
        match self.message().await? {
            ReadAnswer::Data => {}
            ReadAnswer::Missing => return Err(SessionError::Missing),
            ReadAnswer::OutOfRange => return Err(SessionError::OutOfRange),
        }
        let mut encoded = vec![0; part.encoded_len()];
        let mut filled = 0;
        while filled < encoded.len() {
            let read = self.stream.read(&mut encoded[filled..]);
            match timeout(SILENCE, read).await.map_err(|_| SessionError::Silent)?? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                some => filled += some,
            }
        }
        Ok(encoded)
    }

    async fn message<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, SessionError> {
        let message = wire::read(&mut self.stream, MAX_ANSWER);
        Ok(timeout(SILENCE, message).await.map_err(|_| SessionError::Silent)??)
    }
}
