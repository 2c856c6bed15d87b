//! The serving side of the content protocol.
//!
//! A stream is one conversation: `requests` are read ahead into a bounded queue, and `conversation`
//! answers them in their order. `upload` reads what is sent from the disk while what was read before
//! goes out through `sending`; `telling` says which spans are here.
//!
//! Never holds more than bounded memory for a peer, and never a place for one that does not take
//! what it asked for: bounded in streams, in slots, in bytes per request, in patience and in rate.

mod conversation;
mod requests;
mod sending;
mod telling;
mod upload;

use std::{io, ops::Range, sync::Arc};

use libp2p::PeerId;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Semaphore, mpsc},
};

use self::{conversation::Conversation, requests::Backlog, upload::Buffers};
use super::{held::Held, limiter::Limiter, meter::Meter, slots::Slots};
use crate::{
    domain::{Manifest, Root, Sha1Hash},
    network::{host::streams::Inbound, wire::WireError},
};

/// Streams served at a time; further ones wait in the host's bounded queue. Only those with a slot
/// hold spans in memory.
const PARALLEL: usize = 128;

/// Knows what this node has.
pub trait Provides: Send + Sync + 'static {
    /// The contents with a SHA-1: several where there are variants.
    fn describe_sha1(&self, sha1: &Sha1Hash) -> Vec<Manifest>;
    /// The files with a root: several where one content has several names.
    fn describe_root(&self, root: &Root) -> Vec<Manifest>;
    /// Opens a content to be read; `None` if it is not here. Called where it may block.
    fn open(&self, root: &Root) -> Option<Arc<dyn Readable>>;
    /// Which spans of a content or a collection are here.
    fn holdings(&self, root: &Root) -> Holdings;
    /// So many bytes of a content were sent to a peer.
    fn sent(&self, root: &Root, bytes: u64) {
        let _ = (root, bytes);
    }
}

/// What of a content or a collection is here.
#[derive(Debug, Clone)]
pub enum Holdings {
    /// Nothing, and it is not being fetched.
    Nothing,
    /// All of it.
    All,
    /// What has arrived so far. When whoever fetches it drops the set, it is asked for again.
    Growing(Arc<Held>),
}

/// A content that is open for reading. Called where it may block.
pub trait Readable: Send + Sync {
    /// Bytes in the content.
    fn size(&self) -> u64;
    /// Appends the proof of some blocks, the pairs of [`Tree::parents`](super::tree::Tree::parents)
    /// in pre-order, and their bytes. The blocks are within the content and at most a span.
    ///
    /// # Errors
    /// `NotFound` when these blocks are not here, or not yet; any other when the file cannot be
    /// read, or is not what it was when it was hashed.
    fn read(&self, blocks: Range<u64>, out: &mut Vec<u8>) -> io::Result<()>;
    /// It could not be read as what it was: the file has changed or is gone.
    fn found_changed(&self);
}

/// What all uploads of a node share.
#[derive(Debug)]
pub struct Uploads {
    /// The limit over all of them.
    pub limiter: Limiter,
    /// What they have sent.
    pub meter: Meter,
    /// How many of them send at a time.
    pub slots: Slots,
}

/// What all conversations share.
#[derive(Clone)]
struct Shared {
    provides: Arc<dyn Provides>,
    uploads: Arc<Uploads>,
    buffers: Arc<Buffers>,
}

impl Shared {
    fn new(provides: Arc<dyn Provides>, uploads: Arc<Uploads>) -> Self {
        Self { provides, uploads, buffers: Arc::default() }
    }

    /// Answers the requests of one stream until the peer has what it wanted, or falls silent.
    async fn converse(
        &self,
        peer: PeerId,
        stream: impl AsyncRead + AsyncWrite,
    ) -> Result<(), WireError> {
        let (reader, writer) = tokio::io::split(stream);
        let backlog = Backlog::default();
        tokio::select! {
            ended = Conversation::new(self, peer, &backlog, writer).run() => ended,
            // The end of the requests is not the end of the answers.
            Err(error) = backlog.read_from(reader) => Err(error),
        }
    }
}

/// Serves the requests of peers until the host stops.
pub async fn serve(
    mut inbound: mpsc::Receiver<Inbound>,
    shared: Arc<dyn Provides>,
    uploads: Arc<Uploads>,
) {
    let shared = Shared::new(shared, uploads);
    let permits = Arc::new(Semaphore::new(PARALLEL));
    while let Some(Inbound { peer, stream, place }) = inbound.recv().await {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let shared = shared.clone();
        tokio::spawn(async move {
            if let Err(error) = shared.converse(peer, stream).await {
                tracing::debug!(%peer, %error, "an upload ended");
            }
            drop((permit, place));
        });
    }
}

#[cfg(test)]
mod tests;
