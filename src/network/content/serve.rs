//! The serving side: bounded in streams, in bytes per request, in patience and in rate.

use std::{future::Future, io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter},
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
        host::streams::Inbound,
        wire::{self, WireError},
    },
};

/// Streams served at the same time; further ones wait in the host's bounded queue.
const PARALLEL: usize = 48;
/// How long a stream may stay without a request.
const IDLE: Duration = Duration::from_secs(30);
/// How long a peer may take to take a piece of what it is sent, besides our own limit.
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
    while let Some(Inbound { peer, stream, place }) = inbound.recv().await {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let upload = Upload { shared: shared.clone(), uploads: uploads.clone(), open: None };
        tokio::spawn(async move {
            if let Err(error) = upload.run(stream).await {
                tracing::debug!(%peer, %error, "an upload ended");
            }
            drop((permit, place));
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
    async fn run(mut self, stream: impl AsyncRead + AsyncWrite) -> Result<(), WireError> {
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
                    in_time(describe(&mut writer, self.shared.describe_sha1(&sha1))).await?;
                }
                Request::DescribeRoot(root) => {
                    in_time(describe(&mut writer, self.shared.describe_root(&root))).await?;
                }
                Request::Read(read) => self.send(&mut writer, read).await?,
            }
            in_time(async { Ok(writer.flush().await?) }).await?;
        }
    }

    async fn send(
        &mut self,
        writer: &mut (impl AsyncWriteExt + Unpin),
        read: ReadRequest,
    ) -> Result<(), WireError> {
        let Some(content) = self.content(&read.root).await else {
            return in_time(wire::write(writer, &ReadAnswer::Missing)).await;
        };
        let Ok(part) = Provable::new(content.size(), read.start..read.end) else {
            return in_time(wire::write(writer, &ReadAnswer::OutOfRange)).await;
        };
        let job =
            spawn_blocking(move || content.read(&part).inspect_err(|_| content.found_changed()));
        let Ok(Ok(encoded)) = job.await else {
            self.open = None;
            return in_time(wire::write(writer, &ReadAnswer::Missing)).await;
        };
        in_time(wire::write(writer, &ReadAnswer::Data)).await?;
        let limiter = &self.uploads.limiter;
        let size = limiter.piece();
        for piece in encoded.chunks(size) {
            limiter.pass(piece.len()).await;
            in_time(async {
                writer.write_all(piece).await?;
                // What was waited for is not to wait again for the buffer to fill.
                if size < PIECE { Ok(writer.flush().await?) } else { Ok(()) }
            })
            .await?;
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

/// Every write has its time, so that a peer that asks and does not read cannot keep its place.
async fn in_time(write: impl Future<Output = Result<(), WireError>>) -> Result<(), WireError> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    timeout(PIECE_TIME, write).await.map_err(late)?
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ContentId, Tags};

    /// Has one file under every hash.
    struct Anything;

    impl Provides for Anything {
        fn describe_sha1(&self, sha1: &Sha1Hash) -> Vec<Manifest> {
            let content = ContentId { sha1: *sha1, root: Root::from_bytes([1; 32]), size: 1 };
            let tags = Tags::default();
            vec![Manifest { name: "a".repeat(255), content, media_type: None, tags }]
        }

        fn describe_root(&self, _: &Root) -> Vec<Manifest> {
            Vec::new()
        }

        fn open(&self, _: &Root) -> Option<Box<dyn Readable>> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_asks_and_never_reads_loses_its_place() {
        let uploads = Uploads { limiter: Limiter::new(None), meter: Meter::default() };
        let upload = Upload { shared: Arc::new(Anything), uploads: Arc::new(uploads), open: None };
        let (mut peer, served) = tokio::io::duplex(64);
        let asking = async {
            let request = Request::DescribeSha1(Sha1Hash::from_bytes([7; 20]));
            while wire::write(&mut peer, &request).await.is_ok() {}
        };
        let ended = tokio::select! {
            ended = upload.run(served) => ended,
            () = asking => panic!("it was not let go by the one who serves"),
        };
        let Err(WireError::Io(error)) = ended else { panic!("{ended:?}") };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
