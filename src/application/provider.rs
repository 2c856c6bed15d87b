//! What peers are served from: the catalog, as the content and index protocols want to see it.

use std::{io, path::PathBuf, sync::Arc};

use super::{
    catalog::{Catalog, Changed, SharedFile},
    indexing::IndexingService,
};
use crate::{
    domain::{Manifest, Query, Root, Sha1Hash},
    network::{
        content::{
            hash::{Outboard, is_shortage, open_outboard},
            proof::Provable,
            serve::{Provides, Readable},
        },
        index::Answerer,
    },
};

/// Answers peers from what this node shares.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) catalog: Catalog,
    pub(super) indexing: IndexingService,
    pub(super) data_dir: PathBuf,
}

impl Answerer for Provider {
    fn answer(&self, query: &Query, limit: usize) -> (Vec<Manifest>, u64) {
        // One more than may be sent tells that there are more.
        let mut rows = self.catalog.answer(query, limit.saturating_add(1));
        let matching = rows.len() as u64;
        rows.truncate(limit);
        (rows, matching)
    }
}

impl Provides for Provider {
    fn describe_sha1(&self, sha1: &Sha1Hash) -> Vec<Manifest> {
        self.catalog.by_sha1(sha1).iter().map(|file| file.manifest.clone()).collect()
    }

    fn describe_root(&self, root: &Root) -> Vec<Manifest> {
        self.catalog.by_root(root).iter().map(|file| file.manifest.clone()).collect()
    }

    fn open(&self, root: &Root) -> Option<Box<dyn Readable>> {
        let file = self.catalog.by_root(root)?;
        match self.open_file(&file) {
            Ok(content) => Some(Box::new(content)),
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

impl Readable for Opened {
    fn size(&self) -> u64 {
        self.shared.manifest.content.size
    }

    fn read(&self, part: &Provable) -> io::Result<Vec<u8>> {
        let pairs = self.outboard.proof(&self.file, part.blocks())?;
        part.encode_with(&self.file, &self.shared.manifest.content.root, &pairs)
    }

    fn found_changed(&self) {
        self.indexing.mark_changed(&self.shared.path);
    }
}
