//! What is offered to others while it arrives: every span that is here, with its proofs.

use std::{
    collections::HashMap,
    io,
    ops::Range,
    sync::{Arc, PoisonError, RwLock, atomic::Ordering},
};

use super::{Inner, transfer::Transfer};
use crate::{
    application::{announcing::Announcer, message::TransferId},
    domain::{ContentId, Manifest, Root, Sha1Hash, blocks::BLOCK},
    network::content::{
        held::Held,
        serve::Readable,
        store::Store,
        tree::{PAIR, Tree},
    },
};

/// What is offered at the moment. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    /// Two transfers may be of one content: the first to end takes away its own offer only.
    by_root: Arc<RwLock<HashMap<Root, Vec<OfOne>>>>,
}

/// What one transfer offers under a root.
type OfOne = (TransferId, Offer);

/// A content that is offered.
#[derive(Debug, Clone)]
pub(super) enum Offer {
    /// A file that arrives, or one of many.
    File(Part),
    /// The list of a collection, which is here.
    List(Manifest, Arc<Whole>),
    /// All the files of a collection; only to be followed.
    Files(Arc<Held>),
}

/// A file of a store.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) transfer: Arc<Transfer>,
    pub(super) store: Arc<Store>,
    pub(super) file: usize,
    /// What is said of it; not of the files of a collection.
    pub(super) manifest: Option<Manifest>,
    /// The last block with its proof, as it came when the size was proven: whoever joins wants it
    /// first, and nobody else may have it.
    pub(super) last: Option<Arc<Vec<u8>>>,
}

/// A content in memory, with its pairs.
#[derive(Debug)]
pub(in crate::application) struct Whole {
    data: Vec<u8>,
    pairs: Vec<u8>,
}

impl Whole {
    /// Some bytes, ready to be proven.
    #[must_use]
    pub(in crate::application) fn new(data: Vec<u8>) -> Self {
        let mut pairs = Vec::new();
        if !data.is_empty() {
            let tree = Tree::new(data.len() as u64);
            tree.subtree(&tree.block_cvs(0, &data), &mut pairs);
        }
        Self { data, pairs }
    }
}

impl Offers {
    pub(super) fn add(
        &self,
        transfer: TransferId,
        offers: impl IntoIterator<Item = (Root, Offer)>,
    ) -> Offered {
        let mut all = self.by_root.write().unwrap_or_else(PoisonError::into_inner);
        let roots: Vec<Root> = offers
            .into_iter()
            .map(|(root, offer)| {
                all.entry(root).or_default().push((transfer, offer));
                root
            })
            .collect();
        Offered { offers: self.clone(), transfer, roots }
    }

    /// What is offered under a root, to be described.
    #[must_use]
    pub fn by_root(&self, root: &Root) -> Option<Manifest> {
        match self.get(root)? {
            Offer::File(part) => part.manifest,
            Offer::List(manifest, _) => Some(manifest),
            Offer::Files(_) => None,
        }
    }

    /// What is offered under a SHA-1, as it is said to be: it is not complete.
    #[must_use]
    pub fn by_sha1(&self, sha1: &Sha1Hash) -> Vec<Manifest> {
        let all = self.by_root.read().unwrap_or_else(PoisonError::into_inner);
        let offers = all.values().filter_map(|offers| offers.last());
        let manifests = offers.filter_map(|(_, offer)| match offer {
            Offer::File(part) => part.manifest.as_ref(),
            Offer::List(manifest, _) => Some(manifest),
            Offer::Files(_) => None,
        });
        manifests.filter(|manifest| manifest.content.sha1 == *sha1).cloned().collect()
    }

    /// Opens what is offered.
    #[must_use]
    pub fn open(&self, root: &Root) -> Option<Arc<dyn Readable>> {
        match self.get(root)? {
            Offer::File(part) => Some(Arc::new(part)),
            Offer::List(_, whole) => Some(whole),
            Offer::Files(_) => None,
        }
    }

    /// The spans of it that are here; `None` where it is all of it.
    #[must_use]
    pub fn held(&self, root: &Root) -> Option<Option<Arc<Held>>> {
        Some(match self.get(root)? {
            Offer::File(part) => {
                // A file of a collection is not followed by itself.
                part.manifest.as_ref()?;
                Some(part.store.held().clone())
            }
            Offer::List(..) => None,
            Offer::Files(held) => Some(held),
        })
    }

    /// Bytes were given to others.
    pub fn sent(&self, root: &Root, bytes: u64) {
        if let Some(Offer::File(part)) = self.get(root) {
            part.transfer.uploaded.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn get(&self, root: &Root) -> Option<Offer> {
        let all = self.by_root.read().unwrap_or_else(PoisonError::into_inner);
        all.get(root)?.last().map(|(_, offer)| offer.clone())
    }
}

/// Announces a content from its first span on, for as long as it is awaited. Never ends.
pub(super) async fn announce(inner: &Inner, store: &Store, content: ContentId) {
    let Some(announcer) = inner.parts.announcer.clone() else {
        return std::future::pending().await;
    };
    let mut count = store.held().count();
    if count.wait_for(|count| *count > 0).await.is_ok() {
        announcer.add_content(content).await;
        let _withdrawn = Announced { announcer, content };
        std::future::pending::<()>().await;
    }
    std::future::pending().await
}

/// Withdraws a content when it is dropped.
struct Announced {
    announcer: Announcer,
    content: ContentId,
}

impl Drop for Announced {
    fn drop(&mut self) {
        let (announcer, content) = (self.announcer.clone(), self.content);
        tokio::spawn(async move { announcer.remove_content(content).await });
    }
}

/// Takes the offers back when it is dropped.
#[derive(Debug)]
pub(super) struct Offered {
    offers: Offers,
    transfer: TransferId,
    roots: Vec<Root>,
}

impl Drop for Offered {
    fn drop(&mut self) {
        let mut all = self.offers.by_root.write().unwrap_or_else(PoisonError::into_inner);
        for root in &self.roots {
            if let Some(offers) = all.get_mut(root) {
                offers.retain(|(transfer, _)| *transfer != self.transfer);
                if offers.is_empty() {
                    all.remove(root);
                }
            }
        }
    }
}

impl Readable for Part {
    fn size(&self) -> u64 {
        self.store.plan().layout.files()[self.file].size
    }

    fn read(&self, blocks: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        match (self.store.read(self.file, blocks.clone(), out), &self.last) {
            (Err(error), Some(last))
                if error.kind() == io::ErrorKind::NotFound
                    && blocks.start + 1 == blocks.end
                    && blocks.end == Tree::new(self.size()).blocks() =>
            {
                out.extend_from_slice(last);
                Ok(())
            }
            (read, _) => read,
        }
    }

    fn found_changed(&self) {
        tracing::warn!(file = self.file, "a file that arrives cannot be read back");
    }
}

impl Readable for Whole {
    fn size(&self) -> u64 {
        self.data.len() as u64
    }

    fn read(&self, blocks: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        let at = |byte: u64| usize::try_from(byte.min(self.size())).map_err(io::Error::other);
        for parent in Tree::new(self.size()).parents(blocks.clone()) {
            let start = usize::try_from(parent.index).map_err(io::Error::other)? * PAIR;
            out.extend_from_slice(&self.pairs[start..start + PAIR]);
        }
        out.extend_from_slice(&self.data[at(blocks.start * BLOCK)?..at(blocks.end * BLOCK)?]);
        Ok(())
    }

    fn found_changed(&self) {}
}
