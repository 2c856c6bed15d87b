//! What can be read of the library.

use std::{path::Path, sync::Arc};

use super::{Library, State};
use crate::{
    application::message::{Page, RootRow, ShareRow, ShareTotals, Window},
    domain::{ContentId, Manifest},
};

impl Library {
    /// Grows with every change.
    pub(in super::super) fn generation(&self) -> u64 {
        self.generation
    }

    /// The sums over all files.
    pub(in super::super) fn totals(&self) -> ShareTotals {
        self.totals
    }

    /// Whether a file waits to be hashed.
    pub(in super::super) fn has_job(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether there is something to tell.
    pub(in super::super) fn has_change(&self) -> bool {
        !self.untold.is_empty()
    }

    /// Whether a file is shared.
    pub(in super::super) fn contains(&self, path: &Path) -> bool {
        self.get(path).is_some()
    }

    /// Some of the files, by path.
    pub(in super::super) fn rows(&self, window: Window) -> Page<ShareRow> {
        // Rows are made of the window only, not of what is passed over.
        let page = window.page(self.files.iter(), self.generation);
        let rows =
            page.rows.into_iter().map(|(place, file)| file.row(&place.0, &self.catalog)).collect();
        Page { offset: page.offset, total: page.total, generation: page.generation, rows }
    }

    /// One file.
    pub(in super::super) fn row(&self, path: &Path) -> Option<ShareRow> {
        self.get(path).map(|file| file.row(path, &self.catalog))
    }

    /// What others see of a file, once it is hashed.
    pub(in super::super) fn manifest(&self, path: &Path) -> Option<Manifest> {
        let State::Served { number, .. } = self.get(path)?.state else { return None };
        self.catalog.get(number).map(|file| file.manifest)
    }

    /// The files beneath a folder, and what those are that are hashed.
    pub(in super::super) fn contents_beneath(
        &self,
        folder: &Path,
    ) -> Vec<(Arc<Path>, Option<ContentId>)> {
        let paths = self.beneath(folder).into_iter();
        paths.map(|path| (path.clone(), self.manifest(&path).map(|file| file.content))).collect()
    }

    /// The shared paths.
    pub(in super::super) fn root_rows(&self) -> Vec<RootRow> {
        self.roots.iter().map(|(path, root)| root.row(path)).collect()
    }

    /// One shared path.
    pub(in super::super) fn root_row(&self, path: &Path) -> Option<RootRow> {
        self.roots.get(path).map(|root| root.row(path))
    }
}
