//! Files at a URL on this machine, also while they arrive: for a player, and for `get -o -`.
//!
//! Owns the URLs, and the one HTTP server behind them, which begins with the first URL and ends
//! with the node. It reads and never writes: what is fetched, and in which order, is the
//! transfers' business, who are told where the reader is by what he reads.
//!
//! Invariant: nobody reads anything here who was not told its URL. Each holds 128 random bits, so
//! that neither another person on this machine nor a page in a browser can guess it.

mod answer;
mod body;
mod header;
mod offered;
mod part;
mod server;
mod source;

use std::{sync::Arc, time::Duration};

use tokio::{sync::OnceCell, task::spawn_blocking, time::timeout};
use tokio_util::sync::CancellationToken;

use self::{
    offered::{Entry, Offered},
    source::Source,
};
use super::{
    catalog::SharedFile,
    indexing::IndexingService,
    message::{Failure, FailureKind, Reply, TransferId},
    transfers::Transfers,
};
use crate::domain::{Link, Untrusted};

/// How long it is waited until it is known what a link names. A URL is given out all the same when
/// it takes longer.
const KNOWN: Duration = Duration::from_secs(2);

/// The files of a node that can be read at a URL.
#[derive(Debug)]
pub(super) struct Streams {
    transfers: Transfers,
    indexing: IndexingService,
    stopped: CancellationToken,
    offered: Arc<Offered>,
    /// The port of the server, once there is one.
    port: OnceCell<u16>,
}

impl Streams {
    pub(super) fn new(
        transfers: Transfers,
        indexing: IndexingService,
        stopped: CancellationToken,
    ) -> Self {
        let offered = Arc::default();
        Self { transfers, indexing, stopped, offered, port: OnceCell::new() }
    }

    /// Offers a file at a URL, and begins to fetch it unless this node shares it.
    ///
    /// # Errors
    /// When the server cannot begin, or the transfer.
    pub(super) async fn open(&self, link: Link, temporary: bool) -> Result<Reply, Failure> {
        let port = *self.port.get_or_try_init(|| self.start()).await?;
        if let Some(file) = self.shared(&link).await {
            let (name, size) = (file.manifest.name.clone(), file.manifest.content.size);
            let entry = self.offered.add(Source::Shared(file, self.indexing.clone()));
            return Ok(reply(port, &entry, None, Some(name), Some(size)));
        }
        let (mut name, mut size) = (link.name.clone(), link.size);
        let (transfer, is_new) = self.transfers.stream(link, temporary)?;
        let reader = self.transfers.reader(transfer)?;
        match timeout(KNOWN, reader.file()).await {
            Ok(Ok(file)) => (name, size) = (Some(file.name), Some(file.size)),
            // A folder has no URL, and nobody asked for it to be fetched.
            Ok(Err(failure)) if failure.kind == FailureKind::Usage => {
                if is_new {
                    let _ = self.transfers.cancel(transfer);
                }
                return Err(failure);
            }
            // Why it fails, and that it takes long, is told by the transfer.
            _ => {}
        }
        let entry = self.offered.add(Source::Transfer(transfer, reader));
        if temporary {
            self.watch_over(transfer, &entry);
        }
        Ok(reply(port, &entry, Some(transfer), name, size))
    }

    async fn start(&self) -> Result<u16, Failure> {
        server::start(self.offered.clone(), self.stopped.clone()).await.map_err(|error| {
            let message = format!("cannot listen on 127.0.0.1: {error}");
            Failure::new(FailureKind::Error, message)
        })
    }

    /// A file of this node with the content, that is still what was hashed.
    async fn shared(&self, link: &Link) -> Option<Arc<SharedFile>> {
        let catalog = self.indexing.catalog();
        let file = match (&link.root, &link.sha1) {
            (Some(root), _) => catalog.by_root(root)?,
            (None, Some(sha1)) => match &catalog.by_sha1(sha1)[..] {
                [only] => only.clone(),
                // Which of several is meant, nobody knows.
                _ => return None,
            },
            (None, None) => return None,
        };
        if link.size.is_some_and(|size| size != file.manifest.content.size) {
            return None;
        }
        let opened = file.clone();
        match spawn_blocking(move || opened.open_unchanged().map(drop)).await.ok()? {
            Ok(()) => Some(file),
            Err(changed) => {
                tracing::info!(%changed, "a shared file cannot be read");
                self.indexing.mark_changed(&file.path);
                None
            }
        }
    }

    /// Deletes a temporary transfer whose reader went without doing so.
    fn watch_over(&self, transfer: TransferId, entry: &Entry) {
        let (transfers, stopped) = (self.transfers.clone(), self.stopped.clone());
        let abandoned = entry.abandoned();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                // It is gone already where its reader did as he should.
                () = abandoned => drop(transfers.cancel(transfer)),
            }
        });
    }
}

fn reply(
    port: u16,
    entry: &Entry,
    transfer: Option<TransferId>,
    name: Option<String>,
    size: Option<u64>,
) -> Reply {
    let last = header::url_name(name.as_deref().unwrap_or("file"));
    let url = format!("http://127.0.0.1:{port}/{}/{last}", entry.token);
    Reply::Stream { transfer, url, name: name.map(Untrusted::new), size }
}
