//! What peers are served from: the catalog, as the content and index protocols want to see it.

use std::{io, ops::Range, os::unix::fs::FileExt, path::PathBuf, sync::Arc};

use super::{
    catalog::{Catalog, Changed, SharedFile},
    collections::Collections,
    indexing::IndexingService,
    seeding::SeedingService,
    transfers::Offers,
};
use crate::{
    domain::{Manifest, Query, Root, Sha1Hash, blocks::BLOCK},
    network::{
        content::{
            hash::{Outboard, Stamp, is_shortage, open_outboard},
            serve::{Holdings, Provides, Readable},
        },
        index::Answerer,
    },
};

/// Answers peers from what this node shares.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) catalog: Catalog,
    pub(super) indexing: IndexingService,
    /// What is shared until a goal is reached.
    pub(super) seeding: SeedingService,
    /// Folders that have a link.
    pub(super) collections: Collections,
    /// What arrives, and is offered meanwhile.
    pub(super) offers: Offers,
    pub(super) data_dir: PathBuf,
}

impl Answerer for Provider {
    fn answer(&self, query: &Query, limit: usize) -> (Vec<Manifest>, u64) {
        // One more than may be sent tells that there are more.
        let mut rows = self.catalog.answer(query, limit.saturating_add(1));
        rows.extend(self.collections.answer(query, limit.saturating_add(1)));
        let matching = rows.len() as u64;
        rows.truncate(limit);
        (rows, matching)
    }
}

impl Provides for Provider {
    fn describe_sha1(&self, sha1: &Sha1Hash) -> Vec<Manifest> {
        let shared = self.catalog.by_sha1(sha1);
        let mut found: Vec<_> = shared.iter().map(|file| file.manifest.clone()).collect();
        found.extend(self.collections.by_sha1(sha1));
        found.extend(self.offers.by_sha1(sha1));
        found
    }

    fn describe_root(&self, root: &Root) -> Vec<Manifest> {
        let shared = self.catalog.by_root(root).map(|file| file.manifest.clone());
        let listed = || self.collections.by_root(root).or_else(|| self.offers.by_root(root));
        shared.or_else(listed).into_iter().collect()
    }

    fn open(&self, root: &Root) -> Option<Arc<dyn Readable>> {
        let Some(file) = self.catalog.by_root(root) else {
            let list = self.collections.open_list(root).map(|list| list as Arc<dyn Readable>);
            return list.or_else(|| self.offers.open(root));
        };
        match self.open_file(&file) {
            Ok(content) => Some(Arc::new(content)),
            Err(error) => {
                tracing::info!(path = ?file.path, %error, "a shared file cannot be served");
                // Too many connections are no reason to read a library again.
                if !is_shortage(&error) {
                    self.indexing.mark_changed(&file.path);
                }
                None
            }
        }
    }

    fn holdings(&self, root: &Root) -> Holdings {
        if self.catalog.by_root(root).is_some() {
            return Holdings::All;
        }
        if let Some(holdings) = self.collections.holdings(root) {
            return holdings;
        }
        self.offers
            .held(root)
            .map_or(Holdings::Nothing, |held| held.map_or(Holdings::All, Holdings::Growing))
    }

    fn sent(&self, root: &Root, bytes: u64) {
        self.offers.sent(root, bytes);
        self.seeding.sent(root, bytes);
    }
}

/// A shared file with what proves its parts.
struct Opened {
    shared: Arc<SharedFile>,
    indexing: IndexingService,
    file: std::fs::File,
    outboard: Outboard,
}

impl Provider {
    fn open_file(&self, shared: &Arc<SharedFile>) -> io::Result<Opened> {
        let file = shared.open_unchanged().map_err(|changed| match changed {
            Changed::Open(_, error) => error,
            stamp @ Changed::Stamp(_) => io::Error::other(stamp),
        })?;
        let outboard = open_outboard(&self.data_dir, &shared.manifest.content)?;
        let (shared, indexing) = (shared.clone(), self.indexing.clone());
        Ok(Opened { shared, indexing, file, outboard })
    }
}

impl Opened {
    /// Whether the file is still what was hashed.
    fn check(&self) -> io::Result<()> {
        if Stamp::of(&self.file.metadata()?) == self.shared.stamp {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "it changed since it was hashed"))
    }
}

impl Readable for Opened {
    fn size(&self) -> u64 {
        self.shared.manifest.content.size
    }

    fn read(&self, blocks: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        let bytes = blocks.start * BLOCK..(blocks.end * BLOCK).min(self.size());
        let length = usize::try_from(bytes.end - bytes.start).map_err(io::Error::other)?;
        out.extend_from_slice(&self.outboard.proof(&self.file, blocks)?);
        let start = out.len();
        out.resize(start + length, 0);
        self.file.read_exact_at(&mut out[start..], bytes.start)?;
        // Looked at after the bytes were read: what is sent was read from the file that was hashed.
        self.check()
    }

    fn found_changed(&self) {
        self.indexing.mark_changed(&self.shared.path);
    }
}
