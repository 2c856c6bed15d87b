//! One file of the library: its state, its row, its part of the totals.

use std::{path::Path, sync::Arc};

use crate::{
    application::{
        catalog::{Catalog, Number, Prepared, SharedFile},
        message::{ShareRow, ShareState, ShareTotals},
    },
    domain::Untrusted,
    network::content::hash::Stamp,
};

use super::name;

/// A hashed file, ready for the catalog, and how many keys it has.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub(super) prepared: Prepared,
    pub(super) keys: u32,
}

impl Described {
    /// Cuts a file into words and counts its keys, which takes a hash for each: not under a lock.
    pub(super) fn new(catalog: &Catalog, file: SharedFile) -> Self {
        let keys = u32::try_from(file.manifest.keys().len()).unwrap_or(u32::MAX);
        Self { prepared: catalog.prepare(file), keys }
    }

    /// The file.
    pub(super) fn file(&self) -> &SharedFile {
        &self.prepared.file
    }
}

/// A file that is shared, or will be.
#[derive(Debug)]
pub(super) struct LibraryFile {
    /// The shared path it belongs to.
    pub(super) root: Arc<Path>,
    /// What it looked like when it was last found or hashed.
    pub(super) stamp: Stamp,
    /// The last scan that found it.
    pub(super) scan: u64,
    /// How often it changed while it was read.
    pub(super) attempts: u8,
    pub(super) state: State,
}

/// How far a file is.
#[derive(Debug)]
pub(super) enum State {
    /// It is in the queue.
    Waiting,
    /// A worker has it, and has read so many bytes.
    Hashing { job: u64, read: u64 },
    /// It is in the catalog under this number, and so many of its keys are announced.
    Served { number: Number, keys: u32, announced: u32 },
    /// It cannot be read, and why.
    Failed(Box<str>),
}

impl LibraryFile {
    /// What a client sees of the file.
    pub(super) fn row(&self, path: &Path, catalog: &Catalog) -> ShareRow {
        let row = ShareRow {
            path: path.to_owned(),
            root: self.root.to_path_buf(),
            name: Untrusted::new(name::of(path)),
            size: self.stamp.size,
            media_type: None,
            tags: Default::default(),
            content: None,
            state: ShareState::Waiting,
        };
        match &self.state {
            State::Waiting => row,
            State::Hashing { read, .. } => {
                let (done, size) = (*read, self.stamp.size);
                ShareRow { state: ShareState::Hashing { done, size }, ..row }
            }
            State::Failed(reason) => {
                ShareRow { state: ShareState::Failed { reason: reason.to_string() }, ..row }
            }
            State::Served { number, keys, announced } => {
                let file = catalog.get(*number).map(|file| file.manifest);
                let content = file.as_ref().map(|manifest| manifest.content);
                let (media_type, tags) =
                    file.map(|manifest| (manifest.media_type, manifest.tags)).unwrap_or_default();
                let (done, keys) = (*announced, *keys);
                let state = match done < keys {
                    true => ShareState::Announcing { done, keys },
                    false => ShareState::Announced { keys },
                };
                ShareRow { media_type, tags, content, state, ..row }
            }
        }
    }

    /// Adds the file to the totals, or takes it out.
    pub(super) fn count(&self, totals: &mut ShareTotals, apply: fn(&mut u64, u64)) {
        let size = self.stamp.size;
        match &self.state {
            State::Waiting => {
                apply(&mut totals.to_hash, 1);
                apply(&mut totals.bytes_to_hash, size);
            }
            State::Hashing { read, .. } => {
                apply(&mut totals.to_hash, 1);
                apply(&mut totals.bytes_to_hash, size.saturating_sub(*read));
            }
            State::Served { keys, announced, .. } => {
                apply(&mut totals.files, 1);
                apply(&mut totals.bytes, size);
                apply(&mut totals.keys, u64::from(*keys));
                apply(&mut totals.keys_announced, u64::from(*announced));
            }
            State::Failed(_) => apply(&mut totals.failed, 1),
        }
    }
}

/// Puts into a sum.
pub(super) fn add(sum: &mut u64, part: u64) {
    *sum += part;
}

/// Takes out of a sum.
pub(super) fn subtract(sum: &mut u64, part: u64) {
    *sum -= part;
}
