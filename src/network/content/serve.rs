//! The serving side: bounded in streams, in bytes per request, in patience and in rate.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncWriteExt, BufWriter},
    sync::{Semaphore, mpsc},
    task::spawn_blocking,
    time::timeout,
};

use super::{
    limiter::{Limiter, PIECE},
    meter::Meter,
    proof::Provable,
    wire::{Description, MAX_MANIFESTS, MAX_REQUEST, ReadAnswer, ReadRequest, Request},
};
use crate::{
    domain::{Manifest, Root, Sha1Hash},
    network::{
        host::streams::{ByteStream, Inbound},
        wire::{self, WireError},
    },
};

/// Streams served at the same time; further ones wait in the host's bounded queue.
const PARALLEL: usize = 48;
/// How long a stream may stay without a request.
const IDLE: Duration = Duration::from_secs(30);
/// How long a peer may take to take a piece of data, besides our own limit.
const PIECE_TIME: Duration = Duration::from_secs(30);

/// Knows what this node shares. Called from blocking threads where files are touched.
pub trait Provides: Send + Sync + 'static {
    /// The contents with a SHA-1: several where there are variants.
    fn describe_sha1(&self, sha1: &Sha1Hash) -> Vec<Manifest>;
    /// The files with a root: several where one content has several names.
    fn describe_root(&self, root: &Root) -> Vec<Manifest>;
    /// Opens a content to be read; `None` if it is not shared, or not any more.
    fn open(&self, root: &Root) -> Option<Box<dyn Readable>>;
}

/// A content that is open for reading.
pub trait Readable: Send + Sync {
    /// Bytes in the content.
    fn size(&self) -> u64;
    /// A part of it with its proofs.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what it was when it was hashed.
    fn read(&self, part: &Provable) -> io::Result<Vec<u8>>;
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
}

/// Serves the requests of peers until the host stops.
pub async fn serve(
    mut inbound: mpsc::Receiver<Inbound>,
    shared: Arc<dyn Provides>,
    uploads: Arc<Uploads>,
) {
    let permits = Arc::new(Semaphore::new(PARALLEL));
    while let Some(Inbound { peer, stream }) = inbound.recv().await {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let upload = Upload { shared: shared.clone(), uploads: uploads.clone(), open: None };
        tokio::spawn(async move {
            if let Err(error) = upload.run(stream).await {
                tracing::debug!(%peer, %error, "an upload ended");
            }
            drop(permit);
        });
    }
}

/// One stream of requests.
struct Upload {
    shared: Arc<dyn Provides>,
    uploads: Arc<Uploads>,
    /// The content of the last request, since the next is mostly for the same.
    open: Option<(Root, Arc<dyn Readable>)>,
}

impl Upload {
    async fn run(mut self, stream: ByteStream) -> Result<(), WireError> {
        let (mut reader, writer) = tokio::io::split(stream);
        let mut writer = BufWriter::with_capacity(PIECE, writer);
        loop {
            let request = match timeout(IDLE, wire::read(&mut reader, MAX_REQUEST)).await {
                Ok(Ok(request)) => request,
                // The peer has what it wanted.
                Ok(Err(WireError::Io(error))) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(());
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => return Ok(()),
            };
            match request {
                Request::DescribeSha1(sha1) => {
                    describe(&mut writer, self.shared.describe_sha1(&sha1)).await?;
                }
                Request::DescribeRoot(root) => {
                    describe(&mut writer, self.shared.describe_root(&root)).await?;
                }
                Request::Read(read) => self.send(&mut writer, read).await?,
            }
            writer.flush().await?;
        }
    }

    async fn send(
        &mut self,
        writer: &mut (impl AsyncWriteExt + Unpin),
        read: ReadRequest,
    ) -> Result<(), WireError> {
        let Some(content) = self.content(&read.root).await else {
            return wire::write(writer, &ReadAnswer::Missing).await;
        };
        let Ok(part) = Provable::new(content.size(), read.start..read.end) else {
            return wire::write(writer, &ReadAnswer::OutOfRange).await;
        };
        let job =
            spawn_blocking(move || content.read(&part).inspect_err(|_| content.found_changed()));
        let Ok(Ok(encoded)) = job.await else {
            self.open = None;
            return wire::write(writer, &ReadAnswer::Missing).await;
        };
        wire::write(writer, &ReadAnswer::Data).await?;
        for piece in encoded.chunks(PIECE) {
            self.uploads.limiter.pass(piece.len()).await;
            timeout(PIECE_TIME, writer.write_all(piece))
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            self.uploads.meter.add(piece.len());
        }
        Ok(())
    }

    async fn content(&mut self, root: &Root) -> Option<Arc<dyn Readable>> {
        if let Some((open, content)) = &self.open
            && open == root
        {
            return Some(content.clone());
        }
        let (shared, wanted) = (self.shared.clone(), *root);
        let content: Arc<dyn Readable> =
            spawn_blocking(move || shared.open(&wanted)).await.ok()??.into();
        self.open = Some((*root, content.clone()));
        Some(content)
    }
}

async fn describe(
    writer: &mut (impl AsyncWriteExt + Unpin),
    manifests: Vec<Manifest>,
) -> Result<(), WireError> {
    for manifest in manifests.into_iter().take(MAX_MANIFESTS) {
        wire::write(writer, &Description::Has(manifest)).await?;
    }
    wire::write(writer, &Description::End).await
}
