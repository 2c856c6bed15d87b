//! Shared files, read in windows, and the files and folders they were shared by.

use std::path::{Path, PathBuf};

use crate::application::message::{RootRow, ShareRow};

use super::list::{Row, Windowed};

/// What the pane of shared files knows.
#[derive(Debug, Default)]
pub(crate) struct SharesPane {
    /// The files.
    pub(crate) list: Windowed<ShareRow>,
    /// What was shared, as it was named.
    pub(crate) roots: Vec<RootRow>,
    /// The state of the list that the roots were read for.
    roots_of: Option<u64>,
}

impl Row for ShareRow {
    type Key = PathBuf;

    fn key(&self) -> PathBuf {
        self.path.clone()
    }

    fn text(&self) -> String {
        let tags = [&self.tags.artist, &self.tags.title, &self.tags.album];
        let tags: Vec<&str> = tags.into_iter().flatten().map(String::as_str).collect();
        format!("{} {}", self.path.display(), tags.join(" "))
    }
}

impl SharesPane {
    /// Whether the roots should be read now; the answer is taken as a promise to do so.
    pub(super) fn begin_roots(&mut self, generation: u64) -> bool {
        let due = self.roots_of != Some(generation);
        self.roots_of = Some(generation);
        due
    }

    /// The roots could not be asked for; they are with whatever happens next.
    pub(super) fn roots_refused(&mut self) {
        self.roots_of = None;
    }

    /// Files in a shared folder, if the path is one.
    pub(crate) fn folder(&self, path: &Path) -> Option<&RootRow> {
        self.roots.iter().find(|root| root.path == path)
    }
}
